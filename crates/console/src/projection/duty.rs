//! One duty as the pages show it: the fold of the rules' records about it.

use std::collections::{BTreeMap, VecDeque};

use chrono::NaiveDate;
use duban_model::calendar::Period;
use duban_model::decision::{Judged, ObligationOpened, When};
use duban_model::definition::{Fulfilment, Requirement, Role};
use duban_model::{Body, ObligationId, TaskId, Timestamp, UnitId};

use super::history::History;
use crate::light::{Light, Stage};

/// Notices listed with one duty, in notices; older ones stand on the log.
pub const NOTICES_PER_DUTY: usize = 60;

/// A report of the unit that its duty is done (报送).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Who.
    pub by: Option<String>,
    /// Links to evidence.
    pub evidence: Vec<String>,
    /// The instant that counts, the one claimed, the one it arrived at.
    pub at: Judged,
    /// After the due date?
    pub late: bool,
}

/// How and when a duty was fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// `publications` or `verified`.
    pub how: String,
    /// The instant that counts.
    pub at: Timestamp,
    /// After the due date?
    pub late: bool,
}

/// A date asked for and not yet decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionAsked {
    /// The date asked for.
    pub to: NaiveDate,
    /// Why.
    pub reason: Option<String>,
}

/// One duty.
#[derive(Clone, Debug)]
pub struct Duty {
    /// Its id.
    pub id: ObligationId,
    /// The place of its ledger in the projection.
    pub ledger: usize,
    /// The row.
    pub task: TaskId,
    /// Who owes.
    pub unit: UnitId,
    /// As what.
    pub role: Role,
    /// Which owner entry of the task.
    pub owner: u32,
    /// Which period of a year-long task.
    pub period: Option<Period>,
    /// When it came into being.
    pub opened: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// The date in force.
    pub due: Option<NaiveDate>,
    /// It has turned yellow.
    pub due_soon: bool,
    /// It has turned red.
    pub overdue: bool,
    /// Publications that count, by requirement, with the instant that counts.
    pub ticks: BTreeMap<u32, BTreeMap<String, Timestamp>>,
    /// The report that is to be verified, or was.
    pub submitted: Option<Submission>,
    /// How it was fulfilled.
    pub done: Option<Done>,
    /// An extension that waits for its decision.
    pub extension: Option<ExtensionAsked>,
    /// Why it was sent back or waived.
    pub reason: Option<String>,
    /// The next wake-up, and what for.
    pub next: Option<(Timestamp, String)>,
    /// What happened.
    pub history: History,
    /// Notices about it, by their place among all notices, oldest first.
    pub notices: VecDeque<u64>,
}

impl Duty {
    /// A duty that has just come into being.
    pub fn opened(opened: &ObligationOpened, ledger: usize, at: Timestamp) -> Duty {
        Duty {
            id: opened.obligation.clone(),
            ledger,
            task: opened.task.clone(),
            unit: opened.unit.clone(),
            role: opened.role,
            owner: opened.owner,
            period: opened.period,
            opened: at,
            stage: if opened.due.is_some() {
                Stage::Open
            } else {
                Stage::Waiting
            },
            due: opened.due,
            due_soon: false,
            overdue: false,
            ticks: BTreeMap::new(),
            submitted: None,
            done: None,
            extension: None,
            reason: None,
            next: None,
            history: History::default(),
            notices: VecDeque::new(),
        }
    }

    /// Its light.
    pub fn light(&self) -> Light {
        match self.stage {
            Stage::Fulfilled => Light::Done,
            Stage::Waived | Stage::Lapsed | Stage::Waiting => Light::Grey,
            _ if self.overdue => Light::Red,
            Stage::Returned => Light::Yellow,
            _ if self.due_soon => Light::Yellow,
            _ => Light::Green,
        }
    }

    /// Fulfilled after its date (逾期完成).
    pub fn done_late(&self) -> bool {
        self.stage == Stage::Fulfilled && self.done.as_ref().is_some_and(|done| done.late)
    }

    /// Takes a record about this duty into account.
    pub fn apply(&mut self, body: &Body) {
        match body {
            Body::ObligationAccepted(_) if self.stage == Stage::Open => {
                self.stage = Stage::Accepted;
            }
            Body::ObligationSubmitted(r) => {
                self.stage = Stage::Submitted;
                self.submitted = Some(Submission {
                    by: r.by.clone(),
                    evidence: r.evidence.clone(),
                    at: r.at,
                    late: r.late,
                });
            }
            Body::ObligationReturned(r) => {
                self.stage = Stage::Returned;
                self.submitted = None;
                self.done = None;
                self.reason = Some(r.reason.clone());
                self.redate(r.due);
            }
            Body::ObligationFulfilled(r) => {
                self.stage = Stage::Fulfilled;
                self.extension = None;
                self.done = Some(Done {
                    how: r.how.clone(),
                    at: r.at,
                    late: r.late,
                });
            }
            // The lights stay as they were: what had been overdue still is.
            Body::ObligationReopened(_) => {
                self.stage = Stage::Open;
                self.done = None;
                self.submitted = None;
            }
            Body::ObligationTicked(r) => {
                self.ticks
                    .entry(r.requirement)
                    .or_default()
                    .insert(r.publication.clone(), r.at);
            }
            Body::ObligationUnticked(r) => {
                if let Some(ticks) = self.ticks.get_mut(&r.requirement) {
                    ticks.remove(&r.publication);
                    if ticks.is_empty() {
                        self.ticks.remove(&r.requirement);
                    }
                }
            }
            Body::ObligationExtensionRequested(r) => {
                self.extension = Some(ExtensionAsked {
                    to: r.to,
                    reason: r.reason.clone(),
                });
            }
            Body::ObligationExtensionRefused(_) => self.extension = None,
            Body::ObligationExtended(r) => {
                self.extension = None;
                self.redate(r.to);
            }
            Body::ObligationTriggered(r) => {
                self.stage = Stage::Open;
                self.redate(r.to);
            }
            Body::ObligationWaived(r) => {
                self.stage = Stage::Waived;
                self.extension = None;
                self.reason.clone_from(&r.reason);
            }
            Body::ObligationLapsed(_) => self.stage = Stage::Lapsed,
            Body::ObligationDueSoon(_) => self.due_soon = true,
            Body::ObligationOverdue(_) => self.overdue = true,
            Body::TimerArmed(r) => {
                if let When::At(at) = r.when {
                    self.next = Some((at, r.step.clone()));
                }
            }
            Body::TimerDisarmed(_) => self.next = None,
            _ => {}
        }
    }

    /// A new date brings its own lights.
    fn redate(&mut self, due: NaiveDate) {
        self.due = Some(due);
        self.due_soon = false;
        self.overdue = false;
    }

    /// How many publications count for a requirement.
    pub fn ticked(&self, requirement: usize) -> usize {
        u32::try_from(requirement)
            .ok()
            .and_then(|place| self.ticks.get(&place))
            .map_or(0, BTreeMap::len)
    }

    /// Requirements that publications have not met yet.
    pub fn missing<'a>(&self, fulfilled_by: &'a Fulfilment) -> Vec<&'a Requirement> {
        match fulfilled_by {
            Fulfilment::Submission => Vec::new(),
            Fulfilment::Publications(list) => list
                .iter()
                .enumerate()
                .filter(|(place, r)| (self.ticked(*place) as u64) < u64::from(r.at_least))
                .map(|(_, r)| r)
                .collect(),
        }
    }

    /// Remembers a notice about it.
    pub fn note_notice(&mut self, place: u64) {
        if self.notices.len() == NOTICES_PER_DUTY {
            self.notices.pop_front();
        }
        self.notices.push_back(place);
    }
}
