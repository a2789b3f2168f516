//! Warnings and questions that the office has confirmed in the file: by whom, on which day.

use chrono::NaiveDate;

use crate::compile::DATE_EXPECTED;
use crate::diagnostic::{Severity, nearest};
use crate::faults::Faults;
use crate::source::ConfirmedSource;

/// A question of a task as `duban check` tells it.
pub(crate) fn question(task: &str, words: &str) -> String {
    format!("task {task}: {words}")
}

/// Whether a question of a task was marked.
pub(crate) fn is_confirmed(task: &str, words: &str, faults: &Faults<'_>) -> bool {
    let found = question(task, words);
    faults
        .told()
        .iter()
        .any(|told| told.severity == Severity::Confirmed && told.found == found)
}

/// Marks what is confirmed among what was told of a file. A confirmation that fits nothing is told
/// itself: what it was about has changed, and must be looked at again.
pub(crate) fn mark(confirmed: &[ConfirmedSource], faults: &mut Faults<'_>) {
    let mut stale = Vec::new();
    for entry in confirmed {
        if entry.by.value.trim().is_empty() {
            faults.error(
                "D018",
                entry.by.referenced,
                "a confirmation by nobody",
                "the name or office of who confirms",
                "write who confirmed it",
            );
        }
        faults.parse::<NaiveDate>("D009", &entry.date, DATE_EXPECTED, "write year-month-day");
        let words = entry
            .words
            .as_ref()
            .map_or("", |words| words.value.as_str());
        let mut fits = false;
        for told in faults.told_mut() {
            if told.severity != Severity::Error
                && told.code == entry.code.value
                && told.about == entry.about.value
                && told.found.contains(words)
            {
                told.severity = Severity::Confirmed;
                fits = true;
            }
        }
        if !fits {
            stale.push(entry);
        }
    }
    for entry in stale {
        let code = &entry.code.value;
        let (expected, remedy) = if code.starts_with('D') {
            (
                "the code of a warning or question: W… or C…".to_owned(),
                "mend the error; it cannot be confirmed".to_owned(),
            )
        } else {
            let open: Vec<String> = faults
                .told()
                .iter()
                .filter(|told| told.code == *code && told.severity != Severity::Error)
                .map(|told| told.about.clone())
                .collect();
            let near = nearest(&entry.about.value, open.iter().map(String::as_str));
            (
                "something that `duban check` tells of this file".to_owned(),
                near.filter(|near| *near != entry.about.value).map_or_else(
                    || "remove it, or confirm again what is told now".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            )
        };
        faults.doubt(
            Severity::Warning,
            "W002",
            entry.code.referenced,
            &entry.about.value,
            format!(
                "a confirmation of {code} about `{}`, which fits nothing",
                entry.about.value
            ),
            expected,
            remedy,
        );
    }
}
