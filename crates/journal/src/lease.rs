//! Leases: who may write for a service at the moment, when several processes could.
//!
//! A lease is a courtesy, which keeps processes out of each other's way. What keeps them apart is
//! the sequence that [`crate::Log::append`] expects: a frame of a process whose lease another has
//! taken is refused whatever either believes.

use duban_model::frame::Service;
use serde::{Deserialize, Serialize};

use crate::fault::LogError;
use crate::jetstream::JetStreamLog;

/// Who holds a lease. All but the incarnation and the seat is for people to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holder {
    /// The process, as its frames name it.
    pub incarnation: u64,
    /// The state folder it holds locked; empty without one. Whoever has locked the same folder
    /// knows that this process has ended.
    pub seat: String,
    /// Its machine.
    pub host: String,
    /// Its process id there.
    pub pid: u32,
    /// Its release.
    pub release: String,
}

/// A service's lease as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Moves with every write, a renewal too; 0 if nobody ever held it.
    pub revision: u64,
    /// Who holds it; nobody once it was given back.
    pub holder: Option<Holder>,
}

/// The leases of a log that several processes share.
#[derive(Clone, Debug)]
pub struct Leases(pub(crate) JetStreamLog);

impl Leases {
    /// A service's lease as it stands.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the broker does not say.
    pub async fn look(&self, service: Service) -> Result<Lease, LogError> {
        self.0.lease(service).await
    }

    /// Writes a service's lease (no holder: it is given back) if, and only if, it still stands at
    /// `expected`, and returns the new revision; nothing when it stands at another.
    ///
    /// Once called, the write may happen even if the future is dropped.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when it may or may not have been written; [`LogError::Refused`]
    /// when this user may not write it.
    pub async fn write(
        &self,
        service: Service,
        holder: Option<&Holder>,
        expected: u64,
    ) -> Result<Option<u64>, LogError> {
        self.0.write_lease(service, holder, expected).await
    }
}
