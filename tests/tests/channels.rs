//! Notices leave through a real mail server and a real HTTP receiver: they arrive as written, what
//! fails for now is tried again later, what is refused is given up, and what may have arrived says so.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_journal::Stored;
use duban_model::fact::Outcome;
use duban_model::{Body, Timestamp};
use duban_tests::duban::{Duban, LEDGER, Play, run, verified_at, workspace};
use duban_tests::log::{bodies, embedded, header, jetstream, mail_files, sends};
use duban_tests::made::{Office, Unit};
use duban_tests::mailbox::Mailbox;
use duban_tests::nats::NatsServer;
use duban_tests::watch::{Parts, until};
use duban_tests::webhook::{Answer, Receiver, Request};
use serde_json::{Value, json};

/// The first notices go out on the first working day.
const LAST_DAY: &str = "2021-07-02";
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// The first wait before a failed send is tried again.
const FIRST_RETRY_MILLIS: i64 = 60_000;
const SECRET: [u8; 32] = *b"a secret known to two, made up..";

/// Plays the span with every service in one process on JetStream and these options; returns the
/// log, once it verified and its checksum is that of a run in which every send succeeds.
async fn play(play: &Play, options: &[&str], variables: &[(&str, &str)]) -> Vec<Stored> {
    let server = NatsServer::start().await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().display().to_string();
    let url = server.url("duban");
    let args = [
        "serve",
        "all",
        "--clock",
        "virtual",
        "--http",
        "127.0.0.1:0",
        "--data",
        &data,
    ];
    let args = [&args[..], &["--nats", &url], options].concat();
    let mut office = Duban::start_with(&args, variables);
    let runs = until(START_LIMIT, || {
        assert_eq!(office.ended(), None, "{}", office.err());
        office.err().matches("service runs").count() == 4
    });
    assert!(runs, "{}", office.err());
    let console = server.url("console");
    // The receivers answer in this thread's runtime, so it must not be blocked.
    let args = play.rounds(&console);
    let played = tokio::task::spawn_blocking(move || run(&args))
        .await
        .unwrap();
    played.with_code(0);
    let frames = jetstream(&console).await;
    assert_eq!(
        verified_at(&["--nats", &console]),
        play.checksum_in_memory(),
        "what the world answers changes no decision"
    );
    office.terminate();
    let said = office.wait(STOP_LIMIT).with_code(0);
    assert!(!said.err.contains("ERROR"), "{}", said.err);
    frames
}

/// For each notice that failed for now: how, when, when it was to be tried again and when it was.
fn failures(
    frames: &[Stored],
) -> BTreeMap<String, Vec<(Outcome, Timestamp, Timestamp, Timestamp)>> {
    let mut open: BTreeMap<&str, (Outcome, Timestamp, Timestamp)> = BTreeMap::new();
    let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for record in frames.iter().flat_map(|stored| &stored.frame.records) {
        match &record.body {
            Body::NoticeFailed(r) => {
                open.insert(&r.notice, (r.outcome, record.loggedat, r.retry_at));
            }
            Body::NoticeAttempted(r) => {
                if let Some((outcome, at, retry_at)) = open.remove(r.notice.as_str()) {
                    let again = (outcome, at, retry_at, record.loggedat);
                    found.entry(r.notice.clone()).or_default().push(again);
                }
            }
            _ => {}
        }
    }
    assert!(open.is_empty(), "never tried again: {open:?}");
    found
}

/// The one notice that failed this way was tried again a minute later by the virtual clock.
fn tried_again(frames: &[Stored], notice: &str, how: Outcome) {
    let failures = failures(frames);
    let [(outcome, at, retry_at, again)] = failures[notice][..] else {
        panic!("{notice} fails once: {failures:?}");
    };
    assert_eq!(outcome, how, "{notice}");
    // Up to a fifth longer, each by another part.
    let wait = retry_at.0 - at.0;
    let waits = FIRST_RETRY_MILLIS..=FIRST_RETRY_MILLIS * 6 / 5;
    assert!(waits.contains(&wait), "{notice}: {wait} ms");
    assert_eq!(again, retry_at, "{notice} is tried again when it was to be");
}

fn notice_of(mail: &Value) -> String {
    mail["headers"]["x-duban-notice"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn mail_arrives_as_written_is_tried_again_and_says_when_it_may_be_a_repeat() {
    let mut parts = Parts::default();
    let mailbox = Mailbox::start(&json!({
        "0": ["450 4.2.1 try again later", "ok"],
        "1": ["550 5.1.1 no such mailbox"],
        "2": ["drop", "ok"],
    }));
    let frames = play(&Play::sample(LAST_DAY), &["--smtp", &mailbox.url()], &[]).await;
    parts.done("played with a mail server");

    let seen = mailbox.seen();
    let with = |answer: &str| {
        let mut mails = seen
            .iter()
            .filter(|m| m["answer"].as_str().unwrap().starts_with(answer));
        let mail = mails
            .next()
            .unwrap_or_else(|| panic!("no mail was answered {answer}"));
        assert_eq!(mails.next(), None, "one mail was answered {answer}");
        mail
    };
    let attempts_at = |mail: &Value| {
        let id = &mail["headers"]["message-id"];
        seen.iter()
            .filter(|m| m["headers"]["message-id"] == *id)
            .collect::<Vec<_>>()
    };
    let log = sends(&frames);

    let busy = with("450");
    tried_again(&frames, &notice_of(busy), Outcome::Failed);
    let attempts = attempts_at(busy);
    assert_eq!(
        attempts.len(),
        2,
        "450 is tried again under the same Message-ID"
    );
    assert_eq!(attempts[1]["answer"], "ok");
    assert_eq!(attempts[1]["headers"]["x-duban-attempt"], "2");
    assert_eq!(attempts[1]["headers"]["x-duban-possible-duplicate"], "no");
    assert_eq!(attempts[1]["text"], busy["text"]);
    assert_eq!(log[&notice_of(busy)].delivered, 1);

    let refused = with("550");
    assert_eq!(attempts_at(refused).len(), 1, "550 is not tried again");
    let sends = &log[&notice_of(refused)];
    assert_eq!(
        (sends.abandoned, sends.delivered, sends.labelled.len()),
        (1, 0, 1)
    );
    let reason = bodies(&frames).find_map(|body| match body {
        Body::NoticeAbandoned(r) => Some(r.reason.as_str()),
        _ => None,
    });
    assert!(reason.unwrap().contains("no such mailbox"), "{reason:?}");

    // Which mail is the refused one is the network's doing: it may stand for several notices.
    let bundles = || {
        bodies(&frames).filter_map(|body| match body {
            Body::NoticeBundled(r) => Some(r),
            _ => None,
        })
    };
    let lost = notice_of(refused);
    let lost = bundles()
        .find(|bundle| bundle.notice == lost)
        .map_or(vec![lost], |bundle| bundle.covers.clone());
    let next = bodies(&frames).find_map(|body| match body {
        Body::NoticeQueued(r) if r.instead_of.as_ref().is_some_and(|id| lost.contains(id)) => {
            Some(r)
        }
        _ => None,
    });
    let next = next.expect("somebody else is told");
    assert_ne!(json!([next.address]), refused["to"]);
    assert!(next.text.contains("改为通知您"), "{}", next.text);
    let left_with = bundles().find(|bundle| bundle.covers.contains(&next.notice));
    let left_as = left_with.map_or(&next.notice, |bundle| &bundle.notice);
    assert_eq!(log[left_as].delivered, 1);

    let dropped = with("drop");
    tried_again(&frames, &notice_of(dropped), Outcome::Unknown);
    let attempts = attempts_at(dropped);
    assert_eq!(
        attempts.len(),
        2,
        "a send of unknown outcome is tried again"
    );
    assert_eq!(dropped["headers"]["x-duban-possible-duplicate"], "no");
    assert_eq!(attempts[1]["headers"]["x-duban-possible-duplicate"], "yes");
    let text = attempts[1]["text"].as_str().unwrap();
    assert!(text.contains("本通知可能重复送达"), "{text}");
    assert_eq!(log[&notice_of(dropped)].labelled, [false, true]);

    as_written(&frames, &seen);
    for (notice, sends) in &log {
        assert_eq!(sends.delivered + sends.abandoned, 1, "{notice}: {sends:?}");
    }
    let taken = seen.iter().filter(|mail| mail["answer"] == "ok").count();
    assert_eq!(
        taken,
        log.len() - 1,
        "every notice but the refused one arrives once"
    );
    parts.done(&format!("{} notices, {} mails read", log.len(), seen.len()));
}

/// Every mail says what was decided, character by character, and who sent it to whom.
fn as_written(frames: &[Stored], seen: &[Value]) {
    let queued: BTreeMap<&str, _> = bodies(frames)
        .filter_map(|body| match body {
            Body::NoticeQueued(r) => Some((r.notice.as_str(), r)),
            _ => None,
        })
        .collect();
    assert!(queued.len() > 10, "only {} notices", queued.len());
    let bundled: BTreeMap<&str, _> = bodies(frames)
        .filter_map(|body| match body {
            Body::NoticeBundled(r) => Some((r.notice.as_str(), r)),
            _ => None,
        })
        .collect();
    let mut attached = 0;
    for mail in seen {
        let notice = notice_of(mail);
        if let Some(bundle) = bundled.get(notice.as_str()) {
            assert_eq!(mail["headers"]["subject"], json!(bundle.subject));
            let text = mail["text"].as_str().unwrap().replace("\r\n", "\n");
            assert!(text.starts_with(bundle.text.trim_end()), "{text}");
            assert_eq!(mail["to"], json!([bundle.address]), "{notice}");
            continue;
        }
        let queued = queued[notice.as_str()];
        let headers = &mail["headers"];
        assert_eq!(mail["defects"], json!([]), "{mail}");
        let html = mail["html"].as_str().unwrap();
        assert!(html.contains(&queued.request.obligation), "{html}");
        let dated = queued.request.due.is_some_and(|due| {
            mail["entry"].as_str().is_some_and(|entry| {
                entry.contains(&due.format("DTSTART;VALUE=DATE:%Y%m%d").to_string())
                    && entry.contains(&format!("UID:{}@duban", queued.request.obligation))
            })
        });
        assert_eq!(
            mail["type"],
            if dated {
                "multipart/mixed"
            } else {
                "multipart/alternative"
            }
        );
        attached += usize::from(dated);
        assert_eq!(headers["subject"], json!(queued.subject), "{notice}");
        assert!(queued.subject.contains('项'), "{}", queued.subject);
        let text = mail["text"].as_str().unwrap().replace("\r\n", "\n");
        assert!(
            text.starts_with(queued.text.trim_end()),
            "{text}\n---\n{}",
            queued.text
        );
        let address = queued.address.as_deref().unwrap();
        assert_eq!(mail["to"], json!([address]), "{notice}");
        let to = headers["to"].as_str().unwrap();
        assert!(
            to.contains(&queued.contact_title) && to.contains(address),
            "{to}"
        );
        assert!(
            headers["from"].as_str().unwrap().starts_with("督办"),
            "{headers}"
        );
        let id = format!("<{notice}@notice.duban.example>");
        assert_eq!(headers["message-id"], json!(id));
        assert_eq!(headers["auto-submitted"], "auto-generated");
    }
    assert!(attached > 10, "only {attached} calendar entries");
}

/// The ledger with every contact reached by webhook.
fn ledger_by_webhook(folder: &Path) -> Play {
    let source = workspace().join(LEDGER);
    let ledger = folder.join("tongliao-2021");
    std::fs::create_dir_all(&ledger).unwrap();
    std::fs::create_dir_all(folder.join("calendars")).unwrap();
    for name in ["ledger.yaml", "tasks.yaml"] {
        std::fs::copy(source.join(name), ledger.join(name)).unwrap();
    }
    let calendar = "calendars/cn-workdays.csv";
    std::fs::copy(
        workspace().join("workflows").join(calendar),
        folder.join(calendar),
    )
    .unwrap();
    let directory = std::fs::read_to_string(source.join("directory.yaml")).unwrap();
    let directory = directory.replace("channels: [mail]", "channels: [webhook]");
    std::fs::write(ledger.join("directory.yaml"), directory).unwrap();
    Play {
        ledger,
        ..Play::sample(LAST_DAY)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_are_signed_tried_again_on_500_and_given_up_on_400() {
    let mut parts = Parts::default();
    let receiver = Receiver::start(vec![
        vec![Answer::Status(500), Answer::Status(200)],
        vec![Answer::Status(400)],
        vec![Answer::Drop, Answer::Status(204)],
    ])
    .await;
    let folder = tempfile::tempdir().unwrap();
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let frames = play(
        &ledger_by_webhook(folder.path()),
        &["--webhook-url", &receiver.url()],
        &[("DUBAN_WEBHOOK_SECRET", &secret)],
    )
    .await;
    parts.done("played with a receiver of webhooks");

    let requests = receiver.requests();
    let log = sends(&frames);
    let id = |request: &Request| request.headers["webhook-id"].clone();
    let with = |answer: Answer| requests.iter().find(|r| r.answer == answer).unwrap();
    let attempts_at = |request: &Request| {
        let wanted = id(request);
        requests
            .iter()
            .filter(|r| id(r) == wanted)
            .collect::<Vec<_>>()
    };

    for request in &requests {
        assert!(request.is_signed_with(&SECRET), "{request:?}");
        assert!(!request.is_signed_with(b"another secret"), "{request:?}");
        let body = request.json();
        assert_eq!(body["type"], "duban.notice");
        assert_eq!(body["data"]["notice"], json!(id(request)));
        assert!(
            body["data"]["subject"].as_str().unwrap().contains('项'),
            "{body}"
        );
    }

    let busy = with(Answer::Status(500));
    tried_again(&frames, &id(busy), Outcome::Failed);
    let attempts = attempts_at(busy);
    assert_eq!(
        attempts.len(),
        2,
        "500 is tried again under the same webhook-id"
    );
    assert_eq!(attempts[1].json()["data"]["possible_duplicate"], false);
    assert_eq!(log[&id(busy)].delivered, 1);

    let refused = with(Answer::Status(400));
    assert_eq!(attempts_at(refused).len(), 1, "400 is not tried again");
    assert_eq!(
        (log[&id(refused)].abandoned, log[&id(refused)].delivered),
        (1, 0)
    );

    let dropped = with(Answer::Drop);
    tried_again(&frames, &id(dropped), Outcome::Unknown);
    let attempts = attempts_at(dropped);
    assert_eq!(
        attempts.len(),
        2,
        "a send of unknown outcome is tried again"
    );
    assert_eq!(attempts[0].json()["data"]["possible_duplicate"], false);
    assert_eq!(attempts[1].json()["data"]["possible_duplicate"], true);

    let distinct = requests
        .iter()
        .map(id)
        .collect::<std::collections::BTreeSet<_>>();
    assert_eq!(distinct.len(), log.len(), "every notice was sent");
    assert_eq!(requests.len(), log.len() + 2, "and only two of them twice");
    parts.done(&format!("{} requests verified", requests.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_gone_is_left_alone_and_the_next_person_is_told_instead() {
    const TASKS: usize = 40;
    const AT_ONCE: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("made");
    Office {
        units: vec![Unit {
            id: "u".to_owned(),
            channel: "webhook",
        }],
        tasks: TASKS,
        issued: "2021-03-01",
        due: "2021-03-31",
        ends: "2021-12-31",
        at: "00:00",
        steps: &[("due", "contact")],
        window: 0,
    }
    .write(&ledger);
    let receiver = Receiver::start(vec![vec![Answer::Status(410)]; TASKS]).await;
    let data = folder.path().join("data");
    let (shown, ledger) = (data.display().to_string(), ledger.display().to_string());
    let url = receiver.url();
    let args = [
        &["serve", "--http", "127.0.0.1:0", "--data", &shown][..],
        &["--ledger", &ledger, "--webhook-url", &url],
    ]
    .concat();
    let secret = format!("whsec_{}", STANDARD.encode(SECRET));
    let mut office = Duban::start_with(&args, &[("DUBAN_WEBHOOK_SECRET", &secret)]);
    let told = tokio::task::spawn_blocking(move || {
        let told = until(START_LIMIT, || {
            assert_eq!(office.ended(), None, "{}", office.err());
            let mails = mail_files(&data.join("mail")).into_values().flatten();
            mails
                .filter(|mail| header(mail, "To").contains("leader@u.example"))
                .count()
                == TASKS
        });
        assert!(told, "{}", office.err());
        office.terminate();
        office.wait(STOP_LIMIT).with_code(0)
    });
    let said = told.await.unwrap();
    let asked = receiver.requests().len();
    assert!(
        (1..=AT_ONCE).contains(&asked),
        "{asked} requests: no more than were under way at the first answer"
    );
    let warnings = said
        .err
        .matches("the endpoint says that it is gone")
        .count();
    assert_eq!(warnings, 1, "{}", said.err);
    let frames = embedded(Path::new(&shown)).await;
    let reasons = bodies(&frames).filter_map(|body| match body {
        Body::NoticeAbandoned(r) => Some(r.reason.as_str()),
        _ => None,
    });
    let not_sent =
        reasons.filter(|reason| reason.contains("endpoint webhook said that it is gone"));
    assert_eq!(not_sent.count(), TASKS - asked);
}
