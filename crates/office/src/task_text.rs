//! Adds and changes tasks in the text of `tasks.yaml`, line by line: what is not touched stays as it
//! is written, remarks too.
//!
//! A text laid out otherwise than line by line (`tasks: [...]`) is not touched at all. What a change
//! comes to is not known here: who changes a text compiles it again and compares.

use std::fmt::Write as _;
use std::ops::Range;

use duban_model::definition::Role;

use crate::yaml::{block, quoted, text};

/// Who owes a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOwner {
    /// A group's name, and no unit's id.
    pub is_group: bool,
    /// The unit's id or the group's name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// A ladder in the place of the task's.
    pub ladder: Option<String>,
}

/// When a task opens, and by when it is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewDue {
    /// At once, due at the end of a day: `2026-12-31`.
    Day(String),
    /// Each period, due at its end: how long one is, and when it opens (five fields).
    Period {
        /// `month`, `quarter`, `half_year` or `year`.
        every: String,
        /// When each opens.
        cron: String,
    },
}

impl NewDue {
    /// The fields that say it, in their order; one without a value is not there.
    fn fields(&self) -> [(&'static str, Option<String>); 3] {
        match self {
            NewDue::Day(day) => [
                ("opens", Some("activation".to_owned())),
                ("period", None),
                ("due", Some(day.clone())),
            ],
            // What is added in the middle of a period is owed in it.
            NewDue::Period { every, cron } => [
                ("opens", Some("each_period".to_owned())),
                (
                    "period",
                    Some(format!(
                        "{{ every: {every}, cron: {}, first: running }}",
                        quoted(cron)
                    )),
                ),
                ("due", Some("period_end".to_owned())),
            ],
        }
    }
}

/// A task to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTask {
    /// Its number.
    pub id: String,
    /// A line of remark above it: by whom, when, why.
    pub remark: String,
    /// 台账外
    pub outside: bool,
    /// Upper heading.
    pub section: String,
    /// Lower heading.
    pub subsection: String,
    /// Short title.
    pub title: String,
    /// The wording.
    pub text: String,
    /// The units in words.
    pub units_phrase: String,
    /// The deadline in words.
    pub deadline_phrase: String,
    /// It binds; otherwise it is encouraged.
    pub required: bool,
    /// Its notices leave at once.
    pub urgent: bool,
    /// When it is due.
    pub due: NewDue,
    /// Its ladder.
    pub ladder: String,
    /// Who owes it.
    pub owners: Vec<NewOwner>,
}

/// What is changed of a task; what is not named stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Texts by their fields: `title`, `section`, `subsection`, `text`, `units_phrase`,
    /// `deadline_phrase`. An empty `deadline_phrase` is taken out.
    pub texts: Vec<(&'static str, String)>,
    /// Words by their fields: `strength`, `ladder`; `urgent` is taken out where it is empty.
    pub words: Vec<(&'static str, String)>,
    /// Another deadline.
    pub due: Option<NewDue>,
    /// What becomes of each owner as written, in order: nothing takes it out.
    pub kept: Option<Vec<Option<Role>>>,
    /// Further owners.
    pub owners: Vec<NewOwner>,
}

/// A plain value on one line: text as administrators write it.
fn plain(value: &str) -> String {
    if value.is_empty() {
        return "\"\"".to_owned();
    }
    text(value)
}

fn owner(owner: &NewOwner) -> String {
    let name = if owner.is_group {
        format!("group: {}", quoted(&owner.name))
    } else {
        format!("unit: {}", owner.name)
    };
    let ladder = owner.ladder.as_ref();
    let ladder = ladder.map_or_else(String::new, |ladder| format!(", ladder: {}", plain(ladder)));
    format!("- {{ {name}, role: {}{ladder} }}", owner.role.as_str())
}

/// A task as an entry, dashes so deep.
fn entry(task: &NewTask, depth: usize) -> String {
    let (dash, margin) = (" ".repeat(depth), " ".repeat(depth + 2));
    let mut out = String::new();
    for line in task.remark.lines() {
        let _ = writeln!(out, "{dash}# {line}");
    }
    let _ = writeln!(out, "{dash}- id: {}", quoted(&task.id));
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(out, "{margin}{name}: {value}");
    };
    if task.outside {
        field("outside", "true");
    }
    field("section", &plain(&task.section));
    field("subsection", &plain(&task.subsection));
    field("title", &plain(&task.title));
    field("text", &block(&task.text, depth + 4));
    field("units_phrase", &plain(&task.units_phrase));
    if !task.deadline_phrase.is_empty() {
        field("deadline_phrase", &plain(&task.deadline_phrase));
    }
    let strength = if task.required {
        "required"
    } else {
        "encouraged"
    };
    field("strength", strength);
    for (name, value) in task.due.fields() {
        if let Some(value) = value {
            field(name, &value);
        }
    }
    if task.urgent {
        field("urgent", "true");
    }
    field("ladder", &plain(&task.ladder));
    let _ = writeln!(out, "{margin}owners:");
    for one in &task.owners {
        let _ = writeln!(out, "{margin}  {}", owner(one));
    }
    let _ = writeln!(out, "{margin}fulfilled_by: {{ submission: verified }}");
    out
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Neither empty nor a remark.
fn says(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#')
}

fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    line == "-" || line.starts_with("- ")
}

/// Where the entries of `tasks` stand, and how deep their dashes are.
struct Layout {
    depth: usize,
    entries: Vec<Range<usize>>,
}

/// Lines to `end` without the remarks and empty lines that go with what follows them.
fn trimmed(lines: &[String], range: Range<usize>, depth: usize) -> Range<usize> {
    let mut end = range.end;
    while end > range.start + 1 {
        let line = &lines[end - 1];
        let goes_on = line.trim().is_empty() || (!says(line) && indent(line) <= depth);
        if !goes_on {
            break;
        }
        end -= 1;
    }
    range.start..end
}

fn layout(lines: &[String]) -> Option<Layout> {
    let head = lines.iter().position(|line| {
        let rest = line.strip_prefix("tasks:").map(str::trim);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
    })?;
    let first = (head + 1..lines.len()).find(|at| says(&lines[*at]))?;
    if !is_item(&lines[first]) {
        return None;
    }
    let depth = indent(&lines[first]);
    let mut entries: Vec<Range<usize>> = Vec::new();
    let mut end = lines.len();
    for (at, line) in lines.iter().enumerate().skip(first) {
        if !says(line) || indent(line) > depth {
            continue;
        }
        if indent(line) < depth || !is_item(line) {
            end = at;
            break;
        }
        if let Some(last) = entries.last_mut() {
            last.end = at;
        }
        entries.push(at..at);
    }
    if let Some(last) = entries.last_mut() {
        last.end = end;
    }
    let entries = entries
        .into_iter()
        .map(|range| trimmed(lines, range, depth))
        .collect();
    Some(Layout { depth, entries })
}

fn lines_of(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n")
        .split('\n')
        .map(ToOwned::to_owned)
        .collect()
}

/// The text with a task more, after the last one. Nothing if the text is laid out otherwise.
pub fn add(tasks: &str, task: &NewTask) -> Option<String> {
    let mut lines = lines_of(tasks);
    let layout = layout(&lines)?;
    let at = layout.entries.last()?.end;
    let mut new = vec![String::new()];
    new.extend(
        entry(task, layout.depth)
            .trim_end_matches('\n')
            .split('\n')
            .map(ToOwned::to_owned),
    );
    if at == lines.len() {
        new.push(String::new());
    }
    lines.splice(at..at, new);
    Some(lines.join("\n"))
}

/// One task of a text, whose fields stand so deep.
struct Entry {
    lines: Vec<String>,
    depth: usize,
}

impl Entry {
    /// How a line goes on from where fields begin, if one can begin there.
    fn begins(&self, at: usize) -> Option<&str> {
        let line = &self.lines[at];
        if at == 0 {
            return line.get(self.depth..);
        }
        let is_field = says(line) && indent(line) == self.depth && !is_item(line);
        is_field.then(|| &line[self.depth..])
    }

    /// The lines of a field.
    fn field(&self, name: &str) -> Option<Range<usize>> {
        let is = |at: &usize| {
            let rest = self.begins(*at).and_then(|line| line.strip_prefix(name));
            rest.is_some_and(|rest| rest == ":" || rest.starts_with(": "))
        };
        let first = (0..self.lines.len()).find(is)?;
        let next = (first + 1..self.lines.len()).find(|at| self.begins(*at).is_some());
        let range = first..next.unwrap_or(self.lines.len());
        Some(trimmed(&self.lines, range, self.depth))
    }

    /// What a field's first line says.
    fn value(&self, name: &str) -> Option<&str> {
        let at = self.field(name)?.start;
        let line = self.begins(at)?;
        line.split_once(':').map(|(_, value)| value.trim_start())
    }

    /// The number of the task.
    fn id(&self) -> Option<String> {
        let value = self.value("id")?;
        let value = value.strip_suffix(remark_of(value)).unwrap_or(value);
        Some(value.trim().trim_matches(['"', '\'']).to_owned())
    }

    /// Gives a field this value, with the remark beside it kept; a new one comes after others.
    fn set(&mut self, name: &str, value: &str, after: &[&str]) {
        let remark = self.value(name).map_or("", remark_of).to_owned();
        let margin = " ".repeat(self.depth);
        let mut new: Vec<String> = format!("{margin}{name}: {value}")
            .split('\n')
            .map(ToOwned::to_owned)
            .collect();
        if !remark.is_empty() && new.len() == 1 {
            new[0] += &remark;
        }
        match self.field(name) {
            Some(range) => {
                // The dash of the entry stands in its first line.
                new[0].replace_range(..self.depth, &self.lines[range.start][..self.depth]);
                self.lines.splice(range, new);
            }
            None => {
                let place = after.iter().rev().find_map(|field| self.field(field));
                let at = place.map_or(self.lines.len(), |range| range.end);
                self.lines.splice(at..at, new);
            }
        }
    }

    /// Takes a field out; the first line of an entry stays.
    fn remove(&mut self, name: &str) {
        if let Some(range) = self.field(name).filter(|range| range.start > 0) {
            self.lines.drain(range);
        }
    }

    /// The lines of each owner, if they stand line by line.
    fn owners(&self) -> Option<Vec<Range<usize>>> {
        let range = self.field("owners")?;
        let rest = self.value("owners")?;
        if !rest.is_empty() && !rest.starts_with('#') {
            return None;
        }
        let mut inner = range.start + 1..range.end;
        let first = inner.find(|at| says(&self.lines[*at]))?;
        let depth = indent(&self.lines[first]);
        let mut items: Vec<Range<usize>> = Vec::new();
        for at in first..range.end {
            let line = &self.lines[at];
            if !says(line) || indent(line) > depth {
                continue;
            }
            if !is_item(line) || indent(line) < depth {
                return None;
            }
            if let Some(last) = items.last_mut() {
                last.end = at;
            }
            items.push(at..range.end);
        }
        let items = items.into_iter();
        Some(items.map(|i| trimmed(&self.lines, i, depth)).collect())
    }

    /// Keeps, changes and takes out owners as written, and adds others. False if it cannot be done.
    fn change_owners(&mut self, kept: &[Option<Role>], more: &[NewOwner]) -> bool {
        let Some(items) = self.owners() else {
            return false;
        };
        let (Some(first), Some(last)) = (items.first(), items.last()) else {
            return false;
        };
        if items.len() != kept.len() {
            return false;
        }
        let margin = " ".repeat(indent(&self.lines[first.start]));
        let end = last.end;
        let new = more.iter().map(|one| format!("{margin}{}", owner(one)));
        self.lines.splice(end..end, new);
        for (item, kept) in items.iter().zip(kept).rev() {
            match kept {
                None => {
                    self.lines.drain(item.clone());
                }
                Some(role) => {
                    if !self.set_role(item.clone(), *role) {
                        return false;
                    }
                }
            }
        }
        true
    }

    fn set_role(&mut self, item: Range<usize>, role: Role) -> bool {
        let mut found = 0;
        for line in &mut self.lines[item] {
            for word in ["responsible", "lead", "support"] {
                let written = format!("role: {word}");
                let Some(at) = line.find(&written) else {
                    continue;
                };
                let goes_on = line[at + written.len()..].chars().next();
                if goes_on.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    continue;
                }
                line.replace_range(at..at + written.len(), &format!("role: {}", role.as_str()));
                found += 1;
                break;
            }
        }
        found == 1
    }
}

/// The remark beside a value, with the spaces before it.
fn remark_of(value: &str) -> &str {
    let from = match value.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let mut escaped = false;
            let end = value.char_indices().skip(1).find(|(_, c)| {
                let ends = *c == quote && !escaped;
                escaped = *c == '\\' && quote == '"' && !escaped;
                ends
            });
            end.map_or(value.len(), |(at, c)| at + c.len_utf8())
        }
        _ => 0,
    };
    let rest = &value[from..];
    match rest.find(" #") {
        Some(at) => {
            let spaces = rest[..at].len() - rest[..at].trim_end().len();
            &rest[at - spaces..]
        }
        None => "",
    }
}

/// The order in which the fields of a task stand.
const ORDER: [&str; 13] = [
    "id",
    "outside",
    "section",
    "subsection",
    "title",
    "text",
    "units_phrase",
    "deadline_phrase",
    "strength",
    "opens",
    "period",
    "due",
    "urgent",
];

fn entry_at(lines: &[String], dash: usize, range: &Range<usize>) -> Entry {
    let rest = &lines[range.start][dash + 1..];
    Entry {
        lines: lines[range.clone()].to_vec(),
        depth: dash + 1 + (rest.len() - rest.trim_start().len()),
    }
}

/// The numbers of the tasks of a text, as far as it is laid out line by line.
pub fn ids(tasks: &str) -> Vec<String> {
    let lines = lines_of(tasks);
    let layout = layout(&lines);
    let entries = layout.iter().flat_map(|layout| {
        let of = layout.entries.iter();
        of.map(|range| entry_at(&lines, layout.depth, range))
    });
    entries.filter_map(|entry| entry.id()).collect()
}

/// The text with one task changed; all else of it stays as it is written. Nothing if the task is not
/// there, or is laid out so that it cannot be changed line by line.
pub fn change(tasks: &str, id: &str, changes: &Changes) -> Option<String> {
    let mut lines = lines_of(tasks);
    let layout = layout(&lines)?;
    let mut entries = layout
        .entries
        .iter()
        .map(|range| (range.clone(), entry_at(&lines, layout.depth, range)));
    let found = entries.find(|(_, entry)| entry.id().as_deref() == Some(id));
    let (range, mut entry) = found?;
    let before = |name: &str| {
        let at = ORDER.iter().position(|field| *field == name);
        &ORDER[..at.unwrap_or(ORDER.len())]
    };
    for (name, value) in &changes.texts {
        if value.is_empty() && *name == "deadline_phrase" {
            entry.remove(name);
        } else {
            let value = if *name == "text" {
                block(value, entry.depth + 2)
            } else {
                plain(value)
            };
            entry.set(name, &value, before(name));
        }
    }
    for (name, value) in &changes.words {
        if value.is_empty() {
            entry.remove(name);
        } else {
            entry.set(name, &plain(value), before(name));
        }
    }
    if let Some(due) = &changes.due {
        for (name, value) in due.fields() {
            match value {
                Some(value) => entry.set(name, &value, before(name)),
                None => entry.remove(name),
            }
        }
    }
    if let Some(kept) = &changes.kept
        && !entry.change_owners(kept, &changes.owners)
    {
        return None;
    }
    lines.splice(range, entry.lines);
    Some(lines.join("\n"))
}

#[cfg(test)]
#[path = "task_text_tests.rs"]
mod tests;
