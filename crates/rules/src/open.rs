//! Opening one duty: its date, its first evidence, the notice that tells of it, its first step.

use duban_calendar::Period;
use duban_model::Body;
use duban_model::decision::{Arose, NoticeKind, ObligationOpened, Occasion};
use duban_model::definition::{Owner, Task, Tier};

use crate::case::{CATCHUP, Case, Notice};
use crate::decide::Desk;
use crate::due::{Start, derived};
use crate::ladder::{Step, StepCode, label_in_chinese};
use crate::obligation::{Obligation, Part, obligation_id};
use crate::state::Ledger;

/// The step of the notice that tells of a new duty.
pub(crate) const OPENED: &str = "opened";

/// A duty to be opened.
pub(crate) struct Opening<'a> {
    pub task: &'a Task,
    /// The place of its owner entry.
    pub place: usize,
    pub owner: &'a Owner,
    pub unit: &'a str,
    pub period: Option<Period>,
    pub occasion: Option<Occasion>,
}

/// Opens one obligation and arms its first step. One that is there stays as it is.
pub(crate) fn open(desk: &mut Desk<'_, '_>, row: &Ledger, opening: Opening<'_>) {
    let definition = &row.definition;
    let Opening {
        task,
        place,
        owner,
        unit,
        period,
        occasion,
    } = opening;
    let part = Part::of(period, occasion.as_ref());
    let id = obligation_id(&definition.ledger, &task.id, unit, owner.role, part);
    if desk.state.obligations.has(id.as_str()) || occasion.is_some() && is_drafted(desk, &id) {
        return;
    }
    let Some(calendar) = desk.state.calendar(definition) else {
        return;
    };
    let start = Start {
        period,
        at: occasion.as_ref().map_or(desk.now(), |o| o.at),
    };
    let deadline = match derived(definition, calendar, task, start) {
        Ok(deadline) => deadline,
        Err(fault) => {
            desk.reject(
                "no-calendar-data",
                format!("the date of {id}: {fault}"),
                "a calendar that covers it",
                "deploy a calendar with that year's working days; the duty gets its date then",
            );
            None
        }
    };
    let opened = ObligationOpened {
        obligation: id.clone(),
        at: desk.now(),
        task: task.id.clone(),
        unit: unit.to_owned(),
        role: owner.role,
        owner: u32::try_from(place).unwrap_or(u32::MAX),
        period,
        due: deadline.map(|due| due.date),
        due_at: deadline.and_then(|due| due.at),
        occasion,
    };
    let obligation = Obligation::opened(&definition.tenant, &definition.ledger, &opened, |name| {
        name.into()
    });
    let opened = Body::ObligationOpened(opened);
    let Some(mut case) = Case::of(desk.state, &id, obligation) else {
        return;
    };
    case.emit(desk, opened);
    crate::recount::count_noted(desk, &mut case);
    if case.obligation.due.is_some() && case.obligation.state.is_running() {
        start_ladder(desk, &mut case);
    }
}

/// Whether this input has opened it already, or has let it go over from a former unit.
fn is_drafted(desk: &Desk<'_, '_>, id: &str) -> bool {
    desk.out.iter().any(|draft| match &draft.body {
        Body::ObligationOpened(opened) => opened.obligation == id,
        Body::ObligationTransferred(transferred) => transferred.to == id,
        _ => false,
    })
}

/// Starts the ladder of a duty that has just got its first date. Steps that lie before now are
/// told in one notice at today's time of day, or at once if that has passed.
pub(crate) fn start(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let now = desk.now();
    let steps = case.steps(now);
    case.light(desk, &steps, now);
    let told = told_of(case);
    let late = |s: &Step| s.notifies() && s.at < now && !(told && is_for_contact(s));
    if case.obligation.climbs() && steps.iter().any(late) {
        let definition = &case.ledger.definition;
        let today = definition
            .zone
            .instant(now.date_in(definition.zone), definition.at);
        case.arm(desk, today.max(now), CATCHUP);
    } else {
        // A step of this very instant is still to come.
        case.arm_next(desk, &steps, now.plus_millis(-1));
    }
}

/// Whether its unit hears at once that it has the duty.
fn told_of(case: &Case<'_>) -> bool {
    let occasion = case.obligation.occasion.as_ref();
    occasion.is_some_and(|occasion| occasion.is_told())
}

fn is_for_contact(step: &Step) -> bool {
    let StepCode::Notify { to, .. } = step.code else {
        return false;
    };
    to == Tier::Contact
}

/// A duty that an event, a schedule or another duty opened is news to its unit, which is told at
/// once; steps of its ladder that lie before now are told with it.
pub(crate) fn start_ladder(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    if told_of(case) {
        tell(desk, case);
    }
    start(desk, case);
}

fn tell(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let now = desk.now();
    let Some(occasion) = case.obligation.occasion.as_deref() else {
        return;
    };
    let what = match &occasion.arose {
        Arose::Publication(_) => format!("因公开信息“{}”", occasion.title),
        Arose::Matter(_) => format!("因事由“{}”", occasion.title),
        Arose::Schedule => format!("按计划({})", occasion.title),
        Arose::Duty(_) => format!("接续“{}”", occasion.title),
        Arose::Again => return,
    };
    let steps = case.steps(now);
    let covers: Vec<String> = steps
        .iter()
        .filter(|s| s.at < now && is_for_contact(s))
        .map(|s| s.label.clone())
        .collect();
    let mut reason = format!("{what},新增责任事项,完成时限{}", case.due_shown());
    if case.obligation.is_late(now, case.ledger.definition.zone) {
        reason.push_str(",现已超期");
    }
    let notice = Notice {
        kind: NoticeKind::Opened,
        step: OPENED.to_owned(),
        to: Tier::Contact,
        covers,
        reason,
    };
    case.notify(desk, notice);
}

/// The catch-up instant came: one notice per tier for every step up to now.
pub(crate) fn catch_up(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let now = desk.now();
    let steps = case.steps(now);
    case.light(desk, &steps, now);
    let (told, opened) = (told_of(case), case.obligation.opened);
    let mut tiers: Vec<(Tier, Vec<String>)> = Vec::new();
    for step in steps.iter().filter(|s| s.at <= now) {
        // What the unit heard when it was told of the duty is not told again.
        if told && step.at < opened && is_for_contact(step) {
            continue;
        }
        if let StepCode::Notify { to, .. } = step.code {
            match tiers.iter_mut().find(|(tier, _)| *tier == to) {
                Some((_, labels)) => labels.push(step.label.clone()),
                None => tiers.push((to, vec![step.label.clone()])),
            }
        }
    }
    let definition = &case.ledger.definition;
    let day = case.obligation.opened.date_in(definition.zone);
    for (to, covers) in tiers {
        let names: Vec<_> = covers.iter().map(|l| label_in_chinese(l)).collect();
        let reason = format!(
            "责任事项于{day}启动,此前应有的{}合并为本通知",
            names.join("、")
        );
        case.notify(
            desk,
            Notice {
                kind: NoticeKind::Catchup,
                step: CATCHUP.to_owned(),
                to,
                covers,
                reason,
            },
        );
    }
    case.arm_next(desk, &steps, now);
}
