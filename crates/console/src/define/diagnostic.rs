//! What is wrong with a text of a definition, as the binary tells it: in the exact English words, and in
//! plain ones for a clerk.

use serde::{Deserialize, Serialize};

use crate::tongue::Tongue;

/// How bad a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be deployed.
    Error,
    /// Something looks wrong.
    Warning,
    /// The office is to confirm a reading.
    Confirm,
}

/// Something about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code, e.g. `D004`.
    pub code: String,
    /// How bad.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// The line, from 1; 0 for the whole file.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u64,
    /// What was found, and what is expected.
    pub message: String,
    /// What holds for all of its sort.
    pub rule: String,
    /// How to mend it, in English.
    pub remedy: String,
    /// The same for whoever reads it on a page.
    pub plain: Plain,
}

/// A diagnostic piece by piece. Pairs are Chinese and English; what is to be written literally stands
/// between backticks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    /// What its sort is called.
    pub title: (String, String),
    /// What holds for all of its sort.
    pub rule: (String, String),
    /// What it names: values out of the text, tasks, the question to be confirmed. May be empty.
    pub about: String,
    /// The right spelling nearest to what was found; empty without one.
    pub nearest: String,
    /// The words that may stand there, if they are few enough to be listed.
    pub choices: Vec<String>,
    /// How to mend it, in Chinese.
    pub fix: String,
    /// An example of its sort; empty without one.
    pub wrong: String,
    /// The same put right.
    pub right: String,
    /// What was found, in English.
    pub found: String,
    /// What is expected, in English.
    pub expected: String,
}

impl Diagnostic {
    /// What it is and what it is about, on one line.
    pub(crate) fn heading(&self, tongue: Tongue) -> String {
        let plain = &self.plain;
        match (tongue, plain.title.0.is_empty(), plain.about.is_empty()) {
            (Tongue::English, ..) => plain.found.clone(),
            (_, true, _) => self.message.clone(),
            (_, false, true) => plain.title.0.clone(),
            (_, false, false) => format!("{}:{}", plain.title.0, plain.about),
        }
    }
}
