//! Calendar files as people and spreadsheets write them, and what they are told when one is wrong.

use duban_calendar::{Calendar, CsvFault, MAX_CSV_BYTES, MAX_CSV_FAULTS, NoCalendarData};

use crate::{SHIPPED, date, shipped};

fn faults(text: &str) -> Vec<CsvFault> {
    Calendar::from_csv("cn", text).expect_err("the file is faulty")
}

/// Line and column of each fault.
fn places(text: &str) -> Vec<(usize, &'static str)> {
    let place = |fault: &CsvFault| (fault.line, fault.column);
    faults(text).iter().map(place).collect()
}

#[test]
fn a_file_saved_by_a_spreadsheet_reads_the_same() {
    let saved = format!("\u{feff}{}", SHIPPED.replace('\n', "\r\n"));
    assert_eq!(Calendar::from_csv("cn", &saved), Ok(shipped()));
    let loose = format!("\n{}\n\n", SHIPPED.replace(',', " , "));
    assert_eq!(Calendar::from_csv("cn", &loose), Ok(shipped()));
}

#[test]
fn every_fault_is_named_at_once_with_its_place() {
    let text = "date,kind,name\n\
        2021-02-30,holiday,春节\n\
        2021/10/01,vacation,\n\
        2021-10-02,holiday\n\
        2021-10-03,holiday,国庆节\n\
        2021-10-03,makeup_workday,国庆节\n\
        2210-10-04,holiday,国庆节\n\
        2021-10-05,holiday,国\"庆\n\
        2021-10-06,holiday,\0\n\
        2021-10-07,Holiday,国庆节\n";
    let expected = [
        (2, "date"),
        (3, "date"),
        (3, "kind"),
        (3, "name"),
        (4, "line"),
        (6, "date"),
        (7, "date"),
        (8, "name"),
        (9, "line"),
        (10, "kind"),
    ];
    assert_eq!(places(text), expected);
}

#[test]
fn a_fault_says_what_was_found_what_was_expected_and_what_to_do() {
    let found = faults("date,kind,name\n2021-10-01,vacation,国庆节\n");
    assert_eq!(
        found[0].to_string(),
        "line 2, kind: found `vacation`; expected `holiday` or `makeup_workday`; write `holiday` \
         for 放假 and `makeup_workday` for 调休上班"
    );
    let found = faults("date,kind,name\n2021-10-01,holiday,国\n2021-10-01,holiday,庆\n");
    assert_eq!(
        found[0].remedy,
        "keep this line or line 2 and remove the other"
    );
}

#[test]
fn a_forgotten_header_is_named_and_its_line_still_read() {
    assert_eq!(places("2021-10-01,holiday,国庆节\n"), [(1, "line")]);
    let text = "2021-10-01,holiday,国庆节\n2021-10-01,holiday,国庆节\n";
    assert_eq!(places(text), [(1, "line"), (2, "date")]);
    assert_eq!(
        places("日期,类别,名称\n2021-10-01,holiday,国庆节\n"),
        [(1, "line")]
    );
}

#[test]
fn an_empty_file_is_refused() {
    for empty in [
        "",
        "\u{feff}",
        "\r\n \n",
        "date,kind,name",
        "date,kind,name\r\n\r\n",
    ] {
        assert_eq!(places(empty), [(1, "file")], "{empty:?}");
    }
}

#[test]
fn a_huge_file_is_refused_unread() {
    let most = MAX_CSV_BYTES - SHIPPED.len();
    let full = format!("{SHIPPED}{}", "\n".repeat(most));
    assert_eq!(Calendar::from_csv("cn", &full), Ok(shipped()));
    assert_eq!(places(&(full + "\n")), [(1, "file")]);
}

#[test]
fn a_file_of_another_kind_does_not_flood_the_reader() {
    let found = faults(&"x,y,\n".repeat(100_000));
    assert_eq!(found.len(), MAX_CSV_FAULTS);
    let last = found.last().unwrap();
    assert!(last.remedy.starts_with("reading stopped here"));
    let long = faults(&"字".repeat(1000));
    assert!(long[0].found.chars().count() < 70);
}

#[test]
fn a_calendar_without_a_proper_id_is_refused() {
    for id in ["", "通辽", "a b", &"x".repeat(65)] {
        let found = Calendar::from_csv(id, SHIPPED).unwrap_err();
        assert_eq!((found.len(), found[0].column), (1, "id"), "{id}");
    }
}

#[test]
fn only_years_with_a_line_are_covered() {
    let text = "date,kind,name\n2021-10-01,holiday,国庆节\n";
    let calendar = Calendar::from_csv("cn", text).unwrap();
    assert!(calendar.years().eq([2021]));
    assert!(calendar.covers(date("2021-01-01")));
    let refusal = calendar.is_working_day(date("2022-01-04"));
    assert!(matches!(refusal, Err(NoCalendarData { year: 2022, .. })));
}
