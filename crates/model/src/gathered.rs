//! Notices on their way to leaving together: held, released, bundled into one message, or dropped
//! because they no longer matter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::body::Body;

use crate::directory::Channel;
use crate::id::NoticeId;
use crate::instant::Timestamp;

/// The most notices of one message. More of one window leave in the next.
pub const MAX_COVERED: usize = 100;

/// How long a notice waits, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The earliest instant at which it leaves.
    pub until: Timestamp,
    /// What for, if not only for others to the same person: `quiet-hours`, `maintenance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A notice that did not wait, or whose wait has moved, waits from now on: for others to the same
/// person, for the hours at which that person may be disturbed, or for the end of maintenance. One
/// that waits from the beginning says so as it is queued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeHeld {
    /// Which.
    pub notice: NoticeId,
    /// The earliest instant at which it leaves.
    pub until: Timestamp,
    /// What for, if not only for others: `quiet-hours`, `maintenance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// A held notice waits no longer: it leaves by itself as soon as there is room. Of those that leave as
/// part of a message the message says so; earlier releases wrote one of these for each as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeReleased {
    /// Which.
    pub notice: NoticeId,
    /// The message that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<NoticeId>,
}

/// Held notices to one person leave as one message (汇总). What becomes of it becomes of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeBundled {
    /// The message's own id.
    pub notice: NoticeId,
    /// Those it stands for, at least two and at most [`MAX_COVERED`], the most pressing first.
    pub covers: Vec<NoticeId>,
    /// The contact: `unit/contact`.
    pub contact: String,
    /// The contact's title.
    pub contact_title: String,
    /// The channel.
    pub channel: Channel,
    /// The address on that channel; absent where the installation's configuration knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Subject line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

/// A held notice is not sent, since what it says no longer holds or was silenced meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeDropped {
    /// Which.
    pub notice: NoticeId,
    /// Which rule dropped it: `settled`, `redated`, `silenced`.
    pub code: String,
    /// In one sentence.
    pub reason: String,
}

/// For readers of the log: which messages under way stand for which notices.
#[derive(Clone, Debug, Default)]
pub struct Bundles {
    under_way: BTreeMap<NoticeId, Vec<NoticeId>>,
}

impl Bundles {
    /// Follows a record. Of one about a send, the notices that it concerns: those that the message
    /// stands for, or the notice itself. Of any other, none.
    pub fn concerned(&mut self, body: &Body) -> Vec<NoticeId> {
        let (notice, ends) = match body {
            Body::NoticeBundled(r) => {
                self.under_way.insert(r.notice.clone(), r.covers.clone());
                return Vec::new();
            }
            Body::NoticeAttempted(r) => (&r.notice, false),
            Body::NoticeFailed(r) => (&r.notice, false),
            Body::NoticeDelivered(r) => (&r.notice, true),
            Body::NoticeAbandoned(r) => (&r.notice, true),
            _ => return Vec::new(),
        };
        let covered = if ends {
            self.under_way.remove(notice)
        } else {
            self.under_way.get(notice).cloned()
        };
        covered.unwrap_or_else(|| vec![notice.clone()])
    }
}
