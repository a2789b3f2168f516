//! Why a document cannot be read: the place, what was found, what is expected, how to mend it.

use std::fmt;

use serde::Serialize;

/// A document, or a part of it, that cannot be read at all. Everything less is a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where: the file, a sheet, a row.
    pub place: String,
    /// What was found there.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// How to mend it.
    pub remedy: String,
}

impl Refusal {
    /// A refusal at a place.
    pub fn new(
        place: impl Into<String>,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Refusal {
        Refusal {
            place: place.into(),
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{};应为:{};改法:{}",
            self.place, self.found, self.expected, self.remedy
        )
    }
}

impl std::error::Error for Refusal {}
