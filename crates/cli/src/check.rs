//! `duban check`: every fault of a definition folder at once, and what the office must confirm.

use duban_model::definition::Opens;
use duban_rules::{Diagnostic, Severity};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::args::{Check, Format};
use crate::folder::{self, Folder};
use crate::table::csv_line;
use crate::{Ended, Fault};

pub(crate) fn run(args: &Check) -> Result<Ended, Fault> {
    let folder = folder::read(&args.dir)?;
    let listed: Vec<&Diagnostic> = folder
        .diagnostics
        .iter()
        .filter(|d| d.severity != Severity::Confirmed)
        .collect();
    match args.format {
        Format::Table => print_text(&folder),
        Format::Json => crate::say!("{}", serde_json::to_string_pretty(&listed)?),
        Format::Ndjson => {
            for diagnostic in &listed {
                crate::say!("{}", serde_json::to_string(diagnostic)?);
            }
        }
        Format::Csv => {
            crate::say!(
                "code,severity,file,line,column,length,about,found,expected,nearest,remedy"
            );
            for d in &listed {
                let severity = serde_json::to_value(d.severity)?;
                let cells = [
                    d.code.to_owned(),
                    severity.as_str().unwrap_or_default().to_owned(),
                    d.file.clone(),
                    d.line.to_string(),
                    d.column.to_string(),
                    d.length.to_string(),
                    d.about.clone(),
                    d.found.clone(),
                    d.expected.clone(),
                    d.nearest.clone().unwrap_or_default(),
                    d.remedy.clone(),
                ];
                crate::say!("{}", csv_line(&cells));
            }
        }
    }
    let refused = |d: &Diagnostic| args.strict || d.severity == Severity::Error;
    Ok(if listed.into_iter().any(refused) {
        Ended::Findings
    } else {
        Ended::Well
    })
}

fn print_text(folder: &Folder) {
    let of = |severity| {
        folder
            .diagnostics
            .iter()
            .filter(move |d| d.severity == severity)
    };
    for diagnostic in of(Severity::Error).chain(of(Severity::Warning)) {
        crate::say!("{diagnostic}");
        if let Some(picture) = picture(folder, diagnostic) {
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
    let confirmed = of(Severity::Confirmed).count();
    let open = questions.len();
    match &folder.definition {
        Some(definition) => {
            let duties: usize = definition
                .tasks
                .iter()
                // What arises later is counted when it does.
                .filter(|t| {
                    !matches!(
                        t.opens,
                        Opens::Event(_) | Opens::Schedule(_) | Opens::Follows(_)
                    )
                })
                .flat_map(|t| &t.owners)
                .map(|o| o.units.len())
                .sum();
            crate::say!(
                "{}: {} tasks, {duties} obligations of {} units, definition {}; {warnings} warnings, {open} to confirm, {confirmed} confirmed",
                definition.ledger,
                definition.rows().count(),
                folder.directory.as_ref().map_or(0, |d| d.units.len()),
                folder.hash,
            );
        }
        None => crate::say!(
            "{errors} errors, {warnings} warnings, {open} to confirm, {confirmed} confirmed"
        ),
    }
    let mut codes: Vec<&str> = of(Severity::Error)
        .chain(of(Severity::Warning))
        .map(|d| d.code)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    if let Some(first) = codes.first() {
        crate::say!(
            "说明 | what a code means: duban explain {first} ({})",
            codes.join(", ")
        );
    }
}

/// How many columns of a line a picture shows.
const SHOWN_WIDTH: usize = 100;
/// How many columns of a longer line are shown before the place.
const SHOWN_BEFORE: usize = 40;

/// The line of a diagnostic with its place underlined.
fn picture(folder: &Folder, diagnostic: &Diagnostic) -> Option<String> {
    let (_, text) = folder
        .texts
        .iter()
        .find(|(name, _)| *name == diagnostic.file)?;
    let row = usize::try_from(diagnostic.line).ok()?.checked_sub(1)?;
    let line = text.lines().nth(row)?;
    let column = usize::try_from(diagnostic.column).ok()?.saturating_sub(1);
    let length = usize::try_from(diagnostic.length).ok()?;
    Some(drawn(diagnostic.line, line, column, length))
}

/// Draws a line and marks so many of its characters. A Chinese character takes two columns, so marks
/// are counted in columns; of a long line the part around the place is shown.
fn drawn(number: u64, line: &str, column: usize, length: usize) -> String {
    // A tab's width is the terminal's affair; one column is everybody's.
    let plain = |c: char| if c.width().is_none() { ' ' } else { c };
    let line: Vec<char> = line.trim_end().chars().map(plain).collect();
    let column = column.min(line.len());
    let width = |part: &[char]| part.iter().filter_map(|c| c.width()).sum::<usize>();
    let mut from = 0;
    if width(&line) > SHOWN_WIDTH {
        while width(&line[from..column]) > SHOWN_BEFORE {
            from += 1;
        }
    }
    let mut to = line.len();
    while width(&line[from..to]) > SHOWN_WIDTH {
        to -= 1;
    }
    let begins = if from > 0 { "…" } else { "" };
    let ends = if to < line.len() { "…" } else { "" };
    let marked = &line[column..(column + length).clamp(column, to.max(column))];
    let gutter = format!("{number:>5} | ");
    let before = gutter.width() + begins.width() + width(&line[from..column]);
    let shown: String = line[from..to].iter().collect();
    format!(
        "{gutter}{begins}{shown}{ends}\n{}{}",
        " ".repeat(before),
        "^".repeat(width(marked).max(1))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stands_under_double_width_characters() {
        assert_eq!(
            drawn(7, "  - { 单位: 开鲁县, 角色: x }", 10, 3),
            "    7 |   - { 单位: 开鲁县, 角色: x }\n                    ^^^^^^"
        );
    }

    #[test]
    fn of_a_long_line_the_place_is_shown() {
        let line = format!("text: {}错字{}", "字".repeat(200), "尾".repeat(200));
        let drawn = drawn(1234, &line, 206, 2);
        let (shown, marks) = drawn.split_once('\n').expect("two lines");
        let at = marks.find('^').expect("a mark");
        let before: String = shown
            .chars()
            .scan(0, |sum, c| {
                *sum += c.width().unwrap_or(0);
                (*sum <= at).then_some(c)
            })
            .collect();
        assert!(shown[before.len()..].starts_with("错字"), "{drawn}");
        assert!(shown.width() <= SHOWN_WIDTH + 12, "{drawn}");
    }

    #[test]
    fn a_place_at_the_end_of_a_line_has_its_mark() {
        assert_eq!(drawn(1, "a:", 2, 0), "    1 | a:\n          ^");
        assert_eq!(drawn(1, "a:\t字", 3, 9), "    1 | a: 字\n           ^^");
    }
}
