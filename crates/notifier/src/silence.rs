//! Silences and maintenance: what is in force, and what follows when one begins or ends.

use duban_model::decision::{Continuation, NoticeRequested, TimerArmed, TimerDisarmed, When};
use duban_model::silence::{SilenceEnded, SilenceLifted, SilenceNoted, SilenceSet};
use duban_model::{Body, Draft, Record, Service, Timestamp};

use crate::desk::{Desk, rejection};
use crate::state::NotifierState;
use crate::window;

/// Timers of silences are named by office and silence.
pub(crate) const SILENCE_TIMER: &str = "silence/";
/// Silences in force at once, of all offices: each notice is held against all of them.
pub const MAX_SILENCES: usize = 500;
/// Windows let go on one input after maintenance.
const RELEASED_PER_INPUT: usize = 150;

/// Where a silence stands.
pub(crate) fn key(tenant: &str, silence: &str) -> String {
    format!("{tenant}/{silence}")
}

/// The silence that keeps a notice back, if one does. The supervising office is always told.
pub(crate) fn over<'a>(
    state: &'a NotifierState,
    tenant: &'a str,
    ledger: Option<&str>,
    request: &NoticeRequested,
    now: Timestamp,
) -> Option<&'a SilenceNoted> {
    let office = ledger.and_then(|ledger| state.ledgers.get(ledger));
    if office.is_some_and(|noted| noted.office == request.to) {
        return None;
    }
    in_force(state, tenant, now).find(|noted| {
        let set = &noted.set;
        !set.maintenance
            && set.ledger.as_deref().is_none_or(|of| Some(of) == ledger)
            && set.task.as_ref().is_none_or(|task| *task == request.task)
            && set.unit.as_ref().is_none_or(|unit| *unit == request.unit)
    })
}

/// When maintenance ends, if there is any.
pub(crate) fn maintenance(
    state: &NotifierState,
    tenant: &str,
    now: Timestamp,
) -> Option<Timestamp> {
    in_force(state, tenant, now)
        .filter(|noted| noted.set.maintenance)
        .map(|noted| noted.set.until)
        .max()
}

fn in_force<'a>(
    state: &'a NotifierState,
    tenant: &'a str,
    now: Timestamp,
) -> impl Iterator<Item = &'a SilenceNoted> {
    let of_tenant = move |key: &str| key.split_once('/').is_some_and(|(of, _)| of == tenant);
    state
        .silences
        .iter()
        .filter(move |(key, _)| of_tenant(key))
        .map(|(_, noted)| noted)
        .filter(move |noted| now < noted.set.until)
}

/// In a sentence: who keeps it back, why, until when.
pub(crate) fn reason(state: &NotifierState, ledger: Option<&str>, noted: &SilenceNoted) -> String {
    let (zone, _) = state.place_of("", ledger);
    format!(
        "{}设置静默至{}:{}",
        noted.set.by,
        noted.set.until.shown_in(zone),
        noted.set.reason
    )
}

pub(crate) fn set(desk: &mut Desk<'_, '_>, record: &Record, set: &SilenceSet) {
    let own = key(&record.tenant, &set.silence);
    if desk.state.silences.len() >= MAX_SILENCES && !desk.state.silences.has(&own) {
        let found = format!("{MAX_SILENCES} silences in force");
        let expected = format!("fewer than {MAX_SILENCES}");
        let remedy = "Lift those that are no longer needed, or set one with a wider scope.";
        return reject(desk, record, "too-many-silences", (found, expected), remedy);
    }
    let body = Body::SilenceNoted(SilenceNoted {
        set: set.clone(),
        since: record.loggedat,
    });
    desk.push(Draft::new(record.tenant.clone(), body));
    desk.push(Draft::new(
        record.tenant.clone(),
        Body::TimerArmed(TimerArmed {
            timer: format!("{SILENCE_TIMER}{}", key(&record.tenant, &set.silence)),
            owner: Service::Notifier,
            when: When::At(set.until),
            step: "silence".to_owned(),
        }),
    ));
}

pub(crate) fn lifted(desk: &mut Desk<'_, '_>, record: &Record, lifted: &SilenceLifted) {
    let key = key(&record.tenant, &lifted.silence);
    let Some(noted) = desk.state.silences.get(&key) else {
        let there: Vec<&str> = in_force(desk.state, &record.tenant, record.loggedat)
            .map(|noted| noted.set.silence.as_str())
            .collect();
        let found = format!("silence `{}`", lifted.silence);
        let expected = if there.is_empty() {
            "a silence in force; there is none".to_owned()
        } else {
            format!("a silence in force: {}", there.join(", "))
        };
        let remedy = "Correct the id, or do nothing: it has ended.";
        return reject(desk, record, "no-silence", (found, expected), remedy);
    };
    let body = Body::SilenceEnded(SilenceEnded {
        silence: lifted.silence.clone(),
        by: Some(lifted.by.clone()),
        reason: lifted.reason.clone(),
    });
    desk.push(Draft::new(record.tenant.clone(), body));
    desk.push(Draft::new(
        record.tenant.clone(),
        Body::TimerDisarmed(TimerDisarmed {
            timer: format!("{SILENCE_TIMER}{key}"),
            owner: Service::Notifier,
        }),
    ));
    if noted.set.maintenance {
        release(desk, &record.tenant, "", record.loggedat);
    }
}

fn reject(
    desk: &mut Desk<'_, '_>,
    record: &Record,
    code: &str,
    said: (String, String),
    remedy: &str,
) {
    let body = rejection(record, code, said, remedy);
    desk.push(Draft::new(record.tenant.clone(), body));
}

/// The time of a silence is over.
pub(crate) fn expired(desk: &mut Desk<'_, '_>, record: &Record, key: &str) {
    let Some(noted) = desk.state.silences.get(key) else {
        return;
    };
    // It was set anew meanwhile, for longer.
    if noted.set.until > record.loggedat {
        return;
    }
    let body = Body::SilenceEnded(SilenceEnded {
        silence: noted.set.silence.clone(),
        by: None,
        reason: None,
    });
    desk.push(Draft::new(record.tenant.clone(), body));
    if noted.set.maintenance {
        release(desk, &record.tenant, "", record.loggedat);
    }
}

/// Lets go of what maintenance held: every window is looked at now, and what waits for room goes.
pub(crate) fn release(desk: &mut Desk<'_, '_>, tenant: &str, after: &str, now: Timestamp) {
    let prefix = key(tenant, "");
    let from = if after.is_empty() { &prefix } else { after };
    let state = desk.state;
    let windows: Vec<&String> = state
        .windows
        .after(from)
        .map(|(window, _)| window)
        .take_while(|window| window.starts_with(&prefix))
        .take(RELEASED_PER_INPUT + 1)
        .collect();
    for window in windows.iter().take(RELEASED_PER_INPUT) {
        if let Some((id, first)) = state.held(window).next() {
            window::arm(desk, id, first, now, None);
        }
    }
    if windows.len() > RELEASED_PER_INPUT {
        let body = Body::NotifierContinue(Continuation::Release {
            tenant: tenant.to_owned(),
            after: windows[RELEASED_PER_INPUT - 1].clone(),
        });
        return desk.push(Draft::new(tenant, body));
    }
    desk.fill_all(now);
}
