//! One service against a log and a store: load, follow own frames, take inputs, append, commit.

use std::time::Duration;

use duban_journal::{Follower, InboxFollower, InboxMessage, Log, LogError, Stored};
use duban_model::{Decider, Input, Position, Service, Timestamp};
use duban_store::{Commit, FORMAT, Place, Saved, Store, StoreError};
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::clock::{Clock, stopped};
use crate::effects::Runner;
use crate::fence::{Settled, append};
use crate::machine::{Built, Machine};

/// Frames or messages taken from the log at once.
const TAKEN_AT_ONCE: usize = 256;
/// On a live clock, inputs that gave no record are confirmed by an empty frame after this long, in milliseconds.
const SILENT_MILLIS: u64 = 1_000;
/// The wall clock is looked at again at least this often, in milliseconds, since it may be set.
const CLOCK_LOOK_MILLIS: i64 = 1_000;
/// How long a process that lost its leadership waits before it tries again, in milliseconds.
const STAND_BACK_MILLIS: u64 = 3_000;
/// How long to wait before asking a log again that was away, in milliseconds.
const AWAY_MILLIS: u64 = 500;
/// Own frames replayed between two commits to the store.
const REPLAYED_PER_COMMIT: usize = 64;

/// What a service runs on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The log.
    pub log: Log,
    /// The role's own folder for its state; without one, state is rebuilt at every start.
    pub state_dir: Option<Place>,
    /// Where "now" comes from.
    pub clock: Clock,
    /// Who performs what was announced.
    pub effects: Option<Runner>,
    /// Turns true when the process is to stop.
    pub shutdown: watch::Receiver<bool>,
    /// This process.
    pub incarnation: u64,
}

/// Why a service ended.
#[derive(Debug)]
pub enum RunError {
    /// The log cannot be used.
    Log(LogError),
    /// The store cannot be used.
    Store(StoreError),
    /// Acknowledged data is gone from the log.
    LogShorter {
        /// Whose frame is gone.
        service: Service,
        /// Where it stood.
        seq: u64,
    },
}

impl std::fmt::Display for RunError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RunError::Log(fault) => fault.fmt(f),
            RunError::Store(fault) => fault.fmt(f),
            RunError::LogShorter { service, seq } => write!(
                f,
                "the log has lost acknowledged data: {service} had written frame {seq}, and it is not there. \
                 Stop, keep the data folder as it is, and restore the log from its newest backup"
            ),
        }
    }
}

impl std::error::Error for RunError {}

impl From<LogError> for RunError {
    fn from(fault: LogError) -> Self {
        RunError::Log(fault)
    }
}

impl From<StoreError> for RunError {
    fn from(fault: StoreError) -> Self {
        RunError::Store(fault)
    }
}

enum End {
    Stopped,
    Lost,
}

/// Runs a service until the process is to stop. A lost leadership is followed by standing back
/// and trying again from the log.
pub async fn run<D: Decider>(parts: Parts) -> Result<(), RunError> {
    let mut shutdown = parts.shutdown.clone();
    // Frames of this process on the log: it may lead several times.
    let mut written = 0;
    loop {
        if *shutdown.borrow() {
            return Ok(());
        }
        let wait = match lead::<D>(&parts, &mut written).await {
            Ok(End::Stopped) => return Ok(()),
            Ok(End::Lost) => STAND_BACK_MILLIS,
            Err(RunError::Log(LogError::Unavailable(why))) => {
                warn!(service = %D::SERVICE, why, "the log is away; trying again");
                AWAY_MILLIS
            }
            Err(fault) => {
                error!(service = %D::SERVICE, %fault, "service ended");
                return Err(fault);
            }
        };
        tokio::select! {
            biased;
            () = stopped(&mut shutdown) => return Ok(()),
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
        }
    }
}

/// One stretch of writing for a service.
struct Lead<'a, D: Decider> {
    parts: &'a Parts,
    machine: Machine<D>,
    store: Option<Store>,
    /// The sequence of this service's previous frame.
    expected: u64,
    /// The number of this process's previous frame.
    written: &'a mut u64,
}

async fn lead<D: Decider>(parts: &Parts, written: &mut u64) -> Result<End, RunError> {
    let mut lead = load::<D>(parts, written).await?;
    let end = if D::SOURCES.is_empty() {
        let inputs = parts.log.follow_inbox(lead.machine.through().seq).await?;
        lead.work(Source::Inbox(inputs)).await
    } else {
        // The frame that holds `through` may have more records after it.
        let after = lead.machine.through().seq.saturating_sub(1);
        let inputs = parts.log.follow(after, D::SOURCES).await?;
        lead.work(Source::Log(inputs)).await
    };
    if let Some(store) = &lead.store {
        store.flushed().await?;
    }
    end
}

/// Loads state from the store, or from the log alone, and takes every own frame into account.
async fn load<'a, D: Decider>(
    parts: &'a Parts,
    written: &'a mut u64,
) -> Result<Lead<'a, D>, RunError> {
    let service = D::SERVICE;
    let log = &parts.log;
    let mut opened = match &parts.state_dir {
        None => None,
        Some(dir) => {
            let (mut store, mut found) = dir.open()?;
            if let Some(saved) = &found.saved
                && let Some(why) = unfit(log, service, saved).await?
            {
                drop(store);
                dir.set_aside(&why)?;
                (store, found) = dir.open()?;
            }
            Some((store, found))
        }
    };
    let rows = opened
        .as_mut()
        .map(|(_, found)| std::mem::take(&mut found.rows))
        .unwrap_or_default();
    let saved = opened.as_ref().and_then(|(_, found)| found.saved.clone());
    let mut machine = match Machine::<D>::new(parts.incarnation, rows) {
        Ok(machine) => machine.numbered_after(*written),
        Err(fault) => {
            // Rows that this release cannot read are rebuilt from the log.
            let (store, _) = opened.take().expect("only stored rows can be unreadable");
            drop(store);
            let dir = parts.state_dir.as_ref().expect("rows came from a folder");
            dir.set_aside(&fault.to_string())?;
            return Box::pin(load::<D>(parts, written)).await;
        }
    };
    let mut expected = 0;
    if let Some(saved) = &saved
        && let Some(stored) = log.frame(saved.seq).await?
    {
        machine.stand_after(&stored.frame);
        machine = machine.not_before(saved.latest);
        *written = machine.number();
        expected = saved.seq;
    }
    let mut lead = Lead {
        parts,
        machine,
        store: opened.map(|(store, _)| store),
        expected,
        written,
    };
    let mut own = log.follow(expected, &[service]).await?;
    let mut replayed = 0usize;
    loop {
        let frames = own.ready(TAKEN_AT_ONCE).await?;
        if frames.is_empty() {
            break;
        }
        for chunk in frames.chunks(REPLAYED_PER_COMMIT) {
            for Stored { seq, frame } in chunk {
                lead.machine.replay(frame);
                lead.expected = *seq;
                replayed += 1;
            }
            // At once: the store will start behind these frames though loading may yet fail.
            *lead.written = lead.machine.number();
            let changes = lead.machine.drain();
            if let (Some(store), Some(Stored { seq, frame })) = (&lead.store, chunk.last()) {
                let saved = position(log, *seq, frame, lead.machine.latest());
                store.commit(Commit { changes, saved }).await?;
            }
        }
    }
    if replayed > 0 {
        debug!(%service, replayed, "own frames replayed");
    }
    Ok(lead)
}

/// Why a stored position does not belong to this log, if it does not.
async fn unfit(log: &Log, service: Service, saved: &Saved) -> Result<Option<String>, RunError> {
    if saved.format != FORMAT || saved.service != service {
        return Ok(Some(format!(
            "format {} of {}, not {FORMAT} of {service}",
            saved.format, saved.service
        )));
    }
    if saved.log != log.id() {
        return Ok(Some(format!(
            "it was folded from log {}, this is log {}",
            saved.log,
            log.id()
        )));
    }
    match log.frame(saved.seq).await? {
        None => Err(RunError::LogShorter {
            service,
            seq: saved.seq,
        }),
        Some(stored) if stored.frame.digest() != saved.digest => Ok(Some(format!(
            "frame {} of the log is not the one it was folded from",
            saved.seq
        ))),
        Some(_) => Ok(None),
    }
}

fn position(log: &Log, seq: u64, frame: &duban_model::Frame, latest: Timestamp) -> Saved {
    Saved {
        format: FORMAT,
        service: frame.head.service,
        log: log.id().to_owned(),
        seq,
        digest: frame.digest(),
        through: frame.head.through,
        latest,
    }
}

/// Where inputs come from.
enum Source {
    Inbox(InboxFollower),
    Log(Follower),
}

/// Inputs as they came.
enum Batch {
    Inbox(Vec<InboxMessage>),
    Log(Vec<Stored>),
}

impl Source {
    async fn next(&mut self) -> Result<Batch, LogError> {
        Ok(match self {
            Source::Inbox(inbox) => Batch::Inbox(inbox.next(TAKEN_AT_ONCE).await?),
            Source::Log(log) => Batch::Log(log.next(TAKEN_AT_ONCE).await?),
        })
    }

    async fn ready(&mut self) -> Result<Batch, LogError> {
        Ok(match self {
            Source::Inbox(inbox) => Batch::Inbox(inbox.ready(TAKEN_AT_ONCE).await?),
            Source::Log(log) => Batch::Log(log.ready(TAKEN_AT_ONCE).await?),
        })
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        match self {
            Batch::Inbox(list) => list.is_empty(),
            Batch::Log(list) => list.is_empty(),
        }
    }
}

/// Ends the stretch of leadership early.
enum Early {
    End(End),
    Fault(RunError),
}

impl<E: Into<RunError>> From<E> for Early {
    fn from(fault: E) -> Self {
        Early::Fault(fault.into())
    }
}

impl<D: Decider> Lead<'_, D> {
    async fn work(&mut self, source: Source) -> Result<End, RunError> {
        match self.work_on(source).await {
            Ok(()) => Ok(End::Stopped),
            Err(Early::End(end)) => Ok(end),
            Err(Early::Fault(fault)) => Err(fault),
        }
    }

    async fn work_on(&mut self, mut source: Source) -> Result<(), Early> {
        // First everything that is there already, so that a wake-up or a change of leader is
        // decided on the newest state.
        self.go_on().await?;
        loop {
            let batch = source.ready().await?;
            if batch.is_empty() {
                break;
            }
            self.take(batch).await?;
        }
        let now = self.parts.clock.now().unwrap_or(self.machine.latest());
        self.machine.decide(&Input::TookOver { now }, None);
        self.write(false).await?;
        info!(service = %D::SERVICE, through = %self.machine.through(), "service runs");

        let mut shutdown = self.parts.shutdown.clone();
        loop {
            self.propose().await?;
            let silent = match self.parts.clock {
                Clock::Live | Clock::Simulated(_) => Duration::from_millis(SILENT_MILLIS),
                Clock::Virtual => Duration::ZERO,
            };
            let wake = self.wake_in();
            let has_silent = self.machine.has_frame(true);
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => {
                    self.write(true).await?;
                    return Ok(());
                }
                batch = source.next() => {
                    let batch = batch?;
                    self.take(batch).await?;
                }
                () = tokio::time::sleep(wake.unwrap_or(Duration::MAX)), if wake.is_some() => {}
                () = tokio::time::sleep(silent), if has_silent => self.write(true).await?,
            }
        }
    }

    /// Decides every input of a batch, writing frames as they fill.
    async fn take(&mut self, batch: Batch) -> Result<(), Early> {
        match batch {
            Batch::Inbox(messages) => {
                for message in messages {
                    let position = Position {
                        seq: message.seq,
                        index: 0,
                    };
                    let input = Input::Event {
                        bytes: &message.bytes,
                        offered_on: message.subject.as_deref(),
                        now: self.parts.clock.now(),
                    };
                    self.machine.decide(&input, Some(position));
                    self.write_if_full().await?;
                }
            }
            Batch::Log(frames) => {
                for Stored { seq, frame } in frames {
                    for (index, record) in (0u32..).zip(&frame.records) {
                        let position = Position { seq, index };
                        if position <= self.machine.through() {
                            continue;
                        }
                        if D::consumes(record) {
                            self.machine.decide(&Input::Record(record), Some(position));
                            self.write_if_full().await?;
                        } else {
                            self.machine.pass(position);
                        }
                    }
                }
            }
        }
        self.write(false).await
    }

    /// On a live clock, proposes to the decider that its earliest instant has come.
    async fn propose(&mut self) -> Result<(), Early> {
        while let Some(now) = self.parts.clock.now() {
            if self.machine.earliest_due().is_none_or(|due| due > now) {
                break;
            }
            self.machine.decide(&Input::Due { now }, None);
            self.write(false).await?;
        }
        Ok(())
    }

    /// How long until the next instant may have come; nothing if none is wanted.
    fn wake_in(&self) -> Option<Duration> {
        let now = self.parts.clock.now()?;
        let due = self.machine.earliest_due()?;
        let millis = (due.0 - now.0).clamp(1, CLOCK_LOOK_MILLIS);
        Some(Duration::from_millis(u64::try_from(millis).unwrap_or(1)))
    }

    async fn write_if_full(&mut self) -> Result<(), Early> {
        if self.machine.is_full() {
            self.write(false).await?;
        }
        Ok(())
    }

    /// Writes the frame being built, then any act that goes on from it.
    async fn write(&mut self, also_silent: bool) -> Result<(), Early> {
        if self.machine.has_frame(also_silent) {
            self.append_frame().await?;
        }
        self.go_on().await
    }

    async fn go_on(&mut self) -> Result<(), Early> {
        while let Some(continuation) = self.machine.continuation() {
            self.machine.go_on(&continuation);
            self.append_frame().await?;
        }
        Ok(())
    }

    async fn append_frame(&mut self) -> Result<(), Early> {
        let Built {
            frame,
            changes,
            effects,
        } = self.machine.close(self.store.is_some());
        let mut shutdown = self.parts.shutdown.clone();
        match append(&self.parts.log, &frame, self.expected, &mut shutdown).await {
            Settled::Mine(seq) => {
                self.expected = seq;
                *self.written = frame.head.number;
            }
            Settled::Lost => return Err(Early::End(End::Lost)),
            Settled::Stopped => return Err(Early::End(End::Stopped)),
            Settled::Broken(why) => {
                return Err(Early::Fault(RunError::Log(LogError::Damaged(why))));
            }
        }
        // Only what is on the log reaches the world and the store.
        if let Some(runner) = &self.parts.effects {
            for effect in effects {
                runner.perform(effect).await;
            }
        }
        if let Some(store) = &self.store {
            let latest = self.machine.latest();
            let saved = position(&self.parts.log, self.expected, &frame, latest);
            store.commit(Commit { changes, saved }).await?;
        }
        Ok(())
    }
}

/// The last instant a log knows, for those who show it.
pub fn latest_of(frames: &[Stored]) -> Option<Timestamp> {
    frames
        .iter()
        .flat_map(|stored| &stored.frame.records)
        .map(|record| record.loggedat)
        .max()
}
