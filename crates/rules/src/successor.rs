//! What a new directory makes of a definition: groups get their present members, and units that
//! were renamed or merged give way to their successors.

use std::collections::BTreeSet;

use duban_model::definition::OwnerFrom;
use duban_model::{Definition, Directory};

/// The definition with the units that a directory gives it. A unit that the directory neither has
/// nor names as a former one of another owes nothing any more.
pub(crate) fn resolved(definition: &Definition, directory: &Directory) -> Definition {
    let mut definition = definition.clone();
    for unit in [&mut definition.office, &mut definition.leading_group] {
        if let Some((current, _)) = directory.current(unit) {
            unit.clone_from(current);
        }
    }
    for task in &mut definition.tasks {
        // Two merged units owe once what each owed.
        let mut owed = BTreeSet::new();
        for owner in &mut task.owners {
            match owner.from {
                // Known when the event comes; its group says whose events.
                Some(OwnerFrom::Event | OwnerFrom::EventSuperior) => {
                    let group = owner.group.as_deref();
                    owner.units = group
                        .into_iter()
                        .flat_map(|group| directory.members(group).cloned())
                        .collect();
                    continue;
                }
                Some(OwnerFrom::Office) => owner.units = vec![definition.office.clone()],
                Some(OwnerFrom::LeadingGroup) => {
                    owner.units = vec![definition.leading_group.clone()];
                }
                None => {}
            }
            let units: Vec<_> = match &owner.group {
                Some(group) => directory.members(group).cloned().collect(),
                None => owner
                    .units
                    .iter()
                    .filter_map(|unit| directory.current(unit))
                    .map(|(current, _)| current.clone())
                    .collect(),
            };
            for requirement in owner.fulfilled_by.requirements_mut() {
                requirement.resolve(|group| directory.members(group).cloned().collect());
            }
            owner.units = units
                .into_iter()
                .filter(|unit| owed.insert((unit.clone(), owner.role)))
                .collect();
        }
    }
    definition
}
