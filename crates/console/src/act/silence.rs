//! `/silences`: notices that are not sent for a while, by whose decision and why; and maintenance, in
//! which nothing is sent at all.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::silence::{MAX_MAINTENANCE_MILLIS, MAX_SILENCE_MILLIS, SilenceLifted, SilenceSet};
use duban_model::{Body, Timestamp, Zone};
use serde::Deserialize;

use super::single::unsent;
use super::{became, faulty, with_key};
use crate::access::page::Flash;
use crate::access::{self, Seen, Viewer, record, see_other};
use crate::answer::{Form, Refused, follow, nonce, short};
use crate::page::{Head, answer, chosen_ledger};
use crate::projection::minute;
use crate::serve::Desk;
use crate::tongue::Asker;

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// What the address says after `?`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    ledger: String,
    #[serde(default)]
    task: String,
    #[serde(default)]
    unit: String,
    #[serde(default)]
    r: Option<String>,
    #[serde(skip)]
    until: String,
    #[serde(skip)]
    reason: String,
}

/// A silence in force.
struct InForce {
    id: String,
    what: &'static str,
    scope: String,
    since: String,
    until: String,
    by: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "silences.html")]
struct SilencesPage {
    head: Head,
    flash: Option<Flash>,
    form_key: String,
    nonce: String,
    list: Vec<InForce>,
    /// Id, title, and whether it is chosen.
    ledgers: Vec<(String, String, bool)>,
    asked: Asked,
    today: String,
    longest: i64,
    longest_maintenance: i64,
}

/// `GET /silences`
pub(crate) async fn show(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    page(&desk, (&viewer, &asker), asked, None)
}

/// Whoever comes back from the sign-in without sending finds the list.
pub(crate) async fn back() -> Response {
    see_other("/silences")
}

/// The offices whose silences a viewer decides on.
fn tenants<'a>(seen: &Seen<'a>) -> Vec<&'a str> {
    let mut all: Vec<&str> = Vec::new();
    for ledger in seen.ledgers() {
        if !all.contains(&ledger.tenant.as_str()) {
            all.push(&ledger.tenant);
        }
    }
    all
}

fn page(
    desk: &Desk,
    (viewer, asker): (&Viewer, &Asker),
    asked: Asked,
    fault: Option<&str>,
) -> Response {
    let look = desk.look(viewer);
    let seen = look.seen();
    let ledger = chosen_ledger(&seen, Some(&asked.ledger));
    let zone = ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone);
    let mut list = Vec::new();
    for tenant in tenants(&seen) {
        for noted in seen.silences(tenant) {
            let set = &noted.set;
            let mut scope = Vec::new();
            if let Some(id) = &set.ledger {
                let title = seen.ledger(id).map_or(id.as_str(), |l| l.title.as_str());
                scope.push(title.to_owned());
            }
            scope.extend(set.task.as_ref().map(|task| format!("第{task}项")));
            let unit = set.unit.as_ref();
            scope.extend(unit.map(|unit| seen.units().short(tenant, unit).to_owned()));
            list.push(InForce {
                id: set.silence.clone(),
                what: if set.maintenance { "维护" } else { "静默" },
                scope: if set.maintenance {
                    "全部通知".to_owned()
                } else {
                    scope.join(" · ")
                },
                since: minute(noted.since, zone),
                until: minute(set.until, zone),
                by: set.by.clone(),
                reason: set.reason.clone(),
            });
        }
    }
    let ledgers = seen
        .ledgers()
        .map(|l| (l.id.clone(), l.title.clone(), l.id == asked.ledger))
        .collect();
    let page = SilencesPage {
        head: Head::new(&seen, ledger, "静默与维护", asker),
        flash: fault
            .map(faulty)
            .or_else(|| became(&seen, asked.r.as_deref())),
        form_key: viewer.form_key().to_owned(),
        nonce: nonce(),
        list,
        ledgers,
        today: seen
            .now()
            .map(|now| now.date_in(zone).to_string())
            .unwrap_or_default(),
        asked,
        longest: MAX_SILENCE_MILLIS / DAY_MILLIS,
        longest_maintenance: MAX_MAINTENANCE_MILLIS / DAY_MILLIS,
    };
    let status = match fault {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    answer(status, &page)
}

/// The office that a silence is of, and its zone: the ledger's, else the viewer's, else the only one.
fn office(seen: &Seen<'_>, viewer: &Viewer, ledger: &str) -> Option<(String, Zone)> {
    let of = if ledger.is_empty() {
        let tenants = tenants(seen);
        let tenant = match (viewer.tenant(), &tenants[..]) {
            ("", [one]) => one,
            ("", _) => return None,
            (own, _) => own,
        };
        seen.ledgers().find(|l| l.tenant == tenant)
    } else {
        seen.ledger(ledger)
    };
    of.map(|ledger| (ledger.tenant.clone(), ledger.zone))
}

/// `POST /silences`: one begins.
pub(crate) async fn set(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    sent: access::Form,
) -> Response {
    let get = |name: &str| sent.get(name).trim().to_owned();
    let asked = Asked {
        ledger: get("ledger"),
        task: get("task"),
        unit: get("unit"),
        r: None,
        until: get("until"),
        reason: get("reason"),
    };
    let maintenance = get("kind") == "maintenance";
    let mut form = Form::default();
    form.take("nonce", sent.get("nonce"));
    if !form.is_numbered() {
        return Refused::Unreadable.page();
    }
    let chosen = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        choose(&seen, &viewer, &asked, maintenance)
    };
    let (tenant, unit, until) = match chosen {
        Ok(chosen) => chosen,
        Err(fault) => return page(&desk, (&viewer, &asker), asked, Some(&fault)),
    };
    let some = |text: &String| Some(text.clone()).filter(|text| !text.is_empty() && !maintenance);
    let digits: String = form.nonce.chars().take(8).collect();
    let body = Body::SilenceSet(SilenceSet {
        silence: format!("s-{digits}"),
        ledger: some(&asked.ledger),
        task: some(&asked.task),
        unit: unit.filter(|_| !maintenance),
        maintenance,
        until,
        by: viewer.signature(),
        reason: asked.reason,
    });
    sent_on(&desk, &viewer, &form.nonce, &tenant, body).await
}

/// Office, unit and end of a silence as the form says them, or what is wrong with it.
fn choose(
    seen: &Seen<'_>,
    viewer: &Viewer,
    asked: &Asked,
    maintenance: bool,
) -> Result<(String, Option<String>, Timestamp), String> {
    short([&asked.reason, &asked.task, &asked.unit])?;
    if asked.reason.is_empty() {
        return Err("没有填写理由".to_owned());
    }
    if !maintenance
        && [&asked.ledger, &asked.task, &asked.unit]
            .iter()
            .all(|t| t.is_empty())
    {
        return Err("没有写明范围:请选择台账、任务或单位,至少一项".to_owned());
    }
    let Some((tenant, zone)) = office(seen, viewer, &asked.ledger) else {
        return Err("没有说明是哪个主管部门的:请选择台账".to_owned());
    };
    let day: NaiveDate = asked
        .until
        .parse()
        .map_err(|_| "没有选择到哪一天为止".to_owned())?;
    let after = day.succ_opt().ok_or("日期太远")?;
    if seen.now().is_some_and(|now| now.date_in(zone) > day) {
        return Err(format!("到期日{day}早于今天"));
    }
    let units = seen.units();
    let unit = if asked.unit.is_empty() {
        None
    } else if units.get(&tenant, &asked.unit).is_some() {
        Some(asked.unit.clone())
    } else {
        let mut known = units.all(&tenant);
        let by_name =
            known.find(|(id, name)| *name == asked.unit || units.short(&tenant, id) == asked.unit);
        let Some((id, _)) = by_name else {
            return Err(format!("没有名为“{}”的单位", asked.unit));
        };
        Some(id.to_owned())
    };
    Ok((tenant, unit, zone.midnight(after)))
}

/// `POST /silences/lift`: one ends sooner.
pub(crate) async fn lift(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    sent: access::Form,
) -> Response {
    let id = sent.get("silence").to_owned();
    let tenant = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let of = |tenant: &&str| seen.silences(tenant).any(|noted| noted.set.silence == id);
        tenants(&seen).into_iter().find(of).map(ToOwned::to_owned)
    };
    let Some(tenant) = tenant else {
        let fault = "这个静默已经结束,或者不存在";
        return page(&desk, (&viewer, &asker), Asked::default(), Some(fault));
    };
    let mut form = Form::default();
    form.take("nonce", sent.get("nonce"));
    if !form.is_numbered() {
        return Refused::Unreadable.page();
    }
    let body = Body::SilenceLifted(SilenceLifted {
        silence: id,
        by: viewer.signature(),
        reason: None,
    });
    sent_on(&desk, &viewer, &form.nonce, &tenant, body).await
}

async fn sent_on(desk: &Desk, viewer: &Viewer, nonce: &str, tenant: &str, body: Body) -> Response {
    match record(&desk.state, viewer, nonce, (tenant, None), body).await {
        Ok(key) => {
            follow(&desk.state, key).await;
            see_other(&with_key("/silences", key))
        }
        Err(why) => unsent(why),
    }
}
