//! What a workbook says beside its values: hidden rows and columns, formulas without a result,
//! numbers that are shown with zeros in front.

use std::collections::{BTreeMap, BTreeSet};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::archive::Archive;
use crate::docx::attribute;
use crate::refusal::Refusal;
use crate::sheet::{Values, broken};

/// The most columns and rows that a reference can name, as Excel has them.
const LAST: (u32, u32) = (16_384, 1_048_576);

/// True for C7 and C7:E9 within a sheet.
fn is_reference(text: &str) -> bool {
    let is_cell = |part: &str| {
        let split = part
            .find(|c: char| !c.is_ascii_uppercase())
            .unwrap_or(part.len());
        let (letters, digits) = part.split_at(split);
        let column = letters
            .bytes()
            .take(4)
            .fold(0, |sum, b| sum * 26 + u32::from(b - b'A') + 1);
        let short = letters.len() <= 3 && digits.len() <= 7;
        let row = digits.parse::<u32>().unwrap_or(0);
        short && (1..=LAST.0).contains(&column) && (1..=LAST.1).contains(&row)
    };
    let mut parts = text.split(':');
    parts.next().is_some_and(is_cell) && parts.next().is_none_or(is_cell) && parts.next().is_none()
}

/// The most digits of a number format such as 000.
const MAX_DIGITS: usize = 12;

/// Whether a sheet's row, column or cell is written and not seen.
#[derive(Debug, Default)]
struct Sheet {
    /// Rows that are hidden, counted from 0.
    rows: BTreeSet<usize>,
    /// Columns that are hidden, counted from 0: first and last.
    columns: Vec<(usize, usize)>,
    /// Cells with formulas whose result is a value: without one, no program has calculated it yet.
    formulas: BTreeSet<(usize, usize)>,
    /// Cells with numbers of so many digits at least.
    padded: BTreeMap<(usize, usize), usize>,
}

/// What all sheets of a workbook say beside their values.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    sheets: BTreeMap<String, Sheet>,
}

/// The elements of a part that begin, one after another; a part that is broken is refused.
fn elements(
    archive: &Archive,
    part: &str,
    mut each: impl FnMut(&BytesStart<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Ok(text) = std::str::from_utf8(archive.part(part).unwrap_or_default()) else {
        return Err(broken("文件", format!("{part} 不是 UTF-8")));
    };
    let mut events = Reader::from_str(text);
    loop {
        match events.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) => each(&element)?,
            Ok(Event::Eof) => return Ok(()),
            Ok(_) => {}
            Err(fault) => return Err(broken(part, fault)),
        }
    }
}

/// 0 in `ht="0"` and 1 in `hidden="1"`.
fn is_hidden(element: &BytesStart<'_>, size: &str) -> bool {
    let set = attribute(element, "hidden").is_some_and(|v| v == "1" || v == "true");
    let flat = attribute(element, size).is_some_and(|v| v.parse::<f64>() == Ok(0.0));
    set || flat
}

/// C7 as row and column from 0.
fn place(reference: &str) -> Option<(usize, usize)> {
    let split = reference.find(|c: char| c.is_ascii_digit())?;
    let (letters, digits) = reference.split_at(split);
    let column = letters
        .bytes()
        .fold(0_usize, |sum, b| sum * 26 + usize::from(b - b'A') + 1);
    Some((
        digits.parse::<usize>().ok()?.checked_sub(1)?,
        column.checked_sub(1)?,
    ))
}

impl Marks {
    /// Reads all parts of an archive. References that name no place are refused: calamine calculates
    /// with them unseen.
    pub fn read(archive: &Archive) -> Result<Marks, Refusal> {
        let padded = padded_styles(archive)?;
        let names = sheet_names(archive)?;
        let mut marks = Marks::default();
        for part in archive
            .names()
            .filter(|name| name.starts_with("xl/worksheets/"))
        {
            let sheet = sheet(archive, part, &padded)?;
            if let Some(name) = names.get(part) {
                marks.sheets.insert(name.clone(), sheet);
            }
        }
        Ok(marks)
    }

    /// Gives numbers the zeros in front that the workbook shows: 001 is more than 1 to an office.
    pub fn pad(&self, name: &str, values: &mut Values) {
        let Some(sheet) = self.sheets.get(name) else {
            return;
        };
        for (at, digits) in &sheet.padded {
            if let Some((text, true)) = values.get_mut(at)
                && text.bytes().all(|b| b.is_ascii_digit())
            {
                *text = format!("{text:0>width$}", width = *digits);
            }
        }
    }

    /// Tells what is written in the sheet and not seen in it.
    pub fn tell(&self, name: &str, values: &Values, unread: &mut Vec<String>) {
        let Some(sheet) = self.sheets.get(name) else {
            return;
        };
        let rows: BTreeSet<usize> = values.keys().map(|(row, _)| *row).collect();
        let rows: Vec<String> = rows
            .intersection(&sheet.rows)
            .map(|row| (row + 1).to_string())
            .collect();
        let hides = |column: usize| {
            let mut hidden = sheet.columns.iter();
            hidden.any(|(first, last)| (*first..=*last).contains(&column))
        };
        let columns: BTreeSet<usize> = values.keys().map(|(_, column)| *column).collect();
        let columns: Vec<String> = columns
            .into_iter()
            .filter(|column| hides(*column))
            .map(crate::document::letters)
            .collect();
        for (what, which) in [("行", rows), ("列", columns)] {
            if !which.is_empty() {
                unread.push(format!(
                    "工作表“{name}”有隐藏的{what}({}),照样读取,请核对",
                    which.join("、")
                ));
            }
        }
        let empty = |at: &&(usize, usize)| !values.contains_key(at);
        let uncalculated = sheet.formulas.iter().filter(empty).count();
        if uncalculated > 0 {
            unread.push(format!(
                "工作表“{name}”有 {uncalculated} 个单元格是没有结果的公式,按空白读取;用 Excel 或 WPS 打开并保存后再导入"
            ));
        }
    }
}

/// How many digits each cell style asks for at least: 3 for the number format 000.
fn padded_styles(archive: &Archive) -> Result<BTreeMap<usize, usize>, Refusal> {
    let mut formats: BTreeMap<String, usize> = BTreeMap::new();
    let mut styles = BTreeMap::new();
    let (mut in_cells, mut count) = (false, 0);
    elements(archive, "xl/styles.xml", |element| {
        match element.local_name().as_ref() {
            "numFmt" => {
                let code = attribute(element, "formatCode").unwrap_or_default();
                let digits = code.len();
                if (2..=MAX_DIGITS).contains(&digits) && code.bytes().all(|b| b == b'0') {
                    let id = attribute(element, "numFmtId").unwrap_or_default();
                    formats.insert(id, digits);
                }
            }
            "cellXfs" => in_cells = true,
            "cellStyles" | "dxfs" => in_cells = false,
            "xf" if in_cells => {
                let id = attribute(element, "numFmtId").unwrap_or_default();
                if let Some(digits) = formats.get(&id) {
                    styles.insert(count, *digits);
                }
                count += 1;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(styles)
}

/// The sheets' names by the parts that hold them.
fn sheet_names(archive: &Archive) -> Result<BTreeMap<String, String>, Refusal> {
    let mut targets: BTreeMap<String, String> = BTreeMap::new();
    elements(archive, "xl/_rels/workbook.xml.rels", |element| {
        if let (Some(id), Some(target)) = (attribute(element, "Id"), attribute(element, "Target")) {
            let target = match target.strip_prefix('/') {
                Some(absolute) => absolute.to_owned(),
                None => format!("xl/{target}"),
            };
            targets.insert(id, target);
        }
        Ok(())
    })?;
    let mut names = BTreeMap::new();
    elements(archive, "xl/workbook.xml", |element| {
        if element.local_name().as_ref() == "sheet"
            && let Some(name) = attribute(element, "name")
            && let Some(target) = attribute(element, "id").and_then(|id| targets.get(&id))
        {
            names.insert(target.clone(), name);
        }
        Ok(())
    })?;
    Ok(names)
}

fn sheet(archive: &Archive, part: &str, padded: &BTreeMap<usize, usize>) -> Result<Sheet, Refusal> {
    let mut sheet = Sheet::default();
    // The cell that is being read, if its result would be a value.
    let mut cell = None;
    elements(archive, part, |element| {
        let at = match element.local_name().as_ref() {
            "c" => {
                let at = attribute(element, "r");
                let style = attribute(element, "s").and_then(|s| s.parse().ok());
                // An empty text is a result, and so is a fault, which is told elsewhere.
                let sort = attribute(element, "t").unwrap_or_default();
                cell = at
                    .as_deref()
                    .filter(|r| is_reference(r) && sort != "str" && sort != "e")
                    .and_then(place);
                if let (Some(digits), Some(place)) = (
                    style.and_then(|style| padded.get(&style)),
                    at.as_deref().filter(|r| is_reference(r)).and_then(place),
                ) {
                    sheet.padded.insert(place, *digits);
                }
                at.map(|r| (is_reference(&r), r))
            }
            "f" => {
                sheet.formulas.extend(cell);
                None
            }
            "mergeCell" | "dimension" => attribute(element, "ref").map(|r| (is_reference(&r), r)),
            "row" => {
                let at = attribute(element, "r");
                let row = at
                    .as_deref()
                    .and_then(|r| r.parse::<u32>().ok())
                    .unwrap_or(0);
                if is_hidden(element, "ht") && row > 0 {
                    sheet.rows.insert(row as usize - 1);
                }
                at.map(|r| ((1..=LAST.1).contains(&row), r))
            }
            "col" if is_hidden(element, "width") => {
                let bound = |name| {
                    let value = attribute(element, name)?.parse::<usize>().ok()?;
                    value.checked_sub(1)
                };
                sheet.columns.extend(bound("min").zip(bound("max")));
                None
            }
            _ => None,
        };
        match at {
            Some((false, found)) => {
                let found: String = found.chars().take(40).collect();
                Err(broken(part, format!("没有“{found}”这个位置")))
            }
            _ => Ok(()),
        }
    })?;
    Ok(sheet)
}
