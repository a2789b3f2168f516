//! What an office answers to the questions of an import, and what the reading becomes by it.
//!
//! An answer is one of the alternatives in its own words, or a day, a unit or a year that was none of
//! them. What can be done is done to the reading; what can only be done by hand stays a question of the
//! task, with the answer beside it, so that nothing that was said is lost.

use std::collections::BTreeMap;
use std::fmt::Write;

use chrono::NaiveDate;
use duban_model::Directory;
use duban_model::definition::Role;

use crate::deadline::{Kind, read};
use crate::definition::Settings;
use crate::reading::{Confidence, Owed, Question, Reading, Row};

/// How an answer begins that is a day: `day:2021-06-30`.
pub const DAY: &str = "day:";
/// How an answer begins that is a unit of the directory: `unit:city-spj`.
pub const UNIT: &str = "unit:";
/// How an answer begins that is a year: `year:2021`.
pub const YEAR: &str = "year:";

/// What an answer may be beside the alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// Nothing.
    Nothing,
    /// A day, as [`DAY`].
    Day,
    /// A unit, as [`UNIT`].
    Unit,
    /// A year, as [`YEAR`].
    Year,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is as it was taken to be.
    Confirmed,
    /// The reading was changed by it.
    Changed,
    /// It stands with the task, to be carried out by hand.
    ByHand,
}

/// By what a question is known again when the same document is read again: where it is asked, and in
/// which words.
pub fn key(question: &Question) -> String {
    // FNV-1a; two questions of one document in other words are not to be one.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let row = question.row.as_deref().unwrap_or_default();
    for byte in [row, question.code, &question.place, &question.question]
        .join("\u{0}")
        .bytes()
    {
        hash ^= u64::from(byte);
        hash = hash.wrapping_mul(0x0100_0000_01b3);
    }
    let mut key = String::new();
    let _ = write!(key, "{}-{hash:016x}", question.code);
    key
}

/// What may be answered to a question beside its alternatives.
pub fn free(question: &Question) -> Free {
    match (question.field, question.code) {
        (_, "no_year") => Free::Year,
        (_, "no_date") | ("deadline", _) if question.code != "no_column" => Free::Day,
        (_, "no_office") => Free::Unit,
        ("units", "unknown_unit" | "near_name" | "open_list" | "empty_cell" | "two_readings") => {
            Free::Unit
        }
        _ => Free::Nothing,
    }
}

/// The year among answers, which the document is read with.
pub fn year(said: &BTreeMap<String, String>) -> Option<i32> {
    let mut years = said.values().filter_map(|said| said.strip_prefix(YEAR));
    years.find_map(|year| year.trim().parse().ok())
}

/// The id in `名称(id)`.
fn id_in(shown: &str) -> Option<&str> {
    shown.strip_suffix(')')?.rsplit_once('(').map(|(_, id)| id)
}

/// The unit that an answer names, in either form.
fn unit<'a>(said: &'a str, directory: &Directory) -> Option<&'a str> {
    let id = said.strip_prefix(UNIT).or_else(|| id_in(said))?;
    directory.units.contains_key(id).then_some(id)
}

/// The day that an answer names: all of it, or what follows 按台账: and the like.
fn day(said: &str) -> Option<NaiveDate> {
    let said = said.strip_prefix(DAY).unwrap_or(said);
    let last = said.rsplit([':', ' ']).next().unwrap_or(said);
    last.trim().parse().ok()
}

/// Settles the questions about the ledger as a whole that its settings answer.
pub fn settings(
    questions: &[Question],
    directory: &Directory,
    said: &BTreeMap<String, String>,
    settings: &mut Settings,
) {
    for question in questions {
        let Some(said) = said.get(&key(question)) else {
            continue;
        };
        match question.code {
            "no_date" => settings.issued = day(said).or(settings.issued),
            "no_office" => {
                let Some(unit) = unit(said, directory) else {
                    continue;
                };
                let place = if question.question.contains("领导小组") {
                    &mut settings.leading_group
                } else {
                    &mut settings.office
                };
                *place = Some(unit.to_owned());
            }
            _ => {}
        }
    }
}

/// Settles the questions of a reading that are answered, and says what became of each. What is settled
/// is asked no more; what is to be done by hand stays, with the answer.
pub fn apply(
    reading: &mut Reading,
    directory: &Directory,
    said: &BTreeMap<String, String>,
) -> BTreeMap<String, Settled> {
    let year = reading.heading.year;
    let mut became = BTreeMap::new();
    let mut left = Vec::new();
    for mut question in std::mem::take(&mut reading.questions) {
        let key = key(&question);
        let Some(said) = said.get(&key) else {
            left.push(question);
            continue;
        };
        let settled = match &question.row {
            Some(number) => match reading.rows.iter().position(|row| row.number == *number) {
                Some(at) => {
                    let above = at.checked_sub(1).map(|above| reading.rows[above].clone());
                    let row = &mut reading.rows[at];
                    settle(&question, said, row, above.as_ref(), directory, year)
                }
                None => Settled::ByHand,
            },
            None => whole(&question, said, reading),
        };
        if settled == Settled::ByHand {
            let answer = said.split_once(':').map_or(said.as_str(), |(_, rest)| rest);
            let answer = if said.starts_with(DAY) || said.starts_with(UNIT) {
                answer
            } else {
                said
            };
            let _ = write!(question.taken, "(已答复“{answer}”,待照此修改)");
            left.push(question);
        }
        became.insert(key, settled);
    }
    reading.questions = left;
    reading.counts.questions = reading.questions.len();
    reading.counts.units = reading.rows.iter().map(|row| row.units.len()).sum();
    reading.counts.unresolved = reading.rows.iter().map(|row| row.unresolved.len()).sum();
    became
}

/// A question about the document as a whole.
fn whole(question: &Question, said: &str, reading: &mut Reading) -> Settled {
    if question.code == "no_year" {
        return Settled::Changed;
    }
    if said == question.taken {
        return Settled::Confirmed;
    }
    if question.code == "first_leads" {
        for row in &mut reading.rows {
            if let Some(first) = row.units.first_mut() {
                first.role = Role::Lead;
            }
        }
        return Settled::Changed;
    }
    Settled::ByHand
}

fn settle(
    question: &Question,
    said: &str,
    row: &mut Row,
    above: Option<&Row>,
    directory: &Directory,
    year: Option<i32>,
) -> Settled {
    match question.field {
        "units" => units(question, said, row, above, directory),
        "deadline" => deadline(question, said, row, above, year),
        _ if said == question.taken => Settled::Confirmed,
        "text" if question.code == "encouraged" => {
            row.encouraged = false;
            Settled::Changed
        }
        _ => Settled::ByHand,
    }
}

fn deadline(
    question: &Question,
    said: &str,
    row: &mut Row,
    above: Option<&Row>,
    year: Option<i32>,
) -> Settled {
    if said == question.taken && question.code != "unreadable" {
        return Settled::Confirmed;
    }
    let of_row = &mut row.deadline;
    if let Some(day) = day(said) {
        of_row.kind = Kind::Fixed;
        (of_row.date, of_row.from) = (Some(day), None);
        (of_row.every, of_row.day, of_row.within) = (None, None, None);
    } else if said.starts_with("与上一行相同")
        && let Some(above) = above
    {
        let phrase = std::mem::take(&mut of_row.phrase);
        *of_row = above.deadline.clone();
        of_row.phrase = phrase;
    } else {
        let kind = match said {
            "没有时限" => Kind::None,
            "等待启动" | "等待主管部门给出日期" => Kind::WhenAppropriate,
            "持续到年底" => Kind::Continuous,
            // 按季度核查 is 每季度; what else is a deadline in itself is read as one.
            _ => {
                let wording = said.replacen('按', "每", 1);
                let again = [said, &wording].map(|wording| read(wording, year));
                let fits = |read: &crate::deadline::Deadline| {
                    read.confidence == Confidence::Certain
                        && !matches!(read.kind, Kind::None | Kind::Missing)
                };
                let Some(again) = again.into_iter().find(fits) else {
                    return Settled::ByHand;
                };
                let phrase = std::mem::take(&mut of_row.phrase);
                *of_row = again;
                of_row.phrase = phrase;
                of_row.kind
            }
        };
        if kind != of_row.kind {
            (of_row.kind, of_row.date, of_row.from) = (kind, None, None);
            (of_row.every, of_row.day, of_row.within) = (None, None, None);
        }
    }
    of_row.confidence = Confidence::Certain;
    of_row.questions.clear();
    Settled::Changed
}

fn units(
    question: &Question,
    said: &str,
    row: &mut Row,
    above: Option<&Row>,
    directory: &Directory,
) -> Settled {
    let owed = |id: &str, role: Role, group: Option<&str>| Owed {
        id: id.to_owned(),
        role,
        phrase: question.found.clone(),
        group: group.map(ToOwned::to_owned),
        supposed: false,
    };
    let unsettled = row
        .unresolved
        .iter()
        .position(|u| u.phrase == question.found);
    let group = said
        .strip_prefix("单位组“")
        .and_then(|rest| rest.strip_suffix('”'));
    if let Some(id) =
        unit(said, directory).filter(|_| said != question.taken || unsettled.is_some())
    {
        // In the place of what was read of these words, or beside it where the list was open.
        let role = match unsettled {
            Some(at) => row.unresolved.remove(at).role,
            None => {
                let of_words = row.units.iter().find(|o| o.phrase == question.found);
                let role = of_words.or(row.units.last()).map(|o| o.role);
                if question.code == "near_name" {
                    row.units.retain(|o| o.phrase != question.found);
                }
                role.unwrap_or(Role::Responsible)
            }
        };
        if !row.units.iter().any(|o| o.id == id && o.role == role) {
            row.units.push(owed(id, role, None));
        }
        return Settled::Changed;
    }
    if let Some(group) = group
        && let Some(at) = unsettled
    {
        let role = row.unresolved.remove(at).role;
        for id in directory.members(group) {
            if !row.units.iter().any(|o| o.id == *id && o.role == role) {
                row.units.push(owed(id, role, Some(group)));
            }
        }
        return Settled::Changed;
    }
    if said.starts_with("把“") && question.code == "unknown_unit" {
        // It gets an entry of the directory, as it would without an answer.
        return Settled::Confirmed;
    }
    if said == question.taken {
        return Settled::Confirmed;
    }
    if said == "与上一行相同"
        && let Some(above) = above
    {
        row.units.clone_from(&above.units);
        row.unresolved.clone_from(&above.unresolved);
        return Settled::Changed;
    }
    if said == "其余为配合单位" {
        let roles = row.units.iter_mut().map(|o| &mut o.role);
        for role in roles.chain(row.unresolved.iter_mut().map(|u| &mut u.role)) {
            if *role == Role::Responsible {
                *role = Role::Support;
            }
        }
        return Settled::Changed;
    }
    Settled::ByHand
}

#[cfg(test)]
mod tests {
    use duban_model::directory::Unit;

    use super::*;
    use crate::{Wishes, read_ledger};

    const LEDGER: &str = "序号,具体任务,责任单位,完成时限\n\
        1,公开规划,市水务局,2021年6月底\n\
        2,公开预算,市水利管理处,待定\n\
        3,鼓励公开图解,市财政局,2021年12月前\n";

    fn directory() -> Directory {
        let mut directory = Directory {
            tenant: "tongliao".to_owned(),
            ..Directory::default()
        };
        for (id, name) in [("city-swj", "通辽市水务局"), ("city-czj", "通辽市财政局")] {
            directory.units.insert(
                id.to_owned(),
                Unit {
                    name: name.to_owned(),
                    short: vec![format!("市{}", name.trim_start_matches("通辽市"))],
                    level: "市级".to_owned(),
                    kind: String::new(),
                    groups: Vec::new(),
                    superior: None,
                    certainty: None,
                    contacts: Vec::new(),
                    leader: None,
                    formerly: Vec::new(),
                    hours: None,
                },
            );
        }
        directory
    }

    fn reading() -> Reading {
        let wishes = Wishes {
            year: Some(2021),
            notice: None,
        };
        read_ledger("台账.csv", LEDGER.as_bytes(), &directory(), &wishes).unwrap()
    }

    /// The reading with one question answered, found by where it is asked.
    fn answered(row: &str, field: &str, said: &str) -> (Reading, Settled) {
        let mut reading = reading();
        let of = |q: &&Question| q.row.as_deref() == Some(row) && q.field == field;
        let question = reading.questions.iter().find(of).expect("it is asked");
        let key = key(question);
        let said = BTreeMap::from([(key.clone(), said.to_owned())]);
        let became = apply(&mut reading, &directory(), &said);
        (reading, became[&key])
    }

    #[test]
    fn a_unit_that_was_unknown_is_the_one_that_was_answered() {
        let (reading, settled) = answered("2", "units", "unit:city-swj");
        assert_eq!(settled, Settled::Changed);
        let row = &reading.rows[1];
        assert!(row.unresolved.is_empty());
        assert_eq!(row.units[0].id, "city-swj");
        let units = |q: &Question| q.row.as_deref() == Some("2") && q.field == "units";
        assert!(!reading.questions.iter().any(units), "it is settled");
    }

    #[test]
    fn a_deadline_is_the_day_that_was_answered_or_what_its_words_say() {
        let (reading, settled) = answered("2", "deadline", "day:2021-09-30");
        assert_eq!(settled, Settled::Changed);
        let deadline = &reading.rows[1].deadline;
        assert_eq!(deadline.date.unwrap().to_string(), "2021-09-30");
        assert_eq!(deadline.phrase, "待定", "the wording stays the document's");
        let (reading, settled) = answered("3", "deadline", "2021-12-31");
        assert_eq!(settled, Settled::Changed);
        assert_eq!(
            reading.rows[2].deadline.date.unwrap().to_string(),
            "2021-12-31"
        );
    }

    #[test]
    fn what_cannot_be_done_stays_with_the_task() {
        let (reading, settled) = answered("3", "text", "必办");
        assert_eq!(settled, Settled::Changed);
        assert!(!reading.rows[2].encouraged);
        let (reading, settled) = answered("2", "units", "另一个单位,没有写明");
        assert_eq!(settled, Settled::ByHand);
        let told = reading.questions.iter().find(|q| q.field == "units");
        assert!(told.unwrap().taken.contains("另一个单位"));
    }
}
