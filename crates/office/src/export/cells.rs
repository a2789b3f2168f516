//! The tables of an export before any format: columns, cells, and which of them are merged.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use duban_model::definition::MergedCell;

use crate::export::summary::{self, Line};
use crate::export::words::{
    CHANGES, DUE, DUTIES_NAME, DUTY, EVIDENCE, EVIDENCE_NAME, LIGHT, MISSING, NEXT, NOTICE,
    REMARKS, STATE, TASKS_NAME,
};
use crate::export::{Duty, Ledger, Light, Row};
use crate::text::{Rank, levelled, lines, numbered};

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
    /// True if its text is a number, so that it is ordered as one.
    pub is_number: bool,
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

    /// A row's number, which need not be one.
    pub(super) fn number(id: &str) -> Cell {
        let value = id.parse::<u32>().ok();
        Cell {
            is_number: value.is_some_and(|value| value.to_string() == id),
            ..Cell::text(id)
        }
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

    /// Its day in words, with the time if it has one.
    pub fn day(&self) -> Option<String> {
        let date = self.date?;
        Some(self.time.map_or_else(
            || date.to_string(),
            |time| format!("{date} {}", time.format("%H:%M")),
        ))
    }

    /// Its text with line breaks; a date as `2021-10-31`.
    pub fn shown(&self) -> String {
        if let Some(date) = self.day() {
            return date;
        }
        let lines: Vec<&str> = self.lines.iter().map(|line| line.text.as_str()).collect();
        lines.join("\n")
    }

    /// How many lines it takes in a column so many Latin characters wide.
    pub fn height(&self, width: u16) -> usize {
        let width = usize::from(width).saturating_sub(1).max(1);
        let wide = |line: &str| -> usize {
            let narrow = line.chars().filter(char::is_ascii).count();
            narrow + (line.chars().count() - narrow) * 2
        };
        let lines = self.with_links();
        lines
            .split('\n')
            .map(|line| wide(line).div_ceil(width).max(1))
            .sum()
    }

    /// The same with each line's link after it, for formats in which a text cannot lead anywhere.
    pub fn with_links(&self) -> String {
        if let Some(date) = self.day() {
            return date;
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

impl Grid {
    /// How many lines a row takes, so that every cell can be read; one that goes on below takes its
    /// share.
    pub fn lines(&self, row: usize) -> usize {
        let of = |c: usize| {
            let begin = (0..=row).rev().find(|r| !self.rows[*r][c].goes_on);
            let begin = begin.unwrap_or(0);
            let below = self.rows[begin + 1..].iter();
            let rows = 1 + below.take_while(|row| row[c].goes_on).count();
            let cell = &self.rows[begin][c];
            cell.height(self.columns[c].width).div_ceil(rows)
        };
        (0..self.columns.len()).map(of).max().unwrap_or(1)
    }
}

/// True if the numbers of the rows are read again where the ledger of the notice has them: 1.公开….
/// Otherwise they take a column of their own.
fn stand_before(rows: &[Row]) -> bool {
    rows.iter().all(|row| {
        let text = lines(&row.text);
        let read = numbered(&format!("{}.{text}", row.id));
        read.is_some_and(|(rank, value, rest)| {
            rank == Rank::Item && value.to_string() == row.id && rest == text
        }) && levelled(&format!("{}.{text}", row.id)).is_none()
    })
}

/// The wording as written.
fn wording(row: &Row, numbers_before: bool) -> String {
    // Beside a column of numbers, a wording that begins with its own number would lose it.
    let loses = || {
        let text = lines(&row.text);
        let id = row.id.trim_start_matches('0');
        numbered(&text)
            .is_some_and(|(rank, value, _)| rank == Rank::Item && value.to_string() == id)
            || levelled(&text).is_some_and(|(number, _)| number == row.id)
    };
    if numbers_before {
        format!("{}.{}", row.id, row.text)
    } else if loses() {
        // 1.1.公开 would be read as a section's number.
        format!("{}、{}", row.id, row.text)
    } else {
        row.text.clone()
    }
}

/// The ledger, a row a task.
pub(crate) fn tasks(ledger: &Ledger) -> Grid {
    let rows = &ledger.rows;
    let numbers_before = stand_before(rows);
    let has_subsections = rows.iter().any(|row| !row.subsection.trim().is_empty());
    let mut columns = Vec::new();
    if !numbers_before {
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
        centred(DUE, 14),
        column(STATE, 22),
        centred(LIGHT, 10),
        centred(NEXT, 14),
        column(EVIDENCE, 44),
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
        let upper =
            above.is_some_and(|above| above.section == row.section && !row.section.is_empty());
        let merged = |cell| row.merged.contains(&cell) && above.is_some();
        let mut cells = Vec::new();
        if !numbers_before {
            cells.push(Cell::number(&row.id));
        }
        cells.push(Cell::text(&row.section).merged(upper));
        if has_subsections {
            cells.push(Cell::text(&row.subsection).merged(lower));
        }
        cells.extend([
            Cell::text(wording(row, numbers_before)),
            Cell::text(&row.units_phrase).merged(merged(MergedCell::Units)),
            Cell::text(&row.deadline_phrase).merged(merged(MergedCell::Deadline)),
            Cell::date(row.due),
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
        column("单位", 26),
        centred("角色", 6),
        centred("期限或缘由", 16),
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
        column(DUTY, 38),
    ];
    let row = |duty: &Duty| {
        let evidence = duty.evidence.iter().map(summary::shown).collect();
        let missing = summary::missing_of(duty).join("、");
        let notice = duty.notice.as_ref().map(summary::notice_shown);
        vec![
            Cell::number(&duty.task),
            Cell::text(&duty.title),
            Cell::text(&duty.full_name),
            Cell::text(summary::role(duty.role)),
            Cell::text(duty.period.as_deref().unwrap_or_default()),
            Cell::text(summary::stage(duty)),
            Cell::light(duty.light),
            duty.due_at.map_or_else(
                || Cell::date(duty.due),
                |at| Cell::instant(at.naive_local()),
            ),
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
        column("单位", 26),
        column("计入", 24),
        column("标题", 48),
        column("种类", 16),
        centred("日期", 13),
        column("链接", 44),
        column(DUTY, 38),
    ];
    let row = |duty: &Duty, evidence: &crate::export::Evidence| {
        let link = evidence.link.clone().map(|link| Line {
            text: link.clone(),
            link: Some(link),
        });
        vec![
            Cell::number(&duty.task),
            Cell::text(&duty.title),
            Cell::text(&duty.full_name),
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
