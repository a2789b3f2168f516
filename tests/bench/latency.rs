//! How long an event waits until what was decided on it is durable, at a steady rate.

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use duban_journal::Log;
use duban_model::{Decider, Envelope, Position, Service};
use duban_rules::Rules;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::Plan;
use crate::cost::{Stretch, rest, seconds};
use crate::line::{figure, latencies, median, note, percentile, short};
use crate::node::{Node, Watch, embedded, folder, jetstream, started, submit};
use crate::world::World;

/// Events a second.
const RATE: usize = 500;
/// Seconds of a run that count, after one that does not.
const SECONDS: usize = 10;
/// Ledgers of 5,000 duties.
const LEDGERS: usize = 10;

/// What was seen of events that were offered at a steady rate. All by number of the event.
#[derive(Default)]
pub struct Seen {
    /// When `submit` was called.
    pub called: BTreeMap<usize, Instant>,
    /// By how much that was later than it should have been.
    pub behind: Vec<f64>,
    /// When the intake's frame was read.
    pub taken: BTreeMap<usize, Instant>,
    /// When the rules' frame was read that has decided it.
    pub decided: BTreeMap<usize, Instant>,
}

impl Seen {
    /// Milliseconds from the call to a later instant, for events called in a stretch.
    pub fn waits(
        &self,
        until: &BTreeMap<usize, Instant>,
        counts: impl Fn(Instant) -> bool,
    ) -> Vec<f64> {
        self.called
            .iter()
            .filter(|(_, called)| counts(**called))
            .filter_map(|(n, called)| Some(until.get(n)?.duration_since(*called)))
            .map(|wait| wait.as_secs_f64() * 1e3)
            .collect()
    }
}

/// Offers events in an open loop: the next one is called at its time whatever became of the last.
pub async fn offer(
    log: Log,
    rate: usize,
    mut next: impl FnMut() -> Option<Envelope>,
    seen: Arc<Mutex<Seen>>,
) {
    let mut ticks = tokio::time::interval(Duration::from_micros(1_000_000 / rate as u64));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    while let Some(event) = next() {
        let planned = ticks.tick().await;
        let number = event.id[1..].parse().expect("a number after the letter");
        let (log, seen) = (log.clone(), seen.clone());
        under_way.spawn(async move {
            {
                let mut seen = seen.lock().expect("nobody panicked");
                seen.behind.push(planned.elapsed().as_secs_f64() * 1e3);
                seen.called.insert(number, started());
            }
            submit(&log, &event).await;
        });
        while under_way.try_join_next().is_some() {}
    }
    while under_way.join_next().await.is_some() {}
}

/// Notes on a log when the intake took events and when the rules had decided them.
#[derive(Default)]
pub struct Decisions {
    undecided: BTreeMap<Position, usize>,
}

impl Decisions {
    /// Looks at a frame that was read at an instant.
    pub fn note(&mut self, stored: &duban_journal::Stored, at: Instant, seen: &Mutex<Seen>) {
        let head = &stored.frame.head;
        let mut seen = seen.lock().expect("nobody panicked");
        if head.service == Service::Rules {
            let later = self.undecided.split_off(&Position {
                seq: head.through.seq,
                index: head.through.index + 1,
            });
            for number in std::mem::replace(&mut self.undecided, later).into_values() {
                seen.decided.insert(number, at);
            }
        }
        if head.service != Service::Intake {
            return;
        }
        for (index, record) in (0u32..).zip(&stored.frame.records) {
            let number = record.origin.as_deref().and_then(|o| o.get(1..));
            if let Some(number) = number.and_then(|n| n.parse().ok())
                && Rules::consumes(record)
            {
                seen.taken.insert(number, at);
                let position = Position {
                    seq: stored.seq,
                    index,
                };
                self.undecided.insert(position, number);
            }
        }
    }
}

/// One run on a log.
async fn run(log: Log, data: &Path, plan: Plan) -> (Seen, Instant, f64) {
    let world = World::with(plan.size(LEDGERS, 1));
    let count = RATE * (1 + plan.size(SECONDS, 1));
    let node = Node::start(log.clone(), Some(data));
    node.settle(&world).await;
    rest().await;
    let head = log.head().await.expect("a head");
    let mut watch = Watch::from(&log, head).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let mut events: Vec<_> = (0..count).map(|n| world.publication(n, true)).collect();
    events.reverse();
    let stretch = Stretch::begin();
    let counts_from = started() + Duration::from_secs(1);
    let offering = tokio::spawn(offer(log, RATE, move || events.pop(), seen.clone()));
    let mut decisions = Decisions::default();
    while seen.lock().expect("nobody panicked").decided.len() < count {
        watch
            .more(|stored| decisions.note(stored, started(), &seen))
            .await;
    }
    let cpu = stretch.own();
    offering.await.expect("the offering ends");
    node.stop().await;
    let seen = std::mem::take(&mut *seen.lock().expect("nobody panicked"));
    (seen, counts_from, cpu)
}

/// All runs of a figure.
#[derive(Default)]
struct Runs {
    decided: Vec<Vec<f64>>,
    taken: Vec<Vec<f64>>,
    behind: Vec<f64>,
    cpu: Vec<f64>,
    bare: Vec<f64>,
}

/// The limit: one thread that does nothing but write 4 KiB and sync, [`RATE`] times a second.
/// Milliseconds of each write with its sync.
#[expect(
    clippy::disallowed_methods,
    reason = "the limit is a thread that does nothing else"
)]
fn bare_syncs(data: &Path, seconds: usize) -> Vec<f64> {
    const BLOCK: usize = 4096;
    const BLOCKS: usize = 4096;
    let path = data.join("bare");
    std::fs::write(&path, vec![0; BLOCK * BLOCKS]).expect("a file");
    let file = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("it");
    file.sync_all().expect("synced");
    let begun = started();
    let mut millis = Vec::new();
    for n in 0..RATE * seconds {
        let planned = Duration::from_micros(1_000_000 / RATE as u64) * n as u32;
        std::thread::sleep(planned.saturating_sub(begun.elapsed()));
        let called = started();
        let place = (n % BLOCKS * BLOCK) as u64;
        file.write_all_at(&[1; BLOCK], place).expect("written");
        file.sync_data().expect("synced");
        millis.push(called.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path).expect("removed");
    millis
}

impl Runs {
    fn add(&mut self, name: &str, (seen, from, cpu): (Seen, Instant, f64)) {
        let decided = seen.waits(&seen.decided, |called| called >= from);
        note(&format!("{name}: {}", latencies(decided.clone())));
        self.decided.push(decided);
        self.taken
            .push(seen.waits(&seen.taken, |called| called >= from));
        let mut behind = seen.behind;
        behind.sort_by(f64::total_cmp);
        self.behind.push(percentile(&behind, 0.99));
        self.cpu.push(cpu);
    }

    fn print(&self, name: &str, plan: Plan) {
        let mut bare = self.bare.clone();
        bare.sort_by(f64::total_cmp);
        figure(
            name,
            &json!({"events_per_s": RATE, "seconds": plan.size(SECONDS, 1), "loop": "open", "duties": World::with(plan.size(LEDGERS, 1)).duties(), "runs": plan.runs}),
            &json!({
                "decided": of_medians(&self.decided), "taken": of_medians(&self.taken),
                "offered_late_p99_ms": short(median(&self.behind)), "cpu_s": seconds(&self.cpu),
                "bare_sync": {
                    "p50_ms": short(percentile(&bare, 0.50)), "p99_ms": short(percentile(&bare, 0.99)),
                    "p999_ms": short(percentile(&bare, 0.999)), "n": bare.len(),
                },
            }),
        );
    }
}

/// The medians, over runs, of each run's quantiles.
pub fn of_medians(runs: &[Vec<f64>]) -> serde_json::Value {
    let of = |share: f64| {
        let values: Vec<f64> = runs
            .iter()
            .map(|run| {
                let mut run = run.clone();
                run.sort_by(f64::total_cmp);
                percentile(&run, share)
            })
            .collect();
        short(median(&values))
    };
    json!({
        "p50_ms": of(0.50), "p99_ms": of(0.99), "max_ms": of(1.0),
        "n": runs.iter().map(Vec::len).sum::<usize>(),
    })
}

/// The embedded log.
pub async fn on_embedded(plan: Plan) {
    let mut runs = Runs::default();
    for _ in 0..plan.runs {
        let data = folder();
        let log = embedded(data.path());
        runs.add("latency.embedded", run(log, data.path(), plan).await);
        runs.bare
            .extend(bare_syncs(data.path(), plan.size(SECONDS, 1)));
    }
    runs.print("latency.embedded", plan);
}

/// JetStream, with the shipped settings.
pub async fn on_jetstream(plan: Plan) {
    let mut runs = Runs::default();
    for _ in 0..plan.runs {
        let data = folder();
        let (server, log) = jetstream().await;
        runs.add("latency.jetstream", run(log, data.path(), plan).await);
        runs.bare
            .extend(bare_syncs(data.path(), plan.size(SECONDS, 1)));
        drop(server);
    }
    runs.print("latency.jetstream", plan);
}
