//! What the project holds itself to, as code that both `cargo xtask` and the tests use.

pub mod figures;
pub mod licences;
pub mod manifest;
pub mod tidy;
