//! `/rejections`: what was refused, and how to mend it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{Service, Zone};

use super::{Head, answer, chosen_ledger};
use crate::access::Viewer;
use crate::projection::{REJECTIONS_KEPT, Rejection, minute};
use crate::serve::Desk;

struct Line<'a> {
    at: String,
    service: &'static str,
    what: &'a Rejection,
    event_type: &'a str,
    event_source: &'a str,
    event_id: &'a str,
    excerpt: &'a str,
}

#[derive(Template)]
#[template(path = "rejections.html")]
struct Rejections<'a> {
    head: Head<'a>,
    kept: usize,
    lines: Vec<Line<'a>>,
}

/// `/rejections`
pub(crate) async fn rejections(State(desk): State<Arc<Desk>>, viewer: Viewer) -> Response {
    let look = desk.look(&viewer);
    let projection = look.seen();
    let ledger = chosen_ledger(&projection, None);
    let zone = ledger.map_or(Zone::SHANGHAI, |l| l.zone);
    let lines = projection
        .rejections()
        .map(|what| Line {
            at: minute(what.at, zone),
            service: match what.service {
                Service::Intake => "受理时",
                Service::Rules => "按规则判断时",
                Service::Scheduler => "计时时",
                Service::Notifier => "发通知时",
            },
            event_type: what.why.event_type.as_deref().unwrap_or(""),
            event_source: what.why.event_source.as_deref().unwrap_or(""),
            event_id: what.why.event_id.as_deref().unwrap_or(""),
            excerpt: what.why.excerpt.as_deref().unwrap_or(""),
            what,
        })
        .collect();
    let page = Rejections {
        head: Head::new(&projection, ledger, "被拒收的事件"),
        kept: REJECTIONS_KEPT,
        lines,
    };
    answer(StatusCode::OK, &page)
}
