//! The calendar itself: special days by value, the years they cover, and what makes them sound.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Datelike, NaiveDate, Weekday};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::counting::NoCalendarData;
use crate::table::WorkingDayTable;

/// First year a calendar may cover. "Monday to Friday unless listed" holds for whole years only
/// since every organ had the two-day weekend, by May 1997 (State Council Order 174 of 1995;
/// recollection, not confirmed).
pub const FIRST_YEAR: i32 = 1998;
/// Last year a calendar may cover: a slip such as 2210 for 2021 is caught, and the table of
/// working days stays small.
pub const LAST_YEAR: i32 = 2199;
/// Longest calendar id, in bytes (an id is ASCII).
pub const MAX_ID_BYTES: usize = 64;
/// Longest name of a special day, in characters.
pub const MAX_NAME_CHARS: usize = 40;

/// What a listed day is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DayKind {
    /// A day off by the yearly notice (放假), whatever its weekday.
    Holiday,
    /// A working day by the yearly notice (调休上班), whatever its weekday.
    MakeupWorkday,
}

/// A day the yearly notice names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecialDay {
    /// Off or worked.
    pub kind: DayKind,
    /// The festival it belongs to, e.g. `国庆节`.
    pub name: String,
}

/// Special days and the years the data covers. A year is covered when at least one of its days is
/// listed; a day of a covered year that is not listed is worked Monday to Friday.
///
/// Crosses the log by value as `{id, days: {date: {kind, name}}}`. Reading it back refuses unknown
/// fields and a date written twice, but not what [`Calendar::check`] looks at: limits may change
/// between releases, and an old log must stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "CalendarForm")]
pub struct Calendar {
    id: String,
    days: BTreeMap<NaiveDate, SpecialDay>,
    #[serde(skip)]
    table: WorkingDayTable,
}

/// The written form: the table is built again, never stored.
#[derive(Deserialize)]
#[serde(rename = "Calendar", deny_unknown_fields)]
struct CalendarForm {
    id: String,
    #[serde(deserialize_with = "each_date_once")]
    days: BTreeMap<NaiveDate, SpecialDay>,
}

impl From<CalendarForm> for Calendar {
    fn from(form: CalendarForm) -> Self {
        Self::new(form.id, form.days)
    }
}

/// Why a calendar is not fit for use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CalendarFault {
    /// The id is empty, too long, or not made of ASCII letters, digits, `-` and `_`.
    #[error(
        "calendar id {found:?}: expected 1 to {MAX_ID_BYTES} ASCII letters, digits, `-` or `_`, such as `cn`"
    )]
    Id {
        /// The id as given.
        found: String,
    },
    /// No day is listed, so no year is covered and every count would be refused.
    #[error(
        "the calendar lists no day: add the holidays and make-up workdays of at least one year"
    )]
    NoDays,
    /// A date outside [`FIRST_YEAR`]..=[`LAST_YEAR`]; such a year is never covered.
    #[error("{date}: expected a year from {FIRST_YEAR} to {LAST_YEAR}; correct or remove the day")]
    DateOutOfRange {
        /// The date as given.
        date: NaiveDate,
    },
    /// A name that is empty, too long, or would not survive a CSV file.
    #[error(
        "{date}: name {found:?}: expected 1 to {MAX_NAME_CHARS} characters without commas, quotation marks, outer spaces or control characters, such as `国庆节`"
    )]
    Name {
        /// The day that bears it.
        date: NaiveDate,
        /// The name as given.
        found: String,
    },
}

impl Calendar {
    /// A calendar of these special days. Nothing is refused here: call [`Calendar::check`] on days
    /// that come from outside.
    pub fn new(id: impl Into<String>, days: BTreeMap<NaiveDate, SpecialDay>) -> Self {
        let table = WorkingDayTable::build(&days);
        Self {
            id: id.into(),
            days,
            table,
        }
    }

    /// Name of the calendar, e.g. `cn`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The covered years, ascending.
    pub fn years(&self) -> impl Iterator<Item = i32> + '_ {
        self.table.years()
    }

    /// Whether `date` lies in a covered year.
    pub fn covers(&self, date: NaiveDate) -> bool {
        self.table.covers(date)
    }

    /// What the notice says of `date`; `None` when it is not listed.
    pub fn special(&self, date: NaiveDate) -> Option<&SpecialDay> {
        self.days.get(&date)
    }

    /// Every listed day, ascending.
    pub fn days(&self) -> impl Iterator<Item = (NaiveDate, &SpecialDay)> + '_ {
        self.days.iter().map(|(date, day)| (*date, day))
    }

    /// Holds a calendar that came deserialised to the limits of [`Calendar::from_csv`].
    ///
    /// # Errors
    /// Every fault at once: the id's first, then the days' in date order.
    pub fn check(&self) -> Result<(), Vec<CalendarFault>> {
        let mut faults = Vec::new();
        if !id_is_sound(&self.id) {
            faults.push(CalendarFault::Id {
                found: self.id.clone(),
            });
        }
        if self.days.is_empty() {
            faults.push(CalendarFault::NoDays);
        }
        for (&date, day) in &self.days {
            if !year_is_sound(date.year()) {
                faults.push(CalendarFault::DateOutOfRange { date });
            }
            if !name_is_sound(&day.name) {
                faults.push(CalendarFault::Name {
                    date,
                    found: day.name.clone(),
                });
            }
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// Whether `date` is worked: Monday to Friday less holidays, plus make-up workdays.
    ///
    /// # Errors
    /// [`NoCalendarData`] when the year of `date` is not covered.
    pub fn is_working_day(&self, date: NaiveDate) -> Result<bool, NoCalendarData> {
        if self.covers(date) {
            Ok(is_worked(date, self.special(date)))
        } else {
            Err(self.no_data(date))
        }
    }

    pub(crate) fn no_data(&self, needed_for: NaiveDate) -> NoCalendarData {
        NoCalendarData {
            calendar: self.id.clone(),
            year: needed_for.year(),
            needed_for,
        }
    }

    pub(crate) fn table(&self) -> &WorkingDayTable {
        &self.table
    }
}

pub(crate) fn id_is_sound(id: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

pub(crate) fn year_is_sound(year: i32) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&year)
}

pub(crate) fn name_is_sound(name: &str) -> bool {
    (1..=MAX_NAME_CHARS).contains(&name.chars().count())
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || c == ',' || c == '"')
}

/// The one rule of what is worked; the notice goes before the weekday.
pub(crate) fn is_worked(date: NaiveDate, special: Option<&SpecialDay>) -> bool {
    match special.map(|day| day.kind) {
        Some(DayKind::Holiday) => false,
        Some(DayKind::MakeupWorkday) => true,
        None => !matches!(date.weekday(), Weekday::Sat | Weekday::Sun),
    }
}

/// A map in which a key written twice is an error: of two rulings on one day, a plain map would
/// keep the later and say nothing.
fn each_date_once<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<NaiveDate, SpecialDay>, D::Error> {
    struct Days;

    impl<'de> Visitor<'de> for Days {
        type Value = BTreeMap<NaiveDate, SpecialDay>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a map from dates to special days")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut days = BTreeMap::new();
            while let Some((date, day)) = entries.next_entry::<NaiveDate, SpecialDay>()? {
                if days.insert(date, day).is_some() {
                    return Err(A::Error::custom(format_args!("{date} is listed twice")));
                }
            }
            Ok(days)
        }
    }

    deserializer.deserialize_map(Days)
}
