//! Requirements arranged by unit and kind, those of units that ask the same kept once.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::id::UnitId;

use crate::condition::Equality;
use crate::field::{Field, Shown};

/// Requirements by unit and kind.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    /// By unit: kinds in order, each with the place of its bucket.
    wanted: BTreeMap<UnitId, Vec<(u32, usize)>>,
    /// What is wanted. The units of a group share their buckets: a thousand units under a thousand
    /// rules are a million pairs.
    list: Vec<Bucket>,
}

/// The requirements for one kind of publication of some units.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bucket {
    /// How many units share it.
    units: usize,
    /// Those that every such publication may meet.
    any: Vec<Entry>,
    /// Those that want a field to be a certain text: by the text's hash, since ten thousand long
    /// texts with a common beginning are slow to compare and far apart in memory. Another text of
    /// the same hash is told apart when the condition is asked.
    keyed: Vec<(Field, BTreeMap<u64, Vec<Entry>>)>,
}

/// Places of a ledger, its row, the owner entry, the requirement, and its condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub ledger: usize,
    pub task: usize,
    pub owner: usize,
    pub requirement: u32,
    pub when: Option<usize>,
}

/// FNV-1a. Not for secrets: who writes the ledger chooses the texts.
fn hash(text: &str) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    text.bytes().fold(BASIS, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(PRIME)
    })
}

impl Buckets {
    /// True if nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Takes in what is wanted of one kind of some units.
    pub fn want(&mut self, units: &[UnitId], kind: u32, key: Option<&Equality>, entry: Entry) {
        // The units in question, by the bucket they have now.
        let mut now: BTreeMap<Option<usize>, BTreeSet<&UnitId>> = BTreeMap::new();
        for unit in units {
            let bucket = self
                .wanted
                .get(unit)
                .and_then(|kinds| bucket_of(kinds, kind));
            now.entry(bucket).or_default().insert(unit);
        }
        for (before, units) in now {
            let place = match before {
                // All that share it are here.
                Some(place) if self.list[place].units == units.len() => place,
                before => {
                    let mut bucket = Bucket::default();
                    if let Some(place) = before {
                        bucket.clone_from(&self.list[place]);
                        self.list[place].units -= units.len();
                    }
                    bucket.units = units.len();
                    self.list.push(bucket);
                    self.list.len() - 1
                }
            };
            for unit in units {
                let kinds = self.wanted.entry(unit.clone()).or_default();
                match kinds.binary_search_by_key(&kind, |(kind, _)| *kind) {
                    Ok(at) => kinds[at].1 = place,
                    Err(at) => kinds.insert(at, (kind, place)),
                }
            }
            self.list[place].put(key, entry);
        }
    }

    /// What is wanted of one kind of a unit, and the unit as kept here.
    pub fn of(&self, unit: &str, kind: u32) -> Option<(&UnitId, &Bucket)> {
        let (unit, kinds) = self.wanted.get_key_value(unit)?;
        let place = bucket_of(kinds, kind)?;
        Some((unit, self.list.get(place)?))
    }
}

/// The place of the bucket for a kind.
fn bucket_of(kinds: &[(u32, usize)], kind: u32) -> Option<usize> {
    let at = kinds.binary_search_by_key(&kind, |(kind, _)| *kind).ok()?;
    Some(kinds[at].1)
}

impl Bucket {
    /// Takes a requirement in, by the comparison by which others are passed over.
    pub fn put(&mut self, key: Option<&Equality>, entry: Entry) {
        match key {
            None => self.any.push(entry),
            Some(key) => {
                let texts = self.texts(key.field);
                for text in &key.texts {
                    texts.entry(hash(text)).or_default().push(entry);
                }
            }
        }
    }

    fn texts(&mut self, field: Field) -> &mut BTreeMap<u64, Vec<Entry>> {
        let place = self.keyed.iter().position(|(f, _)| *f == field);
        let place = place.unwrap_or_else(|| {
            self.keyed.push((field, BTreeMap::new()));
            self.keyed.len() - 1
        });
        &mut self.keyed[place].1
    }

    /// Those that something can meet, as far as look-ups tell.
    pub fn candidates<'b>(&'b self, shown: &Shown<'_>) -> impl Iterator<Item = &'b Entry> {
        let keyed = self.keyed.iter().filter_map(|(field, texts)| {
            let text = shown.text(*field)?;
            texts.get(&hash(&text))
        });
        let keyed: Vec<&Vec<Entry>> = keyed.collect();
        self.any.iter().chain(keyed.into_iter().flatten())
    }
}
