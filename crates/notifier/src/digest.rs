//! One message for several notices: what it says, and in which order.

use duban_model::RecordId;
use duban_model::decision::LedgerNoted;
use duban_model::definition::Language;
use duban_model::directory::Channel;
use duban_model::gathered::NoticeBundled;
use duban_model::notice::NoticeKind;
use duban_model::record::cut;
use duban_wording::{Values, brief_item, counted, item, label, more_items};

use crate::compose;
use crate::state::{NotifierState, Pending};

/// One line of the list, at most, in bytes.
const MAX_ITEM_BYTES: usize = 700;
/// The list, at most, in bytes; what does not go in is counted.
const MAX_LIST_BYTES: usize = 24 * 1024;
/// A line that names a duty has at least so many bytes; shorter ones would not say which.
const MIN_LINE_BYTES: usize = 40;

/// How much of a message the list may be, in bytes: what the channel's service takes, less what stands
/// around the list. A list that is cut on the way would leave out duties without saying how many.
fn room(channel: Channel) -> usize {
    match channel {
        Channel::Mail | Channel::Inbox => MAX_LIST_BYTES,
        Channel::Webhook | Channel::DingtalkRobot | Channel::FeishuRobot => 15_000,
        Channel::WecomRobot => 3_300,
        Channel::WecomApp => 1_500,
        Channel::Sms => 300,
    }
}

/// How pressing a notice is: what is overdue first, what only informs last.
fn rank(kind: NoticeKind) -> u8 {
    match kind {
        NoticeKind::Escalation => 0,
        NoticeKind::Return | NoticeKind::Reopened => 1,
        NoticeKind::Reminder | NoticeKind::Catchup => 2,
        NoticeKind::Verification | NoticeKind::StillStopped => 3,
        _ => 4,
    }
}

/// The message by which held notices to one person leave, and the ledger if they are all of one. There
/// are at least two.
pub(crate) fn bundle<'a>(
    state: &NotifierState,
    held: &[(&str, &'a Pending)],
) -> (NoticeBundled, Option<&'a str>) {
    let mut held = held.to_vec();
    let first = held[0];
    held.sort_by(|(_, a), (_, b)| {
        let key = |p: &Pending| {
            let request = &p.queued.request;
            (rank(request.kind), request.due.is_none(), request.due)
        };
        let (x, y) = (key(a), key(b));
        x.cmp(&y)
            .then_with(|| {
                a.queued
                    .request
                    .obligation
                    .cmp(&b.queued.request.obligation)
            })
            .then_with(|| a.queued.notice.cmp(&b.queued.notice))
    });
    let ledger = first.1.ledger.as_deref();
    let common = held.iter().all(|(_, p)| p.ledger.as_deref() == ledger);
    let ledger = ledger.filter(|_| common);
    let wording = ledger.and_then(|ledger| state.wordings.get(ledger));
    let wording = wording.unwrap_or(&state.plain);
    let language = wording.language();
    let queued = &first.1.queued;
    let values = Values {
        label: label(NoticeKind::Digest, language).to_owned(),
        ledger: ledger
            .and_then(|ledger| state.ledgers.get(ledger))
            .map(|noted| noted.title.clone())
            .unwrap_or_default(),
        contact: queued.contact_title.clone(),
        reason: counted(&kinds(&held), language),
        count: held.len().to_string(),
        list: list(state, language, &held),
        ..Values::default()
    };
    let words = wording.words(NoticeKind::Digest, values);
    let notice = RecordId::derive(&[first.0.as_bytes(), b"gathered"]).to_string();
    let message = NoticeBundled {
        notice,
        covers: held.iter().map(|(id, _)| (*id).to_owned()).collect(),
        contact: queued.contact.clone(),
        contact_title: queued.contact_title.clone(),
        channel: queued.channel,
        address: queued.address.clone(),
        subject: words.subject,
        text: words.text,
    };
    (message, ledger)
}

/// How many there are of each sort, in the order of the list.
fn kinds(held: &[(&str, &Pending)]) -> Vec<(NoticeKind, usize)> {
    let mut kinds: Vec<(NoticeKind, usize)> = Vec::new();
    for (_, pending) in held {
        let kind = pending.queued.request.kind;
        match kinds.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((kind, 1)),
        }
    }
    kinds
}

/// One numbered line a notice, as much in it as the channel has room for.
fn list(state: &NotifierState, language: Language, held: &[(&str, &Pending)]) -> String {
    let room = room(held[0].1.queued.channel);
    let values = |pending: &Pending| {
        let noted: Option<&LedgerNoted> = pending
            .ledger
            .as_deref()
            .and_then(|ledger| state.ledgers.get(ledger));
        compose::values(
            &pending.queued.request,
            noted,
            language,
            state.directories.get(&pending.tenant),
            &pending.queued.contact_title,
        )
    };
    let full = |number: usize, pending: &Pending| {
        let instead = pending.queued.instead_of.is_some();
        let line = item(number, &values(pending), instead, language);
        cut(&line, MAX_ITEM_BYTES).to_owned()
    };
    if let Some(list) = lines(held, room, full) {
        return list;
    }
    // Line ends and the count of what is left out have their room too.
    let each = (room / held.len()).saturating_sub(1).max(MIN_LINE_BYTES);
    let brief = |number, pending: &Pending| brief_item(number, &values(pending), each, language);
    if let Some(list) = lines(held, room, brief) {
        return list;
    }
    let more = |left| more_items(left, language);
    let mut list = String::new();
    for (number, (_, pending)) in (1..).zip(held) {
        let line = brief(number, pending);
        let left = held.len() + 1 - number;
        if list.len() + line.len() + 1 + more(left).len() > room {
            list.push_str(&more(left));
            break;
        }
        list.push_str(&line);
        list.push('\n');
    }
    list.trim_end().to_owned()
}

/// A line for each, if there is room for all of them.
fn lines(
    held: &[(&str, &Pending)],
    room: usize,
    line: impl Fn(usize, &Pending) -> String,
) -> Option<String> {
    let mut list = String::new();
    for (number, (_, pending)) in (1..).zip(held) {
        if number > 1 {
            list.push('\n');
        }
        list.push_str(&line(number, pending));
        if list.len() > room {
            return None;
        }
    }
    Some(list)
}
