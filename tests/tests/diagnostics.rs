//! Every fault that a definition can have, made by one small edit of a good one: code, file, line,
//! column and the exact words.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use duban_calendar::Calendar;
use duban_model::Directory;
use duban_model::fact::DefinitionFile;
use duban_rules::{Diagnostic, Severity, compile, read_directory};
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
    /// The file that the diagnostic is about, if it is not the one edited.
    told_of: String,
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
            ">" => &mut case.told_of,
            "!" => &mut case.says,
            "" | "#" => continue,
            _ => panic!("cases.txt: `{line}` begins with none of == - + > @ !"),
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
        let (of, pointed) = if case.told_of.is_empty() {
            (&case.file, text.clone())
        } else {
            (&case.told_of, Some(good(&case.told_of)))
        };
        let (line, column) = pointed.map_or((0, 0), |text| place(case, &text));
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
            .filter(|d| d.severity != Severity::Confirmed)
            .map(ToString::to_string)
            .collect();
        let wanted = format!("{of}:{line}:{column}: {}", case.says);
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

/// What is found in the good folder with some files replaced.
fn found_with(replaced: &[(&str, String)]) -> Vec<Diagnostic> {
    let texts = FILES.map(|name| {
        let text = replaced.iter().find(|(n, _)| *n == name);
        (name, Some(text.map_or_else(|| good(name), |(_, t)| t.clone())))
    });
    check(&texts, &calendar())
}

#[test]
fn every_fault_of_a_folder_is_told_at_once() {
    let ledger = good("ledger.yaml")
        .replace("yellow: 7wd", "yelow: 7dw")
        .replace("issuer: 测试领导小组\n", "")
        .replace("year: 2021", "year: 今年");
    let tasks = good("tasks.yaml")
        .replace("    units_phrase: 旗县政府\n", "")
        .replace("{ unit: naiman,", "{ unit: naimen, colour: red,")
        .replace("at_least: 1 }", "at_least: [1] }");
    let found: Vec<(String, &str)> = found_with(&[("ledger.yaml", ledger), ("tasks.yaml", tasks)])
        .iter()
        .map(|d| (format!("{}:{}", d.file, d.line), d.code))
        .collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(at, code)| (at.as_str(), *code)).collect();
    assert_eq!(
        found,
        [
            ("ledger.yaml:1", "D004"),
            ("ledger.yaml:5", "D002"),
            ("ledger.yaml:14", "D003"),
            ("ledger.yaml:14", "D010"),
            ("tasks.yaml:2", "D004"),
            ("tasks.yaml:15", "D002"),
            ("tasks.yaml:41", "D020"),
            ("tasks.yaml:41", "D003"),
        ]
    );
}

#[test]
fn what_is_missing_is_told_once_and_not_wherever_it_is_named() {
    let whole = good("ledger.yaml");
    let (before, after) = (whole.find("ladders:"), whole.find("kinds:"));
    let (before, after) = before.zip(after).expect("ladders, then kinds");
    let ledger = format!("{}{}", &whole[..before], &whole[after..]);
    let found = found_with(&[("ledger.yaml", ledger)]);
    let codes: Vec<&str> = found.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["D004"], "{found:#?}");
}

#[test]
fn what_the_office_has_confirmed_is_told_as_confirmed_and_no_other() {
    let questions = "    confirm: [请确认单位。, 请确认日期。]\n";
    let entry = |rest: &str| {
        format!(
            "{}{questions}confirmed:\n  - {{ code: C001, about: \"3\", {rest}by: 主管部门, date: 2021-07-05, remark: 电话核实 }}\n",
            good("tasks.yaml")
        )
    };
    let severities = |tasks: String| -> Vec<Severity> {
        let found = found_with(&[("tasks.yaml", tasks)]);
        found.iter().map(|d| d.severity).collect()
    };
    assert_eq!(
        severities(entry("words: 单位, ")),
        [Severity::Confirmed, Severity::Confirm]
    );
    assert_eq!(
        severities(entry("")),
        [Severity::Confirmed, Severity::Confirmed]
    );
    assert_eq!(
        severities(entry("words: 时限, ")),
        [Severity::Confirm, Severity::Confirm, Severity::Warning]
    );
}

#[test]
fn a_place_is_as_long_as_what_stands_there() {
    let tasks = good("tasks.yaml").replace("unit: naiman", "unit: 奈曼旗政府办");
    let found = found_with(&[("tasks.yaml", tasks)]);
    let places: Vec<(u64, u64)> = found.iter().map(|d| (d.column, d.length)).collect();
    assert_eq!(places, [(17, 6)]);
}

#[test]
fn the_nearest_spelling_is_given_by_itself() {
    for (find, replace, nearest) in [
        ("strength: encouraged", "strength: encuoraged", "encouraged"),
        ("{ unit: naiman", "{ unit: naimna", "naiman"),
        ("group: 旗县政府", "group: 县旗政府", "旗县政府"),
        ("kinds: [规划纲要]", "kinds: [规划刚要]", "规划纲要"),
        ("units_phrase: 奈曼旗政府", "unit_phrase: 奈曼旗政府", "units_phrase"),
        ("at_least: 1 }", "at_least: 1, when: 'publication.titel == \"x\"' }", "publication.title"),
    ] {
        let tasks = good("tasks.yaml").replace(find, replace);
        let found = found_with(&[("tasks.yaml", tasks)]);
        let near: Vec<Option<&str>> = found.iter().map(|d| d.nearest.as_deref()).collect();
        assert_eq!(near, [Some(nearest)], "{replace}");
    }
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
