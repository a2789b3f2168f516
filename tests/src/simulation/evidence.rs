//! What a run leaves behind for the auditor: texts, not types.

use duban_journal::{InboxMessage, Stored};
use duban_model::Timestamp;
use serde_json::Value;

/// A message that reached a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its idempotency key.
    pub notice: String,
    /// Which attempt.
    pub attempt: u32,
    /// Whether it bore the label of a possible duplicate.
    pub labelled: bool,
    /// How far the log had come.
    pub head: u64,
    /// When, in true time.
    pub at: Timestamp,
}

/// A frame as it stands on the log.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its sequence.
    pub seq: u64,
    /// Its head.
    pub head: Value,
    /// Its records.
    pub records: Vec<Value>,
    /// Its head, a line break and its records, as they were encoded.
    pub text: Vec<u8>,
}

/// An event as it stands in the inbox.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Its sequence.
    pub seq: u64,
    /// The subject it was offered on.
    pub subject: String,
    /// What was sent.
    pub bytes: Vec<u8>,
}

/// Everything that a run leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The log.
    pub frames: Vec<Written>,
    /// The inbox.
    pub inbox: Vec<Offered>,
    /// What receivers got, in order.
    pub arrivals: Vec<Arrival>,
    /// What the services' clock showed when the run was stopped, at rest.
    pub stopped: String,
}

/// A frame in texts.
///
/// # Panics
/// When what is on the log is not JSON.
pub fn written(stored: &Stored) -> Written {
    let head = stored.frame.encode_head();
    let batch = stored.frame.encode_batch();
    let text = [head.as_bytes(), b"\n", &batch].concat();
    Written {
        seq: stored.seq,
        head: serde_json::from_str(&head).expect("a head in JSON"),
        records: serde_json::from_slice(&batch).expect("a batch in JSON"),
        text,
    }
}

/// A message in texts.
pub fn offered(message: &InboxMessage) -> Offered {
    Offered {
        seq: message.seq,
        subject: message.subject.clone().unwrap_or_default(),
        bytes: message.bytes.to_vec(),
    }
}
