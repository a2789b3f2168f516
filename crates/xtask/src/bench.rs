//! Measures the design's figures: builds the program and the benches in release and runs them.
//! Standard output has one JSON line a figure and nothing else.

use std::path::Path;

use duban_xtask::figures;
use duban_xtask::manifest::{cargo, workspace};

use crate::{Failure, nats, run};

/// Measures the figures that `words` name.
pub fn bench(root: &Path, words: &[&str]) -> Result<(), Failure> {
    // Before anything is built.
    figures::read(words).map_err(Failure::Usage)?;
    let server = nats::ensure()?;
    eprintln!("xtask: nats-server: {}", server.display());
    run(
        cargo(root).args(["build", "--release", "--workspace", "--bin", "duban"]),
        "Mend what the compiler names.",
    )?;
    let program = workspace(root)?.target.join("release").join("duban");
    let mut command = cargo(root);
    command
        .args(["bench", "-p", "duban-tests", "--bench", "figures", "--"])
        .args(words)
        .env("DUBAN_NATS_SERVER", &server)
        .env("DUBAN_BIN", &program);
    Ok(run(
        &mut command,
        "What could not be measured is named above; run it alone with `cargo xtask bench NAME --runs 1`.",
    )?)
}
