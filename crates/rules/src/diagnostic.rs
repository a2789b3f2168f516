//! One fault or question in a definition: where, what was found, what is expected, how to mend it.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The definition cannot be used.
    Error,
    /// It can be used; something looks wrong.
    Warning,
    /// The office must confirm a reading of an ambiguous document.
    Confirm,
    /// A warning or question that the office has confirmed in the file.
    Confirmed,
}

/// A diagnostic. `line` and `column` are counted from 1, in characters; 0 where the whole file is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Stable code, e.g. `D004`.
    pub code: &'static str,
    /// How bad.
    pub severity: Severity,
    /// File name.
    pub file: String,
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
    /// How many characters stand at the place, 0 where that cannot be said.
    pub length: u64,
    /// What a warning or question is about, by which it is confirmed: a task, a unit, a ladder.
    pub about: String,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// The right spelling nearest to what was found.
    pub nearest: Option<String>,
    /// How to mend it.
    pub remedy: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Confirm => "confirm",
            Severity::Confirmed => "confirmed",
        };
        write!(
            f,
            "{}:{}:{}: {severity}[{}]: {}",
            self.file, self.line, self.column, self.code, self.found
        )?;
        if !self.expected.is_empty() {
            write!(f, "\n  expected: {}", self.expected)?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n  remedy:   {}", self.remedy)?;
        }
        Ok(())
    }
}

/// The candidate closest to `found` by edit distance (two letters swapped are one slip), if one is close enough to be a slip.
pub(crate) fn nearest<'a>(
    found: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (found.chars().count() / 3).max(1);
    candidates
        .map(|c| (strsim::osa_distance(found, c), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

/// The spelling that a remedy proposes.
pub(crate) fn meant(remedy: &str) -> Option<String> {
    let near = remedy.strip_prefix("did you mean `")?.strip_suffix("`?")?;
    Some(near.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_does_not() {
        let kinds = ["规划纲要", "专项规划", "区域规划"];
        assert_eq!(nearest("规划纲耍", kinds.into_iter()), Some("规划纲要"));
        assert_eq!(nearest("财政预算", kinds.into_iter()), None);
    }
}
