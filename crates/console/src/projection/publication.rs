//! Publications that matter to some duty, with the address they stand at.

use std::collections::{BTreeMap, VecDeque};

use duban_model::Tenant;
use duban_model::decision::{Judged, PublicationNoted};
use duban_model::fact::Publication;

use super::history::Place;

/// Addresses of publications of which it is not known yet whether they matter, in publications.
/// The rules' word on one follows it on the log within a few frames.
pub const LINKS_WAITING: usize = 4_096;
/// Titles remembered though they were changed or no longer matter, in titles; a line of a history
/// that speaks of an older one names it by its id.
pub const FORMER_TITLES: usize = 20_000;

/// `unit/publication` of an office.
type Key = (Tenant, String);

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
    rows: BTreeMap<Key, PublicationRow>,
    waiting: VecDeque<(Key, String)>,
    /// Up to which place which title was known, if any was.
    former: BTreeMap<Key, Vec<(Place, Option<String>)>>,
    /// The keys of `former`, the oldest first.
    former_order: VecDeque<Key>,
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
    pub fn note(&mut self, tenant: &str, noted: &PublicationNoted, at: Place) {
        let key = (tenant.to_owned(), noted.publication.clone());
        let found = self
            .waiting
            .iter()
            .rposition(|(waiting, _)| *waiting == key);
        let before = self.rows.get(&key);
        let url = match found.and_then(|place| self.waiting.remove(place)) {
            Some((_, url)) => Some(url),
            None => before.and_then(|row| row.url.clone()),
        };
        let title = before.map(|row| row.title.clone());
        if title.as_ref() != Some(&noted.title)
            && (title.is_some() || self.former.contains_key(&key))
        {
            self.remember(key.clone(), at, title);
        }
        let row = PublicationRow {
            title: noted.title.clone(),
            kind: noted.kind.clone(),
            at: noted.at,
            url,
        };
        self.rows.insert(key, row);
    }

    /// One matters no longer.
    pub fn forget(&mut self, tenant: &str, publication: &str, at: Place) {
        let key = (tenant.to_owned(), publication.to_owned());
        if let Some(row) = self.rows.remove(&key) {
            self.remember(key, at, Some(row.title));
        }
    }

    /// A history may speak of what a publication was called until now.
    fn remember(&mut self, key: Key, until: Place, title: Option<String>) {
        if self.former_order.len() == FORMER_TITLES
            && let Some(oldest) = self.former_order.pop_front()
            && let Some(titles) = self.former.get_mut(&oldest)
        {
            titles.remove(0);
            if titles.is_empty() {
                self.former.remove(&oldest);
            }
        }
        self.former_order.push_back(key.clone());
        self.former.entry(key).or_default().push((until, title));
    }

    /// The publication `unit/publication` of an office.
    pub fn get(&self, tenant: &str, publication: &str) -> Option<&PublicationRow> {
        self.rows.get(&(tenant.to_owned(), publication.to_owned()))
    }

    /// What it was called when the log stood at a place.
    pub fn title_at(&self, tenant: &str, publication: &str, at: Place) -> Option<&str> {
        let key = (tenant.to_owned(), publication.to_owned());
        let former = self.former.get(&key).into_iter().flatten();
        match former.into_iter().find(|(until, _)| at < *until) {
            Some((_, title)) => title.as_deref(),
            None => self.rows.get(&key).map(|row| row.title.as_str()),
        }
    }
}
