//! What a preview prints of a span is what the live ledger of notices holds after it, line by line:
//! each notice asked for, told or kept back, each message that stands for several, in one order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use duban_journal::Stored;
use duban_model::decision::NoticeRequested;
use duban_model::notice::NoticeKind;
use duban_model::{Body, Record, Timestamp, Zone};
use duban_tests::duban::{LEDGER, Play, run, workspace};
use duban_tests::log::embedded;
use serde_json::{Value, json};

/// The ledger's year from its issue to its end.
const LAST_DAY: &str = "2021-12-31";

/// An instant as the office reads it.
fn shown(at: Timestamp) -> String {
    at.shown_in(Zone::SHANGHAI)
}

fn line(record: &Record, request: &NoticeRequested, to: (&str, String), notice: &str) -> Value {
    let mut line = json!({
        "at": shown(record.loggedat),
        "kind": request.kind.as_str(),
        "ledger": record.ledger,
        "task": request.task,
        "obligation": request.obligation,
        "unit": request.unit,
        "role": request.role.as_str(),
        "contact": to.0,
        "channel": to.1,
        "step": request.step,
        "tier": request.tier.as_str(),
        "due": request.due.map(|due| due.to_string()).unwrap_or_default(),
        "covers": request.covers,
        "missing": request.missing,
        "reason": request.reason,
        "definition": record.definition.clone().unwrap_or_default(),
        "notice": notice,
    });
    if let Some(at) = request.due_at {
        line["due_at"] = json!(shown(at));
    }
    if let Some(occasion) = &request.occasion {
        line["occasion"] = json!(occasion);
    }
    line
}

/// A log read as a ledger of notices, by this test's own reading of the records.
fn on_the_log(frames: &[Stored]) -> Vec<Value> {
    let records = frames.iter().flat_map(|stored| &stored.frame.records);
    records
        .filter_map(|record| match &record.body {
            Body::NoticeQueued(r) => {
                let to = (r.contact.as_str(), r.channel.as_str().to_owned());
                Some(line(record, &r.request, to, &r.notice))
            }
            Body::NoticeSuppressed(r) => {
                let to = ("", format!("suppressed:{}", r.code));
                Some(line(record, &r.request, to, &r.notice))
            }
            Body::NoticeBundled(r) => Some(json!({
                "at": shown(record.loggedat),
                "kind": NoticeKind::Digest.as_str(),
                "ledger": record.ledger.clone().unwrap_or_default(),
                "task": "",
                "obligation": "",
                "unit": r.contact.split('/').next(),
                "role": "",
                "contact": r.contact,
                "channel": r.channel.as_str(),
                "step": NoticeKind::Digest.as_str(),
                "tier": "",
                "due": "",
                "covers": r.covers,
                "missing": [],
                "reason": r.subject,
                "definition": "",
                "notice": r.notice,
            })),
            _ => None,
        })
        .collect()
}

/// Plays a span in a preview and in earnest, and compares; returns how many lines of each kind.
async fn compared(play: &Play) -> BTreeMap<String, usize> {
    let ledger = play.ledger.display().to_string();
    let events = play.events.display().to_string();
    let preview = run(&[
        "simulate", &ledger, "--from", &play.from, "--to", &play.to, "--events", &events,
        "--format", "ndjson",
    ])
    .with_code(0);
    let previewed: Vec<Value> = preview
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("one notice a line"))
        .collect();
    let data = tempfile::tempdir().unwrap();
    run(&play.demo(data.path())).with_code(0);
    let told = on_the_log(&embedded(data.path()).await);
    for (number, (preview, live)) in (1..).zip(previewed.iter().zip(&told)) {
        assert_eq!(preview, live, "line {number}");
    }
    assert_eq!(previewed.len(), told.len(), "lines");
    let mut kinds = BTreeMap::new();
    for line in &told {
        let suppressed = line["channel"]
            .as_str()
            .is_some_and(|channel| channel.starts_with("suppressed"));
        let kind = if suppressed {
            "suppressed"
        } else {
            line["kind"].as_str().unwrap()
        };
        *kinds.entry(kind.to_owned()).or_default() += 1;
    }
    kinds
}

/// A copy of the ledger beside its calendars, whose office gathers for longer, keeps people
/// undisturbed at night and on days off, has one row that is urgent, and somebody away.
fn considerate(folder: &Path) -> PathBuf {
    let workflows = workspace().join("workflows");
    let copy = folder.join("tongliao-2021");
    for (source, target) in [
        (workspace().join(LEDGER), copy.clone()),
        (workflows.join("calendars"), folder.join("calendars")),
    ] {
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, target.join(path.file_name().unwrap())).unwrap();
        }
    }
    let change = |name: &str, from: &str, to: &str| {
        let path = copy.join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{name} has no `{from}`");
        std::fs::write(path, changed).unwrap();
    };
    change(
        "directory.yaml",
        "tenant: tongliao\n",
        "tenant: tongliao\ndelivery:\n  window_minutes: 240\n  hours: { from: \"09:30\", to: \"12:00\", days: working }\n",
    );
    let here = "政务公开联络员, mail: lianluo@city-bgs.tongliao.example, channels: [mail]";
    let away =
        format!("{here}, away: [{{ from: 2021-07-01, to: 2021-10-15, substitute: leader }}]");
    change("directory.yaml", here, &away);
    change(
        "tasks.yaml",
        "    due: 2021-12-31\n",
        "    due: 2021-12-31\n    urgent: true\n",
    );
    copy
}

#[tokio::test]
async fn a_year_with_hours_substitutes_and_urgent_rows_is_told_as_it_was_previewed() {
    let folder = tempfile::tempdir().unwrap();
    let play = Play {
        ledger: considerate(folder.path()),
        ..Play::sample("2021-10-15")
    };
    let kinds = compared(&play).await;
    assert!(kinds.get("digest") > Some(&0), "{kinds:?}");
}

#[tokio::test]
async fn the_real_ledgers_year_is_told_as_it_was_previewed() {
    let kinds = compared(&Play::sample(LAST_DAY)).await;
    for kind in ["catchup", "digest", "escalation", "reminder", "return"] {
        assert!(
            kinds.get(kind) > Some(&0),
            "no {kind} to compare: {kinds:?}"
        );
    }
    assert!(kinds.values().sum::<usize>() > 2_000, "{kinds:?}");
}
