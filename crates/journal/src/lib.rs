//! The log contract and its three implementations: JetStream, embedded, memory; and memory behind
//! connections that fail, for simulation.
//!
//! A partition has one *log*, a total order of frames in which every service has one subject with
//! one writer at a time, and one *inbox*, a total order of whatever the world submitted. Both
//! number their messages from 1 without a gap. What a method of [`Log`] acknowledged is durable:
//! on disk (embedded, JetStream) or, in memory, as long as the process lives.

#![allow(
    clippy::doc_markdown,
    reason = "JetStream and CloudEvents are names of things, not of code"
)]

mod contract;
mod embedded;
mod fault;
mod follower;
mod jetstream;
mod lease;
mod memory;
mod simulated;
mod subject;

pub use contract::{InboxMessage, Log, Stored};
pub use embedded::EmbeddedLog;
pub use fault::{AppendError, LogError, SubmitError};
pub use follower::{Follower, InboxFollower};
pub use jetstream::{JetStreamLog, JetStreamOptions};
pub use lease::{Holder, Lease, Leases};
pub use memory::{Fault, MemoryLog};
pub use simulated::{Calm, Fate, Request, SimulatedLog, Weather};

/// A name for a new log: 128 random bits in hexadecimal.
///
/// The standard library's hash keys are seeded by the operating system, which is randomness enough
/// to tell one log from another; nothing is decided on it.
fn draw_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let draw = || RandomState::new().hash_one("duban log");
    format!("{:016x}{:016x}", draw(), draw())
}
