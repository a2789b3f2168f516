//! The same inputs give the same decisions, whatever the log and however many processes.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use duban_tests::duban::{Duban, Play, checksum, reader, run, run_with, verified, verified_at};
use duban_tests::nats::NatsServer;
use duban_tests::roles::Roles;
use duban_tests::watch::{Parts, until};

/// The first batch of duties, the half-year's end and a month of escalations.
const LAST_DAY: &str = "2021-08-15";

#[tokio::test]
async fn memory_one_process_and_four_processes_decide_alike() {
    let mut parts = Parts::default();
    let play = Play::sample(LAST_DAY);
    let printed = run(&play.simulate()).with_code(0).json();
    let in_memory = checksum(&printed);
    let reminders = printed["by_kind"]["reminder"].as_u64();
    assert!(
        reminders > Some(100),
        "there is something to compare: {printed}"
    );
    parts.done("simulated in memory");

    let folder = tempfile::tempdir().unwrap();
    let said = run(&play.demo(folder.path())).with_code(0);
    parts.done("played on the embedded log");
    assert_eq!(verified(folder.path()), in_memory, "{}", said.out);
    parts.done("verified");

    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let roles = Roles::start(&server, folder.path());
    parts.done("nats-server and four services started");
    run(&play.rounds(&server.url("console"))).with_code(0);
    parts.done("played by four processes on JetStream");
    let verified = verified_at(&["--nats", &server.url("console")]);
    assert_eq!(verified, in_memory, "{}", roles.said());
    roles.stop();
    parts.done("verified and stopped");
}

const START_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_pages_are_a_process_of_their_own_with_rights_to_look_and_no_more() {
    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let roles = Roles::start(&server, folder.path());
    run(&Play::sample("2021-07-05").rounds(&server.url("console"))).with_code(0);

    let folder = folder.path().join("console");
    let token = reader(&folder);
    let data = folder.display().to_string();
    let url = server.url("console");
    let args = [
        "serve",
        "console",
        "--clock",
        "virtual",
        "--http",
        "127.0.0.1:0",
        "--data",
        &data,
    ];
    let mut pages = Duban::start(&[&args[..], &["--nats", &url]].concat());
    let mut answer = String::new();
    let shown = until(START_LIMIT, || {
        assert_eq!(pages.ended(), None, "{}", pages.err());
        let out = pages.out();
        let Some(address) = out.trim().strip_prefix("pages: http://") else {
            return false;
        };
        answer = get(address.trim_end_matches('/'), &token);
        answer.starts_with("HTTP/1.1 200") && answer.contains("tongliao-2021")
    });
    assert!(shown, "{answer}\n{}", pages.err());
    pages.terminate();
    pages.wait(START_LIMIT).with_code(0);
    roles.stop();
}

fn get(address: &str, token: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the pages' address");
    stream.set_read_timeout(Some(START_LIMIT)).expect("a limit");
    let request = format!(
        "GET / HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[tokio::test]
async fn whoever_starts_in_the_wrong_order_or_as_the_wrong_user_is_told_what_to_do() {
    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let serve = |role: &str, user: &str| {
        let url = server.url(user);
        let args = ["serve", role, "--clock", "virtual", "--data", &data];
        let process = Duban::start(&[&args[..], &["--nats", &url]].concat());
        process.wait(START_LIMIT).with_code(1)
    };

    // Before the streams are there.
    let said = serve("rules", "rules");
    assert!(
        said.err.contains("the stream DUBAN_LOG_0 does not exist"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("Start once with the NATS user `setup`"),
        "{}",
        said.err
    );
    let setup = server.url("setup");
    for _ in 0..2 {
        let said = run(&["serve", "setup", "--nats", &setup]).with_code(0);
        assert!(said.out.contains("the streams are there"), "{}", said.out);
    }

    // The intake's process as the user of another role.
    let said = serve("intake", "rules");
    assert!(
        said.err
            .contains("does not let this user use duban.lease.0.intake"),
        "{}",
        said.err
    );
    assert!(
        said.err
            .contains("Use the user meant for this service (deploy/nats.conf)"),
        "{}",
        said.err
    );

    // A wrong password, and a right one in the URL beside a wrong one in the environment.
    let url = server.url("console");
    let (wrong, without) = (
        url.replace("ofconsole", "ofnobody"),
        url.replace(":ofconsole", ""),
    );
    let replay = |url: &str, password: &str| {
        run_with(
            &["replay", "--nats", url],
            &[("DUBAN_NATS_PASSWORD", password)],
        )
    };
    let said = replay(&wrong, "ofconsole").with_code(1);
    assert!(said.err.contains("Check user and password"), "{}", said.err);
    assert!(
        !said.err.contains("ofnobody"),
        "no password is shown: {}",
        said.err
    );
    replay(&url, "ofnobody").with_code(0);
    replay(&without, "ofconsole").with_code(0);
    replay(&without, "ofnobody").with_code(1);
}
