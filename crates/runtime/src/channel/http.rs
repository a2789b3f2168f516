//! One HTTP request, and what can be known of it: answered, never sent, or lost on the way.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde_json::Value;

use super::Answer;
use super::answer::LONGEST_WAIT_SECONDS;
use crate::clock::wall_now;

/// A receiver has this long to answer, in seconds.
const ANSWER_SECONDS: u64 = 20;
/// A connection must stand within so many seconds; one that does not has delivered nothing.
const CONNECT_SECONDS: u64 = 10;
/// At most so much of an answer is read, in bytes.
const ANSWER_BYTES: usize = 64 * 1024;
/// So much of an answer is told, in bytes.
const TOLD_BYTES: usize = 200;
/// A service that takes no more and does not say for how long is left alone for so many seconds.
const BUSY_SECONDS: u64 = 60;

/// The client of a channel: no redirects, no environment's proxies for addresses on this machine.
pub(crate) fn client() -> Result<Client, String> {
    Client::builder()
        .timeout(Duration::from_secs(ANSWER_SECONDS))
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS))
        .redirect(Policy::none())
        .build()
        .map_err(|fault| fault.to_string())
}

/// An address that secrets may be sent to: encrypted, or on this machine. What is wrong is told
/// without the address, which may hold a key.
pub(super) fn guarded_address(what: &str, url: &str) -> Result<Url, String> {
    let url = address(what, url)?;
    let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    if url.scheme() == "https" || here {
        Ok(url)
    } else {
        Err(format!(
            "{what}: found an address without encryption, expected https"
        ))
    }
}

/// An HTTP address.
pub(crate) fn address(what: &str, url: &str) -> Result<Url, String> {
    let url: Url = url.parse().map_err(|fault| {
        format!("{what}: found no address ({fault}), expected https://HOST/PATH")
    })?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(format!(
            "{what}: found an address of scheme `{}`, expected https",
            url.scheme()
        ))
    }
}

/// How an answer's body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All of it was read.
    Whole,
    /// There is more than is read.
    TooLong,
    /// The connection broke within it.
    Broken,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) ending: Ending,
    pub(super) wait: Option<Duration>,
}

impl Heard {
    /// Status and the beginning of the body.
    pub(super) fn told(&self) -> String {
        let body = &self.body[..self.body.len().min(TOLD_BYTES)];
        format!("{} {}", self.status, String::from_utf8_lossy(body))
            .trim_end()
            .to_owned()
    }

    pub(super) fn is_well(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, if it is JSON and whole.
    pub(super) fn json(&self) -> Option<Value> {
        match self.ending {
            Ending::Whole => serde_json::from_slice(&self.body).ok(),
            Ending::TooLong | Ending::Broken => None,
        }
    }

    /// What a status other than 2xx means by itself.
    pub(super) fn by_status(&self) -> Answer {
        let told = self.told();
        match self.status {
            429 => {
                let wait = self.wait.unwrap_or(Duration::from_secs(BUSY_SECONDS));
                Answer::busy(told, wait)
            }
            // A gateway that lost what is behind it cannot know what became of the request.
            502 | 504 => Answer::unknown(told).after(self.wait),
            500..=599 => Answer::down(told).after(self.wait),
            // Try later, or the receiver's configuration may be mended.
            408 | 425 | 300..=399 => Answer::failed(told).after(self.wait),
            _ => Answer::refused(told),
        }
    }
}

/// Sends a request. What is not an answer is already known to be failed or unknown.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Heard, Answer> {
    let mut response = match request.send().await {
        Ok(response) => response,
        // Only a connection that never stood is known not to have delivered. Addresses hold keys.
        Err(fault) if fault.is_connect() || fault.is_builder() => {
            return Err(Answer::down(said(fault)));
        }
        Err(fault) => return Err(Answer::unknown(said(fault))),
    };
    let status = response.status().as_u16();
    let wait = retry_after(response.headers());
    let mut body = Vec::new();
    let ending = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break Ending::Whole,
            Err(_) => break Ending::Broken,
        }
        if body.len() > ANSWER_BYTES {
            break Ending::TooLong;
        }
    };
    Ok(Heard {
        status,
        body,
        ending,
        wait,
    })
}

/// A fault with its causes, without the address.
fn said(fault: reqwest::Error) -> String {
    let fault = fault.without_url();
    let mut said = fault.to_string();
    let mut cause = std::error::Error::source(&fault);
    while let Some(fault) = cause {
        said = format!("{said}: {fault}");
        cause = fault.source();
    }
    said
}

/// `Retry-After`, in seconds or as a date. A date is compared with the answer's own `Date`, so that
/// no two machines' clocks are; only an answer without one is held against ours.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(LONGEST_WAIT_SECONDS)));
    }
    let date = |text: &str| DateTime::parse_from_rfc2822(text).ok();
    let until = date(text)?.timestamp();
    let theirs = headers.get(DATE).and_then(|value| value.to_str().ok());
    let now = theirs
        .and_then(date)
        .map_or_else(|| wall_now().0 / 1000, |at| at.timestamp());
    let seconds = u64::try_from(until.saturating_sub(now)).unwrap_or(0);
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT_SECONDS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        retry_after(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_on_the_other_sides_clock() {
        let date = Some("Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(waits("120", None), Some(120));
        assert_eq!(waits("Wed, 21 Oct 2015 07:30:00 GMT", date), Some(120));
        assert_eq!(waits("Wed, 21 Oct 2015 07:27:00 GMT", date), Some(0));
        assert_eq!(waits("Wed, 21 Oct 2015 07:27:00 GMT", None), Some(0));
        assert_eq!(waits("99999999", None), Some(LONGEST_WAIT_SECONDS));
        for unreadable in ["", "soon", "-1", "1.5"] {
            assert_eq!(waits(unreadable, date), None, "{unreadable}");
        }
    }

    #[test]
    fn keys_go_out_encrypted_or_not_at_all() {
        assert!(guarded_address("robot", "https://robot.example/send").is_ok());
        assert!(guarded_address("robot", "http://127.0.0.1:8080/send").is_ok());
        for bad in ["http://robot.example/?key=abc", "ftp://abc", "abc"] {
            let why = guarded_address("robot", bad).unwrap_err();
            assert!(!why.contains("abc"), "{why}");
        }
    }
}
