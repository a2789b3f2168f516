//! What somebody has to look after: an incident appears, says what to do, and goes once that is done.

use std::time::Duration;

use duban_tests::duban::{Duban, Play, Said, run};
use duban_tests::mailbox::Mailbox;
use duban_tests::nats::NatsServer;
use duban_tests::watch::until;
use serde_json::{Value, json};

const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);

fn serve(nats: &str, data: &str, more: &[&str]) -> Duban {
    let args = [
        "serve",
        "all",
        "--clock",
        "virtual",
        "--http",
        "127.0.0.1:0",
        "--nats",
        nats,
        "--data",
        data,
    ];
    let mut office = Duban::start(&[&args[..], more].concat());
    let runs = until(START_LIMIT, || {
        assert_eq!(office.ended(), None, "{}", office.err());
        office.err().matches("service runs").count() == 4
    });
    assert!(runs, "{}", office.err());
    office
}

async fn ask(args: &[&str]) -> Said {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    tokio::task::spawn_blocking(move || run(&args))
        .await
        .unwrap()
}

async fn incidents(nats: &str, code: i32) -> Vec<Value> {
    let said = ask(&["incidents", "--nats", nats, "--format", "ndjson"]).await;
    let lines = said.with_code(code).out;
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn who_was_not_reached_is_an_incident_until_a_retry_arrives() {
    let server = NatsServer::start().await;
    let nats = server.url("duban");
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    // A mail server that takes nothing from anybody.
    let refuses: serde_json::Map<String, Value> = (0..2_000)
        .map(|place| (place.to_string(), json!(["550 5.7.1 not from you"])))
        .collect();
    let closed = Mailbox::start(&Value::Object(refuses));
    let office = serve(&nats, &data, &["--smtp", &closed.url()]);
    let play = Play::sample("2021-06-28").rounds(&server.url("console"));
    let played = tokio::task::spawn_blocking(move || run(&play)).await;
    played.unwrap().with_code(0);
    office.terminate();
    office.wait(STOP_LIMIT).with_code(0);

    let before = incidents(&nats, 1).await;
    let unreached = |all: &[Value]| -> Vec<Value> {
        let of = all.iter().filter(|i| i["kind"] == "not-reached");
        of.cloned().collect()
    };
    let open = unreached(&before);
    assert!(!open.is_empty(), "{before:?}");
    let incident = &open[0];
    let notice = incident["id"].as_str().unwrap();
    assert!(
        incident["what"].as_str().unwrap().contains("not from you"),
        "{incident}"
    );
    assert!(
        incident["to_do"].as_str().unwrap().contains(notice),
        "{incident}"
    );
    assert!(
        incident["since"]
            .as_str()
            .unwrap()
            .starts_with("2021-06-28"),
        "{incident}"
    );

    let mailbox = Mailbox::start(&json!({}));
    let office = serve(&nats, &data, &["--smtp", &mailbox.url()]);
    let retry = [
        "notices",
        "retry",
        notice,
        "--by",
        "王科长",
        "--reason",
        "邮局已修好",
        "--nats",
        &nats,
    ];
    let said = ask(&retry).await.with_code(0);
    assert!(said.out.contains("已重新排队"), "{}", said.out);
    // It leaves at an hour at which its receiver may be disturbed.
    let play = Play::sample("2021-06-29").rounds(&server.url("console"));
    let played = tokio::task::spawn_blocking(move || run(&play)).await;
    played.unwrap().with_code(0);
    let rows = ask(&["notices", "--nats", &nats, "--format", "ndjson"]).await;
    let rows: Vec<Value> = rows
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let again = rows.iter().find(|row| row["instead_of"] == notice);
    let again = again.expect("a notice that stands in for it");
    assert_eq!(again["state"], "delivered", "{again}");
    assert!(
        said.out.contains(again["notice"].as_str().unwrap()),
        "{}",
        said.out
    );
    let sent = again["bundle"].as_str().or(again["notice"].as_str());
    let seen = mailbox.seen();
    let arrived = |mail: &&Value| mail["headers"]["x-duban-notice"].as_str() == sent;
    assert_eq!(seen.iter().filter(arrived).count(), 1, "it arrived once");
    assert!(
        rows.iter()
            .any(|row| row["notice"] == notice && row["state"] == "abandoned")
    );
    let told = ask(&["incidents", "--nats", &nats, "--format", "ndjson"]).await;
    assert!(
        !told.out.contains(notice),
        "the incident is gone: {}",
        told.out
    );

    // What stands in for another is not asked for twice, and what never was not at all.
    let said = ask(&retry).await.with_code(1);
    assert!(said.err.contains("already-followed"), "{}", said.err);
    let unknown = [
        "notices",
        "retry",
        "0123",
        "--by",
        "王科长",
        "--nats",
        &nats,
    ];
    let said = ask(&unknown).await.with_code(1);
    assert!(said.err.contains("no notice on this log"), "{}", said.err);

    ask(&["audit", "verify", "--nats", &nats])
        .await
        .with_code(0);
    ask(&["replay", "--verify", "--nats", &nats])
        .await
        .with_code(0);
    office.terminate();
    office.wait(STOP_LIMIT).with_code(0);
}

#[tokio::test]
async fn a_refused_event_is_an_incident_until_it_comes_again_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").display().to_string();
    let mut office = Duban::start(&["serve", "--http", "127.0.0.1:0", "--data", &data]);
    let runs = until(START_LIMIT, || {
        assert_eq!(office.ended(), None, "{}", office.err());
        office.err().matches("service runs").count() == 4
    });
    assert!(runs, "{}", office.err());
    let none = ask(&["incidents", "--data", &data]).await.with_code(0);
    assert!(none.out.contains("没有"), "{}", none.out);

    let event = |unit: &str| {
        json!({
            "specversion": "1.0", "id": "p-1", "source": "urn:site", "tenant": "tongliao",
            "type": "duban.publication.published",
            "data": {"unit": unit, "publication": "p-1", "kind": "notice", "title": "=通知"},
        })
        .to_string()
    };
    let file = folder.path().join("event.ndjson").display().to_string();
    std::fs::write(&file, event("nobody-knows") + "\n").unwrap();
    ask(&["send", &file, "--data", &data]).await;
    let told = ask(&["incidents", "--data", &data, "--format", "json"])
        .await
        .with_code(1);
    let incident = &told.json()[0];
    assert_eq!(
        (&incident["kind"], &incident["id"]),
        (&json!("rejection"), &json!("p-1"))
    );
    assert!(!incident["to_do"].as_str().unwrap().is_empty());
    office.terminate();
    office.wait(STOP_LIMIT).with_code(0);
    // It is there as well when nothing runs.
    ask(&["incidents", "--data", &data]).await.with_code(1);
}
