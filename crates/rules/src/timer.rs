//! A timer of the rules fired: look again whether it still matters, then take the step.

use duban_calendar::Span;
use duban_model::Timestamp;
use duban_model::decision::{Consequence, NoticeKind, TimerFired};
use duban_model::definition::Tier;

use crate::case::{CATCHUP, Case, Notice, RELOOK};
use crate::clock::remind_of_standing;
use crate::decide::Desk;
use crate::ladder::span_in_chinese;
use crate::obligation::ObligationState;
use crate::open::catch_up;
use crate::schedule;

/// Milliseconds of a day.
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// The wake-up for an unverified submission starts with this.
const VERIFY: &str = "verify:";

/// A timer fired. Gives what an instant of a schedule opens.
pub(crate) fn fired(desk: &mut Desk<'_, '_>, fired: &TimerFired) -> Vec<Consequence> {
    match schedule::came(desk, &fired.timer, &fired.step, fired.due) {
        Some(opened) => opened,
        None => {
            step_came(desk, fired);
            Vec::new()
        }
    }
}

fn step_came(desk: &mut Desk<'_, '_>, fired: &TimerFired) {
    let Some(obligation) = desk.state.obligations.get(fired.timer.as_str()).cloned() else {
        return;
    };
    // A timer that was moved or disarmed while it fired is stale: its successor is on the log.
    if !obligation
        .armed
        .as_ref()
        .is_some_and(|a| a.at == fired.due && a.step == fired.step)
    {
        return;
    }
    let Some(mut case) = Case::of(desk.state, &fired.timer, obligation) else {
        return;
    };
    if case.obligation.state == ObligationState::Submitted {
        remind_to_verify(desk, &mut case);
        return;
    }
    if !case.obligation.state.is_running() {
        return;
    }
    if case.obligation.is_stopped() {
        return remind_of_standing(desk, &mut case);
    }
    if fired.step == CATCHUP {
        return catch_up(desk, &mut case);
    }
    let now = desk.now();
    let steps = case.steps(now);
    let came: Vec<_> = steps
        .iter()
        .filter(|s| s.at <= now && (s.at >= fired.due || fired.step == RELOOK))
        .filter(|s| fired.step != RELOOK || s.at.plus_millis(DAY_MILLIS) > fired.due)
        .collect();
    case.light(desk, &steps, now);
    if case.obligation.state.is_running() {
        case.notify_steps(desk, &came);
    }
    case.arm_next(desk, &steps, now);
}

/// Arms the wake-up that reminds the office of an unverified submission.
pub(crate) fn arm_verification(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let within = case.ledger.definition.verify_within;
    let at = after_span(desk, case, within);
    case.arm(desk, at, &format!("{VERIFY}{within}"));
}

/// The ledger's time of day, so many days from today.
pub(crate) fn after_span(desk: &Desk<'_, '_>, case: &Case<'_>, span: Span) -> Timestamp {
    let definition = &case.ledger.definition;
    let now = desk.now();
    let at = case
        .calendar
        .after(now.date_in(definition.zone), span)
        .map(|date| definition.zone.instant(date, definition.at));
    // Without calendar data the office is reminded after as many plain days, rather than never.
    let at = at.unwrap_or_else(|_| now.plus_millis(i64::from(span.n()) * DAY_MILLIS));
    // A span of no days is a day, or the wake-up would follow itself at once.
    if at > now {
        at
    } else {
        now.plus_millis(DAY_MILLIS)
    }
}

fn remind_to_verify(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let definition = &case.ledger.definition;
    let since = case
        .obligation
        .submitted
        .map(|(at, _)| at.date_in(definition.zone).to_string())
        .unwrap_or_default();
    let reason = format!(
        "责任单位已于{since}报送,超过{}尚未核实",
        span_in_chinese(definition.verify_within)
    );
    let step = format!("{VERIFY}{}", definition.verify_within);
    case.notify(
        desk,
        Notice {
            kind: NoticeKind::Verification,
            step,
            to: Tier::Office,
            covers: Vec::new(),
            reason,
        },
    );
    arm_verification(desk, case);
}
