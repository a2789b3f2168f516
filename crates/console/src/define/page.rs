//! `/define/draft/{draft}`: a draft at a glance, and what all pages of a draft have in common.

use std::ops::Deref;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use duban_model::{Timestamp, Zone};
use serde::Serialize;

use super::draft::{Draft, Unkept};
use super::told::List;
use super::{Checked, Defining, Files, LISTED, ReadRow, Severity};
use crate::access::page::{Flash, Me, refused};
use crate::access::{Form, Viewer};
use crate::answer::style;
use crate::asset::{DEFINE_SCRIPT_DIGEST, DEFINE_STYLE_DIGEST};
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;
use crate::tongue::{Asker, Tongue};

/// What the frame of these pages needs.
pub(super) struct Frame {
    pub style: String,
    pub own_style: String,
    pub script: String,
    pub me: Me,
    pub flash: Option<Flash>,
    pub tongue: Tongue,
    /// Where the same page is had in another language.
    pub switch: String,
}

/// Who is at a page of definitions, and in which language.
pub(super) struct Reader {
    viewer: Viewer,
    pub asker: Asker,
}

impl Deref for Reader {
    type Target = Viewer;

    fn deref(&self) -> &Viewer {
        &self.viewer
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = <Viewer as FromRequestParts<S>>::Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Reader, Self::Rejection> {
        let Ok(asker) = Asker::from_request_parts(parts, state).await;
        let viewer = Viewer::from_request_parts(parts, state).await?;
        Ok(Reader { viewer, asker })
    }
}

impl Frame {
    /// A text of the pages in the language asked for.
    pub fn say<'t>(&self, chinese: &'t str) -> &'t str {
        self.tongue.say(chinese)
    }

    pub fn new(viewer: &Reader, flash: Option<Flash>) -> Frame {
        Frame {
            tongue: viewer.asker.tongue,
            switch: viewer.asker.switch(),
            style: style(),
            own_style: format!("/static/define.css?v={DEFINE_STYLE_DIGEST:08x}"),
            script: format!("/static/define.js?v={DEFINE_SCRIPT_DIGEST:08x}"),
            me: Me::in_tongue(viewer, viewer.asker.tongue),
            flash,
        }
    }

    /// The status that goes with what is flashed.
    pub fn status(&self) -> StatusCode {
        match &self.flash {
            Some(flash) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::OK,
        }
    }
}

/// The steps of a draft, with the one that is shown.
pub(super) struct Steps {
    pub id: String,
    pub title: String,
    pub at: &'static str,
    pub open: usize,
    pub has_questions: bool,
    pub has_files: bool,
}

impl Steps {
    pub fn of(draft: &Draft, at: &'static str) -> Steps {
        Steps {
            id: draft.id.clone(),
            title: draft.title.clone(),
            at,
            open: open_questions(draft),
            has_questions: draft.reading.is_some(),
            has_files: !draft.files.is_empty(),
        }
    }
}

/// Questions that are neither answered nor left for later.
pub(super) fn open_questions(draft: &Draft) -> usize {
    let Some(reading) = &draft.reading else {
        return 0;
    };
    let open = |key: &String| !draft.answers.contains_key(key) && !draft.later.contains(key);
    reading.questions.iter().filter(|q| open(&q.key)).count()
}

/// 303 to an address of ours.
pub(super) fn see(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// Who works on definitions here; a page that says no if nobody does.
#[expect(clippy::result_large_err, reason = "the answer is given at once")]
pub(super) fn defining(desk: &Desk) -> Result<Defining, Response> {
    desk.state.defining.clone().ok_or_else(|| {
        refused(
            StatusCode::NOT_FOUND,
            "不能修改",
            "这个进程不办理台账的导入和修改。",
        )
    })
}

/// A draft that the viewer may see: of another office there is none.
#[expect(clippy::result_large_err, reason = "the answer is given at once")]
pub(super) fn draft(desk: &Desk, viewer: &Reader, id: &str) -> Result<(Defining, Draft), Response> {
    let defining = defining(desk)?;
    match defining.drafts.get(id).filter(|d| viewer.is_of(&d.tenant)) {
        Some(draft) => Ok((defining, draft)),
        None => Err(gone()),
    }
}

pub(super) fn gone() -> Response {
    refused(
        StatusCode::NOT_FOUND,
        "没有这份草稿",
        "这份草稿已被删除,或者属于另一个主管部门。",
    )
}

/// The wall clock, and the zone in which pages tell it.
pub(super) fn now(desk: &Desk) -> (Timestamp, Zone) {
    match &desk.state.access {
        Some(access) => (access.accounts.now(), access.accounts.zone()),
        None => (Timestamp::default(), Zone::SHANGHAI),
    }
}

/// What is wrong with a change that was not kept, on pages that need not say more.
pub(super) fn unkept(unkept: Unkept) -> Response {
    match unkept {
        Unkept::Gone => gone(),
        Unkept::Newer(there) => refused(
            StatusCode::CONFLICT,
            "别人已经改过",
            &format!(
                "这份草稿刚刚由{}改过,您的改动没有保存。请返回刷新,看过新的内容后再改一次。",
                there.changed_by
            ),
        ),
        Unkept::Words(words) => refused(StatusCode::UNPROCESSABLE_ENTITY, "没有保存", &words),
    }
}

/// Texts checked, off the threads that serve.
pub(super) async fn checked(defining: &Defining, files: Files) -> Result<Checked, String> {
    if files.is_empty() {
        return Ok(Checked::default());
    }
    defining.work(move |workshop| workshop.check(&files)).await
}

/// How many there are of each sort.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Sorts {
    pub errors: usize,
    pub warnings: usize,
    pub confirms: usize,
}

impl Sorts {
    /// Of a folder's texts.
    pub fn of(checked: &Checked) -> Sorts {
        let of = |s| {
            checked
                .diagnostics
                .iter()
                .filter(|d| d.severity == s)
                .count()
        };
        Sorts {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            confirms: of(Severity::Confirm),
        }
    }
}

#[derive(Template)]
#[template(path = "define/draft.html")]
struct DraftPage {
    frame: Frame,
    steps: Steps,
    origin: String,
    by: String,
    changed: String,
    version: u64,
    deployed: String,
    counts: String,
    rows: Vec<ReadRow>,
    aside: Vec<String>,
    told: List,
    sorts: Sorts,
    check: String,
}

/// `GET /define/draft/{draft}`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
) -> Response {
    match draft(&desk, &viewer, &id) {
        Ok((defining, draft)) => page(&desk, &viewer, &defining, draft).await,
        Err(response) => response,
    }
}

async fn page(desk: &Desk, viewer: &Reader, defining: &Defining, draft: Draft) -> Response {
    let tongue = viewer.asker.tongue;
    let (checked, flash) = match checked(defining, draft.files.clone()).await {
        Ok(checked) => (checked, None),
        Err(words) => (Checked::default(), Some(Flash::bad(words))),
    };
    let zone = now(desk).1;
    let at = |millis| minute(Timestamp(millis), zone);
    let reading = draft.reading.clone().unwrap_or_default();
    let page = DraftPage {
        frame: Frame::new(viewer, flash),
        steps: Steps::of(&draft, "draft"),
        origin: draft.origin.clone(),
        by: format!("{} {}", at(draft.made), draft.by),
        changed: format!("{} {}", at(draft.changed), draft.changed_by),
        version: draft.version,
        deployed: draft.deployed.clone(),
        counts: reading.counts,
        rows: reading.rows,
        aside: reading.aside.into_iter().take(LISTED).collect(),
        told: List::new(&draft.id, &checked, None, tongue),
        sorts: Sorts::of(&checked),
        check: checked.counts,
    };
    answer(page.frame.status(), &page)
}

/// `POST /define/draft/{draft}`: throws it away.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    form: Form,
) -> Response {
    let (defining, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    if form.get("act") != "drop" {
        return page(&desk, &viewer, &defining, draft).await;
    }
    if form.get("version") != draft.version.to_string() {
        return unkept(Unkept::Newer(Box::new(draft)));
    }
    defining.drafts.throw_away(&id);
    see("/define")
}
