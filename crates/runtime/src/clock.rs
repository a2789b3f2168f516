//! The only place that reads a clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use duban_model::Timestamp;

/// Where "now" comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    Live,
    /// Only `clock.advanced` records move time.
    Virtual,
    /// A wall clock that a simulation sets; everything else is as live.
    Simulated(SimulatedClock),
}

impl Clock {
    /// The wall clock, or nothing on a virtual clock.
    pub fn now(&self) -> Option<Timestamp> {
        match self {
            Clock::Live => Some(wall_now()),
            Clock::Virtual => None,
            Clock::Simulated(clock) => Some(clock.now()),
        }
    }

    /// How long until the wall clock shows `at`, unless it is set meanwhile; nothing on a virtual
    /// clock, zero if it has.
    pub fn until(&self, at: Timestamp) -> Option<Duration> {
        let whole = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        match self {
            // To the nanosecond: cut to milliseconds, each wait would be one too long.
            Clock::Live => Some(whole(at.0).saturating_sub(since_epoch())),
            Clock::Virtual => None,
            Clock::Simulated(clock) => Some(whole(at.0.saturating_sub(clock.now().0))),
        }
    }
}

/// A wall clock that goes with tokio's time, which a simulation pauses, and that can be set, both
/// ways. All clones are the same clock.
#[derive(Clone, Debug)]
pub struct SimulatedClock {
    started: tokio::time::Instant,
    /// What the clock showed, or would have shown, when it was started.
    shown: Arc<AtomicI64>,
}

impl SimulatedClock {
    /// A clock that shows `at` now.
    pub fn new(at: Timestamp) -> SimulatedClock {
        let clock = SimulatedClock {
            started: tokio::time::Instant::now(),
            shown: Arc::new(AtomicI64::new(0)),
        };
        clock.set(at);
        clock
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.shown.load(Ordering::SeqCst)).plus_millis(self.run_millis())
    }

    /// Sets it, forward or back.
    pub fn set(&self, at: Timestamp) {
        self.shown
            .store(at.0.saturating_sub(self.run_millis()), Ordering::SeqCst);
    }

    fn run_millis(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

/// The wall clock.
pub fn wall_now() -> Timestamp {
    Timestamp(i64::try_from(since_epoch().as_millis()).unwrap_or(i64::MAX)).plus_millis(0)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock becomes an input"
)]
fn since_epoch() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default()
}

/// A monotonic instant, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "durations shown to people are measured here"
)]
pub fn stopwatch() -> std::time::Instant {
    std::time::Instant::now()
}

/// A number for this process's frames, unlike any other process's: drawn at start.
pub fn draw_incarnation() -> u64 {
    // Clock and process id suffice to tell writers apart; it need not be secret. 53 bits survive
    // every JSON reader.
    let clock = u64::try_from(wall_now().0).unwrap_or(0);
    let mix = duban_model::RecordId::derive(&[
        &clock.to_le_bytes(),
        &std::process::id().to_le_bytes(),
        &stopwatch_entropy().to_le_bytes(),
    ]);
    let mut word = [0; 8];
    word.copy_from_slice(&mix.0[..8]);
    u64::from_le_bytes(word) >> 11
}

fn stopwatch_entropy() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}

/// Returns when the process is to stop.
pub async fn stopped(shutdown: &mut tokio::sync::watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
