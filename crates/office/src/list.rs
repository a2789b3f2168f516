//! Tasks of a numbered list: units and dates in brackets behind each item, or on lines below it.

use duban_model::definition::Role;

use crate::deadline::{self, Kind};
use crate::heading::{Column, column, is_note};
use crate::layout::looks_like_units;
use crate::raw::{Found, Raw, RawRow};
use crate::reading::{Confidence, Question};
use crate::text::{Rank, closes, half, levelled, numbered, one_line, opens, parts, squeeze};

/// The longest heading, in characters; what is longer is a task or prose.
const MAX_HEADING_CHARS: usize = 45;

#[derive(Default)]
struct Walk {
    section: String,
    subsection: String,
    /// A numbered item that still waits for its units: its text, rank, number and place.
    waiting: Option<RawRow>,
    /// True if the waiting item is a task even if nothing follows.
    binding: bool,
}

/// Reads the paragraphs of a document without tables of tasks.
pub(crate) fn read<'a>(paragraphs: impl Iterator<Item = (&'a str, usize)>, raw: &mut Raw) {
    let mut walk = Walk::default();
    for (text, number) in paragraphs {
        raw.rows_in += 1;
        let text = one_line(text);
        let place = format!("第{number}段");
        paragraph(&text, &place, &mut walk, raw);
    }
    settle(&mut walk, raw);
}

/// The waiting item becomes a task, or is set aside.
fn settle(walk: &mut Walk, raw: &mut Raw) {
    let Some(row) = walk.waiting.take() else {
        return;
    };
    let known = !row.units.is_empty() || !row.deadlines.is_empty();
    if known || walk.binding {
        raw.rows.push(row);
        return;
    }
    raw.questions.push(Question {
        row: None,
        place: row.place.clone(),
        field: "row",
        code: "no_units",
        found: row.text.text.clone(),
        question: "这一段没有责任单位和时限,没有作为任务,请确认".to_owned(),
        alternatives: vec![
            "不是任务".to_owned(),
            "是任务,补写责任单位后重新导入".to_owned(),
        ],
        taken: "不是任务".to_owned(),
    });
    raw.aside("note", row.place, row.text.text);
}

fn paragraph(text: &str, place: &str, walk: &mut Walk, raw: &mut Raw) {
    // 责任单位:… on a line of its own belongs to the item above.
    let labels = labelled(text);
    if !labels.is_empty() && starts_with_label(text) {
        if walk.waiting.is_none() {
            walk.waiting = raw.rows.pop();
            walk.binding = true;
        }
        if let Some(row) = walk.waiting.as_mut() {
            row.rows += 1;
            take(labels, place, row);
            raw.aside("joined", place, text);
            return;
        }
    }
    // 整改措施:… on a line of its own, with 责任单位:… below it.
    if let Some(words) = labelled_wording(text) {
        settle(walk, raw);
        walk.waiting = Some(item(&words, place, walk, true));
        walk.binding = false;
        return;
    }
    let (pieces, rest) = assigned(text);
    if pieces.is_empty() {
        settle(walk, raw);
        heading_or_item(text, place, walk, raw);
        return;
    }
    settle(walk, raw);
    for (turn, (words, inside)) in pieces.into_iter().enumerate() {
        let mut row = item(&words, place, walk, turn == 0);
        take(labelled(&inside), place, &mut row);
        if row.units.is_empty() && row.deadlines.is_empty() {
            loose(&inside, place, &mut row);
        }
        raw.rows.push(row);
    }
    if !rest.is_empty()
        && let Some(row) = raw.rows.last_mut()
    {
        row.text.text.push_str(&rest);
    }
}

/// The wording behind 整改措施: and the like, unless the same paragraph says who does it.
fn labelled_wording(text: &str) -> Option<String> {
    let at = text.find(|c| half(c) == ':')?;
    let (label, words) = text.split_at(at);
    let words = words.trim_start_matches(|c| half(c) == ':').trim();
    let is_wording = matches!(column(label), Some(Column::Text | Column::Name));
    let assigns = !labelled(words).is_empty() || !assigned(words).0.is_empty();
    (is_wording && !words.is_empty() && !assigns).then(|| words.to_owned())
}

/// A new task from the words before its brackets.
fn item(words: &str, place: &str, walk: &mut Walk, first: bool) -> RawRow {
    let mut number = None;
    let mut text = words.trim().to_owned();
    if let Some((levels, after)) = levelled(&text) {
        number = Some(Found::own("序号", place, levels));
        text = after;
    } else if let Some((rank, value, after)) = numbered(&text) {
        match rank {
            Rank::Item => {
                number = Some(Found::own("序号", place, value.to_string()));
                text = after;
            }
            Rank::Section | Rank::Subsection if first => {
                // (一)加强管理。做好…: the first sentence is a heading if more follows.
                let end = text.find('。').map(|at| at + '。'.len_utf8());
                let heading = end
                    .filter(|at| *at < text.len())
                    .map(|at| text[..at].to_owned());
                match heading.filter(|h| h.chars().count() <= MAX_HEADING_CHARS) {
                    Some(heading) => {
                        let after = text.split_off(heading.len());
                        after.trim().clone_into(&mut text);
                        heading
                            .trim_end_matches('。')
                            .clone_into(&mut walk.subsection);
                    }
                    None => text = after,
                }
            }
            _ => {}
        }
    }
    let sections = [&walk.section, &walk.subsection]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| Found {
            origin: crate::raw::Origin::Context,
            ..Found::own("标题", place, text.clone())
        })
        .collect();
    RawRow {
        place: place.to_owned(),
        number,
        sections,
        text: Found::own("任务", place, text),
        units: Vec::new(),
        deadlines: Vec::new(),
        other: Vec::new(),
        added: Vec::new(),
        rows: 1,
    }
}

fn heading_or_item(text: &str, place: &str, walk: &mut Walk, raw: &mut Raw) {
    let length = text.chars().count();
    let short = length <= MAX_HEADING_CHARS && !text.trim_end_matches('。').contains('。');
    let rank = if levelled(text).is_some() {
        Some(Rank::Item)
    } else {
        numbered(text).map(|(rank, ..)| rank)
    };
    match rank {
        Some(Rank::Section) if short => {
            text.trim_end_matches('。').clone_into(&mut walk.section);
            walk.subsection.clear();
            raw.aside("banner", place, text);
        }
        Some(Rank::Subsection) if short => {
            text.trim_end_matches('。').clone_into(&mut walk.subsection);
            raw.aside("banner", place, text);
        }
        Some(rank) => {
            walk.waiting = Some(item(text, place, walk, true));
            walk.binding = rank == Rank::Item;
        }
        None if raw.rows.is_empty() && walk.section.is_empty() => raw.aside("title", place, text),
        None if is_note(text) || length < 20 => raw.aside("note", place, text),
        None => {
            // Prose; a task only if units follow.
            walk.waiting = Some(item(text, place, walk, true));
            walk.binding = false;
        }
    }
}

/// The words before each bracket that assigns, what it holds, and the words after the last one.
fn assigned(text: &str) -> (Vec<(String, String)>, String) {
    let chars: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut words = String::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        if opens(c) && matches!(half(c), '(' | '[') {
            let mut depth = 0_usize;
            let end = (at..chars.len()).find(|i| {
                if opens(chars[*i]) {
                    depth += 1;
                } else if closes(chars[*i]) {
                    depth -= 1;
                }
                depth == 0
            });
            if let Some(end) = end {
                let inside: String = chars[at + 1..end].iter().collect();
                if assigns(&inside) && words.chars().count() >= 4 {
                    pieces.push((std::mem::take(&mut words), inside));
                    at = end + 1;
                    while chars
                        .get(at)
                        .is_some_and(|c| matches!(half(*c), '。' | ';' | '.' | ' '))
                    {
                        at += 1;
                    }
                    continue;
                }
            }
        }
        words.push(c);
        at += 1;
    }
    (pieces, words.trim().to_owned())
}

/// True if the inside of a bracket says who does it.
fn assigns(inside: &str) -> bool {
    let plain = squeeze(inside);
    let words = [
        "牵头",
        "责任单位",
        "责任部门",
        "配合",
        "负责",
        "完成时限",
        "承办",
        "落实单位",
        "完成时间",
    ];
    plain.chars().count() >= 3 && (words.iter().any(|w| plain.contains(w)) || who_and_when(&plain))
}

/// 市教育局、市财政局,2021年9月底前
fn who_and_when(plain: &str) -> bool {
    let pieces = parts(plain, |c| matches!(c, ',' | ';'));
    let units = pieces.iter().filter(|p| looks_like_units(p)).count();
    units > 0 && pieces.iter().all(|p| looks_like_units(p) || is_date(p))
}

fn is_date(text: &str) -> bool {
    let read = deadline::read(text, Some(2000));
    !matches!(read.kind, Kind::None | Kind::Missing)
        && read.confidence != Confidence::Uncertain
        && !looks_like_units(text)
}

fn starts_with_label(text: &str) -> bool {
    let inside = text.trim_start_matches(|c| matches!(half(c), '(' | '['));
    labels_at(&inside.chars().collect::<Vec<_>>())
        .first()
        .is_some_and(|(at, ..)| *at == 0)
}

/// Places of 责任单位: and the like: where the word begins, where its text begins, the column.
fn labels_at(chars: &[char]) -> Vec<(usize, usize, Column)> {
    let mut found = Vec::new();
    for (colon, _) in chars.iter().enumerate().filter(|(_, c)| half(**c) == ':') {
        // The longest heading that ends at the colon.
        let begin = (colon.saturating_sub(8)..colon).find(|begin| {
            let word: String = chars[*begin..colon].iter().collect();
            let wanted = [
                Column::Units,
                Column::Lead,
                Column::Support,
                Column::Deadline,
            ];
            !word.contains(|c| matches!(half(c), ' ' | ',' | ';' | '。' | '、' | '(' | '['))
                && column(&word).is_some_and(|c| wanted.contains(&c))
        });
        if let Some(begin) = begin
            && let Some(column) = column(&chars[begin..colon].iter().collect::<String>())
        {
            found.push((begin, colon + 1, column));
        }
    }
    found
}

/// The labelled parts of a text.
fn labelled(text: &str) -> Vec<(Column, String)> {
    let chars: Vec<char> = text
        .trim_matches(|c| matches!(half(c), '(' | ')' | '[' | ']' | '。'))
        .chars()
        .collect();
    let labels = labels_at(&chars);
    let mut out = Vec::new();
    for (turn, (_, begin, column)) in labels.iter().enumerate() {
        let end = labels.get(turn + 1).map_or(chars.len(), |(next, ..)| *next);
        let part: String = chars[*begin..end.max(*begin)].iter().collect();
        let part = part
            .trim()
            .trim_end_matches(|c| matches!(half(c), ',' | ';' | '。' | '、' | ' '));
        if !part.is_empty() {
            out.push((*column, part.to_owned()));
        }
    }
    out
}

fn take(labels: Vec<(Column, String)>, place: &str, row: &mut RawRow) {
    for (column, text) in labels {
        let (role, name) = match column {
            Column::Lead => (Role::Lead, "牵头单位"),
            Column::Support => (Role::Support, "配合单位"),
            Column::Deadline => {
                row.deadlines.push(Found::own("完成时限", place, text));
                continue;
            }
            _ => (Role::Responsible, "责任单位"),
        };
        row.units.push((role, Found::own(name, place, text)));
    }
}

/// A bracket without labels: what reads as a date is the deadline, the rest are units.
fn loose(inside: &str, place: &str, row: &mut RawRow) {
    let mut units: Vec<String> = Vec::new();
    for piece in parts(inside, |c| matches!(half(c), ',' | ';' | '。')) {
        if is_date(&piece) {
            row.deadlines.push(Found::own("完成时限", place, piece));
        } else {
            units.push(piece);
        }
    }
    if !units.is_empty() {
        let text = units.join(";");
        row.units
            .push((Role::Responsible, Found::own("责任单位", place, text)));
    }
}
