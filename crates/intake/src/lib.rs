//! Decides what may enter: checks, de-duplicates, stamps; refuses visibly.
//!
//! Every event from outside becomes exactly one record here: the fact itself, stamped with
//! `loggedat`, or a recorded duplicate, or a recorded rejection that says how to mend it.

mod check;

use std::collections::BTreeSet;

use duban_model::decision::{DuplicateRecorded, RejectionRecorded, Seen};
use duban_model::record::cut;
use duban_model::state::AnyTable;
use duban_model::{
    Body, Cause, Decider, Draft, Drafts, Envelope, Input, Record, RecordId, Service, State, Table,
    Timestamp,
};
use serde::{Deserialize, Serialize};

pub use check::{FUTURE_TOLERANCE_MILLIS, Refusal};

/// What is remembered of an accepted event, for the ledger's life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRow {
    /// Hash of its content.
    pub digest: RecordId,
    /// The record it became.
    pub record: RecordId,
}

/// What the intake remembers.
#[derive(Debug)]
pub struct IntakeState {
    /// Accepted events by identity.
    seen: Table<SeenRow, RecordId>,
    /// The same for delivery reports and clock ticks, which are not domain.
    seen_passing: Table<SeenRow, RecordId>,
    /// How often an identity arrived without becoming a fact: rejected, or again.
    arrivals: Table<u64, RecordId>,
    /// The units of each tenant's directory.
    units: Table<BTreeSet<String>>,
    /// Under `latest`: the last `loggedat`, which is also the virtual clock.
    clock: Table<Timestamp>,
}

impl Default for IntakeState {
    fn default() -> Self {
        Self {
            seen: Table::domain(1),
            seen_passing: Table::passing(2),
            arrivals: Table::passing(3),
            units: Table::domain(4),
            clock: Table::passing(5),
        }
    }
}

impl State for IntakeState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.seen,
            &mut self.seen_passing,
            &mut self.arrivals,
            &mut self.units,
            &mut self.clock,
        ]
    }

    fn tables_ref(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.seen,
            &self.seen_passing,
            &self.arrivals,
            &self.units,
            &self.clock,
        ]
    }
}

const LATEST: &str = "latest";

impl IntakeState {
    fn seen(&self, key: &RecordId) -> Option<&SeenRow> {
        self.seen.get(key).or_else(|| self.seen_passing.get(key))
    }

    /// The last instant stamped.
    pub fn latest(&self) -> Timestamp {
        self.clock.get(LATEST).copied().unwrap_or_default()
    }

    /// The units of a tenant, once a directory was deployed for it.
    pub(crate) fn units(&self, tenant: &str) -> Option<&BTreeSet<String>> {
        self.units.get(tenant)
    }

    fn arrived(&mut self, seen: &Seen) {
        let count = self.arrivals.get(&seen.key).copied().unwrap_or(0);
        self.arrivals.put(seen.key, count + 1);
    }
}

/// The intake.
#[derive(Debug)]
pub struct Intake;

impl Decider for Intake {
    const SERVICE: Service = Service::Intake;
    const SOURCES: &'static [Service] = &[];
    type State = IntakeState;

    /// Its inputs come from the inbox, never from the log.
    fn consumes(_record: &Record) -> bool {
        false
    }

    fn decide(state: &IntakeState, input: &Input<'_>, out: &mut Drafts) {
        if let Input::Event {
            bytes,
            offered_on,
            now,
        } = input
        {
            out.push(decide_event(state, bytes, *offered_on, *now));
        }
    }

    fn apply(state: &mut IntakeState, record: &Record) {
        state.clock.put(LATEST, record.loggedat);
        match &record.body {
            Body::RejectionRecorded(r) => {
                if let Some(seen) = &r.seen {
                    state.arrived(seen);
                }
            }
            Body::DuplicateRecorded(r) => state.arrived(&r.seen),
            body => {
                if let Body::DirectoryDeployed(r) = body {
                    // What is sent under a former id is its successor's.
                    let former = r.directory.units.values().flat_map(|unit| &unit.formerly);
                    let mut units: BTreeSet<String> =
                        r.directory.units.keys().chain(former).cloned().collect();
                    // The rules may refuse one that is held to a plan, and nobody tells the intake.
                    if r.expects.is_some() {
                        let known = state.units(&record.tenant);
                        units.extend(known.into_iter().flatten().cloned());
                    }
                    state.units.put(record.tenant.as_str(), units);
                }
                let origin = record.origin.as_deref().unwrap_or_default();
                let key = identity(&record.tenant, &record.source, origin);
                let row = SeenRow {
                    digest: content_digest(record_content(record).as_bytes()),
                    record: record.id,
                };
                match body {
                    Body::DeliveryReported(_) | Body::ClockAdvanced(_) => {
                        state.seen_passing.put(key, row);
                    }
                    _ => state.seen.put(key, row),
                }
            }
        }
    }
}

/// The identity of an event: who sent which id for whom.
fn identity(tenant: &str, source: &str, id: &str) -> RecordId {
    RecordId::derive(&[tenant.as_bytes(), source.as_bytes(), id.as_bytes()])
}

fn content_digest(content: &[u8]) -> RecordId {
    RecordId::derive(&[content])
}

/// What an event said, in one spelling, so that the same event serialised differently is the same.
fn content(kind: &str, time: Option<Timestamp>, ledger: Option<&str>, body: &Body) -> String {
    let time = time.map(|t| t.to_string()).unwrap_or_default();
    format!(
        "{kind}\n{time}\n{}\n{}",
        ledger.unwrap_or_default(),
        body.to_json()
    )
}

fn record_content(record: &Record) -> String {
    content(
        record.record_type().as_str(),
        record.time,
        record.ledger.as_deref(),
        &record.body,
    )
}

fn decide_event(
    state: &IntakeState,
    bytes: &[u8],
    offered_on: Option<&str>,
    now: Option<Timestamp>,
) -> Draft {
    let parsed = Envelope::parse(bytes);
    // Whatever can be read of tenant, source and id identifies it; otherwise its bytes do.
    let (key, digest) = match &parsed {
        Ok(event) => (
            identity(&event.tenant, &event.source, &event.id),
            content_digest(
                content(
                    event.kind.as_str(),
                    event.time,
                    event.ledger.as_deref(),
                    &event.body,
                )
                .as_bytes(),
            ),
        ),
        Err(_) => (
            RecordId::derive(&[b"undecodable", bytes]),
            content_digest(bytes),
        ),
    };
    let seen = state.seen(&key);
    let number = u64::from(seen.is_some()) + state.arrivals.get(&key).copied().unwrap_or(0);
    let arrival = Cause {
        id: key,
        correlation: None,
        at: now.unwrap_or_default().max(state.latest()),
    };
    let mark = Seen { key, digest };
    let tenant = match &parsed {
        Ok(event) => event.tenant.clone(),
        Err(fault) => fault
            .tenant
            .clone()
            .or_else(|| {
                offered_on
                    .and_then(|s| s.split('.').next())
                    .map(ToOwned::to_owned)
            })
            .unwrap_or_default(),
    };
    let reject = |refusal: Refusal, event: Option<&Envelope>| {
        let excerpt: String = String::from_utf8_lossy(&bytes[..bytes.len().min(200)])
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let fault = parsed.as_ref().err();
        let body = Body::RejectionRecorded(RejectionRecorded {
            code: refusal.code.to_owned(),
            found: cut(&refusal.found, 500).to_owned(),
            expected: cut(&refusal.expected, 500).to_owned(),
            remedy: refusal.remedy.clone(),
            event_type: event
                .map(|e| e.kind.as_str().to_owned())
                .or_else(|| fault.and_then(|f| f.event_type.clone())),
            event_source: event
                .map(|e| e.source.clone())
                .or_else(|| fault.and_then(|f| f.event_source.clone())),
            event_id: event
                .map(|e| e.id.clone())
                .or_else(|| fault.and_then(|f| f.event_id.clone())),
            excerpt: Some(cut(&excerpt, 200).to_owned()),
            seen: Some(mark.clone()),
        });
        Draft::new(tenant.clone(), body).because(arrival, number)
    };
    let mut cause = arrival;
    let event = match &parsed {
        Ok(event) => event,
        Err(fault) => {
            let refusal = Refusal {
                code: fault.code,
                found: fault.found.clone(),
                expected: fault.expected.clone(),
                remedy: fault.remedy.clone(),
            };
            return reject(refusal, None);
        }
    };
    if let Some(seen) = seen {
        if seen.digest == digest {
            let body = Body::DuplicateRecorded(DuplicateRecorded {
                seen: mark,
                first: seen.record,
                repeats: number,
            });
            return Draft::new(event.tenant.clone(), body).because(cause, number);
        }
        let refusal = Refusal {
            code: "same-id-other-content",
            found: format!(
                "id `{}` of `{}` with other content than before",
                event.id, event.source
            ),
            expected: format!("the content that became record {}", seen.record),
            remedy: "Send a correction as an event of its own, under a new id.".to_owned(),
        };
        return reject(refusal, Some(event));
    }
    if let Body::ClockAdvanced(clock) = &event.body {
        match now {
            Some(_) => {
                let refusal = Refusal {
                    code: "clock-not-virtual",
                    found: "clock.advanced".to_owned(),
                    expected: "no such event on a live clock".to_owned(),
                    remedy: "Only an installation started with a virtual clock takes it."
                        .to_owned(),
                };
                return reject(refusal, Some(event));
            }
            None if clock.to < state.latest() => {
                let refusal = Refusal {
                    code: "clock-backwards",
                    found: format!("an instant {}", clock.to),
                    expected: format!("not before {}", state.latest()),
                    remedy:
                        "Virtual time only moves forward; start a new data folder to begin again."
                            .to_owned(),
                };
                return reject(refusal, Some(event));
            }
            None => cause.at = clock.to,
        }
    }
    if let Err(refusal) = check::check(state, event, offered_on, cause.at) {
        return reject(refusal, Some(event));
    }
    let mut draft = Draft::new(event.tenant.clone(), event.body.clone()).because(cause, number);
    draft.ledger.clone_from(&event.ledger);
    draft.fact = Some((event.source.clone(), event.id.clone(), event.time));
    draft
}

#[cfg(test)]
mod tests;
