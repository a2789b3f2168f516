//! The fields of a publication or matter that a condition can look at.

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
    /// Its id: at the publishing site, or of the matter.
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
    /// 关联: the id of what it belongs to, or what it names.
    About,
    /// The day that counts as the one of its publication, as text like `written`.
    Published,
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
        Field::Published,
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

    /// Whether its texts are dates.
    pub(crate) fn is_date(self) -> bool {
        matches!(self, Field::Written | Field::Published)
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
            Field::Published => "published",
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
            Field::Published => "公开日期",
        }
    }

    /// The field of a publication with this name.
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

/// A publication or matter as a condition sees it: one that just came, or one that was noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub sort: EventSort,
    pub publication: &'a str,
    pub unit: &'a str,
    pub kind: &'a str,
    pub title: &'a str,
    pub url: Option<&'a str>,
    pub category: Option<&'a str>,
    pub issuer: Option<&'a str>,
    pub number: Option<&'a str>,
    pub written: Option<NaiveDate>,
    pub validity: Option<&'a str>,
    pub formats: &'a [String],
    pub note: Option<&'a str>,
    pub about: Option<&'a str>,
    pub published: Option<NaiveDate>,
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
            published: None,
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
            published: None,
        }
    }

    pub fn noted(p: &'a PublicationNoted) -> Shown<'a> {
        let id = p.publication.split_once('/').map_or("", |(_, id)| id);
        let carried = &p.carried;
        Shown {
            sort: sort_noted(&p.publication),
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
            published: carried.published,
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
            Field::Published => return self.published.map(|day| Cow::Owned(day.to_string())),
            Field::Formats => None,
        };
        text.map(Cow::Borrowed)
    }
}

/// By which name something is noted.
pub(crate) fn noted_name(subject: EventSort, unit: &str, id: &str) -> String {
    match subject {
        EventSort::Publication => format!("{unit}/{id}"),
        // No unit's id has a colon.
        EventSort::Matter => format!("{MATTER}{unit}/{id}"),
    }
}

/// What the names of noted matters begin with.
const MATTER: &str = "matter:";

/// What a name is noted for.
pub(crate) fn sort_noted(name: &str) -> EventSort {
    if name.starts_with(MATTER) {
        EventSort::Matter
    } else {
        EventSort::Publication
    }
}

/// Of a publication, what later decisions may look at beyond what is always noted.
pub(crate) fn carried(
    publication: &Publication,
    published: Option<NaiveDate>,
    wanted: Fields,
) -> Carried {
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
        note: text(Field::Note, &publication.note),
        about: text(Field::About, &publication.about),
        published: published.filter(|_| wanted.has(Field::Published)),
    }
}
