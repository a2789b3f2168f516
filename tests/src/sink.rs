//! An HTTP receiver that answers when the test says so, and remembers when what came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::watch::Stopwatch;

/// The largest body taken, in bytes.
const MAX_BODY: usize = 1 << 20;

/// What it does with requests from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Takes each and answers yes.
    Take,
    /// Takes each, and keeps its sender waiting for the answer until another mode is set.
    TakeAndWait,
    /// Reads no further than the head; when another mode is set, breaks the connection.
    WaitAndBreak,
}

/// One request that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// When, since the receiver started.
    pub at: Duration,
    /// The path and query asked for.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

impl Taken {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }
}

#[derive(Debug)]
struct State {
    mode: Mode,
    taken: Vec<Taken>,
    /// Requests kept waiting now.
    waiting: usize,
    /// Answers given.
    answered: usize,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    since: Stopwatch,
    yes: String,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a request waiting until the mode is another one.
    fn wait(&self, mode: Mode) {
        let mut state = self.state();
        state.waiting += 1;
        while state.mode == mode {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
    }
}

/// A running receiver. Its threads end with the process.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Sink {
    /// Starts one that says yes with status 200 and this body.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn start(yes: &str) -> Sink {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                mode: Mode::Take,
                taken: Vec::new(),
                waiting: 0,
                answered: 0,
            }),
            changed: Condvar::new(),
            since: Stopwatch::start(),
            yes: yes.to_owned(),
        });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Sink { address, shared }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/notices", self.address)
    }

    /// Sets what happens from now on; whoever was kept waiting goes on.
    pub fn set(&self, mode: Mode) {
        self.shared.state().mode = mode;
        self.shared.changed.notify_all();
    }

    /// Requests kept waiting now.
    pub fn waiting(&self) -> usize {
        self.shared.state().waiting
    }

    /// Answers given so far.
    pub fn answered(&self) -> usize {
        self.shared.state().answered
    }

    /// Every request taken so far, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.state().taken.clone()
    }
}

/// Serves a connection until it ends; nothing means it ended.
fn serve(stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).ok()? == 0 {
            return None;
        }
        let target = first.split_whitespace().nth(1)?.to_owned();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        if shared.state().mode == Mode::WaitAndBreak {
            shared.wait(Mode::WaitAndBreak);
            return None;
        }
        let length: usize = headers.get("content-length")?.parse().ok()?;
        let mut body = vec![0; length.min(MAX_BODY)];
        stream.read_exact(&mut body).ok()?;
        shared.state().taken.push(Taken {
            at: shared.since.elapsed(),
            target,
            headers,
            body: String::from_utf8(body).ok()?,
        });
        shared.wait(Mode::TakeAndWait);
        let yes = &shared.yes;
        let answer = format!(
            "HTTP/1.1 200 .\r\ncontent-length: {}\r\n\r\n{yes}",
            yes.len()
        );
        stream.get_mut().write_all(answer.as_bytes()).ok()?;
        shared.state().answered += 1;
    }
}
