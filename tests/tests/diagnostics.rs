//! Every fault that a definition can have, made by one small edit of a good one: code, file, line,
//! column and the exact words.

use std::collections::BTreeSet;

use duban_calendar::Calendar;
use duban_model::Directory;
use duban_model::fact::DefinitionFile;
use duban_rules::{Diagnostic, Severity, compile, read_directory};
use duban_tests::bad::{FILES, cases, edited, good, page, tests};
use duban_tests::scenario::read;

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

#[test]
fn the_good_folder_has_no_fault() {
    let texts = FILES.map(|name| (name, Some(good(name))));
    assert_eq!(check(&texts, &calendar()), Vec::new());
}

#[test]
fn each_fault_is_told_at_its_place_in_its_words() {
    let calendar = calendar();
    let mut wrong = Vec::new();
    for case in cases().iter().filter(|case| !case.is_of_the_program()) {
        let text = edited(case, &good(&case.file));
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
        let wanted = case.wanted();
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
        (
            name,
            Some(text.map_or_else(|| good(name), |(_, t)| t.clone())),
        )
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
    let found: Vec<(&str, &str)> = found
        .iter()
        .map(|(at, code)| (at.as_str(), *code))
        .collect();
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
        (
            "units_phrase: 奈曼旗政府",
            "unit_phrase: 奈曼旗政府",
            "units_phrase",
        ),
        (
            "at_least: 1 }",
            "at_least: 1, when: 'publication.titel == \"x\"' }",
            "publication.title",
        ),
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
    let folder = tests().join("../../crates/rules/src");
    let mut sources: Vec<_> = std::fs::read_dir(folder)
        .expect("the rules' sources")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    sources.push(tests().join("../../crates/cli/src/folder.rs"));
    for source in sources {
        let text = read(&source).expect("a source");
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

#[test]
fn the_page_shows_each_code_with_its_words_and_its_case() {
    let path = tests().join("../../workflows/diagnostics.md");
    let written = read(&path).expect("the page");
    let cases = cases();
    let page = page(&written, &cases);
    if std::env::var_os("DUBAN_WRITE_PAGES").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    } else {
        assert!(
            page == written,
            "workflows/diagnostics.md differs from the table of bad files: run this test with DUBAN_WRITE_PAGES=1 and look at what changed"
        );
    }
    let guide = read(&tests().join("../../workflows/README.md")).expect("the guide");
    let mut explained = BTreeSet::new();
    for section in page.split("\n## ").skip(1) {
        let (heading, text) = section.split_once('\n').expect("a heading");
        let (code, title) = heading.split_once(' ').expect("a code with its title");
        let (chinese, english) = title.split_once(" | ").expect("a title in both languages");
        let row = format!("| `{code}` | {chinese} | {english} |");
        assert!(
            guide.contains(&row),
            "workflows/README.md lacks the row {row}"
        );
        let paragraphs: Vec<&str> = text.trim().split("\n\n").take(2).collect();
        for (paragraph, what) in paragraphs.iter().zip(["meaning", "reason"]) {
            assert_eq!(
                paragraph.lines().count(),
                2,
                "{code}: its {what} in Chinese, then in English"
            );
        }
        assert!(text.contains("为什么 Why: "), "{code} does not say why");
        let fix = text.trim().split("\n\n").nth(2).unwrap_or_default();
        let fix = fix.strip_prefix("改法 Fix: ").unwrap_or_default();
        assert!(
            !fix.contains('\n') && fix.ends_with('。') && fix.chars().any(|c| c > '\u{4e00}'),
            "{code}: after the reason one line says in Chinese how to mend it: `{fix}`"
        );
        assert_eq!(
            fix.matches('`').count() % 2,
            0,
            "{code}: what is to be written stands between two backticks"
        );
        assert!(explained.insert(code.to_owned()), "{code} twice");
    }
    let made: BTreeSet<String> = cases.into_iter().map(|case| case.code).collect();
    assert_eq!(explained, made, "left: the page; right: the bad files");
}
