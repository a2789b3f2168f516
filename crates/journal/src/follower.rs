//! Following a log: what is there, then what comes, in order and without a gap.

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use crate::contract::{InboxMessage, Stored};
use crate::fault::LogError;
use crate::jetstream::StreamFollower;
use crate::simulated::SimulatedFollower;

/// Reads frames in order. Every method may be cancelled; a cancelled call loses nothing.
#[derive(Debug)]
pub struct Follower(pub(crate) Way<Stored>);

/// Reads inbox messages in order. Every method may be cancelled; a cancelled call loses nothing.
#[derive(Debug)]
pub struct InboxFollower(pub(crate) Way<InboxMessage>);

impl Follower {
    /// Waits until there is at least one frame, then returns what is there, at most `max`
    /// (at least 1). Never returns an empty list.
    pub async fn next(&mut self, max: usize) -> Result<Vec<Stored>, LogError> {
        self.0.next(max).await
    }

    /// Every frame that was durable when this was called, at most `max`, without waiting for new
    /// ones. Fewer than `max` means that there was no more.
    pub async fn ready(&mut self, max: usize) -> Result<Vec<Stored>, LogError> {
        self.0.ready(max).await
    }
}

impl InboxFollower {
    /// Waits until there is at least one message, then returns what is there, at most `max`
    /// (at least 1). Never returns an empty list.
    pub async fn next(&mut self, max: usize) -> Result<Vec<InboxMessage>, LogError> {
        self.0.next(max).await
    }

    /// Every message that was durable when this was called, at most `max`, without waiting for new
    /// ones. Fewer than `max` means that there was no more.
    pub async fn ready(&mut self, max: usize) -> Result<Vec<InboxMessage>, LogError> {
        self.0.ready(max).await
    }
}

/// How a follower gets at its messages.
#[derive(Debug)]
pub(crate) enum Way<T> {
    /// In this process.
    Local(LocalFollower<T>),
    /// From a server.
    Stream(Box<StreamFollower<T>>),
    /// As a simulation has it.
    Simulated(Box<SimulatedFollower<T>>),
}

impl<T: Send + 'static> Way<T> {
    pub(crate) async fn next(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        match self {
            Way::Local(follower) => follower.next(max.max(1)).await,
            Way::Stream(follower) => follower.next(max.max(1)).await,
            Way::Simulated(follower) => follower.next(max.max(1)).await,
        }
    }

    pub(crate) async fn ready(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        match self {
            Way::Local(follower) => follower.ready(max).await,
            Way::Stream(follower) => follower.ready(max).await,
            Way::Simulated(follower) => follower.ready(max).await,
        }
    }
}

/// Where a local follower reads.
pub(crate) trait Source<T>: Send + Sync {
    /// Appends to `out` what matches after `after` and up to `to`, until `out` holds `max` or a
    /// chunk is done; returns how far it looked. It always gets further than `after`.
    fn scan(&self, after: u64, to: u64, max: usize, out: &mut Vec<T>) -> Result<u64, LogError>;

    /// True if a scan may take long enough for other tasks to have a turn between two.
    fn takes_time(&self) -> bool;

    /// Why nothing more will come, once the head has stopped for good.
    fn why_ended(&self) -> String {
        "its writer has ended".to_owned()
    }
}

/// Follows a log of this process: reads up to the durable head, then waits for it to move.
pub(crate) struct LocalFollower<T> {
    source: Arc<dyn Source<T>>,
    head: watch::Receiver<u64>,
    /// Everything up to here is in `found` or was returned.
    after: u64,
    /// Read and not yet returned; kept here so that a cancelled call loses nothing.
    found: Vec<T>,
}

impl<T> fmt::Debug for LocalFollower<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalFollower")
            .field("after", &self.after)
            .field("found", &self.found.len())
            .finish_non_exhaustive()
    }
}

impl<T> LocalFollower<T> {
    pub(crate) fn new(
        source: Arc<dyn Source<T>>,
        head: watch::Receiver<u64>,
        after: u64,
    ) -> LocalFollower<T> {
        LocalFollower {
            source,
            head,
            after,
            found: Vec::new(),
        }
    }

    async fn next(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        loop {
            let found = self.ready(max).await?;
            if !found.is_empty() {
                return Ok(found);
            }
            self.head.changed().await.map_err(|_| {
                LogError::Refused(format!(
                    "the log takes no more: {}",
                    self.source.why_ended()
                ))
            })?;
        }
    }

    async fn ready(&mut self, max: usize) -> Result<Vec<T>, LogError> {
        let head = *self.head.borrow_and_update();
        while self.after < head && self.found.len() < max {
            self.after = self.source.scan(self.after, head, max, &mut self.found)?;
            if self.source.takes_time() && self.after < head && self.found.len() < max {
                tokio::task::yield_now().await;
            }
        }
        if self.found.len() <= max {
            return Ok(std::mem::take(&mut self.found));
        }
        // A cancelled call had asked for more than this one.
        let rest = self.found.split_off(max);
        Ok(std::mem::replace(&mut self.found, rest))
    }
}
