//! One of each log to test, and the frames to put on it.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use duban_journal::{
    Calm, EmbeddedLog, Follower, JetStreamLog, JetStreamOptions, Log, MemoryLog, SimulatedLog,
    Stored,
};
use duban_model::body::Body;
use duban_model::decision::PublicationForgotten;
use duban_model::frame::{Frame, FrameHead, Position, Service};
use duban_model::id::RecordId;
use duban_model::record::Record;
use duban_tests::nats::NatsServer;
use tempfile::TempDir;

/// Nothing in these tests takes this long; a test that does has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// Bounds a wait.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens within a minute")
}

/// Where a log lives while a test opens and drops it.
pub enum Bed {
    Memory(MemoryLog),
    Embedded(TempDir),
    JetStream(Box<NatsServer>),
    Simulated(SimulatedLog),
}

impl Bed {
    pub fn memory() -> Bed {
        Bed::Memory(MemoryLog::encoding())
    }

    pub fn embedded() -> Bed {
        Bed::Embedded(tempfile::tempdir().unwrap())
    }

    pub async fn jetstream() -> Bed {
        Bed::JetStream(Box::new(NatsServer::start().await))
    }

    pub fn simulated() -> Bed {
        Bed::Simulated(SimulatedLog::new(Arc::new(Calm)))
    }

    pub async fn open(&self) -> Log {
        match self {
            Bed::Memory(log) => Log::Memory(log.clone()),
            Bed::Simulated(log) => Log::Simulated(log.clone()),
            Bed::Embedded(dir) => Log::Embedded(EmbeddedLog::open(dir.path()).unwrap()),
            Bed::JetStream(server) => {
                let options = options(server, "duban");
                Log::JetStream(JetStreamLog::connect(options).await.unwrap())
            }
        }
    }
}

/// How a user of `deploy/nats.conf` connects.
pub fn options(server: &NatsServer, user: &str) -> JetStreamOptions {
    JetStreamOptions {
        url: server.url(user),
        user: None,
        password: None,
        partition: 0,
        replicas: 1,
        create: user == "duban",
    }
}

/// A frame without records.
pub fn frame(service: Service, number: u64) -> Arc<Frame> {
    Arc::new(Frame::new(
        FrameHead {
            service,
            incarnation: 7,
            number,
            through: Position { seq: 1, index: 0 },
            release: "test".to_owned(),
            previous: None,
        },
        Vec::new(),
    ))
}

/// A frame with one record whose text has this many bytes.
pub fn frame_of(service: Service, number: u64, text: usize) -> Arc<Frame> {
    let mut frame = frame(service, number);
    let id = RecordId::derive(&[&number.to_le_bytes()]);
    let record = Record {
        id,
        source: Cow::Borrowed(service.source()),
        tenant: "tongliao".into(),
        ledger: None,
        subject: Some("通辽市人民政府办公室".to_owned()),
        time: None,
        loggedat: "2021-06-28T09:10:00+08:00".parse().unwrap(),
        cause: None,
        correlation: id,
        definition: None,
        origin: None,
        body: Body::PublicationForgotten(PublicationForgotten {
            publication: "unit/1".to_owned(),
            reason: "x".repeat(text),
        }),
    };
    Arc::get_mut(&mut frame)
        .unwrap()
        .records
        .push(Arc::new(record));
    frame
}

/// Appends `count` frames of a service after its last one; returns the sequence of the last.
pub async fn append_some(log: &Log, service: Service, count: u64) -> u64 {
    let last = log.last_frame(service).await.unwrap();
    let mut number = last.as_ref().map_or(0, |last| last.frame.head.number);
    let mut seq = last.map_or(0, |last| last.seq);
    for _ in 0..count {
        number += 1;
        seq = log.append(frame(service, number), seq).await.unwrap();
    }
    seq
}

/// Follows until `count` frames have come.
pub async fn collect(follower: &mut Follower, count: usize) -> Vec<Stored> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(within(follower.next(count - all.len())).await.unwrap());
    }
    all
}

/// Their sequences.
pub fn seqs(stored: &[Stored]) -> Vec<u64> {
    stored.iter().map(|stored| stored.seq).collect()
}
