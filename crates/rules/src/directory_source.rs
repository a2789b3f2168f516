//! From `directory.yaml` to a [`Directory`], reporting every fault at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveTime;
use duban_model::Directory;
use duban_model::delivery::{Days, Delivery, Hours, MAX_WINDOW_MINUTES, USUAL_WINDOW_MINUTES};
use duban_model::directory::{Channel, Unit};
use duban_model::id::is_plain_id;

use crate::confirmed;
use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::{Faults, read_yaml};
use crate::people;
use crate::reading::Spanned;
use crate::source::{ContactSource, DeliverySource, DirectorySource, HoursSource};
use crate::words::{CERTAINTIES, CHANNELS, DAYS};

/// The most units in a directory.
pub const MAX_UNITS: usize = 20_000;

/// Reads a directory. It is returned only when no diagnostic is an error.
pub fn read_directory(text: &str) -> (Option<Directory>, Vec<Diagnostic>) {
    let mut faults = Faults::new("directory.yaml", text);
    let Some(source) = read_yaml::<DirectorySource>(text, &mut faults) else {
        return (None, faults.finish());
    };
    if !is_plain_id(&source.tenant.value) {
        bad_id(&source.tenant, &mut faults);
    }
    if source.units.len() > MAX_UNITS {
        faults.error(
            "D040",
            source.tenant.referenced,
            format!("{} units", source.units.len()),
            format!("at most {MAX_UNITS}"),
            "split the directory by tenant",
        );
    }
    let mut units = BTreeMap::new();
    for unit in &source.units {
        if !is_plain_id(&unit.id.value) {
            bad_id(&unit.id, &mut faults);
        }
        let certainty = unit
            .certainty
            .as_ref()
            .and_then(|word| faults.choose(word, CERTAINTIES));
        // Every channel but mail finds its address in the installation's configuration.
        let other = |c: &ContactSource| {
            let known = |word: &Spanned<String>| CHANNELS.iter().any(|(w, _)| *w == word.value);
            let mut words = c.channels.iter();
            words.any(|word| word.value != Channel::Mail.as_str() && known(word))
        };
        if !unit.contacts.iter().any(|c| c.mail.is_some() || other(c)) {
            let what = if unit.contacts.is_empty() {
                "contact"
            } else {
                "contact with an address or another channel"
            };
            faults.doubt(
                Severity::Warning,
                "W001",
                unit.id.referenced,
                &unit.id.value,
                format!("unit `{}` has no {what}", unit.id.value),
                "at least one contact who can be told",
                "add one; until then its notices go to its leader, else to its superior, else to the office",
            );
        }
        let compiled = Unit {
            name: unit.name.value.clone(),
            short: unit.short.clone(),
            level: unit.level.clone(),
            kind: unit.kind.clone(),
            groups: unit.groups.clone(),
            superior: unit.superior.as_ref().map(|s| s.value.clone()),
            certainty,
            contacts: unit
                .contacts
                .iter()
                .map(|c| people::contact(&unit.id.value, c, &mut faults))
                .collect(),
            leader: unit
                .leader
                .as_ref()
                .map(|c| people::contact(&unit.id.value, c, &mut faults)),
            formerly: unit.formerly.iter().map(|id| id.value.clone()).collect(),
            hours: unit.hours.as_ref().and_then(|h| hours(h, &mut faults)),
        };
        if units.insert(unit.id.value.clone(), compiled).is_some() {
            faults.error(
                "D041",
                unit.id.referenced,
                format!("unit `{}` a second time", unit.id.value),
                "each unit once",
                "remove or rename one",
            );
        }
    }
    let mut formerly = BTreeSet::new();
    for id in source.units.iter().flat_map(|unit| &unit.formerly) {
        if units.contains_key(&id.value) || !formerly.insert(&id.value) {
            faults.error(
                "D046",
                id.referenced,
                format!("former id `{}`, which another entry has", id.value),
                "an id that only earlier directories have, of one unit",
                "remove the unit that was renamed or merged, and name its id at its successor only",
            );
        }
    }
    for unit in &source.units {
        if let Some(superior) = unit
            .superior
            .as_ref()
            .filter(|s| !units.contains_key(&s.value))
        {
            faults.misspelt(
                "D042",
                superior.referenced,
                format!("superior `{}`", superior.value),
                "a unit of this directory",
                &superior.value,
                units.keys().map(String::as_str),
                "correct the id",
            );
        }
    }
    people::superiors(&source.units, &mut faults);
    people::check(&source.units, &units, &mut faults);
    let delivery = delivery(&source.delivery, &mut faults);
    confirmed::mark(&source.confirmed, &mut faults);
    let diagnostics = faults.finish();
    let usable = !diagnostics.iter().any(|d| d.severity == Severity::Error);
    (
        usable.then_some(Directory {
            tenant: source.tenant.value,
            delivery,
            units,
        }),
        diagnostics,
    )
}

/// How notices leave. A file that says nothing gathers them: whoever has thirty duties on one day gets
/// one message.
fn delivery(source: &DeliverySource, faults: &mut Faults<'_>) -> Delivery {
    let window_minutes = source
        .window_minutes
        .as_ref()
        .map_or(USUAL_WINDOW_MINUTES, |minutes| {
            let within = u32::try_from(minutes.value).ok();
            let within = within.filter(|minutes| *minutes <= MAX_WINDOW_MINUTES);
            within.unwrap_or_else(|| {
                faults.error(
                    "D047",
                    minutes.referenced,
                    format!("a window of {} minutes", minutes.value),
                    format!("0 to {MAX_WINDOW_MINUTES} minutes, which is a day"),
                    "choose a shorter one; 5 is usual, 0 sends every notice by itself",
                );
                USUAL_WINDOW_MINUTES
            })
        });
    let hours = source.hours.as_ref().and_then(|h| hours(h, faults));
    Delivery {
        window_minutes,
        hours,
    }
}

fn hours(source: &HoursSource, faults: &mut Faults<'_>) -> Option<Hours> {
    let mut time = |word: &Spanned<String>| {
        let read = NaiveTime::parse_from_str(&word.value, "%H:%M").ok();
        if read.is_none() {
            faults.error(
                "D014",
                word.referenced,
                format!("`{}`", word.value),
                "a time of day such as 09:10",
                "write hours and minutes in quotes",
            );
        }
        read
    };
    let (from, to) = (time(&source.from), time(&source.to));
    let days = match &source.days {
        None => Some(Days::Every),
        Some(word) => faults.choose(word, DAYS),
    };
    let (from, to, days) = (from?, to?, days?);
    if from >= to {
        faults.error(
            "D048",
            source.to.referenced,
            format!(
                "hours that end at {} and begin at {}",
                source.to.value, source.from.value
            ),
            "an end later on the same day than the beginning",
            "exchange the two, or leave `hours` out if people may always be disturbed",
        );
        return None;
    }
    Some(Hours { from, to, days })
}

fn bad_id(id: &Spanned<String>, faults: &mut Faults<'_>) {
    faults.error(
        "D006",
        id.referenced,
        format!("id `{}`", id.value),
        "1 to 64 letters, digits, `-`, `_`, `.`",
        "choose a plain id",
    );
}
