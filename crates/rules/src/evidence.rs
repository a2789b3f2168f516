//! Publications and matters as evidence: what they tick, and what their withdrawal reopens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_calendar::Period;
use duban_model::decision::{
    Carried, Continuation, Judged, ObligationTicked, ObligationUnticked, PublicationForgotten,
    PublicationNoted,
};
use duban_model::definition::{By, EventSort, Opens, Owner, Task};
use duban_model::fact::{Matter, MatterWithdrawn, Publication, PublicationWithdrawn};
use duban_model::{Body, Name, Timestamp};

use crate::case::Case;
use crate::counting::{Counting, Fit, Miss, belongs, requirement};
use crate::decide::Desk;
use crate::field::{Field, Shown, carried, noted_name, sort_noted};
use crate::judge::judge;
use crate::obligation::{Obligation, ObligationState, Part, obligation_id};
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

/// A matter in the shape in which evidence is counted.
pub(crate) fn as_publication(matter: &Matter) -> Publication {
    let Matter {
        matter: id,
        unit,
        kind,
        title,
        about,
        number,
        note,
    } = matter.clone();
    Publication {
        publication: id,
        unit,
        kind,
        title,
        url: None,
        category: None,
        issuer: None,
        number,
        written: None,
        validity: None,
        formats: Vec::new(),
        about,
        note,
    }
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

/// Something noted, in the shape in which it came, as far as conditions look at it.
fn as_noted(noted: &Noted) -> Publication {
    let noted = &noted.publication;
    let Carried {
        url,
        category,
        issuer,
        number,
        written,
        validity,
        formats,
        note,
        about,
        published: _,
    } = noted.carried.clone();
    let id = noted.publication.split_once('/').map_or("", |(_, id)| id);
    Publication {
        publication: id.to_owned(),
        unit: noted.unit.clone(),
        kind: noted.kind.clone(),
        title: noted.title.clone(),
        url,
        category,
        issuer,
        number,
        written,
        validity,
        formats,
        about,
        note,
    }
}

/// Something that may count.
struct Offer<'a> {
    sort: EventSort,
    /// By which name it is noted.
    name: String,
    /// It, by the present unit.
    publication: &'a Publication,
    /// When it counts, if part of it was counted before; else that is still to be judged.
    noted: Option<Judged>,
}

impl Offer<'_> {
    fn claimed(&self, desk: &Desk<'_, '_>) -> Timestamp {
        let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
        self.noted.map_or(claimed, |at| at.claimed)
    }

    /// When it counts in a ledger.
    fn at(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Option<Judged> {
        let judged = || {
            let calendar = desk.state.calendar(&ledger.definition)?;
            Some(judge(desk.record, &ledger.definition, calendar))
        };
        self.noted.or_else(judged)
    }

    /// The day that counts in a ledger as that of its publication, if some condition asks for it: the
    /// first one, however often it was changed since.
    fn published(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Option<NaiveDate> {
        let definition = &ledger.definition;
        let fields = desk.state.plan(&definition.tenant)?.fields();
        if !fields.has(Field::Published) {
            return None;
        }
        let key = publication_key(&definition.tenant, &self.name);
        let noted = desk.state.publications.get(&key).map(|n| &n.publication);
        let day = |at: Timestamp| at.date_in(definition.zone);
        match noted {
            Some(noted) => Some(noted.carried.published.unwrap_or_else(|| day(noted.at.at))),
            None => Some(day(self.at(desk, ledger)?.at)),
        }
    }

    fn shown(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Shown<'_> {
        Shown {
            sort: self.sort,
            published: self.published(desk, ledger),
            ..Shown::of(self.publication)
        }
    }
}

/// A row of which something meets requirements.
struct Wanted<'a> {
    ledger: &'a Ledger,
    task: &'a Task,
    owner: &'a Owner,
    /// Who owes it.
    unit: String,
    /// Which of its requirements.
    fitting: Vec<Fit>,
}

impl Wanted<'_> {
    /// Whether something that counts for no duty yet may count for one that opens later: for a
    /// period, or since it says what that will be opened for.
    fn may_count_later(&self, publication: &Publication) -> bool {
        let requirements = self.owner.fulfilled_by.requirements();
        let belongs = |fit: &Fit| {
            let requirement = requirements.get(fit.requirement as usize);
            requirement.is_some_and(|r| r.about.is_some())
        };
        matches!(self.task.opens, Opens::EachPeriod(_))
            || publication.about.is_some() && self.fitting.iter().any(belongs)
    }
}

/// By ledger, task, role and unit.
type ByTask<'a> = BTreeMap<(&'a str, &'a str, &'static str, String), Wanted<'a>>;

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
        let Some(why) = lost(desk, offer, id, *index) else {
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

/// Why something no longer counts where it did; nothing if it still does.
fn lost(desk: &Desk<'_, '_>, offer: &Offer<'_>, id: &str, index: u32) -> Option<Option<Miss>> {
    let state = desk.state;
    let obligation = state.obligation(id)?;
    let Some(case) = Case::of(state, id, obligation.clone()) else {
        return Some(None);
    };
    let requirements = case.owner.fulfilled_by.requirements();
    let Some(requirement) = requirements.get(index as usize) else {
        return Some(None);
    };
    let shown = offer.shown(desk, case.ledger);
    let counting = Counting::of(state, &case.ledger.definition);
    match counting.fits(requirement, &obligation.unit, &shown) {
        Err(why) => Some(why),
        Ok(item) if item.as_deref() != obligation.item_of(index, &offer.name) => Some(None),
        Ok(_) if !belongs(requirement, obligation, &shown) => Some(Some(Miss::OtherOpening {
            named: shown.about.map(ToOwned::to_owned),
        })),
        Ok(_) => None,
    }
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

/// Who wants something, by task, role and unit.
fn wanted_of<'a>(desk: &Desk<'a, '_>, plan: Option<&'a Plan>, offer: &Offer<'_>) -> ByTask<'a> {
    let state = desk.state;
    let mut by_task = ByTask::new();
    let Some(plan) = plan else {
        return by_task;
    };
    let day = |ledger: &str| offer.published(desk, state.ledger(ledger)?);
    let shown = Shown {
        sort: offer.sort,
        ..Shown::of(offer.publication)
    };
    for found in plan.met_by(shown, &day) {
        let Some(ledger) = state.ledger(found.ledger) else {
            continue;
        };
        let Some(task) = ledger.definition.tasks.get(found.task) else {
            continue;
        };
        let Some(owner) = task.owners.get(found.owner) else {
            continue;
        };
        let Some(requirement) = owner
            .fulfilled_by
            .requirements()
            .get(found.requirement as usize)
        else {
            continue;
        };
        let counting = Counting::of(state, &ledger.definition);
        let shown = offer.shown(desk, ledger);
        let of_task = format!("{}/{}/", found.ledger, task.id);
        let units: BTreeSet<&str> = match (found.unit, requirement.by) {
            (Some(unit), _) => BTreeSet::from([unit]),
            (None, By::Unit) => BTreeSet::from([shown.unit]),
            (None, By::Subordinates) => plan.above(shown.unit).collect(),
            (None, By::Anyone) => state
                .duties(&of_task)
                .filter(|(_, o)| o.owner as usize == found.owner)
                .map(|(_, o)| &*o.unit)
                .collect(),
        };
        for unit in units {
            // Its condition is met; what is left is whom or what it stands for.
            let Ok(item) = counting.stands_for(requirement, unit, &shown) else {
                continue;
            };
            let wanted = by_task
                .entry((
                    &ledger.definition.ledger,
                    &task.id,
                    owner.role.as_str(),
                    unit.to_owned(),
                ))
                .or_insert_with(|| Wanted {
                    ledger,
                    task,
                    owner,
                    unit: unit.to_owned(),
                    fitting: Vec::new(),
                });
            wanted.fitting.push(Fit {
                requirement: found.requirement,
                item,
            });
        }
    }
    by_task
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

/// By which name something is noted: under a former id of the unit if it came under that.
fn name_of(state: &RulesState, tenant: &str, sort: EventSort, unit: &str, id: &str) -> String {
    let name = noted_name(sort, unit, id);
    let former = |name: &String| state.publications.has(&publication_key(tenant, name));
    let formerly = state
        .directory(tenant)
        .and_then(|directory| directory.units.get(unit))
        .map_or(&[][..], |unit| &unit.formerly);
    if formerly.is_empty() || former(&name) {
        return name;
    }
    let mut names = formerly.iter().map(|unit| noted_name(sort, unit, id));
    names.find(former).unwrap_or(name)
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
