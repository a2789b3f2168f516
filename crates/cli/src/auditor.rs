//! Looks at a whole log frame by frame: chains, courses of notices, heads noted earlier. For
//! `duban audit verify` and for the pages.

use std::collections::BTreeMap;
use std::time::Duration;

use duban_console::{Chained, Verdict, Verify};
use duban_journal::{Log, LogError, Stored};
use duban_model::chain::{Chain, Link};
use duban_model::{FrameDigest, Service, Timestamp};
use duban_runtime::clock::stopwatch;
use tokio::runtime::Handle;

use crate::audit_courses::Courses;

/// Findings listed before the rest is only counted.
const MAX_FINDINGS: usize = 20;

/// What was found of one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub records: u64,
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

/// Something that is not as it was written, and where.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub service: Option<Service>,
    pub seq: u64,
    pub number: Option<u64>,
    pub expected: String,
    pub found: String,
    pub meaning: String,
}

impl Finding {
    pub(crate) fn shown(&self) -> String {
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

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "service": self.service, "seq": self.seq, "number": self.number,
            "expected": self.expected, "found": self.found, "meaning": self.meaning,
        })
    }
}

/// The whole log, looked at frame by frame.
#[derive(Default)]
pub(crate) struct Auditor {
    pub chain: Chain,
    pub courses: Courses,
    pub seen: BTreeMap<Service, Seen>,
    /// Heads noted earlier that have not come yet, with the file that names them.
    noted: BTreeMap<(Service, u64), Vec<(FrameDigest, String)>>,
    /// Heads noted earlier that stand on the log as they were.
    pub kept: usize,
    pub last_seq: u64,
    /// The first of them.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub count: u64,
}

impl Auditor {
    fn find(&mut self, finding: Finding) {
        self.count += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Takes heads noted earlier, as `duban audit head` or the page printed them; how many there are.
    pub(crate) fn expect(&mut self, text: &str, from: &str) -> Result<usize, String> {
        let heads = read_heads(text, from)?;
        let count = heads.len();
        for (service, link) in heads {
            let at = self.noted.entry((service, link.seq)).or_default();
            at.push((link.digest, from.to_owned()));
        }
        Ok(count)
    }

    /// What follows cannot be read.
    pub(crate) fn damaged(&mut self, why: String) {
        self.find(Finding {
            service: None,
            seq: self.last_seq + 1,
            number: None,
            expected: "a frame that can be read".to_owned(),
            found: why,
            meaning: "it was damaged or changed; what follows was not looked at".to_owned(),
        });
    }

    /// Takes the next frame of the log.
    pub(crate) fn note(&mut self, stored: &Stored) {
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
    pub(crate) fn close(&mut self) {
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

/// Heads as `duban audit head` printed them, in whichever format. `from` is where they came from.
fn read_heads(text: &str, from: &str) -> Result<Vec<(Service, Link)>, String> {
    let wrong = |what: &str| {
        format!(
            "{from}: {what}; expected what `duban audit head` printed: a service, a frame and 64 \
             hexadecimal digits. Print it again, or name the right file"
        )
    };
    let heads: Vec<(Service, Link)> = if text.trim_start().starts_with('{') {
        let heads: Heads =
            serde_json::from_str(text).map_err(|fault| wrong(&format!("no heads ({fault})")))?;
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
        return Err(wrong("no heads"));
    }
    Ok(heads)
}

/// Frames read at once, in frames.
const FRAMES_AT_ONCE: usize = 256;

/// Checks a log for the pages.
pub(crate) struct Inspection {
    log: Log,
    runtime: Handle,
}

impl Inspection {
    /// On this log; made where a runtime runs.
    pub(crate) fn new(log: Log) -> Inspection {
        Inspection {
            log,
            runtime: Handle::current(),
        }
    }

    /// Reads up to the end, or as far as the time goes; whether it came to the end.
    async fn read(&self, auditor: &mut Auditor, within: Duration) -> Result<bool, LogError> {
        let begun = stopwatch();
        // What is written meanwhile is looked at the next time.
        let head = self.log.head().await?;
        let mut follower = self.log.follow(0, &Service::ALL).await?;
        while auditor.last_seq < head {
            for stored in follower.next(FRAMES_AT_ONCE).await? {
                if stored.seq <= head {
                    auditor.note(&stored);
                }
            }
            if begun.elapsed() > within {
                return Ok(auditor.last_seq >= head);
            }
        }
        Ok(true)
    }
}

impl Verify for Inspection {
    fn verify(&self, heads: &str, within: Duration) -> Result<Verdict, String> {
        let mut auditor = Auditor::default();
        let given = match heads {
            "" => 0,
            heads => auditor.expect(heads, "此前记下的末帧摘要").map_err(|_| {
                "看不懂此前记下的末帧摘要:每行应为服务、末帧和64位十六进制摘要,如 duban audit head 所输出。".to_owned()
            })?,
        };
        let read = self.runtime.block_on(self.read(&mut auditor, within));
        let whole = match read {
            Ok(whole) => whole,
            // What cannot be read is a finding and no failure of the look.
            Err(LogError::Damaged(why)) => {
                auditor.damaged(why);
                false
            }
            Err(fault) => return Err(format!("日志读不出来:{fault}")),
        };
        if whole {
            auditor.close();
        }
        Ok(auditor.verdict(whole, given))
    }
}

impl Auditor {
    /// What was seen, for the pages.
    fn verdict(&self, whole: bool, heads: usize) -> Verdict {
        let services = self.chain.followed().iter().map(|(service, followed)| {
            let seen = &self.seen[service];
            Chained {
                service: *service,
                frames: followed.frames,
                records: seen.records,
                first: seen.first,
                last: seen.last,
                seq: followed.head.seq,
                digest: followed.head.digest.to_string(),
                since: followed.since,
            }
        });
        let findings = self.findings.iter().map(|finding| duban_console::Finding {
            service: finding.service,
            seq: finding.seq,
            expected: finding.expected.clone(),
            found: finding.found.clone(),
            meaning: finding.meaning.clone(),
        });
        Verdict {
            through: self.last_seq,
            whole,
            services: services.collect(),
            notices: self.courses.len() as u64,
            heads: (heads as u64, self.kept as u64),
            findings: findings.collect(),
            found: self.count,
        }
    }
}
