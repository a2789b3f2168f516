//! What crosses the log: ids, instants, records, definitions, the [`decider::Decider`] contract.
//!
//! A type enters this crate only if it crosses the log, or if it is the contract by which
//! a decider meets the log. Nothing here reads a clock, draws a random number or does I/O.

pub mod body;
pub mod chain;
pub mod checksum;
pub mod clocked;
pub mod continuation;
pub mod decider;
pub mod decision;
pub mod definition;
pub mod delivery;
pub mod directory;
pub mod fact;
pub mod frame;
pub mod gathered;
pub mod id;
pub mod instant;
pub mod name;
pub mod noted;
pub mod notice;
pub mod occasion;
pub mod opening;
pub mod record;
pub mod requirement;
pub mod revision;
pub mod silence;
pub mod state;
pub mod term;

pub use body::{Body, RecordType};
pub use chain::{FrameDigest, Link};
pub use decider::{Announced, Cause, Decider, Draft, Drafts, Effect, Input, Message};
pub use definition::Definition;
pub use directory::Directory;
pub use duban_calendar as calendar;
pub use frame::{Frame, FrameHead, Position, Service};
pub use id::{LedgerId, NoticeId, ObligationId, RecordId, TaskId, Tenant, TimerId, UnitId};
pub use instant::{Timestamp, Zone};
pub use name::{Name, Names};
pub use record::{Envelope, EnvelopeFault, Record};
pub use state::{State, Table};
