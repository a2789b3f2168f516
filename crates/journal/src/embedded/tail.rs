//! The log's most recent frames in memory, so that followers in the same process do not read and
//! decode what was just appended.

use std::collections::VecDeque;
use std::sync::Arc;

use duban_model::frame::Frame;

use crate::contract::{ServiceSet, Stored};

/// Frames kept at most.
const KEPT_FRAMES: usize = 1024;

/// Encoded size of the frames kept, at most, in bytes; in memory they take a few times as much.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The last frames, without a gap.
#[derive(Debug, Default)]
pub(super) struct Tail {
    frames: VecDeque<(Arc<Frame>, usize)>,
    /// Sequence of the first frame kept.
    first: u64,
    bytes: usize,
}

impl Tail {
    /// Adds the frame that follows the last one; `bytes` is its encoded size.
    pub(super) fn push(&mut self, seq: u64, frame: Arc<Frame>, bytes: usize) {
        if self.frames.is_empty() {
            self.first = seq;
        }
        debug_assert_eq!(self.first + self.frames.len() as u64, seq);
        self.frames.push_back((frame, bytes));
        self.bytes += bytes;
        while self.frames.len() > KEPT_FRAMES || self.bytes > KEPT_BYTES {
            if let Some((_, bytes)) = self.frames.pop_front() {
                self.bytes -= bytes;
                self.first += 1;
            }
        }
    }

    /// Sequence of the first frame kept, if any is.
    pub(super) fn first(&self) -> Option<u64> {
        (!self.frames.is_empty()).then_some(self.first)
    }

    pub(super) fn covers(&self, seq: u64) -> bool {
        self.place(seq).is_some()
    }

    pub(super) fn get(&self, seq: u64) -> Option<Arc<Frame>> {
        self.place(seq).map(|i| Arc::clone(&self.frames[i].0))
    }

    fn place(&self, seq: u64) -> Option<usize> {
        let place = usize::try_from(seq.checked_sub(self.first)?).ok()?;
        (place < self.frames.len()).then_some(place)
    }

    /// As [`crate::follower::Source::scan`]; the caller has made sure that `after + 1` is here.
    pub(super) fn scan(
        &self,
        after: u64,
        to: u64,
        services: ServiceSet,
        max: usize,
        out: &mut Vec<Stored>,
    ) -> u64 {
        let mut at = after;
        while at < to && out.len() < max {
            let Some(frame) = self.get(at + 1) else { break };
            at += 1;
            if services.contains(frame.head.service) {
                out.push(Stored { seq: at, frame });
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use duban_model::frame::{FrameHead, Position, Service};

    fn frame(number: u64) -> Arc<Frame> {
        Arc::new(Frame::new(
            FrameHead {
                service: Service::Rules,
                incarnation: 1,
                number,
                through: Position::START,
                release: "test".to_owned(),
                previous: None,
            },
            Vec::new(),
        ))
    }

    #[test]
    fn it_keeps_the_last_frames_within_both_limits() {
        let mut tail = Tail::default();
        assert_eq!(tail.first(), None);
        let kept = KEPT_FRAMES as u64;
        for seq in 7..7 + kept + 3 {
            tail.push(seq, frame(seq), 10);
        }
        assert_eq!(tail.first(), Some(10));
        assert!(!tail.covers(9) && tail.covers(10) && tail.covers(kept + 9));
        assert!(!tail.covers(kept + 10));
        assert_eq!(tail.get(12).unwrap().head.number, 12);

        tail.push(kept + 10, frame(kept + 10), KEPT_BYTES);
        assert_eq!(tail.first(), Some(kept + 10));
        tail.push(kept + 11, frame(kept + 11), KEPT_BYTES + 1);
        assert_eq!(tail.first(), None);
        tail.push(kept + 12, frame(kept + 12), 1);
        assert_eq!(tail.first(), Some(kept + 12));
    }
}
