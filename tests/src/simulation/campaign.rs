//! Many seeds, and what they come to.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::evidence::Evidence;
use super::fault::{Counts, Fault};
use super::run::{Outcome, run};

/// Records shown of a run that failed.
const LAST_RECORDS: usize = 40;
/// Faults shown of a run that failed.
const LAST_FAULTS: usize = 80;
/// Findings shown of a run that failed.
const FIRST_FINDINGS: usize = 12;
/// Runs that failed and are shown in full.
const FIRST_FAILURES: usize = 3;

/// What a number of runs came to.
#[derive(Clone, Debug, Default)]
pub struct Campaign {
    /// Runs.
    pub runs: u64,
    /// Frames on all logs.
    pub frames: u64,
    /// Records on all logs.
    pub records: u64,
    /// Events in all inboxes.
    pub events: u64,
    /// Timers fired.
    pub fired: u64,
    /// Notices queued.
    pub notices: u64,
    /// Messages that arrived.
    pub arrivals: u64,
    /// Faults by kind.
    pub counts: Counts,
    /// Runs in which something does not hold: seed and report.
    pub failures: Vec<(u64, String)>,
}

/// Runs these seeds, each in one thread, several threads beside each other.
pub fn campaign(seeds: Range<u64>) -> Campaign {
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Campaign::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        return;
                    }
                    let outcome = std::panic::catch_unwind(|| run(seed));
                    let mut sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                    match outcome {
                        Ok(outcome) => sum.add(&outcome),
                        Err(_) => {
                            let report = format!("the simulation panicked\n{}", again(seed));
                            sum.failures.push((seed, report));
                        }
                    }
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.failures.sort();
    sum
}

fn of_type<'a>(evidence: &'a Evidence, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    let records = evidence.frames.iter().flat_map(|frame| &frame.records);
    records.filter(move |record| record["type"].as_str() == Some(kind))
}

impl Campaign {
    fn add(&mut self, outcome: &Outcome) {
        let evidence = &outcome.evidence;
        let of = |kind| of_type(evidence, kind).count() as u64;
        self.runs += 1;
        self.frames += evidence.frames.len() as u64;
        self.records += evidence
            .frames
            .iter()
            .map(|f| f.records.len() as u64)
            .sum::<u64>();
        self.events += evidence.inbox.len() as u64;
        self.fired += of("duban.timer.fired");
        self.notices += of("duban.notice.queued");
        self.arrivals += evidence.arrivals.len() as u64;
        self.counts.add_all(&outcome.counts);
        if !outcome.findings.is_empty() {
            self.failures.push((outcome.seed, report(outcome)));
        }
    }

    /// The reports of the first runs that failed, and the seeds of all of them.
    pub fn reports(&self) -> String {
        let seeds: Vec<u64> = self.failures.iter().map(|(seed, _)| *seed).collect();
        let first = self.failures.iter().take(FIRST_FAILURES);
        let reports: Vec<&str> = first.map(|(_, report)| report.as_str()).collect();
        format!(
            "{}\n{} runs failed: {seeds:?}",
            reports.join("\n\n"),
            seeds.len()
        )
    }
}

impl fmt::Display for Campaign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} seeds: {} events, {} frames, {} records, {} timers fired, {} notices, {} messages arrived, {} runs failed",
            self.runs,
            self.events,
            self.frames,
            self.records,
            self.fired,
            self.notices,
            self.arrivals,
            self.failures.len()
        )?;
        for fault in Fault::ALL {
            writeln!(f, "{:>9}  {}", self.counts.of(*fault), fault.as_str())?;
        }
        Ok(())
    }
}

/// How to run a seed once more.
fn again(seed: u64) -> String {
    format!("seed {seed}; the same again: cargo xtask simulate --seed {seed}")
}

/// All that is needed to understand a failure.
pub fn report(outcome: &Outcome) -> String {
    let tail =
        |list: &[String], count: usize| list[list.len().saturating_sub(count)..].join("\n  ");
    let records: Vec<String> = outcome.evidence.frames.iter().flat_map(shown).collect();
    let findings: Vec<String> = outcome
        .findings
        .iter()
        .take(FIRST_FINDINGS)
        .map(|finding| finding.chars().take(2_000).collect())
        .collect();
    format!(
        "the last records:\n  {}\nwhat went wrong in the world:\n  {}\n{} findings:\n  {}\n{}",
        tail(&records, LAST_RECORDS),
        tail(&outcome.trace, LAST_FAULTS),
        outcome.findings.len(),
        findings.join("\n  "),
        again(outcome.seed)
    )
}

/// The records of a frame, one a line.
fn shown(frame: &super::evidence::Written) -> Vec<String> {
    let head = &frame.head;
    let place = format!(
        "{} {} {}.{} through {}:{}",
        frame.seq,
        head["service"].as_str().unwrap_or_default(),
        head["incarnation"],
        head["number"],
        head["through"]["seq"],
        head["through"]["index"],
    );
    if frame.records.is_empty() {
        return vec![format!("{place} (no record)")];
    }
    let line = |record: &Value| {
        let word = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        format!(
            "{place} {} {} {} because of {} {}",
            word("loggedat"),
            word("type").trim_start_matches("duban."),
            word("id"),
            word("causationid"),
            word("subject")
        )
    };
    frame.records.iter().map(line).collect()
}
