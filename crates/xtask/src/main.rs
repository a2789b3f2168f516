//! The project's own tasks: `cargo xtask <task>`. Every failure names its remedy.

mod fuzz;
mod nats;
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
  soak [--rounds N]    the crash test in release, N rounds (default 200)
  fuzz [--runs N | --seconds S] [TARGET]
                       every parser on any bytes, N inputs (default 100,000) or S seconds each
  bench                not in this release

Exit codes: 0 done, 1 findings, 2 wrong usage or not in this release.";

/// Rounds of the crash test unless told otherwise.
const SOAK_ROUNDS: u32 = 200;

/// Why a task did not succeed.
enum Failure {
    /// Something is to be mended.
    Findings(String),
    /// It was asked for wrongly, or does not exist.
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
        ["fuzz", rest @ ..] => match fuzz::order(rest) {
            Some(order) => fuzz::run(&root, &order).map_err(Failure::from),
            None => Err(Failure::Usage(
                "write e.g. `cargo xtask fuzz --runs 1000000 event`".to_owned(),
            )),
        },
        ["bench"] => Err(Failure::Usage(
            "the benches come with the proof of the design's figures, in a later release; until then `cargo xtask test` and `cargo xtask soak` are what runs".to_owned(),
        )),
        ["help" | "--help" | "-h"] => {
            eprintln!("{USAGE}");
            Ok(())
        }
        [] => Err(Failure::Usage(USAGE.to_owned())),
        other => Err(Failure::Usage(format!("`{}` is no task\n\n{USAGE}", other.join(" ")))),
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
        .args(["--release", "-p", "duban-tests", "--test", "crash"])
        .env("DUBAN_CRASH_ROUNDS", rounds.to_string());
    Ok(run(
        &mut command,
        "The failure prints its seed; the same seed fails the same way.",
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
