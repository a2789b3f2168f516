//! What the services decide. Each record holds, by value, all that its service's `apply` needs.
//!
//! Once released, a record's shape keeps its applier: fields may be added with a default, never
//! changed or removed.

use crate::gathered::Wait;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_calendar::{Calendar, Clock, Period};
use serde::{Deserialize, Serialize};

use crate::definition::{Definition, Language, NoticeText, Role, Tier};
use crate::directory::{Channel, Directory};
use crate::fact::Outcome;
use crate::frame::Service;
use crate::id::{LedgerId, NoticeId, ObligationId, RecordId, TaskId, Tenant, TimerId, UnitId};
use crate::instant::{Timestamp, Zone};

pub use crate::clocked::ObligationClocked;
pub use crate::continuation::{Consequence, Continuation};
pub use crate::noted::{Carried, PublicationNoted};
pub use crate::notice::NoticeKind;
pub use crate::occasion::{Arose, Occasion};
pub use crate::revision::{
    LedgerRevised, ObligationRedated, ObligationReladdered, ObligationTransferred, Revision,
    RevisionPart,
};

/// An input that was not taken, and why; seen in console and metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectionRecorded {
    /// Which rule refused it, e.g. `unknown-unit`.
    pub code: String,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// How to mend it.
    pub remedy: String,
    /// The refused event's type, as far as it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_type: Option<String>,
    /// The refused event's source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_source: Option<String>,
    /// The refused event's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// The first bytes of what came, made printable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// The dedup row this leaves behind; see `intake`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Seen>,
}

/// The same event again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DuplicateRecorded {
    /// Its dedup row.
    pub seen: Seen,
    /// The record its first arrival became.
    pub first: RecordId,
    /// How often it has now come again, from 1.
    pub repeats: u64,
}

/// What the intake remembers of an event: its identity and what it said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Hash of (tenant, source, id), or of the bytes when those cannot be read.
    pub key: RecordId,
    /// Hash of the content.
    pub digest: RecordId,
}

/// A definition came into force and its ledger is active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefinitionAdopted {
    /// The hash of the deployed text.
    pub hash: String,
    /// When: the instant of its deployment, whatever was written before it.
    pub at: Timestamp,
    /// What it compiled to.
    pub definition: Definition,
}

/// A calendar came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarAdopted {
    /// For which office.
    pub tenant: Tenant,
    /// The table.
    pub calendar: Calendar,
}

/// The notifier keeps a calendar, to know working days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarNoted {
    /// The table.
    pub calendar: Calendar,
}

/// A directory came into force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryAdopted {
    /// The directory.
    pub directory: Directory,
    /// Its deployment was held to a plan, so that whoever else keeps a copy takes this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planned: bool,
}

/// A noted publication that no longer counts anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationForgotten {
    /// `unit/publication`.
    pub publication: String,
    /// Why.
    pub reason: String,
}

/// The instant by which an act is judged, and the two it was chosen from. Both are kept, since backdating is an offence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What counts.
    pub at: Timestamp,
    /// What the producer claimed.
    pub claimed: Timestamp,
    /// When it arrived.
    pub loggedat: Timestamp,
}

/// A duty came into being.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationOpened {
    /// Its id.
    pub obligation: ObligationId,
    /// When: the instant of its cause, whatever was written before it.
    pub at: Timestamp,
    /// The row.
    pub task: TaskId,
    /// Who owes.
    pub unit: UnitId,
    /// As what.
    pub role: Role,
    /// Which of the task's owner entries it came from.
    pub owner: u32,
    /// Which period of a year-long task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// The date; absent while it waits for its trigger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// The instant on that date, where the term is counted in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What it was opened for, if for one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
}

/// Something was done to an obligation that needs no further data: signed, progressed, refused ….
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationActed {
    /// Which.
    pub obligation: ObligationId,
    /// Who acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, or what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A duty was handed to a colleague of the same unit (转办), who is told about it first from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationDelegated {
    /// Which.
    pub obligation: ObligationId,
    /// To whom: the id of a contact within the unit.
    pub contact: String,
    /// What the contact is called, in the directory of that day.
    pub contact_title: String,
    /// Who handed it over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, or what was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A unit reported its duty done (报送).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationSubmitted {
    /// Which.
    pub obligation: ObligationId,
    /// Who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Links to evidence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What was said with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
    /// The instant that counts.
    pub at: Judged,
    /// After the due date?
    pub late: bool,
}

/// Sent back with a reason (退回); a bounded clock runs again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationReturned {
    /// Which.
    pub obligation: ObligationId,
    /// Who sent it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    pub reason: String,
    /// The date that now holds.
    pub due: NaiveDate,
    /// The clock by which that date is derived, where the duty has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// Accepted and struck off (销号).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationFulfilled {
    /// Which.
    pub obligation: ObligationId,
    /// How: `publications`, `verified`.
    pub how: String,
    /// Who verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The instant that counts.
    pub at: Timestamp,
    /// After the due date?
    pub late: bool,
}

/// One more publication counts towards a requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationTicked {
    /// Which.
    pub obligation: ObligationId,
    /// Which requirement, from 0.
    pub requirement: u32,
    /// `unit/publication`.
    pub publication: String,
    /// When it counts as published.
    pub at: Timestamp,
    /// The unit or item that it counts for, where each counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
}

/// A publication no longer counts (withdrawn, or changed to another kind).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationUnticked {
    /// Which.
    pub obligation: ObligationId,
    /// Which requirement, from 0.
    pub requirement: u32,
    /// `unit/publication`.
    pub publication: String,
    /// Why.
    pub reason: String,
}

/// A date moved: an approved extension, or a trigger that set it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationDated {
    /// Which.
    pub obligation: ObligationId,
    /// The date before, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// The date that now holds.
    pub to: NaiveDate,
    /// Who approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The clock by which that date is derived, where the duty has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Clock>,
}

/// A light changed because a day came: due soon (yellow), overdue (red), lapsed (encouraged, date passed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationLit {
    /// Which.
    pub obligation: ObligationId,
    /// The date it turned on.
    pub due: NaiveDate,
}

/// Somebody is to be told something about an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeRequested {
    /// About which.
    pub obligation: ObligationId,
    /// The row.
    pub task: TaskId,
    /// Who owes.
    pub unit: UnitId,
    /// As what.
    pub role: Role,
    /// What sort of notice.
    pub kind: NoticeKind,
    /// Which step: `before:15wd`, `due`, `overdue:5wd`, `catchup`, `verify:5wd` ….
    pub step: String,
    /// Which rung.
    pub tier: Tier,
    /// The unit whose people are told: the owner, the lead unit, the office, the leading group.
    pub to: UnitId,
    /// The contact of that unit who is told first, since the duty was handed to them (转办).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// The date in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// The instant on that date, where the term is counted in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What the duty was opened for, as people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<String>,
    /// Steps that this one notice stands for (late activation).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<String>,
    /// What is still missing, by requirement name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Why it is sent, in one Chinese sentence.
    pub reason: String,
}

/// A service wants to be woken. Arming a timer again moves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerArmed {
    /// Which.
    pub timer: TimerId,
    /// Who is to be woken.
    pub owner: Service,
    /// When.
    pub when: When,
    /// What for, as its owner calls it, e.g. `before:15wd`.
    pub step: String,
}

/// When a timer is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Once, at this instant.
    At(Timestamp),
    /// At each instant of a cron schedule (six fields, seconds first, weekday names only) after `after`.
    Cron {
        /// The schedule.
        expression: String,
        /// The zone whose clocks it names.
        zone: Zone,
        /// Exclusive start.
        after: Timestamp,
        /// What becomes of occurrences that passed while nothing ran.
        missed: MissedPolicy,
    },
}

/// What becomes of cron occurrences that passed while nothing ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissedPolicy {
    /// Each fires, in order.
    FireAll,
    /// The last one fires; the others are recorded as missed.
    FireLast,
}

/// A timer is no longer wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerDisarmed {
    /// Which.
    pub timer: TimerId,
    /// Whose.
    pub owner: Service,
}

/// The scheduler took a timer over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerNoted {
    /// Which.
    pub timer: TimerId,
    /// Whose.
    pub owner: Service,
    /// Its next instant.
    pub due: Timestamp,
    /// How it goes on after that.
    pub when: When,
    /// What for.
    pub step: String,
    /// The `timer.armed` record.
    pub armed: RecordId,
}

/// The scheduler let go of a timer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerDropped {
    /// Which.
    pub timer: TimerId,
    /// Whose.
    pub owner: Service,
}

/// A timer's instant came. Its owner looks again whether it still matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerFired {
    /// Which.
    pub timer: TimerId,
    /// Whose.
    pub owner: Service,
    /// The instant it was due; `loggedat` says when it fired.
    pub due: Timestamp,
    /// What for.
    pub step: String,
    /// Its next instant, for a cron schedule that goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
}

/// Occurrences of a cron schedule that passed unfired, by policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerMissed {
    /// Which.
    pub timer: TimerId,
    /// Whose.
    pub owner: Service,
    /// The first and last instant passed over, and how many.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// How many.
    pub count: u64,
}

/// What the notifier keeps of a ledger to word its notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerNoted {
    /// Which.
    pub ledger: LedgerId,
    /// 台账名称
    pub title: String,
    /// Its zone.
    pub zone: Zone,
    /// The supervising office.
    pub office: UnitId,
    /// Short title and text of each task.
    pub tasks: BTreeMap<TaskId, (String, String)>,
    /// The language of its notices.
    #[serde(default, skip_serializing_if = "Language::is_chinese")]
    pub language: Language,
    /// The office's own texts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notices: BTreeMap<NoticeKind, NoticeText>,
    /// Its calendar by id; records of earlier releases name none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub calendar: String,
    /// Rows whose notices wait for nothing.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub urgent: BTreeSet<TaskId>,
}

/// A contact's choice among the channels that the office allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactPreferenceNoted {
    /// Whose: `unit/contact`.
    pub contact: String,
    /// The channels to be tried first, best first; empty: the office's order again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// Who chose, by office or role.
    pub by: String,
}

/// One message to one contact on one channel, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeQueued {
    /// Its id.
    pub notice: NoticeId,
    /// What was asked for, by value.
    pub request: NoticeRequested,
    /// The contact: `unit/contact`.
    pub contact: String,
    /// The contact's title.
    pub contact_title: String,
    /// The channel.
    pub channel: Channel,
    /// The address on that channel; absent where the installation's configuration knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The notice about the same that did not reach its receiver, and that this one follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<NoticeId>,
    /// Who was tried before in vain, as `unit/contact@channel`, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<String>,
    /// It waits from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Wait>,
}

/// A notice that is not sent, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSuppressed {
    /// Its id.
    pub notice: NoticeId,
    /// What was asked for.
    pub request: NoticeRequested,
    /// Which rule suppressed it, e.g. `no-contact`.
    pub code: String,
    /// In one sentence.
    pub reason: String,
}

/// A send is announced. Only after this record is on the log may it be performed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeAttempted {
    /// Which notice.
    pub notice: NoticeId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// True when an earlier attempt's outcome is unknown: the receiver may see it twice.
    #[serde(default)]
    pub possible_duplicate: bool,
}

/// The receiving service said yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDelivered {
    /// Which notice.
    pub notice: NoticeId,
    /// Which attempt.
    pub attempt: u32,
    /// Its answer.
    pub detail: String,
}

/// An attempt did not succeed, or its outcome is unknown; it is tried again at `retry_at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// Which notice.
    pub notice: NoticeId,
    /// Which attempt.
    pub attempt: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// In a few words.
    pub detail: String,
    /// When it is tried again.
    pub retry_at: Timestamp,
}

/// No further attempt is made. The unit was not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeAbandoned {
    /// Which notice.
    pub notice: NoticeId,
    /// How many attempts were made.
    pub attempts: u32,
    /// Why no more.
    pub reason: String,
}
