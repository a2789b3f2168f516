//! Sheets of an Excel workbook, with merged cells, dates and numbers.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Cursor;

use calamine::{DataRef, Reader, Xlsx};

use crate::archive::Archive;
use crate::document::{Block, Cell, Document, Format, Table};
use crate::limit::{
    MAX_CELL_CHARS, MAX_CELLS, MAX_COLUMNS, MAX_REPEATED_CHARS, MAX_ROWS, MAX_SHEETS,
};
use crate::refusal::Refusal;
use crate::sheet_marks::Marks;

pub(crate) fn broken(place: &str, fault: impl Display) -> Refusal {
    Refusal::new(
        place,
        format!("不能作为工作簿读取({fault})"),
        "完整的 xlsx 文件",
        "用 Excel 或 WPS 打开后另存一份,再导入",
    )
}

fn too_large(sheet: &str, found: String) -> Refusal {
    Refusal::new(
        format!("工作表“{sheet}”"),
        found,
        format!("每表不超过 {MAX_ROWS} 行、{MAX_COLUMNS} 列,全文不超过 {MAX_CELLS} 格"),
        "删去表格以外的行、列和格式,或者分成几个文件导入",
    )
}

/// A sheet's values by row and column, as far as something is written.
pub(crate) type Values = BTreeMap<(usize, usize), (String, bool)>;

/// Reads every visible sheet of an archive that has been unpacked within limits.
pub(crate) fn read(archive: &Archive, bytes: &[u8]) -> Result<Document, Refusal> {
    let marks = Marks::read(archive)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|f| broken("文件", f))?;
    let sheets: Vec<(String, bool)> = book
        .sheets_metadata()
        .iter()
        .map(|s| (s.name.clone(), s.visible == calamine::SheetVisible::Visible))
        .collect();
    if sheets.len() > MAX_SHEETS {
        return Err(Refusal::new(
            "文件",
            format!("{} 个工作表", sheets.len()),
            format!("不超过 {MAX_SHEETS} 个"),
            "删去无关的工作表",
        ));
    }
    let mut document = Document {
        format: Format::Xlsx,
        encoding: None,
        blocks: Vec::new(),
        unread: Vec::new(),
    };
    let (mut cells, mut repeated) = (0, 0);
    for (name, visible) in sheets {
        if !visible {
            document
                .unread
                .push(format!("工作表“{name}”是隐藏的,没有读取"));
            continue;
        }
        let mut values = values(&mut book, &name, &mut document.unread)?;
        marks.pad(&name, &mut values);
        marks.tell(&name, &values, &mut document.unread);
        let merges = book
            .merge_cells_by_sheet_name(&name)
            .map_err(|f| broken(&format!("工作表“{name}”的合并单元格"), f))?;
        if let Some(table) = grid(&name, values, &merges, &mut cells, &mut repeated)? {
            document.blocks.push(Block::Table(table));
        }
    }
    Ok(document)
}

fn values(
    book: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    unread: &mut Vec<String>,
) -> Result<Values, Refusal> {
    let place = format!("工作表“{name}”");
    let mut values = Values::new();
    // Cell by cell: a grid over two far-apart cells could be larger than any memory.
    let mut cells = book
        .worksheet_cells_reader(name)
        .map_err(|f| broken(&place, f))?;
    let mut faults = 0;
    while let Some(cell) = cells.next_cell().map_err(|f| broken(&place, f))? {
        let (row, column) = cell.get_position();
        let (text, is_number) = match cell.get_value() {
            DataRef::Empty => continue,
            DataRef::Int(n) => (n.to_string(), true),
            DataRef::Float(n) => (n.to_string(), true),
            DataRef::String(s) => (s.clone(), false),
            DataRef::SharedString(s) => ((*s).to_owned(), false),
            DataRef::Bool(b) => ((if *b { "是" } else { "否" }).to_owned(), false),
            DataRef::DateTime(at) if at.is_datetime() => {
                let (year, month, day, ..) = at.to_ymd_hms_milli();
                (format!("{year:04}-{month:02}-{day:02}"), false)
            }
            DataRef::DateTime(at) => (at.as_f64().to_string(), true),
            DataRef::DateTimeIso(s) => (s.split('T').next().unwrap_or(s).to_owned(), false),
            DataRef::DurationIso(s) => (s.clone(), false),
            DataRef::Error(_) => {
                faults += 1;
                continue;
            }
        };
        if text.trim().is_empty() {
            continue;
        }
        if text.chars().count() > MAX_CELL_CHARS {
            return Err(Refusal::new(
                format!("{place}第{}行第{}列", row + 1, column + 1),
                "单元格过长",
                format!("每格不超过 {MAX_CELL_CHARS} 字"),
                "把它分成几格",
            ));
        }
        values.insert((row as usize, column as usize), (text, is_number));
        if values.len() > MAX_CELLS {
            return Err(too_large(name, format!("{MAX_CELLS} 个以上单元格")));
        }
    }
    if faults > 0 {
        unread.push(format!(
            "{place}有 {faults} 个单元格是公式错误(如 #REF!),按空白读取"
        ));
    }
    Ok(values)
}

fn grid(
    name: &str,
    mut values: Values,
    merges: &[calamine::Dimensions],
    cells: &mut usize,
    repeated: &mut usize,
) -> Result<Option<Table>, Refusal> {
    let Some(first_row) = values.keys().map(|(r, _)| *r).min() else {
        return Ok(None);
    };
    let last_row = values.keys().map(|(r, _)| *r).max().unwrap_or(first_row);
    let mut width = values.keys().map(|(_, c)| *c + 1).max().unwrap_or(0);
    let mut height = last_row - first_row + 1;
    // A merge may reach below or beside the last text.
    for merge in merges {
        let begins = (merge.start.0 as usize, merge.start.1 as usize);
        if values.contains_key(&begins) {
            width = width.max((merge.end.1 as usize + 1).min(MAX_COLUMNS));
            height = height.max(
                (merge.end.0 as usize + 1)
                    .saturating_sub(first_row)
                    .min(MAX_ROWS),
            );
        }
    }
    *cells = cells.saturating_add(width.saturating_mul(height));
    if width > MAX_COLUMNS || height > MAX_ROWS || *cells > MAX_CELLS {
        return Err(too_large(name, format!("{height} 行、{width} 列")));
    }
    let mut rows: Vec<Vec<Cell>> = (0..height)
        .map(|r| {
            (0..width)
                .map(|c| {
                    let (text, is_number) = values.remove(&(r + first_row, c)).unwrap_or_default();
                    Cell {
                        text,
                        covered_by: None,
                        across: 1,
                        is_number,
                    }
                })
                .collect()
        })
        .collect();
    for merge in merges {
        let (top, left) = (merge.start.0 as usize, merge.start.1 as usize);
        let (bottom, right) = (merge.end.0 as usize, merge.end.1 as usize);
        let Some(top) = top.checked_sub(first_row).filter(|t| *t < height) else {
            continue;
        };
        if left >= width || bottom < top + first_row || right < left {
            continue;
        }
        let whole = rows[top][left].clone();
        let (bottom, right) = ((bottom - first_row).min(height - 1), right.min(width - 1));
        *repeated += whole.text.len() * (bottom - top + 1) * (right - left + 1);
        if *repeated > MAX_REPEATED_CHARS {
            return Err(too_large(name, "合并单元格中的文字过多".to_owned()));
        }
        for (r, row) in rows.iter_mut().enumerate().take(bottom + 1).skip(top) {
            for (c, cell) in row.iter_mut().enumerate().take(right + 1).skip(left) {
                let begins = (r, c) == (top, left);
                *cell = Cell {
                    covered_by: (!begins).then_some((top, left)),
                    across: if c == left { right - left + 1 } else { 1 },
                    ..whole.clone()
                };
            }
        }
    }
    Ok(Some(Table {
        name: name.to_owned(),
        rows,
        knows_merges: true,
        first_row: first_row + 1,
        letters: true,
    }))
}
