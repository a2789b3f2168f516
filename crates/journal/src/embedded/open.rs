//! Opening a folder: who holds it, is it ours, is anything missing.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tokio::sync::{mpsc, watch};

use super::layout::{
    FORMAT, FRAMES, INBOX, META, META_FORMAT, META_ID, META_MARK, Mark, READ_FORMATS, decode_frame,
    decode_head, decode_inbox, key, position,
};
use super::tail::Tail;
use super::writer::Writer;
use super::{Inner, QUEUE_REQUESTS, RESTORE, Shared, undecodable};
use crate::contract::index_of;
use crate::draw_id;
use crate::fault::LogError;

/// Memory for blocks read from disk, in bytes. Followers mostly read what is still in memory.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// Size at which a keyspace's writes in memory become a file, in bytes. It also bounds what is
/// replayed at open, and with it the time from a crash to work.
const MEMTABLE_BYTES: u64 = 4 * 1024 * 1024;

/// Size of the write-ahead files at which fjall clears them away, in bytes.
const WRITE_AHEAD_BYTES: u64 = 128 * 1024 * 1024;

/// fjall's own threads, which turn memory into files.
const BACKGROUND_THREADS: usize = 1;

/// The system's number for "too many open files".
const NO_FILE_HANDLES: i32 = 24;

/// fjall's lock file and version file.
const LOCK_FILE: &str = "lock";
const VERSION_FILE: &str = "version";
const FIRST_WRITE_AHEAD_FILE: &str = "0.jnl";

pub(super) fn open(dir: &Path) -> Result<Inner, LogError> {
    let folder = dir.display().to_string();
    let refused = |fault: fjall::Error| refusal(&folder, &fault);
    clear_unfinished(dir).map_err(|fault| LogError::Refused(unusable(&folder, &fault)))?;
    let db = Database::builder(dir)
        .cache_size(CACHE_BYTES)
        .max_journaling_size(WRITE_AHEAD_BYTES)
        .worker_threads(BACKGROUND_THREADS)
        .open()
        .map_err(refused)?;
    let keyspace = |name: &str| {
        db.keyspace(name, || {
            KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
        })
        .map_err(refused)
    };
    let (frames, inbox, meta) = (keyspace(FRAMES)?, keyspace(INBOX)?, keyspace(META)?);
    let look = Look {
        folder: &folder,
        frames: &frames,
        inbox: &inbox,
        meta: &meta,
    };
    let id = look.identify(&db)?;
    let marked = look.mark()?;
    let (at, unmarked_bytes) = look.check_since(marked)?;
    look.check_last_frame(at.log)?;

    let shared = Arc::new(Shared {
        last: Mutex::new(at.last),
        tail: Mutex::new(Tail::default()),
        broken: OnceLock::new(),
        failing: AtomicBool::new(false),
    });
    let (head_sender, head) = watch::channel(at.log);
    let (inbox_head_sender, inbox_head) = watch::channel(at.inbox);
    let (requests, queue) = mpsc::channel(QUEUE_REQUESTS);
    let writer = Writer {
        db,
        frames: frames.clone(),
        inbox: inbox.clone(),
        meta,
        at,
        head: head_sender,
        inbox_head: inbox_head_sender,
        folder: folder.clone(),
        shared: Arc::clone(&shared),
        marked,
        unmarked_bytes,
    };
    let writer = std::thread::Builder::new()
        .name("duban-log".to_owned())
        .spawn(move || writer.run(queue))
        .map_err(|fault| LogError::Unavailable(format!("{folder}: no writer thread: {fault}")))?;
    Ok(Inner {
        id,
        folder,
        frames,
        inbox,
        head,
        inbox_head,
        shared,
        requests: Some(requests),
        writer: Some(writer),
    })
}

/// Removes what a process killed while creating the folder has left behind: fjall writes its
/// version file last, and until then nothing can have been acknowledged.
fn clear_unfinished(dir: &Path) -> std::io::Result<()> {
    let leftover = dir.join(FIRST_WRITE_AHEAD_FILE);
    if dir.join(VERSION_FILE).try_exists()? || !leftover.try_exists()? {
        return Ok(());
    }
    let lock = fs::File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(dir.join(LOCK_FILE))?;
    // Somebody may be creating it this very moment; then fjall will say that it is locked.
    if lock.try_lock().is_ok() && !dir.join(VERSION_FILE).try_exists()? {
        fs::remove_file(leftover)?;
    }
    Ok(())
}

/// The disk's own word, and what a person can do about it.
fn unusable(folder: &str, fault: &std::io::Error) -> String {
    use std::io::ErrorKind;
    let remedy = match fault.kind() {
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "Duban writes there, also to read: let its user write in this folder, or name another \
             with --data"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Free space there, then start again",
        _ if fault.raw_os_error() == Some(NO_FILE_HANDLES) => {
            "Raise the limit of open files (LimitNOFILE, ulimit -n)"
        }
        _ => "Mend that, then start again",
    };
    format!("the log in {folder} cannot be opened: {fault}. {remedy}")
}

/// The system's own error beneath a fault, if it is one.
fn refused_by_system<'a>(
    fault: &'a (dyn std::error::Error + 'static),
) -> Option<&'a std::io::Error> {
    let mut fault = Some(fault);
    while let Some(found) = fault {
        match found.downcast_ref::<std::io::Error>() {
            Some(system) if system.raw_os_error().is_some() => return Some(system),
            _ => fault = found.source(),
        }
    }
    None
}

/// A fault in the system's own words, if it is the system's.
pub(super) fn told(fault: &fjall::Error) -> String {
    refused_by_system(fault).map_or_else(|| fault.to_string(), ToString::to_string)
}

fn refusal(folder: &str, fault: &fjall::Error) -> LogError {
    match fault {
        fjall::Error::Locked => LogError::Refused(format!(
            "{folder}: a running Duban holds this folder. Stop it first, or give the command to it \
             through its socket."
        )),
        fjall::Error::InvalidVersion(_) => LogError::Refused(format!(
            "{folder}: this folder was written in a format that this release does not read \
             ({fault})."
        )),
        // What the system itself refuses says nothing about what is in the folder.
        fault if let Some(system) = refused_by_system(fault) => {
            LogError::Refused(unusable(folder, system))
        }
        fault => LogError::Damaged(format!("{folder}: it cannot be opened: {fault}. {RESTORE}")),
    }
}

/// A look at a folder just opened, before anything is written.
struct Look<'a> {
    folder: &'a str,
    frames: &'a Keyspace,
    inbox: &'a Keyspace,
    meta: &'a Keyspace,
}

impl Look<'_> {
    fn damaged(&self, what: impl fmt::Display) -> LogError {
        LogError::Damaged(format!("{}: {what}. {RESTORE}", self.folder))
    }

    fn unreadable(&self, fault: &fjall::Error) -> LogError {
        self.damaged(format_args!("reading fails: {fault}"))
    }

    /// The log's id; draws one if the log is new.
    fn identify(&self, db: &Database) -> Result<String, LogError> {
        let read = |name| self.meta.get(name).map_err(|fault| self.unreadable(&fault));
        match (read(META_FORMAT)?, read(META_ID)?) {
            (Some(format), Some(id)) => {
                if !READ_FORMATS.contains(&&*format) {
                    return Err(LogError::Refused(format!(
                        "{}: the folder's format is `{}`, and this release reads `{}`.",
                        self.folder,
                        String::from_utf8_lossy(&format),
                        String::from_utf8_lossy(FORMAT),
                    )));
                }
                String::from_utf8(id.to_vec())
                    .map_err(|_| self.damaged("the log's id is not a text"))
            }
            (None, None)
                if self.frames.first_key_value().is_none()
                    && self.inbox.first_key_value().is_none() =>
            {
                let id = draw_id();
                let mut batch = db.batch().durability(Some(PersistMode::SyncAll));
                batch.insert(self.meta, META_FORMAT, FORMAT);
                batch.insert(self.meta, META_ID, id.as_str());
                batch.commit().map_err(|fault| {
                    LogError::Unavailable(format!("{}: it cannot be written: {fault}", self.folder))
                })?;
                Ok(id)
            }
            _ => Err(self.damaged("the log's format or id is missing")),
        }
    }

    fn mark(&self) -> Result<Mark, LogError> {
        match self.meta.get(META_MARK) {
            Ok(None) => Ok(Mark::default()),
            Ok(Some(mark)) => serde_json::from_slice(&mark)
                .map_err(|fault| self.damaged(format_args!("the mark cannot be read: {fault}"))),
            Err(fault) => Err(self.unreadable(&fault)),
        }
    }

    /// Goes through what came after the mark; returns what is there, and its size in bytes.
    fn check_since(&self, mark: Mark) -> Result<(Mark, usize), LogError> {
        let mut at = mark;
        let mut bytes = 0;
        (at.log, _) = self.contiguous(self.frames, "frame", mark.log, |seq, value| {
            bytes += value.len();
            let head = decode_head(value).map_err(|fault| undecodable(self.folder, seq, &fault))?;
            at.last[index_of(head.service)] = seq;
            Ok(())
        })?;
        let (inbox, inbox_bytes) =
            self.contiguous(self.inbox, "inbox message", mark.inbox, |seq, value| {
                decode_inbox(value)
                    .map(drop)
                    .ok_or_else(|| self.damaged(format_args!("inbox message {seq} has no subject")))
            })?;
        at.inbox = inbox;
        Ok((at, bytes + inbox_bytes))
    }

    /// Checks that positions begin at 1, that the one at the mark is there, and that none is
    /// missing after it.
    fn contiguous(
        &self,
        keyspace: &Keyspace,
        what: &str,
        marked: u64,
        mut check: impl FnMut(u64, &[u8]) -> Result<(), LogError>,
    ) -> Result<(u64, usize), LogError> {
        let missing = |seq| self.damaged(format_args!("{what} {seq} is missing"));
        for seq in [1, marked] {
            let there = keyspace
                .contains_key(key(seq))
                .map_err(|fault| self.unreadable(&fault))?;
            if marked > 0 && !there {
                return Err(missing(seq));
            }
        }
        let (mut at, mut bytes) = (marked, 0);
        for entry in keyspace.range(key(marked + 1)..) {
            let (found, value) = entry
                .into_inner()
                .map_err(|fault| self.unreadable(&fault))?;
            if position(&found) != Some(at + 1) {
                return Err(missing(at + 1));
            }
            at += 1;
            bytes += value.len();
            check(at, &value)?;
        }
        Ok((at, bytes))
    }

    fn check_last_frame(&self, head: u64) -> Result<(), LogError> {
        if head == 0 {
            return Ok(());
        }
        let value = self
            .frames
            .get(key(head))
            .map_err(|fault| self.unreadable(&fault))?
            .ok_or_else(|| self.damaged(format_args!("frame {head} is missing")))?;
        decode_frame(&value)
            .map(drop)
            .map_err(|fault| undecodable(self.folder, head, &fault))
    }
}
