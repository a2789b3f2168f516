//! Months, quarters, half-years and years of the civil calendar, as ledgers divide a year-long
//! task: `2021-07`, `2021Q3`, `2021H2`, `2021`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// First year a period may lie in.
pub const FIRST_PERIOD_YEAR: i32 = 1;
/// Last year a period may lie in: the written form has four digits.
pub const LAST_PERIOD_YEAR: i32 = 9999;

/// How long a period is; ordered from short to long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodKind {
    /// One month.
    Month,
    /// Three months, from January, April, July or October.
    Quarter,
    /// Six months, from January or July.
    HalfYear,
    /// Twelve months from January.
    Year,
}

/// One period of one year. Written `2021-07`, `2021Q3`, `2021H2` or `2021`, in serde too.
///
/// Ordered by first day; of periods that begin together the shorter comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    kind: PeriodKind,
    year: i32,
    index: u32,
}

/// Why a period was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// Not one of the four written forms.
    #[error("{found:?} is not a period: write `2021-07`, `2021Q3`, `2021H2` or `2021`")]
    Unreadable {
        /// What was read, shortened to 20 characters.
        found: String,
    },
    /// The year has no such part.
    #[error("a year has no {kind:?} number {index}: write a number from 1 to {last}")]
    Index {
        /// Kind asked for.
        kind: PeriodKind,
        /// Number asked for.
        index: u32,
        /// Greatest number of this kind.
        last: u32,
    },
    /// Outside [`FIRST_PERIOD_YEAR`]..=[`LAST_PERIOD_YEAR`].
    #[error("year {year} is out of range: use {FIRST_PERIOD_YEAR} to {LAST_PERIOD_YEAR}")]
    Year {
        /// Year asked for.
        year: i32,
    },
}

impl PeriodKind {
    /// Length in months.
    pub fn months(self) -> u32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::HalfYear => 6,
            Self::Year => 12,
        }
    }

    /// How many there are in a year.
    pub fn per_year(self) -> u32 {
        12 / self.months()
    }
}

impl Period {
    /// The `index`-th period of `kind` in `year`, from 1; a year's own index is 1.
    ///
    /// # Errors
    /// [`PeriodError::Year`] or [`PeriodError::Index`] when there is none.
    pub fn new(kind: PeriodKind, year: i32, index: u32) -> Result<Self, PeriodError> {
        if !(FIRST_PERIOD_YEAR..=LAST_PERIOD_YEAR).contains(&year) {
            return Err(PeriodError::Year { year });
        }
        let last = kind.per_year();
        if !(1..=last).contains(&index) {
            return Err(PeriodError::Index { kind, index, last });
        }
        Ok(Self { kind, year, index })
    }

    /// The period of `kind` that `date` lies in.
    ///
    /// # Errors
    /// [`PeriodError::Year`] when the date's year is out of range.
    pub fn containing(kind: PeriodKind, date: NaiveDate) -> Result<Self, PeriodError> {
        Self::new(kind, date.year(), date.month0() / kind.months() + 1)
    }

    /// How long it is.
    pub fn kind(self) -> PeriodKind {
        self.kind
    }

    /// Its year.
    pub fn year(self) -> i32 {
        self.year
    }

    /// Its number within the year, from 1.
    pub fn index(self) -> u32 {
        self.index
    }

    /// First day.
    pub fn start(self) -> NaiveDate {
        first_of_month(self.year, self.first_month())
    }

    /// Last day, inside the period.
    pub fn end(self) -> NaiveDate {
        let beyond = match self.index * self.kind.months() {
            12 => first_of_month(self.year + 1, 1),
            last_month => first_of_month(self.year, last_month + 1),
        };
        beyond.pred_opt().unwrap_or(beyond)
    }

    /// Whether `date` lies in it, first and last day included.
    pub fn contains(self, date: NaiveDate) -> bool {
        (self.start()..=self.end()).contains(&date)
    }

    /// The period of the same kind that follows.
    ///
    /// # Errors
    /// [`PeriodError::Year`] after the last one that can be written.
    pub fn next(self) -> Result<Self, PeriodError> {
        if self.index < self.kind.per_year() {
            Self::new(self.kind, self.year, self.index + 1)
        } else {
            Self::new(self.kind, self.year + 1, 1)
        }
    }

    /// The period of the same kind that goes before.
    ///
    /// # Errors
    /// [`PeriodError::Year`] before the first one that can be written.
    pub fn previous(self) -> Result<Self, PeriodError> {
        if self.index > 1 {
            Self::new(self.kind, self.year, self.index - 1)
        } else {
            Self::new(self.kind, self.year - 1, self.kind.per_year())
        }
    }

    /// Its Chinese name: `2021年7月`, `2021年第三季度`, `2021年下半年`, `2021年`.
    pub fn chinese(self) -> String {
        let year = self.year;
        match (self.kind, self.index) {
            (PeriodKind::Month, month) => format!("{year}年{month}月"),
            (PeriodKind::Quarter, 1) => format!("{year}年第一季度"),
            (PeriodKind::Quarter, 2) => format!("{year}年第二季度"),
            (PeriodKind::Quarter, 3) => format!("{year}年第三季度"),
            (PeriodKind::Quarter, _) => format!("{year}年第四季度"),
            (PeriodKind::HalfYear, 1) => format!("{year}年上半年"),
            (PeriodKind::HalfYear, _) => format!("{year}年下半年"),
            (PeriodKind::Year, _) => format!("{year}年"),
        }
    }

    fn first_month(self) -> u32 {
        (self.index - 1) * self.kind.months() + 1
    }
}

impl Ord for Period {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |period: &Self| (period.year, period.first_month(), period.kind);
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, index) = (self.year, self.index);
        match self.kind {
            PeriodKind::Month => write!(f, "{year:04}-{index:02}"),
            PeriodKind::Quarter => write!(f, "{year:04}Q{index}"),
            PeriodKind::HalfYear => write!(f, "{year:04}H{index}"),
            PeriodKind::Year => write!(f, "{year:04}"),
        }
    }
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let unreadable = || PeriodError::Unreadable {
            found: text.chars().take(20).collect(),
        };
        let (year, rest) = text.split_at_checked(4).ok_or_else(unreadable)?;
        let (kind, index, width) = if let Some(index) = rest.strip_prefix('-') {
            (PeriodKind::Month, index, 2)
        } else if let Some(index) = rest.strip_prefix('Q') {
            (PeriodKind::Quarter, index, 1)
        } else if let Some(index) = rest.strip_prefix('H') {
            (PeriodKind::HalfYear, index, 1)
        } else if rest.is_empty() {
            (PeriodKind::Year, "1", 1)
        } else {
            return Err(unreadable());
        };
        // `parse` alone would take a sign.
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year) || !digits(index) || index.len() != width {
            return Err(unreadable());
        }
        Self::new(
            kind,
            year.parse().map_err(|_| unreadable())?,
            index.parse().map_err(|_| unreadable())?,
        )
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;

    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

/// The first of a month that a period's limits, checked when it was made, keep within dates.
fn first_of_month(year: i32, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, 1).unwrap_or(NaiveDate::MIN)
}
