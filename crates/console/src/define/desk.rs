//! `/define`: what there is to work on, and where a draft begins: from a document, from what is in
//! force, from what was.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::Timestamp;

use super::draft::{DOCUMENT_BYTES, Draft, FILE_BYTES, FORM_ROOM, Unkept};
use super::page::{Frame, Reader, defining, draft, now, open_questions, see, unkept};
use super::{Defining, Document, Files, Reading, WORK_WITHIN};
use crate::access::Form;
use crate::access::page::Flash;
use crate::answer::label;
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;

/// Names of documents that are taken.
const KINDS: [&str; 4] = ["docx", "xlsx", "csv", "txt"];

/// A draft in the list.
struct Row {
    id: String,
    title: String,
    origin: String,
    changed: String,
    open: usize,
    deployed: String,
}

#[derive(Template)]
#[template(path = "define/desk.html")]
struct DeskPage {
    frame: Frame,
    rows: Vec<Row>,
    /// Ledgers in force: id and title.
    ledgers: Vec<(String, String)>,
    most: usize,
}

fn page(desk: &Desk, viewer: &Reader, defining: &Defining, flash: Option<Flash>) -> Response {
    let zone = now(desk).1;
    let drafts = defining.drafts.list();
    let mine = drafts.iter().filter(|draft| viewer.is_of(&draft.tenant));
    let rows = mine.map(|draft| Row {
        id: draft.id.clone(),
        title: draft.title.clone(),
        origin: draft.origin.clone(),
        changed: format!(
            "{} {}",
            minute(Timestamp(draft.changed), zone),
            draft.changed_by
        ),
        open: open_questions(draft),
        deployed: draft.deployed.clone(),
    });
    let look = desk.look(viewer);
    let seen = look.seen();
    let ledgers = seen.ledgers().filter(|l| l.definition.is_some());
    let page = DeskPage {
        frame: Frame::new(viewer, flash),
        rows: rows.collect(),
        ledgers: ledgers.map(|l| (l.id.clone(), l.title.clone())).collect(),
        most: DOCUMENT_BYTES >> 20,
    };
    answer(page.frame.status(), &page)
}

/// `GET /define`
pub(super) async fn show(State(desk): State<Arc<Desk>>, viewer: Reader) -> Response {
    match defining(&desk) {
        Ok(defining) => page(&desk, &viewer, &defining, None),
        Err(response) => response,
    }
}

/// The office of who works, if only one comes into question; empty otherwise.
fn tenant(desk: &Desk, viewer: &Reader) -> String {
    if !viewer.tenant().is_empty() {
        return viewer.tenant().to_owned();
    }
    let look = desk.look(viewer);
    let last = look.seen().ledgers().next_back().map(|l| l.tenant.clone());
    last.unwrap_or_default()
}

/// A form with files: its texts by name, and its document.
#[derive(Default)]
pub(super) struct Parts {
    pub fields: BTreeMap<String, String>,
    pub document: Option<(String, Vec<u8>)>,
}

impl Parts {
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

/// Reads a form with files; what is wrong with it in words.
pub(super) async fn parts(request: Request) -> Result<Parts, String> {
    let unreadable = || "提交的内容不完整,请再提交一次。".to_owned();
    let too_large = || {
        format!(
            "文件超过{} MB。请删去图片和无关的工作表,或者分成几个文件。",
            DOCUMENT_BYTES >> 20
        )
    };
    let sizes = |status: StatusCode| match status {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => unreadable(),
    };
    let multipart = Multipart::from_request(request, &()).await;
    let mut multipart = multipart.map_err(|_| unreadable())?;
    let mut parts = Parts::default();
    loop {
        let next = multipart.next_field().await;
        let Some(mut field) = next.map_err(|fault| sizes(fault.status()))? else {
            return Ok(parts);
        };
        let name = field.name().unwrap_or_default().to_owned();
        let file = field.file_name().map(label);
        let most = if file.is_some() {
            DOCUMENT_BYTES
        } else {
            FILE_BYTES + FORM_ROOM
        };
        let mut bytes = Vec::new();
        while let Some(chunk) = field.chunk().await.map_err(|fault| sizes(fault.status()))? {
            if bytes.len() + chunk.len() > most {
                return Err(too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        match file {
            Some(file) if !bytes.is_empty() => parts.document = Some((file, bytes)),
            Some(_) => {}
            None => {
                let text = String::from_utf8(bytes).map_err(|_| unreadable())?;
                parts.fields.insert(name, text.replace("\r\n", "\n"));
            }
        }
    }
}

/// A document read with what was answered, off the threads that serve.
pub(super) async fn read(
    defining: &Defining,
    draft: &Draft,
    bytes: Vec<u8>,
    directory: Option<String>,
) -> Result<Reading, String> {
    let (name, of_units) = (draft.document.clone(), draft.of_units);
    let (tenant, answers) = (draft.tenant.clone(), draft.answers.clone());
    let work = defining.work(move |workshop| {
        workshop.read(&Document {
            name: &name,
            bytes: &bytes,
            of_units,
            tenant: &tenant,
            directory: directory.as_deref(),
            answers: &answers,
        })
    });
    work.await?
}

/// Texts that a reading adds to a draft: those of a list of units leave the ledger as it is.
pub(super) fn put(draft: &mut Draft, reading: Reading) {
    if let Some(files) = &reading.files {
        for (name, text) in files {
            draft.files.insert(name.clone(), text.clone());
        }
    }
    if !reading.title.is_empty() {
        draft.title.clone_from(&reading.title);
    }
    draft.reading = Some(Reading {
        files: None,
        ..reading
    });
}

/// `POST /define`: a draft begins from a document, or a draft gets one.
pub(super) async fn upload(
    State(desk): State<Arc<Desk>>,
    viewer: Reader,
    request: Request,
) -> Response {
    let bench = match defining(&desk) {
        Ok(bench) => bench,
        Err(response) => return response,
    };
    let no = |words: String| page(&desk, &viewer, &bench, Some(Flash::bad(words)));
    let parts = match parts(request).await {
        Ok(parts) => parts,
        Err(words) => return no(words),
    };
    let Some((name, bytes)) = parts.document.clone() else {
        return no("没有选择文件,或者文件是空的。".to_owned());
    };
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    if !KINDS.contains(&end.to_ascii_lowercase().as_str()) {
        return no(format!(
            "“{name}”的格式不受理。请上传 Word 文档(.docx)、Excel 工作簿(.xlsx)或 .csv、.txt 文件;旧格式(.doc、.xls、.wps)请先另存为新格式。"
        ));
    }
    let there = match parts.get("draft") {
        "" => None,
        id => match draft(&desk, &viewer, id) {
            Ok((_, draft)) => Some(draft),
            Err(response) => return response,
        },
    };
    let is_new = there.is_none();
    let at = now(&desk).0;
    let mut draft = there.unwrap_or_else(|| Draft {
        tenant: tenant(&desk, &viewer),
        by: viewer.signature(),
        changed_by: viewer.signature(),
        ..Draft::default()
    });
    let version = draft.version;
    draft.of_units = parts.get("kind") == "units";
    draft.document.clone_from(&name);
    (draft.answers, draft.later) = (BTreeMap::new(), Vec::new());
    draft.edited = false;
    draft.origin = format!("上传的文件 {name}");
    if is_new {
        draft.title.clone_from(&name);
        // A list of units changes the ledger that is there.
        if draft.of_units {
            draft.files = in_force(&desk, &viewer, &bench, &draft.tenant).await;
        }
    }
    let directory = draft.files.get("directory.yaml").cloned();
    let directory = directory.filter(|_| !is_new || draft.of_units);
    let reading = match read(&bench, &draft, bytes.clone(), directory).await {
        Ok(reading) => reading,
        Err(words) => return no(words),
    };
    put(&mut draft, reading);
    if draft.tenant.is_empty() {
        let checked = super::page::checked(&bench, draft.files.clone()).await;
        let first = checked.ok().and_then(|c| c.tenants.first().cloned());
        draft.tenant = first.unwrap_or_default();
    }
    let kept = if is_new {
        bench.drafts.add(draft, Some(&bytes), at)
    } else {
        let id = draft.id.clone();
        let with_document = bench
            .drafts
            .change(&id, version, &viewer.signature(), at, |d| {
                *d = Draft {
                    version: d.version,
                    ..draft
                };
            });
        with_document.and_then(|draft| {
            bench.drafts.attach(&draft.id, &bytes)?;
            Ok(draft.id)
        })
    };
    match kept {
        Ok(id) => see(&format!("/define/draft/{id}")),
        Err(Unkept::Words(words)) => no(words),
        Err(other) => unkept(other),
    }
}

/// The texts of the office's ledger that was adopted last; none without one.
async fn in_force(desk: &Desk, viewer: &Reader, bench: &Defining, tenant: &str) -> Files {
    let ledger = {
        let look = desk.look(viewer);
        let seen = look.seen();
        let of = |l: &&crate::projection::Ledger| l.definition.is_some() && l.tenant == tenant;
        seen.ledgers().rev().find(of).map(|l| l.id.clone())
    };
    let Some(ledger) = ledger else {
        return Files::new();
    };
    let work = bench.work(move |workshop| workshop.in_force(&ledger, WORK_WITHIN));
    work.await.and_then(|files| files).unwrap_or_default()
}

/// `POST /define/begin`: a draft begins from what is in force, or from what was.
pub(super) async fn begin(State(desk): State<Arc<Desk>>, viewer: Reader, form: Form) -> Response {
    let bench = match defining(&desk) {
        Ok(bench) => bench,
        Err(response) => return response,
    };
    let no = |words: String| page(&desk, &viewer, &bench, Some(Flash::bad(words)));
    let (ledger, version) = (
        form.get("ledger").to_owned(),
        form.get("version").to_owned(),
    );
    let (tenant, title) = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        match seen.ledger(&ledger) {
            Some(there) => (there.tenant.clone(), there.title.clone()),
            None => {
                drop(look);
                return no("没有这份台账。".to_owned());
            }
        }
    };
    let wanted = ledger.clone();
    let work = bench.work(move |workshop| workshop.in_force(&wanted, WORK_WITHIN));
    let mut files = match work.await.and_then(|files| files) {
        Ok(files) => files,
        Err(words) => return no(words),
    };
    let mut origin = "现行的台账".to_owned();
    if !version.is_empty() {
        let of = tenant.clone();
        let work = bench.work(move |workshop| workshop.versions(&of, WORK_WITHIN));
        let found = work.await.and_then(|versions| versions);
        let found = found.map(|list| list.into_iter().find(|v| v.id == version));
        match found {
            Ok(Some(found)) => {
                origin = format!("{}部署的{}", version_day(&desk, &found), found.what);
                files.extend(found.files);
            }
            Ok(None) => return no("没有这个版本。".to_owned()),
            Err(words) => return no(words),
        }
    }
    let draft = Draft {
        tenant,
        title,
        origin,
        by: viewer.signature(),
        changed_by: viewer.signature(),
        files,
        edited: true,
        ..Draft::default()
    };
    match bench.drafts.add(draft, None, now(&desk).0) {
        Ok(id) => see(&format!("/define/draft/{id}")),
        Err(Unkept::Words(words)) => no(words),
        Err(other) => unkept(other),
    }
}

fn version_day(desk: &Desk, version: &super::Version) -> String {
    let zone = now(desk).1;
    version.at.map(|at| minute(at, zone)).unwrap_or_default()
}
