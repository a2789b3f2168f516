//! `/access`: who signed in, who failed to, who changed users and tokens.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::trace::{TRACE_FILES, TRACE_LINES, Trace};
use super::super::viewer::Viewer;
use super::{Me, no_accounts};
use crate::answer::style;
use crate::page::answer;
use crate::serve::Desk;

#[derive(Template)]
#[template(path = "access/trace.html")]
struct TracePage {
    style: String,
    me: Me,
    lines: Vec<Trace>,
    most: usize,
    files: u32,
}

/// `GET /access`
pub(crate) async fn show(State(desk): State<Arc<Desk>>, viewer: Viewer) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let accounts = access.accounts.clone();
    let read = tokio::task::spawn_blocking(move || accounts.traces());
    let lines = match read.await {
        Ok(Ok(lines)) => lines,
        Ok(Err(fault)) => return no_accounts(&fault),
        Err(fault) => std::panic::resume_unwind(fault.into_panic()),
    };
    let page = TracePage {
        style: style(),
        me: Me::of(&viewer),
        lines,
        most: TRACE_LINES,
        files: TRACE_FILES,
    };
    answer(StatusCode::OK, &page)
}
