//! Documents as offices really write them: title blocks, notes, stray numbering, tracked changes,
//! hidden rows; and what a clerk would say they mean.

use crate::made::{asked, docx, due, owed, p, read, table};
use duban_office::deadline::{Every, Kind};
use encoding_rs::{GB18030, GBK};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet};

fn write(sheet: &mut Worksheet, first: u32, rows: &[&[&str]]) {
    for (r, row) in (first..).zip(rows) {
        for (c, text) in (0..).zip(*row) {
            if !text.is_empty() {
                sheet.write(r, c, *text).expect("a cell");
            }
        }
    }
}

fn numbers(reading: &duban_office::Reading) -> Vec<&str> {
    reading.rows.iter().map(|r| r.number.as_str()).collect()
}

fn aside<'a>(reading: &'a duban_office::Reading, read: &str) -> Vec<&'a str> {
    let asides = reading.asides.iter().filter(|a| a.read == read);
    asides.map(|a| a.found.as_str()).collect()
}

#[test]
fn a_ledger_on_the_second_sheet_between_a_title_block_and_notes() {
    let mut book = Workbook::new();
    let plain = Format::new();
    let sheet = book.add_worksheet();
    sheet.set_name("填表说明").expect("a name");
    write(
        sheet,
        0,
        &[
            &["填表说明"],
            &["1.本表由各责任单位填写,每月25日前报送市政府督查室。"],
            &["2.“进展情况”应当写明数据。"],
        ],
    );
    let sheet = book.add_worksheet();
    sheet.set_name("任务清单").expect("a name");
    let title = "通辽市2024年优化营商环境重点任务督办台账";
    sheet.merge_range(1, 0, 1, 9, title, &plain).expect("title");
    write(
        sheet,
        0,
        &[
            &["附件1"],
            &[],
            &["填报单位(盖章):市政府督查室", "", "填报日期:2024年3月5日"],
            &[
                "序号",
                "重点任务",
                "具体举措",
                "牵头单位",
                "配合单位",
                "责任人",
                "联系电话",
                "完成时限",
                "进展情况",
                "备注",
            ],
            &[
                "1",
                "一网通办",
                "公布事项目录\n1.完善指南;\n2.压减时限30%。",
                "市行政审批和政务服务局",
                "市发改委 市财政局",
                "李四",
                "13800000000",
                "",
                "正在推进",
                "",
            ],
            &[
                "2",
                "",
                "开展减证便民行动",
                "市司法局",
                "各有关部门",
                "",
                "",
                "长期坚持",
            ],
            &[
                "3",
                "",
                "建立恳谈会制度",
                "市发改委",
                "",
                "",
                "",
                "每季度首月15日前",
            ],
            &["注:1.每半年报送一次进展。"],
            &["    2.“★”为重点督办事项。"],
            &["审核人:孙七", "", "", "", "", "", "", "填表人:周八"],
        ],
    );
    let day = ExcelDateTime::from_ymd(2024, 6, 30).expect("a date");
    let as_date = Format::new().set_num_format("yyyy\"年\"m\"月\"d\"日\"");
    sheet.write_with_format(4, 7, day, &as_date).expect("date");
    sheet
        .merge_range(4, 1, 6, 1, "一网通办", &plain)
        .expect("name");
    sheet.set_row_hidden(5).expect("a row");
    sheet.set_column_hidden(8).expect("a column");
    let reading = read("a.xlsx", &book.save_to_buffer().expect("a workbook"));
    assert_eq!(reading.heading.title.as_deref(), Some(title));
    // 填报日期 is the day the form was filled in, not that of a document.
    assert_eq!(reading.heading.issued, None);
    assert_eq!(numbers(&reading), ["1", "2", "3"]);
    let [one, two, three] = &reading.rows[..] else {
        panic!()
    };
    assert_eq!(one.text, "公布事项目录\n1.完善指南;\n2.压减时限30%。");
    assert_eq!(
        owed(one),
        ["city-spj/lead", "city-fgw/support", "city-czj/support"]
    );
    assert_eq!(due(one), "2024-06-30");
    let kept: Vec<&str> = one.other.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(kept, ["责任人", "联系电话", "进展情况"]);
    assert_eq!(asked(&reading, "2"), ["open_list"]);
    assert_eq!(
        (three.deadline.every, three.deadline.day),
        (Some(Every::Quarter), Some(15))
    );
    assert_eq!(two.section, "一网通办");
    assert_eq!(aside(&reading, "note").len(), 3, "{:#?}", reading.asides);
    let hidden = |what: &str| reading.unread.iter().any(|line| line.contains(what));
    assert!(hidden("隐藏的行(6)"), "{:?}", reading.unread);
    assert!(hidden("隐藏的列(I)"), "{:?}", reading.unread);
}

#[test]
fn three_header_rows_and_the_year_in_chinese_numerals() {
    let mut book = Workbook::new();
    let plain = Format::new();
    let sheet = book.add_worksheet();
    let title = "二〇二四年度政府工作报告重点任务分解表";
    sheet.merge_range(0, 0, 0, 8, title, &plain).expect("title");
    for (rows, columns, text) in [
        ((2, 4), (0, 0), "序号"),
        ((2, 2), (1, 2), "任务"),
        ((3, 4), (1, 1), "类别"),
        ((3, 4), (2, 2), "内容"),
        ((2, 2), (3, 5), "责任分工"),
        ((3, 4), (3, 3), "市领导"),
        ((3, 3), (4, 5), "单位"),
        ((2, 2), (6, 7), "时间进度"),
        ((3, 4), (6, 6), "启动时间"),
        ((3, 4), (7, 7), "完成时间"),
        ((2, 4), (8, 8), "备注"),
    ] {
        sheet
            .merge_range(rows.0, columns.0, rows.1, columns.1, text, &plain)
            .expect("heading");
    }
    sheet.write(4, 4, "牵头").expect("heading");
    sheet.write(4, 5, "配合").expect("heading");
    let unit = "单位:通辽市人民政府办公室          2024年2月20日";
    write(sheet, 1, &[&[unit]]);
    write(
        sheet,
        5,
        &[
            &[
                "1",
                "经济",
                "新增工业企业10户",
                "张市长",
                "市工信局",
                "市统计局",
                "3月",
                "12月底",
            ],
            &[
                "2",
                "民生",
                "新建公园8处",
                "李市长",
                "市住建局、市城管局",
                "科尔沁区人民政府",
                "4月",
                "10月中旬",
            ],
        ],
    );
    let reading = read("a.xlsx", &book.save_to_buffer().expect("a workbook"));
    assert_eq!(reading.heading.year, Some(2024));
    let [one, two] = &reading.rows[..] else {
        panic!("{:#?}", reading.asides)
    };
    assert_eq!(owed(one), ["city-gxj/lead", "city-tjj/support"]);
    assert_eq!(
        (due(one), due(two)),
        ("2024-12-31".into(), "2024-10-20".into())
    );
    assert_eq!(
        owed(two),
        ["city-zjj/lead", "city-cgj/lead", "ban-horqin/support"]
    );
    assert!(
        one.other
            .contains(&("时间进度/启动时间".into(), "3月".into()))
    );
    assert!(reading.questions.is_empty(), "{:#?}", reading.questions);
}

#[test]
fn a_header_whose_words_no_list_has_is_a_header_all_the_same() {
    for (work, asks) in [
        ("改革任务", false),
        ("整治任务", false),
        ("建设内容", false),
        ("案由", false),
        ("议定的事情", true),
    ] {
        let body = p("2024年台账")
            + &table(&[
                &["序号", work, "承办单位", "办结时限", "责任人"],
                &[
                    "（一）",
                    "完善要素配置机制的改革",
                    "市发改委",
                    "２０２４年９月底前",
                    "张三",
                ],
                &[
                    "（二）",
                    "深化国企改革的行动",
                    "市财政局|市司法局",
                    "6月—9月",
                    "",
                ],
                // The next page repeats the header.
                &["序号", work, "承办单位", "办结时限", "责任人"],
                &[
                    "（三）",
                    "健全信用体系的工作",
                    "市发改委/市市场监管局",
                    "立即",
                    "",
                ],
            ]);
        let reading = read("a.docx", &docx(&body));
        assert_eq!(numbers(&reading), ["1", "2", "3"], "{work}");
        assert_eq!(due(&reading.rows[0]), "2024-09-30");
        assert_eq!(owed(&reading.rows[1]).len(), 2);
        assert_eq!(owed(&reading.rows[2]).len(), 2);
        assert_eq!(aside(&reading, "repeated_header").len(), 1);
        let asked = reading.questions.iter().any(|q| q.code == "no_header");
        assert_eq!(asked, asks, "{work}: {:#?}", reading.questions);
    }
}

#[test]
fn stages_are_no_deadline_and_are_asked() {
    let body = p("2024年重点项目推进计划表")
        + &table(&[
            &[
                "序号",
                "项目名称",
                "责任单位",
                "第一季度",
                "第二季度",
                "第三季度",
                "第四季度",
                "备注",
            ],
            &[
                "1",
                "体育馆建设",
                "市体育局",
                "完成立项",
                "开工建设",
                "主体封顶",
                "竣工验收",
                "",
            ],
        ]);
    let reading = read("a.docx", &docx(&body));
    assert_eq!(reading.rows[0].text, "体育馆建设");
    assert_eq!(reading.rows[0].other.len(), 4);
    let codes: Vec<&str> = reading.questions.iter().map(|q| q.code).collect();
    assert_eq!(codes, ["stages", "no_column"]);
}

#[test]
fn numbers_of_every_sort_stay_what_they_are() {
    let body = p("2024年台账")
        + &table(&[
            &["序号", "任务内容", "责任单位", "完成时限"],
            &["001", "公开目录", "市司法局", "6月底"],
            &["1.1", "公开指南", "市司法局", "6月底"],
            &["1.2", "1.2 公开年报", "市司法局", "6月底"],
            &["二-3", "公开清单", "市司法局", "6月底"],
            &["④", "公开规划", "市司法局", "6月底"],
            &["5.", "公开计划", "市司法局", "6月底"],
            &["６、", "公开总结", "市司法局", "6月底"],
            &["一", "公开简报", "市司法局", "6月底"],
            &["第九项", "公开名录", "市司法局", "6月底"],
            &["DB-2024-010", "公开办法", "市司法局", "6月底"],
        ]);
    let reading = read("a.docx", &docx(&body));
    assert_eq!(
        numbers(&reading),
        [
            "001",
            "1.1",
            "1.2",
            "2-3",
            "4",
            "5",
            "6",
            "1",
            "9",
            "DB-2024-010"
        ]
    );
    assert_eq!(reading.rows[2].text, "公开年报");
}

#[test]
fn a_form_keeps_its_number_and_what_leaders_wrote() {
    let form = |number: &str, name: &str, content: &str, due: &str| {
        table(&[
            &["事项编号", number, "事项名称", name],
            &["工作内容", &format!(">3 {content}")],
            &["牵头单位", ">3 市住建局"],
            &["配合单位", ">3 市财政局|市城管局"],
            &["责任人", "李四", "联系电话", "0475-0000000"],
            &["完成时限", due, "办理情况", ""],
            &["市领导批示", ">3 请抓紧落实。"],
        ])
    };
    let body = p("附件2:2024年重点督办事项任务书")
        + &form(
            "DB-2024-001",
            "老旧小区改造项目",
            "改造32个小区。|惠及5600户。",
            "10月底前",
        )
        + &p("")
        + &form("DB-2024-002", "供水工程", "提升15处。", "每月10日前");
    let reading = read("a.docx", &docx(&body));
    assert_eq!(
        reading.heading.title.as_deref(),
        Some("2024年重点督办事项任务书")
    );
    assert_eq!(numbers(&reading), ["DB-2024-001", "DB-2024-002"]);
    let [one, two] = &reading.rows[..] else {
        panic!()
    };
    assert_eq!(one.section, "老旧小区改造项目");
    assert_eq!(one.text, "改造32个小区。\n惠及5600户。");
    assert_eq!(
        owed(one),
        ["city-zjj/lead", "city-czj/support", "city-cgj/support"]
    );
    let other: Vec<&str> = one.other.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(other, ["责任人", "联系电话", "市领导批示"]);
    assert_eq!(two.deadline.day, Some(10));
}

#[test]
fn a_list_numbered_by_levels_with_units_in_any_bracket() {
    let body: String = [
        "通辽市人民政府办公室",
        "关于印发2024年政务公开工作要点的通知",
        "各旗县市区人民政府,市直各有关部门:",
        "一、加强重点领域公开",
        "(一)推进规划公开。主动公开国土空间规划。〔责任单位:市自然资源局;完成时限:2024年6月底前〕",
        "1.1 公开预算决算。(市财政局牵头,市政府各部门按职责分工负责;8月31日前完成)",
        "1.2 公开专项资金(责任单位:市财政局、市审计局等有关部门;完成时限:常态化)",
        "三、保障措施",
        "各地各部门要高度重视,加强组织领导,确保任务落实。",
        "联系人:张三    联系电话:0475-0000000",
        "2024年3月18日",
    ]
    .map(p)
    .concat();
    let reading = read("a.docx", &docx(&body));
    assert_eq!(numbers(&reading), ["1", "1.1", "1.2"]);
    let budget = &reading.rows[1];
    assert_eq!(budget.text, "公开预算决算。");
    // The lead owes it once, though it is one of all departments.
    let finance: Vec<String> = owed(budget)
        .into_iter()
        .filter(|o| o.contains("city-czj"))
        .collect();
    assert_eq!(finance, ["city-czj/lead"]);
    assert_eq!(asked(&reading, "1.2"), ["open_list"]);
    assert_eq!(reading.rows[2].deadline.kind, Kind::Continuous);
}

#[test]
fn measures_stand_on_lines_of_their_own_with_their_units_below() {
    let body: String = [
        "2024年整改落实清单",
        "问题一:学用结合不够紧密。",
        "整改措施:开展专题培训2期。",
        "责任单位:市教育局",
        "责任人:张三",
        "完成时限:2024年5月底",
        "问题二:调查研究不够深入。",
        "整改措施:领导干部下基层。",
        "责任单位:市政府办",
        "完成时限:立行立改,长期坚持",
    ]
    .map(p)
    .concat();
    let reading = read("a.docx", &docx(&body));
    let texts: Vec<&str> = reading.rows.iter().map(|r| r.text.as_str()).collect();
    assert_eq!(texts, ["开展专题培训2期。", "领导干部下基层。"]);
    assert_eq!(owed(&reading.rows[0]), ["city-jyj/responsible"]);
    assert_eq!(due(&reading.rows[0]), "2024-05-31");
    assert_eq!(asked(&reading, "2"), ["two_readings"]);
}

#[test]
fn separated_values_with_a_title_block_rare_characters_and_a_sum() {
    let text = "附件3,,,,,\r\n2024年安全生产整治任务清单,,,,,\r\n填报单位:市应急局,,,填报时间:2024.3.1,,\r\n编号,整治任务,主责单位,协办单位,整改期限,备注\r\n001,开展燃气安全“回头看”,市住建局,\"市市场监管局,市应急局\",2024/4/30,\r\n002,治理地质灾害隐患点,市自然资源局,,4月底,\r\n003,\"排查消防通道\n1.小区;\n2.商场。\",市公安局,,5月1日至10月31日,\r\n合计,3项,,,,\r\n注:以上任务实行销号管理。,,,,,\r\n";
    let rare = text.replace("隐患点", "隐患点“㙟”");
    for (bytes, text) in [
        (GBK.encode(text).0.into_owned(), text),
        (GB18030.encode(&rare).0.into_owned(), &rare),
        ([b"\xef\xbb\xbf", rare.as_bytes()].concat(), &rare),
    ] {
        let reading = read("a.csv", &bytes);
        assert_eq!(numbers(&reading), ["001", "002", "003"]);
        assert_eq!(reading.heading.year, Some(2024));
        assert_eq!(reading.rows[2].text, "排查消防通道\n1.小区;\n2.商场。");
        assert_eq!(reading.rows[1].text.contains('㙟'), text.contains('㙟'));
        assert_eq!(
            owed(&reading.rows[0]),
            ["city-zjj/lead", "city-scjgj/support", "city-yjj/support"]
        );
        assert_eq!(
            (reading.rows[2].deadline.kind, due(&reading.rows[2])),
            (Kind::Period, "2024-10-31".to_owned())
        );
        assert_eq!(aside(&reading, "note").len(), 2);
    }
}

#[test]
fn a_notice_with_tasks_in_its_text_and_a_table_beside_is_asked() {
    let body = p("2024年任务分工")
        + &p("一、公开规划。(责任单位:市自然资源局;完成时限:2024年6月底前)")
        + &p("二、公开预算。(责任单位:市财政局)")
        + &table(&[
            &["单位", "联系人", "联系电话"],
            &["市教育局", "张三", "0475-0000000"],
            &["市司法局", "李四", "0475-0000001"],
        ])
        + &table(&[
            &["任务", "措施", "责任单位", "时限"],
            &["+规划", "公开规划图", "市自然资源局", "6月底"],
            &["^", "公开规划文本", "市自然资源局", "近期"],
        ]);
    let reading = read("a.docx", &docx(&body));
    assert_eq!(reading.rows.len(), 2);
    let codes: Vec<&str> = reading.questions.iter().map(|q| q.code).collect();
    // The table of contacts, the text beside, and 近期.
    assert_eq!(codes, ["no_header", "tasks_beside_table", "unreadable"]);
}

#[test]
fn units_however_they_are_parted() {
    let rows: &[(&str, &[&str])] = &[
        (
            "牵头:市财政局|配合:市工信局、市司法局",
            &["city-czj/lead", "city-gxj/support", "city-sfj/support"],
        ),
        (
            "市财政局 市司法局　市审计局",
            &[
                "city-czj/responsible",
                "city-sfj/responsible",
                "city-sjj/responsible",
            ],
        ),
        (
            "市财政局,市司法局;市审计局/市教育局",
            &[
                "city-czj/responsible",
                "city-sfj/responsible",
                "city-sjj/responsible",
                "city-jyj/responsible",
            ],
        ),
        (
            "市财政局等有关部门按职责分工负责",
            &["city-czj/responsible"],
        ),
        ("按职责分工负责", &[]),
        ("各有关单位", &[]),
    ];
    for (units, expected) in rows {
        let body = p("2024年台账")
            + &table(&[
                &["序号", "任务", "责任分工", "时限要求"],
                &["1", "建设政务云平台", units, "2024年7、8月"],
            ]);
        let reading = read("a.docx", &docx(&body));
        assert_eq!(owed(&reading.rows[0]), *expected, "{units}");
        assert_eq!(due(&reading.rows[0]), "2024-08-31");
        let open = units.contains("有关") || expected.is_empty();
        assert_eq!(
            !asked(&reading, "1").is_empty(),
            open,
            "{units}: {:#?}",
            reading.questions
        );
        let unknown = reading.rows[0].unresolved.iter().any(|u| !u.vague);
        assert!(!unknown, "{units}: {:#?}", reading.rows[0].unresolved);
    }
}
