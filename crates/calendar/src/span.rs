//! Lengths of time in days, as rules write them: `15wd` is fifteen working days, `10d` ten
//! calendar days.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest span, in days of its unit. The longest statutory limits are a few tens of working days;
/// 400 leaves room for "within a year" and stops a slip from reaching decades ahead.
pub const MAX_SPAN_DAYS: u32 = 400;

/// What a span counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpanUnit {
    /// Days worked by the calendar (工作日), written `wd`.
    WorkingDays,
    /// Every day, rest days included (自然日), written `d`.
    CalendarDays,
}

/// A number of days, 0 to [`MAX_SPAN_DAYS`]. Written `15wd` or `10d`, in serde too. Not ordered:
/// which of `5wd` and `7d` is longer depends on where they begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    n: u32,
    unit: SpanUnit,
}

/// Why a span was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SpanError {
    /// Not a number followed by `wd` or `d`.
    #[error(
        "{found:?} is not a span: write a number without leading zeros and its unit, `15wd` for working days or `10d` for calendar days"
    )]
    Unreadable {
        /// What was read, shortened to 20 characters.
        found: String,
    },
    /// More days than [`MAX_SPAN_DAYS`].
    #[error("a span of {n} days is too long: write at most {MAX_SPAN_DAYS}")]
    TooLong {
        /// Days asked for.
        n: u32,
    },
}

impl Span {
    /// A span of `n` days of `unit`.
    ///
    /// # Errors
    /// [`SpanError::TooLong`] above [`MAX_SPAN_DAYS`].
    pub fn new(n: u32, unit: SpanUnit) -> Result<Self, SpanError> {
        if n > MAX_SPAN_DAYS {
            return Err(SpanError::TooLong { n });
        }
        Ok(Self { n, unit })
    }

    /// Number of days.
    pub fn n(self) -> u32 {
        self.n
    }

    /// What is counted.
    pub fn unit(self) -> SpanUnit {
        self.unit
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            SpanUnit::WorkingDays => "wd",
            SpanUnit::CalendarDays => "d",
        };
        write!(f, "{}{unit}", self.n)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let unreadable = || SpanError::Unreadable {
            found: text.chars().take(20).collect(),
        };
        let (digits, unit) = if let Some(digits) = text.strip_suffix("wd") {
            (digits, SpanUnit::WorkingDays)
        } else if let Some(digits) = text.strip_suffix('d') {
            (digits, SpanUnit::CalendarDays)
        } else {
            return Err(unreadable());
        };
        let n: u32 = digits.parse().map_err(|_| unreadable())?;
        // One spelling for each span (no `+5d`, no `05d`), so that equal spans are equal texts.
        if n.to_string() != digits {
            return Err(unreadable());
        }
        Self::new(n, unit)
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}
