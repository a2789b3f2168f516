//! `duban send`: events from a file into the inbox, and what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use duban_journal::Stored;
use duban_model::{Body, Decider, Envelope, Position, Record, Service};
use duban_rules::Rules;
use duban_runtime::rounds::Rounds;
use tokio::sync::watch;

use crate::args::Send;
use crate::play::{READERS, read_events, span, timeline};
use crate::reading::{Reading, connect_nats};
use crate::{Ended, Fault, folder, host};

/// How often the log is looked at for verdicts, in milliseconds, and for how long, in looks.
const LOOK_MILLIS: u64 = 100;
const LOOKS: u32 = 100;
/// The most that is read from standard input, in bytes.
const MAX_INPUT_BYTES: u64 = 256 << 20;

pub(crate) async fn run(args: Send) -> Result<Ended, Fault> {
    let text = if args.file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .take(MAX_INPUT_BYTES)
            .read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(&args.file)
            .map_err(|fault| format!("{}: {fault}", args.file.display()))?
    };
    let (events, bad) = read_events(&text);
    for line in &bad {
        eprintln!(
            "{}:{}: not sent: {}",
            args.file.display(),
            line.line,
            line.fault
        );
    }
    if args.rounds {
        return rounds(&args, &events, bad.is_empty()).await;
    }
    let reading = Reading::open(&args.place).await?;
    let mut head = 0;
    if reading.is_served() {
        reading.frames(|stored| head = stored.seq).await?;
    }
    let verdicts = Verdicts::of(&reading, &events, head).await?;
    let undecided: usize = verdicts.waiting.values().sum();
    crate::say!(
        "sent {}: {} accepted, {} seen before, {} rejected, {undecided} stored and not decided yet; {} lines not sent",
        events.len(),
        verdicts.accepted.len(),
        verdicts.duplicates,
        verdicts.rejected,
        bad.len()
    );
    Ok(if bad.is_empty() && verdicts.rejected == 0 {
        Ended::Well
    } else {
        Ended::Findings
    })
}

/// Source and id of an event.
type Key = (String, String);

/// What became of the events of one call: first at the intake, then at who decides on them.
#[derive(Default)]
pub(crate) struct Verdicts {
    /// Arrivals that the intake has yet to decide.
    waiting: BTreeMap<Key, usize>,
    accepted: BTreeSet<Key>,
    duplicates: usize,
    rejected: usize,
    /// The last accepted event that a service reads.
    wanted: BTreeMap<Service, Position>,
    /// How far each service has come.
    through: BTreeMap<Service, Position>,
}

impl Verdicts {
    /// Submits events to what was read up to a frame, and waits for a while for what becomes of them,
    /// where somebody is there to decide.
    pub(crate) async fn of(
        reading: &Reading,
        events: &[Envelope],
        mut head: u64,
    ) -> Result<Verdicts, Fault> {
        let mut verdicts = Verdicts::default();
        for event in events {
            reading.submit(event).await?;
            let key = (event.source.clone(), event.id.clone());
            *verdicts.waiting.entry(key).or_default() += 1;
        }
        if !reading.is_served() {
            return Ok(verdicts);
        }
        for _ in 0..LOOKS {
            if verdicts.are_complete() {
                break;
            }
            reading
                .frames_after(head, |stored| {
                    head = stored.seq;
                    verdicts.note(&stored);
                })
                .await?;
            if !verdicts.are_complete() {
                tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
            }
        }
        Ok(verdicts)
    }

    /// Everything is decided.
    pub(crate) fn are_complete(&self) -> bool {
        let come = |service| self.through.get(service).copied().unwrap_or_default();
        self.waiting.is_empty() && self.wanted.iter().all(|(who, at)| come(who) >= *at)
    }

    /// How many were refused; each has been told.
    pub(crate) fn rejected(&self) -> usize {
        self.rejected
    }

    fn note(&mut self, stored: &Stored) {
        let head = &stored.frame.head;
        self.through.insert(head.service, head.through);
        for (index, record) in (0u32..).zip(&stored.frame.records) {
            let position = Position {
                seq: stored.seq,
                index,
            };
            self.note_record(record, position);
        }
    }

    fn note_record(&mut self, record: &Record, position: Position) {
        if let Some(origin) = &record.origin {
            let key = (record.source.to_string(), origin.clone());
            if self.strike(&key) {
                self.accepted.insert(key);
                if Rules::consumes(record) {
                    self.wanted.insert(Service::Rules, position);
                }
                if matches!(record.body, Body::ContactPreferred(_)) {
                    self.wanted.insert(Service::Notifier, position);
                }
            }
            return;
        }
        match &record.body {
            Body::RejectionRecorded(r) => {
                let (Some(source), Some(id)) = (&r.event_source, &r.event_id) else {
                    return;
                };
                let key = (source.clone(), id.clone());
                // Rules and notifier refuse what the intake took.
                if self.strike(&key) || self.accepted.remove(&key) {
                    self.rejected += 1;
                    eprintln!(
                        "rejected {id}: [{}] {}; expected {}. {}",
                        r.code, r.found, r.expected, r.remedy
                    );
                }
            }
            Body::DuplicateRecorded(_) => {
                // A duplicate names only its first record; whichever is still waited for is it.
                if let Some(key) = self.waiting.keys().next().cloned() {
                    self.strike(&key);
                    self.duplicates += 1;
                }
            }
            _ => {}
        }
    }

    /// Strikes one arrival off what is waited for; false if there was none.
    fn strike(&mut self, key: &Key) -> bool {
        let Some(left) = self.waiting.get_mut(key) else {
            return false;
        };
        *left -= 1;
        if *left == 0 {
            self.waiting.remove(key);
        }
        true
    }
}

async fn rounds(args: &Send, events: &[Envelope], all_good: bool) -> Result<Ended, Fault> {
    let url = args.place.nats.as_deref().ok_or("--rounds needs --nats")?;
    let log = connect_nats(url).await?;
    let folder = args.ledger.as_deref().map(folder::read).transpose()?;
    let zone = folder
        .as_ref()
        .and_then(|f| f.definition.as_ref())
        .map_or(duban_model::Zone::SHANGHAI, |d| d.zone);
    let tenant = folder
        .as_ref()
        .and_then(|f| f.definition.as_ref())
        .map(|d| d.tenant.clone())
        .or_else(|| events.first().map(|e| e.tenant.clone()))
        .ok_or("no event and no --ledger: nothing to play")?;
    let (from, until) = span(zone, args.from, args.to.unwrap_or(args.from))?;
    let list = timeline(folder.as_ref(), events, from)?;
    let (stop, shutdown) = watch::channel(false);
    host::stop_on_signal(stop);
    let mut rounds = Rounds::start(log, tenant, &READERS, shutdown).await?;
    rounds.play(&list, until, async |_| {}).await?;
    crate::say!("played {} events to {}", list.len(), until.shown_in(zone));
    Ok(if all_good {
        Ended::Well
    } else {
        Ended::Findings
    })
}
