//! Files: a ledger's duties as a table or as dates, and the dates of whoever has a secret address.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, HeaderValue};
use duban_model::Zone;

use super::asked::{Asked, Parted, Wanted, acceptable};
use super::problem::{Code, Problem};
use super::read::{Answered, Nothing, unread};
use crate::access::Viewer;
use crate::page::{address, entry, sheet};
use crate::serve::Desk;
use crate::sheet::{FileFormat, Sheet};
use crate::state::ConsoleState;
use crate::tongue::Tongue;

/// Dates in one calendar, in duties.
pub const FEED_DUTIES: usize = 5_000;

/// Writes a table, off the threads that serve.
async fn written(
    state: &ConsoleState,
    format: FileFormat,
    table: impl FnOnce(&ConsoleState) -> Option<Sheet> + Send + 'static,
) -> Result<Vec<u8>, Problem> {
    let exporter = state
        .export
        .clone()
        .ok_or_else(|| Problem::not_found("writer of files in this process"))?;
    // Never closed.
    let permit = Arc::clone(&state.writings).acquire_owned().await;
    let state = state.clone();
    let write = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        table(&state).map(|sheet| exporter.write(format, &sheet))
    });
    match write.await {
        Ok(Some(Ok(bytes))) => Ok(bytes),
        Ok(None) => Err(Problem::not_found("ledger")),
        Ok(Some(Err(why))) => Err(Problem::new(
            Code::Unavailable,
            why,
            "a table that the format holds",
            "Ask for csv, or for fewer duties by /api/v1/obligations.",
        )),
        Err(fault) => {
            tracing::error!(%fault, "a table could not be written into a file");
            Err(unread("the table"))
        }
    }
}

/// `GET /exports/ledgers/{file}`
pub(super) async fn ledger(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(file): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    let formats = FileFormat::ALL.into_iter();
    let mut endings = formats.filter_map(|format| {
        let id = file.strip_suffix(format.ending())?.strip_suffix('.')?;
        Some((format, id.to_owned()))
    });
    let (format, id) = endings
        .next()
        .ok_or_else(|| Problem::not_found("file of a ledger (xlsx, docx, csv, ics)"))?;
    let fresh = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        if seen.ledger(&id).is_none() {
            return Err(Problem::not_found("ledger"));
        }
        asked.fresh(seen.seq(), Some(&viewer), format.media_type())?
    };
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    let view = vec![("view".to_owned(), "duties".to_owned())];
    let bytes = written(&desk.state, format, move |state| {
        sheet(state, &viewer, &id, &view, Tongue::Chinese, format)
    })
    .await?;
    let mut response = fresh.bytes(format.media_type(), bytes);
    let name = format!("attachment; filename*=UTF-8''{}", address::encoded(&file));
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// `GET /calendar/{secret}`: the secret is a token with the scope `calendar`, and ends in `.ics`.
/// Calendars can send no headers, so the address itself is the authority; it gives nothing else.
pub(super) async fn feed(
    State(desk): State<Arc<Desk>>,
    Path(file): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Answered {
    let media = FileFormat::Ics.media_type();
    acceptable(&headers, "text/calendar")?;
    let nobody = || Problem::not_found("calendar, or one that has ended");
    let secret = file.strip_suffix(".ics").ok_or_else(nobody)?;
    let access = desk.state.access.as_ref().ok_or_else(nobody)?;
    let viewer = access
        .accounts
        .by_feed(secret, access.is_demo())
        .map_err(|_| Problem::no_accounts())?
        .ok_or_else(nobody)?;
    desk.gate.admit_feed(&viewer)?;
    let seq = desk.state.read().seq();
    let fresh = asked.fresh(seq, Some(&viewer), "text/calendar")?;
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    let bytes = written(&desk.state, FileFormat::Ics, move |state| {
        Some(dates(state, &viewer))
    })
    .await?;
    Ok(fresh.bytes(media, bytes))
}

/// The dates of the open duties that a feed is for, in the order in which they were opened.
fn dates(state: &ConsoleState, viewer: &Viewer) -> Sheet {
    let look = state.look(viewer);
    let seen = look.seen();
    let due = seen.duties_from(0, None).filter_map(|(_, duty)| {
        let ledger = seen.ledger_of(duty);
        entry(&seen, ledger, duty, Tongue::Chinese)
    });
    let entries: Vec<_> = due.take(FEED_DUTIES).collect();
    let zone = seen.ledgers().next().map_or(Zone::SHANGHAI, |l| l.zone);
    let now = seen.now().unwrap_or_default().utc();
    Sheet {
        title: format!("督办 {}", viewer.name()),
        caption: String::new(),
        name: "责任事项",
        as_of: now.with_timezone(&zone.0).fixed_offset(),
        columns: Vec::new(),
        rows: Vec::new(),
        entries,
    }
}
