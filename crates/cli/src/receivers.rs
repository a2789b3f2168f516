//! Units' people as rows of a table, and back into a directory.

use std::collections::{BTreeMap, BTreeSet};

use duban_console::Receiver;
use duban_model::Directory;
use duban_model::directory::{Absence, Channel, Contact};

/// The most people of one unit, leader included.
const PEOPLE: usize = 30;

fn row(unit: &str, name: &str, contact: &Contact, leads: bool) -> Receiver {
    let channels: Vec<&str> = contact.channels.iter().map(|c| c.as_str()).collect();
    let away = contact.away.iter();
    let away: Vec<String> = away
        .map(|a| format!("{} {} {}", a.from, a.to, a.substitute))
        .collect();
    Receiver {
        unit: unit.to_owned(),
        unit_name: name.to_owned(),
        id: contact.id.clone(),
        leads,
        title: contact.title.clone(),
        mail: contact.mail.clone().unwrap_or_default(),
        channels: channels.join(" "),
        away: away.join("\n"),
    }
}

/// A row for everybody; a unit without anybody has one that is empty.
pub(crate) fn of(directory: &Directory) -> Vec<Receiver> {
    let mut rows = Vec::new();
    for (id, unit) in &directory.units {
        let before = rows.len();
        let contacts = unit.contacts.iter().map(|c| row(id, &unit.name, c, false));
        rows.extend(contacts);
        rows.extend(unit.leader.iter().map(|c| row(id, &unit.name, c, true)));
        if rows.len() == before {
            rows.push(Receiver {
                unit: id.clone(),
                unit_name: unit.name.clone(),
                ..Receiver::default()
            });
        }
    }
    rows
}

fn absences(text: &str, title: &str) -> Result<Vec<Absence>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split_whitespace().collect();
            let wrong = || {
                format!(
                    "“{title}”不在岗的“{line}”读不懂;应为:第一天 最后一天 单位编号/联络员编号,例如 2026-07-01 2026-07-15 city-spj/contact"
                )
            };
            let [from, to, substitute] = parts[..] else {
                return Err(wrong());
            };
            Ok(Absence {
                from: from.parse().map_err(|_| wrong())?,
                to: to.parse().map_err(|_| wrong())?,
                substitute: substitute.to_owned(),
            })
        })
        .collect()
}

fn channels(text: &str, title: &str) -> Result<Vec<Channel>, String> {
    let split = |c: char| c.is_whitespace() || matches!(c, ',' | '、' | '\u{ff0c}');
    let names = text.split(split).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let of = |c: &Channel| c.as_str() == name || c.chinese() == name;
            Channel::ALL.into_iter().find(of).ok_or_else(|| {
                let all: Vec<String> = Channel::ALL
                    .iter()
                    .map(|c| format!("{}({})", c.as_str(), c.chinese()))
                    .collect();
                format!("“{title}”的发送方式“{name}”没有;可以写{}", all.join("、"))
            })
        })
        .collect()
}

/// Puts people in the place of a directory's own; units and all else of it stay. What is wrong with a
/// row is told in words.
pub(crate) fn put(directory: &mut Directory, people: &[Receiver]) -> Result<(), String> {
    let mut by_unit: BTreeMap<&str, Vec<&Receiver>> = BTreeMap::new();
    for person in people {
        by_unit.entry(&person.unit).or_default().push(person);
    }
    if let Some(unit) = by_unit.keys().find(|u| !directory.units.contains_key(**u)) {
        return Err(format!("名录里没有单位“{unit}”。"));
    }
    for (id, unit) in &mut directory.units {
        let rows = by_unit.remove(id.as_str()).unwrap_or_default();
        if rows.len() > PEOPLE {
            return Err(format!(
                "“{}”有{}人,最多{PEOPLE}人。",
                unit.name,
                rows.len()
            ));
        }
        let mut used: BTreeSet<String> = rows.iter().map(|row| row.id.clone()).collect();
        let (mut contacts, mut leader) = (Vec::new(), None);
        for row in rows {
            let mut own = row.id.clone();
            let mut number = 1;
            while own.is_empty() {
                let stem = if row.leads { "leader" } else { "contact" };
                let free = match number {
                    1 => stem.to_owned(),
                    _ => format!("{stem}-{number}"),
                };
                number += 1;
                if used.insert(free.clone()) {
                    own = free;
                }
            }
            let contact = Contact {
                id: own,
                title: row.title.clone(),
                mail: Some(row.mail.clone()).filter(|mail| !mail.is_empty()),
                channels: channels(&row.channels, &row.title)?,
                away: absences(&row.away, &row.title)?,
            };
            if !row.leads {
                contacts.push(contact);
            } else if leader.replace(contact).is_some() {
                return Err(format!("“{}”有两位分管负责人,只能有一位。", unit.name));
            }
        }
        (unit.contacts, unit.leader) = (contacts, leader);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use duban_rules::read_directory;

    use crate::folder::shipped;

    #[test]
    fn a_table_that_nobody_touched_is_the_same_directory() {
        let directory = read_directory(shipped::DIRECTORY).0.unwrap();
        let mut again = directory.clone();
        let rows: Vec<Receiver> = of(&directory);
        let rows: Vec<Receiver> = rows.into_iter().filter(|r| !r.id.is_empty()).collect();
        put(&mut again, &rows).unwrap();
        assert_eq!(again, directory);
    }

    #[test]
    fn what_cannot_be_read_in_a_row_is_told_with_an_example() {
        let directory = read_directory(shipped::DIRECTORY).0.unwrap();
        let unit = directory.units.keys().next().unwrap().clone();
        let row = |channels: &str, away: &str| Receiver {
            unit: unit.clone(),
            title: "办公室".to_owned(),
            channels: channels.to_owned(),
            away: away.to_owned(),
            ..Receiver::default()
        };
        let told = |row: Receiver| put(&mut directory.clone(), &[row]).unwrap_err();
        assert!(told(row("fax", "")).contains("mail(邮件)"));
        assert!(told(row("", "7月")).contains("2026-07-01"));
        let mut there = directory.clone();
        let absent = "2026-07-01 2026-07-02 city-spj/contact";
        put(&mut there, &[row("短信 mail", absent)]).unwrap();
        let contact = &there.units[&unit].contacts[0];
        assert_eq!(contact.channels, [Channel::Sms, Channel::Mail]);
        assert_eq!((contact.id.as_str(), contact.away.len()), ("contact", 1));
    }
}
