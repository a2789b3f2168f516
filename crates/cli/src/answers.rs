//! Where notices are answered, and the key of their links.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use duban_console::{Letter, Letters};
use duban_model::Timestamp;
use duban_runtime::answer_link::{self, AnswerLinks};
use duban_runtime::clock::Clock;
use std::sync::Arc;
use tracing::warn;

use crate::Fault;
use crate::args;

/// The environment variable that holds the key, or several, the one that signs first.
pub(crate) const KEY_VARIABLE: &str = "DUBAN_ANSWER_KEY";
/// The key that this program made, in the data folder.
const KEY_FILE: &str = "answer.key";
/// Files that came with answers, in the data folder.
const EVIDENCE_FOLDER: &str = "evidence";
/// A key that is made has so many random bytes.
const KEY_BYTES: usize = 32;
/// The most that is read of a key file, in bytes.
const KEY_FILE_BYTES: u64 = 4_096;

/// Where links lead.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    /// Notices bear no link.
    Nowhere,
    /// To this address.
    At(String),
    /// To the address at which this process serves its pages.
    Here,
}

impl Answered {
    pub(crate) fn of(args: &args::Answers) -> Answered {
        args.answer_url
            .clone()
            .map_or(Answered::Nowhere, Answered::At)
    }
}

/// The keys: from the file, the environment, or one that is kept in the data folder. `alone` says that
/// no other process needs them.
pub(crate) fn keys(file: Option<&Path>, data: &Path, alone: bool) -> Result<Vec<String>, Fault> {
    if let Some(file) = file {
        return read(file);
    }
    if let Ok(text) = std::env::var(KEY_VARIABLE) {
        return Ok(split(&text));
    }
    if !alone {
        return Err(format!(
            "--answer-url needs a key that every process of this installation shares: give the same \
             --answer-key-file, or {KEY_VARIABLE}, to `notifier` and `console` (make one with \
             `openssl rand -hex 32`)"
        )
        .into());
    }
    let kept = data.join(KEY_FILE);
    if !kept.exists() {
        make(&kept)?;
    }
    read(&kept)
}

fn read(file: &Path) -> Result<Vec<String>, Fault> {
    let fault = |why: std::io::Error| format!("the key for answers in {}: {why}", file.display());
    let opened = fs::File::open(file).map_err(fault)?;
    let mode = opened.metadata().map_err(fault)?.permissions().mode();
    if mode & 0o077 != 0 {
        warn!(
            "others may read the key for answers in {}; close it with `chmod 600`",
            file.display()
        );
    }
    let mut text = String::new();
    opened
        .take(KEY_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(fault)?;
    Ok(split(&text))
}

fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(ToOwned::to_owned).collect()
}

/// Makes a key that nobody else may read. Whoever came first has made it.
fn make(file: &Path) -> Result<(), Fault> {
    let fault = |why: std::io::Error| format!("the key for answers in {}: {why}", file.display());
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    let mut bytes = [0; KEY_BYTES];
    fs::File::open("/dev/urandom")
        .and_then(|mut random| random.read_exact(&mut bytes))
        .map_err(fault)?;
    let mut digits = String::with_capacity(2 * KEY_BYTES);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = std::fmt::Write::write_fmt(&mut digits, format_args!("{byte:02x}"));
    }
    let partial = file.with_extension("part");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .and_then(|mut out| {
            writeln!(out, "{digits}")?;
            out.sync_all()
        })
        .and_then(|()| fs::rename(&partial, file));
    written.map_err(fault)?;
    Ok(())
}

/// The folder of files that came with answers.
pub(crate) fn evidence(data: &Path) -> PathBuf {
    data.join(EVIDENCE_FOLDER)
}

/// The runtime's links as the console knows them.
pub(crate) struct OurLetters {
    pub links: Arc<AnswerLinks>,
    pub clock: Clock,
}

impl Letters for OurLetters {
    fn open(&self, token: &str) -> Option<Letter> {
        let letter = self.links.open(token)?;
        Some(Letter {
            tenant: letter.tenant,
            contact: letter.contact,
            obligation: letter.obligation,
            notice: letter.notice,
            until: letter.until,
        })
    }

    fn token(&self, letter: &Letter) -> Option<String> {
        self.links.token(&answer_link::Letter {
            tenant: letter.tenant.clone(),
            contact: letter.contact.clone(),
            obligation: letter.obligation.clone(),
            notice: letter.notice,
            until: letter.until,
        })
    }

    fn now(&self) -> Option<Timestamp> {
        self.clock.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = keys(None, folder.path(), true).unwrap();
        assert_eq!((first.len(), first[0].len()), (1, 2 * KEY_BYTES));
        assert_eq!(keys(None, folder.path(), true).unwrap(), first);
        let about = fs::metadata(folder.path().join(KEY_FILE)).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
        let asked = keys(None, folder.path(), false).unwrap_err().to_string();
        assert!(asked.contains("--answer-key-file"), "{asked}");
    }
}
