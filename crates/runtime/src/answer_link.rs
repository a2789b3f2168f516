//! Links by which a contact answers a notice without logging in. Whoever has one may act as that
//! contact for that one duty, until it ends; so it is made when a message is sent and stands neither
//! on the log nor in any output.
//!
//! A token is a payload and the first half of its HMAC-SHA256, in base64url. The payload names office,
//! contact, duty, notice and end, so nothing has to be looked up to know that it is ours.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use duban_model::decision::NoticeKind;
use duban_model::{Message, RecordId, Timestamp};
use hmac::{Hmac, Mac};
use reqwest::Url;
use sha2::Sha256;

/// A link can be used for so many days after its notice was queued.
pub const ANSWER_DAYS: i64 = 60;
/// The shortest key, in bytes.
pub const MIN_ANSWER_KEY_BYTES: usize = 32;
/// The most keys: the one that signs, and older ones whose links are still out.
pub const MAX_ANSWER_KEYS: usize = 3;
/// The longest token that is looked at, in characters.
const MAX_TOKEN_CHARACTERS: usize = 2_048;
/// So much of the HMAC is in a token, in bytes: half of it, which no one guesses.
const TAG_BYTES: usize = 16;
/// What is signed before the payload, so that no other signature of ours fits.
const PURPOSE: &[u8] = b"duban answer link\n";
/// The first byte of every payload of this form.
const FORM: u8 = 1;
/// Milliseconds of a day.
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// What a link is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The office.
    pub tenant: String,
    /// `unit/contact`
    pub contact: String,
    /// The duty's id.
    pub obligation: String,
    /// The notice that it came with.
    pub notice: RecordId,
    /// It holds until this instant, in whole seconds.
    pub until: Timestamp,
}

/// Makes links and knows its own again.
pub struct AnswerLinks {
    /// Without a slash at its end.
    address: String,
    /// The first signs.
    keys: Vec<Hmac<Sha256>>,
}

impl fmt::Debug for AnswerLinks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerLinks")
            .field("address", &self.address)
            .field("keys", &self.keys.len())
            .finish()
    }
}

/// Until when a link of a notice that was queued at `at` holds.
pub fn answer_until(at: Timestamp) -> Timestamp {
    Timestamp(at.plus_millis(ANSWER_DAYS * DAY_MILLIS).0.div_euclid(1000) * 1000)
}

impl AnswerLinks {
    /// Links below the console's address, e.g. `https://duban.city.example`, signed with the first of
    /// these keys.
    ///
    /// # Errors
    /// In words, when the address is none of a whole host, or a key is too short; no key is in them.
    pub fn new(address: &str, keys: &[String]) -> Result<AnswerLinks, String> {
        let expected = "expected the address under which people reach the pages, without a path, \
                        e.g. https://duban.city.example";
        let url: Url = address
            .parse()
            .map_err(|fault| format!("--answer-url `{address}`: {fault}; {expected}"))?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && matches!(url.path(), "" | "/")
            && url.query().is_none()
            && url.fragment().is_none();
        if !plain {
            return Err(format!("--answer-url `{address}`: {expected}"));
        }
        if keys.is_empty() || keys.len() > MAX_ANSWER_KEYS {
            return Err(format!(
                "the key for answers: found {} keys, expected 1 to {MAX_ANSWER_KEYS}, the one that signs first",
                keys.len()
            ));
        }
        if let Some(place) = keys.iter().position(|key| key.len() < MIN_ANSWER_KEY_BYTES) {
            return Err(format!(
                "the key for answers: found {} bytes as key {}, expected at least {MIN_ANSWER_KEY_BYTES}; \
                 make one with `openssl rand -hex 32`",
                keys[place].len(),
                place + 1
            ));
        }
        let key = |key: &String| Hmac::new_from_slice(key.as_bytes()).expect("a key of any length");
        Ok(AnswerLinks {
            address: url.as_str().trim_end_matches('/').to_owned(),
            keys: keys.iter().map(key).collect(),
        })
    }

    /// Where the pages are, without a slash at the end.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The link of a message. The same for every attempt at it; none for a notice whose id is not a
    /// record's, and none where nothing more is asked.
    pub fn link(&self, message: &Message) -> Option<String> {
        if message.kind == NoticeKind::Waived.as_str() {
            return None;
        }
        let letter = Letter {
            tenant: message.tenant.clone(),
            contact: message.contact.clone(),
            obligation: message.obligation.clone(),
            notice: message.notice.parse().ok()?,
            until: answer_until(message.at),
        };
        Some(format!("{}/a/{}", self.address, self.token(&letter)?))
    }

    /// The token of a letter.
    pub fn token(&self, letter: &Letter) -> Option<String> {
        let mut bytes = vec![FORM];
        let seconds = u32::try_from(letter.until.0 / 1000).ok()?;
        bytes.extend(seconds.to_be_bytes());
        bytes.extend(letter.notice.0);
        for field in [&letter.tenant, &letter.contact, &letter.obligation] {
            if field.is_empty() {
                return None;
            }
            bytes.extend(u16::try_from(field.len()).ok()?.to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        let tag = signed(self.keys.first()?, &bytes).finalize().into_bytes();
        bytes.extend(&tag[..TAG_BYTES]);
        Some(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// What a token is for, if one of our keys made it. Whether it has ended is not looked at.
    pub fn open(&self, token: &str) -> Option<Letter> {
        if token.len() > MAX_TOKEN_CHARACTERS {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (payload, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_BYTES)?)?;
        let ours = |key| signed(key, payload).verify_truncated_left(tag).is_ok();
        if !self.keys.iter().any(ours) {
            return None;
        }
        read(payload)
    }
}

fn signed(key: &Hmac<Sha256>, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(PURPOSE);
    mac.update(payload);
    mac
}

fn read(payload: &[u8]) -> Option<Letter> {
    let (form, rest) = payload.split_first()?;
    let (seconds, rest) = rest.split_first_chunk::<4>()?;
    let (notice, mut rest) = rest.split_first_chunk::<16>()?;
    let mut field = || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let (text, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        rest = after;
        String::from_utf8(text.to_vec()).ok()
    };
    let letter = Letter {
        tenant: field()?,
        contact: field()?,
        obligation: field()?,
        notice: RecordId(*notice),
        until: Timestamp(i64::from(u32::from_be_bytes(*seconds)) * 1000),
    };
    (*form == FORM && rest.is_empty()).then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::message;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    fn links(keys: &[&str]) -> AnswerLinks {
        let keys: Vec<_> = keys.iter().map(|key| (*key).to_owned()).collect();
        AnswerLinks::new("https://duban.city.example/", &keys).unwrap()
    }

    fn letter() -> Letter {
        Letter {
            tenant: "tongliao".to_owned(),
            contact: "city-fgw/office".to_owned(),
            obligation: "tongliao-2021/36/city-fgw/responsible".to_owned(),
            notice: RecordId::derive(&[b"notice"]),
            until: Timestamp(1_640_000_000_000),
        }
    }

    #[test]
    fn a_token_reads_back_and_stands_in_an_address_as_it_is() {
        let token = links(&[NEW]).token(&letter()).unwrap();
        assert_eq!(links(&[NEW]).open(&token), Some(letter()));
        assert!(token.len() < 150, "{} characters", token.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        assert!(token.chars().all(plain), "{token}");
    }

    #[test]
    fn whatever_is_changed_or_cut_is_not_ours() {
        let ours = links(&[NEW]);
        let token = ours.token(&letter()).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for place in 0..bytes.len() {
            for bit in [1u8, 128] {
                let mut other = bytes.clone();
                other[place] ^= bit;
                assert_eq!(ours.open(&URL_SAFE_NO_PAD.encode(&other)), None, "{place}");
            }
            assert_eq!(ours.open(&URL_SAFE_NO_PAD.encode(&bytes[..place])), None);
        }
        for end in 0..token.len() {
            assert_eq!(ours.open(&token[..end]), None);
        }
        for other in [format!("{token}A"), format!("{token}="), "督办".to_owned()] {
            assert_eq!(ours.open(&other), None, "{other}");
        }
        assert_eq!(ours.open(&"A".repeat(3_000)), None);
    }

    #[test]
    fn a_token_is_for_one_contact_and_one_duty() {
        let token = |change: fn(&mut Letter)| {
            let mut letter = letter();
            change(&mut letter);
            links(&[NEW]).token(&letter).unwrap()
        };
        let all = [
            token(|_| {}),
            token(|l| l.contact = "city-fgw/leader".to_owned()),
            token(|l| l.obligation = "tongliao-2021/35/city-fgw/responsible".to_owned()),
            token(|l| l.tenant = "other".to_owned()),
            token(|l| l.until = l.until.plus_millis(1_000)),
            token(|l| l.notice = RecordId::derive(&[b"other"])),
        ];
        let tags: std::collections::BTreeSet<_> =
            all.iter().map(|token| &token[token.len() - 20..]).collect();
        assert_eq!(tags.len(), all.len(), "each has a signature of its own");
    }

    #[test]
    fn links_of_the_older_key_hold_while_it_is_listed_and_the_first_key_signs() {
        let old = links(&[OLD]).token(&letter()).unwrap();
        let rotated = links(&[NEW, OLD]);
        assert_eq!(rotated.open(&old), Some(letter()));
        assert_eq!(rotated.token(&letter()), links(&[NEW]).token(&letter()));
        assert_eq!(links(&[NEW]).open(&old), None);
    }

    #[test]
    fn a_link_is_the_same_for_every_attempt_and_ends_on_time() {
        let mut notice = message();
        notice.notice = RecordId::derive(&[b"n"]).to_string();
        let links = links(&[NEW]);
        let first = links.link(&notice).unwrap();
        notice.attempt = 2;
        notice.possible_duplicate = true;
        assert_eq!(links.link(&notice), Some(first.clone()));
        let token = first
            .strip_prefix("https://duban.city.example/a/")
            .expect("the address of the pages");
        let until = links.open(token).unwrap().until;
        assert_eq!(until, answer_until(notice.at));
        assert_eq!((until.0 - notice.at.0) / DAY_MILLIS, ANSWER_DAYS);
        notice.kind = "waived".to_owned();
        assert_eq!(links.link(&notice), None);
        notice.kind = "reminder".to_owned();
        notice.notice = "n1".to_owned();
        assert_eq!(links.link(&notice), None);
    }

    #[test]
    fn a_weak_key_or_a_partial_address_is_refused_and_no_key_is_shown() {
        let keys = |keys: &[&str]| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>();
        let weak = AnswerLinks::new("https://a.example", &keys(&[NEW, "short-one"])).unwrap_err();
        assert!(
            weak.contains("9 bytes as key 2") && !weak.contains("short-one"),
            "{weak}"
        );
        assert!(AnswerLinks::new("https://a.example", &[]).is_err());
        for address in [
            "a.example",
            "ftp://a.example",
            "https://a.example/x",
            "https://u:p@a.example",
        ] {
            let fault = AnswerLinks::new(address, &keys(&[NEW])).unwrap_err();
            assert!(fault.contains("https://duban.city.example"), "{fault}");
        }
        assert!(!format!("{:?}", links(&[NEW])).contains(NEW));
    }
}
