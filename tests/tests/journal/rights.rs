//! Who may do what on the server of `deploy/nats.conf`, and which streams a log accepts.

use std::time::Duration;

use crate::bed::{append_some, collect, frame, options, seqs, within};
use bytes::Bytes;
use duban_journal::{AppendError, JetStreamLog, Log, LogError, SubmitError};
use duban_model::frame::Service;
use duban_tests::nats::NatsServer;
use serde_json::{Value, json};

async fn connect(server: &NatsServer, user: &str) -> Result<Log, LogError> {
    JetStreamLog::connect(options(server, user))
        .await
        .map(Log::JetStream)
}

fn denied(subject: &str) -> String {
    format!(
        "the server does not let this user use {subject}. Use the user meant for this service \
         (deploy/nats.conf)."
    )
}

#[tokio::test]
async fn every_service_appends_to_its_own_subject_only() {
    let server = NatsServer::start().await;
    connect(&server, "duban").await.unwrap();
    let mut expected = 0;
    for service in Service::ALL {
        let log = connect(&server, service.as_str()).await.unwrap();
        for other in Service::ALL {
            let answer = log.append(frame(other, 1), 0).await;
            if other == service {
                expected += 1;
                assert_eq!(answer, Ok(expected));
            } else {
                let subject = format!("duban.log.0.{other}");
                assert_eq!(answer, Err(AppendError::Broken(denied(&subject))));
            }
        }
        // It reads everybody's frames.
        let mut follower = log.follow(0, &Service::ALL).await.unwrap();
        let found = collect(&mut follower, usize::try_from(expected).unwrap()).await;
        assert_eq!(seqs(&found), (1..=expected).collect::<Vec<_>>());
        let last = log.last_frame(service).await.unwrap().unwrap();
        assert_eq!(last.seq, expected);
        assert_eq!(within(follower.ready(1)).await, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn the_inbox_is_read_by_the_intake_and_written_by_those_who_may() {
    let server = NatsServer::start().await;
    connect(&server, "duban").await.unwrap();
    let event = || Bytes::from_static(b"{}");
    for (user, tail, may) in [
        ("console", "task.accepted", true),
        ("console", "definition.deployed", true),
        ("notifier", "delivery.reported", true),
        ("notifier", "task.accepted", false),
        ("rules", "task.accepted", false),
        ("scheduler", "clock.advanced", false),
    ] {
        let log = connect(&server, user).await.unwrap();
        let answer = log.submit("tongliao", tail, event()).await;
        if may {
            answer.unwrap();
        } else {
            let subject = format!("duban.in.tongliao.{tail}");
            assert_eq!(answer, Err(SubmitError::Unavailable(denied(&subject))));
        }
    }
    let intake = connect(&server, "intake").await.unwrap();
    let mut inbox = intake.follow_inbox(0).await.unwrap();
    assert_eq!(within(inbox.ready(9)).await.unwrap().len(), 3);

    for user in ["rules", "console", "notifier"] {
        let log = connect(&server, user).await.unwrap();
        let mut inbox = log.follow_inbox(0).await.unwrap();
        assert!(
            matches!(within(inbox.next(1)).await, Err(LogError::Refused(_))),
            "{user}"
        );
    }
}

#[tokio::test]
async fn the_website_reports_publications_and_nothing_else() {
    let server = NatsServer::start().await;
    let log = connect(&server, "duban").await.unwrap();
    append_some(&log, Service::Rules, 1).await;

    let website = server.client("website").await.unwrap();
    let subject = "duban.in.tongliao.publication.published";
    let ack = within(website.request(subject, "{}".into())).await.unwrap();
    let ack: Value = serde_json::from_slice(&ack.payload).unwrap();
    assert_eq!(ack, json!({"stream": "DUBAN_INBOX_0", "seq": 1}));

    for subject in [
        "duban.in.tongliao.task.submitted",
        "duban.in.other.publication.published",
        "duban.log.0.rules",
        "$JS.API.STREAM.INFO.DUBAN_LOG_0",
        "$JS.API.STREAM.MSG.GET.DUBAN_LOG_0",
        "$JS.API.CONSUMER.CREATE.DUBAN_LOG_0.x",
        "$JS.API.STREAM.DELETE.DUBAN_LOG_0",
    ] {
        assert!(violates(&server, &website, subject).await, "{subject}");
    }
    // Nor does it hear what others are told or say.
    for subject in ["duban.log.>", "_INBOX.>", "_INBOX.duban.>", "duban.in.>"] {
        let mut heard = website.subscribe(subject).await.unwrap();
        website.flush().await.unwrap();
        append_some(&log, Service::Rules, 1).await;
        log.submit("tongliao", "task.accepted", Bytes::new())
            .await
            .unwrap();
        // The server has answered us after it would have delivered; one more round trip of the
        // listener's own connection, and it would have it.
        website.flush().await.unwrap();
        assert!(
            futures::FutureExt::now_or_never(futures::StreamExt::next(&mut heard))
                .flatten()
                .is_none(),
            "{subject}"
        );
    }
    assert_eq!(log.inbox_head().await, Ok(5));
}

/// True if the server notes that it refused this.
async fn violates(server: &NatsServer, client: &async_nats::Client, subject: &str) -> bool {
    client
        .publish(subject.to_owned(), "{}".into())
        .await
        .unwrap();
    client.flush().await.unwrap();
    let noted = format!("Publish Violation - Subject \"{subject}\"");
    for _ in 0..200 {
        if server.log().contains(&noted) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_stream_are_refused() {
    let server = NatsServer::start().await;
    let mut wrong = options(&server, "rules");
    wrong.url = wrong.url.replace("ofrules", "wrong");
    match JetStreamLog::connect(wrong).await {
        Err(LogError::Refused(why)) => assert!(
            why.contains("authorization violation") && !why.contains("wrong"),
            "{why}"
        ),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        connect(&server, "rules").await.unwrap_err(),
        LogError::Refused(
            "the stream DUBAN_LOG_0 does not exist, and this process may not create it. Start once \
             with the NATS user `setup` or `duban` (deploy/nats.conf)."
                .to_owned()
        )
    );
    let mut setup = options(&server, "setup");
    setup.create = true;
    JetStreamLog::connect(setup).await.unwrap();
    connect(&server, "rules").await.unwrap();
}

#[tokio::test]
async fn streams_configured_otherwise_are_refused() {
    let server = NatsServer::start().await;
    let setup = server.client("setup").await.unwrap();
    let foreign = json!({
        "name": "DUBAN_LOG_0",
        "subjects": ["duban.log.0.*"],
        "storage": "file",
        "retention": "limits",
        "discard": "old",
        "max_age": 86_400_000_000_000_u64,
        "max_msg_size": 937_984,
        "num_replicas": 1,
        "deny_delete": true,
        "deny_purge": true,
        "duplicate_window": 100_000_000,
        "metadata": {"duban.id": "theirs"},
    });
    let created = setup
        .request(
            "$JS.API.STREAM.CREATE.DUBAN_LOG_0",
            foreign.to_string().into(),
        )
        .await
        .unwrap();
    let created: Value = serde_json::from_slice(&created.payload).unwrap();
    assert!(created.get("error").is_none(), "{created}");
    assert_eq!(
        connect(&server, "duban").await.unwrap_err(),
        LogError::Refused(
            "the stream DUBAN_LOG_0 is not configured as the log needs it: `discard` is \"old\", \
             needed is \"new\"; `max_age` is 86400000000000, needed is 0. Correct it with `nats \
             stream edit DUBAN_LOG_0`; if it is not Duban's, give Duban a NATS account of its own."
                .to_owned()
        )
    );
}

#[tokio::test]
async fn an_inbox_of_another_log_is_refused() {
    let server = NatsServer::start().await;
    let log = connect(&server, "duban").await.unwrap();
    let setup = server.client("setup").await.unwrap();
    let info = "$JS.API.STREAM.INFO.DUBAN_INBOX_0";
    let info = setup.request(info, "".into()).await.unwrap();
    let mut config = serde_json::from_slice::<Value>(&info.payload).unwrap()["config"].take();
    config["metadata"]["duban.id"] = json!("another");
    let update = "$JS.API.STREAM.UPDATE.DUBAN_INBOX_0";
    let answer = setup
        .request(update, config.to_string().into())
        .await
        .unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(answer.get("error").is_none(), "{answer}");
    let why = match connect(&server, "duban").await {
        Err(LogError::Refused(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(
        why.contains(&format!(
            "`metadata` `duban.id` is \"another\", needed is \"{}\"",
            log.id()
        )),
        "{why}"
    );
}
