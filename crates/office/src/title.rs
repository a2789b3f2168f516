//! What a document says of the ledger as a whole: title, number, issuer, date, year.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::deadline::{self, Kind};
use crate::layout::looks_like_units;
use crate::reading::Heading;
use crate::text::{number, one_line, squeeze};

/// The longest title, in characters.
const MAX_TITLE_CHARS: usize = 80;
/// Words by which a ledger's title is known.
const TITLE_WORDS: &[&str] = &[
    "台账",
    "工作要点",
    "分工",
    "任务清单",
    "任务分解",
    "清单",
    "任务表",
    "一览表",
    "方案",
    "计划",
    "安排",
    "要点",
    "任务",
    "表",
];

/// A year written as 2021年 in a text.
pub(crate) fn year_in(text: &str) -> Option<i32> {
    let chars: Vec<char> = squeeze(text).chars().collect();
    (0..chars.len()).find_map(|at| {
        if at > 0 && chars[at - 1].is_ascii_digit() {
            return None;
        }
        let (value, taken) = number(&chars[at..])?;
        let next = chars.get(at + taken).copied();
        let fits = (2000..=2100).contains(&value)
            && (next == Some('年')
                || (next.is_none() || !next.is_some_and(|c| c.is_ascii_digit()))
                    && taken == 4
                    && chars[at].is_ascii_digit());
        (fits && next == Some('年'))
            .then(|| i32::try_from(value).ok())
            .flatten()
    })
}

/// Four digits that could be a year, for file names.
fn year_digits(text: &str) -> Option<i32> {
    let digits: Vec<&str> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|p| p.len() == 4)
        .collect();
    digits
        .iter()
        .filter_map(|d| d.parse().ok())
        .find(|year| (2000..=2100).contains(year))
}

/// 通政公字【2021】1号 in a text.
fn number_in(text: &str) -> Option<String> {
    let plain = squeeze(text);
    let open = plain.find('[')?;
    let close = plain[open..].find(']').map(|at| open + at)?;
    let year = &plain[open + 1..close];
    let after: String = plain[close + 1..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) || after.is_empty() {
        return None;
    }
    if !plain[close + 1 + after.len()..].starts_with('号') {
        return None;
    }
    let before: String = plain[..open]
        .chars()
        .rev()
        .take_while(|c| {
            !matches!(
                c,
                ' ' | '-' | '—' | '(' | ')' | '《' | '》' | ',' | '。' | ':' | '知'
            )
        })
        .collect();
    let before: String = before.chars().rev().collect();
    (before.chars().count() <= 12).then(|| format!("{before}〔{year}〕{after}号"))
}

/// A title without 附件1: before it; a year that follows is the title's own.
fn without_label(text: &str) -> &str {
    let text = text.trim();
    let Some(rest) = ["附件", "附表"].iter().find_map(|w| text.strip_prefix(w)) else {
        return text;
    };
    let rest = rest.trim_start();
    let chars: Vec<char> = rest.chars().collect();
    let after = match number(&chars) {
        Some((_, taken)) if chars.get(taken) != Some(&'年') => {
            rest.chars().skip(taken).map(char::len_utf8).sum::<usize>()
        }
        _ => rest.len(),
    };
    let mark = |c: char| matches!(crate::text::half(c), ' ' | ':' | '-' | '、' | '.');
    let title = rest[rest.len() - after..].trim_start_matches(mark).trim();
    if title.is_empty() { text } else { title }
}

/// Gathers what the texts outside of the tasks say. `phrases` are the deadlines.
pub(crate) fn read<'a>(
    file: &str,
    texts: impl Iterator<Item = &'a str>,
    sheets: &[String],
    phrases: impl Iterator<Item = String>,
) -> Heading {
    let mut heading = Heading::default();
    let mut best = 0;
    let mut years: BTreeMap<i32, usize> = BTreeMap::new();
    let mut before = String::new();
    let mut body_year = None;
    for text in texts {
        let text = one_line(text);
        let plain = squeeze(&text);
        let length = plain.chars().count();
        heading.number = heading.number.take().or_else(|| number_in(&text));
        body_year = body_year.or_else(|| year_in(&plain));
        if length <= MAX_TITLE_CHARS && !plain.contains(['。', ';']) {
            let known = TITLE_WORDS.iter().any(|word| plain.contains(word));
            let weight = usize::from(known) * 4
                + usize::from(year_in(&plain).is_some()) * 2
                + usize::from(plain.contains("台账") || plain.contains("清单"))
                + usize::from(length >= 6);
            if weight > best && (known || weight > 2) {
                best = weight;
                // 附件1:… says where it lies; a year at the beginning is the title's own.
                heading.title = Some(without_label(&text).to_owned());
            }
        }
        if let Some((issuer, _)) = plain.split_once("关于印发")
            && (2..=30).contains(&issuer.chars().count())
        {
            heading.issuer = Some(issuer.to_owned());
        }
        // 2021年6月28日 alone on its line is the date of the document.
        let begins_with_year = plain.starts_with(|c: char| crate::text::digit(c).is_some());
        if length <= 14 && heading.issued.is_none() && begins_with_year {
            let read = deadline::read(&plain, None);
            let has_day =
                plain.ends_with(['日', '号']) || plain.matches(['-', '.', '/']).count() == 2;
            if read.kind == Kind::Fixed && has_day && read.questions.is_empty() {
                heading.issued = read.date;
                let name = squeeze(&before);
                if heading.issuer.is_none()
                    && (4..=30).contains(&name.chars().count())
                    && !name.contains(['。', ',', ':', ';'])
                    && looks_like_units(&name)
                {
                    heading.issuer = Some(name);
                }
            }
        }
        before = text;
    }
    for phrase in phrases {
        if let Some(year) = year_in(&phrase) {
            *years.entry(year).or_default() += 1;
        }
    }
    let usual = years
        .into_iter()
        .max_by_key(|(year, count)| (*count, -*year))
        .map(|(y, _)| y);
    heading.year = heading
        .title
        .as_deref()
        .and_then(year_in)
        .or_else(|| sheets.iter().find_map(|name| year_in(name)))
        .or_else(|| year_in(file))
        .or(usual)
        .or(body_year)
        .or_else(|| year_digits(file))
        .or_else(|| {
            heading
                .issued
                .map(|d: NaiveDate| chrono::Datelike::year(&d))
        });
    heading
}
