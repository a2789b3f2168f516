//! What a restart would notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::watchdog::Progress;

fn saved(seq: u64) -> Saved {
    Saved {
        format: FORMAT,
        service: Service::Rules,
        log: "log".to_owned(),
        seq,
        digest: format!("d{seq}"),
        through: Position { seq, index: 0 },
        latest: Timestamp(0),
    }
}

fn row(key: &[u8], value: Option<Vec<u8>>) -> RowChange {
    RowChange {
        key: key.to_vec(),
        value,
    }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

#[test]
fn rows_and_position_are_there_after_a_restart_however_large_a_row_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules");
    let large = vec![7; 300 * 1024];
    let (store, found) = open(&path).unwrap();
    assert!(found.saved.is_none() && found.rows.is_empty());
    block(async {
        store
            .commit(Commit {
                changes: vec![
                    row(b"\x01a", Some(large.clone())),
                    row(b"\x01b", Some(b"x".to_vec())),
                ],
                saved: saved(1),
            })
            .await
            .unwrap();
        store.flushed().await.unwrap();
        store
            .commit(Commit {
                changes: vec![row(b"\x01b", None)],
                saved: saved(2),
            })
            .await
            .unwrap();
    });
    drop(store);
    let (store, found) = open(&path).unwrap();
    assert_eq!(found.saved, Some(saved(2)));
    assert_eq!(found.rows, vec![(b"\x01a".to_vec(), large)]);
    block(store.commit(Commit {
        changes: vec![row(b"\x01a", Some(b"small".to_vec()))],
        saved: saved(3),
    }))
    .unwrap();
    drop(store);
    let (_store, found) = open(&path).unwrap();
    assert_eq!(found.rows, vec![(b"\x01a".to_vec(), b"small".to_vec())]);
}

#[test]
fn a_damaged_folder_is_set_aside_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules");
    let (store, _) = open(&path).unwrap();
    block(async {
        store
            .commit(Commit {
                changes: vec![row(b"\x01a", Some(vec![1; 900_000]))],
                saved: saved(1),
            })
            .await
            .unwrap();
        store.flushed().await.unwrap();
        store
            .commit(Commit {
                changes: vec![row(b"\x01b", Some(vec![2; 5000]))],
                saved: saved(2),
            })
            .await
            .unwrap();
    });
    drop(store);
    // A byte in the middle of the data file.
    let mut data = std::fs::read(path.join("db")).unwrap();
    let place = data
        .windows(64)
        .position(|w| w == [1; 64])
        .expect("the row's bytes");
    data[place] ^= 0xff;
    std::fs::write(path.join("db"), data).unwrap();
    let (store, found) = open(&path).unwrap();
    assert!(found.saved.is_none() && found.rows.is_empty());
    let (place, why) = found.set_aside.expect("set aside");
    assert!(place.join("db").exists(), "{why}");
    drop(store);
}

#[derive(Debug)]
struct Unhurt;

impl Moments for Unhurt {
    fn reached(&self, _moment: Moment) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

/// The simulation turned a bit of the sequence in a position row, and the role stopped for good
/// because the log seemed to have lost that frame.
#[test]
fn no_changed_bit_of_a_position_is_believed() {
    block(async {
        for place in (0..8_000).step_by(2) {
            let disk = SimulatedDisk::new(Arc::new(Unhurt));
            let (store, _) = Place::Simulated(disk.clone()).open().unwrap();
            let changes = vec![row(b"\x01a", Some(b"x".to_vec()))];
            let saved = saved(125);
            store.commit(Commit { changes, saved }).await.unwrap();
            store.flushed().await.unwrap();
            drop(store);
            // Of two entries the position is the first.
            assert!(disk.damage(Damage::Bit(place)));
            let (_store, found) = Place::Simulated(disk).open().unwrap();
            assert!(found.set_aside.is_some(), "{place}: {:?}", found.saved);
        }
    });
}

#[test]
fn a_second_opener_is_told_who_holds_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _) = open(dir.path()).unwrap();
    let fault = open(dir.path()).expect_err("refused").to_string();
    assert!(fault.contains("held by another process"), "{fault}");
}

#[test]
fn a_writer_without_progress_is_noticed_and_an_idle_one_is_not() {
    for (taken, expected) in [(1, true), (0, false)] {
        let progress = Arc::new(Progress::default());
        progress.taken.store(taken, Ordering::SeqCst);
        let barked = Arc::new(AtomicBool::new(false));
        let (tell, told) = std::sync::mpsc::channel();
        let bark = barked.clone();
        let watchdog = Watchdog::start(progress, Duration::from_millis(1), 5, move || {
            bark.store(true, Ordering::SeqCst);
            let _ = tell.send(());
        });
        if expected {
            told.recv().unwrap();
        }
        drop(watchdog);
        assert_eq!(barked.load(Ordering::SeqCst), expected);
    }
}
