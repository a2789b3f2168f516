//! The log contract, required alike of all logs; beside it, what only some can suffer
//! (crashes) or need (rights).

#[path = "journal/bed.rs"]
mod bed;
#[path = "journal/crashes.rs"]
mod crashes;
#[path = "journal/leases.rs"]
mod leases;
#[path = "journal/rights.rs"]
mod rights;

use bed::{Bed, append_some, collect, frame, frame_of, seqs, within};
use bytes::Bytes;
use duban_journal::{AppendError, SubmitError};
use duban_model::frame::{MAX_FRAME_BYTES, Service};
use duban_model::record::MAX_EVENT_BYTES;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test] async fn $name() { super::$name(super::Bed::memory()).await; })*
        }
        mod simulated {
            $(#[tokio::test] async fn $name() { super::$name(super::Bed::simulated()).await; })*
        }
        mod embedded {
            $(#[tokio::test] async fn $name() { super::$name(super::Bed::embedded()).await; })*
        }
        mod jetstream {
            $(#[tokio::test] async fn $name() { super::$name(super::Bed::jetstream().await).await; })*
        }
    };
}

contract![
    frames_are_numbered_in_one_order_and_fenced_by_service,
    of_two_writers_exactly_one_wins,
    a_log_is_the_same_after_it_was_closed,
    followers_read_history_then_what_comes,
    ready_has_everything_acknowledged_before,
    a_cancelled_wait_loses_nothing,
    followers_do_not_disturb_each_other,
    the_inbox_keeps_what_was_submitted,
    what_is_too_large_is_refused_at_the_door,
    what_names_no_subject_is_refused,
];

async fn frames_are_numbered_in_one_order_and_fenced_by_service(bed: Bed) {
    let log = bed.open().await;
    assert_eq!(log.head().await, Ok(0));
    for service in Service::ALL {
        assert_eq!(log.last_frame(service).await, Ok(None));
    }
    assert_eq!(log.frame(1).await, Ok(None));
    assert_eq!(log.frame(0).await, Ok(None));

    assert_eq!(log.append(frame(Service::Intake, 1), 0).await, Ok(1));
    assert_eq!(log.append(frame_of(Service::Rules, 1, 50), 0).await, Ok(2));
    assert_eq!(log.append(frame(Service::Intake, 2), 1).await, Ok(3));
    // Each service's own previous frame counts, not the log's last.
    assert_eq!(log.append(frame(Service::Rules, 2), 2).await, Ok(4));

    for (expected, service, last) in [
        (0, Service::Intake, 3),
        (1, Service::Intake, 3),
        (4, Service::Intake, 3),
        (9, Service::Intake, 3),
        (3, Service::Rules, 4),
        (4, Service::Scheduler, 0),
    ] {
        assert_eq!(
            log.append(frame(service, 9), expected).await,
            Err(AppendError::Conflict { last }),
            "{service} expecting {expected}"
        );
    }
    assert_eq!(log.head().await, Ok(4));

    let second = log.frame(2).await.unwrap().unwrap();
    assert_eq!(second.frame, frame_of(Service::Rules, 1, 50));
    let last = log.last_frame(Service::Intake).await.unwrap().unwrap();
    assert_eq!((last.seq, last.frame), (3, frame(Service::Intake, 2)));
    assert_eq!(log.last_frame(Service::Scheduler).await, Ok(None));
    assert_eq!(log.frame(5).await, Ok(None));
}

async fn of_two_writers_exactly_one_wins(bed: Bed) {
    const ROUNDS: u64 = 30;
    let log = bed.open().await;
    let (one, other) = (log.clone(), log.clone());
    let mut last = 0;
    for round in 1..=ROUNDS {
        let (a, b) = tokio::join!(
            one.append(frame(Service::Rules, 2 * round), last),
            other.append(frame(Service::Rules, 2 * round + 1), last)
        );
        let (seq, number, loser) = match (a, b) {
            (Ok(seq), loser) => (seq, 2 * round, loser),
            (loser, Ok(seq)) => (seq, 2 * round + 1, loser),
            both => panic!("nobody won: {both:?}"),
        };
        assert_eq!(loser, Err(AppendError::Conflict { last: seq }));
        let stored = log.last_frame(Service::Rules).await.unwrap().unwrap();
        assert_eq!((stored.seq, stored.frame.head.number), (seq, number));
        last = seq;
    }
    assert_eq!(log.head().await, Ok(ROUNDS));
}

async fn a_log_is_the_same_after_it_was_closed(bed: Bed) {
    let log = bed.open().await;
    let id = log.id().to_owned();
    assert_eq!(id.len(), 32);
    append_some(&log, Service::Intake, 3).await;
    append_some(&log, Service::Rules, 2).await;
    log.submit("tongliao", "task.accepted", Bytes::from_static(b"1"))
        .await
        .unwrap();
    drop(log);

    let log = bed.open().await;
    assert_eq!(log.id(), id);
    assert_eq!(log.head().await, Ok(5));
    assert_eq!(log.inbox_head().await, Ok(1));
    let last = log.last_frame(Service::Intake).await.unwrap().unwrap();
    assert_eq!(last.seq, 3);
    let mut follower = log.follow(0, &Service::ALL).await.unwrap();
    assert_eq!(
        seqs(&within(follower.ready(10)).await.unwrap()),
        [1, 2, 3, 4, 5]
    );
    assert_eq!(
        log.append(frame(Service::Intake, 4), 2).await,
        Err(AppendError::Conflict { last: 3 })
    );
    assert_eq!(log.append(frame(Service::Intake, 4), 3).await, Ok(6));
    assert_eq!(seqs(&collect(&mut follower, 1).await), [6]);
}

async fn followers_read_history_then_what_comes(bed: Bed) {
    let log = bed.open().await;
    append_some(&log, Service::Intake, 2).await; // 1, 2
    append_some(&log, Service::Rules, 2).await; // 3, 4
    append_some(&log, Service::Scheduler, 1).await; // 5

    let mut all = log.follow(0, &Service::ALL).await.unwrap();
    let mut some = log
        .follow(1, &[Service::Scheduler, Service::Intake])
        .await
        .unwrap();
    let mut late = log.follow(7, &[Service::Rules]).await.unwrap();
    let mut nobody = log.follow(0, &[]).await.unwrap();
    assert_eq!(seqs(&collect(&mut all, 3).await), [1, 2, 3]);
    assert_eq!(seqs(&collect(&mut some, 2).await), [2, 5]);

    let writer = log.clone();
    let appending = async move {
        append_some(&writer, Service::Notifier, 1).await; // 6
        append_some(&writer, Service::Rules, 2).await; // 7, 8
        append_some(&writer, Service::Intake, 1).await; // 9
    };
    let following = async {
        let all = collect(&mut all, 6).await;
        let some = collect(&mut some, 1).await;
        let late = collect(&mut late, 1).await;
        (seqs(&all), seqs(&some), seqs(&late))
    };
    let ((), found) = tokio::join!(appending, following);
    assert_eq!(found, (vec![4, 5, 6, 7, 8, 9], vec![9], vec![8]));
    assert_eq!(within(nobody.ready(10)).await, Ok(Vec::new()));
}

async fn ready_has_everything_acknowledged_before(bed: Bed) {
    const ROUNDS: u64 = 40;
    let log = bed.open().await;
    let mut rules = log.follow(0, &[Service::Rules]).await.unwrap();
    let mut all = log.follow(0, &Service::ALL).await.unwrap();
    assert_eq!(within(rules.ready(10)).await, Ok(Vec::new()));
    for round in 1..=ROUNDS {
        append_some(&log, Service::Rules, 1).await;
        // Asked at once after the acknowledgement, with nothing or something of others after it.
        if round % 2 == 0 {
            append_some(&log, Service::Intake, 1).await;
        }
        let found = within(rules.ready(10)).await.unwrap();
        assert_eq!(found.len(), 1, "round {round}");
        assert_eq!(found[0].frame.head.number, round);
        let expected = usize::from(round % 2 == 0) + 1;
        assert_eq!(within(all.ready(10)).await.unwrap().len(), expected);
        assert_eq!(within(rules.ready(10)).await, Ok(Vec::new()));
    }
    // At most as many as asked for, and the rest later.
    append_some(&log, Service::Rules, 5).await;
    assert_eq!(within(rules.ready(3)).await.unwrap().len(), 3);
    assert_eq!(within(rules.ready(0)).await, Ok(Vec::new()));
    assert_eq!(within(rules.next(1)).await.unwrap().len(), 1);
    assert_eq!(within(rules.ready(3)).await.unwrap().len(), 1);
}

async fn a_cancelled_wait_loses_nothing(bed: Bed) {
    const FRAMES: u64 = 200;
    let log = bed.open().await;
    let mut follower = log.follow(0, &Service::ALL).await.unwrap();
    let writer = log.clone();
    let appending = tokio::spawn(async move { append_some(&writer, Service::Rules, FRAMES).await });
    let mut found = Vec::new();
    let follow = async {
        let mut turn = 0;
        while found.len() < usize::try_from(FRAMES).unwrap() {
            turn += 1;
            tokio::select! {
                biased;
                some = follower.next(1 + turn % 7) => found.extend(seqs(&some.unwrap())),
                // Cancels it at its first, second, third … wait.
                () = yields(turn % 5) => {}
            }
            tokio::task::yield_now().await;
        }
    };
    within(follow).await;
    assert_eq!(within(appending).await.unwrap(), FRAMES);
    assert_eq!(found, (1..=FRAMES).collect::<Vec<_>>());
}

async fn yields(times: usize) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

async fn followers_do_not_disturb_each_other(bed: Bed) {
    const FRAMES: u64 = 100;
    let log = bed.open().await;
    let mut tasks = Vec::new();
    for place in 0..4_u64 {
        let log = log.clone();
        tasks.push(tokio::spawn(async move {
            let mut follower = log.follow(place, &Service::ALL).await.unwrap();
            let count = usize::try_from(FRAMES - place).unwrap();
            let found = collect(&mut follower, count).await;
            assert_eq!(seqs(&found), (place + 1..=FRAMES).collect::<Vec<_>>());
        }));
    }
    append_some(&log, Service::Intake, FRAMES / 2).await;
    append_some(&log, Service::Rules, FRAMES / 2).await;
    for task in tasks {
        within(task).await.unwrap();
    }
}

async fn the_inbox_keeps_what_was_submitted(bed: Bed) {
    let log = bed.open().await;
    assert_eq!(log.inbox_head().await, Ok(0));
    let mut follower = log.follow_inbox(0).await.unwrap();
    assert_eq!(within(follower.ready(10)).await, Ok(Vec::new()));
    // Whatever bytes: what they mean is the intake's business.
    let sent: [(&str, &[u8]); 3] = [
        ("tongliao", b"{}"),
        ("other", b""),
        ("tongliao", b"\n\xff\0 not JSON"),
    ];
    for (seq, (tenant, bytes)) in (1..).zip(sent) {
        let bytes = Bytes::from_static(bytes);
        assert_eq!(
            log.submit(tenant, "publication.published", bytes).await,
            Ok(seq)
        );
        assert_eq!(log.inbox_head().await, Ok(seq));
    }
    let found = within(follower.ready(10)).await.unwrap();
    for ((seq, (tenant, bytes)), found) in (1..).zip(sent).zip(&found) {
        assert_eq!(
            (found.seq, found.subject.clone()),
            (seq, Some(format!("{tenant}.publication.published")))
        );
        assert_eq!(&*found.bytes, bytes);
    }
    assert_eq!(found.len(), 3);

    drop((log, follower));
    let log = bed.open().await;
    let mut follower = log.follow_inbox(1).await.unwrap();
    assert_eq!(within(follower.next(1)).await.unwrap()[0].seq, 2);
    assert_eq!(within(follower.next(9)).await.unwrap()[0].seq, 3);
    let submitting = log.submit("tongliao", "delivery.reported", Bytes::new());
    let (seq, found) = tokio::join!(submitting, within(follower.next(9)));
    assert_eq!((seq, found.unwrap()[0].seq), (Ok(4), 4));
}

async fn what_is_too_large_is_refused_at_the_door(bed: Bed) {
    let log = bed.open().await;
    let around = {
        let small = frame_of(Service::Rules, 1, 0);
        small.encode_head().len() + small.encode_batch().len()
    };
    let fits = MAX_FRAME_BYTES - around;
    assert_eq!(
        log.append(frame_of(Service::Rules, 1, fits + 1), 0).await,
        Err(AppendError::TooLarge {
            bytes: MAX_FRAME_BYTES + 1,
            limit: MAX_FRAME_BYTES
        })
    );
    assert_eq!(log.head().await, Ok(0));
    let largest = frame_of(Service::Rules, 1, fits);
    assert_eq!(log.append(largest.clone(), 0).await, Ok(1));
    let found = log.last_frame(Service::Rules).await.unwrap().unwrap();
    assert!(found.frame == largest, "the largest frame reads back");
    let mut follower = log.follow(0, &Service::ALL).await.unwrap();
    assert!(collect(&mut follower, 1).await[0].frame == largest);

    assert_eq!(
        log.submit("t", "task.accepted", vec![b'x'; MAX_EVENT_BYTES + 1].into())
            .await,
        Err(SubmitError::TooLarge {
            bytes: MAX_EVENT_BYTES + 1,
            limit: MAX_EVENT_BYTES
        })
    );
    assert_eq!(log.inbox_head().await, Ok(0));
    let event = Bytes::from(vec![b'x'; MAX_EVENT_BYTES]);
    assert_eq!(log.submit("t", "task.accepted", event.clone()).await, Ok(1));
    let mut inbox = log.follow_inbox(0).await.unwrap();
    assert!(within(inbox.next(1)).await.unwrap()[0].bytes == event);
}

async fn what_names_no_subject_is_refused(bed: Bed) {
    let log = bed.open().await;
    for (tenant, tail) in [
        ("", "task.accepted"),
        ("a.b", "task.accepted"),
        ("*", "task.accepted"),
        ("tongliao", ""),
        ("tongliao", "task.>"),
        ("tongliao", "task accepted"),
        ("tongliao\r\nPUB x 0", "task.accepted"),
    ] {
        assert!(
            matches!(
                log.submit(tenant, tail, Bytes::new()).await,
                Err(SubmitError::BadSubject(_))
            ),
            "{tenant:?} {tail:?}"
        );
    }
    assert_eq!(log.inbox_head().await, Ok(0));
}
