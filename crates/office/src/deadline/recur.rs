//! What comes again (每季度末), and what runs from something (信息形成后20个工作日内).

use chrono::NaiveDate;
use serde::Serialize;

use super::point::{Named, named_at, number_at, starts, word_at};
use super::{Deadline, Kind};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Every {
    /// 每日
    Day,
    /// 每周
    Week,
    /// 每旬
    TenDays,
    /// 每月
    Month,
    /// 每季度
    Quarter,
    /// 每半年
    HalfYear,
    /// 每年
    Year,
}

impl Every {
    /// 每月 and so on.
    pub fn chinese(self) -> &'static str {
        match self {
            Every::Day => "每日",
            Every::Week => "每周",
            Every::TenDays => "每旬",
            Every::Month => "每月",
            Every::Quarter => "每季度",
            Every::HalfYear => "每半年",
            Every::Year => "每年",
        }
    }
}

/// How long after (or before) what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Within {
    /// So many.
    pub count: u32,
    /// `working_day`, `day`, `week`, `month`, `hour`, `minute` or `year`.
    pub unit: &'static str,
    /// True if it must be done so long before.
    pub before: bool,
    /// From what it is counted, as worded.
    pub event: String,
}

impl Within {
    /// In a few words.
    pub fn shown(&self) -> String {
        let unit = match self.unit {
            "working_day" => "个工作日",
            "day" => "日",
            "week" => "周",
            "month" => "个月",
            "hour" => "小时",
            "minute" => "分钟",
            _ => "年",
        };
        let side = if self.before { "之前" } else { "之内" };
        format!("{} {}{unit}{side}", self.event, self.count)
            .trim()
            .to_owned()
    }
}

/// On which day of each period, where the phrase names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Day {
    /// 每月10日, 每季度首月15日: the day of the period's first month.
    Of(u32),
    /// 每季度末月25日, 每月最后一个工作日, 每月初: named, and not so many days from the beginning.
    Else,
}

/// The last day that every month has; what is due later in a month is due by its end.
const SHORTEST_MONTH: u32 = 28;

/// A recurrence as scanned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recurring {
    every: Every,
    step: u32,
    day: Option<Day>,
    /// 1月31日 in 每年1月31日前.
    anchor: Option<Named>,
    /// 月底 without 每, 定期.
    guessed: bool,
}

/// A span of time as scanned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relative {
    count: u32,
    unit: &'static str,
    before: bool,
    /// 3至5个工作日
    ranged: bool,
}

const UNITS: &[(&str, Every)] = &[
    ("半年度", Every::HalfYear),
    ("半年", Every::HalfYear),
    ("年度", Every::Year),
    ("年", Every::Year),
    ("季度", Every::Quarter),
    ("季", Every::Quarter),
    ("个月", Every::Month),
    ("月度", Every::Month),
    ("月", Every::Month),
    ("旬", Every::TenDays),
    ("周", Every::Week),
    ("星期", Every::Week),
    ("礼拜", Every::Week),
    ("个工作日", Every::Day),
    ("工作日", Every::Day),
    ("日", Every::Day),
    ("天", Every::Day),
];

fn unit_at(chars: &[char], at: usize) -> Option<(Every, usize)> {
    UNITS
        .iter()
        .filter(|(word, _)| starts(chars, at, word))
        .map(|(word, every)| (*every, at + word.chars().count()))
        .max_by_key(|(_, end)| *end)
}

/// A recurrence that begins at a place, and where it ends.
pub(super) fn recurring_at(chars: &[char], at: usize) -> Option<(Recurring, usize)> {
    let plain = |every, end, guessed| {
        let recurring = Recurring {
            every,
            step: 1,
            day: None,
            anchor: None,
            guessed,
        };
        Some((recurring, end))
    };
    if starts(chars, at, "定期") && (at == 0 || chars[at - 1] != '不') {
        return plain(Every::Quarter, at + 2, true);
    }
    if let Some(end) = word_at(chars, at, &["季度末", "季末", "季度底", "季底"]) {
        return plain(Every::Quarter, end, false);
    }
    if let Some(end) = word_at(chars, at, &["月末", "月底"]) {
        return plain(Every::Month, end, true);
    }
    if let Some(end) = word_at(chars, at, &["按季度", "按季", "逐季", "分季度", "季度性"])
    {
        return plain(Every::Quarter, end, false);
    }
    if let Some(end) = word_at(chars, at, &["按月", "逐月", "月度"]) {
        return plain(Every::Month, end, false);
    }
    if let Some(end) = word_at(chars, at, &["按周", "逐周", "按日", "逐日"]) {
        let every = if starts(chars, at + 1, "周") {
            Every::Week
        } else {
            Every::Day
        };
        return plain(every, end, false);
    }
    if let Some(end) = word_at(chars, at, &["按年度", "按年", "逐年"])
        && !starts(chars, end, "计划")
    {
        return plain(Every::Year, end, false);
    }
    // 半年一次, 一季度一次
    if let Some((every, end)) = unit_at(chars, if starts(chars, at, "一") { at + 1 } else { at })
        && (starts(chars, at, "一") || every == Every::HalfYear)
        && let Some((_, after)) = number_at(chars, end)
        && starts(chars, after, "次")
    {
        return plain(every, after + 1, false);
    }
    if !starts(chars, at, "每") {
        return None;
    }
    let mut begin = word_at(chars, at, &["每隔", "每满", "每"])?;
    let mut step = 1;
    if let Some((count, end)) =
        number_at(chars, begin).or_else(|| starts(chars, begin, "两").then_some((2, begin + 1)))
        && unit_at(chars, end).is_some()
    {
        step = count.max(1);
        begin = end;
    }
    begin = word_at(chars, begin, &["一个", "个"])
        .filter(|end| unit_at(chars, *end).is_some())
        .unwrap_or(begin);
    let (every, mut end) = unit_at(chars, begin)?;
    let mut recurring = Recurring {
        every,
        step,
        day: None,
        anchor: None,
        guessed: false,
    };
    end = word_at(chars, end, &["的"]).unwrap_or(end);
    let closing = ["末", "底", "初", "终", "内", "年底", "月底"];
    if every == Every::Year
        && let Some((anchor, last)) = named_at(chars, end)
    {
        recurring.anchor = Some(anchor);
        return Some((recurring, last));
    }
    if let Some(last) = word_at(chars, end, &closing).filter(|last| !starts(chars, *last, "月")) {
        if every == Every::Year && !starts(chars, end, "初") {
            // 每年底: the last day of the year.
            let year_end: Vec<char> = "年底".chars().collect();
            recurring.anchor = named_at(&year_end, 0).map(|(named, _)| named);
        }
        if starts(chars, end, "初") {
            recurring.day = Some(Day::Else);
        }
        return Some((recurring, last));
    }
    // 每月5日前, 每季度首月10日前, 每季度最后一个工作日, 每周五
    let first = word_at(chars, end, &["首月", "第一个月"]);
    let later = word_at(chars, end, &["末月", "次月", "第二个月", "最后一个月"]);
    let nth = word_at(chars, end, &["最后一个", "第一个", "首个"])
        .filter(|_| first.is_none() && later.is_none());
    let rest = first.or(later).or(nth).unwrap_or(end);
    if let Some(last) = word_at(chars, rest, &["工作日", "月底", "月末"]) {
        recurring.day = Some(Day::Else);
        return Some((recurring, last));
    }
    let begin = word_at(chars, rest, &["前"]).unwrap_or(rest);
    if let Some((day, after)) = number_at(chars, begin) {
        let by_days = word_at(chars, after, &["日", "号"]);
        let last = by_days.or_else(|| word_at(chars, after, &["个工作日", "天"]));
        if let Some(last) = last.or_else(|| (every == Every::Week).then_some(after)) {
            let of_month = by_days.is_some() && later.is_none() && nth.is_none();
            recurring.day = Some(match every {
                Every::Month if of_month => Day::Of(day),
                _ if of_month && first.is_some() => Day::Of(day),
                _ => Day::Else,
            });
            return Some((recurring, last));
        }
    }
    if first.or(later).or(nth).is_some() {
        recurring.day = Some(Day::Else);
        return Some((recurring, rest));
    }
    Some((recurring, end))
}

/// A span that begins at a place, and where it ends.
pub(super) fn relative_at(chars: &[char], at: usize) -> Option<(Relative, usize)> {
    if at > 0 && chars[at - 1].is_ascii_digit() {
        return None;
    }
    let inside = ["内", "之内", "以内", "内完成"];
    let half = |word: &str, count, unit| {
        let end = word_at(chars, at, &[word])?;
        let last = word_at(chars, end, &inside)?;
        let relative = Relative {
            count,
            unit,
            before: false,
            ranged: false,
        };
        Some((relative, last))
    };
    if let Some(found) = half("半年", 6, "month")
        .or_else(|| half("半个月", 15, "day"))
        .or_else(|| half("半月", 15, "day"))
    {
        return Some(found);
    }
    for (word, count) in [("当日", 0), ("当天", 0), ("次日", 1), ("第二天", 1)] {
        if let Some(end) = word_at(chars, at, &[word]) {
            let last = word_at(chars, end, &["内", "前"]).unwrap_or(end);
            let relative = Relative {
                count,
                unit: "day",
                before: false,
                ranged: false,
            };
            return Some((relative, last));
        }
    }
    let mut begin = at;
    let early = word_at(chars, at, &["提前", "不少于"]);
    if let Some(end) = early {
        begin = end;
    }
    let (mut count, mut end) = number_at(chars, begin)?;
    let mut ranged = false;
    if chars
        .get(end)
        .is_some_and(|c| matches!(c, '-' | '至' | '到'))
        && let Some((upper, after)) = number_at(chars, end + 1)
    {
        (count, end, ranged) = (upper, after, true);
    }
    let has_ge = starts(chars, end, "个");
    let end = if has_ge { end + 1 } else { end };
    let (unit, end) = [
        ("工作日", "working_day"),
        ("自然日", "day"),
        ("日历日", "day"),
        ("日", "day"),
        ("天", "day"),
        ("周", "week"),
        ("星期", "week"),
        ("月", "month"),
        ("小时", "hour"),
        ("分钟", "minute"),
        ("年", "year"),
    ]
    .iter()
    .find_map(|(word, unit)| word_at(chars, end, &[word]).map(|end| (*unit, end)))?;
    if (unit == "month" && !has_ge) || (unit == "year" && count > 20) {
        return None;
    }
    let ahead = ["前", "之前", "以前"];
    let sure = matches!(unit, "working_day" | "hour" | "minute" | "week") || has_ge;
    let relative = |before| Relative {
        count,
        unit,
        before,
        ranged,
    };
    if let Some(last) = word_at(chars, end, &inside) {
        return Some((relative(early.is_some()), last));
    }
    if early.is_some() {
        return Some((relative(true), end));
    }
    if let Some(last) = word_at(chars, end, &ahead)
        && (sure || (unit == "day" && starts(chars, end - 1, "天")))
    {
        return Some((relative(true), last));
    }
    // 20个工作日: without 内, and still clear.
    sure.then(|| (relative(false), end))
}

/// From a recurrence to a deadline. `others` are the dates that stand beside it.
pub(super) fn decide(
    phrase: &str,
    recurring: &Recurring,
    others: &[&Named],
    year: Option<i32>,
) -> Deadline {
    let yearly = recurring.every == Every::Year;
    let kind = if yearly {
        Kind::Yearly
    } else {
        Kind::Recurring
    };
    let mut read = Deadline::new(phrase, kind);
    read.every = Some(recurring.every);
    if yearly {
        let mut dates: Vec<NaiveDate> = recurring
            .anchor
            .iter()
            .chain(others.iter().copied())
            .filter_map(|named| named.in_year(named.year(year).or(year)?))
            .collect();
        dates.sort_unstable();
        dates.dedup();
        read.date = dates.last().copied();
        if dates.len() > 1 {
            let mut alternatives: Vec<String> = dates.iter().map(ToString::to_string).collect();
            alternatives.rotate_right(1);
            alternatives.push("每个日期各核查一次".to_owned());
            read.ask(
                format!("“{}”一年有{}个日期,暂取最后一个", read.phrase, dates.len()),
                alternatives,
            );
        }
        if recurring.anchor.is_some() && year.is_none() && read.date.is_none() {
            read.ask(
                format!("“{}”每年如此,本台账是哪一年?", read.phrase),
                vec!["用 --year 给出年份".to_owned()],
            );
        }
    } else if let Some(date) = others.iter().find_map(|named| named.bounds(year)) {
        read.ask(
            format!("“{}”既有定期要求,又有日期,以哪个为准?", read.phrase),
            vec![recurring.every.chinese().to_owned(), date.1.to_string()],
        );
    }
    if !yearly {
        day(&mut read, recurring);
    }
    if recurring.step > 1 {
        let every = recurring.every.chinese();
        read.ask(
            format!(
                "“{}”隔{}个周期一次,暂按{every}读取",
                read.phrase, recurring.step
            ),
            vec![every.to_owned(), "填写具体日期".to_owned()],
        );
    }
    if recurring.guessed {
        let every = recurring.every.chinese();
        read.ask(
            format!("“{}”没有写明多久一次,暂按{every}读取", read.phrase),
            vec![every.to_owned(), "只有一次,填写日期".to_owned()],
        );
    }
    read
}

/// The day of each period: read where a definition can say it, and otherwise asked.
fn day(read: &mut Deadline, recurring: &Recurring) {
    let by_month = matches!(
        recurring.every,
        Every::Month | Every::Quarter | Every::HalfYear
    );
    match recurring.day {
        Some(Day::Of(day)) if by_month && (2..=SHORTEST_MONTH).contains(&day) => {
            read.day = Some(day);
        }
        Some(Day::Of(29..=31)) if recurring.every == Every::Month => {}
        Some(_) => {
            let end = format!("暂按{}的最后一天", recurring.every.chinese());
            read.ask(
                format!(
                    "“{}”写明了期内的某一天,台账只能从期初数日子或者按期末核查,{end}",
                    read.phrase
                ),
                vec![end, "在 tasks.yaml 的 due 中改为期初后多少日".to_owned()],
            );
        }
        None => {}
    }
}

/// From a span to a deadline. `before` is what stands before it.
pub(super) fn within(phrase: &str, relative: &Relative, before: &[char]) -> Deadline {
    let mut event: String = before.iter().collect();
    for word in ["自", "从", "在", "于", "应", "原则上", "应当"] {
        event = event
            .strip_prefix(word)
            .map_or(event.clone(), ToOwned::to_owned);
    }
    for word in ["起", "的", "之日", ",", "应"] {
        event = event
            .strip_suffix(word)
            .map_or(event.clone(), ToOwned::to_owned);
    }
    let mut read = Deadline::new(phrase, Kind::Relative);
    if event.is_empty() {
        read.ask(
            format!("“{}”没有写明从何时起算", read.phrase),
            vec!["从印发之日起算".to_owned(), "从事项发生之日起算".to_owned()],
        );
    }
    if relative.ranged {
        read.ask(
            format!("“{}”是一个幅度,暂取最长的", read.phrase),
            vec![format!("{}", relative.count)],
        );
    }
    read.within = Some(Within {
        count: relative.count,
        unit: relative.unit,
        before: relative.before,
        event,
    });
    read
}
