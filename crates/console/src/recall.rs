//! Reading frames of the log again: for what pages show of one duty and memory keeps of none.

use std::collections::BTreeMap;
use std::sync::Arc;

use duban_journal::{Log, LogError, Stored};
use duban_model::Record;
use futures::stream::{self, StreamExt};

use crate::projection::Place;

/// Frames asked for ahead of their turn, in frames: one that is across the network need not be
/// waited for before the next is asked for.
pub const FRAMES_AHEAD: usize = 8;

/// Reads these frames, in their order, and shows each once. A sequence that is not on the log is
/// passed over.
///
/// The embedded log reads its disk in this call: do not make it on a thread that serves.
///
/// # Errors
/// As [`Log::frame`].
pub async fn read_frames(
    log: &Log,
    sequences: impl IntoIterator<Item = u64>,
    mut each: impl FnMut(Stored),
) -> Result<(), LogError> {
    let frames = stream::iter(sequences).map(|seq| log.frame(seq));
    let mut frames = frames.buffered(FRAMES_AHEAD);
    while let Some(frame) = frames.next().await {
        if let Some(stored) = frame? {
            each(stored);
        }
    }
    Ok(())
}

/// The records at these places, which are in order.
pub(crate) async fn read_records(
    log: &Log,
    places: &[Place],
) -> Result<BTreeMap<Place, Arc<Record>>, LogError> {
    let mut sequences: Vec<u64> = places.iter().map(|place| place.seq()).collect();
    sequences.dedup();
    let mut records = BTreeMap::new();
    read_frames(log, sequences, |stored| {
        let from = places.partition_point(|place| place.seq() < stored.seq);
        for place in places[from..].iter().take_while(|p| p.seq() == stored.seq) {
            if let Some(record) = stored.frame.records.get(place.index()) {
                records.insert(*place, Arc::clone(record));
            }
        }
    })
    .await?;
    Ok(records)
}
