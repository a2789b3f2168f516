//! Date arithmetic on a calendar: adding, subtracting and counting working days, and rolling a
//! date off a rest day. Each answer is a table lookup; `explain` walks to the same answer.

use chrono::{Datelike, Days, NaiveDate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::calendar::Calendar;
use crate::span::{Span, SpanUnit};
use crate::table::Missing;

/// A count ran into a year the calendar does not cover.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "calendar `{calendar}` has no data for {year}, needed for {needed_for}: add the holidays and make-up workdays of {year} from the notice of the State Council office (国务院办公厅), then deploy the calendar again"
)]
pub struct NoCalendarData {
    /// Id of the calendar asked.
    pub calendar: String,
    /// The year that must be added.
    pub year: i32,
    /// The first day, in the direction of counting, that could not be judged.
    pub needed_for: NaiveDate,
}

/// Why a span could not be counted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CountError {
    /// The calendar lacks a year.
    #[error(transparent)]
    NoCalendarData(#[from] NoCalendarData),
    /// The answer would lie outside the dates the program can hold (about ±262,000 years).
    #[error("{span} counted from {date} lies outside the dates that can be held: correct the date")]
    BeyondDates {
        /// Where the count began.
        date: NaiveDate,
        /// How far it was to go.
        span: Span,
    },
}

/// What becomes of a date that falls on a rest day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Roll {
    /// The date stands, rest day or not.
    None,
    /// The last working day on or before the date: nobody is asked to finish during a holiday.
    Previous,
    /// The first working day on or after the date, as for the last day of a period under the
    /// Civil Code (民法典第二百零三条).
    Next,
}

impl Calendar {
    /// The `n`-th working day strictly after `from`; `from` itself is day zero and not counted
    /// (民法典第二百零一条), nor need its year be covered. `n = 0` gives `from`.
    ///
    /// # Errors
    /// [`NoCalendarData`] when a day on the way lies in a year without data.
    pub fn working_days_after(&self, from: NaiveDate, n: u32) -> Result<NaiveDate, NoCalendarData> {
        if n == 0 {
            return Ok(from);
        }
        let start = self.day_after(from)?;
        self.found(self.table().nth_from(start, n))
    }

    /// The `n`-th working day strictly before `to`; `to` itself is day zero and not counted, nor
    /// need its year be covered. `n = 0` gives `to`.
    ///
    /// # Errors
    /// [`NoCalendarData`] when a day on the way lies in a year without data.
    pub fn working_days_before(&self, to: NaiveDate, n: u32) -> Result<NaiveDate, NoCalendarData> {
        if n == 0 {
            return Ok(to);
        }
        let start = self.day_before(to)?;
        self.found(self.table().nth_back_from(start, n))
    }

    /// How many working days lie after `a` up to and including `b`; when `b` is before `a`, minus
    /// those after `b` up to and including `a`. Equal dates give 0 and ask for no data.
    ///
    /// # Errors
    /// [`NoCalendarData`] naming the earliest of these days that lies in a year without data.
    pub fn working_days_between(&self, a: NaiveDate, b: NaiveDate) -> Result<i64, NoCalendarData> {
        if a == b {
            return Ok(0);
        }
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let counted = self.found(self.table().count(self.day_after(low)?, high))?;
        // A table holds at most some 75,000 days, so the fallback is never taken.
        let counted = i64::try_from(counted).unwrap_or(i64::MAX);
        Ok(if a < b { counted } else { -counted })
    }

    /// `date`, moved off a rest day as `roll` says. [`Roll::None`] asks for no data.
    ///
    /// # Errors
    /// [`NoCalendarData`] when `date`, or a rest day passed on the way, has no data.
    pub fn roll(&self, date: NaiveDate, roll: Roll) -> Result<NaiveDate, NoCalendarData> {
        match roll {
            Roll::None => Ok(date),
            Roll::Previous => self.found(self.table().nth_back_from(date, 1)),
            Roll::Next => self.found(self.table().nth_from(date, 1)),
        }
    }

    /// The date `span` after `from`; `from` is not counted. Calendar days ask for no data and are
    /// not rolled.
    ///
    /// # Errors
    /// [`CountError`] when a year has no data or the date cannot be held.
    pub fn after(&self, from: NaiveDate, span: Span) -> Result<NaiveDate, CountError> {
        match span.unit() {
            SpanUnit::WorkingDays => Ok(self.working_days_after(from, span.n())?),
            SpanUnit::CalendarDays => from
                .checked_add_days(Days::new(span.n().into()))
                .ok_or(CountError::BeyondDates { date: from, span }),
        }
    }

    /// The date `span` before `to`; `to` is not counted. Calendar days ask for no data and are not
    /// rolled.
    ///
    /// # Errors
    /// [`CountError`] when a year has no data or the date cannot be held.
    pub fn before(&self, to: NaiveDate, span: Span) -> Result<NaiveDate, CountError> {
        match span.unit() {
            SpanUnit::WorkingDays => Ok(self.working_days_before(to, span.n())?),
            SpanUnit::CalendarDays => to
                .checked_sub_days(Days::new(span.n().into()))
                .ok_or(CountError::BeyondDates { date: to, span }),
        }
    }

    /// The next day; past the last day that can be held lies a year no calendar covers.
    pub(crate) fn day_after(&self, date: NaiveDate) -> Result<NaiveDate, NoCalendarData> {
        date.succ_opt().ok_or_else(|| NoCalendarData {
            year: date.year() + 1,
            ..self.no_data(date)
        })
    }

    /// The day before; ahead of the first day that can be held lies a year no calendar covers.
    pub(crate) fn day_before(&self, date: NaiveDate) -> Result<NaiveDate, NoCalendarData> {
        date.pred_opt().ok_or_else(|| NoCalendarData {
            year: date.year() - 1,
            ..self.no_data(date)
        })
    }

    fn found<T>(&self, answer: Result<T, Missing>) -> Result<T, NoCalendarData> {
        answer.map_err(|Missing(date)| self.no_data(date))
    }
}
