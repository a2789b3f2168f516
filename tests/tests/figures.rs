//! What is written about the figures names those that are measured.

use duban_xtask::figures::FIGURES;
use duban_xtask::tidy::Tree;

fn text(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let tree = Tree::read(&root).expect("the tree can be read");
    tree.text(path)
        .unwrap_or_else(|| panic!("there is {path}"))
        .to_owned()
}

/// The first words in backticks of a table's rows, each once, in order.
fn listed(text: &str) -> Vec<&str> {
    let mut names: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    names.dedup();
    names
}

#[test]
fn the_document_lists_every_figure_in_order() {
    let document = text("crates/BENCHMARKS.md");
    let (_, table) = document
        .split_once("## The figures")
        .expect("a chapter `The figures`");
    let table = table.split("\n## ").next().unwrap_or_default();
    assert_eq!(
        listed(table),
        FIGURES,
        "left: the table of crates/BENCHMARKS.md; right: crates/xtask/src/figures.rs. Make them agree"
    );
}

#[test]
fn the_document_says_how_each_figure_is_measured() {
    let document = text("crates/BENCHMARKS.md");
    for figure in FIGURES {
        assert!(
            document.contains(&format!("\n### `{figure}`")),
            "crates/BENCHMARKS.md has no chapter on `{figure}`"
        );
    }
}

#[test]
fn every_figure_is_measured() {
    let program = text("tests/bench/main.rs");
    for figure in FIGURES {
        assert!(
            program.contains(&format!("\"{figure}\" =>")),
            "tests/bench/main.rs does not measure `{figure}`"
        );
    }
}
