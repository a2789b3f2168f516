//! `/notices`: the ledger of notices: who was told what, when, with what outcome and why; and one that
//! was given up tried again.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::Body;
use duban_model::fact::NoticeRetryRequested;
use serde::Deserialize;

use super::incident::of_notice;
use super::pager::Pager;
use super::row::NoticeRow;
use super::{Head, address, answer, chosen_ledger, not_found};
use crate::access::page::{Flash, refused};
use crate::access::{self, Right, Seen, Viewer, record, see_other};
use crate::act::{became, with_key};
use crate::answer::{Form, Refused, follow, nonce};
use crate::inbox::Unsent;
use crate::projection::{Fate, NOTICES_KEPT, Notice};
use crate::serve::Desk;
use crate::tongue::{Asker, Tongue};

/// Notices on one page, in notices.
const NOTICES_SHOWN: usize = 50;

/// Outcomes to choose from: the name in addresses, and those that it stands for.
const OUTCOMES: [(&str, &str, &[Fate]); 5] = [
    (
        "waiting",
        "待发送",
        &[Fate::Requested, Fate::Queued, Fate::Attempted],
    ),
    ("failed", "未成功,将重试", &[Fate::Failed]),
    ("abandoned", "未能送达", &[Fate::Abandoned]),
    ("suppressed", "未发送", &[Fate::Suppressed, Fate::Dropped]),
    ("delivered", "已送达", &[Fate::Delivered]),
];

/// The query string.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    unit: String,
    /// One notice, with those that stand in for one another about the same.
    #[serde(default)]
    id: String,
    #[serde(default)]
    page: Option<String>,
    #[serde(default)]
    r: Option<String>,
}

impl Asked {
    fn at(&self, page: usize) -> String {
        let [outcome, unit, id] =
            [&self.outcome, &self.unit, &self.id].map(|text| address::encoded(text));
        let id = match &*id {
            "" => id,
            id => format!("&id={id}"),
        };
        format!("?outcome={outcome}&unit={unit}{id}&page={page}")
    }
}

/// A notice in the list.
struct Row {
    notice: NoticeRow,
    channel: &'static str,
    /// Its id, if it can be tried again.
    again: Option<String>,
    /// Another try was asked for and is not decided yet.
    asked_again: bool,
    /// The notice that stands in for it: its address, and how that one stands.
    after: Option<(String, &'static str, &'static str)>,
    /// The address of the notice that it stands in for.
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "notices.html")]
struct NoticesPage {
    head: Head,
    flash: Option<Flash>,
    form_key: String,
    nonce: String,
    asked: Asked,
    outcomes: Vec<(&'static str, &'static str, bool)>,
    rows: Vec<Row>,
    may_preview: bool,
    kept: usize,
    pager: Pager,
    pages: Vec<(usize, String)>,
}

/// `/notices`
pub(crate) async fn notices(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    let page = {
        let look = desk.look(&viewer);
        gather(&look.seen(), asked, &asker)
    };
    answer(StatusCode::OK, &page)
}

fn row(seen: &Seen<'_>, notice: &Notice, tongue: Tongue) -> Row {
    let channel = notice.contact.as_ref();
    let channel = channel.map(|(_, _, channel)| tongue.pick(channel.chinese(), channel.english()));
    let again = seen.may(Right::ActForOffice) && notice.can_be_retried();
    let after = notice.followed_by().and_then(|id| seen.notice(id));
    Row {
        notice: NoticeRow::of(seen, notice, tongue),
        channel: channel.unwrap_or_default(),
        again: again.then(|| notice.id.to_string()),
        asked_again: notice.is_asked_again(),
        after: after.map(|after| {
            (
                of_notice(after.id),
                after.fate.said(tongue),
                after.fate.class(),
            )
        }),
        before: notice.instead_of().map(of_notice),
    }
}

fn gather(seen: &Seen<'_>, asked: Asked, asker: &Asker) -> NoticesPage {
    let fates = OUTCOMES.iter().find(|(key, ..)| *key == asked.outcome);
    let fits = |notice: &&Notice| {
        let ledger = notice.ledger.and_then(|place| seen.ledger_at(place));
        let tenant = ledger.map_or("", |ledger| ledger.tenant.as_str());
        let is_of = |unit: &str| {
            unit == asked.unit
                || seen.units().short(tenant, unit) == asked.unit
                || seen.units().name(tenant, unit) == asked.unit
        };
        fates.is_none_or(|(_, _, fates)| fates.contains(&notice.fate))
            && (asked.unit.is_empty() || is_of(&notice.unit) || is_of(notice.told_unit()))
    };
    let wanted = asked.page.as_deref().and_then(|page| page.parse().ok());
    let wanted: usize = wanted.unwrap_or(1);
    let (pager, rows) = if asked.id.is_empty() {
        let total = seen.notices().filter(fits).count();
        let pager = Pager::new(wanted, NOTICES_SHOWN, total);
        let shown = seen.notices().filter(fits).skip(pager.skipped());
        let rows = shown
            .take(pager.size)
            .map(|notice| row(seen, notice, asker.tongue));
        (pager, rows.collect())
    } else {
        let notice = asked.id.parse().ok().and_then(|id| seen.notice(id));
        let chain = notice.map_or_else(Vec::new, |notice| seen.chain(notice));
        let pager = Pager::new(wanted, NOTICES_SHOWN, chain.len());
        let shown = chain.into_iter().skip(pager.skipped()).take(pager.size);
        (
            pager,
            shown
                .map(|notice| row(seen, notice, asker.tongue))
                .collect(),
        )
    };
    NoticesPage {
        head: Head::new(
            seen,
            chosen_ledger(seen, None),
            asker.tongue.say("通知台账"),
            asker,
        ),
        may_preview: seen.may(Right::EditDefinitions),
        flash: became(seen, asked.r.as_deref()),
        form_key: seen
            .viewer()
            .map_or_else(String::new, |viewer| viewer.form_key().to_owned()),
        nonce: nonce(),
        outcomes: OUTCOMES
            .iter()
            .map(|(key, name, _)| (*key, asker.tongue.say(name), *key == asked.outcome))
            .collect(),
        rows,
        kept: NOTICES_KEPT,
        pages: pager
            .named()
            .into_iter()
            .map(|page| (page, asked.at(page)))
            .collect(),
        pager,
        asked,
    }
}

/// Whoever comes back from the sign-in without sending finds the list.
pub(crate) async fn back() -> Response {
    see_other("/notices?outcome=abandoned")
}

/// `POST /notices/retry`: one that was given up is tried again.
pub(crate) async fn retry(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    sent: access::Form,
) -> Response {
    let mut form = Form::default();
    form.take("nonce", sent.get("nonce"));
    if !form.is_numbered() {
        return Refused::Unreadable.page();
    }
    let of = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let wanted = sent.get("notice");
        let notice = seen
            .notices()
            .find(|notice| notice.id.to_string() == wanted);
        let ledger = notice.and_then(|notice| seen.ledger_at(notice.ledger?));
        match (notice, ledger) {
            (Some(notice), Some(ledger)) => (notice.id, ledger.tenant.clone()),
            _ => return not_found(&seen, "没有这份通知。", &asker),
        }
    };
    let (notice, tenant) = of;
    let body = Body::NoticeRetryRequested(NoticeRetryRequested {
        notice: notice.to_string(),
        by: viewer.signature(),
        reason: None,
    });
    match record(&desk.state, &viewer, &form.nonce, (&tenant, None), body).await {
        Ok(key) => {
            follow(&desk.state, key).await;
            // What became of it stands beside it.
            see_other(&with_key(&of_notice(notice), key))
        }
        Err(Unsent::Unavailable) => Refused::Unavailable.page(),
        Err(Unsent::TooLarge { .. } | Unsent::Unfit) => {
            refused(StatusCode::BAD_REQUEST, "没有受理", "不能记录这次办理。")
        }
    }
}
