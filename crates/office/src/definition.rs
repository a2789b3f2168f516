//! From a reading to a definition folder that `duban check` accepts.
//!
//! Whatever is not settled is written so that nobody is chased wrongly, and asked under `confirm`:
//! a task without a date waits, a task without a unit is the office's own, a unit that the directory
//! lacks gets an entry marked `uncertain`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use chrono::{Datelike, NaiveDate};
use duban_model::Directory;
use duban_model::definition::{MergedCell, Role};
use duban_model::directory::{Certainty, Unit};
use duban_model::id::is_plain_id;

use crate::deadline::{Every, Kind};
use crate::ladders;
use crate::reading::{Owed, Question, Reading, Row};
use crate::refusal::Refusal;
use crate::text::{closes, half, opens, squeeze};
use crate::yaml::{self, quoted, text};

/// The most characters of a task's wording in a definition.
const MAX_TEXT_CHARS: usize = 4_000;
/// The most characters of a short title, which is ours.
const TITLE_CHARS: usize = 24;

/// What the clerk says about the ledger as a whole.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Its id; otherwise tenant and year.
    pub ledger: Option<String>,
    /// Its date; otherwise as found, or the first day of its year.
    pub issued: Option<NaiveDate>,
    /// The supervising office, a unit id.
    pub office: Option<String>,
    /// The leading group, a unit id.
    pub leading_group: Option<String>,
}

/// The files of a definition folder.
#[derive(Clone, Debug)]
pub struct Written {
    /// The ledger's id.
    pub id: String,
    /// `ledger.yaml`
    pub ledger: String,
    /// `tasks.yaml`
    pub tasks: String,
    /// `directory.yaml`, if units had to be added; otherwise the directory is as it was.
    pub directory: Option<String>,
    /// What had to be supposed about the ledger as a whole.
    pub questions: Vec<Question>,
}

struct Writer<'a> {
    reading: &'a Reading,
    directory: Directory,
    year: i32,
    issued: NaiveDate,
    ends: NaiveDate,
    office: String,
    leading_group: String,
    added: BTreeMap<String, String>,
    questions: Vec<Question>,
    /// True once the reading of year-long tasks has been asked.
    asked_periods: bool,
}

/// Writes the definition of what was read.
///
/// # Errors
///
/// A [`Refusal`] if the year is unknown, or the directory is empty.
pub fn write(
    reading: &Reading,
    directory: &Directory,
    settings: &Settings,
) -> Result<Written, Refusal> {
    let Some(year) = reading.heading.year else {
        return Err(Refusal::new(
            &reading.file,
            "没有写明年份",
            "台账的年度",
            "用 --year 给出,例如 --year 2021",
        ));
    };
    let first_day = NaiveDate::from_ymd_opt(year, 1, 1);
    let last_day = NaiveDate::from_ymd_opt(year, 12, 31);
    let (Some(first_day), Some(ends)) = (first_day, last_day) else {
        return Err(Refusal::new(
            &reading.file,
            format!("年度 {year}"),
            "2000 至 2100",
            "用 --year 给出年份",
        ));
    };
    if directory.units.is_empty() {
        return Err(Refusal::new(
            "名录",
            "没有单位",
            "至少一个单位",
            "先用 duban import --units 导入单位名录",
        ));
    }
    let issued = settings
        .issued
        .or(reading.heading.issued.filter(|d| d.year() == year));
    let mut writer = Writer {
        reading,
        directory: directory.clone(),
        year,
        issued: issued.unwrap_or(first_day),
        ends,
        office: String::new(),
        leading_group: String::new(),
        added: BTreeMap::new(),
        questions: Vec::new(),
        asked_periods: false,
    };
    if issued.is_none() {
        let found = reading
            .heading
            .issued
            .map(|d| d.to_string())
            .unwrap_or_default();
        let taken = first_day.to_string();
        writer.ask(
            "no_date",
            found,
            "文件没有本年度的成文日期",
            vec![taken, "用 --issued 给出".to_owned()],
        );
    }
    writer.offices(settings);
    let tasks = writer.tasks();
    let id = settings
        .ledger
        .clone()
        .or_else(|| reading.heading.ledger.clone().filter(|id| is_plain_id(id)))
        .unwrap_or_else(|| format!("{}-{year}", directory.tenant));
    let ledger = writer.ledger(&id, &ladders::named_in(&tasks));
    let added = !writer.added.is_empty();
    let comment = "单位名录 | Units, their groups and contacts.\n\n本文件由导入写出;id 以 new- 开头的单位是台账提到、名录原来没有的,待核。\nWritten by an import; units whose id begins with new- were named by the ledger and are to be checked.";
    Ok(Written {
        id,
        ledger,
        tasks,
        directory: added.then(|| yaml::directory(&writer.directory, comment)),
        questions: writer.questions,
    })
}

impl Writer<'_> {
    fn ask(
        &mut self,
        code: &'static str,
        found: String,
        question: &str,
        alternatives: Vec<String>,
    ) {
        self.questions.push(Question {
            row: None,
            place: "全文".to_owned(),
            field: "document",
            code,
            found,
            question: question.to_owned(),
            taken: alternatives.first().cloned().unwrap_or_default(),
            alternatives,
        });
    }

    /// Who supervises, and who stands above: as told, or as the directory suggests.
    fn offices(&mut self, settings: &Settings) {
        let units = &self.directory.units;
        let named = |words: &[&str]| -> Option<String> {
            let fits = |unit: &Unit| words.iter().any(|word| unit.name.contains(word));
            units
                .iter()
                .find(|(_, unit)| fits(unit))
                .map(|(id, _)| id.clone())
        };
        let in_charge = units
            .iter()
            .find(|(_, unit)| {
                unit.level == "市级" && unit.groups.iter().any(|g| g.contains("政务公开主管部门"))
            })
            .map(|(id, _)| id.clone());
        let first = units.keys().next().cloned().unwrap_or_default();
        let group = settings
            .leading_group
            .clone()
            .or_else(|| named(&["领导小组"]));
        let office = settings
            .office
            .clone()
            .or(in_charge)
            .or_else(|| named(&["人民政府办公室", "政府办公室", "督查室"]))
            .unwrap_or_else(|| group.clone().unwrap_or(first));
        let group = group.unwrap_or_else(|| office.clone());
        for (told, taken, option, who) in [
            (&settings.office, &office, "--office", "主管部门"),
            (
                &settings.leading_group,
                &group,
                "--leading-group",
                "领导小组",
            ),
        ] {
            if told.is_none() {
                let name = self
                    .directory
                    .units
                    .get(taken)
                    .map_or("", |u| u.name.as_str());
                let shown = format!("{name}({taken})");
                self.questions.push(Question {
                    row: None,
                    place: "全文".to_owned(),
                    field: "document",
                    code: "no_office",
                    found: String::new(),
                    question: format!("文件没有写明{who}"),
                    taken: shown.clone(),
                    alternatives: vec![shown, format!("用 {option} 给出单位编号")],
                });
            }
        }
        self.office = office;
        self.leading_group = group;
    }

    fn ledger(&mut self, id: &str, ladders: &str) -> String {
        let heading = &self.reading.heading;
        let title = heading
            .title
            .clone()
            .unwrap_or_else(|| format!("{}年台账", self.year));
        let issuer = heading.issuer.clone().unwrap_or_default();
        let number = heading.number.clone().unwrap_or_default();
        if issuer.is_empty() || number.is_empty() {
            let missing = if issuer.is_empty() && number.is_empty() {
                "印发机关和文号"
            } else if issuer.is_empty() {
                "印发机关"
            } else {
                "文号"
            };
            let question = format!("文件没有写明{missing}");
            self.ask(
                "no_issuer",
                String::new(),
                &question,
                vec!["暂空,在 ledger.yaml 中填写".to_owned()],
            );
        }
        let mut out = String::from(
            "# 台账 | The ledger as a whole, as imported. 待确认的见 import-report.md\n\n",
        );
        let _ = writeln!(out, "ledger: {}", quoted(id));
        let _ = writeln!(out, "title: {}", text(&title));
        let _ = writeln!(out, "issuer: {}", text(&issuer));
        let _ = writeln!(out, "number: {}", quoted(&number));
        let _ = writeln!(out, "tenant: {}", self.directory.tenant);
        let _ = writeln!(out, "year: {}", self.year);
        let _ = writeln!(out, "issued: {}", self.issued);
        let _ = writeln!(out, "ends: {}", self.ends);
        let _ = writeln!(out, "zone: Asia/Shanghai\ncalendar: cn");
        let _ = writeln!(
            out,
            "office: {}\nleading_group: {}",
            self.office, self.leading_group
        );
        out.push_str("\nat: \"09:10\"\nyellow: 7wd\nbackdate: 2wd\nreturn_clock: 5wd\nverify_within: 5wd\n\n");
        out.push_str(ladders);
        out.push_str(
            "\n# 公开信息的种类:以公开信息销号的任务才需要,见 workflows/README.md\nkinds: {}\n",
        );
        out
    }

    fn tasks(&mut self) -> String {
        let mut out = String::from(
            "# 任务 | The tasks as imported. confirm 之下是待主管部门确认的事项。\n# 全部任务暂以“报送并经主管部门核实”销号;以公开信息销号的,改写 fulfilled_by。\n\ntasks:\n",
        );
        let mut ids = BTreeSet::new();
        let reading = self.reading;
        let mut renumbered: Vec<String> = Vec::new();
        for (order, row) in reading.rows.iter().enumerate() {
            let mut id = row.number.clone();
            let found = id.clone();
            if !is_plain_id(&id) || ids.contains(&id) {
                id = format!("t{}", order + 1);
                while ids.contains(&id) {
                    id.push('-');
                }
                renumbered.push(format!("“{found}”→{id}"));
            }
            ids.insert(id.clone());
            self.task(&id, row, &mut out);
        }
        if !renumbered.is_empty() {
            let found = renumbered.join("、");
            let alternatives = vec!["用新编号".to_owned(), "改写序号后重新导入".to_owned()];
            let question = "序号不能作为任务编号(只能用字母、数字和 - _ .),已另编";
            self.ask("number", found, question, alternatives);
        }
        out
    }

    fn task(&mut self, id: &str, row: &Row, out: &mut String) {
        let mut confirm: Vec<String> = self
            .reading
            .questions
            .iter()
            .filter(|q| q.row.as_deref() == Some(&row.number))
            .map(|q| {
                let mark = if q.question.ends_with('?') { "" } else { "。" };
                format!("第{id}行{}{mark}暂取:{}", q.question, q.taken)
            })
            .collect();
        let mut wording: String = row.text.chars().take(MAX_TEXT_CHARS).collect();
        if wording.chars().count() < row.text.chars().count() {
            confirm.push(format!(
                "第{id}行原文超过{MAX_TEXT_CHARS}字,只保留了前面的部分"
            ));
        }
        if wording.trim().is_empty() {
            "(原文为空)".clone_into(&mut wording);
        }
        let _ = writeln!(out, "\n  # {}", row.place.replace(char::is_control, " "));
        let _ = writeln!(out, "  - id: {}", quoted(id));
        let _ = writeln!(out, "    section: {}", text(&row.section));
        let _ = writeln!(out, "    subsection: {}", text(&row.subsection));
        let _ = writeln!(out, "    title: {}", text(&short_title(&row.text)));
        let _ = writeln!(out, "    text: {}", yaml::block(&wording, 6));
        let _ = writeln!(out, "    units_phrase: {}", text(&row.units_phrase));
        if !row.deadline.phrase.is_empty() {
            let _ = writeln!(out, "    deadline_phrase: {}", text(&row.deadline.phrase));
        }
        if !row.merged.is_empty() {
            let cells: Vec<&str> = row.merged.iter().map(|cell| merged_word(*cell)).collect();
            let _ = writeln!(out, "    merged: [{}]", cells.join(", "));
        }
        let strength = if row.encouraged {
            "encouraged"
        } else {
            "required"
        };
        let _ = writeln!(out, "    strength: {strength}");
        let by_period = self.timing(id, row, &mut confirm, out);
        let ladder = match (row.encouraged, by_period) {
            (true, _) => "encouraged",
            (false, true) => "period",
            (false, false) => "fixed",
        };
        let _ = writeln!(out, "    ladder: {ladder}\n    owners:");
        let own_ladder = match (row.encouraged, by_period) {
            (true, _) => "",
            (false, true) => ", ladder: period_support",
            (false, false) => ", ladder: support",
        };
        self.owners(id, row, own_ladder, &mut confirm, out);
        let _ = writeln!(out, "    fulfilled_by: {{ submission: verified }}");
        if !confirm.is_empty() {
            let _ = writeln!(out, "    confirm:");
            for question in confirm {
                let _ = writeln!(out, "      - {}", text(&question));
            }
        }
    }

    /// Writes `opens`, `period` and `due`; true if the task comes again each period.
    fn timing(&mut self, id: &str, row: &Row, confirm: &mut Vec<String>, out: &mut String) -> bool {
        let read = &row.deadline;
        let phrase = &read.phrase;
        let dated = matches!(read.kind, Kind::Fixed | Kind::Period | Kind::Yearly);
        if let Some(date) = read.date.filter(|_| dated) {
            if date >= self.issued {
                let _ = writeln!(out, "    opens: activation\n    due: {date}");
                if read.kind == Kind::Yearly {
                    confirm.push(format!(
                        "第{id}行“{phrase}”每年如此,本台账只管{}年,请确认",
                        self.year
                    ));
                }
                return false;
            }
            confirm.push(format!(
                "第{id}行“{phrase}”即{date},早于成文日期{},暂待主管部门启动并给出日期",
                self.issued
            ));
            out.push_str("    opens: trigger\n");
            return false;
        }
        let every = match (read.kind, read.every) {
            (Kind::Continuous | Kind::Realtime | Kind::Immediate, _) => Every::Quarter,
            (Kind::Recurring, Some(every)) => every,
            (Kind::Yearly, _) => {
                let _ = writeln!(out, "    opens: activation\n    due: {}", self.ends);
                confirm.push(format!("第{id}行“{phrase}”没有写明日期,暂按年底,请确认"));
                return false;
            }
            _ => {
                out.push_str("    opens: trigger\n");
                if read.kind == Kind::Relative {
                    confirm.push(format!(
                        "第{id}行“{phrase}”从事后起算,暂待主管部门逐次启动并给出日期,请确认由谁启动"
                    ));
                } else if read.kind == Kind::WhenAppropriate {
                    confirm.push(format!(
                        "第{id}行“{phrase}”没有日期,暂待主管部门启动并给出日期,请确认由谁启动"
                    ));
                }
                return false;
            }
        };
        let (word, cron, months) = match every {
            Every::Day | Every::Week | Every::TenDays | Every::Month => ("month", "10 9 1 * *", 1),
            Every::Quarter => ("quarter", "10 9 1 JAN,APR,JUL,OCT *", 3),
            Every::HalfYear => ("half_year", "10 9 1 JAN,JUL *", 6),
            Every::Year => ("year", "10 9 1 JAN *", 12),
        };
        // Late in the year there may be no full period left.
        let first = if self.issued.month0() + months >= 12 {
            "running"
        } else {
            "full"
        };
        // The first day of a period is not counted: the 10th is nine days after it.
        let due = read
            .day
            .map_or("period_end".to_owned(), |day| format!("{}d", day - 1));
        let _ = writeln!(
            out,
            "    opens: each_period\n    period: {{ every: {word}, cron: \"{cron}\", first: {first} }}\n    due: {due}"
        );
        match read.kind {
            Kind::Continuous if self.asked_periods => {}
            Kind::Continuous => {
                self.asked_periods = true;
                confirm.push(format!(
                    "全部“{phrase}”类任务暂按季度核查,每季度末为一个期限,年底结束,请确认周期"
                ));
            }
            Kind::Recurring if matches!(every, Every::Day | Every::Week | Every::TenDays) => {
                confirm.push(format!("第{id}行“{phrase}”暂按月核查,请确认"));
            }
            Kind::Recurring => {}
            _ => confirm.push(format!("第{id}行“{phrase}”没有到期日,暂按季度核查,请确认")),
        }
        true
    }

    fn owners(
        &mut self,
        id: &str,
        row: &Row,
        support_ladder: &str,
        confirm: &mut Vec<String>,
        out: &mut String,
    ) {
        let mut units: Vec<Owed> = row.units.clone();
        for unresolved in row.unresolved.iter().filter(|u| !u.vague) {
            let new = self.add(&unresolved.phrase);
            if !units
                .iter()
                .any(|o| o.id == new && o.role == unresolved.role)
            {
                units.push(Owed {
                    id: new,
                    role: unresolved.role,
                    phrase: unresolved.phrase.clone(),
                    group: None,
                    supposed: false,
                });
            }
        }
        if units.is_empty() {
            confirm.push(format!("第{id}行没有可以确定的责任单位,暂由主管部门负责"));
            units.push(Owed {
                id: self.office.clone(),
                role: Role::Responsible,
                phrase: String::new(),
                group: None,
                supposed: true,
            });
        }
        let has_lead = units.iter().any(|o| o.role == Role::Lead);
        let ladder = |role| {
            if role == Role::Support && has_lead {
                support_ladder
            } else {
                ""
            }
        };
        let mut done: BTreeSet<(String, Role)> = BTreeSet::new();
        for owed in &units {
            let role = owed.role.as_str();
            let ladder = ladder(owed.role);
            if let Some(group) = &owed.group {
                let members: BTreeSet<&String> = self.directory.members(group).collect();
                let here: BTreeSet<&String> = units
                    .iter()
                    .filter(|o| o.role == owed.role && o.group.as_ref() == Some(group))
                    .map(|o| &o.id)
                    .collect();
                if members == here {
                    if done.insert((group.clone(), owed.role)) {
                        let _ = writeln!(
                            out,
                            "      - {{ group: {}, role: {role}{ladder} }}",
                            quoted(group)
                        );
                    }
                    continue;
                }
            }
            let _ = writeln!(out, "      - {{ unit: {}, role: {role}{ladder} }}", owed.id);
        }
    }

    /// An entry for a unit that the directory lacks; the same name has one entry.
    fn add(&mut self, phrase: &str) -> String {
        let key = squeeze(phrase);
        if let Some(id) = self.added.get(&key) {
            return id.clone();
        }
        let mut number = self.added.len() + 1;
        while self.directory.units.contains_key(&format!("new-{number}")) {
            number += 1;
        }
        let id = format!("new-{number}");
        self.directory.units.insert(
            id.clone(),
            Unit {
                name: key.clone(),
                short: Vec::new(),
                level: String::new(),
                kind: String::new(),
                groups: Vec::new(),
                superior: None,
                certainty: Some(Certainty::Uncertain),
                contacts: Vec::new(),
                leader: None,
                formerly: Vec::new(),
                hours: None,
            },
        );
        self.added.insert(key, id.clone());
        id
    }
}

/// The beginning of a wording, as far as it makes sense alone: up to the first mark that is not
/// inside brackets.
fn short_title(wording: &str) -> String {
    let mut depth = 0_usize;
    let mut title = String::new();
    for c in wording.chars().take(TITLE_CHARS) {
        if opens(c) {
            depth += 1;
        } else if closes(c) {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && matches!(half(c), ',' | '。' | ';' | '、' | ':' | '\n')
            && !title.is_empty()
        {
            break;
        }
        title.push(c);
    }
    if title.trim().is_empty() {
        "任务".to_owned()
    } else {
        title
    }
}
/// How a definition calls a merged cell.
fn merged_word(cell: MergedCell) -> &'static str {
    match cell {
        MergedCell::Units => "units",
        MergedCell::Deadline => "deadline",
    }
}
