//! What was read of a document: rows, questions, counts, and of every cell how it was read.

use chrono::NaiveDate;
use duban_model::definition::{MergedCell, Role};
use serde::Serialize;

use crate::deadline::Deadline;

/// How sure a reading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Written so.
    Certain,
    /// Very probably meant so.
    Likely,
    /// Asked.
    Uncertain,
}

impl Confidence {
    /// Its name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Certain => "certain",
            Confidence::Likely => "likely",
            Confidence::Uncertain => "uncertain",
        }
    }

    /// Its name for the clerk.
    pub fn chinese(self) -> &'static str {
        match self {
            Confidence::Certain => "确定",
            Confidence::Likely => "较确定",
            Confidence::Uncertain => "待确认",
        }
    }
}

/// One cell, or what stands for one: where it is, what it holds, how it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellReading {
    /// The column's heading, or what stands for it.
    pub column: String,
    /// Where it is.
    pub place: String,
    /// What is written there.
    pub found: String,
    /// How it was read.
    pub read: String,
    /// How sure that is.
    pub confidence: Confidence,
}

/// A unit that a phrase names, in its role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owed {
    /// Its id in the directory.
    pub id: String,
    /// Its role in the task.
    pub role: Role,
    /// The name as found.
    pub phrase: String,
    /// The group through which it is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// True if the row itself names nobody, and this is the row above's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub supposed: bool,
}

/// A name that the directory does not settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unresolved {
    /// The name as found.
    pub phrase: String,
    /// Its role in the task.
    pub role: Role,
    /// True for 有关部门 and the like, and for what could be several units: no single unit is named.
    pub vague: bool,
}

/// One task of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number as found, or its place in the order if there is none.
    pub number: String,
    /// The upper heading.
    pub section: String,
    /// The lower heading.
    pub subsection: String,
    /// Its wording, without the number.
    pub text: String,
    /// Names that are to lead, as found.
    pub lead: Vec<String>,
    /// Names that are to support, as found.
    pub support: Vec<String>,
    /// Names that are responsible, as found.
    pub responsible: Vec<String>,
    /// The whole wording of its units.
    pub units_phrase: String,
    /// The units meant, in the order of the document; those of a group in order of their ids.
    pub units: Vec<Owed>,
    /// Names that the directory does not settle.
    pub unresolved: Vec<Unresolved>,
    /// Its deadline.
    pub deadline: Deadline,
    /// Cells that the document merges with the row above.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedCell>,
    /// True for 鼓励: reminded, never chased.
    pub encouraged: bool,
    /// Where it stands.
    pub place: String,
    /// Other columns by heading: not used, and not lost.
    pub other: Vec<(String, String)>,
    /// Columns that an export of ours added, by heading: no part of the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<(String, String)>,
    /// Every cell's reading.
    pub cells: Vec<CellReading>,
}

/// Something that a person must decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The task's number; nothing if it concerns the whole document.
    pub row: Option<String>,
    /// Where the cause stands.
    pub place: String,
    /// `number`, `section`, `text`, `units`, `deadline`, `document` or `row`.
    pub field: &'static str,
    /// What sort of question: `empty_cell`, `open_list`, `unknown_unit`, `two_readings` ….
    pub code: &'static str,
    /// What was found.
    pub found: String,
    /// The question, in Chinese.
    pub question: String,
    /// The possible answers, likeliest first.
    pub alternatives: Vec<String>,
    /// What the definition says until it is answered.
    pub taken: String,
}

/// A row, paragraph or part that is no task, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Aside {
    /// Where it stands.
    pub place: String,
    /// What it was read as: `title`, `header`, `repeated_header`, `banner`, `blank`, `note`,
    /// `joined`, `form_line`, or `added` for what an export of ours listed.
    pub read: &'static str,
    /// What is written there.
    pub found: String,
}

/// Whether everything is accounted for: `rows_in` is `tasks` and `asides` together, unless one row
/// holds several tasks (`extra_tasks`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows of tables and paragraphs that went in.
    pub rows_in: usize,
    /// Tasks read.
    pub tasks: usize,
    /// Tasks that share a row or paragraph with the task before.
    pub extra_tasks: usize,
    /// Rows and paragraphs that are no task.
    pub asides: usize,
    /// Questions.
    pub questions: usize,
    /// Units meant, once for each task and role.
    pub units: usize,
    /// Names that the directory does not settle.
    pub unresolved: usize,
}

impl Counts {
    /// True if every row that went in came out as a task or was set aside with a reason.
    pub fn agree(&self) -> bool {
        self.rows_in + self.extra_tasks == self.tasks + self.asides
    }
}

/// What is known of the ledger as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Heading {
    /// Its id, which only an export of ours says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Who issued it, if written.
    pub issuer: Option<String>,
    /// Its document number.
    pub number: Option<String>,
    /// The year it plans.
    pub year: Option<i32>,
    /// Its date.
    pub issued: Option<NaiveDate>,
}

/// A document as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The file's name.
    pub file: String,
    /// `docx`, `xlsx`, `csv` or `txt`.
    pub format: &'static str,
    /// The encoding, where it had to be found out.
    pub encoding: Option<String>,
    /// How the tasks lie in it: `table`, `form` or `list`.
    pub layout: &'static str,
    /// The ledger as a whole.
    pub heading: Heading,
    /// The tasks in order.
    pub rows: Vec<Row>,
    /// What a person must decide, in order of the document.
    pub questions: Vec<Question>,
    /// Whether everything is accounted for.
    pub counts: Counts,
    /// What is no task, and why.
    pub asides: Vec<Aside>,
    /// Columns and tables that an export of ours added to the ledger.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<String>,
    /// What was seen and could not be read, in Chinese.
    pub unread: Vec<String>,
}
