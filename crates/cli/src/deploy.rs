//! `duban deploy`: brings a changed folder into force, as planned or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use duban_model::fact::Expects;
use duban_model::{Body, Envelope, Position, Record, RecordId, Service, Timestamp};
use duban_rules::{definition_hash, obligations_digest};

use crate::args::{Deploy, Format};
use crate::folder;
use crate::plan::{Plan, Wanted, compute, is_refusal, standing};
use crate::plan_words::in_chinese;
use crate::reading::Reading;
use crate::table;
use crate::view::View;
use crate::{Ended, Fault};

/// How often the log is looked at for the decision, in milliseconds, and for how long, in looks.
const LOOK_MILLIS: u64 = 100;
const LOOKS: u32 = 600;

/// A definition that was in force.
struct Version {
    fact: Arc<Record>,
    hash: String,
    at: Timestamp,
}

/// The definitions that came into force, oldest first. One that a new directory only gave other
/// units is the same version.
async fn versions(reading: &Reading) -> Result<Vec<Version>, Fault> {
    let mut facts: BTreeMap<RecordId, Arc<Record>> = BTreeMap::new();
    let mut versions = Vec::new();
    reading
        .frames(|stored| {
            for record in &stored.frame.records {
                match &record.body {
                    Body::DefinitionDeployed(_) => {
                        facts.insert(record.id, record.clone());
                    }
                    Body::DefinitionAdopted(r) => {
                        if let Some(fact) = record.cause.and_then(|cause| facts.get(&cause)) {
                            versions.push(Version {
                                fact: fact.clone(),
                                hash: r.hash.clone(),
                                at: r.at,
                            });
                        }
                    }
                    _ => {}
                }
            }
        })
        .await?;
    Ok(versions)
}

async fn list(args: &Deploy, reading: &Reading) -> Result<Ended, Fault> {
    let (view, ..) = standing(reading, None).await?;
    let versions = versions(reading).await?;
    let keys = ["ledger", "definition", "in_force", "since", "by", "reason"];
    let last: BTreeMap<String, usize> = versions
        .iter()
        .enumerate()
        .map(|(place, v)| (v.fact.ledger.clone().unwrap_or_default(), place))
        .collect();
    let rows: Vec<Vec<String>> = versions
        .iter()
        .enumerate()
        .map(|(place, version)| {
            let ledger = version.fact.ledger.clone().unwrap_or_default();
            let (by, reason) = match &version.fact.body {
                Body::DefinitionDeployed(d) => (d.by.clone(), d.reason.clone()),
                _ => (None, None),
            };
            let in_force = last.get(&ledger) == Some(&place);
            vec![
                ledger.clone(),
                version.hash.clone(),
                if in_force { "yes" } else { "" }.to_owned(),
                version.at.shown_in(view.zone(&ledger)),
                by.unwrap_or_default(),
                reason.unwrap_or_default(),
            ]
        })
        .collect();
    match args.format {
        Format::Table => {
            let mut rows = rows;
            for row in &mut rows {
                if row[2] == "yes" {
                    "是".clone_into(&mut row[2]);
                }
            }
            let headings = ["台账", "定义", "生效中", "生效时间", "经办", "理由"];
            table::print(&headings, &rows);
        }
        Format::Csv => {
            crate::say!("{}", keys.join(","));
            for row in &rows {
                crate::say!("{}", table::csv_line(row));
            }
        }
        Format::Json | Format::Ndjson => {
            let objects: Vec<serde_json::Value> = rows
                .iter()
                .map(|row| {
                    let pairs = keys.iter().zip(row);
                    let pairs = pairs.map(|(k, v)| ((*k).to_owned(), v.clone().into()));
                    serde_json::Value::Object(pairs.collect())
                })
                .collect();
            if args.format == Format::Json {
                crate::say!("{}", serde_json::to_string_pretty(&objects)?);
            } else {
                for object in &objects {
                    crate::say!("{object}");
                }
            }
        }
    }
    Ok(Ended::Well)
}

/// What is wanted: a folder, or an earlier definition.
async fn wanted(args: &Deploy, reading: &Reading, view: &View) -> Result<Wanted, Fault> {
    if let Some(dir) = &args.dir {
        return Wanted::of_folder(&folder::read(dir)?, view.state());
    }
    let hash = args.back.as_deref().unwrap_or_default();
    let versions = versions(reading).await?;
    let hashes: BTreeSet<&str> = versions
        .iter()
        .map(|version| version.hash.as_str())
        .filter(|known| !hash.is_empty() && known.starts_with(hash))
        .collect();
    let found = match hashes.first().filter(|_| hashes.len() == 1) {
        Some(found) => versions.iter().rev().find(|v| v.hash == **found),
        None => None,
    };
    let Some(version) = found else {
        return Err(format!(
            "--back {hash}: found {} such definitions on the log; expected the hash of one, or enough of its beginning; `duban deploy --list` shows them",
            hashes.len()
        )
        .into());
    };
    let Body::DefinitionDeployed(deployed) = &version.fact.body else {
        return Err("a definition without its texts".into());
    };
    let running = view.state().ledger(&deployed.ledger);
    if running.is_some_and(|ledger| ledger.hash == version.hash) {
        return Ok(Wanted::default());
    }
    debug_assert_eq!(definition_hash(&deployed.files), version.hash);
    Ok(Wanted::of_texts(
        &version.fact,
        &deployed.files,
        &version.hash,
    ))
}

/// Who deploys, and why.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signature {
    /// Who.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// An event with who, why and what it was planned on.
fn signed(event: &Envelope, signature: &Signature, view: &View, head: u64) -> Envelope {
    let mut event = event.clone();
    let state = view.state();
    let of = match &event.body {
        Body::DefinitionDeployed(d) => Some(d.ledger.clone()),
        _ => None,
    };
    let expected = Some(Expects {
        definition: of
            .as_deref()
            .and_then(|ledger| state.ledger(ledger))
            .map(|ledger| ledger.hash.clone()),
        obligations: Some(obligations_digest(state, &event.tenant, of.as_deref())),
    });
    let (by, reason, expects) = match &mut event.body {
        Body::DefinitionDeployed(d) => (&mut d.by, &mut d.reason, &mut d.expects),
        Body::DirectoryDeployed(d) => (&mut d.by, &mut d.reason, &mut d.expects),
        Body::CalendarDeployed(d) => (&mut d.by, &mut d.reason, &mut d.expects),
        _ => return event,
    };
    by.clone_from(&signature.by);
    reason.clone_from(&signature.reason);
    *expects = expected;
    // The same deployment can be made again after another one: it is told apart by where the log
    // stood.
    let digest = RecordId::derive(&[event.body.to_json().as_bytes()]);
    event.id = format!("{}/{digest}/{head}", event.kind.as_str());
    event
}

/// What became of one event.
#[derive(Default)]
struct Verdict {
    fact: Option<RecordId>,
    at: Option<Position>,
    done: bool,
    refused: Vec<String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Verdict {
    fn note(&mut self, event: &Envelope, service: Service, record: &Record, at: Position) {
        if record.origin.as_deref() == Some(&event.id) && record.source == event.source {
            (self.fact, self.at) = (Some(record.id), Some(at));
            return;
        }
        match &record.body {
            Body::RejectionRecorded(r)
                if r.event_id.as_deref() == Some(&event.id) && is_refusal(&r.code) =>
            {
                self.done |= service == Service::Intake;
                self.refused.push(format!(
                    "[{}] {}; expected {}. {}",
                    r.code, r.found, r.expected, r.remedy
                ));
            }
            body if Some(record.correlation) == self.fact => {
                let what = match body {
                    Body::ObligationOpened(_) => "opened",
                    Body::ObligationWithdrawn(_) => "withdrawn",
                    Body::ObligationTransferred(_) => "transferred",
                    Body::ObligationRedated(r) if r.granted => "kept",
                    Body::ObligationRedated(_) => "moved",
                    Body::ObligationReopened(_) => "restored",
                    Body::ObligationFulfilled(_) => "fulfilled",
                    _ => return,
                };
                *self.counts.entry(what).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// Submits an event and waits until the rules have decided it, with all that follows.
async fn submit(
    reading: &Reading,
    view: &mut View,
    head: &mut u64,
    event: &Envelope,
) -> Result<Verdict, Fault> {
    reading.submit(event).await?;
    let mut verdict = Verdict::default();
    for _ in 0..LOOKS {
        reading
            .frames_after(*head, |stored| {
                *head = stored.seq;
                view.note(&stored.frame, None);
                let service = stored.frame.head.service;
                for (index, record) in (0u32..).zip(&stored.frame.records) {
                    let at = Position {
                        seq: stored.seq,
                        index,
                    };
                    verdict.note(event, service, record, at);
                }
                if service == Service::Rules
                    && let Some(at) = verdict.at
                {
                    let last = stored.frame.records.last();
                    let goes_on = last.is_some_and(|r| r.record_type().is_continuation());
                    verdict.done |= stored.frame.head.through >= at && !goes_on;
                }
            })
            .await?;
        if verdict.done {
            return Ok(verdict);
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
    }
    Err(
        "stored, and not decided yet; `duban deploy --list` will show whether it came into force"
            .into(),
    )
}

/// Whether what is still to do is part of what was shown.
fn is_within(rest: &Plan, shown: &Plan) -> bool {
    let known: BTreeSet<&str> = shown
        .changes
        .iter()
        .flat_map(|c| [c.obligation.as_str(), c.from.as_str()])
        .collect();
    rest.changes
        .iter()
        .all(|change| known.contains(change.obligation.as_str()))
}

pub(crate) async fn run(args: Deploy) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    if args.list {
        return list(&args, &reading).await;
    }
    if !reading.is_served() {
        return Err(format!(
            "no server runs on {}: nobody would decide; start it with `duban serve --data {}`, then deploy",
            args.place.data.display(),
            args.place.data.display()
        )
        .into());
    }
    let (mut planned, now, _) = standing(&reading, None).await?;
    let left = wanted(&args, &reading, &planned).await?;
    let shown = compute(&mut planned, &left, now);
    if let Some(expected) = args.plan.as_ref().filter(|hash| **hash != shown.plan) {
        eprintln!(
            "refused: the plan is now {}, not `{expected}`; look at `duban plan` again, and give the hash that its last line names",
            shown.plan
        );
        return Ok(Ended::Findings);
    }
    shown.print_sum();
    if !shown.refused.is_empty() {
        for refusal in &shown.refused {
            eprintln!("refused: {refusal}");
        }
        return Ok(Ended::Findings);
    }
    let signature = Signature {
        by: args.by.clone(),
        reason: args.reason.clone(),
    };
    let counts = match carry_out(&reading, left, &shown, &signature).await? {
        Carried::Done(counts) => counts,
        Carried::Stale => {
            eprintln!(
                "refused: the plan has gone stale while it was carried out; look at `duban plan` again"
            );
            return Ok(Ended::Findings);
        }
        Carried::Refused(why) => {
            for refusal in &why {
                eprintln!("refused: {refusal}");
            }
            return Ok(Ended::Findings);
        }
    };
    if !shown.brings.is_empty() {
        let hash = shown.definition.map(|h| format!("(台账定义 {h})"));
        crate::say!("已生效{}:{}", hash.unwrap_or_default(), summed(&counts));
    }
    Ok(Ended::Well)
}

/// What was done, in words.
pub(crate) fn summed(counts: &BTreeMap<&'static str, usize>) -> String {
    if counts.is_empty() {
        return "事项没有变化".to_owned();
    }
    let list: Vec<String> = counts
        .iter()
        .map(|(what, count)| format!("{}{count}项", in_chinese(what)))
        .collect();
    list.join("、")
}

/// What became of a deployment.
pub(crate) enum Carried {
    /// It is in force; so many obligations were opened, moved and so on.
    Done(BTreeMap<&'static str, usize>),
    /// Meanwhile something else happened, and the plan is true no longer.
    Stale,
    /// Refused, for these reasons.
    Refused(Vec<String>),
}

/// Brings what is wanted into force, one event after the other, as long as what is left to do is part
/// of what was shown.
pub(crate) async fn carry_out(
    reading: &Reading,
    mut left: Wanted,
    shown: &Plan,
    signature: &Signature,
) -> Result<Carried, Fault> {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    let (mut view, _, mut head) = standing(reading, None).await?;
    while !left.events.is_empty() {
        let (mut trial, now, seen) = standing(reading, None).await?;
        let rest = compute(&mut trial, &left, now);
        if !is_within(&rest, shown) {
            return Ok(Carried::Stale);
        }
        if seen > head {
            let (fresh, _, at) = standing(reading, None).await?;
            (view, head) = (fresh, at);
        }
        let event = signed(&left.events.remove(0), signature, &view, head);
        let verdict = submit(reading, &mut view, &mut head, &event).await?;
        if !verdict.refused.is_empty() {
            return Ok(Carried::Refused(verdict.refused));
        }
        for (what, count) in verdict.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    Ok(Carried::Done(counts))
}
