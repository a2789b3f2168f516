//! Duties without a next action, as somebody who watches all of them finds: the pages only list them.

use duban_model::{Service, Timestamp};

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// A duty is owed and nothing will ever happen about it.
    NextAction,
    /// A duty waits for an instant of which the scheduler does not know.
    Timer,
    /// An instant of this service has passed and nothing was fired.
    Firing(Service),
}

/// Something that should be going on and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missed {
    /// What.
    pub lack: Lack,
    /// The duty or timer: [`Watch::key`] of its id.
    pub key: u64,
    /// Since when; of a timer, when it should have been.
    pub since: Timestamp,
}

/// Watches duties and timers.
///
/// The binary injects it: it watches them in any case, for the measures, and the console would keep
/// the same twice.
pub trait Watch: Send + Sync {
    /// What it found when it last looked; only the first of many.
    fn missed(&self) -> Vec<Missed>;

    /// How it keeps the id of a duty.
    fn key(&self, obligation: &str) -> u64;
}
