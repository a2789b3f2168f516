//! A decider's state as rows: plain values in memory, keyed by text, each table with a one-byte tag.
//!
//! The same rows go to the store. Whatever else a state keeps (indexes) is derived from its rows
//! in [`State::loaded`] and must never be needed to rebuild them.

use std::collections::{BTreeMap, BTreeSet, btree_map};
use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

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
    /// Tag byte, then the text key.
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
    /// Hands over every row changed since the last call, in key order.
    fn drain(&mut self, changes: &mut Vec<RowChange>);
    /// Forgets which rows changed, where nothing is stored.
    fn forget_changes(&mut self);
    /// Puts a stored row back.
    fn load(&mut self, key: &str, value: &[u8]) -> Result<(), RowFault>;
    /// Feeds every row, in key order, to a hash.
    fn digest(&self, hash: &mut Sha256);
}

/// Rows of one kind in key order. Only a decider's `apply` changes them.
#[derive(Clone, Debug)]
pub struct Table<V> {
    tag: u8,
    class: RowClass,
    rows: BTreeMap<String, V>,
    dirty: BTreeSet<String>,
}

impl<V> Table<V> {
    /// An empty table of domain rows.
    pub fn domain(tag: u8) -> Self {
        Self {
            tag,
            class: RowClass::Domain,
            rows: BTreeMap::new(),
            dirty: BTreeSet::new(),
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
    pub fn get(&self, key: &str) -> Option<&V> {
        self.rows.get(key)
    }

    /// True if there is such a row.
    pub fn has(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    /// All rows in key order.
    pub fn iter(&self) -> btree_map::Iter<'_, String, V> {
        self.rows.iter()
    }

    /// The rows whose keys start with `prefix`, in key order.
    pub fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a String, &'a V)> + 'a {
        self.rows
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// The rows after `key`, in key order.
    pub fn after<'a>(&'a self, key: &str) -> impl Iterator<Item = (&'a String, &'a V)> + 'a {
        use std::ops::Bound::{Excluded, Unbounded};
        self.rows.range::<str, _>((Excluded(key), Unbounded))
    }

    /// Inserts or replaces a row.
    pub fn put(&mut self, key: &str, value: V) {
        self.dirty.insert(key.to_owned());
        self.rows.insert(key.to_owned(), value);
    }

    /// Changes a row in place, if it is there.
    pub fn change(&mut self, key: &str, change: impl FnOnce(&mut V)) {
        if let Some(row) = self.rows.get_mut(key) {
            change(row);
            self.dirty.insert(key.to_owned());
        }
    }

    /// Removes a row.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        let row = self.rows.remove(key);
        if row.is_some() {
            self.dirty.insert(key.to_owned());
        }
        row
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl<V: Serialize + DeserializeOwned + Send> AnyTable for Table<V> {
    fn tag(&self) -> u8 {
        self.tag
    }

    fn class(&self) -> RowClass {
        self.class
    }

    fn rows(&self) -> usize {
        self.rows.len()
    }

    fn drain(&mut self, changes: &mut Vec<RowChange>) {
        for key in std::mem::take(&mut self.dirty) {
            let mut tagged = Vec::with_capacity(key.len() + 1);
            tagged.push(self.tag);
            tagged.extend_from_slice(key.as_bytes());
            let value = self
                .rows
                .get(&key)
                .map(|row| serde_json::to_vec(row).expect("rows serialise"));
            changes.push(RowChange { key: tagged, value });
        }
    }

    fn forget_changes(&mut self) {
        self.dirty.clear();
    }

    fn load(&mut self, key: &str, value: &[u8]) -> Result<(), RowFault> {
        let row = serde_json::from_slice(value).map_err(|fault| RowFault {
            key: key.to_owned(),
            fault: fault.to_string(),
        })?;
        self.rows.insert(key.to_owned(), row);
        Ok(())
    }

    fn digest(&self, hash: &mut Sha256) {
        hash.update([self.tag]);
        for (key, row) in &self.rows {
            hash.update((key.len() as u64).to_le_bytes());
            hash.update(key.as_bytes());
            let value = serde_json::to_vec(row).expect("rows serialise");
            hash.update((value.len() as u64).to_le_bytes());
            hash.update(&value);
        }
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
            let (tag, text) = key.split_first().ok_or_else(|| RowFault {
                key: String::new(),
                fault: "an empty key".to_owned(),
            })?;
            let text = std::str::from_utf8(text).map_err(|fault| RowFault {
                key: name(),
                fault: fault.to_string(),
            })?;
            let table = tables
                .iter_mut()
                .find(|table| table.tag() == *tag)
                .ok_or_else(|| RowFault {
                    key: name(),
                    fault: format!("no table has the tag {tag}"),
                })?;
            table.load(text, &value)?;
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
    fn a_damaged_row_is_named() {
        let fault = load_rows::<Sample>([(vec![2, b'n'], b"{".to_vec())]).unwrap_err();
        assert!(fault.to_string().contains("`n`"), "{fault}");
        assert!(load_rows::<Sample>([(vec![9, b'n'], b"1".to_vec())]).is_err());
    }
}
