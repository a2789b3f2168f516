//! What the API answers, as types: what is written and what the OpenAPI document says of it are
//! made from the same lines.

use duban_model::{Timestamp, Zone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::Seen;
use crate::light::{Counts, Light, Stage};
use crate::page::missing;
use crate::projection::{Duty, Fate, Ledger, Line, Matter, TaskRow};

macro_rules! named {
    ($( #[$doc:meta] )* $name:ident of $from:ty { $( $variant:ident $meaning:literal, )* }) => {
        $( #[$doc] )*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $( #[doc = $meaning] $variant, )* }

        impl From<$from> for $name {
            fn from(value: $from) -> $name {
                match value { $( <$from>::$variant => $name::$variant, )* }
            }
        }
    };
}

named! {
    /// A light (红黄绿灯).
    LightName of Light {
        Red "The date has passed and the duty is not fulfilled (红灯).",
        Yellow "The date is near, or the report was sent back (黄灯).",
        Green "In time (绿灯).",
        Done "Fulfilled (完成).",
        Grey "Nothing runs: waived, withdrawn, lapsed, or waiting for its trigger (不计).",
    }
}

named! {
    /// Where a duty stands.
    StateName of Stage {
        Waiting "It sleeps until its trigger (待启动).",
        Open "Nobody has signed for it yet (待签收).",
        Accepted "Signed for (已签收).",
        Submitted "Reported; the office must verify (已报送,待核实).",
        Returned "Sent back (已退回).",
        Fulfilled "Struck off (已销号).",
        Waived "Excused (免办).",
        Lapsed "An encouraged duty whose date passed (已过期限).",
        Withdrawn "A definition or directory no longer has it (已撤销).",
    }
}

named! {
    /// What became of a notice.
    FateName of Fate {
        Requested "The rules asked for it.",
        Queued "A message is ready.",
        Attempted "A send was announced; its outcome is not known yet.",
        Delivered "The receiving service said yes.",
        Failed "An attempt failed; it is tried again.",
        Dropped "It was overtaken before it left.",
        Abandoned "No more attempts: nobody was reached.",
        Suppressed "It is not sent.",
    }
}

/// How many duties show which light.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Lights {
    red: u64,
    yellow: u64,
    green: u64,
    done: u64,
    grey: u64,
    /// Of those done, how many were late.
    late: u64,
    /// All of them.
    total: u64,
}

impl From<Counts> for Lights {
    fn from(counts: Counts) -> Lights {
        Lights {
            red: counts.of(Light::Red),
            yellow: counts.of(Light::Yellow),
            green: counts.of(Light::Green),
            done: counts.of(Light::Done),
            grey: counts.of(Light::Grey),
            late: counts.late,
            total: counts.total(),
        }
    }
}

/// An instant in an office's zone (RFC 3339).
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct At(#[schemars(extend("format" = "date-time"))] String);

impl At {
    pub(super) fn of(at: Timestamp, zone: Zone) -> At {
        At(at.shown_in(zone))
    }
}

/// A day, e.g. `2021-06-30`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Day(#[schemars(extend("format" = "date"))] String);

impl Day {
    pub(super) fn of(day: chrono::NaiveDate) -> Day {
        Day(day.to_string())
    }
}

/// A ledger (台账).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct LedgerItem {
    /// Its id.
    ledger: String,
    /// The office whose it is.
    tenant: String,
    /// 台账名称
    title: String,
    /// 印发机关
    issuer: String,
    /// 文号
    number: String,
    /// Its dates are meant in this zone, e.g. `Asia/Shanghai`.
    zone: String,
    /// The supervising unit, by id.
    office: Option<String>,
    /// The hash of the text in force.
    definition: Option<String>,
    /// How many rows the document has.
    tasks: usize,
    /// How its duties stand, as far as you may see them.
    lights: Lights,
}

impl LedgerItem {
    pub fn of(seen: &Seen<'_>, ledger: &Ledger) -> LedgerItem {
        LedgerItem {
            ledger: ledger.id.clone(),
            tenant: ledger.tenant.clone(),
            title: ledger.title.clone(),
            issuer: ledger.issuer.clone(),
            number: ledger.number.clone(),
            zone: ledger.zone.0.name().to_owned(),
            office: ledger.office.clone(),
            definition: ledger.definition.clone(),
            tasks: ledger.rows(),
            lights: seen.counts(ledger).into(),
        }
    }
}

/// A row of a ledger (任务).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct TaskItem {
    /// The ledger.
    ledger: String,
    /// Its number in the document.
    task: String,
    /// Its short title.
    title: String,
    /// 任务名称, upper column.
    section: String,
    /// 任务名称, lower column.
    subsection: String,
    /// 具体任务
    text: String,
    /// 责任单位, as the document words it.
    units_phrase: String,
    /// 完成时限, as the document words it.
    deadline_phrase: String,
    /// How its date is reckoned.
    due: String,
    /// How its duties stand, as far as you may see them.
    lights: Lights,
}

impl TaskItem {
    pub fn of(seen: &Seen<'_>, ledger: &Ledger, row: &TaskRow) -> TaskItem {
        TaskItem {
            ledger: ledger.id.clone(),
            task: row.id.clone(),
            title: row.title().to_owned(),
            section: row.section().to_owned(),
            subsection: row.subsection().to_owned(),
            text: row.text().to_owned(),
            units_phrase: row.units_phrase().to_owned(),
            deadline_phrase: row.deadline_phrase().to_owned(),
            due: row.due_words(),
            lights: seen.counts_of(ledger, row).into(),
        }
    }
}

/// One duty of one unit (责任事项).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ObligationItem {
    /// Its id.
    obligation: String,
    /// Where it is read in full.
    href: String,
    /// The ledger.
    ledger: String,
    /// The row.
    task: String,
    /// The row's short title.
    title: String,
    /// Who owes.
    unit: String,
    /// Its name in lists.
    unit_name: String,
    /// As what: `responsible`, `lead` or `support`.
    role: String,
    /// Which period of a year-long task, e.g. `2021Q3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<String>,
    /// What it was opened for, as people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    occasion: Option<String>,
    /// Where it stands.
    state: StateName,
    /// Its light.
    light: LightName,
    /// Fulfilled after its date.
    late: bool,
    /// The day in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Day>,
    /// The instant on that day, where its term is counted in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<At>,
    /// Its clock stands still.
    stopped: bool,
}

impl ObligationItem {
    pub fn of(seen: &Seen<'_>, duty: &Duty) -> ObligationItem {
        let ledger = seen.ledger_of(duty);
        ObligationItem {
            obligation: duty.id.to_string(),
            href: super::href_of(&duty.id),
            ledger: ledger.id.clone(),
            task: duty.task.to_string(),
            title: ledger
                .task(&duty.task)
                .map_or_else(String::new, |row| row.title().to_owned()),
            unit: duty.unit.to_string(),
            unit_name: seen.units().short(&ledger.tenant, &duty.unit).to_owned(),
            role: duty.role.as_str().to_owned(),
            period: duty.period.map(|period| period.to_string()),
            occasion: duty.occasion().map(ToOwned::to_owned),
            state: duty.stage.into(),
            light: duty.light().into(),
            late: duty.done_late(),
            due: duty.due.map(Day::of),
            due_at: duty.due_at().map(|at| At::of(at, ledger.zone)),
            stopped: duty.stopped,
        }
    }
}

/// A report that a duty is done (报送).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Reported {
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The instant that counts.
    at: At,
    /// The instant that the unit claims.
    claimed: At,
    /// The instant at which it arrived.
    loggedat: At,
    /// After the date?
    late: bool,
    /// Links to evidence.
    evidence: Vec<String>,
    /// What was said with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    said: Option<String>,
}

/// How a duty was fulfilled.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Fulfilled {
    /// `publications` or `verified`.
    how: String,
    /// The instant that counts.
    at: At,
    /// After the date?
    late: bool,
}

/// A later date that was asked for and is not yet decided on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Extension {
    /// The date asked for.
    to: Day,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A publication that counts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Counting {
    /// For which requirement, by its name.
    requirement: String,
    /// `unit/publication`
    publication: String,
    /// The instant that counts.
    at: At,
}

/// To whom a duty was handed (转办).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Delegate {
    /// The contact's id within the unit.
    contact: String,
    /// Its title.
    title: String,
}

/// What happens to a duty next if nobody does anything.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Next {
    at: At,
    /// The step of its ladder, e.g. `before:15wd`.
    step: String,
}

/// One duty in full.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ObligationFull {
    #[serde(flatten)]
    item: ObligationItem,
    /// Why its light is what it is, in one Chinese sentence.
    why: String,
    /// What has not come yet, in words.
    missing: Vec<String>,
    /// Publications that count.
    evidence: Vec<Counting>,
    /// The report that is to be verified, or was.
    #[serde(skip_serializing_if = "Option::is_none")]
    submitted: Option<Reported>,
    /// How it was fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    fulfilled: Option<Fulfilled>,
    /// A later date that waits for its decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    extension: Option<Extension>,
    /// Why it was sent back, waived or withdrawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// To whom it was handed.
    #[serde(skip_serializing_if = "Option::is_none")]
    delegate: Option<Delegate>,
    /// Why the unit says that it does not owe this.
    #[serde(skip_serializing_if = "Option::is_none")]
    disowned: Option<String>,
    /// What comes next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Next>,
}

impl ObligationFull {
    pub fn of(seen: &Seen<'_>, duty: &Duty) -> ObligationFull {
        let ledger = seen.ledger_of(duty);
        let at = |at| At::of(at, ledger.zone);
        let row = ledger.task(&duty.task);
        let asked = row.and_then(|row| row.fulfilled_by(duty.owner));
        let names = asked.map_or(&[][..], |asked| asked.requirements());
        let running = !duty.stage.is_final();
        ObligationFull {
            item: ObligationItem::of(seen, duty),
            why: crate::page::why(seen, ledger, duty),
            missing: missing(seen, ledger, duty),
            evidence: duty
                .ticks()
                .iter()
                .map(|tick| Counting {
                    requirement: names
                        .get(tick.requirement as usize)
                        .map_or_else(String::new, |asked| asked.name.clone()),
                    publication: tick.publication.to_string(),
                    at: at(tick.at),
                })
                .collect(),
            submitted: duty.submitted().map(|sent| Reported {
                by: sent.by.clone(),
                at: at(sent.at.at),
                claimed: at(sent.at.claimed),
                loggedat: at(sent.at.loggedat),
                late: sent.late,
                evidence: sent.evidence.clone(),
                said: sent.said.clone(),
            }),
            fulfilled: duty.done().map(|done| Fulfilled {
                how: done.how.to_string(),
                at: at(done.at),
                late: done.late,
            }),
            extension: duty.extension().map(|asked| Extension {
                to: Day::of(asked.to),
                reason: asked.reason.clone(),
            }),
            reason: duty.reason().map(ToOwned::to_owned),
            delegate: duty.delegate().map(|(contact, title)| Delegate {
                contact: contact.to_owned(),
                title: title.to_owned(),
            }),
            disowned: duty.disowned().map(ToOwned::to_owned),
            next: duty.next.as_ref().filter(|_| running).map(|next| Next {
                at: at(next.0),
                step: next.1.to_string(),
            }),
        }
    }
}

/// What a line of a history is about.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum About {
    /// The duty itself: opened, signed, submitted, returned ….
    Duty,
    /// A light changed.
    Light,
    /// Evidence came or went.
    Evidence,
    /// Somebody is told.
    Notice,
}

/// One thing that happened.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Happened {
    /// The record that says so.
    record: String,
    /// The record it was decided on.
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    /// When the log took notice.
    at: At,
    /// What it is about.
    about: About,
    /// In one Chinese sentence.
    text: String,
}

impl Happened {
    pub fn of(line: Line, zone: Zone) -> Happened {
        Happened {
            record: line.record.to_string(),
            cause: line.cause.map(|cause| cause.to_string()),
            at: At::of(line.at, zone),
            about: match line.matter {
                Matter::Duty => About::Duty,
                Matter::Light => About::Light,
                Matter::Evidence => About::Evidence,
                Matter::Notice => About::Notice,
            },
            text: line.text,
        }
    }
}

/// The history of a duty: its first lines, how many are left out, its last lines.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct HistoryItem {
    pub(super) obligation: String,
    pub(super) first: Vec<Happened>,
    /// Lines between the two that stand on the log and are not kept here.
    pub(super) left_out: u64,
    pub(super) last: Vec<Happened>,
}

/// A part of an explanation.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Section {
    pub(super) heading: String,
    pub(super) lines: Vec<String>,
}

/// Why a duty stands as it does, and why what did not happen did not, in Chinese.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct ExplanationItem {
    pub(super) obligation: String,
    pub(super) sections: Vec<Section>,
}
