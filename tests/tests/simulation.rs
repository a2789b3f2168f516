//! Seeded simulation of the whole system: each seed draws a ledger, a course of events and what
//! goes wrong; an auditor looks at what is left.
//!
//! `DUBAN_SIMULATE_SEEDS` says how many seeds, `DUBAN_SIMULATE_FIRST` which is the first;
//! `cargo xtask simulate` sets them.

use duban_tests::simulation::{campaign, report, run};

/// Seeds of an ordinary run of the tests.
const SEEDS: u64 = 300;
/// From so many seeds on, every kind of fault must have occurred: a simulation that cannot do
/// harm proves nothing.
const ENOUGH: u64 = 200;

/// Seeds that found a fault of the product in the scripts as they are drawn now. 5005: a duty that
/// followed another was opened twice when both went over to a successor in one input.
const FOUND: &[u64] = &[5005];

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Err(_) => otherwise,
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    }
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_is_done_twice() {
    let first = number("DUBAN_SIMULATE_FIRST", 1);
    let count = number("DUBAN_SIMULATE_SEEDS", SEEDS);
    let sum = campaign(first..first + count);
    eprintln!("{sum}");
    if count == 1 {
        // One seed is asked for in order to be looked at.
        eprintln!("{}", report(&run(first)));
    }
    assert!(sum.failures.is_empty(), "{}", sum.reports());
    let never = sum.counts.never();
    assert!(
        count < ENOUGH || never.is_empty(),
        "among {count} seeds these faults never occurred: {never:?}"
    );
}

#[test]
fn what_once_went_wrong_goes_right() {
    for seed in FOUND {
        let sum = campaign(*seed..seed + 1);
        assert!(sum.failures.is_empty(), "{}", sum.reports());
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 1..6 {
        let (one, other) = (run(seed), run(seed));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        assert_eq!(one.digest, other.digest, "seed {seed}");
    }
}
