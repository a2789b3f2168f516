//! The project's own ledger as an office would hand it in: four files, one meaning, and the same as
//! the definition that was written by hand. And what a clerk meets at the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use duban_calendar::Calendar;
use duban_model::definition::{Opens, Role, Task};
use duban_model::fact::DefinitionFile;
use duban_model::{Definition, Directory};
use duban_office::definition::{Settings, write};
use duban_office::{Reading, Wishes, read_ledger, report, roster};
use duban_rules::{Severity, compile, read_directory};
use duban_tests::duban::{Said, run, workspace};
use duban_tests::scenario::read;

const FORMS: [&str; 4] = ["docx", "xlsx", "csv", "gbk.csv"];

fn documents() -> PathBuf {
    workspace().join("tests/documents")
}

fn document(form: &str) -> Vec<u8> {
    std::fs::read(documents().join(format!("tongliao-2021-ledger.{form}"))).expect("the ledger")
}

fn by_hand(name: &str) -> String {
    read(&workspace().join("workflows/tongliao-2021").join(name)).expect("the definition")
}

fn directory() -> Directory {
    read_directory(&by_hand("directory.yaml"))
        .0
        .expect("the directory")
}

fn calendar() -> Calendar {
    let path = workspace().join("workflows/calendars/cn-workdays.csv");
    Calendar::from_csv("cn", &read(&path).expect("the calendar")).expect("the calendar")
}

fn compiled(ledger: &str, tasks: &str, directory: &Directory) -> Definition {
    let files =
        [("ledger.yaml", ledger), ("tasks.yaml", tasks)].map(|(name, text)| DefinitionFile {
            name: name.to_owned(),
            text: text.to_owned(),
        });
    let compiled = compile(&files, directory, &calendar());
    let faults: Vec<String> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    compiled
        .definition
        .unwrap_or_else(|| panic!("{}", faults.join("\n")))
}

fn reading(form: &str) -> Reading {
    let wishes = Wishes::default();
    read_ledger(
        &format!("ledger.{form}"),
        &document(form),
        &directory(),
        &wishes,
    )
    .expect("it is read")
}

fn owed(task: &Task) -> BTreeSet<(String, Role)> {
    task.owners
        .iter()
        .flat_map(|o| o.units.iter().map(|unit| (unit.clone(), o.role)))
        .collect()
}

/// 第9行 有关部门配合: the hand-written definition chose a unit; an import asks.
const CHOSEN_BY_HAND: (&str, &str) = ("9", "city-bgs");

#[test]
fn all_four_files_yield_the_definition_that_was_written_by_hand() {
    let directory = directory();
    let expected = compiled(&by_hand("ledger.yaml"), &by_hand("tasks.yaml"), &directory);
    let expected: BTreeMap<&str, &Task> =
        expected.tasks.iter().map(|t| (t.id.as_str(), t)).collect();
    for form in FORMS {
        let reading = reading(form);
        assert_eq!(reading.rows.len(), 36, "{form}");
        assert!(reading.counts.agree(), "{form}: {:?}", reading.counts);
        let settings = Settings {
            issued: "2021-06-28".parse().ok(),
            ..Settings::default()
        };
        let written = write(&reading, &directory, &settings).expect("it is written");
        assert!(written.directory.is_none(), "{form}: no unit is unknown");
        let imported = compiled(&written.ledger, &written.tasks, &directory);
        assert_eq!(imported.tasks.len(), 36, "{form}");
        for task in &imported.tasks {
            let hand = expected[task.id.as_str()];
            let place = format!("{form}, row {}", task.id);
            assert_eq!(task.text, hand.text, "{place}");
            assert_eq!(task.section, hand.section, "{place}");
            assert_eq!(task.subsection, hand.subsection, "{place}");
            assert_eq!(task.due, hand.due, "{place}");
            assert_eq!(task.strength, hand.strength, "{place}");
            let same_opening = matches!(
                (&task.opens, &hand.opens),
                (Opens::Activation, Opens::Activation)
                    | (Opens::EachPeriod(_), Opens::EachPeriod(_))
                    | (Opens::Trigger, Opens::Trigger)
            );
            assert!(same_opening, "{place}: {:?}", task.opens);
            let mut hand_owed = owed(hand);
            if task.id == CHOSEN_BY_HAND.0 {
                hand_owed.remove(&(CHOSEN_BY_HAND.1.to_owned(), Role::Support));
            }
            assert_eq!(owed(task), hand_owed, "{place}");
        }
        let asked = |row: &str| {
            reading
                .questions
                .iter()
                .filter(|q| q.row.as_deref() == Some(row))
                .map(|q| q.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(asked("9"), ["open_list"], "{form}: 有关部门");
        assert_eq!(asked("35"), ["open_list"], "{form}: 等有关部门");
        let report = report::write(&reading, &written.questions);
        for row in &reading.rows {
            assert!(
                report.contains(&row.text.replace('|', "\\|")),
                "{form}: row {} is not in the report",
                row.number
            );
        }
    }
}

#[test]
fn what_separated_values_cannot_merge_is_asked_cell_by_cell() {
    let with_empty_cells = |form| -> BTreeSet<(String, &'static str)> {
        reading(form)
            .questions
            .into_iter()
            .filter(|q| q.code == "empty_cell")
            .filter_map(|q| Some((q.row?, q.field)))
            .collect()
    };
    let expected: BTreeSet<(String, &str)> = [
        ("3", "deadline"),
        ("4", "deadline"),
        ("12", "deadline"),
        ("13", "units"),
        ("13", "deadline"),
        ("23", "units"),
        ("23", "deadline"),
        ("29", "units"),
        ("29", "deadline"),
        ("30", "units"),
        ("30", "deadline"),
        ("32", "units"),
        ("36", "units"),
        ("36", "deadline"),
    ]
    .map(|(row, field)| (row.to_owned(), field))
    .into();
    assert_eq!(with_empty_cells("csv"), expected);
    assert_eq!(with_empty_cells("gbk.csv"), expected);
    // Word and Excel say what is merged.
    assert!(with_empty_cells("docx").is_empty());
    assert!(with_empty_cells("xlsx").is_empty());
}

#[test]
fn the_notice_gives_row_35_another_date_and_that_is_asked() {
    let notice = std::fs::read(documents().join("tongliao-2021-notice.txt")).expect("the notice");
    let wishes = Wishes {
        notice: Some(duban_office::read_notice("notice.txt", &notice).expect("it is read")),
        ..Wishes::default()
    };
    let reading =
        read_ledger("a.xlsx", &document("xlsx"), &directory(), &wishes).expect("it is read");
    let differ: Vec<(&str, &[String])> = reading
        .questions
        .iter()
        .filter(|q| q.code == "two_readings")
        .map(|q| {
            (
                q.row.as_deref().unwrap_or_default(),
                q.alternatives.as_slice(),
            )
        })
        .collect();
    let both = [
        "按台账:2021-10-31".to_owned(),
        "按正文:2021-12-31".to_owned(),
    ];
    assert_eq!(differ, [("35", &both[..])]);
}

#[test]
fn a_file_of_units_becomes_the_directory_that_was_written_by_hand() {
    let units = std::fs::read(documents().join("tongliao-units.csv")).expect("the units");
    let roster = roster::read_units("units.csv", &units, "tongliao", None).expect("they are read");
    assert!(roster.agrees());
    let (again, faults) = read_directory(&roster::directory_yaml(&roster));
    let again = again.unwrap_or_else(|| panic!("{faults:?}"));
    assert_eq!(again, roster.directory);
    let hand = directory();
    for (id, unit) in &again.units {
        let known = &hand.units[id];
        assert_eq!(
            (&unit.name, &unit.short, unit.certainty),
            (&known.name, &known.short, known.certainty),
            "{id}"
        );
        // By hand, groups were added for what the ledger names.
        for group in &unit.groups {
            assert!(known.groups.contains(group), "{id}: {group}");
        }
    }
    // The leading group is in no list of units.
    assert_eq!(again.units.len() + 1, hand.units.len());
}

fn duban(args: &[&str]) -> Said {
    run(args)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[test]
fn an_imported_folder_passes_the_check_and_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("ledger");
    let to = shown(&to);
    let file = shown(&documents().join("tongliao-2021-ledger.docx"));
    let said = duban(&["import", &file, "--to", &to, "--format", "json"]).with_code(0);
    let json = said.json();
    assert_eq!(json["rows"].as_array().map(Vec::len), Some(36));
    let row = &json["rows"][8];
    assert_eq!(row["number"], "9");
    assert_eq!(row["lead"][0], "市行政审批和政务服务局");
    assert_eq!(row["support"][0], "有关部门");
    assert_eq!(row["responsible"][1], "开发区管委会");
    assert_eq!(row["units"][9]["id"], "city-spj");
    assert_eq!(row["units"][9]["role"], "lead");
    assert_eq!(row["deadline"]["kind"], "continuous");
    assert_eq!(json["counts"]["tasks"], 36);
    duban(&["check", &to]).with_code(0);
    // The same again changes nothing.
    duban(&["import", &file, "--to", &to]).with_code(0);
    let tasks = Path::new(&to).join("tasks.yaml");
    let edited = read(&tasks)
        .expect("the tasks")
        .replace("title: 公开", "title: 主动公开");
    std::fs::write(&tasks, &edited).expect("an edit");
    let said = duban(&["import", &file, "--to", &to]).with_code(1);
    assert!(
        said.err.contains("tasks.yaml") && said.err.contains("--replace"),
        "{}",
        said.err
    );
    assert_eq!(read(&tasks).expect("the tasks"), edited, "an edit is lost");
    let said = duban(&["import", &file, "--to", &to, "--replace"]).with_code(0);
    assert!(said.err.contains("replaced tasks.yaml"), "{}", said.err);
}

#[test]
fn an_office_without_definition_begins_with_its_units() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| shown(&folder.path().join(name));
    std::fs::write(
        folder.path().join("units.csv"),
        "单位名称,简称,单位组,联络员,邮箱,上级\n赤峰市政务公开工作领导小组,领导小组,,办公室主任,a@cf.example,\n赤峰市教育局,市教育局|教育,市政府各部门,办公室主任,b@cf.example,领导小组\n赤峰市财政局,市财政局|财政,市政府各部门,张三,不详,领导小组\n",
    )
    .expect("a file");
    std::fs::write(
        folder.path().join("ledger.csv"),
        "赤峰市2022年工作台账,,,\n序号,具体任务,责任单位,完成时限\n1,公开预算,市财政局牵头,10月底\n2,公开规划,市政府各部门,第三季度\n3,公开档案,市档案馆,另行通知\n",
    )
    .expect("a file");
    let to = at("out");
    duban(&[
        "import",
        &at("units.csv"),
        "--units",
        "--tenant",
        "chifeng",
        "--to",
        &to,
    ])
    .with_code(0);
    let said = duban(&[
        "import",
        &at("ledger.csv"),
        "--to",
        &to,
        "--replace",
        "--format",
        "csv",
    ])
    .with_code(0);
    assert!(
        said.out.contains("2022-10-31") && said.out.contains("2022-09-30"),
        "{}",
        said.out
    );
    duban(&["check", &to]).with_code(0);
    let directory = read(&Path::new(&to).join("directory.yaml")).expect("the directory");
    assert!(
        directory.contains("市档案馆") && directory.contains("uncertain"),
        "{directory}"
    );
    assert!(
        !directory.contains("张三") && !directory.contains("不详"),
        "{directory}"
    );
}

#[test]
fn a_phrase_is_read_at_the_command_line() {
    let said = duban(&["deadline", "12月底前", "--year", "2021", "--format", "json"]).with_code(0);
    let json = said.json();
    assert_eq!(
        (&json["kind"], &json["date"]),
        (&"fixed".into(), &"2021-12-31".into())
    );
    let said = duban(&["deadline", "", "--format", "json"]).with_code(0);
    assert_eq!(said.json()["kind"], "missing");
    let said = duban(&["deadline", "12月前", "--year", "2021"]).with_code(0);
    assert!(
        said.out.contains("2021-11-30") && said.out.contains("2021-12-31"),
        "{}",
        said.out
    );
    duban(&["deadline"]).with_code(2);
}

#[test]
fn what_cannot_be_imported_says_where_and_how_to_mend_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("scan.pdf");
    std::fs::write(&path, b"%PDF-1.7").expect("a file");
    let said = duban(&["import", &shown(&path)]).with_code(1);
    for part in ["scan.pdf", "PDF", "应为", "改法"] {
        assert!(said.err.contains(part), "{}", said.err);
    }
    let said = duban(&["import", &shown(folder.path())]).with_code(1);
    assert!(said.err.contains("not a file"), "{}", said.err);
    let said = duban(&["import", &shown(&folder.path().join("none.docx"))]).with_code(1);
    assert!(said.err.contains("none.docx"), "{}", said.err);
}
