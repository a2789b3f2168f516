//! What the overview shows at a glance, gathered from the counts that the projection keeps: what
//! waits for the office, what is due this week, what turned red, what escalates, and the year ahead.

use std::collections::BTreeMap;

use chrono::{Datelike, Days, NaiveDate};
use duban_model::definition::Tier;

use super::chart::{self, Chart, Week};
use super::column::tally;
use super::row::DutyRow;
use super::select::section_of;
use super::{address, heat};
use crate::access::Seen;
use crate::ahead::Foreseen;
use crate::light::{Counts, Light, tier_in_chinese};
use crate::projection::{Agenda, Awaited, Ledger, minute};
use crate::tongue::Tongue;

/// Duties named in one list of the overview, in duties; the table has them all.
const NAMED: usize = 6;
/// Units named, in units: those with most reds.
const UNITS_NAMED: usize = 15;
/// Sections in the chart, in sections.
const SECTIONS_NAMED: usize = 20;
/// Weeks of the year ahead.
const WEEKS: u64 = 53;

/// A name, its counts, and where its duties are listed.
pub(super) struct Part {
    pub name: String,
    pub counts: Counts,
    pub address: String,
}

/// Something that waits for the office.
pub(super) struct Waiting {
    pub what: Awaited,
    pub count: usize,
    pub address: String,
    pub named: Vec<DutyRow>,
}

/// A day of this week.
pub(super) struct DueDay {
    pub day: NaiveDate,
    pub weekday: &'static str,
    pub is_today: bool,
    pub counts: Counts,
    pub address: String,
}

/// A duty that turned red, and when.
pub(super) struct Reddened {
    pub at: String,
    pub row: DutyRow,
}

/// Duties of which one rung was told.
pub(super) struct Rung {
    pub tier: &'static str,
    pub count: usize,
}

/// A week in the table beside the chart.
pub(super) struct WeekRow {
    pub monday: NaiveDate,
    pub due: Counts,
    pub reminders: u64,
    pub escalations: u64,
    pub address: String,
}

/// All of it.
pub(super) struct Glance {
    pub waiting: Vec<Waiting>,
    pub waiting_total: usize,
    pub days: Vec<DueDay>,
    pub week: Counts,
    pub week_address: String,
    pub red_today: u64,
    pub red_week: u64,
    pub reddened: Vec<Reddened>,
    pub rungs: Vec<Rung>,
    pub escalated_total: usize,
    pub escalated: Vec<DutyRow>,
    pub sections: Vec<Part>,
    pub sections_chart: Chart,
    pub units: Vec<Part>,
    pub units_total: usize,
    pub units_chart: Chart,
    pub ahead: Vec<WeekRow>,
    pub ahead_chart: Chart,
    /// Whether the notices ahead are reckoned, too.
    pub foreseen: bool,
    /// Whether somebody looks ahead at all.
    pub looks: bool,
}

fn weekday(day: NaiveDate, tongue: Tongue) -> &'static str {
    const NAMES: [(&str, &str); 7] = [
        ("周一", "Mon"),
        ("周二", "Tue"),
        ("周三", "Wed"),
        ("周四", "Thu"),
        ("周五", "Fri"),
        ("周六", "Sat"),
        ("周日", "Sun"),
    ];
    let (chinese, english) = NAMES[day.weekday().num_days_from_monday() as usize];
    tongue.pick(chinese, english)
}

/// The Monday of a day's week.
pub(super) fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

/// The last day of the year ahead.
pub(super) fn horizon(today: NaiveDate) -> NaiveDate {
    monday(today) + Days::new(7 * WEEKS - 1)
}

fn between(ledger: &Ledger, from: NaiveDate, to: NaiveDate) -> String {
    let table = address::of_ledger(&ledger.id);
    format!("{table}?view=duties&from={from}&to={to}")
}

impl Glance {
    /// Gathers it for a day in the ledger's zone.
    pub fn of(
        projection: &Seen<'_>,
        ledger: &Ledger,
        today: NaiveDate,
        (looks, foreseen): (bool, Option<&Foreseen>),
        tongue: Tongue,
    ) -> Glance {
        let agenda = &*projection.agenda(ledger);
        let table = address::of_ledger(&ledger.id);
        let row = |place: u32| {
            let duty = projection.duty_at(place)?;
            Some(DutyRow::in_tongue(projection, duty, tongue))
        };
        let waiting: Vec<Waiting> = Awaited::ALL
            .into_iter()
            .map(|what| {
                let places = agenda.awaiting(what);
                Waiting {
                    what,
                    count: places.len(),
                    address: format!("{table}?view=duties&await={}", what.as_str()),
                    named: places.iter().take(NAMED).filter_map(|p| row(*p)).collect(),
                }
            })
            .filter(|waiting| waiting.count > 0)
            .collect();
        let first = monday(today);
        let last = first + Days::new(6);
        let days: Vec<DueDay> = agenda
            .by_due()
            .range(first..=last)
            .map(|(day, counts)| DueDay {
                day: *day,
                weekday: weekday(*day, tongue),
                is_today: *day == today,
                counts: *counts,
                address: between(ledger, *day, *day),
            })
            .collect();
        let mut week = Counts::default();
        for day in &days {
            week.merge(&day.counts);
        }
        let is_red = |place: u32| {
            let duty = projection.duty_at(place);
            duty.is_some_and(|duty| duty.light() == Light::Red)
        };
        let reddened = agenda
            .reddened()
            .filter(|(_, place)| is_red(*place))
            .take(NAMED)
            .filter_map(|(at, place)| {
                Some(Reddened {
                    at: minute(at, ledger.zone),
                    row: row(place)?,
                })
            })
            .collect();
        let rungs: Vec<Rung> = agenda
            .escalated()
            .filter(|(_, places)| !places.is_empty())
            .map(|(tier, places)| Rung {
                tier: tongue.say(rung_name(tier)),
                count: places.len(),
            })
            .collect();
        let escalated = agenda.escalated().flat_map(|(_, places)| places);
        let (units, units_total) = units(projection, ledger, agenda);
        let sections = sections(projection, ledger, tongue);
        let ahead = weeks(ledger, agenda, first, foreseen);
        let bars = |parts: &[Part]| -> Vec<(String, Counts)> {
            let named = parts.iter().map(|part| (part.name.clone(), part.counts));
            named.collect()
        };
        let summary = |parts: &[Part]| -> String {
            let said: Vec<String> = parts
                .iter()
                .map(|part| format!("{}: {}", part.name, tally(&part.counts, tongue)))
                .collect();
            said.join("; ")
        };
        Glance {
            waiting_total: waiting.iter().map(|waiting| waiting.count).sum(),
            waiting,
            days,
            week,
            week_address: between(ledger, first, last),
            red_today: agenda.red_since(today),
            red_week: agenda.red_since(today - Days::new(6)),
            reddened,
            escalated_total: rungs.iter().map(|rung| rung.count).sum(),
            rungs,
            escalated: escalated.take(NAMED).filter_map(|p| row(*p)).collect(),
            sections_chart: chart::bars(
                "by-section",
                tongue.say("各分类的灯"),
                &summary(&sections),
                &bars(&sections[..sections.len().min(SECTIONS_NAMED)]),
            ),
            sections,
            units_chart: chart::bars(
                "by-unit",
                tongue.say("红灯最多的单位"),
                &summary(&units),
                &bars(&units),
            ),
            units,
            units_total,
            ahead_chart: chart::weeks(
                "ahead",
                tongue.say("未来一年"),
                tongue.say("每周到期的责任事项,和预计发出的催办、督办;数字见下表。"),
                [tongue.say("到期"), tongue.say("通知")],
                &charted(&ahead, tongue),
            ),
            ahead: ahead
                .into_iter()
                .filter(|week| week.due.total() + week.reminders + week.escalations > 0)
                .collect(),
            foreseen: foreseen.is_some(),
            looks,
        }
    }
}

fn rung_name(tier: Tier) -> &'static str {
    tier_in_chinese(tier)
}

/// The sections in the document's order; rules count with their rows.
fn sections(projection: &Seen<'_>, ledger: &Ledger, tongue: Tongue) -> Vec<Part> {
    let mut order: Vec<&str> = Vec::new();
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for row in ledger
        .tasks
        .iter()
        .filter(|row| projection.sees_row(ledger, row))
    {
        let section = section_of(ledger, row);
        if !order.contains(&section) {
            order.push(section);
        }
        counts
            .entry(section)
            .or_default()
            .merge(&projection.counts_of(ledger, row));
    }
    let table = address::of_ledger(&ledger.id);
    order
        .into_iter()
        .filter_map(|section| {
            let counts = *counts.get(section)?;
            let (name, query) = if section.is_empty() {
                (tongue.say("(无分类)").to_owned(), String::new())
            } else {
                (
                    section.to_owned(),
                    format!("?section={}", address::encoded(section)),
                )
            };
            Some(Part {
                name,
                counts,
                address: format!("{table}{query}"),
            })
        })
        .filter(|part| part.counts.total() > 0)
        .collect()
}

/// The units with most reds, then yellows; and how many units there are.
fn units(projection: &Seen<'_>, ledger: &Ledger, agenda: &Agenda) -> (Vec<Part>, usize) {
    let mut all = heat::units(projection, ledger, agenda);
    let counts = agenda.by_unit();
    let of = |unit: &str| counts.get(unit).copied().unwrap_or_default();
    // Stable: equals stay in the order of the map's columns.
    all.sort_by_key(|(unit, _)| {
        let counts = of(unit);
        let less = |light| u64::MAX - counts.of(light);
        (less(Light::Red), less(Light::Yellow), less(Light::Green))
    });
    let named = all.iter().take(UNITS_NAMED).map(|(unit, _)| Part {
        name: projection.units().short(&ledger.tenant, unit).to_owned(),
        counts: of(unit),
        address: address::of_unit(unit),
    });
    (named.collect(), all.len())
}

fn weeks(
    ledger: &Ledger,
    agenda: &Agenda,
    first: NaiveDate,
    foreseen: Option<&Foreseen>,
) -> Vec<WeekRow> {
    (0..WEEKS)
        .map(|nth| {
            let monday = first + Days::new(7 * nth);
            let sunday = monday + Days::new(6);
            let mut due = Counts::default();
            for counts in agenda.by_due().range(monday..=sunday) {
                due.merge(counts.1);
            }
            let expected = foreseen.and_then(|all| all.weeks.get(&monday));
            let expected = expected.copied().unwrap_or_default();
            WeekRow {
                monday,
                due,
                reminders: expected.reminders + expected.others,
                escalations: expected.escalations,
                address: between(ledger, monday, sunday),
            }
        })
        .collect()
}

fn charted(rows: &[WeekRow], tongue: Tongue) -> Vec<Week> {
    let mut month = 0;
    rows.iter()
        .map(|row| {
            let turns = row.monday.month() != month;
            month = row.monday.month();
            let (year, number) = (row.monday.year(), month);
            Week {
                month: match (turns, number) {
                    (false, _) => String::new(),
                    (true, 1) => tongue.pick(format!("{year}年1月"), format!("{year}-01")),
                    (true, _) => tongue.pick(format!("{number}月"), format!("{number:02}")),
                },
                due: row.due,
                reminders: row.reminders,
                escalations: row.escalations,
            }
        })
        .collect()
}
