//! The one thread that writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::error;

use duban_model::state::RowChange;

use crate::medium::Medium;
use crate::page;
use crate::seal::{Position, Sealed};
use crate::simulated::Moment;
use crate::watchdog::{Progress, STALL_SECONDS, Watchdog};
use crate::{Commit, POSITION_KEY, Reached, StoreError, Sweep};

/// Commits that wait for the writer; beyond it, the loop waits.
const QUEUED_COMMITS: usize = 256;
/// The same in KiB of their rows: a rebuild changes rows faster than any disk takes them.
const QUEUED_KIB: u32 = 16 * 1024;
/// What a row takes in memory beside its key and value, in bytes, about.
const ROW_BYTES: usize = 64;
/// Rows of one batch, about: whole commits are taken until it is reached.
const BATCH_ROWS: usize = 1_000;

enum Request {
    /// With the room that it takes until it is written.
    Commit(Commit, OwnedSemaphorePermit),
    Flushed(oneshot::Sender<()>),
}

/// A role's open folder. Dropping it waits for what was queued, and until the folder can be opened
/// again.
#[derive(Debug)]
pub struct Store {
    requests: Option<mpsc::Sender<Request>>,
    room: Arc<Semaphore>,
    progress: Arc<Progress>,
    thread: Option<std::thread::JoinHandle<()>>,
    _watchdog: Option<Watchdog>,
}

impl Store {
    pub(crate) fn start(medium: Medium, sealed: Sealed) -> Store {
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
            .spawn(move || {
                write_all(&medium, incoming, &counting, sealed);
                medium.close();
            })
            .expect("a thread can be started");
        Store {
            requests: Some(requests),
            room: Arc::new(Semaphore::new(QUEUED_KIB as usize)),
            progress,
            thread: Some(thread),
            _watchdog: Some(watchdog),
        }
    }

    /// The same on a task of its own instead of a thread, so that all of a simulation is one thread.
    pub(crate) fn start_simulated(medium: Medium, sealed: Sealed) -> Store {
        let (requests, incoming) = mpsc::channel(QUEUED_COMMITS);
        tokio::spawn(write_simulated(medium, incoming, sealed));
        Store {
            requests: Some(requests),
            room: Arc::new(Semaphore::new(QUEUED_KIB as usize)),
            progress: Arc::default(),
            thread: None,
            _watchdog: None,
        }
    }

    /// Queues changes. They become durable in order, later; the log already has the facts. Waits
    /// while much is queued.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        // Nobody closes it. When the writer ends, what is queued gives its room back.
        let room = self.room.clone().acquire_many_owned(kib(&commit));
        let room = room.await.map_err(|_| self.ended())?;
        self.send(Request::Commit(commit, room)).await
    }

    /// Waits until everything queued so far is durable.
    pub async fn flushed(&self) -> Result<(), StoreError> {
        let (done, waiting) = oneshot::channel();
        self.send(Request::Flushed(done)).await?;
        waiting.await.map_err(|_| self.ended())
    }

    /// Why nothing is taken any more.
    fn ended(&self) -> StoreError {
        match self.progress.fault.get() {
            Some(fault) => StoreError::Disk(fault.clone()),
            None => StoreError::Closed,
        }
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.as_ref().ok_or(StoreError::Closed)?;
        self.progress.taken.fetch_add(1, Ordering::SeqCst);
        requests.send(request).await.map_err(|_| self.ended())
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

/// The room that a commit takes while it waits. One larger than all the room waits until it is alone.
fn kib(commit: &Commit) -> u32 {
    let row = |row: &RowChange| row.key.len() + row.value.as_ref().map_or(0, Vec::len) + ROW_BYTES;
    let bytes: usize = commit.changes.iter().map(row).sum();
    u32::try_from(bytes / 1024 + 1).map_or(QUEUED_KIB, |kib| kib.min(QUEUED_KIB))
}

/// Requests that are written in one go.
struct Gathered {
    /// Given back when they are written.
    room: Vec<OwnedSemaphorePermit>,
    rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    waiting: Vec<oneshot::Sender<()>>,
    reached: Option<Reached>,
    sweeps: Vec<Sweep>,
    taken: u64,
}

/// Takes `first` and what waits behind it, in whole commits, until a batch is full.
fn gather(first: Request, incoming: &mut mpsc::Receiver<Request>) -> Gathered {
    let mut gathered = Gathered {
        room: Vec::new(),
        rows: BTreeMap::new(),
        waiting: Vec::new(),
        reached: None,
        sweeps: Vec::new(),
        taken: 0,
    };
    let mut next = Some(first);
    while let Some(request) = next {
        gathered.taken += 1;
        match request {
            Request::Commit(commit, room) => {
                gathered.room.push(room);
                for change in commit.changes {
                    gathered.rows.insert(change.key, change.value);
                }
                gathered.reached = Some(commit.reached);
                gathered.sweeps.push(commit.sweep);
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
    sealed: Sealed,
) {
    let mut pages = Pages::after(sealed);
    let mut marked = medium.is_marked();
    while let Some(first) = incoming.blocking_recv() {
        let gathered = gather(first, &mut incoming);
        if let Some(reached) = &gathered.reached {
            let written = pages.write(medium, &gathered, reached);
            if let Err(fault) = written.and_then(|()| medium.sync()) {
                // The log has the facts; going on without the store would only postpone this. What
                // waits here learns it from its closed channel, and ends the service.
                let folder = medium.shown();
                error!(folder, fault, "the state cannot be written");
                let _ = progress.fault.set(format!(
                    "{folder}: {fault}. Free space there or mend the disk, then start again: the log has everything"
                ));
                return;
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
async fn write_simulated(medium: Medium, mut incoming: mpsc::Receiver<Request>, sealed: Sealed) {
    let Medium::Simulated(mount) = &medium else {
        return;
    };
    let mut pages = Pages::after(sealed);
    while let Some(first) = incoming.recv().await {
        let gathered = gather(first, &mut incoming);
        if let Some(reached) = &gathered.reached {
            mount.reached(Moment::BeforeWrite).await;
            if pages.write(&medium, &gathered, reached).is_err() {
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

/// What has been written, so that it can be added to and dropped from.
struct Pages {
    sealed: Sealed,
    batch: u64,
    /// The batch in which the sweep under way began.
    swept_from: Option<u64>,
    /// The rows of the batch being written; kept, so that its memory is.
    bytes: Vec<u8>,
}

/// Memory kept between two batches, in bytes.
const KEPT_BYTES: usize = 1 << 20;

impl Pages {
    fn after(sealed: Sealed) -> Pages {
        Pages {
            batch: sealed.next_batch(),
            sealed,
            swept_from: None,
            bytes: Vec::new(),
        }
    }

    /// Writes rows as one batch with their position, and drops what a sweep has made stale.
    fn write(
        &mut self,
        medium: &Medium,
        gathered: &Gathered,
        reached: &Reached,
    ) -> Result<(), String> {
        let batch = self.batch;
        self.batch += 1;
        let mut entries = Vec::new();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
        for (key, value) in &gathered.rows {
            page::push(&mut self.bytes, key, value.as_deref());
        }
        let packed = page::pack(&self.bytes);
        for (place, page) in (0..).zip(packed.chunks(page::PAGE_BYTES)) {
            let key = page::key(batch, place);
            self.sealed.add(batch, &key, page);
            entries.push((key, Some(page.to_vec())));
        }
        for sweep in &gathered.sweeps {
            if sweep.begins {
                self.swept_from = Some(batch);
            }
            if sweep.ends
                && let Some(from) = self.swept_from.take()
            {
                for (stale, pages) in self.sealed.drop_before(from) {
                    entries.extend((0..pages).map(|place| (page::key(stale, place), None)));
                }
            }
        }
        let position = Position::new(reached.saved(), self.sealed.whole.clone());
        let position = serde_json::to_vec(&position).expect("positions serialise");
        entries.push((POSITION_KEY.to_vec(), Some(position)));
        medium.apply(entries)
    }
}
