//! The design's figures, measured: `cargo xtask bench`. One JSON line a figure; where a limit is
//! named, it is measured in the same run. What each figure means is in `crates/BENCHMARKS.md`.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::missing_docs_in_private_items,
    missing_docs,
    reason = "counts and durations are far from these limits"
)]

mod child;
mod cost;
mod decide;
mod latency;
mod line;
mod node;
mod process;
mod rebuild;
mod rules;
mod scale;
mod timers;
mod world;
mod year;

use std::process::ExitCode;
use std::time::Duration;

use crate::line::note;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Every figure, in the order in which they are measured.
const FIGURES: &[&str] = &[
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
    "rules.decide",
    "scale.embedded",
];

/// A figure that takes longer has failed.
const LIMIT: Duration = Duration::from_mins(20);

/// How often and how large figures are measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs a figure; what is printed are their medians.
    pub runs: usize,
    /// Tiny sizes: only to see that a figure can be measured.
    pub quick: bool,
}

impl Plan {
    /// A size: as the figure is defined, or tiny.
    pub fn size(self, full: usize, quick: usize) -> usize {
        if self.quick { quick } else { full }
    }
}

async fn measure(name: &str, plan: Plan) {
    match name {
        "decide.embedded" => decide::on_embedded(plan).await,
        "decide.jetstream" => decide::on_jetstream(plan).await,
        "latency.embedded" => latency::on_embedded(plan).await,
        "latency.jetstream" => latency::on_jetstream(plan).await,
        "timers.arm" => timers::arm(plan).await,
        "timers.burst" => timers::burst(plan).await,
        "timers.lateness" => timers::lateness(plan).await,
        "process.memory" => process::memory(plan).await,
        "process.idle" => process::idle(plan).await,
        "process.crash" => process::crash(plan).await,
        "process.start" => process::start(plan).await,
        "rebuild.embedded" => rebuild::on_embedded(plan).await,
        "year.real" => year::real(plan).await,
        "year.city" => year::city(plan),
        "rules.decide" => rules::decide(plan),
        "scale.embedded" => scale::on_embedded(plan).await,
        other => panic!("`{other}` stands in the list and nothing measures it"),
    }
}

/// What the command line asks for: the plan, and the beginnings of figures' names.
fn asked() -> Result<(Plan, Vec<String>), String> {
    let mut plan = Plan {
        runs: 3,
        quick: false,
    };
    let (mut names, mut runs) = (Vec::new(), None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            // Cargo says so to every bench.
            "--bench" => {}
            "--quick" => plan.quick = true,
            "--runs" => {
                let count = words.next().and_then(|n| n.parse().ok());
                runs = Some(
                    count
                        .filter(|n| *n > 0)
                        .ok_or("`--runs` needs a number from 1 on")?,
                );
            }
            name if FIGURES.iter().any(|figure| figure.starts_with(name)) => {
                names.push(word);
            }
            other => {
                return Err(format!(
                    "`{other}` is no figure; there are {}",
                    FIGURES.join(", ")
                ));
            }
        }
    }
    plan.runs = runs.unwrap_or(if plan.quick { 1 } else { plan.runs });
    Ok((plan, names))
}

fn main() -> ExitCode {
    let (plan, names) = match asked() {
        Ok(asked) => asked,
        Err(fault) => {
            note(&fault);
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut failed = false;
    for name in FIGURES
        .iter()
        .filter(|f| names.is_empty() || names.iter().any(|name| f.starts_with(name)))
    {
        note(name);
        // A figure that cannot be measured does not take the others with it.
        let task = runtime.spawn(tokio::time::timeout(LIMIT, measure(name, plan)));
        match runtime.block_on(task) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                note(&format!("{name}: not done after {} s", LIMIT.as_secs()));
                failed = true;
            }
            Err(fault) => {
                note(&format!("{name}: {fault}"));
                failed = true;
            }
        }
    }
    runtime.shutdown_background();
    if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}
