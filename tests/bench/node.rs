//! One process with all four services on a log, as `duban serve` composes them, inside this program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use duban_intake::Intake;
use duban_journal::{EmbeddedLog, Follower, JetStreamLog, JetStreamOptions, Log, Stored};
use duban_model::{Decider, Envelope, Frame, Position, RecordType, Service};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::channel::Channels;
use duban_runtime::clock::{Clock, draw_incarnation, stopwatch};
use duban_runtime::effects::{self, Workers};
use duban_runtime::service::{Parts, run};
use duban_runtime::submit::subject_tail;
use duban_scheduler::Scheduler;
use duban_tests::nats::NatsServer;
use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cost::Stretch;
use crate::world::World;

/// Frames read at once.
const AT_ONCE: usize = 1_024;
/// Submissions under way at once while a run is prepared.
const SUBMITTED_AT_ONCE: usize = 512;

/// The services of one process.
pub struct Node {
    /// Their log.
    pub log: Log,
    data: Option<PathBuf>,
    /// Where announced sends go, if anywhere.
    channels: Option<Arc<Channels>>,
    workers: Vec<Workers>,
    services: BTreeMap<Service, (watch::Sender<bool>, JoinHandle<()>)>,
}

/// Opens the embedded log of a folder.
pub fn embedded(data: &Path) -> Log {
    Log::Embedded(EmbeddedLog::open(data.join("log")).expect("an embedded log"))
}

/// A nats-server of its own with the shipped settings, its streams on the same disk as all else.
pub async fn jetstream() -> (NatsServer, Log) {
    let server = NatsServer::start_below(&place()).await;
    let options = JetStreamOptions {
        url: server.url("duban"),
        user: None,
        password: None,
        partition: 0,
        replicas: 1,
        create: true,
    };
    let log = JetStreamLog::connect(options)
        .await
        .expect("a log on JetStream");
    (server, Log::JetStream(log))
}

impl Node {
    /// Starts the four services with their states below a folder.
    pub fn start(log: Log, data: Option<&Path>) -> Node {
        Node::start_only(log, data, &Service::ALL)
    }

    /// Starts the four services, whose sends go out by these channels.
    pub fn sending(log: Log, data: &Path, channels: Channels) -> Node {
        let mut node = Node::start_only(log, Some(data), &[]);
        node.channels = Some(Arc::new(channels));
        for service in Service::ALL {
            node.resume(service);
        }
        node
    }

    /// Starts some services.
    pub fn start_only(log: Log, data: Option<&Path>, services: &[Service]) -> Node {
        let mut node = Node {
            log,
            data: data.map(Path::to_owned),
            channels: None,
            workers: Vec::new(),
            services: BTreeMap::new(),
        };
        for service in services {
            node.resume(*service);
        }
        node
    }

    /// Starts one service.
    pub fn resume(&mut self, service: Service) {
        let (stop, shutdown) = watch::channel(false);
        let state = |dir: &PathBuf| dir.join("state").join(service.as_str()).into();
        let channels = self
            .channels
            .as_ref()
            .filter(|_| service == Service::Notifier);
        let started = channels
            .map(|channels| effects::start(self.log.clone(), channels.clone(), shutdown.clone()));
        let effects = started.map(|(runner, workers)| {
            self.workers.push(workers);
            runner
        });
        let parts = Parts {
            log: self.log.clone(),
            state_dir: self.data.as_ref().map(state),
            clock: Clock::Live,
            effects,
            shutdown,
            incarnation: draw_incarnation(),
        };
        let task = match service {
            Service::Intake => spawn::<Intake>(parts),
            Service::Rules => spawn::<Rules>(parts),
            Service::Scheduler => spawn::<Scheduler>(parts),
            Service::Notifier => spawn::<Notifier>(parts),
        };
        self.services.insert(service, (stop, task));
    }

    /// Stops one service; its state is on disk then.
    pub async fn pause(&mut self, service: Service) {
        if let Some((stop, task)) = self.services.remove(&service) {
            let _ = stop.send(true);
            task.await.expect("a service ends well");
        }
    }

    /// Stops them all; their states are on disk then.
    pub async fn stop(mut self) -> Log {
        for service in Service::ALL {
            self.pause(service).await;
        }
        self.log
    }

    /// Brings a world into force and waits until all its timers are noted.
    pub async fn settle(&self, world: &World) {
        let head = self.log.head().await.expect("a head");
        let mut watch = Watch::from(&self.log, head).await;
        submit_all(&self.log, world.base()).await;
        for number in world.numbers() {
            submit_all(&self.log, vec![world.deploy(number)]).await;
        }
        watch.until(RecordType::TimerNoted, world.duties()).await;
    }

    /// Has events decided that lie in the inbox before the intake takes the first of them; everybody
    /// else is at work already.
    pub async fn decide(&mut self, events: Vec<Envelope>) -> Decided {
        self.pause(Service::Intake).await;
        submit_all(&self.log, events).await;
        let inbox = self.log.inbox_head().await.expect("an inbox");
        let head = self.log.head().await.expect("a head");
        let mut watch = Watch::from(&self.log, head).await;
        let mut progress = Progress {
            inbox,
            ..Progress::default()
        };
        self.resume(Service::Intake);
        let mut begun = None;
        while !progress.is_done() {
            watch
                .more(|stored| {
                    if stored.frame.head.service == Service::Intake {
                        begun.get_or_insert_with(Stretch::begin);
                    }
                    progress.note(stored);
                })
                .await;
        }
        let begun = begun.expect("a frame of the intake");
        let (took, cpu) = (begun.took(), begun.own());
        // Read back afterwards: kept meanwhile, they would take memory that no service takes.
        let mut again = Watch::from(&self.log, head).await;
        let mut frames = Vec::new();
        while again.seq < watch.seq {
            again
                .more(|stored| {
                    if stored.seq <= watch.seq {
                        frames.push(stored.frame.clone());
                    }
                })
                .await;
        }
        Decided {
            took,
            cpu,
            records: watch.records,
            frames,
        }
    }
}

fn spawn<D: Decider>(parts: Parts) -> JoinHandle<()> {
    tokio::spawn(async move {
        if let Err(fault) = run::<D>(parts).await {
            panic!("{} ended: {fault}", D::SERVICE);
        }
    })
}

/// Events decided: from the intake's first frame to the last record of rules and scheduler.
pub struct Decided {
    pub took: Duration,
    /// Processor seconds of this process meanwhile.
    pub cpu: f64,
    pub records: usize,
    /// All frames that were written meanwhile.
    pub frames: Vec<Arc<Frame>>,
}

/// How far intake, rules and scheduler have come, and how far they have to.
#[derive(Default)]
struct Progress {
    inbox: u64,
    intake: u64,
    for_rules: Position,
    rules: Position,
    /// The rules' last frame ends in the middle of an act.
    goes_on: bool,
    for_scheduler: Position,
    scheduler: Position,
}

impl Progress {
    fn note(&mut self, stored: &Stored) {
        let head = &stored.frame.head;
        match head.service {
            Service::Intake => self.intake = head.through.seq,
            Service::Rules => {
                self.rules = head.through;
                let last = stored.frame.records.last();
                self.goes_on = last.is_some_and(|record| record.record_type().is_continuation());
            }
            Service::Scheduler => self.scheduler = head.through,
            Service::Notifier => {}
        }
        for (index, record) in (0u32..).zip(&stored.frame.records) {
            let position = Position {
                seq: stored.seq,
                index,
            };
            if head.service == Service::Intake && Rules::consumes(record) {
                self.for_rules = position;
            }
            if Scheduler::consumes(record) {
                self.for_scheduler = position;
            }
        }
    }

    fn is_done(&self) -> bool {
        self.intake >= self.inbox
            && !self.goes_on
            && self.rules >= self.for_rules
            && self.scheduler >= self.for_scheduler
    }
}

/// Puts events into the inbox, many at once, in order of their places in the list.
pub async fn submit_all(log: &Log, events: Vec<Envelope>) {
    let messages = events
        .into_iter()
        .map(|event| async move { submit(log, &event).await });
    let mut taken = stream::iter(messages).buffered(SUBMITTED_AT_ONCE);
    while taken.next().await.is_some() {}
}

/// Puts an event into the inbox.
pub async fn submit(log: &Log, event: &Envelope) {
    let bytes = Bytes::from(event.to_json());
    log.submit(&event.tenant, subject_tail(event), bytes)
        .await
        .expect("the inbox takes it");
}

/// Reads a log from a place on, and counts.
pub struct Watch {
    follower: Follower,
    /// Records by type.
    pub counts: BTreeMap<RecordType, usize>,
    /// All records.
    pub records: usize,
    /// The last frame read.
    pub seq: u64,
}

impl Watch {
    /// From after `seq` on.
    pub async fn from(log: &Log, seq: u64) -> Watch {
        Watch {
            follower: log
                .follow(seq, &Service::ALL)
                .await
                .expect("a log to follow"),
            counts: BTreeMap::new(),
            records: 0,
            seq,
        }
    }

    /// Reads on until so many records of a type have been seen.
    pub async fn until(&mut self, kind: RecordType, count: usize) {
        while self.count(kind) < count {
            self.more(|_| ()).await;
        }
    }

    /// Reads what comes next.
    pub async fn more(&mut self, mut look: impl FnMut(&Stored)) {
        let frames = self.follower.next(AT_ONCE).await.expect("frames");
        for stored in frames {
            self.seq = stored.seq;
            for record in &stored.frame.records {
                *self.counts.entry(record.record_type()).or_default() += 1;
                self.records += 1;
            }
            look(&stored);
        }
    }

    /// How many records of a type were seen.
    pub fn count(&self, kind: RecordType) -> usize {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

/// Where folders for runs are: on the disk that holds the build.
pub fn place() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// A folder for a run, gone afterwards.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(place()).expect("a folder")
}

/// A stopwatch that was started.
pub fn started() -> std::time::Instant {
    stopwatch()
}
