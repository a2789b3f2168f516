//! Journeys through the pages in a real browser: `tests/browser`, by Node.js and Chromium.
//!
//! Not part of `cargo xtask test`: a browser is not for every machine that builds Duban. The library
//! that leads the browser is installed below `target/`, as its lock file pins it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// By which names a browser may be found.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];
/// What is copied to where it runs.
const FILES: [&str; 4] = [
    "package.json",
    "package-lock.json",
    "office.mjs",
    "journeys.mjs",
];

/// The command that makes the journeys with a program, from the root; pictures go to `target/journeys/pictures`.
pub fn command(root: &Path, target: &Path, program: &Path) -> Result<Command, String> {
    let browser = browser()?;
    let home = target.join("journeys");
    let told = |fault: std::io::Error| format!("{}: {fault}", home.display());
    std::fs::create_dir_all(&home).map_err(told)?;
    for file in FILES {
        std::fs::copy(root.join("tests/browser").join(file), home.join(file)).map_err(told)?;
    }
    let mut install = Command::new("npm");
    install
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&home);
    let installed = install.status().map_err(|fault| {
        format!("npm cannot be started: {fault}. Install Node.js 20 or newer, with npm")
    })?;
    if !installed.success() {
        return Err(format!(
            "`npm ci` in {} failed ({installed}); its lines above say why",
            home.display()
        ));
    }
    let pictures = home.join("pictures");
    if pictures.exists() {
        std::fs::remove_dir_all(&pictures).map_err(told)?;
    }
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        .arg(home.join("journeys.mjs"))
        .current_dir(root)
        .env("DUBAN_BIN", program)
        .env("DUBAN_CHROMIUM", browser)
        .env("DUBAN_PICTURES", pictures);
    Ok(node)
}

/// The browser that `DUBAN_CHROMIUM` names, or one that is found.
fn browser() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("DUBAN_CHROMIUM") {
        return Ok(named.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .flat_map(|folder| BROWSERS.map(|name| folder.join(name)))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            format!(
                "no browser is found ({}); install Chromium, e.g. `apt-get install chromium`, or set DUBAN_CHROMIUM to its file",
                BROWSERS.join(", ")
            )
        })
}
