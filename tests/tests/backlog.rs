//! A notifier that was away finds a backlog. What it announces while it catches up is its own: only what
//! the one before it announced and did not report may arrive twice, and only that is labelled.
//!
//! Time is tokio's paused time, so waiting costs nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Log, MemoryLog};
use duban_model::decision::{NoticeAttempted, NoticeRequested};
use duban_model::definition::{Role, Tier};
use duban_model::delivery::Delivery;
use duban_model::directory::{Channel, Contact, Directory, Unit};
use duban_model::fact::DirectoryDeployed;
use duban_model::notice::NoticeKind;
use duban_model::{Body, Frame, FrameHead, Position, Record, RecordId, Service, Timestamp};
use duban_notifier::Notifier;
use duban_runtime::clock::{Clock, SimulatedClock};
use duban_runtime::service::{Parts, run};
use tokio::sync::watch;

/// Time enough, in paused time, for anything that is going to happen.
const A_WHILE: Duration = Duration::from_secs(20);
/// Notices asked for while nobody sent any.
const BACKLOG: u16 = 100;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn record(n: u16, body: Body) -> Arc<Record> {
    let id = RecordId::derive(&[&n.to_be_bytes()]);
    Arc::new(Record {
        id,
        source: Cow::Borrowed("duban/rules"),
        tenant: "t".into(),
        ledger: None,
        subject: None,
        time: None,
        loggedat: at("2021-07-01T00:00:00Z"),
        cause: None,
        correlation: id,
        definition: None,
        origin: None,
        body,
    })
}

async fn write(log: &Log, service: Service, records: Vec<Arc<Record>>) {
    let head = FrameHead {
        service,
        incarnation: 1,
        number: 1,
        through: Position::START,
        release: "test".to_owned(),
        previous: None,
    };
    let frame = Arc::new(Frame::new(head, records));
    log.append(frame, 0).await.expect("appended");
}

fn directory() -> Body {
    let contact = Contact {
        id: "a".to_owned(),
        title: "联络员".to_owned(),
        mail: Some("a@unit.example".to_owned()),
        channels: vec![Channel::Mail],
        away: Vec::new(),
    };
    let unit = Unit {
        name: "某局".to_owned(),
        short: Vec::new(),
        level: String::new(),
        kind: String::new(),
        groups: Vec::new(),
        superior: None,
        certainty: None,
        contacts: vec![contact],
        leader: None,
        formerly: Vec::new(),
        hours: None,
    };
    Body::DirectoryDeployed(DirectoryDeployed {
        directory: Directory {
            tenant: "t".to_owned(),
            delivery: Delivery::default(),
            units: BTreeMap::from([("unit".to_owned(), unit)]),
        },
        by: None,
        reason: None,
        expects: None,
    })
}

fn request(n: u16) -> Body {
    Body::NoticeRequested(NoticeRequested {
        obligation: format!("l/{n}/unit/responsible"),
        task: n.to_string(),
        unit: "unit".to_owned(),
        role: Role::Responsible,
        kind: NoticeKind::Reminder,
        step: "due".to_owned(),
        tier: Tier::Contact,
        to: "unit".to_owned(),
        first: None,
        due: None,
        due_at: None,
        occasion: None,
        covers: Vec::new(),
        missing: Vec::new(),
        reason: "今天是完成时限".to_owned(),
    })
}

/// Runs a notifier for a while, and tells every announcement on the log.
async fn notify(log: &Log, incarnation: u64) -> Vec<NoticeAttempted> {
    let (stop, shutdown) = watch::channel(false);
    let parts = Parts {
        log: log.clone(),
        state_dir: None,
        clock: Clock::Simulated(SimulatedClock::new(at("2021-07-02T00:00:00Z"))),
        effects: None,
        shutdown,
        incarnation,
    };
    let service = tokio::spawn(run::<Notifier>(parts));
    tokio::time::sleep(A_WHILE).await;
    stop.send(true).expect("it runs");
    service.await.expect("no panic").expect("a clean end");
    let mut follower = log.follow(0, &[Service::Notifier]).await.expect("a log");
    let frames = follower.ready(1_000).await.expect("a log");
    let records = frames.iter().flat_map(|stored| &stored.frame.records);
    records
        .filter_map(|record| match &record.body {
            Body::NoticeAttempted(attempted) => Some(attempted.clone()),
            _ => None,
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_backlog_is_announced_once_and_only_a_predecessors_sends_are_labelled() {
    let log = Log::Memory(MemoryLog::default());
    write(&log, Service::Intake, vec![record(0, directory())]).await;
    let requests = (1..=BACKLOG).map(|n| record(n, request(n))).collect();
    write(&log, Service::Rules, requests).await;

    let first = notify(&log, 1).await;
    assert!(!first.is_empty());
    for announced in &first {
        assert!(!announced.possible_duplicate, "{announced:?}");
        assert_eq!(announced.attempt, 1);
    }

    // It ended without a report: whoever comes next cannot know what arrived.
    let both = notify(&log, 2).await;
    let again = &both[first.len()..];
    assert_eq!(again.len(), first.len());
    for announced in again {
        assert!(announced.possible_duplicate, "{announced:?}");
        assert_eq!(announced.attempt, 2);
    }
}
