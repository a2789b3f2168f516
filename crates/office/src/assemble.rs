//! From tasks as found to tasks as understood, with every question on the way.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::definition::Role;

use crate::deadline::{self, Kind};
use crate::limit::{MAX_ALTERNATIVES, MAX_UNITS_CHARS};
use crate::phrase;
use crate::raw::{Found, Origin, RawRow};
use crate::reading::{CellReading, Confidence, Owed, Question, Row, Unresolved};
use crate::resolve::Resolver;
use crate::serial;
use crate::text::{Rank, levelled, lines, numbered, one_line, written_number};

/// Understands the rows one after another.
pub(crate) struct Assembler<'a> {
    /// The directory.
    pub resolver: &'a Resolver<'a>,
    /// The ledger's year.
    pub year: Option<i32>,
    /// Questions so far.
    pub questions: Vec<Question>,
    numbers: BTreeMap<String, usize>,
    duplicates: usize,
}

impl<'a> Assembler<'a> {
    /// Begins with no row.
    pub fn new(resolver: &'a Resolver<'a>, year: Option<i32>) -> Assembler<'a> {
        Assembler {
            resolver,
            year,
            questions: Vec::new(),
            numbers: BTreeMap::new(),
            duplicates: 0,
        }
    }

    /// How many rows had a number that another has.
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// Understands a row; `order` is its place among the tasks, from 1.
    pub fn row(&mut self, raw: &RawRow, order: usize) -> Row {
        let mut cells = Vec::new();
        let (number, text) = self.number(raw, order, &mut cells);
        let mut row = Row {
            number,
            section: String::new(),
            subsection: String::new(),
            text,
            lead: Vec::new(),
            support: Vec::new(),
            responsible: Vec::new(),
            units_phrase: String::new(),
            units: Vec::new(),
            unresolved: Vec::new(),
            deadline: deadline::read("", self.year),
            merged: raw.merged(),
            encouraged: false,
            place: raw.place.clone(),
            other: Vec::new(),
            added: Vec::new(),
            cells: Vec::new(),
        };
        row.encouraged = row.text.starts_with("鼓励");
        if row.encouraged {
            let found = row.text.chars().take(12).collect();
            let alternatives = vec!["只提醒不督办".to_owned(), "必办".to_owned()];
            let question = "以“鼓励”开头,暂只提醒不督办,请确认".to_owned();
            self.ask(
                &row,
                &raw.place,
                "text",
                "encouraged",
                found,
                question,
                alternatives,
            );
        }
        sections(raw, &mut row, &mut cells);
        self.units(raw, &mut row, &mut cells);
        self.deadline(raw, &mut row, &mut cells);
        for field in &raw.other {
            let text = one_line(&field.text);
            cells.push(reading(field, &text, "没有使用", Confidence::Certain));
            row.other.push((field.column.clone(), text));
        }
        for field in &raw.added {
            let text = one_line(&field.text);
            cells.push(reading(
                field,
                &text,
                "督办导出时加上的",
                Confidence::Certain,
            ));
            row.added.push((field.column.clone(), text));
        }
        row.cells = cells;
        row
    }

    #[allow(clippy::too_many_arguments)]
    fn ask(
        &mut self,
        row: &Row,
        place: &str,
        field: &'static str,
        code: &'static str,
        found: String,
        question: String,
        mut alternatives: Vec<String>,
    ) {
        alternatives.truncate(MAX_ALTERNATIVES);
        self.questions.push(Question {
            row: Some(row.number.clone()),
            place: place.to_owned(),
            field,
            code,
            found,
            question,
            taken: alternatives.first().cloned().unwrap_or_default(),
            alternatives,
        });
    }

    /// The number and the wording without it.
    fn number(
        &mut self,
        raw: &RawRow,
        order: usize,
        cells: &mut Vec<CellReading>,
    ) -> (String, String) {
        let whole = lines(&raw.text.text);
        let before = numbered(&whole).filter(|(rank, ..)| *rank == Rank::Item);
        let column = raw
            .number
            .as_ref()
            .and_then(|field| Some((written_number(&field.text)?, field)));
        let (found, text, confidence) = match (&column, before, levelled(&whole)) {
            (Some((number, _)), _, Some((before, rest))) if *number == before => {
                (number.clone(), rest, Confidence::Certain)
            }
            (Some((number, _)), Some((_, value, rest)), _)
                if number.trim_start_matches('0') == value.to_string() =>
            {
                (number.clone(), rest, Confidence::Certain)
            }
            (Some((number, _)), ..) => (number.clone(), whole.clone(), Confidence::Certain),
            (None, _, Some((before, rest))) => (before, rest, Confidence::Certain),
            (None, Some((_, value, rest)), _) if !rest.is_empty() => {
                (value.to_string(), rest, Confidence::Certain)
            }
            (None, ..) => (order.to_string(), whole.clone(), Confidence::Likely),
        };
        let times = self.numbers.entry(found.clone()).or_default();
        *times += 1;
        let number = if *times == 1 {
            found
        } else {
            self.duplicates += 1;
            let mut turn = *times;
            let mut number = format!("{found}-{turn}");
            while self.numbers.contains_key(&number) {
                turn += 1;
                number = format!("{found}-{turn}");
            }
            self.numbers.insert(number.clone(), 1);
            number
        };
        if let Some((_, field)) = &column {
            cells.push(reading(field, &one_line(&field.text), &number, confidence));
        }
        let read = if confidence == Confidence::Likely {
            format!("任务内容,按顺序编为{number}")
        } else {
            format!("任务{number}")
        };
        cells.push(reading(&raw.text, &whole, &read, confidence));
        (number, text)
    }

    fn units(&mut self, raw: &RawRow, row: &mut Row, cells: &mut Vec<CellReading>) {
        let written: Vec<&(Role, Found)> = raw
            .units
            .iter()
            .filter(|(_, field)| !field.text.trim().is_empty())
            .collect();
        if written.is_empty() {
            let place = raw
                .units
                .first()
                .map_or(&raw.place, |(_, f)| &f.place)
                .clone();
            let column = raw
                .units
                .first()
                .map_or("责任单位", |(_, f)| f.column.as_str());
            let absent = raw.units.is_empty();
            let question = if absent {
                "没有写明责任单位,由谁负责?".to_owned()
            } else {
                format!("“{column}”为空,也没有合并,由谁负责?")
            };
            let alternatives = vec![
                "暂由主管部门负责".to_owned(),
                "与上一行相同".to_owned(),
                "写明单位后重新导入".to_owned(),
            ];
            self.ask(
                row,
                &place,
                "units",
                "empty_cell",
                String::new(),
                question,
                alternatives,
            );
            let field = Found::absent(column, &place);
            cells.push(reading(&field, "", "空缺", Confidence::Uncertain));
            return;
        }
        let mut phrases = Vec::new();
        for (role, field) in &raw.units {
            let joined = self.resolver.join(&field.text);
            if joined.trim().is_empty() {
                cells.push(reading(field, "", "没有", Confidence::Likely));
                continue;
            }
            if joined.chars().count() > MAX_UNITS_CHARS {
                let question = "单位过长,没有读取".to_owned();
                let found = joined.chars().take(40).collect();
                let alternatives = vec!["写明单位后重新导入".to_owned()];
                self.ask(
                    row,
                    &field.place,
                    "units",
                    "unknown_unit",
                    found,
                    question,
                    alternatives,
                );
                continue;
            }
            let shown = one_line(&joined.replace('\n', ";"));
            // Several columns of units: the phrase says which is which.
            phrases.push(match role {
                Role::Responsible if written.len() == 1 => shown.clone(),
                Role::Lead => format!("牵头单位:{shown}"),
                Role::Support => format!("配合单位:{shown}"),
                Role::Responsible => format!("责任单位:{shown}"),
            });
            let before = row.units.len();
            let supposed = field.origin == Origin::Above;
            if supposed {
                let question = format!("“{}”为空,暂按上一行“{shown}”,请确认", field.column);
                let alternatives = vec![
                    format!("与上一行相同:{shown}"),
                    "写明单位后重新导入".to_owned(),
                ];
                self.ask(
                    row,
                    &field.place,
                    "units",
                    "empty_cell",
                    String::new(),
                    question,
                    alternatives,
                );
            }
            let asked = self.questions.len();
            self.names(&joined, *role, supposed, field, row);
            let mut read: Vec<String> = row.units[before..]
                .iter()
                .map(|owed| format!("{} {}", owed.id, owed.role.chinese()))
                .collect();
            if read.len() > 8 {
                let more = read.len() - 6;
                read.truncate(6);
                read.push(format!("等,另有{more}个"));
            }
            let confidence = if self.questions.len() > asked || supposed {
                Confidence::Uncertain
            } else {
                Confidence::Certain
            };
            cells.push(reading(field, &shown, &read.join("、"), confidence));
        }
        row.units_phrase = phrases.join(";");
    }

    /// Adds the units that a cell names.
    fn names(&mut self, cell: &str, role: Role, supposed: bool, field: &Found, row: &mut Row) {
        let resolver = self.resolver;
        let names = phrase::read(cell, role, &|name| resolver.has(name));
        let leads: BTreeSet<String> = row
            .units
            .iter()
            .filter(|o| o.role == Role::Lead)
            .map(|o| o.id.clone())
            .chain(
                names
                    .names
                    .iter()
                    .filter(|n| n.role == Role::Lead)
                    .flat_map(|n| self.resolver.resolve(&n.text, n.role).0)
                    .flat_map(|meant| meant.ids),
            )
            .collect();
        let mut supposed_role = false;
        for name in &names.names {
            phrases_of(row, name.role).push(name.text.clone());
            supposed_role |= name.role_supposed;
            let (meant, unsettled) = self.resolver.resolve(&name.text, name.role);
            let mut except = BTreeSet::new();
            for left_out in &name.except {
                let (others, doubts) = self.resolver.resolve(left_out, name.role);
                except.extend(others.into_iter().flat_map(|m| m.ids));
                for doubt in doubts {
                    self.ask(
                        row,
                        &field.place,
                        "units",
                        doubt.code,
                        left_out.clone(),
                        doubt.question,
                        doubt.alternatives,
                    );
                }
            }
            for one in meant {
                for id in one.ids.into_iter().filter(|id| !except.contains(id)) {
                    // 各部门配合, 各部门分工负责: the lead owes its task once, as the lead.
                    let leads_already =
                        one.group.is_some() && name.role != Role::Lead && leads.contains(&id);
                    let twice = row.units.iter().any(|o| o.id == id && o.role == name.role);
                    if leads_already || twice {
                        continue;
                    }
                    row.units.push(Owed {
                        id,
                        role: name.role,
                        phrase: name.text.clone(),
                        group: one.group.clone(),
                        supposed,
                    });
                }
            }
            for doubt in unsettled {
                if doubt.code != "near_name" {
                    row.unresolved.push(Unresolved {
                        phrase: name.text.clone(),
                        role: name.role,
                        vague: doubt.vague,
                    });
                }
                self.ask(
                    row,
                    &field.place,
                    "units",
                    doubt.code,
                    name.text.clone(),
                    doubt.question,
                    doubt.alternatives,
                );
            }
        }
        for (open, role) in names.open {
            phrases_of(row, role).push(open.clone());
            let question = format!("“{open}”没有列全,是否还有其他单位?");
            let alternatives = vec![
                "只列点名的单位".to_owned(),
                "增加单位,写明后重新导入".to_owned(),
            ];
            self.ask(
                row,
                &field.place,
                "units",
                "open_list",
                open,
                question,
                alternatives,
            );
        }
        if supposed_role {
            let question = "只有一个单位注明牵头,其余单位是责任单位还是配合单位?".to_owned();
            let alternatives = vec!["其余为责任单位".to_owned(), "其余为配合单位".to_owned()];
            self.ask(
                row,
                &field.place,
                "units",
                "two_readings",
                one_line(cell),
                question,
                alternatives,
            );
        }
    }

    fn deadline(&mut self, raw: &RawRow, row: &mut Row, cells: &mut Vec<CellReading>) {
        let mut phrases: Vec<String> = Vec::new();
        let mut above = None;
        for field in &raw.deadlines {
            let text = one_line(&field.text);
            if !text.is_empty() && !phrases.contains(&text) {
                phrases.push(text);
            }
            if field.origin == Origin::Above {
                above = Some(field.clone());
            }
        }
        let place = raw
            .deadlines
            .first()
            .map_or(&raw.place, |f| &f.place)
            .clone();
        let phrase = phrases.join(";");
        let mut read = deadline::read(&phrase, self.year);
        if raw.deadlines.is_empty() {
            read.kind = Kind::None;
        }
        if let Some(number) = raw.deadlines.first().filter(|_| phrases.len() == 1) {
            serial::read(number, self.year, &mut read);
        }
        let doubts = read.questions.clone();
        row.deadline = read;
        for doubt in doubts {
            let code = if row.deadline.kind == Kind::None {
                "unreadable"
            } else {
                "two_readings"
            };
            self.ask(
                row,
                &place,
                "deadline",
                code,
                phrase.clone(),
                doubt.question,
                doubt.alternatives,
            );
        }
        if let Some((field, due)) = raw.exported_due()
            && row.deadline.date != Some(due)
        {
            // The office may have moved it, or its wording may be read in two ways.
            let found = row.deadline.date.map(|d| d.to_string());
            row.deadline.kind = Kind::Fixed;
            row.deadline.date = Some(due);
            let question = format!("导出时的时限是{due},与“{phrase}”不同,以哪个为准?");
            let mut alternatives = vec![due.to_string()];
            alternatives.extend(found);
            self.ask(
                row,
                &field.place,
                "deadline",
                "two_readings",
                phrase.clone(),
                question,
                alternatives,
            );
        } else if let Some(field) = &above {
            row.deadline.confidence = Confidence::Uncertain;
            let question = format!("“{}”为空,暂按上一行“{phrase}”,请确认", field.column);
            let alternatives = vec![
                format!("与上一行相同:{phrase}"),
                "没有时限".to_owned(),
                "写明时限后重新导入".to_owned(),
            ];
            self.ask(
                row,
                &field.place,
                "deadline",
                "empty_cell",
                String::new(),
                question,
                alternatives,
            );
        } else if row.deadline.kind == Kind::Missing {
            row.deadline.confidence = Confidence::Uncertain;
            let column = raw
                .deadlines
                .first()
                .map_or("完成时限", |f| f.column.as_str());
            let question = format!("“{column}”为空,也没有合并,何时完成?");
            let alternatives = vec![
                "等待主管部门给出日期".to_owned(),
                "与上一行相同".to_owned(),
                "没有时限".to_owned(),
            ];
            self.ask(
                row,
                &place,
                "deadline",
                "empty_cell",
                String::new(),
                question,
                alternatives,
            );
        }
        for field in &raw.deadlines {
            let shown = row.deadline.shown();
            cells.push(reading(
                field,
                &one_line(&field.text),
                &shown,
                row.deadline.confidence,
            ));
        }
    }
}

fn phrases_of(row: &mut Row, role: Role) -> &mut Vec<String> {
    match role {
        Role::Lead => &mut row.lead,
        Role::Support => &mut row.support,
        Role::Responsible => &mut row.responsible,
    }
}

fn reading(field: &Found, found: &str, read: &str, confidence: Confidence) -> CellReading {
    let read = match field.origin {
        Origin::Merged => format!("{read}(合并单元格)"),
        Origin::Above => format!("{read}(取自上一行)"),
        Origin::Context => format!("{read}(标题行)"),
        _ => read.to_owned(),
    };
    CellReading {
        column: field.column.clone(),
        place: field.place.clone(),
        found: found.to_owned(),
        read,
        confidence,
    }
}

/// Headings above the task: the first is the section, the rest the subsection.
fn sections(raw: &RawRow, row: &mut Row, cells: &mut Vec<CellReading>) {
    let mut texts: Vec<String> = Vec::new();
    for (turn, field) in raw.sections.iter().enumerate() {
        let text = one_line(&field.text);
        let confidence = if field.origin == Origin::Above {
            Confidence::Likely
        } else {
            Confidence::Certain
        };
        let read = if turn == 0 {
            "上级标题"
        } else {
            "下级标题"
        };
        cells.push(reading(field, &text, read, confidence));
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    // A single heading numbered (一) is a lower one.
    if texts.len() == 1 && numbered(&texts[0]).is_some_and(|(rank, ..)| rank == Rank::Subsection) {
        texts.insert(0, String::new());
    }
    let mut rest = texts.into_iter();
    row.section = rest.next().unwrap_or_default();
    row.subsection = rest.collect::<Vec<_>>().join("/");
}
