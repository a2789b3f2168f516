//! Timers: armed with their duties, due all at one instant, and due one after the other.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DurationRound, TimeDelta};
use duban_journal::Log;
use duban_model::decision::{TimerArmed, When};
use duban_model::{
    Body, Frame, FrameHead, Position, Record, RecordId, RecordType, Service, Timestamp, Zone,
};
use duban_runtime::clock::{draw_incarnation, wall_now};
use serde_json::json;

use crate::Plan;
use crate::cost::{Stretch, rest, seconds};
use crate::decide::bare;
use crate::latency::{Decisions, Seen, of_medians, offer};
use crate::line::{figure, latencies, median, note, rate, short, spread};
use crate::node::{Node, Watch, embedded, folder, started, submit_all};
use crate::world::{TENANT, World};

/// Ledgers of 5,000 duties: 100,000 timers.
const LEDGERS: usize = 20;
/// Unrelated events a second while timers fire.
const MEANWHILE: usize = 200;
/// Timers due a second.
const DUE_PER_SECOND: usize = 200;
/// For how many seconds.
const DUE_SECONDS: usize = 20;
/// Records of a frame that arms timers.
const ARMED_AT_ONCE: usize = 200;

/// The monotonic instant at which the wall clock shows a timestamp. The wall clock shows whole
/// milliseconds, so a change of it is awaited: that is exact to microseconds.
struct WallClock {
    shown: Timestamp,
    at: Instant,
}

impl WallClock {
    fn set() -> WallClock {
        let before = wall_now();
        loop {
            let shown = wall_now();
            if shown > before {
                return WallClock {
                    shown,
                    at: started(),
                };
            }
            std::hint::spin_loop();
        }
    }

    fn instant(&self, when: Timestamp) -> Instant {
        let millis = when.0 - self.shown.0;
        if millis < 0 {
            // No timer of ours is due before this machine was started.
            self.at
                .checked_sub(Duration::from_millis(millis.unsigned_abs()))
                .unwrap_or(self.at)
        } else {
            self.at + Duration::from_millis(millis.unsigned_abs())
        }
    }
}

/// Ledgers brought into force: duties opened and their first timers noted.
pub async fn arm(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let (mut timers, mut ratios, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let data = folder();
        let mut node = Node::start(embedded(data.path()), Some(data.path()));
        submit_all(&node.log, world.base()).await;
        let deploys = world.numbers().map(|n| world.deploy(n)).collect();
        let run = arm_all(&mut node, deploys, world.duties()).await;
        node.stop().await;
        let limit_folder = folder();
        let alone = bare(embedded(limit_folder.path()), &run.frames).await;
        note(&format!(
            "timers.arm: {:.0}/s; bare {:.2} s of {:.2} s",
            rate(world.duties(), run.took),
            alone.as_secs_f64(),
            run.took.as_secs_f64()
        ));
        timers.push(rate(world.duties(), run.took));
        ratios.push(alone.as_secs_f64() / run.took.as_secs_f64());
        cpu.push(run.cpu);
    }
    figure(
        "timers.arm",
        &json!({"log": "embedded", "timers": world.duties(), "ledgers": world.ledgers, "rules": world.rules()}),
        &json!({"timers_per_s": spread(&timers), "of_bare": short(median(&ratios)), "cpu_s": seconds(&cpu)}),
    );
}

/// Ledgers in the inbox, then everybody at work on them until all timers are noted.
async fn arm_all(
    node: &mut Node,
    deploys: Vec<duban_model::Envelope>,
    timers: usize,
) -> crate::node::Decided {
    let run = node.decide(deploys).await;
    let noted = run
        .frames
        .iter()
        .flat_map(|frame| &frame.records)
        .filter(|record| record.record_type() == RecordType::TimerNoted)
        .count();
    assert_eq!(noted, timers, "every duty has its timer");
    run
}

/// The first full minute that lies so far ahead.
fn minute_after(ahead: Duration) -> Timestamp {
    let later = wall_now().plus_millis(ahead.as_millis() as i64).utc();
    let minute = later
        .duration_trunc(TimeDelta::minutes(1))
        .expect("instants of our time have minutes");
    Timestamp::from_utc(minute).plus_millis(60_000)
}

/// Ledgers whose duties are all due today at one minute, with nothing told before.
pub fn due_at(first: usize, ledgers: usize, minute: Timestamp) -> World {
    let local = minute.utc().with_timezone(&Zone::SHANGHAI.0);
    let day = local.date_naive();
    World {
        first,
        due: day,
        issued: day - chrono::Days::new(2),
        at: local.format("%H:%M").to_string(),
        steps: &["due"],
        ..World::with(ledgers)
    }
}

/// A minute by which ledgers of 5,000 duties can be armed, if one takes as long as this.
pub fn minute_for(ledgers: usize, one: Duration) -> Timestamp {
    minute_after(one * 2 * ledgers as u32 + Duration::from_secs(10))
}

/// What one burst gave.
struct Burst {
    fired: Duration,
    repeats: usize,
    rules: Duration,
    notifier: Duration,
    meanwhile: Vec<f64>,
    cpu: f64,
}

/// All timers due at the same instant, on the live clock, with unrelated events meanwhile.
pub async fn burst(plan: Plan) {
    let ledgers = plan.size(LEDGERS, 1);
    let (mut fired, mut rules, mut notifier) = (Vec::new(), Vec::new(), Vec::new());
    let (mut meanwhile, mut cpu, mut repeats) = (Vec::new(), Vec::new(), 0);
    for _ in 0..plan.runs {
        let run = one_burst(ledgers).await;
        note(&format!(
            "timers.burst: fired in {:.2} s, rules {:.2} s, notifier {:.2} s, meanwhile {}",
            run.fired.as_secs_f64(),
            run.rules.as_secs_f64(),
            run.notifier.as_secs_f64(),
            latencies(run.meanwhile.clone())
        ));
        fired.push(run.fired.as_secs_f64());
        rules.push(run.rules.as_secs_f64());
        notifier.push(run.notifier.as_secs_f64());
        meanwhile.push(run.meanwhile);
        cpu.push(run.cpu);
        repeats += run.repeats;
    }
    figure(
        "timers.burst",
        &json!({"log": "embedded", "timers": World::with(ledgers).duties(), "clock": "live", "sends": "none: 128 announced, nothing reported", "unrelated_per_s": MEANWHILE}),
        &json!({
            "fired_s": spread(&fired), "repeats": repeats,
            "rules_reacted_s": spread(&rules), "notifier_reacted_s": spread(&notifier),
            "unrelated_decided": of_medians(&meanwhile), "cpu_s": seconds(&cpu),
        }),
    );
}

async fn one_burst(ledgers: usize) -> Burst {
    let data = folder();
    let node = Node::start(embedded(data.path()), Some(data.path()));
    // The unrelated events' duties, and how long a ledger takes here.
    let far = World::with(1);
    let first = Stretch::begin();
    node.settle(&far).await;
    let minute = minute_for(ledgers, first.took());
    let near = due_at(1, ledgers, minute);
    node.settle(&near).await;
    let clock = WallClock::set();
    let due = clock.instant(minute);
    let early = due.saturating_duration_since(started());
    assert!(
        early > Duration::from_millis(1_500),
        "arming took longer than was left"
    );
    tokio::time::sleep(early.saturating_sub(Duration::from_secs(1))).await;

    let log = node.log.clone();
    let mut watch = Watch::from(&log, log.head().await.expect("a head")).await;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let stretch = Stretch::begin();
    let mut number = 0;
    let offering = tokio::spawn(offer(
        log,
        MEANWHILE,
        move || {
            number += 1;
            Some(far.publication(number - 1, true))
        },
        seen.clone(),
    ));
    let mut decisions = Decisions::default();
    let mut reactions = Reactions::new(near.duties());
    while reactions.notifier.is_none() {
        watch
            .more(|stored| {
                let at = started();
                decisions.note(stored, at, &seen);
                reactions.note(stored, at);
            })
            .await;
    }
    offering.abort();
    let _ = offering.await;
    let cpu = stretch.own();
    node.stop().await;
    let after = |at: Option<Instant>| at.expect("it came").saturating_duration_since(due);
    let end = reactions.notifier.expect("it came");
    let seen = seen.lock().expect("nobody panicked");
    // Events that were called late in the burst may be undecided; those count as waiting until now.
    let mut waits = seen.waits(&seen.decided, |called| called >= due && called < end);
    let undecided = seen
        .called
        .iter()
        .filter(|(n, called)| **called >= due && **called < end && !seen.decided.contains_key(*n))
        .map(|(_, called)| started().duration_since(*called).as_secs_f64() * 1e3);
    waits.extend(undecided);
    Burst {
        fired: after(reactions.fired),
        repeats: reactions.repeats,
        rules: after(reactions.rules),
        notifier: after(reactions.notifier),
        meanwhile: waits,
        cpu,
    }
}

/// What follows when many timers fire.
struct Reactions {
    wanted: usize,
    ids: BTreeSet<String>,
    repeats: usize,
    last: Position,
    fired: Option<Instant>,
    /// The rules' frame that decided the last firing.
    rules_seq: u64,
    rules: Option<Instant>,
    notifier: Option<Instant>,
}

impl Reactions {
    fn new(wanted: usize) -> Reactions {
        Reactions {
            wanted,
            ids: BTreeSet::new(),
            repeats: 0,
            last: Position::START,
            fired: None,
            rules_seq: 0,
            rules: None,
            notifier: None,
        }
    }

    fn note(&mut self, stored: &duban_journal::Stored, at: Instant) {
        let head = &stored.frame.head;
        match head.service {
            Service::Scheduler => {
                for (index, record) in (0u32..).zip(&stored.frame.records) {
                    let Body::TimerFired(fired) = &record.body else {
                        continue;
                    };
                    if fired.owner != Service::Rules {
                        continue;
                    }
                    if !self.ids.insert(fired.timer.clone()) {
                        self.repeats += 1;
                    }
                    self.last = Position {
                        seq: stored.seq,
                        index,
                    };
                }
                if self.fired.is_none() && self.ids.len() >= self.wanted {
                    self.fired = Some(at);
                }
            }
            Service::Rules if self.fired.is_some() && self.rules.is_none() => {
                if head.through >= self.last {
                    self.rules = Some(at);
                    self.rules_seq = stored.seq;
                }
            }
            Service::Notifier if self.rules.is_some() && self.notifier.is_none() => {
                if head.through.seq >= self.rules_seq {
                    self.notifier = Some(at);
                }
            }
            _ => {}
        }
    }
}

/// How late timers fire that come one after the other, while many are pending.
pub async fn lateness(plan: Plan) {
    let world = World::with(plan.size(LEDGERS, 1));
    let count = DUE_PER_SECOND * plan.size(DUE_SECONDS, 2);
    let (mut runs, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..plan.runs {
        let data = folder();
        let node = Node::start(embedded(data.path()), Some(data.path()));
        node.settle(&world).await;
        let log = node.stop().await;
        // Nothing in a ledger is due within a second, so the timers are armed as the rules would
        // arm them, in their place: they do not run here.
        let others = [Service::Intake, Service::Scheduler, Service::Notifier];
        let node = Node::start_only(log.clone(), Some(data.path()), &others);
        rest().await;
        let mut watch = Watch::from(&log, log.head().await.expect("a head")).await;
        let first = wall_now().plus_millis(3_000);
        let mut owner = StandIn::of_the_rules(&log).await;
        owner.arm_one_after_the_other(count, first).await;
        watch.until(RecordType::TimerNoted, count).await;
        assert!(
            wall_now() < first,
            "arming took longer than until the first is due"
        );
        let clock = WallClock::set();
        let stretch = Stretch::begin();
        let (mut late, mut told) = (Vec::new(), 0);
        while late.len() < count {
            // Firing waits for the owner, who says now and then how far it has read.
            if late.len() >= told + READ_AT_ONCE {
                told = late.len();
                owner.has_read(watch.seq).await;
            }
            watch
                .more(|stored| {
                    let at = started();
                    for record in &stored.frame.records {
                        if let Body::TimerFired(fired) = &record.body {
                            let wait = at.saturating_duration_since(clock.instant(fired.due));
                            late.push(wait.as_secs_f64() * 1e3);
                        }
                    }
                })
                .await;
        }
        cpu.push(stretch.own());
        node.stop().await;
        note(&format!("timers.lateness: {}", latencies(late.clone())));
        runs.push(late);
    }
    figure(
        "timers.lateness",
        &json!({"log": "embedded", "pending": world.duties(), "due_per_s": DUE_PER_SECOND, "timers": count, "clock": "live", "armed_by": "frames written in the rules' place; rules not running"}),
        &json!({"late": of_medians(&runs), "cpu_s": seconds(&cpu)}),
    );
}

/// Firings after which the stand-in says that it has read them.
const READ_AT_ONCE: usize = 100;

/// Who writes on the rules' subject while the rules do not run.
struct StandIn {
    log: Log,
    expected: u64,
    head: FrameHead,
}

impl StandIn {
    async fn of_the_rules(log: &Log) -> StandIn {
        let last = log
            .last_frame(Service::Rules)
            .await
            .expect("a log")
            .expect("the rules have written");
        StandIn {
            log: log.clone(),
            expected: last.seq,
            head: FrameHead {
                incarnation: draw_incarnation(),
                number: 0,
                previous: None,
                ..last.frame.head.clone()
            },
        }
    }

    async fn write(&mut self, records: Vec<Arc<Record>>) {
        self.head.number += 1;
        let frame = Frame::new(self.head.clone(), records);
        self.expected = self
            .log
            .append(Arc::new(frame), self.expected)
            .await
            .expect("an append");
    }

    /// Arms timers at distinct instants.
    async fn arm_one_after_the_other(&mut self, count: usize, first: Timestamp) {
        let numbers: Vec<usize> = (0..count).collect();
        for chunk in numbers.chunks(ARMED_AT_ONCE) {
            let records = chunk.iter().map(|n| {
                let millis = (n * 1_000 / DUE_PER_SECOND) as i64;
                Arc::new(armed(*n, first.plus_millis(millis)))
            });
            self.write(records.collect()).await;
        }
    }

    /// Says how far it has read.
    async fn has_read(&mut self, seq: u64) {
        self.head.through = Position { seq, index: 0 };
        self.write(Vec::new()).await;
    }
}

fn armed(number: usize, at: Timestamp) -> Record {
    let id = RecordId::derive(&[b"bench", &number.to_le_bytes()]);
    Record {
        id,
        source: Service::Rules.source().into(),
        tenant: TENANT.to_owned(),
        ledger: Some(World::ledger(0)),
        subject: None,
        time: None,
        loggedat: wall_now(),
        cause: Some(id),
        correlation: id,
        definition: None,
        origin: None,
        body: Body::TimerArmed(TimerArmed {
            timer: format!("bench/{number}"),
            owner: Service::Rules,
            when: When::At(at),
            step: "due".to_owned(),
        }),
    }
}
