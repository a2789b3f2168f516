//! The shape of the house: which crate may lean on which, what may be touched where, and that what
//! is written for people still says what the code does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use duban_model::Envelope;
use duban_xtask::manifest::{self, Dependency, Kind, Package, Workspace};
use duban_xtask::tidy::{self, PURE, Tree};

/// What every brain may list, besides the two crates below it.
const PLAIN: &[&str] = &[
    "arcstr",
    "chrono",
    "chrono-tz",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
];

/// What tests may add anywhere.
const FOR_TESTS: &[&str] = &["proptest", "tempfile", "serde_json"];

/// The arrows of the house: each crate with the crates of ours that it may list.
const ARROWS: &[(&str, &[&str])] = &[
    ("calendar", &[]),
    ("model", &["calendar"]),
    ("intake", &["model", "calendar"]),
    ("wording", &["model"]),
    ("rules", &["model", "calendar", "wording"]),
    ("scheduler", &["model", "calendar"]),
    ("notifier", &["model", "calendar", "wording"]),
    ("office", &["model", "calendar"]),
    ("journal", &["model", "calendar"]),
    ("store", &["model", "calendar"]),
    ("runtime", &["model", "calendar", "journal", "store"]),
    ("console", &["model", "calendar", "journal"]),
    (
        "cli",
        &[
            "model",
            "calendar",
            "intake",
            "rules",
            "scheduler",
            "notifier",
            "wording",
            "office",
            "journal",
            "store",
            "runtime",
            "console",
        ],
    ),
    ("xtask", &[]),
];

/// What each pure crate may list of others' code. Nothing else compiles into it.
const BRAINS: &[(&str, &[&str])] = &[
    ("calendar", &["chrono", "serde", "thiserror"]),
    ("model", PLAIN),
    ("intake", PLAIN),
    ("rules", PLAIN),
    ("scheduler", PLAIN),
    ("notifier", PLAIN),
    ("wording", PLAIN),
    ("office", PLAIN),
];

/// What a brain may list beyond that.
///
/// `cel` evaluates conditions. It is taken without its default features: no chrono (which would bring
/// a clock), no regular expressions, no encodings. `schemars` makes the JSON Schema of the definition
/// files from the types that read them, and `strsim` measures how far apart two spellings are: values
/// in, values out.
///
/// `minijinja` puts values into the texts of notices: without its defaults nothing of it reads a file,
/// the clock or chance.
///
/// The office's documents are read by others' parsers: they take bytes, and none of them opens a
/// file or asks for the time with the features that the workspace lists.
const BEYOND: &[(&str, &[&str])] = &[
    (
        "rules",
        &["serde-saphyr", "cron", "cel", "schemars", "strsim"],
    ),
    ("scheduler", &["cron"]),
    ("wording", &["minijinja"]),
    (
        "office",
        &[
            "calamine",
            "chardetng",
            "csv",
            "encoding_rs",
            "quick-xml",
            "zip",
            "rust_xlsxwriter",
        ],
    ),
];

/// What touches the world, and the one crate that may.
const TOUCHES: &[(&str, &str)] = &[
    ("async-nats", "journal"),
    ("fjall", "journal"),
    ("sled", "store"),
    ("lettre", "runtime"),
    ("reqwest", "runtime"),
    ("hmac", "runtime"),
    ("axum", "console"),
    ("askama", "console"),
    ("argon2", "console"),
    ("getrandom", "console"),
    ("calamine", "office"),
    ("clap", "cli"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn workspace() -> Workspace {
    manifest::workspace(&root()).expect("the manifests can be read")
}

fn tree() -> Tree {
    Tree::read(&root()).expect("the tree can be read")
}

/// A crate's name without the product's.
fn short(name: &str) -> Option<&str> {
    name.strip_prefix("duban-")
}

fn in_list<'a>(table: &[(&str, &'a [&'a str])], name: &str) -> &'a [&'a str] {
    table
        .iter()
        .find(|(crate_name, _)| *crate_name == name)
        .map_or(&[], |(_, list)| list)
}

/// The workspace's crates by short name; the tests are no crate of the house.
fn crates(workspace: &Workspace) -> BTreeMap<&str, &Package> {
    workspace
        .packages
        .iter()
        .filter_map(|package| Some((short(&package.name)?, package)))
        .filter(|(name, _)| *name != "tests")
        .collect()
}

/// Crates of ours that a manifest lists, tests included.
fn ours(package: &Package) -> impl Iterator<Item = (&str, &Dependency)> {
    package
        .dependencies
        .iter()
        .filter_map(|dependency| Some((short(&dependency.name)?, dependency)))
}

#[test]
fn every_crate_stands_in_the_house() {
    let workspace = workspace();
    let there: BTreeSet<&str> = crates(&workspace).into_keys().collect();
    let drawn: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        there, drawn,
        "crates and arrows differ: draw a new crate's arrows in tests/tests/house.rs and crates/ARCHITECTURE.md"
    );
    let pure: BTreeSet<&str> = PURE.iter().copied().collect();
    let brains: BTreeSet<&str> = BRAINS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        pure, brains,
        "tidy and this test disagree about which crates are pure"
    );
}

#[test]
fn arrows_point_one_way() {
    let workspace = workspace();
    for (name, package) in crates(&workspace) {
        let allowed = in_list(ARROWS, name);
        for (listed, _) in ours(package) {
            assert!(
                allowed.contains(&listed),
                "crates/{name}/Cargo.toml lists duban-{listed}. It may lean on {allowed:?} only: move what is shared to `model` if it crosses the log, or let `cli` introduce the two"
            );
        }
    }
}

#[test]
fn brains_list_nothing_that_could_touch_the_world() {
    let workspace = workspace();
    let crates = crates(&workspace);
    for (name, plain) in BRAINS {
        let package = crates[name];
        assert!(
            !package.has_build_script,
            "crates/{name} has a build script, which can touch anything: remove it"
        );
        for dependency in package
            .dependencies
            .iter()
            .filter(|d| short(&d.name).is_none())
        {
            let listed = dependency.name.as_str();
            let for_tests = dependency.kind == Kind::Dev && FOR_TESTS.contains(&listed);
            assert!(
                for_tests || plain.contains(&listed) || in_list(BEYOND, name).contains(&listed),
                "crates/{name}/Cargo.toml lists {listed}: a pure crate may not. Take what it gives as an input, or do it in the body"
            );
        }
    }
}

#[test]
fn no_brain_can_ask_for_the_time() {
    let workspace = workspace();
    let crates = crates(&workspace);
    for name in PURE {
        for dependency in crates[name]
            .dependencies
            .iter()
            .filter(|d| d.name == "chrono")
        {
            let clock = dependency
                .features
                .iter()
                .find(|f| matches!(f.as_str(), "clock" | "now" | "default"));
            assert!(
                !dependency.default_features && clock.is_none(),
                "crates/{name} takes chrono with its clock: ask for it without default features, `clock` and `now`"
            );
        }
    }
}

#[test]
fn conditions_are_evaluated_without_a_clock() {
    let workspace = workspace();
    let cel = crates(&workspace)["rules"]
        .dependencies
        .iter()
        .find(|d| d.name == "cel")
        .expect("rules list cel");
    assert!(
        !cel.default_features && cel.features.is_empty(),
        "crates/rules takes cel with features: its default ones bring chrono's clock"
    );
}

#[test]
fn each_part_of_the_world_is_touched_in_one_crate() {
    let workspace = workspace();
    for (name, package) in crates(&workspace) {
        for dependency in package.dependencies.iter().filter(|d| d.kind != Kind::Dev) {
            for (listed, only) in TOUCHES
                .iter()
                .filter(|(listed, _)| *listed == dependency.name)
            {
                assert_eq!(
                    name, *only,
                    "crates/{name}/Cargo.toml lists {listed}, which belongs to crates/{only}: go through its interface"
                );
            }
        }
    }
}

#[test]
fn the_tree_is_tidy() {
    let faults = tidy::check(&tree());
    let shown: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(
        shown.is_empty(),
        "{} findings:\n{}",
        shown.len(),
        shown.join("\n")
    );
}

#[test]
fn ci_runs_what_the_readme_says() {
    let tree = tree();
    let ci = tree.text(".ci/run").expect("there is .ci/run");
    let readme = tree.text("README.md").expect("there is README.md");
    let lines: Vec<&str> = ci.lines().map(str::trim).collect();
    for command in ["cargo xtask lint", "cargo xtask test"] {
        assert!(
            lines
                .iter()
                .any(|line| line.strip_prefix("run ").unwrap_or(line) == command),
            ".ci/run does not run `{command}` on a line of its own"
        );
    }
    assert!(
        lines.contains(&"set -euo pipefail"),
        ".ci/run goes on after a failure"
    );
    assert!(
        readme.contains("cargo xtask test"),
        "README.md does not name the test command"
    );
    assert!(
        readme.contains("cargo run --release -- demo"),
        "README.md does not name the demo"
    );
}

/// Texts in double quotes within a source file.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
}

fn is_diagnostic(word: &str) -> bool {
    word.len() == 4
        && word.starts_with(['C', 'D', 'W'])
        && word[1..].bytes().all(|b| b.is_ascii_digit())
}

/// The words between backticks that satisfy a condition.
fn listed(text: &str, fits: fn(&str) -> bool) -> BTreeSet<&str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| fits(word))
        .collect()
}

fn guide(tree: &Tree) -> &str {
    tree.text("workflows/README.md")
        .expect("there is workflows/README.md")
}

fn sources<'a>(tree: &'a Tree, folder: &'a str) -> impl Iterator<Item = &'a str> {
    tree.files
        .iter()
        .filter(move |file| file.path.starts_with(folder) && !file.path.ends_with("tests.rs"))
        .filter_map(|file| file.text.as_deref())
}

#[test]
fn the_guide_lists_every_diagnostic() {
    let tree = tree();
    let given: BTreeSet<&str> = ["crates/rules/src/", "crates/cli/src/"]
        .into_iter()
        .flat_map(|folder| sources(&tree, folder))
        .flat_map(quoted)
        .filter(|word| is_diagnostic(word))
        .collect();
    assert_eq!(
        listed(guide(&tree), is_diagnostic),
        given,
        "left: what workflows/README.md lists; right: what the code gives. Make the list agree"
    );
}

/// The codes that follow `reject(`, `refuse(` and `fault(` in a source text.
fn rejection_codes(text: &str) -> impl Iterator<Item = &str> {
    ["reject(", "refuse(", "fault(", "code: "]
        .into_iter()
        .flat_map(|call| text.split(call).skip(1))
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

#[test]
fn the_guide_lists_every_rejection() {
    let tree = tree();
    let guide = listed(guide(&tree), |_| true);
    let mut given: BTreeSet<&str> = ["crates/intake/src/", "crates/rules/src/"]
        .into_iter()
        .flat_map(|folder| sources(&tree, folder))
        .flat_map(rejection_codes)
        .collect();
    let record = tree
        .text("crates/model/src/record.rs")
        .expect("the envelope's source");
    given.extend(rejection_codes(record));
    assert!(
        given.len() > 30,
        "the codes are no longer found in the source: {given:?}"
    );
    let missing: Vec<_> = given.difference(&guide).collect();
    assert!(
        missing.is_empty(),
        "workflows/README.md does not list {missing:?}"
    );
}

#[test]
fn the_guide_lists_every_field_and_event() {
    let tree = tree();
    let guide = listed(guide(&tree), |_| true);
    let source = tree
        .text("crates/rules/src/source.rs")
        .expect("the definition's source");
    let fields = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    let fact = tree
        .text("crates/model/src/fact.rs")
        .expect("the facts' source");
    let data = fact
        .lines()
        .filter(|line| line.starts_with("    pub "))
        .filter_map(|line| line.trim().strip_prefix("pub ")?.split(':').next());
    let body = tree
        .text("crates/model/src/body.rs")
        .expect("the record types' source");
    let events = body
        .lines()
        .filter(|line| line.trim_end().ends_with(" Fact;"))
        .filter_map(|line| line.split('"').nth(1));
    let missing: Vec<&str> = fields
        .chain(data)
        .chain(events)
        .filter(|word| !guide.contains(word))
        .collect();
    assert!(
        missing.is_empty(),
        "workflows/README.md does not list {missing:?}"
    );
}

#[test]
fn the_guides_events_would_be_read() {
    let tree = tree();
    let mut count = 0;
    for block in guide(&tree).split("```json\n").skip(1) {
        let example = block.split("```").next().unwrap_or_default();
        if let Err(fault) = Envelope::parse(example.as_bytes()) {
            panic!("an example of workflows/README.md is refused: {fault}\n{example}");
        }
        count += 1;
    }
    assert!(
        count >= 12,
        "workflows/README.md has {count} examples in JSON; one for each event"
    );
}
