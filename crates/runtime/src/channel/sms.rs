//! Short messages (短信) through an HTTP gateway that is described, not known: every office has
//! another one.

use std::collections::BTreeMap;
use std::fmt;

use duban_model::Message;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use serde_json::Value;

use super::http::{self, Ending, Heard};
use super::text::{Link, Style, Written, bytes, one_line, write};
use super::{Answer, Secret};

/// The longest text unless configured otherwise, in bytes: about 200 Chinese characters, three parts.
pub const SMS_TEXT_BYTES: usize = 600;
/// The longest that can be configured, in bytes.
pub const MAX_SMS_TEXT_BYTES: usize = 3_000;
/// The shortest, in bytes: less does not hold the note that a text was cut.
pub const MIN_SMS_TEXT_BYTES: usize = 200;
/// The names that a request's texts may use in braces.
pub const SMS_PLACEHOLDERS: [&str; 4] = ["phone", "text", "notice", "attempt"];

/// How a request carries the message.
#[derive(Clone, Debug, PartialEq)]
pub enum SmsBody {
    /// As JSON; placeholders stand within its strings.
    Json(Value),
    /// As form fields.
    Form(BTreeMap<String, String>),
    /// In the query of the address, without a body.
    Query(BTreeMap<String, String>),
}

/// What in a JSON answer says what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsField {
    /// Where, as a JSON pointer: `/code`, `/data/0/status`.
    pub pointer: String,
    /// The values that mean it, as texts; numbers are written as texts.
    pub values: Vec<String>,
}

/// How the gateway says what became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsSigns {
    /// The statuses with which it can say yes.
    pub statuses: Vec<u16>,
    /// Where in the body it says yes.
    pub yes: SmsField,
    /// The values at the same place that mean: no, and asking again will not help.
    pub refused: Vec<String>,
    /// The values at the same place that mean: too many now.
    pub busy: Vec<String>,
    /// How long it is left alone then, in seconds.
    pub busy_seconds: u64,
}

/// How a gateway is asked.
#[derive(Clone)]
pub struct SmsRequest {
    /// `get` or `post`.
    pub post: bool,
    /// The address.
    pub url: String,
    /// Headers; each is a secret for all we know.
    pub headers: BTreeMap<String, Secret>,
    /// What is sent.
    pub body: SmsBody,
    /// Secrets by the names that texts use in braces.
    pub secrets: BTreeMap<String, Secret>,
    /// The longest text, in bytes.
    pub text_bytes: usize,
}

/// One gateway.
pub struct Sms {
    client: Client,
    url: Url,
    headers: HeaderMap,
    request: Box<SmsRequest>,
    signs: Box<SmsSigns>,
}

impl fmt::Debug for Sms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sms")
            .field("host", &self.url.host_str())
            .finish_non_exhaustive()
    }
}

impl Sms {
    /// A gateway that is asked so and answers so.
    pub fn new(request: SmsRequest, signs: SmsSigns) -> Result<Sms, String> {
        let url = if request.secrets.is_empty() && request.headers.is_empty() {
            http::address("SMS gateway", &request.url)?
        } else {
            http::guarded_address("SMS gateway", &request.url)?
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let key: HeaderName = name
                .parse()
                .map_err(|_| format!("SMS gateway: `{name}` is no header name"))?;
            let mut value = HeaderValue::from_str(value.reveal()).map_err(|_| {
                format!("SMS gateway: the value of header `{name}` has signs that none may have")
            })?;
            value.set_sensitive(true);
            headers.insert(key, value);
        }
        let used = match &request.body {
            SmsBody::Json(body) => placeholders_in(body),
            SmsBody::Form(fields) | SmsBody::Query(fields) => fields
                .values()
                .flat_map(|text| placeholders(text))
                .collect(),
        };
        for name in &used {
            if !SMS_PLACEHOLDERS.contains(&name.as_str()) && !request.secrets.contains_key(name) {
                return Err(format!(
                    "SMS gateway: found placeholder `{{{name}}}`, expected one of {} or a name under secrets",
                    SMS_PLACEHOLDERS.join(", ")
                ));
            }
        }
        for name in ["phone", "text"] {
            if !used.iter().any(|used| used == name) {
                return Err(format!(
                    "SMS gateway: found no `{{{name}}}` in what is sent, expected the gateway to be told it"
                ));
            }
        }
        if matches!(
            (&request.body, request.post),
            (SmsBody::Json(_) | SmsBody::Form(_), false)
        ) {
            return Err(
                "SMS gateway: found method get with a body, expected post, or query".to_owned(),
            );
        }
        let limits = MIN_SMS_TEXT_BYTES..=MAX_SMS_TEXT_BYTES;
        if !limits.contains(&request.text_bytes) {
            return Err(format!(
                "SMS gateway: found text_bytes {}, expected {MIN_SMS_TEXT_BYTES} to {MAX_SMS_TEXT_BYTES}",
                request.text_bytes
            ));
        }
        if signs
            .statuses
            .iter()
            .any(|status| !(200..300).contains(status))
        {
            return Err(
                "SMS gateway: found a status of success that is not 2xx, expected e.g. 200"
                    .to_owned(),
            );
        }
        if signs.statuses.is_empty() || signs.yes.values.is_empty() {
            return Err(
                "SMS gateway: found no sign of success, expected statuses and values".to_owned(),
            );
        }
        Ok(Sms {
            client: http::client()?,
            url,
            headers,
            request: Box::new(request),
            signs: Box::new(signs),
        })
    }

    pub(super) fn secrets(&self) -> Vec<&Secret> {
        let request = &self.request;
        request
            .secrets
            .values()
            .chain(request.headers.values())
            .collect()
    }

    pub(super) async fn send(&self, message: &Message, phone: Option<&Secret>) -> Answer {
        let Some(phone) = phone else {
            return Answer::failed(format!(
                "no phone number of {} is configured here; give it in the file of --channels under people",
                message.contact
            ));
        };
        let text = text(message, self.request.text_bytes).text;
        let attempt = message.attempt.to_string();
        let fill = |template: &str| {
            filled(template, |name| match name {
                "phone" => Some(phone.reveal()),
                "text" => Some(text.as_str()),
                "notice" => Some(message.notice.as_str()),
                "attempt" => Some(attempt.as_str()),
                other => self.request.secrets.get(other).map(Secret::reveal),
            })
        };
        let method = if self.request.post {
            Method::POST
        } else {
            Method::GET
        };
        let request = self
            .client
            .request(method, self.url.clone())
            .headers(self.headers.clone());
        let all = |fields: &BTreeMap<String, String>| {
            let pairs = fields.iter().map(|(name, text)| (name.clone(), fill(text)));
            pairs.collect::<Vec<_>>()
        };
        let request = match &self.request.body {
            SmsBody::Json(body) => request
                .header("content-type", "application/json")
                .body(filled_in(body, &fill).to_string()),
            SmsBody::Form(fields) => request.form(&all(fields)),
            SmsBody::Query(fields) => request.query(&all(fields)),
        };
        let mut answer = match http::exchange(request).await {
            Ok(heard) => self.judged(&heard),
            Err(answer) => answer,
        };
        answer.detail = phone.blot(&answer.detail);
        answer
    }

    /// Delivered only if status and body both say so as configured.
    fn judged(&self, heard: &Heard) -> Answer {
        let signs = &self.signs;
        let said = heard
            .json()
            .and_then(|body| body.pointer(&signs.yes.pointer).and_then(as_text));
        if heard.ending == Ending::Broken && heard.is_well() {
            return Answer::unknown(format!("{}: the answer breaks off", heard.told()));
        }
        let told = heard.told();
        let is = |values: &[String]| said.as_ref().is_some_and(|said| values.contains(said));
        if heard.status == 429 || heard.status >= 500 {
            heard.by_status()
        } else if is(&signs.refused) {
            Answer::refused(told)
        } else if is(&signs.busy) {
            Answer::busy(told, std::time::Duration::from_secs(signs.busy_seconds))
                .max_wait(heard.wait)
        } else if !heard.is_well() {
            heard.by_status()
        } else if said.is_none() {
            Answer::unknown(format!("the answer cannot be read: {told}"))
        } else if is(&signs.yes.values) && signs.statuses.contains(&heard.status) {
            Answer::delivered(told)
        } else {
            Answer::failed(told).after(heard.wait)
        }
    }
}

/// How a short message of so many bytes is written.
pub(super) fn style(limit: usize) -> Style {
    Style {
        limit,
        measure: bytes,
        line_end: " ",
        subject: ("", " "),
        escape: one_line,
        link: Link::Short,
    }
}

/// The short message of at most so many bytes.
pub(super) fn text(message: &Message, limit: usize) -> Written {
    write(message, &style(limit), message.possible_duplicate, "")
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The names that stand in braces.
fn placeholders(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    filled(text, |name| {
        names.push(name.to_owned());
        Some("")
    });
    names
}

fn placeholders_in(body: &Value) -> Vec<String> {
    match body {
        Value::String(text) => placeholders(text),
        Value::Array(items) => items.iter().flat_map(placeholders_in).collect(),
        Value::Object(fields) => fields.values().flat_map(placeholders_in).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// A template with its placeholders replaced; values are not looked into again. Braces around what
/// is no name stay.
fn filled<'a>(template: &str, mut value: impl FnMut(&str) -> Option<&'a str>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let name = rest[1..].split_once('}').map(|(name, _)| name);
        let is_name = |name: &&str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        match name.filter(is_name).map(|name| (name, value(name))) {
            Some((name, Some(value))) => {
                out.push_str(value);
                rest = &rest[name.len() + 2..];
            }
            _ => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

fn filled_in(body: &Value, fill: &dyn Fn(&str) -> String) -> Value {
    match body {
        Value::String(text) => Value::String(fill(text)),
        Value::Array(items) => items.iter().map(|item| filled_in(item, fill)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), filled_in(value, fill)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_in_once_and_never_looked_into() {
        let value = |name: &str| match name {
            "text" => Some("{phone} \"},{\"x\":1"),
            "phone" => Some("138"),
            _ => None,
        };
        assert_eq!(
            filled("a{text}b{phone}{other}{", value),
            "a{phone} \"},{\"x\":1b138{other}{"
        );
        assert_eq!(placeholders("{a} {b_1} { } {}"), ["a", "b_1"]);
    }
}
