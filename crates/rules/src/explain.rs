//! What a reader of the log needs to say why: what a record is about, and what comes next.

use chrono::NaiveDate;
use duban_calendar::{Basis, CountError, Derivation};
use duban_model::{Body, Timestamp};

use crate::case::Case;
use crate::clock::clock_of;
use crate::ladder::{Step, ladder_steps, unsigned_steps};
use crate::obligation::Obligation;
use crate::state::RulesState;

/// The obligation that a record is about, if it is about one. An obligation's timer bears its id.
pub fn obligation_of(body: &Body) -> Option<&str> {
    body.obligation().or_else(|| {
        Some(match body {
            Body::TimerArmed(r) => &r.timer,
            Body::TimerDisarmed(r) => &r.timer,
            Body::TimerNoted(r) => &r.timer,
            Body::TimerDropped(r) => &r.timer,
            Body::TimerFired(r) => &r.timer,
            Body::TimerMissed(r) => &r.timer,
            _ => return None,
        })
    })
}

/// How the date of a duty follows from its term or its clock, day by day; nothing for a duty whose
/// date was only ever the one its definition names.
///
/// # Errors
/// [`CountError`] when the calendar in force does not cover a day that must be known.
pub fn derivation(
    state: &RulesState,
    obligation: &Obligation,
) -> Option<Result<Derivation, CountError>> {
    if let Some(own) = &obligation.clock {
        let ledger = state.ledger(&obligation.ledger)?;
        let calendar = state.calendar(&ledger.definition)?;
        return Some(own.clock.derive(calendar));
    }
    let case = Case::of(state, "", obligation.clone())?;
    let clock = clock_of(&case).filter(|clock| !matches!(clock.basis(), Basis::Date(_)))?;
    Some(clock.derive(case.calendar))
}

/// What an obligation waits for next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextStep {
    /// When the armed timer is due.
    pub at: Option<Timestamp>,
    /// What for.
    pub step: Option<String>,
    /// The remaining steps of its ladder for its present date, in order.
    pub remaining: Vec<Step>,
    /// The date in force.
    pub due: Option<NaiveDate>,
}

/// The next step and the remaining ladder of an obligation.
pub fn next_step(state: &RulesState, obligation: &Obligation) -> NextStep {
    let mut remaining = Vec::new();
    if let (Some(due), Some(ledger)) = (obligation.deadline(), state.ledger(&obligation.ledger))
        && let Some(task) = state.task(ledger, &obligation.task)
        && let Some(owner) = obligation.owner_of(task)
        && let Some(ladder) = ledger.definition.ladders.get(&owner.ladder)
        && let Some(calendar) = state.calendar(&ledger.definition)
        && let Some(armed) = &obligation.armed
        && obligation.climbs()
    {
        let definition = &ledger.definition;
        let (mut steps, _) =
            ladder_steps(definition, ladder, task.strength, due, calendar, armed.at);
        unsigned_steps(definition, ladder, obligation, calendar, &mut steps);
        obligation.leave_out_done(&mut steps);
        remaining = steps.into_iter().filter(|s| s.at >= armed.at).collect();
    }
    NextStep {
        at: obligation.armed.as_ref().map(|a| a.at),
        step: obligation.armed.as_ref().map(|a| a.step.to_string()),
        remaining,
        due: obligation.due,
    }
}

/// Every notice of an obligation's ladder for its present date, told already or still ahead; of the
/// repetitions those up to the first after `now`. None once it is final, before its
/// trigger, or while its clock stands still.
pub fn notices_of(state: &RulesState, obligation: &Obligation, now: Timestamp) -> Vec<Step> {
    let ladder = || {
        let asleep = obligation.state.is_final() || obligation.is_stopped();
        let due = obligation.deadline().filter(|_| !asleep)?;
        let ledger = state.ledger(&obligation.ledger)?;
        let definition = &ledger.definition;
        let task = state.task(ledger, &obligation.task)?;
        let ladder = definition.ladders.get(&obligation.owner_of(task)?.ladder)?;
        let calendar = state.calendar(definition)?;
        let (mut steps, _) = ladder_steps(definition, ladder, task.strength, due, calendar, now);
        unsigned_steps(definition, ladder, obligation, calendar, &mut steps);
        steps.retain(Step::notifies);
        obligation.leave_out_done(&mut steps);
        Some(steps)
    };
    ladder().unwrap_or_default()
}
