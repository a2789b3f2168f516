//! The shipped set of time limits that hold every year: it is sound, and its samples are played.

use duban_tests::duban::run;
use serde_json::Value;

const FOLDER: &str = "workflows/statutory";

#[test]
fn the_set_passes_a_strict_check() {
    run(&["check", FOLDER, "--strict"]).with_code(0);
}

#[test]
fn its_samples_are_all_taken_and_every_rule_is_in_play() {
    let events = format!("{FOLDER}/sample-events.ndjson");
    let span = ["--from", "2022-01-01", "--to", "2022-12-31"];
    let play = ["simulate", FOLDER, "--events", &events];
    let summary = run(&[&play[..], &span, &["--summary", "--format", "json"]].concat());
    let summary: Value = serde_json::from_str(&summary.with_code(0).out).expect("counts");
    assert_eq!(summary["rejections"], 0, "{summary}");
    let notices = run(&[&play[..], &span, &["--format", "ndjson"]].concat()).with_code(0);
    let notices: Vec<Value> = notices
        .out
        .lines()
        .map(|line| serde_json::from_str(line).expect("a notice"))
        .collect();
    for task in 1..=9 {
        let task = task.to_string();
        assert!(
            notices.iter().any(|n| n["task"] == task.as_str()),
            "no notice of task {task}"
        );
    }
    // The application is stopped twice, restarted, resumed and extended, and its unit hears each.
    let kinds: Vec<&str> = notices
        .iter()
        .filter(|n| n["task"] == "2" && n["unit"] == "fgw" && n["tier"] == "contact")
        .filter_map(|n| n["kind"].as_str())
        .collect();
    for kind in ["opened", "stopped", "restarted", "resumed", "extended"] {
        assert!(kinds.contains(&kind), "{kind} is missing from {kinds:?}");
    }
}
