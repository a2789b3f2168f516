//! The parsers of an office's documents and phrases, fed with any bytes.

use duban_office::{Wishes, definition, read_ledger, report, roster};
use duban_rules::{compile, read_directory};

use super::{OFFICE, files};

/// An archive with one part of a document in it.
fn packed(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let plain =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, text) in parts {
        zip.start_file(*name, plain).expect("a part");
        std::io::Write::write_all(&mut zip, text).expect("its text");
    }
    zip.finish().expect("an archive").into_inner()
}

/// An office's document. What begins as XML is the main part of a Word document or a sheet: a
/// mutated archive would be refused by its sums before anything in it is read.
pub fn document(data: &[u8]) {
    const LINKS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/"#;
    let book = format!(r#"{LINKS}officeDocument" Target="xl/workbook.xml"/></Relationships>"#);
    let sheet = format!(r#"{LINKS}worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#);
    let bytes = if data.starts_with(b"<worksheet") {
        packed(&[
            ("_rels/.rels", book.as_bytes()),
            ("xl/workbook.xml", br#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>"#),
            ("xl/_rels/workbook.xml.rels", sheet.as_bytes()),
            ("xl/worksheets/sheet1.xml", data),
        ])
    } else if data.starts_with(b"<") {
        packed(&[("word/document.xml", data)])
    } else {
        data.to_vec()
    };
    let office = &*OFFICE;
    if let Ok(units) = roster::read_units("units.xlsx", &bytes, "office", None) {
        assert!(units.agrees(), "a row of a directory is lost");
        let (directory, faults) = read_directory(&roster::directory_yaml(&units));
        assert!(
            directory.is_some() || units.directory.units.is_empty(),
            "{faults:?}"
        );
    }
    let reading = match read_ledger("2021年.docx", &bytes, &office.directory, &Wishes::default()) {
        Ok(reading) => reading,
        Err(refusal) => {
            assert!(
                !refusal.found.is_empty() && !refusal.remedy.is_empty(),
                "refused without a word"
            );
            return;
        }
    };
    assert!(
        reading.counts.agree(),
        "a row is lost: {:?}",
        reading.counts
    );
    let Ok(written) = definition::write(
        &reading,
        &office.directory,
        &definition::Settings::default(),
    ) else {
        return;
    };
    drop(report::write(&reading, &written.questions));
    let covered = reading
        .heading
        .year
        .is_some_and(|year| (2018..=2026).contains(&year));
    let directory = written
        .directory
        .as_deref()
        .map_or(Some(office.directory.clone()), |text| {
            read_directory(text).0
        });
    let compiled = compile(
        &files(&written.ledger, &written.tasks),
        directory.as_ref().expect("a directory"),
        &office.calendar,
    );
    // What is imported passes the check, whatever it was.
    assert!(
        compiled.definition.is_some()
            || !covered
            || written.tasks.len() > duban_rules::MAX_TEXT_BYTES,
        "{:?}\n{}",
        compiled.diagnostics,
        written.tasks
    );
}

/// Deadline phrases, one a line.
pub fn deadline(data: &[u8]) {
    use duban_office::deadline::{Kind, read};
    for phrase in String::from_utf8_lossy(data).lines() {
        for year in [None, Some(2021), Some(9999)] {
            let read = read(phrase, year);
            let silent = read.questions.is_empty();
            assert!(
                !silent || read.date.is_some() || read.kind != Kind::Fixed,
                "`{phrase}` has a date that is not read, and is not asked"
            );
        }
    }
}
