//! A receiver of webhooks for tests: answers as planned, checks signatures by its own reading of
//! the Standard Webhooks specification, and keeps what it was sent.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The largest body taken, in bytes.
const MAX_BODY: usize = 1 << 20;

/// What it does with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// This status.
    Status(u16),
    /// It takes the request and breaks the connection without a word.
    Drop,
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
    /// What it was answered.
    pub answer: Answer,
}

impl Request {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// True when the signature is that of id, timestamp and body under this secret.
    ///
    /// # Panics
    /// When a header of the specification is missing.
    pub fn is_signed_with(&self, secret: &[u8]) -> bool {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length");
        mac.update(self.headers["webhook-id"].as_bytes());
        mac.update(b".");
        mac.update(self.headers["webhook-timestamp"].as_bytes());
        mac.update(b".");
        mac.update(self.body.as_bytes());
        self.headers["webhook-signature"]
            .split(' ')
            .filter_map(|part| part.strip_prefix("v1,"))
            .filter_map(|part| STANDARD.decode(part).ok())
            .any(|bytes| mac.clone().verify_slice(&bytes).is_ok())
    }
}

/// A running receiver; it ends with the test.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// Starts one. `plan` says for the first, second … id seen how its attempts are answered, the
    /// last answer for all further ones; whatever is not planned is answered with 204.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(plan: Vec<Vec<Answer>>) -> Receiver {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("its address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        let serving = tokio::spawn(async move {
            let plan = Arc::new(plan);
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, plan.clone(), kept.clone()));
            }
        });
        Receiver {
            address,
            requests,
            serving,
        }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/notices", self.address)
    }

    /// Every request so far, in order.
    ///
    /// # Panics
    /// When a request's task has panicked.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Serves a connection until it ends; nothing means it ended.
async fn serve(
    stream: TcpStream,
    plan: Arc<Vec<Vec<Answer>>>,
    kept: Arc<Mutex<Vec<Request>>>,
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let mut headers = BTreeMap::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length: usize = headers.get("content-length")?.parse().ok()?;
        let mut body = vec![0; length.min(MAX_BODY)];
        stream.read_exact(&mut body).await.ok()?;
        let body = String::from_utf8(body).ok()?;
        let answer = keep(&plan, &kept, headers, body)?;
        match answer {
            Answer::Drop => return None,
            Answer::Status(status) => {
                let head = format!("HTTP/1.1 {status} .\r\n");
                // 204 has no body, and may not say so.
                let rest = if status == 204 {
                    "\r\n"
                } else {
                    "content-length: 0\r\n\r\n"
                };
                stream.write_all(head.as_bytes()).await.ok()?;
                stream.write_all(rest.as_bytes()).await.ok()?;
            }
        }
    }
}

/// Keeps a request and says how it is to be answered.
fn keep(
    plan: &[Vec<Answer>],
    kept: &Mutex<Vec<Request>>,
    headers: BTreeMap<String, String>,
    body: String,
) -> Option<Answer> {
    let mut kept = kept.lock().ok()?;
    let id = headers.get("webhook-id")?;
    let mut ids: Vec<&String> = Vec::new();
    for request in kept.iter() {
        let known = &request.headers["webhook-id"];
        if !ids.contains(&known) {
            ids.push(known);
        }
    }
    let place = ids.iter().position(|known| *known == id);
    let place = place.unwrap_or(ids.len());
    let attempt = kept
        .iter()
        .filter(|request| &request.headers["webhook-id"] == id)
        .count();
    let answer = plan.get(place).map_or(Answer::Status(204), |answers| {
        answers[attempt.min(answers.len() - 1)]
    });
    kept.push(Request {
        headers,
        body,
        answer,
    });
    Some(answer)
}
