//! Deadlines as ledgers word them (完成时限): which kind, which date, and what remains doubtful.
//!
//! A phrase is scanned for what names a time: points (2021年12月底), ranges (3月至5月), recurrences
//! (每季度末) and spans after something (20个工作日内). Then the words around decide. What has two
//! readings is read as one of them and asked.

mod dated;
mod point;
mod recur;

use chrono::NaiveDate;
use serde::Serialize;

use crate::limit::{MAX_ALTERNATIVES, MAX_DEADLINE_CHARS};
use crate::reading::Confidence;
use crate::text::squeeze;
use dated::dated;
use point::{Named, named_at};
pub use recur::{Every, Within};
use recur::{Relative, recurring_at, relative_at};

/// What kind of deadline a phrase sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 2021年12月底: a day, or a month's or year's last day.
    Fixed,
    /// 全年持续推进.
    Continuous,
    /// 每月, 每季度末.
    Recurring,
    /// 每年1月31日前.
    Yearly,
    /// 信息形成后20个工作日内.
    Relative,
    /// 实时.
    Realtime,
    /// 即时, 立即.
    Immediate,
    /// 适时推进.
    WhenAppropriate,
    /// 第三季度, 上半年, 3月至5月: within a stretch of time, and so by its last day.
    Period,
    /// Nothing is written where a deadline is expected.
    Missing,
    /// What is written sets no deadline.
    None,
}

impl Kind {
    /// Its name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Fixed => "fixed",
            Kind::Continuous => "continuous",
            Kind::Recurring => "recurring",
            Kind::Yearly => "yearly",
            Kind::Relative => "relative",
            Kind::Realtime => "realtime",
            Kind::Immediate => "immediate",
            Kind::WhenAppropriate => "when_appropriate",
            Kind::Period => "period",
            Kind::Missing => "missing",
            Kind::None => "none",
        }
    }

    /// Its name for the clerk.
    pub fn chinese(self) -> &'static str {
        match self {
            Kind::Fixed => "固定日期",
            Kind::Continuous => "全年持续",
            Kind::Recurring => "定期",
            Kind::Yearly => "每年",
            Kind::Relative => "事后若干日内",
            Kind::Realtime => "实时",
            Kind::Immediate => "即时",
            Kind::WhenAppropriate => "适时",
            Kind::Period => "期间",
            Kind::Missing => "空缺",
            Kind::None => "没有时限",
        }
    }
}

/// Something about a phrase that a person must decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// The question, in Chinese.
    pub question: String,
    /// The possible answers, likeliest first.
    pub alternatives: Vec<String>,
}

/// A deadline as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deadline {
    /// The phrase as found.
    pub phrase: String,
    /// What it sets.
    pub kind: Kind,
    /// The last day, of kinds `fixed`, `period` and `yearly`, as far as a year is known.
    pub date: Option<NaiveDate>,
    /// The first day of a period.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<NaiveDate>,
    /// How often, of kinds `recurring` and `yearly`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Every>,
    /// By which day of each period, counted from its first, of kind `recurring`: 每月10日前.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub day: Option<u32>,
    /// How long after what, of kind `relative`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// How sure the reading is.
    pub confidence: Confidence,
    /// What a person must decide.
    pub questions: Vec<Doubt>,
}

impl Deadline {
    fn new(phrase: &str, kind: Kind) -> Deadline {
        Deadline {
            phrase: phrase.trim().to_owned(),
            kind,
            date: None,
            from: None,
            every: None,
            day: None,
            within: None,
            confidence: Confidence::Certain,
            questions: Vec::new(),
        }
    }

    /// Adds a question; the reading is no longer certain.
    pub(crate) fn ask(&mut self, question: impl Into<String>, alternatives: Vec<String>) {
        self.confidence = Confidence::Uncertain;
        let mut alternatives = alternatives;
        alternatives.truncate(MAX_ALTERNATIVES);
        self.questions.push(Doubt {
            question: question.into(),
            alternatives,
        });
    }

    /// The reading in a few words, for the clerk.
    pub fn shown(&self) -> String {
        match (self.kind, self.date) {
            (Kind::Period, Some(date)) => match self.from {
                Some(from) => format!("{}:{from} 至 {date}", self.kind.chinese()),
                None => format!("{}:至 {date}", self.kind.chinese()),
            },
            (_, Some(date)) => format!("{}:{date}", self.kind.chinese()),
            (Kind::Recurring, None) => {
                let every = self.every.map_or("", Every::chinese);
                let day = self.day.map(|day| format!("第{day}日"));
                format!("{}:{every}{}", self.kind.chinese(), day.unwrap_or_default())
            }
            (Kind::Relative, None) => {
                let within = self.within.as_ref().map(Within::shown);
                format!("{}:{}", self.kind.chinese(), within.unwrap_or_default())
            }
            (kind, None) => kind.chinese().to_owned(),
        }
    }
}

/// One thing that names a time.
enum Part {
    Named(Named),
    Recurring(recur::Recurring),
    Relative(Relative),
}

struct Found {
    at: usize,
    end: usize,
    part: Part,
}

const NOTHING: &[&str] = &[
    "",
    "无",
    "/",
    "-",
    "--",
    "\\",
    "无时限",
    "无时限要求",
    "无时间要求",
    "不限",
    "无要求",
    "无具体时限",
    "没有时限",
    "没有",
    "无完成时限",
    "不涉及",
    "不适用",
];
const APPROPRIATE: &[&str] = &[
    "适时",
    "视情",
    "待定",
    "另行通知",
    "另行",
    "条件成熟",
    "择机",
    "根据上级",
    "按上级",
    "按照上级",
    "根据工作需要",
    "根据需要",
    "按需",
    "不定期",
    "待上级",
    "待自治区",
    "待国家",
    "待省",
    "部署后",
    "上级部署",
    "条件具备",
];
const CONTINUOUS: &[&str] = &[
    "全年",
    "持续",
    "长期",
    "常态",
    "常年",
    "贯穿",
    "始终",
    "不间断",
    "日常",
    "一直",
    "滚动",
];
const REALTIME: &[&str] = &["实时", "动态", "同步"];
const IMMEDIATE: &[&str] = &[
    "即时",
    "立即",
    "即刻",
    "马上",
    "立刻",
    "第一时间",
    "当即",
    "立行立改",
    "即知即改",
];
/// At once, without saying how soon.
const SOON: &[&str] = &["及时", "尽快", "抓紧", "尽早"];
/// Words around a time that change nothing.
const FILLERS: &[&str] = &[
    "之前",
    "以前",
    "前",
    "完成",
    "为止",
    "止",
    "截至",
    "截止",
    "到",
    "至",
    "于",
    "在",
    "力争",
    "确保",
    "原则上",
    "最迟",
    "不迟于",
    "不晚于",
    "务必",
    "全面",
    "基本",
    "全部",
    "并",
    "推进",
    "落实",
    "工作",
    "办结",
    "报送",
    "取得",
    "阶段性",
    "进展",
    "成效",
    "开展",
    "启动",
    "公开",
    "更新",
    "达到",
    "要求",
    "时间",
    "时限",
    "期限",
    "日",
    "内",
    "以内",
    "之内",
    "底",
    "末",
    "份",
    "起",
    "开始",
    "一次",
    "各",
    "至少",
    "每",
    "和",
    "及",
    "与",
    "或",
    "的",
    "需",
    "应",
    "须",
    "要",
    "实施",
    "结束",
    "长期",
    "坚持",
    "即日",
    "以来",
    "公布",
    "发布",
    "出台",
    "印发",
    "制定",
    "上报",
    "建成",
    "实现",
    "进行",
    "左右",
    "24时",
    "24点",
    "17时",
    "18时",
    "1次",
    "两次",
    "推动",
    "做好",
    "全年",
    "持续",
    "当",
    "任务",
    "年度",
    "等",
    "注",
    "预计",
    "计划",
];

/// Reads one phrase. `year` is the year meant where the phrase names none: the ledger's.
///
/// Never fails: what cannot be read is of kind [`Kind::None`] and asked.
pub fn read(phrase: &str, year: Option<i32>) -> Deadline {
    let plain: Vec<char> = squeeze(phrase)
        .chars()
        .map(|c| match c {
            '—' | '–' | '―' | '‒' | '−' | '~' | '〜' | '﹣' | '－' | '─' => '-',
            '號' => '号',
            'q' => 'Q',
            '.' | '。' | '·' | '．' => '.',
            other => other,
        })
        .collect();
    let text: String = plain.iter().collect();
    let text = text.trim_end_matches(['.', ';', ',']);
    if text.is_empty() {
        return Deadline::new(phrase, Kind::Missing);
    }
    if NOTHING.contains(&text) {
        return Deadline::new(phrase, Kind::None);
    }
    if plain.len() > MAX_DEADLINE_CHARS {
        let mut read = Deadline::new(phrase, Kind::None);
        read.ask("完成时限过长,没有读取", vec!["改成一个日期".to_owned()]);
        return read;
    }
    let found = scan(&plain);
    let mut read = decide(phrase, text, &plain, &found, year);
    let left = unread(&plain, &found);
    let vague = found.iter().rev().find_map(|f| match &f.part {
        Part::Named(named) => Some(named.is_coarse()),
        _ => None,
    });
    // 2021年春节前: what is not understood may name the day.
    if let Some(date) = read
        .date
        .filter(|_| vague == Some(true) && left.chars().count() > 1)
    {
        read.ask(
            format!("“{}”中的“{left}”没有读懂,暂取{date}", read.phrase),
            vec![date.to_string(), "填写一个日期".to_owned()],
        );
    } else if !left.is_empty() && read.confidence == Confidence::Certain {
        read.confidence = Confidence::Likely;
    }
    if let Some(date) = read.date
        && let Some(year) = year
        && date < NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default()
    {
        let other = chrono::Datelike::with_year(&date, year).unwrap_or(date);
        read.ask(
            format!("“{}”早于台账年度{year}年,请确认", read.phrase),
            vec![date.to_string(), other.to_string()],
        );
    }
    read
}

fn scan(chars: &[char]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = recurring_at(chars, at)
            .map(|(r, end)| (Part::Recurring(r), end))
            .or_else(|| relative_at(chars, at).map(|(r, end)| (Part::Relative(r), end)))
            .or_else(|| named_at(chars, at).map(|(n, end)| (Part::Named(n), end)));
        match next {
            Some((part, end)) if end > at => {
                found.push(Found { at, end, part });
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// What is neither a time nor a word around one.
fn unread(chars: &[char], found: &[Found]) -> String {
    let mut rest: String = (0..chars.len())
        .filter(|at| !found.iter().any(|f| (f.at..f.end).contains(at)))
        .map(|at| chars[at])
        .collect();
    let known = [APPROPRIATE, CONTINUOUS, REALTIME, IMMEDIATE, SOON, FILLERS];
    let mut words: Vec<&str> = known.iter().flat_map(|list| list.iter().copied()).collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words {
        rest = rest.replace(word, "");
    }
    rest.retain(|c| !matches!(c, '(' | ')' | ',' | ';' | '、' | '.' | ':' | '-'));
    rest
}

fn first_of(text: &str, words: &[&str]) -> Option<usize> {
    words.iter().filter_map(|word| text.find(word)).min()
}

fn decide(
    phrase: &str,
    text: &str,
    chars: &[char],
    found: &[Found],
    year: Option<i32>,
) -> Deadline {
    let recurring = found.iter().find_map(|f| match &f.part {
        Part::Recurring(r) => Some(r),
        _ => None,
    });
    let relative = found.iter().find_map(|f| match &f.part {
        Part::Relative(r) => Some((f, r)),
        _ => None,
    });
    let named: Vec<(&Found, &Named)> = found
        .iter()
        .filter_map(|f| match &f.part {
            Part::Named(n) => Some((f, n)),
            _ => None,
        })
        .collect();
    if let Some(recurring) = recurring {
        return recur::decide(phrase, recurring, &named_only(&named), year);
    }
    if let Some((place, relative)) = relative {
        let mut read = recur::within(phrase, relative, &chars[..place.at]);
        if let Some((_, other)) = named.first()
            && let Some((_, date)) = other.bounds(year)
        {
            read.ask(
                format!("“{}”既有起算后的期限,又有日期,以哪个为准?", read.phrase),
                vec![read.shown(), date.to_string()],
            );
        }
        return read;
    }
    let appropriate = first_of(text, APPROPRIATE).map(|at| (at, Kind::WhenAppropriate));
    if !named.is_empty() {
        let mut read = dated(phrase, chars, &named, year);
        let goes_on = first_of(text, CONTINUOUS).is_some();
        let whole_year = named.iter().all(|(_, n)| n.is_plain_year());
        let begins = named.last().is_some_and(|(f, _)| {
            let after: String = chars[f.end..].iter().take(3).collect();
            after.starts_with('起') || after.starts_with("开始") || after.starts_with("以来")
        });
        if goes_on && (whole_year || begins || read.kind == Kind::Period) {
            read.kind = Kind::Continuous;
            read.from = if begins { read.date } else { read.from };
            read.date = None;
        } else if goes_on {
            let date = read.date.map_or_else(String::new, |d| d.to_string());
            read.ask(
                format!("“{}”写有日期,又要求持续,到期之后是否继续核查?", read.phrase),
                vec![
                    format!("只核查到 {date}"),
                    "到期之后按季度继续核查".to_owned(),
                ],
            );
        } else if begins {
            read.ask(
                format!("“{}”只写了开始时间,何时完成?", read.phrase),
                vec!["持续到年底".to_owned(), "只看是否按时启动".to_owned()],
            );
        }
        if appropriate.is_some() {
            read.ask(
                format!("“{}”写有日期,又写适时,以哪个为准?", read.phrase),
                vec!["按日期".to_owned(), "等待启动".to_owned()],
            );
        }
        return read;
    }
    let mut kinds: Vec<(usize, Kind)> = [
        appropriate,
        first_of(text, CONTINUOUS).map(|at| (at, Kind::Continuous)),
        first_of(text, REALTIME).map(|at| (at, Kind::Realtime)),
        first_of(text, IMMEDIATE).map(|at| (at, Kind::Immediate)),
        first_of(text, SOON).map(|at| (at, Kind::Immediate)),
    ]
    .into_iter()
    .flatten()
    .collect();
    kinds.sort_unstable();
    kinds.dedup_by_key(|(_, kind)| *kind);
    let Some((_, kind)) = kinds.first().copied() else {
        let mut read = Deadline::new(phrase, Kind::None);
        read.ask(
            format!("完成时限“{}”读不出日期,请填写", read.phrase),
            vec![
                "填写一个日期".to_owned(),
                "全年持续推进".to_owned(),
                "没有时限".to_owned(),
            ],
        );
        return read;
    };
    let mut read = Deadline::new(phrase, kind);
    if kinds.len() > 1 && !(text.contains("及时") && kind == Kind::Continuous) {
        let alternatives = kinds.iter().map(|(_, k)| k.chinese().to_owned()).collect();
        read.ask(format!("“{}”有几种读法", read.phrase), alternatives);
    } else if kind == Kind::Immediate && first_of(text, IMMEDIATE).is_none() {
        read.ask(
            format!("“{}”没有写明几日之内", read.phrase),
            vec!["即时".to_owned(), "填写工作日数".to_owned()],
        );
    }
    if text.contains("不定期") || text.contains("待定") {
        read.ask(
            format!("“{}”没有日期,何时核查?", read.phrase),
            vec![
                "等待启动".to_owned(),
                "按季度核查".to_owned(),
                "填写一个日期".to_owned(),
            ],
        );
    }
    read
}

fn named_only<'a>(named: &[(&Found, &'a Named)]) -> Vec<&'a Named> {
    named.iter().map(|(_, n)| *n).collect()
}

#[cfg(test)]
mod tests;
