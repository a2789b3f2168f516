//! Periods as ledgers divide a year-long task.

use chrono::NaiveDate;
use duban_calendar::{Period, PeriodError, PeriodKind};

use crate::date;

fn period(text: &str) -> Period {
    text.parse().expect("a period")
}

#[test]
fn periods_begin_and_end_where_the_calendar_says() {
    for (text, start, end) in [
        ("2021-07", "2021-07-01", "2021-07-31"),
        ("2021-12", "2021-12-01", "2021-12-31"),
        ("2020-02", "2020-02-01", "2020-02-29"),
        ("2021-02", "2021-02-01", "2021-02-28"),
        ("2021Q1", "2021-01-01", "2021-03-31"),
        ("2021Q3", "2021-07-01", "2021-09-30"),
        ("2021Q4", "2021-10-01", "2021-12-31"),
        ("2021H1", "2021-01-01", "2021-06-30"),
        ("2021H2", "2021-07-01", "2021-12-31"),
        ("2021", "2021-01-01", "2021-12-31"),
        ("9999", "9999-01-01", "9999-12-31"),
    ] {
        let found = period(text);
        assert_eq!(found.start(), date(start), "{text}");
        assert_eq!(found.end(), date(end), "{text}");
        assert!(found.contains(date(start)) && found.contains(date(end)));
        assert!(!found.contains(date(start).pred_opt().unwrap()));
        assert!(!found.contains(date(end).succ_opt().unwrap()));
    }
}

#[test]
fn a_day_belongs_to_one_period_of_each_kind() {
    let day = date("2021-09-30");
    let of = |kind| Period::containing(kind, day).unwrap().to_string();
    assert_eq!(of(PeriodKind::Month), "2021-09");
    assert_eq!(of(PeriodKind::Quarter), "2021Q3");
    assert_eq!(of(PeriodKind::HalfYear), "2021H2");
    assert_eq!(of(PeriodKind::Year), "2021");
}

#[test]
fn the_last_period_of_a_year_is_followed_by_the_first_of_the_next() {
    for (last, first) in [
        ("2021-12", "2022-01"),
        ("2021Q4", "2022Q1"),
        ("2021H2", "2022H1"),
        ("2021", "2022"),
    ] {
        assert_eq!(period(last).next(), Ok(period(first)));
        assert_eq!(period(first).previous(), Ok(period(last)));
    }
}

#[test]
fn periods_past_the_ends_are_errors() {
    let beyond = Err(PeriodError::Year { year: 10_000 });
    assert_eq!(period("9999Q4").next(), beyond);
    assert_eq!(
        period("0001").previous(),
        Err(PeriodError::Year { year: 0 })
    );
    for end in [NaiveDate::MIN, NaiveDate::MAX] {
        assert!(Period::containing(PeriodKind::Month, end).is_err());
    }
}

#[test]
fn periods_are_named_in_chinese() {
    for (text, name) in [
        ("2021-07", "2021年7月"),
        ("2021Q1", "2021年第一季度"),
        ("2021Q2", "2021年第二季度"),
        ("2021Q3", "2021年第三季度"),
        ("2021Q4", "2021年第四季度"),
        ("2021H1", "2021年上半年"),
        ("2021H2", "2021年下半年"),
        ("2021", "2021年"),
    ] {
        assert_eq!(period(text).chinese(), name);
    }
}

#[test]
fn periods_sort_by_first_day_and_then_from_short_to_long() {
    let mut periods = ["2022", "2021", "2021H2", "2021Q3", "2021-07", "2021-06"].map(period);
    periods.sort();
    let sorted = ["2021", "2021-06", "2021-07", "2021Q3", "2021H2", "2022"].map(period);
    assert_eq!(periods, sorted);
}

#[test]
fn a_slip_in_a_period_is_refused() {
    for slip in [
        "",
        "202",
        "20211",
        "2021-7",
        "2021-007",
        "2021q3",
        "2021Q",
        "2021Q03",
        "2021 Q3",
        "+021",
        "2021-+7",
        "2021年",
        "二零二一",
        "2021Q3 ",
    ] {
        let refusal = slip.parse::<Period>().unwrap_err();
        assert!(matches!(refusal, PeriodError::Unreadable { .. }), "{slip}");
    }
    for slip in ["2021-00", "2021-13", "2021Q0", "2021Q5", "2021H3"] {
        let refusal = slip.parse::<Period>().unwrap_err();
        assert!(matches!(refusal, PeriodError::Index { .. }), "{slip}");
    }
    assert_eq!("0000".parse::<Period>(), Err(PeriodError::Year { year: 0 }));
}
