//! One duty as the pages show it: the fold of the rules' records about it.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use duban_model::calendar::Period;
use duban_model::decision::{Arose, Judged, ObligationOpened, Occasion, When};
use duban_model::definition::{Came, Fulfilment, Role};
use duban_model::{Body, Timestamp};

use super::history::History;
use super::shared::Shared;
use crate::light::{Light, Stage};
use crate::trail::Trail;

/// Notices listed with one duty, in notices; older ones stand on the log.
pub const NOTICES_PER_DUTY: usize = 60;

/// A report of the unit that its duty is done (报送).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Who.
    pub by: Option<String>,
    /// Links to evidence.
    pub evidence: Vec<String>,
    /// What was said with it.
    pub said: Option<String>,
    /// The instant that counts, the one claimed, the one it arrived at.
    pub at: Judged,
    /// After the due date?
    pub late: bool,
}

/// How and when a duty was fulfilled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// `publications` or `verified`.
    pub how: Arc<str>,
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

/// A publication that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    /// For which requirement.
    pub requirement: u32,
    /// `unit/publication`.
    pub publication: Box<str>,
    /// The instant that counts.
    pub at: Timestamp,
    /// The unit or item that it counts for, where each counts once.
    pub item: Option<Box<str>>,
}

/// One duty. There may be 100,000: what most do not have stands apart, what many share is shared.
#[derive(Clone, Debug)]
pub struct Duty {
    /// Its id.
    pub id: Box<str>,
    /// The place of its ledger in the projection.
    pub ledger: u32,
    /// The row.
    pub task: Arc<str>,
    /// Who owes.
    pub unit: Arc<str>,
    /// As what.
    pub role: Role,
    /// Which owner entry of the task.
    pub owner: u32,
    /// Which period of a year-long task.
    pub period: Option<Period>,
    /// Where it stands.
    pub stage: Stage,
    /// The date in force.
    pub due: Option<NaiveDate>,
    /// It has turned yellow.
    pub due_soon: bool,
    /// It has turned red.
    pub overdue: bool,
    /// Its clock stands still.
    pub stopped: bool,
    /// The next wake-up, and what for.
    pub next: Option<(Timestamp, Arc<str>)>,
    /// Where the lines of what happened stand on the log.
    pub history: History,
    /// Notices about it, by their place among all notices, oldest first.
    pub notices: Trail,
    progress: Option<Box<Progress>>,
}

/// How far a duty has got; most have not begun.
#[derive(Clone, Debug, Default)]
struct Progress {
    /// In the order of requirements, then of publications.
    ticks: Vec<Tick>,
    submitted: Option<Box<Submission>>,
    done: Option<Done>,
    extension: Option<Box<ExtensionAsked>>,
    reason: Option<Box<str>>,
    /// What it was opened for, as people call it.
    occasion: Option<Box<str>>,
    /// The instant on its date, where its term is counted in hours.
    due_at: Option<Timestamp>,
    /// To whom it was handed: the contact's id within the unit, and its title.
    delegate: Option<Box<(Box<str>, Box<str>)>>,
    /// Why the unit disowns it, until the office has answered.
    disowned: Option<Box<str>>,
}

impl Duty {
    /// A duty that has just come into being.
    pub(super) fn opened(opened: &ObligationOpened, ledger: u32, shared: &mut Shared) -> Duty {
        let arisen = opened.occasion.is_some() || opened.due_at.is_some();
        let progress = arisen.then(|| {
            Box::new(Progress {
                occasion: opened.occasion.as_ref().map(named),
                due_at: opened.due_at,
                ..Progress::default()
            })
        });
        Duty {
            id: opened.obligation.as_str().into(),
            ledger,
            task: shared.text(&opened.task),
            unit: shared.text(&opened.unit),
            role: opened.role,
            owner: opened.owner,
            period: opened.period,
            stage: if opened.due.is_some() {
                Stage::Open
            } else {
                Stage::Waiting
            },
            due: opened.due,
            due_soon: false,
            overdue: false,
            stopped: false,
            next: None,
            history: History::default(),
            notices: Trail::default(),
            progress,
        }
    }

    /// What it was opened for, as people call it; of a standing duty also which round it is.
    pub fn occasion(&self) -> Option<&str> {
        self.progress.as_ref()?.occasion.as_deref()
    }

    /// The instant on its date, where its term is counted in hours.
    pub fn due_at(&self) -> Option<Timestamp> {
        self.progress.as_ref()?.due_at
    }

    /// Publications that count, by requirement.
    pub fn ticks(&self) -> &[Tick] {
        self.progress.as_ref().map_or(&[], |p| &p.ticks)
    }

    /// The report that is to be verified, or was.
    pub fn submitted(&self) -> Option<&Submission> {
        self.progress.as_ref()?.submitted.as_deref()
    }

    /// How it was fulfilled.
    pub fn done(&self) -> Option<&Done> {
        self.progress.as_ref()?.done.as_ref()
    }

    /// An extension that waits for its decision.
    pub fn extension(&self) -> Option<&ExtensionAsked> {
        self.progress.as_ref()?.extension.as_deref()
    }

    /// Why it was sent back, waived or withdrawn.
    pub fn reason(&self) -> Option<&str> {
        self.progress.as_ref()?.reason.as_deref()
    }

    /// To whom it was handed (转办): the contact's id within the unit, and its title.
    pub fn delegate(&self) -> Option<(&str, &str)> {
        let (id, title) = self.progress.as_ref()?.delegate.as_deref()?;
        Some((id, title))
    }

    /// Why the unit says that it does not owe this, until the office has answered.
    pub fn disowned(&self) -> Option<&str> {
        self.progress.as_ref()?.disowned.as_deref()
    }

    fn progress(&mut self) -> &mut Progress {
        self.progress.get_or_insert_default()
    }

    /// Its light.
    pub fn light(&self) -> Light {
        match self.stage {
            Stage::Fulfilled => Light::Done,
            Stage::Waived | Stage::Lapsed | Stage::Withdrawn | Stage::Waiting => Light::Grey,
            _ if self.overdue => Light::Red,
            Stage::Returned => Light::Yellow,
            _ if self.due_soon => Light::Yellow,
            _ => Light::Green,
        }
    }

    /// Fulfilled after its date (逾期完成).
    pub fn done_late(&self) -> bool {
        self.stage == Stage::Fulfilled && self.done().is_some_and(|done| done.late)
    }

    /// Takes a record about this duty into account.
    pub(super) fn apply(&mut self, body: &Body, shared: &mut Shared) {
        match body {
            Body::ObligationAccepted(_) => {
                if self.stage == Stage::Open {
                    self.stage = Stage::Accepted;
                }
                self.owned();
            }
            Body::ObligationDelegated(r) => {
                let contact = (r.contact.as_str().into(), r.contact_title.as_str().into());
                self.progress().delegate = Some(Box::new(contact));
            }
            Body::ObligationDisowned(r) => {
                self.progress().disowned = Some(r.reason.as_deref().unwrap_or_default().into());
            }
            Body::ObligationSubmitted(r) => {
                self.stage = Stage::Submitted;
                self.owned();
                self.progress().submitted = Some(Box::new(Submission {
                    by: r.by.clone(),
                    evidence: r.evidence.clone(),
                    said: r.said.clone(),
                    at: r.at,
                    late: r.late,
                }));
            }
            Body::ObligationReturned(r) => {
                self.stage = Stage::Returned;
                self.stopped = false;
                self.owned();
                let progress = self.progress();
                progress.submitted = None;
                progress.done = None;
                progress.reason = Some(r.reason.as_str().into());
                self.redate(r.due, None);
            }
            Body::ObligationFulfilled(r) => {
                self.stage = Stage::Fulfilled;
                let progress = self.progress();
                progress.extension = None;
                progress.done = Some(Done {
                    how: shared.text(&r.how),
                    at: r.at,
                    late: r.late,
                });
            }
            // The lights stay as they were: what had been overdue still is.
            Body::ObligationReopened(_) => {
                // One that was withdrawn while it waited waits again.
                self.stage = match self.due {
                    Some(_) => Stage::Open,
                    None => Stage::Waiting,
                };
                let progress = self.progress();
                progress.reason = None;
                progress.done = None;
                progress.submitted = None;
            }
            Body::ObligationTicked(r) => self.progress().tick(Tick {
                requirement: r.requirement,
                publication: r.publication.as_str().into(),
                at: r.at,
                item: r.item.as_deref().map(Into::into),
            }),
            Body::ObligationUnticked(r) => self.progress().ticks.retain(|tick| {
                tick.requirement != r.requirement || *tick.publication != *r.publication
            }),
            Body::ObligationExtensionRequested(r) => {
                self.progress().extension = Some(Box::new(ExtensionAsked {
                    to: r.to,
                    reason: r.reason.clone(),
                }));
            }
            Body::ObligationExtensionRefused(_) => self.progress().extension = None,
            Body::ObligationExtended(r) => {
                self.progress().extension = None;
                self.redate(r.to, None);
            }
            Body::ObligationStopped(_) => self.stopped = true,
            Body::ObligationResumed(r) | Body::ObligationRestarted(r) => {
                self.stopped = false;
                let moved = (r.to, r.to_at) != (self.due, self.due_at());
                if let Some(to) = r.to.filter(|_| moved) {
                    self.redate(to, r.to_at);
                }
            }
            Body::ObligationTriggered(r) => {
                self.stage = Stage::Open;
                self.redate(r.to, None);
            }
            Body::ObligationWaived(r) => {
                self.stage = Stage::Waived;
                let progress = self.progress();
                progress.extension = None;
                progress.reason = r.reason.as_deref().map(Into::into);
            }
            Body::ObligationWithdrawn(r) => {
                self.stage = Stage::Withdrawn;
                let progress = self.progress();
                progress.extension = None;
                progress.reason = r.reason.as_deref().map(Into::into);
            }
            Body::ObligationRedated(r) => {
                if self.stage == Stage::Waiting {
                    self.stage = Stage::Open;
                }
                let stays = r.granted && r.from == Some(r.to);
                if !stays && (self.due != Some(r.to) || self.due_at() != r.to_at) {
                    self.redate(r.to, r.to_at);
                }
            }
            Body::ObligationTransferred(r) => {
                self.id = r.to.as_str().into();
                self.unit = shared.text(&r.unit);
                self.owner = r.owner;
                self.owned();
                if let Some(progress) = &mut self.progress {
                    progress.delegate = None;
                }
            }
            Body::ObligationLapsed(_) => self.stage = Stage::Lapsed,
            Body::ObligationDueSoon(_) => self.due_soon = true,
            Body::ObligationOverdue(_) => self.overdue = true,
            Body::TimerArmed(r) => {
                if let When::At(at) = r.when {
                    self.next = Some((at, shared.text(&r.step)));
                }
            }
            Body::TimerDisarmed(_) => self.next = None,
            _ => {}
        }
    }

    /// Nobody disputes any more that the unit owes it.
    fn owned(&mut self) {
        if let Some(progress) = &mut self.progress {
            progress.disowned = None;
        }
    }

    /// A new date brings its own lights.
    fn redate(&mut self, due: NaiveDate, at: Option<Timestamp>) {
        self.due = Some(due);
        if self.due_at() != at {
            self.progress().due_at = at;
        }
        self.due_soon = false;
        self.overdue = false;
    }

    /// Publications that count for a requirement, in the order of their ids.
    pub fn ticks_of(&self, requirement: usize) -> impl Iterator<Item = &Tick> {
        self.ticks()
            .iter()
            .filter(move |tick| tick.requirement as usize == requirement)
    }

    /// What has not been published, reported or submitted yet, in words; `unit` gives a unit's name.
    pub fn missing(&self, fulfilled_by: &Fulfilment, unit: &dyn Fn(&str) -> String) -> Vec<String> {
        let submitted = self.submitted().is_some() || self.stage == Stage::Fulfilled;
        Came::missing(self, fulfilled_by, submitted, unit)
    }

    /// Remembers a notice about it.
    pub fn note_notice(&mut self, place: u64) {
        self.notices.push(place);
        if self.notices.len() > NOTICES_PER_DUTY {
            self.notices.forget(0);
        }
    }
}

impl Came for Duty {
    fn ticked(&self, requirement: u32) -> usize {
        self.ticks_of(requirement as usize).count()
    }

    fn items(&self, requirement: u32) -> BTreeSet<&str> {
        self.ticks_of(requirement as usize)
            .filter_map(|tick| tick.item.as_deref())
            .collect()
    }
}

/// What a duty was opened for, in a few words.
fn named(occasion: &Occasion) -> Box<str> {
    match (&occasion.arose, occasion.round) {
        (Arose::Again, round) => format!("第{round}期").into(),
        (_, 1) => occasion.title.as_str().into(),
        (_, round) => format!("{}(第{round}期)", occasion.title).into(),
    }
}

impl Progress {
    fn tick(&mut self, tick: Tick) {
        let key = |t: &Tick| (t.requirement, t.publication.clone());
        match self.ticks.binary_search_by_key(&key(&tick), key) {
            Ok(there) => self.ticks[there] = tick,
            Err(between) => {
                self.ticks.reserve_exact(1);
                self.ticks.insert(between, tick);
            }
        }
    }
}
