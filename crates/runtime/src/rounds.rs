//! Virtual time on any log, in rounds.
//!
//! One instant goes: the clock moves; the inputs of that instant enter in file order; everybody
//! has decided all of it; the timers due by then fire in the order (due, id); everybody has decided
//! that too; the next instant. So the same inputs give the same decisions on every log, in one
//! process or in several.
//!
//! The driver knows only what stands on the log, so it can be stopped at any moment and go on from
//! the same place.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use duban_journal::{Follower, Log, LogError, Stored, SubmitError};
use duban_model::fact::ClockAdvanced;
use duban_model::{
    Body, Envelope, Position, Record, RecordId, RecordType, Service, Tenant, Timestamp,
};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock::stopped;
use crate::submit::submit;

/// The source of clock records.
pub const CLOCK_SOURCE: &str = "urn:duban:rounds";
/// Frames read at once.
const READ_AT_ONCE: usize = 1_024;
/// How long until the log is looked at again though nothing was announced, in milliseconds.
const LOOK_MILLIS: u64 = 250;
/// How long a log that does not answer is waited for. One question more may be under way then.
const AWAY_LIMIT: Duration = Duration::from_mins(2);
/// After this time without a word from those who decide, it is said whom the play waits for.
const SILENCE_TOLD: Duration = Duration::from_secs(10);
/// After this time without a word from them, the play ends.
const SILENCE_LIMIT: Duration = Duration::from_mins(5);

/// Which records are inputs of a service.
pub type Consumes = fn(&Record) -> bool;

/// An event to be submitted at an instant.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// The tenant on whose subject it is submitted.
    pub tenant: Tenant,
    /// The rest of the subject, `noun.verb`.
    pub tail: String,
    /// Its source and id, if they could be read, to recognise it after a restart.
    pub identity: Option<(String, String)>,
    /// What is sent.
    pub bytes: Bytes,
}

/// Why the rounds ended early.
#[derive(Debug)]
pub enum RoundsError {
    /// The log.
    Log(LogError),
    /// The inbox.
    Submit(SubmitError),
    /// The log is there, and those who are to decide have long not written anything.
    Silent(String),
    /// The process is to stop.
    Stopped,
}

impl std::fmt::Display for RoundsError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RoundsError::Log(fault) => fault.fmt(f),
            RoundsError::Submit(fault) => fault.fmt(f),
            RoundsError::Silent(whom) => write!(
                f,
                "for {} s nobody has written anything to the log. Still waiting for {whom}. Do \
                 these services run, on a virtual clock (`duban serve --clock virtual`)?",
                SILENCE_LIMIT.as_secs()
            ),
            RoundsError::Stopped => f.write_str("stopped"),
        }
    }
}

impl std::error::Error for RoundsError {}

impl From<LogError> for RoundsError {
    fn from(fault: LogError) -> Self {
        RoundsError::Log(fault)
    }
}

/// What the driver knows of one service.
#[derive(Clone, Debug)]
struct Reader {
    consumes: Consumes,
    /// The last input decided, as its last frame says.
    through: Position,
    /// The last record on the log that is an input of it.
    wanted: Position,
    /// Its last frame ends with a continuation.
    goes_on: bool,
}

/// A log that does not answer: since when, and that it was said.
#[derive(Debug, Default)]
struct Absence(Option<Instant>);

impl Absence {
    /// True while it is still to be waited for.
    fn is_borne(&mut self, why: &str) -> bool {
        let since = *self.0.get_or_insert_with(|| {
            tracing::warn!(
                why,
                "the log does not answer; waiting for it, at most {} s",
                AWAY_LIMIT.as_secs()
            );
            Instant::now()
        });
        since.elapsed() < AWAY_LIMIT
    }

    /// It answered; true if it had been away.
    fn ends(&mut self) -> bool {
        let was_away = self.0.take().is_some();
        if was_away {
            tracing::warn!("the log answers again");
        }
        was_away
    }
}

/// The driver of virtual time.
#[derive(Debug)]
pub struct Rounds {
    log: Log,
    tenant: Tenant,
    follower: Follower,
    readers: BTreeMap<Service, Reader>,
    intake_through: u64,
    /// The last event in the inbox when it was last looked at.
    inbox: u64,
    /// When a frame last came, or waiting for one began; and whether it was said since that none
    /// comes.
    heard: Instant,
    is_silence_told: bool,
    timers: BTreeMap<(Service, String), Timestamp>,
    /// The same by instant.
    queue: BTreeSet<(Timestamp, Service, String)>,
    unreported: BTreeSet<String>,
    seen: BTreeSet<RecordId>,
    clock: Timestamp,
    fired_at_clock: u32,
    shutdown: watch::Receiver<bool>,
}

impl Rounds {
    /// Reads the log and takes its place after it. `readers` names every service but the intake.
    pub async fn start(
        log: Log,
        tenant: Tenant,
        readers: &[(Service, Consumes)],
        shutdown: watch::Receiver<bool>,
    ) -> Result<Rounds, RoundsError> {
        let follower = log.follow(0, &Service::ALL).await?;
        let mut rounds = Rounds {
            log,
            tenant,
            follower,
            readers: readers
                .iter()
                .map(|(service, consumes)| {
                    let reader = Reader {
                        consumes: *consumes,
                        through: Position::START,
                        wanted: Position::START,
                        goes_on: false,
                    };
                    (*service, reader)
                })
                .collect(),
            intake_through: 0,
            inbox: 0,
            heard: Instant::now(),
            is_silence_told: false,
            timers: BTreeMap::new(),
            queue: BTreeSet::new(),
            unreported: BTreeSet::new(),
            seen: BTreeSet::new(),
            clock: Timestamp::default(),
            fired_at_clock: 0,
            shutdown,
        };
        rounds.settle().await?;
        Ok(rounds)
    }

    /// The instant it is.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The earliest timer pending.
    pub fn earliest_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(due, ..)| *due)
    }

    /// Whether an event with this source and id is on the log already, taken or refused.
    pub fn has(&self, source: &str, id: &str) -> bool {
        self.seen
            .contains(&RecordId::derive(&[source.as_bytes(), id.as_bytes()]))
    }

    /// Plays events and timers up to `until`. `before` is awaited before time moves to an instant.
    pub async fn play(
        &mut self,
        events: &[Event],
        until: Timestamp,
        mut before: impl AsyncFnMut(Timestamp),
    ) -> Result<(), RoundsError> {
        let mut next = 0;
        loop {
            while let Some(event) = events.get(next)
                && event
                    .identity
                    .as_ref()
                    .is_some_and(|(source, id)| self.has(source, id))
            {
                next += 1;
            }
            let due = self.earliest_due();
            let event = events.get(next).map(|event| event.at);
            let Some(instant) = due.into_iter().chain(event).min() else {
                break;
            };
            let instant = instant.max(self.clock);
            if instant > until {
                break;
            }
            before(instant).await;
            if *self.shutdown.borrow() {
                return Err(RoundsError::Stopped);
            }
            if event.is_some_and(|at| at <= instant) {
                if instant > self.clock {
                    self.advance(instant, false).await?;
                }
                while let Some(event) = events.get(next).filter(|event| event.at <= instant) {
                    let known = event
                        .identity
                        .as_ref()
                        .is_some_and(|(source, id)| self.has(source, id));
                    if !known {
                        self.submit(event).await?;
                    }
                    next += 1;
                }
                self.settle().await?;
            }
            while self.earliest_due().is_some_and(|due| due <= instant) {
                self.advance(instant, true).await?;
                self.settle().await?;
            }
        }
        if until > self.clock {
            before(until).await;
            self.advance(until, false).await?;
            self.settle().await?;
        }
        Ok(())
    }

    /// Moves the clock without firing, so that those who watch see time pass.
    pub async fn tick(&mut self, to: Timestamp) -> Result<(), RoundsError> {
        self.advance(to, false).await?;
        self.settle().await
    }

    async fn advance(&mut self, to: Timestamp, fire: bool) -> Result<(), RoundsError> {
        let event = Envelope {
            id: format!(
                "{to}/{fire}/{}",
                if to == self.clock {
                    self.fired_at_clock
                } else {
                    0
                }
            ),
            source: CLOCK_SOURCE.to_owned(),
            kind: RecordType::ClockAdvanced,
            time: None,
            tenant: self.tenant.clone(),
            ledger: None,
            body: Body::ClockAdvanced(ClockAdvanced { to, fire }),
        };
        let mut absence = Absence::default();
        loop {
            match submit(&self.log, &event).await {
                Ok(_) => break,
                Err(fault) => self.wait_for_inbox(fault, &mut absence).await?,
            }
        }
        absence.ends();
        Ok(())
    }

    async fn submit(&mut self, event: &Event) -> Result<(), RoundsError> {
        let mut absence = Absence::default();
        loop {
            let sent = self
                .log
                .submit(&event.tenant, &event.tail, event.bytes.clone())
                .await;
            match sent {
                Ok(_) => break,
                // The door itself refuses; a caller has said so before, nothing else stops.
                Err(SubmitError::TooLarge { .. } | SubmitError::BadSubject(_)) => break,
                Err(fault) => self.wait_for_inbox(fault, &mut absence).await?,
            }
        }
        absence.ends();
        Ok(())
    }

    /// An event whose storing is unknown is sent again: the intake recognises it.
    async fn wait_for_inbox(
        &mut self,
        fault: SubmitError,
        absence: &mut Absence,
    ) -> Result<(), RoundsError> {
        match &fault {
            SubmitError::Unavailable(why) | SubmitError::Unknown(why) if absence.is_borne(why) => {
                self.pause().await
            }
            _ => Err(RoundsError::Submit(fault)),
        }
    }

    async fn pause(&mut self) -> Result<(), RoundsError> {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)) => Ok(()),
            () = stopped(&mut self.shutdown) => Err(RoundsError::Stopped),
        }
    }

    /// Waits until everybody has decided everything and every announced send is reported.
    pub async fn settle(&mut self) -> Result<(), RoundsError> {
        let mut absence = Absence::default();
        self.heard = Instant::now();
        loop {
            let mut shutdown = self.shutdown.clone();
            let is_at_rest = tokio::select! {
                is_at_rest = self.read_ready() => is_at_rest,
                () = stopped(&mut shutdown) => return Err(RoundsError::Stopped),
            };
            match is_at_rest {
                Ok(is_at_rest) => {
                    if absence.ends() {
                        self.heard = Instant::now();
                    }
                    if is_at_rest {
                        return Ok(());
                    }
                    self.listen().await?;
                }
                Err(LogError::Unavailable(why)) if absence.is_borne(&why) => self.pause().await?,
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Waits a while for frames. Says so, and in the end gives up, if none come for long.
    async fn listen(&mut self) -> Result<(), RoundsError> {
        let silence = self.heard.elapsed();
        if silence >= SILENCE_LIMIT {
            return Err(RoundsError::Silent(self.awaited()));
        }
        if silence >= SILENCE_TOLD && !self.is_silence_told {
            self.is_silence_told = true;
            tracing::warn!(
                "nothing has come for {} s; waiting for {}, at most {} s",
                silence.as_secs(),
                self.awaited(),
                SILENCE_LIMIT.as_secs()
            );
        }
        let mut shutdown = self.shutdown.clone();
        tokio::select! {
            more = self.follower.next(READ_AT_ONCE) => match more {
                Ok(frames) => self.note_all(&frames),
                Err(LogError::Unavailable(_)) => self.pause().await?,
                Err(fault) => return Err(fault.into()),
            },
            () = tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)) => {}
            () = stopped(&mut shutdown) => return Err(RoundsError::Stopped),
        }
        Ok(())
    }

    /// What is still to come before the house is at rest, in words.
    fn awaited(&self) -> String {
        let mut all = Vec::new();
        if self.intake_through < self.inbox {
            all.push(format!(
                "intake (it has decided {} of {} events in the inbox)",
                self.intake_through, self.inbox
            ));
        }
        for (service, reader) in &self.readers {
            if reader.goes_on || reader.through < reader.wanted {
                all.push(service.to_string());
            }
        }
        if !self.unreported.is_empty() {
            all.push(format!("reports of {} sends", self.unreported.len()));
        }
        all.join(", ")
    }

    /// Reads what is there; true when the house is at rest.
    async fn read_ready(&mut self) -> Result<bool, LogError> {
        loop {
            let frames = self.follower.ready(READ_AT_ONCE).await?;
            if frames.is_empty() {
                break;
            }
            self.note_all(&frames);
        }
        let decided = self.unreported.is_empty()
            && self
                .readers
                .values()
                .all(|reader| !reader.goes_on && reader.through >= reader.wanted);
        // The inbox last: a report enters it before the notifier's frame can follow.
        self.inbox = self.log.inbox_head().await?;
        Ok(decided && self.intake_through >= self.inbox)
    }

    fn note_all(&mut self, frames: &[Stored]) {
        if !frames.is_empty() {
            self.heard = Instant::now();
            self.is_silence_told = false;
        }
        for stored in frames {
            self.note(stored);
        }
    }

    fn note(&mut self, stored: &Stored) {
        let head = &stored.frame.head;
        if head.service == Service::Intake {
            self.intake_through = head.through.seq;
        } else if let Some(reader) = self.readers.get_mut(&head.service) {
            reader.through = head.through;
            reader.goes_on = stored
                .frame
                .records
                .last()
                .is_some_and(|record| record.record_type().is_continuation());
        }
        for (index, record) in (0u32..).zip(&stored.frame.records) {
            let position = Position {
                seq: stored.seq,
                index,
            };
            for (service, reader) in &mut self.readers {
                if *service != head.service && (reader.consumes)(record) {
                    reader.wanted = position;
                }
            }
            self.note_record(record);
        }
    }

    fn note_timer(&mut self, owner: Service, timer: &str, due: Option<Timestamp>) {
        let key = (owner, timer.to_owned());
        let old = match due {
            Some(due) => {
                self.queue.insert((due, owner, timer.to_owned()));
                self.timers.insert(key, due)
            }
            None => self.timers.remove(&key),
        };
        if let Some(old) = old.filter(|old| Some(*old) != due) {
            self.queue.remove(&(old, owner, timer.to_owned()));
        }
    }

    fn note_record(&mut self, record: &Record) {
        if let Some(origin) = &record.origin {
            self.seen.insert(RecordId::derive(&[
                record.source.as_bytes(),
                origin.as_bytes(),
            ]));
        }
        match &record.body {
            Body::RejectionRecorded(r) => {
                if let (Some(source), Some(id)) = (&r.event_source, &r.event_id) {
                    self.seen
                        .insert(RecordId::derive(&[source.as_bytes(), id.as_bytes()]));
                }
            }
            Body::ClockAdvanced(clock) => {
                if clock.to > self.clock {
                    self.clock = clock.to;
                    self.fired_at_clock = 0;
                }
                if clock.fire {
                    self.fired_at_clock += 1;
                }
            }
            Body::TimerNoted(r) => self.note_timer(r.owner, &r.timer, Some(r.due)),
            Body::TimerDropped(r) => self.note_timer(r.owner, &r.timer, None),
            Body::TimerFired(r) => self.note_timer(r.owner, &r.timer, r.next),
            // It waits for a timer, and time may go on.
            Body::NoticeQueued(r) if r.held.is_some() => {}
            Body::NoticeQueued(r) => {
                self.unreported.insert(r.notice.clone());
            }
            Body::NoticeBundled(r) => {
                self.unreported.insert(r.notice.clone());
            }
            Body::NoticeHeld(r) => {
                self.unreported.remove(&r.notice);
            }
            Body::NoticeReleased(r) if r.bundle.is_none() => {
                self.unreported.insert(r.notice.clone());
            }
            Body::NoticeDropped(r) => {
                self.unreported.remove(&r.notice);
            }
            Body::NoticeAttempted(r) => {
                self.unreported.insert(r.notice.clone());
            }
            Body::NoticeDelivered(r) => {
                self.unreported.remove(&r.notice);
            }
            Body::NoticeFailed(r) => {
                self.unreported.remove(&r.notice);
            }
            Body::NoticeAbandoned(r) => {
                self.unreported.remove(&r.notice);
            }
            _ => {}
        }
    }
}
