//! Frames that this process has sent, so that its own followers need not decode them again.
//!
//! What the server delivers is compared byte by byte with what was sent, head and batch: equal
//! bytes are the same frame, whatever became of the append. So nothing is assumed about the order
//! in which acknowledgement and delivery arrive.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use duban_model::frame::{Frame, Service};

/// Frames kept at most, of each service.
const KEPT_FRAMES: usize = 64;

/// Encoded size of the frames kept at most, of each service, in bytes; decoded they take a few
/// times as much.
const KEPT_BYTES: usize = 1024 * 1024;

#[derive(Debug)]
struct Sent {
    head: String,
    batch: Bytes,
    frame: Arc<Frame>,
}

#[derive(Debug, Default)]
struct Line {
    frames: VecDeque<Sent>,
    bytes: usize,
}

/// The last frames sent, by service.
#[derive(Debug, Default)]
pub(super) struct SentFrames([Mutex<Line>; Service::ALL.len()]);

impl SentFrames {
    fn line(&self, service: Service) -> std::sync::MutexGuard<'_, Line> {
        self.0[crate::contract::index_of(service)]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame is about to be sent.
    pub(super) fn keep(&self, head: &str, batch: &Bytes, frame: &Arc<Frame>) {
        let mut line = self.line(frame.head.service);
        line.bytes += batch.len();
        line.frames.push_back(Sent {
            head: head.to_owned(),
            batch: batch.clone(),
            frame: Arc::clone(frame),
        });
        while line.frames.len() > KEPT_FRAMES || line.bytes > KEPT_BYTES {
            if let Some(old) = line.frames.pop_front() {
                line.bytes -= old.batch.len();
            }
        }
    }

    /// The frame with exactly these bytes, if this process has sent it lately.
    pub(super) fn find(&self, service: Service, head: &str, batch: &[u8]) -> Option<Arc<Frame>> {
        let line = self.line(service);
        let same = |sent: &&Sent| sent.head == head && sent.batch == batch;
        let sent = line.frames.iter().rev().find(same)?;
        Some(Arc::clone(&sent.frame))
    }
}

#[cfg(test)]
mod tests {
    use duban_model::frame::{FrameHead, Position};

    use super::*;

    fn frame(number: u64) -> (String, Arc<Frame>) {
        let head = FrameHead {
            service: Service::Rules,
            incarnation: 1,
            number,
            through: Position::START,
            release: "test".to_owned(),
            previous: None,
        };
        let frame = Frame::new(head, Vec::new());
        (frame.encode_head(), Arc::new(frame))
    }

    #[test]
    fn only_the_very_bytes_that_were_sent_are_taken_for_a_frame() {
        let sent = SentFrames::default();
        let (head, own) = frame(1);
        sent.keep(&head, &Bytes::from_static(b"[1]"), &own);
        let found = sent.find(Service::Rules, &head, b"[1]");
        assert!(found.is_some_and(|found| Arc::ptr_eq(&found, &own)));
        assert_eq!(sent.find(Service::Rules, &head, b"[2]"), None);
        assert_eq!(sent.find(Service::Intake, &head, b"[1]"), None);
        assert_eq!(sent.find(Service::Rules, &frame(2).0, b"[1]"), None);
    }

    #[test]
    fn it_keeps_the_last_frames_within_both_limits() {
        let sent = SentFrames::default();
        let kept = KEPT_FRAMES as u64;
        for number in 0..=kept {
            let (head, frame) = frame(number);
            sent.keep(&head, &Bytes::from_static(b"[]"), &frame);
        }
        let found = |number| sent.find(Service::Rules, &frame(number).0, b"[]").is_some();
        assert!(!found(0) && found(1) && found(kept));
        let (head, frame) = frame(kept + 1);
        sent.keep(&head, &Bytes::from(vec![b' '; KEPT_BYTES]), &frame);
        assert!(!found(kept), "a large one takes the place of all before it");
        assert_eq!(sent.line(Service::Rules).frames.len(), 1);
    }
}
