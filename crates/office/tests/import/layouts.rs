//! Ledgers in layouts that the project's own does not have, and what a clerk would say they mean.

use crate::made::{asked, docx, due, full, owed, p, read, table};
use duban_office::deadline::Kind;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

#[test]
fn lead_and_support_stand_in_columns_of_their_own_under_two_header_rows() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    sheet.set_name("2022年重点任务").expect("a name");
    let plain = Format::new();
    sheet
        .merge_range(0, 0, 0, 6, "通辽市2022年重点工作任务分解表", &plain)
        .expect("title");
    for (column, text) in [
        (0, "序\n号"),
        (1, "工作任务"),
        (2, "具体措施"),
        (5, "完成\n时间"),
        (6, "备 注"),
    ] {
        sheet
            .merge_range(1, column, 2, column, text, &plain)
            .expect("heading");
    }
    sheet
        .merge_range(1, 3, 1, 4, "责 任 分 工", &plain)
        .expect("heading");
    sheet.write(2, 3, "牵头单位").expect("heading");
    sheet.write(2, 4, "配合单位").expect("heading");
    sheet
        .merge_range(3, 1, 4, 1, "优化营商环境", &plain)
        .expect("name");
    let date = ExcelDateTime::from_ymd(2022, 9, 30).expect("a date");
    let as_date = Format::new().set_num_format("yyyy/m/d");
    for (row, n, text, lead, support) in [
        (3_u32, 1, "公布权责清单", "市发改委", "市财政局、市司法局"),
        (4, 2, "开展政策评估", "市司法局", ""),
        (5, 3, "公开收费目录", "市财政局", "市发改委"),
    ] {
        sheet.write(row, 0, n).expect("number");
        sheet.write(row, 2, text).expect("text");
        sheet.write(row, 3, lead).expect("lead");
        sheet.write(row, 4, support).expect("support");
    }
    sheet.write(5, 1, "规范收费").expect("name");
    sheet.write_with_format(3, 5, date, &as_date).expect("date");
    sheet.write(4, 5, "第三季度").expect("date");
    sheet.write(5, 5, "6月底").expect("date");
    sheet.write(5, 6, "市人大督办").expect("note");
    let reading = read("a.xlsx", &book.save_to_buffer().expect("a workbook"));
    assert_eq!(reading.heading.year, Some(2022));
    let numbers: Vec<&str> = reading.rows.iter().map(|r| r.number.as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    let [one, two, three] = &reading.rows[..] else {
        panic!()
    };
    assert_eq!(one.text, "公布权责清单");
    assert_eq!(
        (one.section.as_str(), two.section.as_str()),
        ("优化营商环境", "优化营商环境")
    );
    assert_eq!(
        owed(one),
        ["city-fgw/lead", "city-czj/support", "city-sfj/support"]
    );
    assert_eq!(owed(two), ["city-sfj/lead"]);
    assert_eq!(due(one), "2022-09-30");
    assert_eq!(
        (two.deadline.kind, due(two)),
        (Kind::Period, "2022-09-30".to_owned())
    );
    // The year stands in the title only.
    assert_eq!(due(three), "2022-06-30");
    assert_eq!(three.other, [("备 注".to_owned(), "市人大督办".to_owned())]);
    assert!(
        asked(&reading, "2").is_empty(),
        "nobody need support: {:?}",
        reading.questions
    );
}

#[test]
fn sections_are_banner_rows_and_the_header_comes_again_on_each_page() {
    let header: &[&str] = &["序号", "任务内容", "责任单位", "办结时限"];
    let first = table(&[
        header,
        &[">4 一、主动公开"],
        &[">4 (一)规划公开"],
        &["1", "公开规划", "市发改委", "2021年10月底前"],
        &["2", "公开历史规划", "+市自然资源局", "+每季度末"],
        &["3", "公开征地信息", "^", "^"],
        header,
        &[">4 (二)财政公开"],
        &["4", "公开预算", "市财政局", "即时"],
    ]);
    // The next page is a table of its own, without a header, and a section goes on.
    let second = table(&[
        &["5", "公开决算", "市财政局", "适时推进"],
        &[">4 二、依申请公开"],
        &[
            "6",
            "答复申请",
            "市政府各部门",
            "收到申请之日起20个工作日内",
        ],
        &[">4 注:本表由市政府办公室解释"],
    ]);
    let body = format!("{}{first}{}{second}", p("2021年政务公开任务清单"), p(""));
    let reading = read("b.docx", &docx(&body));
    assert_eq!(reading.rows.len(), 6);
    let places: Vec<(&str, &str)> = reading
        .rows
        .iter()
        .map(|r| (r.section.as_str(), r.subsection.as_str()))
        .collect();
    assert_eq!(places[0], ("一、主动公开", "(一)规划公开"));
    assert_eq!(places[3], ("一、主动公开", "(二)财政公开"));
    assert_eq!(places[4], ("一、主动公开", "(二)财政公开"));
    assert_eq!(places[5], ("二、依申请公开", ""));
    let kinds: Vec<Kind> = reading.rows.iter().map(|r| r.deadline.kind).collect();
    assert_eq!(
        kinds,
        [
            Kind::Fixed,
            Kind::Recurring,
            Kind::Recurring,
            Kind::Immediate,
            Kind::WhenAppropriate,
            Kind::Relative
        ]
    );
    assert_eq!(owed(&reading.rows[2]), ["city-zrj/responsible"]);
    assert_eq!(reading.rows[5].units.len(), 37);
    let repeated = reading
        .asides
        .iter()
        .filter(|a| a.read == "repeated_header")
        .count();
    assert_eq!(repeated, 1);
    assert!(reading.asides.iter().any(|a| a.read == "note"));
    assert!(reading.questions.is_empty(), "{:#?}", reading.questions);
}

#[test]
fn a_form_is_one_task_a_table() {
    let form = |number: &str, text: &str, lead: &str, due: &str| {
        table(&[
            &[">4 政务公开任务交办单"],
            &["序号", number, "任务类别", "主动公开"],
            &["任务内容", text, "^", "^"],
            &["牵头单位", lead, "配合单位", "市政府办公室"],
            &["完成时限", due, "联系电话", "123456"],
        ])
    };
    let wide = |number: &str, text: &str, lead: &str, due: &str| {
        form(number, text, lead, due).replace(
            &format!("<w:tc><w:tcPr></w:tcPr>{}</w:tc><w:tc><w:tcPr><w:vMerge/></w:tcPr>{}</w:tc><w:tc><w:tcPr><w:vMerge/></w:tcPr>{}</w:tc>", p(text), p(""), p("")),
            &format!(r#"<w:tc><w:tcPr><w:gridSpan w:val="3"/></w:tcPr>{}</w:tc>"#, p(text)),
        )
    };
    let body = format!(
        "{}{}{}{}",
        p("2021年督办任务表"),
        wide("7", "公开机构职能信息", "市司法局", "8月底"),
        p("(第二页)"),
        wide("8", "公开应急预案", "市应急管理局", "全年持续推进"),
    );
    let reading = read("c.docx", &docx(&body));
    assert_eq!(reading.layout, "form");
    let [seven, eight] = &reading.rows[..] else {
        panic!("{:#?}", reading.rows)
    };
    assert_eq!(
        (seven.number.as_str(), seven.text.as_str()),
        ("7", "公开机构职能信息")
    );
    assert_eq!(seven.section, "主动公开");
    assert_eq!(owed(seven), ["city-sfj/lead", "city-bgs/support"]);
    assert_eq!(due(seven), "2021-08-31");
    assert_eq!(eight.deadline.kind, Kind::Continuous);
    assert_eq!(owed(eight), ["city-yjj/lead", "city-bgs/support"]);
}

#[test]
fn a_numbered_list_has_its_units_in_brackets() {
    let body = [
        "通辽市2021年政务公开工作实施方案",
        "一、总体要求",
        "深入贯彻落实党中央、国务院关于全面推进政务公开的决策部署,结合我市实际,制定本方案,请认真执行。",
        "二、重点任务",
        "(一)规划公开",
        "1.公开各类规划,做好历史规划归集。(牵头单位:市发改委;配合单位:市自然资源局、市住建局;完成时限:2021年12月底)",
        "2.公开财政预算、决算。(市财政局牵头,市审计局配合,10月底前完成)",
        "(二)政务服务",
        "3.设置咨询窗口。(市行政审批和政务服务局负责,每月底前更新)公开办事指南。(市教育局、市公安局,全年持续推进)",
        "4.公开绩效考核结果。",
        "责任单位:市卫健委",
        "完成时限:第三季度",
        "5.开展培训。",
    ];
    for wide in [false, true] {
        let body: String = body
            .iter()
            .map(|line| p(&if wide { full(line) } else { (*line).to_owned() }))
            .collect();
        let reading = read("d.docx", &docx(&body));
        assert_eq!(reading.layout, "list");
        let numbers: Vec<&str> = reading.rows.iter().map(|r| r.number.as_str()).collect();
        assert_eq!(numbers.len(), 6, "{:#?}", reading.rows);
        let rows = &reading.rows;
        assert_eq!(
            owed(&rows[0]),
            ["city-fgw/lead", "city-zrj/support", "city-zjj/support"]
        );
        assert_eq!(due(&rows[0]), "2021-12-31");
        assert_eq!(owed(&rows[1]), ["city-czj/lead", "city-sjj/support"]);
        assert_eq!(due(&rows[1]), "2021-10-31");
        assert_eq!(owed(&rows[2]), ["city-spj/responsible"]);
        assert_eq!(rows[2].deadline.kind, Kind::Recurring);
        assert_eq!(
            owed(&rows[3]),
            ["city-jyj/responsible", "city-gaj/responsible"]
        );
        assert_eq!(rows[3].deadline.kind, Kind::Continuous);
        assert_eq!(owed(&rows[4]), ["city-wjw/responsible"]);
        assert_eq!(due(&rows[4]), "2021-09-30");
        // Nobody is named for the last one: asked, not left out.
        assert_eq!(asked(&reading, "5"), ["empty_cell"]);
        assert!(rows[0].subsection.contains("规划公开"), "{:?}", rows[0]);
    }
}

#[test]
fn word_numbers_its_lists_by_itself() {
    let numbering = r#"<w:numbering xmlns:w="w"><w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl></w:abstractNum><w:num w:numId="9"><w:abstractNumId w:val="3"/></w:num></w:numbering>"#;
    let item = |text: &str| {
        format!(
            r#"<w:p><w:pPr><w:numPr><w:ilvl w:val="0"/><w:numId w:val="9"/></w:numPr></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"#
        )
    };
    let body = format!(
        "{}{}{}",
        p("2021年任务清单"),
        item("公开规划信息,集中展示。(市发改委牵头)"),
        item("公开预算信息,集中展示。(市财政局牵头)")
    );
    let document = format!(r#"<w:document xmlns:w="w"><w:body>{body}</w:body></w:document>"#);
    let bytes = crate::made::archive(&[
        ("word/document.xml", &document),
        ("word/numbering.xml", numbering),
    ]);
    let reading = read("e.docx", &bytes);
    let rows: Vec<(&str, &str)> = reading
        .rows
        .iter()
        .map(|r| (r.number.as_str(), r.text.as_str()))
        .collect();
    assert_eq!(
        rows,
        [
            ("1", "公开规划信息,集中展示。"),
            ("2", "公开预算信息,集中展示。")
        ]
    );
}

#[test]
fn one_task_runs_over_several_lines_of_units() {
    let body = table(&[
        &["任务名称", "具体任务", "责任单位", "完成时限"],
        &["+规划公开", "+公开各类规划", "市发改委", "+2021年9月底"],
        &["^", "^", "市住建局", "^"],
        &["^", "公开历史规划", "市自然资源局", "2021年10月底"],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    assert_eq!(reading.rows.len(), 2);
    assert_eq!(
        owed(&reading.rows[0]),
        ["city-fgw/responsible", "city-zjj/responsible"]
    );
    assert_eq!(owed(&reading.rows[1]), ["city-zrj/responsible"]);
    assert_eq!(due(&reading.rows[0]), "2021-09-30");
}

#[test]
fn lines_inside_a_cell_are_names_or_halves_of_one() {
    let body = table(&[
        &["序号", "具体任务", "责任单位", "完成时限"],
        &[
            "1",
            "公开规划|信息",
            "市教育局|市公安局|市行政审批和|政务服务局",
            "2021年|12月底",
        ],
        &[
            "2",
            "公开预算",
            "牵头单位:市财政局|配合单位:市审计局、|市司法局",
            "12月|31日前",
        ],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    assert_eq!(
        owed(&reading.rows[0]),
        [
            "city-jyj/responsible",
            "city-gaj/responsible",
            "city-spj/responsible"
        ]
    );
    assert_eq!(reading.rows[0].text, "公开规划\n信息");
    assert_eq!(due(&reading.rows[0]), "2021-12-31");
    assert_eq!(
        owed(&reading.rows[1]),
        ["city-czj/lead", "city-sjj/support", "city-sfj/support"]
    );
    assert_eq!(due(&reading.rows[1]), "2021-12-31");
}

#[test]
fn an_empty_cell_that_is_not_merged_is_asked() {
    let body = table(&[
        &["序号", "具体任务", "责任单位", "完成时限"],
        &["1", "公开规划", "市发改委", "2021年9月底"],
        &["2", "公开预算", "", ""],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    let two = &reading.rows[1];
    assert!(two.units.is_empty());
    assert_eq!(two.deadline.kind, Kind::Missing);
    assert_eq!(asked(&reading, "2"), ["empty_cell", "empty_cell"]);
    // Separated values cannot merge, so the row above is proposed, and still asked.
    let csv = "序号,具体任务,责任单位,完成时限\n1,公开规划,市发改委,2021年9月底\n2,公开预算,,\n";
    let reading = read("2021年.csv", csv.as_bytes());
    let two = &reading.rows[1];
    assert_eq!(owed(two), ["city-fgw/responsible"]);
    assert!(two.units[0].supposed);
    assert_eq!(due(two), "2021-09-30");
    assert_eq!(asked(&reading, "2"), ["empty_cell", "empty_cell"]);
}

#[test]
fn separated_values_are_read_in_every_encoding_and_with_every_separator() {
    let text = "序号,类别,具体任务,责任单位,完成时限\n一,主动公开,公开规划,\"市发改委、市住建局\",2021年9月底\n二,,公开预算,市财政局,全年持续推进\n";
    let (gbk, ..) = encoding_rs::GBK.encode(text);
    let mut utf16 = vec![0xff, 0xfe];
    utf16.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let with_mark = format!("\u{feff}{text}");
    let tabs = text
        .replace("\"市发改委、市住建局\"", "市发改委、市住建局")
        .replace(',', "\t");
    for bytes in [
        text.as_bytes(),
        with_mark.as_bytes(),
        &gbk,
        &utf16,
        tabs.as_bytes(),
        text.replace('\n', "\r\n").as_bytes(),
    ] {
        let reading = read("x.csv", bytes);
        assert_eq!(reading.rows.len(), 2);
        assert_eq!(reading.rows[0].number, "1");
        assert_eq!(
            owed(&reading.rows[0]),
            ["city-fgw/responsible", "city-zjj/responsible"]
        );
        assert_eq!(reading.rows[1].section, "主动公开");
        assert_eq!(due(&reading.rows[0]), "2021-09-30");
    }
}

#[test]
fn groups_and_exceptions_are_resolved_and_what_is_unknown_is_asked() {
    let body = table(&[
        &["序号", "具体任务", "责任单位", "完成时限"],
        &["1", "甲项工作", "各旗县市区人民政府", "2021年9月底"],
        &[
            "2",
            "乙项工作",
            "市政府各部门(除市公安局、市司法局外)",
            "2021年9月底",
        ],
        &["3", "丙项工作", "市直各部门", "2021年9月底"],
        &["4", "丁项工作", "市委宣传部、市教育局", "2021年9月底"],
        &["5", "戊项工作", "市发改委牵头,有关部门配合", "2021年9月底"],
        &[
            "6",
            "己项工作",
            "科尔沁区、开鲁县、奈曼旗政府",
            "2021年9月底",
        ],
        &["7", "庚项工作", "市教育局(牵头)、市公安局", "2021年9月底"],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    let rows = &reading.rows;
    assert_eq!(rows[0].units.len(), 8);
    assert!(asked(&reading, "1").is_empty());
    assert_eq!(rows[1].units.len(), 35);
    assert!(
        rows[1]
            .units
            .iter()
            .all(|o| o.id != "city-gaj" && o.id != "city-sfj")
    );
    assert_eq!(asked(&reading, "3"), ["near_name"]);
    assert_eq!(owed(&rows[3]), ["city-jyj/responsible"]);
    assert_eq!(asked(&reading, "4"), ["unknown_unit"]);
    assert_eq!(rows[3].unresolved[0].phrase, "市委宣传部");
    assert_eq!(asked(&reading, "5"), ["open_list"]);
    assert_eq!(
        owed(&rows[5]),
        [
            "ban-horqin/responsible",
            "ban-kailu/responsible",
            "ban-naiman/responsible"
        ]
    );
    assert_eq!(owed(&rows[6]), ["city-jyj/lead", "city-gaj/responsible"]);
    assert_eq!(asked(&reading, "7"), ["two_readings"]);
}

#[test]
fn numbers_in_date_columns_are_asked() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (column, text) in ["序号", "具体任务", "责任单位", "完成时限"]
        .iter()
        .enumerate()
    {
        sheet
            .write(0, u16::try_from(column).expect("small"), *text)
            .expect("heading");
    }
    for (row, date) in [(1, 44_561.0), (2, 2021.1), (3, 2021.09)] {
        sheet.write(row, 0, row).expect("number");
        sheet.write(row, 1, "公开信息").expect("text");
        sheet.write(row, 2, "市教育局").expect("unit");
        sheet.write(row, 3, date).expect("date");
    }
    let reading = read("2021年.xlsx", &book.save_to_buffer().expect("a workbook"));
    let dates: Vec<String> = reading.rows.iter().map(due).collect();
    assert_eq!(dates, ["2021-12-31", "2021-10-31", "2021-09-30"]);
    assert_eq!(asked(&reading, "1"), ["two_readings"]);
    assert_eq!(asked(&reading, "2"), ["two_readings"]);
    assert!(asked(&reading, "3").is_empty());
}

#[test]
fn the_body_of_the_notice_may_say_another_date() {
    let body = format!(
        "{}{}{}",
        p("2021年工作要点"),
        p(
            "试点领域的市级对口部门要对基层政府工作推进情况进行抽查调度,并于2021年底前将抽查调度情况报送。"
        ),
        table(&[
            &["序号", "具体任务", "责任单位", "完成时限"],
            &[
                "1",
                "试点领域的市级对口部门要对基层政府工作推进情况进行抽查调度,并将抽查调度情况报送。",
                "市教育局",
                "2021年10月底"
            ],
            &["2", "公开预算", "市财政局", "2021年10月底"],
        ])
    );
    let reading = read("f.docx", &docx(&body));
    assert_eq!(due(&reading.rows[0]), "2021-10-31");
    assert_eq!(asked(&reading, "1"), ["two_readings"]);
    assert!(asked(&reading, "2").is_empty());
}

#[test]
fn a_table_without_a_header_is_read_by_its_content_and_asked() {
    let body = table(&[
        &["推进征地信息主动公开工作", "市自然资源局", "2021年9月底"],
        &["做好收费目录清单公开工作", "市财政局", "全年持续推进"],
        &["公开绩效考核的全部结果", "市卫健委", "2021年12月底"],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    assert_eq!(reading.rows.len(), 3);
    assert_eq!(owed(&reading.rows[2]), ["city-wjw/responsible"]);
    assert!(reading.questions.iter().any(|q| q.code == "no_header"));
}

#[test]
fn numbers_that_begin_anew_in_each_section_stay_apart() {
    let body = table(&[
        &["序号", "具体任务", "责任单位", "完成时限"],
        &[">4 一、主动公开"],
        &["1", "公开规划", "市发改委", "2021年9月底"],
        &[">4 二、依申请公开"],
        &["1", "答复申请", "市司法局", "2021年9月底"],
    ]);
    let reading = read("2021年.docx", &docx(&body));
    let numbers: Vec<&str> = reading.rows.iter().map(|r| r.number.as_str()).collect();
    assert_eq!(numbers, ["1", "1-2"]);
    assert!(
        reading
            .questions
            .iter()
            .any(|q| q.code == "duplicate_number")
    );
}
