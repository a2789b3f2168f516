//! One run from its seed: who runs, what is sent, what goes wrong when; until all is at rest.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Follower, Log, SubmitError};
use duban_model::{Body, Service, Timestamp, Zone};
use duban_runtime::clock::SimulatedClock;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, sleep_until};

use super::evidence::{self, Evidence};
use super::fault::{Counts, Fault};
use super::process::{Disks, Process, fresh_disks};
use super::script::{self, Sent};
use super::world::{Climate, Life, World};
use super::{audit, ledger, replay};
use crate::dice::Dice;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Nothing has happened for so long, in tokio's time: all is at rest. Longer than a send may take.
const REST_SECONDS: u64 = 45;
/// After the last fault, retries go on for so long, in milliseconds of the clock.
const AFTERMATH_MILLIS: i64 = 2 * DAY;
/// A run that takes more turns than this hangs.
const MOST_TURNS: u32 = 20_000;

/// What became of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What does not hold; empty in a good run.
    pub findings: Vec<String>,
    /// What went wrong in the world, in order.
    pub trace: Vec<String>,
    /// How often each kind of fault occurred.
    pub counts: Counts,
    /// What it left behind.
    pub evidence: Evidence,
    /// Of the whole log with the order of its frames, and of what arrived.
    pub digest: String,
}

/// What happens at an instant of true time.
enum Event {
    Send(Sent),
    Away,
    Back,
    Restart,
    Kill,
    Stop,
    Second,
    SecondEnds,
    Jump(i64),
}

/// A process that is to be started.
struct Waiting {
    at: Instant,
    name: String,
    disks: Disks,
}

struct Director {
    world: Arc<World>,
    dice: Dice,
    /// What the services see; true time plus or minus what jumps have made of it.
    shown: SimulatedClock,
    processes: Vec<Process>,
    waiting: Vec<Waiting>,
    incarnations: u64,
    timers: Timers,
    findings: Vec<String>,
}

/// The timers that are pending according to the log.
struct Timers {
    follower: Follower,
    pending: BTreeMap<(Service, String), Timestamp>,
}

impl Timers {
    async fn earliest(&mut self) -> Option<Timestamp> {
        for stored in self.follower.ready(10_000).await.ok()? {
            for record in &stored.frame.records {
                match &record.body {
                    Body::TimerNoted(r) => {
                        self.pending.insert((r.owner, r.timer.clone()), r.due);
                    }
                    Body::TimerDropped(r) => {
                        self.pending.remove(&(r.owner, r.timer.clone()));
                    }
                    Body::TimerFired(r) => {
                        let key = (r.owner, r.timer.clone());
                        match r.next {
                            Some(next) => self.pending.insert(key, next),
                            None => self.pending.remove(&key),
                        };
                    }
                    _ => {}
                }
            }
        }
        self.pending.values().min().copied()
    }
}

/// Runs one seed.
///
/// # Panics
/// When the simulation itself is broken.
pub fn run(seed: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(direct(seed))
}

async fn direct(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let drawn = ledger::draw(&mut dice);
    let start = script::beginning(&mut dice, &drawn);
    let end = start.plus_millis((25 + i64::try_from(dice.below(90)).unwrap_or(0)) * DAY);
    let sent = script::draw(&mut dice, &drawn, start, end);
    // Some runs are calm but for one sort of trouble; some have everything at once.
    let climate = Climate {
        crash: *dice.one_of(&[25, 60, 150, 400, 100_000]),
        network: *dice.one_of(&[6, 20, 60, 300, 100_000]),
        channel: *dice.one_of(&[2, 4, 10, 40, 100_000]),
    };
    let world = World::new(seed, climate, start);
    let shown = SimulatedClock::new(start);
    let follower = world
        .calm_log()
        .follow(0, &[Service::Scheduler])
        .await
        .expect("a calm log");
    let mut director = Director {
        shown,
        processes: Vec::new(),
        waiting: Vec::new(),
        incarnations: 0,
        timers: Timers {
            follower,
            pending: BTreeMap::new(),
        },
        findings: Vec::new(),
        dice: dice.clone(),
        world: world.clone(),
    };
    director.found(seed);
    let mut queue: Vec<(Timestamp, Event)> = sent
        .into_iter()
        .map(|sent| (sent.at, Event::Send(sent)))
        .collect();
    director.troubles(&mut queue, start, end);
    queue.sort_by_key(|(at, _)| *at);
    director.play(queue.into(), end).await;
    director.recover().await;
    let stopped = director.shown.now();
    let mut disks = Vec::new();
    for process in std::mem::take(&mut director.processes) {
        match process.stop().await {
            Ok((kept, faults)) => {
                director.findings.extend(faults);
                disks.push(kept);
            }
            Err(_) => unreachable!("nobody dies in a world that is well"),
        }
    }
    let evidence = gather(&world, stopped).await;
    let mut findings = director.findings;
    findings.extend(audit::audit(&evidence));
    findings.extend(replay::check(&world, &disks).await);
    let (counts, trace, _) = world.history();
    Outcome {
        seed,
        findings,
        trace,
        counts,
        digest: digest(&evidence),
        evidence,
    }
}

async fn gather(world: &Arc<World>, stopped: Timestamp) -> Evidence {
    let log = world.calm_log();
    let mut frames = log.follow(0, &Service::ALL).await.expect("a calm log");
    let mut inbox = log.follow_inbox(0).await.expect("a calm log");
    let frames = frames.ready(usize::MAX).await.expect("a calm log");
    let inbox = inbox.ready(usize::MAX).await.expect("a calm log");
    let (_, _, arrivals) = world.history();
    Evidence {
        frames: frames.iter().map(evidence::written).collect(),
        inbox: inbox.iter().map(evidence::offered).collect(),
        arrivals,
        stopped: stopped.to_string(),
    }
}

fn digest(evidence: &Evidence) -> String {
    let mut hash = Sha256::new();
    for frame in &evidence.frames {
        hash.update(frame.seq.to_le_bytes());
        hash.update(frame.head.to_string());
        for record in &frame.records {
            hash.update(record.to_string());
        }
    }
    for arrival in &evidence.arrivals {
        hash.update(format!("{arrival:?}"));
    }
    duban_model::state::hex(&hash.finalize()[..16])
}

impl Director {
    /// Starts what is there from the beginning.
    fn found(&mut self, seed: u64) {
        let houses: &[&[Service]] = match seed % 3 {
            0 => &[
                &[Service::Intake],
                &[Service::Rules],
                &[Service::Scheduler],
                &[Service::Notifier],
            ],
            1 => &[
                &[Service::Intake, Service::Scheduler],
                &[Service::Rules, Service::Notifier],
            ],
            _ => &[&Service::ALL],
        };
        for (place, roles) in houses.iter().enumerate() {
            let disks = fresh_disks(&self.world, roles);
            self.start(&format!("house-{place}"), disks);
        }
    }

    fn start(&mut self, name: &str, disks: Disks) {
        self.incarnations += 1;
        let number = self.incarnations;
        self.world.say(&format!("{name} starts as {number}"));
        let process = Process::start(&self.world, name, disks, &self.shown, number);
        self.processes.push(process);
    }

    /// Draws what goes wrong at instants rather than at points.
    fn troubles(&mut self, queue: &mut Vec<(Timestamp, Event)>, start: Timestamp, end: Timestamp) {
        let dice = &mut self.dice;
        let span = u64::try_from(end.0 - start.0).unwrap_or(1);
        // At times when something is under way, else little would come of it.
        let busy: Vec<Timestamp> = queue.iter().map(|(at, _)| *at).collect();
        let instant = |dice: &mut Dice| match dice.below(3) {
            0 => start.plus_millis(i64::try_from(dice.below(span)).unwrap_or(0)),
            1 => {
                let any = start.plus_millis(i64::try_from(dice.below(span)).unwrap_or(0));
                let day = Zone::SHANGHAI.midnight(any.date_in(Zone::SHANGHAI));
                let shift = i64::try_from(dice.below(8_000)).unwrap_or(0) - 4_000;
                day.plus_millis(9 * HOUR + 10 * 60_000 + shift).max(start)
            }
            _ => dice
                .one_of(&busy)
                .plus_millis(i64::try_from(dice.below(4_000)).unwrap_or(0)),
        };
        for _ in 0..dice.below(4) {
            let at = instant(dice);
            // From a blink to two days.
            let long = *dice.one_of(&[300, 4_000, 60_000, 2 * HOUR, 2 * DAY]);
            queue.push((at, Event::Away));
            queue.push((at.plus_millis(long), Event::Back));
        }
        for _ in 0..dice.below(3) {
            queue.push((instant(dice), Event::Restart));
        }
        for _ in 0..dice.below(4) {
            queue.push((instant(dice), Event::Kill));
        }
        for _ in 0..dice.below(3) {
            queue.push((instant(dice), Event::Stop));
        }
        for _ in 0..dice.below(3) {
            let at = instant(dice);
            let long = *dice.one_of(&[2_000, 30_000, HOUR, 10 * DAY]);
            queue.push((at, Event::Second));
            queue.push((at.plus_millis(long), Event::SecondEnds));
        }
        if dice.below(3) == 0 {
            for _ in 0..=dice.below(2) {
                let by = *dice.one_of(&[2_000, 10 * 60_000, HOUR, 3 * DAY, 30 * DAY, 200 * DAY]);
                let by = if dice.below(2) == 0 { by } else { -by };
                queue.push((instant(dice), Event::Jump(by)));
            }
        }
    }

    async fn play(&mut self, mut queue: VecDeque<(Timestamp, Event)>, end: Timestamp) {
        for _ in 0..MOST_TURNS {
            let dwell = 50 + self.dice.below(2_500);
            self.dwell(dwell).await;
            let next = queue.front().map_or(end, |(at, _)| *at);
            let sleeps = self.dice.below(60) == 0 && !queue.is_empty();
            self.leap(next, sleeps).await;
            while let Some((at, _)) = queue.front()
                && *at <= self.world.truth.now()
            {
                let (_, event) = queue.pop_front().expect("there is one");
                self.happen(event).await;
            }
            if queue.is_empty() && self.world.truth.now() >= end {
                return;
            }
        }
        self.findings
            .push("the run hangs: time does not get on".to_owned());
    }

    /// Time leaps to shortly before the next thing to happen: an event of the queue, or a timer,
    /// unless everybody sleeps through those.
    async fn leap(&mut self, next: Timestamp, sleeps: bool) {
        let truth = self.world.truth.now();
        let shown = self.shown.now();
        let mut to = next;
        if let Some(due) = self.timers.earliest().await {
            let due = truth.plus_millis(due.0 - shown.0);
            if sleeps && due < next {
                self.world.note(Fault::Slept, &format!("until {next}"));
            } else {
                to = to.min(due);
            }
        }
        let early = i64::try_from(self.dice.below(1_500)).unwrap_or(0);
        let by = to.0 - truth.0 - early;
        if by > 0 {
            self.world.truth.set(truth.plus_millis(by));
            self.shown.set(shown.plus_millis(by));
        } else if to > truth {
            self.dwell(u64::try_from(to.0 - truth.0).unwrap_or(1)).await;
        }
    }

    /// Lets everything run for a while; buries who dies, starts who waits.
    async fn dwell(&mut self, millis: u64) {
        let until = Instant::now() + Duration::from_millis(millis);
        loop {
            let world = self.world.clone();
            let next = self.waiting.iter().map(|waiting| waiting.at).min();
            let wake = next.map_or(until, |at| at.min(until));
            tokio::select! {
                biased;
                () = world.died.notified() => self.bury(),
                () = sleep_until(wake) => {}
            }
            self.look_after();
            let now = Instant::now();
            let mut place = 0;
            while place < self.waiting.len() {
                if self.waiting[place].at <= now {
                    let waiting = self.waiting.remove(place);
                    self.start(&waiting.name, waiting.disks);
                } else {
                    place += 1;
                }
            }
            if now >= until {
                return;
            }
        }
    }

    fn look_after(&mut self) {
        for process in &mut self.processes {
            if !process.life.is_dead() {
                let name = process.life.name.clone();
                let faults = process.faults();
                self.findings
                    .extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
    }

    fn bury(&mut self) {
        let mut place = 0;
        while place < self.processes.len() {
            if !self.processes[place].life.is_dead() {
                place += 1;
                continue;
            }
            let process = self.processes.remove(place);
            let name = process.life.name.clone();
            let disks = process.bury(&self.world);
            let after = *self.dice.one_of(&[0, 5, 300, 3_000, 15_000]);
            self.waiting.push(Waiting {
                at: Instant::now() + Duration::from_millis(after),
                name,
                disks,
            });
        }
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Send(sent) => {
                if let Some(fault) = sent.fault {
                    self.world.note(fault, &sent.tail);
                }
                tokio::spawn(produce(self.world.clone(), sent));
            }
            Event::Away => {
                self.world.note(Fault::Outage, "");
                self.world.set_away(true);
            }
            Event::Back => {
                self.world.say("the broker is back");
                self.world.set_away(false);
            }
            Event::Restart => {
                self.world.note(Fault::BrokerRestarted, "");
                self.world.set_away(false);
            }
            Event::Kill => {
                if !self.processes.is_empty() {
                    let place = self.dice.below(self.processes.len() as u64);
                    let process = &self.processes[usize::try_from(place).unwrap_or(0)];
                    process.life.die(Fault::Killed, "");
                }
            }
            Event::Stop => {
                if !self.processes.is_empty() {
                    let place = self.dice.below(self.processes.len() as u64);
                    let process = self.processes.remove(usize::try_from(place).unwrap_or(0));
                    let name = process.life.name.clone();
                    self.world.note(Fault::Restarted, &name);
                    match process.stop().await {
                        Ok((disks, faults)) => {
                            self.findings.extend(faults);
                            self.start(&name, disks);
                        }
                        Err(process) => {
                            self.processes.push(process);
                            self.bury();
                        }
                    }
                }
            }
            Event::Second => {
                if let Some(process) = self.processes.first() {
                    let roles: Vec<Service> = process.disks.keys().copied().collect();
                    let name = format!("second to {}", process.life.name);
                    self.world.note(Fault::SecondLeader, &name);
                    let disks = fresh_disks(&self.world, &roles);
                    self.start(&name, disks);
                }
            }
            Event::SecondEnds => self.end_seconds(),
            Event::Jump(by) => self.jump(by),
        }
    }

    /// Every second process ends without a word.
    fn end_seconds(&mut self) {
        let is_second = |name: &str| name.starts_with("second");
        self.waiting.retain(|waiting| !is_second(&waiting.name));
        let (seconds, others) = std::mem::take(&mut self.processes)
            .into_iter()
            .partition(|process| is_second(&process.life.name));
        self.processes = others;
        let seconds: Vec<Process> = seconds;
        for process in seconds {
            process.life.die(Fault::Killed, "for good");
            let _ = process.bury(&self.world);
        }
    }

    fn jump(&mut self, by: i64) {
        let before = self.shown.now();
        let after = before.plus_millis(by);
        let fault = if by > 0 {
            Fault::ClockForward
        } else {
            Fault::ClockBack
        };
        self.world.note(fault, &format!("to {after}"));
        let year = |at: Timestamp| at.date_in(Zone::SHANGHAI).format("%Y").to_string();
        if year(before) != year(after) {
            self.world
                .note(Fault::ClockOverYear, &format!("to {after}"));
        }
        self.shown.set(after);
    }

    /// Nothing goes wrong any more; everything runs until it is at rest, and its retries have ended.
    async fn recover(&mut self) {
        self.end_seconds();
        self.world.say("all is well from here on");
        self.world.heal();
        self.world.set_away(false);
        self.bury();
        let until = self.world.truth.now().plus_millis(AFTERMATH_MILLIS);
        for _ in 0..MOST_TURNS {
            self.rest().await;
            if self.world.truth.now() >= until {
                return;
            }
            self.leap(until, false).await;
        }
        self.findings
            .push("the run hangs: it does not come to rest".to_owned());
    }

    /// Runs until nothing has been written for a while.
    async fn rest(&mut self) {
        let log = self.world.calm_log();
        let heads = async || {
            let head = log.head().await.unwrap_or(0);
            (head, log.inbox_head().await.unwrap_or(0))
        };
        for _ in 0..MOST_TURNS {
            let before = heads().await;
            self.dwell(REST_SECONDS * 1_000).await;
            if heads().await == before && self.waiting.is_empty() {
                return;
            }
        }
        self.findings
            .push("the run hangs: something is written again and again".to_owned());
    }
}

/// A producer offers an event until it is taken, over a connection of its own.
async fn produce(world: Arc<World>, sent: Sent) {
    let life = Life::producer(&world);
    let log = Log::Simulated(world.log.connect(life));
    loop {
        let bytes = sent.bytes.clone().into();
        match log.submit(ledger::TENANT, &sent.tail, bytes).await {
            Ok(_) | Err(SubmitError::TooLarge { .. } | SubmitError::BadSubject(_)) => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(700)).await,
        }
    }
}
