//! The one loop that runs any decider; clock, wake-ups, leadership, effects.
//!
//! A [`machine::Machine`] is a decider with its state and the frame it is building, without any
//! I/O. [`service::run`] drives one against a real log and store; [`pump::Pump`] drives all four in
//! memory for simulation; [`rounds::Rounds`] plays virtual time on any log.

mod alarm;
pub mod channel;
pub mod clock;
pub mod effects;
mod fence;
mod flight;
pub mod lane;
pub mod leadership;
mod loading;
pub mod machine;
mod pace;
pub mod ping;
pub mod pump;
pub mod rounds;
pub mod service;
mod shelf;
pub mod submit;

/// This release, as frames name their writer.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");
