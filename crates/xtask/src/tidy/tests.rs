//! Each rule on a bad sample, and on a good one beside it.

use super::*;

fn tree(files: &[(&str, &str)]) -> Tree {
    Tree {
        files: files
            .iter()
            .map(|(path, text)| File {
                path: (*path).to_owned(),
                text: Some((*text).to_owned()),
            })
            .collect(),
    }
}

/// `path:line` of each fault of one rule on one file.
fn places(rule: fn(&Tree) -> Vec<Fault>, path: &str, text: &str) -> Vec<String> {
    rule(&tree(&[(path, text)]))
        .iter()
        .map(|fault| {
            assert!(
                fault.remedy.ends_with('.'),
                "a remedy is a sentence: {fault}"
            );
            format!("{}:{}", fault.path, fault.line)
        })
        .collect()
}

const NONE: [&str; 0] = [];

#[test]
fn a_long_file_is_to_be_split() {
    let line = "// one more\n";
    assert_eq!(
        places(long_files, "crates/a/src/lib.rs", &line.repeat(600)),
        NONE
    );
    assert_eq!(
        places(long_files, "crates/a/src/lib.rs", &line.repeat(601)),
        ["crates/a/src/lib.rs:601"]
    );
    assert_eq!(
        places(long_files, "crates/a/LONG.md", &line.repeat(601)),
        NONE
    );
}

#[test]
fn a_file_says_what_it_is_for() {
    assert_eq!(places(purposes, "a.rs", "//! Counts.\n"), NONE);
    for bad in ["", "fn main() {}\n", "//!\n", "\n//! Late.\n"] {
        assert_eq!(places(purposes, "a.rs", bad), ["a.rs:1"], "{bad:?}");
    }
}

#[test]
fn a_name_says_something() {
    assert_eq!(
        places(names, "crates/a/src/utils.rs", ""),
        ["crates/a/src/utils.rs:1"]
    );
    assert_eq!(
        places(names, "crates/manager/Cargo.toml", ""),
        ["crates/manager/Cargo.toml:1"]
    );
    assert_eq!(
        places(names, "a.rs", "mod b;\npub(crate) mod helpers;\n"),
        ["a.rs:2"]
    );
    assert_eq!(places(names, "a.rs", "mod utility;\n// a mod util\n"), NONE);
}

#[test]
fn nothing_is_left_for_later() {
    for word in UNFINISHED {
        let text = format!("//! A.\nfn a() {{ {word} }}\n");
        assert_eq!(places(unfinished, "a.rs", &text), ["a.rs:2"], "{word}");
    }
    assert_eq!(places(unfinished, "a.rs", "// what is to be done\n"), NONE);
}

#[test]
fn a_pure_crate_touches_nothing() {
    for word in IMPURE {
        let text = format!("//! A.\nuse {word};\n");
        assert_eq!(
            places(impure, "crates/rules/src/a.rs", &text),
            ["crates/rules/src/a.rs:2"],
            "{word}"
        );
        assert_eq!(
            places(impure, "crates/runtime/src/a.rs", &text),
            NONE,
            "{word}"
        );
    }
    let fine = "// not a HashMap\nlet operand = operand::new(); let std::fsx = 1;\n";
    assert_eq!(places(impure, "crates/model/src/a.rs", fine), NONE);
}

#[test]
fn no_registry_is_named() {
    for host in REGISTRY_HOSTS {
        let text = format!("see https:{host}/x\n");
        assert_eq!(
            places(registry_hosts, "README.md", &text),
            ["README.md:1"],
            "{host}"
        );
    }
    assert_eq!(
        places(registry_hosts, "README.md", "the default registry\n"),
        NONE
    );
}

#[test]
fn no_path_of_one_machine_is_named() {
    for path in PRIVATE_PATHS {
        let text = format!("first\nread {path}shared/x\n");
        assert_eq!(
            places(private_paths, "README.md", &text),
            ["README.md:2"],
            "{path}"
        );
        let inside = format!("tests{path}x and …{path}\n");
        assert_eq!(
            places(private_paths, "README.md", &inside),
            ["README.md:1"],
            "{path}"
        );
        assert_eq!(
            places(private_paths, "README.md", &format!("a{path}x\n")),
            NONE
        );
    }
}

#[test]
fn the_top_stays_short() {
    let listed: Vec<_> = TOP_LEVEL.iter().map(|top| (*top, "")).collect();
    assert_eq!(top_level(&tree(&listed)), []);
    assert_eq!(places(top_level, ".clippy.toml", ""), NONE);
    assert_eq!(places(top_level, "docs/a.md", ""), ["docs:1"]);
    assert_eq!(places(top_level, "CHANGELOG.md", ""), ["CHANGELOG.md:1"]);
}

#[test]
fn the_map_is_true() {
    let good = tree(&[
        (
            MAP,
            "`crates/a` holds `crates/a/src/lib.rs` and `crates/a/src/`, not `crates/*`.\n",
        ),
        ("crates/a/Cargo.toml", ""),
        ("crates/a/src/lib.rs", ""),
    ]);
    assert_eq!(map(&good), []);
    let gone = places(map, MAP, "one\n`crates/a/src/gone.rs`\n");
    assert_eq!(gone, [format!("{MAP}:2")]);
    let left_out = tree(&[(MAP, "nothing\n"), ("crates/a/Cargo.toml", "")]);
    assert!(
        map(&left_out)[0]
            .found
            .contains("`crates/a` is not on the map")
    );
    assert!(map(&Tree::default())[0].found.contains("no map"));
}

#[test]
fn without_git_the_folder_is_walked() {
    let found = walk(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the crate's own folder");
    assert!(found.contains(&"src/tidy/tests.rs".to_owned()), "{found:?}");
}

#[test]
fn a_failure_names_place_and_remedy() {
    let fault = &check(&tree(&[("a.rs", "fn main() {}\n")]))[0];
    assert_eq!(
        fault.to_string(),
        "a.rs:1: it does not say what it is for. Open it with one `//!` sentence."
    );
}
