//! Identities. Text ids are what people read and type; record ids are hashes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// The office on whose behalf a record exists, e.g. `tongliao`.
pub type Tenant = String;
/// A ledger of duties, unique in one installation, e.g. `tongliao-2021`.
pub type LedgerId = String;
/// A row of a ledger as its document numbers it, e.g. `10`.
pub type TaskId = String;
/// A unit of the directory, e.g. `city-spj`.
pub type UnitId = String;
/// `ledger/task/unit/role` and, for a period of a year-long task, `/period`; for what one thing
/// opened, `/key` of its occasion.
pub type ObligationId = String;
/// A timer, unique within its owner.
pub type TimerId = String;
/// A notice: the id of the `notice.requested` record that asked for it, in hexadecimal.
pub type NoticeId = String;

/// The longest identifier accepted from outside, in bytes.
pub const MAX_ID_BYTES: usize = 200;

/// True for a text usable as tenant, ledger, unit or task id: 1 to 64 of `[A-Za-z0-9._-]`, starting with a letter or digit.
///
/// Ids become parts of NATS subjects, file names and URLs, so they stay plain.
pub fn is_plain_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= 64
        && bytes[0].is_ascii_alphanumeric()
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The identity of a record on the log: a hash of (cause id, service, ordinal), never a position,
/// so the same decision has the same id on every log and after every crash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// Derives an id from parts. Parts are length-prefixed, so no two part lists collide by concatenation.
    pub fn derive(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self(id)
    }

    /// The id of the `ordinal`-th record that `service` decides because of `self`.
    #[must_use]
    pub fn decision(self, service: &str, ordinal: u64) -> Self {
        Self::derive(&[&self.0, service.as_bytes(), &ordinal.to_le_bytes()])
    }
}

impl RecordId {
    /// Its hexadecimal digits.
    fn digits(self) -> [u8; 32] {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0u8; 32];
        for (i, byte) in self.0.iter().enumerate() {
            text[2 * i] = HEX[usize::from(byte >> 4)];
            text[2 * i + 1] = HEX[usize::from(byte & 15)];
        }
        text
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RecordId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.as_bytes();
        let digit = |b: u8| (b as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
        if bytes.len() != 32 {
            return Err(format!(
                "a record id has 32 hexadecimal digits; found `{text}`"
            ));
        }
        let mut id = [0; 16];
        for (i, pair) in bytes.chunks(2).enumerate() {
            match (digit(pair[0]), digit(pair[1])) {
                (Some(high), Some(low)) => id[i] = high << 4 | low,
                _ => {
                    return Err(format!(
                        "a record id has 32 hexadecimal digits; found `{text}`"
                    ));
                }
            }
        }
        Ok(Self(id))
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Not `collect_str`: every record has three of these.
        serializer.serialize_str(std::str::from_utf8(&self.digits()).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_id_reads_back_as_written() {
        let id = RecordId::derive(&[b"a", "督办".as_bytes()]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("xyz".parse::<RecordId>().is_err());
        assert!("督办督办督办督办督办督".parse::<RecordId>().is_err());
    }

    #[test]
    fn part_boundaries_matter() {
        assert_ne!(
            RecordId::derive(&[b"ab", b"c"]),
            RecordId::derive(&[b"a", b"bc"])
        );
    }

    #[test]
    fn plain_ids_are_safe_in_subjects_paths_and_urls() {
        assert!(is_plain_id("tongliao-2021"));
        for bad in ["", ".hidden", "a/b", "a b", "a*", "通辽", "a>"] {
            assert!(!is_plain_id(bad), "{bad}");
        }
    }
}
