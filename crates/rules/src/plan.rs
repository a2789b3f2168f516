//! What the ledgers of one office ask of publications and matters, arranged so that one event meets
//! only the requirements that can want it. Derived from the definitions in force, once for each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_calendar::Calendar;
use duban_model::definition::{By, EventSort, Opens, Owner, OwnerFrom, Requirement};
use duban_model::fact::Publication;
use duban_model::id::{LedgerId, TaskId};
use duban_model::{Body, Definition, Directory, Envelope, EnvelopeFault, Timestamp, Zone};

use crate::asked::Asked;
use crate::bucket::{Bucket, Buckets, Entry};
use crate::condition::{Condition, Unmet};
use crate::field::{Field, Fields, Shown};
use crate::setting::{Around, Setting};

/// The requirements of an office's ledgers.
#[derive(Debug, Default)]
pub struct Plan {
    /// Where each row of each ledger stands in its definition.
    rows: BTreeMap<LedgerId, BTreeMap<TaskId, usize>>,
    /// The kinds of publication that are asked for, numbered together with those of matter.
    kinds: BTreeMap<String, u32>,
    /// The kinds of matter.
    matters: BTreeMap<String, u32>,
    /// What is wanted of the owing unit itself, by unit.
    own: Buckets,
    /// What is wanted of the units below, by the unit that owes.
    below: Buckets,
    /// What is wanted of anybody, by kind.
    anyone: BTreeMap<u32, Bucket>,
    /// Some requirement asks for the units below one.
    asks_above: bool,
    /// The kinds of which more than the owing unit's own count.
    wide_kinds: BTreeSet<u32>,
    /// Each condition once, however many requirements share its text. One that this release cannot
    /// read is kept with the reason: it is not met by anything.
    conditions: Vec<Result<Condition, String>>,
    /// Where each condition stands, by its text.
    texts: BTreeMap<String, usize>,
    /// The ledgers in the order in which they came, each with its calendar.
    ledgers: Vec<(LedgerId, String)>,
    /// What some condition looks at.
    fields: Fields,
    /// The earliest issue of a ledger, by zone.
    issued: Vec<(Zone, NaiveDate)>,
    /// The conditions of what opens duties: the groups that they name, and whether any counts days.
    opening_groups: Vec<String>,
    opening_counts_days: bool,
    /// What else conditions and requirements look at.
    setting: Setting,
}

/// A requirement that an event meets: of which ledger, row, owner entry, and which of its list.
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
    /// The unit that owes it; absent where anybody's events count for all units of the owner entry.
    pub unit: Option<&'p str>,
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
        self.ledgers
            .push((definition.ledger.clone(), definition.calendar.clone()));
        for (place, task) in definition.tasks.iter().enumerate() {
            rows.entry(task.id.clone()).or_insert(place);
            if let Opens::Event(rule) = &task.opens
                && let Some(Ok(condition)) = rule.when.as_deref().map(Condition::adopted)
            {
                self.opening_groups
                    .extend(condition.groups().iter().cloned());
                self.opening_counts_days |= condition.counts_days();
            }
            for (owner_place, owner) in task.owners.iter().enumerate() {
                let requirements = owner.fulfilled_by.requirements();
                for (number, requirement) in (0..).zip(requirements) {
                    let entry = Entry {
                        ledger,
                        task: place,
                        owner: owner_place,
                        requirement: number,
                        when: requirement.when.as_ref().map(|text| self.condition(text)),
                    };
                    self.want(owner, requirement, entry);
                }
            }
        }
        self.rows.insert(definition.ledger.clone(), rows);
        match self.issued.iter_mut().find(|(z, _)| *z == definition.zone) {
            Some((_, issued)) => *issued = (*issued).min(definition.issued),
            None => self.issued.push((definition.zone, definition.issued)),
        }
    }

    /// Takes over, of the directory and the calendars in force, what its ledgers ask.
    pub(crate) fn settle_in<'c>(
        &mut self,
        directory: Option<&Directory>,
        calendars: impl Iterator<Item = &'c Calendar>,
    ) {
        let known = self.conditions.iter().filter_map(|c| c.as_ref().ok());
        if let Some(directory) = directory {
            let groups = known.clone().flat_map(Condition::groups);
            let groups = groups.chain(&self.opening_groups);
            self.setting
                .of_directory(directory, groups, self.asks_above);
        }
        if self.opening_counts_days || known.clone().any(Condition::counts_days) {
            for calendar in calendars {
                self.setting.put_calendar(calendar);
            }
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

    fn want(&mut self, owner: &Owner, requirement: &Requirement, entry: Entry) {
        if requirement.each().is_some() || requirement.about.is_some() {
            self.fields = self.fields.with(Field::About);
        }
        let condition = entry
            .when
            .and_then(|place| self.conditions[place].as_ref().ok());
        let key = condition.and_then(Condition::key);
        for kind in &requirement.kinds {
            let next = self.kinds.len() + self.matters.len();
            let next = u32::try_from(next).expect("fewer kinds than that");
            let kinds = match requirement.on {
                EventSort::Publication => &mut self.kinds,
                EventSort::Matter => &mut self.matters,
            };
            let kind = *kinds.entry(kind.clone()).or_insert(next);
            self.asks_above |= requirement.by == By::Subordinates;
            if requirement.by != By::Unit {
                self.wide_kinds.insert(kind);
            }
            // Which units owe it is known when the event comes: they are looked for then.
            let by_event = match owner.from {
                Some(OwnerFrom::Event) => owner.group.is_none(),
                Some(OwnerFrom::EventSuperior) => true,
                _ => false,
            };
            match requirement.by {
                _ if by_event => self.anyone.entry(kind).or_default().put(key, entry),
                By::Unit => self.own.want(&owner.units, kind, key, entry),
                By::Subordinates => self.below.want(&owner.units, kind, key, entry),
                By::Anyone => self.anyone.entry(kind).or_default().put(key, entry),
            }
        }
    }

    /// The requirements that a publication meets, in order, each once.
    pub fn matches(&self, publication: &Publication) -> Vec<Match<'_>> {
        self.met_by(Shown::of(publication), &|_| None)
    }

    /// The requirements that an event meets by what it is and who it comes from, in order, each
    /// once. `published` is the day that counts in a ledger.
    pub(crate) fn met_by(
        &self,
        shown: Shown<'_>,
        published: &dyn Fn(&str) -> Option<NaiveDate>,
    ) -> Vec<Match<'_>> {
        let kinds = match shown.sort {
            EventSort::Publication => &self.kinds,
            EventSort::Matter => &self.matters,
        };
        let Some(kind) = kinds.get(shown.kind).copied() else {
            return Vec::new();
        };
        let asked = Asked::about(shown);
        let own = self.own.of(shown.unit, kind);
        let own = own.map(|(unit, bucket)| (Some(unit), bucket));
        let above = (!self.below.is_empty()).then(|| self.setting.above(shown.unit));
        let below = above
            .into_iter()
            .flatten()
            .filter_map(|unit| self.below.of(unit, kind))
            .map(|(unit, bucket)| (Some(unit), bucket));
        let anyone = self.anyone.get(&kind).map(|bucket| (None, bucket));
        let buckets = own.into_iter().chain(below).chain(anyone);
        let mut found: Vec<Match<'_>> = buckets
            .flat_map(|(unit, bucket)| bucket.candidates(&shown).map(move |entry| (unit, entry)))
            .filter(|(_, entry)| match entry.when {
                None => true,
                Some(place) => self.ask(entry.ledger, place, &asked, published).is_ok(),
            })
            .map(|(unit, entry)| Match {
                ledger: &self.ledgers[entry.ledger].0,
                task: entry.task,
                owner: entry.owner,
                requirement: entry.requirement,
                unit: unit.map(String::as_str),
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

    /// Asks a condition of a ledger, if there is one, of an event that is shown with the day that
    /// counts.
    pub(crate) fn asks(
        &self,
        calendar: &str,
        when: Option<&str>,
        shown: &Shown<'_>,
    ) -> Result<(), Unmet> {
        let Some(text) = when else {
            return Ok(());
        };
        let Some(place) = self.texts.get(text) else {
            return Err(Unmet::Unanswered("not in force".to_owned()));
        };
        match &self.conditions[*place] {
            Ok(condition) => condition.ask(&Asked::about(*shown), &self.setting.around(calendar)),
            Err(fault) => Err(Unmet::Unanswered(fault.clone())),
        }
    }

    fn ask(
        &self,
        ledger: usize,
        place: usize,
        asked: &Asked<'_>,
        published: &dyn Fn(&str) -> Option<NaiveDate>,
    ) -> Result<(), Unmet> {
        let (id, calendar) = &self.ledgers[ledger];
        let around = self.setting.around(calendar);
        match &self.conditions[place] {
            // The day that counts is another in another ledger.
            Ok(condition) if condition.fields().has(Field::Published) => {
                let shown = Shown {
                    published: published(id),
                    ..*asked.shown()
                };
                condition.ask(&Asked::about(shown), &around)
            }
            Ok(condition) => condition.ask(asked, &around),
            Err(fault) => Err(Unmet::Unanswered(fault.clone())),
        }
    }

    /// What a condition of a ledger that counts by this calendar can ask besides the event.
    pub(crate) fn around(&self, calendar: &str) -> Around<'_> {
        self.setting.around(calendar)
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

    /// Whether more than the owing unit's own events can count.
    pub(crate) fn is_wide(&self) -> bool {
        !self.wide_kinds.is_empty()
    }

    /// Whether events of a kind can count for others than their own unit.
    pub(crate) fn is_wide_kind(&self, sort: EventSort, kind: &str) -> bool {
        let kinds = match sort {
            EventSort::Publication => &self.kinds,
            EventSort::Matter => &self.matters,
        };
        let number = kinds.get(kind);
        number.is_some_and(|number| self.wide_kinds.contains(number))
    }

    /// The units above one, the nearest first, as far as some requirement asks for them.
    pub(crate) fn above<'s>(&'s self, unit: &'s str) -> impl Iterator<Item = &'s str> {
        self.setting.above(unit)
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
