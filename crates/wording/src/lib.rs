//! Turns a notice's template and values into the words that a person reads.
//!
//! Pure. The rules check a ledger's templates with it when the definition is checked, the notifier
//! words notices with it, and `duban preview` shows the same. A template is plain text with
//! `{{ name }}`, `{% if name %}` and filters; it cannot include files, define macros, or run for long.
//! What it yields is plain text: whoever puts it into HTML or a robot's markup escapes it there.

mod builtin;
mod check;
mod instead;
mod value;

use std::collections::BTreeMap;

use duban_model::decision::NoticeKind;
use duban_model::definition::{Language, NoticeText};
use duban_model::record::cut;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

pub use builtin::{brief_item, counted, item, label, more_items, no_date_yet, reason, role};
pub use check::{Fault, Part, check};
pub use instead::{Instead, instead, joined, nobody};
pub use value::{NAMES, Name, Values};

/// The longest subject, in bytes of UTF-8; mail programs cut longer ones anyway.
pub const MAX_SUBJECT_BYTES: usize = 180;
/// The longest text of a notice, in bytes of UTF-8.
pub const MAX_NOTICE_BYTES: usize = 32 * 1024;
/// The longest template, in bytes of UTF-8.
pub const MAX_TEMPLATE_BYTES: usize = 8 * 1024;
/// What a template may cost, in instructions of its engine; the texts that come along need about 60.
pub const MAX_INSTRUCTIONS: u64 = 10_000;

/// What a person reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// One line, at most [`MAX_SUBJECT_BYTES`].
    pub subject: String,
    /// Plain text, at most [`MAX_NOTICE_BYTES`].
    pub text: String,
}

/// The texts of one ledger, compiled once.
#[derive(Debug)]
pub struct Wording {
    language: Language,
    environment: Environment<'static>,
}

impl Wording {
    /// The texts of a ledger: its own where it has some, those that come along for the rest. One that
    /// cannot be compiled counts as absent: a definition with such a text is never deployed, and a
    /// notice is sent in any case.
    pub fn new(language: Language, own: &BTreeMap<NoticeKind, NoticeText>) -> Wording {
        let mut environment = environment();
        let builtin = builtin::texts(language);
        let mut add = |name: String, text: String| environment.add_template_owned(name, text);
        add(Part::Subject.name(None), builtin.subject.to_owned()).expect("our own text compiles");
        add(Part::Text.name(None), builtin.text.to_owned()).expect("our own text compiles");
        for (kind, own) in own {
            for (part, text) in [(Part::Subject, &own.subject), (Part::Text, &own.text)] {
                if let Some(text) = text {
                    let _counts_as_absent = add(part.name(Some(*kind)), text.clone());
                }
            }
        }
        Wording {
            language,
            environment,
        }
    }

    /// In which language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Words for one notice. A text of the ledger's own that fails on these values gives way to the
    /// one that comes along.
    pub fn words(&self, kind: NoticeKind, values: Values) -> Words {
        let named = values.named();
        let render = |part: Part| {
            [Some(kind), None]
                .into_iter()
                .filter_map(|kind| self.environment.get_template(&part.name(kind)).ok())
                .find_map(|template| template.render(&named).ok())
                .unwrap_or_default()
        };
        let subject = one_line(render(Part::Subject).trim());
        Words {
            subject: cut(&subject, MAX_SUBJECT_BYTES).to_owned(),
            text: cut(&render(Part::Text), MAX_NOTICE_BYTES).to_owned(),
        }
    }
}

/// Titles and names come from documents; in a subject line they must not bring line breaks.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// The engine as templates of notices see it.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // A line that holds nothing but `{% … %}` leaves no empty line behind.
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .expect("the usual delimiters");
    environment.set_syntax(syntax);
    environment.set_fuel(Some(MAX_INSTRUCTIONS));
    environment.add_filter("clip", |text: String, bytes: usize| {
        cut(&text, bytes).to_owned()
    });
    environment.add_filter("line", |text: String| one_line(&text));
    environment
}

#[cfg(test)]
mod tests;
