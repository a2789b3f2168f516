//! An auditor who reads the log, the inbox and what receivers got as texts. Nothing of the
//! deciders' code is used here: what must hold is written down a second time, as simply as it can be.

mod clock;
mod duty;
mod inbox;
mod notice;
mod occasion;
mod order;
#[cfg(test)]
mod tests;

use serde_json::Value;

use super::evidence::Evidence;

/// One record with its place.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    seq: u64,
    service: &'a str,
    record: &'a Value,
}

impl<'a> Entry<'a> {
    /// Its type without the leading `duban.`.
    fn kind(&self) -> &'a str {
        let kind = text(&self.record["type"]);
        kind.strip_prefix("duban.").unwrap_or(kind)
    }

    fn id(&self) -> &'a str {
        text(&self.record["id"])
    }

    fn tenant(&self) -> &'a str {
        text(&self.record["tenant"])
    }

    fn cause(&self) -> &'a str {
        text(&self.record["causationid"])
    }

    fn at(&self) -> &'a str {
        text(&self.record["loggedat"])
    }

    fn data(&self) -> &'a Value {
        &self.record["data"]
    }

    /// Where to look.
    fn shown(&self) -> String {
        format!("{} {} in frame {}", self.kind(), self.id(), self.seq)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Everything that does not hold, each in one line beginning with the rule that it breaks.
pub fn audit(evidence: &Evidence) -> Vec<String> {
    let entries: Vec<Entry<'_>> = evidence
        .frames
        .iter()
        .flat_map(|frame| {
            frame.records.iter().map(|record| Entry {
                seq: frame.seq,
                service: text(&frame.head["service"]),
                record,
            })
        })
        .collect();
    let mut findings = Vec::new();
    order::check(evidence, &entries, &mut findings);
    inbox::check(evidence, &entries, &mut findings);
    let stopped = clock::check(&entries, &mut findings);
    duty::check(evidence, &entries, &stopped, &mut findings);
    notice::check(evidence, &entries, &mut findings);
    occasion::check(&entries, &mut findings);
    findings
}
