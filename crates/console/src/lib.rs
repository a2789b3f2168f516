//! Web pages and HTTP API: reads its own projection of the log, submits records.
//!
//! [`follow`] folds every frame into one [`Projection`]; [`serve`] renders pages from it. The two
//! share a [`ConsoleState`] and nothing else, so a page never waits for the log.

mod asset;
mod event;
mod follow;
mod light;
mod page;
mod projection;
#[cfg(test)]
mod sample;
mod serve;
mod state;

pub use event::{EVENT_GAP, EVENT_STREAMS};
pub use follow::{FRAMES_AT_ONCE, RETRY_AFTER, follow};
pub use light::{Counts, Light, Stage};
pub use projection::{
    Done, Duty, ExtensionAsked, FIRST_LINES, Fate, History, LAST_LINES, LINKS_WAITING, Ledger,
    Line, Matter, NOTICES_KEPT, NOTICES_PER_DUTY, Notice, Notices, Projection, PublicationRow,
    Publications, REJECTIONS_KEPT, Rejection, Submission, TaskRow, Totals, UnitName, Units,
};
pub use serve::{CONNECTIONS, STOP_WITHIN, router, serve};
pub use state::{ConsoleState, Explain, Explanation};
