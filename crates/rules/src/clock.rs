//! The clock of a duty: it is stopped, goes on, begins anew, is given more time. The date always
//! follows from the clock; while it stands still there is none, and the ladder sleeps.

use chrono::NaiveDate;
use duban_calendar::{Basis, Clock, ClockFault, Derivation, Left, Moment, Turn, What};
use duban_model::decision::{Judged, NoticeKind, ObligationClocked, ObligationRedated};
use duban_model::definition::Tier;
use duban_model::fact::TaskAct;
use duban_model::{Body, Timestamp, Zone};

use crate::case::{CATCHUP, Case, Notice};
use crate::decide::Desk;
use crate::due::{self, Start};
use crate::judge::judge;
use crate::ladder::{Deadline, Step, span_in_chinese};
use crate::open::start;

/// The wake-up for a clock that still stands still starts with this.
pub(crate) const STOPPED: &str = "stopped:";

/// A clock as one more turn leaves it.
pub(crate) struct Turned {
    pub clock: Clock,
    pub derived: Derivation,
}

impl Turned {
    /// The deadline that follows; none while it stands still.
    pub fn deadline(&self, zone: Zone) -> Option<Deadline> {
        self.derived.due.map(|due| deadline(due, zone))
    }
}

/// A moment at which a clock ends, as a deadline.
pub(crate) fn deadline(due: Moment, zone: Zone) -> Deadline {
    match due {
        Moment::Day(date) => Deadline { date, at: None },
        Moment::Instant(at) => {
            let at = Timestamp::from_utc(at);
            let date = at.date_in(zone);
            Deadline { date, at: Some(at) }
        }
    }
}

/// An instant as a clock takes it: itself where hours are counted, else its day.
fn moment(clock: &Clock, at: Timestamp, zone: Zone) -> Moment {
    match clock.basis() {
        Basis::Hours { .. } => Moment::Instant(at.utc()),
        Basis::Date(_) | Basis::Days { .. } => Moment::Day(at.date_in(zone)),
    }
}

/// The end of a day as a clock takes it; where hours are counted, its last second.
pub(crate) fn end_of(clock: &Clock, date: NaiveDate, zone: Zone) -> Moment {
    match clock.basis() {
        Basis::Hours { .. } => {
            let end = Deadline::from(date).end(zone).plus_millis(-1000);
            Moment::Instant(end.utc())
        }
        Basis::Date(_) | Basis::Days { .. } => Moment::Day(date),
    }
}

/// The clock of a duty. One that nothing has happened to yet begins with what the definition gives,
/// if the date in force follows from that, else with that date.
pub(crate) fn clock_of(case: &Case<'_>) -> Option<Clock> {
    let due = case.obligation.deadline()?;
    if let Some(there) = &case.obligation.clock {
        return Some(there.clock.clone());
    }
    let (definition, calendar) = (&case.ledger.definition, case.calendar);
    let zone = definition.zone;
    let begun = Start::of(&case.obligation);
    let basis = due::basis(definition, calendar, case.task, begun)
        .ok()
        .flatten();
    let mut clock = Clock::new(basis.unwrap_or(Basis::Date(due.date)));
    let derived = clock.derive(calendar).ok().and_then(|derived| derived.due);
    if derived.map(|derived| deadline(derived, zone)) == Some(due) {
        return Some(clock);
    }
    if let Basis::Hours { from, .. } = clock.basis() {
        let to = due.at.map_or_else(
            || end_of(&clock, due.date, zone),
            |at| Moment::Instant(at.utc()),
        );
        let granted = Turn {
            at: Moment::Instant(from),
            what: What::SetTo(to),
            why: None,
        };
        clock.take(granted).ok()?;
        return Some(clock);
    }
    Some(Clock::new(Basis::Date(due.date)))
}

/// Takes one turn, or says why it cannot be.
pub(crate) fn turned(
    desk: &mut Desk<'_, '_>,
    case: &Case<'_>,
    at: Judged,
    what: What,
    why: Option<&str>,
) -> Option<Turned> {
    let mut clock = clock_of(case)?;
    let zone = case.ledger.definition.zone;
    let day = moment(&clock, at.at, zone);
    // When an extension was approved moves no day; it only follows what was there.
    let last = clock.turns().last().map(|turn| turn.at);
    let at_least = match what {
        What::Extended(_) | What::ExtendedTo(_) | What::SetTo(_) => last.unwrap_or(day),
        What::Stopped | What::Resumed | What::Restarted(_) => day,
    };
    let turn = Turn {
        at: day.max(at_least),
        what,
        why: why.map(ToOwned::to_owned),
    };
    if let Err(fault) = clock.take(turn) {
        refuse(desk, case, at, fault);
        return None;
    }
    match clock.derive(case.calendar) {
        Ok(derived) => Some(Turned { clock, derived }),
        Err(fault) => {
            desk.reject(
                "no-calendar-data",
                format!("the date of {}: {fault}", case.id),
                "a calendar that covers every day that is counted",
                "deploy a calendar with that year's working days, then send the event again under a new id",
            );
            None
        }
    }
}

fn refuse(desk: &mut Desk<'_, '_>, case: &Case<'_>, at: Judged, fault: ClockFault) {
    let id = &case.id;
    let zone = case.ledger.definition.zone;
    let since = case.obligation.stopped_on(zone).unwrap_or_default();
    match fault {
        ClockFault::Stopped => desk.reject(
            "clock-stopped",
            format!("a stop of {id}, whose clock stands still since {since}"),
            "a clock that runs",
            "nothing needs to be done; resume it when the reason has gone",
        ),
        ClockFault::Running => desk.reject(
            "clock-runs",
            format!("a resumption of {id}, whose clock runs"),
            "a clock that was stopped",
            "look at the obligation's history with `duban explain`",
        ),
        ClockFault::OutOfOrder { .. } => desk.reject(
            "clock-backwards",
            format!("an act of {} on the clock of {id}", at.at.date_in(zone)),
            "a time not before what last happened to that clock, nor before it began",
            "correct the time",
        ),
        ClockFault::RestartDate => desk.reject(
            "restart-date",
            format!("a restart of {id}"),
            "`due` where the duty has a named date, which cannot be counted anew; no `due` where it has a term",
            "add `due`, or leave it out",
        ),
        ClockFault::OtherMeasure | ClockFault::TooMany => desk.reject(
            "clock-refuses",
            format!("an act on the clock of {id}"),
            fault.to_string(),
            "look at the obligation's history with `duban explain`",
        ),
    }
}

fn record(case: &Case<'_>, act: &TaskAct, at: Judged, turned: &Turned) -> ObligationClocked {
    let to = turned.deadline(case.ledger.definition.zone);
    ObligationClocked {
        obligation: case.id.clone(),
        by: act.by.clone(),
        reason: act.reason.clone(),
        at,
        from: case.obligation.due.unwrap_or_default(),
        to: to.map(|to| to.date),
        to_at: to.and_then(|to| to.at),
        left: turned.derived.left.as_ref().map(Left::chinese),
        clock: turned.clock.clone(),
    }
}

/// Who did it and why, for a notice: `(主管部门负责人;征求第三方意见)`.
pub(crate) fn by_and_why(act: &TaskAct) -> String {
    let parts: Vec<_> = [&act.by, &act.reason]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("({})", parts.join(";"))
    }
}

/// Tells the unit at once.
pub(crate) fn tell(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, kind: NoticeKind, reason: String) {
    let notice = Notice {
        kind,
        step: kind.as_str().to_owned(),
        to: Tier::Contact,
        covers: Vec::new(),
        reason,
    };
    case.notify(desk, notice);
}

/// 停止计时: the ladder sleeps until the clock runs again.
pub(crate) fn stop(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let zone = case.ledger.definition.zone;
    let at = judge(desk.record, &case.ledger.definition, case.calendar);
    if case.obligation.is_late(at.at, zone) {
        let due = case.due_shown();
        return desk.reject(
            "stop-late",
            format!("a stop of {} after its date", case.id),
            format!("a stop not after the date it would move, {due}"),
            "that clock has run out; the office may grant an extension",
        );
    }
    let Some(turned) = turned(desk, case, at, What::Stopped, act.reason.as_deref()) else {
        return;
    };
    let body = Body::ObligationStopped(record(case, act, at, &turned));
    case.emit(desk, body);
    let left = turned.derived.left.as_ref().map(Left::chinese);
    let reason = format!(
        "本事项自{}起停止计时{},剩余{};停止期间不催办,恢复后重新确定完成时限",
        case.obligation.stopped_on(zone).unwrap_or_default(),
        by_and_why(act),
        left.unwrap_or_default()
    );
    tell(desk, case, NoticeKind::Stopped, reason);
    arm_standing(desk, case);
}

/// 恢复计时: the date is derived anew, and the unit hears it at once.
pub(crate) fn resume(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let at = judge(desk.record, &case.ledger.definition, case.calendar);
    let Some(turned) = turned(desk, case, at, What::Resumed, act.reason.as_deref()) else {
        return;
    };
    let zone = case.ledger.definition.zone;
    let since = case.obligation.stopped_on(zone).unwrap_or_default();
    let body = record(case, act, at, &turned);
    let slept = steps_slept(desk, case);
    let catches_up = case.obligation.sleeps_on(CATCHUP);
    case.emit(desk, Body::ObligationResumed(body));
    let reason = format!(
        "{since}起停止计时的本事项自{}恢复计时{},完成时限为{}",
        at.at.date_in(zone),
        by_and_why(act),
        case.due_shown(),
    );
    tell(desk, case, NoticeKind::Resumed, reason);
    if !case.obligation.state.is_running() {
        return;
    }
    if catches_up {
        return start(desk, case);
    }
    let now = desk.now();
    let steps = case.steps(now);
    case.light(desk, &steps, now);
    // What would have come after the stop and lies behind now, as on the day of resuming.
    let came: Vec<_> = steps
        .iter()
        .filter(|step| step.at <= now && slept.contains(&step.label))
        .collect();
    case.notify_steps(desk, &came);
    case.arm_next(desk, &steps, now);
}

/// The notices that had not come when the clock was stopped.
fn steps_slept(desk: &Desk<'_, '_>, case: &Case<'_>) -> Vec<String> {
    let Some(from) = case.obligation.asleep().map(|armed| armed.at) else {
        return Vec::new();
    };
    let steps = case.steps(desk.now()).into_iter();
    let slept = steps.filter(|step: &Step| step.notifies() && step.at >= from);
    slept.map(|step| step.label).collect()
}

/// 重新计时: counting begins anew.
pub(crate) fn restart(desk: &mut Desk<'_, '_>, case: &mut Case<'_>, act: &TaskAct) {
    let at = judge(desk.record, &case.ledger.definition, case.calendar);
    let day = at.at.date_in(case.ledger.definition.zone);
    if let Some(due) = act.due.filter(|due| *due < day) {
        return desk.reject(
            "due-in-the-past",
            format!("a date {due} for {}", case.id),
            format!("a date not before the day of the restart, {day}"),
            "name a later date",
        );
    }
    let what = What::Restarted(act.due);
    let Some(turned) = turned(desk, case, at, what, act.reason.as_deref()) else {
        return;
    };
    let body = Body::ObligationRestarted(record(case, act, at, &turned));
    case.emit(desk, body);
    let reason = format!(
        "本事项自{day}起重新计时{},完成时限为{}",
        by_and_why(act),
        case.due_shown()
    );
    tell(desk, case, NoticeKind::Restarted, reason);
    let now = desk.now();
    case.resume(desk, now);
}

/// Arms the wake-up that reminds the office of a clock that stands still.
pub(crate) fn arm_standing(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    if case.obligation.armed_for(STOPPED) {
        return;
    }
    let within = case.ledger.definition.verify_within;
    let at = crate::timer::after_span(desk, case, within);
    case.arm(desk, at, &format!("{STOPPED}{within}"));
}

/// A clock still stands still: the office hears of it again and again.
pub(crate) fn remind_of_standing(desk: &mut Desk<'_, '_>, case: &mut Case<'_>) {
    let within = case.ledger.definition.verify_within;
    let zone = case.ledger.definition.zone;
    let since = case.obligation.stopped_on(zone).unwrap_or_default();
    let why = case
        .obligation
        .stopped_why()
        .map(|why| format!("({why})"))
        .unwrap_or_default();
    let reason = format!(
        "本事项自{since}起停止计时{why},至今未恢复;如停止的原因已经消除,请恢复计时。每{}提示一次",
        span_in_chinese(within)
    );
    case.notify(
        desk,
        Notice {
            kind: NoticeKind::StillStopped,
            step: format!("{STOPPED}{within}"),
            to: Tier::Office,
            covers: Vec::new(),
            reason,
        },
    );
    let at = crate::timer::after_span(desk, case, within);
    case.arm(desk, at, &format!("{STOPPED}{within}"));
}

/// A definition or calendar came into force for a duty that has a clock: the clock is kept, on what
/// the definition now gives, unless the office granted the date. Whether the date moved.
///
/// `was` and `is` are what the definition gave and gives the duty to count towards.
pub(crate) fn revise(
    desk: &mut Desk<'_, '_>,
    case: &mut Case<'_>,
    was: Option<Basis>,
    is: Option<Basis>,
) -> bool {
    let (Some(clock), Some(from)) = (clock_of(case), case.obligation.deadline()) else {
        return false;
    };
    let zone = case.ledger.definition.zone;
    let other = is.filter(|_| was != is);
    // A basis that the definition did not give was granted before the clock began; hours and days
    // do not turn one clock.
    let hours = |basis: Basis| matches!(basis, Basis::Hours { .. });
    let granted = clock.is_granted()
        || was != Some(clock.basis())
        || is.is_some_and(|is| hours(is) != hours(clock.basis()));
    let kept = match other {
        Some(basis) if !granted => clock.rebased(basis),
        _ => clock.clone(),
    };
    // A year that the calendar does not have leaves the date as it is.
    let held = kept.before_stop().derive(case.calendar);
    let to = held.ok().and_then(|derived| derived.due);
    let to = to.map_or(from, |to| deadline(to, zone));
    let keeps = granted && other.is_some();
    if to == from && kept == clock && !keeps {
        return false;
    }
    let (stood, shown) = (from.shown(zone), to.shown(zone));
    let reason = if keeps && to == from {
        format!("台账定义变更;主管部门批准的时限{stood}有效,不变")
    } else if other.is_some() && !granted {
        format!("台账定义变更:完成时限由{stood}改为{shown},停止计时的时间照样扣除")
    } else {
        format!("工作日历变更:完成时限由{stood}改为{shown}")
    };
    let body = Body::ObligationRedated(ObligationRedated {
        obligation: case.id.clone(),
        from: Some(from.date),
        to: to.date,
        to_at: to.at,
        counted_from: None,
        granted: keeps,
        reason,
        clock: Some(kept),
    });
    case.emit(desk, body);
    to != from
}
