//! `/define/draft/{draft}/tasks`: the tasks of a draft in a list, and the common fields of one in a
//! form. What the form does not show stays as the text has it; what it cannot change it says.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::draft::{Draft, Unkept};
use super::form::{
    Filled, Outline, PHRASE_CHARACTERS, Pick, TEXT_CHARACTERS, TITLE_CHARACTERS, TaskDue, TaskForm,
};
use super::page::{Frame, Reader, Steps, draft, now, see, unkept};
use super::{Defining, LISTED, WORK_WITHIN};
use crate::access::Form;
use crate::access::page::Flash;
use crate::page::{address::encoded, answer};
use crate::serve::Desk;

/// What was just done.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    saved: String,
}

/// A task in the list.
struct Row {
    task: TaskForm,
    to: String,
    due: String,
}

#[derive(Template)]
#[template(path = "define/tasks.html")]
struct ListPage {
    frame: Frame,
    steps: Steps,
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "define/task.html")]
struct TaskPage {
    frame: Frame,
    steps: Steps,
    version: u64,
    task: TaskForm,
    filled: Filled,
    picks: Vec<Pick>,
    more: usize,
    /// The deadline in words, where no form changes it.
    other: String,
    /// Entries of units that no form shows, in words.
    beyond: Vec<String>,
    line: usize,
    most: [usize; 3],
}

/// The deadline of a task in words.
fn words(due: &TaskDue, frame: &Frame) -> String {
    match due {
        TaskDue::Day(day) => day.to_string(),
        TaskDue::Other(words) => words.clone(),
        TaskDue::Period(every) => {
            let word = match every.as_str() {
                "month" => "每月",
                "quarter" => "每季度",
                "half_year" => "每半年",
                _ => "每年",
            };
            let long = frame.say("全年持续推进");
            format!("{long}({})", frame.say(word))
        }
    }
}

async fn outline(bench: &Defining, draft: &Draft) -> Result<Outline, String> {
    let files = draft.files.clone();
    let found = bench.work(move |workshop| workshop.outline(&files)).await?;
    found.ok_or_else(|| "草稿里有错误,先在“修改”里改正,才能用表格改任务。".to_owned())
}

/// `GET /define/draft/{draft}/tasks`
pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    reader: Reader,
) -> Response {
    let (bench, draft) = match draft(&desk, &reader, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let saved = (!asked.saved.is_empty()).then(|| Flash::good("已保存到草稿。部署之后才生效。"));
    let (outline, flash) = match outline(&bench, &draft).await {
        Ok(outline) => (Some(outline), saved),
        Err(words) => (None, Some(Flash::bad(words))),
    };
    let frame = Frame::new(&reader, flash);
    let tasks = outline.into_iter().flat_map(|outline| outline.tasks);
    let rows = tasks.take(LISTED).map(|task| Row {
        to: format!("/define/draft/{id}/tasks/{}", encoded(&task.id)),
        due: words(&task.due, &frame),
        task,
    });
    let page = ListPage {
        rows: rows.collect(),
        steps: Steps::of(&draft, "tasks"),
        frame,
    };
    answer(StatusCode::OK, &page)
}

/// The line of a task's entry in its text, from 1.
fn line_of(draft: &Draft, id: &str) -> usize {
    let text = draft.files.get("tasks.yaml").map_or("", String::as_str);
    let is = |line: &str| {
        let rest = line.trim_start().strip_prefix("- id:");
        rest.is_some_and(|rest| {
            let rest = rest.split(" #").next().unwrap_or_default();
            rest.trim().trim_matches(['"', '\'']) == id
        })
    };
    text.lines().position(is).map_or(1, |at| at + 1)
}

fn task_page(
    reader: &Reader,
    draft: &Draft,
    outline: &Outline,
    (task, filled): (&TaskForm, Filled),
    (flash, status): (Option<Flash>, StatusCode),
) -> Response {
    let (picks, more) = filled.picks(outline);
    let frame = Frame::new(reader, flash);
    let other = match &task.due {
        TaskDue::Other(words) => words.clone(),
        _ => String::new(),
    };
    let beyond = task.owners.iter().filter(|owner| !owner.beyond.is_empty());
    let page = TaskPage {
        steps: Steps::of(draft, "tasks"),
        version: draft.version,
        other,
        beyond: beyond
            .map(|owner| format!("{}:{}", owner.role.chinese(), owner.beyond))
            .collect(),
        line: line_of(draft, &task.id),
        most: [TEXT_CHARACTERS, TITLE_CHARACTERS, PHRASE_CHARACTERS],
        task: task.clone(),
        filled,
        picks,
        more,
        frame,
    };
    answer(status, &page)
}

/// The task that is meant; a page that says there is none.
#[expect(clippy::result_large_err, reason = "the answer is given at once")]
fn find<'o>(outline: &'o Outline, task: &str) -> Result<&'o TaskForm, Response> {
    let found = outline.tasks.iter().find(|there| there.id == task);
    found.ok_or_else(|| {
        let words = "草稿里没有这项任务。";
        crate::access::page::refused(StatusCode::NOT_FOUND, "没有找到", words)
    })
}

/// `GET /define/draft/{draft}/tasks/{task}`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path((id, task)): Path<(String, String)>,
    reader: Reader,
) -> Response {
    let (bench, draft) = match draft(&desk, &reader, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let Ok(outline) = outline(&bench, &draft).await else {
        return see(&format!("/define/draft/{id}/tasks"));
    };
    match find(&outline, &task) {
        Ok(task) => {
            let filled = Filled::of(task);
            task_page(
                &reader,
                &draft,
                &outline,
                (task, filled),
                (None, StatusCode::OK),
            )
        }
        Err(response) => response,
    }
}

/// `POST /define/draft/{draft}/tasks/{task}`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path((id, task)): Path<(String, String)>,
    reader: Reader,
    form: Form,
) -> Response {
    let (bench, draft) = match draft(&desk, &reader, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let outline = match outline(&bench, &draft).await {
        Ok(outline) => outline,
        Err(words) => return unkept(Unkept::Words(words)),
    };
    let was = match find(&outline, &task) {
        Ok(was) => was,
        Err(response) => return response,
    };
    let mut filled = Filled::read(&form);
    filled.fields.insert("id", was.id.clone());
    if form.get("act") == "find" {
        return task_page(
            &reader,
            &draft,
            &outline,
            (was, filled),
            (None, StatusCode::OK),
        );
    }
    let mut wanted = filled.task(&outline, Some(was), None);
    wanted
        .owners
        .extend(was.owners.iter().filter(|o| !o.beyond.is_empty()).cloned());
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let wrong = |mut filled: Filled, faults: Option<super::FieldFaults>| {
        filled.faults = faults.unwrap_or(filled.faults);
        let words = match filled.fault("all") {
            "" => format!(
                "没有保存:有{}处要改,见下面标红的地方。",
                filled.faults.len()
            ),
            words => format!("没有保存:{words}"),
        };
        let flash = (Some(Flash::bad(words)), unfit);
        task_page(&reader, &draft, &outline, (was, filled), flash)
    };
    if !filled.faults.is_empty() {
        return wrong(filled, None);
    }
    let files = draft.files.clone();
    let work = bench.work(move |workshop| workshop.with_task(&files, &wanted, WORK_WITHIN));
    let files = match work.await {
        Ok(Ok((_, files))) => files,
        Ok(Err(faults)) => return wrong(filled, Some(faults)),
        Err(words) => return wrong(filled, Some(vec![("all", words)])),
    };
    let version = form.get("version").parse().unwrap_or(0);
    let by = reader.signature();
    let kept = bench
        .drafts
        .change(&id, version, &by, now(&desk).0, |draft| {
            draft.edited = true;
            draft.files = files;
        });
    match kept {
        Ok(_) => see(&format!("/define/draft/{id}/tasks?saved=1")),
        Err(Unkept::Newer(newer)) => {
            let words = format!(
                "没有保存:这份草稿刚刚由{}改过。您填的都在;看过之后再保存,就以您填的为准。",
                newer.changed_by
            );
            let flash = (Some(Flash::bad(words)), StatusCode::CONFLICT);
            task_page(&reader, &newer, &outline, (was, filled), flash)
        }
        Err(other) => unkept(other),
    }
}
