//! Windows: notices to one person over one channel are gathered for a while and leave as one message,
//! at an hour at which that person may be disturbed.
//!
//! A window opens with the first notice and ends so long after; its end is a timer on the log. What
//! comes meanwhile joins it. So nobody gets more than one message per channel and window, whatever
//! falls due at once, and after an outage all of it arrives as one.

use duban_model::decision::{NoticeQueued, TimerArmed, TimerFired, When};
use duban_model::directory::Channel;
use duban_model::gathered::{self, MAX_COVERED, NoticeDropped, NoticeHeld, NoticeReleased};
use duban_model::notice::NoticeKind;
use duban_model::{Body, Draft, RecordId, Service, Timestamp};

use crate::desk::{Desk, like};
use crate::state::{NotifierState, Pending, window_of};
use crate::{digest, silence};

/// Timers of windows are named by office, person and channel.
pub(crate) const WINDOW_TIMER: &str = "window/";
/// Robots and gateways are busiest on the full hour: what goes to them leaves up to so much later, in
/// milliseconds, each window by its own share.
pub const ROBOT_SPREAD_MILLIS: i64 = 90 * 1000;
/// Held notices dropped on one input.
const DROPPED_PER_INPUT: usize = 200;

/// Until when a notice waits, and what for if not only for others.
type Wait = (Timestamp, Option<&'static str>);

/// True of what is told at once, at any hour: a term counted in hours, or a row that says so.
fn is_urgent(state: &NotifierState, ledger: Option<&str>, queued: &NoticeQueued) -> bool {
    let request = &queued.request;
    let noted = ledger.and_then(|ledger| state.ledgers.get(ledger));
    request.due_at.is_some() || noted.is_some_and(|noted| noted.urgent.contains(&request.task))
}

/// Until when nothing may leave for a receiver, if not now.
pub(crate) fn closed(
    state: &NotifierState,
    (tenant, ledger): (&str, Option<&str>),
    queued: &NoticeQueued,
    now: Timestamp,
) -> Option<Wait> {
    if let Some(end) = silence::maintenance(state, tenant, now) {
        return Some((end, Some("maintenance")));
    }
    if is_urgent(state, ledger, queued) {
        return None;
    }
    let unit = queued.contact.split('/').next().unwrap_or_default();
    let hours = state.hours(tenant, unit)?;
    let (zone, calendar) = state.place_of(tenant, ledger);
    let open = hours.open_from(now, zone, calendar);
    (open > now).then_some((open, Some("quiet-hours")))
}

/// Until when a notice queued now waits, if it does.
fn wait(
    state: &NotifierState,
    (tenant, ledger): (&str, Option<&str>),
    queued: &NoticeQueued,
    now: Timestamp,
) -> Option<Wait> {
    let directory = state.directories.get(tenant);
    let minutes = directory.map_or(0, |directory| directory.delivery.window_minutes);
    let minutes = if is_urgent(state, ledger, queued) {
        0
    } else {
        minutes
    };
    let gathered = now.plus_millis(i64::from(minutes) * 60_000);
    let wait = closed(state, (tenant, ledger), queued, gathered);
    let wait = wait.or_else(|| (gathered > now).then_some((gathered, None)));
    wait.map(|(until, because)| (until.plus_millis(spread(tenant, queued)), because))
}

/// The share of a window in what keeps robots off the full hour, in milliseconds.
fn spread(tenant: &str, queued: &NoticeQueued) -> i64 {
    if matches!(
        queued.channel,
        Channel::Mail | Channel::Webhook | Channel::Inbox
    ) {
        return 0;
    }
    let id = RecordId::derive(&[window_of(tenant, queued).as_bytes(), b"spread"]);
    i64::from(u16::from_be_bytes([id.0[0], id.0[1]])) * ROBOT_SPREAD_MILLIS / i64::from(u16::MAX)
}

/// Queues a notice, and sends it or has it wait. `like` gives a body what its records bear.
pub(crate) fn admit(
    desk: &mut Desk<'_, '_>,
    (tenant, ledger): (&str, Option<&str>),
    mut queued: NoticeQueued,
    like: impl Fn(Body) -> Draft,
    now: Timestamp,
) {
    let notice = queued.notice.clone();
    let channel = queued.channel;
    let window = window_of(tenant, &queued);
    let wait = wait(desk.state, (tenant, ledger), &queued, now);
    let Some((until, because)) = wait else {
        desk.push(like(Body::NoticeQueued(queued)));
        if desk.has_room(channel) {
            let first = desk.first(channel, notice);
            desk.push(like(first));
        }
        return;
    };
    let open = desk.opened.get(&window).copied();
    let open = open.or_else(|| desk.state.windows.get(&window).map(|window| window.until));
    queued.held = Some(gathered::Wait {
        until: open.unwrap_or(until),
        because: because.map(ToOwned::to_owned),
    });
    desk.push(like(Body::NoticeQueued(queued)));
    if open.is_none() {
        timer(desk, tenant, &window, until);
        desk.opened.insert(window, until);
    }
}

/// Has a notice that is there already wait until an instant, and with it its window.
pub(crate) fn arm(
    desk: &mut Desk<'_, '_>,
    id: &str,
    pending: &Pending,
    until: Timestamp,
    because: Option<&str>,
) {
    let held = Body::NoticeHeld(NoticeHeld {
        notice: id.to_owned(),
        until,
        because: because.map(ToOwned::to_owned),
    });
    desk.push(like(pending, held));
    timer(desk, &pending.tenant, &pending.window(), until);
}

fn timer(desk: &mut Desk<'_, '_>, tenant: &str, window: &str, until: Timestamp) {
    desk.push(Draft::new(
        tenant,
        Body::TimerArmed(TimerArmed {
            timer: format!("{WINDOW_TIMER}{window}"),
            owner: Service::Notifier,
            when: When::At(until),
            step: "window".to_owned(),
        }),
    ));
}

/// A window ends: what was gathered leaves, if it may.
pub(crate) fn ended(desk: &mut Desk<'_, '_>, window: &str, fired: &TimerFired, now: Timestamp) {
    let state = desk.state;
    // It was opened again since, or moved.
    if state
        .windows
        .get(window)
        .is_none_or(|open| open.until > fired.due)
    {
        return;
    }
    let mut fresh: Vec<(&str, &Pending)> = Vec::new();
    for (looked, (id, pending)) in state.held(window).enumerate() {
        let ledger = pending.ledger.as_deref();
        if looked == MAX_COVERED {
            let minutes = state
                .directories
                .get(&pending.tenant)
                .map_or(0, |directory| directory.delivery.window_minutes);
            let next = now.plus_millis(i64::from(minutes.max(1)) * 60_000);
            arm(desk, id, pending, next, None);
            break;
        }
        let place = (pending.tenant.as_str(), ledger);
        if let Some((until, because)) = closed(state, place, &pending.queued, now) {
            // The first one moves the window for all of them.
            arm(desk, id, pending, until, because);
            break;
        }
        let request = &pending.queued.request;
        if pending.attempt > 0 {
            // It may be there already: it goes on by itself, under its own key.
            desk.announce(pending, pending.possible_duplicate);
        } else if let Some(noted) = silence::over(state, &pending.tenant, ledger, request, now) {
            let reason = silence::reason(state, ledger, noted);
            dropped(desk, id, pending, "silenced", reason);
        } else {
            fresh.push((id, pending));
        }
    }
    let Some((_, first)) = fresh.first() else {
        return;
    };
    let channel = first.queued.channel;
    let room = desk.has_room(channel);
    if let [(id, alone)] = fresh[..] {
        if room {
            desk.announce(alone, false);
        } else {
            let notice = id.to_owned();
            let bundle = None;
            let released = NoticeReleased { notice, bundle };
            desk.push(like(alone, Body::NoticeReleased(released)));
        }
        return;
    }
    let (message, ledger) = digest::bundle(state, &fresh);
    let like_message = |body| {
        let mut draft = Draft::new(first.tenant.clone(), body);
        draft.ledger = ledger.map(ToOwned::to_owned);
        draft
    };
    let notice = message.notice.clone();
    desk.push(like_message(Body::NoticeBundled(message)));
    if room {
        let first = desk.first(channel, notice);
        desk.push(like_message(first));
    }
}

fn dropped(desk: &mut Desk<'_, '_>, id: &str, pending: &Pending, code: &str, reason: String) {
    desk.push(like(
        pending,
        Body::NoticeDropped(NoticeDropped {
            notice: id.to_owned(),
            code: code.to_owned(),
            reason,
        }),
    ));
}

/// A duty was settled or has another date: what is held about it and no longer true is not sent.
pub(crate) fn overtaken(desk: &mut Desk<'_, '_>, body: &Body) {
    let (code, reason) = match body {
        Body::ObligationFulfilled(_) => ("settled", "发出前已销号"),
        Body::ObligationWaived(_) => ("settled", "发出前已免办"),
        Body::ObligationWithdrawn(_) => ("settled", "发出前已撤销"),
        Body::ObligationExtended(_) | Body::ObligationRedated(_) => {
            ("redated", "发出前完成时限已变更")
        }
        _ => return,
    };
    let Some(obligation) = body.obligation() else {
        return;
    };
    let state = desk.state;
    for (id, pending) in state.held_about(obligation).take(DROPPED_PER_INPUT) {
        let untrue = match pending.queued.request.kind {
            NoticeKind::Reminder | NoticeKind::Escalation | NoticeKind::Catchup => true,
            NoticeKind::Verification | NoticeKind::StillStopped => code == "settled",
            _ => false,
        };
        if untrue && pending.attempt == 0 {
            dropped(desk, id, pending, code, reason.to_owned());
        }
    }
}
