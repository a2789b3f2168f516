//! Where commands read a log from: a running server's socket, its folder when it is stopped, or NATS.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use duban_journal::{EmbeddedLog, Holder, JetStreamLog, JetStreamOptions, Log, Stored};
use duban_model::{Envelope, Service};
use duban_runtime::submit::subject_tail;
use tokio::sync::Mutex;

use crate::Fault;
use crate::args::Place;
use crate::socket::Client;

/// Frames read at once.
const READ_AT_ONCE: usize = 256;

/// An open log, one way or another.
pub(crate) enum Reading {
    /// Directly.
    Log(Log),
    /// Through the server that holds it.
    Server(Mutex<Client>),
}

/// The folder of the embedded log in a data folder.
pub(crate) fn log_dir(data: &Path) -> PathBuf {
    data.join("log")
}

/// Connects to a log in a NATS server. For a person who waits: a server that is away is told at
/// once.
pub(crate) async fn connect_nats(url: &str) -> Result<Log, Fault> {
    Ok(Log::JetStream(
        JetStreamLog::connect(nats_options(url)).await?,
    ))
}

/// What `--nats` and the environment say: to use streams that are there.
pub(crate) fn nats_options(url: &str) -> JetStreamOptions {
    // The URL's own password goes before the environment's.
    let has_password = url
        .split(',')
        .next()
        .and_then(|first| first.rsplit_once('@'))
        .is_some_and(|(user, _)| user.rsplit('/').next().is_some_and(|u| u.contains(':')));
    let password = std::env::var("DUBAN_NATS_PASSWORD").ok();
    JetStreamOptions {
        url: url.to_owned(),
        user: None,
        password: password.filter(|_| !has_password),
        partition: 0,
        replicas: 1,
        create: false,
    }
}

impl Reading {
    /// Opens what a command names.
    pub(crate) async fn open(place: &Place) -> Result<Reading, Fault> {
        if let Some(url) = &place.nats {
            return Ok(Reading::Log(connect_nats(url).await?));
        }
        if let Some(client) = Client::connect(&place.data).await {
            return Ok(Reading::Server(Mutex::new(client)));
        }
        let dir = log_dir(&place.data);
        if !dir.exists() {
            return Err(format!(
                "{}: no log here; start one with `duban serve --data {}`, or name another folder with --data",
                dir.display(),
                place.data.display()
            )
            .into());
        }
        Ok(Reading::Log(Log::Embedded(EmbeddedLog::open(&dir)?)))
    }

    /// Every frame of the log, in order.
    pub(crate) async fn frames(&self, each: impl FnMut(Stored)) -> Result<(), Fault> {
        self.frames_after(0, each).await
    }

    /// Every frame after a sequence, in order.
    pub(crate) async fn frames_after(
        &self,
        after: u64,
        mut each: impl FnMut(Stored),
    ) -> Result<(), Fault> {
        match self {
            Reading::Server(client) => client.lock().await.frames(after, each).await,
            Reading::Log(log) => {
                let bar = crate::table::progress(log.head().await?, "reading the log");
                let mut follower = log.follow(after, &Service::ALL).await?;
                loop {
                    let frames = follower.ready(READ_AT_ONCE).await?;
                    let Some(last) = frames.last() else {
                        bar.finish_and_clear();
                        return Ok(());
                    };
                    bar.set_position(last.seq);
                    frames.into_iter().for_each(&mut each);
                }
            }
        }
    }

    /// The last frame of each service that has written any.
    pub(crate) async fn last_frames(&self) -> Result<Vec<Stored>, Fault> {
        match self {
            Reading::Server(client) => client.lock().await.last_frames().await,
            Reading::Log(log) => {
                let mut all = Vec::new();
                for service in Service::ALL {
                    all.extend(log.last_frame(service).await?);
                }
                Ok(all)
            }
        }
    }

    /// Puts an event into the inbox.
    pub(crate) async fn submit(&self, event: &Envelope) -> Result<u64, Fault> {
        let tail = subject_tail(event);
        match self {
            Reading::Server(client) => {
                client
                    .lock()
                    .await
                    .submit(&event.tenant, tail, event.to_json())
                    .await
            }
            Reading::Log(log) => Ok(log
                .submit(&event.tenant, tail, Bytes::from(event.to_json()))
                .await?),
        }
    }

    /// Who writes for each service, where processes agree on it by leases; empty elsewhere.
    pub(crate) async fn leaders(&self) -> Result<Vec<(Service, Option<Holder>)>, Fault> {
        let mut leaders = Vec::new();
        if let Reading::Log(log) = self
            && let Some(leases) = log.leases()
        {
            for service in Service::ALL {
                leaders.push((service, leases.look(service).await?.holder));
            }
        }
        Ok(leaders)
    }

    /// Whether somebody is there to decide what is submitted.
    pub(crate) fn is_served(&self) -> bool {
        match self {
            Reading::Server(_) => true,
            Reading::Log(log) => matches!(log, Log::JetStream(_)),
        }
    }
}
