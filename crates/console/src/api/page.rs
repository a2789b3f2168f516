//! Lists in pages. A cursor is the place where the next page begins: places are given out once and
//! never again, so that nothing is lost or repeated while the log goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::access::Seen;
use duban_model::Zone;

/// Entries of a page unless another number is asked for, in entries.
pub(super) const PAGE: usize = 50;
/// The most entries of a page, in entries.
pub(super) const MOST_PER_PAGE: usize = 200;

/// Where a page begins, as clients hand it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cursor(pub u64);

impl Cursor {
    fn text(self) -> String {
        format!("{:016x}", self.0)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Cursor, D::Error> {
        let text = String::deserialize(from)?;
        let digits = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let plain = text.len() == 16 && text.chars().all(digits);
        let place = plain.then(|| u64::from_str_radix(&text, 16).ok()).flatten();
        place
            .map(Cursor)
            .ok_or_else(|| serde::de::Error::custom("a cursor is what `next` of a page says"))
    }
}

/// How many entries a page is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit(pub usize);

impl Default for Limit {
    fn default() -> Self {
        Limit(PAGE)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Limit, D::Error> {
        let text = String::deserialize(from)?;
        let read = text.parse::<usize>().ok();
        // One spelling: no sign, no leading zero.
        read.filter(|n| (1..=MOST_PER_PAGE).contains(n) && n.to_string() == text)
            .map(Limit)
            .ok_or_else(|| {
                serde::de::Error::custom(format!("limit is a number from 1 to {MOST_PER_PAGE}"))
            })
    }
}

/// The entries of a list that has no places of its own, each with its number, from a cursor on.
pub(super) fn placed<T>(
    list: impl Iterator<Item = T>,
    from: Option<Cursor>,
) -> impl Iterator<Item = (u64, T)> {
    let from = from.map_or(0, |cursor| cursor.0);
    (0u64..)
        .zip(list)
        .skip_while(move |(place, _)| *place < from)
}

/// One page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct Page<T> {
    /// The entries, in the order of the list.
    items: Vec<T>,
    /// What to hand over as `cursor` for the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9a-f]{16}$"))]
    next: Option<String>,
    /// As of which instant on the log; absent while there is nothing on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    as_of: Option<String>,
}

impl<T> Page<T> {
    /// The page that begins with the first of `entries`, which go on as far as the list does, each
    /// with its place.
    pub fn of(
        seen: &Seen<'_>,
        limit: Option<Limit>,
        entries: impl Iterator<Item = (u64, T)>,
    ) -> Page<T> {
        let most = limit.unwrap_or_default().0;
        let mut items = Vec::with_capacity(most);
        let mut next = None;
        for (place, entry) in entries {
            if items.len() == most {
                next = Some(Cursor(place).text());
                break;
            }
            items.push(entry);
        }
        Page {
            items,
            next,
            as_of: seen.now().map(|now| now.shown_in(Zone::SHANGHAI)),
        }
    }
}
