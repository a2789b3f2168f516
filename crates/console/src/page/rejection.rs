//! `/rejections`: what was refused, and how to mend it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{Service, Zone};

use super::{Head, answer, chosen_ledger};
use crate::access::{Seen, Viewer};
use crate::projection::{REJECTIONS_KEPT, Rejection, minute};
use crate::serve::Desk;
use crate::tongue::Asker;

struct Line {
    at: String,
    service: &'static str,
    what: Rejection,
}

#[derive(Template)]
#[template(path = "rejections.html")]
struct Rejections {
    head: Head,
    kept: usize,
    lines: Vec<Line>,
}

/// `/rejections`
pub(crate) async fn rejections(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
) -> Response {
    let page = gather(&desk.look(&viewer).seen(), &asker);
    answer(StatusCode::OK, &page)
}

fn gather(projection: &Seen<'_>, asker: &Asker) -> Rejections {
    let ledger = chosen_ledger(projection, None);
    let zone = ledger.map_or(Zone::SHANGHAI, |l| l.zone);
    let tongue = asker.tongue;
    let lines = projection
        .rejections()
        .map(|what| Line {
            at: minute(what.at, zone),
            service: tongue.say(match what.service {
                Service::Intake => "受理时",
                Service::Rules => "按规则判断时",
                Service::Scheduler => "计时时",
                Service::Notifier => "发通知时",
            }),
            what: what.clone(),
        })
        .collect();
    Rejections {
        head: Head::new(projection, ledger, tongue.say("被拒收的事件"), asker),
        kept: REJECTIONS_KEPT,
        lines,
    }
}
