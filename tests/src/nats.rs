//! A real nats-server for tests: on a free port of the loopback, with `deploy/nats.conf`, its
//! streams in a folder that goes when the test ends. Three of them make a cluster.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
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
    /// Where the streams are; `store` unless a test chose another folder.
    streams: PathBuf,
    store: TempDir,
    /// What this server is told beyond `deploy/nats.conf`.
    options: Vec<String>,
}

impl NatsServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When there is no nats-server, or it does not start. Nothing is skipped.
    pub async fn start() -> NatsServer {
        let mut server = NatsServer::prepare(Vec::new());
        server.restart().await;
        server
    }

    /// Starts a server that keeps its streams in a folder of the test's choice.
    ///
    /// # Panics
    /// As [`NatsServer::start`].
    pub async fn start_on(streams: &Path) -> NatsServer {
        let mut server = NatsServer::prepare(Vec::new());
        server.streams = streams.to_owned();
        server.restart().await;
        server
    }

    /// Starts a server that keeps its streams in a folder of its own below `place`, on the disk
    /// that decides what a sync costs.
    ///
    /// # Panics
    /// As [`NatsServer::start`].
    pub async fn start_below(place: &Path) -> NatsServer {
        let mut server = NatsServer::prepare(Vec::new());
        server.store = tempfile::tempdir_in(place).expect("a temporary folder");
        server.streams = server.store.path().to_owned();
        server.restart().await;
        server
    }

    fn prepare(options: Vec<String>) -> NatsServer {
        let store = tempfile::tempdir().expect("a temporary folder");
        NatsServer {
            child: None,
            port: free_port(),
            streams: store.path().to_owned(),
            store,
            options,
        }
    }

    /// Starts it again, on the same port and folder, and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.spawn();
        self.wait_until_it_answers().await;
    }

    fn spawn(&mut self) {
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
            .args(&self.options)
            .env("DUBAN_NATS_STORE", &self.streams)
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
        self.url_at(user, self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// As [`NatsServer::url`], by way of another address that leads to it.
    pub fn url_at(&self, user: &str, address: SocketAddr) -> String {
        format!("nats://{user}:{}@{address}", password(user))
    }

    /// What the server has written.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.store.path().join("server.log")
    }
}

/// Three servers that keep every stream together. Dropping it kills them.
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
}

impl NatsCluster {
    /// Starts the three and waits until each answers. Which of them leads what is theirs to agree
    /// on, and takes them some seconds more.
    ///
    /// # Panics
    /// As [`NatsServer::start`].
    pub async fn start() -> NatsCluster {
        let routes = [(); 3].map(|()| format!("nats://127.0.0.1:{}", free_port()));
        let mut nodes: Vec<NatsServer> = (0..routes.len())
            .map(|place| {
                let options = [
                    ["--server_name", &node_name(place)],
                    ["--cluster_name", "duban"],
                    ["--cluster", &routes[place]],
                    ["--routes", &routes.join(",")],
                ];
                NatsServer::prepare(options.concat().into_iter().map(str::to_owned).collect())
            })
            .collect();
        nodes.iter_mut().for_each(NatsServer::spawn);
        for node in &mut nodes {
            node.wait_until_it_answers().await;
        }
        NatsCluster { nodes }
    }

    /// Where a user connects: all three.
    pub fn url(&self, user: &str) -> String {
        let all: Vec<String> = self.nodes.iter().map(|node| node.url(user)).collect();
        all.join(",")
    }

    /// Which node leads a stream, and whether the other two have all of it; nothing while the
    /// cluster has not agreed.
    pub async fn leader(&self, stream: &str) -> Option<(usize, bool)> {
        let node = self.nodes.iter().find(|node| node.child.is_some())?;
        let client = node.client("console").await.ok()?;
        let subject = format!("$JS.API.STREAM.INFO.{stream}");
        let asked = client.request(subject, Bytes::new());
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await;
        let info: Value = serde_json::from_slice(&answer.ok()?.ok()?.payload).ok()?;
        let cluster = &info["cluster"];
        let leader = cluster["leader"].as_str()?;
        let place = (0..self.nodes.len()).find(|place| node_name(*place) == leader)?;
        let others = cluster["replicas"].as_array()?;
        let is_whole = others.len() == 2
            && others
                .iter()
                .all(|other| other["current"] == true && other["offline"] != true);
        Some((place, is_whole))
    }

    /// Ends a node as a crash would: SIGKILL.
    pub fn kill(&mut self, place: usize) {
        self.nodes[place].kill();
    }

    /// Starts a node again and waits until it answers.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self, place: usize) {
        self.nodes[place].restart().await;
    }
}

fn node_name(place: usize) -> String {
    format!("duban-{place}")
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
