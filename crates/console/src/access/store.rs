//! The folder of accounts: three files, each written whole, and a lock by which several processes
//! take turns. What another process wrote is read again.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::account::{Sessions, Tokens, Users};

/// The largest file that is read, in bytes: 16 MB.
pub const ACCOUNTS_FILE_BYTES: u64 = 16 << 20;
/// The format of the files.
const FORMAT: u32 = 1;
/// The files; and the lock, which is empty.
const USERS: &str = "users.json";
const SESSIONS: &str = "sessions.json";
const TOKENS: &str = "tokens.json";
const LOCK: &str = "lock";

/// Why the accounts cannot be had.
#[derive(Debug)]
pub enum AccountsFault {
    /// A file is not what this program writes. Nothing is written over it.
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The disk.
    Disk {
        /// Where.
        file: PathBuf,
        /// What is wrong.
        fault: io::Error,
    },
}

impl fmt::Display for AccountsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AccountsFault::Damaged { file, why } => write!(
                f,
                "{}: not a file of accounts ({why}). Nothing was written over it, and nobody can sign \
                 in. Put back the copy of your last backup; without one, move the file away (sessions: \
                 everybody signs in again; tokens: make new ones; users: begin again with \
                 `duban user invite --admin NAME`)",
                file.display()
            ),
            AccountsFault::Disk { file, fault } => {
                let file = file.display();
                write!(f, "accounts in {file}: {fault}. {}", remedy(fault))
            }
        }
    }
}

/// What a person can do about a disk that refused.
fn remedy(fault: &io::Error) -> &'static str {
    match fault.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "Free space there, then try again",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "Let the user of this program write in that folder, or name another with --data"
        }
        _ => "Mend that, then try again",
    }
}

impl std::error::Error for AccountsFault {}

/// By what a file is known to be the one that was read.
type Stamp = Option<(u64, u64, i64, i64)>;

/// One file as it was read.
#[derive(Debug)]
struct Kept<T> {
    stamp: Stamp,
    content: Arc<T>,
}

impl<T: Default> Default for Kept<T> {
    fn default() -> Self {
        Kept {
            stamp: None,
            content: Arc::default(),
        }
    }
}

#[derive(Debug, Default)]
struct Files {
    users: Kept<Users>,
    sessions: Kept<Sessions>,
    tokens: Kept<Tokens>,
}

/// All that is kept, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct Book {
    /// Users by name.
    pub users: Arc<Users>,
    /// Sessions by digest.
    pub sessions: Arc<Sessions>,
    /// Tokens by id.
    pub tokens: Arc<Tokens>,
}

/// A file as it is written.
#[derive(Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<T> {
    format: u32,
    entries: T,
}

/// The folder.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    files: Mutex<Files>,
}

impl Store {
    /// A folder that is made when something is first written.
    pub fn new(dir: PathBuf) -> Store {
        Store {
            dir,
            files: Mutex::default(),
        }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is kept now. Three looks at the disk; files that did not change are not read.
    pub fn read(&self) -> Result<Book, AccountsFault> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Book {
            users: self.fresh(USERS, &mut files.users)?,
            sessions: self.fresh(SESSIONS, &mut files.sessions)?,
            tokens: self.fresh(TOKENS, &mut files.tokens)?,
        })
    }

    fn disk(&self, file: &str) -> impl Fn(io::Error) -> AccountsFault {
        let file = self.dir.join(file);
        move |fault| AccountsFault::Disk {
            file: file.clone(),
            fault,
        }
    }

    fn fresh<T>(&self, name: &str, kept: &mut Kept<T>) -> Result<Arc<T>, AccountsFault>
    where
        T: Default + DeserializeOwned,
    {
        let path = self.dir.join(name);
        let stamp = match fs::metadata(&path) {
            Ok(about) => Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec())),
            Err(fault) if fault.kind() == ErrorKind::NotFound => None,
            Err(fault) => return Err(self.disk(name)(fault)),
        };
        if stamp != kept.stamp {
            let content = match stamp {
                None => T::default(),
                Some(_) => read(&path)?,
            };
            *kept = Kept {
                stamp,
                content: Arc::new(content),
            };
        }
        Ok(Arc::clone(&kept.content))
    }

    /// Holds the lock of the folder; makes the folder if need be.
    pub fn lock(&self) -> Result<File, AccountsFault> {
        let lock = || {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&self.dir)?;
            let lock = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(self.dir.join(LOCK))?;
            lock.lock()?;
            Ok(lock)
        };
        lock().map_err(self.disk(LOCK))
    }

    /// Changes what is kept while no other process does, and writes what has changed. Nothing is
    /// written if the change fails. Waits for the lock and for the disk: not on a thread that serves.
    pub fn change<R, E: From<AccountsFault>>(
        &self,
        change: impl FnOnce(&mut Book) -> Result<R, E>,
    ) -> Result<R, E> {
        let _lock = self.lock()?;
        let before = self.read()?;
        let mut after = before.clone();
        let result = change(&mut after)?;
        // Users last: what they stand for is there once they are.
        self.write(SESSIONS, &before.sessions, &after.sessions)?;
        self.write(TOKENS, &before.tokens, &after.tokens)?;
        self.write(USERS, &before.users, &after.users)?;
        Ok(result)
    }

    fn write<T: Serialize + PartialEq>(
        &self,
        name: &str,
        before: &Arc<T>,
        after: &Arc<T>,
    ) -> Result<(), AccountsFault> {
        if Arc::ptr_eq(before, after) || before == after {
            return Ok(());
        }
        let written = Written {
            format: FORMAT,
            entries: after.as_ref(),
        };
        let bytes = || {
            let mut text = serde_json::to_vec_pretty(&written)?;
            text.push(b'\n');
            Ok(text)
        };
        bytes()
            .and_then(|text| self.put(name, &text))
            .map_err(self.disk(name))
    }

    /// Writes a file whole: beside the one there is, durable, and then in its place.
    fn put(&self, name: &str, text: &[u8]) -> io::Result<()> {
        if text.len() as u64 > ACCOUNTS_FILE_BYTES {
            return Err(io::Error::new(
                ErrorKind::StorageFull,
                format!(
                    "it would take {} bytes, at most {ACCOUNTS_FILE_BYTES}",
                    text.len()
                ),
            ));
        }
        let partial = self.dir.join(format!(".{name}.part"));
        // One that a crash left is begun again, with our own rights.
        match fs::remove_file(&partial) {
            Err(fault) if fault.kind() != ErrorKind::NotFound => return Err(fault),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&partial, self.dir.join(name))?;
        File::open(&self.dir)?.sync_all()
    }

    /// A file that is no account; nothing if it is not there.
    pub fn plain(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.dir.join(name)).ok()
    }

    /// Writes such a file.
    pub fn put_plain(&self, name: &str, text: &str) -> Result<(), AccountsFault> {
        let _lock = self.lock()?;
        self.put(name, text.as_bytes()).map_err(self.disk(name))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, AccountsFault> {
    let disk = |fault| AccountsFault::Disk {
        file: path.to_owned(),
        fault,
    };
    let damaged = |why: String| AccountsFault::Damaged {
        file: path.to_owned(),
        why,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(disk)?;
    file.take(ACCOUNTS_FILE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(disk)?;
    if bytes.len() as u64 > ACCOUNTS_FILE_BYTES {
        return Err(damaged(format!("larger than {ACCOUNTS_FILE_BYTES} bytes")));
    }
    let written: Written<T> =
        serde_json::from_slice(&bytes).map_err(|fault| damaged(fault.to_string()))?;
    if written.format != FORMAT {
        return Err(damaged(format!(
            "format {}, this program knows {FORMAT}",
            written.format
        )));
    }
    Ok(written.entries)
}
