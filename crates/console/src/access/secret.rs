//! Chance, digests and passwords.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

/// Bytes of chance in a session, a link and a token: 256 bits.
const SECRET_BYTES: usize = 32;
/// Memory, passes and lanes of Argon2id: OWASP's password storage cheat sheet, second choice
/// (19 MiB, 2 passes, 1 lane).
const COST: (u32, u32, u32) = (19 * 1_024, 2, 1);
/// Passwords hashed at the same time, in passwords: each takes 19 MiB and a core.
pub const HASHES_AT_ONCE: usize = 2;
/// Bytes of salt and of hash.
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// Bytes of chance.
fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without chance no secret can be made, and nothing else would be safer than to stop here.
    getrandom::fill(&mut bytes).expect("the system gives no random bytes");
    bytes
}

/// As hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(digits).collect()
}

/// A secret that nobody can guess, in hexadecimal digits.
pub(super) fn secret() -> String {
    hex(&chance::<SECRET_BYTES>())
}

/// A short number by which lists tell entries apart; no secret.
pub(super) fn number() -> String {
    hex(&chance::<4>())
}

/// What is kept of a secret. A secret of 256 random bits needs no salt and no slowness.
pub(super) fn digest(of: &str, secret: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(b"duban ");
    hash.update(of.as_bytes());
    hash.update(b"\0");
    hash.update(secret.as_bytes());
    hex(&hash.finalize())
}

/// Compares without telling by its time where two texts differ.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len()
        && a.bytes()
            .zip(b.bytes())
            .fold(0, |all, (a, b)| all | (a ^ b))
            == 0
}

/// A password as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hashed {
    /// `argon2id`, so that another way could be told apart.
    kind: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
    hash: String,
}

/// The most that a kept password may ask for, so that a changed file cannot stop the machine.
const MOST: (u32, u32, u32) = (256 * 1_024, 10, 4);

impl Hashed {
    /// Takes tens of milliseconds; not on a thread that serves.
    fn of(password: &str) -> Hashed {
        let salt = chance::<SALT_BYTES>();
        let (memory_kib, passes, lanes) = COST;
        let hash = stretched(password, &salt, COST).expect("our own parameters are in range");
        Hashed {
            kind: "argon2id".to_owned(),
            memory_kib,
            passes,
            lanes,
            salt: hex(&salt),
            hash: hex(&hash),
        }
    }

    fn is(&self, password: &str) -> bool {
        let cost = (self.memory_kib, self.passes, self.lanes);
        let within = cost.0 <= MOST.0 && cost.1 <= MOST.1 && cost.2 <= MOST.2;
        let Some(salt) = unhex(&self.salt).filter(|_| within && self.kind == "argon2id") else {
            return false;
        };
        stretched(password, &salt, cost).is_some_and(|hash| same(&hex(&hash), &self.hash))
    }
}

fn stretched(password: &str, salt: &[u8], cost: (u32, u32, u32)) -> Option<[u8; HASH_BYTES]> {
    let (memory, passes, lanes) = cost;
    let params = Params::new(memory, passes, lanes, Some(HASH_BYTES)).ok()?;
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut hash)
        .ok()?;
    Some(hash)
}

/// What is compared with where there is no password, so that it takes as long.
static NOBODY: LazyLock<Hashed> = LazyLock::new(|| Hashed::of("nobody has this password"));

/// Hashes passwords off the threads that serve, few at once.
#[derive(Clone, Debug)]
pub(super) struct Hasher(Arc<Semaphore>);

impl Default for Hasher {
    fn default() -> Self {
        Hasher(Arc::new(Semaphore::new(HASHES_AT_ONCE)))
    }
}

impl Hasher {
    /// A password as it is kept.
    pub async fn hash(&self, password: String) -> Hashed {
        // Never closed.
        let _place = self.0.acquire().await;
        match tokio::task::spawn_blocking(move || Hashed::of(&password)).await {
            Ok(hashed) => hashed,
            Err(fault) => std::panic::resume_unwind(fault.into_panic()),
        }
    }

    /// Whether this is the password. Takes as long where there is none.
    pub async fn is(&self, kept: Option<Hashed>, password: String) -> bool {
        // Never closed.
        let _place = self.0.acquire().await;
        // Made once; who comes first must not wait longer for a name that nobody has.
        let check = move || match (LazyLock::force(&NOBODY), kept) {
            (_, Some(kept)) => kept.is(&password),
            (nobody, None) => {
                nobody.is(&password);
                false
            }
        };
        tokio::task::spawn_blocking(check).await.unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_two_hashes_are_alike() {
        let hasher = Hasher::default();
        let kept = hasher.hash("correct horse battery".to_owned()).await;
        assert_ne!(kept, hasher.hash("correct horse battery".to_owned()).await);
        assert!(
            hasher
                .is(Some(kept.clone()), "correct horse battery".to_owned())
                .await
        );
        assert!(
            !hasher
                .is(Some(kept.clone()), "correct horse batterz".to_owned())
                .await
        );
        assert!(!hasher.is(None, "nobody has this password".to_owned()).await);
        let heavy = Hashed {
            memory_kib: u32::MAX,
            ..kept
        };
        assert!(
            !heavy.is("correct horse battery"),
            "a file cannot ask for more"
        );
    }

    #[test]
    fn digests_of_different_things_differ() {
        assert_ne!(digest("session", "x"), digest("form", "x"));
        assert!(same("ab", "ab") && !same("ab", "ac") && !same("ab", "abc"));
        assert_eq!(secret().len(), 2 * SECRET_BYTES);
        assert_eq!(unhex("0aff"), Some(vec![10, 255]));
        assert_eq!(unhex("0af"), None);
    }
}
