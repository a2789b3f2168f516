//! A notice as the text of a chat or short message: without anything that the service would take
//! for markup or a mention, and within the service's limit.

use duban_model::record::is_between;
use duban_model::{Message, Zone};

use crate::answer_link::answer_until;

/// How a service wants its texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The most a text may have, as `measure` counts it.
    pub(super) limit: usize,
    /// What a text counts.
    pub(super) measure: fn(&str) -> usize,
    /// What stands at the end of a line.
    pub(super) line_end: &'static str,
    /// What stands before and after the subject line.
    pub(super) subject: (&'static str, &'static str),
    /// Writes one character so that it means only itself.
    pub(super) escape: fn(Place, &mut String),
    /// How the link to answer stands.
    pub(super) link: Link,
}

/// How a service shows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// As markdown writes it.
    Markdown,
    /// The address after what it is for; the service makes it one.
    Plain,
    /// The same in a word, where every byte counts.
    Short,
}

impl Link {
    fn written(self, address: &str, owes: bool, chinese: bool) -> String {
        let what = match (self, owes, chinese) {
            (Link::Short, true, true) => "办理",
            (Link::Short, false, true) => "查看",
            (Link::Short, true, false) => "Answer",
            (Link::Short, false, false) => "View",
            (Link::Markdown | Link::Plain, true, true) => "查看并办理(限收件人,无需登录)",
            (Link::Markdown | Link::Plain, false, true) => "查看本事项(限收件人,无需登录)",
            (Link::Markdown | Link::Plain, true, false) => {
                "View and answer (receiver only, no login)"
            }
            (Link::Markdown | Link::Plain, false, false) => "View (receiver only, no login)",
        };
        match self {
            Link::Markdown => format!("[{what}]({address})"),
            Link::Plain | Link::Short => format!("{what}:{address}"),
        }
    }
}

/// What stands before the link in a mail.
pub(super) fn answer_words(message: &Message, chinese: bool) -> String {
    let until = answer_until(message.at).date_in(Zone::SHANGHAI);
    match (chinese, message.owes) {
        (true, true) => {
            format!("查看并办理(签收、报送、申请延期、转办),无需登录,有效期到{until},请勿转发")
        }
        (true, false) => format!("查看本事项,无需登录,有效期到{until},请勿转发"),
        (false, true) => {
            format!("View and answer without login, until {until}; please do not pass it on")
        }
        (false, false) => format!("View without login, until {until}; please do not pass it on"),
    }
}

/// A character and what stands beside it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    before: Option<char>,
    here: char,
    after: Option<char>,
}

/// Bytes in UTF-8.
pub(super) fn bytes(text: &str) -> usize {
    text.len()
}

/// Bytes within a JSON string, where some characters take two.
pub(super) fn json_bytes(text: &str) -> usize {
    text.chars()
        .map(|c| c.len_utf8() + usize::from(matches!(c, '"' | '\\' | '\n')))
        .sum()
}

/// Markdown as chats read it. None of them documents a way to escape, so what could be markup is
/// written with its full-width twin, which a Chinese reader takes for the same.
pub(super) fn no_markdown(place: Place, out: &mut String) {
    let begins = place.before.is_none_or(|c| c == '\n');
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    match place.here {
        // Within a word, as in an id, it is no markup.
        '_' if word(place.before) && word(place.after) => out.push('_'),
        '*' | '`' | '<' | '>' | '[' | ']' | '\\' | '&' | '_' => wide(place.here, out),
        '#' | '-' | '+' | '=' | '|' | '~' if begins => wide(place.here, out),
        // Twice, it strikes through.
        '~' if place.before == Some('~') || place.after == Some('~') => wide('~', out),
        // Indented text would be code.
        c if begins && c.is_whitespace() && c != '\n' => {}
        c => out.push(c),
    }
}

/// Plain texts in which a service still looks for tags of its own.
pub(super) fn no_tags(place: Place, out: &mut String) {
    match place.here {
        '<' | '>' | '[' | ']' | '*' | '&' => wide(place.here, out),
        c => out.push(c),
    }
}

/// A short message: one line, and no 【…】, which gateways take for the sender's signature.
pub(super) fn one_line(place: Place, out: &mut String) {
    match place.here {
        '\n' if place.before == Some('\n') => {}
        '\n' => out.push(' '),
        '【' => out.push('['),
        '】' => out.push(']'),
        c => out.push(c),
    }
}

/// The full-width twin of a printable ASCII character.
fn wide(c: char, out: &mut String) {
    let twin = u32::from(c) + 0xFEE0;
    out.push(char::from_u32(twin).unwrap_or(' '));
}

/// A notice as a service gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) text: String,
    /// It was too long, and says so.
    pub(super) cut: bool,
}

/// Subject and text of a notice in a style, with the label of a possible repeat or without. `mention`
/// stands at the end as it is, in a line of its own, unless it is empty. What is too long is cut
/// between characters, and says so; a link in what is left out follows.
pub(super) fn write(message: &Message, style: &Style, label: bool, mention: &str) -> Written {
    let chinese = is_chinese(&message.text);
    let new_line = |text: &str| format!("{}{text}", style.line_end);
    let own = |text: &str| new_line(&escaped(text, style));
    let mut last = String::new();
    if label {
        last += &own(repeat_label(chinese));
    }
    if !mention.is_empty() {
        last += &new_line(mention);
    }
    // Ours, of plain signs, and whole or not at all.
    let answer = message.answer.as_deref();
    let answer = answer.map(|address| style.link.written(address, message.owes, chinese));
    let answer = answer.map_or_else(String::new, |link| new_line(&link));
    let (open, close) = style.subject;
    let head = format!("{open}{}", escaped(&one_row(&message.subject), style));
    let text = escaped(message.text.trim_end(), style);
    let count = style.measure;
    let ends = count(&answer) + count(&last);
    if count(&head) + count(close) + count(&text) + ends <= style.limit {
        let text = head + close + &text + &answer + &last;
        return Written { text, cut: false };
    }
    // What says that a text was cut, with the link to answer, leaves at least a quarter of the room to
    // the text.
    let most = style.limit / 4 * 3;
    let [.., least] = cut_notes(message, chinese).map(|note| own(&note));
    let answer = if count(close) + count(&least) + ends <= most {
        answer
    } else {
        String::new()
    };
    let last = answer + &last;
    let short = |note: &str| {
        let after = count(close) + count(note) + count(&last);
        let mut room = style.limit.saturating_sub(after);
        let head = within(&head, &mut room, count);
        let text = within(&text, &mut room, count).trim_end();
        format!("{head}{close}{text}{note}{last}")
    };
    let fits = |note: &String| count(close) + count(note) + count(&last) <= most;
    let mut notes = cut_notes(message, chinese)
        .into_iter()
        .map(|note| own(&note));
    let note = notes.find(fits).unwrap_or_default();
    let mut text = short(&note);
    let link = last_link(&message.text).map(own);
    if let Some(link) = link.filter(|link| !text.contains(link.trim())) {
        let linked = note + &link;
        if fits(&linked) {
            text = short(&linked);
        }
    }
    Written { text, cut: true }
}

/// What says that a text was cut, the longest first.
fn cut_notes(message: &Message, chinese: bool) -> [String; 3] {
    if chinese {
        [
            format!("……(内容过长,已截断。事项编号:{})", message.obligation),
            "……(内容过长,已截断)".to_owned(),
            "……".to_owned(),
        ]
    } else {
        [
            format!("… (too long, cut here. Id: {})", message.obligation),
            "… (too long, cut here)".to_owned(),
            "…".to_owned(),
        ]
    }
}

/// The last link of a text.
fn last_link(text: &str) -> Option<&str> {
    let at = text.rfind("https://").max(text.rfind("http://"))?;
    Some(&text[at..at + link_bytes(&text[at..])])
}

/// How many bytes of a text that begins with a link belong to it; 0 for one that does not. Only what
/// an address is written with, and nothing by which it could end as markup.
fn link_bytes(text: &str) -> usize {
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return 0;
    }
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&+;=%,".contains(c);
    let end = text.find(|c: char| !is_part(c)).unwrap_or(text.len());
    text[..end]
        .trim_end_matches(['.', ',', ';', ':', '!', '?'])
        .len()
}

/// As much of a text as there is room for, cut between characters.
fn within<'a>(text: &'a str, room: &mut usize, count: fn(&str) -> usize) -> &'a str {
    let mut left = *room;
    for (place, c) in text.char_indices() {
        let cost = count(&text[place..place + c.len_utf8()]);
        if cost > left {
            *room = 0;
            let mut end = place;
            while !is_between(text, end) {
                end -= 1;
            }
            return &text[..end];
        }
        left -= cost;
    }
    *room = left;
    text
}

/// As much of a text as so many bytes within JSON hold, with a note if something is missing.
pub(super) fn fitted(message: &Message, limit: usize) -> Written {
    if json_bytes(&message.text) <= limit {
        let text = message.text.clone();
        return Written { text, cut: false };
    }
    let [note, ..] = cut_notes(message, is_chinese(&message.text));
    let link = last_link(&message.text).map(|link| format!("\n{link}"));
    let note = format!("\n{note}{}", link.unwrap_or_default());
    let mut room = limit.saturating_sub(json_bytes(&note));
    let text = within(&message.text, &mut room, json_bytes).trim_end();
    Written {
        text: format!("{text}{note}"),
        cut: true,
    }
}

/// True for what nobody should see and no text needs: control characters, and the marks by which a
/// title could turn the direction of the rest.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// A text of which every character means only itself. Links stay as they are.
fn escaped(text: &str, style: &Style) -> String {
    let text: String = text
        .chars()
        .filter(|c| *c == '\n' || !is_hidden(*c))
        .collect();
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut link_ends = 0;
    for (at, here) in text.char_indices() {
        if at >= link_ends {
            link_ends = at + link_bytes(&text[at..]);
        }
        let length = out.len();
        let rest = &text[at + here.len_utf8()..];
        let is_plain = match here {
            '_' | '-' | '~' | '=' | '+' | '#' => true,
            // Between two parts of a query; `&lt;` would be another sign.
            '&' => is_next_field(rest),
            _ => false,
        };
        if at < link_ends && is_plain {
            out.push(here);
            before = Some(here);
            continue;
        }
        let place = Place {
            before,
            here,
            after: rest.chars().next(),
        };
        (style.escape)(place, &mut out);
        if here == '\n' && out[length..] == *"\n" {
            out.truncate(length);
            out.push_str(style.line_end);
        }
        // Spaces that were left out do not hide what begins a line.
        if out.len() > length {
            before = Some(here);
        }
    }
    out
}

/// Whether what follows an `&` is a name with a value.
fn is_next_field(text: &str) -> bool {
    let name = text.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
    name.len() < text.len() && name.starts_with('=')
}

/// A text in one line, without what nobody should see.
pub(super) fn one_row(text: &str) -> String {
    let apart = |c: char| c.is_whitespace() || is_hidden(c);
    let words: Vec<&str> = text.split(apart).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// True for a text that is worded in Chinese.
pub(super) fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c))
}

/// What a repeat says of itself.
pub(super) fn repeat_label(chinese: bool) -> &'static str {
    if chinese {
        "(本通知可能重复送达:此前一次发送的结果不明。)"
    } else {
        "(This may be a repeat: the outcome of an earlier attempt is not known.)"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::message;

    const MARKED: Style = Style {
        limit: 4_096,
        measure: bytes,
        line_end: "\n",
        subject: ("**", "**\n"),
        escape: no_markdown,
        link: Link::Markdown,
    };

    const ADDRESS: &str = "https://duban.city.example/a/AQ_-x_-y__9";

    #[test]
    fn the_link_is_whole_however_long_the_text_or_left_out() {
        let plain = Style {
            link: Link::Short,
            escape: one_line,
            ..MARKED
        };
        let mut seen = [0, 0];
        for limit in 100..400 {
            for length in [1, 20, 400] {
                let mut notice = message();
                notice.answer = Some(ADDRESS.to_owned());
                notice.text = "督".repeat(length);
                for style in [MARKED, plain] {
                    let style = Style { limit, ..style };
                    let text = write(&notice, &style, false, "").text;
                    assert!(text.len() <= limit.max(160), "{} > {limit}", text.len());
                    let there = text.contains(ADDRESS);
                    seen[usize::from(there)] += 1;
                    assert!(there || !text.contains("duban.city"), "{text}");
                    assert!(there || limit < 260, "{limit} is enough: {text}");
                }
            }
        }
        assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
        let mut notice = message();
        notice.answer = Some(ADDRESS.to_owned());
        let text = write(&notice, &MARKED, false, "").text;
        assert!(
            text.ends_with(&format!("\n[查看并办理(限收件人,无需登录)]({ADDRESS})")),
            "{text}"
        );
    }

    #[test]
    fn what_looks_like_markup_or_a_mention_is_only_text() {
        let mut notice = message();
        notice.subject = "【提醒】*甲*\n# <@all>".to_owned();
        notice.text = "  # 标题\n[点我](http://x.example)\n- 一\n> 引\n`代码`\n---\n\
                       编号:t-2021/3@a_b\n_斜_\n<font color=\"red\">红</font>\u{7}"
            .to_owned();
        assert_eq!(
            write(&notice, &MARKED, false, "").text,
            "**【提醒】＊甲＊ # ＜@all＞**\n＃ 标题\n［点我］(http://x.example)\n－ 一\n＞ 引\n｀代码｀\n\
             －--\n编号:t-2021/3@a_b\n＿斜＿\n＜font color=\"red\"＞红＜/font＞"
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters_within_the_limit_and_says_so() {
        for limit in 200..260 {
            for duplicate in [false, true] {
                for (subject, text) in [
                    ("短", "督办\"事项".repeat(100)),
                    ("长".repeat(300).as_str(), "短".to_owned()),
                ] {
                    let mut notice = message();
                    notice.subject = subject.to_owned();
                    notice.text = text;
                    for measure in [bytes as fn(&str) -> usize, json_bytes] {
                        let style = Style {
                            limit,
                            measure,
                            ..MARKED
                        };
                        let text = write(&notice, &style, duplicate, "").text;
                        assert!(measure(&text) <= limit, "{} > {limit}", measure(&text));
                        assert!(measure(&text) + 6 > limit, "no room is wasted: {text}");
                        assert!(text.contains("已截断。事项编号:ledger/1@unit)"), "{text}");
                        assert_eq!(text.matches("**").count(), 2, "{text}");
                        assert_eq!(text.contains("可能重复送达"), duplicate);
                    }
                }
            }
        }
    }

    #[test]
    fn a_short_message_is_one_line_without_a_signature_of_ours() {
        let style = Style {
            escape: one_line,
            subject: ("", " "),
            line_end: " ",
            ..MARKED
        };
        let mut notice = message();
        notice.subject = "【督办】甲".to_owned();
        notice.text = "您好:\n\n请办理。\n编号".to_owned();
        assert_eq!(
            write(&notice, &style, false, "").text,
            "[督办]甲 您好: 请办理。 编号"
        );
    }
}
