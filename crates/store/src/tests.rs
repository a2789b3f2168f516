//! What a restart would notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::watchdog::Progress;
use duban_model::FrameHead;

fn reached(seq: u64) -> Reached {
    Reached {
        log: "log".into(),
        seq,
        frame: Arc::new(Frame::new(
            FrameHead {
                service: Service::Rules,
                incarnation: 1,
                number: seq,
                through: Position { seq, index: 0 },
                release: "0.1.0".to_owned(),
                previous: None,
            },
            Vec::new(),
        )),
        latest: Timestamp(0),
    }
}

fn saved(seq: u64) -> Saved {
    reached(seq).saved()
}

fn row(key: &[u8], value: Option<Vec<u8>>) -> RowChange {
    RowChange {
        key: key.to_vec(),
        value,
    }
}

/// Bytes that do not pack.
fn noise(seed: u8, length: usize) -> Vec<u8> {
    let mut state = u64::from(seed);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
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
    let large = noise(7, 300 * 1024);
    let (store, found) = open(&path).unwrap();
    assert!(found.saved.is_none() && found.rows.is_empty());
    block(async {
        store
            .commit(Commit {
                changes: vec![
                    row(b"\x01a", Some(large.clone())),
                    row(b"\x01b", Some(b"x".to_vec())),
                ],
                reached: reached(1),
                sweep: Sweep::default(),
            })
            .await
            .unwrap();
        store.flushed().await.unwrap();
        store
            .commit(Commit {
                changes: vec![row(b"\x01b", None)],
                reached: reached(2),
                sweep: Sweep::default(),
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
        reached: reached(3),
        sweep: Sweep::default(),
    }))
    .unwrap();
    drop(store);
    let (_store, found) = open(&path).unwrap();
    assert_eq!(found.rows, vec![(b"\x01a".to_vec(), b"small".to_vec())]);
}

#[test]
fn after_a_sweep_only_what_it_wrote_and_what_came_later_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules");
    let value = |n: u8| Some(noise(n, 800));
    let (begins, ends) = (true, true);
    let commits = [
        (
            vec![row(b"\x01a", value(1)), row(b"\x01b", value(1))],
            false,
            false,
        ),
        (
            vec![row(b"\x01a", value(2)), row(b"\x01c", value(2))],
            false,
            false,
        ),
        // The sweep has come to b; then a goes away behind its back.
        (
            vec![row(b"\x01a", value(2)), row(b"\x01b", value(1))],
            begins,
            false,
        ),
        (
            vec![row(b"\x01a", None), row(b"\x01c", value(2))],
            false,
            ends,
        ),
        (vec![row(b"\x01d", value(5))], false, false),
    ];
    let (store, _) = open(&path).unwrap();
    for (seq, (changes, begins, ends)) in (1..).zip(commits) {
        let commit = Commit {
            changes,
            reached: reached(seq),
            sweep: Sweep { begins, ends },
        };
        block(store.commit(commit)).unwrap();
        block(store.flushed()).unwrap();
    }
    drop(store);
    let (store, found) = open(&path).unwrap();
    let rows = |found: &Found| {
        let keys = found.rows.iter().map(|(key, _)| char::from(key[1]));
        keys.collect::<String>()
    };
    assert_eq!(rows(&found), "bcd");
    // a and b, c, d of 800 bytes each; what was written before the sweep is gone.
    assert!(
        (3_200..3_500).contains(&found.stored_bytes),
        "{}",
        found.stored_bytes
    );
    assert_eq!(found.saved, Some(saved(5)));
    // A sweep whose beginning another process wrote makes nothing stale.
    block(store.commit(Commit {
        changes: vec![row(b"\x01d", value(6))],
        reached: reached(6),
        sweep: Sweep {
            begins: false,
            ends: true,
        },
    }))
    .unwrap();
    drop(store);
    assert_eq!(rows(&open(&path).unwrap().1), "bcd");
}

#[test]
fn a_damaged_folder_is_set_aside_and_never_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules");
    let (store, _) = open(&path).unwrap();
    block(async {
        store
            .commit(Commit {
                changes: vec![row(b"\x01a", Some(noise(1, 900_000)))],
                reached: reached(1),
                sweep: Sweep::default(),
            })
            .await
            .unwrap();
        store.flushed().await.unwrap();
        store
            .commit(Commit {
                changes: vec![row(b"\x01b", Some(noise(2, 5_000)))],
                reached: reached(2),
                sweep: Sweep::default(),
            })
            .await
            .unwrap();
    });
    drop(store);
    // A byte in the middle of the data file.
    let mut data = std::fs::read(path.join("db")).unwrap();
    let sample = &noise(1, 1_000)[900..];
    let place = data
        .windows(sample.len())
        .position(|window| window == sample)
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
            let (reached, sweep) = (reached(125), Sweep::default());
            let commit = Commit {
                changes,
                reached,
                sweep,
            };
            store.commit(commit).await.unwrap();
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

#[test]
fn a_folder_is_free_once_its_store_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rules");
    for round in 1..=200 {
        let (store, _) =
            open(&path).unwrap_or_else(|fault| panic!("opened for the {round}th time: {fault}"));
        block(store.commit(Commit {
            changes: vec![row(b"\x01a", Some(noise(7, 200 * 1024)))],
            reached: reached(round),
            sweep: Sweep {
                begins: true,
                ends: true,
            },
        }))
        .unwrap();
    }
}

/// A disk that takes nothing until it is told to.
#[derive(Debug)]
struct Slow(tokio::sync::Semaphore);

impl Moments for Slow {
    fn reached(&self, _moment: Moment) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let _ = self.0.acquire().await;
        })
    }
}

#[test]
fn what_waits_for_a_slow_disk_is_bounded_in_memory() {
    const EACH_BYTES: usize = 6 << 20;
    let disk = Arc::new(Slow(tokio::sync::Semaphore::new(0)));
    let place = Place::Simulated(SimulatedDisk::new(disk.clone()));
    block(async {
        let (store, _) = place.open().unwrap();
        let commit = |seq| {
            store.commit(Commit {
                changes: vec![row(b"\x01a", Some(noise(7, EACH_BYTES)))],
                reached: reached(seq),
                sweep: Sweep::default(),
            })
        };
        let mut taken = 0;
        let waiting = loop {
            let mut next = Box::pin(commit(taken + 1));
            let at_once = std::future::poll_fn(|context| {
                std::task::Poll::Ready(next.as_mut().poll(context).is_ready())
            });
            if !at_once.await {
                break next;
            }
            taken += 1;
            assert!(taken < 9, "{taken} times {EACH_BYTES} bytes wait");
        };
        assert_eq!(taken, 2);
        disk.0.add_permits(1);
        waiting.await.unwrap();
        store.flushed().await.unwrap();
    });
}
