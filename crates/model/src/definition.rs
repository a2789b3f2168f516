//! A compiled workflow definition, as it stands on the log once adopted.
//!
//! `rules` compiles the administrators' YAML into these values; `definition.adopted` carries
//! them, so a later release need not compile an old text the same way again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime};
use duban_calendar::{PeriodKind, Roll, Span};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decision::NoticeKind;
use crate::directory::Directory;
use crate::id::{LedgerId, TaskId, Tenant, UnitId};
use crate::instant::Zone;

pub use crate::opening::{
    EventRule, EventSort, ExtensionCap, FollowWhen, FollowsRule, MonthDay, OwnerFrom, ScheduleRule,
};
pub use crate::requirement::{About, By, Came, EachOf, Fulfilment, Requirement, share_of};
pub use crate::term::Term;

/// A ledger with its tasks and ladders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its id.
    pub ledger: LedgerId,
    /// 台账名称
    pub title: String,
    /// 印发机关
    pub issuer: String,
    /// 文号
    pub number: String,
    /// The office that supervises.
    pub tenant: Tenant,
    /// The year it plans.
    pub year: i32,
    /// 成文日期: nothing before it belongs to the ledger.
    pub issued: NaiveDate,
    /// Its last day; periods of year-long tasks end here.
    pub ends: NaiveDate,
    /// Its dates and times of day are meant in this zone.
    pub zone: Zone,
    /// The working-day calendar by id.
    pub calendar: String,
    /// The supervising office.
    pub office: UnitId,
    /// The leading group above it.
    pub leading_group: UnitId,
    /// The time of day at which notices go out.
    pub at: NaiveTime,
    /// A duty turns yellow that long before its date.
    pub yellow: Span,
    /// A claimed time that much older than its arrival is still believed.
    pub backdate: Span,
    /// Time given to mend what was returned, unless the return names a date.
    pub return_clock: Span,
    /// The office is reminded to verify after so long.
    pub verify_within: Span,
    /// Ladders by name.
    pub ladders: BTreeMap<String, Ladder>,
    /// Kinds of publication the ledger knows, with their meaning.
    pub kinds: BTreeMap<String, String>,
    /// Kinds of matter (事由) the ledger knows, with their meaning.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matters: BTreeMap<String, String>,
    /// The language of its notices.
    #[serde(default, skip_serializing_if = "Language::is_chinese")]
    pub language: Language,
    /// The office's own texts of notices, where it has some.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notices: BTreeMap<NoticeKind, NoticeText>,
    /// The rows, and the rules that belong to them.
    pub tasks: Vec<Task>,
}

/// The language of notices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// 中文
    #[default]
    #[serde(rename = "zh")]
    Chinese,
    /// English
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// Whether it is the one that is not written down.
    pub fn is_chinese(&self) -> bool {
        *self == Language::Chinese
    }
}

/// An office's own text of one sort of notice: templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeText {
    /// The subject line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl Definition {
    /// The row with this id, and its place.
    pub fn task(&self, id: &str) -> Option<(usize, &Task)> {
        self.tasks.iter().enumerate().find(|(_, t)| t.id == id)
    }

    /// The rows of the document: without the rules that only belong to one.
    pub fn rows(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().filter(|task| task.part_of.is_none())
    }
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number in the document.
    pub id: TaskId,
    /// 任务名称, upper column.
    pub section: String,
    /// 任务名称, lower column.
    pub subsection: String,
    /// A short title for lists and subjects.
    pub title: String,
    /// 具体任务, as the document words it.
    pub text: String,
    /// 责任单位, as the document words it.
    pub units_phrase: String,
    /// 完成时限, as the document words it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_phrase: Option<String>,
    /// Whether it can turn red.
    pub strength: Strength,
    /// What opens its obligations.
    pub opens: Opens,
    /// When they are due.
    pub due: DueRule,
    /// What opens later is not due before so long after its opening, whatever date `due` gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_sooner_than: Option<Span>,
    /// What becomes of a date that falls on a rest day.
    #[serde(default = "standing::roll", skip_serializing_if = "standing::is")]
    pub roll: Roll,
    /// A standing duty: once fulfilled it opens again at that instant.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Its notices leave at once, at any hour.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// The cap of approved extensions; absent means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<ExtensionCap>,
    /// The row it belongs to, if it is no row of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<TaskId>,
    /// 台账外: the document has no such row; the office added it while the ledger was running.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
    /// Who owes them, in the document's order.
    pub owners: Vec<Owner>,
    /// Cells that the document merges with the row above; their wording is that row's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedCell>,
    /// What the office must still confirm about this row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirm: Vec<String>,
}

/// Where a date stands that falls on a rest day.
mod standing {
    use duban_calendar::Roll;

    /// What it is unless something else is written.
    pub(super) fn roll() -> Roll {
        Roll::None
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(super) fn is(roll: &Roll) -> bool {
        *roll == Roll::None
    }
}

impl Task {
    /// Which owner entry a unit owes under in a role: one that names it, or else one that takes
    /// its units from events. What an event's superior is, only the directory knows.
    pub fn owner_for(&self, role: Role, unit: &str) -> Option<usize> {
        let names = |o: &Owner| o.units.iter().any(|u| u == unit);
        let by_event = |o: &Owner| o.from.is_some_and(OwnerFrom::is_by_event);
        let takes = |o: &Owner| match o.from {
            Some(OwnerFrom::Event) => o.group.is_none() || names(o),
            Some(OwnerFrom::EventSuperior) => true,
            _ => false,
        };
        let of_role = || {
            self.owners
                .iter()
                .enumerate()
                .filter(|(_, o)| o.role == role)
        };
        let named = of_role().find(|(_, o)| !by_event(o) && names(o));
        let found = named.or_else(|| of_role().find(|(_, o)| takes(o)));
        found.map(|(place, _)| place)
    }
}

/// A cell of a row that the document merges with the row above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergedCell {
    /// 责任单位
    Units,
    /// 完成时限
    Deadline,
}

/// Whether a duty binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strength {
    /// It binds.
    Required,
    /// 鼓励: it never turns red and lapses quietly.
    Encouraged,
}

/// What opens an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opens {
    /// The ledger's activation.
    Activation,
    /// The start of each period of a year-long task.
    EachPeriod(PeriodRule),
    /// 适时推进: it waits for `task.triggered`.
    Trigger,
    /// Each event that meets a rule.
    Event(EventRule),
    /// Each instant of a schedule.
    Schedule(ScheduleRule),
    /// Each duty of another task, once that is fulfilled or overdue.
    Follows(FollowsRule),
}

/// The periods of a year-long task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeriodRule {
    /// How long one is.
    pub every: PeriodKind,
    /// When each opens: a cron expression of six fields (seconds first), in the ledger's zone.
    pub cron: String,
    /// Which comes first.
    pub first: FirstPeriod,
}

/// Which period of a year-long task is the first one owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirstPeriod {
    /// The first that begins after activation.
    Full,
    /// The one that is running at activation.
    Running,
}

/// When an obligation is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DueRule {
    /// At the end of this day.
    Date(NaiveDate),
    /// At the end of the period's last day, or the ledger's if that is earlier.
    PeriodEnd,
    /// At the end of the day that the trigger names.
    Trigger,
    /// So long after its opening, the day of which is not counted; for a period, after its first
    /// day. Days last until the end of the last one, hours until that instant.
    After(Term),
    /// At the end of that day of the period, which is a year.
    MonthDay(MonthDay),
}

/// One owner entry of a task; units are resolved when the definition is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The group it came from, if from a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// From where the units are taken, if neither named nor of a group alone. With an event and a
    /// group, only events of the group's units open a duty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<OwnerFrom>,
    /// The units; those that the event must name one of, where `from` is the event; none there
    /// means any.
    pub units: Vec<UnitId>,
    /// Their role.
    pub role: Role,
    /// The ladder they climb.
    pub ladder: String,
    /// What fulfils it for them.
    pub fulfilled_by: Fulfilment,
}

/// A unit's part in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 责任
    Responsible,
    /// 牵头
    Lead,
    /// 配合
    Support,
}

impl Role {
    /// Its name in ids and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Responsible => "responsible",
            Role::Lead => "lead",
            Role::Support => "support",
        }
    }

    /// Its name in notices.
    pub fn chinese(self) -> &'static str {
        match self {
            Role::Responsible => "责任单位",
            Role::Lead => "牵头单位",
            Role::Support => "配合单位",
        }
    }
}

/// Steps before, on and after the due date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// In the order in which they come.
    pub steps: Vec<LadderStep>,
    /// After the last step, for as long as the duty stays open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderStep {
    /// When.
    pub when: StepWhen,
    /// Who is told.
    pub to: Tier,
}

/// The step that repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// How often.
    pub every: Span,
    /// Who is told.
    pub to: Tier,
}

/// When a step comes, relative to the due date: `before:15wd`, `due`, `overdue:5wd`, `before:1h`; or
/// relative to the opening, as long as nobody signed for the duty: `unsigned:3wd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepWhen {
    /// So long before.
    Before(Term),
    /// On the day itself.
    Due,
    /// So long after.
    Overdue(Term),
    /// So long after the duty opened, if it is not signed for by then (尚未签收).
    Unsigned(Term),
}

impl fmt::Display for StepWhen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepWhen::Before(term) => write!(f, "before:{term}"),
            StepWhen::Due => f.write_str("due"),
            StepWhen::Overdue(term) => write!(f, "overdue:{term}"),
            StepWhen::Unsigned(term) => write!(f, "unsigned:{term}"),
        }
    }
}

impl FromStr for StepWhen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "due" => Ok(StepWhen::Due),
            Some(("before", rest)) => Ok(StepWhen::Before(rest.parse()?)),
            Some(("overdue", rest)) => Ok(StepWhen::Overdue(rest.parse()?)),
            Some(("unsigned", rest)) => Ok(StepWhen::Unsigned(rest.parse()?)),
            _ => Err(format!(
                "`{text}` is not a step; expected before:15wd, due, overdue:5wd or unsigned:3wd"
            )),
        }
    }
}

impl Serialize for StepWhen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StepWhen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Who is told: the rungs of escalation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// 联络员
    Contact,
    /// The lead unit's contact, for a supporting unit.
    Lead,
    /// 分管负责人
    Leader,
    /// The supervising office.
    Office,
    /// 领导小组
    LeadingGroup,
}

impl Tier {
    /// Its name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Contact => "contact",
            Tier::Lead => "lead",
            Tier::Leader => "leader",
            Tier::Office => "office",
            Tier::LeadingGroup => "leading_group",
        }
    }
}

/// Every unit that `definition` names must stand in `directory`; the first that does not is returned.
pub fn unknown_unit<'a>(definition: &'a Definition, directory: &Directory) -> Option<&'a UnitId> {
    [&definition.office, &definition.leading_group]
        .into_iter()
        .chain(
            definition
                .tasks
                .iter()
                .flat_map(|t| &t.owners)
                .flat_map(|o| &o.units),
        )
        .find(|unit| !directory.units.contains_key(*unit))
}
