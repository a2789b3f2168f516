//! `GET /a/{token}`: the duty, what was answered already, and the forms. It changes nothing.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::definition::{Came, Fulfilment};
use duban_model::{RecordId, Zone};
use serde::Deserialize;

use super::evidence::{accepted, file_of, kinds};
use super::list;
use super::refused::{Refused, style};
use super::{Answering, Letter, MAX_FILE_BYTES, MAX_FILES, Standing, rate};
use crate::access::Seen;
use crate::light::{Light, Stage};
use crate::page::{DutyRow, Recalled, address, answer, recalled, why};
use crate::projection::{AnswerFate, Duty, History, Matter, Projection, minute};
use crate::serve::Desk;
use crate::tongue::Tongue;

/// The latest lines of what was done that are shown, in lines.
const LINES_SHOWN: usize = 12;

/// What the address says after `?`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// The answer that was just given.
    r: Option<String>,
}

/// What a person had filled in, to be shown again beside what is wrong with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled {
    pub act: String,
    pub links: String,
    pub said: String,
    pub due: String,
    pub reason: String,
    pub contact: String,
}

/// A line above everything else.
struct Flash {
    class: &'static str,
    heading: &'static str,
    text: String,
}

/// One piece of evidence.
struct Proof<'a> {
    text: &'a str,
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "answer.html")]
struct AnswerPage<'a> {
    style: String,
    here: String,
    nonce: String,
    flash: Option<Flash>,
    title: &'a str,
    row: DutyRow,
    text: &'a str,
    duty: &'a Duty,
    why: String,
    missing: Vec<String>,
    submitted: Option<(String, &'a str, &'a str, bool)>,
    proofs: Vec<Proof<'a>>,
    lines: Vec<(String, String)>,
    unread: bool,
    who: String,
    until: String,
    owes: bool,
    office: &'a str,
    may: May<'a>,
    filled: &'a Filled,
    files: usize,
    megabytes: u64,
    kinds: String,
    accepted: String,
}

/// Which forms there are.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one form of the page, and all combinations occur"
)]
struct May<'a> {
    accept: bool,
    submit: bool,
    /// First what is still missing must be made public.
    submit_later: bool,
    /// The first day that may be asked for.
    extend: Option<String>,
    /// Id and title of colleagues.
    delegate: Vec<(&'a str, &'a str)>,
    disown: bool,
}

impl May<'_> {
    fn any(&self) -> bool {
        self.accept
            || self.submit
            || self.extend.is_some()
            || !self.delegate.is_empty()
            || self.disown
    }
}

/// `GET` and `HEAD` of `/a/{token}`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(token): Path<String>,
    Query(asked): Query<Asked>,
    request: Request,
) -> Response {
    let Some(answering) = desk.state.answering.clone() else {
        return Refused::Forged.page();
    };
    let address = rate::address(request.extensions(), request.headers());
    if !answering.rates.admit(&token, address, false) {
        return Refused::TooMany.page();
    }
    let Some(letter) = answering.letters.open(&token) else {
        return Refused::Forged.page();
    };
    let given = asked.r.as_deref().and_then(|id| id.parse().ok());
    if let Some(list) = list::page(&desk.state.read(), &answering, &letter) {
        return list;
    }
    let shown = Shown {
        token: &token,
        given,
        fault: None,
        filled: &Filled::default(),
    };
    page(&desk, &answering, &letter, &shown).await
}

/// What else a page shows than the duty.
pub(super) struct Shown<'a> {
    pub token: &'a str,
    /// The answer that was just given.
    pub given: Option<RecordId>,
    /// What is wrong with what was filled in.
    pub fault: Option<String>,
    pub filled: &'a Filled,
}

/// The page of a letter, or why there is none.
pub(super) async fn page(
    desk: &Desk,
    answering: &Answering,
    letter: &Letter,
    shown: &Shown<'_>,
) -> Response {
    let history: History = {
        let projection = desk.state.read();
        match Standing::of_open(&projection, answering, letter) {
            Ok(standing) => standing.duty.history.clone(),
            Err(refused) => return refused.page(),
        }
    };
    let recalled = {
        // Never closed.
        let _reading = desk.state.readings.acquire().await;
        recalled(&desk.state, &history).await
    };
    let projection = desk.state.read();
    match Standing::of_open(&projection, answering, letter) {
        Ok(standing) => render(&projection, &standing, &history, recalled, shown),
        Err(refused) => refused.page(),
    }
}

fn render(
    projection: &Projection,
    standing: &Standing<'_>,
    history: &History,
    recalled: Recalled,
    shown: &Shown<'_>,
) -> Response {
    let (duty, ledger) = (standing.duty, standing.ledger);
    let here = format!("/a/{}", shown.token);
    let task = ledger.task(&duty.task);
    let fulfilled_by = task.and_then(|task| task.fulfilled_by(duty.owner));
    let submitted = duty.submitted();
    let unit = |id: &str| projection.units().short(&ledger.tenant, id).to_owned();
    let unread = recalled.is_none();
    let records = recalled.unwrap_or_default();
    let mut lines: Vec<_> = history
        .first()
        .chain(history.last())
        .filter_map(|place| projection.line(duty, place, records.get(&place)?, Tongue::Chinese))
        .filter(|line| matches!(line.matter, Matter::Duty | Matter::Evidence))
        .map(|line| (minute(line.at, ledger.zone), line.text))
        .collect();
    lines.reverse();
    lines.truncate(LINES_SHOWN);
    let status = if shown.fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = AnswerPage {
        style: style(),
        nonce: nonce(),
        flash: flash(projection, shown),
        title: &ledger.title,
        row: DutyRow::of(&Seen::by_letter(projection), duty),
        text: task.map_or("", |task| task.text()),
        duty,
        why: why(&Seen::by_letter(projection), ledger, duty),
        missing: fulfilled_by
            .map(|by| duty.missing(by, &unit))
            .unwrap_or_default(),
        submitted: submitted.map(|s| {
            (
                minute(s.at.at, ledger.zone),
                s.by.as_deref().unwrap_or(""),
                s.said.as_deref().unwrap_or(""),
                s.late,
            )
        }),
        proofs: submitted
            .map_or(&[][..], |s| &s.evidence)
            .iter()
            .map(|text| proof(text, &here))
            .collect(),
        lines,
        unread,
        who: format!(
            "{}{}",
            unit(
                standing
                    .letter
                    .contact
                    .split('/')
                    .next()
                    .unwrap_or_default()
            ),
            standing.person.title
        ),
        until: standing.letter.until.date_in(Zone::SHANGHAI).to_string(),
        owes: standing.owes,
        office: ledger.office.as_deref().map_or("主管部门", |id| {
            projection.units().short(&ledger.tenant, id)
        }),
        may: may(projection, standing, fulfilled_by),
        filled: shown.filled,
        files: MAX_FILES,
        megabytes: MAX_FILE_BYTES >> 20,
        kinds: kinds(),
        accepted: accepted(),
        here,
    };
    answer(status, &page)
}

fn proof<'a>(text: &'a str, here: &str) -> Proof<'a> {
    match file_of(text) {
        Some((digest, name)) => Proof {
            text: name,
            link: Some(format!("{here}/file/{digest}")),
        },
        None => Proof {
            text,
            link: address::web(text).map(ToOwned::to_owned),
        },
    }
}

fn may<'a>(
    projection: &'a Projection,
    standing: &Standing<'a>,
    fulfilled_by: Option<&Fulfilment>,
) -> May<'a> {
    let duty = standing.duty;
    let running =
        standing.owes && matches!(duty.stage, Stage::Open | Stage::Accepted | Stage::Returned);
    let complete = match fulfilled_by {
        Some(Fulfilment::PublicationsThenSubmission(list)) => (0..)
            .zip(list)
            .all(|(number, requirement)| duty.meets(number, requirement)),
        Some(Fulfilment::Submission | Fulfilment::Publications(_)) | None => true,
    };
    let colleagues = || {
        let people = projection
            .units()
            .people(&standing.letter.tenant, &duty.unit);
        let others = people
            .iter()
            .filter(|person| person.id != standing.contact());
        others
            .map(|person| (person.id.as_str(), person.title.as_str()))
            .collect()
    };
    May {
        accept: running && duty.stage == Stage::Open,
        submit: running && complete,
        submit_later: running && !complete,
        extend: duty
            .due
            .filter(|_| running && !duty.stopped && duty.light() != Light::Red)
            .and_then(|due| due.succ_opt())
            .map(|day| day.to_string()),
        delegate: if running || (standing.owes && duty.stage == Stage::Submitted) {
            colleagues()
        } else {
            Vec::new()
        },
        disown: running && duty.disowned().is_none(),
    }
}

fn flash(projection: &Projection, shown: &Shown<'_>) -> Option<Flash> {
    if let Some(fault) = &shown.fault {
        return Some(Flash {
            class: "bad",
            heading: "还没有提交",
            text: format!("{fault}。请改正后重新提交;已选的文件需要重新选择。"),
        });
    }
    let given = shown.given?;
    Some(match projection.answers().fate(given) {
        Some(AnswerFate::Taken) => Flash {
            class: "good",
            heading: "已记录",
            text: "您的答复已经记录,下面是最新情况。".to_owned(),
        },
        Some(AnswerFate::Refused(code)) => Flash {
            class: "bad",
            heading: "没有受理",
            text: refusal(code),
        },
        None => Flash {
            class: "wait",
            heading: "已收到",
            text: "您的答复已经收到并保存,正在办理;下面的情况还没有更新,请稍后刷新本页查看。"
                .to_owned(),
        },
    })
}

/// Why the rules or the intake did not take an answer, for whom gave it.
pub(crate) fn refusal(code: &str) -> String {
    match code {
        "wrong-state" => "事项的状态已经变化,不能再这样办理。请看下面的最新情况。".to_owned(),
        "not-complete" => "应先公开的信息还不齐全,齐全后才能报送。".to_owned(),
        "extension-late" => "完成时限已过,不能再申请延期。请联系主管部门。".to_owned(),
        "extension-not-later" => "申请的日期不晚于现行完成时限。请另选日期。".to_owned(),
        "extension-too-long" => {
            "申请的日期超出了本事项允许延长的限度。请选早一些的日期。".to_owned()
        }
        "extension-too-often" => "本事项允许的延期次数已经用完。".to_owned(),
        "clock-stopped" => "本事项正在停止计时,恢复后才能申请延期。".to_owned(),
        "no-calendar-data" => "申请的日期所在年份还没有工作日历。请联系主管部门。".to_owned(),
        "unknown-contact" => "所选的同事已不在通讯录中。".to_owned(),
        "due-in-the-past" => "所填的日期早于今天。请另选日期。".to_owned(),
        "no-longer-defined" => "现行台账中已经没有这个事项,不能再办理。".to_owned(),
        "clock-refuses" => {
            "计时不能这样变动:以小时计的时限只能写日期,或者变动次数过多。".to_owned()
        }
        "bad-silence" => "静默没有写明范围,或者结束时间已过、过远。".to_owned(),
        other => format!("系统没有受理({other})。请联系主管部门。"),
    }
}

/// A number for one form, by which a second press of its button is known. It need not be secret.
pub(crate) fn nonce() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{:016x}", RandomState::new().hash_one(number))
}
