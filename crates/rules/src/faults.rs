//! Collecting what is wrong with one file, each fault at its place.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::compile::MAX_TEXT_BYTES;
use crate::diagnostic::{Diagnostic, Severity, meant, nearest};
use crate::node::{self, Location};
use crate::reading::{self, Spanned};

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
        self.push(at, |diagnostic| Diagnostic {
            code,
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
            ..diagnostic
        });
    }

    /// Tells a word that is none of those that could stand here, with the nearest of them; if none
    /// is near, how to mend it otherwise.
    #[expect(clippy::too_many_arguments, reason = "the parts of a diagnostic")]
    pub(crate) fn misspelt<'c>(
        &mut self,
        code: &'static str,
        at: Location,
        found: impl Into<String>,
        expected: impl Into<String>,
        word: &str,
        words: impl Iterator<Item = &'c str>,
        otherwise: &str,
    ) {
        let near = nearest(word, words).map(ToOwned::to_owned);
        self.push(at, |diagnostic| Diagnostic {
            code,
            found: found.into(),
            expected: expected.into(),
            remedy: near.as_ref().map_or_else(
                || otherwise.to_owned(),
                |near| format!("did you mean `{near}`?"),
            ),
            nearest: near,
            ..diagnostic
        });
    }

    /// Tells something that may be meant so. Whoever confirms it names the code and what it is about.
    #[expect(clippy::too_many_arguments, reason = "the parts of a diagnostic")]
    pub(crate) fn doubt(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: Location,
        about: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let remedy = remedy.into();
        self.push(at, |diagnostic| Diagnostic {
            code,
            severity,
            about: about.to_owned(),
            found: found.into(),
            expected: expected.into(),
            nearest: meant(&remedy),
            remedy,
            ..diagnostic
        });
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
        self.push(Location::new(line, column, 1), |diagnostic| Diagnostic {
            code: fault.code,
            found: fault.found,
            expected: fault.expected,
            nearest: meant(&fault.remedy),
            remedy: fault.remedy,
            ..diagnostic
        });
    }

    /// Where the name of an entry stands, whose own fields begin at a place. Where it cannot be found
    /// (an escape by number), that place.
    pub(crate) fn named(&self, name: &str, at: Location) -> Location {
        let rows = usize::try_from(at.line()).unwrap_or(0);
        let lines: Vec<&str> = self.text.lines().take(rows).collect();
        for (row, line) in lines.iter().enumerate().rev() {
            let key = line.trim_start_matches([' ', '{', '"', '\'']);
            let after = key.strip_prefix(name);
            let after = after.map(|rest| rest.trim_start_matches(['"', '\'']).trim_start());
            if after.is_some_and(|rest| rest.starts_with(':')) {
                let count = |text: &str| text.chars().count() as u64;
                let column = count(line) - count(key) + 1;
                return Location::new(row as u64 + 1, column, count(name));
            }
            let line = line.trim_start();
            // Its fields begin beside it, or below it after nothing but remarks.
            if row + 1 < rows && !line.is_empty() && !line.starts_with('#') {
                break;
            }
        }
        at
    }

    fn push(&mut self, at: Location, fill: impl FnOnce(Diagnostic) -> Diagnostic) {
        if at.is_hole() {
            return;
        }
        self.list.push(fill(Diagnostic {
            code: "",
            severity: Severity::Error,
            file: self.file.to_owned(),
            line: at.line(),
            column: at.column(),
            length: at.length(),
            about: String::new(),
            found: String::new(),
            expected: String::new(),
            nearest: None,
            remedy: String::new(),
        }));
    }

    /// What was told so far.
    pub(crate) fn told(&self) -> &[Diagnostic] {
        &self.list
    }

    /// What was told so far, to be marked as confirmed.
    pub(crate) fn told_mut(&mut self) -> &mut [Diagnostic] {
        &mut self.list
    }

    /// Takes back what follows from a fault of another file, told from a number on.
    pub(crate) fn forget(&mut self, from: usize, codes: &[&str]) {
        let mut place = 0;
        self.list.retain(|told| {
            place += 1;
            place <= from || !codes.contains(&told.code)
        });
    }

    /// Whether an error was told.
    pub(crate) fn any_error(&self) -> bool {
        self.list.iter().any(|d| d.severity == Severity::Error)
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
        self.misspelt(
            "D005",
            field.referenced,
            format!("`{}`", field.value),
            format!("one of {}", words.join(", ")),
            &field.value,
            words.iter().copied(),
            "write one of these words",
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
    match node::parse(text) {
        Ok(node) => reading::read(&node, faults),
        Err(fault) => {
            let at = fault.location().map_or(Location::UNKNOWN, Location::from);
            let message = fault.without_snippet().render();
            // The place is told beside it.
            let message = message.lines().next().unwrap_or_default();
            let message = message.split(" at line ").next().unwrap_or(message);
            faults.error(
                "D002",
                at,
                message,
                "YAML as in workflows/README.md",
                "mend the text at this place",
            );
            None
        }
    }
}
