//! The office's own texts of notices, checked before a notice needs them.

use std::collections::BTreeMap;

use duban_model::decision::NoticeKind;
use duban_model::definition::{Language, NoticeText};
use duban_wording::{Fault, MAX_NOTICE_BYTES, MAX_TEMPLATE_BYTES, NAMES, Part, check};

use crate::condition_parse;
use crate::diagnostic::{Severity, nearest};
use crate::faults::Faults;
use crate::reading::Spanned;
use crate::source::LedgerSource;
use crate::words::{LANGUAGES, NOTICES, spellings};

/// Reads the language and the texts of a ledger.
pub(crate) fn compile(
    source: &LedgerSource,
    faults: &mut Faults<'_>,
) -> (Language, BTreeMap<NoticeKind, NoticeText>) {
    let language = source
        .language
        .as_ref()
        .and_then(|word| faults.choose(word, LANGUAGES))
        .unwrap_or_default();
    let mut notices = BTreeMap::new();
    for (word, own) in &source.notices {
        let Some((_, kind)) = NOTICES.iter().find(|(spelling, _)| spelling == word) else {
            let words = spellings(NOTICES);
            faults.misspelt(
                "D090",
                own.referenced,
                format!("notices of the sort `{word}`"),
                format!("one of {}", words.join(", ")),
                word,
                words.iter().copied(),
                "write one of these words",
            );
            continue;
        };
        if own.value.subject.is_none() && own.value.text.is_none() {
            faults.error(
                "D091",
                own.referenced,
                format!("notices of the sort `{word}` with neither `subject` nor `text`"),
                "one of them or both",
                "write the text, or remove the entry: the text that comes along is used",
            );
        }
        let mut read = |part, text: &Option<Spanned<String>>| {
            text.as_ref().map(|text| {
                for fault in check(*kind, part, &text.value, language) {
                    tell(*kind, text, fault, faults);
                }
                text.value.clone()
            })
        };
        let text = NoticeText {
            subject: read(Part::Subject, &own.value.subject),
            text: read(Part::Text, &own.value.text),
        };
        notices.insert(*kind, text);
    }
    (language, notices)
}

/// Tells what is wrong with one template, at its place.
fn tell(kind: NoticeKind, text: &Spanned<String>, fault: Fault, faults: &mut Faults<'_>) {
    let within =
        |code, offset, found: String, expected: &str, remedy: String| condition_parse::Fault {
            code,
            offset,
            found,
            expected: expected.to_owned(),
            remedy,
        };
    match fault {
        Fault::TooLong(bytes) => faults.error(
            "D094",
            text.referenced,
            format!("a text of a notice of {bytes} bytes"),
            format!("at most {MAX_TEMPLATE_BYTES} bytes"),
            "shorten it",
        ),
        Fault::Size(bytes) => faults.error(
            "D094",
            text.referenced,
            format!("a text of a notice that gives {bytes} bytes of words"),
            format!("at least one word and at most {MAX_NOTICE_BYTES} bytes"),
            "say what the receiver must know, no more",
        ),
        Fault::Syntax { offset, what } => faults.within(
            text,
            within(
                "D092",
                offset,
                format!("a text of a notice that cannot be read: {what}"),
                "plain text with {{ name }} and {% if name %}...{% endif %}",
                "mend the text at this place".to_owned(),
            ),
        ),
        Fault::Fails { offset, what } => faults.within(
            text,
            within(
                "D092",
                offset,
                format!("a text of a notice that cannot be put into words: {what}"),
                "a text that can be put into words with sample values",
                "mend the text at this place".to_owned(),
            ),
        ),
        Fault::Unknown { offset, name } => {
            let names = || NAMES.iter().flat_map(|n| [n.chinese, n.english]);
            let listed: Vec<_> = NAMES
                .iter()
                .map(|name| format!("{} ({})", name.chinese, name.english))
                .collect();
            // `完成时限` means `时限`; measured letter by letter it is far from it.
            let part_of =
                || names().find(|known| known.chars().count() > 1 && name.contains(known));
            let remedy = nearest(&name, names()).or_else(part_of).map_or_else(
                || "write one of these names, or the words themselves without braces".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            faults.within(
                text,
                within(
                    "D093",
                    offset,
                    format!("`{name}`, which no notice has"),
                    &format!("one of {}", listed.join(", ")),
                    remedy,
                ),
            );
        }
        Fault::Silent(names) => {
            let wanted: Vec<_> = names
                .iter()
                .filter_map(|name| NAMES.iter().find(|n| n.english == *name))
                .map(|name| format!("{{{{ {} }}}}", name.chinese))
                .collect();
            faults.doubt(
                Severity::Warning,
                "W010",
                text.referenced,
                kind.as_str(),
                format!(
                    "a text of `{}` notices without {}",
                    kind.as_str(),
                    wanted.join(", ")
                ),
                "a text from which the receiver can tell what is owed, by whom and why",
                format!("add {}", wanted.first().map_or("", String::as_str)),
            );
        }
    }
}
