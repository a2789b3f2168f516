//! Frames: what a service appends to the log in one durable act.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::body::RecordType;
use crate::chain::{FrameDigest, Link};
use crate::record::Record;

/// The largest encoded frame, in bytes (a NATS message is at most 1 MiB with its headers).
pub const MAX_FRAME_BYTES: usize = 900 * 1024;

/// The writing roles. Each has exactly one subject of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Decides what may enter.
    Intake,
    /// Decides what each obligation does next.
    Rules,
    /// Decides when timers are due.
    Scheduler,
    /// Decides who is told what.
    Notifier,
}

impl Service {
    /// All of them, in the order in which a round visits them.
    pub const ALL: [Service; 4] = [
        Service::Intake,
        Service::Rules,
        Service::Scheduler,
        Service::Notifier,
    ];

    /// Its name in subjects and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Intake => "intake",
            Service::Rules => "rules",
            Service::Scheduler => "scheduler",
            Service::Notifier => "notifier",
        }
    }

    /// The CloudEvents `source` of its decisions.
    pub fn source(self) -> &'static str {
        match self {
            Service::Intake => "duban/intake",
            Service::Rules => "duban/rules",
            Service::Scheduler => "duban/scheduler",
            Service::Notifier => "duban/notifier",
        }
    }

    /// True if this service writes records of this type.
    pub fn writes(self, kind: RecordType) -> bool {
        use RecordType as T;
        match kind {
            T::TimerArmed | T::TimerDisarmed => matches!(self, Service::Rules | Service::Notifier),
            T::RejectionRecorded | T::DirectoryAdopted => {
                matches!(self, Service::Rules | Service::Notifier | Service::Intake)
            }
            T::DuplicateRecorded => self == Service::Intake,
            T::TimerNoted
            | T::TimerDropped
            | T::TimerFired
            | T::TimerMissed
            | T::SchedulerContinue => self == Service::Scheduler,
            T::LedgerNoted
            | T::ContactPreferenceNoted
            | T::CalendarNoted
            | T::SilenceNoted
            | T::SilenceEnded
            | T::NoticeHeld
            | T::NoticeReleased
            | T::NoticeBundled
            | T::NoticeDropped
            | T::NoticeQueued
            | T::NoticeSuppressed
            | T::NoticeAttempted
            | T::NoticeDelivered
            | T::NoticeFailed
            | T::NoticeAbandoned
            | T::NotifierContinue => self == Service::Notifier,
            _ if kind.class() == crate::body::Class::Fact => self == Service::Intake,
            _ => self == Service::Rules,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Service::ALL
            .into_iter()
            .find(|service| service.as_str() == text)
            .ok_or_else(|| {
                format!("`{text}` is no service; expected intake, rules, scheduler or notifier")
            })
    }
}

/// A place on a log or inbox: after `seq`, the `index`-th record of that frame. The inbox uses index 0.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// The frame's or message's sequence; the first is 1, and 0 is before everything.
    pub seq: u64,
    /// The record within the frame.
    pub index: u32,
}

impl Position {
    /// Before everything.
    pub const START: Position = Position { seq: 0, index: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.index)
    }
}

/// Who wrote a frame, and how far it had read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameHead {
    /// The writing role.
    pub service: Service,
    /// A number drawn by the writing process when it started.
    pub incarnation: u64,
    /// Counts that process's frames, from 1.
    pub number: u64,
    /// The last input decided.
    pub through: Position,
    /// The release that decided.
    pub release: String,
    /// The service's frame before this one; none in its first, and in those of releases before
    /// there was a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Link>,
}

/// A frame: head and records, in order. Not changed any more once it has been encoded.
#[derive(Debug)]
pub struct Frame {
    /// Who, and how far.
    pub head: FrameHead,
    /// The records; none in a frame that only moves `through`.
    pub records: Vec<Arc<Record>>,
    /// Known once it was encoded, so that nobody has to encode it again for that.
    digest: OnceLock<FrameDigest>,
}

/// A copy may be changed, so it takes no digest over.
impl Clone for Frame {
    fn clone(&self) -> Self {
        Frame::new(self.head.clone(), self.records.clone())
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.head == other.head && self.records == other.records
    }
}

/// A frame that cannot be read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameFault(pub String);

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a frame cannot be read: {}", self.0)
    }
}

impl std::error::Error for FrameFault {}

impl Frame {
    /// Of these parts.
    pub fn new(head: FrameHead, records: Vec<Arc<Record>>) -> Frame {
        Frame {
            head,
            records,
            digest: OnceLock::new(),
        }
    }

    /// Head and batch as a log keeps them. What was encoded is hashed at once, since the next
    /// frame will name it.
    pub fn encode(&self) -> (String, Vec<u8>) {
        let (head, batch) = (self.encode_head(), self.encode_batch());
        self.digest
            .get_or_init(|| FrameDigest::of(head.as_bytes(), &batch));
        (head, batch)
    }

    /// The head as one line of JSON.
    pub fn encode_head(&self) -> String {
        serde_json::to_string(&self.head).expect("heads serialise")
    }

    /// The records as a CloudEvents batch.
    pub fn encode_batch(&self) -> Vec<u8> {
        let mut batch = Vec::with_capacity(2 + 600 * self.records.len());
        batch.push(b'[');
        for (i, record) in self.records.iter().enumerate() {
            if i > 0 {
                batch.push(b',');
            }
            serde_json::to_writer(&mut batch, &**record).expect("records serialise");
        }
        batch.push(b']');
        batch
    }

    /// Reads a frame back.
    pub fn decode(head: &[u8], batch: &[u8]) -> Result<Frame, FrameFault> {
        let head =
            serde_json::from_slice(head).map_err(|fault| FrameFault(format!("head: {fault}")))?;
        let records: Vec<Record> =
            serde_json::from_slice(batch).map_err(|fault| FrameFault(format!("batch: {fault}")))?;
        Ok(Frame::new(
            head,
            records.into_iter().map(Arc::new).collect(),
        ))
    }

    /// The digest of head and records as encoded, by which the next frame names this one and the
    /// store recognises its log.
    pub fn digest(&self) -> FrameDigest {
        *self
            .digest
            .get_or_init(|| FrameDigest::of(self.encode_head().as_bytes(), &self.encode_batch()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_writer() {
        for kind in RecordType::ALL {
            assert!(
                Service::ALL.iter().any(|service| service.writes(*kind)),
                "{}",
                kind.as_str()
            );
        }
    }

    #[test]
    fn an_empty_frame_reads_back() {
        let frame = Frame::new(
            FrameHead {
                service: Service::Rules,
                incarnation: 7,
                number: 1,
                through: Position { seq: 3, index: 2 },
                release: "0.1.0".to_owned(),
                previous: None,
            },
            Vec::new(),
        );
        let again = Frame::decode(frame.encode_head().as_bytes(), &frame.encode_batch()).unwrap();
        assert_eq!(again, frame);
        assert_eq!(again.digest(), frame.digest());
        assert!(Frame::decode(b"{}", b"[]").is_err());
    }
}
