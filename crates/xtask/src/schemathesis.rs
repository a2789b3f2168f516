//! Finds schemathesis for the tests, or installs it: `target/schemathesis/<version>`, a virtual
//! environment of its own, and nowhere else.
//!
//! It reads the OpenAPI document that the program serves and asks the program what that document
//! allows and what it does not. Only tests run it; nothing of it is shipped.

use std::path::{Path, PathBuf};

use crate::nats::python;

/// What is installed, each at one version.
const REQUIREMENTS: &str = include_str!("../../../tests/schemathesis/requirements.txt");
/// Written last: what has it is complete.
const COMPLETE: &str = "complete";

/// The version that the requirements name.
fn version() -> &'static str {
    let line = REQUIREMENTS
        .lines()
        .find_map(|line| line.strip_prefix("schemathesis=="));
    line.unwrap_or_default()
}

/// The program, installed if it is not there.
///
/// The environment's `DUBAN_SCHEMATHESIS` goes before what was installed.
pub fn ensure() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("DUBAN_SCHEMATHESIS") {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(format!(
                "DUBAN_SCHEMATHESIS is {}, where no program is",
                path.display()
            ))
        };
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let home = tests.join("target/schemathesis").join(version());
    let program = home.join("bin/schemathesis");
    let installed = std::fs::read_to_string(home.join(COMPLETE)).unwrap_or_default();
    if installed == REQUIREMENTS && program.is_file() {
        return Ok(program);
    }
    install(&home, &tests.join("tests/schemathesis/requirements.txt")).map_err(|what| {
        format!(
            "schemathesis {} cannot be installed: {what}. Install it yourself with `python3 -m venv \
             FOLDER && FOLDER/bin/pip install --requirement tests/schemathesis/requirements.txt` \
             and set DUBAN_SCHEMATHESIS to FOLDER/bin/schemathesis.",
            version()
        )
    })?;
    Ok(program)
}

fn install(home: &Path, requirements: &Path) -> Result<(), String> {
    let told = |fault: std::io::Error| fault.to_string();
    // From nothing: what is there is not complete.
    if home.exists() {
        std::fs::remove_dir_all(home).map_err(told)?;
    }
    python(&["-m".as_ref(), "venv".as_ref(), home.as_os_str()])?;
    let output = std::process::Command::new(home.join("bin/python"))
        .args(["-m", "pip", "install", "--quiet", "--no-deps"])
        .args(["--only-binary=:all:", "--disable-pip-version-check"])
        .arg("--requirement")
        .arg(requirements)
        .output()
        .map_err(told)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.lines().last().unwrap_or("pip failed").to_owned());
    }
    std::fs::write(home.join(COMPLETE), REQUIREMENTS).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_of_one_version() {
        assert!(version().contains('.'));
        let lines = REQUIREMENTS.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            assert_eq!(line.matches("==").count(), 1, "{line}");
        }
    }
}
