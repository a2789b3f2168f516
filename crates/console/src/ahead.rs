//! The year ahead: what is expected to be sent in each week, reckoned by whoever can and kept until
//! the log has moved on. No page waits for it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::NaiveDate;

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
