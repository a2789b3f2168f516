//! What follows from what was decided: duties that an event, an instant or another duty opens, and
//! duties that lose what they were opened for. It is done after the decision itself, as much as one
//! input may hold; the rest goes on from the log.

use std::collections::VecDeque;

use duban_calendar::{Basis, Clock};
use duban_model::decision::{
    Arose, Consequence, Continuation, ObligationActed, ObligationRedated, Occasion,
};
use duban_model::definition::{FollowWhen, Opens, OwnerFrom, Role, Task};
use duban_model::occasion::{occasion_key, round_key, subject_key};
use duban_model::{Body, Definition, Draft, Timestamp};

use crate::case::Case;
use crate::decide::Desk;
use crate::due::{self, Start, derived};
use crate::obligation::{Obligation, ObligationState, Part, obligation_id};
use crate::open::{Opening, open, start_ladder};
use crate::openers::Openers;
use crate::state::Ledger;

/// Records of one input after which the rest is left to the next: one more duty yields few.
const RECORDS_PER_INPUT: usize = 360;
/// Owners looked at on one input: most have their duty already.
const LOOKED_AT_PER_INPUT: u64 = 5_000;

/// Does what follows from the drafts so far, after what is left from before.
pub(crate) fn follow(
    desk: &mut Desk<'_, '_>,
    rest: Vec<Consequence>,
    then: Option<Box<Continuation>>,
) {
    let tenant = &desk.record.tenant;
    let openers = desk.state.openers(tenant);
    let watched =
        openers.is_some_and(Openers::any_after_duties) || !desk.state.nothing_opened(tenant);
    if rest.is_empty() && then.is_none() && !watched {
        return;
    }
    let mut rest = VecDeque::from(rest);
    let mut then = then;
    let mut seen = 0;
    loop {
        let more = collect(desk, seen);
        seen = desk.out.len();
        rest.extend(more);
        if rest.is_empty() || desk.out.len() >= RECORDS_PER_INPUT {
            break;
        }
        if let Some(next) = rest.pop_front()
            && let Some(left) = act(desk, next)
        {
            rest.push_front(left);
            rest.extend(collect(desk, seen));
            break;
        }
    }
    if then.is_none() && !rest.is_empty() {
        then = interrupted(desk);
    }
    let work = match (rest.is_empty(), then) {
        (true, None) => return,
        (true, Some(then)) => *then,
        (false, then) => Continuation::Consequences {
            rest: rest.into(),
            then,
        },
    };
    let mut draft = Draft::new(desk.record.tenant.clone(), Body::RulesContinue(work));
    draft.ledger.clone_from(&desk.record.ledger);
    desk.out.push(draft);
}

/// An act that goes on with the next input: it does so after what follows from its first part.
fn interrupted(desk: &mut Desk<'_, '_>) -> Option<Box<Continuation>> {
    match desk.out.take_continuation()?.body {
        Body::RulesContinue(work) => Some(Box::new(work)),
        _ => None,
    }
}

/// What follows from the drafts from a place on.
fn collect(desk: &Desk<'_, '_>, from: usize) -> Vec<Consequence> {
    let mut found = Vec::new();
    let tenant = &desk.record.tenant;
    let Some(openers) = desk.state.openers(tenant) else {
        return found;
    };
    for draft in desk.out.iter().skip(from) {
        let Some((id, ledger, task)) = draft.body.obligation().and_then(parts_of) else {
            continue;
        };
        let follows = |when, at| {
            let tasks = openers.following(ledger, task, when);
            tasks.iter().filter_map(move |follower| {
                Some(Consequence::Open {
                    ledger: ledger.to_owned(),
                    task: follower.clone(),
                    occasion: Occasion {
                        key: String::new(),
                        title: title_of(desk, id)?,
                        arose: Arose::Duty(id.to_owned()),
                        at,
                        round: 1,
                    },
                    unit: Some(id.split('/').nth(2)?.to_owned()),
                    next: 0,
                })
            })
        };
        match &draft.body {
            Body::ObligationFulfilled(r) => {
                if openers.is_standing(ledger, task) {
                    found.push(Consequence::Again {
                        of: id.to_owned(),
                        at: r.at,
                    });
                }
                found.extend(follows(FollowWhen::Fulfilled, r.at));
            }
            Body::ObligationOverdue(_) => {
                found.extend(follows(FollowWhen::Overdue, turned(desk, id)));
            }
            Body::ObligationReopened(_)
            | Body::ObligationReturned(_)
            | Body::ObligationWithdrawn(_) => {
                if openers.is_standing(ledger, task) {
                    found.push(Consequence::TakeBack { of: id.to_owned() });
                }
                let arose = Arose::Duty(id.to_owned());
                if desk.state.opened_for(tenant, &arose).next().is_some() {
                    let gone = matches!(draft.body, Body::ObligationWithdrawn(_));
                    // That it was overdue remains true.
                    let still = openers.following(ledger, task, FollowWhen::Overdue);
                    let except = still.iter().filter(|_| !gone);
                    found.push(Consequence::Withdraw {
                        arose,
                        except: except.map(|t| (ledger.to_owned(), t.clone())).collect(),
                        reason: if gone {
                            "所接续的事项已撤销".to_owned()
                        } else {
                            "所接续的事项重新打开".to_owned()
                        },
                        after: String::new(),
                    });
                }
            }
            _ => {}
        }
    }
    found
}

/// The id, the ledger and the task of a duty.
fn parts_of(id: &str) -> Option<(&str, &str, &str)> {
    let mut parts = id.split('/');
    Some((id, parts.next()?, parts.next()?))
}

/// What the duty before is called among people: its row's title, and what it was opened for.
fn title_of(desk: &Desk<'_, '_>, id: &str) -> Option<String> {
    let (_, ledger, task) = parts_of(id)?;
    let row = desk.state.ledger(ledger)?;
    let task = desk.state.task(row, task)?;
    let duty = current(desk, id)?;
    let of = duty.occasion.as_ref().filter(|o| o.arose != Arose::Again);
    let part = match (of, duty.period) {
        (Some(occasion), _) => format!("({})", occasion.title),
        (None, Some(period)) => format!("({})", period.chinese()),
        (None, None) => String::new(),
    };
    let title = format!("第{}项 {}{part}", task.id, task.title);
    Some(duban_model::record::cut(&title, crate::event::MAX_TITLE_BYTES).to_owned())
}

/// When a duty turned red.
fn turned(desk: &Desk<'_, '_>, id: &str) -> Timestamp {
    let end = || {
        let duty = current(desk, id)?;
        let zone = desk.state.ledger(&duty.ledger)?.definition.zone;
        // One that was late when it opened has been red since then.
        Some(duty.deadline()?.end(zone).max(duty.opened))
    };
    end().unwrap_or(desk.now()).min(desk.now())
}

/// A duty as the drafts of this input leave it.
fn current(desk: &Desk<'_, '_>, id: &str) -> Option<Obligation> {
    let mut duty = desk.state.obligation(id).cloned();
    for draft in desk.out.iter() {
        if draft.subject.as_deref() != Some(id) {
            continue;
        }
        match (&draft.body, &mut duty) {
            (Body::ObligationOpened(opened), None) => {
                let ledger = draft.ledger.as_deref().unwrap_or_default();
                duty = Some(Obligation::opened(&draft.tenant, ledger, opened, |name| {
                    name.into()
                }));
            }
            (body, Some(duty)) => duty.apply(body),
            _ => {}
        }
    }
    duty
}

/// Does one; gives what is left of it.
fn act(desk: &mut Desk<'_, '_>, consequence: Consequence) -> Option<Consequence> {
    match consequence {
        Consequence::Open {
            ledger,
            task,
            occasion,
            unit,
            next,
        } => {
            let state = desk.state;
            let row = state.ledger(&ledger)?;
            let rule = state.task(row, &task)?;
            let left = open_for(desk, row, rule, &occasion, unit.as_deref(), next)?;
            Some(Consequence::Open {
                ledger,
                task,
                occasion,
                unit,
                next: left,
            })
        }
        Consequence::Again { of, at } => {
            again(desk, &of, at);
            None
        }
        Consequence::TakeBack { of } => {
            take_back(desk, &of);
            None
        }
        Consequence::Withdraw {
            arose,
            except,
            reason,
            after,
        } => {
            let tenant = desk.record.tenant.clone();
            let state = desk.state;
            let mut after = after;
            for id in state.opened_for(&tenant, &arose) {
                if id.as_str() <= after.as_str() {
                    continue;
                }
                if desk.out.len() >= RECORDS_PER_INPUT {
                    return Some(Consequence::Withdraw {
                        arose,
                        except,
                        reason,
                        after,
                    });
                }
                let stays = parts_of(id).is_some_and(|(_, ledger, task)| {
                    except.iter().any(|(l, t)| l == ledger && t == task)
                });
                if !stays {
                    withdraw(desk, id, &reason);
                }
                id.as_str().clone_into(&mut after);
            }
            None
        }
    }
}

/// Opens a rule's duties for what arose, owner by owner. Gives the place where it stopped.
fn open_for(
    desk: &mut Desk<'_, '_>,
    row: &Ledger,
    task: &Task,
    occasion: &Occasion,
    unit: Option<&str>,
    next: u64,
) -> Option<u64> {
    let follows = matches!(task.opens, Opens::Follows(_));
    let only =
        unit.filter(|unit| follows && owners(desk, row, task, Some(unit)).any(|o| o.1 == *unit));
    let all: Vec<(usize, String)> = owners(desk, row, task, unit)
        .filter(|(_, owner)| only.is_none_or(|only| only == owner))
        .skip(usize::try_from(next).unwrap_or(usize::MAX))
        .take(usize::try_from(LOOKED_AT_PER_INPUT).unwrap_or(usize::MAX) + 1)
        .collect();
    for (count, (place, owner)) in (0u64..).zip(&all) {
        if count == LOOKED_AT_PER_INPUT || desk.out.len() >= RECORDS_PER_INPUT {
            return Some(next + count);
        }
        let occasion = Occasion {
            key: key_for(task, occasion, owner, unit),
            ..occasion.clone()
        };
        open_or_return(desk, row, task, *place, owner, occasion);
    }
    None
}

/// The owners of what an event, an instant or a duty of a unit opens, each with its entry's place.
fn owners<'a>(
    desk: &Desk<'a, '_>,
    row: &'a Ledger,
    task: &'a Task,
    unit: Option<&'a str>,
) -> impl Iterator<Item = (usize, String)> + 'a {
    let state = desk.state;
    let directory = state.directory(&row.definition.tenant);
    task.owners
        .iter()
        .enumerate()
        .flat_map(move |(place, owner)| {
            let by_event = owner.from.is_some_and(OwnerFrom::is_by_event);
            let wanted = unit.filter(|unit| {
                by_event && (owner.group.is_none() || owner.units.iter().any(|u| u == unit))
            });
            let one = wanted.and_then(|unit| match owner.from {
                Some(OwnerFrom::EventSuperior) => {
                    let directory = directory?;
                    let superior = directory.units.get(unit)?.superior.as_deref()?;
                    directory.current(superior).map(|(id, _)| id.clone())
                }
                _ => Some(unit.to_owned()),
            });
            let listed = owner.units.iter().filter(move |_| !by_event).cloned();
            one.into_iter().chain(listed).map(move |unit| (place, unit))
        })
}

/// The last part of a duty's id.
fn key_for(task: &Task, occasion: &Occasion, owner: &String, unit: Option<&str>) -> String {
    if let Some((named, id)) = occasion.arose.subject() {
        // A unit that bears another id by now is still the unit of its event.
        let own = unit == Some(owner);
        return subject_key(owner, if own { owner } else { named }, id);
    }
    let Arose::Duty(of) = &occasion.arose else {
        return occasion.key.clone();
    };
    // ledger/task/unit/role[/part]
    let parts: Vec<&str> = of.split('/').collect();
    let [_, followed, unit, role, part @ ..] = parts.as_slice() else {
        return occasion_key(&[of]);
    };
    let entry = task
        .owners
        .iter()
        .find(|o| o.units.iter().any(|u| u == owner));
    let same_role = entry.is_none_or(|entry| entry.role.as_str() == *role)
        || *role == Role::Responsible.as_str();
    let mut names = Vec::new();
    if owner != unit {
        names.push(*unit);
    }
    names.push(*followed);
    if !same_role {
        names.push(*role);
    }
    names.extend(part);
    occasion_key(&names)
}

/// Opens a duty, or takes it up again if it was withdrawn.
fn open_or_return(
    desk: &mut Desk<'_, '_>,
    row: &Ledger,
    task: &Task,
    place: usize,
    unit: &str,
    occasion: Occasion,
) {
    let Some(owner) = task.owners.get(place) else {
        return;
    };
    let (ledger, part) = (&row.definition.ledger, Part::Occasion(&occasion.key));
    let id = obligation_id(ledger, &task.id, unit, owner.role, part);
    match current(desk, &id) {
        None => open(
            desk,
            row,
            Opening {
                task,
                place,
                owner,
                unit,
                period: None,
                occasion: Some(occasion),
            },
        ),
        Some(duty) if duty.state == ObligationState::Withdrawn => {
            come_back(desk, &id, duty, &occasion);
        }
        Some(_) => {}
    }
}

/// A duty that was withdrawn has its occasion again.
fn come_back(desk: &mut Desk<'_, '_>, id: &str, duty: Obligation, occasion: &Occasion) {
    let Some(mut case) = Case::of(desk.state, id, duty) else {
        return;
    };
    let body = Body::ObligationReopened(ObligationActed {
        obligation: id.to_owned(),
        by: None,
        reason: Some(format!("“{}”重新成立", occasion.title)),
    });
    case.emit(desk, body);
    let moved = case
        .obligation
        .occasion
        .as_ref()
        .is_some_and(|before| before.at != occasion.at);
    if moved {
        let begun = Start {
            period: None,
            at: occasion.at,
        };
        let definition = &case.ledger.definition;
        let deadline = derived(definition, case.calendar, case.task, begun);
        if let Ok(Some(deadline)) = deadline {
            // What happened to its clock before belongs to the occasion that went away.
            let clock = case.obligation.clock.as_ref().map(|_| {
                let basis = due::basis(definition, case.calendar, case.task, begun);
                let basis = basis.ok().flatten();
                Clock::new(basis.unwrap_or(Basis::Date(deadline.date)))
            });
            let body = Body::ObligationRedated(ObligationRedated {
                obligation: id.to_owned(),
                from: case.obligation.due,
                to: deadline.date,
                to_at: deadline.at,
                counted_from: Some(occasion.at),
                granted: false,
                reason: format!("重新起算,完成时限{}", deadline.shown(definition.zone)),
                clock,
            });
            case.emit(desk, body);
        }
    }
    crate::settle::settle(desk, &mut case);
    if case.obligation.state.is_running() && case.obligation.due.is_some() {
        start_ladder(desk, &mut case);
    }
}

/// Withdraws a duty that is not final.
fn withdraw(desk: &mut Desk<'_, '_>, id: &str, reason: &str) {
    let Some(duty) = current(desk, id).filter(|duty| !duty.state.is_final()) else {
        return;
    };
    let Some(mut case) = Case::of(desk.state, id, duty) else {
        return;
    };
    let body = Body::ObligationWithdrawn(ObligationActed {
        obligation: id.to_owned(),
        by: None,
        reason: Some(reason.to_owned()),
    });
    case.emit(desk, body);
    case.disarm(desk);
}

/// The id and round of the duty after one, in a standing duty.
fn next_round(definition: &Definition, duty: &Obligation) -> (String, u32, String) {
    let occasion = duty.occasion.as_deref();
    let round = occasion.map_or(1, |occasion| occasion.round);
    let first = occasion.and_then(first_key);
    let key = round_key(first.as_deref(), round + 1);
    let part = Part::Occasion(&key);
    let id = obligation_id(&definition.ledger, &duty.task, &duty.unit, duty.role, part);
    (id, round + 1, key)
}

/// The key of the first round, if that had one.
fn first_key(occasion: &Occasion) -> Option<String> {
    if occasion.round == 1 {
        return Some(occasion.key.clone());
    }
    let first = occasion.key.strip_suffix(&format!("~n{}", occasion.round));
    first.map(ToOwned::to_owned)
}

/// A standing duty was fulfilled: it opens again at that instant.
fn again(desk: &mut Desk<'_, '_>, of: &str, at: Timestamp) {
    let state = desk.state;
    let Some(duty) = current(desk, of).filter(|duty| duty.state == ObligationState::Fulfilled)
    else {
        return;
    };
    let Some(case) = Case::of(state, of, duty) else {
        return;
    };
    let definition = &case.ledger.definition;
    // A ledger that has ended opens nothing more.
    if !case.task.again || at.date_in(definition.zone) > definition.ends {
        return;
    }
    let (_, round, key) = next_round(definition, &case.obligation);
    let before = case.obligation.occasion.as_deref();
    let occasion = Occasion {
        key,
        title: before.map_or_else(|| case.task.title.clone(), |o| o.title.clone()),
        arose: before.map_or(Arose::Again, |o| o.arose.clone()),
        at,
        round,
    };
    let place = case.obligation.owner as usize;
    let unit = case.obligation.unit.to_string();
    open_or_return(desk, case.ledger, case.task, place, &unit, occasion);
}

/// A standing duty is open again, or gone: the one after it goes, if nothing came of it yet.
fn take_back(desk: &mut Desk<'_, '_>, of: &str) {
    let Some(duty) = current(desk, of).filter(|duty| duty.state != ObligationState::Fulfilled)
    else {
        return;
    };
    let Some(row) = desk.state.ledger(&duty.ledger) else {
        return;
    };
    let (next, ..) = next_round(&row.definition, &duty);
    withdraw(desk, &next, "前一期重新打开或撤销");
}

/// Whether a later round of a standing duty was met already: then what was missing was answered by
/// what came after, and this one is not opened again.
pub(crate) fn is_answered(desk: &Desk<'_, '_>, case: &Case<'_>) -> bool {
    case.task.again && {
        let (next, ..) = next_round(&case.ledger.definition, &case.obligation);
        current(desk, &next).is_some_and(|duty| duty.state == ObligationState::Fulfilled)
    }
}
