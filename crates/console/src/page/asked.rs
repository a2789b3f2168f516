//! What the address of a ledger's table asks for. Everything stands in the query, so that an address
//! can be passed on; what is unknown there is said and left out, never guessed.

use chrono::NaiveDate;
use duban_model::record::cut;

use super::address;
use super::column::{Column, DUTY_COLUMNS, TASK_COLUMNS};
use super::pager::{SIZE, SIZES};
use crate::access::Seen;
use crate::light::{Light, Stage};
use crate::projection::{Awaited, Ledger};
use crate::tongue::Tongue;

/// The longest text searched for, in bytes.
pub(super) const MAX_SEARCH_BYTES: usize = 200;
/// The longest value repeated to the reader as unknown, in bytes.
const MAX_SHOWN_BYTES: usize = 60;

/// What a row of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// A row of the document.
    Tasks,
    /// A duty.
    Duties,
}

impl View {
    pub fn as_str(self) -> &'static str {
        match self {
            View::Tasks => "tasks",
            View::Duties => "duties",
        }
    }

    pub fn columns(self) -> &'static [Column] {
        match self {
            View::Tasks => TASK_COLUMNS,
            View::Duties => DUTY_COLUMNS,
        }
    }
}

/// By what rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// The document's order.
    Number,
    /// The gravest first.
    Light,
    /// The earliest date first.
    Due,
    /// Units in the order of their names' ids.
    Unit,
    /// In the order of stages.
    Stage,
}

impl Sort {
    const ALL: [Sort; 5] = [
        Sort::Number,
        Sort::Light,
        Sort::Due,
        Sort::Unit,
        Sort::Stage,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Sort::Number => "number",
            Sort::Light => "light",
            Sort::Due => "due",
            Sort::Unit => "unit",
            Sort::Stage => "state",
        }
    }
}

/// What is let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub lights: Vec<Light>,
    /// A unit's id.
    pub unit: String,
    pub section: String,
    pub stages: Vec<Stage>,
    pub awaited: Option<Awaited>,
    pub from: Option<NaiveDate>,
    pub to: Option<NaiveDate>,
    pub text: String,
}

impl Filter {
    pub fn is_set(&self) -> bool {
        *self != Filter::default()
    }

    /// True if each duty has to be looked at.
    pub fn is_of_duties(&self) -> bool {
        !self.unit.is_empty()
            || !self.stages.is_empty()
            || self.awaited.is_some()
            || self.from.is_some()
            || self.to.is_some()
            || !self.text.is_empty()
    }
}

/// The whole question.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub view: View,
    pub filter: Filter,
    pub sort: Sort,
    pub descending: bool,
    pub columns: Vec<&'static Column>,
    pub page: usize,
    pub size: usize,
    /// What was not understood, a sentence each.
    pub odd: Vec<String>,
}

impl Asked {
    /// Reads the query of a ledger's table.
    pub fn read(
        projection: &Seen<'_>,
        ledger: &Ledger,
        pairs: &[(String, String)],
        tongue: Tongue,
    ) -> Asked {
        let mut asked = Asked {
            view: View::Tasks,
            filter: Filter::default(),
            sort: Sort::Number,
            descending: false,
            columns: Vec::new(),
            page: 1,
            size: SIZE,
            odd: Vec::new(),
        };
        if let Some((_, view)) = pairs.iter().find(|(name, _)| name == "view") {
            match view.as_str() {
                "tasks" => {}
                "duties" => asked.view = View::Duties,
                _ => asked.not_known(tongue, "视图", view, "tasks, duties"),
            }
        }
        for (name, value) in pairs {
            let value = value.trim();
            if !value.is_empty() {
                asked.take(projection, ledger, name, value, tongue);
            }
        }
        if let (Some(from), Some(to)) = (asked.filter.from, asked.filter.to)
            && to < from
        {
            asked.odd.push(tongue.pick(
                format!("时限起{from}在止{to}之后,没有事项符合;请对调两个日期。"),
                format!("The span begins on {from}, after its end {to}; swap the two dates."),
            ));
        }
        if asked.columns.is_empty() {
            let columns = asked.view.columns().iter();
            asked.columns = columns.filter(|column| column.is_usual).collect();
        }
        asked
    }

    fn take(
        &mut self,
        projection: &Seen<'_>,
        ledger: &Ledger,
        name: &str,
        value: &str,
        tongue: Tongue,
    ) {
        match name {
            "light" => match Light::parse(value) {
                Some(light) if self.filter.lights.contains(&light) => {}
                Some(light) => self.filter.lights.push(light),
                None => {
                    let known = Light::ALL.map(Light::as_str).join(", ");
                    self.not_known(tongue, "灯", value, &known);
                }
            },
            "state" => match Stage::parse(value) {
                Some(stage) if self.filter.stages.contains(&stage) => {}
                Some(stage) => self.filter.stages.push(stage),
                None => {
                    let known = Stage::ALL.map(Stage::as_str).join(", ");
                    self.not_known(tongue, "状态", value, &known);
                }
            },
            "await" => {
                self.filter.awaited = Awaited::parse(value);
                if self.filter.awaited.is_none() {
                    let known = Awaited::ALL.map(Awaited::as_str).join(", ");
                    self.not_known(tongue, "待办", value, &known);
                }
            }
            "unit" => match unit(projection, ledger, value) {
                Some(unit) => self.filter.unit = unit,
                None => {
                    let known = tongue.pick(
                        "单位编号、简称或全称,如 city-spj",
                        "an id, short or full name, e.g. city-spj",
                    );
                    self.not_known(tongue, "单位", value, known);
                }
            },
            "section" => {
                if ledger.tasks.iter().any(|row| row.section() == value) {
                    value.clone_into(&mut self.filter.section);
                } else {
                    let known = tongue.pick("台账中的分类", "a section of this ledger");
                    self.not_known(tongue, "分类", value, known);
                }
            }
            "from" | "to" => match value.parse::<NaiveDate>() {
                Ok(day) if name == "from" => self.filter.from = Some(day),
                Ok(day) => self.filter.to = Some(day),
                Err(_) => self.not_known(tongue, "时限", value, "2021-12-31"),
            },
            "q" => cut(value, MAX_SEARCH_BYTES).clone_into(&mut self.filter.text),
            "sort" => {
                let (descending, key) = match value.strip_prefix('-') {
                    Some(key) => (true, key),
                    None => (false, value),
                };
                match Sort::ALL.into_iter().find(|sort| sort.as_str() == key) {
                    Some(sort) => (self.sort, self.descending) = (sort, descending),
                    None => {
                        let known = Sort::ALL.map(Sort::as_str).join(", ");
                        self.not_known(tongue, "排序", value, &known);
                    }
                }
            }
            "col" => match self.view.columns().iter().find(|c| c.key == value) {
                Some(column) if self.columns.iter().any(|c| c.key == column.key) => {}
                Some(column) => self.columns.push(column),
                // A column of the other view is left out without a word.
                None if column_of_any(value) => {}
                None => {
                    let known: Vec<&str> = self.view.columns().iter().map(|c| c.key).collect();
                    self.not_known(tongue, "列", value, &known.join(", "));
                }
            },
            "page" => match value.parse() {
                Ok(page) if page > 0 => self.page = page,
                _ => self.not_known(tongue, "页码", value, "1, 2, 3 …"),
            },
            "size" => match value.parse() {
                Ok(size) if SIZES.contains(&size) => self.size = size,
                _ => self.not_known(tongue, "每页行数", value, "25, 50, 100, 200"),
            },
            // Who adds something to an address may mean something by it; it changes nothing here.
            _ => {}
        }
    }

    /// Remembers a value that does not exist.
    fn not_known(&mut self, tongue: Tongue, what: &str, value: &str, known: &str) {
        let value = cut(value, MAX_SHOWN_BYTES);
        self.odd.push(tongue.pick(
            format!("没有名为“{value}”的{what},已忽略;可用:{known}。"),
            format!(
                "There is no {} “{value}”; it was left out. Known: {known}.",
                tongue.say(what)
            ),
        ));
    }

    /// The query that asks the same, beginning with `?`.
    pub fn query(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        if self.view != View::Tasks {
            pairs.push(("view", self.view.as_str().to_owned()));
        }
        let filter = &self.filter;
        for light in &filter.lights {
            pairs.push(("light", light.as_str().to_owned()));
        }
        for stage in &filter.stages {
            pairs.push(("state", stage.as_str().to_owned()));
        }
        if let Some(awaited) = filter.awaited {
            pairs.push(("await", awaited.as_str().to_owned()));
        }
        for (name, value) in [
            ("unit", &filter.unit),
            ("section", &filter.section),
            ("q", &filter.text),
        ] {
            if !value.is_empty() {
                pairs.push((name, value.clone()));
            }
        }
        for (name, day) in [("from", filter.from), ("to", filter.to)] {
            if let Some(day) = day {
                pairs.push((name, day.to_string()));
            }
        }
        if self.sort != Sort::Number || self.descending {
            let mark = if self.descending { "-" } else { "" };
            pairs.push(("sort", format!("{mark}{}", self.sort.as_str())));
        }
        let is_usual = self
            .view
            .columns()
            .iter()
            .filter(|c| c.is_usual)
            .map(|c| c.key)
            .eq(self.columns.iter().map(|c| c.key));
        if !is_usual {
            pairs.extend(self.columns.iter().map(|c| ("col", c.key.to_owned())));
        }
        if self.size != SIZE {
            pairs.push(("size", self.size.to_string()));
        }
        if self.page > 1 {
            pairs.push(("page", self.page.to_string()));
        }
        let said: Vec<String> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={}", address::encoded(&value)))
            .collect();
        if said.is_empty() {
            String::new()
        } else {
            format!("?{}", said.join("&"))
        }
    }

    /// The same question with something changed, from its first page.
    pub fn but(&self, change: impl FnOnce(&mut Asked)) -> String {
        let mut other = self.clone();
        other.page = 1;
        change(&mut other);
        let query = other.query();
        if query.is_empty() {
            "?".to_owned()
        } else {
            query
        }
    }

    /// The same question ordered by a column; the other way round if it is already.
    pub fn ordered(&self, sort: Sort) -> String {
        self.but(|other| {
            other.descending = self.sort == sort && !self.descending;
            other.sort = sort;
        })
    }
}

fn column_of_any(key: &str) -> bool {
    TASK_COLUMNS
        .iter()
        .chain(DUTY_COLUMNS)
        .any(|c| c.key == key)
}

/// A unit of the ledger by its id or its name.
fn unit(projection: &Seen<'_>, ledger: &Ledger, said: &str) -> Option<String> {
    let agenda = projection.agenda(ledger);
    let units = agenda.by_unit();
    if units.contains_key(said) {
        return Some(said.to_owned());
    }
    let names = projection.units();
    let mut named = units.keys().filter(|unit| {
        names.short(&ledger.tenant, unit) == said || names.name(&ledger.tenant, unit) == said
    });
    named.next().map(ToString::to_string)
}
