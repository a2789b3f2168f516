//! Following a stream with an ephemeral pull consumer that is made anew after every disturbance.
//!
//! The server numbers what it delivers to a consumer; a gap in these numbers, a lost connection or
//! a missed heartbeat ends the *session* (consumer and subscription), and the next one begins after
//! the last message taken. So there is neither gap nor repetition, whatever happens to the server.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::{Instant, Sleep, sleep};

use super::wire::{ATTEMPT_PAUSE, PATIENCE, Turn, Wire};
use super::{NO_MESSAGE, last_sequence, unexpected};
use crate::draw_id;
use crate::fault::LogError;

/// Messages asked for at once.
const PULL_MESSAGES: usize = 256;

/// Bytes asked for at once; more than the largest message.
const PULL_BYTES: usize = 4 * 1024 * 1024;

/// How long the server keeps one request for messages open.
const PULL_TIME: Duration = Duration::from_secs(20);

/// How often the server says that it is there while it has nothing to deliver.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Silence after which a session is given up: two heartbeats and some grace.
const SILENCE: Duration = Duration::from_secs(5);

/// How long the server keeps a consumer that nobody asks for messages.
const CONSUMER_LIFE: Duration = Duration::from_mins(1);

/// Reads a message.
pub(super) type Decode<T> = Box<dyn Fn(Delivery) -> Result<T, LogError> + Send + Sync>;

/// What is followed, and how its messages are read.
pub(super) struct Stream<T> {
    pub(super) wire: Wire,
    /// The stream's name.
    pub(super) name: String,
    /// The subjects wanted; none means all.
    pub(super) filters: Vec<String>,
    /// True if every message of the stream is wanted, so that a gap is damage.
    pub(super) is_whole: bool,
    pub(super) decode: Decode<T>,
}

/// A message and its sequence in the stream.
pub(super) struct Delivery {
    pub(super) seq: u64,
    pub(super) message: Message,
}

/// Reads one stream in order.
pub(crate) struct StreamFollower<T> {
    stream: Stream<T>,
    /// Everything wanted up to here was taken into `found` or returned.
    after: u64,
    /// Received and not yet returned; kept here so that a cancelled call loses nothing.
    found: VecDeque<T>,
    session: Option<Session>,
    /// The next session, being made; kept here so that calls cancelled again and again still get
    /// somewhere.
    beginning: Option<BoxFuture<'static, Result<Session, LogError>>>,
}

struct Session {
    consumer: String,
    inbox: String,
    messages: Subscriber,
    turns: broadcast::Receiver<Turn>,
    /// When the server will have been silent for too long. Kept here so that a wait cancelled
    /// again and again still ends.
    deadline: Pin<Box<Sleep>>,
    /// The last number that the server gave to a delivery.
    delivered: u64,
    /// Messages that the server had still to deliver, as far as it said.
    pending: u64,
    /// Counts the requests for messages.
    pull: u64,
    /// Messages that may still come for the last request; 0 when it is over.
    open: usize,
}

impl<T> fmt::Debug for StreamFollower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamFollower")
            .field("stream", &self.stream.name)
            .field("filters", &self.stream.filters)
            .field("after", &self.after)
            .field("found", &self.found.len())
            .finish_non_exhaustive()
    }
}

impl<T> StreamFollower<T> {
    pub(super) fn new(stream: Stream<T>, after: u64) -> StreamFollower<T> {
        StreamFollower {
            stream,
            after,
            found: VecDeque::new(),
            session: None,
            beginning: None,
        }
    }

    pub(crate) async fn next(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        if self.stream.filters.is_empty() && !self.stream.is_whole {
            // Nobody's frames are wanted; to the server, no filter would mean everybody's.
            std::future::pending::<()>().await;
        }
        let mut failing = None;
        while self.found.is_empty() {
            let received = self.receive(max).await;
            self.bear(received, &mut failing).await?;
        }
        Ok(self.take(max))
    }

    pub(crate) async fn ready(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        let mut failing = None;
        let mut target = None;
        while self.found.len() < max && target.is_none_or(|target| self.after < target) {
            let step = self.approach(&mut target, max).await;
            self.bear(step, &mut failing).await?;
        }
        Ok(self.take(max))
    }

    /// One step towards having everything that was there when `target` was set.
    async fn approach(&mut self, target: &mut Option<u64>, max: usize) -> Result<(), LogError> {
        let Some(target) = *target else {
            *target = Some(last_sequence(&self.stream.wire, &self.stream.name).await?);
            return Ok(());
        };
        // A consumer's own count of what is pending may lag behind an acknowledgement, so when it
        // has nothing more, the stream itself is asked.
        let more_to_come = self.session.as_ref().is_some_and(|s| s.pending > 0);
        if self.stream.is_whole
            || more_to_come
            || Self::is_any_up_to(&self.stream, self.after, target).await?
        {
            self.receive(max).await
        } else {
            self.after = target;
            Ok(())
        }
    }

    /// True if the stream holds a message wanted after the last one taken and up to `target`.
    ///
    /// Takes no `&self`: a session being made is not `Sync`, and a follower moves between threads.
    async fn is_any_up_to(stream: &Stream<T>, after: u64, target: u64) -> Result<bool, LogError> {
        let api = format!("STREAM.MSG.GET.{}", stream.name);
        for filter in &stream.filters {
            let which = json!({ "seq": after + 1, "next_by_subj": filter });
            match stream.wire.api(&api, &which).await? {
                Ok(found)
                    if found["message"]["seq"]
                        .as_u64()
                        .is_some_and(|seq| seq <= target) =>
                {
                    return Ok(true);
                }
                Ok(_) => {}
                Err(error) if error.err_code == NO_MESSAGE => {}
                Err(error) => return Err(unexpected(&stream.name, &error)),
            }
        }
        Ok(false)
    }

    /// Takes a step's outcome: faults worth a retry end the session and are borne a while.
    async fn bear(
        &mut self,
        outcome: Result<(), LogError>,
        failing: &mut Option<Instant>,
    ) -> Result<(), LogError> {
        match outcome {
            Ok(()) => *failing = None,
            Err(LogError::Unavailable(why)) => {
                self.session = None;
                // By time: an attempt may fail at once, or only when no answer came for long.
                if failing.get_or_insert_with(Instant::now).elapsed() >= PATIENCE {
                    return Err(LogError::Unavailable(why));
                }
                tracing::debug!(stream = %self.stream.name, after = self.after, %why, "following again");
                sleep(ATTEMPT_PAUSE).await;
            }
            Err(fault) => {
                self.session = None;
                return Err(fault);
            }
        }
        Ok(())
    }

    fn take(&mut self, max: usize) -> Vec<T> {
        let count = self.found.len().min(max);
        self.found.drain(..count).collect()
    }

    /// Waits for something from the server and takes what has come. Everything taken is in
    /// `found` before anything else is awaited.
    async fn receive(&mut self, max: usize) -> Result<(), LogError> {
        if self.session.is_none() {
            let beginning = self
                .beginning
                .get_or_insert_with(|| begin(&self.stream, self.after).boxed());
            let session = beginning.await;
            self.beginning = None;
            self.session = Some(session?);
        }
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        if session.open == 0 {
            // Cancelled while asking, the request may have gone out: its answers carry its number
            // and what it delivers is taken as well.
            session.pull += 1;
            let pull = json!({
                "batch": PULL_MESSAGES,
                "max_bytes": PULL_BYTES,
                "expires": nanos(PULL_TIME),
                "idle_heartbeat": nanos(HEARTBEAT),
            });
            self.stream
                .wire
                .ask(
                    format!(
                        "$JS.API.CONSUMER.MSG.NEXT.{}.{}",
                        self.stream.name, session.consumer
                    ),
                    format!("{}.{}", session.inbox, session.pull),
                    pull.to_string().into_bytes(),
                )
                .await?;
            session.open = PULL_MESSAGES;
            session.live();
        }
        let mut message = tokio::select! {
            biased;
            message = session.messages.next() => message,
            () = lost(&mut session.turns) => {
                return Err(LogError::Unavailable("the connection was lost".to_owned()));
            }
            () = &mut session.deadline => {
                return Err(LogError::Unavailable("no heartbeat from the server".to_owned()));
            }
        };
        loop {
            let Some(some) = message else {
                return Err(LogError::Unavailable(
                    "the subscription has ended".to_owned(),
                ));
            };
            self.accept(some)?;
            let Some(session) = &mut self.session else {
                return Ok(());
            };
            if self.found.len() >= max || session.open == 0 {
                return Ok(());
            }
            match session.messages.next().now_or_never() {
                None => return Ok(()),
                Some(next) => message = next,
            }
        }
    }

    fn accept(&mut self, message: Message) -> Result<(), LogError> {
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        session.live();
        if let Some(status) = message.status {
            if status == StatusCode::IDLE_HEARTBEAT {
                return Ok(());
            }
            let current = format!("{}.{}", session.inbox, session.pull);
            if message.subject.as_str() == current {
                session.open = 0;
            }
            // No messages or time is up: ask again. Anything else: the consumer may be gone.
            let description = message.description.as_deref().unwrap_or_default();
            let is_ordinary = status == StatusCode::NOT_FOUND
                || status == StatusCode::TIMEOUT
                || description.contains("MaxBytes")
                || description.contains("Batch Completed");
            return if is_ordinary {
                Ok(())
            } else {
                Err(LogError::Unavailable(format!(
                    "the consumer has ended: {status} {description}"
                )))
            };
        }
        let Some(place) = message.reply.as_deref().and_then(Place::parse) else {
            return Err(LogError::Unavailable(
                "a delivery without its numbers".to_owned(),
            ));
        };
        if place.delivered != session.delivered + 1 || place.seq <= self.after {
            return Err(LogError::Unavailable("a delivery was missed".to_owned()));
        }
        if self.stream.is_whole && place.seq != self.after + 1 {
            return Err(LogError::Damaged(format!(
                "{}: position {} is missing; the server goes on with {}. Restore the stream from a \
                 backup.",
                self.stream.name,
                self.after + 1,
                place.seq
            )));
        }
        let found = (self.stream.decode)(Delivery {
            seq: place.seq,
            message,
        })?;
        session.delivered = place.delivered;
        session.pending = place.pending;
        session.open = session.open.saturating_sub(1);
        self.after = place.seq;
        self.found.push_back(found);
        Ok(())
    }
}

impl Session {
    /// The server has shown that it is there.
    fn live(&mut self) {
        self.deadline.as_mut().reset(Instant::now() + SILENCE);
    }
}

/// Makes a consumer that begins after this sequence, and listens to it.
fn begin<T>(
    stream: &Stream<T>,
    after: u64,
) -> impl Future<Output = Result<Session, LogError>> + Send + 'static {
    let wire = stream.wire.clone();
    let name = stream.name.clone();
    let consumer = draw_id();
    let mut config = json!({
        "name": consumer,
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": after + 1,
        "ack_policy": "none",
        "replay_policy": "instant",
        "max_deliver": 1,
        "inactive_threshold": nanos(CONSUMER_LIFE),
        "num_replicas": 1,
        "mem_storage": true,
    });
    if !stream.is_whole {
        config["filter_subjects"] = json!(stream.filters);
    }
    async move {
        let turns = wire.turns();
        let inbox = wire.new_inbox();
        let messages = wire.subscribe(format!("{inbox}.*")).await?;
        let info = wire
            .api(
                &format!("CONSUMER.CREATE.{name}.{consumer}"),
                &json!({ "stream_name": name, "config": config }),
            )
            .await?
            .map_err(|error| unexpected(&name, &error))?;
        Ok(Session {
            consumer,
            inbox,
            messages,
            turns,
            deadline: Box::pin(sleep(SILENCE)),
            delivered: 0,
            pending: info["num_pending"].as_u64().unwrap_or_default(),
            pull: 0,
            open: 0,
        })
    }
}

/// Returns once the connection was lost, or so much happened that it may have been.
async fn lost(turns: &mut broadcast::Receiver<Turn>) {
    while let Ok(Turn::Refused(_)) = turns.recv().await {}
}

fn nanos(time: Duration) -> Value {
    json!(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// The numbers of a delivery, as its reply subject tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// In the stream.
    seq: u64,
    /// Of this consumer.
    delivered: u64,
    /// Still to be delivered.
    pending: u64,
}

impl Place {
    /// `$JS.ACK.<stream>.<consumer>.<times>.<seq>.<delivered>.<time>.<pending>`, or with domain
    /// and account before the stream and possibly a token at the end.
    fn parse(reply: &str) -> Option<Place> {
        let rest = reply.strip_prefix("$JS.ACK.")?;
        let tokens: Vec<&str> = rest.split('.').collect();
        let first = match tokens.len() {
            7 => 3,
            9.. => 5,
            _ => return None,
        };
        let number = |place: usize| tokens.get(first + place)?.parse().ok();
        Some(Place {
            seq: number(0)?,
            delivered: number(1)?,
            pending: number(3)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_delivery_are_read() {
        let place = Some(Place {
            seq: 17,
            delivered: 4,
            pending: 2,
        });
        assert_eq!(Place::parse("$JS.ACK.LOG.name.1.17.4.1600000000.2"), place);
        assert_eq!(
            Place::parse("$JS.ACK._.hash.LOG.name.1.17.4.1600000000.2"),
            place
        );
        assert_eq!(
            Place::parse("$JS.ACK._.hash.LOG.name.1.17.4.1600000000.2.token"),
            place
        );
        assert_eq!(Place::parse("$JS.ACK.LOG.name.1.17"), None);
        assert_eq!(Place::parse("_INBOX.x"), None);
    }
}
