//! The page: the verdict on the log, a button for another one, and what people of the office did.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{Timestamp, Zone};

use super::acts::{Asked, OUTCOMES, Row, rows, sorts};
use super::{Begun, HEADS_BYTES, Over, VERIFY_WITHIN, Verdict};
use crate::access::page::{Flash, refused};
use crate::access::{Form, Right, Seen, Viewer, see_other};
use crate::page::{Head, Pager, answer, chosen_ledger};
use crate::projection::{ACTS_KEPT, minute};
use crate::serve::Desk;
use crate::tongue::Asker;

/// Acts on one page, in acts.
const ACTS_SHOWN: usize = 50;

/// The last look, as it is shown.
struct Looked {
    by: String,
    at: String,
    seconds: u64,
    /// What could not be looked at, and why; otherwise the verdict.
    fault: String,
    verdict: Verdict,
    /// By service: name, frames, records, first, last, last frame, digest, chain since.
    services: Vec<[String; 8]>,
    /// Where, expected, found, what it means.
    findings: Vec<[String; 4]>,
    zone: Zone,
}

impl Looked {
    fn of(over: &Over, zone: Zone) -> Looked {
        let (fault, verdict) = match &over.verdict {
            Ok(verdict) => (String::new(), verdict.clone()),
            Err(fault) => (fault.clone(), Verdict::default()),
        };
        let shown = |at: Option<Timestamp>| at.map(|at| minute(at, zone)).unwrap_or_default();
        let services = verdict.services.iter().map(|s| {
            [
                s.service.to_string(),
                s.frames.to_string(),
                s.records.to_string(),
                shown(s.first),
                shown(s.last),
                s.seq.to_string(),
                s.digest.clone(),
                s.since.map_or_else(String::new, |seq| seq.to_string()),
            ]
        });
        let findings = verdict.findings.iter().map(|f| {
            let service = f.service.map(|s| s.to_string()).unwrap_or_default();
            [
                format!("{service} {}", f.seq).trim().to_owned(),
                f.expected.clone(),
                f.found.clone(),
                f.meaning.clone(),
            ]
        });
        Looked {
            by: over.begun.by.clone(),
            at: minute(over.begun.at, zone),
            seconds: over.took.as_secs(),
            services: services.collect(),
            findings: findings.collect(),
            fault,
            verdict,
            zone,
        }
    }

    /// Everything was looked at and is as it was written.
    fn is_well(&self) -> bool {
        self.fault.is_empty() && self.verdict.whole && self.verdict.found == 0
    }

    fn offset(&self) -> String {
        self.zone.to_string()
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    head: Head,
    flash: Option<Flash>,
    form_key: String,
    /// Somebody who looks is there.
    looks: bool,
    running: Option<(String, String)>,
    last: Option<Looked>,
    minutes: u64,
    heads_bytes: usize,
    sees_access: bool,
    asked: Asked,
    sorts: Vec<(&'static str, &'static str, bool)>,
    outcomes: [(&'static str, &'static str); 3],
    rows: Vec<Row>,
    kept: usize,
    pager: Pager,
    pages: Vec<(usize, String)>,
    /// The files of the list: name and address.
    files: Vec<(&'static str, String)>,
}

/// `GET /audit`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    let page = {
        let look = desk.look(&viewer);
        gather(&desk, &look.seen(), asked, &asker)
    };
    answer(StatusCode::OK, &page)
}

fn gather(desk: &Desk, seen: &Seen<'_>, asked: Asked, asker: &Asker) -> AuditPage {
    let tongue = asker.tongue;
    let zone = match &desk.state.access {
        Some(access) => access.accounts.zone(),
        None => Zone::SHANGHAI,
    };
    let auditing = desk.state.auditing.as_ref();
    let known = auditing.map(|a| a.known(|known| (known.running.clone(), known.last.clone())));
    let (running, last) = known.unwrap_or_default();
    let wanted = asked.page.as_deref().and_then(|page| page.parse().ok());
    let mut pager = Pager::new(1, ACTS_SHOWN, 0);
    let rows = rows(seen, &asked, |total| {
        pager = Pager::new(wanted.unwrap_or(1), ACTS_SHOWN, total);
        (pager.skipped(), pager.size)
    });
    let query = asked.query();
    let flash = match asked.said.as_str() {
        "running" => Some(Flash::bad("已经有一次核对正在进行,等它结束再开始下一次。")),
        _ => None,
    };
    AuditPage {
        head: Head::new(seen, chosen_ledger(seen, None), tongue.say("审计"), asker),
        flash,
        form_key: seen
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        looks: auditing.is_some(),
        running: running.map(|begun| (begun.by, minute(begun.at, zone))),
        last: last.map(|over| Looked::of(&over, zone)),
        minutes: VERIFY_WITHIN.as_secs() / 60,
        heads_bytes: HEADS_BYTES,
        sees_access: seen.may(Right::SeeAccess),
        sorts: sorts(&asked),
        outcomes: OUTCOMES,
        rows,
        kept: ACTS_KEPT,
        pages: pager
            .named()
            .into_iter()
            .map(|page| (page, format!("?{query}&page={page}#acts")))
            .collect(),
        pager,
        files: vec![
            ("CSV", format!("/audit/acts/csv?{query}")),
            ("Excel", format!("/audit/acts/xlsx?{query}")),
        ],
        asked,
    }
}

/// Whoever comes back from the sign-in without sending finds the page.
pub(super) async fn back() -> Response {
    see_other("/audit")
}

/// `POST /audit/verify`: looks at the whole log, unless somebody is at it.
pub(super) async fn verify(State(desk): State<Arc<Desk>>, viewer: Viewer, sent: Form) -> Response {
    let Some(auditing) = &desk.state.auditing else {
        return refused(
            StatusCode::NOT_FOUND,
            "不能核对",
            "这个进程不能核对日志;请在数据目录所在的机器上用 duban audit verify。",
        );
    };
    let heads = sent.get("heads").trim();
    if heads.len() > HEADS_BYTES {
        return refused(
            StatusCode::PAYLOAD_TOO_LARGE,
            "内容太多",
            "末帧摘要太多,请只填需要核对的。",
        );
    }
    let at = match &desk.state.access {
        Some(access) => access.accounts.now(),
        None => Timestamp::default(),
    };
    let begun = Begun {
        by: viewer.signature(),
        at,
    };
    if auditing.begin(begun, heads.to_owned()) {
        see_other("/audit")
    } else {
        see_other("/audit?said=running")
    }
}
