//! The whole way from bytes to a reading.

use duban_model::Directory;

use crate::assemble::Assembler;
use crate::document::{self, Block, Document, Table};
use crate::export::caption;
use crate::export::words::lists_duties;
use crate::grid::{self, Walk};
use crate::layout::{by_content, header_at};
use crate::limit::MAX_TASKS;
use crate::raw::Raw;
use crate::reading::{Counts, Question, Reading};
use crate::refusal::Refusal;
use crate::resolve::Resolver;
use crate::text::{one_line, squeeze};
use crate::{body, form, list, title};

/// What the clerk says beside the document.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The ledger's year, if it is not to be taken from the document.
    pub year: Option<i32>,
    /// The text of the notice to which the ledger is attached: its dates are compared.
    pub notice: Option<String>,
}

/// Reads a ledger. `file` is the document's name, for messages and as a last source of the year.
///
/// Rows are in the document's order; so are questions, those about the whole document first.
///
/// # Errors
///
/// A [`Refusal`] if the document cannot be read at all or holds no task.
pub fn read_ledger(
    file: &str,
    bytes: &[u8],
    directory: &Directory,
    wishes: &Wishes,
) -> Result<Reading, Refusal> {
    let at_file = |mut refusal: Refusal| {
        refusal.place = format!("{file} {}", refusal.place);
        refusal
    };
    let document = document::open(bytes).map_err(at_file)?;
    let (raw, layout) = raw(&document);
    if raw.rows.is_empty() {
        return Err(at_file(nothing_found(&document)));
    }
    if raw.rows.len() > MAX_TASKS {
        return Err(at_file(Refusal::new(
            "全文",
            format!("{} 项任务", raw.rows.len()),
            format!("不超过 {MAX_TASKS} 项"),
            "分成几个文件导入",
        )));
    }
    Ok(understand(file, document, raw, layout, directory, wishes))
}

/// The paragraphs of a notice, to be compared with the ledger by [`read_ledger`].
///
/// # Errors
///
/// A [`Refusal`] if the document cannot be read.
pub fn read_notice(file: &str, bytes: &[u8]) -> Result<String, Refusal> {
    let document = document::open(bytes).map_err(|mut refusal| {
        refusal.place = format!("{file} {}", refusal.place);
        refusal
    })?;
    let mut lines: Vec<String> = document
        .paragraphs()
        .map(|(text, _)| one_line(text))
        .collect();
    // A plain text whose lines have commas looks like separated values.
    if lines.is_empty() {
        let (text, _) = crate::plain::decode(bytes)?;
        lines = text.lines().map(ToOwned::to_owned).collect();
    }
    Ok(lines.join("\n"))
}

fn nothing_found(document: &Document) -> Refusal {
    if document.tables().any(is_list_of_duties) {
        return Refusal::new(
            "全文",
            "督办导出的责任事项明细,没有台账",
            "台账:一行一项任务",
            "导入带有台账的文件:duban export --part tasks 或 both",
        );
    }
    let mut seen: Vec<String> = document
        .tables()
        .filter_map(|table| {
            table.rows.iter().find_map(|row| {
                let texts: Vec<String> = row
                    .iter()
                    .filter(|c| c.covered_by.is_none() && !c.is_empty())
                    .map(|c| one_line(&c.text).chars().take(12).collect())
                    .collect();
                (texts.len() > 1).then(|| texts.join("、"))
            })
        })
        .take(3)
        .collect();
    if seen.is_empty() {
        seen.push(format!(
            "{}张表、{}段文字",
            document.tables().count(),
            document.paragraphs().count()
        ));
    }
    let mut remedy = "让表格有一行表头,写明“任务内容”“责任单位”“完成时限”等;或者在每项任务后面用括号写明责任单位".to_owned();
    if !document.unread.is_empty() {
        remedy = format!("{remedy}。另外,{}", document.unread.join(";"));
    }
    Refusal::new(
        "全文",
        format!("没有认出任务;看到的是:{}", seen.join(";")),
        "任务的表格、逐项的表单,或者带责任单位的编号条目",
        remedy,
    )
}

fn no_header(table: &Table, found: String, question: &str, likely: &str) -> Question {
    Question {
        row: None,
        place: table.name.clone(),
        field: "document",
        code: "no_header",
        found,
        question: question.to_owned(),
        alternatives: vec![likely.to_owned(), "补上表头后重新导入".to_owned()],
        taken: likely.to_owned(),
    }
}

/// Sets every row of a table aside that holds no task, as far as can be told.
fn unread(table: &Table, raw: &mut Raw) {
    raw.rows_in += table.rows.len();
    for (r, row) in table.rows.iter().enumerate() {
        let texts: Vec<String> = row
            .iter()
            .filter(|c| c.covered_by.is_none() && !c.is_empty())
            .map(|c| one_line(&c.text))
            .collect();
        raw.aside("title", table.row_place(r), texts.join(" | "));
    }
    // A title or a signature is laid out as a table often enough.
    if table.rows.len() > 2 {
        raw.questions.push(no_header(
            table,
            format!("{}行,没有认出表头", table.rows.len()),
            "这张表没有作为任务读取,请确认",
            "不是任务",
        ));
    }
}

/// The rows at the beginning of a table in which the header of a list of duties is looked for.
const HEADER_ROWS: usize = 5;

/// True for the tables beside the ledger in which an export of ours lists duties and evidence.
fn is_list_of_duties(table: &Table) -> bool {
    let mut first = table.rows.iter().take(HEADER_ROWS);
    first.any(|row| lists_duties(row.iter().map(|cell| cell.text.as_str())))
}

/// Finds the tasks.
fn raw(document: &Document) -> (Raw, &'static str) {
    let mut raw = Raw::default();
    let mut walk = Walk::default();
    let mut layout = "table";
    let mut width = 0;
    for table in document.tables() {
        if is_list_of_duties(table) {
            raw.rows_in += table.rows.len();
            raw.added
                .push(format!("{}({}行)", table.name, table.rows.len()));
            for r in 0..table.rows.len() {
                raw.aside("added", table.row_place(r), grid::line_of(&table.rows[r]));
            }
            continue;
        }
        let has_header = (0..table.rows.len()).any(|r| header_at(table, r).is_some());
        if has_header {
            walk.columns = None;
        } else if form::read(table, &mut raw) {
            layout = "form";
            continue;
        } else if walk.columns.is_none() || width != table.width() {
            // Otherwise it is the next page of the table before, which has no header of its own.
            let Some(columns) = by_content(table) else {
                unread(table, &mut raw);
                continue;
            };
            walk.begin(columns);
            raw.questions.push(no_header(
                table,
                "没有认出表头".to_owned(),
                "暂按内容判断各列是任务、责任单位还是时限,请核对",
                "判断正确",
            ));
        }
        grid::read(table, 0, &mut walk, &mut raw);
        width = table.width();
    }
    if raw.rows.is_empty() {
        let mut listed = Raw::default();
        list::read(document.paragraphs(), &mut listed);
        if !listed.rows.is_empty() {
            listed.rows_in += raw.rows_in;
            listed.added = raw.added;
            listed.asides.splice(0..0, raw.asides);
            listed.questions.splice(0..0, raw.questions);
            return (listed, "list");
        }
        return (Raw::default(), layout);
    }
    tasks_beside(document, &mut raw);
    for (text, number) in document.paragraphs() {
        raw.rows_in += 1;
        raw.aside("title", format!("第{number}段"), one_line(text));
    }
    (raw, layout)
}

/// Asks where the text beside the tables assigns work, too: it may say the same as the tables, or
/// more.
fn tasks_beside(document: &Document, raw: &mut Raw) {
    let mut listed = Raw::default();
    list::read(document.paragraphs(), &mut listed);
    let assigned: Vec<_> = listed
        .rows
        .iter()
        .filter(|row| !row.units.is_empty())
        .collect();
    let Some(first) = assigned.first() else {
        return;
    };
    let shown: String = one_line(&first.text.text).chars().take(30).collect();
    raw.questions.push(Question {
        row: None,
        place: first.place.clone(),
        field: "document",
        code: "tasks_beside_table",
        found: shown,
        question: format!(
            "表格以外有{}段文字也写明了责任单位,没有作为任务,表格中是否都有?",
            assigned.len()
        ),
        alternatives: vec![
            "表格中都有".to_owned(),
            "不全,补入表格后重新导入".to_owned(),
        ],
        taken: "表格中都有".to_owned(),
    });
}

fn understand(
    file: &str,
    document: Document,
    raw: Raw,
    layout: &'static str,
    directory: &Directory,
    wishes: &Wishes,
) -> Reading {
    let titles: Vec<&str> = raw
        .asides
        .iter()
        .filter(|a| matches!(a.read, "title" | "note"))
        .map(|a| a.found.as_str())
        .collect();
    let sheets: Vec<String> = document
        .blocks
        .iter()
        .filter_map(|b| match b {
            Block::Table(table) if table.letters => Some(table.name.clone()),
            _ => None,
        })
        .collect();
    let phrases = raw
        .rows
        .iter()
        .flat_map(|r| &r.deadlines)
        .map(|d| d.text.clone());
    let said = titles
        .iter()
        .enumerate()
        .find_map(|(at, text)| Some((at, caption::read(text)?)));
    let above = said
        .as_ref()
        .and_then(|(at, _)| at.checked_sub(1))
        .map(|at| titles[at].to_owned());
    let mut heading = title::read(file, titles.into_iter(), &sheets, phrases);
    let mut part = None;
    if let Some((_, said)) = said {
        part = said.only;
        heading.title = above.or(heading.title);
        heading.ledger = said.ledger;
        heading.year = said.year.or(heading.year);
        heading.issuer = said.issuer;
        heading.number = said.number;
        heading.issued = said.issued;
    }
    heading.year = wishes.year.or(heading.year);
    let resolver = Resolver::new(directory);
    let mut assembler = Assembler::new(&resolver, heading.year);
    let mut rows: Vec<_> = raw
        .rows
        .iter()
        .enumerate()
        .map(|(at, row)| assembler.row(row, at + 1))
        .collect();
    let mut questions = raw.questions;
    let whole = |field, code, found: String, question: &str, alternatives: &[&str]| Question {
        row: None,
        place: "全文".to_owned(),
        field,
        code,
        found,
        question: question.to_owned(),
        alternatives: alternatives.iter().map(|a| (*a).to_owned()).collect(),
        taken: alternatives
            .first()
            .map(|a| (*a).to_owned())
            .unwrap_or_default(),
    };
    if let Some(part) = part {
        let question = "这是督办导出的一部分,不是整份台账,是否就导入这一部分?";
        questions.push(whole(
            "document",
            "part_of_ledger",
            format!("只列{part}"),
            question,
            &["只导入这一部分", "导出整份台账后重新导入"],
        ));
    }
    if heading.year.is_none() {
        let question = "没有写明是哪一年的台账,没有年份的日期读不出来";
        questions.push(whole(
            "document",
            "no_year",
            String::new(),
            question,
            &["用 --year 给出年份"],
        ));
    }
    let duplicates = assembler.duplicates();
    if duplicates > 0 {
        let found = format!("{duplicates}项任务的序号与前面的相同");
        let question = "序号重复,后面的加“-2”“-3”区别,是否改编?";
        questions.push(whole(
            "number",
            "duplicate_number",
            found,
            question,
            &["加“-2”区别", "重新编号后再导入"],
        ));
    }
    if raw.rows.iter().all(|r| r.deadlines.is_empty()) {
        let question = "没有完成时限的列,全部任务暂无时限";
        questions.push(whole(
            "deadline",
            "no_column",
            String::new(),
            question,
            &["等待主管部门给出日期", "补上时限后重新导入"],
        ));
    }
    // A directory of another place would answer with the wrong units.
    let home = resolver.home();
    if let Some(title) = &heading.title
        && !home.is_empty()
        && !squeeze(title).contains(home)
        && let Some(place) = other_place(title)
    {
        let found = format!("文件是{place}的,名录是{home}的");
        let question = "名录是否用错?";
        questions.push(whole(
            "units",
            "other_place",
            found,
            question,
            &["就用这份名录", "用 --directory 给出另一份名录"],
        ));
    }
    let mut asked = assembler.questions;
    let paragraphs: Vec<&str> = match layout {
        "list" => Vec::new(),
        _ => document.paragraphs().map(|(text, _)| text).collect(),
    };
    let notice = wishes.notice.as_deref().unwrap_or_default();
    let body = paragraphs.into_iter().chain(notice.lines());
    body::compare(body, heading.year, &mut rows, &mut asked);
    let order: std::collections::BTreeMap<&str, usize> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (row.number.as_str(), at))
        .collect();
    asked.sort_by_key(|q| q.row.as_deref().and_then(|row| order.get(row)).copied());
    questions.extend(asked);
    let counts = Counts {
        rows_in: raw.rows_in,
        tasks: rows.len(),
        extra_tasks: extra(&raw.rows),
        asides: raw.asides.len(),
        questions: questions.len(),
        units: rows.iter().map(|r| r.units.len()).sum(),
        unresolved: rows.iter().map(|r| r.unresolved.len()).sum(),
    };
    Reading {
        file: file.to_owned(),
        format: document.format.as_str(),
        encoding: document.encoding,
        layout,
        heading,
        rows,
        questions,
        counts,
        asides: raw.asides,
        added: raw.added,
        unread: document.unread,
    }
}

/// Tasks that stand in the same paragraph as the task before.
fn extra(rows: &[crate::raw::RawRow]) -> usize {
    rows.windows(2)
        .filter(|pair| pair[0].place == pair[1].place)
        .count()
}

/// 赤峰市 at the beginning of a title.
fn other_place(title: &str) -> Option<String> {
    let plain = squeeze(title);
    let at = plain
        .char_indices()
        .take(6)
        .skip(1)
        .find(|(_, c)| matches!(c, '市' | '州' | '盟' | '县' | '旗' | '省'))?;
    Some(plain[..at.0 + at.1.len_utf8()].to_owned())
}
