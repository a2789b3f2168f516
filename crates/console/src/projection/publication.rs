//! Publications that matter to some duty, with the address they stand at.

use std::collections::{BTreeMap, VecDeque};

use duban_model::Tenant;
use duban_model::decision::{Judged, PublicationNoted};
use duban_model::fact::Publication;

/// Addresses of publications of which it is not known yet whether they matter, in publications.
/// The rules' word on one follows it on the log within a few frames.
pub const LINKS_WAITING: usize = 4_096;

/// One publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicationRow {
    /// Its title.
    pub title: String,
    /// What kind.
    pub kind: String,
    /// When it counts as published.
    pub at: Judged,
    /// Where it stands, if the producer said so.
    pub url: Option<String>,
}

/// The publications that matter.
#[derive(Debug, Default)]
pub struct Publications {
    rows: BTreeMap<(Tenant, String), PublicationRow>,
    waiting: VecDeque<((Tenant, String), String)>,
}

impl Publications {
    /// Keeps the address of one that may matter.
    pub fn link(&mut self, tenant: &str, published: &Publication) {
        let Some(url) = &published.url else {
            return;
        };
        let key = (
            tenant.to_owned(),
            format!("{}/{}", published.unit, published.publication),
        );
        if self.waiting.len() == LINKS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((key, url.clone()));
    }

    /// One matters.
    pub fn note(&mut self, tenant: &str, noted: &PublicationNoted) {
        let key = (tenant.to_owned(), noted.publication.clone());
        let found = self
            .waiting
            .iter()
            .rposition(|(waiting, _)| *waiting == key);
        let url = match found.and_then(|place| self.waiting.remove(place)) {
            Some((_, url)) => Some(url),
            None => self.rows.get(&key).and_then(|row| row.url.clone()),
        };
        let row = PublicationRow {
            title: noted.title.clone(),
            kind: noted.kind.clone(),
            at: noted.at,
            url,
        };
        self.rows.insert(key, row);
    }

    /// One matters no longer.
    pub fn forget(&mut self, tenant: &str, publication: &str) {
        self.rows
            .remove(&(tenant.to_owned(), publication.to_owned()));
    }

    /// The publication `unit/publication` of an office.
    pub fn get(&self, tenant: &str, publication: &str) -> Option<&PublicationRow> {
        self.rows.get(&(tenant.to_owned(), publication.to_owned()))
    }
}
