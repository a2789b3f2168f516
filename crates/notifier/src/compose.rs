//! What a notice has to say, gathered from the request, the ledger and the directory. How it is said
//! is the ledger's wording.

use duban_model::decision::{LedgerNoted, NoticeKind, NoticeRequested};
use duban_model::definition::Language;
use duban_model::{Directory, Zone};
use duban_wording::{Values, Wording, Words, label, no_date_yet, reason, role};

use crate::receiver::Receiver;

pub(crate) fn compose(
    request: &NoticeRequested,
    ledger: Option<&LedgerNoted>,
    wording: &Wording,
    directory: &Directory,
    receiver: &Receiver,
) -> Words {
    let language = wording.language();
    let mut values = values(request, ledger, language, Some(directory), &receiver.title);
    let task = ledger.and_then(|ledger| ledger.tasks.get(&request.task));
    values.text = task.map_or_else(String::new, |(_, text)| text.clone());
    values.instead = receiver.instead.clone().unwrap_or_default();
    wording.words(request.kind, values)
}

/// The values of one notice but the row's text, which only a notice of its own has room for.
pub(crate) fn values(
    request: &NoticeRequested,
    ledger: Option<&LedgerNoted>,
    language: Language,
    directory: Option<&Directory>,
    contact: &str,
) -> Values {
    let title = ledger
        .and_then(|l| l.tasks.get(&request.task))
        .map_or("", |(title, _)| title.as_str());
    let due = match (request.kind, request.due_at, request.due) {
        // While a clock stands still there is no date; the one before would mislead.
        (NoticeKind::Stopped | NoticeKind::StillStopped, _, _) => no_date_yet(language).to_owned(),
        (_, Some(at), _) => {
            let zone = ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone);
            let local = at.utc().with_timezone(&zone.0);
            local.format("%Y-%m-%d %H:%M").to_string()
        }
        (_, None, due) => due.map(|d| d.to_string()).unwrap_or_default(),
    };
    Values {
        label: label(request.kind, language).to_owned(),
        ledger: ledger.map_or_else(String::new, |l| l.title.clone()),
        task: request.task.clone(),
        title: title.to_owned(),
        text: String::new(),
        unit: directory.map_or_else(|| request.unit.clone(), |d| d.shown(&request.unit)),
        role: role(request.role, language).to_owned(),
        due,
        contact: contact.to_owned(),
        reason: reason(request.kind, &request.step, &request.reason, language),
        missing: request.missing.join("、"),
        occasion: request.occasion.clone().unwrap_or_default(),
        instead: String::new(),
        obligation: request.obligation.clone(),
        count: String::new(),
        list: String::new(),
    }
}
