//! Which rows of a table are its header, and what each column holds.

use std::collections::BTreeSet;

use crate::deadline::{self, Kind};
use crate::document::{Cell, Table};
use crate::export::words::{is_exported, may_be_added};
use crate::heading::{Column, column, is_stage};
use crate::reading::Confidence;
use crate::text::{once, one_line, squeeze};

/// Rows of a table that are looked at to find columns by their content.
const SAMPLE_ROWS: usize = 200;

/// What the columns of a table hold.
#[derive(Clone, Debug)]
pub(crate) struct Columns {
    /// For each column what it holds and its heading.
    pub of: Vec<(Column, String)>,
    /// The column of the wording.
    pub text: usize,
    /// True if an export of ours wrote them: each cell says for itself what it has to say.
    pub exported: bool,
    /// True if no heading says which column is the wording, and the longest was taken.
    pub supposed: bool,
    /// The header rows as compared with repetitions.
    header: Vec<String>,
}

impl Columns {
    /// The columns of one sort, from left to right.
    pub fn all(&self, wanted: Column) -> impl Iterator<Item = usize> {
        (0..self.of.len()).filter(move |c| self.of[*c].0 == wanted)
    }

    /// The columns of headings above tasks, from left to right.
    pub fn sections(&self) -> Vec<usize> {
        (0..self.of.len())
            .filter(|c| *c != self.text && matches!(self.of[*c].0, Column::Section | Column::Name))
            .collect()
    }

    /// True if the row is one of the header's, printed again.
    pub fn repeats(&self, row: &[Cell]) -> bool {
        if self.header.is_empty() {
            // Columns told by their content: a row of headings is no task all the same.
            let (known, count, all) = classes(row);
            return known.len() >= 2 && count * 2 > all;
        }
        self.header.contains(&signature(row))
    }
}

fn signature(row: &[Cell]) -> String {
    let mut texts: Vec<String> = row.iter().map(|cell| squeeze(&once(&cell.text))).collect();
    texts.dedup();
    texts.retain(|text| !text.is_empty());
    texts.join("|")
}

/// True if the place holds the beginning of a cell with text.
pub(crate) fn is_own(row: &[Cell], c: usize) -> bool {
    row[c].covered_by.is_none() && !row[c].is_empty()
}

fn classes(row: &[Cell]) -> (BTreeSet<Column>, usize, usize) {
    let mut known = BTreeSet::new();
    let (mut count, mut all) = (0, 0);
    for cell in row
        .iter()
        .filter(|cell| !cell.is_empty() && cell.covered_by.is_none())
    {
        all += 1;
        let text = once(&cell.text);
        if let Some(column) = column(&text) {
            known.insert(column);
            count += 1;
        } else if is_stage(&text) {
            count += 1;
        }
    }
    (known, count, all)
}

/// The longest cell of a header whose wording has no heading that is known, in characters.
const MAX_UNKNOWN_CHARS: usize = 12;

/// True if the row heads a table: enough of its cells are headings, of enough sorts.
pub(crate) fn is_header(row: &[Cell]) -> bool {
    let (known, count, all) = classes(row);
    let work = known
        .iter()
        .any(|c| matches!(c, Column::Text | Column::Name | Column::Section));
    let duty = known.iter().any(|c| {
        matches!(
            c,
            Column::Units | Column::Lead | Column::Support | Column::Deadline
        )
    });
    if !duty || count < 2 {
        return false;
    }
    if work {
        return count * 10 >= all * 6;
    }
    // 序号, 议题, 承办单位, 办结时限: all is known but what the work is called.
    let sorts = known.iter().filter(|c| **c != Column::Other).count();
    let short = row
        .iter()
        .all(|cell| squeeze(&once(&cell.text)).chars().count() <= MAX_UNKNOWN_CHARS);
    sorts >= 2 && short && all > count && count * 10 >= all * 6
}

/// The header that begins at a row: its columns, and the first row after it.
pub(crate) fn header_at(table: &Table, begin: usize) -> Option<(Columns, usize)> {
    let first = table.rows.get(begin)?;
    if !is_header(first) {
        return None;
    }
    let mut end = begin + 1;
    while let Some(row) = table.rows.get(end) {
        if !goes_on(table, begin, end, row) {
            break;
        }
        end += 1;
    }
    // (1) (2) (3): the columns' numbers, as some forms print them.
    let mut after = end;
    if let Some(row) = table.rows.get(end) {
        let numbers: Vec<String> = row
            .iter()
            .filter(|cell| !cell.is_empty())
            .map(|cell| squeeze(&cell.text).trim_matches(['(', ')']).to_owned())
            .collect();
        let counts = (1..)
            .zip(&numbers)
            .all(|(n, text): (usize, _)| *text == n.to_string());
        if numbers.len() >= 3 && counts {
            after = end + 1;
        }
    }
    let mut of: Vec<(Column, String)> = Vec::new();
    let mut unknown = BTreeSet::new();
    for c in 0..table.width() {
        let mut texts: Vec<String> = Vec::new();
        for row in &table.rows[begin..end] {
            let text = one_line(&once(&row[c].text));
            if !text.is_empty() && texts.last() != Some(&text) {
                texts.push(text);
            }
        }
        let found = texts.iter().rev().find_map(|text| column(text));
        let name = texts.join("/");
        let entry = match found {
            Some(column) => (column, name),
            // 任务名称 over two columns, where the format cannot merge.
            None if texts.is_empty() => match of.last() {
                Some((left @ (Column::Section | Column::Name), name)) => (*left, name.clone()),
                _ => (Column::Other, format!("第{}列", c + 1)),
            },
            None => {
                if !texts.iter().any(|text| is_stage(text)) {
                    unknown.insert(c);
                }
                (Column::Other, name)
            }
        };
        of.push(entry);
    }
    let columns = settle(table, after, of, &unknown, &table.rows[begin..after])?;
    Some((columns, after))
}

/// True if the row at `end` belongs to the header that begins at `begin`.
fn goes_on(table: &Table, begin: usize, end: usize, row: &[Cell]) -> bool {
    let from_header = |cell: &Cell| {
        cell.covered_by
            .is_some_and(|(r, _)| (begin..end).contains(&r))
    };
    let under_a_wide_one = |c: usize| {
        let above = &table.rows[end - 1][c];
        let begins = above.covered_by.map_or(c, |(_, left)| left);
        table.rows[end - 1]
            .get(begins)
            .is_some_and(|cell| cell.across > 1)
    };
    let own: Vec<usize> = (0..row.len()).filter(|c| is_own(row, *c)).collect();
    if own.is_empty() {
        return row.iter().any(from_header);
    }
    let headings = own
        .iter()
        .filter(|c| column(&once(&row[**c].text)).is_some())
        .count();
    if headings == own.len() && (headings > 1 || row.iter().any(from_header)) {
        return true;
    }
    row.iter().any(from_header)
        && (0..row.len()).all(|c| row[c].is_empty() || from_header(&row[c]) || under_a_wide_one(c))
}

/// Decides which column is the wording, and lets only one be the number.
fn settle(
    table: &Table,
    begin: usize,
    mut of: Vec<(Column, String)>,
    unknown: &BTreeSet<usize>,
    header: &[Vec<Cell>],
) -> Option<Columns> {
    let weight = |c: usize| -> usize {
        table
            .rows
            .iter()
            .skip(begin)
            .take(SAMPLE_ROWS)
            .filter(|row| is_own(row, c) && row[c].across == 1)
            .map(|row| row[c].text.chars().count())
            .sum()
    };
    let text = [Column::Text, Column::Name, Column::Section]
        .iter()
        .find_map(|wanted| {
            (0..of.len())
                .filter(|c| of[*c].0 == *wanted)
                .max_by_key(|c| (weight(*c), *c))
        });
    let supposed = text.is_none();
    let text = text.or_else(|| unknown.iter().copied().max_by_key(|c| (weight(*c), *c)))?;
    let mut numbered = false;
    for (c, (column, _)) in of.iter_mut().enumerate() {
        match column {
            Column::Text if c != text => *column = Column::Other,
            Column::Number if numbered => *column = Column::Other,
            Column::Number => numbered = true,
            _ => {}
        }
    }
    of[text].0 = Column::Text;
    let exported = is_exported(of.iter().map(|(_, heading)| heading.as_str()));
    if exported {
        for (column, heading) in &mut of {
            if may_be_added(heading) {
                *column = Column::Added;
            }
        }
    }
    Some(Columns {
        of,
        text,
        exported,
        supposed,
        header: header.iter().map(|row| signature(row)).collect(),
    })
}

/// Columns told by what stands in them, for a table without a header.
pub(crate) fn by_content(table: &Table) -> Option<Columns> {
    let width = table.width();
    let mut best: Vec<(usize, usize, usize, usize)> = Vec::new();
    for c in 0..width {
        let (mut dates, mut units, mut chars, mut cells) = (0, 0, 0, 0);
        for row in table.rows.iter().take(SAMPLE_ROWS) {
            let text = one_line(&once(&row[c].text));
            if text.is_empty() || row[c].covered_by.is_some() || row[c].across > 1 {
                continue;
            }
            cells += 1;
            // Telephone numbers are long, and no wording.
            let is_word = |c: &char| matches!(c, '\u{4e00}'..='\u{9fff}');
            chars += text.chars().filter(is_word).count();
            let read = deadline::read(&text, Some(2000));
            let dated = !matches!(read.kind, Kind::None | Kind::Missing);
            if dated && read.confidence != Confidence::Uncertain && text.chars().count() <= 20 {
                dates += 1;
            }
            if looks_like_units(&text) {
                units += 1;
            }
        }
        best.push((cells, dates, units, chars));
    }
    let most = |of: fn(&(usize, usize, usize, usize)) -> usize| {
        (0..width)
            .filter(|c| best[*c].0 > 1 && of(&best[*c]) * 2 > best[*c].0)
            .max_by_key(|c| of(&best[*c]))
    };
    let dates = most(|b| b.1);
    let units = most(|b| b.2);
    let text = (0..width)
        .filter(|c| Some(*c) != dates && Some(*c) != units && best[*c].0 > 1)
        .max_by_key(|c| best[*c].3)
        .filter(|c| best[*c].3 >= best[*c].0 * 6)?;
    units?;
    let of = (0..width)
        .map(|c| {
            let column = match c {
                _ if c == text => Column::Text,
                _ if Some(c) == dates => Column::Deadline,
                _ if Some(c) == units => Column::Units,
                _ if c < text => Column::Section,
                _ => Column::Other,
            };
            (column, format!("第{}列", c + 1))
        })
        .collect();
    Some(Columns {
        of,
        text,
        exported: false,
        supposed: false,
        header: Vec::new(),
    })
}

/// How names of units, and groups of them, end.
const ENDS: &[&str] = &[
    "局",
    "委",
    "办",
    "厅",
    "部",
    "院",
    "部门",
    "政府",
    "单位",
    "办公室",
    "委员会",
    "管委会",
    "中心",
    "集团",
    "公司",
    "支队",
    "银行",
    "街道",
    "乡镇",
    "学校",
    "负责",
    "牵头",
    "配合",
    "科",
    "处",
    "站",
    "队",
];

/// True if a text ends as the names of units do, or says who leads.
pub(crate) fn looks_like_units(text: &str) -> bool {
    let plain = squeeze(text);
    if plain.chars().count() > 200 || plain.contains('。') {
        return false;
    }
    plain.contains("牵头")
        || plain.contains("单位:")
        || plain.split(['、', ',', ';']).all(|name| {
            ENDS.iter()
                .any(|end| name.trim_end_matches(')').ends_with(end))
        })
}
