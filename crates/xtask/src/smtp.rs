//! Finds the mail server for the tests, or installs it: `target/smtp-sink/<version>`, nowhere else.
//!
//! It is aiosmtpd, so that what Duban sends is read by somebody else's understanding of SMTP and
//! MIME. Only tests run it; nothing of it is shipped.

use std::path::{Path, PathBuf};

use crate::nats::{entries, python};

/// The version the tests run against.
const VERSION: &str = "1.4.6";

/// The packages with the SHA-256 of their files.
const PACKAGES: [(&str, &str); 3] = [
    (
        "aiosmtpd==1.4.6",
        "72c99179ba5aa9ae0abbda6994668239b64a5ce054471955fe75f581d2592475",
    ),
    (
        "atpublic==9.0.0",
        "449c3c4f0c74df79749d6fe225ba55e2a2fce34b303f0329211e4d6989ed6f6e",
    ),
    (
        "attrs==26.1.0",
        "c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309",
    ),
];

/// The folder of the packages, installed if it is not there.
///
/// The environment's `DUBAN_SMTP_SINK` goes before what was installed.
pub fn ensure() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("DUBAN_SMTP_SINK") {
        let path = PathBuf::from(path);
        return if is_complete(&path) {
            Ok(path)
        } else {
            Err(format!(
                "DUBAN_SMTP_SINK is {}, which holds no Python package aiosmtpd",
                path.display()
            ))
        };
    }
    let home = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/smtp-sink")
        .join(VERSION);
    if is_complete(&home) {
        return Ok(home);
    }
    install(&home).map_err(|what| {
        format!(
            "aiosmtpd {VERSION} cannot be installed: {what}. Install it yourself with \
             `python3 -m pip install --target FOLDER aiosmtpd=={VERSION}` and set DUBAN_SMTP_SINK \
             to the folder."
        )
    })?;
    Ok(home)
}

fn is_complete(home: &Path) -> bool {
    ["aiosmtpd", "public", "attr"]
        .iter()
        .all(|package| home.join(package).is_dir())
}

fn install(home: &Path) -> Result<(), String> {
    let told = |fault: std::io::Error| fault.to_string();
    // From nothing: what is there is not complete.
    if home.exists() {
        std::fs::remove_dir_all(home).map_err(told)?;
    }
    std::fs::create_dir_all(home).map_err(told)?;
    let requirements = home.join("requirements.txt");
    let lines = PACKAGES.map(|(package, hash)| format!("{package} --hash=sha256:{hash}\n"));
    std::fs::write(&requirements, lines.concat()).map_err(told)?;
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
    ])?;
    for package in entries(home) {
        if package.extension().is_some_and(|ending| ending == "whl") {
            python(&[
                "-m".as_ref(),
                "zipfile".as_ref(),
                "-e".as_ref(),
                package.as_os_str(),
                home.as_os_str(),
            ])?;
        }
    }
    if is_complete(home) {
        Ok(())
    } else {
        Err("the packages hold something else than expected".to_owned())
    }
}
