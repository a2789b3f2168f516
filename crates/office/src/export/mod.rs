//! A ledger as it stands, written as a document: the office's own columns as worded, and beside
//! them what became of each row.
//!
//! [`Ledger`] is what is known; [`xlsx`], [`docx`], [`csv`] and [`ics`] write it. All of them give
//! the same bytes for the same ledger. [`notices`] writes what a simulation would send, [`table`] any
//! table as a page shows it. What is
//! written here is read again by [`crate::read_ledger`]: the columns that were added are known by
//! their headings (`words`), the ledger as a whole by one line below the title (`caption`).

pub(crate) mod caption;
mod cells;
pub mod csv;
pub mod docx;
mod docx_parts;
pub mod ics;
pub mod notices;
mod summary;
pub mod table;
pub(crate) mod words;
pub mod xlsx;

use chrono::{DateTime, FixedOffset, NaiveDate};
use duban_model::definition::{MergedCell, Role};

use crate::refusal::Refusal;

/// The light of a duty, and of a row: that of its worst duty. Worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Light {
    /// 红灯
    Red,
    /// 黄灯
    Yellow,
    /// 绿灯
    Green,
    /// 完成
    Done,
    /// 灰: nothing is expected now.
    Grey,
}

impl Light {
    /// Its name for the clerk. Colour alone says nothing on a black and white print.
    pub fn chinese(self) -> &'static str {
        match self {
            Light::Red => "红灯",
            Light::Yellow => "黄灯",
            Light::Green => "绿灯",
            Light::Done => "完成",
            Light::Grey => "灰",
        }
    }

    /// The colour behind it: light enough for black text.
    pub(crate) fn rgb(self) -> u32 {
        match self {
            Light::Red => 0x00F4_B0A8,
            Light::Yellow => 0x00FF_E699,
            Light::Green => 0x00C6_E0B4,
            Light::Done => 0x00BD_D7EE,
            Light::Grey => 0x00E0_E0E0,
        }
    }
}

/// Where a duty stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// 待启动
    Waiting,
    /// 待签收
    Open,
    /// 已签收
    Accepted,
    /// 已报送待核实
    Submitted,
    /// 已退回
    Returned,
    /// 已销号
    Fulfilled,
    /// 免办
    Waived,
    /// 鼓励事项,已过时限
    Lapsed,
    /// 已撤销
    Withdrawn,
}

impl Stage {
    /// Its name for the clerk.
    pub fn chinese(self) -> &'static str {
        match self {
            Stage::Waiting => "待启动",
            Stage::Open => "待签收",
            Stage::Accepted => "已签收",
            Stage::Submitted => "已报送待核实",
            Stage::Returned => "已退回",
            Stage::Fulfilled => "已销号",
            Stage::Waived => "免办",
            Stage::Lapsed => "已过时限(鼓励事项)",
            Stage::Withdrawn => "已撤销",
        }
    }

    /// 未办结: something is still expected of the unit or of the office.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Stage::Open | Stage::Accepted | Stage::Submitted | Stage::Returned
        )
    }
}

/// Something that counts for a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The requirement it counts for, or 报送.
    pub counts_for: String,
    /// Its title; of a link without one, the link.
    pub title: String,
    /// Its kind; empty for what was submitted.
    pub kind: String,
    /// The day it counts as of.
    pub on: NaiveDate,
    /// Where it stands.
    pub link: Option<String>,
}

/// The latest notice about a duty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When, in the office's zone.
    pub at: DateTime<FixedOffset>,
    /// What sort, which step, to whom and how it ended, in Chinese.
    pub told: String,
}

/// One duty of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duty {
    /// Its id.
    pub id: String,
    /// The row's number.
    pub task: String,
    /// The row's short title; empty if the definition no longer has the row.
    pub title: String,
    /// The unit's id.
    pub unit: String,
    /// The unit's name as notices print it.
    pub name: String,
    /// The unit's full name.
    pub full_name: String,
    /// Its part.
    pub role: Role,
    /// Which period, e.g. `2021Q3`, or what it was opened for.
    pub period: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// Its light.
    pub light: Light,
    /// Its clock stands still: the date will move.
    pub stopped: bool,
    /// The date in force.
    pub due: Option<NaiveDate>,
    /// The instant on that day, where the term is counted in hours.
    pub due_at: Option<DateTime<FixedOffset>>,
    /// The day it was struck off.
    pub done: Option<NaiveDate>,
    /// Struck off after its date.
    pub late: bool,
    /// What counts.
    pub evidence: Vec<Evidence>,
    /// What does not count yet, by the names of requirements.
    pub missing: Vec<String>,
    /// The latest notice about it.
    pub notice: Option<Notice>,
    /// Extensions, returns and other dates, oldest first: the day and what happened.
    pub changes: Vec<String>,
    /// Progress, waivers and the like, oldest first: the day and what happened.
    pub remarks: Vec<String>,
}

/// One row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub id: String,
    /// 任务名称, upper column.
    pub section: String,
    /// 任务名称, lower column.
    pub subsection: String,
    /// 具体任务, without its number.
    pub text: String,
    /// 责任单位 as worded.
    pub units_phrase: String,
    /// 完成时限 as worded.
    pub deadline_phrase: String,
    /// The one day on which it is due, if the definition names one.
    pub due: Option<NaiveDate>,
    /// Cells that the document merges with the row above.
    pub merged: Vec<MergedCell>,
    /// What the office must still confirm.
    pub confirm: Vec<String>,
    /// Its duties, in the order of units and periods.
    pub duties: Vec<Duty>,
}

/// What is known of the ledger as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading {
    /// Its id.
    pub ledger: String,
    /// Its title.
    pub title: String,
    /// Who issued it.
    pub issuer: String,
    /// Its document number.
    pub number: String,
    /// The year it plans.
    pub year: i32,
    /// Its date.
    pub issued: NaiveDate,
    /// The instant of which the document tells, in the office's zone.
    pub as_of: DateTime<FixedOffset>,
}

/// A ledger as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// The ledger as a whole.
    pub heading: Heading,
    /// What was left out on request, in words: 开鲁县, 红灯. Empty if nothing was.
    pub only: Vec<String>,
    /// The rows in the document's order.
    pub rows: Vec<Row>,
    /// Duties of rows that the definition no longer has.
    pub others: Vec<Duty>,
}

impl Ledger {
    /// A ledger with all its rows. A merged cell takes the wording of the row above; one that says
    /// something of its own is not merged.
    pub fn new(heading: Heading, mut rows: Vec<Row>, others: Vec<Duty>) -> Ledger {
        let mut above: Option<(String, String)> = None;
        for row in &mut rows {
            let Some((units, deadline)) = &above else {
                row.merged.clear();
                above = Some((row.units_phrase.clone(), row.deadline_phrase.clone()));
                continue;
            };
            for (cell, phrase, above) in [
                (MergedCell::Units, &mut row.units_phrase, units),
                (MergedCell::Deadline, &mut row.deadline_phrase, deadline),
            ] {
                if phrase.is_empty() && row.merged.contains(&cell) {
                    phrase.clone_from(above);
                }
                if phrase != above {
                    row.merged.retain(|merged| *merged != cell);
                }
            }
            above = Some((row.units_phrase.clone(), row.deadline_phrase.clone()));
        }
        Ledger {
            heading,
            only: Vec::new(),
            rows,
            others,
        }
    }

    /// Leaves the duties that fit, and the rows that have any; `words` says which, for the reader.
    #[must_use]
    pub fn only(mut self, words: &str, fits: impl Fn(&Duty) -> bool) -> Ledger {
        self.only.push(words.to_owned());
        self.others.retain(&fits);
        let mut left_out = false;
        self.rows.retain_mut(|row| {
            row.duties.retain(&fits);
            if left_out {
                // What it was merged with is not there.
                row.merged.clear();
            }
            left_out = row.duties.is_empty();
            !left_out
        });
        self
    }

    /// All duties: those of the rows in their order, then the others.
    pub fn duties(&self) -> impl Iterator<Item = &Duty> {
        let of_rows = self.rows.iter().flat_map(|row| &row.duties);
        of_rows.chain(&self.others)
    }
}

/// Which tables a document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The ledger, a row a task.
    Tasks,
    /// A row a duty.
    Duties,
    /// Both.
    Both,
}

impl Part {
    pub(crate) fn has_tasks(self) -> bool {
        self != Part::Duties
    }

    pub(crate) fn has_duties(self) -> bool {
        self != Part::Tasks
    }
}

/// What a format cannot hold.
pub(crate) fn unwritable(format: &str, fault: impl std::fmt::Display) -> Refusal {
    Refusal::new(
        format!("{format} 文件"),
        format!("写不出来({fault})"),
        "该格式容得下的内容",
        "用 --unit 或 --light 分成几个文件导出",
    )
}

/// True for a link that a reader may follow from a document: nothing that runs or opens files.
pub(crate) fn is_web(link: &str) -> bool {
    let lower: String = link.chars().take(8).collect::<String>().to_lowercase();
    (lower.starts_with("http://") || lower.starts_with("https://"))
        && !link.contains(|c: char| c.is_whitespace() || c.is_control())
}
