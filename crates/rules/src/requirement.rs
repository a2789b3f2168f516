//! Compiling what fulfils a task: publications, matters, a submission.

use std::collections::BTreeSet;

use duban_model::Directory;
use duban_model::definition::{By, EachOf, EventSort, Fulfilment, Requirement, share_of};

use crate::condition::Condition;
use crate::condition_parse::Fault;
use crate::diagnostic::nearest;
use crate::faults::Faults;
use crate::field::Field;
use crate::reading::Spanned;
use crate::source::{FulfilmentSource, LedgerSource, RequirementSource, TaskSource};
use crate::words::{ABOUTS, BYS, SUBMISSIONS};

/// The most items that a requirement lists.
pub(crate) const MAX_ITEMS: usize = 500;

/// Reads `fulfilled_by`; `by_event` says whether a publication or matter opens the task's duties.
pub(crate) fn compile_fulfilment(
    source: &Spanned<FulfilmentSource>,
    by_event: bool,
    ledger: &LedgerSource,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Fulfilment> {
    let at = source.referenced;
    let source = &source.value;
    let lists = [
        (EventSort::Publication, &source.publications),
        (EventSort::Matter, &source.matters),
    ];
    let is_empty = |list: &&Vec<RequirementSource>| list.is_empty();
    let empty = lists
        .iter()
        .any(|(_, l)| l.as_ref().is_some_and(|l| is_empty(&l)));
    let nothing = lists.iter().all(|(_, list)| list.is_none()) && source.submission.is_none();
    if empty || nothing {
        faults.error(
            "D037",
            at,
            if empty {
                "an empty list of `publications` or `matters`"
            } else {
                "none of `publications`, `matters` and `submission`"
            },
            "one or more of publications: […], matters: […] and submission: verified",
            "add what fulfils it",
        );
        return None;
    }
    let mut requirements = Vec::new();
    for (on, list) in lists {
        for requirement in list.iter().flatten() {
            let about = About {
                on,
                by_event,
                ledger,
                directory,
            };
            requirements.push(compile_requirement(requirement, &about, faults)?);
        }
    }
    match &source.submission {
        None => Some(Fulfilment::Publications(requirements)),
        Some(word) => {
            let word = faults.choose(word, SUBMISSIONS);
            word.map(|()| match requirements.as_slice() {
                [] => Fulfilment::Submission,
                _ => Fulfilment::PublicationsThenSubmission(requirements),
            })
        }
    }
}

/// Whether a publication or matter opens a task's duties.
pub(crate) fn is_opened_by_event(task: &TaskSource) -> bool {
    task.opens.value == "event"
}

/// Where a requirement stands.
struct About<'a> {
    on: EventSort,
    by_event: bool,
    ledger: &'a LedgerSource,
    directory: &'a Directory,
}

/// How many, as written.
#[derive(Clone, Copy)]
enum Amount {
    Number(u32),
    Percent(u32),
}

fn compile_requirement(
    source: &RequirementSource,
    about: &About<'_>,
    faults: &mut Faults<'_>,
) -> Option<Requirement> {
    kinds(source, about, faults);
    let amount = amount(source, faults);
    let by = match &source.by {
        None => Some(By::Unit),
        Some(word) => faults.choose(word, BYS),
    };
    let belongs = source
        .about
        .as_ref()
        .map(|word| faults.choose(word, ABOUTS));
    if let Some(word) = source.about.as_ref().filter(|_| !about.by_event) {
        faults.error(
            "D075",
            word.referenced,
            format!(
                "requirement `{}` about what opened the duty, of a task that no event opens",
                source.name
            ),
            "`about: opening` with opens: event",
            "remove `about`, or let an event open the task",
        );
    }
    let each_of = each_of(source, about, faults);
    let items = items(source, faults);
    let total = match (&source.each_of, &source.items) {
        (Some(_), _) => each_of.as_ref().map(|each| each.units.len()),
        (None, Some(_)) => Some(items.len()),
        (None, None) => None,
    };
    let counts_each = source.each_of.is_some() || source.items.is_some();
    let (at_least, share) = match amount? {
        Amount::Number(number) => (number, None),
        Amount::Percent(percent) => (share_of(percent, total.unwrap_or(0)), Some(percent)),
    };
    if share.is_some() && !counts_each {
        faults.error(
            "D072",
            source.at_least.referenced,
            format!(
                "`{}` of nothing that could be counted through",
                source.at_least.value
            ),
            "a percent beside `each_of` or `items`",
            "name the group or the items, or write how many",
        );
        return None;
    }
    if let Some(total) = total.filter(|total| *total > 0 && at_least as usize > *total) {
        faults.error(
            "D073",
            source.at_least.referenced,
            format!("{at_least} of {total}, which is never reached"),
            format!("1 to {total}, or a percent"),
            "correct the number; each unit or item counts once",
        );
    }
    let kinds: Vec<String> = source.kinds.iter().map(|k| k.value.clone()).collect();
    if let Some(when) = &source.when {
        for fault in condition_faults(&when.value, about.on, &kinds, about.directory) {
            faults.within(when, fault);
        }
    }
    Some(Requirement {
        name: source.name.clone(),
        on: about.on,
        kinds,
        at_least,
        share,
        when: source.when.as_ref().map(|when| when.value.clone()),
        by: by?,
        about: match belongs {
            None => None,
            Some(word) => Some(word?),
        },
        each_of,
        items,
    })
}

fn kinds(source: &RequirementSource, about: &About<'_>, faults: &mut Faults<'_>) {
    let (known, list) = match about.on {
        EventSort::Publication => (&about.ledger.kinds, "kinds"),
        EventSort::Matter => (&about.ledger.matters, "matters"),
    };
    for kind in &source.kinds {
        if !known.contains_key(&kind.value) {
            faults.misspelt(
                "D035",
                kind.referenced,
                format!("kind `{}`", kind.value),
                match about.on {
                    EventSort::Publication => "a kind that ledger.yaml lists",
                    EventSort::Matter => "a kind that ledger.yaml lists under `matters`",
                },
                &kind.value,
                known.keys().map(String::as_str),
                &format!("add it to `{list}` in ledger.yaml"),
            );
        }
    }
}

fn amount(source: &RequirementSource, faults: &mut Faults<'_>) -> Option<Amount> {
    let written = source.at_least.value.trim();
    if source.at_least.referenced.is_hole() {
        return None;
    }
    let amount = match written.strip_suffix('%') {
        Some(percent) => percent
            .parse()
            .ok()
            .filter(|percent| (1..=100).contains(percent))
            .map(Amount::Percent),
        None => written.parse().ok().map(Amount::Number),
    };
    let Some(amount) = amount else {
        faults.error(
            "D071",
            source.at_least.referenced,
            format!("at_least: `{written}`"),
            "a number such as 1, or a percent from 1% to 100%",
            "write how many, or which share of `each_of` or `items`",
        );
        return None;
    };
    if source.kinds.is_empty() || matches!(amount, Amount::Number(0)) {
        faults.error(
            "D036",
            source.at_least.referenced,
            format!("requirement `{}` that anything meets", source.name),
            "at least one kind and at_least: 1 or more",
            "name what counts",
        );
    }
    Some(amount)
}

/// The group of which each unit counts once.
fn each_of(
    source: &RequirementSource,
    about: &About<'_>,
    faults: &mut Faults<'_>,
) -> Option<EachOf> {
    let group = source.each_of.as_ref()?;
    if source.items.is_some() {
        faults.error(
            "D074",
            group.referenced,
            format!("requirement `{}` with `each_of` and `items`", source.name),
            "at most one of them",
            "keep one, or make two requirements of it",
        );
    }
    let units: Vec<_> = about.directory.members(&group.value).cloned().collect();
    if units.is_empty() {
        let groups = groups_of(about.directory);
        faults.misspelt(
            "D027",
            group.referenced,
            format!("group `{}` has no members", group.value),
            "a group of directory.yaml",
            &group.value,
            groups.into_iter(),
            "give a unit of directory.yaml this group",
        );
    }
    Some(EachOf {
        group: group.value.clone(),
        units,
    })
}

/// The groups that have members.
pub(crate) fn groups_of(directory: &Directory) -> BTreeSet<&str> {
    let groups = directory.units.values().flat_map(|unit| &unit.groups);
    groups.map(String::as_str).collect()
}

/// The items of which each counts once.
fn items(source: &RequirementSource, faults: &mut Faults<'_>) -> Vec<String> {
    let Some(list) = &source.items else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    for item in &list.value {
        let found = if item.value.trim().is_empty() {
            "an empty item".to_owned()
        } else if seen.insert(item.value.as_str()) {
            continue;
        } else {
            format!("item `{}` a second time", item.value)
        };
        faults.error(
            "D076",
            item.referenced,
            found,
            "items that differ, by which reports name them in `about`",
            "word each item so that it can be told from the others",
        );
    }
    if list.value.is_empty() || list.value.len() > MAX_ITEMS {
        faults.error(
            "D076",
            list.referenced,
            format!("{} items", list.value.len()),
            format!("1 to {MAX_ITEMS} items"),
            "list what must be done one by one, or remove `items`",
        );
    }
    list.value.iter().map(|item| item.value.clone()).collect()
}

/// What is wrong with a condition, and which units and groups it asks for that are not there.
pub(crate) fn condition_faults(
    text: &str,
    on: EventSort,
    kinds: &[String],
    directory: &Directory,
) -> Vec<Fault> {
    let condition = match Condition::read(text, on, kinds) {
        Ok(condition) => condition,
        Err(faults) => return faults,
    };
    // At the quote before it.
    let place = |word: &str| {
        let before = text.find(word).map_or("", |at| &text[..at]);
        before.chars().count().saturating_sub(1)
    };
    let asked = condition.compared_with(Field::Unit).unwrap_or_default();
    let mut faults = Vec::new();
    for unit in asked {
        if !directory.units.contains_key(unit) {
            let near = nearest(unit, directory.units.keys().map(String::as_str));
            faults.push(Fault {
                offset: place(unit),
                code: "D066",
                found: format!("unit `{unit}`: no publication can come from it"),
                expected: "a unit of directory.yaml".to_owned(),
                remedy: near.map_or_else(
                    || "correct the id, or add the unit to directory.yaml".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            });
        }
    }
    let groups = groups_of(directory);
    for group in condition.groups() {
        if !groups.contains(group.as_str()) {
            let near = nearest(group, groups.iter().copied());
            faults.push(Fault {
                offset: place(group),
                code: "D070",
                found: format!("group `{group}`, which has no members: never true"),
                expected: "a group of directory.yaml".to_owned(),
                remedy: near.map_or_else(
                    || "correct the name, or give a unit of directory.yaml this group".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            });
        } else if let Some(unit) = asked.first()
            && condition.unit_in().any(|g| g == group)
            && !asked.iter().any(|unit| belongs_to(directory, unit, group))
        {
            faults.push(Fault {
                offset: place(group),
                code: "D064",
                found: format!("unit `{unit}` is not in group `{group}`: never true"),
                expected: "a condition that something can meet".to_owned(),
                remedy: "remove the unit or the group".to_owned(),
            });
        }
    }
    faults
}

/// Whether a unit belongs to a group.
pub(crate) fn belongs_to(directory: &Directory, unit: &str, group: &str) -> bool {
    let unit = directory.units.get(unit);
    unit.is_some_and(|unit| unit.groups.iter().any(|g| g == group))
}
