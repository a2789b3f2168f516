//! Every fault that a definition can have, made by one small edit of a good one: code, file, line,
//! column and the exact words.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use duban_calendar::Calendar;
use duban_model::Directory;
use duban_model::fact::DefinitionFile;
use duban_rules::{Diagnostic, compile, read_directory};
use duban_tests::scenario::read;

/// One edit of the good folder.
#[derive(Default)]
struct Case {
    code: String,
    name: String,
    file: String,
    /// What is replaced; it stands there once.
    find: String,
    replace: String,
    /// Where the diagnostic must point: at the bar in this text; the whole file if empty.
    at: String,
    /// What is said after file, line and column.
    says: String,
}

/// Reads the table of edits. A block's lines of one mark form one text.
fn cases() -> Vec<Case> {
    let text = read(&tests().join("bad/cases.txt")).expect("the table");
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        if let ("==", [code, name, file]) = (mark, &*rest.split(' ').collect::<Vec<_>>()) {
            cases.push(Case {
                code: (*code).to_owned(),
                name: (*name).to_owned(),
                file: (*file).to_owned(),
                ..Case::default()
            });
            continue;
        }
        let Some(case) = cases.last_mut() else {
            assert!(
                line.is_empty() || mark == "#",
                "`{line}` before the first case"
            );
            continue;
        };
        let into = match mark {
            "-" => &mut case.find,
            "+" => &mut case.replace,
            "@" => &mut case.at,
            "!" => &mut case.says,
            "" | "#" => continue,
            _ => panic!("cases.txt: `{line}` begins with none of == - + @ !"),
        };
        if !into.is_empty() {
            into.push('\n');
        }
        into.push_str(rest);
    }
    cases
}

const FILES: [&str; 3] = ["ledger.yaml", "tasks.yaml", "directory.yaml"];

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn good(name: &str) -> String {
    read(&tests().join("bad/good").join(name)).expect("the good folder")
}

fn calendar() -> Calendar {
    let path = tests().join("../../workflows/calendars/cn-workdays.csv");
    Calendar::from_csv("cn", &read(&path).expect("the calendar")).expect("the calendar")
}

/// What `duban check` finds in a folder of these texts.
fn check(texts: &[(&str, Option<String>)], calendar: &Calendar) -> Vec<Diagnostic> {
    let text = |name: &str| {
        texts
            .iter()
            .find(|(n, _)| *n == name)
            .and_then(|(_, text)| text.clone())
    };
    let (directory, mut found) = text("directory.yaml")
        .map(|text| read_directory(&text))
        .unwrap_or_default();
    let files: Vec<DefinitionFile> = ["ledger.yaml", "tasks.yaml"]
        .into_iter()
        .filter_map(|name| {
            Some(DefinitionFile {
                name: name.to_owned(),
                text: text(name)?,
            })
        })
        .collect();
    // What follows from an unusable directory is not the fault looked for.
    if let Some(directory) = &directory {
        found.extend(compile(&files, directory, calendar).diagnostics);
    } else {
        assert!(!found.is_empty(), "a directory is refused without a word");
        let none = Directory::default();
        compile(&files, &none, calendar);
    }
    found
}

/// Texts too long to write down.
fn spelled(text: &str) -> String {
    // Ids of three characters, so that as many as possible fit into a file.
    let lines = |count: usize, line: &dyn Fn(String) -> String| -> String {
        let digit = |n: usize| char::from(b"0123456789abcdefghijklmnopqrstuvwxyz"[n % 36]);
        (0..count)
            .map(|i| line([i / 1296, i / 36, i].map(digit).iter().collect()))
            .collect()
    };
    let task = |id| {
        format!(
            "  - {{id: {id},section: a,subsection: a,title: a,text: a,units_phrase: a,strength: required,opens: trigger,ladder: fixed,owners: [{{unit: spj,role: lead}}],fulfilled_by: {{submission: verified}}}}\n"
        )
    };
    match text {
        "<padding>" => format!("# {}\n", "x".repeat(400 * 1024)),
        "<1998 tasks>" => lines(1998, &|id| task(format!("x{id}"))),
        "<20001 units>" => format!(
            "tenant: test\nunits:\n{}",
            lines(20_001, &|id| format!("- {{id: {id},name: a}}\n"))
        ),
        other => other.replace("<4001>", &"字".repeat(4001)),
    }
}

/// The text after the edit; none if the file is taken away.
fn edited(case: &Case, before: &str) -> Option<String> {
    match (case.find.as_str(), case.replace.as_str()) {
        (_, "<absent>") => None,
        ("<whole>", text) => Some(spelled(text)),
        ("<end>", text) => Some(format!("{before}{}", spelled(text))),
        (find, replace) => {
            let marked = format!("{before}<eof>");
            let times = marked.matches(find).count();
            assert_eq!(times, 1, "{}: `{find}` stands {times} times", case.name);
            Some(marked.replace(find, &spelled(replace)).replace("<eof>", ""))
        }
    }
}

/// Line and column, from 1 and in characters, of a text that stands there once.
fn place(case: &Case, text: &str) -> (u64, u64) {
    if case.at.is_empty() {
        return (0, 0);
    }
    let (lead, rest) = case.at.split_once('|').expect("a bar");
    let needle = format!("{lead}{rest}");
    let times = text.matches(&needle).count();
    assert_eq!(times, 1, "{}: `{needle}` stands {times} times", case.name);
    let before = format!("{}{lead}", text.split(&needle).next().unwrap_or_default());
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line as u64, column as u64)
}

#[test]
fn the_good_folder_has_no_fault() {
    let texts = FILES.map(|name| (name, Some(good(name))));
    assert_eq!(check(&texts, &calendar()), Vec::new());
}

#[test]
fn each_fault_is_told_at_its_place_in_its_words() {
    let calendar = calendar();
    let mut wrong = Vec::new();
    for case in &cases() {
        let text = edited(case, &good(&case.file));
        let (line, column) = text.as_ref().map_or((0, 0), |text| place(case, text));
        let texts = FILES.map(|name| {
            let text = if name == case.file {
                text.clone()
            } else {
                Some(good(name))
            };
            (name, text)
        });
        let found: Vec<String> = check(&texts, &calendar)
            .iter()
            // So many units fit into a file only without contacts.
            .filter(|d| d.code == case.code || d.code != "W001")
            .map(ToString::to_string)
            .collect();
        let wanted = format!("{}:{line}:{column}: {}", case.file, case.says);
        assert!(
            case.says.is_empty() || case.says.contains(&format!("[{}]", case.code)),
            "{} says another code",
            case.name
        );
        if found != [wanted.clone()] {
            wrong.push(format!(
                "@@@ {} {}\nexpected:\n{wanted}\nfound:\n{}",
                case.code,
                case.name,
                found.join("\n")
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_code_of_the_sources_is_made_by_some_case() {
    let mut given = BTreeSet::new();
    let sources = tests().join("../../crates/rules/src");
    for entry in std::fs::read_dir(sources).expect("the rules' sources") {
        let text = read(&entry.expect("an entry").path()).expect("a source");
        for line in text.lines().filter(|l| !l.trim_start().starts_with("//")) {
            given.extend(
                line.split('"')
                    .skip(1)
                    .step_by(2)
                    .filter(|word| {
                        word.len() == 4
                            && word.starts_with(['C', 'D', 'W'])
                            && word[1..].bytes().all(|b| b.is_ascii_digit())
                    })
                    .map(ToOwned::to_owned),
            );
        }
    }
    let made: BTreeSet<String> = cases().into_iter().map(|case| case.code).collect();
    assert_eq!(made, given, "left: cases; right: sources");
}
