//! The one way of facts from pages, answers and the API into the inbox.

use duban_journal::{Log, SubmitError};
use duban_model::Envelope;

/// Why a fact is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// The inbox could not be reached: the same may be sent again.
    Unavailable,
    /// It is larger than the inbox takes.
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// It is none that the inbox takes.
    Unfit,
}

/// Puts a fact into the inbox and says its place there; it is durable when this returns. `what` calls
/// it by a name in the process's own log, e.g. `an act`.
pub(crate) async fn put(log: &Log, event: &Envelope, what: &'static str) -> Result<u64, Unsent> {
    let tail = event.kind.as_str().trim_start_matches("duban.");
    let sent = log
        .submit(&event.tenant, tail, event.to_json().into())
        .await;
    sent.map_err(|fault| match fault {
        // Unknown is as good as not: the intake knows a repetition by its id.
        SubmitError::Unavailable(_) | SubmitError::Unknown(_) | SubmitError::Broken(_) => {
            tracing::warn!(%fault, "{what} waits for the inbox");
            Unsent::Unavailable
        }
        SubmitError::TooLarge { bytes, limit } => {
            tracing::error!(%fault, "{what} cannot be put into the inbox");
            Unsent::TooLarge { bytes, limit }
        }
        SubmitError::BadSubject(_) => {
            tracing::error!(%fault, "{what} cannot be put into the inbox");
            Unsent::Unfit
        }
    })
}
