//! A diagnostic of the rules as a page of the console tells it: in Chinese for a clerk, from the page
//! of diagnostics, with the exact English words beside it.

use duban_console::{Diagnostic, DiagnosticSeverity, Plain};
use duban_rules::Severity;

use crate::codes;

/// Quoted values and tasks named of one diagnostic, in values.
const NAMED: usize = 6;

/// A diagnostic for the pages; nothing of what is confirmed.
pub(crate) fn told(diagnostic: &duban_rules::Diagnostic) -> Option<Diagnostic> {
    let severity = match diagnostic.severity {
        Severity::Error => DiagnosticSeverity::Error,
        Severity::Warning => DiagnosticSeverity::Warning,
        Severity::Confirm => DiagnosticSeverity::Confirm,
        Severity::Confirmed => return None,
    };
    let words = codes::words(diagnostic.code).unwrap_or_default();
    let mut message = match words.title.0 {
        "" => diagnostic.found.clone(),
        title => format!("{title}:{}", diagnostic.found),
    };
    if !diagnostic.expected.is_empty() {
        message.push_str(";应为:");
        message.push_str(&diagnostic.expected);
    }
    let pair = |(chinese, english): (&str, &str)| (chinese.to_owned(), english.to_owned());
    Some(Diagnostic {
        code: diagnostic.code.to_owned(),
        severity,
        file: diagnostic.file.clone(),
        line: diagnostic.line,
        column: diagnostic.column,
        message,
        rule: words.rule.0.to_owned(),
        remedy: diagnostic.remedy.clone(),
        plain: Plain {
            title: pair(words.title),
            rule: pair(words.rule),
            about: about(&diagnostic.found),
            nearest: diagnostic.nearest.clone().unwrap_or_default(),
            choices: choices(&diagnostic.expected),
            fix: words.fix.to_owned(),
            wrong: words.wrong.to_owned(),
            right: words.right.to_owned(),
            found: diagnostic.found.clone(),
            expected: diagnostic.expected.clone(),
        },
    })
}

/// What the English of a diagnostic names: the tasks and the values in backticks, or the question that
/// the office itself has written. Nothing where it has none of them.
pub(crate) fn about(found: &str) -> String {
    if let Some((task, question)) = found.strip_prefix("task ").and_then(|f| f.split_once(": "))
        && !question.is_ascii()
        && !task.contains(' ')
    {
        return format!("第{task}项:{question}");
    }
    let mut named: Vec<String> = Vec::new();
    let mut name = |text: String| {
        if named.len() < NAMED && !named.contains(&text) {
            named.push(text);
        }
    };
    for (place, piece) in found.split('`').enumerate() {
        if place % 2 == 1 {
            name(piece.to_owned());
            continue;
        }
        for after in piece.split("task ").skip(1) {
            let number: &str = after.split([' ', ',', ':']).next().unwrap_or_default();
            if number.starts_with(|c: char| c.is_ascii_digit()) {
                name(format!("第{number}项"));
            }
        }
    }
    named.join("、")
}

/// The words that may stand at a place, if what is expected lists them: `one of a, b, c`.
fn choices(expected: &str) -> Vec<String> {
    let Some(list) = expected.strip_prefix("one of ") else {
        return Vec::new();
    };
    let list: Vec<&str> = list.split(", ").collect();
    let is_word = |word: &&str| !word.contains('`') && (!word.contains(' ') || word.ends_with(')'));
    if list.iter().all(is_word) {
        list.into_iter().map(ToOwned::to_owned).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_is_taken_out_of_the_english() {
        assert_eq!(about("group `旗县政务` has no members"), "旗县政务");
        assert_eq!(about("task 3: 请确认单位。"), "第3项:请确认单位。");
        assert_eq!(
            about("task 4 in the words and with the date of task 3: unit `naiman` owes both"),
            "第4项、第3项、naiman"
        );
        assert_eq!(about("0 tasks"), "");
        assert_eq!(about("an owner from a task that nobody owes"), "");
    }

    #[test]
    fn words_to_choose_from_are_told_and_nothing_else_is_taken_for_them() {
        assert_eq!(
            choices("one of required, encouraged"),
            ["required", "encouraged"]
        );
        assert_eq!(
            choices("one of 类别 (label), 台账 (ledger)"),
            ["类别 (label)", "台账 (ledger)"]
        );
        for none in [
            "one of them or both",
            "one of those `kinds`",
            "one date for one duty",
        ] {
            assert!(choices(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn every_code_is_told_in_chinese_with_its_remedy() {
        let mut count = 0;
        for code in codes::all() {
            let words = codes::words(code).expect("a section");
            for (what, text) in [
                ("title", words.title.0),
                ("rule", words.rule.0),
                ("fix", words.fix),
            ] {
                assert!(text.chars().any(|c| c > '\u{4e00}'), "{code}: {what}");
            }
            for (what, text) in [("title", words.title.1), ("rule", words.rule.1)] {
                assert!(!text.is_empty(), "{code}: {what} in English");
            }
            assert!(!words.fix.starts_with("改法"), "{code}: the label twice");
            assert!(
                words.right.is_empty() || !words.wrong.is_empty(),
                "{code}: a right example without its wrong one"
            );
            count += 1;
        }
        assert!(count > 90, "{count} codes");
        let words = codes::words("D005").expect("a section");
        assert_eq!(words.wrong, "strength: encouragd");
        assert_eq!(words.right, "strength: encouraged");
        assert_eq!(
            words.fix,
            "改用可选的词中的一个,逐字照写,例如 `strength: encouraged`。"
        );
    }
}
