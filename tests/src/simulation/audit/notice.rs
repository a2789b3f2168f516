//! Notices: none lost, none repeated unless labelled, none sent that was not announced.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Entry, text};
use crate::simulation::evidence::Evidence;

/// One notice through its life.
#[derive(Clone, Debug, Default)]
struct Notice<'a> {
    /// Announced attempts: the frame, and whether labelled.
    attempts: Vec<(u64, bool)>,
    /// Attempts after which it was certain that nothing had arrived.
    failed: BTreeSet<u64>,
    delivered: u32,
    abandoned: u32,
    /// The attempt that was last said to have failed, and when it is tried again.
    retry: Option<(u64, &'a str)>,
    /// It waits in this window until an instant.
    held: Option<(String, &'a str)>,
    /// The message that stands for it.
    bundle: Option<&'a str>,
    /// It was said not to be sent any more.
    dropped: u32,
}

impl Notice<'_> {
    fn ends(&self) -> u32 {
        self.delivered + self.abandoned + self.dropped
    }
}

pub(super) fn check(evidence: &Evidence, entries: &[Entry<'_>], findings: &mut Vec<String>) {
    requests(entries, findings);
    let notices = lives(entries, findings);
    for (id, notice) in &notices {
        if let Some(bundle) = notice.bundle {
            let alone = notice.attempts.is_empty() && notice.ends() == 0;
            if !alone || !notices.contains_key(bundle) {
                findings.push(format!(
                    "bundle: {id} left with {bundle} and by itself: {notice:?}"
                ));
            }
            continue;
        }
        if notice.ends() > 1 {
            findings.push(format!("notice: {id} ended more than once: {notice:?}"));
        }
        if notice.ends() == 0
            && !retried(entries, id, notice, evidence)
            && !waits(entries, notice, evidence)
        {
            findings.push(format!(
                "lost: notice {id} has no end and no retry: {notice:?}"
            ));
        }
        let arrived = evidence.arrivals.iter().any(|a| a.notice == *id);
        if notice.delivered > 0 && !arrived {
            findings.push(format!(
                "lost: notice {id} is said to be delivered, nobody got it"
            ));
        }
    }
    arrivals(evidence, &notices, findings);
    successions(entries, findings);
}

/// Every request is queued, or suppressed with a reason.
fn requests(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let mut answers: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        match entry.kind() {
            "notice.requested" => {
                answers.insert(entry.id(), 0);
                if text(&data["reason"]).is_empty() {
                    findings.push(format!("notice: {} has no reason", entry.shown()));
                }
            }
            // One that follows another is judged with that one.
            "notice.queued" if !data["instead_of"].is_null() => {}
            kind @ ("notice.queued" | "notice.suppressed") => {
                match answers.get_mut(text(&data["notice"])) {
                    Some(count) => *count += 1,
                    None => findings.push(format!("notice: {} was not asked for", entry.shown())),
                }
                let silent = text(&data["code"]).is_empty() || text(&data["reason"]).is_empty();
                if kind == "notice.suppressed" && silent {
                    findings.push(format!("notice: {} has no reason", entry.shown()));
                }
            }
            _ => {}
        }
    }
    for (id, count) in answers {
        if count != 1 {
            findings.push(format!(
                "lost: notice {id} was asked for and answered {count} times"
            ));
        }
    }
}

/// Who could not be reached is followed by somebody who was not tried yet, as long as there is anybody:
/// of the unit that was to be told, or of the office.
fn successions(entries: &[Entry<'_>], findings: &mut Vec<String>) {
    let mut directory = &Value::Null;
    let mut office = "";
    let mut queued: BTreeMap<&str, &Value> = BTreeMap::new();
    // Abandoned notices, each with those who are left, until one that follows is seen.
    let mut open: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut bundles: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        match entry.kind() {
            "directory.adopted" if entry.service == "notifier" => directory = &data["directory"],
            "ledger.noted" => office = text(&data["office"]),
            "notice.bundled" => {
                let covers = data["covers"].as_array().into_iter().flatten();
                bundles.insert(text(&data["notice"]), covers.map(text).collect());
            }
            "notice.abandoned" => {
                let id = text(&data["notice"]);
                // Each of those that a message stood for goes to somebody else.
                for id in bundles.get(id).cloned().unwrap_or_else(|| vec![id]) {
                    let Some(notice) = queued.get(id) else {
                        continue;
                    };
                    let mut left = people(directory, text(&notice["request"]["to"]), true);
                    left.extend(people(directory, office, false));
                    for tried in tried(notice) {
                        left.remove(&tried);
                    }
                    open.insert(id, left);
                }
            }
            "notice.queued" => {
                let id = text(&data["notice"]);
                queued.insert(id, data);
                if data["instead_of"].is_null() {
                    continue;
                }
                let before = text(&data["instead_of"]);
                let (Some(left), Some(failed)) = (open.remove(before), queued.get(before)) else {
                    findings.push(format!(
                        "followed: {} follows none that was abandoned, or not alone",
                        entry.shown()
                    ));
                    continue;
                };
                let sound = data["request"] == failed["request"]
                    && left.contains(&receiver(data))
                    && data["tried"].as_array().map(Vec::len) == Some(tried(failed).len());
                if !sound {
                    findings.push(format!(
                        "followed: {} is not for one of {left:?}, or about another thing",
                        entry.shown()
                    ));
                }
            }
            _ => {}
        }
    }
    for (id, left) in open.into_iter().filter(|(_, left)| !left.is_empty()) {
        findings.push(format!(
            "followed: notice {id} was abandoned, and none of {left:?} told"
        ));
    }
}

/// A notice's receiver, as `unit/contact@channel`.
fn receiver(notice: &Value) -> String {
    format!("{}@{}", text(&notice["contact"]), text(&notice["channel"]))
}

/// Everybody tried up to a notice, its own receiver among them.
fn tried(notice: &Value) -> Vec<String> {
    let before = notice["tried"].as_array().into_iter().flatten();
    before
        .map(|tried| text(tried).to_owned())
        .chain([receiver(notice)])
        .collect()
}

/// Everybody of a unit who has an address, on each channel; of the office its contacts only.
fn people(directory: &Value, unit: &str, leaders: bool) -> BTreeSet<String> {
    let entry = &directory["units"][unit];
    let contacts = entry["contacts"].as_array().into_iter().flatten();
    let leader = Some(&entry["leader"]).filter(|leader| leaders && leader.is_object());
    let mut people = BTreeSet::new();
    for person in contacts.chain(leader) {
        let mail = serde_json::json!(["mail"]);
        let channels = person.get("channels").unwrap_or(&mail).as_array();
        for channel in channels.into_iter().flatten().map(text) {
            if channel != "mail" || person["mail"].is_string() {
                people.insert(format!("{unit}/{}@{channel}", text(&person["id"])));
            }
        }
    }
    people
}

fn lives<'a>(entries: &[Entry<'a>], findings: &mut Vec<String>) -> BTreeMap<&'a str, Notice<'a>> {
    let mut notices: BTreeMap<&str, Notice<'_>> = BTreeMap::new();
    let mut receivers: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    for entry in entries {
        let data = entry.data();
        let id = text(&data["notice"]);
        if matches!(entry.kind(), "notice.queued" | "notice.bundled") {
            let before = notices.insert(id, Notice::default());
            if before.is_some() {
                findings.push(format!("notice: {} a second time", entry.shown()));
            }
            receivers.insert(id, (entry.tenant(), receiver(data)));
            if entry.kind() == "notice.queued" {
                let until = text(&data["held"]["until"]);
                if let Some(notice) = notices.get_mut(id).filter(|_| !until.is_empty()) {
                    let window = format!("window/{}/{}", entry.tenant(), receiver(data));
                    notice.held = Some((window, until));
                }
                continue;
            }
            let covers: Vec<&str> = data["covers"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect();
            if covers.len() < 2 {
                findings.push(format!(
                    "bundle: {} stands for fewer than two",
                    entry.shown()
                ));
            }
            for covered in covers {
                let same =
                    receivers.get(covered).map(|(_, receiver)| receiver) == Some(&receiver(data));
                match notices.get_mut(covered) {
                    Some(notice) if same && notice.bundle.is_none() && notice.held.is_some() => {
                        notice.bundle = Some(id);
                        notice.held = None;
                    }
                    other => findings.push(format!(
                        "bundle: {} stands for {covered}, which is not held for its receiver: {other:?}",
                        entry.shown()
                    )),
                }
            }
            continue;
        }
        if !matches!(
            entry.kind(),
            "notice.attempted"
                | "notice.delivered"
                | "notice.failed"
                | "notice.abandoned"
                | "notice.held"
                | "notice.released"
                | "notice.dropped"
        ) {
            continue;
        }
        let Some(notice) = notices.get_mut(id) else {
            findings.push(format!("notice: {} was never queued", entry.shown()));
            continue;
        };
        if notice.ends() > 0 {
            findings.push(format!("notice: {} after its end", entry.shown()));
        }
        let attempt = data["attempt"].as_u64().unwrap_or(0);
        match entry.kind() {
            "notice.attempted" => {
                let labelled = data["possible_duplicate"].as_bool().unwrap_or(false);
                let number = notice.attempts.len() as u64 + 1;
                if attempt != number {
                    findings.push(format!(
                        "notice: {} is attempt {attempt}, the next is {number}",
                        entry.shown()
                    ));
                }
                let certain = (1..number).all(|before| notice.failed.contains(&before));
                if !labelled && !certain {
                    findings.push(format!(
                        "label: {} bears none, and an earlier attempt may have arrived",
                        entry.shown()
                    ));
                }
                notice.attempts.push((entry.seq, labelled));
                notice.retry = None;
                notice.held = None;
            }
            "notice.held" => {
                let window = receivers
                    .get(id)
                    .map_or_else(String::new, |(tenant, receiver)| {
                        format!("window/{tenant}/{receiver}")
                    });
                notice.held = Some((window, text(&data["until"])));
            }
            "notice.released" => notice.held = None,
            "notice.dropped" => {
                notice.dropped += 1;
                notice.held = None;
                let sent = !notice.attempts.is_empty();
                if sent || text(&data["reason"]).is_empty() {
                    findings.push(format!(
                        "notice: {} has no reason, or was sent",
                        entry.shown()
                    ));
                }
            }
            "notice.delivered" => notice.delivered += 1,
            "notice.failed" => {
                if text(&data["outcome"]) == "failed" {
                    notice.failed.insert(attempt);
                }
                notice.retry = Some((attempt, text(&data["retry_at"])));
            }
            _ => {
                notice.abandoned += 1;
                if text(&data["reason"]).is_empty() {
                    findings.push(format!("notice: {} has no reason", entry.shown()));
                }
            }
        }
    }
    notices
}

/// Whether a notice without an end is to be tried again, by a timer that is armed for later.
fn retried(entries: &[Entry<'_>], id: &str, notice: &Notice<'_>, evidence: &Evidence) -> bool {
    let Some((attempt, at)) = notice.retry else {
        return false;
    };
    let timer = format!("retry/{id}");
    let armed = entries
        .iter()
        .rfind(|e| e.kind() == "timer.armed" && text(&e.data()["timer"]) == timer);
    attempt == notice.attempts.len() as u64
        && at > evidence.stopped.as_str()
        && armed.is_some_and(|e| e.data()["when"]["at"].as_str() == Some(at))
}

/// Whether a notice without an end waits for the end of its window, at which a timer is armed for later.
fn waits(entries: &[Entry<'_>], notice: &Notice<'_>, evidence: &Evidence) -> bool {
    let Some((window, _)) = &notice.held else {
        return false;
    };
    let armed = entries
        .iter()
        .rfind(|e| e.kind() == "timer.armed" && text(&e.data()["timer"]) == *window);
    let until = armed.and_then(|e| e.data()["when"]["at"].as_str());
    until.is_some_and(|until| until > evidence.stopped.as_str())
}

/// What receivers got: announced before, as announced, each attempt at most once, and of several
/// only one without the label.
fn arrivals(evidence: &Evidence, notices: &BTreeMap<&str, Notice<'_>>, findings: &mut Vec<String>) {
    let mut got: BTreeMap<&str, Vec<(u32, bool)>> = BTreeMap::new();
    for arrival in &evidence.arrivals {
        let id = arrival.notice.as_str();
        let place = usize::try_from(arrival.attempt)
            .unwrap_or(0)
            .wrapping_sub(1);
        let announced = notices
            .get(id)
            .and_then(|notice| notice.attempts.get(place));
        match announced {
            Some((seq, labelled)) if *seq <= arrival.head && *labelled == arrival.labelled => {}
            other => findings.push(format!(
                "announced: attempt {} of {id} arrived, label {}, log at {}; announced {other:?}",
                arrival.attempt, arrival.labelled, arrival.head
            )),
        }
        let before = got.entry(id).or_default();
        if before
            .iter()
            .any(|(attempt, _)| *attempt == arrival.attempt)
        {
            findings.push(format!(
                "once: attempt {} of {id} arrived twice",
                arrival.attempt
            ));
        }
        if !arrival.labelled && before.iter().any(|(_, labelled)| !labelled) {
            findings.push(format!("label: {id} arrived twice without it"));
        }
        before.push((arrival.attempt, arrival.labelled));
    }
}
