//! From a request to a queued notice, and from the answers of the world to what comes next: another
//! attempt, another receiver, or the end.

use duban_model::decision::{
    NoticeAbandoned, NoticeDelivered, NoticeFailed, NoticeQueued, NoticeRequested,
    NoticeSuppressed, TimerArmed, When,
};
use duban_model::definition::Language;
use duban_model::fact::{DeliveryReported, Outcome};
use duban_model::{Announced, Body, Cause, Directory, Draft, Record, RecordId, Service, Timestamp};

use duban_wording::nobody;

use crate::desk::{Desk, announcement, like};
use crate::receiver::{self, Receiver};
use crate::state::{NotifierState, Pending, window_of};
use crate::{compose, silence, window};

/// Sends of one notice that fail for now are tried again as long as the waits between them add up to
/// no more than this: 24 hours in milliseconds. Quiet hours and maintenance do not count.
pub const RETRY_HORIZON_MILLIS: i64 = 24 * 3600 * 1000;
/// The first wait before trying again: one minute in milliseconds. It doubles each time.
pub const FIRST_RETRY_MILLIS: i64 = 60 * 1000;
/// The longest wait before trying again: one hour in milliseconds.
pub const LONGEST_RETRY_MILLIS: i64 = 3600 * 1000;
/// The most attempts at one notice.
pub const MAX_ATTEMPTS: u32 = 40;
/// So many parts of a hundred a wait is longer at most, so that what failed together does not come back
/// together.
const JITTER_PERCENT: i64 = 20;
/// Timers of retries are named by their notice.
pub(crate) const RETRY_TIMER: &str = "retry/";

/// What is added to a wait, in milliseconds: it follows from the notice and the attempt.
fn jitter(notice: &str, attempt: u32, wait: i64) -> i64 {
    let id = RecordId::derive(&[notice.as_bytes(), &attempt.to_be_bytes()]);
    let part = i64::from(u16::from_be_bytes([id.0[0], id.0[1]]));
    wait * JITTER_PERCENT / 100 * part / i64::from(u16::MAX)
}

/// How long to wait after an attempt, in milliseconds.
pub(crate) fn wait_after(notice: &str, attempt: u32, asked_seconds: Option<u32>) -> i64 {
    let doublings = attempt.saturating_sub(1).min(16);
    let wait = (FIRST_RETRY_MILLIS << doublings).min(LONGEST_RETRY_MILLIS);
    // Whoever asks to be left alone for longer is; nobody is tried sooner for having asked.
    let asked = asked_seconds.map_or(0, i64::from) * 1000;
    let wait = wait.max(asked);
    wait + jitter(notice, attempt, wait)
}

pub(crate) fn requested(desk: &mut Desk<'_, '_>, record: &Record, request: &NoticeRequested) {
    let state = desk.state;
    let notice = record.id.to_string();
    let draft = |body| {
        let mut draft = Draft::new(record.tenant.clone(), body).about(request.obligation.clone());
        draft.ledger.clone_from(&record.ledger);
        draft.definition.clone_from(&record.definition);
        draft
    };
    let suppressed = |code: &str, reason: String| {
        draft(Body::NoticeSuppressed(NoticeSuppressed {
            notice: notice.clone(),
            request: request.clone(),
            code: code.to_owned(),
            reason,
        }))
    };
    let ledger = record.ledger.as_deref();
    if let Some(noted) = silence::over(state, &record.tenant, ledger, request, record.loggedat) {
        let reason = silence::reason(state, ledger, noted);
        return desk.push(suppressed("silenced", reason));
    }
    let noted = ledger.and_then(|ledger| state.ledgers.get(ledger));
    let directory = state.directories.get(&record.tenant);
    let receiver = receiver::in_setting(state, &record.tenant, noted, record.loggedat, |setting| {
        receiver::resolve(setting, request)
    });
    let Some((directory, receiver)) = directory.zip(receiver) else {
        let unit = directory.map_or_else(|| request.to.clone(), |d| d.shown(&request.to));
        let reason = nobody(&unit, noted.map_or_else(Language::default, |l| l.language));
        return desk.push(suppressed("no-contact", reason));
    };
    let queued = worded(
        state,
        (directory, ledger),
        request,
        (notice.clone(), receiver),
    );
    let place = (record.tenant.as_str(), ledger);
    window::admit(desk, place, queued, draft, record.loggedat);
}

/// A notice in the words of its ledger.
pub(crate) fn worded(
    state: &NotifierState,
    (directory, ledger): (&Directory, Option<&str>),
    request: &NoticeRequested,
    (notice, receiver): (String, Receiver),
) -> NoticeQueued {
    let wording = ledger.and_then(|l| state.wordings.get(l));
    let ledger = ledger.and_then(|l| state.ledgers.get(l));
    let wording = wording.unwrap_or(&state.plain);
    let words = compose::compose(request, ledger, wording, directory, &receiver);
    NoticeQueued {
        notice,
        request: request.clone(),
        contact: receiver.contact,
        contact_title: receiver.title,
        channel: receiver.channel,
        address: receiver.address,
        subject: words.subject,
        text: words.text,
        instead_of: None,
        tried: Vec::new(),
        held: None,
    }
}

/// The same notice for whoever comes next, since its receiver cannot be reached: the unit's next
/// person, then the next channel, then the office. Nobody is left: nothing, and the abandoned notice
/// stays as an incident.
fn pass_on(state: &NotifierState, pending: &Pending, now: Timestamp) -> Option<NoticeQueued> {
    let failed = &pending.queued;
    let directory = state.directories.get(&pending.tenant)?;
    let ledger = pending.ledger.as_deref();
    let noted = ledger.and_then(|l| state.ledgers.get(l));
    let receiver = receiver::in_setting(state, &pending.tenant, noted, now, |setting| {
        receiver::next(setting, failed)
    })?;
    let notice = RecordId::derive(&[failed.notice.as_bytes(), b"passed on"]).to_string();
    let tried = receiver::tried_as(&failed.contact, failed.channel);
    let mut next = worded(
        state,
        (directory, ledger),
        &failed.request,
        (notice, receiver),
    );
    next.instead_of = Some(failed.notice.clone());
    next.tried = failed.tried.iter().cloned().chain([tried]).collect();
    Some(next)
}

/// What cannot reach its receiver goes to the next one: the notice itself, or each of those that the
/// message stood for.
fn passed_on(desk: &mut Desk<'_, '_>, pending: &Pending, now: Timestamp) {
    let state = desk.state;
    let covered: Vec<&Pending> = pending
        .covers
        .iter()
        .filter_map(|id| state.pending.get(id))
        .collect();
    let failed = if covered.is_empty() {
        vec![pending]
    } else {
        covered
    };
    for failed in failed {
        if let Some(next) = pass_on(state, failed, now) {
            let place = (failed.tenant.as_str(), failed.ledger.as_deref());
            window::admit(desk, place, next, |body| like(failed, body), now);
        }
    }
}

pub(crate) fn reported(desk: &mut Desk<'_, '_>, record: &Record, report: &DeliveryReported) {
    // A report about a notice that has ended, or about an attempt that is not the last one and
    // did not succeed, changes nothing.
    let Some(pending) = desk.state.pending.get(&report.notice) else {
        return;
    };
    if report.attempt != pending.attempt && report.outcome != Outcome::Delivered {
        return;
    }
    let notice = report.notice.clone();
    if pending.announced {
        desk.landed(pending.queued.channel);
    }
    match report.outcome {
        Outcome::Delivered => desk.push(like(
            pending,
            Body::NoticeDelivered(NoticeDelivered {
                notice,
                attempt: report.attempt,
                detail: report.detail.clone(),
            }),
        )),
        Outcome::Refused => {
            let reason = format!("对方拒收:{}", report.detail);
            abandon(desk, pending, reason, record.loggedat);
        }
        Outcome::Failed | Outcome::Unknown => {
            let wait = wait_after(&notice, pending.attempt, report.retry_after_seconds);
            if pending.attempt >= MAX_ATTEMPTS
                || pending.waited_millis + wait > RETRY_HORIZON_MILLIS
            {
                let reason = format!("在期限内未能送达,最后一次:{}", report.detail);
                abandon(desk, pending, reason, record.loggedat);
            } else {
                again(desk, pending, report, record.loggedat.plus_millis(wait));
            }
        }
    }
    desk.fill(pending.queued.channel, record.loggedat);
}

fn abandon(desk: &mut Desk<'_, '_>, pending: &Pending, reason: String, now: Timestamp) {
    desk.push(like(
        pending,
        Body::NoticeAbandoned(NoticeAbandoned {
            notice: pending.queued.notice.clone(),
            attempts: pending.attempt,
            reason,
        }),
    ));
    passed_on(desk, pending, now);
}

fn again(
    desk: &mut Desk<'_, '_>,
    pending: &Pending,
    report: &DeliveryReported,
    retry_at: Timestamp,
) {
    let notice = &report.notice;
    desk.push(like(
        pending,
        Body::NoticeFailed(NoticeFailed {
            notice: notice.clone(),
            attempt: report.attempt,
            outcome: report.outcome,
            detail: report.detail.clone(),
            retry_at,
        }),
    ));
    desk.push(like(
        pending,
        Body::TimerArmed(TimerArmed {
            timer: format!("{RETRY_TIMER}{notice}"),
            owner: Service::Notifier,
            when: When::At(retry_at),
            step: "retry".to_owned(),
        }),
    ));
}

/// The wait after a failed attempt is over.
pub(crate) fn retry(desk: &mut Desk<'_, '_>, id: &str, now: Timestamp) {
    let state = desk.state;
    let Some(pending) = state.pending.get(id) else {
        return;
    };
    if pending.announced || pending.held {
        return;
    }
    let place = (pending.tenant.as_str(), pending.ledger.as_deref());
    let Some((until, because)) = window::closed(state, place, &pending.queued, now) else {
        return desk.announce(pending, pending.possible_duplicate);
    };
    // A window that is open already ends no later than it may.
    let open = state
        .windows
        .get(&window_of(&pending.tenant, &pending.queued));
    let until = open.map_or(until, |open| open.until.max(until));
    window::arm(desk, id, pending, until, because);
}

/// Announces again what a predecessor had announced and nobody reported. Whether the receiver saw
/// it is unknown, so every such send is labelled. What was reported meanwhile, or announced anew, is
/// in no doubt.
pub(crate) fn resend(desk: &mut Desk<'_, '_>, in_doubt: &[Announced], now: Timestamp) {
    let state = desk.state;
    for announced in in_doubt {
        let pending = state.pending.get(&announced.notice);
        if let Some(pending) = pending.filter(|p| p.announced && p.attempt == announced.attempt) {
            announce_again(desk, pending, now);
        }
    }
}

fn announce_again(desk: &mut Desk<'_, '_>, pending: &Pending, now: Timestamp) {
    let cause = Cause {
        id: pending.last,
        correlation: Some(pending.correlation),
        at: now,
    };
    desk.push(announcement(pending, true).because(cause, 0));
}
