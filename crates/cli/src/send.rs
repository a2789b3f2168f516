//! `duban send`: events from a file into the inbox, and what became of each.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use duban_model::{Body, Record};
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
    let mut waiting: BTreeMap<(String, String), usize> = BTreeMap::new();
    for event in &events {
        reading.submit(event).await?;
        *waiting
            .entry((event.source.clone(), event.id.clone()))
            .or_default() += 1;
    }
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    if reading.is_served() {
        for _ in 0..LOOKS {
            if waiting.is_empty() {
                break;
            }
            let mut last = head;
            reading
                .frames_after(head, |stored| {
                    last = stored.seq;
                    for record in &stored.frame.records {
                        if let Some(verdict) = verdict(record, &mut waiting) {
                            *counts.entry(verdict).or_default() += 1;
                        }
                    }
                })
                .await?;
            head = last;
            if !waiting.is_empty() {
                tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
            }
        }
    }
    let undecided: usize = waiting.values().sum();
    let accepted = counts.get("accepted").copied().unwrap_or(0);
    let rejected = counts.get("rejected").copied().unwrap_or(0);
    let duplicate = counts.get("duplicate").copied().unwrap_or(0);
    crate::say!(
        "sent {}: {accepted} accepted, {duplicate} seen before, {rejected} rejected, {undecided} stored and not decided yet; {} lines not sent",
        events.len(),
        bad.len()
    );
    Ok(if bad.is_empty() && rejected == 0 {
        Ended::Well
    } else {
        Ended::Findings
    })
}

/// Strikes one arrival off what is waited for.
fn settle(waiting: &mut BTreeMap<(String, String), usize>, key: &(String, String)) -> Option<()> {
    let left = waiting.get_mut(key)?;
    *left -= 1;
    if *left == 0 {
        waiting.remove(key);
    }
    Some(())
}

/// What a record says about an event that is waited for.
fn verdict(
    record: &Record,
    waiting: &mut BTreeMap<(String, String), usize>,
) -> Option<&'static str> {
    if let Some(origin) = &record.origin {
        settle(waiting, &(record.source.to_string(), origin.clone()))?;
        return Some("accepted");
    }
    match &record.body {
        Body::RejectionRecorded(r) => {
            let (source, id) = (r.event_source.clone()?, r.event_id.clone()?);
            // Rules refuse what the intake took; such an event has had its verdict.
            let known = settle(waiting, &(source, id.clone())).is_some();
            eprintln!(
                "rejected {id}: [{}] {}; expected {}. {}",
                r.code, r.found, r.expected, r.remedy
            );
            known.then_some("rejected")
        }
        Body::DuplicateRecorded(_) => {
            // A duplicate names only its first record; whichever is still waited for is it.
            let key = waiting.keys().next()?.clone();
            settle(waiting, &key)?;
            Some("duplicate")
        }
        _ => None,
    }
}

async fn rounds(
    args: &Send,
    events: &[duban_model::Envelope],
    all_good: bool,
) -> Result<Ended, Fault> {
    let url = args.place.nats.as_deref().ok_or("--rounds needs --nats")?;
    let log = connect_nats(url, false).await?;
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
