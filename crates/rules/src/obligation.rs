//! One duty of one unit, and how records change it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ladder::{Deadline, Step};
use chrono::NaiveDate;
use duban_calendar::{Clock, Moment, Period};
use duban_model::decision::{Arose, ObligationOpened, Occasion, When};
use duban_model::definition::{Came, EventSort, Fulfilment, Owner, Role, Task};
use duban_model::id::ObligationId;
use duban_model::{Body, Name, Names, Timestamp, Zone};
use serde::{Deserialize, Serialize};

/// Where a duty stands. Overdue is not a state: an open duty can be overdue, and so can a submitted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// It sleeps until its trigger (适时推进).
    Waiting,
    /// Nobody has signed for it yet.
    Open,
    /// 签收
    Accepted,
    /// 报送: the office must verify.
    Submitted,
    /// 退回: a bounded clock runs.
    Returned,
    /// 销号
    Fulfilled,
    /// 免办
    Waived,
    /// An encouraged duty whose date passed.
    Lapsed,
    /// 撤销: a definition or directory no longer has it.
    Withdrawn,
}

impl ObligationState {
    /// Nothing more is expected of the unit.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Fulfilled | Self::Waived | Self::Lapsed | Self::Withdrawn
        )
    }

    /// Its ladder runs: the unit is expected to act.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Open | Self::Accepted | Self::Returned)
    }

    /// Its name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Submitted => "submitted",
            Self::Returned => "returned",
            Self::Fulfilled => "fulfilled",
            Self::Waived => "waived",
            Self::Lapsed => "lapsed",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl fmt::Display for ObligationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The timer an obligation has armed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// When it is due.
    pub at: Timestamp,
    /// What for.
    pub step: Name,
}

/// How and when a duty was fulfilled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// `publications` or `verified`.
    pub how: String,
    /// The instant that counts.
    pub at: Timestamp,
    /// After the due date?
    pub late: bool,
}

/// A row of the rules' state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obligation {
    /// For whom.
    pub tenant: Name,
    /// Which ledger.
    pub ledger: Name,
    /// Which row.
    pub task: Name,
    /// Who owes.
    pub unit: Name,
    /// As what.
    pub role: Role,
    /// Which owner entry of the task.
    pub owner: u32,
    /// Which period of a year-long task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// When it came into being.
    pub opened: Timestamp,
    /// Where it stands.
    pub state: ObligationState,
    /// The date in force, to the end of that day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<NaiveDate>,
    /// The instant on that day, where the term is counted in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// What it was opened for, if for one thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Box<Occasion>>,
    /// It has turned yellow.
    #[serde(default)]
    pub due_soon: bool,
    /// It has turned red.
    #[serde(default)]
    pub overdue: bool,
    /// Publications that count, by requirement.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ticks: BTreeMap<u32, BTreeMap<String, Timestamp>>,
    /// The unit or item that each of them counts for, by requirement, where each counts once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Box<BTreeMap<u32, BTreeMap<String, String>>>>,
    /// When it was submitted, as judged, and whether late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<(Timestamp, bool)>,
    /// How it was fulfilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Box<Done>>,
    /// The next wake-up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub armed: Option<Armed>,
    /// Its clock, once something has happened to it; most duties keep the date they began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<Box<DutyClock>>,
    /// What revisions left behind; most duties see none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised: Option<Box<Revised>>,
    /// The contact of the unit to whom it was handed (转办), who is told first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Name>,
    /// The unit says that it does not owe this, and the office has not answered yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disowned: bool,
}

/// The clock of a duty, and what it slept through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DutyClock {
    /// The clock; the date in force follows from it.
    pub clock: Clock,
    /// While it stands still: the wake-up that was armed when it was stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asleep: Option<Armed>,
}

/// What revisions of its ledger left behind on a duty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revised {
    /// The date in force was granted by the office: definitions do not move it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub granted: bool,
    /// Steps done for the date in force that lie ahead again: they are not done twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Name>,
}

/// The id of an obligation.
pub fn obligation_id(
    ledger: &str,
    task: &str,
    unit: &str,
    role: Role,
    part: Part<'_>,
) -> ObligationId {
    let role = role.as_str();
    match part {
        Part::Whole => format!("{ledger}/{task}/{unit}/{role}"),
        Part::Period(period) => format!("{ledger}/{task}/{unit}/{role}/{period}"),
        Part::Occasion(key) => format!("{ledger}/{task}/{unit}/{role}/{key}"),
    }
}

/// Which of the duties that a unit has in one role of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// The only one.
    Whole,
    /// That of a period.
    Period(Period),
    /// That of an occasion, by its key.
    Occasion(&'a str),
}

impl<'a> Part<'a> {
    /// By period, or by the key of an occasion.
    pub fn of(period: Option<Period>, occasion: Option<&'a Occasion>) -> Part<'a> {
        match (period, occasion) {
            (_, Some(occasion)) => Part::Occasion(&occasion.key),
            (Some(period), None) => Part::Period(period),
            (None, None) => Part::Whole,
        }
    }
}

impl Obligation {
    /// A duty as it comes into being; `name` makes its names, or shares those that are there.
    pub(crate) fn opened(
        tenant: &str,
        ledger: &str,
        r: &ObligationOpened,
        mut name: impl FnMut(&str) -> Name,
    ) -> Obligation {
        Obligation {
            tenant: name(tenant),
            ledger: name(ledger),
            task: name(&r.task),
            unit: name(&r.unit),
            role: r.role,
            owner: r.owner,
            period: r.period,
            opened: r.at,
            state: if r.due.is_some() {
                ObligationState::Open
            } else {
                ObligationState::Waiting
            },
            due: r.due,
            due_at: r.due_at,
            occasion: r.occasion.clone().map(Box::new),
            due_soon: false,
            overdue: false,
            ticks: BTreeMap::new(),
            items: None,
            submitted: None,
            done: None,
            armed: None,
            clock: None,
            revised: None,
            delegate: None,
            disowned: false,
        }
    }

    /// Takes a record about this obligation into account. Called with own records only, and by
    /// `decide` on a working copy, so that both see the same change.
    pub fn apply(&mut self, body: &Body) {
        match body {
            Body::ObligationAccepted(_) => {
                if self.state == ObligationState::Open {
                    self.state = ObligationState::Accepted;
                }
                self.disowned = false;
            }
            Body::ObligationDelegated(r) => self.delegate = Some(r.contact.as_str().into()),
            Body::ObligationDisowned(_) => self.disowned = true,
            Body::ObligationSubmitted(r) => {
                self.state = ObligationState::Submitted;
                self.submitted = Some((r.at.at, r.late));
                self.disowned = false;
            }
            Body::ObligationReturned(r) => {
                self.state = ObligationState::Returned;
                self.disowned = false;
                self.submitted = None;
                self.done = None;
                self.set_clock(r.clock.as_ref());
                self.redate(r.due.into());
            }
            Body::ObligationFulfilled(r) => {
                self.state = ObligationState::Fulfilled;
                self.done = Some(Box::new(Done {
                    how: r.how.clone(),
                    at: r.at,
                    late: r.late,
                }));
            }
            Body::ObligationReopened(_) => {
                // One that was withdrawn while it waited waits again.
                self.state = if self.due.is_some() {
                    ObligationState::Open
                } else {
                    ObligationState::Waiting
                };
                self.done = None;
                self.submitted = None;
            }
            Body::ObligationTicked(r) => {
                self.ticks
                    .entry(r.requirement)
                    .or_default()
                    .insert(r.publication.clone(), r.at);
                if let Some(item) = &r.item {
                    self.items
                        .get_or_insert_default()
                        .entry(r.requirement)
                        .or_default()
                        .insert(r.publication.clone(), item.clone());
                }
            }
            Body::ObligationUnticked(r) => {
                if let Some(ticks) = self.ticks.get_mut(&r.requirement) {
                    ticks.remove(&r.publication);
                    if ticks.is_empty() {
                        self.ticks.remove(&r.requirement);
                    }
                }
                if let Some(items) = &mut self.items {
                    if let Some(of_it) = items.get_mut(&r.requirement) {
                        of_it.remove(&r.publication);
                    }
                    items.retain(|_, of_it| !of_it.is_empty());
                    if items.is_empty() {
                        self.items = None;
                    }
                }
            }
            Body::ObligationExtended(r) => {
                self.set_clock(r.clock.as_ref());
                self.redate(r.to.into());
            }
            Body::ObligationStopped(r) => {
                self.set_clock(Some(&r.clock));
                let armed = self.armed.clone();
                if let Some(clock) = &mut self.clock {
                    clock.asleep = armed;
                }
            }
            Body::ObligationResumed(r) | Body::ObligationRestarted(r) => {
                self.set_clock(Some(&r.clock));
                let to = r.to.map(|date| Deadline { date, at: r.to_at });
                if let Some(to) = to.filter(|to| Some(*to) != self.deadline()) {
                    self.redate(to);
                }
            }
            Body::ObligationTriggered(r) => {
                self.state = ObligationState::Open;
                self.redate(r.to.into());
            }
            Body::ObligationRedated(r) => {
                if self.state == ObligationState::Waiting {
                    self.state = ObligationState::Open;
                }
                if r.granted {
                    self.revised.get_or_insert_default().granted = true;
                }
                if let (Some(new), Some(own)) = (&r.clock, &mut self.clock) {
                    own.clock = new.clone();
                    if !own.clock.is_stopped() {
                        own.asleep = None;
                    }
                }
                if let (Some(at), Some(occasion)) = (r.counted_from, &mut self.occasion) {
                    occasion.at = at;
                }
                let to = Deadline {
                    date: r.to,
                    at: r.to_at,
                };
                let stays = r.granted && r.from == Some(r.to);
                if !stays && self.deadline() != Some(to) {
                    self.redate(to);
                }
            }
            Body::ObligationReladdered(r) => {
                let done = r.done.iter().map(|step| step.as_str().into()).collect();
                self.revised.get_or_insert_default().done = done;
            }
            Body::ObligationWithdrawn(_) => self.state = ObligationState::Withdrawn,
            Body::ObligationWaived(_) => self.state = ObligationState::Waived,
            Body::ObligationLapsed(_) => self.state = ObligationState::Lapsed,
            Body::ObligationDueSoon(_) => self.due_soon = true,
            Body::ObligationOverdue(_) => self.overdue = true,
            Body::TimerArmed(r) => {
                if let When::At(at) = r.when {
                    self.armed = Some(Armed {
                        at,
                        step: r.step.as_str().into(),
                    });
                }
            }
            Body::TimerDisarmed(_) => self.armed = None,
            _ => {}
        }
    }

    /// Shares what other obligations say too.
    pub(crate) fn unite(&mut self, names: &mut Names) {
        for name in [
            &mut self.tenant,
            &mut self.ledger,
            &mut self.task,
            &mut self.unit,
        ] {
            names.unite(name);
        }
        self.unite_step(names);
    }

    /// Shares the name of the step it waits for.
    pub(crate) fn unite_step(&mut self, names: &mut Names) {
        if let Some(armed) = &mut self.armed {
            names.unite(&mut armed.step);
        }
        if let Some(armed) = self.clock.as_mut().and_then(|c| c.asleep.as_mut()) {
            names.unite(&mut armed.step);
        }
        for step in self.revised.iter_mut().flat_map(|r| &mut r.done) {
            names.unite(step);
        }
    }

    /// Takes over the clock of a record; whether it sleeps is then new too.
    fn set_clock(&mut self, clock: Option<&Clock>) {
        if let Some(clock) = clock {
            self.clock = Some(Box::new(DutyClock {
                clock: clock.clone(),
                asleep: None,
            }));
        }
    }

    /// Whether its clock stands still: no light changes, and no notice but the reminder of that.
    pub fn is_stopped(&self) -> bool {
        self.clock.as_ref().is_some_and(|c| c.clock.is_stopped())
    }

    /// Whether its ladder is climbed: the unit is to act, and its clock runs.
    pub(crate) fn climbs(&self) -> bool {
        self.state.is_running() && !self.is_stopped()
    }

    /// Since when its clock stands still, as people are told it.
    pub fn stopped_on(&self, zone: Zone) -> Option<String> {
        Some(match self.clock.as_ref()?.clock.stop()?.at {
            Moment::Day(day) => day.to_string(),
            Moment::Instant(at) => Timestamp::from_utc(at).shown_in(zone),
        })
    }

    /// Why its clock stands still.
    pub(crate) fn stopped_why(&self) -> Option<&str> {
        self.clock.as_ref()?.clock.stop()?.why.as_deref()
    }

    /// The wake-up that was armed when its clock was stopped.
    pub(crate) fn asleep(&self) -> Option<&Armed> {
        self.clock.as_ref()?.asleep.as_ref()
    }

    /// Whether it was to be woken for this step when its clock was stopped.
    pub(crate) fn sleeps_on(&self, step: &str) -> bool {
        self.asleep().is_some_and(|armed| armed.step == step)
    }

    /// Whether it is to be woken for a step that starts so.
    pub(crate) fn armed_for(&self, prefix: &str) -> bool {
        self.armed
            .as_ref()
            .is_some_and(|armed| armed.step.starts_with(prefix))
    }

    /// By when it is due.
    pub fn deadline(&self) -> Option<Deadline> {
        self.due.map(|date| Deadline {
            date,
            at: self.due_at,
        })
    }

    /// Whether what was done at this instant was done after its deadline; never while its clock
    /// stands still.
    pub fn is_late(&self, at: Timestamp, zone: Zone) -> bool {
        let running = self.deadline().filter(|_| !self.is_stopped());
        running.is_some_and(|due| due.is_missed(at, zone))
    }

    /// When what it was opened for arose, if it was opened for one thing.
    pub(crate) fn began(&self) -> Option<Timestamp> {
        self.occasion.as_ref().map(|occasion| occasion.at)
    }

    /// Which of its unit's duties in that role of the row it is.
    pub fn part(&self) -> Part<'_> {
        Part::of(self.period, self.occasion.as_deref())
    }

    /// A new date brings its own lights.
    fn redate(&mut self, due: Deadline) {
        self.due = Some(due.date);
        self.due_at = due.at;
        self.due_soon = false;
        self.overdue = false;
        if let Some(revised) = &mut self.revised {
            revised.done.clear();
        }
    }

    /// Steps done for the date in force that lie ahead again.
    pub(crate) fn done_steps(&self) -> &[Name] {
        self.revised.as_ref().map_or(&[], |revised| &revised.done)
    }

    /// Takes the steps out of its ladder that were done under an earlier definition or calendar.
    pub(crate) fn leave_out_done(&self, steps: &mut Vec<Step>) {
        let done = self.done_steps();
        if !done.is_empty() {
            steps.retain(|step| !step.notifies() || done.iter().all(|d| *d != step.label));
        }
    }

    /// The owner entry it came from.
    pub fn owner_of<'a>(&self, task: &'a Task) -> Option<&'a Owner> {
        task.owners.get(self.owner as usize)
    }

    /// The publication or matter that opened it: its sort, its unit and its own id.
    pub(crate) fn opened_for(&self) -> Option<(EventSort, &str, &str)> {
        let arose = &self.occasion.as_ref()?.arose;
        let sort = match arose {
            Arose::Publication(_) => EventSort::Publication,
            Arose::Matter(_) => EventSort::Matter,
            Arose::Schedule | Arose::Duty(_) | Arose::Again => return None,
        };
        let (unit, id) = arose.subject()?;
        Some((sort, unit, id))
    }

    /// What one publication or matter counts for in a requirement, where each counts once.
    pub(crate) fn item_of(&self, number: u32, name: &str) -> Option<&str> {
        let of_it = self.items.as_ref()?.get(&number)?;
        of_it.get(name).map(String::as_str)
    }

    /// Whether a unit or item has come for a requirement.
    pub(crate) fn has_item(&self, number: u32, item: &str) -> bool {
        let items = self.items.as_ref().and_then(|items| items.get(&number));
        items.is_some_and(|of_it| of_it.values().any(|there| there == item))
    }

    /// Whether all that must be published or reported is there.
    pub fn is_complete(&self, fulfilled_by: &Fulfilment) -> bool {
        (0..)
            .zip(fulfilled_by.requirements())
            .all(|(number, requirement)| self.meets(number, requirement))
    }

    /// What has not been published, reported or submitted yet, in words. `unit` gives a unit's name
    /// as notices print it.
    pub fn missing(&self, fulfilled_by: &Fulfilment, unit: &dyn Fn(&str) -> String) -> Vec<String> {
        let submitted = self.submitted.is_some() || self.state == ObligationState::Fulfilled;
        Came::missing(self, fulfilled_by, submitted, unit)
    }
}

impl Came for Obligation {
    fn ticked(&self, requirement: u32) -> usize {
        self.ticks.get(&requirement).map_or(0, BTreeMap::len)
    }

    fn items(&self, requirement: u32) -> BTreeSet<&str> {
        let items = self
            .items
            .as_ref()
            .and_then(|items| items.get(&requirement));
        items
            .into_iter()
            .flat_map(|of_it| of_it.values().map(String::as_str))
            .collect()
    }
}
