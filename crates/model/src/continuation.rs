//! The rest of an act too long for one frame.

use chrono::NaiveDate;
use duban_calendar::Period;
use serde::{Deserialize, Serialize};

use crate::id::{LedgerId, NoticeId, ObligationId, TaskId, Tenant, UnitId};
use crate::instant::Timestamp;
use crate::occasion::{Arose, Occasion};
use crate::revision::{Revision, RevisionPart};

/// The rest of an act too long for one frame; the next input of its service before any other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "work")]
pub enum Continuation {
    /// Opening the obligations of a ledger.
    Activate {
        /// Which ledger.
        ledger: LedgerId,
        /// The next (task, owner, unit) in the definition's order, counted through.
        next: u64,
    },
    /// Opening one period's obligations.
    OpenPeriod {
        /// Which ledger.
        ledger: LedgerId,
        /// Which task.
        task: TaskId,
        /// Which period.
        period: Period,
        /// The next (owner, unit), counted through.
        next: u64,
    },
    /// What follows from what was decided: duties that an event, an instant or another duty opens,
    /// and duties that lose what they were opened for.
    Consequences {
        /// In order; the first may have begun.
        rest: Vec<Consequence>,
        /// What went on before them, and goes on after them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        then: Option<Box<Continuation>>,
    },
    /// Starting the duties of a triggered task.
    Trigger {
        /// Which ledger.
        ledger: LedgerId,
        /// Which task.
        task: TaskId,
        /// Their date.
        due: NaiveDate,
        /// Who triggered.
        by: Option<String>,
        /// The last obligation done, in id order.
        after: ObligationId,
    },
    /// Going on with the duties that one publication or matter counts for, or no longer does.
    Count {
        /// `unit/publication`, or `matter:unit/matter`.
        publication: String,
        /// Why it counts for nothing any more, if it was withdrawn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        withdrawn: Option<String>,
    },
    /// Bringing the duties of running ledgers under what has come into force.
    Revise {
        /// Which ledger.
        ledger: LedgerId,
        /// What came into force.
        because: Revision,
        /// How far it has got.
        part: RevisionPart,
    },
    /// Firing the timers due by an instant.
    Fire {
        /// By when.
        by: Timestamp,
    },
    /// Announcing again the sends whose outcome a predecessor left unknown. Only earlier releases
    /// write it; whoever takes over from one asks anew what is in doubt, so nothing is left to do.
    Resend {
        /// The last notice done, in id order.
        after: NoticeId,
    },
    /// Letting go of what maintenance held, since that is over.
    Release {
        /// Of which office.
        tenant: Tenant,
        /// The last window done, in order.
        after: String,
    },
}

/// What follows from something that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// A rule opens its duties.
    Open {
        /// Of which ledger.
        ledger: LedgerId,
        /// Which task.
        task: TaskId,
        /// What arose. Its key is made for each owner.
        occasion: Occasion,
        /// The unit that the event names, or that owes the duty before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unit: Option<UnitId>,
        /// The next (owner, unit), counted through.
        next: u64,
    },
    /// A standing duty that was fulfilled opens again.
    Again {
        /// The duty.
        of: ObligationId,
        /// When it was fulfilled.
        at: Timestamp,
    },
    /// A standing duty that was fulfilled is open again: the one after it goes.
    TakeBack {
        /// The duty.
        of: ObligationId,
    },
    /// What was opened for something goes, since that is gone or no longer meets the rule.
    Withdraw {
        /// What it was opened for.
        arose: Arose,
        /// Rules that still hold, each by ledger and task: their duties stay.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        except: Vec<(LedgerId, TaskId)>,
        /// Why, in Chinese.
        reason: String,
        /// The last one done, in id order.
        after: ObligationId,
    },
}
