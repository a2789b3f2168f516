//! `duban silence`: notices that are not sent for a while, by whose decision and why; and maintenance,
//! in which nothing is sent at all.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{NaiveDate, NaiveDateTime};
use clap::{Parser, Subcommand};
use duban_model::silence::{SilenceLifted, SilenceNoted, SilenceSet};
use duban_model::{Body, Envelope, RecordId, Service, Timestamp, Zone};
use duban_runtime::clock::wall_now;

use crate::args::{Format, Place};
use crate::reading::Reading;
use crate::table;
use crate::{Ended, Fault};

/// The source of what this command sends.
const SOURCE: &str = "urn:duban:silence";
/// How often the log is looked at for the verdict, in milliseconds, and for how long, in looks.
const LOOK_MILLIS: u64 = 100;
const LOOKS: u32 = 100;

#[derive(Debug, Parser)]
pub(crate) struct Silence {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Keep notices back: of a unit, a task, a ledger, or all of them for maintenance. What goes to the
    /// supervising office is sent all the same, but for maintenance.
    Set(Set),
    /// End a silence or maintenance sooner.
    Lift(Lift),
    /// Show those in force.
    List(List),
}

#[derive(Debug, Parser)]
struct Set {
    /// About this unit's duties.
    #[arg(long)]
    unit: Option<String>,
    /// Of this task.
    #[arg(long)]
    task: Option<String>,
    /// Of this ledger.
    #[arg(long)]
    ledger: Option<String>,
    /// Nothing at all is sent; what would have been leaves afterwards, gathered. At most 7 days.
    #[arg(long, conflicts_with_all = ["unit", "task", "ledger"])]
    maintenance: bool,
    /// Until then: a day (its first instant), a day and a time, or an instant with offset. At most 92
    /// days ahead.
    #[arg(long)]
    until: String,
    /// Who decided so; kept on the log and shown.
    #[arg(long)]
    by: String,
    /// Why; kept on the log and shown.
    #[arg(long)]
    reason: String,
    /// Its id; without it, one is made.
    #[arg(long)]
    id: Option<String>,
    /// Whose, if the log holds several offices.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Parser)]
struct Lift {
    /// Which.
    id: String,
    /// Who decided so.
    #[arg(long)]
    by: String,
    /// Why.
    #[arg(long)]
    reason: Option<String>,
    /// Whose, if the log holds several offices.
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Parser)]
struct List {
    #[command(flatten)]
    place: Place,
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// The columns of a list, for programs and for people.
const NAMES: [&str; 9] = [
    "silence", "kind", "ledger", "task", "unit", "since", "until", "by", "reason",
];
const CHINESE: [&str; 9] = [
    "编号",
    "类别",
    "台账",
    "任务",
    "单位",
    "自",
    "至",
    "决定人",
    "原因",
];

/// What the log tells of silences.
#[derive(Default)]
struct Standing {
    /// Zones of the offices' ledgers, by office.
    tenants: BTreeMap<String, Zone>,
    in_force: BTreeMap<(String, String), SilenceNoted>,
    latest: Timestamp,
    head: u64,
}

async fn standing(reading: &Reading) -> Result<Standing, Fault> {
    let mut standing = Standing::default();
    reading
        .frames(|stored| {
            standing.head = stored.seq;
            for record in &stored.frame.records {
                standing.latest = standing.latest.max(record.loggedat);
                let tenant = &record.tenant;
                match &record.body {
                    Body::DirectoryAdopted(_) => {
                        let zone = standing.tenants.entry(tenant.clone());
                        zone.or_insert(Zone::SHANGHAI);
                    }
                    Body::LedgerNoted(r) => {
                        standing.tenants.insert(tenant.clone(), r.zone);
                    }
                    Body::SilenceNoted(r) => {
                        let key = (tenant.clone(), r.set.silence.clone());
                        standing.in_force.insert(key, r.clone());
                    }
                    Body::SilenceEnded(r) => {
                        let key = (tenant.clone(), r.silence.clone());
                        standing.in_force.remove(&key);
                    }
                    _ => {}
                }
            }
        })
        .await?;
    Ok(standing)
}

impl Standing {
    fn tenant(&self, wanted: Option<&String>) -> Result<(String, Zone), Fault> {
        let known: Vec<&str> = self.tenants.keys().map(String::as_str).collect();
        match (wanted, &known[..]) {
            (Some(wanted), _) => match self.tenants.get(wanted) {
                Some(zone) => Ok((wanted.clone(), *zone)),
                None => Err(format!(
                    "no office `{wanted}` on this log; there is {}",
                    known.join(", ")
                )
                .into()),
            },
            (None, [one]) => Ok(((*one).to_owned(), self.tenants[*one])),
            (None, []) => Err("no office on this log yet; deploy a directory first".into()),
            (None, several) => {
                Err(format!("name the office with --tenant: {}", several.join(", ")).into())
            }
        }
    }
}

pub(crate) async fn run(args: Silence) -> Result<Ended, Fault> {
    match args.what {
        What::Set(args) => set(args).await,
        What::Lift(args) => lift(args).await,
        What::List(args) => list(args).await,
    }
}

async fn set(args: Set) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let standing = standing(&reading).await?;
    let (tenant, zone) = standing.tenant(args.tenant.as_ref())?;
    let until = instant(&args.until, zone)?;
    let now = wall_now();
    let silence = args.id.clone().unwrap_or_else(|| {
        let parts = [now.to_string(), args.by.clone(), args.reason.clone()];
        let id = RecordId::derive(&parts.each_ref().map(String::as_bytes)).to_string();
        format!("s-{}", &id[..8])
    });
    let body = Body::SilenceSet(SilenceSet {
        silence: silence.clone(),
        ledger: args.ledger,
        task: args.task,
        unit: args.unit,
        maintenance: args.maintenance,
        until,
        by: args.by,
        reason: args.reason,
    });
    let what = if args.maintenance { "维护" } else { "静默" };
    let said = format!("{what} {silence} 已生效,至 {}", until.shown_in(zone));
    submit(&reading, &standing, (&tenant, now), body, &said).await
}

async fn lift(args: Lift) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let standing = standing(&reading).await?;
    let (tenant, _) = standing.tenant(args.tenant.as_ref())?;
    let now = wall_now();
    let said = format!("静默 {} 已解除", args.id);
    let body = Body::SilenceLifted(SilenceLifted {
        silence: args.id,
        by: args.by,
        reason: args.reason,
    });
    submit(&reading, &standing, (&tenant, now), body, &said).await
}

/// Sends one event and tells what became of it.
async fn submit(
    reading: &Reading,
    standing: &Standing,
    (tenant, now): (&str, Timestamp),
    body: Body,
    said: &str,
) -> Result<Ended, Fault> {
    let json = body.to_json();
    let id = RecordId::derive(&[now.to_string().as_bytes(), json.as_bytes()]).to_string();
    let event = Envelope {
        id: id.clone(),
        source: SOURCE.to_owned(),
        kind: body.record_type(),
        time: None,
        tenant: tenant.to_owned(),
        ledger: None,
        body,
    };
    reading.submit(&event).await?;
    if !reading.is_served() {
        crate::say!("已存入收件箱;服务运行后生效");
        return Ok(Ended::Well);
    }
    let mut head = standing.head;
    let mut own = BTreeSet::new();
    for _ in 0..LOOKS {
        let mut ended = None;
        reading
            .frames_after(head, |stored| {
                head = stored.seq;
                for record in &stored.frame.records {
                    if record.origin.as_ref() == Some(&id) {
                        own.insert(record.id);
                    }
                    let of_it = record.cause.is_some_and(|cause| own.contains(&cause));
                    match &record.body {
                        Body::RejectionRecorded(r) if r.event_id.as_ref() == Some(&id) => {
                            eprintln!(
                                "未受理 [{}] {};应为 {}。{}",
                                r.code, r.found, r.expected, r.remedy
                            );
                            ended = Some(Ended::Findings);
                        }
                        Body::SilenceNoted(_) | Body::SilenceEnded(_)
                            if of_it && stored.frame.head.service == Service::Notifier =>
                        {
                            ended = Some(Ended::Well);
                        }
                        _ => {}
                    }
                }
            })
            .await?;
        match ended {
            Some(Ended::Well) => {
                crate::say!("{said}");
                return Ok(Ended::Well);
            }
            Some(other) => return Ok(other),
            None => tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await,
        }
    }
    crate::say!("已存入收件箱,尚未生效;请查看各服务是否运行(duban status)");
    Ok(Ended::Findings)
}

async fn list(args: List) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let standing = standing(&reading).await?;
    let shown = |tenant: &str, at: Timestamp| {
        let zone = standing.tenants.get(tenant).copied();
        at.shown_in(zone.unwrap_or(Zone::SHANGHAI))
    };
    let rows: Vec<[String; 9]> = standing
        .in_force
        .iter()
        .map(|((tenant, id), noted)| {
            let set = &noted.set;
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            let what = if set.maintenance { "维护" } else { "静默" };
            [
                id.clone(),
                what.to_owned(),
                part(&set.ledger),
                part(&set.task),
                part(&set.unit),
                shown(tenant, noted.since),
                shown(tenant, set.until),
                set.by.clone(),
                set.reason.clone(),
            ]
        })
        .collect();
    match args.format {
        Format::Table if rows.is_empty() => crate::say!("没有生效中的静默或维护"),
        Format::Table => {
            let rows: Vec<Vec<String>> = rows.into_iter().map(Vec::from).collect();
            table::print(&CHINESE, &rows);
        }
        Format::Csv => {
            crate::say!("{}", NAMES.join(","));
            for row in &rows {
                crate::say!("{}", table::csv_line(row));
            }
        }
        Format::Json | Format::Ndjson => {
            let objects: Vec<serde_json::Value> = rows
                .into_iter()
                .map(|row| NAMES.into_iter().zip(row).collect::<BTreeMap<_, _>>())
                .map(|object| serde_json::json!(object))
                .collect();
            if args.format == Format::Json {
                crate::say!("{}", serde_json::to_string_pretty(&objects)?);
            } else {
                for object in objects {
                    crate::say!("{object}");
                }
            }
        }
    }
    Ok(Ended::Well)
}

/// A day, a day and a time in the office's zone, or an instant with offset.
fn instant(text: &str, zone: Zone) -> Result<Timestamp, Fault> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(zone.midnight(day));
    }
    let local = ["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
        .into_iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    match local {
        Some(local) => Ok(zone.instant(local.date(), local.time())),
        None => Err(format!(
            "--until `{text}` is no time; write 2021-10-08, \"2021-10-08 09:00\" or 2021-10-08T09:00:00+08:00"
        )
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_day_a_time_or_an_instant() {
        let shown = |text| instant(text, Zone::SHANGHAI).map(|at| at.shown_in(Zone::SHANGHAI));
        assert_eq!(shown("2021-10-08").unwrap(), "2021-10-08T00:00:00+08:00");
        assert_eq!(
            shown("2021-10-08 09:30").unwrap(),
            "2021-10-08T09:30:00+08:00"
        );
        assert_eq!(
            shown("2021-10-08T09:30:00Z").unwrap(),
            "2021-10-08T17:30:00+08:00"
        );
        assert!(
            shown("明天")
                .unwrap_err()
                .to_string()
                .contains("2021-10-08")
        );
    }
}
