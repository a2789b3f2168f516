//! The same counts with their reasoning: one line a day, for whoever asks why a deadline falls
//! where it does. Walks the days and never looks into the table, so that tests can hold one
//! against the other.

use std::fmt::{self, Write as _};

use chrono::{Datelike, NaiveDate, Weekday};
use serde::Serialize;

use crate::calendar::{Calendar, DayKind, is_worked};
use crate::counting::NoCalendarData;

/// Which way a count went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards later days.
    After,
    /// Towards earlier days.
    Before,
}

/// A count and every day it looked at.
///
/// `Display` prints the days in Chinese, one a line, without a last line break;
/// [`Counting::english`] does so in English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Counting {
    /// Which way the count went.
    pub direction: Direction,
    /// Working days asked for.
    pub n: u32,
    /// The date arrived at.
    pub result: NaiveDate,
    /// Every day from day zero to the result, in the order of counting.
    pub days: Vec<DayReason>,
}

/// One day of a count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayReason {
    /// The day.
    pub date: NaiveDate,
    /// Its weekday.
    pub weekday: Weekday,
    /// Its running number from 1 when it counts; `None` when it is passed over.
    pub counts: Option<u32>,
    /// Why it counts or does not.
    pub why: DayWhy,
}

/// Why a day counts or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DayWhy {
    /// Monday to Friday and not listed: counts.
    Workday,
    /// Saturday or Sunday and not listed: does not count.
    Weekend,
    /// Off by the notice, for the festival named: does not count.
    Holiday(String),
    /// Worked by the notice, for the festival named: counts.
    MakeupWorkday(String),
    /// The day the count begins on: does not count (民法典第二百零一条).
    DayZero,
}

impl Calendar {
    /// [`Calendar::working_days_after`] with its reasoning.
    ///
    /// # Errors
    /// [`NoCalendarData`] when a day on the way lies in a year without data.
    pub fn count_after(&self, from: NaiveDate, n: u32) -> Result<Counting, NoCalendarData> {
        self.walk(from, n, Direction::After)
    }

    /// [`Calendar::working_days_before`] with its reasoning; the days run backwards.
    ///
    /// # Errors
    /// [`NoCalendarData`] when a day on the way lies in a year without data.
    pub fn count_before(&self, to: NaiveDate, n: u32) -> Result<Counting, NoCalendarData> {
        self.walk(to, n, Direction::Before)
    }

    fn walk(
        &self,
        day_zero: NaiveDate,
        n: u32,
        direction: Direction,
    ) -> Result<Counting, NoCalendarData> {
        let mut date = day_zero;
        let mut counted = 0;
        let mut days = vec![DayReason {
            date,
            weekday: date.weekday(),
            counts: None,
            why: DayWhy::DayZero,
        }];
        // Ends for any `n`: the covered years do, and past them the count is refused.
        while counted < n {
            date = match direction {
                Direction::After => self.day_after(date)?,
                Direction::Before => self.day_before(date)?,
            };
            let worked = self.is_working_day(date)?;
            counted += u32::from(worked);
            days.push(DayReason {
                date,
                weekday: date.weekday(),
                counts: worked.then_some(counted),
                why: self.why(date),
            });
        }
        Ok(Counting {
            direction,
            n,
            result: date,
            days,
        })
    }

    pub(crate) fn why(&self, date: NaiveDate) -> DayWhy {
        match self.special(date) {
            Some(day) if day.kind == DayKind::Holiday => DayWhy::Holiday(day.name.clone()),
            Some(day) => DayWhy::MakeupWorkday(day.name.clone()),
            None if is_worked(date, None) => DayWhy::Workday,
            None => DayWhy::Weekend,
        }
    }
}

impl Counting {
    /// The days in English, one a line, without a last line break. Names of festivals stay as the
    /// notice gives them.
    pub fn english(&self) -> String {
        let mut text = String::new();
        for (index, day) in self.days.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.push_str(&day.english());
        }
        text
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, day) in self.days.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            write!(f, "{day}")?;
        }
        Ok(())
    }
}

impl DayReason {
    /// The day in English, e.g. `2021-10-01 Fri holiday (国庆节), not counted`.
    pub fn english(&self) -> String {
        let why = match &self.why {
            DayWhy::Workday => "workday".to_owned(),
            DayWhy::Weekend => "weekend".to_owned(),
            DayWhy::Holiday(name) => format!("holiday ({name})"),
            DayWhy::MakeupWorkday(name) => format!("make-up workday ({name})"),
            DayWhy::DayZero => "day zero".to_owned(),
        };
        let counts = match self.counts {
            Some(number) => format!("working day {number}"),
            None => "not counted".to_owned(),
        };
        format!("{} {} {why}, {counts}", self.date, self.weekday)
    }
}

/// The day in Chinese, e.g. `2021-10-01 星期五 国庆节放假 不计`.
impl fmt::Display for DayReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.date, weekday_chinese(self.weekday))?;
        match &self.why {
            DayWhy::Workday => f.write_str("正常上班")?,
            DayWhy::Weekend => f.write_str("周末")?,
            DayWhy::Holiday(name) => write!(f, "{name}放假")?,
            DayWhy::MakeupWorkday(name) => write!(f, "{name}调休上班")?,
            DayWhy::DayZero => f.write_str("起算日")?,
        }
        match self.counts {
            Some(number) => write!(f, " 第{number}个工作日"),
            None => f.write_str(" 不计"),
        }
    }
}

/// A weekday in Chinese, e.g. `星期五`.
pub fn weekday_chinese(weekday: Weekday) -> &'static str {
    match weekday {
        Weekday::Mon => "星期一",
        Weekday::Tue => "星期二",
        Weekday::Wed => "星期三",
        Weekday::Thu => "星期四",
        Weekday::Fri => "星期五",
        Weekday::Sat => "星期六",
        Weekday::Sun => "星期日",
    }
}
