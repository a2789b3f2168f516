//! The embedded log when its folder is not as it should be, and when its disk fails. What it shares
//! with the other logs is in the workspace's `tests/tests/journal_contract.rs`.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use duban_journal::{AppendError, EmbeddedLog, Log, LogError, SubmitError};
use duban_model::frame::{Frame, FrameHead, Position, Service};

fn frame(service: Service, number: u64) -> Arc<Frame> {
    Arc::new(Frame::new(
        FrameHead {
            service,
            incarnation: 7,
            number,
            through: Position::START,
            release: "test".to_owned(),
            previous: None,
        },
        Vec::new(),
    ))
}

fn open(dir: &Path) -> Result<Log, LogError> {
    EmbeddedLog::open(dir).map(Log::Embedded)
}

/// A folder with five frames of rules and three inbox messages.
async fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).unwrap();
    for number in 1..=5 {
        log.append(frame(Service::Rules, number), number - 1)
            .await
            .unwrap();
    }
    for _ in 0..3 {
        log.submit("tongliao", "task.accepted", Bytes::from_static(b"{}"))
            .await
            .unwrap();
    }
    dir
}

/// Opens the folder as the database it is, and changes something.
fn tamper(dir: &Path, change: impl FnOnce(&fjall::Database)) {
    let db = fjall::Database::builder(dir).open().unwrap();
    change(&db);
    db.persist(fjall::PersistMode::SyncAll).unwrap();
}

fn keyspace(db: &fjall::Database, name: &str) -> fjall::Keyspace {
    db.keyspace(name, fjall::KeyspaceCreateOptions::default)
        .unwrap()
}

fn damage(dir: &Path) -> String {
    match open(dir) {
        Err(LogError::Damaged(message)) => message,
        other => panic!("expected damage, found {other:?}"),
    }
}

#[tokio::test]
async fn a_missing_position_is_found_at_open() {
    for (name, seq, what) in [
        ("frames", 3, "frame 3"),
        ("frames", 1, "frame 1"),
        ("inbox", 2, "inbox message 2"),
    ] {
        let dir = filled().await;
        tamper(dir.path(), |db| {
            keyspace(db, name).remove(u64::to_be_bytes(seq)).unwrap();
        });
        assert_eq!(
            damage(dir.path()),
            format!(
                "{}: {what} is missing. Set the folder aside and put the last backup in its place.",
                dir.path().display()
            )
        );
    }
}

#[tokio::test]
async fn an_unreadable_frame_is_found_at_open() {
    let dir = filled().await;
    tamper(dir.path(), |db| {
        let value = br#"{"service":"rules","incarnation":7,"number":5,"through":{"seq":0,"index":0},"release":"test"}
[{"#;
        keyspace(db, "frames")
            .insert(u64::to_be_bytes(5), value)
            .unwrap();
    });
    let message = damage(dir.path());
    assert!(
        message.starts_with(&format!(
            "{}: the frame at position 5 cannot be read (a frame cannot be read: batch: ",
            dir.path().display()
        )),
        "{message}"
    );
}

#[tokio::test]
async fn another_format_is_refused() {
    let dir = filled().await;
    tamper(dir.path(), |db| {
        keyspace(db, "meta")
            .insert("format", "duban-log 99")
            .unwrap();
    });
    assert_eq!(
        open(dir.path()).unwrap_err(),
        LogError::Refused(format!(
            "{}: the folder's format is `duban-log 99`, and this release reads `duban-log 2`.",
            dir.path().display()
        ))
    );
}

#[tokio::test]
async fn a_log_that_lost_its_name_is_damaged() {
    let dir = filled().await;
    tamper(dir.path(), |db| keyspace(db, "meta").remove("id").unwrap());
    assert!(damage(dir.path()).contains("format or id is missing"));
}

#[tokio::test]
async fn a_half_created_folder_is_created_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("0.jnl"), b"").unwrap();
    std::fs::write(dir.path().join("lock"), b"").unwrap();
    let log = open(dir.path()).unwrap();
    assert_eq!(log.append(frame(Service::Rules, 1), 0).await, Ok(1));
}

#[tokio::test]
async fn a_failed_commit_is_never_acknowledged_and_ends_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let embedded = EmbeddedLog::open(dir.path()).unwrap();
    let log = Log::Embedded(embedded.clone());
    log.append(frame(Service::Rules, 1), 0).await.unwrap();
    let mut follower = log.follow(1, &Service::ALL).await.unwrap();

    embedded.fail_next_commit();
    let why = format!(
        "{}: a write has failed: a test made it fail. Nothing that is unsure was acknowledged. \
         Free space there or mend the disk, then start again",
        dir.path().display()
    );
    assert_eq!(
        log.append(frame(Service::Rules, 2), 1).await,
        Err(AppendError::Broken(why.clone()))
    );
    assert_eq!(
        log.append(frame(Service::Intake, 1), 0).await,
        Err(AppendError::Broken(why.clone()))
    );
    assert_eq!(
        log.submit("tongliao", "task.accepted", Bytes::new()).await,
        Err(SubmitError::Broken(why.clone()))
    );
    let ended = LogError::Refused(format!("the log takes no more: {why}"));
    assert_eq!(follower.next(10).await, Err(ended));
    assert_eq!(log.head().await, Ok(1));

    drop((embedded, log, follower));
    let log = open(dir.path()).unwrap();
    assert_eq!(log.head().await, Ok(1));
    assert_eq!(log.append(frame(Service::Rules, 2), 1).await, Ok(2));
}

#[tokio::test]
async fn what_left_memory_is_read_from_disk() {
    // More than the tail keeps, so that following begins on disk and ends in memory.
    const FRAMES: u64 = 3000;
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path()).unwrap();
    let mut last = [0; 2];
    for number in 1..=FRAMES {
        let place = usize::try_from(number % 2).unwrap();
        let service = [Service::Rules, Service::Intake][place];
        last[place] = log
            .append(frame(service, number), last[place])
            .await
            .unwrap();
    }
    let mut follower = log.follow(0, &[Service::Rules]).await.unwrap();
    let mut numbers = Vec::new();
    loop {
        let some = follower.ready(100).await.unwrap();
        numbers.extend(some.iter().map(|stored| stored.seq));
        if some.len() < 100 {
            break;
        }
    }
    assert_eq!(
        numbers,
        (1..=FRAMES).filter(|n| n % 2 == 0).collect::<Vec<_>>()
    );
    assert_eq!(log.frame(2).await.unwrap().unwrap().frame.head.number, 2);
    assert_eq!(log.frame(FRAMES + 1).await, Ok(None));

    // The same after a restart, where everything is on disk.
    drop((log, follower));
    let log = open(dir.path()).unwrap();
    let mut follower = log.follow(10, &Service::ALL).await.unwrap();
    let all = follower.ready(usize::MAX).await.unwrap();
    assert_eq!(
        all.iter().map(|stored| stored.seq).collect::<Vec<_>>(),
        (11..=FRAMES).collect::<Vec<_>>()
    );
}
