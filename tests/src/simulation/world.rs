//! The world beneath the code under test: a broker that may be away, disks, a channel, and the
//! dice that decide what goes wrong at each point. A process that dies at a point does nothing more.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duban_journal::{Calm, Fate, Log, Request, SimulatedLog, Weather};
use duban_model::{Message, Timestamp};
use duban_runtime::channel::{Answer, SimulatedChannel};
use duban_runtime::clock::SimulatedClock;
use duban_store::{Moment, Moments};
use tokio::sync::Notify;

use super::evidence::Arrival;
use super::fault::{Counts, Fault};
use crate::dice::Dice;

/// A future as the seams' traits want it.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How likely things go wrong in one run; each is one in so many.
#[derive(Clone, Copy, Debug)]
pub struct Climate {
    /// A process dies at a point.
    pub crash: u64,
    /// A request or its answer is lost, late or slow.
    pub network: u64,
    /// A send does not simply succeed.
    pub channel: u64,
}

/// What everything in one run shares.
#[derive(Debug)]
pub struct World {
    /// The log as nobody's connection sees it: nothing goes wrong here.
    pub log: SimulatedLog,
    /// True time.
    pub truth: SimulatedClock,
    /// Told when a process has died.
    pub died: Notify,
    climate: Climate,
    breaks: Notify,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    dice: Dice,
    counts: Counts,
    trace: Vec<String>,
    arrivals: Vec<Arrival>,
    healed: bool,
    away: bool,
}

/// One process as the world knows it.
pub struct Life {
    /// What it is called.
    pub name: String,
    dead: AtomicBool,
    /// Producers do not die here: what they would lose was never sent.
    mortal: bool,
    world: Arc<World>,
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Life")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl World {
    /// A world in which time is `at`.
    pub fn new(seed: u64, climate: Climate, at: Timestamp) -> Arc<World> {
        Arc::new(World {
            log: SimulatedLog::new(Arc::new(Calm)),
            truth: SimulatedClock::new(at),
            died: Notify::new(),
            climate,
            breaks: Notify::new(),
            inner: Mutex::new(Inner {
                dice: Dice::new(seed ^ 0x5eed_0001),
                counts: Counts::default(),
                trace: Vec::new(),
                arrivals: Vec::new(),
                healed: false,
                away: false,
            }),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One in so many.
    pub fn happens(&self, one_in: u64) -> bool {
        let mut inner = self.inner();
        !inner.healed && inner.dice.below(one_in) == 0
    }

    /// A number below `limit`.
    pub fn below(&self, limit: u64) -> u64 {
        self.inner().dice.below(limit)
    }

    /// Counts a fault and writes it into the trace.
    pub fn note(&self, fault: Fault, what: &str) {
        let at = self.truth.now();
        let mut inner = self.inner();
        inner.counts.add(fault);
        inner.trace.push(format!("{at} {}: {what}", fault.as_str()));
    }

    /// Writes something into the trace that is no fault.
    pub fn say(&self, what: &str) {
        let at = self.truth.now();
        self.inner().trace.push(format!("{at} {what}"));
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        let mut inner = self.inner();
        inner.healed = true;
        inner.away = false;
    }

    /// The broker goes away, or comes back; every connection breaks.
    pub fn set_away(&self, away: bool) {
        self.inner().away = away;
        self.breaks.notify_waiters();
    }

    /// What happened so far.
    pub fn history(&self) -> (Counts, Vec<String>, Vec<Arrival>) {
        let inner = self.inner();
        (
            inner.counts.clone(),
            inner.trace.clone(),
            inner.arrivals.clone(),
        )
    }

    /// A log without weather.
    pub fn calm_log(&self) -> Log {
        Log::Simulated(self.log.clone())
    }

    async fn arrive(&self, message: &Message) {
        let head = self.calm_log().head().await.unwrap_or(0);
        let at = self.truth.now();
        self.inner().arrivals.push(Arrival {
            notice: message.notice.clone(),
            attempt: message.attempt,
            labelled: message.possible_duplicate,
            head,
            at,
        });
    }
}

impl Life {
    /// A new process.
    pub fn new(world: &Arc<World>, name: &str) -> Arc<Life> {
        Arc::new(Life {
            name: name.to_owned(),
            dead: AtomicBool::new(false),
            mortal: true,
            world: world.clone(),
        })
    }

    /// One that offers events until they are taken.
    pub fn producer(world: &Arc<World>) -> Arc<Life> {
        Arc::new(Life {
            name: "a producer".to_owned(),
            dead: AtomicBool::new(false),
            mortal: false,
            world: world.clone(),
        })
    }

    /// True once it has died.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// It dies here.
    pub fn die(&self, fault: Fault, what: &str) {
        if !self.dead.swap(true, Ordering::SeqCst) {
            self.world.note(fault, &format!("{} {what}", self.name));
            self.world.died.notify_one();
        }
    }

    /// A point at which it may die; the dead never get past it.
    async fn point(&self, fault: Fault, what: &str) {
        if self.mortal && !self.is_dead() && self.world.happens(self.world.climate.crash) {
            self.die(fault, what);
        }
        self.while_alive().await;
    }

    async fn while_alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    async fn sleep(&self, low: u64, high: u64) {
        let millis = low + self.world.below(high - low);
        tokio::time::sleep(Duration::from_millis(millis)).await;
        self.while_alive().await;
    }

    async fn on_its_way(&self, request: Request) -> Fate {
        let what = format!("{request:?}");
        match request {
            Request::Append(_) => self.point(Fault::CrashBeforeAppend, &what).await,
            Request::Submit => self.point(Fault::CrashWhileReporting, &what).await,
            // These are frequent, and little depends on them.
            Request::Look | Request::Read => {
                self.while_alive().await;
                if self.world.happens(8) {
                    self.point(Fault::CrashWhileReading, &what).await;
                }
            }
        }
        let world = &self.world;
        if world.inner().away {
            self.sleep(1, 900).await;
            return Fate::Lost("the broker is away".to_owned());
        }
        if !world.happens(world.climate.network) {
            return Fate::Arrives;
        }
        let who = format!("{} {what}", self.name);
        match world.below(4) {
            0 | 1 => {
                world.note(Fault::Slow, &who);
                self.sleep(1, 4_000).await;
                Fate::Arrives
            }
            2 if matches!(request, Request::Append(_) | Request::Submit) => {
                world.note(Fault::AppendLate, &who);
                let after = Duration::from_millis(world.below(12_000));
                // The caller gives up sooner or later than the request arrives.
                self.sleep(1, 5_000).await;
                Fate::Late(after)
            }
            _ => {
                world.note(Fault::RequestLost, &who);
                self.sleep(1, 5_000).await;
                Fate::Lost("no answer in time".to_owned())
            }
        }
    }

    async fn on_its_way_back(&self, request: Request) -> Result<(), String> {
        let what = format!("{request:?}");
        match request {
            Request::Append(_) => self.point(Fault::CrashAfterAppend, &what).await,
            Request::Submit => self.point(Fault::CrashWhileReporting, &what).await,
            Request::Look | Request::Read => self.while_alive().await,
        }
        let world = &self.world;
        if world.inner().away {
            return Err("the broker is away".to_owned());
        }
        if !world.happens(world.climate.network) {
            return Ok(());
        }
        let who = format!("{} {what}", self.name);
        match world.below(3) {
            0 => {
                world.note(Fault::Slow, &who);
                self.sleep(1, 4_000).await;
                Ok(())
            }
            1 => {
                world.note(Fault::AnswerLost, &who);
                Err("the connection broke".to_owned())
            }
            _ => {
                world.note(Fault::AnswerLate, &who);
                self.sleep(2_000, 6_000).await;
                Err("no answer in time".to_owned())
            }
        }
    }

    async fn take(&self, message: &Message) -> Answer {
        let what = format!("{} attempt {}", message.notice, message.attempt);
        let world = &self.world;
        self.point(Fault::CrashBeforeEffect, &what).await;
        let answer = if world.happens(world.climate.channel) {
            self.misbehave(message, &what).await
        } else {
            world.arrive(message).await;
            Answer::delivered("taken")
        };
        self.point(Fault::CrashAfterEffect, &what).await;
        answer
    }

    async fn misbehave(&self, message: &Message, what: &str) -> Answer {
        let world = &self.world;
        match world.below(6) {
            0 => {
                world.note(Fault::ChannelHangs, what);
                std::future::pending().await
            }
            1 => {
                world.note(Fault::ChannelRefuses, what);
                Answer::refused("no such mailbox")
            }
            2 => {
                world.note(Fault::ChannelSilent, what);
                world.arrive(message).await;
                std::future::pending().await
            }
            3 => {
                world.note(Fault::ChannelLate, what);
                let (world, message) = (world.clone(), message.clone());
                let after = Duration::from_millis(world.below(90_000));
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    world.arrive(&message).await;
                });
                std::future::pending().await
            }
            _ => {
                world.note(Fault::ChannelFails, what);
                self.sleep(1, 20_000).await;
                Answer::failed("try again later")
            }
        }
    }
}

impl Weather for Life {
    fn before(&self, request: Request) -> Boxed<'_, Fate> {
        Box::pin(self.on_its_way(request))
    }

    fn after(&self, request: Request) -> Boxed<'_, Result<(), String>> {
        Box::pin(self.on_its_way_back(request))
    }

    fn breaks(&self) -> Boxed<'_, String> {
        Box::pin(async {
            self.world.breaks.notified().await;
            self.while_alive().await;
            "the connection broke".to_owned()
        })
    }
}

impl Moments for Life {
    fn reached(&self, moment: Moment) -> Boxed<'_, ()> {
        let fault = match moment {
            Moment::BeforeWrite => Fault::CrashBeforeCommit,
            Moment::Written => Fault::CrashBeforeFlush,
            Moment::Synced => Fault::CrashAfterFlush,
        };
        Box::pin(async move {
            // A disk takes its time, so that commits queue up behind it.
            if self.world.happens(4) {
                self.sleep(1, 400).await;
            }
            self.point(fault, "").await;
        })
    }
}

impl SimulatedChannel for Life {
    fn send<'a>(&'a self, message: &'a Message) -> Boxed<'a, Answer> {
        Box::pin(self.take(message))
    }
}
