//! The one thread that writes.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::chunk;
use crate::seal::{Position, Seal};
use crate::watchdog::{Progress, STALL_SECONDS, Watchdog};
use crate::{COMMITTED_MARK, Commit, POSITION_KEY, Saved, StoreError};

/// Commits that wait for the writer; beyond it, the loop waits.
const QUEUED_COMMITS: usize = 256;
/// Rows of one batch, about: whole commits are taken until it is reached.
const BATCH_ROWS: usize = 1_000;

enum Request {
    Commit(Commit),
    Flushed(oneshot::Sender<()>),
}

/// A role's open folder. Dropping it waits for what was queued.
#[derive(Debug)]
pub struct Store {
    requests: Option<mpsc::Sender<Request>>,
    progress: Arc<Progress>,
    thread: Option<std::thread::JoinHandle<()>>,
    _watchdog: Watchdog,
}

impl Store {
    pub(crate) fn start(db: sled::Db, file: Arc<File>, dir: PathBuf, seal: Seal) -> Store {
        let (requests, incoming) = mpsc::channel(QUEUED_COMMITS);
        let progress = Arc::new(Progress::default());
        let watched = dir.clone();
        let watchdog = Watchdog::start(
            progress.clone(),
            Duration::from_secs(1),
            STALL_SECONDS,
            move || {
                error!(folder = %watched.display(), "the store has made no progress for {STALL_SECONDS} s; ending the process, a restart continues");
                std::process::abort();
            },
        );
        let counting = progress.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(&db, &file, incoming, &counting, &dir, seal))
            .expect("a thread can be started");
        Store {
            requests: Some(requests),
            progress,
            thread: Some(thread),
            _watchdog: watchdog,
        }
    }

    /// Queues changes. They become durable in order, later; the log already has the facts.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.send(Request::Commit(commit)).await
    }

    /// Waits until everything queued so far is durable.
    pub async fn flushed(&self) -> Result<(), StoreError> {
        let (done, waiting) = oneshot::channel();
        self.send(Request::Flushed(done)).await?;
        waiting.await.map_err(|_| StoreError::Closed)
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        self.progress.taken.fetch_add(1, Ordering::SeqCst);
        requests.send(request).await.map_err(|_| StoreError::Closed)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn write_all(
    db: &sled::Db,
    file: &File,
    mut incoming: mpsc::Receiver<Request>,
    progress: &Progress,
    dir: &std::path::Path,
    mut seal: Seal,
) {
    let mut marked = dir.join(COMMITTED_MARK).exists();
    while let Some(first) = incoming.blocking_recv() {
        let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
        let mut waiting = Vec::new();
        let mut saved = None;
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            taken += 1;
            match request {
                Request::Commit(commit) => {
                    for change in commit.changes {
                        rows.insert(change.key, change.value);
                    }
                    saved = Some(commit.saved);
                }
                Request::Flushed(done) => waiting.push(done),
            }
            next = if rows.len() < BATCH_ROWS {
                incoming.try_recv().ok()
            } else {
                None
            };
        }
        if let Some(saved) = saved {
            if let Err(fault) = write_batch(db, file, &rows, &mut seal, saved) {
                // The log has the facts; going on without the store would only postpone this.
                error!(folder = %dir.display(), %fault, "the state cannot be written; ending the process");
                std::process::abort();
            }
            if !marked {
                marked = mark(dir).is_ok();
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
        progress.done.fetch_add(taken, Ordering::SeqCst);
    }
}

/// Leaves a mark that the folder once held rows: sled, when damaged near its beginning, drops all
/// that follows and opens as if new.
fn mark(dir: &std::path::Path) -> std::io::Result<()> {
    File::create(dir.join(COMMITTED_MARK))?.sync_all()
}

fn write_batch(
    db: &sled::Db,
    file: &File,
    rows: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    seal: &mut Seal,
    saved: Saved,
) -> Result<(), String> {
    let mut batch = sled::Batch::default();
    for (key, value) in rows {
        let old = db.get(key).map_err(|fault| fault.to_string())?;
        let pieces = old.as_ref().map_or(0, |head| chunk::pieces(head));
        for (key, value) in chunk::entries(key, value.as_deref(), pieces) {
            if let Some(old) = db.get(&key).map_err(|fault| fault.to_string())? {
                seal.remove(&key, &old);
            }
            match value {
                Some(value) => {
                    seal.add(&key, &value);
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
    }
    let position = Position {
        saved,
        seal: seal.clone(),
    };
    let position = serde_json::to_vec(&position).expect("positions serialise");
    batch.insert(POSITION_KEY, position);
    db.apply_batch(batch).map_err(|fault| fault.to_string())?;
    db.flush().map_err(|fault| fault.to_string())?;
    // sled's flush ends in sync_file_range, which does not flush the disk's cache.
    file.sync_data().map_err(|fault| fault.to_string())
}
