//! `/ledger/{ledger}/outside`: a task outside the ledger (台账外任务), filled in on one form, looked
//! at, brought into force. It is a small change of the definition: the texts in force with one task
//! more, planned and deployed as any other.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::form::{Filled, Outline, Pick, TEXT_CHARACTERS, TITLE_CHARACTERS, TaskForm};
use super::page::{Frame, Reader, defining};
use super::{
    Defining, Deployed, FieldFaults, Files, LISTED, Order, Planned, Severity, WORK_WITHIN,
};
use super::{Workshop, plan};
use crate::access::Form;
use crate::access::page::{Flash, refused};
use crate::page::{address, answer};
use crate::serve::Desk;

/// The heading under which such tasks stand unless another is chosen.
const SECTION: &str = "台账外任务";
/// Reminders of one sort that are listed, in lines.
const REMINDERS: usize = 60;

#[derive(Template)]
#[template(path = "define/outside.html")]
struct FormPage {
    frame: Frame,
    ledger: String,
    title: String,
    filled: Filled,
    picks: Vec<Pick>,
    more: usize,
    sections: Vec<String>,
    today: String,
    most: [usize; 3],
}

/// A duty that would arise.
struct Arising {
    unit: String,
    role: &'static str,
    period: String,
    due: String,
}

#[derive(Template)]
#[template(path = "define/outside_plan.html")]
struct PlanPage {
    frame: Frame,
    ledger: String,
    title: String,
    task: TaskForm,
    reason: String,
    plan: Planned,
    duties: Vec<Arising>,
    /// When, which step, to whom, for how many duties.
    reminders: Vec<([String; 3], usize)>,
    hidden: Vec<(String, String)>,
}

#[derive(Template)]
#[template(path = "define/outside_done.html")]
struct DonePage {
    frame: Frame,
    title: String,
    task: TaskForm,
    reason: String,
    to_task: String,
    to_ledger: String,
}

/// The ledger, as whoever asks may change it.
struct At {
    ledger: String,
    bench: Defining,
    today: Option<chrono::NaiveDate>,
}

#[expect(clippy::result_large_err, reason = "the answer is given at once")]
fn at(desk: &Desk, reader: &Reader, ledger: &str) -> Result<At, Response> {
    let bench = defining(desk)?;
    let look = desk.look(reader);
    let seen = look.seen();
    let found = seen.ledger(ledger).filter(|l| reader.is_of(&l.tenant));
    let Some(found) = found.filter(|l| l.definition.is_some()) else {
        return Err(refused(
            StatusCode::NOT_FOUND,
            "没有找到",
            "没有这个台账,或者它还没有生效。",
        ));
    };
    Ok(At {
        ledger: ledger.to_owned(),
        today: seen.now().map(|now| now.date_in(found.zone)),
        bench,
    })
}

/// The texts in force, and what a form needs of them.
fn standing(workshop: &dyn Workshop, ledger: &str) -> Result<(Files, Outline), String> {
    let files = workshop.in_force(ledger, WORK_WITHIN)?;
    let outline = workshop.outline(&files);
    let outline = outline
        .ok_or("现行的台账按现在的规则有错误,先在“台账与名录”里改正并部署,才能增加任务。")?;
    Ok((files, outline))
}

fn form_page(
    reader: &Reader,
    at: &At,
    outline: &Outline,
    filled: Filled,
    flash: Option<Flash>,
    status: StatusCode,
) -> Response {
    let (picks, more) = filled.picks(outline);
    let mut sections: Vec<String> = vec![SECTION.to_owned()];
    for task in &outline.tasks {
        if !task.section.is_empty() && !sections.contains(&task.section) {
            sections.push(task.section.clone());
        }
    }
    let page = FormPage {
        frame: Frame::new(reader, flash),
        ledger: address::encoded(&at.ledger),
        title: outline.title.clone(),
        filled,
        picks,
        more,
        sections,
        today: at.today.unwrap_or(outline.issued).to_string(),
        most: [TEXT_CHARACTERS, TITLE_CHARACTERS, plan::REASON_CHARACTERS],
    };
    answer(status, &page)
}

/// No form can be shown.
fn none(words: &str) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, "暂时不能增加", words)
}

/// `GET /ledger/{ledger}/outside`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(ledger): Path<String>,
    reader: Reader,
) -> Response {
    let at = match at(&desk, &reader, &ledger) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let id = at.ledger.clone();
    let work = at.bench.work(move |workshop| standing(workshop, &id));
    match work.await.and_then(|found| found) {
        Ok((_, outline)) => {
            let mut filled = Filled::default();
            for (name, value) in [("section", SECTION), ("kind", "day"), ("every", "quarter")] {
                filled.fields.insert(name, value.to_owned());
            }
            form_page(&reader, &at, &outline, filled, None, StatusCode::OK)
        }
        Err(words) => none(&words),
    }
}

/// What became of a form.
enum Came {
    /// It is not right yet.
    Wrong(FieldFaults),
    /// This would follow.
    Planned(TaskForm, Box<Planned>),
    /// It is in force, by this press of the button or by the one before.
    InForce(TaskForm),
    /// What would follow is something else by now.
    Stale,
}

/// The same task, as somebody added it.
fn is_there(outline: &Outline, task: &TaskForm) -> bool {
    let same = |there: &&TaskForm| {
        there.outside
            && there.id == task.id
            && there.title == task.title
            && there.text == task.text
            && there.due == task.due
    };
    outline.tasks.iter().any(|there| same(&there))
}

/// The texts with the task, if they hold together.
fn written(
    workshop: &dyn Workshop,
    files: &Files,
    task: &TaskForm,
) -> Result<(String, Files), FieldFaults> {
    let (id, with) = workshop.with_task(files, task, WORK_WITHIN)?;
    let errors = workshop.check(&with).diagnostics.into_iter();
    let errors = errors.filter(|d| d.severity == Severity::Error);
    let faults: FieldFaults = errors.map(|d| ("all", d.message)).collect();
    if faults.is_empty() {
        Ok((id, with))
    } else {
        Err(faults)
    }
}

fn planned(workshop: &dyn Workshop, files: &Files, mut task: TaskForm) -> Came {
    let (id, with) = match written(workshop, files, &task) {
        Ok(written) => written,
        Err(faults) => return Came::Wrong(faults),
    };
    task.id = id;
    match workshop.plan(&with, WORK_WITHIN) {
        Ok(plan) if plan.refused.is_empty() => Came::Planned(task, Box::new(plan)),
        Ok(plan) => {
            let words = format!("系统不会接受:{}", plan.refused.join(";"));
            Came::Wrong(vec![("all", words)])
        }
        Err(words) => Came::Wrong(vec![("all", words)]),
    }
}

/// Brings the task into force as it was shown, once.
fn deployed(
    workshop: &dyn Workshop,
    (files, outline): (&Files, &Outline),
    task: TaskForm,
    order: &Order<'_>,
) -> Came {
    if is_there(outline, &task) {
        return Came::InForce(task);
    }
    if outline.tasks.iter().any(|there| there.id == task.id) {
        return Came::Stale;
    }
    let (_, with) = match written(workshop, files, &task) {
        Ok(written) => written,
        Err(faults) => return Came::Wrong(faults),
    };
    match workshop.deploy(&with, order, WORK_WITHIN) {
        Ok(Deployed::InForce(_)) => Came::InForce(task),
        Ok(Deployed::Stale) => Came::Stale,
        Ok(Deployed::Refused(why)) => {
            let words = format!("系统没有接受:{}", why.join(";"));
            Came::Wrong(vec![("all", words)])
        }
        Err(words) => Came::Wrong(vec![("all", words)]),
    }
}

/// `POST /ledger/{ledger}/outside`: searches, shows what would follow, brings it into force.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(ledger): Path<String>,
    reader: Reader,
    form: Form,
) -> Response {
    let at = match at(&desk, &reader, &ledger) {
        Ok(at) => at,
        Err(response) => return response,
    };
    let mut filled = Filled::read(&form);
    let (act, number) = (form.get("act").to_owned(), form.get("plan").to_owned());
    let (id, by, today) = (at.ledger.clone(), reader.signature(), at.today);
    let work = at.bench.work(move |workshop| {
        let (files, outline) = standing(workshop, &id)?;
        if matches!(&*act, "find" | "back") {
            return Ok::<_, String>((outline, filled, None));
        }
        if act != "deploy" {
            filled.fields.insert("id", String::new());
        }
        let mut task = filled.task(&outline, None, today);
        let reason = filled.get("reason").replace('\n', " ");
        if reason.is_empty() || reason.chars().count() > plan::REASON_CHARACTERS {
            let most = plan::REASON_CHARACTERS;
            let words = format!("请写明增加的理由,不超过{most}字。");
            filled.faults.push(("reason", words));
        }
        if !filled.faults.is_empty() {
            return Ok((outline, filled, None));
        }
        task.remark = format!("台账外任务,{by}增加。理由:{reason}");
        let came = if act == "deploy" {
            let reason = format!("增加台账外任务“{}”:{reason}", task.title);
            let order = Order {
                plan: &number,
                by: &by,
                reason: &reason,
            };
            deployed(workshop, (&files, &outline), task, &order)
        } else {
            planned(workshop, &files, task)
        };
        Ok((outline, filled, Some(came)))
    });
    let (outline, mut filled, came) = match work.await.and_then(|done| done) {
        Ok(done) => done,
        Err(words) => return none(&words),
    };
    match came {
        None if filled.faults.is_empty() => {
            form_page(&reader, &at, &outline, filled, None, StatusCode::OK)
        }
        None => wrong(&reader, &at, &outline, filled),
        Some(Came::Wrong(faults)) => {
            filled.faults = faults;
            wrong(&reader, &at, &outline, filled)
        }
        Some(Came::Planned(task, plan)) => {
            show_plan(&reader, &at, &outline, &filled, (task, *plan), None)
        }
        Some(Came::Stale) => again(&reader, &at, filled).await,
        Some(Came::InForce(task)) => {
            let page = DonePage {
                frame: Frame::new(&reader, None),
                title: outline.title.clone(),
                reason: filled.get("reason").to_owned(),
                to_task: address::of_task(&at.ledger, &task.id),
                to_ledger: address::of_ledger(&at.ledger),
                task,
            };
            answer(StatusCode::OK, &page)
        }
    }
}

/// The form once more, with what is wrong at its fields.
fn wrong(reader: &Reader, at: &At, outline: &Outline, filled: Filled) -> Response {
    let general = filled.fault("all");
    let words = if general.is_empty() {
        format!(
            "还没有增加:有{}处要改,见下面标红的地方。",
            filled.faults.len()
        )
    } else {
        format!("还没有增加:{general}")
    };
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    form_page(reader, at, outline, filled, Some(Flash::bad(words)), status)
}

/// What would follow now, after it was something else.
async fn again(reader: &Reader, at: &At, mut filled: Filled) -> Response {
    filled.fields.insert("id", String::new());
    let (id, by, today) = (at.ledger.clone(), reader.signature(), at.today);
    let work = at.bench.work(move |workshop| {
        let (files, outline) = standing(workshop, &id)?;
        let mut task = filled.task(&outline, None, today);
        let reason = filled.get("reason").replace('\n', " ");
        task.remark = format!("台账外任务,{by}增加。理由:{reason}");
        let came = planned(workshop, &files, task);
        Ok::<_, String>((outline, filled, came))
    });
    match work.await.and_then(|done| done) {
        Ok((outline, filled, Came::Planned(task, plan))) => {
            let words = "还没有增加:看过方案之后,台账的情况又有变化(例如有单位签收、报送,或者别人刚刚增加了任务)。下面是重新计算的方案,您填的都在,请再看一遍再确认。";
            let flash = Some(Flash::bad(words));
            show_plan(reader, at, &outline, &filled, (task, *plan), flash)
        }
        Ok((outline, mut filled, came)) => {
            if let Came::Wrong(faults) = came {
                filled.faults = faults;
            }
            wrong(reader, at, &outline, filled)
        }
        Err(words) => none(&words),
    }
}

fn show_plan(
    reader: &Reader,
    at: &At,
    outline: &Outline,
    filled: &Filled,
    (task, plan): (TaskForm, Planned),
    flash: Option<Flash>,
) -> Response {
    let unit_name = |id: &str| {
        let known = outline.units.iter().find(|(unit, _)| unit == id);
        known.map_or_else(|| id.to_owned(), |(_, name)| name.clone())
    };
    let mut reminders: BTreeMap<&[String; 3], usize> = BTreeMap::new();
    for line in plan.changes.iter().flat_map(|change| &change.ahead) {
        *reminders.entry(line).or_default() += 1;
    }
    // An id is ledger/task/unit/role, and the period where there is one.
    let duties = plan.changes.iter().take(LISTED).map(|change| {
        let mut parts = change.obligation.split('/').skip(2);
        let unit = parts.next().unwrap_or_default();
        let role = parts.next().unwrap_or_default();
        let role = super::form::ROLES.into_iter().find(|r| r.as_str() == role);
        Arising {
            unit: unit_name(unit),
            role: role.map_or("", |role| role.chinese()),
            period: parts.next().unwrap_or_default().to_owned(),
            due: change.to.clone(),
        }
    });
    let mut hidden: Vec<(String, String)> = filled
        .hidden()
        .into_iter()
        .filter(|(name, _)| *name != "id")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    hidden.push(("id".to_owned(), task.id.clone()));
    hidden.push(("plan".to_owned(), plan.plan.clone()));
    let status = match &flash {
        Some(_) => StatusCode::CONFLICT,
        None => StatusCode::OK,
    };
    let page = PlanPage {
        frame: Frame::new(reader, flash),
        ledger: address::encoded(&at.ledger),
        title: outline.title.clone(),
        reason: filled.get("reason").to_owned(),
        duties: duties.collect(),
        reminders: reminders
            .into_iter()
            .take(REMINDERS)
            .map(|(line, count)| (line.clone(), count))
            .collect(),
        task,
        plan,
        hidden,
    };
    answer(status, &page)
}
