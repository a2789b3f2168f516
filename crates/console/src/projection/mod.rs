//! What the pages read: the fold of every frame of the log, facts and decisions alike.
//!
//! Pure: no clock, no I/O. The projection may be thrown away at any time; the log rebuilds it.

mod acts;
mod agenda;
mod answers;
mod bundled;
mod directory;
mod duties;
mod duty;
mod history;
mod incident;
mod ledger;
mod look;
mod notice;
mod publication;
mod refusal;
mod sending;
mod sentence;
mod sentence_english;
mod shared;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use duban_model::decision::RejectionRecorded;
use duban_model::gathered::Bundles;
use duban_model::silence::SilenceNoted;
use duban_model::{Body, Frame, Record, RecordId, Service, Timestamp, Zone};

use crate::tongue::Tongue;
pub use acts::{ACT_TEXT_BYTES, ACTS_KEPT, Act, ActSort, Acts, Outcome as ActOutcome};
use agenda::Mark;
pub use agenda::{Agenda, Awaited, LATEST_NOTICES, RED_DAYS_KEPT, REDDENED_KEPT};
pub(crate) use answers::answer_key;
pub use answers::{ANSWERS_KEPT, AnswerFate, Answers};
pub use bundled::{BUNDLES_KEPT, Bundled};
pub use directory::{FORMER_NAMES, Person, UnitName, Units};
pub use duties::Duties;
pub use duty::{Done, Duty, ExtensionAsked, NOTICES_PER_DUTY, Submission, Tick};
pub use history::{FIRST_LINES, History, LAST_LINES, Line, Matter, Place};
pub use incident::{Settled, Unreached};
pub use ledger::{FORMER_TEXTS, Ledger, TaskRow};
use look::Look;
pub use notice::{Fate, INBOX_KEPT, NOTICES_KEPT, Notice, Notices};
pub use publication::{FORMER_TITLES, LINKS_WAITING, PublicationRow, Publications};
pub use refusal::{REFUSED_KEPT, REFUSED_MILLIS, Refusals, Refused};
pub(crate) use sentence::minute;
use shared::Shared;

/// Rejections kept in memory, in rejections; older ones stand on the log.
pub const REJECTIONS_KEPT: usize = 200;

/// An input that was refused.
#[derive(Clone, Debug)]
pub struct Rejection {
    /// The record that says so.
    pub record: RecordId,
    /// When.
    pub at: Timestamp,
    /// Which service refused.
    pub service: Service,
    /// Whose input it was.
    pub tenant: String,
    /// Why, and how to mend it.
    pub why: RejectionRecorded,
}

/// What was counted over the whole log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Frames read.
    pub frames: u64,
    /// Records in them.
    pub records: u64,
    /// Inputs refused.
    pub rejections: u64,
    /// Inputs that came again.
    pub duplicates: u64,
    /// Notices that were delivered.
    pub delivered: u64,
    /// Notices that reached nobody: given up or suppressed.
    pub unreached: u64,
}

/// Everything the pages show.
#[derive(Debug, Default)]
pub struct Projection {
    seq: u64,
    now: Option<Timestamp>,
    virtual_time: bool,
    totals: Totals,
    ledgers: Vec<Ledger>,
    ledger_index: BTreeMap<String, u32>,
    duties: Duties,
    by_unit: BTreeMap<Arc<str>, Vec<u32>>,
    shared: Shared,
    units: Units,
    publications: Publications,
    notices: Notices,
    answers: Answers,
    bundled: Bundled,
    bundles: Bundles,
    /// By office and id.
    silences: BTreeMap<(String, String), SilenceNoted>,
    rejections: VecDeque<Rejection>,
    refusals: Refusals,
    acts: Acts,
}

impl Projection {
    /// An empty one, before the first frame.
    pub fn new() -> Projection {
        Projection::default()
    }

    /// The sequence of the last frame taken in; 0 before the first.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The latest instant on the log.
    pub fn now(&self) -> Option<Timestamp> {
        self.now
    }

    /// True once the clock itself has been a record.
    pub fn virtual_time(&self) -> bool {
        self.virtual_time
    }

    /// What was counted.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The ledgers, in the order in which they appeared.
    pub fn ledgers(&self) -> &[Ledger] {
        &self.ledgers
    }

    /// The ledger with this id.
    pub fn ledger(&self, id: &str) -> Option<&Ledger> {
        self.ledger_at(*self.ledger_index.get(id)?)
    }

    /// The ledger at a place that this projection gave out.
    pub fn ledger_at(&self, place: u32) -> Option<&Ledger> {
        self.ledgers.get(place as usize)
    }

    /// The ledger that a duty of this projection is of.
    pub fn ledger_of(&self, duty: &Duty) -> &Ledger {
        &self.ledgers[duty.ledger as usize]
    }

    /// The duty at a place that this projection gave out.
    pub fn duty_at(&self, place: u32) -> Option<&Duty> {
        self.duties.at(place)
    }

    /// The duty with this id.
    pub fn duty(&self, id: &str) -> Option<&Duty> {
        self.duties.at(self.duties.place(id)?)
    }

    /// All duties, in the order in which they were opened.
    pub fn duties(&self) -> &Duties {
        &self.duties
    }

    /// The line that a record at a place gives in the history of a duty, worded with what was in
    /// force when the log stood there.
    pub(crate) fn line(
        &self,
        duty: &Duty,
        at: Place,
        record: &Record,
        tongue: Tongue,
    ) -> Option<Line> {
        let look = Look {
            tongue,
            projection: self,
            duty,
            at,
        };
        let (matter, text) = match tongue {
            Tongue::Chinese => sentence::sentence(&record.body, &look),
            Tongue::English => sentence_english::sentence(&record.body, &look),
        }?;
        Some(Line {
            record: record.id,
            cause: record.cause,
            at: record.loggedat,
            matter,
            text,
        })
    }

    /// The duties of a unit, in the order in which they were opened.
    pub fn duties_of<'a>(&'a self, unit: &str) -> impl Iterator<Item = &'a Duty> {
        self.by_unit
            .get(unit)
            .into_iter()
            .flatten()
            .filter_map(|place| self.duties.at(*place))
    }

    /// The places of a unit's duties, in the order in which they were opened.
    pub fn places_of(&self, unit: &str) -> &[u32] {
        self.by_unit.get(unit).map_or(&[], Vec::as_slice)
    }

    /// The units by office.
    pub fn units(&self) -> &Units {
        &self.units
    }

    /// The publications that matter.
    pub fn publications(&self) -> &Publications {
        &self.publications
    }

    /// The notices.
    pub fn notices(&self) -> &Notices {
        &self.notices
    }

    /// Silences and maintenance of an office that are in force.
    pub fn silences(&self, tenant: &str) -> impl Iterator<Item = &SilenceNoted> {
        let of = move |(key, _): &(&(String, String), &SilenceNoted)| key.0 == tenant;
        self.silences.iter().filter(of).map(|(_, noted)| noted)
    }

    /// What became of answers given by link.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Messages that stand for several notices.
    pub fn bundled(&self) -> &Bundled {
        &self.bundled
    }

    /// The last rejections, the newest first.
    pub fn rejections(&self) -> impl Iterator<Item = &Rejection> {
        self.rejections.iter().rev()
    }

    /// Refused events that did not come again and pass.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// What people of the office did.
    pub fn acts(&self) -> &Acts {
        &self.acts
    }

    /// Takes a frame into account. A frame that was taken before changes nothing.
    pub fn apply(&mut self, seq: u64, frame: &Frame) {
        if seq <= self.seq {
            return;
        }
        self.seq = seq;
        self.totals.frames += 1;
        for (index, record) in frame.records.iter().enumerate() {
            let place = Place::new(seq, index);
            self.totals.records += 1;
            self.now = self.now.max(Some(record.loggedat));
            self.answers.take(frame.head.service, record);
            self.take(frame.head.service, record, place);
            self.look_after(frame.head.service, record);
        }
    }

    fn take(&mut self, service: Service, record: &Record, at: Place) {
        // What becomes of a message becomes of every notice that it stands for.
        let sent = self.bundles.concerned(&record.body);
        match &record.body {
            Body::ClockAdvanced(r) => {
                self.virtual_time = true;
                self.now = self.now.max(Some(r.to));
            }
            Body::DefinitionAdopted(r) => {
                let place = self.ledger_place(&r.definition.ledger, &record.tenant);
                self.ledgers[place as usize].adopt(&r.definition, &r.hash, at);
                self.place_owners(place);
            }
            // Others keep copies of the directory; one is enough.
            Body::DirectoryAdopted(r) if service == Service::Rules => {
                self.units.adopt(&record.tenant, &r.directory, at);
            }
            Body::PublicationPublished(r) | Body::PublicationUpdated(r) => {
                self.publications.link(&record.tenant, r);
            }
            Body::PublicationNoted(r) => self.publications.note(&record.tenant, r, at),
            Body::PublicationForgotten(r) => {
                self.publications.forget(&record.tenant, &r.publication, at);
            }
            Body::RejectionRecorded(r) => {
                if let Some(cause) = record.cause {
                    self.notices.refuse(cause);
                }
                self.reject(service, record, r);
            }
            Body::DuplicateRecorded(_) => self.totals.duplicates += 1,
            Body::ObligationOpened(r) => {
                let ledger = self.ledger_place(ledger_of(record, &r.obligation), &record.tenant);
                if self.duties.place(&r.obligation).is_none() {
                    let duty = Duty::opened(r, ledger, &mut self.shared);
                    self.open(duty);
                }
                self.about(&r.obligation, record, at);
            }
            Body::ObligationTransferred(r) => {
                if let Some(place) = self.duties.place(&r.from) {
                    self.duties.rename(place, &r.from, &r.to);
                    self.move_unit(place, &r.unit);
                    // It finds the duty by its new id, which the record gives it.
                    if let Some(duty) = self.duties.at_mut(place) {
                        duty.id = r.to.as_str().into();
                    }
                    self.about(&r.to, record, at);
                }
            }
            Body::NoticeRequested(_)
            | Body::NoticeQueued(_)
            | Body::NoticeSuppressed(_)
            | Body::NoticeBundled(_)
            | Body::NoticeHeld(_)
            | Body::NoticeReleased(_)
            | Body::NoticeDropped(_)
            | Body::NoticeAttempted(_)
            | Body::NoticeDelivered(_)
            | Body::NoticeFailed(_)
            | Body::NoticeAbandoned(_)
            | Body::NoticeRetryRequested(_) => self.take_notice(record, at, &sent),
            Body::SilenceNoted(r) => {
                let key = (record.tenant.clone(), r.set.silence.clone());
                self.silences.insert(key, r.clone());
            }
            Body::SilenceEnded(r) => {
                let key = (record.tenant.clone(), r.silence.clone());
                self.silences.remove(&key);
            }
            // An obligation's timer bears its id; those of others find no duty.
            Body::TimerArmed(r) if r.owner == Service::Rules => self.about(&r.timer, record, at),
            Body::TimerDisarmed(r) if r.owner == Service::Rules => self.about(&r.timer, record, at),
            body => {
                if let Some(obligation) = body.obligation() {
                    self.about(obligation, record, at);
                }
            }
        }
    }

    /// What is kept for those who look after the installation or check it.
    fn look_after(&mut self, service: Service, record: &Record) {
        self.refusals.note(service, record);
        let (acts, ledgers) = (&mut self.acts, &self.ledgers);
        if service == Service::Intake {
            let place = |id: &str| self.ledger_index.get(id);
            let ledger = |id: &str| place(id).and_then(|place| ledgers.get(*place as usize));
            acts.take(record, |id| ledger(id).map_or(Zone::SHANGHAI, |l| l.zone));
        } else {
            acts.decide(service, record, |id| self.duties.place(id));
        }
    }

    /// A duty comes into being.
    fn open(&mut self, duty: Duty) {
        let (unit, task, mark) = (
            Arc::clone(&duty.unit),
            Arc::clone(&duty.task),
            Mark::of(&duty),
        );
        let ledger = &mut self.ledgers[duty.ledger as usize];
        let Some(place) = self.duties.push(duty) else {
            return;
        };
        self.by_unit.entry(unit).or_default().push(place);
        ledger.counts.add(mark.light, false);
        ledger.agenda.add(place, &mark);
        let row = ledger.task_mut(&task);
        row.duties.push(place);
        row.counts.add(mark.light, false);
    }

    /// A duty is found among those of another unit from now on, in the order of opening.
    fn move_unit(&mut self, place: u32, unit: &str) {
        let Some(duty) = self.duties.at(place) else {
            return;
        };
        if let Some(list) = self.by_unit.get_mut(&duty.unit) {
            list.retain(|other| *other != place);
        }
        let list = self.by_unit.entry(self.shared.text(unit)).or_default();
        let between = list.partition_point(|other| *other < place);
        list.insert(between, place);
    }

    /// A text came into force: duties find their owner entries again.
    fn place_owners(&mut self, ledger: u32) {
        let mut places = BTreeMap::new();
        let rows = &self.ledgers[ledger as usize].tasks;
        for task in rows.iter().filter_map(|row| row.spec.as_ref()) {
            for (place, owner) in (0u32..).zip(&task.owners) {
                for unit in &owner.units {
                    places.insert((task.id.as_str(), owner.role, unit.as_str()), place);
                }
            }
        }
        for duty in rows.iter().flat_map(|row| &row.duties) {
            if let Some(duty) = self.duties.at_mut(*duty) {
                let key = (&*duty.task, duty.role, &*duty.unit);
                duty.owner = places.get(&key).copied().unwrap_or(u32::MAX);
            }
        }
    }

    /// Changes a duty, keeps the counts in step, and remembers where its history goes on.
    fn about(&mut self, obligation: &str, record: &Record, at: Place) {
        let place = self.duties.place(obligation);
        let Some(duty) = place.and_then(|place| self.duties.at_mut(place)) else {
            return;
        };
        let before = Mark::of(duty);
        duty.apply(&record.body, &mut self.shared);
        let after = Mark::of(duty);
        if sentence::is_told(&record.body) {
            duty.history.push(at);
        }
        if before != after
            && let Some(place) = place
        {
            let ledger = &mut self.ledgers[duty.ledger as usize];
            let when = (record.loggedat, record.loggedat.date_in(ledger.zone));
            ledger.agenda.change(place, &before, &after, when);
            ledger.counts.remove(before.light, before.late);
            ledger.counts.add(after.light, after.late);
            let row = ledger.task_mut(&duty.task);
            row.counts.remove(before.light, before.late);
            row.counts.add(after.light, after.late);
        }
    }

    fn reject(&mut self, service: Service, record: &Record, why: &RejectionRecorded) {
        self.totals.rejections += 1;
        if self.rejections.len() == REJECTIONS_KEPT {
            self.rejections.pop_front();
        }
        self.rejections.push_back(Rejection {
            record: record.id,
            at: record.loggedat,
            service,
            tenant: record.tenant.clone(),
            why: why.clone(),
        });
    }

    /// The place of a ledger; one of which only the id is known is made if there is none.
    fn ledger_place(&mut self, id: &str, tenant: &str) -> u32 {
        if let Some(place) = self.ledger_index.get(id) {
            return *place;
        }
        // Ledgers are deployed by people, one by one.
        let place = u32::try_from(self.ledgers.len()).unwrap_or(u32::MAX);
        self.ledgers.push(Ledger::named(id, tenant));
        self.ledger_index.insert(id.to_owned(), place);
        place
    }
}

/// The record's ledger, or the first part of the obligation's id.
fn ledger_of<'a>(record: &'a Record, obligation: &'a str) -> &'a str {
    record
        .ledger
        .as_deref()
        .unwrap_or_else(|| obligation.split('/').next().unwrap_or_default())
}

/// A notice's id is the id of a record in hexadecimal; anything else is hashed, never refused.
fn notice_id(text: &str) -> RecordId {
    text.parse()
        .unwrap_or_else(|_| RecordId::derive(&[text.as_bytes()]))
}

#[cfg(test)]
mod tests;
