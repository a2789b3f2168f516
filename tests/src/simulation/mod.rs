//! The whole system from a seed: the real deciders, loop, fence, store logic, log contract and
//! effect runner, single-threaded, on a simulated clock, broker, disk and channel that fail.

pub mod audit;
mod campaign;
pub mod evidence;
pub mod fault;
mod ledger;
mod process;
mod replay;
pub mod run;
mod script;
mod world;

pub use campaign::{Campaign, campaign, report};
pub use fault::{Counts, Fault};
pub use run::{Outcome, run};
