//! Tasks of a table that has a row a task: banners, merged cells, pages, continuations.

use duban_model::definition::Role;

use crate::document::{Cell, Table};
use crate::heading::{Column, is_note, is_stage};
use crate::layout::{Columns, header_at, is_own};
use crate::raw::{Found, Origin, Raw, RawRow};
use crate::reading::Question;
use crate::text::{Rank, half, numbered, once, one_line, squeeze};

/// What goes on from row to row, and from table to table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    /// The columns in force.
    pub columns: Option<Columns>,
    /// Headings of banner rows: section, subsection.
    banners: [String; 2],
    /// The latest text of each column, for formats that cannot merge.
    above: Vec<String>,
    /// Columns of headings with empty cells that were taken from above, and in how many rows.
    supposed: Vec<(String, usize)>,
}

impl Walk {
    /// Takes the columns of another table; what stood above does not go on.
    pub fn begin(&mut self, columns: Columns) {
        self.above = vec![String::new(); columns.of.len()];
        self.columns = Some(columns);
    }
}

/// Reads the rows of a table from `begin` on, with the columns in force.
pub(crate) fn read(table: &Table, begin: usize, walk: &mut Walk, raw: &mut Raw) {
    let mut r = begin;
    while r < table.rows.len() {
        let row = &table.rows[r];
        raw.rows_in += 1;
        let place = table.row_place(r);
        let shown = || line_of(row);
        let repeats = walk.columns.as_ref().is_some_and(|c| c.repeats(row));
        if repeats {
            raw.aside("repeated_header", place, shown());
            r += 1;
            continue;
        }
        if let Some((columns, after)) = header_at(table, r) {
            raw.aside("header", place, shown());
            for more in r + 1..after {
                raw.rows_in += 1;
                raw.aside("header", table.row_place(more), line_of(&table.rows[more]));
            }
            for c in columns.all(Column::Added) {
                let heading = &columns.of[c].1;
                if !raw.added.contains(heading) {
                    raw.added.push(heading.clone());
                }
            }
            ask_of_header(table, r, &columns, raw);
            walk.begin(columns);
            r = after;
            continue;
        }
        let Some(columns) = walk.columns.clone() else {
            raw.aside("title", place, shown());
            r += 1;
            continue;
        };
        one_row(table, r, &columns, walk, raw);
        r += 1;
    }
    for (column, rows) in std::mem::take(&mut walk.supposed) {
        raw.questions.push(Question {
            row: None,
            place: table.name.clone(),
            field: "section",
            code: "empty_cell",
            found: format!("“{column}”有{rows}格为空,也没有合并"),
            question: format!("“{column}”列有{rows}格为空,是否都接上一行?"),
            alternatives: vec!["都接上一行".to_owned(), "没有标题".to_owned()],
            taken: "都接上一行".to_owned(),
        });
    }
}

/// Asks what the header leaves open: which column is the wording, and what stands under dates.
fn ask_of_header(table: &Table, r: usize, columns: &Columns, raw: &mut Raw) {
    let mut ask = |code, found: String, question: String, alternatives: [&str; 2]| {
        raw.questions.push(Question {
            row: None,
            place: table.row_place(r),
            field: "document",
            code,
            found,
            question,
            alternatives: alternatives.map(str::to_owned).to_vec(),
            taken: alternatives[0].to_owned(),
        });
    };
    if columns.supposed {
        let heading = &columns.of[columns.text].1;
        ask(
            "no_header",
            line_of(&table.rows[r]),
            format!("表头没有写明哪一列是任务内容,暂按文字最多的“{heading}”列,请核对"),
            ["判断正确", "把那一列的表头改为“任务内容”后重新导入"],
        );
    }
    let stages: Vec<&str> = columns
        .all(Column::Other)
        .map(|c| columns.of[c].1.as_str())
        .filter(|heading| is_stage(heading))
        .collect();
    if !stages.is_empty() {
        ask(
            "stages",
            stages.join("、"),
            format!(
                "“{}”等{}列写的是各阶段的目标,没有作为时限,是否拆成几项任务?",
                stages[0],
                stages.len()
            ),
            ["不拆,只看最后的时限", "按阶段拆成几行,写明时限后重新导入"],
        );
    }
}

pub(crate) fn line_of(row: &[Cell]) -> String {
    let texts: Vec<String> = (0..row.len())
        .filter(|c| is_own(row, *c))
        .map(|c| one_line(&once(&row[c].text)))
        .collect();
    texts.join(" | ")
}

fn one_row(table: &Table, r: usize, columns: &Columns, walk: &mut Walk, raw: &mut Raw) {
    let row = &table.rows[r];
    let place = table.row_place(r);
    let own: Vec<usize> = (0..row.len()).filter(|c| is_own(row, *c)).collect();
    let Some(first) = own.first().copied() else {
        raw.aside("blank", place, "");
        return;
    };
    let alone = one_line(&once(&row[first].text));
    // 2.… below 注:1.… is a note, too.
    let note_above = raw
        .asides
        .last()
        .is_some_and(|a| a.read == "note" && r > 0 && a.place == table.row_place(r - 1));
    let goes_on = own.len() == 1
        && note_above
        && numbered(&alone).is_some_and(|(rank, ..)| rank == Rank::Item);
    if own.len() <= 2 && is_note(&alone) || goes_on {
        raw.aside("note", place, line_of(row));
        return;
    }
    if own.len() == 1 && banner(table, r, first, columns, &alone, walk, raw) {
        return;
    }
    let text = &row[columns.text];
    let from_above = text.covered_by.is_some_and(|(up, _)| up < r);
    if (from_above || text.is_empty()) && !raw.rows.is_empty() {
        go_on(table, r, columns, walk, raw, from_above);
        return;
    }
    let row = task(table, r, columns, walk);
    remember(table, r, columns, walk);
    if let Some(row) = row {
        raw.rows.push(row);
    } else {
        raw.aside("note", place.clone(), line_of(&table.rows[r]));
        raw.questions.push(Question {
            row: None,
            place,
            field: "row",
            code: "no_text",
            found: line_of(&table.rows[r]),
            question: "这一行没有任务内容,没有作为任务,请确认".to_owned(),
            alternatives: vec!["不是任务".to_owned(), "补写任务内容后重新导入".to_owned()],
            taken: "不是任务".to_owned(),
        });
    }
}

/// A row with a single text: a heading over the rows below, or the rest of a text that a page break
/// has cut. False if it is a task like any other.
fn banner(
    table: &Table,
    r: usize,
    c: usize,
    columns: &Columns,
    text: &str,
    walk: &mut Walk,
    raw: &mut Raw,
) -> bool {
    let row = &table.rows[r];
    let place = table.row_place(r);
    let rank = numbered(text).map(|(rank, ..)| rank);
    let others_empty = (0..row.len())
        .all(|other| other == c || row[other].is_empty() || row[other].covered_by == Some((r, c)));
    let wide = row[c].across >= 2 && (row[c].across * 2 >= row.len() || others_empty);
    let is_heading = matches!(rank, Some(Rank::Section | Rank::Subsection));
    if c == columns.text && row[c].across == 1 {
        if !others_empty || rank == Some(Rank::Item) {
            return false;
        }
        if !(is_heading && text.chars().count() <= 40 && !text.ends_with('。')) {
            return cut(text, &place, rank, raw);
        }
    } else {
        let only_a_number = text.chars().all(|ch| ch.is_ascii_digit() || ch == '.');
        let long_item = wide && rank == Some(Rank::Item) && text.chars().count() > 40;
        if (!wide && !others_empty) || only_a_number || long_item {
            return false;
        }
    }
    let lower = match rank {
        Some(Rank::Section) => false,
        Some(Rank::Subsection) => true,
        // Without a number: the first kind of banner is the upper one.
        _ => false,
    };
    if lower {
        text.clone_into(&mut walk.banners[1]);
    } else {
        text.clone_into(&mut walk.banners[0]);
        walk.banners[1].clear();
    }
    walk.above.iter_mut().for_each(String::clear);
    raw.aside("banner", place, text);
    true
}

/// The rest of the text above, if that does not end as a sentence does.
fn cut(text: &str, place: &str, rank: Option<Rank>, raw: &mut Raw) -> bool {
    let Some(last) = raw.rows.last_mut() else {
        return false;
    };
    let whole = last.text.text.trim_end();
    if rank.is_some()
        || whole.ends_with(|c| matches!(half(c), '。' | ';' | '!' | '?' | '.' | '”' | ')'))
    {
        return false;
    }
    let joined = format!("{whole}{text}");
    let question = Question {
        row: None,
        place: place.to_owned(),
        field: "text",
        code: "continued_text",
        found: text.to_owned(),
        question: "这一行只有文字,上一行的句子没有结束,是否接上一行?".to_owned(),
        alternatives: vec!["接上一行".to_owned(), "是单独的任务".to_owned()],
        taken: "接上一行".to_owned(),
    };
    last.text.text = joined;
    last.rows += 1;
    raw.questions.push(question);
    raw.aside("joined", place, text);
    true
}

/// A row that belongs to the task above: its text is merged from there, or it has none.
fn go_on(table: &Table, r: usize, columns: &Columns, walk: &mut Walk, raw: &mut Raw, merged: bool) {
    let row = &table.rows[r];
    let place = table.row_place(r);
    let own_date = columns
        .all(Column::Deadline)
        .find(|c| is_own(row, *c))
        .map(|c| found(table, r, c, columns));
    let more: Vec<(Role, Found)> = unit_columns(columns)
        .into_iter()
        .filter(|(_, c)| is_own(row, *c))
        .map(|(role, c)| (role, found(table, r, c, columns)))
        .collect();
    let Some(last) = raw.rows.last_mut() else {
        return;
    };
    let other_date = own_date.as_ref().is_some_and(|date| {
        last.deadlines
            .iter()
            .all(|d| squeeze(&d.text) != squeeze(&date.text))
    });
    if other_date && !more.is_empty() {
        // Other units by another date: a task of its own with the same wording.
        let mut next = last.clone();
        next.place = place;
        next.units = more;
        next.deadlines = own_date.into_iter().collect();
        next.rows = 1;
        raw.rows.push(next);
        return;
    }
    if let Some(date) = own_date.filter(|_| other_date) {
        last.deadlines.push(date);
    }
    last.units.extend(more);
    for c in columns.all(Column::Other).filter(|c| is_own(row, *c)) {
        last.other.push(found(table, r, c, columns));
    }
    last.rows += 1;
    raw.aside("joined", place.clone(), line_of(row));
    if !merged {
        raw.questions.push(Question {
            row: None,
            place,
            field: "text",
            code: "empty_cell",
            found: line_of(row),
            question: "这一行没有任务内容,也没有合并,是否属于上一行的任务?".to_owned(),
            alternatives: vec![
                "属于上一行的任务".to_owned(),
                "另有任务内容,补写后重新导入".to_owned(),
            ],
            taken: "属于上一行的任务".to_owned(),
        });
    }
    remember(table, r, columns, walk);
}

fn unit_columns(columns: &Columns) -> Vec<(Role, usize)> {
    let mut all: Vec<(Role, usize)> = [
        (Column::Lead, Role::Lead),
        (Column::Units, Role::Responsible),
        (Column::Support, Role::Support),
    ]
    .into_iter()
    .flat_map(|(column, role)| {
        columns
            .all(column)
            .map(move |c| (role, c))
            .collect::<Vec<_>>()
    })
    .collect();
    all.sort_by_key(|(_, c)| *c);
    all
}

/// The cell of a column as a field.
fn found(table: &Table, r: usize, c: usize, columns: &Columns) -> Found {
    let cell = &table.rows[r][c];
    let origin = match cell.covered_by {
        _ if cell.is_empty() => Origin::Empty,
        Some((up, _)) if up < r => Origin::Merged,
        _ => Origin::Own,
    };
    Found {
        text: once(&cell.text),
        place: table.place(r, c),
        column: columns.of[c].1.clone(),
        origin,
        is_number: cell.is_number,
    }
}

/// Keeps the latest text of each column.
fn remember(table: &Table, r: usize, columns: &Columns, walk: &mut Walk) {
    for c in 0..columns.of.len().min(table.rows[r].len()) {
        let cell = &table.rows[r][c];
        if !cell.is_empty() {
            walk.above[c] = once(&cell.text);
        }
    }
}

fn task(table: &Table, r: usize, columns: &Columns, walk: &mut Walk) -> Option<RawRow> {
    let place = table.row_place(r);
    let text = found(table, r, columns.text, columns);
    if one_line(&text.text).is_empty() {
        return None;
    }
    // A format that cannot merge leaves the cells below empty; an export of ours does not.
    let may_go_on = !table.knows_merges && !columns.exported;
    let from_above = |mut field: Found, c: usize, walk: &Walk| {
        if field.origin == Origin::Empty && may_go_on && !walk.above[c].is_empty() {
            field.origin = Origin::Above;
            field.text.clone_from(&walk.above[c]);
        }
        field
    };
    let mut sections: Vec<Found> = walk
        .banners
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| Found {
            origin: Origin::Context,
            ..Found::own("标题", &place, text.clone())
        })
        .collect();
    let mut renewed = false;
    for c in columns.sections() {
        let mut field = found(table, r, c, columns);
        let may_go_on = !columns.exported && !renewed;
        if field.origin == Origin::Empty && may_go_on && !walk.above[c].is_empty() {
            field.origin = Origin::Above;
            field.text.clone_from(&walk.above[c]);
            match walk
                .supposed
                .iter_mut()
                .find(|(name, _)| *name == field.column)
            {
                Some((_, rows)) => *rows += 1,
                None => walk.supposed.push((field.column.clone(), 1)),
            }
        }
        renewed |= field.origin == Origin::Own;
        if !field.text.trim().is_empty() {
            sections.push(field);
        }
    }
    let fields = unit_columns(columns);
    let empty = fields.iter().all(|(_, c)| table.rows[r][*c].is_empty());
    let mut units = Vec::new();
    for (role, c) in fields {
        let mut field = found(table, r, c, columns);
        if empty {
            field = from_above(field, c, walk);
        }
        units.push((role, field));
    }
    let deadlines = columns
        .all(Column::Deadline)
        .map(|c| from_above(found(table, r, c, columns), c, walk))
        .collect();
    let number = columns
        .all(Column::Number)
        .next()
        .map(|c| found(table, r, c, columns));
    let other = columns
        .all(Column::Other)
        .map(|c| found(table, r, c, columns))
        .filter(|field| !field.text.trim().is_empty())
        .collect();
    let added = columns
        .all(Column::Added)
        .map(|c| found(table, r, c, columns))
        .filter(|field| !field.text.trim().is_empty())
        .collect();
    Some(RawRow {
        place,
        number,
        sections,
        text,
        units,
        deadlines,
        other,
        added,
        rows: 1,
    })
}
