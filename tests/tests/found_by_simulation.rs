//! What the simulation found, each as the shortest way to it: the seeds that found it may draw
//! something else tomorrow.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use duban_intake::Intake;
use duban_journal::{Calm, Fate, Log, Request, SimulatedLog, Weather};
use duban_model::decision::{TimerArmed, TimerDisarmed, When};
use duban_model::{
    Body, Decider, Frame, FrameHead, Position, Record, RecordId, Service, Timestamp,
};
use duban_runtime::clock::{Clock, SimulatedClock};
use duban_runtime::service::{Parts, RunError, run};
use duban_scheduler::Scheduler;
use duban_store::{Moment, Moments, Place, SimulatedDisk};
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Time enough, in paused time, for anything that is going to happen.
const A_WHILE: Duration = Duration::from_secs(20);

/// Loses the first reading after the first append, and the second append.
#[derive(Debug, Default)]
struct TwoLosses {
    appends: AtomicU32,
    lost: AtomicU32,
}

impl Weather for TwoLosses {
    fn before(&self, request: Request) -> BoxFuture<'_, Fate> {
        let appended = self.appends.load(Ordering::SeqCst);
        let lost = self.lost.load(Ordering::SeqCst);
        let loses = match request {
            Request::Append(_) => {
                self.appends.fetch_add(1, Ordering::SeqCst);
                appended == 1
            }
            Request::Read => appended == 1 && lost == 0,
            Request::Look | Request::Submit => false,
        };
        self.lost.fetch_add(u32::from(loses), Ordering::SeqCst);
        let fate = if loses {
            Fate::Lost("lost".to_owned())
        } else {
            Fate::Arrives
        };
        Box::pin(std::future::ready(fate))
    }

    fn after(&self, _request: Request) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn breaks(&self) -> BoxFuture<'_, String> {
        Box::pin(std::future::pending())
    }
}

#[derive(Debug)]
struct Unhurt;

impl Moments for Unhurt {
    fn reached(&self, _moment: Moment) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

struct Running {
    stop: watch::Sender<bool>,
    service: JoinHandle<Result<(), RunError>>,
}

fn start<D: Decider>(log: Log, disk: Option<&SimulatedDisk>, incarnation: u64) -> Running {
    let (stop, shutdown) = watch::channel(false);
    let parts = Parts {
        log,
        state_dir: disk.map(|disk| Place::Simulated(disk.clone())),
        clock: Clock::Simulated(SimulatedClock::new(at("2021-07-01T00:00:00Z"))),
        effects: None,
        shutdown,
        incarnation,
    };
    let service = tokio::spawn(run::<D>(parts));
    Running { stop, service }
}

impl Running {
    async fn stop(self) {
        let _ = self.stop.send(true);
        self.service.await.expect("no panic").expect("a clean end");
    }
}

/// A process whose connection broke leads again, and numbered its frames from 1 again. When its
/// next frame got lost, the fence found its first one, took it for the lost one, and the inputs
/// decided in it were lost for ever.
#[tokio::test(start_paused = true)]
async fn a_lost_frame_is_not_taken_for_an_earlier_one_of_the_same_process() {
    let calm = SimulatedLog::new(Arc::new(Calm));
    let log = Log::Simulated(calm.clone());
    let weather = Arc::new(TwoLosses::default());
    let intake = start::<Intake>(Log::Simulated(calm.connect(weather.clone())), None, 7);
    for _ in 0..2 {
        log.submit("t", "task.accepted", Bytes::from_static(b"{"))
            .await
            .expect("taken");
        tokio::time::sleep(A_WHILE).await;
    }
    intake.stop().await;
    assert_eq!(weather.lost.load(Ordering::SeqCst), 2, "both were lost");
    let mut follower = log.follow(0, &[Service::Intake]).await.expect("calm");
    let frames = follower.ready(100).await.expect("calm");
    let records: usize = frames.iter().map(|stored| stored.frame.records.len()).sum();
    assert_eq!(records, 2, "each event became a record: {frames:?}");
    let numbers: Vec<u64> = frames
        .iter()
        .map(|stored| stored.frame.head.number)
        .collect();
    assert_eq!(numbers, [1, 2], "a process gives no number twice");
}

fn record(n: u8, loggedat: &str, body: Body) -> Arc<Record> {
    let id = RecordId::derive(&[&[n]]);
    Arc::new(Record {
        id,
        source: Cow::Borrowed("duban/rules"),
        tenant: "t".into(),
        ledger: None,
        subject: None,
        time: None,
        loggedat: at(loggedat),
        cause: None,
        correlation: id,
        definition: None,
        origin: None,
        body,
    })
}

async fn write(log: &Log, service: Service, number: u64, after: u64, record: Arc<Record>) -> u64 {
    let head = FrameHead {
        service,
        incarnation: 1,
        number,
        through: Position::START,
        release: "test".to_owned(),
        previous: None,
    };
    let records = vec![record];
    let frame = Arc::new(Frame::new(head, records));
    log.append(frame, after).await.expect("appended")
}

fn armed(timer: &str, owner: Service) -> Body {
    Body::TimerArmed(TimerArmed {
        timer: timer.to_owned(),
        owner,
        when: When::At(at("2022-01-01T00:00:00Z")),
        step: "due".to_owned(),
    })
}

/// After an empty frame a service that started from its store no longer knew its last `loggedat`,
/// and what it decided next on an older record was stamped with an earlier instant.
#[tokio::test(start_paused = true)]
async fn time_does_not_run_back_when_a_service_starts_after_an_empty_frame() {
    let log = Log::Simulated(SimulatedLog::new(Arc::new(Calm)));
    let disk = SimulatedDisk::new(Arc::new(Unhurt));
    let noon = "2021-07-01T12:00:00Z";
    let one = armed("one", Service::Rules);
    let seq = write(&log, Service::Rules, 1, 0, record(1, noon, one)).await;
    let unknown = Body::TimerDisarmed(TimerDisarmed {
        timer: "unknown".to_owned(),
        owner: Service::Rules,
    });
    let first = start::<Scheduler>(log.clone(), Some(&disk), 1);
    tokio::time::sleep(A_WHILE).await;
    // Nothing follows from this, so that an empty frame confirms it.
    write(&log, Service::Rules, 2, seq, record(2, noon, unknown)).await;
    tokio::time::sleep(A_WHILE).await;
    first.stop().await;
    let last = log.last_frame(Service::Scheduler).await.expect("calm");
    assert!(last.is_some_and(|stored| stored.frame.records.is_empty()));

    let second = start::<Scheduler>(log.clone(), Some(&disk), 2);
    // Another service, which was decided on earlier, and is read later.
    let two = armed("two", Service::Notifier);
    let earlier = record(3, "2021-07-01T08:00:00Z", two);
    write(&log, Service::Notifier, 1, 0, earlier).await;
    tokio::time::sleep(A_WHILE).await;
    second.stop().await;
    let last = log.last_frame(Service::Scheduler).await.expect("calm");
    let last = last.expect("a frame").frame.records[0].loggedat;
    assert_eq!(last, at(noon), "not before what was written earlier");
}
