//! What opens duties besides a ledger's activation and its periods, and what moves their dates.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use duban_calendar::Span;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::TaskId;

/// An event opens one duty for each owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRule {
    /// Of which sort.
    pub on: EventSort,
    /// Kinds that open it.
    pub kinds: Vec<String>,
    /// What it must satisfy besides its kind: a condition in CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// What sort of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventSort {
    /// Something was made public (公开信息).
    #[default]
    Publication,
    /// Something arose that is no publication (事由).
    Matter,
}

/// Each instant of a schedule opens one duty for each owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleRule {
    /// A cron expression of six fields (seconds first), in the ledger's zone.
    pub cron: String,
}

/// Each duty of another task opens one: for the same unit if it is an owner here, else for all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowsRule {
    /// The other task.
    pub task: TaskId,
    /// When.
    pub when: FollowWhen,
}

/// What of a duty another follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowWhen {
    /// It is struck off (销号).
    Fulfilled,
    /// It has turned red.
    Overdue,
}

/// From where an owner entry takes its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerFrom {
    /// The unit that the event names.
    Event,
    /// The unit above the one that the event names.
    EventSuperior,
    /// The supervising office.
    Office,
    /// The leading group.
    LeadingGroup,
}

impl OwnerFrom {
    /// Whether the units are known only when the event comes.
    pub fn is_by_event(self) -> bool {
        matches!(self, OwnerFrom::Event | OwnerFrom::EventSuperior)
    }
}

/// The cap of approved extensions since the clock last began, counted on from the date that held
/// before each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtensionCap {
    /// How much at most in all.
    pub at_most: Span,
    /// How often.
    pub times: u32,
}

/// A day that every year has, written `03-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MonthDay {
    month: u32,
    day: u32,
}

impl MonthDay {
    /// That day of a year.
    pub fn of(self, year: i32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, self.month, self.day)
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// A year with a 29 February and one without; a day must be in both.
const COMMON_YEAR: i32 = 2021;

impl FromStr for MonthDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| -> Option<u32> {
            let two = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            two.then(|| part.parse().ok()).flatten()
        };
        let parts = text.split_once('-');
        parts
            .and_then(|(month, day)| Some((number(month)?, number(day)?)))
            .map(|(month, day)| MonthDay { month, day })
            .filter(|day| day.of(COMMON_YEAR).is_some())
            .ok_or_else(|| format!("`{text}` is not a day of every year, such as 03-31"))
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_the_year_reads_back_and_29_february_is_none() {
        let day: MonthDay = "03-31".parse().unwrap();
        assert_eq!(day.to_string(), "03-31");
        assert_eq!(day.of(2022), NaiveDate::from_ymd_opt(2022, 3, 31));
        for bad in ["02-29", "3-31", "13-01", "04-31", "0331", "03-31-1", ""] {
            assert!(bad.parse::<MonthDay>().is_err(), "{bad}");
        }
    }
}
