//! The steps of a ladder as instants, for one due date.
//!
//! Notices go out at the ledger's time of day; lights change at midnight. A step whose year the
//! calendar does not cover is left out and the gap is reported, never guessed.

use chrono::{Days, NaiveDate};
use duban_calendar::{Calendar, CountError, Span, SpanUnit};
use duban_model::decision::NoticeKind;
use duban_model::definition::{Ladder, StepWhen, Strength, Tier};
use duban_model::{Definition, Timestamp};

/// What happens at a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepCode {
    /// It turns yellow.
    Yellow,
    /// It turns red.
    Red,
    /// An encouraged duty lapses.
    Lapse,
    /// Somebody is told.
    Notify {
        /// Reminder or escalation.
        kind: NoticeKind,
        /// Who.
        to: Tier,
    },
}

/// One step at its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// Its name: `before:15wd`, `due`, `overdue:5wd`, `yellow`, `red`, `lapse`.
    pub label: String,
    /// What happens.
    pub code: StepCode,
}

impl Step {
    /// Whether somebody is told.
    pub fn notifies(&self) -> bool {
        matches!(self.code, StepCode::Notify { .. })
    }
}

/// The most repetitions looked at for one duty: some forty years of one each 20 working days.
const MAX_REPEATS: u32 = 500;

/// Every step of a ladder up to `until`, in order, and whether calendar data was missing for some.
///
/// Repetitions are unbounded, so only those up to and including the first one after `until` are listed.
pub fn ladder_steps(
    definition: &Definition,
    ladder: &Ladder,
    strength: Strength,
    due: NaiveDate,
    calendar: &Calendar,
    until: Timestamp,
) -> (Vec<Step>, Option<CountError>) {
    let mut steps = Vec::with_capacity(ladder.steps.len() + 3);
    let mut gap = None;
    let notice = |date| definition.zone.instant(date, definition.at);
    match calendar.before(due, definition.yellow) {
        Ok(date) => steps.push(Step {
            at: definition.zone.midnight(date),
            label: "yellow".to_owned(),
            code: StepCode::Yellow,
        }),
        Err(fault) => gap = Some(fault),
    }
    if let Some(day_after) = due.checked_add_days(Days::new(1)) {
        let (label, code) = match strength {
            Strength::Required => ("red", StepCode::Red),
            Strength::Encouraged => ("lapse", StepCode::Lapse),
        };
        steps.push(Step {
            at: definition.zone.midnight(day_after),
            label: label.to_owned(),
            code,
        });
    }
    let mut last_overdue = 0;
    for step in &ladder.steps {
        let (date, kind) = match step.when {
            StepWhen::Before(span) => (calendar.before(due, span), NoticeKind::Reminder),
            StepWhen::Due => (Ok(due), NoticeKind::Reminder),
            StepWhen::Overdue(_) if strength == Strength::Encouraged => continue,
            StepWhen::Overdue(span) => {
                last_overdue = last_overdue.max(span.n());
                (calendar.after(due, span), NoticeKind::Escalation)
            }
        };
        match date {
            Ok(date) => steps.push(Step {
                at: notice(date),
                label: step.when.to_string(),
                code: StepCode::Notify { kind, to: step.to },
            }),
            Err(fault) => gap = Some(fault),
        }
    }
    if let Some(repeat) = ladder
        .repeat
        .filter(|_| strength == Strength::Required && gap.is_none())
    {
        for round in 1..=MAX_REPEATS {
            let n = last_overdue + round * repeat.every.n();
            let date = match repeat.every.unit() {
                SpanUnit::WorkingDays => calendar
                    .working_days_after(due, n)
                    .map_err(CountError::from),
                SpanUnit::CalendarDays => {
                    due.checked_add_days(Days::new(u64::from(n)))
                        .ok_or(CountError::BeyondDates {
                            date: due,
                            span: repeat.every,
                        })
                }
            };
            match date {
                Ok(date) => {
                    let at = notice(date);
                    let unit = match repeat.every.unit() {
                        SpanUnit::WorkingDays => "wd",
                        SpanUnit::CalendarDays => "d",
                    };
                    steps.push(Step {
                        at,
                        label: format!("overdue:{n}{unit}"),
                        code: StepCode::Notify {
                            kind: NoticeKind::Escalation,
                            to: repeat.to,
                        },
                    });
                    if at > until {
                        break;
                    }
                }
                Err(fault) => {
                    gap = Some(fault);
                    break;
                }
            }
        }
    }
    // Stable: steps of one instant keep the ladder's order, lights before notices.
    steps.sort_by_key(|step| step.at);
    (steps, gap)
}

/// A span as a notice words it: `15个工作日`, `10天`.
pub(crate) fn span_in_chinese(span: Span) -> String {
    match span.unit() {
        SpanUnit::WorkingDays => format!("{}个工作日", span.n()),
        SpanUnit::CalendarDays => format!("{}天", span.n()),
    }
}

/// A step's label as a notice words it.
pub(crate) fn label_in_chinese(label: &str) -> String {
    match label.parse::<StepWhen>() {
        Ok(StepWhen::Before(span)) => format!("提前{}提醒", span_in_chinese(span)),
        Ok(StepWhen::Due) => "到期当日提醒".to_owned(),
        Ok(StepWhen::Overdue(span)) => format!("超期{}督办", span_in_chinese(span)),
        Err(_) => label.to_owned(),
    }
}
