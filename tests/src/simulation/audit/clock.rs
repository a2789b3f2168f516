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

/// The duties whose clocks stand still at the end, for the check of their timers.
pub(super) fn check<'a>(entries: &[Entry<'a>], findings: &mut Vec<String>) -> Vec<&'a str> {
    let mut calendar = Working::default();
    let mut stopped: BTreeMap<&'a str, NaiveDate> = BTreeMap::new();
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
                if stopped.insert(duty, day).is_some() {
                    findings.push(format!("clock: {} stood still already", entry.shown()));
                }
            }
            "obligation.resumed" => {
                let Some(was) = stopped.remove(duty) else {
                    findings.push(format!("clock: {} of one that ran", entry.shown()));
                    continue;
                };
                let due = date(&data["to"]);
                let resumed = day(&data["at"]["at"]).zip(date(&data["from"]));
                let expected = resumed
                    .zip(first_counted(&data["clock"]))
                    .map(|((resumed, held), first)| calendar.moved(held, was.max(first), resumed));
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
                    && !matches!(
                        text(&data["kind"]),
                        "reopened" | "opened" | "delegated" | "disowned"
                    ) =>
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

/// The first day that a clock of working days counts; nothing for one that counts otherwise. The
/// day of its beginning is not counted, so a stop takes nothing out there.
fn first_counted(clock: &Value) -> Option<NaiveDate> {
    let basis = &clock["basis"];
    let days = &basis["days"];
    if !basis["date"].is_string() && !text(&days["term"]).ends_with("wd") {
        return None;
    }
    let turns = clock["turns"].as_array().map_or(&[][..], Vec::as_slice);
    let restart = turns
        .iter()
        .rfind(|turn| turn["what"].get("restarted").is_some());
    // A date is named by the day itself, and every day before it may be taken out.
    let zero = match restart {
        Some(turn) if days.is_object() => date(&turn["at"]),
        _ => date(&days["from"]),
    };
    Some(zero.map_or(NaiveDate::MIN, |zero| zero + Days::new(1)))
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
    fn moved(&self, held: NaiveDate, from: NaiveDate, resumed: NaiveDate) -> NaiveDate {
        let (mut left, mut day) = (0, from);
        while day < resumed {
            left += u32::from(self.worked(day));
            day = day + Days::new(1);
        }
        let mut due = held;
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
