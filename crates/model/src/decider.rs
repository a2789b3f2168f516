//! The contract by which a decider meets the log.
//!
//! A decider is a pair of pure functions over its own state. `decide` looks and proposes drafts;
//! only `apply`, called with its own sealed record, changes state. Neither can read a clock.

use std::borrow::Cow;

use chrono::NaiveDate;

use crate::body::Body;
use crate::frame::Service;
use crate::id::{LedgerId, NoticeId, RecordId, Tenant};
use crate::instant::Timestamp;
use crate::record::Record;
use crate::state::State;

/// An input yields at most this many records; a longer act ends with a continuation.
pub const MAX_RECORDS_PER_INPUT: usize = 500;

/// A pure service.
pub trait Decider: Send + Sync + 'static {
    /// Who it is.
    const SERVICE: Service;
    /// The services whose records it reads; none for the intake, which reads the inbox.
    const SOURCES: &'static [Service];
    /// What it remembers: the fold of its own records and nothing else.
    type State: State + Sync;

    /// True if a record of another service is an input of this one.
    fn consumes(record: &Record) -> bool;

    /// Looks at an input and proposes records.
    fn decide(state: &Self::State, input: &Input<'_>, out: &mut Drafts);

    /// Takes one of its own records into account.
    fn apply(state: &mut Self::State, record: &Record);

    /// What is to be done in the world because of an own record, once it is on the log.
    fn effect(_state: &Self::State, _record: &Record) -> Option<Effect> {
        None
    }

    /// What is announced and not reported, in the order of notices. Asked when a process begins to
    /// write, before it decides anything.
    fn in_doubt(_state: &Self::State) -> Vec<Announced> {
        Vec::new()
    }

    /// The earliest instant at which it wants [`Input::Due`].
    fn earliest_due(_state: &Self::State) -> Option<Timestamp> {
        None
    }
}

/// What a decider looks at.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// Bytes from the inbox (intake only). `now` is the wall clock, or nothing on a virtual clock,
    /// where only `clock.advanced` moves time.
    Event {
        /// One CloudEvent in JSON, or whatever was sent.
        bytes: &'a [u8],
        /// The inbox subject it came on, without its first two words: `tenant.noun.verb`. Rights are
        /// given by subject, so an event that says otherwise inside is refused.
        offered_on: Option<&'a str>,
        /// The wall clock.
        now: Option<Timestamp>,
    },
    /// A record of another service, or an own continuation.
    Record(&'a Record),
    /// The runtime believes this instant has come (scheduler only).
    Due {
        /// The wall clock.
        now: Timestamp,
    },
    /// This process has just become the one that writes for this service, and has decided all
    /// inputs that were there.
    TookOver {
        /// The wall clock, or on a virtual clock the last instant known.
        now: Timestamp,
        /// What its predecessor had announced without a report, as of its last frame: at most
        /// [`TAKEN_OVER_AT_ONCE`] of it. What this process announced since is not in doubt.
        in_doubt: &'a [Announced],
    },
}

/// What a predecessor announced is looked at in lists of so many at most.
pub const TAKEN_OVER_AT_ONCE: usize = 200;

/// One announcement of a send.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Announced {
    /// Of which notice.
    pub notice: NoticeId,
    /// The how manieth send it is.
    pub attempt: u32,
}

/// Why a record is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The record decided on.
    pub id: RecordId,
    /// The outermost cause; for a fact, none: it is its own.
    pub correlation: Option<RecordId>,
    /// The instant at which the log took notice.
    pub at: Timestamp,
}

impl Cause {
    /// The cause that a record is.
    pub fn of(record: &Record) -> Cause {
        Cause {
            id: record.id,
            correlation: Some(record.correlation),
            at: record.loggedat,
        }
    }
}

/// A record before it is sealed with id, cause and time.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// For whom.
    pub tenant: Tenant,
    /// Which ledger.
    pub ledger: Option<LedgerId>,
    /// What it is about.
    pub subject: Option<String>,
    /// The definition decided under.
    pub definition: Option<String>,
    /// Source, id and claimed time of the producer, for facts.
    pub fact: Option<(String, String, Option<Timestamp>)>,
    /// A cause other than the input, with the ordinal of this record among that cause's.
    pub because: Option<(Cause, u64)>,
    /// Type and data.
    pub body: Body,
}

impl Draft {
    /// A draft with nothing but tenant and data.
    pub fn new(tenant: impl Into<Tenant>, body: Body) -> Draft {
        Draft {
            tenant: tenant.into(),
            ledger: None,
            subject: None,
            definition: None,
            fact: None,
            because: None,
            body,
        }
    }

    /// Says which ledger it belongs to.
    #[must_use]
    pub fn in_ledger(mut self, ledger: impl Into<LedgerId>) -> Draft {
        self.ledger = Some(ledger.into());
        self
    }

    /// Says what it is about.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Draft {
        self.subject = Some(subject.into());
        self
    }

    /// Says under which definition it was decided.
    #[must_use]
    pub fn under(mut self, definition: impl Into<String>) -> Draft {
        self.definition = Some(definition.into());
        self
    }

    /// Says that something other than the input caused it.
    #[must_use]
    pub fn because(mut self, cause: Cause, ordinal: u64) -> Draft {
        self.because = Some((cause, ordinal));
        self
    }
}

/// The drafts of one input, in order.
#[derive(Debug, Default)]
pub struct Drafts {
    list: Vec<Draft>,
}

impl Drafts {
    /// Adds one.
    pub fn push(&mut self, draft: Draft) {
        self.list.push(draft);
    }

    /// Takes the last one back, if it says that an act goes on.
    pub fn take_continuation(&mut self) -> Option<Draft> {
        let last = self.list.last()?;
        let goes_on = last.body.record_type().is_continuation();
        goes_on.then(|| self.list.pop()).flatten()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What was proposed so far.
    pub fn iter(&self) -> std::slice::Iter<'_, Draft> {
        self.list.iter()
    }
}

/// Turns drafts into records.
///
/// `latest` is the service's last `loggedat`: time never runs backwards on one subject of the log.
///
/// # Panics
/// If a draft of an input without a record names no cause of its own, or if an input yields more
/// than [`MAX_RECORDS_PER_INPUT`] records: both are faults of a decider, and recovery is a restart.
pub fn seal(
    service: Service,
    input: &Input<'_>,
    drafts: Drafts,
    latest: &mut Timestamp,
) -> Vec<Record> {
    assert!(
        drafts.list.len() <= MAX_RECORDS_PER_INPUT,
        "{service:?} decided {} records on one input; at most {MAX_RECORDS_PER_INPUT}, then continue",
        drafts.list.len()
    );
    let input_cause = match input {
        Input::Record(record) => Some(Cause::of(record)),
        Input::Event { .. } | Input::Due { .. } | Input::TookOver { .. } => None,
    };
    let mut ordinal = 0;
    let mut records = Vec::with_capacity(drafts.list.len());
    for draft in drafts.list {
        let (cause, number) = draft.because.unwrap_or_else(|| {
            ordinal += 1;
            (
                input_cause.expect("a draft without an input record names its own cause"),
                ordinal - 1,
            )
        });
        let id = cause.id.decision(service.as_str(), number);
        *latest = (*latest).max(cause.at);
        let (source, origin, time) = match draft.fact {
            Some((source, origin, time)) => (Cow::Owned(source), Some(origin), time),
            None => (Cow::Borrowed(service.source()), None, None),
        };
        records.push(Record {
            id,
            source,
            tenant: draft.tenant,
            ledger: draft.ledger,
            subject: draft.subject,
            time,
            loggedat: *latest,
            // A fact's cause is the event itself, which is no record.
            cause: origin.is_none().then_some(cause.id),
            correlation: cause.correlation.unwrap_or(id),
            definition: draft.definition,
            origin,
            body: draft.body,
        });
    }
    records
}

/// Something to be done in the world after its record is on the log. Its outcome comes back
/// through the intake as `delivery.reported`.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send a message.
    Send(Message),
}

/// One announced send.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// For whom.
    pub tenant: Tenant,
    /// Which notice: the idempotency key of every attempt at it.
    pub notice: NoticeId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// True when an earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// Over which channel.
    pub channel: crate::directory::Channel,
    /// The contact: `unit/contact`. The installation's configuration knows people by it.
    pub contact: String,
    /// Where to, if the directory knows.
    pub address: Option<String>,
    /// The contact's title.
    pub contact_title: String,
    /// The contact is of the unit that owes; others are only told.
    pub owes: bool,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// What the notice is about; notices about the same form one thread.
    pub obligation: String,
    /// What sort of notice, which step.
    pub kind: String,
    /// The step.
    pub step: String,
    /// The date in force when the notice was decided, if there was one.
    pub due: Option<NaiveDate>,
    /// The instant on that date, where the term is counted in hours.
    pub due_at: Option<Timestamp>,
    /// When the notice was queued; the same for every attempt.
    pub at: Timestamp,
    /// The address at which the contact can answer it. Made when it is sent, never by a decider: it
    /// is a secret, and the log holds none.
    pub answer: Option<String>,
}
