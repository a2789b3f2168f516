//! A notice as the text of a chat or short message: without anything that the service would take
//! for markup or a mention, and within the service's limit.

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

/// A text that is cut has at least so much left beside its link, or the link is left out.
const BESIDE_LINK: usize = 60;

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

/// Subject and text of a notice in a style. What is too long is cut between characters, and says so.
pub(super) fn write(message: &Message, style: &Style) -> String {
    write_labelled(message, style, message.possible_duplicate)
}

/// The same, with the label of a possible repeat or without.
pub(super) fn write_labelled(message: &Message, style: &Style, label: bool) -> String {
    let chinese = is_chinese(&message.text);
    let new_line = |text: &str| format!("{}{}", style.line_end, escaped(text, style));
    let last = if label {
        new_line(repeat_label(chinese))
    } else {
        String::new()
    };
    // Ours, of plain signs, and whole or not at all.
    let link = message
        .answer
        .as_deref()
        .map_or_else(String::new, |address| {
            format!(
                "{}{}",
                style.line_end,
                style.link.written(address, message.owes, chinese)
            )
        });
    let (open, close) = style.subject;
    let head = format!("{open}{}", escaped(&one_row(&message.subject), style));
    let text = escaped(message.text.trim_end(), style);
    let count = style.measure;
    let ends = count(&link) + count(&last);
    if count(&head) + count(close) + count(&text) + ends <= style.limit {
        return head + close + &text + &link + &last;
    }
    let beyond = new_line(if chinese {
        "……(内容过长,已截断,全文见下)"
    } else {
        "… (too long, cut here; the whole is behind the link)"
    });
    let after = count(close) + count(&beyond) + ends;
    let (link, cut) = if link.is_empty() || after + BESIDE_LINK > style.limit {
        (String::new(), None)
    } else {
        (link, Some(beyond))
    };
    let cut = cut.unwrap_or_else(|| {
        new_line(&if chinese {
            format!("……(内容过长,已截断。事项编号:{})", message.obligation)
        } else {
            format!("… (too long, cut here. Id: {})", message.obligation)
        })
    });
    let after = count(close) + count(&cut) + count(&link) + count(&last);
    let mut room = style.limit.saturating_sub(after);
    let head = within(&head, &mut room, count).to_owned();
    let text = within(&text, &mut room, count).trim_end();
    head + close + text + &cut + &link + &last
}

/// As much of a text as there is room for, cut between characters.
fn within<'a>(text: &'a str, room: &mut usize, count: fn(&str) -> usize) -> &'a str {
    for (place, c) in text.char_indices() {
        let cost = count(&text[place..place + c.len_utf8()]);
        if cost > *room {
            *room = 0;
            return &text[..place];
        }
        *room -= cost;
    }
    text
}

/// A text of which every character means only itself.
fn escaped(text: &str, style: &Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let shown = |c: &char| *c == '\n' || !c.is_control();
    let mut signs = text.chars().filter(shown).peekable();
    while let Some(here) = signs.next() {
        let length = out.len();
        let place = Place {
            before,
            here,
            after: signs.peek().copied(),
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

/// A text in one line.
pub(super) fn one_row(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
                    let text = write(&notice, &style);
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
        let text = write(&notice, &MARKED);
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
            write(&notice, &MARKED),
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
                    notice.possible_duplicate = duplicate;
                    for measure in [bytes as fn(&str) -> usize, json_bytes] {
                        let style = Style {
                            limit,
                            measure,
                            ..MARKED
                        };
                        let text = write(&notice, &style);
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
            ..MARKED
        };
        let mut notice = message();
        notice.subject = "【督办】甲".to_owned();
        notice.text = "您好:\n\n请办理。\n编号".to_owned();
        assert_eq!(write(&notice, &style), "[督办]甲 您好: 请办理。 编号");
    }
}
