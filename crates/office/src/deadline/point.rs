//! Points and stretches of time: 2021年12月底, 12.31, 二〇二一年十二月, 第三季度, 3月至5月.

use chrono::{Datelike, NaiveDate};

use crate::text::number;

/// A year as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Year {
    /// 2021年
    Is(i32),
    /// 今年, 明年: so many after the ledger's.
    After(i32),
}

/// What is named, without its year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Day(u32, u32),
    Month(u32),
    /// 初, 上旬, 中旬, 下旬: the month, and which third of it.
    Third(u32, u32),
    Quarter(u32),
    Half(u32),
    /// 年底 and 年内; 2021年 alone.
    Year,
    /// 年初
    YearStart,
    /// 年中
    YearMiddle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    year: Option<Year>,
    grain: Grain,
    /// 底, 末, 内: within what is named, beyond doubt.
    closed: bool,
    /// 12.31, where a month and a day stand without their words.
    bare: bool,
}

/// A point, or a range from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    first: Option<Point>,
    last: Point,
}

fn resolve(year: Option<Year>, otherwise: Option<i32>) -> Option<i32> {
    match year {
        Some(Year::Is(year)) => Some(year),
        Some(Year::After(years)) => otherwise?.checked_add(years),
        None => otherwise,
    }
}

/// The last day of a month.
pub(super) fn month_end(year: i32, month: u32) -> Option<NaiveDate> {
    let (year, month) = if month == 12 {
        (year.checked_add(1)?, 1)
    } else {
        (year, month + 1)
    };
    NaiveDate::from_ymd_opt(year, month, 1)?.pred_opt()
}

impl Point {
    fn bounds(self, otherwise: Option<i32>) -> Option<(NaiveDate, NaiveDate)> {
        let year = resolve(self.year, otherwise)?;
        let day = |m, d| NaiveDate::from_ymd_opt(year, m, d);
        Some(match self.grain {
            Grain::Day(m, d) => {
                // 6月31日 means the last of June; it is asked.
                let at = day(m, d).or_else(|| month_end(year, m).filter(|_| d <= 31))?;
                (at, at)
            }
            Grain::Month(m) => (day(m, 1)?, month_end(year, m)?),
            Grain::Third(m, 1) => (day(m, 1)?, day(m, 10)?),
            Grain::Third(m, 2) => (day(m, 11)?, day(m, 20)?),
            Grain::Third(m, _) => (day(m, 21)?, month_end(year, m)?),
            Grain::Quarter(q) => (day(q * 3 - 2, 1)?, month_end(year, q * 3)?),
            Grain::Half(h) => (day(h * 6 - 5, 1)?, month_end(year, h * 6)?),
            Grain::Year => (day(1, 1)?, day(12, 31)?),
            Grain::YearStart => (day(1, 1)?, day(1, 31)?),
            Grain::YearMiddle => (day(6, 1)?, day(6, 30)?),
        })
    }

    fn month(self) -> Option<u32> {
        match self.grain {
            Grain::Day(m, _) | Grain::Month(m) | Grain::Third(m, _) => Some(m),
            Grain::Quarter(q) => Some(q * 3),
            Grain::Half(h) => Some(h * 6),
            _ => None,
        }
    }
}

impl Named {
    /// First and last day, if the year is known and the day exists.
    pub fn bounds(&self, otherwise: Option<i32>) -> Option<(NaiveDate, NaiveDate)> {
        let (from, to) = self.last.bounds(otherwise)?;
        match self.first {
            None => Some((from, to)),
            Some(first) => {
                let (begins, _) = first.bounds(otherwise)?;
                // 11月至次年3月 is said; 11月至3月 is meant so.
                let to = if to < begins && self.last.year.is_none() {
                    to.with_year(to.year().checked_add(1)?).unwrap_or(to)
                } else {
                    to
                };
                Some((begins, to))
            }
        }
    }

    /// The year it names, if any.
    pub fn year(&self, otherwise: Option<i32>) -> Option<i32> {
        self.last.year.and_then(|y| resolve(Some(y), otherwise))
    }

    /// Month and day of its end, whatever the year: a yearly date.
    pub fn in_year(&self, year: i32) -> Option<NaiveDate> {
        let point = Point {
            year: Some(Year::Is(year)),
            ..self.last
        };
        point.bounds(None).map(|(_, to)| to)
    }

    /// True for a range, a quarter or a half-year.
    pub fn is_stretch(&self) -> bool {
        self.first.is_some() || matches!(self.last.grain, Grain::Quarter(_) | Grain::Half(_))
    }

    /// 2021年 and nothing more.
    pub fn is_plain_year(&self) -> bool {
        self.first.is_none() && self.last.grain == Grain::Year
    }

    /// True if it has a beginning and an end, and does not say which is meant.
    pub fn is_coarse(&self) -> bool {
        let long = !matches!(self.last.grain, Grain::Day(..) | Grain::Third(..));
        self.first.is_none() && long && !self.last.closed
    }

    /// What is doubtful about the point itself: a question and its alternatives.
    pub fn doubts(&self, year: Option<i32>) -> Vec<(String, Vec<String>)> {
        let mut doubts = Vec::new();
        let Some((from, to)) = self.last.bounds(year) else {
            return doubts;
        };
        if let Grain::Day(month, day) = self.last.grain
            && to.day() != day
        {
            let first_after = to.succ_opt().unwrap_or(to);
            doubts.push((
                format!("不存在:{month}月没有{day}日"),
                vec![to.to_string(), first_after.to_string()],
            ));
        }
        if matches!(self.last.grain, Grain::YearStart | Grain::YearMiddle) {
            doubts.push((
                "没有写明哪一天".to_owned(),
                vec![to.to_string(), from.to_string()],
            ));
        }
        if self.last.bare
            && let Grain::Day(month, day) = self.last.grain
            && (month, day) != (day, month)
            && day <= 12
        {
            doubts.push((
                "按月和日读取,请确认".to_owned(),
                vec![to.to_string(), "不是日期".to_owned()],
            ));
        }
        if let Some(first) = self.first
            && let (Some((begins, _)), Some((_, ends))) = (first.bounds(year), self.bounds(year))
            && (ends < begins || (self.last.year.is_none() && ends.year() != begins.year()))
        {
            doubts.push((
                "终止早于起始,暂按跨年读取".to_owned(),
                vec![ends.to_string(), to.to_string()],
            ));
        }
        doubts
    }
}

pub(super) fn starts(chars: &[char], at: usize, word: &str) -> bool {
    let mut expected = word.chars();
    let mut place = at;
    expected.all(|c| {
        let same = chars.get(place) == Some(&c);
        place += 1;
        same
    })
}

/// The longest of the words that stands at a place, and where it ends.
pub(super) fn word_at(chars: &[char], at: usize, words: &[&str]) -> Option<usize> {
    words
        .iter()
        .filter(|word| starts(chars, at, word))
        .map(|word| at + word.chars().count())
        .max()
}

pub(super) fn number_at(chars: &[char], at: usize) -> Option<(u32, usize)> {
    let (value, taken) = number(chars.get(at..)?)?;
    Some((value, at + taken))
}

fn digits_at(chars: &[char], at: usize, count: usize) -> Option<u32> {
    let part = chars.get(at..at + count)?;
    part.iter()
        .try_fold(0, |sum, c| Some(sum * 10 + c.to_digit(10)?))
}

fn is_digit(chars: &[char], at: usize) -> bool {
    chars.get(at).is_some_and(char::is_ascii_digit)
}

const CLOSING: &[&str] = &[
    "月底", "月末", "年底", "年末", "年终", "年内", "底", "末", "终", "内", "之内", "以内", "中",
];

fn year_at(chars: &[char], at: usize) -> Option<(Year, usize)> {
    let said: [(&[&str], i32); 5] = [
        (&["今年", "本年度", "本年", "当年", "本年内"], 0),
        (
            &["明年", "次年", "翌年", "来年", "下一年", "下年度", "下年"],
            1,
        ),
        (&["后年"], 2),
        (&["去年", "上一年", "上年度", "上年"], -1),
        (&["前年"], -2),
    ];
    for (words, years) in said {
        if let Some(end) = word_at(chars, at, words) {
            return Some((Year::After(years), end));
        }
    }
    // 202110月底: a copy has lost its 年.
    if (at == 0 || !is_digit(chars, at - 1))
        && let Some(year) = digits_at(chars, at, 4).filter(|y| (1990..=2100).contains(y))
        && let Some((1..=12, after)) = number_at(chars, at + 4).filter(|_| is_digit(chars, at + 4))
        && chars.get(after) == Some(&'月')
    {
        return Some((Year::Is(i32::try_from(year).ok()?), at + 4));
    }
    let (value, end) = number_at(chars, at)?;
    let mark = chars.get(end).copied();
    let four = (1990..=2100).contains(&value);
    let short = (15..=60).contains(&value) && end - at == 2 && is_digit(chars, at);
    let year = i32::try_from(value).ok()?;
    if four && mark == Some('年') {
        let end = if chars.get(end + 1) == Some(&'度') {
            end + 2
        } else {
            end + 1
        };
        return Some((Year::Is(year), end));
    }
    if short
        && mark == Some('年')
        && (number_at(chars, end + 1).is_some() || word_at(chars, end + 1, CLOSING).is_some())
    {
        return Some((Year::Is(2000 + year), end + 1));
    }
    // 2021.12月底, 2021-12月
    if four
        && matches!(mark, Some('.' | '/' | '-'))
        && let Some((month, after)) = number_at(chars, end + 1)
        && (1..=12).contains(&month)
        && chars.get(after) == Some(&'月')
    {
        return Some((Year::Is(year), end + 1));
    }
    None
}

/// 2021-12-31, 2021.12.31, 2021/12, 20211231
fn iso_at(chars: &[char], at: usize) -> Option<(Point, usize)> {
    let year = digits_at(chars, at, 4)?;
    if !(1990..=2100).contains(&year) || (at > 0 && is_digit(chars, at - 1)) {
        return None;
    }
    let point = |grain| Point {
        year: i32::try_from(year).ok().map(Year::Is),
        grain,
        closed: false,
        bare: false,
    };
    if let (Some(month), Some(day)) = (digits_at(chars, at + 4, 2), digits_at(chars, at + 6, 2))
        && !is_digit(chars, at + 8)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
    {
        return Some((point(Grain::Day(month, day)), at + 8));
    }
    let mark = chars
        .get(at + 4)
        .copied()
        .filter(|c| matches!(c, '.' | '/' | '-'))?;
    let (month, end) =
        number_at(chars, at + 5).filter(|(m, e)| (1..=12).contains(m) && e - at <= 7)?;
    if chars.get(end) == Some(&mark)
        && let Some((day, last)) = number_at(chars, end + 1)
        && (1..=31).contains(&day)
        && last - end <= 3
        && !starts(chars, last, "月")
    {
        let last = word_at(chars, last, &["日", "号"]).unwrap_or(last);
        return Some((point(Grain::Day(month, day)), last));
    }
    (!is_digit(chars, end) && !starts(chars, end, "月")).then(|| (point(Grain::Month(month)), end))
}

/// A month with what follows it.
fn month_at(chars: &[char], at: usize) -> Option<(Grain, bool, usize)> {
    let (month, end) = if starts(chars, at, "元月") {
        (1, at + 1)
    } else {
        number_at(chars, at)?
    };
    if !(1..=12).contains(&month) || chars.get(end) != Some(&'月') {
        return None;
    }
    let end = word_at(chars, end, &["月份", "月"])?;
    for (words, third) in [
        (&["上旬", "初", "月初"][..], 1),
        (&["中旬"][..], 2),
        (&["下旬"][..], 3),
    ] {
        if let Some(end) = word_at(chars, end, words) {
            return Some((Grain::Third(month, third), true, end));
        }
    }
    if let Some(last) = word_at(chars, end, CLOSING) {
        return Some((Grain::Month(month), true, last));
    }
    if let Some((day, last)) = number_at(chars, end)
        && (1..=31).contains(&day)
        && !chars
            .get(last)
            .is_some_and(|c| matches!(c, '个' | '月' | '%' | '项' | '次' | '家'))
    {
        let last = word_at(chars, last, &["日", "号"]).unwrap_or(last);
        return Some((Grain::Day(month, day), true, last));
    }
    Some((Grain::Month(month), false, end))
}

fn quarter_at(chars: &[char], at: usize) -> Option<(Grain, bool, usize)> {
    let (quarter, end) = if starts(chars, at, "Q") {
        number_at(chars, at + 1)?
    } else {
        let begin = word_at(chars, at, &["第"]).unwrap_or(at);
        let (quarter, end) = number_at(chars, begin)?;
        let end = word_at(chars, end, &["个"]).unwrap_or(end);
        (quarter, word_at(chars, end, &["季度", "季"])?)
    };
    if !(1..=4).contains(&quarter) {
        return None;
    }
    let closed = word_at(chars, end, CLOSING);
    Some((
        Grain::Quarter(quarter),
        closed.is_some(),
        closed.unwrap_or(end),
    ))
}

/// What may follow a year, or stand without one.
fn within_year_at(chars: &[char], at: usize, has_year: bool) -> Option<(Grain, bool, usize)> {
    if let Some(end) = word_at(chars, at, &["上半年", "下半年"]) {
        let half = if starts(chars, at, "上") { 1 } else { 2 };
        let closed = word_at(chars, end, CLOSING);
        return Some((Grain::Half(half), closed.is_some(), closed.unwrap_or(end)));
    }
    if let Some(found) = quarter_at(chars, at).or_else(|| month_at(chars, at)) {
        return Some(found);
    }
    if let Some(end) = word_at(chars, at, &["年初"]) {
        return Some((Grain::YearStart, true, end));
    }
    if let Some(end) = word_at(chars, at, &["年中"]) {
        return Some((Grain::YearMiddle, true, end));
    }
    if let Some(end) = word_at(chars, at, &["年底", "年末", "年终", "年内", "岁末"]) {
        return Some((Grain::Year, true, end));
    }
    if !has_year {
        return None;
    }
    if let Some(end) = word_at(chars, at, &["初"]) {
        return Some((Grain::YearStart, true, end));
    }
    let closed = word_at(chars, at, &["底", "末", "终", "内", "之内", "以内"]);
    Some((Grain::Year, closed.is_some(), closed.unwrap_or(at)))
}

/// 12.31, 6/30: a month and a day without their words.
fn bare_at(chars: &[char], at: usize) -> Option<(Point, usize)> {
    if at > 0 && (is_digit(chars, at - 1) || chars[at - 1] == '.') {
        return None;
    }
    let (month, end) = number_at(chars, at).filter(|_| is_digit(chars, at))?;
    let mark = chars
        .get(end)
        .copied()
        .filter(|c| matches!(c, '.' | '/' | '-'))?;
    let (day, last) = number_at(chars, end + 1).filter(|_| is_digit(chars, end + 1))?;
    // 3-5 could be anything.
    let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && (mark != '-' || day > 12);
    let goes_on = chars
        .get(last)
        .is_some_and(|c| matches!(c, '.' | '%' | '月' | '年' | '个' | '万' | '亿'));
    if !fits || goes_on {
        return None;
    }
    let last = word_at(chars, last, &["日", "号"]).unwrap_or(last);
    let point = Point {
        year: None,
        grain: Grain::Day(month, day),
        closed: true,
        bare: true,
    };
    Some((point, last))
}

fn point_at(chars: &[char], at: usize) -> Option<(Point, usize)> {
    if let Some(found) = iso_at(chars, at) {
        return Some(found);
    }
    let year = year_at(chars, at);
    let from = year.map_or(at, |(_, end)| end);
    if let Some((grain, closed, end)) = within_year_at(chars, from, year.is_some()) {
        let point = Point {
            year: year.map(|(y, _)| y),
            grain,
            closed,
            bare: false,
        };
        return Some((point, end));
    }
    bare_at(chars, at)
}

/// The end of 至, 到, - and the like.
fn to_at(chars: &[char], at: usize) -> Option<usize> {
    let begin = word_at(chars, at, &["开始", "起"]).unwrap_or(at);
    let mut end = begin;
    while chars
        .get(end)
        .is_some_and(|c| matches!(c, '-' | '至' | '到'))
    {
        end += 1;
    }
    (end > begin).then_some(end)
}

/// A point or a range that begins at a place, and where it ends.
pub(super) fn named_at(chars: &[char], at: usize) -> Option<(Named, usize)> {
    if let Some(found) = short_range_at(chars, at) {
        return Some(found);
    }
    let (first, end) = point_at(chars, at)?;
    if let Some(begin) = to_at(chars, end) {
        let plain = |grain| Point {
            year: None,
            grain,
            closed: true,
            bare: false,
        };
        let second = point_at(chars, begin).or_else(|| {
            let (value, last) = number_at(chars, begin)?;
            match (first.grain, word_at(chars, last, &["日", "号"])) {
                // 6月1日至30日
                (Grain::Day(month, _), Some(last)) if (1..=31).contains(&value) => {
                    Some((plain(Grain::Day(month, value)), last))
                }
                // 2021.3-10
                (Grain::Month(_), None) if (1..=12).contains(&value) => {
                    Some((plain(Grain::Month(value)), last))
                }
                _ => None,
            }
        });
        if let Some((mut last, end)) = second {
            if last.year.is_none() {
                let wraps = first.month().zip(last.month()).is_some_and(|(a, b)| b < a);
                last.year = first.year.filter(|_| !wraps);
                if let (true, Some(Year::Is(year))) = (wraps, first.year) {
                    last.year = Some(Year::Is(year + 1));
                }
            }
            let named = Named {
                first: Some(first),
                last,
            };
            return Some((named, end));
        }
    }
    Some((
        Named {
            first: None,
            last: first,
        },
        end,
    ))
}

/// 3-5月, 2021年1至6月, 一至三季度, 2021-2023年
fn short_range_at(chars: &[char], at: usize) -> Option<(Named, usize)> {
    let (year, from) = match year_at(chars, at) {
        Some((year, end)) => (Some(year), end),
        None => (None, at),
    };
    let begin = word_at(chars, from, &["第"]).unwrap_or(from);
    let (first, end) = number_at(chars, begin)?;
    // 7、8月: two months in a row are a stretch, too.
    let beside = word_at(chars, end, &["、", "和"]).filter(|begin| {
        number_at(chars, *begin)
            .is_some_and(|(last, end)| last == first + 1 && starts(chars, end, "月"))
    });
    let begin = to_at(chars, end).or(beside)?;
    let begin = word_at(chars, begin, &["第"]).unwrap_or(begin);
    let (last, end) = number_at(chars, begin)?;
    let named = |a: Grain, b: Grain, ya, yb, end| {
        let point = |year, grain| Point {
            year,
            grain,
            closed: true,
            bare: false,
        };
        let named = Named {
            first: Some(point(ya, a)),
            last: point(yb, b),
        };
        Some((named, end))
    };
    let years = 1990..=2100;
    if year.is_none() && years.contains(&first) && years.contains(&last) && first <= last {
        let is = |y: u32| i32::try_from(y).ok().map(Year::Is);
        let end = word_at(chars, end, &["年度", "年底", "年末", "年"]).unwrap_or(end);
        return named(Grain::Year, Grain::Year, is(first), is(last), end);
    }
    if starts(chars, end, "季") && (1..=4).contains(&first) && (first..=4).contains(&last) {
        let end = word_at(chars, end, &["季度末", "季度", "季末", "季"])?;
        return named(Grain::Quarter(first), Grain::Quarter(last), year, year, end);
    }
    if (1..=12).contains(&first) && starts(chars, end, "月") {
        let (grain, _, end) = month_at(chars, begin)?;
        return named(Grain::Month(first), grain, year, year, end);
    }
    None
}
