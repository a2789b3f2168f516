//! The envelope: CloudEvents 1.0 in JSON with our attributes. Strict both ways.

use std::borrow::Cow;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::body::{Body, RecordType};
use crate::id::{LedgerId, MAX_ID_BYTES, RecordId, Tenant, is_plain_id};
use crate::instant::Timestamp;

/// The largest event accepted from outside, in bytes. A definition with its texts is the largest honest one.
pub const MAX_EVENT_BYTES: usize = 512 * 1024;

/// One record on the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its identity.
    pub id: RecordId,
    /// Who produced it: the producer's own source for a fact, `duban/<service>` for a decision.
    pub source: Cow<'static, str>,
    /// For whom.
    pub tenant: Tenant,
    /// Which ledger it belongs to, if to one.
    pub ledger: Option<LedgerId>,
    /// What it is about, for people: mostly an obligation id.
    pub subject: Option<String>,
    /// The producer's claim of when it happened (facts).
    pub time: Option<Timestamp>,
    /// When the log took notice; stamped once, at the intake, and inherited by decisions.
    pub loggedat: Timestamp,
    /// The record it was decided on.
    pub cause: Option<RecordId>,
    /// The outermost cause.
    pub correlation: RecordId,
    /// The hash of the deployed definition it was decided under.
    pub definition: Option<String>,
    /// The producer's id for a fact, unique within its source.
    pub origin: Option<String>,
    /// Type and data.
    pub body: Body,
}

impl Record {
    /// Its type.
    pub fn record_type(&self) -> RecordType {
        self.body.record_type()
    }

    /// The record as one CloudEvent in compact JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("records serialise")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRecord<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: RecordId,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    time: Option<Timestamp>,
    tenant: Tenant,
    #[serde(default)]
    ledger: Option<LedgerId>,
    loggedat: Timestamp,
    #[serde(default)]
    causationid: Option<RecordId>,
    correlationid: RecordId,
    #[serde(default)]
    definition: Option<String>,
    #[serde(default)]
    originid: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut s = serializer.serialize_struct("Record", 14)?;
        s.serialize_field("specversion", "1.0")?;
        s.serialize_field("id", &self.id)?;
        s.serialize_field("source", &self.source)?;
        s.serialize_field("type", self.record_type().as_str())?;
        if let Some(subject) = &self.subject {
            s.serialize_field("subject", subject)?;
        }
        if let Some(time) = &self.time {
            s.serialize_field("time", time)?;
        }
        s.serialize_field("tenant", &self.tenant)?;
        if let Some(ledger) = &self.ledger {
            s.serialize_field("ledger", ledger)?;
        }
        s.serialize_field("loggedat", &self.loggedat)?;
        if let Some(cause) = &self.cause {
            s.serialize_field("causationid", cause)?;
        }
        s.serialize_field("correlationid", &self.correlation)?;
        if let Some(definition) = &self.definition {
            s.serialize_field("definition", definition)?;
        }
        if let Some(origin) = &self.origin {
            s.serialize_field("originid", origin)?;
        }
        s.serialize_field("data", &self.body)?;
        s.end()
    }
}

impl<'de> Deserialize<'de> for Record {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let wire = WireRecord::deserialize(deserializer)?;
        if wire.specversion != "1.0" {
            return Err(D::Error::custom(format!(
                "specversion `{}` is not 1.0",
                wire.specversion
            )));
        }
        let kind = RecordType::parse(&wire.kind).ok_or_else(|| {
            D::Error::custom(format!(
                "record type `{}` is not known to this release",
                wire.kind
            ))
        })?;
        let body = Body::parse(kind, wire.data)
            .map_err(|fault| D::Error::custom(format!("data of {}: {fault}", wire.kind)))?;
        Ok(Record {
            id: wire.id,
            source: match &*wire.source {
                // Decisions repeat these four sources; they need no allocation.
                "duban/intake" => Cow::Borrowed("duban/intake"),
                "duban/rules" => Cow::Borrowed("duban/rules"),
                "duban/scheduler" => Cow::Borrowed("duban/scheduler"),
                "duban/notifier" => Cow::Borrowed("duban/notifier"),
                other => Cow::Owned(other.to_owned()),
            },
            tenant: wire.tenant,
            ledger: wire.ledger,
            subject: wire.subject,
            time: wire.time,
            loggedat: wire.loggedat,
            cause: wire.causationid,
            correlation: wire.correlationid,
            definition: wire.definition,
            origin: wire.originid,
            body,
        })
    }
}

/// An event as a producer sends it: the CloudEvents envelope before the intake has stamped it.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// The producer's id, unique within its source.
    pub id: String,
    /// The producer.
    pub source: String,
    /// Its type.
    pub kind: RecordType,
    /// When it happened, as the producer claims.
    pub time: Option<Timestamp>,
    /// For whom.
    pub tenant: Tenant,
    /// Which ledger.
    pub ledger: Option<LedgerId>,
    /// Type and data.
    pub body: Body,
}

/// Why an event cannot be read, with as much of its identity as could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvelopeFault {
    /// A stable code such as `unknown-field`.
    pub code: &'static str,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// How to mend it.
    pub remedy: String,
    /// Its type, if readable.
    pub event_type: Option<String>,
    /// Its source, if readable.
    pub event_source: Option<String>,
    /// Its id, if readable.
    pub event_id: Option<String>,
    /// Its tenant, if readable.
    pub tenant: Option<String>,
}

impl fmt::Display for EnvelopeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}] {}; expected {}. {}",
            self.code, self.found, self.expected, self.remedy
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEvent<'a> {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    #[allow(dead_code)] // a standard attribute, accepted and not needed
    subject: Option<String>,
    #[serde(default)]
    time: Option<String>,
    #[serde(default)]
    datacontenttype: Option<String>,
    #[serde(default)]
    #[allow(dead_code)] // a standard attribute, accepted and not needed
    dataschema: Option<String>,
    tenant: String,
    #[serde(default)]
    ledger: Option<String>,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize, Default)]
struct Glimpse {
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(default)]
    source: Option<serde_json::Value>,
    #[serde(default, rename = "type")]
    kind: Option<serde_json::Value>,
    #[serde(default)]
    tenant: Option<serde_json::Value>,
}

impl Envelope {
    /// Reads one CloudEvent in JSON (structured mode). Every limit is checked here; whether the
    /// tenant, units and tasks exist is the intake's and the rules' business.
    pub fn parse(bytes: &[u8]) -> Result<Envelope, Box<EnvelopeFault>> {
        let glimpse = || -> Glimpse { serde_json::from_slice(bytes).unwrap_or_default() };
        let fault = |code, found: String, expected: &str, remedy: &str| {
            let seen = if bytes.len() <= MAX_EVENT_BYTES {
                glimpse()
            } else {
                Glimpse::default()
            };
            let text = |v: Option<serde_json::Value>| {
                v.and_then(|v| v.as_str().map(|s| cut(s, MAX_ID_BYTES).to_owned()))
            };
            Box::new(EnvelopeFault {
                code,
                found,
                expected: expected.to_owned(),
                remedy: remedy.to_owned(),
                event_type: text(seen.kind),
                event_source: text(seen.source),
                event_id: text(seen.id),
                tenant: text(seen.tenant),
            })
        };
        if bytes.len() > MAX_EVENT_BYTES {
            return Err(fault(
                "too-large",
                format!("an event of {} bytes", bytes.len()),
                &format!("at most {MAX_EVENT_BYTES} bytes"),
                "Send a link to the document, not the document.",
            ));
        }
        let wire: WireEvent<'_> = serde_json::from_slice(bytes).map_err(|error| {
            let code = if error.to_string().starts_with("unknown field") {
                "unknown-field"
            } else {
                "undecodable"
            };
            fault(
                code,
                error.to_string(),
                "one CloudEvents 1.0 event in JSON with specversion, id, source, type, tenant and data",
                "Compare it with workflows/README.md and send it again under a new id.",
            )
        })?;
        if wire.specversion != "1.0" {
            return Err(fault(
                "specversion",
                format!("specversion `{}`", cut(&wire.specversion, 40)),
                "`1.0`",
                "Send CloudEvents 1.0.",
            ));
        }
        for (name, value) in [("id", &wire.id), ("source", &wire.source)] {
            if value.is_empty() || value.len() > MAX_ID_BYTES || value.chars().any(char::is_control)
            {
                return Err(fault(
                    "bad-id",
                    format!("{name} `{}` of {} bytes", cut(value, 60), value.len()),
                    &format!("1 to {MAX_ID_BYTES} bytes without control characters"),
                    "Give every event an id of its own that stays the same when it is sent again.",
                ));
            }
        }
        if let Some(kind) = wire.datacontenttype.as_deref().filter(|k| {
            !k.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .eq_ignore_ascii_case("application/json")
        }) {
            return Err(fault(
                "content-type",
                format!("datacontenttype `{}`", cut(kind, 60)),
                "`application/json`",
                "Send the data as JSON.",
            ));
        }
        // A tenant is one word of a subject, so it has no dots.
        if !is_plain_id(&wire.tenant) || wire.tenant.contains('.') {
            return Err(fault(
                "bad-tenant",
                format!("tenant `{}`", cut(&wire.tenant, 60)),
                "letters, digits, `-`, `_`",
                "Use the office's tenant id.",
            ));
        }
        if let Some(ledger) = wire.ledger.as_deref().filter(|l| !is_plain_id(l)) {
            return Err(fault(
                "bad-ledger",
                format!("ledger `{}`", cut(ledger, 60)),
                "letters, digits, `-`, `_`, `.`",
                "Use the id that the ledger's definition gives.",
            ));
        }
        let kind = RecordType::parse(&wire.kind)
            .filter(|kind| kind.class() == crate::body::Class::Fact)
            .ok_or_else(|| {
                fault(
                    "unknown-type",
                    format!("type `{}`", cut(&wire.kind, 100)),
                    "a type that producers may send, such as duban.publication.published or duban.task.submitted",
                    "Correct the type; decisions such as duban.obligation.* are written by Duban alone.",
                )
            })?;
        let time = match wire.time.as_deref().map(str::parse::<Timestamp>) {
            None => None,
            Some(Ok(time)) => Some(time),
            Some(Err(error)) => {
                return Err(fault(
                    "bad-time",
                    error,
                    "an RFC 3339 time with an offset",
                    "Send e.g. 2021-06-28T09:10:00+08:00, or leave `time` out.",
                ));
            }
        };
        let body = Body::parse(kind, wire.data).map_err(|error| {
            let code = if error.to_string().starts_with("unknown field") {
                "unknown-field"
            } else {
                "bad-data"
            };
            fault(
                code,
                format!("data of {}: {error}", kind.as_str()),
                "the fields that workflows/README.md lists for this type",
                "Correct the data and send it again under a new id.",
            )
        })?;
        Ok(Envelope {
            id: wire.id,
            source: wire.source,
            kind,
            time,
            tenant: wire.tenant,
            ledger: wire.ledger,
            body,
        })
    }

    /// The event as CloudEvents JSON, for those of our own parts that submit one.
    pub fn to_json(&self) -> String {
        let mut object = serde_json::Map::new();
        let mut put = |name: &str, value: String| {
            object.insert(name.to_owned(), serde_json::Value::String(value));
        };
        put("specversion", "1.0".to_owned());
        put("id", self.id.clone());
        put("source", self.source.clone());
        put("type", self.kind.as_str().to_owned());
        if let Some(time) = self.time {
            put("time", time.to_string());
        }
        put("tenant", self.tenant.clone());
        if let Some(ledger) = &self.ledger {
            put("ledger", ledger.clone());
        }
        object.insert(
            "data".to_owned(),
            serde_json::to_value(&self.body).expect("facts serialise"),
        );
        serde_json::Value::Object(object).to_string()
    }
}

/// The first `limit` bytes of a text, cut between what a reader takes for characters.
pub fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while !is_between(text, end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether a place in bytes lies between two of what a reader takes for characters: not within the
/// bytes of one, not before an accent, a selector of a variant (as Han and Mongolian have) or a
/// shade of skin, not beside a joiner, not within a flag.
pub fn is_between(text: &str, place: usize) -> bool {
    if !text.is_char_boundary(place) {
        return false;
    }
    let (before, after) = text.split_at(place);
    let (Some(last), Some(next)) = (before.chars().next_back(), after.chars().next()) else {
        return true;
    };
    let is_letter_of_flag = |c: char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    let letters = before.chars().rev().take_while(|c| is_letter_of_flag(*c));
    let within_flag = is_letter_of_flag(next) && letters.count() % 2 == 1;
    last != JOINER && !belongs_before(next) && !within_flag
}

/// Joins two characters into one, as in pictures of families.
const JOINER: char = '\u{200d}';

/// True for a sign that only changes the one before it.
fn belongs_before(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{180b}'..='\u{180f}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | JOINER
        | '\u{20d0}'..='\u{20ff}' | '\u{302a}'..='\u{302f}' | '\u{3099}'..='\u{309a}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}' | '\u{e0100}'..='\u{e01ef}')
}
