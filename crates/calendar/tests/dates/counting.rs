//! Working days counted by hand from the notices of the State Council office.

use duban_calendar::{Calendar, DayKind, Roll, Span, SpecialDay};

use crate::{date, shipped};

#[test]
fn twenty_working_days_step_over_the_national_day_week() {
    let calendar = shipped();
    let (received, due) = (date("2021-09-24"), date("2021-10-27"));
    assert_eq!(calendar.working_days_after(received, 20), Ok(due));
    assert_eq!(calendar.working_days_between(received, due), Ok(20));
    assert_eq!(calendar.working_days_between(due, received), Ok(-20));
    assert_eq!(calendar.working_days_before(due, 20), Ok(received));
}

#[test]
fn make_up_saturdays_and_sundays_are_worked_and_count() {
    let calendar = shipped();
    for worked in ["2021-09-26", "2021-10-09", "2021-02-20", "2026-02-28"] {
        assert_eq!(calendar.is_working_day(date(worked)), Ok(true), "{worked}");
        let eve = date(worked).pred_opt().expect("inside the calendar");
        assert_eq!(calendar.working_days_after(eve, 1), Ok(date(worked)));
    }
}

#[test]
fn holidays_on_weekdays_and_plain_weekends_are_not_worked() {
    let calendar = shipped();
    for rest in ["2021-10-01", "2021-10-07", "2021-10-10", "2020-01-31"] {
        assert_eq!(calendar.is_working_day(date(rest)), Ok(false), "{rest}");
    }
}

#[test]
fn spring_festival_is_stepped_over_with_both_its_make_up_days() {
    let calendar = shipped();
    // 7 (Sunday), 8, 9, 10, then 18 February; 19 and Saturday 20 follow.
    for (n, expected) in [
        (1, "2021-02-07"),
        (4, "2021-02-10"),
        (5, "2021-02-18"),
        (7, "2021-02-20"),
        (8, "2021-02-22"),
    ] {
        let found = calendar.working_days_after(date("2021-02-05"), n);
        assert_eq!(found, Ok(date(expected)), "{n}");
    }
}

#[test]
fn the_lengthened_spring_festival_of_2020_ends_on_3_february() {
    let found = shipped().working_days_after(date("2020-01-23"), 1);
    assert_eq!(found, Ok(date("2020-02-03")));
}

#[test]
fn a_count_over_the_year_end_skips_new_year() {
    let calendar = shipped();
    for (last, first) in [("2021-12-31", "2022-01-04"), ("2022-12-30", "2023-01-03")] {
        let (last, first) = (date(last), date(first));
        assert_eq!(calendar.working_days_after(last, 1), Ok(first));
        assert_eq!(calendar.working_days_before(first, 1), Ok(last));
        assert_eq!(calendar.working_days_between(last, first), Ok(1));
    }
}

#[test]
fn leap_day_is_a_day_like_any_other() {
    let calendar = shipped();
    let after = |from, span: &str| {
        let span: Span = span.parse().expect("a span");
        calendar.after(date(from), span)
    };
    assert_eq!(after("2024-02-28", "1wd"), Ok(date("2024-02-29")));
    // 29 February 2020 is a Saturday.
    assert_eq!(after("2020-02-28", "1wd"), Ok(date("2020-03-02")));
    assert_eq!(after("2020-02-28", "1d"), Ok(date("2020-02-29")));
    assert_eq!(after("2021-02-28", "1d"), Ok(date("2021-03-01")));
    assert_eq!(after("2020-02-29", "365d"), Ok(date("2021-02-28")));
}

#[test]
fn no_days_at_all_leaves_the_date_even_on_a_rest_day() {
    let calendar = shipped();
    let sunday = date("2021-10-31");
    assert_eq!(calendar.working_days_after(sunday, 0), Ok(sunday));
    assert_eq!(calendar.working_days_before(sunday, 0), Ok(sunday));
    assert_eq!(calendar.working_days_between(sunday, sunday), Ok(0));
}

#[test]
fn a_span_counts_in_its_own_unit_both_ways() {
    let calendar = shipped();
    let (wd, d): (Span, Span) = ("3wd".parse().unwrap(), "3d".parse().unwrap());
    let due = date("2021-10-08");
    assert_eq!(calendar.before(due, wd), Ok(date("2021-09-28")));
    assert_eq!(calendar.before(due, d), Ok(date("2021-10-05")));
    assert_eq!(calendar.after(due, wd), Ok(date("2021-10-12")));
    assert_eq!(calendar.after(due, d), Ok(date("2021-10-11")));
}

#[test]
fn a_deadline_on_a_sunday_rolls_as_asked() {
    let calendar = shipped();
    let sunday = date("2021-10-31");
    assert_eq!(calendar.roll(sunday, Roll::None), Ok(sunday));
    let previous = calendar.roll(sunday, Roll::Previous);
    assert_eq!(previous, Ok(date("2021-10-29")));
    assert_eq!(calendar.roll(sunday, Roll::Next), Ok(date("2021-11-01")));
}

#[test]
fn a_deadline_in_a_holiday_rolls_off_the_whole_holiday() {
    let calendar = shipped();
    let holiday = date("2021-10-03");
    assert_eq!(calendar.roll(holiday, Roll::Next), Ok(date("2021-10-08")));
    let previous = calendar.roll(holiday, Roll::Previous);
    assert_eq!(previous, Ok(date("2021-09-30")));
}

#[test]
fn a_deadline_on_a_working_day_does_not_roll() {
    let calendar = shipped();
    for worked in ["2021-10-29", "2021-09-26"] {
        for roll in [Roll::None, Roll::Previous, Roll::Next] {
            assert_eq!(calendar.roll(date(worked), roll), Ok(date(worked)));
        }
    }
}

#[test]
fn a_new_notice_in_the_middle_of_the_year_moves_the_deadline() {
    // 国办发明电〔2020〕1号 lengthened the Spring Festival: without 31 January and 1-2 February
    // in it, work resumes on 31 January.
    let short = shipped()
        .days()
        .filter(|(day, _)| {
            !["2020-01-31", "2020-02-01", "2020-02-02"]
                .map(date)
                .contains(day)
        })
        .map(|(day, special)| (day, special.clone()))
        .collect();
    let before = Calendar::new("cn", short);
    let eve = date("2020-01-23");
    assert_eq!(before.working_days_after(eve, 1), Ok(date("2020-01-31")));
    assert_eq!(shipped().working_days_after(eve, 1), Ok(date("2020-02-03")));
}

#[test]
fn the_shipped_calendar_covers_2018_to_2026_and_tells_what_a_day_is() {
    let calendar = shipped();
    assert_eq!(calendar.id(), "cn");
    assert!(calendar.years().eq(2018..=2026));
    assert_eq!(calendar.days().count(), 320);
    assert_eq!(calendar.check(), Ok(()));
    let expected = SpecialDay {
        kind: DayKind::MakeupWorkday,
        name: "国庆节".to_owned(),
    };
    assert_eq!(calendar.special(date("2021-09-26")), Some(&expected));
    assert_eq!(calendar.special(date("2021-09-27")), None);
}
