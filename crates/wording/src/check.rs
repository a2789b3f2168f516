//! Whether a template of an office can be used, before it is.

use std::collections::BTreeSet;

use duban_model::decision::NoticeKind;
use duban_model::definition::Language;
use minijinja::{Error, ErrorKind};

use crate::{MAX_NOTICE_BYTES, MAX_TEMPLATE_BYTES, NAMES, Values, environment};

/// Which text of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The line that mail programs list.
    Subject,
    /// What is read.
    Text,
}

impl Part {
    /// Under which name its template is kept; without a kind, the one that comes along.
    pub(crate) fn name(self, kind: Option<NoticeKind>) -> String {
        let part = match self {
            Part::Subject => "subject",
            Part::Text => "text",
        };
        format!("{}/{part}", kind.map_or("any", NoticeKind::as_str))
    }
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is longer than [`MAX_TEMPLATE_BYTES`]: so many bytes.
    TooLong(usize),
    /// It cannot be read.
    Syntax {
        /// At so many characters from its start.
        offset: usize,
        /// What the engine says, in English.
        what: String,
    },
    /// It names a value that there is not.
    Unknown {
        /// At so many characters from its start.
        offset: usize,
        /// The name.
        name: String,
    },
    /// It cannot be put into words, tried with sample values.
    Fails {
        /// At so many characters from its start.
        offset: usize,
        /// What the engine says, in English.
        what: String,
    },
    /// What it yields is empty, or longer than [`MAX_NOTICE_BYTES`]: so many bytes.
    Size(usize),
    /// A receiver could not tell from it what is owed: none of these names is used.
    Silent(&'static [&'static str]),
}

/// What a text must say in one way or another, so that a receiver knows what is owed and why.
const MUST_SAY: [(Part, &[&str]); 4] = [
    (Part::Subject, &["unit", "task", "title", "obligation"]),
    (Part::Text, &["unit"]),
    (
        Part::Text,
        &["task", "title", "text", "occasion", "obligation"],
    ),
    (Part::Text, &["reason"]),
];

/// The same of a digest, which has nothing of one duty.
const DIGEST_MUST_SAY: [(Part, &[&str]); 2] = [
    (Part::Subject, &["count", "ledger"]),
    (Part::Text, &["list"]),
];

/// Everything wrong with a template, in order of place.
pub fn check(kind: NoticeKind, part: Part, text: &str, language: Language) -> Vec<Fault> {
    if text.len() > MAX_TEMPLATE_BYTES {
        return vec![Fault::TooLong(text.len())];
    }
    let mut environment = environment();
    if let Err(error) = environment.add_template("own", text) {
        let offset = place(text, &error);
        let what = said(&error);
        return vec![Fault::Syntax { offset, what }];
    }
    let template = match environment.get_template("own") {
        Ok(template) => template,
        Err(error) => {
            let offset = place(text, &error);
            let what = said(&error);
            return vec![Fault::Syntax { offset, what }];
        }
    };
    let used: BTreeSet<String> = template.undeclared_variables(false).into_iter().collect();
    let known = |name: &str| {
        NAMES
            .iter()
            .find(|n| n.english == name || n.chinese == name)
    };
    let mut faults: Vec<Fault> = used
        .iter()
        .filter(|name| known(name).is_none() && !GLOBALS.contains(&name.as_str()))
        .map(|name| Fault::Unknown {
            offset: named_at(text, name),
            name: name.clone(),
        })
        .collect();
    faults.sort_by_key(|fault| match fault {
        Fault::Unknown { offset, .. } => *offset,
        _ => 0,
    });
    if !faults.is_empty() {
        return faults;
    }
    for whole in [true, false] {
        match template.render(Values::sample(kind, language, whole).named()) {
            Err(error) => {
                return vec![Fault::Fails {
                    offset: place(text, &error),
                    what: said(&error),
                }];
            }
            Ok(words) if words.trim().is_empty() || words.len() > MAX_NOTICE_BYTES => {
                return vec![Fault::Size(words.len())];
            }
            Ok(_) => {}
        }
    }
    let used: BTreeSet<&str> = used
        .iter()
        .filter_map(|name| known(name))
        .map(|name| name.english)
        .collect();
    let must_say = match kind {
        NoticeKind::Digest => &DIGEST_MUST_SAY[..],
        _ => &MUST_SAY[..],
    };
    must_say
        .iter()
        .copied()
        .filter(|(of, any)| *of == part && !any.iter().any(|name| used.contains(name)))
        .map(|(_, any)| Fault::Silent(any))
        .collect()
}

/// Names that the engine itself gives.
const GLOBALS: [&str; 4] = ["range", "dict", "namespace", "debug"];

/// Where a name first stands between braces, in characters.
fn named_at(text: &str, name: &str) -> usize {
    let part_of_a_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut from = 0;
    while let Some(open) = text[from..].find(['{']).map(|at| from + at) {
        let close = text[open..].find('}').map_or(text.len(), |at| open + at);
        let inside = &text[open..close];
        for (at, _) in inside.match_indices(name) {
            let before = inside[..at].chars().next_back();
            let after = inside[at + name.len()..].chars().next();
            if !before.is_some_and(part_of_a_name) && !after.is_some_and(part_of_a_name) {
                return text[..open + at].chars().count();
            }
        }
        from = (open + 1).max(close);
        if from >= text.len() {
            break;
        }
    }
    0
}

/// Where the engine places an error, in characters.
fn place(text: &str, error: &Error) -> usize {
    if let Some(range) = error.range()
        && let Some(before) = text.get(..range.start)
    {
        return before.chars().count();
    }
    let lines = error.line().unwrap_or(1).saturating_sub(1);
    text.split_inclusive('\n')
        .take(lines)
        .map(|line| line.chars().count())
        .sum()
}

/// What an error says, in one line.
fn said(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it runs for too long".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}
