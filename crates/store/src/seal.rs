//! A sum over everything stored. sled drops what fails its own checks at open and goes on with the
//! rest; rows that no longer fit the position must be noticed, and then they are rebuilt.

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
    /// Of entries as read.
    pub fn of<'a>(entries: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Seal {
        let mut seal = Seal::default();
        for (key, value) in entries {
            seal.add(key, value);
        }
        seal
    }

    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.entries += 1;
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.entries = self.entries.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }
}
