//! The working days of the covered years, sorted, so that counting is an index step and not a walk.
//!
//! Answers are dates or the first date for which data is missing, in the direction asked: the
//! same date a walk over the days would stop at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{Datelike, NaiveDate};

use crate::calendar::{SpecialDay, is_worked, year_is_sound};

/// One [`Run`] for each unbroken stretch of covered years, ascending. A count never crosses a gap.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkingDayTable {
    runs: Vec<Run>,
}

#[derive(Clone, PartialEq, Eq)]
struct Run {
    first_year: i32,
    last_year: i32,
    /// Ascending.
    days: Vec<NaiveDate>,
}

/// The first date that lies in a year without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) NaiveDate);

impl WorkingDayTable {
    /// Years outside the limits are left uncovered, whatever a calendar that was never checked
    /// lists: the table's size stays bounded.
    pub(crate) fn build(special: &BTreeMap<NaiveDate, SpecialDay>) -> Self {
        let years: BTreeSet<i32> = special
            .keys()
            .map(Datelike::year)
            .filter(|year| year_is_sound(*year))
            .collect();
        let mut runs: Vec<Run> = Vec::new();
        for year in years {
            let worked = first_day(year)
                .iter_days()
                .take_while(|date| date.year() == year)
                .filter(|date| is_worked(*date, special.get(date)));
            match runs.last_mut() {
                Some(run) if run.last_year + 1 == year => {
                    run.last_year = year;
                    run.days.extend(worked);
                }
                _ => runs.push(Run {
                    first_year: year,
                    last_year: year,
                    days: worked.collect(),
                }),
            }
        }
        Self { runs }
    }

    pub(crate) fn years(&self) -> impl Iterator<Item = i32> + '_ {
        self.runs
            .iter()
            .flat_map(|run| run.first_year..=run.last_year)
    }

    pub(crate) fn covers(&self, date: NaiveDate) -> bool {
        self.run(date).is_ok()
    }

    /// The `n`-th working day on or after `start`, `n` from 1.
    pub(crate) fn nth_from(&self, start: NaiveDate, n: u32) -> Result<NaiveDate, Missing> {
        let run = self.run(start)?;
        let first = run.days.partition_point(|day| *day < start);
        step(n)
            .and_then(|step| first.checked_add(step))
            .and_then(|index| run.days.get(index).copied())
            .ok_or_else(|| run.year_after())
    }

    /// The `n`-th working day on or before `start`, `n` from 1, counted backwards.
    pub(crate) fn nth_back_from(&self, start: NaiveDate, n: u32) -> Result<NaiveDate, Missing> {
        let run = self.run(start)?;
        let end = run.days.partition_point(|day| *day <= start);
        step(n)
            .and_then(|step| end.checked_sub(1)?.checked_sub(step))
            .and_then(|index| run.days.get(index).copied())
            .ok_or_else(|| run.year_before())
    }

    /// How many working days lie in `first..=last`; `first` is not after `last`.
    pub(crate) fn count(&self, first: NaiveDate, last: NaiveDate) -> Result<usize, Missing> {
        let run = self.run(first)?;
        if last.year() > run.last_year {
            return Err(run.year_after());
        }
        let below = run.days.partition_point(|day| *day < first);
        let through = run.days.partition_point(|day| *day <= last);
        Ok(through - below)
    }

    fn run(&self, date: NaiveDate) -> Result<&Run, Missing> {
        let year = date.year();
        let index = self.runs.partition_point(|run| run.last_year < year);
        self.runs
            .get(index)
            .filter(|run| run.first_year <= year)
            .ok_or(Missing(date))
    }
}

/// The years alone: thousands of days would bury whatever a failed test or a trace has to say.
impl fmt::Debug for WorkingDayTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.years()).finish()
    }
}

impl Run {
    fn year_after(&self) -> Missing {
        Missing(first_day(self.last_year + 1))
    }

    fn year_before(&self) -> Missing {
        Missing(last_day(self.first_year - 1))
    }
}

/// Index steps from the first candidate to the `n`-th.
fn step(n: u32) -> Option<usize> {
    usize::try_from(n).ok()?.checked_sub(1)
}

/// 1 January; only asked for years within the calendar's limits or next to them.
fn first_day(year: i32) -> NaiveDate {
    NaiveDate::from_yo_opt(year, 1).unwrap_or(NaiveDate::MAX)
}

/// 31 December; only asked for years within the calendar's limits or next to them.
fn last_day(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 12, 31).unwrap_or(NaiveDate::MIN)
}
