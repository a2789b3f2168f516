//! `duban preview`: how a ledger's notices read, before anybody gets one.

use duban_model::decision::NoticeKind;
use duban_model::definition::{DueRule, Language, Task};
use duban_model::{Definition, Directory};
use duban_wording::{Values, Wording, label, role};

use crate::args::{Format, Preview, PreviewLanguage};
use crate::table::csv_line;
use crate::{Ended, Fault, folder};

/// One notice as it would read.
struct Shown {
    kind: NoticeKind,
    /// The text is the ledger's own, at least in part.
    own: bool,
    subject: String,
    text: String,
}

pub(crate) fn run(args: &Preview) -> Result<Ended, Fault> {
    let folder = folder::read(&args.dir)?;
    let (Some(definition), Some(directory)) = (&folder.definition, &folder.directory) else {
        for error in folder.errors() {
            eprintln!("{error}");
        }
        return Ok(Ended::Findings);
    };
    let kinds = kinds(&args.kind)?;
    let task = task(definition, args.task.as_deref())?;
    let language = match args.language {
        Some(PreviewLanguage::Zh) => Language::Chinese,
        Some(PreviewLanguage::En) => Language::English,
        None => definition.language,
    };
    let wording = Wording::new(language, &definition.notices);
    let values = values(definition, directory, task, args.unit.as_deref(), language)?;
    let shown = kinds.into_iter().map(|kind| {
        let values = values.clone().dated(kind, language, values.due.clone());
        let words = wording.words(kind, &values);
        Shown {
            kind,
            own: definition.notices.contains_key(&kind),
            subject: words.subject,
            text: words.text,
        }
    });
    print(&shown.collect::<Vec<_>>(), args.format)?;
    Ok(Ended::Well)
}

/// The sorts asked for; all if none.
fn kinds(words: &[String]) -> Result<Vec<NoticeKind>, Fault> {
    if words.is_empty() {
        return Ok(NoticeKind::ALL.to_vec());
    }
    words
        .iter()
        .map(|word| {
            let found = NoticeKind::ALL.into_iter().find(|k| k.as_str() == word);
            found.ok_or_else(|| {
                let all = NoticeKind::ALL.map(NoticeKind::as_str).join(", ");
                format!("--kind {word}: no sort of notice; the sorts are {all}").into()
            })
        })
        .collect()
}

/// The task asked for; the first one if none.
fn task<'a>(definition: &'a Definition, id: Option<&str>) -> Result<&'a Task, Fault> {
    match id {
        Some(id) => definition.task(id).map(|(_, task)| task).ok_or_else(|| {
            let ids: Vec<&str> = definition.tasks.iter().map(|t| t.id.as_str()).collect();
            format!(
                "--task {id}: no task of this ledger; it has {}",
                ids.join(", ")
            )
            .into()
        }),
        None => definition
            .tasks
            .first()
            .ok_or_else(|| "the ledger has no task".into()),
    }
}

/// Sample values with what the ledger and the directory know put in their place.
fn values(
    definition: &Definition,
    directory: &Directory,
    task: &Task,
    unit: Option<&str>,
    language: Language,
) -> Result<Values, Fault> {
    if let Some(id) = unit.filter(|id| directory.current(id).is_none()) {
        return Err(format!("--unit {id}: no unit of directory.yaml").into());
    }
    let owner = task
        .owners
        .iter()
        .find(|o| unit.is_none_or(|id| o.units.iter().any(|u| u == id)))
        .or(task.owners.first());
    let unit = unit
        .map(ToOwned::to_owned)
        .or_else(|| owner.and_then(|o| o.units.first().cloned()))
        .unwrap_or_else(|| definition.office.clone());
    let role_of = owner.map(|o| o.role);
    let sample = Values::sample(NoticeKind::Reminder, language, true);
    let contact = directory
        .current(&unit)
        .and_then(|(_, u)| u.contacts.first())
        .map_or_else(|| sample.contact.clone(), |c| c.title.clone());
    let due = match &task.due {
        DueRule::Date(day) => day.to_string(),
        _ => definition.ends.to_string(),
    };
    let missing: Vec<&str> = owner
        .map(|o| o.fulfilled_by.requirements())
        .into_iter()
        .flatten()
        .map(|requirement| requirement.name.as_str())
        .collect();
    Ok(Values {
        ledger: definition.title.clone(),
        task: task.id.clone(),
        title: task.title.clone(),
        text: task.text.clone(),
        unit: directory.shown(&unit),
        role: role_of.map_or_else(|| sample.role.clone(), |r| role(r, language).to_owned()),
        due,
        contact,
        missing: missing.join("、"),
        // Only what arises has an occasion.
        occasion: if task.part_of.is_some() {
            sample.occasion.clone()
        } else {
            String::new()
        },
        instead: String::new(),
        obligation: match role_of {
            Some(role) => format!("{}/{}/{unit}/{}", definition.ledger, task.id, role.as_str()),
            None => format!("{}/{}/{unit}", definition.ledger, task.id),
        },
        ..sample
    })
}

fn print(shown: &[Shown], format: Format) -> Result<(), Fault> {
    let json = |shown: &Shown| {
        serde_json::json!({
            "kind": shown.kind.as_str(),
            "own": shown.own,
            "subject": shown.subject,
            "text": shown.text,
        })
    };
    match format {
        Format::Table => {
            for notice in shown {
                let whose = if notice.own {
                    "本台账用语"
                } else {
                    "自带用语"
                };
                let name = label(notice.kind, Language::Chinese);
                crate::say!("== {} {name} ({whose})", notice.kind.as_str());
                crate::say!("{}\n", notice.subject);
                crate::say!("{}\n", notice.text);
            }
        }
        Format::Json => {
            let all: Vec<_> = shown.iter().map(json).collect();
            crate::say!("{}", serde_json::to_string_pretty(&all)?);
        }
        Format::Ndjson => {
            for notice in shown {
                crate::say!("{}", json(notice));
            }
        }
        Format::Csv => {
            crate::say!("kind,own,subject,text");
            for notice in shown {
                let cells = [
                    notice.kind.as_str().to_owned(),
                    notice.own.to_string(),
                    notice.subject.clone(),
                    notice.text.clone(),
                ];
                crate::say!("{}", csv_line(&cells));
            }
        }
    }
    Ok(())
}
