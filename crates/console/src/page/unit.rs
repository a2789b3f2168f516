//! `/unit/{unit}`: what one unit owes, over all ledgers.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::row::{DutyRow, NoticeRow};
use super::{Head, answer, chosen_ledger, not_found};
use crate::access::Viewer;
use crate::light::{Counts, Light};
use crate::serve::Desk;

/// Notices in a unit's inbox, in notices; older ones stand on the log (`duban notices`).
const NOTICES_SHOWN: usize = 200;

/// The unit's duties in one ledger.
struct Part<'a> {
    title: &'a str,
    counts: Counts,
    duties: Vec<DutyRow<'a>>,
}

#[derive(Template)]
#[template(path = "unit.html")]
struct UnitPage<'a> {
    head: Head<'a>,
    name: &'a str,
    level: &'a str,
    id: &'a str,
    parts: Vec<Part<'a>>,
    /// What its people were told, the newest first: their inbox.
    notices: Vec<NoticeRow<'a>>,
}

/// `/unit/{unit}`
pub(crate) async fn unit(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Path(unit): Path<String>,
) -> Response {
    let look = desk.look(&viewer);
    let projection = look.seen();
    let mut duties: Vec<_> = projection.duties_of(&unit).collect();
    let tenant = duties
        .first()
        .map(|duty| projection.ledger_of(duty).tenant.as_str());
    let known = tenant
        .and_then(|tenant| projection.units().get(tenant, &unit))
        .or_else(|| projection.units().find(&unit));
    if !projection.sees_unit(&unit) || (duties.is_empty() && known.is_none()) {
        return not_found(&projection, "没有这个单位。");
    }
    duties.sort_by_key(|duty| (duty.ledger, duty.light(), duty.due, &duty.id));
    let mut parts: Vec<(u32, Part<'_>)> = Vec::new();
    for duty in duties {
        if parts.last().is_none_or(|(place, _)| *place != duty.ledger) {
            let part = Part {
                title: &projection.ledger_of(duty).title,
                counts: Counts::default(),
                duties: Vec::new(),
            };
            parts.push((duty.ledger, part));
        }
        if let Some((_, part)) = parts.last_mut() {
            part.counts.add(duty.light(), duty.done_late());
            part.duties.push(DutyRow::of(&projection, duty));
        }
    }
    let notices = projection
        .notices()
        .filter(|notice| notice.told_unit() == unit)
        .take(NOTICES_SHOWN)
        .map(|notice| NoticeRow::of(&projection, notice))
        .collect();
    let name = known.map_or(unit.as_str(), |known| &known.name);
    let ledger = parts
        .last()
        .and_then(|(place, _)| projection.ledger_at(*place))
        .or_else(|| chosen_ledger(&projection, None));
    let page = UnitPage {
        head: Head::new(&projection, ledger, name),
        name,
        level: known.map_or("", |known| &known.level),
        id: &unit,
        parts: parts.into_iter().map(|(_, part)| part).collect(),
        notices,
    };
    answer(StatusCode::OK, &page)
}
