//! `/unit/{unit}`: what one unit owes, over all ledgers, by what is to be done next; its inbox; and
//! the view of its head.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::row::{DutyRow, NoticeRow};
use super::{Head, address, answer, chosen_ledger, not_found};
use crate::access::{Seen, Viewer};
use crate::act::{Side, sides};
use crate::answer::nonce;
use crate::light::{Counts, Light, Stage};
use crate::projection::{Duty, INBOX_KEPT};
use crate::serve::Desk;
use crate::tongue::Asker;

/// Duties named in one group, in duties; the table of the ledger has them all.
const DUTIES_SHOWN: usize = 200;
/// Closed duties named, in duties.
const CLOSED_SHOWN: usize = 50;

/// The query string.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    view: Option<String>,
}

/// What is to be done next with a duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Sign,
    Report,
    Wait,
    Begin,
    Closed,
}

impl Next {
    const ALL: [Next; 5] = [
        Next::Sign,
        Next::Report,
        Next::Wait,
        Next::Begin,
        Next::Closed,
    ];

    fn of(duty: &Duty) -> Next {
        match duty.stage {
            Stage::Open => Next::Sign,
            Stage::Accepted | Stage::Returned => Next::Report,
            Stage::Submitted => Next::Wait,
            Stage::Waiting => Next::Begin,
            Stage::Fulfilled | Stage::Waived | Stage::Lapsed | Stage::Withdrawn => Next::Closed,
        }
    }

    fn chinese(self) -> &'static str {
        match self {
            Next::Sign => "要签收",
            Next::Report => "要报送",
            Next::Wait => "等待核实",
            Next::Begin => "待启动",
            Next::Closed => "已完成",
        }
    }

    fn id(self) -> &'static str {
        match self {
            Next::Sign => "sign",
            Next::Report => "report",
            Next::Wait => "wait",
            Next::Begin => "begin",
            Next::Closed => "closed",
        }
    }
}

/// Duties of which the same is to be done next, or which a head looks at together.
struct Group {
    id: &'static str,
    name: &'static str,
    count: usize,
    duties: Vec<DutyRow>,
    /// Folded away until somebody asks.
    is_folded: bool,
    /// Where several of them are signed at once, if the viewer may.
    sign: Option<String>,
    /// The ids of those named.
    ids: Vec<String>,
}

/// What the unit owes in one ledger.
struct Part {
    title: String,
    counts: Counts,
    address: String,
}

#[derive(Template)]
#[template(path = "unit.html")]
struct UnitPage {
    head: Head,
    name: String,
    level: String,
    id: String,
    /// Whether this is the view of the unit's head.
    for_head: bool,
    many: bool,
    parts: Vec<Part>,
    groups: Vec<Group>,
    form_key: String,
    nonce: String,
    /// Where none is to be picked.
    none: Vec<String>,
    /// What its people were told, the newest first: their inbox.
    notices: Vec<NoticeRow>,
}

/// `/unit/{unit}`
pub(crate) async fn unit(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(unit): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let page = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        match gather(&projection, &unit, &asked, &asker) {
            Some(page) => page,
            None => return not_found(&projection, "没有这个单位。", &asker),
        }
    };
    answer(StatusCode::OK, &page)
}

/// Where the viewer signs several duties of a unit at once.
fn sign_at(projection: &Seen<'_>, tenant: Option<&str>, unit: &str) -> Option<String> {
    let viewer = projection.viewer()?;
    let sides = sides(viewer, tenant?, unit);
    let side = sides.into_iter().find(|side| *side != Side::Office)?;
    Some(format!(
        "/acts/{}/{}",
        side.as_str(),
        address::encoded(unit)
    ))
}

fn gather(projection: &Seen<'_>, unit: &str, asked: &Asked, asker: &Asker) -> Option<UnitPage> {
    let tongue = asker.tongue;
    let mut duties: Vec<&Duty> = projection.duties_of(unit).collect();
    let tenant = duties
        .first()
        .map(|duty| projection.ledger_of(duty).tenant.as_str());
    let known = tenant
        .and_then(|tenant| projection.units().get(tenant, unit))
        .or_else(|| projection.units().find(unit));
    if !projection.sees_unit(unit) || (duties.is_empty() && known.is_none()) {
        return None;
    }
    // The earliest date first; without one last.
    duties.sort_by_key(|duty| {
        let row = projection.ledger_of(duty).place_of(&duty.task);
        (duty.due.is_none(), duty.due, duty.ledger, row, &duty.id)
    });
    let mut parts: Vec<(u32, Counts)> = Vec::new();
    for duty in &duties {
        let at = match parts.binary_search_by_key(&duty.ledger, |(place, _)| *place) {
            Ok(at) => at,
            Err(at) => {
                parts.insert(at, (duty.ledger, Counts::default()));
                at
            }
        };
        parts[at].1.add(duty.light(), duty.done_late());
    }
    let for_head = asked.view.as_deref() == Some("head");
    let sign_at = sign_at(projection, tenant, unit);
    let row = |duty: &&&Duty| DutyRow::in_tongue(projection, duty, tongue);
    let group = |id, name: &'static str, most: usize, fits: &dyn Fn(&Duty) -> bool| {
        let of: Vec<&&Duty> = duties.iter().filter(|duty| fits(duty)).collect();
        Group {
            id,
            name: tongue.say(name),
            count: of.len(),
            duties: of.iter().take(most).map(row).collect(),
            is_folded: false,
            sign: sign_at
                .clone()
                .filter(|_| of.iter().all(|duty| duty.stage == Stage::Open)),
            ids: of
                .iter()
                .take(most)
                .map(|duty| duty.id.to_string())
                .collect(),
        }
    };
    let mut groups: Vec<Group> = if for_head {
        vec![
            group("red", "亮红灯的", DUTIES_SHOWN, &|duty| {
                duty.light() == Light::Red
            }),
            group("unsigned", "尚未签收的", DUTIES_SHOWN, &|duty| {
                duty.stage == Stage::Open && duty.light() != Light::Red
            }),
        ]
    } else {
        Next::ALL
            .into_iter()
            .map(|next| {
                let most = match next {
                    Next::Closed => CLOSED_SHOWN,
                    _ => DUTIES_SHOWN,
                };
                let mut group = group(next.id(), next.chinese(), most, &|duty| {
                    Next::of(duty) == next
                });
                group.is_folded = next == Next::Closed;
                group
            })
            .collect()
    };
    groups.retain(|group| group.count > 0);
    let name = known.map_or(unit, |known| &known.name);
    let ledger = parts
        .last()
        .and_then(|(place, _)| projection.ledger_at(*place))
        .or_else(|| chosen_ledger(projection, None));
    Some(UnitPage {
        head: Head::new(projection, ledger, name, asker),
        name: name.to_owned(),
        level: known.map_or_else(String::new, |known| known.level.clone()),
        id: unit.to_owned(),
        for_head,
        many: parts.len() > 1,
        parts: parts
            .iter()
            .filter_map(|(place, counts)| {
                let ledger = projection.ledger_at(*place)?;
                let table = address::of_ledger(&ledger.id);
                Some(Part {
                    title: ledger.title.clone(),
                    counts: *counts,
                    address: format!("{table}?view=duties&unit={}", address::encoded(unit)),
                })
            })
            .collect(),
        groups,
        form_key: projection
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        nonce: nonce(),
        none: Vec::new(),
        notices: projection
            .inbox(unit)
            .take(INBOX_KEPT)
            .map(|notice| NoticeRow::of(projection, notice, tongue))
            .collect(),
    })
}
