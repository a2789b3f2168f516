//! Publications as evidence: what they tick, what their withdrawal reopens, and why one that was
//! looked at did not count.

use std::collections::BTreeMap;

use duban_calendar::Period;
use duban_model::decision::{
    Arose, Carried, Judged, NoticeKind, ObligationActed, ObligationFulfilled, ObligationTicked,
    ObligationUnticked, Occasion, PublicationForgotten, PublicationNoted,
};
use duban_model::definition::{Fulfilment, Opens, Owner, Requirement, Task, Tier};
use duban_model::fact::{Publication, PublicationWithdrawn};
use duban_model::{Body, Definition, Name, Timestamp};

use crate::case::{Case, Notice};
use crate::condition::Unmet;
use crate::decide::Desk;
use crate::field::{Shown, carried};
use crate::judge::judge;
use crate::obligation::{Obligation, ObligationState, Part, obligation_id};
use crate::plan::Plan;
use crate::state::{Ledger, RulesState, publication_key};

/// Why a publication did not count for an obligation; the first unmet condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is another unit's.
    OtherUnit,
    /// It is of another kind than any requirement asks for.
    OtherKind(Vec<String>),
    /// Its kind is asked for, and it does not meet the condition.
    Unmet {
        /// The requirement's name.
        requirement: String,
        /// The condition.
        condition: String,
        /// What of it is not met.
        why: Unmet,
    },
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
    if obligation.unit != *state.current_unit(&obligation.tenant, &publication.unit) {
        return Err(Miss::OtherUnit);
    }
    let definition = &ledger.definition;
    if at.date_in(definition.zone) < definition.issued {
        return Err(Miss::BeforeLedger);
    }
    let requirements = wanted(state, ledger, obligation)?;
    let plan = state.plan(&definition.tenant);
    let fitting = fitting(plan, requirements, &Shown::of(publication))?;
    requirement(definition, obligation, requirements, &fitting, at)
}

/// What an obligation asks of publications.
fn wanted<'a>(
    state: &RulesState,
    ledger: &'a Ledger,
    obligation: &Obligation,
) -> Result<&'a [Requirement], Miss> {
    let task = state.task(ledger, &obligation.task);
    match task.and_then(|task| obligation.owner_of(task)) {
        Some(Owner {
            fulfilled_by: Fulfilment::Publications(requirements),
            ..
        }) => Ok(requirements),
        _ => Err(Miss::BySubmission),
    }
}

/// The requirements that a publication meets by what it is.
pub(crate) fn fitting(
    plan: Option<&Plan>,
    requirements: &[Requirement],
    shown: &Shown<'_>,
) -> Result<Vec<u32>, Miss> {
    let mut fitting = Vec::new();
    let mut miss = None;
    for (number, requirement) in (0..).zip(requirements) {
        match fits(plan, requirement, shown) {
            Ok(()) => fitting.push(number),
            Err(Some(why)) if miss.is_none() => {
                miss = Some(Miss::Unmet {
                    requirement: requirement.name.clone(),
                    condition: requirement.when.clone().unwrap_or_default(),
                    why,
                });
            }
            Err(_) => {}
        }
    }
    if fitting.is_empty() {
        let kinds = || requirements.iter().flat_map(|r| r.kinds.clone()).collect();
        return Err(miss.unwrap_or_else(|| Miss::OtherKind(kinds())));
    }
    Ok(fitting)
}

/// Whether a publication meets one requirement by what it is; if its kind does, what else does not.
pub(crate) fn fits(
    plan: Option<&Plan>,
    requirement: &Requirement,
    shown: &Shown<'_>,
) -> Result<(), Option<Unmet>> {
    if !requirement.kinds.iter().any(|kind| kind == shown.kind) {
        return Err(None);
    }
    match (plan, requirement.when.as_deref()) {
        (Some(plan), when) => plan.asks(when, shown).map_err(Some),
        (None, _) => Err(None),
    }
}

/// The requirement of an obligation for which a publication of this instant counts, of those that it
/// meets by what it is.
pub(crate) fn requirement(
    definition: &Definition,
    obligation: &Obligation,
    requirements: &[Requirement],
    fitting: &[u32],
    at: Timestamp,
) -> Result<u32, Miss> {
    if obligation
        .period
        .is_some_and(|p| at.date_in(definition.zone) < p.start())
    {
        return Err(Miss::BeforePeriod);
    }
    // A round of a standing duty, or one of a schedule, is not met by what was there before it.
    let new_part = |o: &&Occasion| o.round > 1 || o.arose == Arose::Schedule;
    let occasion = obligation.occasion.as_deref().filter(new_part);
    if occasion.is_some_and(|occasion| at < occasion.at) {
        return Err(Miss::BeforePeriod);
    }
    if matches!(
        obligation.state,
        ObligationState::Waived | ObligationState::Lapsed | ObligationState::Withdrawn
    ) {
        return Err(Miss::Closed(obligation.state));
    }
    // It may meet several; the first one still short takes it.
    let short = |number: &&u32| {
        let requirement = requirements.get(**number as usize);
        requirement.is_some_and(|r| !met(obligation, **number as usize, r.at_least))
    };
    let taken = fitting.iter().find(short).or(fitting.first());
    taken.copied().ok_or(Miss::OtherKind(Vec::new()))
}

pub(crate) fn met(obligation: &Obligation, requirement: usize, at_least: u32) -> bool {
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
    let name = name_of(state, &tenant, &publication.unit, &publication.publication);
    // What a former unit publishes is its successor's.
    let unit = state.current_unit(&tenant, &publication.unit);
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
    let plan = state.plan(&tenant);
    let first = plan
        .and_then(Plan::first)
        .and_then(|ledger| state.ledger(ledger));
    let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
    let too_early =
        |ledger: &Ledger| claimed.date_in(ledger.definition.zone) < ledger.definition.issued;
    if let (Some(first), Some(issued)) = (first, plan.and_then(|plan| plan.before_all(claimed))) {
        return desk.reject(
            "before-ledger",
            format!("a publication of {}", claimed.date_in(first.definition.zone)),
            format!("nothing before the ledger's issue, {issued}"),
            "what was public before the ledger began is not evidence for it; correct the time if it is wrong",
        );
    }
    let shown = Shown::of(publication);
    let noted = state.publications.get(&publication_key(&tenant, &name));
    let old_ticks: Vec<_> = noted
        .map(|n| n.ticks.iter().filter(|(id, _)| state.is_kept(id)).cloned())
        .map(Iterator::collect)
        .unwrap_or_default();
    let mut cases: BTreeMap<String, Case<'_>> = BTreeMap::new();

    // A changed publication first loses what it no longer meets.
    for (id, index) in &old_ticks {
        let Some(obligation) = state.obligation(id) else {
            continue;
        };
        let lost = Case::of(state, id, obligation.clone())
            .map_or(Err(None), |case| match &case.owner.fulfilled_by {
                Fulfilment::Publications(list) => match list.get(*index as usize) {
                    Some(requirement) => fits(plan, requirement, &shown),
                    None => Err(None),
                },
                Fulfilment::Submission => Err(None),
            })
            .err();
        if let Some(why) = lost
            && let Some(case) = case_of(&mut cases, state, id)
        {
            let body = Body::ObligationUnticked(ObligationUnticked {
                obligation: id.clone(),
                requirement: *index,
                publication: name.clone(),
                reason: match why {
                    None => format!("改为“{}”,不再符合要求", publication.kind),
                    Some(why) => format!("更新后不再符合条件:{}", why.in_chinese()),
                },
            });
            case.emit(desk, body);
        }
    }

    // Then it counts where it is wanted: once per task, for the oldest period still open.
    let matches = plan.map(|plan| plan.matches(publication));
    let mut by_task: BTreeMap<(&str, &str, &'static str), Wanted<'_>> = BTreeMap::new();
    for found in matches.iter().flatten() {
        let Some(ledger) = state.ledger(found.ledger) else {
            continue;
        };
        let Some(task) = ledger.definition.tasks.get(found.task) else {
            continue;
        };
        let Some(owner) = task.owners.get(found.owner) else {
            continue;
        };
        let wanted = by_task
            .entry((found.ledger, &task.id, owner.role.as_str()))
            .or_insert_with(|| Wanted {
                ledger,
                task,
                owner,
                fitting: Vec::new(),
            });
        wanted.fitting.push(found.requirement);
    }
    let carried = carried(publication, plan.map(Plan::fields).unwrap_or_default());
    let mut announced = false;
    let mut still_counts = false;
    for wanted in by_task.values() {
        let of = obligation_id(
            &wanted.ledger.definition.ledger,
            &wanted.task.id,
            &publication.unit,
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
                let returned = state
                    .obligation(id)
                    .is_some_and(|o| o.state == ObligationState::Returned);
                returned.then_some((id, index))
            }
            None if too_early(wanted.ledger) => None,
            None => candidate(state, desk, wanted, &ids),
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
            desk.push(noted_body(&name, publication, at, carried.clone()));
        }
        let body = Body::ObligationTicked(ObligationTicked {
            obligation: id.to_string(),
            requirement: index,
            publication: name.clone(),
            at: at.at,
        });
        case.emit(desk, body);
    }
    // What counts for nothing yet may count for a period that has not opened: that is noted too.
    let changed = noted.is_some_and(|n| {
        n.publication.title != publication.title
            || n.publication.kind != publication.kind
            || n.publication.carried != carried
    });
    let later = by_task.values().find(|wanted| {
        !too_early(wanted.ledger)
            && matches!(wanted.task.opens, Opens::EachPeriod(_))
            && claimed.date_in(wanted.ledger.definition.zone) <= wanted.ledger.definition.ends
    });
    if !announced && (later.is_some() || (still_counts && changed)) {
        let ledger = later.map(|wanted| wanted.ledger).or(first);
        if let Some(ledger) = ledger
            && let Some(calendar) = state.calendar(&ledger.definition)
        {
            announced = true;
            let at = judge(desk.record, &ledger.definition, calendar);
            desk.push(noted_body(&name, publication, at, carried.clone()));
        }
    }
    for case in cases.values_mut() {
        settle(desk, case);
    }
    // It was noted as it was before. What it is now counts for nothing, neither now nor later.
    if noted.is_some() && !announced && !still_counts {
        let body = Body::PublicationForgotten(PublicationForgotten {
            publication: name,
            reason: "更新后不再符合任何要求".to_owned(),
        });
        desk.push(body);
    }
}

/// A row of which a publication meets requirements.
struct Wanted<'a> {
    ledger: &'a Ledger,
    task: &'a Task,
    owner: &'a Owner,
    /// Which of its requirements.
    fitting: Vec<u32>,
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

/// Which duty of one task a publication counts for: the oldest period still open; if none is, the
/// one of its own period, as a reserve.
fn candidate<'c>(
    state: &RulesState,
    desk: &Desk<'_, '_>,
    wanted: &Wanted<'_>,
    ids: &[&'c Name],
) -> Option<(&'c Name, u32)> {
    let definition = &wanted.ledger.definition;
    let Fulfilment::Publications(requirements) = &wanted.owner.fulfilled_by else {
        return None;
    };
    let calendar = state.calendar(definition)?;
    let at = judge(desk.record, definition, calendar).at;
    let mut reserve = None;
    for &id in ids {
        let Some(obligation) = state.obligation(id) else {
            continue;
        };
        let Ok(index) = requirement(definition, obligation, requirements, &wanted.fitting, at)
        else {
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

/// By which name a publication is noted: `unit/publication`, under a former id of the unit if it was
/// published under that.
fn name_of(state: &RulesState, tenant: &str, unit: &str, publication: &str) -> String {
    let name = format!("{unit}/{publication}");
    let former = |name: &String| state.publications.has(&publication_key(tenant, name));
    let formerly = state
        .directory(tenant)
        .and_then(|directory| directory.units.get(unit))
        .map_or(&[][..], |unit| &unit.formerly);
    if formerly.is_empty() || former(&name) {
        return name;
    }
    let mut names = formerly.iter().map(|id| format!("{id}/{publication}"));
    names.find(former).unwrap_or(name)
}

/// A publication was taken down.
pub(crate) fn withdrawn(desk: &mut Desk<'_, '_>, withdrawn: &PublicationWithdrawn) {
    let state = desk.state;
    let name = name_of(
        state,
        &desk.record.tenant,
        &withdrawn.unit,
        &withdrawn.publication,
    );
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
    // Nothing is missing where nothing is asked: only people can say that such a duty is done.
    if case.owner.fulfilled_by == Fulfilment::Submission {
        return;
    }
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
        let late = case.obligation.is_late(at, case.ledger.definition.zone);
        let body = Body::ObligationFulfilled(ObligationFulfilled {
            obligation: case.id.clone(),
            how: "publications".to_owned(),
            by: None,
            at,
            late,
        });
        case.emit(desk, body);
        case.disarm(desk);
    } else if !complete
        && state == ObligationState::Fulfilled
        && by_publications
        && !crate::consequence::is_answered(desk, case)
    {
        let missing = case.obligation.missing(&case.owner.fulfilled_by);
        let body = Body::ObligationReopened(ObligationActed {
            obligation: case.id.clone(),
            by: None,
            reason: Some(format!("佐证不再齐全,缺少:{}", missing.join("、"))),
        });
        case.emit(desk, body);
        // The unit hears of it at once, not at the next step of its ladder.
        let due = case.due_shown();
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
                    due
                ),
            },
        );
        let now = desk.now();
        case.resume(desk, now);
    }
}
