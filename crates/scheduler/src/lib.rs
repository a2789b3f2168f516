//! Decides when timers and cron schedules are armed, due, missed, cancelled.
//!
//! The scheduler keeps no clock. It notes what other services arm, and when the runtime proposes
//! that an instant has come ([`Input::Due`], or `clock.advanced` on a virtual clock) it fires what
//! is due by then, in the order (due, id). The owner of a timer looks again whether it matters.

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono_tz::Tz;
use duban_model::decision::{
    Continuation, MissedPolicy, TimerArmed, TimerDropped, TimerFired, TimerMissed, TimerNoted, When,
};
use duban_model::state::AnyTable;
use duban_model::{
    Body, Cause, Decider, Draft, Drafts, Input, Name, Names, Record, RecordId, Service, State,
    Table, Timestamp, Zone,
};
use serde::{Deserialize, Serialize};

/// Timers fired on one input; the rest follow by a continuation.
const FIRED_PER_INPUT: usize = 200;

/// The most passed occurrences of one cron schedule that are looked at one by one: more than a
/// year of hourly ones.
const MAX_PASSED: usize = 10_000;

/// A timer that is armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// For whom.
    pub tenant: Name,
    /// Which ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<Name>,
    /// Its next instant.
    pub due: Timestamp,
    /// How it goes on after that; nothing for a single instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Box<Schedule>>,
    /// What for.
    pub step: Name,
    /// The `timer.armed` record, which is the cause of its firing.
    pub armed: RecordId,
    /// The outermost cause.
    pub correlation: RecordId,
}

/// A cron schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Six fields.
    pub expression: String,
    /// Whose clocks it goes by.
    pub zone: Zone,
    /// What becomes of occurrences that passed unfired.
    pub missed: MissedPolicy,
}

impl Schedule {
    fn of(when: &When) -> Option<Box<Schedule>> {
        match when {
            When::At(_) => None,
            When::Cron {
                expression,
                zone,
                missed,
                ..
            } => Some(Box::new(Schedule {
                expression: expression.clone(),
                zone: *zone,
                missed: *missed,
            })),
        }
    }
}

/// What the scheduler remembers.
#[derive(Debug)]
pub struct SchedulerState {
    /// Timers of the rules, by id.
    timers: Table<Pending, Name>,
    /// Timers of the notifier, by id: retries, which follow the world's answers.
    retries: Table<Pending, Name>,
    /// Derived: (due, owner, id).
    queue: BTreeSet<(Timestamp, Service, Name)>,
    /// Derived: what timers repeat, once.
    names: Names,
}

impl Default for SchedulerState {
    fn default() -> Self {
        Self {
            timers: Table::domain(1),
            retries: Table::passing(2),
            queue: BTreeSet::new(),
            names: Names::default(),
        }
    }
}

impl State for SchedulerState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.timers, &mut self.retries]
    }

    fn tables_ref(&self) -> Vec<&dyn AnyTable> {
        vec![&self.timers, &self.retries]
    }

    fn loaded(&mut self) {
        let names = &mut self.names;
        for table in [&mut self.timers, &mut self.retries] {
            table.arrange(|pending| {
                names.unite(&mut pending.tenant);
                names.unite(&mut pending.step);
                if let Some(ledger) = &mut pending.ledger {
                    names.unite(ledger);
                }
            });
        }
        let of = |owner: Service, table: &Table<Pending, Name>| -> Vec<_> {
            table
                .iter()
                .map(|(id, p)| (p.due, owner, id.clone()))
                .collect()
        };
        self.queue = of(Service::Rules, &self.timers)
            .into_iter()
            .chain(of(Service::Notifier, &self.retries))
            .collect();
    }
}

impl SchedulerState {
    /// A pending timer.
    pub fn pending(&self, owner: Service, id: &str) -> Option<&Pending> {
        self.table(owner).get(id)
    }

    /// How many timers are pending.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// True if none is.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn table(&self, owner: Service) -> &Table<Pending, Name> {
        match owner {
            Service::Notifier => &self.retries,
            _ => &self.timers,
        }
    }

    fn table_mut(&mut self, owner: Service) -> &mut Table<Pending, Name> {
        match owner {
            Service::Notifier => &mut self.retries,
            _ => &mut self.timers,
        }
    }

    fn forget(&mut self, owner: Service, id: &str) {
        let Some(own) = self.table(owner).own_key(id).cloned() else {
            return;
        };
        if let Some(old) = self.table_mut(owner).remove(id) {
            self.queue.remove(&(old.due, owner, own));
        }
    }

    fn keep(&mut self, owner: Service, id: &str, pending: Pending) {
        self.forget(owner, id);
        // Table and queue share the id.
        let own = Name::from(id);
        self.queue.insert((pending.due, owner, own.clone()));
        self.table_mut(owner).put(own, pending);
    }
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler;

impl Decider for Scheduler {
    const SERVICE: Service = Service::Scheduler;
    const SOURCES: &'static [Service] = &[Service::Intake, Service::Rules, Service::Notifier];
    type State = SchedulerState;

    fn consumes(record: &Record) -> bool {
        matches!(
            record.body,
            Body::TimerArmed(_) | Body::TimerDisarmed(_) | Body::ClockAdvanced(_)
        )
    }

    fn decide(state: &SchedulerState, input: &Input<'_>, out: &mut Drafts) {
        match input {
            Input::Due { now } => fire(state, *now, *now, None, out),
            Input::Record(record) => match &record.body {
                Body::TimerArmed(armed) => note(record, armed, out),
                Body::TimerDisarmed(disarmed) => {
                    if state.table(disarmed.owner).has(disarmed.timer.as_str()) {
                        let body = Body::TimerDropped(TimerDropped {
                            timer: disarmed.timer.clone(),
                            owner: disarmed.owner,
                        });
                        out.push(like(record, body));
                    }
                }
                Body::ClockAdvanced(clock) if clock.fire => {
                    fire(state, clock.to, record.loggedat, Some(record), out);
                }
                Body::SchedulerContinue(Continuation::Fire { by }) => {
                    fire(state, *by, record.loggedat, Some(record), out);
                }
                _ => {}
            },
            Input::Event { .. } | Input::TookOver { .. } => {}
        }
    }

    fn apply(state: &mut SchedulerState, record: &Record) {
        match &record.body {
            Body::TimerNoted(r) => {
                let names = &mut state.names;
                let pending = Pending {
                    tenant: names.share(&record.tenant),
                    ledger: record.ledger.as_ref().map(|ledger| names.share(ledger)),
                    due: r.due,
                    schedule: Schedule::of(&r.when),
                    step: names.share(&r.step),
                    armed: r.armed,
                    correlation: record.correlation,
                };
                state.keep(r.owner, &r.timer, pending);
            }
            Body::TimerDropped(r) => state.forget(r.owner, &r.timer),
            Body::TimerFired(r) => match r.next {
                None => state.forget(r.owner, &r.timer),
                Some(next) => {
                    if let Some(mut pending) = state.table(r.owner).get(r.timer.as_str()).cloned() {
                        pending.due = next;
                        state.keep(r.owner, &r.timer, pending);
                    }
                }
            },
            _ => {}
        }
    }

    fn earliest_due(state: &SchedulerState) -> Option<Timestamp> {
        state.queue.first().map(|(due, ..)| *due)
    }
}

fn like(record: &Record, body: Body) -> Draft {
    let mut draft = Draft::new(record.tenant.clone(), body);
    draft.ledger.clone_from(&record.ledger);
    draft.subject.clone_from(&record.subject);
    draft.definition.clone_from(&record.definition);
    draft
}

fn note(record: &Record, armed: &TimerArmed, out: &mut Drafts) {
    let due = match &armed.when {
        When::At(at) => Some(*at),
        When::Cron {
            expression,
            zone,
            after,
            ..
        } => next_occurrence(expression, zone.0, *after),
    };
    // A schedule without another occurrence (it ended, or names 30 February) is not armed; what
    // was armed under this id before is let go.
    let body = match due {
        Some(due) => Body::TimerNoted(TimerNoted {
            timer: armed.timer.clone(),
            owner: armed.owner,
            due,
            when: armed.when.clone(),
            step: armed.step.clone(),
            armed: record.id,
        }),
        None => Body::TimerDropped(TimerDropped {
            timer: armed.timer.clone(),
            owner: armed.owner,
        }),
    };
    out.push(like(record, body));
}

/// The first instant of a cron schedule strictly after `after`, by the clocks of `zone`.
fn next_occurrence(expression: &str, zone: Tz, after: Timestamp) -> Option<Timestamp> {
    let schedule = cron::Schedule::from_str(expression).ok()?;
    schedule
        .after(&after.utc().with_timezone(&zone))
        .next()
        .map(|at| Timestamp::from_utc(at.with_timezone(&chrono::Utc)))
        .filter(|at| *at > after)
}

/// Fires what is due by `by`, in order, up to the limit of one input.
fn fire(
    state: &SchedulerState,
    by: Timestamp,
    at: Timestamp,
    input: Option<&Record>,
    out: &mut Drafts,
) {
    let due: Vec<_> = state
        .queue
        .iter()
        .take_while(|(due, ..)| *due <= by)
        .take(FIRED_PER_INPUT + 1)
        .collect();
    for (due, owner, id) in due.iter().take(FIRED_PER_INPUT) {
        if let Some(pending) = state.table(*owner).get(id.as_str()) {
            fire_one(pending, *due, *owner, id, by, at, out);
        }
    }
    // On a live clock the runtime proposes again at once; a virtual instant is one input.
    if due.len() > FIRED_PER_INPUT
        && let Some(record) = input
    {
        out.push(like(
            record,
            Body::SchedulerContinue(Continuation::Fire { by }),
        ));
    }
}

fn fire_one(
    pending: &Pending,
    due: Timestamp,
    owner: Service,
    id: &str,
    by: Timestamp,
    at: Timestamp,
    out: &mut Drafts,
) {
    // The cause of a firing is the arming, not the tick of a clock; the instant tells one firing
    // of a schedule from the next, so its id is the same however often it is proposed.
    let cause = Cause {
        id: pending.armed,
        correlation: Some(pending.correlation),
        at,
    };
    let ordinal = |due: Timestamp| due.0.unsigned_abs() << 1;
    let mut push = |body: Body, ordinal: u64| {
        let mut draft = Draft::new(&pending.tenant, body)
            .about(id.to_owned())
            .because(cause, ordinal);
        draft.ledger = pending.ledger.as_ref().map(Name::to_string);
        out.push(draft);
    };
    let (mut fires, mut next) = (due, None);
    if let Some(schedule) = &pending.schedule {
        let (expression, zone) = (&schedule.expression, schedule.zone);
        next = next_occurrence(expression, zone.0, due);
        if schedule.missed == MissedPolicy::FireLast {
            let (mut last, mut count) = (due, 0);
            while let Some(later) = next.filter(|n| *n <= by && count < MAX_PASSED) {
                (fires, last) = (later, fires);
                count += 1;
                next = next_occurrence(expression, zone.0, later);
            }
            if count > 0 {
                let body = Body::TimerMissed(TimerMissed {
                    timer: id.to_owned(),
                    owner,
                    first: due,
                    last,
                    count: count as u64,
                });
                push(body, ordinal(fires) | 1);
            }
        }
    }
    let body = Body::TimerFired(TimerFired {
        timer: id.to_owned(),
        owner,
        due: fires,
        step: pending.step.to_string(),
        next,
    });
    push(body, ordinal(fires));
}

#[cfg(test)]
mod tests;
