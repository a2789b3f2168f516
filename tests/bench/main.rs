//! The design's figures, measured: `cargo xtask bench`. One JSON line a figure; where a limit is
//! named, it is measured in the same run. What each figure means is in `crates/BENCHMARKS.md`.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::missing_docs_in_private_items,
    missing_docs,
    reason = "counts and durations are far from these limits"
)]

mod decide;
mod line;
mod node;
mod world;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let wanted =
        |name: &str| arguments.is_empty() || arguments.iter().any(|a| name.starts_with(a.as_str()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if wanted("decide.embedded") {
        runtime.block_on(decide::on_embedded(3, 50_000));
    }
}
