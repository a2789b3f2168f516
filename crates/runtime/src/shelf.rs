//! When changed rows go to the store: not with every frame, but when enough rows have changed or
//! some time has passed. The log has the facts; what is not stored yet is replayed from it.
//!
//! Rows leave the machine only when no frame is in flight or being built, so what is stored is
//! always a whole number of frames. Beside what changed goes a sweep over all rows, a slice with
//! each commit, when more has been written since the last sweep than twice the live rows: the store
//! then drops what was superseded, and no commit ever has to write everything at once.

use std::sync::Arc;
use std::time::Duration;

use duban_model::state::RowChange;
use duban_model::{Decider, Frame};
use duban_store::{Commit, Found, Reached, Store, StoreError, Sweep};
use tokio::time::Instant;

use crate::machine::Machine;

/// Changed rows go to the store when there are so many.
const COMMITTED_ROWS: usize = 4_096;
/// Changed rows go to the store after this long at the latest, in milliseconds: as much of the log
/// is replayed after a crash. Each commit is a sync that the log's own syncs wait for.
const COMMIT_MILLIS: u64 = 2_000;
/// A sweep begins when so much has been written since the last, in bytes, and twice the live rows.
const SWEPT_AFTER_BYTES: usize = 4 * 1024 * 1024;
/// Rows that a commit sweeps at least; otherwise twice as many as have changed.
const SWEPT_ROWS: usize = 256;

/// A service's store, with what is on its way there.
#[derive(Debug)]
pub(crate) struct Shelf {
    store: Store,
    log: Arc<str>,
    /// The last acknowledged frame whose rows are not committed yet, and since when there is one.
    newest: Option<(u64, Arc<Frame>, Instant)>,
    /// The key after which the sweep under way goes on.
    swept: Option<Vec<u8>>,
    /// Bytes of the rows swept so far.
    swept_bytes: usize,
    /// Bytes of all rows when they were last swept.
    live_bytes: usize,
    /// Bytes written since then.
    written_bytes: usize,
}

impl Shelf {
    /// A store just opened, for a log with this id.
    pub(crate) fn new(store: Store, found: &Found, log: &str) -> Shelf {
        let live_bytes = found.rows.iter().map(|(k, v)| k.len() + v.len()).sum();
        Shelf {
            store,
            log: log.into(),
            newest: None,
            swept: None,
            swept_bytes: 0,
            live_bytes,
            written_bytes: found.stored_bytes.saturating_sub(live_bytes),
        }
    }

    /// Takes notice of a frame on the log.
    pub(crate) fn reached(&mut self, seq: u64, frame: &Arc<Frame>) {
        let since = self
            .newest
            .take()
            .map_or_else(Instant::now, |(_, _, since)| since);
        self.newest = Some((seq, frame.clone(), since));
    }

    /// True when enough rows have changed, or some time ago.
    pub(crate) fn is_due<D: Decider>(&self, machine: &Machine<D>) -> bool {
        machine.changed_rows() >= COMMITTED_ROWS
            || self
                .newest
                .as_ref()
                .is_some_and(|(_, _, since)| since.elapsed() >= COMMIT_AFTER)
    }

    /// When rows are to be committed at the latest.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.newest
            .as_ref()
            .map(|(_, _, since)| *since + COMMIT_AFTER)
    }

    /// Hands every changed row over, if there is a frame that is not committed.
    pub(crate) async fn commit<D: Decider>(
        &mut self,
        machine: &mut Machine<D>,
    ) -> Result<(), StoreError> {
        let Some((seq, frame, _)) = self.newest.take() else {
            return Ok(());
        };
        let mut changes = machine.drain();
        self.written_bytes += bytes(&changes);
        let sweep = self.sweep(machine, &mut changes);
        self.store
            .commit(Commit {
                changes,
                reached: Reached {
                    log: self.log.clone(),
                    seq,
                    frame,
                    latest: machine.latest(),
                },
                sweep,
            })
            .await
    }

    /// Adds a slice of the sweep, if one is under way or due.
    fn sweep<D: Decider>(&mut self, machine: &Machine<D>, changes: &mut Vec<RowChange>) -> Sweep {
        let mut sweep = Sweep::default();
        if self.swept.is_none() && self.written_bytes > SWEPT_AFTER_BYTES.max(2 * self.live_bytes) {
            sweep.begins = true;
            self.swept = Some(Vec::new());
            self.swept_bytes = 0;
            self.written_bytes = 0;
        }
        if let Some(after) = self.swept.take() {
            let limit = SWEPT_ROWS.max(2 * changes.len());
            let rows = machine.copy_rows(&after, limit);
            self.swept_bytes += bytes(&rows);
            if rows.len() < limit {
                sweep.ends = true;
                self.live_bytes = self.swept_bytes;
            } else {
                self.swept = rows.last().map(|row| row.key.clone());
            }
            changes.extend(rows);
        }
        sweep
    }

    /// Waits until everything committed is durable.
    pub(crate) async fn flushed(&self) -> Result<(), StoreError> {
        self.store.flushed().await
    }
}

const COMMIT_AFTER: Duration = Duration::from_millis(COMMIT_MILLIS);

fn bytes(rows: &[RowChange]) -> usize {
    rows.iter()
        .map(|row| row.key.len() + row.value.as_ref().map_or(0, Vec::len))
        .sum()
}
