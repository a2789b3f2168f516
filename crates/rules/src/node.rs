//! A definition file as written: scalars, lists and maps, each with its place. What it means is
//! read from here by `reading`, so that one wrong field does not hide the next.

use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, de};

/// A place in a file: line and column from 1, in characters, and how many characters stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Location {
    line: u64,
    column: u64,
    length: u64,
}

impl Location {
    /// The whole file.
    pub const UNKNOWN: Location = Location::new(0, 0, 0);
    /// Something that is not there, and of which that was told already: nothing is told at it.
    pub const HOLE: Location = Location::new(u64::MAX, 0, 0);

    pub const fn new(line: u64, column: u64, length: u64) -> Self {
        Location {
            line,
            column,
            length,
        }
    }

    pub fn line(self) -> u64 {
        self.line
    }

    pub fn column(self) -> u64 {
        self.column
    }

    pub fn length(self) -> u64 {
        self.length
    }

    pub fn is_hole(self) -> bool {
        self == Location::HOLE
    }
}

impl From<serde_saphyr::Location> for Location {
    fn from(at: serde_saphyr::Location) -> Self {
        Location::new(at.line(), at.column(), at.span().len())
    }
}

/// A part of a file.
#[derive(Debug)]
pub(crate) struct Node {
    pub at: Location,
    pub part: Part,
}

/// What stands there.
#[derive(Debug)]
pub(crate) enum Part {
    /// An empty value, `~` or `null`.
    Nothing,
    /// A text, a number or a truth, as its characters.
    Scalar(String),
    List(Vec<Node>),
    /// Keys may repeat here; that is told when it is read.
    Map(Vec<(String, Location, Node)>),
}

impl Part {
    pub fn words(&self) -> String {
        match self {
            Part::Nothing => "nothing".to_owned(),
            Part::Scalar(text) => format!("`{text}`"),
            Part::List(_) => "a list".to_owned(),
            Part::Map(_) => "several fields".to_owned(),
        }
    }
}

/// Fields within fields at most. Definitions need ten; reading takes up to 30 KiB of stack a level,
/// and a thread of a service has 2 MiB.
const MAX_DEPTH_LEVELS: usize = 24;

/// Reads a text as YAML within the library's limits of size and repetition, and our limit of depth.
pub(crate) fn parse(text: &str) -> Result<Node, serde_saphyr::Error> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_depth: MAX_DEPTH_LEVELS },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
    };
    let raw = serde_saphyr::from_str_with_options::<Raw>(text, options)?;
    Ok(node(raw, text))
}

/// As the library gives it: a plain `7` has become a number, and its characters must be looked up.
type Raw = serde_saphyr::Spanned<RawPart>;

enum RawPart {
    Nothing,
    Text(String),
    /// A number or a truth.
    Plain,
    List(Vec<Raw>),
    Map(Vec<(serde_saphyr::Spanned<String>, Raw)>),
}

fn node(raw: Raw, text: &str) -> Node {
    let at = Location::from(raw.referenced);
    let part = match raw.value {
        RawPart::Nothing => Part::Nothing,
        RawPart::Text(value) => Part::Scalar(value),
        RawPart::Plain => {
            let span = raw.defined.span();
            let from = span.byte_offset().and_then(|n| usize::try_from(n).ok());
            let length = span.byte_len().and_then(|n| usize::try_from(n).ok());
            let written = from
                .zip(length)
                .and_then(|(from, length)| text.get(from..from.checked_add(length)?));
            Part::Scalar(written.unwrap_or_default().trim().to_owned())
        }
        RawPart::List(list) => Part::List(list.into_iter().map(|raw| node(raw, text)).collect()),
        RawPart::Map(entries) => Part::Map(
            entries
                .into_iter()
                .map(|(key, raw)| (key.value, Location::from(key.referenced), node(raw, text)))
                .collect(),
        ),
    };
    Node { at, part }
}

impl<'de> Deserialize<'de> for RawPart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = RawPart;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a list or fields")
            }

            fn visit_unit<E: de::Error>(self) -> Result<RawPart, E> {
                Ok(RawPart::Nothing)
            }

            fn visit_none<E: de::Error>(self) -> Result<RawPart, E> {
                Ok(RawPart::Nothing)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RawPart, E> {
                Ok(RawPart::Text(text.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_i128<E: de::Error>(self, _: i128) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_u128<E: de::Error>(self, _: u128) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<RawPart, E> {
                Ok(RawPart::Plain)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawPart, A::Error> {
                let mut list = Vec::new();
                while let Some(raw) = seq.next_element()? {
                    list.push(raw);
                }
                Ok(RawPart::List(list))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawPart, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawPart::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
