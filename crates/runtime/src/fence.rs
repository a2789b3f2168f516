//! The fence: an append has three outcomes, and no other frame is built before it is settled.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::{AppendError, Log, LogError};
use duban_model::Frame;
use tokio::sync::watch;
use tracing::{info, warn};

use crate::clock::stopped;

/// The first wait before asking again what became of an append, in milliseconds; it doubles.
const FIRST_WAIT_MILLIS: u64 = 20;
/// The longest such wait, in milliseconds.
const LONGEST_WAIT_MILLIS: u64 = 2_000;

/// What an append came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// The frame is on the log.
    Mine(u64),
    /// Another process writes for this service.
    Lost,
    /// The process is to stop, and whether the frame is on the log was not learnt.
    Stopped,
    /// The log takes no more; the process must end.
    Broken(String),
}

/// Appends a frame and settles it, however long the broker is away.
pub(crate) async fn append(
    log: &Log,
    frame: &Arc<Frame>,
    expected: u64,
    shutdown: &mut watch::Receiver<bool>,
) -> Settled {
    let service = frame.head.service;
    let mut wait = FIRST_WAIT_MILLIS;
    loop {
        match log.append(frame.clone(), expected).await {
            Ok(seq) => return Settled::Mine(seq),
            Err(AppendError::Broken(why)) => return Settled::Broken(why),
            Err(AppendError::TooLarge { bytes, limit }) => {
                panic!(
                    "{service} built a frame of {bytes} bytes; the machine keeps it below {limit}"
                )
            }
            Err(AppendError::Conflict { .. }) => {}
            Err(AppendError::Unknown(why)) => {
                warn!(%service, why, "the frame is not acknowledged; asking what became of it");
            }
        }
        // Refused or unknown: the service's last frame tells which.
        loop {
            match log.last_frame(service).await {
                Ok(last) => {
                    let seq = last.as_ref().map_or(0, |stored| stored.seq);
                    let head = last.as_ref().map(|stored| &stored.frame.head);
                    // Where it stands comes first: a process that leads again numbers its frames
                    // on, and what it wrote before must never pass for what it writes now.
                    if seq == expected {
                        info!(%service, "append not on the log; retrying the identical frame");
                        break;
                    }
                    if head.is_some_and(|h| {
                        h.incarnation == frame.head.incarnation && h.number == frame.head.number
                    }) {
                        return Settled::Mine(seq);
                    }
                    warn!(%service, expected, found = seq, "another process writes for this service");
                    return Settled::Lost;
                }
                Err(LogError::Damaged(why) | LogError::Refused(why)) => {
                    return Settled::Broken(why);
                }
                Err(LogError::Unavailable(why)) => {
                    warn!(%service, why, "the log is away; the frame waits");
                    if pause(&mut wait, shutdown).await {
                        return Settled::Stopped;
                    }
                }
            }
        }
        if pause(&mut wait, shutdown).await {
            return Settled::Stopped;
        }
    }
}

/// Waits a little longer each time; true when the process is to stop.
async fn pause(wait: &mut u64, shutdown: &mut watch::Receiver<bool>) -> bool {
    let duration = Duration::from_millis(*wait);
    *wait = (*wait * 2).min(LONGEST_WAIT_MILLIS);
    tokio::select! {
        biased;
        () = stopped(shutdown) => true,
        () = tokio::time::sleep(duration) => false,
    }
}
