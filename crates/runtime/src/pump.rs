//! All four services in one thread and in memory, for simulation. The same machines as live; the
//! log is a list, and a round goes on until nobody has anything left to decide.

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
            let built = Machine::close(self);
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
    workers: Vec<(Box<dyn Worker>, usize)>,
    frames: Vec<Arc<Frame>>,
    inbox: u64,
    effects: Vec<Effect>,
}

impl Pump {
    /// Takes the services in the order in which a round visits them.
    pub fn new(workers: Vec<Box<dyn Worker>>) -> Pump {
        Pump {
            workers: workers.into_iter().map(|worker| (worker, 0)).collect(),
            frames: Vec::new(),
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
                self.frames.push(frame);
                self.effects.extend(effects);
            }
        }
    }

    /// Lets everybody decide until nothing is left, and hands over what is to be done in the world.
    pub fn settle(&mut self) -> Vec<Effect> {
        loop {
            let before = self.frames.len();
            let mut busy = false;
            for (worker, read) in &mut self.workers {
                busy |= work(worker.as_mut(), read, &mut self.frames, &mut self.effects);
            }
            if !busy && self.frames.len() == before {
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

    /// Every frame so far, in order.
    pub fn frames(&self) -> &[Arc<Frame>] {
        &self.frames
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
    read: &mut usize,
    frames: &mut Vec<Arc<Frame>>,
    effects: &mut Vec<Effect>,
) -> bool {
    let mut emit = |worker: &mut dyn Worker, frames: &mut Vec<Arc<Frame>>| {
        loop {
            if let Some((frame, announced)) = worker.close() {
                frames.push(frame);
                effects.extend(announced);
            }
            if !worker.go_on() {
                break;
            }
        }
    };
    let mut busy = false;
    while *read < frames.len() {
        let frame = frames[*read].clone();
        *read += 1;
        if frame.head.service == worker.service() {
            continue;
        }
        busy = true;
        for (index, record) in (0u32..).zip(&frame.records) {
            if worker.consumes(record) {
                let seq = *read as u64;
                worker.decide(record, Position { seq, index });
                if worker.is_full() {
                    emit(worker, frames);
                }
            }
        }
    }
    emit(worker, frames);
    busy
}
