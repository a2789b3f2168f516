//! Diagnostics as a page lists them: to a clerk in Chinese, with the exact English words in a fold; in
//! English mode the English.

use std::collections::BTreeSet;

use askama::Template;

use super::{Checked, Diagnostic, LISTED, Severity};
use crate::tongue::Tongue;

/// A piece of a sentence.
pub(super) struct Piece {
    /// It is to be written like this, letter by letter.
    pub literal: bool,
    pub text: String,
}

/// A diagnostic as a page lists it.
pub(super) struct Told {
    pub class: &'static str,
    pub word: &'static str,
    /// The line of the editor that it is about.
    pub to: String,
    /// Where, in words.
    pub place: String,
    pub title: String,
    pub rule: Vec<Piece>,
    pub fix: Vec<Piece>,
    /// One of the same code stands before it: what holds for both is folded away.
    pub again: bool,
    pub what: Diagnostic,
}

/// A list of diagnostics with the language it is read in.
#[derive(Template)]
#[template(path = "define/told.html")]
pub(super) struct List {
    pub tongue: Tongue,
    pub told: Vec<Told>,
}

/// Takes a sentence apart at its backticks.
fn pieces(text: &str) -> Vec<Piece> {
    let pieces = text.split('`').enumerate().map(|(place, piece)| Piece {
        literal: place % 2 == 1,
        text: piece.to_owned(),
    });
    pieces.filter(|piece| !piece.text.is_empty()).collect()
}

fn place(what: &Diagnostic, tongue: Tongue) -> String {
    match (what.line, what.column) {
        (0, _) => tongue.pick("全文件".to_owned(), "whole file".to_owned()),
        (line, 0) => tongue.pick(format!("第{line}行"), format!("line {line}")),
        (line, column) => tongue.pick(
            format!("第{line}行第{column}字"),
            format!("line {line}, column {column}"),
        ),
    }
}

impl List {
    /// Diagnostics of a draft; those of the file that is being edited lead to its lines without
    /// another page being fetched.
    pub fn new(id: &str, checked: &Checked, editing: Option<&str>, tongue: Tongue) -> List {
        let list = checked.diagnostics.iter().take(LISTED);
        let mut before = BTreeSet::new();
        let told = list.map(|what| {
            let (class, word) = words(what.severity, tongue);
            let line = what.line.max(1);
            let page = match editing {
                Some(file) if file == what.file => String::new(),
                _ => format!("/define/draft/{id}/edit?file={}", what.file),
            };
            let plain = &what.plain;
            let chinese = !plain.title.0.is_empty();
            Told {
                class,
                word,
                to: format!("{page}#L{line}"),
                place: place(what, tongue),
                title: match tongue {
                    Tongue::Chinese if chinese => plain.title.0.clone(),
                    Tongue::Chinese => what.message.clone(),
                    Tongue::English => plain.title.1.clone(),
                },
                rule: pieces(tongue.pick(&plain.rule.0, &plain.rule.1)),
                fix: pieces(match tongue {
                    Tongue::Chinese if !plain.fix.is_empty() => &plain.fix,
                    _ => &what.remedy,
                }),
                again: !before.insert(what.code.as_str()),
                what: what.clone(),
            }
        });
        List {
            tongue,
            told: told.collect(),
        }
    }

    /// True if there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
    }
}

/// How bad it is: the class and the word of it.
pub(super) fn words(severity: Severity, tongue: Tongue) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("error", tongue.pick("错误", "Error")),
        Severity::Warning => ("warning", tongue.pick("提醒", "Warning")),
        Severity::Confirm => ("confirm", tongue.pick("待确认", "To confirm")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::define::Plain;

    fn checked() -> Checked {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let what = Diagnostic {
            code: "D005".to_owned(),
            severity: Severity::Error,
            file: "tasks.yaml".to_owned(),
            line: 38,
            column: 15,
            message: "不在可选词之内:`encouragd`".to_owned(),
            rule: "该字段只接受所列的几个词。".to_owned(),
            remedy: "did you mean `encouraged`?".to_owned(),
            plain: Plain {
                title: pair("不在可选词之内", "Not one of the words allowed"),
                rule: pair(
                    "该字段只接受所列的几个词。",
                    "The field takes one of the words.",
                ),
                about: "encouragd".to_owned(),
                nearest: "encouraged".to_owned(),
                choices: vec!["required".to_owned(), "encouraged".to_owned()],
                fix: "改用可选的词,例如 `strength: encouraged`。".to_owned(),
                wrong: "strength: encouragd".to_owned(),
                right: "strength: <encouraged>".to_owned(),
                found: "`encouragd`".to_owned(),
                expected: "one of required, encouraged".to_owned(),
            },
        };
        Checked {
            diagnostics: vec![what],
            ..Checked::default()
        }
    }

    #[test]
    fn a_clerk_reads_chinese_and_finds_the_english_in_a_fold() {
        let list = List::new("d1", &checked(), Some("tasks.yaml"), Tongue::Chinese);
        let page = list.render().unwrap();
        let (shown, fold) = page
            .split_once("原文")
            .expect("a fold with the exact words");
        for words in [
            "href=\"#L38\"",
            "第38行第15字",
            "不在可选词之内",
            "该字段只接受所列的几个词。",
            "<code>encouragd</code>",
            "<code>strength: encouraged</code>",
            "错",
            "&#60;encouraged&#62;",
        ] {
            assert!(shown.contains(words), "{words} in {shown}");
        }
        assert!(!shown.contains("did you mean"), "{shown}");
        assert!(fold.contains("one of required, encouraged"), "{fold}");
        assert!(fold.contains("did you mean"), "{fold}");
    }

    #[test]
    fn what_holds_for_many_is_told_once_and_folded_after_that() {
        let mut checked = checked();
        let first = checked.diagnostics[0].clone();
        checked.diagnostics.push(first);
        let list = List::new("d1", &checked, None, Tongue::Chinese);
        let page = list.render().unwrap();
        assert_eq!(page.matches("<i>改法</i>").count(), 1, "{page}");
        assert_eq!(page.matches("<summary>改法</summary>").count(), 1);
        assert_eq!(page.matches("<code>encouragd</code>").count(), 2);
    }

    #[test]
    fn in_english_mode_there_is_no_chinese() {
        let list = List::new("d1", &checked(), None, Tongue::English);
        let page = list.render().unwrap();
        assert!(page.contains("/define/draft/d1/edit?file=tasks.yaml#L38"));
        assert!(page.contains("line 38, column 15"));
        assert!(page.contains("Not one of the words allowed"));
        assert!(page.contains("did you mean <code>encouraged</code>?"));
        let chinese = page.chars().find(|c| ('\u{4e00}'..='\u{9fff}').contains(c));
        assert_eq!(chinese, None, "{page}");
    }
}
