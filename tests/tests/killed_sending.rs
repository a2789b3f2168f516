//! kill -9 at each point of a send: after it was announced, while it is made, after the receiver took
//! it, after its report was handed in. The receiver sees each notice at least once, each repeat bears
//! its label and the id of the first, and nothing counts as delivered that was not.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use duban_journal::{Log, Stored};
use duban_model::Body;
use duban_model::directory::Channel;
use duban_tests::duban::{Duban, Play, run, verified, verified_at};
use duban_tests::log::{Sends, bodies, connected, embedded, jetstream, sends};
use duban_tests::made::{Office, Unit};
use duban_tests::nats::NatsServer;
use duban_tests::roles::{ROLES, Roles};
use duban_tests::sink::{Mode, Sink, Taken};
use duban_tests::watch::until;

/// More than are announced at once, so that some are announced and not begun, and others wait.
const TASKS: usize = 200;
/// Sends under way at once over one endpoint.
const AT_ONCE: usize = 8;
const LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const SECRET: [u8; 32] = *b"a secret known to two, made up..";

/// An office all of whose duties have long been due: each is told at once when its ledger comes into
/// force, on any day and at any hour.
fn overdue(folder: &Path) {
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
    .write(folder);
}

fn secret() -> String {
    format!("whsec_{}", STANDARD.encode(SECRET))
}

/// One process on the embedded log that sends to a receiver of this test.
struct House {
    folder: tempfile::TempDir,
    sink: Sink,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        overdue(&folder.path().join("made"));
        let sink = Sink::start("");
        House { folder, sink }
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    fn start(&self) -> Duban {
        let data = self.data().display().to_string();
        let ledger = self.folder.path().join("made").display().to_string();
        let url = self.sink.url();
        let args = [
            &["serve", "--http", "127.0.0.1:0", "--data", &data][..],
            &["--ledger", &ledger, "--webhook-url", &url],
        ]
        .concat();
        Duban::start_with(&args, &[("DUBAN_WEBHOOK_SECRET", &secret())])
    }

    /// So many requests are kept waiting, and the process still runs.
    fn until_waiting(&self, process: &mut Duban, many: usize) {
        let came = until(LIMIT, || {
            assert_eq!(process.ended(), None, "{}", process.err());
            self.sink.waiting() == many
        });
        assert!(came, "{} wait: {}", self.sink.waiting(), process.err());
    }

    /// The running process says that every notice has its end.
    fn all_told(&self) -> bool {
        let data = self.data().display().to_string();
        let notices = ["notices", "--data", &data, "--format", "json"];
        let open = [
            "--state",
            "queued",
            "--state",
            "attempted",
            "--state",
            "failed",
        ];
        let said = run(&[&notices[..], &open].concat());
        said.code == Some(0) && said.json().as_array().is_some_and(Vec::is_empty)
    }

    /// Starts the process again and lets it come to the end; what the log says of each notice.
    async fn go_on(&self) -> BTreeMap<String, Sends> {
        self.sink.set(Mode::Take);
        let mut process = self.start();
        let mut answered = 0;
        let told = until(LIMIT, || {
            assert_eq!(process.ended(), None, "{}", process.err());
            answered = distinct(&self.sink.taken()).len();
            answered == TASKS
        });
        assert!(told, "{answered} notices arrived: {}", process.err());
        // The last reports are to be decided too.
        let done = until(LIMIT, || self.all_told());
        assert!(done, "{}", process.err());
        process.terminate();
        process.wait(STOP_LIMIT).with_code(0);
        verified(&self.data());
        by_webhook(&embedded(&self.data()).await)
    }
}

fn distinct(taken: &[Taken]) -> BTreeMap<&str, Vec<&Taken>> {
    let mut notices: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for request in taken {
        let id = request.headers["webhook-id"].as_str();
        notices.entry(id).or_default().push(request);
    }
    notices
}

/// What a log says of each notice to the receiver. The office hears of the same by mail.
fn by_webhook(frames: &[Stored]) -> BTreeMap<String, Sends> {
    let mut all = sends(frames);
    for body in bodies(frames) {
        if let Body::NoticeQueued(queued) = body
            && queued.channel != Channel::Webhook
        {
            all.remove(&queued.notice);
        }
    }
    all
}

/// Every notice arrived, under its own id, and whatever was not the first announced bears the label.
/// Returns how many arrived more than once.
fn audited(log: &BTreeMap<String, Sends>, taken: &[Taken]) -> usize {
    let arrived = distinct(taken);
    assert_eq!(log.len(), TASKS, "notices on the log");
    assert_eq!(
        arrived.keys().copied().collect::<Vec<_>>(),
        log.keys().map(String::as_str).collect::<Vec<_>>(),
        "notices that arrived"
    );
    let mut repeated = 0;
    for (notice, requests) in &arrived {
        let sends = &log[*notice];
        assert_eq!((sends.delivered, sends.abandoned), (1, 0), "{notice}");
        let mut before = 0;
        for request in requests {
            let data = &request.json()["data"];
            assert_eq!(data["notice"].as_str(), Some(*notice));
            let attempt = data["attempt"].as_u64().unwrap();
            assert!(attempt > before, "{notice}: attempt {attempt} again");
            before = attempt;
            let labelled = data["possible_duplicate"].as_bool().unwrap();
            assert_eq!(labelled, attempt > 1, "{notice}, attempt {attempt}");
            let place = usize::try_from(attempt).unwrap() - 1;
            assert_eq!(sends.labelled[place], labelled, "{notice}");
        }
        repeated += usize::from(requests.len() > 1);
    }
    repeated
}

/// Sends that were announced a second time.
fn announced_again(log: &BTreeMap<String, Sends>) -> usize {
    log.values()
        .filter(|sends| sends.labelled.len() > 1)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_announcement_and_while_sending_everything_arrives_labelled() {
    let house = House::new();
    house.sink.set(Mode::WaitAndBreak);
    let mut process = house.start();
    house.until_waiting(&mut process, AT_ONCE);
    assert!(process.kill());
    // The receiver got heads of requests and no more, so it has taken none.
    assert!(house.sink.taken().is_empty());
    let before = by_webhook(&embedded(&house.data()).await);
    let announced = |log: &BTreeMap<String, Sends>| {
        log.values()
            .filter(|sends| !sends.labelled.is_empty())
            .count()
    };
    assert!(announced(&before) > AT_ONCE, "announced and not begun");
    assert!(announced(&before) < TASKS, "queued and not announced");
    assert!(before.values().all(|sends| sends.delivered == 0));

    let log = house.go_on().await;
    let taken = house.sink.taken();
    assert_eq!(audited(&log, &taken), 0, "none had arrived before");
    assert_eq!(announced_again(&log), announced(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_receiver_took_it_each_arrives_again_and_says_that_it_may_be_a_repeat() {
    let house = House::new();
    house.sink.set(Mode::TakeAndWait);
    let mut process = house.start();
    house.until_waiting(&mut process, AT_ONCE);
    // It is stopped when the answers come, so it can report none of them.
    process.halt();
    house.sink.set(Mode::Take);
    assert!(until(LIMIT, || house.sink.answered() == AT_ONCE));
    assert!(process.kill());
    assert!(
        by_webhook(&embedded(&house.data()).await)
            .values()
            .all(|sends| sends.delivered == 0)
    );

    let log = house.go_on().await;
    let repeated = audited(&log, &house.sink.taken());
    assert_eq!(repeated, AT_ONCE, "those whose answer was lost");
    assert!(announced_again(&log) >= AT_ONCE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_report_was_handed_in_and_before_it_was_decided_it_still_counts() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = folder.path().join("made");
    overdue(&ledger);
    let sink = Sink::start("");
    let server = NatsServer::start().await;
    run(&["serve", "setup", "--nats", &server.url("setup")]).with_code(0);
    let mut roles = Roles::sending(
        |role| server.url(role),
        folder.path(),
        &["--webhook-url", &sink.url()],
        &[("DUBAN_WEBHOOK_SECRET", &secret())],
    );
    let place = |role: &str| ROLES.iter().position(|r| *r == role).unwrap();
    let events = folder.path().join("none.ndjson");
    std::fs::write(&events, "").unwrap();
    let play = Play {
        ledger,
        from: "2021-05-06".to_owned(),
        to: "2021-05-06".to_owned(),
        events,
    };
    let url = server.url("console");
    sink.set(Mode::TakeAndWait);
    let driver = Duban::start(&play.rounds(&url));
    assert!(
        until(LIMIT, || sink.waiting() == AT_ONCE),
        "{} wait: {}",
        sink.waiting(),
        roles.said()
    );
    // Nobody decides about reports now, but they can be handed in.
    roles.signal(place("intake"), "STOP");
    let log = Log::JetStream(connected(&url).await);
    let before = log.inbox_head().await.unwrap();
    sink.set(Mode::Take);
    let handed_in = loop {
        let reports = log.inbox_head().await.unwrap() - before;
        if reports >= AT_ONCE as u64 {
            break reports;
        }
        roles.supervise();
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    roles.crash(place("notifier"));
    roles.signal(place("intake"), "CONT");
    driver.wait(LIMIT).with_code(0);
    let frames = jetstream(&url).await;
    verified_at(&["--nats", &url]);
    let log = by_webhook(&frames);
    audited(&log, &sink.taken());
    let once = log
        .values()
        .filter(|sends| sends.labelled.len() == 1)
        .count();
    assert!(once + announced_again(&log) == TASKS && handed_in >= AT_ONCE as u64);
    roles.stop();
}
