//! `/audit`: whether the log is as it was written, and what people of the office did. For those who
//! check, and for nobody else.
//!
//! What makes a log whole is not the console's to know: it asks a [`Verify`], which the binary
//! injects, on a thread of its own and one look at a time. No page waits for it.

mod acts;
mod page;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use duban_model::{Service, Timestamp};

use crate::access::{Need, Right};
use crate::route::Entry;

/// How long a look at the whole log may take before it is given up.
pub const VERIFY_WITHIN: Duration = Duration::from_mins(15);
/// Heads noted earlier that come with a form, in bytes: some thousand of them.
pub const HEADS_BYTES: usize = 128 << 10;

/// What was seen of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chained {
    /// Which.
    pub service: Service,
    /// Its frames.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// When its first record was written, if it has any.
    pub first: Option<Timestamp>,
    /// When its last one was.
    pub last: Option<Timestamp>,
    /// The place of its last frame.
    pub seq: u64,
    /// The digest of that frame, in hexadecimal.
    pub digest: String,
    /// Where its chain begins: the place of the first frame that a later one vouches for.
    pub since: Option<u64>,
}

/// Something that is not as it was written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Whose frame, if it can be read.
    pub service: Option<Service>,
    /// Its place on the log.
    pub seq: u64,
    /// What should be there.
    pub expected: String,
    /// What is.
    pub found: String,
    /// What that means.
    pub meaning: String,
}

/// What a look at the whole log showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The last frame looked at.
    pub through: u64,
    /// Whether that is all there was; otherwise the time was over.
    pub whole: bool,
    /// By service.
    pub services: Vec<Chained>,
    /// Notices of which the whole course was followed.
    pub notices: u64,
    /// Heads noted earlier, and how many of them stand on the log as they were.
    pub heads: (u64, u64),
    /// What is not as it was written: the first of it.
    pub findings: Vec<Finding>,
    /// How much there is of it.
    pub found: u64,
}

/// Looks whether a log is as it was written.
///
/// The binary injects it. It is called on a thread of its own and reads the whole log.
pub trait Verify: Send + Sync {
    /// Looks at all there is, or at as much as can be read within the time given. `heads` is what
    /// `duban audit head` printed earlier; empty if none is compared.
    ///
    /// # Errors
    /// Why nothing could be looked at, in a sentence for the reader.
    fn verify(&self, heads: &str, within: Duration) -> Result<Verdict, String>;
}

/// A look that has begun.
#[derive(Clone, Debug)]
struct Begun {
    by: String,
    at: Timestamp,
}

/// A look that is over.
#[derive(Clone, Debug)]
struct Over {
    begun: Begun,
    took: Duration,
    /// The verdict, or why there is none.
    verdict: Result<Verdict, String>,
}

#[derive(Default)]
struct Known {
    running: Option<Begun>,
    last: Option<Arc<Over>>,
}

/// What was found when somebody looked last. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Auditing {
    verify: Arc<dyn Verify>,
    known: Arc<Mutex<Known>>,
}

impl fmt::Debug for Auditing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditing").finish_non_exhaustive()
    }
}

impl Auditing {
    /// Asks whoever looks.
    pub fn new(verify: Arc<dyn Verify>) -> Auditing {
        Auditing {
            verify,
            known: Arc::default(),
        }
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins a look, unless somebody is looking.
    fn begin(&self, begun: Begun, heads: String) -> bool {
        let is_first = self.known(|known| {
            let is_first = known.running.is_none();
            if is_first {
                known.running = Some(begun.clone());
            }
            is_first
        });
        if is_first {
            let auditing = self.clone();
            tokio::spawn(async move { auditing.look(begun, heads).await });
        }
        is_first
    }

    async fn look(self, begun: Begun, heads: String) {
        let since = tokio::time::Instant::now();
        let verify = Arc::clone(&self.verify);
        let look = tokio::task::spawn_blocking(move || verify.verify(&heads, VERIFY_WITHIN));
        let verdict = look.await.unwrap_or_else(|fault| {
            tracing::error!(%fault, "checking the log failed");
            Err("核对没有做成,服务的运行日志里有原因。".to_owned())
        });
        let over = Over {
            begun,
            took: since.elapsed(),
            verdict,
        };
        self.known(|known| {
            known.running = None;
            known.last = Some(Arc::new(over));
        });
    }
}

/// The addresses below `/audit`.
pub(crate) fn entries() -> Vec<Entry> {
    let audit = Need::Right(Right::Audit);
    vec![
        Entry::page("/audit", audit, page::show),
        Entry::form("/audit/verify", audit, page::verify),
        Entry::page("/audit/verify", audit, page::back),
        Entry::page("/audit/acts/{format}", audit, acts::export),
    ]
}
