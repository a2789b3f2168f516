//! The socket in the data folder, by which commands find a running server. sled and the embedded
//! log admit one process, so everyone else asks it.
//!
//! One request a line, in JSON: `{"submit":{"tenant","tail","event"}}` is answered by
//! `{"seq":N}`, `{"frames":{"after":N}}` by a line a frame and `{"end":true}`, `"last_frames"` by the
//! last frame of each service likewise.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use duban_journal::{Log, Stored};
use duban_model::{Frame, Service};
use duban_runtime::clock::stopped;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tracing::{debug, warn};

use crate::Fault;

/// The longest request line, in bytes: the largest event, escaped once more.
const REQUEST_BYTES: u64 = 2 << 20;
/// Connections served at once.
const CONNECTIONS: usize = 16;
/// A silent client is dropped after this long, in seconds.
const IDLE_SECONDS: u64 = 60;
/// After a connection that could not be taken, the next is not tried for this long, in
/// milliseconds.
const REFUSED_MILLIS: u64 = 500;
/// Frames read at once.
const READ_AT_ONCE: usize = 256;

/// The socket's name in the data folder.
pub(crate) fn path(data: &Path) -> PathBuf {
    data.join("duban.sock")
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Submit {
        tenant: String,
        tail: String,
        event: String,
    },
    Frames {
        after: u64,
    },
    LastFrames,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Seq(u64),
    Frame {
        seq: u64,
        head: String,
        batch: String,
    },
    End(bool),
    Fault(String),
}

impl Answer {
    fn frame(stored: &Stored) -> Result<Answer, Fault> {
        Ok(Answer::Frame {
            seq: stored.seq,
            head: stored.frame.encode_head(),
            batch: String::from_utf8(stored.frame.encode_batch())?,
        })
    }
}

/// Serves the socket until the process is to stop.
pub(crate) async fn serve(
    data: &Path,
    log: Log,
    mut shutdown: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let path = path(data);
    // A socket left by a killed process; a living one holds the log's lock, so it is not here.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut refusing = false;
    loop {
        tokio::select! {
            () = stopped(&mut shutdown) => {
                let _ = std::fs::remove_file(&path);
                return Ok(());
            }
            client = listener.accept() => {
                let client = match client {
                    Ok((client, _)) => {
                        refusing = false;
                        client
                    }
                    // One command less is better than no server: it may be the process's last
                    // file handle.
                    Err(fault) => {
                        if !refusing {
                            warn!(%fault, "commands cannot be taken for now; raise the limit of open files (LimitNOFILE) if it says so");
                        }
                        refusing = true;
                        tokio::time::sleep(Duration::from_millis(REFUSED_MILLIS)).await;
                        continue;
                    }
                };
                let Ok(place) = places.clone().try_acquire_owned() else {
                    warn!("too many commands at once; one was turned away");
                    continue;
                };
                let log = log.clone();
                tokio::spawn(async move {
                    if let Err(fault) = answer(client, &log).await {
                        debug!(%fault, "a command went away");
                    }
                    drop(place);
                });
            }
        }
    }
}

async fn answer(client: UnixStream, log: &Log) -> Result<(), Fault> {
    let (read, write) = client.into_split();
    let mut read = BufReader::new(read);
    let mut write = BufWriter::new(write);
    loop {
        let mut line = String::new();
        let mut limited = (&mut read).take(REQUEST_BYTES);
        let got = tokio::time::timeout(
            Duration::from_secs(IDLE_SECONDS),
            limited.read_line(&mut line),
        )
        .await??;
        if got == 0 {
            return Ok(());
        }
        if !line.ends_with('\n') {
            say(
                &mut write,
                &Answer::Fault(format!("a request of more than {REQUEST_BYTES} bytes")),
            )
            .await?;
            write.flush().await?;
            return Ok(());
        }
        match serde_json::from_str::<Request>(&line) {
            Err(fault) => say(&mut write, &Answer::Fault(fault.to_string())).await?,
            Ok(Request::Submit {
                tenant,
                tail,
                event,
            }) => {
                let answer = match log.submit(&tenant, &tail, Bytes::from(event)).await {
                    Ok(seq) => Answer::Seq(seq),
                    Err(fault) => Answer::Fault(fault.to_string()),
                };
                say(&mut write, &answer).await?;
            }
            Ok(Request::Frames { after }) => {
                let mut follower = log.follow(after, &Service::ALL).await?;
                loop {
                    let frames = follower.ready(READ_AT_ONCE).await?;
                    if frames.is_empty() {
                        break;
                    }
                    for stored in frames {
                        say(&mut write, &Answer::frame(&stored)?).await?;
                    }
                }
                say(&mut write, &Answer::End(true)).await?;
            }
            Ok(Request::LastFrames) => {
                for service in Service::ALL {
                    if let Some(stored) = log.last_frame(service).await? {
                        say(&mut write, &Answer::frame(&stored)?).await?;
                    }
                }
                say(&mut write, &Answer::End(true)).await?;
            }
        }
        write.flush().await?;
    }
}

async fn say<W: AsyncWriteExt + Unpin>(write: &mut W, answer: &Answer) -> Result<(), Fault> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    write.write_all(&line).await?;
    Ok(())
}

/// A command's side of the socket.
pub(crate) struct Client {
    read: BufReader<tokio::net::unix::OwnedReadHalf>,
    write: tokio::net::unix::OwnedWriteHalf,
}

impl Client {
    /// Connects, if a server is running on this folder.
    pub(crate) async fn connect(data: &Path) -> Option<Client> {
        let stream = UnixStream::connect(path(data)).await.ok()?;
        let (read, write) = stream.into_split();
        Some(Client {
            read: BufReader::new(read),
            write,
        })
    }

    async fn ask(&mut self, request: &Request) -> Result<(), Fault> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.write.write_all(&line).await?;
        Ok(())
    }

    async fn hear(&mut self) -> Result<Answer, Fault> {
        let mut line = String::new();
        if self.read.read_line(&mut line).await? == 0 {
            return Err("the server closed the connection".into());
        }
        match serde_json::from_str(&line)? {
            Answer::Fault(fault) => Err(fault.into()),
            answer => Ok(answer),
        }
    }

    /// Puts an event into the inbox.
    pub(crate) async fn submit(
        &mut self,
        tenant: &str,
        tail: &str,
        event: String,
    ) -> Result<u64, Fault> {
        self.ask(&Request::Submit {
            tenant: tenant.to_owned(),
            tail: tail.to_owned(),
            event,
        })
        .await?;
        match self.hear().await? {
            Answer::Seq(seq) => Ok(seq),
            other => Err(format!("unexpected answer {other:?}").into()),
        }
    }

    /// Every frame after `after`.
    pub(crate) async fn frames(
        &mut self,
        after: u64,
        each: impl FnMut(Stored),
    ) -> Result<(), Fault> {
        self.ask(&Request::Frames { after }).await?;
        self.hear_frames(each).await
    }

    /// The last frame of each service that has written any.
    pub(crate) async fn last_frames(&mut self) -> Result<Vec<Stored>, Fault> {
        self.ask(&Request::LastFrames).await?;
        let mut all = Vec::new();
        self.hear_frames(|stored| all.push(stored)).await?;
        Ok(all)
    }

    async fn hear_frames(&mut self, mut each: impl FnMut(Stored)) -> Result<(), Fault> {
        loop {
            match self.hear().await? {
                Answer::Frame { seq, head, batch } => {
                    let frame = Frame::decode(head.as_bytes(), batch.as_bytes())?;
                    each(Stored {
                        seq,
                        frame: Arc::new(frame),
                    });
                }
                Answer::End(_) => return Ok(()),
                Answer::Seq(_) | Answer::Fault(_) => return Err("unexpected answer".into()),
            }
        }
    }
}
