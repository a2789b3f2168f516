//! Which rules of an office's ledgers open duties at events, and which follow other duties; arranged
//! so that one event meets only those that can want it. Derived from the definitions in force.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_model::Definition;
use duban_model::definition::{EventRule, EventSort, FollowWhen, Opens, OwnerFrom, Task};
use duban_model::id::{LedgerId, TaskId, UnitId};

use crate::asked::Asked;
use crate::condition::Condition;
use crate::field::{Field, Shown};
use crate::plan::Plan;

/// The rules of an office's ledgers by which duties open other than with their ledger.
#[derive(Debug, Default)]
pub(crate) struct Openers {
    /// By what an event is.
    events: BTreeMap<(EventSort, String), Bucket>,
    /// By the task that is followed, and when.
    follows: BTreeMap<(LedgerId, TaskId, FollowWhen), Vec<TaskId>>,
    /// Tasks of standing duties.
    standing: BTreeSet<(LedgerId, TaskId)>,
}

/// The rules for events of one kind.
#[derive(Debug, Default)]
struct Bucket {
    /// Those that every such event may meet.
    any: Vec<Rule>,
    /// Those that want a field to be a certain text, by field and text.
    keyed: Vec<(Field, BTreeMap<String, Vec<Rule>>)>,
}

/// A rule that opens at events.
#[derive(Clone, Debug)]
struct Rule {
    ledger: LedgerId,
    /// The calendar of its ledger.
    calendar: String,
    task: TaskId,
    /// The units of which an event must name one; none means any.
    units: Option<std::sync::Arc<BTreeSet<UnitId>>>,
    /// Its condition, or why this release cannot read it: then nothing meets it.
    when: Option<std::sync::Arc<Result<Condition, String>>>,
}

impl Openers {
    /// Takes a ledger in.
    pub fn add(&mut self, definition: &Definition) {
        let ledger = &definition.ledger;
        for task in &definition.tasks {
            let name = || (ledger.clone(), task.id.clone());
            if task.again {
                self.standing.insert(name());
            }
            match &task.opens {
                Opens::Event(rule) => self.add_rule(definition, task, rule),
                Opens::Follows(rule) => {
                    let of = (ledger.clone(), rule.task.clone(), rule.when);
                    self.follows.entry(of).or_default().push(task.id.clone());
                }
                _ => {}
            }
        }
    }

    fn add_rule(&mut self, definition: &Definition, task: &Task, rule: &EventRule) {
        let when = rule.when.as_deref().map(Condition::adopted);
        let when = when.map(std::sync::Arc::new);
        let key = when
            .as_deref()
            .and_then(|condition| condition.as_ref().ok()?.key())
            .cloned();
        let entry = Rule {
            ledger: definition.ledger.clone(),
            calendar: definition.calendar.clone(),
            task: task.id.clone(),
            units: limits(task).map(std::sync::Arc::new),
            when,
        };
        for kind in &rule.kinds {
            let bucket = self.events.entry((rule.on, kind.clone())).or_default();
            match &key {
                None => bucket.any.push(entry.clone()),
                Some(key) => {
                    let texts = bucket.texts(key.field);
                    for text in &key.texts {
                        texts.entry(text.clone()).or_default().push(entry.clone());
                    }
                }
            }
        }
    }

    /// The rules that an event meets, each by ledger and task, in order.
    /// `plan` knows what conditions look at besides the event, `published` the day that counts in a
    /// ledger.
    pub fn matches(
        &self,
        sort: EventSort,
        shown: Shown<'_>,
        plan: &Plan,
        published: &dyn Fn(&str) -> Option<NaiveDate>,
    ) -> BTreeSet<(LedgerId, TaskId)> {
        let mut found = BTreeSet::new();
        if self.events.is_empty() {
            return found;
        }
        let Some(bucket) = self.events.get(&(sort, shown.kind.to_owned())) else {
            return found;
        };
        let asked = Asked::about(shown);
        for rule in bucket.candidates(&shown) {
            let is_for = |units: &BTreeSet<UnitId>| units.contains(shown.unit);
            if rule.units.as_deref().is_some_and(|units| !is_for(units)) {
                continue;
            }
            let met = match rule.when.as_deref() {
                None => true,
                Some(Ok(condition)) => {
                    let around = plan.around(&rule.calendar);
                    if condition.fields().has(Field::Published) {
                        let shown = Shown {
                            published: published(&rule.ledger),
                            ..shown
                        };
                        condition.ask(&Asked::about(shown), &around).is_ok()
                    } else {
                        condition.ask(&asked, &around).is_ok()
                    }
                }
                Some(Err(_)) => false,
            };
            if met {
                found.insert((rule.ledger.clone(), rule.task.clone()));
            }
        }
        found
    }

    /// Whether anything opens at events.
    pub fn any_event(&self) -> bool {
        !self.events.is_empty()
    }

    /// Whether a duty's end can open another.
    pub fn any_after_duties(&self) -> bool {
        !self.follows.is_empty() || !self.standing.is_empty()
    }

    /// The tasks that follow one.
    pub fn following(&self, ledger: &str, task: &str, when: FollowWhen) -> &[TaskId] {
        let of = (ledger.to_owned(), task.to_owned(), when);
        self.follows.get(&of).map_or(&[], Vec::as_slice)
    }

    /// Whether a task's duties open again.
    pub fn is_standing(&self, ledger: &str, task: &str) -> bool {
        let of = (ledger.to_owned(), task.to_owned());
        self.standing.contains(&of)
    }
}

/// The units whose events a rule wants, if each of its owners takes its unit from events of a group.
fn limits(task: &Task) -> Option<BTreeSet<UnitId>> {
    let mut units = BTreeSet::new();
    for owner in &task.owners {
        if !owner.from.is_some_and(OwnerFrom::is_by_event) || owner.group.is_none() {
            return None;
        }
        units.extend(owner.units.iter().cloned());
    }
    Some(units)
}

impl Bucket {
    fn texts(&mut self, field: Field) -> &mut BTreeMap<String, Vec<Rule>> {
        let place = self.keyed.iter().position(|(f, _)| *f == field);
        let place = place.unwrap_or_else(|| {
            self.keyed.push((field, BTreeMap::new()));
            self.keyed.len() - 1
        });
        &mut self.keyed[place].1
    }

    fn candidates<'b>(&'b self, shown: &Shown<'_>) -> impl Iterator<Item = &'b Rule> {
        let keyed: Vec<&Vec<Rule>> = self
            .keyed
            .iter()
            .filter_map(|(field, texts)| texts.get(shown.text(*field)?.as_ref()))
            .collect();
        self.any.iter().chain(keyed.into_iter().flatten())
    }
}
