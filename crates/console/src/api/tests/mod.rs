//! The API as a program meets it, over a bound loopback listener.

mod document;
mod reading;
mod sending;
mod working;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use duban_model::decision::NoticeRequested;
use duban_model::{Body, Service};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::access::bed::Bed;
use crate::sample::{LEDGER, Sample, day, task};
use crate::serve;
use crate::sheet::{Circular, Export, FileFormat, Sheet};
use crate::state::ConsoleState;

/// How long a test waits for anything, before it is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Writes what a table holds, one thing a line.
struct Plain;

impl Export for Plain {
    fn circular(&self, circular: &Circular) -> Result<Vec<u8>, String> {
        Ok(circular.title.clone().into_bytes())
    }

    fn write(&self, format: FileFormat, sheet: &Sheet) -> Result<Vec<u8>, String> {
        let mut text = format!("{} {}\n", format.ending(), sheet.title);
        for entry in &sheet.entries {
            let _ = writeln!(text, "{} {}", entry.due, entry.obligation);
        }
        for row in &sheet.rows {
            let cells: Vec<&str> = row.iter().map(|cell| &*cell.text).collect();
            let _ = writeln!(text, "{}", cells.join(" "));
        }
        Ok(text.into_bytes())
    }
}

/// A console with duties of two units and some notices.
struct Desk {
    bed: Bed,
    state: ConsoleState,
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

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}\n{self:?}"))
    }

    /// The code of a problem, after a look at its form.
    fn code(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        for part in ["title", "detail", "found", "expected", "remedy"] {
            assert_ne!(
                problem[part].as_str().unwrap_or_default(),
                "",
                "{part}: {problem}"
            );
        }
        let kind = problem["type"].as_str().unwrap();
        kind.strip_prefix("urn:duban:problem:").unwrap().to_owned()
    }
}

impl Desk {
    async fn open() -> Desk {
        Desk::with(|_| {}).await
    }

    async fn with(more: impl FnOnce(&mut Sample)) -> Desk {
        let mut sample = Sample::empty();
        sample.directory(Service::Rules);
        sample.adopt_tasks("台账", vec![task(1, "公开规划"), task(2, "公开预算")]);
        let own = sample.open("1", "city-spj", Some(day(30)));
        let other = sample.open("2", "kailu", Some(day(40)));
        let notice = sample.requested(&own, "before:15wd");
        sample.queued(&own, &notice, "before:15wd");
        let foreign = NoticeRequested {
            unit: "kailu".to_owned(),
            to: "kailu".to_owned(),
            ..sample.request(&other, "due")
        };
        sample.write(Service::Rules, Body::NoticeRequested(foreign));
        sample.overdue(&other);
        more(&mut sample);
        let bed = Bed::new();
        let state = ConsoleState::new(Some(sample.log.clone()), None)
            .guarded_by(bed.access.clone())
            .foreseen_by(Arc::new(working::Playing))
            .defined_by(crate::define::tests::defining(bed.folder.path()))
            .exported_by(Arc::new(Plain));
        *state.write() = std::mem::take(&mut sample.projection);
        state.changed();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (stop, shutdown) = watch::channel(false);
        tokio::spawn(serve(listener, state.clone(), shutdown));
        Desk {
            bed,
            state,
            port,
            _stop: stop,
        }
    }

    /// Sends a request with headers, each `name: value`.
    async fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Heard {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n");
        for header in headers {
            let _ = write!(head, "{header}\r\n");
        }
        if method == "POST" {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        let request = format!("{head}\r\n{body}");
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        // A server that has heard enough may close while we still speak.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut bytes = Vec::new();
        let heard = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
        let _ = heard.expect("an answer in time");
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("an answer");
        Heard {
            status: head[9..12].parse().unwrap(),
            head: head.replace("\r\n", "\n"),
            body: body.to_owned(),
        }
    }

    /// Asks below `/api/v1` with a token.
    async fn get(&self, path: &str, token: &str) -> Heard {
        let bearer = format!("authorization: Bearer {token}");
        self.ask("GET", &format!("/api/v1{path}"), &[&bearer], "")
            .await
    }

    /// Sends events with a token.
    async fn post(&self, token: &str, media: &str, body: &str) -> Heard {
        let bearer = format!("authorization: Bearer {token}");
        let kind = format!("content-type: {media}");
        let headers = [bearer.as_str(), kind.as_str()];
        self.ask("POST", "/api/v1/events", &headers, body).await
    }
}

/// A duty's id in an address.
fn duty(task: &str, unit: &str) -> String {
    format!("/obligations/{LEDGER}%2F{task}%2F{unit}%2Fresponsible")
}
