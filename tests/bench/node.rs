//! One process with all four services on a log, as `duban serve` composes them, inside this program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use duban_intake::Intake;
use duban_journal::{EmbeddedLog, Follower, Log};
use duban_model::{Envelope, Frame, RecordType, Service};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::clock::{Clock, draw_incarnation, stopwatch};
use duban_runtime::service::{Parts, run};
use duban_runtime::submit::subject_tail;
use duban_scheduler::Scheduler;
use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Frames read at once.
const AT_ONCE: usize = 1_024;
/// Submissions under way at once while a run is prepared.
const SUBMITTED_AT_ONCE: usize = 512;

/// The services of one process.
pub struct Node {
    /// Their log.
    pub log: Log,
    stop: watch::Sender<bool>,
    services: JoinSet<()>,
}

/// Opens the embedded log of a folder.
pub fn embedded(data: &Path) -> Log {
    Log::Embedded(EmbeddedLog::open(data.join("log")).expect("an embedded log"))
}

impl Node {
    /// Starts the four services with their states below a folder.
    pub fn start(log: Log, data: Option<&Path>) -> Node {
        let (stop, stopping) = watch::channel(false);
        let incarnation = draw_incarnation();
        let parts = |service: Service| Parts {
            log: log.clone(),
            state_dir: data.map(|dir| dir.join("state").join(service.as_str())),
            clock: Clock::Live,
            effects: None,
            shutdown: stopping.clone(),
            incarnation,
        };
        let mut services = JoinSet::new();
        let (intake, rules) = (parts(Service::Intake), parts(Service::Rules));
        let (scheduler, notifier) = (parts(Service::Scheduler), parts(Service::Notifier));
        services.spawn(async { run::<Intake>(intake).await.expect("the intake runs") });
        services.spawn(async { run::<Rules>(rules).await.expect("the rules run") });
        services.spawn(async {
            run::<Scheduler>(scheduler)
                .await
                .expect("the scheduler runs")
        });
        services.spawn(async { run::<Notifier>(notifier).await.expect("the notifier runs") });
        Node {
            log,
            stop,
            services,
        }
    }

    /// Stops them; their states are on disk then.
    pub async fn stop(mut self) -> Log {
        let _ = self.stop.send(true);
        while let Some(ended) = self.services.join_next().await {
            ended.expect("a service ends well");
        }
        self.log
    }
}

/// Puts events into the inbox, many at once, in order of their places in the list.
pub async fn submit_all(log: &Log, events: Vec<Envelope>) {
    let messages = events.into_iter().map(|event| {
        let bytes = Bytes::from(event.to_json());
        let tail = subject_tail(&event).to_owned();
        let log = log.clone();
        async move {
            log.submit(&event.tenant, &tail, bytes)
                .await
                .expect("the inbox takes it")
        }
    });
    let mut taken = stream::iter(messages).buffered(SUBMITTED_AT_ONCE);
    while taken.next().await.is_some() {}
}

/// Reads a log from a place on, and counts.
pub struct Watch {
    follower: Follower,
    /// Records by type.
    pub counts: BTreeMap<RecordType, usize>,
    /// All records.
    pub records: usize,
    /// All frames.
    pub frames: usize,
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
            frames: 0,
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
    pub async fn more(&mut self, mut look: impl FnMut(&Frame)) {
        let frames = self.follower.next(AT_ONCE).await.expect("frames");
        for stored in frames {
            self.seq = stored.seq;
            self.frames += 1;
            for record in &stored.frame.records {
                *self.counts.entry(record.record_type()).or_default() += 1;
                self.records += 1;
            }
            look(&stored.frame);
        }
    }

    /// Reads on until nothing has come for a while.
    pub async fn until_quiet(&mut self, quiet: Duration) {
        while tokio::time::timeout(quiet, self.more(|_| ())).await.is_ok() {}
    }

    /// How many records of a type were seen.
    pub fn count(&self, kind: RecordType) -> usize {
        self.counts.get(&kind).copied().unwrap_or(0)
    }
}

/// A folder for a run, on the disk that holds the build, and gone afterwards.
pub fn folder() -> tempfile::TempDir {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    tempfile::tempdir_in(place).expect("a folder")
}

/// A stopwatch that was started.
pub fn started() -> std::time::Instant {
    stopwatch()
}
