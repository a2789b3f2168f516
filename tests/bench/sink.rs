//! Receivers as fast as they can be made: a thread of its own for each, one connection's dialogue as
//! the protocol has it, and a count.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Read at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// What a receiver speaks.
#[derive(Clone, Copy, Debug)]
pub enum Speaks {
    Http,
    Smtp,
}

/// A running receiver.
pub struct Sink {
    pub address: SocketAddr,
    taken: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Sink {
    pub fn start(speaks: Speaks) -> Sink {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("tokio's way");
        let address = listener.local_addr().expect("its address");
        let (taken, connections) = (Arc::default(), Arc::default());
        let sink = Sink {
            address,
            taken,
            connections,
        };
        let (taken, connections) = (sink.taken.clone(), sink.connections.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = stream.set_nodelay(true);
                    connections.fetch_add(1, Ordering::Relaxed);
                    let taken = taken.clone();
                    tokio::spawn(async move {
                        match speaks {
                            Speaks::Http => http(stream, &taken).await,
                            Speaks::Smtp => smtp(stream, &taken).await,
                        }
                    });
                }
            });
        });
        sink
    }

    /// Messages taken so far.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// Connections made so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|w| w == needle)
}

/// Reads more; nothing means that the other side is gone.
async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(()),
    }
}

/// Requests with a body of a length that they say, each answered with 204.
async fn http(mut stream: TcpStream, taken: &AtomicUsize) -> Option<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    loop {
        let head = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                break end + 4;
            }
            more(&mut stream, &mut buffer).await?;
        };
        let text = std::str::from_utf8(&buffer[..head]).ok()?;
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        })?;
        while buffer.len() < head + length {
            more(&mut stream, &mut buffer).await?;
        }
        buffer.drain(..head + length);
        taken.fetch_add(1, Ordering::Relaxed);
        stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .ok()?;
    }
}

/// A mail server that takes everything (RFC 5321).
async fn smtp(mut stream: TcpStream, taken: &AtomicUsize) -> Option<()> {
    let mut buffer = Vec::with_capacity(BUFFER);
    stream.write_all(b"220 sink.example ESMTP\r\n").await.ok()?;
    loop {
        let end = loop {
            if let Some(end) = find(&buffer, b"\r\n") {
                break end + 2;
            }
            more(&mut stream, &mut buffer).await?;
        };
        let verb: Vec<u8> = buffer[..end.min(4)].to_ascii_uppercase();
        buffer.drain(..end);
        let reply: &[u8] = match &verb[..] {
            b"EHLO" => b"250-sink.example\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            b"HELO" | b"MAIL" | b"RCPT" | b"NOOP" | b"RSET" => b"250 ok\r\n",
            b"DATA" => b"354 go on\r\n",
            b"QUIT" => b"221 bye\r\n",
            _ => b"500 unknown\r\n",
        };
        stream.write_all(reply).await.ok()?;
        if verb == b"QUIT" {
            return None;
        }
        if verb == b"DATA" {
            let end = loop {
                if let Some(end) = find(&buffer, b"\r\n.\r\n") {
                    break end + 5;
                }
                more(&mut stream, &mut buffer).await?;
            };
            buffer.drain(..end);
            taken.fetch_add(1, Ordering::Relaxed);
            stream.write_all(b"250 taken\r\n").await.ok()?;
        }
    }
}
