//! What holds for any date, count and file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{Days, NaiveDate};
use duban_calendar::{
    Calendar, DayKind, MAX_SPAN_DAYS, Period, PeriodKind, Roll, Span, SpanUnit, SpecialDay,
};
use proptest::prelude::*;

use crate::{SHIPPED, date, shipped};

static CN: LazyLock<Calendar> = LazyLock::new(shipped);

/// Any date from `first` on, for `days` days.
fn dates(first: &str, days: u64) -> impl Strategy<Value = NaiveDate> + use<> {
    let first = date(first);
    (0..days).prop_map(move |offset| first + Days::new(offset))
}

/// The covered years and half a year on both sides.
fn around() -> impl Strategy<Value = NaiveDate> {
    dates("2017-07-01", 3650)
}

/// Any working day of the covered years.
fn working_day() -> impl Strategy<Value = NaiveDate> {
    dates("2018-01-01", 3287).prop_filter("worked", |date| CN.is_working_day(*date) == Ok(true))
}

/// Few days over many years, so that covered years have gaps.
fn any_calendar() -> impl Strategy<Value = Calendar> {
    let day = (dates("2015-01-01", 5000), any::<bool>());
    prop::collection::vec(day, 0..12).prop_map(|listed| {
        let days = listed.into_iter().map(|(date, holiday)| {
            let kind = if holiday {
                DayKind::Holiday
            } else {
                DayKind::MakeupWorkday
            };
            let name = "节".to_owned();
            (date, SpecialDay { kind, name })
        });
        Calendar::new("any", days.collect::<BTreeMap<_, _>>())
    })
}

fn period_kind() -> impl Strategy<Value = PeriodKind> {
    prop::sample::select(vec![
        PeriodKind::Month,
        PeriodKind::Quarter,
        PeriodKind::HalfYear,
        PeriodKind::Year,
    ])
}

proptest! {
    #[test]
    fn the_explanation_arrives_at_the_same_date_or_refusal(from in around(), n in 0..600_u32) {
        let after = CN.count_after(from, n).map(|counting| counting.result);
        prop_assert_eq!(after, CN.working_days_after(from, n));
        let before = CN.count_before(from, n).map(|counting| counting.result);
        prop_assert_eq!(before, CN.working_days_before(from, n));
    }

    #[test]
    fn the_explanation_agrees_on_calendars_with_gaps(
        calendar in any_calendar(),
        from in dates("2014-06-01", 5500),
        n in 0..600_u32,
    ) {
        let after = calendar.count_after(from, n).map(|counting| counting.result);
        prop_assert_eq!(after, calendar.working_days_after(from, n));
        let before = calendar.count_before(from, n).map(|counting| counting.result);
        prop_assert_eq!(before, calendar.working_days_before(from, n));
    }

    #[test]
    fn every_explained_day_is_judged_as_the_calendar_judges_it(from in around(), n in 0..60_u32) {
        if let Ok(counting) = CN.count_after(from, n) {
            let mut number = 0;
            for day in &counting.days[1..] {
                let worked = CN.is_working_day(day.date).unwrap();
                number += u32::from(worked);
                prop_assert_eq!(day.counts, worked.then_some(number));
            }
            prop_assert_eq!(number, n);
            prop_assert_eq!(counting.to_string().lines().count(), counting.days.len());
            prop_assert_eq!(counting.english().lines().count(), counting.days.len());
        }
    }

    #[test]
    fn going_there_and_back_ends_on_the_same_working_day(from in working_day(), n in 0..400_u32) {
        if let Ok(there) = CN.working_days_after(from, n) {
            prop_assert_eq!(CN.working_days_before(there, n), Ok(from));
            prop_assert_eq!(CN.working_days_between(from, there), Ok(i64::from(n)));
        }
        if let Ok(back) = CN.working_days_before(from, n) {
            prop_assert_eq!(CN.working_days_after(back, n), Ok(from));
            prop_assert_eq!(CN.working_days_between(from, back), Ok(-i64::from(n)));
        }
    }

    #[test]
    fn more_days_or_a_later_start_never_give_an_earlier_deadline(
        from in around(),
        later in 0..40_u64,
        n in 1..300_u32,
    ) {
        if let Ok(due) = CN.working_days_after(from, n) {
            prop_assert!(due > CN.working_days_after(from, n - 1).unwrap());
            if let Ok(next) = CN.working_days_after(from + Days::new(later), n) {
                prop_assert!(next >= due);
            }
        }
    }

    #[test]
    fn days_between_are_those_a_walk_would_count(a in around(), days in 0..500_u64) {
        let b = a + Days::new(days);
        let mut walked = Ok(0);
        for date in a.iter_days().skip(1).take_while(|date| *date <= b) {
            match (CN.is_working_day(date), &mut walked) {
                (Ok(worked), Ok(count)) => *count += i64::from(worked),
                (Err(refusal), Ok(_)) => walked = Err(refusal),
                (_, Err(_)) => break,
            }
        }
        prop_assert_eq!(CN.working_days_between(b, a), walked.clone().map(|count: i64| -count));
        prop_assert_eq!(CN.working_days_between(a, b), walked);
    }

    #[test]
    fn a_rolled_date_is_the_nearest_working_day(from in dates("2018-02-01", 3200)) {
        let worked = |date: &NaiveDate| CN.is_working_day(*date).unwrap();
        let next = from.iter_days().find(worked).unwrap();
        prop_assert_eq!(CN.roll(from, Roll::Next), Ok(next));
        let previous = from.iter_days().rev().find(worked).unwrap();
        prop_assert_eq!(CN.roll(from, Roll::Previous), Ok(previous));
        prop_assert_eq!(CN.roll(from, Roll::None), Ok(from));
    }

    #[test]
    fn calendar_days_go_there_and_back(from in around(), n in 0..=MAX_SPAN_DAYS) {
        let span = Span::new(n, SpanUnit::CalendarDays).unwrap();
        let there = CN.after(from, span).unwrap();
        prop_assert_eq!(there.signed_duration_since(from).num_days(), i64::from(n));
        prop_assert_eq!(CN.before(there, span), Ok(from));
    }

    #[test]
    fn spans_are_read_as_they_are_printed(n in 0..=MAX_SPAN_DAYS, working in any::<bool>()) {
        let unit = if working { SpanUnit::WorkingDays } else { SpanUnit::CalendarDays };
        let span = Span::new(n, unit).unwrap();
        prop_assert_eq!(span.to_string().parse(), Ok(span));
    }

    #[test]
    fn what_is_read_as_a_span_or_period_is_printed_the_same(
        text in r"\PC{0,8}|[0-9+-]{0,4}(wd|d)|[0-9+]{4}[-QH]?[0-9+]{0,2}",
    ) {
        if let Ok(span) = text.parse::<Span>() {
            prop_assert_eq!(span.to_string(), text.clone());
        }
        if let Ok(period) = text.parse::<Period>() {
            prop_assert_eq!(period.to_string(), text);
        }
    }

    #[test]
    fn periods_tile_the_years(kind in period_kind(), day in dates("0002-01-01", 3_650_000)) {
        let period = Period::containing(kind, day).unwrap();
        prop_assert!(period.contains(day));
        prop_assert_eq!(period.to_string().parse(), Ok(period));
        let next = period.next().unwrap();
        prop_assert_eq!(period.end().succ_opt(), Some(next.start()));
        prop_assert_eq!(next.previous(), Ok(period));
        prop_assert!(period < next);
    }

    #[test]
    fn periods_sort_as_their_first_days_do(
        kinds in (period_kind(), period_kind()),
        days in (dates("2020-01-01", 1500), dates("2020-01-01", 1500)),
    ) {
        let a = Period::containing(kinds.0, days.0).unwrap();
        let b = Period::containing(kinds.1, days.1).unwrap();
        let expected = a.start().cmp(&b.start()).then(a.end().cmp(&b.end()));
        prop_assert_eq!(a.cmp(&b), expected);
    }

    #[test]
    fn any_text_is_read_or_refused_with_reasons(text in r"(\PC|[,\n\r\x00-]|2021|holiday){0,200}") {
        match Calendar::from_csv("cn", &text) {
            Ok(calendar) => prop_assert_eq!(calendar.check(), Ok(())),
            Err(faults) => prop_assert!(!faults.is_empty()),
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_at_the_damage(
        place in 0..9000_usize,
        removed in 0..40_usize,
        added in r"(\PC|[,\n\r\x00 0-9-]){0,6}",
    ) {
        let chars: Vec<char> = SHIPPED.chars().collect();
        let start = place.min(chars.len());
        let end = (start + removed).min(chars.len());
        let damaged: String = chars[..start].iter().copied()
            .chain(added.chars())
            .chain(chars[end..].iter().copied())
            .collect();
        match Calendar::from_csv("cn", &damaged) {
            Ok(calendar) => prop_assert_eq!(calendar.check(), Ok(())),
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                let lines = damaged.split('\n').count();
                for fault in faults {
                    prop_assert!((1..=lines).contains(&fault.line));
                    prop_assert!(!fault.found.is_empty() && !fault.remedy.is_empty());
                }
            }
        }
    }
}
