//! Paragraphs and tables of a Word document, with the merges across and down.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::archive::Archive;
use crate::document::{Block, Cell, Document, Format, Table};
use crate::limit::{
    MAX_CELL_CHARS, MAX_CELLS, MAX_COLUMNS, MAX_DEPTH, MAX_PARAGRAPHS, MAX_REPEATED_CHARS, MAX_ROWS,
};
use crate::numbering::Numbering;
use crate::refusal::Refusal;

const PART: &str = "word/document.xml";

/// A cell as the file has it.
#[derive(Default)]
struct Raw {
    lines: Vec<String>,
    across: usize,
    /// True if it goes on from the row above.
    continues: bool,
    column: usize,
}

#[derive(Default)]
struct Building {
    rows: Vec<Vec<Raw>>,
    next_column: usize,
    /// Rows that a tracked change has deleted.
    deleted: Vec<usize>,
}

/// Where the reader stands.
#[derive(Default)]
struct Desk {
    tables: Vec<Building>,
    /// The paragraph that is being read; paragraphs do not nest but in boxes.
    line: String,
    number: Option<(String, usize)>,
    blocks: Vec<Block>,
    paragraphs: usize,
    cells: usize,
    repeated: usize,
    /// Within the properties of a row, where a deletion is that of the whole row.
    in_row_properties: bool,
    /// A table stood inside a cell.
    nested: bool,
}

pub(crate) fn broken(fault: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        format!("文件内的 {PART}"),
        format!("XML 有误({fault})"),
        "完整的 docx 文件",
        "用 Word 或 WPS 打开后另存一份,再导入",
    )
}

pub(crate) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    element
        .attributes()
        .flatten()
        .find(|a| a.key.local_name().as_ref() == name)
        .and_then(|a| {
            let value = a.normalized_value(quick_xml::XmlVersion::Implicit1_0);
            value.ok().map(std::borrow::Cow::into_owned)
        })
}

/// The character that `&name;` stands for; entities of one's own are refused before.
pub(crate) fn referred(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let code = name.strip_prefix('#')?;
            let value = match code.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => code.parse().ok()?,
            };
            char::from_u32(value)
        }
    }
}

/// Reads the main part of a document.
pub(crate) fn read(archive: &Archive) -> Result<Document, Refusal> {
    let bytes = archive.part(PART).unwrap_or_default();
    let text = std::str::from_utf8(bytes).map_err(broken)?;
    let mut numbering = Numbering::read(archive);
    let mut reader = Reader::from_str(text);
    let mut desk = Desk::default();
    let mut unread = Vec::new();
    let mut depth = 0_usize;
    // Word writes some content twice, for old readers too; those are left out.
    let mut skipping: Option<usize> = None;
    let mut in_text = false;
    loop {
        let event = reader.read_event().map_err(broken)?;
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof => break,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(broken(format!("元素嵌套超过 {MAX_DEPTH} 层")));
        }
        if let Some(from) = skipping {
            if matches!(event, Event::End(_)) && depth < from {
                skipping = None;
            }
            continue;
        }
        match event {
            Event::Start(element) => {
                let name = element.local_name();
                match name.as_ref() {
                    "Fallback" => skipping = Some(depth),
                    // What was moved away stands where it was moved to.
                    "moveFrom" => {
                        unread.push("文档带有修订标记,移走的文字只在新的位置读取".to_owned());
                        skipping = Some(depth);
                    }
                    "t" => in_text = true,
                    other => desk.begins(other, &element, &mut unread)?,
                }
            }
            Event::Empty(element) => {
                let name = element.local_name();
                desk.begins(name.as_ref(), &element, &mut unread)?;
                desk.ends(name.as_ref(), &mut numbering)?;
            }
            Event::End(element) => {
                let name = element.local_name();
                if name.as_ref() == "t" {
                    in_text = false;
                }
                desk.ends(name.as_ref(), &mut numbering)?;
            }
            Event::Text(part) if in_text => desk.writes(&part.xml10_content())?,
            Event::CData(part) if in_text => desk.writes(&part)?,
            Event::GeneralRef(name) if in_text => {
                let c = referred(&name.xml10_content())
                    .ok_or_else(|| broken(format!("不认识的实体 &{};", &*name)))?;
                desk.writes(c.encode_utf8(&mut [0; 4]))?;
            }
            _ => {}
        }
    }
    if depth > 0 || !desk.tables.is_empty() {
        return Err(broken("在末尾之前中断"));
    }
    if desk.nested {
        unread.push("单元格里嵌有表格,按文字读取,一行一句".to_owned());
    }
    unread.sort();
    unread.dedup();
    Ok(Document {
        format: Format::Docx,
        encoding: None,
        blocks: desk.blocks,
        unread,
    })
}

impl Desk {
    fn writes(&mut self, text: &str) -> Result<(), Refusal> {
        self.line.push_str(text);
        if self.line.len() > MAX_CELL_CHARS * 4 {
            return Err(Refusal::new(
                format!("第{}段", self.paragraphs + 1),
                "段落过长",
                format!("每段不超过 {MAX_CELL_CHARS} 字"),
                "把它分成几段",
            ));
        }
        Ok(())
    }

    fn cell(&mut self) -> Option<&mut Raw> {
        self.tables.last_mut()?.rows.last_mut()?.last_mut()
    }

    fn begins(
        &mut self,
        name: &str,
        element: &BytesStart<'_>,
        unread: &mut Vec<String>,
    ) -> Result<(), Refusal> {
        let value = || attribute(element, "val");
        let number = || {
            value()
                .and_then(|v| v.parse::<usize>().ok())
                .unwrap_or(1)
                .min(MAX_COLUMNS)
        };
        match name {
            "p" => {
                self.line.clear();
                self.number = None;
            }
            "tab" if !self.line.is_empty() => self.line.push(' '),
            "br" | "cr" => self.line.push('\n'),
            "noBreakHyphen" => self.line.push('-'),
            "numId" => {
                let level = self.number.take().map_or(0, |(_, level)| level);
                self.number = value().map(|id| (id, level));
            }
            "ilvl" => {
                let level = value().and_then(|v| v.parse().ok()).unwrap_or(0);
                self.number = Some((String::new(), level));
            }
            "tbl" => self.tables.push(Building::default()),
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    table.rows.push(Vec::new());
                    table.next_column = 0;
                    if table.rows.len() > MAX_ROWS {
                        return Err(too_large());
                    }
                }
            }
            "gridBefore" => {
                let skipped = number();
                if let Some(table) = self.tables.last_mut() {
                    table.next_column += skipped;
                }
            }
            "tc" => {
                self.cells += 1;
                if self.cells > MAX_CELLS {
                    return Err(too_large());
                }
                if let Some(table) = self.tables.last_mut() {
                    let column = table.next_column;
                    if let Some(row) = table.rows.last_mut() {
                        row.push(Raw {
                            column,
                            across: 1,
                            ..Raw::default()
                        });
                        table.next_column = column + 1;
                    }
                }
            }
            "gridSpan" => {
                let across = number().max(1);
                let column = self.cell().map(|cell| {
                    cell.across = across;
                    cell.column
                });
                if let (Some(table), Some(column)) = (self.tables.last_mut(), column) {
                    table.next_column = column + across;
                    if table.next_column > MAX_COLUMNS {
                        return Err(too_large());
                    }
                }
            }
            "vMerge" => {
                let begins = value().is_some_and(|v| v == "restart");
                if let Some(cell) = self.cell() {
                    cell.continues = !begins;
                }
            }
            "trPr" => self.in_row_properties = true,
            "del" if self.in_row_properties => {
                if let Some(table) = self.tables.last_mut()
                    && let Some(row) = table.rows.len().checked_sub(1)
                    && table.deleted.last() != Some(&row)
                {
                    table.deleted.push(row);
                }
                unread.push("文档带有修订标记,已删除的表格行没有读取".to_owned());
            }
            "vanish" if attribute(element, "val").is_none_or(|v| v != "0" && v != "false") => {
                unread.push("文档中有隐藏的文字,照样读取,请核对".to_owned());
            }
            "blip" | "imagedata" => unread.push("文档中有图片,图片里的文字没有读取".to_owned()),
            "txbxContent" => unread.push("文档中有文本框,其中的文字按普通段落读取".to_owned()),
            "del" | "delText" => {
                unread.push("文档带有修订标记,已删除的文字没有读取".to_owned());
            }
            "ins" => unread.push("文档带有修订标记,新增的文字按已接受读取".to_owned()),
            "footnoteReference" | "commentReference" => {
                unread.push("文档中有脚注或批注,没有读取".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    fn ends(&mut self, name: &str, numbering: &mut Numbering) -> Result<(), Refusal> {
        match name {
            "p" => {
                let mut line = std::mem::take(&mut self.line);
                // Word numbers an empty paragraph too: a column of nothing but numbers is made so.
                if let Some((id, level)) = self.number.take().filter(|(id, _)| !id.is_empty())
                    && (!line.trim().is_empty() || !self.tables.is_empty())
                {
                    line = numbering.next(&id, level) + &line;
                }
                if let Some(cell) = self.cell() {
                    cell.lines.push(line);
                } else if !line.trim().is_empty() {
                    self.paragraphs += 1;
                    if self.paragraphs > MAX_PARAGRAPHS {
                        return Err(too_large());
                    }
                    self.blocks.push(Block::Paragraph(line, self.paragraphs));
                }
            }
            "trPr" => self.in_row_properties = false,
            "tbl" => {
                let Some(mut built) = self.tables.pop() else {
                    return Ok(());
                };
                for row in built.deleted.iter().rev() {
                    built.rows.remove(*row);
                }
                if let Some(outer) = self.cell() {
                    // A table inside a cell is part of its text, a line a row.
                    let line = |row: Vec<Raw>| {
                        let cells: Vec<String> =
                            row.into_iter().map(|raw| raw.lines.concat()).collect();
                        cells.join(" ")
                    };
                    outer.lines.extend(built.rows.into_iter().map(line));
                    self.nested = true;
                } else {
                    let count = self
                        .blocks
                        .iter()
                        .filter(|b| matches!(b, Block::Table(_)))
                        .count();
                    let table = self.grid(built, count + 1)?;
                    if table.width() > 0 {
                        self.blocks.push(Block::Table(table));
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Lays the cells in a grid, with every merged cell's text at each of its places.
    fn grid(&mut self, built: Building, number: usize) -> Result<Table, Refusal> {
        let width = built
            .rows
            .iter()
            .flatten()
            .map(|raw| raw.column + raw.across)
            .max()
            .unwrap_or(0);
        if width > MAX_COLUMNS || width * built.rows.len() > MAX_CELLS {
            return Err(too_large());
        }
        let mut rows: Vec<Vec<Cell>> = Vec::with_capacity(built.rows.len());
        for (r, raws) in built.rows.into_iter().enumerate() {
            let mut row = vec![
                Cell {
                    across: 1,
                    ..Cell::default()
                };
                width
            ];
            for raw in raws {
                let above = r
                    .checked_sub(1)
                    .filter(|_| raw.continues)
                    .and_then(|up| rows.get(up).map(|row: &Vec<Cell>| (up, row)))
                    .and_then(|(up, row)| {
                        let cell = row.get(raw.column)?;
                        Some((
                            cell.covered_by.unwrap_or((up, raw.column)),
                            cell.text.clone(),
                        ))
                    });
                let (anchor, text) = match above {
                    Some((anchor, text)) => (Some(anchor), text),
                    None => (None, raw.lines.join("\n")),
                };
                let places = row.iter_mut().skip(raw.column).take(raw.across);
                for (turn, place) in places.enumerate() {
                    let first = turn == 0;
                    if anchor.is_some() || !first {
                        self.repeated += text.len();
                        if self.repeated > MAX_REPEATED_CHARS {
                            return Err(too_large());
                        }
                    }
                    *place = Cell {
                        text: text.clone(),
                        covered_by: anchor.or((!first).then_some((r, raw.column))),
                        across: if first { raw.across } else { 1 },
                        is_number: false,
                    };
                }
            }
            rows.push(row);
        }
        Ok(Table {
            name: format!("表{number}"),
            rows,
            knows_merges: true,
            first_row: 1,
            letters: false,
        })
    }
}

fn too_large() -> Refusal {
    Refusal::new(
        "文档",
        "表格过大",
        format!("每表不超过 {MAX_ROWS} 行、{MAX_COLUMNS} 列,全文不超过 {MAX_CELLS} 格"),
        "删去空白的行和列,或者分成几个文件导入",
    )
}
