//! What lies beneath the writer: sled in a folder, or a disk that a simulation pulls away.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;

use crate::COMMITTED_MARK;
use crate::simulated::Mount;

/// How often a closed folder's lock is asked for before the next opening has to look for itself, and
/// the pause between: five seconds in all.
const LOOKS_AT_LOCK: u32 = 5_000;
const LOCK_PAUSE: Duration = Duration::from_millis(1);

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

    /// Closes it, and waits until it can be opened again.
    ///
    /// sled says that a batch is written from a thread of its own, which keeps the locked file open
    /// until it has come to its end. That may be after the database was dropped: on a busy machine
    /// one opening in about 150 found the folder held by its own process.
    pub fn close(self) {
        let shown = self.shown();
        let Medium::Sled { db, file, .. } = self else {
            return;
        };
        drop(db);
        for _ in 0..LOOKS_AT_LOCK {
            if file.try_lock().is_ok() {
                // Closing the file gives the lock back.
                return;
            }
            pause();
        }
        warn!(folder = shown, "still locked though it is closed");
    }

    /// Where it is, for messages.
    pub fn shown(&self) -> String {
        match self {
            Medium::Sled { dir, .. } => dir.display().to_string(),
            Medium::Simulated(_) => "a simulated disk".to_owned(),
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the writer's own thread, at its end; nothing tells when sled's threads have ended"
)]
fn pause() {
    std::thread::sleep(LOCK_PAUSE);
}
