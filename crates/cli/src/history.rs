//! What came into force of definitions, directories and calendars, with its texts, as the pages list
//! and compare it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use duban_calendar::{Calendar, DayKind};
use duban_console::{Files, Version};
use duban_model::{Body, Record, RecordId, Timestamp};
use duban_office::roster;
use duban_rules::definition_hash;

use crate::Fault;
use crate::reading::Reading;

/// At the head of a directory that is written from what is in force.
pub(crate) const COMMENT: &str = "单位名录 | Units, their groups and contacts. 由现行名录写出。";

/// When and where something came into force.
#[derive(Clone, Copy)]
struct Comes<'a> {
    /// The fact that brought it.
    fact: RecordId,
    tenant: &'a str,
    at: Timestamp,
    body: &'a Body,
}

impl Comes<'_> {
    /// The digest of what it brings, whoever deployed it and why.
    fn digest(&self) -> String {
        let content = match self.body {
            Body::DirectoryDeployed(d) => serde_json::to_string(&d.directory),
            Body::CalendarDeployed(d) => serde_json::to_string(&d.calendar),
            other => Ok(other.to_json()),
        };
        RecordId::derive(&[content.unwrap_or_default().as_bytes()]).to_string()
    }
}

/// Definitions, directories and calendars that came into force, in the order in which they came in,
/// oldest first, with their texts. Several services adopt a calendar, each in its own frame: which
/// comes first on the log says nothing.
pub(crate) async fn histories(reading: &Reading) -> Result<Vec<Version>, Fault> {
    let mut facts: BTreeMap<RecordId, (usize, Arc<Record>)> = BTreeMap::new();
    let mut came = 0;
    let mut versions = Vec::new();
    reading
        .frames(|stored| {
            for record in &stored.frame.records {
                match &record.body {
                    Body::DefinitionDeployed(_)
                    | Body::DirectoryDeployed(_)
                    | Body::CalendarDeployed(_) => {
                        came += 1;
                        facts.insert(record.id, (came, record.clone()));
                    }
                    Body::DefinitionAdopted(_)
                    | Body::DirectoryAdopted(_)
                    | Body::CalendarAdopted(_) => {
                        let fact = record.cause.and_then(|cause| facts.remove(&cause));
                        versions.extend(fact.and_then(|(place, fact)| {
                            let comes = Comes {
                                fact: fact.id,
                                tenant: &fact.tenant,
                                at: record.loggedat,
                                body: &fact.body,
                            };
                            Some((place, version_of(&fact.body, comes)?))
                        }));
                    }
                    _ => {}
                }
            }
        })
        .await?;
    versions.sort_by_key(|(place, _)| *place);
    Ok(versions.into_iter().map(|(_, version)| version).collect())
}

/// The special days of a calendar as a text.
pub(crate) fn csv_of(calendar: &Calendar) -> String {
    let mut text = String::from("date,kind,name\n");
    for (date, day) in calendar.days() {
        let kind = match day.kind {
            DayKind::Holiday => "holiday",
            DayKind::MakeupWorkday => "makeup_workday",
        };
        let _ = writeln!(text, "{date},{kind},{}", day.name);
    }
    text
}

/// What came into force as a version of the pages.
fn version_of(body: &Body, comes: Comes<'_>) -> Option<Version> {
    let (ledger, what, hash, files, by, reason) = match body {
        Body::DefinitionDeployed(d) => {
            let files = d.files.iter().map(|f| (f.name.clone(), f.text.clone()));
            let what = format!("台账 {}", d.ledger);
            (
                d.ledger.clone(),
                what,
                definition_hash(&d.files),
                files.collect::<Files>(),
                &d.by,
                &d.reason,
            )
        }
        Body::DirectoryDeployed(d) => {
            let text = roster::yaml_of(&d.directory, COMMENT);
            let files = Files::from([("directory.yaml".to_owned(), text)]);
            let none = String::new();
            (
                none,
                "单位名录".to_owned(),
                comes.digest(),
                files,
                &d.by,
                &d.reason,
            )
        }
        Body::CalendarDeployed(d) => {
            let name = format!("{}-workdays.csv", d.calendar.id());
            let what = format!("工作日历 {}", d.calendar.id());
            let files = Files::from([(name, csv_of(&d.calendar))]);
            (String::new(), what, comes.digest(), files, &d.by, &d.reason)
        }
        _ => return None,
    };
    Some(Version {
        id: comes.fact.to_string(),
        tenant: comes.tenant.to_owned(),
        ledger,
        what,
        hash,
        at: Some(comes.at),
        by: by.clone().unwrap_or_default(),
        reason: reason.clone().unwrap_or_default(),
        files,
        in_force: false,
    })
}
