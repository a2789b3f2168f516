//! The connection to the server: requests that end with an answer or with the reason why none came.

use std::fmt;
use std::time::Duration;

use async_nats::client::RequestErrorKind;
use async_nats::{Client, Event, HeaderMap, Message, Request, ServerError, Subscriber};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::broadcast;

use super::JetStreamOptions;
use crate::fault::LogError;

/// How long a request waits for its answer, a connection for its handshake.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(5);

/// How often the server is asked whether it is there while nothing comes from it. After the third
/// time in vain the connection counts as lost, and another server is tried: one whose machine is
/// gone says nothing.
const PING: Duration = Duration::from_secs(2);

/// How long a call that may be repeated goes on without success, before it ends with
/// [`LogError::Unavailable`]. Longer than a cluster takes to elect a leader.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Pause between two attempts of such a call.
pub(super) const ATTEMPT_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two attempts to connect again.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);

/// Pause added with every failed attempt to connect.
const RECONNECT_STEP: Duration = Duration::from_millis(50);

/// Events of the connection that a slow listener may miss; it then takes the worst for granted.
const EVENTS_KEPT: usize = 64;

/// What happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was lost; what was under way will not be answered.
    Lost,
    /// The server refused something, in its own words.
    Refused(String),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The server does not let this user do it.
    Denied(String),
    /// It may have been done.
    Unknown(String),
    /// It has not been done.
    NotDone(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Silence::Denied(why) | Silence::Unknown(why) | Silence::NotDone(why) => {
                f.write_str(why)
            }
        }
    }
}

impl From<Silence> for LogError {
    fn from(silence: Silence) -> LogError {
        match silence {
            Silence::Denied(why) => LogError::Refused(why),
            Silence::Unknown(why) | Silence::NotDone(why) => LogError::Unavailable(why),
        }
    }
}

/// What the JetStream API answers instead of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub(super) struct ApiError {
    /// Like an HTTP status.
    #[serde(default)]
    pub(super) code: u16,
    /// The server's own number for the error.
    #[serde(default)]
    pub(super) err_code: u32,
    /// In words.
    #[serde(default)]
    pub(super) description: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.description, self.code, self.err_code)
    }
}

/// One connection, shared by everything that uses the log.
#[derive(Clone)]
pub(super) struct Wire {
    client: Client,
    turns: broadcast::Sender<Turn>,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("state", &self.client.connection_state())
            .finish_non_exhaustive()
    }
}

impl Wire {
    pub(super) async fn connect(options: &JetStreamOptions) -> Result<Wire, LogError> {
        let addresses = options
            .url
            .split(',')
            .map(|url| url.trim().parse())
            .collect::<Result<Vec<async_nats::ServerAddr>, _>>()
            .map_err(|fault| {
                LogError::Refused(format!(
                    "`{}` is no server address: {fault}",
                    options.shown_url()
                ))
            })?;
        // One user for all of them: any may be the one that answers.
        let address = &addresses[0];
        let user = options
            .user
            .clone()
            .or_else(|| address.username().map(str::to_owned));
        let (turns, _) = broadcast::channel(EVENTS_KEPT);
        let report = turns.clone();
        let mut connect = async_nats::ConnectOptions::new()
            .name("duban")
            .connection_timeout(ANSWER_TIME)
            .request_timeout(Some(ANSWER_TIME))
            .ping_interval(PING)
            .max_reconnects(None)
            .reconnect_delay_callback(|attempts| {
                RECONNECT_STEP
                    .saturating_mul(u32::try_from(attempts).unwrap_or(u32::MAX))
                    .min(RECONNECT_PAUSE)
            })
            .event_callback(move |event| {
                note(&event, &report);
                async {}
            });
        let password = options
            .password
            .clone()
            .or_else(|| address.password().map(str::to_owned));
        if let Some(user) = user {
            // A user may listen to its own answers only; see deploy/nats.conf.
            connect = connect.custom_inbox_prefix(format!("_INBOX.{user}"));
            if let Some(password) = password {
                connect = connect.user_and_password(user, password);
            }
        }
        let client = connect.connect(&addresses[..]).await.map_err(|fault| {
            let why = format!("{}: {fault}", options.shown_url());
            match fault.kind() {
                async_nats::ConnectErrorKind::AuthorizationViolation
                | async_nats::ConnectErrorKind::Authentication => LogError::Refused(format!(
                    "{why}. Check user and password against the server's configuration."
                )),
                async_nats::ConnectErrorKind::ServerParse => LogError::Refused(why),
                _ => LogError::Unavailable(why),
            }
        })?;
        Ok(Wire { client, turns })
    }

    pub(super) fn server_version(&self) -> String {
        self.client.server_info().version
    }

    pub(super) fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    pub(super) fn turns(&self) -> broadcast::Receiver<Turn> {
        self.turns.subscribe()
    }

    pub(super) fn new_inbox(&self) -> String {
        self.client.new_inbox()
    }

    pub(super) async fn subscribe(&self, subject: String) -> Result<Subscriber, LogError> {
        self.client
            .subscribe(subject)
            .await
            .map_err(|fault| LogError::Unavailable(fault.to_string()))
    }

    /// Publishes without waiting for an answer; it will come to `reply`.
    pub(super) async fn ask(
        &self,
        subject: String,
        reply: String,
        payload: Vec<u8>,
    ) -> Result<(), LogError> {
        self.client
            .publish_with_reply(subject, reply, payload.into())
            .await
            .map_err(|fault| LogError::Unavailable(fault.to_string()))
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn request(
        &self,
        subject: &str,
        headers: Option<HeaderMap>,
        payload: Bytes,
    ) -> Result<Message, Silence> {
        let mut turns = self.turns();
        let quoted = format!("\"{subject}\"");
        let mut request = Request::new().payload(payload);
        if let Some(headers) = headers {
            request = request.headers(headers);
        }
        let answer = self.client.send_request(subject.to_owned(), request);
        tokio::pin!(answer);
        loop {
            tokio::select! {
                answer = &mut answer => return answer.map_err(|fault| silence(&fault, subject)),
                turn = turns.recv() => match turn {
                    Ok(Turn::Refused(why)) if why.contains(&quoted) => {
                        return Err(Silence::Denied(format!(
                            "the server does not let this user use {subject}. Use the user meant \
                             for this service (deploy/nats.conf)."
                        )));
                    }
                    Ok(Turn::Refused(_)) => {}
                    // Closed cannot be: we hold a sender.
                    Ok(Turn::Lost) | Err(_) => {
                        return Err(Silence::Unknown("the connection was lost".to_owned()));
                    }
                },
            }
        }
    }

    /// Calls the JetStream API.
    pub(super) async fn api(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<Result<Value, ApiError>, Silence> {
        let payload = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let answer = self
            .request(&format!("$JS.API.{subject}"), None, payload)
            .await?;
        read_answer(&answer.payload).map_err(Silence::Unknown)
    }
}

/// Takes an API answer or a publish acknowledgement apart.
pub(super) fn read_answer(payload: &[u8]) -> Result<Result<Value, ApiError>, String> {
    let mut answer: Value = serde_json::from_slice(payload)
        .map_err(|fault| format!("the server's answer cannot be read: {fault}"))?;
    match answer.get_mut("error").map(Value::take) {
        None => Ok(Ok(answer)),
        Some(error) => serde_json::from_value(error)
            .map(Err)
            .map_err(|fault| format!("the server's error cannot be read: {fault}")),
    }
}

fn silence(fault: &async_nats::RequestError, subject: &str) -> Silence {
    match fault.kind() {
        RequestErrorKind::TimedOut => Silence::Unknown(format!(
            "no answer on {subject} within {} s",
            ANSWER_TIME.as_secs()
        )),
        RequestErrorKind::NoResponders => Silence::NotDone(format!(
            "nobody answers on {subject}: is JetStream enabled, and does the stream exist?"
        )),
        RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
            Silence::NotDone(format!("{subject}: {fault}"))
        }
        RequestErrorKind::Other => Silence::Unknown(format!("{subject}: {fault}")),
    }
}

fn note(event: &Event, turns: &broadcast::Sender<Turn>) {
    let turn = match event {
        Event::Connected => {
            tracing::info!("connected to the NATS server");
            return;
        }
        Event::Disconnected | Event::Closed => {
            tracing::warn!(%event, "the connection to the NATS server is gone");
            Turn::Lost
        }
        Event::SlowConsumer(_) => {
            tracing::warn!(%event, "NATS client");
            Turn::Lost
        }
        Event::ServerError(ServerError::Other(why)) => {
            tracing::warn!(%event, "NATS server");
            Turn::Refused(why.clone())
        }
        event => {
            tracing::warn!(%event, "NATS client");
            return;
        }
    };
    // Nobody listening is fine.
    let _ = turns.send(turn);
}
