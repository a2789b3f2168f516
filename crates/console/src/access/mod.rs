//! Who may do what: sign-in, rights, and the one place that hides what is not one's own.
//!
//! Every address is declared with what it needs (`crate::route`), [`guard`] looks at it before the
//! handler is asked, and pages get the projection as [`Seen`] only. Accounts lie in a folder of the
//! console's own ([`Accounts`]), not on the log: what must be forgotten again cannot stand there.

mod account;
mod accounts;
#[cfg(test)]
pub(crate) mod bed;
mod demo;
mod fact;
mod form;
mod guard;
mod lockout;
pub(crate) mod page;
mod right;
mod secret;
mod seen;
mod sessions;
mod store;
#[cfg(test)]
mod tests;
mod tokens;
mod trace;
mod viewer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use axum::http::header::HOST;

pub use account::{
    FEED_DAYS, FEEDS_PER_USER, IDLE_MILLIS, INVITE_MILLIS, MAX_FEEDS, MAX_TOKENS, MAX_USERS,
    NAME_CHARACTERS, PASSWORD_CHARACTERS, SCOPES_PER_TOKEN, SESSION_MILLIS, SESSIONS_PER_USER,
    Session, TITLE_CHARACTERS, TOKEN_DAYS, TOKEN_PREFIX, Token, UNITS_PER_USER, User,
};
pub use accounts::{Accounts, By, Denied, Described, Now};
pub use fact::CONSOLE_SOURCE;
pub(crate) use fact::record;
pub use form::{CARRIED_BYTES, FORM_BYTES, FORM_FIELDS};
pub(crate) use form::{Form, same_origin};
pub(crate) use guard::{Need, Post, Sort, guard, see_other};
pub use lockout::{LOCKOUT_MILLIS, PER_ADDRESS as SIGN_INS_PER_ADDRESS};
pub use lockout::{
    PER_NAME as SIGN_INS_PER_NAME, PER_NAME_AND_ADDRESS as SIGN_INS_PER_NAME_AND_ADDRESS,
};
pub use right::{Right, Role, Scope};
pub use secret::HASHES_AT_ONCE;
pub(crate) use secret::hex;
pub(crate) use seen::Seen;
pub use store::{ACCOUNTS_FILE_BYTES, AccountsFault, Book};
pub use tokens::Wished;
pub use trace::{TRACE_FILE_BYTES, TRACE_FILES, TRACE_LINES, Trace};
pub(crate) use viewer::{Via, Viewer};

/// The longest address of ours that is gone back to after the sign-in, in bytes.
const NEXT_BYTES: usize = 2_000;

/// Sign-in and rights of one console. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access {
    pub(crate) accounts: Accounts,
    /// The address under which people reach the pages, if it is known.
    url: Option<Arc<str>>,
    /// Whoever asks may choose a role.
    demo: bool,
    /// What the links of a demo stand for, by digest of their code.
    links: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Access {
    /// Access by these accounts, for pages that people reach under `url`, if that is known: over
    /// `https:` cookies are sent over nothing else.
    pub fn new(accounts: Accounts, url: Option<&str>) -> Access {
        Access {
            accounts,
            url: url.map(|url| url.trim_end_matches('/').into()),
            demo: false,
            links: Arc::default(),
        }
    }

    /// Whether people reach the pages over https only.
    pub(crate) fn is_secure(&self) -> bool {
        self.url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// An address of ours as people reach it: where this is not known, as the one did who asks.
    fn whole(&self, path: &str, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        match (&self.url, host) {
            (Some(url), _) => format!("{url}{path}"),
            (None, Some(host)) => format!("http://{host}{path}"),
            (None, None) => path.to_owned(),
        }
    }

    pub(crate) fn is_demo(&self) -> bool {
        self.demo
    }

    /// The cookie of a session.
    fn session_cookie(&self) -> &'static str {
        if self.is_secure() {
            "__Host-duban"
        } else {
            "duban"
        }
    }

    /// The cookie of forms that are filled in before the sign-in.
    fn form_cookie(&self) -> &'static str {
        if self.is_secure() {
            "__Host-duban-form"
        } else {
            "duban-form"
        }
    }
}

/// The address, if it is one of ours to go to after the sign-in, else the first page. Whatever a
/// browser could read as another site's is not.
pub(crate) fn local(address: &str) -> &str {
    let odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\' || !c.is_ascii();
    let is_ours = address.starts_with('/')
        && !address.starts_with("//")
        && address.len() <= NEXT_BYTES
        && !address.contains(odd)
        && !address.starts_with("/sign-")
        && !address.starts_with("/welcome/");
    if is_ours { address } else { "/" }
}
