//! The bad files: small edits of a good folder, each with the diagnostic that it must give, and the
//! page that shows them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::scenario::read;

/// One edit of the good folder.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// The code that it must give.
    pub code: String,
    /// Its name.
    pub name: String,
    /// The file that is edited.
    pub file: String,
    /// What is replaced; it stands there once.
    pub find: String,
    /// By what.
    pub replace: String,
    /// The file that the diagnostic is about, if it is not the one edited.
    pub told_of: String,
    /// Where the diagnostic must point: at the bar in this text; the whole file if empty.
    pub at: String,
    /// What is said after file, line and column.
    pub says: String,
}

/// Reads the table of edits. A block's lines of one mark form one text.
///
/// # Panics
/// When the table is not as it should be.
pub fn cases() -> Vec<Case> {
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

/// The calendar beside it.
pub const CALENDAR: &str = "cn-workdays.csv";
/// The files of a definition folder.
pub const FILES: [&str; 3] = ["ledger.yaml", "tasks.yaml", "directory.yaml"];

/// The folder of the tests.
pub fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// A file of the good folder; the calendar is the one all ledgers use.
///
/// # Panics
/// When it is not there.
pub fn good(name: &str) -> String {
    let path = if name == CALENDAR {
        tests().join("../../workflows/calendars").join(name)
    } else {
        tests().join("bad/good").join(name)
    };
    read(&path).expect("the good folder")
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
///
/// # Panics
/// When the table is not as it should be.
pub fn edited(case: &Case, before: &str) -> Option<String> {
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
///
/// # Panics
/// When the table is not as it should be.
pub fn place(case: &Case, text: &str) -> (u64, u64) {
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

impl Case {
    /// Whether only the program itself, which looks for the calendar's file, can give it.
    pub fn is_of_the_program(&self) -> bool {
        matches!(self.code.as_str(), "D050" | "D051")
    }

    /// The file that the diagnostic is about.
    pub fn of(&self) -> &str {
        if self.told_of.is_empty() {
            &self.file
        } else {
            &self.told_of
        }
    }

    /// The diagnostic as it must be told.
    pub fn wanted(&self) -> String {
        let text = if self.told_of.is_empty() {
            edited(self, &good(&self.file))
        } else {
            Some(good(&self.told_of))
        };
        let (line, column) = text.map_or((0, 0), |text| place(self, &text));
        format!("{}:{line}:{column}: {}", self.of(), self.says)
    }
}

/// The most lines of an example.
const SHOWN_LINES: usize = 16;

/// The page of diagnostics as it should be: each code's words, which people write, then the first
/// case of that code in the table, as it is and as it should be.
pub fn page(written: &str, cases: &[Case]) -> String {
    let mut parts = written.split("\n## ");
    let mut page = parts.next().unwrap_or_default().trim_end().to_owned();
    for section in parts {
        let words = section.split("\n```").next().unwrap_or_default();
        let words = words.split("\n错 Wrong").next().unwrap_or_default();
        let code = words.split(' ').next().unwrap_or_default();
        let _ = write!(page, "\n\n## {}", words.trim_end());
        if let Some(case) = cases.iter().find(|case| case.code == code) {
            page.push_str(&example(case));
        }
    }
    page.push('\n');
    page
}

fn example(case: &Case) -> String {
    let right = good(&case.file);
    let wrong = edited(case, &right).unwrap_or_default();
    let (wrong, right) = differing(&wrong, &right);
    let language = if case.file == CALENDAR { "csv" } else { "yaml" };
    let mut text = format!("\n\n错 Wrong, `{}`:\n", case.file);
    let spelled_out = !case.replace.contains('<');
    if spelled_out && !wrong.is_empty() {
        let _ = write!(text, "\n```{language}\n{wrong}\n```\n");
    }
    let _ = write!(text, "\n```text\n{}\n```\n", case.wanted());
    if spelled_out && !right.is_empty() {
        let _ = write!(text, "\n对 Right:\n\n```{language}\n{right}\n```\n");
    }
    text.trim_end().to_owned()
}

/// The lines in which two texts differ; where one of them has none of its own, with the line before in
/// both, so that the pair shows what is to be added or taken out.
fn differing(one: &str, other: &str) -> (String, String) {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().collect(), other.lines().collect());
    let same =
        |pairs: &mut dyn Iterator<Item = (&&str, &&str)>| pairs.take_while(|(a, b)| a == b).count();
    let before = same(&mut one.iter().zip(&other));
    let shorter = one.len().min(other.len()) - before;
    let after = same(&mut one.iter().rev().zip(other.iter().rev())).min(shorter);
    let none = before + after == one.len() || before + after == other.len();
    let from = before - usize::from(none && before > 0);
    let lines = |text: &[&str]| {
        let part = &text[from..text.len() - after];
        let margin = part
            .iter()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.len() - line.trim_start().len())
            .min()
            .unwrap_or(0);
        let mut shown: Vec<&str> = part
            .iter()
            .map(|line| line.get(margin..).unwrap_or_default())
            .take(SHOWN_LINES)
            .collect();
        if part.len() > SHOWN_LINES {
            shown.push("# …");
        }
        shown.join("\n")
    };
    (lines(&one), lines(&other))
}
