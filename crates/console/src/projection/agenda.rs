//! What a ledger shows at a glance, counted as records are folded: how its duties stand by unit, by
//! date and by stage, what waits for the office, what escalates and what turned red. A page reads
//! it at the cost of what it shows, and not of how many duties there are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use chrono::NaiveDate;
use duban_model::definition::Tier;
use duban_model::{Timestamp, Zone};

use super::duty::Duty;
use crate::light::{Counts, Light, Stage};

/// Turns to red remembered of one ledger, in turns: the newest. Days are counted for all of them.
pub const REDDENED_KEPT: usize = 500;
/// Days of which it is remembered how many duties turned red, in days.
pub const RED_DAYS_KEPT: usize = 62;
/// Notices of one ledger that its overview finds at once, in notices: the newest.
pub const LATEST_NOTICES: usize = 20;

/// Something that only the office can settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaited {
    /// A submission is to be verified (核实).
    Verdict,
    /// An extension was asked for.
    Extension,
    /// A unit says that it does not owe this.
    Dispute,
    /// A task "when appropriate" waits to be begun (适时推进).
    Trigger,
}

impl Awaited {
    /// All of them, in the order in which the pages list them.
    pub const ALL: [Awaited; 4] = [
        Awaited::Verdict,
        Awaited::Extension,
        Awaited::Dispute,
        Awaited::Trigger,
    ];

    /// Its name on the pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Awaited::Verdict => "待核实",
            Awaited::Extension => "延期申请",
            Awaited::Dispute => "单位异议",
            Awaited::Trigger => "待启动",
        }
    }

    /// Its name in addresses.
    pub fn as_str(self) -> &'static str {
        match self {
            Awaited::Verdict => "verdict",
            Awaited::Extension => "extension",
            Awaited::Dispute => "dispute",
            Awaited::Trigger => "trigger",
        }
    }

    /// The one with this name in addresses.
    pub fn parse(name: &str) -> Option<Awaited> {
        Awaited::ALL.into_iter().find(|what| what.as_str() == name)
    }

    /// Whether a duty waits for it.
    pub fn is_of(self, duty: &Duty) -> bool {
        let open = !duty.stage.is_final();
        match self {
            Awaited::Verdict => duty.stage == Stage::Submitted,
            Awaited::Extension => open && duty.extension().is_some(),
            Awaited::Dispute => open && duty.disowned().is_some(),
            Awaited::Trigger => duty.stage == Stage::Waiting,
        }
    }
}

/// The rungs of escalation, the highest first.
const TIERS: [Tier; 5] = [
    Tier::LeadingGroup,
    Tier::Office,
    Tier::Leader,
    Tier::Lead,
    Tier::Contact,
];

/// What of a duty is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub light: Light,
    pub late: bool,
    stage: Stage,
    due: Option<NaiveDate>,
    awaited: [bool; Awaited::ALL.len()],
    unit: Arc<str>,
}

impl Mark {
    pub(super) fn of(duty: &Duty) -> Mark {
        Mark {
            light: duty.light(),
            late: duty.done_late(),
            stage: duty.stage,
            due: duty.due,
            awaited: Awaited::ALL.map(|what| what.is_of(duty)),
            unit: Arc::clone(&duty.unit),
        }
    }
}

/// The counts of one ledger.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    by_unit: BTreeMap<Arc<str>, Counts>,
    by_due: BTreeMap<NaiveDate, Counts>,
    stages: [u64; Stage::ALL.len()],
    awaited: [BTreeSet<u32>; Awaited::ALL.len()],
    escalated: [BTreeSet<u32>; TIERS.len()],
    red_days: BTreeMap<NaiveDate, u64>,
    reddened: VecDeque<(Timestamp, u32)>,
    notices: VecDeque<u64>,
}

impl Agenda {
    /// How the duties of each unit stand, by the unit's id.
    pub fn by_unit(&self) -> &BTreeMap<Arc<str>, Counts> {
        &self.by_unit
    }

    /// How the duties stand by the date in force; those without a date are not among them.
    pub fn by_due(&self) -> &BTreeMap<NaiveDate, Counts> {
        &self.by_due
    }

    /// Duties at a stage.
    pub fn at_stage(&self, stage: Stage) -> u64 {
        self.stages[stage as usize]
    }

    /// Duties that wait for the office, by their places, in the order of opening.
    pub fn awaiting(&self, what: Awaited) -> &BTreeSet<u32> {
        &self.awaited[what as usize]
    }

    /// Duties of which somebody above was told and which are still open, the highest rung first.
    pub fn escalated(&self) -> impl Iterator<Item = (Tier, &BTreeSet<u32>)> {
        TIERS.into_iter().zip(&self.escalated)
    }

    /// How many turned red from a day on.
    pub fn red_since(&self, day: NaiveDate) -> u64 {
        self.red_days.range(day..).map(|(_, count)| count).sum()
    }

    /// The last duties that turned red: when, and their places; the newest first.
    pub fn reddened(&self) -> impl Iterator<Item = (Timestamp, u32)> {
        self.reddened.iter().rev().copied()
    }

    /// The newest notices, by their places, the newest first.
    pub fn notices(&self) -> impl Iterator<Item = u64> {
        self.notices.iter().rev().copied()
    }

    /// What of it is about these duties alone. What turned red is counted as far as it is kept.
    pub(crate) fn of(
        &self,
        duties: &BTreeMap<u32, &Duty>,
        zone: Zone,
        is_told: impl Fn(u64) -> bool,
    ) -> Agenda {
        let mut own = Agenda::default();
        for (place, duty) in duties {
            own.add(*place, &Mark::of(duty));
        }
        for (mine, all) in own.escalated.iter_mut().zip(&self.escalated) {
            mine.extend(all.iter().filter(|place| duties.contains_key(place)));
        }
        let reddened = self.reddened.iter();
        own.reddened
            .extend(reddened.filter(|(_, place)| duties.contains_key(place)));
        for (at, _) in &own.reddened {
            *own.red_days.entry(at.date_in(zone)).or_default() += 1;
        }
        let notices = self.notices.iter();
        own.notices.extend(notices.filter(|place| is_told(**place)));
        own
    }

    pub(super) fn add(&mut self, place: u32, mark: &Mark) {
        let of_unit = self.by_unit.entry(Arc::clone(&mark.unit)).or_default();
        of_unit.add(mark.light, mark.late);
        if let Some(due) = mark.due {
            let of_day = self.by_due.entry(due).or_default();
            of_day.add(mark.light, mark.late);
        }
        self.stages[mark.stage as usize] += 1;
        for (set, is) in self.awaited.iter_mut().zip(mark.awaited) {
            if is {
                set.insert(place);
            }
        }
    }

    fn remove(&mut self, place: u32, mark: &Mark) {
        if let Some(of_unit) = self.by_unit.get_mut(&mark.unit) {
            of_unit.remove(mark.light, mark.late);
            if of_unit.total() == 0 {
                self.by_unit.remove(&mark.unit);
            }
        }
        if let Some(due) = mark.due
            && let Some(of_day) = self.by_due.get_mut(&due)
        {
            of_day.remove(mark.light, mark.late);
            if of_day.total() == 0 {
                self.by_due.remove(&due);
            }
        }
        let of_stage = &mut self.stages[mark.stage as usize];
        *of_stage = of_stage.saturating_sub(1);
        for (set, was) in self.awaited.iter_mut().zip(mark.awaited) {
            if was {
                set.remove(&place);
            }
        }
    }

    /// A duty changed at an instant, which was a day in the ledger's zone.
    pub(super) fn change(
        &mut self,
        place: u32,
        from: &Mark,
        to: &Mark,
        (at, day): (Timestamp, NaiveDate),
    ) {
        self.remove(place, from);
        self.add(place, to);
        if to.light == Light::Red && from.light != Light::Red {
            *self.red_days.entry(day).or_default() += 1;
            if self.red_days.len() > RED_DAYS_KEPT {
                self.red_days.pop_first();
            }
            if self.reddened.len() == REDDENED_KEPT {
                self.reddened.pop_front();
            }
            self.reddened.push_back((at, place));
        }
        // Another date begins anew, and what is closed escalates no more.
        if to.stage.is_final() || to.due != from.due {
            for set in &mut self.escalated {
                set.remove(&place);
            }
        }
    }

    /// Somebody above is told of a duty. Only the highest rung counts.
    pub(super) fn escalate(&mut self, place: u32, tier: Tier) {
        let rung = TIERS.iter().position(|known| *known == tier);
        let rung = rung.unwrap_or(TIERS.len() - 1);
        if self.escalated[..rung]
            .iter()
            .any(|set| set.contains(&place))
        {
            return;
        }
        for set in &mut self.escalated {
            set.remove(&place);
        }
        self.escalated[rung].insert(place);
    }

    pub(super) fn note_notice(&mut self, place: u64) {
        if self.notices.len() == LATEST_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(place);
    }
}
