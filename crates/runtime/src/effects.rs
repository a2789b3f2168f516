//! Performing what was announced, and reporting what became of it.
//!
//! The runner takes effects only after their record is on the log, in bounded number, and puts
//! every outcome into the inbox. It decides nothing: retries are the notifier's. A send that has
//! not begun when its leader's tenure is over is dropped: the successor announces it again.
//!
//! Each endpoint has a lane of its own, with queue and workers, so that none waits for another.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Log, SubmitError};
use duban_model::fact::DeliveryReported;
use duban_model::record::cut;
use duban_model::{Body, Effect, Envelope, Message, RecordType};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::channel::{Answer, Channels, unserved};
use crate::lane::Lane;
use crate::leadership::Tenure;
use crate::submit::submit;

/// Sends that wait on one lane; beyond it they fail for now.
pub const QUEUED_SENDS: usize = 1_024;
/// A send that finds its lane full is to be tried again after so many seconds.
const FULL_SECONDS: u64 = 60;
/// Reports under way at once. Each waits for the inbox to be durable, which takes longer than a send to
/// a receiver nearby, so that workers do not wait for it.
const REPORTERS: usize = 32;
/// One send may take this long, in seconds; then its outcome is unknown.
pub const SEND_SECONDS: u64 = 30;
/// The longest wait before a report is offered to the inbox again, in milliseconds.
const LONGEST_REPORT_WAIT_MILLIS: u64 = 5_000;
/// When the process stops, queued sends may take this long in all, in seconds; the rest is
/// announced again, labelled, by whoever comes next.
const DRAIN_SECONDS: u64 = 10;
/// The longest detail reported, in bytes.
const DETAIL_BYTES: usize = 500;

/// The source that reports bear.
pub const EFFECTS_SOURCE: &str = "urn:duban:effects";

/// Takes effects to be performed. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Runner {
    channels: Arc<Channels>,
    /// By the endpoint's place.
    lanes: Arc<[mpsc::Sender<Order>]>,
    /// Their states, likewise.
    states: Arc<[Arc<Lane>]>,
    /// What is to be reported.
    answered: mpsc::Sender<Answered>,
    /// Orders taken and not done with.
    open: Arc<watch::Sender<usize>>,
}

/// A send to be made, and by whose right.
#[derive(Debug)]
struct Order {
    message: Message,
    tenure: Tenure,
    _place: Place,
}

/// What became of an order.
#[derive(Debug)]
struct Answered {
    order: Order,
    answer: Answer,
    /// The send began, so that its outcome is reported whoever leads by now.
    begun: bool,
}

/// Counts an order until it is done with.
#[derive(Debug)]
struct Place(Arc<watch::Sender<usize>>);

impl Place {
    fn take(open: &Arc<watch::Sender<usize>>) -> Place {
        open.send_modify(|count| *count += 1);
        Place(open.clone())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// How a lane stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneNow {
    /// Its endpoint.
    pub name: String,
    /// Sends that wait on it.
    pub waiting: usize,
    /// It rests after failures in a row.
    pub rests: bool,
}

/// Looks at the lanes without keeping them open.
#[derive(Clone, Debug)]
pub struct LanesView(Vec<(Arc<Lane>, mpsc::WeakSender<Order>)>);

impl LanesView {
    /// How each lane stands.
    pub fn now(&self) -> Vec<LaneNow> {
        let now = |(lane, sends): &(Arc<Lane>, mpsc::WeakSender<Order>)| LaneNow {
            name: lane.name().to_owned(),
            waiting: sends
                .upgrade()
                .map_or(0, |sends| QUEUED_SENDS - sends.capacity()),
            rests: lane.is_resting(),
        };
        self.0.iter().map(now).collect()
    }
}

impl Runner {
    /// For whoever measures.
    pub fn view(&self) -> LanesView {
        let lanes = self.states.iter().cloned();
        let sends = self.lanes.iter().map(mpsc::Sender::downgrade);
        LanesView(lanes.zip(sends).collect())
    }

    /// Hands an effect over, to be begun only while the tenure holds. Never waits for a lane: what
    /// finds its lane full has failed for now.
    pub async fn perform(&self, effect: Effect, tenure: &Tenure) {
        let Effect::Send(message) = effect;
        let order = Order {
            message,
            tenure: tenure.clone(),
            _place: Place::take(&self.open),
        };
        let message = &order.message;
        let (order, answer) = match self.channels.serving(message.channel, &message.contact) {
            None => {
                let answer = unserved(message);
                (order, answer)
            }
            Some(place) => match self.lanes[place].try_send(order) {
                Ok(()) => return,
                Err(TrySendError::Closed(_)) => return ended(),
                Err(TrySendError::Full(order)) => {
                    let name = &self.channels.endpoints()[place].name;
                    let detail = format!("not sent: {QUEUED_SENDS} wait for endpoint {name}");
                    (
                        order,
                        Answer::busy(detail, Duration::from_secs(FULL_SECONDS)),
                    )
                }
            },
        };
        let begun = false;
        let answered = Answered {
            order,
            answer,
            begun,
        };
        if self.answered.send(answered).await.is_err() {
            ended();
        }
    }

    /// Waits until everything handed over is done with, for a bounded time.
    pub async fn settled(&self) {
        let mut open = self.open.subscribe();
        let none = open.wait_for(|count| *count == 0);
        if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS), none)
            .await
            .is_err()
        {
            warn!(
                "sends were still under way after {DRAIN_SECONDS} s; whoever comes next announces them again"
            );
        }
    }
}

/// The workers behind a runner.
#[derive(Debug)]
pub struct Workers {
    tasks: JoinSet<()>,
}

fn ended() {
    error!("the effect runner has ended; the send is announced again at the next start");
}

/// Starts the workers of every lane.
pub fn start(
    log: Log,
    channels: Arc<Channels>,
    shutdown: watch::Receiver<bool>,
) -> (Runner, Workers) {
    let reports = Reports { log, shutdown };
    let mut tasks = JoinSet::new();
    let (answered, to_report) = mpsc::channel(QUEUED_SENDS);
    let mut lanes = Vec::new();
    let mut states = Vec::new();
    for (place, endpoint) in channels.endpoints().iter().enumerate() {
        let (sends, queue) = mpsc::channel(QUEUED_SENDS);
        lanes.push(sends);
        let queue = Arc::new(Mutex::new(queue));
        let lane = Arc::new(Lane::new(&endpoint.name, endpoint.limits.clone()));
        states.push(lane.clone());
        for _ in 0..endpoint.way.at_once() {
            tasks.spawn(work(
                answered.clone(),
                channels.clone(),
                place,
                lane.clone(),
                queue.clone(),
            ));
        }
    }
    let to_report = Arc::new(Mutex::new(to_report));
    for _ in 0..REPORTERS {
        tasks.spawn(report(reports.clone(), to_report.clone()));
    }
    let runner = Runner {
        channels,
        lanes: lanes.into(),
        states: states.into(),
        answered,
        open: Arc::new(watch::Sender::new(0)),
    };
    (runner, Workers { tasks })
}

impl Workers {
    /// Waits for queued sends, for a bounded time. Call after every runner is dropped.
    pub async fn drain(mut self) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(DRAIN_SECONDS), all)
            .await
            .is_err()
        {
            warn!(
                "sends were still under way after {DRAIN_SECONDS} s; they are announced again at the next start"
            );
        }
    }
}

async fn work(
    answered: mpsc::Sender<Answered>,
    channels: Arc<Channels>,
    place: usize,
    lane: Arc<Lane>,
    queue: Arc<Mutex<mpsc::Receiver<Order>>>,
) {
    loop {
        let Some(order) = queue.lock().await.recv().await else {
            return;
        };
        let turn = lane.turn().await;
        let message = &order.message;
        if !order.tenure.confirmed().await {
            warn!(notice = %message.notice, attempt = message.attempt, "not sent: another leads and announces it again");
            continue;
        }
        let begun = turn.is_ok();
        let answer = match turn {
            Err(answer) => answer,
            Ok(turn) => {
                let send = channels.send(place, message);
                let answer = tokio::time::timeout(Duration::from_secs(SEND_SECONDS), send)
                    .await
                    .unwrap_or_else(|_| {
                        Answer::unknown(format!("no answer within {SEND_SECONDS} s"))
                    });
                turn.sent(&answer);
                answer
            }
        };
        let done = Answered {
            order,
            answer,
            begun,
        };
        if answered.send(done).await.is_err() {
            return ended();
        }
    }
}

/// Reports what became of orders.
async fn report(reports: Reports, queue: Arc<Mutex<mpsc::Receiver<Answered>>>) {
    loop {
        let Some(answered) = queue.lock().await.recv().await else {
            return;
        };
        let order = &answered.order;
        if answered.begun || order.tenure.confirmed().await {
            reports.make(&order.message, answered.answer).await;
        }
    }
}

/// Where outcomes go.
#[derive(Clone)]
struct Reports {
    log: Log,
    shutdown: watch::Receiver<bool>,
}

impl Reports {
    async fn make(&self, message: &Message, answer: Answer) {
        let report = Envelope {
            id: format!("{}/{}", message.notice, message.attempt),
            source: EFFECTS_SOURCE.to_owned(),
            kind: RecordType::DeliveryReported,
            time: None,
            tenant: message.tenant.clone(),
            ledger: None,
            body: Body::DeliveryReported(DeliveryReported {
                notice: message.notice.clone(),
                attempt: message.attempt,
                outcome: answer.outcome,
                detail: cut(&answer.detail, DETAIL_BYTES).to_owned(),
                retry_after_seconds: answer.wait_seconds(),
            }),
        };
        report_until_taken(&self.log, &report, &self.shutdown).await;
    }
}

/// An outcome that is not reported counts as unknown, so it is offered until it is taken.
async fn report_until_taken(log: &Log, report: &Envelope, shutdown: &watch::Receiver<bool>) {
    let mut wait = 20;
    loop {
        match submit(log, report).await {
            Ok(_) => return,
            Err(SubmitError::Unavailable(why) | SubmitError::Unknown(why)) => {
                if *shutdown.borrow() {
                    return;
                }
                warn!(why, "a delivery report waits for the inbox");
                tokio::time::sleep(Duration::from_millis(wait)).await;
                wait = (wait * 2).min(LONGEST_REPORT_WAIT_MILLIS);
            }
            Err(fault) => {
                error!(%fault, "a delivery report cannot be made; the send is announced again at the next start");
                return;
            }
        }
    }
}

#[cfg(test)]
#[path = "effects_tests.rs"]
mod tests;
