//! A disk in memory beneath the store's own logic, for the simulation of the whole: what was
//! written is durable only once it was synced, and what was not may survive a crash in part.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::medium::Entry;
use crate::page::Row;

/// A moment of a commit at which a process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing of the batch is written.
    BeforeWrite,
    /// It is written and not synced.
    Written,
    /// It is synced.
    Synced,
}

/// Told of every moment of a commit; one that never returns has died.
pub trait Moments: fmt::Debug + Send + Sync {
    /// The moment has come.
    fn reached(&self, moment: Moment) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// What to do to a disk while nothing runs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// One bit of the entry at this place, counted around, turns over.
    Bit(u64),
    /// The entry at this place, counted around, is gone.
    Row(u64),
    /// Everything is gone but the mark that there once was something.
    AllButTheMark,
    /// The folder is gone.
    Missing,
}

/// A simulated disk. All clones are the same disk.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    content: Arc<Mutex<Content>>,
    moments: Arc<dyn Moments>,
}

#[derive(Debug, Default)]
struct Content {
    durable: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Batches that are written and not synced, in order.
    written: Vec<Vec<Entry>>,
    marked: bool,
    /// Counts crashes: whoever mounted the disk before the last one writes nothing any more.
    crashes: u64,
    /// Why the disk was set aside, each time.
    set_aside: Vec<String>,
}

impl Content {
    fn put(&mut self, batch: Vec<Entry>) {
        for (key, value) in batch {
            match value {
                Some(value) => self.durable.insert(key, value),
                None => self.durable.remove(&key),
            };
        }
    }
}

impl SimulatedDisk {
    /// An empty disk.
    pub fn new(moments: Arc<dyn Moments>) -> SimulatedDisk {
        SimulatedDisk {
            content: Arc::default(),
            moments,
        }
    }

    /// The same disk in another process.
    #[must_use]
    pub fn connect(&self, moments: Arc<dyn Moments>) -> SimulatedDisk {
        SimulatedDisk {
            content: self.content.clone(),
            moments,
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process dies. Of the entries that were written and not synced those survive that `keep`
    /// names, by batch and place; returns how many survived and how many were lost.
    pub fn crash(&self, mut keep: impl FnMut(usize, usize) -> bool) -> (usize, usize) {
        let mut content = self.content();
        content.crashes += 1;
        let (mut kept, mut lost) = (0, 0);
        for (batch, entries) in std::mem::take(&mut content.written).into_iter().enumerate() {
            for (place, entry) in entries.into_iter().enumerate() {
                if keep(batch, place) {
                    content.put(vec![entry]);
                    kept += 1;
                } else {
                    lost += 1;
                }
            }
        }
        (kept, lost)
    }

    /// Damages what is durable; false if there was nothing to damage.
    pub fn damage(&self, damage: Damage) -> bool {
        let mut content = self.content();
        let there = content.durable.len() as u64;
        if there == 0 {
            return false;
        }
        let key_at = |content: &Content, place: u64| {
            let place = usize::try_from(place % there).unwrap_or(0);
            content.durable.keys().nth(place).cloned()
        };
        match damage {
            Damage::Bit(place) => {
                if let Some(key) = key_at(&content, place)
                    && let Some(value) = content.durable.get_mut(&key)
                    && !value.is_empty()
                {
                    let byte = usize::try_from(place).unwrap_or(0) % value.len();
                    value[byte] ^= 1 << (place % 8);
                }
            }
            Damage::Row(place) => {
                if let Some(key) = key_at(&content, place) {
                    content.durable.remove(&key);
                }
            }
            Damage::AllButTheMark => content.durable.clear(),
            Damage::Missing => {
                content.durable.clear();
                content.marked = false;
            }
        }
        true
    }

    /// Why it was set aside, each time.
    pub fn set_aside(&self) -> Vec<String> {
        self.content().set_aside.clone()
    }

    pub(crate) fn mount(&self) -> Mount {
        Mount {
            crashes: self.content().crashes,
            disk: self.clone(),
        }
    }

    /// Empties it, as setting a folder aside does.
    pub(crate) fn empty(&self, why: &str) {
        let mut content = self.content();
        content.durable.clear();
        content.written.clear();
        content.marked = false;
        content.set_aside.push(why.to_owned());
    }
}

/// A disk as one process sees it, until that process dies.
#[derive(Debug)]
pub(crate) struct Mount {
    disk: SimulatedDisk,
    crashes: u64,
}

impl Mount {
    fn live(&self) -> Option<MutexGuard<'_, Content>> {
        Some(self.disk.content()).filter(|content| content.crashes == self.crashes)
    }

    pub fn apply(&self, batch: Vec<Entry>) {
        if let Some(mut content) = self.live() {
            content.written.push(batch);
        }
    }

    pub fn sync(&self) {
        if let Some(mut content) = self.live() {
            for batch in std::mem::take(&mut content.written) {
                content.put(batch);
            }
        }
    }

    pub fn is_marked(&self) -> bool {
        self.disk.content().marked
    }

    pub fn mark(&self) {
        if let Some(mut content) = self.live() {
            content.marked = true;
        }
    }

    /// Everything durable, as a fresh start finds it.
    pub fn entries(&self) -> Vec<Row> {
        let content = self.disk.content();
        let pairs = content.durable.iter();
        pairs.map(|(k, v)| (k.clone(), v.clone())).collect()
    }

    pub async fn reached(&self, moment: Moment) {
        self.disk.moments.reached(moment).await;
    }
}
