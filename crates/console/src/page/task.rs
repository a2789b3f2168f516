//! `/task/{ledger}/{task}`: one row and its duties.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::definition::Strength;

use super::address::of_task;
use super::row::DutyRow;
use super::{Head, answer, not_found};
use crate::access::{Seen, Viewer};
use crate::light::{Counts, Light};
use crate::projection::{Ledger, TaskRow};
use crate::serve::Desk;

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage<'a> {
    head: Head<'a>,
    task: &'a TaskRow,
    counts: Counts,
    encouraged: bool,
    confirm: &'a [String],
    /// The row that a rule belongs to.
    parent: Option<Linked<'a>>,
    /// The rules that belong to a row.
    rules: Vec<Linked<'a>>,
    duties: Vec<DutyRow<'a>>,
}

/// Another row that the page leads to.
struct Linked<'a> {
    row: &'a TaskRow,
    counts: Counts,
    address: String,
}

impl<'a> Linked<'a> {
    fn of(projection: &Seen<'_>, ledger: &Ledger, row: &'a TaskRow) -> Linked<'a> {
        Linked {
            row,
            counts: projection.counts_of(ledger, row),
            address: of_task(&ledger.id, &row.id),
        }
    }
}

/// `/task/{ledger}/{task}`
pub(crate) async fn task(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path((ledger, task)): Path<(String, String)>,
) -> Response {
    let look = desk.look(&viewer);
    let projection = look.seen();
    let Some(ledger) = projection.ledger(&ledger) else {
        return not_found(&projection, "没有这个台账。");
    };
    let Some(task) = projection.task(ledger, &task) else {
        return not_found(&projection, "台账中没有这一项任务。");
    };
    let mut duties: Vec<_> = task
        .duties
        .iter()
        .filter_map(|place| projection.duty_at(*place))
        .collect();
    let part_of = |row: &TaskRow| row.spec.as_ref().and_then(|spec| spec.part_of.clone());
    let parent = part_of(task)
        .and_then(|id| projection.task(ledger, &id))
        .map(|row| Linked::of(&projection, ledger, row));
    let rules = ledger
        .tasks
        .iter()
        .filter(|row| part_of(row).is_some_and(|id| id == task.id))
        .filter(|row| projection.sees_row(ledger, row))
        .map(|row| Linked::of(&projection, ledger, row))
        .collect();
    // Gravest first, then by date.
    duties.sort_by_key(|duty| (duty.light(), duty.due, &duty.id));
    let page = TaskPage {
        head: Head::new(
            &projection,
            Some(ledger),
            &format!("第{}项 {}", task.id, task.title()),
        ),
        task,
        counts: projection.counts_of(ledger, task),
        encouraged: task
            .spec
            .as_ref()
            .is_some_and(|spec| spec.strength == Strength::Encouraged),
        confirm: task.spec.as_ref().map_or(&[], |spec| &spec.confirm),
        parent,
        rules,
        duties: duties
            .into_iter()
            .map(|duty| DutyRow::of(&projection, duty))
            .collect(),
    };
    answer(StatusCode::OK, &page)
}
