//! How often a link, and one address, may be asked within a span of time.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};
use duban_model::RecordId;

use crate::serve::Peer;
use crate::spans::Spans;

/// Requests are counted over this span.
pub const RATE_WINDOW: Duration = Duration::from_mins(10);
/// Requests with one link within the span: (looking, answering).
pub const PER_TOKEN: (u32, u32) = (200, 30);
/// Requests from one address within the span; a whole office may share one.
pub const PER_ADDRESS: (u32, u32) = (2_000, 300);
/// Whose requests are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    Token(RecordId),
    Address(Option<IpAddr>),
}

/// The spans under way.
#[derive(Debug, Default)]
pub(super) struct Rates(Spans<(Who, bool)>);

impl Rates {
    /// Counts one request, and says whether it is still within what is allowed.
    pub(super) fn admit(&self, token: &str, address: Option<IpAddr>, answers: bool) -> bool {
        let token = Who::Token(RecordId::derive(&[token.as_bytes()]));
        let most = |(looking, answering)| if answers { answering } else { looking };
        let admit = |who, most| self.0.count((who, answers), most, RATE_WINDOW).is_ok();
        let by_address = admit(Who::Address(address), most(PER_ADDRESS));
        let by_token = admit(token, most(PER_TOKEN));
        by_address && by_token
    }
}

/// Where a request comes from. A proxy on this machine is believed about whom it passes on.
pub(crate) fn address(extensions: &Extensions, headers: &HeaderMap) -> Option<IpAddr> {
    let ConnectInfo(Peer(peer)) = extensions.get::<ConnectInfo<Peer>>()?;
    let passed_on = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?;
        let last = last.to_str().ok()?.rsplit(',').next()?;
        last.trim().parse().ok()
    };
    let own = peer.ip();
    Some(if own.is_loopback() {
        passed_on().unwrap_or(own)
    } else {
        own
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spans::COUNTED;

    #[tokio::test(start_paused = true)]
    async fn one_link_is_slowed_and_others_are_not() {
        let rates = Rates::default();
        let from = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
        for _ in 0..PER_TOKEN.1 {
            assert!(rates.admit("a", from(1), true));
        }
        assert!(!rates.admit("a", from(2), true));
        assert!(rates.admit("a", from(1), false) && rates.admit("b", from(1), true));
        tokio::time::advance(RATE_WINDOW).await;
        assert!(rates.admit("a", from(1), true));
    }

    #[tokio::test(start_paused = true)]
    async fn one_address_is_slowed_whatever_it_tries_and_memory_stays_bounded() {
        let rates = Rates::default();
        let all = (0..PER_ADDRESS.0 + 5)
            .filter(|n| rates.admit(&n.to_string(), None, false))
            .count();
        assert_eq!(all, PER_ADDRESS.0 as usize);
        for n in 0..COUNTED {
            rates.admit(&format!("x{n}"), None, false);
        }
        assert!(rates.0.len() <= COUNTED + 1);
    }
}
