//! A duty in a list, and a notice in a list.

use chrono::NaiveDate;
use duban_model::Zone;

use super::address;
use crate::access::Seen;
use crate::light::{Light, kind_in_chinese, period_in_chinese, step_in_chinese, tier_in_chinese};
use crate::projection::{Duty, Fate, Notice, minute};

/// A duty in a list.
pub(crate) struct DutyRow<'a> {
    pub light: Light,
    pub late: bool,
    /// The light in words; for a grey one, why nothing runs.
    pub word: &'static str,
    pub stage: &'static str,
    pub address: String,
    pub task: &'a str,
    pub title: &'a str,
    pub unit: &'a str,
    pub unit_name: &'a str,
    pub unit_address: String,
    pub role: &'static str,
    pub period: String,
    pub due: Option<String>,
    pub remains: String,
}

impl<'a> DutyRow<'a> {
    pub fn of(projection: &Seen<'a>, duty: &'a Duty) -> DutyRow<'a> {
        let ledger = projection.ledger_of(duty);
        let today = projection.now().map(|now| now.date_in(ledger.zone));
        DutyRow {
            light: duty.light(),
            late: duty.done_late(),
            word: match duty.light() {
                Light::Done if duty.done_late() => "逾期完成",
                Light::Grey => duty.stage.chinese(),
                light => light.chinese(),
            },
            stage: duty.stage.chinese(),
            address: address::of_obligation(&duty.id),
            task: &duty.task,
            title: ledger.task(&duty.task).map_or("", |row| row.title()),
            unit: projection.units().short(&ledger.tenant, &duty.unit),
            unit_name: projection.units().name(&ledger.tenant, &duty.unit),
            unit_address: address::of_unit(&duty.unit),
            role: duty.role.chinese(),
            period: match (duty.period, duty.occasion()) {
                (Some(period), _) => period_in_chinese(period),
                (None, occasion) => occasion.unwrap_or_default().to_owned(),
            },
            due: due_shown(duty, ledger.zone),
            remains: remains(duty, today),
        }
    }
}

/// The date in force, with its minute where the term is counted in hours.
pub(super) fn due_shown(duty: &Duty, zone: Zone) -> Option<String> {
    match (duty.due_at(), duty.due) {
        (Some(at), _) => Some(minute(at, zone)),
        (None, due) => due.map(|due| due.to_string()),
    }
}

/// How far the date is, for a duty that is not closed.
pub(super) fn remains(duty: &Duty, today: Option<NaiveDate>) -> String {
    if duty.stage.is_final() {
        return String::new();
    }
    if duty.stopped {
        return "停止计时".to_owned();
    }
    let (Some(due), Some(today)) = (duty.due, today) else {
        return String::new();
    };
    match (due - today).num_days() {
        0 if duty.overdue => "今天已到期".to_owned(),
        0 => "今天到期".to_owned(),
        days if days > 0 => format!("还有{days}天"),
        days => format!("已过{}天", -days),
    }
}

/// A notice in a list.
pub(super) struct NoticeRow<'a> {
    pub at: String,
    pub kind: &'static str,
    pub class: &'static str,
    pub unit: &'a str,
    /// The row of the ledger it is about.
    pub task: &'a str,
    pub address: String,
    pub step: String,
    /// The unit whose people are told, if not the one that owes.
    pub to_unit: &'a str,
    pub to: &'a str,
    pub contact: &'a str,
    pub fate: &'static str,
    pub fate_class: &'static str,
    pub attempts: u32,
    pub possible_duplicate: bool,
    pub reason: &'a str,
    pub detail: &'a str,
    pub covers: String,
}

impl<'a> NoticeRow<'a> {
    pub fn of(projection: &Seen<'a>, notice: &'a Notice) -> NoticeRow<'a> {
        let ledger = notice.ledger.and_then(|place| projection.ledger_at(place));
        let tenant = ledger.map_or("", |l| l.tenant.as_str());
        let zone = ledger.map_or(Zone::SHANGHAI, |l| l.zone);
        let duty = notice.duty.and_then(|place| projection.duty_at(place));
        let covers: Vec<_> = notice.covers.iter().map(|s| step_in_chinese(s)).collect();
        let units = projection.units();
        NoticeRow {
            at: minute(notice.at, zone),
            kind: kind_in_chinese(notice.kind),
            class: notice.kind.as_str(),
            unit: units.short(tenant, &notice.unit),
            task: duty.map_or("", |d| &*d.task),
            address: duty.map_or_else(String::new, |d| address::of_obligation(&d.id)),
            step: step_in_chinese(&notice.step),
            to_unit: if notice.to == notice.unit {
                ""
            } else {
                units.short(tenant, &notice.to)
            },
            to: notice
                .contact
                .as_ref()
                .map_or(tier_in_chinese(notice.tier), |(_, title, _)| title),
            contact: notice.contact.as_ref().map_or("", |(contact, ..)| contact),
            fate: notice.fate.chinese(),
            fate_class: notice.fate.class(),
            attempts: notice.attempts,
            possible_duplicate: notice.possible_duplicate,
            reason: &notice.reason,
            // What a mail server says when all is well tells people nothing.
            detail: match notice.fate {
                Fate::Delivered => "",
                _ => &notice.detail,
            },
            covers: covers.join("、"),
        }
    }
}
