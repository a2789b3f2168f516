//! What the rules remember: the fold of their own records.

use std::collections::{BTreeMap, BTreeSet};

use duban_calendar::Calendar;
use duban_model::decision::{Arose, ObligationOpened, ObligationTransferred, PublicationNoted};
use duban_model::definition::{EventSort, OwnerFrom, Task};
use duban_model::id::{ObligationId, Tenant};
use duban_model::state::{AnyTable, hex};
use duban_model::{Body, Definition, Directory, Name, Names, Record, State, Table, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::field::sort_noted;
use crate::obligation::{Obligation, ObligationState};
use crate::occasions::Occasions;
use crate::openers::Openers;
use crate::plan::Plan;

/// A ledger in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The hash of its deployed text.
    pub hash: String,
    /// When it was activated.
    pub activated: Timestamp,
    /// What it compiled to, with the units that the directory in force gives its groups.
    pub definition: Definition,
    /// While its duties are brought under what has come into force: what was before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Before>>,
}

/// What a ledger's duties went by before a revision; absent parts are as they are now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// The definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Definition>,
    /// The calendar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<Calendar>,
}

/// A noted publication with the duties it counts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// What was noted.
    pub publication: PublicationNoted,
    /// Which obligations and requirements it ticks.
    pub ticks: BTreeSet<(ObligationId, u32)>,
}

/// The rules' state.
#[derive(Debug)]
pub struct RulesState {
    /// By `tenant/calendar id`.
    pub(crate) calendars: Table<Calendar>,
    /// By tenant.
    pub(crate) directories: Table<Directory>,
    /// By ledger id.
    pub(crate) ledgers: Table<Ledger>,
    /// By obligation id.
    pub(crate) obligations: Table<Obligation, Name>,
    /// By `tenant/unit/publication`.
    pub(crate) publications: Table<Noted>,
    /// Derived, by tenant: what the ledgers in force ask of publications.
    plans: BTreeMap<Tenant, Plan>,
    /// Derived: by tenant, sort and kind, what was noted that more than the publishing unit's own
    /// duties may ask for.
    wide: BTreeMap<(Tenant, EventSort, String), BTreeSet<String>>,
    /// Derived, by tenant: what opens duties other than with their ledger.
    openers: BTreeMap<Tenant, Openers>,
    /// Derived: which duties were opened for what.
    opened: Occasions,
    /// Derived: what obligations repeat, once.
    names: Names,
}

impl Default for RulesState {
    fn default() -> Self {
        Self {
            calendars: Table::domain(1),
            directories: Table::domain(2),
            ledgers: Table::domain(3),
            obligations: Table::domain(4),
            publications: Table::domain(5),
            plans: BTreeMap::new(),
            wide: BTreeMap::new(),
            openers: BTreeMap::new(),
            opened: Occasions::default(),
            names: Names::default(),
        }
    }
}

impl State for RulesState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.calendars,
            &mut self.directories,
            &mut self.ledgers,
            &mut self.obligations,
            &mut self.publications,
        ]
    }

    fn tables_ref(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.calendars,
            &self.directories,
            &self.ledgers,
            &self.obligations,
            &self.publications,
        ]
    }

    fn loaded(&mut self) {
        self.plans = BTreeMap::new();
        self.openers = BTreeMap::new();
        for (_, ledger) in self.ledgers.iter() {
            let definition = &ledger.definition;
            let plan = self.plans.entry(definition.tenant.clone());
            plan.or_default().add(definition);
            let openers = self.openers.entry(definition.tenant.clone());
            openers.or_default().add(definition);
        }
        self.opened = Occasions::default();
        for (id, obligation) in self.obligations.iter() {
            self.opened.add(id, obligation);
        }
        self.settle_plans();
        let names = &mut self.names;
        self.obligations
            .arrange(|obligation| obligation.unite(names));
    }
}

impl RulesState {
    /// An obligation.
    pub fn obligation(&self, id: &str) -> Option<&Obligation> {
        self.obligations.get(id)
    }

    /// True of a duty that is there and was not withdrawn: what counts for it counts for no other.
    pub(crate) fn is_kept(&self, id: &str) -> bool {
        self.obligation(id)
            .is_some_and(|o| o.state != ObligationState::Withdrawn)
    }

    /// All obligations in id order.
    pub fn obligations(&self) -> impl Iterator<Item = (&Name, &Obligation)> {
        self.obligations.iter()
    }

    /// All ledgers in id order.
    pub fn ledgers(&self) -> impl Iterator<Item = (&String, &Ledger)> {
        self.ledgers.iter()
    }

    /// A ledger in force.
    pub fn ledger(&self, id: &str) -> Option<&Ledger> {
        self.ledgers.get(id)
    }

    /// The directory of a tenant.
    pub fn directory(&self, tenant: &str) -> Option<&Directory> {
        self.directories.get(tenant)
    }

    /// The unit that bears an id now, which it may have got from a former one.
    pub(crate) fn current_unit<'a>(&'a self, tenant: &str, unit: &'a str) -> &'a str {
        self.directory(tenant)
            .and_then(|directory| directory.current(unit))
            .map_or(unit, |(current, _)| current)
    }

    /// The calendar a definition counts by.
    pub fn calendar(&self, definition: &Definition) -> Option<&Calendar> {
        self.calendars
            .get(&calendar_key(&definition.tenant, &definition.calendar))
    }

    /// What the ledgers of a tenant ask of publications.
    pub(crate) fn plan(&self, tenant: &str) -> Option<&Plan> {
        self.plans.get(tenant)
    }

    /// What opens duties of a tenant other than with their ledger.
    pub(crate) fn openers(&self, tenant: &str) -> Option<&Openers> {
        self.openers.get(tenant)
    }

    /// The duties that something opened, in id order.
    pub(crate) fn opened_for<'a>(
        &'a self,
        tenant: &str,
        arose: &Arose,
    ) -> impl Iterator<Item = &'a Name> + use<'a> {
        self.opened.of(tenant, arose)
    }

    /// True where no event and no other duty opened one.
    pub(crate) fn nothing_opened(&self, tenant: &str) -> bool {
        self.opened.is_empty(tenant)
    }

    /// A row of a ledger in force.
    pub fn task<'a>(&self, ledger: &'a Ledger, task: &str) -> Option<&'a Task> {
        let definition = &ledger.definition;
        let place = self
            .plan(&definition.tenant)?
            .row(&definition.ledger, task)?;
        definition.tasks.get(place)
    }

    /// What was noted of some kinds by anybody, as far as more than the publishing unit's own duties
    /// may ask for it.
    pub(crate) fn noted_by_anyone<'a>(
        &'a self,
        tenant: &str,
        sort: EventSort,
        kinds: &[String],
    ) -> impl Iterator<Item = &'a Noted> {
        let sets = kinds
            .iter()
            .filter_map(|kind| self.wide.get(&(tenant.to_owned(), sort, kind.clone())));
        let keys: BTreeSet<&String> = sets.flatten().collect();
        keys.into_iter()
            .filter_map(|key| self.publications.get(key))
    }

    /// The plans look at the directory and the calendars in force, and at what was noted.
    fn settle_plans(&mut self) {
        for (tenant, plan) in &mut self.plans {
            let prefix = format!("{tenant}/");
            let calendars = self.calendars.with_prefix(&prefix).map(|(_, c)| c);
            plan.settle_in(self.directories.get(tenant), calendars);
        }
        self.wide.clear();
        if self.plans.values().any(Plan::is_wide) {
            let noted: Vec<(String, Tenant)> = self
                .publications
                .iter()
                .filter_map(|(key, _)| Some((key.clone(), key.split_once('/')?.0.to_owned())))
                .collect();
            for (key, tenant) in noted {
                self.widen(&tenant, &key);
            }
        }
    }

    /// Keeps something noted where more than its own unit's duties find it, if they may ask for it.
    fn widen(&mut self, tenant: &Tenant, key: &str) {
        let plan = self.plans.get(tenant).filter(|plan| plan.is_wide());
        if let (Some(plan), Some(noted)) = (plan, self.publications.get(key)) {
            let sort = sort_noted(&noted.publication.publication);
            let kind = &noted.publication.kind;
            if plan.is_wide_kind(sort, kind) {
                let of = (tenant.clone(), sort, kind.clone());
                self.wide.entry(of).or_default().insert(key.to_owned());
            }
        }
    }

    /// Forgets it there.
    fn narrow(&mut self, tenant: &Tenant, key: &str) {
        if self.wide.is_empty() {
            return;
        }
        if let Some(noted) = self.publications.get(key) {
            let sort = sort_noted(&noted.publication.publication);
            let of = (tenant.clone(), sort, noted.publication.kind.clone());
            if let Some(keys) = self.wide.get_mut(&of) {
                keys.remove(key);
            }
        }
    }

    /// The duties of one unit in one role of a row, over all periods, in id order.
    pub(crate) fn duties<'a>(
        &'a self,
        of: &'a str,
    ) -> impl Iterator<Item = (&'a Name, &'a Obligation)> {
        self.obligations.with_prefix(of)
    }

    /// Takes an own record into account.
    pub(crate) fn apply(&mut self, record: &Record) {
        let tenant = &record.tenant;
        match &record.body {
            Body::CalendarAdopted(r) => {
                let key = calendar_key(&r.tenant, r.calendar.id());
                if let Some(old) = self.calendars.get(&key).filter(|old| **old != r.calendar) {
                    let old = old.clone();
                    for ledger in self.ledgers_counting_by(&r.tenant, old.id()) {
                        self.ledgers.change(&ledger, |row| {
                            row.before.get_or_insert_default().calendar = Some(old.clone());
                        });
                    }
                }
                self.calendars.put(&key, r.calendar.clone());
                self.settle_plans();
            }
            Body::DirectoryAdopted(r) => {
                self.directories.put(tenant, r.directory.clone());
                self.settle_plans();
            }
            Body::DefinitionAdopted(r) => {
                let running = self.ledgers.get(&r.definition.ledger).cloned();
                let replaced = running.is_some();
                let (activated, before) = match running {
                    None => (r.at, None),
                    Some(running) => {
                        let mut before = running.before.unwrap_or_default();
                        before.definition.get_or_insert(running.definition);
                        (running.activated, Some(before))
                    }
                };
                self.ledgers.put(
                    &r.definition.ledger,
                    Ledger {
                        hash: r.hash.clone(),
                        activated,
                        definition: r.definition.clone(),
                        before,
                    },
                );
                if replaced {
                    self.loaded();
                    self.place_owners(&r.definition);
                } else {
                    let plan = self.plans.entry(r.definition.tenant.clone());
                    plan.or_default().add(&r.definition);
                    let openers = self.openers.entry(r.definition.tenant.clone());
                    openers.or_default().add(&r.definition);
                    self.settle_plans();
                }
            }
            Body::PublicationNoted(r) => {
                let key = publication_key(tenant, &r.publication);
                let ticks = self
                    .publications
                    .get(&key)
                    .map(|noted| noted.ticks.clone())
                    .unwrap_or_default();
                let publication = r.clone();
                self.narrow(tenant, &key);
                self.publications.put(&key, Noted { publication, ticks });
                self.widen(tenant, &key);
            }
            Body::PublicationForgotten(r) => {
                let key = publication_key(tenant, &r.publication);
                self.narrow(tenant, &key);
                self.publications.remove(&key);
            }
            Body::LedgerRevised(r) => self.ledgers.change(&r.ledger, |row| row.before = None),
            Body::ObligationTransferred(r) => self.transfer(tenant, r),
            Body::ObligationOpened(r) => self.open(tenant, record, r),
            Body::ObligationTicked(r) => {
                let tick = (r.obligation.clone(), r.requirement);
                self.publications
                    .change(&publication_key(tenant, &r.publication), |noted| {
                        noted.ticks.insert(tick);
                    });
                self.obligations
                    .change(r.obligation.as_str(), |o| o.apply(&record.body));
            }
            Body::ObligationUnticked(r) => {
                let tick = (r.obligation.clone(), r.requirement);
                self.publications
                    .change(&publication_key(tenant, &r.publication), |noted| {
                        noted.ticks.remove(&tick);
                    });
                self.obligations
                    .change(r.obligation.as_str(), |o| o.apply(&record.body));
            }
            body => {
                if let Some(id) = crate::explain::obligation_of(body) {
                    let names = &mut self.names;
                    self.obligations.change(id, |o| {
                        o.apply(body);
                        o.unite_step(names);
                    });
                }
            }
        }
    }

    fn open(&mut self, tenant: &Tenant, record: &Record, r: &ObligationOpened) {
        let ledger = record.ledger.as_deref().unwrap_or_default();
        let names = &mut self.names;
        let obligation = Obligation::opened(tenant, ledger, r, |name| names.share(name));
        let id = Name::from(r.obligation.as_str());
        self.opened.add(&id, &obligation);
        self.obligations.put(id, obligation);
    }

    /// The ledgers of an office that count by a calendar, in id order.
    pub(crate) fn ledgers_counting_by(&self, tenant: &str, calendar: &str) -> Vec<String> {
        let counts_by = |ledger: &Ledger| {
            ledger.definition.tenant == tenant && ledger.definition.calendar == calendar
        };
        let ledgers = self.ledgers.iter().filter(|(_, ledger)| counts_by(ledger));
        ledgers.map(|(id, _)| id.clone()).collect()
    }

    /// The texts of a running ledger changed: its duties find their owner entries again. One that
    /// the new text does not have finds none.
    fn place_owners(&mut self, definition: &Definition) {
        let mut places = BTreeMap::new();
        let mut by_event = BTreeMap::new();
        for task in &definition.tasks {
            for (place, owner) in (0u32..).zip(&task.owners) {
                if owner.from.is_some_and(OwnerFrom::is_by_event) {
                    by_event.insert(task.id.as_str(), task);
                    continue;
                }
                for unit in &owner.units {
                    places.insert((task.id.as_str(), owner.role, unit.as_str()), place);
                }
            }
        }
        let prefix = format!("{}/", definition.ledger);
        let place_of = |o: &Obligation| {
            let key = (o.task.as_str(), o.role, o.unit.as_str());
            let named = places.get(&key).copied();
            let taken = || {
                let task = by_event.get(&*o.task)?;
                u32::try_from(task.owner_for(o.role, &o.unit)?).ok()
            };
            named.or_else(taken).unwrap_or(u32::MAX)
        };
        let moved: Vec<(Name, u32)> = self
            .obligations
            .with_prefix(&prefix)
            .map(|(id, o)| (id, o, place_of(o)))
            .filter(|(_, o, place)| o.owner != *place)
            .map(|(id, _, place)| (id.clone(), place))
            .collect();
        for (id, place) in moved {
            self.obligations.change(id.as_str(), |o| o.owner = place);
        }
    }

    /// A duty goes over to another unit, with its evidence.
    fn transfer(&mut self, tenant: &Tenant, r: &ObligationTransferred) {
        let Some(mut obligation) = self.obligations.remove(r.from.as_str()) else {
            return;
        };
        for (requirement, ticks) in &obligation.ticks {
            let (old, new) = ((r.from.clone(), *requirement), (r.to.clone(), *requirement));
            for publication in ticks.keys() {
                let key = publication_key(tenant, publication);
                self.publications.change(&key, |noted| {
                    noted.ticks.remove(&old);
                    noted.ticks.insert(new.clone());
                });
            }
        }
        self.opened.remove(&r.from, &obligation);
        obligation.unit = self.names.share(&r.unit);
        obligation.owner = r.owner;
        // Who was told first, and what was disputed, was of the former unit.
        obligation.delegate = None;
        obligation.disowned = false;
        let to = Name::from(r.to.as_str());
        self.opened.add(&to, &obligation);
        self.obligations.put(to, obligation);
        self.name_anew(tenant, &r.from, &r.to);
    }

    /// What followed a duty follows it under its new id.
    fn name_anew(&mut self, tenant: &str, from: &str, to: &str) {
        let followers: Vec<Name> = self
            .opened
            .of(tenant, &Arose::Duty(from.to_owned()))
            .cloned()
            .collect();
        for id in followers {
            let opened = &mut self.opened;
            self.obligations.change(id.as_str(), |duty| {
                opened.remove(&id, duty);
                if let Some(occasion) = &mut duty.occasion {
                    occasion.arose = Arose::Duty(to.to_owned());
                }
                opened.add(&id, duty);
            });
        }
    }
}

/// The digest of the obligations of a ledger, or of a whole office, by which a plan is known to be
/// still true.
pub fn obligations_digest(state: &RulesState, tenant: &str, ledger: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let prefix = ledger
        .map(|ledger| format!("{ledger}/"))
        .unwrap_or_default();
    for (id, row) in state.obligations.with_prefix(&prefix) {
        if row.tenant == tenant {
            hash.update(id.as_bytes());
            hash.update(serde_json::to_vec(row).expect("rows serialise"));
        }
    }
    hex(&hash.finalize()[..16])
}

pub(crate) fn calendar_key(tenant: &str, calendar: &str) -> String {
    format!("{tenant}/{calendar}")
}

pub(crate) fn publication_key(tenant: &str, publication: &str) -> String {
    format!("{tenant}/{publication}")
}
