//! What texts of a definition mean, for the pages on which they are edited: documents are read, texts
//! checked, planned, looked ahead and brought into force, by the same code as the commands.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::Months;
use duban_console::{
    Checked, Deployed, Diagnostic, Document, DocumentReading, FieldFaults, Files, ImportQuestion,
    LISTED, Order, Outline, Outlook, Planned, PlannedChange, Previewed, ReadRow, Receiver,
    TaskForm, Version, Wish, Workshop,
};
use duban_journal::Log;
use duban_model::definition::Opens;
use duban_office::reading::{Question, Reading};
use duban_office::{Wishes, answer, definition, read_ledger, roster, task_text};
use duban_rules::{Severity, read_directory};
use tokio::runtime::Handle;

use crate::deploy::{self, Carried, Signature};
use crate::folder::{self, Folder, shipped};
use crate::foresee::Foresight;
use crate::plain::told;
use crate::plan::{Plan, Wanted, compute, standing_within};
use crate::plan_words::{WORDS, change_in_chinese, in_chinese};
use crate::reading::Reading as Logged;
use crate::{Fault, foretaste, history, receivers, task_form};

/// The workshop of one log.
pub(crate) struct Bench {
    log: Log,
    foresight: Foresight,
    runtime: Handle,
}

impl Bench {
    /// On this log; made where a runtime runs.
    pub(crate) fn new(log: Log) -> Bench {
        Bench {
            foresight: Foresight::new(log.clone()),
            log,
            runtime: Handle::current(),
        }
    }

    fn reading(&self) -> Logged {
        Logged::Log(self.log.clone())
    }

    /// The directory in force of an office; the one that this program brings along, if it is of that
    /// office or none is named.
    fn directory(&self, tenant: &str) -> Result<String, String> {
        let versions = self.runtime.block_on(history::histories(&self.reading()));
        let versions = versions.map_err(words)?;
        let in_force = versions.iter().rev().find_map(|version| {
            let of = tenant.is_empty() || version.tenant == tenant;
            version.files.get("directory.yaml").filter(|_| of)
        });
        if let Some(text) = in_force {
            return Ok(text.clone());
        }
        let (brought, _) = read_directory(shipped::DIRECTORY);
        match brought.filter(|d| tenant.is_empty() || d.tenant == tenant) {
            Some(_) => Ok(shipped::DIRECTORY.to_owned()),
            None => Err(
                "还没有单位名录。请先上传单位和联络员名单,再把台账上传到同一份草稿。".to_owned(),
            ),
        }
    }

    fn ledger_of(&self, document: &Document<'_>) -> Result<DocumentReading, String> {
        let text = match document.directory {
            Some(text) => text.to_owned(),
            None => self.directory(document.tenant)?,
        };
        let (directory, faults) = read_directory(&text);
        let Some(directory) = directory else {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            return Err(format!("单位名录里有错误,先改正再上传台账:{first}"));
        };
        let wishes = Wishes {
            year: answer::year(document.answers),
            notice: None,
        };
        let read = |wishes: &Wishes| {
            read_ledger(document.name, document.bytes, &directory, wishes)
                .map_err(|refusal| refusal.to_string())
        };
        let mut reading = read(&wishes)?;
        let mut asked = reading.questions.clone();
        let mut settings = definition::Settings::default();
        // Without its year a ledger cannot be written, and what it would ask is not known yet.
        let mut own = Vec::new();
        if reading.heading.year.is_some() {
            if wishes.year.is_some() {
                let unasked = read(&Wishes::default())?.questions;
                let year = unasked.into_iter().filter(|q| q.code == "no_year");
                asked.splice(0..0, year);
            }
            let first = definition::write(&reading, &directory, &settings);
            own = first.map_err(|refusal| refusal.to_string())?.questions;
            answer::settings(&own, &directory, document.answers, &mut settings);
        }
        asked.splice(0..0, own.iter().cloned());
        let mut became = answer::apply(&mut reading, &directory, document.answers);
        let mut files = None;
        if reading.heading.year.is_some() {
            let written = definition::write(&reading, &directory, &settings);
            let written = written.map_err(|refusal| refusal.to_string())?;
            for question in &own {
                let key = answer::key(question);
                let Some(said) = document.answers.get(&key) else {
                    continue;
                };
                let still = written.questions.iter().any(|q| answer::key(q) == key);
                let settled = if !still {
                    answer::Settled::Changed
                } else if *said == question.taken {
                    answer::Settled::Confirmed
                } else {
                    answer::Settled::ByHand
                };
                became.insert(key, settled);
            }
            let directory = written.directory.unwrap_or(text);
            files = Some(Files::from([
                ("ledger.yaml".to_owned(), written.ledger),
                ("tasks.yaml".to_owned(), written.tasks),
                ("directory.yaml".to_owned(), directory),
                (
                    "cn-workdays.csv".to_owned(),
                    self.calendar("cn", document.tenant)?,
                ),
            ]));
        }
        let mut shown = shown(&reading, &asked, document.answers, &became);
        shown.files = files;
        shown.units = directory
            .units
            .iter()
            .map(|(id, unit)| (id.clone(), unit.name.clone()))
            .collect();
        Ok(shown)
    }

    fn units_of(&self, document: &Document<'_>) -> Result<DocumentReading, String> {
        let text = match document.directory {
            Some(text) => Some(text.to_owned()),
            None => self.directory(document.tenant).ok(),
        };
        let known = text.as_deref().and_then(|text| read_directory(text).0);
        let tenant = match (document.tenant, &known) {
            ("", Some(known)) => known.tenant.clone(),
            ("", None) => "office".to_owned(),
            (tenant, _) => tenant.to_owned(),
        };
        let read = roster::read_units(document.name, document.bytes, &tenant, known.as_ref());
        let roster = read.map_err(|refusal| refusal.to_string())?;
        let rows = roster.directory.units.iter().map(|(id, unit)| {
            let people: Vec<&str> = unit.people().map(|p| p.title.as_str()).collect();
            ReadRow {
                number: id.clone(),
                text: unit.name.clone(),
                phrase: people.join("、"),
                units: people.len(),
                deadline: String::new(),
                read: String::new(),
            }
        });
        let asked = roster.questions.iter();
        let questions = asked.map(|q| question(q, document.answers, &BTreeMap::new()));
        let mut files =
            Files::from([("directory.yaml".to_owned(), roster::directory_yaml(&roster))]);
        if document.directory.is_none() {
            let calendar = self.calendar("cn", &tenant)?;
            files.insert("cn-workdays.csv".to_owned(), calendar);
        }
        let asides = roster.asides.iter();
        Ok(DocumentReading {
            title: String::new(),
            counts: format!(
                "读入{}行,单位{}个,其他{}行,问题{}个",
                roster.rows_in,
                roster.directory.units.len(),
                roster.asides.len(),
                roster.questions.len()
            ),
            rows: rows.collect(),
            questions: questions.collect(),
            aside: asides.map(|a| format!("{}:{}", a.place, a.found)).collect(),
            units: Vec::new(),
            files: Some(files),
        })
    }

    /// A calendar in force of an office as a text; the one that this program brings along without one.
    fn calendar(&self, name: &str, tenant: &str) -> Result<String, String> {
        let file = format!("{name}-workdays.csv");
        let versions = self.runtime.block_on(history::histories(&self.reading()));
        let versions = versions.map_err(words)?;
        let in_force = versions.iter().rev().find_map(|version| {
            let of = tenant.is_empty() || version.tenant == tenant;
            version.files.get(&file).filter(|_| of)
        });
        Ok(in_force.map_or_else(|| shipped::CALENDAR.to_owned(), Clone::clone))
    }
}

/// A fault in its words.
fn words(fault: Fault) -> String {
    fault.to_string()
}

/// What became of an answer, for the clerk.
fn in_words(settled: answer::Settled) -> &'static str {
    match settled {
        answer::Settled::Confirmed => "已确认,照此写入。",
        answer::Settled::Changed => "已照答复改写。",
        answer::Settled::ByHand => "答复已记在任务的待确认事项里,需要在“修改”里照此改。",
    }
}

fn question(
    question: &Question,
    said: &BTreeMap<String, String>,
    became: &BTreeMap<String, answer::Settled>,
) -> ImportQuestion {
    let key = answer::key(question);
    let settled = became.get(&key).copied();
    let free = match answer::free(question) {
        answer::Free::Nothing => duban_console::Free::Nothing,
        answer::Free::Day => duban_console::Free::Day,
        answer::Free::Unit => duban_console::Free::Unit,
        answer::Free::Year => duban_console::Free::Year,
    };
    // What is said at the command line has a field of its own here.
    let by_option = |text: &&String| !(text.contains("--") && free != duban_console::Free::Nothing);
    let alternatives = question.alternatives.iter().filter(by_option);
    ImportQuestion {
        row: question.row.clone().unwrap_or_default(),
        place: question.place.clone(),
        found: question.found.clone(),
        text: question.question.clone(),
        alternatives: alternatives.cloned().collect(),
        taken: question.taken.clone(),
        free,
        became: match (settled, said.contains_key(&key)) {
            (Some(settled), _) => in_words(settled).to_owned(),
            (None, true) => "已记下。".to_owned(),
            (None, false) => String::new(),
        },
        key,
    }
}

fn shown(
    reading: &Reading,
    asked: &[Question],
    said: &BTreeMap<String, String>,
    became: &BTreeMap<String, answer::Settled>,
) -> DocumentReading {
    let counts = &reading.counts;
    let rows = reading.rows.iter().map(|row| ReadRow {
        number: row.number.clone(),
        text: row.text.clone(),
        phrase: row.units_phrase.clone(),
        units: row.units.len(),
        deadline: row.deadline.phrase.clone(),
        read: row.deadline.shown(),
    });
    let asides = reading
        .asides
        .iter()
        .map(|aside| format!("{}:{}", aside.place, aside.found));
    let unread = reading.unread.iter().map(|line| format!("没有读取:{line}"));
    DocumentReading {
        title: reading.heading.title.clone().unwrap_or_default(),
        counts: format!(
            "读入{}行,任务{}项,其他{}行,{};责任事项{}件,问题{}个",
            counts.rows_in,
            counts.tasks,
            counts.asides,
            if counts.agree() {
                "数目相符"
            } else {
                "数目不符"
            },
            counts.units,
            asked.len()
        ),
        rows: rows.collect(),
        questions: asked.iter().map(|q| question(q, said, became)).collect(),
        aside: asides.chain(unread).collect(),
        units: Vec::new(),
        files: None,
    }
}

/// A draft's texts as a folder.
fn folder_of(files: &Files) -> Folder {
    folder::of_texts(files)
}

fn planned(plan: Plan) -> Planned {
    let sum = WORDS.iter().filter_map(|(what, chinese)| {
        let count = plan.sum.get(what)?;
        Some(((*chinese).to_owned(), *count))
    });
    let changes = plan.changes.iter().take(LISTED).map(|c| PlannedChange {
        change: c.change,
        what: change_in_chinese(c.change).to_owned(),
        obligation: c.obligation.clone(),
        from: c.from.clone(),
        to: c.to.clone(),
        notices: [&c.added, &c.dropped, &c.past, &c.shifted].map(Vec::len),
        why: c.why.clone(),
        ahead: c.ahead.clone(),
    });
    Planned {
        sum: sum.collect(),
        changes: changes.collect(),
        brings: plan
            .brings
            .iter()
            .map(|b| in_chinese(b).to_owned())
            .collect(),
        contacts: plan.contacts.into_iter().take(LISTED).collect(),
        counts: plan.sum,
        parts: plan.brings,
        refused: plan.refused,
        plan: plan.plan,
    }
}

impl Workshop for Bench {
    fn read(&self, document: &Document<'_>) -> Result<DocumentReading, String> {
        if document.of_units {
            self.units_of(document)
        } else {
            self.ledger_of(document)
        }
    }

    fn check(&self, files: &Files) -> Checked {
        let folder = folder_of(files);
        let mut diagnostics: Vec<Diagnostic> = folder.diagnostics.iter().filter_map(told).collect();
        diagnostics.sort_by(|a, b| {
            let of = |d: &Diagnostic| (d.severity, d.file.clone(), d.line, d.column);
            of(a).cmp(&of(b))
        });
        let definition = folder.definition.as_ref();
        let tenants: BTreeSet<String> = definition
            .map(|d| d.tenant.clone())
            .into_iter()
            .chain(folder.directory.as_ref().map(|d| d.tenant.clone()))
            .collect();
        let usable = definition.filter(|_| folder.errors().next().is_none());
        let counts = usable.map(|definition| {
            let arises = |opens: &Opens| {
                matches!(
                    opens,
                    Opens::Event(_) | Opens::Schedule(_) | Opens::Follows(_)
                )
            };
            let tasks = definition.tasks.iter().filter(|t| !arises(&t.opens));
            let duties: usize = tasks.flat_map(|t| &t.owners).map(|o| o.units.len()).sum();
            let units = folder.directory.as_ref().map_or(0, |d| d.units.len());
            let rows = definition.rows().count();
            format!("任务{rows}项,责任事项{duties}件,名录{units}个单位。")
        });
        Checked {
            diagnostics,
            tenants: tenants.into_iter().collect(),
            ledger: usable.map(|d| d.ledger.clone()),
            counts: counts.unwrap_or_default(),
        }
    }

    fn plan(&self, files: &Files, within: Duration) -> Result<Planned, String> {
        let folder = folder_of(files);
        let work = async {
            let reading = self.reading();
            let (mut view, now, _) = standing_within(&reading, within).await?;
            let wanted = Wanted::of_folder(&folder, view.state())?;
            Ok(compute(&mut view, &wanted, now))
        };
        self.runtime.block_on(work).map(planned).map_err(words)
    }

    fn outlook(&self, files: &Files, within: Duration) -> Result<Outlook, String> {
        let folder = folder_of(files);
        let Some(definition) = &folder.definition else {
            return Err("草稿里有错误,还不能往后看。".to_owned());
        };
        let events = folder.deployment().map_err(words)?;
        let until = definition.ends.checked_add_months(Months::new(1));
        let look = self.foresight.outlook(
            definition,
            &events,
            until.unwrap_or(definition.ends),
            within,
        );
        look.ok_or_else(|| {
            format!(
                "全年安排在{}秒之内没有算完,没有显示;方案和部署不受影响。",
                within.as_secs()
            )
        })
    }

    fn deploy(
        &self,
        files: &Files,
        order: &Order<'_>,
        within: Duration,
    ) -> Result<Deployed, String> {
        let folder = folder_of(files);
        let signature = Signature {
            by: Some(order.by.to_owned()),
            reason: Some(order.reason.to_owned()),
        };
        let work = async {
            let reading = self.reading();
            let (mut view, now, _) = standing_within(&reading, within).await?;
            let wanted = Wanted::of_folder(&folder, view.state())?;
            let shown = compute(&mut view, &wanted, now);
            if shown.plan != order.plan {
                return Ok(Deployed::Stale);
            }
            if !shown.refused.is_empty() {
                return Ok(Deployed::Refused(shown.refused));
            }
            Ok(
                match deploy::carry_out(&reading, wanted, &shown, &signature).await? {
                    Carried::Stale => Deployed::Stale,
                    Carried::Refused(why) => Deployed::Refused(why),
                    Carried::Done(counts) => Deployed::InForce(deploy::summed(&counts)),
                },
            )
        };
        self.runtime.block_on(work).map_err(words)
    }

    fn preview(&self, files: &Files, wish: &Wish) -> Result<Previewed, String> {
        foretaste::previewed(files, wish)
    }

    fn versions(&self, tenant: &str, within: Duration) -> Result<Vec<Version>, String> {
        let work = async {
            let reading = self.reading();
            let histories = history::histories(&reading);
            tokio::time::timeout(within, histories).await
        };
        let mut versions = match self.runtime.block_on(work) {
            Ok(versions) => versions.map_err(words)?,
            Err(_) => return Err(format!("{}秒之内没有读完日志。", within.as_secs())),
        };
        versions.retain(|version| tenant.is_empty() || version.tenant == tenant);
        let mut newest = BTreeSet::new();
        for version in versions.iter_mut().rev() {
            let names: Vec<&str> = version.files.keys().map(String::as_str).collect();
            let what = (
                version.tenant.clone(),
                version.ledger.clone(),
                names.join(" "),
            );
            // Texts of one ledger are the same thing, however many files they are.
            let what = if version.ledger.is_empty() {
                what
            } else {
                (what.0, what.1, String::new())
            };
            version.in_force = newest.insert(what);
        }
        versions.reverse();
        Ok(versions)
    }

    fn in_force(&self, ledger: &str, within: Duration) -> Result<Files, String> {
        let work = async {
            let reading = self.reading();
            let (view, ..) = standing_within(&reading, within).await?;
            let histories = history::histories(&reading).await?;
            Ok::<_, Fault>((view, histories))
        };
        let (view, histories) = self.runtime.block_on(work).map_err(words)?;
        let Some(running) = view.state().ledger(ledger) else {
            return Err("没有这份台账。".to_owned());
        };
        let texts = histories.iter().rev().find(|v| v.ledger == ledger);
        let mut files = texts.map(|v| v.files.clone()).unwrap_or_default();
        let definition = &running.definition;
        if let Some(directory) = view.state().directory(&definition.tenant) {
            let text = roster::yaml_of(directory, history::COMMENT);
            files.insert("directory.yaml".to_owned(), text);
        }
        if let Some(calendar) = view.state().calendar(definition) {
            let name = format!("{}-workdays.csv", definition.calendar);
            files.insert(name, history::csv_of(calendar));
        }
        Ok(files)
    }

    fn outline(&self, files: &Files) -> Option<Outline> {
        task_form::outline(files)
    }

    fn with_task(
        &self,
        files: &Files,
        task: &TaskForm,
        within: Duration,
    ) -> Result<(String, Files), FieldFaults> {
        let mut taken = BTreeSet::new();
        if task.is_new && task.id.is_empty() {
            // A number that an earlier version had would bring that version's duties back.
            let ledger = task_form::outline(files).map(|outline| outline.ledger);
            let versions = self.versions("", within);
            let versions = versions.map_err(|words| vec![("all", words)])?;
            let of = versions
                .iter()
                .filter(|v| Some(&v.ledger) == ledger.as_ref());
            let texts = of.filter_map(|version| version.files.get("tasks.yaml"));
            taken.extend(texts.flat_map(|text| task_text::ids(text)));
        }
        task_form::with_task(files, task, &taken)
    }

    fn people(&self, directory: &str) -> Option<Vec<Receiver>> {
        let directory = read_directory(directory).0?;
        Some(receivers::of(&directory))
    }

    fn with_people(&self, directory: &str, people: &[Receiver]) -> Result<String, String> {
        let (known, _) = read_directory(directory);
        let mut known = known.ok_or("单位名录里有错误,先在“修改”里改正。")?;
        receivers::put(&mut known, people)?;
        let comment = "单位名录 | Units, their groups and contacts. 由联络员表格写出。";
        let text = roster::yaml_of(&known, comment);
        let (_, faults) = read_directory(&text);
        match faults.iter().find(|d| d.severity == Severity::Error) {
            None => Ok(text),
            Some(fault) => Err(format!(
                "没有保存:{};应为:{}。{}",
                fault.found, fault.expected, fault.remedy
            )),
        }
    }
}
