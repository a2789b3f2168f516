//! `/api`: how programs are connected, for whoever does it. In Chinese, and in English below.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::document::scope_of;
use super::event::{BATCH_BYTES, BATCH_EVENTS, is_taken};
use super::gate::{API_WINDOW, POSTS_PER_TOKEN, READS_PER_TOKEN};
use super::operations;
use super::page::MOST_PER_PAGE;
use super::problem::Code;
use super::simulation::{
    SIMULATION_DAYS, SIMULATION_LINES, SIMULATION_WITHIN, SIMULATIONS_AT_ONCE,
};
use crate::answer::style;
use crate::page::answer;
use duban_model::RecordType;
use duban_model::record::MAX_EVENT_BYTES;

/// One address.
struct Address {
    method: String,
    path: &'static str,
    scope: &'static str,
    chinese: &'static str,
    english: &'static str,
}

/// One code.
struct Meaning {
    status: u16,
    code: &'static str,
    chinese: &'static str,
    english: &'static str,
}

#[derive(Template)]
#[template(path = "api.html")]
struct Guide {
    style: String,
    addresses: Vec<Address>,
    codes: Vec<Meaning>,
    types: Vec<&'static str>,
    events: usize,
    megabytes: usize,
    kilobytes: usize,
    reads: u32,
    posts: u32,
    seconds: u64,
    most: usize,
    days: u64,
    lines: usize,
    within: u64,
    at_once: usize,
}

/// `GET /api`
pub(super) async fn show() -> Response {
    let addresses = operations().into_iter().map(|op| Address {
        method: op.method.to_string(),
        path: op.path,
        scope: scope_of(op.need),
        chinese: op.chinese,
        english: op.english,
    });
    let codes = Code::ALL.iter().map(|code| Meaning {
        status: code.status().as_u16(),
        code: code.as_str(),
        chinese: code.chinese(),
        english: code.english(),
    });
    let types = RecordType::ALL
        .iter()
        .copied()
        .filter(|kind| is_taken(*kind));
    let page = Guide {
        style: style(),
        addresses: addresses.collect(),
        codes: codes.collect(),
        types: types.map(RecordType::as_str).collect(),
        events: BATCH_EVENTS,
        megabytes: BATCH_BYTES >> 20,
        kilobytes: MAX_EVENT_BYTES >> 10,
        reads: READS_PER_TOKEN,
        posts: POSTS_PER_TOKEN,
        seconds: API_WINDOW.as_secs(),
        most: MOST_PER_PAGE,
        days: SIMULATION_DAYS,
        lines: SIMULATION_LINES,
        within: SIMULATION_WITHIN.as_secs(),
        at_once: SIMULATIONS_AT_ONCE,
    };
    answer(StatusCode::OK, &page)
}
