//! The built program as people run it: how much memory, how soon at work, how soon after a crash.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use duban_model::{Body, Decider, Position, RecordType, Service, Timestamp};
use duban_rules::Rules;
use duban_runtime::clock::wall_now;
use duban_tests::duban::LEDGER;
use serde_json::json;

use crate::Plan;
use crate::child::{Client, Program};
use crate::cost::{Stretch, seconds};
use crate::line::{figure, note, spread};
use crate::node::{Node, Watch, embedded, folder, started};
use crate::timers::{due_at, minute_for};
use crate::world::World;

/// Ledgers of 5,000 duties: 100,000 pending.
const LEDGERS: usize = 20;

/// Resident memory of several runs, in MB.
#[derive(Default)]
struct Memories {
    first: Vec<f64>,
    first_peak: Vec<f64>,
    again: Vec<f64>,
    again_peak: Vec<f64>,
    cpu: Vec<f64>,
}

impl Memories {
    /// Serves a data folder twice: with ledgers to bring into force, then from what it has stored.
    async fn measure(&mut self, name: &str, data: &Path, ledgers: &[PathBuf]) {
        let paths: Vec<String> = ledgers.iter().map(|p| p.display().to_string()).collect();
        let args: Vec<&str> = paths
            .iter()
            .flat_map(|path| ["--ledger", path.as_str()])
            .collect();
        let mut program = Program::serve(data, &args);
        program.until_at_work().await;
        program.until_at_rest().await;
        let memory = program.memory();
        self.first.push(memory.now);
        self.first_peak.push(memory.peak);
        let cpu = program.cpu();
        program.stop().await;

        let mut program = Program::serve(data, &[]);
        program.until_at_work().await;
        program.until_at_rest().await;
        let again = program.memory();
        self.again.push(again.now);
        self.again_peak.push(again.peak);
        self.cpu.push(cpu + program.cpu());
        program.stop().await;
        note(&format!(
            "{name}: {:.0} MB (peak {:.0}), after a restart {:.0} MB (peak {:.0})",
            memory.now, memory.peak, again.now, again.peak
        ));
    }

    fn print(&self, name: &str, cfg: &serde_json::Value) {
        figure(
            name,
            cfg,
            &json!({
                "rss_mb": spread(&self.first), "peak_mb": spread(&self.first_peak),
                "restarted_rss_mb": spread(&self.again), "restarted_peak_mb": spread(&self.again_peak),
                "cpu_s": seconds(&self.cpu),
            }),
        );
    }
}

/// 100,000 pending obligations with their timers.
pub async fn memory(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let mut memories = Memories::default();
    for _ in 0..plan.runs {
        let made = folder();
        let data = made.path().join("data");
        let ledgers: Vec<PathBuf> = world
            .numbers()
            .map(|number| {
                let path = made.path().join(World::ledger(number));
                world.write(number, &path);
                path
            })
            .collect();
        memories.measure("process.memory", &data, &ledgers).await;
        let mut watch = Watch::from(&embedded(&data), 0).await;
        // What is not there would be waited for until the figure's limit.
        watch.until(RecordType::TimerNoted, world.duties()).await;
    }
    memories.print(
        "process.memory",
        &json!({"process": "duban serve all", "log": "embedded", "pending": world.duties(), "ledgers": world.ledgers, "rules": world.rules()}),
    );
}

/// The real ledger, brought into force today on the live clock, at rest after its catch-up mail.
pub async fn idle(plan: Plan) {
    let mut memories = Memories::default();
    for _ in 0..plan.runs {
        let data = folder();
        memories
            .measure("process.idle", data.path(), &[PathBuf::from(LEDGER)])
            .await;
    }
    memories.print(
        "process.idle",
        &json!({"process": "duban serve all", "log": "embedded", "ledger": LEDGER, "clock": "live", "mail": "into a folder"}),
    );
}

/// From the start of the process until all four services are at work and the pages are there.
pub async fn start(plan: Plan) {
    let (mut fresh, mut again, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let data = folder();
        // The pages are there before the services are at work.
        let mut program = Program::serve(data.path(), &["--ledger", LEDGER]);
        fresh.push(program.until_at_work().await.as_secs_f64());
        program.until_at_rest().await;
        program.stop().await;
        let mut program = Program::serve(data.path(), &["--ledger", LEDGER]);
        again.push(program.until_at_work().await.as_secs_f64());
        cpu.push(program.cpu());
        program.stop().await;
        note(&format!(
            "process.start: fresh {:.3} s, again {:.3} s",
            fresh[fresh.len() - 1],
            again[again.len() - 1]
        ));
    }
    figure(
        "process.start",
        &json!({"process": "duban serve all", "log": "embedded", "ledger": LEDGER, "ready": "all four services at work, pages bound"}),
        &json!({"ready_s": spread(&again), "fresh_folder_ready_s": spread(&fresh), "cpu_s": seconds(&cpu)}),
    );
}

/// What a restart after a crash gave.
struct Restart {
    at_work: Duration,
    decided: Duration,
    fired: Duration,
    cpu: f64,
}

/// kill -9 with 100,000 pending; when it is started again, 5,000 of another ledger are overdue.
pub async fn crash(plan: Plan) {
    let ledgers = plan.size(LEDGERS, 1);
    let (mut at_work, mut decided) = (Vec::new(), Vec::new());
    let (mut fired, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let run = one_crash(ledgers).await;
        note(&format!(
            "process.crash: at work {:.3} s, first event decided {:.3} s, all overdue fired {:.3} s",
            run.at_work.as_secs_f64(),
            run.decided.as_secs_f64(),
            run.fired.as_secs_f64()
        ));
        at_work.push(run.at_work.as_secs_f64());
        decided.push(run.decided.as_secs_f64());
        fired.push(run.fired.as_secs_f64());
        cpu.push(run.cpu);
    }
    figure(
        "process.crash",
        &json!({"process": "duban serve all", "log": "embedded", "pending": World::with(ledgers).duties(), "overdue": World::with(1).duties(), "mail": "into a folder", "from": "start of the new process"}),
        &json!({
            "first_event_decided_s": spread(&decided), "all_overdue_fired_s": spread(&fired),
            "at_work_s": spread(&at_work), "cpu_s": seconds(&cpu),
        }),
    );
}

async fn one_crash(ledgers: usize) -> Restart {
    let data = folder();
    let far = World::with(ledgers);
    let log = embedded(data.path());
    let node = Node::start(log, Some(data.path()));
    let stretch = Stretch::begin();
    node.settle(&far).await;
    let one = stretch.took() / ledgers as u32;
    let minute = minute_for(1, one + Duration::from_secs(5));
    node.settle(&due_at(ledgers, 1, minute)).await;
    let log = node.stop().await;
    let head = log.head().await.expect("a head");
    // The program needs the folder for itself.
    drop(log);

    let mut program = Program::serve(data.path(), &[]);
    program.until_at_work().await;
    program.until_at_rest().await;
    assert!(wall_now() < minute, "preparing took longer than was left");
    program.crash().await;
    let wait = (minute.0 - wall_now().0).max(0) + 1_000;
    tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())).await;
    restart(data.path(), head, &far, minute).await
}

/// Starts the program again, offers an event at once, and reads what it decides.
async fn restart(data: &Path, head: u64, far: &World, minute: Timestamp) -> Restart {
    let mut program = Program::serve(data, &[]);
    let since = program.since();
    let event = far.publication(0, true);
    let mut client = Client::connect(data).await;
    client.submit(&event).await;
    let overdue = World::with(1).duties();
    let (mut after, mut taken, mut fired) = (head, None, 0);
    let (mut decided, mut all_fired): (Option<Instant>, Option<Instant>) = (None, None);
    while decided.is_none() || all_fired.is_none() {
        client
            .frames(after, |seq, frame| {
                let at = started();
                after = seq;
                for (index, record) in (0u32..).zip(&frame.records) {
                    match &record.body {
                        Body::TimerFired(r) if r.due == minute => fired += 1,
                        _ if Rules::consumes(record)
                            && record.origin.as_ref() == Some(&event.id) =>
                        {
                            taken = Some(Position { seq, index });
                        }
                        _ => {}
                    }
                }
                if frame.head.service == Service::Rules
                    && taken.is_some_and(|taken| frame.head.through >= taken)
                {
                    decided.get_or_insert(at);
                }
                if fired >= overdue {
                    all_fired.get_or_insert(at);
                }
            })
            .await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(fired, overdue, "each fires once");
    let at_work = program.until_at_work().await;
    let cpu = program.cpu();
    program.stop().await;
    let took = |at: Option<Instant>| at.expect("it came").duration_since(since);
    Restart {
        at_work,
        decided: took(decided),
        fired: took(all_fired),
        cpu,
    }
}
