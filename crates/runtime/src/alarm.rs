//! Wakes a service at an instant, more exactly than tokio does.
//!
//! A tokio timer has a grain of one millisecond and is rounded up, so it rings up to two
//! milliseconds late. It is used to come near; a thread that sleeps on the system's own timer does
//! the rest, and has nothing to do but for the last milliseconds before an instant.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::clock::stopwatch;

/// Waits up to this are the thread's, in milliseconds; of longer ones the last so many.
const EXACT_MILLIS: u64 = 3;

const EXACT: Duration = Duration::from_millis(EXACT_MILLIS);

/// Rings once for the instant last asked for. May ring early, never late by more than the system's
/// own timers are.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Bell>);

#[derive(Debug)]
struct Bell {
    asked: Sender<Instant>,
    rung: Arc<Notify>,
}

impl Alarm {
    /// Waits, or some milliseconds less, after which the caller asks again. Cancelled, it is
    /// forgotten as soon as something else is asked for.
    pub(crate) async fn ring_after(&mut self, wait: Duration) {
        if let Some(long) = wait.checked_sub(EXACT).filter(|long| !long.is_zero()) {
            tokio::time::sleep(long).await;
            return;
        }
        let at = stopwatch() + wait;
        let bell = self.0.get_or_insert_with(Bell::start);
        if bell.asked.send(at).is_ok() {
            bell.rung.notified().await;
        } else {
            // Without its thread, as exactly as tokio can.
            tokio::time::sleep(wait).await;
        }
    }
}

impl Bell {
    fn start() -> Bell {
        let (asked, asks) = channel();
        let rung = Arc::new(Notify::new());
        let rings = Arc::clone(&rung);
        // A system that gives no more threads makes reminders later by a millisecond, no more.
        let _ = std::thread::Builder::new()
            .name("alarm".to_owned())
            .spawn(move || ring(&asks, &rings));
        Bell { asked, rung }
    }
}

/// Rings for what was asked last, until nobody can ask any more.
fn ring(asks: &Receiver<Instant>, rung: &Notify) {
    let mut next: Option<Instant> = None;
    loop {
        let asked = match next {
            None => asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(at) => asks.recv_timeout(at.saturating_duration_since(stopwatch())),
        };
        match asked {
            Ok(at) => next = Some(at),
            Err(RecvTimeoutError::Timeout) => {
                rung.notify_one();
                next = None;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_rings_again_and_again_and_never_before_a_short_wait_is_over() {
        let mut alarm = Alarm::default();
        for micros in [0, 300, 900] {
            let wait = Duration::from_micros(micros);
            let begun = stopwatch();
            alarm.ring_after(wait).await;
            assert!(begun.elapsed() >= wait);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_is_left_to_tokio_but_for_its_end() {
        let mut alarm = Alarm::default();
        let begun = tokio::time::Instant::now();
        alarm.ring_after(Duration::from_secs(5)).await;
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(5) && waited >= Duration::from_millis(4_990));
        assert!(alarm.0.is_none(), "no thread for it yet");
    }
}
