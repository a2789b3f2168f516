//! A log read as an auditor would: what was queued, how often it was attempted, how it ended;
//! compared with the mail that lies in the folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duban_journal::{EmbeddedLog, JetStreamLog, JetStreamOptions, Log, Stored};
use duban_model::fact::Outcome;
use duban_model::{Body, Service};

/// Frames read at once.
const READ_AT_ONCE: usize = 1_024;

/// Attempts at one notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sends {
    /// For each announced attempt in order, whether it was labelled a possible duplicate.
    pub labelled: Vec<bool>,
    /// How many times it was recorded as delivered.
    pub delivered: u32,
    /// How many times it was recorded as failed for now.
    pub failed: u32,
    /// How many of these surely did not arrive: trying again is no repeat then.
    pub refused: u32,
    /// How many times it was given up.
    pub abandoned: u32,
}

/// Every frame of a stopped data folder's log.
///
/// # Panics
/// When the log cannot be opened.
pub async fn embedded(data: &Path) -> Vec<Stored> {
    let log = EmbeddedLog::open(data.join("log")).expect("the log opens");
    frames(&Log::Embedded(log)).await
}

/// Every frame of a log in a NATS server.
///
/// # Panics
/// When the server cannot be read.
pub async fn jetstream(url: &str) -> Vec<Stored> {
    frames(&Log::JetStream(connected(url).await)).await
}

/// The last position on a log in a NATS server; nothing if it does not say.
pub async fn head(url: &str) -> Option<u64> {
    let log = JetStreamLog::connect(options(url)).await.ok()?;
    Log::JetStream(log).head().await.ok()
}

/// A log in a NATS server.
///
/// # Panics
/// When the server cannot be read.
pub async fn connected(url: &str) -> JetStreamLog {
    JetStreamLog::connect(options(url)).await.expect("the log")
}

fn options(url: &str) -> JetStreamOptions {
    JetStreamOptions {
        url: url.to_owned(),
        user: None,
        password: None,
        partition: 0,
        replicas: 1,
        create: false,
    }
}

async fn frames(log: &Log) -> Vec<Stored> {
    let mut follower = log.follow(0, &Service::ALL).await.expect("a follower");
    let mut all = Vec::new();
    loop {
        let some = follower.ready(READ_AT_ONCE).await.expect("frames");
        if some.is_empty() {
            return all;
        }
        all.extend(some);
    }
}

/// Every body on a log, in order.
pub fn bodies(frames: &[Stored]) -> impl Iterator<Item = &Body> {
    frames
        .iter()
        .flat_map(|stored| &stored.frame.records)
        .map(|record| &record.body)
}

/// What the log says of each queued notice.
///
/// # Panics
/// When a notice is queued twice or attempted without having been queued.
pub fn sends(frames: &[Stored]) -> BTreeMap<String, Sends> {
    let mut notices: BTreeMap<String, Sends> = BTreeMap::new();
    for body in bodies(frames) {
        match body {
            Body::NoticeQueued(r) => {
                let before = notices.insert(r.notice.clone(), Sends::default());
                assert_eq!(before, None, "{} is queued once", r.notice);
            }
            // What becomes of a message becomes of those that it stands for; the message is the send.
            Body::NoticeBundled(r) => {
                for covered in &r.covers {
                    let sends = notices.remove(covered).expect("queued before");
                    assert_eq!(sends, Sends::default(), "{covered} leaves once");
                }
                let before = notices.insert(r.notice.clone(), Sends::default());
                assert_eq!(before, None, "{} is made once", r.notice);
            }
            Body::NoticeDropped(r) => {
                let sends = notices.remove(&r.notice).expect("queued before");
                assert_eq!(sends, Sends::default(), "{} was never sent", r.notice);
            }
            Body::NoticeAttempted(r) => {
                let sends = notices.get_mut(&r.notice).expect("queued before");
                sends.labelled.push(r.possible_duplicate);
                assert_eq!(sends.labelled.len(), r.attempt as usize, "{}", r.notice);
            }
            Body::NoticeDelivered(r) => {
                notices.get_mut(&r.notice).expect("queued before").delivered += 1;
            }
            Body::NoticeFailed(r) => {
                let sends = notices.get_mut(&r.notice).expect("queued before");
                sends.failed += 1;
                sends.refused += u32::from(r.outcome != Outcome::Unknown);
            }
            Body::NoticeAbandoned(r) => {
                notices.get_mut(&r.notice).expect("queued before").abandoned += 1;
            }
            _ => {}
        }
    }
    notices
}

/// What the comparison of log and mail found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Audit {
    /// Notices queued.
    pub notices: usize,
    /// Sends announced a second time or more, all of them labelled.
    pub repeated: usize,
}

/// Checks that every queued notice was delivered once and lies in the folder as one file, and that
/// no send was repeated without its label.
///
/// # Panics
/// When a notice is lost, or repeated without a label.
pub fn no_notice_lost_and_none_repeated(frames: &[Stored], mail: &Path) -> Audit {
    audit(frames, &[mail.to_owned()])
}

/// The same where several processes sent, each into a folder of its own: then a notice may lie in
/// more than one of them, but not more often than it was announced.
///
/// # Panics
/// When a notice is lost, or repeated without a label.
pub fn audit(frames: &[Stored], folders: &[PathBuf]) -> Audit {
    let notices = sends(frames);
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in folders {
        for (notice, texts) in mail_files(folder) {
            files.entry(notice).or_default().extend(texts);
        }
    }
    let mut audit = Audit {
        notices: notices.len(),
        repeated: 0,
    };
    for (notice, sends) in &notices {
        assert_eq!(sends.delivered, 1, "{notice} is delivered once: {sends:?}");
        assert_eq!(sends.abandoned, 0, "{notice} is not given up");
        assert!(!sends.labelled[0], "{notice}: the first send is no repeat");
        let labelled = sends.labelled.iter().filter(|labelled| **labelled).count();
        assert!(
            sends.labelled.len() - 1 - labelled <= sends.refused as usize,
            "{notice}: a repeated send bears its label: {sends:?}"
        );
        audit.repeated += labelled;
        let found = files.get(notice).map_or(&[][..], Vec::as_slice);
        let attempts = sends.labelled.len();
        assert!(
            (1..=attempts.min(folders.len())).contains(&found.len()),
            "{notice} has {} files after {attempts} announced sends",
            found.len()
        );
        for file in found {
            let attempt = header(file, "X-Duban-Attempt");
            let label = header(file, "X-Duban-Possible-Duplicate");
            let number: usize = attempt.parse().expect("a number");
            assert!(
                (1..=attempts).contains(&number),
                "{notice}: the file is of attempt {attempt}, of {attempts} announced"
            );
            let announced = if sends.labelled[number - 1] {
                "yes"
            } else {
                "no"
            };
            assert_eq!(label, announced, "{notice}: label of attempt {attempt}");
        }
    }
    for notice in files.keys() {
        assert!(notices.contains_key(notice), "{notice} was never queued");
    }
    audit
}

/// The texts of the mail in a folder, by notice.
///
/// # Panics
/// When the folder cannot be read.
pub fn mail_files(mail: &Path) -> BTreeMap<String, Vec<String>> {
    let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for day in entries(mail) {
        for file in entries(&day) {
            let name = file.file_name().expect("a name").to_string_lossy();
            // A file that a crash left unfinished bears another name.
            if let Some(notice) = name.strip_suffix(".eml").filter(|n| !n.starts_with('.')) {
                let text = std::fs::read_to_string(&file).expect("a mail");
                files.entry(notice.to_owned()).or_default().push(text);
            }
        }
    }
    files
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// A header of a mail, with its folded lines joined.
///
/// # Panics
/// When it is not there.
pub fn header(mail: &str, name: &str) -> String {
    let head = mail.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded
        .lines()
        .find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
        .unwrap_or_else(|| panic!("no header {name} in\n{head}"))
}
