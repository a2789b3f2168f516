//! `/task/{ledger}/{task}`: one row and its duties.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::definition::{Opens, Strength};
use serde::Deserialize;

use super::address::of_task;
use super::pager::Pager;
use super::row::DutyRow;
use super::{Head, address, answer, not_found};
use crate::access::page::Flash;
use crate::access::{Right, Seen, Viewer};
use crate::act::became;
use crate::answer::nonce;
use crate::light::{Counts, Light, Stage};
use crate::projection::{Ledger, TaskRow};
use crate::serve::Desk;
use crate::tongue::Asker;

/// Duties on one page, in duties.
const DUTIES_SHOWN: usize = 100;

/// The query string.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    page: Option<String>,
    /// The act that was just given.
    #[serde(default)]
    r: Option<String>,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    head: Head,
    id: String,
    title: String,
    section: String,
    text: String,
    units_phrase: String,
    deadline: String,
    reckoned: String,
    encouraged: bool,
    outside: bool,
    confirm: Vec<String>,
    counts: Counts,
    /// The row that a rule belongs to.
    parent: Option<Linked>,
    /// The rules that belong to a row.
    rules: Vec<Linked>,
    duties: Vec<DutyRow>,
    /// What became of an act.
    flash: Option<Flash>,
    /// Where all waiting duties of the row are begun, if the viewer may.
    trigger: Option<String>,
    form_key: String,
    nonce: String,
    today: String,
    picks: Vec<String>,
    pager: Pager,
    pages: Vec<(usize, String)>,
    /// Where the same duties can be filtered.
    table: String,
}

/// Another row that the page leads to.
struct Linked {
    id: String,
    title: String,
    counts: Counts,
    address: String,
}

impl Linked {
    fn of(projection: &Seen<'_>, ledger: &Ledger, row: &TaskRow) -> Linked {
        Linked {
            id: row.id.clone(),
            title: row.title().to_owned(),
            counts: projection.counts_of(ledger, row),
            address: of_task(&ledger.id, &row.id),
        }
    }
}

/// `/task/{ledger}/{task}`
pub(crate) async fn task(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path((ledger, task)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Response {
    let page = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        let Some(ledger) = projection.ledger(&ledger) else {
            return not_found(&projection, "没有这个台账。", &asker);
        };
        let Some(task) = projection.task(ledger, &task) else {
            return not_found(&projection, "台账中没有这一项任务。", &asker);
        };
        gather(&projection, ledger, task, &asked, &asker)
    };
    answer(StatusCode::OK, &page)
}

/// Whether a row waits for the office to begin it.
fn spec_waits(task: &TaskRow) -> bool {
    let spec = task.spec.as_ref();
    spec.is_some_and(|spec| spec.opens == Opens::Trigger)
}

fn gather(
    projection: &Seen<'_>,
    ledger: &Ledger,
    task: &TaskRow,
    asked: &Asked,
    asker: &Asker,
) -> TaskPage {
    let tongue = asker.tongue;
    let mut duties: Vec<_> = task
        .duties
        .iter()
        .filter_map(|place| projection.duty_at(*place))
        .collect();
    let waits = spec_waits(task) && duties.iter().any(|duty| duty.stage == Stage::Waiting);
    // Gravest first, then by date.
    duties.sort_by_key(|duty| (duty.light(), duty.due, &duty.id));
    let page = asked.page.as_deref().and_then(|page| page.parse().ok());
    let pager = Pager::new(page.unwrap_or(1), DUTIES_SHOWN, duties.len());
    let shown = duties.into_iter().skip(pager.skipped()).take(pager.size);
    let belongs = |row: &&TaskRow| {
        let of = row.spec.as_ref().and_then(|spec| spec.part_of.as_ref());
        of == Some(&task.id)
    };
    let number = tongue.pick(format!("第{}项", task.id), format!("Task {}", task.id));
    let spec = task.spec.as_ref();
    TaskPage {
        head: Head::new(
            projection,
            Some(ledger),
            &format!("{number} {}", task.title()),
            asker,
        ),
        id: task.id.clone(),
        title: task.title().to_owned(),
        outside: task.is_outside(),
        section: [task.section(), task.subsection()]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect::<Vec<_>>()
            .join(" › "),
        text: task.text().to_owned(),
        units_phrase: task.units_phrase().to_owned(),
        deadline: task.deadline_phrase().to_owned(),
        reckoned: task.due_words(),
        encouraged: spec.is_some_and(|spec| spec.strength == Strength::Encouraged),
        confirm: spec.map_or_else(Vec::new, |spec| spec.confirm.clone()),
        counts: projection.counts_of(ledger, task),
        parent: ledger
            .parent_of(task)
            .filter(|row| projection.sees_row(ledger, row))
            .map(|row| Linked::of(projection, ledger, row)),
        rules: ledger
            .tasks
            .iter()
            .filter(belongs)
            .filter(|row| projection.sees_row(ledger, row))
            .map(|row| Linked::of(projection, ledger, row))
            .collect(),
        duties: shown
            .map(|duty| DutyRow::in_tongue(projection, duty, tongue))
            .collect(),
        flash: became(projection, asked.r.as_deref()),
        trigger: projection
            .viewer()
            .filter(|viewer| !viewer.form_key().is_empty())
            .filter(|_| waits && projection.may(Right::ActForOffice))
            .map(|_| of_task(&ledger.id, &task.id).replacen("/task/", "/trigger/", 1)),
        form_key: projection
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        nonce: nonce(),
        today: projection
            .now()
            .map(|now| now.date_in(ledger.zone).to_string())
            .unwrap_or_default(),
        picks: Vec::new(),
        pages: pager
            .named()
            .into_iter()
            .map(|page| (page, format!("?page={page}")))
            .collect(),
        pager,
        table: format!(
            "{}?view=duties&q={}",
            address::of_ledger(&ledger.id),
            address::encoded(task.title())
        ),
    }
}
