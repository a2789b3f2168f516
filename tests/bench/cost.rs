//! What a process has used: processor seconds and memory, as `/proc` tells them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::line::{median, short};
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
    pub now: f64,
    pub peak: f64,
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
    })
}

/// Processor seconds of several runs: their median.
pub fn seconds(values: &[f64]) -> Value {
    json!(short(median(values)))
}
