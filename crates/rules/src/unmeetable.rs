//! Requirements that a unit owes and cannot meet, whatever is published: a condition shuts it out, or
//! too few units lie below it.

use std::collections::BTreeSet;

use duban_model::Directory;
use duban_model::definition::{By, Requirement, Task};

use crate::condition::Condition;
use crate::diagnostic::Severity;
use crate::faults::Faults;
use crate::field::Field;
use crate::node::Location;
use crate::requirement::belongs_to;
use crate::setting::MAX_LEVELS;
use crate::source::{RequirementSource, TaskSource};

/// Tells of each requirement of a task the first unit that cannot meet it.
pub(crate) fn tell(
    task: &Task,
    source: &TaskSource,
    directory: &Directory,
    faults: &mut Faults<'_>,
) {
    let mut told = BTreeSet::new();
    for (owner, written) in task.owners.iter().zip(&source.owners) {
        let written = written.fulfilled_by.as_ref();
        let written = &written.unwrap_or(&source.fulfilled_by).value;
        let written = written
            .publications
            .iter()
            .chain(&written.matters)
            .flatten();
        for (requirement, written) in owner.fulfilled_by.requirements().iter().zip(written) {
            let mut about = About {
                task: &task.id,
                requirement,
                written,
                told: &mut told,
                faults,
            };
            match requirement.by {
                By::Unit => about.shut_out(&owner.units, directory),
                By::Subordinates => about.too_few_below(&owner.units, directory),
                By::Anyone => {}
            }
        }
    }
}

/// A requirement as compiled and as written.
struct About<'a, 'f> {
    task: &'a str,
    requirement: &'a Requirement,
    written: &'a RequirementSource,
    /// Where something was told: owners may share a requirement.
    told: &'a mut BTreeSet<Location>,
    faults: &'a mut Faults<'f>,
}

impl About<'_, '_> {
    fn doubt(
        &mut self,
        code: &'static str,
        at: Location,
        found: String,
        expected: &str,
        remedy: &str,
    ) {
        if self.told.insert(at) {
            self.faults.doubt(
                Severity::Warning,
                code,
                at,
                self.task,
                found,
                expected,
                remedy,
            );
        }
    }

    /// Units whose own publications a condition shuts out.
    fn shut_out(&mut self, units: &[String], directory: &Directory) {
        let Some(when) = &self.written.when else {
            return;
        };
        let requirement = self.requirement;
        let condition = Condition::read(&when.value, requirement.on, &requirement.kinds);
        let Ok(condition) = condition else {
            return;
        };
        let mut only: Vec<(Option<&String>, String)> = Vec::new();
        if let Some(allowed) = condition.compared_with(Field::Unit) {
            let first = units.iter().find(|unit| !allowed.contains(unit));
            only.push((first, allowed.join("`, `")));
        }
        for group in condition.unit_in() {
            let first = units.iter().find(|u| !belongs_to(directory, u, group));
            only.push((first, group.to_owned()));
        }
        if let Some((Some(first), only)) = only.into_iter().find(|(first, _)| first.is_some()) {
            let found = format!(
                "requirement `{}` of task {}, which no publication of unit `{first}` can meet: it counts those of `{only}` only",
                requirement.name, self.task
            );
            self.doubt(
                "W007",
                when.referenced,
                found,
                "a condition that the owing unit's own publications can meet",
                "remove the comparison, or give that unit its own `fulfilled_by`",
            );
        }
    }

    /// Units below which too few others stand.
    fn too_few_below(&mut self, units: &[String], directory: &Directory) {
        let each = self.requirement.each_of.as_ref();
        let needed = each.map_or(1, |_| self.requirement.at_least as usize);
        let counts = |unit: &&String| each.is_none_or(|each| each.units.contains(unit));
        for owing in units {
            let is_below = |unit: &&String| lies_below(directory, unit, owing);
            let count = directory
                .units
                .keys()
                .filter(counts)
                .filter(is_below)
                .count();
            if count < needed {
                let group =
                    each.map_or(String::new(), |each| format!(" of group `{}`", each.group));
                let found = format!(
                    "requirement `{}` of task {}, which wants {needed} units{group} below `{owing}`: there are {count}",
                    self.requirement.name, self.task
                );
                let at = self.written.by.as_ref();
                let at = at.map_or(self.written.at_least.referenced, |by| by.referenced);
                self.doubt(
                    "W008",
                    at,
                    found,
                    "units that name it as their `superior` in directory.yaml, at any depth",
                    "add `superior` to them, or write by: anyone",
                );
                return;
            }
        }
    }
}

/// Whether a unit stands below another, at any depth.
fn lies_below(directory: &Directory, unit: &str, above: &str) -> bool {
    let superior = |id: &str| {
        let unit = directory.units.get(id)?;
        let (id, _) = directory.current(unit.superior.as_deref()?)?;
        Some(id.as_str())
    };
    std::iter::successors(superior(unit), |id| superior(id))
        .take(MAX_LEVELS)
        .any(|id| id == above)
}
