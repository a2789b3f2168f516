//! The only place that reads a clock.

use duban_model::Timestamp;

/// Where "now" comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's clock.
    Live,
    /// Only `clock.advanced` records move time.
    Virtual,
}

impl Clock {
    /// The wall clock, or nothing on a virtual clock.
    pub fn now(self) -> Option<Timestamp> {
        match self {
            Clock::Live => Some(wall_now()),
            Clock::Virtual => None,
        }
    }
}

/// The wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the clock becomes an input"
)]
pub fn wall_now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).plus_millis(0)
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
