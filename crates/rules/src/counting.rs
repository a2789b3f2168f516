//! Whether and for what one publication or matter counts in one duty, and why it does not.

use duban_model::definition::{About, By, Came, Requirement};
use duban_model::fact::{Matter, Publication};
use duban_model::{Definition, Timestamp};

use crate::condition::Unmet;
use crate::field::Shown;
use crate::obligation::{Obligation, ObligationState};
use crate::plan::Plan;
use crate::state::{Ledger, Noted, RulesState};

/// Why a publication or matter did not count for an obligation; the first unmet condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// It is another unit's.
    OtherUnit,
    /// It comes from no unit below the one that owes.
    NotBelow,
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
    /// Units of a group count, each once, and it stands for none of them.
    NotOfGroup {
        /// The requirement's name.
        requirement: String,
        /// The group.
        group: String,
        /// Which unit it stands for, if it says so.
        named: Option<String>,
    },
    /// Items count, each once, and it names none of them.
    NoItem {
        /// The requirement's name.
        requirement: String,
        /// What it names, if anything.
        named: Option<String>,
    },
    /// Only what belongs to what opened the duty counts, and it belongs to something else.
    OtherOpening {
        /// What it belongs to, if it says so.
        named: Option<String>,
    },
    /// It was published before the period began.
    BeforePeriod,
    /// It was there before what opened the duty, or is that itself.
    BeforeOpening,
    /// The duty is not fulfilled by publications at all.
    BySubmission,
    /// The duty was waived or lapsed.
    Closed(ObligationState),
    /// It was published before the ledger.
    BeforeLedger,
}

/// A requirement that something meets by what it is, with what it counts for where each counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fit {
    pub requirement: u32,
    pub item: Option<String>,
}

/// Looks at a publication as the decider does and names the first unmet condition, if any.
pub fn considered(
    state: &RulesState,
    obligation: &Obligation,
    publication: &Publication,
    at: Timestamp,
) -> Result<u32, Miss> {
    look(state, obligation, Shown::of(publication), at)
}

/// The same of a matter.
pub fn considered_matter(
    state: &RulesState,
    obligation: &Obligation,
    matter: &Matter,
    at: Timestamp,
) -> Result<u32, Miss> {
    look(state, obligation, Shown::of_matter(matter), at)
}

fn look(
    state: &RulesState,
    obligation: &Obligation,
    shown: Shown<'_>,
    at: Timestamp,
) -> Result<u32, Miss> {
    let Some(ledger) = state.ledger(&obligation.ledger) else {
        return Err(Miss::BeforeLedger);
    };
    let definition = &ledger.definition;
    let day = at.date_in(definition.zone);
    let shown = Shown {
        unit: state.current_unit(&obligation.tenant, shown.unit),
        published: Some(day),
        ..shown
    };
    let requirements = wanted(state, ledger, obligation);
    let own = |list: &[Requirement]| list.iter().all(|r| r.by == By::Unit);
    if requirements.is_none_or(own) && obligation.unit != *shown.unit {
        return Err(Miss::OtherUnit);
    }
    if day < definition.issued {
        return Err(Miss::BeforeLedger);
    }
    let requirements = requirements.ok_or(Miss::BySubmission)?;
    let counting = Counting::of(state, definition);
    let fitting = counting.fitting(requirements, &obligation.unit, &shown)?;
    let fit = requirement(definition, obligation, requirements, &fitting, &shown, at)?;
    Ok(fit.requirement)
}

/// What an obligation asks to be published or reported, if anything.
fn wanted<'a>(
    state: &RulesState,
    ledger: &'a Ledger,
    obligation: &Obligation,
) -> Option<&'a [Requirement]> {
    let task = state.task(ledger, &obligation.task)?;
    let list = obligation.owner_of(task)?.fulfilled_by.requirements();
    (!list.is_empty()).then_some(list)
}

/// Counting by one ledger's definition.
#[derive(Clone, Copy)]
pub(crate) struct Counting<'a> {
    state: &'a RulesState,
    plan: Option<&'a Plan>,
    definition: &'a Definition,
}

impl<'a> Counting<'a> {
    pub fn of(state: &'a RulesState, definition: &'a Definition) -> Counting<'a> {
        Counting {
            state,
            plan: state.plan(&definition.tenant),
            definition,
        }
    }

    /// Something noted, as it is looked at now.
    pub fn shown(&self, noted: &'a Noted) -> Shown<'a> {
        let publication = &noted.publication;
        let shown = Shown::noted(publication);
        let counts = publication.at.at.date_in(self.definition.zone);
        Shown {
            unit: self.state.current_unit(&self.definition.tenant, shown.unit),
            published: shown.published.or(Some(counts)),
            ..shown
        }
    }

    /// The requirements of a unit that something meets by what it is.
    pub fn fitting(
        &self,
        requirements: &[Requirement],
        unit: &str,
        shown: &Shown<'_>,
    ) -> Result<Vec<Fit>, Miss> {
        let mut fitting = Vec::new();
        let mut miss = None;
        for (number, requirement) in (0..).zip(requirements) {
            match self.fits(requirement, unit, shown) {
                Ok(item) => fitting.push(Fit {
                    requirement: number,
                    item,
                }),
                Err(Some(why)) if miss.is_none() => miss = Some(why),
                Err(_) => {}
            }
        }
        if fitting.is_empty() {
            let kinds = || requirements.iter().flat_map(|r| r.kinds.clone()).collect();
            return Err(miss.unwrap_or_else(|| Miss::OtherKind(kinds())));
        }
        Ok(fitting)
    }

    /// Whether something meets one requirement of a unit by what it is and whose, and which unit or
    /// item it counts for; if its kind is asked for, what else does not fit.
    pub fn fits(
        &self,
        requirement: &Requirement,
        unit: &str,
        shown: &Shown<'_>,
    ) -> Result<Option<String>, Option<Miss>> {
        let of_kind = requirement.kinds.iter().any(|kind| kind == shown.kind);
        let Some(plan) = self
            .plan
            .filter(|_| of_kind && requirement.on == shown.sort)
        else {
            return Err(None);
        };
        // Whose it is, is cheaper to ask than a condition.
        Self::is_whose(plan, requirement, unit, shown).map_err(Some)?;
        let when = requirement.when.as_deref();
        plan.asks(&self.definition.calendar, when, shown)
            .map_err(|why| {
                Some(Miss::Unmet {
                    requirement: requirement.name.clone(),
                    condition: requirement.when.clone().unwrap_or_default(),
                    why,
                })
            })?;
        self.item(requirement, shown).map_err(Some)
    }

    /// The same for something that is known to meet kind and condition.
    pub fn stands_for(
        &self,
        requirement: &Requirement,
        unit: &str,
        shown: &Shown<'_>,
    ) -> Result<Option<String>, Miss> {
        if let Some(plan) = self.plan {
            Self::is_whose(plan, requirement, unit, shown)?;
        }
        self.item(requirement, shown)
    }

    fn is_whose(
        plan: &Plan,
        requirement: &Requirement,
        unit: &str,
        shown: &Shown<'_>,
    ) -> Result<(), Miss> {
        match requirement.by {
            By::Unit if shown.unit != unit => Err(Miss::OtherUnit),
            By::Subordinates if plan.above(shown.unit).all(|above| above != unit) => {
                Err(Miss::NotBelow)
            }
            By::Unit | By::Subordinates | By::Anyone => Ok(()),
        }
    }

    /// What something counts for, where each counts once.
    fn item(&self, requirement: &Requirement, shown: &Shown<'_>) -> Result<Option<String>, Miss> {
        let Some(each) = requirement.each() else {
            return Ok(None);
        };
        let Some(group) = &requirement.each_of else {
            let named = shown.about;
            let item = named.filter(|named| each.iter().any(|item| item == named));
            return item
                .map(|item| Some(item.to_owned()))
                .ok_or_else(|| Miss::NoItem {
                    requirement: requirement.name.clone(),
                    named: named.map(ToOwned::to_owned),
                });
        };
        let unit = match requirement.by {
            By::Unit => shown
                .about
                .map(|about| self.state.current_unit(&self.definition.tenant, about)),
            By::Subordinates | By::Anyone => Some(shown.unit),
        };
        // The members stand in the order of their ids.
        let member = unit.filter(|unit| {
            each.binary_search_by(|member| member.as_str().cmp(unit))
                .is_ok()
        });
        member
            .map(|member| Some(member.to_owned()))
            .ok_or_else(|| Miss::NotOfGroup {
                requirement: requirement.name.clone(),
                group: group.group.clone(),
                named: unit.map(ToOwned::to_owned),
            })
    }
}

/// Whether something belongs to what opened a duty, where only that counts.
pub(crate) fn belongs(
    requirement: &Requirement,
    obligation: &Obligation,
    shown: &Shown<'_>,
) -> bool {
    match requirement.about {
        None => true,
        Some(About::Opening) => obligation.opened_for().is_some_and(|(sort, unit, id)| {
            let itself = sort == shown.sort && unit == shown.unit && id == shown.publication;
            itself || shown.about == Some(id)
        }),
    }
}

/// The requirement of an obligation for which something of this instant counts, of those that it
/// meets by what it is.
pub(crate) fn requirement<'f>(
    definition: &Definition,
    obligation: &Obligation,
    requirements: &[Requirement],
    fitting: &'f [Fit],
    shown: &Shown<'_>,
    at: Timestamp,
) -> Result<&'f Fit, Miss> {
    if obligation
        .period
        .is_some_and(|p| at.date_in(definition.zone) < p.start())
    {
        return Err(Miss::BeforePeriod);
    }
    let of = |fit: &Fit| requirements.get(fit.requirement as usize);
    // What was there before a duty opened does not fulfil it, nor does what opened it, unless it
    // belongs to that.
    let began = obligation.began();
    let opened_it = obligation.opened_for().is_some_and(|(sort, unit, id)| {
        sort == shown.sort && unit == shown.unit && id == shown.publication
    });
    let too_early = |fit: &&Fit| {
        of(fit).is_some_and(|r| r.about.is_none())
            && (opened_it || began.is_some_and(|began| at < began))
    };
    if !fitting.is_empty() && fitting.iter().all(|fit| too_early(&fit)) {
        return Err(Miss::BeforeOpening);
    }
    if matches!(
        obligation.state,
        ObligationState::Waived | ObligationState::Lapsed | ObligationState::Withdrawn
    ) {
        return Err(Miss::Closed(obligation.state));
    }
    let mut belonging = fitting
        .iter()
        .filter(|fit| !too_early(fit))
        .filter(|fit| of(fit).is_some_and(|r| belongs(r, obligation, shown)))
        .peekable();
    // It may meet several; the first one that it brings further takes it.
    let first = belonging.peek().copied();
    let helps = |fit: &&Fit| {
        of(fit).is_some_and(|r| {
            let new = fit
                .item
                .as_ref()
                .is_none_or(|item| !obligation.has_item(fit.requirement, item));
            new && !obligation.meets(fit.requirement, r)
        })
    };
    belonging.find(helps).or(first).ok_or_else(|| {
        if fitting.is_empty() {
            Miss::OtherKind(Vec::new())
        } else {
            Miss::OtherOpening {
                named: shown.about.map(ToOwned::to_owned),
            }
        }
    })
}
