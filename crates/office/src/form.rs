//! Tasks of a vertical form: a heading beside each field, one task a table or one after another.

use duban_model::definition::Role;

use crate::document::Table;
use crate::heading::{Column, known as column};
use crate::raw::{Found, Raw, RawRow};
use crate::text::{half, once, one_line};

/// Reads a form, if the table is one; nothing is changed if it is not.
pub(crate) fn read(table: &Table, raw: &mut Raw) -> bool {
    let fields = fields(table);
    let has = |wanted: &[Column]| fields.iter().any(|f| wanted.contains(&f.column));
    let work = has(&[Column::Text, Column::Name]);
    let duty = has(&[Column::Units, Column::Lead, Column::Deadline]);
    if fields.len() < 3 || !work || !duty {
        return false;
    }
    // A form has a heading at least in every other line.
    let mut lines: Vec<usize> = fields.iter().map(|f| f.row).collect();
    lines.dedup();
    if lines.len() * 2 < table.rows.len().saturating_sub(1) || lines.len() < 2 {
        return false;
    }
    let both = has(&[Column::Text]);
    let mut tasks: Vec<(usize, Vec<&Field>)> = Vec::new();
    for field in &fields {
        let again = tasks.last().is_some_and(|(_, task)| {
            let begins = matches!(field.column, Column::Number | Column::Text | Column::Name);
            begins && task.iter().any(|f| f.heading == field.heading)
        });
        if tasks.is_empty() || again {
            tasks.push((field.row, Vec::new()));
        }
        if let Some((_, task)) = tasks.last_mut() {
            task.push(field);
        }
    }
    let mut used = 0;
    for (row, task) in tasks {
        let of = |wanted: Column| task.iter().filter(move |f| f.column == wanted);
        let as_found =
            |f: &&Field| Found::own(&f.heading, &table.place(f.row, f.value), f.text.clone());
        let text = if both {
            of(Column::Text).map(as_found).next()
        } else {
            of(Column::Name).map(as_found).next_back()
        };
        let Some(text) = text.filter(|t| !t.text.trim().is_empty()) else {
            continue;
        };
        let place = table.row_place(row);
        let mut sections: Vec<Found> = of(Column::Section).map(as_found).collect();
        if both {
            sections.extend(of(Column::Name).map(as_found));
        }
        let mut units: Vec<(Role, Found)> = Vec::new();
        for f in &task {
            let role = match f.column {
                Column::Lead => Role::Lead,
                Column::Support => Role::Support,
                Column::Units => Role::Responsible,
                _ => continue,
            };
            units.push((role, as_found(f)));
        }
        let deadlines: Vec<Found> = of(Column::Deadline).map(as_found).collect();
        raw.rows.push(RawRow {
            place: place.clone(),
            number: of(Column::Number).map(as_found).next(),
            sections,
            text,
            units,
            deadlines,
            other: of(Column::Other)
                .map(as_found)
                .filter(|f| !f.text.trim().is_empty())
                .collect(),
            added: Vec::new(),
            rows: 1,
        });
        used += 1;
    }
    // The lines of a form are no rows: all but one a task are set aside.
    raw.rows_in += table.rows.len();
    for r in used.min(table.rows.len())..table.rows.len() {
        let shown: Vec<String> = table.rows[r]
            .iter()
            .filter(|c| c.covered_by.is_none() && !c.is_empty())
            .map(|c| one_line(&once(&c.text)))
            .collect();
        raw.aside("form_line", table.row_place(r), shown.join(" | "));
    }
    true
}

struct Field {
    row: usize,
    value: usize,
    column: Column,
    heading: String,
    text: String,
}

/// Headings with the text beside them. What goes on below the same heading is joined.
fn fields(table: &Table) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for (r, row) in table.rows.iter().enumerate() {
        let mut c = 0;
        while c < row.len() {
            let cell = &row[c];
            // A heading merged down heads the values beside it, too.
            let anchor = cell.covered_by.unwrap_or((r, c));
            let heading = one_line(&once(&cell.text))
                .trim_end_matches(|c| half(c) == ':')
                .to_owned();
            let Some(column) = column(&heading).filter(|_| anchor.1 == c) else {
                c += 1;
                continue;
            };
            let value = c + cell.across.max(1);
            let Some(beside) = row.get(value) else {
                break;
            };
            let text = once(&beside.text);
            let label_follows =
                beside.covered_by.is_none() && crate::heading::known(&text).is_some();
            if label_follows {
                c = value;
                continue;
            }
            if anchor.0 < r {
                let same = fields
                    .iter_mut()
                    .rev()
                    .find(|f| f.row == anchor.0 && f.heading == heading);
                if let Some(field) =
                    same.filter(|_| beside.covered_by.is_none_or(|(up, _)| up == r))
                {
                    field.text.push('\n');
                    field.text.push_str(&text);
                }
            } else {
                fields.push(Field {
                    row: r,
                    value,
                    column,
                    heading,
                    text,
                });
            }
            c = value + beside.across.max(1);
        }
    }
    fields
}
