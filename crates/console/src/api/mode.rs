//! The three ways in which the HTTP binding of CloudEvents 1.0 carries events: structured, batched,
//! and binary, where the attributes are headers. Each becomes the JSON of its events.

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::asked::percent_decoded;
use super::problem::{Code, Fault, Problem};

/// Media type of one event.
pub(super) const EVENT: &str = "application/cloudevents+json";
/// Media type of several.
pub(super) const BATCH: &str = "application/cloudevents-batch+json";
/// How the headers of the binary mode begin.
const PREFIX: &str = "ce-";

/// How events come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One event as JSON.
    Structured,
    /// A JSON array of events.
    Batched,
    /// Attributes as headers, data as the body.
    Binary,
}

/// The media type that the headers say, and whether it is in UTF-8.
pub(super) fn media_of(headers: &HeaderMap) -> Option<(String, bool)> {
    let text = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next()?.to_ascii_lowercase();
    // JSON is UTF-8; whoever says otherwise sends something else.
    let foreign = parts.any(|part| {
        let lower = part.to_ascii_lowercase();
        let charset = lower.strip_prefix("charset=").map(|c| c.trim_matches('"'));
        charset.is_some_and(|charset| charset != "utf-8")
    });
    Some((media, !foreign))
}

impl Mode {
    /// The mode that the headers say.
    ///
    /// # Errors
    /// If the body is of no type that carries events.
    pub fn of(headers: &HeaderMap) -> Result<Mode, Problem> {
        let media = media_of(headers);
        let is_binary = headers.contains_key("ce-specversion");
        match &media {
            Some((media, true)) if media == EVENT => Ok(Mode::Structured),
            Some((media, true)) if media == BATCH => Ok(Mode::Batched),
            Some((media, true)) if is_binary && media == "application/json" => Ok(Mode::Binary),
            _ => {
                let found = headers.get(CONTENT_TYPE).map_or_else(
                    || "no Content-Type".to_owned(),
                    |kind| {
                        let kind = String::from_utf8_lossy(kind.as_bytes());
                        format!("Content-Type: {}", duban_model::record::cut(&kind, 100))
                    },
                );
                Err(Problem::new(
                    Code::WrongMediaType,
                    found,
                    format!(
                        "{EVENT}, {BATCH}, or application/json with the attributes as ce-* headers, in UTF-8"
                    ),
                    "Say by Content-Type how the events are carried.",
                ))
            }
        }
    }
}

/// The events of a body, each as JSON text.
///
/// # Errors
/// If the body is not JSON, or a header cannot be read.
pub(super) fn events(mode: Mode, headers: &HeaderMap, body: &[u8]) -> Result<Vec<String>, Problem> {
    match mode {
        Mode::Structured => Ok(vec![raw(body)?.get().to_owned()]),
        Mode::Binary => Ok(vec![binary(headers, body)?]),
        Mode::Batched => {
            raw(body)?;
            let events: Vec<&RawValue> = serde_json::from_slice(body).map_err(|_| {
                Problem::new(
                    Code::BadEvent,
                    "JSON that is no array",
                    "a JSON array of events",
                    "Send a single event as application/cloudevents+json.",
                )
                .with(vec![Fault {
                    pointer: String::new(),
                    code: "no-array".to_owned(),
                    found: "JSON that is no array".to_owned(),
                    expected: "a JSON array of events".to_owned(),
                    remedy: "Put the events into one array.".to_owned(),
                }])
            })?;
            Ok(events
                .into_iter()
                .map(|event| event.get().to_owned())
                .collect())
        }
    }
}

fn raw(body: &[u8]) -> Result<&RawValue, Problem> {
    serde_json::from_slice(body).map_err(|fault| {
        Problem::new(
            Code::BadJson,
            format!("a body of {} bytes that is not JSON: {fault}", body.len()),
            "JSON in UTF-8",
            "Look at the body at the line and column that are named.",
        )
    })
}

/// One event whose attributes are headers (HTTP binding, 3.1).
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<String, Problem> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else {
            continue;
        };
        let bad = |what: &str| {
            Problem::new(
                Code::BadHeader,
                format!("the header {name}, {what}"),
                "an attribute in printable ASCII, with everything else percent-encoded as UTF-8",
                "Encode spaces, quotes, percent signs and Chinese characters, e.g. %E9%80%9A.",
            )
        };
        let text = decoded(value.as_bytes()).ok_or_else(|| bad("which cannot be decoded"))?;
        let twice = event.insert(attribute.to_owned(), Value::String(text));
        if twice.is_some() {
            return Err(bad("which comes twice"));
        }
    }
    let data = raw(body)?;
    let mut text = Value::Object(event).to_string();
    // The data stays as it was written: a value of our own would round its numbers.
    text.pop();
    let comma = if text.len() > 1 { "," } else { "" };
    text.push_str(comma);
    text.push_str("\"data\":");
    text.push_str(data.get());
    text.push('}');
    Ok(text)
}

/// The value of a header (3.1.3.2): a quoted text is unquoted, then escapes are decoded, once.
fn decoded(value: &[u8]) -> Option<String> {
    let printable = |byte: &u8| (b' '..=b'~').contains(byte);
    if !value.iter().all(printable) {
        return None;
    }
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let plain = match quoted {
        None => value.to_vec(),
        Some(inner) => {
            let mut plain = Vec::with_capacity(inner.len());
            let mut bytes = inner.iter();
            while let Some(byte) = bytes.next() {
                plain.push(match byte {
                    b'\\' => *bytes.next()?,
                    b'"' => return None,
                    byte => *byte,
                });
            }
            plain
        }
    };
    String::from_utf8(percent_decoded(&plain, true)?).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        };
        let mut map = HeaderMap::new();
        for each in lines {
            let (name, value) = line(each);
            map.append(name, value);
        }
        map
    }

    #[test]
    fn header_values_are_decoded_as_the_binding_says() {
        for (sent, meant) in [
            ("tongliao", "tongliao"),
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
            ("%e9%80%9A%E8%BE%BD", "通辽"),
            ("100%25", "100%"),
            // One round only.
            ("%2541", "%41"),
            // What begins no escape stands for itself.
            ("100%", "100%"),
            ("\"a \\\"b\\\\c\"", "a \"b\\c"),
            ("\"%E9%80%9A\"", "通"),
        ] {
            assert_eq!(decoded(sent.as_bytes()).as_deref(), Some(meant), "{sent}");
        }
        for bad in ["%FF", "\"a\\\"", "通辽", "a\u{7f}"] {
            assert_eq!(decoded(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn the_type_of_the_body_says_the_mode() {
        let of = |lines: &[_]| Mode::of(&headers(lines)).map_err(|problem| problem.code());
        let kind = |kind| [("content-type", kind)];
        assert_eq!(of(&kind(EVENT)), Ok(Mode::Structured));
        assert_eq!(
            of(&kind("Application/CloudEvents+JSON; charset=UTF-8")),
            Ok(Mode::Structured)
        );
        assert_eq!(of(&kind(BATCH)), Ok(Mode::Batched));
        let binary = [
            ("content-type", "application/json"),
            ("ce-specversion", "1.0"),
        ];
        assert_eq!(of(&binary), Ok(Mode::Binary));
        for wrong in [
            "application/json",
            "text/plain",
            "application/cloudevents+json; charset=gbk",
            "",
        ] {
            assert_eq!(of(&kind(wrong)), Err(Code::WrongMediaType), "{wrong}");
        }
        assert_eq!(of(&[]), Err(Code::WrongMediaType));
    }

    #[test]
    fn a_binary_event_is_the_same_as_a_structured_one() {
        let lines = headers(&[
            ("ce-specversion", "1.0"),
            ("ce-id", "%E9%80%9A-12"),
            ("ce-source", "https://www.tongliao.example/cms"),
            ("ce-type", "duban.publication.withdrawn"),
            ("ce-tenant", "tongliao"),
            ("content-type", "application/json"),
            ("user-agent", "a CMS"),
        ]);
        let body = br#" {"publication": "1", "unit": "city-spj"} "#;
        let events = events(Mode::Binary, &lines, body).unwrap();
        let event = duban_model::Envelope::parse(events[0].as_bytes()).unwrap();
        assert_eq!((&*event.id, &*event.tenant), ("通-12", "tongliao"));

        let twice = headers(&[("ce-id", "1"), ("ce-id", "2")]);
        let refused = super::events(Mode::Binary, &twice, body).unwrap_err();
        assert_eq!(refused.code(), Code::BadHeader);
    }
}
