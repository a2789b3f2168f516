//! `POST /api/v1/events`: facts from other systems into the inbox.
//!
//! At the door a request is taken whole or refused whole. What is taken is answered for once it is
//! durable in the inbox; whether it then becomes a fact is the intake's to decide, which knows what
//! came before, and what it refuses stands in `/api/v1/rejections`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use duban_journal::Log;
use duban_model::fact::{Publication, PublicationWithdrawn};
use duban_model::record::{EnvelopeFault, MAX_EVENT_BYTES, cut};
use duban_model::{Body, Envelope, RecordType};
use schemars::JsonSchema;
use serde::Serialize;

use super::asked::{JSON, acceptable};
use super::body::{no_query, read};
use super::mode::{Mode, events};
use super::problem::{Code, Fault, Problem};
use super::read::Answered;
use crate::access::Viewer;
use crate::inbox::{Unsent, put};
use crate::serve::Desk;

/// Events of one request, in events.
pub const BATCH_EVENTS: usize = 200;
/// The largest body of a request, in bytes: 4 MiB. One event has at most 512 KiB.
pub const BATCH_BYTES: usize = 4 << 20;
/// Requests with events that are taken in at the same time, in requests; others wait.
pub const POSTS_AT_ONCE: usize = 8;
/// How long the inbox may take for all events of a request.
pub const INBOX_WITHIN: Duration = Duration::from_secs(25);
/// Faults that are told of one request, in faults.
pub(super) const FAULTS: usize = 100;
/// Ids and sources: so many characters of printable ASCII, or so many of any kind. Either is within
/// the 200 bytes that an id may have.
const ID_CHARACTERS: (usize, usize) = (200, 50);

/// What is taken from outside through the API. Texts that put something into force are not: whoever
/// deploys looks at the plan first. Nor are the reports of our own sender, and the clock.
pub(super) fn is_taken(kind: RecordType) -> bool {
    use RecordType as T;
    matches!(
        kind,
        T::PublicationPublished
            | T::PublicationUpdated
            | T::PublicationWithdrawn
            | T::MatterReported
            | T::MatterWithdrawn
            | T::TaskAccepted
            | T::TaskProgressed
            | T::TaskSubmitted
            | T::TaskVerified
            | T::TaskReturned
            | T::TaskExtensionRequested
            | T::TaskExtensionApproved
            | T::TaskExtensionRefused
            | T::TaskDelegated
            | T::TaskDisowned
            | T::TaskStopped
            | T::TaskResumed
            | T::TaskRestarted
            | T::TaskWaived
            | T::TaskTriggered
            | T::NoticeRetryRequested
            | T::ContactPreferred
            | T::SilenceSet
            | T::SilenceLifted
    )
}

/// One event that is in the inbox.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Taken {
    /// Its place in the request, from 0.
    index: usize,
    /// As it was sent.
    source: String,
    /// As it was sent.
    id: String,
    /// Its place in the inbox.
    inbox: u64,
}

/// What was taken: all events of the request, durably.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Receipt {
    /// In the order of the request.
    taken: Vec<Taken>,
}

/// `POST /events`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    request: Request,
) -> Answered {
    let (parts, body) = request.into_parts();
    acceptable(&parts.headers, JSON)?;
    no_query(&parts.uri)?;
    let mode = Mode::of(&parts.headers)?;
    // Never closed.
    let _place = desk.gate.posts.acquire().await;
    let bytes = read(&parts.headers, body, BATCH_BYTES, too_large).await?;
    let events = events(mode, &parts.headers, &bytes)?;
    drop(bytes);
    let taken = door(&viewer, mode, &events)?;
    let log = desk.state.log.clone().ok_or_else(|| away(0, taken.len()))?;
    // Whoever hangs up meanwhile has sent the whole request all the same.
    let submitted = tokio::spawn(submit(log, taken)).await;
    let receipt = submitted.map_err(|fault| {
        tracing::error!(%fault, "events could not be taken in");
        away(0, events.len())
    })??;
    let text = serde_json::to_vec(&receipt).unwrap_or_default();
    let headers = [(axum::http::header::CONTENT_TYPE, JSON)];
    Ok((StatusCode::ACCEPTED, headers, text).into_response())
}

fn too_large(found: String) -> Problem {
    Problem::new(
        Code::TooLarge,
        found,
        format!(
            "at most {BATCH_BYTES} bytes and {BATCH_EVENTS} events a request, and {MAX_EVENT_BYTES} bytes an event"
        ),
        "Send several requests; send links to documents, not the documents.",
    )
}

/// The gravest first: the answer's status is that of the first sort of fault that was found.
const ORDER: [Code; 6] = [
    Code::TooLarge,
    Code::OtherTenant,
    Code::TypeNotTaken,
    Code::OtherUnit,
    Code::NoRight,
    Code::BadEvent,
];

/// Looks at every event; all are taken, or none.
fn door(viewer: &Viewer, mode: Mode, events: &[String]) -> Result<Vec<Envelope>, Problem> {
    if events.len() > BATCH_EVENTS {
        return Err(too_large(format!("{} events", events.len())));
    }
    let mut taken = Vec::with_capacity(events.len());
    let mut faults: Vec<(Code, Fault)> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let prefix = match mode {
            Mode::Batched => format!("/{index}"),
            Mode::Structured | Mode::Binary => String::new(),
        };
        match look(viewer, event).and_then(|event| sends(viewer, event)) {
            Ok(event) => taken.push(event),
            Err(refused) => {
                let (code, mut fault) = *refused;
                fault.pointer.insert_str(0, &prefix);
                faults.push((code, fault));
            }
        }
    }
    if !faults.is_empty() {
        return Err(refused(events.len(), faults));
    }
    twins(&taken, "")?;
    Ok(taken)
}

/// Reads events that nobody sends: what they are about is looked at as if they came in.
pub(super) fn supposed(
    viewer: &Viewer,
    place: &str,
    events: &[&str],
) -> Result<Vec<Envelope>, Problem> {
    let (mut read, mut faults) = (Vec::with_capacity(events.len()), Vec::new());
    for (index, event) in events.iter().enumerate() {
        match look(viewer, event) {
            Ok(event) => read.push(event),
            Err(refused) => {
                let (code, mut fault) = *refused;
                fault.pointer.insert_str(0, &format!("{place}/{index}"));
                faults.push((code, fault));
            }
        }
    }
    if !faults.is_empty() {
        return Err(refused(events.len(), faults));
    }
    twins(&read, place)?;
    Ok(read)
}

fn refused(of: usize, mut faults: Vec<(Code, Fault)>) -> Problem {
    let gravest = |code: &Code| ORDER.iter().position(|each| each == code);
    let code = faults
        .iter()
        .map(|(code, _)| *code)
        .min_by_key(gravest)
        .unwrap_or(Code::BadEvent);
    let found = match (of, faults.first()) {
        (1, Some((_, fault))) => fault.found.clone(),
        _ => format!("{} of {of} events that are not taken", faults.len()),
    };
    let (expected, remedy) = match (of, faults.first()) {
        (1, Some((_, fault))) => (fault.expected.clone(), fault.remedy.clone()),
        _ => (
            "events of which each is taken; none was".to_owned(),
            "See `errors`; mend or leave out those events and send the rest again.".to_owned(),
        ),
    };
    faults.truncate(FAULTS);
    let errors = faults.into_iter().map(|(_, fault)| fault).collect();
    Problem::new(code, found, expected, remedy).with(errors)
}

/// Two events of one request under the same source and id cannot both be meant.
fn twins(events: &[Envelope], place: &str) -> Result<(), Problem> {
    let mut seen: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let key = (&*event.tenant, &*event.source, &*event.id);
        let Some(first) = seen.insert(key, index) else {
            continue;
        };
        // The same again is harmless.
        if events[first] == *event {
            continue;
        }
        let fault = Fault {
            pointer: format!("{place}/{index}/id"),
            code: Code::SameId.as_str().to_owned(),
            found: format!("the source and id of the event at {place}/{first}, with other content"),
            expected: "an id of its own".to_owned(),
            remedy: "Give every event an id of its own.".to_owned(),
        };
        return Err(Problem::new(
            Code::SameId,
            format!("events {first} and {index} with one source and id and different content"),
            "an id of its own for each event",
            "Give every event an id of its own; none was taken.",
        )
        .with(vec![fault]));
    }
    Ok(())
}

/// Reads one event, and looks whether it may come from whom it comes.
fn look(viewer: &Viewer, event: &str) -> Result<Envelope, Box<(Code, Fault)>> {
    let event = Envelope::parse(event.as_bytes()).map_err(|fault| {
        let code = match fault.code {
            "too-large" => Code::TooLarge,
            _ => Code::BadEvent,
        };
        Box::new((code, told(*fault)))
    })?;
    for (name, text) in [("id", &event.id), ("source", &event.source)] {
        let characters = text.chars().count();
        let ascii = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let (of_ascii, of_any) = ID_CHARACTERS;
        if characters > if ascii { of_ascii } else { of_any } {
            let fault = Fault {
                pointer: format!("/{name}"),
                code: "bad-id".to_owned(),
                found: format!("{name} of {characters} characters"),
                expected: format!(
                    "at most {of_ascii} characters of printable ASCII, or {of_any} of any kind"
                ),
                remedy: "Shorten it; it must stay the same when the event is sent again."
                    .to_owned(),
            };
            return Err(Box::new((Code::BadEvent, fault)));
        }
    }
    let kind = event.kind.as_str();
    if !viewer.is_of(&event.tenant) {
        return refuse(
            Code::OtherTenant,
            "/tenant",
            format!("tenant `{}`", event.tenant),
            "the office that the token is of",
            "Correct the tenant, or use that office's token.",
        );
    }
    if !is_taken(event.kind) {
        return refuse(
            Code::TypeNotTaken,
            "/type",
            format!("type `{kind}`"),
            "a type that /api/v1/openapi.json lists",
            "Definitions, calendars and directories are put into force by POST /api/v1/plans and then /api/v1/deployments, or by `duban deploy`: both show first what changes.",
        );
    }
    let units = viewer.units();
    if !units.is_empty() && !unit_of(&event.body).is_some_and(|unit| units.contains(unit)) {
        return refuse(
            Code::OtherUnit,
            "/data/unit",
            format!("unit `{}`", cut(unit_of(&event.body).unwrap_or("none"), 60)),
            "a unit that the token is of",
            "Correct the unit, or use that unit's token.",
        );
    }
    Ok(event)
}

/// Whether it may be sent by whom it comes from.
fn sends(viewer: &Viewer, event: Envelope) -> Result<Envelope, Box<(Code, Fault)>> {
    let kind = event.kind.as_str();
    if !viewer.may_send(kind) {
        return refuse(
            Code::NoRight,
            "/type",
            format!("type `{kind}`"),
            "a type for which the token has a scope",
            "Ask an administrator for a token with the scope events:write:TYPE.",
        );
    }
    Ok(event)
}

fn refuse<T>(
    code: Code,
    pointer: &str,
    found: String,
    expected: &str,
    remedy: &str,
) -> Result<T, Box<(Code, Fault)>> {
    let fault = Fault {
        pointer: pointer.to_owned(),
        code: code.as_str().to_owned(),
        found,
        expected: expected.to_owned(),
        remedy: remedy.to_owned(),
    };
    Err(Box::new((code, fault)))
}

/// Whose event it is, if it is one unit's.
fn unit_of(body: &Body) -> Option<&str> {
    match body {
        Body::PublicationPublished(Publication { unit, .. })
        | Body::PublicationUpdated(Publication { unit, .. })
        | Body::PublicationWithdrawn(PublicationWithdrawn { unit, .. }) => Some(unit),
        Body::MatterReported(matter) => Some(&matter.unit),
        Body::MatterWithdrawn(matter) => Some(&matter.unit),
        Body::ContactPreferred(chosen) => Some(&chosen.unit),
        body => body.act()?.unit.as_deref(),
    }
}

/// A fault with the place that it is about, as far as the reader says it.
fn told(fault: EnvelopeFault) -> Fault {
    let named = |text: &str| {
        let name = text
            .split_once("field `")
            .and_then(|(_, rest)| rest.split_once('`'));
        name.map_or_else(String::new, |(name, _)| {
            format!("/{}", name.replace('~', "~0").replace('/', "~1"))
        })
    };
    let in_data = fault.found.starts_with("data of ");
    let pointer = match fault.code {
        "specversion" => "/specversion".to_owned(),
        "bad-id" if fault.found.starts_with("source") => "/source".to_owned(),
        "bad-id" => "/id".to_owned(),
        "content-type" => "/datacontenttype".to_owned(),
        "bad-tenant" => "/tenant".to_owned(),
        "bad-ledger" => "/ledger".to_owned(),
        "unknown-type" => "/type".to_owned(),
        "bad-time" => "/time".to_owned(),
        _ if in_data => format!("/data{}", named(&fault.found)),
        _ => named(&fault.found),
    };
    Fault {
        pointer,
        code: fault.code.to_owned(),
        found: fault.found,
        expected: fault.expected,
        remedy: fault.remedy,
    }
}

/// The inbox cannot be had.
fn away(stored: usize, of: usize) -> Problem {
    Problem::new(
        Code::Unavailable,
        format!("an inbox that does not answer; {stored} of {of} events are in it"),
        "an inbox that answers",
        "Send the whole request again after a while: what is there already is known by source and id.",
    )
    .again_after(Duration::from_secs(2))
}

/// Puts all events into the inbox, in their order; returns once they are durable.
async fn submit(log: Log, events: Vec<Envelope>) -> Result<Receipt, Problem> {
    let of = events.len();
    let mut taken = Vec::with_capacity(of);
    let all = async {
        for (index, event) in events.iter().enumerate() {
            let inbox = put(&log, event, "an event")
                .await
                .map_err(|why| match why {
                    Unsent::TooLarge { bytes, .. } => {
                        Some(too_large(format!("an event of {bytes} bytes")))
                    }
                    Unsent::Unavailable | Unsent::Unfit => None,
                })?;
            taken.push(Taken {
                index,
                source: event.source.clone(),
                id: event.id.clone(),
                inbox,
            });
        }
        Ok(())
    };
    match tokio::time::timeout(INBOX_WITHIN, all).await {
        Ok(Ok(())) => Ok(Receipt { taken }),
        Ok(Err(Some(problem))) => Err(problem),
        Ok(Err(None)) | Err(_) => Err(away(taken.len(), of)),
    }
}
