//! Which rows and duties of a ledger are shown, in which order. What nobody filters is not looked
//! at; of what is ordered only one page is sorted.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::asked::{Asked, Filter, Sort};
use crate::access::Seen;
use crate::light::{Counts, Light};
use crate::projection::{Agenda, Duty, Ledger, TaskRow};

/// What a filter has to know of rows and units, found once and not for each duty.
pub(super) struct Sieve<'a> {
    filter: &'a Filter,
    /// Whether a row is of the section, and whether it speaks of the text.
    rows: Vec<(bool, bool)>,
    /// Units whose names have the text in them.
    units: BTreeSet<&'a str>,
}

impl<'a> Sieve<'a> {
    pub fn new(
        projection: &Seen<'a>,
        ledger: &'a Ledger,
        agenda: &'a Agenda,
        filter: &'a Filter,
    ) -> Sieve<'a> {
        let text = filter.text.as_str();
        let row = |row: &TaskRow| {
            let section = filter.section.is_empty() || section_of(ledger, row) == filter.section;
            let speaks = text.is_empty()
                || row.speaks_of(text)
                || ledger.parent_of(row).is_some_and(|of| of.speaks_of(text));
            (section, speaks)
        };
        let names = projection.units();
        let named = |unit: &&str| {
            names.short(&ledger.tenant, unit).contains(text)
                || names.name(&ledger.tenant, unit).contains(text)
                || *unit == text
        };
        Sieve {
            filter,
            rows: ledger.tasks.iter().map(row).collect(),
            units: if text.is_empty() {
                BTreeSet::new()
            } else {
                let units = agenda.by_unit().keys().map(|unit| &**unit);
                units.filter(named).collect()
            },
        }
    }

    /// True if no duty of a row can pass.
    fn shuts(&self, row: usize) -> bool {
        !self.rows.get(row).is_some_and(|(section, _)| *section)
    }

    fn lets(&self, row: usize, duty: &Duty) -> bool {
        let filter = self.filter;
        let Some((true, speaks)) = self.rows.get(row) else {
            return false;
        };
        (filter.lights.is_empty() || filter.lights.contains(&duty.light()))
            && (filter.stages.is_empty() || filter.stages.contains(&duty.stage))
            && (filter.unit.is_empty() || *duty.unit == *filter.unit)
            && filter.awaited.is_none_or(|what| what.is_of(duty))
            && filter
                .from
                .is_none_or(|from| duty.due.is_some_and(|due| due >= from))
            && filter
                .to
                .is_none_or(|to| duty.due.is_some_and(|due| due <= to))
            && (*speaks || self.units.contains(&*duty.unit) || *duty.id == *filter.text)
    }
}

/// The section that a row stands in; of a rule that of its row.
pub(super) fn section_of<'a>(ledger: &'a Ledger, row: &'a TaskRow) -> &'a str {
    match ledger.parent_of(row) {
        Some(parent) => parent.section(),
        None => row.section(),
    }
}

/// Duties that were chosen.
pub(super) struct Duties {
    /// How those that fit stand, on all pages.
    pub counts: Counts,
    /// Those asked for, in order.
    pub places: Vec<u32>,
}

/// Calls `each` with the row and place of every duty that a filter may let through, in the
/// document's order.
fn candidates(
    projection: &Seen<'_>,
    (ledger, agenda): (&Ledger, &Agenda),
    sieve: &Sieve<'_>,
    mut each: impl FnMut(usize, u32, &Duty),
) {
    let mut few = |places: &mut dyn Iterator<Item = u32>| {
        let mut found: Vec<(usize, u32)> = places
            .filter_map(|place| {
                let duty = projection.duty_at(place)?;
                let of_this = std::ptr::eq(projection.ledger_of(duty), ledger);
                let row = ledger.place_of(&duty.task).filter(|_| of_this)?;
                Some((row, place))
            })
            .collect();
        found.sort_unstable();
        for (row, place) in found {
            if let Some(duty) = projection.duty_at(place) {
                each(row, place, duty);
            }
        }
    };
    if let Some(what) = sieve.filter.awaited {
        few(&mut agenda.awaiting(what).iter().copied());
        return;
    }
    if !sieve.filter.unit.is_empty() {
        few(&mut projection.places_of(&sieve.filter.unit));
        return;
    }
    if let Some(own) = projection.own(ledger) {
        few(&mut own.into_keys());
        return;
    }
    for (row, task) in ledger.tasks.iter().enumerate() {
        if sieve.shuts(row) {
            continue;
        }
        for place in &task.duties {
            if let Some(duty) = projection.duty_at(*place) {
                each(row, *place, duty);
            }
        }
    }
}

/// The duties that fit, `take` of them after the first `skip`, in the order asked for.
pub(super) fn duties(
    projection: &Seen<'_>,
    ledger: &Ledger,
    asked: &Asked,
    span: impl Fn(usize) -> (usize, usize),
) -> Duties {
    let filter = &asked.filter;
    let sees_all = projection.sees_all_of(&ledger.tenant);
    if sees_all && !filter.is_set() && asked.sort == Sort::Number && !asked.descending {
        let counts = projection.counts(ledger);
        let total = usize::try_from(counts.total()).unwrap_or(usize::MAX);
        let (skip, take) = span(total);
        return Duties {
            counts,
            places: in_order(ledger, skip, take),
        };
    }
    let agenda = projection.agenda(ledger);
    let sieve = Sieve::new(projection, ledger, &agenda, filter);
    let mut counts = Counts::default();
    let mut found: Vec<(u64, u32)> = Vec::new();
    let units: Vec<&str> = agenda.by_unit().keys().map(|u| &**u).collect();
    let mut nth = 0u64;
    candidates(projection, (ledger, &agenda), &sieve, |row, place, duty| {
        if !sieve.lets(row, duty) {
            return;
        }
        counts.add(duty.light(), duty.done_late());
        let key = match asked.sort {
            Sort::Number => 0,
            Sort::Light => (duty.light().place() as u64) << 32 | day(duty.due),
            Sort::Due => day(duty.due),
            Sort::Unit => units.binary_search(&&*duty.unit).unwrap_or(units.len()) as u64,
            Sort::Stage => (duty.stage as u64) << 32 | day(duty.due),
        };
        // Equals stay in the document's order, either way round.
        let key = if asked.descending && asked.sort != Sort::Number {
            u64::MAX >> 24 ^ key
        } else {
            key
        };
        found.push((key << 24 | nth.min(0x00ff_ffff), place));
        nth += 1;
    });
    let (skip, take) = span(found.len());
    if asked.sort == Sort::Number {
        if asked.descending {
            found.reverse();
        }
    } else {
        let end = (skip + take).min(found.len());
        if end < found.len() {
            found.select_nth_unstable(end);
            found.truncate(end);
        }
        found.sort_unstable();
    }
    let places = found.iter().skip(skip).take(take).map(|(_, place)| *place);
    Duties {
        counts,
        places: places.collect(),
    }
}

/// A day as a number of less than 2³², the same order; without a date the last.
fn day(due: Option<NaiveDate>) -> u64 {
    let days = due.map(|due| u64::try_from(due.num_days_from_ce()).unwrap_or(0));
    days.unwrap_or(0xffff_ffff)
}

fn in_order(ledger: &Ledger, mut skip: usize, take: usize) -> Vec<u32> {
    let mut places = Vec::with_capacity(take.min(1_024));
    for row in &ledger.tasks {
        if skip >= row.duties.len() {
            skip -= row.duties.len();
            continue;
        }
        let left = take - places.len();
        places.extend(row.duties.iter().skip(skip).take(left));
        skip = 0;
        if places.len() == take {
            break;
        }
    }
    places
}

/// A row of the document with its duties that fit.
pub(super) struct Row {
    /// Its place among the ledger's rows.
    pub place: usize,
    pub counts: Counts,
}

/// The rows of the document that fit; the duties of rules that belong to a row count as its own.
pub(super) fn rows(projection: &Seen<'_>, ledger: &Ledger, asked: &Asked) -> Vec<Row> {
    let filter = &asked.filter;
    // Where a row's duties are counted.
    let own: Vec<usize> = (0..)
        .zip(&ledger.tasks)
        .map(|(place, row)| {
            let parent = row.spec.as_ref().and_then(|spec| spec.part_of.as_ref());
            let parent = parent.and_then(|id| ledger.place_of(id));
            parent.unwrap_or(place)
        })
        .collect();
    let mut counts = vec![Counts::default(); ledger.tasks.len()];
    let agenda = projection.agenda(ledger);
    let sieve = Sieve::new(projection, ledger, &agenda, filter);
    let sees_all = projection.sees_all_of(&ledger.tenant);
    if filter.is_of_duties() || !sees_all {
        candidates(projection, (ledger, &agenda), &sieve, |row, _, duty| {
            if sieve.lets(row, duty) {
                counts[own[row]].add(duty.light(), duty.done_late());
            }
        });
    } else {
        for (place, row) in ledger.tasks.iter().enumerate() {
            if !sieve.shuts(place) {
                let of_row = projection.counts_of(ledger, row);
                counts[own[place]].merge(&of_row.only(&filter.lights));
            }
        }
    }
    let mut rows: Vec<Row> = ledger
        .tasks
        .iter()
        .enumerate()
        .filter(|(place, _)| own[*place] == *place)
        .map(|(place, _)| Row {
            place,
            counts: counts[place],
        })
        // A row that nobody owes anything of fits what is asked of rows alone.
        .filter(|row| {
            let (section, speaks) = sieve.rows[row.place];
            let of_rows = filter.lights.is_empty() && section && speaks;
            let only_rows = Filter {
                section: String::new(),
                text: String::new(),
                ..filter.clone()
            };
            row.counts.total() > 0 || (sees_all && of_rows && !only_rows.is_set())
        })
        .collect();
    match asked.sort {
        Sort::Light => rows.sort_by_key(|row| {
            let worst = row.counts.worst().map_or(usize::MAX, Light::place);
            let many = row.counts.worst().map_or(0, |light| row.counts.of(light));
            (worst, u64::MAX - many)
        }),
        Sort::Due => rows.sort_by_key(|row| day(ledger.tasks[row.place].fixed_due())),
        Sort::Number | Sort::Unit | Sort::Stage => {}
    }
    if asked.descending {
        rows.reverse();
    }
    rows
}
