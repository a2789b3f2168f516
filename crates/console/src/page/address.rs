//! Addresses of pages. Ids are plain by rule, but a page never relies on it.

use std::fmt::Write as _;

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn encoded(text: &str) -> String {
    encode(text, false)
}

fn encode(text: &str, keep_slash: bool) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~')
            || (keep_slash && byte == b'/')
        {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Where an obligation stands; its id's slashes stay.
pub(super) fn of_obligation(id: &str) -> String {
    format!("/o/{}", encode(id, true))
}

/// Where the overview of a ledger stands.
pub(super) fn of_home(ledger: &str) -> String {
    format!("/?ledger={}", encoded(ledger))
}

/// Where the table of a ledger stands.
pub(super) fn of_ledger(ledger: &str) -> String {
    format!("/ledger/{}", encoded(ledger))
}

/// Where a row stands.
pub(super) fn of_task(ledger: &str, task: &str) -> String {
    format!("/task/{}/{}", encoded(ledger), encoded(task))
}

/// Where a unit stands.
pub(super) fn of_unit(unit: &str) -> String {
    format!("/unit/{}", encoded(unit))
}

/// Where a file of a duty's submission is had.
pub(super) fn of_file(digest: &str, obligation: &str) -> String {
    format!("/file/{}/{}", encoded(digest), encode(obligation, true))
}

/// The text, if it may stand in a link: a web address, and not a script.
pub(crate) fn web(text: &str) -> Option<&str> {
    (text.starts_with("https://") || text.starts_with("http://")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_ids_cannot_leave_their_place_in_an_address() {
        assert_eq!(of_obligation("l/1/u/lead/2021Q3"), "/o/l/1/u/lead/2021Q3");
        assert_eq!(of_unit("a/b\"<通"), "/unit/a%2Fb%22%3C%E9%80%9A");
        assert_eq!(web("javascript:alert(1)"), None);
    }
}
