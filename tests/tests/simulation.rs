//! Seeds.
use duban_tests::simulation::{Counts, run};
#[test]
fn seeds_hold() {
    let n: u64 = std::env::var("DUBAN_SIMULATE_SEEDS")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(20);
    let first: u64 = std::env::var("DUBAN_SIMULATE_FIRST")
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(1);
    let mut counts = Counts::default();
    let mut bad = 0;
    for seed in first..first + n {
        let outcome = run(seed);
        counts.add_all(&outcome.counts);
        let records: usize = outcome
            .evidence
            .frames
            .iter()
            .map(|f| f.records.len())
            .sum();
        if n < 30 {
            eprintln!(
                "{seed}: {} frames {records} records {} inbox {} arrivals {}",
                outcome.evidence.frames.len(),
                outcome.evidence.inbox.len(),
                outcome.evidence.arrivals.len(),
                outcome.digest
            );
        }
        if std::env::var_os("TRACE").is_some() {
            for t in &outcome.trace {
                eprintln!("T {t}");
            }
            for f in &outcome.evidence.frames {
                eprintln!(
                    "F {} {} {} {} thr {} recs {} {}",
                    f.seq,
                    f.head["service"],
                    f.head["incarnation"],
                    f.head["number"],
                    f.head["through"],
                    f.records.len(),
                    f.records
                        .first()
                        .map(|r| format!(
                            "{} {}",
                            r["loggedat"],
                            f.records
                                .iter()
                                .map(|r| r["type"].as_str().unwrap().to_owned())
                                .collect::<Vec<_>>()
                                .join(" ")
                        ))
                        .unwrap_or_default()
                );
            }
        }
        if !outcome.findings.is_empty() {
            bad += 1;
        }
        for f in outcome.findings {
            eprintln!("seed {seed}: {}", &f[..f.len().min(600)]);
        }
    }
    for (f, c) in &counts.0 {
        eprintln!("{c:>7} {}", f.as_str());
    }
    eprintln!("never {:?}", counts.never());
    assert_eq!(bad, 0);
}
