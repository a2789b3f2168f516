//! The command line of `duban serve`, and the ways out that other commands share with it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Role {
    All,
    Intake,
    Rules,
    Scheduler,
    Notifier,
    Console,
    /// Only create the streams in a NATS server, as its user `setup`, then end.
    Setup,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClockKind {
    Live,
    Virtual,
}

#[derive(Debug, Parser)]
pub(crate) struct Serve {
    /// Which roles; single roles need --nats.
    #[arg(value_enum, default_value = "all")]
    pub roles: Vec<Role>,
    /// The data folder: log (when embedded), state, mail.
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
    /// The log in a NATS server instead of the data folder, e.g. `nats://duban@127.0.0.1:4222`;
    /// the password is taken from `DUBAN_NATS_PASSWORD` unless the URL has it. The servers of a
    /// cluster are separated by commas.
    #[arg(long, env = "DUBAN_NATS_URL")]
    pub nats: Option<String>,
    /// Copies that the servers of a NATS cluster keep of each stream, when `setup` or `all` creates
    /// them: 1 or 3.
    #[arg(long)]
    pub replicas: Option<u8>,
    /// A definition folder to bring into force at start, if it is not yet.
    #[arg(long)]
    pub ledger: Vec<PathBuf>,
    /// Where the pages are served; port 0 for any free one.
    #[arg(long, default_value = "127.0.0.1:8321")]
    pub http: SocketAddr,
    /// The address under which people reach the pages, e.g. `https://duban.city.example`, if it is
    /// not that of --answer-url. With `https:` browsers keep their sign-in to encrypted connections.
    #[arg(long, value_name = "ADDRESS", env = "DUBAN_URL")]
    pub url: Option<String>,
    /// Serve measures for Prometheus here too, e.g. `127.0.0.1:9321`, to whoever reaches it; the pages
    /// have them at /metrics for who may see them.
    #[arg(long, value_name = "ADDRESS")]
    pub metrics: Option<SocketAddr>,
    /// Ask this address (GET) while this process leads and gets on: when it is no longer asked,
    /// whoever watches it raises the alarm.
    #[arg(
        long,
        value_name = "URL",
        env = "DUBAN_PING_URL",
        hide_env_values = true
    )]
    pub ping_url: Option<String>,
    /// How often, e.g. `60s` or `5m`.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = span)]
    pub ping_every: Duration,
    /// Where time comes from. On a virtual clock only `clock.advanced` events move it.
    #[arg(long, value_enum, default_value = "live")]
    pub clock: ClockKind,
    #[command(flatten)]
    pub channels: Channels,
    #[command(flatten)]
    pub answers: Answers,
}

#[derive(Clone, Debug, Default, Parser)]
pub(crate) struct Answers {
    /// Put a link to answer into every notice: the address under which contacts reach the pages,
    /// e.g. `https://duban.city.example`. Without it no notice has a link.
    #[arg(long, value_name = "ADDRESS", env = "DUBAN_ANSWER_URL")]
    pub answer_url: Option<String>,
    /// The key that signs those links, at least 32 bytes; older ones whose links are still out may
    /// follow it, one a line. Otherwise `DUBAN_ANSWER_KEY`, or, when one process runs everything, a
    /// key made and kept in the data folder.
    #[arg(long, value_name = "FILE", requires = "answer_url")]
    pub answer_key_file: Option<PathBuf>,
}

#[derive(Clone, Debug, Parser)]
pub(crate) struct Channels {
    /// Endpoints by channel, whom they serve and how people are reached: a file like
    /// `deploy/channels.yaml`.
    #[arg(long = "channels", value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write mail as .eml files into this folder (default: `mail` in the data folder).
    #[arg(long)]
    pub mail_dir: Option<PathBuf>,
    /// Send mail through this server, e.g. `smtps://user:password@mail.example`.
    #[arg(
        long,
        env = "DUBAN_SMTP_URL",
        conflicts_with = "mail_dir",
        hide_env_values = true
    )]
    pub smtp: Option<String>,
    /// The sender of mail.
    #[arg(long, default_value = "督办 <duban@duban.example>")]
    pub mail_from: String,
    /// Where notices of channel `webhook` go.
    #[arg(long)]
    pub webhook_url: Option<String>,
    /// The environment variable that holds the webhook secret (`whsec_…`).
    #[arg(long, default_value = "DUBAN_WEBHOOK_SECRET")]
    pub webhook_secret_env: String,
}

/// A span of time of at least a second, as `60s`, `5m` or `1h`.
fn span(text: &str) -> Result<Duration, String> {
    let unit = text.char_indices().last().map_or(0, |(at, _)| at);
    let (number, unit) = text.split_at(unit);
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let number = number.parse::<u32>().ok().filter(|number| *number > 0);
    let (seconds, number) = seconds
        .zip(number)
        .ok_or("expected a number and s, m or h, e.g. 60s")?;
    Ok(Duration::from_secs(seconds * u64::from(number)))
}
