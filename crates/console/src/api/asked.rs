//! What a request asks: its path, its query and its conditions, read strictly, and the answer to it.

use axum::extract::{FromRequestParts, Path};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use super::problem::{Code, Problem};
use crate::access::Viewer;

/// Media type of answers.
pub(super) const JSON: &str = "application/json";
/// The longest query that is read, in bytes.
pub(super) const QUERY_BYTES: usize = 4_096;
/// Bytes of the digest in an entity tag.
const TAG_BYTES: usize = 12;

/// Whether a client takes a media type (RFC 9110, 12.5.1). Without the header it takes everything.
pub(super) fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let media = media.split(';').next().unwrap_or(media);
    let mut asked = false;
    // The most specific range that fits decides.
    let mut best: Option<(u8, bool)> = None;
    let (family, _) = media.split_once('/').unwrap_or((media, ""));
    for line in headers.get_all(ACCEPT) {
        let Ok(line) = line.to_str() else { continue };
        for range in line.split(',').map(str::trim).filter(|r| !r.is_empty()) {
            asked = true;
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default().to_ascii_lowercase();
            let fits = match name.as_str() {
                "*/*" => 1,
                all if all.strip_suffix("/*") == Some(family) => 2,
                whole if whole == media => 3,
                _ => continue,
            };
            let quality = parts.find_map(|p| p.strip_prefix("q=").or(p.strip_prefix("Q=")));
            let taken = quality.is_none_or(|q| q.parse::<f32>().is_ok_and(|q| q > 0.0));
            if best.is_none_or(|(specific, _)| fits >= specific) {
                best = Some((fits, taken));
            }
        }
    }
    !asked || best.is_some_and(|(_, taken)| taken)
}

/// Refuses whoever takes nothing that can be answered.
pub(super) fn acceptable(headers: &HeaderMap, media: &str) -> Result<(), Problem> {
    if accepts(headers, media) {
        return Ok(());
    }
    let found = headers.get(ACCEPT).and_then(|a| a.to_str().ok());
    Err(Problem::new(
        Code::NotAcceptable,
        format!("Accept: {}", found.unwrap_or_default()),
        media,
        "Leave the header out, or accept this type.",
    ))
}

/// What was asked, and on which conditions.
#[derive(Debug)]
pub(crate) struct Asked {
    uri: Uri,
    if_match: Option<String>,
    if_none_match: Option<String>,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asked, Problem> {
        let list = |name: HeaderName| {
            let mut all: Option<String> = None;
            for line in parts.headers.get_all(&name) {
                let line = line.to_str().map_err(|_| {
                    Problem::new(
                        Code::BadHeader,
                        format!("the header {name} with other signs than printable ASCII"),
                        "entity tags, e.g. \"5bafedf83d4ca3224e4cb76b\"",
                        "Send the ETag of an answer as it is, or leave the header out.",
                    )
                })?;
                match &mut all {
                    Some(all) => {
                        all.push(',');
                        all.push_str(line);
                    }
                    None => all = Some(line.to_owned()),
                }
            }
            Ok(all)
        };
        Ok(Asked {
            uri: parts.uri.clone(),
            if_match: list(IF_MATCH)?,
            if_none_match: list(IF_NONE_MATCH)?,
            headers: parts.headers.clone(),
        })
    }
}

/// Whether a list of entity tags names this one; `*` names any.
fn names(list: &str, tag: &str) -> bool {
    list.split(',')
        .map(str::trim)
        .any(|each| each == "*" || each.strip_prefix("W/").unwrap_or(each) == tag)
}

impl Asked {
    /// The tag of what is answered while the projection stands at a frame: the same as long as it
    /// does, for the same question of the same viewer to the same release.
    fn tag(&self, seq: u64, viewer: Option<&Viewer>) -> String {
        let mut hash = Sha256::new();
        let mut put = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        };
        put(env!("CARGO_PKG_VERSION"));
        put(&self.uri.to_string());
        put(&seq.to_string());
        if let Some(viewer) = viewer {
            // What somebody may see changes with these, and with nothing else.
            put(viewer.tenant());
            for unit in viewer.units() {
                put(unit);
            }
            put(if viewer.may(crate::access::Right::SeeAll) {
                "all"
            } else {
                "own"
            });
        }
        let digest = hash.finalize();
        let digits = crate::access::hex(&digest[..TAG_BYTES]);
        format!("\"{digits}\"")
    }

    /// Looks at the conditions before anything is read: answered at once if the client has it.
    ///
    /// # Errors
    /// If the client accepts no JSON, or it is not the one that the client means.
    pub fn fresh(&self, seq: u64, viewer: Option<&Viewer>, media: &str) -> Result<Fresh, Problem> {
        acceptable(&self.headers, media)?;
        let tag = self.tag(seq, viewer);
        if self
            .if_match
            .as_deref()
            .is_some_and(|list| !names(list, &tag))
        {
            return Err(Problem::new(
                Code::Changed,
                format!("it is {tag} now"),
                "one of the entity tags of If-Match",
                "Ask without If-Match for what it is now.",
            ));
        }
        let known = self.if_none_match.as_deref();
        Ok(Fresh {
            known: known.is_some_and(|list| names(list, &tag)),
            tag,
        })
    }
}

/// What is answered, by its tag.
#[derive(Debug)]
pub(crate) struct Fresh {
    tag: String,
    /// The client has it.
    known: bool,
}

impl Fresh {
    /// The client has it: there is nothing to say.
    pub fn is_known(&self) -> bool {
        self.known
    }

    fn marked(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Ok(tag) = HeaderValue::from_str(&self.tag) {
            headers.insert(ETAG, tag);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("Authorization, Cookie"));
        response
    }

    /// 304.
    pub fn unchanged(&self) -> Response {
        self.marked(StatusCode::NOT_MODIFIED.into_response())
    }

    /// 200 with bytes of some type.
    pub fn bytes(&self, media: &'static str, bytes: Vec<u8>) -> Response {
        let mut response = bytes.into_response();
        let media = HeaderValue::from_static(media);
        response.headers_mut().insert(CONTENT_TYPE, media);
        self.marked(response)
    }

    /// 200 with a value.
    pub fn json(&self, value: &impl Serialize) -> Response {
        match serde_json::to_vec(value) {
            Ok(text) => self.bytes(JSON, text),
            Err(fault) => internal(&fault),
        }
    }
}

pub(super) fn internal(fault: &dyn std::fmt::Display) -> Response {
    tracing::error!(%fault, "an answer of the API could not be written");
    Problem::new(
        Code::Internal,
        "an answer that cannot be written",
        "one that can",
        "Tell the administrator; the log says more.",
    )
    .into_response()
}

/// The parts of a path.
#[derive(Debug)]
pub(crate) struct Parted<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Parted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Parted<T>, Problem> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(read)) => Ok(Parted(read)),
            Err(fault) => Err(Problem::new(
                Code::BadRequest,
                format!("a path that cannot be read: {}", fault.body_text()),
                "UTF-8, percent-encoded",
                "Take the address from a list that the API answers.",
            )),
        }
    }
}

/// The parameters of a query: none that is not known, none twice.
#[derive(Debug)]
pub(crate) struct Wanted<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Wanted<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Wanted<T>, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let bad = |found: String| {
            Problem::new(
                Code::BadRequest,
                found,
                "the parameters that /api/v1/openapi.json lists for this address, each at most once",
                "Correct or leave out the parameter.",
            )
        };
        if query.len() > QUERY_BYTES {
            return Err(bad(format!(
                "a query of {} bytes, more than {QUERY_BYTES}",
                query.len()
            )));
        }
        // What would decode to something else than was meant is refused, not mended.
        if !is_encoded_utf8(query) {
            return Err(bad("a query that is not percent-encoded UTF-8".to_owned()));
        }
        serde_urlencoded::from_str(query)
            .map(Wanted)
            .map_err(|fault| bad(format!("a query that cannot be read: {fault}")))
    }
}

/// Whether every `%` begins an escape and the whole is UTF-8.
fn is_encoded_utf8(query: &str) -> bool {
    percent_decoded(query.as_bytes(), false)
        .is_some_and(|bytes| std::str::from_utf8(&bytes).is_ok())
}

/// Percent-decodes; nothing if an escape is not whole. `lenient`: such a sign stands for itself.
pub(super) fn percent_decoded(text: &[u8], lenient: bool) -> Option<Vec<u8>> {
    let digit = |at: usize| {
        let byte = *text.get(at)?;
        u8::try_from(char::from(byte).to_digit(16)?).ok()
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                at += 3;
            }
            (b'%', _, _) if !lenient => return None,
            (byte, _, _) => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    Some(bytes)
}

/// Reads a day that may be left out.
pub(super) fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NaiveDate>, D::Error> {
    one_day(from).map(Some)
}

/// Reads a day as `2021-06-30` and in no other spelling.
pub(super) fn one_day<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveDate, D::Error> {
    let text = String::deserialize(from)?;
    let read = (text.len() == 10).then(|| text.parse::<NaiveDate>().ok());
    match read.flatten().filter(|day| day.to_string() == text) {
        Some(day) => Ok(day),
        None => Err(serde::de::Error::custom(format!(
            "`{}` is no day such as 2021-06-30",
            duban_model::record::cut(&text, 40)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &str) -> HeaderMap {
        HeaderMap::from_iter([(ACCEPT, HeaderValue::from_str(accept).unwrap())])
    }

    #[test]
    fn the_most_specific_range_that_fits_decides() {
        for yes in [
            "*/*",
            "application/*",
            "application/json",
            "text/html, application/json;q=0.5",
            "*/*;q=0, application/json",
            "APPLICATION/JSON",
            "",
        ] {
            assert!(accepts(&headers(yes), JSON), "{yes}");
        }
        for no in [
            "text/html",
            "application/json;q=0",
            "application/xml, text/*",
            "*/*, application/json;q=0",
            "application/json;q=x",
        ] {
            assert!(!accepts(&headers(no), JSON), "{no}");
        }
        assert!(accepts(&HeaderMap::new(), JSON));
    }

    #[test]
    fn a_tag_is_named_weak_or_strong_alone_or_among_others() {
        for yes in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(names(yes, "\"a\""), "{yes}");
        }
        assert!(!names("\"b\"", "\"a\"") && !names("", "\"a\""));
    }

    #[test]
    fn escapes_are_whole_or_refused() {
        assert_eq!(
            percent_decoded("%e9%80%9a".as_bytes(), false).unwrap(),
            "通".as_bytes()
        );
        assert_eq!(percent_decoded(b"100%", false), None);
        assert_eq!(percent_decoded(b"100%", true).unwrap(), b"100%");
        assert!(!is_encoded_utf8("x=%ff"));
    }
}
