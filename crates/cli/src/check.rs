//! `duban check`: every fault of a definition folder at once, and what the office must confirm.

use duban_rules::{Diagnostic, Severity};

use crate::args::{Check, Format};
use crate::folder::{self, Folder};
use crate::table::csv_line;
use crate::{Ended, Fault};

pub(crate) fn run(args: &Check) -> Result<Ended, Fault> {
    let folder = folder::read(&args.dir)?;
    match args.format {
        Format::Table => print_text(args, &folder),
        Format::Json => crate::say!("{}", serde_json::to_string_pretty(&folder.diagnostics)?),
        Format::Ndjson => {
            for diagnostic in &folder.diagnostics {
                crate::say!("{}", serde_json::to_string(diagnostic)?);
            }
        }
        Format::Csv => {
            crate::say!("code,severity,file,line,column,found,expected,remedy");
            for d in &folder.diagnostics {
                let severity = serde_json::to_value(d.severity)?;
                let cells = [
                    d.code.to_owned(),
                    severity.as_str().unwrap_or_default().to_owned(),
                    d.file.clone(),
                    d.line.to_string(),
                    d.column.to_string(),
                    d.found.clone(),
                    d.expected.clone(),
                    d.remedy.clone(),
                ];
                crate::say!("{}", csv_line(&cells));
            }
        }
    }
    Ok(if folder.errors().next().is_some() {
        Ended::Findings
    } else {
        Ended::Well
    })
}

fn print_text(args: &Check, folder: &Folder) {
    let of = |severity| {
        folder
            .diagnostics
            .iter()
            .filter(move |d| d.severity == severity)
    };
    for diagnostic in of(Severity::Error).chain(of(Severity::Warning)) {
        crate::say!("{diagnostic}");
        if let Some(picture) = picture(args, diagnostic) {
            crate::say!("{picture}");
        }
        crate::say!();
    }
    let questions: Vec<&Diagnostic> = of(Severity::Confirm).collect();
    if !questions.is_empty() {
        crate::say!(
            "需主管部门确认 | to be confirmed by the office ({}):",
            questions.len()
        );
        for question in &questions {
            crate::say!("  {}:{}: {}", question.file, question.line, question.found);
        }
        crate::say!();
    }
    let (errors, warnings) = (of(Severity::Error).count(), of(Severity::Warning).count());
    match &folder.definition {
        Some(definition) => {
            let duties: usize = definition
                .tasks
                .iter()
                .flat_map(|t| &t.owners)
                .map(|o| o.units.len())
                .sum();
            crate::say!(
                "{}: {} tasks, {duties} obligations of {} units, definition {}; {warnings} warnings, {} to confirm",
                definition.ledger,
                definition.tasks.len(),
                folder.directory.as_ref().map_or(0, |d| d.units.len()),
                folder.hash,
                questions.len()
            );
        }
        None => crate::say!(
            "{errors} errors, {warnings} warnings, {} to confirm",
            questions.len()
        ),
    }
}

/// The line of a diagnostic with a mark under its place.
fn picture(args: &Check, diagnostic: &Diagnostic) -> Option<String> {
    use unicode_width::UnicodeWidthStr;
    let text = folder::read_text(&args.dir.join(&diagnostic.file)).ok()?;
    let number = usize::try_from(diagnostic.line).ok()?.checked_sub(1)?;
    let line = text.lines().nth(number)?;
    let before: String = line
        .chars()
        .take(usize::try_from(diagnostic.column.saturating_sub(1)).ok()?)
        .collect();
    let gutter = format!("{:>5} | ", diagnostic.line);
    let pad = " ".repeat(gutter.len() + before.width());
    let shown: String = line.chars().take(160).collect();
    Some(format!("{gutter}{shown}\n{pad}^"))
}
