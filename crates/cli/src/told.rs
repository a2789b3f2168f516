//! The ledger of notices, folded from the log: who was told what, when, on which channel, with what
//! outcome and why; and who was not told, and why not.

use std::collections::BTreeMap;

use duban_model::decision::NoticeRequested;
use duban_model::directory::Channel;
use duban_model::gathered::Bundles;
use duban_model::{Body, Frame, NoticeId, Record, Service, Timestamp};

use crate::args_told::NoticeState;

/// Notices looked at in one run, at most: each takes about a kilobyte.
const MAX_NOTICES: usize = 2_000_000;

impl NoticeState {
    /// Its name in data.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            NoticeState::Queued => "queued",
            NoticeState::Attempted => "attempted",
            NoticeState::Delivered => "delivered",
            NoticeState::Failed => "failed",
            NoticeState::Abandoned => "abandoned",
            NoticeState::Suppressed => "suppressed",
        }
    }

    /// The same for the clerk.
    pub(crate) fn chinese(self) -> &'static str {
        match self {
            NoticeState::Queued => "待发送",
            NoticeState::Attempted => "发送中",
            NoticeState::Delivered => "已送达",
            NoticeState::Failed => "未成功,将再试",
            NoticeState::Abandoned => "未能送达",
            NoticeState::Suppressed => "未发",
        }
    }
}

/// One notice, from its request to its end.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub notice: String,
    pub tenant: String,
    pub ledger: String,
    /// When it was queued or suppressed.
    pub at: Timestamp,
    /// What was asked for, without what only its text needs.
    pub request: NoticeRequested,
    /// `unit/contact`; empty if nobody was found.
    pub contact: String,
    pub contact_title: String,
    pub channel: Option<Channel>,
    pub subject: String,
    pub attempts: u32,
    /// An attempt was labelled: the receiver may have seen it twice.
    pub possible_duplicate: bool,
    pub state: NoticeState,
    /// When it came to stand so.
    pub since: Timestamp,
    /// The receiving service's answer, or why nobody was told.
    pub detail: String,
    /// Which rule suppressed it.
    pub code: Option<String>,
    /// The notice that did not reach its receiver, for which this one stands in.
    pub instead_of: Option<String>,
    /// The message that it left in, with others.
    pub bundle: Option<String>,
}

impl Told {
    fn stand(&mut self, state: NoticeState, at: Timestamp, detail: &str) {
        self.state = state;
        self.since = at;
        detail.clone_into(&mut self.detail);
    }

    /// Whether it asks for what is asked of a unit: its duties, or its people.
    pub(crate) fn concerns(&self, unit: &str) -> bool {
        self.request.unit == unit || self.request.to == unit || self.told_unit() == unit
    }

    /// The unit whose people are told.
    pub(crate) fn told_unit(&self) -> &str {
        let (unit, _) = self.contact.split_once('/').unwrap_or((&self.contact, ""));
        if unit.is_empty() {
            &self.request.to
        } else {
            unit
        }
    }
}

/// All notices on a log, or those that are wanted, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    rows: Vec<Told>,
    by_id: BTreeMap<String, usize>,
    /// Messages under way that stand for several notices.
    bundles: Bundles,
    /// Those that were left out because there were too many.
    left_out: u64,
}

impl Ledger {
    /// The notices.
    pub(crate) fn rows(&self) -> &[Told] {
        &self.rows
    }

    /// How many there was no place for.
    pub(crate) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Takes a frame into account; of what it queues or suppresses, what `wanted` says.
    pub(crate) fn note(&mut self, frame: &Frame, mut wanted: impl FnMut(&Told) -> bool) {
        if frame.head.service != Service::Notifier {
            return;
        }
        for record in &frame.records {
            match begun(record) {
                Some(told) if self.rows.len() >= MAX_NOTICES => {
                    self.left_out += u64::from(wanted(&told));
                }
                Some(told) => {
                    if wanted(&told) {
                        self.by_id.insert(told.notice.clone(), self.rows.len());
                        self.rows.push(told);
                    }
                }
                None => self.follow(record),
            }
        }
    }

    /// What becomes of a notice.
    fn follow(&mut self, record: &Record) {
        // What becomes of a message becomes of all that it stands for.
        let concerned = self.bundles.concerned(&record.body);
        let at = record.loggedat;
        match &record.body {
            Body::NoticeBundled(r) => {
                for covered in &r.covers {
                    self.change(covered, |told| told.bundle = Some(r.notice.clone()));
                }
            }
            Body::NoticeDropped(r) => self.change(&r.notice, |told| {
                told.stand(NoticeState::Suppressed, at, &r.reason);
                told.code = Some(r.code.clone());
            }),
            Body::NoticeAttempted(r) => self.change_all(&concerned, |told| {
                told.possible_duplicate |= r.possible_duplicate;
                told.attempts = r.attempt;
                told.state = NoticeState::Attempted;
                told.since = at;
            }),
            Body::NoticeDelivered(r) => self.change_all(&concerned, |told| {
                told.stand(NoticeState::Delivered, at, &r.detail);
            }),
            Body::NoticeFailed(r) => self.change_all(&concerned, |told| {
                told.stand(NoticeState::Failed, at, &r.detail);
            }),
            Body::NoticeAbandoned(r) => self.change_all(&concerned, |told| {
                told.stand(NoticeState::Abandoned, at, &r.reason);
            }),
            _ => {}
        }
    }

    fn change(&mut self, notice: &str, change: impl FnOnce(&mut Told)) {
        if let Some(place) = self.by_id.get(notice) {
            change(&mut self.rows[*place]);
        }
    }

    fn change_all(&mut self, notices: &[NoticeId], change: impl Fn(&mut Told)) {
        for notice in notices {
            self.change(notice, &change);
        }
    }
}

/// A notice as it begins, if the record queues or suppresses one.
fn begun(record: &Record) -> Option<Told> {
    let told = |notice: &str, request: &NoticeRequested| Told {
        notice: notice.to_owned(),
        tenant: record.tenant.clone(),
        ledger: record.ledger.clone().unwrap_or_default(),
        at: record.loggedat,
        request: NoticeRequested {
            covers: Vec::new(),
            missing: Vec::new(),
            ..request.clone()
        },
        contact: String::new(),
        contact_title: String::new(),
        channel: None,
        subject: String::new(),
        attempts: 0,
        possible_duplicate: false,
        state: NoticeState::Queued,
        since: record.loggedat,
        detail: String::new(),
        code: None,
        instead_of: None,
        bundle: None,
    };
    match &record.body {
        Body::NoticeQueued(r) => Some(Told {
            contact: r.contact.clone(),
            contact_title: r.contact_title.clone(),
            channel: Some(r.channel),
            subject: r.subject.clone(),
            instead_of: r.instead_of.clone(),
            ..told(&r.notice, &r.request)
        }),
        Body::NoticeSuppressed(r) => Some(Told {
            state: NoticeState::Suppressed,
            detail: r.reason.clone(),
            code: Some(r.code.clone()),
            ..told(&r.notice, &r.request)
        }),
        _ => None,
    }
}
