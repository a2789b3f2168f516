//! The rules of the tree that no compiler checks. Each failure names file, line and remedy.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The most lines of a source file.
pub const MAX_LINES: usize = 600;

/// Crates that can touch nothing: no clock, no disk, no network, no unordered iteration.
pub const PURE: &[&str] = &[
    "calendar",
    "intake",
    "model",
    "notifier",
    "office",
    "wording",
    "rules",
    "scheduler",
];

/// The map whose paths must exist.
const MAP: &str = "crates/ARCHITECTURE.md";

/// What may stand at the top besides names that begin with a dot.
const TOP_LEVEL: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "crates",
    "deploy",
    "tests",
    "workflows",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["helper", "helpers", "manager", "util", "utils"];

// The words below are put together here, so that this file does not break its own rules.

/// Marks of work that was left.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!("),
    concat!("un", "implemented!("),
    concat!("FIX", "ME"),
    concat!("#[ig", "nore"),
];

/// What a pure crate cannot name.
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "thread_rng",
    "rand::",
    "HashMap",
    "HashSet",
    "std::fs",
    "std::net",
    "tokio",
];

/// Hosts from which packages come, and the beginnings of such hosts' names.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("//crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("//regis", "try."),
    concat!("//py", "pi."),
    concat!("//mir", "ror."),
    concat!("//mir", "rors."),
    concat!("arti", "factory"),
];

/// Beginnings of paths that exist on one machine only.
const PRIVATE_PATHS: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
];

/// One file of the tree.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path from the top, with `/`.
    pub path: String,
    /// Its text; nothing if it is not UTF-8.
    pub text: Option<String>,
}

/// The files that are, or would be, committed.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In order of their paths.
    pub files: Vec<File>,
}

/// One broken rule at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What was found.
    pub found: String,
    /// How to mend it.
    pub remedy: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}. {}",
            self.path, self.line, self.found, self.remedy
        )
    }
}

impl Tree {
    /// Reads the tree at `root`: what git tracks or would add, or, without git, everything but
    /// compiled files and data.
    pub fn read(root: &Path) -> Result<Tree, String> {
        let mut paths = tracked(root).map_or_else(|| walk(root), Ok)?;
        paths.sort();
        paths.dedup();
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            match std::fs::read(root.join(&path)) {
                Ok(bytes) => files.push(File {
                    path,
                    text: String::from_utf8(bytes).ok(),
                }),
                // Removed and not committed yet.
                Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
                Err(fault) => {
                    return Err(format!("{path} cannot be read: {fault}. Make it readable."));
                }
            }
        }
        Ok(Tree { files })
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|file| file.path == path)
            .and_then(|file| file.text.as_deref())
    }

    /// True if there is such a file, or a file below such a folder.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        self.files.iter().any(|file| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .filter_map(|file| Some((file.path.as_str(), file.text.as_deref()?)))
    }

    fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| is_rust(path))
    }
}

fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == "rs")
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let list = String::from_utf8(output.stdout).ok()?;
    Some(
        list.split('\0')
            .filter(|path| !path.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    )
}

fn walk(root: &Path) -> Result<Vec<String>, String> {
    let skipped = ["target", "data", ".git"];
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).map_err(|fault| {
            format!(
                "{} cannot be listed: {fault}. Make it readable.",
                folder.display()
            )
        })?;
        for entry in entries.flatten() {
            let path = folder.join(entry.file_name());
            let shown = path.to_string_lossy().replace('\\', "/");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !skipped.contains(&shown.as_str()) => {
                    folders.push(path);
                }
                Ok(kind) if kind.is_file() => found.push(shown),
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Every broken rule, in order of file and line.
pub fn check(tree: &Tree) -> Vec<Fault> {
    let mut faults: Vec<Fault> = [
        long_files,
        purposes,
        names,
        unfinished,
        impure,
        registry_hosts,
        private_paths,
        top_level,
        map,
    ]
    .iter()
    .flat_map(|rule| rule(tree))
    .collect();
    faults.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    faults
}

fn fault(path: &str, line: usize, found: impl Into<String>, remedy: impl Into<String>) -> Fault {
    Fault {
        path: path.to_owned(),
        line,
        found: found.into(),
        remedy: remedy.into(),
    }
}

/// No source file is longer than a reader's patience.
fn long_files(tree: &Tree) -> Vec<Fault> {
    tree.sources()
        .filter(|(_, text)| text.lines().count() > MAX_LINES)
        .map(|(path, text)| {
            fault(
                path,
                MAX_LINES + 1,
                format!("{} lines; at most {MAX_LINES}", text.lines().count()),
                "Split it by what it decides, and let each part open with its purpose.",
            )
        })
        .collect()
}

/// Every source file opens with its purpose.
fn purposes(tree: &Tree) -> Vec<Fault> {
    tree.sources()
        .filter(|(_, text)| {
            !text
                .lines()
                .next()
                .is_some_and(|line| line.starts_with("//! "))
        })
        .map(|(path, _)| {
            fault(
                path,
                1,
                "it does not say what it is for",
                "Open it with one `//!` sentence.",
            )
        })
        .collect()
}

/// No file, folder or module has a name that says nothing.
fn names(tree: &Tree) -> Vec<Fault> {
    let remedy = "Name it after what it holds.";
    let mut faults = Vec::new();
    for file in &tree.files {
        for part in file.path.split('/') {
            let stem = part.split('.').next().unwrap_or_default();
            if EMPTY_NAMES.contains(&stem) {
                faults.push(fault(&file.path, 1, format!("the name `{stem}`"), remedy));
            }
        }
    }
    for (path, text) in tree.sources() {
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| !word.is_empty())
                .collect();
            let module = words
                .iter()
                .position(|word| *word == "mod")
                .filter(|at| {
                    words[..*at]
                        .iter()
                        .all(|w| matches!(*w, "pub" | "crate" | "super" | "in"))
                })
                .and_then(|at| words.get(at + 1));
            if let Some(name) = module.filter(|name| EMPTY_NAMES.contains(name)) {
                faults.push(fault(
                    path,
                    number,
                    format!("a module named `{name}`"),
                    remedy,
                ));
            }
        }
    }
    faults
}

/// Nothing is left for later and no test is left out.
fn unfinished(tree: &Tree) -> Vec<Fault> {
    occurrences(tree.sources(), UNFINISHED, |_, _, _| true)
        .into_iter()
        .map(|(path, line, word)| {
            fault(
                path,
                line,
                format!("`{word}`"),
                "Finish it, or remove it and write an issue.",
            )
        })
        .collect()
}

/// No pure crate names the clock, chance, the disk, the network or an unordered map.
fn impure(tree: &Tree) -> Vec<Fault> {
    let pure = tree.sources().filter(|(path, _)| {
        path.strip_prefix("crates/")
            .and_then(|rest| rest.split('/').next())
            .is_some_and(|name| PURE.contains(&name))
    });
    let whole_word = |word: &str, line: &str, at: usize| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let code = line.find("//").unwrap_or(line.len());
        let before = line[..at].chars().next_back().is_some_and(is_part);
        let after =
            !word.ends_with(':') && line[at + word.len()..].chars().next().is_some_and(is_part);
        at < code && !before && !after
    };
    occurrences(pure, IMPURE, whole_word).into_iter()
    .map(|(path, line, word)| {
        fault(
            path,
            line,
            format!("`{word}` in a pure crate"),
            "Take it as an input: time comes with the record, order from a BTreeMap or BTreeSet, and what touches the world belongs to the body.",
        )
    })
    .collect()
}

/// No file names a host from which packages come.
fn registry_hosts(tree: &Tree) -> Vec<Fault> {
    occurrences(tree.texts(), REGISTRY_HOSTS, |_, _, _| true)
        .into_iter()
        .map(|(path, line, word)| {
            fault(
                path,
                line,
                format!("the package registry `{word}`"),
                "Leave it to the tool's own configuration: the house builds behind any mirror.",
            )
        })
        .collect()
}

/// No file names a path that exists on one machine only.
fn private_paths(tree: &Tree) -> Vec<Fault> {
    occurrences(tree.texts(), PRIVATE_PATHS, |_, line, at| {
        let inside = line[..at]
            .chars()
            .next_back()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '}' | ')' | '*'));
        !inside
    })
    .into_iter()
    .map(|(path, line, word)| {
        fault(
            path,
            line,
            format!("a path below `{word}`"),
            "Write it relative to the top of the repository, or take it as an argument.",
        )
    })
    .collect()
}

/// The top level holds what is listed, and dotfiles.
fn top_level(tree: &Tree) -> Vec<Fault> {
    let mut seen = Vec::new();
    for file in &tree.files {
        let top = file.path.split('/').next().unwrap_or_default();
        if !top.starts_with('.') && !TOP_LEVEL.contains(&top) && !seen.contains(&top) {
            seen.push(top);
        }
    }
    seen.into_iter()
        .map(|top| {
            fault(
                top,
                1,
                "an entry that does not belong at the top",
                format!("Move it below one of {}.", TOP_LEVEL[5..].join(", ")),
            )
        })
        .collect()
}

/// The map names paths that exist, and leaves out no crate.
fn map(tree: &Tree) -> Vec<Fault> {
    let Some(text) = tree.text(MAP) else {
        return vec![fault(
            MAP,
            1,
            "there is no map",
            "Write one: crate by crate, with the invariants.",
        )];
    };
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // Between backticks stand the odd parts.
        for quoted in line.split('`').skip(1).step_by(2) {
            let is_path = [
                "crates/",
                "tests/",
                "workflows/",
                "deploy/",
                ".ci/",
                ".cargo/",
            ]
            .iter()
            .any(|top| quoted.starts_with(top));
            if is_path && !quoted.contains(['*', ' ', '…']) && !tree.has(quoted) {
                faults.push(fault(
                    MAP,
                    number,
                    format!("`{quoted}`, which does not exist"),
                    "Correct the map.",
                ));
            }
        }
    }
    let mut crates: Vec<&str> = tree
        .files
        .iter()
        .filter_map(|file| file.path.strip_suffix("/Cargo.toml"))
        .filter(|path| path.starts_with("crates/"))
        .collect();
    crates.dedup();
    for path in crates {
        if !text.contains(path) {
            faults.push(fault(
                MAP,
                1,
                format!("`{path}` is not on the map"),
                "Say what it is for.",
            ));
        }
    }
    faults
}

/// Every line on which one of `words` stands, at a place to which `counts` agrees.
fn occurrences<'a>(
    texts: impl Iterator<Item = (&'a str, &'a str)>,
    words: &[&'static str],
    counts: impl Fn(&str, &str, usize) -> bool,
) -> Vec<(&'a str, usize, &'static str)> {
    let mut found = Vec::new();
    for (path, text) in texts {
        for (number, line) in (1..).zip(text.lines()) {
            for word in words {
                if line
                    .match_indices(word)
                    .any(|(at, _)| counts(word, line, at))
                {
                    found.push((path, number, *word));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
