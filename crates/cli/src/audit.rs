//! `duban audit`: whether the log is as it was written.
//!
//! What it shows and what it cannot is said in deploy/RUNBOOK.md: someone who may rewrite the whole
//! log can also rewrite every link of it, so a head must be kept where that person cannot reach.

use std::collections::BTreeMap;
use std::path::Path;

use duban_journal::{LogError, Stored};
use duban_model::chain::{Chain, Link};
use duban_model::{FrameDigest, Service, Timestamp, Zone};

use crate::args::Format;
use crate::args_told::{Audit, AuditWhat, Head, Verify};
use crate::audit_courses::Courses;
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::{Ended, Fault};

/// Findings listed before the rest is only counted.
const MAX_FINDINGS: usize = 20;

pub(crate) async fn run(args: Audit) -> Result<Ended, Fault> {
    match args.what {
        AuditWhat::Verify(args) => verify(args).await,
        AuditWhat::Head(args) => head(args).await,
    }
}

/// What was found of one service.
#[derive(Clone, Debug, Default)]
struct Seen {
    records: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// Something that is not as it was written, and where.
#[derive(Clone, Debug)]
struct Finding {
    service: Option<Service>,
    seq: u64,
    number: Option<u64>,
    expected: String,
    found: String,
    meaning: String,
}

impl Finding {
    fn shown(&self) -> String {
        let service = self.service.map(|s| format!("{s}: ")).unwrap_or_default();
        let number = self.number.map(|n| format!(" (number {n} of its process)"));
        format!(
            "{service}frame {}{}: expected {}, found {}: {}",
            self.seq,
            number.unwrap_or_default(),
            self.expected,
            self.found,
            self.meaning
        )
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "service": self.service, "seq": self.seq, "number": self.number,
            "expected": self.expected, "found": self.found, "meaning": self.meaning,
        })
    }
}

/// The whole log, looked at frame by frame.
#[derive(Default)]
struct Auditor {
    chain: Chain,
    courses: Courses,
    seen: BTreeMap<Service, Seen>,
    /// Heads noted earlier that have not come yet, with the file that names them.
    noted: BTreeMap<(Service, u64), Vec<(FrameDigest, String)>>,
    /// Heads noted earlier that stand on the log as they were.
    kept: usize,
    last_seq: u64,
    findings: Vec<Finding>,
    count: u64,
}

impl Auditor {
    fn find(&mut self, finding: Finding) {
        self.count += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    fn note(&mut self, stored: &Stored) {
        let Stored { seq, frame } = stored;
        let service = frame.head.service;
        let at = |expected: String, found: String, meaning: &str| Finding {
            service: Some(service),
            seq: *seq,
            number: Some(frame.head.number),
            expected,
            found,
            meaning: meaning.to_owned(),
        };
        if *seq != self.last_seq + 1 {
            self.find(at(
                format!("frame {} at this place", self.last_seq + 1),
                format!("frame {seq}"),
                "frames are missing",
            ));
        }
        self.last_seq = *seq;
        if let Err(broken) = self.chain.follow(*seq, frame) {
            self.find(at(broken.expected, broken.found, broken.meaning));
        }
        for (digest, file) in self.noted.remove(&(service, *seq)).unwrap_or_default() {
            let found = frame.digest();
            if found == digest {
                self.kept += 1;
            } else {
                self.find(at(
                    format!("digest {digest}, noted in {file}"),
                    format!("digest {found}"),
                    "the log was rewritten since the head was noted",
                ));
            }
        }
        let seen = self.seen.entry(service).or_default();
        seen.records += frame.records.len() as u64;
        for record in &frame.records {
            seen.first = seen.first.or(Some(record.loggedat));
            seen.last = Some(record.loggedat);
        }
        for (index, record) in frame.records.iter().enumerate() {
            if let Err(out) = self.courses.follow(&record.body) {
                self.find(at(
                    out.expected,
                    format!("{}, record {} ({})", out.found, index + 1, record.id),
                    "a notice without its whole course",
                ));
            }
        }
    }

    /// After the last frame: heads that never came.
    fn close(&mut self) {
        for ((service, seq), heads) in std::mem::take(&mut self.noted) {
            let last = self.chain.followed().get(&service);
            let last = last.map_or_else(|| "none".to_owned(), |f| f.head.to_string());
            for (digest, file) in heads {
                self.find(Finding {
                    service: Some(service),
                    seq,
                    number: None,
                    expected: format!("digest {digest}, noted in {file}"),
                    found: format!("no frame of {service} there; its last is {last}"),
                    meaning: "the log was cut off or rewritten since the head was noted".to_owned(),
                });
            }
        }
    }
}

async fn verify(args: Verify) -> Result<Ended, Fault> {
    let mut auditor = Auditor::default();
    let mut heads = 0;
    for file in &args.head {
        for (service, link) in read_heads(file)? {
            heads += 1;
            auditor
                .noted
                .entry((service, link.seq))
                .or_default()
                .push((link.digest, file.display().to_string()));
        }
    }
    let reading = Reading::open(&args.place).await?;
    let read = reading.frames(|stored| auditor.note(&stored)).await;
    match read {
        Ok(()) => auditor.close(),
        // What cannot be read is a finding and no failure of the look.
        Err(fault) => match fault.downcast::<LogError>().map(|fault| *fault) {
            Ok(LogError::Damaged(why)) => {
                let seq = auditor.last_seq + 1;
                auditor.find(Finding {
                    service: None,
                    seq,
                    number: None,
                    expected: "a frame that can be read".to_owned(),
                    found: why,
                    meaning: "it was damaged or changed; what follows was not looked at".to_owned(),
                });
            }
            Ok(fault) => return Err(fault.into()),
            Err(fault) => return Err(fault),
        },
    }
    print(&args, &auditor, heads);
    for finding in &auditor.findings {
        eprintln!("{}", finding.shown());
    }
    let more = auditor.count - auditor.findings.len() as u64;
    if more > 0 {
        eprintln!("… and {more} more");
    }
    Ok(if auditor.count == 0 {
        Ended::Well
    } else {
        Ended::Findings
    })
}

const KEYS: [&str; 8] = [
    "service", "frames", "records", "first", "last", "seq", "digest", "since",
];

fn print(args: &Verify, auditor: &Auditor, heads: usize) {
    let shown = |at: Option<Timestamp>| at.map(|at| at.shown_in(Zone::SHANGHAI));
    let rows: Vec<serde_json::Value> = auditor
        .chain
        .followed()
        .iter()
        .map(|(service, followed)| {
            let seen = &auditor.seen[service];
            serde_json::json!({
                "service": service, "frames": followed.frames, "records": seen.records,
                "first": shown(seen.first), "last": shown(seen.last),
                "seq": followed.head.seq, "digest": followed.head.digest, "since": followed.since,
            })
        })
        .collect();
    match args.format {
        Format::Json | Format::Ndjson => {
            let findings: Vec<_> = auditor.findings.iter().map(Finding::json).collect();
            crate::say!(
                "{}",
                serde_json::json!({
                    "verified": auditor.count == 0, "services": rows,
                    "notices": auditor.courses.len(), "heads": heads, "heads_kept": auditor.kept,
                    "findings": findings, "findings_in_all": auditor.count,
                })
            );
        }
        Format::Csv => {
            crate::say!("{}", KEYS.join(","));
            for row in &rows {
                crate::say!("{}", csv_line(&cells(row, &KEYS)));
            }
        }
        Format::Table => {
            let rows: Vec<_> = rows.iter().map(|row| cells(row, &KEYS)).collect();
            table::print(
                &[
                    "服务",
                    "帧数",
                    "记录数",
                    "首条时间",
                    "末条时间",
                    "末帧",
                    "末帧摘要",
                    "链起于帧",
                ],
                &rows,
            );
            if auditor.count == 0 {
                crate::say!(
                    "日志完整:各服务的链未断,{}份通知的过程齐全",
                    auditor.courses.len()
                );
                if heads > 0 {
                    crate::say!("此前记下的{heads}个末帧摘要均在日志中");
                }
            } else {
                crate::say!("日志有问题:共{}处,第一处见下", auditor.count);
            }
        }
    }
}

fn cells(row: &serde_json::Value, keys: &[&str]) -> Vec<String> {
    keys.iter()
        .map(|key| match &row[*key] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        })
        .collect()
}

async fn head(args: Head) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let rows: Vec<serde_json::Value> = reading
        .last_frames()
        .await?
        .iter()
        .map(|stored| {
            serde_json::json!({
                "service": stored.frame.head.service,
                "seq": stored.seq,
                "digest": stored.frame.digest(),
            })
        })
        .collect();
    let keys = ["service", "seq", "digest"];
    match args.format {
        Format::Json | Format::Ndjson => crate::say!("{}", serde_json::json!({"heads": rows})),
        Format::Csv => {
            crate::say!("{}", keys.join(","));
            for row in &rows {
                crate::say!("{}", csv_line(&cells(row, &keys)));
            }
        }
        Format::Table => {
            let rows: Vec<_> = rows.iter().map(|row| cells(row, &keys)).collect();
            table::print(&["服务", "末帧", "末帧摘要"], &rows);
        }
    }
    Ok(Ended::Well)
}

#[derive(serde::Deserialize)]
struct Noted {
    service: Service,
    #[serde(flatten)]
    link: Link,
}

/// Heads as JSON has them.
#[derive(serde::Deserialize)]
struct Heads {
    heads: Vec<Noted>,
}

/// Heads as `duban audit head` printed them, in whichever format.
fn read_heads(file: &Path) -> Result<Vec<(Service, Link)>, Fault> {
    let text =
        std::fs::read_to_string(file).map_err(|fault| format!("{}: {fault}", file.display()))?;
    let wrong = |what: &str| {
        format!(
            "{}: {what}; expected what `duban audit head` printed: a service, a frame and 64 \
             hexadecimal digits. Print it again, or name the right file",
            file.display()
        )
    };
    let heads: Vec<(Service, Link)> = if text.trim_start().starts_with('{') {
        let heads: Heads =
            serde_json::from_str(&text).map_err(|fault| wrong(&format!("no heads ({fault})")))?;
        let pair = |noted: Noted| (noted.service, noted.link);
        heads.heads.into_iter().map(pair).collect()
    } else {
        let mut heads = Vec::new();
        for line in text.lines() {
            let mut words = line.split([',', ' ', '\t']).filter(|word| !word.is_empty());
            // Headings, and what people write beside.
            let Some(Ok(service)) = words.next().map(str::parse::<Service>) else {
                continue;
            };
            let seq = words.next().and_then(|word| word.parse().ok());
            let digest = words.next().and_then(|word| word.parse().ok());
            let (seq, digest) = seq
                .zip(digest)
                .ok_or_else(|| wrong(&format!("the line `{line}`")))?;
            heads.push((service, Link { seq, digest }));
        }
        heads
    };
    if heads.is_empty() {
        return Err(wrong("no heads").into());
    }
    Ok(heads)
}
