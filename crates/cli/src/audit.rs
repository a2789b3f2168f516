//! `duban audit`: whether the log is as it was written.
//!
//! What it shows and what it cannot is said in deploy/RUNBOOK.md: someone who may rewrite the whole
//! log can also rewrite every link of it, so a head must be kept where that person cannot reach.

use duban_journal::LogError;
use duban_model::{Timestamp, Zone};

use crate::args::Format;
use crate::args_told::{Audit, AuditWhat, Head, Verify};
use crate::auditor::{Auditor, Finding};
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::{Ended, Fault};

pub(crate) async fn run(args: Audit) -> Result<Ended, Fault> {
    match args.what {
        AuditWhat::Verify(args) => verify(args).await,
        AuditWhat::Head(args) => head(args).await,
    }
}

async fn verify(args: Verify) -> Result<Ended, Fault> {
    let mut auditor = Auditor::default();
    let mut heads = 0;
    for file in &args.head {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|fault| format!("{name}: {fault}"))?;
        heads += auditor.expect(&text, &name)?;
    }
    let reading = Reading::open(&args.place).await?;
    match reading.frames(|stored| auditor.note(&stored)).await {
        Ok(()) => auditor.close(),
        // What cannot be read is a finding and no failure of the look.
        Err(fault) => match fault.downcast::<LogError>().map(|fault| *fault) {
            Ok(LogError::Damaged(why)) => auditor.damaged(why),
            Ok(fault) => return Err(fault.into()),
            Err(fault) => return Err(fault),
        },
    }
    print(&args, &auditor, heads);
    for finding in &auditor.findings {
        eprintln!("{}", finding.shown());
    }
    let more = auditor.count - auditor.findings.len() as u64;
    if more > 0 {
        eprintln!("… and {more} more");
    }
    Ok(if auditor.count == 0 {
        Ended::Well
    } else {
        Ended::Findings
    })
}

const KEYS: [&str; 8] = [
    "service", "frames", "records", "first", "last", "seq", "digest", "since",
];

fn print(args: &Verify, auditor: &Auditor, heads: usize) {
    let shown = |at: Option<Timestamp>| at.map(|at| at.shown_in(Zone::SHANGHAI));
    let rows: Vec<serde_json::Value> = auditor
        .chain
        .followed()
        .iter()
        .map(|(service, followed)| {
            let seen = &auditor.seen[service];
            serde_json::json!({
                "service": service, "frames": followed.frames, "records": seen.records,
                "first": shown(seen.first), "last": shown(seen.last),
                "seq": followed.head.seq, "digest": followed.head.digest, "since": followed.since,
            })
        })
        .collect();
    match args.format {
        Format::Json | Format::Ndjson => {
            let findings: Vec<_> = auditor.findings.iter().map(Finding::json).collect();
            crate::say!(
                "{}",
                serde_json::json!({
                    "verified": auditor.count == 0, "services": rows,
                    "notices": auditor.courses.len(), "heads": heads, "heads_kept": auditor.kept,
                    "findings": findings, "findings_in_all": auditor.count,
                })
            );
        }
        Format::Csv => {
            crate::say!("{}", KEYS.join(","));
            for row in &rows {
                crate::say!("{}", csv_line(&cells(row, &KEYS)));
            }
        }
        Format::Table => {
            let rows: Vec<_> = rows.iter().map(|row| cells(row, &KEYS)).collect();
            table::print(
                &[
                    "服务",
                    "帧数",
                    "记录数",
                    "首条时间",
                    "末条时间",
                    "末帧",
                    "末帧摘要",
                    "链起于帧",
                ],
                &rows,
            );
            if auditor.count == 0 {
                crate::say!(
                    "日志完整:各服务的链未断,{}份通知的过程齐全",
                    auditor.courses.len()
                );
                if heads > 0 {
                    crate::say!("此前记下的{heads}个末帧摘要均在日志中");
                }
            } else {
                crate::say!("日志有问题:共{}处,第一处见下", auditor.count);
            }
        }
    }
}

fn cells(row: &serde_json::Value, keys: &[&str]) -> Vec<String> {
    keys.iter()
        .map(|key| match &row[*key] {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        })
        .collect()
}

async fn head(args: Head) -> Result<Ended, Fault> {
    let reading = Reading::open(&args.place).await?;
    let rows: Vec<serde_json::Value> = reading
        .last_frames()
        .await?
        .iter()
        .map(|stored| {
            serde_json::json!({
                "service": stored.frame.head.service,
                "seq": stored.seq,
                "digest": stored.frame.digest(),
            })
        })
        .collect();
    let keys = ["service", "seq", "digest"];
    match args.format {
        Format::Json | Format::Ndjson => crate::say!("{}", serde_json::json!({"heads": rows})),
        Format::Csv => {
            crate::say!("{}", keys.join(","));
            for row in &rows {
                crate::say!("{}", csv_line(&cells(row, &keys)));
            }
        }
        Format::Table => {
            let rows: Vec<_> = rows.iter().map(|row| cells(row, &keys)).collect();
            table::print(&["服务", "末帧", "末帧摘要"], &rows);
        }
    }
    Ok(Ended::Well)
}
