//! A decider's state as rows: plain values in memory, each under a key, each table with a one-byte tag.
//!
//! The same rows go to the store. Whatever else a state keeps (indexes) is derived from its rows
//! in [`State::loaded`] and must never be needed to rebuild them.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;
use std::ops::Bound::{Excluded, Unbounded};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::id::RecordId;

/// The state of one decider.
pub trait State: Default + Send + 'static {
    /// Its tables. The order does not matter, the tags must differ.
    fn tables(&mut self) -> Vec<&mut dyn AnyTable>;

    /// The same tables, to read.
    fn tables_ref(&self) -> Vec<&dyn AnyTable>;

    /// Called once after rows were loaded: rebuild what is derived.
    fn loaded(&mut self) {}
}

/// Whether rows of a table count for the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowClass {
    /// Duties and decisions about them.
    Domain,
    /// Attempts, duplicates and the like, which depend on the world's behaviour.
    Passing,
}

/// One changed row: its key (tag first), and its value unless it was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Tag byte, then the key's bytes.
    pub key: Vec<u8>,
    /// JSON, or nothing when the row is gone.
    pub value: Option<Vec<u8>>,
}

/// A row that could not be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// Which row.
    pub key: String,
    /// Why.
    pub fault: String,
}

impl fmt::Display for RowFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row `{}` cannot be read back: {}", self.key, self.fault)
    }
}

/// What the runtime needs of a table without knowing its rows.
pub trait AnyTable {
    /// Its tag.
    fn tag(&self) -> u8;
    /// Whether its rows count for the checksum.
    fn class(&self) -> RowClass;
    /// How many rows it has.
    fn rows(&self) -> usize;
    /// How many rows changed since the last call of [`AnyTable::drain`].
    fn changed(&self) -> usize;
    /// Hands over every row changed since the last call, in key order.
    fn drain(&mut self, changes: &mut Vec<RowChange>);
    /// Hands over up to `limit` rows after `after`, in key order, changed or not.
    fn copy_after(&self, after: Option<&[u8]>, limit: usize, rows: &mut Vec<RowChange>);
    /// Forgets which rows changed, where nothing is stored.
    fn forget_changes(&mut self);
    /// Puts a stored row back.
    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowFault>;
    /// Lays the rows out anew if they are a quarter more than when they last were: nodes that grew
    /// one row at a time are little more than half full, those made at once are full.
    fn pack(&mut self);
    /// Feeds every row, in key order, to a hash.
    fn digest(&self, hash: &mut Sha256);
}

/// What a row can be found by. Its bytes sort as it does.
pub trait RowKey: Ord + Clone + Send {
    /// Its bytes, as stored.
    fn bytes(&self) -> &[u8];
    /// Reads it back.
    fn from_bytes(bytes: &[u8]) -> Result<Self, String>;
}

impl RowKey for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<String, String> {
        std::str::from_utf8(bytes)
            .map(ToOwned::to_owned)
            .map_err(|fault| fault.to_string())
    }
}

impl RowKey for RecordId {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn from_bytes(bytes: &[u8]) -> Result<RecordId, String> {
        let bytes = bytes.try_into();
        bytes
            .map(RecordId)
            .map_err(|_| "a key that is no record id".to_owned())
    }
}

/// Rows of one kind in key order. Only a decider's `apply` changes them.
#[derive(Clone, Debug)]
pub struct Table<V, K = String> {
    tag: u8,
    class: RowClass,
    rows: BTreeMap<K, V>,
    dirty: BTreeSet<K>,
    /// How many rows there were when they were last laid out.
    packed: usize,
}

/// Tables smaller than this are left as they grew, in rows.
const PACKED_FROM_ROWS: usize = 1_000;

impl<V, K: RowKey> Table<V, K> {
    /// An empty table of domain rows.
    pub fn domain(tag: u8) -> Self {
        Self {
            tag,
            class: RowClass::Domain,
            rows: BTreeMap::new(),
            dirty: BTreeSet::new(),
            packed: PACKED_FROM_ROWS,
        }
    }

    /// An empty table of passing rows.
    pub fn passing(tag: u8) -> Self {
        Self {
            class: RowClass::Passing,
            ..Self::domain(tag)
        }
    }

    /// The row with this key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.rows.get(key)
    }

    /// True if there is such a row.
    pub fn has<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.rows.contains_key(key)
    }

    /// All rows in key order.
    pub fn iter(&self) -> btree_map::Iter<'_, K, V> {
        self.rows.iter()
    }

    /// Inserts or replaces a row.
    pub fn put(&mut self, key: impl Into<K>, value: V) {
        let key = key.into();
        self.dirty.insert(key.clone());
        self.rows.insert(key, value);
    }

    /// Changes a row in place, if it is there.
    pub fn change<Q: Ord + ?Sized>(&mut self, key: &Q, change: impl FnOnce(&mut V))
    where
        K: Borrow<Q>,
    {
        if let Some((own, row)) = self
            .rows
            .range_mut::<Q, _>((
                std::ops::Bound::Included(key),
                std::ops::Bound::Included(key),
            ))
            .next()
        {
            change(row);
            if !self.dirty.contains(key) {
                self.dirty.insert(own.clone());
            }
        }
    }

    /// The key as the table holds it, so that indexes share it.
    pub fn own_key<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
    {
        self.rows.get_key_value(key).map(|(own, _)| own)
    }

    /// Changes how rows lie in memory, never what they say: for [`State::loaded`].
    pub fn arrange(&mut self, mut arrange: impl FnMut(&mut V)) {
        self.rows.values_mut().for_each(&mut arrange);
    }

    /// Removes a row.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (own, row) = self.rows.remove_entry(key)?;
        self.dirty.insert(own);
        Some(row)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn tagged(&self, key: &K) -> Vec<u8> {
        let bytes = key.bytes();
        let mut tagged = Vec::with_capacity(bytes.len() + 1);
        tagged.push(self.tag);
        tagged.extend_from_slice(bytes);
        tagged
    }
}

impl<V, K: RowKey + Borrow<str>> Table<V, K> {
    /// The rows whose keys start with `prefix`, in key order.
    pub fn with_prefix<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a K, &'a V)> + 'a {
        self.rows
            .range::<str, _>((std::ops::Bound::Included(prefix), Unbounded))
            .take_while(move |(key, _)| (*key).borrow().starts_with(prefix))
    }

    /// The rows after `key`, in key order.
    pub fn after<'a>(&'a self, key: &str) -> impl Iterator<Item = (&'a K, &'a V)> + 'a {
        self.rows.range::<str, _>((Excluded(key), Unbounded))
    }
}

fn encoded<V: Serialize>(row: &V) -> Vec<u8> {
    serde_json::to_vec(row).expect("rows serialise")
}

impl<V: Serialize + DeserializeOwned + Send, K: RowKey> AnyTable for Table<V, K> {
    fn tag(&self) -> u8 {
        self.tag
    }

    fn class(&self) -> RowClass {
        self.class
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn changed(&self) -> usize {
        self.dirty.len()
    }

    fn drain(&mut self, changes: &mut Vec<RowChange>) {
        for key in std::mem::take(&mut self.dirty) {
            changes.push(RowChange {
                key: self.tagged(&key),
                value: self.rows.get(&key).map(encoded),
            });
        }
    }

    fn copy_after(&self, after: Option<&[u8]>, limit: usize, rows: &mut Vec<RowChange>) {
        let after = after.and_then(|bytes| K::from_bytes(bytes).ok());
        let from = after.as_ref().map_or(Unbounded, Excluded);
        for (key, row) in self.rows.range::<K, _>((from, Unbounded)).take(limit) {
            rows.push(RowChange {
                key: self.tagged(key),
                value: Some(encoded(row)),
            });
        }
    }

    fn forget_changes(&mut self) {
        self.dirty.clear();
    }

    fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), RowFault> {
        let fault = |fault: String| RowFault {
            key: String::from_utf8_lossy(key).into_owned(),
            fault,
        };
        let own = K::from_bytes(key).map_err(fault)?;
        let row = serde_json::from_slice(value).map_err(|why| fault(why.to_string()))?;
        self.rows.insert(own, row);
        Ok(())
    }

    fn pack(&mut self) {
        if self.rows.len() >= self.packed + self.packed / 4 {
            self.rows = std::mem::take(&mut self.rows).into_iter().collect();
            self.packed = self.rows.len().max(PACKED_FROM_ROWS);
        }
    }

    fn digest(&self, hash: &mut Sha256) {
        hash.update([self.tag]);
        for (key, row) in &self.rows {
            let key = key.bytes();
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key);
            let value = encoded(row);
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(&value);
        }
    }
}

/// How many rows changed since the last call of [`drain_changes`].
pub fn count_changes<S: State>(state: &S) -> usize {
    state.tables_ref().iter().map(|table| table.changed()).sum()
}

/// Up to `limit` rows after the one whose tagged key is `after`, by tag and key, changed or not.
/// Fewer than `limit` means that these are the last.
pub fn copy_rows<S: State>(state: &S, after: &[u8], limit: usize) -> Vec<RowChange> {
    let mut tables = state.tables_ref();
    tables.sort_by_key(|table| table.tag());
    let mut rows = Vec::new();
    let (from, key) = match after.split_first() {
        Some((tag, key)) => (*tag, Some(key)),
        None => (0, None),
    };
    for table in tables {
        if rows.len() < limit && table.tag() >= from {
            let key = key.filter(|_| table.tag() == from);
            table.copy_after(key, limit - rows.len(), &mut rows);
        }
    }
    rows
}

/// Lays out anew what has grown much: for a moment of rest.
pub fn pack<S: State>(state: &mut S) {
    for table in state.tables() {
        table.pack();
    }
}

/// Every row that changed since the last call.
pub fn drain_changes<S: State>(state: &mut S) -> Vec<RowChange> {
    let mut changes = Vec::new();
    for table in state.tables() {
        table.drain(&mut changes);
    }
    changes
}

/// Rebuilds a state from stored rows.
pub fn load_rows<S: State>(
    rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
) -> Result<S, RowFault> {
    let mut state = S::default();
    {
        let mut tables = state.tables();
        for (key, value) in rows {
            let name = || String::from_utf8_lossy(&key).into_owned();
            let (tag, own) = key.split_first().ok_or_else(|| RowFault {
                key: String::new(),
                fault: "an empty key".to_owned(),
            })?;
            let table = tables
                .iter_mut()
                .find(|table| table.tag() == *tag)
                .ok_or_else(|| RowFault {
                    key: name(),
                    fault: format!("no table has the tag {tag}"),
                })?;
            table.load(own, &value)?;
        }
        for table in &mut tables {
            table.pack();
        }
    }
    state.loaded();
    Ok(state)
}

/// The hash of all rows of one class, in hexadecimal.
pub fn digest_rows<S: State>(state: &S, include: impl Fn(RowClass) -> bool) -> String {
    let mut hash = Sha256::new();
    let mut tables = state.tables_ref();
    tables.sort_by_key(|table| table.tag());
    for table in tables {
        if include(table.class()) {
            table.digest(&mut hash);
        }
    }
    hex(&hash.finalize())
}

/// Bytes in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sample {
        names: Table<String>,
        counts: Table<u32>,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self {
                names: Table::domain(1),
                counts: Table::passing(2),
            }
        }
    }

    impl State for Sample {
        fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
            vec![&mut self.names, &mut self.counts]
        }
        fn tables_ref(&self) -> Vec<&dyn AnyTable> {
            vec![&self.names, &self.counts]
        }
    }

    #[test]
    fn rows_read_back_to_the_same_digest_and_removals_are_told() {
        let mut state = Sample::default();
        state.names.put("a", "督办".to_owned());
        state.names.put("b", "x".to_owned());
        state.counts.put("n", 3);
        state.names.remove("b");
        let changes = drain_changes(&mut state);
        assert_eq!(changes.len(), 3);
        assert!(drain_changes(&mut state).is_empty());
        let rows = changes
            .into_iter()
            .filter_map(|c| c.value.map(|v| (c.key, v)));
        let again: Sample = load_rows(rows).unwrap();
        let all = |_| true;
        assert_eq!(digest_rows(&state, all), digest_rows(&again, all));
        state.counts.put("n", 4);
        assert_ne!(digest_rows(&state, all), digest_rows(&again, all));
        let domain = |class| class == RowClass::Domain;
        assert_eq!(digest_rows(&state, domain), digest_rows(&again, domain));
    }

    #[test]
    fn rows_are_copied_in_slices_over_all_tables() {
        let mut state = Sample::default();
        for name in ["a", "b", "c"] {
            state.names.put(name, "x".to_owned());
            state.counts.put(name, 1);
        }
        assert_eq!(count_changes(&state), 6);
        let (mut all, mut after) = (Vec::new(), Vec::new());
        loop {
            let rows = copy_rows(&state, &after, 2);
            let last = rows.len() < 2;
            after = rows.last().map(|row| row.key.clone()).unwrap_or_default();
            all.extend(rows);
            if last {
                break;
            }
        }
        assert_eq!(all, drain_changes(&mut state));
    }

    #[test]
    fn a_damaged_row_is_named() {
        let fault = load_rows::<Sample>([(vec![2, b'n'], b"{".to_vec())]).unwrap_err();
        assert!(fault.to_string().contains("`n`"), "{fault}");
        assert!(load_rows::<Sample>([(vec![9, b'n'], b"1".to_vec())]).is_err());
    }
}
