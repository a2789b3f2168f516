//! What is written correctly and can hardly be meant: steps that never come, escalations that reach
//! nobody, rows that say the same. Told only of a definition without errors, since a missing row
//! would raise doubts about the others.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use duban_calendar::{Calendar, Period};
use duban_model::definition::{
    DueRule, FirstPeriod, Ladder, LadderStep, Opens, Owner, Role, StepWhen, Strength, Task, Term,
    Tier,
};
use duban_model::directory::{Channel, Contact, Unit};
use duban_model::{Definition, Directory};

use crate::diagnostic::Severity;
use crate::faults::Faults;
use crate::node::Location;
use crate::source::{LedgerSource, TasksSource};
use crate::{twice, unmeetable, unopened};

/// Tells every doubt about a definition; those about ladders in the ledger's file.
pub(crate) fn tell(
    definition: &Definition,
    directory: &Directory,
    calendar: &Calendar,
    (ledger, ledger_faults): (&LedgerSource, &mut Faults<'_>),
    (tasks, task_faults): (&TasksSource, &mut Faults<'_>),
) {
    for (name, source) in &ledger.ladders {
        let Some(ladder) = definition.ladders.get(name) else {
            continue;
        };
        let users: Vec<(&Task, &Owner)> = definition
            .tasks
            .iter()
            .flat_map(|task| task.owners.iter().map(move |owner| (task, owner)))
            .filter(|(_, owner)| owner.ladder == *name)
            .collect();
        let at = ledger_faults.named(name, source.referenced);
        let mut about = About {
            name,
            ladder,
            users: &users,
            definition,
            faults: ledger_faults,
        };
        if users.is_empty() {
            about.doubt(
                "W003",
                at,
                format!("ladder `{name}`, which no task uses: none of its steps ever comes"),
                "a ladder that tasks.yaml names",
                "name it in a task, or remove it",
            );
            continue;
        }
        for (step, written) in ladder.steps.iter().zip(&source.value.steps) {
            about.step(step, calendar, written.when.referenced);
            about.rung(step.to, directory, written.to.referenced);
        }
        if let (Some(repeat), Some(written)) = (&ladder.repeat, &source.value.repeat) {
            about.repeat(written.every.referenced);
            about.rung(repeat.to, directory, written.to.referenced);
        }
        about.height(at);
    }
    same_wording(definition, tasks, task_faults);
    twice::tell(definition, directory, tasks, task_faults);
    for (task, source) in definition.tasks.iter().zip(&tasks.tasks) {
        let source = &source.value;
        unmeetable::tell(task, source, directory, task_faults);
        unopened::tell(task, source, &definition.tasks, directory, task_faults);
    }
}

/// A ladder with those who use it.
struct About<'a, 'f> {
    name: &'a str,
    ladder: &'a Ladder,
    users: &'a [(&'a Task, &'a Owner)],
    definition: &'a Definition,
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
        self.faults.doubt(
            Severity::Warning,
            code,
            at,
            self.name,
            found,
            expected,
            remedy,
        );
    }

    fn is_binding(&self) -> bool {
        self.users
            .iter()
            .any(|(task, _)| task.strength == Strength::Required)
    }

    /// A step that lies before the ledger, or before the period, for every task that uses it; one
    /// after the date of duties that lapse on it.
    fn step(&mut self, step: &LadderStep, calendar: &Calendar, at: Location) {
        match step.when {
            StepWhen::Due | StepWhen::Unsigned(_) => {}
            StepWhen::Overdue(_) if self.is_binding() => {}
            StepWhen::Overdue(_) => self.doubt(
                "W003",
                at,
                format!(
                    "step {} of ladder `{}`, which never comes: all its tasks are encouraged and lapse at the date",
                    step.when, self.name
                ),
                "steps before or on the date, for encouraged tasks",
                "remove the step, or use the ladder in a required task",
            ),
            StepWhen::Before(span) => {
                let reached = self
                    .users
                    .iter()
                    .any(|(task, _)| reaches(task, span, self.definition, calendar));
                if !reached {
                    self.doubt(
                        "W003",
                        at,
                        format!(
                            "step {} of ladder `{}`, which never comes: for each of its tasks it lies before the ledger, the period or the duty begins",
                            step.when, self.name
                        ),
                        "a step within the time that a task has",
                        "make the span shorter, or remove the step",
                    );
                }
            }
        }
    }

    fn repeat(&mut self, at: Location) {
        if !self.is_binding() {
            self.doubt(
                "W003",
                at,
                format!(
                    "repetition of ladder `{}`, which never comes: all its tasks are encouraged and lapse at the date",
                    self.name
                ),
                "no `repeat` for encouraged tasks",
                "remove `repeat`, or use the ladder in a required task",
            );
        }
    }

    /// Whether somebody stands on the rung that a step tells.
    fn rung(&mut self, to: Tier, directory: &Directory, at: Location) {
        let told: BTreeSet<&String> = match to {
            // Of a unit without contact its own entry tells.
            Tier::Contact | Tier::Lead => return,
            Tier::Leader => self.users.iter().flat_map(|(_, o)| &o.units).collect(),
            Tier::Office => BTreeSet::from([&self.definition.office]),
            Tier::LeadingGroup => BTreeSet::from([&self.definition.leading_group]),
        };
        let empty: Vec<&str> = told
            .iter()
            .filter(|id| {
                directory.units.get(id.as_str()).is_some_and(|unit| {
                    if to == Tier::Leader {
                        !unit.leader.iter().any(can_be_told)
                    } else {
                        let mut above = directory.superiors(id);
                        let reached = |unit: &Unit| unit.contacts.iter().any(can_be_told);
                        !anybody_can_be_told(unit) && !above.any(|(_, unit)| reached(unit))
                    }
                })
            })
            .map(|id| id.as_str())
            .collect();
        let Some(first) = empty.first() else { return };
        let (whom, instead) = match to {
            Tier::Leader => ("leader", "its contact is told a second time"),
            _ => ("contact", "it ends nowhere"),
        };
        let found = if told.len() == 1 {
            format!(
                "escalation to {}: unit `{first}` has no {whom}, so {instead}",
                to.as_str()
            )
        } else {
            format!(
                "escalation to {}: {} of {} units have no {whom}, such as `{first}`, so {instead}",
                to.as_str(),
                empty.len(),
                told.len()
            )
        };
        self.doubt(
            "W004",
            at,
            found,
            "somebody of each unit told, with an address or another channel",
            "add them to directory.yaml, or escalate to somebody else",
        );
    }

    /// Whether anybody outside the owing unit ever hears of a binding duty that is overdue.
    fn height(&mut self, at: Location) {
        let within = |tier: Tier| matches!(tier, Tier::Contact | Tier::Leader);
        let after = self
            .ladder
            .steps
            .iter()
            .filter(|step| matches!(step.when, StepWhen::Overdue(_)))
            .map(|step| step.to)
            .chain(self.ladder.repeat.map(|repeat| repeat.to));
        if self.is_binding() && after.into_iter().all(within) {
            self.doubt(
                "W005",
                at,
                format!(
                    "ladder `{}` of required tasks, which never leaves the owing unit",
                    self.name
                ),
                "a step or repetition after the date to lead, office or leading_group",
                "let the last step or `repeat` tell the office",
            );
        }
    }
}

fn can_be_told(contact: &Contact) -> bool {
    contact.mail.is_some() || contact.channels.iter().any(|c| *c != Channel::Mail)
}

fn anybody_can_be_told(unit: &Unit) -> bool {
    unit.contacts.iter().chain(&unit.leader).any(can_be_told)
}

/// Whether a step so long before the date can lie within the time that a task has. What cannot be
/// counted for want of a calendar is taken to.
fn reaches(task: &Task, step: Term, definition: &Definition, calendar: &Calendar) -> bool {
    let Some(span) = step.span() else {
        // Hours before a date lie on its last day, or the one before.
        return match (step, task.due) {
            (Term::Hours(step), DueRule::After(Term::Hours(term))) => step <= term,
            _ => true,
        };
    };
    let within = |begins: NaiveDate, due: Option<NaiveDate>| {
        due.and_then(|due| calendar.before(due, span).ok())
            .is_none_or(|at| at >= begins)
    };
    let rolled = |due: NaiveDate| calendar.roll(due, task.roll).ok();
    // The last day of a term that begins on a day; hours may begin in its last minute.
    let ends = |begins: NaiveDate, term: Term| match term {
        Term::Days(span) => calendar.after(begins, span).ok().and_then(rolled),
        Term::Hours(hours) => {
            begins.checked_add_days(Days::new(u64::from(hours.div_ceil(HOURS_OF_A_DAY))))
        }
    };
    match (task.due, &task.opens) {
        (DueRule::Date(due), _) => within(definition.issued, rolled(due)),
        (due, Opens::EachPeriod(rule)) if task.no_sooner_than.is_none() => {
            let first = Period::containing(rule.every, definition.issued).ok();
            let first = match rule.first {
                FirstPeriod::Running => first,
                FirstPeriod::Full => first.and_then(|period| period.next().ok()),
            };
            std::iter::successors(first, |period| period.next().ok())
                .take_while(|period| period.start() <= definition.ends)
                .any(|period| {
                    let due = match due {
                        DueRule::PeriodEnd => rolled(period.end().min(definition.ends)),
                        DueRule::After(term) => ends(period.start(), term),
                        DueRule::MonthDay(day) => day.of(period.year()).and_then(rolled),
                        DueRule::Date(_) | DueRule::Trigger => None,
                    };
                    within(period.start().max(definition.issued), due)
                })
        }
        (DueRule::After(term), _) => definition
            .issued
            .iter_days()
            .take_while(|day| *day <= definition.ends)
            .any(|day| within(day, ends(day, term))),
        _ => true,
    }
}

const HOURS_OF_A_DAY: u32 = 24;

/// Two rows of the same words and date that one unit owes in one role.
fn same_wording(definition: &Definition, sources: &TasksSource, faults: &mut Faults<'_>) {
    let mut seen: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
    for (task, source) in definition.tasks.iter().zip(&sources.tasks) {
        // What belongs to a row has the row's words.
        let (None, Some(source)) = (&task.part_of, &source.value.text) else {
            continue;
        };
        let alike = seen.entry(task.text.trim()).or_default();
        let twin = alike
            .iter()
            .find_map(|other| Some((&other.id, says_the_same(task, other)?)));
        if let Some((other, (unit, role))) = twin {
            faults.doubt(
                Severity::Warning,
                "W006",
                source.referenced,
                &task.id,
                format!(
                    "task {} in the words and with the date of task {other}: unit `{unit}` owes both as {}",
                    task.id,
                    role.as_str()
                ),
                "each duty once",
                "remove one of the two, or word what sets them apart",
            );
        }
        alike.push(task);
    }
}

/// Who owes both of two rows in one role, if they have the same words and date.
pub(crate) fn says_the_same<'a>(task: &Task, other: &'a Task) -> Option<(&'a String, Role)> {
    let rows = task.part_of.is_none() && other.part_of.is_none();
    let same =
        other.due == task.due && other.opens == task.opens && other.text.trim() == task.text.trim();
    if !rows || !same {
        return None;
    }
    let owed: BTreeSet<(&String, Role)> = owed(task).collect();
    self::owed(other).find(|pair| owed.contains(pair))
}

fn owed(task: &Task) -> impl Iterator<Item = (&String, Role)> {
    task.owners
        .iter()
        .flat_map(|owner| owner.units.iter().map(|unit| (unit, owner.role)))
}
