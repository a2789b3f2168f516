//! The one thread that writes the folder: group commit, one sync a group.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use duban_model::frame::Frame;
use fjall::{Database, Keyspace, PersistMode};
use tokio::sync::{mpsc, oneshot, watch};

use super::Shared;
use super::layout::{META_MARK, Mark, key};
use super::open::told;
use crate::contract::index_of;

/// Requests written with one sync, at most.
const GROUP_REQUESTS: usize = 256;

/// Bytes written with one sync, at most, not counting the last request.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// Messages after which the mark is written anew.
const MARK_MESSAGES: u64 = 4096;

/// Bytes after which the mark is written anew: what opening reads at most, beside one group.
const MARK_BYTES: usize = 16 * 1024 * 1024;

/// What is to be written.
pub(super) enum Work {
    Append {
        frame: Arc<Frame>,
        /// As stored.
        value: Vec<u8>,
        /// Its size unpacked.
        bytes: usize,
        expected: u64,
    },
    Submit {
        value: Vec<u8>,
    },
}

impl Work {
    fn bytes(&self) -> usize {
        match self {
            Work::Append { value, .. } | Work::Submit { value } => value.len(),
        }
    }
}

/// What became of it.
pub(super) enum Answer {
    Done(u64),
    Conflict { last: u64 },
    Broken,
}

pub(super) struct Request {
    pub(super) work: Work,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The writer thread's own: nobody else writes to the database.
pub(super) struct Writer {
    pub(super) db: Database,
    pub(super) frames: Keyspace,
    pub(super) inbox: Keyspace,
    pub(super) meta: Keyspace,
    /// What is durable, as of the last commit.
    pub(super) at: Mark,
    pub(super) head: watch::Sender<u64>,
    pub(super) inbox_head: watch::Sender<u64>,
    /// For messages.
    pub(super) folder: String,
    pub(super) shared: Arc<Shared>,
    /// The mark as last written.
    pub(super) marked: Mark,
    /// Bytes written since then.
    pub(super) unmarked_bytes: usize,
}

impl Writer {
    /// Serves requests until nobody can send any more, or a commit fails.
    ///
    /// Ending drops the heads' senders, by which followers learn that nothing more will come.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut group = Vec::with_capacity(GROUP_REQUESTS);
        while let Some(first) = requests.blocking_recv() {
            let mut bytes = first.work.bytes();
            group.push(first);
            while group.len() < GROUP_REQUESTS && bytes < GROUP_BYTES {
                let Ok(request) = requests.try_recv() else {
                    break;
                };
                bytes += request.work.bytes();
                group.push(request);
            }
            if let Err(fault) = self.commit(&mut group) {
                let why = format!(
                    "{}: a write has failed: {fault}. Nothing that is unsure was acknowledged. Free \
                     space there or mend the disk, then start again",
                    self.folder
                );
                tracing::error!(%why, "the log is broken");
                // Set before any request is answered, so that whoever is answered can say why.
                let _ = self.shared.broken.set(why);
                requests.close();
                for request in group.drain(..) {
                    let _ = request.answer.send(Answer::Broken);
                }
                while let Ok(request) = requests.try_recv() {
                    let _ = request.answer.send(Answer::Broken);
                }
                return;
            }
        }
    }

    /// Writes a group and answers it. On an error nobody of the group has been answered.
    fn commit(&mut self, group: &mut Vec<Request>) -> Result<(), String> {
        let mut at = self.at;
        let mut bytes = 0;
        let mut batch = self
            .db
            .batch()
            // fdatasync: the journal file is preallocated and data sync includes what is needed to
            // read it back; fjall itself syncs file and folder in full when it starts a new one.
            .durability(Some(PersistMode::SyncData));
        let mut appended = Vec::new();
        let mut answers = Vec::with_capacity(group.len());
        for request in group.iter_mut() {
            answers.push(match &mut request.work {
                Work::Append {
                    frame,
                    value,
                    bytes: unpacked,
                    expected,
                } => {
                    let last = &mut at.last[index_of(frame.head.service)];
                    if *last == *expected {
                        at.log += 1;
                        *last = at.log;
                        bytes += value.len();
                        appended.push((at.log, Arc::clone(frame), *unpacked));
                        batch.insert(&self.frames, key(at.log), std::mem::take(value));
                        Answer::Done(at.log)
                    } else {
                        Answer::Conflict { last: *last }
                    }
                }
                Work::Submit { value } => {
                    at.inbox += 1;
                    bytes += value.len();
                    batch.insert(&self.inbox, key(at.inbox), std::mem::take(value));
                    Answer::Done(at.inbox)
                }
            });
        }
        if !batch.is_empty() {
            self.unmarked_bytes += bytes;
            let messages = (at.log - self.marked.log) + (at.inbox - self.marked.inbox);
            if messages >= MARK_MESSAGES || self.unmarked_bytes >= MARK_BYTES {
                let mark = serde_json::to_vec(&at).map_err(|fault| fault.to_string())?;
                batch.insert(&self.meta, META_MARK, mark);
                self.marked = at;
                self.unmarked_bytes = 0;
            }
            if self.shared.failing.load(Ordering::SeqCst) {
                return Err("a test made it fail".to_owned());
            }
            batch.commit().map_err(|fault| told(&fault))?;
            self.publish(at, appended);
        }
        for (request, answer) in group.drain(..).zip(answers) {
            // Whoever asked may have gone; what is written stays written.
            let _ = request.answer.send(answer);
        }
        Ok(())
    }

    /// Lets readers see what has become durable. The heads move last: a reader that sees a head
    /// finds everything up to it.
    fn publish(&mut self, at: Mark, appended: Vec<(u64, Arc<Frame>, usize)>) {
        if !appended.is_empty() {
            let mut tail = self
                .shared
                .tail
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for (seq, frame, bytes) in appended {
                tail.push(seq, frame, bytes);
            }
        }
        let log_moved = at.log != self.at.log;
        let inbox_moved = at.inbox != self.at.inbox;
        self.at = at;
        if log_moved {
            *self
                .shared
                .last
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = at.last;
            self.head.send_replace(at.log);
        }
        if inbox_moved {
            self.inbox_head.send_replace(at.inbox);
        }
    }
}
