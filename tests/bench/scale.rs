//! Cost grows with what is touched, not with what exists.

use serde_json::json;

use crate::Plan;
use crate::cost::{rest, seconds};
use crate::line::{figure, note, rate, spread};
use crate::node::{Node, embedded, folder};
use crate::world::World;

/// Events of a run.
const EVENTS: usize = 20_000;

/// Ledgers, and groups of units: how many duties exist.
const SIZES: [(usize, usize); 4] = [(1, 100), (2, 20), (20, 20), (200, 20)];

/// The same events at every size, each of which moves one duty's date and timer. One preparation a
/// size; the runs follow one another on it.
pub async fn on_embedded(plan: Plan) {
    let sizes = &SIZES[..if plan.quick { 2 } else { SIZES.len() }];
    let count = plan.size(EVENTS, 1_000);
    for (ledgers, groups) in sizes {
        let world = World {
            groups: *groups,
            ..World::with(*ledgers)
        };
        let data = folder();
        let mut node = Node::start(embedded(data.path()), Some(data.path()));
        node.settle(&world).await;
        let (mut events, mut cpu) = (Vec::new(), Vec::new());
        for run in 0..plan.runs {
            let list = (run * count..(run + 1) * count)
                .map(|n| world.extension(n))
                .collect();
            rest().await;
            let run = node.decide(list).await;
            note(&format!(
                "scale.embedded: {} duties: {:.0} events/s, {} records",
                world.duties(),
                rate(count, run.took),
                run.records
            ));
            events.push(rate(count, run.took));
            cpu.push(run.cpu);
        }
        node.stop().await;
        figure(
            "scale.embedded",
            &json!({"duties": world.duties(), "rules": world.rules(), "events": count, "event": "task.extension_approved"}),
            &json!({"events_per_s": spread(&events), "cpu_s": seconds(&cpu)}),
        );
    }
}
