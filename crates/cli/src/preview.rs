//! `duban preview`: how a ledger's notices read, before anybody gets one.

use duban_model::decision::NoticeKind;
use duban_model::definition::Language;
use duban_model::directory::Channel;
use duban_runtime::channel::{Rendered, mail_page};
use duban_wording::{Wording, label};

use crate::args::{Format, Preview, PreviewLanguage};
use crate::foretaste::{Sample, Shown, task};
use crate::table::csv_line;
use crate::write::{refuse_existing, write_file};
use crate::{Ended, Fault, folder};

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
    let sample = Sample::of(
        definition,
        directory,
        task,
        (args.unit.as_deref(), language),
    )?;
    let mut list = Vec::new();
    for kind in kinds {
        let mut shown = sample.shown(definition, &wording, kind);
        if let Some(file) = &args.html {
            let page = mail_page(&sample.message(definition, &shown, Channel::Mail));
            write_file(file, page.as_bytes(), args.replace)?;
        }
        let send = |channel| sample.sent(definition, &shown, (channel, args.text_bytes));
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
