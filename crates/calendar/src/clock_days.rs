//! What follows from a clock: its date, and every day on the way to it with what it counted as.
//! The date is where the days end, so the reasoning cannot say another.

use std::collections::VecDeque;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::Serialize;

use crate::calendar::Calendar;
use crate::clock::{Basis, Clock, Moment, Turn, What};
use crate::clock_hours::{Stretch, derive_hours};
use crate::counting::{CountError, Roll};
use crate::explain::DayWhy;
use crate::span::{Span, SpanUnit};

/// What follows from a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Derivation {
    /// The date, or the instant of a term in hours; none while it stands still.
    pub due: Option<Moment>,
    /// What is left of it while it stands still.
    pub left: Option<Left>,
    /// Day by day, or stretch by stretch.
    pub reasoning: Reasoning,
}

/// What is left of a clock that stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// So many days, by unit, in the order in which they are counted.
    Days(Vec<(u32, &'static str)>),
    /// So many milliseconds.
    Millis(i64),
}

/// The way to the date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoning {
    /// Every day from the last beginning, or from where a named date was first touched.
    Days(Vec<ClockDay>),
    /// Every stretch from the last beginning.
    Hours(Vec<Stretch>),
}

/// One day of a clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockDay {
    /// The day.
    pub date: NaiveDate,
    /// Its weekday.
    pub weekday: Weekday,
    /// What the calendar says of it; nothing where it has no data and none was needed.
    pub why: Option<DayWhy>,
    /// What it counted as.
    pub part: Part,
    /// What happened on it, in order.
    pub turns: Vec<Turn>,
}

/// What a day counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The count begins on it, so it is not counted.
    Zero,
    /// The n-th day of the term.
    Counted(u32),
    /// The n-th day of an extension.
    Extension(u32),
    /// Before a named date: nothing is counted.
    Before,
    /// The named date.
    Named,
    /// The n-th day added for days that were stopped.
    MadeUp(u32),
    /// Not counted: a rest day.
    Rest,
    /// Not counted: the clock stood still.
    Stopped,
    /// The working day to which an end on a rest day moves.
    Rolled,
}

impl Clock {
    /// What follows from it by a calendar.
    ///
    /// # Errors
    /// [`CountError`] when a day that must be judged lies in a year without data, or the date
    /// cannot be held.
    pub fn derive(&self, calendar: &Calendar) -> Result<Derivation, CountError> {
        match self.present_basis() {
            Basis::Hours { from, hours } => Ok(derive_hours(self, from, hours)),
            basis => Walk::of(self, basis, calendar).arrive(),
        }
    }
}

/// What the days count towards.
#[derive(Clone, Copy)]
enum Goal {
    /// `done` of `span`.
    Count { span: Span, done: u32, extra: bool },
    /// A date; `owed` stopped days are still to be made up, `made` are.
    Date { to: NaiveDate, owed: u32, made: u32 },
    /// The next working day.
    Roll,
}

struct Walk<'a> {
    calendar: &'a Calendar,
    /// Which days a stop takes out.
    unit: SpanUnit,
    roll: Roll,
    goal: Goal,
    /// Extensions not begun.
    extensions: VecDeque<Span>,
    stopped: bool,
    /// The last day on which it began to run: no date lies before it.
    floor: NaiveDate,
    /// The date that held when the last extension began: no more time ends before it.
    held: NaiveDate,
    turns: &'a [Turn],
    day: NaiveDate,
    days: Vec<ClockDay>,
}

impl<'a> Walk<'a> {
    fn of(clock: &'a Clock, basis: Basis, calendar: &'a Calendar) -> Self {
        let (restart, turns) = clock.since_start();
        let began = restart.map(|turn| (turn.at.day(), turn.clone()));
        let (unit, roll, goal, day) = match basis {
            Basis::Days { from, term, roll } => {
                let goal = Goal::Count {
                    span: term,
                    done: 0,
                    extra: false,
                };
                (term.unit(), roll, goal, from)
            }
            Basis::Date(to) => {
                let goal = Goal::Date {
                    to,
                    owed: 0,
                    made: 0,
                };
                let first = turns.first().and_then(|turn| turn.at.day());
                let restarted = began.as_ref().and_then(|(day, _)| *day);
                let from = restarted.or(first).map_or(to, |day| day.min(to));
                (SpanUnit::WorkingDays, Roll::None, goal, from)
            }
            // Derived elsewhere; nothing is counted in days.
            Basis::Hours { from, .. } => {
                let to = from.date_naive();
                let goal = Goal::Date {
                    to,
                    owed: 0,
                    made: 0,
                };
                (SpanUnit::CalendarDays, Roll::None, goal, to)
            }
        };
        let mut walk = Walk {
            calendar,
            unit,
            roll,
            goal,
            extensions: VecDeque::new(),
            stopped: false,
            floor: day,
            held: day,
            turns,
            day,
            days: Vec::new(),
        };
        let part = match goal {
            Goal::Count { .. } => Part::Zero,
            _ => Part::Before,
        };
        walk.list(part);
        if let (Some((_, turn)), Some(day)) = (began, walk.days.last_mut()) {
            day.turns.push(turn);
        }
        walk
    }

    fn arrive(mut self) -> Result<Derivation, CountError> {
        self.turn();
        // A named date counts its first day like any other; a term does not count day zero.
        let mut reached = match self.goal {
            Goal::Count { span, .. } => span.n() == 0 && !self.stopped,
            _ => self.count()?,
        };
        loop {
            if reached && self.ends()? {
                return Ok(Derivation {
                    due: Some(Moment::Day(self.day)),
                    left: None,
                    reasoning: Reasoning::Days(self.days),
                });
            }
            if self.stopped && self.turns.is_empty() {
                let left = Left::Days(self.left()?);
                return Ok(Derivation {
                    due: None,
                    left: Some(left),
                    reasoning: Reasoning::Days(self.days),
                });
            }
            self.day = self.calendar.day_after(self.day)?;
            self.list(Part::Before);
            self.turn();
            reached = self.count()?;
        }
    }

    /// The day on the list, to be judged.
    fn list(&mut self, part: Part) {
        self.days.push(ClockDay {
            date: self.day,
            weekday: self.day.weekday(),
            why: self
                .calendar
                .covers(self.day)
                .then(|| self.calendar.why(self.day)),
            part,
            turns: Vec::new(),
        });
    }

    /// Takes what happened up to this day.
    fn turn(&mut self) {
        while let Some((turn, rest)) = self.turns.split_first() {
            if turn.at > Moment::Day(self.day) {
                break;
            }
            self.turns = rest;
            self.take(turn);
        }
    }

    fn take(&mut self, turn: &Turn) {
        match turn.what {
            What::Stopped => self.stopped = true,
            What::Resumed => {
                self.stopped = false;
                // Stopped and resumed on one day is as if nothing had been.
                let before = self.days.iter().rev().nth(1);
                if before.is_some_and(|day| day.part == Part::Stopped) {
                    self.floor = self.day;
                }
            }
            What::Extended(span) => self.extensions.push_back(span),
            What::ExtendedTo(to) | What::SetTo(to) => {
                if let Some(to) = to.day() {
                    self.extensions.clear();
                    self.goal = Goal::Date {
                        to,
                        owed: 0,
                        made: 0,
                    };
                }
                if matches!(turn.what, What::SetTo(_)) {
                    self.stopped = false;
                }
            }
            What::Restarted(_) => {}
        }
        if let Some(day) = self.days.last_mut() {
            day.turns.push(turn.clone());
        }
    }

    /// Whether this day is one of those that a unit counts.
    fn is_one(&self, unit: SpanUnit) -> Result<bool, CountError> {
        match unit {
            SpanUnit::WorkingDays => Ok(self.calendar.is_working_day(self.day)?),
            SpanUnit::CalendarDays => Ok(true),
        }
    }

    /// Judges the day. True if what it counts towards is reached.
    fn count(&mut self) -> Result<bool, CountError> {
        let (part, reached) = if self.stopped {
            if let Goal::Date { to, owed, made } = self.goal
                && self.day <= to
                && self.is_one(self.unit)?
            {
                let owed = owed + 1;
                self.goal = Goal::Date { to, owed, made };
            }
            (Part::Stopped, false)
        } else {
            match self.goal {
                Goal::Count { span, done, extra } => {
                    if self.is_one(span.unit())? {
                        let done = done + 1;
                        self.goal = Goal::Count { span, done, extra };
                        let part = if extra {
                            Part::Extension(done)
                        } else {
                            Part::Counted(done)
                        };
                        (part, done >= span.n())
                    } else {
                        (Part::Rest, false)
                    }
                }
                Goal::Date { to, .. } if self.day < to => (Part::Before, false),
                Goal::Date {
                    owed: 0, made: 0, ..
                } => (Part::Named, true),
                Goal::Date { to, .. } if self.day == to => (Part::Before, false),
                Goal::Date { to, owed, made } => {
                    if owed > made && self.is_one(self.unit)? {
                        let made = made + 1;
                        self.goal = Goal::Date { to, owed, made };
                        (Part::MadeUp(made), made >= owed)
                    } else {
                        (Part::Rest, false)
                    }
                }
                Goal::Roll => {
                    let worked = self.is_one(SpanUnit::WorkingDays)?;
                    let part = if worked { Part::Rolled } else { Part::Rest };
                    (part, worked)
                }
            }
        };
        if let Some(day) = self.days.last_mut() {
            day.part = part;
        }
        Ok(reached)
    }

    /// What it counts towards is reached on this day: whether that is all.
    fn ends(&mut self) -> Result<bool, CountError> {
        // A date granted or set when it had passed lies behind.
        if let Goal::Date { to, made: 0, .. } = self.goal
            && to < self.day
            && to >= self.floor
        {
            self.back_to(to);
        }
        if !matches!(self.goal, Goal::Roll) && !matches!(self.goal, Goal::Date { .. }) {
            match self.roll {
                Roll::Next if !self.calendar.is_working_day(self.day)? => {
                    self.goal = Goal::Roll;
                    return Ok(false);
                }
                Roll::Previous if !self.calendar.is_working_day(self.day)? => {
                    let to = self.calendar.roll(self.day, Roll::Previous)?;
                    if to > self.floor && to >= self.held {
                        self.back_to(to);
                    }
                }
                _ => {}
            }
        }
        // Extensions are counted on from the date that held; one may be granted when it has passed.
        // What was stopped after the clock had run out is not looked at.
        while self.extensions.is_empty() {
            let Some((turn, rest)) = self.turns.split_first() else {
                return Ok(true);
            };
            self.turns = rest;
            let (What::ExtendedTo(_) | What::SetTo(_) | What::Extended(_)) = turn.what else {
                continue;
            };
            self.take(turn);
            if let Goal::Date { to, .. } = self.goal
                && !matches!(turn.what, What::Extended(_))
            {
                if to > self.day {
                    return Ok(false);
                }
                self.back_to(to);
            }
        }
        let Some(span) = self.extensions.pop_front() else {
            return Ok(true);
        };
        // Nothing more: the date that held holds, and is not rolled again.
        if span.n() == 0 {
            return self.ends();
        }
        self.held = self.day;
        self.goal = Goal::Count {
            span,
            done: 0,
            extra: true,
        };
        Ok(false)
    }

    /// The days after `to` are none of its days.
    fn back_to(&mut self, to: NaiveDate) {
        if to >= self.day {
            return;
        }
        while self.days.len() > 1 && self.days.last().is_some_and(|day| day.date > to) {
            let turns = self.days.pop().map(|day| day.turns).unwrap_or_default();
            if let Some(day) = self.days.last_mut() {
                day.turns.extend(turns);
            }
        }
        self.day = self.days.last().map_or(to, |day| day.date);
    }

    /// What is left while it stands still.
    fn left(&self) -> Result<Vec<(u32, &'static str)>, CountError> {
        let mut left: Vec<(u32, &'static str)> = Vec::new();
        let mut add = |n: u32, unit: SpanUnit| {
            let unit = match unit {
                SpanUnit::WorkingDays => "wd",
                SpanUnit::CalendarDays => "d",
            };
            match left.last_mut() {
                Some((sum, same)) if *same == unit => *sum += n,
                _ => left.push((n, unit)),
            }
        };
        match self.goal {
            Goal::Count { span, done, .. } => add(span.n() - done, span.unit()),
            Goal::Date { to, owed, made } => {
                // The day of the stop is among those owed already.
                let ahead = if to <= self.day {
                    0
                } else if self.unit == SpanUnit::WorkingDays {
                    self.calendar.working_days_between(self.day, to)?
                } else {
                    to.signed_duration_since(self.day).num_days()
                };
                add(u32::try_from(ahead).unwrap_or(0) + owed - made, self.unit);
            }
            Goal::Roll => add(0, self.unit),
        }
        for span in &self.extensions {
            add(span.n(), span.unit());
        }
        Ok(left)
    }
}
