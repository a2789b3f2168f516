//! Compiling who owes a task and what fulfils it for them.

use std::collections::BTreeSet;

use duban_model::Directory;
use duban_model::definition::{Fulfilment, Owner, Requirement, Role};
use serde_saphyr::Spanned;

use crate::condition::Condition;
use crate::diagnostic::nearest;
use crate::faults::Faults;
use crate::source::{FulfilmentSource, LedgerSource, OwnerSource, TaskSource};

pub(crate) fn known_unit(
    unit: &Spanned<String>,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> bool {
    if directory.current(&unit.value).is_some() {
        return true;
    }
    let remedy = nearest(&unit.value, directory.units.keys().map(String::as_str)).map_or_else(
        || "add the unit to directory.yaml".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    faults.error(
        "D020",
        unit.referenced,
        format!("unit `{}`", unit.value),
        "a unit of directory.yaml",
        remedy,
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
    let role = faults.choose(
        &owner.role,
        &[
            ("responsible", Role::Responsible),
            ("lead", Role::Lead),
            ("support", Role::Support),
        ],
    );
    let units = match (&owner.unit, &owner.group) {
        (Some(unit), None) => {
            let known = known_unit(unit, directory, faults);
            known.then(|| vec![current(unit, directory)])
        }
        (None, Some(group)) => {
            let members: Vec<_> = directory.members(&group.value).cloned().collect();
            if members.is_empty() {
                let groups: BTreeSet<&str> = directory
                    .units
                    .values()
                    .flat_map(|u| u.groups.iter().map(String::as_str))
                    .collect();
                let remedy = nearest(&group.value, groups.into_iter()).map_or_else(
                    || "give a unit of directory.yaml this group".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                faults.error(
                    "D027",
                    group.referenced,
                    format!("group `{}` has no members", group.value),
                    "a group of directory.yaml",
                    remedy,
                );
                None
            } else {
                Some(members)
            }
        }
        _ => {
            faults.error(
                "D028",
                owner.role.referenced,
                "an owner with both or neither of `unit` and `group`",
                "exactly one of them",
                "keep one",
            );
            None
        }
    };
    let ladder = owner.ladder.as_ref().unwrap_or(&task.ladder);
    if !ledger.ladders.contains_key(&ladder.value) {
        let remedy = nearest(&ladder.value, ledger.ladders.keys().map(String::as_str)).map_or_else(
            || "add it to ledger.yaml".to_owned(),
            |n| format!("did you mean `{n}`?"),
        );
        faults.error(
            "D029",
            ladder.referenced,
            format!("ladder `{}`", ladder.value),
            "a ladder of ledger.yaml",
            remedy,
        );
    }
    let fulfilled_by = match &owner.fulfilled_by {
        Some(own) => compile_fulfilment(own, &owner.role, ledger, faults),
        None => default.cloned(),
    };
    Some(Owner {
        group: owner.group.as_ref().map(|g| g.value.clone()),
        units: units?,
        role: role?,
        ladder: ladder.value.clone(),
        fulfilled_by: fulfilled_by?,
    })
}

pub(crate) fn compile_fulfilment(
    source: &FulfilmentSource,
    near: &Spanned<String>,
    ledger: &LedgerSource,
    faults: &mut Faults<'_>,
) -> Option<Fulfilment> {
    match (&source.publications, &source.submission) {
        (None, Some(word)) => faults
            .choose(word, &[("verified", ())])
            .map(|()| Fulfilment::Submission),
        (Some(list), None) if !list.is_empty() => {
            let mut requirements = Vec::new();
            for requirement in list {
                for kind in &requirement.kinds {
                    if !ledger.kinds.contains_key(&kind.value) {
                        let remedy = nearest(&kind.value, ledger.kinds.keys().map(String::as_str))
                            .map_or_else(
                                || "add it to `kinds` in ledger.yaml".to_owned(),
                                |n| format!("did you mean `{n}`?"),
                            );
                        faults.error(
                            "D035",
                            kind.referenced,
                            format!("kind `{}`", kind.value),
                            "a kind that ledger.yaml lists",
                            remedy,
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
                if let Some(when) = &requirement.when
                    && let Err(found) = Condition::read(&when.value, &kinds)
                {
                    for fault in found {
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
                near.referenced,
                "fulfilled_by with both, neither or an empty list of publications and submission",
                "either publications: […] or submission: verified",
                "keep one",
            );
            None
        }
    }
}
