//! The fields of a publication that a condition can look at.

use std::borrow::Cow;

use chrono::NaiveDate;
use duban_model::decision::{Carried, PublicationNoted};
use duban_model::fact::Publication;

/// A field of a publication.
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
    ];

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
}

impl<'a> Shown<'a> {
    pub fn of(p: &'a Publication) -> Shown<'a> {
        Shown {
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
        }
    }

    pub fn noted(p: &'a PublicationNoted) -> Shown<'a> {
        let id = p.publication.split_once('/').map_or("", |(_, id)| id);
        let carried = &p.carried;
        Shown {
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
        about: None,
        note: text(Field::Note, &publication.note),
    }
}
