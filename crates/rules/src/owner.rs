//! Compiling who owes a task.

use duban_model::Directory;
use duban_model::definition::{Fulfilment, Owner, OwnerFrom};

use crate::faults::Faults;
use crate::reading::Spanned;
use crate::requirement::{compile_fulfilment, groups_of, is_opened_by_event};
use crate::source::{LedgerSource, OwnerSource, TaskSource};
use crate::words::{FROMS, ROLES};

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
        Some(own) => compile_fulfilment(own, is_opened_by_event(task), ledger, directory, faults),
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
}
