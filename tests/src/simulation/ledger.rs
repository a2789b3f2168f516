//! A drawn ledger: a few tasks of every sort, for a few units, over a year's end.

use std::fmt::Write;

use chrono::{Days, NaiveDate};
use duban_calendar::Calendar;
use duban_model::Directory;
use duban_model::fact::DefinitionFile;

use crate::dice::Dice;
use crate::scenario;

/// The office of every simulated run.
pub const TENANT: &str = "office";
/// Its ledger.
pub const LEDGER: &str = "drawn";
/// Units that owe. The fourth has nobody to be told, the fifth only a channel that is not set up.
pub const UNITS: [&str; 5] = ["kailu", "naiman", "kulun", "zhalute", "huolin"];
/// Kinds of publications.
pub const KINDS: [&str; 3] = ["plan", "budget", "report"];

/// What a task is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Fulfilled by publications until a date.
    Published,
    /// Submitted and verified.
    Submitted,
    /// A lead and a supporting unit.
    Led,
    /// Encouraged only.
    Encouraged,
    /// Waits for its trigger.
    Waiting,
    /// Month by month, or quarter by quarter.
    Periods,
    /// Owed by so many that it takes several inputs to open, and more notices than go out at once.
    Crowded,
}

/// A task with those who owe it.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number.
    pub id: String,
    /// What it is like.
    pub sort: Sort,
    /// Who owes.
    pub units: Vec<&'static str>,
}

/// A drawn ledger.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// When it was issued.
    pub issued: NaiveDate,
    /// Its texts.
    pub files: Vec<DefinitionFile>,
    /// The directory in force.
    pub directory: Directory,
    /// The calendar in force.
    pub calendar: Calendar,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Whether it has rules whose duties arise in the course of the year.
    pub arising: bool,
}

const HEAD: &str = r#"
ledger: drawn
title: 模拟台账
issuer: 领导小组
number: 1号
tenant: office
zone: Asia/Shanghai
calendar: cn
office: spj
leading_group: ldxz
at: "09:10"
yellow: 3wd
backdate: 2wd
return_clock: 5wd
verify_within: 5wd
ladders:
  fixed:
    steps:
      - { when: "before:7wd", to: contact }
      - { when: "before:1wd", to: contact }
      - { when: "due", to: contact }
      - { when: "overdue:1wd", to: leader }
      - { when: "overdue:5wd", to: office }
      - { when: "overdue:10wd", to: leading_group }
    repeat: { every: 20wd, to: office }
  support:
    steps:
      - { when: "before:3wd", to: contact }
      - { when: "overdue:1wd", to: contact }
      - { when: "overdue:2wd", to: lead }
    repeat: { every: 10d, to: office }
  encouraged:
    steps:
      - { when: "before:7wd", to: contact }
      - { when: "due", to: contact }
  hours:
    steps:
      - { when: "before:1h", to: contact }
      - { when: "overdue:2h", to: leader }
    repeat: { every: 2d, to: office }
  brief:
    steps:
      - { when: "due", to: contact }
    repeat: { every: 60d, to: office }
kinds: { plan: 规划, budget: 预算, report: 报告 }
"#;

/// Rules whose duties arise: at publications, at matters, by a schedule, again and again.
const RULES: &str = r#"
  - { id: explain, section: 一, subsection: 一, title: 解读, text: 解读。, units_phrase: 单位, strength: required,
      opens: event, event: { kinds: [budget], when: 'publication.title != "budget p7"' }, due: 3wd, ladder: fixed,
      owners: [{ from: event, role: responsible }],
      fulfilled_by: { publications: [{ name: 解读, kinds: [report], at_least: 1 }] } }
  - { id: answer, section: 一, subsection: 一, title: 回应, text: 回应。, units_phrase: 单位, strength: required,
      opens: event, event: { on: matter, kinds: [incident] }, due: 5h, ladder: hours,
      owners: [{ from: event, role: responsible }, { from: event_superior, role: lead }, { from: leading_group, role: support }],
      fulfilled_by: { submission: verified } }
  - { id: quiet, section: 一, subsection: 一, title: 更新, text: 更新。, units_phrase: 单位, strength: required,
      opens: activation, due: 10d, again: true, ladder: fixed,
      owners: [{ unit: kulun, role: responsible }, { unit: kailu, role: responsible }],
      fulfilled_by: { publications: [{ name: 更新, kinds: [plan, budget, report], at_least: 1 }] } }
  - { id: look, section: 一, subsection: 一, title: 检查, text: 检查。, units_phrase: 单位, strength: encouraged,
      opens: schedule, schedule: { cron: "10 9 * * MON" }, due: 2d, roll: next, ladder: encouraged,
      owners: [{ from: office, role: lead }], fulfilled_by: { submission: verified } }
"#;

/// A task that follows the first one.
const FOLLOWER: &str = r#"
  - { id: after, part_of: "1", title: 接续, strength: required,
      opens: follows, follows: { task: "1", when: WHEN }, due: 5wd, ladder: fixed,
      owners: [{ unit: naiman, role: responsible }, { from: event_superior, role: lead }],
      fulfilled_by: { submission: verified } }
"#;

const DIRECTORY: &str = r"
tenant: office
units:
  - { id: ldxz, name: 领导小组, contacts: [{ id: contact, title: 联络员, mail: a@ldxz.example, channels: [mail] }] }
  - { id: spj, name: 主管部门, contacts: [{ id: contact, title: 联络员, mail: a@spj.example, channels: [mail] }] }
  - { id: kailu, name: 开鲁县, contacts: [{ id: contact, title: 联络员, mail: a@kailu.example, channels: [mail] }], leader: { id: leader, title: 负责人, mail: b@kailu.example, channels: [mail] } }
  - { id: naiman, name: 奈曼旗, superior: spj, contacts: [{ id: contact, title: 联络员, mail: a@naiman.example, channels: [mail] }], leader: { id: leader, title: 负责人, mail: b@naiman.example, channels: [mail] } }
  - { id: kulun, name: 库伦旗, superior: spj, contacts: [{ id: contact, title: 联络员, mail: a@kulun.example, channels: [mail] }] }
  - { id: zhalute, name: 扎鲁特旗 }
  - { id: huolin, name: 霍林郭勒市, contacts: [{ id: contact, title: 联络员, channels: [webhook] }] }
";

/// One ledger in so many has a task that a crowd owes.
const CROWDED_ONE_IN: u64 = 30;
/// How many the crowd is: more than are opened on one input, and than sends are in flight.
const CROWD: u64 = 110;

/// How the office is reached.
const OFFICE_CONTACT: &str =
    ", contacts: [{ id: contact, title: 联络员, mail: a@spj.example, channels: [mail] }]";

/// Draws a ledger.
///
/// # Panics
/// When the calendar of this tree cannot be read, or the texts above are wrong.
pub fn draw(dice: &mut Dice) -> Drawn {
    let year = 2019 + i32::try_from(dice.below(6)).expect("small");
    let first = NaiveDate::from_ymd_opt(year, 10, 20).expect("a date");
    let issued = first + Days::new(dice.below(60));
    let mut head = String::from(HEAD.trim_start());
    let ends = if dice.below(3) == 0 {
        format!("{year}-12-31")
    } else {
        format!("{}-0{}-28", year + 1, 1 + dice.below(4))
    };
    let _ = write!(head, "year: {year}\nissued: {issued}\nends: {ends}\n");
    let mut tasks = Vec::new();
    let mut text = String::from("tasks:\n");
    for number in 0..2 + dice.below(3) {
        let task = draw_task(dice, number + 1);
        write_task(dice, &mut text, &task, issued);
        tasks.push(task);
    }
    if dice.below(CROWDED_ONE_IN) == 0 {
        let task = Task {
            id: "crowd".to_owned(),
            sort: Sort::Crowded,
            units: vec!["crowd-1", "crowd-7"],
        };
        write_task(dice, &mut text, &task, issued);
        tasks.push(task);
    }
    let arising = dice.below(2) == 0;
    if arising {
        text.push_str(RULES);
        let when = *dice.one_of(&["fulfilled", "overdue"]);
        text.push_str(&FOLLOWER.replace("WHEN", when));
        head.push_str("matters: { incident: 突发事件, case: 案件 }\n");
    }
    // In some offices nobody can be reached at all.
    let mut units = if dice.below(8) == 0 {
        DIRECTORY.replace(OFFICE_CONTACT, "")
    } else {
        DIRECTORY.to_owned()
    };
    if tasks.iter().any(|task| task.sort == Sort::Crowded) {
        for number in 1..=CROWD {
            let _ = writeln!(
                units,
                "  - {{ id: crowd-{number}, name: 单位{number}, groups: [crowd], contacts: [{{ id: contact, title: 联络员, mail: a@crowd.example, channels: [mail] }}] }}"
            );
        }
    }
    // Notices are gathered for longer, for less or not at all, and wait for the day or do not.
    let window = dice.one_of(&["0", "1", "5", "60"]);
    let hours = dice.one_of(&[
        "",
        "  hours: { from: \"08:30\", to: \"17:30\", days: working }\n",
        "  hours: { from: \"07:00\", to: \"22:00\" }\n",
    ]);
    let _ = write!(units, "delivery:\n  window_minutes: {window}\n{hours}");
    let (directory, faults) = duban_rules::read_directory(&units);
    Drawn {
        issued,
        files: vec![
            DefinitionFile {
                name: "ledger.yaml".to_owned(),
                text: head,
            },
            DefinitionFile {
                name: "tasks.yaml".to_owned(),
                text,
            },
        ],
        directory: directory.unwrap_or_else(|| panic!("the directory is sound: {faults:?}")),
        calendar: calendar(year),
        tasks,
        arising,
    }
}

/// The year, the one before and the one after: what lies beyond is not known.
fn calendar(year: i32) -> Calendar {
    let path = crate::duban::workspace().join("workflows/calendars/cn-workdays.csv");
    let all = scenario::read(&path).expect("the calendar");
    let mut some = String::new();
    for (number, line) in all.lines().enumerate() {
        let of = line.get(..4).and_then(|y| y.parse::<i32>().ok());
        if number == 0 || of.is_some_and(|y| (year - 1..=year + 1).contains(&y)) {
            some.push_str(line);
            some.push('\n');
        }
    }
    Calendar::from_csv("cn", &some).expect("part of a sound calendar")
}

fn draw_task(dice: &mut Dice, number: u64) -> Task {
    let sort = *dice.one_of(&[
        Sort::Published,
        Sort::Published,
        Sort::Submitted,
        Sort::Led,
        Sort::Encouraged,
        Sort::Waiting,
        Sort::Periods,
    ]);
    let count = if sort == Sort::Led {
        2
    } else {
        1 + dice.below(2)
    };
    let mut units = Vec::new();
    while (units.len() as u64) < count {
        // The two without a working channel are rarer.
        let place = dice.below(9);
        let unit = match place {
            0..7 => UNITS[usize::try_from(place % 3).expect("small")],
            7 => UNITS[3],
            _ => UNITS[4],
        };
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    Task {
        id: number.to_string(),
        sort,
        units,
    }
}

fn write_task(dice: &mut Dice, text: &mut String, task: &Task, issued: NaiveDate) {
    let due = issued + Days::new(5 + dice.below(70));
    let strength = match task.sort {
        Sort::Encouraged => "encouraged",
        _ => "required",
    };
    let opens = match task.sort {
        Sort::Waiting => "opens: trigger".to_owned(),
        Sort::Periods => {
            let first = *dice.one_of(&["full", "running"]);
            let (every, months) = *dice.one_of(&[("month", "*"), ("quarter", "JAN,APR,JUL,OCT")]);
            format!(
                "opens: each_period\n    period: {{ every: {every}, cron: \"10 9 1 {months} *\", first: {first} }}\n    due: period_end"
            )
        }
        _ => format!("opens: activation\n    due: {due}"),
    };
    let ladder = match task.sort {
        Sort::Encouraged => "encouraged",
        Sort::Crowded => "brief",
        _ => "fixed",
    };
    let fulfilled = match task.sort {
        Sort::Submitted | Sort::Led | Sort::Crowded => "{ submission: verified }".to_owned(),
        Sort::Waiting if dice.below(2) == 0 => "{ submission: verified }".to_owned(),
        _ => match dice.below(3) {
            0 => "{ publications: [{ name: 一, kinds: [plan], at_least: 1 }, { name: 二, kinds: [budget, report], at_least: 1 }] }".to_owned(),
            n => format!("{{ publications: [{{ name: 一, kinds: [plan, budget], at_least: {n} }}] }}"),
        },
    };
    let _ = write!(
        text,
        "  - id: \"{}\"\n    section: 一\n    subsection: 一\n    title: 任务{}\n    text: 任务。\n    units_phrase: 单位\n    strength: {strength}\n    {opens}\n    ladder: {ladder}\n    owners:\n",
        task.id, task.id
    );
    if task.sort == Sort::Crowded {
        let _ = writeln!(text, "      - {{ group: crowd, role: responsible }}");
    }
    let owners = task.units.iter().filter(|_| task.sort != Sort::Crowded);
    for (place, unit) in owners.enumerate() {
        let role = match (task.sort, place) {
            (Sort::Led, 0) => "role: lead",
            (Sort::Led, _) => "role: support, ladder: support",
            _ => "role: responsible",
        };
        let _ = writeln!(text, "      - {{ unit: {unit}, {role} }}");
    }
    let _ = writeln!(text, "    fulfilled_by: {fulfilled}");
}
