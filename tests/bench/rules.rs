//! Intake and rules alone, on one core and without a log: from bytes to what was decided.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use duban_intake::Intake;
use duban_model::{Decider, Envelope, Input, Position, Record};
use duban_rules::Rules;
use duban_runtime::clock::wall_now;
use duban_runtime::machine::Machine;
use serde_json::json;

use crate::Plan;
use crate::cost::{Stretch, seconds};
use crate::line::{figure, median, note, rate, short, spread};
use crate::node::started;
use crate::world::World;

/// Events of a run.
const EVENTS: usize = 50_000;
/// Events decided between two frames.
const AT_ONCE: usize = 200;
/// Publications of a hundred that fulfil a duty; the others are of a kind no rule asks for.
const COUNTING: [usize; 3] = [0, 10, 100];

/// Both machines, and what they took.
struct Pair {
    intake: Machine<Intake>,
    rules: Machine<Rules>,
    inbox: u64,
    frames: u64,
    intake_took: Duration,
    rules_took: Duration,
}

impl Pair {
    fn new() -> Pair {
        Pair {
            intake: Machine::new(1, Vec::new()).expect("no rows"),
            rules: Machine::new(1, Vec::new()).expect("no rows"),
            inbox: 0,
            frames: 0,
            intake_took: Duration::ZERO,
            rules_took: Duration::ZERO,
        }
    }

    /// Decides events: the intake all of them, then the rules what it has written.
    fn decide(&mut self, events: &[Bytes]) {
        let begun = started();
        for bytes in events {
            self.inbox += 1;
            let input = Input::Event {
                bytes,
                offered_on: None,
                now: Some(wall_now()),
            };
            let position = Position {
                seq: self.inbox,
                index: 0,
            };
            self.intake.decide(&input, Some(position));
        }
        let frame = self.intake.close(None).frame;
        self.intake.forget_changes();
        self.intake_took += begun.elapsed();
        let begun = started();
        self.frames += 1;
        for (index, record) in (0u32..).zip(&frame.records) {
            self.decide_record(record, index);
        }
        if self.rules.has_frame(true) {
            self.rules.close(None);
            self.rules.forget_changes();
        }
        self.rules_took += begun.elapsed();
    }

    fn decide_record(&mut self, record: &Arc<Record>, index: u32) {
        if !Rules::consumes(record) {
            return;
        }
        let position = Position {
            seq: self.frames,
            index,
        };
        self.rules.decide(&Input::Record(record), Some(position));
        while let Some(continuation) = self.rules.continuation() {
            self.rules.close(None);
            self.rules.forget_changes();
            self.rules.go_on(&continuation);
        }
    }
}

fn bytes(event: &Envelope) -> Bytes {
    Bytes::from(event.to_json())
}

/// 1,000 rules, then 10,000, over the same number of duties.
pub fn decide(plan: Plan) {
    let count = plan.size(EVENTS, 500);
    let worlds = [(plan.size(10, 1), 20), (plan.size(100, 10), 200)];
    let mut with_few = BTreeMap::new();
    for (ledgers, groups) in worlds {
        let world = World {
            groups,
            ..World::with(ledgers)
        };
        for counting in COUNTING {
            let few = with_few.get(&counting).copied();
            let rate = measure(&world, count, counting, few, plan);
            with_few.entry(counting).or_insert(rate);
        }
    }
}

/// Measures one mix; `few` is what it gave with the fewest rules. Returns events a second.
fn measure(world: &World, count: usize, counting: usize, few: Option<f64>, plan: Plan) -> f64 {
    let (mut events, mut intake, mut rules) = (Vec::new(), Vec::new(), Vec::new());
    let (mut parsed, mut cpu) = (Vec::new(), Vec::new());
    let list: Vec<Bytes> = (0..count)
        .map(|n| bytes(&world.publication(n, n % 100 < counting)))
        .collect();
    for _ in 0..plan.runs {
        let mut pair = Pair::new();
        for event in world.base() {
            pair.decide(&[bytes(&event)]);
        }
        for number in world.numbers() {
            pair.decide(&[bytes(&world.deploy(number))]);
        }
        (pair.intake_took, pair.rules_took) = (Duration::ZERO, Duration::ZERO);
        let stretch = Stretch::begin();
        for chunk in list.chunks(AT_ONCE) {
            pair.decide(chunk);
        }
        cpu.push(stretch.own());
        events.push(rate(count, pair.intake_took + pair.rules_took));
        intake.push(rate(count, pair.intake_took));
        rules.push(rate(count, pair.rules_took));
        let begun = started();
        for bytes in &list {
            std::hint::black_box(Envelope::parse(bytes).expect("an event"));
        }
        parsed.push(rate(count, begun.elapsed()));
        note(&format!(
            "rules.decide: {} rules, {counting} % count: {:.0} events/s",
            world.rules(),
            rate(count, pair.intake_took + pair.rules_took)
        ));
    }
    figure(
        "rules.decide",
        &json!({"rules": world.rules(), "duties": world.duties(), "events": count, "counting_percent": counting, "cores": 1, "log": "none", "parts": "intake (parse, check, duplicates) and rules, in frames of 200 that are built and not encoded"}),
        &json!({
            "events_per_s": spread(&events), "intake_alone_per_s": spread(&intake),
            "rules_alone_per_s": spread(&rules), "parse_alone_per_s": spread(&parsed),
            "of_fewest_rules": few.map(|few| short(median(&events) / few)), "cpu_s": seconds(&cpu),
        }),
    );
    median(&events)
}
