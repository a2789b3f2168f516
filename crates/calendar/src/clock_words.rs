//! The reasoning of a clock in words, Chinese and English, a line a day. Days on which nothing is
//! counted because a named date is still ahead are told as one line.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, Utc};

use crate::clock::{Moment, Turn, What};
use crate::clock_days::{ClockDay, Derivation, Left, Part, Reasoning};
use crate::clock_hours::Stretch;
use crate::explain::{DayWhy, weekday_chinese};
use crate::span::{Span, SpanUnit};

/// How an instant is shown: the calendar knows no zones.
type Shown<'a> = &'a dyn Fn(DateTime<Utc>) -> String;

/// The languages that there are words for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tongue {
    Chinese,
    English,
}

impl Derivation {
    /// A line for each day or stretch, in Chinese, e.g. `2021-10-01 星期五 国庆节放假 不计`; `instant`
    /// says how an instant is shown.
    pub fn chinese(&self, instant: Shown<'_>) -> Vec<String> {
        self.lines(Tongue::Chinese, instant)
    }

    /// The same in English, e.g. `2021-10-01 Fri holiday (国庆节), not counted`.
    pub fn english(&self, instant: Shown<'_>) -> Vec<String> {
        self.lines(Tongue::English, instant)
    }

    fn lines(&self, tongue: Tongue, instant: Shown<'_>) -> Vec<String> {
        match &self.reasoning {
            Reasoning::Hours(stretches) => stretches
                .iter()
                .map(|stretch| stretch.words(tongue, instant))
                .collect(),
            Reasoning::Days(days) => {
                let mut lines = Vec::new();
                let mut ahead: Option<(NaiveDate, NaiveDate)> = None;
                for day in days {
                    if day.part == Part::Before && day.turns.is_empty() {
                        let from = ahead.map_or(day.date, |(from, _)| from);
                        ahead = Some((from, day.date));
                        continue;
                    }
                    lines.extend(ahead.take().map(|span| before(span, tongue)));
                    lines.push(day.words(tongue, instant));
                }
                lines.extend(ahead.map(|span| before(span, tongue)));
                lines
            }
        }
    }
}

fn before((from, to): (NaiveDate, NaiveDate), tongue: Tongue) -> String {
    match (tongue, from == to) {
        (Tongue::Chinese, true) => format!("{from} 未到时限"),
        (Tongue::Chinese, false) => format!("{from} 至 {to} 未到时限"),
        (Tongue::English, true) => format!("{from} before the date"),
        (Tongue::English, false) => format!("{from} to {to} before the date"),
    }
}

impl Left {
    /// What is left, in Chinese, e.g. `12个工作日`.
    pub fn chinese(&self) -> String {
        match self {
            Left::Millis(millis) => {
                let minutes = millis.max(&0) / 60_000;
                format!("{}小时{}分", minutes / 60, minutes % 60)
            }
            Left::Days(days) => {
                let days = days.iter().map(|(n, unit)| match *unit {
                    "wd" => format!("{n}个工作日"),
                    _ => format!("{n}天"),
                });
                days.collect::<Vec<_>>().join("和")
            }
        }
    }

    /// The same in English, e.g. `12wd`.
    pub fn english(&self) -> String {
        match self {
            Left::Millis(millis) => {
                let minutes = millis.max(&0) / 60_000;
                format!("{}h {}min", minutes / 60, minutes % 60)
            }
            Left::Days(days) => {
                let days = days.iter().map(|(n, unit)| format!("{n}{unit}"));
                days.collect::<Vec<_>>().join(" and ")
            }
        }
    }
}

impl ClockDay {
    fn words(&self, tongue: Tongue, instant: Shown<'_>) -> String {
        let mut text = match tongue {
            Tongue::Chinese => format!("{} {}", self.date, weekday_chinese(self.weekday)),
            Tongue::English => format!("{} {}", self.date, self.weekday),
        };
        if let Some(why) = &self.why {
            text.push(' ');
            text.push_str(&day_words(why, tongue));
        }
        text.push(' ');
        text.push_str(&part_words(self.part, self.why.as_ref(), tongue));
        for turn in &self.turns {
            let words = turn_words(turn, tongue, instant);
            let _ = match tongue {
                Tongue::Chinese => write!(text, ";{words}"),
                Tongue::English => write!(text, "; {words}"),
            };
        }
        text
    }
}

fn day_words(why: &DayWhy, tongue: Tongue) -> String {
    match (tongue, why) {
        (Tongue::Chinese, DayWhy::Workday) => "正常上班".to_owned(),
        (Tongue::Chinese, DayWhy::Weekend) => "周末".to_owned(),
        (Tongue::Chinese, DayWhy::Holiday(name)) => format!("{name}放假"),
        (Tongue::Chinese, DayWhy::MakeupWorkday(name)) => format!("{name}调休上班"),
        (Tongue::Chinese, DayWhy::DayZero) => "起算日".to_owned(),
        (Tongue::English, DayWhy::Workday) => "workday".to_owned(),
        (Tongue::English, DayWhy::Weekend) => "weekend".to_owned(),
        (Tongue::English, DayWhy::Holiday(name)) => format!("holiday ({name})"),
        (Tongue::English, DayWhy::MakeupWorkday(name)) => format!("make-up workday ({name})"),
        (Tongue::English, DayWhy::DayZero) => "day zero".to_owned(),
    }
}

fn part_words(part: Part, why: Option<&DayWhy>, tongue: Tongue) -> String {
    let worked = matches!(why, Some(DayWhy::Workday | DayWhy::MakeupWorkday(_)));
    match (tongue, part) {
        (Tongue::Chinese, Part::Zero) => "起算日,不计".to_owned(),
        (Tongue::Chinese, Part::Counted(n)) => format!("计第{n}日"),
        (Tongue::Chinese, Part::Extension(n)) => format!("延期第{n}日"),
        (Tongue::Chinese, Part::Before) => "未到时限".to_owned(),
        (Tongue::Chinese, Part::Named) => "时限".to_owned(),
        (Tongue::Chinese, Part::MadeUp(n)) => format!("补计停止的第{n}日"),
        (Tongue::Chinese, Part::Rest) => "不计".to_owned(),
        (Tongue::Chinese, Part::Stopped) if worked => "停止计时,扣除".to_owned(),
        (Tongue::Chinese, Part::Stopped) => "停止计时".to_owned(),
        (Tongue::Chinese, Part::Rolled) => "时限顺延至此".to_owned(),
        (Tongue::English, Part::Zero) => "day zero, not counted".to_owned(),
        (Tongue::English, Part::Counted(n)) => format!("day {n}"),
        (Tongue::English, Part::Extension(n)) => format!("day {n} of the extension"),
        (Tongue::English, Part::Before) => "before the date".to_owned(),
        (Tongue::English, Part::Named) => "the date".to_owned(),
        (Tongue::English, Part::MadeUp(n)) => format!("makes up for stopped day {n}"),
        (Tongue::English, Part::Rest) => "not counted".to_owned(),
        (Tongue::English, Part::Stopped) if worked => "stopped, taken out".to_owned(),
        (Tongue::English, Part::Stopped) => "stopped".to_owned(),
        (Tongue::English, Part::Rolled) => "the end moves here".to_owned(),
    }
}

fn turn_words(turn: &Turn, tongue: Tongue, instant: Shown<'_>) -> String {
    let shown = |moment: Moment| match moment {
        Moment::Day(day) => day.to_string(),
        Moment::Instant(at) => instant(at),
    };
    let mut text = match (tongue, turn.what) {
        (Tongue::Chinese, What::Stopped) => "当日停止计时".to_owned(),
        (Tongue::Chinese, What::Resumed) => "当日恢复计时".to_owned(),
        (Tongue::Chinese, What::Restarted(None)) => "当日起重新计算".to_owned(),
        (Tongue::Chinese, What::Restarted(Some(to))) => format!("当日重新定时限{to}"),
        (Tongue::Chinese, What::Extended(span)) => format!("延期{}", span_words(span)),
        (Tongue::Chinese, What::ExtendedTo(to)) => format!("延期至{}", shown(to)),
        (Tongue::Chinese, What::SetTo(to)) => format!("时限定为{}", shown(to)),
        (Tongue::English, What::Stopped) => "stopped on this day".to_owned(),
        (Tongue::English, What::Resumed) => "resumed on this day".to_owned(),
        (Tongue::English, What::Restarted(None)) => "counted anew from this day".to_owned(),
        (Tongue::English, What::Restarted(Some(to))) => format!("given the new date {to}"),
        (Tongue::English, What::Extended(span)) => format!("extended by {span}"),
        (Tongue::English, What::ExtendedTo(to)) => format!("extended to {}", shown(to)),
        (Tongue::English, What::SetTo(to)) => format!("set to {}", shown(to)),
    };
    if let Some(why) = &turn.why {
        let _ = match tongue {
            Tongue::Chinese => write!(text, "({why})"),
            Tongue::English => write!(text, " ({why})"),
        };
    }
    text
}

fn span_words(span: Span) -> String {
    match span.unit() {
        SpanUnit::WorkingDays => format!("{}个工作日", span.n()),
        SpanUnit::CalendarDays => format!("{}天", span.n()),
    }
}

impl Stretch {
    fn words(&self, tongue: Tongue, instant: Shown<'_>) -> String {
        let from = instant(self.from);
        let Some(to) = self.to else {
            return match tongue {
                Tongue::Chinese => format!("{from} 起停止计时"),
                Tongue::English => format!("from {from} stopped"),
            };
        };
        let lasted = Left::Millis((to - self.from).num_milliseconds());
        let to = instant(to);
        match (tongue, self.ran) {
            (Tongue::Chinese, true) => format!("{from} 至 {to} 计{}", lasted.chinese()),
            (Tongue::Chinese, false) => {
                format!("{from} 至 {to} 停止计时,扣除{}", lasted.chinese())
            }
            (Tongue::English, true) => format!("{from} to {to} counted, {}", lasted.english()),
            (Tongue::English, false) => {
                format!("{from} to {to} stopped, {} taken out", lasted.english())
            }
        }
    }
}
