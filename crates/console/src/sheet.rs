//! A table as it is shown, to be written into a file by whoever can: the binary injects it, since
//! the console knows no file formats.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, NaiveDate};

use crate::light::{Counts, Light};

/// Rows of a file, in rows: as many as Excel has on one sheet, with room for headings.
pub const MAX_ROWS: usize = 1_000_000;
/// Files written at the same time, in files; others wait. A large one takes tens of megabytes.
pub const FILES_AT_ONCE: usize = 2;

/// What sort of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// A workbook.
    Xlsx,
    /// A Word document.
    Docx,
    /// Separated values, UTF-8 with the mark by which Excel knows it.
    Csv,
    /// Dates for a calendar.
    Ics,
}

impl FileFormat {
    /// All of them.
    pub const ALL: [FileFormat; 4] = [
        FileFormat::Xlsx,
        FileFormat::Docx,
        FileFormat::Csv,
        FileFormat::Ics,
    ];

    /// How names of such files end.
    pub fn ending(self) -> &'static str {
        match self {
            FileFormat::Xlsx => "xlsx",
            FileFormat::Docx => "docx",
            FileFormat::Csv => "csv",
            FileFormat::Ics => "ics",
        }
    }

    /// What people call it.
    pub fn chinese(self) -> &'static str {
        match self {
            FileFormat::Xlsx => "Excel 表格",
            FileFormat::Docx => "Word 文档",
            FileFormat::Csv => "CSV 文件",
            FileFormat::Ics => "日历",
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            FileFormat::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            FileFormat::Docx => {
                "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
            }
            FileFormat::Csv => "text/csv; charset=utf-8",
            FileFormat::Ics => "text/calendar; charset=utf-8",
        }
    }
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// What is read.
    pub text: String,
    /// A second, smaller line.
    pub note: String,
    /// Where it leads within the pages.
    pub link: Option<String>,
    /// The day that the text is.
    pub day: Option<NaiveDate>,
    /// True if the text is a number, so that it is ordered as one.
    pub is_number: bool,
    /// The light whose colour it has.
    pub light: Option<Light>,
    /// Done after its date.
    pub late: bool,
    /// How many show which light.
    pub counts: Option<Counts>,
    /// The row above says the same, and the document has one cell for both.
    pub goes_on: bool,
}

impl Cell {
    pub(crate) fn text(text: &str) -> Cell {
        Cell {
            text: text.to_owned(),
            ..Cell::default()
        }
    }

    pub(crate) fn noted(text: &str, note: &str) -> Cell {
        Cell {
            note: note.to_owned(),
            ..Cell::text(text)
        }
    }

    pub(crate) fn linked(text: &str, link: &str) -> Cell {
        Cell {
            link: Some(link.to_owned()),
            ..Cell::text(text)
        }
    }

    pub(crate) fn number(id: &str) -> Cell {
        Cell {
            is_number: id.parse::<u32>().is_ok_and(|n| n.to_string() == id),
            ..Cell::text(id)
        }
    }

    pub(crate) fn day(day: NaiveDate) -> Cell {
        Cell {
            day: Some(day),
            ..Cell::text(&day.to_string())
        }
    }
}

/// A date for a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The duty's id, by which a calendar knows it again.
    pub obligation: String,
    /// The day on which it is due.
    pub due: NaiveDate,
    /// The instant, where the term is counted in hours.
    pub due_at: Option<DateTime<FixedOffset>>,
    /// One line.
    pub summary: String,
    /// More lines.
    pub description: String,
    /// Its light.
    pub light: &'static str,
}

/// A table as it is shown.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The ledger's title.
    pub title: String,
    /// What is shown of it, and as of when.
    pub caption: String,
    /// The sheet's name.
    pub name: &'static str,
    /// When, in the office's zone.
    pub as_of: DateTime<FixedOffset>,
    /// Headings, and how wide the columns are in Latin characters.
    pub columns: Vec<(&'static str, u16)>,
    /// A cell a column each.
    pub rows: Vec<Vec<Cell>>,
    /// The dates of the open duties among what is shown, for a calendar alone.
    pub entries: Vec<Entry>,
}

/// Writes tables into files.
pub trait Export: Send + Sync {
    /// The file's bytes.
    ///
    /// # Errors
    /// What the format cannot hold, in a sentence for the reader.
    fn write(&self, format: FileFormat, sheet: &Sheet) -> Result<Vec<u8>, String>;
}

/// Whoever writes files, if somebody can.
pub(crate) type Exporter = Option<Arc<dyn Export>>;
