//! Bounded waits, and how long the parts of a test took.

use std::time::{Duration, Instant};

/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(10);

/// A stopwatch that prints what each part took.
#[derive(Debug)]
pub struct Parts {
    since: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests bound their waits and say how long they took; nothing is decided on it"
)]
fn now() -> Instant {
    Instant::now()
}

impl Default for Parts {
    fn default() -> Self {
        Parts { since: now() }
    }
}

impl Parts {
    /// Prints what the part that ends here took.
    pub fn done(&mut self, part: &str) {
        let took = now().duration_since(self.since);
        eprintln!("  {:>7.1} s  {part}", took.as_secs_f64());
        self.since = now();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two looks of a bounded wait; nothing rests on its length"
)]
fn pause() {
    std::thread::sleep(LOOK);
}

/// Measures how long something took, by this machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    pub fn start() -> Stopwatch {
        Stopwatch(now())
    }

    /// The time since it was started.
    pub fn elapsed(&self) -> Duration {
        now().duration_since(self.0)
    }
}

/// Looks at a condition until it holds or the limit is over; true if it held.
pub fn until(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let start = now();
    loop {
        if holds() {
            return true;
        }
        if now().duration_since(start) > limit {
            return false;
        }
        pause();
    }
}
