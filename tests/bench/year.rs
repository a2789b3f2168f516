//! A year simulated: the real ledger by the program, and a city in memory.

use duban_model::checksum::{DecisionSum, combine};
use duban_model::fact::{ClockAdvanced, DeliveryReported, Outcome};
use duban_model::{Body, Decider, Effect, Envelope, RecordType, Timestamp, Zone};
use duban_runtime::machine::Machine;
use duban_runtime::pump::{Pump, Worker};
use duban_tests::duban::LEDGER;
use serde_json::{Value, json};

use crate::Plan;
use crate::child::Program;
use crate::cost::{Stretch, seconds};
use crate::line::{figure, note, spread};
use crate::world::{TENANT, World};

/// Ledgers of 5,000 duties: 50,000 in the city.
const LEDGERS: usize = 10;
/// Of a hundred duties, how many are fulfilled in time; the others go up their ladder.
const FULFILLED: usize = 90;
/// How long before its date a duty is fulfilled, in milliseconds.
const BEFORE_MILLIS: i64 = 10 * 24 * 3_600_000;

/// The program plays the real ledger and the sample events, as `duban simulate --summary`.
pub async fn real(plan: Plan) {
    let events = format!("{LEDGER}/sample-events.ndjson");
    let args = [
        "simulate",
        LEDGER,
        "--from",
        "2021-06-28",
        "--to",
        "2022-06-27",
        "--events",
        &events,
        "--summary",
        "--format",
        "json",
    ];
    let (mut took, mut cpu) = (Vec::new(), Vec::new());
    let mut sums: Vec<Value> = Vec::new();
    // The first run also brings the program into the disk's cache, so there is one more.
    for run in 0..=plan.runs {
        let stretch = Stretch::begin();
        let said = Program::start(&args).ended().await;
        if run > 0 {
            took.push(stretch.took().as_secs_f64());
            cpu.push(stretch.children());
        }
        let summary = said.lines().find_map(|l| serde_json::from_str(l).ok());
        sums.push(summary.expect("a summary"));
    }
    let same = sums.iter().all(|s| s["checksum"] == sums[0]["checksum"]);
    assert!(same, "every run has the same digest");
    note(&format!("year.real: {took:?} s"));
    figure(
        "year.real",
        &json!({"process": "duban simulate", "ledger": LEDGER, "days": 365, "notices": sums[0]["notices"], "records": sums[0]["records"]}),
        &json!({"took_s": spread(&took), "same_digest": same, "cpu_s": seconds(&cpu)}),
    );
}

/// 50,000 duties under 1,000 rules, with dates spread over a year, as `duban simulate` plays one
/// ledger: all services in one thread, every send delivered at once.
pub fn city(plan: Plan) {
    let day = |text: &str| text.parse().expect("a date");
    let world = World {
        issued: day("2027-01-01"),
        due: day("2027-12-31"),
        spread: true,
        steps: &["before:15wd", "before:7wd", "due", "overdue:3wd"],
        ..World::with(plan.size(LEDGERS, 1))
    };
    let from = Zone::SHANGHAI.midnight(world.issued);
    let until = Zone::SHANGHAI.midnight(world.due + chrono::Days::new(1));
    let mut events: Vec<(Timestamp, String)> = (0..world.duties())
        .filter(|n| n % 100 < FULFILLED)
        .map(|n| {
            let (_, task, _) = world.place(n);
            let due = Zone::SHANGHAI.midnight(world.due_of(task));
            let at = due.plus_millis(-BEFORE_MILLIS).max(from.plus_millis(1));
            let mut event = world.publication(n, true);
            event.time = Some(at);
            (at, event.to_json())
        })
        .collect();
    events.sort_by_key(|(at, _)| *at);
    let (mut took, mut cpu) = (Vec::new(), Vec::new());
    let mut played: Vec<Played> = Vec::new();
    // At least twice, since the digest is to be the same.
    for _ in 0..plan.runs.max(2) {
        let stretch = Stretch::begin();
        played.push(play(&world, &events, from, until));
        took.push(stretch.took().as_secs_f64());
        cpu.push(stretch.own());
        note(&format!("year.city: {:.2} s", took[took.len() - 1]));
    }
    let same = played.iter().all(|p| p.digest == played[0].digest);
    assert!(same, "every run has the same digest");
    figure(
        "year.city",
        &json!({"duties": world.duties(), "rules": world.rules(), "days": 365, "fulfilled_percent": FULFILLED, "log": "memory", "notices": played[0].notices, "records": played[0].records}),
        &json!({"took_s": spread(&took), "same_digest": same, "cpu_s": seconds(&cpu)}),
    );
}

/// What a simulated year gave.
struct Played {
    digest: String,
    records: usize,
    notices: usize,
}

fn machine<D: Decider>() -> Box<dyn Worker> {
    Box::new(Machine::<D>::new(1, Vec::new()).expect("no rows"))
}

fn play(
    world: &World,
    events: &[(Timestamp, String)],
    from: Timestamp,
    until: Timestamp,
) -> Played {
    let mut pump = Pump::new(vec![
        machine::<duban_intake::Intake>(),
        machine::<duban_rules::Rules>(),
        machine::<duban_scheduler::Scheduler>(),
        machine::<duban_notifier::Notifier>(),
    ]);
    let mut ticks = 0u64;
    let mut advance = |pump: &mut Pump, to: Timestamp, fire: bool| {
        ticks += 1;
        submit(
            pump,
            format!("{to}/{fire}/{ticks}"),
            duban_runtime::rounds::CLOCK_SOURCE,
            Body::ClockAdvanced(ClockAdvanced { to, fire }),
        );
    };
    advance(&mut pump, from, false);
    let deploys = world.numbers().map(|number| world.deploy(number));
    for event in world.base().into_iter().chain(deploys) {
        pump.submit(event.to_json().as_bytes());
    }
    settle(&mut pump);
    let (mut next, mut clock) = (0, from);
    let mut sum = DecisionSum::default();
    let (mut records, mut notices) = (0, 0);
    loop {
        let event = events.get(next).map(|(at, _)| *at);
        let Some(instant) = pump.earliest_due().into_iter().chain(event).min() else {
            break;
        };
        let instant = instant.max(clock);
        if instant >= until {
            break;
        }
        if event.is_some_and(|at| at <= instant) {
            if instant > clock {
                advance(&mut pump, instant, false);
            }
            while let Some((_, event)) = events.get(next).filter(|(at, _)| *at <= instant) {
                pump.submit(event.as_bytes());
                next += 1;
            }
            settle(&mut pump);
        }
        while pump.earliest_due().is_some_and(|due| due <= instant) {
            advance(&mut pump, instant, true);
            settle(&mut pump);
        }
        clock = instant;
        for frame in pump.take_frames() {
            for record in &frame.records {
                sum.add(record);
                records += 1;
                notices += usize::from(record.record_type() == RecordType::NoticeQueued);
            }
        }
    }
    Played {
        digest: combine(&sum, &pump.digests()),
        records,
        notices,
    }
}

fn submit(pump: &mut Pump, id: String, source: &str, body: Body) {
    let event = Envelope {
        id,
        source: source.to_owned(),
        kind: body.record_type(),
        time: None,
        tenant: TENANT.to_owned(),
        ledger: None,
        body,
    };
    pump.submit(event.to_json().as_bytes());
}

/// Lets everybody decide; every announced send counts as delivered.
fn settle(pump: &mut Pump) {
    loop {
        let effects = pump.settle();
        if effects.is_empty() {
            return;
        }
        for effect in effects {
            let Effect::Send(message) = effect;
            submit(
                pump,
                format!("{}/{}", message.notice, message.attempt),
                duban_runtime::effects::EFFECTS_SOURCE,
                Body::DeliveryReported(DeliveryReported {
                    notice: message.notice,
                    attempt: message.attempt,
                    outcome: Outcome::Delivered,
                    detail: "simulated".to_owned(),
                    retry_after_seconds: None,
                }),
            );
        }
    }
}
