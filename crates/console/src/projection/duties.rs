//! All duties, by place and by id, in little more memory than they take themselves.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use super::duty::Duty;

/// Duties stored side by side. One growing list would at times stand in memory twice.
const SIDE_BY_SIDE: usize = 1_024;

/// Duties in the order in which they were opened.
#[derive(Debug, Default)]
pub struct Duties {
    shelves: Vec<Vec<Duty>>,
    /// By the hash of the id: the duty itself knows the whole.
    places: BTreeMap<u64, u32>,
    /// Those whose hash another one has.
    namesakes: BTreeMap<Box<str>, u32>,
}

fn hash(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(id.as_bytes());
    hasher.finish()
}

impl Duties {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self.shelves.split_last() {
            Some((last, full)) => full.len() * SIDE_BY_SIDE + last.len(),
            None => 0,
        }
    }

    /// True if there is none yet.
    pub fn is_empty(&self) -> bool {
        self.shelves.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Duty> {
        self.shelves.iter().flatten()
    }

    /// The duty at a place.
    pub fn at(&self, place: u32) -> Option<&Duty> {
        let place = place as usize;
        self.shelves
            .get(place / SIDE_BY_SIDE)?
            .get(place % SIDE_BY_SIDE)
    }

    /// As [`Duties::at`], to change it.
    pub(super) fn at_mut(&mut self, place: u32) -> Option<&mut Duty> {
        let place = place as usize;
        self.shelves
            .get_mut(place / SIDE_BY_SIDE)?
            .get_mut(place % SIDE_BY_SIDE)
    }

    /// The place of the duty with this id.
    pub fn place(&self, id: &str) -> Option<u32> {
        let place = self.places.get(&hash(id)).copied();
        place
            .filter(|place| self.at(*place).is_some_and(|duty| &*duty.id == id))
            .or_else(|| self.namesakes.get(id).copied())
    }

    /// The duty at a place goes by another id from now on; nothing happens if that is taken.
    pub(super) fn rename(&mut self, place: u32, from: &str, to: &str) {
        if self.place(to).is_some() {
            return;
        }
        if self.namesakes.remove(from).is_none() && self.places.get(&hash(from)) == Some(&place) {
            self.places.remove(&hash(from));
            // One that had the same hash takes the free place.
            let twin = self.namesakes.keys().find(|id| hash(id) == hash(from));
            if let Some(twin) = twin.cloned()
                && let Some(other) = self.namesakes.remove(&twin)
            {
                self.places.insert(hash(from), other);
            }
        }
        let taken = *self.places.entry(hash(to)).or_insert(place);
        if taken != place {
            self.namesakes.insert(to.into(), place);
        }
    }

    /// Adds one whose id is not there yet, and returns its place; nothing if there is no place left.
    pub(super) fn push(&mut self, duty: Duty) -> Option<u32> {
        let place = u32::try_from(self.len()).ok()?;
        let taken = *self.places.entry(hash(&duty.id)).or_insert(place);
        if taken != place {
            self.namesakes.insert(duty.id.clone(), place);
        }
        match self.shelves.last_mut() {
            Some(shelf) if shelf.len() < SIDE_BY_SIDE => shelf.push(duty),
            _ => {
                // The first may be the only one; the others are filled.
                let mut shelf = Vec::new();
                if !self.shelves.is_empty() {
                    shelf.reserve_exact(SIDE_BY_SIDE);
                }
                shelf.push(duty);
                self.shelves.push(shelf);
            }
        }
        Some(place)
    }
}
