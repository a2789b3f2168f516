//! Tables for terminals. Chinese characters take two columns.

use std::fmt::Arguments;
use std::io::{ErrorKind, IsTerminal, Write};

use duban_office::export::csv::neutral;
use unicode_width::UnicodeWidthStr;

/// See [`crate::say`].
pub(crate) fn say(line: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(fault) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        if fault.kind() != ErrorKind::BrokenPipe {
            eprintln!("duban: standard output: {fault}");
        }
        std::process::exit(i32::from(fault.kind() != ErrorKind::BrokenPipe));
    }
}

/// Prints rows under a header, columns padded by display width.
pub(crate) fn print(header: &[&str], rows: &[Vec<String>]) {
    // A cell is one line, whatever stands in a document.
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect();
    let mut widths: Vec<usize> = header.iter().map(|h| h.width()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (i, cell) in cells.enumerate() {
            text.push_str(cell);
            if i + 1 < widths.len() {
                let pad = widths[i].saturating_sub(cell.width()) + 2;
                text.extend(std::iter::repeat_n(' ', pad));
            }
        }
        crate::say!("{}", text.trim_end());
    };
    line(&mut header.iter().copied());
    for row in &rows {
        line(&mut row.iter().map(String::as_str));
    }
}

/// A text without line breaks and other control characters.
fn one_line(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).collect()
}

/// One line of CSV after RFC 4180; a cell that a spreadsheet would take for a formula is quoted with `'`.
pub(crate) fn csv_line(cells: &[String]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let cell = neutral(cell);
            if cell.contains([',', '"', '\n', '\r']) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        })
        .collect();
    cells.join(",")
}

/// A progress bar on a terminal, nothing elsewhere.
pub(crate) fn progress(length: u64, what: &'static str) -> indicatif::ProgressBar {
    if std::io::stderr().is_terminal() {
        let style = indicatif::ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {eta}")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        indicatif::ProgressBar::new(length)
            .with_style(style)
            .with_message(what)
    } else {
        indicatif::ProgressBar::hidden()
    }
}

#[cfg(test)]
mod tests {
    use super::csv_line;

    #[test]
    fn a_formula_in_a_title_stays_text() {
        let cells = ["=1+1".to_owned(), "a,b".to_owned(), "说\"话\"".to_owned()];
        assert_eq!(csv_line(&cells), "'=1+1,\"a,b\",\"说\"\"话\"\"\"");
    }
}
