//! Style, script and sign: our own, small, and part of the binary.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;

const STYLE: &str = include_str!("../assets/app.css");
const SCRIPT: &str = include_str!("../assets/app.js");
const SIGN: &str = include_str!("../assets/icon.svg");

/// Style and script of the pages on which definitions are edited.
const DEFINE_STYLE: &str = include_str!("../assets/define.css");
/// As [`DEFINE_STYLE`].
const DEFINE_SCRIPT: &str = include_str!("../assets/define.js");

/// FNV-1a, so that an address changes with its content and may be kept for good.
const fn digest(text: &str) -> u32 {
    let bytes = text.as_bytes();
    let mut hash = 0x811c_9dc5u32;
    let mut place = 0;
    while place < bytes.len() {
        hash ^= bytes[place] as u32;
        hash = hash.wrapping_mul(0x0100_0193);
        place += 1;
    }
    hash
}

/// Tells the version of style and script apart in their addresses.
pub(crate) const STYLE_DIGEST: u32 = digest(STYLE);
/// As [`STYLE_DIGEST`].
pub(crate) const SCRIPT_DIGEST: u32 = digest(SCRIPT);

/// As [`STYLE_DIGEST`].
pub(crate) const DEFINE_STYLE_DIGEST: u32 = digest(DEFINE_STYLE);
/// As [`STYLE_DIGEST`].
pub(crate) const DEFINE_SCRIPT_DIGEST: u32 = digest(DEFINE_SCRIPT);

/// An address carries the digest of what it names, so it may be kept: one year.
const KEEP: &str = "public, max-age=31536000, immutable";

pub(crate) async fn style() -> impl IntoResponse {
    answer("text/css; charset=utf-8", STYLE)
}

pub(crate) async fn script() -> impl IntoResponse {
    answer("text/javascript; charset=utf-8", SCRIPT)
}

pub(crate) async fn define_style() -> impl IntoResponse {
    answer("text/css; charset=utf-8", DEFINE_STYLE)
}

pub(crate) async fn define_script() -> impl IntoResponse {
    answer("text/javascript; charset=utf-8", DEFINE_SCRIPT)
}

pub(crate) async fn sign() -> impl IntoResponse {
    answer("image/svg+xml", SIGN)
}

fn answer(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, KEEP)], text)
}
