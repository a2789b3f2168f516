//! `/`: a ledger at a glance.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use duban_model::silence::SilenceNoted;
use serde::Deserialize;

use super::glance::{Glance, horizon};
use super::heat::HeatMap;
use super::row::NoticeRow;
use super::{Head, address, answer, chosen_ledger, incident, not_found};
use crate::access::{Seen, Viewer};
use crate::ahead::Ahead;
use crate::light::Light;
use crate::projection::{Ledger, minute};
use crate::serve::Desk;
use crate::tongue::{Asker, Tongue};
use crate::watch::Missed;

/// The query string.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    ledger: Option<String>,
    /// Filters of former releases; the table has them now.
    #[serde(default)]
    light: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    q: Option<String>,
    /// Which part of a large heat map.
    #[serde(default)]
    units: Option<String>,
    #[serde(default)]
    rows: Option<String>,
}

/// What is shown of a ledger.
struct Shown {
    title: String,
    glance: Glance,
    heat: HeatMap,
    /// Where the parts of the heat map before and after this one are.
    parts: Vec<(&'static str, String)>,
    notices: Vec<NoticeRow>,
    /// How many incidents somebody has to look after.
    incidents: Option<String>,
    /// What is not sent at present, in a sentence each: nobody is to take silence for calm.
    silences: Vec<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    head: Head,
    shown: Option<Shown>,
}

/// `/`
pub(crate) async fn overview(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    let watched = incident::watched(&desk);
    let page = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        if let Some(id) = asked.ledger.as_deref()
            && projection.ledger(id).is_none()
        {
            return not_found(&projection, "没有这个台账。", &asker);
        }
        let ledger = chosen_ledger(&projection, asked.ledger.as_deref());
        if let Some(moved) = ledger.and_then(|ledger| moved(ledger, &asked)) {
            return Redirect::to(&moved).into_response();
        }
        gather(
            &projection,
            ledger,
            &asked,
            &asker,
            (desk.state.ahead.as_ref(), &watched),
        )
    };
    answer(StatusCode::OK, &page)
}

/// Where the filters of an address of former releases are now.
fn moved(ledger: &Ledger, asked: &Asked) -> Option<String> {
    let filters: Vec<String> = [
        ("light", &asked.light),
        ("unit", &asked.unit),
        ("q", &asked.q),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    .filter(|(_, value)| !value.is_empty())
    .map(|(name, value)| format!("{name}={}", address::encoded(value)))
    .collect();
    let table = address::of_ledger(&ledger.id);
    (!filters.is_empty()).then(|| format!("{table}?{}", filters.join("&")))
}

fn gather(
    projection: &Seen<'_>,
    ledger: Option<&Ledger>,
    asked: &Asked,
    asker: &Asker,
    (ahead, watched): (Option<&Ahead>, &[Missed]),
) -> Overview {
    let tongue = asker.tongue;
    Overview {
        head: Head::new(projection, ledger, tongue.say("概览"), asker),
        shown: ledger.map(|ledger| {
            // What is expected is expected of all units together.
            let ahead = ahead.filter(|_| projection.sees_all_of(&ledger.tenant));
            let today = projection.now().unwrap_or_default().date_in(ledger.zone);
            let foreseen =
                ahead.and_then(|ahead| ahead.look(&ledger.id, projection.seq(), horizon(today)));
            let page = |asked: &Option<String>| {
                let page = asked.as_deref().and_then(|page| page.parse().ok());
                page.unwrap_or(1)
            };
            let part = (page(&asked.units), page(&asked.rows));
            let heat = HeatMap::of(projection, ledger, part, tongue);
            Shown {
                title: ledger.title.clone(),
                glance: Glance::of(
                    projection,
                    ledger,
                    today,
                    (ahead.is_some(), foreseen.as_deref()),
                    tongue,
                ),
                parts: parts(ledger, &heat),
                heat,
                notices: projection
                    .agenda(ledger)
                    .notices()
                    .filter_map(|place| projection.notice_at(place))
                    .map(|notice| NoticeRow::of(projection, notice, tongue))
                    .collect(),
                incidents: incident::open(projection, watched)
                    .filter(|(count, _)| *count > 0)
                    .map(|(count, more)| format!("{count}{}", if more { "+" } else { "" })),
                silences: projection
                    .silences(&ledger.tenant)
                    .filter(|noted| {
                        let of = noted.set.ledger.as_deref();
                        of.is_none_or(|of| of == ledger.id)
                    })
                    .map(|noted| silence(projection, ledger, noted, tongue))
                    .collect(),
            }
        }),
    }
}

/// The parts of a heat map around the one shown.
fn parts(ledger: &Ledger, heat: &HeatMap) -> Vec<(&'static str, String)> {
    let (units, rows) = (&heat.units, &heat.rows);
    let home = address::of_home(&ledger.id);
    let there = |units: usize, rows: usize| format!("{home}&units={units}&rows={rows}#heat");
    let mut parts = Vec::new();
    if units.page > 1 {
        parts.push(("← 前面的单位", there(units.page - 1, rows.page)));
    }
    if units.page < units.pages {
        parts.push(("后面的单位 →", there(units.page + 1, rows.page)));
    }
    if rows.page > 1 {
        parts.push(("↑ 前面的任务", there(units.page, rows.page - 1)));
    }
    if rows.page < rows.pages {
        parts.push(("后面的任务 ↓", there(units.page, rows.page + 1)));
    }
    parts
}

/// A silence or maintenance in one sentence.
fn silence(projection: &Seen<'_>, ledger: &Ledger, noted: &SilenceNoted, tongue: Tongue) -> String {
    let set = &noted.set;
    let until = minute(set.until, ledger.zone);
    if set.maintenance {
        let (by, reason) = (&set.by, &set.reason);
        return tongue.pick(
            format!("系统维护中,至{until}不发任何通知,结束后合并补发({by}:{reason})"),
            format!(
                "Maintenance: no notice leaves until {until}; after it they leave together ({by}: {reason})"
            ),
        );
    }
    let unit = set.unit.as_ref();
    let unit = unit.map(|unit| projection.units().short(&ledger.tenant, unit).to_owned());
    let task = set
        .task
        .as_ref()
        .map(|task| tongue.pick(format!("第{task}项"), format!("task {task}")));
    let scope: Vec<String> = unit.into_iter().chain(task).collect();
    let scope = if scope.is_empty() {
        tongue.pick("本台账", "this ledger").to_owned()
    } else {
        scope.join(tongue.pick("", ", "))
    };
    let (by, reason) = (&set.by, &set.reason);
    tongue.pick(
        format!("静默中:{scope}的通知至{until}不发({by}:{reason})"),
        format!("Silenced: no notices of {scope} until {until} ({by}: {reason})"),
    )
}
