//! Extensions: asked for, approved within what the definition allows, refused; the unit hears of
//! the answer at once.

use chrono::NaiveDate;
use duban_calendar::{Clock, What};
use duban_model::Body;
use duban_model::decision::{NoticeKind, ObligationDated};
use duban_model::fact::TaskAct;

use crate::case::Case;
use crate::clock::{by_and_why, clock_of, end_of, tell, turned};
use crate::decide::Desk;
use crate::judge::judge;

/// 申请延期
pub(crate) fn requested(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let Some((to, _)) = extended(desk, case, act) else {
        return;
    };
    let definition = &case.ledger.definition;
    let asked = judge(desk.record, definition, case.calendar).at;
    if case.obligation.is_late(asked, definition.zone) {
        return desk.reject(
            "extension-late",
            format!("a request after the date of {}", case.id),
            "a request before the date it would move",
            "the office may still approve one of its own accord",
        );
    }
    let body = dated(case, act, to, None);
    case.emit(desk, Body::ObligationExtensionRequested(body));
}

/// 批准延期
pub(crate) fn approved(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let Some((to, clock)) = extended(desk, case, act) else {
        return;
    };
    if case.task.extension.is_some() && act.by.as_ref().is_none_or(|by| by.trim().is_empty()) {
        return desk.reject(
            "no-approver",
            format!("an approval for {} that says by nobody", case.id),
            "`by`: who approved, where the definition limits extensions",
            "add `by` and send it again under a new id",
        );
    }
    let from = case.due_shown();
    let body = dated(case, act, to, Some(clock));
    case.emit(desk, Body::ObligationExtended(body));
    let reason = format!("批准延期{}:完成时限由{from}延至{to}", by_and_why(act));
    tell(desk, case, NoticeKind::Extended, reason);
    let now = desk.now();
    case.resume(desk, now);
}

/// 不批准延期
pub(crate) fn tell_refusal(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let due = case.due_shown();
    let reason = format!("延期申请未获批准{},完成时限仍为{due}", by_and_why(act));
    tell(desk, case, NoticeKind::ExtensionRefused, reason);
}

fn dated(case: &Case<'_>, act: &TaskAct, to: NaiveDate, clock: Option<Clock>) -> ObligationDated {
    ObligationDated {
        obligation: case.id.clone(),
        from: case.obligation.due,
        to,
        by: act.by.clone(),
        reason: act.reason.clone(),
        clock,
    }
}

/// The date and clock that an extension would give, held to what the definition allows; otherwise
/// a rejection that says why not.
fn extended(desk: &mut Desk<'_, '_>, case: &Case<'_>, act: &TaskAct) -> Option<(NaiveDate, Clock)> {
    let due = case.obligation.due?;
    let zone = case.ledger.definition.zone;
    let clock = clock_of(case)?;
    if let Some(since) = case.obligation.stopped_on(zone) {
        desk.reject(
            "clock-stopped",
            format!(
                "an extension of {}, whose clock stands still since {since}",
                case.id
            ),
            "a clock that runs: what is left of it and the extension follow one another",
            "resume the clock first, or extend it when it runs again",
        );
        return None;
    }
    let what = match (act.extend, act.due) {
        (Some(span), _) => What::Extended(span),
        (None, Some(to)) if to > due => What::ExtendedTo(end_of(&clock, to, zone)),
        (None, to) => {
            let to = to.unwrap_or_default();
            desk.reject(
                "extension-not-later",
                format!("a new date {to} for {}", case.id),
                format!("a date after the one in force, {due}"),
                "name a later date",
            );
            return None;
        }
    };
    if let Some(cap) = case.task.extension {
        let had = clock.extensions();
        if had >= cap.times as usize {
            desk.reject(
                "extension-too-often",
                format!("extension {} of {}", had + 1, case.id),
                format!("at most {} by the definition", cap.times),
                "hold to the date in force; only another definition allows more",
            );
            return None;
        }
    }
    let at = judge(desk.record, &case.ledger.definition, case.calendar);
    let turned = turned(desk, case, at, what, act.reason.as_deref())?;
    let to = turned.deadline(zone)?.date;
    if to <= due {
        desk.reject(
            "extension-not-later",
            format!("an extension of {} to {to}", case.id),
            format!("a date after the one in force, {due}"),
            "add at least one day",
        );
        return None;
    }
    if let Some(cap) = case.task.extension {
        let latest = case.calendar.after(due, cap.at_most).ok();
        if latest.is_none_or(|latest| to > latest) {
            desk.reject(
                "extension-too-long",
                format!("an extension of {} from {due} to {to}", case.id),
                format!(
                    "at most {} after the date in force{}",
                    cap.at_most,
                    latest
                        .map(|day| format!(", so to {day}"))
                        .unwrap_or_default()
                ),
                "name an earlier date",
            );
            return None;
        }
    }
    Some((to, turned.clock))
}
