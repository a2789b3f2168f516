//! The fence: an append has three outcomes (mine, not there, somebody else leads), and whatever
//! happens the log ends with the same decisions, each once.
//!
//! Time is tokio's paused time, so waiting costs nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use duban_intake::Intake;
use duban_journal::{Fault, Log, MemoryLog};
use duban_model::{Frame, FrameHead, Position, Service};
use duban_runtime::clock::Clock;
use duban_runtime::service::{Parts, RunError, run};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a test waits, in paused time, before a house that is not at rest is a failure.
const PATIENCE: Duration = Duration::from_mins(10);

struct House {
    log: MemoryLog,
    stop: watch::Sender<bool>,
    service: JoinHandle<Result<(), RunError>>,
    state: tempfile::TempDir,
}

fn start(log: &MemoryLog, incarnation: u64) -> House {
    let state = tempfile::tempdir().unwrap();
    start_in(log, incarnation, state)
}

fn start_in(log: &MemoryLog, incarnation: u64, state: tempfile::TempDir) -> House {
    let (stop, shutdown) = watch::channel(false);
    let parts = Parts {
        log: Log::Memory(log.clone()),
        state_dir: Some(state.path().join("intake").into()),
        clock: Clock::Virtual,
        effects: None,
        shutdown,
        incarnation,
    };
    House {
        log: log.clone(),
        stop,
        service: tokio::spawn(run::<Intake>(parts)),
        state,
    }
}

impl House {
    async fn submit(&self, n: u32) {
        let event = format!(
            r#"{{"specversion":"1.0","id":"{n}","source":"urn:test","type":"duban.clock.advanced","tenant":"t","data":{{"to":"2021-07-01T00:00:{:02}Z","fire":false}}}}"#,
            n % 60
        );
        let log = Log::Memory(self.log.clone());
        log.submit("t", "clock.advanced", Bytes::from(event))
            .await
            .unwrap();
    }

    /// Waits until everything submitted is decided by frames of `incarnation`, or by anybody's.
    async fn settle(&self) {
        let log = Log::Memory(self.log.clone());
        let wait = async {
            loop {
                let head = log.inbox_head().await.unwrap();
                let last = log.last_frame(Service::Intake).await.unwrap();
                if last.is_some_and(|stored| stored.frame.head.through.seq >= head) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("at rest");
    }

    async fn stop(self) -> (Result<(), RunError>, tempfile::TempDir) {
        let _ = self.stop.send(true);
        (self.service.await.unwrap(), self.state)
    }
}

/// The ids on the log, in order.
async fn ids(log: &MemoryLog) -> Vec<String> {
    let log = Log::Memory(log.clone());
    let mut follower = log.follow(0, &[Service::Intake]).await.unwrap();
    let frames = follower.ready(10_000).await.unwrap();
    frames
        .iter()
        .flat_map(|stored| &stored.frame.records)
        .map(|record| record.id.to_string())
        .collect()
}

async fn undisturbed(count: u32) -> Vec<String> {
    let house = start(&MemoryLog::new(), 1);
    for n in 0..count {
        house.submit(n).await;
        house.settle().await;
    }
    let log = house.log.clone();
    house.stop().await.0.unwrap();
    ids(&log).await
}

/// Another writer's frame after the first `decided` inputs.
fn foreign_frame(decided: u64) -> Arc<Frame> {
    Arc::new(Frame::new(
        FrameHead {
            service: Service::Intake,
            incarnation: 999,
            number: decided + 1,
            through: Position {
                seq: decided,
                index: 0,
            },
            release: "test".to_owned(),
            previous: None,
        },
        Vec::new(),
    ))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_is_recognised_and_nothing_is_written_twice() {
    let expected = undisturbed(5).await;
    let house = start(&MemoryLog::new(), 1);
    for n in 0..5 {
        house.log.fail_next(Service::Intake, Fault::LostAnswer);
        house.submit(n).await;
        house.settle().await;
    }
    assert_eq!(ids(&house.log).await, expected);
    house.stop().await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_did_not_arrive_is_retried_identically_however_often() {
    let expected = undisturbed(3).await;
    let house = start(&MemoryLog::new(), 1);
    for n in 0..3 {
        for _ in 0..7 {
            house.log.fail_next(Service::Intake, Fault::NotAppended);
        }
        house.submit(n).await;
        house.settle().await;
    }
    assert_eq!(ids(&house.log).await, expected);
    house.stop().await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_lost_its_leadership_forgets_its_speculation_and_decides_again_from_the_log() {
    let expected = undisturbed(4).await;
    let house = start(&MemoryLog::new(), 1);
    for n in 0..4 {
        // Another writer gets a frame in that moves nothing; ours is refused and thrown away.
        let intruder = Fault::Intruder(foreign_frame(u64::from(n)));
        house.log.fail_next(Service::Intake, intruder);
        house.submit(n).await;
        house.settle().await;
    }
    let found = ids(&house.log).await;
    assert_eq!(found, expected, "each decision once, none lost");
    house.stop().await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_log_that_takes_no_more_ends_the_service_without_a_word_of_success() {
    let house = start(&MemoryLog::new(), 1);
    house.submit(0).await;
    house.settle().await;
    house.log.fail_next(Service::Intake, Fault::Broken);
    house.submit(1).await;
    // Paused time would outrun the store's own thread, so there is no timeout: it ends by itself.
    let ended = house.service.await.unwrap();
    assert!(matches!(ended, Err(RunError::Log(_))), "{ended:?}");
    assert_eq!(ids(&house.log).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_processes_that_both_believe_to_lead_decide_everything_once() {
    let log = MemoryLog::new();
    let (one, other) = (start(&log, 1), start(&log, 2));
    for n in 0..40 {
        one.submit(n).await;
        if n % 5 == 0 {
            one.settle().await;
        }
    }
    one.settle().await;
    let found = ids(&log).await;
    let unique: BTreeSet<_> = found.iter().collect();
    assert_eq!(unique.len(), found.len(), "no decision twice");
    assert_eq!(found.len(), 40, "none lost");
    one.stop().await.0.unwrap();
    other.stop().await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn state_that_was_deleted_is_rebuilt_from_the_log_alone() {
    let expected = undisturbed(6).await;
    let house = start(&MemoryLog::new(), 1);
    for n in 0..3 {
        house.submit(n).await;
    }
    house.settle().await;
    let log = house.log.clone();
    let (ended, state) = house.stop().await;
    ended.unwrap();
    drop(state);
    let house = start(&log, 2);
    for n in 0..6 {
        // The first three come again; the rebuilt intake knows them.
        house.submit(n).await;
    }
    house.settle().await;
    let found = ids(&log).await;
    for id in &expected {
        assert_eq!(found.iter().filter(|f| *f == id).count(), 1);
    }
    assert_eq!(found.len(), 9, "six facts and three recorded duplicates");
    house.stop().await.0.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_state_of_another_log_is_set_aside() {
    let house = start(&MemoryLog::new(), 1);
    house.submit(0).await;
    house.settle().await;
    let (ended, state) = house.stop().await;
    ended.unwrap();
    let house = start_in(&MemoryLog::new(), 2, state);
    house.submit(7).await;
    house.settle().await;
    let log = house.log.clone();
    let (ended, state) = house.stop().await;
    ended.unwrap();
    assert_eq!(ids(&log).await.len(), 1);
    assert!(state.path().join("intake.set-aside-1").exists());
}
