//! What every log promises, and which is meant.

use std::sync::Arc;

use bytes::Bytes;
use duban_model::frame::{Frame, Service};

use crate::embedded::EmbeddedLog;
use crate::fault::{AppendError, LogError, SubmitError};
use crate::follower::{Follower, InboxFollower};
use crate::jetstream::JetStreamLog;
use crate::lease::Leases;
use crate::memory::MemoryLog;
use crate::simulated::SimulatedLog;

/// A frame and where it stands on the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its sequence: the first frame of a log, of whichever service, is 1.
    pub seq: u64,
    /// The frame.
    pub frame: Arc<Frame>,
}

/// Something submitted, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxMessage {
    /// Its sequence in the inbox: the first is 1.
    pub seq: u64,
    /// The subject it came on, without `duban.in.`: `tenant.noun.verb`. Rights are given by subject.
    pub subject: Option<String>,
    /// What was sent.
    pub bytes: Bytes,
}

/// One partition's log and inbox. Cheap to clone; all clones are the same log.
#[derive(Clone, Debug)]
pub enum Log {
    /// For tests and simulation.
    Memory(MemoryLog),
    /// A folder of this process: the default, nothing to install.
    Embedded(EmbeddedLog),
    /// Streams of a NATS server.
    JetStream(JetStreamLog),
    /// In memory, over a connection that fails as a simulation has it.
    Simulated(SimulatedLog),
}

macro_rules! dispatch {
    ($log:expr, $inner:ident => $call:expr) => {
        match $log {
            Log::Memory($inner) => $call,
            Log::Embedded($inner) => $call,
            Log::JetStream($inner) => $call,
            Log::Simulated($inner) => $call,
        }
    };
}

impl Log {
    /// Random, drawn when the log was created and kept with it: tells one log from another.
    pub fn id(&self) -> &str {
        dispatch!(self, log => log.id())
    }

    /// The leases by which processes agree who writes; nothing for a log that one process holds.
    pub fn leases(&self) -> Option<Leases> {
        match self {
            Log::Memory(_) | Log::Simulated(_) | Log::Embedded(_) => None,
            Log::JetStream(log) => Some(Leases(log.clone())),
        }
    }

    /// Appends a frame durably if, and only if, `expected` is the sequence of this service's
    /// previous frame (0: it has none yet), and returns the frame's sequence.
    ///
    /// Once called, the append may happen even if the future is dropped.
    pub async fn append(&self, frame: Arc<Frame>, expected: u64) -> Result<u64, AppendError> {
        match self {
            Log::Memory(log) => log.append(frame, expected),
            Log::Embedded(log) => log.append(frame, expected).await,
            Log::JetStream(log) => log.append(&frame, expected).await,
            Log::Simulated(log) => log.append(frame, expected).await,
        }
    }

    /// The service's last frame, whoever wrote it. After an append acknowledged by anybody, this
    /// is that frame or a later one.
    pub async fn last_frame(&self, service: Service) -> Result<Option<Stored>, LogError> {
        match self {
            Log::Memory(log) => Ok(log.last_frame(service)),
            Log::Embedded(log) => log.last_frame(service),
            Log::JetStream(log) => log.last_frame(service).await,
            Log::Simulated(log) => log.last_frame(service).await,
        }
    }

    /// The frame at this sequence, if the log has come that far.
    pub async fn frame(&self, seq: u64) -> Result<Option<Stored>, LogError> {
        match self {
            Log::Memory(log) => Ok(log.frame(seq)),
            Log::Embedded(log) => log.frame(seq),
            Log::JetStream(log) => log.frame(seq).await,
            Log::Simulated(log) => log.frame(seq).await,
        }
    }

    /// The last durable sequence on the log; 0 when it is empty.
    pub async fn head(&self) -> Result<u64, LogError> {
        match self {
            Log::Memory(log) => Ok(log.head()),
            Log::Embedded(log) => Ok(log.head()),
            Log::JetStream(log) => log.head().await,
            Log::Simulated(log) => log.head().await,
        }
    }

    /// Frames of these services after `after`, in order, never past the durable head.
    pub async fn follow(&self, after: u64, services: &[Service]) -> Result<Follower, LogError> {
        match self {
            Log::Memory(log) => Ok(log.follow(after, services)),
            Log::Embedded(log) => Ok(log.follow(after, services)),
            Log::JetStream(log) => Ok(log.follow(after, services)),
            Log::Simulated(log) => log.follow(after, services).await,
        }
    }

    /// Puts a message into the inbox, under the tenant and a subject such as
    /// `publication.published`; returns its inbox sequence once it is durable.
    ///
    /// Once called, the message may be stored even if the future is dropped.
    pub async fn submit(
        &self,
        tenant: &str,
        subject_tail: &str,
        bytes: Bytes,
    ) -> Result<u64, SubmitError> {
        match self {
            Log::Memory(log) => log.submit(tenant, subject_tail, bytes),
            Log::Embedded(log) => log.submit(tenant, subject_tail, bytes).await,
            Log::JetStream(log) => log.submit(tenant, subject_tail, bytes).await,
            Log::Simulated(log) => log.submit(tenant, subject_tail, bytes).await,
        }
    }

    /// The last durable sequence in the inbox; 0 when it is empty.
    pub async fn inbox_head(&self) -> Result<u64, LogError> {
        match self {
            Log::Memory(log) => Ok(log.inbox_head()),
            Log::Embedded(log) => Ok(log.inbox_head()),
            Log::JetStream(log) => log.inbox_head().await,
            Log::Simulated(log) => log.inbox_head().await,
        }
    }

    /// Messages of the inbox after `after`, in order, never past its durable head.
    pub async fn follow_inbox(&self, after: u64) -> Result<InboxFollower, LogError> {
        match self {
            Log::Memory(log) => Ok(log.follow_inbox(after)),
            Log::Embedded(log) => Ok(log.follow_inbox(after)),
            Log::JetStream(log) => Ok(log.follow_inbox(after)),
            Log::Simulated(log) => log.follow_inbox(after).await,
        }
    }
}

/// The services of a filter, without repetition, in their fixed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServiceSet([bool; Service::ALL.len()]);

impl ServiceSet {
    pub(crate) fn of(services: &[Service]) -> ServiceSet {
        let mut set = ServiceSet([false; Service::ALL.len()]);
        for service in services {
            set.0[index_of(*service)] = true;
        }
        set
    }

    pub(crate) fn contains(self, service: Service) -> bool {
        self.0[index_of(service)]
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Service> {
        Service::ALL
            .into_iter()
            .filter(move |service| self.contains(*service))
    }
}

/// A service's place in [`Service::ALL`].
pub(crate) fn index_of(service: Service) -> usize {
    match service {
        Service::Intake => 0,
        Service::Rules => 1,
        Service::Scheduler => 2,
        Service::Notifier => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_follow_the_list() {
        for (place, service) in Service::ALL.into_iter().enumerate() {
            assert_eq!(index_of(service), place);
        }
    }
}
