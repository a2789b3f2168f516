//! `/notices/preview` and `/define/draft/{draft}/preview`: how any notice reads and leaves, before
//! anybody gets one: by the texts in force, by a draft's, or by a text that is not even saved.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::Timestamp;
use duban_model::decision::NoticeKind;
use duban_model::definition::Role;
use duban_model::directory::Channel;
use serde::Deserialize;

use super::desk::parts;
use super::page::{Reader, checked, defining, draft};
use super::told::List;
use super::{Checked, Defining, Files, Severity};
use crate::access::page::Flash;
use crate::access::{Seen, Viewer};
use crate::light::kind_in_chinese;
use crate::page::{Head, answer, chosen_ledger, due_shown, missing};
use crate::projection::Duty;
use crate::serve::{Desk, ShowsMail};
use crate::tongue::Asker;

/// Duties offered beside a notice, in duties; any other is named by its id.
const OFFERED: usize = 200;
/// Faults of a text listed beside a preview, in faults.
const FAULTS: usize = 20;

/// What is to be shown.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What sort of notice; the first with words of the ledger's own if none is named.
    pub kind: Option<NoticeKind>,
    /// On which channel.
    pub channel: Channel,
    /// In English, whatever the ledger's language is.
    pub english: bool,
    /// About which task; the first if there is none of this id.
    pub task: String,
    /// About this duty, and not about a sample.
    pub duty: Option<WishedDuty>,
}

/// A duty that is there, as far as a notice speaks of it.
#[derive(Clone, Debug)]
pub struct WishedDuty {
    /// Its id.
    pub id: String,
    /// Its task.
    pub task: String,
    /// Who owes.
    pub unit: String,
    /// As what.
    pub role: Role,
    /// Its date, if it has one.
    pub due: Option<NaiveDate>,
    /// The instant, where its term is counted in hours.
    pub due_at: Option<Timestamp>,
    /// The date as people read it; empty without one.
    pub due_shown: String,
    /// What is missing.
    pub missing: Vec<String>,
    /// What it was opened for; empty for a row of the ledger.
    pub occasion: String,
}

/// A notice as it would read and leave.
#[derive(Clone, Debug)]
pub struct Previewed {
    /// The ledger's title.
    pub title: String,
    /// Sorts of notices, each with whether the ledger has words of its own for it.
    pub kinds: Vec<(NoticeKind, bool)>,
    /// Tasks: id and title.
    pub tasks: Vec<(String, String)>,
    /// The sort shown.
    pub kind: NoticeKind,
    /// What its text calls it.
    pub label: String,
    /// The ledger's own words, at least in part.
    pub own: bool,
    /// The task shown.
    pub task: String,
    /// The duty shown; nothing for a sample.
    pub duty: Option<String>,
    /// Who owes.
    pub unit: String,
    /// Who is told.
    pub contact: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// What a chat, short message or webhook sends; empty for mail.
    pub content: String,
    /// The HTML part of a mail.
    pub html: Option<String>,
    /// How large it is, in bytes as the service counts them.
    pub bytes: usize,
    /// The most it may have, in bytes; a mail has no limit here.
    pub limit: Option<usize>,
    /// It was too long, and says so.
    pub cut: bool,
}

impl Default for Previewed {
    fn default() -> Previewed {
        Previewed {
            title: String::new(),
            kinds: Vec::new(),
            tasks: Vec::new(),
            kind: NoticeKind::Reminder,
            label: String::new(),
            own: false,
            task: String::new(),
            duty: None,
            unit: String::new(),
            contact: String::new(),
            subject: String::new(),
            text: String::new(),
            content: String::new(),
            html: None,
            bytes: 0,
            limit: None,
            cut: false,
        }
    }
}

/// What the address or the form says.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    ledger: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    duty: String,
    #[serde(default)]
    language: String,
}

impl Asked {
    fn wish(&self, seen: &Seen<'_>) -> Wish {
        let channel = Channel::ALL
            .into_iter()
            .find(|c| c.as_str() == self.channel);
        let kind = NoticeKind::ALL.into_iter();
        Wish {
            kind: kind.into_iter().find(|k| k.as_str() == self.kind),
            channel: channel.unwrap_or(Channel::Mail),
            english: self.language == "en",
            task: self.task.clone(),
            duty: seen.duty(self.duty.trim()).map(|duty| of(seen, duty)),
        }
    }
}

fn of(seen: &Seen<'_>, duty: &Duty) -> WishedDuty {
    let ledger = seen.ledger_of(duty);
    WishedDuty {
        id: duty.id.to_string(),
        task: duty.task.to_string(),
        unit: duty.unit.to_string(),
        role: duty.role,
        due: duty.due,
        due_at: duty.due_at(),
        due_shown: due_shown(duty, ledger.zone).unwrap_or_default(),
        missing: missing(seen, ledger, duty),
        occasion: duty.occasion().unwrap_or_default().to_owned(),
    }
}

/// Whose texts are shown, and how the page comes to them again.
enum Texts {
    /// Those in force.
    InForce,
    /// A draft's.
    Draft { id: String, title: String },
    /// A draft's with one that is not saved.
    Unsaved {
        id: String,
        title: String,
        file: String,
        text: String,
    },
}

#[derive(Template)]
#[template(path = "preview.html")]
struct PreviewPage {
    head: Head,
    flash: Option<Flash>,
    form_key: String,
    texts: Texts,
    /// Ledgers in force: id, title, whether it is shown.
    ledgers: Vec<(String, String, bool)>,
    asked: Asked,
    channel: Channel,
    channels: [Channel; 8],
    /// Duties to choose from.
    duties: Vec<String>,
    /// No such duty is there or to be seen.
    lost: bool,
    shown: Option<Previewed>,
    faults: List,
}

impl PreviewPage {
    fn action(&self) -> String {
        match &self.texts {
            Texts::InForce => "/notices/preview".to_owned(),
            Texts::Draft { id, .. } | Texts::Unsaved { id, .. } => {
                format!("/define/draft/{id}/preview")
            }
        }
    }

    /// The draft: its id and title.
    fn draft(&self) -> Option<(&str, &str)> {
        match &self.texts {
            Texts::InForce => None,
            Texts::Draft { id, title } | Texts::Unsaved { id, title, .. } => Some((id, title)),
        }
    }

    /// The text that is not saved: file and text.
    fn unsaved(&self) -> Option<(&str, &str)> {
        match &self.texts {
            Texts::Unsaved { file, text, .. } => Some((file, text)),
            _ => None,
        }
    }

    fn kind_name(kind: NoticeKind) -> &'static str {
        kind_in_chinese(kind)
    }
}

async fn page(
    desk: &Desk,
    (viewer, asker): (&Viewer, &Asker),
    bench: &Defining,
    (texts, files): (Texts, Result<Files, String>),
    asked: Asked,
) -> Response {
    let wish = asked.wish(&desk.look(viewer).seen());
    let (channel, has_duty) = (wish.channel, wish.duty.is_some());
    let is_draft = !matches!(texts, Texts::InForce);
    let work = match files {
        Ok(files) => {
            let work = bench.work({
                let files = files.clone();
                move |workshop| workshop.preview(&files, &wish)
            });
            let found = work.await.and_then(|found| found);
            let checked = if is_draft {
                checked(bench, files).await.unwrap_or_default()
            } else {
                Checked::default()
            };
            found
                .map(|shown| (shown, checked.clone()))
                .map_err(|words| (words, checked))
        }
        Err(words) => Err((words, Checked::default())),
    };
    let (shown, mut checked, flash) = match work {
        Ok((shown, checked)) => (Some(shown), checked, None),
        Err((words, checked)) => (None, checked, Some(Flash::bad(words))),
    };
    checked
        .diagnostics
        .retain(|d| d.severity == Severity::Error);
    checked.diagnostics.truncate(FAULTS);
    let look = desk.look(viewer);
    let seen = look.seen();
    let ledger = chosen_ledger(&seen, Some(&asked.ledger));
    let task = shown.as_ref().map_or("", |shown| &*shown.task);
    let row = ledger.and_then(|ledger| seen.task(ledger, task));
    let places = row.into_iter().flat_map(|row| &row.duties).take(OFFERED);
    let duties = places.filter_map(|place| seen.duty_at(*place));
    let id = match &texts {
        Texts::InForce => "",
        Texts::Draft { id, .. } | Texts::Unsaved { id, .. } => id,
    };
    let page = PreviewPage {
        faults: List::new(id, &checked, None, asker.tongue),
        ledgers: seen
            .ledgers()
            .filter(|l| l.definition.is_some())
            .map(|l| {
                let chosen = ledger.is_some_and(|chosen| chosen.id == l.id);
                (l.id.clone(), l.title.clone(), chosen)
            })
            .collect(),
        duties: duties.map(|duty| duty.id.to_string()).collect(),
        head: Head::new(&seen, ledger, asker.tongue.say("预览通知"), asker),
        form_key: viewer.form_key().to_owned(),
        lost: !asked.duty.trim().is_empty() && !has_duty,
        channels: Channel::ALL,
        channel,
        flash,
        texts,
        asked,
        shown,
    };
    let status = match &page.flash {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let mut response = answer(status, &page);
    response.extensions_mut().insert(ShowsMail);
    response
}

/// `GET /notices/preview`
pub(super) async fn in_force(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(mut asked): Query<Asked>,
) -> Response {
    let bench = match defining(&desk) {
        Ok(bench) => bench,
        Err(response) => return response,
    };
    let found = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        // A duty names its ledger.
        let of_duty = seen.duty(asked.duty.trim());
        let of_duty = of_duty.map(|duty| seen.ledger_of(duty).id.clone());
        let wanted = of_duty.unwrap_or_else(|| asked.ledger.clone());
        let ledger = chosen_ledger(&seen, Some(&wanted));
        ledger.and_then(|l| Some((l.id.clone(), l.definition.clone()?)))
    };
    let files = match found {
        Some((ledger, hash)) => {
            asked.ledger.clone_from(&ledger);
            bench.force(&ledger, &hash).await
        }
        None => Err("还没有部署台账,没有可以预览的通知。".to_owned()),
    };
    let who = (&viewer, &asker);
    page(&desk, who, &bench, (Texts::InForce, files), asked).await
}

/// `GET /define/draft/{draft}/preview`
pub(super) async fn of_draft(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    Query(asked): Query<Asked>,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let texts = Texts::Draft {
        id,
        title: draft.title,
    };
    let who = (&*viewer, &viewer.asker);
    page(&desk, who, &bench, (texts, Ok(draft.files)), asked).await
}

/// `POST /define/draft/{draft}/preview`: with a text as it stands in the editor. Nothing is saved.
pub(super) async fn of_text(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    request: Request,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let who = (&*viewer, &viewer.asker);
    let (title, mut files) = (draft.title, draft.files);
    let parts = match parts(request).await {
        Ok(parts) => parts,
        Err(words) => {
            let texts = Texts::Draft { id, title };
            return page(&desk, who, &bench, (texts, Err(words)), Asked::default()).await;
        }
    };
    let get = |name: &str| parts.get(name).to_owned();
    let asked = Asked {
        ledger: get("ledger"),
        kind: get("kind"),
        channel: get("channel"),
        task: get("task"),
        duty: get("duty"),
        language: get("language"),
    };
    let (file, text) = (get("file"), get("text"));
    let texts = match files.get_mut(&file) {
        Some(there) if *there != text => {
            there.clone_from(&text);
            Texts::Unsaved {
                id,
                title,
                file,
                text,
            }
        }
        _ => Texts::Draft { id, title },
    };
    page(&desk, who, &bench, (texts, Ok(files)), asked).await
}
