//! A deadline of one or more points and ranges: which of them counts, and what is doubtful.

use chrono::NaiveDate;

use super::point::Named;
use super::{Deadline, Found, Kind};

/// One or more points or ranges.
pub(super) fn dated(
    phrase: &str,
    chars: &[char],
    named: &[(&Found, &Named)],
    year: Option<i32>,
) -> Deadline {
    let before = |f: &Found| -> String { chars[..f.at].iter().collect() };
    let after = |f: &Found| -> String { chars[f.end..].iter().take(2).collect() };
    let mut readings: Vec<(Option<NaiveDate>, Option<NaiveDate>)> = Vec::new();
    let mut carried = year;
    for (_, one) in named {
        // 2021年9月底…,12月底: the year goes on.
        let bounds = one.bounds(carried);
        carried = one.year(carried).or(carried);
        readings.push(bounds.map_or((None, None), |(a, b)| (Some(a), Some(b))));
    }
    let (last_found, last) = named[named.len() - 1];
    let (from, date) = readings[readings.len() - 1];
    let is_range = last.is_stretch();
    let since_now = before(last_found).ends_with("起至") || before(last_found).ends_with("起到");
    let kind = if is_range || since_now {
        Kind::Period
    } else {
        Kind::Fixed
    };
    let mut read = Deadline::new(phrase, kind);
    read.date = date;
    read.from = from.filter(|_| is_range && !since_now);
    if date.is_none() {
        if year.is_none() && last.year(None).is_none() {
            read.ask(
                format!("“{}”没有写年份,是哪一年?", read.phrase),
                vec!["用 --year 给出年份".to_owned()],
            );
        } else {
            read.ask(
                format!("“{}”不是一个存在的日期", read.phrase),
                vec!["填写一个日期".to_owned()],
            );
        }
    }
    for question in last.doubts(year) {
        read.ask(format!("“{}”{}", read.phrase, question.0), question.1);
    }
    // 12月前: before December begins, or within it?
    if last.is_coarse()
        && after(last_found).starts_with('前')
        && let (Some(from), Some(to)) = (from, date)
        && let Some(day_before) = from.pred_opt()
    {
        read.date = Some(day_before);
        read.kind = Kind::Fixed;
        read.from = None;
        read.ask(
            format!("“{}”是在此之前,还是在此之内?暂取较早的日期", read.phrase),
            vec![day_before.to_string(), to.to_string()],
        );
    }
    let mut dates: Vec<NaiveDate> = readings.iter().filter_map(|(_, to)| *to).collect();
    dates.sort_unstable();
    dates.dedup();
    if dates.len() > 1 {
        let mut alternatives: Vec<String> = dates.iter().map(ToString::to_string).collect();
        alternatives.rotate_right(1);
        read.date = dates.last().copied();
        read.ask(
            format!(
                "“{}”写有{}个日期,暂取最后一个,以哪个为准?",
                read.phrase,
                dates.len()
            ),
            alternatives,
        );
    }
    read
}
