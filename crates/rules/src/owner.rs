//! Compiling who owes a task and what fulfils it for them.

use std::collections::BTreeSet;

use duban_model::Directory;
use duban_model::definition::{EventSort, Fulfilment, Owner, OwnerFrom, Requirement};

use crate::condition::Condition;
use crate::condition_parse::Fault;
use crate::diagnostic::nearest;
use crate::faults::Faults;
use crate::field::Field;
use crate::reading::Spanned;
use crate::source::{FulfilmentSource, LedgerSource, OwnerSource, TaskSource};
use crate::words::{FROMS, ROLES, SUBMISSIONS};

pub(crate) fn known_unit(
    unit: &Spanned<String>,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> bool {
    if directory.current(&unit.value).is_some() {
        return true;
    }
    faults.misspelt(
        "D020",
        unit.referenced,
        format!("unit `{}`", unit.value),
        "a unit of directory.yaml",
        &unit.value,
        directory.units.keys().map(String::as_str),
        "add the unit to directory.yaml",
    );
    false
}

/// The id that a unit bears now: a text may still call it by a former one.
pub(crate) fn current(unit: &Spanned<String>, directory: &Directory) -> String {
    let current = directory.current(&unit.value);
    current.map_or_else(|| unit.value.clone(), |(id, _)| id.clone())
}

pub(crate) fn compile_owner(
    owner: &OwnerSource,
    task: &TaskSource,
    default: Option<&Fulfilment>,
    ledger: &LedgerSource,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Owner> {
    let role = faults.choose(&owner.role, ROLES);
    let from = match &owner.from {
        None => None,
        Some(word) => Some(faults.choose(word, FROMS)?),
    };
    let by_event = from.is_some_and(OwnerFrom::is_by_event);
    if let Some(word) = owner.from.as_ref().filter(|_| by_event)
        && !matches!(task.opens.value.as_str(), "event" | "follows")
    {
        faults.error(
            "D087",
            word.referenced,
            format!("from: {} with opens: {}", word.value, task.opens.value),
            "a task that an event or another duty opens",
            "name a unit or group, or let an event open the task",
        );
        return None;
    }
    let units = match (&owner.unit, &owner.group, from) {
        (Some(unit), None, None) => {
            let known = known_unit(unit, directory, faults);
            known.then(|| vec![current(unit, directory)])
        }
        (None, Some(group), None) => members(group, directory, faults),
        (None, Some(group), Some(_)) if by_event => members(group, directory, faults),
        (None, None, Some(OwnerFrom::Office)) => Some(vec![current(&ledger.office, directory)]),
        (None, None, Some(OwnerFrom::LeadingGroup)) => {
            Some(vec![current(&ledger.leading_group, directory)])
        }
        (None, None, Some(_)) => Some(Vec::new()),
        (unit, group, from) => {
            let found = match (unit, group, from) {
                (Some(_), _, Some(_)) => "an owner with `unit` and `from`",
                (None, Some(_), Some(_)) => "an owner with `group`, and `from` that is no event",
                _ => "an owner with both or neither of `unit` and `group`",
            };
            faults.error(
                "D028",
                owner.role.referenced,
                found,
                "exactly one of `unit`, `group` and `from`; a group may stand beside from: event",
                "keep one",
            );
            None
        }
    };
    let ladder = owner.ladder.as_ref().unwrap_or(&task.ladder);
    if !ledger.ladders.contains_key(&ladder.value) {
        faults.misspelt(
            "D029",
            ladder.referenced,
            format!("ladder `{}`", ladder.value),
            "a ladder of ledger.yaml",
            &ladder.value,
            ledger.ladders.keys().map(String::as_str),
            "add it to ledger.yaml",
        );
    }
    let fulfilled_by = match &owner.fulfilled_by {
        Some(own) => compile_fulfilment(own, ledger, directory, faults),
        None => default.cloned(),
    };
    Some(Owner {
        group: owner.group.as_ref().map(|g| g.value.clone()),
        from,
        units: units?,
        role: role?,
        ladder: ladder.value.clone(),
        fulfilled_by: fulfilled_by?,
    })
}

/// The units of a group.
fn members(
    group: &Spanned<String>,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Vec<String>> {
    let members: Vec<_> = directory.members(&group.value).cloned().collect();
    if !members.is_empty() {
        return Some(members);
    }
    let groups: BTreeSet<&str> = directory
        .units
        .values()
        .flat_map(|u| u.groups.iter().map(String::as_str))
        .collect();
    faults.misspelt(
        "D027",
        group.referenced,
        format!("group `{}` has no members", group.value),
        "a group of directory.yaml",
        &group.value,
        groups.into_iter(),
        "give a unit of directory.yaml this group",
    );
    None
}

pub(crate) fn compile_fulfilment(
    source: &Spanned<FulfilmentSource>,
    ledger: &LedgerSource,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Fulfilment> {
    let at = source.referenced;
    let source = &source.value;
    match (&source.publications, &source.submission) {
        (None, Some(word)) => faults
            .choose(word, SUBMISSIONS)
            .map(|()| Fulfilment::Submission),
        (Some(list), None) if !list.is_empty() => {
            let mut requirements = Vec::new();
            for requirement in list {
                for kind in &requirement.kinds {
                    if !ledger.kinds.contains_key(&kind.value) {
                        faults.misspelt(
                            "D035",
                            kind.referenced,
                            format!("kind `{}`", kind.value),
                            "a kind that ledger.yaml lists",
                            &kind.value,
                            ledger.kinds.keys().map(String::as_str),
                            "add it to `kinds` in ledger.yaml",
                        );
                    }
                }
                if requirement.kinds.is_empty() || requirement.at_least.value == 0 {
                    faults.error(
                        "D036",
                        requirement.at_least.referenced,
                        format!("requirement `{}` that anything meets", requirement.name),
                        "at least one kind and at_least: 1 or more",
                        "name what counts",
                    );
                }
                let kinds: Vec<String> =
                    requirement.kinds.iter().map(|k| k.value.clone()).collect();
                if let Some(when) = &requirement.when {
                    for fault in
                        condition_faults(&when.value, EventSort::Publication, &kinds, directory)
                    {
                        faults.within(when, fault);
                    }
                }
                requirements.push(Requirement {
                    name: requirement.name.clone(),
                    kinds,
                    at_least: requirement.at_least.value,
                    when: requirement.when.as_ref().map(|when| when.value.clone()),
                });
            }
            Some(Fulfilment::Publications(requirements))
        }
        _ => {
            faults.error(
                "D037",
                at,
                match (&source.publications, &source.submission) {
                    (Some(_), Some(_)) => "`publications` and `submission` both",
                    (Some(_), None) => "an empty list of `publications`",
                    (None, _) => "neither `publications` nor `submission`",
                },
                "exactly one of publications: […] and submission: verified",
                "keep or add one",
            );
            None
        }
    }
}

/// What is wrong with a condition, and which units it asks for that are not there.
pub(crate) fn condition_faults(
    text: &str,
    sort: EventSort,
    kinds: &[String],
    directory: &Directory,
) -> Vec<Fault> {
    let condition = match Condition::read(text, sort, kinds) {
        Ok(condition) => condition,
        Err(faults) => return faults,
    };
    let asked = condition.compared_with(Field::Unit).unwrap_or_default();
    asked
        .iter()
        .filter(|unit| !directory.units.contains_key(*unit))
        .map(|unit| {
            let before = text.find(unit.as_str()).map_or("", |at| &text[..at]);
            let near = nearest(unit, directory.units.keys().map(String::as_str));
            Fault {
                // At the quote before it.
                offset: before.chars().count().saturating_sub(1),
                code: "D066",
                found: format!("unit `{unit}`: no publication can come from it"),
                expected: "a unit of directory.yaml".to_owned(),
                remedy: near.map_or_else(
                    || "correct the id, or add the unit to directory.yaml".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            }
        })
        .collect()
}
