//! The names of units.

use std::collections::BTreeMap;

use duban_model::directory::Unit;
use duban_model::{Directory, Tenant, UnitId};

use super::history::Place;

/// Former names remembered of one unit, in names; the oldest go first.
pub const FORMER_NAMES: usize = 16;

/// One unit's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitName {
    /// Full name.
    pub name: String,
    /// As lists print it.
    pub short: String,
    /// 市级, 旗县级 ….
    pub level: String,
}

/// One contact of a unit: an office or role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Unique within the unit.
    pub id: String,
    /// 政务公开联络员, 分管负责人 ….
    pub title: String,
}

/// The units of one office.
#[derive(Clone, Debug, Default)]
struct Names {
    now: BTreeMap<UnitId, UnitName>,
    people: BTreeMap<UnitId, Box<[Person]>>,
    /// Up to which place a unit had which name in lists, if any.
    former: BTreeMap<UnitId, Vec<(Place, Option<String>)>>,
}

/// The units of each office.
#[derive(Clone, Debug, Default)]
pub struct Units {
    by_tenant: BTreeMap<Tenant, Names>,
}

impl Units {
    /// A directory came into force.
    pub fn adopt(&mut self, tenant: &str, directory: &Directory, at: Place) {
        let now: BTreeMap<UnitId, UnitName> = directory
            .units
            .iter()
            .map(|(id, unit)| {
                let name = UnitName {
                    name: unit.name.clone(),
                    short: directory.shown(id),
                    level: unit.level.clone(),
                };
                (id.clone(), name)
            })
            .collect();
        let people = people(directory);
        let Some(names) = self.by_tenant.get_mut(tenant) else {
            let first = Names {
                now,
                people,
                former: BTreeMap::new(),
            };
            self.by_tenant.insert(tenant.to_owned(), first);
            return;
        };
        names.people = people;
        let before = std::mem::replace(&mut names.now, now);
        // What a history says of a unit stays what it was called then.
        let mut remember = |unit: &UnitId, short: Option<&str>| {
            let former = names.former.entry(unit.clone()).or_default();
            if former.len() == FORMER_NAMES {
                former.remove(0);
            }
            former.push((at, short.map(ToOwned::to_owned)));
        };
        for (unit, name) in &before {
            if names
                .now
                .get(unit)
                .is_none_or(|now| now.short != name.short)
            {
                remember(unit, Some(&name.short));
            }
        }
        for unit in names.now.keys().filter(|unit| !before.contains_key(*unit)) {
            remember(unit, None);
        }
    }

    /// The contacts of a unit in the directory in force, its leader last.
    pub fn people(&self, tenant: &str, unit: &str) -> &[Person] {
        let names = self.by_tenant.get(tenant);
        names
            .and_then(|names| names.people.get(unit))
            .map_or(&[], |people| people)
    }

    /// One of them.
    pub fn person(&self, tenant: &str, unit: &str, id: &str) -> Option<&Person> {
        let mut people = self.people(tenant, unit).iter();
        people.find(|person| person.id == id)
    }

    /// The units of an office, by id, with their names.
    pub fn all(&self, tenant: &str) -> impl Iterator<Item = (&str, &str)> {
        let names = self.by_tenant.get(tenant);
        let units = names.into_iter().flat_map(|names| &names.now);
        units.map(|(id, name)| (id.as_str(), name.name.as_str()))
    }

    /// The offices that have a directory.
    pub fn tenants(&self) -> impl Iterator<Item = &str> {
        self.by_tenant.keys().map(String::as_str)
    }

    /// A unit of an office.
    pub fn get(&self, tenant: &str, unit: &str) -> Option<&UnitName> {
        self.by_tenant.get(tenant)?.now.get(unit)
    }

    /// A unit with this id, of whichever office.
    pub fn find(&self, unit: &str) -> Option<&UnitName> {
        self.by_tenant
            .values()
            .find_map(|names| names.now.get(unit))
    }

    /// Its name in lists; its id if the directory does not know it.
    pub fn short<'a>(&'a self, tenant: &str, unit: &'a str) -> &'a str {
        self.get(tenant, unit).map_or(unit, |name| &name.short)
    }

    /// What lists called it when the log stood at a place.
    pub fn short_at<'a>(&'a self, tenant: &str, unit: &'a str, at: Place) -> &'a str {
        let former = self
            .by_tenant
            .get(tenant)
            .and_then(|names| names.former.get(unit));
        match former.into_iter().flatten().find(|(until, _)| at < *until) {
            Some((_, short)) => short.as_deref().unwrap_or(unit),
            None => self.short(tenant, unit),
        }
    }

    /// Its full name; its id if the directory does not know it.
    pub fn name<'a>(&'a self, tenant: &str, unit: &'a str) -> &'a str {
        self.get(tenant, unit).map_or(unit, |name| &name.name)
    }
}

/// The contacts of every unit that has any.
fn people(directory: &Directory) -> BTreeMap<UnitId, Box<[Person]>> {
    let of = |unit: &Unit| {
        let contacts = unit.contacts.iter().chain(&unit.leader);
        contacts
            .map(|contact| Person {
                id: contact.id.clone(),
                title: contact.title.clone(),
            })
            .collect::<Box<[_]>>()
    };
    let units = directory.units.iter();
    units
        .map(|(id, unit)| (id.clone(), of(unit)))
        .filter(|(_, people)| !people.is_empty())
        .collect()
}
