//! One act about one duty, and the trigger of a whole waiting task.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::Body;
use duban_model::fact::TaskAct;

use super::deed::{Deed, Side};
use super::offered::sides;
use super::with_key;
use crate::access::page::{refused, without_right};
use crate::access::{self, Viewer, record, see_other};
use crate::answer::{Form, Refused, follow, read};
use crate::inbox::Unsent;
use crate::page::{self, address, not_found};
use crate::projection::Duty;
use crate::serve::Desk;
use crate::tongue::Asker;

/// `POST /act/unit/{obligation}`: for the unit.
pub(crate) async fn for_unit(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(obligation): Path<String>,
    sent: access::Form,
    request: Request,
) -> Response {
    take(
        &desk,
        (&viewer, &asker),
        Side::Unit,
        &obligation,
        sent,
        request,
    )
    .await
}

/// `POST /act/sign/{obligation}`: as the unit's head.
pub(crate) async fn for_head(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(obligation): Path<String>,
    sent: access::Form,
    request: Request,
) -> Response {
    take(
        &desk,
        (&viewer, &asker),
        Side::Head,
        &obligation,
        sent,
        request,
    )
    .await
}

/// `POST /act/office/{obligation}`: for the office.
pub(crate) async fn for_office(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(obligation): Path<String>,
    sent: access::Form,
    request: Request,
) -> Response {
    take(
        &desk,
        (&viewer, &asker),
        Side::Office,
        &obligation,
        sent,
        request,
    )
    .await
}

/// Whoever comes back from the sign-in without sending finds the duty.
pub(crate) async fn back(Path(obligation): Path<String>) -> Response {
    see_other(&address::of_obligation(&obligation))
}

/// The same for a task.
pub(crate) async fn back_to_task(Path((ledger, task)): Path<(String, String)>) -> Response {
    see_other(&address::of_task(&ledger, &task))
}

/// What was filled in: fields that the guard has read already, or a form with files.
pub(super) async fn form_of(
    desk: &Desk,
    sent: access::Form,
    request: Request,
) -> Result<Form, Response> {
    let form = if sent.is_empty() {
        // Never closed.
        let _place = desk.state.takings.acquire().await;
        let folder = desk.state.evidence.as_deref();
        read(folder, request)
            .await
            .map_err(|refused| refused.page())?
    } else {
        let mut form = Form::default();
        for (name, value) in &sent.0 {
            form.take(name, value);
        }
        form
    };
    if form.is_numbered() {
        Ok(form)
    } else {
        Err(Refused::Unreadable.page())
    }
}

/// What a viewer hears of whom the inbox did not hear.
pub(super) fn unsent(why: Unsent) -> Response {
    match why {
        Unsent::Unavailable => Refused::Unavailable.page(),
        Unsent::TooLarge { .. } | Unsent::Unfit => Refused::Unreadable.page(),
    }
}

/// An act with its signature.
pub(super) fn signed(viewer: &Viewer, body: Body) -> Body {
    let sign = |act: TaskAct| viewer.signed(act);
    match body {
        Body::TaskAccepted(act) => Body::TaskAccepted(sign(act)),
        Body::TaskProgressed(act) => Body::TaskProgressed(sign(act)),
        Body::TaskSubmitted(act) => Body::TaskSubmitted(sign(act)),
        Body::TaskVerified(act) => Body::TaskVerified(sign(act)),
        Body::TaskReturned(act) => Body::TaskReturned(sign(act)),
        Body::TaskExtensionRequested(act) => Body::TaskExtensionRequested(sign(act)),
        Body::TaskExtensionApproved(act) => Body::TaskExtensionApproved(sign(act)),
        Body::TaskExtensionRefused(act) => Body::TaskExtensionRefused(sign(act)),
        Body::TaskDelegated(act) => Body::TaskDelegated(sign(act)),
        Body::TaskDisowned(act) => Body::TaskDisowned(sign(act)),
        Body::TaskStopped(act) => Body::TaskStopped(sign(act)),
        Body::TaskResumed(act) => Body::TaskResumed(sign(act)),
        Body::TaskRestarted(act) => Body::TaskRestarted(sign(act)),
        Body::TaskWaived(act) => Body::TaskWaived(sign(act)),
        Body::TaskTriggered(act) => Body::TaskTriggered(sign(act)),
        other => other,
    }
}

/// What the projection says of a duty, before an act is taken.
struct Standing {
    tenant: String,
    ledger: String,
    today: Option<NaiveDate>,
    duty: Duty,
}

async fn take(
    desk: &Desk,
    (viewer, asker): (&Viewer, &Asker),
    side: Side,
    obligation: &str,
    sent: access::Form,
    request: Request,
) -> Response {
    let standing = {
        let look = desk.look(viewer);
        let seen = look.seen();
        let Some(duty) = seen.duty(obligation) else {
            return not_found(&seen, "没有这个责任事项。", asker);
        };
        let ledger = seen.ledger_of(duty);
        let allowed = match side {
            // Who is contact and head may do either.
            Side::Head => viewer.signs_for(&ledger.tenant, &duty.unit),
            side => sides(viewer, &ledger.tenant, &duty.unit).contains(&side),
        };
        if !allowed {
            return without_right();
        }
        Standing {
            tenant: ledger.tenant.clone(),
            ledger: ledger.id.clone(),
            today: seen.now().map(|now| now.date_in(ledger.zone)),
            duty: duty.clone(),
        }
    };
    let form = match form_of(desk, sent, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let Some(deed) = Deed::parse(&form.filled.act).filter(|deed| deed.is_for(side)) else {
        return Refused::Unreadable.page();
    };
    let fault = form.fault.clone();
    let body = match fault.map_or_else(|| deed.body(&standing.duty, standing.today, &form), Err) {
        Ok(body) => body,
        Err(fault) => {
            let shown = page::Shown {
                key: None,
                fault: Some(fault),
                filled: form.filled,
            };
            return page::obligation_of(desk, viewer, asker, obligation, shown).await;
        }
    };
    let about = (standing.tenant.as_str(), Some(standing.ledger.as_str()));
    let body = signed(viewer, body);
    match record(&desk.state, viewer, &form.nonce, about, body).await {
        Ok(key) => {
            follow(&desk.state, key).await;
            see_other(&with_key(&address::of_obligation(obligation), key))
        }
        Err(why) => unsent(why),
    }
}

/// `POST /trigger/{ledger}/{task}`: all duties of a waiting task begin.
pub(crate) async fn trigger_task(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path((ledger, task)): Path<(String, String)>,
    sent: access::Form,
    request: Request,
) -> Response {
    let (tenant, today) = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let Some(of) = seen.ledger(&ledger) else {
            return not_found(&seen, "没有这个台账。", &asker);
        };
        if seen.task(of, &task).is_none() {
            return not_found(&seen, "台账中没有这一项任务。", &asker);
        }
        (
            of.tenant.clone(),
            seen.now().map(|now| now.date_in(of.zone)),
        )
    };
    let form = match form_of(&desk, sent, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let wrong = |words: &str| refused(StatusCode::UNPROCESSABLE_ENTITY, "还没有提交", words);
    if let Err(words) = crate::answer::short([&form.filled.reason]) {
        return wrong(&words);
    }
    let due = match form.filled.due.parse::<NaiveDate>() {
        Ok(due) if today.is_none_or(|today| due >= today) => due,
        Ok(due) => return wrong(&format!("完成时限{due}早于今天,请返回上一页改正。")),
        Err(_) => return wrong("没有选择完成时限,请返回上一页改正。"),
    };
    let act = TaskAct {
        task: task.clone(),
        unit: None,
        role: None,
        period: None,
        occasion: None,
        by: None,
        reason: Some(form.filled.reason.clone()).filter(|reason| !reason.is_empty()),
        evidence: Vec::new(),
        due: Some(due),
        extend: None,
        contact: None,
        note: None,
    };
    let body = signed(&viewer, Body::TaskTriggered(act));
    match record(
        &desk.state,
        &viewer,
        &form.nonce,
        (&tenant, Some(&ledger)),
        body,
    )
    .await
    {
        Ok(key) => {
            follow(&desk.state, key).await;
            see_other(&with_key(&address::of_task(&ledger, &task), key))
        }
        Err(why) => unsent(why),
    }
}
