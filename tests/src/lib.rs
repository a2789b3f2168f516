//! What several whole-system tests share.

pub mod nats;
pub mod scenario;
