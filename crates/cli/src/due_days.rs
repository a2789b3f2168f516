//! Why a duty's reminders fall on the days on which they fall: every day from the first to the last
//! of them, by what the calendar says of it and how many working days it lies from the due date.
//! Days on which nothing happens are told as one line, as long as they are alike.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use duban_console::step_in_chinese;
use duban_model::calendar::{Calendar, DayKind, NoCalendarData, weekday_chinese};
use duban_model::{Timestamp, Zone};
use duban_rules::{Obligation, RulesState, Step, notices_of};

/// Lines of one duty, in lines; a duty that has been red for years has many repetitions.
const LINES: usize = 200;

/// The lines of a duty; none where nobody is going to be told any more, or no date is known.
pub(crate) fn lines(state: &RulesState, obligation: &Obligation, now: Timestamp) -> Vec<String> {
    let steps = notices_of(state, obligation, now);
    let known = obligation.due.filter(|_| !steps.is_empty());
    let (Some(due), Some(ledger)) = (known, state.ledger(&obligation.ledger)) else {
        return Vec::new();
    };
    let definition = &ledger.definition;
    let Some(calendar) = state.calendar(definition) else {
        return Vec::new();
    };
    told(due, &steps, calendar, definition.zone)
}

/// A day with what happens on it.
struct Day {
    date: NaiveDate,
    /// What the calendar says of it.
    sort: String,
    worked: bool,
    /// Working days from it to the due date, or from there to it.
    number: u32,
    steps: Vec<String>,
}

impl Day {
    fn of(date: NaiveDate, calendar: &Calendar, steps: Vec<String>) -> Result<Day, NoCalendarData> {
        let worked = calendar.is_working_day(date)?;
        let sort = match calendar.special(date) {
            Some(day) if day.kind == DayKind::Holiday => format!("{}放假", day.name),
            Some(day) => format!("{}调休上班", day.name),
            None if worked => "工作日".to_owned(),
            None => "周末".to_owned(),
        };
        Ok(Day {
            date,
            sort,
            worked,
            number: 0,
            steps,
        })
    }

    /// Whether one line can tell of both.
    fn is_like(&self, other: &Day, due: NaiveDate) -> bool {
        self.steps.is_empty()
            && other.steps.is_empty()
            && self.sort == other.sort
            && (self.date < due) == (other.date < due)
    }
}

fn told(due: NaiveDate, steps: &[Step], calendar: &Calendar, zone: Zone) -> Vec<String> {
    let mut on: BTreeMap<NaiveDate, Vec<String>> = BTreeMap::new();
    on.insert(due, vec!["完成时限".to_owned()]);
    for step in steps {
        let at = step.at.date_in(zone);
        on.entry(at).or_default().push(step_in_chinese(&step.label));
    }
    let first = on.keys().next().copied().unwrap_or(due);
    let last = on.keys().next_back().copied().unwrap_or(due);
    let mut days = Vec::new();
    let mut gap = None;
    for date in first.iter_days().take_while(|date| *date <= last) {
        match Day::of(date, calendar, on.remove(&date).unwrap_or_default()) {
            Ok(day) => days.push(day),
            Err(fault) => {
                gap = Some(format!("{date}起:工作日历没有{}年,数不下去", fault.year));
                break;
            }
        }
    }
    number(&mut days, due);
    let mut lines: Vec<String> = days
        .chunk_by(|a, b| a.is_like(b, due))
        .map(|alike| line(alike, due))
        .collect();
    lines.extend(gap);
    if lines.len() > LINES {
        let left_out = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(format!("另有{left_out}行未列出"));
    }
    lines
}

/// Counts from the due date in both directions; that day itself is never counted.
fn number(days: &mut [Day], due: NaiveDate) {
    let (before, from) = days.split_at_mut(days.partition_point(|day| day.date < due));
    count(before.iter_mut().rev());
    count(from.iter_mut().filter(|day| day.date > due));
}

fn count<'a>(days: impl Iterator<Item = &'a mut Day>) {
    let mut counted = 0;
    for day in days {
        counted += u32::from(day.worked);
        day.number = counted;
    }
}

fn line(alike: &[Day], due: NaiveDate) -> String {
    let (Some(first), Some(last)) = (alike.first(), alike.last()) else {
        return String::new();
    };
    let way = if first.date < due {
        "时限前第"
    } else {
        "时限后第"
    };
    let (alone, sort) = (alike.len() == 1, &first.sort);
    let day = if alone {
        let weekday = weekday_chinese(first.date.weekday());
        format!("{} {weekday} {sort}", first.date)
    } else {
        format!("{}至{} {sort}{}天", first.date, last.date, alike.len())
    };
    let counted = match first.number {
        _ if !first.worked => ",不计".to_owned(),
        0 => String::new(),
        number if alone => format!(",{way}{number}个工作日"),
        number => format!(",{way}{number}至{}个工作日", last.number),
    };
    let what = first.steps.join("、");
    let mark = if what.is_empty() { "" } else { ":" };
    format!("{day}{counted}{mark}{what}")
}

#[cfg(test)]
mod tests {
    use duban_model::definition::Tier;
    use duban_rules::StepCode;

    use super::*;
    use crate::folder::shipped;

    #[test]
    fn the_days_around_a_holiday_are_counted_for_the_reader() {
        let calendar = Calendar::from_csv("cn", shipped::CALENDAR).unwrap();
        let zone = Zone::SHANGHAI;
        let step = |date: &str, label: &str| Step {
            at: zone.midnight(date.parse().unwrap()),
            label: label.to_owned(),
            code: StepCode::Notify {
                kind: duban_model::decision::NoticeKind::Reminder,
                to: Tier::Contact,
            },
        };
        let due = "2021-09-30".parse().unwrap();
        let steps = [
            step("2021-09-22", "before:7wd"),
            step("2021-09-30", "due"),
            step("2021-10-08", "overdue:1wd"),
        ];
        let lines = told(due, &steps, &calendar, zone);
        assert_eq!(
            lines,
            [
                "2021-09-22 星期三 工作日,时限前第7个工作日:提前7个工作日",
                "2021-09-23至2021-09-24 工作日2天,时限前第6至5个工作日",
                "2021-09-25 星期六 周末,不计",
                "2021-09-26 星期日 国庆节调休上班,时限前第4个工作日",
                "2021-09-27至2021-09-29 工作日3天,时限前第3至1个工作日",
                "2021-09-30 星期四 工作日:完成时限、到期当日",
                "2021-10-01至2021-10-07 国庆节放假7天,不计",
                "2021-10-08 星期五 工作日,时限后第1个工作日:超期1个工作日",
            ]
        );
    }
}
