//! Every writing of a date reads as that date; what could be read twice is asked.

use chrono::{Datelike, NaiveDate};
use proptest::prelude::*;

use super::{Every, Kind, read};
use crate::reading::Confidence;
use crate::text::chinese;

const YEAR: Option<i32> = Some(2021);

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

/// Reads a phrase of which nothing is doubtful.
fn sure(phrase: &str, kind: Kind, date: &str) {
    let read = read(phrase, YEAR);
    assert_eq!(
        (read.kind, read.date),
        (kind, day(date)),
        "{phrase}: {read:?}"
    );
    assert!(read.questions.is_empty(), "{phrase}: {read:?}");
}

fn asked(phrase: &str, kind: Kind, date: &str) {
    let read = read(phrase, YEAR);
    assert_eq!(
        (read.kind, read.date),
        (kind, day(date)),
        "{phrase}: {read:?}"
    );
    assert!(
        !read.questions.is_empty(),
        "{phrase} is read without asking"
    );
    assert_eq!(read.confidence, Confidence::Uncertain);
}

#[test]
fn fixed_dates_in_all_usual_writings() {
    for phrase in [
        "2021年12月底",
        "2021年12月底前",
        "2021年12月31日",
        "2021年12月31日前",
        "2021年12月31日之前完成",
        "12月31日前",
        "12月31号",
        "12月底",
        "12月底前完成",
        "12月末",
        "12月",
        "12月份",
        "2021年12月",
        "2021.12.31",
        "2021-12-31",
        "2021/12/31",
        "2021/12/31前",
        "20211231",
        "2021.12",
        "2021-12",
        "二〇二一年十二月",
        "二○二一年十二月三十一日",
        "二零二一年十二月底前",
        "十二月三十一日前",
        "2021年底",
        "2021年底前",
        "2021年年底前",
        "年底",
        "年底前",
        "年底前完成",
        "2021年内",
        "年内",
        "今年年底前",
        "今年12月底前",
        "本年度内",
        "2021年末",
        "2021年12月31日前。",
        "2021 年 12 月 31 日",
        "2021年12月\n31日",
        "2021年12月底前",
        "12.31",
        "12.31前",
        "于2021年12月底前完成",
        "截至2021年12月31日",
        "力争12月底前全部完成",
        "2021年度",
        "2021年",
        "21年12月底",
        "2021年12月下旬",
        "12月31",
        "2021.12月底",
        "不晚于12月31日",
        "(2021年12月底前)",
        "完成时限:2021年12月底",
        "2021年12月31日24时前",
    ] {
        sure(phrase, Kind::Fixed, "2021-12-31");
    }
    sure("2021年6月底", Kind::Fixed, "2021-06-30");
    asked("2020年2月底", Kind::Fixed, "2020-02-29");
    sure("10月中旬", Kind::Fixed, "2021-10-20");
    sure("9月上旬", Kind::Fixed, "2021-09-10");
    sure("明年1月底前", Kind::Fixed, "2022-01-31");
    sure("次年3月31日前", Kind::Fixed, "2022-03-31");
    sure("2023年6月底", Kind::Fixed, "2023-06-30");
}

#[test]
fn the_day_of_a_period_is_read_or_asked() {
    for (phrase, every, day) in [
        ("每月10日前", Every::Month, Some(10)),
        ("每月25号前报送", Every::Month, Some(25)),
        ("每月前5日", Every::Month, Some(5)),
        ("每季度首月15日前", Every::Quarter, Some(15)),
        ("每季度第一个月10日前", Every::Quarter, Some(10)),
        ("每半年首月20日前", Every::HalfYear, Some(20)),
        ("每月31日前", Every::Month, None),
        ("每月底前", Every::Month, None),
        ("每季度末", Every::Quarter, None),
    ] {
        let read = read(phrase, YEAR);
        assert_eq!(
            (read.every, read.day, read.questions.len()),
            (Some(every), day, 0),
            "{phrase}: {read:?}"
        );
    }
    // Not so many days from the beginning: the end of the period is taken, and asked.
    for phrase in [
        "每季度15日前",
        "每季度末月25日前",
        "每季度次月5日前",
        "每月最后一个工作日",
        "每月第一个工作日前",
        "每月前5个工作日",
        "每月初",
        "每月1日",
        "每季度首月",
    ] {
        asked(phrase, Kind::Recurring, "");
    }
}

#[test]
fn stretches_end_on_their_last_day() {
    for (phrase, from, to) in [
        ("第三季度", "2021-07-01", "2021-09-30"),
        ("三季度", "2021-07-01", "2021-09-30"),
        ("2021年第3季度", "2021-07-01", "2021-09-30"),
        ("三季度末", "2021-07-01", "2021-09-30"),
        ("第三季度末前", "2021-07-01", "2021-09-30"),
        ("上半年", "2021-01-01", "2021-06-30"),
        ("2021年下半年", "2021-07-01", "2021-12-31"),
        ("上半年完成", "2021-01-01", "2021-06-30"),
        ("3月至5月", "2021-03-01", "2021-05-31"),
        ("3—5月", "2021-03-01", "2021-05-31"),
        ("2021年7、8月", "2021-07-01", "2021-08-31"),
        ("6月—9月", "2021-06-01", "2021-09-30"),
        ("2021年3月—10月", "2021-03-01", "2021-10-31"),
        ("2021年3月至2021年10月底", "2021-03-01", "2021-10-31"),
        ("2021.3-2021.10", "2021-03-01", "2021-10-31"),
        ("6月1日至30日", "2021-06-01", "2021-06-30"),
        ("2021年6月1日-9月15日", "2021-06-01", "2021-09-15"),
        ("一至三季度", "2021-01-01", "2021-09-30"),
        ("2021—2023年", "2021-01-01", "2023-12-31"),
        ("2021年11月至次年3月", "2021-11-01", "2022-03-31"),
    ] {
        let read = read(phrase, YEAR);
        assert_eq!(
            (read.kind, read.from, read.date),
            (Kind::Period, day(from), day(to)),
            "{phrase}: {read:?}"
        );
        assert!(read.questions.is_empty(), "{phrase}: {read:?}");
    }
    let read = read("即日起至2021年10月底", YEAR);
    assert_eq!(
        (read.kind, read.from, read.date),
        (Kind::Period, None, day("2021-10-31"))
    );
}

#[test]
fn what_comes_again_says_how_often() {
    for (phrase, every) in [
        ("每季度末", Every::Quarter),
        ("每季度末前", Every::Quarter),
        ("每季度", Every::Quarter),
        ("每个季度", Every::Quarter),
        ("每季度首月10日前", Every::Quarter),
        ("每季度至少一次", Every::Quarter),
        ("季度末", Every::Quarter),
        ("按季度报送", Every::Quarter),
        ("每月", Every::Month),
        ("每月底前", Every::Month),
        ("每月5日前", Every::Month),
        ("每月25日前报送", Every::Month),
        ("按月推进", Every::Month),
        ("每半年", Every::HalfYear),
        ("每半年一次", Every::HalfYear),
        ("半年一次", Every::HalfYear),
        ("每周", Every::Week),
        ("每日", Every::Day),
        ("每个工作日", Every::Day),
    ] {
        let read = read(phrase, YEAR);
        assert_eq!(
            (read.kind, read.every, read.date),
            (Kind::Recurring, Some(every), None),
            "{phrase}: {read:?}"
        );
        assert!(read.questions.is_empty(), "{phrase}: {read:?}");
    }
    sure("每年1月31日前", Kind::Yearly, "2021-01-31");
    sure("每年12月底前", Kind::Yearly, "2021-12-31");
    sure("每年年底前", Kind::Yearly, "2021-12-31");
    sure("每年", Kind::Yearly, "");
    asked("每年6月底和12月底前", Kind::Yearly, "2021-12-31");
    asked("每两周", Kind::Recurring, "");
    asked("月底前", Kind::Recurring, "");
    asked("定期", Kind::Recurring, "");
}

#[test]
fn what_runs_from_something_says_how_long_and_from_what() {
    for (phrase, count, unit, event) in [
        ("信息形成后20个工作日内", 20, "working_day", "信息形成后"),
        (
            "自信息形成或者变更之日起20个工作日内",
            20,
            "working_day",
            "信息形成或者变更",
        ),
        (
            "收到申请之日起二十个工作日内",
            20,
            "working_day",
            "收到申请",
        ),
        ("文件印发后3个工作日内", 3, "working_day", "文件印发后"),
        ("事发后5小时内", 5, "hour", "事发后"),
        ("会议结束后15日内", 15, "day", "会议结束后"),
        ("印发后一个月内", 1, "month", "印发后"),
        ("通知印发后半个月内", 15, "day", "通知印发后"),
        ("发布后24小时内", 24, "hour", "发布后"),
    ] {
        let read = read(phrase, YEAR);
        let within = read
            .within
            .clone()
            .unwrap_or_else(|| panic!("{phrase}: {read:?}"));
        assert_eq!(read.kind, Kind::Relative, "{phrase}");
        assert_eq!(
            (within.count, within.unit, within.event.as_str()),
            (count, unit, event),
            "{phrase}"
        );
        assert!(read.questions.is_empty(), "{phrase}: {read:?}");
    }
    asked("20个工作日内", Kind::Relative, "");
    asked("收到后3至5个工作日内", Kind::Relative, "");
    assert!(
        read("会议召开前5个工作日前", YEAR)
            .within
            .is_some_and(|w| w.before)
    );
}

#[test]
fn words_without_a_date_have_their_kinds() {
    for (phrase, kind) in [
        ("全年持续推进", Kind::Continuous),
        ("2021年全年", Kind::Continuous),
        ("长期坚持", Kind::Continuous),
        ("持续推进", Kind::Continuous),
        ("常态化推进", Kind::Continuous),
        ("2021年7月起持续推进", Kind::Continuous),
        ("适时推进", Kind::WhenAppropriate),
        ("视情推进", Kind::WhenAppropriate),
        ("按上级要求推进", Kind::WhenAppropriate),
        ("即时", Kind::Immediate),
        ("立即", Kind::Immediate),
        ("实时", Kind::Realtime),
        ("实时更新", Kind::Realtime),
        ("", Kind::Missing),
        ("  ", Kind::Missing),
        ("\u{3000}", Kind::Missing),
        ("无", Kind::None),
        ("/", Kind::None),
        ("—", Kind::None),
    ] {
        sure(phrase, kind, "");
    }
    for (phrase, kind) in [
        ("及时", Kind::Immediate),
        ("尽快完成", Kind::Immediate),
        ("待定", Kind::WhenAppropriate),
        ("国庆节前", Kind::None),
        ("张三", Kind::None),
        ("3-5", Kind::None),
    ] {
        let read = read(phrase, YEAR);
        assert_eq!(read.kind, kind, "{phrase}");
    }
    assert!(!read("国庆节前", YEAR).questions.is_empty());
    assert!(!read("及时", YEAR).questions.is_empty());
}

#[test]
fn two_readings_are_asked_with_both() {
    let two = read("2021年9月底前完成方案,12月底前全部完成", YEAR);
    assert_eq!(two.date, day("2021-12-31"));
    assert_eq!(two.questions[0].alternatives, ["2021-12-31", "2021-09-30"]);
    asked("12月前", Kind::Fixed, "2021-11-30");
    asked("第三季度前", Kind::Fixed, "2021-06-30");
    asked("6月31日前", Kind::Fixed, "2021-06-30");
    asked("2021年10月底前完成,长期坚持", Kind::Fixed, "2021-10-31");
    asked("2012年12月底", Kind::Fixed, "2012-12-31");
    asked("2021年春节前", Kind::Fixed, "2021-12-31");
    asked("年初", Kind::Fixed, "2021-01-31");
    let no_year = read("12月底", None);
    assert_eq!((no_year.kind, no_year.date), (Kind::Fixed, None));
    assert!(!no_year.questions.is_empty());
    assert_eq!(read("2021年12月底", None).date, day("2021-12-31"));
}

#[test]
fn an_endless_phrase_is_asked_not_read() {
    let long = "2021年12月底".repeat(200);
    assert_eq!(read(&long, YEAR).kind, Kind::None);
}

fn full_width(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' => char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c),
            other => other,
        })
        .collect()
}

proptest! {
    #[test]
    fn every_writing_of_a_day_reads_as_that_day(year in 2000_i32..2100, ordinal in 1_u32..366) {
        let date = NaiveDate::from_yo_opt(year, ordinal).expect("a day of the year");
        let (m, d) = (date.month(), date.day());
        let digits: String = year.to_string().chars().filter_map(|c| c.to_digit(10)).map(chinese).collect();
        let writings = [
            format!("{year}年{m}月{d}日"),
            format!("{year}年{m:02}月{d:02}日前"),
            format!("{year} 年 {m} 月 {d} 日"),
            format!("{year}.{m}.{d}"),
            format!("{year}-{m:02}-{d:02}"),
            format!("{year}/{m}/{d}前"),
            format!("{year}{m:02}{d:02}"),
            format!("{digits}年{}月{}日", chinese(m), chinese(d)),
            format!("{m}月{d}日前"),
            format!("{m}月{d}号之前完成"),
            format!("今年{}月{}日", chinese(m), chinese(d)),
            full_width(&format!("{year}年{m}月{d}日")),
            full_width(&format!("{year}.{m}.{d}")),
        ];
        for writing in writings {
            let read = read(&writing, Some(year));
            prop_assert_eq!((read.kind, read.date), (Kind::Fixed, Some(date)), "{}", &writing);
            prop_assert!(read.questions.is_empty(), "{}: {:?}", &writing, read.questions);
        }
    }

    #[test]
    fn every_writing_of_a_month_ends_on_its_last_day(year in 2000_i32..2100, m in 1_u32..=12) {
        let last = super::point::month_end(year, m).expect("a month");
        let digits: String = year.to_string().chars().filter_map(|c| c.to_digit(10)).map(chinese).collect();
        for writing in [
            format!("{year}年{m}月底"),
            format!("{year}年{m}月底前完成"),
            format!("{m}月末"),
            format!("{}月份", chinese(m)),
            format!("{year}.{m:02}"),
            format!("{year}-{m:02}"),
            format!("{digits}年{}月", chinese(m)),
            full_width(&format!("{year}年{m}月底")),
        ] {
            let read = read(&writing, Some(year));
            prop_assert_eq!((read.kind, read.date), (Kind::Fixed, Some(last)), "{}", &writing);
        }
    }

    #[test]
    fn a_range_reads_as_its_first_and_last_day(year in 2000_i32..2100, a in 1_u32..=12, b in 1_u32..=12) {
        prop_assume!(a < b);
        let last = super::point::month_end(year, b);
        for writing in [
            format!("{a}月至{b}月"),
            format!("{a}-{b}月"),
            format!("{year}年{a}月—{b}月"),
            format!("{year}年{a}~{b}月"),
            format!("{}月到{}月", chinese(a), chinese(b)),
            format!("{year}.{a:02}-{year}.{b:02}"),
        ] {
            let read = read(&writing, Some(year));
            prop_assert_eq!((read.kind, read.date), (Kind::Period, last), "{}", &writing);
            prop_assert_eq!(read.from, NaiveDate::from_ymd_opt(year, a, 1), "{}", &writing);
        }
    }

    #[test]
    fn no_phrase_panics(text in "[0-9０-９一二三四五六七八九十〇年月日底末前内后每第季度上下半旬个工作至到.、,/~—-]{0,24}", year in prop::option::of(1_i32..9999)) {
        let read = read(&text, year);
        prop_assert!(read.kind != Kind::Fixed || read.date.is_some() || !read.questions.is_empty());
    }

    #[test]
    fn no_text_panics(text in ".{0,40}") {
        let _ = read(&text, Some(2021));
    }
}
