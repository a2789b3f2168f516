//! Tasks as they lie in a document, before anything of them is understood.

use chrono::NaiveDate;
use duban_model::definition::{MergedCell, Role};

use crate::export::words::DUE;
use crate::reading::{Aside, Question};

/// Where the text of a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Written in its own cell.
    Own,
    /// In a merged cell that covers this row.
    Merged,
    /// Its cell is empty; the text is that of the nearest one above.
    Above,
    /// Its cell is empty, and the document could have merged it.
    Empty,
    /// A banner row or a heading above the table.
    Context,
    /// There is no such column.
    Absent,
}

/// A field as found.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its text, with line breaks.
    pub text: String,
    /// The cell's place.
    pub place: String,
    /// The column's heading, or what stands for it.
    pub column: String,
    /// Where the text comes from.
    pub origin: Origin,
    /// True if a spreadsheet holds a number here.
    pub is_number: bool,
}

impl Found {
    /// A field that the document has no column for.
    pub fn absent(column: &str, place: &str) -> Found {
        Found {
            text: String::new(),
            place: place.to_owned(),
            column: column.to_owned(),
            origin: Origin::Absent,
            is_number: false,
        }
    }

    /// A field that is written.
    pub fn own(column: &str, place: &str, text: impl Into<String>) -> Found {
        Found {
            text: text.into(),
            origin: Origin::Own,
            ..Found::absent(column, place)
        }
    }
}

/// A task as found.
#[derive(Clone, Debug)]
pub(crate) struct RawRow {
    /// Where it stands.
    pub place: String,
    /// The number's own column.
    pub number: Option<Found>,
    /// Upper and lower headings.
    pub sections: Vec<Found>,
    /// The wording.
    pub text: Found,
    /// Columns of units with the role that their heading gives.
    pub units: Vec<(Role, Found)>,
    /// Columns of deadlines.
    pub deadlines: Vec<Found>,
    /// Columns that are not used.
    pub other: Vec<Found>,
    /// Columns that an export of ours added.
    pub added: Vec<Found>,
    /// Rows that went into it.
    pub rows: usize,
}

impl RawRow {
    /// The day that the ledger had when it was exported.
    pub fn exported_due(&self) -> Option<(&Found, NaiveDate)> {
        let field = self.added.iter().find(|field| field.column == DUE)?;
        Some((field, field.text.trim().parse().ok()?))
    }

    /// The cells that go on from the row above: merged, or left empty where a format cannot merge.
    pub fn merged(&self) -> Vec<MergedCell> {
        let go_on = |fields: &mut dyn Iterator<Item = &Found>| {
            let mut written = fields
                .filter(|field| !field.text.trim().is_empty())
                .peekable();
            written.peek().is_some()
                && written.all(|field| matches!(field.origin, Origin::Merged | Origin::Above))
        };
        let units = go_on(&mut self.units.iter().map(|(_, field)| field));
        let deadline = go_on(&mut self.deadlines.iter());
        let both = [(units, MergedCell::Units), (deadline, MergedCell::Deadline)];
        both.into_iter()
            .filter_map(|(is, cell)| is.then_some(cell))
            .collect()
    }
}

/// Everything found in a document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Raw {
    /// The tasks in order.
    pub rows: Vec<RawRow>,
    /// What is no task.
    pub asides: Vec<Aside>,
    /// Questions about the layout.
    pub questions: Vec<Question>,
    /// What an export of ours added: columns, and whole tables.
    pub added: Vec<String>,
    /// Rows and paragraphs looked at.
    pub rows_in: usize,
}

impl Raw {
    /// Sets a row aside with a reason.
    pub fn aside(
        &mut self,
        read: &'static str,
        place: impl Into<String>,
        found: impl Into<String>,
    ) {
        self.asides.push(Aside {
            place: place.into(),
            read,
            found: found.into(),
        });
    }
}
