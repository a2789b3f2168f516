//! The names of units.

use std::collections::BTreeMap;

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

/// The units of one office.
#[derive(Clone, Debug, Default)]
struct Names {
    now: BTreeMap<UnitId, UnitName>,
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
        let Some(names) = self.by_tenant.get_mut(tenant) else {
            let former = BTreeMap::new();
            self.by_tenant
                .insert(tenant.to_owned(), Names { now, former });
            return;
        };
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
