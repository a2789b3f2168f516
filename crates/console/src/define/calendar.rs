//! `/define/draft/{draft}/calendar`: the working days of a draft, a year by its months. A day is
//! looked at by a link and changed by a form, so that it works without a script.
//!
//! The calendar file has a day, what it is, and a name. What is not settled yet says so in the name
//! (`暂定`): nothing else of the file outlives a deployment.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Datelike, NaiveDate, Weekday};
use duban_model::calendar::{Calendar, DayKind, FIRST_YEAR, LAST_YEAR, SpecialDay};
use serde::Deserialize;

use super::draft::{Draft, Unkept};
use super::page::{Frame, Reader, Steps, draft, now, see, unkept};
use crate::access::Form;
use crate::access::page::Flash;
use crate::page::answer;
use crate::serve::Desk;
use crate::tongue::Tongue;

/// How files of calendars end.
const ENDING: &str = "-workdays.csv";
/// What a name says of a day that is not settled.
const UNSETTLED: &str = "暂定";
/// Days that are changed at once, in days.
const DAYS_AT_ONCE: u64 = 40;

/// Which year and day are looked at.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    year: String,
    #[serde(default)]
    day: String,
    #[serde(default)]
    saved: String,
}

/// A day of a month.
struct Square {
    day: NaiveDate,
    number: u32,
    /// `work`, `rest`, `holiday` or `makeup`.
    class: &'static str,
    /// 休, 班 or nothing.
    mark: &'static str,
    title: String,
    chosen: bool,
    unsettled: bool,
}

/// A month: empty squares before its first day, then its days.
struct Month {
    name: String,
    empty: usize,
    days: Vec<Square>,
    working: usize,
}

/// Days in a row that the file names alike.
struct Span {
    name: String,
    kind: &'static str,
    days: String,
    unsettled: bool,
}

/// The day that is looked at.
struct Chosen {
    day: NaiveDate,
    weekday: &'static str,
    now: &'static str,
    kind: &'static str,
    name: String,
    to: String,
}

#[derive(Template)]
#[template(path = "define/calendar.html")]
struct CalendarPage {
    frame: Frame,
    steps: Steps,
    version: u64,
    file: String,
    year: i32,
    /// The years that the file covers.
    years: Vec<i32>,
    /// The year that can be begun, if one can.
    next: Option<i32>,
    months: Vec<Month>,
    spans: Vec<Span>,
    chosen: Option<Chosen>,
    working: usize,
    unsettled: bool,
    is_covered: bool,
    /// The days of the week, Monday first.
    week: [&'static str; 7],
}

/// The days of the week, Monday first.
const WEEK: [&str; 7] = ["一", "二", "三", "四", "五", "六", "日"];
/// The same in English.
const WEEK_ENGLISH: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn weekday(day: NaiveDate) -> &'static str {
    WEEK[day.weekday().num_days_from_monday() as usize]
}

fn is_weekend(day: NaiveDate) -> bool {
    matches!(day.weekday(), Weekday::Sat | Weekday::Sun)
}

/// The calendar of a draft: its file and its days.
fn calendar_of(draft: &Draft) -> Result<(String, Calendar), String> {
    let found = draft.files.iter().find(|(name, _)| name.ends_with(ENDING));
    let Some((file, text)) = found else {
        return Err("草稿里没有工作日历。".to_owned());
    };
    let id = file.strip_suffix(ENDING).unwrap_or("cn");
    match Calendar::from_csv(id, text) {
        Ok(calendar) => Ok((file.clone(), calendar)),
        Err(faults) => Err(format!(
            "工作日历的文本有{}处错误,先在“修改”里改正,才能用表格改:{}",
            faults.len(),
            faults.first().map(ToString::to_string).unwrap_or_default()
        )),
    }
}

/// What a day is, in words.
fn said(calendar: &Calendar, day: NaiveDate) -> (&'static str, &'static str, &'static str) {
    match calendar.special(day).map(|special| special.kind) {
        Some(DayKind::Holiday) => ("holiday", "休", "放假"),
        Some(DayKind::MakeupWorkday) => ("makeup", "班", "调休上班"),
        None if is_weekend(day) => ("rest", "", "周末"),
        None => ("work", "", "工作日"),
    }
}

fn month(
    calendar: &Calendar,
    year: i32,
    number: u32,
    chosen: Option<NaiveDate>,
    tongue: Tongue,
) -> Option<Month> {
    let first = NaiveDate::from_ymd_opt(year, number, 1)?;
    let days: Vec<Square> = first
        .iter_days()
        .take_while(|day| day.month() == number)
        .map(|day| {
            let (class, mark, words) = said(calendar, day);
            let name = calendar.special(day).map_or("", |special| &special.name);
            Square {
                day,
                number: day.day(),
                class,
                mark,
                title: format!("{day} 星期{} {words} {name}", weekday(day))
                    .trim_end()
                    .to_owned(),
                chosen: chosen == Some(day),
                unsettled: name.contains(UNSETTLED),
            }
        })
        .collect();
    Some(Month {
        name: match tongue {
            Tongue::Chinese => format!("{number}月"),
            Tongue::English => first.format("%B").to_string(),
        },
        empty: first.weekday().num_days_from_monday() as usize,
        working: days
            .iter()
            .filter(|d| matches!(d.class, "work" | "makeup"))
            .count(),
        days,
    })
}

/// The named days of a year, those in a row together.
fn spans(calendar: &Calendar, year: i32) -> Vec<Span> {
    let mut spans: Vec<(NaiveDate, NaiveDate, &SpecialDay)> = Vec::new();
    for (day, special) in calendar.days().filter(|(day, _)| day.year() == year) {
        match spans.last_mut() {
            Some((_, last, of)) if *of == special && last.succ_opt() == Some(day) => *last = day,
            _ => spans.push((day, day, special)),
        }
    }
    let span = |(first, last, of): (NaiveDate, NaiveDate, &SpecialDay)| Span {
        name: of.name.clone(),
        kind: match of.kind {
            DayKind::Holiday => "放假",
            DayKind::MakeupWorkday => "调休上班",
        },
        days: if first == last {
            format!("{first}")
        } else {
            format!("{first} – {last}")
        },
        unsettled: of.name.contains(UNSETTLED),
    };
    spans.into_iter().map(span).collect()
}

/// What a page shows beside the draft.
#[derive(Default)]
struct Shown {
    year: Option<i32>,
    day: Option<NaiveDate>,
    flash: Option<Flash>,
    /// What was filled in and not taken: kind, name, last day.
    filled: Option<(String, String, String)>,
    status: StatusCode,
}

fn page(desk: &Desk, reader: &Reader, draft: &Draft, shown: Shown) -> Response {
    let (file, calendar, flash) = match calendar_of(draft) {
        Ok((file, calendar)) => (file, calendar, shown.flash),
        Err(words) => {
            let none = Calendar::new("cn", BTreeMap::new());
            (String::new(), none, Some(Flash::bad(words)))
        }
    };
    let years: Vec<i32> = calendar.years().collect();
    let (at, zone) = now(desk);
    let this = at.date_in(zone).year();
    let year = shown.year.or(shown.day.map(|day| day.year()));
    let year = year.filter(|y| (FIRST_YEAR..=LAST_YEAR).contains(y));
    let usual = years.iter().rev().find(|y| **y <= this).or(years.first());
    let year = year.unwrap_or_else(|| usual.copied().unwrap_or(this));
    let day = shown
        .day
        .filter(|day| day.year() == year && !file.is_empty());
    let tongue = reader.asker.tongue;
    let week = tongue.pick(WEEK, WEEK_ENGLISH);
    let months: Vec<Month> = (1..=12)
        .filter_map(|number| month(&calendar, year, number, day, tongue))
        .collect();
    let is_covered = years.contains(&year);
    let chosen = day.map(|day| {
        let special = calendar.special(day);
        let kind = match special.map(|s| s.kind) {
            Some(DayKind::Holiday) => "holiday",
            Some(DayKind::MakeupWorkday) => "makeup_workday",
            None => "usual",
        };
        let name = special.map_or_else(String::new, |s| s.name.clone());
        let mut chosen = Chosen {
            day,
            weekday: week[day.weekday().num_days_from_monday() as usize],
            now: said(&calendar, day).2,
            kind,
            name,
            to: day.to_string(),
        };
        if let Some((kind, name, to)) = shown.filled {
            chosen.kind = kind_of(&kind).map_or("usual", |(word, _)| word);
            (chosen.name, chosen.to) = (name, to);
        }
        chosen
    });
    let page = CalendarPage {
        frame: Frame::new(reader, flash),
        steps: Steps::of(draft, "calendar"),
        version: draft.version,
        next: years
            .last()
            .map(|last| last + 1)
            .filter(|y| *y <= LAST_YEAR && !file.is_empty()),
        working: months.iter().map(|month| month.working).sum(),
        unsettled: months.iter().flat_map(|m| &m.days).any(|day| day.unsettled),
        spans: spans(&calendar, year),
        week,
        file,
        year,
        years,
        months,
        chosen,
        is_covered,
    };
    answer(shown.status, &page)
}

/// `GET /define/draft/{draft}/calendar`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    reader: Reader,
) -> Response {
    match draft(&desk, &reader, &id) {
        Ok((_, draft)) => {
            let shown = Shown {
                year: asked.year.parse().ok(),
                day: asked.day.parse().ok(),
                flash: (!asked.saved.is_empty())
                    .then(|| Flash::good("已保存到草稿。部署之后才生效。")),
                ..Shown::default()
            };
            page(&desk, &reader, &draft, shown)
        }
        Err(response) => response,
    }
}

/// What a day is to become: its word, and what the file says of it.
fn kind_of(said: &str) -> Option<(&'static str, Option<DayKind>)> {
    match said {
        "usual" => Some(("usual", None)),
        "holiday" => Some(("holiday", Some(DayKind::Holiday))),
        "makeup_workday" => Some(("makeup_workday", Some(DayKind::MakeupWorkday))),
        _ => None,
    }
}

/// The text of a calendar with these days said anew; lines of other days stay as they are.
fn written(text: &str, days: &BTreeMap<NaiveDate, Option<SpecialDay>>) -> String {
    let day_of = |line: &str| -> Option<NaiveDate> {
        line.trim_start_matches('\u{feff}')
            .split(',')
            .next()?
            .trim()
            .parse()
            .ok()
    };
    let mut out = String::new();
    let mut pending: BTreeSet<&NaiveDate> = days.keys().collect();
    let put = |out: &mut String, day: &NaiveDate| {
        if let Some(Some(special)) = days.get(day) {
            let kind = match special.kind {
                DayKind::Holiday => "holiday",
                DayKind::MakeupWorkday => "makeup_workday",
            };
            let _ = writeln!(out, "{day},{kind},{}", special.name);
        }
    };
    for line in text.lines() {
        let Some(day) = day_of(line) else {
            let _ = writeln!(out, "{line}");
            continue;
        };
        // Days stand in their order.
        while let Some(next) = pending.first().filter(|next| ***next <= day).copied() {
            pending.remove(next);
            put(&mut out, next);
        }
        if !days.contains_key(&day) {
            let _ = writeln!(out, "{line}");
        }
    }
    for day in pending {
        put(&mut out, day);
    }
    out
}

/// The days that a form names, as they are to be.
fn filled(form: &Form) -> Result<BTreeMap<NaiveDate, Option<SpecialDay>>, String> {
    let parsed = |name: &str| form.get(name).parse::<NaiveDate>();
    let Ok(first) = parsed("day") else {
        return Err("没有选日期。".to_owned());
    };
    let last = match form.get("to") {
        "" => first,
        said => said
            .parse()
            .map_err(|_| format!("“{said}”不是日期,请写年-月-日,例如 {first}。"))?,
    };
    if last < first || last.year() != first.year() {
        return Err(format!("最后一天{last}应在{first}或以后,并在同一年。"));
    }
    let Some((_, kind)) = kind_of(form.get("kind")) else {
        return Err("请选这一天是什么。".to_owned());
    };
    let mut name = form.get("name").trim().to_owned();
    if kind.is_some() && name.is_empty() {
        return Err("请写名称或备注,例如 国庆节。".to_owned());
    }
    if form.get("unsettled") == "yes" && kind.is_some() && !name.contains(UNSETTLED) {
        let _ = write!(name, "({UNSETTLED})");
    }
    let days: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
    if days.len() as u64 > DAYS_AT_ONCE {
        return Err(format!("一次最多改{DAYS_AT_ONCE}天。"));
    }
    let special = kind.map(|kind| SpecialDay { kind, name });
    Ok(days.into_iter().map(|day| (day, special.clone())).collect())
}

/// A year begun: Monday to Friday are worked, and its first day says that nothing is settled.
fn begun(year: i32) -> Option<BTreeMap<NaiveDate, Option<SpecialDay>>> {
    let first = NaiveDate::from_ymd_opt(year, 1, 1)?;
    let special = SpecialDay {
        kind: DayKind::Holiday,
        name: format!("元旦({UNSETTLED})"),
    };
    Some([(first, Some(special))].into())
}

/// `POST /define/draft/{draft}/calendar`: says days anew, or begins a year.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    reader: Reader,
    form: Form,
) -> Response {
    let (bench, draft) = match draft(&desk, &reader, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let refuse = |draft: &Draft, words: String, status| {
        let shown = Shown {
            day: form.get("day").parse().ok(),
            filled: Some((
                form.get("kind").to_owned(),
                form.get("name").to_owned(),
                form.get("to").to_owned(),
            )),
            flash: Some(Flash::bad(words)),
            status,
            ..Shown::default()
        };
        page(&desk, &reader, draft, shown)
    };
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let (file, calendar) = match calendar_of(&draft) {
        Ok(found) => found,
        Err(words) => return refuse(&draft, words, unfit),
    };
    let begins = form.get("act") == "begin";
    let days = if begins {
        let next = calendar.years().last().map(|last| last + 1);
        let days = next.filter(|y| *y <= LAST_YEAR).and_then(begun);
        days.ok_or_else(|| "没有可以开始的年份。".to_owned())
    } else {
        filled(&form)
    };
    let days = match days {
        Ok(days) => days,
        Err(words) => return refuse(&draft, words, unfit),
    };
    let text = draft.files.get(&file).map_or("", String::as_str);
    let text = written(text, &days);
    let id_of = file.strip_suffix(ENDING).unwrap_or("cn");
    if let Err(faults) = Calendar::from_csv(id_of, &text) {
        let first = faults.first().map(ToString::to_string).unwrap_or_default();
        let words = format!("没有保存,日历会有错误:{first}");
        return refuse(&draft, words, unfit);
    }
    let first = days.keys().next().copied().unwrap_or_default();
    // Without a day of its own a year is not covered: nothing could be reckoned in it any more.
    let lost = calendar.covers(first)
        && Calendar::from_csv(id_of, &text).is_ok_and(|after| !after.covers(first));
    if lost {
        let words = format!(
            "没有保存:这是{}年最后一个写明的日子,删去之后日历就没有这一年了。",
            first.year()
        );
        return refuse(&draft, words, unfit);
    }
    let version = form.get("version").parse().unwrap_or(0);
    let by = reader.signature();
    let kept = bench
        .drafts
        .change(&id, version, &by, now(&desk).0, |draft| {
            draft.edited = true;
            draft.files.insert(file, text);
        });
    let year = first.year();
    match kept {
        Ok(_) if begins => see(&format!("/define/draft/{id}/calendar?year={year}&saved=1")),
        Ok(_) => see(&format!("/define/draft/{id}/calendar?day={first}&saved=1")),
        Err(Unkept::Newer(newer)) => {
            let words = format!(
                "没有保存:这份草稿刚刚由{}改过。您填的都在,请看过之后再保存。",
                newer.changed_by
            );
            refuse(&newer, words, StatusCode::CONFLICT)
        }
        Err(other) => unkept(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_said_anew_in_their_place_and_other_lines_stay() {
        let text = "date,kind,name\n2026-01-01,holiday,元旦\n2026-10-01, holiday ,国庆节\n";
        let day = |d: &str| d.parse::<NaiveDate>().unwrap();
        let special = |kind, name: &str| {
            Some(SpecialDay {
                kind,
                name: name.to_owned(),
            })
        };
        let days = BTreeMap::from([
            (day("2026-01-01"), None),
            (day("2026-05-01"), special(DayKind::Holiday, "劳动节")),
            (day("2026-10-10"), special(DayKind::MakeupWorkday, "国庆节")),
        ]);
        assert_eq!(
            written(text, &days),
            "date,kind,name\n2026-05-01,holiday,劳动节\n2026-10-01, holiday ,国庆节\n2026-10-10,makeup_workday,国庆节\n"
        );
        let next = written(text, &begun(2027).unwrap());
        let calendar = Calendar::from_csv("cn", &next).unwrap();
        assert!(calendar.covers(day("2027-06-01")));
        assert_eq!(calendar.is_working_day(day("2027-01-02")), Ok(false));
        assert_eq!(calendar.is_working_day(day("2027-01-04")), Ok(true));
        assert!(next.contains("2027-01-01,holiday,元旦(暂定)"));
    }
}
