//! The clock of a duty: what stops, restarts and extensions do to its date, and that the days
//! listed lead there.

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use duban_calendar::{
    Basis, Calendar, Clock, ClockDay, ClockFault, CountError, Derivation, Left, MAX_TURNS, Moment,
    Part, Reasoning, Roll, Span, SpanUnit, Turn, What,
};
use proptest::prelude::*;

use crate::{date, shipped};

static CN: LazyLock<Calendar> = LazyLock::new(shipped);

fn turn(at: NaiveDate, what: What) -> Turn {
    Turn {
        at: Moment::Day(at),
        what,
        why: None,
    }
}

fn term(from: NaiveDate, n: u32, unit: SpanUnit) -> Basis {
    Basis::Days {
        from,
        term: Span::new(n, unit).unwrap(),
        roll: Roll::None,
    }
}

fn clock(basis: Basis, turns: &[(NaiveDate, What)]) -> Clock {
    let mut clock = Clock::new(basis);
    for (at, what) in turns {
        clock.take(turn(*at, *what)).unwrap();
    }
    clock
}

fn due(clock: &Clock) -> NaiveDate {
    clock.derive(&CN).unwrap().due.unwrap().day().unwrap()
}

fn days(derivation: &Derivation) -> &[ClockDay] {
    match &derivation.reasoning {
        Reasoning::Days(days) => days,
        Reasoning::Hours(_) => panic!("a clock of days"),
    }
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339()
}

/// An application as the Regulation on open government information has it: 20 working days from
/// receipt, corrected, a third party asked, extended by 20 more.
#[test]
fn an_application_is_corrected_consulted_on_and_extended() {
    let day = date;
    let mut clock = Clock::new(term(day("2021-09-01"), 20, SpanUnit::WorkingDays));
    // 20 working days step over mid-autumn with its make-up Saturday 18, and count Sunday 26.
    assert_eq!(due(&clock), day("2021-09-29"));
    clock.take(turn(day("2021-09-08"), What::Stopped)).unwrap();
    let derived = clock.derive(&CN).unwrap();
    assert_eq!(derived.due, None);
    assert_eq!(derived.left, Some(Left::Days(vec![(16, "wd")])));
    assert_eq!(derived.left.unwrap().chinese(), "16个工作日");
    // The corrected application comes: the count begins anew.
    clock
        .take(turn(day("2021-09-13"), What::Restarted(None)))
        .unwrap();
    assert_eq!(due(&clock), day("2021-10-15"));
    // A third party is asked, and has 15 working days.
    clock.take(turn(day("2021-09-22"), What::Stopped)).unwrap();
    clock.take(turn(day("2021-10-18"), What::Resumed)).unwrap();
    assert_eq!(due(&clock), day("2021-11-05"));
    assert_eq!(
        CN.working_days_between(day("2021-10-15"), day("2021-11-05")),
        Ok(15)
    );
    let span = "20wd".parse().unwrap();
    clock
        .take(turn(day("2021-11-01"), What::Extended(span)))
        .unwrap();
    assert_eq!(due(&clock), day("2021-12-03"));
    assert_eq!(clock.extensions(), 1);
    let lines = clock.derive(&CN).unwrap().chinese(&shown);
    assert_eq!(
        lines[0],
        "2021-09-13 星期一 正常上班 起算日,不计;当日起重新计算"
    );
    assert_eq!(lines[1], "2021-09-14 星期二 正常上班 计第1日");
    let has = |line: &str| assert!(lines.iter().any(|l| l == line), "{line}\n{lines:#?}");
    has("2021-09-20 星期一 中秋节放假 不计");
    has("2021-09-22 星期三 正常上班 停止计时,扣除;当日停止计时");
    has("2021-10-01 星期五 国庆节放假 停止计时");
    has("2021-10-18 星期一 正常上班 计第6日;当日恢复计时");
    has("2021-11-05 星期五 正常上班 计第20日");
    assert_eq!(
        lines.last().unwrap(),
        "2021-12-03 星期五 正常上班 延期第20日"
    );
    let english = clock.derive(&CN).unwrap().english(&shown);
    assert_eq!(
        english[0],
        "2021-09-13 Mon workday day zero, not counted; counted anew from this day"
    );
    assert_eq!(
        english.last().unwrap(),
        "2021-12-03 Fri workday day 20 of the extension"
    );
}

#[test]
fn a_named_date_moves_by_the_working_days_that_were_stopped() {
    let stops = [
        (date("2021-09-27"), What::Stopped),
        (date("2021-10-11"), What::Resumed),
    ];
    // 27 to 30 September, 8 and 9 October.
    let clock = clock(Basis::Date(date("2021-10-31")), &stops);
    assert_eq!(due(&clock), date("2021-11-08"));
    let lines = clock.derive(&CN).unwrap().chinese(&shown);
    assert_eq!(
        lines[0],
        "2021-09-27 星期一 正常上班 停止计时,扣除;当日停止计时"
    );
    assert_eq!(
        lines[14],
        "2021-10-11 星期一 正常上班 未到时限;当日恢复计时"
    );
    assert_eq!(lines[15], "2021-10-12 至 2021-10-31 未到时限");
    assert_eq!(lines[16], "2021-11-01 星期一 正常上班 补计停止的第1日");
    assert_eq!(
        lines.last().unwrap(),
        "2021-11-08 星期一 正常上班 补计停止的第6日"
    );
}

#[test]
fn the_last_day_can_be_stopped_and_is_then_the_day_of_resuming() {
    let last = date("2021-10-15");
    for basis in [
        Basis::Date(last),
        term(date("2021-09-13"), 20, SpanUnit::WorkingDays),
    ] {
        let stops = [(last, What::Stopped), (date("2021-10-20"), What::Resumed)];
        assert_eq!(due(&clock(basis, &stops)), date("2021-10-20"));
    }
    // A date on a rest day, stopped over that day only, is the day on which the clock runs again.
    let stops = [
        (date("2021-10-30"), What::Stopped),
        (date("2021-11-01"), What::Resumed),
    ];
    let clock = clock(Basis::Date(date("2021-10-31")), &stops);
    assert_eq!(due(&clock), date("2021-11-01"));
}

#[test]
fn what_is_stopped_after_the_last_day_changes_nothing() {
    let basis = Basis::Date(date("2021-10-29"));
    let stops = [
        (date("2021-11-01"), What::Stopped),
        (date("2021-11-10"), What::Resumed),
    ];
    assert_eq!(due(&clock(basis, &stops)), date("2021-10-29"));
    let granted = [
        stops[0],
        stops[1],
        (
            date("2021-11-10"),
            What::ExtendedTo(Moment::Day(date("2021-11-19"))),
        ),
    ];
    assert_eq!(due(&clock(basis, &granted)), date("2021-11-19"));
    let days = "5wd".parse().unwrap();
    let added = [(date("2021-11-10"), What::Extended(days))];
    assert_eq!(due(&clock(basis, &added)), date("2021-11-05"));
}

#[test]
fn a_term_that_ends_on_a_rest_day_rolls_as_written() {
    let ends = |roll| Basis::Days {
        from: date("2021-09-01"),
        term: "30d".parse().unwrap(),
        roll,
    };
    assert_eq!(due(&Clock::new(ends(Roll::None))), date("2021-10-01"));
    assert_eq!(due(&Clock::new(ends(Roll::Next))), date("2021-10-08"));
    assert_eq!(due(&Clock::new(ends(Roll::Previous))), date("2021-09-30"));
    // A stop of two calendar days moves the end by two, and then it rolls.
    let stops = [
        (date("2021-09-06"), What::Stopped),
        (date("2021-09-08"), What::Resumed),
    ];
    assert_eq!(due(&clock(ends(Roll::None), &stops)), date("2021-10-03"));
    assert_eq!(due(&clock(ends(Roll::Next), &stops)), date("2021-10-08"));
    // An extension is counted on from the date that held.
    let extension = [(date("2021-09-06"), What::Extended("1wd".parse().unwrap()))];
    assert_eq!(
        due(&clock(ends(Roll::Next), &extension)),
        date("2021-10-09")
    );
}

#[test]
fn hours_stop_and_go_on_by_the_instant() {
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    let turn = |text: &str, what| Turn {
        at: Moment::Instant(at(text)),
        what,
        why: None,
    };
    let mut clock = Clock::new(Basis::Hours {
        from: at("2021-08-05T02:00:00Z"),
        hours: 5,
    });
    clock
        .take(turn("2021-08-05T04:30:00Z", What::Stopped))
        .unwrap();
    let derived = clock.derive(&CN).unwrap();
    assert_eq!(derived.due, None);
    assert_eq!(derived.left.unwrap().chinese(), "2小时30分");
    clock
        .take(turn("2021-08-05T05:00:00Z", What::Resumed))
        .unwrap();
    let derived = clock.derive(&CN).unwrap();
    assert_eq!(
        derived.due,
        Some(Moment::Instant(at("2021-08-05T07:30:00Z")))
    );
    assert_eq!(
        derived.english(&shown),
        [
            "2021-08-05T02:00:00+00:00 to 2021-08-05T04:30:00+00:00 counted, 2h 30min",
            "2021-08-05T04:30:00+00:00 to 2021-08-05T05:00:00+00:00 stopped, 0h 30min taken out",
            "2021-08-05T05:00:00+00:00 to 2021-08-05T07:30:00+00:00 counted, 2h 30min",
        ]
    );
    clock
        .take(turn("2021-08-05T06:00:00Z", What::Restarted(None)))
        .unwrap();
    assert_eq!(
        clock.derive(&CN).unwrap().due,
        Some(Moment::Instant(at("2021-08-05T11:00:00Z")))
    );
}

#[test]
fn turns_that_cannot_be_are_refused_and_change_nothing() {
    let mut clock = Clock::new(term(date("2021-09-13"), 20, SpanUnit::WorkingDays));
    let mut refused = |turn: Turn| {
        let before = clock.clone();
        let fault = clock.take(turn).unwrap_err();
        assert_eq!(clock, before);
        fault
    };
    assert_eq!(
        refused(turn(date("2021-09-14"), What::Resumed)),
        ClockFault::Running
    );
    assert!(matches!(
        refused(turn(date("2021-09-10"), What::Stopped)),
        ClockFault::OutOfOrder { .. }
    ));
    assert_eq!(
        refused(turn(
            date("2021-09-14"),
            What::Restarted(Some(date("2021-12-01")))
        )),
        ClockFault::RestartDate
    );
    let instant = Moment::Instant("2021-09-14T00:00:00Z".parse().unwrap());
    assert_eq!(
        refused(Turn {
            at: instant,
            what: What::Stopped,
            why: None
        }),
        ClockFault::OtherMeasure
    );
    clock.take(turn(date("2021-09-14"), What::Stopped)).unwrap();
    assert_eq!(
        clock.take(turn(date("2021-09-15"), What::Stopped)),
        Err(ClockFault::Stopped)
    );
    while clock.turns().len() < MAX_TURNS {
        let next = if clock.is_stopped() {
            What::Resumed
        } else {
            What::Stopped
        };
        clock.take(turn(date("2021-09-14"), next)).unwrap();
    }
    let one_more = turn(date("2021-09-20"), What::Extended("1wd".parse().unwrap()));
    assert_eq!(clock.take(one_more), Err(ClockFault::TooMany));
}

#[test]
fn what_was_stopped_after_the_clock_had_run_out_is_not_looked_at() {
    let clock = clock(
        Basis::Date(date("2019-01-18")),
        &[
            (date("2019-01-21"), What::Stopped),
            (date("2019-01-23"), What::Resumed),
            (date("2019-01-23"), What::Extended("2wd".parse().unwrap())),
        ],
    );
    assert_eq!(due(&clock), date("2019-01-22"));
}

#[test]
fn an_extension_is_never_rolled_back_behind_the_date_it_extends() {
    for (more, expected) in [
        ("0wd", "2021-05-01"),
        ("1d", "2021-05-02"),
        ("1wd", "2021-05-06"),
    ] {
        let clock = clock(
            Basis::Days {
                from: date("2021-04-16"),
                term: "1wd".parse().unwrap(),
                roll: Roll::Previous,
            },
            &[
                (
                    date("2021-04-26"),
                    What::ExtendedTo(Moment::Day(date("2021-05-01"))),
                ),
                (date("2021-04-26"), What::Extended(more.parse().unwrap())),
            ],
        );
        assert_eq!(due(&clock), date(expected), "{more}");
    }
}

/// A day of 2019 to 2023.
fn any_day() -> impl Strategy<Value = NaiveDate> {
    (0..1500_u64).prop_map(|offset| date("2019-01-01") + Days::new(offset))
}

fn any_basis() -> impl Strategy<Value = Basis> {
    let roll = prop::sample::select(vec![Roll::None, Roll::Next, Roll::Previous]);
    let unit = prop::sample::select(vec![SpanUnit::WorkingDays, SpanUnit::CalendarDays]);
    prop_oneof![
        any_day().prop_map(Basis::Date),
        (any_day(), 1..60_u32, unit, roll).prop_map(|(from, n, unit, roll)| Basis::Days {
            from,
            term: Span::new(n, unit).unwrap(),
            roll,
        }),
    ]
}

/// Turns at ascending offsets from where the count begins; those that cannot be are left out.
fn any_clock() -> impl Strategy<Value = Clock> {
    let what = prop::sample::select(vec![0, 0, 0, 1, 1, 1, 2, 3, 4]);
    let turns = prop::collection::vec((0..15_i64, what, 0..30_u32), 0..8);
    (any_basis(), turns).prop_map(|(basis, turns)| {
        let mut clock = Clock::new(basis);
        let mut at = match basis {
            Basis::Date(to) => to - Days::new(20),
            Basis::Days { from, .. } => from,
            Basis::Hours { from, .. } => from.date_naive(),
        };
        for (later, what, n) in turns {
            at += TimeDelta::days(later);
            let to = at + TimeDelta::days(i64::from(n));
            let what = match what {
                0 => What::Stopped,
                1 => What::Resumed,
                2 => What::Restarted(matches!(basis, Basis::Date(_)).then_some(to)),
                3 => What::Extended(Span::new(n, SpanUnit::WorkingDays).unwrap()),
                _ => What::ExtendedTo(Moment::Day(to)),
            };
            let _ = clock.take(turn(at, what));
        }
        clock
    })
}

fn ended(clock: Clock) -> (Clock, NaiveDate) {
    let last = clock.turns().last().and_then(|turn| turn.at.day());
    let from = match clock.basis() {
        Basis::Date(to) => to,
        Basis::Days { from, .. } => from,
        Basis::Hours { from, .. } => from.date_naive(),
    };
    (clock, last.unwrap_or(from))
}

proptest! {
    #[test]
    fn the_days_listed_end_on_the_date_and_say_what_they_are(clock in any_clock()) {
        let derived = clock.derive(&CN).unwrap();
        let days = days(&derived);
        if let Some(due) = derived.due {
            prop_assert_eq!(Moment::Day(days.last().unwrap().date), due);
            prop_assert!(!matches!(days.last().unwrap().part, Part::Stopped | Part::Rest));
        } else {
            prop_assert!(clock.is_stopped());
        }
        for pair in days.windows(2) {
            prop_assert_eq!(pair[0].date + Days::new(1), pair[1].date);
        }
        prop_assert!(derived.chinese(&shown).len() <= days.len());
        // Nothing that counts lies in a stop. Only what is on the list stopped anything: a stop after
        // the clock had run out is not looked at.
        let mut stopped = false;
        for day in days {
            for turn in &day.turns {
                match turn.what {
                    What::Stopped => stopped = true,
                    What::Resumed | What::Restarted(_) | What::SetTo(_) => stopped = false,
                    What::Extended(_) | What::ExtendedTo(_) => {}
                }
            }
            let counts = matches!(day.part, Part::Counted(_) | Part::Extension(_) | Part::MadeUp(_));
            prop_assert!(!(counts && stopped), "{:?}", day);
        }
    }

    #[test]
    fn without_turns_it_is_the_calendars_own_count(basis in any_basis()) {
        let expected = match basis {
            Basis::Date(to) => to,
            Basis::Days { from, term, roll } => CN.roll(CN.after(from, term).unwrap(), roll).unwrap(),
            Basis::Hours { .. } => unreachable!("days only"),
        };
        // Rolled back, it does not end on or before the day on which it begins.
        let back = matches!(basis, Basis::Days { from, roll: Roll::Previous, .. } if expected <= from);
        prop_assert!(back || due(&Clock::new(basis)) == expected);
    }

    #[test]
    fn more_time_never_gives_an_earlier_date(
        clock in any_clock(),
        later in 0..10_i64,
        n in 0..40_u32,
        unit in prop::sample::select(vec![SpanUnit::WorkingDays, SpanUnit::CalendarDays]),
    ) {
        let (mut clock, last) = ended(clock);
        let before = clock.derive(&CN).unwrap().due;
        let span = Span::new(n, unit).unwrap();
        clock.take(turn(last + TimeDelta::days(later), What::Extended(span))).unwrap();
        let after = clock.derive(&CN).unwrap().due;
        prop_assert_eq!(before.is_some(), after.is_some());
        prop_assert!(after >= before, "{:?} {:?}", before, after);
        // Two extensions are one of both.
        let half = Span::new(n / 2, unit).unwrap();
        let rest = Span::new(n - n / 2, unit).unwrap();
        let mut twice = Clock::new(clock.basis());
        for turn in &clock.turns()[..clock.turns().len() - 1] {
            twice.take(turn.clone()).unwrap();
        }
        for part in [half, rest] {
            twice.take(turn(last + TimeDelta::days(later), What::Extended(part))).unwrap();
        }
        let rolls = matches!(clock.basis(), Basis::Days { roll: Roll::Next | Roll::Previous, .. });
        prop_assert!(rolls || twice.derive(&CN).unwrap().due == after);
    }

    #[test]
    fn stopped_and_resumed_on_one_day_changes_nothing(clock in any_clock(), later in 0..30_i64) {
        let (clock, last) = ended(clock);
        prop_assume!(!clock.is_stopped());
        let day = last + TimeDelta::days(later);
        let mut touched = clock.clone();
        touched.take(turn(day, What::Stopped)).unwrap();
        touched.take(turn(day, What::Resumed)).unwrap();
        prop_assert_eq!(touched.derive(&CN).unwrap().due, clock.derive(&CN).unwrap().due);
    }

    #[test]
    fn a_stop_moves_the_date_by_the_working_days_it_took_out(
        from in any_day(),
        n in 1..60_u32,
        stop in 1..80_u64,
        lasts in 0..60_u64,
        dated in any::<bool>(),
    ) {
        let plain = term(from, n, SpanUnit::WorkingDays);
        let held = due(&Clock::new(plain));
        let basis = if dated { Basis::Date(held) } else { plain };
        let stop = from + Days::new(stop);
        prop_assume!(stop <= held);
        let resumed = stop + Days::new(lasts);
        let clock = clock(basis, &[(stop, What::Stopped), (resumed, What::Resumed)]);
        let taken = CN.working_days_between(stop - Days::new(1), resumed - Days::new(1)).unwrap();
        let moved = CN.working_days_between(held, due(&clock)).unwrap();
        prop_assert_eq!(moved, taken);
    }

    #[test]
    fn a_restart_is_a_fresh_start(clock in any_clock(), later in 0..30_i64, n in 1..60_u32) {
        let (mut clock, last) = ended(clock);
        let day = last + TimeDelta::days(later);
        let (to, fresh) = match clock.basis() {
            Basis::Date(_) => {
                let to = day + Days::new(u64::from(n));
                (Some(to), Basis::Date(to))
            }
            Basis::Days { term, roll, .. } => (None, Basis::Days { from: day, term, roll }),
            Basis::Hours { .. } => unreachable!("days only"),
        };
        clock.take(turn(day, What::Restarted(to))).unwrap();
        let fresh = Clock::new(fresh);
        prop_assert_eq!(clock.derive(&CN).unwrap().due, fresh.derive(&CN).unwrap().due);
        prop_assert_eq!(clock.extensions(), 0);
        let later = [(day + Days::new(2), What::Stopped), (day + Days::new(9), What::Resumed)];
        let (mut a, mut b) = (clock, fresh);
        for (at, what) in later {
            a.take(turn(at, what)).unwrap();
            b.take(turn(at, what)).unwrap();
        }
        prop_assert_eq!(a.derive(&CN).unwrap().due, b.derive(&CN).unwrap().due);
    }

    #[test]
    fn a_year_without_data_is_refused(n in 40..300_u32, stop in 1..20_u64) {
        // The shipped calendar ends with 2026.
        let from = date("2026-12-01");
        let clock = clock(term(from, n, SpanUnit::WorkingDays), &[
            (from + Days::new(stop), What::Stopped),
            (from + Days::new(stop + 3), What::Resumed),
        ]);
        prop_assert!(matches!(clock.derive(&CN), Err(CountError::NoCalendarData(_))));
    }
}
