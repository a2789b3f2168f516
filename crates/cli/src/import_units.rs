//! `duban import --units`: a file of units and contacts as `directory.yaml`.

use duban_model::id::is_plain_id;
use duban_office::roster::{self, Roster};
use duban_rules::read_directory;

use crate::args::{Import, ReadingFormat};
use crate::folder::read_text;
use crate::import::save_files;
use crate::table::{self, csv_line};
use crate::{Ended, Fault};

/// The office's id where nobody has given one.
const TENANT: &str = "office";

pub(crate) fn run(args: &Import, file: &str, bytes: &[u8]) -> Result<Ended, Fault> {
    let known = match &args.directory {
        None => None,
        Some(path) => {
            let path = if path.is_dir() {
                path.join("directory.yaml")
            } else {
                path.clone()
            };
            let (directory, faults) = read_directory(&read_text(&path)?);
            if directory.is_none() {
                let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                return Err(format!(
                    "{}: the directory has faults:\n{}",
                    path.display(),
                    faults.join("\n")
                )
                .into());
            }
            directory
        }
    };
    let tenant = args
        .tenant
        .clone()
        .or_else(|| known.as_ref().map(|d| d.tenant.clone()))
        .unwrap_or_else(|| TENANT.to_owned());
    if !is_plain_id(&tenant) {
        return Err(format!(
            "--tenant `{tenant}`: expected 1 to 64 letters, digits, `-`, `_`, `.`"
        )
        .into());
    }
    let roster = roster::read_units(file, bytes, &tenant, known.as_ref())?;
    if let Some(to) = &args.to {
        save_files(
            args,
            to,
            &[("directory.yaml", &roster::directory_yaml(&roster))],
        )?;
    }
    print(args, &roster)?;
    Ok(Ended::Well)
}

fn print(args: &Import, roster: &Roster) -> Result<(), Fault> {
    let header = [
        "id", "name", "short", "level", "kind", "groups", "superior", "contacts", "mail",
    ];
    let rows: Vec<Vec<String>> = roster
        .directory
        .units
        .iter()
        .map(|(id, unit)| {
            let titles: Vec<&str> = unit.contacts.iter().map(|c| c.title.as_str()).collect();
            let mails: Vec<&str> = unit
                .contacts
                .iter()
                .filter_map(|c| c.mail.as_deref())
                .collect();
            vec![
                id.clone(),
                unit.name.clone(),
                unit.short.join("|"),
                unit.level.clone(),
                unit.kind.clone(),
                unit.groups.join("|"),
                unit.superior.clone().unwrap_or_default(),
                titles.join("|"),
                mails.join("|"),
            ]
        })
        .collect();
    match args.format {
        ReadingFormat::Json => crate::say!("{}", serde_json::to_string_pretty(roster)?),
        ReadingFormat::Csv => {
            crate::say!("{}", header.join(","));
            for row in &rows {
                crate::say!("{}", csv_line(row));
            }
        }
        ReadingFormat::Table => {
            let rows: Vec<Vec<String>> = rows
                .into_iter()
                .map(|row| [0, 1, 2, 3, 6, 7].map(|c| row[c].clone()).to_vec())
                .collect();
            table::print(&["编号", "名称", "简称", "层级", "上级", "联络员"], &rows);
            for q in &roster.questions {
                crate::say!(
                    "待确认 {}:{}({})",
                    q.place,
                    q.question,
                    q.alternatives.join(" / ")
                );
            }
            if !roster.unused.is_empty() {
                crate::say!("没有使用的列:{}", roster.unused.join("、"));
            }
            crate::say!(
                "{}:读入{}行,单位{}个,另有联络员{}行,其他{}行,{};问题{}个",
                roster.file,
                roster.rows_in,
                roster.directory.units.len(),
                roster.more_contacts,
                roster.asides.len(),
                if roster.agrees() {
                    "数目相符"
                } else {
                    "数目不符"
                },
                roster.questions.len()
            );
            match &args.to {
                Some(to) => crate::say!("已写入 {}", to.join("directory.yaml").display()),
                None => crate::say!("没有写入文件;加 --to DIR 写成 directory.yaml。"),
            }
        }
    }
    Ok(())
}
