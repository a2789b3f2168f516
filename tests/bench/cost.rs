//! What a process has used: processor seconds and memory, as `/proc` tells them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::line::{median, note, short};
use crate::node::started;

/// Ticks of processor time a second: what Linux shows to programs, whatever the kernel uses.
const TICKS: f64 = 100.0;

/// Processor seconds of a process so far, and those of its children that have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub own: f64,
    pub children: f64,
}

/// What a process has used so far; nothing if it has gone.
pub fn used(process: &str) -> Option<Used> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold spaces, but no later bracket than its own.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks: Vec<f64> = rest
        .split_whitespace()
        .skip(11)
        .take(4)
        .filter_map(|word| word.parse().ok())
        .collect();
    let [user, system, of_children, system_of_children] = ticks[..] else {
        return None;
    };
    Some(Used {
        own: (user + system) / TICKS,
        children: (of_children + system_of_children) / TICKS,
    })
}

/// Looks at processor time, how many in a row must find rest, and how many there are at most.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 4;
const MOST_LOOKS: u32 = 240;
/// Processor seconds between two looks that still count as rest.
const REST: f64 = 0.011;

/// Waits until this process has used next to no processor time for a second, so that what follows
/// does not pay for what was prepared: stores that catch up, logs that tidy up. After a minute it
/// goes on anyway and says so.
pub async fn rest() {
    let (mut before, mut at_rest) = (used("self").unwrap_or_default().own, 0);
    for _ in 0..MOST_LOOKS {
        tokio::time::sleep(LOOK).await;
        let now = used("self").unwrap_or_default().own;
        at_rest = if now - before <= REST { at_rest + 1 } else { 0 };
        if at_rest >= LOOKS {
            return;
        }
        before = now;
    }
    note("not at rest after a minute; measured all the same");
}

/// Measures wall and processor time of this process from its beginning on.
pub struct Stretch {
    since: Instant,
    used: Used,
}

impl Stretch {
    pub fn begin() -> Stretch {
        Stretch {
            since: started(),
            used: used("self").unwrap_or_default(),
        }
    }

    /// Wall time so far.
    pub fn took(&self) -> Duration {
        self.since.elapsed()
    }

    /// Processor seconds of this process so far.
    pub fn own(&self) -> f64 {
        used("self").unwrap_or_default().own - self.used.own
    }

    /// Processor seconds of children that have ended since.
    pub fn children(&self) -> f64 {
        used("self").unwrap_or_default().children - self.used.children
    }
}

/// Memory of a process, in MB (10⁶ bytes).
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All that is resident.
    pub now: f64,
    /// The most that ever was.
    pub peak: f64,
    /// Of what is resident, what is not pages of a file (the program's own code is a file).
    pub own: f64,
}

/// Resident memory of a process; nothing if it has gone.
pub fn memory(process: &str) -> Option<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib * 1_024.0 / 1e6)
    };
    Some(Memory {
        now: field("VmRSS:")?,
        peak: field("VmHWM:")?,
        own: field("RssAnon:")?,
    })
}

/// Processor seconds of several runs: their median.
pub fn seconds(values: &[f64]) -> Value {
    json!(short(median(values)))
}
