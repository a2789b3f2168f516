//! Reads a calendar from its CSV file, `date,kind,name`, and names every fault at once: whoever
//! types a year from the notice should mend the file in one go.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use thiserror::Error;

use crate::calendar::{
    Calendar, DayKind, FIRST_YEAR, LAST_YEAR, MAX_ID_BYTES, MAX_NAME_CHARS, SpecialDay,
    id_is_sound, name_is_sound, year_is_sound,
};

/// Largest file read, in bytes. Nine years take 10 KB.
pub const MAX_CSV_BYTES: usize = 1 << 20;
/// Most faults named in one reading; the last of them then says that reading stopped.
pub const MAX_CSV_FAULTS: usize = 1000;
/// Most characters of a cell that a fault quotes.
const MAX_QUOTED_CHARS: usize = 60;
const HEADER: &str = "date,kind,name";

/// One thing wrong with a calendar file, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}, {column}: found {found}; expected {expected}; {remedy}")]
pub struct CsvFault {
    /// Line of the file, from 1; 1 also for a fault of the whole file or of the calendar's id.
    pub line: usize,
    /// `date`, `kind`, `name`; `line` for a whole line, `file` for the file, `id` for the id.
    pub column: &'static str,
    /// What is there, shortened, control characters escaped.
    pub found: String,
    /// What should be there.
    pub expected: String,
    /// What to do.
    pub remedy: String,
}

impl Calendar {
    /// Reads `date,kind,name` lines with that header: `date` is `YYYY-MM-DD`, `kind` is `holiday`
    /// or `makeup_workday`. A byte-order mark, CRLF, blank lines and spaces around cells are
    /// tolerated. The covered years are those with at least one line.
    ///
    /// # Errors
    /// Every fault at once, by line then column, at most [`MAX_CSV_FAULTS`]; a file above
    /// [`MAX_CSV_BYTES`] is not read at all.
    pub fn from_csv(id: &str, text: &str) -> Result<Self, Vec<CsvFault>> {
        if text.len() > MAX_CSV_BYTES {
            return Err(vec![CsvFault {
                line: 1,
                column: "file",
                found: format!("{} bytes", text.len()),
                expected: format!("at most {MAX_CSV_BYTES} bytes"),
                remedy: "give a file that holds only the special days, one a line".to_owned(),
            }]);
        }
        let mut reading = Reading::default();
        if !id_is_sound(id) {
            reading.fault(
                1,
                "id",
                id,
                &format!("1 to {MAX_ID_BYTES} ASCII letters, digits, `-` or `_`"),
                "name the calendar, for example, `cn`",
            );
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, content) in (1..).zip(text.split('\n')) {
            reading.line(line, content.strip_suffix('\r').unwrap_or(content));
            if reading.faults.len() >= MAX_CSV_FAULTS {
                return Err(reading.stopped(line));
            }
        }
        reading.finish(id)
    }
}

#[derive(Default)]
struct Reading {
    faults: Vec<CsvFault>,
    header_passed: bool,
    data_seen: bool,
    days: BTreeMap<NaiveDate, SpecialDay>,
    /// Where each date first stood, kept even when the rest of its line was at fault.
    first_lines: BTreeMap<NaiveDate, usize>,
}

impl Reading {
    fn line(&mut self, line: usize, content: &str) {
        if content.contains('\0') {
            self.data_seen = true;
            self.fault(
                line,
                "line",
                content,
                "text without NUL characters",
                "save the file again as CSV in UTF-8",
            );
            return;
        }
        if content.trim().is_empty() {
            return;
        }
        let cells: Vec<&str> = content.split(',').map(str::trim).collect();
        if !self.header_passed {
            self.header_passed = true;
            if cells == ["date", "kind", "name"] {
                return;
            }
            self.fault(
                line,
                "line",
                content,
                &format!("the header `{HEADER}`"),
                &format!("write `{HEADER}` as the first line"),
            );
            // A forgotten header stands where a day should: read that day too. Any other first
            // line is a header in other words.
            if read_date(cells[0]).is_none() {
                return;
            }
        }
        self.data_seen = true;
        self.day(line, content, &cells);
    }

    fn day(&mut self, line: usize, content: &str, cells: &[&str]) {
        let &[date, kind, name] = cells else {
            self.fault(
                line,
                "line",
                content,
                &format!("3 cells `{HEADER}`, got {}", cells.len()),
                "separate the three cells with half-width commas and use none inside a cell",
            );
            return;
        };
        let date = self.date(line, date);
        let kind = self.kind(line, kind);
        let name = self.name(line, name);
        if let (Some(date), Some(kind), Some(name)) = (date, kind, name) {
            self.days.insert(date, SpecialDay { kind, name });
        }
    }

    fn date(&mut self, line: usize, cell: &str) -> Option<NaiveDate> {
        let Some(date) = read_date(cell) else {
            self.fault(
                line,
                "date",
                cell,
                "a date that exists, as YYYY-MM-DD",
                "write it, for example, 2021-10-01",
            );
            return None;
        };
        if !year_is_sound(date.year()) {
            self.fault(
                line,
                "date",
                cell,
                &format!("a year from {FIRST_YEAR} to {LAST_YEAR}"),
                "correct the year or remove the line",
            );
            return None;
        }
        if let Some(&first) = self.first_lines.get(&date) {
            self.fault(
                line,
                "date",
                cell,
                "each date once",
                &format!("keep this line or line {first} and remove the other"),
            );
            return None;
        }
        self.first_lines.insert(date, line);
        Some(date)
    }

    fn kind(&mut self, line: usize, cell: &str) -> Option<DayKind> {
        match cell {
            "holiday" => Some(DayKind::Holiday),
            "makeup_workday" => Some(DayKind::MakeupWorkday),
            _ => {
                self.fault(
                    line,
                    "kind",
                    cell,
                    "`holiday` or `makeup_workday`",
                    "write `holiday` for 放假 and `makeup_workday` for 调休上班",
                );
                None
            }
        }
    }

    fn name(&mut self, line: usize, cell: &str) -> Option<String> {
        if name_is_sound(cell) {
            return Some(cell.to_owned());
        }
        self.fault(
            line,
            "name",
            cell,
            &format!(
                "1 to {MAX_NAME_CHARS} characters without quotation marks or control characters"
            ),
            "write the festival's name, for example, 国庆节",
        );
        None
    }

    fn fault(
        &mut self,
        line: usize,
        column: &'static str,
        found: &str,
        expected: &str,
        remedy: &str,
    ) {
        self.faults.push(CsvFault {
            line,
            column,
            found: quoted(found),
            expected: expected.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    fn stopped(mut self, line: usize) -> Vec<CsvFault> {
        // One line may bring several faults; the note takes the last place.
        self.faults.truncate(MAX_CSV_FAULTS - 1);
        self.faults.push(CsvFault {
            line,
            column: "file",
            found: format!("{MAX_CSV_FAULTS} faults or more"),
            expected: "a calendar file".to_owned(),
            remedy: "reading stopped here; mend the faults above and read the file again"
                .to_owned(),
        });
        self.faults
    }

    fn finish(mut self, id: &str) -> Result<Calendar, Vec<CsvFault>> {
        if !self.data_seen {
            self.faults.push(CsvFault {
                line: 1,
                column: "file",
                found: "no day".to_owned(),
                expected: format!("the header `{HEADER}` and at least one day below it"),
                remedy: "add the holidays and make-up workdays of at least one year".to_owned(),
            });
        }
        if self.faults.is_empty() {
            Ok(Calendar::new(id, self.days))
        } else {
            Err(self.faults)
        }
    }
}

/// `YYYY-MM-DD` and nothing else: chrono alone would take `2021-1-1` or a signed year.
fn read_date(cell: &str) -> Option<NaiveDate> {
    let shaped = cell.len() == 10
        && cell.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return None;
    }
    NaiveDate::from_ymd_opt(
        cell[..4].parse().ok()?,
        cell[5..7].parse().ok()?,
        cell[8..].parse().ok()?,
    )
}

fn quoted(found: &str) -> String {
    if found.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = String::from("`");
    let mut chars = found.chars();
    text.extend(
        chars
            .by_ref()
            .take(MAX_QUOTED_CHARS)
            .flat_map(char::escape_debug),
    );
    text.push_str(if chars.next().is_some() { "…`" } else { "`" });
    text
}
