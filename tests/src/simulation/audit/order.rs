//! Frames and time: who wrote what, in which order, and that neither numbers nor clocks go back.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Entry, text};
use crate::simulation::evidence::Evidence;

pub(super) fn check(evidence: &Evidence, entries: &[Entry<'_>], findings: &mut Vec<String>) {
    frames(evidence, findings);
    chain(evidence, findings);
    records(entries, findings);
}

fn frames(evidence: &Evidence, findings: &mut Vec<String>) {
    let mut numbers: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut through: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (place, frame) in (1u64..).zip(&evidence.frames) {
        let (seq, head) = (frame.seq, &frame.head);
        let service = text(&head["service"]);
        if seq != place {
            findings.push(format!("sequence: frame {seq} stands at place {place}"));
        }
        let incarnation = head["incarnation"].as_u64().unwrap_or(0);
        let number = head["number"].as_u64().unwrap_or(0);
        let last = numbers.entry((service, incarnation)).or_default();
        if number != *last + 1 {
            findings.push(format!(
                "numbers: frame {seq} is number {number} of {service} in process {incarnation}, after {last}"
            ));
        }
        *last = number;
        let position = &head["through"];
        let reached = (
            position["seq"].as_u64().unwrap_or(0),
            position["index"].as_u64().unwrap_or(0),
        );
        let before = through.entry(service).or_default();
        if reached < *before {
            findings.push(format!(
                "through: frame {seq} of {service} has read up to {reached:?}, an earlier one up to {before:?}"
            ));
        }
        *before = reached;
        let end = if service == "intake" {
            evidence.inbox.len() as u64 + 1
        } else {
            seq
        };
        if reached.0 >= end {
            findings.push(format!(
                "through: frame {seq} of {service} has read {reached:?}, which was not there"
            ));
        }
    }
}

/// Each frame names the one before it of its service, and no service's first names any.
fn chain(evidence: &Evidence, findings: &mut Vec<String>) {
    let mut last: BTreeMap<&str, Value> = BTreeMap::new();
    for frame in &evidence.frames {
        let service = text(&frame.head["service"]);
        let digest = duban_model::state::hex(&Sha256::digest(&frame.text));
        let own = json!({"seq": frame.seq, "digest": digest});
        let before = last.insert(service, own).unwrap_or_default();
        if frame.head["previous"] != before {
            findings.push(format!(
                "chain: frame {} of {service} names {}, before it stands {before}",
                frame.seq, frame.head["previous"]
            ));
        }
    }
}

/// Which service writes which records, by the first word of their types.
fn writers(kind: &str) -> &'static [&'static str] {
    match kind {
        "timer.armed" | "timer.disarmed" => &["rules", "notifier"],
        "timer.noted" | "timer.dropped" | "timer.fired" | "timer.missed" | "scheduler.continue" => {
            &["scheduler"]
        }
        "rejection.recorded" => &["intake", "rules", "notifier"],
        "directory.adopted" => &["rules", "notifier"],
        "notice.requested" => &["rules"],
        "notice.queued" | "notice.suppressed" | "notice.attempted" | "notice.delivered"
        | "notice.failed" | "notice.abandoned" | "notice.held" | "notice.released"
        | "notice.bundled" | "notice.dropped" | "silence.noted" | "silence.ended"
        | "calendar.noted" | "ledger.noted" | "notifier.continue" => &["notifier"],
        "publication.noted"
        | "publication.forgotten"
        | "definition.adopted"
        | "calendar.adopted"
        | "ledger.revised"
        | "rules.continue" => &["rules"],
        "duplicate.recorded" => &["intake"],
        kind if kind.starts_with("obligation.") => &["rules"],
        _ => &["intake"],
    }
}

fn records(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    let mut latest: BTreeMap<&str, &str> = BTreeMap::new();
    for entry in entries {
        let at = entry.at();
        if !writers(entry.kind()).contains(&entry.service) {
            findings.push(format!("writer: {} by {}", entry.shown(), entry.service));
        }
        let last = latest.entry(entry.service).or_default();
        if at < *last {
            findings.push(format!(
                "time: {} is of {at}, after {last} by the same service",
                entry.shown()
            ));
        }
        *last = (*last).max(at);
        let has_cause = !entry.cause().is_empty();
        match seen.get(entry.cause()) {
            Some(cause) if at < *cause => findings.push(format!(
                "time: {} is of {at}, its cause of {cause}",
                entry.shown()
            )),
            Some(_) => {}
            // What the intake decides is decided on an event, which is no record.
            None if entry.service == "intake" => {}
            None if has_cause => {
                findings.push(format!(
                    "cause: {} has a cause that is not before it",
                    entry.shown()
                ));
            }
            None => findings.push(format!("cause: {} has none", entry.shown())),
        }
        if seen.insert(entry.id(), at).is_some() {
            findings.push(format!("once: {} was decided before", entry.shown()));
        }
    }
}
