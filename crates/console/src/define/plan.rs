//! `/define/draft/{draft}/plan`: what deploying a draft would change and the year ahead, and deploying.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::draft::Draft;
use super::page::{Frame, Reader, Sorts, Steps, checked, draft, now};
use super::{Defining, Deployed, Order, Outlook, Planned, WORK_WITHIN};
use crate::access::Form;
use crate::access::page::{Flash, refused};
use crate::page::answer;
use crate::serve::Desk;

/// The longest reason, in characters.
pub(super) const REASON_CHARACTERS: usize = 500;
/// Parts of the longest bar of a week.
const BAR: u64 = 100;

/// A week of the year ahead.
struct Week {
    monday: String,
    reminders: u64,
    escalations: u64,
    others: u64,
    total: u64,
    /// Of a hundred: reminders, escalations, others.
    parts: [u64; 3],
}

#[derive(Template)]
#[template(path = "define/plan.html")]
struct PlanPage {
    frame: Frame,
    steps: Steps,
    sorts: Sorts,
    plan: Option<Planned>,
    outlook: Option<Outlook>,
    weeks: Vec<Week>,
    total: u64,
    reason: String,
    reason_most: usize,
    version: u64,
    deployed: String,
}

/// What a page needs beside the draft.
#[derive(Default)]
struct Shown {
    flash: Option<Flash>,
    reason: String,
    status: StatusCode,
}

async fn page(
    desk: &Desk,
    viewer: &Reader,
    bench: &Defining,
    draft: &Draft,
    shown: Shown,
) -> Response {
    let shown_at = desk.state.read().seq();
    let Shown {
        mut flash,
        reason,
        status,
    } = shown;
    let mut faults = Vec::new();
    let found = checked(bench, draft.files.clone()).await;
    let found = found.unwrap_or_else(|words| {
        faults.push(words);
        super::Checked::default()
    });
    let (mut plan, mut outlook) = (None, None);
    if found.ledger.is_some() && is_of_one_office(viewer, draft, &found) {
        let files = draft.files.clone();
        let work = bench.work(move |workshop| workshop.plan(&files, WORK_WITHIN));
        match work.await.and_then(|plan| plan) {
            Ok(planned) => plan = Some(planned),
            Err(words) => faults.push(words),
        }
        let of = (draft.id.clone(), draft.version, shown_at);
        match bench.outlook(of, draft.files.clone()).await {
            Ok(seen) => outlook = Some(seen),
            Err(words) => faults.push(words),
        }
    } else if found.ledger.is_some() {
        faults.push(FOREIGN.to_owned());
    }
    if flash.is_none() && !faults.is_empty() {
        flash = Some(Flash::bad(faults.join(" ")));
    }
    let weeks = outlook.iter().flat_map(|o| &o.weeks);
    let most = weeks
        .clone()
        .map(|(_, e)| e.total())
        .max()
        .unwrap_or(1)
        .max(1);
    let weeks: Vec<Week> = weeks
        .map(|(monday, expected)| Week {
            monday: monday.clone(),
            reminders: expected.reminders,
            escalations: expected.escalations,
            others: expected.others,
            total: expected.total(),
            parts: [expected.reminders, expected.escalations, expected.others]
                .map(|n| n * BAR / most),
        })
        .collect();
    let page = PlanPage {
        total: weeks.iter().map(|week| week.total).sum(),
        weeks,
        frame: Frame::new(viewer, flash),
        steps: Steps::of(draft, "plan"),
        sorts: Sorts::of(&found),
        plan,
        outlook,
        reason,
        reason_most: REASON_CHARACTERS,
        version: draft.version,
        deployed: draft.deployed.clone(),
    };
    answer(status, &page)
}

const FOREIGN: &str =
    "草稿里写的主管部门(tenant)与草稿所属的不同,不能部署。请在台账总则和单位名录中改回。";

/// Whether the texts are of the office that the draft is of, and of the viewer's.
fn is_of_one_office(viewer: &Reader, draft: &Draft, found: &super::Checked) -> bool {
    found
        .tenants
        .iter()
        .all(|tenant| *tenant == draft.tenant && viewer.is_of(tenant))
}

/// `GET /define/draft/{draft}/plan`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
) -> Response {
    match draft(&desk, &viewer, &id) {
        Ok((bench, draft)) => page(&desk, &viewer, &bench, &draft, Shown::default()).await,
        Err(response) => response,
    }
}

/// `POST /define/draft/{draft}/plan`: deploys it, as planned or not at all.
pub(super) async fn deploy(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    form: Form,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let reason = form.get("reason").trim().to_owned();
    let again = |flash: Flash, status| Shown {
        flash: Some(flash),
        reason: reason.clone(),
        status,
    };
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
        let words = format!("请写明部署的理由,不超过{REASON_CHARACTERS}字。");
        return page(
            &desk,
            &viewer,
            &bench,
            &draft,
            again(Flash::bad(words), unfit),
        )
        .await;
    }
    if form.get("version") != draft.version.to_string() {
        let words = format!(
            "草稿在您看方案之后由{}改过,没有部署。下面是按现在的草稿重新计算的方案,请再看一遍。",
            draft.changed_by
        );
        let shown = again(Flash::bad(words), StatusCode::CONFLICT);
        return page(&desk, &viewer, &bench, &draft, shown).await;
    }
    let found = match checked(&bench, draft.files.clone()).await {
        Ok(found) => found,
        Err(words) => {
            return page(
                &desk,
                &viewer,
                &bench,
                &draft,
                again(Flash::bad(words), unfit),
            )
            .await;
        }
    };
    if !is_of_one_office(&viewer, &draft, &found) {
        return refused(StatusCode::FORBIDDEN, "没有部署", FOREIGN);
    }
    let (files, plan) = (draft.files.clone(), form.get("plan").to_owned());
    let (by, why) = (viewer.signature(), reason.clone());
    let work = bench.work(move |workshop| {
        let order = Order {
            plan: &plan,
            by: &by,
            reason: &why,
        };
        workshop.deploy(&files, &order, WORK_WITHIN)
    });
    let shown = match work.await.and_then(|deployed| deployed) {
        Ok(Deployed::InForce(words)) => {
            let ledger = found.ledger.unwrap_or_default();
            let said = format!("已部署:{words}");
            let kept = bench.drafts.change(
                &id,
                draft.version,
                &viewer.signature(),
                now(&desk).0,
                |draft| draft.deployed.clone_from(&said),
            );
            let draft = kept.unwrap_or(draft);
            let shown = Done {
                frame: Frame::new(&viewer, Some(Flash::good(words))),
                steps: Steps::of(&draft, "plan"),
                reason,
                ledger: crate::page::address::encoded(&ledger),
            };
            return answer(StatusCode::OK, &shown);
        }
        Ok(Deployed::Stale) => again(
            Flash::bad(
                "没有部署:看过方案之后,台账的情况又有变化(例如有单位签收、报送)。下面是重新计算的方案,请再看一遍。",
            ),
            StatusCode::CONFLICT,
        ),
        Ok(Deployed::Refused(why)) => again(
            Flash::bad(format!("没有部署,系统没有接受:{}", why.join(";"))),
            unfit,
        ),
        Err(words) => again(Flash::bad(words), StatusCode::SERVICE_UNAVAILABLE),
    };
    page(&desk, &viewer, &bench, &draft, shown).await
}

#[derive(Template)]
#[template(path = "define/done.html")]
struct Done {
    frame: Frame,
    steps: Steps,
    reason: String,
    ledger: String,
}
