//! The built program under test, in processes that end with the test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::watch::until;

/// The ledger all scenarios play.
pub const LEDGER: &str = "workflows/tongliao-2021";
/// How long a process may go on after it was told to stop.
const STANDS_WITHIN: Duration = Duration::from_secs(30);
/// A command of the program that takes longer has failed.
const COMMAND_LIMIT: Duration = Duration::from_mins(3);

/// The workspace's folder.
///
/// # Panics
/// Never: the tests are a member of it.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// The program: where `DUBAN_BIN` says, or beside this test's folder in `target`.
///
/// # Panics
/// When it is not there. Nothing is skipped.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("DUBAN_BIN").map_or_else(
        || {
            let test = std::env::current_exe().expect("this test's own path");
            // target/debug/deps/TEST
            test.ancestors().nth(2).unwrap_or(&test).join("duban")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "these tests run the built program, and it is not at {}: run `cargo xtask test`, which \
         builds it, or set DUBAN_BIN",
        path.display()
    );
    path
}

/// What an ended process said.
#[derive(Clone, Debug)]
pub struct Said {
    /// Its exit code; nothing if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// The same, after a look at the exit code.
    ///
    /// # Panics
    /// When it is another one.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "mostly called for the look alone"
    )]
    pub fn with_code(self, code: i32) -> Said {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.out,
            self.err
        );
        self
    }

    /// Standard output read as one JSON value.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|fault| panic!("{fault} in {}\n{}", self.out, self.err))
    }
}

/// A process of the program. Dropping it kills it.
#[derive(Debug)]
pub struct Duban {
    child: Child,
    said: TempDir,
}

impl Duban {
    /// Starts it in the workspace's folder.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(args: &[S]) -> Duban {
        Duban::start_with(args, &[])
    }

    /// Starts it with variables in its environment.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_with<S: AsRef<OsStr>>(args: &[S], variables: &[(&str, &str)]) -> Duban {
        Duban::spawn(Command::new(binary()).args(args), variables)
    }

    /// Starts it with no more than so many open files.
    ///
    /// # Panics
    /// When it cannot be started, or there is no `prlimit` program.
    pub fn start_with_files<S: AsRef<OsStr>>(files: u32, args: &[S]) -> Duban {
        let mut limited = Command::new("prlimit");
        limited.arg(format!("--nofile={files}")).arg(binary());
        Duban::spawn(limited.args(args), &[])
    }

    fn spawn(command: &mut Command, variables: &[(&str, &str)]) -> Duban {
        let said = tempfile::tempdir().expect("a temporary folder");
        let file = |name| std::fs::File::create(said.path().join(name)).expect("a file");
        let child = command
            .current_dir(workspace())
            .env_remove("DUBAN_NATS_URL")
            .env_remove("DUBAN_NATS_PASSWORD")
            .env_remove("DUBAN_SMTP_URL")
            .env("NO_COLOR", "1")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file("out"))
            .stderr(file("err"))
            .spawn()
            .expect("duban starts");
        Duban { child, said }
    }

    /// Ends it as a crash would: SIGKILL. True if it was still running.
    ///
    /// # Panics
    /// When the system cannot tell that it has ended.
    pub fn kill(&mut self) -> bool {
        let ran = self.ended().is_none();
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().expect("the process ends");
        ran
    }

    /// Asks it to stop: SIGTERM.
    ///
    /// # Panics
    /// When there is no `kill` program.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal, such as `STOP` and `CONT`.
    ///
    /// # Panics
    /// When there is no `kill` program.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let name = format!("-{name}");
        let status = Command::new("kill").args([&name, &id]).status();
        assert!(status.expect("the program `kill`").success());
    }

    /// Stops it, and waits until none of its threads runs any more.
    ///
    /// # Panics
    /// When it does not stand still.
    pub fn halt(&self) {
        self.signal("STOP");
        let tasks = format!("/proc/{}/task", self.id());
        let stands = || {
            let tasks = std::fs::read_dir(&tasks).expect("its threads");
            tasks.flatten().all(|task| {
                let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                // After the name, which is in brackets.
                let state = stat
                    .rsplit(") ")
                    .next()
                    .and_then(|rest| rest.chars().next());
                state.is_none_or(|state| state == 'T')
            })
        };
        assert!(until(STANDS_WITHIN, stands), "it does not stand still");
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Panics
    /// When the system cannot tell.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process's state")
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it is still running after `limit`.
    pub fn wait(mut self, limit: Duration) -> Said {
        let done = until(limit, || self.ended().is_some());
        assert!(
            done,
            "still running after {limit:?}; stdout:\n{}\nstderr:\n{}",
            self.out(),
            self.err()
        );
        Said {
            code: self.ended().and_then(|status| status.code()),
            out: self.out(),
            err: self.err(),
        }
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.read("out")
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        self.read("err")
    }

    fn read(&self, name: &str) -> String {
        let bytes = std::fs::read(self.said.path().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Duban {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it does not end within some minutes.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Said {
    Duban::start(args).wait(COMMAND_LIMIT)
}

/// Runs a command to its end with variables in its environment.
///
/// # Panics
/// When it does not end within some minutes.
pub fn run_with<S: AsRef<OsStr>>(args: &[S], variables: &[(&str, &str)]) -> Said {
    Duban::start_with(args, variables).wait(COMMAND_LIMIT)
}

/// A span of days and a file of events to play in it.
#[derive(Clone, Debug)]
pub struct Play {
    /// The definition folder.
    pub ledger: PathBuf,
    /// First day.
    pub from: String,
    /// Last day.
    pub to: String,
    /// The events.
    pub events: PathBuf,
}

impl Play {
    /// The ledger with the sample events up to a day.
    pub fn sample(to: &str) -> Play {
        Play {
            ledger: LEDGER.into(),
            from: "2021-06-28".to_owned(),
            to: to.to_owned(),
            events: workspace().join(LEDGER).join("sample-events.ndjson"),
        }
    }

    fn span(&self) -> [String; 6] {
        let events = self.events.display().to_string();
        let [from, to] = [&self.from, &self.to].map(String::clone);
        ["--from", &from, "--to", &to, "--events", &events].map(str::to_owned)
    }

    /// Arguments of `duban simulate`.
    pub fn simulate(&self) -> Vec<String> {
        let ledger = self.ledger.display().to_string();
        let mut args = ["simulate", &ledger].map(str::to_owned).to_vec();
        args.extend(self.span());
        args.extend(["--summary", "--format", "json"].map(str::to_owned));
        args
    }

    /// Arguments of `duban demo` on a data folder, as fast as possible.
    pub fn demo(&self, data: &Path) -> Vec<String> {
        let ledger = self.ledger.display().to_string();
        let data = data.display().to_string();
        let mut args: Vec<String> = ["demo", "--speed", "0", "--no-http", "--quiet"]
            .map(str::to_owned)
            .to_vec();
        args.extend(["--ledger", &ledger, "--data", &data].map(str::to_owned));
        args.extend(self.span());
        args
    }

    /// Arguments of `duban send --rounds` to a NATS server.
    pub fn rounds(&self, nats: &str) -> Vec<String> {
        let ledger = self.ledger.display().to_string();
        let events = self.events.display().to_string();
        let mut args: Vec<String> = ["send", &events, "--rounds", "--nats", nats]
            .map(str::to_owned)
            .to_vec();
        args.extend(
            ["--ledger", &ledger, "--from", &self.from, "--to", &self.to].map(str::to_owned),
        );
        args
    }

    /// The checksum of playing it in memory.
    ///
    /// # Panics
    /// When the simulation fails.
    pub fn checksum_in_memory(&self) -> String {
        checksum(&run(&self.simulate()).with_code(0).json())
    }
}

/// The checksum that a command printed.
///
/// # Panics
/// When it printed none.
pub fn checksum(printed: &Value) -> String {
    printed["checksum"]
        .as_str()
        .unwrap_or_else(|| panic!("no checksum in {printed}"))
        .to_owned()
}

/// A token that reads all pages and measures of a console with this data folder, running or not.
///
/// # Panics
/// When it cannot be made.
pub fn reader(data: &Path) -> String {
    let data = data.display().to_string();
    let args = [
        "token", "add", "tests", "--scope", "read", "--scope", "metrics",
    ];
    let made = run(&[&args[..], &["--data", &data]].concat()).with_code(0);
    made.out.trim().to_owned()
}

/// Verifies a stopped data folder's log and returns its checksum.
///
/// # Panics
/// When the verification finds a fault.
pub fn verified(data: &Path) -> String {
    let data = data.display().to_string();
    verified_at(&["--data", &data])
}

/// Verifies a log wherever it is.
///
/// # Panics
/// When the verification finds a fault.
pub fn verified_at(place: &[&str]) -> String {
    let mut args = ["replay", "--verify", "--format", "json"].to_vec();
    args.extend(place);
    let printed = run(&args).with_code(0).json();
    assert_eq!(
        printed["faults"],
        Value::Array(Vec::new()),
        "faults on the log"
    );
    checksum(&printed)
}
