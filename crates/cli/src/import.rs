//! `duban import`: an office's document as a definition folder, with a report of how it was read.

use std::path::{Path, PathBuf};

use duban_model::Directory;
use duban_office::definition::{self, Settings, Written};
use duban_office::limit::MAX_DOCUMENT_BYTES;
use duban_office::reading::{Question, Reading};
use duban_office::{Wishes, read_ledger, read_notice, report};
use duban_rules::read_directory;

use crate::args::{Import, ReadingFormat};
use crate::folder::{read_text, shipped};
use crate::table::{self, csv_line};
use crate::{Ended, Fault, import_units};

/// Where the report lies beside the definition.
pub(crate) const REPORT: &str = "import-report.md";

pub(crate) fn run(args: &Import) -> Result<Ended, Fault> {
    let bytes = read_bytes(&args.file)?;
    let file = file_name(&args.file);
    if args.units {
        return import_units::run(args, &file, &bytes);
    }
    let (directory, text, from) = directory(args)?;
    for id in [&args.office, &args.leading_group].into_iter().flatten() {
        if !directory.units.contains_key(id) {
            return Err(
                format!("{from}: no unit `{id}`; give the id of a unit of the directory").into(),
            );
        }
    }
    let notice = match &args.notice {
        Some(path) => Some(read_notice(&file_name(path), &read_bytes(path)?)?),
        None => None,
    };
    let wishes = Wishes {
        year: args.year,
        notice,
    };
    let reading = read_ledger(&file, &bytes, &directory, &wishes)?;
    let settings = Settings {
        ledger: args.ledger.clone(),
        issued: args.issued,
        office: args.office.clone(),
        leading_group: args.leading_group.clone(),
    };
    let written = match &args.to {
        Some(to) => {
            let written = definition::write(&reading, &directory, &settings)?;
            save(args, to, &reading, &written, &text)?;
            Some(written)
        }
        None => None,
    };
    let more = written.as_ref().map_or(&[][..], |w| &w.questions);
    print(args, &reading, more)?;
    if args.format == ReadingFormat::Table {
        crate::say!();
        crate::say!("名录:{from}({}个单位)", directory.units.len());
        match &args.to {
            Some(to) => crate::say!(
                "已写入 {}。先看 {REPORT},再用 duban check {} 检查。",
                to.display(),
                to.display()
            ),
            None => crate::say!("没有写入文件;加 --to DIR 写成台账目录。"),
        }
    }
    Ok(Ended::Well)
}

/// A document of bounded size.
fn read_bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let at = |fault: std::io::Error| format!("{}: {fault}", path.display());
    let data = std::fs::metadata(path).map_err(at)?;
    if !data.is_file() {
        return Err(format!(
            "{}: not a file; expected a docx, xlsx or csv file",
            path.display()
        )
        .into());
    }
    if data.len() > MAX_DOCUMENT_BYTES as u64 {
        return Err(format!(
            "{}: {} bytes; at most {MAX_DOCUMENT_BYTES} are read. Leave out pictures and other sheets, or import it in parts",
            path.display(),
            data.len()
        )
        .into());
    }
    Ok(std::fs::read(path).map_err(at)?)
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The directory with its text, and where it is from.
fn directory(args: &Import) -> Result<(Directory, String, String), Fault> {
    let in_folder = args
        .to
        .as_ref()
        .map(|to| to.join("directory.yaml"))
        .filter(|p| p.is_file());
    let path = match &args.directory {
        Some(path) if path.is_dir() => Some(path.join("directory.yaml")),
        Some(path) => Some(path.clone()),
        None => in_folder,
    };
    let (text, from) = match &path {
        Some(path) => (read_text(path)?, path.display().to_string()),
        None => (
            shipped::DIRECTORY.to_owned(),
            "随程序附带的通辽市2021年名录".to_owned(),
        ),
    };
    let (directory, diagnostics) = read_directory(&text);
    match directory {
        Some(directory) => Ok((directory, text, from)),
        None => {
            let faults: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
            Err(format!("{from}: the directory has faults:\n{}", faults.join("\n")).into())
        }
    }
}

/// Writes files into a folder. What is there with other content is not touched without `--replace`.
pub(crate) fn save_files(args: &Import, to: &Path, files: &[(&str, &str)]) -> Result<(), Fault> {
    let at = |path: &Path, fault: std::io::Error| format!("{}: {fault}", path.display());
    let mut differ: Vec<String> = Vec::new();
    let mut kept: Vec<String> = Vec::new();
    if to.exists() {
        let entries = std::fs::read_dir(to).map_err(|f| at(to, f))?;
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match files.iter().find(|(file, _)| *file == name) {
                Some((_, text)) => {
                    let same = std::fs::read(entry.path()).is_ok_and(|old| old == text.as_bytes());
                    if !same {
                        differ.push(name);
                    }
                }
                None => kept.push(name),
            }
        }
    }
    differ.sort();
    kept.sort();
    if !differ.is_empty() && !args.replace {
        return Err(format!(
            "{}: the folder has {} already, with other content, and nothing was written. Choose another folder, or say --replace",
            to.display(),
            differ.join(", ")
        )
        .into());
    }
    std::fs::create_dir_all(to).map_err(|f| at(to, f))?;
    for (name, text) in files {
        let path: PathBuf = to.join(name);
        std::fs::write(&path, text).map_err(|f| at(&path, f))?;
    }
    if !differ.is_empty() {
        eprintln!("duban: {}: replaced {}", to.display(), differ.join(", "));
    }
    if !kept.is_empty() {
        eprintln!(
            "duban: {}: the folder was not empty; left as they are: {}",
            to.display(),
            kept.join(", ")
        );
    }
    Ok(())
}

fn save(
    args: &Import,
    to: &Path,
    reading: &Reading,
    written: &Written,
    directory: &str,
) -> Result<(), Fault> {
    let directory = written.directory.as_deref().unwrap_or(directory);
    let report = report::write(reading, &written.questions);
    let files = [
        ("ledger.yaml", written.ledger.as_str()),
        ("tasks.yaml", written.tasks.as_str()),
        ("directory.yaml", directory),
        (REPORT, report.as_str()),
    ];
    save_files(args, to, &files)
}

fn print(args: &Import, reading: &Reading, more: &[Question]) -> Result<(), Fault> {
    match args.format {
        ReadingFormat::Json => {
            let mut value = serde_json::to_value(reading)?;
            if let Some(questions) = value.get_mut("questions").and_then(|q| q.as_array_mut()) {
                for question in more.iter().rev() {
                    questions.insert(0, serde_json::to_value(question)?);
                }
            }
            if let Some(counts) = value.get_mut("counts") {
                counts["questions"] = (reading.questions.len() + more.len()).into();
            }
            crate::say!("{}", serde_json::to_string_pretty(&value)?);
        }
        ReadingFormat::Csv => {
            crate::say!(
                "number,section,subsection,text,lead,support,responsible,units,deadline_phrase,deadline_kind,deadline_date,questions"
            );
            for row in &reading.rows {
                let units: Vec<String> = row
                    .units
                    .iter()
                    .map(|o| format!("{}/{}", o.id, o.role.as_str()))
                    .collect();
                let questions: Vec<&str> = reading
                    .questions
                    .iter()
                    .filter(|q| q.row.as_deref() == Some(&row.number))
                    .map(|q| q.question.as_str())
                    .collect();
                let cells = [
                    row.number.clone(),
                    row.section.clone(),
                    row.subsection.clone(),
                    row.text.clone(),
                    row.lead.join("、"),
                    row.support.join("、"),
                    row.responsible.join("、"),
                    units.join(" "),
                    row.deadline.phrase.clone(),
                    row.deadline.kind.as_str().to_owned(),
                    row.deadline.date.map(|d| d.to_string()).unwrap_or_default(),
                    questions.join(";"),
                ];
                crate::say!("{}", csv_line(&cells));
            }
        }
        ReadingFormat::Table => print_table(reading, more),
    }
    Ok(())
}

fn print_table(reading: &Reading, more: &[Question]) {
    let short = |text: &str, length: usize| -> String {
        let mut chars = text.chars();
        let mut out: String = chars.by_ref().take(length).collect();
        if chars.next().is_some() {
            out.push('…');
        }
        out
    };
    let rows: Vec<Vec<String>> = reading
        .rows
        .iter()
        .map(|row| {
            let asked = reading
                .questions
                .iter()
                .filter(|q| q.row.as_deref() == Some(&row.number))
                .count();
            vec![
                row.number.clone(),
                short(&row.text, 18),
                short(&row.units_phrase, 18),
                row.units.len().to_string(),
                short(&row.deadline.phrase, 12),
                row.deadline.shown(),
                if asked > 0 {
                    asked.to_string()
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    table::print(
        &[
            "序号",
            "任务",
            "单位原文",
            "单位",
            "时限原文",
            "读作",
            "问题",
        ],
        &rows,
    );
    let all: Vec<&Question> = more.iter().chain(&reading.questions).collect();
    if !all.is_empty() {
        crate::say!();
        crate::say!("待确认({}):", all.len());
        for q in all {
            let row = q
                .row
                .as_ref()
                .map_or_else(|| "全文".to_owned(), |n| format!("第{n}行"));
            crate::say!("  {row} {}:{}", q.place, q.question);
            if !q.alternatives.is_empty() {
                crate::say!("      {}", q.alternatives.join(" / "));
            }
        }
    }
    if !reading.added.is_empty() {
        crate::say!("督办导出时加上的,不是台账原文:{}", reading.added.join("、"));
    }
    for line in &reading.unread {
        crate::say!("没有读取:{line}");
    }
    let counts = &reading.counts;
    crate::say!();
    crate::say!(
        "{}:读入{}行,任务{}项,其他{}行,{};责任事项{}项,问题{}个",
        reading.file,
        counts.rows_in,
        counts.tasks,
        counts.asides,
        if counts.agree() {
            "数目相符"
        } else {
            "数目不符"
        },
        counts.units,
        counts.questions + more.len()
    );
}
