//! A task as a form has it: what is typed, which units are ticked, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, NaiveDate};
use duban_model::definition::Role;

use crate::access::Form;

/// Units that are listed to choose from, in units; of more one searches.
const UNITS_LISTED: usize = 120;
/// The longest short title, in characters.
pub(super) const TITLE_CHARACTERS: usize = 60;
/// The longest wording, in characters.
pub(super) const TEXT_CHARACTERS: usize = 4_000;
/// The longest heading or phrase, in characters.
pub(super) const PHRASE_CHARACTERS: usize = 500;
/// Units and groups of one task that a form takes, in entries: a form has 500 fields.
pub(super) const OWNERS_CHOSEN: usize = 300;
/// The beginning of a wording that becomes the title of a task without one, in characters.
const TITLE_FROM_TEXT: usize = 24;

/// When a task of a form is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskDue {
    /// At the end of this day.
    Day(NaiveDate),
    /// All year, each `month`, `quarter`, `half_year` or `year`.
    Period(String),
    /// Otherwise, in words: no form changes it.
    Other(String),
}

/// Who owes a task of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskOwner {
    /// A group, and no unit.
    pub is_group: bool,
    /// The unit's id, or the group's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// What no form shows of it, in words: its own conditions, or that it comes from events. Such an
    /// entry stays as it is written.
    pub beyond: String,
}

/// A task as a form has it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a box of the form or a mark of the task"
)]
pub struct TaskForm {
    /// Its number; of a new one empty, or the one it was shown with.
    pub id: String,
    /// It is added, outside the ledger.
    pub is_new: bool,
    /// It stands outside the ledger.
    pub outside: bool,
    /// The row it belongs to, if it is a rule.
    pub part_of: String,
    /// Upper heading.
    pub section: String,
    /// Lower heading.
    pub subsection: String,
    /// Short title.
    pub title: String,
    /// The wording.
    pub text: String,
    /// The units in words; of a new one they follow from the units.
    pub units_phrase: String,
    /// The deadline in words; of a new one they follow from the date.
    pub deadline_phrase: String,
    /// It binds.
    pub required: bool,
    /// Its notices leave at once.
    pub urgent: bool,
    /// When it is due.
    pub due: TaskDue,
    /// Who owes it.
    pub owners: Vec<TaskOwner>,
    /// A remark for the text of a new one.
    pub remark: String,
}

/// What is wrong with a form: the field, and the words. `all` stands for none of them.
pub type FieldFaults = Vec<(&'static str, String)>;

/// What forms need to know of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// The ledger.
    pub ledger: String,
    /// What it is called.
    pub title: String,
    /// The office.
    pub tenant: String,
    /// Nothing is due before this day.
    pub issued: NaiveDate,
    /// Year-long tasks end with this day.
    pub ends: NaiveDate,
    /// The years of which the calendar knows the working days.
    pub years: Vec<i32>,
    /// Units: id and name.
    pub units: Vec<(String, String)>,
    /// Groups: name, and how many units.
    pub groups: Vec<(String, usize)>,
    /// All tasks, in order.
    pub tasks: Vec<TaskForm>,
}

/// A unit or group to choose.
pub(super) struct Pick {
    /// Its value in forms: `u:` with a unit's id, `g:` with a group's name.
    pub value: String,
    pub name: String,
    /// The unit's id.
    pub id: String,
    /// How many units a group has.
    pub units: usize,
    /// Responsible, lead, support.
    pub roles: [bool; 3],
}

/// What somebody filled in, right or wrong: it is shown again as it is.
#[derive(Clone, Default)]
pub(super) struct Filled {
    pub fields: BTreeMap<&'static str, String>,
    pub chosen: BTreeMap<String, BTreeSet<Role>>,
    pub faults: FieldFaults,
}

/// The fields that are one text each.
const FIELDS: [&str; 13] = [
    "id",
    "title",
    "text",
    "section",
    "subsection",
    "units_phrase",
    "deadline_phrase",
    "strength",
    "urgent",
    "kind",
    "day",
    "every",
    "reason",
];

/// The roles in the order of the form's columns.
pub(super) const ROLES: [Role; 3] = [Role::Responsible, Role::Lead, Role::Support];

impl Filled {
    pub fn read(form: &Form) -> Filled {
        let mut filled = Filled::default();
        for name in FIELDS {
            let text = form.get(name).trim().replace("\r\n", "\n");
            filled.fields.insert(name, text);
        }
        filled
            .fields
            .insert("find", form.get("find").trim().to_owned());
        for role in ROLES {
            for value in form.all(role.as_str()) {
                let of = filled.chosen.entry(value.to_owned()).or_default();
                of.insert(role);
            }
        }
        filled
    }

    /// As a task is now.
    pub fn of(task: &TaskForm) -> Filled {
        let mut filled = Filled::default();
        let mut put = |name: &'static str, text: &str| {
            filled.fields.insert(name, text.to_owned());
        };
        put("id", &task.id);
        put("title", &task.title);
        put("text", &task.text);
        put("section", &task.section);
        put("subsection", &task.subsection);
        put("units_phrase", &task.units_phrase);
        put("deadline_phrase", &task.deadline_phrase);
        put(
            "strength",
            if task.required {
                "required"
            } else {
                "encouraged"
            },
        );
        put("urgent", if task.urgent { "yes" } else { "" });
        match &task.due {
            TaskDue::Day(day) => {
                put("kind", "day");
                put("day", &day.to_string());
            }
            TaskDue::Period(every) => {
                put("kind", "period");
                put("every", every);
            }
            TaskDue::Other(_) => put("kind", "other"),
        }
        for owner in task.owners.iter().filter(|owner| owner.beyond.is_empty()) {
            let mark = if owner.is_group { "g" } else { "u" };
            let value = format!("{mark}:{}", owner.name);
            filled.chosen.entry(value).or_default().insert(owner.role);
        }
        filled
    }

    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// What is wrong with a field; empty if nothing is.
    pub fn fault(&self, name: &str) -> &str {
        let of = self.faults.iter().find(|(field, _)| *field == name);
        of.map_or("", |(_, words)| words)
    }

    /// All that was filled in, for a form that carries it on unseen.
    pub fn hidden(&self) -> Vec<(&str, &str)> {
        let texts = FIELDS.iter().map(|name| (*name, self.get(name)));
        let mut all: Vec<(&str, &str)> = texts.filter(|(_, text)| !text.is_empty()).collect();
        for (value, roles) in &self.chosen {
            all.extend(roles.iter().map(|role| (role.as_str(), value.as_str())));
        }
        all
    }

    /// Units and groups to choose from: the chosen first, then those that are searched for; and how
    /// many further ones there are.
    pub fn picks(&self, outline: &Outline) -> (Vec<Pick>, usize) {
        let find = self.get("find");
        let groups = outline.groups.iter();
        let groups =
            groups.map(|(name, count)| (format!("g:{name}"), name.as_str(), String::new(), *count));
        let units = outline.units.iter();
        let units = units.map(|(id, name)| (format!("u:{id}"), name.as_str(), id.clone(), 0));
        let mut picks: Vec<Pick> = Vec::new();
        let mut rest = Vec::new();
        for (value, name, id, units) in groups.chain(units) {
            let roles = self.chosen.get(&value);
            let pick = Pick {
                roles: ROLES.map(|role| roles.is_some_and(|roles| roles.contains(&role))),
                name: name.to_owned(),
                value,
                id,
                units,
            };
            if roles.is_some() {
                picks.push(pick);
            } else if find.is_empty() || pick.name.contains(find) || pick.id.contains(find) {
                rest.push(pick);
            }
        }
        let more = rest.len().saturating_sub(UNITS_LISTED);
        picks.extend(rest.into_iter().take(UNITS_LISTED));
        (picks, more)
    }

    fn wrong(&mut self, field: &'static str, words: impl Into<String>) {
        self.faults.push((field, words.into()));
    }

    fn text(&mut self, field: &'static str, name: &str, most: usize) -> String {
        let text = self.get(field).to_owned();
        let length = text.chars().count();
        if length > most {
            self.wrong(field, format!("{name}有{length}字,最多{most}字。"));
        }
        text
    }

    /// The day that was filled in.
    fn day(&mut self, outline: &Outline, today: Option<NaiveDate>) -> TaskDue {
        let said = self.get("day").to_owned();
        let Ok(day) = said.parse::<NaiveDate>() else {
            let found = if said.is_empty() {
                "没有选日期".to_owned()
            } else {
                format!("“{said}”不是日期")
            };
            self.wrong(
                "day",
                format!("{found},请写年-月-日,例如 {}。", outline.ends),
            );
            return TaskDue::Other(String::new());
        };
        let first = today.map_or(outline.issued, |today| today.max(outline.issued));
        if !outline.years.contains(&day.year()) {
            let words = "工作日历里还没有{}年,提前和超期的提醒没有办法推算。请选别的日期,或者先在“台账与名录”的工作日历里加上这一年。";
            self.wrong("day", words.replace("{}", &day.year().to_string()));
        }
        if day < first {
            self.wrong("day", format!("{day}已经过去,请选{first}或以后的日期。"));
        }
        TaskDue::Day(day)
    }

    /// The units that are ticked, each in one role.
    fn owners(&mut self, outline: &Outline) -> Vec<TaskOwner> {
        let mut owners = Vec::new();
        let mut faults = Vec::new();
        for (value, roles) in &self.chosen {
            let known = match value.split_once(':') {
                Some(("g", name)) => outline.groups.iter().find(|(group, _)| group == name),
                _ => None,
            };
            let unit = value.strip_prefix("u:");
            let unit = unit.and_then(|id| outline.units.iter().find(|(unit, _)| unit == id));
            let shown = known.map(|(name, _)| name).or(unit.map(|(_, name)| name));
            let Some(shown) = shown else {
                faults.push(format!("名录里没有“{}”。", value.get(2..).unwrap_or(value)));
                continue;
            };
            if roles.len() > 1 {
                faults.push(format!("“{shown}”选了几种角色,请只留一种。"));
            }
            owners.extend(roles.iter().take(1).map(|role| TaskOwner {
                is_group: known.is_some(),
                name: known.map_or_else(|| value[2..].to_owned(), |(name, _)| name.clone()),
                role: *role,
                beyond: String::new(),
            }));
        }
        if owners.len() > OWNERS_CHOSEN {
            faults.push(format!(
                "选了{}个,最多{OWNERS_CHOSEN}个;单位多的请选单位组。",
                owners.len()
            ));
        }
        if !faults.is_empty() {
            self.wrong("owners", faults.join(" "));
        }
        owners.sort_by_key(|owner| (owner.role, !owner.is_group));
        owners
    }

    /// What was filled in as a task; with faults it is of no use. `was` is the task that is changed,
    /// nothing that of a new one. Dates before today are refused where a date is new.
    pub fn task(
        &mut self,
        outline: &Outline,
        was: Option<&TaskForm>,
        today: Option<NaiveDate>,
    ) -> TaskForm {
        let text = self.text("text", "任务内容", TEXT_CHARACTERS);
        if text.is_empty() {
            self.wrong("text", "请写明要做什么。");
        }
        let mut title = self.text("title", "简称", TITLE_CHARACTERS);
        if title.contains('\n') {
            title = title.replace('\n', " ");
        }
        if title.is_empty() {
            let end = |c: char| "\n,。;、:,;".contains(c);
            let first = text.split(end).next().unwrap_or_default();
            title = first.chars().take(TITLE_FROM_TEXT).collect();
        }
        let owners = self.owners(outline);
        let beyond = was.is_some_and(|was| was.owners.iter().any(|o| !o.beyond.is_empty()));
        if owners.is_empty() && !beyond && self.fault("owners").is_empty() {
            self.wrong("owners", "请至少选一个单位或单位组。");
        }
        let due = match self.get("kind") {
            "period" => match self.get("every") {
                every @ ("month" | "quarter" | "half_year" | "year") => {
                    TaskDue::Period(every.to_owned())
                }
                _ => {
                    self.wrong("day", "请选多久核查一次。");
                    TaskDue::Other(String::new())
                }
            },
            "other" if was.is_some() => {
                was.map_or(TaskDue::Other(String::new()), |was| was.due.clone())
            }
            _ => {
                let same = was.is_some_and(|was| match &was.due {
                    TaskDue::Day(day) => day.to_string() == self.get("day"),
                    _ => false,
                });
                self.day(outline, today.filter(|_| !same))
            }
        };
        TaskForm {
            id: self.get("id").to_owned(),
            is_new: was.is_none(),
            outside: was.is_none_or(|was| was.outside),
            part_of: was.map_or_else(String::new, |was| was.part_of.clone()),
            section: self.text("section", "分类", PHRASE_CHARACTERS),
            subsection: self.text("subsection", "下级分类", PHRASE_CHARACTERS),
            units_phrase: match was {
                Some(_) => self.text("units_phrase", "责任单位原文", TEXT_CHARACTERS),
                None => phrase_of(&owners, outline),
            },
            deadline_phrase: match (was, &due) {
                (Some(_), _) => self.text("deadline_phrase", "完成时限原文", PHRASE_CHARACTERS),
                (None, TaskDue::Day(day)) => day.format("%Y年%-m月%-d日前").to_string(),
                (None, _) => "全年持续推进".to_owned(),
            },
            required: self.get("strength") != "encouraged",
            urgent: !self.get("urgent").is_empty(),
            remark: String::new(),
            title,
            text,
            due,
            owners,
        }
    }
}

/// Units in words, as a ledger has them.
fn phrase_of(owners: &[TaskOwner], outline: &Outline) -> String {
    let name = |owner: &TaskOwner| {
        let known = outline.units.iter().find(|(id, _)| *id == owner.name);
        let known = known.filter(|_| !owner.is_group);
        known.map_or_else(|| owner.name.clone(), |(_, name)| name.clone())
    };
    let of = |role: Role| {
        let names: Vec<String> = owners
            .iter()
            .filter(|owner| owner.role == role)
            .map(name)
            .collect();
        names.join("、")
    };
    let parts = [
        (Role::Lead, "牵头"),
        (Role::Responsible, ""),
        (Role::Support, "配合"),
    ];
    let said = parts.map(|(role, word)| (of(role), word));
    let said = said.iter().filter(|(names, _)| !names.is_empty());
    let said: Vec<String> = said.map(|(names, word)| format!("{names}{word}")).collect();
    said.join(",")
}
