//! Files that come with a submission: which are taken, where they are kept, who gets them.
//!
//! A file is kept under its SHA-256, so that no name of anybody's reaches the disk, and is only ever
//! given as something to be saved. On the log it stands as `duban-file:SHA256/NAME`.

use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::multipart::Field;
use axum::extract::{Path as Asked, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::refused::Refused;
use super::{Answering, Standing, rate};
use crate::projection::Duty;
use crate::serve::Desk;
use crate::state::ConsoleState;

/// The largest file, in bytes: 20 MB.
pub const MAX_FILE_BYTES: u64 = 20 << 20;
/// Files of one submission, in files.
pub const MAX_FILES: usize = 5;
/// All files kept, in bytes: 20 GB. Beyond it none is taken until the operator makes room.
pub const EVIDENCE_FOLDER_BYTES: u64 = 20 << 30;
/// The longest name that is kept of a file, in characters.
const NAME_CHARACTERS: usize = 80;
/// What a file is called in the evidence of a record.
pub(crate) const FILE_SCHEME: &str = "duban-file:";

/// What is taken: how names end, and the first bytes that such a file has. Formats that run something
/// when they are opened, and archives that nobody looks into, are not among them.
const KINDS: &[(&str, &[&[u8]])] = &[
    ("pdf", &[b"%PDF-"]),
    ("docx", &[b"PK\x03\x04"]),
    ("xlsx", &[b"PK\x03\x04"]),
    ("ofd", &[b"PK\x03\x04"]),
    ("jpg", &[b"\xff\xd8\xff"]),
    ("jpeg", &[b"\xff\xd8\xff"]),
    ("png", &[b"\x89PNG\r\n\x1a\n"]),
    // Plain text has no sign of its own; it has no zero bytes.
    ("txt", &[]),
];

/// As many bytes are looked at to tell what a file is.
const FIRST_BYTES: usize = 512;

/// Why a file is not taken, in words for whom it came from; or that it could not be kept.
#[derive(Debug)]
pub(super) enum Fault {
    Words(String),
    Body(StatusCode),
    Disk(io::Error),
}

/// A file while it comes in. What is not kept in the end is removed.
struct Partial {
    path: PathBuf,
    kept: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Takes a file in and keeps it. Returns what the record says of it; nothing for an empty field.
pub(super) async fn keep(dir: &Path, mut field: Field<'_>) -> Result<Option<String>, Fault> {
    let name = label(field.file_name().unwrap_or_default());
    let mut first = Vec::new();
    let mut hash = Sha256::new();
    let mut size = 0u64;
    let mut out = None;
    while let Some(chunk) = field
        .chunk()
        .await
        .map_err(|fault| Fault::Body(fault.status()))?
    {
        // Nothing of it yet, as after a pause of the sender.
        if chunk.is_empty() {
            continue;
        }
        size += chunk.len() as u64;
        if size > MAX_FILE_BYTES {
            return Err(Fault::Words(format!(
                "文件“{name}”超过{}MB",
                MAX_FILE_BYTES >> 20
            )));
        }
        let wanted = FIRST_BYTES.saturating_sub(first.len()).min(chunk.len());
        first.extend_from_slice(&chunk[..wanted]);
        hash.update(&chunk);
        let (file, _) = match &mut out {
            Some(out) => out,
            None => out.insert(begin(dir).await.map_err(Fault::Disk)?),
        };
        file.write_all(&chunk).await.map_err(Fault::Disk)?;
    }
    // A browser sends an empty field where no file was chosen.
    let Some((mut file, mut partial)) = out else {
        return Ok(None);
    };
    judge(&name, &first)?;
    let mut digest = String::new();
    for byte in hash.finalize() {
        let _ = write!(digest, "{byte:02x}");
    }
    let durable = async {
        file.flush().await?;
        file.sync_all().await?;
        tokio::fs::rename(&partial.path, dir.join(&digest)).await?;
        tokio::fs::File::open(dir).await?.sync_all().await
    };
    durable.await.map_err(Fault::Disk)?;
    partial.kept = true;
    Ok(Some(format!("{FILE_SCHEME}{digest}/{name}")))
}

/// A new file in the folder, which nobody else may read.
async fn begin(dir: &Path) -> io::Result<(tokio::fs::File, Partial)> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = dir.join(format!(".part-{}-{number}", std::process::id()));
    let dir = dir.to_owned();
    let made = tokio::task::spawn_blocking(move || {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)?;
        let mut all = 0;
        for entry in std::fs::read_dir(&dir)? {
            all += entry?.metadata().map_or(0, |about| about.len());
        }
        if all + MAX_FILE_BYTES > EVIDENCE_FOLDER_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("the files in {} take {all} bytes", dir.display()),
            ));
        }
        let file = std::fs::File::create(&path)?;
        let partial = Partial { path, kept: false };
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        Ok((tokio::fs::File::from_std(file), partial))
    });
    made.await.map_err(io::Error::other)?
}

/// Whether a file is of a sort that is taken, by its name and its first bytes.
fn judge(name: &str, first: &[u8]) -> Result<(), Fault> {
    let end = name
        .rsplit_once('.')
        .map_or("", |(_, end)| end)
        .to_ascii_lowercase();
    let Some((_, signs)) = KINDS.iter().find(|(kind, _)| *kind == end) else {
        return Err(Fault::Words(format!(
            "文件“{name}”的格式不受理;可以上传{}",
            kinds()
        )));
    };
    let is_so = if signs.is_empty() {
        !first.contains(&0)
    } else {
        signs.iter().any(|sign| first.starts_with(sign))
    };
    if is_so {
        Ok(())
    } else {
        Err(Fault::Words(format!(
            "文件“{name}”的内容与后缀{end}不符,请用原来的程序重新保存后上传"
        )))
    }
}

/// The formats that are taken.
pub(crate) fn kinds() -> String {
    let names: Vec<_> = KINDS.iter().map(|(kind, _)| *kind).collect();
    names.join("、")
}

/// For the form: `.pdf,.docx`.
pub(crate) fn accepted() -> String {
    let names: Vec<_> = KINDS.iter().map(|(kind, _)| format!(".{kind}")).collect();
    names.join(",")
}

/// What is kept of a file's name: a label, never a path.
pub(crate) fn label(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| match c {
            c if c.is_alphanumeric() => c,
            '-' | '_' | '.' | '(' | ')' | '\u{ff08}' | '\u{ff09}' | '《' | '》' | '〔' | '〕'
            | '、' => c,
            _ => '_',
        })
        .collect();
    let plain = plain.trim_start_matches('.').to_owned();
    let (stem, end) = match plain.rsplit_once('.') {
        Some((stem, end)) => (stem, format!(".{end}")),
        None => (plain.as_str(), String::new()),
    };
    let room = NAME_CHARACTERS.saturating_sub(end.chars().count());
    let stem: String = stem.chars().take(room).collect();
    if stem.is_empty() {
        return format!("文件{end}").chars().take(NAME_CHARACTERS).collect();
    }
    (stem + &end).chars().take(NAME_CHARACTERS).collect()
}

/// Digest and name of a file in the evidence of a record.
pub(crate) fn file_of(evidence: &str) -> Option<(&str, &str)> {
    let (digest, name) = evidence.strip_prefix(FILE_SCHEME)?.split_once('/')?;
    let hexadecimal = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (digest.len() == 64 && digest.chars().all(hexadecimal)).then_some((digest, name))
}

/// `/a/{token}/file/{digest}`: a file of the duty's present submission, to be saved.
pub(super) async fn give(
    State(desk): State<Arc<Desk>>,
    Asked((token, digest)): Asked<(String, String)>,
    request: Request,
) -> Response {
    match find(&desk, &token, &digest, &request) {
        Ok((path, name)) => match tokio::fs::read(path).await {
            Ok(bytes) => saved(bytes, &name),
            Err(fault) => {
                tracing::warn!(%fault, "a file of a submission cannot be read");
                Refused::NoFile.page()
            }
        },
        Err(refused) => refused.page(),
    }
}

fn find(
    desk: &Desk,
    token: &str,
    digest: &str,
    request: &Request,
) -> Result<(PathBuf, String), Refused> {
    let answering: &Answering = desk.state.answering.as_ref().ok_or(Refused::Forged)?;
    let address = rate::address(request.extensions(), request.headers());
    if !answering.rates.admit(token, address, false) {
        return Err(Refused::TooMany);
    }
    let letter = answering.letters.open(token).ok_or(Refused::Forged)?;
    let projection = desk.state.read();
    let standing = Standing::of(&projection, answering, &letter)?;
    stored(&desk.state, standing.duty, digest).ok_or(Refused::NoFile)
}

/// Where a file of a duty's present submission is kept, and its name; nothing if it is none of them.
pub(crate) fn stored(state: &ConsoleState, duty: &Duty, digest: &str) -> Option<(PathBuf, String)> {
    let folder = state.evidence.as_ref();
    let folder = folder.or(state.answering.as_ref().map(|answering| &answering.files))?;
    let mut files = duty.submitted()?.evidence.iter().filter_map(|e| file_of(e));
    let (digest, name) = files.find(|(there, _)| *there == digest)?;
    Some((folder.join(digest), label(name)))
}

/// A file as a browser saves it and never shows it.
pub(crate) fn saved(bytes: Vec<u8>, name: &str) -> Response {
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    let disposition = format!("attachment; filename*=UTF-8''{encoded}");
    let Ok(disposition) = HeaderValue::from_str(&disposition) else {
        return Refused::NoFile.page();
    };
    let kind = HeaderValue::from_static("application/octet-stream");
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, disposition)];
    (headers, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_label_and_never_a_path() {
        assert_eq!(label("../../etc/passwd"), "passwd");
        assert_eq!(
            label("C:\\报告\\2021 规划<script>.pdf"),
            "2021_规划_script_.pdf"
        );
        assert_eq!(label("..\u{0}.png"), "png");
        assert_eq!(label(""), "文件");
        assert_eq!(label("\u{202e}gpj.exe"), "_gpj.exe");
        let long = label(&format!("{}.docx", "长".repeat(300)));
        assert!(long.chars().count() == NAME_CHARACTERS && long.ends_with("长.docx"));
        assert!(label(&format!("a.{}", "x".repeat(300))).chars().count() <= NAME_CHARACTERS);
    }

    #[test]
    fn a_file_is_what_its_name_says_or_is_not_taken() {
        let taken = |name, first: &[u8]| judge(name, first).is_ok();
        assert!(taken("a.PDF", b"%PDF-1.7") && taken("a.docx", b"PK\x03\x04rest"));
        assert!(taken("a.txt", "督办".as_bytes()) && !taken("a.txt", b"MZ\0\0"));
        for (name, first) in [
            ("a.pdf", &b"<html><script>"[..]),
            ("a.png", b"PK\x03\x04"),
            ("a.exe", b"MZ"),
            ("a.html", b"<html>"),
            ("a.svg", b"<svg>"),
            ("a.zip", b"PK\x03\x04"),
            ("a.docm", b"PK\x03\x04"),
            ("pdf", b"%PDF-"),
            ("a.jpg", b""),
        ] {
            assert!(!taken(name, first), "{name}");
        }
    }

    #[test]
    fn only_a_digest_names_a_file() {
        let digest = "ab".repeat(32);
        let text = format!("duban-file:{digest}/甲.pdf");
        assert_eq!(file_of(&text), Some((digest.as_str(), "甲.pdf")));
        for odd in [
            "duban-file:../x",
            "duban-file:abc/x",
            "https://x/y",
            "duban-file:",
        ] {
            assert_eq!(file_of(odd), None);
        }
        assert_eq!(
            file_of(&format!("duban-file:{}/x", "../".repeat(21) + "a")),
            None
        );
    }
}
