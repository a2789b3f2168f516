//! What stands before and behind the guard of every address of the API: how often somebody may ask,
//! how much a head may hold, and how long an answer may take.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::event::POSTS_AT_ONCE;
use super::problem::{Code, Problem};
use super::simulation::Simulating;
use crate::access::{Via, Viewer};
use crate::answer::address;
use crate::serve::Desk;
use crate::spans::Spans;

/// Requests are counted over this span.
pub const API_WINDOW: Duration = Duration::from_mins(1);
/// Questions of one token or user within the span, in requests.
pub const READS_PER_TOKEN: u32 = 6_000;
/// Requests with events of one token within the span, in requests; each may bring a batch.
pub const POSTS_PER_TOKEN: u32 = 6_000;
/// Questions from one address within the span, in requests, whatever tokens they bear.
pub const READS_PER_ADDRESS: u32 = 12_000;
/// Requests with events from one address within the span, in requests.
pub const POSTS_PER_ADDRESS: u32 = 12_000;
/// Questions by one secret address of a calendar within the span, in requests.
pub const FEEDS_PER_SECRET: u32 = 30;
/// Bodies with cases or texts of a definition that are read at the same time, in requests.
pub const BODIES_AT_ONCE: usize = 4;
/// Such a body waits so long for those before it.
pub const BODY_TURN: Duration = Duration::from_secs(5);
/// Headers of one request, in headers.
pub const HEADERS: usize = 64;
/// Names and values of all headers of one request, in bytes.
pub const HEADERS_BYTES: usize = 16 * 1_024;
/// How long an answer may take, in all; what the body and the inbox may take is within.
pub const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Whose requests are counted; and whether they bring events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Viewer(String),
    Address(Option<IpAddr>),
}

/// What is counted of all requests to the API.
pub(crate) struct Gate {
    spans: Spans<(Who, bool)>,
    pub(super) posts: Semaphore,
    bodies: Semaphore,
    pub(super) simulating: Simulating,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            spans: Spans::default(),
            posts: Semaphore::new(POSTS_AT_ONCE),
            bodies: Semaphore::new(BODIES_AT_ONCE),
            simulating: Simulating::default(),
        }
    }
}

impl Gate {
    fn admit(&self, who: Who, most: u32, events: bool) -> Result<(), Problem> {
        let counted = self.spans.count((who, events), most, API_WINDOW);
        counted.map_err(|wait| {
            Problem::new(
                Code::TooMany,
                format!("more than {most} requests in {} seconds", API_WINDOW.as_secs()),
                "fewer requests",
                "Wait for so many seconds as Retry-After says; put several events into one batch; ask with If-None-Match.",
            )
            .again_after(wait)
        })
    }
}

impl Gate {
    /// Room for a body of some megabytes.
    pub(super) async fn reading(&self) -> Result<SemaphorePermit<'_>, Problem> {
        match tokio::time::timeout(BODY_TURN, self.bodies.acquire()).await {
            // Never closed.
            Ok(Ok(place)) => Ok(place),
            _ => Err(Problem::new(
                Code::Unavailable,
                format!("{BODIES_AT_ONCE} bodies of others that are being read"),
                "room for another one",
                "Ask again after a while.",
            )
            .again_after(BODY_TURN)),
        }
    }

    /// Counts a question by a secret address.
    pub(super) fn admit_feed(&self, viewer: &Viewer) -> Result<(), Problem> {
        self.admit(who(viewer), FEEDS_PER_SECRET, false)
    }
}

/// By what a token or user is told from others.
pub(super) fn whose(viewer: &Viewer) -> String {
    match viewer.via() {
        Via::Token { id, .. } => id.clone(),
        Via::Session { .. } => viewer.name().to_owned(),
    }
}

fn who(viewer: &Viewer) -> Who {
    Who::Viewer(whose(viewer))
}

fn brings_events(request: &Request) -> bool {
    request.method() == Method::POST
}

/// Before the guard: nothing is known of whom yet but the address.
pub(crate) async fn front(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let events = brings_events(&request);
    let from = address(request.extensions(), request.headers());
    let most = if events {
        POSTS_PER_ADDRESS
    } else {
        READS_PER_ADDRESS
    };
    if let Err(problem) = desk.gate.admit(Who::Address(from), most, events) {
        return problem.into_response();
    }
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if headers.len() > HEADERS || bytes > HEADERS_BYTES {
        return Problem::new(
            Code::BadHeader,
            format!("{} headers of {bytes} bytes", headers.len()),
            format!("at most {HEADERS} headers of {HEADERS_BYTES} bytes"),
            "Leave out what the API does not read.",
        )
        .into_response();
    }
    let twice = [header::AUTHORIZATION, header::CONTENT_TYPE, header::HOST]
        .into_iter()
        .find(|name| headers.get_all(name).iter().count() > 1);
    if let Some(name) = twice {
        return Problem::new(
            Code::BadHeader,
            format!("the header {name} more than once"),
            "it once",
            "Leave out one.",
        )
        .into_response();
    }
    match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(
            Code::Unavailable,
            format!("no answer within {} seconds", ANSWER_WITHIN.as_secs()),
            "one",
            "Ask again after a while.",
        )
        .again_after(Duration::from_secs(10))
        .into_response(),
    }
}

/// Behind the guard: it is known who asks.
pub(crate) async fn within(
    State(desk): State<Arc<Desk>>,
    request: Request,
    next: Next,
) -> Response {
    let events = brings_events(&request);
    let most = if events {
        POSTS_PER_TOKEN
    } else {
        READS_PER_TOKEN
    };
    if let Some(viewer) = request.extensions().get::<Viewer>()
        && let Err(problem) = desk.gate.admit(who(viewer), most, events)
    {
        return problem.into_response();
    }
    next.run(request).await
}
