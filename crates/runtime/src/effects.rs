//! Performing what was announced, and reporting what became of it.
//!
//! The runner takes effects only after their record is on the log, in bounded number, and puts
//! every outcome into the inbox. It decides nothing: retries are the notifier's. A send that has
//! not begun when its leader's tenure is over is dropped: the successor announces it again.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Log, SubmitError};
use duban_model::fact::DeliveryReported;
use duban_model::record::cut;
use duban_model::{Body, Effect, Envelope, Message, RecordType};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::channel::{Answer, Channels, unserved};
use crate::leadership::Tenure;
use crate::submit::submit;

/// Sends that wait for a worker; beyond it, the notifier waits.
pub const QUEUED_SENDS: usize = 1_024;
/// Sends under way at once.
pub const WORKERS: usize = 8;
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
    sends: mpsc::Sender<Order>,
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

impl Runner {
    /// Hands an effect over, to be begun only while the tenure holds; waits while the queue is
    /// full.
    pub async fn perform(&self, effect: Effect, tenure: &Tenure) {
        let Effect::Send(message) = effect;
        let order = Order {
            message,
            tenure: tenure.clone(),
            _place: Place::take(&self.open),
        };
        if self.sends.send(order).await.is_err() {
            error!("the effect runner has ended; the send is announced again at the next start");
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

/// Starts the workers.
pub fn start(
    log: Log,
    channels: Arc<Channels>,
    shutdown: watch::Receiver<bool>,
) -> (Runner, Workers) {
    let (sends, queue) = mpsc::channel(QUEUED_SENDS);
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..WORKERS {
        tasks.spawn(work(
            log.clone(),
            channels.clone(),
            queue.clone(),
            shutdown.clone(),
        ));
    }
    let open = Arc::new(watch::Sender::new(0));
    (Runner { sends, open }, Workers { tasks })
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
    log: Log,
    channels: Arc<Channels>,
    queue: Arc<Mutex<mpsc::Receiver<Order>>>,
    shutdown: watch::Receiver<bool>,
) {
    loop {
        let Some(order) = queue.lock().await.recv().await else {
            return;
        };
        let message = &order.message;
        if !order.tenure.confirmed().await {
            warn!(notice = %message.notice, attempt = message.attempt, "not sent: another leads and announces it again");
            continue;
        }
        let send = async {
            match channels.serving(message.channel, &message.contact) {
                Some(place) => channels.send(place, message).await,
                None => unserved(message),
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(SEND_SECONDS), send)
            .await
            .unwrap_or_else(|_| Answer::unknown(format!("no answer within {SEND_SECONDS} s")));
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
        report_until_taken(&log, &report, &shutdown).await;
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
