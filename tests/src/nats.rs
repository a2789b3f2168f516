//! A real nats-server for tests: on a free port of the loopback, with `deploy/nats.conf`, its
//! streams in a folder that goes when the test ends.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// The users of `deploy/nats.conf`.
const USERS: [&str; 9] = [
    "setup",
    "duban",
    "intake",
    "rules",
    "scheduler",
    "notifier",
    "console",
    "website",
    "sys",
];

/// Attempts to reach a server just started, and the pause between two: 10 s in all.
const ATTEMPTS: u32 = 400;
const PAUSE: Duration = Duration::from_millis(25);

/// A running server. Dropping it kills the server.
pub struct NatsServer {
    child: Option<Child>,
    port: u16,
    store: TempDir,
}

impl NatsServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start. Nothing is skipped.
    pub async fn start() -> NatsServer {
        NatsServer::start_in(&std::env::temp_dir()).await
    }

    /// The same with its streams below a folder of the caller's choice: where they lie decides what
    /// a sync costs.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start.
    pub async fn start_in(place: &Path) -> NatsServer {
        let store = tempfile::tempdir_in(place).expect("a temporary folder");
        let mut server = NatsServer {
            child: None,
            port: free_port(),
            store,
        };
        server.restart().await;
        server
    }

    /// Starts it again, on the same port and folder, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .expect("the server's log file");
        let mut command = Command::new(binary());
        command
            .arg("-c")
            .arg(workspace().join("deploy/nats.conf"))
            .args(["-p", &self.port.to_string()])
            .env("DUBAN_NATS_STORE", self.store.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        for user in USERS {
            command.env(
                format!("DUBAN_NATS_{}", user.to_uppercase()),
                password(user),
            );
        }
        self.child = Some(command.spawn().expect("nats-server starts"));
        self.wait_until_it_answers().await;
    }

    async fn wait_until_it_answers(&mut self) {
        for _ in 0..ATTEMPTS {
            if self.client("console").await.is_ok() {
                return;
            }
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().expect("the server's state"));
            if let Some(status) = ended {
                panic!("nats-server ended with {status}: {}", self.log());
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("nats-server does not answer: {}", self.log());
    }

    /// Ends it as a crash would: SIGKILL.
    ///
    /// # Panics
    /// When the system cannot tell that it has ended.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            child.wait().expect("the server ends");
        }
    }

    /// A plain connection, as software that is not Duban's would make it.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn client(&self, user: &str) -> Result<async_nats::Client, async_nats::ConnectError> {
        async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password(user))
            .custom_inbox_prefix(format!("_INBOX.{user}"))
            .connect(format!("127.0.0.1:{}", self.port))
            .await
    }

    /// Where a user connects, with the password in it.
    pub fn url(&self, user: &str) -> String {
        format!("nats://{user}:{}@127.0.0.1:{}", password(user), self.port)
    }

    /// What the server has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.store.path().join("server.log")
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

fn password(user: &str) -> String {
    format!("of{user}")
}

fn free_port() -> u16 {
    // Another process could take it before the server does; the start then fails visibly.
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
        .port()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// The server's binary, where `cargo xtask test` put it or the environment says.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DUBAN_NATS_SERVER") {
        return PathBuf::from(path);
    }
    let home = workspace().join("target/nats-server/2.15.1");
    find(&home).unwrap_or_else(|| {
        panic!(
            "these tests need nats-server 2.15.1, and it is not in {}: run `cargo xtask test`, \
             which installs it there, or set DUBAN_NATS_SERVER to a nats-server of yours",
            home.display()
        )
    })
}

fn find(folder: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path)
        } else {
            (path.file_name() == Some(OsStr::new("nats-server"))).then_some(path)
        }
    })
}
