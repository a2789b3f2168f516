//! What stands before the pages, as a browser and an attacker meet it, over a bound loopback listener.

mod accounts;
mod attack;
mod feeds;
mod matrix;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::bed::Bed;
use super::form::KEY_FIELD;
use super::secret::digest;
use crate::measure::Measure;
use crate::sample::{Sample, day, task};
use crate::serve;
use crate::state::ConsoleState;
use duban_model::Service;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);
/// A password that will do.
const PASSWORD: &str = "correct horse battery";

struct Figures;

impl Measure for Figures {
    fn measured(&self) -> String {
        "duban_leader 1\n".to_owned()
    }
}

/// A console with accounts, and duties of two units.
struct Office {
    bed: Bed,
    port: u16,
    _stop: watch::Sender<bool>,
}

/// An answer.
#[derive(Debug)]
struct Heard {
    status: u16,
    head: String,
    body: String,
}

impl Heard {
    fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// What the browser is to hold under a name.
    fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.head.lines();
        let mut set = lines.filter_map(|line| line.strip_prefix("set-cookie: "));
        let value = set.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.split(';').next()?.to_owned())
    }
}

/// By what a request is known.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The cookie of a session.
    session: Option<String>,
    token: Option<String>,
    /// The cookie of forms before the sign-in.
    before: Option<String>,
    /// Other headers, each a line.
    headers: String,
}

impl Known {
    fn nobody() -> Known {
        Known::default()
    }

    fn session(session: &str) -> Known {
        Known {
            session: Some(session.to_owned()),
            ..Known::default()
        }
    }

    fn token(token: &str) -> Known {
        Known {
            token: Some(token.to_owned()),
            ..Known::default()
        }
    }

    /// The key that a form of this one bears.
    fn key(&self) -> String {
        let held = self.session.as_ref().or(self.before.as_ref());
        held.map_or_else(String::new, |held| digest("form", held))
    }
}

impl Office {
    async fn open() -> Office {
        Office::with(Bed::new()).await
    }

    async fn with(bed: Bed) -> Office {
        let mut sample = Sample::empty();
        sample.directory(Service::Rules);
        sample.adopt_tasks("台账", vec![task(1, "公开规划"), task(2, "公开预算")]);
        sample.open("1", "city-spj", Some(day(30)));
        sample.open("2", "kailu", Some(day(30)));
        let state = ConsoleState::new(Some(sample.log.clone()), None)
            .exported_by(Arc::new(crate::sample::Plain))
            .guarded_by(bed.access.clone())
            .measured_by(Arc::new(Figures))
            .defined_by(crate::define::tests::defining(bed.folder.path()));
        *state.write() = std::mem::take(&mut sample.projection);
        state.changed();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, shutdown) = watch::channel(false);
        tokio::spawn(serve(listener, state, shutdown));
        Office {
            bed,
            port,
            _stop: stop,
        }
    }

    /// Asks, and hears the head of the answer and as much of its body as there is.
    async fn ask(&self, method: &str, path: &str, known: &Known, body: &str) -> Heard {
        let secure = self.bed.access.is_secure();
        let prefix = if secure { "__Host-" } else { "" };
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n");
        let mut cookies = Vec::new();
        if let Some(session) = &known.session {
            cookies.push(format!("{prefix}duban={session}"));
        }
        if let Some(before) = &known.before {
            cookies.push(format!("{prefix}duban-form={before}"));
        }
        if !cookies.is_empty() {
            let _ = write!(head, "cookie: {}\r\n", cookies.join("; "));
        }
        if let Some(token) = &known.token {
            let _ = write!(head, "authorization: Bearer {token}\r\n");
        }
        head += &known.headers;
        if method == "POST" {
            let _ = write!(
                head,
                "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!("{head}\r\n{body}");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 16 * 1024];
        let whole = async {
            loop {
                let n = stream.read(&mut chunk).await.unwrap_or(0);
                bytes.extend_from_slice(&chunk[..n]);
                let text = String::from_utf8_lossy(&bytes);
                // A stream goes on; its first message is enough.
                let streams = text.contains("text/event-stream") && text.contains("data: ");
                if n == 0 || streams {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, whole).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        Heard {
            status: head[9..12].parse().unwrap(),
            head: head.replace("\r\n", "\n"),
            body: body.to_owned(),
        }
    }

    async fn get(&self, path: &str, known: &Known) -> Heard {
        self.ask("GET", path, known, "").await
    }

    /// Sends a form with its key.
    async fn send(&self, path: &str, known: &Known, fields: &str) -> Heard {
        let body = format!("{KEY_FIELD}={}&{fields}", known.key());
        self.ask("POST", path, known, &body).await
    }

    /// What a browser holds that has opened the sign-in.
    async fn before(&self) -> Known {
        let page = self.get("/sign-in", &Known::nobody()).await;
        let secure = self.bed.access.is_secure();
        let name = if secure {
            "__Host-duban-form"
        } else {
            "duban-form"
        };
        Known {
            before: page.cookie(name),
            ..Known::default()
        }
    }

    /// Somebody with a password.
    async fn person(&self, name: &str) {
        let by = super::By::command("test");
        let described = super::Described {
            title: name.to_owned(),
            tenant: String::new(),
            roles: [super::Role::Administrator].into(),
            units: std::collections::BTreeSet::default(),
        };
        let code = self
            .bed
            .accounts()
            .invite(&by, name, Some(&described))
            .unwrap();
        let chosen = self.bed.accounts().choose(by, code, PASSWORD.to_owned());
        chosen.await.unwrap();
    }

    async fn sign_in(&self, known: &Known, name: &str, password: &str) -> Heard {
        let fields = format!("name={name}&password={}", password.replace(' ', "+"));
        self.send("/sign-in", known, &fields).await
    }
}
