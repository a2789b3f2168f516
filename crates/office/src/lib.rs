//! Reads an office's documents into ledgers: bytes in, readings and questions out.
//!
//! Word, Excel and separated values, in layouts not seen before: [`read_ledger`] finds the table,
//! its header and its columns, follows merged cells and pages, reads every deadline ([`deadline`])
//! and resolves every unit against a directory. What is uncertain becomes a question with its
//! alternatives; nothing is dropped without being told ([`reading::Counts`]). [`definition`] writes
//! what was read as a definition folder, [`report`] says how it was read. [`roster`] does the same
//! for a file of units and contacts.
//!
//! No files and no clock: who calls it reads and writes.

pub mod answer;
mod archive;
mod assemble;
mod body;
pub mod deadline;
pub mod definition;
mod document;
mod docx;
pub mod export;
mod form;
mod grid;
mod heading;
mod ladders;
mod layout;
pub mod limit;
mod list;
mod numbering;
mod people;
mod phrase;
mod plain;
mod raw;
mod read;
pub mod reading;
pub mod refusal;
pub mod report;
mod resolve;
pub mod roster;
mod roster_heading;
mod serial;
mod sheet;
mod sheet_marks;
pub mod task_text;
mod text;
mod title;
mod yaml;

pub use read::{Wishes, read_ledger, read_notice};
pub use reading::{Confidence, Reading};
pub use refusal::Refusal;
