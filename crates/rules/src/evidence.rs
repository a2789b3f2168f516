//! Publications and matters as evidence: what they tick, and what their withdrawal reopens.

use std::collections::BTreeMap;

use duban_calendar::Period;
use duban_model::decision::{
    Carried, Continuation, Judged, ObligationTicked, ObligationUnticked, PublicationForgotten,
    PublicationNoted,
};
use duban_model::definition::EventSort;
use duban_model::fact::{Matter, MatterWithdrawn, Publication, PublicationWithdrawn};
use duban_model::{Body, Name};

use crate::case::Case;
use crate::counting::{Counting, Fit, Miss, belongs, requirement};
use crate::decide::Desk;
use crate::field::{carried, sort_noted};
use crate::obligation::{Obligation, ObligationState, Part, obligation_id};
use crate::offer::{Offer, Wanted, as_noted, as_publication, name_of, wanted_of};
use crate::plan::Plan;
use crate::settle::settle;
use crate::state::{Ledger, Noted, RulesState, publication_key};

/// Records of one input after which counting goes on with the next: below the limit of 500.
const MAX_RECORDS: usize = 480;
/// Records that settling one duty may write: it reopens, its unit is told, two lights, a timer.
const RECORDS_OF_SETTLING: usize = 6;

/// Something was published, or a publication changed.
pub(crate) fn published(desk: &mut Desk<'_, '_>, publication: &Publication) {
    arrived(desk, EventSort::Publication, publication);
}

/// A matter was reported, or reported anew.
pub(crate) fn reported(desk: &mut Desk<'_, '_>, matter: &Matter) {
    arrived(desk, EventSort::Matter, &as_publication(matter));
}

/// A publication, or a matter in the same shape, came or changed.
fn arrived(desk: &mut Desk<'_, '_>, sort: EventSort, publication: &Publication) {
    let state = desk.state;
    let tenant = &desk.record.tenant;
    let name = name_of(
        state,
        tenant,
        sort,
        &publication.unit,
        &publication.publication,
    );
    // What a former unit publishes is its successor's.
    let unit = state.current_unit(tenant, &publication.unit);
    let succeeded;
    let publication = if *unit == *publication.unit {
        publication
    } else {
        succeeded = Publication {
            unit: unit.to_owned(),
            ..publication.clone()
        };
        &succeeded
    };
    let plan = state.plan(tenant);
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    let first = plan
        .and_then(Plan::first)
        .and_then(|ledger| state.ledger(ledger));
    if let (Some(first), Some(issued)) = (first, plan.and_then(|plan| plan.before_all(claimed))) {
        // Of a matter that is told where it would open duties.
        if sort == EventSort::Matter {
            return;
        }
        return desk.reject(
            "before-ledger",
            format!("a publication of {}", claimed.date_in(first.definition.zone)),
            format!("nothing before the ledger's issue, {issued}"),
            "what was public before the ledger began is not evidence for it; correct the time if it is wrong",
        );
    }
    let offer = Offer {
        sort,
        name,
        publication,
        noted: None,
    };
    count(desk, &offer);
}

/// What is left to be counted for something that was noted, or to be taken back.
pub(crate) fn go_on(desk: &mut Desk<'_, '_>, name: &str, withdrawn: Option<&str>) {
    let state = desk.state;
    let key = publication_key(&desk.record.tenant, name);
    let Some(noted) = state.publications.get(&key) else {
        return;
    };
    if let Some(reason) = withdrawn {
        return take_back(desk, name, noted, reason);
    }
    let as_noted = as_noted(noted);
    let publication = Publication {
        unit: state
            .current_unit(&desk.record.tenant, &as_noted.unit)
            .to_owned(),
        ..as_noted
    };
    let offer = Offer {
        sort: sort_noted(name),
        name: name.to_owned(),
        publication: &publication,
        noted: Some(noted.publication.at),
    };
    count(desk, &offer);
}

/// Counts something: first it loses what it no longer meets, then it counts where it is wanted, once
/// per task and unit, for the oldest period still open.
fn count(desk: &mut Desk<'_, '_>, offer: &Offer<'_>) {
    let state = desk.state;
    let tenant = desk.record.tenant.clone();
    let (name, publication) = (&offer.name, offer.publication);
    let plan = state.plan(&tenant);
    let claimed = offer.claimed(desk);
    let too_early =
        |ledger: &Ledger| claimed.date_in(ledger.definition.zone) < ledger.definition.issued;
    let noted = state.publications.get(&publication_key(&tenant, name));
    let old_ticks: Vec<_> = noted
        .map(|n| n.ticks.iter().filter(|(id, _)| state.is_kept(id)).cloned())
        .map(Iterator::collect)
        .unwrap_or_default();
    let mut cases: BTreeMap<String, Case<'_>> = BTreeMap::new();
    let mut is_full = false;

    for (id, index) in &old_ticks {
        let Err(why) = still_counts_for(desk, offer, id, *index) else {
            continue;
        };
        is_full = full(desk, &cases);
        if is_full {
            break;
        }
        if let Some(case) = case_of(&mut cases, state, id) {
            let body = Body::ObligationUnticked(ObligationUnticked {
                obligation: id.clone(),
                requirement: *index,
                publication: name.clone(),
                reason: reason_of_loss(why, publication),
            });
            case.emit(desk, body);
        }
    }

    let by_task = wanted_of(desk, plan, offer);
    let first = plan
        .and_then(Plan::first)
        .and_then(|ledger| state.ledger(ledger));
    let first_day = first.and_then(|ledger| offer.published(desk, ledger));
    let carried = carried(
        publication,
        first_day,
        plan.map(Plan::fields).unwrap_or_default(),
    );
    let mut announced = offer.noted.is_some();
    let mut still_counts = false;
    for wanted in by_task.values() {
        if is_full {
            break;
        }
        let of = obligation_id(
            &wanted.ledger.definition.ledger,
            &wanted.task.id,
            &wanted.unit,
            wanted.owner.role,
            Part::Whole,
        );
        // Ids sort by period.
        let mut ids: Vec<&Name> = state.duties(&of).map(|(id, _)| id).collect();
        ids.sort_by_key(|id| state.obligation(id).and_then(Obligation::began));
        let counted = ids.iter().find_map(|id| {
            let (_, index) = old_ticks.iter().find(|(ticked, _)| *ticked == ***id)?;
            (!cases.contains_key(id.as_str())).then_some((*id, *index))
        });
        let found = match counted {
            // It counts for this task already; once mended, it answers a return.
            Some((id, index)) => {
                still_counts = true;
                let returned = state.obligation(id).is_some_and(|o| {
                    let ticks = o.ticks.get(&index);
                    let before = ticks.and_then(|ticks| ticks.get(name));
                    // What was counted on the input before is not counted again.
                    let anew = offer.noted.is_none_or(|now| before != Some(&now.at));
                    o.state == ObligationState::Returned && anew
                });
                let item = || {
                    let fit = wanted.fitting.iter().find(|fit| fit.requirement == index)?;
                    fit.item.clone()
                };
                returned.then(|| (id, index, item()))
            }
            None if too_early(wanted.ledger) => None,
            None => candidate(desk, offer, wanted, &cases, &ids)
                .map(|(id, fit)| (id, fit.requirement, fit.item.clone())),
        };
        let Some((id, index, item)) = found else {
            continue;
        };
        is_full = full(desk, &cases);
        if is_full {
            break;
        }
        let Some(case) = case_of(&mut cases, state, id) else {
            continue;
        };
        let Some(at) = offer.at(desk, case.ledger) else {
            continue;
        };
        if !announced {
            announced = true;
            desk.push(noted_body(name, publication, at, carried.clone()));
        }
        let body = Body::ObligationTicked(ObligationTicked {
            obligation: id.to_string(),
            requirement: index,
            publication: name.clone(),
            at: at.at,
            item,
        });
        case.emit(desk, body);
    }
    // What counts for nothing yet may count for a duty that has not opened: that is noted too.
    let changed = noted.is_some_and(|n| {
        n.publication.title != publication.title
            || n.publication.kind != publication.kind
            || n.publication.carried != carried
    });
    let later = by_task.values().find(|wanted| {
        !too_early(wanted.ledger)
            && wanted.may_count_later(publication)
            && claimed.date_in(wanted.ledger.definition.zone) <= wanted.ledger.definition.ends
    });
    if !announced && (later.is_some() || is_full || (still_counts && changed)) {
        let ledger = later.map(|wanted| wanted.ledger).or(first);
        if let Some(at) = ledger.and_then(|ledger| offer.at(desk, ledger)) {
            announced = true;
            desk.push(noted_body(name, publication, at, carried.clone()));
        }
    }
    for case in cases.values_mut() {
        settle(desk, case);
    }
    if is_full {
        go_on_later(desk, name, None);
    } else if noted.is_some() && !announced && !still_counts {
        // It was noted as it was before. What it is now counts for nothing, neither now nor later.
        let body = Body::PublicationForgotten(PublicationForgotten {
            publication: name.clone(),
            reason: "更新后不再符合任何要求".to_owned(),
        });
        desk.push(body);
    }
}

/// Whether the rest is left to the next input.
fn full(desk: &Desk<'_, '_>, cases: &BTreeMap<String, Case<'_>>) -> bool {
    desk.out.len() + (cases.len() + 1) * RECORDS_OF_SETTLING >= MAX_RECORDS
}

fn go_on_later(desk: &mut Desk<'_, '_>, name: &str, withdrawn: Option<&str>) {
    desk.push(Body::RulesContinue(Continuation::Count {
        publication: name.to_owned(),
        withdrawn: withdrawn.map(ToOwned::to_owned),
    }));
}

/// Whether something still counts where it did; if not, why, unless it is merely of another kind.
fn still_counts_for(
    desk: &Desk<'_, '_>,
    offer: &Offer<'_>,
    id: &str,
    index: u32,
) -> Result<(), Option<Miss>> {
    let state = desk.state;
    let Some(obligation) = state.obligation(id) else {
        return Ok(());
    };
    let case = Case::of(state, id, obligation.clone()).ok_or(None)?;
    let requirements = case.owner.fulfilled_by.requirements();
    let requirement = requirements.get(index as usize).ok_or(None)?;
    let shown = offer.shown(desk, case.ledger);
    let counting = Counting::of(state, &case.ledger.definition);
    let item = counting.fits(requirement, &obligation.unit, &shown)?;
    let as_before = item.as_deref() == obligation.item_of(index, &offer.name);
    if !as_before || !belongs(requirement, obligation, &shown) {
        return Err(Some(Miss::OtherOpening {
            named: shown.about.map(ToOwned::to_owned),
        }));
    }
    Ok(())
}

fn reason_of_loss(why: Option<Miss>, publication: &Publication) -> String {
    match why {
        None => format!("改为“{}”,不再符合要求", publication.kind),
        Some(Miss::Unmet { why, .. }) => format!("更新后不再符合条件:{}", why.in_chinese()),
        Some(_) => match &publication.about {
            Some(about) => format!("更新后关联“{about}”,不再符合要求"),
            None => "更新后没有关联,不再符合要求".to_owned(),
        },
    }
}

fn noted_body(name: &str, publication: &Publication, at: Judged, carried: Carried) -> Body {
    Body::PublicationNoted(PublicationNoted {
        publication: name.to_owned(),
        unit: publication.unit.clone(),
        kind: publication.kind.clone(),
        title: publication.title.clone(),
        at,
        carried,
    })
}

/// Which duty of one task and unit something counts for: the oldest period still open; if none is,
/// the one of its own period, as a reserve.
fn candidate<'c, 'w>(
    desk: &Desk<'_, '_>,
    offer: &Offer<'_>,
    wanted: &'w Wanted<'_>,
    cases: &BTreeMap<String, Case<'_>>,
    ids: &[&'c Name],
) -> Option<(&'c Name, &'w Fit)> {
    let state = desk.state;
    let definition = &wanted.ledger.definition;
    let requirements = wanted.owner.fulfilled_by.requirements();
    let at = offer.at(desk, wanted.ledger)?.at;
    let shown = offer.shown(desk, wanted.ledger);
    let mut reserve = None;
    for &id in ids {
        let lost = cases.get(id.as_str()).map(|case| &case.obligation);
        let Some(obligation) = lost.or_else(|| state.obligation(id)) else {
            continue;
        };
        let fitting = &wanted.fitting;
        let Ok(fit) = requirement(definition, obligation, requirements, fitting, &shown, at) else {
            continue;
        };
        if !obligation.state.is_final() && obligation.state != ObligationState::Waiting {
            return Some((id, fit));
        }
        let own = |period: Period| period.contains(at.date_in(definition.zone));
        if obligation.period.is_none_or(own) {
            reserve = Some((id, fit));
        }
    }
    reserve
}

/// A publication was taken down.
pub(crate) fn withdrawn(desk: &mut Desk<'_, '_>, withdrawn: &PublicationWithdrawn) {
    let reason = withdrawn.reason.as_deref();
    gone(
        desk,
        EventSort::Publication,
        &withdrawn.unit,
        &withdrawn.publication,
        reason,
    );
}

/// A matter is none any more.
pub(crate) fn called_off(desk: &mut Desk<'_, '_>, withdrawn: &MatterWithdrawn) {
    let reason = withdrawn.reason.as_deref();
    gone(
        desk,
        EventSort::Matter,
        &withdrawn.unit,
        &withdrawn.matter,
        reason,
    );
}

/// A publication or matter is none any more.
fn gone(desk: &mut Desk<'_, '_>, sort: EventSort, unit: &str, id: &str, reason: Option<&str>) {
    let state = desk.state;
    let tenant = &desk.record.tenant;
    let name = name_of(state, tenant, sort, unit, id);
    let Some(noted) = state.publications.get(&publication_key(tenant, &name)) else {
        return;
    };
    let reason = match reason {
        Some(reason) => format!("撤回:{reason}"),
        None => "撤回".to_owned(),
    };
    take_back(desk, &name, noted, &reason);
}

fn take_back(desk: &mut Desk<'_, '_>, name: &str, noted: &Noted, reason: &str) {
    let state = desk.state;
    let mut cases = BTreeMap::new();
    let mut is_full = false;
    for (id, index) in &noted.ticks {
        is_full = full(desk, &cases);
        if is_full {
            break;
        }
        if let Some(case) = case_of(&mut cases, state, id) {
            let body = Body::ObligationUnticked(ObligationUnticked {
                obligation: id.clone(),
                requirement: *index,
                publication: name.to_owned(),
                reason: reason.to_owned(),
            });
            case.emit(desk, body);
        }
    }
    for case in cases.values_mut() {
        settle(desk, case);
    }
    if is_full {
        return go_on_later(desk, name, Some(reason));
    }
    let body = Body::PublicationForgotten(PublicationForgotten {
        publication: name.to_owned(),
        reason: reason.to_owned(),
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
