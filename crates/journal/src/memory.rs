//! The log in memory, for tests and simulation: frames are kept as they are, unencoded, and every
//! future completes without yielding when there is something to return.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use duban_model::frame::{Frame, MAX_FRAME_BYTES, Service};
use tokio::sync::watch;

use crate::contract::{InboxMessage, ServiceSet, Stored, index_of};
use crate::draw_id;
use crate::fault::{AppendError, SubmitError};
use crate::follower::{Follower, InboxFollower, LocalFollower, Source, Way};
use crate::subject::inbox_subject;

/// What shall happen to a service's next append; see [`MemoryLog::fail_next`].
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// The append happens; the caller gets [`AppendError::Unknown`].
    LostAnswer,
    /// Nothing is appended; the caller gets [`AppendError::Unknown`].
    NotAppended,
    /// Another writer's frame gets in first, on the service's subject; then the append is tried,
    /// which is a conflict.
    Intruder(Arc<Frame>),
    /// The append, and everything after it on this log, gets [`AppendError::Broken`].
    Broken,
}

/// A log in memory. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct MemoryLog(Arc<Shared>);

struct Shared {
    id: String,
    encodes: bool,
    content: Mutex<Content>,
    head: watch::Sender<u64>,
    inbox_head: watch::Sender<u64>,
}

#[derive(Default)]
struct Content {
    /// Index 0 is sequence 1.
    frames: Vec<Arc<Frame>>,
    last: [u64; Service::ALL.len()],
    /// Index 0 is sequence 1.
    inbox: Vec<(String, Bytes)>,
    faults: [VecDeque<Fault>; Service::ALL.len()],
    broken: bool,
}

impl fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLog")
            .field("id", &self.0.id)
            .field("head", &self.head())
            .finish_non_exhaustive()
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        MemoryLog::new()
    }
}

impl MemoryLog {
    /// An empty log that keeps frames as they are. Since nothing is encoded, nothing is too large.
    pub fn new() -> MemoryLog {
        MemoryLog::create(false)
    }

    /// An empty log that encodes and decodes every frame, as the others do: it refuses what they
    /// refuse, and what does not read back is found out.
    pub fn encoding() -> MemoryLog {
        MemoryLog::create(true)
    }

    fn create(encodes: bool) -> MemoryLog {
        MemoryLog(Arc::new(Shared {
            id: draw_id(),
            encodes,
            content: Mutex::default(),
            head: watch::Sender::new(0),
            inbox_head: watch::Sender::new(0),
        }))
    }

    /// Scripts the outcome of this service's next append; scripts queue up, one an append.
    pub fn fail_next(&self, service: Service, fault: Fault) {
        self.content().faults[index_of(service)].push_back(fault);
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Nothing panics while holding it halfway through a change.
        self.0
            .content
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) fn append(&self, frame: Arc<Frame>, expected: u64) -> Result<u64, AppendError> {
        let frame = if self.0.encodes {
            reencoded(&frame)?
        } else {
            frame
        };
        let service = frame.head.service;
        let mut content = self.content();
        let before = content.frames.len();
        let answer = if content.broken {
            Err(broken())
        } else {
            match content.faults[index_of(service)].pop_front() {
                None => content.append(frame, expected),
                Some(Fault::LostAnswer) => content.append(frame, expected).and_then(|_| {
                    Err(AppendError::Unknown(
                        "scripted: the answer is lost".to_owned(),
                    ))
                }),
                Some(Fault::NotAppended) => Err(AppendError::Unknown(
                    "scripted: the request is lost".to_owned(),
                )),
                Some(Fault::Intruder(other)) => {
                    let last = content.last[index_of(other.head.service)];
                    content.append(other, last)?;
                    content.append(frame, expected)
                }
                Some(Fault::Broken) => {
                    content.broken = true;
                    Err(broken())
                }
            }
        };
        let after = content.frames.len();
        drop(content);
        if after != before {
            // Another thread may have been faster; the head never moves back.
            self.0.head.send_if_modified(|head| forward(head, after));
        }
        answer
    }

    pub(crate) fn last_frame(&self, service: Service) -> Option<Stored> {
        let content = self.content();
        content.at(content.last[index_of(service)])
    }

    pub(crate) fn frame(&self, seq: u64) -> Option<Stored> {
        self.content().at(seq)
    }

    pub(crate) fn head(&self) -> u64 {
        *self.0.head.borrow()
    }

    pub(crate) fn follow(&self, after: u64, services: &[Service]) -> Follower {
        let source = FrameSource {
            log: self.clone(),
            services: ServiceSet::of(services),
        };
        let head = self.0.head.subscribe();
        Follower(Way::Local(LocalFollower::new(
            Arc::new(source),
            head,
            after,
        )))
    }

    pub(crate) fn submit(
        &self,
        tenant: &str,
        subject_tail: &str,
        bytes: Bytes,
    ) -> Result<u64, SubmitError> {
        inbox_subject(tenant, subject_tail, bytes.len())?;
        let mut content = self.content();
        if content.broken {
            return Err(SubmitError::Broken("scripted".to_owned()));
        }
        content
            .inbox
            .push((format!("{tenant}.{subject_tail}"), bytes));
        let seq = content.inbox.len();
        drop(content);
        self.0
            .inbox_head
            .send_if_modified(|head| forward(head, seq));
        Ok(seq as u64)
    }

    pub(crate) fn inbox_head(&self) -> u64 {
        *self.0.inbox_head.borrow()
    }

    pub(crate) fn follow_inbox(&self, after: u64) -> InboxFollower {
        let head = self.0.inbox_head.subscribe();
        let source = Arc::new(InboxSource(self.clone()));
        InboxFollower(Way::Local(LocalFollower::new(source, head, after)))
    }
}

fn broken() -> AppendError {
    AppendError::Broken("scripted".to_owned())
}

fn forward(head: &mut u64, length: usize) -> bool {
    let moved = *head < length as u64;
    if moved {
        *head = length as u64;
    }
    moved
}

fn reencoded(frame: &Frame) -> Result<Arc<Frame>, AppendError> {
    let (head, batch) = frame.encode();
    let bytes = head.len() + batch.len();
    if bytes > MAX_FRAME_BYTES {
        return Err(AppendError::TooLarge {
            bytes,
            limit: MAX_FRAME_BYTES,
        });
    }
    Frame::decode(head.as_bytes(), &batch)
        .map(Arc::new)
        .map_err(|fault| AppendError::Broken(fault.to_string()))
}

impl Content {
    fn append(&mut self, frame: Arc<Frame>, expected: u64) -> Result<u64, AppendError> {
        let last = &mut self.last[index_of(frame.head.service)];
        if *last != expected {
            return Err(AppendError::Conflict { last: *last });
        }
        self.frames.push(frame);
        *last = self.frames.len() as u64;
        Ok(*last)
    }

    fn at(&self, seq: u64) -> Option<Stored> {
        let frame = self.frames.get(index(seq)?)?;
        Some(Stored {
            seq,
            frame: Arc::clone(frame),
        })
    }
}

fn index(seq: u64) -> Option<usize> {
    usize::try_from(seq.checked_sub(1)?).ok()
}

struct FrameSource {
    log: MemoryLog,
    services: ServiceSet,
}

impl Source<Stored> for FrameSource {
    fn scan(
        &self,
        after: u64,
        to: u64,
        max: usize,
        out: &mut Vec<Stored>,
    ) -> Result<u64, crate::LogError> {
        let content = self.log.content();
        for seq in after + 1..=to {
            if out.len() >= max {
                return Ok(seq - 1);
            }
            if let Some(stored) = content
                .at(seq)
                .filter(|stored| self.services.contains(stored.frame.head.service))
            {
                out.push(stored);
            }
        }
        Ok(to)
    }

    fn takes_time(&self) -> bool {
        false
    }
}

struct InboxSource(MemoryLog);

impl Source<InboxMessage> for InboxSource {
    fn scan(
        &self,
        after: u64,
        to: u64,
        max: usize,
        out: &mut Vec<InboxMessage>,
    ) -> Result<u64, crate::LogError> {
        let content = self.0.content();
        for seq in after + 1..=to {
            if out.len() >= max {
                return Ok(seq - 1);
            }
            if let Some((subject, bytes)) = index(seq).and_then(|i| content.inbox.get(i)) {
                out.push(InboxMessage {
                    seq,
                    subject: Some(subject.clone()),
                    bytes: bytes.clone(),
                });
            }
        }
        Ok(to)
    }

    fn takes_time(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use duban_model::frame::{FrameHead, Position};

    fn frame(number: u64) -> Arc<Frame> {
        Arc::new(Frame::new(
            FrameHead {
                service: Service::Rules,
                incarnation: 1,
                number,
                through: Position::START,
                release: "test".to_owned(),
                previous: None,
            },
            Vec::new(),
        ))
    }

    #[test]
    fn outcomes_follow_the_script() {
        let log = MemoryLog::new();
        for fault in [
            Fault::NotAppended,
            Fault::LostAnswer,
            Fault::Intruder(frame(100)),
            Fault::Broken,
        ] {
            log.fail_next(Service::Rules, fault);
        }
        assert!(matches!(
            log.append(frame(1), 0),
            Err(AppendError::Unknown(_))
        ));
        assert_eq!(log.last_frame(Service::Rules), None);
        assert!(matches!(
            log.append(frame(1), 0),
            Err(AppendError::Unknown(_))
        ));
        assert_eq!(log.last_frame(Service::Rules).unwrap().seq, 1);
        assert_eq!(
            log.append(frame(2), 1),
            Err(AppendError::Conflict { last: 2 })
        );
        assert_eq!(log.head(), 2);
        assert_eq!(log.frame(2).unwrap().frame.head.number, 100);
        for _ in 0..2 {
            assert!(matches!(
                log.append(frame(3), 2),
                Err(AppendError::Broken(_))
            ));
        }
        assert_eq!(log.head(), 2);
    }
}
