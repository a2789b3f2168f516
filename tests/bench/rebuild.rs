//! All state lost: rebuilt from the log alone.

use std::path::Path;

use duban_model::Envelope;
use serde_json::json;

use crate::Plan;
use crate::child::Program;
use crate::cost::seconds;
use crate::line::{figure, note, rate, spread};
use crate::node::{Node, embedded, folder};
use crate::world::World;

/// The least records on the log.
const RECORDS: usize = 1_000_000;
/// Ledgers of 5,000 duties.
const LEDGERS: usize = 20;
/// Events decided together while the log is made.
const AT_ONCE: usize = 20_000;

/// The program with its four deciding roles on a folder that holds nothing but a log.
pub async fn on_embedded(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let least = plan.size(RECORDS, 30_000);
    let data = folder();
    let records = make(data.path(), &world, least).await;
    let (mut four, mut all) = (Vec::new(), Vec::new());
    let (mut peaks, mut cpu) = (Vec::new(), Vec::new());
    let roles = ["intake", "rules", "scheduler", "notifier"];
    for _ in 0..plan.runs {
        let mut program = without_state(data.path(), &roles);
        let took = program.until_at_work().await;
        four.push(took.as_secs_f64());
        peaks.push(program.memory().peak);
        cpu.push(program.cpu());
        program.stop().await;
        // The same while the pages read the log too.
        let mut program = without_state(data.path(), &[]);
        all.push(program.until_at_work().await.as_secs_f64());
        program.stop().await;
        note(&format!(
            "rebuild.embedded: {records} records in {:.2} s ({:.0}/s); with pages {:.2} s",
            took.as_secs_f64(),
            rate(records, took),
            all[all.len() - 1]
        ));
    }
    figure(
        "rebuild.embedded",
        &json!({"records": records, "duties": world.duties(), "process": "duban serve intake rules scheduler notifier", "state": "none"}),
        &json!({
            "ready_s": spread(&four), "with_pages_ready_s": spread(&all), "peak_mb": spread(&peaks),
            "cpu_s": seconds(&cpu),
        }),
    );
}

fn without_state(data: &Path, roles: &[&str]) -> Program {
    std::fs::remove_dir_all(data.join("state")).expect("there was state");
    Program::serve(data, roles)
}

/// Every duty opened and, from the first on, fulfilled; then publications that fulfil nothing.
async fn make(data: &Path, world: &World, least: usize) -> usize {
    let mut node = Node::start(embedded(data), Some(data));
    node.settle(world).await;
    let mut watch = crate::node::Watch::from(&node.log, 0).await;
    let head = node.log.head().await.expect("a head");
    while watch.seq < head {
        watch.more(|_| ()).await;
    }
    let mut records = watch.records;
    let mut number = 0;
    while records < least {
        let events: Vec<Envelope> = (number..number + AT_ONCE)
            .map(|n| world.publication(n, n < world.duties()))
            .collect();
        number += AT_ONCE;
        records += node.decide(events).await.records;
    }
    node.stop().await;
    records
}
