//! The steps of a ladder as instants, for one due date.
//!
//! Notices go out at the ledger's time of day; lights change at midnight. A date with an instant
//! turns red at that instant, and steps in hours are counted from it, or else from the end of the
//! day. A step whose year the calendar does not cover is left out and the gap is reported, never
//! guessed.

use chrono::{Days, NaiveDate};
use duban_calendar::{Calendar, CountError, Span, SpanUnit};
use duban_model::decision::NoticeKind;
use duban_model::definition::{Ladder, StepWhen, Strength, Term, Tier};
use duban_model::term::HOUR_MILLIS;
use duban_model::{Definition, Timestamp, Zone};

use crate::obligation::{Obligation, ObligationState};

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

/// By when a duty is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The last day.
    pub date: NaiveDate,
    /// The instant on that day; without one, its end.
    pub at: Option<Timestamp>,
}

impl Deadline {
    /// The first instant at which it has passed.
    pub fn end(self, zone: Zone) -> Timestamp {
        self.at
            .unwrap_or_else(|| zone.midnight(self.date.succ_opt().unwrap_or(self.date)))
    }

    /// As people are told it: the date, or date and minute.
    pub fn shown(self, zone: Zone) -> String {
        match self.at {
            None => self.date.to_string(),
            Some(at) => {
                let shown = at.utc().with_timezone(&zone.0);
                shown.format("%Y-%m-%d %H:%M").to_string()
            }
        }
    }

    /// Whether what was done at this instant was done too late.
    pub fn is_missed(self, at: Timestamp, zone: Zone) -> bool {
        match self.at {
            Some(due) => at > due,
            None => at.date_in(zone) > self.date,
        }
    }
}

impl From<NaiveDate> for Deadline {
    fn from(date: NaiveDate) -> Deadline {
        Deadline { date, at: None }
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
    deadline: impl Into<Deadline>,
    calendar: &Calendar,
    until: Timestamp,
) -> (Vec<Step>, Option<CountError>) {
    let deadline = deadline.into();
    let (due, end) = (deadline.date, deadline.end(definition.zone));
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
    let (label, code) = match strength {
        Strength::Required => ("red", StepCode::Red),
        Strength::Encouraged => ("lapse", StepCode::Lapse),
    };
    steps.push(Step {
        at: end,
        label: label.to_owned(),
        code,
    });
    let mut last_overdue = 0;
    for step in &ladder.steps {
        let (at, kind) = match step.when {
            // The instant comes before the ledger's time of day, or after it.
            StepWhen::Before(Term::Days(span)) => {
                let at = calendar.before(due, span).map(notice);
                let at = at.map(|at| deadline.at.map_or(at, |due| at.min(due)));
                (at, NoticeKind::Reminder)
            }
            StepWhen::Before(Term::Hours(hours)) => {
                let millis = i64::from(hours) * HOUR_MILLIS;
                (Ok(end.plus_millis(-millis)), NoticeKind::Reminder)
            }
            StepWhen::Due => {
                let at = deadline.at.unwrap_or_else(|| notice(due));
                (Ok(at), NoticeKind::Reminder)
            }
            // Counted from the opening, which only the duty knows: [`unsigned_steps`].
            StepWhen::Unsigned(_) => continue,
            StepWhen::Overdue(_) if strength == Strength::Encouraged => continue,
            StepWhen::Overdue(Term::Days(span)) => {
                last_overdue = last_overdue.max(span.n());
                let at = calendar.after(due, span).map(notice);
                let at = at.map(|at| deadline.at.map_or(at, |due| at.max(due)));
                (at, NoticeKind::Escalation)
            }
            StepWhen::Overdue(Term::Hours(hours)) => {
                let millis = i64::from(hours) * HOUR_MILLIS;
                (Ok(end.plus_millis(millis)), NoticeKind::Escalation)
            }
        };
        match at {
            Ok(at) => steps.push(Step {
                at,
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

/// Adds the steps that ask to sign for a duty, as long as nobody did, at their places. Signing ends
/// these and no others.
pub fn unsigned_steps(
    definition: &Definition,
    ladder: &Ladder,
    obligation: &Obligation,
    calendar: &Calendar,
    steps: &mut Vec<Step>,
) {
    if obligation.state != ObligationState::Open {
        return;
    }
    for step in &ladder.steps {
        let StepWhen::Unsigned(term) = step.when else {
            continue;
        };
        let opened = obligation.opened;
        let at = match term {
            Term::Hours(hours) => Some(opened.plus_millis(i64::from(hours) * HOUR_MILLIS)),
            Term::Days(span) => {
                let date = calendar.after(opened.date_in(definition.zone), span).ok();
                date.map(|date| definition.zone.instant(date, definition.at))
            }
        };
        // A year without calendar data is told of by the steps before and after the date.
        if let Some(at) = at.filter(|at| *at > opened) {
            steps.push(Step {
                at,
                label: step.when.to_string(),
                code: StepCode::Notify {
                    kind: NoticeKind::Reminder,
                    to: step.to,
                },
            });
        }
    }
    steps.sort_by_key(|step| step.at);
}

/// A span as a notice words it: `15个工作日`, `10天`.
pub(crate) fn span_in_chinese(span: Span) -> String {
    Term::from(span).chinese()
}

/// A step's label as a notice words it.
pub(crate) fn label_in_chinese(label: &str) -> String {
    match label.parse::<StepWhen>() {
        Ok(StepWhen::Before(term)) => format!("提前{}提醒", term.chinese()),
        Ok(StepWhen::Due) => "到期当日提醒".to_owned(),
        Ok(StepWhen::Overdue(term)) => format!("超期{}督办", term.chinese()),
        Ok(StepWhen::Unsigned(term)) => format!("启动{}未签收提醒", term.chinese()),
        Err(_) => label.to_owned(),
    }
}
