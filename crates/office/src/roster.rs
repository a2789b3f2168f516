//! A file of units and contacts (xlsx, csv) as a directory.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::Directory;
use duban_model::delivery::{Delivery, USUAL_WINDOW_MINUTES};
use duban_model::directory::{Certainty, Contact, Unit};
use duban_model::id::is_plain_id;
use serde::Serialize;

use crate::document::{self, Table};
use crate::heading::is_note;
use crate::limit::{MAX_ALTERNATIVES, MAX_UNITS};
use crate::people::{self, People};
use crate::reading::{Aside, Question};
use crate::refusal::Refusal;
use crate::roster_heading::{Field, field};
use crate::text::{half, once, one_line, parts, squeeze};

/// A directory as read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Roster {
    /// The file's name.
    pub file: String,
    /// The units.
    pub directory: Directory,
    /// What a person must decide.
    pub questions: Vec<Question>,
    /// What is no unit, and why.
    pub asides: Vec<Aside>,
    /// Rows that went in: each is a unit, a further contact of one, or set aside.
    pub rows_in: usize,
    /// Rows that gave a unit already there another contact.
    pub more_contacts: usize,
    /// Headings of columns that are not used.
    pub unused: Vec<String>,
}

/// How notices leave, of an office that did not say.
const USUAL: Delivery = Delivery {
    window_minutes: USUAL_WINDOW_MINUTES,
    hours: None,
};

/// Reads a file of units. `known` is the directory so far: its units keep their ids.
///
/// # Errors
///
/// A [`Refusal`] if the document cannot be read or no column holds the units' names.
pub fn read_units(
    file: &str,
    bytes: &[u8],
    tenant: &str,
    known: Option<&Directory>,
) -> Result<Roster, Refusal> {
    let at_file = |mut refusal: Refusal| {
        refusal.place = format!("{file} {}", refusal.place);
        refusal
    };
    let document = document::open(bytes).map_err(at_file)?;
    let mut roster = Roster {
        file: file.to_owned(),
        directory: Directory {
            tenant: tenant.to_owned(),
            // No document says so; what was known stays.
            delivery: known.map_or(USUAL, |known| known.delivery),
            units: BTreeMap::new(),
        },
        questions: Vec::new(),
        asides: Vec::new(),
        rows_in: 0,
        more_contacts: 0,
        unused: Vec::new(),
    };
    let mut supers: Vec<(String, String, String)> = Vec::new();
    let mut found = false;
    for table in document.tables() {
        let header = table.rows.iter().position(|row| {
            let fields: Vec<Field> = row.iter().map(|c| field(&once(&c.text))).collect();
            fields.contains(&Field::Name)
                && fields.iter().filter(|f| **f != Field::Other).count() >= 2
        });
        roster.rows_in += table.rows.len();
        let Some(header) = header else {
            for r in 0..table.rows.len() {
                roster.aside("title", table, r);
            }
            continue;
        };
        found = true;
        roster.table(table, header, known, &mut supers)?;
    }
    if !found {
        return Err(at_file(Refusal::new(
            "全文",
            "没有认出表头",
            "一行表头,有“单位名称”,并有“简称”“单位组”“联络员”“邮箱”等中的一列",
            "补上表头后重新导入",
        )));
    }
    roster.superiors(supers);
    roster.unreachable();
    Ok(roster)
}

impl Roster {
    /// True if every row that went in is a unit, a further contact, or set aside.
    pub fn agrees(&self) -> bool {
        self.rows_in == self.directory.units.len() + self.more_contacts + self.asides.len()
    }

    fn aside(&mut self, read: &'static str, table: &Table, r: usize) {
        let texts: Vec<String> = table.rows[r]
            .iter()
            .filter(|c| c.covered_by.is_none() && !c.is_empty())
            .map(|c| one_line(&c.text))
            .collect();
        self.asides.push(Aside {
            place: table.row_place(r),
            read: if texts.is_empty() { "blank" } else { read },
            found: texts.join(" | "),
        });
    }

    fn ask(
        &mut self,
        place: String,
        code: &'static str,
        found: &str,
        question: String,
        alternatives: &[&str],
    ) {
        self.questions.push(Question {
            row: None,
            place,
            field: "units",
            code,
            found: found.to_owned(),
            question,
            alternatives: alternatives.iter().map(|a| (*a).to_owned()).collect(),
            taken: alternatives
                .first()
                .map(|a| (*a).to_owned())
                .unwrap_or_default(),
        });
    }

    fn table(
        &mut self,
        table: &Table,
        header: usize,
        known: Option<&Directory>,
        supers: &mut Vec<(String, String, String)>,
    ) -> Result<(), Refusal> {
        let fields: Vec<Field> = table.rows[header]
            .iter()
            .map(|cell| field(&once(&cell.text)))
            .collect();
        let headings: Vec<String> = table.rows[header]
            .iter()
            .map(|cell| one_line(&once(&cell.text)))
            .collect();
        for (c, kind) in fields.iter().enumerate() {
            let heading = one_line(&table.rows[header][c].text);
            if *kind == Field::Other && !heading.is_empty() {
                self.unused.push(heading);
            }
        }
        for r in 0..=header {
            self.aside(if r == header { "header" } else { "title" }, table, r);
        }
        let mut latest: Option<String> = None;
        for r in header + 1..table.rows.len() {
            let place = table.row_place(r);
            let of = |wanted: Field| -> String {
                fields
                    .iter()
                    .enumerate()
                    .filter(|(_, f)| **f == wanted)
                    .map(|(c, _)| one_line(&once(&table.rows[r][c].text)))
                    .find(|text| !text.is_empty())
                    .unwrap_or_default()
            };
            let name = of(Field::Name);
            let same_header = fields.iter().enumerate().all(|(c, _)| {
                squeeze(&table.rows[r][c].text) == squeeze(&table.rows[header][c].text)
            });
            if same_header {
                self.aside("repeated_header", table, r);
                continue;
            }
            let people = people::read(&fields, &headings, |c| once(&table.rows[r][c].text));
            if name.is_empty() {
                // Another contact of the unit above.
                match &latest {
                    Some(id) if !people.contacts.is_empty() => {
                        let id = id.clone();
                        self.people(&id, people, &place);
                        self.more_contacts += 1;
                    }
                    _ => self.aside("note", table, r),
                }
                continue;
            }
            if is_note(&name) {
                self.aside("note", table, r);
                continue;
            }
            if self.directory.units.len() >= MAX_UNITS {
                return Err(Refusal::new(
                    place,
                    format!("{MAX_UNITS} 个以上单位"),
                    format!("不超过 {MAX_UNITS} 个"),
                    "按主管部门分成几份名录",
                ));
            }
            let same = self
                .directory
                .units
                .iter()
                .find(|(_, unit)| squeeze(&unit.name) == squeeze(&name))
                .map(|(id, _)| id.clone());
            if let Some(id) = same {
                self.people(&id, people, &place);
                self.more_contacts += 1;
                latest = Some(id);
                continue;
            }
            let id = self.id(&of(Field::Id), &name, &place, known);
            let before = known.and_then(|d| d.units.get(&id));
            let mut unit = Unit {
                name: name.clone(),
                short: names(&of(Field::Short)),
                level: of(Field::Level),
                kind: of(Field::Kind),
                groups: names(&of(Field::Groups)),
                superior: None,
                certainty: certainty(&of(Field::Certainty)),
                contacts: Vec::new(),
                leader: None,
                // No column says so; what was known stays.
                formerly: before
                    .map(|before| before.formerly.clone())
                    .unwrap_or_default(),
                hours: before.and_then(|before| before.hours),
            };
            if let Some(before) = before {
                // A column that the file does not have leaves what was known.
                let lacks = |wanted: Field| !fields.contains(&wanted);
                if lacks(Field::Short) {
                    unit.short.clone_from(&before.short);
                }
                if lacks(Field::Groups) {
                    unit.groups.clone_from(&before.groups);
                }
                if lacks(Field::Level) {
                    unit.level.clone_from(&before.level);
                }
                if lacks(Field::Kind) {
                    unit.kind.clone_from(&before.kind);
                }
                if lacks(Field::Contact) && lacks(Field::Mail) {
                    unit.contacts.clone_from(&before.contacts);
                }
                if lacks(Field::Leader) && lacks(Field::LeaderMail) {
                    unit.leader.clone_from(&before.leader);
                }
                if lacks(Field::Superior)
                    && let Some(superior) = &before.superior
                {
                    supers.push((id.clone(), superior.clone(), place.clone()));
                }
            }
            let superior = of(Field::Superior);
            if !superior.is_empty() {
                supers.push((id.clone(), superior, place.clone()));
            }
            self.directory.units.insert(id.clone(), unit);
            self.people(&id, people, &place);
            latest = Some(id);
        }
        Ok(())
    }

    /// The id in the file, the known one of the same name, or a new one.
    fn id(&mut self, written: &str, name: &str, place: &str, known: Option<&Directory>) -> String {
        let written = squeeze(written);
        let taken = |id: &str, units: &BTreeMap<String, Unit>| units.contains_key(id);
        if is_plain_id(&written) && !taken(&written, &self.directory.units) {
            return written;
        }
        if !written.is_empty() {
            let question = if is_plain_id(&written) {
                format!("编号“{written}”已经用于另一个单位")
            } else {
                format!("编号“{written}”只能用字母、数字、-、_、.")
            };
            self.ask(
                place.to_owned(),
                "bad_id",
                name,
                question,
                &["另编一个编号", "改正后重新导入"],
            );
        }
        let before = known.and_then(|d| {
            d.units
                .iter()
                .find(|(_, unit)| squeeze(&unit.name) == squeeze(name))
                .map(|(id, _)| id.clone())
        });
        if let Some(id) = before.filter(|id| !taken(id, &self.directory.units)) {
            return id;
        }
        let mut number = self.directory.units.len() + 1;
        loop {
            let id = format!("u{number:03}");
            let elsewhere = known.is_some_and(|d| d.units.contains_key(&id));
            if !taken(&id, &self.directory.units) && !elsewhere {
                return id;
            }
            number += 1;
        }
    }

    /// Gives a unit its receivers, and asks what its cells leave open.
    fn people(&mut self, unit: &str, people: People, place: &str) {
        if let Some(found) = people.unpaired {
            let question = format!("“{found}”中人数与邮箱数不同,按先后对应,请核对");
            self.ask(
                place.to_owned(),
                "two_readings",
                &found,
                question,
                &["按先后对应", "一人一行写明后重新导入"],
            );
        }
        for contact in people.contacts {
            let mut contact = self.mail(contact, place);
            let Some(unit) = self.directory.units.get_mut(unit) else {
                return;
            };
            let count = unit.contacts.len();
            if count > 0 {
                contact.id = format!("contact{}", count + 1);
            }
            if !unit
                .contacts
                .iter()
                .any(|c| c.mail == contact.mail && c.title == contact.title)
            {
                unit.contacts.push(contact);
            }
        }
        if let Some(leader) = people.leader {
            let checked = self.mail(leader, place);
            if let Some(unit) = self.directory.units.get_mut(unit) {
                unit.leader = unit.leader.take().or(Some(checked));
            }
        }
    }

    /// Asks once for all units that nobody can write to.
    fn unreachable(&mut self) {
        let without: Vec<&str> = self
            .directory
            .units
            .values()
            .filter(|unit| unit.contacts.iter().all(|c| c.mail.is_none()))
            .map(|unit| unit.name.as_str())
            .collect();
        if without.is_empty() {
            return;
        }
        let shown: Vec<&str> = without.iter().take(MAX_ALTERNATIVES).copied().collect();
        let more = if without.len() > shown.len() {
            "等"
        } else {
            ""
        };
        let (count, found) = (without.len(), format!("{}{more}", shown.join("、")));
        self.ask(
            "全文".to_owned(),
            "no_mail",
            &found,
            format!("{count}个单位没有联络员邮箱,邮件通知不到"),
            &["暂不填写,以后补上", "补上邮箱后重新导入"],
        );
    }

    /// Leaves out an address that is none, and asks.
    fn mail(&mut self, mut contact: Contact, place: &str) -> Contact {
        if let Some(mail) = contact.mail.clone()
            && !is_mail(&mail)
        {
            contact.mail = None;
            contact.channels.clear();
            let question = format!("“{mail}”不是邮箱,没有采用");
            self.ask(
                place.to_owned(),
                "bad_mail",
                &mail,
                question,
                &["不采用", "改正后重新导入"],
            );
        }
        contact
    }

    /// Superiors by id, full name or short name.
    fn superiors(&mut self, supers: Vec<(String, String, String)>) {
        for (id, written, place) in supers {
            let plain = squeeze(&written);
            let fits: BTreeSet<String> = self
                .directory
                .units
                .iter()
                .filter(|(other, unit)| {
                    let names = unit.short.iter().chain([&unit.name]);
                    **other == plain || names.into_iter().any(|n| squeeze(n) == plain)
                })
                .map(|(other, _)| other.clone())
                .collect();
            let mut fits = fits.into_iter().filter(|other| *other != id);
            match (fits.next(), fits.next()) {
                (Some(superior), None) => {
                    if let Some(unit) = self.directory.units.get_mut(&id) {
                        unit.superior = Some(superior);
                    }
                }
                _ => {
                    let question = format!("上级“{written}”在本文件中没有,或不止一个");
                    self.ask(
                        place,
                        "unknown_superior",
                        &written,
                        question,
                        &["暂不填写上级", "改正后重新导入"],
                    );
                }
            }
        }
    }
}

fn is_mail(text: &str) -> bool {
    let parts: Vec<&str> = text.split('@').collect();
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | '"');
    parts.len() == 2
        && parts.iter().all(|p| !p.is_empty())
        && text.chars().all(plain)
        && text.len() <= 254
}

fn names(text: &str) -> Vec<String> {
    let mut names = parts(text, |c| matches!(half(c), '|' | '、' | ';' | ',' | '/'));
    let mut seen = BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn certainty(word: &str) -> Option<Certainty> {
    match squeeze(word).as_str() {
        "certain" | "确定" | "已核实" | "是" => Some(Certainty::Certain),
        "likely" | "较确定" => Some(Certainty::Likely),
        "uncertain" | "待核" | "待核实" | "否" => Some(Certainty::Uncertain),
        _ => None,
    }
}

/// The directory as `directory.yaml`.
pub fn directory_yaml(roster: &Roster) -> String {
    let comment = "单位名录 | Units, their groups and contacts. 由导入写出,待主管部门核实。";
    yaml_of(&roster.directory, comment)
}

/// Any directory as `directory.yaml`, with these lines of comment at its head.
pub fn yaml_of(directory: &duban_model::Directory, comment: &str) -> String {
    crate::yaml::directory(directory, comment)
}
