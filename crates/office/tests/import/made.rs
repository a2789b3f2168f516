//! Documents made for the tests, in layouts unlike the ledger that the project has, and the
//! directory to read them with.

use std::io::{Cursor, Write};
use std::sync::LazyLock;

use crate::round_trip::comes_back;
use duban_model::Directory;
use duban_office::reading::Row;
use duban_office::{Reading, Wishes, read_ledger, roster};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The units of Tongliao, from the file that the project has of them.
pub fn directory() -> &'static Directory {
    static DIRECTORY: LazyLock<Directory> = LazyLock::new(read_directory);
    &DIRECTORY
}

fn read_directory() -> Directory {
    let units = include_bytes!("../../../../tests/documents/tongliao-units.csv");
    let roster = roster::read_units("units.csv", units, "tongliao", None).expect("the units");
    assert!(roster.agrees(), "{} rows", roster.rows_in);
    roster.directory
}

/// Reads a document, and requires that every row is accounted for, and that what was read comes back
/// from an export.
pub fn read(file: &str, bytes: &[u8]) -> Reading {
    let reading = read_ledger(file, bytes, directory(), &Wishes::default())
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(
        reading.counts.agree(),
        "{:?}\n{:#?}",
        reading.counts,
        reading.asides
    );
    comes_back(&reading);
    reading
}

/// Its units as `id/role`.
pub fn owed(row: &Row) -> Vec<String> {
    row.units
        .iter()
        .map(|o| format!("{}/{}", o.id, o.role.as_str()))
        .collect()
}

/// Its date, or nothing.
pub fn due(row: &Row) -> String {
    row.deadline.date.map(|d| d.to_string()).unwrap_or_default()
}

/// The codes of the questions about a row.
pub fn asked<'a>(reading: &'a Reading, number: &str) -> Vec<&'a str> {
    reading
        .questions
        .iter()
        .filter(|q| q.row.as_deref() == Some(number))
        .map(|q| q.code)
        .collect()
}

/// An archive with these parts.
pub fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default())
            .expect("a part");
        zip.write_all(text.as_bytes()).expect("its text");
    }
    zip.finish().expect("an archive").into_inner()
}

/// A Word document with this body.
pub fn docx(body: &str) -> Vec<u8> {
    let document = format!(
        r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>"#
    );
    archive(&[
        ("[Content_Types].xml", "<Types/>"),
        ("word/document.xml", &document),
    ])
}

/// A paragraph; `|` ends a line and begins the next paragraph.
pub fn p(text: &str) -> String {
    let lines = text.replace('|', "</w:t></w:r></w:p><w:p><w:r><w:t>");
    format!("<w:p><w:r><w:t>{lines}</w:t></w:r></w:p>")
}

/// A table. In a cell, `>n ` spans n columns, `+` begins a merge down and `^` goes on with it.
pub fn table(rows: &[&[&str]]) -> String {
    let mut out = String::from("<w:tbl>");
    for row in rows {
        out.push_str("<w:tr>");
        for cell in *row {
            let mut text = *cell;
            let mut properties = String::new();
            if let Some(rest) = text.strip_prefix('>') {
                let (count, rest) = rest.split_once(' ').expect("a count");
                properties = format!(r#"<w:gridSpan w:val="{count}"/>"#);
                text = rest;
            }
            if let Some(rest) = text.strip_prefix('+') {
                properties.push_str(r#"<w:vMerge w:val="restart"/>"#);
                text = rest;
            } else if text == "^" {
                properties.push_str("<w:vMerge/>");
                text = "";
            }
            let text = p(text);
            out.extend(["<w:tc><w:tcPr>", &properties, "</w:tcPr>", &text, "</w:tc>"]);
        }
        out.push_str("</w:tr>");
    }
    out + "</w:tbl>"
}

/// Half-width punctuation and digits as their full-width forms.
pub fn full(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '!'..='~' if !c.is_ascii_alphabetic() => {
                char::from_u32(u32::from(c) + 0xfee0).unwrap_or(c)
            }
            other => other,
        })
        .collect()
}
