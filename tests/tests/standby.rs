//! Two processes of every role on JetStream: whatever happens to the one that leads, the other goes
//! on within five seconds, and the end is that of an undisturbed run.
//!
//! `DUBAN_STANDBY_ROUNDS` times every role's leader is killed (default 1); a leader that is only
//! paused is so for `DUBAN_PAUSE_SECONDS` (default 8). `cargo xtask soak` takes more of both.

use std::collections::BTreeMap;
use std::time::Duration;

use duban_model::{Body, Service};
use duban_tests::duban::{Duban, Play, verified_at};
use duban_tests::log::{audit, jetstream, mail_files};
use duban_tests::nats::NatsServer;
use duban_tests::pairs::{FAILOVER_LIMIT, Hit, Pairs};
use duban_tests::watch::{Parts, Stopwatch, until};
use duban_tests::year::draw;

const SEED: u64 = 20_261_123;
/// Events of one play and the days they fall on: enough that it goes on while things happen.
const EVENTS: u64 = 2_000;
const DAYS: u64 = 12;
/// A play ends within this time after the last disturbance.
const END_LIMIT: Duration = Duration::from_mins(3);
const DEFAULT_ROUNDS: u64 = 1;
/// Longer than a lease and a takeover together.
const DEFAULT_PAUSE_SECONDS: u64 = 8;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

/// Waits for the successor's first frame and holds it to the design's promise.
async fn goes_on(pairs: &Pairs, hit: &Hit, parts: &mut Parts, what: &str) -> (f64, u64) {
    let (took, seq) = pairs.successor(hit).await;
    assert!(
        took <= FAILOVER_LIMIT,
        "{} {what}: the other went on after {took:?}: {}",
        hit.service,
        pairs.said()
    );
    let seconds = took.as_secs_f64();
    parts.done(&format!(
        "{} {what}: the other went on after {seconds:.2} s",
        hit.service
    ));
    (seconds, seq)
}

async fn ends_as_if_nothing_had_happened(
    play: &Play,
    mut driver: Duban,
    pairs: Pairs,
    url: &str,
    parts: &mut Parts,
) {
    let ended = until(END_LIMIT, || driver.ended().is_some());
    assert!(ended, "stuck: {}\n{}", driver.err(), pairs.said());
    driver.wait(END_LIMIT).with_code(0);
    let expected = play.checksum_in_memory();
    assert_eq!(verified_at(&["--nats", url]), expected, "{}", pairs.said());
    let found = audit(&jetstream(url).await, &pairs.mail());
    parts.done(&format!(
        "played to the end: same checksum, {} notices, none lost, {} sends repeated and labelled",
        found.notices, found.repeated
    ));
    pairs.stop();
    parts.done("stopped");
}

#[tokio::test]
async fn a_leader_that_is_killed_or_stopped_is_followed_by_the_other_within_five_seconds() {
    let rounds = setting("DUBAN_STANDBY_ROUNDS", DEFAULT_ROUNDS);
    let mut parts = Parts::default();
    let folder = tempfile::tempdir().unwrap();
    let play = draw(SEED, EVENTS * rounds, DAYS, folder.path());
    let server = NatsServer::start().await;
    let url = server.url("console");
    let mut pairs = Pairs::start(&server, folder.path()).await;
    parts.done("eight processes: of each pair one leads and one stands by");

    let driver = Duban::start(&play.rounds(&url));
    let mut took: BTreeMap<Service, Vec<f64>> = BTreeMap::new();
    for _ in 0..rounds {
        for service in Service::ALL {
            let hit = pairs.hit(service, "KILL").await;
            let (seconds, _) = goes_on(&pairs, &hit, &mut parts, "killed").await;
            took.entry(service).or_default().push(seconds);
            pairs.start_again(&hit);
            pairs.wait_until_it_stands_by(service, hit.place, 1);
        }
    }
    for (service, mut list) in took {
        list.sort_by(f64::total_cmp);
        let (median, most) = (list[list.len() / 2], list[list.len() - 1]);
        eprintln!(
            "{service}: {} kills, median {median:.2} s, most {most:.2} s",
            list.len()
        );
    }
    // Whoever stops in order gives the lease back first.
    let hit = pairs.hit(Service::Rules, "TERM").await;
    goes_on(&pairs, &hit, &mut parts, "asked to stop").await;
    pairs.start_again(&hit);
    ends_as_if_nothing_had_happened(&play, driver, pairs, &url, &mut parts).await;
}

#[tokio::test]
async fn a_leader_that_was_only_paused_appends_nothing_more_and_stands_by() {
    let pause = Duration::from_secs(setting("DUBAN_PAUSE_SECONDS", DEFAULT_PAUSE_SECONDS));
    let mut parts = Parts::default();
    let folder = tempfile::tempdir().unwrap();
    let play = draw(SEED + 1, EVENTS * 2, DAYS, folder.path());
    let server = NatsServer::start().await;
    let url = server.url("console");
    let pairs = Pairs::start(&server, folder.path()).await;
    let driver = Duban::start(&play.rounds(&url));

    // Sends must be under way when the notifier stops.
    let mail = pairs.mail();
    let sent = || {
        mail.iter()
            .map(|folder| mail_files(folder).len())
            .sum::<usize>()
    };
    assert!(until(END_LIMIT, || sent() > 20), "{}", pairs.said());

    let since = Stopwatch::start();
    let mut hits = Vec::new();
    for service in [Service::Notifier, Service::Rules] {
        let hit = pairs.hit(service, "STOP").await;
        let (_, first) = goes_on(&pairs, &hit, &mut parts, "paused").await;
        hits.push((hit, first));
    }
    until(pause, || since.elapsed() >= pause);
    let before: Vec<_> = mail.iter().map(|folder| mail_files(folder)).collect();
    for (hit, _) in &hits {
        pairs.signal(hit, "CONT");
    }
    for (hit, _) in &hits {
        pairs.wait_until_it_stands_by(hit.service, hit.place, 1);
    }
    parts.done(&format!("woken after {pause:?}: they stand by"));

    // A while later the other is killed, and the one that had slept leads again.
    let woken = pairs.head().await;
    let goal = woken + 50;
    for _ in 0..1_000 {
        if pairs.head().await >= goal {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let until_then = pairs.head().await;
    let frames = jetstream(&url).await;
    for (hit, first) in &hits {
        let late = frames
            .iter()
            .filter(|s| s.seq > *first && s.seq <= until_then && hit.wrote(s));
        assert_eq!(
            late.count(),
            0,
            "{} appended after its successor",
            hit.service
        );
    }
    // What the sleeper sent after waking had been announced, and its successor has labelled it.
    let place = hits[0].0.place;
    let after = mail_files(&mail[place]);
    let late: Vec<_> = after
        .keys()
        .filter(|n| !before[place].contains_key(*n))
        .collect();
    for notice in &late {
        let labelled = frames.iter().flat_map(|s| &s.frame.records).any(|r| {
            matches!(&r.body, Body::NoticeAttempted(a) if a.notice == **notice && a.possible_duplicate)
        });
        assert!(
            labelled,
            "{notice} was sent by the sleeper without its successor's label"
        );
    }
    let dropped = pairs
        .said_by(Service::Notifier, place)
        .matches("not sent: another leads")
        .count();
    parts.done(&format!(
        "the sleepers appended nothing; {} sends finished after waking, {dropped} dropped",
        late.len()
    ));
    let mut pairs = pairs;
    for (hit, _) in &hits {
        let again = pairs.hit(hit.service, "KILL").await;
        assert_ne!(again.place, hit.place, "the successor leads");
        goes_on(&pairs, &again, &mut parts, "killed, and the sleeper's turn").await;
        pairs.start_again(&again);
    }
    ends_as_if_nothing_had_happened(&play, driver, pairs, &url, &mut parts).await;
}

#[tokio::test]
async fn services_started_before_their_server_wait_for_it_and_say_so() {
    let mut server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    server.kill();
    let url = server.url("setup");
    let mut setup = Duban::start(&["serve", "setup", "--nats", &url]);
    let waits = until(END_LIMIT, || {
        assert_eq!(setup.ended(), None, "{}", setup.err());
        setup.err().contains("waiting for the NATS server")
    });
    assert!(waits, "{}", setup.err());
    server.restart().await;
    setup.wait(END_LIMIT).with_code(0);
    let data = folder.path().display().to_string();
    let url = server.url("rules");
    let rules = Duban::start(&["serve", "rules", "--data", &data, "--nats", &url]);
    assert!(
        until(END_LIMIT, || rules.err().contains("service runs")),
        "{}",
        rules.err()
    );
}
