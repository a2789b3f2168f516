//! What the ledgers of one office ask of publications, arranged so that one publication meets only
//! the requirements that can want it. Derived from the definitions in force, once for each.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use duban_model::definition::{Fulfilment, Requirement};
use duban_model::fact::Publication;
use duban_model::id::{LedgerId, TaskId, UnitId};
use duban_model::{Body, Definition, Envelope, EnvelopeFault, Timestamp, Zone};

use crate::condition::{Condition, Unmet};
use crate::field::{Field, Fields, Shown};

/// The requirements of an office's ledgers.
#[derive(Debug, Default)]
pub struct Plan {
    /// Where each row of each ledger stands in its definition.
    rows: BTreeMap<LedgerId, BTreeMap<TaskId, usize>>,
    /// By unit, then by kind.
    wanted: BTreeMap<UnitId, BTreeMap<String, Bucket>>,
    /// Each condition once, however many requirements share its text. One that this release cannot
    /// read is kept with the reason: it is not met by anything.
    conditions: BTreeMap<String, Result<Condition, String>>,
    /// What some condition looks at.
    fields: Fields,
    /// The earliest issue of a ledger, by zone.
    issued: Vec<(Zone, NaiveDate)>,
}

/// The requirements for one kind of publication of one unit.
#[derive(Debug, Default)]
struct Bucket {
    /// Those that every such publication may meet.
    any: Vec<Entry>,
    /// Those that want a field to be a certain text.
    keyed: Vec<(Field, BTreeMap<String, Vec<Entry>>)>,
}

#[derive(Clone, Debug)]
struct Entry {
    ledger: LedgerId,
    task: usize,
    owner: usize,
    requirement: u32,
    when: Option<String>,
}

/// A requirement that a publication meets: of which ledger, row, owner entry, and which of its list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match<'p> {
    /// The ledger.
    pub ledger: &'p str,
    /// The row's place in it.
    pub task: usize,
    /// The owner entry's place in the row.
    pub owner: usize,
    /// The requirement's place in what fulfils it.
    pub requirement: u32,
}

impl Plan {
    /// The plan of a single ledger.
    pub fn of(definition: &Definition) -> Plan {
        let mut plan = Plan::default();
        plan.add(definition);
        plan
    }

    /// Takes a further ledger in.
    pub(crate) fn add(&mut self, definition: &Definition) {
        let mut rows = BTreeMap::new();
        for (place, task) in definition.tasks.iter().enumerate() {
            rows.entry(task.id.clone()).or_insert(place);
            for (owner_place, owner) in task.owners.iter().enumerate() {
                let Fulfilment::Publications(requirements) = &owner.fulfilled_by else {
                    continue;
                };
                for (number, requirement) in (0..).zip(requirements) {
                    let entry = Entry {
                        ledger: definition.ledger.clone(),
                        task: place,
                        owner: owner_place,
                        requirement: number,
                        when: requirement.when.clone(),
                    };
                    self.want(&owner.units, requirement, &entry);
                }
            }
        }
        self.rows.insert(definition.ledger.clone(), rows);
        match self.issued.iter_mut().find(|(z, _)| *z == definition.zone) {
            Some((_, issued)) => *issued = (*issued).min(definition.issued),
            None => self.issued.push((definition.zone, definition.issued)),
        }
    }

    fn want(&mut self, units: &[UnitId], requirement: &Requirement, entry: &Entry) {
        let mut key = None;
        if let Some(text) = &requirement.when {
            let condition = self
                .conditions
                .entry(text.clone())
                .or_insert_with(|| Condition::adopted(text));
            if let Ok(condition) = condition {
                self.fields = self.fields.and(condition.fields());
                key = condition.key().cloned();
            }
        }
        for unit in units {
            let kinds = self.wanted.entry(unit.clone()).or_default();
            for kind in &requirement.kinds {
                let bucket = kinds.entry(kind.clone()).or_default();
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
    }

    /// The requirements that a publication meets, in order, each once.
    pub fn matches(&self, publication: &Publication) -> Vec<Match<'_>> {
        let shown = Shown::of(publication);
        let mut found: Vec<Match<'_>> = self
            .wanted
            .get(shown.unit)
            .and_then(|kinds| kinds.get(shown.kind))
            .into_iter()
            .flat_map(|bucket| bucket.candidates(&shown))
            .filter(|entry| self.asks(entry.when.as_deref(), &shown).is_ok())
            .map(|entry| Match {
                ledger: &entry.ledger,
                task: entry.task,
                owner: entry.owner,
                requirement: entry.requirement,
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Reads one event as it comes from outside and gives the requirements it meets: the whole way
    /// of a publication but for the log.
    pub fn offered(&self, event: &[u8]) -> Result<Vec<Match<'_>>, Box<EnvelopeFault>> {
        Ok(match Envelope::parse(event)?.body {
            Body::PublicationPublished(publication) | Body::PublicationUpdated(publication) => {
                self.matches(&publication)
            }
            _ => Vec::new(),
        })
    }

    /// Asks a requirement's condition, if it has one, of a publication.
    pub(crate) fn asks(&self, when: Option<&str>, shown: &Shown<'_>) -> Result<(), Unmet> {
        match when.map(|text| self.conditions.get(text)) {
            None => Ok(()),
            Some(Some(Ok(condition))) => condition.ask(shown),
            Some(Some(Err(fault))) => Err(Unmet::Unanswered(fault.clone())),
            Some(None) => Err(Unmet::Unanswered("not in force".to_owned())),
        }
    }

    /// Where a row stands in its ledger.
    pub(crate) fn row(&self, ledger: &str, task: &str) -> Option<usize> {
        self.rows.get(ledger)?.get(task).copied()
    }

    /// The first ledger by id.
    pub(crate) fn first(&self) -> Option<&LedgerId> {
        self.rows.keys().next()
    }

    /// The fields that must be kept of a publication.
    pub(crate) fn fields(&self) -> Fields {
        self.fields
    }

    /// The earliest issue of its ledgers, if an instant lies before the issue of every one.
    pub(crate) fn before_all(&self, at: Timestamp) -> Option<NaiveDate> {
        let early = |(zone, issued): &(Zone, NaiveDate)| at.date_in(*zone) < *issued;
        if self.issued.iter().all(early) {
            return self.issued.iter().map(|(_, issued)| *issued).min();
        }
        None
    }
}

impl Bucket {
    fn texts(&mut self, field: Field) -> &mut BTreeMap<String, Vec<Entry>> {
        let place = self.keyed.iter().position(|(f, _)| *f == field);
        let place = place.unwrap_or_else(|| {
            self.keyed.push((field, BTreeMap::new()));
            self.keyed.len() - 1
        });
        &mut self.keyed[place].1
    }

    fn candidates<'b>(&'b self, shown: &Shown<'_>) -> impl Iterator<Item = &'b Entry> {
        let keyed = self.keyed.iter().filter_map(|(field, texts)| {
            let text = shown.text(*field)?;
            texts.get(text.as_ref())
        });
        let keyed: Vec<&Vec<Entry>> = keyed.collect();
        self.any.iter().chain(keyed.into_iter().flatten())
    }
}
