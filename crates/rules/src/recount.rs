//! Counting what was noted already: for a duty that opens, and for one whose requirements changed.

use std::collections::BTreeMap;

use duban_model::decision::{ObligationTicked, ObligationUnticked};
use duban_model::definition::{By, Came, EventSort, Requirement};
use duban_model::{Body, Timestamp};

use crate::case::Case;
use crate::counting::{Counting, belongs, requirement};
use crate::decide::Desk;
use crate::field::noted_name;
use crate::obligation::ObligationState;
use crate::settle::settle;
use crate::state::{Noted, publication_key};

/// Records of one input after which no further tick is made: below the limit of 500, with room for
/// what follows the ticks.
const MAX_RECORDS: usize = 480;

/// A duty opens: what its unit published in its period before that, and what has not counted for
/// the task yet, counts now. For a duty that a revision opens, that is all the unit published.
pub(crate) fn count_noted(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let o = &case.obligation;
    if o.period.is_none() && o.occasion.is_none() && case.ledger.before.is_none() {
        return;
    }
    count_rest(desk, case);
    if !case.obligation.ticks.is_empty() {
        settle(desk, case);
    }
}

/// What fulfils a duty changed: what was noted is counted anew. False if there is more to count
/// than one input may write; then it goes on from what is on the log.
pub(crate) fn recount(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) -> bool {
    use ObligationState as S;
    if matches!(case.obligation.state, S::Waived | S::Lapsed | S::Withdrawn) {
        return true;
    }
    let state = desk.state;
    let requirements = case.owner.fulfilled_by.requirements();
    let counting = Counting::of(state, &case.ledger.definition);
    let ticks: Vec<(u32, String)> = case
        .obligation
        .ticks
        .iter()
        .flat_map(|(index, ticks)| ticks.keys().map(|name| (*index, name.clone())))
        .collect();
    for (index, publication) in ticks {
        let noted = state
            .publications
            .get(&publication_key(&case.obligation.tenant, &publication));
        let still = noted
            .zip(requirements.get(index as usize))
            .is_some_and(|(noted, r)| {
                let shown = counting.shown(noted);
                let before = case.obligation.item_of(index, &publication);
                let fits = counting.fits(r, &case.obligation.unit, &shown);
                fits.is_ok_and(|item| item.as_deref() == before)
                    && belongs(r, &case.obligation, &shown)
            });
        if still {
            continue;
        }
        if desk.out.len() >= MAX_RECORDS {
            return false;
        }
        let body = Body::ObligationUnticked(ObligationUnticked {
            obligation: case.id.clone(),
            requirement: index,
            publication,
            reason: "台账定义变更,按新的要求重新计算".to_owned(),
        });
        case.emit(desk, body);
    }
    count_rest(desk, case)
}

/// Counts what was noted and does not count for the task yet, as far as it is wanted: of its unit,
/// then where that is asked for of others.
fn count_rest(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) -> bool {
    let state = desk.state;
    let requirements = case.owner.fulfilled_by.requirements();
    if requirements.is_empty() {
        return true;
    }
    let tenant = case.obligation.tenant.to_string();
    let unit = case.obligation.unit.to_string();
    let formerly = state
        .directory(&tenant)
        .and_then(|directory| directory.units.get(&unit))
        .map_or(&[][..], |unit| &unit.formerly);
    let units = || std::iter::once(&unit).chain(formerly);
    let sorts: &[EventSort] = if requirements.iter().any(|r| r.on == EventSort::Matter) {
        &[EventSort::Publication, EventSort::Matter]
    } else {
        &[EventSort::Publication]
    };
    for sort in sorts {
        for unit in units() {
            let prefix = publication_key(&tenant, &noted_name(*sort, unit, ""));
            for (_, noted) in state.publications.with_prefix(&prefix) {
                if case.obligation.is_complete(&case.owner.fulfilled_by) {
                    return true;
                }
                if desk.out.len() >= MAX_RECORDS {
                    return false;
                }
                count_one(desk, case, requirements, noted);
            }
        }
    }
    for wide in requirements.iter().filter(|r| r.by != By::Unit) {
        for noted in state.noted_by_anyone(&tenant, wide.on, &wide.kinds) {
            if case.obligation.is_complete(&case.owner.fulfilled_by) {
                return true;
            }
            if desk.out.len() >= MAX_RECORDS {
                return false;
            }
            count_one(desk, case, requirements, noted);
        }
    }
    true
}

/// Counts one thing that was noted, if it brings the duty further.
fn count_one(
    desk: &mut Desk<'_, '_>,
    case: &mut Case<'_>,
    requirements: &[Requirement],
    noted: &Noted,
) {
    let state = desk.state;
    let definition = &case.ledger.definition;
    // A unit may have noted thousands for its other tasks: they are passed over by what is cheapest
    // to ask, the kind, then the day.
    let publication = &noted.publication;
    let kind = publication.kind.as_str();
    if !requirements
        .iter()
        .any(|r| r.kinds.iter().any(|k| k == kind))
    {
        return;
    }
    let date = publication.at.at.date_in(definition.zone);
    let outside = case.obligation.period.is_some_and(|p| !p.contains(date));
    if outside || date < definition.issued {
        return;
    }
    let name = &publication.publication;
    let own = |(_, ticks): (&u32, &BTreeMap<String, Timestamp>)| ticks.contains_key(name);
    let counted = case.obligation.ticks.iter().any(own)
        || noted.ticks.iter().any(|(id, _)| {
            // What counted for a former unit's duty counts for this one too.
            *id != case.id
                && state.is_kept(id)
                && state.obligation(id).is_some_and(|o| {
                    o.ledger == case.obligation.ledger
                        && o.task == case.obligation.task
                        && o.unit == case.obligation.unit
                        && o.role == case.obligation.role
                })
        });
    if counted {
        return;
    }
    let counting = Counting::of(state, definition);
    let shown = counting.shown(noted);
    let at = publication.at.at;
    let Ok(fitting) = counting.fitting(requirements, &case.obligation.unit, &shown) else {
        return;
    };
    let found = requirement(
        definition,
        &case.obligation,
        requirements,
        &fitting,
        &shown,
        at,
    );
    if let Ok(fit) = found
        && let Some(wanted) = requirements.get(fit.requirement as usize)
        && !case.obligation.meets(fit.requirement, wanted)
    {
        let body = Body::ObligationTicked(ObligationTicked {
            obligation: case.id.clone(),
            requirement: fit.requirement,
            publication: name.clone(),
            at,
            item: fit.item.clone(),
        });
        case.emit(desk, body);
    }
}
