//! From the rule of a task to the deadline of one of its duties.

use chrono::{Datelike, NaiveDate};
use duban_calendar::{Basis, Calendar, CountError, Period, Roll};
use duban_model::definition::{DueRule, Task, Term};
use duban_model::{Definition, Timestamp};

use crate::ladder::Deadline;
use crate::obligation::Obligation;

/// Where the count of a term begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The period, of a year-long task.
    pub period: Option<Period>,
    /// The instant at which the duty began: what it was opened for arose, or it was opened.
    pub at: Timestamp,
}

impl Start {
    /// Where a duty's term begins.
    pub fn of(obligation: &Obligation) -> Start {
        let occasion = obligation.occasion.as_ref();
        Start {
            period: obligation.period,
            at: occasion.map_or(obligation.opened, |occasion| occasion.at),
        }
    }

    /// The day that is not counted.
    fn day(self, definition: &Definition) -> NaiveDate {
        match self.period {
            Some(period) => period.start(),
            None => self.at.date_in(definition.zone),
        }
    }
}

/// The deadline that a definition gives a duty; none while it waits for its trigger.
///
/// # Errors
/// [`CountError`] when the calendar does not cover a day that must be known.
pub(crate) fn derived(
    definition: &Definition,
    calendar: &Calendar,
    task: &Task,
    start: Start,
) -> Result<Option<Deadline>, CountError> {
    let date = match (task.due, start.period) {
        (DueRule::Trigger, _) | (DueRule::PeriodEnd | DueRule::MonthDay(_), None) => {
            return Ok(None);
        }
        (DueRule::Date(date), _) => date,
        (DueRule::PeriodEnd, Some(period)) => period.end().min(definition.ends),
        (DueRule::MonthDay(day), Some(period)) => {
            let day = day.of(period.start().year());
            day.unwrap_or_else(|| period.end())
        }
        (DueRule::After(Term::Days(span)), _) => calendar.after(start.day(definition), span)?,
        (DueRule::After(term @ Term::Hours(_)), _) => {
            let at = start.at.plus_millis(term.millis().unwrap_or_default());
            return Ok(Some(Deadline {
                date: at.date_in(definition.zone),
                at: Some(at),
            }));
        }
    };
    let date = match task.no_sooner_than {
        Some(span) => date.max(calendar.after(start.at.date_in(definition.zone), span)?),
        None => date,
    };
    let date = match task.roll {
        Roll::None => date,
        roll => calendar.roll(date, roll)?,
    };
    Ok(Some(Deadline { date, at: None }))
}

/// What a definition gives the clock of a duty to count towards: its term, or else its date.
///
/// # Errors
/// [`CountError`] when the calendar does not cover a day that must be known.
pub(crate) fn basis(
    definition: &Definition,
    calendar: &Calendar,
    task: &Task,
    start: Start,
) -> Result<Option<Basis>, CountError> {
    Ok(match task.due {
        DueRule::After(Term::Days(term)) if task.no_sooner_than.is_none() => Some(Basis::Days {
            from: start.day(definition),
            term,
            roll: task.roll,
        }),
        DueRule::After(Term::Hours(hours)) => Some(Basis::Hours {
            from: start.at.utc(),
            hours,
        }),
        _ => derived(definition, calendar, task, start)?.map(|due| Basis::Date(due.date)),
    })
}
