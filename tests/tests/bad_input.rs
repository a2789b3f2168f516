//! What a producer or operator does wrong is told clearly and recorded, and harms nobody else: a
//! running server on the embedded log, the real ledger, the real clock.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use duban_model::Body;
use duban_tests::duban::{Duban, LEDGER, Said, run};
use duban_tests::log::{bodies, embedded};
use duban_tests::watch::{Parts, until};
use serde_json::{Value, json};
use tempfile::TempDir;

const START_LIMIT: Duration = Duration::from_secs(30);
/// A server that is told to stop has stopped within this time.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const TEN_MEGABYTES: usize = 10_000_000;

/// A running server and a place for files of events.
struct Office {
    server: Duban,
    folder: TempDir,
}

fn serve(data: &Path) -> Duban {
    let data = data.display().to_string();
    let args = ["serve", "all", "--clock", "live", "--data", &data];
    Duban::start(&[&args[..], &["--ledger", LEDGER, "--http", "127.0.0.1:0"]].concat())
}

impl Office {
    fn open() -> Office {
        let folder = tempfile::tempdir().unwrap();
        let mut server = serve(&folder.path().join("data"));
        let socket = folder.path().join("data/duban.sock");
        let runs = until(START_LIMIT, || {
            assert_eq!(server.ended(), None, "{}", server.err());
            server.err().matches("service runs").count() == 4 && socket.exists()
        });
        assert!(runs, "{}", server.err());
        let office = Office { server, folder };
        // The ledger is in force once a duty of it can be signed.
        office
            .send("ready", &good("ready").to_string())
            .with_code(0);
        office
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Sends a file with one line.
    fn send(&self, name: &str, line: &str) -> Said {
        let file = self.folder.path().join(format!("{name}.ndjson"));
        std::fs::write(&file, line).unwrap();
        let (file, data) = (file.display().to_string(), self.data());
        run(&["send", &file, "--data", &data.display().to_string()])
    }

    /// Sends a line and checks the exit code and what is said on standard error.
    fn refused(&self, name: &str, line: &str, told: &str) {
        let said = self.send(name, line).with_code(1);
        assert!(said.err.contains(told), "{name}: {}", said.err);
        assert!(said.err.lines().count() == 1, "{name}: {}", said.err);
        // Nobody else notices.
        let after = format!("after-{name}");
        let said = self.send(&after, &good(&after).to_string()).with_code(0);
        assert!(said.out.contains("1 accepted"), "{}", said.out);
    }
}

/// A unit reports progress on a duty that it has.
fn good(id: &str) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "urn:duban:tests:desk", "tenant": "tongliao",
        "type": "duban.task.progressed", "ledger": "tongliao-2021",
        "data": {"task": "10", "unit": "city-spj", "role": "responsible", "note": "虚构样例"},
    })
}

fn with(id: &str, place: &str, value: impl Into<Value>) -> String {
    let mut event = good(id);
    *event
        .pointer_mut(place)
        .unwrap_or_else(|| panic!("{place}")) = value.into();
    event.to_string()
}

fn at(id: &str, time: &str) -> String {
    let mut event = good(id);
    event["time"] = time.into();
    event.to_string()
}

#[tokio::test]
async fn every_bad_event_is_refused_with_its_reason_and_the_next_good_one_is_taken() {
    let mut parts = Parts::default();
    let office = Office::open();
    parts.done("server started, ledger in force");

    let mut unknown_field = good("field");
    unknown_field["data"]["colour"] = "red".into();
    office.refused(
        "unit",
        &with("unit", "/data/unit", "city-nobody"),
        "rejected unit: [unknown-unit] unit `city-nobody`; expected a unit of the directory of `tongliao`.",
    );
    office.refused(
        "field",
        &unknown_field.to_string(),
        "field.ndjson:1: not sent: [unknown-field] data of duban.task.progressed: unknown field `colour`",
    );
    office.refused(
        "malformed",
        r#"{"specversion": "1.0", "id": "#,
        "malformed.ndjson:1: not sent: [undecodable] ",
    );
    office.refused(
        "ready-again",
        &with("ready", "/data/note", "另一内容"),
        "rejected ready: [same-id-other-content] id `ready` of `urn:duban:tests:desk` with other content",
    );
    office.refused(
        "future",
        &at("future", "2099-01-01T09:00:00+08:00"),
        "rejected future: [from-the-future] ",
    );
    office.refused(
        "early",
        &at("early", "2019-05-04T09:00:00+08:00"),
        "rejected early: [before-ledger] ",
    );
    office.refused(
        "task",
        &with("task", "/data/task", "99"),
        "rejected task: [unknown-task] task `99`; expected one of the 64 tasks",
    );
    office.refused(
        "tenant",
        &with("tenant", "/tenant", "chifeng"),
        "rejected tenant: [unknown-tenant] tenant `chifeng`",
    );
    office.refused(
        "huge",
        &with("huge", "/data/note", "大".repeat(TEN_MEGABYTES / 3)),
        "huge.ndjson:1: not sent: [too-large] an event of 10",
    );
    parts.done("nine kinds of bad events");

    let said = office
        .send("repeat", &good("ready").to_string())
        .with_code(0);
    assert!(said.out.contains("1 seen before"), "{}", said.out);

    // Past our own command: whoever may use the socket, or publish to NATS, can send anything.
    let socket = office.data().join("duban.sock");
    offer(&socket, "tongliao", "not JSON at all");
    offer(
        &socket,
        "tongliao",
        &with("wrong-door", "/tenant", "chifeng"),
    );
    let answer = ask(&socket, &"x".repeat(TEN_MEGABYTES));
    assert!(
        answer["fault"]
            .as_str()
            .unwrap_or_default()
            .contains("a request of more than"),
        "{answer}"
    );
    office.send("last", &good("last").to_string()).with_code(0);
    parts.done("past the command: bytes, another tenant's subject, ten megabytes");

    office.server.terminate();
    office.server.wait(STOP_LIMIT).with_code(0);
    parts.done("stopped");

    let mut recorded: BTreeMap<String, u32> = BTreeMap::new();
    for body in bodies(&embedded(&office.folder.path().join("data")).await) {
        match body {
            Body::RejectionRecorded(r) => *recorded.entry(r.code.clone()).or_default() += 1,
            Body::DuplicateRecorded(_) => {
                *recorded.entry("(duplicate)".to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }
    let expected = [
        "(duplicate)",
        "before-ledger",
        "from-the-future",
        "other-tenant",
        "same-id-other-content",
        "undecodable",
        "unknown-task",
        "unknown-tenant",
        "unknown-unit",
    ];
    let expected: BTreeMap<String, u32> = expected.map(|code| (code.to_owned(), 1)).into();
    assert_eq!(recorded, expected, "what is on the log");
}

/// One request over the socket, and its answer.
fn ask(socket: &Path, request: &str) -> Value {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(STOP_LIMIT)).unwrap();
    // The server may have had enough before the end.
    let _ = writeln!(stream, "{request}");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or_else(|fault| panic!("{fault}: `{line}`"))
}

fn offer(socket: &Path, tenant: &str, event: &str) {
    let request = json!({"submit": {"tenant": tenant, "tail": "task.progressed", "event": event}});
    let answer = ask(socket, &request.to_string());
    assert!(answer["seq"].is_u64(), "{answer}");
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let mut parts = Parts::default();
    let office = Office::open();
    let said = serve(&office.data()).wait(START_LIMIT).with_code(1);
    assert!(
        said.err
            .contains("a running Duban holds this folder. Stop it first"),
        "{}",
        said.err
    );
    office
        .send("still", &good("still").to_string())
        .with_code(0);
    office.server.terminate();
    let said = office.server.wait(STOP_LIMIT).with_code(0);
    assert!(!said.err.contains("ERROR"), "{}", said.err);
    parts.done("a second server refused");
}

#[test]
fn wrong_usage_is_told_with_exit_code_2_and_missing_files_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("none").display().to_string();
    run(&["serve", "--clock", "sundial"]).with_code(2);
    run(&["send"]).with_code(2);
    let said = run(&["replay", "--data", &data]).with_code(1);
    assert!(
        said.err
            .contains("no log here; start one with `duban serve"),
        "{}",
        said.err
    );
    let said = run(&["serve", "rules", "--data", &data]).with_code(1);
    assert!(said.err.contains("or give --nats"), "{}", said.err);
    let said = run(&["send", "missing.ndjson", "--data", &data]).with_code(1);
    assert!(said.err.contains("missing.ndjson: "), "{}", said.err);
}
