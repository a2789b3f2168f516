//! The year ahead: what is expected to be sent in each week, reckoned by whoever can and kept until
//! the log has moved on. No page waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;
use duban_model::decision::RejectionRecorded;
use duban_model::{Envelope, Timestamp, Zone};

use crate::define::Files;

/// How long until a ledger is looked at again after it was, however much the log moves.
pub const LOOK_AGAIN_AFTER: Duration = Duration::from_mins(1);
/// How long a look may take before it is given up.
pub const LOOK_WITHIN: Duration = Duration::from_secs(30);
/// Ledgers of which the year ahead is kept, in ledgers.
const LEDGERS_KEPT: usize = 64;

/// Notices expected in one week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Reminders before and on the date.
    pub reminders: u64,
    /// Escalations after it.
    pub escalations: u64,
    /// Any others.
    pub others: u64,
}

impl Expected {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.reminders + self.escalations + self.others
    }
}

/// What is expected if nobody does anything from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// By the Monday of the week, in the ledger's zone.
    pub weeks: BTreeMap<NaiveDate, Expected>,
}

/// What could be: a ledger in force played on in memory, and what would happen meanwhile.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The ledger, by id.
    pub ledger: &'a str,
    /// The last day of it, in the ledger's zone.
    pub until: NaiveDate,
    /// What would come in, each at the time that it claims; one without a time, or of a time that is
    /// past, at the beginning.
    pub events: &'a [Envelope],
    /// All texts that would be in force from the beginning on; nothing leaves those that are.
    pub files: Option<&'a Files>,
    /// At most so many lines may come of it, in notices and changes.
    pub lines: usize,
}

/// One notice of a case. The fields are those of `duban simulate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseNotice {
    /// When.
    pub at: Timestamp,
    /// `reminder`, `escalation`, `digest` ….
    pub kind: &'static str,
    /// About which duty; empty for a message that stands for several.
    pub obligation: String,
    /// Its row.
    pub task: String,
    /// Who owes.
    pub unit: String,
    /// As what.
    pub role: &'static str,
    /// `unit/contact`; empty if nobody would be told.
    pub contact: String,
    /// `mail`, `webhook` …, or `suppressed:CODE`.
    pub channel: String,
    /// Which step, e.g. `before:15wd`.
    pub step: String,
    /// Which rung.
    pub tier: &'static str,
    /// The day in force.
    pub due: String,
    /// The instant on that day, where the term is counted in hours.
    pub due_at: Option<String>,
    /// What the duty was opened for.
    pub occasion: Option<String>,
    /// Steps, or notices, that this one stands for.
    pub covers: Vec<String>,
    /// What would be missing.
    pub missing: Vec<String>,
    /// Why, in one Chinese sentence.
    pub reason: String,
    /// The hash of the text it follows from.
    pub definition: String,
    /// Its id.
    pub notice: String,
}

/// What would become of a duty at some instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseChange {
    /// When.
    pub at: Timestamp,
    /// What, as its record's type ends: `opened`, `due_soon`, `overdue`, `fulfilled` ….
    pub change: &'static str,
    /// Which duty.
    pub obligation: String,
    /// The day in force, where the record says it.
    pub due: Option<NaiveDate>,
}

/// How a case goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// The first and the last instant.
    pub span: (Timestamp, Timestamp),
    /// The ledger's zone.
    pub zone: Zone,
    /// The office.
    pub tenant: String,
    /// Notices, in order.
    pub notices: Vec<CaseNotice>,
    /// What becomes of duties, in order.
    pub changes: Vec<CaseChange>,
    /// What would be refused, in order.
    pub refused: Vec<(Timestamp, RejectionRecorded)>,
}

/// Why a case is not played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unplayed {
    /// There is no such ledger in force.
    NoLedger,
    /// The last day is before this one, on which the log stands.
    Past(NaiveDate),
    /// More lines or records than may come of it; in words.
    TooMuch(String),
    /// It took too long.
    Late,
    /// The log could not be read.
    Away,
    /// The texts cannot be deployed, for this reason.
    Texts(String),
}

/// Looks ahead.
///
/// The binary injects it, since what will be sent is decided by the services and the console knows
/// no rules. It is called on a thread of its own and may read the log.
pub trait Foresee: Send + Sync {
    /// What is expected of a ledger, as the log stands at a frame, up to the end of a day; nothing if
    /// that cannot be reckoned within the time given.
    fn foresee(
        &self,
        ledger: &str,
        as_of: u64,
        until: NaiveDate,
        within: Duration,
    ) -> Option<Foreseen>;

    /// Plays a case, as the log stands now. Nothing is appended.
    ///
    /// # Errors
    /// If it cannot be played, or not within the time given.
    fn play(&self, case: &Case<'_>, within: Duration) -> Result<Played, Unplayed>;
}

/// What is known of one ledger.
#[derive(Default)]
struct Known {
    /// Where the log stood.
    seq: u64,
    foreseen: Option<Arc<Foreseen>>,
    /// Somebody looks, or has looked a short while ago.
    resting: bool,
}

/// Records that may be read before, and decided while, looking ahead, in records: they take time and
/// memory beside the services. A ledger of the sample's size has some 80,000 in a year.
pub const LOOK_RECORDS: u64 = 1_000_000;

/// Keeps what was foreseen. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Ahead {
    foresee: Arc<dyn Foresee>,
    known: Arc<Mutex<BTreeMap<String, Known>>>,
}

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ahead").finish_non_exhaustive()
    }
}

impl Ahead {
    /// Who looks.
    pub(crate) fn foresee(&self) -> Arc<dyn Foresee> {
        Arc::clone(&self.foresee)
    }

    /// Asks whoever looks ahead.
    pub fn new(foresee: Arc<dyn Foresee>) -> Ahead {
        Ahead {
            foresee,
            known: Arc::default(),
        }
    }

    /// What was foreseen last; if the log has moved on since, somebody looks again meanwhile.
    pub(crate) fn look(&self, ledger: &str, seq: u64, until: NaiveDate) -> Option<Arc<Foreseen>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= LEDGERS_KEPT && !known.contains_key(ledger) {
            known.retain(|_, of| of.resting);
        }
        let of = known.entry(ledger.to_owned()).or_default();
        let foreseen = of.foreseen.clone();
        let stale = of.seq != seq || foreseen.is_none();
        if stale && !of.resting {
            of.resting = true;
            let (ahead, ledger) = (self.clone(), ledger.to_owned());
            tokio::spawn(async move { ahead.renew(ledger, seq, until).await });
        }
        foreseen
    }

    async fn renew(self, ledger: String, seq: u64, until: NaiveDate) {
        let (foresee, asked) = (Arc::clone(&self.foresee), ledger.clone());
        let look =
            tokio::task::spawn_blocking(move || foresee.foresee(&asked, seq, until, LOOK_WITHIN));
        let found = match look.await {
            Ok(found) => found,
            Err(fault) => {
                tracing::error!(%fault, "looking ahead failed");
                None
            }
        };
        self.put(&ledger, |of| {
            of.seq = seq;
            if let Some(found) = found {
                of.foreseen = Some(Arc::new(found));
            }
        });
        tokio::time::sleep(LOOK_AGAIN_AFTER).await;
        self.put(&ledger, |of| of.resting = false);
    }

    fn put(&self, ledger: &str, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(known.entry(ledger.to_owned()).or_default());
    }
}
