//! The log in memory behind connections on which requests get lost, late or stuck: for the
//! simulation of the whole. What goes wrong is decided by whoever plays the weather; this only
//! lets it happen. The log itself is [`MemoryLog`], which forgets nothing.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use duban_model::frame::{Frame, Service};
use futures::future::BoxFuture;
use tokio::sync::Notify;

use crate::contract::Stored;
use crate::fault::{AppendError, LogError, SubmitError};
use crate::follower::{Follower, InboxFollower, Way};
use crate::memory::MemoryLog;

/// What a connection is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Appending a frame of this service.
    Append(Service),
    /// Looking at a frame or a head.
    Look,
    /// Reading on.
    Read,
    /// Putting a message into the inbox.
    Submit,
}

/// What befalls a request on its way to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It reaches the log.
    Arrives,
    /// It does not, and the caller gets no answer.
    Lost(String),
    /// The caller gets no answer, and it reaches the log so much later, whatever has become of the
    /// caller. Reading and looking are lost then.
    Late(Duration),
}

/// Decides what happens to the requests of one connection. Every method may take time, and may
/// never return: then whoever asked has died.
pub trait Weather: fmt::Debug + Send + Sync {
    /// Before a request reaches the log.
    fn before(&self, request: Request) -> BoxFuture<'_, Fate>;
    /// After the log has done it, before the caller hears of it; an error means that the answer
    /// is lost.
    fn after(&self, request: Request) -> BoxFuture<'_, Result<(), String>>;
    /// Returns when the connection breaks, with the reason.
    fn breaks(&self) -> BoxFuture<'_, String>;
}

/// Weather in which nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm;

impl Weather for Calm {
    fn before(&self, _request: Request) -> BoxFuture<'_, Fate> {
        Box::pin(std::future::ready(Fate::Arrives))
    }

    fn after(&self, _request: Request) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn breaks(&self) -> BoxFuture<'_, String> {
        Box::pin(std::future::pending())
    }
}

/// One connection to a log in memory. Cheap to clone; all clones are the same connection.
#[derive(Clone, Debug)]
pub struct SimulatedLog {
    log: MemoryLog,
    weather: Arc<dyn Weather>,
    /// Told whenever log or inbox have grown. Unlike a `watch`, it wakes waiters in their order,
    /// so that the same seed gives the same run.
    grown: Arc<Notify>,
}

impl SimulatedLog {
    /// An empty log, encoding every frame, and a first connection to it.
    pub fn new(weather: Arc<dyn Weather>) -> SimulatedLog {
        SimulatedLog {
            log: MemoryLog::encoding(),
            weather,
            grown: Arc::default(),
        }
    }

    /// Another connection to the same log.
    #[must_use]
    pub fn connect(&self, weather: Arc<dyn Weather>) -> SimulatedLog {
        SimulatedLog {
            log: self.log.clone(),
            weather,
            grown: self.grown.clone(),
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.log.id()
    }

    pub(crate) async fn append(
        &self,
        frame: Arc<Frame>,
        expected: u64,
    ) -> Result<u64, AppendError> {
        let request = Request::Append(frame.head.service);
        match self.weather.before(request).await {
            Fate::Arrives => {}
            Fate::Lost(why) => return Err(AppendError::Unknown(why)),
            Fate::Late(after) => {
                let (log, grown) = (self.log.clone(), self.grown.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    if log.append(frame, expected).is_ok() {
                        grown.notify_waiters();
                    }
                });
                return Err(AppendError::Unknown("no answer in time".to_owned()));
            }
        }
        let answer = self.log.append(frame, expected);
        self.grown.notify_waiters();
        match self.weather.after(request).await {
            Ok(()) => answer,
            Err(why) => Err(AppendError::Unknown(why)),
        }
    }

    async fn look<T>(&self, look: impl FnOnce(&MemoryLog) -> T) -> Result<T, LogError> {
        match self.weather.before(Request::Look).await {
            Fate::Arrives => {}
            Fate::Lost(why) => return Err(LogError::Unavailable(why)),
            Fate::Late(_) => return Err(LogError::Unavailable("no answer in time".to_owned())),
        }
        let found = look(&self.log);
        match self.weather.after(Request::Look).await {
            Ok(()) => Ok(found),
            Err(why) => Err(LogError::Unavailable(why)),
        }
    }

    pub(crate) async fn last_frame(&self, service: Service) -> Result<Option<Stored>, LogError> {
        self.look(|log| log.last_frame(service)).await
    }

    pub(crate) async fn frame(&self, seq: u64) -> Result<Option<Stored>, LogError> {
        self.look(|log| log.frame(seq)).await
    }

    pub(crate) async fn head(&self) -> Result<u64, LogError> {
        self.look(MemoryLog::head).await
    }

    pub(crate) async fn inbox_head(&self) -> Result<u64, LogError> {
        self.look(MemoryLog::inbox_head).await
    }

    pub(crate) async fn follow(
        &self,
        after: u64,
        services: &[Service],
    ) -> Result<Follower, LogError> {
        let Follower(inner) = self.look(|log| log.follow(after, services)).await?;
        Ok(Follower(Way::Simulated(Box::new(self.reading(inner)))))
    }

    pub(crate) async fn follow_inbox(&self, after: u64) -> Result<InboxFollower, LogError> {
        let InboxFollower(inner) = self.look(|log| log.follow_inbox(after)).await?;
        Ok(InboxFollower(Way::Simulated(Box::new(self.reading(inner)))))
    }

    fn reading<T>(&self, inner: Way<T>) -> SimulatedFollower<T> {
        SimulatedFollower {
            inner,
            weather: self.weather.clone(),
            grown: self.grown.clone(),
        }
    }

    pub(crate) async fn submit(
        &self,
        tenant: &str,
        subject_tail: &str,
        bytes: Bytes,
    ) -> Result<u64, SubmitError> {
        match self.weather.before(Request::Submit).await {
            Fate::Arrives => {}
            Fate::Lost(why) => return Err(SubmitError::Unavailable(why)),
            Fate::Late(after) => {
                let (log, grown) = (self.log.clone(), self.grown.clone());
                let (tenant, tail) = (tenant.to_owned(), subject_tail.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    if log.submit(&tenant, &tail, bytes).is_ok() {
                        grown.notify_waiters();
                    }
                });
                return Err(SubmitError::Unknown("no answer in time".to_owned()));
            }
        }
        let answer = self.log.submit(tenant, subject_tail, bytes);
        self.grown.notify_waiters();
        match self.weather.after(Request::Submit).await {
            Ok(()) => answer,
            Err(why) => Err(SubmitError::Unknown(why)),
        }
    }
}

/// Reads over a connection that may be slow or break.
#[derive(Debug)]
pub(crate) struct SimulatedFollower<T> {
    inner: Way<T>,
    weather: Arc<dyn Weather>,
    grown: Arc<Notify>,
}

impl<T: Send + 'static> SimulatedFollower<T> {
    pub(crate) async fn next(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        let waiting = self.grown.clone();
        loop {
            let mut grown = pin!(waiting.notified());
            grown.as_mut().enable();
            let found = self.ready(max).await?;
            if !found.is_empty() {
                return Ok(found);
            }
            tokio::select! {
                biased;
                why = self.weather.breaks() => return Err(LogError::Unavailable(why)),
                () = grown => {}
            }
        }
    }

    pub(crate) async fn ready(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        // Before anything is taken from below, so that a cancelled call loses nothing.
        match self.weather.before(Request::Read).await {
            Fate::Arrives => Box::pin(self.inner.ready(max)).await,
            Fate::Lost(why) => Err(LogError::Unavailable(why)),
            Fate::Late(_) => Err(LogError::Unavailable("no answer in time".to_owned())),
        }
    }
}
