//! A table as a page shows it: its columns, its rows, nothing added and nothing left out.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use rust_xlsxwriter::Workbook;

use crate::export::cells::{self, Column, Grid};
use crate::export::csv::{self, Encoding};
use crate::export::ics::{Calendar, When};
use crate::export::{Heading, Light, docx, ics, unwritable, xlsx};
use crate::refusal::Refusal;

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Its lines.
    pub lines: Vec<String>,
    /// A day, instead of a text.
    pub date: Option<NaiveDate>,
    /// True if its text is a number, so that it is ordered as one.
    pub is_number: bool,
    /// The light whose colour it has.
    pub light: Option<Light>,
    /// True if it is merged with the cell above, which says the same.
    pub goes_on: bool,
}

/// A table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Above it.
    pub title: String,
    /// Below the title: what is shown, as of when.
    pub caption: String,
    /// The sheet's name.
    pub name: &'static str,
    /// The instant of which it tells, in the office's zone.
    pub as_of: DateTime<FixedOffset>,
    /// Headings, and how wide the columns are in Latin characters.
    pub columns: Vec<(&'static str, u16)>,
    /// A cell a column each.
    pub rows: Vec<Vec<Cell>>,
}

/// A date for a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date {
    /// By which a calendar knows it again.
    pub id: String,
    /// The day.
    pub day: NaiveDate,
    /// The instant on it, if it is not all day.
    pub at: Option<DateTime<FixedOffset>>,
    /// One line.
    pub summary: String,
    /// More lines.
    pub description: String,
    /// What sort of date.
    pub category: String,
}

/// Columns no wider than this have their texts in the middle, in Latin characters.
const NARROW: u16 = 16;

impl Table {
    fn grid(&self) -> Grid {
        let column = |(heading, width): &(&'static str, u16)| Column {
            heading,
            width: *width,
            centred: *width <= NARROW,
        };
        let cell = |cell: &Cell| {
            let mut written = match (cell.date, &cell.lines[..]) {
                (Some(date), _) => cells::Cell::date(Some(date)),
                (None, [number]) if cell.is_number => cells::Cell::number(number),
                (None, lines) => cells::Cell::lines(lines.iter().map(plain).collect()),
            };
            written.light = cell.light;
            written.goes_on = cell.goes_on;
            written
        };
        Grid {
            name: self.name,
            columns: self.columns.iter().map(column).collect(),
            rows: self
                .rows
                .iter()
                .map(|row| row.iter().map(cell).collect())
                .collect(),
        }
    }

    fn heading(&self) -> Heading {
        Heading {
            ledger: String::new(),
            title: self.title.clone(),
            issuer: String::new(),
            number: String::new(),
            year: self.as_of.year(),
            issued: self.as_of.date_naive(),
            as_of: self.as_of,
        }
    }

    /// A workbook.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if it cannot hold so many rows.
    pub fn xlsx(&self) -> Result<Vec<u8>, Refusal> {
        let mut book = Workbook::new();
        let written = (|| {
            book.set_properties(&xlsx::properties(&self.heading())?);
            let above = [self.title.clone(), self.caption.clone()];
            let mut styles = xlsx::Styles::new();
            xlsx::sheet(&mut book, &self.grid(), &above, &mut styles)?;
            book.save_to_buffer()
        })();
        written.map_err(|fault| unwritable("xlsx", fault))
    }

    /// A Word document.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the archive cannot be made.
    pub fn docx(&self) -> Result<Vec<u8>, Refusal> {
        docx::sheet(&self.heading(), &self.caption, &self.grid())
    }

    /// Separated values in UTF-8 with the mark by which Excel knows it; no cell is a formula.
    pub fn csv(&self) -> Vec<u8> {
        csv::plain(&self.grid(), Encoding::Utf8Marked)
    }
}

fn plain(text: &String) -> crate::export::summary::Line {
    crate::export::summary::Line::plain(text)
}

/// A calendar of dates; they keep their UIDs, so that a calendar that takes the file again moves them.
pub fn calendar(title: &str, as_of: DateTime<FixedOffset>, dates: &[Date]) -> String {
    let mut calendar = Calendar::new(title, as_of);
    for date in dates {
        calendar.entry(&ics::Entry {
            uid: format!("{}@duban", date.id),
            when: date.at.map_or(When::Day(date.day), When::At),
            summary: date.summary.clone(),
            description: date.description.clone(),
            category: &date.category,
        });
    }
    calendar.end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_its_own_columns_and_no_formula() {
        let text = |text: &str| Cell {
            lines: vec![text.to_owned()],
            ..Cell::default()
        };
        let table = Table {
            title: "台账".to_owned(),
            caption: "情况截至".to_owned(),
            name: "台账",
            as_of: DateTime::parse_from_rfc3339("2021-12-01T09:10:00+08:00").unwrap(),
            columns: vec![("序号", 6), ("任务", 30)],
            rows: vec![vec![text("1"), text("=1+1")]],
        };
        let csv = String::from_utf8(table.csv()).unwrap();
        assert_eq!(csv, "\u{feff}序号,任务\r\n1,'=1+1\r\n");
        assert!(table.xlsx().unwrap().starts_with(b"PK"));
        assert!(table.docx().unwrap().starts_with(b"PK"));
    }
}
