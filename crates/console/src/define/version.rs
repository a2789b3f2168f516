//! `/define/versions`: what came into force, when, by whom and why; what two versions differ in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use similar::{ChangeTag, TextDiff};

use super::page::{Frame, Reader, defining, now};
use super::{LISTED, Version, WORK_WITHIN};
use crate::access::page::Flash;
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;

/// Comparing goes on so long for exactness, and is rough from then on.
const DIFF_WITHIN: Duration = Duration::from_millis(500);
/// Lines that stay around what changed, in lines.
const AROUND: usize = 3;
/// Lines of a comparison that are shown, in lines.
const DIFF_LINES: usize = 4_000;

/// Characters of a version's number that are shown.
const SHORT: usize = 8;

/// One line of a comparison.
pub(super) struct Line {
    /// `same`, `out`, `in` or `gap`.
    pub class: &'static str,
    pub mark: &'static str,
    pub old: String,
    pub new: String,
    pub text: String,
}

/// What two texts differ in, with a few lines around.
pub(super) fn lines(old: &str, new: &str) -> Vec<Line> {
    let diff = TextDiff::configure()
        .timeout(DIFF_WITHIN)
        .diff_lines(old, new);
    let mut lines = Vec::new();
    for (place, group) in diff.grouped_ops(AROUND).iter().enumerate() {
        if place > 0 {
            lines.push(Line {
                class: "gap",
                mark: "⋯",
                old: String::new(),
                new: String::new(),
                text: String::new(),
            });
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            if lines.len() >= DIFF_LINES {
                return lines;
            }
            let (class, mark) = match change.tag() {
                ChangeTag::Equal => ("same", " "),
                ChangeTag::Delete => ("out", "-"),
                ChangeTag::Insert => ("in", "+"),
            };
            let number = |index: Option<usize>| index.map(|i| (i + 1).to_string());
            lines.push(Line {
                class,
                mark,
                old: number(change.old_index()).unwrap_or_default(),
                new: number(change.new_index()).unwrap_or_default(),
                text: change.value().trim_end_matches('\n').to_owned(),
            });
        }
    }
    lines
}

/// What is compared.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
}

struct Row {
    version: Version,
    at: String,
    /// The ledger under which a draft begins from it.
    ledger: String,
    /// What it is, as people call it.
    what: String,
    /// The beginning of its number: enough to tell it from others.
    short: String,
    old: bool,
    new: bool,
}

/// A file in a comparison.
struct Compared {
    file: String,
    /// What people call it.
    title: &'static str,
    lines: Vec<Line>,
}

#[derive(Template)]
#[template(path = "define/versions.html")]
struct VersionsPage {
    frame: Frame,
    rows: Vec<Row>,
    compared: Option<(String, String, Vec<Compared>)>,
}

/// `GET /define/versions`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Query(asked): Query<Asked>,
    viewer: Reader,
) -> Response {
    let bench = match defining(&desk) {
        Ok(bench) => bench,
        Err(response) => return response,
    };
    let tenant = viewer.tenant().to_owned();
    let work = bench.work(move |workshop| workshop.versions(&tenant, WORK_WITHIN));
    let (versions, flash) = match work.await.and_then(|versions| versions) {
        Ok(versions) => (versions, None),
        Err(words) => (Vec::new(), Some(Flash::bad(words))),
    };
    let zone = now(&desk).1;
    let ledger_of = |version: &Version| {
        if !version.ledger.is_empty() {
            return version.ledger.clone();
        }
        let look = desk.look(&viewer);
        let seen = look.seen();
        let of = seen.ledgers().rev().find(|l| l.tenant == version.tenant);
        of.map(|l| l.id.clone()).unwrap_or_default()
    };
    let at = |version: &Version| version.at.map(|at| minute(at, zone)).unwrap_or_default();
    // A ledger is known by its title.
    let named = |version: &Version| {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let title = seen.ledger(&version.ledger).map(|l| l.title.clone());
        title.map_or_else(|| version.what.clone(), |title| format!("台账:{title}"))
    };
    let find = |id: &str| versions.iter().find(|v| v.id == id);
    let pair = find(&asked.old).zip(find(&asked.new));
    let alike = |(old, new): &(&Version, &Version)| {
        old.files.keys().any(|name| new.files.contains_key(name)) && old.ledger == new.ledger
    };
    let flash = match &pair {
        Some(pair) if !alike(pair) => Some(Flash::bad(
            "选的两个不是同一样东西(例如一个是台账,一个是名录),不能比较。请选同一样东西的两个版本。",
        )),
        _ => flash,
    };
    let pair = pair.filter(alike);
    let compared = pair.map(|(old, new)| {
        let names: BTreeSet<&String> = old.files.keys().chain(new.files.keys()).collect();
        let text = |version: &Version, name: &String| version.files.get(name).cloned();
        let files = names.into_iter().map(|name| Compared {
            file: name.clone(),
            title: super::edit::title(name),
            lines: lines(
                &text(old, name).unwrap_or_default(),
                &text(new, name).unwrap_or_default(),
            ),
        });
        let shown = |version: &Version| format!("{} {}", at(version), named(version));
        (shown(old), shown(new), files.collect())
    });
    // By itself the last change is what one wants to see.
    let newest = versions.first().map(|v| (v.ledger.clone(), v.what.clone()));
    let mut same = versions
        .iter()
        .filter(|v| newest.as_ref() == Some(&(v.ledger.clone(), v.what.clone())));
    let (last, before) = (same.next(), same.next());
    let is = |asked: &str, other: Option<&Version>, version: &Version| {
        if asked.is_empty() {
            other.is_some_and(|other| other.id == version.id)
        } else {
            asked == version.id
        }
    };
    let rows = versions.iter().take(LISTED).map(|version| Row {
        at: at(version),
        ledger: ledger_of(version),
        what: named(version),
        short: version.hash.chars().take(SHORT).collect(),
        old: is(&asked.old, before, version),
        new: is(&asked.new, last, version),
        version: version.clone(),
    });
    let page = VersionsPage {
        rows: rows.collect(),
        compared,
        frame: Frame::new(&viewer, flash),
    };
    answer(page.frame.status(), &page)
}
