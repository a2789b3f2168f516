//! The ledger as separated values. Cells that the document merges are written out, so that every
//! line stands for itself; no cell is a formula to a spreadsheet.

use encoding_rs::GB18030;

use crate::export::cells::{self, Grid};
use crate::export::{Ledger, Part, caption};

/// How characters are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 with the mark by which Excel knows it.
    Utf8Marked,
    /// UTF-8 without the mark.
    Utf8,
    /// GB18030, of which GBK is a part.
    Gb18030,
}

/// What makes a spreadsheet take a cell for a formula, in either width.
const FORMULAS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// True if a spreadsheet may take the text for a formula. The apostrophe that says it is none is
/// taken off again by [`restored`].
fn looks_like_formula(text: &str) -> bool {
    text.starts_with(['\t', '\r', '\n']) || text.trim_start().starts_with(FORMULAS)
}

/// The text as no spreadsheet takes it for a formula.
pub fn neutral(text: &str) -> String {
    // One that already looks so neutralised must come back as it is.
    let rest = text.trim_start_matches('\'');
    if looks_like_formula(rest) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// The text that [`neutral`] was given.
pub(crate) fn restored(text: &str) -> &str {
    let rest = text.trim_start_matches('\'');
    match text.strip_prefix('\'') {
        Some(restored) if looks_like_formula(rest) => restored,
        _ => text,
    }
}

/// Writes the rows, below a line with the title and one that says of what and as of when. The duties
/// alone ([`Part::Duties`]) are a plain table for other programs, without these lines. Both tables
/// do not fit into one file: [`Part::Both`] gives the rows.
pub fn write(ledger: &Ledger, part: Part, encoding: Encoding) -> Vec<u8> {
    let mut out = String::new();
    let grid = if part == Part::Duties {
        cells::duties(ledger)
    } else {
        let grid = cells::tasks(ledger);
        for text in [ledger.heading.title.clone(), caption::write(ledger)] {
            let mut cells = vec![String::new(); grid.columns.len()];
            cells[0] = text;
            line(&mut out, &cells);
        }
        grid
    };
    table(&mut out, &grid);
    stored(&out, encoding)
}

/// Writes a plain table.
pub(super) fn plain(grid: &Grid, encoding: Encoding) -> Vec<u8> {
    let mut out = String::new();
    table(&mut out, grid);
    stored(&out, encoding)
}

fn stored(out: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => out.as_bytes().to_vec(),
        Encoding::Utf8Marked => format!("\u{feff}{out}").into_bytes(),
        // Every character has a place in GB18030.
        Encoding::Gb18030 => GB18030.encode(out).0.into_owned(),
    }
}

fn table(out: &mut String, grid: &Grid) {
    let mut before = "";
    let headings: Vec<String> = grid
        .columns
        .iter()
        .map(|column| {
            // The second of two columns under one heading has an empty one.
            let heading = if column.heading == before {
                ""
            } else {
                column.heading
            };
            before = column.heading;
            heading.to_owned()
        })
        .collect();
    line(out, &headings);
    for row in &grid.rows {
        let cells: Vec<String> = row.iter().map(cells::Cell::with_links).collect();
        line(out, &cells);
    }
}

/// One line after RFC 4180.
fn line(out: &mut String, cells: &[String]) {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        let cell = neutral(cell);
        if cell.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_formula_comes_back_as_it_was() {
        for text in [
            "=1+1",
            " =1+1",
            "-3",
            "@a",
            "\t=a",
            "'=1",
            "''+1",
            "'引文'",
            "＝A1",
            "'",
            "",
            "市教育局",
            "1.公开",
        ] {
            let written = neutral(text);
            assert!(
                !looks_like_formula(&written),
                "{text:?} is written as {written:?}"
            );
            assert_eq!(restored(&written), text);
        }
        assert_eq!(neutral("=1+1"), "'=1+1");
    }
}
