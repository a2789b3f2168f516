//! The HTTP API against its own OpenAPI document: somebody else's program (schemathesis) reads the
//! document from a real server, asks what it allows and what it does not, and looks whether the
//! answers are what the document says.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use duban_tests::duban::{Duban, Play, run, workspace};
use duban_tests::watch::until;

/// How long the server may take to be there.
const LIMIT: Duration = Duration::from_mins(1);
/// Examples of each operation, in examples.
const EXAMPLES: &str = "15";
/// By which the examples are chosen; the run prints it.
const SEED: &str = "20210628";
/// Less than a token may ask: the run is to see answers, not refusals to answer.
const RATE: &str = "90/s";

/// The program: where `DUBAN_SCHEMATHESIS` says. Without it the test fails; none is skipped.
fn checker() -> PathBuf {
    let path = std::env::var_os("DUBAN_SCHEMATHESIS").map(PathBuf::from);
    path.filter(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "this test needs schemathesis: run `cargo xtask test`, which installs it, or set \
             DUBAN_SCHEMATHESIS to the program (tests/schemathesis/requirements.txt)"
        )
    })
}

#[test]
fn the_api_does_what_its_document_says() {
    let checker = checker();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run(&Play::sample("2021-08-09").demo(&data)).with_code(0);
    let data = data.display().to_string();
    let add = ["token", "add", "schemathesis", "--scope", "read"];
    let more = ["--scope", "definitions", "--scope", "events:write"];
    let all = [&more[..], &["--data", &data]].concat();
    let token = run(&[&add[..], &all[..]].concat()).with_code(0);
    let any = ["--http", "127.0.0.1:0", "--data", &data];
    let office = Duban::start(&[&["serve", "--clock", "virtual"][..], &any].concat());
    let address = || {
        let out = office.out();
        let line = out
            .lines()
            .find(|line| line.starts_with("pages"))?
            .to_owned();
        Some(line.split_once(": ")?.1.trim_end_matches('/').to_owned())
    };
    assert!(until(LIMIT, || address().is_some()), "{}", office.err());
    let address = address().unwrap();
    let settings = workspace().join("tests/schemathesis/schemathesis.toml");
    let checked = Command::new(checker)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(settings)
        .args(["run", &format!("{address}/api/v1/openapi.json")])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", token.out.trim()),
        ])
        .args([
            "--checks",
            "all",
            "--max-examples",
            EXAMPLES,
            "--seed",
            SEED,
        ])
        .args(["--phases", "examples,coverage,fuzzing,stateful"])
        .args(["--rate-limit", RATE, "--request-timeout", "120"])
        .args(["--continue-on-failure", "--no-color"])
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    let end: Vec<&str> = said.lines().rev().take(25).collect();
    for line in end.iter().rev() {
        eprintln!("{line}");
    }
    assert!(
        checked.status.success(),
        "seed {SEED}\n{said}\n{}\nserver:\n{}",
        String::from_utf8_lossy(&checked.stderr),
        office.err()
    );
    assert!(said.contains(&format!("Seed: {SEED}")), "{said}");
    // Whatever was only refused for its number was not looked at.
    assert!(!said.contains("Rate limited"), "{said}");
}
