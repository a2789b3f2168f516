//! The project's own tasks: `cargo xtask <task>`. Every failure names its remedy.

mod bench;
mod fuzz;
mod journeys;
mod nats;
mod schemathesis;
mod smtp;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use duban_xtask::manifest::{cargo, workspace};
use duban_xtask::{licences, tidy};

const USAGE: &str = "\
cargo xtask <task>

  test [-- ARGUMENTS]  all tests, against a real nats-server; ARGUMENTS go to `cargo test`
  lint                 formatting, clippy without warnings, tidy, licences
  tidy                 the rules of the tree: length, names, purity, map, top level
  licences             whose code is shipped and under which licence
  simulate [--seeds N] the whole system in release, N seeds (default 10000); --first S: from seed S
  simulate --seed S    one seed again, with its log and what went wrong
  soak [--rounds N]    in release: N kills (default 200), then leaders killed and paused for 60 s,
                       then servers of a cluster killed; within the hour
  journeys             through the pages in Chromium, with pictures; needs Node.js and Chromium
  bench [NAME…] [--runs N] [--quick]
                       the design's figures in release, one JSON line each (crates/BENCHMARKS.md)
  fuzz [--runs N | --seconds S] [TARGET]
                        every parser on any bytes, N inputs (default 100,000) or S seconds each

Exit codes: 0 done, 1 findings, 2 wrong usage.";

/// Rounds of the crash test unless told otherwise.
const SOAK_ROUNDS: u32 = 200;
/// Seeds of the simulation unless told otherwise.
const SIMULATED_SEEDS: u64 = 10_000;
/// How often every role's leader is killed in a soak.
const SOAK_STANDBY_ROUNDS: u32 = 5;
/// How long leaders are paused in a soak, in seconds.
const SOAK_PAUSE_SECONDS: u32 = 60;
/// How often three servers of a cluster are killed in a soak.
const SOAK_CLUSTER_ROUNDS: u32 = 3;

/// Why a task did not succeed.
enum Failure {
    /// Something is to be mended.
    Findings(String),
    /// It was asked for wrongly.
    Usage(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Failure::Findings(text)
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let root = root();
    let done = match words.as_slice() {
        ["test"] => test(&root, &[]),
        ["test", "--", rest @ ..] => test(&root, rest),
        ["lint"] => lint(&root),
        ["tidy"] => run_tidy(&root),
        ["licences"] => run_licences(&root),
        ["soak"] => soak(&root, SOAK_ROUNDS),
        ["soak", "--rounds", n] => match n.parse() {
            Ok(rounds) if rounds > 0 => soak(&root, rounds),
            _ => Err(Failure::Usage(format!(
                "`{n}` is no number of rounds; write e.g. `cargo xtask soak --rounds 200`"
            ))),
        },
        ["journeys"] => journeys(&root),
        ["simulate", options @ ..] => simulate(&root, options),
        ["bench", rest @ ..] => bench::bench(&root, rest),
        ["fuzz", rest @ ..] => match fuzz::order(rest) {
            Some(order) => fuzz::run(&root, &order).map_err(Failure::from),
            None => Err(Failure::Usage(
                "write e.g. `cargo xtask fuzz --runs 1000000 event`".to_owned(),
            )),
        },
        ["help" | "--help" | "-h"] => {
            eprintln!("{USAGE}");
            Ok(())
        }
        [] => Err(Failure::Usage(USAGE.to_owned())),
        other => Err(Failure::Usage(format!(
            "`{}` is no task\n\n{USAGE}",
            other.join(" ")
        ))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Findings(text)) => {
            eprintln!("xtask: {text}");
            ExitCode::from(1)
        }
        Err(Failure::Usage(text)) => {
            eprintln!("xtask: {text}");
            ExitCode::from(2)
        }
    }
}

/// The top of the repository.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.ancestors()
        .nth(2)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Says what runs, runs it, and says what to do if it fails.
fn run(command: &mut Command, remedy: &str) -> Result<(), String> {
    let shown: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let name = Path::new(&shown[0])
        .file_name()
        .map_or_else(|| shown[0].clone(), |n| n.to_string_lossy().into_owned());
    let shown = format!("{name} {}", shown[1..].join(" "));
    eprintln!("xtask: {shown}");
    let status = command
        .status()
        .map_err(|fault| format!("`{shown}` cannot be started: {fault}. {remedy}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{shown}` failed ({status}). {remedy}"))
    }
}

/// A cargo command with what the live tests need: real servers for log and mail, and the program under test.
fn prepared(root: &Path, release: bool) -> Result<Command, String> {
    let server = nats::ensure()?;
    eprintln!("xtask: nats-server: {}", server.display());
    let sink = smtp::ensure()?;
    let checker = schemathesis::ensure()?;
    let mut build = cargo(root);
    build.args(["build", "--workspace", "--bin", "duban"]);
    if release {
        build.arg("--release");
    }
    run(&mut build, "Mend what the compiler names.")?;
    let program = workspace(root)?
        .target
        .join(if release { "release" } else { "debug" })
        .join("duban");
    let mut command = cargo(root);
    command
        .arg("test")
        .env("DUBAN_NATS_SERVER", &server)
        .env("DUBAN_SCHEMATHESIS", checker)
        .env("DUBAN_SMTP_SINK", &sink)
        .env("DUBAN_BIN", &program);
    Ok(command)
}

fn test(root: &Path, rest: &[&str]) -> Result<(), Failure> {
    let mut command = prepared(root, false)?;
    command.args(["--workspace", "--no-fail-fast"]).args(rest);
    Ok(run(
        &mut command,
        "Read the first failure above; run it alone with `cargo xtask test -- NAME`.",
    )?)
}

fn soak(root: &Path, rounds: u32) -> Result<(), Failure> {
    let mut command = prepared(root, true)?;
    command
        .args(["--release", "-p", "duban-tests", "--no-fail-fast"])
        .args(["--test", "crash", "--test", "standby", "--test", "cluster"])
        .args(["--", "--nocapture"])
        .env("DUBAN_CRASH_ROUNDS", rounds.to_string())
        .env("DUBAN_STANDBY_ROUNDS", SOAK_STANDBY_ROUNDS.to_string())
        .env("DUBAN_PAUSE_SECONDS", SOAK_PAUSE_SECONDS.to_string())
        .env("DUBAN_CLUSTER_ROUNDS", SOAK_CLUSTER_ROUNDS.to_string());
    Ok(run(
        &mut command,
        "The failure prints its seed; the same seed fails the same way.",
    )?)
}

/// The pages in a real browser.
fn journeys(root: &Path) -> Result<(), Failure> {
    let mut build = cargo(root);
    build.args(["build", "--workspace", "--bin", "duban"]);
    run(&mut build, "Mend what the compiler names.")?;
    let target = workspace(root)?.target;
    let program = target.join("debug").join("duban");
    let mut command = journeys::command(root, &target, &program)?;
    Ok(run(
        &mut command,
        "The pictures taken so far are in target/journeys/pictures.",
    )?)
}

/// The seeded simulation of the whole system; it needs no server.
fn simulate(root: &Path, options: &[&str]) -> Result<(), Failure> {
    let (mut first, mut count) = (1, SIMULATED_SEEDS);
    for pair in options.chunks(2) {
        let number = pair.get(1).and_then(|word| word.parse::<u64>().ok());
        match (pair[0], number) {
            ("--seeds", Some(n)) if n > 0 => count = n,
            ("--first", Some(seed)) => first = seed,
            ("--seed", Some(seed)) => (first, count) = (seed, 1),
            _ => {
                return Err(Failure::Usage(format!(
                    "`{}` is not understood; write `cargo xtask simulate --seeds 10000` or `cargo xtask simulate --seed 7`",
                    pair.join(" ")
                )));
            }
        }
    }
    let mut command = cargo(root);
    command
        .args([
            "test",
            "--release",
            "-p",
            "duban-tests",
            "--test",
            "simulation",
        ])
        .args(["whatever_goes_wrong", "--", "--nocapture"])
        .env("DUBAN_SIMULATE_FIRST", first.to_string())
        .env("DUBAN_SIMULATE_SEEDS", count.to_string());
    Ok(run(
        &mut command,
        "The failure prints its seed; `cargo xtask simulate --seed S` runs it again.",
    )?)
}

fn lint(root: &Path) -> Result<(), Failure> {
    // Each runs even if another fails: all findings at once.
    let found: Vec<String> = [
        run(
            cargo(root).args(["fmt", "--all", "--check"]),
            "Run `cargo fmt --all`.",
        ),
        run(
            cargo(root).args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
            "Mend what clippy names; where it is wrong, say why beside an #[expect].",
        ),
        tidiness(root),
        licensing(root),
    ]
    .into_iter()
    .filter_map(Result::err)
    .collect();
    if found.is_empty() {
        Ok(())
    } else {
        Err(Failure::Findings(found.join("\nxtask: ")))
    }
}

fn run_tidy(root: &Path) -> Result<(), Failure> {
    Ok(tidiness(root)?)
}

fn run_licences(root: &Path) -> Result<(), Failure> {
    Ok(licensing(root)?)
}

fn tidiness(root: &Path) -> Result<(), String> {
    let tree = tidy::Tree::read(root)?;
    let faults = tidy::check(&tree);
    for fault in &faults {
        eprintln!("{fault}");
    }
    if faults.is_empty() {
        eprintln!("xtask: tidy: {} files, nothing found", tree.files.len());
        Ok(())
    } else {
        Err(format!(
            "tidy: {} findings above. Each names its remedy.",
            faults.len()
        ))
    }
}

fn licensing(root: &Path) -> Result<(), String> {
    let findings = licences::check(root)?;
    for note in &findings.notes {
        eprintln!("xtask: licences: {note}");
    }
    for fault in &findings.faults {
        eprintln!("{fault}");
    }
    if findings.faults.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "licences: {} findings above. Each names its remedy.",
            findings.faults.len()
        ))
    }
}
