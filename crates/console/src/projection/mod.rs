//! What the pages read: the fold of every frame of the log, facts and decisions alike.
//!
//! Pure: no clock, no I/O. The projection may be thrown away at any time; the log rebuilds it.

mod directory;
mod duty;
mod history;
mod ledger;
mod notice;
mod publication;
mod sentence;

use std::collections::{BTreeMap, VecDeque};

use duban_model::decision::{NoticeRequested, RejectionRecorded};
use duban_model::{Body, Frame, ObligationId, Record, RecordId, Service, Timestamp, UnitId, Zone};

pub use directory::{UnitName, Units};
pub use duty::{Done, Duty, ExtensionAsked, NOTICES_PER_DUTY, Submission};
pub use history::{FIRST_LINES, History, LAST_LINES, Line, Matter};
pub use ledger::{Ledger, TaskRow};
pub use notice::{Fate, NOTICES_KEPT, Notice, Notices};
pub use publication::{LINKS_WAITING, PublicationRow, Publications};
pub(crate) use sentence::minute;

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
    ledger_index: BTreeMap<String, usize>,
    duties: Vec<Duty>,
    duty_index: BTreeMap<ObligationId, usize>,
    by_unit: BTreeMap<UnitId, Vec<usize>>,
    units: Units,
    publications: Publications,
    notices: Notices,
    rejections: VecDeque<Rejection>,
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
        self.ledgers.get(*self.ledger_index.get(id)?)
    }

    /// The duty at a place that this projection gave out.
    pub fn duty_at(&self, place: usize) -> Option<&Duty> {
        self.duties.get(place)
    }

    /// The duty with this id.
    pub fn duty(&self, id: &str) -> Option<&Duty> {
        self.duties.get(*self.duty_index.get(id)?)
    }

    /// All duties, in the order in which they were opened.
    pub fn duties(&self) -> &[Duty] {
        &self.duties
    }

    /// The duties of a unit, in the order in which they were opened.
    pub fn duties_of<'a>(&'a self, unit: &str) -> impl Iterator<Item = &'a Duty> {
        self.by_unit
            .get(unit)
            .into_iter()
            .flatten()
            .filter_map(|place| self.duties.get(*place))
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

    /// The last rejections, the newest first.
    pub fn rejections(&self) -> impl Iterator<Item = &Rejection> {
        self.rejections.iter().rev()
    }

    /// Takes a frame into account. A frame that was taken before changes nothing.
    pub fn apply(&mut self, seq: u64, frame: &Frame) {
        if seq <= self.seq {
            return;
        }
        self.seq = seq;
        self.totals.frames += 1;
        for record in &frame.records {
            self.totals.records += 1;
            self.now = self.now.max(Some(record.loggedat));
            self.take(frame.head.service, record);
        }
    }

    fn take(&mut self, service: Service, record: &Record) {
        match &record.body {
            Body::ClockAdvanced(r) => {
                self.virtual_time = true;
                self.now = self.now.max(Some(r.to));
            }
            Body::DefinitionAdopted(r) => {
                let place = self.ledger_place(&r.definition.ledger, &record.tenant);
                self.ledgers[place].adopt(&r.definition, &r.hash);
            }
            // Others keep copies of the directory; one is enough.
            Body::DirectoryAdopted(r) if service == Service::Rules => {
                self.units.adopt(&record.tenant, &r.directory);
            }
            Body::PublicationPublished(r) | Body::PublicationUpdated(r) => {
                self.publications.link(&record.tenant, r);
            }
            Body::PublicationNoted(r) => self.publications.note(&record.tenant, r),
            Body::PublicationForgotten(r) => {
                self.publications.forget(&record.tenant, &r.publication);
            }
            Body::RejectionRecorded(r) => self.reject(service, record, r),
            Body::DuplicateRecorded(_) => self.totals.duplicates += 1,
            Body::ObligationOpened(r) => {
                let ledger = self.ledger_place(ledger_of(record, &r.obligation), &record.tenant);
                if !self.duty_index.contains_key(&r.obligation) {
                    let place = self.duties.len();
                    let duty = Duty::opened(r, ledger, record.loggedat);
                    self.duty_index.insert(r.obligation.clone(), place);
                    self.by_unit.entry(r.unit.clone()).or_default().push(place);
                    self.ledgers[ledger].counts.add(duty.light(), false);
                    let row = self.ledgers[ledger].task_mut(&r.task);
                    row.duties.push(place);
                    row.counts.add(duty.light(), false);
                    self.duties.push(duty);
                }
                self.about(&r.obligation, record);
            }
            Body::NoticeRequested(r) => {
                self.ask(record.id, record, r);
                self.about(&r.obligation, record);
            }
            Body::NoticeQueued(r) => {
                let id = notice_id(&r.notice);
                self.ask(id, record, &r.request);
                if let Some(notice) = self.notices.get_mut(id) {
                    notice.fate = Fate::Queued;
                    notice.contact = Some((r.contact.clone(), r.contact_title.clone(), r.channel));
                }
                self.about(&r.request.obligation, record);
            }
            Body::NoticeSuppressed(r) => {
                let id = notice_id(&r.notice);
                self.ask(id, record, &r.request);
                self.totals.unreached += 1;
                if let Some(notice) = self.notices.get_mut(id) {
                    notice.fate = Fate::Suppressed;
                    notice.detail.clone_from(&r.reason);
                }
                self.about(&r.request.obligation, record);
            }
            Body::NoticeAttempted(r) => self.send(&r.notice, record, |notice| {
                notice.fate = Fate::Attempted;
                notice.attempts = r.attempt;
                notice.possible_duplicate |= r.possible_duplicate;
            }),
            Body::NoticeDelivered(r) => {
                self.totals.delivered += 1;
                self.send(&r.notice, record, |notice| {
                    notice.fate = Fate::Delivered;
                    notice.detail.clone_from(&r.detail);
                });
            }
            Body::NoticeFailed(r) => self.send(&r.notice, record, |notice| {
                notice.fate = Fate::Failed;
                notice.detail.clone_from(&r.detail);
            }),
            Body::NoticeAbandoned(r) => {
                self.totals.unreached += 1;
                self.send(&r.notice, record, |notice| {
                    notice.fate = Fate::Abandoned;
                    notice.detail.clone_from(&r.reason);
                });
            }
            // An obligation's timer bears its id; those of others find no duty.
            Body::TimerArmed(r) if r.owner == Service::Rules => self.about(&r.timer, record),
            Body::TimerDisarmed(r) if r.owner == Service::Rules => self.about(&r.timer, record),
            body => {
                if let Some(obligation) = body.obligation() {
                    self.about(obligation, record);
                }
            }
        }
    }

    /// Changes a duty, keeps the counts in step, and writes its history.
    fn about(&mut self, obligation: &str, record: &Record) {
        let Some(place) = self.duty_index.get(obligation).copied() else {
            return;
        };
        let ledger = self.duties[place].ledger;
        let line = {
            let duty = &self.duties[place];
            let look = Look {
                projection: self,
                duty,
            };
            sentence::sentence(&record.body, &look)
        };
        let duty = &mut self.duties[place];
        let before = (duty.light(), duty.done_late());
        duty.apply(&record.body);
        let after = (duty.light(), duty.done_late());
        if let Some((matter, text)) = line {
            duty.history.push(Line {
                record: record.id,
                cause: record.cause,
                at: record.loggedat,
                matter,
                text,
            });
        }
        if before != after {
            let task = duty.task.clone();
            let ledger = &mut self.ledgers[ledger];
            ledger.counts.remove(before.0, before.1);
            ledger.counts.add(after.0, after.1);
            let row = ledger.task_mut(&task);
            row.counts.remove(before.0, before.1);
            row.counts.add(after.0, after.1);
        }
    }

    /// Takes up a notice, unless it is there already.
    fn ask(&mut self, id: RecordId, record: &Record, request: &NoticeRequested) {
        if self.notices.get(id).is_some() {
            return;
        }
        let duty = self.duty_index.get(&request.obligation).copied();
        let ledger = duty
            .and_then(|place| self.duties.get(place))
            .map(|duty| duty.ledger);
        let notice = Notice::requested(id, record.loggedat, request, duty, ledger);
        let at = self.notices.push(notice);
        if let Some(duty) = duty.and_then(|place| self.duties.get_mut(place)) {
            duty.note_notice(at);
        }
    }

    /// Something became of a send.
    fn send(&mut self, notice: &str, record: &Record, change: impl FnOnce(&mut Notice)) {
        let Some(notice) = self.notices.get_mut(notice_id(notice)) else {
            return;
        };
        change(notice);
        let obligation = notice
            .duty
            .and_then(|place| self.duties.get(place))
            .map(|duty| duty.id.clone());
        if let Some(obligation) = obligation {
            self.about(&obligation, record);
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
    fn ledger_place(&mut self, id: &str, tenant: &str) -> usize {
        if let Some(place) = self.ledger_index.get(id) {
            return *place;
        }
        self.ledgers.push(Ledger::named(id, tenant));
        let place = self.ledgers.len() - 1;
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

/// What the sentences about one duty look up.
struct Look<'a> {
    projection: &'a Projection,
    duty: &'a Duty,
}

impl sentence::Lookup for Look<'_> {
    fn zone(&self) -> Zone {
        self.projection.ledgers[self.duty.ledger].zone
    }

    fn unit(&self, id: &str) -> String {
        let tenant = &self.projection.ledgers[self.duty.ledger].tenant;
        self.projection.units.short(tenant, id).to_owned()
    }

    fn requirement(&self, place: u32) -> String {
        let row = self.projection.ledgers[self.duty.ledger].task(&self.duty.task);
        match row.and_then(|row| row.fulfilled_by(self.duty.owner)) {
            Some(duban_model::definition::Fulfilment::Publications(list)) => list
                .get(place as usize)
                .map_or_else(|| format!("第{}项", place + 1), |r| r.name.clone()),
            _ => format!("第{}项", place + 1),
        }
    }

    fn publication(&self, id: &str) -> String {
        let tenant = &self.projection.ledgers[self.duty.ledger].tenant;
        self.projection
            .publications
            .get(tenant, id)
            .map_or_else(|| id.to_owned(), |row| format!("《{}》", row.title))
    }
}

#[cfg(test)]
mod tests;
