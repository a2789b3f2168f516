//! Forms: reading them, and telling ours from forged ones.
//!
//! Every form of a page bears a key that follows from what only this browser holds. A request that
//! changes something and has no such key is refused before its handler is asked; so is one that its
//! browser says was sent from elsewhere.

use std::convert::Infallible;

use axum::RequestExt;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Multipart, Request};
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;
use futures::stream;

use super::secret::same;

/// The largest form without files, in bytes: 256 KB.
pub const FORM_BYTES: usize = 256 * 1024;
/// Fields of one form, in fields.
pub const FORM_FIELDS: usize = 500;
/// The most that is kept of a form across a sign-in, in bytes: 64 KB.
pub const CARRIED_BYTES: usize = 64 * 1024;
/// So much of a form with files is read for the texts beside them, in bytes: 128 MB.
const READ_BYTES: usize = 128 << 20;
/// Within so many bytes a form with files names its key: it comes first.
const KEY_BYTES: usize = 4 * 1024;
/// The field that bears the key.
pub(crate) const KEY_FIELD: &str = "form_key";
/// The header that bears it where there is no form.
const KEY_HEADER: &str = "x-duban-form";
/// What is never kept across a sign-in.
const SECRET_FIELDS: &str = "password";

/// The fields of a form that was found to be ours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(pub Vec<(String, String)>);

impl Form {
    /// The field with this name; empty if there is none.
    pub fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(field, _)| field == name);
        field.map_or("", |(_, value)| value)
    }

    /// All fields with this name, as of boxes that are ticked.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let fields = self.0.iter().filter(move |(field, _)| field == name);
        fields.map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Form, Infallible> {
        Ok(parts.extensions.remove::<Form>().unwrap_or_default())
    }
}

/// Whether a request may come from a page of ours, as far as its browser says. (Under `no-referrer`
/// browsers send `Origin: null`, which says nothing.)
pub(crate) fn same_origin(headers: &HeaderMap) -> bool {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = said("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match said(ORIGIN.as_str()) {
        None | Some("null") => true,
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, host)| Some(host) == said(HOST.as_str())),
    }
}

/// Why a form is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forged {
    /// Sent from elsewhere, or without its key.
    Foreign,
    /// Larger than a form may be.
    TooLarge,
    /// Not a form.
    Unreadable,
}

/// Reads urlencoded fields.
pub(super) fn fields(bytes: &[u8]) -> Option<Vec<(String, String)>> {
    let fields: Vec<(String, String)> = serde_urlencoded::from_bytes(bytes).ok()?;
    (fields.len() <= FORM_FIELDS).then_some(fields)
}

async fn whole(body: Body, most: usize) -> Result<Bytes, Forged> {
    let mut all = Vec::new();
    let mut body = body.into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Forged::Unreadable)?;
        if all.len() + chunk.len() > most {
            return Err(Forged::TooLarge);
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.into())
}

fn kind(headers: &HeaderMap) -> &str {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    kind.unwrap_or_default()
}

fn is_urlencoded(headers: &HeaderMap) -> bool {
    kind(headers).split(';').next() == Some("application/x-www-form-urlencoded")
}

fn boundary(headers: &HeaderMap) -> Option<String> {
    let rest = kind(headers).strip_prefix("multipart/form-data")?;
    let given = rest
        .split(';')
        .find_map(|part| part.trim().strip_prefix("boundary="))?;
    Some(given.trim_matches('"').to_owned())
}

/// Lets a request pass that bears the key, with its body as it came; of a form without files the
/// fields are read.
pub(super) async fn checked(mut request: Request, key: &str) -> Result<Request, Forged> {
    if key.is_empty() || !same_origin(request.headers()) {
        return Err(Forged::Foreign);
    }
    if let Some(given) = request.headers().get(KEY_HEADER) {
        let is_ours = given.to_str().is_ok_and(|given| same(given, key));
        return if is_ours {
            Ok(request)
        } else {
            Err(Forged::Foreign)
        };
    }
    if is_urlencoded(request.headers()) {
        let body = std::mem::take(request.body_mut());
        let bytes = whole(body, FORM_BYTES).await?;
        let form = Form(fields(&bytes).ok_or(Forged::Unreadable)?);
        if !same(form.get(KEY_FIELD), key) {
            return Err(Forged::Foreign);
        }
        request.extensions_mut().insert(form);
        *request.body_mut() = Body::from(bytes);
        return Ok(request);
    }
    let Some(boundary) = boundary(request.headers()) else {
        return Err(Forged::Unreadable);
    };
    // Of a form with files only its beginning is held.
    let mut first = Vec::new();
    let mut rest = std::mem::take(request.body_mut()).into_data_stream();
    let given = loop {
        if let Some(given) = first_field(&first, &boundary) {
            break given;
        }
        if first.len() >= KEY_BYTES {
            return Err(Forged::Foreign);
        }
        match rest.next().await {
            Some(Ok(chunk)) => first.extend_from_slice(&chunk),
            Some(Err(_)) => return Err(Forged::Unreadable),
            None => return Err(Forged::Foreign),
        }
    };
    if !same(&given, key) {
        return Err(Forged::Foreign);
    }
    let first = stream::iter([Ok(Bytes::from(first))]);
    *request.body_mut() = Body::from_stream(first.chain(rest));
    Ok(request)
}

/// The value of a multipart form's first field, if that is the key and has come whole. An empty text
/// stands for another field.
fn first_field(bytes: &[u8], boundary: &str) -> Option<String> {
    let head = &bytes[..bytes.len().min(2 * KEY_BYTES)];
    let text = String::from_utf8_lossy(head);
    let part = text.strip_prefix(&format!("--{boundary}\r\n"))?;
    let (about, rest) = part.split_once("\r\n\r\n")?;
    let (value, _) = rest.split_once(&format!("\r\n--{boundary}"))?;
    let is_key = about.contains(&format!("name=\"{KEY_FIELD}\"")) && !about.contains("filename");
    Some(if is_key {
        value.to_owned()
    } else {
        String::new()
    })
}

/// The texts of a form that came when nobody was signed in, to be shown again after the sign-in; if it
/// is one of ours, by the key of the session that is over. Files and passwords are left out.
pub(super) async fn carried(request: Request, key: &str) -> Option<String> {
    let request = checked(request, key).await.ok()?;
    let list = if is_urlencoded(request.headers()) {
        let bytes = whole(request.into_body(), FORM_BYTES).await.ok()?;
        fields(&bytes)?
    } else {
        texts(request).await?
    };
    let kept: Vec<_> = list
        .iter()
        .filter(|(name, _)| name != KEY_FIELD && !name.starts_with(SECRET_FIELDS))
        .collect();
    let text = serde_urlencoded::to_string(kept).ok()?;
    (text.len() <= CARRIED_BYTES).then_some(text)
}

/// The texts of a form with files.
async fn texts(mut request: Request) -> Option<Vec<(String, String)>> {
    boundary(request.headers())?;
    DefaultBodyLimit::max(READ_BYTES).apply(&mut request);
    let mut parts: Multipart = request.extract().await.ok()?;
    let mut list = Vec::new();
    let mut size = 0;
    while let Some(mut field) = parts.next_field().await.ok()? {
        let name = field.name().unwrap_or_default().to_owned();
        if field.file_name().is_some() {
            continue;
        }
        let mut value = Vec::new();
        while let Some(chunk) = field.chunk().await.ok()? {
            size += chunk.len();
            if size > CARRIED_BYTES || list.len() >= FORM_FIELDS {
                return None;
            }
            value.extend_from_slice(&chunk);
        }
        list.push((name, String::from_utf8(value).ok()?));
    }
    Some(list)
}

impl Forged {
    pub(super) fn words(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Forged::Foreign => (
                StatusCode::FORBIDDEN,
                "没有受理",
                "这次提交不是从本系统的页面发出的,或者页面已经过时。请回到原来的页面,刷新后再提交一次。",
            ),
            Forged::TooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "内容过大",
                "一次提交的内容超过了限度,没有受理。",
            ),
            Forged::Unreadable => (
                StatusCode::BAD_REQUEST,
                "没有受理",
                "提交的内容不完整。请回到原来的页面再提交一次。",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn request(kind: &str, body: &str) -> Request {
        Request::builder()
            .method("POST")
            .header(CONTENT_TYPE, kind)
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    const URLENCODED: &str = "application/x-www-form-urlencoded";
    const PARTS: &str = "multipart/form-data; boundary=b";

    fn part(name: &str, value: &str) -> String {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    }

    #[tokio::test]
    async fn only_what_bears_the_key_passes_and_its_body_is_whole() {
        let pass = async |kind: &str, body: &str| {
            let request = checked(request(kind, body), "k").await?;
            let bytes = whole(request.into_body(), FORM_BYTES).await?;
            assert_eq!(bytes, body.as_bytes());
            Ok::<_, Forged>(())
        };
        assert_eq!(pass(URLENCODED, "form_key=k&a=1").await, Ok(()));
        for forged in ["a=1", "form_key=x", "form_key=", ""] {
            assert_eq!(
                pass(URLENCODED, forged).await,
                Err(Forged::Foreign),
                "{forged}"
            );
        }
        let ours = part("form_key", "k") + &part("said", &"文".repeat(9_000)) + "--b--\r\n";
        assert_eq!(pass(PARTS, &ours).await, Ok(()));
        let later = part("said", "x") + &part("form_key", "k") + "--b--\r\n";
        assert_eq!(pass(PARTS, &later).await, Err(Forged::Foreign));
        let wrong = part("form_key", "x") + "--b--\r\n";
        assert_eq!(pass(PARTS, &wrong).await, Err(Forged::Foreign));
        assert_eq!(
            pass("text/plain", "form_key=k").await,
            Err(Forged::Unreadable)
        );
        let large = format!("form_key=k&a={}", "x".repeat(FORM_BYTES));
        assert_eq!(pass(URLENCODED, &large).await, Err(Forged::TooLarge));
        let empty = checked(request(URLENCODED, "form_key="), "").await;
        assert_eq!(empty.unwrap_err(), Forged::Foreign);
    }

    #[tokio::test]
    async fn what_was_filled_in_is_kept_without_passwords_and_files() {
        let kept = carried(
            request(URLENCODED, "form_key=k&said=%E5%A5%BD&password=x"),
            "k",
        )
        .await;
        assert_eq!(kept.as_deref(), Some("said=%E5%A5%BD"));
        let file =
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n";
        let body = part("form_key", "k") + &part("said", "y") + file + "--b--\r\n";
        let kept = carried(request(PARTS, &body), "k").await;
        assert_eq!(kept.as_deref(), Some("said=y"));
        assert_eq!(
            carried(request(URLENCODED, "form_key=x&a=1"), "k").await,
            None
        );
        assert_eq!(
            carried(request(URLENCODED, "form_key=&a=1"), "").await,
            None
        );
    }

    #[test]
    fn a_form_of_another_site_is_known_where_the_browser_says_so() {
        let of = |list: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in list {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers)
        };
        assert!(of(&[]) && of(&[("origin", "null")]));
        assert!(of(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(of(&[
            ("origin", "https://d.example"),
            ("host", "d.example")
        ]));
        assert!(!of(&[
            ("origin", "https://e.example"),
            ("host", "d.example")
        ]));
        assert!(!of(&[("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
    }
}
