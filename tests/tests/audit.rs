//! The log under audit: what was changed, removed or moved is found with its place; heads noted
//! earlier prove that nothing was rewritten; the ledger of notices says who was told what.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use duban_journal::{EmbeddedLog, Log, Stored};
use duban_model::{Body, Frame, Link, Record, Service};
use duban_tests::duban::{Play, Said, run};
use duban_tests::log::embedded;
use serde_json::Value;
use tempfile::TempDir;

/// A year's first days, played, with what stands on its log.
async fn played() -> (TempDir, Vec<Stored>) {
    let folder = tempfile::tempdir().unwrap();
    let args = Play::sample("2021-07-02").demo(&folder.path().join("data"));
    tokio::task::spawn_blocking(move || run(&args).with_code(0))
        .await
        .unwrap();
    let frames = embedded(&folder.path().join("data")).await;
    (folder, frames)
}

/// A log of its own with these frames, as somebody would have it who can write the files.
async fn forged(frames: &[Frame]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path().join("log")).unwrap();
    let log = Log::Embedded(log);
    let mut last: BTreeMap<Service, u64> = BTreeMap::new();
    for frame in frames {
        let expected = last.entry(frame.head.service).or_default();
        *expected = log
            .append(Arc::new(frame.clone()), *expected)
            .await
            .unwrap();
    }
    folder
}

/// The same with every link made to fit: whoever forges may be thorough.
fn mended(frames: &[Frame]) -> Vec<Frame> {
    let mut last: BTreeMap<Service, Link> = BTreeMap::new();
    (1..)
        .zip(frames)
        .map(|(seq, frame)| {
            let mut head = frame.head.clone();
            head.previous = last.get(&head.service).copied();
            let frame = Frame::new(head, frame.records.clone());
            last.insert(frame.head.service, Link::to(seq, &frame));
            frame
        })
        .collect()
}

fn copies(frames: &[Stored]) -> Vec<Frame> {
    frames.iter().map(|s| Frame::clone(&s.frame)).collect()
}

async fn verify(data: &Path, more: &[&str]) -> Said {
    let data = data.display().to_string();
    let args = [
        &["audit", "verify", "--format", "json", "--data", &data],
        more,
    ]
    .concat();
    let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
    tokio::task::spawn_blocking(move || run(&args))
        .await
        .unwrap()
}

/// The first finding of a verification that must have some.
async fn first_finding(frames: &[Frame]) -> Value {
    let folder = forged(frames).await;
    let said = verify(folder.path(), &[]).await.with_code(1);
    let found = said.json();
    assert_eq!(found["verified"], false);
    let seq = found["findings"][0]["seq"].to_string();
    assert!(said.err.contains(&format!("frame {seq}")), "{}", said.err);
    found["findings"][0].clone()
}

fn place(frames: &[Frame], wanted: impl Fn(&Record) -> bool) -> (usize, usize) {
    let found = frames.iter().enumerate().find_map(|(at, frame)| {
        let record = frame.records.iter().position(|r| wanted(r))?;
        Some((at, record))
    });
    found.expect("such a record")
}

/// The sequence of the next frame of the same service.
fn next_of(frames: &[Frame], at: usize) -> u64 {
    let service = frames[at].head.service;
    let next = (at + 1..frames.len()).find(|n| frames[*n].head.service == service);
    next.expect("another frame of it") as u64 + 1
}

#[tokio::test]
async fn a_changed_a_removed_and_a_moved_frame_are_found_with_their_place() {
    let (folder, stored) = played().await;
    let good = copies(&stored);
    let said = verify(&folder.path().join("data"), &[]).await.with_code(0);
    let found = said.json();
    assert_eq!(found["verified"], true);
    let frames: u64 = found["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["frames"].as_u64().unwrap())
        .sum();
    assert_eq!(frames, good.len() as u64, "every frame was looked at");

    let mut changed = good.clone();
    let (at, index) = place(&good, |r| matches!(r.body, Body::NoticeQueued(_)));
    let mut record = Record::clone(&changed[at].records[index]);
    if let Body::NoticeQueued(r) = &mut record.body {
        r.text = "无事".to_owned();
    }
    changed[at].records[index] = Arc::new(record);
    let finding = first_finding(&changed).await;
    assert_eq!(finding["service"], "notifier");
    assert_eq!(finding["seq"], next_of(&good, at));
    assert_eq!(finding["meaning"], "the frame before it was changed");

    let mut removed = good.clone();
    removed.remove(at);
    let finding = first_finding(&removed).await;
    let meaning = finding["meaning"].as_str().unwrap();
    assert!(meaning.contains("removed"), "{finding}");

    // Two frames of two services, of which neither follows from the other by its own chain.
    let mut moved = good.clone();
    let at = (good.len() / 2..good.len())
        .find(|at| good[*at].head.service != good[at - 1].head.service)
        .unwrap();
    moved.swap(at - 1, at);
    let finding = first_finding(&moved).await;
    assert!(
        finding["meaning"].as_str().unwrap().contains("moved"),
        "{finding}"
    );

    let mut beheaded = good.clone();
    beheaded.remove(0);
    let finding = first_finding(&beheaded).await;
    assert!(
        finding["meaning"].as_str().unwrap().contains("removed"),
        "{finding}"
    );
}

#[tokio::test]
async fn who_mends_the_chain_is_found_by_the_course_of_notices_or_by_a_head_noted_elsewhere() {
    let (folder, stored) = played().await;
    let good = copies(&stored);
    let data = folder.path().join("data").display().to_string();
    let mut noted = Vec::new();
    for format in ["table", "json", "csv"] {
        let args = ["audit", "head", "--data", &data, "--format", format].map(str::to_owned);
        let said = tokio::task::spawn_blocking(move || run(&args))
            .await
            .unwrap();
        let path = folder.path().join(format);
        std::fs::write(&path, said.with_code(0).out).unwrap();
        noted.extend(["--head".to_owned(), path.display().to_string()]);
    }
    let noted: Vec<&str> = noted.iter().map(String::as_str).collect();
    let said = verify(Path::new(&data), &noted).await.with_code(0);
    assert_eq!(said.json()["heads_kept"], said.json()["heads"]);

    // A delivery without its announcement.
    let mut forged_once = good.clone();
    let (at, index) = place(&good, |r| matches!(r.body, Body::NoticeAttempted(_)));
    forged_once[at].records.remove(index);
    let finding = first_finding(&mended(&forged_once)).await;
    assert_eq!(finding["meaning"], "a notice without its whole course");
    assert!(
        finding["expected"].as_str().unwrap().contains("attempt"),
        "{finding}"
    );

    // A failure that is said to be certain, so that the repeat bears no label.
    let mut whitewashed = good.clone();
    for frame in &mut whitewashed {
        frame
            .records
            .retain(|r| !matches!(r.body, Body::NoticeAbandoned(_)));
    }
    let (at, index) = place(&good, |r| matches!(r.body, Body::NoticeDelivered(_)));
    let twice = whitewashed[at].records[index].clone();
    whitewashed[at].records.insert(index + 1, twice);
    let finding = first_finding(&mended(&whitewashed)).await;
    assert!(
        finding["found"].as_str().unwrap().contains("delivered"),
        "{finding}"
    );

    // All of it rewritten: only who noted a head can tell.
    let mut record = Record::clone(&good[0].records[0]);
    record.source = "urn:forged".into();
    let mut rewritten = good.clone();
    rewritten[0].records[0] = Arc::new(record);
    let other = forged(&mended(&rewritten)).await;
    verify(other.path(), &[]).await.with_code(0);
    let said = verify(other.path(), &noted).await.with_code(1);
    let finding = &said.json()["findings"][0];
    assert!(
        finding["meaning"].as_str().unwrap().contains("rewritten"),
        "{finding}"
    );

    // And its end cut off, which leaves every chain whole.
    let other = forged(&good[..good.len() / 2]).await;
    verify(other.path(), &[]).await.with_code(0);
    let said = verify(other.path(), &noted).await.with_code(1);
    assert!(said.err.contains("cut off"), "{}", said.err);
}

#[tokio::test]
async fn a_log_of_an_earlier_release_is_followed_from_where_its_chain_begins() {
    let (_folder, stored) = played().await;
    let mut frames = copies(&stored);
    let half = frames.len() / 2;
    for frame in &mut frames[..half] {
        frame.head.previous = None;
    }
    let mut last: BTreeMap<Service, Link> = BTreeMap::new();
    let mut chained = Vec::new();
    for (seq, frame) in (1..).zip(frames) {
        let mut head = frame.head.clone();
        if seq > half as u64 {
            head.previous = last.get(&head.service).copied();
        }
        let frame = Frame::new(head, frame.records.clone());
        last.insert(frame.head.service, Link::to(seq, &frame));
        chained.push(frame);
    }
    let folder = forged(&chained).await;
    let said = verify(folder.path(), &[]).await.with_code(0);
    for service in said.json()["services"].as_array().unwrap() {
        let since = service["since"].as_u64().unwrap();
        assert!(since > 1 && since <= half as u64, "{service}");
    }
}

#[tokio::test]
async fn the_ledger_of_notices_has_a_row_for_each_and_says_how_it_ended() {
    let (folder, stored) = played().await;
    let data = folder.path().join("data").display().to_string();
    let ask = async |more: &[&str]| {
        let args = [&["notices", "--data", &data], more].concat();
        let args: Vec<String> = args.into_iter().map(str::to_owned).collect();
        let said = tokio::task::spawn_blocking(move || run(&args)).await;
        said.unwrap().with_code(0).out
    };
    let queued: Vec<_> = stored
        .iter()
        .flat_map(|s| &s.frame.records)
        .filter_map(|r| match &r.body {
            Body::NoticeQueued(r) => Some(r),
            _ => None,
        })
        .collect();
    assert!(queued.len() > 10);
    let rows: Vec<Value> = serde_json::from_str(&ask(&["--format", "json"]).await).unwrap();
    assert_eq!(rows.len(), queued.len());
    for (row, queued) in rows.iter().zip(&queued) {
        assert_eq!(row["notice"], queued.notice);
        assert_eq!(row["subject"], queued.subject);
        assert_eq!(row["contact"], queued.contact);
        assert_eq!(
            (&row["state"], &row["attempts"]),
            (&"delivered".into(), &1.into())
        );
        assert!(row["detail"].as_str().unwrap().contains(".eml"), "{row}");
    }
    let table = ask(&[]).await;
    assert!(
        table.starts_with("时间") && table.contains("已送达"),
        "{table}"
    );
    let csv = ask(&["--format", "csv"]).await;
    assert_eq!(csv.lines().count(), rows.len() + 1);
    let lines = ask(&["--format", "ndjson"]).await;
    assert_eq!(lines.lines().count(), rows.len());

    let one = &queued[0].request;
    let of_unit = ask(&[
        "--unit", &one.unit, "--task", &one.task, "--format", "ndjson",
    ])
    .await;
    let fits = |q: &&&duban_model::decision::NoticeQueued| {
        q.request.unit == one.unit && q.request.task == one.task
    };
    assert_eq!(of_unit.lines().count(), queued.iter().filter(fits).count());
    let by_id = ask(&["--obligation", &one.obligation, "--format", "ndjson"]).await;
    assert!(by_id.contains(&queued[0].notice));
    for nothing in [
        &["--state", "abandoned"][..],
        &["--from", "2022-01-01"],
        &["--to", "2020-01-01"],
        &["--contact", "nobody"],
    ] {
        let none = ask(&[nothing, &["--format", "ndjson"]].concat()).await;
        assert_eq!(none, "", "{nothing:?}");
    }
}
