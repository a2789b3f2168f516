//! Collecting what is wrong with one file, each fault at its place.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use crate::compile::MAX_TEXT_BYTES;
use crate::diagnostic::{Diagnostic, Severity, nearest};

/// Collects diagnostics of one file.
pub(crate) struct Faults<'a> {
    file: &'a str,
    text: &'a str,
    list: Vec<Diagnostic>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Self {
        Self {
            file,
            text,
            list: Vec::new(),
        }
    }

    pub(crate) fn error(
        &mut self,
        code: &'static str,
        at: Location,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            Severity::Error,
            code,
            at,
            found.into(),
            expected.into(),
            remedy.into(),
        );
    }

    /// Tells a fault that lies so many characters within a field's text.
    pub(crate) fn within(&mut self, field: &Spanned<String>, fault: crate::condition_parse::Fault) {
        let start = field.referenced;
        let (line, column) = place_within(
            self.text,
            (start.line(), start.column()),
            &field.value,
            fault.offset,
        );
        self.list.push(Diagnostic {
            code: fault.code,
            severity: Severity::Error,
            file: self.file.to_owned(),
            line,
            column,
            found: fault.found,
            expected: fault.expected,
            remedy: fault.remedy,
        });
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: Location,
        found: String,
        expected: String,
        remedy: String,
    ) {
        self.list.push(Diagnostic {
            code,
            severity,
            file: self.file.to_owned(),
            line: at.line(),
            column: at.column(),
            found,
            expected,
            remedy,
        });
    }

    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.line, d.column, d.code));
        self.list
    }

    /// Parses a field's text, or says why not.
    pub(crate) fn parse<T: FromStr>(
        &mut self,
        code: &'static str,
        field: &Spanned<String>,
        expected: &str,
        remedy: &str,
    ) -> Option<T> {
        if let Ok(value) = field.value.parse() {
            Some(value)
        } else {
            self.error(
                code,
                field.referenced,
                format!("`{}`", field.value),
                expected,
                remedy,
            );
            None
        }
    }

    /// Picks one of a closed list of words.
    pub(crate) fn choose<T: Copy>(
        &mut self,
        field: &Spanned<String>,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == field.value) {
            return Some(*value);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let remedy = nearest(&field.value, words.iter().copied()).map_or_else(
            || "write one of these words".to_owned(),
            |w| format!("write `{w}`"),
        );
        self.error(
            "D005",
            field.referenced,
            format!("`{}`", field.value),
            format!("one of {}", words.join(", ")),
            remedy,
        );
        None
    }
}

/// The longest run of characters that YAML may put between two of a text: quotes, escapes, line
/// ends with their indentation.
const MAX_BETWEEN: usize = 400;

/// Line and column of a character of a scalar. YAML may quote, escape and fold, so the scalar is
/// walked beside the file's text. Where the two cannot be laid side by side (an escape by number),
/// the place where the scalar begins is told.
fn place_within(text: &str, (line, column): (u64, u64), value: &str, offset: usize) -> (u64, u64) {
    let at = |n: u64| usize::try_from(n).unwrap_or(0).saturating_sub(1);
    let (mut row, mut place) = (line, column);
    let mut source = text
        .split_inclusive('\n')
        .skip(at(line))
        .flat_map(str::chars)
        .skip(at(column))
        .peekable();
    let mut advance = |source: &mut std::iter::Peekable<_>| -> Option<char> {
        let c: char = Iterator::next(source)?;
        if c == '\n' {
            row += 1;
            place = 1;
        } else {
            place += 1;
        }
        Some(c)
    };
    // What stands before the text itself: a quote, or the mark of a block with its line end.
    match source.peek() {
        Some('"' | '\'') => {
            advance(&mut source);
        }
        Some('|' | '>') => while advance(&mut source).is_some_and(|c| c != '\n') {},
        _ => {}
    }
    let mut wanted = value.chars();
    for _ in 0..offset {
        let Some(c) = wanted.next() else { break };
        for turn in 0.. {
            match advance(&mut source) {
                Some(found) if found == c || (c == ' ' && found == '\n') => break,
                Some(_) if turn < MAX_BETWEEN => {}
                _ => return (line, column),
            }
        }
    }
    // Up to the character itself, past what only YAML needs.
    if let Some(c) = wanted.next().filter(|c| !c.is_whitespace()) {
        for _ in 0..MAX_BETWEEN {
            match source.peek() {
                Some(found) if *found == c => break,
                Some(_) => {
                    advance(&mut source);
                }
                None => return (line, column),
            }
        }
    }
    (row, place)
}

/// Parses one YAML text into its source form.
pub(crate) fn read_yaml<T: DeserializeOwned>(text: &str, faults: &mut Faults<'_>) -> Option<T> {
    if text.len() > MAX_TEXT_BYTES {
        faults.error(
            "D001",
            Location::UNKNOWN,
            format!("a text of {} bytes", text.len()),
            format!("at most {MAX_TEXT_BYTES} bytes"),
            "split the ledger",
        );
        return None;
    }
    match serde_saphyr::from_str::<T>(text) {
        Ok(source) => Some(source),
        Err(fault) => {
            let at = fault.location().unwrap_or(Location::UNKNOWN);
            let message = fault.without_snippet().render();
            // The place is told beside it, and the library's options are not the administrator's.
            let message = message.lines().next().unwrap_or_default();
            let message = [" at line ", ", set DuplicateKeyPolicy"]
                .into_iter()
                .fold(message, |text, tail| {
                    text.split(tail).next().unwrap_or(text)
                })
                .to_owned();
            let (code, expected, remedy) = if message.contains("unknown field") {
                (
                    "D003",
                    "only the fields that workflows/README.md lists",
                    "correct the spelling or remove the field",
                )
            } else if message.contains("missing field") {
                ("D004", "every required field", "add the field")
            } else {
                (
                    "D002",
                    "YAML as in workflows/README.md",
                    "mend the text at this place",
                )
            };
            faults.error(code, at, message, expected, remedy);
            None
        }
    }
}
