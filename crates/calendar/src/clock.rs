//! The clock of a duty: from when it runs, what stopped it, set it going again, began it anew or
//! gave it more time. The date is never kept here: it always follows ([`Clock::derive`]).
//!
//! Which days count:
//! - The day on which a count begins does not, nor does the day of a restart: a restart is a
//!   beginning (民法典第二百零一条; 政府信息公开条例第三十条: 答复期限自收到补正的申请之日起重新计算).
//! - Time stopped does not (同条例第三十三条: 征求意见所需时间不计算在内). A day belongs to the state in
//!   which it ends, since a term ends at the end of a day (民法典第二百零三条): the day of stopping is
//!   not counted, the day of resuming is. So what is stopped and resumed on one day stands still for
//!   no day, and a stop from a Monday to the Monday after takes out five working days. Neither
//!   provision says so of broken days; this is our reading.
//! - A term in hours is stopped and resumed by the instant.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::counting::Roll;
use crate::span::Span;

/// The most turns that one clock may take, so that a row stays small and a derivation short.
pub const MAX_TURNS: usize = 100;

/// A day, for what is counted in days; an instant, for what is counted in hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Moment {
    /// A civil date in the ledger's zone.
    Day(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl Moment {
    /// The day, if it is one.
    pub fn day(self) -> Option<NaiveDate> {
        match self {
            Moment::Day(day) => Some(day),
            Moment::Instant(_) => None,
        }
    }

    /// The instant, if it is one.
    pub fn instant(self) -> Option<DateTime<Utc>> {
        match self {
            Moment::Day(_) => None,
            Moment::Instant(at) => Some(at),
        }
    }
}

/// What a clock counts towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The end of a day that somebody named. What is stopped is added in working days.
    Date(NaiveDate),
    /// A term in days after `from`, which itself is not counted.
    Days {
        /// Day zero.
        from: NaiveDate,
        /// How long.
        term: Span,
        /// What becomes of an end on a rest day.
        #[serde(default = "stands", skip_serializing_if = "is_standing")]
        roll: Roll,
    },
    /// A term in hours.
    Hours {
        /// From this instant.
        from: DateTime<Utc>,
        /// How many.
        hours: u32,
    },
}

fn stands() -> Roll {
    Roll::None
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_standing(roll: &Roll) -> bool {
    *roll == Roll::None
}

/// Something that happened to a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When.
    pub at: Moment,
    /// What.
    pub what: What,
    /// Why, in the words of whoever did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What can happen to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It stands still from here on.
    Stopped,
    /// It runs again.
    Resumed,
    /// Counting begins anew; what was before counts no more. A named date has nothing to count and
    /// takes a new one instead.
    Restarted(Option<NaiveDate>),
    /// So much is added after the date that held.
    Extended(Span),
    /// Another date was granted.
    ExtendedTo(Moment),
    /// A date was set that is no extension, as when a submission is returned. It runs from here on.
    SetTo(Moment),
}

/// Why a turn cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ClockFault {
    /// It would come before what is there already.
    #[error("a turn at {at:?} before the one at {last:?}")]
    OutOfOrder {
        /// When it would be.
        at: Moment,
        /// When the last one was, or the count began.
        last: Moment,
    },
    /// A clock that stands still cannot be stopped.
    #[error("the clock stands still already")]
    Stopped,
    /// A clock that runs cannot be resumed.
    #[error("the clock runs")]
    Running,
    /// Days do not turn a clock of hours, nor instants one of days.
    #[error("a clock of hours takes instants, a clock of days takes days")]
    OtherMeasure,
    /// A named date can only be restarted with another one, a term only without.
    #[error("a named date is restarted with a new one, a term without")]
    RestartDate,
    /// More than [`MAX_TURNS`].
    #[error("a clock takes at most {MAX_TURNS} turns")]
    TooMany,
}

/// The clock of one duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    basis: Basis,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    turns: Vec<Turn>,
}

impl Clock {
    /// A clock to which nothing has happened.
    pub fn new(basis: Basis) -> Self {
        let turns = Vec::new();
        Self { basis, turns }
    }

    /// What it counts towards, before any restart.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// The same turns on another basis, as when a definition gives another term.
    #[must_use]
    pub fn rebased(&self, basis: Basis) -> Self {
        let turns = self.turns.clone();
        Self { basis, turns }
    }

    /// What happened to it, in order.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// What happened since it last began to count, and how it began: the restart, if there was one.
    pub(crate) fn since_start(&self) -> (Option<&Turn>, &[Turn]) {
        let restart = |turn: &Turn| matches!(turn.what, What::Restarted(_));
        match self.turns.iter().rposition(restart) {
            Some(place) => (self.turns.get(place), &self.turns[place + 1..]),
            None => (None, &self.turns),
        }
    }

    /// The basis that counts: the one after the last restart.
    pub(crate) fn present_basis(&self) -> Basis {
        let (restart, _) = self.since_start();
        match (restart, self.basis) {
            (Some(turn), basis) => match (turn.what, turn.at, basis) {
                (What::Restarted(Some(to)), ..) => Basis::Date(to),
                (_, Moment::Day(from), Basis::Days { term, roll, .. }) => {
                    Basis::Days { from, term, roll }
                }
                (_, Moment::Instant(from), Basis::Hours { hours, .. }) => {
                    Basis::Hours { from, hours }
                }
                (_, _, basis) => basis,
            },
            (None, basis) => basis,
        }
    }

    /// The turn by which it stands still, if it does.
    pub fn stop(&self) -> Option<&Turn> {
        self.turns
            .iter()
            .rev()
            .find(|turn| !matches!(turn.what, What::Extended(_) | What::ExtendedTo(_)))
            .filter(|turn| turn.what == What::Stopped)
    }

    /// Whether it stands still.
    pub fn is_stopped(&self) -> bool {
        self.stop().is_some()
    }

    /// The clock as it would be without the stop by which it stands still: its date is the one that
    /// held when it was stopped.
    #[must_use]
    pub fn before_stop(&self) -> Self {
        let mut clock = self.clone();
        if let Some(stop) = self.stop() {
            let place = clock.turns.iter().rposition(|turn| turn == stop);
            place.map(|place| clock.turns.remove(place));
        }
        clock
    }

    /// How often it was extended since it last began to count.
    pub fn extensions(&self) -> usize {
        let (_, turns) = self.since_start();
        let extends = |turn: &&Turn| matches!(turn.what, What::Extended(_) | What::ExtendedTo(_));
        turns.iter().filter(extends).count()
    }

    /// Whether its date was given by somebody and does not only follow from its basis.
    pub fn is_granted(&self) -> bool {
        let (restart, turns) = self.since_start();
        let given = |turn: &Turn| {
            matches!(
                turn.what,
                What::Extended(_) | What::ExtendedTo(_) | What::SetTo(_) | What::Restarted(Some(_))
            )
        };
        restart.into_iter().chain(turns).any(given)
    }

    /// Takes a turn.
    ///
    /// # Errors
    /// [`ClockFault`] when it cannot be; the clock is then as it was.
    pub fn take(&mut self, turn: Turn) -> Result<(), ClockFault> {
        if self.turns.len() >= MAX_TURNS {
            return Err(ClockFault::TooMany);
        }
        let hours = matches!(self.basis, Basis::Hours { .. });
        let fits = |moment: Moment| moment.instant().is_some() == hours;
        let measured = fits(turn.at)
            && match turn.what {
                What::ExtendedTo(to) | What::SetTo(to) => fits(to),
                What::Extended(_) => !hours,
                What::Stopped | What::Resumed | What::Restarted(_) => true,
            };
        if !measured {
            return Err(ClockFault::OtherMeasure);
        }
        let began = match self.basis {
            Basis::Date(_) => None,
            Basis::Days { from, .. } => Some(Moment::Day(from)),
            Basis::Hours { from, .. } => Some(Moment::Instant(from)),
        };
        let last = self.turns.last().map(|turn| turn.at).or(began);
        if let Some(last) = last.filter(|last| turn.at < *last) {
            return Err(ClockFault::OutOfOrder { at: turn.at, last });
        }
        match turn.what {
            What::Stopped if self.is_stopped() => return Err(ClockFault::Stopped),
            What::Resumed if !self.is_stopped() => return Err(ClockFault::Running),
            What::Restarted(to) if to.is_some() != matches!(self.basis, Basis::Date(_)) => {
                return Err(ClockFault::RestartDate);
            }
            _ => {}
        }
        self.turns.push(turn);
        Ok(())
    }
}
