//! One service against a log and a store: load, follow own frames, take inputs, append, commit.

use std::sync::Arc;
use std::time::Duration;

use duban_journal::{Follower, InboxFollower, InboxMessage, Log, LogError, Stored};
use duban_model::decider::TAKEN_OVER_AT_ONCE;
use duban_model::{Decider, Frame, Input, Link, Position, Service};
use duban_store::{Place, StoreError};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::alarm::Alarm;
use crate::clock::{Clock, stopped};
use crate::effects::Runner;
use crate::fence::Settled;
use crate::flight::{Flight, landing};
use crate::leadership::{Candidate, Tenure};
use crate::loading::load;
use crate::machine::Machine;
use crate::pace::Pace;
use crate::shelf::Shelf;

/// Frames or messages taken from the log at once.
const TAKEN_AT_ONCE: usize = 256;
/// Own frames read back at once: a full one takes half a megabyte in memory, and every service of a
/// process may be reading.
const REPLAYED_AT_ONCE: usize = 32;
/// On a live clock, inputs that gave no record are confirmed by an empty frame after this long, in milliseconds.
const SILENT_MILLIS: u64 = 1_000;
/// The wall clock is looked at again at least this often, since it may be set.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// Without leases, how long a process whose frame was refused waits before it tries again, in
/// milliseconds.
const STAND_BACK_MILLIS: u64 = 3_000;
/// With leases, the same: who may write next is the lease's to say.
const STAND_BY_MILLIS: u64 = 100;
/// How long to wait before asking a log again that was away, in milliseconds.
const AWAY_MILLIS: u64 = 500;

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

/// Runs a service until the process is to stop: stands by while another process writes for it, and
/// writes when it is its turn. A lost leadership is followed by standing by again, from the log.
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
            Ok(End::Lost) if parts.log.leases().is_some() => STAND_BY_MILLIS,
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

/// One stretch of following a service's own frames, and of writing them.
pub(crate) struct Lead<'a, D: Decider> {
    pub(crate) parts: &'a Parts,
    pub(crate) machine: Machine<D>,
    pub(crate) shelf: Option<Shelf>,
    /// This service's last frame on the log, which the next one follows and names.
    pub(crate) last: Option<Stored>,
    /// The right to write, once it is this process's.
    pub(crate) tenure: Option<Tenure>,
    /// The frame after it, while it is on its way.
    pub(crate) flight: Option<Flight>,
    /// The number of this process's last frame on the log.
    pub(crate) written: &'a mut u64,
    /// What keeps the firing of timers from running ahead of their owners.
    pub(crate) pace: Pace,
}

async fn lead<D: Decider>(parts: &Parts, written: &mut u64) -> Result<End, RunError> {
    let (mut lead, own) = load::<D>(parts, written).await?;
    let state = parts.state_dir.as_ref().and_then(Place::folder);
    let mut candidate = Candidate::start(&parts.log, D::SERVICE, parts.incarnation, state);
    let end = lead.stand_by_and_work(own, &mut candidate).await;
    if let Some(shelf) = &lead.shelf {
        shelf.flushed().await?;
    }
    if matches!(end, Ok(End::Stopped)) {
        // What was announced is finished first: given back earlier, it would be announced again.
        if let Some(runner) = &parts.effects {
            runner.settled().await;
        }
        candidate.resign().await;
    }
    end
}

impl<D: Decider> Lead<'_, D> {
    /// Stands by until it is this process's turn, then works.
    async fn stand_by_and_work(
        &mut self,
        mut own: Follower,
        candidate: &mut Candidate,
    ) -> Result<End, RunError> {
        let mut shutdown = self.parts.shutdown.clone();
        let tenure = loop {
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => {
                    self.commit().await?;
                    return Ok(End::Stopped);
                }
                tenure = candidate.gained() => break tenure?,
                frames = own.next(REPLAYED_AT_ONCE) => self.replay(&frames?).await?,
            }
        };
        // Whatever the one before has written; should it still write, the fence tells.
        self.catch_up(&mut own).await?;
        // Left open, it would be sent what this process writes from now on.
        drop(own);
        self.tenure = Some(tenure);
        let after = self.machine.through();
        if D::SOURCES.is_empty() {
            let inputs = self.parts.log.follow_inbox(after.seq).await?;
            self.work(Source::Inbox(inputs)).await
        } else {
            // The frame that holds `through` may have more records after it.
            let after = after.seq.saturating_sub(1);
            let inputs = self.parts.log.follow(after, D::SOURCES).await?;
            self.work(Source::Log(inputs)).await
        }
    }

    /// Takes every own frame into account that is on the log by now.
    pub(crate) async fn catch_up(&mut self, own: &mut Follower) -> Result<usize, RunError> {
        let mut replayed = 0;
        loop {
            let frames = own.ready(REPLAYED_AT_ONCE).await?;
            if frames.is_empty() {
                return Ok(replayed);
            }
            replayed += frames.len();
            self.replay(&frames).await?;
        }
    }

    async fn replay(&mut self, frames: &[Stored]) -> Result<(), RunError> {
        for Stored { seq, frame } in frames {
            self.machine.replay(frame);
            // At once: the store will start behind this frame though loading may yet fail.
            *self.written = self.machine.number();
            self.reached(*seq, frame);
            if self.is_commit_due() {
                self.commit().await?;
            }
        }
        Ok(())
    }

    /// An own frame is on the log.
    fn reached(&mut self, seq: u64, frame: &Arc<Frame>) {
        self.last = Some(Stored {
            seq,
            frame: frame.clone(),
        });
        match &mut self.shelf {
            Some(shelf) => shelf.reached(seq, frame),
            None => self.machine.forget_changes(),
        }
    }

    fn is_commit_due(&self) -> bool {
        self.shelf
            .as_ref()
            .is_some_and(|shelf| shelf.is_due(&self.machine))
    }

    /// Hands changed rows to the store. Only while no frame is in flight or being built, so that
    /// they are those of a whole number of frames on the log.
    async fn commit(&mut self) -> Result<(), StoreError> {
        match &mut self.shelf {
            Some(shelf) => shelf.commit(&mut self.machine).await,
            None => Ok(()),
        }
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
        let end = self.work_on(source).await;
        // However it ends, what became of the frame in flight is settled first. Left alone it might
        // reach the log after this process leads again, which would not know its own frame.
        let landed = self.landed().await;
        match end.and(landed) {
            Ok(()) => Ok(End::Stopped),
            Err(Early::End(end)) => Ok(end),
            Err(Early::Fault(fault)) => Err(fault),
        }
    }

    fn tenure(&self) -> &Tenure {
        self.tenure.as_ref().expect("only a leader writes")
    }

    async fn work_on(&mut self, mut source: Source) -> Result<(), Early> {
        if self.parts.log.leases().is_some() && self.machine.continuation().is_none() {
            // From here on nothing of the one before can be appended any more. A continuation has
            // its own frame, and must stay at the end of the last one until then.
            self.machine.claim();
            self.append_frame().await?;
        }
        // What is announced from here on is this process's own, and will be reported.
        let in_doubt = self.machine.in_doubt();
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
        for in_doubt in in_doubt.chunks(TAKEN_OVER_AT_ONCE) {
            self.machine
                .decide(&Input::TookOver { now, in_doubt }, None);
            self.write_if_full().await?;
        }
        self.write(false).await?;
        self.landed().await?;
        info!(service = %D::SERVICE, through = %self.machine.through(), "service runs");

        let mut shutdown = self.parts.shutdown.clone();
        let tenure = self.tenure().clone();
        // Simulated time has tokio's grain.
        let mut alarm = matches!(self.parts.clock, Clock::Live).then(Alarm::default);
        loop {
            self.propose().await?;
            let silent = match self.parts.clock {
                Clock::Live | Clock::Simulated(_) => Duration::from_millis(SILENT_MILLIS),
                Clock::Virtual => Duration::ZERO,
            };
            let wake = self.wake_in();
            let has_silent = self.machine.has_frame(true);
            let committed = self.shelf.as_ref().and_then(Shelf::due);
            let flies = self.flight.is_some();
            tokio::select! {
                biased;
                () = stopped(&mut shutdown) => {
                    self.write(true).await?;
                    self.landed().await?;
                    self.commit().await?;
                    return Ok(());
                }
                () = tenure.over() => return Err(Early::End(End::Lost)),
                settled = landing(&mut self.flight), if flies => {
                    self.settled(settled).await?;
                    // What was decided meanwhile.
                    self.write(false).await?;
                }
                batch = source.next() => {
                    let batch = batch?;
                    self.take(batch).await?;
                }
                () = wake_after(&mut alarm, wake.unwrap_or(Duration::MAX)), if wake.is_some() => {}
                () = tokio::time::sleep(silent), if has_silent => self.write(true).await?,
                () = tokio::time::sleep_until(committed.unwrap_or_else(Instant::now)), if committed.is_some() => {
                    self.write(false).await?;
                    self.landed().await?;
                    self.commit().await?;
                    // Nothing has come for a while.
                    self.machine.pack();
                }
            }
        }
    }

    /// Decides every input of a batch, writing frames as they fill. The last is written at once if
    /// none is in flight; otherwise what comes until that one has landed goes with it.
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
                    self.pace.heard(&frame);
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
        if let Some(flight) = &mut self.flight {
            match flight.landed_by_now().await {
                Some(settled) => self.settled(settled).await?,
                None => return Ok(()),
            }
        }
        self.write(false).await
    }

    /// On a live clock, proposes to the decider that its earliest instant has come.
    async fn propose(&mut self) -> Result<(), Early> {
        while let Some(now) = self.parts.clock.now() {
            if self.machine.earliest_due().is_none_or(|due| due > now) || !self.pace.allows() {
                break;
            }
            self.machine.decide(&Input::Due { now }, None);
            self.write(false).await?;
        }
        Ok(())
    }

    /// How long until the next instant may have come; nothing if none is wanted, or if the owners
    /// of what was fired have to read on first, which is heard of as an input.
    fn wake_in(&self) -> Option<Duration> {
        if !self.pace.allows() {
            return None;
        }
        let wait = self.parts.clock.until(self.machine.earliest_due()?)?;
        Some(wait.min(CLOCK_LOOK))
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

    /// Sends the frame being built off, once the one before it has landed.
    async fn append_frame(&mut self) -> Result<(), Early> {
        self.landed().await?;
        let previous = self.last.as_ref();
        let expected = previous.map_or(0, |stored| stored.seq);
        let link = previous.map(|stored| Link::to(stored.seq, &stored.frame));
        let built = self.machine.close(link);
        self.pace.sent(&built.frame);
        let flight = self.flight.insert(Flight::of(
            built,
            self.parts.log.clone(),
            expected,
            self.tenure().clone(),
            self.parts.shutdown.clone(),
        ));
        if let Some(settled) = flight.landed_by_now().await {
            self.settled(settled).await?;
        }
        if self.is_commit_due() {
            self.landed().await?;
            self.commit().await?;
        }
        Ok(())
    }

    /// Waits until no frame is in flight.
    async fn landed(&mut self) -> Result<(), Early> {
        match &mut self.flight {
            Some(flight) => {
                let settled = flight.landed().await;
                self.settled(settled).await
            }
            None => Ok(()),
        }
    }

    /// The frame in flight has landed, or never will.
    async fn settled(&mut self, settled: Settled) -> Result<(), Early> {
        let Some(flight) = self.flight.take() else {
            return Ok(());
        };
        let seq = match settled {
            Settled::Mine(seq) => seq,
            Settled::Lost => return Err(Early::End(End::Lost)),
            Settled::Stopped => return Err(Early::End(End::Stopped)),
            Settled::Broken(why) => {
                let why = format!("the log takes no more: {why}");
                return Err(Early::Fault(RunError::Log(LogError::Refused(why))));
            }
        };
        *self.written = flight.frame.head.number;
        // Only what is on the log reaches the world and the store.
        if let Some(runner) = &self.parts.effects {
            for effect in flight.effects {
                runner.perform(effect, self.tenure()).await;
            }
        }
        self.pace.landed(seq);
        self.reached(seq, &flight.frame);
        if let Some(shelf) = self.shelf.as_mut().filter(|_| !self.machine.is_building()) {
            shelf.gather(&mut self.machine);
        }
        Ok(())
    }
}

/// Waits, on an exact alarm if there is one.
async fn wake_after(alarm: &mut Option<Alarm>, wait: Duration) {
    match alarm {
        Some(alarm) => alarm.ring_after(wait).await,
        // A wait of nothing would never let time pass.
        None => tokio::time::sleep(wait.max(Duration::from_millis(1))).await,
    }
}
