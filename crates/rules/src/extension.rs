//! Extensions: asked for, approved within what the definition allows, refused; the unit hears of
//! the answer at once.

use chrono::NaiveDate;
use duban_calendar::{Clock, CountError, Span, SpanUnit, What};
use duban_model::Body;
use duban_model::decision::{NoticeKind, ObligationDated};
use duban_model::definition::ExtensionCap;
use duban_model::fact::TaskAct;

use crate::case::Case;
use crate::clock::{by_and_why, clock_of, deadline, end_of, tell, turned};
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
    let left = match case.task.extension {
        None => None,
        // What is over the cap is so whether or not its date could be counted.
        Some(cap) => Some(held_to(desk, case, &clock, cap, what)?),
    };
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
    if let (Some(cap), Some(left)) = (case.task.extension, left) {
        match case.calendar.after(due, left.span) {
            Ok(latest) if to <= latest => {}
            Ok(latest) => {
                left.refuse(desk, case, cap, &format!("to {to}"), Some(latest));
                return None;
            }
            // The last day allowed lies in a year that is not known; a date before that is within.
            Err(_) if case.calendar.working_days_between(due, to).is_ok() => {}
            Err(fault) => {
                uncounted(desk, case, &fault);
                return None;
            }
        }
    }
    Some((to, turned.clock))
}

/// What a cap still leaves.
#[derive(Clone, Copy)]
struct Left {
    /// So much more.
    span: Span,
    /// So much was granted since the clock last began.
    granted: u32,
}

impl Left {
    fn refuse(
        self,
        desk: &mut Desk<'_, '_>,
        case: &Case<'_>,
        cap: ExtensionCap,
        asked: &str,
        latest: Option<NaiveDate>,
    ) {
        let until = latest.map_or_else(String::new, |day| format!(", so to {day}"));
        let expected = if self.granted == 0 {
            format!("at most {} after the date in force{until}", cap.at_most)
        } else {
            format!(
                "at most {} in all since its clock began, {} of which are granted{}",
                cap.at_most,
                self.granted,
                if self.span.n() == 0 {
                    String::new()
                } else {
                    format!(": {} more{until}", self.span)
                }
            )
        };
        desk.reject(
            "extension-too-long",
            format!(
                "an extension of {} from {} {asked}",
                case.id,
                case.obligation.due.unwrap_or_default()
            ),
            expected,
            if self.span.n() == 0 {
                "hold to the date in force; only another definition allows more"
            } else {
                "name an earlier date"
            },
        );
    }
}

/// What a cap leaves for one more extension. Refuses what is over it as it stands, whether or not a
/// calendar covers the date that would follow.
fn held_to(
    desk: &mut Desk<'_, '_>,
    case: &Case<'_>,
    clock: &Clock,
    cap: ExtensionCap,
    what: What,
) -> Option<Left> {
    let due = case.obligation.due?;
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
    let unit = cap.at_most.unit();
    let granted = match granted(case, clock, unit) {
        Ok(granted) => granted,
        Err(fault) => {
            uncounted(desk, case, &fault);
            return None;
        }
    };
    let rest = cap.at_most.n().saturating_sub(granted);
    let left = Left {
        span: Span::new(rest, unit).ok()?,
        granted,
    };
    let (asked, to) = match what {
        What::Extended(span) => (format!("by {span}"), case.calendar.after(due, span).ok()),
        What::ExtendedTo(to) => {
            let to = deadline(to, case.ledger.definition.zone).date;
            (format!("to {to}"), Some(to))
        }
        What::Stopped | What::Resumed | What::Restarted(_) | What::SetTo(_) => return Some(left),
    };
    // So many working days are never fewer calendar days.
    let outright = match what {
        What::Extended(span) => {
            (span.unit() == unit || span.unit() == SpanUnit::WorkingDays) && span.n() > rest
        }
        _ => false,
    };
    let latest = case.calendar.after(due, left.span).ok();
    let beyond = to.zip(latest).is_some_and(|(to, latest)| to > latest);
    if rest == 0 || outright || beyond {
        let asked = to.map_or(asked, |to| format!("to {to}"));
        left.refuse(desk, case, cap, &asked, latest);
        return None;
    }
    Some(left)
}

/// How much was granted since a clock last began to count, in working or calendar days: what was
/// added by name, and where a date was granted, the days from the date before to that one.
///
/// # Errors
/// [`CountError`] when the calendar does not cover a day that must be known.
fn granted(case: &Case<'_>, clock: &Clock, unit: SpanUnit) -> Result<u32, CountError> {
    let zone = case.ledger.definition.zone;
    let date = |clock: &Clock| -> Result<Option<NaiveDate>, CountError> {
        let due = clock.before_stop().derive(case.calendar)?.due;
        Ok(due.map(|due| deadline(due, zone).date))
    };
    let mut so_far = Clock::new(clock.basis());
    let mut sum = 0;
    for turn in clock.turns() {
        let mut then = so_far.clone();
        // Each was taken in this order already.
        if then.take(turn.clone()).is_err() {
            continue;
        }
        let added = match turn.what {
            What::Extended(span) if span.unit() == unit => i64::from(span.n()),
            What::Extended(_) | What::ExtendedTo(_) => match date(&so_far)?.zip(date(&then)?) {
                None => 0,
                Some((from, to)) if unit == SpanUnit::CalendarDays => (to - from).num_days(),
                Some((from, to)) => case.calendar.working_days_between(from, to)?,
            },
            What::Stopped | What::Resumed | What::SetTo(_) => 0,
            What::Restarted(_) => -sum,
        };
        sum += added;
        so_far = then;
    }
    Ok(u32::try_from(sum.max(0)).unwrap_or(u32::MAX))
}

fn uncounted(desk: &mut Desk<'_, '_>, case: &Case<'_>, fault: &CountError) {
    desk.reject(
        "no-calendar-data",
        format!("the extensions of {}: {fault}", case.id),
        "a calendar that covers every day that is counted",
        "deploy a calendar with that year's working days, then send the event again under a new id",
    );
}
