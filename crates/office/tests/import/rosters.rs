//! Lists of units and people as offices keep them.

use duban_model::directory::{Contact, Unit};
use duban_office::roster::{Roster, read_units};
use encoding_rs::GBK;
use rust_xlsxwriter::{Format, Workbook};

fn read(file: &str, bytes: &[u8]) -> Roster {
    let roster = read_units(file, bytes, "office", None).unwrap_or_else(|fault| panic!("{fault}"));
    assert!(
        roster.agrees(),
        "{} rows: {:#?}",
        roster.rows_in,
        roster.asides
    );
    roster
}

fn unit<'a>(roster: &'a Roster, name: &str) -> &'a Unit {
    let mut units = roster.directory.units.values();
    units.find(|u| u.name == name).expect("the unit")
}

/// Contacts as `title mail`.
fn shown(contacts: &[Contact]) -> Vec<String> {
    let one = |c: &Contact| format!("{} {}", c.title, c.mail.as_deref().unwrap_or("-"));
    contacts.iter().map(one).collect()
}

fn codes(roster: &Roster) -> Vec<&str> {
    roster.questions.iter().map(|q| q.code).collect()
}

#[test]
fn leaders_contacts_and_their_telephones_stand_beside_each_other() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let plain = Format::new();
    sheet
        .merge_range(0, 0, 0, 9, "2024年政务公开联络员通讯录", &plain)
        .expect("title");
    let rows: &[&[&str]] = &[
        &[
            "序号",
            "单位名称",
            "分管领导",
            "职务",
            "手机",
            "联络员",
            "职务",
            "办公电话",
            "手机",
            "邮箱",
        ],
        &[
            "1",
            "市教育局",
            "王某",
            "副局长",
            "13800000000",
            "李某\n赵某",
            "办公室主任\n科员",
            "0475-0000000",
            "138\n139",
            "jyj@example.gov.cn\njyj2@example.gov.cn",
        ],
        &[
            "2",
            "市公安局",
            "孙某",
            "副局长",
            "",
            "周某",
            "",
            "",
            "",
            "gaj@example.gov.cn",
        ],
        &["3", "市司法局", "", "", "", "吴某", "科长", "", "", ""],
        &["注:联络员变动的请及时告知。"],
    ];
    for (r, row) in (1..).zip(rows) {
        for (c, text) in (0..).zip(*row).filter(|(_, text)| !text.is_empty()) {
            sheet.write(r, c, *text).expect("a cell");
        }
    }
    let roster = read("a.xlsx", &book.save_to_buffer().expect("a workbook"));
    let education = unit(&roster, "市教育局");
    // Persons' names are not taken over.
    assert_eq!(
        shown(&education.contacts),
        ["办公室主任 jyj@example.gov.cn", "科员 jyj2@example.gov.cn"]
    );
    assert_eq!(
        education.leader.as_ref().map(|l| l.title.as_str()),
        Some("副局长")
    );
    assert_eq!(
        shown(&unit(&roster, "市公安局").contacts),
        ["联络员 gaj@example.gov.cn"]
    );
    assert_eq!(shown(&unit(&roster, "市司法局").contacts), ["科长 -"]);
    assert_eq!(codes(&roster), ["no_mail"]);
    assert!(roster.questions[0].found.contains("市司法局"));
    assert_eq!(roster.directory.units.len(), 3);
}

#[test]
fn merged_units_with_substitutes_in_columns_or_rows() {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let plain = Format::new();
    for (c, text) in (0..).zip(["单位", "A角", "邮箱", "B角", "邮箱", "备注"]) {
        sheet.write(0, c, text).expect("heading");
    }
    sheet
        .merge_range(1, 0, 2, 0, "市财政局", &plain)
        .expect("unit");
    sheet.write(1, 1, "张某").expect("name");
    sheet.write(1, 2, "a@example.gov.cn").expect("mail");
    sheet.write(1, 3, "李某").expect("name");
    sheet.write(1, 4, "b@example.gov.cn").expect("mail");
    sheet.write(2, 1, "王某").expect("name");
    sheet.write(2, 2, "c@example.gov.cn").expect("mail");
    let roster = read("a.xlsx", &book.save_to_buffer().expect("a workbook"));
    assert_eq!(
        shown(&unit(&roster, "市财政局").contacts),
        [
            "联络员 a@example.gov.cn",
            "联络员(备用) b@example.gov.cn",
            "联络员 c@example.gov.cn"
        ]
    );
    assert_eq!(roster.unused, ["备注"]);
}

#[test]
fn a_phone_list_in_gbk_with_several_people_in_a_cell() {
    let text = "单位通讯录,,,\r\n部门名称,联系人,联系电话,电子信箱\r\n市教育局,张某、李某(B角),0475-0000000,\"a@example.gov.cn;b@example.gov.cn\"\r\n市公安局,王某 13800000000 c@example.gov.cn,,\r\n市司法局,赵某、钱某,,d@example.gov.cn\r\n市审计局,孙某,0475-0000001,无\r\n市财政局,周某,,0475-0000002\r\n";
    let roster = read("a.csv", &GBK.encode(text).0);
    assert_eq!(
        shown(&unit(&roster, "市教育局").contacts),
        ["联络员 a@example.gov.cn", "联络员(备用) b@example.gov.cn"]
    );
    assert_eq!(
        shown(&unit(&roster, "市公安局").contacts),
        ["联络员 c@example.gov.cn"]
    );
    // Two people and one address: the first has it, and it is asked.
    assert_eq!(
        shown(&unit(&roster, "市司法局").contacts),
        ["联络员 d@example.gov.cn", "联络员 -"]
    );
    assert_eq!(shown(&unit(&roster, "市审计局").contacts), ["联络员 -"]);
    assert_eq!(shown(&unit(&roster, "市财政局").contacts), ["联络员 -"]);
    assert_eq!(codes(&roster), ["two_readings", "bad_mail", "no_mail"]);
    assert_eq!(roster.unused, ["联系电话"]);
}
