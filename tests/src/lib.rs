//! What several whole-system tests share.

pub mod bad;
pub mod dice;
pub mod disk;
pub mod duban;
pub mod gate;
pub mod log;
pub mod made;
pub mod mailbox;
pub mod nats;
pub mod office;
pub mod pairs;
pub mod parsers;
pub mod roles;
pub mod scenario;
pub mod simulation;
pub mod sink;
pub mod watch;
pub mod webhook;
pub mod year;
