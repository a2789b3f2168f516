//! Two definitions over the same events: what one changes against the other.

use std::collections::BTreeMap;
use std::io::Read;
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
    assert_eq!(said.out, "通知没有不同\n");
    let said = against(LEDGER, "no-such-folder", &[]).with_code(1);
    assert!(said.err.contains("no-such-folder"), "{}", said.err);
}

/// How often a text stands in another.
fn times(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

/// All texts of a workbook, one after the other.
fn texts(path: &Path) -> String {
    let file = std::fs::File::open(path).unwrap();
    let mut archive = zip::ZipArchive::new(file).unwrap();
    let mut text = String::new();
    let mut part = archive.by_name("xl/sharedStrings.xml").unwrap();
    part.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_differs_is_a_workbook_and_calendar_for_the_clerk() {
    let folder = tempfile::tempdir().unwrap();
    let new = changed(
        folder.path(),
        "tasks.yaml",
        "due: 2021-12-31",
        "due: 2021-11-30",
    );
    let counts = against(&new, LEDGER, &["--summary", "--format", "json"])
        .with_code(0)
        .json();
    let counted = |what: &str| usize::try_from(counts[what].as_u64().unwrap()).unwrap();
    let (added, changed) = (counted("added"), counted("changed"));

    // Only what differs, at its new time, with what it was.
    let calendar = against(&new, LEDGER, &["--format", "ics"]).with_code(0).out;
    assert_eq!(times(&calendar, "BEGIN:VEVENT"), added + changed);
    assert_eq!(times(&calendar, "SUMMARY:新增("), added);
    assert_eq!(times(&calendar, "SUMMARY:改期("), changed);
    let unfolded = calendar.replace("\r\n ", "");
    let moved = "DESCRIPTION:原定2021-11-19 09:10\\;完成时限由2021-12-31改为2021-11-30。";
    assert!(unfolded.contains(moved), "{unfolded}");
    // The other way round, what came is gone, at the time at which it would have come.
    let back = against(LEDGER, &new, &["--format", "ics"]).with_code(0).out;
    assert_eq!(times(&back, "SUMMARY:取消("), added);

    let book = folder.path().join("differences.xlsx");
    let path = book.display().to_string();
    let said = against(&new, LEDGER, &["--format", "xlsx", "--output", &path]).with_code(0);
    let told = format!("有变化的通知{}份", added + changed);
    assert!(said.out.contains(&told), "{}", said.out);
    let texts = texts(&book);
    for part in [
        "种类",
        "新增",
        "改期",
        "原定2021-11-19 09:10;完成时限由2021-12-31改为2021-11-30",
    ] {
        assert!(texts.contains(part), "{part}");
    }

    let said = against(&new, LEDGER, &["--format", "ics", "--summary"]).with_code(2);
    assert!(
        said.err.contains("with --summary write table"),
        "{}",
        said.err
    );
}

#[test]
fn what_differs_is_told_in_chinese_on_the_screen_and_by_its_keys_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    let new = changed(folder.path(), "ledger.yaml", "before:30wd", "before:29wd");
    let table = against(&new, LEDGER, &[]).with_code(0).out;
    assert!(
        table.contains(" 新增 before:29wd") && table.contains(" 取消 before:30wd"),
        "{table}"
    );
    let counts = against(&new, LEDGER, &["--summary"]).with_code(0).out;
    assert!(
        counts.starts_with("项目") && counts.contains("取消"),
        "{counts}"
    );
    let csv = against(&new, LEDGER, &["--summary", "--format", "csv"])
        .with_code(0)
        .out;
    assert!(csv.starts_with("what,count\nnotices,"), "{csv}");
    let csv = against(&new, LEDGER, &["--format", "csv"]).with_code(0).out;
    assert!(
        csv.starts_with("at,change,task,") && csv.contains(",dropped,"),
        "{csv}"
    );
}
