//! What the sentences of a history look up: names and titles as they were when the log stood there.

use duban_model::Zone;

use super::sentence::Lookup;
use super::{Duty, Ledger, Place, Projection};
use crate::tongue::Tongue;

/// What the sentences about one duty look up, as it was when the log stood at a place.
pub(super) struct Look<'a> {
    pub projection: &'a Projection,
    pub duty: &'a Duty,
    pub at: Place,
    pub tongue: Tongue,
}

impl Look<'_> {
    fn ledger(&self) -> &Ledger {
        self.projection.ledger_of(self.duty)
    }
}

impl Lookup for Look<'_> {
    fn zone(&self) -> Zone {
        self.ledger().zone_at(self.at)
    }

    fn unit(&self, id: &str) -> String {
        let units = &self.projection.units;
        let name = units.short_at(&self.ledger().tenant, id, self.at);
        name.to_owned()
    }

    fn requirement(&self, place: u32) -> String {
        let (task, owner) = (&self.duty.task, self.duty.owner);
        self.ledger()
            .requirement_at(task, owner, place, self.at)
            .map_or_else(
                || match self.tongue {
                    Tongue::Chinese => format!("第{}项", place + 1),
                    Tongue::English => format!("requirement {}", place + 1),
                },
                ToOwned::to_owned,
            )
    }

    fn publication(&self, id: &str) -> String {
        let publications = &self.projection.publications;
        publications
            .title_at(&self.ledger().tenant, id, self.at)
            .map_or_else(
                || id.to_owned(),
                |title| match self.tongue {
                    Tongue::Chinese => format!("《{title}》"),
                    Tongue::English => format!("“{title}”"),
                },
            )
    }
}
