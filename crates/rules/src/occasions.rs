//! Which duties were opened for what: derived from the duties themselves.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::Name;
use duban_model::decision::Arose;
use duban_model::id::Tenant;

use crate::obligation::Obligation;

/// The duties that events, schedules and other duties opened.
#[derive(Debug, Default)]
pub(crate) struct Occasions {
    by_tenant: BTreeMap<Tenant, BTreeMap<Arose, BTreeSet<Name>>>,
}

impl Occasions {
    /// Takes a duty in. Nobody asks for those of a schedule, or of none.
    pub fn add(&mut self, id: &Name, duty: &Obligation) {
        let Some(arose) = findable(duty) else {
            return;
        };
        let of_tenant = self.by_tenant.entry(duty.tenant.to_string()).or_default();
        of_tenant
            .entry(arose.clone())
            .or_default()
            .insert(id.clone());
    }

    /// Lets go of a duty.
    pub fn remove(&mut self, id: &str, duty: &Obligation) {
        if let Some(arose) = findable(duty)
            && let Some(of_tenant) = self.by_tenant.get_mut(&*duty.tenant)
            && let Some(ids) = of_tenant.get_mut(arose)
        {
            ids.remove(id);
            if ids.is_empty() {
                of_tenant.remove(arose);
            }
        }
    }

    /// The duties that something opened, in id order.
    pub fn of<'a>(
        &'a self,
        tenant: &str,
        arose: &Arose,
    ) -> impl Iterator<Item = &'a Name> + use<'a> {
        let of_tenant = self.by_tenant.get(tenant);
        of_tenant
            .and_then(|of_tenant| of_tenant.get(arose))
            .into_iter()
            .flatten()
    }

    /// True where nothing was opened so.
    pub fn is_empty(&self, tenant: &str) -> bool {
        self.by_tenant.get(tenant).is_none_or(BTreeMap::is_empty)
    }
}

fn findable(duty: &Obligation) -> Option<&Arose> {
    let arose = &duty.occasion.as_ref()?.arose;
    (!matches!(arose, Arose::Schedule | Arose::Again)).then_some(arose)
}
