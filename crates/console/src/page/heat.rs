//! The heat map: one small square for each task and unit, showing the gravest of its lights.

use std::collections::BTreeMap;

use super::address;
use crate::access::Seen;
use crate::light::Light;
use crate::projection::{Duty, Ledger, TaskRow};

/// The longest column head, in characters; the full name is in its title.
const HEAD_CHARACTERS: usize = 10;

/// A column.
pub(super) struct Column<'a> {
    pub short: String,
    pub name: &'a str,
    pub address: String,
    /// The first of its group.
    pub first: bool,
}

/// Columns of one level.
pub(super) struct Group<'a> {
    pub level: &'a str,
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
pub(super) struct Line<'a> {
    pub number: &'a str,
    pub title: &'a str,
    pub address: String,
    pub squares: Vec<Option<Square>>,
}

/// The map.
pub(super) struct HeatMap<'a> {
    pub groups: Vec<Group<'a>>,
    pub columns: Vec<Column<'a>>,
    pub lines: Vec<Line<'a>>,
    /// Squares that show something.
    pub squares: usize,
}

/// Up to so many columns keep their natural width, in columns.
const FEW_COLUMNS: usize = 24;
/// Up to so many columns share a wide screen's width; more are scrolled, in columns.
const FITTING_COLUMNS: usize = 90;

impl HeatMap<'_> {
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

impl<'a> HeatMap<'a> {
    /// The map of these rows, of the duties that `shown` lets through.
    pub fn of(
        projection: &Seen<'a>,
        ledger: &'a Ledger,
        rows: &[&'a TaskRow],
        shown: impl Fn(&Duty) -> bool,
    ) -> HeatMap<'a> {
        // The gravest duty of each task and unit, and how many there are.
        let mut found: Vec<BTreeMap<&str, (&Duty, usize)>> = Vec::with_capacity(rows.len());
        let mut units: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for row in rows {
            let mut line: BTreeMap<&str, (&Duty, usize)> = BTreeMap::new();
            for duty in row.duties.iter().filter_map(|p| projection.duty_at(*p)) {
                if !shown(duty) {
                    continue;
                }
                line.entry(&duty.unit)
                    .and_modify(|(gravest, count)| {
                        *count += 1;
                        // Of equals the later: the period that runs now.
                        if duty.light() <= gravest.light() {
                            *gravest = duty;
                        }
                    })
                    .or_insert((duty, 1));
            }
            for unit in line.keys() {
                let level = projection
                    .units()
                    .get(&ledger.tenant, unit)
                    .map_or("", |name| name.level.as_str());
                units.insert((rank(level), unit), 0);
            }
            found.push(line);
        }
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut columns = Vec::with_capacity(units.len());
        for (_, unit) in units.keys() {
            let known = projection.units().get(&ledger.tenant, unit);
            let level = known.map_or("其他", |name| name.level.as_str());
            let first = groups.last().is_none_or(|group| group.level != level);
            if first {
                groups.push(Group { level, columns: 0 });
            }
            if let Some(group) = groups.last_mut() {
                group.columns += 1;
            }
            let unit: &'a str = projection
                .duties_of(unit)
                .next()
                .map_or("", |duty| &*duty.unit);
            columns.push(Column {
                short: head(projection.units().short(&ledger.tenant, unit)),
                name: projection.units().name(&ledger.tenant, unit),
                address: address::of_unit(unit),
                first,
            });
        }
        let mut squares = 0;
        let lines = rows
            .iter()
            .zip(&found)
            .map(|(row, line)| Line {
                number: &row.id,
                title: row.title(),
                address: address::of_task(&ledger.id, &row.id),
                squares: units
                    .keys()
                    .zip(&columns)
                    .map(|((_, unit), column)| {
                        let (duty, count) = line.get(unit)?;
                        squares += 1;
                        Some(square(row, duty, *count, column))
                    })
                    .collect(),
            })
            .collect();
        HeatMap {
            groups,
            columns,
            lines,
            squares,
        }
    }
}

fn square(row: &TaskRow, duty: &Duty, count: usize, column: &Column<'_>) -> Square {
    let due = duty
        .due
        .map(|due| format!(",时限{due}"))
        .unwrap_or_default();
    let several = if count > 1 {
        format!(",共{count}件,此为最紧要的")
    } else {
        String::new()
    };
    let late = duty.done_late();
    Square {
        light: duty.light(),
        late,
        address: address::of_obligation(&duty.id),
        title: format!(
            "第{}项 {}|{}|{}{}{due}{several}",
            row.id,
            row.title(),
            column.name,
            duty.stage.chinese(),
            if late { "(逾期完成)" } else { "" },
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
