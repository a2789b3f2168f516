//! `duban preview`: how a ledger's notices read, before anybody gets one.

use duban_model::decision::NoticeKind;
use duban_model::definition::{DueRule, Language, Task};
use duban_model::directory::{Channel, Contact};
use duban_model::{Definition, Directory, Message};
use duban_runtime::channel::{Person, Rendered, mail_page, rendered};
use duban_wording::{Values, Wording, label, role};

use crate::args::{Format, Preview, PreviewLanguage};
use crate::table::csv_line;
use crate::write::{refuse_existing, write_file};
use crate::{Ended, Fault, folder};

/// The sender of a mail that nobody sends.
const FROM: &str = "督办 <duban@duban.example>";
/// The address of a contact who has none.
const NOBODY: &str = "contact@duban.example";

/// One notice as it would read.
struct Shown {
    kind: NoticeKind,
    /// The text is the ledger's own, at least in part.
    own: bool,
    subject: String,
    text: String,
    /// How a channel would send it, if one is asked for.
    sent: Option<(Channel, Rendered)>,
}

/// Whom the notices are shown for.
struct Sample<'a> {
    values: Values,
    unit: String,
    contact: Option<&'a Contact>,
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
    for file in args.html.iter().chain(&args.eml) {
        if kinds.len() != 1 {
            return Err(format!(
                "{}: found {} sorts of notice, expected one for a file; name it with --kind",
                file.display(),
                kinds.len()
            )
            .into());
        }
        refuse_existing(file, args.replace)?;
    }
    let sample = sample(definition, directory, task, args.unit.as_deref(), language)?;
    let mut list = Vec::new();
    for kind in kinds {
        let due = sample.values.due.clone();
        let values = sample.values.clone().dated(kind, language, due);
        let words = wording.words(kind, values.clone());
        let mut shown = Shown {
            kind,
            own: definition.notices.contains_key(&kind),
            subject: words.subject,
            text: words.text,
            sent: None,
        };
        let message = |channel| message(definition, task, &sample, &shown, channel);
        let send = |channel| {
            let (message, nobody) = (message(channel), Person::default());
            rendered(channel, &message, &nobody, (args.text_bytes, FROM))
        };
        if let Some(file) = &args.html {
            let page = mail_page(&message(Channel::Mail));
            write_file(file, page.as_bytes(), args.replace)?;
        }
        if let Some(file) = &args.eml {
            write_file(file, send(Channel::Mail)?.content.as_bytes(), args.replace)?;
        }
        if let Some(channel) = args.channel.map(|name| name.0) {
            let mut sent = send(channel)?;
            if channel == Channel::Mail {
                // The mail itself is written for programs; --eml keeps it.
                sent.content = format!("{}\n\n{}", shown.subject, shown.text);
            }
            shown.sent = Some((channel, sent));
        }
        list.push(shown);
    }
    print(&list, args.format)?;
    Ok(Ended::Well)
}

/// The notice on its way, as if it had been decided when the ledger was issued.
fn message(
    definition: &Definition,
    task: &Task,
    sample: &Sample<'_>,
    shown: &Shown,
    channel: Channel,
) -> Message {
    let id = sample.contact.map_or("contact", |contact| &contact.id);
    let mail = sample.contact.and_then(|contact| contact.mail.clone());
    Message {
        tenant: definition.tenant.clone(),
        notice: "preview".to_owned(),
        attempt: 1,
        possible_duplicate: false,
        channel,
        contact: format!("{}/{id}", sample.unit),
        address: Some(mail.unwrap_or_else(|| NOBODY.to_owned())),
        contact_title: sample.values.contact.clone(),
        subject: shown.subject.clone(),
        text: shown.text.clone(),
        obligation: sample.values.obligation.clone(),
        kind: shown.kind.as_str().to_owned(),
        step: "preview".to_owned(),
        due: match task.due {
            DueRule::Date(day) => Some(day),
            _ => Some(definition.ends),
        },
        due_at: None,
        at: definition.zone.midnight(definition.issued),
        // The link is made when a notice is sent.
        answer: None,
        owes: true,
    }
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
fn sample<'a>(
    definition: &Definition,
    directory: &'a Directory,
    task: &Task,
    unit: Option<&str>,
    language: Language,
) -> Result<Sample<'a>, Fault> {
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
    let person = directory
        .current(&unit)
        .and_then(|(_, u)| u.contacts.first());
    let contact = person.map_or_else(|| sample.contact.clone(), |c| c.title.clone());
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
    let values = Values {
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
    };
    Ok(Sample {
        values,
        unit,
        contact: person,
    })
}

/// How large a notice is on its channel, and whether all of it goes.
fn size(channel: Channel, sent: &Rendered) -> String {
    let name = channel.chinese();
    let bytes = sent.bytes;
    match (sent.limit, sent.cut) {
        (None, _) => format!("{name}:{bytes}字节,不限长"),
        (Some(limit), false) => format!("{name}:{bytes}字节,上限{limit}字节,未截断"),
        (Some(limit), true) => format!("{name}:{bytes}字节,上限{limit}字节,过长,已截断"),
    }
}

fn print(shown: &[Shown], format: Format) -> Result<(), Fault> {
    let json = |shown: &Shown| {
        let mut notice = serde_json::json!({
            "kind": shown.kind.as_str(),
            "own": shown.own,
            "subject": shown.subject,
            "text": shown.text,
        });
        if let Some((channel, sent)) = &shown.sent {
            notice["channel"] = channel.as_str().into();
            notice["content"] = sent.content.as_str().into();
            notice["bytes"] = sent.bytes.into();
            notice["limit"] = sent.limit.into();
            notice["cut"] = sent.cut.into();
        }
        notice
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
                if let Some((channel, sent)) = &notice.sent {
                    crate::say!("-- {}", size(*channel, sent));
                    crate::say!("{}\n", sent.content);
                    continue;
                }
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
            let is_sent = shown.iter().any(|notice| notice.sent.is_some());
            let more = if is_sent {
                ",channel,content,bytes,limit,cut"
            } else {
                ""
            };
            crate::say!("kind,own,subject,text{more}");
            for notice in shown {
                let mut cells = vec![
                    notice.kind.as_str().to_owned(),
                    notice.own.to_string(),
                    notice.subject.clone(),
                    notice.text.clone(),
                ];
                if let Some((channel, sent)) = &notice.sent {
                    cells.extend([
                        channel.as_str().to_owned(),
                        sent.content.clone(),
                        sent.bytes.to_string(),
                        sent.limit
                            .map_or_else(String::new, |limit| limit.to_string()),
                        sent.cut.to_string(),
                    ]);
                }
                crate::say!("{}", csv_line(&cells));
            }
        }
    }
    Ok(())
}
