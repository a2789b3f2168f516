//! What the ledgers of one office ask of publications, arranged so that one publication meets only
//! the requirements that can want it. Derived from the definitions in force, once for each.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_model::definition::{Fulfilment, Owner, OwnerFrom, Requirement};
use duban_model::fact::Publication;
use duban_model::id::{LedgerId, TaskId, UnitId};
use duban_model::{Body, Definition, Envelope, EnvelopeFault, Timestamp, Zone};

use crate::asked::Asked;
use crate::condition::{Condition, Unmet};
use crate::field::{Field, Fields, Shown};

/// The requirements of an office's ledgers.
#[derive(Debug, Default)]
pub struct Plan {
    /// Where each row of each ledger stands in its definition.
    rows: BTreeMap<LedgerId, BTreeMap<TaskId, usize>>,
    /// The kinds of publication that are asked for, numbered.
    kinds: BTreeMap<String, u32>,
    /// By unit: kinds in order, each with the place of its bucket.
    wanted: BTreeMap<UnitId, Vec<(u32, usize)>>,
    /// What is wanted. The units of a group share their buckets: a thousand units under a thousand
    /// rules are a million pairs.
    buckets: Vec<Bucket>,
    /// Each condition once, however many requirements share its text. One that this release cannot
    /// read is kept with the reason: it is not met by anything.
    conditions: Vec<Result<Condition, String>>,
    /// Where each condition stands, by its text.
    texts: BTreeMap<String, usize>,
    /// The ledgers in the order in which they came.
    ledgers: Vec<LedgerId>,
    /// What some condition looks at.
    fields: Fields,
    /// The earliest issue of a ledger, by zone.
    issued: Vec<(Zone, NaiveDate)>,
}

/// The requirements for one kind of publication of some units.
#[derive(Clone, Debug, Default)]
struct Bucket {
    /// How many units share it.
    units: usize,
    /// Those that every such publication may meet.
    any: Vec<Entry>,
    /// Those that want a field to be a certain text: by the text's hash, since ten thousand long
    /// texts with a common beginning are slow to compare and far apart in memory. Another text of
    /// the same hash is told apart when the condition is asked.
    keyed: Vec<(Field, BTreeMap<u64, Vec<Entry>>)>,
}

/// Places of a ledger, its row, the owner entry, the requirement, and its condition.
#[derive(Clone, Copy, Debug)]
struct Entry {
    ledger: usize,
    task: usize,
    owner: usize,
    requirement: u32,
    when: Option<usize>,
}

/// FNV-1a. Not for secrets: who writes the ledger chooses the texts.
fn hash(text: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes().fold(BASIS, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(PRIME)
    })
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
        let ledger = self.ledgers.len();
        self.ledgers.push(definition.ledger.clone());
        for (place, task) in definition.tasks.iter().enumerate() {
            rows.entry(task.id.clone()).or_insert(place);
            for (owner_place, owner) in task.owners.iter().enumerate() {
                let Fulfilment::Publications(requirements) = &owner.fulfilled_by else {
                    continue;
                };
                for (number, requirement) in (0..).zip(requirements) {
                    let entry = Entry {
                        ledger,
                        task: place,
                        owner: owner_place,
                        requirement: number,
                        when: requirement.when.as_ref().map(|text| self.condition(text)),
                    };
                    self.want(&who(owner), requirement, entry);
                }
            }
        }
        self.rows.insert(definition.ledger.clone(), rows);
        match self.issued.iter_mut().find(|(z, _)| *z == definition.zone) {
            Some((_, issued)) => *issued = (*issued).min(definition.issued),
            None => self.issued.push((definition.zone, definition.issued)),
        }
    }

    /// Where a condition stands; it is read the first time its text occurs.
    fn condition(&mut self, text: &str) -> usize {
        if let Some(place) = self.texts.get(text) {
            return *place;
        }
        let condition = Condition::adopted(text);
        if let Ok(condition) = &condition {
            self.fields = self.fields.and(condition.fields());
        }
        self.conditions.push(condition);
        let place = self.conditions.len() - 1;
        self.texts.insert(text.to_owned(), place);
        place
    }

    fn want(&mut self, units: &[UnitId], requirement: &Requirement, entry: Entry) {
        let condition = entry
            .when
            .and_then(|place| self.conditions[place].as_ref().ok());
        let key = condition.and_then(Condition::key);
        for kind in &requirement.kinds {
            let next = u32::try_from(self.kinds.len()).expect("fewer kinds than that");
            let kind = *self.kinds.entry(kind.clone()).or_insert(next);
            // The units in question, by the bucket they have now.
            let mut now: BTreeMap<Option<usize>, BTreeSet<&UnitId>> = BTreeMap::new();
            for unit in units {
                let bucket = self
                    .wanted
                    .get(unit)
                    .and_then(|kinds| bucket_of(kinds, kind));
                now.entry(bucket).or_default().insert(unit);
            }
            for (before, units) in now {
                let place = match before {
                    // All that share it are here.
                    Some(place) if self.buckets[place].units == units.len() => place,
                    before => {
                        let mut bucket = Bucket::default();
                        if let Some(place) = before {
                            bucket.clone_from(&self.buckets[place]);
                            self.buckets[place].units -= units.len();
                        }
                        bucket.units = units.len();
                        self.buckets.push(bucket);
                        self.buckets.len() - 1
                    }
                };
                for unit in units {
                    let kinds = self.wanted.entry(unit.clone()).or_default();
                    match kinds.binary_search_by_key(&kind, |(kind, _)| *kind) {
                        Ok(at) => kinds[at].1 = place,
                        Err(at) => kinds.insert(at, (kind, place)),
                    }
                }
                let bucket = &mut self.buckets[place];
                match key {
                    None => bucket.any.push(entry),
                    Some(key) => {
                        let texts = bucket.texts(key.field);
                        for text in &key.texts {
                            texts.entry(hash(text)).or_default().push(entry);
                        }
                    }
                }
            }
        }
    }

    /// What is wanted of a unit's publications of one kind.
    fn bucket(&self, unit: &str, kind: &str) -> Option<&Bucket> {
        let kinds = self.wanted.get(unit)?;
        let place = bucket_of(kinds, *self.kinds.get(kind)?)?;
        self.buckets.get(place)
    }

    /// The requirements that a publication meets, in order, each once.
    pub fn matches(&self, publication: &Publication) -> Vec<Match<'_>> {
        let shown = Shown::of(publication);
        let asked = Asked::about(shown);
        let mut found: Vec<Match<'_>> = [shown.unit, ANY_UNIT]
            .into_iter()
            .filter_map(|unit| self.bucket(unit, shown.kind))
            .flat_map(|bucket| bucket.candidates(&shown))
            .filter(|entry| match entry.when {
                None => true,
                Some(place) => self.ask(place, &asked).is_ok(),
            })
            .map(|entry| Match {
                ledger: &self.ledgers[entry.ledger],
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
        let Some(text) = when else {
            return Ok(());
        };
        match self.texts.get(text) {
            Some(place) => self.ask(*place, &Asked::about(*shown)),
            None => Err(Unmet::Unanswered("not in force".to_owned())),
        }
    }

    fn ask(&self, place: usize, asked: &Asked<'_>) -> Result<(), Unmet> {
        match &self.conditions[place] {
            Ok(condition) => condition.ask(asked),
            Err(fault) => Err(Unmet::Unanswered(fault.clone())),
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

/// Stands for every unit, where an owner takes its unit from the event. No unit's id is empty.
const ANY_UNIT: &str = "";

/// Whose publications an owner entry may ask for.
fn who(owner: &Owner) -> Cow<'_, [UnitId]> {
    match owner.from {
        Some(OwnerFrom::Event) if owner.group.is_some() => Cow::Borrowed(&owner.units),
        Some(OwnerFrom::Event | OwnerFrom::EventSuperior) => Cow::Owned(vec![ANY_UNIT.to_owned()]),
        _ => Cow::Borrowed(&owner.units),
    }
}

/// The place of the bucket for a kind.
fn bucket_of(kinds: &[(u32, usize)], kind: u32) -> Option<usize> {
    let at = kinds.binary_search_by_key(&kind, |(kind, _)| *kind).ok()?;
    Some(kinds[at].1)
}

impl Bucket {
    fn texts(&mut self, field: Field) -> &mut BTreeMap<u64, Vec<Entry>> {
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
            texts.get(&hash(&text))
        });
        let keyed: Vec<&Vec<Entry>> = keyed.collect();
        self.any.iter().chain(keyed.into_iter().flatten())
    }
}
