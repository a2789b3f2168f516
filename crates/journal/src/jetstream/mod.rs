//! The log as streams of a NATS server: one for frames, with one subject a service, one for the
//! inbox, and one for leases.
//!
//! The server refuses a frame whose expected last sequence of its subject is not met; that is the
//! whole of the fencing. Frames carry no message id: the server's window of de-duplication would
//! end some time after an outage, the comparison of sequences does not.
//!
//! We speak the JetStream API directly, over async-nats as the connection: what the server echoes
//! is then compared as it is, and the rights in `deploy/nats.conf` are exactly the subjects named
//! here.

mod follow;
mod lease;
mod sent;
mod settings;
mod wire;

use std::fmt;
use std::sync::Arc;

use async_nats::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use duban_model::frame::{Frame, MAX_FRAME_BYTES, Service};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::contract::{InboxMessage, ServiceSet, Stored};
use crate::draw_id;
use crate::fault::{AppendError, LogError, SubmitError};
use crate::follower::{Follower, InboxFollower, Way};
use crate::subject::{inbox_subject, inbox_words, log_subject, service_of};
pub(crate) use follow::StreamFollower;
use follow::{Delivery, Stream};
use sent::SentFrames;
use settings::{
    as_kept, check_server, compare, id_of, inbox_settings, inbox_stream, lease_settings,
    lease_stream, log_settings, log_stream,
};
use wire::{ATTEMPT_PAUSE, ApiError, PATIENCE, Silence, Wire, read_answer};

/// The header that holds a frame's head; the payload is its batch.
const HEAD_HEADER: &str = "Duban-Head";

/// The header by which the server compares before it appends.
const EXPECTED_HEADER: &str = "Nats-Expected-Last-Subject-Sequence";

/// The server's error numbers that mean something to us.
const WRONG_LAST_SEQUENCE: [u32; 2] = [10071, 10164];
const MESSAGE_TOO_LARGE: u32 = 10054;
const NO_MESSAGE: u32 = 10037;
const STREAM_NOT_FOUND: u32 = 10059;
const STREAM_NAME_IN_USE: u32 = 10058;

/// Where and how to connect.
#[derive(Clone)]
pub struct JetStreamOptions {
    /// `nats://[user:password@]host:port`; `tls://` for an encrypted connection. Several servers
    /// of a cluster are separated by commas.
    pub url: String,
    /// The user, unless the URL names it.
    pub user: Option<String>,
    /// The password, unless the URL has it.
    pub password: Option<String>,
    /// Which partition's log.
    pub partition: u16,
    /// Copies the server keeps of a stream created now: 1 or 3. Streams that are there may have
    /// either.
    pub replicas: u8,
    /// Whether missing streams are created; needs a user that may.
    pub create: bool,
}

impl JetStreamOptions {
    /// The URL without user and password, for messages.
    fn shown_url(&self) -> String {
        let shown = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            (_, None) => url.to_owned(),
        };
        let all: Vec<String> = self.url.split(',').map(shown).collect();
        all.join(",")
    }
}

impl fmt::Debug for JetStreamOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the password, wherever it is.
        f.debug_struct("JetStreamOptions")
            .field("url", &self.shown_url())
            .field("user", &self.user)
            .field("partition", &self.partition)
            .field("replicas", &self.replicas)
            .field("create", &self.create)
            .finish_non_exhaustive()
    }
}

/// A log on a NATS server. Cheap to clone; all clones share one connection.
#[derive(Clone, Debug)]
pub struct JetStreamLog(Arc<Remote>);

#[derive(Debug)]
struct Remote {
    wire: Wire,
    id: String,
    partition: u16,
    log: String,
    inbox: String,
    leases: String,
    replicas: u8,
    sent: Arc<SentFrames>,
}

impl JetStreamLog {
    /// Connects, creates the streams if they are missing and that is allowed, and checks that
    /// server and streams are what the log needs.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the server cannot be reached; [`LogError::Refused`] when it
    /// is too old, refuses the user, or a stream is missing or configured otherwise.
    pub async fn connect(options: JetStreamOptions) -> Result<JetStreamLog, LogError> {
        if !matches!(options.replicas, 1 | 3) {
            return Err(LogError::Refused(format!(
                "{} replicas; expected 1, or 3 on a cluster",
                options.replicas
            )));
        }
        let wire = Wire::connect(&options).await?;
        // The server that took the connection may end before it has answered, or its cluster may
        // have no leader yet. The connection then goes to another one by itself.
        let since = Instant::now();
        loop {
            match JetStreamLog::open(&wire, &options).await {
                Err(LogError::Unavailable(why)) if since.elapsed() < PATIENCE => {
                    tracing::debug!(%why, "asking again");
                    sleep(ATTEMPT_PAUSE).await;
                }
                opened => return opened,
            }
        }
    }

    /// Checks server and streams over a connection that stands.
    async fn open(wire: &Wire, options: &JetStreamOptions) -> Result<JetStreamLog, LogError> {
        check_server(&wire.server_version(), wire.max_payload())?;
        let (partition, replicas) = (options.partition, options.replicas);
        let log = log_stream(partition);

        let fresh = log_settings(partition, replicas, &draw_id());
        let config = configuration(wire, &log, &fresh, options.create).await?;
        // A stream without an id of ours is a difference like any other: compared with the id that
        // would have been drawn for it.
        let id = id_of(&config).or(id_of(&fresh)).unwrap_or_default();
        let replicas = as_kept(&config, replicas);
        compare(&log_settings(partition, replicas, id), &config)?;

        // Inbox and leases bear the log's id: none can be replaced without the others.
        for needed in [
            inbox_settings(partition, replicas, id),
            lease_settings(partition, replicas, id),
        ] {
            let name = needed["name"].as_str().unwrap_or_default();
            let found = configuration(wire, name, &needed, options.create).await?;
            compare(&needed, &found)?;
        }

        Ok(JetStreamLog(Arc::new(Remote {
            wire: wire.clone(),
            id: id.to_owned(),
            partition,
            log,
            inbox: inbox_stream(partition),
            leases: lease_stream(partition),
            replicas,
            sent: Arc::default(),
        })))
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    /// Copies that the server keeps of each stream.
    pub fn replicas(&self) -> u8 {
        self.0.replicas
    }

    pub(crate) async fn append(
        &self,
        frame: &Arc<Frame>,
        expected: u64,
    ) -> Result<u64, AppendError> {
        let (head, batch) = frame.encode();
        let batch = Bytes::from(batch);
        let bytes = head.len() + batch.len();
        let too_large = AppendError::TooLarge {
            bytes,
            limit: MAX_FRAME_BYTES,
        };
        if bytes > MAX_FRAME_BYTES {
            return Err(too_large);
        }
        let mut headers = HeaderMap::new();
        headers.insert(HEAD_HEADER, head.as_str());
        headers.insert(EXPECTED_HEADER, expected.to_string());
        let service = frame.head.service;
        self.0.sent.keep(&head, &batch, frame);
        let subject = log_subject(self.0.partition, service);
        let answer = self
            .0
            .wire
            .request(&subject, Some(headers), batch)
            .await
            .map_err(|silence| match silence {
                // Trying again will not help, and nobody else can append for this service here.
                Silence::Denied(why) => AppendError::Broken(why),
                Silence::Unknown(why) | Silence::NotDone(why) => AppendError::Unknown(why),
            })?;
        match read_answer(&answer.payload).map_err(AppendError::Unknown)? {
            Ok(ack) => acknowledged(&ack, &self.0.log).map_err(AppendError::Unknown),
            Err(error) if WRONG_LAST_SEQUENCE.contains(&error.err_code) => {
                match self.last_frame(service).await {
                    Ok(last) => Err(AppendError::Conflict {
                        last: last.map_or(0, |stored| stored.seq),
                    }),
                    Err(fault) => Err(AppendError::Unknown(format!(
                        "another frame was expected, but which is the last one is unknown: {fault}"
                    ))),
                }
            }
            Err(error) if error.err_code == MESSAGE_TOO_LARGE => Err(too_large),
            Err(error) => Err(AppendError::Unknown(error.to_string())),
        }
    }

    pub(crate) async fn last_frame(&self, service: Service) -> Result<Option<Stored>, LogError> {
        let subject = log_subject(self.0.partition, service);
        self.0.stored(&json!({ "last_by_subj": subject })).await
    }

    pub(crate) async fn frame(&self, seq: u64) -> Result<Option<Stored>, LogError> {
        if seq == 0 {
            return Ok(None);
        }
        self.0.stored(&json!({ "seq": seq })).await
    }

    pub(crate) async fn head(&self) -> Result<u64, LogError> {
        last_sequence(&self.0.wire, &self.0.log).await
    }

    pub(crate) fn follow(&self, after: u64, services: &[Service]) -> Follower {
        let services = ServiceSet::of(services);
        let sent = Arc::clone(&self.0.sent);
        let stream = Stream {
            wire: self.0.wire.clone(),
            name: self.0.log.clone(),
            filters: services
                .iter()
                .map(|service| log_subject(self.0.partition, service))
                .collect(),
            is_whole: Service::ALL.into_iter().all(|s| services.contains(s)),
            decode: Box::new(move |delivery| decode_delivery(&sent, delivery)),
        };
        Follower(Way::Stream(Box::new(StreamFollower::new(stream, after))))
    }

    pub(crate) async fn submit(
        &self,
        tenant: &str,
        subject_tail: &str,
        bytes: Bytes,
    ) -> Result<u64, SubmitError> {
        let size = bytes.len();
        let subject = inbox_subject(tenant, subject_tail, size)?;
        let answer = self
            .0
            .wire
            .request(&subject, None, bytes)
            .await
            .map_err(|silence| match silence {
                Silence::Denied(why) | Silence::NotDone(why) => SubmitError::Unavailable(why),
                Silence::Unknown(why) => SubmitError::Unknown(why),
            })?;
        match read_answer(&answer.payload).map_err(SubmitError::Unknown)? {
            Ok(ack) => acknowledged(&ack, &self.0.inbox).map_err(SubmitError::Unknown),
            Err(error) if error.err_code == MESSAGE_TOO_LARGE => Err(SubmitError::TooLarge {
                bytes: size,
                limit: duban_model::record::MAX_EVENT_BYTES,
            }),
            Err(error) => Err(SubmitError::Unavailable(error.to_string())),
        }
    }

    pub(crate) async fn inbox_head(&self) -> Result<u64, LogError> {
        last_sequence(&self.0.wire, &self.0.inbox).await
    }

    pub(crate) fn follow_inbox(&self, after: u64) -> InboxFollower {
        let stream = Stream {
            wire: self.0.wire.clone(),
            name: self.0.inbox.clone(),
            filters: Vec::new(),
            is_whole: true,
            decode: Box::new(|delivery| {
                Ok(InboxMessage {
                    seq: delivery.seq,
                    subject: inbox_words(&delivery.message.subject),
                    bytes: delivery.message.payload,
                })
            }),
        };
        InboxFollower(Way::Stream(Box::new(StreamFollower::new(stream, after))))
    }
}

impl Remote {
    /// Asks the stream's leader for one message. Its own answer, not a replica's, which may be old.
    async fn stored(&self, which: &Value) -> Result<Option<Stored>, LogError> {
        let subject = format!("STREAM.MSG.GET.{}", self.log);
        let answer = match self.wire.api(&subject, which).await? {
            Ok(answer) => answer,
            Err(error) if error.err_code == NO_MESSAGE => return Ok(None),
            Err(error) => return Err(unexpected(&self.log, &error)),
        };
        let message = &answer["message"];
        let seq = message["seq"].as_u64().unwrap_or_default();
        let bytes = |field: &str| {
            STANDARD
                .decode(message[field].as_str().unwrap_or_default())
                .map_err(|fault| undecodable(&self.log, seq, &fault))
        };
        let (headers, batch) = (bytes("hdrs")?, bytes("data")?);
        let head = head_line(&headers)
            .ok_or_else(|| undecodable(&self.log, seq, &"the head is missing"))?;
        let frame =
            Frame::decode(head, &batch).map_err(|fault| undecodable(&self.log, seq, &fault))?;
        Ok(Some(Stored {
            seq,
            frame: Arc::new(frame),
        }))
    }
}

/// The value of [`HEAD_HEADER`] among headers as they go over the wire.
fn head_line(headers: &[u8]) -> Option<&[u8]> {
    headers.split(|byte| *byte == b'\n').find_map(|line| {
        let value = line.strip_prefix(HEAD_HEADER.as_bytes())?;
        Some(value.strip_prefix(b":")?.trim_ascii())
    })
}

fn decode_delivery(sent: &SentFrames, delivery: Delivery) -> Result<Stored, LogError> {
    let message = delivery.message;
    let damaged = |fault: &dyn fmt::Display| undecodable(&message.subject, delivery.seq, fault);
    let head = message
        .headers
        .as_ref()
        .and_then(|headers| headers.get(HEAD_HEADER))
        .ok_or_else(|| damaged(&"the head is missing"))?;
    if let Some(service) = service_of(&message.subject)
        && let Some(frame) = sent.find(service, head.as_str(), &message.payload)
    {
        return Ok(Stored {
            seq: delivery.seq,
            frame,
        });
    }
    let frame = Frame::decode(head.as_str().as_bytes(), &message.payload)
        .map_err(|fault| damaged(&fault))?;
    if service_of(&message.subject) != Some(frame.head.service) {
        return Err(damaged(&format_args!(
            "it is a frame of {} on the subject {}",
            frame.head.service, message.subject
        )));
    }
    Ok(Stored {
        seq: delivery.seq,
        frame: Arc::new(frame),
    })
}

fn undecodable(place: &str, seq: u64, fault: &dyn fmt::Display) -> LogError {
    LogError::Damaged(format!(
        "{place}: the frame at position {seq} cannot be read ({fault}). Restore the stream from a \
         backup, or run the release that wrote it."
    ))
}

fn unexpected(stream: &str, error: &ApiError) -> LogError {
    let why = format!("{stream}: {error}");
    match error.code {
        // Overload, no leader, no room: it may be mended while we wait.
        408 | 429 | 500..=599 => LogError::Unavailable(why),
        _ => LogError::Refused(why),
    }
}

/// Reads a publish acknowledgement.
fn acknowledged(ack: &Value, stream: &str) -> Result<u64, String> {
    let seq = ack["seq"].as_u64().filter(|seq| *seq > 0);
    match (seq, ack["stream"].as_str()) {
        (Some(seq), Some(name)) if name == stream => Ok(seq),
        _ => Err(format!("the acknowledgement is not from {stream}: {ack}")),
    }
}

async fn last_sequence(wire: &Wire, stream: &str) -> Result<u64, LogError> {
    let info = wire
        .api(&format!("STREAM.INFO.{stream}"), &Value::Null)
        .await?
        .map_err(|error| unexpected(stream, &error))?;
    info["state"]["last_seq"].as_u64().ok_or_else(|| {
        LogError::Unavailable(format!(
            "{stream}: the server does not tell its last sequence"
        ))
    })
}

/// The stream's configuration as the server has it, after creating the stream if it may be.
async fn configuration(
    wire: &Wire,
    name: &str,
    needed: &Value,
    create: bool,
) -> Result<Value, LogError> {
    let info = format!("STREAM.INFO.{name}");
    match wire.api(&info, &Value::Null).await? {
        Ok(mut info) => return Ok(info["config"].take()),
        Err(error) if error.err_code == STREAM_NOT_FOUND && create => {}
        Err(error) if error.err_code == STREAM_NOT_FOUND => {
            return Err(LogError::Refused(format!(
                "the stream {name} does not exist, and this process may not create it. Start once \
                 with the NATS user `setup` or `duban` (deploy/nats.conf)."
            )));
        }
        Err(error) => return Err(unexpected(name, &error)),
    }
    match wire.api(&format!("STREAM.CREATE.{name}"), needed).await? {
        Ok(mut info) => Ok(info["config"].take()),
        // Somebody else was faster, with another id.
        Err(error) if error.err_code == STREAM_NAME_IN_USE => wire
            .api(&info, &Value::Null)
            .await?
            .map(|mut info| info["config"].take())
            .map_err(|error| unexpected(name, &error)),
        Err(error) => Err(unexpected(name, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let mut options = JetStreamOptions {
            url: "nats://rules:secret@localhost:4222".to_owned(),
            user: None,
            password: Some("secret".to_owned()),
            partition: 0,
            replicas: 1,
            create: false,
        };
        assert!(!format!("{options:?}").contains("secret"));
        assert_eq!(options.shown_url(), "nats://localhost:4222");
        options.url = "localhost".to_owned();
        assert_eq!(options.shown_url(), "localhost");
        options.url = "nats://a:secret@one:4222,nats://a:secret@two:4222".to_owned();
        assert_eq!(options.shown_url(), "nats://one:4222,nats://two:4222");
    }

    #[test]
    fn the_head_is_found_among_headers() {
        let headers =
            b"NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 3\r\nDuban-Head: {\"a\":1}\r\n\r\n";
        assert_eq!(head_line(headers), Some(&b"{\"a\":1}"[..]));
        assert_eq!(head_line(b"NATS/1.0\r\n\r\n"), None);
    }

    #[test]
    fn an_acknowledgement_of_another_stream_is_none() {
        let ack = json!({"stream": "DUBAN_LOG_0", "seq": 4});
        assert_eq!(acknowledged(&ack, "DUBAN_LOG_0"), Ok(4));
        assert!(acknowledged(&ack, "OTHER").is_err());
        assert!(acknowledged(&json!({"stream": "DUBAN_LOG_0"}), "DUBAN_LOG_0").is_err());
    }
}
