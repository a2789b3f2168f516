//! What the log holds: every value comes back as it was written, and a slip is refused.

use duban_calendar::{
    Calendar, CalendarFault, DayKind, Period, PeriodKind, Roll, Span, SpecialDay,
};

use crate::tree::{Tree, map, read, text, write};
use crate::{date, shipped};

fn day(kind: &str, name: &str) -> Tree {
    map([("kind", text(kind)), ("name", text(name))])
}

fn calendar(id: &str, days: Tree) -> Tree {
    map([("id", text(id)), ("days", days)])
}

#[test]
fn a_calendar_read_back_from_the_log_counts_the_same() {
    let written = write(&shipped());
    let back: Calendar = read(written.clone()).unwrap();
    assert_eq!(back, shipped());
    assert_eq!(back.check(), Ok(()));
    let due = back.working_days_after(date("2021-09-24"), 20);
    assert_eq!(due, Ok(date("2021-10-27")));
    assert_eq!(write(&back), written);
}

#[test]
fn a_calendar_is_written_as_its_id_and_days_alone() {
    let csv = "date,kind,name\n2021-10-01,holiday,国庆节\n2021-09-26,makeup_workday,国庆节\n";
    let expected = calendar(
        "cn",
        map([
            ("2021-09-26", day("makeup_workday", "国庆节")),
            ("2021-10-01", day("holiday", "国庆节")),
        ]),
    );
    assert_eq!(write(&Calendar::from_csv("cn", csv).unwrap()), expected);
}

#[test]
fn a_calendar_with_an_unknown_field_a_repeated_day_or_a_false_date_is_not_read() {
    let holiday = || day("holiday", "国庆节");
    let unknown = map([
        ("id", text("cn")),
        ("days", map([])),
        ("years", text("2021")),
    ]);
    let in_day = map([
        ("kind", text("holiday")),
        ("name", text("国庆节")),
        ("note", text("")),
    ]);
    for (tree, said) in [
        (unknown, "unknown field `years`"),
        (
            calendar("cn", map([("2021-10-01", in_day)])),
            "unknown field `note`",
        ),
        (
            calendar(
                "cn",
                map([("2021-10-01", holiday()), ("2021-10-01", holiday())]),
            ),
            "2021-10-01 is listed twice",
        ),
        (
            calendar("cn", map([("2021-02-30", holiday())])),
            "out of range",
        ),
        (
            calendar("cn", map([("2021-10-01", day("off", "国庆节"))])),
            "unknown variant",
        ),
        (map([("id", text("cn"))]), "missing field `days`"),
    ] {
        let refusal = read::<Calendar>(tree).unwrap_err();
        assert!(refusal.contains(said), "{refusal}");
    }
}

#[test]
fn a_calendar_from_outside_is_told_every_fault_and_never_covers_an_absurd_year() {
    let days = map([
        ("0021-10-01", day("holiday", "国庆节")),
        ("2021-10-01", day("holiday", " ")),
        ("2021-10-02", day("holiday", &"国".repeat(41))),
    ]);
    let read_back: Calendar = read(calendar("通辽", days)).unwrap();
    assert!(read_back.years().eq([2021]));
    let faults = read_back.check().unwrap_err();
    assert!(matches!(&faults[0], CalendarFault::Id { found } if found == "通辽"));
    assert_eq!(
        faults[1],
        CalendarFault::DateOutOfRange {
            date: date("0021-10-01")
        }
    );
    assert!(matches!(faults[2], CalendarFault::Name { .. }));
    assert!(matches!(faults[3], CalendarFault::Name { .. }));
    assert_eq!(faults.len(), 4);
    let empty: Calendar = read(calendar("cn", map([]))).unwrap();
    assert_eq!(empty.check(), Err(vec![CalendarFault::NoDays]));
}

#[test]
fn spans_periods_and_rolls_are_written_as_authors_write_them() {
    let span: Span = "15wd".parse().unwrap();
    assert_eq!(write(&span), text("15wd"));
    assert_eq!(read(text("15wd")), Ok(span));
    assert!(read::<Span>(text("15")).unwrap_err().contains("`15wd`"));

    let period: Period = "2021Q3".parse().unwrap();
    assert_eq!(write(&period), text("2021Q3"));
    assert_eq!(read(text("2021Q3")), Ok(period));
    assert!(
        read::<Period>(text("2021Q5"))
            .unwrap_err()
            .contains("1 to 4")
    );

    for (roll, written) in [
        (Roll::None, "none"),
        (Roll::Previous, "previous"),
        (Roll::Next, "next"),
    ] {
        assert_eq!(write(&roll), text(written));
        assert_eq!(read(text(written)), Ok(roll));
    }
    assert_eq!(write(&PeriodKind::HalfYear), text("half_year"));
    assert_eq!(read(text("half_year")), Ok(PeriodKind::HalfYear));
}

#[test]
fn a_special_day_comes_back_as_written() {
    let makeup = SpecialDay {
        kind: DayKind::MakeupWorkday,
        name: "春节".to_owned(),
    };
    assert_eq!(write(&makeup), day("makeup_workday", "春节"));
    assert_eq!(read(write(&makeup)), Ok(makeup));
}
