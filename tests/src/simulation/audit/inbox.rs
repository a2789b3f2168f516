//! Every input is decided or visibly rejected: each event of the inbox became exactly one record.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Entry, text};
use crate::simulation::evidence::{Evidence, Offered};

/// How far a producer's clock may be ahead, in milliseconds.
const AHEAD_MILLIS: i64 = 5 * 60 * 1000;

/// A day in milliseconds.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn check(evidence: &Evidence, entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let taken: Vec<&Entry<'_>> = entries.iter().filter(|e| e.service == "intake").collect();
    if taken.len() != evidence.inbox.len() {
        findings.push(format!(
            "inbox: {} events were offered, {} are on the log",
            evidence.inbox.len(),
            taken.len()
        ));
    }
    let mut door = Door::default();
    for (offered, entry) in evidence.inbox.iter().zip(&taken) {
        let wanted = door.expects(offered, entry);
        let found = match entry.kind() {
            "rejection.recorded" => "rejection.recorded",
            "duplicate.recorded" => "duplicate.recorded",
            _ => "fact",
        };
        if wanted != found {
            findings.push(format!(
                "inbox: event {} should be a {wanted}, it became {} {}",
                offered.seq,
                entry.shown(),
                text(&entry.data()["code"])
            ));
        }
        door.enters(offered, entry, findings);
    }
    rejections(entries, findings);
    answers(entries, findings);
}

/// What is known of those who came before.
#[derive(Default)]
struct Door {
    /// What was accepted, by tenant, source and id.
    accepted: BTreeMap<(String, String, String), Value>,
    /// The units of a tenant.
    units: BTreeMap<String, BTreeSet<String>>,
}

fn identity(event: &Value) -> (String, String, String) {
    let part = |name: &str| text(&event[name]).to_owned();
    (part("tenant"), part("source"), part("id"))
}

fn millis(at: &str) -> Option<i64> {
    let at = chrono::DateTime::parse_from_rfc3339(at).ok()?;
    Some(at.timestamp_millis())
}

impl Door {
    /// What an event must become: a fact, a duplicate or a rejection.
    fn expects(&self, offered: &Offered, entry: &Entry<'_>) -> &'static str {
        const REJECTED: &str = "rejection.recorded";
        let Ok(event) = serde_json::from_slice::<Value>(&offered.bytes) else {
            return REJECTED;
        };
        let data = &event["data"];
        if data.get("surplus").is_some() {
            return REJECTED;
        }
        if let Some(before) = self.accepted.get(&identity(&event)) {
            // A repetition is told before anything else is looked at.
            return if *before == event {
                "duplicate.recorded"
            } else {
                REJECTED
            };
        }
        let kind = text(&event["type"]);
        let inside = format!(
            "{}.{}",
            text(&event["tenant"]),
            kind.trim_start_matches("duban.")
        );
        if offered.subject != inside || kind == "duban.clock.advanced" {
            return REJECTED;
        }
        let deploys = matches!(kind, "duban.directory.deployed" | "duban.calendar.deployed");
        let units = self.units.get(text(&event["tenant"]));
        if units.is_none() && !deploys {
            return REJECTED;
        }
        if let Some(unit) = data["unit"].as_str()
            && !units.is_some_and(|units| units.contains(unit))
        {
            return REJECTED;
        }
        let ahead = millis(text(&event["time"]))
            .zip(millis(entry.at()))
            .is_some_and(|(time, logged)| time > logged + AHEAD_MILLIS);
        // A silence ends later than now, and within the quarter, or for maintenance the week.
        let longest = if data["maintenance"] == true { 7 } else { 92 };
        let ended = millis(text(&data["until"])).zip(millis(entry.at()));
        let ended = kind == "duban.silence.set"
            && !ended.is_some_and(|(until, logged)| {
                (1..=longest * DAY_MILLIS).contains(&(until - logged))
            });
        if ahead || ended { REJECTED } else { "fact" }
    }

    fn enters(&mut self, offered: &Offered, entry: &Entry<'_>, findings: &mut Vec<String>) {
        let Ok(event) = serde_json::from_slice::<Value>(&offered.bytes) else {
            return;
        };
        match entry.kind() {
            "rejection.recorded" => {
                let told = text(&entry.data()["event_id"]);
                if told != text(&event["id"]) {
                    findings.push(format!(
                        "inbox: the rejection of event {} names `{told}`",
                        offered.seq
                    ));
                }
            }
            "duplicate.recorded" => {}
            _ => {
                let record = entry.record;
                let same = record["type"] == event["type"]
                    && record["source"] == event["source"]
                    && record["originid"] == event["id"]
                    && record["tenant"] == event["tenant"]
                    && record["data"] == event["data"];
                if !same {
                    findings.push(format!(
                        "inbox: {} does not say what event {} said",
                        entry.shown(),
                        offered.seq
                    ));
                }
                if let Some(units) = event["data"]["directory"]["units"].as_object() {
                    // What is sent under a former id is its successor's.
                    let former = units
                        .values()
                        .filter_map(|unit| unit["formerly"].as_array())
                        .flatten()
                        .map(|id| text(id).to_owned());
                    let all = units.keys().cloned().chain(former).collect();
                    self.units.insert(text(&event["tenant"]).to_owned(), all);
                }
                self.accepted.insert(identity(&event), event);
            }
        }
    }
}

/// No rejection is without found, expected and remedy.
fn rejections(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    for entry in entries.iter().filter(|e| e.kind() == "rejection.recorded") {
        for field in ["code", "found", "expected", "remedy"] {
            if text(&entry.data()[field]).is_empty() {
                findings.push(format!("rejection: {} has no {field}", entry.shown()));
            }
        }
    }
}

/// Every act and deployment that was taken has an answer of the rules: a decision or a rejection.
fn answers(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let answered: BTreeSet<&str> = entries
        .iter()
        .filter(|e| e.service == "rules")
        .map(Entry::cause)
        .collect();
    let told: BTreeSet<&str> = entries
        .iter()
        .filter(|e| e.service == "notifier")
        .map(Entry::cause)
        .collect();
    for entry in entries.iter().filter(|e| e.service == "intake") {
        let kind = entry.kind();
        let wants = kind.starts_with("task.") || kind.ends_with(".deployed");
        if wants && !answered.contains(entry.id()) {
            findings.push(format!(
                "answer: the rules never answered {}",
                entry.shown()
            ));
        }
        if kind == "directory.deployed" && !told.contains(entry.id()) {
            findings.push(format!("answer: the notifier never took {}", entry.shown()));
        }
    }
}
