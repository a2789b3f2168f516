//! Two tasks or rules that open the same thing: at one event, activation, instant or period a unit
//! owes two duties, and the same evidence meets both. So it is asked the same twice, or by two dates.
//!
//! What people judge is not known here: of duties that a submission fulfils, only those of the same
//! words are taken to be the same.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::str::FromStr;

use duban_calendar::{PeriodKind, Roll};
use duban_model::definition::{
    About, By, EventSort, FollowWhen, Fulfilment, Opens, Owner, OwnerFrom, Requirement, Task,
};
use duban_model::{Definition, Directory};

use crate::condition_form::Form;
use crate::diagnostic::Severity;
use crate::doubts::says_the_same;
use crate::faults::Faults;
use crate::source::{TaskSource, TasksSource};

/// Tells of each task the first one before it that opens the same by the same date, and the first
/// that opens the same by another.
pub(crate) fn tell(
    definition: &Definition,
    directory: &Directory,
    sources: &TasksSource,
    faults: &mut Faults<'_>,
) {
    let mut before: Vec<Rule<'_>> = Vec::new();
    for (task, source) in definition.tasks.iter().zip(&sources.tasks) {
        let rule = Rule::of(task, &source.value);
        let (mut same, mut other_date) = (false, false);
        for twin in &before {
            let told = if rule.is_due_like(twin) {
                &mut same
            } else {
                &mut other_date
            };
            // What two rows say in the same words is told as that.
            if *told || says_the_same(task, twin.task).is_some() {
                continue;
            }
            if let Some(shared) = rule.shared_with(twin, directory) {
                *told = true;
                rule.tell(twin, &shared, faults);
            }
        }
        before.push(rule);
    }
}

/// A task with what is compared of it, read once.
struct Rule<'a> {
    task: &'a Task,
    source: &'a TaskSource,
    /// The condition on the event that opens it.
    when: Option<Form>,
    /// The schedule that opens it.
    schedule: Option<cron::Schedule>,
    /// What each owner entry asks for.
    asked: Vec<Option<Vec<Asked<'a>>>>,
}

/// When and by whom two rules are owed.
struct Shared {
    when: String,
    who: String,
}

impl<'a> Rule<'a> {
    fn of(task: &'a Task, source: &'a TaskSource) -> Rule<'a> {
        let (mut when, mut schedule) = (None, None);
        match &task.opens {
            Opens::Event(event) => when = event.when.as_deref().and_then(Form::of),
            Opens::Schedule(rule) => schedule = cron::Schedule::from_str(&rule.cron).ok(),
            _ => {}
        }
        let asked = task.owners.iter().map(|o| asked(&o.fulfilled_by)).collect();
        Rule {
            task,
            source,
            when,
            schedule,
            asked,
        }
    }

    fn is_due_like(&self, other: &Rule<'_>) -> bool {
        let due = |task: &Task| (task.due, task.no_sooner_than, task.roll);
        due(self.task) == due(other.task)
    }

    /// When and by whom both are owed, if the same evidence meets both.
    fn shared_with(&self, other: &Rule<'_>, directory: &Directory) -> Option<Shared> {
        let when = self.opens_with(other)?;
        let words = |task: &Task| (task.title.trim().to_owned(), task.text.trim().to_owned());
        let same_words = words(self.task) == words(other.task);
        for (owner, asked) in self.task.owners.iter().zip(&self.asked) {
            for (twin, wanted) in other.task.owners.iter().zip(&other.asked) {
                let submits = |o: &Owner| o.fulfilled_by.takes_submission();
                if (submits(owner) || submits(twin)) && !same_words {
                    continue;
                }
                let alike = asked.as_ref().zip(wanted.as_ref());
                if submits(owner) == submits(twin)
                    && alike.is_some_and(|(asked, wanted)| is_alike(asked, wanted))
                    && let Some(who) = owed_by_both(owner, twin, directory)
                {
                    return Some(Shared { when, who });
                }
            }
        }
        None
    }

    /// When both open, in words; nothing where they open at different times, or cannot be told to
    /// open together.
    fn opens_with(&self, other: &Rule<'_>) -> Option<String> {
        match (&self.task.opens, &other.task.opens) {
            (Opens::Activation, Opens::Activation) => Some("with the ledger".to_owned()),
            (Opens::EachPeriod(one), Opens::EachPeriod(two)) => {
                let period = match one.every {
                    PeriodKind::Month => "month",
                    PeriodKind::Quarter => "quarter",
                    PeriodKind::HalfYear => "half year",
                    PeriodKind::Year => "year",
                };
                (one.every == two.every).then(|| format!("each {period}"))
            }
            (Opens::Event(one), Opens::Event(two)) => {
                let kind = one.kinds.iter().find(|kind| two.kinds.contains(kind))?;
                let unconditional = one.when.is_none() || two.when.is_none();
                let same = self.when.is_some() && self.when == other.when;
                let sort = match one.on {
                    EventSort::Publication => "publication",
                    EventSort::Matter => "matter",
                };
                (one.on == two.on && (unconditional || same))
                    .then(|| format!("at a {sort} of kind `{kind}`"))
            }
            (Opens::Schedule(one), Opens::Schedule(_)) => {
                let (mine, theirs) = self.schedule.as_ref().zip(other.schedule.as_ref())?;
                mine.timeunitspec_eq(theirs)
                    .then(|| format!("at each instant of cron `{}`", one.cron))
            }
            (Opens::Follows(one), Opens::Follows(two)) => {
                let when = match one.when {
                    FollowWhen::Fulfilled => "fulfilled",
                    FollowWhen::Overdue => "overdue",
                };
                (one == two).then(|| format!("once task {} is {when}", one.task))
            }
            // A trigger names the task that it opens.
            _ => None,
        }
    }

    fn tell(&self, twin: &Rule<'_>, Shared { when, who }: &Shared, faults: &mut Faults<'_>) {
        let (id, other) = (&self.task.id, &twin.task.id);
        let line = twin.source.id.referenced.line();
        let (code, found, expected, remedy) = if self.is_due_like(twin) {
            (
                "W009",
                format!(
                    "task {id}, which opens what task {other} (line {line}) opens: {when} {who} owes both, due {}, and the same evidence meets both",
                    self.due()
                ),
                "each duty once",
                "remove one of the two, or write what sets them apart: owners, condition or evidence",
            )
        } else {
            (
                "W011",
                format!(
                    "task {id}, due {}, which opens what task {other} (line {line}) opens, due {}: {when} {who} owes both, and the same evidence meets both",
                    self.due(),
                    twin.due()
                ),
                "one date for one duty: whatever meets the earlier one meets the later one too",
                "keep the date that holds; an earlier reminder is a step of the ladder",
            )
        };
        faults.doubt(
            Severity::Warning,
            code,
            self.source.id.referenced,
            id,
            found,
            expected,
            remedy,
        );
    }

    /// The date as it is written, with what stands beside it.
    fn due(&self) -> String {
        let due = self.source.due.as_ref();
        let mut words = due.map_or_else(String::new, |due| due.value.clone());
        if let Some(span) = self.task.no_sooner_than {
            let _ = write!(words, " (no sooner than {span})");
        }
        match self.task.roll {
            Roll::None => {}
            Roll::Next => words.push_str(" (roll: next)"),
            Roll::Previous => words.push_str(" (roll: previous)"),
        }
        words
    }
}

/// A requirement without its name, and with what has no order in no order.
#[derive(PartialEq)]
struct Asked<'a> {
    on: EventSort,
    kinds: BTreeSet<&'a String>,
    at_least: u32,
    when: Option<Form>,
    by: By,
    about: Option<About>,
    each_of: Option<&'a str>,
    items: BTreeSet<&'a String>,
}

impl<'a> Asked<'a> {
    fn of(requirement: &'a Requirement) -> Option<Asked<'a>> {
        let when = match &requirement.when {
            None => None,
            Some(when) => Some(Form::of(when)?),
        };
        Some(Asked {
            on: requirement.on,
            kinds: requirement.kinds.iter().collect(),
            at_least: requirement.at_least,
            when,
            by: requirement.by,
            about: requirement.about,
            each_of: requirement.each_of.as_ref().map(|each| each.group.as_str()),
            items: requirement.items.iter().collect(),
        })
    }
}

/// What is asked for; nothing where a condition cannot be read, so that nothing is known to be alike.
fn asked(fulfilled_by: &Fulfilment) -> Option<Vec<Asked<'_>>> {
    let requirements = fulfilled_by.requirements().iter();
    requirements.map(Asked::of).collect()
}

fn is_alike(one: &[Asked<'_>], two: &[Asked<'_>]) -> bool {
    one.len() == two.len()
        && one.iter().all(|asked| two.contains(asked))
        && two.iter().all(|asked| one.contains(asked))
}

/// Who owes under both entries at one and the same opening, if anybody.
fn owed_by_both(one: &Owner, two: &Owner, directory: &Directory) -> Option<String> {
    let by_event = |owner: &Owner| owner.from.filter(|from| from.is_by_event());
    let of_both = || one.units.iter().find(|unit| two.units.contains(unit));
    let unit = |id: &String| format!("unit `{id}`");
    match (by_event(one), by_event(two)) {
        (None, None) => of_both().map(unit),
        (Some(from), Some(other)) => {
            let anyone = one.units.is_empty() || two.units.is_empty();
            (from == other && (anyone || of_both().is_some())).then(|| {
                match from {
                    OwnerFrom::EventSuperior => "the unit above the one that the event names",
                    _ => "the unit that the event names",
                }
                .to_owned()
            })
        }
        (Some(from), None) => reached(from, &one.units, &two.units, directory).map(unit),
        (None, Some(from)) => reached(from, &two.units, &one.units, directory).map(unit),
    }
}

/// Which of some named units owes as well where the unit is taken from the event; `among` are the
/// units whose events count there, none meaning any.
fn reached<'a>(
    from: OwnerFrom,
    among: &[String],
    named: &'a [String],
    directory: &Directory,
) -> Option<&'a String> {
    let counts = |unit: &String| among.is_empty() || among.contains(unit);
    named.iter().find(|id| match from {
        OwnerFrom::EventSuperior => directory
            .units
            .iter()
            .any(|(below, unit)| unit.superior.as_ref() == Some(*id) && counts(below)),
        _ => counts(id),
    })
}
