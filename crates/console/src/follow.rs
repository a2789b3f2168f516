//! Reads the log from its start and keeps the projection up with it.

use std::time::Duration;

use duban_journal::{Follower, Log, LogError};
use duban_model::Service;
use tokio::sync::watch;

use crate::state::ConsoleState;

/// Frames asked for at once, in frames: a full one takes some 200 KB while it is being read. Pages
/// get their turn between two frames.
pub const FRAMES_AT_ONCE: usize = 16;
/// How long until the log is asked again when it was not available.
pub const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Folds the log into the console's projection until `shutdown` says so.
///
/// # Errors
/// [`LogError::Damaged`] and [`LogError::Refused`]; [`LogError::Unavailable`] is waited out.
pub async fn follow(
    log: Log,
    state: ConsoleState,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), LogError> {
    tokio::select! {
        () = asked_to_stop(&mut shutdown) => Ok(()),
        fault = read(&log, &state) => Err(fault),
    }
}

/// Reads for ever; returns only the fault that ends it.
async fn read(log: &Log, state: &ConsoleState) -> LogError {
    let mut follower: Option<Follower> = None;
    loop {
        let found = async {
            if follower.is_none() {
                let after = state.read().seq();
                follower = Some(log.follow(after, &Service::ALL).await?);
            }
            match follower.as_mut() {
                Some(follower) => follower.next(FRAMES_AT_ONCE).await,
                None => Ok(Vec::new()),
            }
        };
        match found.await {
            Ok(frames) => {
                for stored in frames {
                    state.write().apply(stored.seq, &stored.frame);
                }
                state.changed();
                // A long catch-up must not keep this thread to itself.
                tokio::task::yield_now().await;
            }
            Err(LogError::Unavailable(why)) => {
                tracing::warn!(%why, "the console waits for the log");
                follower = None;
                tokio::time::sleep(RETRY_AFTER).await;
            }
            Err(fault) => return fault,
        }
    }
}

/// Returns once `shutdown` is true, or nobody can make it so any more.
pub(crate) async fn asked_to_stop(shutdown: &mut watch::Receiver<bool>) {
    // The sender being gone means the process is ending.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
