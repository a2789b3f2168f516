//! The language of the pages: Chinese first, English by a switch. Texts stand in the pages in
//! Chinese; [`Tongue::say`] gives the English of those that frame what the records say.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, Request};
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use crate::english::ENGLISH;
use crate::english_define;

/// The cookie that remembers the language; it says nothing else.
const COOKIE_NAME: &str = "duban_lang";

/// A language of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tongue {
    #[default]
    Chinese,
    English,
}

impl Tongue {
    /// Its code in addresses and in the cookie.
    pub fn code(self) -> &'static str {
        match self {
            Tongue::Chinese => "zh",
            Tongue::English => "en",
        }
    }

    /// Its code in HTML.
    pub fn html(self) -> &'static str {
        match self {
            Tongue::Chinese => "zh-CN",
            Tongue::English => "en",
        }
    }

    fn parse(code: &str) -> Option<Tongue> {
        match code {
            "zh" => Some(Tongue::Chinese),
            "en" => Some(Tongue::English),
            _ => None,
        }
    }

    /// A text of the pages in this language; the Chinese itself where there is no English.
    pub fn say(self, chinese: &str) -> &str {
        if self == Tongue::Chinese {
            return chinese;
        }
        let found = [ENGLISH, english_define::ENGLISH]
            .into_iter()
            .find_map(|list| {
                let place = list.binary_search_by_key(&chinese, |(known, _)| known);
                place.ok().map(|place| list[place].1)
            });
        found.unwrap_or(chinese)
    }

    /// One of two texts.
    pub fn pick<T>(self, chinese: T, english: T) -> T {
        match self {
            Tongue::Chinese => chinese,
            Tongue::English => english,
        }
    }
}

/// Who asks for a page, as far as rendering is concerned: the language, and the address.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asker {
    pub tongue: Tongue,
    /// The address asked for, without a language in its query.
    pub here: String,
}

impl Asker {
    /// Where the same page is had in another language.
    pub fn switch(&self) -> String {
        let other = self.tongue.pick(Tongue::English, Tongue::Chinese);
        let mark = if self.here.contains('?') { '&' } else { '?' };
        format!("{}{mark}lang={}", self.here, other.code())
    }
}

/// The language that the query asks for.
fn wanted(query: Option<&str>) -> Option<Tongue> {
    let values = query.unwrap_or_default().split('&');
    values
        .filter_map(|pair| pair.strip_prefix("lang="))
        .find_map(Tongue::parse)
}

fn remembered(headers: &HeaderMap) -> Option<Tongue> {
    let cookies = headers.get_all(COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
        .find_map(Tongue::parse)
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Asker, Infallible> {
        let query = parts.uri.query();
        let tongue = wanted(query).or_else(|| remembered(&parts.headers));
        let kept: Vec<&str> = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
            .collect();
        let path = parts.uri.path();
        Ok(Asker {
            tongue: tongue.unwrap_or_default(),
            here: if kept.is_empty() {
                path.to_owned()
            } else {
                format!("{path}?{}", kept.join("&"))
            },
        })
    }
}

/// Remembers the language that an address asked for, for a year.
pub(crate) async fn remember(request: Request, next: Next) -> Response {
    let wanted = wanted(request.uri().query());
    let mut response = next.run(request).await;
    if let Some(tongue) = wanted {
        let cookie = format!(
            "{COOKIE_NAME}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
            tongue.code()
        );
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_in_their_order_and_others_stay_chinese() {
        for list in [ENGLISH, english_define::ENGLISH] {
            assert!(list.is_sorted_by(|a, b| a.0 < b.0), "sort the catalogue");
        }
        for (chinese, english) in ENGLISH.iter().chain(english_define::ENGLISH) {
            assert_eq!(Tongue::English.say(chinese), *english);
            assert_eq!(Tongue::Chinese.say(chinese), *chinese);
        }
        assert_eq!(Tongue::English.say("没有译文"), "没有译文");
    }

    #[test]
    fn every_text_that_a_page_says_has_its_english() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut missing = Vec::new();
        let folders = ["", "access", "define"].map(|below| folder.join(below));
        for entry in folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap()) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            for piece in text.split("say(\"").skip(1) {
                let said = piece.split('"').next().unwrap();
                if Tongue::English.say(said) == said {
                    missing.push(said.to_owned());
                }
            }
        }
        assert!(missing.is_empty(), "no English for {missing:?}");
    }

    #[test]
    fn the_query_goes_before_the_cookie() {
        assert_eq!(wanted(Some("a=b&lang=en")), Some(Tongue::English));
        assert_eq!(wanted(Some("lang=xx")), None);
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=b; duban_lang=en"));
        assert_eq!(remembered(&headers), Some(Tongue::English));
        let asker = Asker {
            tongue: Tongue::English,
            here: "/ledger/a?page=2".to_owned(),
        };
        assert_eq!(asker.switch(), "/ledger/a?page=2&lang=zh");
    }
}
