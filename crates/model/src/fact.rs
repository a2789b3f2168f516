//! What comes from outside. Strict: an unknown field is an error, a text has a limit.

use chrono::NaiveDate;
use duban_calendar::{Calendar, Period, Span};
use serde::{Deserialize, Serialize};

use crate::definition::Role;
use crate::directory::{Channel, Directory};
use crate::id::{LedgerId, NoticeId, TaskId, UnitId};
use crate::instant::Timestamp;

/// Something a unit made public (公开信息), or a new version of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// Its id at the publishing site; unique for the unit.
    pub publication: String,
    /// Who published it.
    pub unit: UnitId,
    /// What it is, in the ledger's own list of kinds.
    pub kind: String,
    /// 标题
    pub title: String,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// 主题分类
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// 发布机构
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// 文号
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// 成文日期
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<NaiveDate>,
    /// 公文时效
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
    /// Download formats offered, e.g. `html`, `pdf`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// 关联: the id of the publication or matter that it belongs to, or what it names (see
    /// [`crate::requirement::Requirement`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// A remark, e.g. that the event is made up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A publication taken down again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicationWithdrawn {
    /// The id it was published under.
    pub publication: String,
    /// The unit that had published it.
    pub unit: UnitId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Something that arose and must be dealt with, and is no publication (事由): an application, a
/// lawsuit, an incident, an effective document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matter {
    /// Its id at whoever reports it; unique for the unit.
    pub matter: String,
    /// Whose it is.
    pub unit: UnitId,
    /// What it is, in the ledger's own list of matters.
    pub kind: String,
    /// What it is called.
    pub title: String,
    /// 关联: the id of the publication or matter that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// 文号
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A matter that is none any more, or was reported by mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatterWithdrawn {
    /// The id it was reported under.
    pub matter: String,
    /// The unit it was reported for.
    pub unit: UnitId,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a unit or the office did about a duty: signed, submitted, verified, returned ….
///
/// One shape for all `task.*` events; which fields are required depends on the type and is
/// checked by the intake ([`crate::RecordType`] names it).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TaskAct {
    /// The ledger's row.
    pub task: TaskId,
    /// The unit concerned; only `task.triggered` may leave it out, meaning all units of the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitId>,
    /// Needed when the unit has several roles in the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Needed for a year-long task: which period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Needed for a duty that an event, a schedule or another duty opened, unless one only is still
    /// open: the last part of its id, or the id of the publication or matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    /// Who acted, by office or role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; required for return, waiver, extensions, and for stopping and restarting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Links to evidence (佐证).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The new date; required for triggers and, unless `extend` stands there, for extension
    /// requests and approvals; for the restart of a duty that has a named date; optional for returns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// Instead of the new date of an extension: how much is added after the date that holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend: Option<Span>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A ledger's definition texts, put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionDeployed {
    /// The ledger the texts define.
    pub ledger: LedgerId,
    /// The texts, by file name.
    pub files: Vec<DefinitionFile>,
    /// Who deployed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What must still hold, or the deployment is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expects>,
}

/// What a deployment was planned on. It is refused when that no longer holds: whoever deploys must
/// get what the plan showed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expects {
    /// The hash of the ledger's definition in force; absent means that none is. Not looked at for
    /// calendars and directories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The digest of the ledger's obligations, or for calendars and directories of all the
    /// office's; absent means that any will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obligations: Option<String>,
}

/// One text of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DefinitionFile {
    /// Its name, e.g. `tasks.yaml`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A working-day calendar, put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarDeployed {
    /// The whole table.
    pub calendar: Calendar,
    /// Who deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What must still hold, or the deployment is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expects>,
}

/// The directory of units and contacts, put in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryDeployed {
    /// The whole directory.
    pub directory: Directory,
    /// Who deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What must still hold, or the deployment is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expects: Option<Expects>,
}

/// Somebody wants a notice that was given up to be tried again, for instance since an address was
/// mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRetryRequested {
    /// The notice: the last of those that were tried.
    pub notice: NoticeId,
    /// Who wants it.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A contact chose on which of the allowed channels notices should come, and in which order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContactPreferred {
    /// The contact's unit.
    pub unit: UnitId,
    /// The contact's or leader's id within the unit.
    pub contact: String,
    /// The channels to be tried first, best first; the others that the office allows stay behind
    /// them. Empty: the office's order again.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Who chose, by office or role.
    pub by: String,
}

/// What became of one announced send; written by the effect runner, never by people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReported {
    /// The notice.
    pub notice: NoticeId,
    /// Which attempt at it, from 1.
    pub attempt: u32,
    /// What happened.
    pub outcome: Outcome,
    /// The other side's answer, or the fault, in a few words (at most 500 bytes).
    pub detail: String,
    /// The other side wants to be left alone for so long, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
}

/// The four ways a send can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The receiving service said yes.
    Delivered,
    /// It said no, and asking again will not help.
    Refused,
    /// It could not now.
    Failed,
    /// No answer came: it may or may not have been delivered.
    Unknown,
}

/// Virtual time moves. Refused unless the installation runs on a virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockAdvanced {
    /// The instant it now is.
    pub to: Timestamp,
    /// True: timers due by then fire. False: only the clock moves, so that the
    /// inputs of that instant are decided before its timers.
    pub fire: bool,
}
