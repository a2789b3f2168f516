//! Commits changed rows and position as one durable act.
//!
//! The state is a cache of the log: losing it costs time, never facts. sled keeps it, used the one
//! way in which it neither loses nor hangs (measured, see `crates/DECISIONS.md`): one database in
//! one process behind one writer thread, one batch of one tree, `flush` after every batch and then
//! our own data sync, since sled's flush is no fsync on Linux. A watchdog ends the process when
//! the writer makes no progress; recovery is a restart.

mod medium;
mod page;
mod place;
mod seal;
mod simulated;
mod watchdog;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duban_model::state::RowChange;
use duban_model::{Frame, Position, Service, Timestamp};
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::medium::Medium;
use crate::page::Row;
use crate::seal::{Position as PositionRow, Sealed};

pub use place::Place;
pub use simulated::{Damage, Moment, Moments, SimulatedDisk};
pub use watchdog::{STALL_SECONDS, Watchdog};
pub use writer::Store;

/// The layout of the stored rows. Another number means: rebuild from the log.
pub const FORMAT: u32 = 2;

/// sled's cache in bytes. Pages are written once and read at the start only, so it is small; with
/// 84 MB of live pages and 1.2 GB written through it, memory stayed at 45 MB.
const CACHE_BYTES: u64 = 4 << 20;

/// The key of the position row, before that of any page.
const POSITION_KEY: &[u8] = b"\0position";

/// The system's number for "too many open files".
const NO_FILE_HANDLES: i32 = 24;

/// The file that says that rows were committed here once.
const COMMITTED_MARK: &str = "committed";

/// Up to where the stored rows reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// [`FORMAT`]
    pub format: u32,
    /// Whose state it is.
    pub service: Service,
    /// The log it was folded from.
    pub log: String,
    /// The last own frame in it; 0 for none.
    pub seq: u64,
    /// That frame's digest, its first half.
    pub digest: String,
    /// That frame's `through`.
    pub through: Position,
    /// The last `loggedat` written by then, which an empty frame does not say.
    pub latest: Timestamp,
}

/// What was found on opening.
#[derive(Debug)]
pub struct Found {
    /// Up to where the rows reach; nothing for an empty folder.
    pub saved: Option<Saved>,
    /// The rows.
    pub rows: Vec<(Vec<u8>, Vec<u8>)>,
    /// Bytes stored for them, superseded ones included.
    pub stored_bytes: usize,
    /// Where a damaged folder was set aside, and why.
    pub set_aside: Option<(PathBuf, String)>,
}

/// One whole number of frames' worth of changes.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Changed rows in order; a later change of the same key wins.
    pub changes: Vec<RowChange>,
    /// Up to where they reach.
    pub reached: Reached,
    /// Whether unchanged rows are among them.
    pub sweep: Sweep,
}

/// Up to where rows reach.
#[derive(Clone, Debug)]
pub struct Reached {
    /// The log they were folded from.
    pub log: Arc<str>,
    /// The sequence of the last own frame in them.
    pub seq: u64,
    /// That frame.
    pub frame: Arc<Frame>,
    /// The last `loggedat` written by then.
    pub latest: Timestamp,
}

impl Reached {
    /// As it is stored.
    pub fn saved(&self) -> Saved {
        Saved {
            format: FORMAT,
            service: self.frame.head.service,
            log: self.log.to_string(),
            seq: self.seq,
            digest: self.frame.digest().short(),
            through: self.frame.head.through,
            latest: self.latest,
        }
    }
}

/// A sweep writes every live row once more, in key order, spread over many commits beside what
/// changed anyway; after it, all that was written before it began is stale and is dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The first rows of a sweep are in this commit.
    pub begins: bool,
    /// The last rows of a sweep are in this commit.
    pub ends: bool,
}

/// Why a store cannot be used.
#[derive(Debug)]
pub enum StoreError {
    /// Another process holds the folder.
    Held(PathBuf),
    /// The disk refuses.
    Disk(String),
    /// The writer thread has ended.
    Closed,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Held(dir) => write!(
                f,
                "the state folder {} is held by another process; stop that one, or use another data folder",
                dir.display()
            ),
            StoreError::Disk(fault) => write!(f, "the state cannot be kept: {fault}"),
            StoreError::Closed => write!(f, "the state's writer has ended"),
        }
    }
}

impl std::error::Error for StoreError {}

/// Opens a role's folder. A folder that cannot be read is set aside, never deleted, and a fresh one begun.
pub fn open(dir: &Path) -> Result<(Store, Found), StoreError> {
    let mut set_aside = None;
    let (db, examined) = match read_whole(dir) {
        Ok(opened) => opened,
        Err(ReadFault::Held) => return Err(StoreError::Held(dir.to_owned())),
        Err(ReadFault::Disk(fault)) => return Err(StoreError::Disk(fault)),
        Err(ReadFault::Damaged(why)) => {
            let place = set_folder_aside(dir, &why)?;
            set_aside = Some((place, why));
            match read_whole(dir) {
                Ok(opened) => opened,
                Err(ReadFault::Held) => return Err(StoreError::Held(dir.to_owned())),
                Err(ReadFault::Disk(fault) | ReadFault::Damaged(fault)) => {
                    return Err(StoreError::Disk(fault));
                }
            }
        }
    };
    let file = data_file(dir)?;
    let dir = dir.to_owned();
    let store = Store::start(Medium::Sled { db, file, dir }, examined.sealed.clone());
    Ok((store, examined.found(set_aside)))
}

/// Moves a folder out of the way under the first free name beside it and returns that name.
pub fn set_folder_aside(dir: &Path, why: &str) -> Result<PathBuf, StoreError> {
    let name = dir
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    for n in 1..10_000 {
        let place = dir.with_file_name(format!("{name}.set-aside-{n}"));
        if !place.exists() {
            std::fs::rename(dir, &place).map_err(|fault| {
                StoreError::Disk(format!("{} cannot be set aside: {fault}", dir.display()))
            })?;
            warn!(folder = %dir.display(), place = %place.display(), why, "state folder set aside; it is rebuilt from the log");
            return Ok(place);
        }
    }
    Err(StoreError::Disk(format!(
        "{} was set aside 10,000 times; look at the disk",
        dir.display()
    )))
}

enum ReadFault {
    Held,
    Disk(String),
    Damaged(String),
}

type Opened = (sled::Db, Examined);

/// What a person can do about what the system refused.
fn remedy(fault: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    match (fault.kind(), fault.raw_os_error()) {
        (ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied, _) => {
            "Let Duban's user write there"
        }
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => "Free space there",
        (_, Some(NO_FILE_HANDLES)) => "Raise the limit of open files (LimitNOFILE, ulimit -n)",
        _ => "Mend that, then start again: the log has everything",
    }
}

/// Reads a folder. On some damage sled panics instead of saying so, at every start again; that is
/// damage like any other.
fn read_whole(dir: &Path) -> Result<Opened, ReadFault> {
    std::panic::catch_unwind(|| read(dir)).unwrap_or_else(|_| {
        Err(ReadFault::Damaged(
            "the database panicked while it was read".to_owned(),
        ))
    })
}

fn read(dir: &Path) -> Result<Opened, ReadFault> {
    std::fs::create_dir_all(dir)
        .map_err(|fault| ReadFault::Disk(format!("{}: {fault}", dir.display())))?;
    let db = sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
        .map_err(|fault| match fault {
            sled::Error::Io(io)
                if io.kind() == std::io::ErrorKind::WouldBlock
                    || io.to_string().contains("could not acquire lock") =>
            {
                ReadFault::Held
            }
            sled::Error::Io(io)
                // What the system itself refuses (no space, no rights, no file handles) says
                // nothing about what is in the folder.
                if io.raw_os_error().is_some() =>
            {
                let remedy = remedy(&io);
                ReadFault::Disk(format!("{}: {io}. {remedy}", dir.display()))
            }
            other => ReadFault::Damaged(other.to_string()),
        })?;
    let mut raw = Vec::new();
    for entry in db.iter() {
        let (key, value) = entry.map_err(|fault| ReadFault::Damaged(fault.to_string()))?;
        raw.push((key.to_vec(), value.to_vec()));
    }
    let marked = dir.join(COMMITTED_MARK).exists();
    let examined = examine(raw, marked).map_err(ReadFault::Damaged)?;
    Ok((db, examined))
}

/// What stored entries were found to be.
#[derive(Default)]
struct Examined {
    saved: Option<Saved>,
    rows: Vec<Row>,
    stored_bytes: usize,
    sealed: Sealed,
}

impl Examined {
    fn found(self, set_aside: Option<(PathBuf, String)>) -> Found {
        Found {
            saved: self.saved,
            rows: self.rows,
            stored_bytes: self.stored_bytes,
            set_aside,
        }
    }
}

/// Looks whether stored entries, in key order, are those that their position was written with, and
/// puts rows together. `marked`: rows were committed here once.
fn examine(mut raw: Vec<Row>, marked: bool) -> Result<Examined, String> {
    let position = raw
        .iter()
        .position(|(key, _)| key == POSITION_KEY)
        .map(|place| raw.remove(place).1);
    let Some(position) = position else {
        return if marked || !raw.is_empty() {
            Err("rows were committed, and their position is gone".to_owned())
        } else {
            Ok(Examined::default())
        };
    };
    let position: PositionRow =
        serde_json::from_slice(&position).map_err(|fault| format!("position: {fault}"))?;
    if !position.is_whole() {
        return Err("the position is not as it was written".to_owned());
    }
    if position.saved.format != FORMAT {
        // Another release's; whoever asked sets it aside and rebuilds.
        return Ok(Examined {
            saved: Some(position.saved),
            ..Examined::default()
        });
    }
    let mut sealed = Sealed::default();
    for (key, page) in &raw {
        let (batch, _) = page::place(key).ok_or("an entry that is no page")?;
        sealed.add(batch, key, page);
    }
    if position.seal != sealed.whole {
        return Err("the pages are not those that the position was written with".to_owned());
    }
    let joined = page::join(raw)?;
    Ok(Examined {
        saved: Some(position.saved),
        rows: joined.rows,
        stored_bytes: joined.bytes,
        sealed,
    })
}

/// sled's one data file, opened a second time so that it can be synced.
fn data_file(dir: &Path) -> Result<Arc<File>, StoreError> {
    let path = dir.join("db");
    File::options()
        .read(true)
        .write(true)
        .open(&path)
        .map(Arc::new)
        .map_err(|fault| StoreError::Disk(format!("{}: {fault}", path.display())))
}

#[cfg(test)]
mod tests;
