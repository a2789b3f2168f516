//! Services that say in the body whether they took a message. HTTP 200 alone says nothing there.

use std::time::Duration;

use serde_json::Value;

use super::Answer;
use super::http::Heard;

/// What a service's code means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Asking again will not help.
    Refused,
    /// Asking again may help.
    Failed,
    /// Nothing more is taken for so many seconds.
    Busy(u64),
}

/// A code and the words beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub(super) number: i64,
    pub(super) words: String,
}

/// `errcode` and `errmsg`, as WeCom and DingTalk write them.
pub(super) fn errcode(body: &Value) -> Option<Code> {
    Some(Code {
        number: body.get("errcode")?.as_i64()?,
        words: words(body, "errmsg"),
    })
}

/// The words of a field; empty if there are none.
pub(super) fn words(body: &Value, field: &str) -> String {
    let text = body.get(field).and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

/// Delivered if status and code both say so. A 2xx without a readable code is unknown; another
/// status is judged by its code where there is one, as some services refuse with 400 and a code.
pub(super) fn judged(
    heard: &Heard,
    read: impl Fn(&Value) -> Option<Code>,
    judge: impl Fn(&Code) -> Verdict,
) -> Answer {
    let code = heard.json().as_ref().and_then(read);
    let Some(code) = code else {
        return if heard.is_well() {
            let told = heard.told();
            Answer::unknown(format!("the answer cannot be read: {told}"))
        } else {
            heard.by_status()
        };
    };
    let told = format!("{} code {} {}", heard.status, code.number, code.words);
    match (heard.is_well(), code.number) {
        (true, 0) => Answer::delivered(told),
        // A code of success under another status is no success.
        (false, 0) => heard.by_status(),
        (false, _) if heard.status == 429 || heard.status >= 500 => heard.by_status(),
        _ => match judge(&code) {
            Verdict::Refused => Answer::refused(told),
            Verdict::Failed => Answer::failed(told).after(heard.wait),
            Verdict::Busy(seconds) => {
                Answer::busy(told, Duration::from_secs(seconds)).max_wait(heard.wait)
            }
        },
    }
}
