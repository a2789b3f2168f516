//! What several whole-system tests share.

pub mod dice;
pub mod duban;
pub mod log;
pub mod mailbox;
pub mod nats;
pub mod parsers;
pub mod roles;
pub mod scenario;
pub mod watch;
pub mod webhook;
pub mod year;
