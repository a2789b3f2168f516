//! Reading the cron expression of a schedule, as two libraries must understand it alike.

use std::str::FromStr;

use crate::faults::Faults;
use crate::reading::Spanned;

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
