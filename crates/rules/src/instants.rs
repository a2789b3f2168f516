//! Compiling the schedules of tasks and periods, and whether they ever fire while a ledger runs.

use std::str::FromStr;

use chrono::NaiveDate;
use duban_calendar::Period;
use duban_model::definition::{FirstPeriod, PeriodRule};
use duban_model::{Definition, Timestamp};

use crate::faults::Faults;
use crate::reading::Spanned;
use crate::source::PeriodSource;
use crate::words::{FIRSTS, PERIODS};

/// Tells a schedule that never fires while the ledger runs.
pub(crate) fn fires_in_time(
    cron: &str,
    written: &Spanned<String>,
    definition: &Definition,
    faults: &mut Faults<'_>,
) -> bool {
    let issued = definition.zone.midnight(definition.issued);
    let fires = first_after(cron, definition, issued).is_some_and(|day| day <= definition.ends);
    if !fires {
        faults.error(
            "D039",
            written.referenced,
            format!(
                "cron `{}`, which never fires while the ledger runs",
                written.value
            ),
            format!(
                "an instant between {} and {}",
                definition.issued, definition.ends
            ),
            "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
        );
    }
    fires
}

/// The day of a schedule's first instant after another.
fn first_after(cron: &str, definition: &Definition, after: Timestamp) -> Option<NaiveDate> {
    let schedule = cron::Schedule::from_str(cron).ok()?;
    let zone = definition.zone.0;
    let at = schedule.after(&after.utc().with_timezone(&zone)).next()?;
    Some(at.date_naive())
}

pub(crate) fn compile_period(period: &PeriodSource, faults: &mut Faults<'_>) -> Option<PeriodRule> {
    let every = faults.choose(&period.every, PERIODS);
    let first = match &period.first {
        None => Some(FirstPeriod::Full),
        Some(word) => faults.choose(word, FIRSTS),
    };
    let cron = compile_cron(&period.cron, faults);
    Some(PeriodRule {
        every: every?,
        cron: cron?,
        first: first?,
    })
}

/// Tells a schedule that opens no period of the ledger. A running period opens with the ledger, so
/// only what is left of its time is asked of the schedule.
pub(crate) fn opens_some_period(
    rule: &PeriodRule,
    cron: &Spanned<String>,
    definition: &Definition,
    faults: &mut Faults<'_>,
) {
    if cron::Schedule::from_str(&rule.cron).is_err()
        || !fires_in_time(&rule.cron, cron, definition, faults)
    {
        return;
    }
    let full = Period::containing(rule.every, definition.issued).and_then(Period::next);
    if let (FirstPeriod::Full, Ok(full)) = (rule.first, full) {
        let begins = definition.zone.midnight(full.start()).plus_millis(-1);
        let first = first_after(&rule.cron, definition, begins);
        if first.is_none_or(|day| day > definition.ends) {
            faults.error(
                "D039",
                cron.referenced,
                format!(
                    "cron `{}`, which opens no full period: the first begins on {}",
                    cron.value,
                    full.start()
                ),
                format!(
                    "an instant between {} and {}",
                    full.start(),
                    definition.ends
                ),
                "choose shorter periods, or add first: running",
            );
        }
    }
}

/// The months of a schedule by name.
const MONTHS: &str = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC";
/// The weekdays of a schedule by name.
const WEEKDAYS: &str = "MON TUE WED THU FRI SAT SUN";

/// Five-field cron gets a leading 0 for the seconds. Weekday numbers are refused: to one library
/// 1-5 means Sunday to Thursday, to the next Monday to Friday.
pub(crate) fn compile_cron(field: &Spanned<String>, faults: &mut Faults<'_>) -> Option<String> {
    let fields: Vec<&str> = field.value.split_whitespace().collect();
    let (expression, weekday) = match fields.len() {
        5 => (format!("0 {}", fields.join(" ")), fields[4]),
        6 => (fields.join(" "), fields[5]),
        n => {
            faults.error(
                "D033",
                field.referenced,
                format!("a cron expression of {n} fields"),
                "five fields (minute hour day month weekday), or six with seconds first",
                "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
            );
            return None;
        }
    };
    if weekday.chars().any(|c| c.is_ascii_digit()) {
        faults.error(
            "D034",
            field.referenced,
            format!("weekday `{weekday}` by number"),
            "weekdays by name: MON, TUE … SUN",
            "write the names; numbers mean different days to different programs",
        );
        return None;
    }
    if cron::Schedule::from_str(&expression).is_err() {
        let names = || MONTHS.split(' ').chain(WEEKDAYS.split(' '));
        let mut words = expression.split(|c: char| !c.is_alphabetic());
        let slip = words.find(|word| {
            let is_name = names().any(|name| name.eq_ignore_ascii_case(word));
            !word.is_empty() && !is_name
        });
        faults.misspelt(
            "D033",
            field.referenced,
            format!("cron `{}`", field.value),
            "five fields: minute hour day month weekday, the last two with names such as OCT and FRI",
            &slip.unwrap_or_default().to_ascii_uppercase(),
            names(),
            "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
        );
        return None;
    }
    Some(expression)
}
