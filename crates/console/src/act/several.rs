//! The same act about several duties: chosen in a list, confirmed by the office, and told one by one
//! what became of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::RecordId;
use futures::StreamExt;
use futures::stream;

use super::deed::{Deed, Side};
use super::faulty;
use super::offered::sides;
use super::single::signed;
use crate::access::page::{Flash, refused, without_right};
use crate::access::{self, Seen, Viewer, record, see_other};
use crate::answer::{Form, follow, nonce, refusal};
use crate::inbox::Unsent;
use crate::page::{DutyRow, Head, address, answer, chosen_ledger, not_found};
use crate::projection::{AnswerFate, Duty, Ledger};
use crate::serve::Desk;
use crate::state::ConsoleState;
use crate::tongue::Asker;

/// Duties acted on at once, at most: as many as a page of a table has.
pub const ACTS_AT_ONCE: usize = 200;
/// Acts on several duties whose outcome is kept for its page, in acts; the oldest go first. What was
/// done stands on the log all the same.
pub const BATCHES_KEPT: usize = 200;
/// Facts on their way to the inbox at the same time, in facts.
const SENT_AT_ONCE: usize = 8;

/// What became of the sending about one duty.
#[derive(Clone, Debug)]
enum Sent {
    /// It is in the inbox.
    As(RecordId),
    /// It never left, for this reason.
    Not(String),
}

/// One act on several duties.
#[derive(Debug)]
pub(crate) struct Batch {
    number: String,
    by: String,
    deed: Deed,
    back: String,
    lines: Vec<(String, Sent)>,
}

/// The last of them. Cheap to clone; all clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batches(Arc<Mutex<VecDeque<Arc<Batch>>>>);

impl Batches {
    fn put(&self, batch: Batch) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.number != batch.number || other.by != batch.by);
        if all.len() >= BATCHES_KEPT {
            all.pop_front();
        }
        all.push_back(Arc::new(batch));
    }

    fn get(&self, number: &str, by: &str) -> Option<Arc<Batch>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = all.iter();
        found
            .find(|batch| batch.number == number && batch.by == by)
            .cloned()
    }
}

/// Whoever comes back from the sign-in without sending finds the unit.
pub(crate) async fn back_to_unit(Path(unit): Path<String>) -> Response {
    see_other(&address::of_unit(&unit))
}

/// The same for a ledger.
pub(crate) async fn back_to_ledger(Path(ledger): Path<String>) -> Response {
    see_other(&format!("{}?view=duties", address::of_ledger(&ledger)))
}

/// The duties that a form names; all that were shown, if it says so.
fn named(sent: &access::Form) -> Vec<&str> {
    let all = !sent.get("all").is_empty();
    let mut ids: Vec<&str> = Vec::new();
    for id in sent.all(if all { "shown" } else { "o" }) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// How many a form may name.
fn counted(ids: &[&str]) -> Result<(), String> {
    match ids.len() {
        0 => Err("没有选择事项,请返回上一页勾选。".to_owned()),
        n if n > ACTS_AT_ONCE => Err(format!(
            "一次选择了{n}件,最多{ACTS_AT_ONCE}件,请分几次办理。"
        )),
        _ => Ok(()),
    }
}

fn wrong(words: &str) -> Response {
    refused(StatusCode::UNPROCESSABLE_ENTITY, "还没有提交", words)
}

/// `POST /acts/unit/{unit}`: a contact signs several duties of the unit.
pub(crate) async fn sign_for_unit(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(unit): Path<String>,
    sent: access::Form,
) -> Response {
    sign(&desk, (&viewer, &asker), Side::Unit, &unit, &sent).await
}

/// `POST /acts/sign/{unit}`: its head does.
pub(crate) async fn sign_for_head(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(unit): Path<String>,
    sent: access::Form,
) -> Response {
    sign(&desk, (&viewer, &asker), Side::Head, &unit, &sent).await
}

async fn sign(
    desk: &Desk,
    (viewer, asker): (&Viewer, &Asker),
    side: Side,
    unit: &str,
    sent: &access::Form,
) -> Response {
    let ids = named(sent);
    let chosen = {
        let look = desk.look(viewer);
        let seen = look.seen();
        if !seen.sees_unit(unit) {
            return not_found(&seen, "没有这个单位。", asker);
        }
        if let Err(words) = counted(&ids) {
            return wrong(&words);
        }
        let mut chosen = Vec::new();
        for id in ids {
            let Some(duty) = seen.duty(id).filter(|duty| *duty.unit == *unit) else {
                return not_found(&seen, "没有这个责任事项。", asker);
            };
            let ledger = seen.ledger_of(duty);
            let allowed = match side {
                Side::Head => viewer.signs_for(&ledger.tenant, unit),
                side => sides(viewer, &ledger.tenant, unit).contains(&side),
            };
            if !allowed {
                return without_right();
            }
            chosen.push(Chosen::of(ledger, duty));
        }
        chosen
    };
    let mut form = Form::default();
    form.take("nonce", sent.get("nonce"));
    let about = (Deed::Accept, None, address::of_unit(unit));
    send(&desk.state, viewer, about, chosen, &form).await
}

/// One of the duties chosen, as it stood.
struct Chosen {
    tenant: String,
    ledger: String,
    duty: Duty,
}

impl Chosen {
    fn of(ledger: &Ledger, duty: &Duty) -> Chosen {
        Chosen {
            tenant: ledger.tenant.clone(),
            ledger: ledger.id.clone(),
            duty: duty.clone(),
        }
    }
}

/// Puts a fact for each into the inbox, waits a moment, and leads to the page of what became of them.
async fn send(
    state: &ConsoleState,
    viewer: &Viewer,
    (deed, today, back): (Deed, Option<NaiveDate>, String),
    chosen: Vec<Chosen>,
    form: &Form,
) -> Response {
    if !form.is_numbered() {
        return crate::answer::Refused::Unreadable.page();
    }
    let one = async |of: Chosen| {
        let id = of.duty.id.to_string();
        let sent = match deed.body(&of.duty, today, form) {
            Ok(body) => {
                let body = signed(viewer, body);
                let about = (of.tenant.as_str(), Some(of.ledger.as_str()));
                match record(state, viewer, &form.nonce, about, body).await {
                    Ok(key) => Sent::As(key),
                    Err(Unsent::Unavailable) => {
                        Sent::Not("系统暂时不能记录,请过几分钟再办理".to_owned())
                    }
                    Err(Unsent::TooLarge { .. } | Unsent::Unfit) => {
                        Sent::Not("内容不能记录".to_owned())
                    }
                }
            }
            Err(fault) => Sent::Not(fault),
        };
        (id, sent)
    };
    let lines: Vec<(String, Sent)> = stream::iter(chosen)
        .map(one)
        .buffered(SENT_AT_ONCE)
        .collect()
        .await;
    let last = lines.iter().rev().find_map(|(_, sent)| match sent {
        Sent::As(key) => Some(*key),
        Sent::Not(_) => None,
    });
    let number = form.nonce.clone();
    state.batches.put(Batch {
        number: number.clone(),
        by: viewer.name().to_owned(),
        deed,
        back,
        lines,
    });
    if let Some(key) = last {
        follow(state, key).await;
    }
    see_other(&format!("/acts/done/{number}"))
}

/// A duty that will not be acted on, and why.
struct LeftOut {
    row: DutyRow,
    why: String,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct ConfirmPage {
    head: Head,
    flash: Option<Flash>,
    ledger: String,
    deed: Deed,
    form_key: String,
    nonce: String,
    reason: String,
    day: String,
    today: String,
    rows: Vec<(String, DutyRow)>,
    left_out: Vec<LeftOut>,
}

/// `POST /acts/office/{ledger}`: what will happen, before it does.
pub(crate) async fn confirm(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(ledger): Path<String>,
    sent: access::Form,
) -> Response {
    confirmed(&desk, (&viewer, &asker), &ledger, &sent, None)
}

fn confirmed(
    desk: &Desk,
    (viewer, asker): (&Viewer, &Asker),
    ledger: &str,
    sent: &access::Form,
    fault: Option<&str>,
) -> Response {
    let look = desk.look(viewer);
    let seen = look.seen();
    let Some(ledger) = seen.ledger(ledger) else {
        return not_found(&seen, "没有这个台账。", asker);
    };
    let Some(deed) = Deed::parse(sent.get("deed")).filter(|deed| deed.is_for(Side::Office)) else {
        return wrong("没有选择办理什么,请返回上一页选择。");
    };
    let ids = named(sent);
    if let Err(words) = counted(&ids) {
        return wrong(&words);
    }
    let (mut rows, mut left_out) = (Vec::new(), Vec::new());
    for id in ids {
        let Some(duty) = of_ledger(&seen, ledger, id) else {
            return not_found(&seen, "没有这个责任事项。", asker);
        };
        let row = DutyRow::in_tongue(&seen, duty, asker.tongue);
        let by = ledger
            .task(&duty.task)
            .and_then(|task| task.fulfilled_by(duty.owner));
        if deed.fits(duty, by) {
            rows.push((id.to_owned(), row));
        } else {
            let why = format!("现在是“{}”,不能{}", row.stage, deed.chinese());
            left_out.push(LeftOut { row, why });
        }
    }
    let today = seen.now().map(|now| now.date_in(ledger.zone).to_string());
    let page = ConfirmPage {
        head: Head::new(&seen, Some(ledger), deed.chinese(), asker),
        flash: fault.map(faulty),
        ledger: ledger.id.clone(),
        deed,
        form_key: viewer.form_key().to_owned(),
        nonce: nonce(),
        reason: sent.get("reason").to_owned(),
        day: sent.get("due").to_owned(),
        today: today.unwrap_or_default(),
        rows,
        left_out,
    };
    let status = match fault {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    answer(status, &page)
}

/// A duty of a ledger.
fn of_ledger<'a>(seen: &Seen<'a>, ledger: &Ledger, id: &str) -> Option<&'a Duty> {
    let duty = seen.duty(id)?;
    std::ptr::eq(seen.ledger_of(duty), ledger).then_some(duty)
}

/// `POST /acts/do/{ledger}`: it happens.
pub(crate) async fn act(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(ledger): Path<String>,
    sent: access::Form,
) -> Response {
    let Some(deed) = Deed::parse(sent.get("deed")).filter(|deed| deed.is_for(Side::Office)) else {
        return wrong("没有选择办理什么,请返回上一页选择。");
    };
    let mut form = Form::default();
    for (name, value) in &sent.0 {
        form.take(name, value);
    }
    let ids = named(&sent);
    if let Err(words) = counted(&ids) {
        return wrong(&words);
    }
    let filled = &form.filled;
    let fault = if deed.needs_reason() && filled.reason.is_empty() {
        Some("没有填写理由".to_owned())
    } else if deed.needs_date() && filled.due.parse::<NaiveDate>().is_err() {
        Some("没有选择日期".to_owned())
    } else {
        crate::answer::short([&filled.reason]).err()
    };
    if let Some(fault) = fault {
        return confirmed(&desk, (&viewer, &asker), &ledger, &sent, Some(&fault));
    }
    let (chosen, today) = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let Some(ledger) = seen.ledger(&ledger) else {
            return not_found(&seen, "没有这个台账。", &asker);
        };
        let mut chosen = Vec::new();
        for id in ids {
            let Some(duty) = of_ledger(&seen, ledger, id) else {
                return not_found(&seen, "没有这个责任事项。", &asker);
            };
            chosen.push(Chosen::of(ledger, duty));
        }
        (chosen, seen.now().map(|now| now.date_in(ledger.zone)))
    };
    let back = format!("{}?view=duties", address::of_ledger(&ledger));
    send(&desk.state, &viewer, (deed, today, back), chosen, &form).await
}

/// What became of the act about one duty, for its line.
struct Outcome {
    class: &'static str,
    word: &'static str,
    detail: String,
}

impl Outcome {
    fn of(seen: &Seen<'_>, sent: &Sent) -> Outcome {
        let (class, word, detail) = match sent {
            Sent::Not(why) => ("bad", "没有提交", why.clone()),
            Sent::As(key) => match seen.fate(*key) {
                Some(AnswerFate::Taken) => ("good", "已记录", String::new()),
                Some(AnswerFate::Refused(code)) => ("bad", "没有受理", refusal(code)),
                None => ("wait", "处理中", "已收到并保存".to_owned()),
            },
        };
        Outcome {
            class,
            word,
            detail,
        }
    }
}

#[derive(Template)]
#[template(path = "done.html")]
struct DonePage {
    head: Head,
    deed: Deed,
    back: String,
    /// Recorded.
    good: usize,
    /// Refused, or never sent.
    bad: usize,
    /// Still under way.
    wait: usize,
    /// The duty's id, the duty if it is seen, and what became of it.
    lines: Vec<(String, Option<DutyRow>, Outcome)>,
}

/// `GET /acts/done/{batch}`: what became of each.
pub(crate) async fn done(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(number): Path<String>,
) -> Response {
    let look = desk.look(&viewer);
    let seen = look.seen();
    let Some(batch) = desk.state.batches.get(&number, viewer.name()) else {
        return not_found(
            &seen,
            "没有这次办理的结果:结果只保留一段时间。已记录的办理见各事项的办理经过。",
            &asker,
        );
    };
    let lines: Vec<(String, Option<DutyRow>, Outcome)> = batch
        .lines
        .iter()
        .map(|(id, sent)| {
            let duty = seen.duty(id);
            let row = duty.map(|duty| DutyRow::in_tongue(&seen, duty, asker.tongue));
            (id.clone(), row, Outcome::of(&seen, sent))
        })
        .collect();
    let count = |class| lines.iter().filter(|(_, _, o)| o.class == class).count();
    let first = batch.lines.iter().find_map(|(id, _)| seen.duty(id));
    let ledger = match first {
        Some(duty) => Some(seen.ledger_of(duty)),
        None => chosen_ledger(&seen, None),
    };
    let page = DonePage {
        head: Head::new(&seen, ledger, batch.deed.chinese(), &asker),
        deed: batch.deed,
        back: batch.back.clone(),
        good: count("good"),
        bad: count("bad"),
        wait: count("wait"),
        lines,
    };
    answer(StatusCode::OK, &page)
}
