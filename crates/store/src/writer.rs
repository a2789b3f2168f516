//! The one thread that writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tracing::error;

use crate::chunk;
use crate::medium::Medium;
use crate::seal::{Position, Seal};
use crate::simulated::Moment;
use crate::watchdog::{Progress, STALL_SECONDS, Watchdog};
use crate::{Commit, POSITION_KEY, Saved, StoreError};

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
    _watchdog: Option<Watchdog>,
}

impl Store {
    pub(crate) fn start(medium: Medium, seal: Seal) -> Store {
        let (requests, incoming) = mpsc::channel(QUEUED_COMMITS);
        let progress = Arc::new(Progress::default());
        let watched = medium.shown();
        let watchdog = Watchdog::start(
            progress.clone(),
            Duration::from_secs(1),
            STALL_SECONDS,
            move || {
                error!(
                    folder = watched,
                    "the store has made no progress for {STALL_SECONDS} s; ending the process, a restart continues"
                );
                std::process::abort();
            },
        );
        let counting = progress.clone();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_all(&medium, incoming, &counting, seal))
            .expect("a thread can be started");
        Store {
            requests: Some(requests),
            progress,
            thread: Some(thread),
            _watchdog: Some(watchdog),
        }
    }

    /// The same on a task of its own instead of a thread, so that all of a simulation is one thread.
    pub(crate) fn start_simulated(medium: Medium, seal: Seal) -> Store {
        let (requests, incoming) = mpsc::channel(QUEUED_COMMITS);
        tokio::spawn(write_simulated(medium, incoming, seal));
        Store {
            requests: Some(requests),
            progress: Arc::default(),
            thread: None,
            _watchdog: None,
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

/// Requests that are written in one go.
struct Gathered {
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    waiting: Vec<oneshot::Sender<()>>,
    saved: Option<Saved>,
    taken: u64,
}

/// Takes `first` and what waits behind it, in whole commits, until a batch is full.
fn gather(first: Request, incoming: &mut mpsc::Receiver<Request>) -> Gathered {
    let mut gathered = Gathered {
        rows: BTreeMap::new(),
        waiting: Vec::new(),
        saved: None,
        taken: 0,
    };
    let mut next = Some(first);
    while let Some(request) = next {
        gathered.taken += 1;
        match request {
            Request::Commit(commit) => {
                for change in commit.changes {
                    gathered.rows.insert(change.key, change.value);
                }
                gathered.saved = Some(commit.saved);
            }
            Request::Flushed(done) => gathered.waiting.push(done),
        }
        next = if gathered.rows.len() < BATCH_ROWS {
            incoming.try_recv().ok()
        } else {
            None
        };
    }
    gathered
}

fn write_all(
    medium: &Medium,
    mut incoming: mpsc::Receiver<Request>,
    progress: &Progress,
    mut seal: Seal,
) {
    let mut marked = medium.is_marked();
    while let Some(first) = incoming.blocking_recv() {
        let gathered = gather(first, &mut incoming);
        if let Some(saved) = gathered.saved {
            let written = write_batch(medium, &gathered.rows, &mut seal, saved);
            if let Err(fault) = written.and_then(|()| medium.sync()) {
                // The log has the facts; going on without the store would only postpone this.
                error!(folder = medium.shown(), %fault, "the state cannot be written; ending the process");
                std::process::abort();
            }
            if !marked {
                marked = medium.mark();
            }
        }
        for done in gathered.waiting {
            let _ = done.send(());
        }
        progress.done.fetch_add(gathered.taken, Ordering::SeqCst);
    }
}

/// As [`write_all`], stopping at each moment at which a process may die.
async fn write_simulated(medium: Medium, mut incoming: mpsc::Receiver<Request>, mut seal: Seal) {
    let Medium::Simulated(mount) = &medium else {
        return;
    };
    while let Some(first) = incoming.recv().await {
        let gathered = gather(first, &mut incoming);
        if let Some(saved) = gathered.saved {
            mount.reached(Moment::BeforeWrite).await;
            if write_batch(&medium, &gathered.rows, &mut seal, saved).is_err() {
                return;
            }
            mount.reached(Moment::Written).await;
            mount.sync();
            mount.reached(Moment::Synced).await;
            mount.mark();
        }
        for done in gathered.waiting {
            let _ = done.send(());
        }
    }
}

fn write_batch(
    medium: &Medium,
    rows: &BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    seal: &mut Seal,
    saved: Saved,
) -> Result<(), String> {
    let mut batch = Vec::with_capacity(rows.len() + 1);
    for (key, value) in rows {
        let pieces = medium.with(key, |old| old.map_or(0, chunk::pieces))?;
        for (key, value) in chunk::entries(key, value.as_deref(), pieces) {
            medium.with(&key, |old| {
                if let Some(old) = old {
                    seal.remove(&key, old);
                }
            })?;
            if let Some(value) = &value {
                seal.add(&key, value);
            }
            batch.push((key, value));
        }
    }
    let position = Position::new(saved, seal.clone());
    let position = serde_json::to_vec(&position).expect("positions serialise");
    batch.push((POSITION_KEY.to_vec(), Some(position)));
    medium.apply(batch)
}
