//! Putting events of our own into the inbox: delivery reports, clock ticks, deployments.

use bytes::Bytes;
use duban_journal::{Log, SubmitError};
use duban_model::Envelope;

/// The subject tail of an event: its type without the leading `duban.`.
pub fn subject_tail(event: &Envelope) -> &str {
    event.kind.as_str().trim_start_matches("duban.")
}

/// Submits an event and returns its place in the inbox once it is durable.
pub async fn submit(log: &Log, event: &Envelope) -> Result<u64, SubmitError> {
    log.submit(
        &event.tenant,
        subject_tail(event),
        Bytes::from(event.to_json()),
    )
    .await
}
