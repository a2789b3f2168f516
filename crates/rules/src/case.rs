//! One obligation on the desk: a working copy to which drafts are applied as they are made, so
//! that later drafts of the same input see the earlier ones.

use duban_calendar::Calendar;
use duban_model::decision::{
    Arose, NoticeKind, NoticeRequested, ObligationLit, TimerArmed, TimerDisarmed, When,
};
use duban_model::definition::{Ladder, Owner, Role, Task, Tier};
use duban_model::{Body, Draft, Service, Timestamp};

use crate::clock::arm_standing;
use crate::decide::Desk;
use crate::ladder::{Step, StepCode, label_in_chinese, ladder_steps, unsigned_steps};
use crate::obligation::{Armed, Obligation};
use crate::state::{Ledger, RulesState};

/// How long until the calendar is looked at again when a step could not be computed: one day.
const RELOOK_MILLIS: i64 = 24 * 3600 * 1000;

/// The wake-up that looks for calendar data again.
pub(crate) const RELOOK: &str = "relook";
/// The one notice for steps that lay before activation.
pub(crate) const CATCHUP: &str = "catchup";

/// A working copy with what its decisions need.
pub(crate) struct Case<'a> {
    pub ledger: &'a Ledger,
    pub task: &'a Task,
    pub owner: &'a Owner,
    pub ladder: &'a Ladder,
    pub calendar: &'a Calendar,
    pub id: String,
    pub obligation: Obligation,
}

impl<'a> Case<'a> {
    /// Opens the file of an obligation. Nothing if its definition or calendar is gone, which
    /// adopting them excludes.
    pub fn of(state: &'a RulesState, id: &str, obligation: Obligation) -> Option<Case<'a>> {
        let ledger = state.ledger(&obligation.ledger)?;
        let task = state.task(ledger, &obligation.task)?;
        let owner = obligation.owner_of(task)?;
        let ladder = ledger.definition.ladders.get(&owner.ladder)?;
        let calendar = state.calendar(&ledger.definition)?;
        Some(Case {
            ledger,
            task,
            owner,
            ladder,
            calendar,
            id: id.to_owned(),
            obligation,
        })
    }

    /// Whether its unit succeeds another.
    pub fn has_former_units(&self, state: &RulesState) -> bool {
        let unit: &str = &self.obligation.unit;
        let directory = state.directory(&self.obligation.tenant);
        directory
            .and_then(|directory| directory.units.get(unit))
            .is_some_and(|unit| !unit.formerly.is_empty())
    }

    /// What has not been published, reported or submitted yet, by name.
    pub fn missing(&self, state: &RulesState) -> Vec<String> {
        let directory = state.directory(&self.obligation.tenant);
        let unit = |id: &str| directory.map_or_else(|| id.to_owned(), |d| d.shown(id));
        self.obligation.missing(&self.owner.fulfilled_by, &unit)
    }

    /// Makes a draft about this obligation and applies it to the working copy.
    pub fn emit(&mut self, desk: &mut Desk<'_, '_>, body: Body) {
        self.obligation.apply(&body);
        desk.out.push(
            Draft::new(self.obligation.tenant.clone(), body)
                .in_ledger(self.obligation.ledger.clone())
                .about(self.id.clone())
                .under(self.ledger.hash.clone()),
        );
    }

    /// Arms the obligation's one timer. Arming again moves it.
    pub fn arm(&mut self, desk: &mut Desk<'_, '_>, at: Timestamp, step: &str) {
        let body = Body::TimerArmed(TimerArmed {
            timer: self.id.clone(),
            owner: Service::Rules,
            when: When::At(at),
            step: step.to_owned(),
        });
        self.emit(desk, body);
    }

    /// Disarms the timer, if one is armed.
    pub fn disarm(&mut self, desk: &mut Desk<'_, '_>) {
        if self.obligation.armed.is_some() {
            let body = Body::TimerDisarmed(TimerDisarmed {
                timer: self.id.clone(),
                owner: Service::Rules,
            });
            self.emit(desk, body);
        }
    }

    /// The ladder for the date in force.
    pub fn steps(&self, until: Timestamp) -> Vec<Step> {
        let Some(due) = self.obligation.deadline() else {
            return Vec::new();
        };
        let (mut steps, _) = ladder_steps(
            &self.ledger.definition,
            self.ladder,
            self.task.strength,
            due,
            self.calendar,
            until,
        );
        unsigned_steps(
            &self.ledger.definition,
            self.ladder,
            &self.obligation,
            self.calendar,
            &mut steps,
        );
        self.obligation.leave_out_done(&mut steps);
        steps
    }

    /// After a revision: turns on the lights whose instant has come, then arms the next step after
    /// `now`, unless it is armed already. One that has come and not fired yet still fires.
    pub fn rearm(&mut self, desk: &mut Desk<'_, '_>, now: Timestamp) {
        let steps = self.steps(now);
        self.light(desk, &steps, now);
        if self.obligation.state.is_running() && self.obligation.is_stopped() {
            return arm_standing(desk, self);
        }
        let stands = self.obligation.armed.as_ref().is_some_and(|armed| {
            let same = |step: &Step| step.at == armed.at && armed.step == step.label.as_str();
            if armed.step == CATCHUP {
                true
            } else if armed.at <= now {
                steps.iter().any(same)
            } else {
                match steps.iter().find(|step| step.at > now) {
                    Some(next) => same(next),
                    None => armed.step == RELOOK,
                }
            }
        });
        if !stands || !self.obligation.state.is_running() {
            self.arm_next(desk, &steps, now);
        }
    }

    /// Turns on the lights whose instant has come, then arms the next step after `now`.
    pub fn resume(&mut self, desk: &mut Desk<'_, '_>, now: Timestamp) {
        let steps = self.steps(now);
        self.light(desk, &steps, now);
        // A catch-up that is still to come tells the steps as they are by then.
        let catches_up = |a: &Armed| a.step == CATCHUP && a.at > now;
        if !self.obligation.armed.as_ref().is_some_and(catches_up) {
            self.arm_next(desk, &steps, now);
        }
    }

    /// Turns on every light of `steps` that is due by `now` and not on yet; none while its clock
    /// stands still.
    pub fn light(&mut self, desk: &mut Desk<'_, '_>, steps: &[Step], now: Timestamp) {
        let Some(due) = self
            .obligation
            .due
            .filter(|_| !self.obligation.is_stopped())
        else {
            return;
        };
        for step in steps.iter().filter(|s| s.at <= now) {
            let lit = ObligationLit {
                obligation: self.id.clone(),
                due,
            };
            match step.code {
                StepCode::Yellow if !self.obligation.due_soon => {
                    self.emit(desk, Body::ObligationDueSoon(lit));
                }
                StepCode::Red if !self.obligation.overdue => {
                    self.emit(desk, Body::ObligationOverdue(lit));
                }
                StepCode::Lapse if self.obligation.state.is_running() => {
                    self.emit(desk, Body::ObligationLapsed(lit));
                }
                _ => {}
            }
        }
    }

    /// Arms the first step after `now`; without one for want of calendar data, looks again daily.
    /// While its clock stands still, the reminder of that.
    pub fn arm_next(&mut self, desk: &mut Desk<'_, '_>, steps: &[Step], now: Timestamp) {
        if !self.obligation.state.is_running() {
            self.disarm(desk);
        } else if self.obligation.is_stopped() {
            arm_standing(desk, self);
        } else if let Some(next) = steps.iter().find(|s| s.at > now) {
            self.arm(desk, next.at, &next.label);
        } else {
            if self
                .obligation
                .armed
                .as_ref()
                .is_none_or(|a| a.step != RELOOK)
            {
                desk.reject(
                    "no-calendar-data",
                    format!(
                        "the next step of {} falls in a year that calendar `{}` does not cover",
                        self.id,
                        self.calendar.id()
                    ),
                    "a calendar that covers it",
                    "deploy a calendar with that year's working days; the step is looked for again every day",
                );
            }
            self.arm(desk, now.plus_millis(RELOOK_MILLIS), RELOOK);
        }
    }

    /// Asks for a notice.
    pub fn notify(&mut self, desk: &mut Desk<'_, '_>, notice: Notice) {
        let definition = &self.ledger.definition;
        let to = match notice.to {
            Tier::Contact | Tier::Leader => self.obligation.unit.to_string(),
            Tier::Lead => self
                .task
                .owners
                .iter()
                .find(|o| o.role == Role::Lead)
                .and_then(|o| o.units.first())
                .unwrap_or(&definition.office)
                .clone(),
            Tier::Office => definition.office.clone(),
            Tier::LeadingGroup => definition.leading_group.clone(),
        };
        let body = Body::NoticeRequested(NoticeRequested {
            obligation: self.id.clone(),
            task: self.obligation.task.to_string(),
            unit: self.obligation.unit.to_string(),
            role: self.obligation.role,
            kind: notice.kind,
            step: notice.step,
            tier: notice.to,
            to,
            first: match notice.to {
                Tier::Contact => self.obligation.delegate.as_deref().map(ToOwned::to_owned),
                Tier::Leader | Tier::Lead | Tier::Office | Tier::LeadingGroup => None,
            },
            due: self.obligation.due,
            due_at: self.obligation.due_at,
            occasion: self.occasion_title(),
            covers: notice.covers,
            missing: match notice.kind {
                // Nothing more is asked.
                NoticeKind::Waived => Vec::new(),
                _ => self.missing(desk.state),
            },
            reason: notice.reason,
        });
        self.emit(desk, body);
    }

    /// Asks for one notice per tier for steps whose instants have come. More than one step of a
    /// tier means that they could not go out on time; they are told in one.
    pub fn notify_steps(&mut self, desk: &mut Desk<'_, '_>, steps: &[&Step]) {
        let mut tiers: Vec<(Tier, Vec<&Step>)> = Vec::new();
        for step in steps {
            if let StepCode::Notify { to, .. } = step.code {
                match tiers.iter_mut().find(|(tier, _)| *tier == to) {
                    Some((_, list)) => list.push(step),
                    None => tiers.push((to, vec![step])),
                }
            }
        }
        for (to, list) in tiers {
            let Some((last, earlier)) = list.split_last() else {
                continue;
            };
            let StepCode::Notify { kind, .. } = last.code else {
                continue;
            };
            let mut reason = self.reason(&last.label);
            if !earlier.is_empty() {
                let names: Vec<_> = earlier.iter().map(|s| label_in_chinese(&s.label)).collect();
                reason = format!(
                    "{reason};此前未能按时发出的{}一并在此告知",
                    names.join("、")
                );
            }
            self.notify(
                desk,
                Notice {
                    kind,
                    step: last.label.clone(),
                    to,
                    covers: earlier.iter().map(|s| s.label.clone()).collect(),
                    reason,
                },
            );
        }
    }

    /// What the duty was opened for, as people call it. A standing duty that begins again has no
    /// other occasion than its row.
    pub fn occasion_title(&self) -> Option<String> {
        let occasion = self.obligation.occasion.as_ref()?;
        (occasion.arose != Arose::Again).then(|| occasion.title.clone())
    }

    /// The deadline as people are told it.
    pub fn due_shown(&self) -> String {
        let deadline = self.obligation.deadline();
        deadline.map_or_else(String::new, |due| due.shown(self.ledger.definition.zone))
    }

    /// Why a step's notice goes out, in one sentence.
    fn reason(&self, label: &str) -> String {
        use duban_model::definition::StepWhen;
        let due = self.due_shown();
        match label.parse::<StepWhen>() {
            Ok(StepWhen::Before(term)) => {
                format!("距完成时限{due}还有{},尚未销号", term.chinese())
            }
            Ok(StepWhen::Due) if self.obligation.due_at.is_some() => {
                format!("现在是完成时限{due},尚未销号")
            }
            Ok(StepWhen::Due) => format!("今天是完成时限{due},尚未销号"),
            Ok(StepWhen::Overdue(term)) => {
                format!("已超过完成时限{due}共{},尚未销号", term.chinese())
            }
            Ok(StepWhen::Unsigned(term)) => {
                format!("启动已{},尚未签收,请签收;完成时限{due}", term.chinese())
            }
            Err(_) => format!("完成时限{due},尚未销号"),
        }
    }
}

/// A notice to be asked for.
pub(crate) struct Notice {
    pub kind: NoticeKind,
    pub step: String,
    pub to: Tier,
    pub covers: Vec<String>,
    pub reason: String,
}
