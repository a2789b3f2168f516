//! `/o/{obligation}`: one duty with its reason, evidence, notices, history and explanation.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::definition::{Came, Fulfilment};
use duban_model::{Record, Zone};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::column::missing;
use super::row::{DutyRow, NoticeRow, due_shown, remains};
use super::why_english::why_in_english;
use super::{Head, address, answer, not_found};
use crate::access::page::Flash;
use crate::access::{Right, Seen, Viewer};
use crate::act::{Offered, became, faulty};
use crate::answer::{FILE_SCHEME, Filled, file_of, saved, stored};
use crate::light::{Light, Stage};
use crate::projection::{Duty, History, Ledger, Line, Matter, Place, minute};
use crate::recall::read_records;
use crate::serve::Desk;
use crate::state::{ConsoleState, Explanation};
use crate::steps;
use crate::tongue::{Asker, Tongue};

/// A link or a text.
struct Proof {
    text: String,
    kind: String,
    at: String,
    link: Option<String>,
}

/// One thing that must be made public or reported.
struct Need {
    name: String,
    have: usize,
    at_least: u32,
    met: bool,
    kinds: String,
    /// Where units or items count once each: each by name, and whether it has come.
    each: Vec<(String, bool)>,
    proofs: Vec<Proof>,
}

/// A line of the history.
struct Told {
    at: String,
    class: &'static str,
    matter: &'static str,
    text: String,
    record: String,
    cause: String,
}

/// The head of a section of the explanation, and its lines.
type Section = (String, Vec<String>);

#[derive(Template)]
#[template(path = "obligation.html")]
struct ObligationPage {
    head: Head,
    /// Where a notice about it is previewed.
    preview: Option<String>,
    id: String,
    row: DutyRow,
    /// What the row says, if the definition has it.
    text: Option<String>,
    /// Nothing more is expected.
    closed: bool,
    why: String,
    next: Option<(String, String)>,
    missing: Vec<String>,
    /// A date asked for, and why.
    extension: Option<(String, String)>,
    /// To whom it was handed.
    delegate: Option<String>,
    /// Why the unit disowns it.
    disowned: Option<String>,
    /// How a submission fulfils it, if one does.
    submission: &'static str,
    needs: Vec<Need>,
    submitted: Option<(String, String, String, bool)>,
    said: String,
    files: Vec<Proof>,
    notices: Vec<NoticeRow>,
    first: Vec<Told>,
    left_out: u64,
    last: Vec<Told>,
    /// The log could not be read just now.
    unread: bool,
    explanation: Option<Vec<Section>>,
    /// What became of an act, or what was wrong with a form.
    flash: Option<Flash>,
    acts: Offered,
}

/// What else the page shows than the duty.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    /// The act that was just given.
    pub key: Option<String>,
    /// What is wrong with what was filled in.
    pub fault: Option<String>,
    pub filled: Filled,
}

/// What the address says after `?`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    r: Option<String>,
}

/// The records of a history, by their place; nothing if they could not be read.
pub(crate) type Recalled = Option<BTreeMap<Place, Arc<Record>>>;

/// `/o/{obligation}`
pub(crate) async fn obligation(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(obligation): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let shown = Shown {
        key: asked.r,
        ..Shown::default()
    };
    obligation_of(&desk, &viewer, &asker, &obligation, shown).await
}

/// The page of a duty; after a form that could not be taken, with what is wrong with it.
pub(crate) async fn obligation_of(
    desk: &Desk,
    viewer: &Viewer,
    asker: &Asker,
    obligation: &str,
    shown: Shown,
) -> Response {
    let history = {
        let look = desk.look(viewer);
        let projection = look.seen();
        match projection.duty(obligation) {
            Some(duty) => duty.history.clone(),
            None => return not_found(&projection, "没有这个责任事项。", asker),
        }
    };
    let (recalled, explanation) = {
        // Never closed.
        let _reading = desk.state.readings.acquire().await;
        tokio::join!(
            recalled(&desk.state, &history),
            explained(&desk.state, obligation)
        )
    };
    let status = match shown.fault {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let page = {
        let look = desk.look(viewer);
        let projection = look.seen();
        let Some(duty) = projection.duty(obligation) else {
            return not_found(&projection, "没有这个责任事项。", asker);
        };
        let mut page = gather(&projection, duty, &history, recalled, explanation, asker);
        let files = desk.state.evidence.is_some();
        page.flash = shown
            .fault
            .as_deref()
            .map(faulty)
            .or_else(|| became(&projection, shown.key.as_deref()));
        page.acts = Offered::of(&projection, duty, shown.filled, files);
        page
    };
    answer(status, &page)
}

/// `/file/{digest}/{obligation}`: a file of the duty's present submission, to be saved.
pub(crate) async fn file(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path((digest, obligation)): Path<(String, String)>,
) -> Response {
    let found = {
        let look = desk.look(&viewer);
        let projection = look.seen();
        let duty = projection.duty(&obligation);
        let stored = duty.and_then(|duty| stored(&desk.state, duty, &digest));
        match stored {
            Some(found) => found,
            None => return not_found(&projection, "没有这个文件。", &asker),
        }
    };
    let (path, name) = found;
    match tokio::fs::read(path).await {
        Ok(bytes) => saved(bytes, &name),
        Err(fault) => {
            tracing::warn!(%fault, "a file of a submission cannot be read");
            not_found(&desk.look(&viewer).seen(), "没有这个文件。", &asker)
        }
    }
}

/// Reads the records of a history, off the threads that serve.
pub(crate) async fn recalled(state: &ConsoleState, history: &History) -> Recalled {
    let log = state.log.clone()?;
    let places: Vec<Place> = history.first().chain(history.last()).collect();
    let read = move || Handle::current().block_on(read_records(&log, &places));
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(records)) => Some(records),
        Ok(Err(fault)) => {
            tracing::warn!(%fault, "a history could not be read");
            None
        }
        Err(fault) => {
            tracing::error!(%fault, "reading a history failed");
            None
        }
    }
}

/// Asks whoever explains, off the threads that serve.
pub(crate) async fn explained(state: &ConsoleState, obligation: &str) -> Option<Explanation> {
    let explain = state.explain.clone()?;
    let obligation = obligation.to_owned();
    match tokio::task::spawn_blocking(move || explain.explain(&obligation)).await {
        Ok(explanation) => explanation,
        Err(fault) => {
            tracing::error!(%fault, "an explanation failed");
            None
        }
    }
}

fn gather(
    projection: &Seen<'_>,
    duty: &Duty,
    history: &History,
    recalled: Recalled,
    explanation: Option<Explanation>,
    asker: &Asker,
) -> ObligationPage {
    let ledger = projection.ledger_of(duty);
    let unread = recalled.is_none();
    let records = recalled.unwrap_or_default();
    let told = |place: Place| {
        let line = projection.line(duty, place, records.get(&place)?, asker.tongue)?;
        Some(told(line, ledger.zone, asker.tongue))
    };
    let task = ledger.task(&duty.task);
    let fulfilled_by = task.and_then(|task| task.fulfilled_by(duty.owner));
    let row = DutyRow::in_tongue(projection, duty, asker.tongue);
    let name = asker.tongue.pick(
        format!("{}|第{}项 {}", row.unit, duty.task, row.title),
        format!("{} | Task {} {}", row.unit, duty.task, row.title),
    );
    let submitted = duty.submitted();
    ObligationPage {
        preview: projection
            .may(Right::EditDefinitions)
            .then(|| format!("/notices/preview?duty={}", address::encoded(&duty.id))),
        head: Head::new(projection, Some(ledger), &name, asker),
        why: match asker.tongue {
            Tongue::Chinese => why(projection, ledger, duty),
            Tongue::English => why_in_english(projection, ledger, duty),
        },
        next: (!duty.stage.is_final())
            .then_some(duty.next.as_ref())
            .flatten()
            .map(|(at, step)| (minute(*at, ledger.zone), steps::step(step, asker.tongue))),
        missing: missing(projection, ledger, duty),
        extension: duty.extension().map(|asked| {
            let reason = asked.reason.clone().unwrap_or_default();
            (asked.to.to_string(), reason)
        }),
        delegate: duty.delegate().map(|(_, title)| title.to_owned()),
        disowned: duty.disowned().map(ToOwned::to_owned),
        submission: match fulfilled_by {
            Some(Fulfilment::Submission) => asker.tongue.pick(
                "由责任单位报送,经主管部门核实后销号。",
                "Fulfilled once the unit has submitted it and the office has verified it.",
            ),
            Some(Fulfilment::PublicationsThenSubmission(_)) => asker.tongue.pick(
                "下列各项齐全后,由责任单位报送,经主管部门核实后销号。",
                "Fulfilled once all of these are there, the unit has submitted it and the office has verified it.",
            ),
            Some(Fulfilment::Publications(_)) | None => "",
        },
        needs: needs(projection, ledger, duty, fulfilled_by),
        submitted: submitted.map(|s| {
            (
                minute(s.at.at, ledger.zone),
                if s.at.at == s.at.loggedat {
                    String::new()
                } else {
                    let received = minute(s.at.loggedat, ledger.zone);
                    asker.tongue.pick(
                        format!("收到时间{received}"),
                        format!("received {received}"),
                    )
                },
                s.by.clone().unwrap_or_default(),
                s.late,
            )
        }),
        said: submitted.and_then(|s| s.said.clone()).unwrap_or_default(),
        files: submitted
            .map(|s| &s.evidence[..])
            .unwrap_or_default()
            .iter()
            .map(|text| reported(duty, text))
            .collect(),
        notices: duty
            .notices
            .iter()
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .filter_map(|place| projection.notice_at(place))
            .map(|notice| NoticeRow::of(projection, notice, asker.tongue))
            .collect(),
        first: history.first().filter_map(told).collect(),
        left_out: history.left_out(),
        last: history.last().filter_map(told).collect(),
        unread,
        id: duty.id.to_string(),
        row,
        text: task.map(|task| task.text().to_owned()),
        closed: duty.stage.is_final(),
        explanation,
        flash: None,
        acts: Offered::default(),
    }
}

/// A piece of evidence of a submission: a link, a file that is kept, or words.
fn reported(duty: &Duty, text: &str) -> Proof {
    let kept = file_of(text);
    Proof {
        text: file_name(text).to_owned(),
        kind: if kept.is_some() { "文件" } else { "" }.to_owned(),
        at: String::new(),
        link: match kept {
            Some((digest, _)) => Some(address::of_file(digest, &duty.id)),
            None => address::web(text).map(ToOwned::to_owned),
        },
    }
}

/// A piece of evidence as it is shown: of a file its name.
fn file_name(text: &str) -> &str {
    let name = text
        .strip_prefix(FILE_SCHEME)
        .and_then(|rest| rest.split_once('/'));
    name.map_or(text, |(_, name)| name)
}

/// A unit's name as notices print it.
fn unit_name(projection: &Seen<'_>, ledger: &Ledger, unit: &str) -> String {
    projection.units().short(&ledger.tenant, unit).to_owned()
}

fn needs(
    projection: &Seen<'_>,
    ledger: &Ledger,
    duty: &Duty,
    fulfilled_by: Option<&Fulfilment>,
) -> Vec<Need> {
    let list = fulfilled_by.map_or(&[][..], Fulfilment::requirements);
    (0..)
        .zip(list)
        .map(|(number, requirement)| {
            let place = number as usize;
            let came = duty.items(number);
            let name = |each: &String| match &requirement.each_of {
                Some(_) => unit_name(projection, ledger, each),
                None => each.clone(),
            };
            let each = requirement.each().unwrap_or_default().iter();
            Need {
                name: requirement.name.clone(),
                have: duty.counted(number, requirement),
                at_least: requirement.at_least,
                met: duty.meets(number, requirement),
                each: each
                    .map(|each| (name(each), came.contains(each.as_str())))
                    .collect(),
                kinds: requirement.kinds.join("、"),
                proofs: duty
                    .ticks_of(place)
                    .map(|tick| {
                        let publication: &str = &tick.publication;
                        let known = projection.publications().get(&ledger.tenant, publication);
                        Proof {
                            text: known.map_or(publication, |row| &row.title).to_owned(),
                            kind: known.map_or_else(String::new, |row| row.kind.clone()),
                            at: minute(tick.at, ledger.zone),
                            link: known
                                .and_then(|row| row.url.as_deref())
                                .and_then(address::web)
                                .map(ToOwned::to_owned),
                        }
                    })
                    .collect(),
            }
        })
        .collect()
}

/// Why the light is what it is, in one sentence.
pub(crate) fn why(projection: &Seen<'_>, ledger: &Ledger, duty: &Duty) -> String {
    let today = projection.now().map(|now| now.date_in(ledger.zone));
    let due = due_shown(duty, ledger.zone).unwrap_or_default();
    let reason = duty.reason().unwrap_or("");
    let left = remains(duty, today);
    match (duty.stage, duty.light()) {
        (Stage::Fulfilled, _) => match duty.done() {
            Some(done) => format!(
                "已于{}{},完成时限{due},{}。",
                minute(done.at, ledger.zone),
                if &*done.how == "verified" {
                    "经主管部门核实销号"
                } else {
                    "公开齐全并销号"
                },
                if done.late {
                    "逾期完成"
                } else {
                    "按期完成"
                }
            ),
            None => "已销号。".to_owned(),
        },
        (Stage::Waived, _) => format!("经批准免办。{reason}"),
        (Stage::Lapsed, _) => format!("鼓励事项,期限{due}已过,不再催办。"),
        (Stage::Waiting, _) => "适时推进的任务,启动后才计时限。".to_owned(),
        (stage, _) if duty.stopped => format!(
            "计时已停止,停止期间不亮灯、不催办,恢复后重新确定时限(停止前为{due}),{}。",
            stage.chinese()
        ),
        (stage, Light::Red) => format!("完成时限{due}已过({left}),{},尚未销号。", stage.chinese()),
        (Stage::Returned, _) => format!("报送被退回:{reason}。限{due}前重新报送({left})。"),
        (stage, Light::Yellow) => format!(
            "距完成时限{due}不超过{}({left}),{}。",
            ledger.yellow,
            stage.chinese()
        ),
        (stage, _) => format!("在期限内,完成时限{due}({left}),{}。", stage.chinese()),
    }
}

/// Digits of a record id that are shown; enough to find it with `duban explain`.
const SHOWN_DIGITS: usize = 8;

fn told(line: Line, zone: Zone, tongue: Tongue) -> Told {
    let digits = |id: String| id.chars().take(SHOWN_DIGITS).collect::<String>();
    let (class, matter) = match line.matter {
        Matter::Duty => ("duty", tongue.pick("办理", "Duty")),
        Matter::Light => ("light", tongue.pick("亮灯", "Light")),
        Matter::Evidence => ("evidence", tongue.pick("佐证", "Evidence")),
        Matter::Notice => ("notice", tongue.pick("通知", "Notice")),
    };
    Told {
        at: minute(line.at, zone),
        class,
        matter,
        text: line.text,
        record: digits(line.record.to_string()),
        cause: line
            .cause
            .map(|cause| digits(cause.to_string()))
            .unwrap_or_default(),
    }
}
