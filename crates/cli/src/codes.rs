//! What a code of `duban check` means: one section of the page of diagnostics, which this program
//! brings along.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::args::Format;
use crate::{Ended, Fault};

const PAGE: &str = include_str!("../../../workflows/diagnostics.md");

/// Whether a word is the code of a diagnostic rather than an id.
pub(crate) fn is_code(word: &str) -> bool {
    word.len() == 4
        && word.starts_with(['C', 'D', 'W', 'c', 'd', 'w'])
        && word.bytes().skip(1).all(|b| b.is_ascii_digit())
}

/// Prints what a code means.
pub(crate) fn explain(code: &str, format: Format) -> Result<Ended, Fault> {
    let code = code.to_ascii_uppercase();
    let Some((title, text)) = section(&code) else {
        let like: Vec<&str> = sections()
            .map(|(heading, _)| heading.split(' ').next().unwrap_or_default())
            .filter(|other| other.get(..3) == code.get(..3))
            .collect();
        return Err(format!(
            "`{code}` is no code of `duban check`; near it are {}",
            if like.is_empty() {
                "none".to_owned()
            } else {
                like.join(", ")
            }
        )
        .into());
    };
    let (chinese, english) = title.split_once(" | ").unwrap_or((title, title));
    match format {
        Format::Json | Format::Ndjson => crate::say!(
            "{}",
            serde_json::json!({"code": code, "title": {"zh": chinese, "en": english}, "text": text})
        ),
        Format::Table | Format::Csv => {
            crate::say!("{code} {chinese} | {english}");
            for line in text.lines() {
                // Fences are for the page; what stands between them is shown further in.
                if !line.starts_with("```") {
                    crate::say!("{line}");
                }
            }
        }
    }
    Ok(Ended::Well)
}

/// What the page says of a code, in Chinese and in English, piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Words {
    /// Its title.
    pub title: (&'static str, &'static str),
    /// What holds.
    pub rule: (&'static str, &'static str),
    /// How to mend it, in Chinese.
    pub fix: &'static str,
    /// An example of it; empty where it would be endless.
    pub wrong: &'static str,
    /// The same put right.
    pub right: &'static str,
}

/// What the page says of a code; nothing for a code without a section.
pub(crate) fn words(code: &str) -> Option<Words> {
    static ALL: OnceLock<BTreeMap<&str, Words>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let all = sections().filter_map(|(heading, text)| {
            let (code, title) = heading.split_once(' ')?;
            let (rule, english) = text.split_once('\n')?;
            let example = |label: &str| {
                let (_, after) = text.split_once(label)?;
                let (_, fenced) = after.split_once("```")?;
                let (language, text) = fenced.split_once('\n')?;
                // What the program says is fenced as text; it is no example.
                let (text, _) = text.split_once("\n```").filter(|_| language != "text")?;
                Some(text)
            };
            let words = Words {
                title: title.split_once(" | ").unwrap_or((title, title)),
                rule: (rule, english.lines().next().unwrap_or_default()),
                fix: text
                    .lines()
                    .find_map(|line| line.strip_prefix("改法 Fix: "))
                    .unwrap_or_default(),
                wrong: example("\n错 Wrong").unwrap_or_default(),
                right: example("\n对 Right").unwrap_or_default(),
            };
            Some((code, words))
        });
        all.collect()
    });
    all.get(code).copied()
}

/// All codes that the page has.
#[cfg(test)]
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    sections().filter_map(|(heading, _)| heading.split(' ').next())
}

/// The sections of the page: heading and text.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAGE.split("\n## ").skip(1).map(|section| {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        (heading, text.trim())
    })
}

/// Title and text of one code.
fn section(code: &str) -> Option<(&'static str, &'static str)> {
    sections().find_map(|(heading, text)| Some((heading.strip_prefix(code)?.trim(), text)))
}
