//! A ledger as the pages show it: its rows, and how its duties stand.

use std::collections::BTreeMap;

use duban_model::definition::{Fulfilment, Owner, Task};
use duban_model::{Definition, LedgerId, TaskId, Tenant, UnitId, Zone};

use crate::light::Counts;

/// One row of a ledger.
#[derive(Clone, Debug)]
pub struct TaskRow {
    /// Its number in the document.
    pub id: TaskId,
    /// The row as defined; absent while only its duties are known, or when a new text dropped it.
    pub spec: Option<Task>,
    /// Its duties, by their place in the projection, in the order in which they were opened.
    pub duties: Vec<usize>,
    /// How they stand.
    pub counts: Counts,
}

impl TaskRow {
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
            || [
                self.title(),
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
    pub counts: Counts,
    index: BTreeMap<TaskId, usize>,
}

impl Ledger {
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
            index: BTreeMap::new(),
        }
    }

    /// A definition came into force. Duties stay with their rows; a row that the new text no
    /// longer has stays while it has duties, at the end.
    pub fn adopt(&mut self, definition: &Definition, hash: &str) {
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
    }

    /// The row with this number.
    pub fn task(&self, id: &str) -> Option<&TaskRow> {
        self.tasks.get(*self.index.get(id)?)
    }

    /// As [`Ledger::task`], to change it; made if there is none.
    pub fn task_mut(&mut self, id: &str) -> &mut TaskRow {
        let place = match self.index.get(id) {
            Some(place) => *place,
            None => {
                self.tasks.push(TaskRow::new(id));
                self.index.insert(id.to_owned(), self.tasks.len() - 1);
                self.tasks.len() - 1
            }
        };
        &mut self.tasks[place]
    }
}
