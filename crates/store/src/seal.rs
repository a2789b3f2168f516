//! A sum over everything stored. sled drops what fails its own checks at open and goes on with the
//! rest; pages that no longer fit the position must be noticed, and then the state is rebuilt.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::Saved;

/// Number and sum of the stored entries, the position's own left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seal {
    entries: u64,
    sum: u64,
}

/// The position row. It is not among the entries of its own seal, so it bears a sum of its own: a
/// changed sequence would look like a log that has lost data.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Position {
    pub saved: Saved,
    pub seal: Seal,
    sum: u64,
}

impl Position {
    pub fn new(saved: Saved, seal: Seal) -> Position {
        let sum = sum(&saved, &seal);
        Position { saved, seal, sum }
    }

    /// Whether it is as it was written.
    pub fn is_whole(&self) -> bool {
        self.sum == sum(&self.saved, &self.seal)
    }
}

fn sum(saved: &Saved, seal: &Seal) -> u64 {
    let saved = serde_json::to_vec(saved).expect("positions serialise");
    let seal = serde_json::to_vec(seal).expect("seals serialise");
    hash(&saved, &seal)
}

fn hash(key: &[u8], value: &[u8]) -> u64 {
    // Not promised stable over compiler releases; another value then only means a rebuild.
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    value.hash(&mut hasher);
    hasher.finish()
}

impl Seal {
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries += 1;
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    fn join(&mut self, other: &Seal) {
        self.entries += other.entries;
        self.sum = self.sum.wrapping_add(other.sum);
    }

    fn leave(&mut self, other: &Seal) {
        self.entries = self.entries.wrapping_sub(other.entries);
        self.sum = self.sum.wrapping_sub(other.sum);
    }
}

/// The seal of all that is stored, and of each batch in it, so that a batch can be dropped without
/// being read again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sealed {
    pub whole: Seal,
    batches: BTreeMap<u64, Seal>,
}

impl Sealed {
    /// Takes a page of a batch into account.
    pub fn add(&mut self, batch: u64, key: &[u8], page: &[u8]) {
        let mut seal = Seal::default();
        seal.add(key, page);
        self.whole.join(&seal);
        self.batches.entry(batch).or_default().join(&seal);
    }

    /// Forgets every batch before this one; returns them with their numbers of pages.
    pub fn drop_before(&mut self, batch: u64) -> Vec<(u64, u32)> {
        let kept = self.batches.split_off(&batch);
        let dropped = std::mem::replace(&mut self.batches, kept);
        dropped
            .into_iter()
            .map(|(number, seal)| {
                self.whole.leave(&seal);
                (number, u32::try_from(seal.entries).unwrap_or(u32::MAX))
            })
            .collect()
    }

    /// The number after the last batch.
    pub fn next_batch(&self) -> u64 {
        self.batches
            .last_key_value()
            .map_or(1, |(last, _)| last + 1)
    }
}
