//! Many timers due at once are fired in slices that wait for their owners.
//!
//! An owner reads firings and events in the order of the log. Fired all at once, a hundred thousand
//! timers would stand before the next event for seconds. So no more than [`AHEAD`] firings are on
//! the log that their owner has not decided yet; its frames say how far it has read. An owner that
//! is away is waited for: nobody else could do anything with its firings.

use std::collections::{BTreeMap, VecDeque};

use duban_model::{Body, Frame, Service};

/// Firings on the log that their owner has not decided yet, at most about; the slice being written
/// may go beyond it.
const AHEAD: usize = 1_000;

/// Firings that their owners have not decided yet.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    owners: BTreeMap<Service, Owner>,
    ahead: usize,
}

#[derive(Debug, Default)]
struct Owner {
    /// The frames that hold firings of its timers, with their numbers.
    waiting: VecDeque<(u64, usize)>,
    /// Firings in the frame in flight.
    flying: usize,
    /// How far it has read.
    through: u64,
}

impl Owner {
    /// Forgets the firings that it has read, and says how many.
    fn read(&mut self) -> usize {
        let mut read = 0;
        // A frame counts as decided when its deciding has begun: close enough for a brake.
        while let Some((_, count)) = self.waiting.pop_front_if(|(seq, _)| *seq <= self.through) {
            read += count;
        }
        read
    }
}

impl Pace {
    /// An own frame is on its way to the log.
    pub(crate) fn sent(&mut self, frame: &Frame) {
        for record in &frame.records {
            if let Body::TimerFired(fired) = &record.body {
                self.owners.entry(fired.owner).or_default().flying += 1;
                self.ahead += 1;
            }
        }
    }

    /// The own frame last sent is on the log.
    pub(crate) fn landed(&mut self, seq: u64) {
        for owner in self.owners.values_mut() {
            let count = std::mem::take(&mut owner.flying);
            if count > 0 {
                owner.waiting.push_back((seq, count));
                // It may have been read before its writer heard that it is there.
                self.ahead -= owner.read();
            }
        }
    }

    /// A frame of another service says how far that one has read.
    pub(crate) fn heard(&mut self, frame: &Frame) {
        if let Some(owner) = self.owners.get_mut(&frame.head.service) {
            owner.through = frame.head.through.seq;
            self.ahead -= owner.read();
        }
    }

    /// True when more may be fired.
    pub(crate) fn allows(&self) -> bool {
        self.ahead < AHEAD
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use duban_model::decision::TimerFired;
    use duban_model::{FrameHead, Position, Record, RecordId, Timestamp};

    use super::*;

    fn frame(service: Service, through: u64, firings: usize) -> Frame {
        let body = Body::TimerFired(TimerFired {
            timer: "t".to_owned(),
            owner: Service::Rules,
            due: Timestamp(0),
            step: "due".to_owned(),
            next: None,
        });
        let record = Arc::new(Record {
            id: RecordId::default(),
            source: service.source().into(),
            tenant: "office".to_owned(),
            ledger: None,
            subject: None,
            time: None,
            loggedat: Timestamp(0),
            cause: None,
            correlation: RecordId::default(),
            definition: None,
            origin: None,
            body,
        });
        Frame::new(
            FrameHead {
                service,
                incarnation: 1,
                number: 1,
                through: Position {
                    seq: through,
                    index: 0,
                },
                release: "0.1.0".to_owned(),
                previous: None,
            },
            vec![record; firings],
        )
    }

    #[test]
    fn firing_waits_until_the_owner_has_read_on() {
        let mut pace = Pace::default();
        for seq in [5, 8, 9] {
            assert!(pace.allows());
            pace.sent(&frame(Service::Scheduler, 0, AHEAD.div_ceil(3)));
            if seq < 9 {
                pace.landed(seq);
            }
        }
        assert!(!pace.allows());
        pace.heard(&frame(Service::Notifier, 9, 0));
        assert!(!pace.allows(), "another's reading is none of the owner's");
        pace.heard(&frame(Service::Rules, 4, 0));
        assert!(!pace.allows());
        pace.heard(&frame(Service::Rules, 5, 0));
        assert!(pace.allows());
        pace.heard(&frame(Service::Rules, 20, 0));
        assert_eq!(pace.ahead, AHEAD.div_ceil(3), "one frame is in flight");
        pace.landed(9);
        assert_eq!(pace.ahead, 0, "read before its writer heard of it");
    }
}
