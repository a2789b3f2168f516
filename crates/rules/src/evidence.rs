//! Publications as evidence: what they tick, what their withdrawal reopens, and why one that was
//! looked at did not count.

use std::collections::BTreeMap;

use duban_calendar::Period;
use duban_model::decision::{
    Judged, NoticeKind, ObligationActed, ObligationFulfilled, ObligationTicked, ObligationUnticked,
    PublicationForgotten, PublicationNoted,
};
use duban_model::definition::{Fulfilment, Opens, Tier};
use duban_model::fact::{Publication, PublicationWithdrawn};
use duban_model::{Body, Definition, Timestamp};

use crate::case::{Case, Notice};
use crate::decide::Desk;
use crate::judge::judge;
use crate::obligation::{Obligation, ObligationState};
use crate::state::{Ledger, RulesState, publication_key};

/// Why a publication did not count for an obligation; the first unmet condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is another unit's.
    OtherUnit,
    /// It is of another kind than any requirement asks for.
    OtherKind(Vec<String>),
    /// It was published before the period began.
    BeforePeriod,
    /// The duty is not fulfilled by publications at all.
    BySubmission,
    /// The duty was waived or lapsed.
    Closed(ObligationState),
    /// It was published before the ledger.
    BeforeLedger,
}

/// Looks at a publication as the decider does and names the first unmet condition, if any.
pub fn considered(
    state: &RulesState,
    obligation: &Obligation,
    publication: &Publication,
    at: Timestamp,
) -> Result<u32, Miss> {
    let Some(ledger) = state.ledger(&obligation.ledger) else {
        return Err(Miss::BeforeLedger);
    };
    if obligation.unit != publication.unit {
        return Err(Miss::OtherUnit);
    }
    let definition = &ledger.definition;
    if at.date_in(definition.zone) < definition.issued {
        return Err(Miss::BeforeLedger);
    }
    requirement(definition, obligation, &publication.kind, at)
}

/// The requirement of an obligation that a publication of this kind at this instant meets.
fn requirement(
    definition: &Definition,
    obligation: &Obligation,
    kind: &str,
    at: Timestamp,
) -> Result<u32, Miss> {
    let owner = definition
        .task(&obligation.task)
        .and_then(|(_, task)| obligation.owner_of(task));
    let Some(Fulfilment::Publications(requirements)) = owner.map(|o| &o.fulfilled_by) else {
        return Err(Miss::BySubmission);
    };
    let Some(index) = requirements
        .iter()
        .position(|r| r.kinds.iter().any(|k| k == kind))
    else {
        let wanted = requirements.iter().flat_map(|r| r.kinds.clone()).collect();
        return Err(Miss::OtherKind(wanted));
    };
    if obligation
        .period
        .is_some_and(|p| at.date_in(definition.zone) < p.start())
    {
        return Err(Miss::BeforePeriod);
    }
    if matches!(
        obligation.state,
        ObligationState::Waived | ObligationState::Lapsed
    ) {
        return Err(Miss::Closed(obligation.state));
    }
    // Several requirements may name the kind; the first one still short takes it.
    let short = requirements
        .iter()
        .enumerate()
        .position(|(i, r)| r.kinds.iter().any(|k| k == kind) && !met(obligation, i, r.at_least));
    Ok(u32::try_from(short.unwrap_or(index)).unwrap_or(u32::MAX))
}

fn met(obligation: &Obligation, requirement: usize, at_least: u32) -> bool {
    u32::try_from(requirement)
        .ok()
        .and_then(|i| obligation.ticks.get(&i))
        .map_or(0, BTreeMap::len) as u64
        >= u64::from(at_least)
}

/// Something was published, or a publication changed.
pub(crate) fn published(desk: &mut Desk<'_, '_>, publication: &Publication) {
    let state = desk.state;
    let tenant = desk.record.tenant.clone();
    let ledgers: Vec<&Ledger> = state
        .ledgers()
        .map(|(_, ledger)| ledger)
        .filter(|ledger| ledger.definition.tenant == tenant)
        .collect();
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    let too_early =
        |ledger: &Ledger| claimed.date_in(ledger.definition.zone) < ledger.definition.issued;
    if !ledgers.is_empty() && ledgers.iter().all(|ledger| too_early(ledger)) {
        let issued = ledgers
            .iter()
            .map(|l| l.definition.issued)
            .min()
            .unwrap_or_default();
        return desk.reject(
            "before-ledger",
            format!("a publication of {}", claimed.date_in(ledgers[0].definition.zone)),
            format!("nothing before the ledger's issue, {issued}"),
            "what was public before the ledger began is not evidence for it; correct the time if it is wrong",
        );
    }
    let name = format!("{}/{}", publication.unit, publication.publication);
    let noted = state.publications.get(&publication_key(&tenant, &name));
    let old_ticks: Vec<_> = noted
        .map(|n| n.ticks.iter().cloned().collect())
        .unwrap_or_default();
    let mut cases: BTreeMap<String, Case<'_>> = BTreeMap::new();

    // A changed publication first loses what it no longer meets.
    for (id, index) in &old_ticks {
        let Some(obligation) = state.obligation(id) else {
            continue;
        };
        let still = Case::of(state, id, obligation.clone()).is_some_and(|case| {
            matches!(&case.owner.fulfilled_by, Fulfilment::Publications(list)
                if list.get(*index as usize).is_some_and(|r| r.kinds.contains(&publication.kind)))
        });
        if !still && let Some(case) = case_of(&mut cases, state, id) {
            let body = Body::ObligationUnticked(ObligationUnticked {
                obligation: id.clone(),
                requirement: *index,
                publication: name.clone(),
                reason: format!("改为“{}”,不再符合要求", publication.kind),
            });
            case.emit(desk, body);
        }
    }

    // Then it counts where it is wanted: once per task, for the oldest period still open.
    let concerned: Vec<String> = state
        .concerned(&tenant, &publication.unit, &publication.kind)
        .cloned()
        .collect();
    let mut by_task: BTreeMap<(String, String, &'static str), Vec<String>> = BTreeMap::new();
    for id in concerned {
        if let Some(o) = state.obligation(&id) {
            by_task
                .entry((o.ledger.clone(), o.task.clone(), o.role.as_str()))
                .or_default()
                .push(id);
        }
    }
    let mut announced = false;
    let mut still_counts = false;
    for ids in by_task.values() {
        let counted = ids.iter().find_map(|id| {
            let (_, index) = old_ticks.iter().find(|(ticked, _)| ticked == id)?;
            (!cases.contains_key(id)).then_some((id, *index))
        });
        let found = match counted {
            // It counts for this task already; once mended, it answers a return.
            Some((id, index)) => {
                still_counts = true;
                let returned = state
                    .obligation(id)
                    .is_some_and(|o| o.state == ObligationState::Returned);
                returned.then_some((id, index))
            }
            None => candidate(state, desk, &too_early, ids, &publication.kind),
        };
        let Some((id, index)) = found else {
            continue;
        };
        let Some(case) = case_of(&mut cases, state, id) else {
            continue;
        };
        let at = judge(desk.record, &case.ledger.definition, case.calendar);
        if !announced {
            announced = true;
            desk.push(noted_body(&name, publication, at));
        }
        let body = Body::ObligationTicked(ObligationTicked {
            obligation: id.clone(),
            requirement: index,
            publication: name.clone(),
            at: at.at,
        });
        case.emit(desk, body);
    }
    // What counts for nothing yet may count for a period that has not opened: that is noted too.
    let changed = noted.is_some_and(|n| {
        n.publication.title != publication.title || n.publication.kind != publication.kind
    });
    let later = ledgers.iter().find(|ledger| {
        !too_early(ledger) && may_count_later(&ledger.definition, publication, claimed)
    });
    if !announced && (later.is_some() || (still_counts && changed)) {
        let ledger = later.copied().unwrap_or(ledgers[0]);
        if let Some(calendar) = state.calendar(&ledger.definition) {
            announced = true;
            let at = judge(desk.record, &ledger.definition, calendar);
            desk.push(noted_body(&name, publication, at));
        }
    }
    for case in cases.values_mut() {
        settle(desk, case);
    }
    if noted.is_some() && !announced && !still_counts && !old_ticks.is_empty() {
        let body = Body::PublicationForgotten(PublicationForgotten {
            publication: name,
            reason: "更新后不再符合任何要求".to_owned(),
        });
        desk.push(body);
    }
}

fn noted_body(name: &str, publication: &Publication, at: Judged) -> Body {
    Body::PublicationNoted(PublicationNoted {
        publication: name.to_owned(),
        unit: publication.unit.clone(),
        kind: publication.kind.clone(),
        title: publication.title.clone(),
        at,
    })
}

/// Which duty of one task a publication counts for: the oldest period still open; if none is, the
/// one of its own period, as a reserve.
fn candidate<'c>(
    state: &RulesState,
    desk: &Desk<'_, '_>,
    too_early: &dyn Fn(&Ledger) -> bool,
    ids: &'c [String],
    kind: &str,
) -> Option<(&'c String, u32)> {
    let mut reserve = None;
    // Ids sort by period.
    for id in ids {
        let Some(obligation) = state.obligation(id) else {
            continue;
        };
        let Some(ledger) = state.ledger(&obligation.ledger).filter(|l| !too_early(l)) else {
            continue;
        };
        let definition = &ledger.definition;
        let Some(calendar) = state.calendar(definition) else {
            continue;
        };
        let at = judge(desk.record, definition, calendar).at;
        let Ok(index) = requirement(definition, obligation, kind, at) else {
            continue;
        };
        if !obligation.state.is_final() && obligation.state != ObligationState::Waiting {
            return Some((id, index));
        }
        let own = |period: Period| period.contains(at.date_in(definition.zone));
        if obligation.period.is_none_or(own) {
            reserve = Some((id, index));
        }
    }
    reserve
}

/// Whether a publication of this kind may count for a period of this ledger that opens later.
fn may_count_later(definition: &Definition, publication: &Publication, at: Timestamp) -> bool {
    at.date_in(definition.zone) <= definition.ends
        && definition
            .tasks
            .iter()
            .filter(|task| matches!(task.opens, Opens::EachPeriod(_)))
            .flat_map(|task| &task.owners)
            .filter(|owner| owner.units.contains(&publication.unit))
            .any(|owner| match &owner.fulfilled_by {
                Fulfilment::Submission => false,
                Fulfilment::Publications(list) => {
                    list.iter().any(|r| r.kinds.contains(&publication.kind))
                }
            })
}

/// Records of one input after which no further tick is made: below the limit of 500, with room for
/// what follows the ticks.
const MAX_RECORDS: usize = 480;

/// A duty opens: what its unit published in its period before that, and what has not counted for
/// the task yet, counts now.
pub(crate) fn count_noted(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let state = desk.state;
    let Fulfilment::Publications(requirements) = &case.owner.fulfilled_by else {
        return;
    };
    let Some(period) = case.obligation.period else {
        return;
    };
    let definition = &case.ledger.definition;
    let prefix = format!("{}/{}/", case.obligation.tenant, case.obligation.unit);
    for (_, noted) in state.publications.with_prefix(&prefix) {
        let complete = case.obligation.missing(&case.owner.fulfilled_by).is_empty();
        if complete || desk.out.len() >= MAX_RECORDS {
            break;
        }
        let publication = &noted.publication;
        let date = publication.at.at.date_in(definition.zone);
        let counted = noted.ticks.iter().any(|(id, _)| {
            state.obligation(id).is_some_and(|o| {
                o.ledger == case.obligation.ledger
                    && o.task == case.obligation.task
                    && o.role == case.obligation.role
            })
        });
        if counted || !period.contains(date) || date < definition.issued {
            continue;
        }
        let found = requirement(
            definition,
            &case.obligation,
            &publication.kind,
            publication.at.at,
        );
        if let Ok(index) = found
            && let Some(wanted) = requirements.get(index as usize)
            && !met(&case.obligation, index as usize, wanted.at_least)
        {
            let body = Body::ObligationTicked(ObligationTicked {
                obligation: case.id.clone(),
                requirement: index,
                publication: publication.publication.clone(),
                at: publication.at.at,
            });
            case.emit(desk, body);
        }
    }
    if !case.obligation.ticks.is_empty() {
        settle(desk, case);
    }
}

/// A publication was taken down.
pub(crate) fn withdrawn(desk: &mut Desk<'_, '_>, withdrawn: &PublicationWithdrawn) {
    let state = desk.state;
    let name = format!("{}/{}", withdrawn.unit, withdrawn.publication);
    let Some(noted) = state
        .publications
        .get(&publication_key(&desk.record.tenant, &name))
    else {
        return;
    };
    let reason = match &withdrawn.reason {
        Some(reason) => format!("撤回:{reason}"),
        None => "撤回".to_owned(),
    };
    let mut cases = BTreeMap::new();
    for (id, index) in &noted.ticks {
        if let Some(case) = case_of(&mut cases, state, id) {
            let body = Body::ObligationUnticked(ObligationUnticked {
                obligation: id.clone(),
                requirement: *index,
                publication: name.clone(),
                reason: reason.clone(),
            });
            case.emit(desk, body);
        }
    }
    for case in cases.values_mut() {
        settle(desk, case);
    }
    let body = Body::PublicationForgotten(PublicationForgotten {
        publication: name,
        reason,
    });
    desk.push(body);
}

fn case_of<'c, 'a>(
    cases: &'c mut BTreeMap<String, Case<'a>>,
    state: &'a RulesState,
    id: &str,
) -> Option<&'c mut Case<'a>> {
    if !cases.contains_key(id) {
        let obligation = state.obligation(id)?.clone();
        cases.insert(id.to_owned(), Case::of(state, id, obligation)?);
    }
    cases.get_mut(id)
}

/// After ticks changed: fulfils what is now complete, reopens what no longer is.
pub(crate) fn settle(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let complete = case.obligation.missing(&case.owner.fulfilled_by).is_empty();
    let state = case.obligation.state;
    let by_publications = case
        .obligation
        .done
        .as_ref()
        .is_some_and(|done| done.how == "publications");
    if complete && (state.is_running() || state == ObligationState::Submitted) {
        let at = case
            .obligation
            .ticks
            .values()
            .flat_map(BTreeMap::values)
            .copied()
            .max()
            .unwrap_or(desk.now());
        let late = case
            .obligation
            .due
            .is_some_and(|due| at.date_in(case.ledger.definition.zone) > due);
        let body = Body::ObligationFulfilled(ObligationFulfilled {
            obligation: case.id.clone(),
            how: "publications".to_owned(),
            by: None,
            at,
            late,
        });
        case.emit(desk, body);
        case.disarm(desk);
    } else if !complete && state == ObligationState::Fulfilled && by_publications {
        let missing = case.obligation.missing(&case.owner.fulfilled_by);
        let body = Body::ObligationReopened(ObligationActed {
            obligation: case.id.clone(),
            by: None,
            reason: Some(format!("佐证不再齐全,缺少:{}", missing.join("、"))),
        });
        case.emit(desk, body);
        // The unit hears of it at once, not at the next step of its ladder.
        let due = case.obligation.due.map(|d| d.to_string());
        case.notify(
            desk,
            Notice {
                kind: NoticeKind::Reopened,
                step: "reopened".to_owned(),
                to: Tier::Contact,
                covers: Vec::new(),
                reason: format!(
                    "已销号的事项重新打开:佐证不再齐全,缺少{};完成时限{}",
                    missing.join("、"),
                    due.unwrap_or_default()
                ),
            },
        );
        let now = desk.now();
        case.resume(desk, now);
    }
}
