//! `duban status`: ledgers, lights and what is due next.

use std::collections::BTreeMap;

use duban_journal::Holder;
use duban_model::Service;
use duban_rules::ObligationState;
use duban_runtime::clock::Clock;

use crate::args::{Format, Status};
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::view::{View, light_of};
use crate::watchdog::Watchdog;
use crate::{Ended, Fault};

pub(crate) async fn run(args: Status) -> Result<Ended, Fault> {
    let mut view = View::without_records();
    let reading = Reading::open(&args.place).await?;
    let mut watchdog: Watchdog<u64> = Watchdog::default();
    let (mut frames, mut records, mut rejections) = (0u64, 0u64, 0u64);
    reading
        .frames(|stored| {
            frames += 1;
            records += stored.frame.records.len() as u64;
            rejections += stored
                .frame
                .records
                .iter()
                .filter(|r| matches!(r.body, duban_model::Body::RejectionRecorded(_)))
                .count() as u64;
            view.note(&stored.frame, None);
            watchdog.note(&stored.frame);
        })
        .await?;
    if args.obligations {
        return obligations(&args, &view);
    }
    let mut ledgers = Vec::new();
    for (id, ledger) in view.state().ledgers() {
        if args.ledger.as_ref().is_some_and(|wanted| wanted != id) {
            continue;
        }
        let zone = ledger.definition.zone;
        let mut lights: BTreeMap<&str, u64> = BTreeMap::new();
        let (mut total, mut withdrawn, mut late) = (0, 0, 0);
        let mut next: Option<(duban_model::Timestamp, &str)> = None;
        for (obligation, o) in view.state().obligations().filter(|(_, o)| o.ledger == *id) {
            // What was withdrawn is owed by nobody.
            if o.state == ObligationState::Withdrawn {
                withdrawn += 1;
                continue;
            }
            total += 1;
            *lights.entry(light_of(o).0).or_default() += 1;
            late += u64::from(o.done.as_ref().is_some_and(|d| d.late));
            if let Some(armed) = &o.armed
                && next.is_none_or(|(at, _)| armed.at < at)
            {
                next = Some((armed.at, obligation.as_str()));
            }
        }
        ledgers.push(serde_json::json!({
            "ledger": id,
            "title": ledger.definition.title,
            "definition": ledger.hash,
            "activated": ledger.activated.shown_in(zone),
            "obligations": total,
            "green": lights.get("green").copied().unwrap_or(0),
            "yellow": lights.get("yellow").copied().unwrap_or(0),
            "red": lights.get("red").copied().unwrap_or(0),
            "done": lights.get("done").copied().unwrap_or(0),
            "done_late": late,
            "grey": lights.get("grey").copied().unwrap_or(0),
            "next_at": next.map(|(at, _)| at.shown_in(zone)),
            "next_obligation": next.map(|(_, id)| id),
            "withdrawn": withdrawn,
        }));
    }
    let missing = watchdog.check(Clock::Live.now().unwrap_or_default()).len();
    let leaders = reading.leaders().await?;
    let now = view.latest().shown_in(duban_model::Zone::SHANGHAI);
    match args.format {
        Format::Json | Format::Ndjson => crate::say!(
            "{}",
            serde_json::json!({"latest": now, "frames": frames, "records": records, "rejections": rejections, "ledgers": ledgers, "leaders": leaders_as_json(&leaders), "missing": missing})
        ),
        Format::Csv | Format::Table => {
            let keys = [
                "ledger",
                "obligations",
                "green",
                "yellow",
                "red",
                "done",
                "done_late",
                "grey",
                "next_at",
                "next_obligation",
                "withdrawn",
            ];
            let rows: Vec<Vec<String>> = ledgers
                .iter()
                .map(|l| {
                    keys.iter()
                        .map(|k| match &l[*k] {
                            serde_json::Value::String(s) => s.clone(),
                            serde_json::Value::Null => String::new(),
                            other => other.to_string(),
                        })
                        .collect()
                })
                .collect();
            if args.format == Format::Csv {
                crate::say!("{}", keys.join(","));
                for row in rows {
                    crate::say!("{}", csv_line(&row));
                }
            } else {
                crate::say!(
                    "log: {frames} frames, {records} records, {rejections} rejections; latest {now}"
                );
                if missing > 0 {
                    crate::say!(
                        "{missing} duties or timers have no next action: see `duban incidents`"
                    );
                }
                for (service, holder) in &leaders {
                    match holder {
                        Some(h) => crate::say!(
                            "{service}: last led by process {} on {}, release {}",
                            h.pid,
                            h.host,
                            h.release
                        ),
                        None => crate::say!("{service}: nobody leads"),
                    }
                }
                if rows.is_empty() {
                    crate::say!("no ledger is in force");
                } else {
                    table::print(&keys, &rows);
                }
            }
        }
    }
    Ok(Ended::Well)
}

/// By service, who holds its lease; null where nobody does.
fn leaders_as_json(leaders: &[(Service, Option<Holder>)]) -> serde_json::Value {
    leaders
        .iter()
        .map(|(service, holder)| (service.to_string(), serde_json::json!(holder)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn obligations(args: &Status, view: &View) -> Result<Ended, Fault> {
    let keys = [
        "obligation",
        "state",
        "light",
        "due",
        "done_at",
        "late",
        "next_at",
        "next_step",
        "occasion",
        "stopped_since",
    ];
    let mut rows = Vec::new();
    for (id, o) in view.state().obligations() {
        if args
            .ledger
            .as_ref()
            .is_some_and(|wanted| *wanted != o.ledger)
        {
            continue;
        }
        let zone = view.zone(&o.ledger);
        rows.push(vec![
            id.to_string(),
            o.state.to_string(),
            light_of(o).0.to_owned(),
            o.deadline().map(|d| d.shown(zone)).unwrap_or_default(),
            o.done
                .as_ref()
                .map(|d| d.at.shown_in(zone))
                .unwrap_or_default(),
            o.done
                .as_ref()
                .map(|d| d.late.to_string())
                .unwrap_or_default(),
            o.armed
                .as_ref()
                .map(|a| a.at.shown_in(zone))
                .unwrap_or_default(),
            o.armed
                .as_ref()
                .map(|a| a.step.to_string())
                .unwrap_or_default(),
            o.occasion
                .as_ref()
                .map(|occasion| occasion.title.clone())
                .unwrap_or_default(),
            o.stopped_on(zone)
                .filter(|_| !o.state.is_final())
                .unwrap_or_default(),
        ]);
    }
    match args.format {
        Format::Table => table::print(&keys, &rows),
        Format::Csv => {
            crate::say!("{}", keys.join(","));
            for row in rows {
                crate::say!("{}", csv_line(&row));
            }
        }
        Format::Json | Format::Ndjson => {
            let objects: Vec<serde_json::Value> = rows
                .iter()
                .map(|row| {
                    keys.iter()
                        .zip(row)
                        .map(|(k, v)| ((*k).to_owned(), serde_json::Value::String(v.clone())))
                        .collect::<serde_json::Map<_, _>>()
                        .into()
                })
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
