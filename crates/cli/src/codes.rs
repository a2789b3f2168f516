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

/// A code's title and what its section says first, in Chinese; nothing for a code without a section.
pub(crate) fn in_chinese(code: &str) -> Option<(&'static str, &'static str)> {
    static ALL: OnceLock<BTreeMap<&str, (&str, &str)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let titled = sections().filter_map(|(heading, text)| {
            let (code, title) = heading.split_once(' ')?;
            let title = title.split(" | ").next().unwrap_or(title);
            Some((
                code,
                (title.trim(), text.lines().next().unwrap_or_default()),
            ))
        });
        titled.collect()
    });
    all.get(code).copied()
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
