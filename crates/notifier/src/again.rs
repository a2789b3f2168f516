//! An abandoned notice queued again because somebody asked for it: as a new notice that stands in for
//! the old one, to whoever is to be told by the directory in force now.
//!
//! Only the last of a chain can be asked for: what was passed on or queued again already is not
//! queued a second time. What is kept of abandoned notices is bounded; older ones are refused.

use std::collections::BTreeSet;

use duban_model::decision::NoticeRequested;
use duban_model::fact::NoticeRetryRequested;
use duban_model::{Draft, NoticeId, Record, RecordId, Table, Timestamp};
use serde::{Deserialize, Serialize};

use crate::desk::{Desk, rejection};
use crate::sending::worded;
use crate::state::Pending;
use crate::{receiver, window};

/// Abandoned notices that can be asked for again, at most: the last ones by the time they were
/// given up.
pub const ABANDONED_KEPT: usize = 10_000;

/// What is kept of an abandoned notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Abandoned {
    tenant: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ledger: Option<String>,
    request: NoticeRequested,
    /// When it was given up.
    at: Timestamp,
    /// The notice that stands in for it, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    followed_by: Option<NoticeId>,
}

/// The abandoned notices that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    /// By notice id. Passing: it follows the world's answers.
    pub(crate) rows: Table<Abandoned>,
    /// Derived: in the order in which they were given up.
    order: BTreeSet<(Timestamp, NoticeId)>,
}

impl Default for Kept {
    fn default() -> Self {
        Kept {
            rows: Table::passing(9),
            order: BTreeSet::new(),
        }
    }
}

impl Kept {
    /// Rows were loaded.
    pub(crate) fn loaded(&mut self) {
        let order = self.rows.iter().map(|(id, row)| (row.at, id.clone()));
        self.order = order.collect();
    }

    /// A notice was given up.
    pub(crate) fn abandon(&mut self, notice: &str, pending: &Pending, at: Timestamp) {
        let row = Abandoned {
            tenant: pending.tenant.clone(),
            ledger: pending.ledger.clone(),
            request: pending.queued.request.clone(),
            at,
            followed_by: None,
        };
        self.rows.put(notice, row);
        self.order.insert((at, notice.to_owned()));
        if self.order.len() > ABANDONED_KEPT
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.rows.remove(&oldest);
        }
    }

    /// Another notice stands in for it.
    pub(crate) fn follow(&mut self, abandoned: &str, by: &str) {
        self.rows
            .change(abandoned, |row| row.followed_by = Some(by.to_owned()));
    }
}

/// Decides a request to try a notice again.
pub(crate) fn decide(desk: &mut Desk<'_, '_>, record: &Record, retry: &NoticeRetryRequested) {
    let state = desk.state;
    let abandoned = match state.abandoned.rows.get(&retry.notice) {
        Some(abandoned) if abandoned.tenant == record.tenant => abandoned,
        _ => {
            let is_pending = |p: &Pending| p.tenant == record.tenant;
            let found = if state.pending.get(&retry.notice).is_some_and(is_pending) {
                ("not-abandoned", "which is still being tried")
            } else {
                (
                    "unknown-notice",
                    "which is not among those kept as given up",
                )
            };
            return refuse(desk, record, retry, found);
        }
    };
    if let Some(by) = &abandoned.followed_by {
        let found = format!("for which notice {by} stands in already");
        return refuse(desk, record, retry, ("already-followed", &found));
    }
    let request = &abandoned.request;
    // Who is told follows from this fact, so that asking once queues once.
    let notice = RecordId::derive(&[&record.id.0, b"again"]).to_string();
    let draft = |body| {
        let mut draft = Draft::new(record.tenant.clone(), body).about(request.obligation.clone());
        draft.ledger.clone_from(&abandoned.ledger);
        draft
    };
    let ledger = abandoned.ledger.as_deref();
    let noted = ledger.and_then(|ledger| state.ledgers.get(ledger));
    let directory = state.directories.get(&record.tenant);
    let receiver = receiver::in_setting(state, &record.tenant, noted, record.loggedat, |setting| {
        receiver::resolve(setting, request)
    });
    let Some((directory, receiver)) = directory.zip(receiver) else {
        let found = format!(
            "for which neither {} nor the office has anybody to be told",
            request.to
        );
        return refuse(desk, record, retry, ("no-contact", &found));
    };
    let mut queued = worded(
        state,
        (directory, ledger),
        request,
        (notice.clone(), receiver),
    );
    queued.instead_of = Some(retry.notice.clone());
    let place = (record.tenant.as_str(), ledger);
    window::admit(desk, place, queued, draft, record.loggedat);
}

fn refuse(
    desk: &mut Desk<'_, '_>,
    record: &Record,
    retry: &NoticeRetryRequested,
    (code, found): (&str, &str),
) {
    let body = rejection(
        record,
        code,
        (
            format!("notice {}, {found}", retry.notice),
            "a notice that was given up, for which none stands in, and whose receivers the \
             directory knows"
                .to_owned(),
        ),
        "`duban incidents` names those that can be tried again, and what to mend before.",
    );
    desk.push(Draft::new(record.tenant.clone(), body));
}
