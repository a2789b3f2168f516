//! A duty in a list, and a notice in a list.

use chrono::NaiveDate;
use duban_model::Zone;
use duban_model::definition::StepWhen;

use super::address;
use crate::access::Seen;
use crate::light::Light;
use crate::projection::{Duty, Fate, Notice, minute};
use crate::steps;
use crate::tongue::Tongue;

/// A duty in a list.
pub(crate) struct DutyRow {
    pub light: Light,
    pub late: bool,
    /// The light in words; for a grey one, why nothing runs.
    pub word: &'static str,
    pub stage: &'static str,
    pub address: String,
    pub task: String,
    pub task_address: String,
    pub title: String,
    /// The ledger's title.
    pub ledger: String,
    pub unit: String,
    pub unit_name: String,
    pub unit_address: String,
    pub role: &'static str,
    pub period: String,
    pub due: Option<String>,
    pub remains: String,
}

impl DutyRow {
    pub fn of(projection: &Seen<'_>, duty: &Duty) -> DutyRow {
        DutyRow::in_tongue(projection, duty, Tongue::Chinese)
    }

    /// The same with stage and light in a language.
    pub fn in_tongue(projection: &Seen<'_>, duty: &Duty, tongue: Tongue) -> DutyRow {
        let ledger = projection.ledger_of(duty);
        let today = projection.now().map(|now| now.date_in(ledger.zone));
        let units = projection.units();
        DutyRow {
            light: duty.light(),
            late: duty.done_late(),
            word: tongue.say(match duty.light() {
                Light::Done if duty.done_late() => "逾期完成",
                Light::Grey => duty.stage.chinese(),
                light => light.chinese(),
            }),
            stage: tongue.say(duty.stage.chinese()),
            address: address::of_obligation(&duty.id),
            task: duty.task.to_string(),
            task_address: address::of_task(&ledger.id, &duty.task),
            title: ledger
                .task(&duty.task)
                .map_or_else(String::new, |row| row.marked_title().into_owned()),
            ledger: ledger.title.clone(),
            unit: units.short(&ledger.tenant, &duty.unit).to_owned(),
            unit_name: units.name(&ledger.tenant, &duty.unit).to_owned(),
            unit_address: address::of_unit(&duty.unit),
            role: tongue.say(duty.role.chinese()),
            period: period_shown(duty, tongue),
            due: due_shown(duty, ledger.zone),
            remains: remains_in(duty, today, tongue),
        }
    }
}

/// Its period, or what it was opened for.
pub(super) fn period_shown(duty: &Duty, tongue: Tongue) -> String {
    match (duty.period, duty.occasion()) {
        (Some(period), _) => steps::period(period, tongue),
        (None, occasion) => occasion.unwrap_or_default().to_owned(),
    }
}

/// The date in force, with its minute where the term is counted in hours.
pub(crate) fn due_shown(duty: &Duty, zone: Zone) -> Option<String> {
    match (duty.due_at(), duty.due) {
        (Some(at), _) => Some(minute(at, zone)),
        (None, due) => due.map(|due| due.to_string()),
    }
}

/// How far the date is, for a duty that is not closed.
pub(super) fn remains(duty: &Duty, today: Option<NaiveDate>) -> String {
    remains_in(duty, today, Tongue::Chinese)
}

/// The same in a language.
pub(super) fn remains_in(duty: &Duty, today: Option<NaiveDate>, tongue: Tongue) -> String {
    if duty.stage.is_final() {
        return String::new();
    }
    if duty.stopped {
        return tongue.say("停止计时").to_owned();
    }
    let (Some(due), Some(today)) = (duty.due, today) else {
        return String::new();
    };
    match (due - today).num_days() {
        0 if duty.overdue => tongue.say("今天已到期").to_owned(),
        0 => tongue.say("今天到期").to_owned(),
        days if days > 0 => tongue.pick(format!("还有{days}天"), format!("{days} d left")),
        days => tongue.pick(format!("已过{}天", -days), format!("{} d over", -days)),
    }
}

/// A notice in a list.
pub(super) struct NoticeRow {
    pub at: String,
    pub kind: &'static str,
    pub class: &'static str,
    pub unit: String,
    /// The row of the ledger it is about.
    pub task: String,
    pub address: String,
    pub step: String,
    /// The unit whose people are told, if not the one that owes.
    pub to_unit: String,
    pub to: String,
    pub contact: String,
    pub fate: &'static str,
    pub fate_class: &'static str,
    pub attempts: u32,
    pub possible_duplicate: bool,
    pub reason: String,
    pub detail: String,
    pub covers: String,
}

impl NoticeRow {
    pub fn of(projection: &Seen<'_>, notice: &Notice, tongue: Tongue) -> NoticeRow {
        let ledger = notice.ledger.and_then(|place| projection.ledger_at(place));
        let tenant = ledger.map_or("", |l| l.tenant.as_str());
        let zone = ledger.map_or(Zone::SHANGHAI, |l| l.zone);
        let duty = notice.duty.and_then(|place| projection.duty_at(place));
        let covers: Vec<_> = notice
            .covers
            .iter()
            .map(|s| steps::step(s, tongue))
            .collect();
        let units = projection.units();
        NoticeRow {
            at: minute(notice.at, zone),
            kind: steps::kind(notice.kind, tongue),
            class: notice.kind.as_str(),
            unit: units.short(tenant, &notice.unit).to_owned(),
            task: duty.map_or_else(String::new, |d| d.task.to_string()),
            address: duty.map_or_else(String::new, |d| address::of_obligation(&d.id)),
            step: steps::step(&notice.step, tongue),
            to_unit: if notice.to == notice.unit {
                String::new()
            } else {
                units.short(tenant, &notice.to).to_owned()
            },
            to: notice
                .contact
                .as_ref()
                .map_or(steps::tier(notice.tier, tongue), |(_, title, _)| title)
                .to_owned(),
            contact: notice
                .contact
                .as_ref()
                .map_or_else(String::new, |(contact, ..)| contact.to_string()),
            fate: notice.fate.said(tongue),
            fate_class: notice.fate.class(),
            attempts: notice.attempts,
            possible_duplicate: notice.possible_duplicate,
            // Of a ladder's step the record says in Chinese what the step says anyway.
            reason: match (tongue, notice.step.parse::<StepWhen>()) {
                (Tongue::English, Ok(_)) => "not fulfilled yet".to_owned(),
                _ => notice.reason.to_string(),
            },
            // What a mail server says when all is well tells people nothing.
            detail: match notice.fate {
                Fate::Delivered => String::new(),
                _ => notice.detail.to_string(),
            },
            covers: covers.join(tongue.pick("、", ", ")),
        }
    }
}
