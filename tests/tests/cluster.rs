//! Three NATS servers that keep every stream three times: one of them killed under load, then the
//! one that leads the log, then the one that leads the inbox. Nothing is lost and nothing repeated.
//!
//! `DUBAN_CLUSTER_ROUNDS` times over (default 1).

use std::time::Duration;

use duban_tests::duban::{Duban, run, verified_at};
use duban_tests::log::{jetstream, no_notice_lost_and_none_repeated};
use duban_tests::nats::NatsCluster;
use duban_tests::roles::Roles;
use duban_tests::watch::{Parts, Stopwatch, until};
use duban_tests::year::draw;

const SEED: u64 = 3_2026;
const EVENTS: u64 = 1_500;
const DAYS: u64 = 12;
/// The servers agree on a leader within this time, and a play ends within it.
const LIMIT: Duration = Duration::from_mins(3);
/// Between two questions to the servers.
const LOOK: Duration = Duration::from_millis(100);

/// Waits until a stream has a leader, and if wanted also both of its followers.
async fn leader(cluster: &NatsCluster, stream: &str, whole: bool) -> usize {
    let since = Stopwatch::start();
    loop {
        match cluster.leader(stream).await {
            Some((place, is_whole)) if is_whole || !whole => return place,
            _ => assert!(since.elapsed() < LIMIT, "{stream} has no leader"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn any_of_three_servers_killed_under_load_loses_and_repeats_nothing() {
    let rounds = std::env::var("DUBAN_CLUSTER_ROUNDS").map_or(1, |n| n.parse().expect("a number"));
    let mut parts = Parts::default();
    let folder = tempfile::tempdir().unwrap();
    let play = draw(SEED, EVENTS * rounds, DAYS, folder.path());
    let expected = play.checksum_in_memory();

    let mut cluster = NatsCluster::start().await;
    let setup = ["serve", "setup", "--replicas", "3", "--nats"];
    let said = run(&[&setup[..], &[&cluster.url("setup")]].concat()).with_code(0);
    assert!(said.out.contains("3 copies each"), "{}", said.out);
    let mut roles = Roles::begin(|role| cluster.url(role), folder.path());
    parts.done("three servers agree, and four roles run");

    let url = cluster.url("console");
    let mut driver = Duban::start(&play.rounds(&url));
    // Killed under load: not before there is any.
    let (since, first) = (Stopwatch::start(), head(&url).await);
    while head(&url).await <= first + 20 {
        assert_eq!(driver.ended(), None, "the play begins: {}", driver.err());
        assert!(
            since.elapsed() < LIMIT,
            "stuck: {}\n{}",
            driver.err(),
            roles.said()
        );
        tokio::time::sleep(LOOK).await;
    }
    let mut killed = Vec::new();
    for _ in 0..rounds {
        for which in [
            "a follower",
            "the leader of the log",
            "the leader of the inbox",
        ] {
            let log = leader(&cluster, "DUBAN_LOG_0", true).await;
            let inbox = leader(&cluster, "DUBAN_INBOX_0", true).await;
            let place = match which {
                "a follower" => (0..3)
                    .find(|place| *place != log && *place != inbox)
                    .unwrap(),
                "the leader of the log" => log,
                _ => inbox,
            };
            let (since, before) = (Stopwatch::start(), head(&url).await);
            assert_eq!(driver.ended(), None, "the play goes on: {}", driver.err());
            cluster.kill(place);
            // Work goes on with two of three.
            while head(&url).await <= before + 5 {
                assert!(
                    since.elapsed() < LIMIT,
                    "stuck: {}\n{}",
                    driver.err(),
                    roles.said()
                );
                roles.supervise();
                tokio::time::sleep(LOOK).await;
            }
            parts.done(&format!(
                "{which} killed: work went on after {:.1} s",
                since.elapsed().as_secs_f64()
            ));
            cluster.restart(place).await;
            killed.push(which);
        }
    }
    let ended = until(LIMIT, || {
        roles.supervise();
        driver.ended().is_some()
    });
    assert!(ended, "stuck: {}\n{}", driver.err(), roles.said());
    driver.wait(LIMIT).with_code(0);
    assert_eq!(verified_at(&["--nats", &url]), expected, "{}", roles.said());
    let audit = no_notice_lost_and_none_repeated(&jetstream(&url).await, &roles.mail());
    roles.stop();
    parts.done(&format!(
        "{} servers killed: same checksum, {} notices, none lost, {} sends repeated and labelled",
        killed.len(),
        audit.notices,
        audit.repeated
    ));
}

/// The log's last position, asked of whoever answers.
async fn head(url: &str) -> u64 {
    let since = Stopwatch::start();
    loop {
        if let Some(head) = duban_tests::log::head(url).await {
            return head;
        }
        assert!(since.elapsed() < LIMIT, "nobody answers at {url}");
        tokio::time::sleep(LOOK).await;
    }
}
