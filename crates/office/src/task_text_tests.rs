//! What changing the text of a task leaves alone.

use super::*;

const TASKS: &str = "# 台账\n\ntasks:\n\n  # 第一节\n  - id: \"1\"\n    title: 公开规划   # 简称\n    text: |-\n      公开规划。\n      # 不是备注\n    strength: required\n    opens: activation\n    due: 2021-12-31 # 年底\n    ladder: fixed\n    owners:\n      # 各旗县\n      - { group: 旗县, role: responsible }\n      - unit: city-fgw\n        role: lead\n        fulfilled_by: { submission: verified }\n    fulfilled_by: { submission: verified }\n\n  # 第二节\n  - id: \"2\"\n    title: 另一项\n    owners: [{ unit: a, role: lead }]\n\n# 确认\nconfirmed:\n  - { code: C001, about: \"1\", by: 王, date: 2021-07-05 }\n";

fn task() -> NewTask {
    NewTask {
        id: "3".to_owned(),
        remark: "台账外任务".to_owned(),
        outside: true,
        section: "台账外任务".to_owned(),
        subsection: String::new(),
        title: "报送: #整改".to_owned(),
        text: "第一行\n第二行".to_owned(),
        units_phrase: "市教育局".to_owned(),
        deadline_phrase: "年底".to_owned(),
        required: true,
        urgent: false,
        due: NewDue::Day("2021-12-01".to_owned()),
        ladder: "fixed".to_owned(),
        owners: vec![NewOwner {
            is_group: false,
            name: "city-jyj".to_owned(),
            role: Role::Responsible,
            ladder: None,
        }],
    }
}

#[test]
fn a_new_task_comes_after_the_last_one_and_nothing_else_moves() {
    let with = add(TASKS, &task()).unwrap();
    let at = with.find("\n  # 台账外任务").unwrap();
    let end = with.find("\n\n# 确认").unwrap();
    assert_eq!(format!("{}{}", &with[..at - 1], &with[end..]), TASKS);
    let added = &with[at..end];
    assert!(added.contains("    title: \"报送: #整改\"\n"), "{added}");
    assert!(added.contains("    text: |-\n      第一行\n      第二行\n"));
    assert!(added.contains("    outside: true\n") && added.contains("due: 2021-12-01"));
    // The last line of a file, and a file without line ends at its end.
    let short = "tasks:\n- id: \"1\"\n  title: a";
    let with = add(short, &task()).unwrap();
    assert!(with.starts_with(short) && with.contains("\n- id: \"3\"\n  outside: true\n"));
    assert!(with.ends_with('\n'));
    for other in ["tasks: []\n", "tasks:\n", "", "tasks: [{ id: \"1\" }]\n"] {
        assert_eq!(add(other, &task()), None, "{other}");
    }
}

#[test]
fn a_changed_field_leaves_remarks_and_all_else() {
    let changes = Changes {
        texts: vec![
            ("title", "公开“十四五”规划".to_owned()),
            ("text", "只有一行".to_owned()),
        ],
        due: Some(NewDue::Day("2021-11-30".to_owned())),
        ..Changes::default()
    };
    let changed = change(TASKS, "1", &changes).unwrap();
    let wanted = TASKS
        .replace("title: 公开规划 ", "title: 公开“十四五”规划 ")
        .replace(
            "text: |-\n      公开规划。\n      # 不是备注",
            "text: 只有一行",
        )
        .replace("2021-12-31 #", "2021-11-30 #");
    assert_eq!(changed, wanted);
    assert_eq!(change(TASKS, "9", &changes), None);
    assert_eq!(ids(TASKS), ["1", "2"]);
}

#[test]
fn year_long_is_other_fields_and_back() {
    let period = NewDue::Period {
        every: "quarter".to_owned(),
        cron: "10 9 1 JAN,APR,JUL,OCT *".to_owned(),
    };
    let to = |due: NewDue| Changes {
        due: Some(due),
        ..Changes::default()
    };
    let long = change(TASKS, "1", &to(period)).unwrap();
    assert!(
        long.contains(
            "    opens: each_period\n    period: { every: quarter, cron: \"10 9 1 JAN,APR,JUL,OCT *\", first: running }\n    due: period_end # 年底\n"
        ),
        "{long}"
    );
    let back = change(&long, "1", &to(NewDue::Day("2021-12-31".to_owned()))).unwrap();
    assert_eq!(back, TASKS);
}

#[test]
fn owners_are_kept_changed_taken_out_and_added() {
    let changes = Changes {
        kept: Some(vec![None, Some(Role::Responsible)]),
        owners: task().owners,
        ..Changes::default()
    };
    let changed = change(TASKS, "1", &changes).unwrap();
    assert!(
        changed.contains("    owners:\n      # 各旗县\n      - unit: city-fgw\n        role: responsible\n        fulfilled_by: { submission: verified }\n      - { unit: city-jyj, role: responsible }\n    fulfilled_by"),
        "{changed}"
    );
    // Owners on one line are not touched, and the clerk is told.
    let one = Changes {
        kept: Some(vec![Some(Role::Lead)]),
        ..Changes::default()
    };
    assert_eq!(change(TASKS, "2", &one), None);
}
