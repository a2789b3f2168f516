//! The decider: which input goes to which decision.

use duban_model::decision::{Continuation, RejectionRecorded};
use duban_model::{Body, Decider, Draft, Drafts, Input, Record, Service, Timestamp};

use crate::state::RulesState;

/// The rule evaluator.
#[derive(Debug)]
pub struct Rules;

impl Decider for Rules {
    const SERVICE: Service = Service::Rules;
    const SOURCES: &'static [Service] = &[Service::Intake, Service::Scheduler];
    type State = RulesState;

    fn consumes(record: &Record) -> bool {
        match &record.body {
            Body::PublicationPublished(_)
            | Body::PublicationUpdated(_)
            | Body::PublicationWithdrawn(_)
            | Body::DefinitionDeployed(_)
            | Body::CalendarDeployed(_)
            | Body::DirectoryDeployed(_) => true,
            Body::TimerFired(fired) => fired.owner == Service::Rules,
            body => body.act().is_some(),
        }
    }

    fn decide(state: &RulesState, input: &Input<'_>, out: &mut Drafts) {
        let Input::Record(record) = input else {
            return;
        };
        let mut desk = Desk { state, record, out };
        match &record.body {
            Body::PublicationPublished(publication) | Body::PublicationUpdated(publication) => {
                crate::evidence::published(&mut desk, publication);
            }
            Body::PublicationWithdrawn(withdrawn) => {
                crate::evidence::withdrawn(&mut desk, withdrawn);
            }
            Body::CalendarDeployed(deployed) => crate::revise::calendar(&mut desk, deployed),
            Body::DirectoryDeployed(deployed) => crate::revise::directory(&mut desk, deployed),
            Body::DefinitionDeployed(deployed) => crate::activate::deployed(&mut desk, deployed),
            Body::TimerFired(fired) => crate::timer::fired(&mut desk, fired),
            Body::RulesContinue(work) => match work {
                Continuation::Activate { ledger, next } => {
                    crate::activate::activate(&mut desk, ledger, *next);
                }
                Continuation::OpenPeriod {
                    ledger,
                    task,
                    period,
                    next,
                } => crate::activate::open_period(&mut desk, ledger, task, *period, *next),
                Continuation::Trigger {
                    ledger,
                    task,
                    due,
                    by,
                    after,
                } => crate::act::trigger_all(&mut desk, ledger, task, *due, by.as_deref(), after),
                Continuation::Revise {
                    ledger,
                    because,
                    part,
                } => crate::revise::go_on(&mut desk, ledger, *because, part),
                Continuation::Consequences { .. }
                | Continuation::Fire { .. }
                | Continuation::Resend { .. } => {}
            },
            body => {
                if let Some(act) = body.act() {
                    crate::act::acted(&mut desk, body.record_type(), act);
                }
            }
        }
    }

    fn apply(state: &mut RulesState, record: &Record) {
        state.apply(record);
    }
}

/// What a decision is made at: the state, the input, and the drafts so far.
pub(crate) struct Desk<'a, 'b> {
    pub state: &'a RulesState,
    pub record: &'a Record,
    pub out: &'b mut Drafts,
}

impl Desk<'_, '_> {
    /// The instant of the input.
    pub fn now(&self) -> Timestamp {
        self.record.loggedat
    }

    /// Adds a draft that belongs to no obligation.
    pub fn push(&mut self, body: Body) {
        let mut draft = Draft::new(self.record.tenant.clone(), body);
        draft.ledger.clone_from(&self.record.ledger);
        self.out.push(draft);
    }

    /// Records that the input was not taken. A refusal is a record like any other.
    pub fn reject(
        &mut self,
        code: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Body::RejectionRecorded(RejectionRecorded {
            code: code.to_owned(),
            found: found.into(),
            expected: expected.into(),
            remedy: remedy.into(),
            event_type: Some(self.record.record_type().as_str().to_owned()),
            event_source: Some(self.record.source.to_string()),
            event_id: self.record.origin.clone(),
            excerpt: None,
            seen: None,
        }));
    }
}
