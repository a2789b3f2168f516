//! Duties that arise: each for something that is on the log, told to its unit, and gone when that is.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Entry, text};

/// What a duty was opened for, by tenant, sort and name.
type Arose<'a> = (&'a str, &'a str, &'a str);

/// Hours of the one rule that counts in hours, in milliseconds.
const ANSWER_MILLIS: i64 = 5 * 3600 * 1000;

pub(super) fn check(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    // Publications and matters that have come, and those that were taken back since.
    let mut come: BTreeSet<(&str, String)> = BTreeSet::new();
    let mut opened: BTreeMap<&str, Arose<'_>> = BTreeMap::new();
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut untold: BTreeMap<&str, String> = BTreeMap::new();
    let known: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.kind() == "obligation.opened")
        .map(|entry| text(&entry.data()["obligation"]))
        .collect();
    for entry in entries {
        let data = entry.data();
        let of_unit = |id: &str| format!("{}/{id}", text(&data["unit"]));
        match entry.kind() {
            "publication.published" | "publication.updated" => {
                come.insert(("publication", of_unit(text(&data["publication"]))));
            }
            "matter.reported" => {
                come.insert(("matter", of_unit(text(&data["matter"]))));
            }
            "obligation.opened" if !data["occasion"].is_null() => {
                let duty = text(&data["obligation"]);
                let occasion = &data["occasion"];
                let arose = arose(&occasion["arose"]);
                match arose {
                    (sort @ ("publication" | "matter"), name)
                        // A renamed unit may have sent it under another id.
                        if !come.iter().any(|(s, n)| *s == sort && own(n) == own(name)) =>
                    {
                        findings.push(format!("arose: {} for {name}, which never came", entry.shown()));
                    }
                    ("duty", before) if !known.contains(before) && !moved(entries, before) => {
                        findings.push(format!("arose: {} after {before}, which is none", entry.shown()));
                    }
                    _ => {}
                }
                opened.insert(duty, (text(&entry.record["tenant"]), arose.0, arose.1));
                let first = occasion["round"].is_null() && arose.0 != "again";
                if first && !data["due"].is_null() {
                    untold.insert(duty, entry.shown());
                }
                if duty.starts_with("drawn/answer/")
                    && millis(&data["due_at"])
                        != millis(&occasion["at"]).map(|at| at + ANSWER_MILLIS)
                {
                    findings.push(format!(
                        "arose: {} is not due five hours after it arose",
                        entry.shown()
                    ));
                }
            }
            "notice.requested" if text(&data["kind"]) == "opened" => {
                told.insert(text(&data["obligation"]));
            }
            _ => {}
        }
    }
    for (duty, shown) in untold {
        if !told.contains(duty) && !done_at_once(entries, duty) {
            findings.push(format!("arose: nobody was told of {shown}"));
        }
    }
    gone(entries, &opened, findings);
}

/// The sort and the name of what arose.
fn arose(value: &Value) -> (&str, &str) {
    match value {
        Value::String(word) => (word, ""),
        Value::Object(map) => map
            .iter()
            .next()
            .map_or(("", ""), |(sort, name)| (sort.as_str(), text(name))),
        _ => ("", ""),
    }
}

fn own(name: &str) -> &str {
    name.split_once('/').map_or(name, |(_, id)| id)
}

fn moved(entries: &[Entry<'_>], duty: &str) -> bool {
    entries.iter().any(|entry| {
        entry.kind() == "obligation.transferred"
            && (text(&entry.data()["from"]) == duty || text(&entry.data()["to"]) == duty)
    })
}

fn millis(value: &Value) -> Option<i64> {
    let at: duban_model::Timestamp = value.as_str()?.parse().ok()?;
    Some(at.0)
}

/// Whether a duty was met by what was there when it opened: then there is nothing to tell.
fn done_at_once(entries: &[Entry<'_>], duty: &str) -> bool {
    let opening = entries
        .iter()
        .find(|e| e.kind() == "obligation.opened" && text(&e.data()["obligation"]) == duty);
    opening.is_some_and(|opening| {
        entries.iter().any(|e| {
            e.kind() == "obligation.fulfilled"
                && text(&e.data()["obligation"]) == duty
                && e.cause() == opening.cause()
        })
    })
}

/// After a withdrawal was decided on, nothing that it opened is open.
fn gone(entries: &[Entry<'_>], opened: &BTreeMap<&str, Arose<'_>>, findings: &mut Vec<String>) {
    // By what arose: whether it was taken back last.
    let mut taken: BTreeMap<(&str, String), bool> = BTreeMap::new();
    let mut state: BTreeMap<&str, bool> = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        let name = |field: &str| format!("{}/{}", text(&data["unit"]), text(&data[field]));
        let duty = text(&data["obligation"]);
        match entry.kind() {
            "matter.reported" => {
                taken.insert(
                    ("matter", name("matter")),
                    text(&data["kind"]) != "incident",
                );
            }
            "matter.withdrawn" => {
                taken.insert(("matter", name("matter")), true);
            }
            "publication.withdrawn" => {
                taken.insert(("publication", name("publication")), true);
            }
            "publication.published" | "publication.updated" => {
                let of_kind = text(&data["kind"]) == "budget";
                taken.insert(("publication", name("publication")), !of_kind);
            }
            "obligation.opened" | "obligation.reopened" | "obligation.returned" => {
                state.insert(duty, true);
            }
            "obligation.fulfilled"
            | "obligation.waived"
            | "obligation.lapsed"
            | "obligation.withdrawn" => {
                state.insert(duty, false);
            }
            "obligation.transferred" => {
                // Its history is told under its new id; here it is followed no further.
                state.remove(text(&data["from"]));
            }
            _ => {}
        }
    }
    for (duty, (_, sort, name)) in opened {
        let taken_back = taken
            .iter()
            .any(|((s, n), taken)| s == sort && n == name && *taken);
        if taken_back && state.get(duty) == Some(&true) && !is_excused(entries, duty) {
            findings.push(format!("arose: {duty} is open, and {name} was taken back"));
        }
    }
}

/// A duty that people or evidence brought back after it had been withdrawn or met.
fn is_excused(entries: &[Entry<'_>], duty: &str) -> bool {
    entries.iter().any(|entry| {
        matches!(entry.kind(), "obligation.returned" | "obligation.reopened")
            && text(&entry.data()["obligation"]) == duty
    })
}
