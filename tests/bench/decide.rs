//! Publications decided: from the inbox to durable state, timers and notices.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::Log;
use duban_model::{Frame, RecordType, Service};
use serde_json::json;

use crate::line::{figure, median, note, rate, short, spread};
use crate::node::{Node, Watch, embedded, folder, started, submit_all};
use crate::world::World;

/// Ledgers of 5,000 duties: 50,000 open duties under 1,000 rules.
const LEDGERS: usize = 10;

/// A run: what was decided in which time, and the frames it gave.
struct Run {
    events: f64,
    records: f64,
    took: Duration,
    frames: Vec<Arc<Frame>>,
}

/// Brings a world into force and waits until all its timers are noted.
pub async fn settle(node: &Node, world: &World) -> u64 {
    let mut watch = Watch::from(&node.log, 0).await;
    submit_all(&node.log, world.base()).await;
    for number in 0..world.ledgers {
        submit_all(&node.log, vec![world.deploy(number)]).await;
    }
    watch.until(RecordType::TimerNoted, world.duties()).await;
    watch.seq
}

async fn decide(log: Log, data: &std::path::Path, count: usize, wanted: usize) -> Run {
    let world = World::with(LEDGERS);
    let node = Node::start(log, Some(data));
    let mut before = settle(&node, &world).await;
    // Stopped, so that what is measured begins with all inputs there.
    let log = node.stop().await;
    let events: Vec<_> = (0..count)
        .map(|n| world.publication(n, n % 100 < wanted))
        .collect();
    submit_all(&log, events).await;
    before = before.max(log.head().await.expect("a head"));
    let node = Node::start(log.clone(), Some(data));
    let mut watch = Watch::from(&log, before).await;
    let mut first = None;
    let fulfilled = (0..count).filter(|n| n % 100 < wanted).count();
    let inbox = log.inbox_head().await.expect("an inbox");
    let mut through = 0;
    let mut rules_through = 0;
    let mut intake_last = u64::MAX;
    let mut frames = Vec::new();
    while watch.count(RecordType::TimerDropped) < fulfilled
        || through < inbox
        || rules_through < intake_last
    {
        let mut seq = watch.seq;
        watch
            .more(|frame| {
                seq += 1;
                match frame.head.service {
                    Service::Intake => {
                        if !frame.records.is_empty() {
                            first.get_or_insert_with(started);
                            intake_last = seq;
                        }
                        through = frame.head.through.seq;
                    }
                    Service::Rules => rules_through = frame.head.through.seq,
                    _ => {}
                }
                frames.push(Arc::new(frame.clone()));
            })
            .await;
    }
    let took = first.expect("a frame of the intake").elapsed();
    node.stop().await;
    Run {
        events: rate(count, took),
        records: rate(watch.records, took),
        took,
        frames,
    }
}

/// The same frames appended to a log of their own, one in flight: what the log alone can do.
async fn bare(log: Log, frames: &[Arc<Frame>]) -> Duration {
    let mut last = std::collections::BTreeMap::new();
    let begun = started();
    for frame in frames {
        let service = frame.head.service;
        let expected = last.get(&service).copied().unwrap_or(0);
        let seq = log
            .append(frame.clone(), expected)
            .await
            .expect("an append");
        last.insert(service, seq);
    }
    begun.elapsed()
}

/// The embedded log.
pub async fn on_embedded(runs: usize, count: usize) {
    for wanted in [100] {
        let (mut events, mut records, mut ratios, mut limits) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..runs {
            let data = folder();
            let run = decide(
                embedded(data.path()),
                data.path(),
                count.min(50_000),
                wanted,
            )
            .await;
            let limit_folder = folder();
            let alone = bare(embedded(limit_folder.path()), &run.frames).await;
            let written: usize = run.frames.iter().map(|f| f.records.len()).sum();
            note(&format!(
                "embedded, {wanted} % count: {:.0} events/s, {:.0} records/s, {} frames; bare {:.2} s of {:.2} s",
                run.events,
                run.records,
                run.frames.len(),
                alone.as_secs_f64(),
                run.took.as_secs_f64()
            ));
            events.push(run.events);
            records.push(run.records);
            limits.push(rate(written, alone));
            ratios.push(alone.as_secs_f64() / run.took.as_secs_f64());
        }
        figure(
            "decide.embedded",
            &json!({"events": count.min(50_000), "counting_percent": wanted, "duties": LEDGERS * crate::world::DUTIES, "rules": 1_000, "units": 1_000}),
            &json!({"events_per_s": spread(&events), "records_per_s": spread(&records), "bare_records_per_s": spread(&limits), "of_bare": short(median(&ratios))}),
        );
    }
}
