//! All four services in one thread and in memory, for simulation. The same machines as live; the
//! log is a list, and a round goes on until nobody has anything left to decide.

use std::collections::VecDeque;
use std::sync::Arc;

use duban_model::{Decider, Effect, Frame, Input, Position, Record, Service, Timestamp};

use crate::machine::Machine;

/// A machine whose decider is not named.
pub trait Worker: Send {
    /// Whose it is.
    fn service(&self) -> Service;
    /// Whether a record is its input.
    fn consumes(&self, record: &Record) -> bool;
    /// Decides one record.
    fn decide(&mut self, record: &Record, position: Position);
    /// Decides one event from outside (intake).
    fn event(&mut self, bytes: &[u8], position: Position);
    /// Decides the rest of a long act, if there is one; true if there was.
    fn go_on(&mut self) -> bool;
    /// Closes the frame being built, if it has records.
    fn close(&mut self) -> Option<(Arc<Frame>, Vec<Effect>)>;
    /// True when the frame must be closed.
    fn is_full(&self) -> bool;
    /// The earliest instant wanted.
    fn earliest_due(&self) -> Option<Timestamp>;
    /// The digest of its domain state.
    fn digest(&self) -> String;
}

impl<D: Decider> Worker for Machine<D> {
    fn service(&self) -> Service {
        D::SERVICE
    }

    fn consumes(&self, record: &Record) -> bool {
        D::consumes(record)
    }

    fn decide(&mut self, record: &Record, position: Position) {
        Machine::decide(self, &Input::Record(record), Some(position));
    }

    fn event(&mut self, bytes: &[u8], position: Position) {
        let input = Input::Event {
            bytes,
            offered_on: None,
            now: None,
        };
        Machine::decide(self, &input, Some(position));
    }

    fn go_on(&mut self) -> bool {
        match self.continuation() {
            Some(continuation) => {
                Machine::go_on(self, &continuation);
                true
            }
            None => false,
        }
    }

    fn close(&mut self) -> Option<(Arc<Frame>, Vec<Effect>)> {
        self.has_frame(false).then(|| {
            let built = Machine::close(self, None);
            self.forget_changes();
            (built.frame, built.effects)
        })
    }

    fn is_full(&self) -> bool {
        Machine::is_full(self)
    }

    fn earliest_due(&self) -> Option<Timestamp> {
        Machine::earliest_due(self)
    }

    fn digest(&self) -> String {
        Machine::digest(self)
    }
}

/// The four services and their log.
pub struct Pump {
    /// Each with how many frames it has read.
    workers: Vec<(Box<dyn Worker>, u64)>,
    log: Frames,
    inbox: u64,
    effects: Vec<Effect>,
}

/// The log: a list whose beginning may have been taken away.
#[derive(Default)]
struct Frames {
    taken: u64,
    list: VecDeque<Arc<Frame>>,
}

impl Frames {
    /// How many there were in all.
    fn count(&self) -> u64 {
        self.taken + self.list.len() as u64
    }

    /// The frame after the first `read`.
    fn after(&self, read: u64) -> Option<Arc<Frame>> {
        let place = usize::try_from(read.checked_sub(self.taken)?).ok()?;
        self.list.get(place).cloned()
    }
}

impl Pump {
    /// Takes the services in the order in which a round visits them.
    pub fn new(workers: Vec<Box<dyn Worker>>) -> Pump {
        Pump {
            workers: workers.into_iter().map(|worker| (worker, 0)).collect(),
            log: Frames::default(),
            inbox: 0,
            effects: Vec::new(),
        }
    }

    /// Puts an event in at the intake.
    pub fn submit(&mut self, bytes: &[u8]) {
        self.inbox += 1;
        let position = Position {
            seq: self.inbox,
            index: 0,
        };
        if let Some((intake, _)) = self
            .workers
            .iter_mut()
            .find(|(worker, _)| worker.service() == Service::Intake)
        {
            intake.event(bytes, position);
            if intake.is_full()
                && let Some((frame, effects)) = intake.close()
            {
                self.log.list.push_back(frame);
                self.effects.extend(effects);
            }
        }
    }

    /// Lets everybody decide until nothing is left, and hands over what is to be done in the world.
    pub fn settle(&mut self) -> Vec<Effect> {
        loop {
            let before = self.log.count();
            let mut busy = false;
            for (worker, read) in &mut self.workers {
                busy |= work(worker.as_mut(), read, &mut self.log, &mut self.effects);
            }
            if !busy && self.log.count() == before {
                return std::mem::take(&mut self.effects);
            }
        }
    }

    /// The earliest timer.
    pub fn earliest_due(&self) -> Option<Timestamp> {
        self.workers
            .iter()
            .filter_map(|(worker, _)| worker.earliest_due())
            .min()
    }

    /// Hands over the frames that every service has read, in order, and forgets them: all of them
    /// after [`Pump::settle`]. A year's frames at once would be most of a simulation's memory.
    pub fn take_frames(&mut self) -> impl Iterator<Item = Arc<Frame>> + '_ {
        let read = self.workers.iter().map(|(_, read)| *read).min();
        let count = read.unwrap_or(0).saturating_sub(self.log.taken);
        self.log.taken += count;
        self.log.list.drain(..usize::try_from(count).unwrap_or(0))
    }

    /// The services' state digests in service order.
    pub fn digests(&self) -> Vec<(Service, String)> {
        self.workers
            .iter()
            .map(|(worker, _)| (worker.service(), worker.digest()))
            .collect()
    }
}

/// One service decides all that is on the log for it. True if it read anything.
fn work(
    worker: &mut dyn Worker,
    read: &mut u64,
    log: &mut Frames,
    effects: &mut Vec<Effect>,
) -> bool {
    let mut emit = |worker: &mut dyn Worker, log: &mut Frames| {
        loop {
            if let Some((frame, announced)) = worker.close() {
                log.list.push_back(frame);
                effects.extend(announced);
            }
            if !worker.go_on() {
                break;
            }
        }
    };
    let mut busy = false;
    while let Some(frame) = log.after(*read) {
        *read += 1;
        if frame.head.service == worker.service() {
            continue;
        }
        busy = true;
        for (index, record) in (0u32..).zip(&frame.records) {
            if worker.consumes(record) {
                worker.decide(record, Position { seq: *read, index });
                if worker.is_full() {
                    emit(worker, log);
                }
            }
        }
    }
    emit(worker, log);
    busy
}
