//! What can go wrong on a log, sorted by what the caller has to do about it.

use thiserror::Error;

/// Why a frame was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AppendError {
    /// The service's last frame is another than expected: nothing was appended.
    #[error("the service's last frame is {last}, another than expected")]
    Conflict {
        /// The sequence of the service's last frame; 0 if it has none.
        last: u64,
    },
    /// Nobody knows: it may have been appended, or may still be. [`crate::Log::last_frame`] tells.
    #[error("whether the frame was appended is unknown: {0}")]
    Unknown(String),
    /// Refused at the door: nothing was appended.
    #[error("a frame of {bytes} bytes is too large; at most {limit} bytes")]
    TooLarge {
        /// Size of head and batch as encoded, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// This log takes no more, and the process must end: what the disk holds is known only after
    /// it is opened again.
    #[error("the log takes no more: {0}")]
    Broken(String),
}

/// Why an inbox message was not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// Refused at the door: nothing was stored.
    #[error("an event of {bytes} bytes is too large; at most {limit} bytes")]
    TooLarge {
        /// Its size, in bytes.
        bytes: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// Tenant or type cannot be part of a subject: nothing was stored.
    #[error("not a subject: {0}")]
    BadSubject(String),
    /// Not stored; worth trying again.
    #[error("the inbox is not available: {0}")]
    Unavailable(String),
    /// It may have been stored. Sending it again is safe: the intake knows a repetition by its id.
    #[error("whether the event was stored is unknown: {0}")]
    Unknown(String),
    /// As [`AppendError::Broken`].
    #[error("the inbox takes no more: {0}")]
    Broken(String),
}

/// Why a log cannot be opened or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    /// Worth retrying: the server is away, an answer did not come in time.
    #[error("the log is not available: {0}")]
    Unavailable(String),
    /// The log contradicts itself: a position is missing, a frame cannot be read. Stop.
    #[error("the log is damaged: {0}")]
    Damaged(String),
    /// It will not be opened or read as things stand, and retrying does not help: wrong
    /// configuration, wrong rights, another process holds it.
    #[error("{0}")]
    Refused(String),
}
