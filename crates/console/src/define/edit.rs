//! `/define/draft/{draft}/edit`: the texts of a draft, with what is wrong at the line. It works
//! without a script: saving checks. With one, texts are checked as one types.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::ETAG;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::desk::parts;
use super::draft::{Draft, Unkept, is_file};
use super::page::{Frame, Reader, Sorts, Steps, checked, draft, now, see, unkept};
use super::told::{List, words};
use super::version::{Line, lines};
use super::{Checked, Severity};
use crate::access::page::Flash;
use crate::page::answer;
use crate::serve::Desk;
use crate::tongue::Tongue;

/// Which file is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    file: String,
    #[serde(default)]
    saved: String,
}

/// One line's number, with the worst that is said of it.
struct Number {
    line: usize,
    class: &'static str,
    title: String,
}

/// A file to choose.
struct Tab {
    name: String,
    title: &'static str,
    current: bool,
    faults: usize,
}

#[derive(Template)]
#[template(path = "define/edit.html")]
struct EditPage {
    frame: Frame,
    steps: Steps,
    version: u64,
    tabs: Vec<Tab>,
    file: String,
    text: String,
    numbers: Vec<Number>,
    told: List,
    sorts: Sorts,
    counts: String,
    /// What somebody else changed meanwhile, if this text was not saved for it.
    newer: Option<Vec<Line>>,
    newer_by: String,
}

/// What people call a file.
pub(super) fn title(name: &str) -> &'static str {
    match name {
        "ledger.yaml" => "台账总则",
        "tasks.yaml" => "任务",
        "directory.yaml" => "单位名录",
        _ => "工作日历",
    }
}

fn numbers(text: &str, file: &str, checked: &Checked, tongue: Tongue) -> Vec<Number> {
    let mut worst: BTreeMap<u64, (Severity, String)> = BTreeMap::new();
    for told in checked.diagnostics.iter().filter(|d| d.file == file) {
        let at = worst.entry(told.line.max(1));
        let of = at.or_insert((told.severity, String::new()));
        of.0 = of.0.min(told.severity);
        if !of.1.is_empty() {
            of.1.push('\n');
        }
        of.1 += &told.heading(tongue);
    }
    let count = text.split('\n').count();
    (1..=count)
        .map(|number| {
            let of = worst.get(&(number as u64));
            Number {
                line: number,
                class: of.map_or("", |(severity, _)| words(*severity, tongue).0),
                title: of.map(|(_, title)| title.clone()).unwrap_or_default(),
            }
        })
        .collect()
}

struct Shown {
    file: String,
    /// A text that is not the draft's.
    text: Option<String>,
    newer: Option<Vec<Line>>,
}

async fn page(
    viewer: &Reader,
    draft: &Draft,
    bench: &super::Defining,
    shown: Shown,
    flash: Option<Flash>,
) -> Response {
    let tongue = viewer.asker.tongue;
    let first = ["tasks.yaml", "ledger.yaml", "directory.yaml"]
        .into_iter()
        .find(|name| draft.files.contains_key(*name));
    let file = if draft.files.contains_key(&shown.file) {
        shown.file.clone()
    } else {
        first.unwrap_or("ledger.yaml").to_owned()
    };
    let mut files = draft.files.clone();
    if let Some(text) = &shown.text {
        files.insert(file.clone(), text.clone());
    }
    let text = files.get(&file).cloned().unwrap_or_default();
    let (checked, flash) = match checked(bench, files).await {
        Ok(checked) => (checked, flash),
        Err(words) => (Checked::default(), Some(Flash::bad(words))),
    };
    let faults = |name: &str| {
        let of = checked.diagnostics.iter().filter(|d| d.file == name);
        of.filter(|d| d.severity == Severity::Error).count()
    };
    let order = ["tasks.yaml", "ledger.yaml", "directory.yaml"];
    let mut names: Vec<&String> = draft.files.keys().collect();
    names.sort_by_key(|name| order.iter().position(|o| o == name).unwrap_or(order.len()));
    let tabs = names.into_iter().map(|name| Tab {
        title: title(name),
        current: *name == file,
        faults: faults(name),
        name: name.clone(),
    });
    let status = match (&shown.newer, &flash) {
        (Some(_), _) => StatusCode::CONFLICT,
        (None, Some(flash)) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let page = EditPage {
        tabs: tabs.collect(),
        numbers: numbers(&text, &file, &checked, tongue),
        told: List::new(&draft.id, &checked, Some(&file), tongue),
        sorts: Sorts::of(&checked),
        counts: checked.counts.clone(),
        steps: Steps::of(draft, "edit"),
        version: draft.version,
        newer: shown.newer,
        newer_by: draft.changed_by.clone(),
        frame: Frame::new(viewer, flash),
        file,
        text,
    };
    let mut response = answer(status, &page);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", draft.version)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// `GET /define/draft/{draft}/edit`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    viewer: Reader,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let flash = (!asked.saved.is_empty()).then(|| Flash::good("已保存。下面是检查的结果。"));
    let shown = Shown {
        file: asked.file,
        text: None,
        newer: None,
    };
    page(&viewer, &draft, &bench, shown, flash).await
}

/// `POST /define/draft/{draft}/edit`: saves one text.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    request: Request,
) -> Response {
    let (bench, there) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let parts = match parts(request).await {
        Ok(parts) => parts,
        Err(words) => {
            let shown = Shown {
                file: String::new(),
                text: None,
                newer: None,
            };
            return page(&viewer, &there, &bench, shown, Some(Flash::bad(words))).await;
        }
    };
    let (file, text) = (parts.get("file").to_owned(), parts.get("text").to_owned());
    if !is_file(&file) || !there.files.contains_key(&file) {
        let shown = Shown {
            file: String::new(),
            text: None,
            newer: None,
        };
        let flash = Flash::bad("草稿里没有这个文件。");
        return page(&viewer, &there, &bench, shown, Some(flash)).await;
    }
    let version = parts.get("version").parse().unwrap_or(0);
    let kept = bench
        .drafts
        .change(&id, version, &viewer.signature(), now(&desk).0, |draft| {
            draft.edited |= draft.files.get(&file) != Some(&text);
            draft.files.insert(file.clone(), text.clone());
        });
    match kept {
        Ok(_) => see(&format!("/define/draft/{id}/edit?file={file}&saved=1")),
        Err(Unkept::Newer(newer)) => {
            let theirs = newer.files.get(&file).map_or("", String::as_str);
            let shown = Shown {
                newer: Some(lines(theirs, &text)),
                file,
                text: Some(text),
            };
            page(&viewer, &newer, &bench, shown, None).await
        }
        Err(Unkept::Words(words)) => {
            let shown = Shown {
                file,
                text: Some(text),
                newer: None,
            };
            page(&viewer, &there, &bench, shown, Some(Flash::bad(words))).await
        }
        Err(other) => unkept(other),
    }
}

/// What a line's number shows.
#[derive(Serialize)]
struct Mark {
    file: String,
    line: u64,
    severity: Severity,
    title: String,
}

/// What a script shows while one types.
#[derive(Serialize)]
struct Live {
    diagnostics: Vec<Mark>,
    /// The list as the page has it.
    told: String,
    sorts: Sorts,
    counts: String,
    /// Why nothing was checked; empty if it was.
    fault: String,
}

/// `POST /define/draft/{draft}/check`: checks a text that is not saved.
pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    request: Request,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let fault = |fault: String| {
        Json(Live {
            diagnostics: Vec::new(),
            told: String::new(),
            sorts: Sorts::default(),
            counts: String::new(),
            fault,
        })
        .into_response()
    };
    let parts = match parts(request).await {
        Ok(parts) => parts,
        Err(words) => return fault(words),
    };
    let (file, mut files) = (parts.get("file"), draft.files);
    if let Some(text) = files.get_mut(file) {
        parts.get("text").clone_into(text);
    }
    let checked = match checked(&bench, files).await {
        Ok(checked) => checked,
        Err(words) => return fault(words),
    };
    let tongue = viewer.asker.tongue;
    let told = List::new(&id, &checked, Some(file), tongue).render();
    let marks = checked.diagnostics.iter().take(super::LISTED);
    let marks = marks.map(|told| Mark {
        file: told.file.clone(),
        line: told.line,
        severity: told.severity,
        title: told.heading(tongue),
    });
    match told {
        Ok(told) => Json(Live {
            sorts: Sorts::of(&checked),
            diagnostics: marks.collect(),
            told,
            counts: checked.counts,
            fault: String::new(),
        })
        .into_response(),
        Err(failed) => fault(failed.to_string()),
    }
}
