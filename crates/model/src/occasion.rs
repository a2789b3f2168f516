//! What one duty was opened for (缘由): a publication, a matter, an instant of a schedule, another
//! duty; or the duty before it, where a standing duty begins again.

use serde::{Deserialize, Serialize};

use crate::id::{ObligationId, RecordId, UnitId, is_plain_id};
use crate::instant::Timestamp;

/// What one duty was opened for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occasion {
    /// The last part of the duty's id, where a period stands for a year-long task.
    pub key: String,
    /// What it is called among people: the title of the publication or matter, the instant of a
    /// schedule, the title of the duty before.
    pub title: String,
    /// What arose.
    pub arose: Arose,
    /// The instant from which the duty's term is counted: when it was published or reported as
    /// judged, the schedule's instant, when the duty before was fulfilled or turned red.
    pub at: Timestamp,
    /// Which round of a standing duty it is, from 1.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub round: u32,
}

fn first() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_first(round: &u32) -> bool {
    *round == 1
}

/// What arose.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arose {
    /// A publication, as `unit/publication`.
    Publication(String),
    /// A matter (事由), as `unit/matter`.
    Matter(String),
    /// An instant of the task's schedule.
    Schedule,
    /// Another duty was fulfilled or turned red.
    Duty(ObligationId),
    /// Nothing but the duty before it in a standing duty that opened with its ledger.
    Again,
}

impl Arose {
    /// The unit and the own id of the publication or matter that it is.
    pub fn subject(&self) -> Option<(&str, &str)> {
        match self {
            Arose::Publication(name) | Arose::Matter(name) => name.split_once('/'),
            Arose::Schedule | Arose::Duty(_) | Arose::Again => None,
        }
    }
}

impl Occasion {
    /// The id, at its producer, of the publication or matter that opened the duty: what others
    /// name by `about`.
    pub fn subject_id(&self) -> Option<&str> {
        self.arose.subject().map(|(_, id)| id)
    }

    /// Whether its unit is told at once that it has a new duty. A standing duty that begins again
    /// is no news.
    pub fn is_told(&self) -> bool {
        self.round == 1 && self.arose != Arose::Again
    }
}

/// Between the parts of a key that needs several: no id contains it.
const JOINT: char = '~';

/// The key of parts that people know: joined where they are plain and short enough, else 16
/// hexadecimal digits of their hash.
pub fn occasion_key(parts: &[&str]) -> String {
    let length: usize = parts.iter().map(|part| part.len() + 1).sum();
    if length <= 65 && parts.iter().all(|part| is_plain_id(part)) {
        return parts.join(JOINT.encode_utf8(&mut [0; 4]));
    }
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
    let mut digits = RecordId::derive(&parts).to_string();
    digits.truncate(16);
    digits
}

/// The key of what a publication or matter opens for a unit: its own id for the unit that it names;
/// for another, that unit's id before it, since an id is unique within its unit only.
pub fn subject_key(owner: &UnitId, unit: &str, id: &str) -> String {
    if owner == unit {
        occasion_key(&[id])
    } else {
        occasion_key(&[unit, id])
    }
}

/// The key of a later round of a standing duty: `n2`, `n3` …, after the key of its first round.
pub fn round_key(first: Option<&str>, round: u32) -> String {
    match first {
        None => format!("n{round}"),
        Some(key) => format!("{key}{JOINT}n{round}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_id_stays_readable_and_any_other_becomes_digits() {
        let own = |id| subject_key(&"kailu".to_owned(), "kailu", id);
        assert_eq!(own("2021-0167"), "2021-0167");
        assert_eq!(own("通政发〔2021〕1号").len(), 16);
        assert_ne!(own("通政发〔2021〕1号"), own("通政发〔2021〕2号"));
        assert_eq!(own(&"x".repeat(65)).len(), 16);
        let office = |unit| subject_key(&"office".to_owned(), unit, "p-1");
        assert_eq!(office("kailu"), "kailu~p-1");
        assert_ne!(office("kailu"), office("naiman"));
        assert_eq!(round_key(None, 2), "n2");
        assert_eq!(round_key(Some("p-1"), 3), "p-1~n3");
    }

    #[test]
    fn the_first_round_is_not_written() {
        let occasion = Occasion {
            key: "p-1".to_owned(),
            title: "政策".to_owned(),
            arose: Arose::Publication("kailu/p-1".to_owned()),
            at: Timestamp::default(),
            round: 1,
        };
        let text = serde_json::to_string(&occasion).unwrap();
        assert!(!text.contains("round"), "{text}");
        assert_eq!(serde_json::from_str::<Occasion>(&text).unwrap(), occasion);
        assert_eq!(occasion.subject_id(), Some("p-1"));
    }
}
