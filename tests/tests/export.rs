//! A running ledger as a document of the office, and back again.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use duban_tests::duban::{Said, run, workspace};
use serde_json::Value;
use tempfile::TempDir;

/// The sample year up to the middle of July, played once. One process at a time may open it.
static YEAR: LazyLock<Mutex<TempDir>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let data = shown(&folder.path().join("data"));
    let played = ["demo", "--speed", "0", "--no-http", "--quiet"];
    run(&[&played[..], &["--to", "2021-07-16", "--data", &data]].concat()).with_code(0);
    Mutex::new(folder)
});

fn year() -> MutexGuard<'static, TempDir> {
    YEAR.lock().unwrap_or_else(PoisonError::into_inner)
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn export(year: &TempDir, to: &Path, more: &[&str]) -> Said {
    let (data, to) = (shown(&year.path().join("data")), shown(to));
    run(&[&["export", "--data", &data, "--to", &to][..], more].concat())
}

fn imported(file: &Path) -> Value {
    run(&["import", &shown(file), "--format", "json"])
        .with_code(0)
        .json()
}

/// The ledger as the office handed it in.
fn original(form: &str) -> Value {
    let documents = workspace().join("tests/documents");
    imported(&documents.join(format!("tongliao-2021-ledger.{form}")))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("the file")
}

#[test]
fn the_real_ledger_comes_back_from_every_format_as_the_office_worded_it() {
    let year = year();
    let folder = tempfile::tempdir().expect("a folder");
    let before = original("xlsx");
    for (name, more) in [
        ("a.xlsx", &[][..]),
        ("a.docx", &[]),
        ("a.csv", &[]),
        ("gb.csv", &["--encoding", "gb18030"]),
        ("tasks.xlsx", &["--part", "tasks"]),
        ("both.docx", &["--part", "both"]),
    ] {
        let to = folder.path().join(name);
        export(&year, &to, more).with_code(0);
        let again = imported(&to);
        assert_eq!(again["rows"].as_array().map(Vec::len), Some(36), "{name}");
        for (row, before) in std::iter::zip(
            again["rows"].as_array().expect("rows"),
            before["rows"].as_array().expect("rows"),
        ) {
            let mut fields = vec![
                "number",
                "section",
                "subsection",
                "text",
                "lead",
                "support",
                "responsible",
                "units_phrase",
            ];
            if !name.ends_with("csv") {
                fields.push("merged");
            }
            for field in fields {
                assert_eq!(row[field], before[field], "{name}: {field}");
            }
            for field in ["phrase", "kind", "date"] {
                assert_eq!(
                    row["deadline"][field], before["deadline"][field],
                    "{name}: {}",
                    row["number"]
                );
            }
            assert_eq!(row["units"], before["units"], "{name}: {}", row["number"]);
            assert!(row["added"].as_array().is_some_and(|added| added.len() > 1));
            assert_eq!(row["other"], Value::Array(Vec::new()), "{name}");
        }
        for (field, expected) in [
            ("title", "通辽市2021年政务公开工作要点分工台账"),
            ("number", "通政公字【2021】1号"),
            ("issuer", "通辽市政务公开工作领导小组"),
            ("ledger", "tongliao-2021"),
            ("issued", "2021-06-28"),
        ] {
            assert_eq!(again["heading"][field], expected, "{name}");
        }
        // Nothing more is asked than of the office's own document.
        let asked = |reading: &Value| -> Vec<String> {
            let questions = reading["questions"].as_array().expect("questions").iter();
            questions
                .map(|q| format!("{} {} {}", q["row"], q["field"], q["code"]))
                .collect()
        };
        assert_eq!(asked(&again), asked(&before), "{name}");
    }
    // A document for paper has the ledger; the duties of all units only when asked for.
    let lists_duties = |name: &str| {
        let again = imported(&folder.path().join(name));
        let added = again["added"].as_array().expect("what was added").iter();
        added
            .filter(|what| what.as_str().is_some_and(|w| w.contains("行)")))
            .count()
    };
    assert_eq!((lists_duties("a.docx"), lists_duties("both.docx")), (0, 1));
    assert_eq!((lists_duties("a.xlsx"), lists_duties("tasks.xlsx")), (2, 0));
    // And a definition again, which passes the check.
    let definition = shown(&folder.path().join("again"));
    let file = shown(&folder.path().join("a.docx"));
    run(&["import", &file, "--to", &definition]).with_code(0);
    run(&["check", &definition]).with_code(0);
    let said = run(&["import", &file]).with_code(0);
    assert!(
        said.out.contains("督办导出时加上的") && said.out.contains("督办备注"),
        "{}",
        said.out
    );
}

#[test]
fn the_same_state_gives_the_same_bytes() {
    let year = year();
    let folder = tempfile::tempdir().expect("a folder");
    for ending in ["xlsx", "docx", "csv", "ics"] {
        let file = |n: u32| -> PathBuf { folder.path().join(format!("{n}.{ending}")) };
        let at = ["--at", "2021-07-10T12:00:00+08:00"];
        export(&year, &file(1), &at).with_code(0);
        export(&year, &file(2), &at).with_code(0);
        assert!(read(&file(1)) == read(&file(2)), "{ending}");
        export(&year, &file(3), &[]).with_code(0);
        assert!(
            read(&file(1)) != read(&file(3)),
            "{ending}: an instant changes nothing"
        );
    }
}

#[test]
fn a_file_is_written_whole_or_not_and_never_over_another_unasked() {
    let year = year();
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("a.csv");
    std::fs::write(&to, "mine").expect("a file");
    let said = export(&year, &to, &[]).with_code(1);
    assert!(said.err.contains("--replace"), "{}", said.err);
    assert_eq!(read(&to), b"mine");
    export(&year, &to, &["--replace"]).with_code(0);
    assert!(read(&to).starts_with(b"\xef\xbb\xbf"));
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("it").collect();
    assert_eq!(left.len(), 1, "{left:?}");
    for (to, more, expected) in [
        ("none/a.csv", &[][..], "none"),
        ("a.pdf", &[], ".xlsx, .docx, .csv or .ics"),
        ("b.csv", &["--unit", "火星局"], "no unit `火星局`"),
        ("b.csv", &["--at", "yesterday"], "--at"),
        ("b.csv", &["no-such-ledger"], "in force are: tongliao-2021"),
    ] {
        let said = export(&year, &folder.path().join(to), more).with_code(1);
        assert!(said.err.contains(expected), "{}", said.err);
        assert!(!folder.path().join(to).exists());
    }
}

#[test]
fn a_unit_gets_its_own_part_and_its_own_calendar() {
    let year = year();
    let folder = tempfile::tempdir().expect("a folder");
    let csv = folder.path().join("a.csv");
    let more = [
        "--unit",
        "开鲁县",
        "--part",
        "duties",
        "--encoding",
        "utf-8",
    ];
    export(&year, &csv, &more).with_code(0);
    let text = String::from_utf8(read(&csv)).expect("a text");
    let ids = text.lines().filter_map(|line| line.rsplit(',').next());
    let ids: Vec<&str> = ids.filter(|id| id.starts_with("tongliao-2021/")).collect();
    assert!(ids.len() > 20, "{text}");
    assert!(ids.iter().all(|id| id.contains("/ban-kailu/")), "{ids:?}");

    let ics = folder.path().join("a.ics");
    export(&year, &ics, &["--unit", "ban-kailu"]).with_code(0);
    let text = String::from_utf8(read(&ics)).expect("a text");
    assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
    let unfolded = text.replace("\r\n ", "");
    let of = |begin: &str| unfolded.lines().filter(|l| l.starts_with(begin)).count();
    let uids: std::collections::BTreeSet<&str> =
        unfolded.lines().filter(|l| l.starts_with("UID:")).collect();
    assert_eq!(of("BEGIN:VEVENT"), uids.len());
    assert_eq!(of("DTSTART;VALUE=DATE:2021"), uids.len());
    assert!(uids.len() > 5 && uids.iter().all(|uid| uid.contains("/ban-kailu/")));

    let red = folder.path().join("red.xlsx");
    export(&year, &red, &["--light", "red"]).with_code(0);
    let again = imported(&red);
    let rows = again["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.len() < 36, "{}", rows.len());
    let questions = again["questions"].as_array().expect("questions");
    assert!(questions.iter().any(|q| q["code"] == "part_of_ledger"));
    // A list of duties alone is no ledger, and import says what it is.
    let said = run(&["import", &shown(&csv)]).with_code(1);
    assert!(said.err.contains("责任事项明细"), "{}", said.err);
}

#[test]
fn a_simulation_is_written_as_a_workbook_and_as_a_calendar() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = shown(&workspace().join("workflows/tongliao-2021"));
    let span = [
        "simulate",
        &ledger,
        "--from",
        "2021-06-28",
        "--to",
        "2021-07-31",
    ];
    let simulate = |more: &[&str]| run(&[&span[..], more].concat());
    let notices = simulate(&["--format", "ndjson"])
        .with_code(0)
        .out
        .lines()
        // Several in one message stand in the list once each.
        .filter(|line| !line.contains("\"kind\":\"digest\""))
        .count();
    let calendar = simulate(&["--format", "ics"]).with_code(0).out;
    assert_eq!(calendar.matches("BEGIN:VEVENT\r\n").count(), notices);
    assert_eq!(calendar.matches("\r\nDTSTART:2021").count(), notices);
    let (one, two) = (folder.path().join("1.xlsx"), folder.path().join("2.xlsx"));
    for file in [&one, &two] {
        let said = simulate(&["--format", "xlsx", "--output", &shown(file)]).with_code(0);
        assert!(
            said.out.contains(&format!("通知{notices}份")),
            "{}",
            said.out
        );
    }
    assert!(read(&one) == read(&two));
    let said = simulate(&["--format", "xlsx", "--output", &shown(&one)]).with_code(1);
    assert!(said.err.contains("--replace"), "{}", said.err);
    simulate(&["--format", "xlsx"]).with_code(2);
    simulate(&["--format", "ics", "--summary"]).with_code(2);
    simulate(&["--format", "csv", "--output", &shown(&one)]).with_code(2);
}
