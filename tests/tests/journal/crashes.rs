//! What the log acknowledged is there after its process, or its server, was killed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use crate::bed::{Bed, collect, frame, frame_of, options, seqs, within};
use bytes::Bytes;
use duban_journal::{AppendError, EmbeddedLog, JetStreamLog, Log, LogError, SubmitError};
use duban_model::frame::{Frame, Service};
use duban_tests::nats::NatsServer;
use tokio::sync::watch;

/// Tells the child, which is this test program itself, where its log is.
const CHILD_FOLDER: &str = "DUBAN_TEST_CHILD_FOLDER";

fn of_child(number: u64) -> Arc<Frame> {
    frame_of(Service::Rules, number, 2000)
}

/// Not a test of its own: when `a_killed_process_keeps_every_acknowledged_append` starts it, it
/// appends and submits until it is killed, saying what was acknowledged.
#[tokio::test]
async fn child_that_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else {
        return;
    };
    let log = Log::Embedded(EmbeddedLog::open(Path::new(&folder)).unwrap());
    let mut out = std::io::stdout();
    let mut last = log
        .last_frame(Service::Rules)
        .await
        .unwrap()
        .map_or(0, |last| last.seq);
    loop {
        let append = log.append(of_child(last + 1), last);
        let submit = log.submit("tongliao", "task.accepted", Bytes::from_static(b"{}"));
        let (append, submit) = tokio::join!(append, submit);
        last = append.unwrap();
        writeln!(out, "acknowledged {last} {}", submit.unwrap()).unwrap();
    }
}

#[tokio::test]
async fn a_killed_process_keeps_every_acknowledged_append() {
    const ROUNDS: usize = 10;
    let dir = tempfile::tempdir().unwrap();
    let mut id = None;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crashes::child_that_appends_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD_FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = [0_u64; 2];
        let mut take = |line: &str| {
            // The test harness writes on the same pipe, possibly in the same line.
            let Some((_, rest)) = line.split_once("acknowledged ") else {
                return;
            };
            let numbers: Vec<u64> = rest.split(' ').filter_map(|n| n.parse().ok()).collect();
            // The last line may be cut off.
            if let [log, inbox] = numbers[..] {
                acknowledged = [acknowledged[0].max(log), acknowledged[1].max(inbox)];
            }
        };
        for _ in 0..20 + 37 * round {
            take(&lines.next().unwrap().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts as well.
        for line in lines.map_while(Result::ok) {
            take(&line);
        }

        let log = Log::Embedded(EmbeddedLog::open(dir.path()).unwrap());
        let head = log.head().await.unwrap();
        let inbox = log.inbox_head().await.unwrap();
        assert!(acknowledged[0] > 0 && acknowledged[1] > 0);
        assert!(head >= acknowledged[0], "{head} of {acknowledged:?}");
        assert!(inbox >= acknowledged[1], "{inbox} of {acknowledged:?}");
        let mut follower = log.follow(0, &Service::ALL).await.unwrap();
        let all = within(follower.ready(usize::MAX)).await.unwrap();
        assert_eq!(seqs(&all), (1..=head).collect::<Vec<_>>());
        assert!(
            all.iter()
                .all(|stored| stored.frame == of_child(stored.seq))
        );
        assert_eq!(id.get_or_insert_with(|| log.id().to_owned()), log.id());
    }
}

#[tokio::test]
async fn a_second_process_is_refused_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmbeddedLog::open(dir.path()).unwrap();
    assert_eq!(
        EmbeddedLog::open(dir.path()).unwrap_err(),
        LogError::Refused(format!(
            "{}: a running Duban holds this folder. Stop it first, or give the command to it \
             through its socket.",
            dir.path().display()
        ))
    );
    drop(first);
    EmbeddedLog::open(dir.path()).unwrap();
}

/// Appends as the runtime does: an answer lost is settled by looking at the service's last frame.
async fn append_surely(log: &Log, frame: &Arc<Frame>, expected: u64) -> u64 {
    loop {
        match log.append(Arc::clone(frame), expected).await {
            Ok(seq) => return seq,
            Err(AppendError::Unknown(_)) => {}
            Err(AppendError::Conflict { last }) => {
                // Ours, acknowledged late: an earlier attempt had arrived.
                let stored = log.frame(last).await.unwrap().unwrap();
                assert_eq!(stored.frame.head, frame.head);
                return last;
            }
            Err(fault) => panic!("{fault}"),
        }
        loop {
            match log.last_frame(frame.head.service).await {
                Ok(Some(stored)) if stored.frame.head == frame.head => return stored.seq,
                Ok(_) => break,
                Err(LogError::Unavailable(_)) => {}
                Err(fault) => panic!("{fault}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_keeps_every_acknowledged_append_and_followers_go_on() {
    const FRAMES: u64 = 600;
    const KILLS: u64 = 3;
    let mut server = NatsServer::start().await;
    let log = Log::JetStream(
        JetStreamLog::connect(options(&server, "duban"))
            .await
            .unwrap(),
    );
    let id = log.id().to_owned();
    let mut whole = log.follow(0, &Service::ALL).await.unwrap();
    let mut rules = log.follow(0, &[Service::Rules]).await.unwrap();
    let mut inbox = log.follow_inbox(0).await.unwrap();

    let (progress, mut progressed) = watch::channel(0);
    let writer = log.clone();
    let writing = tokio::spawn(async move {
        let mut last = [0; 2];
        let mut acknowledged = Vec::new();
        for number in 1..=FRAMES {
            let place = usize::try_from(number % 2).unwrap();
            let service = [Service::Rules, Service::Intake][place];
            let frame = frame(service, number);
            last[place] = append_surely(&writer, &frame, last[place]).await;
            acknowledged.push(last[place]);
            // Sent again until acknowledged, as producers do; the intake would know it again.
            loop {
                let bytes = Bytes::from(number.to_string());
                match writer.submit("tongliao", "task.accepted", bytes).await {
                    Ok(_) => break,
                    Err(SubmitError::Unknown(_) | SubmitError::Unavailable(_)) => {}
                    Err(fault) => panic!("{fault}"),
                }
            }
            progress.send_replace(number);
        }
        acknowledged
    });
    let following = tokio::spawn(async move {
        let all = collect(&mut whole, usize::try_from(FRAMES).unwrap()).await;
        let of_rules = collect(&mut rules, usize::try_from(FRAMES / 2).unwrap()).await;
        let mut events = Vec::new();
        while !events.contains(&FRAMES) {
            for message in within(inbox.next(50)).await.unwrap() {
                let text = std::str::from_utf8(&message.bytes).unwrap();
                events.push(text.parse::<u64>().unwrap());
            }
        }
        (all, of_rules, events, whole)
    });
    for kill in 1..=KILLS {
        let here = kill * FRAMES / (KILLS + 1);
        within(progressed.wait_for(|number| *number >= here))
            .await
            .unwrap();
        server.kill();
        server.restart().await;
    }

    let acknowledged = within(writing).await.unwrap();
    assert_eq!(acknowledged, (1..=FRAMES).collect::<Vec<_>>());
    let (all, of_rules, mut events, mut whole) = within(following).await.unwrap();
    assert_eq!(seqs(&all), acknowledged);
    assert!(
        all.iter()
            .all(|stored| stored.frame.head.number == stored.seq)
    );
    assert_eq!(
        seqs(&of_rules),
        (1..=FRAMES).filter(|seq| seq % 2 == 0).collect::<Vec<_>>()
    );
    events.dedup();
    assert_eq!(
        events, acknowledged,
        "in order, repeated at most by their producer"
    );
    assert_eq!(within(whole.ready(9)).await, Ok(Vec::new()));

    let again = JetStreamLog::connect(options(&server, "duban"))
        .await
        .unwrap();
    let again = Log::JetStream(again);
    assert_eq!(again.id(), id);
    assert_eq!(again.head().await, Ok(FRAMES));
}

#[tokio::test]
async fn an_append_without_a_server_is_unknown() {
    let mut bed = Bed::jetstream().await;
    let log = bed.open().await;
    assert_eq!(log.append(frame(Service::Rules, 1), 0).await, Ok(1));
    let Bed::JetStream(server) = &mut bed else {
        unreachable!()
    };
    server.kill();
    assert!(matches!(
        within(log.append(frame(Service::Rules, 2), 1)).await,
        Err(AppendError::Unknown(_))
    ));
    assert!(matches!(
        within(log.last_frame(Service::Rules)).await,
        Err(LogError::Unavailable(_))
    ));
}
