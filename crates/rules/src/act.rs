//! What units and the office do: sign, submit, verify, return, waive, trigger; extensions, clocks and
//! handing over have files of their own.

use chrono::NaiveDate;
use duban_calendar::What;
use duban_model::decision::{
    Continuation, Judged, NoticeKind, ObligationActed, ObligationDated, ObligationFulfilled,
    ObligationReturned, ObligationSubmitted,
};
use duban_model::definition::{Opens, Tier};
use duban_model::fact::TaskAct;
use duban_model::{Body, Draft, RecordType};

use crate::case::{Case, Notice};
use crate::clock;
use crate::decide::Desk;
use crate::delegation;
use crate::extension;
use crate::judge::judge;
use crate::obligation::{Obligation, ObligationState};
use crate::open::start;
use crate::settle::settle;
use crate::timer::arm_verification;

/// Duties started on one input by a trigger; each yields at most four records.
const TRIGGERED_PER_INPUT: usize = 100;

/// One of the `task.*` events arrived.
pub(crate) fn acted(desk: &mut Desk<'_, '_>, kind: RecordType, act: &TaskAct) {
    let Some(ledger) = desk.record.ledger.clone() else {
        return desk.reject(
            "no-ledger",
            "an event without `ledger`",
            "the id of a ledger in force",
            "add the attribute `ledger`",
        );
    };
    let Some(row) = desk
        .state
        .ledger(&ledger)
        .filter(|row| row.definition.tenant == desk.record.tenant)
    else {
        return desk.reject(
            "unknown-ledger",
            format!("ledger `{ledger}`"),
            "a ledger of this office in force",
            "correct the id, or deploy the ledger first",
        );
    };
    let Some(task) = desk.state.task(row, &act.task) else {
        return desk.reject(
            "unknown-task",
            format!("task `{}`", act.task),
            format!(
                "one of the {} tasks of `{ledger}`",
                row.definition.tasks.len()
            ),
            "use the row's number",
        );
    };
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    if claimed.date_in(row.definition.zone) < row.definition.issued {
        return desk.reject(
            "before-ledger",
            format!("an act of {}", claimed.date_in(row.definition.zone)),
            format!(
                "nothing before the ledger's issue, {}",
                row.definition.issued
            ),
            "correct the time",
        );
    }
    if kind == RecordType::TaskTriggered && act.unit.is_none() {
        if task.opens != Opens::Trigger {
            return desk.reject(
                "wrong-state",
                format!("a trigger for task {}", task.id),
                "a task that waits for its trigger",
                "use the number of a waiting task",
            );
        }
        let (task, due) = (task.id.clone(), act.due.unwrap_or_default());
        return trigger_all(desk, &ledger, &task, due, act.by.as_deref(), "");
    }
    if let Some(mut case) = find(desk, &ledger, act) {
        decide_act(desk, &mut case, kind, act);
    }
}

/// The one obligation an event means; otherwise a rejection that says which there are.
fn find<'a>(desk: &mut Desk<'a, '_>, ledger: &str, act: &TaskAct) -> Option<Case<'a>> {
    let state = desk.state;
    let named = act.unit.as_deref().unwrap_or_default();
    let unit = state.current_unit(&desk.record.tenant, named);
    let prefix = format!("{ledger}/{}/{unit}/", act.task);
    let all: Vec<_> = state.obligations.with_prefix(&prefix).collect();
    let mut fitting: Vec<_> = all
        .iter()
        .filter(|(_, o)| act.role.is_none_or(|role| role == o.role))
        .filter(|(_, o)| act.period.is_none_or(|period| Some(period) == o.period))
        .filter(|(_, o)| act.occasion.as_deref().is_none_or(|of| is_for(o, of)))
        .collect();
    if fitting.len() > 1 && act.period.is_none() {
        // Only one may still be running; then that one is meant.
        let running: Vec<_> = fitting
            .iter()
            .filter(|(_, o)| !o.state.is_final())
            .copied()
            .collect();
        if running.len() == 1 {
            fitting = running;
        }
    }
    match fitting.as_slice() {
        [(id, obligation)] => {
            let case = Case::of(state, id, (*obligation).clone());
            if case.is_none() {
                desk.reject(
                    "no-longer-defined",
                    format!("{id}, which is {}", obligation.state),
                    "a duty that the definition in force has",
                    "it was left as it was when the definition changed; nothing more is done about it",
                );
            }
            case
        }
        [] => {
            let there = if all.is_empty() {
                format!("unit `{unit}` owes nothing in task {}", act.task)
            } else {
                let ids: Vec<_> = all.iter().map(|(id, _)| id.as_str()).collect();
                format!("there are {}", ids.join(", "))
            };
            desk.reject(
                "no-such-obligation",
                format!(
                    "task {} of `{unit}`{}{}",
                    act.task,
                    act.role
                        .map(|r| format!(" as {}", r.as_str()))
                        .unwrap_or_default(),
                    act.period
                        .map(|p| format!(" in {p}"))
                        .or_else(|| act.occasion.as_ref().map(|of| format!(" for `{of}`")))
                        .unwrap_or_default(),
                ),
                format!("an obligation that exists; {there}"),
                "correct task, unit, role, period or occasion",
            );
            None
        }
        several => {
            let ids: Vec<_> = several.iter().map(|(id, _)| id.as_str()).collect();
            desk.reject(
                "ambiguous",
                format!("task {} of `{unit}`, which has several", act.task),
                format!("one of {}", ids.join(", ")),
                "add `role`, `period` or `occasion`",
            );
            None
        }
    }
}

/// Whether a duty was opened for what is named: by the last part of its id, or by the own id of the
/// publication or matter.
fn is_for(obligation: &Obligation, named: &str) -> bool {
    let occasion = obligation.occasion.as_ref();
    occasion.is_some_and(|o| o.key == named || o.subject_id() == Some(named))
}

fn decide_act(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, kind: RecordType, act: &TaskAct) {
    use ObligationState as S;
    let state = case.obligation.state;
    let allowed: &[S] = match kind {
        RecordType::TaskAccepted => &[S::Open, S::Returned],
        RecordType::TaskProgressed | RecordType::TaskSubmitted => {
            &[S::Open, S::Accepted, S::Returned]
        }
        RecordType::TaskVerified => &[S::Open, S::Accepted, S::Returned, S::Submitted],
        // One that the unit disowns is sent back to it, if it owes it after all.
        RecordType::TaskReturned if case.obligation.disowned => &[
            S::Open,
            S::Accepted,
            S::Returned,
            S::Submitted,
            S::Fulfilled,
        ],
        RecordType::TaskReturned => &[S::Submitted, S::Fulfilled],
        RecordType::TaskDelegated => &[S::Open, S::Accepted, S::Returned, S::Submitted],
        RecordType::TaskExtensionRequested
        | RecordType::TaskExtensionApproved
        | RecordType::TaskExtensionRefused
        | RecordType::TaskDisowned
        | RecordType::TaskStopped
        | RecordType::TaskRestarted => &[S::Open, S::Accepted, S::Returned],
        // One that was submitted meanwhile may be resumed, so that its history is right.
        RecordType::TaskResumed => &[S::Open, S::Accepted, S::Returned, S::Submitted],
        RecordType::TaskWaived => &[S::Waiting, S::Open, S::Accepted, S::Returned, S::Submitted],
        _ => &[S::Waiting],
    };
    if !allowed.contains(&state) {
        let names: Vec<_> = allowed.iter().map(|s| s.as_str()).collect();
        return desk.reject(
            "wrong-state",
            format!("{} for {}, which is {state}", kind.as_str(), case.id),
            format!("state {}", names.join(" or ")),
            "look at the obligation's history with `duban explain`",
        );
    }
    let acted = |case: &Case<'_>| ObligationActed {
        obligation: case.id.clone(),
        by: act.by.clone(),
        reason: act.reason.clone(),
    };
    match kind {
        RecordType::TaskAccepted => case.emit(desk, Body::ObligationAccepted(acted(case))),
        RecordType::TaskProgressed => case.emit(desk, Body::ObligationProgressed(acted(case))),
        RecordType::TaskSubmitted => submitted(desk, case, act),
        RecordType::TaskVerified => verified(desk, case, act),
        RecordType::TaskReturned => returned(desk, case, act),
        RecordType::TaskExtensionRequested => extension::requested(desk, case, act),
        RecordType::TaskExtensionApproved => extension::approved(desk, case, act),
        RecordType::TaskExtensionRefused => {
            case.emit(desk, Body::ObligationExtensionRefused(acted(case)));
            extension::tell_refusal(desk, case, act);
        }
        RecordType::TaskDelegated => delegation::handed_over(desk, case, act),
        RecordType::TaskDisowned => {
            case.emit(desk, Body::ObligationDisowned(acted(case)));
            delegation::tell_office(desk, case, act);
        }
        RecordType::TaskStopped => clock::stop(desk, case, act),
        RecordType::TaskResumed => clock::resume(desk, case, act),
        RecordType::TaskRestarted => clock::restart(desk, case, act),
        RecordType::TaskWaived => {
            case.emit(desk, Body::ObligationWaived(acted(case)));
            let reason = format!("本事项免办{},不再催办", clock::by_and_why(act));
            clock::tell(desk, case, NoticeKind::Waived, reason);
            case.disarm(desk);
        }
        _ => trigger(desk, case, act.due.unwrap_or_default(), act.by.as_deref()),
    }
}

fn submitted(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let fulfilled_by = &case.owner.fulfilled_by;
    let first = !fulfilled_by.requirements().is_empty() && fulfilled_by.takes_submission();
    if first && !case.obligation.is_complete(fulfilled_by) {
        let missing = case.missing(desk.state);
        return desk.reject(
            "not-complete",
            format!("a submission of {}, before all is there", case.id),
            format!("first what is still missing: {}", missing.join("、")),
            "publish or report that, then submit under a new id; the office may verify what it finds done",
        );
    }
    let definition = &case.ledger.definition;
    let at = judge(desk.record, definition, case.calendar);
    let late = case.obligation.is_late(at.at, definition.zone);
    let body = Body::ObligationSubmitted(ObligationSubmitted {
        obligation: case.id.clone(),
        by: act.by.clone(),
        evidence: act.evidence.clone(),
        said: act.reason.clone(),
        at,
        late,
    });
    case.emit(desk, body);
    arm_verification(desk, case);
}

fn verified(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let definition = &case.ledger.definition;
    let (at, late) = case.obligation.submitted.unwrap_or_else(|| {
        let at = judge(desk.record, definition, case.calendar).at;
        let late = case.obligation.is_late(at, definition.zone);
        (at, late)
    });
    let body = Body::ObligationFulfilled(ObligationFulfilled {
        obligation: case.id.clone(),
        how: "verified".to_owned(),
        by: act.by.clone(),
        at,
        late,
    });
    case.emit(desk, body);
    case.disarm(desk);
}

/// Sent back: a bounded clock runs, to the date the office names or for the ledger's return span,
/// and never shorter than the date that was in force.
fn returned(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let definition = &case.ledger.definition;
    let now = desk.now();
    let today = now.date_in(definition.zone);
    if let Some(due) = act.due.filter(|due| *due < today) {
        return desk.reject(
            "due-in-the-past",
            format!("a date {due} for {}", case.id),
            format!("a date not before today, {today}"),
            "name a later date, or none for the ledger's own span",
        );
    }
    let reason = act.reason.clone().unwrap_or_default();
    let disowned = case.obligation.disowned && case.obligation.state.is_running();
    let bounded = act
        .due
        .or_else(|| case.calendar.after(today, definition.return_clock).ok())
        .unwrap_or(today);
    let due = case.obligation.due.map_or(bounded, |due| bounded.max(due));
    // What is sent back runs again, whatever stood still.
    let clock = if case.obligation.clock.is_some() {
        let loggedat = desk.now();
        let at = Judged {
            at: loggedat,
            claimed: desk.record.time.unwrap_or(loggedat),
            loggedat,
        };
        let Some(there) = clock::clock_of(case) else {
            return;
        };
        let what = What::SetTo(clock::end_of(&there, due, definition.zone));
        let Some(turned) = clock::turned(desk, case, at, what, Some(&reason)) else {
            return;
        };
        Some(turned.clock)
    } else {
        None
    };
    let body = Body::ObligationReturned(ObligationReturned {
        obligation: case.id.clone(),
        by: act.by.clone(),
        reason: reason.clone(),
        due,
        clock,
    });
    case.emit(desk, body);
    case.notify(
        desk,
        Notice {
            kind: NoticeKind::Return,
            step: "returned".to_owned(),
            to: Tier::Contact,
            covers: Vec::new(),
            reason: if disowned {
                format!("主管部门认定本事项仍由贵单位承担:{reason};请于{due}前报送")
            } else {
                format!("报送被退回:{reason};请于{due}前重新报送")
            },
        },
    );
    case.resume(desk, now);
}

/// A waiting duty wakes with its date.
fn trigger(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, due: NaiveDate, by: Option<&str>) {
    let today = desk.now().date_in(case.ledger.definition.zone);
    if due < today {
        return desk.reject(
            "due-in-the-past",
            format!("a date {due} for {}", case.id),
            format!("a date not before today, {today}"),
            "name a later date",
        );
    }
    let body = Body::ObligationTriggered(ObligationDated {
        obligation: case.id.clone(),
        from: None,
        to: due,
        by: by.map(ToOwned::to_owned),
        reason: None,
        clock: None,
    });
    case.emit(desk, body);
    // What was public before the trigger counts too.
    settle(desk, case);
    if case.obligation.state.is_running() {
        start(desk, case);
    }
}

/// Wakes the next batch of a waiting task's duties.
pub(crate) fn trigger_all(
    desk: &mut Desk<'_, '_>,
    ledger: &str,
    task: &str,
    due: NaiveDate,
    by: Option<&str>,
    after: &str,
) {
    let state = desk.state;
    let today = state
        .ledger(ledger)
        .map(|row| desk.now().date_in(row.definition.zone));
    if let Some(today) = today.filter(|today| due < *today) {
        return desk.reject(
            "due-in-the-past",
            format!("a date {due} for task {task}"),
            format!("a date not before today, {today}"),
            "name a later date",
        );
    }
    let prefix = format!("{ledger}/{task}/");
    let batch: Vec<_> = state
        .obligations
        .with_prefix(&prefix)
        .filter(|(id, o)| id.as_str() > after && o.state == ObligationState::Waiting)
        .take(TRIGGERED_PER_INPUT)
        .collect();
    if batch.is_empty() && after.is_empty() {
        return desk.reject(
            "wrong-state",
            format!("a trigger for task {task}"),
            "duties that still wait",
            "it was triggered before",
        );
    }
    let last = batch.last().map(|(id, _)| (*id).clone());
    let full = batch.len() == TRIGGERED_PER_INPUT;
    for (id, obligation) in batch {
        if let Some(mut case) = Case::of(state, id, obligation.clone()) {
            trigger(desk, &mut case, due, by);
        }
    }
    if let (true, Some(after)) = (full, last) {
        let tenant = desk.record.tenant.clone();
        desk.out.push(
            Draft::new(
                tenant,
                Body::RulesContinue(Continuation::Trigger {
                    ledger: ledger.to_owned(),
                    task: task.to_owned(),
                    due,
                    by: by.map(ToOwned::to_owned),
                    after: after.to_string(),
                }),
            )
            .in_ledger(ledger),
        );
    }
}
