//! A publication or matter that may count: when, by which name, and who wants it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_model::Timestamp;
use duban_model::decision::{Carried, Judged};
use duban_model::definition::{By, EventSort, Opens, Owner, Task};
use duban_model::fact::{Matter, Publication};

use crate::counting::{Counting, Fit};
use crate::decide::Desk;
use crate::field::{Field, Shown, noted_name};
use crate::judge::judge;
use crate::plan::Plan;
use crate::state::{Ledger, Noted, RulesState, publication_key};

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

/// Something noted, in the shape in which it came, as far as conditions look at it.
pub(crate) fn as_noted(noted: &Noted) -> Publication {
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
pub(crate) struct Offer<'a> {
    pub sort: EventSort,
    /// By which name it is noted.
    pub name: String,
    /// It, by the present unit.
    pub publication: &'a Publication,
    /// When it counts, if part of it was counted before; else that is still to be judged.
    pub noted: Option<Judged>,
}

impl Offer<'_> {
    pub fn claimed(&self, desk: &Desk<'_, '_>) -> Timestamp {
        let claimed = desk.record.time.unwrap_or(desk.record.loggedat);
        self.noted.map_or(claimed, |at| at.claimed)
    }

    /// When it counts in a ledger.
    pub fn at(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Option<Judged> {
        let judged = || {
            let calendar = desk.state.calendar(&ledger.definition)?;
            Some(judge(desk.record, &ledger.definition, calendar))
        };
        self.noted.or_else(judged)
    }

    /// The day that counts in a ledger as that of its publication, if some condition asks for it: the
    /// first one, however often it was changed since.
    pub fn published(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Option<NaiveDate> {
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

    pub fn shown(&self, desk: &Desk<'_, '_>, ledger: &Ledger) -> Shown<'_> {
        Shown {
            sort: self.sort,
            published: self.published(desk, ledger),
            ..Shown::of(self.publication)
        }
    }
}

/// A row of which something meets requirements.
pub(crate) struct Wanted<'a> {
    pub ledger: &'a Ledger,
    pub task: &'a Task,
    pub owner: &'a Owner,
    /// Who owes it.
    pub unit: String,
    /// Which of its requirements.
    pub fitting: Vec<Fit>,
}

impl Wanted<'_> {
    /// Whether something that counts for no duty yet may count for one that opens later: for a
    /// period, or since it says what that will be opened for.
    pub fn may_count_later(&self, publication: &Publication) -> bool {
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
pub(crate) type ByTask<'a> = BTreeMap<(&'a str, &'a str, &'static str, String), Wanted<'a>>;

/// Who wants something, by task, role and unit.
pub(crate) fn wanted_of<'a>(
    desk: &Desk<'a, '_>,
    plan: Option<&'a Plan>,
    offer: &Offer<'_>,
) -> ByTask<'a> {
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

/// By which name something is noted: under a former id of the unit if it came under that.
pub(crate) fn name_of(
    state: &RulesState,
    tenant: &str,
    sort: EventSort,
    unit: &str,
    id: &str,
) -> String {
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
