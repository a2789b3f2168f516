//! Runs the fuzz targets of `tests/fuzz`, each for a bounded number of inputs or seconds.
//!
//! Seeds are the good inputs of `tests/tests/hostile.rs`, made anew each time from the repository's
//! own files; nothing of a corpus is committed. Everything that is written stays below the target
//! folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use duban_xtask::manifest::{cargo, workspace};

/// The version of cargo-fuzz that is installed when there is none.
const VERSION: &str = "0.13.2";
/// Inputs for each target unless told otherwise.
const RUNS: u64 = 100_000;
/// The longest input, in bytes.
const MAX_INPUT_BYTES: u32 = 64 * 1024;
/// One input that takes longer has failed, in seconds.
const INPUT_SECONDS: u32 = 20;
/// A target that needs more memory has failed, in megabytes.
const MEMORY_MEGABYTES: u32 = 2_048;

/// What is asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
pub struct Order {
    bound: String,
    target: Option<String>,
}

/// Reads `[--runs N | --seconds S] [TARGET]`.
pub fn order(words: &[&str]) -> Option<Order> {
    let (bound, rest) = match words {
        ["--runs", n, rest @ ..] => (format!("-runs={}", n.parse::<u64>().ok()?), rest),
        ["--seconds", n, rest @ ..] => {
            (format!("-max_total_time={}", n.parse::<u64>().ok()?), rest)
        }
        rest => (format!("-runs={RUNS}"), rest),
    };
    let target = match rest {
        [] => None,
        [target] if !target.starts_with('-') => Some((*target).to_owned()),
        _ => return None,
    };
    Some(Order { bound, target })
}

/// Runs what is ordered; every target runs even if another fails.
pub fn run(root: &Path, order: &Order) -> Result<(), String> {
    let folder = root.join("tests/fuzz");
    let targets = targets(&folder, order)?;
    let home = workspace(root)?.target.join("fuzz");
    let seeds = home.join("seeds");
    let made = cargo(root)
        .args([
            "test",
            "-p",
            "duban-tests",
            "--test",
            "hostile",
            "good_inputs",
        ])
        .env("DUBAN_FUZZ_SEEDS", &seeds)
        .stdout(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return Err(
            "the seeds cannot be made. Mend `cargo test -p duban-tests --test hostile` first."
                .to_owned(),
        );
    }
    let program = ensure(root, &home)?;
    let mut failed = Vec::new();
    for target in &targets {
        let corpus = home.join("corpus").join(target);
        let artifacts = home.join("artifacts").join(target);
        for path in [&corpus, &artifacts] {
            std::fs::create_dir_all(path)
                .map_err(|fault| format!("{}: {fault}. Make it writable.", path.display()))?;
        }
        let output = Command::new(&program)
            .args(["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", "none"])
            .arg("--target-dir")
            .arg(&home)
            .arg(target)
            .arg(&corpus)
            .arg(seeds.join(target))
            .args(["--", &order.bound])
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-timeout={INPUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MEMORY_MEGABYTES}"))
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .current_dir(&folder)
            // What libFuzzer needs of the compiler is not stable; the compiler is the stable one.
            .env("RUSTC_BOOTSTRAP", "1")
            .output()
            .map_err(|fault| format!("{}: {fault}", program.display()))?;
        let told = String::from_utf8_lossy(&output.stderr);
        match done(&told) {
            Some(line) if output.status.success() => eprintln!("{target}: {line}"),
            _ => {
                let lines: Vec<&str> = told.lines().collect();
                let last = &lines[lines.len().saturating_sub(40)..];
                eprintln!("{target}: failed\n{}", last.join("\n"));
                failed.push(target.as_str());
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} failed. The input lies below {}; make it a test, then mend the parser.",
        failed.join(", "),
        home.join("artifacts").display()
    ))
}

/// libFuzzer's own last line, e.g. `Done 100000 runs in 12 second(s)`.
fn done(told: &str) -> Option<&str> {
    told.lines().rev().find(|line| line.starts_with("Done "))
}

fn targets(folder: &Path, order: &Order) -> Result<Vec<String>, String> {
    let entries = std::fs::read_dir(folder.join("fuzz_targets"))
        .map_err(|fault| format!("{}: {fault}", folder.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.path().file_stem()?.to_str().map(ToOwned::to_owned))
        .collect();
    names.sort();
    match &order.target {
        None => Ok(names),
        Some(name) if names.contains(name) => Ok(vec![name.clone()]),
        Some(name) => Err(format!(
            "`{name}` is no target; there are {}",
            names.join(", ")
        )),
    }
}

/// cargo-fuzz: on the PATH, or installed below the target folder.
fn ensure(root: &Path, home: &Path) -> Result<PathBuf, String> {
    let runs = |program: &Path| {
        Command::new(program)
            .args(["fuzz", "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let on_path = PathBuf::from("cargo-fuzz");
    if runs(&on_path) {
        return Ok(on_path);
    }
    let tools = home.join("tools");
    let installed = tools.join("bin/cargo-fuzz");
    if runs(&installed) {
        return Ok(installed);
    }
    let told = cargo(root)
        .args([
            "install",
            "cargo-fuzz",
            "--locked",
            "--version",
            VERSION,
            "--root",
        ])
        .arg(&tools)
        .status();
    if told.is_ok_and(|status| status.success()) && runs(&installed) {
        return Ok(installed);
    }
    Err(format!(
        "cargo-fuzz {VERSION} cannot be installed. Install it yourself with `cargo install cargo-fuzz --version {VERSION}`."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_bounded() {
        let bound = |words: &[&str]| order(words).map(|o| (o.bound, o.target));
        assert_eq!(bound(&[]), Some(("-runs=100000".to_owned(), None)));
        assert_eq!(
            bound(&["--seconds", "60", "event"]),
            Some(("-max_total_time=60".to_owned(), Some("event".to_owned())))
        );
        assert_eq!(bound(&["--runs", "many"]), None);
        assert_eq!(bound(&["--forever"]), None);
    }

    #[test]
    fn the_last_line_is_found() {
        let told = "#8 pulse\nDone 8 runs in 1 second(s)\n";
        assert_eq!(done(told), Some("Done 8 runs in 1 second(s)"));
    }
}
