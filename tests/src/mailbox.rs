//! A real mail server for tests (aiosmtpd), which answers as planned and tells what it understood.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::duban::workspace;

/// The version `cargo xtask test` installs.
const VERSION: &str = "1.4.6";

/// A running mail server. Dropping it kills it.
#[derive(Debug)]
pub struct Mailbox {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Mailbox {
    /// Starts a server with the answers that `tests/src/sink.py` describes.
    ///
    /// # Panics
    /// When aiosmtpd is missing or the server does not start. Nothing is skipped.
    pub fn start(plan: &Value) -> Mailbox {
        Mailbox::start_secured(plan, None)
    }

    /// Starts one that wants to be spoken to encrypted and by a user, as `tests/src/sink.py` has it.
    ///
    /// # Panics
    /// Likewise.
    pub fn start_secured(plan: &Value, secured: Option<&Value>) -> Mailbox {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut child = Command::new("python3")
            .arg(workspace().join("tests/src/sink.py"))
            .arg(plan.to_string())
            .arg(folder.path().join("seen.ndjson"))
            .args(secured.map(ToString::to_string))
            .env("PYTHONPATH", packages())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("its port");
        let port = line.trim().parse();
        let mailbox = Mailbox {
            child,
            port: *port.as_ref().unwrap_or(&0),
            folder,
        };
        assert!(port.is_ok(), "the mail server did not start: `{line}`");
        mailbox
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.place())
    }

    /// The same, without the scheme.
    pub fn place(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Every attempt so far, in order, as the server understood it.
    ///
    /// # Panics
    /// When it wrote something else than JSON.
    pub fn seen(&self) -> Vec<Value> {
        let path = self.folder.path().join("seen.ndjson");
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .lines()
            .map(|line| serde_json::from_str(line).expect("one JSON object a line"))
            .collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn packages() -> PathBuf {
    let folder = std::env::var_os("DUBAN_SMTP_SINK").map_or_else(
        || workspace().join("target/smtp-sink").join(VERSION),
        PathBuf::from,
    );
    assert!(
        folder.join("aiosmtpd").is_dir(),
        "these tests need the Python package aiosmtpd, and it is not in {}: run `cargo xtask \
         test`, which installs it there, or set DUBAN_SMTP_SINK",
        folder.display()
    );
    folder
}
