//! The schedules of a ledger: those that open the periods of its year-long tasks, and those whose
//! every instant opens a duty.

use chrono::Timelike;
use duban_calendar::Period;
use duban_model::decision::{
    Arose, Consequence, MissedPolicy, Occasion, TimerArmed, TimerDisarmed, When,
};
use duban_model::definition::{FirstPeriod, Opens, Task};
use duban_model::{Body, Definition, Service, Timestamp, Zone};

use crate::activate::open_period;
use crate::decide::Desk;

/// What the timer of a schedule that opens periods ends with.
const PERIODS: &str = "/periods";
/// The step it is armed for.
const PERIOD: &str = "period";
/// What the timer of another schedule ends with.
const INSTANTS: &str = "/schedule";
/// The step it is armed for.
const INSTANT: &str = "schedule";

/// The schedule of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    timer: String,
    step: &'static str,
    cron: String,
}

impl Schedule {
    /// That of a task, if it has one.
    pub fn of(definition: &Definition, task: &Task) -> Option<Schedule> {
        let name = |end: &str| format!("{}/{}{end}", definition.ledger, task.id);
        match &task.opens {
            Opens::EachPeriod(rule) => Some(Schedule {
                timer: name(PERIODS),
                step: PERIOD,
                cron: rule.cron.clone(),
            }),
            Opens::Schedule(rule) => Some(Schedule {
                timer: name(INSTANTS),
                step: INSTANT,
                cron: rule.cron.clone(),
            }),
            _ => None,
        }
    }

    /// Whether it has the timer of another.
    pub fn moves(&self, other: &Schedule) -> bool {
        self.timer == other.timer
    }

    /// Arms its timer.
    pub fn armed(self, zone: Zone, after: Timestamp) -> Body {
        Body::TimerArmed(TimerArmed {
            timer: self.timer,
            owner: Service::Rules,
            when: When::Cron {
                expression: self.cron,
                zone,
                after,
                // What opens late is late for everybody; what never opens is lost.
                missed: MissedPolicy::FireAll,
            },
            step: self.step.to_owned(),
        })
    }

    /// Disarms its timer.
    pub fn disarmed(self) -> Body {
        Body::TimerDisarmed(TimerDisarmed {
            timer: self.timer,
            owner: Service::Rules,
        })
    }
}

/// A timer fired: if it is a schedule's, what it opens.
pub(crate) fn came(
    desk: &mut Desk<'_, '_>,
    timer: &str,
    step: &str,
    due: Timestamp,
) -> Option<Vec<Consequence>> {
    let end = match step {
        PERIOD => PERIODS,
        INSTANT => INSTANTS,
        _ => return None,
    };
    let (ledger, task) = timer.strip_suffix(end)?.rsplit_once('/')?;
    Some(opens(desk, ledger, task, step, due).unwrap_or_default())
}

fn opens(
    desk: &mut Desk<'_, '_>,
    ledger: &str,
    task_id: &str,
    step: &str,
    due: Timestamp,
) -> Option<Vec<Consequence>> {
    let state = desk.state;
    let row = state.ledger(ledger)?;
    let task = state.task(row, task_id)?;
    let definition = &row.definition;
    let schedule = Schedule::of(definition, task).filter(|schedule| schedule.step == step)?;
    let date = due.date_in(definition.zone);
    if date > definition.ends {
        desk.push(schedule.disarmed());
        return None;
    }
    match &task.opens {
        Opens::EachPeriod(rule) => {
            let activated = row.activated.date_in(definition.zone);
            let period = Period::containing(rule.every, date).ok()?;
            if rule.first == FirstPeriod::Running || period.start() > activated {
                open_period(desk, ledger, task_id, period, 0);
            }
            None
        }
        Opens::Schedule(rule) => Some(vec![Consequence::Open {
            ledger: ledger.to_owned(),
            task: task_id.to_owned(),
            occasion: occasion(&rule.cron, definition.zone, due),
            unit: None,
            next: 0,
        }]),
        _ => None,
    }
}

/// An instant of a schedule as an occasion: named by its day where the schedule has one instant a
/// day, else by its minute.
fn occasion(cron: &str, zone: Zone, at: Timestamp) -> Occasion {
    let local = at.utc().with_timezone(&zone.0);
    let is_number = |field: &str| field.bytes().all(|b| b.is_ascii_digit());
    // Seconds, minute, hour.
    let daily = cron.split_whitespace().take(3).all(is_number);
    let (key, title) = if daily {
        ("%Y%m%d", "%Y年%-m月%-d日")
    } else if local.second() == 0 {
        ("%Y%m%dT%H%M", "%Y年%-m月%-d日 %H:%M")
    } else {
        ("%Y%m%dT%H%M%S", "%Y年%-m月%-d日 %H:%M:%S")
    };
    Occasion {
        key: local.format(key).to_string(),
        title: local.format(title).to_string(),
        arose: Arose::Schedule,
        at,
        round: 1,
    }
}
