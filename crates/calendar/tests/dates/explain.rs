//! The reasoning as it is shown to whoever asks why a deadline falls where it does.

use chrono::Weekday;
use duban_calendar::{DayWhy, Direction};

use crate::{date, shipped};

#[test]
fn twenty_working_days_are_explained_day_by_day() {
    let counting = shipped().count_after(date("2021-09-24"), 20).unwrap();
    assert_eq!(counting.result, date("2021-10-27"));
    assert_eq!(
        counting.to_string(),
        "\
2021-09-24 星期五 起算日 不计
2021-09-25 星期六 周末 不计
2021-09-26 星期日 国庆节调休上班 第1个工作日
2021-09-27 星期一 正常上班 第2个工作日
2021-09-28 星期二 正常上班 第3个工作日
2021-09-29 星期三 正常上班 第4个工作日
2021-09-30 星期四 正常上班 第5个工作日
2021-10-01 星期五 国庆节放假 不计
2021-10-02 星期六 国庆节放假 不计
2021-10-03 星期日 国庆节放假 不计
2021-10-04 星期一 国庆节放假 不计
2021-10-05 星期二 国庆节放假 不计
2021-10-06 星期三 国庆节放假 不计
2021-10-07 星期四 国庆节放假 不计
2021-10-08 星期五 正常上班 第6个工作日
2021-10-09 星期六 国庆节调休上班 第7个工作日
2021-10-10 星期日 周末 不计
2021-10-11 星期一 正常上班 第8个工作日
2021-10-12 星期二 正常上班 第9个工作日
2021-10-13 星期三 正常上班 第10个工作日
2021-10-14 星期四 正常上班 第11个工作日
2021-10-15 星期五 正常上班 第12个工作日
2021-10-16 星期六 周末 不计
2021-10-17 星期日 周末 不计
2021-10-18 星期一 正常上班 第13个工作日
2021-10-19 星期二 正常上班 第14个工作日
2021-10-20 星期三 正常上班 第15个工作日
2021-10-21 星期四 正常上班 第16个工作日
2021-10-22 星期五 正常上班 第17个工作日
2021-10-23 星期六 周末 不计
2021-10-24 星期日 周末 不计
2021-10-25 星期一 正常上班 第18个工作日
2021-10-26 星期二 正常上班 第19个工作日
2021-10-27 星期三 正常上班 第20个工作日"
    );
}

#[test]
fn a_count_back_from_a_deadline_is_explained_backwards_and_in_english() {
    let counting = shipped().count_before(date("2021-10-11"), 3).unwrap();
    assert_eq!(counting.direction, Direction::Before);
    assert_eq!(counting.result, date("2021-09-30"));
    assert_eq!(
        counting.english(),
        "\
2021-10-11 Mon day zero, not counted
2021-10-10 Sun weekend, not counted
2021-10-09 Sat make-up workday (国庆节), working day 1
2021-10-08 Fri workday, working day 2
2021-10-07 Thu holiday (国庆节), not counted
2021-10-06 Wed holiday (国庆节), not counted
2021-10-05 Tue holiday (国庆节), not counted
2021-10-04 Mon holiday (国庆节), not counted
2021-10-03 Sun holiday (国庆节), not counted
2021-10-02 Sat holiday (国庆节), not counted
2021-10-01 Fri holiday (国庆节), not counted
2021-09-30 Thu workday, working day 3"
    );
}

#[test]
fn counting_no_days_explains_only_day_zero() {
    let counting = shipped().count_after(date("2021-10-31"), 0).unwrap();
    assert_eq!(counting.result, date("2021-10-31"));
    assert_eq!(counting.days.len(), 1);
    let day = &counting.days[0];
    assert_eq!((day.weekday, day.counts), (Weekday::Sun, None));
    assert_eq!(day.why, DayWhy::DayZero);
}
