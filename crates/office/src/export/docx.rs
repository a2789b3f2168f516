//! The ledger as a Word document: a table with its header on every page, cells merged down as the
//! document has them, the lights in colour, on A3 paper laid across.
//!
//! The few elements that this takes are written here: what Word needs of a table is smaller than
//! any crate for it.

use std::fmt::Write as _;

use crate::export::cells::{self, Cell, Grid};
use crate::export::docx_parts::{FOOTER_ID, archive, escaped, link_id};
use crate::export::{Heading, Ledger, Part, caption, is_web, unwritable};
use crate::refusal::Refusal;

/// A3 laid across, in twentieths of a point, and its margins.
const PAGE: (u32, u32) = (23_811, 16_838);
const MARGIN: u32 = 900;
/// Links that lead somewhere, at most; the others stay as text.
const MAX_LINKS: usize = 20_000;
/// Above the table of duties. It ends as a sentence does, so that nobody takes it for a title.
const DUTIES: &str = "以下是督办系统列出的责任事项明细,不是台账原文。";

/// Writes a document.
///
/// # Errors
///
/// A [`Refusal`] if the archive cannot be made.
pub fn write(ledger: &Ledger, part: Part) -> Result<Vec<u8>, Refusal> {
    let mut writer = Writer::default();
    writer.paragraph("Title", &ledger.heading.title, false);
    writer.paragraph("Caption", &caption::write(ledger), false);
    if part.has_tasks() {
        writer.table(&cells::tasks(ledger));
    }
    if part.has_duties() {
        writer.paragraph("Caption", DUTIES, part.has_tasks());
        writer.table(&cells::duties(ledger));
    }
    writer.finished(&ledger.heading)
}

/// Writes one table below its title and caption.
pub(super) fn sheet(heading: &Heading, caption: &str, grid: &Grid) -> Result<Vec<u8>, Refusal> {
    let mut writer = Writer::default();
    writer.paragraph("Title", &heading.title, false);
    writer.paragraph("Caption", caption, false);
    writer.table(grid);
    writer.finished(heading)
}

#[derive(Default)]
struct Writer {
    body: String,
    links: Vec<String>,
}

impl Writer {
    fn finished(self, heading: &Heading) -> Result<Vec<u8>, Refusal> {
        let (width, height) = PAGE;
        let body = self.body;
        let document = format!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:body>{body}<w:p/><w:sectPr><w:footerReference w:type="default" r:id="{FOOTER_ID}"/><w:pgSz w:w="{width}" w:h="{height}" w:orient="landscape"/><w:pgMar w:top="{MARGIN}" w:right="{MARGIN}" w:bottom="{MARGIN}" w:left="{MARGIN}" w:header="500" w:footer="500" w:gutter="0"/></w:sectPr></w:body></w:document>"#
        );
        archive(heading, &document, &self.links).map_err(|fault| unwritable("docx", fault))
    }

    fn paragraph(&mut self, style: &str, text: &str, on_a_new_page: bool) {
        let page = if on_a_new_page {
            "<w:pageBreakBefore/>"
        } else {
            ""
        };
        let text = run(text, "");
        let _ = write!(
            self.body,
            r#"<w:p><w:pPr><w:pStyle w:val="{style}"/>{page}</w:pPr>{text}</w:p>"#
        );
    }

    fn table(&mut self, grid: &Grid) {
        let whole = PAGE.0 - 2 * MARGIN;
        let sum: u32 = grid.columns.iter().map(|c| u32::from(c.width)).sum();
        let widths: Vec<u32> = grid
            .columns
            .iter()
            .map(|c| u32::from(c.width) * whole / sum.max(1))
            .collect();
        self.body += r#"<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblBorders><w:top w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:left w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:bottom w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:right w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideH w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideV w:val="single" w:sz="4" w:space="0" w:color="000000"/></w:tblBorders><w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="40" w:type="dxa"/><w:right w:w="40" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>"#;
        for width in &widths {
            let _ = write!(self.body, r#"<w:gridCol w:w="{width}"/>"#);
        }
        self.body += "</w:tblGrid>";
        self.headings(grid, &widths);
        for (r, row) in grid.rows.iter().enumerate() {
            self.body += "<w:tr><w:trPr><w:cantSplit/></w:trPr>";
            for (c, cell) in row.iter().enumerate() {
                let goes_on_below = grid.rows.get(r + 1).is_some_and(|below| below[c].goes_on);
                self.cell(cell, widths[c], grid.columns[c].centred, goes_on_below);
            }
            self.body += "</w:tr>";
        }
        self.body += "</w:tbl>";
    }

    fn headings(&mut self, grid: &Grid, widths: &[u32]) {
        self.body += "<w:tr><w:trPr><w:cantSplit/><w:tblHeader/></w:trPr>";
        let columns = &grid.columns;
        let mut c = 0;
        while c < columns.len() {
            let heading = columns[c].heading;
            let across = columns[c..]
                .iter()
                .take_while(|o| o.heading == heading)
                .count();
            let width: u32 = widths[c..c + across].iter().sum();
            let span = if across > 1 {
                format!(r#"<w:gridSpan w:val="{across}"/>"#)
            } else {
                String::new()
            };
            let text = run(heading, "<w:b/>");
            let _ = write!(
                self.body,
                r#"<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{span}<w:shd w:val="clear" w:color="auto" w:fill="D9E2F3"/><w:vAlign w:val="center"/></w:tcPr><w:p><w:pPr><w:jc w:val="center"/></w:pPr>{text}</w:p></w:tc>"#
            );
            c += across;
        }
        self.body += "</w:tr>";
    }

    fn cell(&mut self, cell: &Cell, width: u32, centred: bool, goes_on_below: bool) {
        let merge = match (cell.goes_on, goes_on_below) {
            (true, _) => "<w:vMerge/>",
            (false, true) => r#"<w:vMerge w:val="restart"/>"#,
            (false, false) => "",
        };
        let shade = cell.light.map_or_else(String::new, |light| {
            format!(
                r#"<w:shd w:val="clear" w:color="auto" w:fill="{:06X}"/>"#,
                light.rgb()
            )
        });
        let align = if centred {
            r#"<w:pPr><w:jc w:val="center"/></w:pPr>"#
        } else {
            ""
        };
        let _ = write!(
            self.body,
            r#"<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{merge}{shade}<w:vAlign w:val="center"/></w:tcPr>"#
        );
        let mut paragraphs = 0;
        if !cell.goes_on {
            for line in &cell.lines {
                let text = match &line.link {
                    Some(link) if is_web(link) && self.links.len() < MAX_LINKS => {
                        self.links.push(link.clone());
                        let id = link_id(self.links.len() - 1);
                        let text = run(&line.text, r#"<w:rStyle w:val="Hyperlink"/>"#);
                        format!(r#"<w:hyperlink r:id="{id}">{text}</w:hyperlink>"#)
                    }
                    Some(link) if !line.text.contains(link.as_str()) => {
                        run(&format!("{} {link}", line.text), "")
                    }
                    _ => run(&line.text, ""),
                };
                let _ = write!(self.body, "<w:p>{align}{text}</w:p>");
                paragraphs += 1;
            }
            if let Some(day) = cell.day() {
                let text = run(&day, "");
                let _ = write!(self.body, "<w:p>{align}{text}</w:p>");
                paragraphs += 1;
            }
        }
        if paragraphs == 0 {
            // A cell without a paragraph is none to Word.
            self.body += "<w:p/>";
        }
        self.body += "</w:tc>";
    }
}

/// A text with its line breaks.
fn run(text: &str, properties: &str) -> String {
    let properties = if properties.is_empty() {
        String::new()
    } else {
        format!("<w:rPr>{properties}</w:rPr>")
    };
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| format!(r#"<w:t xml:space="preserve">{}</w:t>"#, escaped(line)))
        .collect();
    format!("<w:r>{properties}{}</w:r>", lines.join("<w:br/>"))
}
