//! The embedded log: frames and inbox in one folder, over fjall, for one process.
//!
//! One writer thread takes whatever requests wait, writes them as one atomic batch, syncs once
//! (`fdatasync` of fjall's journal file) and only then answers and moves the head that readers may
//! see. When a write or sync fails, nobody can say what the disk holds: every waiting request is
//! answered [`AppendError::Broken`], and so is every later one, until the folder is opened anew.

mod layout;
mod open;
mod tail;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use duban_model::frame::{Frame, MAX_FRAME_BYTES, Service};
use fjall::Keyspace;
use tokio::sync::{mpsc, oneshot, watch};

use crate::contract::{InboxMessage, ServiceSet, Stored, index_of};
use crate::fault::{AppendError, LogError, SubmitError};
use crate::follower::{Follower, InboxFollower, LocalFollower, Source, Way};
use crate::subject::inbox_subject;
use layout::{decode_frame, decode_head, decode_inbox, encode_frame, encode_inbox, key, position};
use tail::Tail;
use writer::{Answer, Request, Work};

/// Requests that may wait for the writer thread; more callers than this wait to be let in.
const QUEUE_REQUESTS: usize = 256;

/// Messages that a follower reads from disk before other tasks have a turn.
const READ_CHUNK: u64 = 64;

/// A log in a folder. Cheap to clone; all clones are the same log, and the folder is released when
/// the last of them and of their followers is dropped.
#[derive(Clone)]
pub struct EmbeddedLog(Arc<Inner>);

struct Inner {
    id: String,
    /// For messages.
    folder: String,
    frames: Keyspace,
    inbox: Keyspace,
    head: watch::Receiver<u64>,
    inbox_head: watch::Receiver<u64>,
    shared: Arc<Shared>,
    /// Gone when the log is being dropped.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
}

/// What the writer thread and the readers share.
struct Shared {
    /// Each service's last durable frame.
    last: Mutex<[u64; Service::ALL.len()]>,
    tail: Mutex<Tail>,
    /// Why the log takes no more, once that is so.
    broken: OnceLock<String>,
    /// Set by tests: the next commit fails.
    failing: AtomicBool,
}

impl Shared {
    fn why_broken(&self) -> String {
        self.broken
            .get()
            .cloned()
            .unwrap_or_else(|| "its writer thread has ended".to_owned())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer ends when nobody can send any more; waiting for it releases the folder, so
        // that it can be opened again at once.
        self.requests = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!(folder = %self.folder, "the writer thread of the log has panicked");
        }
    }
}

impl fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedLog")
            .field("folder", &self.0.folder)
            .field("id", &self.0.id)
            .field("head", &self.head())
            .finish_non_exhaustive()
    }
}

impl EmbeddedLog {
    /// Opens the log in this folder, creating it if there is none.
    ///
    /// # Errors
    /// [`LogError::Refused`] when another process holds the folder or it was written by another
    /// release's format; [`LogError::Damaged`] when positions are not contiguous or a frame cannot
    /// be read; [`LogError::Unavailable`] when the disk answers with an error.
    pub fn open(dir: impl AsRef<Path>) -> Result<EmbeddedLog, LogError> {
        open::open(dir.as_ref()).map(|inner| EmbeddedLog(Arc::new(inner)))
    }

    /// Makes the next commit fail before its sync, as a dying disk would. For tests.
    pub fn fail_next_commit(&self) {
        self.0.shared.failing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn id(&self) -> &str {
        &self.0.id
    }

    pub(crate) async fn append(
        &self,
        frame: Arc<Frame>,
        expected: u64,
    ) -> Result<u64, AppendError> {
        // Encoded here, by the caller, so that the one writer thread only writes.
        let (value, bytes) = encode_frame(&frame);
        if bytes > MAX_FRAME_BYTES {
            return Err(AppendError::TooLarge {
                bytes,
                limit: MAX_FRAME_BYTES,
            });
        }
        let work = Work::Append {
            frame,
            value,
            bytes,
            expected,
        };
        match self.ask(work).await {
            Ok(Answer::Done(seq)) => Ok(seq),
            Ok(Answer::Conflict { last }) => Err(AppendError::Conflict { last }),
            Ok(Answer::Broken) | Err(Gone) => Err(AppendError::Broken(self.0.shared.why_broken())),
        }
    }

    pub(crate) async fn submit(
        &self,
        tenant: &str,
        subject_tail: &str,
        bytes: Bytes,
    ) -> Result<u64, SubmitError> {
        inbox_subject(tenant, subject_tail, bytes.len())?;
        let work = Work::Submit {
            value: encode_inbox(&format!("{tenant}.{subject_tail}"), &bytes),
        };
        match self.ask(work).await {
            Ok(Answer::Done(seq)) => Ok(seq),
            Ok(Answer::Conflict { .. } | Answer::Broken) | Err(Gone) => {
                Err(SubmitError::Broken(self.0.shared.why_broken()))
            }
        }
    }

    async fn ask(&self, work: Work) -> Result<Answer, Gone> {
        let (answer, wait) = oneshot::channel();
        let requests = self.0.requests.as_ref().ok_or(Gone)?;
        requests
            .send(Request { work, answer })
            .await
            .map_err(|_| Gone)?;
        wait.await.map_err(|_| Gone)
    }

    pub(crate) fn last_frame(&self, service: Service) -> Result<Option<Stored>, LogError> {
        let last = self
            .0
            .shared
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)[index_of(service)];
        if last == 0 {
            return Ok(None);
        }
        // The head may be about to move to it; durable it is.
        self.read(last).map(Some)
    }

    pub(crate) fn frame(&self, seq: u64) -> Result<Option<Stored>, LogError> {
        if seq == 0 || seq > self.head() {
            return Ok(None);
        }
        self.read(seq).map(Some)
    }

    fn read(&self, seq: u64) -> Result<Stored, LogError> {
        if let Some(frame) = self.0.tail().get(seq) {
            return Ok(Stored { seq, frame });
        }
        let value = self
            .0
            .frames
            .get(key(seq))
            .map_err(|fault| self.0.unreadable(&fault))?
            .ok_or_else(|| self.0.missing("frame", seq))?;
        let frame = decode_frame(&value).map_err(|fault| self.0.undecodable(seq, &fault))?;
        Ok(Stored {
            seq,
            frame: Arc::new(frame),
        })
    }

    pub(crate) fn head(&self) -> u64 {
        *self.0.head.borrow()
    }

    pub(crate) fn follow(&self, after: u64, services: &[Service]) -> Follower {
        let source = FrameSource {
            log: Arc::clone(&self.0),
            services: ServiceSet::of(services),
        };
        let head = self.0.head.clone();
        Follower(Way::Local(LocalFollower::new(
            Arc::new(source),
            head,
            after,
        )))
    }

    pub(crate) fn inbox_head(&self) -> u64 {
        *self.0.inbox_head.borrow()
    }

    pub(crate) fn follow_inbox(&self, after: u64) -> InboxFollower {
        let head = self.0.inbox_head.clone();
        let source = Arc::new(InboxSource(Arc::clone(&self.0)));
        InboxFollower(Way::Local(LocalFollower::new(source, head, after)))
    }
}

/// The writer thread is no longer there.
struct Gone;

impl Inner {
    fn tail(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.shared
            .tail
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn missing(&self, what: &str, seq: u64) -> LogError {
        LogError::Damaged(format!(
            "{}: {what} {seq} is missing. {RESTORE}",
            self.folder
        ))
    }

    fn undecodable(&self, seq: u64, fault: &dyn fmt::Display) -> LogError {
        undecodable(&self.folder, seq, fault)
    }

    fn unreadable(&self, fault: &fjall::Error) -> LogError {
        LogError::Damaged(format!(
            "{}: reading fails: {fault}. {RESTORE}",
            self.folder
        ))
    }
}

/// What the operator can do about a damaged folder.
const RESTORE: &str = "Set the folder aside and put the last backup in its place.";

fn undecodable(folder: &str, seq: u64, fault: &dyn fmt::Display) -> LogError {
    LogError::Damaged(format!(
        "{folder}: the frame at position {seq} cannot be read ({fault}). {RESTORE}"
    ))
}

struct FrameSource {
    log: Arc<Inner>,
    services: ServiceSet,
}

impl Source<Stored> for FrameSource {
    fn scan(
        &self,
        after: u64,
        to: u64,
        max: usize,
        out: &mut Vec<Stored>,
    ) -> Result<u64, LogError> {
        let log = &*self.log;
        let first_kept = {
            let tail = log.tail();
            if tail.covers(after + 1) {
                return Ok(tail.scan(after, to, self.services, max, out));
            }
            tail.first()
        };
        // From disk, up to where memory goes on.
        let to = to
            .min(first_kept.map_or(u64::MAX, |first| first - 1))
            .min(after.saturating_add(READ_CHUNK));
        let mut at = after;
        for entry in log.frames.range(key(after + 1)..=key(to)) {
            if out.len() >= max {
                return Ok(at);
            }
            let (found, value) = entry.into_inner().map_err(|fault| log.unreadable(&fault))?;
            if position(&found) != Some(at + 1) {
                return Err(log.missing("frame", at + 1));
            }
            at += 1;
            let head = decode_head(&value).map_err(|fault| log.undecodable(at, &fault))?;
            if self.services.contains(head.service) {
                let frame = decode_frame(&value).map_err(|fault| log.undecodable(at, &fault))?;
                out.push(Stored {
                    seq: at,
                    frame: Arc::new(frame),
                });
            }
        }
        if at < to {
            return Err(log.missing("frame", at + 1));
        }
        Ok(at)
    }

    fn takes_time(&self) -> bool {
        true
    }

    fn why_ended(&self) -> String {
        self.log.shared.why_broken()
    }
}

struct InboxSource(Arc<Inner>);

impl Source<InboxMessage> for InboxSource {
    fn scan(
        &self,
        after: u64,
        to: u64,
        max: usize,
        out: &mut Vec<InboxMessage>,
    ) -> Result<u64, LogError> {
        let log = &*self.0;
        let to = to.min(after.saturating_add(READ_CHUNK));
        let mut at = after;
        for entry in log.inbox.range(key(after + 1)..=key(to)) {
            if out.len() >= max {
                return Ok(at);
            }
            let (found, value) = entry.into_inner().map_err(|fault| log.unreadable(&fault))?;
            if position(&found) != Some(at + 1) {
                return Err(log.missing("inbox message", at + 1));
            }
            at += 1;
            let (subject, bytes) = decode_inbox(&value)
                .ok_or_else(|| log.undecodable(at, &"an inbox message without subject"))?;
            out.push(InboxMessage {
                seq: at,
                subject: Some(subject),
                bytes,
            });
        }
        if at < to {
            return Err(log.missing("inbox message", at + 1));
        }
        Ok(at)
    }

    fn takes_time(&self) -> bool {
        true
    }

    fn why_ended(&self) -> String {
        self.0.shared.why_broken()
    }
}
