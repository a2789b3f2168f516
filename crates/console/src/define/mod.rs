//! Definitions in the browser: from a document to what is in force, and back.
//!
//! What is worked on is a draft ([`draft`]): texts of a definition folder, kept by the console until
//! they are deployed or thrown away. What a text means is not the console's to know: it asks a
//! [`Workshop`], which the binary injects, on threads of their own and one piece of work at a time.

mod calendar;
mod contacts;
mod desk;
mod diagnostic;
mod draft;
mod edit;
mod form;
mod outside;
mod page;
mod plan;
mod preview;
mod questions;
mod tasks;
#[cfg(test)]
pub(crate) mod tests;
mod told;
mod version;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use duban_model::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::access::{Need, Right};
use crate::route::Entry;
pub use diagnostic::{Diagnostic, Plain, Severity};
pub(crate) use draft::Drafts;
pub use draft::{
    DOCUMENT_BYTES, DRAFT_BYTES, DRAFT_DAYS, DRAFT_FILES, DRAFTS, FILE_BYTES as TEXT_BYTES,
};
pub use form::{FieldFaults, Outline, TaskDue, TaskForm, TaskOwner};
pub use preview::{Previewed, Wish, WishedDuty};

/// A piece of work may take so long before it is given up.
pub const WORK_WITHIN: Duration = Duration::from_mins(1);
/// Work waits so long for the work before it.
pub const TURN_WITHIN: Duration = Duration::from_secs(20);
/// Texts in force that were read once are shown for so long, though the directory may have changed.
const FORCE_KEPT: Duration = Duration::from_mins(1);
/// Rows, lines and changes of one sort that a page lists, in rows.
pub const LISTED: usize = 500;

/// The texts of a definition folder by the names of their files.
pub type Files = BTreeMap<String, String>;

/// A document to be read.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    /// Its name, as a label.
    pub name: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// A list of units and contacts, and no ledger.
    pub of_units: bool,
    /// The office.
    pub tenant: &'a str,
    /// A directory text to read it with; otherwise the one in force.
    pub directory: Option<&'a str>,
    /// What was answered to its questions, by their keys.
    pub answers: &'a BTreeMap<String, String>,
}

/// What may be answered beside the alternatives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Free {
    /// Nothing.
    #[default]
    Nothing,
    /// A day: `day:2021-06-30`.
    Day,
    /// A unit: `unit:city-spj`.
    Unit,
    /// A year: `year:2021`.
    Year,
}

/// One question of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// By this it is answered.
    pub key: String,
    /// The task's number; empty if it concerns the whole document.
    pub row: String,
    /// Where its cause stands.
    pub place: String,
    /// What is written there.
    pub found: String,
    /// The question.
    pub text: String,
    /// The possible answers, likeliest first.
    pub alternatives: Vec<String>,
    /// What holds until it is answered.
    pub taken: String,
    /// What may be answered beside them.
    pub free: Free,
    /// What became of the answer, in words; empty without one.
    pub became: String,
}

/// One task of a document as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRow {
    /// Its number.
    pub number: String,
    /// Its wording.
    pub text: String,
    /// The units as written.
    pub phrase: String,
    /// The units as read: how many.
    pub units: usize,
    /// The deadline as written.
    pub deadline: String,
    /// The deadline as read.
    pub read: String,
}

/// A document as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What the ledger is called, if that is written.
    pub title: String,
    /// What was counted, in words.
    pub counts: String,
    /// The tasks, in order.
    pub rows: Vec<ReadRow>,
    /// All questions, answered ones too.
    pub questions: Vec<Question>,
    /// What was set aside, and what could not be read.
    pub aside: Vec<String>,
    /// Units to choose from: id and name.
    pub units: Vec<(String, String)>,
    /// The texts that follow from it; none while a question stands in the way.
    pub files: Option<Files>,
}

/// What texts come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Everything about them, the worst first.
    pub diagnostics: Vec<Diagnostic>,
    /// The offices that they say they are of.
    pub tenants: Vec<String>,
    /// The ledger, if the texts hold together.
    pub ledger: Option<String>,
    /// What is counted, in words, if they do.
    pub counts: String,
}

/// One line of a plan: what happens, to which duty, from when to when, why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// What happens to it, as commands and the API name it: `opened`, `moved` ….
    pub change: &'static str,
    /// What happens to it.
    pub what: String,
    /// Which duty.
    pub obligation: String,
    /// Before.
    pub from: String,
    /// After.
    pub to: String,
    /// Notices added, dropped, past, at another time.
    pub notices: [usize; 4],
    /// Why.
    pub why: String,
    /// Notices that it adds: when, which step, to whom.
    pub ahead: Vec<[String; 3]>,
}

/// What deploying would change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// By this a deployment is held to it.
    pub plan: String,
    /// What comes into force, in words; empty if all of it is in force already.
    pub brings: Vec<String>,
    /// Each sort of change with its count.
    pub sum: Vec<(String, usize)>,
    /// The same as commands and the API name them.
    pub counts: BTreeMap<&'static str, usize>,
    /// What comes into force, as they name it: `calendar`, `directory`, `definition`.
    pub parts: Vec<&'static str>,
    /// The changes, at most [`LISTED`].
    pub changes: Vec<Change>,
    /// Units whose people change: unit, before, after.
    pub contacts: Vec<[String; 3]>,
    /// Why it would be refused.
    pub refused: Vec<String>,
}

/// The year ahead of a draft: if nobody does anything from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// The first and the last day looked at.
    pub span: (String, String),
    /// By the Monday of the week: reminders, escalations, others.
    pub weeks: Vec<(String, crate::ahead::Expected)>,
    /// The first notices: when, what, about which task, to whom.
    pub first: Vec<[String; 4]>,
    /// What the services would refuse, each sort of it once.
    pub refused: Vec<String>,
}

/// A deployment as ordered.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The plan it is held to.
    pub plan: &'a str,
    /// Who.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// What became of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployed {
    /// It is in force: what came of it, in words.
    InForce(String),
    /// The plan is another one by now.
    Stale,
    /// It was refused, for these reasons.
    Refused(Vec<String>),
}

/// One thing that came into force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// By this it is asked for.
    pub id: String,
    /// The office.
    pub tenant: String,
    /// The ledger; empty for units and calendars, which are of the office.
    pub ledger: String,
    /// What it is, in words.
    pub what: String,
    /// Its hash.
    pub hash: String,
    /// Since when.
    pub at: Option<Timestamp>,
    /// Who deployed it, and why.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Its texts.
    pub files: Files,
    /// It is the one in force.
    pub in_force: bool,
}

/// Knows what texts mean, and brings them into force.
///
/// The binary injects it, since the console knows neither documents nor rules. All of it is called on
/// threads of their own and may read the log; faults are words for the clerk.
pub trait Workshop: Send + Sync {
    /// Reads a document, with what was answered so far.
    fn read(&self, document: &Document<'_>) -> Result<Reading, String>;
    /// What is wrong with texts, and what they come to.
    fn check(&self, files: &Files) -> Checked;
    /// What deploying them would change. Given up after so long.
    fn plan(&self, files: &Files, within: Duration) -> Result<Planned, String>;
    /// What would be sent in the year after deploying them. Given up after so long.
    fn outlook(&self, files: &Files, within: Duration) -> Result<Outlook, String>;
    /// Brings them into force, as planned or not at all.
    fn deploy(
        &self,
        files: &Files,
        order: &Order<'_>,
        within: Duration,
    ) -> Result<Deployed, String>;
    /// A notice as it would read and leave by these texts.
    fn preview(&self, files: &Files, wish: &Wish) -> Result<Previewed, String>;
    /// What came into force of an office (of all of them if none is named), the newest first.
    fn versions(&self, tenant: &str, within: Duration) -> Result<Vec<Version>, String>;
    /// The texts in force of a ledger.
    fn in_force(&self, ledger: &str, within: Duration) -> Result<Files, String>;
    /// What a form needs to know of texts; nothing while they have errors.
    fn outline(&self, files: &Files) -> Option<Outline>;
    /// The texts with a task as a form has it: added outside the ledger where the form is new, under
    /// its number or the next free one; otherwise changed where it stands. Gives its number and the
    /// texts; what is wrong by fields of the form, `all` for what is wrong with none of them.
    fn with_task(
        &self,
        files: &Files,
        task: &TaskForm,
        within: Duration,
    ) -> Result<(String, Files), FieldFaults>;
    /// The people of a directory text, to be changed in a table; nothing while it has faults.
    fn people(&self, directory: &str) -> Option<Vec<Person>>;
    /// A directory text with these people in place of its own.
    fn with_people(&self, directory: &str, people: &[Person]) -> Result<String, String>;
}

/// One contact in a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The unit's id.
    pub unit: String,
    /// The unit's name.
    pub unit_name: String,
    /// Its id within the unit; empty for a new one.
    pub id: String,
    /// 分管负责人, and no contact.
    pub leads: bool,
    /// Title; without one the contact is taken out.
    pub title: String,
    /// Mail address.
    pub mail: String,
    /// Ways to reach it, separated by spaces.
    pub channels: String,
    /// Absences, a line each: first day, last day, who stands in.
    pub away: String,
}

/// What it takes to work on definitions. Cheap to clone.
#[derive(Clone)]
pub struct Defining {
    pub(crate) workshop: Arc<dyn Workshop>,
    pub(crate) drafts: Arc<Drafts>,
    turn: Arc<Semaphore>,
    /// The year ahead that was looked at last: it takes seconds.
    looked: Arc<Mutex<Option<(Looked, Outlook)>>>,
    /// The texts in force that were read last, of which ledger and definition.
    force: Arc<Mutex<Option<InForce>>>,
}

/// Texts in force: of which ledger and definition, since when they are known, and they themselves.
type InForce = ((String, String), tokio::time::Instant, Files);

/// Of which draft, at which version, as the log stood at which frame.
type Looked = (String, u64, u64);

impl fmt::Debug for Defining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Defining").finish_non_exhaustive()
    }
}

impl Defining {
    /// With drafts in a folder, which is made when the first one is.
    pub fn new(workshop: Arc<dyn Workshop>, folder: PathBuf) -> Defining {
        Defining {
            workshop,
            drafts: Arc::new(Drafts::new(folder)),
            turn: Arc::new(Semaphore::new(1)),
            looked: Arc::default(),
            force: Arc::default(),
        }
    }

    /// The texts in force of a ledger, for who looks at them; read again when the definition is
    /// another one, or after [`FORCE_KEPT`].
    async fn force(&self, ledger: &str, hash: &str) -> Result<Files, String> {
        let of = (ledger.to_owned(), hash.to_owned());
        {
            let last = self.force.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((same, since, files)) = &*last
                && *same == of
                && since.elapsed() < FORCE_KEPT
            {
                return Ok(files.clone());
            }
        }
        let wanted = ledger.to_owned();
        let work = self.work(move |workshop| workshop.in_force(&wanted, WORK_WITHIN));
        let files = work.await??;
        let mut last = self.force.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((of, tokio::time::Instant::now(), files.clone()));
        Ok(files)
    }

    /// The year ahead of texts; not looked at again while neither they nor the log have changed.
    pub(crate) async fn outlook(&self, of: Looked, files: Files) -> Result<Outlook, String> {
        {
            let last = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((same, outlook)) = &*last
                && *same == of
            {
                return Ok(outlook.clone());
            }
        }
        let work = self.work(move |workshop| workshop.outlook(&files, WORK_WITHIN));
        let outlook = work.await??;
        let mut last = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((of, outlook.clone()));
        Ok(outlook)
    }

    /// Has a piece of work done on a thread of its own, after the one before it.
    pub(crate) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Workshop) -> T + Send + 'static,
    ) -> Result<T, String> {
        let busy = "正在处理别人的一件工作,请过一会儿再试一次。";
        let turn = Arc::clone(&self.turn).acquire_owned();
        let Ok(Ok(turn)) = tokio::time::timeout(TURN_WITHIN, turn).await else {
            return Err(busy.to_owned());
        };
        let workshop = Arc::clone(&self.workshop);
        let done = tokio::task::spawn_blocking(move || {
            // The next one begins when this one has really ended, also if nobody waits any more.
            let _turn = turn;
            work(&*workshop)
        });
        match tokio::time::timeout(WORK_WITHIN * 2, done).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(fault)) => {
                tracing::error!(%fault, "work on a definition failed");
                Err("这件工作没有做成,服务的运行日志里有原因。".to_owned())
            }
            Err(_) => Err(format!(
                "这件工作超过{}秒,没有等到结果。如果是部署,是否生效见“部署过的版本”。",
                WORK_WITHIN.as_secs() * 2
            )),
        }
    }
}

/// The addresses below `/define`.
pub(crate) fn entries() -> Vec<Entry> {
    let edit = Need::Right(Right::EditDefinitions);
    let upload = DOCUMENT_BYTES + draft::FORM_ROOM;
    vec![
        Entry::page("/define", edit, desk::show),
        Entry::form("/define", edit, desk::upload).taking(upload),
        Entry::form("/define/begin", edit, desk::begin),
        Entry::page("/ledger/{ledger}/outside", edit, outside::show),
        Entry::form("/ledger/{ledger}/outside", edit, outside::take),
        Entry::page("/define/versions", edit, version::show),
        Entry::page("/define/draft/{draft}", edit, page::show),
        Entry::form("/define/draft/{draft}", edit, page::take),
        Entry::page("/define/draft/{draft}/questions", edit, questions::show),
        Entry::form("/define/draft/{draft}/questions", edit, questions::take),
        Entry::page("/define/draft/{draft}/edit", edit, edit::show),
        Entry::form("/define/draft/{draft}/edit", edit, edit::take).taking(upload),
        Entry::form("/define/draft/{draft}/check", edit, edit::check).taking(upload),
        Entry::page("/notices/preview", edit, preview::in_force),
        Entry::page("/define/draft/{draft}/preview", edit, preview::of_draft),
        Entry::form("/define/draft/{draft}/preview", edit, preview::of_text).taking(upload),
        Entry::page("/define/draft/{draft}/contacts", edit, contacts::show),
        Entry::form("/define/draft/{draft}/contacts", edit, contacts::take).taking(upload),
        Entry::page("/define/draft/{draft}/tasks", edit, tasks::list),
        Entry::page("/define/draft/{draft}/tasks/{task}", edit, tasks::show),
        Entry::form("/define/draft/{draft}/tasks/{task}", edit, tasks::take),
        Entry::page("/define/draft/{draft}/calendar", edit, calendar::show),
        Entry::form("/define/draft/{draft}/calendar", edit, calendar::take),
        Entry::page("/define/draft/{draft}/plan", edit, plan::show),
        Entry::form("/define/draft/{draft}/plan", edit, plan::deploy),
    ]
}
