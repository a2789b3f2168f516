//! Whom units have told before a deployment and after it.

use std::collections::BTreeSet;

use duban_model::Directory;

/// Units whose people change: the unit, who was told, who will be told.
pub(crate) fn contacts(old: &Directory, new: &Directory) -> Vec<[String; 3]> {
    let people = |directory: &Directory, unit: &str| {
        let (_, unit) = directory.current(unit)?;
        let list = unit.contacts.iter().chain(&unit.leader);
        let list = list.map(|c| {
            let away = c.away.iter().map(|a| {
                let whom = directory.person(&a.substitute);
                let whom = whom.map_or(a.substitute.as_str(), |(_, p)| p.title.as_str());
                format!(" [{}..{}: {whom}]", a.from, a.to)
            });
            let away: String = away.collect();
            match &c.mail {
                Some(mail) => format!("{} <{mail}>{away}", c.title),
                None => format!("{}{away}", c.title),
            }
        });
        let hours = unit.hours.map(|hours| format!("({})", hours.chinese()));
        Some(list.chain(hours).collect::<Vec<_>>().join("; "))
    };
    let delivery = (old.delivery != new.delivery).then(|| {
        [
            "发送方式".to_owned(),
            old.delivery.chinese(),
            new.delivery.chinese(),
        ]
    });
    let all: BTreeSet<&String> = old.units.keys().chain(new.units.keys()).collect();
    let units = all
        .into_iter()
        .map(|unit| {
            // One that was renamed or merged keeps the people it came with, if they are the same.
            let former = new.units.get(unit).into_iter().flat_map(|u| &u.formerly);
            let mut ids = std::iter::once(unit).chain(former);
            let before = ids.find_map(|id| people(old, id));
            (unit, before, people(new, unit))
        })
        .filter(|(_, before, after)| before != after)
        .map(|(unit, before, after)| {
            let shown = |people: Option<String>| people.unwrap_or_else(|| "-".to_owned());
            [unit.clone(), shown(before), shown(after)]
        });
    delivery.into_iter().chain(units).collect()
}
