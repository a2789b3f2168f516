//! Years without data are refused and never guessed; the ends of all dates are errors, not panics.

use chrono::NaiveDate;
use duban_calendar::{Calendar, CountError, NoCalendarData, Roll, Span};

use crate::{date, shipped};

fn missing(year: i32, needed_for: &str) -> NoCalendarData {
    NoCalendarData {
        calendar: "cn".to_owned(),
        year,
        needed_for: date(needed_for),
    }
}

#[test]
fn counting_past_the_last_year_is_refused() {
    let calendar = shipped();
    let from = date("2026-12-30");
    let refusal = missing(2027, "2027-01-01");
    assert_eq!(calendar.working_days_after(from, 1), Ok(date("2026-12-31")));
    assert_eq!(calendar.working_days_after(from, 2), Err(refusal.clone()));
    assert_eq!(
        calendar.working_days_after(from, u32::MAX),
        Err(refusal.clone())
    );
    assert_eq!(calendar.count_after(from, u32::MAX), Err(refusal.clone()));
    let span: Span = "2wd".parse().unwrap();
    let found = calendar.after(from, span);
    assert_eq!(found, Err(CountError::NoCalendarData(refusal)));
}

#[test]
fn counting_before_the_first_year_is_refused() {
    let calendar = shipped();
    let to = date("2018-01-03");
    let refusal = missing(2017, "2017-12-31");
    assert_eq!(calendar.working_days_before(to, 1), Ok(date("2018-01-02")));
    assert_eq!(calendar.working_days_before(to, 2), Err(refusal.clone()));
    assert_eq!(
        calendar.working_days_before(to, u32::MAX),
        Err(refusal.clone())
    );
    assert_eq!(calendar.count_before(to, 2), Err(refusal.clone()));
    let span: Span = "2wd".parse().unwrap();
    let found = calendar.before(to, span);
    assert_eq!(found, Err(CountError::NoCalendarData(refusal)));
}

#[test]
fn counting_between_dates_is_refused_whichever_comes_first() {
    let calendar = shipped();
    let (inside, outside) = (date("2026-12-30"), date("2028-01-05"));
    let refusal = Err(missing(2027, "2027-01-01"));
    assert_eq!(calendar.working_days_between(inside, outside), refusal);
    assert_eq!(calendar.working_days_between(outside, inside), refusal);
    let refusal = Err(missing(2016, "2016-05-02"));
    let early = date("2016-05-01");
    assert_eq!(calendar.working_days_between(early, inside), refusal);
    assert_eq!(calendar.working_days_between(inside, early), refusal);
}

#[test]
fn a_day_and_a_roll_in_a_year_without_data_are_refused() {
    let calendar = shipped();
    let outside = date("2027-03-02");
    let refusal = missing(2027, "2027-03-02");
    assert_eq!(calendar.is_working_day(outside), Err(refusal.clone()));
    assert_eq!(calendar.roll(outside, Roll::Next), Err(refusal.clone()));
    assert_eq!(calendar.roll(outside, Roll::Previous), Err(refusal));
    assert_eq!(calendar.roll(outside, Roll::None), Ok(outside));
}

#[test]
fn a_missing_year_between_two_others_is_not_jumped() {
    let text = "date,kind,name\n2018-10-01,holiday,国庆节\n2020-10-01,holiday,国庆节\n";
    let calendar = Calendar::from_csv("cn", text).unwrap();
    assert!(calendar.years().eq([2018, 2020]));
    let refusal = Err(missing(2019, "2019-01-01"));
    assert_eq!(calendar.working_days_after(date("2018-12-31"), 1), refusal);
    let refusal = Err(missing(2019, "2019-12-31"));
    assert_eq!(calendar.working_days_before(date("2020-01-01"), 1), refusal);
    let refusal = Err(missing(2019, "2019-01-01"));
    let found = calendar.working_days_between(date("2018-05-01"), date("2020-05-01"));
    assert_eq!(found, refusal);
}

#[test]
fn the_day_a_count_begins_on_needs_no_data() {
    let calendar = shipped();
    let eve = date("2017-12-31");
    assert_eq!(calendar.working_days_after(eve, 1), Ok(date("2018-01-02")));
    let after = date("2027-01-01");
    assert_eq!(
        calendar.working_days_before(after, 1),
        Ok(date("2026-12-31"))
    );
}

#[test]
fn the_refusal_says_which_year_to_add_and_from_where() {
    let message = missing(2027, "2027-01-01").to_string();
    assert_eq!(
        message,
        "calendar `cn` has no data for 2027, needed for 2027-01-01: add the holidays and make-up \
         workdays of 2027 from the notice of the State Council office (国务院办公厅), then deploy \
         the calendar again"
    );
}

#[test]
fn the_ends_of_all_dates_are_errors() {
    let calendar = shipped();
    let span: Span = "1d".parse().unwrap();
    let (first, last) = (NaiveDate::MIN, NaiveDate::MAX);
    assert_eq!(
        calendar.after(last, span),
        Err(CountError::BeyondDates { date: last, span })
    );
    assert_eq!(
        calendar.before(first, span),
        Err(CountError::BeyondDates { date: first, span })
    );
    for end in [first, last] {
        assert!(calendar.is_working_day(end).is_err());
        assert!(calendar.working_days_after(end, 1).is_err());
        assert!(calendar.working_days_before(end, 1).is_err());
        assert!(calendar.count_after(end, 1).is_err());
        assert!(calendar.count_before(end, 1).is_err());
        assert!(calendar.roll(end, Roll::Next).is_err());
        assert!(calendar.roll(end, Roll::Previous).is_err());
    }
    assert!(calendar.working_days_between(first, last).is_err());
    assert!(calendar.working_days_between(last, first).is_err());
}
