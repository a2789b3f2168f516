//! Short texts that many rows repeat or share: ids of units, tasks, duties; steps.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::ops::Deref;

use arcstr::ArcStr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::RowKey;

/// A text that is never changed and cheap to clone: clones share it. One pointer wide, since a duty's
/// row has five of them and there are 100,000 rows.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(ArcStr);

impl Name {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Default for Name {
    fn default() -> Name {
        Name(ArcStr::new())
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Name {
        Name(text.into())
    }
}

impl From<&String> for Name {
    fn from(text: &String) -> Name {
        Name(text.as_str().into())
    }
}

impl From<String> for Name {
    fn from(text: String) -> Name {
        Name(text.into())
    }
}

impl From<&Name> for Name {
    fn from(name: &Name) -> Name {
        name.clone()
    }
}

impl From<&Name> for String {
    fn from(name: &Name) -> String {
        name.to_string()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, text: &str) -> bool {
        &*self.0 == text
    }
}

impl PartialEq<String> for Name {
    fn eq(&self, text: &String) -> bool {
        &*self.0 == text.as_str()
    }
}

impl PartialEq<Name> for String {
    fn eq(&self, name: &Name) -> bool {
        self.as_str() == &*name.0
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, text: &&str) -> bool {
        &*self.0 == *text
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Name(text.as_ref().into()))
    }
}

impl RowKey for Name {
    fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Result<Name, String> {
        std::str::from_utf8(bytes)
            .map(Name::from)
            .map_err(|fault| fault.to_string())
    }
}

/// Names that were seen, each kept once. What is no longer used stays: a ledger's names are few.
#[derive(Clone, Debug, Default)]
pub struct Names(BTreeSet<Name>);

impl Names {
    /// The one name with this text.
    pub fn share(&mut self, text: &str) -> Name {
        if let Some(name) = self.0.get(text) {
            return name.clone();
        }
        let name = Name::from(text);
        self.0.insert(name.clone());
        name
    }

    /// Replaces a name by the one with the same text.
    pub fn unite(&mut self, name: &mut Name) {
        *name = self.share(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_kept_once_and_reads_back() {
        let mut names = Names::default();
        let (one, other) = (names.share("city-spj"), names.share("city-spj"));
        assert!(ArcStr::ptr_eq(&one.0, &other.0));
        let mut read: Name = serde_json::from_str("\"city-spj\"").unwrap();
        assert!(!ArcStr::ptr_eq(&read.0, &one.0));
        names.unite(&mut read);
        assert!(ArcStr::ptr_eq(&read.0, &one.0));
        assert_eq!(serde_json::to_string(&one).unwrap(), "\"city-spj\"");
        assert_eq!(Name::from_bytes(one.bytes()), Ok(one));
        assert_eq!(size_of::<Option<Name>>(), 8);
    }
}
