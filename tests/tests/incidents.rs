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
    assert!(said.out.contains("已送达"), "{}", said.out);
    let seen = mailbox.seen();
    assert_eq!(seen.len(), 1, "one mail arrived: {seen:?}");
    let again = seen[0]["headers"]["x-duban-notice"].as_str().unwrap();
    assert_ne!(again, notice);
    assert!(said.out.contains(again), "{}", said.out);

    let left = incidents(&nats, 1).await;
    assert!(
        left.iter().all(|i| i["id"] != notice),
        "the incident is gone: {left:?}"
    );
    assert_eq!(unreached(&left).len(), open.len() - 1);

    // What stands in for another is not asked for twice, and what never was not at all.
    let said = ask(&retry).await.with_code(1);
    assert!(said.err.contains("already-followed"), "{}", said.err);
    assert_eq!(mailbox.seen().len(), 1);
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

    let rows = ask(&["notices", "--nats", &nats, "--format", "ndjson"]).await;
    let row = rows.out.lines().find(|line| line.contains(again)).unwrap();
    let row: Value = serde_json::from_str(row).unwrap();
    let last = |wanted: &str| rows.out.lines().any(|line| line.contains(wanted));
    assert_eq!(row["instead_of"], notice);
    assert!(last("\"state\":\"abandoned\""));
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
