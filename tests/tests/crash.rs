//! Processes killed at random moments while thousands of events come in: afterwards every decision
//! is the one of an undisturbed run, no notice is lost, and a repeated send says so.
//!
//! `DUBAN_CRASH_ROUNDS` kills in each scenario (default 20), drawn from `DUBAN_CRASH_SEED`.

use std::path::Path;
use std::time::Duration;

use duban_tests::dice::Dice;
use duban_tests::duban::{Duban, run, verified, verified_at};
use duban_tests::log::{Audit, embedded, jetstream, no_notice_lost_and_none_repeated};
use duban_tests::nats::NatsServer;
use duban_tests::roles::{ROLES, Roles};
use duban_tests::watch::{Parts, until};
use duban_tests::year::draw;

const DEFAULT_ROUNDS: u64 = 20;
const DEFAULT_SEED: u64 = 20_210_628;
/// Events of one play, beside the clock's and the deliveries' records, and the days they fall on.
const EVENTS: u64 = 5_000;
const DAYS: u64 = 12;
/// Kills of one play; then it may end, and the next one begins.
const KILLS_A_PLAY: u64 = 10;
/// The longest time to let a process run before it is killed, in milliseconds. Some are killed
/// while they are still reading their log, some in the midst of work.
const LONGEST_LIFE_MILLIS: u64 = 1_200;
/// A play ends within this time after the last kill.
const END_LIMIT: Duration = Duration::from_mins(2);
/// How often a driver may end because its server was away.
const DRIVER_STARTS: u32 = 50;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

fn rounds_and_seed(scenario: &str) -> (u64, u64) {
    let rounds = setting("DUBAN_CRASH_ROUNDS", DEFAULT_ROUNDS);
    let seed = setting("DUBAN_CRASH_SEED", DEFAULT_SEED);
    eprintln!("{scenario}: DUBAN_CRASH_ROUNDS={rounds} DUBAN_CRASH_SEED={seed}");
    (rounds, seed)
}

fn life(dice: &mut Dice) -> Duration {
    Duration::from_millis(dice.below(LONGEST_LIFE_MILLIS))
}

fn show(parts: &mut Parts, what: &str, kills: u64, audit: Audit) {
    parts.done(&format!(
        "{what}: {kills} kills, {} notices, none lost, {} sends repeated and labelled",
        audit.notices, audit.repeated
    ));
}

#[tokio::test]
async fn one_process_killed_at_any_moment_goes_on_as_if_nothing_had_happened() {
    let (rounds, seed) = rounds_and_seed("one process on the embedded log");
    let mut parts = Parts::default();
    let mut dice = Dice::new(seed);
    let mut killed = 0;
    let mut plays = 0;
    while killed < rounds {
        let folder = tempfile::tempdir().unwrap();
        let play = draw(seed + plays, EVENTS, DAYS, folder.path());
        let expected = play.checksum_in_memory();
        if plays == 0 {
            let data = folder.path().join("undisturbed");
            run(&play.demo(&data)).with_code(0);
            assert_eq!(verified(&data), expected, "undisturbed run");
            no_notice_lost_and_none_repeated(&embedded(&data).await, &data.join("mail"));
            parts.done("simulated, and played undisturbed");
        }
        plays += 1;

        let data = folder.path().join("killed");
        let mut kills = 0;
        while kills < KILLS_A_PLAY.min(rounds - killed) {
            let mut process = Duban::start(&play.demo(&data));
            let ended = until(life(&mut dice), || process.ended().is_some());
            if ended {
                process.wait(END_LIMIT).with_code(0);
                break;
            }
            kills += u64::from(process.kill());
        }
        let said = Duban::start(&play.demo(&data)).wait(END_LIMIT).with_code(0);
        assert_eq!(
            verified(&data),
            expected,
            "after {kills} kills: {}",
            said.err
        );
        let audit = no_notice_lost_and_none_repeated(&embedded(&data).await, &data.join("mail"));
        show(&mut parts, "embedded log", kills, audit);
        killed += kills;
        assert!(plays <= rounds, "every play ends before it can be killed");
    }
}

#[tokio::test]
async fn any_role_or_the_log_server_killed_goes_on_as_if_nothing_had_happened() {
    let (rounds, seed) = rounds_and_seed("every role its own process on JetStream");
    let mut parts = Parts::default();
    let mut dice = Dice::new(seed ^ 0x00c0_ffee);
    let mut killed = 0;
    let mut plays = 0;
    while killed < rounds {
        let folder = tempfile::tempdir().unwrap();
        let kills = KILLS_A_PLAY.min(rounds - killed);
        let done = play_with_kills(seed + plays, kills, &mut dice, folder.path(), &mut parts).await;
        killed += done;
        plays += 1;
        assert!(plays <= rounds, "every play ends before it can be killed");
    }
}

async fn play_with_kills(
    seed: u64,
    most: u64,
    dice: &mut Dice,
    folder: &Path,
    parts: &mut Parts,
) -> u64 {
    let play = draw(seed, EVENTS, DAYS, folder);
    let expected = play.checksum_in_memory();
    let mut server = NatsServer::start().await;
    let mut roles = Roles::start(&server, folder);
    let url = server.url("console");
    let mut driver = Duban::start(&play.rounds(&url));
    let mut kills = Vec::new();
    let mut starts = 0;
    while (kills.len() as u64) < most {
        if until(life(dice), || driver.ended().is_some()) && !again(&mut driver, &mut starts) {
            break;
        }
        if driver.ended().is_some() {
            driver = Duban::start(&play.rounds(&url));
        }
        roles.supervise();
        // A role, the one who sends, or the server.
        let place = usize::try_from(dice.below(ROLES.len() as u64 + 2)).unwrap();
        if let Some(role) = ROLES.get(place) {
            roles.crash(place);
            kills.push(*role);
        } else if place == ROLES.len() {
            driver.kill();
            driver = Duban::start(&play.rounds(&url));
            kills.push("sender");
        } else {
            server.kill();
            server.restart().await;
            kills.push("nats-server");
        }
    }
    loop {
        let ended = until(END_LIMIT, || {
            roles.supervise();
            driver.ended().is_some()
        });
        assert!(
            ended,
            "stuck after {kills:?}: {}\n{}",
            driver.err(),
            roles.said()
        );
        if !again(&mut driver, &mut starts) {
            break;
        }
        driver = Duban::start(&play.rounds(&url));
    }
    let found = verified_at(&["--nats", &url]);
    assert_eq!(found, expected, "after {kills:?}: {}", roles.said());
    let audit = no_notice_lost_and_none_repeated(&jetstream(&url).await, &roles.mail());
    roles.stop();
    show(
        parts,
        &format!("JetStream {kills:?}"),
        kills.len() as u64,
        audit,
    );
    kills.len() as u64
}

/// True when the sender ended because its server was away, and is to be started again; false when
/// it has played everything.
fn again(driver: &mut Duban, starts: &mut u32) -> bool {
    let status = driver.ended().expect("it has ended");
    if status.success() {
        return false;
    }
    *starts += 1;
    assert!(*starts < DRIVER_STARTS, "{}", driver.err());
    assert!(
        driver.err().contains("not available"),
        "the sender ended: {}",
        driver.err()
    );
    true
}
