//! The body of a request: read within time and size, and as JSON of one shape.

use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::asked::JSON;
use super::mode::media_of;
use super::problem::{Code, Problem};

/// How long a body may take to come.
pub const BODY_WITHIN: Duration = Duration::from_secs(20);

/// Refuses parameters where there are none.
pub(super) fn no_query(uri: &Uri) -> Result<(), Problem> {
    if uri.query().is_none() {
        return Ok(());
    }
    Err(Problem::new(
        Code::BadRequest,
        "a query",
        "no parameters",
        "Leave out what follows the question mark.",
    ))
}

/// The body, if it comes in time and has at most so many bytes.
pub(super) async fn read(
    headers: &HeaderMap,
    body: HttpBody,
    most: usize,
    too_large: impl Fn(String) -> Problem,
) -> Result<Vec<u8>, Problem> {
    let said = headers
        .get(CONTENT_LENGTH)
        .and_then(|n| n.to_str().ok()?.parse::<u64>().ok());
    if let Some(said) = said.filter(|said| *said > most as u64) {
        return Err(too_large(format!("a body of {said} bytes")));
    }
    let whole = async {
        let mut bytes: Vec<u8> = Vec::new();
        let mut stream = body.into_data_stream();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|fault| {
                Problem::new(
                    Code::BadRequest,
                    format!("a body that broke off: {fault}"),
                    "a whole body",
                    "Send it again.",
                )
            })?;
            if bytes.len() + chunk.len() > most {
                return Err(too_large(format!("a body of more than {most} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    match tokio::time::timeout(BODY_WITHIN, whole).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(
            Code::SlowBody,
            format!(
                "a body that was not whole after {} seconds",
                BODY_WITHIN.as_secs()
            ),
            "a body that comes in time",
            "Send less at once, or over a faster line.",
        )),
    }
}

/// Refuses a body that is not said to be JSON in UTF-8.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    if matches!(media_of(headers), Some((media, true)) if media == JSON) {
        return Ok(());
    }
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
        "Content-Type: application/json, in UTF-8",
        "Say by Content-Type that the body is JSON.",
    ))
}

/// A body as JSON of one shape.
pub(super) fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let raw: &RawValue = serde_json::from_slice(bytes).map_err(|fault| {
        Problem::new(
            Code::BadJson,
            format!("a body of {} bytes that is not JSON: {fault}", bytes.len()),
            "JSON in UTF-8",
            "Look at the body at the line and column that are named.",
        )
    })?;
    serde_json::from_str(raw.get()).map_err(|fault| {
        Problem::new(
            Code::BadBody,
            format!("a body that cannot be taken: {fault}"),
            "the fields that /api/v1/openapi.json lists for this address, each once",
            "Correct or leave out the field.",
        )
    })
}

/// 200 with what was reckoned: nothing that may be kept.
pub(super) fn told(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(text) => {
            let headers = [
                (CONTENT_TYPE, JSON),
                (axum::http::header::CACHE_CONTROL, "no-store"),
            ];
            (StatusCode::OK, headers, text).into_response()
        }
        Err(fault) => super::asked::internal(&fault),
    }
}
