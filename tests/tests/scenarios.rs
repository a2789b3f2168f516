//! Scenarios that an auditor can read: `scenarios/*.txt`, one life of a duty each.

use std::path::{Path, PathBuf};

#[path = "scenarios/commute.rs"]
mod commute;
#[path = "scenarios/script.rs"]
mod script;
#[path = "scenarios/stage.rs"]
mod stage;
#[path = "scenarios/words.rs"]
mod words;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Plays a text; the first line that does not hold is named.
fn play(name: &str, text: &str) -> Result<(), String> {
    let lines = script::parse(text).map_err(|(line, fault)| format!("{name}:{line}: {fault}"))?;
    let mut stage = stage::Stage::new(&root());
    if std::env::var_os("DUBAN_SCENARIO_TRANSCRIBE").is_some() {
        let text = stage
            .transcribe(&lines)
            .map_err(|fault| format!("{name}: {fault}"))?;
        return Err(format!("@@@ {name}\n{text}"));
    }
    for line in &lines {
        stage
            .line(line)
            .map_err(|fault| format!("{name}:{}: {}\n  {fault}", line.number, line.text))?;
    }
    stage
        .finish()
        .map_err(|fault| format!("{name}: after the last line\n  {fault}"))
}

#[test]
fn every_scenario_holds() {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(root().join("scenarios"))
        .expect("the folder of scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "txt"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no scenario in tests/tests/scenarios");
    let faults: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = paths
            .iter()
            .map(|path| {
                scope.spawn(move || {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let text = std::fs::read_to_string(path).expect("a scenario in UTF-8");
                    play(&name, &text)
                })
            })
            .collect();
        running
            .into_iter()
            .filter_map(|thread| match thread.join() {
                Ok(result) => result.err(),
                Err(_) => Some("a scenario panicked; see above".to_owned()),
            })
            .collect()
    });
    assert!(
        faults.is_empty(),
        "{} of {} scenarios do not hold:\n\n{}",
        faults.len(),
        paths.len(),
        faults.join("\n\n")
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named_with_what_is_expected() {
    let cases = [
        ("# 说明\nwait 2021-07-01", 2, "`wait` is no line"),
        (
            "at 2021-07-01 10:00 applaud 1/kailu",
            1,
            "`applaud` is no act; expected deploy",
        ),
        (
            "at 2021-7-1x 10:00 accept 1/kailu",
            1,
            "`2021-7-1x` is no date",
        ),
        (
            "at 2021-07-01 25:00 accept 1/kailu",
            1,
            "`25:00` is no time of day",
        ),
        (
            "at 2021-07-01 10:00 accept",
            1,
            "`accept` with 0 words; expected 1",
        ),
        (
            "at 2021-07-01 10:00 accept 1/kailu day=1",
            1,
            "`day=` is not known",
        ),
        (
            "at 2021-07-01 10:00 return 1/kailu reason=\"a",
            1,
            "a quotation that does not end",
        ),
        (
            "expect joy",
            1,
            "`joy` cannot be expected; expected nothing, opened",
        ),
        ("expect notice due", 1, "`notice` with 1 words; expected 2"),
        ("expect 2021-07-01 09:10 red of=1 of=2", 1, "`of=` twice"),
        ("check 1/kailu", 1, "`check` without a value"),
        ("check 1/kailu colour=red", 1, "`colour=` is not known"),
        ("until", 1, "`until` with 0 words; expected 1 to 2"),
    ];
    for (text, line, message) in cases {
        let (found, fault) = script::parse(text).expect_err(text);
        assert_eq!(found, line, "{text}");
        assert!(
            fault.contains(message),
            "{text}\n  found: {fault}\n  expected: {message}"
        );
    }
}

#[test]
fn a_scenario_that_does_not_hold_names_file_line_and_difference() {
    let begin = "ledger small 8\nwatch 8/kailu\nat 2021-10-28 10:00 deploy\n";
    let all = "expect opened\nexpect yellow\nexpect notice catchup contact covers=before:30wd,before:15wd,before:7wd,before:3wd,before:1wd\n";
    let cases = [
        // Wrong in a word, in a value, in an instant; something untold; something that never came.
        (
            format!("{begin}expect red"),
            "x.txt:4: expect red\n  found\n    expect 2021-10-28 10:00 opened",
        ),
        (format!("{begin}expect opened due=2021-10-30"), "x.txt:4: "),
        (
            format!("{begin}{all}expect 2021-10-29 09:11 notice due contact"),
            "x.txt:7: ",
        ),
        (
            format!("{begin}{all}until 2021-10-29"),
            "    expect 2021-10-29 09:10 notice due contact",
        ),
        (
            format!("{begin}expect opened\nexpect yellow\nexpect notice catchup contact"),
            "x.txt:6: ",
        ),
        (
            format!("{begin}{all}at 2021-10-28 11:00 submit 9/kailu"),
            "x.txt: after the last line\n",
        ),
        (
            format!("{begin}{all}check 8/kailu light=green"),
            "x.txt:7: check 8/kailu light=green\n  found light=yellow",
        ),
        (
            format!("{begin}{all}expect 2021-10-28 09:00 red"),
            "is over; it is 2021-10-28 10:00",
        ),
        (
            "at 2021-10-28 10:00 deploy".to_owned(),
            "x.txt:1: at 2021-10-28 10:00 deploy\n  no `ledger` line",
        ),
    ];
    for (text, message) in cases {
        let fault = play("x.txt", &text).expect_err(&text);
        assert!(
            fault.contains(message),
            "found: {fault}\nexpected: {message}"
        );
    }
}
