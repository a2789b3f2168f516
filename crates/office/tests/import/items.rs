//! Tasks in running text: numbered by levels, with their units in brackets, behind them or below.

use crate::made::{asked, docx, due, owed, p, read, table};
use duban_office::deadline::Kind;

fn numbers(reading: &duban_office::Reading) -> Vec<&str> {
    reading.rows.iter().map(|r| r.number.as_str()).collect()
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
fn items_that_say_who_without_brackets() {
    let body: String = [
        "关于2024年重点工作任务分工的通知",
        "1.推进改革,压减时限。【牵头单位:市行政审批和政务服务局;配合单位:市财政局;时限:6月底】",
        "2.做好双拥工作。【市退役军人局】",
        "3、完善应急体系。责任单位:市应急局;完成时间:9月底。",
    ]
    .map(p)
    .concat();
    let reading = read("a.docx", &docx(&body));
    assert_eq!(reading.rows[2].text, "完善应急体系。");
    assert_eq!(owed(&reading.rows[2]), ["city-yjj/responsible"]);
    assert_eq!(due(&reading.rows[2]), "2024-09-30");
    assert_eq!(owed(&reading.rows[1]), ["city-tyjrj/responsible"]);
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
