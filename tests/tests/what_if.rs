//! Two definitions over the same events: what one changes against the other.

use std::collections::BTreeMap;
use std::path::Path;

use duban_tests::duban::{LEDGER, Said, run, workspace};
use serde_json::Value;

/// A copy of the real ledger with one text replaced, exactly once.
fn changed(folder: &Path, file: &str, from: &str, to: &str) -> String {
    let workflows = workspace().join("workflows");
    let copy = folder.join("ledger");
    for (source, target) in [
        (workflows.join("tongliao-2021"), copy.clone()),
        (workflows.join("calendars"), folder.join("calendars")),
    ] {
        std::fs::create_dir_all(&target).unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, target.join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = copy.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let place = text.find(from).unwrap();
    let text = format!("{}{to}{}", &text[..place], &text[place + from.len()..]);
    std::fs::write(path, text).unwrap();
    copy.display().to_string()
}

fn against(new: &str, old: &str, more: &[&str]) -> Said {
    let args = ["simulate", new, "--against", old];
    let span = ["--from", "2021-06-28", "--to", "2021-12-31"];
    run(&[&args[..], &span, more].concat())
}

#[test]
fn an_earlier_date_moves_a_tasks_steps_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    // The first task's date.
    let new = changed(
        folder.path(),
        "tasks.yaml",
        "due: 2021-12-31",
        "due: 2021-11-30",
    );
    let said = against(&new, LEDGER, &["--format", "ndjson"]).with_code(0);
    let lines: Vec<Value> = said
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| line["task"] == "1"));
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in &lines {
        *counts.entry(line["change"].as_str().unwrap()).or_default() += 1;
    }
    let moved = lines
        .iter()
        .find(|line| line["step"] == "before:30wd")
        .unwrap();
    assert_eq!(moved["change"], "changed");
    assert_eq!(moved["was_at"], "2021-11-19T09:10:00+08:00");
    assert_eq!(moved["at"], "2021-10-19T09:10:00+08:00");
    assert_eq!(
        (&moved["was_due"], &moved["due"]),
        (&"2021-12-31".into(), &"2021-11-30".into())
    );
    assert_eq!(moved["why"], "another time; another due date");
    // After the new date come steps that the old one would have had in January.
    assert!(counts["added"] > 0);
    assert_eq!(counts.get("dropped"), None);

    let summary = against(&new, LEDGER, &["--summary", "--format", "json"])
        .with_code(0)
        .json();
    assert_eq!(summary["changed"], counts["changed"]);
    assert_eq!(summary["added"], counts["added"]);
    // The other way round, what was added is dropped.
    let back = against(LEDGER, &new, &["--summary", "--format", "json"])
        .with_code(0)
        .json();
    assert_eq!(back["dropped"], counts["added"]);
    assert_eq!(back["changed"], counts["changed"]);
}

#[test]
fn a_definition_against_itself_changes_nothing() {
    let said = against(LEDGER, LEDGER, &[]).with_code(0);
    assert_eq!(said.out, "no notice differs\n");
    let said = against(LEDGER, "no-such-folder", &[]).with_code(1);
    assert!(said.err.contains("no-such-folder"), "{}", said.err);
}
