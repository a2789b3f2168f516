//! The checksum by which two runs are compared: decisions and domain state, not log positions,
//! attempts or wall times.
//!
//! Frames of different services interleave differently from run to run, so decisions are summed,
//! not chained: the same set of decisions gives the same sum in any order.

use sha2::{Digest, Sha256};

use crate::body::{Body, Class, RecordType};
use crate::frame::Service;
use crate::record::Record;
use crate::state::hex;

/// A running sum over decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionSum {
    /// Two independent 64-bit sums of each record's hash.
    sum: [u64; 2],
    /// How many records were summed.
    pub count: u64,
}

impl DecisionSum {
    /// Takes a record into account, if it counts.
    pub fn add(&mut self, record: &Record) {
        if !counts(record) {
            return;
        }
        let mut hash = Sha256::new();
        hash.update(record.id.0);
        hash.update(record.record_type().as_str());
        hash.update(record.tenant.as_bytes());
        hash.update(record.body.to_json());
        let hash = hash.finalize();
        for (i, part) in self.sum.iter_mut().enumerate() {
            let mut word = [0; 8];
            word.copy_from_slice(&hash[8 * i..8 * i + 8]);
            *part = part.wrapping_add(u64::from_le_bytes(word));
        }
        self.count += 1;
    }

    /// The sum in hexadecimal.
    pub fn shown(&self) -> String {
        format!("{:016x}{:016x}", self.sum[0], self.sum[1])
    }
}

/// True if a record takes part in the checksum.
pub fn counts(record: &Record) -> bool {
    match &record.body {
        Body::DeliveryReported(_) | Body::ClockAdvanced(_) => false,
        // Who is told because another could not be reached, and retries, follow the world's answers.
        Body::NoticeQueued(r) => r.instead_of.is_none(),
        // So does whether a notice was given up that somebody wants to be tried again.
        Body::RejectionRecorded(r) => {
            r.event_type.as_deref() != Some(RecordType::NoticeRetryRequested.as_str())
                || record.source != Service::Notifier.source()
        }
        Body::TimerArmed(t) => t.owner != Service::Notifier,
        Body::TimerDisarmed(t) => t.owner != Service::Notifier,
        Body::TimerNoted(t) => t.owner != Service::Notifier,
        Body::TimerDropped(t) => t.owner != Service::Notifier,
        Body::TimerFired(t) => t.owner != Service::Notifier,
        Body::TimerMissed(t) => t.owner != Service::Notifier,
        _ => record.record_type().class() != Class::Passing,
    }
}

/// One checksum out of the decisions' sum and each service's state digest, in service order.
pub fn combine(sum: &DecisionSum, digests: &[(Service, String)]) -> String {
    let mut hash = Sha256::new();
    hash.update(sum.shown());
    for (service, digest) in digests {
        hash.update(service.as_str());
        hash.update(digest);
    }
    hex(&hash.finalize()[..16])
}
