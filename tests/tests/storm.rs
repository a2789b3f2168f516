//! Everything falls due on one day: 36 tasks of 46 units. Nobody is told more than once per channel and
//! window, nothing is left out, and no service is sent more than it takes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use duban_model::Body;
use duban_tests::duban::{Duban, Play, run};
use duban_tests::log::{bodies, header, jetstream, mail_files, sends};
use duban_tests::made::{Office, Unit, contact_title, task_title};
use duban_tests::nats::NatsServer;
use duban_tests::sink::{Sink, Taken};
use duban_tests::watch::{Parts, until};

const UNITS: usize = 46;
const TASKS: usize = 36;
const START_LIMIT: Duration = Duration::from_secs(30);
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// A service counts over any stretch so long.
const MINUTE: Duration = Duration::from_mins(1);

/// A robot's channel, how many units it tells, and what its service takes: messages in a stretch.
struct Robot {
    channel: &'static str,
    units: usize,
    yes: &'static str,
    takes: &'static [(usize, Duration)],
}

/// The first is told more than its service takes in a minute, the last more than in a second.
const ROBOTS: [Robot; 3] = [
    Robot {
        channel: "wecom_robot",
        units: 22,
        yes: r#"{"errcode":0,"errmsg":"ok"}"#,
        takes: &[(20, MINUTE)],
    },
    Robot {
        channel: "dingtalk_robot",
        units: 7,
        yes: r#"{"errcode":0,"errmsg":"ok"}"#,
        takes: &[(20, MINUTE)],
    },
    Robot {
        channel: "feishu_robot",
        units: 7,
        yes: r#"{"code":0,"msg":"success"}"#,
        takes: &[(100, MINUTE), (5, Duration::from_secs(1))],
    },
];

/// The units, those whom robots tell first, and by mail the rest.
fn units() -> Vec<Unit> {
    let robots = ROBOTS
        .iter()
        .flat_map(|robot| std::iter::repeat_n(robot.channel, robot.units));
    (1..=UNITS)
        .zip(robots.chain(std::iter::repeat("mail")))
        .map(|(number, channel)| Unit {
            id: format!("u{number:02}"),
            channel,
        })
        .collect()
}

/// The file of `--channels`: each robot's service is a receiver of this test.
fn channels(sinks: &[Sink], mail: &Path) -> String {
    let mut text = format!(
        "mail:\n  - name: post\n    from: duban@duban.example\n    folder: {}\n",
        mail.display()
    );
    for (robot, sink) in ROBOTS.iter().zip(sinks) {
        let key = match robot.channel {
            "wecom_robot" => "key",
            "dingtalk_robot" => "token",
            _ => "id",
        };
        let _ = write!(
            text,
            "{}:\n  - name: {}\n    url: {}\n    {key}: {{env: ROBOT_KEY}}\n",
            robot.channel,
            robot.channel,
            sink.url()
        );
    }
    text
}

/// No stretch of time saw more messages than the service takes.
fn stayed_under(robot: &Robot, taken: &[Taken]) {
    for (most, stretch) in robot.takes {
        for (number, first) in taken.iter().enumerate() {
            let within = taken[number..]
                .iter()
                .take_while(|later| later.at.saturating_sub(first.at) < *stretch)
                .count();
            assert!(
                within <= *most,
                "{} was sent {within} messages in {stretch:?}, it takes {most}",
                robot.channel
            );
        }
    }
}

fn names_every_task(text: &str, who: &str) {
    for task in 1..=TASKS {
        let title = task_title(task);
        assert!(
            text.contains(&title),
            "{who} is not told of {title}:\n{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_due_on_one_day_is_one_message_a_person_and_no_robot_is_sent_too_much() {
    let mut parts = Parts::default();
    let folder = tempfile::tempdir().unwrap();
    let office = Office {
        units: units(),
        tasks: TASKS,
        issued: "2021-09-27",
        due: "2021-09-29",
        ends: "2021-12-31",
        at: "09:10",
        steps: &[("due", "contact"), ("overdue:1wd", "leader")],
        window: 5,
    };
    let ledger = folder.path().join("made");
    office.write(&ledger);
    let sinks: Vec<Sink> = ROBOTS.iter().map(|robot| Sink::start(robot.yes)).collect();
    let mail = folder.path().join("post");
    let file = folder.path().join("channels.yaml");
    std::fs::write(&file, channels(&sinks, &mail)).unwrap();
    let events = folder.path().join("none.ndjson");
    std::fs::write(&events, "").unwrap();
    let play = Play {
        ledger,
        from: "2021-09-28".to_owned(),
        to: "2021-09-30".to_owned(),
        events,
    };

    let server = NatsServer::start().await;
    let (data, file) = (
        folder.path().join("data").display().to_string(),
        file.display().to_string(),
    );
    let url = server.url("duban");
    let args = [
        &[
            "serve",
            "all",
            "--clock",
            "virtual",
            "--http",
            "127.0.0.1:0",
        ][..],
        &["--data", &data, "--nats", &url, "--channels", &file],
    ]
    .concat();
    let mut process = Duban::start_with(&args, &[("ROBOT_KEY", "a-key")]);
    let runs = until(START_LIMIT, || {
        assert_eq!(process.ended(), None, "{}", process.err());
        process.err().matches("service runs").count() == 4
    });
    assert!(runs, "{}", process.err());
    run(&play.rounds(&server.url("console"))).with_code(0);
    parts.done("the day is over");
    let frames = jetstream(&server.url("console")).await;
    process.terminate();
    process.wait(STOP_LIMIT).with_code(0);

    // The log: each duty asked for a notice at each step, and each was delivered with a message.
    let asked = bodies(&frames)
        .filter(|body| matches!(body, Body::NoticeQueued(_)))
        .count();
    assert_eq!(asked, 2 * UNITS * TASKS);
    let sent = sends(&frames);
    assert_eq!(sent.len(), 2 * UNITS, "messages: one a person");
    for (notice, sends) in &sent {
        assert_eq!((sends.delivered, sends.labelled.len()), (1, 1), "{notice}");
    }

    // The robots' services.
    let units = units();
    for (robot, sink) in ROBOTS.iter().zip(&sinks) {
        let taken = sink.taken();
        assert_eq!(taken.len(), robot.units, "messages by {}", robot.channel);
        stayed_under(robot, &taken);
        for Unit { id, .. } in units.iter().filter(|unit| unit.channel == robot.channel) {
            let title = contact_title(id);
            let to: Vec<&Taken> = taken.iter().filter(|t| t.body.contains(&title)).collect();
            assert_eq!(to.len(), 1, "messages to {title} by {}", robot.channel);
            names_every_task(&to[0].json().to_string(), &title);
        }
    }

    // The mail: who is told by mail, and every leader, once each.
    let mut letters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for text in mail_files(&mail).into_values().flatten() {
        letters.entry(header(&text, "To")).or_default().push(text);
    }
    let by_mail = units.iter().filter(|unit| unit.channel == "mail").count();
    assert_eq!(letters.len(), by_mail + UNITS, "people told by mail");
    for (to, letters) in &letters {
        assert_eq!(letters.len(), 1, "letters to {to}");
    }
    for body in bodies(&frames) {
        if let Body::NoticeBundled(bundle) = body {
            assert_eq!(bundle.covers.len(), TASKS, "{}", bundle.contact);
            names_every_task(&bundle.text, &bundle.contact);
        }
    }
    parts.done(&format!("{} messages for {asked} notices", sent.len()));
}
