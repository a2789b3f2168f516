//! The record of accounts: who signed in, who failed to, who changed what. A line a thing, in JSON,
//! appended and made durable before it takes effect; no secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use duban_model::record::cut;
use serde::{Deserialize, Serialize};

/// A file is closed and another begun at this size, in bytes: 4 MB, some 20,000 lines.
pub const TRACE_FILE_BYTES: u64 = 4 << 20;
/// Closed files that are kept, in files; the oldest goes.
pub const TRACE_FILES: u32 = 12;
/// Lines that the page shows, in lines.
pub const TRACE_LINES: usize = 500;
/// The longest text in a line, in bytes.
const TEXT_BYTES: usize = 300;
/// The file that is written.
const FILE: &str = "access.ndjson";
const LOCK: &str = "access.lock";

/// One thing that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// When, RFC 3339 with the office's offset.
    pub at: String,
    /// Who: the name to sign in with, a token's id, or a command.
    pub who: String,
    /// From which address.
    pub from: String,
    /// What, e.g. `signed-in`.
    pub what: String,
    /// About whom or what, if not about oneself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// More.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl Trace {
    /// What happened, in Chinese.
    pub fn chinese(&self) -> &str {
        match self.what.as_str() {
            "signed-in" => "登录",
            "sign-in-failed" => "登录失败",
            "locked-out" => "尝试过多,暂停登录",
            "signed-out" => "退出",
            "user-invited" => "新建用户",
            "link-made" => "生成设置密码的链接",
            "password-chosen" => "凭链接设置密码",
            "password-changed" => "修改密码",
            "user-changed" => "修改用户",
            "user-disabled" => "停用用户",
            "user-enabled" => "启用用户",
            "sessions-ended" => "结束登录",
            "must-change" => "要求更换密码",
            "token-made" => "新建令牌",
            "token-ended" => "停用令牌",
            "feed-made" => "新建日历地址",
            "feed-ended" => "停用日历地址",
            other => other,
        }
    }
}

/// The files of a folder.
#[derive(Debug)]
pub(super) struct Traces {
    dir: PathBuf,
}

impl Traces {
    pub fn new(dir: &Path) -> Traces {
        Traces {
            dir: dir.to_owned(),
        }
    }

    fn closed(&self, number: u32) -> PathBuf {
        self.dir.join(format!("access.{number}.ndjson"))
    }

    /// Appends a line; it is durable when this returns. Waits for the disk.
    pub fn append(&self, mut trace: Trace) -> io::Result<()> {
        for text in [
            &mut trace.who,
            &mut trace.from,
            &mut trace.about,
            &mut trace.detail,
        ] {
            *text = cut(text, TEXT_BYTES).to_owned();
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)?;
        let lock = open(&self.dir.join(LOCK))?;
        lock.lock()?;
        let path = self.dir.join(FILE);
        let mut file = open(&path)?;
        if file.metadata()?.len() >= TRACE_FILE_BYTES {
            for number in (1..TRACE_FILES).rev() {
                match fs::rename(self.closed(number), self.closed(number + 1)) {
                    Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(fault),
                    _ => {}
                }
            }
            fs::rename(&path, self.closed(1))?;
            file = open(&path)?;
            File::open(&self.dir)?.sync_all()?;
        }
        let mut line = serde_json::to_vec(&trace)?;
        line.push(b'\n');
        file.write_all(&line)?;
        file.sync_data()
    }

    /// The last lines, the newest first; what a crash cut short is left out.
    pub fn last(&self) -> io::Result<Vec<Trace>> {
        let mut lines = Vec::new();
        for path in [self.dir.join(FILE), self.closed(1)] {
            if lines.len() >= TRACE_LINES {
                break;
            }
            let mut file = match File::open(&path) {
                Ok(file) => file,
                Err(fault) if fault.kind() == io::ErrorKind::NotFound => continue,
                Err(fault) => return Err(fault),
            };
            let most = (TRACE_LINES * 4 * TEXT_BYTES) as u64;
            let size = file.metadata()?.len();
            file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let newest = text.lines().rev();
            lines.extend(newest.filter_map(|line| serde_json::from_str::<Trace>(line).ok()));
        }
        lines.truncate(TRACE_LINES);
        Ok(lines)
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_the_newest_first_and_old_files_go() {
        let folder = tempfile::tempdir().unwrap();
        let traces = Traces::new(folder.path());
        let line = |what: &str| Trace {
            who: "wang".to_owned(),
            what: what.to_owned(),
            detail: "x".repeat(2 * TEXT_BYTES),
            ..Trace::default()
        };
        traces.append(line("one")).unwrap();
        traces.append(line("two")).unwrap();
        let last = traces.last().unwrap();
        assert_eq!((last[0].what.as_str(), last.len()), ("two", 2));
        assert_eq!(last[0].detail.len(), TEXT_BYTES);
        for _ in 0..TRACE_FILES + 3 {
            fs::write(
                folder.path().join(FILE),
                "\n".repeat(usize::try_from(TRACE_FILE_BYTES).unwrap()),
            )
            .unwrap();
            traces.append(line("three")).unwrap();
        }
        let files = fs::read_dir(folder.path()).unwrap().count();
        // The file that is written, the closed ones and the lock.
        assert_eq!(files, TRACE_FILES as usize + 2);
        assert_eq!(traces.last().unwrap()[0].what, "three");
    }
}
