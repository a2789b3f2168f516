//! A notice as a mail.

use duban_model::{Message, RecordId};
use lettre::Address;
use lettre::message::header::{ContentDisposition, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, MultiPartKind, SinglePart};

use super::mail_html::html;
use super::mail_ics::calendar;
use super::text::{answer_words, is_chinese, one_row, repeat_label};

/// The domain of message ids; ids need not resolve, only stay the same.
const ID_DOMAIN: &str = "notice.duban.example";

/// The mail of a notice. Its Message-ID is the notice's, the same for every attempt; notices about
/// one obligation form a thread.
pub fn compose_mail(message: &Message, from: &str) -> Result<lettre::Message, String> {
    let address = message
        .address
        .as_deref()
        .ok_or_else(|| "the contact has no mail address".to_owned())?;
    let address: Address = address
        .parse()
        .map_err(|fault| format!("address `{address}`: {fault}"))?;
    let from: Mailbox = from
        .parse()
        .map_err(|fault| format!("sender `{from}`: {fault}"))?;
    let thread = RecordId::derive(&[message.tenant.as_bytes(), message.obligation.as_bytes()]);
    let mut builder: MessageBuilder = lettre::Message::builder()
        .from(from)
        // Titles come from documents; a header is one line.
        .to(Mailbox::new(Some(one_row(&message.contact_title)), address))
        .subject(one_row(&message.subject))
        .date(std::time::SystemTime::from(message.at.utc()))
        .message_id(Some(format!("<{}@{ID_DOMAIN}>", message.notice)))
        .references(format!("<{thread}@{ID_DOMAIN}>"))
        .in_reply_to(format!("<{thread}@{ID_DOMAIN}>"));
    for (name, value) in [
        // RFC 3834: no automatic reply is wanted, and none counts as an acknowledgement.
        ("Auto-Submitted", "auto-generated".to_owned()),
        ("X-Auto-Response-Suppress", "OOF".to_owned()),
        ("X-Duban-Notice", message.notice.clone()),
        ("X-Duban-Kind", message.kind.clone()),
        ("X-Duban-Step", one_row(&message.step)),
        ("X-Duban-Attempt", message.attempt.to_string()),
        (
            "X-Duban-Possible-Duplicate",
            if message.possible_duplicate {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
        ),
    ] {
        let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|f| f.to_string())?;
        builder = builder.raw_header(HeaderValue::new(name, value));
    }
    let mut text = message.text.clone();
    if let Some(address) = &message.answer {
        let words = answer_words(message, is_chinese(&message.text));
        text = format!("{}\n\n{words}:\n{address}", text.trim_end());
    }
    if message.possible_duplicate {
        text.push_str("\n\n");
        text.push_str(repeat_label(is_chinese(&message.text)));
    }
    // Boundaries follow from the notice, so that every attempt is the same mail.
    let words = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("words-{}", message.notice))
        .singlepart(SinglePart::plain(text))
        .singlepart(SinglePart::html(html(message)));
    let whole = match calendar(message) {
        None => words,
        Some(entry) => MultiPart::builder()
            .kind(MultiPartKind::Mixed)
            .boundary(format!("whole-{}", message.notice))
            .multipart(words)
            .singlepart(entry_part(entry)?),
    };
    builder.multipart(whole).map_err(|fault| fault.to_string())
}

fn entry_part(entry: String) -> Result<SinglePart, String> {
    let kind = ContentType::parse("text/calendar; charset=utf-8; method=PUBLISH");
    Ok(SinglePart::builder()
        .header(kind.map_err(|fault| fault.to_string())?)
        .header(ContentDisposition::attachment("due.ics"))
        .body(entry))
}
