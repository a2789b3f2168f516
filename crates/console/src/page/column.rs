//! The columns of a ledger's table and what stands in them: the same cells on the page, on paper and
//! in every file.

use duban_model::definition::Role;

use super::address;
use super::asked::Sort;
use super::row::DutyRow;
use super::select::section_of;
use crate::access::Seen;
use crate::light::{Counts, Light};
use crate::projection::{Duty, Ledger, TaskRow, minute};
use crate::sheet::Cell;
use crate::tongue::Tongue;

/// Units named in a cell, in units; the others are counted.
const UNITS_NAMED: usize = 8;

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name in addresses.
    pub key: &'static str,
    pub heading: &'static str,
    /// How wide it is on paper, in Latin characters.
    pub width: u16,
    /// Shown without a word.
    pub is_usual: bool,
    pub sort: Option<Sort>,
}

const fn column(
    key: &'static str,
    heading: &'static str,
    width: u16,
    is_usual: bool,
    sort: Option<Sort>,
) -> Column {
    Column {
        key,
        heading,
        width,
        is_usual,
        sort,
    }
}

/// Of a row of the document.
pub(super) const TASK_COLUMNS: &[Column] = &[
    column("number", "序号", 6, true, Some(Sort::Number)),
    column("section", "分类", 18, true, None),
    column("title", "重点任务", 34, true, None),
    column("text", "具体任务", 52, false, None),
    column("lead", "牵头单位", 22, false, None),
    column("owners", "责任单位", 30, true, None),
    column("support", "配合单位", 22, false, None),
    column("deadline", "完成时限", 16, true, Some(Sort::Due)),
    column("state", "办理情况", 16, true, None),
    column("light", "灯", 22, true, Some(Sort::Light)),
];

/// Of a duty.
pub(super) const DUTY_COLUMNS: &[Column] = &[
    column("number", "序号", 6, true, Some(Sort::Number)),
    column("section", "分类", 18, false, None),
    column("title", "重点任务", 34, true, None),
    column("unit", "单位", 26, true, Some(Sort::Unit)),
    column("role", "角色", 10, true, None),
    column("period", "期次", 16, true, None),
    column("due", "完成时限", 16, true, Some(Sort::Due)),
    column("remains", "剩余", 12, true, None),
    column("state", "状态", 16, true, Some(Sort::Stage)),
    column("light", "灯", 12, true, Some(Sort::Light)),
    column("missing", "尚缺", 30, false, None),
    column("submitted", "报送", 18, false, None),
    column("done", "办结", 18, false, None),
    column("id", "事项编号", 38, false, None),
];

/// The cells of a row of the document.
pub(super) fn of_row(
    projection: &Seen<'_>,
    ledger: &Ledger,
    row: &TaskRow,
    counts: &Counts,
    columns: &[&'static Column],
    tongue: Tongue,
) -> Vec<Cell> {
    let owners = |role| owners(projection, ledger, row, role);
    let cell = |column: &&Column| match column.key {
        "number" => Cell::number(&row.id),
        "section" => Cell::noted(row.section(), row.subsection()),
        "title" => Cell::linked(&row.marked_title(), &address::of_task(&ledger.id, &row.id)),
        "text" => Cell::text(row.text()),
        "lead" => Cell::text(&owners(Role::Lead)),
        "owners" if row.units_phrase().is_empty() => Cell::text(&owners(Role::Responsible)),
        "owners" => Cell::text(row.units_phrase()),
        "support" => Cell::text(&owners(Role::Support)),
        "deadline" => match (row.deadline_phrase(), row.due_words()) {
            ("", reckoned) => Cell::text(&reckoned),
            (phrase, reckoned) if phrase == reckoned => Cell::text(phrase),
            (phrase, reckoned) => Cell::noted(phrase, &reckoned),
        },
        "state" => Cell::text(&standing(counts, tongue)),
        "light" => Cell {
            text: tally(counts, tongue),
            light: counts.worst(),
            counts: Some(*counts),
            ..Cell::default()
        },
        _ => Cell::default(),
    };
    columns.iter().map(cell).collect()
}

/// `办结12/共46`
fn standing(counts: &Counts, tongue: Tongue) -> String {
    let (done, total) = (counts.of(Light::Done), counts.total());
    if total == 0 {
        return tongue.say("没有责任事项").to_owned();
    }
    tongue.pick(
        format!("办结{done}/共{total}"),
        format!("{done} of {total} done"),
    )
}

/// How many show which light, in words.
pub(super) fn tally(counts: &Counts, tongue: Tongue) -> String {
    let lights = Light::ALL.into_iter().filter(|light| counts.of(*light) > 0);
    let said: Vec<String> = lights
        .map(|light| format!("{}{}", tongue.say(light.chinese()), counts.of(light)))
        .collect();
    said.join(tongue.pick("、", ", "))
}

/// The units that owe a row in a role.
fn owners(projection: &Seen<'_>, ledger: &Ledger, row: &TaskRow, role: Role) -> String {
    let owners = row.spec.iter().flat_map(|spec| &spec.owners);
    let units: Vec<&str> = owners
        .filter(|owner| owner.role == role)
        .flat_map(|owner| &owner.units)
        .map(|unit| projection.units().short(&ledger.tenant, unit))
        .collect();
    let named = units.iter().take(UNITS_NAMED).copied();
    let said = named.collect::<Vec<_>>().join("、");
    if units.len() > UNITS_NAMED {
        format!("{said}等{}个单位", units.len())
    } else {
        said
    }
}

/// The cells of a duty.
pub(super) fn of_duty(
    projection: &Seen<'_>,
    ledger: &Ledger,
    duty: &Duty,
    columns: &[&'static Column],
    tongue: Tongue,
) -> Vec<Cell> {
    let shown = DutyRow::in_tongue(projection, duty, tongue);
    let task = ledger.task(&duty.task);
    let cell = |column: &&Column| match column.key {
        "number" => Cell::number(&shown.task),
        "section" => Cell::text(task.map_or("", |task| section_of(ledger, task))),
        "title" => Cell::linked(&shown.title, &shown.address),
        "unit" => Cell::linked(&shown.unit, &shown.unit_address),
        "role" => Cell::text(shown.role),
        "period" => Cell::text(&shown.period),
        "due" => match (duty.due_at(), duty.due) {
            (Some(at), _) => Cell::text(&minute(at, ledger.zone)),
            (None, Some(due)) => Cell::day(due),
            (None, None) => Cell::text(tongue.say("待定")),
        },
        "remains" => Cell::text(&shown.remains),
        "state" => Cell::text(shown.stage),
        "light" => Cell {
            light: Some(shown.light),
            late: shown.late,
            ..Cell::text(shown.word)
        },
        "missing" => Cell::text(&missing(projection, ledger, duty).join("、")),
        "submitted" => Cell::text(
            &duty
                .submitted()
                .map(|s| minute(s.at.at, ledger.zone))
                .unwrap_or_default(),
        ),
        "done" => Cell::text(
            &duty
                .done()
                .map(|done| minute(done.at, ledger.zone))
                .unwrap_or_default(),
        ),
        "id" => Cell::text(&duty.id),
        _ => Cell::default(),
    };
    columns.iter().map(cell).collect()
}

/// What a duty still lacks; nothing once it is closed.
pub(crate) fn missing(projection: &Seen<'_>, ledger: &Ledger, duty: &Duty) -> Vec<String> {
    if duty.stage.is_final() {
        return Vec::new();
    }
    let by = ledger
        .task(&duty.task)
        .and_then(|task| task.fulfilled_by(duty.owner));
    let name = |unit: &str| projection.units().short(&ledger.tenant, unit).to_owned();
    by.map_or_else(Vec::new, |by| duty.missing(by, &name))
}
