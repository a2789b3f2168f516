//! A ledger as the pages show it: its rows, and how its duties stand.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use duban_model::calendar::PeriodKind;
use duban_model::definition::{DueRule, Fulfilment, Opens, Owner, Task};
use duban_model::{Definition, LedgerId, TaskId, Tenant, UnitId, Zone};

use super::agenda::Agenda;
use super::history::Place;
use crate::light::Counts;

/// Texts of one ledger of which it is remembered how requirements were called, in texts.
pub const FORMER_TEXTS: usize = 32;

/// What stands before the title of a task outside the ledger, wherever tasks are listed.
pub(crate) const OUTSIDE: &str = "【台账外】";

/// One row of a ledger.
#[derive(Clone, Debug)]
pub struct TaskRow {
    /// Its number in the document.
    pub id: TaskId,
    /// The row as defined; absent while only its duties are known, or when a new text dropped it.
    pub spec: Option<Task>,
    /// Its duties, by their place in the projection, in the order in which they were opened.
    pub duties: Vec<u32>,
    /// How they stand.
    pub(super) counts: Counts,
}

impl TaskRow {
    /// As [`Ledger::counts_of_all_units`].
    pub fn counts_of_all_units(&self) -> Counts {
        self.counts
    }

    fn new(id: &str) -> TaskRow {
        TaskRow {
            id: id.to_owned(),
            spec: None,
            duties: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// Its short title.
    pub fn title(&self) -> &str {
        self.spec
            .as_ref()
            .map_or("(台账中没有这一行)", |t| &t.title)
    }

    /// Whether the office added it beside the document (台账外).
    pub fn is_outside(&self) -> bool {
        self.spec.as_ref().is_some_and(|t| t.outside)
    }

    /// Its short title as lists and files show it: one outside the ledger says so.
    pub fn marked_title(&self) -> Cow<'_, str> {
        if self.is_outside() {
            Cow::Owned(format!("{OUTSIDE}{}", self.title()))
        } else {
            Cow::Borrowed(self.title())
        }
    }

    /// 任务名称, upper column.
    pub fn section(&self) -> &str {
        self.spec.as_ref().map_or("", |t| &t.section)
    }

    /// 任务名称, lower column.
    pub fn subsection(&self) -> &str {
        self.spec.as_ref().map_or("", |t| &t.subsection)
    }

    /// 具体任务
    pub fn text(&self) -> &str {
        self.spec.as_ref().map_or("", |t| &t.text)
    }

    /// Whether it is a row of the document, and no rule that only belongs to one.
    pub fn is_row(&self) -> bool {
        self.spec.as_ref().is_none_or(|t| t.part_of.is_none())
    }

    /// 责任单位, as the document words it.
    pub fn units_phrase(&self) -> &str {
        self.spec.as_ref().map_or("", |t| &t.units_phrase)
    }

    /// 完成时限, as the document words it.
    pub fn deadline_phrase(&self) -> &str {
        self.spec
            .as_ref()
            .and_then(|t| t.deadline_phrase.as_deref())
            .unwrap_or("")
    }

    /// How its date is reckoned.
    pub fn due_words(&self) -> String {
        let Some(spec) = &self.spec else {
            return String::new();
        };
        match (spec.due, &spec.opens) {
            (DueRule::Date(date), _) => date.to_string(),
            (DueRule::Trigger, _) => "启动后确定".to_owned(),
            (DueRule::PeriodEnd, Opens::EachPeriod(rule)) => match rule.every {
                PeriodKind::Month => "每月末",
                PeriodKind::Quarter => "每季度末",
                PeriodKind::HalfYear => "每半年末",
                PeriodKind::Year => "年末",
            }
            .to_owned(),
            (DueRule::PeriodEnd, _) => "期末".to_owned(),
            (DueRule::After(term), Opens::EachPeriod(_)) => format!("期初起{}内", term.chinese()),
            (DueRule::After(term), _) => format!("启动起{}内", term.chinese()),
            (DueRule::MonthDay(day), _) => format!("当年{day}"),
        }
    }

    /// The one day on which all of it is due, if the definition names one.
    pub fn fixed_due(&self) -> Option<NaiveDate> {
        match self.spec.as_ref()?.due {
            DueRule::Date(due) => Some(due),
            DueRule::PeriodEnd | DueRule::Trigger | DueRule::After(_) | DueRule::MonthDay(_) => {
                None
            }
        }
    }

    /// An owner entry.
    pub fn owner(&self, place: u32) -> Option<&Owner> {
        self.spec.as_ref()?.owners.get(place as usize)
    }

    /// What fulfils the duties of an owner entry.
    pub fn fulfilled_by(&self, owner: u32) -> Option<&Fulfilment> {
        Some(&self.owner(owner)?.fulfilled_by)
    }

    /// True if a text occurs in any of its phrases, or is its number.
    pub fn speaks_of(&self, text: &str) -> bool {
        self.id == text
            || self.marked_title().contains(text)
            || [
                self.section(),
                self.subsection(),
                self.text(),
                self.units_phrase(),
                self.deadline_phrase(),
            ]
            .iter()
            .any(|phrase| phrase.contains(text))
    }
}

/// One ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Its id.
    pub id: LedgerId,
    /// Which office's.
    pub tenant: Tenant,
    /// 台账名称; its id until its definition is known.
    pub title: String,
    /// 印发机关
    pub issuer: String,
    /// 文号
    pub number: String,
    /// Its dates and times are meant in this zone.
    pub zone: Zone,
    /// The supervising office.
    pub office: Option<UnitId>,
    /// The hash of the text in force.
    pub definition: Option<String>,
    /// 黄灯提前量, in Chinese.
    pub yellow: String,
    /// Its rows, in the document's order.
    pub tasks: Vec<TaskRow>,
    /// How its duties stand.
    pub(super) counts: Counts,
    /// The same by unit, date and stage, and what is to be seen to.
    pub(super) agenda: Agenda,
    index: BTreeMap<TaskId, usize>,
    former: Vec<Former>,
}

/// A requirement: its row, owner entry and place.
type RequirementKey = (TaskId, u32, u32);

/// What a former text said otherwise than the one after it, of what histories speak of.
#[derive(Clone, Debug)]
struct Former {
    /// Up to which place on the log it was in force.
    until: Place,
    zone: Zone,
    /// Names of requirements that the next text changed; nothing where there was none.
    names: BTreeMap<RequirementKey, Option<String>>,
}

impl Ledger {
    /// How the duties of all units stand. Pages ask [`Seen`](crate::access::Seen), which knows for
    /// whom.
    pub fn counts_of_all_units(&self) -> Counts {
        self.counts
    }

    /// The same by unit, date and stage, of all units. As [`Ledger::counts_of_all_units`].
    pub fn agenda_of_all_units(&self) -> &Agenda {
        &self.agenda
    }

    /// How many rows the document has.
    pub fn rows(&self) -> usize {
        self.tasks.iter().filter(|task| task.is_row()).count()
    }

    /// A ledger of which only the id is known.
    pub fn named(id: &str, tenant: &str) -> Ledger {
        Ledger {
            id: id.to_owned(),
            tenant: tenant.to_owned(),
            title: id.to_owned(),
            issuer: String::new(),
            number: String::new(),
            zone: Zone::SHANGHAI,
            office: None,
            definition: None,
            yellow: String::new(),
            tasks: Vec::new(),
            counts: Counts::default(),
            agenda: Agenda::default(),
            index: BTreeMap::new(),
            former: Vec::new(),
        }
    }

    /// A definition came into force. Duties stay with their rows; a row that the new text no
    /// longer has stays while it has duties, at the end.
    pub fn adopt(&mut self, definition: &Definition, hash: &str, at: Place) {
        let (zone, names) = (self.zone, self.requirement_names());
        self.tenant.clone_from(&definition.tenant);
        self.title.clone_from(&definition.title);
        self.issuer.clone_from(&definition.issuer);
        self.number.clone_from(&definition.number);
        self.zone = definition.zone;
        self.office = Some(definition.office.clone());
        self.definition = Some(hash.to_owned());
        self.yellow = crate::light::span_in_chinese(definition.yellow);
        let mut old: BTreeMap<TaskId, TaskRow> = std::mem::take(&mut self.tasks)
            .into_iter()
            .map(|row| (row.id.clone(), row))
            .collect();
        for task in &definition.tasks {
            let mut row = old
                .remove(&task.id)
                .unwrap_or_else(|| TaskRow::new(&task.id));
            row.spec = Some(task.clone());
            self.tasks.push(row);
        }
        for (_, mut row) in old {
            if !row.duties.is_empty() {
                row.spec = None;
                self.tasks.push(row);
            }
        }
        self.index = self
            .tasks
            .iter()
            .enumerate()
            .map(|(place, row)| (row.id.clone(), place))
            .collect();
        self.remember(zone, names, at);
    }

    /// How the requirements are called, of rows that histories may speak of.
    fn requirement_names(&self) -> BTreeMap<RequirementKey, String> {
        let mut names = BTreeMap::new();
        for row in self.tasks.iter().filter(|row| !row.duties.is_empty()) {
            let owners = row.spec.iter().flat_map(|spec| &spec.owners);
            for (owner, entry) in (0..).zip(owners) {
                for (place, requirement) in (0..).zip(entry.fulfilled_by.requirements()) {
                    names.insert((row.id.clone(), owner, place), requirement.name.clone());
                }
            }
        }
        names
    }

    /// What a history says of a requirement stays what it was called then.
    fn remember(&mut self, zone: Zone, names: BTreeMap<RequirementKey, String>, until: Place) {
        let now = self.requirement_names();
        let new = now.keys().filter(|key| !names.contains_key(*key)).cloned();
        let mut changed: BTreeMap<RequirementKey, Option<String>> =
            new.map(|key| (key, None)).collect();
        for (key, name) in names {
            if now.get(&key) != Some(&name) {
                changed.insert(key, Some(name));
            }
        }
        if self.counts.total() == 0 || (changed.is_empty() && zone == self.zone) {
            return;
        }
        if self.former.len() == FORMER_TEXTS {
            self.former.remove(0);
        }
        self.former.push(Former {
            until,
            zone,
            names: changed,
        });
    }

    /// The texts that followed on what was in force at a place, itself first.
    fn former_from(&self, at: Place) -> impl Iterator<Item = &Former> {
        self.former.iter().filter(move |former| at < former.until)
    }

    /// The zone when the log stood at a place.
    pub fn zone_at(&self, at: Place) -> Zone {
        let former = self.former_from(at).next();
        former.map_or(self.zone, |former| former.zone)
    }

    /// The name of a requirement when the log stood at a place.
    pub fn requirement_at(&self, task: &str, owner: u32, place: u32, at: Place) -> Option<&str> {
        let key = (task.to_owned(), owner, place);
        if let Some(name) = self.former_from(at).find_map(|f| f.names.get(&key)) {
            return name.as_deref();
        }
        let asked = self.task(task)?.fulfilled_by(owner)?.requirements();
        Some(&asked.get(place as usize)?.name)
    }

    /// The row with this number.
    pub fn task(&self, id: &str) -> Option<&TaskRow> {
        self.tasks.get(*self.index.get(id)?)
    }

    /// The place of a row among the ledger's.
    pub fn place_of(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The row that a rule belongs to; nothing for a row of the document.
    pub fn parent_of(&self, row: &TaskRow) -> Option<&TaskRow> {
        self.task(row.spec.as_ref()?.part_of.as_deref()?)
    }

    /// As [`Ledger::task`], to change it; made if there is none.
    pub fn task_mut(&mut self, id: &str) -> &mut TaskRow {
        let place = self.index.get(id).copied().unwrap_or_else(|| {
            self.tasks.push(TaskRow::new(id));
            self.index.insert(id.to_owned(), self.tasks.len() - 1);
            self.tasks.len() - 1
        });
        &mut self.tasks[place]
    }
}
