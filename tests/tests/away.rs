//! `duban send --rounds` when the log's server dies under it: it goes on with another server or when
//! the server is back, or ends within a named time and says why. It never waits without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use duban_journal::{Calm, Fate, Log, Request, SimulatedLog, Weather};
use duban_model::Tenant;
use duban_runtime::rounds::{Consumes, Rounds, RoundsError};
use duban_tests::duban::{Duban, Play, verified_at};
use duban_tests::gate::{Death, Gate};
use duban_tests::nats::NatsServer;
use duban_tests::roles::Roles;
use duban_tests::watch::{Parts, until};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

/// A play of some days ends within this time, deaths of servers included.
const LIMIT: Duration = Duration::from_mins(2);
/// What the program promises, and one question more.
const AWAY_LIMIT: Duration = Duration::from_secs(120 + 5);
const SILENCE_LIMIT: Duration = Duration::from_secs(300 + 5);

/// A server that can be away: then every request is lost.
#[derive(Debug, Default)]
struct Away(AtomicBool);

impl Weather for Away {
    fn before(&self, _request: Request) -> BoxFuture<'_, Fate> {
        let fate = if self.0.load(Ordering::Relaxed) {
            Fate::Lost("the server is away".to_owned())
        } else {
            Fate::Arrives
        };
        std::future::ready(fate).boxed()
    }

    fn after(&self, request: Request) -> BoxFuture<'_, Result<(), String>> {
        Calm.after(request)
    }

    fn breaks(&self) -> BoxFuture<'_, String> {
        std::future::pending().boxed()
    }
}

/// A play that nobody has begun to decide, and what would stop it.
async fn begun(log: &SimulatedLog) -> (Result<Rounds, RoundsError>, watch::Sender<bool>) {
    let nobody: [(_, Consumes); 0] = [];
    let (stop, shutdown) = watch::channel(false);
    let log = Log::Simulated(log.clone());
    let begun = Rounds::start(log, Tenant::from("tongliao"), &nobody, shutdown);
    (begun.await, stop)
}

#[tokio::test(start_paused = true)]
async fn a_log_that_does_not_come_back_ends_the_play_after_two_minutes() {
    let server = Arc::new(Away::default());
    let log = SimulatedLog::new(server.clone());
    let (rounds, _stop) = begun(&log).await;
    let mut rounds = rounds.unwrap();
    server.0.store(true, Ordering::Relaxed);
    let start = Instant::now();
    let fault = rounds.settle().await.unwrap_err();
    assert!(
        fault.to_string().contains("the server is away"),
        "found: {fault}"
    );
    let took = start.elapsed();
    assert!(
        took >= Duration::from_mins(2) && took <= AWAY_LIMIT,
        "{took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_comes_back_in_time_is_played_on() {
    let server = Arc::new(Away::default());
    let log = SimulatedLog::new(server.clone());
    let (rounds, _stop) = begun(&log).await;
    let mut rounds = rounds.unwrap();
    server.0.store(true, Ordering::Relaxed);
    let returns = async {
        tokio::time::sleep(Duration::from_secs(110)).await;
        server.0.store(false, Ordering::Relaxed);
    };
    let (settled, ()) = tokio::join!(rounds.settle(), returns);
    settled.unwrap();
}

#[tokio::test(start_paused = true)]
async fn services_that_do_not_run_end_the_play_after_five_minutes_and_are_named() {
    let log = SimulatedLog::new(Arc::new(Calm));
    let inbox = Log::Simulated(log.clone());
    let bytes = Bytes::from_static(b"{}");
    inbox
        .submit("tongliao", "clock.advanced", bytes)
        .await
        .unwrap();
    let start = Instant::now();
    let (begun, _stop) = begun(&log).await;
    let fault = begun.unwrap_err().to_string();
    assert!(
        fault.contains("waiting for intake (it has decided 0 of 1 events in the inbox)"),
        "found: {fault}"
    );
    assert!(fault.contains("duban serve --clock virtual"), "{fault}");
    assert!(start.elapsed() <= SILENCE_LIMIT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn whom_a_play_waits_for_is_said_while_it_waits() {
    let server = NatsServer::start().await;
    duban_tests::duban::run(&["serve", "setup", "--nats", &server.url("setup")]).with_code(0);
    let play = Play::sample("2021-07-01");
    let mut driver = Duban::start(&play.rounds(&server.url("console")));
    let said = until(LIMIT, || {
        assert_eq!(driver.ended(), None, "{}", driver.err());
        driver.err().contains("waiting for intake")
    });
    assert!(said, "{}", driver.err());
    // It stops when it is asked to, also then.
    driver.terminate();
    let said = driver.wait(LIMIT).with_code(1);
    assert!(said.err.contains("stopped"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_at_any_moment_of_a_play_is_left_for_another() {
    let mut parts = Parts::default();
    let folder = tempfile::tempdir().unwrap();
    let play = Play::sample("2021-07-05");
    let expected = play.checksum_in_memory();
    let server = NatsServer::start().await;
    let roles = Roles::start(&server, folder.path());

    // Every further connection reaches the server, as it would reach another one of a cluster.
    let deaths = [
        ("$JS.API.STREAM.INFO.DUBAN_LOG_0", Death::Cut),
        ("$JS.API.STREAM.INFO.DUBAN_INBOX_0", Death::Mute),
        ("$JS.API.CONSUMER.CREATE.DUBAN_LOG_0", Death::Cut),
        ("$JS.API.CONSUMER.MSG.NEXT.DUBAN_LOG_0", Death::Mute),
        ("duban.in.tongliao.clock.advanced", Death::Mute),
        ("duban.in.tongliao.publication.published", Death::Cut),
    ];
    let gate = Gate::open(server.address(), &deaths).await;
    let driver = Duban::start(&play.rounds(&server.url_at("console", gate.address())));
    let said = driver.wait(LIMIT).with_code(0);
    parts.done("the play ended");
    assert_eq!(
        gate.passed(),
        deaths.len() + 1,
        "each death met a living connection: {}",
        said.err
    );
    let url = server.url("console");
    assert_eq!(verified_at(&["--nats", &url]), expected, "{}", roles.said());
    roles.stop();
}
