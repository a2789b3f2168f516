//! Where on the log an explanation finds its records. A page's explanation is made from them when
//! it is asked for: whoever keeps the records of 100,000 obligations keeps the log twice.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use duban_console::{Explain, Trail, read_frames};
use duban_journal::{Log, LogError};
use duban_model::fact::{MatterWithdrawn, PublicationWithdrawn};
use duban_model::{Body, Frame, Record, RecordId, Service};
use tokio::runtime::Handle;
use tracing::warn;

use crate::view::{self, Explanation, MAX_PER_OBLIGATION, MAX_PUBLICATIONS, View, wanted_kinds};

/// Frames remembered of one obligation: the first, and the newest.
const FRAMES_OF_AN_OBLIGATION: usize = MAX_PER_OBLIGATION;
/// Frames with publications of one unit, and of one kind, that an explanation looks at: the newest.
const FRAMES_OF_A_UNIT: usize = 100;
const FRAMES_OF_A_KIND: usize = 100;
/// Facts other than publications of which it is remembered where they stand, in facts. Like
/// publications ([`MAX_PUBLICATIONS`]) they are forgotten half of it at a time, the oldest first.
const MAX_ACTS: usize = 200_000;
/// What an explanation says that did not look at everything.
const OLDER_LEFT_OUT: &str = "更早的公开信息未逐条列出;全部见 duban explain";

/// Facts and publications by where they stand, of one half of what is remembered.
#[derive(Debug, Default)]
struct Half {
    count: usize,
    /// By the first bytes of the fact's id.
    facts: BTreeMap<u64, u64>,
    by_unit: BTreeMap<u64, Trail>,
    by_kind: BTreeMap<u64, Trail>,
}

/// The newest of an endless row: between half of a limit and the whole.
#[derive(Debug, Default)]
struct Newest {
    now: Half,
    before: Half,
}

impl Newest {
    /// Where the next one goes.
    fn next(&mut self, limit: usize) -> &mut Half {
        if self.now.count >= limit / 2 {
            self.before = mem::take(&mut self.now);
        }
        self.now.count += 1;
        &mut self.now
    }

    fn fact(&self, id: RecordId) -> Option<u64> {
        let id = first_bytes(id);
        [&self.now, &self.before]
            .iter()
            .find_map(|half| half.facts.get(&id).copied())
    }

    /// The newest frames of a unit or kind, and whether there are older ones.
    fn frames(
        &self,
        key: &str,
        of: impl Fn(&Half) -> &BTreeMap<u64, Trail>,
        limit: usize,
    ) -> (Vec<u64>, bool) {
        let mut frames: Vec<u64> = [&self.before, &self.now]
            .iter()
            .filter_map(|half| of(half).get(&hash(key)))
            .flat_map(Trail::iter)
            .collect();
        frames.dedup();
        let older = frames.len().saturating_sub(limit);
        (frames.split_off(older), older > 0)
    }
}

/// Where the records of each obligation and what else explanations look at stand on the log.
///
/// Keys are hashes: records say themselves what they are about, so that a stranger among them is
/// read in vain and no more.
#[derive(Debug, Default)]
pub(crate) struct Index {
    obligations: BTreeMap<u64, Trail>,
    acts: Newest,
    publications: Newest,
    /// The last adoption by the rules of each ledger, of each office's directory, and of its
    /// calendars.
    ledgers: BTreeMap<String, u64>,
    directories: BTreeMap<String, u64>,
    calendars: BTreeMap<String, BTreeMap<String, u64>>,
    /// Ids under which obligations stood before they went over to another unit, oldest first.
    formerly: BTreeMap<String, Vec<String>>,
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

fn first_bytes(id: RecordId) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&id.0[..8]);
    u64::from_le_bytes(bytes)
}

/// Adds a frame to a trail of the newest; one more than is looked at says that there were others.
fn push_newest(trail: &mut Trail, seq: u64, limit: usize) {
    trail.push(seq);
    if trail.len() > limit + 1 {
        trail.forget(0);
    }
}

impl Index {
    /// Takes a frame into account.
    pub(crate) fn note(&mut self, seq: u64, frame: &Frame) {
        for record in &frame.records {
            self.note_record(seq, frame.head.service, record);
        }
    }

    fn note_record(&mut self, seq: u64, service: Service, record: &Record) {
        match &record.body {
            Body::PublicationPublished(p) | Body::PublicationUpdated(p) => {
                let half = self.publications.next(MAX_PUBLICATIONS);
                half.facts.insert(first_bytes(record.id), seq);
                let of_unit = half.by_unit.entry(hash(&p.unit)).or_default();
                push_newest(of_unit, seq, FRAMES_OF_A_UNIT);
                let of_kind = half.by_kind.entry(hash(&p.kind)).or_default();
                push_newest(of_kind, seq, FRAMES_OF_A_KIND);
            }
            Body::MatterReported(m) => {
                let half = self.publications.next(MAX_PUBLICATIONS);
                half.facts.insert(first_bytes(record.id), seq);
                let of_unit = half.by_unit.entry(hash(&m.unit)).or_default();
                push_newest(of_unit, seq, FRAMES_OF_A_UNIT);
                let of_kind = half.by_kind.entry(hash(&m.kind)).or_default();
                push_newest(of_kind, seq, FRAMES_OF_A_KIND);
            }
            Body::PublicationWithdrawn(PublicationWithdrawn { unit, .. })
            | Body::MatterWithdrawn(MatterWithdrawn { unit, .. }) => {
                let half = self.publications.next(MAX_PUBLICATIONS);
                half.facts.insert(first_bytes(record.id), seq);
                let of_unit = half.by_unit.entry(hash(unit)).or_default();
                push_newest(of_unit, seq, FRAMES_OF_A_UNIT);
            }
            Body::DefinitionAdopted(r) if service == Service::Rules => {
                self.ledgers.insert(r.definition.ledger.clone(), seq);
            }
            Body::DirectoryAdopted(_) if service == Service::Rules => {
                self.directories.insert(record.tenant.clone(), seq);
            }
            Body::CalendarAdopted(r) if service == Service::Rules => {
                let calendars = self.calendars.entry(r.tenant.clone()).or_default();
                calendars.insert(r.calendar.id().to_owned(), seq);
            }
            // Of what it is decided on, only these are told ([`View`]).
            body if view::is_told_cause(body) => {
                let half = self.acts.next(MAX_ACTS);
                half.facts.insert(first_bytes(record.id), seq);
            }
            // Timers of others are about no obligation.
            Body::TimerArmed(r) if r.owner != Service::Rules => return,
            Body::TimerDisarmed(r) if r.owner != Service::Rules => return,
            Body::TimerFired(r) if r.owner != Service::Rules => return,
            Body::TimerMissed(r) if r.owner != Service::Rules => return,
            _ => {}
        }
        if let Body::ObligationTransferred(r) = &record.body {
            // Its history goes with it.
            let trail = self.obligations.remove(&hash(&r.from)).unwrap_or_default();
            self.obligations.insert(hash(&r.to), trail);
            let mut ids = self.formerly.remove(&r.from).unwrap_or_default();
            ids.push(r.from.clone());
            self.formerly.insert(r.to.clone(), ids);
        }
        if let Some(id) = view::about(record) {
            let trail = self.obligations.entry(hash(id)).or_default();
            trail.push(seq);
            if trail.len() > FRAMES_OF_AN_OBLIGATION {
                // The first opened it.
                trail.forget(1);
            }
        }
    }

    fn frames_of(&self, obligation: &str) -> Vec<u64> {
        let trail = self.obligations.get(&hash(obligation));
        trail.into_iter().flat_map(Trail::iter).collect()
    }

    /// Where the texts and calendars in force stand that an obligation of a ledger goes by.
    fn in_force(&self, ledger: &str, tenant: &str) -> BTreeSet<u64> {
        let calendars = self.calendars.get(tenant).into_iter().flatten();
        let ledger = self.ledgers.get(ledger).into_iter();
        ledger
            .copied()
            .chain(calendars.map(|(_, seq)| *seq))
            .collect()
    }
}

/// The index of a log that is followed, with the log: explains what pages ask for.
pub(crate) struct LiveIndex {
    log: Log,
    index: RwLock<Index>,
    runtime: Handle,
}

impl LiveIndex {
    /// An index of which nothing is known yet. Call it within the runtime that reads the log.
    pub(crate) fn new(log: Log) -> LiveIndex {
        LiveIndex {
            log,
            index: RwLock::default(),
            runtime: Handle::current(),
        }
    }

    /// Takes a frame into account.
    pub(crate) fn note(&self, seq: u64, frame: &Frame) {
        let index = self.index.write();
        index
            .unwrap_or_else(PoisonError::into_inner)
            .note(seq, frame);
    }

    fn asked<T>(&self, ask: impl FnOnce(&Index) -> T) -> T {
        ask(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the frames that hold records of interest and shows these, frame by frame.
    async fn records(
        &self,
        frames: impl IntoIterator<Item = u64>,
        of_interest: impl Fn(&Record) -> bool,
        mut each: impl FnMut(Frame),
    ) -> Result<(), LogError> {
        read_frames(&self.log, frames, |stored| {
            let frame = &stored.frame;
            let records = frame.records.iter().filter(|r| of_interest(r));
            each(Frame::new(
                frame.head.clone(),
                records.map(Arc::clone).collect(),
            ));
        })
        .await
    }

    /// The explanation of an obligation, as a [`View`] of the whole log gives it.
    pub(crate) async fn explained(
        &self,
        obligation: &str,
    ) -> Result<Option<Explanation>, LogError> {
        let mut view = View::new();
        let formerly = self.asked(|index| index.formerly.get(obligation).cloned());
        let formerly = formerly.unwrap_or_default();
        let is_about = |record: &Record| {
            let about = view::about(record);
            about == Some(obligation) || formerly.iter().any(|id| about == Some(id))
        };
        let mut own = Vec::new();
        let frames = self.asked(|index| index.frames_of(obligation));
        self.records(frames, is_about, |frame| own.push(frame))
            .await?;
        let opened = own.iter().flat_map(|frame| &frame.records).find_map(|r| {
            matches!(r.body, Body::ObligationOpened(_)).then(|| {
                let ledger = r.ledger.clone().unwrap_or_default();
                (ledger, r.tenant.clone())
            })
        });
        let Some((ledger, tenant)) = opened else {
            return Ok(None);
        };

        // What the obligation goes by, then what became of it.
        let is_in_force = |record: &Record| match &record.body {
            Body::DefinitionAdopted(r) => r.definition.ledger == ledger,
            Body::CalendarAdopted(r) => r.tenant == tenant,
            _ => false,
        };
        let frames = self.asked(|index| index.in_force(&ledger, &tenant));
        let whose = owing(&own);
        let mut in_force = Vec::new();
        self.records(frames, is_in_force, |frame| {
            in_force.push(cut_to(&frame, &whose));
        })
        .await?;
        for frame in &in_force {
            view.note(frame, None);
        }
        for frame in &own {
            view.note(frame, None);
        }
        // Once more, now that the obligation is there: it finds its place in the text in force.
        for frame in &in_force {
            view.adopt(frame);
        }

        // What it was decided on, and what may have been looked at in vain.
        let causes: BTreeSet<RecordId> = own
            .iter()
            .flat_map(|frame| &frame.records)
            .filter_map(|record| record.cause)
            .collect();
        // A long act's records are decided on its continuations; what began it is told too.
        let origins: BTreeSet<RecordId> = own
            .iter()
            .flat_map(|frame| &frame.records)
            .map(|record| record.correlation)
            .collect();
        drop(own);
        let Some(state) = view.state().obligation(obligation) else {
            return Ok(None);
        };
        let (unit, kinds) = (state.unit.clone(), wanted_kinds(view.state(), state));
        let (frames, older_left_out) = self.asked(|index| {
            let began = origins.iter().filter_map(|id| index.acts.fact(*id));
            let mut frames: BTreeSet<u64> = causes
                .iter()
                .filter_map(|id| index.acts.fact(*id).or(index.publications.fact(*id)))
                .collect();
            frames.extend(began);
            let publications = &index.publications;
            let (of_unit, mut older) =
                publications.frames(&unit, |half| &half.by_unit, FRAMES_OF_A_UNIT);
            frames.extend(of_unit);
            for kind in &kinds {
                let (of_kind, more) =
                    publications.frames(kind, |half| &half.by_kind, FRAMES_OF_A_KIND);
                frames.extend(of_kind);
                older |= more;
            }
            (frames, older)
        });
        let is_looked_at = |record: &Record| match &record.body {
            _ if is_about(record) => false,
            Body::PublicationPublished(p) | Body::PublicationUpdated(p) => {
                p.unit == unit || kinds.contains(&p.kind) || causes.contains(&record.id)
            }
            Body::MatterReported(m) => {
                m.unit == unit || kinds.contains(&m.kind) || causes.contains(&record.id)
            }
            Body::PublicationWithdrawn(PublicationWithdrawn { unit: whose, .. })
            | Body::MatterWithdrawn(MatterWithdrawn { unit: whose, .. }) => {
                *whose == *unit || causes.contains(&record.id)
            }
            body if view::is_deployment(body) => {
                causes.contains(&record.id) || origins.contains(&record.id)
            }
            body => view::is_told_cause(body) && causes.contains(&record.id),
        };
        let mut tenants = BTreeSet::from([tenant]);
        self.records(frames, is_looked_at, |frame| {
            tenants.extend(frame.records.iter().map(|record| record.tenant.clone()));
            view.note(&frame, None);
        })
        .await?;

        // Names, of every office that is spoken of.
        let directories: BTreeSet<u64> = self.asked(|index| {
            let of = tenants.iter().filter_map(|t| index.directories.get(t));
            of.copied().collect()
        });
        let is_directory = |record: &Record| matches!(record.body, Body::DirectoryAdopted(_));
        self.records(directories, is_directory, |frame| view.note(&frame, None))
            .await?;
        let mut explanation = view.explain(obligation);
        if older_left_out
            && let Some((_, lines)) = explanation.as_mut().and_then(|parts| parts.last_mut())
        {
            lines.push(OLDER_LEFT_OUT.to_owned());
        }
        Ok(explanation)
    }
}

/// The units that ever owed a duty, by its own records.
fn owing(own: &[Frame]) -> BTreeSet<String> {
    let records = own.iter().flat_map(|frame| &frame.records);
    records
        .filter_map(|record| match &record.body {
            Body::ObligationOpened(r) => Some(r.unit.clone()),
            Body::ObligationTransferred(r) => Some(r.unit.clone()),
            _ => None,
        })
        .collect()
}

/// Texts with no other owners than these. A text may name 50,000, each of which would get its place
/// in the rules' state and be thrown away again.
fn cut_to(frame: &Frame, units: &BTreeSet<String>) -> Frame {
    let cut = |record: &Arc<Record>| {
        if !matches!(record.body, Body::DefinitionAdopted(_)) {
            return Arc::clone(record);
        }
        let mut record = Record::clone(record);
        if let Body::DefinitionAdopted(r) = &mut record.body {
            let owners = r
                .definition
                .tasks
                .iter_mut()
                .flat_map(|task| &mut task.owners);
            for owner in owners {
                owner.units.retain(|unit| units.contains(unit));
            }
        }
        Arc::new(record)
    };
    Frame::new(frame.head.clone(), frame.records.iter().map(cut).collect())
}

impl Explain for LiveIndex {
    fn explain(&self, obligation: &str) -> Option<Explanation> {
        match self.runtime.block_on(self.explained(obligation)) {
            Ok(explanation) => explanation,
            Err(fault) => {
                warn!(%fault, "an explanation could not be read from the log");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests;
