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
            | Body::MatterReported(_)
            | Body::MatterWithdrawn(_)
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
        let (mut rest, mut then) = (Vec::new(), None);
        match &record.body {
            Body::PublicationPublished(publication) | Body::PublicationUpdated(publication) => {
                // First it counts: what it fulfils is not withdrawn for want of its occasion.
                crate::evidence::published(&mut desk, publication);
                rest = crate::event::published(&desk, publication);
            }
            Body::PublicationWithdrawn(withdrawn) => {
                crate::evidence::withdrawn(&mut desk, withdrawn);
                rest = crate::event::taken_down(&desk, withdrawn);
            }
            Body::MatterReported(matter) => {
                crate::evidence::reported(&mut desk, matter);
                rest = crate::event::reported(&mut desk, matter);
            }
            Body::MatterWithdrawn(withdrawn) => {
                crate::evidence::called_off(&mut desk, withdrawn);
                rest = crate::event::called_off(&desk, withdrawn);
            }
            Body::CalendarDeployed(deployed) => crate::revise::calendar(&mut desk, deployed),
            Body::DirectoryDeployed(deployed) => crate::revise::directory(&mut desk, deployed),
            Body::DefinitionDeployed(deployed) => crate::activate::deployed(&mut desk, deployed),
            Body::TimerFired(fired) => rest = crate::timer::fired(&mut desk, fired),
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
                Continuation::Count {
                    publication,
                    withdrawn,
                } => crate::evidence::go_on(&mut desk, publication, withdrawn.as_deref()),
                Continuation::Revise {
                    ledger,
                    because,
                    part,
                } => crate::revise::go_on(&mut desk, ledger, *because, part),
                Continuation::Consequences {
                    rest: left,
                    then: after,
                } => {
                    rest.clone_from(left);
                    then.clone_from(after);
                }
                Continuation::Fire { .. }
                | Continuation::Resend { .. }
                | Continuation::Release { .. } => {}
            },
            body => {
                if let Some(act) = body.act() {
                    crate::act::acted(&mut desk, body.record_type(), act);
                }
            }
        }
        crate::consequence::follow(&mut desk, rest, then);
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
