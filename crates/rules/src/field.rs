//! The fields of a publication that a condition can look at.

use std::borrow::Cow;

use chrono::NaiveDate;
use duban_model::decision::{Carried, PublicationNoted};
use duban_model::definition::EventSort;
use duban_model::fact::{Matter, Publication};

/// The word by which a condition names what it is about.
pub(crate) fn word_of(subject: EventSort) -> &'static str {
    match subject {
        EventSort::Publication => "publication",
        EventSort::Matter => "matter",
    }
}

/// What a word is about, if it is one of those.
pub(crate) fn subject_of(word: &str) -> Option<EventSort> {
    [EventSort::Publication, EventSort::Matter]
        .into_iter()
        .find(|subject| word_of(*subject) == word)
}

/// A field of a publication; a matter has some of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// Its id at the publishing site.
    Publication,
    /// Who published it.
    Unit,
    /// What it is.
    Kind,
    /// 标题
    Title,
    /// Where it stands.
    Url,
    /// 主题分类
    Category,
    /// 发布机构
    Issuer,
    /// 文号
    Number,
    /// 成文日期, as text: `2021-07-05`. Such texts sort as their dates do.
    Written,
    /// 公文时效
    Validity,
    /// Download formats: the one field that is a list.
    Formats,
    /// A remark.
    Note,
    /// 关联: the id of what it belongs to.
    About,
}

impl Field {
    /// All of them, in the order of the record.
    pub const ALL: &[Field] = &[
        Field::Publication,
        Field::Unit,
        Field::Kind,
        Field::Title,
        Field::Url,
        Field::Category,
        Field::Issuer,
        Field::Number,
        Field::Written,
        Field::Validity,
        Field::Formats,
        Field::Note,
        Field::About,
    ];

    /// Those that a matter has.
    const OF_MATTERS: &[Field] = &[
        Field::Publication,
        Field::Unit,
        Field::Kind,
        Field::Title,
        Field::About,
        Field::Number,
        Field::Note,
    ];

    /// The fields of what a condition is about.
    pub(crate) fn all_of(subject: EventSort) -> &'static [Field] {
        match subject {
            EventSort::Publication => Field::ALL,
            EventSort::Matter => Field::OF_MATTERS,
        }
    }

    /// Its name after the word for what the condition is about.
    pub(crate) fn name_in(self, subject: EventSort) -> &'static str {
        match (subject, self) {
            (EventSort::Matter, Field::Publication) => word_of(EventSort::Matter),
            _ => self.as_str(),
        }
    }

    /// The field with this name there.
    pub(crate) fn named(subject: EventSort, name: &str) -> Option<Field> {
        Field::all_of(subject)
            .iter()
            .copied()
            .find(|field| field.name_in(subject) == name)
    }

    /// Its name in events and conditions.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Publication => "publication",
            Field::Unit => "unit",
            Field::Kind => "kind",
            Field::Title => "title",
            Field::Url => "url",
            Field::Category => "category",
            Field::Issuer => "issuer",
            Field::Number => "number",
            Field::Written => "written",
            Field::Validity => "validity",
            Field::Formats => "formats",
            Field::Note => "note",
            Field::About => "about",
        }
    }

    /// Its name in explanations.
    pub fn chinese(self) -> &'static str {
        match self {
            Field::Publication => "编号",
            Field::Unit => "公开单位",
            Field::Kind => "种类",
            Field::Title => "标题",
            Field::Url => "网址",
            Field::Category => "主题分类",
            Field::Issuer => "发布机构",
            Field::Number => "文号",
            Field::Written => "成文日期",
            Field::Validity => "公文时效",
            Field::Formats => "下载格式",
            Field::Note => "备注",
            Field::About => "关联",
        }
    }

    /// The field with this name.
    pub fn parse(name: &str) -> Option<Field> {
        Field::ALL
            .iter()
            .copied()
            .find(|field| field.as_str() == name)
    }
}

/// A set of fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(u16);

impl Fields {
    pub fn with(self, field: Field) -> Fields {
        Fields(self.0 | 1 << field as u16)
    }

    pub fn and(self, other: Fields) -> Fields {
        Fields(self.0 | other.0)
    }

    pub fn has(self, field: Field) -> bool {
        self.0 & 1 << field as u16 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A publication as a condition sees it: one that just came, or one that was noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub sort: EventSort,
    pub publication: &'a str,
    pub unit: &'a str,
    pub kind: &'a str,
    title: &'a str,
    url: Option<&'a str>,
    category: Option<&'a str>,
    issuer: Option<&'a str>,
    number: Option<&'a str>,
    written: Option<NaiveDate>,
    validity: Option<&'a str>,
    pub formats: &'a [String],
    note: Option<&'a str>,
    about: Option<&'a str>,
}

impl<'a> Shown<'a> {
    pub fn of(p: &'a Publication) -> Shown<'a> {
        Shown {
            sort: EventSort::Publication,
            publication: &p.publication,
            unit: &p.unit,
            kind: &p.kind,
            title: &p.title,
            url: p.url.as_deref(),
            category: p.category.as_deref(),
            issuer: p.issuer.as_deref(),
            number: p.number.as_deref(),
            written: p.written,
            validity: p.validity.as_deref(),
            formats: &p.formats,
            note: p.note.as_deref(),
            about: p.about.as_deref(),
        }
    }

    pub fn of_matter(m: &'a Matter) -> Shown<'a> {
        Shown {
            sort: EventSort::Matter,
            publication: &m.matter,
            unit: &m.unit,
            kind: &m.kind,
            title: &m.title,
            url: None,
            category: None,
            issuer: None,
            number: m.number.as_deref(),
            written: None,
            validity: None,
            formats: &[],
            note: m.note.as_deref(),
            about: m.about.as_deref(),
        }
    }

    pub fn noted(p: &'a PublicationNoted) -> Shown<'a> {
        let id = p.publication.split_once('/').map_or("", |(_, id)| id);
        let carried = &p.carried;
        Shown {
            sort: EventSort::Publication,
            publication: id,
            unit: &p.unit,
            kind: &p.kind,
            title: &p.title,
            url: carried.url.as_deref(),
            category: carried.category.as_deref(),
            issuer: carried.issuer.as_deref(),
            number: carried.number.as_deref(),
            written: carried.written,
            validity: carried.validity.as_deref(),
            formats: &carried.formats,
            note: carried.note.as_deref(),
            about: carried.about.as_deref(),
        }
    }

    /// A field that is a text, if it was given.
    pub fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        let text = match field {
            Field::Publication => Some(self.publication),
            Field::Unit => Some(self.unit),
            Field::Kind => Some(self.kind),
            Field::Title => Some(self.title),
            Field::Url => self.url,
            Field::Category => self.category,
            Field::Issuer => self.issuer,
            Field::Number => self.number,
            Field::Written => return self.written.map(|day| Cow::Owned(day.to_string())),
            Field::Validity => self.validity,
            Field::Note => self.note,
            Field::About => self.about,
            Field::Formats => None,
        };
        text.map(Cow::Borrowed)
    }
}

/// Of a publication, what later decisions may look at beyond what is always noted.
pub(crate) fn carried(publication: &Publication, wanted: Fields) -> Carried {
    let text = |field, value: &Option<String>| {
        if wanted.has(field) {
            value.clone()
        } else {
            None
        }
    };
    Carried {
        url: text(Field::Url, &publication.url),
        category: text(Field::Category, &publication.category),
        issuer: text(Field::Issuer, &publication.issuer),
        number: text(Field::Number, &publication.number),
        written: publication.written.filter(|_| wanted.has(Field::Written)),
        validity: text(Field::Validity, &publication.validity),
        formats: if wanted.has(Field::Formats) {
            publication.formats.clone()
        } else {
            Vec::new()
        },
        about: text(Field::About, &publication.about),
        note: text(Field::Note, &publication.note),
    }
}
