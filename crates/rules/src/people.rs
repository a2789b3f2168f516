//! The people of a directory: who can be told, when they are away, and who stands in for them then.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_model::directory::{
    Absence, Channel, Contact, MAX_ABSENCES, MAX_SUBSTITUTES, MAX_SUPERIORS, Unit,
};
use duban_model::id::{UnitId, is_plain_id};

use crate::compile::DATE_EXPECTED;
use crate::faults::Faults;
use crate::node::Location;
use crate::reading::Spanned;
use crate::source::{AwaySource, ContactSource, UnitSource};
use crate::words::CHANNELS;

/// One contact or leader.
pub(crate) fn contact(unit: &str, source: &ContactSource, faults: &mut Faults<'_>) -> Contact {
    if !is_plain_id(&source.id.value) {
        faults.error(
            "D006",
            source.id.referenced,
            format!("id `{}`", source.id.value),
            "1 to 64 letters, digits, `-`, `_`, `.`",
            "choose a plain id",
        );
    }
    if let Some(mail) = &source.mail {
        let parts: Vec<_> = mail.value.split('@').collect();
        let plain = |c: char| {
            !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>' | ',' | ';' | '"')
        };
        if parts.len() != 2
            || parts.iter().any(|p| p.is_empty())
            || !mail.value.chars().all(plain)
            || mail.value.len() > 254
        {
            faults.error(
                "D043",
                mail.referenced,
                format!("mail address `{}`", mail.value),
                "an address such as lianluo@city-bgs.tongliao.example",
                "correct the address",
            );
        }
    }
    let mut channels = Vec::new();
    for word in &source.channels {
        if let Some(channel) = faults.choose(word, CHANNELS) {
            if channel == Channel::Mail && source.mail.is_none() {
                faults.error(
                    "D044",
                    word.referenced,
                    "channel mail without an address",
                    "a mail address",
                    "add `mail:` or remove the channel",
                );
            }
            channels.push(channel);
        }
    }
    Contact {
        id: source.id.value.clone(),
        title: source.title.clone(),
        mail: source.mail.as_ref().map(|m| m.value.clone()),
        channels,
        away: absences(unit, &source.away, faults),
    }
}

/// When a contact is away, each day once.
fn absences(unit: &str, sources: &[AwaySource], faults: &mut Faults<'_>) -> Vec<Absence> {
    if let Some(one_more) = sources.get(MAX_ABSENCES) {
        faults.error(
            "D056",
            one_more.from.referenced,
            format!("{} absences of one contact", sources.len()),
            format!("at most {MAX_ABSENCES}"),
            "remove those that are over",
        );
    }
    let mut list: Vec<Absence> = Vec::new();
    for source in sources.iter().take(MAX_ABSENCES) {
        let mut date =
            |field| faults.parse::<NaiveDate>("D009", field, DATE_EXPECTED, "write year-month-day");
        let (Some(from), Some(to)) = (date(&source.from), date(&source.to)) else {
            continue;
        };
        if to < from {
            faults.error(
                "D056",
                source.to.referenced,
                format!("away from {from} to {to}"),
                "a last day that is not before the first",
                "correct one of the dates; both days are included",
            );
            continue;
        }
        if let Some(other) = list.iter().find(|a| from <= a.to && a.from <= to) {
            faults.error(
                "D056",
                source.from.referenced,
                format!(
                    "away from {from} to {to}, and from {} to {}",
                    other.from, other.to
                ),
                "each day away once",
                "make one of them shorter, or one of both",
            );
            continue;
        }
        list.push(Absence {
            from,
            to,
            substitute: of_unit(unit, &source.substitute.value),
        });
    }
    list
}

/// A contact as the directory calls it everywhere: `unit/contact`.
fn of_unit(unit: &str, contact: &str) -> String {
    if contact.contains('/') {
        contact.to_owned()
    } else {
        format!("{unit}/{contact}")
    }
}

/// Everybody who was read, by `unit/contact`.
type Read<'a> = BTreeMap<String, &'a Contact>;

fn everybody(unit: &UnitSource) -> impl Iterator<Item = &ContactSource> {
    unit.contacts.iter().chain(&unit.leader)
}

/// What can be wrong between the people of a directory.
pub(crate) fn check(
    sources: &[UnitSource],
    units: &BTreeMap<UnitId, Unit>,
    faults: &mut Faults<'_>,
) {
    let read: Read<'_> = units
        .iter()
        .flat_map(|(id, unit)| {
            unit.people()
                .map(move |person| (of_unit(id, &person.id), person))
        })
        .collect();
    let read = &read;
    for unit in sources {
        let mut ids = BTreeSet::new();
        for person in everybody(unit) {
            if !ids.insert(&person.id.value) {
                faults.error(
                    "D055",
                    person.id.referenced,
                    format!(
                        "contact `{}` of unit `{}` a second time",
                        person.id.value, unit.id.value
                    ),
                    "each id once among a unit's contacts and leader",
                    "rename one",
                );
            }
        }
    }
    let mut told = BTreeSet::new();
    for unit in sources {
        for person in everybody(unit) {
            let own = of_unit(&unit.id.value, &person.id.value);
            for away in &person.away {
                substitute(unit, &own, away, read, faults);
            }
            circle(&own, person, read, &mut told, faults);
        }
    }
}

/// Whoever stands in is somebody else of this directory.
fn substitute(
    unit: &UnitSource,
    own: &str,
    away: &AwaySource,
    read: &Read<'_>,
    faults: &mut Faults<'_>,
) {
    let word = &away.substitute;
    let named = of_unit(&unit.id.value, &word.value);
    if named == own {
        faults.error(
            "D058",
            word.referenced,
            format!("`{own}` standing in for itself"),
            "somebody else",
            "name another contact, of this unit or as `unit/contact`",
        );
    } else if !read.contains_key(&named) {
        // Near in spelling is what the office may have meant: its own people, or those anywhere.
        let own_people = everybody(unit).map(|person| person.id.value.as_str());
        let words: Vec<&str> = if word.value.contains('/') {
            read.keys().map(String::as_str).collect()
        } else {
            own_people.collect()
        };
        faults.misspelt(
            "D057",
            word.referenced,
            format!("substitute `{}`", word.value),
            "a contact or leader of this unit, or `unit/contact` of another",
            &word.value,
            words.into_iter(),
            "correct the id, or add the contact",
        );
    }
}

/// Tells people who stand in for one another on the same day, each circle once, and chains that are
/// longer than anybody follows them.
fn circle(
    own: &str,
    person: &ContactSource,
    read: &Read<'_>,
    told: &mut BTreeSet<String>,
    faults: &mut Faults<'_>,
) {
    let Some(contact) = read.get(own) else { return };
    // Only what was read in full stands at the same place as its source.
    if contact.away.len() != person.away.len() {
        return;
    }
    for (absence, source) in contact.away.iter().zip(&person.away) {
        let way = Way {
            read,
            people: vec![own.to_owned()],
            days: (absence.from, absence.to),
        };
        let Some((people, day)) = way.astray(&absence.substitute) else {
            continue;
        };
        let at: Location = source.substitute.referenced;
        if people.first() == people.last() {
            if people.iter().any(|name| told.contains(name)) {
                continue;
            }
            told.extend(people.iter().cloned());
            faults.error(
                "D058",
                at,
                format!("nobody there on {day}: {}", people.join(" → ")),
                "somebody at the end who is not away",
                "name another substitute for one of them, or correct the dates",
            );
        } else {
            faults.error(
                "D058",
                at,
                format!(
                    "more than {MAX_SUBSTITUTES} substitutes on {day}: {}",
                    people.join(" → ")
                ),
                format!("at most {MAX_SUBSTITUTES} who stand in for one another"),
                "name a substitute who is there",
            );
        }
    }
}

/// A chain of people who stand in for one another on some days.
struct Way<'a> {
    read: &'a Read<'a>,
    /// Everybody on it, all away on all of the days.
    people: Vec<String>,
    days: (NaiveDate, NaiveDate),
}

impl Way<'_> {
    /// The first chain that leads back to its beginning, or too far, with a day on which it does. A
    /// circle further on is told of those who stand in it. Absences of one contact never overlap, so
    /// the ways that part here share no day.
    fn astray(&self, next: &str) -> Option<(Vec<String>, NaiveDate)> {
        let mut people = self.people.clone();
        let back = people.first().is_some_and(|first| first == next);
        let seen = people.iter().any(|name| name == next);
        people.push(next.to_owned());
        if back {
            // Somebody who stands in for themselves is told where it is written.
            return (people.len() > 2).then_some((people, self.days.0));
        }
        if seen {
            return None;
        }
        let contact = self.read.get(next)?;
        let (from, to) = self.days;
        for absence in &contact.away {
            let days = (from.max(absence.from), to.min(absence.to));
            if days.0 > days.1 {
                continue;
            }
            if people.len() > MAX_SUBSTITUTES {
                people.push(absence.substitute.clone());
                return Some((people, days.0));
            }
            let way = Way {
                read: self.read,
                people: people.clone(),
                days,
            };
            if let Some(found) = way.astray(&absence.substitute) {
                return Some(found);
            }
        }
        None
    }
}

/// Tells units that are above themselves, each circle once, and units with too many above them.
pub(crate) fn superiors(units: &[UnitSource], faults: &mut Faults<'_>) {
    let above: BTreeMap<&str, &Spanned<String>> = units
        .iter()
        .filter_map(|unit| Some((unit.id.value.as_str(), unit.superior.as_ref()?)))
        .collect();
    let mut settled = BTreeSet::new();
    let mut circle = false;
    for unit in units {
        let mut path = BTreeSet::new();
        let mut at = unit.id.value.as_str();
        while let Some(superior) = above.get(at)
            && !settled.contains(at)
        {
            if !path.insert(at) {
                faults.error(
                    "D045",
                    superior.referenced,
                    format!("unit `{at}` above itself"),
                    "superiors that end at a unit without one",
                    "correct the superior of one of them",
                );
                circle = true;
                break;
            }
            at = &superior.value;
        }
        settled.extend(path);
    }
    if circle {
        return;
    }
    let mut told = BTreeSet::new();
    for unit in units {
        let mut chain = std::iter::successors(above.get(unit.id.value.as_str()), |superior| {
            above.get(superior.value.as_str())
        });
        // Told once a chain: of the first unit that has just one too many.
        let first = above.get(unit.id.value.as_str());
        if let (Some(first), Some(_), None) = (first, chain.nth(MAX_SUPERIORS), chain.next())
            && told.insert(&first.value)
        {
            faults.error(
                "D059",
                first.referenced,
                format!("more than {MAX_SUPERIORS} units above `{}`", unit.id.value),
                format!("at most {MAX_SUPERIORS}, one above the other"),
                "name a superior nearer to the top",
            );
        }
    }
}
