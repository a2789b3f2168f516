//! What a running ledger's duties become when its definition, calendar or directory changes.

use chrono::NaiveDate;
use duban_calendar::Clock;
use serde::{Deserialize, Serialize};

use crate::id::{LedgerId, ObligationId, UnitId};
use crate::instant::Timestamp;

/// A date that a changed definition moved, or would have moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationRedated {
    /// Which.
    pub obligation: ObligationId,
    /// The date before; absent while it waited for its trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The date that now holds. The same as `from` where the office had granted that date.
    pub to: NaiveDate,
    /// The instant on that date, where the term is counted in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_at: Option<Timestamp>,
    /// A standing duty that comes back is counted from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_from: Option<Timestamp>,
    /// The date in force was granted by the office (extension, return) and stays.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub granted: bool,
    /// Why, in one Chinese sentence.
    pub reason: String,
    /// The clock by which that date is derived, where the duty has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// A duty stays as it is while its ladder is derived anew: steps that were done for its date and
/// now lie ahead again are not done twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationReladdered {
    /// Which.
    pub obligation: ObligationId,
    /// The steps done for the date in force, by their names.
    pub done: Vec<String>,
}

/// A duty went over to the unit that its unit was renamed or merged into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationTransferred {
    /// Its id before.
    pub from: ObligationId,
    /// Its id from now on.
    pub to: ObligationId,
    /// Who owes it from now on.
    pub unit: UnitId,
    /// Which of the task's owner entries it comes from now.
    pub owner: u32,
    /// Why, in one Chinese sentence.
    pub reason: String,
}

/// All duties of a running ledger stand under what is now in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRevised {
    /// Which.
    pub ledger: LedgerId,
    /// The definition in force.
    pub hash: String,
}

/// What came into force for a running ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revision {
    /// Other texts.
    Definition,
    /// Another working-day calendar; further ledgers of the office follow.
    Calendar,
    /// Another directory; further ledgers of the office follow.
    Directory,
}

/// The parts of a revision, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevisionPart {
    /// Whether the ledger is touched at all.
    Begin,
    /// The schedules that open periods.
    Periods {
        /// The next task in the old and new order, counted through.
        next: u64,
    },
    /// The duties that are there.
    Duties {
        /// The last one done, in id order.
        after: ObligationId,
    },
    /// The duties that are not there yet.
    Opening {
        /// The next (task, owner, unit) in the definition's order, counted through.
        next: u64,
    },
}
