//! Silences (静默) and maintenance: somebody decided that notices are not sent for a while.

use serde::{Deserialize, Serialize};

use crate::id::{LedgerId, TaskId, UnitId};
use crate::instant::Timestamp;

/// The longest silence: 92 days in milliseconds, a quarter.
pub const MAX_SILENCE_MILLIS: i64 = 92 * 24 * 3600 * 1000;
/// The longest maintenance: 7 days in milliseconds.
pub const MAX_MAINTENANCE_MILLIS: i64 = 7 * 24 * 3600 * 1000;

/// Notices that meet the scope are not sent until an instant. What goes to the supervising office is
/// sent all the same: a silence hides nothing from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceSet {
    /// Its id. Set again under the same id, it takes the place of the one before.
    pub silence: String,
    /// Of this ledger only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerId>,
    /// Of this row only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// About this unit's duties only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Maintenance (维护): nothing at all is sent to anybody, and what would have been leaves
    /// afterwards, gathered. Without it, what meets the scope is never sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub maintenance: bool,
    /// Exclusive end.
    pub until: Timestamp,
    /// Who decided so.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A silence or maintenance ends sooner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceLifted {
    /// Which.
    pub silence: String,
    /// Who decided so.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The notifier keeps a silence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceNoted {
    /// As it was set.
    pub set: SilenceSet,
    /// When.
    pub since: Timestamp,
}

/// A silence is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceEnded {
    /// Which.
    pub silence: String,
    /// Who lifted it; absent when its time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
