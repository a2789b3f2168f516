//! The state is a cache of the log: lost, damaged or foreign, it is rebuilt; only a log that has
//! lost what it acknowledged stops the program.

use std::path::{Path, PathBuf};
use std::time::Duration;

use duban_tests::dice::Dice;
use duban_tests::duban::{Duban, Play, Said, run, verified};
use duban_tests::roles::ROLES;
use duban_tests::watch::Parts;

/// The first half is played, then something happens, then the rest.
const HALF: &str = "2021-07-20";
const WHOLE: &str = "2021-08-10";
/// A start that is to fail fails within this time.
const FAILS_WITHIN: Duration = Duration::from_secs(30);
/// Bytes changed in a state file, and how many times that is tried at other places.
const CHANGED_BYTES: u64 = 24;
const TRIALS: u64 = 8;
const SEED: u64 = 3_613;

/// A data folder with the first half on it.
fn half() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    run(&Play::sample(HALF).demo(folder.path())).with_code(0);
    folder
}

fn state(data: &Path, role: &str) -> PathBuf {
    data.join("state").join(role)
}

fn aside(data: &Path, role: &str) -> PathBuf {
    data.join("state").join(format!("{role}.set-aside-1"))
}

fn go_on(data: &Path) -> Said {
    run(&Play::sample(WHOLE).demo(data)).with_code(0)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_lost_state_folder_costs_time_and_never_facts() {
    let mut parts = Parts::default();
    let expected = Play::sample(WHOLE).checksum_in_memory();
    for role in ROLES {
        let folder = half();
        let lost = state(folder.path(), role);
        assert!(lost.join("db").is_file(), "{role} keeps its state there");
        std::fs::remove_dir_all(&lost).unwrap();
        go_on(folder.path());
        assert_eq!(verified(folder.path()), expected, "without {role}'s state");
        assert!(lost.join("db").is_file(), "{role} keeps its state again");
    }
    let folder = half();
    std::fs::remove_dir_all(folder.path().join("state")).unwrap();
    go_on(folder.path());
    assert_eq!(verified(folder.path()), expected, "without any state");
    parts.done("state lost, each role's and all");
}

#[test]
fn a_damaged_state_folder_is_set_aside_and_rebuilt() {
    let mut parts = Parts::default();
    let expected = Play::sample(WHOLE).checksum_in_memory();
    for role in ROLES {
        let folder = half();
        change(&state(folder.path(), role).join("db"), |bytes| {
            for byte in bytes {
                *byte ^= 0x5a;
            }
        });
        let said = go_on(folder.path());
        assert_eq!(verified(folder.path()), expected, "{role}: {}", said.err);
        let place = aside(folder.path(), role);
        assert!(place.is_dir(), "{role} is set aside: {}", said.err);
        assert!(said.err.contains("set aside"), "{}", said.err);
    }
    parts.done("state damaged, each role's");
}

#[test]
fn a_few_changed_bytes_in_a_state_file_change_no_decision() {
    let mut parts = Parts::default();
    eprintln!("seed {SEED}");
    let expected = Play::sample(WHOLE).checksum_in_memory();
    let kept = half();
    let mut dice = Dice::new(SEED);
    let mut noticed = 0;
    for trial in 0..TRIALS {
        let folder = tempfile::tempdir().unwrap();
        copy(kept.path(), folder.path());
        change(&state(folder.path(), "rules").join("db"), |bytes| {
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64 + 1;
            for _ in 0..CHANGED_BYTES {
                bytes[usize::try_from(dice.below(used)).unwrap()] ^= 0xff;
            }
        });
        let said = go_on(folder.path());
        assert_eq!(
            verified(folder.path()),
            expected,
            "seed {SEED}, trial {trial}: {}",
            said.err
        );
        noticed += u32::from(aside(folder.path(), "rules").is_dir());
    }
    assert!(noticed > 0, "no damage was noticed in {TRIALS} trials");
    parts.done(&format!("bytes changed: {noticed} of {TRIALS} set aside"));
}

fn change(file: &Path, edit: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(file).unwrap();
    edit(&mut bytes);
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_log_older_than_the_state_stops_loudly_and_touches_nothing() {
    let mut parts = Parts::default();
    let folder = half();
    let (log, older) = (folder.path().join("log"), folder.path().join("older"));
    copy(&log, &older);
    go_on(folder.path());
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::rename(&older, &log).unwrap();

    let started = Duban::start(&Play::sample(WHOLE).demo(folder.path()));
    let said = started.wait(FAILS_WITHIN).with_code(1);
    assert!(
        said.err.contains("the log has lost acknowledged data: "),
        "{}",
        said.err
    );
    assert!(
        said.err.contains(
            "Stop, keep the data folder as it is, and restore the log from its newest backup"
        ),
        "{}",
        said.err
    );
    for role in ROLES {
        assert!(
            !aside(folder.path(), role).exists(),
            "{role} keeps its state"
        );
    }
    parts.done("log older than the state");
}

#[test]
fn the_state_of_another_log_is_set_aside() {
    let mut parts = Parts::default();
    let expected = Play::sample(WHOLE).checksum_in_memory();
    let (folder, other) = (half(), half());
    std::fs::remove_dir_all(state(folder.path(), "rules")).unwrap();
    copy(
        &state(other.path(), "rules"),
        &state(folder.path(), "rules"),
    );
    let said = go_on(folder.path());
    assert!(said.err.contains("it was folded from log "), "{}", said.err);
    assert!(aside(folder.path(), "rules").is_dir(), "{}", said.err);
    assert_eq!(verified(folder.path()), expected);
    parts.done("state of another log");
}
