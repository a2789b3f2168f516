//! Collecting what is wrong with one file, each fault at its place.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};

use crate::compile::MAX_TEXT_BYTES;
use crate::diagnostic::{Diagnostic, Severity, nearest};

/// Collects diagnostics of one file.
pub(crate) struct Faults<'a> {
    file: &'a str,
    list: Vec<Diagnostic>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self {
            file,
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
