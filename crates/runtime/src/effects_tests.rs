//! Lanes side by side, in virtual time.

use std::pin::Pin;
use std::time::Duration;

use duban_journal::MemoryLog;
use duban_model::Envelope;
use duban_model::fact::Outcome;
use tokio::time::Instant;

use super::*;
use crate::channel::tests::message;
use crate::channel::{Endpoint, Serves, SimulatedChannel, Way};
use crate::lane::Limit;

/// Answers after so many seconds.
#[derive(Debug)]
struct After(u64, Answer);

impl SimulatedChannel for After {
    fn send<'a>(&'a self, _: &'a Message) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async {
            tokio::time::sleep(Duration::from_secs(self.0)).await;
            self.1.clone()
        })
    }
}

fn endpoint(unit: &str, after: After, limits: Vec<Limit>) -> Endpoint {
    Endpoint {
        name: format!("of-{unit}"),
        serves: Serves::Only([unit.to_owned()].into()),
        way: Way::Simulated(Arc::new(after)),
        limits,
    }
}

struct Bench {
    log: Log,
    runner: Runner,
    workers: Workers,
}

impl Bench {
    fn new(endpoints: Vec<Endpoint>) -> Bench {
        let log = Log::Memory(MemoryLog::new());
        let channels = Channels::new(endpoints, [].into()).unwrap();
        let (_, shutdown) = watch::channel(false);
        let (runner, workers) = start(log.clone(), Arc::new(channels), shutdown);
        Bench {
            log,
            runner,
            workers,
        }
    }

    async fn send(&self, unit: &str, number: usize) {
        let message = Message {
            notice: format!("{unit}-{number}"),
            contact: format!("{unit}/office"),
            ..message()
        };
        self.runner
            .perform(Effect::Send(message), &Tenure::alone())
            .await;
    }

    /// The next reports, in order.
    async fn reports(&self, many: u64, after: u64) -> Vec<DeliveryReported> {
        let mut inbox = self.log.follow_inbox(after).await.unwrap();
        let mut reports = Vec::new();
        while (reports.len() as u64) < many {
            for sent in inbox.next(100).await.unwrap() {
                let envelope = Envelope::parse(&sent.bytes).unwrap();
                let Body::DeliveryReported(report) = envelope.body else {
                    panic!("only reports are made here");
                };
                reports.push(report);
            }
        }
        reports
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_lane_holds_back_no_other() {
    let slow = Limit {
        messages: 1,
        seconds: 60,
    };
    let bench = Bench::new(vec![
        endpoint("slow", After(20, Answer::delivered("")), vec![slow]),
        endpoint("fast", After(0, Answer::delivered("")), vec![]),
    ]);
    let start = Instant::now();
    for number in 0..50 {
        bench.send("slow", number).await;
    }
    for number in 0..50 {
        bench.send("fast", number).await;
    }
    let first = bench.reports(50, 0).await;
    assert!(first.iter().all(|report| report.notice.starts_with("fast")));
    assert!(start.elapsed() < Duration::from_secs(1));
    let all = bench.reports(100, 0).await;
    assert!(
        all.iter()
            .all(|report| report.outcome == Outcome::Delivered)
    );
    let order: Vec<_> = all[50..]
        .iter()
        .map(|report| report.notice.clone())
        .collect();
    let wanted: Vec<_> = (0..50).map(|number| format!("slow-{number}")).collect();
    assert_eq!(order, wanted, "in the order announced");
    assert_eq!(
        start.elapsed().as_secs(),
        50 * 80 - 60,
        "one a minute after the other's end"
    );
    drop(bench.runner);
    bench.workers.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_fails_for_now_and_nothing_is_lost() {
    let bench = Bench::new(vec![endpoint(
        "a",
        After(u64::MAX / 2, Answer::delivered("")),
        vec![],
    )]);
    // As many as wait, and those that are under way once the workers had a moment.
    for number in 0..QUEUED_SENDS + 8 {
        bench.send("a", number).await;
        tokio::task::yield_now().await;
    }
    bench.send("a", 9_999).await;
    let reports = bench.reports(1, 0).await;
    assert_eq!(reports[0].notice, "a-9999");
    assert_eq!(reports[0].outcome, Outcome::Failed);
    assert_eq!(reports[0].retry_after_seconds, Some(60));
}

#[tokio::test(start_paused = true)]
async fn what_a_service_says_of_waiting_is_reported_and_held_for_the_others() {
    let busy = Answer::busy("429", Duration::from_millis(90_500));
    let bench = Bench::new(vec![endpoint("a", After(0, busy), vec![])]);
    bench.send("a", 1).await;
    bench.reports(1, 0).await;
    tokio::time::advance(Duration::from_secs(30)).await;
    bench.send("a", 2).await;
    bench.send("nobody", 3).await;
    let mut reports = bench.reports(3, 0).await;
    reports.sort_by_key(|report| report.notice.clone());
    let said = |report: &DeliveryReported| (report.outcome, report.retry_after_seconds);
    assert_eq!(said(&reports[0]), (Outcome::Failed, Some(91)));
    assert_eq!(said(&reports[1]), (Outcome::Failed, Some(61)));
    assert!(reports[1].detail.contains("of-a"), "{:?}", reports[1]);
    assert_eq!(said(&reports[2]), (Outcome::Failed, None));
    assert!(
        reports[2].detail.contains("serves nobody/office"),
        "{:?}",
        reports[2]
    );
}

#[tokio::test(start_paused = true)]
async fn a_send_that_hangs_is_unknown_and_five_of_them_rest_the_lane() {
    let limit = Limit {
        messages: 1,
        seconds: 1,
    };
    let hangs = After(u64::MAX / 2, Answer::delivered(""));
    let bench = Bench::new(vec![endpoint("a", hangs, vec![limit])]);
    for number in 0..7 {
        bench.send("a", number).await;
    }
    let reports = bench.reports(7, 0).await;
    for report in &reports[..5] {
        assert_eq!(report.outcome, Outcome::Unknown, "{report:?}");
    }
    for report in &reports[5..] {
        assert_eq!(report.outcome, Outcome::Failed, "{report:?}");
        assert!(
            report
                .retry_after_seconds
                .is_some_and(|s| (1..=30).contains(&s)),
            "{report:?}"
        );
    }
}
