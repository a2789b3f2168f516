//! Rules that open nothing for an owner, whatever happens: what they follow never comes, or no event
//! that they take names a unit that could owe.

use duban_model::Directory;
use duban_model::definition::{FollowWhen, Opens, Owner, OwnerFrom, Strength, Task};

use crate::condition::Condition;
use crate::diagnostic::Severity;
use crate::faults::Faults;
use crate::field::Field;
use crate::source::TaskSource;

/// Tells of a task what in it never opens a duty; `all` are the tasks of its ledger.
pub(crate) fn tell(
    task: &Task,
    source: &TaskSource,
    all: &[Task],
    directory: &Directory,
    faults: &mut Faults<'_>,
) {
    if let (Opens::Follows(rule), Some(written)) = (&task.opens, &source.follows)
        && rule.when == FollowWhen::Overdue
        && all
            .iter()
            .any(|other| other.id == rule.task && other.strength == Strength::Encouraged)
    {
        faults.doubt(
            Severity::Warning,
            "W012",
            written.when.referenced,
            &task.id,
            format!(
                "task {}, which opens once task {} is overdue: that is encouraged and lapses at its date",
                task.id, rule.task
            ),
            "a required task, or `when: fulfilled`",
            "follow another task, or let that one be required",
        );
    }
    let units = match &task.opens {
        Opens::Event(rule) => rule.when.as_deref().and_then(units_of),
        _ => None,
    };
    for (owner, written) in task.owners.iter().zip(&source.owners) {
        let (Some(word), Some(why)) = (
            &written.from,
            never_owes(owner, units.as_deref(), directory),
        ) else {
            continue;
        };
        faults.doubt(
            Severity::Warning,
            "W012",
            word.referenced,
            &task.id,
            format!(
                "owner `from: {}` of task {}, for whom nothing ever opens: {why}",
                word.value, task.id
            ),
            "an event that some unit of this entry can owe for",
            "correct the group, the condition of the event, or `superior` in directory.yaml",
        );
    }
}

/// The units of which an event must come by its condition, if that says so outright.
fn units_of(when: &str) -> Option<Vec<String>> {
    let condition = Condition::adopted(when).ok()?;
    condition.compared_with(Field::Unit).map(<[String]>::to_vec)
}

/// Why an entry that takes its units from events never has one.
fn never_owes(owner: &Owner, units: Option<&[String]>, directory: &Directory) -> Option<String> {
    let from = owner.from.filter(|from| from.is_by_event())?;
    let (mut counts, mut above) = (false, false);
    let among = |id: &String| owner.units.is_empty() || owner.units.contains(id);
    for (id, unit) in directory.units.iter().filter(|(id, _)| among(id)) {
        // A condition may still call a unit by a former id.
        let named = |text: &String| directory.current(text).is_some_and(|(now, _)| now == id);
        if units.is_none_or(|units| units.iter().any(named)) {
            counts = true;
            above |= unit.superior.is_some();
        }
    }
    let group = owner.group.as_deref().unwrap_or_default();
    match (counts, from) {
        (false, _) => Some(format!(
            "the event's condition takes none of group `{group}`"
        )),
        (true, OwnerFrom::EventSuperior) if !above => Some(if group.is_empty() {
            "no unit that the event can name has a `superior`".to_owned()
        } else {
            format!("no unit of group `{group}` that the event can name has a `superior`")
        }),
        _ => None,
    }
}
