//! The built program as a process of its own: its lines, its cost, its socket.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use duban_model::{Envelope, Frame};
use duban_runtime::submit::subject_tail;
use duban_tests::duban::{binary, workspace};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::cost::{self, Memory};
use crate::node::started;

/// Looks at a process's processor time, and how many of them in a row must find it at rest.
const LOOK: Duration = Duration::from_millis(250);
const LOOKS: u32 = 8;
/// Processor seconds between two looks that still count as rest.
const REST: f64 = 0.011;

/// A running program. Dropping it kills it.
pub struct Program {
    child: Child,
    id: String,
    since: Instant,
    lines: mpsc::UnboundedReceiver<(Instant, String)>,
    said: Vec<String>,
}

impl Program {
    /// Starts it with arguments, in the workspace's folder.
    pub fn start(args: &[&str]) -> Program {
        let since = started();
        let mut child = Command::new(binary())
            .args(args)
            .current_dir(workspace())
            .env_remove("DUBAN_NATS_URL")
            .env_remove("DUBAN_NATS_PASSWORD")
            .env_remove("DUBAN_SMTP_URL")
            .env_remove("DUBAN_LOG")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("duban starts");
        let (out, lines) = mpsc::unbounded_channel();
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        read_lines(stdout.expect("a pipe"), out.clone());
        read_lines(stderr.expect("a pipe"), out);
        let id = child.id().expect("it was started").to_string();
        Program {
            child,
            id,
            since,
            lines,
            said: Vec::new(),
        }
    }

    /// Starts `duban serve` on a data folder: all roles with pages, or the roles named.
    pub fn serve(data: &Path, more: &[&str]) -> Program {
        let data = data.display().to_string();
        let mut args = vec!["serve"];
        args.extend(more);
        args.extend(["--data", &data, "--http", "127.0.0.1:0"]);
        Program::start(&args)
    }

    /// Since it was started.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Waits for so many lines with a text in them; returns how long after the start the last came.
    pub async fn until_said(&mut self, text: &str, times: usize) -> Duration {
        let mut left = times;
        while left > 0 {
            let Some((at, line)) = self.lines.recv().await else {
                panic!(
                    "duban ended before it said `{text}`:\n{}",
                    self.said.join("\n")
                );
            };
            if line.contains(text) {
                left -= 1;
            }
            self.said.push(line);
            if left == 0 {
                return at.duration_since(self.since);
            }
        }
        Duration::ZERO
    }

    /// Waits until it says where its pages are.
    pub async fn port(&mut self) -> u16 {
        self.until_said("pages: http://", 1).await;
        let line = self.said.last().map_or("", String::as_str);
        let port = line.trim_end_matches('/').rsplit(':').next();
        let port = port.and_then(|port| port.parse().ok());
        port.unwrap_or_else(|| panic!("no port in `{line}`"))
    }

    /// Waits until all four services are at work; returns how long that took from the start.
    pub async fn until_at_work(&mut self) -> Duration {
        self.until_said("service runs", 4).await
    }

    /// Waits until it has used next to no processor time for two seconds.
    pub async fn until_at_rest(&self) {
        let (mut before, mut at_rest) = (self.cpu(), 0);
        while at_rest < LOOKS {
            tokio::time::sleep(LOOK).await;
            let now = self.cpu();
            at_rest = if now - before <= REST { at_rest + 1 } else { 0 };
            before = now;
        }
    }

    /// Processor seconds so far.
    pub fn cpu(&self) -> f64 {
        cost::used(&self.id).expect("duban is running").own
    }

    /// Its memory.
    pub fn memory(&self) -> Memory {
        cost::memory(&self.id).expect("duban is running")
    }

    /// Ends it as a crash would: SIGKILL.
    pub async fn crash(mut self) {
        self.child.kill().await.expect("it was running");
    }

    /// Asks it to stop and waits until it has.
    pub async fn stop(mut self) {
        let asked = Command::new("kill")
            .args(["-TERM", &self.id])
            .status()
            .await
            .expect("the program `kill`");
        assert!(asked.success(), "duban was running");
        let ended = self.child.wait().await.expect("it ends");
        while let Ok((_, line)) = self.lines.try_recv() {
            self.said.push(line);
        }
        assert!(ended.success(), "{ended}:\n{}", self.said.join("\n"));
    }

    /// Waits for its end; standard output and error together.
    pub async fn ended(mut self) -> String {
        while let Some((_, line)) = self.lines.recv().await {
            self.said.push(line);
        }
        let ended = self.child.wait().await.expect("it ends");
        assert!(ended.success(), "{ended}:\n{}", self.said.join("\n"));
        self.said.join("\n")
    }
}

fn read_lines(
    pipe: impl AsyncRead + Unpin + Send + 'static,
    out: mpsc::UnboundedSender<(Instant, String)>,
) {
    tokio::spawn(async move {
        let mut lines = BufReader::new(pipe).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if out.send((started(), line)).is_err() {
                return;
            }
        }
    });
}

/// A client of the socket in a data folder.
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects as soon as there is somebody to connect to.
    pub async fn connect(data: &Path) -> Client {
        loop {
            if let Ok(stream) = UnixStream::connect(data.join("duban.sock")).await {
                return Client {
                    stream: BufReader::new(stream),
                };
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn ask(&mut self, request: &Value) {
        let line = format!("{request}\n");
        self.stream
            .write_all(line.as_bytes())
            .await
            .expect("a request");
    }

    async fn hear(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|fault| panic!("{fault}: {line}"))
    }

    /// Puts an event into the inbox.
    pub async fn submit(&mut self, event: &Envelope) {
        self.ask(&json!({"submit": {
            "tenant": event.tenant, "tail": subject_tail(event), "event": event.to_json(),
        }}))
        .await;
        let answer = self.hear().await;
        assert!(answer["seq"].is_u64(), "{answer}");
    }

    /// Every frame after a place.
    pub async fn frames(&mut self, after: u64, mut each: impl FnMut(u64, Frame)) {
        self.ask(&json!({"frames": {"after": after}})).await;
        loop {
            let answer = self.hear().await;
            let frame = &answer["frame"];
            let Some(seq) = frame["seq"].as_u64() else {
                assert_eq!(answer["end"], true, "{answer}");
                return;
            };
            let text = |name: &str| frame[name].as_str().unwrap_or_default().as_bytes();
            let decoded = Frame::decode(text("head"), text("batch")).expect("a frame");
            each(seq, decoded);
        }
    }
}
