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
mod matching;
mod node;
mod pages;
mod process;
mod rebuild;
mod rules;
mod scale;
mod sending;
mod sink;
mod timers;
mod world;
mod year;

use std::process::ExitCode;
use std::time::Duration;

use duban_xtask::figures;

use crate::line::note;

/// As in the program itself.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
        "rules.match" => matching::measure(plan),
        "rules.decide" => rules::decide(plan),
        "send.http" => sending::alone_http(plan).await,
        "send.smtp" => sending::alone_smtp(plan).await,
        "notices.http" => sending::whole_http(plan).await,
        "notices.smtp" => sending::whole_smtp(plan).await,
        "console.pages" => pages::pages(plan).await,
        "scale.embedded" => scale::on_embedded(plan).await,
        other => panic!("`{other}` stands in the list and nothing measures it"),
    }
}

/// Measures one figure in this process; true if it could be.
fn alone(name: &'static str, plan: Plan) -> bool {
    note(name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    // As a task, since that is where the services are: the main thread would be a third one.
    let task = runtime.spawn(async move { tokio::time::timeout(LIMIT, measure(name, plan)).await });
    let fault = match runtime.block_on(task) {
        Ok(Ok(())) => None,
        Ok(Err(_)) => Some(format!("not done after {} s", LIMIT.as_secs())),
        Err(fault) => Some(fault.to_string()),
    };
    runtime.shutdown_background();
    if let Some(fault) = &fault {
        note(&format!("{name}: {fault}"));
    }
    fault.is_none()
}

/// Measures one figure in a process of its own, so that neither the memory nor the failure of one
/// is another's; true if it could be measured.
fn apart(name: &str, plan: Plan) -> bool {
    let own = std::env::current_exe().expect("this program's own path");
    let runs = plan.runs.to_string();
    let status = std::process::Command::new(own)
        .args([name, "--runs", &runs])
        .args(plan.quick.then_some("--quick"))
        .status();
    status.expect("this program starts again").success()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Cargo says `--bench` to every bench.
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| *word != "--bench")
        .collect();
    let asked = match figures::read(&words) {
        Ok(asked) => asked,
        Err(fault) => {
            note(&fault);
            return ExitCode::from(2);
        }
    };
    let plan = Plan {
        runs: asked.runs,
        quick: asked.quick,
    };
    let mut failed = false;
    match asked.figures[..] {
        [name] => failed = !alone(name, plan),
        ref several => {
            for name in several {
                failed |= !apart(name, plan);
            }
        }
    }
    if failed {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}
