//! Compiling who owes a task.

use duban_model::Directory;
use duban_model::definition::{Fulfilment, Owner};

use crate::faults::Faults;
use crate::reading::Spanned;
use crate::requirement::{compile_fulfilment, groups_of};
use crate::source::{LedgerSource, OwnerSource, TaskSource};
use crate::words::ROLES;

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
    let units = match (&owner.unit, &owner.group) {
        (Some(unit), None) => {
            let known = known_unit(unit, directory, faults);
            known.then(|| vec![current(unit, directory)])
        }
        (None, Some(group)) => {
            let members: Vec<_> = directory.members(&group.value).cloned().collect();
            if members.is_empty() {
                let groups = groups_of(directory);
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
        Some(own) => compile_fulfilment(own, task.is_opened_by_event(), ledger, directory, faults),
        None => default.cloned(),
    };
    Some(Owner {
        group: owner.group.as_ref().map(|g| g.value.clone()),
        from: None,
        units: units?,
        role: role?,
        ladder: ladder.value.clone(),
        fulfilled_by: fulfilled_by?,
    })
}
