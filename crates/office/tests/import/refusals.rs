//! What cannot be read is refused with its place, what was found, what is expected and how to mend it.

use std::io::{Cursor, Write};

use crate::made::{archive, directory, docx, p, table};
use duban_office::{Refusal, Wishes, read_ledger};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn refused(bytes: &[u8], found: &str, remedy: &str) -> Refusal {
    let refusal = read_ledger("台账.docx", bytes, directory(), &Wishes::default())
        .expect_err("it cannot be read");
    assert!(refusal.place.starts_with("台账.docx"), "{refusal}");
    assert!(refusal.found.contains(found), "{refusal}");
    assert!(refusal.remedy.contains(remedy), "{refusal}");
    assert!(!refusal.expected.is_empty(), "{refusal}");
    refusal
}

fn compound(names: &[&str]) -> Vec<u8> {
    let mut bytes = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    bytes.resize(512, 0);
    for name in names {
        bytes.extend(name.encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend([0; 64]);
    }
    bytes
}

#[test]
fn other_formats_are_named() {
    refused(b"", "空文件", "下载完整");
    refused(b"%PDF-1.4\n%\xe2\xe3", "PDF", "识别成文字");
    refused(b"\x89PNG\r\n\x1a\n", "PNG", "识别成文字");
    refused(b"\xff\xd8\xff\xe0", "JPEG", "识别成文字");
    refused(b"{\\rtf1", "RTF", "另存为 docx");
    refused(b"Rar!\x1a\x07", "RAR", "先解压");
    refused(&compound(&["WordDocument"]), "doc", "另存为 docx");
    refused(&compound(&["Workbook"]), "xls", "另存为 xlsx");
    refused(&compound(&["EncryptedPackage"]), "密码", "去掉密码");
    refused(&archive(&[("readme.xml", "<a/>")]), "压缩包", "解压");
    refused(b"<html><body><table></table>", "网页", "粘贴");
    refused(&[0x81, 0xff, 0xfe, 0x00, 0x01, 0x02], "", "另存为");
}

#[test]
fn a_document_cut_short_is_damaged() {
    let good = docx(&table(&[
        &["序号", "具体任务", "责任单位", "完成时限"],
        &["1", "公开规划", "市发改委", "2021年9月底"],
    ]));
    for length in [10, good.len() / 3, good.len() / 2, good.len() - 1] {
        refused(&good[..length], "", "另存");
    }
    // The archive is whole, its text is not.
    let cut = archive(&[("word/document.xml", "<w:document><w:body><w:p>")]);
    refused(&cut, "XML 有误", "另存");
    let wrong = archive(&[(
        "word/document.xml",
        "<w:document><w:body></w:p></w:body></w:document>",
    )]);
    refused(&wrong, "XML 有误", "另存");
    let sheet = archive(&[("xl/workbook.xml", "<workbook><sheets>")]);
    refused(&sheet, "不能作为工作簿读取", "另存");
}

#[test]
fn entities_of_ones_own_are_not_expanded() {
    let bomb = r#"<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>"#;
    refused(
        &archive(&[("word/document.xml", bomb)]),
        "实体声明",
        "来历不明",
    );
    refused(
        &archive(&[("xl/workbook.xml", bomb)]),
        "实体声明",
        "来历不明",
    );
    let unknown =
        "<w:document><w:body><w:p><w:r><w:t>&nothing;</w:t></w:r></w:p></w:body></w:document>";
    refused(
        &archive(&[("word/document.xml", unknown)]),
        "不认识的实体",
        "另存",
    );
}

#[test]
fn an_archive_that_unpacks_without_end_is_stopped() {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default())
        .expect("a part");
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..200 {
        zip.write_all(&spaces).expect("spaces");
    }
    let bomb = zip.finish().expect("an archive").into_inner();
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    refused(&bomb, "MiB", "另存");
    let deep = format!(
        "<w:document><w:body>{}{}</w:body></w:document>",
        "<w:sdt>".repeat(10_000),
        "</w:sdt>".repeat(10_000)
    );
    refused(&archive(&[("word/document.xml", &deep)]), "嵌套", "另存");
}

#[test]
fn two_cells_far_apart_do_not_make_a_grid_between_them() {
    let sheet = |cells: &str, merge: &str| {
        let part = format!(
            r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}</sheetData>{merge}</worksheet>"#
        );
        archive(&[
            (
                "[Content_Types].xml",
                r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#,
            ),
            (
                "_rels/.rels",
                r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
            ),
            (
                "xl/workbook.xml",
                r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="A" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
            ),
            (
                "xl/_rels/workbook.xml.rels",
                r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
            ),
            ("xl/worksheets/sheet1.xml", &part),
        ])
    };
    let far = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>b</t></is></c></row>"#;
    refused(&sheet(far, ""), "16384 列", "删去表格以外");
    let merge = r#"<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>"#;
    let near = r#"<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>"#;
    refused(&sheet(near, merge), "行", "删去表格以外");
    // calamine multiplied such a reference until it overflowed.
    for wrong in ["18446744073709551615", "ZZZZ1", "A0", "A1048577", "1A", ""] {
        refused(&sheet(&near.replace("A1", wrong), ""), "位置", "另存");
    }
}

#[test]
fn a_document_without_tasks_says_what_was_seen() {
    let letter = docx(&format!("{}{}", p("关于开会的通知"), p("请各单位参加。")));
    let refusal = refused(&letter, "没有认出任务", "表头");
    assert!(refusal.found.contains("2段"), "{refusal}");
    let strange = docx(&table(&[
        &["姓名", "年龄"],
        &["甲", "三十"],
        &["乙", "四十"],
    ]));
    let refusal = refused(&strange, "没有认出任务", "表头");
    assert!(refusal.found.contains("姓名、年龄"), "{refusal}");
}

#[test]
fn a_table_beyond_the_limits_is_refused_with_them() {
    let rows = "1,公开规划,市发改委,2021年9月底\n".repeat(20_001);
    let csv = format!("序号,具体任务,责任单位,完成时限\n{rows}");
    let refusal = refused(csv.as_bytes(), "行", "分成几个文件");
    assert!(refusal.expected.contains("20000 行"), "{refusal}");
    let wide = format!("{}\n{}\n", ",".repeat(500), ",".repeat(500));
    refused(format!("{wide}a,b").as_bytes(), "", "");
}
