//! What runs out: the disk, the right to write, file handles, the log server's disk. Each is told
//! with its remedy, nothing acknowledged is lost, and once mended it goes on to the same end.

use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use duban_journal::{EmbeddedLog, Log, SubmitError};
use duban_tests::disk::{SmallDisk, among_own_mounts};
use duban_tests::duban::{Duban, LEDGER, Play, run, verified, verified_at};
use duban_tests::log::{embedded, jetstream, no_notice_lost_and_none_repeated};
use duban_tests::nats::NatsServer;
use duban_tests::roles::Roles;
use duban_tests::watch::{Parts, until};
use duban_tests::year::draw;

const SEED: u64 = 28;
const EVENTS: u64 = 600;
const DAYS: u64 = 12;
/// Anything here ends, or is said, within this time.
const LIMIT: Duration = Duration::from_mins(2);
/// Sizes of a disk that is full at once, soon, and later, and of one that suffices; in MiB.
const TOO_SMALL: [u32; 3] = [2, 4, 6];
const LARGE: u32 = 400;

#[tokio::test]
async fn a_full_disk_ends_the_program_with_its_remedy_and_with_space_it_goes_on() {
    if !among_own_mounts("a_full_disk_ends_the_program_with_its_remedy_and_with_space_it_goes_on") {
        return;
    }
    let mut parts = Parts::default();
    let disk = SmallDisk::mount(TOO_SMALL[0]);
    let folder = tempfile::tempdir().unwrap();
    let play = draw(SEED, EVENTS, DAYS, folder.path());
    let data = disk.path().join("data");
    for size in TOO_SMALL {
        disk.resize(size);
        // The second start finds the disk as full as the first left it.
        for _ in 0..2 {
            let said = Duban::start(&play.demo(&data)).wait(LIMIT).with_code(1);
            let last = said.err.lines().last().unwrap_or_default();
            assert!(last.starts_with("duban: "), "{}", said.err);
            assert!(last.contains("No space left on device"), "{}", said.err);
            assert!(last.contains(&disk.path().display().to_string()), "{last}");
            assert!(last.contains("Free space there"), "{last}");
            assert!(!last.contains("damaged"), "{last}");
        }
    }
    disk.resize(LARGE);
    run(&play.demo(&data)).with_code(0);
    assert_eq!(verified(&data), play.checksum_in_memory());
    let audit = no_notice_lost_and_none_repeated(&embedded(&data).await, &data.join("mail"));
    parts.done(&format!(
        "{} starts on a full disk: same checksum, {} notices, none lost, {} sends repeated and labelled",
        2 * TOO_SMALL.len(), audit.notices, audit.repeated
    ));
}

#[tokio::test]
async fn whatever_was_acknowledged_before_the_disk_was_full_is_there_afterwards() {
    if !among_own_mounts("whatever_was_acknowledged_before_the_disk_was_full_is_there_afterwards") {
        return;
    }
    let disk = SmallDisk::mount(2);
    let dir = disk.path().join("log");
    let message = |n: u64| Bytes::from(format!("{n:0>2000}"));
    let mut acknowledged = 0;
    {
        let log = Log::Embedded(EmbeddedLog::open(&dir).unwrap());
        let refused = loop {
            match log
                .submit("tongliao", "task.accepted", message(acknowledged + 1))
                .await
            {
                Ok(seq) => acknowledged = seq,
                Err(fault) => break fault,
            }
        };
        assert!(matches!(refused, SubmitError::Broken(_)), "{refused}");
        assert!(acknowledged > 100, "{acknowledged}");
    }
    disk.resize(LARGE);
    let log = Log::Embedded(EmbeddedLog::open(&dir).unwrap());
    // The one that was refused may be there: nobody was told.
    assert!((acknowledged..=acknowledged + 1).contains(&log.inbox_head().await.unwrap()));
    let mut inbox = log.follow_inbox(0).await.unwrap();
    let mut seen = 0;
    while seen < acknowledged {
        for found in inbox.ready(256).await.unwrap() {
            seen += 1;
            assert_eq!(found.bytes, message(found.seq), "{seen}");
        }
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_named_and_left_as_it_is() {
    if !among_own_mounts("a_folder_that_cannot_be_written_is_named_and_left_as_it_is") {
        return;
    }
    let disk = SmallDisk::mount(LARGE);
    let data = disk.path().join("data");
    run(&Play::sample("2021-07-01").demo(&data)).with_code(0);
    disk.set_read_only(true);
    let place = data.display().to_string();
    let demo = Play::sample("2021-07-05").demo(&data);
    for args in [
        demo.iter().map(String::as_str).collect::<Vec<_>>(),
        vec!["serve", "all", "--data", &place],
        vec!["replay", "--data", &place],
    ] {
        let said = run(&args).with_code(1);
        assert!(said.err.contains(&place), "{}", said.err);
        assert!(said.err.contains("Read-only file system"), "{}", said.err);
        assert!(
            said.err.contains("let its user write in this folder"),
            "{}",
            said.err
        );
    }
    disk.set_read_only(false);
    run(&demo).with_code(0);
    let expected = Play::sample("2021-07-05").checksum_in_memory();
    assert_eq!(verified(&data), expected);
}

#[test]
fn too_few_file_handles_at_start_are_told_and_no_state_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let play = Play::sample("2021-07-01");
    run(&play.demo(&data)).with_code(0);
    let later = Play::sample("2021-07-05");
    for files in [8, 12, 16, 20] {
        let said = Duban::start_with_files(files, &later.demo(&data)).wait(LIMIT);
        assert_eq!(said.code, Some(1), "{files} files: {}", said.err);
        assert!(
            said.err.contains("open files"),
            "{files} files: {}",
            said.err
        );
        assert!(
            !said.err.contains("panicked"),
            "{files} files: {}",
            said.err
        );
    }
    let kept = std::fs::read_dir(data.join("state")).unwrap();
    let aside = kept.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().contains("set-aside")
    });
    assert_eq!(aside.count(), 0, "nothing was wrong with the state");
    run(&later.demo(&data)).with_code(0);
    assert_eq!(verified(&data), later.checksum_in_memory());
}

#[test]
fn more_connections_than_file_handles_end_nothing_and_are_served_later() {
    // With 64 even the server's own connections cannot all be taken; with 128 they can.
    for files in [64, 128] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        let args = ["serve", "all", "--data", &data, "--http", "127.0.0.1:0"];
        let mut server =
            Duban::start_with_files(files, &[&args[..], &["--ledger", LEDGER]].concat());
        let mut address = String::new();
        let listens = until(LIMIT, || {
            let out = server.out();
            let found = out.trim().strip_prefix("pages: http://");
            address = found.unwrap_or_default().trim_end_matches('/').to_owned();
            !address.is_empty()
        });
        assert!(listens, "{}", server.err());
        let socket = folder.path().join("duban.sock");
        let pages: Vec<_> = (0..150)
            .map_while(|_| TcpStream::connect(&address).ok())
            .collect();
        let commands: Vec<_> = (0..40)
            .map_while(|_| UnixStream::connect(&socket).ok())
            .collect();
        assert!(
            pages.len() > 64 && commands.len() > 16,
            "{} {}",
            pages.len(),
            commands.len()
        );
        let told = until(LIMIT, || {
            let said = server.err();
            said.contains("too many commands at once") || said.contains("commands cannot be taken")
        });
        assert!(told, "{files} files: {}", server.err());
        assert!(
            server.err().contains("half of the files"),
            "{}",
            server.err()
        );
        assert_eq!(server.ended(), None, "{files} files: {}", server.err());
        drop((pages, commands));

        let event = folder.path().join("event.ndjson");
        let sample = std::fs::read_to_string(Play::sample("2021-07-01").events).unwrap();
        std::fs::write(&event, sample.lines().next().unwrap()).unwrap();
        let event = event.display().to_string();
        // A place is free once the server has noticed that somebody has gone.
        let sent = until(LIMIT, || {
            let said = run(&["send", &event, "--data", &data]);
            said.out.contains("sent 1: ")
        });
        assert!(sent, "{}", server.err());
        server.terminate();
        server.wait(LIMIT).with_code(0);
    }
}

#[tokio::test]
async fn a_full_disk_of_the_log_server_is_waited_out() {
    if !among_own_mounts("a_full_disk_of_the_log_server_is_waited_out") {
        return;
    }
    let mut parts = Parts::default();
    let disk = SmallDisk::mount(64);
    let folder = tempfile::tempdir().unwrap();
    let play = draw(SEED + 1, EVENTS, DAYS, folder.path());
    let mut server = NatsServer::start_on(disk.path()).await;
    let mut roles = Roles::start(&server, folder.path());
    let url = server.url("console");
    let mut driver = Duban::start(&play.rounds(&url));
    assert!(until(LIMIT, || roles.mail().exists()), "{}", roles.said());

    // Somebody else fills the disk.
    let ballast = disk.path().join("ballast");
    let filled = std::fs::write(&ballast, vec![0; 80 << 20]);
    assert!(filled.is_err(), "the disk is full");
    let told = until(LIMIT, || {
        roles.supervise();
        roles.said().contains("not acknowledged")
    });
    assert!(told, "{}", roles.said());
    parts.done("the server's disk is full, and the roles say so and wait");

    std::fs::remove_file(&ballast).unwrap();
    disk.resize(LARGE);
    server.restart().await;
    let ended = until(LIMIT, || {
        roles.supervise();
        driver.ended().is_some()
    });
    assert!(ended, "stuck: {}\n{}", driver.err(), roles.said());
    driver.wait(LIMIT).with_code(0);
    assert_eq!(
        verified_at(&["--nats", &url]),
        play.checksum_in_memory(),
        "{}",
        roles.said()
    );
    let audit = no_notice_lost_and_none_repeated(&jetstream(&url).await, &roles.mail());
    roles.stop();
    parts.done(&format!(
        "with space again: same checksum, {} notices, none lost, {} sends repeated and labelled",
        audit.notices, audit.repeated
    ));
}
