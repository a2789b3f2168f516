//! Texts as people type them: full and half width, spaces inside words, Chinese numerals, names in
//! brackets.

/// The half-width form of a character, where it has one.
pub(crate) fn half(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{a0}' | '\t' => ' ',
        '【' | '〔' | '〖' | '﹝' => '[',
        '】' | '〕' | '〗' | '﹞' => ']',
        '﹙' => '(',
        '﹚' => ')',
        '‚' | '﹐' => ',',
        '﹔' => ';',
        '﹕' | '∶' => ':',
        '﹑' => '、',
        '｡' => '。',
        other => other,
    }
}

/// Characters that nobody sees and that only get in the way.
pub(crate) fn unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}')
        || (c.is_control() && !matches!(c, '\n' | '\t'))
}

/// Half width, without any white space: the form in which words are compared.
pub(crate) fn squeeze(text: &str) -> String {
    text.chars()
        .filter(|c| !unseen(*c))
        .map(half)
        .filter(|c| !c.is_whitespace())
        .collect()
}

/// A text as one line: wrapped lines are joined as Chinese is, without a space between them.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let line: String = line.chars().filter(|c| !unseen(*c)).collect();
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if latin(out.chars().next_back()) && latin(line.chars().next()) {
            out.push(' ');
        }
        out.push_str(line);
    }
    out
}

/// A wording with its own line breaks: lines without spaces around them, empty ones left out.
pub(crate) fn lines(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line: String = line.chars().filter(|c| !unseen(*c)).collect();
        line.trim().to_owned()
    });
    let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// The lines of a cell in which a page break has repeated the whole text, once.
///
/// A tall merged cell carries its text once a page, with empty lines between.
pub(crate) fn once(text: &str) -> String {
    let mut pages: Vec<String> = Vec::new();
    let mut lines: Vec<&str> = Vec::new();
    let end = |lines: &mut Vec<&str>, pages: &mut Vec<String>| {
        if !lines.is_empty() {
            pages.push(lines.join("\n"));
            lines.clear();
        }
    };
    for line in text.lines() {
        if line.trim().is_empty() {
            end(&mut lines, &mut pages);
        } else {
            lines.push(line);
        }
    }
    end(&mut lines, &mut pages);
    let mut kept: Vec<String> = Vec::new();
    for page in pages {
        if !kept.iter().any(|k| squeeze(k) == squeeze(&page)) {
            kept.push(page);
        }
    }
    kept.join("\n")
}

/// True for what opens a bracket, of either width.
pub(crate) fn opens(c: char) -> bool {
    matches!(half(c), '(' | '[' | '<' | '《' | '“' | '「')
}

/// True for what closes a bracket, of either width.
pub(crate) fn closes(c: char) -> bool {
    matches!(half(c), ')' | ']' | '>' | '》' | '”' | '」')
}

/// The parts of a text between separators that stand outside of brackets; empty parts are left out.
pub(crate) fn parts(text: &str, separates: impl Fn(char) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    let mut part = String::new();
    let mut depth = 0_usize;
    for c in text.chars() {
        if opens(c) {
            depth += 1;
        } else if closes(c) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 && separates(c) {
            out.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    out.push(part);
    out.into_iter()
        .map(|part| part.trim().to_owned())
        .filter(|part| !part.is_empty())
        .collect()
}

/// The value of one Chinese or Arabic digit.
pub(crate) fn digit(c: char) -> Option<u32> {
    Some(match half(c) {
        d @ '0'..='9' => u32::from(d) - u32::from('0'),
        '〇' | '零' | '○' | '◯' | 'Ｏ' | 'O' | 'o' => 0,
        '一' | '壹' => 1,
        '二' | '贰' | '两' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' => 7,
        '八' | '捌' => 8,
        '九' | '玖' => 9,
        _ => return None,
    })
}

/// A number at the beginning of `chars`, Arabic or Chinese, below ten thousand, and how many
/// characters it takes.
pub(crate) fn number(chars: &[char]) -> Option<(u32, usize)> {
    let arabic = chars
        .iter()
        .take_while(|c| half(**c).is_ascii_digit())
        .count();
    if arabic > 0 {
        if arabic > 4 {
            return None;
        }
        let value = chars[..arabic]
            .iter()
            .filter_map(|c| digit(*c))
            .fold(0, |sum, d| sum * 10 + d);
        return Some((value, arabic));
    }
    let first = *chars.first()?;
    // 二〇二一: digit by digit.
    let digits = chars
        .iter()
        .take_while(|c| digit(**c).is_some() && !c.is_ascii_alphanumeric() && **c != '两')
        .count();
    if digits >= 2 {
        if digits > 4 {
            return None;
        }
        let value = chars[..digits]
            .iter()
            .filter_map(|c| digit(*c))
            .fold(0, |sum, d| sum * 10 + d);
        return Some((value, digits));
    }
    let tens = |c: char| match c {
        '十' | '拾' => Some(10),
        '廿' => Some(20),
        '卅' => Some(30),
        _ => None,
    };
    let plain = |c: char| digit(c).filter(|d| *d > 0 && !c.is_ascii_alphanumeric());
    let (mut value, mut taken) = match (tens(first), plain(first)) {
        (Some(ten), _) => (ten, 1),
        (None, Some(d)) => match chars.get(1).copied() {
            Some('十' | '拾') => (d * 10, 2),
            Some('百') => (d * 100, 2),
            _ => return Some((d, 1)),
        },
        (None, None) => return None,
    };
    if value >= 100 {
        if chars.get(taken).is_some_and(|c| matches!(c, '零' | '〇')) {
            taken += 1;
        }
        if let Some(d) = chars.get(taken).copied().and_then(plain) {
            if chars.get(taken + 1) == Some(&'十') {
                value += d * 10;
                taken += 2;
            }
        } else {
            return Some((value, taken));
        }
    }
    if let Some(d) = chars.get(taken).copied().and_then(plain) {
        value += d;
        taken += 1;
    }
    Some((value, taken))
}

/// A number written in Chinese, below one thousand.
pub(crate) fn chinese(value: u32) -> String {
    const DIGITS: [&str; 10] = ["〇", "一", "二", "三", "四", "五", "六", "七", "八", "九"];
    let digit = |d: u32| DIGITS[(d % 10) as usize];
    match value {
        0..=9 => digit(value).to_owned(),
        10..=19 => format!("十{}", if value == 10 { "" } else { digit(value) }),
        20..=99 => {
            let ones = if value.is_multiple_of(10) {
                ""
            } else {
                digit(value)
            };
            format!("{}十{ones}", digit(value / 10))
        }
        _ => value.to_string(),
    }
}

/// How an item is numbered, which tells its rank among headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// 第一部分, 一、
    Section,
    /// (一)
    Subsection,
    /// 1. 1、 (1) ① 第一条
    Item,
}

/// The number before a text: its rank, its value, and the text after it.
pub(crate) fn numbered(text: &str) -> Option<(Rank, u32, String)> {
    let chars: Vec<char> = text.trim_start().chars().collect();
    let rest = |from: usize| -> String {
        let tail: String = chars[from..].iter().collect();
        tail.trim_start_matches(|c| matches!(half(c), ' ' | '、' | '.'))
            .to_owned()
    };
    let first = half(*chars.first()?);
    if let 0x2460..=0x2473 = u32::from(first) {
        return Some((Rank::Item, u32::from(first) - 0x245f, rest(1)));
    }
    if let 0x2488..=0x249b = u32::from(first) {
        return Some((Rank::Item, u32::from(first) - 0x2487, rest(1)));
    }
    let arabic = |c: Option<&char>| c.is_some_and(|c| half(*c).is_ascii_digit());
    if first == '(' {
        let (value, taken) = number(&chars[1..])?;
        if half(*chars.get(1 + taken)?) != ')' {
            return None;
        }
        let rank = if arabic(chars.get(1)) {
            Rank::Item
        } else {
            Rank::Subsection
        };
        return Some((rank, value, rest(2 + taken)));
    }
    if first == '第' {
        let (value, taken) = number(&chars[1..])?;
        let after: String = chars[1 + taken..].iter().take(2).collect();
        return if after.starts_with("部分") {
            Some((Rank::Section, value, rest(3 + taken)))
        } else if after.starts_with(['章', '节']) {
            Some((Rank::Section, value, rest(2 + taken)))
        } else if after.starts_with(['条', '项']) {
            Some((Rank::Item, value, rest(2 + taken)))
        } else {
            None
        };
    }
    let (value, taken) = number(&chars)?;
    let mark = half(*chars.get(taken)?);
    if arabic(chars.first()) {
        if value > 999
            || !matches!(mark, '.' | '、' | ')')
            || (mark == '.' && arabic(chars.get(taken + 1)))
        {
            return None;
        }
        return Some((Rank::Item, value, rest(taken + 1)));
    }
    if !matches!(mark, '、' | '.' | ',') || value >= 100 || taken > 3 {
        return None;
    }
    Some((Rank::Section, value, rest(taken + 1)))
}

/// The number of several levels before a text, 1.1 or 2.3.4, and the text after it. Something must
/// part them, or 1.5亿元 would be one.
pub(crate) fn levelled(text: &str) -> Option<(String, String)> {
    let text = text.trim_start();
    let end = text.find(|c: char| !matches!(half(c), '0'..='9' | '.'))?;
    let (number, rest) = text.split_at(end);
    let number: String = number.chars().map(half).collect();
    let number = number.trim_end_matches('.');
    let parts: Vec<&str> = number.split('.').collect();
    let sound = (2..=4).contains(&parts.len())
        && parts
            .iter()
            .all(|part| (1..=3).contains(&part.len()) && !part.starts_with('0'));
    let parted = parts.len() > 2 || rest.starts_with(|c| matches!(half(c), ' ' | '、' | ')'));
    let rest = rest.trim_start_matches(|c| matches!(half(c), ' ' | '、' | ')'));
    (sound && parted && !rest.is_empty()).then(|| (number.to_owned(), rest.to_owned()))
}

/// The number in a column of numbers: 一 and ① as figures, 001 as it stands, 二-3 as 2-3.
pub(crate) fn written_number(text: &str) -> Option<String> {
    let plain = squeeze(text);
    let plain = plain.trim_matches(['.', '、', ',']);
    let bracketed = plain.trim_matches(['(', ')']);
    let plain = if bracketed.contains(['(', ')']) {
        plain
    } else {
        bracketed
    };
    if let Some((Rank::Item, value, _)) = numbered(plain).filter(|(.., rest)| rest.is_empty()) {
        return Some(value.to_string());
    }
    let mut out = String::new();
    let chars: Vec<char> = plain.chars().collect();
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        if c.is_ascii_digit() {
            // Zeros in front are part of the office's numbering.
            out.push(*c);
            at += 1;
        } else if let Some((value, taken)) = number(&chars[at..]) {
            out.push_str(&value.to_string());
            at += taken;
        } else {
            out.push(match c {
                '(' | ')' | '、' if out.is_empty() || out.ends_with('-') => {
                    at += 1;
                    continue;
                }
                '(' | ')' | '、' => '-',
                '—' | '–' | '－' | '一' => '-',
                other => *other,
            });
            at += 1;
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(u32, usize)> {
        number(&text.chars().collect::<Vec<_>>())
    }

    #[test]
    fn chinese_numerals_are_read_both_ways_of_writing() {
        assert_eq!(read("二〇二一年"), Some((2021, 4)));
        assert_eq!(read("二○二一年"), Some((2021, 4)));
        assert_eq!(read("十二月"), Some((12, 2)));
        assert_eq!(read("三十一日"), Some((31, 3)));
        assert_eq!(read("二十日"), Some((20, 2)));
        assert_eq!(read("一百零五项"), Some((105, 4)));
        assert_eq!(read("２０２１年"), Some((2021, 4)));
        assert_eq!(read("20211231"), None);
        for value in 1..100 {
            assert_eq!(read(&chinese(value)).map(|(v, _)| v), Some(value));
        }
    }

    #[test]
    fn an_item_number_is_told_from_a_number_in_the_text() {
        assert_eq!(
            numbered("1.公开信息"),
            Some((Rank::Item, 1, "公开信息".to_owned()))
        );
        assert_eq!(numbered("１、公开").map(|n| n.1), Some(1));
        assert_eq!(numbered("(三)公开").map(|n| n.0), Some(Rank::Subsection));
        assert_eq!(numbered("（3）公开").map(|n| n.0), Some(Rank::Item));
        assert_eq!(numbered("③公开").map(|n| n.1), Some(3));
        assert_eq!(numbered("一、紧扣").map(|n| n.0), Some(Rank::Section));
        assert_eq!(numbered("12345市民服务热线"), None);
        assert_eq!(numbered("1.5亿元"), None);
        assert_eq!(numbered("2021年12月"), None);
    }

    #[test]
    fn a_number_of_several_levels_is_told_from_a_quantity() {
        let read = |text: &str| levelled(text).map(|(number, rest)| number + "|" + &rest);
        assert_eq!(read("1.1 公开"), Some("1.1|公开".to_owned()));
        assert_eq!(read("2.3.4公开"), Some("2.3.4|公开".to_owned()));
        assert_eq!(read("１.２、公开"), Some("1.2|公开".to_owned()));
        for text in ["1.5亿元", "1.公开", "3.5%的项目", "2024.10.31前", "1.1", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn what_a_page_break_repeats_is_read_once() {
        assert_eq!(once("甲\n乙\n\n\n甲\n乙"), "甲\n乙");
        assert_eq!(once("甲\n\n乙"), "甲\n乙");
        assert_eq!(
            one_line("市行政审批和\n政务服务局"),
            "市行政审批和政务服务局"
        );
    }
}
