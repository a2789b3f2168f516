//! What lies beneath the writer: sled in a folder, or a disk that a simulation pulls away.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use crate::COMMITTED_MARK;
use crate::simulated::Mount;

/// An entry to be written, or removed.
pub(crate) type Entry = (Vec<u8>, Option<Vec<u8>>);

/// Where entries are put.
pub(crate) enum Medium {
    /// One database, and its one data file opened a second time so that it can be synced.
    Sled {
        db: sled::Db,
        file: Arc<File>,
        dir: PathBuf,
    },
    /// A simulated disk.
    Simulated(Mount),
}

impl Medium {
    /// Writes entries, all or none.
    pub fn apply(&self, entries: Vec<Entry>) -> Result<(), String> {
        match self {
            Medium::Sled { db, .. } => {
                let mut batch = sled::Batch::default();
                for (key, value) in entries {
                    match value {
                        Some(value) => batch.insert(key, value),
                        None => batch.remove(key),
                    }
                }
                db.apply_batch(batch).map_err(|fault| fault.to_string())
            }
            Medium::Simulated(mount) => {
                mount.apply(entries);
                Ok(())
            }
        }
    }

    /// Makes durable what was written.
    pub fn sync(&self) -> Result<(), String> {
        match self {
            Medium::Sled { db, file, .. } => {
                db.flush().map_err(|fault| fault.to_string())?;
                // sled's flush ends in sync_file_range, which does not flush the disk's cache.
                file.sync_data().map_err(|fault| fault.to_string())
            }
            Medium::Simulated(mount) => {
                mount.sync();
                Ok(())
            }
        }
    }

    /// Whether rows were committed here once.
    pub fn is_marked(&self) -> bool {
        match self {
            Medium::Sled { dir, .. } => dir.join(COMMITTED_MARK).exists(),
            Medium::Simulated(mount) => mount.is_marked(),
        }
    }

    /// Leaves a mark that rows were committed here once: sled, when damaged near its beginning,
    /// drops all that follows and opens as if new.
    pub fn mark(&self) -> bool {
        match self {
            Medium::Sled { dir, .. } => File::create(dir.join(COMMITTED_MARK))
                .and_then(|file| file.sync_all())
                .is_ok(),
            Medium::Simulated(mount) => {
                mount.mark();
                true
            }
        }
    }

    /// Where it is, for messages.
    pub fn shown(&self) -> String {
        match self {
            Medium::Sled { dir, .. } => dir.display().to_string(),
            Medium::Simulated(_) => "a simulated disk".to_owned(),
        }
    }
}
