//! Counting what was noted already: for a duty that opens, and for one whose requirements changed.

use std::collections::BTreeMap;

use duban_model::decision::{ObligationTicked, ObligationUnticked};
use duban_model::definition::{Fulfilment, Requirement};
use duban_model::{Body, Timestamp};

use crate::case::Case;
use crate::decide::Desk;
use crate::evidence::{fits, fitting, met, requirement, settle};
use crate::field::Shown;
use crate::obligation::ObligationState;
use crate::state::publication_key;

/// Records of one input after which no further tick is made: below the limit of 500, with room for
/// what follows the ticks.
const MAX_RECORDS: usize = 480;

/// A duty opens: what its unit published in its period before that, and what has not counted for
/// the task yet, counts now. For a duty that a revision opens, that is all the unit published.
pub(crate) fn count_noted(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    if case.obligation.period.is_none() && case.ledger.before.is_none() {
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
    let requirements: &[Requirement] = match &case.owner.fulfilled_by {
        Fulfilment::Publications(list) => list,
        Fulfilment::Submission => &[],
    };
    let plan = state.plan(&case.ledger.definition.tenant);
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
            .is_some_and(|(noted, r)| fits(plan, r, &Shown::noted(&noted.publication)).is_ok());
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

/// Counts what was noted of its unit and does not count for the task yet, as far as it is wanted.
fn count_rest(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) -> bool {
    let state = desk.state;
    let Fulfilment::Publications(requirements) = &case.owner.fulfilled_by else {
        return true;
    };
    let definition = &case.ledger.definition;
    let plan = state.plan(&definition.tenant);
    let unit = case.obligation.unit.to_string();
    let formerly = state
        .directory(&case.obligation.tenant)
        .and_then(|directory| directory.units.get(&unit))
        .map_or(&[][..], |unit| &unit.formerly);
    let prefixes: Vec<String> = std::iter::once(&unit)
        .chain(formerly)
        .map(|unit| format!("{}/{unit}/", case.obligation.tenant))
        .collect();
    let noted = prefixes
        .iter()
        .flat_map(|prefix| state.publications.with_prefix(prefix));
    for (_, noted) in noted {
        if case.obligation.missing(&case.owner.fulfilled_by).is_empty() {
            break;
        }
        if desk.out.len() >= MAX_RECORDS {
            return false;
        }
        // A unit may have noted thousands for its other tasks: they are passed over by what is
        // cheapest to ask, the kind, then the day.
        let publication = &noted.publication;
        let kind = publication.kind.as_str();
        if !requirements
            .iter()
            .any(|r| r.kinds.iter().any(|k| k == kind))
        {
            continue;
        }
        let date = publication.at.at.date_in(definition.zone);
        let outside = case.obligation.period.is_some_and(|p| !p.contains(date));
        if outside || date < definition.issued {
            continue;
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
            continue;
        }
        let found = fitting(plan, requirements, &Shown::noted(publication)).and_then(|fitting| {
            let at = publication.at.at;
            requirement(definition, &case.obligation, requirements, &fitting, at)
        });
        if let Ok(index) = found
            && let Some(wanted) = requirements.get(index as usize)
            && !met(&case.obligation, index as usize, wanted.at_least)
        {
            let body = Body::ObligationTicked(ObligationTicked {
                obligation: case.id.clone(),
                requirement: index,
                publication: name.clone(),
                at: publication.at.at,
            });
            case.emit(desk, body);
        }
    }
    true
}
