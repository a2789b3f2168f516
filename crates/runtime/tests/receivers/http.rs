//! An HTTP server that behaves as it is told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Answers with status, headers and body.
    Says(u16, Vec<String>, String),
    /// Answers 200 with the request line and body that it was sent.
    Echo,
    /// Begins an answer of 200 with this and breaks the connection.
    BreakOff(String),
    /// Takes the request and breaks the connection.
    Close,
    /// Takes the request and says nothing more.
    Hang,
    /// Begins an answer of 200 with this and says no more, without breaking the connection.
    Stall(String),
    /// Answers 200 with one byte of a long body a second.
    Drip,
    /// Answers 200 with this and a body that never ends.
    Endless(String),
}

/// An answer of 200.
pub fn ok(body: &str) -> Reply {
    Reply::status(200).with(body)
}

impl Reply {
    pub fn status(status: u16) -> Reply {
        Reply::Says(status, Vec::new(), String::new())
    }

    pub fn with(self, text: &str) -> Reply {
        match self {
            Reply::Says(status, headers, _) => Reply::Says(status, headers, text.to_owned()),
            other => other,
        }
    }

    pub fn header(self, line: &str) -> Reply {
        match self {
            Reply::Says(status, mut headers, body) => {
                headers.push(line.to_owned());
                Reply::Says(status, headers, body)
            }
            other => other,
        }
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: Vec<String>,
    pub body: String,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("a JSON body")
    }

    /// A field of the query.
    pub fn query(&self, name: &str) -> Option<String> {
        let url: reqwest::Url = format!("http://x{}", self.target).parse().ok()?;
        let found = url.query_pairs().find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }
}

/// A running server; it ends with the test. The last reply stands for all further requests.
pub struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    count: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

impl Server {
    pub async fn start(replies: Vec<Reply>) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (counted, count) = watch::channel(0);
        let kept = requests.clone();
        let serving = tokio::spawn(async move {
            let shared = Arc::new((replies, kept, counted));
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                tokio::spawn(async move { serve(stream, &shared).await });
            }
        });
        Server {
            address,
            requests,
            count,
            serving,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/robot", self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub async fn came(&self, many: usize) {
        let mut count = self.count.clone();
        count.wait_for(|count| *count >= many).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Waits until nobody listens there any more.
pub async fn until_closed(url: &str) {
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

type Shared = (Vec<Reply>, Arc<Mutex<Vec<Request>>>, watch::Sender<usize>);

async fn serve(stream: TcpStream, (replies, kept, counted): &Shared) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut first = String::new();
        if stream.read_line(&mut first).await.ok()? == 0 {
            return None;
        }
        let mut words = first.split_whitespace().map(ToOwned::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).await.ok()?;
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            headers.push(line);
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        let request = Request {
            method,
            target,
            headers,
            body: String::from_utf8(body).ok()?,
        };
        let count = {
            let mut kept = kept.lock().unwrap();
            kept.push(request.clone());
            kept.len()
        };
        let answer = match &replies[(count - 1).min(replies.len() - 1)] {
            Reply::Says(204, headers, _) => answer(204, headers, None),
            Reply::Says(status, headers, body) => answer(*status, headers, Some(body)),
            Reply::Echo => answer(200, &[], Some(&format!("{first}{}", request.body))),
            Reply::BreakOff(body) => {
                let head = format!(
                    "HTTP/1.1 200 .\r\ncontent-length: {}\r\n\r\n",
                    body.len() + 9
                );
                let _ = stream.write_all((head + body).as_bytes()).await;
                counted.send_replace(count);
                return None;
            }
            Reply::Close => {
                counted.send_replace(count);
                return None;
            }
            Reply::Hang => {
                counted.send_replace(count);
                return std::future::pending().await;
            }
            Reply::Stall(body) => {
                let head = "HTTP/1.1 200 .\r\ncontent-length: 1000\r\n\r\n".to_owned();
                stream.write_all((head + body).as_bytes()).await.ok()?;
                counted.send_replace(count);
                return std::future::pending().await;
            }
            Reply::Drip => {
                let head = "HTTP/1.1 200 .\r\ncontent-length: 1000\r\n\r\n";
                stream.write_all(head.as_bytes()).await.ok()?;
                counted.send_replace(count);
                loop {
                    stream.write_all(b" ").await.ok()?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Reply::Endless(body) => {
                let head = "HTTP/1.1 200 .\r\ntransfer-encoding: chunked\r\n\r\n";
                let first = format!("{head}{:x}\r\n{body}\r\n", body.len());
                stream.write_all(first.as_bytes()).await.ok()?;
                counted.send_replace(count);
                let more = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
                loop {
                    stream.write_all(more.as_bytes()).await.ok()?;
                }
            }
        };
        stream.write_all(answer.as_bytes()).await.ok()?;
        counted.send_replace(count);
    }
}

fn answer(status: u16, headers: &[String], body: Option<&String>) -> String {
    let mut out = format!("HTTP/1.1 {status} .\r\n");
    for header in headers {
        out.push_str(header);
        out.push_str("\r\n");
    }
    match body {
        None => out + "\r\n",
        Some(body) => out + &format!("content-length: {}\r\n\r\n{body}", body.len()),
    }
}
