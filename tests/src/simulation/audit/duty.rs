//! Duties and their timers: every duty has ended, waits for its trigger, or has its next timer;
//! what was due was fired, once, at or after its instant, or its timer was moved or let go.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Entry, text};
use crate::simulation::evidence::Evidence;

/// A timer by its owner and id.
type Key<'a> = (&'a str, &'a str);

/// A timer as its owner has armed it.
#[derive(Clone, Debug, PartialEq)]
struct Armed<'a> {
    id: &'a str,
    when: &'a Value,
    step: &'a str,
}

/// A timer as the scheduler has it.
#[derive(Clone, Debug)]
struct Noted<'a> {
    armed: &'a str,
    due: &'a str,
    step: &'a str,
}

pub(super) fn check(
    evidence: &Evidence,
    entries: &[Entry<'_>],
    stopped: &[&str],
    findings: &mut Vec<String>,
) {
    let pending = timers(entries, findings);
    let armed = armed(entries);
    for (key, noted) in &pending {
        if noted.due <= evidence.stopped.as_str() {
            findings.push(format!(
                "due: timer {key:?} was due at {} and has not fired by {}",
                noted.due, evidence.stopped
            ));
        }
        if armed.get(key).is_none_or(|armed| armed.id != noted.armed) {
            findings.push(format!(
                "timer: the scheduler has {key:?} for {}, its owner has armed {:?}",
                noted.armed,
                armed.get(key)
            ));
        }
    }
    duties(entries, stopped, &pending, &armed, findings);
    reactions(entries, findings);
}

fn key(data: &Value) -> Key<'_> {
    (text(&data["owner"]), text(&data["timer"]))
}

/// What owners have armed, last, and not disarmed.
fn armed<'a>(entries: &[Entry<'a>]) -> BTreeMap<Key<'a>, Armed<'a>> {
    let mut armed = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        match entry.kind() {
            "timer.armed" => {
                let now = Armed {
                    id: entry.id(),
                    when: &data["when"],
                    step: text(&data["step"]),
                };
                armed.insert(key(data), now);
            }
            "timer.disarmed" => {
                armed.remove(&key(data));
            }
            _ => {}
        }
    }
    armed
}

/// Follows every timer from arming to firing; returns those that the scheduler still has.
fn timers<'a>(entries: &[Entry<'a>], findings: &mut Vec<String>) -> BTreeMap<Key<'a>, Noted<'a>> {
    let mut pending: BTreeMap<Key<'a>, Noted<'a>> = BTreeMap::new();
    // Armings and disarmings that the scheduler has yet to answer, in order.
    let mut open: BTreeMap<Key<'a>, Vec<&'a str>> = BTreeMap::new();
    let mut disarmed: BTreeSet<&'a str> = BTreeSet::new();
    let mut fired: BTreeSet<(&'a str, &'a str)> = BTreeSet::new();
    for entry in entries {
        let data = entry.data();
        match entry.kind() {
            "timer.armed" => open.entry(key(data)).or_default().push(entry.id()),
            "timer.disarmed" => {
                disarmed.insert(entry.id());
            }
            "timer.noted" => {
                let waiting = open.entry(key(data)).or_default();
                let id = text(&data["armed"]);
                if waiting.first() == Some(&id) {
                    waiting.remove(0);
                } else {
                    findings.push(format!(
                        "timer: {} notes {id}, which is not the next armed",
                        entry.shown()
                    ));
                }
                let noted = Noted {
                    armed: id,
                    due: text(&data["due"]),
                    step: text(&data["step"]),
                };
                pending.insert(key(data), noted);
            }
            "timer.dropped" => {
                let cause = entry.cause();
                let waiting = open.entry(key(data)).or_default();
                if waiting.first() == Some(&cause) {
                    // Armed for an instant that never comes.
                    waiting.remove(0);
                } else if !disarmed.contains(cause) {
                    findings.push(format!("timer: {} without a disarming", entry.shown()));
                }
                pending.remove(&key(data));
            }
            "timer.fired" => {
                let due = text(&data["due"]);
                if entry.at() < due {
                    findings.push(format!("early: {} was due at {due}", entry.shown()));
                }
                let Some(noted) = pending.remove(&key(data)) else {
                    findings.push(format!("timer: {} was not pending", entry.shown()));
                    continue;
                };
                if noted.due != due || noted.step != text(&data["step"]) {
                    findings.push(format!(
                        "timer: {} fired for {due}, it was noted for {}",
                        entry.shown(),
                        noted.due
                    ));
                }
                if !fired.insert((noted.armed, due)) {
                    findings.push(format!("once: {} fired before", entry.shown()));
                }
                if let Some(next) = data["next"].as_str() {
                    if next <= due {
                        findings.push(format!("timer: {} goes on at {next}", entry.shown()));
                    }
                    let next = Noted { due: next, ..noted };
                    pending.insert(key(data), next);
                }
            }
            _ => {}
        }
    }
    for (key, waiting) in open {
        for id in waiting {
            findings.push(format!("timer: {key:?} armed by {id} was never noted"));
        }
    }
    pending
}

/// Where each duty stands, by the last record that says so.
fn duties<'a>(
    entries: &[Entry<'a>],
    stopped: &[&str],
    pending: &BTreeMap<Key<'a>, Noted<'a>>,
    armed: &BTreeMap<Key<'a>, Armed<'a>>,
    findings: &mut Vec<String>,
) {
    let mut states: BTreeMap<&str, &str> = BTreeMap::new();
    let mut undated: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        let data = entry.data();
        let duty = text(&data["obligation"]);
        let state = match entry.kind() {
            "obligation.opened" => {
                if states.contains_key(duty) {
                    findings.push(format!("once: {duty} was opened before"));
                }
                if data["due"].is_null() {
                    undated.insert(duty);
                    "waiting"
                } else {
                    "open"
                }
            }
            // Withdrawn before its trigger and restored, it waits again.
            "obligation.reopened" if undated.contains(duty) => "waiting",
            "obligation.triggered" | "obligation.reopened" | "obligation.returned" => "open",
            // A definition that names a date no longer waits for a trigger.
            "obligation.redated" if states.get(duty) == Some(&"waiting") => "open",
            // It goes on under another id, as it stood.
            "obligation.transferred" => {
                let Some(state) = states.remove(text(&data["from"])) else {
                    findings.push(format!("duty: {} before it was opened", entry.shown()));
                    continue;
                };
                if states.insert(text(&data["to"]), state).is_some() {
                    findings.push(format!("once: {} to one that is there", entry.shown()));
                }
                if undated.remove(text(&data["from"])) {
                    undated.insert(text(&data["to"]));
                }
                continue;
            }
            "obligation.submitted" => "submitted",
            "obligation.fulfilled"
            | "obligation.waived"
            | "obligation.lapsed"
            | "obligation.withdrawn" => "final",
            _ => continue,
        };
        if matches!(entry.kind(), "obligation.triggered" | "obligation.redated") {
            undated.remove(duty);
        }
        if state != "waiting" && entry.kind() != "obligation.opened" && !states.contains_key(duty) {
            findings.push(format!("duty: {} before it was opened", entry.shown()));
        }
        states.insert(duty, state);
    }
    for (duty, state) in states {
        let key = ("rules", duty);
        match (state, pending.get(&key), armed.get(&key)) {
            // While its clock stands still an open duty has the reminder of that, and no other.
            ("open", _, Some(armed))
                if armed.step.starts_with("stopped:") != stopped.contains(&duty) =>
            {
                findings.push(format!(
                    "duty: {duty} waits for {}, and its clock {}",
                    armed.step,
                    if stopped.contains(&duty) {
                        "stands still"
                    } else {
                        "runs"
                    }
                ));
            }
            ("open" | "submitted", Some(noted), Some(armed))
                if armed.when["at"].as_str() == Some(noted.due) && armed.step == noted.step => {}
            ("waiting" | "final", None, None) => {}
            (state, pending, armed) => findings.push(format!(
                "duty: {duty} is {state}, has armed {armed:?}, and the scheduler has {pending:?}"
            )),
        }
    }
}

/// Every firing that was still meant was answered by its owner.
fn reactions(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let answered: BTreeSet<(&str, &str)> = entries.iter().map(|e| (e.service, e.cause())).collect();
    // What the owner had armed after everything it wrote up to some frame.
    for (place, entry) in entries.iter().enumerate() {
        if entry.kind() != "timer.fired" {
            continue;
        }
        let data = entry.data();
        let (owner, timer) = key(data);
        // Opening a period for which nobody owes anything gives no record, nor does an instant of a
        // schedule whose duty is there; duties always answer.
        if owner != "rules" || matches!(text(&data["step"]), "period" | "schedule") {
            continue;
        }
        if answered.contains(&(owner, entry.id())) {
            continue;
        }
        // Unanswered means stale: its owner had written about this timer before, and the scheduler
        // had not read it yet. So the record that made it stale stands before the firing, or was
        // decided on something that its owner read before the firing.
        let since = entries.iter().position(|e| e.id() == entry.cause());
        let since = since.map_or(place, |arming| arming + 1);
        let moved = entries
            .iter()
            .enumerate()
            .skip(since)
            .any(|(other_place, other)| {
                matches!(other.kind(), "timer.armed" | "timer.disarmed")
                    && key(other.data()) == (owner, timer)
                    && (other_place < place || decided_before(entries, other, entry))
            });
        if !moved {
            findings.push(format!("lost: nobody looked at {}", entry.shown()));
        }
    }
}

/// True if `other` was decided on an input that stands before `entry` on the log. A long act goes on
/// from its own records, before any other input: what counts is where it began.
fn decided_before(entries: &[Entry<'_>], other: &Entry<'_>, entry: &Entry<'_>) -> bool {
    let by_id = |id: &str| entries.iter().position(|e| e.id() == id);
    let mut began = by_id(other.cause());
    while let Some(place) = began.filter(|place| entries[*place].kind().ends_with(".continue")) {
        began = by_id(entries[place].cause());
    }
    began.is_some_and(|place| by_id(entry.id()).is_some_and(|at| place < at))
}
