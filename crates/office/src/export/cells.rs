//! The tables of an export before any format: columns, cells, and which of them are merged.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use duban_model::definition::MergedCell;

use crate::export::summary::{self, Line};
use crate::export::words::{
    CHANGES, DUTIES_NAME, DUTY, EVIDENCE, EVIDENCE_NAME, LIGHT, MISSING, NEXT, NOTICE, REMARKS,
    STATE, TASKS_NAME,
};
use crate::export::{Duty, Ledger, Light, Row};
use crate::text::{Rank, number, numbered, one_line, squeeze};

/// The most characters of one cell. Excel takes 32,767; nobody reads so many.
const MAX_CHARS: usize = 8_000;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its heading. Neighbours of the same heading share one cell.
    pub heading: &'static str,
    /// How wide it is, in Latin characters; a Chinese one takes two.
    pub width: u16,
    /// True if its texts stand in the middle.
    pub centred: bool,
}

const fn column(heading: &'static str, width: u16) -> Column {
    Column {
        heading,
        width,
        centred: false,
    }
}

const fn centred(heading: &'static str, width: u16) -> Column {
    Column {
        heading,
        width,
        centred: true,
    }
}

/// A cell.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// Its text.
    pub lines: Vec<Line>,
    /// A day, instead of a text.
    pub date: Option<NaiveDate>,
    /// The time of that day.
    pub time: Option<NaiveTime>,
    /// A light, whose colour it has.
    pub light: Option<Light>,
    /// True if it is merged with the cell above. Its text is that one's.
    pub goes_on: bool,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Cell {
        Cell::lines(vec![Line::plain(text)])
    }

    pub(super) fn lines(lines: Vec<Line>) -> Cell {
        let mut left = MAX_CHARS;
        let mut kept = Vec::new();
        for line in lines {
            let text: String = line.text.chars().filter(|c| is_writable(*c)).collect();
            let length = text.chars().count();
            if text.is_empty() {
                continue;
            }
            if length > left {
                let text: String = text.chars().take(left).collect();
                kept.push(Line::plain(text + "…"));
                break;
            }
            left -= length;
            kept.push(Line { text, ..line });
        }
        Cell {
            lines: kept,
            ..Cell::default()
        }
    }

    pub(super) fn date(date: Option<NaiveDate>) -> Cell {
        Cell {
            date,
            ..Cell::default()
        }
    }

    pub(super) fn instant(at: NaiveDateTime) -> Cell {
        Cell {
            time: Some(at.time()),
            ..Cell::date(Some(at.date()))
        }
    }

    fn light(light: Light) -> Cell {
        Cell {
            light: Some(light),
            ..Cell::text(light.chinese())
        }
    }

    fn merged(mut self, goes_on: bool) -> Cell {
        self.goes_on = goes_on;
        self
    }

    /// Its text with line breaks; a date as `2021-10-31`.
    pub fn shown(&self) -> String {
        if let Some(date) = self.date {
            return date.to_string();
        }
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// The same with each line's link after it, for formats in which a text cannot lead anywhere.
    pub fn with_links(&self) -> String {
        if let Some(date) = self.date {
            return date.to_string();
        }
        let line = |line: &Line| match &line.link {
            Some(link) if !line.text.contains(link.as_str()) => format!("{} {link}", line.text),
            _ => line.text.clone(),
        };
        let lines: Vec<String> = self.lines.iter().map(line).collect();
        lines.join("\n")
    }
}

/// Characters that XML can hold.
fn is_writable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    /// Its name, as a sheet has one.
    pub name: &'static str,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a cell a column.
    pub rows: Vec<Vec<Cell>>,
}

/// Where the numbers of the rows stand, so that an import finds them as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    /// In a column of their own.
    column: bool,
    /// Before the wording, as the ledger of the notice has them: 1.公开…
    before: bool,
}

impl Numbers {
    /// As the notice has them, if that can be read again; otherwise in a column.
    fn of(rows: &[Row]) -> Numbers {
        let reads = |row: &Row| {
            let text = one_line(&row.text);
            let read = numbered(&format!("{}.{text}", row.id));
            read.is_some_and(|(rank, value, rest)| {
                rank == Rank::Item && value.to_string() == row.id && rest == text
            })
        };
        if rows.iter().all(reads) {
            return Numbers {
                column: false,
                before: true,
            };
        }
        // A wording that begins with its own number would lose it.
        let loses = |row: &Row| {
            let text = one_line(&row.text);
            numbered(&text)
                .is_some_and(|(rank, value, _)| rank == Rank::Item && value.to_string() == row.id)
        };
        Numbers {
            column: true,
            before: rows.iter().any(loses),
        }
    }

    /// The wording as written.
    fn wording(self, row: &Row) -> String {
        let is_number = || {
            let chars: Vec<char> = squeeze(&row.id).chars().collect();
            number(&chars).is_some_and(|(_, taken)| taken == chars.len())
        };
        if self.before && (!self.column || is_number()) {
            format!("{}.{}", row.id, row.text)
        } else {
            row.text.clone()
        }
    }
}

/// The ledger, a row a task.
pub(crate) fn tasks(ledger: &Ledger) -> Grid {
    let rows = &ledger.rows;
    let numbers = Numbers::of(rows);
    let has_subsections = rows.iter().any(|row| !row.subsection.trim().is_empty());
    let mut columns = Vec::new();
    if numbers.column {
        columns.push(centred("序号", 6));
    }
    columns.push(column("任务名称", 16));
    if has_subsections {
        columns.push(column("任务名称", 18));
    }
    columns.extend([
        column("具体任务", 52),
        column("责任单位", 26),
        centred("完成时限", 14),
        column(STATE, 22),
        centred(LIGHT, 10),
        centred(NEXT, 14),
        column(EVIDENCE, 38),
        column(MISSING, 30),
        column(NOTICE, 26),
        column(CHANGES, 26),
        column(REMARKS, 30),
    ]);
    let mut out = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let above = at.checked_sub(1).map(|above| &rows[above]);
        let lower = above.is_some_and(|above| {
            above.section == row.section
                && above.subsection == row.subsection
                && !row.subsection.is_empty()
        });
        // Below a lower heading a row without one begins its section anew, or the heading would be
        // read as its own.
        let upper = above.is_some_and(|above| {
            above.section == row.section
                && !row.section.is_empty()
                && (above.subsection.is_empty() || !row.subsection.is_empty())
        });
        let merged = |cell| row.merged.contains(&cell) && above.is_some();
        let mut cells = Vec::new();
        if numbers.column {
            cells.push(Cell::text(&row.id));
        }
        cells.push(Cell::text(&row.section).merged(upper));
        if has_subsections {
            cells.push(Cell::text(&row.subsection).merged(lower));
        }
        cells.extend([
            Cell::text(numbers.wording(row)),
            Cell::text(&row.units_phrase).merged(merged(MergedCell::Units)),
            Cell::text(&row.deadline_phrase).merged(merged(MergedCell::Deadline)),
            Cell::text(summary::state(&row.duties)),
            Cell::light(summary::light(&row.duties)),
            Cell::date(summary::next(&row.duties)),
            Cell::lines(summary::evidence(&row.duties)),
            Cell::lines(summary::missing(&row.duties)),
            Cell::lines(summary::notice(&row.duties)),
            Cell::lines(summary::changes(&row.duties)),
            Cell::lines(summary::remarks(row)),
        ]);
        out.push(cells);
    }
    Grid {
        name: TASKS_NAME,
        columns,
        rows: out,
    }
}

fn plain_lines(texts: &[String]) -> Vec<Line> {
    texts.iter().map(Line::plain).collect()
}

/// A row a duty.
pub(crate) fn duties(ledger: &Ledger) -> Grid {
    let columns = vec![
        centred("序号", 6),
        column("任务", 28),
        column("单位", 18),
        centred("角色", 6),
        centred("期限", 9),
        centred("状态", 14),
        centred(LIGHT, 10),
        centred("时限", 13),
        centred("办结日期", 13),
        centred("逾期", 6),
        column(EVIDENCE, 40),
        column(MISSING, 28),
        column(NOTICE, 30),
        column(CHANGES, 30),
        column("备注", 30),
        column(DUTY, 34),
    ];
    let row = |duty: &Duty| {
        let evidence = duty.evidence.iter().map(summary::shown).collect();
        let missing = summary::missing_of(duty).join("、");
        let notice = duty.notice.as_ref().map(summary::notice_shown);
        vec![
            Cell::text(&duty.task),
            Cell::text(&duty.title),
            Cell::text(&duty.name),
            Cell::text(summary::role(duty.role)),
            Cell::text(duty.period.as_deref().unwrap_or_default()),
            Cell::text(duty.stage.chinese()),
            Cell::light(duty.light),
            Cell::date(duty.due),
            Cell::date(duty.done),
            Cell::text(if duty.late { "是" } else { "" }),
            Cell::lines(evidence),
            Cell::text(missing),
            Cell::text(notice.unwrap_or_default()),
            Cell::lines(plain_lines(&duty.changes)),
            Cell::lines(plain_lines(&duty.remarks)),
            Cell::text(&duty.id),
        ]
    };
    Grid {
        name: DUTIES_NAME,
        columns,
        rows: ledger.duties().map(row).collect(),
    }
}

/// A row a publication or link that counts.
pub(crate) fn evidence(ledger: &Ledger) -> Grid {
    let columns = vec![
        centred("序号", 6),
        column("任务", 28),
        column("单位", 18),
        column("计入", 24),
        column("标题", 48),
        column("种类", 16),
        centred("日期", 13),
        column("链接", 44),
        column(DUTY, 34),
    ];
    let row = |duty: &Duty, evidence: &crate::export::Evidence| {
        let link = evidence.link.clone().map(|link| Line {
            text: link.clone(),
            link: Some(link),
        });
        vec![
            Cell::text(&duty.task),
            Cell::text(&duty.title),
            Cell::text(&duty.name),
            Cell::text(&evidence.counts_for),
            Cell::text(&evidence.title),
            Cell::text(&evidence.kind),
            Cell::date(Some(evidence.on)),
            Cell::lines(link.into_iter().collect()),
            Cell::text(&duty.id),
        ]
    };
    Grid {
        name: EVIDENCE_NAME,
        columns,
        rows: ledger
            .duties()
            .flat_map(|duty| duty.evidence.iter().map(move |e| row(duty, e)))
            .collect(),
    }
}
