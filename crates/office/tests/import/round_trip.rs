//! What is written is read again as it was: every document that these tests make, and ledgers drawn
//! at random.

use chrono::{DateTime, NaiveDate};
use duban_model::definition::{MergedCell, Role};
use duban_model::id::is_plain_id;
use duban_office::deadline::Kind;
use duban_office::export::csv::Encoding;
use duban_office::export::{
    Duty, Evidence, Heading, Ledger, Light, Notice, Part, Row, Stage, csv, docx, xlsx,
};
use duban_office::{Reading, Wishes, read_ledger};
use proptest::prelude::*;
use proptest::sample::select;

use crate::made::directory;

fn heading(title: &str, year: i32) -> Heading {
    Heading {
        ledger: format!("tongliao-{year}"),
        title: title.to_owned(),
        issuer: "通辽市政务公开工作领导小组".to_owned(),
        number: "通政公字【2021】1号".to_owned(),
        year,
        issued: NaiveDate::from_ymd_opt(year, 6, 28).expect("a day"),
        as_of: DateTime::parse_from_rfc3339("2021-12-01T09:10:00+08:00").expect("an instant"),
    }
}

/// A duty that says much, and nothing that should be taken for a task.
fn duty(task: &str, text: &str) -> Duty {
    let at = DateTime::parse_from_rfc3339("2021-11-12T09:10:00+08:00").expect("an instant");
    Duty {
        id: format!("tongliao-2021/{task}/ban-kailu/responsible"),
        task: task.to_owned(),
        title: "公开规划".to_owned(),
        unit: "ban-kailu".to_owned(),
        name: "开鲁县".to_owned(),
        full_name: "开鲁县人民政府".to_owned(),
        role: Role::Responsible,
        period: None,
        stage: Stage::Open,
        light: Light::Red,
        stopped: false,
        due: NaiveDate::from_ymd_opt(2021, 10, 31),
        due_at: None,
        done: None,
        late: false,
        evidence: vec![Evidence {
            counts_for: "规划".to_owned(),
            title: text.to_owned(),
            kind: "专项规划".to_owned(),
            on: at.date_naive(),
            link: Some("https://www.tongliao.example/1.html?a=1&b=2".to_owned()),
        }],
        missing: vec![text.to_owned(), "市教育局牵头".to_owned()],
        notice: Some(Notice {
            at,
            told: "督办(超期5个工作日),发给市教育局:已送达".to_owned(),
        }),
        changes: vec![
            "2021-10-18 延期:2021-10-31改为2021-11-15".to_owned(),
            text.to_owned(),
        ],
        remarks: vec!["2021-08-02 报告进展,市财政局配合".to_owned()],
    }
}

/// A file with what an import of it is told its name is.
fn files(ledger: &Ledger) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("a.xlsx", xlsx::write(ledger, Part::Both).expect("xlsx")),
        ("a.docx", docx::write(ledger, Part::Both).expect("docx")),
        (
            "a.csv",
            csv::write(ledger, Part::Both, Encoding::Utf8Marked),
        ),
        (
            "a.gb.csv",
            csv::write(ledger, Part::Tasks, Encoding::Gb18030),
        ),
    ]
}

fn read(file: &str, bytes: &[u8]) -> Reading {
    let reading = read_ledger(file, bytes, directory(), &Wishes::default());
    let reading = reading.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(reading.counts.agree(), "{file}: {:?}", reading.counts);
    reading
}

/// A reading as a ledger that runs, each row with a duty.
fn running(reading: &Reading, year: i32) -> Ledger {
    let rows = reading.rows.iter().map(|row| Row {
        id: row.number.clone(),
        section: row.section.clone(),
        subsection: row.subsection.clone(),
        text: row.text.clone(),
        units_phrase: row.units_phrase.clone(),
        deadline_phrase: row.deadline.phrase.clone(),
        due: row.deadline.date,
        merged: row.merged.clone(),
        confirm: vec!["是否还有其他单位?".to_owned()],
        duties: vec![duty(&row.number, "=1+1")],
    });
    let title = reading.heading.title.as_deref().unwrap_or("重点事项");
    Ledger::new(heading(title, year), rows.collect(), Vec::new())
}

/// Writes what was read, and requires that it is read again as it was.
pub fn comes_back(reading: &Reading) {
    let Some(year) = reading.heading.year else {
        return;
    };
    if reading.rows.iter().any(|row| !is_plain_id(&row.number)) {
        return;
    }
    let ledger = running(reading, year);
    for (file, bytes) in files(&ledger) {
        let again = read(file, &bytes);
        assert_eq!(again.rows.len(), reading.rows.len(), "{file}");
        for (row, before) in again.rows.iter().zip(&reading.rows) {
            let place = format!("{file}, row {}", before.number);
            assert_eq!(row.number, before.number, "{place}");
            assert_eq!(row.section, before.section, "{place}");
            assert_eq!(row.subsection, before.subsection, "{place}");
            assert_eq!(row.text, before.text, "{place}");
            assert_eq!(row.units_phrase, before.units_phrase, "{place}");
            let owed = |row: &duban_office::reading::Row| -> std::collections::BTreeSet<_> {
                let units = row.units.iter();
                units.map(|o| (o.id.clone(), o.role)).collect()
            };
            assert_eq!(owed(row), owed(before), "{place}");
            assert_eq!(row.deadline.phrase, before.deadline.phrase, "{place}");
            // Without a column for it there was no date; now its cell is empty.
            let is_open = |kind| matches!(kind, Kind::None | Kind::Missing);
            if !(row.deadline.phrase.is_empty() && is_open(before.deadline.kind)) {
                assert_eq!(row.deadline.kind, before.deadline.kind, "{place}");
            }
            assert_eq!(row.deadline.date, before.deadline.date, "{place}");
            assert_eq!(row.encouraged, before.encouraged, "{place}");
        }
        assert_eq!(again.heading.year, Some(year), "{file}");
        assert_eq!(
            again.heading.title.as_deref(),
            Some(ledger.heading.title.as_str()),
            "{file}"
        );
    }
}

/// Texts as ledgers have them, and as nobody would write them.
fn text() -> impl Strategy<Value = String> {
    let part = select(vec![
        "公开规划",
        "1.公开",
        "3.5%的",
        "(一)清单",
        "12月底",
        "=1+1",
        "+",
        "-",
        "@SUM(A1)",
        "'引'",
        "“四办”",
        "a,b",
        "说\"话\"",
        "<w:p>&amp;",
        "市教育局牵头",
        "。",
        ";",
        "、",
        "第1项",
        "2021年",
        "序号",
        "备注",
        "①",
        "12",
        "_x000D_",
        "\u{20000}",
        "公开\n1.",
        "清单;\n(二)",
        "\n",
        "1.1 ",
    ]);
    // What an import gives: no line is empty or has spaces around it.
    prop::collection::vec(part, 1..4).prop_map(|parts| {
        let text = parts.concat();
        let lines = text.split('\n').map(str::trim).filter(|l| !l.is_empty());
        let text = lines.collect::<Vec<_>>().join("\n");
        if text.is_empty() {
            "公开".to_owned()
        } else {
            text
        }
    })
}

fn row() -> impl Strategy<Value = (String, String, String, String, String, Vec<MergedCell>)> {
    let section = select(vec![
        "一、紧扣重点领域信息",
        "二、紧扣政策落地",
        "优化营商环境",
    ]);
    let subsection = select(vec!["(一)强化公开", "(二)推进公开", "规范收费", ""]);
    let units = select(vec![
        "市教育局",
        "旗县(市、区)政府、开发区管委会;市政府各部门",
        "市行政审批和政务服务局牵头,市财政局配合",
        "",
    ]);
    let deadline = select(vec![
        "2021年12月底",
        "全年持续推进",
        "适时推进",
        "10月31日前",
        "",
    ]);
    let merged = prop::sample::subsequence(vec![MergedCell::Units, MergedCell::Deadline], 0..=2);
    (section, subsection, text(), units, deadline, merged).prop_map(
        |(section, subsection, text, units, deadline, merged)| {
            let own = |text: &str| text.to_owned();
            (
                own(section),
                own(subsection),
                text,
                own(units),
                own(deadline),
                merged,
            )
        },
    )
}

fn ledger(
    ids: &[String],
    rows: Vec<(String, String, String, String, String, Vec<MergedCell>)>,
) -> Ledger {
    let rows = ids.iter().zip(rows).map(|(id, drawn)| {
        let (section, subsection, text, units_phrase, deadline_phrase, merged) = drawn;
        Row {
            id: id.clone(),
            section,
            subsection,
            duties: vec![duty(id, &text)],
            text,
            units_phrase,
            deadline_phrase,
            due: None,
            merged,
            confirm: Vec::new(),
        }
    });
    Ledger::new(heading("2021年重点事项", 2021), rows.collect(), Vec::new())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_ledger_comes_back_in_every_format(
        rows in prop::collection::vec(row(), 1..8),
        numbering in select(vec!["A-", "", "00", "1.", "2-"]),
    ) {
        let ids: Vec<String> = (1..=rows.len())
            .map(|n| format!("{numbering}{n}"))
            .collect();
        let ledger = ledger(&ids, rows);
        for (file, bytes) in files(&ledger) {
            let again = read(file, &bytes);
            let seen: Vec<_> = again.rows.iter().map(|row| (
                row.number.as_str(), row.section.as_str(), row.subsection.as_str(), row.text.as_str(),
                row.units_phrase.as_str(), row.deadline.phrase.as_str(),
            )).collect();
            let written: Vec<_> = ledger.rows.iter().map(|row| (
                row.id.as_str(), row.section.as_str(), row.subsection.as_str(), row.text.as_str(),
                row.units_phrase.as_str(), row.deadline_phrase.as_str(),
            )).collect();
            prop_assert_eq!(seen, written, "{}", file);
            // No cell had to be taken from the row above.
            prop_assert!(again.questions.iter().all(|q| !q.question.contains("上一行“")), "{}: {:?}", file, again.questions);
            prop_assert_eq!(again.heading.number.as_deref(), Some("通政公字【2021】1号"));
            prop_assert_eq!(again.heading.issued, NaiveDate::from_ymd_opt(2021, 6, 28));
            prop_assert_eq!(again.heading.ledger.as_deref(), Some("tongliao-2021"));
            if !file.ends_with("csv") {
                let merged: Vec<_> = again.rows.iter().map(|row| row.merged.clone()).collect();
                let expected: Vec<_> = ledger.rows.iter().map(|row| {
                    // An empty cell is merged with nothing that could be read.
                    row.merged.iter().copied().filter(|cell| match cell {
                        MergedCell::Units => !row.units_phrase.is_empty(),
                        MergedCell::Deadline => !row.deadline_phrase.is_empty(),
                    }).collect::<Vec<_>>()
                }).collect();
                prop_assert_eq!(merged, expected, "{}", file);
            }
        }
    }

    #[test]
    fn the_same_ledger_gives_the_same_bytes(rows in prop::collection::vec(row(), 1..4)) {
        let ids: Vec<String> = (1..=rows.len()).map(|n| n.to_string()).collect();
        let ledger = ledger(&ids, rows);
        prop_assert_eq!(files(&ledger), files(&ledger.clone()));
    }
}

#[test]
fn added_columns_and_tables_are_told_and_are_no_tasks() {
    let text = "1.公开".to_owned();
    let row = (
        "一、公开".to_owned(),
        String::new(),
        text,
        "市教育局".to_owned(),
        "2021年12月底".to_owned(),
        Vec::new(),
    );
    let ledger = ledger(&["1".to_owned()], vec![row]);
    for (file, bytes) in files(&ledger) {
        let reading = read(file, &bytes);
        assert_eq!(reading.rows.len(), 1, "{file}");
        let added: Vec<&str> = reading.rows[0]
            .added
            .iter()
            .map(|(heading, _)| heading.as_str())
            .collect();
        let expected = [
            "办理情况",
            "红黄绿灯",
            "最近到期",
            "佐证",
            "尚缺",
            "最新通知",
            "延期和退回",
            "督办备注",
        ];
        assert_eq!(added, expected, "{file}");
        assert!(reading.rows[0].other.is_empty(), "{file}");
        let tables = if file.ends_with("xlsx") {
            2
        } else {
            usize::from(file.ends_with("docx"))
        };
        // The column of the day is there, though this row has none.
        assert_eq!(reading.added.len(), expected.len() + 1 + tables, "{file}");
        let read_as = reading.asides.iter().filter(|aside| aside.read == "added");
        assert_eq!(read_as.count(), tables * 2, "{file}");
    }
}

#[test]
fn a_ledgers_own_column_of_evidence_is_its_own() {
    let csv = "2021年台账,,,,\n序号,具体任务,责任单位,完成时限,佐证\n1,公开预算,市财政局,10月底,网页\n2,公开规划,市教育局,10月底,\n";
    let reading = read("a.csv", csv.as_bytes());
    assert!(reading.added.is_empty());
    let own = ("佐证".to_owned(), "网页".to_owned());
    assert_eq!(reading.rows[0].other, [own]);
}

#[test]
fn a_part_of_a_ledger_says_so_and_asks() {
    let rows = (1..=3).map(|n| {
        (
            "一、公开".to_owned(),
            String::new(),
            format!("公开第{n}类"),
            "市教育局".to_owned(),
            "2021年12月底".to_owned(),
            vec![MergedCell::Units, MergedCell::Deadline],
        )
    });
    let ids: Vec<String> = (1..=3).map(|n| n.to_string()).collect();
    let mut whole = ledger(&ids, rows.collect());
    whole.rows[1].duties[0].light = Light::Green;
    let part = whole.only("红灯", |duty| duty.light == Light::Red);
    for (file, bytes) in files(&part) {
        let reading = read(file, &bytes);
        let numbers: Vec<&str> = reading.rows.iter().map(|r| r.number.as_str()).collect();
        assert_eq!(numbers, ["1", "3"], "{file}");
        assert_eq!(reading.rows[1].units_phrase, "市教育局", "{file}");
        assert!(
            reading.questions.iter().any(|q| q.code == "part_of_ledger"),
            "{file}"
        );
    }
}

#[test]
fn a_date_that_the_office_moved_comes_back_and_is_asked() {
    let row = (
        "一、公开".to_owned(),
        String::new(),
        "公开规划".to_owned(),
        "市教育局".to_owned(),
        "2021年10月底".to_owned(),
        Vec::new(),
    );
    let mut ledger = ledger(&["1".to_owned()], vec![row]);
    ledger.rows[0].due = NaiveDate::from_ymd_opt(2021, 11, 30);
    for (file, bytes) in files(&ledger) {
        let reading = read(file, &bytes);
        assert_eq!(reading.rows[0].deadline.phrase, "2021年10月底", "{file}");
        assert_eq!(reading.rows[0].deadline.date, ledger.rows[0].due, "{file}");
        let asked = reading.questions.iter().find(|q| q.field == "deadline");
        let alternatives = asked.map(|q| q.alternatives.clone()).unwrap_or_default();
        assert_eq!(alternatives, ["2021-11-30", "2021-10-31"], "{file}");
    }
}

#[test]
fn nothing_in_a_workbook_is_a_formula() {
    let texts = ["=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK(\"http://a\")"];
    let rows: Vec<_> = texts
        .iter()
        .map(|text| {
            let own = |text: &str| text.to_owned();
            (
                own(text),
                String::new(),
                own(text),
                own(text),
                own(text),
                Vec::new(),
            )
        })
        .collect();
    let ids: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let ledger = ledger(&ids, rows);
    for (file, bytes) in files(&ledger)
        .iter()
        .filter(|(file, _)| file.ends_with("xlsx"))
    {
        let mut book = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("an archive");
        for at in 0..book.len() {
            let mut part = String::new();
            std::io::Read::read_to_string(&mut book.by_index(at).expect("a part"), &mut part)
                .expect("text");
            assert!(!part.contains("<f>") && !part.contains("<f "), "{file}");
        }
    }
}

#[test]
fn nothing_in_separated_values_is_a_formula() {
    let row = (
        "=HYPERLINK(\"http://a\")".to_owned(),
        "@b".to_owned(),
        "=1+1".to_owned(),
        "-2+3".to_owned(),
        "+4".to_owned(),
        Vec::new(),
    );
    let ledger = ledger(&["A-1".to_owned()], vec![row]);
    let bytes = csv::write(&ledger, Part::Tasks, Encoding::Utf8);
    let out = String::from_utf8(bytes).expect("a text");
    for start in ['=', '@', '-', '+'] {
        for before in ["\n", ",", "\""] {
            assert!(!out.contains(&format!("{before}{start}")), "{out}");
        }
    }
    let again = read("a.csv", out.as_bytes());
    assert_eq!(again.rows[0].text, "=1+1");
    assert_eq!(again.rows[0].units_phrase, "-2+3");
}
