//! Decides who is told, what, on which channel, how often, and who next.
//!
//! A request of the rules becomes a queued notice to one contact on one channel, or a recorded
//! suppression with its reason. Each send is announced (`notice.attempted`) before it is made;
//! what became of it comes back through the intake. An unknown outcome is tried again under the
//! same key and labelled.

mod compose;
mod receiver;

use std::collections::{BTreeMap, BTreeSet};

use duban_model::decision::{
    Continuation, DirectoryAdopted, LedgerNoted, NoticeAbandoned, NoticeAttempted, NoticeDelivered,
    NoticeFailed, NoticeQueued, NoticeRequested, NoticeSuppressed, TimerArmed, When,
};
use duban_model::definition::Language;
use duban_model::fact::{DeliveryReported, Outcome};
use duban_model::state::AnyTable;
use duban_model::{
    Body, Cause, Decider, Directory, Draft, Drafts, Effect, Input, Message, Record, RecordId,
    Service, State, Table, Timestamp,
};
use duban_wording::Wording;
use serde::{Deserialize, Serialize};

use crate::receiver::Receiver;

/// Sends of one notice that fail for now are tried again within this horizon: 24 hours in milliseconds.
pub const RETRY_HORIZON_MILLIS: i64 = 24 * 3600 * 1000;
/// The first wait before trying again: one minute in milliseconds. It doubles each time.
pub const FIRST_RETRY_MILLIS: i64 = 60 * 1000;
/// The longest wait before trying again: one hour in milliseconds.
pub const LONGEST_RETRY_MILLIS: i64 = 3600 * 1000;
/// The most attempts at one notice.
pub const MAX_ATTEMPTS: u32 = 40;
/// Sends announced and not reported, at most. What waits behind them is not announced yet, so a
/// crash leaves no more than these with an unknown outcome.
pub const IN_FLIGHT: usize = 32;
/// Sends announced again on one input after a change of leader.
const RESENT_PER_INPUT: usize = 200;

/// A notice whose end is not known yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// For whom.
    pub tenant: String,
    /// Which ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// What is sent.
    pub queued: NoticeQueued,
    /// When it was queued.
    pub since: Timestamp,
    /// Attempts announced so far.
    pub attempt: u32,
    /// The last one announced has not been reported.
    pub announced: bool,
    /// An earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// The last record about it.
    pub last: RecordId,
    /// The outermost cause.
    pub correlation: RecordId,
}

/// What the notifier remembers.
#[derive(Debug)]
pub struct NotifierState {
    /// By tenant.
    directories: Table<Directory>,
    /// By ledger id.
    ledgers: Table<LedgerNoted>,
    /// By notice id. Passing: it follows the world's answers.
    pending: Table<Pending>,
    /// Derived: each ledger's texts, compiled.
    wordings: BTreeMap<String, Wording>,
    /// Derived: the texts for what belongs to no ledger.
    plain: Wording,
    /// Derived: announced and not reported.
    in_flight: BTreeSet<String>,
    /// Derived: queued and never announced, in the order of queueing.
    waiting: BTreeSet<(Timestamp, String)>,
}

impl Default for NotifierState {
    fn default() -> Self {
        Self {
            directories: Table::domain(1),
            ledgers: Table::domain(2),
            pending: Table::passing(3),
            wordings: BTreeMap::new(),
            plain: Wording::new(Language::default(), &BTreeMap::new()),
            in_flight: BTreeSet::new(),
            waiting: BTreeSet::new(),
        }
    }
}

impl State for NotifierState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.directories, &mut self.ledgers, &mut self.pending]
    }

    fn tables_ref(&self) -> Vec<&dyn AnyTable> {
        vec![&self.directories, &self.ledgers, &self.pending]
    }

    fn loaded(&mut self) {
        self.wordings = self
            .ledgers
            .iter()
            .map(|(id, ledger)| (id.clone(), Wording::new(ledger.language, &ledger.notices)))
            .collect();
        self.in_flight.clear();
        self.waiting.clear();
        for (id, pending) in self.pending.iter() {
            if pending.announced {
                self.in_flight.insert(id.clone());
            } else if pending.attempt == 0 {
                self.waiting.insert((pending.since, id.clone()));
            }
        }
    }
}

impl NotifierState {
    /// Changes a pending row and keeps what is derived from it.
    fn update(&mut self, id: &str, change: impl FnOnce(&mut Pending)) {
        self.pending.change(id, change);
        self.place(id);
    }

    /// Puts a notice where its row says it stands: waiting, in flight, or neither.
    fn place(&mut self, id: &str) {
        self.in_flight.remove(id);
        if let Some(pending) = self.pending.get(id) {
            let waiting = (pending.since, id.to_owned());
            if pending.attempt > 0 {
                self.waiting.remove(&waiting);
            } else {
                self.waiting.insert(waiting);
            }
            if pending.announced {
                self.in_flight.insert(id.to_owned());
            }
        }
    }

    fn end(&mut self, id: &str) {
        if let Some(pending) = self.pending.remove(id) {
            self.waiting.remove(&(pending.since, id.to_owned()));
        }
        self.in_flight.remove(id);
    }

    /// Notices whose end is not known yet, in id order.
    pub fn pending(&self) -> impl Iterator<Item = (&String, &Pending)> {
        self.pending.iter()
    }
}

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
            Body::NoticeRequested(_) | Body::DefinitionAdopted(_) | Body::DeliveryReported(_) => {
                true
            }
            Body::TimerFired(fired) => fired.owner == Service::Notifier,
            _ => false,
        }
    }

    fn decide(state: &NotifierState, input: &Input<'_>, out: &mut Drafts) {
        match input {
            Input::Record(record) => match &record.body {
                Body::DirectoryDeployed(r) => out.push(Draft::new(
                    record.tenant.clone(),
                    Body::DirectoryAdopted(DirectoryAdopted {
                        directory: r.directory.clone(),
                        planned: false,
                    }),
                )),
                Body::DirectoryAdopted(r) => out.push(Draft::new(
                    record.tenant.clone(),
                    Body::DirectoryAdopted(DirectoryAdopted {
                        directory: r.directory.clone(),
                        planned: false,
                    }),
                )),
                Body::DefinitionAdopted(r) => {
                    let definition = &r.definition;
                    let tasks = definition
                        .tasks
                        .iter()
                        .map(|t| (t.id.clone(), (t.title.clone(), t.text.clone())))
                        .collect();
                    let body = Body::LedgerNoted(LedgerNoted {
                        ledger: definition.ledger.clone(),
                        title: definition.title.clone(),
                        zone: definition.zone,
                        office: definition.office.clone(),
                        tasks,
                        language: definition.language,
                        notices: definition.notices.clone(),
                    });
                    out.push(
                        Draft::new(record.tenant.clone(), body)
                            .in_ledger(definition.ledger.clone())
                            .under(r.hash.clone()),
                    );
                }
                Body::NoticeRequested(request) => requested(state, record, request, out),
                Body::DeliveryReported(report) => reported(state, record, report, out),
                Body::TimerFired(fired) => {
                    if let Some(id) = fired.timer.strip_prefix(RETRY_TIMER)
                        && let Some(pending) = state.pending.get(id)
                        && !pending.announced
                    {
                        let draft = announce(pending, pending.possible_duplicate);
                        out.push(draft);
                    }
                }
                Body::NotifierContinue(Continuation::Resend { after }) => {
                    resend(state, after, record.loggedat, out);
                }
                _ => {}
            },
            Input::TookOver { now } => resend(state, "", *now, out),
            Input::Event { .. } | Input::Due { .. } => {}
        }
    }

    fn apply(state: &mut NotifierState, record: &Record) {
        match &record.body {
            Body::DirectoryAdopted(r) => {
                state.directories.put(&record.tenant, r.directory.clone());
            }
            Body::LedgerNoted(r) => {
                let wording = Wording::new(r.language, &r.notices);
                state.wordings.insert(r.ledger.clone(), wording);
                state.ledgers.put(&r.ledger, r.clone());
            }
            Body::NoticeQueued(r) => {
                let pending = Pending {
                    tenant: record.tenant.clone(),
                    ledger: record.ledger.clone(),
                    queued: r.clone(),
                    since: record.loggedat,
                    attempt: 0,
                    announced: false,
                    possible_duplicate: false,
                    last: record.id,
                    correlation: record.correlation,
                };
                state.pending.put(&r.notice, pending);
                state.place(&r.notice);
            }
            Body::NoticeAttempted(r) => state.update(&r.notice, |p| {
                p.attempt = r.attempt;
                p.announced = true;
                p.possible_duplicate = r.possible_duplicate;
                p.last = record.id;
            }),
            Body::NoticeFailed(r) => state.update(&r.notice, |p| {
                p.announced = false;
                p.possible_duplicate |= r.outcome == Outcome::Unknown;
                p.last = record.id;
            }),
            Body::NoticeDelivered(r) => state.end(&r.notice),
            Body::NoticeAbandoned(r) => state.end(&r.notice),
            _ => {}
        }
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

/// So many parts of a hundred a wait is longer at most, so that what failed together does not come back
/// together.
const JITTER_PERCENT: i64 = 20;

/// What is added to a wait, in milliseconds: it follows from the notice and the attempt.
fn jitter(notice: &str, attempt: u32, wait: i64) -> i64 {
    let id = RecordId::derive(&[notice.as_bytes(), &attempt.to_be_bytes()]);
    let part = i64::from(u16::from_be_bytes([id.0[0], id.0[1]]));
    wait * JITTER_PERCENT / 100 * part / i64::from(u16::MAX)
}

/// Timers of retries are named by their notice.
const RETRY_TIMER: &str = "retry/";

fn like(pending: &Pending, body: Body) -> Draft {
    let mut draft =
        Draft::new(pending.tenant.clone(), body).about(pending.queued.request.obligation.clone());
    draft.ledger.clone_from(&pending.ledger);
    draft
}

fn announce(pending: &Pending, possible_duplicate: bool) -> Draft {
    like(
        pending,
        Body::NoticeAttempted(NoticeAttempted {
            notice: pending.queued.notice.clone(),
            attempt: pending.attempt + 1,
            possible_duplicate,
        }),
    )
}

fn requested(state: &NotifierState, record: &Record, request: &NoticeRequested, out: &mut Drafts) {
    let notice = record.id.to_string();
    let draft = |body| {
        let mut draft = Draft::new(record.tenant.clone(), body).about(request.obligation.clone());
        draft.ledger.clone_from(&record.ledger);
        draft.definition.clone_from(&record.definition);
        draft
    };
    let ledger = record.ledger.as_deref().and_then(|l| state.ledgers.get(l));
    let receiver = state.directories.get(&record.tenant).and_then(|directory| {
        let office = ledger.map(|l| l.office.as_str());
        receiver::resolve(directory, request, office).map(|r| (directory, r))
    });
    let Some((directory, receiver)) = receiver else {
        let body = Body::NoticeSuppressed(NoticeSuppressed {
            notice,
            request: request.clone(),
            code: "no-contact".to_owned(),
            reason: format!("{}没有可用的联系方式,主管部门也没有", request.to),
        });
        return out.push(draft(body));
    };
    let queued = worded(
        state,
        (directory, record.ledger.as_deref()),
        request,
        (notice.clone(), receiver),
    );
    out.push(draft(Body::NoticeQueued(queued)));
    if state.in_flight.len() < IN_FLIGHT {
        out.push(draft(first_attempt(notice)));
    }
}

fn first_attempt(notice: String) -> Body {
    Body::NoticeAttempted(NoticeAttempted {
        notice,
        attempt: 1,
        possible_duplicate: false,
    })
}

/// A notice in the words of its ledger.
fn worded(
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
    }
}

/// The same notice for whoever comes next, since its receiver cannot be reached: the unit's next
/// person, then the next channel, then the office. Nobody is left: nothing, and the abandoned notice
/// stays as an incident.
fn pass_on(state: &NotifierState, pending: &Pending) -> Option<NoticeQueued> {
    let failed = &pending.queued;
    let directory = state.directories.get(&pending.tenant)?;
    let ledger = pending.ledger.as_deref();
    let office = ledger.and_then(|l| state.ledgers.get(l));
    let receiver = receiver::next(directory, failed, office.map(|l| l.office.as_str()))?;
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

fn reported(state: &NotifierState, record: &Record, report: &DeliveryReported, out: &mut Drafts) {
    // A report about a notice that has ended, or about an attempt that is not the last one and
    // did not succeed, changes nothing.
    let Some(pending) = state.pending.get(&report.notice) else {
        return;
    };
    if report.attempt != pending.attempt && report.outcome != Outcome::Delivered {
        return;
    }
    let notice = report.notice.clone();
    let body = match report.outcome {
        Outcome::Delivered => Body::NoticeDelivered(NoticeDelivered {
            notice,
            attempt: report.attempt,
            detail: report.detail.clone(),
        }),
        Outcome::Refused => Body::NoticeAbandoned(NoticeAbandoned {
            notice,
            attempts: pending.attempt,
            reason: format!("对方拒收:{}", report.detail),
        }),
        Outcome::Failed | Outcome::Unknown => {
            let doublings = pending.attempt.saturating_sub(1).min(16);
            let wait = (FIRST_RETRY_MILLIS << doublings).min(LONGEST_RETRY_MILLIS);
            // Whoever asks to be left alone for longer is; nobody is tried sooner for having asked.
            let asked = report.retry_after_seconds.map_or(0, i64::from) * 1000;
            let wait = wait.max(asked);
            let wait = wait + jitter(&notice, pending.attempt, wait);
            let retry_at = record.loggedat.plus_millis(wait);
            if pending.attempt >= MAX_ATTEMPTS
                || retry_at.0 - pending.since.0 > RETRY_HORIZON_MILLIS
            {
                Body::NoticeAbandoned(NoticeAbandoned {
                    notice,
                    attempts: pending.attempt,
                    reason: format!("在期限内未能送达,最后一次:{}", report.detail),
                })
            } else {
                out.push(like(
                    pending,
                    Body::NoticeFailed(NoticeFailed {
                        notice: notice.clone(),
                        attempt: report.attempt,
                        outcome: report.outcome,
                        detail: report.detail.clone(),
                        retry_at,
                    }),
                ));
                Body::TimerArmed(TimerArmed {
                    timer: format!("{RETRY_TIMER}{notice}"),
                    owner: Service::Notifier,
                    when: When::At(retry_at),
                    step: "retry".to_owned(),
                })
            }
        }
    };
    let passed_on = matches!(body, Body::NoticeAbandoned(_))
        .then(|| pass_on(state, pending))
        .flatten();
    out.push(like(pending, body));
    let mut taken = state.in_flight.len() - usize::from(pending.announced);
    if let Some(next) = passed_on {
        let notice = next.notice.clone();
        out.push(like(pending, Body::NoticeQueued(next)));
        // Who could not be reached has waited long enough.
        if taken < IN_FLIGHT {
            taken += 1;
            out.push(like(pending, first_attempt(notice)));
        }
    }
    // The place that became free goes to who has waited longest.
    for (_, id) in state.waiting.iter().take(IN_FLIGHT.saturating_sub(taken)) {
        if let Some(next) = state.pending.get(id) {
            out.push(announce(next, false));
        }
    }
}

/// Announces again what a predecessor had announced and nobody reported. Whether the receiver saw
/// it is unknown, so every such send is labelled.
fn resend(state: &NotifierState, after: &str, now: Timestamp, out: &mut Drafts) {
    let unknown: Vec<_> = state
        .pending
        .after(after)
        .filter(|(_, p)| p.announced)
        .take(RESENT_PER_INPUT + 1)
        .collect();
    let cause = |pending: &Pending| Cause {
        id: pending.last,
        correlation: Some(pending.correlation),
        at: now,
    };
    for (_, pending) in unknown.iter().take(RESENT_PER_INPUT) {
        out.push(announce(pending, true).because(cause(pending), 0));
    }
    if unknown.len() > RESENT_PER_INPUT {
        let (id, last) = unknown[RESENT_PER_INPUT - 1];
        let body = Body::NotifierContinue(Continuation::Resend { after: id.clone() });
        out.push(like(last, body).because(cause(last), 1));
    }
}

#[cfg(test)]
mod tests;
