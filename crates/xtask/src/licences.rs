//! Whose code we ship and under which licence: permissive ones only, from one registry only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::manifest::{list, metadata, text};

/// Licences that ask for no more than a notice.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
];

/// Cargo's default registry, as `cargo metadata` spells it.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates nobody maintains any more, the one crate that may bring them, and why that is accepted.
const UNMAINTAINED: &[(&str, &str, &str)] = &[
    (
        "fs2",
        "sled",
        "locks sled's folder; two system calls, no parsing of foreign data",
    ),
    (
        "fxhash",
        "sled",
        "hashes sled's own page numbers, never keys from outside",
    ),
    (
        "instant",
        "parking_lot",
        "is a re-export of the standard clock here; it comes with the old parking_lot that sled uses",
    ),
];

/// One package of the dependency graph.
#[derive(Clone, Debug, Default)]
struct Node {
    name: String,
    version: String,
    licence: String,
    source: Option<String>,
    used_by: BTreeSet<String>,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// What must be mended.
    pub faults: Vec<String>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Looks at every package that is compiled on this machine for the workspace at `root`.
pub fn check(root: &Path) -> Result<Findings, String> {
    let host = host()?;
    let answer = metadata(root, &["--locked", "--filter-platform", &host])?;
    Ok(judge(&nodes(&answer)))
}

fn host() -> Result<String, String> {
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .map_err(|fault| {
            format!(
                "rustc cannot be started: {fault}. Install the Rust release that Cargo.toml names."
            )
        })?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(ToOwned::to_owned)
        .ok_or_else(|| {
            "rustc -vV names no host. Install the Rust release that Cargo.toml names.".to_owned()
        })
}

fn nodes(answer: &Value) -> BTreeMap<String, Node> {
    let mut all: BTreeMap<String, Node> = list(answer, "packages")
        .iter()
        .map(|package| {
            let node = Node {
                name: text(package, "name"),
                version: text(package, "version"),
                licence: text(package, "license"),
                source: package["source"].as_str().map(ToOwned::to_owned),
                used_by: BTreeSet::new(),
            };
            (text(package, "id"), node)
        })
        .collect();
    let resolved = list(&answer["resolve"], "nodes");
    for user in resolved {
        let user_name = all
            .get(&text(user, "id"))
            .map(|node| node.name.clone())
            .unwrap_or_default();
        for used in list(user, "deps") {
            if let Some(node) = all.get_mut(&text(used, "pkg")) {
                node.used_by.insert(user_name.clone());
            }
        }
    }
    let compiled: BTreeSet<String> = resolved.iter().map(|node| text(node, "id")).collect();
    all.retain(|id, _| compiled.contains(id));
    all
}

fn judge(nodes: &BTreeMap<String, Node>) -> Findings {
    let mut findings = Findings::default();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for node in nodes.values() {
        let Node { name, version, .. } = node;
        versions.entry(name).or_default().insert(version);
        match node.source.as_deref() {
            None | Some(REGISTRY) => {}
            Some(other) => findings.faults.push(format!(
                "{name} {version} comes from {other}. Use a published release from cargo's default registry."
            )),
        }
        if node.licence.is_empty() {
            findings.faults.push(format!(
                "{name} {version} names no licence. Choose another crate, or none."
            ));
        } else if !permitted(&node.licence) {
            findings.faults.push(format!(
                "{name} {version} is under `{}`, which is not among the permissive licences of crates/xtask/src/licences.rs. Choose another crate.",
                node.licence
            ));
        }
        if let Some((_, only, why)) = UNMAINTAINED.iter().find(|(n, ..)| n == name) {
            findings.notes.push(format!(
                "{name} {version} is unmaintained; accepted: it {why}."
            ));
            let others: Vec<_> = node
                .used_by
                .iter()
                .filter(|user| !user.starts_with(only))
                .cloned()
                .collect();
            if !others.is_empty() {
                findings.faults.push(format!(
                    "{name} {version} is unmaintained and used by {} too. Only {only} may bring it: use something maintained there.",
                    others.join(", ")
                ));
            }
        }
    }
    for (name, ..) in UNMAINTAINED {
        if !versions.contains_key(name) {
            findings.notes.push(format!(
                "{name} is no longer used: remove its line from crates/xtask/src/licences.rs."
            ));
        }
    }
    let repeated: Vec<_> = versions.iter().filter(|(_, v)| v.len() > 1).collect();
    let mut line = format!(
        "{} packages, {} of them in more than one version",
        nodes.len(),
        repeated.len()
    );
    for (i, (name, versions)) in repeated.iter().enumerate() {
        let shown: Vec<_> = versions.iter().copied().collect();
        let _ = write!(
            line,
            "{} {name} {}",
            if i == 0 { ":" } else { "," },
            shown.join(" + ")
        );
    }
    findings.notes.push(line + ".");
    findings
}

/// Whether an SPDX expression can be met with permissive licences alone.
fn permitted(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest);
    met && rest.is_empty()
}

fn any_of(rest: &mut &[&str]) -> bool {
    let mut met = all_of(rest);
    while let Some(("OR", tail)) = rest.split_first().map(|(w, t)| (*w, t)) {
        *rest = tail;
        met |= all_of(rest);
    }
    met
}

fn all_of(rest: &mut &[&str]) -> bool {
    let mut met = one(rest);
    while let Some(("AND", tail)) = rest.split_first().map(|(w, t)| (*w, t)) {
        *rest = tail;
        met &= one(rest);
    }
    met
}

fn one(rest: &mut &[&str]) -> bool {
    match *rest {
        ["(", tail @ ..] => {
            *rest = tail;
            let met = any_of(rest);
            match *rest {
                [")", tail @ ..] => {
                    *rest = tail;
                    met
                }
                _ => false,
            }
        }
        [licence, "WITH", exception, tail @ ..] => {
            *rest = tail;
            ALLOWED.contains(&format!("{licence} WITH {exception}").as_str())
        }
        [licence, tail @ ..] => {
            *rest = tail;
            ALLOWED.contains(licence)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, licence: &str, source: Option<&str>, used_by: &[&str]) -> (String, Node) {
        let node = Node {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.to_owned(),
            source: source.map(ToOwned::to_owned),
            used_by: used_by.iter().map(|&u| u.to_owned()).collect(),
        };
        (name.to_owned(), node)
    }

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for good in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(permitted(good), "{good}");
        }
        for bad in [
            "",
            "AGPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT ISC",
            "GPL-2.0 WITH LLVM-exception",
        ] {
            assert!(!permitted(bad), "{bad}");
        }
    }

    #[test]
    fn a_licence_that_asks_for_more_is_a_fault() {
        let found = judge(&[node("evalexpr", "AGPL-3.0", Some(REGISTRY), &[])].into());
        assert!(
            found.faults[0].contains("evalexpr 1.0.0 is under `AGPL-3.0`"),
            "{:?}",
            found.faults
        );
    }

    #[test]
    fn a_crate_without_a_licence_is_a_fault() {
        let found = judge(&[node("mystery", "", Some(REGISTRY), &[])].into());
        assert!(
            found.faults[0].contains("names no licence"),
            "{:?}",
            found.faults
        );
    }

    #[test]
    fn a_crate_from_elsewhere_is_a_fault() {
        let found = judge(
            &[node(
                "fork",
                "MIT",
                Some("git+https://example.org/fork"),
                &[],
            )]
            .into(),
        );
        assert!(
            found.faults[0].contains("published release"),
            "{:?}",
            found.faults
        );
    }

    #[test]
    fn an_unmaintained_crate_may_come_through_its_one_user_only() {
        let accepted = judge(&[node("fxhash", "MIT", Some(REGISTRY), &["sled"])].into());
        assert!(accepted.faults.is_empty(), "{:?}", accepted.faults);
        assert!(accepted.notes[0].contains("fxhash 1.0.0 is unmaintained"));
        let spread = judge(
            &[node(
                "fxhash",
                "MIT",
                Some(REGISTRY),
                &["sled", "duban-rules"],
            )]
            .into(),
        );
        assert!(
            spread.faults[0].contains("used by duban-rules too"),
            "{:?}",
            spread.faults
        );
    }
}
