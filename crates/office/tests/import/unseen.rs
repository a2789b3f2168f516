//! What a file holds beside what is seen in it: tracked changes, hidden rows and words, formulas
//! without a result, tables inside cells.

use crate::made::{archive, asked, docx, due, owed, p, read, table};
use duban_office::deadline::Kind;

fn numbers(reading: &duban_office::Reading) -> Vec<&str> {
    reading.rows.iter().map(|r| r.number.as_str()).collect()
}

#[test]
fn zeros_that_a_workbook_shows_are_kept_and_formulas_without_result_told() {
    let styles = r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="000"/></numFmts><fonts count="1"><font/></fonts><cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;
    let text =
        |at: &str, text: &str| format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#);
    let row = |n: u32, cells: &[String]| format!(r#"<row r="{n}">{}</row>"#, cells.concat());
    let header: Vec<String> = ["编号", "案由", "承办单位", "办结时限", "办理状态"]
        .iter()
        .zip(["A1", "B1", "C1", "D1", "E1"])
        .map(|(heading, at)| text(at, heading))
        .collect();
    let formula = |at: &str| format!(r#"<c r="{at}"><f>IF(D2&lt;TODAY(),1,2)</f><v></v></c>"#);
    let rows = [
        row(1, &header),
        row(
            2,
            &[
                r#"<c r="A2" s="1"><v>1</v></c>"#.to_owned(),
                text("B2", "关于校园食品的提案"),
                text("C2", "市教育局(联系人:张三 13800000000)"),
                text("D2", "2024年7月底"),
                formula("E2"),
            ],
        ),
        row(
            3,
            &[
                r#"<c r="A3" s="1"><v>12</v></c>"#.to_owned(),
                text("B3", "关于电动车的提案"),
                text("C3", "市公安局(交管支队)"),
                text("D3", "收到之日起3个月内"),
                formula("E3"),
            ],
        ),
    ];
    let sheet = format!(
        r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>"#,
        rows.concat()
    );
    let bytes = archive(&[
        ("[Content_Types].xml", "<Types/>"),
        (
            "_rels/.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#,
        ),
        (
            "xl/workbook.xml",
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="台账" sheetId="1" r:id="rId1"/></sheets></workbook>"#,
        ),
        (
            "xl/_rels/workbook.xml.rels",
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#,
        ),
        ("xl/styles.xml", styles),
        ("xl/worksheets/sheet1.xml", &sheet),
    ]);
    let reading = read("2024年.xlsx", &bytes);
    assert_eq!(numbers(&reading), ["001", "012"]);
    // Who is to be called is not part of a unit's name, and is not lost in silence.
    assert_eq!(owed(&reading.rows[0]), ["city-jyj/responsible"]);
    assert_eq!(asked(&reading, "001"), ["near_name"]);
    assert_eq!(owed(&reading.rows[1]), ["city-gaj/responsible"]);
    assert_eq!(asked(&reading, "012"), ["near_name"]);
    assert!(
        reading
            .unread
            .iter()
            .any(|l| l.contains("2 个单元格是没有结果的公式")),
        "{:?}",
        reading.unread
    );
}

#[test]
fn tracked_changes_are_read_as_accepted_and_told() {
    let cell = |inner: &str| format!("<w:tc><w:p>{inner}</w:p></w:tc>");
    let run = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let row =
        |properties: &str, cells: &[String]| format!("<w:tr>{properties}{}</w:tr>", cells.concat());
    let changed = format!(
        r#"<w:del w:id="1"><w:r><w:delText>2024年6月底</w:delText></w:r></w:del><w:ins w:id="2">{}</w:ins>"#,
        run("2024年9月底")
    );
    let moved = format!(
        "{}<w:moveFrom w:id=\"3\">{}</w:moveFrom>",
        run("排查矛盾"),
        run(",此句移走")
    );
    let deleted = r#"<w:trPr><w:del w:id="4"/></w:trPr>"#;
    let cells = |texts: [&str; 4]| texts.map(|text| cell(&run(text)));
    let rows = [
        row("", &cells(["序号", "任务内容", "责任单位", "完成时限"])),
        row(
            "",
            &[
                cell(&run("1")),
                cell(&run("化解积案")),
                cell(&run("市信访局")),
                cell(&changed),
            ],
        ),
        row(
            deleted,
            &cells(["2", "此行已删除", "市公安局", "2024年5月底"]),
        ),
        row(
            "",
            &[
                cell(&run("3")),
                cell(&moved),
                cell(&run("市司法局")),
                cell(&run("2024年8月底")),
            ],
        ),
    ];
    let hidden = r"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>隐藏的字</w:t></w:r></w:p>";
    let body = format!(
        "{}<w:tbl>{}</w:tbl>{hidden}",
        p("2024年台账"),
        rows.concat()
    );
    let reading = read("a.docx", &docx(&body));
    assert_eq!(numbers(&reading), ["1", "3"]);
    assert_eq!(due(&reading.rows[0]), "2024-09-30");
    assert_eq!(reading.rows[1].text, "排查矛盾");
    for told in [
        "新增的文字",
        "已删除的文字",
        "已删除的表格行",
        "移走的文字",
        "隐藏的文字",
    ] {
        assert!(
            reading.unread.iter().any(|line| line.contains(told)),
            "{told}: {:?}",
            reading.unread
        );
    }
}

#[test]
fn a_table_inside_a_cell_is_text_line_by_line() {
    let inner = table(&[&["镇街", "村"], &["12个", "80个"]]);
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", p(text));
    let body = format!(
        "{}<w:tbl><w:tr>{}{}{}{}</w:tr><w:tr>{}<w:tc>{}{inner}{}</w:tc>{}{}</w:tr></w:tbl>",
        p("2024年台账"),
        cell("序号"),
        cell("任务内容"),
        cell("责任单位"),
        cell("完成时限"),
        cell("1"),
        p("基层治理改革"),
        p(""),
        cell("市民政局"),
        cell("待上级部署后启动"),
    );
    let reading = read("a.docx", &docx(&body));
    assert_eq!(reading.rows[0].text, "基层治理改革\n镇街 村\n12个 80个");
    assert_eq!(reading.rows[0].deadline.kind, Kind::WhenAppropriate);
    assert!(reading.unread.iter().any(|line| line.contains("嵌有表格")));
}
