//! The receivers that a row of a list of units names: several in a cell, leaders beside them,
//! substitutes, addresses in a column of their own or behind the name.

use duban_model::directory::{Channel, Contact};

use crate::roster_heading::Field;
use crate::text::{half, one_line, parts, squeeze};

/// Words by which a title is known. A person's name is not kept: the directory holds offices.
const ROLES: &[&str] = &[
    "联络员",
    "联系人",
    "局长",
    "主任",
    "科长",
    "处长",
    "股长",
    "书记",
    "科员",
    "干事",
    "秘书",
    "校长",
    "院长",
    "站长",
    "队长",
    "所长",
    "经理",
    "主席",
    "部长",
    "县长",
    "旗长",
    "区长",
    "市长",
    "调研员",
    "负责人",
    "领导",
    "办公室",
    "科室",
    "岗",
    "专员",
    "组长",
    "会长",
    "理事",
    "工程师",
    "主管",
    "主办",
    "经办",
    "员",
];
/// Words by which a substitute is known.
const SUBSTITUTES: &[&str] = &["B角", "b角", "备用", "替补", "第二联络员", "代理"];
/// The most receivers of one row.
const MAX_PEOPLE: usize = 20;

/// Who is told of a unit's duties.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// In the order of the row.
    pub contacts: Vec<Contact>,
    /// Who stands above them.
    pub leader: Option<Contact>,
    /// A cell in which not every receiver has one address.
    pub unpaired: Option<String>,
}

/// A column with people, and the columns that belong to it.
#[derive(Default)]
struct Group {
    is_leader: bool,
    heading: String,
    names: String,
    titles: String,
    mails: String,
}

/// Reads the receivers of a row; `cell` gives a column's text with its line breaks.
pub(crate) fn read(
    fields: &[Field],
    headings: &[String],
    cell: impl Fn(usize) -> String,
) -> People {
    let mut groups: Vec<Group> = Vec::new();
    for (c, field) in fields.iter().enumerate() {
        let text = cell(c);
        let own = |is_leader| Group {
            is_leader,
            heading: headings.get(c).cloned().unwrap_or_default(),
            ..Group::default()
        };
        match field {
            // 联络员 and 联络员职务 beside each other are one.
            Field::Contact | Field::Leader => {
                let is_leader = *field == Field::Leader;
                let is_title = headings
                    .get(c)
                    .is_some_and(|h| squeeze(h).ends_with("职务"));
                match groups.iter_mut().rev().find(|g| g.is_leader == is_leader) {
                    Some(group) if is_title => group.titles = text,
                    _ => groups.push(Group {
                        names: text,
                        ..own(is_leader)
                    }),
                }
            }
            Field::Title => match groups.last_mut().filter(|g| g.titles.is_empty()) {
                Some(group) => group.titles = text,
                None => groups.push(Group {
                    titles: text,
                    ..own(false)
                }),
            },
            Field::Mail => {
                // One address behind both a leader and a contact is the contact's.
                let later = fields[c + 1..].contains(&Field::Mail);
                let at = match groups.last() {
                    Some(group) if group.is_leader && later => Some(groups.len() - 1),
                    _ => groups.iter().rposition(|g| !g.is_leader),
                };
                match at.and_then(|at| groups.get_mut(at)) {
                    Some(group) if group.mails.is_empty() => group.mails = text,
                    _ => groups.push(Group {
                        mails: text,
                        ..own(false)
                    }),
                }
            }
            Field::LeaderMail => match groups.iter_mut().rev().find(|g| g.is_leader) {
                Some(group) => group.mails = text,
                None => groups.push(Group {
                    mails: text,
                    ..own(true)
                }),
            },
            _ => {}
        }
    }
    let mut people = People::default();
    for group in groups {
        let otherwise = if group.is_leader {
            "分管负责人"
        } else {
            "联络员"
        };
        let (receivers, unpaired) = receivers(&group, otherwise);
        people.unpaired = people.unpaired.take().or(unpaired);
        if group.is_leader {
            people.leader = people
                .leader
                .take()
                .or_else(|| receivers.into_iter().next());
        } else {
            people.contacts.extend(receivers);
        }
    }
    people.contacts.truncate(MAX_PEOPLE);
    people
}

/// The people of a column; and its text, if they and the addresses are not as many.
fn receivers(group: &Group, otherwise: &str) -> (Vec<Contact>, Option<String>) {
    let separates = |c: char| matches!(half(c), '\n' | '、' | ';' | ',' | '|' | '/');
    let mut mails = addresses(&group.mails);
    let mut names: Vec<String> = Vec::new();
    for entry in parts(&group.names, separates) {
        let inside = addresses_in(&entry);
        if inside.is_empty() {
            // A telephone number on a line of its own is nobody.
            if entry
                .chars()
                .any(|c| !c.is_ascii_digit() && !"-()+ ".contains(half(c)))
            {
                names.push(entry);
            }
        } else {
            names.push(entry);
            mails.extend(inside);
        }
    }
    let titles = parts(&group.titles, separates);
    let count = names
        .len()
        .max(mails.len())
        .max(usize::from(!titles.is_empty()));
    let is_odd = !mails.is_empty() && names.len() > 1 && names.len() != mails.len();
    let unpaired = is_odd.then(|| format!("{};{}", one_line(&group.names), one_line(&group.mails)));
    let receivers = (0..count).map(|at| {
        let name = names.get(at).map_or("", String::as_str);
        let title = titles.get(at).or_else(|| titles.first());
        let title = title
            .filter(|t| is_role(t))
            .cloned()
            .or_else(|| is_role(name).then(|| role_of(name)))
            .unwrap_or_else(|| otherwise.to_owned());
        let stands_in = SUBSTITUTES
            .iter()
            .any(|word| name.contains(word) || group.heading.contains(word));
        let title = if stands_in && !title.contains("备用") {
            format!("{title}(备用)")
        } else {
            title
        };
        let mail = mails.get(at).cloned();
        Contact {
            id: if group.is_leader { "leader" } else { "contact" }.to_owned(),
            title,
            channels: mail.iter().map(|_| Channel::Mail).collect(),
            mail,
            away: Vec::new(),
        }
    });
    (receivers.take(MAX_PEOPLE).collect(), unpaired)
}

/// Every part of a column of addresses, good or bad.
fn addresses(text: &str) -> Vec<String> {
    let separates = |c: char| matches!(half(c), '\n' | '、' | ';' | ',' | '|' | '/');
    let mut out = Vec::new();
    for entry in parts(text, separates) {
        let inside = addresses_in(&entry);
        if inside.is_empty() {
            let plain: String = entry
                .chars()
                .map(half)
                .filter(|c| !c.is_whitespace())
                .collect();
            // 无 and / say that there is none.
            if !matches!(plain.as_str(), "无" | "-" | "—" | "暂无" | "没有") {
                out.push(plain);
            }
        } else {
            out.extend(inside);
        }
    }
    out
}

/// The addresses among other words.
fn addresses_in(text: &str) -> Vec<String> {
    let half: String = text.chars().map(half).collect();
    let is_part = |c: char| c.is_ascii_alphanumeric() || "@._-+".contains(c);
    half.split(|c: char| !is_part(c))
        .filter(|word| word.contains('@') && word.len() > 2)
        .map(|word| word.trim_matches('.').to_owned())
        .collect()
}

fn is_role(text: &str) -> bool {
    let plain = role_of(text);
    plain.chars().count() >= 2 && ROLES.iter().any(|word| plain.ends_with(word))
}

/// A title without a name or number in brackets behind it: 办公室主任(张三).
fn role_of(text: &str) -> String {
    let plain = squeeze(text);
    let plain = plain.split(['(', '[']).next().unwrap_or_default();
    let digits = |c: char| c.is_ascii_digit() || c == '-';
    plain.trim_matches(digits).to_owned()
}
