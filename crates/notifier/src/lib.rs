//! Decides who is told, what, on which channel, how often, and who next.
//!
//! A request of the rules becomes a queued notice to one contact on one channel, or a recorded
//! suppression with its reason. Notices to one person are gathered for a while and leave as one
//! message, at an hour at which that person may be disturbed. Each send is announced
//! (`notice.attempted`) before it is made; what became of it comes back through the intake. An unknown
//! outcome is tried again under the same key and labelled.

mod again;
mod compose;
mod desk;
mod digest;
mod preference;
mod receiver;
mod sending;
mod silence;
mod state;
mod window;

use duban_model::decision::{
    CalendarNoted, Continuation, DefinitionAdopted, DirectoryAdopted, LedgerNoted,
};
use duban_model::fact::Outcome;
use duban_model::{
    Announced, Body, Decider, Directory, Draft, Drafts, Effect, Input, Message, Record, Service,
};
use duban_wording::Wording;

use crate::desk::Desk;
use crate::sending::RETRY_TIMER;
use crate::silence::SILENCE_TIMER;
use crate::window::WINDOW_TIMER;

pub use crate::again::ABANDONED_KEPT;
pub use crate::sending::{
    FIRST_RETRY_MILLIS, LONGEST_RETRY_MILLIS, MAX_ATTEMPTS, RETRY_HORIZON_MILLIS,
};
pub use crate::silence::MAX_SILENCES;
pub use crate::state::{IN_FLIGHT, IN_FLIGHT_SLOW, NotifierState, Pending, Window};
pub use crate::window::ROBOT_SPREAD_MILLIS;

/// The notifier.
#[derive(Debug)]
pub struct Notifier;

impl Decider for Notifier {
    const SERVICE: Service = Service::Notifier;
    const SOURCES: &'static [Service] = &[Service::Intake, Service::Rules, Service::Scheduler];
    type State = NotifierState;

    fn consumes(record: &Record) -> bool {
        match &record.body {
            // One that is held to a plan may be refused by the rules.
            Body::DirectoryDeployed(r) => r.expects.is_none(),
            Body::DirectoryAdopted(r) => r.planned,
            Body::NoticeRequested(_)
            | Body::DefinitionAdopted(_)
            | Body::CalendarAdopted(_)
            | Body::DeliveryReported(_)
            | Body::NoticeRetryRequested(_)
            | Body::ContactPreferred(_)
            | Body::SilenceSet(_)
            | Body::SilenceLifted(_)
            | Body::ObligationFulfilled(_)
            | Body::ObligationWaived(_)
            | Body::ObligationWithdrawn(_)
            | Body::ObligationExtended(_)
            | Body::ObligationRedated(_) => true,
            Body::TimerFired(fired) => fired.owner == Service::Notifier,
            _ => false,
        }
    }

    fn decide(state: &NotifierState, input: &Input<'_>, out: &mut Drafts) {
        let mut desk = Desk::new(state, out);
        match input {
            Input::Record(record) => look(&mut desk, record),
            Input::TookOver { now, in_doubt } => sending::resend(&mut desk, in_doubt, *now),
            Input::Event { .. } | Input::Due { .. } => {}
        }
    }

    fn apply(state: &mut NotifierState, record: &Record) {
        match &record.body {
            Body::DirectoryAdopted(r) => {
                state.directories.put(&record.tenant, r.directory.clone());
            }
            Body::CalendarNoted(r) => {
                let key = format!("{}/{}", record.tenant, r.calendar.id());
                state.calendars.put(key, r.calendar.clone());
            }
            Body::LedgerNoted(r) => {
                let wording = Wording::new(r.language, &r.notices);
                state.wordings.insert(r.ledger.clone(), wording);
                state.ledgers.put(&r.ledger, r.clone());
            }
            Body::ContactPreferenceNoted(r) => {
                let key = preference::key(&record.tenant, &r.contact);
                if r.channels.is_empty() {
                    state.preferences.remove(&key);
                } else {
                    state.preferences.put(key, r.channels.clone());
                }
            }
            Body::SilenceNoted(r) => {
                let key = silence::key(&record.tenant, &r.set.silence);
                state.silences.put(key, r.clone());
            }
            Body::SilenceEnded(r) => {
                let key = silence::key(&record.tenant, &r.silence);
                state.silences.remove(&key);
            }
            Body::NoticeQueued(r) => {
                let ledger = record.ledger.clone();
                let mut queued = r.clone();
                let held = queued.held.take();
                let mut pending = pending(record, queued, ledger, Vec::new());
                pending.held = held.is_some();
                if let Some(wait) = held {
                    state.open(pending.window(), wait.until);
                }
                state.take(&r.notice, pending);
                if let Some(abandoned) = &r.instead_of {
                    state.abandoned.follow(abandoned, &r.notice);
                }
            }
            Body::NoticeBundled(r) => {
                for covered in &r.covers {
                    state.update(covered, |p| {
                        p.held = false;
                        p.bundle = Some(r.notice.clone());
                    });
                }
                let queued = Pending::of_bundle(r, &record.tenant);
                let ledger = record.ledger.clone();
                state.take(&r.notice, pending(record, queued, ledger, r.covers.clone()));
            }
            Body::NoticeHeld(r) => state.hold(&r.notice, r.until),
            Body::NoticeReleased(r) => state.update(&r.notice, |p| p.held = false),
            Body::NoticeAttempted(r) => state.update(&r.notice, |p| {
                p.held = false;
                p.attempt = r.attempt;
                p.announced = true;
                p.possible_duplicate = r.possible_duplicate;
                p.last = record.id;
            }),
            Body::NoticeFailed(r) => state.update(&r.notice, |p| {
                p.announced = false;
                p.possible_duplicate |= r.outcome == Outcome::Unknown;
                p.waited_millis += r.retry_at.0 - record.loggedat.0;
                p.last = record.id;
            }),
            Body::NoticeDelivered(r) => state.end(&r.notice),
            Body::NoticeAbandoned(r) => {
                state.give_up(&r.notice, record.loggedat);
                state.end(&r.notice);
            }
            Body::NoticeDropped(r) => state.end(&r.notice),
            _ => {}
        }
    }

    fn in_doubt(state: &NotifierState) -> Vec<Announced> {
        let announced = state.pending().filter(|(_, pending)| pending.announced);
        announced
            .map(|(id, pending)| Announced {
                notice: id.clone(),
                attempt: pending.attempt,
            })
            .collect()
    }

    fn effect(state: &NotifierState, record: &Record) -> Option<Effect> {
        let Body::NoticeAttempted(attempted) = &record.body else {
            return None;
        };
        let pending = state.pending.get(&attempted.notice)?;
        let queued = &pending.queued;
        Some(Effect::Send(Message {
            tenant: pending.tenant.clone(),
            notice: attempted.notice.clone(),
            attempt: attempted.attempt,
            possible_duplicate: attempted.possible_duplicate,
            channel: queued.channel,
            contact: queued.contact.clone(),
            address: queued.address.clone(),
            contact_title: queued.contact_title.clone(),
            owes: queued.contact.split('/').next() == Some(queued.request.unit.as_str()),
            subject: queued.subject.clone(),
            text: queued.text.clone(),
            obligation: queued.request.obligation.clone(),
            kind: queued.request.kind.as_str().to_owned(),
            step: queued.request.step.clone(),
            due: queued.request.due,
            due_at: queued.request.due_at,
            at: pending.since,
            answer: None,
        }))
    }
}

fn pending(
    record: &Record,
    queued: duban_model::decision::NoticeQueued,
    ledger: Option<String>,
    covers: Vec<String>,
) -> Pending {
    Pending {
        tenant: record.tenant.clone(),
        ledger,
        queued,
        since: record.loggedat,
        attempt: 0,
        announced: false,
        possible_duplicate: false,
        held: false,
        bundle: None,
        covers,
        waited_millis: 0,
        last: record.id,
        correlation: record.correlation,
    }
}

fn look(desk: &mut Desk<'_, '_>, record: &Record) {
    let tenant = &record.tenant;
    match &record.body {
        Body::DirectoryDeployed(r) => desk.push(directory(tenant, &r.directory)),
        Body::DirectoryAdopted(r) => desk.push(directory(tenant, &r.directory)),
        Body::CalendarAdopted(r) => {
            let calendar = r.calendar.clone();
            let body = Body::CalendarNoted(CalendarNoted { calendar });
            desk.push(Draft::new(tenant.clone(), body));
        }
        Body::DefinitionAdopted(r) => desk.push(ledger(tenant, r)),
        Body::NoticeRequested(request) => sending::requested(desk, record, request),
        Body::DeliveryReported(report) => sending::reported(desk, record, report),
        Body::NoticeRetryRequested(retry) => again::decide(desk, record, retry),
        Body::ContactPreferred(asked) => {
            let directory = desk.state.directories.get(tenant);
            let body = preference::decide(directory, record, asked);
            desk.push(Draft::new(tenant.clone(), body));
        }
        Body::SilenceSet(set) => silence::set(desk, record, set),
        Body::SilenceLifted(lifted) => silence::lifted(desk, record, lifted),
        Body::TimerFired(fired) => {
            let timer = fired.timer.as_str();
            if let Some(id) = timer.strip_prefix(RETRY_TIMER) {
                sending::retry(desk, id, record.loggedat);
            } else if let Some(window) = timer.strip_prefix(WINDOW_TIMER) {
                window::ended(desk, window, fired, record.loggedat);
            } else if let Some(key) = timer.strip_prefix(SILENCE_TIMER) {
                silence::expired(desk, record, key);
            }
        }
        Body::NotifierContinue(Continuation::Release { tenant, after }) => {
            silence::release(desk, tenant, after, record.loggedat);
        }
        body => window::overtaken(desk, body),
    }
}

fn directory(tenant: &str, directory: &Directory) -> Draft {
    Draft::new(
        tenant,
        Body::DirectoryAdopted(DirectoryAdopted {
            directory: directory.clone(),
            planned: false,
        }),
    )
}

/// What is kept of a definition to word its notices.
fn ledger(tenant: &str, adopted: &DefinitionAdopted) -> Draft {
    let definition = &adopted.definition;
    let tasks = &definition.tasks;
    let body = Body::LedgerNoted(LedgerNoted {
        ledger: definition.ledger.clone(),
        title: definition.title.clone(),
        zone: definition.zone,
        office: definition.office.clone(),
        tasks: tasks
            .iter()
            .map(|t| (t.id.clone(), (t.title.clone(), t.text.clone())))
            .collect(),
        language: definition.language,
        notices: definition.notices.clone(),
        calendar: definition.calendar.clone(),
        urgent: tasks
            .iter()
            .filter(|t| t.urgent)
            .map(|t| t.id.clone())
            .collect(),
    });
    Draft::new(tenant, body)
        .in_ledger(definition.ledger.clone())
        .under(adopted.hash.clone())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod who_tests;
