//! The tables of the pages as files: what the console shows, written by the office's own writers.

use duban_console::{Export, FileFormat, Light, Sheet};
use duban_office::export::table::{self, Cell, Date, Table};
use duban_office::export::{self};

/// Writes tables into files.
pub(crate) struct Sheets;

fn light(light: Light) -> export::Light {
    match light {
        Light::Red => export::Light::Red,
        Light::Yellow => export::Light::Yellow,
        Light::Green => export::Light::Green,
        Light::Done => export::Light::Done,
        Light::Grey => export::Light::Grey,
    }
}

fn cell(cell: &duban_console::Cell) -> Cell {
    let late = cell.counts.map_or(0, |counts| counts.late);
    let mut lines = vec![cell.text.clone(), cell.note.clone()];
    if late > 0 {
        lines.push(format!("逾期完成{late}"));
    }
    lines.retain(|line| !line.is_empty());
    Cell {
        lines,
        date: cell.day,
        is_number: cell.is_number,
        light: cell.light.map(light),
        goes_on: cell.goes_on,
    }
}

impl Export for Sheets {
    fn write(&self, format: FileFormat, sheet: &Sheet) -> Result<Vec<u8>, String> {
        if format == FileFormat::Ics {
            let dates: Vec<Date> = sheet
                .entries
                .iter()
                .map(|entry| Date {
                    id: entry.obligation.clone(),
                    day: entry.due,
                    at: entry.due_at,
                    summary: entry.summary.clone(),
                    description: entry.description.clone(),
                    category: entry.light.to_owned(),
                })
                .collect();
            return Ok(table::calendar(&sheet.title, sheet.as_of, &dates).into_bytes());
        }
        let table = Table {
            title: sheet.title.clone(),
            caption: sheet.caption.clone(),
            name: sheet.name,
            as_of: sheet.as_of,
            columns: sheet.columns.clone(),
            rows: sheet
                .rows
                .iter()
                .map(|row| row.iter().map(cell).collect())
                .collect(),
        };
        let written = match format {
            FileFormat::Xlsx => table.xlsx(),
            FileFormat::Docx => table.docx(),
            FileFormat::Csv | FileFormat::Ics => Ok(table.csv()),
        };
        written.map_err(|refusal| refusal.to_string())
    }
}
