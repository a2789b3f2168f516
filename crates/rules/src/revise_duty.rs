//! One duty of a ledger that something else has come into force for: it stays, gets another date,
//! climbs another ladder, goes over to its unit's successor, or is withdrawn.

use duban_model::decision::{
    Arose, ObligationActed, ObligationRedated, ObligationReladdered, ObligationTransferred,
    Revision, TimerDisarmed,
};
use duban_model::definition::{EventSort, Opens, Owner, OwnerFrom, Role, Task};
use duban_model::{Body, Directory, Draft, Service};

use crate::case::{CATCHUP, Case};
use crate::clock;
use crate::decide::Desk;
use crate::due::{self, Start, derived};
use crate::ladder::{Step, ladder_steps};
use crate::obligation::{Obligation, ObligationState, obligation_id};
use crate::open::start;
use crate::recount::recount;
use crate::revise::Basis;
use crate::settle::settle;
use crate::state::{Ledger, RulesState};

/// Brings one duty under what is in force. False if its evidence needs more records than one input
/// may write: then it is looked at again.
pub(crate) fn revise_duty(
    desk: &mut Desk<'_, '_>,
    row: &Ledger,
    basis: &Basis<'_>,
    because: Revision,
    id: &str,
    obligation: &Obligation,
) -> bool {
    let state = desk.state;
    let directory = state.directory(&row.definition.tenant);
    if let Some(directory) = directory
        && let Some(heir) = heir(state, row, directory, id, obligation)
    {
        return match heir {
            Heir::Takes(unit, owner) => {
                go_over(desk, basis, because, (id, obligation), unit, owner)
            }
            Heir::Has(unit) => {
                if !obligation.state.is_final() {
                    let name = directory.shown(unit);
                    let reason = format!("单位已并入{name},并入{name}的同一事项");
                    withdraw(desk, row, (id, obligation), reason);
                }
                true
            }
        };
    }
    if !is_owed(state, row, obligation) {
        if !obligation.state.is_final() {
            let reason = gone(row, directory, because, obligation);
            withdraw(desk, row, (id, obligation), reason);
        }
        return true;
    }
    match Case::of(state, id, obligation.clone()) {
        Some(mut case) => stay(desk, basis, because, &mut case),
        None => true,
    }
}

/// Who succeeds a duty's unit.
enum Heir<'a> {
    /// It takes the duty over, in this place among the owner entries.
    Takes(&'a str, u32),
    /// It has that duty of its own.
    Has(&'a str),
}

fn heir<'a>(
    state: &RulesState,
    row: &Ledger,
    directory: &'a Directory,
    id: &str,
    obligation: &Obligation,
) -> Option<Heir<'a>> {
    let former: &str = &obligation.unit;
    if directory.units.contains_key(former) || obligation.state == ObligationState::Withdrawn {
        return None;
    }
    let (unit, successor) = directory.current(former)?;
    let task = state.task(row, &obligation.task)?;
    let owner = owner_place(task, obligation.role, unit)?;
    let of = |unit: &str| {
        obligation_id(
            &row.definition.ledger,
            &obligation.task,
            unit,
            obligation.role,
            obligation.part(),
        )
    };
    // Of several units merged, one that has still to act goes before one that has acted.
    let others = successor.formerly.iter().map(|unit| of(unit));
    let others = others
        .filter(|other| other != id)
        .filter_map(|other| Some((other.as_str() < id, state.obligation(&other)?)))
        .filter(|(_, o)| o.state != ObligationState::Withdrawn);
    let passed_over = if obligation.state.is_final() {
        others
            .into_iter()
            .any(|(before, o)| before || !o.state.is_final())
    } else {
        others
            .into_iter()
            .any(|(before, o)| before && !o.state.is_final())
    };
    if passed_over || state.obligation(&of(unit)).is_some() {
        return Some(Heir::Has(unit));
    }
    Some(Heir::Takes(unit, owner))
}

fn owner_place(task: &Task, role: Role, unit: &str) -> Option<u32> {
    u32::try_from(task.owner_for(role, unit)?).ok()
}

/// Whether the definition in force still has a duty.
fn is_owed(state: &RulesState, row: &Ledger, obligation: &Obligation) -> bool {
    let Some(task) = state.task(row, &obligation.task) else {
        return false;
    };
    let opens = match (&task.opens, obligation.period) {
        (Opens::EachPeriod(rule), Some(period)) => {
            period.kind() == rule.every && period.start() <= row.definition.ends
        }
        (Opens::Activation | Opens::Trigger, None) => match obligation.occasion.as_deref() {
            None => true,
            Some(occasion) => task.again && occasion.arose == Arose::Again,
        },
        (opens, None) => match obligation.occasion.as_deref().map(|o| (&o.arose, o.round)) {
            Some((_, round)) if round > 1 && !task.again => false,
            Some((Arose::Publication(_), _)) => is_event(opens, EventSort::Publication),
            Some((Arose::Matter(_), _)) => is_event(opens, EventSort::Matter),
            Some((Arose::Schedule, _)) => matches!(opens, Opens::Schedule(_)),
            Some((Arose::Duty(_), _)) => matches!(opens, Opens::Follows(_)),
            Some((Arose::Again, _)) | None => false,
        },
        _ => false,
    };
    // Adopting the definition has placed it among the owners, or nowhere. Those that take their
    // units from events take any, but no unit that is not there.
    let is_there = |owner: &Owner| {
        !owner.from.is_some_and(OwnerFrom::is_by_event)
            || state
                .directory(&row.definition.tenant)
                .is_some_and(|directory| directory.units.contains_key(&*obligation.unit))
    };
    opens && obligation.owner_of(task).is_some_and(is_there)
}

fn is_event(opens: &Opens, sort: EventSort) -> bool {
    matches!(opens, Opens::Event(rule) if rule.on == sort)
}

/// Why a duty is no longer there, in one sentence.
fn gone(
    row: &Ledger,
    directory: Option<&Directory>,
    because: Revision,
    obligation: &Obligation,
) -> String {
    let task = &obligation.task;
    let unit: &str = &obligation.unit;
    if directory.is_some_and(|d| !d.units.contains_key(unit)) {
        return "单位名录中已没有该单位".to_owned();
    }
    let Some((_, row)) = row.definition.task(task) else {
        return format!("台账定义中已没有第{task}项");
    };
    if owner_place(row, obligation.role, unit).is_some() {
        return format!("第{task}项不再按原来的周期承担");
    }
    match because {
        Revision::Directory => format!("单位名录变更:该单位不再属于第{task}项的责任单位组"),
        _ => format!("第{task}项不再由该单位以{}承担", obligation.role.chinese()),
    }
}

fn about(desk: &mut Desk<'_, '_>, row: &Ledger, id: &str, body: Body) {
    let draft = Draft::new(row.definition.tenant.clone(), body)
        .in_ledger(row.definition.ledger.clone())
        .about(id)
        .under(row.hash.clone());
    desk.out.push(draft);
}

fn withdraw(
    desk: &mut Desk<'_, '_>,
    row: &Ledger,
    (id, obligation): (&str, &Obligation),
    reason: String,
) {
    let body = Body::ObligationWithdrawn(ObligationActed {
        obligation: id.to_owned(),
        by: None,
        reason: Some(reason),
    });
    about(desk, row, id, body);
    disarm(desk, row, (id, obligation));
}

fn disarm(desk: &mut Desk<'_, '_>, row: &Ledger, (id, obligation): (&str, &Obligation)) {
    if obligation.armed.is_some() {
        let body = Body::TimerDisarmed(TimerDisarmed {
            timer: id.to_owned(),
            owner: Service::Rules,
        });
        about(desk, row, id, body);
    }
}

/// A duty goes over to its unit's successor, with its history and what it waits for.
fn go_over(
    desk: &mut Desk<'_, '_>,
    basis: &Basis<'_>,
    because: Revision,
    (id, obligation): (&str, &Obligation),
    unit: &str,
    owner: u32,
) -> bool {
    let state = desk.state;
    let Some(row) = state.ledger(&obligation.ledger) else {
        return true;
    };
    let ledger = &row.definition.ledger;
    let to = obligation_id(
        ledger,
        &obligation.task,
        unit,
        obligation.role,
        obligation.part(),
    );
    let name = |unit: &str| {
        state
            .directory(&row.definition.tenant)
            .map_or_else(|| unit.to_owned(), |d| d.shown(unit))
    };
    disarm(desk, row, (id, obligation));
    let body = Body::ObligationTransferred(ObligationTransferred {
        from: id.to_owned(),
        to: to.clone(),
        unit: unit.to_owned(),
        owner,
        reason: format!("单位{}更名或并入{}", obligation.unit, name(unit)),
    });
    about(desk, row, &to, body);
    let mut obligation = obligation.clone();
    let armed = obligation.armed.take();
    obligation.unit = unit.into();
    obligation.owner = owner;
    let Some(mut case) = Case::of(state, &to, obligation) else {
        return true;
    };
    if let Some(armed) = armed {
        case.arm(desk, armed.at, &armed.step);
    }
    // From here on it is like any duty that stays; what does not fit now is counted when it is
    // met again under its new id, or with the next publication.
    stay(desk, basis, because, &mut case);
    true
}

/// A duty that the definition in force has.
fn stay(
    desk: &mut Desk<'_, '_>,
    basis: &Basis<'_>,
    because: Revision,
    case: &mut Case<'_>,
) -> bool {
    use ObligationState as S;
    if matches!(case.obligation.state, S::Waived | S::Lapsed) {
        return true;
    }
    let now = desk.now();
    let old_task = basis.task(&case.obligation.task);
    let old_owner = old_task.and_then(|task| {
        let place = owner_place(task, case.obligation.role, &case.obligation.unit)?;
        Some((task, task.owners.get(place as usize)?))
    });
    let back = case.obligation.state == S::Withdrawn;
    // First, since a duty with more evidence than one input may count is looked at again.
    let succeeds = because == Revision::Directory && case.has_former_units(desk.state);
    let asks = old_owner.map(|(_, owner)| &owner.fulfilled_by);
    if back {
        let body = Body::ObligationReopened(ObligationActed {
            obligation: case.id.clone(),
            by: None,
            reason: Some("台账定义或单位名录恢复了本事项".to_owned()),
        });
        case.emit(desk, body);
    }
    if (back || succeeds || asks != Some(&case.owner.fulfilled_by)) && !recount(desk, case) {
        return false;
    }
    if case.obligation.state == S::Fulfilled {
        return true;
    }
    let (started, moved) = redate(desk, basis, old_task, case);
    if case.obligation.state != S::Waiting {
        settle(desk, case);
    }
    if !case.obligation.state.is_running() {
        return true;
    }
    if back || started {
        start(desk, case);
        return true;
    }
    if !moved {
        leave_out_done(desk, basis, old_owner, case);
    }
    case.rearm(desk, now);
    true
}

/// Moves the date where the definition moved it, unless the office granted the one in force.
/// Says whether the duty has just got its first date, and whether it has another one.
fn redate(
    desk: &mut Desk<'_, '_>,
    basis: &Basis<'_>,
    old_task: Option<&Task>,
    case: &mut Case<'_>,
) -> (bool, bool) {
    let zone = case.ledger.definition.zone;
    let begun = Start::of(&case.obligation);
    // A year that the calendar does not cover moves nothing.
    let derived = derived(&case.ledger.definition, case.calendar, case.task, begun);
    let Ok(Some(derived)) = derived else {
        return (false, false);
    };
    let was = old_task
        .zip(basis.calendar)
        .and_then(|(task, calendar)| due::derived(basis.definition, calendar, task, begun).ok()?);
    let from = case.obligation.due;
    let shown = derived.shown(zone);
    let Some(in_force) = case.obligation.deadline() else {
        let why = match case.obligation.occasion {
            Some(_) => "已可推算",
            None => "不再等待启动",
        };
        let body = Body::ObligationRedated(ObligationRedated {
            obligation: case.id.clone(),
            from: None,
            to: derived.date,
            to_at: derived.at,
            counted_from: None,
            granted: false,
            reason: format!("台账定义变更:{why},完成时限定为{shown}"),
            clock: None,
        });
        case.emit(desk, body);
        return (true, true);
    };
    if case.obligation.clock.is_some() {
        let definition = &case.ledger.definition;
        let is = due::basis(definition, case.calendar, case.task, begun);
        let was = old_task
            .zip(basis.calendar)
            .map(|(task, calendar)| due::basis(basis.definition, calendar, task, begun));
        let was = was.and_then(|was| was.ok().flatten());
        return (false, clock::revise(desk, case, was, is.ok().flatten()));
    }
    if was == Some(derived) {
        return (false, false);
    }
    let marked = case.obligation.revised.as_ref().is_some_and(|r| r.granted);
    // A duty that was withdrawn has no old row to compare with; its date was the definition's.
    let granted = marked || (old_task.is_some() && was != Some(in_force));
    if !granted && in_force == derived {
        return (false, false);
    }
    let stood = in_force.shown(zone);
    let (to, reason) = if granted {
        let reason = format!("台账定义将完成时限改为{shown};主管部门批准的时限{stood}有效,不变");
        (in_force, reason)
    } else {
        let reason = format!("台账定义变更:完成时限由{stood}改为{shown}");
        (derived, reason)
    };
    let body = Body::ObligationRedated(ObligationRedated {
        obligation: case.id.clone(),
        from,
        to: to.date,
        to_at: to.at,
        counted_from: None,
        granted,
        reason,
        clock: None,
    });
    case.emit(desk, body);
    (false, !granted)
}

/// The date stays and the ladder may not: a step that was done and lies ahead again is left out.
fn leave_out_done(
    desk: &mut Desk<'_, '_>,
    basis: &Basis<'_>,
    old_owner: Option<(&Task, &Owner)>,
    case: &mut Case<'_>,
) {
    let (Some(due), Some((task, owner)), Some(calendar)) =
        (case.obligation.deadline(), old_owner, basis.calendar)
    else {
        return;
    };
    let armed = case.obligation.armed.as_ref();
    // Before its catch-up notice nothing was done.
    if armed.is_some_and(|armed| armed.step == CATCHUP) {
        return;
    }
    let Some(ladder) = basis.definition.ladders.get(&owner.ladder) else {
        return;
    };
    let now = desk.now();
    let steps = |definition, ladder, strength, calendar| -> Vec<Step> {
        ladder_steps(definition, ladder, strength, due, calendar, now).0
    };
    let old = steps(basis.definition, ladder, task.strength, calendar);
    let new = steps(
        &case.ledger.definition,
        case.ladder,
        case.task.strength,
        case.calendar,
    );
    let pending = |step: &Step| {
        armed.is_some_and(|armed| armed.at == step.at && armed.step == step.label.as_str())
    };
    let was_done = |label: &str| {
        let came = |step: &&Step| step.at <= now && !pending(step) && step.notifies();
        old.iter().filter(came).any(|step| step.label == label)
    };
    let earlier = case.obligation.done_steps();
    let mut done: Vec<String> = earlier.iter().map(ToString::to_string).collect();
    let known = done.len();
    for step in new.iter().filter(|step| step.at > now && step.notifies()) {
        if was_done(&step.label) && !done.contains(&step.label) {
            done.push(step.label.clone());
        }
    }
    if done.len() > known {
        let body = Body::ObligationReladdered(ObligationReladdered {
            obligation: case.id.clone(),
            done,
        });
        case.emit(desk, body);
    }
}
