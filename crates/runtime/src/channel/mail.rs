//! Mail over SMTP, and the message itself.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use duban_model::{Message, RecordId};
use lettre::message::header::{ContentDisposition, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, MultiPartKind, SinglePart};
use lettre::transport::smtp::response::Severity;
use lettre::transport::smtp::{AsyncSmtpTransportBuilder, Error as SmtpError, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use tokio::time::timeout;

use super::Answer;
use super::mail_html::html;
use super::mail_ics::calendar;
use super::text::{answer_words, is_chinese, one_row, repeat_label};

/// The domain of message ids; ids need not resolve, only stay the same.
const ID_DOMAIN: &str = "notice.duban.example";

/// A dialogue that takes longer, in seconds, is broken off, and its outcome unknown.
const DIALOGUE_SECONDS: u64 = 25;
/// Connections that one line may hold: the one in use, and the one before it on its way back.
const LINE_CONNECTIONS: u32 = 2;

/// Connections of its own to the server, for one dialogue at a time.
type Line = AsyncSmtpTransport<Tokio1Executor>;

/// A mail server.
pub struct Smtp {
    builder: AsyncSmtpTransportBuilder,
    /// Lines whose last dialogue came to its end. A line whose dialogue was broken off is not among
    /// them: its server's late answers would be taken for answers about the next mail.
    lines: Mutex<Vec<Line>>,
    from: String,
}

impl fmt::Debug for Smtp {
    /// Without the server, whose address holds a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

impl Smtp {
    /// A server by URL: `smtps://user:password@host`, `smtp://host:25` or `smtp://host:587?tls=required`.
    pub fn new(url: &str, from: String) -> Result<Smtp, String> {
        from.parse::<Mailbox>()
            .map_err(|fault| format!("sender `{from}`: {fault}"))?;
        let builder = Line::from_url(url).map_err(|fault| {
            format!("mail server: {fault}; expected e.g. smtps://user:password@host")
        })?;
        let pool = PoolConfig::new().max_size(LINE_CONNECTIONS);
        Ok(Smtp {
            builder: builder.pool_config(pool),
            lines: Mutex::new(Vec::new()),
            from,
        })
    }

    fn lines(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn send(&self, message: &Message) -> Answer {
        let mail = match compose_mail(message, &self.from) {
            Ok(mail) => mail,
            Err(why) => return Answer::refused(why),
        };
        let line = self.lines().pop();
        let line = line.unwrap_or_else(|| self.builder.clone().build());
        let limit = Duration::from_secs(DIALOGUE_SECONDS);
        let Ok(sent) = timeout(limit, line.send(mail)).await else {
            return Answer::unknown(format!("no answer within {DIALOGUE_SECONDS} s"));
        };
        // The connection goes back by a task of its own.
        tokio::task::yield_now().await;
        self.lines().push(line);
        match sent {
            // Nothing but 2xx says that it took the mail.
            Ok(response) if response.code().severity != Severity::PositiveCompletion => {
                Answer::unknown(response.message().collect::<Vec<_>>().join(" "))
            }
            Ok(response) => Answer::delivered(response.message().collect::<Vec<_>>().join(" ")),
            Err(fault) => answer_of(&fault),
        }
    }
}

/// What a failed dialogue means. Whatever breaks after the connection stood may have been taken
/// by the server, so it is unknown rather than failed.
fn answer_of(fault: &SmtpError) -> Answer {
    let told = fault.to_string();
    if fault.is_permanent() || fault.is_client() {
        Answer::refused(told)
    } else if fault.is_transient() {
        // 421 is the server closing for everybody; 450 and the like are about one mailbox.
        match fault.status().map(|code| code.to_string()).as_deref() {
            Some("421") => Answer::down(told),
            _ => Answer::failed(told),
        }
    } else if fault.is_tls() || told.starts_with("Connection error") {
        Answer::down(told)
    } else {
        Answer::unknown(told)
    }
}

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
