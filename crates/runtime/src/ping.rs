//! The dead-man ping: while all is well, an address outside is asked at intervals. When it stops
//! being asked, whoever watches that address raises the alarm: a process that stands still cannot.

use std::time::Duration;

use reqwest::{Client, Url};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::channel::{address, client};
use crate::clock::stopped;

/// An address that is asked while all is well.
#[derive(Debug)]
pub struct Ping {
    client: Client,
    url: Url,
    every: Duration,
}

impl Ping {
    /// To this address, so often.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn new(url: &str, every: Duration) -> Result<Ping, String> {
        Ok(Ping {
            client: client()?,
            url: address("--ping-url", url)?,
            every,
        })
    }

    /// Asks the address at intervals until the process is to stop, each time only if `well` finds
    /// nothing wrong.
    pub async fn run(
        self,
        well: impl Fn() -> Result<(), String> + Send,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut told = None;
        loop {
            // Nobody knows yet how things stand when a process has only just started.
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                () = stopped(&mut shutdown) => return,
            }
            let fault = match well() {
                Err(why) => Some(format!("not asked, since {why}")),
                Ok(()) => self.ask().await.err(),
            };
            // What it says is said once, and again only when it is another thing.
            if fault != told {
                match &fault {
                    Some(why) => warn!(why, "dead-man ping"),
                    None => info!("dead-man ping: the address answers"),
                }
                told = fault;
            }
        }
    }

    async fn ask(&self) -> Result<(), String> {
        // The address may hold a key: it is never told.
        let answer = self.client.get(self.url.clone()).send().await;
        let answer = answer.map_err(|fault| format!("no answer: {}", fault.without_url()))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("answered {}", answer.status()))
        }
    }
}
