//! Texts as YAML, and a directory as `directory.yaml`.

use std::fmt::Write;

use duban_model::Directory;
use duban_model::delivery::{Days, Hours};
use duban_model::directory::{Certainty, Contact};

/// A text in double quotes: nothing in it can be taken for anything else.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push(' '),
            c if c.is_control()
                || crate::text::unseen(c)
                || matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}') => {}
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as administrators write it: without quotes where nothing could be mistaken.
pub(crate) fn text(text: &str) -> String {
    let chinese = |c: char| matches!(c, '\u{4e00}'..='\u{9fff}');
    let safe = |c: char| {
        chinese(c) || c.is_ascii_alphanumeric() || "、。,;()《》“”%+-/〔〕(),;:".contains(c)
    };
    let plain = text
        .chars()
        .next()
        .is_some_and(|c| chinese(c) || matches!(c, '(' | '《'))
        && text.chars().all(safe);
    if plain { text.to_owned() } else { quoted(text) }
}

/// A wording as the value of a key so deep: with line breaks as a block, as administrators write
/// and read it.
pub(crate) fn block(wording: &str, indent: usize) -> String {
    let lines: Vec<&str> = wording.split('\n').collect();
    let is_plain = |line: &&str| {
        !line.is_empty()
            && line.trim() == *line
            && !line.contains(|c: char| {
                c.is_control()
                    || crate::text::unseen(c)
                    || "\u{2028}\u{2029}\u{85}\u{feff}".contains(c)
            })
    };
    if lines.len() < 2 || !lines.iter().all(is_plain) {
        return text(wording);
    }
    let margin = " ".repeat(indent);
    let mut out = String::from("|-");
    for line in lines {
        out.push('\n');
        out.push_str(&margin);
        out.push_str(line);
    }
    out
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
    format!("[{}]", items.join(", "))
}

fn contact(contact: &Contact) -> String {
    let mut out = format!(
        "{{ id: {}, title: {}",
        quoted(&contact.id),
        quoted(&contact.title)
    );
    if let Some(mail) = &contact.mail {
        let _ = write!(out, ", mail: {}", quoted(mail));
    }
    if !contact.channels.is_empty() {
        let channels: Vec<&str> = contact.channels.iter().map(|c| c.as_str()).collect();
        let _ = write!(out, ", channels: [{}]", channels.join(", "));
    }
    if !contact.away.is_empty() {
        let away = contact.away.iter().map(|absence| {
            let (from, to) = (absence.from, absence.to);
            let substitute = quoted(&absence.substitute);
            format!("{{ from: {from}, to: {to}, substitute: {substitute} }}")
        });
        let away: Vec<String> = away.collect();
        let _ = write!(out, ", away: [{}]", away.join(", "));
    }
    out.push_str(" }");
    out
}

/// When people may be disturbed.
fn disturbing(hours: &Hours) -> String {
    let days = match hours.days {
        Days::Every => "every",
        Days::Working => "working",
    };
    let (from, to) = (hours.from.format("%H:%M"), hours.to.format("%H:%M"));
    format!("{{ from: \"{from}\", to: \"{to}\", days: {days} }}")
}

/// `directory.yaml`, with `comment` lines at its head.
pub fn directory(directory: &Directory, comment: &str) -> String {
    let mut out = String::new();
    for line in comment.lines() {
        let _ = writeln!(out, "# {line}");
    }
    let _ = writeln!(out, "\ntenant: {}\n\ndelivery:", directory.tenant);
    let minutes = directory.delivery.window_minutes;
    let _ = writeln!(out, "  window_minutes: {minutes}");
    if let Some(hours) = &directory.delivery.hours {
        let _ = writeln!(out, "  hours: {}", disturbing(hours));
    }
    out.push_str("\nunits:\n");
    for (id, unit) in &directory.units {
        let _ = writeln!(out, "\n  - id: {id}\n    name: {}", text(&unit.name));
        if !unit.short.is_empty() {
            let _ = writeln!(out, "    short: {}", list(&unit.short));
        }
        if !unit.level.is_empty() {
            let _ = writeln!(out, "    level: {}", text(&unit.level));
        }
        if !unit.kind.is_empty() {
            let _ = writeln!(out, "    kind: {}", quoted(&unit.kind));
        }
        if !unit.groups.is_empty() {
            let _ = writeln!(out, "    groups:");
            for group in &unit.groups {
                let _ = writeln!(out, "      - {}", text(group));
            }
        }
        if let Some(superior) = &unit.superior {
            let _ = writeln!(out, "    superior: {superior}");
        }
        if !unit.formerly.is_empty() {
            let _ = writeln!(out, "    formerly:");
            for id in &unit.formerly {
                let _ = writeln!(out, "      - {id}");
            }
        }
        if let Some(hours) = &unit.hours {
            let _ = writeln!(out, "    hours: {}", disturbing(hours));
        }
        if let Some(certainty) = unit.certainty {
            let word = match certainty {
                Certainty::Certain => "certain",
                Certainty::Likely => "likely",
                Certainty::Uncertain => "uncertain",
            };
            let _ = writeln!(out, "    certainty: {word}");
        }
        if !unit.contacts.is_empty() {
            let _ = writeln!(out, "    contacts:");
            for one in &unit.contacts {
                let _ = writeln!(out, "      - {}", contact(one));
            }
        }
        if let Some(leader) = &unit.leader {
            let _ = writeln!(out, "    leader: {}", contact(leader));
        }
    }
    out
}
