//! From the parts of a file to its source form. Reading goes on after a fault: an unknown field is
//! left out, and for what is missing or of the wrong sort an empty value stands in, at a place where
//! nothing more is told. So every fault of a file is told at once, and none that follows from another.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{self, Deserialize, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::diagnostic::nearest;
use crate::faults::Faults;
use crate::node::{Location, Node, Part};

/// A value with the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub value: T,
    pub referenced: Location,
}

/// Reads the source form, telling every fault. What is given has holes where faults were told.
pub(crate) fn read<T: DeserializeOwned>(node: &Node, faults: &mut Faults<'_>) -> Option<T> {
    // Which fields a form requires is known to its derived code alone, which says so one field at a
    // time. What was learnt is kept: there are as many rounds as different fields are missing.
    let mut required = BTreeSet::new();
    loop {
        let reading = Reading {
            required: RefCell::new(required),
            told: RefCell::default(),
        };
        let read = T::deserialize(At {
            node: Some(node),
            reading: &reading,
        });
        let told = reading.told.into_inner();
        match read {
            Err(Stop::Again) => required = reading.required.into_inner(),
            Ok(value) => {
                tell(told, faults);
                return Some(value);
            }
            Err(Stop::Missing(what)) => {
                tell(told, faults);
                unreadable(node, what, faults);
                return None;
            }
            Err(Stop::Said(what)) => {
                tell(told, faults);
                unreadable(node, &what, faults);
                return None;
            }
        }
    }
}

fn tell(told: Vec<Told>, faults: &mut Faults<'_>) {
    for told in told {
        match told {
            Told::Unknown {
                at,
                key,
                fields,
                near,
            } => faults.misspelt(
                "D003",
                at,
                format!("unknown field `{key}`"),
                format!("one of {}", fields.join(", ")),
                &key,
                near.into_iter(),
                "correct the spelling or remove the field",
            ),
            Told::Missing { at, field } => faults.error(
                "D004",
                at,
                format!("no field `{field}`"),
                format!("`{field}`, which is required here"),
                format!("add `{field}:`"),
            ),
            Told::Twice { at, key } => faults.error(
                "D002",
                at,
                format!("`{key}` a second time"),
                "each name once",
                "remove or rename one",
            ),
            Told::Sort {
                at,
                found,
                expected,
            } => faults.error(
                "D002",
                at,
                found,
                expected,
                "write it as workflows/README.md shows",
            ),
        }
    }
}

fn unreadable(node: &Node, what: &str, faults: &mut Faults<'_>) {
    faults.error(
        "D002",
        node.at,
        what,
        "YAML as in workflows/README.md",
        "mend the text at this place",
    );
}

/// A fault found while reading.
enum Told {
    Unknown {
        at: Location,
        key: String,
        fields: &'static [&'static str],
        near: Option<&'static str>,
    },
    Missing {
        at: Location,
        field: &'static str,
    },
    Twice {
        at: Location,
        key: String,
    },
    Sort {
        at: Location,
        found: String,
        expected: &'static str,
    },
}

struct Reading {
    /// Fields without which a form cannot be made, as learnt so far.
    required: RefCell<BTreeSet<(&'static str, &'static str)>>,
    told: RefCell<Vec<Told>>,
}

/// Why a round of reading ended.
#[derive(Debug)]
enum Stop {
    /// A field turned out to be required.
    Missing(&'static str),
    /// What was learnt must be used from the start.
    Again,
    Said(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Missing(field) => f.write_str(field),
            Stop::Again => f.write_str("again"),
            Stop::Said(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Stop {}

impl de::Error for Stop {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Stop::Said(what.to_string())
    }

    fn missing_field(field: &'static str) -> Self {
        Stop::Missing(field)
    }
}

/// A part of the file, or a hole, about to be read as something.
#[derive(Clone, Copy)]
struct At<'n> {
    node: Option<&'n Node>,
    reading: &'n Reading,
}

impl<'n> At<'n> {
    fn part(&self) -> Option<&'n Part> {
        self.node.map(|node| &node.part)
    }

    fn place(&self) -> Location {
        self.node.map_or(Location::HOLE, |node| node.at)
    }

    fn with(self, node: Option<&'n Node>) -> At<'n> {
        At { node, ..self }
    }

    fn tell(&self, told: Told) {
        self.reading.told.borrow_mut().push(told);
    }

    /// Tells that something of another sort stands here; nothing at a hole.
    fn other_sort(&self, expected: &'static str) {
        if let Some(node) = self.node {
            self.tell(Told::Sort {
                at: node.at,
                found: node.part.words(),
                expected,
            });
        }
    }

    /// Fields by name, each once.
    fn entries(&self) -> Vec<(&'n str, Location, &'n Node)> {
        let entries = match self.part() {
            Some(Part::Map(entries)) => entries.as_slice(),
            Some(Part::Nothing) | None => &[],
            Some(_) => {
                self.other_sort("fields, each a name with a value");
                &[]
            }
        };
        let mut seen = BTreeSet::new();
        let mut once = Vec::with_capacity(entries.len());
        for (key, at, node) in entries {
            if seen.insert(key) {
                once.push((key.as_str(), *at, node));
            } else {
                self.tell(Told::Twice {
                    at: *at,
                    key: key.clone(),
                });
            }
        }
        once
    }

    /// The value written here, or one that stands in for it.
    fn number<T: std::str::FromStr + Default>(&self) -> Result<T, T> {
        match self.part() {
            Some(Part::Scalar(text)) if !text.is_empty() => text.parse().map_err(|_| T::default()),
            _ => Err(T::default()),
        }
    }
}

impl<'n> IntoDeserializer<'n, Stop> for At<'n> {
    type Deserializer = At<'n>;

    fn into_deserializer(self) -> At<'n> {
        self
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $sort:ty),* $(,)?) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
            visitor.$visit(self.number::<$sort>().unwrap_or_else(|instead| {
                self.other_sort("a whole number");
                instead
            }))
        })*
    };
}

impl<'de> Deserializer<'de> for At<'de> {
    type Error = Stop;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.part() {
            Some(Part::List(_)) => self.deserialize_seq(visitor),
            Some(Part::Map(_)) => self.deserialize_map(visitor),
            Some(Part::Scalar(_)) => self.deserialize_string(visitor),
            Some(Part::Nothing) | None => visitor.visit_unit(),
        }
    }

    numbers! {
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let truth = match self.part() {
            Some(Part::Scalar(text)) => text.parse().ok(),
            _ => None,
        };
        if truth.is_none() {
            self.other_sort("true or false");
        }
        visitor.visit_bool(truth.unwrap_or_default())
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        if let Some(Part::Scalar(text)) = self.part() {
            visitor.visit_str(text)
        } else {
            self.other_sort("a text");
            visitor.visit_str("")
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        match self.part() {
            None | Some(Part::Nothing) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let list = match self.part() {
            Some(Part::List(list)) => list.as_slice(),
            Some(Part::Nothing) | None => &[],
            Some(_) => {
                self.other_sort("a list");
                &[]
            }
        };
        visitor.visit_seq(SeqDeserializer::new(
            list.iter().map(|node| self.with(Some(node))),
        ))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Stop> {
        let entries = self.entries();
        visitor.visit_map(MapDeserializer::new(
            entries
                .into_iter()
                .map(|(key, _, node)| (key, self.with(Some(node)))),
        ))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Stop> {
        if name == SPANNED {
            return visitor.visit_map(Twofold {
                value: Some(self),
                place: self.place(),
            });
        }
        let of_map = matches!(self.part(), Some(Part::Map(_)));
        let mut given = Vec::new();
        if matches!(self.part(), Some(Part::Nothing)) {
            self.other_sort("fields, each a name with a value");
        }
        let entries = self.entries();
        let absent = |field: &&&'static str| !entries.iter().any(|(key, ..)| key == *field);
        for (key, at, node) in &entries {
            if let Some(field) = fields.iter().find(|field| *field == key) {
                given.push((*field, self.with(Some(node))));
                continue;
            }
            // A slip is read as what was meant: its value is looked at, and the field is not missing.
            let near = nearest(key, fields.iter().filter(absent).copied());
            if let Some(field) = near.and_then(|near| fields.iter().find(|field| **field == near))
                && !given.iter().any(|(there, _)| there == field)
            {
                given.push((*field, self.with(Some(node))));
            }
            self.tell(Told::Unknown {
                at: *at,
                key: (*key).to_owned(),
                fields,
                near,
            });
        }
        for field in fields {
            let required = self.reading.required.borrow().contains(&(name, field));
            if required && !given.iter().any(|(there, _)| there == field) {
                if of_map {
                    self.tell(Told::Missing {
                        at: self.place(),
                        field,
                    });
                }
                given.push((field, self.with(None)));
            }
        }
        match visitor.visit_map(MapDeserializer::new(given.into_iter())) {
            Err(Stop::Missing(field)) => {
                self.reading.required.borrow_mut().insert((name, field));
                Err(Stop::Again)
            }
            read => read,
        }
    }

    forward_to_deserialize_any! {
        i8 i16 i128 u8 u16 u128 f32 f64 char bytes byte_buf unit unit_struct newtype_struct
        tuple tuple_struct enum identifier ignored_any
    }
}

/// The form under which a value asks for its place.
const SPANNED: &str = "duban Spanned";

/// A value, then its place.
struct Twofold<'n> {
    value: Option<At<'n>>,
    place: Location,
}

impl<'de> de::MapAccess<'de> for Twofold<'de> {
    type Error = Stop;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(
        &mut self,
        _: K,
    ) -> Result<Option<K::Value>, Stop> {
        Err(Stop::Said("a place has no name".to_owned()))
    }

    fn next_value_seed<S: de::DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Stop> {
        if let Some(at) = self.value.take() {
            let value = seed.deserialize(at)?;
            // Of what stands in for a value of another sort, nothing more is told.
            let told = at.reading.told.borrow();
            if let Some(Told::Sort { at, .. }) = told.last()
                && *at == self.place
            {
                self.place = Location::HOLE;
            }
            return Ok(value);
        }
        let at = self.place;
        seed.deserialize(SeqDeserializer::new(
            [at.line(), at.column(), at.length()].into_iter(),
        ))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Both<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Both<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value of a definition file")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Spanned<T>, A::Error> {
                let value = map.next_value()?;
                let [line, column, length] = map.next_value()?;
                Ok(Spanned {
                    value,
                    referenced: Location::new(line, column, length),
                })
            }
        }

        deserializer.deserialize_struct(SPANNED, &[], Both(PhantomData))
    }
}
