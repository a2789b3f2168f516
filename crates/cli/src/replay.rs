//! `duban replay`: all state rebuilt from the log by folding each service's own records, and its
//! checksum. Nothing is decided again.

use std::collections::{BTreeMap, BTreeSet};

use duban_intake::Intake;
use duban_journal::Stored;
use duban_model::checksum::{DecisionSum, combine};
use duban_model::state::{RowChange, RowClass, digest_rows, load_rows};
use duban_model::{Decider, RecordId, Service, Timestamp};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::machine::Machine;
use duban_scheduler::Scheduler;

use crate::args::{Format, Replay};
use crate::reading::Reading;
use crate::{Ended, Fault};

/// Faults listed before the rest is only counted.
const MAX_FAULTS: usize = 20;

/// One service folded.
struct Folded<D: Decider> {
    machine: Machine<D>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    verify: bool,
}

impl<D: Decider> Folded<D> {
    fn new(verify: bool) -> Self {
        Self {
            machine: Machine::new(0, Vec::new()).expect("no rows, no unreadable row"),
            rows: BTreeMap::new(),
            verify,
        }
    }

    fn note(&mut self, stored: &Stored) {
        if stored.frame.head.service != D::SERVICE {
            return;
        }
        self.machine.replay(&stored.frame);
        for RowChange { key, value } in self.machine.drain() {
            if !self.verify {
                continue;
            }
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
    }

    /// The digest, and whether rows that went to a store and back give the same.
    fn close(self) -> (Service, String, bool) {
        let digest = self.machine.digest();
        let same = !self.verify
            || load_rows::<D::State>(self.rows).is_ok_and(|state| {
                digest_rows(&state, |class| class == RowClass::Domain) == digest
            });
        (D::SERVICE, digest, same)
    }
}

/// What a replay found.
pub(crate) struct Replayed {
    pub checksum: String,
    pub frames: u64,
    pub records: u64,
    pub decisions: u64,
    pub digests: Vec<(Service, String)>,
    pub faults: Vec<String>,
}

/// Folds a log.
pub(crate) async fn replay(reading: &Reading, verify: bool) -> Result<Replayed, Fault> {
    let mut intake = Folded::<Intake>::new(verify);
    let mut rules = Folded::<Rules>::new(verify);
    let mut scheduler = Folded::<Scheduler>::new(verify);
    let mut notifier = Folded::<Notifier>::new(verify);
    let mut sum = DecisionSum::default();
    let mut auditor = Auditor::default();
    let (mut frames, mut records) = (0, 0);
    reading
        .frames(|stored| {
            frames += 1;
            if verify {
                auditor.note(&stored);
            }
            for record in &stored.frame.records {
                records += 1;
                sum.add(record);
            }
            intake.note(&stored);
            rules.note(&stored);
            scheduler.note(&stored);
            notifier.note(&stored);
        })
        .await?;
    let mut digests = Vec::new();
    for (service, digest, same) in [
        intake.close(),
        rules.close(),
        scheduler.close(),
        notifier.close(),
    ] {
        if !same {
            auditor.fault(format!(
                "{service}: rows stored and loaded again differ from the folded state"
            ));
        }
        digests.push((service, digest));
    }
    Ok(Replayed {
        checksum: combine(&sum, &digests),
        frames,
        records,
        decisions: sum.count,
        digests,
        faults: auditor.faults,
    })
}

/// Checks that need no state: order, ids, causes, time.
#[derive(Default)]
struct Auditor {
    last_seq: u64,
    last_at: BTreeMap<Service, Timestamp>,
    through: BTreeMap<Service, duban_model::Position>,
    ids: BTreeSet<RecordId>,
    faults: Vec<String>,
}

impl Auditor {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        }
    }

    fn note(&mut self, stored: &Stored) {
        let Stored { seq, frame } = stored;
        let service = frame.head.service;
        if *seq != self.last_seq + 1 {
            self.fault(format!("frame {seq} follows frame {}", self.last_seq));
        }
        self.last_seq = *seq;
        if let Some(before) = self.through.insert(service, frame.head.through)
            && frame.head.through < before
        {
            self.fault(format!(
                "frame {seq}: {service} goes back from input {before} to {}",
                frame.head.through
            ));
        }
        for record in &frame.records {
            if !self.ids.insert(record.id) {
                self.fault(format!("frame {seq}: record {} a second time", record.id));
            }
            if let Some(cause) = record.cause
                && !self.ids.contains(&cause)
                && service != Service::Intake
            {
                self.fault(format!(
                    "frame {seq}: record {} names cause {cause}, which is not on the log before it",
                    record.id
                ));
            }
            let last = self.last_at.entry(service).or_default();
            if record.loggedat < *last {
                let fault = format!(
                    "frame {seq}: {service}'s time runs back from {last} to {}",
                    record.loggedat
                );
                self.fault(fault);
            } else {
                *last = record.loggedat;
            }
            if !service.writes(record.record_type()) {
                self.fault(format!(
                    "frame {seq}: {service} wrote a {}",
                    record.record_type().as_str()
                ));
            }
        }
    }
}

pub(crate) async fn run(args: Replay) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let replayed = replay(&reading, args.verify).await?;
    match args.format {
        Format::Json | Format::Ndjson => {
            let digests: BTreeMap<String, &String> = replayed
                .digests
                .iter()
                .map(|(service, digest)| (service.to_string(), digest))
                .collect();
            crate::say!(
                "{}",
                serde_json::json!({
                    "checksum": replayed.checksum, "frames": replayed.frames, "records": replayed.records,
                    "decisions": replayed.decisions, "digests": digests, "verified": args.verify, "faults": replayed.faults,
                })
            );
        }
        Format::Table | Format::Csv => {
            crate::say!("checksum  {}", replayed.checksum);
            crate::say!(
                "log       {} frames, {} records, {} of them decisions",
                replayed.frames,
                replayed.records,
                replayed.decisions
            );
            for (service, digest) in &replayed.digests {
                crate::say!("{service:<9} {digest}");
            }
            if args.verify && replayed.faults.is_empty() {
                crate::say!("verified  order, ids, causes, time; rebuilt rows equal folded state");
            }
        }
    }
    for fault in &replayed.faults {
        eprintln!("{fault}");
    }
    Ok(if replayed.faults.is_empty() {
        Ended::Well
    } else {
        Ended::Findings
    })
}
