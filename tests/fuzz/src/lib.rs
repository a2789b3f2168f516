//! The functions under test: those that the seeded mutations of the ordinary tests call too.

#[path = "../../src/parsers.rs"]
pub mod parsers;
