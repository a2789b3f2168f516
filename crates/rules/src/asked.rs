//! A publication as the evaluator of conditions sees it.

use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::Indexer;
use cel::common::types::{CelList, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;

use crate::field::{Field, Shown, word_of};

/// A publication that conditions are asked about. However many they are, each field is made a value
/// of the evaluator once, when the first of them names it.
#[derive(Debug)]
pub(crate) struct Asked<'p> {
    subject: Subject<'p>,
    texts: [OnceLock<CelString<'p>>; Field::ALL.len()],
    formats: OnceLock<CelList<'p>>,
}

impl<'p> Asked<'p> {
    pub fn about(publication: Shown<'p>) -> Asked<'p> {
        Asked {
            subject: Subject(publication),
            texts: [const { OnceLock::new() }; Field::ALL.len()],
            formats: OnceLock::new(),
        }
    }

    pub fn shown(&self) -> &Shown<'p> {
        &self.subject.0
    }
}

impl VariableResolver for Asked<'_> {
    /// The evaluator asks for the longest name first: `publication.title`, then, if there is none,
    /// `publication`, of which it then takes the field. A field that is not given is missing there.
    fn resolve<'b>(&'b self, name: &str) -> Option<CowVal<'b, 'b>> {
        let about = self.subject.0.sort;
        let field = name.strip_prefix(word_of(about))?;
        if field.is_empty() {
            return Some(CowVal::Borrowed(&self.subject));
        }
        let field = Field::named(about, field.strip_prefix('.')?)?;
        if field == Field::Formats {
            let formats = self.formats.get_or_init(|| self.subject.formats());
            return Some(CowVal::Borrowed(formats));
        }
        let kept = &self.texts[field as usize];
        if kept.get().is_none() {
            // Only set here, and not yet.
            let _ = kept.set(CelString::from(self.subject.0.text(field)?));
        }
        kept.get().map(|text| CowVal::Borrowed(text as &dyn Val))
    }
}

/// A publication as a value of the evaluator: a field is looked up when a condition names it.
#[derive(Clone, Copy, Debug)]
struct Subject<'p>(Shown<'p>);

impl<'p> Subject<'p> {
    fn formats(&self) -> CelList<'p> {
        let formats = self.0.formats.iter();
        let list: Vec<Box<dyn Val + 'p>> = formats
            .map(|format| Box::new(CelString::from(format.as_str())) as Box<dyn Val + 'p>)
            .collect();
        CelList::from(list)
    }
}

impl Val for Subject<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Subject<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = index
            .downcast_ref::<CelString<'_>>()
            .map_or("", |n| n.inner());
        let missing = || ExecutionError::no_such_key(name);
        let field = Field::named(self.0.sort, name).ok_or_else(missing)?;
        if field == Field::Formats {
            return Ok(CowVal::owned(self.formats()));
        }
        let text = self.0.text(field).ok_or_else(missing)?;
        Ok(CowVal::owned(CelString::from(text)))
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}
