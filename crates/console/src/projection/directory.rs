//! The names of units.

use std::collections::BTreeMap;

use duban_model::{Directory, Tenant, UnitId};

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

/// The units of each office.
#[derive(Clone, Debug, Default)]
pub struct Units {
    by_tenant: BTreeMap<Tenant, BTreeMap<UnitId, UnitName>>,
}

impl Units {
    /// A directory came into force.
    pub fn adopt(&mut self, tenant: &str, directory: &Directory) {
        let names = directory
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
        self.by_tenant.insert(tenant.to_owned(), names);
    }

    /// A unit of an office.
    pub fn get(&self, tenant: &str, unit: &str) -> Option<&UnitName> {
        self.by_tenant.get(tenant)?.get(unit)
    }

    /// A unit with this id, of whichever office.
    pub fn find(&self, unit: &str) -> Option<&UnitName> {
        self.by_tenant.values().find_map(|units| units.get(unit))
    }

    /// Its name in lists; its id if the directory does not know it.
    pub fn short<'a>(&'a self, tenant: &str, unit: &'a str) -> &'a str {
        self.get(tenant, unit).map_or(unit, |name| &name.short)
    }

    /// Its full name; its id if the directory does not know it.
    pub fn name<'a>(&'a self, tenant: &str, unit: &'a str) -> &'a str {
        self.get(tenant, unit).map_or(unit, |name| &name.name)
    }
}
