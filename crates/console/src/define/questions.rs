//! `/define/draft/{draft}/questions`: the questions of an import, one by one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::desk::{put, read};
use super::draft::Draft;
use super::page::{Frame, Reader, Steps, draft, now, see, unkept};
use super::{Free, Question};
use crate::access::Form;
use crate::access::page::Flash;
use crate::page::answer;
use crate::serve::Desk;

/// The longest answer that is taken, in characters.
const ANSWER_CHARACTERS: usize = 500;

/// Which question is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// A question in the list beside the one that is shown.
struct Item {
    key: String,
    row: String,
    text: String,
    /// `open`, `done` or `later`.
    class: &'static str,
    word: &'static str,
    current: bool,
}

/// An answer to choose.
struct Choice {
    value: String,
    text: String,
    chosen: bool,
    taken: bool,
}

#[derive(Template)]
#[template(path = "define/questions.html")]
struct QuestionsPage {
    frame: Frame,
    steps: Steps,
    version: u64,
    /// Answers no longer rewrite the texts.
    edited: bool,
    items: Vec<Item>,
    place: usize,
    shown: Option<Question>,
    choices: Vec<Choice>,
    units: Vec<(String, String)>,
    /// What was answered freely.
    day: String,
    unit: String,
    year: String,
    done: usize,
    later: usize,
}

fn gather(viewer: &Reader, draft: &Draft, asked: &str, flash: Option<Flash>) -> Response {
    let reading = draft.reading.clone().unwrap_or_default();
    let is_open =
        |q: &Question| !draft.answers.contains_key(&q.key) && !draft.later.contains(&q.key);
    let place = reading
        .questions
        .iter()
        .position(|q| q.key == asked)
        .or_else(|| reading.questions.iter().position(is_open));
    let shown = place.map(|place| reading.questions[place].clone());
    let said = shown.as_ref().and_then(|q| draft.answers.get(&q.key));
    let said = said.map_or("", String::as_str);
    let choices = shown.iter().flat_map(|q| {
        q.alternatives.iter().map(|text| Choice {
            value: text.clone(),
            text: text.clone(),
            chosen: said == text,
            taken: *text == q.taken,
        })
    });
    let choices = choices.collect();
    let free = |prefix: &str| said.strip_prefix(prefix).unwrap_or_default().to_owned();
    let items = reading.questions.iter().enumerate().map(|(at, q)| {
        let (class, word) = if draft.answers.contains_key(&q.key) {
            ("done", "已答")
        } else if draft.later.contains(&q.key) {
            ("later", "以后再说")
        } else {
            ("open", "未答")
        };
        Item {
            key: q.key.clone(),
            row: q.row.clone(),
            text: q.text.clone(),
            class,
            word,
            current: place == Some(at),
        }
    });
    let page = QuestionsPage {
        items: items.collect(),
        steps: Steps::of(draft, "questions"),
        version: draft.version,
        edited: draft.edited,
        place: place.map_or(0, |place| place + 1),
        choices,
        day: free("day:"),
        unit: free("unit:"),
        year: free("year:"),
        shown,
        units: reading.units,
        done: draft.answers.len(),
        later: draft.later.len(),
        frame: Frame::new(viewer, flash),
    };
    answer(page.frame.status(), &page)
}

/// `GET /define/draft/{draft}/questions`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    viewer: Reader,
) -> Response {
    match draft(&desk, &viewer, &id) {
        Ok((_, draft)) => gather(&viewer, &draft, &asked.q, None),
        Err(response) => response,
    }
}

/// What a form answers; nothing if it chose nothing.
fn said(form: &Form, question: &Question) -> Option<String> {
    let chosen = form.get("answer");
    let said = match chosen {
        "" => return None,
        "free" => {
            let (prefix, value) = match question.free {
                Free::Nothing => return None,
                Free::Day => ("day:", form.get("day")),
                Free::Unit => ("unit:", form.get("unit")),
                Free::Year => ("year:", form.get("year")),
            };
            let value = value.trim();
            if value.is_empty() {
                return None;
            }
            format!("{prefix}{value}")
        }
        chosen => question.alternatives.iter().find(|a| *a == chosen)?.clone(),
    };
    (said.chars().count() <= ANSWER_CHARACTERS).then_some(said)
}

/// `POST /define/draft/{draft}/questions`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    form: Form,
) -> Response {
    let (bench, mut draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let key = form.get("key").to_owned();
    let questions = draft.reading.iter().flat_map(|r| &r.questions);
    let Some(question) = questions.into_iter().find(|q| q.key == key).cloned() else {
        let flash = Flash::bad("没有这个问题。");
        return gather(&viewer, &draft, "", Some(flash));
    };
    let version = form.get("version").parse().unwrap_or(0);
    if draft.edited {
        let flash = Flash::bad("文本已经手工改过,答复不会再改写文本。请直接在“修改”里改。");
        return gather(&viewer, &draft, &key, Some(flash));
    }
    match form.get("act") {
        "later" => {
            draft.answers.remove(&key);
            if !draft.later.contains(&key) {
                draft.later.push(key.clone());
            }
        }
        "undo" => {
            draft.answers.remove(&key);
            draft.later.retain(|k| *k != key);
        }
        _ => match said(&form, &question) {
            Some(said) => {
                draft.later.retain(|k| *k != key);
                draft.answers.insert(key.clone(), said);
            }
            None => {
                let flash = Flash::bad("请选择一个答复;选“都不是”时请填写后面的一格。");
                return gather(&viewer, &draft, &key, Some(flash));
            }
        },
    }
    let Some(document) = bench.drafts.document(&id) else {
        return gather(
            &viewer,
            &draft,
            &key,
            Some(Flash::bad("原来的文件不在了,请重新上传。")),
        );
    };
    match read(&bench, &draft, document, None).await {
        Ok(reading) => put(&mut draft, reading),
        Err(words) => return gather(&viewer, &draft, &key, Some(Flash::bad(words))),
    }
    let undone = form.get("act") == "undo";
    let kept = bench
        .drafts
        .change(&id, version, &viewer.signature(), now(&desk).0, |there| {
            *there = Draft {
                version: there.version,
                ..draft
            };
        });
    match kept {
        Ok(_) if undone => see(&format!("/define/draft/{id}/questions?q={key}")),
        Ok(_) => see(&format!("/define/draft/{id}/questions")),
        Err(fault) => unkept(fault),
    }
}
