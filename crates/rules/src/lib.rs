//! Compiles workflow definitions, with diagnostics; decides what each obligation does next.
//!
//! Pure: the clock, the disk and the network are inputs of others. `compile` turns the
//! administrators' YAML into [`duban_model::Definition`]; `Rules` is the decider.

mod act;
mod activate;
mod asked;
mod case;
mod clock;
mod compile;
mod condition;
mod condition_check;
mod condition_never;
mod condition_parse;
mod confirmed;
mod consequence;
mod decide;
mod diagnostic;
mod directory_source;
mod doubts;
mod due;
mod event;
mod evidence;
mod explain;
mod extension;
mod faults;
mod field;
mod judge;
mod ladder;
mod node;
mod obligation;
mod occasions;
mod open;
mod openers;
mod owner;
mod plan;
mod reading;
mod recount;
mod revise;
mod revise_duty;
mod schedule;
mod schema;
mod source;
mod stale;
mod state;
mod successor;
mod task;
mod timer;
mod timing;
mod words;

pub use compile::{Compiled, MAX_TEXT_BYTES, calendar_named, compile, definition_hash};
pub use condition::{Condition, Unmet};
pub use decide::Rules;
pub use diagnostic::{Diagnostic, Severity};
pub use directory_source::read_directory;
pub use evidence::{Miss, considered};
pub use explain::{NextStep, derivation, next_step, notices_of, obligation_of};
pub use field::Field;
pub use ladder::{Deadline, Step, StepCode, ladder_steps};
pub use obligation::{Armed, DutyClock, Obligation, ObligationState, Revised};
pub use plan::{Match, Plan};
pub use schema::{SCHEMA_FILES, definition_schema};
pub use state::{Before, Ledger, RulesState, obligations_digest};
