//! The names of the figures that `cargo xtask bench` measures. What each means is in
//! `crates/BENCHMARKS.md`; `tests/bench` measures them.

/// Every figure, in the order in which they are measured.
pub const FIGURES: &[&str] = &[
    "decide.embedded",
    "decide.jetstream",
    "latency.embedded",
    "latency.jetstream",
    "timers.arm",
    "timers.burst",
    "timers.lateness",
    "process.memory",
    "process.idle",
    "process.crash",
    "process.start",
    "rebuild.embedded",
    "year.real",
    "year.city",
    "rules.match",
    "rules.decide",
    "send.http",
    "send.smtp",
    "notices.http",
    "notices.smtp",
    "console.pages",
    "scale.embedded",
];

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which figures; all of them if none is named.
    pub figures: Vec<&'static str>,
    /// Runs a figure.
    pub runs: usize,
    /// Tiny sizes: only to see that a figure can be measured.
    pub quick: bool,
}

/// Runs a figure unless told otherwise: the least of which a median says something.
const RUNS: usize = 3;

/// Reads `[NAME…] [--runs N] [--quick]`. A name may be the beginning of several figures' names.
///
/// # Errors
/// When a word is neither; the text says what there is.
pub fn read(words: &[&str]) -> Result<Asked, String> {
    let (mut names, mut runs, mut quick) = (Vec::new(), None, false);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--quick" => quick = true,
            "--runs" => {
                let count = words.next().and_then(|n| n.parse().ok());
                runs = Some(count.filter(|n| *n > 0).ok_or(
                    "`--runs` needs a number from 1 on; write e.g. `cargo xtask bench --runs 5`",
                )?);
            }
            name if !name.is_empty() && FIGURES.iter().any(|f| f.starts_with(name)) => {
                names.push(name);
            }
            other => {
                return Err(format!(
                    "`{other}` is no figure; there are {}. Their beginnings serve too",
                    FIGURES.join(", ")
                ));
            }
        }
    }
    let is_asked =
        |figure: &&str| names.is_empty() || names.iter().any(|name| figure.starts_with(name));
    Ok(Asked {
        figures: FIGURES.iter().copied().filter(is_asked).collect(),
        runs: runs.unwrap_or(if quick { 1 } else { RUNS }),
        quick,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_name_figures() {
        assert_eq!(read(&[]).unwrap().figures, FIGURES);
        let asked = read(&["timers.arm", "latency", "--runs", "5"]).unwrap();
        assert_eq!(
            asked.figures,
            ["latency.embedded", "latency.jetstream", "timers.arm"]
        );
        assert_eq!((asked.runs, asked.quick), (5, false));
        assert_eq!(read(&["--quick"]).unwrap().runs, 1);
        for wrong in [&["speed"][..], &["--runs"], &["--runs", "0"], &[""]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn no_figures_name_begins_anothers() {
        for figure in FIGURES {
            assert_eq!(read(&[figure]).unwrap().figures, [*figure]);
        }
    }
}
