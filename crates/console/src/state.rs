//! What the follower and the pages share.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use duban_journal::Log;
use tokio::sync::{Semaphore, watch};

use crate::access::Access;
use crate::act::Batches;
use crate::ahead::{Ahead, Foresee};
use crate::answer::{ANSWERS_AT_ONCE, Answering};
use crate::audit::Auditing;
use crate::define::Defining;
use crate::measure::Measure;
use crate::projection::Projection;
use crate::sheet::{Export, Exporter, FILES_AT_ONCE};
use crate::watch::Watch;

/// Pages that read the log at the same time, in pages; others wait. Each holds a few frames.
pub const READINGS_AT_ONCE: usize = 4;

/// Pages are ready when no more of the log than this is still to be read, in frames.
const FRAMES_BEHIND: u64 = 64;
/// The log has to say within this time how long it is.
const HEAD_WITHIN: Duration = Duration::from_secs(2);

/// An explanation: headings, each with its lines.
pub type Explanation = Vec<(String, Vec<String>)>;

/// Explains a duty: the records that led there, and why what did not happen did not.
///
/// The binary injects it, since the reasons are the rules' and the console knows no rules. It is
/// called on a thread of its own and may read the log.
pub trait Explain: Send + Sync {
    /// The explanation of an obligation; nothing if there is none to give.
    fn explain(&self, obligation: &str) -> Option<Explanation>;
}

/// The state of one console. Cheap to clone; all clones are the same console.
#[derive(Clone)]
pub struct ConsoleState {
    /// What the pages read.
    pub projection: Arc<RwLock<Projection>>,
    /// The sequence of the last frame in the projection; moves after the projection has.
    pub changes: watch::Sender<u64>,
    /// The log, where histories are read when somebody asks for one.
    pub log: Option<Log>,
    /// Explains duties, if somebody can.
    pub explain: Option<Arc<dyn Explain>>,
    /// Sign-in and rights. Without it nobody is shown anything.
    pub access: Option<Access>,
    /// Answers by link, where they are taken.
    pub answering: Option<Answering>,
    /// Where files that come with acts are kept, if anywhere.
    pub evidence: Option<PathBuf>,
    /// Measures the installation, if somebody can.
    pub measure: Option<Arc<dyn Measure>>,
    /// Checks the log, if somebody can.
    pub auditing: Option<Auditing>,
    /// Watches duties and timers, if somebody does.
    pub watch: Option<Arc<dyn Watch>>,
    /// Writes tables into files, if somebody can.
    pub export: Exporter,
    /// Looks ahead, if somebody can.
    pub ahead: Option<Ahead>,
    /// What became of acts on several duties at once.
    pub(crate) batches: Batches,
    /// Drafts of definitions, and who knows what they mean.
    pub defining: Option<Defining>,
    pub(crate) readings: Arc<Semaphore>,
    pub(crate) takings: Arc<Semaphore>,
    pub(crate) writings: Arc<Semaphore>,
}

impl fmt::Debug for ConsoleState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleState")
            .field("seq", &*self.changes.borrow())
            .field("explains", &self.explain.is_some())
            .finish_non_exhaustive()
    }
}

impl Default for ConsoleState {
    fn default() -> Self {
        ConsoleState::new(None, None)
    }
}

impl ConsoleState {
    /// A console that has read nothing yet.
    pub fn new(log: Option<Log>, explain: Option<Arc<dyn Explain>>) -> ConsoleState {
        ConsoleState {
            projection: Arc::default(),
            changes: watch::Sender::new(0),
            log,
            explain,
            access: None,
            answering: None,
            evidence: None,
            measure: None,
            auditing: None,
            watch: None,
            batches: Batches::default(),
            export: None,
            ahead: None,
            defining: None,
            readings: Arc::new(Semaphore::new(READINGS_AT_ONCE)),
            takings: Arc::new(Semaphore::new(ANSWERS_AT_ONCE)),
            writings: Arc::new(Semaphore::new(FILES_AT_ONCE)),
        }
    }

    /// The same console with sign-in and rights.
    #[must_use]
    pub fn guarded_by(mut self, access: Access) -> ConsoleState {
        self.access = Some(access);
        self
    }

    /// Whether pages can be shown: the log answers and is read up to its end, and the accounts can be
    /// read; if not, why.
    pub(crate) async fn readiness(&self) -> Result<(), &'static str> {
        if let Some(access) = &self.access
            && access.accounts.book().is_err()
        {
            return Err("the accounts cannot be read");
        }
        let Some(log) = &self.log else {
            return Ok(());
        };
        let Ok(Ok(head)) = tokio::time::timeout(HEAD_WITHIN, log.head()).await else {
            return Err("the log does not answer");
        };
        if self.read().seq() + FRAMES_BEHIND < head {
            return Err("the log is being read");
        }
        Ok(())
    }

    /// The same console with a folder for the files that come with acts.
    #[must_use]
    pub fn keeping_files_in(mut self, folder: PathBuf) -> ConsoleState {
        self.evidence = Some(folder);
        self
    }

    /// The same console with measures.
    #[must_use]
    pub fn measured_by(mut self, measure: Arc<dyn Measure>) -> ConsoleState {
        self.measure = Some(measure);
        self
    }

    /// The same console with what is found of duties without a next action.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn Watch>) -> ConsoleState {
        self.watch = Some(watch);
        self
    }

    /// The same console with a check of its log.
    #[must_use]
    pub fn audited_by(mut self, auditing: Auditing) -> ConsoleState {
        self.auditing = Some(auditing);
        self
    }

    /// The same console with files of its tables.
    #[must_use]
    pub fn exported_by(mut self, export: Arc<dyn Export>) -> ConsoleState {
        self.export = Some(export);
        self
    }

    /// The same console with a view of the year ahead.
    #[must_use]
    pub fn foreseen_by(mut self, foresee: Arc<dyn Foresee>) -> ConsoleState {
        self.ahead = Some(Ahead::new(foresee));
        self
    }

    /// The same console with definitions that can be edited.
    #[must_use]
    pub fn defined_by(mut self, defining: Defining) -> ConsoleState {
        self.defining = Some(defining);
        self
    }

    /// The projection, to read.
    pub fn read(&self) -> RwLockReadGuard<'_, Projection> {
        // A page that panicked while reading has changed nothing.
        self.projection
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The projection, to take frames into account. Call [`ConsoleState::changed`] afterwards.
    pub fn write(&self) -> RwLockWriteGuard<'_, Projection> {
        self.projection
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the open pages that the projection moved.
    pub fn changed(&self) {
        let seq = self.read().seq();
        self.changes.send_replace(seq);
    }
}
