//! The draft of a notice about overdue duties (通报) as a Word document: title, 主送, body, tables and
//! 落款 on A4 upright, in the letters and sizes that official notices have.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, FixedOffset};

use crate::export::docx_parts::{FOOTER_ID, archive, escaped};
use crate::export::{Heading, unwritable};
use crate::refusal::Refusal;

/// A4 upright, in twentieths of a point, and the margins of official documents: 37 mm above, 35 mm
/// below, 28 mm left, 26 mm right (GB/T 9704).
const PAGE: (u32, u32) = (11_906, 16_838);
const MARGINS: (u32, u32, u32, u32) = (2_098, 1_984, 1_588, 1_474);
/// Font and size in half points: of the title, of headings, of the text, of tables, of remarks.
const TITLE: Face = Face("方正小标宋简体", 44);
const HEADING: Face = Face("黑体", 32);
const TEXT: Face = Face("仿宋_GB2312", 32);
const TABLE: Face = Face("仿宋_GB2312", 21);
const REMARK: Face = Face("楷体_GB2312", 24);

#[derive(Clone, Copy)]
struct Face(&'static str, u32);

/// A table within the notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Headings, and how wide the columns are beside one another.
    pub columns: Vec<(&'static str, u32)>,
    /// A text a column each.
    pub rows: Vec<Vec<String>>,
}

/// A numbered part of the notice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// Its heading, with its number.
    pub heading: String,
    /// Its text.
    pub text: String,
    /// What stands below it.
    pub table: Option<Table>,
}

/// A notice about overdue duties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circular {
    /// Its title.
    pub title: String,
    /// 主送
    pub to: String,
    /// What stands before the parts.
    pub opening: String,
    /// The parts.
    pub sections: Vec<Section>,
    /// Who issues it (落款).
    pub issuer: String,
    /// Its date, in the office's zone.
    pub as_of: DateTime<FixedOffset>,
    /// What a reader of the draft is told above the title.
    pub remark: String,
}

impl Circular {
    /// The document.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the archive cannot be made.
    pub fn docx(&self) -> Result<Vec<u8>, Refusal> {
        let mut body = String::new();
        paragraph(&mut body, REMARK, "", &self.remark);
        let centred = r#"<w:jc w:val="center"/>"#;
        let apart = r#"<w:spacing w:before="480" w:after="480"/><w:jc w:val="center"/>"#;
        paragraph(&mut body, TITLE, apart, &self.title);
        paragraph(&mut body, TEXT, "", &self.to);
        paragraph(&mut body, TEXT, INDENT, &self.opening);
        for section in &self.sections {
            let heading = format!("<w:keepNext/>{INDENT}");
            paragraph(&mut body, HEADING, &heading, &section.heading);
            if !section.text.is_empty() {
                paragraph(&mut body, TEXT, INDENT, &section.text);
            }
            if let Some(of) = &section.table {
                table(&mut body, of, centred);
            }
        }
        let date = self.as_of.date_naive();
        let date = format!("{}年{}月{}日", date.year(), date.month(), date.day());
        let right = r#"<w:keepNext/><w:spacing w:before="640"/><w:ind w:right="640"/><w:jc w:val="right"/>"#;
        paragraph(&mut body, TEXT, right, &self.issuer);
        let right = r#"<w:ind w:right="640"/><w:jc w:val="right"/>"#;
        paragraph(&mut body, TEXT, right, &date);
        let ((width, height), (top, bottom, left, end)) = (PAGE, MARGINS);
        let document = format!(
            r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><w:body>{body}<w:sectPr><w:footerReference w:type="default" r:id="{FOOTER_ID}"/><w:pgSz w:w="{width}" w:h="{height}"/><w:pgMar w:top="{top}" w:right="{end}" w:bottom="{bottom}" w:left="{left}" w:header="850" w:footer="1000" w:gutter="0"/></w:sectPr></w:body></w:document>"#
        );
        let heading = Heading {
            ledger: String::new(),
            title: self.title.clone(),
            issuer: self.issuer.clone(),
            number: String::new(),
            year: self.as_of.year(),
            issued: self.as_of.date_naive(),
            as_of: self.as_of,
        };
        archive(&heading, &document, &[]).map_err(|fault| unwritable("docx", fault))
    }
}

/// Two characters at the beginning of a paragraph.
const INDENT: &str = r#"<w:spacing w:line="560" w:lineRule="exact"/><w:ind w:firstLineChars="200" w:firstLine="640"/><w:jc w:val="both"/>"#;

fn run(face: Face, text: &str) -> String {
    let Face(font, size) = face;
    format!(
        r#"<w:r><w:rPr><w:rFonts w:eastAsia="{font}"/><w:sz w:val="{size}"/><w:szCs w:val="{size}"/></w:rPr><w:t xml:space="preserve">{}</w:t></w:r>"#,
        escaped(text)
    )
}

fn paragraph(body: &mut String, face: Face, properties: &str, text: &str) {
    let text = run(face, text);
    let _ = write!(body, "<w:p><w:pPr>{properties}</w:pPr>{text}</w:p>");
}

fn table(body: &mut String, table: &Table, centred: &str) {
    let ((page, _), (_, _, left, right)) = (PAGE, MARGINS);
    let whole = page - left - right;
    let sum: u32 = table.columns.iter().map(|(_, width)| width).sum();
    let widths: Vec<u32> = table
        .columns
        .iter()
        .map(|(_, width)| width * whole / sum.max(1))
        .collect();
    *body += r#"<w:tbl><w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblBorders><w:top w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:left w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:bottom w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:right w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideH w:val="single" w:sz="4" w:space="0" w:color="000000"/><w:insideV w:val="single" w:sz="4" w:space="0" w:color="000000"/></w:tblBorders><w:tblLayout w:type="fixed"/><w:tblCellMar><w:left w:w="60" w:type="dxa"/><w:right w:w="60" w:type="dxa"/></w:tblCellMar></w:tblPr><w:tblGrid>"#;
    for width in &widths {
        let _ = write!(body, r#"<w:gridCol w:w="{width}"/>"#);
    }
    *body += "</w:tblGrid>";
    let mut row = |head: bool, texts: &mut dyn Iterator<Item = &str>| {
        let repeats = if head { "<w:tblHeader/>" } else { "" };
        let _ = write!(body, "<w:tr><w:trPr><w:cantSplit/>{repeats}</w:trPr>");
        for (width, text) in widths.iter().zip(texts) {
            let face = if head { Face("黑体", TABLE.1) } else { TABLE };
            let text = run(face, text);
            let _ = write!(
                body,
                r#"<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/><w:vAlign w:val="center"/></w:tcPr><w:p><w:pPr>{centred}</w:pPr>{text}</w:p></w:tc>"#
            );
        }
        *body += "</w:tr>";
    };
    row(true, &mut table.columns.iter().map(|(heading, _)| *heading));
    for texts in &table.rows {
        row(false, &mut texts.iter().map(String::as_str));
    }
    *body += "</w:tbl>";
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    #[test]
    fn a_notice_has_title_addressees_tables_and_date_and_no_markup_of_others() {
        let circular = Circular {
            title: "关于逾期事项的通报".to_owned(),
            to: "各有关单位:".to_owned(),
            opening: "截至<b>今天</b>".to_owned(),
            sections: vec![Section {
                heading: "一、总体情况".to_owned(),
                text: String::new(),
                table: Some(Table {
                    columns: vec![("单位", 2), ("件数", 1)],
                    rows: vec![vec!["=1+1".to_owned(), "3".to_owned()]],
                }),
            }],
            issuer: "市政府办公室".to_owned(),
            as_of: DateTime::parse_from_rfc3339("2021-12-01T09:10:00+08:00").unwrap(),
            remark: "代拟稿".to_owned(),
        };
        let bytes = circular.docx().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut document = String::new();
        let mut part = zip.by_name("word/document.xml").unwrap();
        part.read_to_string(&mut document).unwrap();
        for text in ["关于逾期事项的通报", "各有关单位:", "2021年12月1日", "=1+1"]
        {
            assert!(document.contains(text), "{text}");
        }
        assert!(document.contains("&lt;b&gt;") && !document.contains("<b>"));
        assert!(!document.contains("w:instrText") && !document.contains("w:hyperlink"));
    }
}
