//! Clocks: while one stands still nobody is reminded but the office, and no light changes; when it
//! runs again the date has moved by the days that were taken out, counted here a second time.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, Weekday};
use serde_json::Value;

use super::{Entry, text};

/// Notices that go out while a clock stands still.
const OF_STANDING: [&str; 5] = [
    "stopped",
    "still_stopped",
    "verification",
    "waived",
    "extension_refused",
];

/// What this file keeps of a duty.
#[derive(Clone, Copy, Debug)]
struct Stopped {
    day: NaiveDate,
    held: NaiveDate,
    /// The date was moved by a definition or calendar meanwhile.
    redated: bool,
}

/// The duties whose clocks stand still at the end, for the check of their timers.
pub(super) fn check<'a>(entries: &[Entry<'a>], findings: &mut Vec<String>) -> Vec<&'a str> {
    let mut calendar = Working::default();
    let mut stopped: BTreeMap<&'a str, Stopped> = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        let duty = text(&data["obligation"]);
        match entry.kind() {
            "calendar.adopted" if entry.service == "rules" => {
                calendar = Working::of(&data["calendar"]["days"]);
            }
            "obligation.stopped" => {
                let now = day(&data["at"]["at"]).zip(date(&data["from"]));
                let (Some((day, held)), false) = (now, data["to"].is_string()) else {
                    findings.push(format!("clock: {} names no day, or a date", entry.shown()));
                    continue;
                };
                if day > held {
                    findings.push(format!("clock: {} after {held}", entry.shown()));
                }
                let now = Stopped {
                    day,
                    held,
                    redated: false,
                };
                if stopped.insert(duty, now).is_some() {
                    findings.push(format!("clock: {} stood still already", entry.shown()));
                }
            }
            "obligation.resumed" => {
                let Some(was) = stopped.remove(duty) else {
                    findings.push(format!("clock: {} of one that ran", entry.shown()));
                    continue;
                };
                let due = date(&data["to"]);
                let expected = day(&data["at"]["at"])
                    .filter(|_| !was.redated && counts_working_days(&data["clock"]))
                    .map(|resumed| calendar.moved(was, resumed));
                if due.is_none() || expected.is_some() && expected != due {
                    findings.push(format!(
                        "clock: {} to {due:?}, expected {expected:?}",
                        entry.shown()
                    ));
                }
            }
            "obligation.restarted" | "obligation.returned" => {
                stopped.remove(duty);
            }
            "obligation.redated" => {
                // One that has its occasion again begins anew, and runs.
                if data["counted_from"].is_string() {
                    stopped.remove(duty);
                } else if let Some(stopped) = stopped.get_mut(duty) {
                    stopped.redated = true;
                }
            }
            "obligation.transferred" => {
                if let Some(was) = stopped.remove(text(&data["from"])) {
                    stopped.insert(text(&data["to"]), was);
                }
            }
            "obligation.due_soon" | "obligation.overdue" | "obligation.lapsed"
                if stopped.contains_key(duty) =>
            {
                findings.push(format!("clock: {} while it stands still", entry.shown()));
            }
            "notice.requested"
                if stopped.contains_key(duty)
                    && !OF_STANDING.contains(&text(&data["kind"]))
                    && !matches!(text(&data["kind"]), "reopened" | "opened") =>
            {
                findings.push(format!(
                    "clock: {} ({}) while it stands still",
                    entry.shown(),
                    text(&data["step"])
                ));
            }
            _ => {}
        }
    }
    stopped.into_keys().collect()
}

/// True of a clock that moves by working days and has no day zero at its stop.
fn counts_working_days(clock: &Value) -> bool {
    let basis = &clock["basis"];
    let turns = clock["turns"].as_array();
    let restarted =
        turns.is_some_and(|turns| turns.iter().any(|t| t["what"]["restarted"] != Value::Null));
    !restarted && basis["date"].is_string()
}

/// Which days are worked, as the calendar on the log lists them.
#[derive(Default)]
struct Working {
    listed: BTreeMap<NaiveDate, bool>,
}

impl Working {
    fn of(days: &Value) -> Working {
        let days = days.as_object().into_iter().flatten();
        let listed = days.filter_map(|(day, what)| {
            Some((day.parse().ok()?, text(&what["kind"]) == "makeup_workday"))
        });
        Working {
            listed: listed.collect(),
        }
    }

    fn worked(&self, day: NaiveDate) -> bool {
        let weekend = matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
        self.listed.get(&day).copied().unwrap_or(!weekend)
    }

    /// The date that held, later by each working day from the stop to the day before the
    /// resumption, and not before the resumption.
    fn moved(&self, was: Stopped, resumed: NaiveDate) -> NaiveDate {
        let (mut left, mut day) = (0, was.day);
        while day < resumed {
            left += u32::from(self.worked(day));
            day = day + Days::new(1);
        }
        let mut due = was.held;
        while left > 0 {
            due = due + Days::new(1);
            left -= u32::from(self.worked(due));
        }
        // Where nothing was taken out, a date that passed meanwhile is the day of resuming.
        due.max(resumed)
    }
}

fn date(value: &Value) -> Option<NaiveDate> {
    text(value).parse().ok()
}

/// The day of an instant in the zone of every simulated ledger.
fn day(value: &Value) -> Option<NaiveDate> {
    let at: DateTime<FixedOffset> = text(value).parse().ok()?;
    let zone = FixedOffset::east_opt(8 * 3600)?;
    Some(at.with_timezone(&zone).date_naive())
}
