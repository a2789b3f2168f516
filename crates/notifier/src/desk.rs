//! One input being decided: what was proposed so far, and how much room is left on each channel.

use std::collections::BTreeMap;

use duban_model::decision::{NoticeAttempted, RejectionRecorded};
use duban_model::directory::Channel;
use duban_model::{Body, Draft, Drafts, Record, Timestamp};

use crate::silence;
use crate::state::{NotifierState, Pending, most_in_flight};

/// One input being decided.
pub(crate) struct Desk<'a, 'o> {
    pub state: &'a NotifierState,
    out: &'o mut Drafts,
    /// Windows that this input opens, and when they end.
    pub opened: BTreeMap<String, Timestamp>,
    /// Sends in flight, with those announced on this input and without those reported by it.
    flying: BTreeMap<Channel, usize>,
}

impl<'a, 'o> Desk<'a, 'o> {
    pub(crate) fn new(state: &'a NotifierState, out: &'o mut Drafts) -> Self {
        Self {
            state,
            out,
            opened: BTreeMap::new(),
            flying: BTreeMap::new(),
        }
    }

    pub(crate) fn push(&mut self, draft: Draft) {
        self.out.push(draft);
    }

    fn flying(&mut self, channel: Channel) -> &mut usize {
        let before = self.state.flying(channel);
        self.flying.entry(channel).or_insert(before)
    }

    /// True if one more send may be in flight.
    pub(crate) fn has_room(&mut self, channel: Channel) -> bool {
        *self.flying(channel) < most_in_flight(channel)
    }

    /// A send was reported: its place is free.
    pub(crate) fn landed(&mut self, channel: Channel) {
        let flying = self.flying(channel);
        *flying = flying.saturating_sub(1);
    }

    /// The announcement of the first send of a notice queued on this very input.
    pub(crate) fn first(&mut self, channel: Channel, notice: String) -> Body {
        *self.flying(channel) += 1;
        Body::NoticeAttempted(NoticeAttempted {
            notice,
            attempt: 1,
            possible_duplicate: false,
        })
    }

    /// Announces the next send of a notice.
    pub(crate) fn announce(&mut self, pending: &Pending, possible_duplicate: bool) {
        *self.flying(pending.queued.channel) += 1;
        let draft = announcement(pending, possible_duplicate);
        self.push(draft);
    }

    /// Room that is left on a channel goes to who has waited longest.
    pub(crate) fn fill(&mut self, channel: Channel, now: Timestamp) {
        let state = self.state;
        for (_, next) in state.waiting(channel) {
            if !self.has_room(channel) {
                break;
            }
            if silence::maintenance(state, &next.tenant, now).is_none() {
                self.announce(next, false);
            }
        }
    }

    /// The same on every channel.
    pub(crate) fn fill_all(&mut self, now: Timestamp) {
        for channel in Channel::ALL {
            self.fill(channel, now);
        }
    }
}

/// A record about a notice, with what all of them bear.
pub(crate) fn like(pending: &Pending, body: Body) -> Draft {
    let mut draft = Draft::new(pending.tenant.clone(), body);
    // A message that stands for several is about none of them.
    if pending.covers.is_empty() {
        draft = draft.about(pending.queued.request.obligation.clone());
    }
    draft.ledger.clone_from(&pending.ledger);
    draft
}

pub(crate) fn announcement(pending: &Pending, possible_duplicate: bool) -> Draft {
    like(
        pending,
        Body::NoticeAttempted(NoticeAttempted {
            notice: pending.queued.notice.clone(),
            attempt: pending.attempt + 1,
            possible_duplicate,
        }),
    )
}

/// A refusal of an event, as a record.
pub(crate) fn rejection(
    record: &Record,
    code: &str,
    (found, expected): (String, String),
    remedy: &str,
) -> Body {
    Body::RejectionRecorded(RejectionRecorded {
        code: code.to_owned(),
        found,
        expected,
        remedy: remedy.to_owned(),
        event_type: Some(record.record_type().as_str().to_owned()),
        event_source: Some(record.source.to_string()),
        event_id: record.origin.clone(),
        excerpt: None,
        seen: None,
    })
}
