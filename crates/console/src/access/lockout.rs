//! How often somebody may try to sign in. Counted by name and by address, whether or not the name
//! exists, so that a lockout tells nobody who has an account.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use duban_model::{RecordId, Timestamp};

/// Attempts are counted over this span, in milliseconds: 15 minutes.
pub const LOCKOUT_MILLIS: i64 = 15 * 60_000;
/// Failed attempts with one name from one address within the span.
pub const PER_NAME_AND_ADDRESS: u32 = 5;
/// Failed attempts with one name from anywhere within the span.
pub const PER_NAME: u32 = 50;
/// Failed attempts from one address within the span; a whole office may share one.
pub const PER_ADDRESS: u32 = 100;
/// Names and addresses counted at once; beyond it the oldest span is forgotten.
const COUNTED: usize = 10_000;

/// Whose attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Both(RecordId, Option<IpAddr>),
    Name(RecordId),
    Address(Option<IpAddr>),
}

/// Why another attempt is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wait {
    /// One is taken in so many seconds.
    pub seconds: u64,
    /// The first that is refused of these: one line in the record is enough.
    pub first: bool,
}

/// The spans under way: since when, how many.
#[derive(Debug, Default)]
pub(super) struct Lockout(Mutex<BTreeMap<Who, (Timestamp, u32)>>);

fn each(name: &str, address: Option<IpAddr>) -> [(Who, u32); 3] {
    let name = RecordId::derive(&[name.as_bytes()]);
    [
        (Who::Both(name, address), PER_NAME_AND_ADDRESS),
        (Who::Name(name), PER_NAME),
        (Who::Address(address), PER_ADDRESS),
    ]
}

impl Lockout {
    /// Counts an attempt before it is looked at, so that many at once are no way around.
    ///
    /// # Errors
    /// If there were too many.
    pub fn admit(&self, now: Timestamp, name: &str, address: Option<IpAddr>) -> Result<(), Wait> {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that is set back begins a new span.
        let left = |begun: Timestamp| match now.0 - begun.0 {
            gone @ 0.. => Some(LOCKOUT_MILLIS - gone).filter(|left| *left > 0),
            _ => None,
        };
        let each = each(name, address);
        let over: Vec<(Who, u32, i64)> = each
            .iter()
            .filter_map(|(who, most)| {
                let (begun, count) = spans.get(who)?;
                let left = left(*begun).filter(|_| count >= most)?;
                Some((*who, *most, left))
            })
            .collect();
        if let Some(millis) = over.iter().map(|(_, _, left)| *left).max() {
            let mut first = false;
            for (who, most, _) in over {
                if let Some((_, count)) = spans.get_mut(&who) {
                    first |= *count == most;
                    *count = most + 1;
                }
            }
            return Err(Wait {
                seconds: millis.unsigned_abs().div_ceil(1_000),
                first,
            });
        }
        for (who, _) in each {
            if spans.len() >= COUNTED {
                spans.retain(|_, (begun, _)| left(*begun).is_some());
            }
            if spans.len() >= COUNTED
                && let Some(oldest) = spans.iter().min_by_key(|(_, span)| span.0)
            {
                let oldest = *oldest.0;
                spans.remove(&oldest);
            }
            let span = spans.entry(who).or_insert((now, 0));
            if left(span.0).is_none() {
                *span = (now, 0);
            }
            span.1 = span.1.saturating_add(1);
        }
        Ok(())
    }

    /// Takes an attempt back that was no failure.
    pub fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (who, _) in each(name, address) {
            if let Who::Both(..) = who {
                spans.remove(&who);
            } else if let Some((_, count)) = spans.get_mut(&who) {
                *count = count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const START: Timestamp = Timestamp(1_700_000_000_000);

    const ONE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    const OTHER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2)));

    #[test]
    fn a_name_is_locked_for_the_rest_of_the_span_and_others_are_not() {
        let lockout = Lockout::default();
        for _ in 0..PER_NAME_AND_ADDRESS {
            assert_eq!(lockout.admit(START, "wang", ONE), Ok(()));
        }
        let later = START.plus_millis(60_000);
        let wait = |first| {
            Err(Wait {
                seconds: 14 * 60,
                first,
            })
        };
        assert_eq!(lockout.admit(later, "wang", ONE), wait(true));
        assert_eq!(lockout.admit(later, "wang", ONE), wait(false));
        assert_eq!(lockout.admit(later, "li", ONE), Ok(()));
        assert_eq!(lockout.admit(later, "wang", OTHER), Ok(()));
        let over = START.plus_millis(LOCKOUT_MILLIS);
        assert_eq!(lockout.admit(over, "wang", ONE), Ok(()));
    }

    #[test]
    fn who_signs_in_is_not_counted_and_memory_stays_bounded() {
        let lockout = Lockout::default();
        for _ in 0..10 * PER_ADDRESS {
            assert_eq!(lockout.admit(START, "wang", ONE), Ok(()));
            lockout.succeeded("wang", ONE);
        }
        for n in 0..COUNTED {
            let address = IpAddr::from(u32::try_from(n).unwrap().to_be_bytes());
            let _ = lockout.admit(START, &n.to_string(), Some(address));
        }
        assert!(lockout.0.lock().unwrap().len() <= COUNTED);
    }

    #[test]
    fn one_address_is_locked_whatever_names_it_tries() {
        let lockout = Lockout::default();
        let all = (0..PER_ADDRESS + 5)
            .filter(|n| lockout.admit(START, &n.to_string(), ONE).is_ok())
            .count();
        assert_eq!(all, PER_ADDRESS as usize);
    }
}
