//! Publications decided: from the inbox to durable state, timers and notices.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use duban_journal::Log;
use duban_model::Frame;
use serde_json::json;

use crate::Plan;
use crate::cost::{rest, seconds};
use crate::line::{figure, median, note, rate, short, spread};
use crate::node::{Decided, Node, embedded, folder, jetstream, started};
use crate::world::World;

/// Ledgers of 5,000 duties: 50,000 open duties under 1,000 rules.
const LEDGERS: usize = 10;
/// Events of a run: each fulfils a duty of its own.
const EVENTS: usize = 50_000;

/// Events of a world decided on a log.
async fn decide(log: Log, data: &std::path::Path, world: &World, count: usize) -> Decided {
    let mut node = Node::start(log, Some(data));
    node.settle(world).await;
    rest().await;
    let events: Vec<_> = (0..count).map(|n| world.publication(n, true)).collect();
    let run = node.decide(events).await;
    node.stop().await;
    run
}

/// The same frames appended to a log of their own, one in flight: what the log alone can do.
pub async fn bare(log: Log, frames: &[Arc<Frame>]) -> Duration {
    let mut last = BTreeMap::new();
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

/// Runs of a figure, and the lines they give.
#[derive(Default)]
struct Runs {
    events: Vec<f64>,
    records: Vec<f64>,
    limits: Vec<f64>,
    ratios: Vec<f64>,
    cpu: Vec<f64>,
}

impl Runs {
    fn add(&mut self, name: &str, count: usize, run: &Decided, alone: Duration) {
        let events = rate(count, run.took);
        let records = rate(run.records, run.took);
        note(&format!(
            "{name}: {events:.0} events/s, {records:.0} records/s, {} frames; bare {:.2} s of {:.2} s",
            run.frames.len(),
            alone.as_secs_f64(),
            run.took.as_secs_f64()
        ));
        self.events.push(events);
        self.records.push(records);
        self.limits.push(rate(run.records, alone));
        self.ratios
            .push(alone.as_secs_f64() / run.took.as_secs_f64());
        self.cpu.push(run.cpu);
    }

    fn print(&self, name: &str, count: usize, world: &World) {
        figure(
            name,
            &json!({"events": count, "event_bytes": world.publication(0, true).to_json().len(), "counting_percent": 100, "duties": world.duties(), "rules": world.rules(), "units": 1_000}),
            &json!({
                "events_per_s": spread(&self.events), "records_per_s": spread(&self.records),
                "bare_records_per_s": spread(&self.limits), "of_bare": short(median(&self.ratios)),
                "cpu_s": seconds(&self.cpu),
            }),
        );
    }
}

/// The embedded log.
pub async fn on_embedded(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let count = plan.size(EVENTS, 1_000);
    let mut runs = Runs::default();
    for _ in 0..plan.runs {
        let data = folder();
        let run = decide(embedded(data.path()), data.path(), &world, count).await;
        let limit_folder = folder();
        let alone = bare(embedded(limit_folder.path()), &run.frames).await;
        runs.add("decide.embedded", count, &run, alone);
    }
    runs.print("decide.embedded", count, &world);
}

/// JetStream, with the shipped settings; the limit on a second, fresh server.
pub async fn on_jetstream(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let count = plan.size(EVENTS, 1_000);
    let mut runs = Runs::default();
    for _ in 0..plan.runs {
        let data = folder();
        let (server, log) = jetstream().await;
        let run = decide(log, data.path(), &world, count).await;
        drop(server);
        let (limit_server, limit_log) = jetstream().await;
        let alone = bare(limit_log, &run.frames).await;
        drop(limit_server);
        runs.add("decide.jetstream", count, &run, alone);
    }
    runs.print("decide.jetstream", count, &world);
}
