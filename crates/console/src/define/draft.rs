//! Drafts of definitions: a folder each, with one file that is written whole, and the document.
//!
//! A save names the version that it was made from. If somebody else has saved since, nothing is
//! written, and the later one is told what is there now.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use duban_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Files, Reading};

/// The largest document, in bytes: 16 MB.
pub const DOCUMENT_BYTES: usize = 16 << 20;
/// The largest text of a draft, in bytes: 4 MB.
pub const FILE_BYTES: usize = 4 << 20;
/// The largest draft without its document, in bytes: 24 MB.
pub const DRAFT_BYTES: u64 = 24 << 20;
/// Texts of one draft, in files.
pub const DRAFT_FILES: usize = 6;
/// Drafts that are kept, in drafts.
pub const DRAFTS: usize = 60;
/// A draft that nobody has changed for so long is thrown away, in days.
pub const DRAFT_DAYS: i64 = 180;
/// What a form takes beside its document, in bytes.
pub(super) const FORM_ROOM: usize = 256 * 1024;
/// Milliseconds of a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// A draft.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Draft {
    /// Its id.
    pub id: String,
    /// The office.
    pub tenant: String,
    /// What it is called.
    pub title: String,
    /// What it began from, in words.
    pub origin: String,
    /// Who began it, and when.
    pub by: String,
    pub made: i64,
    /// Who changed it last, and when.
    pub changed_by: String,
    pub changed: i64,
    /// Counts its saves.
    pub version: u64,
    /// The document's name; empty if it did not begin from one.
    pub document: String,
    /// The document is a list of units.
    pub of_units: bool,
    /// What was answered, by the questions' keys.
    pub answers: BTreeMap<String, String>,
    /// What is left for later, by the questions' keys.
    pub later: Vec<String>,
    /// How the document was read.
    pub reading: Option<Reading>,
    /// Its texts.
    pub files: Files,
    /// Somebody has changed the texts by hand: answers no longer rewrite them.
    pub edited: bool,
    /// What became of it when it was deployed; empty before.
    pub deployed: String,
}

/// Why a draft is not written.
#[derive(Debug)]
pub(crate) enum Unkept {
    /// Somebody else has saved it since; this is what is there.
    Newer(Box<Draft>),
    /// It is not there.
    Gone,
    /// It cannot be kept, in words.
    Words(String),
}

/// All drafts of a console.
#[derive(Debug)]
pub(crate) struct Drafts {
    dir: PathBuf,
    /// Writers take turns.
    turn: Mutex<()>,
}

const FILE: &str = "draft.json";
const DOCUMENT: &str = "document";

/// Whether this is how ids of drafts look; nothing else becomes part of a path.
fn is_id(id: &str) -> bool {
    id.len() == 16
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether a text of a definition folder is called so.
pub(super) fn is_file(name: &str) -> bool {
    if matches!(name, "ledger.yaml" | "tasks.yaml" | "directory.yaml") {
        return true;
    }
    name.strip_suffix("-workdays.csv").is_some_and(|name| {
        (1..=32).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

fn unkept(fault: io::Error) -> Unkept {
    tracing::error!(%fault, "a draft cannot be kept");
    Unkept::Words("草稿没有保存成:磁盘不能写。请告诉管理员,服务的运行日志里有原因。".to_owned())
}

impl Drafts {
    pub fn new(dir: PathBuf) -> Drafts {
        Drafts {
            dir,
            turn: Mutex::default(),
        }
    }

    /// A draft; nothing if it is not there.
    pub fn get(&self, id: &str) -> Option<Draft> {
        if !is_id(id) {
            return None;
        }
        read(&self.dir.join(id).join(FILE))
    }

    /// The document of a draft.
    pub fn document(&self, id: &str) -> Option<Vec<u8>> {
        if !is_id(id) {
            return None;
        }
        fs::read(self.dir.join(id).join(DOCUMENT)).ok()
    }

    /// All of them, the one changed last first.
    pub fn list(&self) -> Vec<Draft> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut list: Vec<Draft> = entries
            .filter_map(|entry| self.get(entry.file_name().to_str()?))
            .collect();
        list.sort_by_key(|draft| (-draft.changed, draft.id.clone()));
        list
    }

    /// Keeps a new draft and gives it its id.
    pub fn add(
        &self,
        mut draft: Draft,
        document: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<String, Unkept> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let there = self.list();
        let old = |draft: &&Draft| draft.changed < now.0 - DRAFT_DAYS * DAY;
        for old in there.iter().filter(old) {
            let _ = fs::remove_dir_all(self.dir.join(&old.id));
        }
        if there.iter().filter(|draft| !old(draft)).count() >= DRAFTS {
            return Err(Unkept::Words(format!(
                "已有{DRAFTS}份草稿,不能再多。请先删除不用的草稿。"
            )));
        }
        if draft.id.is_empty() {
            let mut bytes = [0u8; 8];
            getrandom::fill(&mut bytes)
                .map_err(|fault| unkept(io::Error::other(fault.to_string())))?;
            draft.id = format!("{:016x}", u64::from_be_bytes(bytes));
        }
        (draft.made, draft.changed, draft.version) = (now.0, now.0, 1);
        let dir = self.dir.join(&draft.id);
        let kept = || -> io::Result<()> {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&dir)?;
            if let Some(document) = document {
                write(&dir, DOCUMENT, document)?;
            }
            Ok(())
        };
        kept().map_err(unkept)?;
        self.put(&draft)?;
        Ok(draft.id)
    }

    /// Changes a draft that is still at this version.
    pub fn change(
        &self,
        id: &str,
        version: u64,
        by: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Draft),
    ) -> Result<Draft, Unkept> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut draft = self.get(id).ok_or(Unkept::Gone)?;
        if draft.version != version {
            return Err(Unkept::Newer(Box::new(draft)));
        }
        change(&mut draft);
        by.clone_into(&mut draft.changed_by);
        draft.changed = now.0;
        draft.version += 1;
        self.put(&draft)?;
        Ok(draft)
    }

    /// Gives a draft another document.
    pub fn attach(&self, id: &str, document: &[u8]) -> Result<(), Unkept> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_id(id) {
            return Err(Unkept::Gone);
        }
        write(&self.dir.join(id), DOCUMENT, document).map_err(unkept)
    }

    /// Throws a draft away.
    pub fn throw_away(&self, id: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if is_id(id) {
            let _ = fs::remove_dir_all(self.dir.join(id));
        }
    }

    fn put(&self, draft: &Draft) -> Result<(), Unkept> {
        if draft.files.len() > DRAFT_FILES {
            return Err(Unkept::Words(format!("一份草稿最多{DRAFT_FILES}个文件。")));
        }
        for (name, text) in &draft.files {
            if text.len() > FILE_BYTES {
                let (size, most) = (text.len() >> 10, FILE_BYTES >> 10);
                return Err(Unkept::Words(format!(
                    "{name}有{size} KB,最多{most} KB。请分成几份台账。"
                )));
            }
        }
        let bytes = serde_json::to_vec(draft).map_err(|fault| unkept(io::Error::other(fault)))?;
        if bytes.len() as u64 > DRAFT_BYTES {
            let (size, most) = (bytes.len() >> 20, DRAFT_BYTES >> 20);
            return Err(Unkept::Words(format!("草稿有{size} MB,最多{most} MB。")));
        }
        write(&self.dir.join(&draft.id), FILE, &bytes).map_err(unkept)
    }
}

fn read(path: &Path) -> Option<Draft> {
    let file = File::open(path).ok()?;
    let mut bytes = Vec::new();
    file.take(DRAFT_BYTES + 1).read_to_end(&mut bytes).ok()?;
    match serde_json::from_slice(&bytes) {
        Ok(draft) => Some(draft),
        Err(fault) => {
            tracing::warn!(%fault, path = %path.display(), "a draft cannot be read and is left alone");
            None
        }
    }
}

/// Writes a file whole or not at all.
fn write(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = dir.join(format!(".{name}.part"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, dir.join(name))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn draft() -> Draft {
        Draft {
            title: "台账".to_owned(),
            files: [("tasks.yaml".to_owned(), "tasks: []\n".to_owned())].into(),
            ..Draft::default()
        }
    }

    #[test]
    fn two_who_change_the_same_draft_do_not_overwrite_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let drafts = Drafts::new(folder.path().join("drafts"));
        let id = drafts.add(draft(), Some(b"PK"), NOW).unwrap();
        let text = |text: &'static str| {
            move |draft: &mut Draft| {
                draft.files.insert("tasks.yaml".to_owned(), text.to_owned());
            }
        };
        drafts.change(&id, 1, "wang", NOW, text("a")).unwrap();
        match drafts.change(&id, 1, "li", NOW, text("b")) {
            Err(Unkept::Newer(there)) => {
                assert_eq!(there.files["tasks.yaml"], "a");
                assert_eq!((there.changed_by.as_str(), there.version), ("wang", 2));
            }
            other => panic!("{other:?}"),
        }
        // It is there after a restart, with its document.
        let again = Drafts::new(folder.path().join("drafts"));
        assert_eq!(again.get(&id).unwrap().files["tasks.yaml"], "a");
        assert_eq!(again.document(&id).unwrap(), b"PK");
        again.throw_away(&id);
        assert!(again.get(&id).is_none() && again.list().is_empty());
    }

    #[test]
    fn no_name_becomes_a_path_and_nothing_grows_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let drafts = Drafts::new(folder.path().to_owned());
        for id in ["..", "../../etc", "0000000000000/..", ""] {
            assert!(drafts.get(id).is_none() && drafts.document(id).is_none());
            drafts.throw_away(id);
        }
        assert!(is_file("tasks.yaml") && is_file("cn-workdays.csv"));
        for name in ["../tasks.yaml", "a/b-workdays.csv", "-workdays.csv", "x.sh"] {
            assert!(!is_file(name), "{name}");
        }
        for _ in 0..DRAFTS {
            drafts.add(draft(), None, NOW).unwrap();
        }
        let full = drafts.add(draft(), None, NOW);
        assert!(matches!(full, Err(Unkept::Words(words)) if words.contains("删除")));
        let later = Timestamp(NOW.0 + (DRAFT_DAYS + 1) * DAY);
        drafts.add(draft(), None, later).unwrap();
        assert_eq!(drafts.list().len(), 1);
        let mut large = draft();
        let text = "x".repeat(FILE_BYTES + 1);
        large.files.insert("ledger.yaml".to_owned(), text);
        assert!(matches!(
            drafts.add(large, None, later),
            Err(Unkept::Words(_))
        ));
    }
}
