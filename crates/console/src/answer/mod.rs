//! Answering a notice by the link that came with it: `/a/{token}`, without a login.
//!
//! The token says for whom and for which duty; opening the page changes nothing, since mail scanners
//! open links. An answer is a fact: it goes into the inbox and is answered for only once it is
//! durable there. What became of it the page reads from the projection like everything else.

mod act;
mod evidence;
mod list;
mod page;
mod rate;
mod refused;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use duban_model::{RecordId, Timestamp};
use tokio::sync::Semaphore;

use crate::access::Need;
use crate::projection::{Duty, Ledger, Person, Projection};
use crate::route::Entry;
pub(crate) use refused::{Refused, style};

pub(crate) use act::{Form, about, follow, links, read, short};
pub use evidence::{EVIDENCE_FOLDER_BYTES, MAX_FILE_BYTES, MAX_FILES};
pub(crate) use evidence::{FILE_SCHEME, accepted, file_of, kinds, label, saved, stored};
pub(crate) use page::{Filled, nonce, refusal};
pub(crate) use rate::address;
pub use rate::{PER_ADDRESS, PER_TOKEN, RATE_WINDOW};

/// The source that answers bear on the log.
pub const ANSWER_SOURCE: &str = "urn:duban:answer";
/// Answers taken in at the same time, in requests; others wait. Each may bring files.
pub const ANSWERS_AT_ONCE: usize = 8;
/// What a form takes beside its files, in bytes.
const FORM_BYTES: usize = 256 * 1024;
/// The largest form with files, in bytes.
pub(crate) fn largest_form() -> usize {
    usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX) * MAX_FILES + FORM_BYTES
}

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The office.
    pub tenant: String,
    /// `unit/contact`
    pub contact: String,
    /// The duty's id.
    pub obligation: String,
    /// The notice that it came with.
    pub notice: RecordId,
    /// It holds until this instant.
    pub until: Timestamp,
}

/// Knows the links that were sent. The binary injects it, since the keys are the runtime's.
pub trait Letters: Send + Sync {
    /// What a token is for, if it is one of ours. Whether it has ended is not looked at.
    fn open(&self, token: &str) -> Option<Letter>;
    /// The token by which [`Letters::open`] gives this letter; nothing if it cannot be one.
    fn token(&self, letter: &Letter) -> Option<String>;
    /// The wall clock; nothing on a virtual clock, where the log says what time it is.
    fn now(&self) -> Option<Timestamp>;
}

/// What it takes to be answered. Cheap to clone.
#[derive(Clone)]
pub struct Answering {
    letters: Arc<dyn Letters>,
    files: PathBuf,
    rates: Arc<rate::Rates>,
    at_once: Arc<Semaphore>,
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Answering {
    /// Answers by these letters; files that come with them are kept in `files`, which is made when
    /// the first one comes.
    pub fn new(letters: Arc<dyn Letters>, files: PathBuf) -> Answering {
        Answering {
            letters,
            files,
            rates: Arc::default(),
            at_once: Arc::new(Semaphore::new(ANSWERS_AT_ONCE)),
        }
    }
}

/// The addresses below `/a/`.
pub(crate) fn entries() -> [Entry; 3] {
    [
        Entry::page("/a/{token}", Need::Letter, page::show),
        Entry::form("/a/{token}", Need::Letter, act::take).taking(largest_form()),
        Entry::page("/a/{token}/file/{digest}", Need::Letter, evidence::give),
    ]
}

/// Who stands before the page, and what for.
struct Standing<'a> {
    letter: &'a Letter,
    duty: &'a Duty,
    ledger: &'a Ledger,
    /// The contact as the directory in force has it.
    person: &'a Person,
    /// The contact is of the unit that owes, and may answer; others may look.
    owes: bool,
}

impl<'a> Standing<'a> {
    /// Whom a letter is for, while it holds.
    fn person(
        projection: &'a Projection,
        answering: &Answering,
        letter: &Letter,
    ) -> Result<&'a Person, Refused> {
        let now = if projection.virtual_time() {
            projection.now()
        } else {
            answering.letters.now().max(projection.now())
        };
        if now.is_none_or(|now| now > letter.until) {
            return Err(Refused::Ended(letter.until));
        }
        let (unit, id) = letter.contact.split_once('/').ok_or(Refused::Left)?;
        let units = projection.units();
        units.person(&letter.tenant, unit, id).ok_or(Refused::Left)
    }

    /// Looks up what a letter is for.
    fn of(
        projection: &'a Projection,
        answering: &Answering,
        letter: &'a Letter,
    ) -> Result<Standing<'a>, Refused> {
        let duty = projection
            .duty(&letter.obligation)
            .ok_or(Refused::Unknown)?;
        let ledger = projection.ledger_of(duty);
        if ledger.tenant != letter.tenant {
            return Err(Refused::Unknown);
        }
        let person = Standing::person(projection, answering, letter)?;
        let unit = letter.contact.split('/').next();
        Ok(Standing {
            letter,
            duty,
            ledger,
            person,
            owes: unit == Some(&*duty.unit),
        })
    }

    /// The same, for a duty about which something can still be done.
    fn of_open(
        projection: &'a Projection,
        answering: &Answering,
        letter: &'a Letter,
    ) -> Result<Standing<'a>, Refused> {
        let standing = Standing::of(projection, answering, letter)?;
        if standing.duty.stage.is_final() {
            return Err(Refused::Closed(standing.duty.stage));
        }
        Ok(standing)
    }

    /// The contact's id within the unit.
    fn contact(&self) -> &str {
        self.letter.contact.split_once('/').map_or("", |(_, id)| id)
    }
}

#[cfg(test)]
mod tests;
