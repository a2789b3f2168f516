//! A decider with its state, its place on the log and the frame it is building. No I/O, no clock.
//!
//! State runs ahead of the log by the frame in flight and the one being built: `decide` sees what
//! they have already produced. If another writer turns out to lead, the whole machine is thrown
//! away.

use std::sync::Arc;

use duban_model::body::Body;
use duban_model::decider::seal;
use duban_model::fact::Publication;
use duban_model::state::{
    RowChange, RowClass, RowFault, copy_rows, count_changes, digest_rows, drain_changes, load_rows,
    pack,
};
use duban_model::{
    Announced, Decider, Drafts, Effect, Frame, FrameHead, Input, Link, Position, Record, Service,
    State, Timestamp,
};

use crate::RELEASE;

/// A frame is closed once it holds this many records. One more input may add up to
/// `MAX_RECORDS_PER_INPUT`, which together stays below the largest frame.
const FRAME_RECORDS: usize = 340;
/// A frame is closed once its records are guessed to take this much, in bytes.
const FRAME_BYTES: usize = 320 * 1024;
/// An empty frame is written after this many inputs that gave no record.
pub const SILENT_INPUTS: u32 = 1_000;
/// A record without long texts is guessed to take this much, in bytes.
const USUAL_RECORD_BYTES: usize = 900;

/// A frame ready to be appended, with what is to happen once it is on the log.
#[derive(Debug)]
pub struct Built {
    /// The frame.
    pub frame: Arc<Frame>,
    /// What it announced.
    pub effects: Vec<Effect>,
}

/// A decider at work.
#[derive(Debug)]
pub struct Machine<D: Decider> {
    state: D::State,
    incarnation: u64,
    number: u64,
    through: Position,
    latest: Timestamp,
    continuation: Option<Arc<Record>>,
    records: Vec<Arc<Record>>,
    bytes: usize,
    effects: Vec<Effect>,
    silent: u32,
    must_write: bool,
}

impl<D: Decider> Machine<D> {
    /// A machine with the state that `rows` hold.
    pub fn new(
        incarnation: u64,
        rows: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Self, RowFault> {
        Ok(Self {
            state: load_rows(rows)?,
            incarnation,
            number: 0,
            through: Position::START,
            latest: Timestamp::default(),
            continuation: None,
            records: Vec::new(),
            bytes: 0,
            effects: Vec::new(),
            silent: 0,
            must_write: false,
        })
    }

    /// Numbers its frames after `number`, the last that this process wrote for the service: a
    /// process that leads again gives no number twice.
    #[must_use]
    pub fn numbered_after(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Writes nothing with an earlier `loggedat` than `latest`.
    #[must_use]
    pub fn not_before(mut self, latest: Timestamp) -> Self {
        self.latest = self.latest.max(latest);
        self
    }

    /// Takes an own frame from the log into account: applies, never decides.
    pub fn replay(&mut self, frame: &Frame) {
        for record in &frame.records {
            D::apply(&mut self.state, record);
        }
        self.stand_after(frame);
    }

    /// Takes the place of an own frame whose rows are loaded already.
    pub fn stand_after(&mut self, frame: &Frame) {
        self.through = frame.head.through;
        if frame.head.incarnation == self.incarnation {
            // It got there though this process never heard so.
            self.number = self.number.max(frame.head.number);
        }
        if let Some(last) = frame.records.last() {
            self.latest = self.latest.max(last.loggedat);
        }
        self.continuation = frame
            .records
            .last()
            .filter(|record| record.record_type().is_continuation())
            .cloned();
    }

    /// How many rows changed since they were last handed over.
    pub fn changed_rows(&self) -> usize {
        count_changes(&self.state)
    }

    /// Rows changed since the last call, for the store.
    pub fn drain(&mut self) -> Vec<RowChange> {
        drain_changes(&mut self.state)
    }

    /// Lays out anew in memory what has grown much: for a moment of rest.
    pub fn pack(&mut self) {
        pack(&mut self.state);
    }

    /// Forgets which rows changed, where nothing is stored.
    pub fn forget_changes(&mut self) {
        for table in self.state.tables() {
            table.forget_changes();
        }
    }

    /// Up to `limit` rows after a key, changed or not; fewer than `limit` are the last.
    pub fn copy_rows(&self, after: &[u8], limit: usize) -> Vec<RowChange> {
        copy_rows(&self.state, after, limit)
    }

    /// Decides one input. `position` is its place on log or inbox; wake-ups have none.
    pub fn decide(&mut self, input: &Input<'_>, position: Option<Position>) {
        let mut drafts = Drafts::default();
        D::decide(&self.state, input, &mut drafts);
        let records = seal(D::SERVICE, input, drafts, &mut self.latest);
        if records.is_empty() && position.is_some() {
            self.silent += 1;
        }
        for record in records {
            debug_assert!(D::SERVICE.writes(record.record_type()), "{record:?}");
            D::apply(&mut self.state, &record);
            self.effects.extend(D::effect(&self.state, &record));
            self.bytes += guess_bytes(&record);
            self.records.push(Arc::new(record));
        }
        if let Some(position) = position {
            self.through = position;
        }
        self.continuation = self
            .records
            .last()
            .filter(|record| record.record_type().is_continuation())
            .cloned();
    }

    /// The rest of an act too long for one frame, if there is one: the next input before any other.
    pub fn continuation(&self) -> Option<Arc<Record>> {
        self.continuation.clone()
    }

    /// Decides the continuation. Its frame is written even if it gave no record, since the last
    /// frame of the service says whether an act goes on.
    pub fn go_on(&mut self, continuation: &Record) {
        self.continuation = None;
        self.must_write = true;
        self.decide(&Input::Record(continuation), None);
    }

    /// Has the next frame written even if it holds no record: the first frame of a new leader moves
    /// the sequence that the one before it expects.
    pub fn claim(&mut self) {
        self.must_write = true;
    }

    /// An input passed that is not one of this service's.
    pub fn pass(&mut self, position: Position) {
        self.through = position;
    }

    /// True while the frame being built holds a record.
    pub fn is_building(&self) -> bool {
        !self.records.is_empty()
    }

    /// True when the frame must be written before the next input is decided.
    pub fn is_full(&self) -> bool {
        // A continuation at the end of the frame being built, not one of the last frame.
        let ends = self
            .records
            .last()
            .is_some_and(|record| record.record_type().is_continuation());
        ends || self.records.len() >= FRAME_RECORDS
            || self.bytes >= FRAME_BYTES
            || self.silent >= SILENT_INPUTS
    }

    /// True when there is something to write; with `also_silent`, also when inputs were decided
    /// that gave no record.
    pub fn has_frame(&self, also_silent: bool) -> bool {
        !self.records.is_empty()
            || self.must_write
            || self.silent >= SILENT_INPUTS
            || (also_silent && self.silent > 0)
    }

    /// Closes the frame being built. `previous` is the service's last frame on the log, which it
    /// names; where nothing is kept, it names none.
    pub fn close(&mut self, previous: Option<Link>) -> Built {
        self.number += 1;
        self.bytes = 0;
        self.silent = 0;
        self.must_write = false;
        Built {
            frame: Arc::new(Frame::new(
                FrameHead {
                    service: D::SERVICE,
                    incarnation: self.incarnation,
                    number: self.number,
                    through: self.through,
                    release: RELEASE.to_owned(),
                    previous,
                },
                std::mem::take(&mut self.records),
            )),
            effects: std::mem::take(&mut self.effects),
        }
    }

    /// The last input decided.
    pub fn through(&self) -> Position {
        self.through
    }

    /// The number of the last frame closed.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The last `loggedat` written.
    pub fn latest(&self) -> Timestamp {
        self.latest
    }

    /// What is remembered.
    pub fn state(&self) -> &D::State {
        &self.state
    }

    /// The earliest instant at which the decider wants a wake-up.
    pub fn earliest_due(&self) -> Option<Timestamp> {
        D::earliest_due(&self.state)
    }

    /// What is announced and not reported.
    pub fn in_doubt(&self) -> Vec<Announced> {
        D::in_doubt(&self.state)
    }

    /// The digest of its domain rows.
    pub fn digest(&self) -> String {
        digest_rows(&self.state, |class| class == RowClass::Domain)
    }

    /// Whose machine it is.
    pub fn service(&self) -> Service {
        D::SERVICE
    }
}

/// A rough size; only the bodies that can be long are measured.
fn guess_bytes(record: &Record) -> usize {
    let long = match &record.body {
        Body::NoticeQueued(r) => r.text.len() + r.subject.len() + USUAL_RECORD_BYTES,
        Body::DefinitionDeployed(_)
        | Body::DefinitionAdopted(_)
        | Body::DirectoryDeployed(_)
        | Body::DirectoryAdopted(_)
        | Body::CalendarDeployed(_)
        | Body::CalendarAdopted(_)
        | Body::LedgerNoted(_)
        | Body::TaskSubmitted(_)
        | Body::ObligationSubmitted(_) => record.body.to_json().len(),
        Body::PublicationPublished(r) => publication_bytes(r),
        Body::PublicationUpdated(r) => publication_bytes(r),
        _ => 0,
    };
    USUAL_RECORD_BYTES + long
}

/// What a publication's texts take.
fn publication_bytes(publication: &Publication) -> usize {
    let optional = [
        &publication.url,
        &publication.category,
        &publication.issuer,
        &publication.number,
        &publication.validity,
        &publication.note,
    ];
    publication.title.len()
        + optional
            .into_iter()
            .flatten()
            .map(String::len)
            .sum::<usize>()
        + publication.formats.iter().map(String::len).sum::<usize>()
}
