//! How long a duty lasts: working days, calendar days, or hours by the clock.

use std::fmt;
use std::str::FromStr;

use duban_calendar::{Span, SpanUnit};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest term in hours: more than sixteen days are counted in days.
pub const MAX_TERM_HOURS: u32 = 400;

/// Milliseconds of an hour.
pub const HOUR_MILLIS: i64 = 3600 * 1000;

/// A length of time (期限长度): `20wd` working days, `30d` calendar days, `5h` hours by the clock.
/// Days are counted from the day after the one on which the count begins, to the end of the last
/// one (民法典第二百零一条); hours from instant to instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// Whole days, by the calendar.
    Days(Span),
    /// Hours, 1 to [`MAX_TERM_HOURS`].
    Hours(u32),
}

impl Term {
    /// Its days, if it is counted in days.
    pub fn span(self) -> Option<Span> {
        match self {
            Term::Days(span) => Some(span),
            Term::Hours(_) => None,
        }
    }

    /// Its milliseconds, if it is counted in hours.
    pub fn millis(self) -> Option<i64> {
        match self {
            Term::Days(_) => None,
            Term::Hours(hours) => Some(i64::from(hours) * HOUR_MILLIS),
        }
    }

    /// Its number, of whatever it counts.
    pub fn n(self) -> u32 {
        match self {
            Term::Days(span) => span.n(),
            Term::Hours(hours) => hours,
        }
    }

    /// As a notice words it: `15个工作日`, `10天`, `5小时`.
    pub fn chinese(self) -> String {
        match self {
            Term::Days(span) => match span.unit() {
                SpanUnit::WorkingDays => format!("{}个工作日", span.n()),
                SpanUnit::CalendarDays => format!("{}天", span.n()),
            },
            Term::Hours(hours) => format!("{hours}小时"),
        }
    }
}

impl From<Span> for Term {
    fn from(span: Span) -> Term {
        Term::Days(span)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::Days(span) => write!(f, "{span}"),
            Term::Hours(hours) => write!(f, "{hours}h"),
        }
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(digits) = text.strip_suffix('h') else {
            return text
                .parse()
                .map(Term::Days)
                .map_err(|fault: duban_calendar::SpanError| fault.to_string());
        };
        match digits.parse::<u32>() {
            // One spelling for each, as for days.
            Ok(hours) if hours.to_string() != digits => {}
            Ok(hours) if (1..=MAX_TERM_HOURS).contains(&hours) => return Ok(Term::Hours(hours)),
            Ok(hours) => {
                return Err(format!(
                    "a term of {hours} hours: write 1h to {MAX_TERM_HOURS}h, or count in days"
                ));
            }
            Err(_) => {}
        }
        Err(format!(
            "`{}` is not a term: write `20wd` for working days, `30d` for calendar days or `5h` for hours",
            crate::record::cut(text, 20)
        ))
    }
}

impl Serialize for Term {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Term {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_reads_back_and_says_what_it_counts() {
        for (text, chinese) in [("20wd", "20个工作日"), ("30d", "30天"), ("5h", "5小时")] {
            let term: Term = text.parse().unwrap();
            assert_eq!(
                (term.to_string().as_str(), term.chinese().as_str()),
                (text, chinese)
            );
        }
        assert_eq!(
            "5h".parse::<Term>().unwrap().millis(),
            Some(5 * HOUR_MILLIS)
        );
        for bad in ["0h", "401h", "05h", "h", "5", "+5h", "-1h", "5 h", ""] {
            assert!(bad.parse::<Term>().is_err(), "{bad}");
        }
    }
}
