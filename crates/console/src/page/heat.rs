//! The heat map: one small square for each task and unit, showing the gravest of its lights.

use std::collections::{BTreeMap, BTreeSet};

use super::address;
use super::pager::Pager;
use crate::access::Seen;
use crate::light::Light;
use crate::projection::{Agenda, Duty, Ledger, TaskRow};
use crate::tongue::Tongue;

/// The longest column head, in characters; the full name is in its title.
const HEAD_CHARACTERS: usize = 10;

/// Up to so many squares a map is shown whole; a larger one is cut into parts, in squares.
const WHOLE: usize = 6_000;
/// The units and rows of one part.
const PART_UNITS: usize = 40;
const PART_ROWS: usize = 40;

/// A column.
pub(super) struct Column {
    pub short: String,
    pub name: String,
    pub address: String,
    /// The first of its group.
    pub first: bool,
}

/// Columns of one level.
pub(super) struct Group {
    pub level: String,
    pub columns: usize,
}

/// A square.
pub(super) struct Square {
    pub light: Light,
    pub late: bool,
    pub address: String,
    pub title: String,
}

/// A row.
pub(super) struct Line {
    pub number: String,
    pub title: String,
    pub address: String,
    pub squares: Vec<Option<Square>>,
}

/// The map, or a part of it.
pub(super) struct HeatMap {
    pub groups: Vec<Group>,
    pub columns: Vec<Column>,
    pub lines: Vec<Line>,
    /// Squares that show something.
    pub squares: usize,
    /// Which units and which rows are shown, where the map is cut into parts.
    pub units: Pager,
    pub rows: Pager,
}

/// Up to so many columns keep their natural width, in columns.
const FEW_COLUMNS: usize = 24;
/// Up to so many columns share a wide screen's width; more are scrolled, in columns.
const FITTING_COLUMNS: usize = 90;

impl HeatMap {
    /// True if there is more of it than is shown.
    pub fn is_part(&self) -> bool {
        self.units.pages > 1 || self.rows.pages > 1
    }

    /// The style class that suits its width.
    pub fn class(&self) -> &'static str {
        match self.columns.len() {
            few if few <= FEW_COLUMNS => "few",
            fit if fit <= FITTING_COLUMNS => "fit",
            _ => "many",
        }
    }
}

/// City first, as in the document's own order of units.
fn rank(level: &str) -> usize {
    ["市级", "垂直管理", "旗县级", "开发区"]
        .iter()
        .position(|known| *known == level)
        .unwrap_or(9)
}

/// The units that owe something in a ledger, city first, each with its level.
pub(super) fn units<'a>(
    projection: &Seen<'a>,
    ledger: &'a Ledger,
    agenda: &'a Agenda,
) -> Vec<(&'a str, &'a str)> {
    let units = agenda.by_unit().keys();
    let mut ranked: Vec<(usize, &str, &str)> = units
        .map(|unit| {
            let known = projection.units().get(&ledger.tenant, unit);
            let level = known.map_or("其他", |name| name.level.as_str());
            (rank(level), &**unit, level)
        })
        .collect();
    ranked.sort_unstable();
    ranked
        .into_iter()
        .map(|(_, unit, level)| (unit, level))
        .collect()
}

impl HeatMap {
    /// The map of a ledger; of a large one the part with these pages of units and rows.
    pub fn of(
        projection: &Seen<'_>,
        ledger: &Ledger,
        part: (usize, usize),
        tongue: Tongue,
    ) -> HeatMap {
        let agenda = projection.agenda(ledger);
        let all = units(projection, ledger, &agenda);
        // A contact's rows are those in which own units owe something.
        let own = projection.own(ledger).map(|own| {
            let rows = own.values().filter_map(|duty| ledger.place_of(&duty.task));
            rows.collect::<BTreeSet<usize>>()
        });
        let seen: Vec<usize> = match own {
            Some(own) => own.into_iter().collect(),
            None => (0..ledger.tasks.len()).collect(),
        };
        let (mut unit_size, mut row_size) = (all.len(), seen.len());
        if unit_size * row_size > WHOLE {
            (unit_size, row_size) = (PART_UNITS, PART_ROWS);
        }
        let of_units = Pager::new(part.0, unit_size.max(1), all.len());
        let of_rows = Pager::new(part.1, row_size.max(1), seen.len());
        let shown: Vec<_> = all
            .into_iter()
            .skip(of_units.skipped())
            .take(of_units.size)
            .collect();
        let rows: Vec<usize> = seen
            .into_iter()
            .skip(of_rows.skipped())
            .take(of_rows.size)
            .collect();
        let mut groups: Vec<Group> = Vec::new();
        let mut columns = Vec::with_capacity(shown.len());
        for (unit, level) in &shown {
            let first = groups.last().is_none_or(|group| group.level != *level);
            if first {
                groups.push(Group {
                    level: (*level).to_owned(),
                    columns: 0,
                });
            }
            if let Some(group) = groups.last_mut() {
                group.columns += 1;
            }
            columns.push(Column {
                short: head(projection.units().short(&ledger.tenant, unit)),
                name: projection.units().name(&ledger.tenant, unit).to_owned(),
                address: address::of_unit(unit),
                first,
            });
        }
        let mut lines: Vec<Line> = rows
            .iter()
            .map(|place| &ledger.tasks[*place])
            .map(|row| Line {
                number: row.id.clone(),
                title: row.marked_title().into_owned(),
                address: address::of_task(&ledger.id, &row.id),
                squares: columns.iter().map(|_| None).collect(),
            })
            .collect();
        let mut squares = 0;
        for (at, (unit, _)) in shown.iter().enumerate() {
            // The gravest duty of each row, and how many there are.
            let mut found: BTreeMap<usize, (&Duty, usize)> = BTreeMap::new();
            for duty in projection.duties_of(unit) {
                if projection.ledger_of(duty).id != ledger.id {
                    continue;
                }
                let row = ledger.place_of(&duty.task);
                let Some(row) = row.and_then(|row| rows.binary_search(&row).ok()) else {
                    continue;
                };
                found
                    .entry(row)
                    .and_modify(|(gravest, count)| {
                        *count += 1;
                        // Of equals the later: the period that runs now.
                        if duty.light() <= gravest.light() {
                            *gravest = duty;
                        }
                    })
                    .or_insert((duty, 1));
            }
            for (row, (duty, count)) in found {
                let task = &ledger.tasks[rows[row]];
                lines[row].squares[at] = Some(square(task, duty, count, &columns[at], tongue));
                squares += 1;
            }
        }
        HeatMap {
            groups,
            columns,
            lines,
            squares,
            units: of_units,
            rows: of_rows,
        }
    }
}

fn square(row: &TaskRow, duty: &Duty, count: usize, column: &Column, tongue: Tongue) -> Square {
    let due = duty.due.map_or_else(String::new, |due| {
        tongue.pick(format!(",时限{due}"), format!(", due {due}"))
    });
    let several = match count {
        0 | 1 => String::new(),
        _ => tongue.pick(
            format!(",共{count}件,此为最紧要的"),
            format!(", the gravest of {count}"),
        ),
    };
    let late = duty.done_late();
    let late_word = match (late, tongue) {
        (false, _) => "",
        (true, Tongue::Chinese) => "(逾期完成)",
        (true, Tongue::English) => " (late)",
    };
    let task = tongue.pick(format!("第{}项", row.id), format!("Task {}", row.id));
    Square {
        light: duty.light(),
        late,
        address: address::of_obligation(&duty.id),
        title: format!(
            "{task} {}|{}|{}{late_word}{due}{several}",
            row.marked_title(),
            column.name,
            tongue.say(duty.stage.chinese()),
        ),
    }
}

fn head(name: &str) -> String {
    if name.chars().count() <= HEAD_CHARACTERS {
        return name.to_owned();
    }
    let mut short: String = name.chars().take(HEAD_CHARACTERS - 1).collect();
    short.push('…');
    short
}
