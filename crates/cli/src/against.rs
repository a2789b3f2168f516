//! `duban simulate --against`: what one definition changes in a span of time against another.
//!
//! Notices are the same if obligation, contact, channel and step are, and they are the same in a
//! row: the third weekly repetition is compared with the third. What is left over on one side was
//! added or dropped; what is the same but comes at another time, for another date or on another
//! tier has changed.

use std::collections::BTreeMap;
use std::io::Write;

use serde::Serialize;

use crate::Fault;
use crate::args::Format;
use crate::simulate::{NoticeLine, Simulated};
use crate::table::{self, csv_line};

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Added,
    Dropped,
    Changed,
}

impl Change {
    fn as_str(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Dropped => "dropped",
            Change::Changed => "changed",
        }
    }
}

/// One notice that differs. An empty text stands for what is not there.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Difference {
    /// When it comes, or would have come.
    at: String,
    change: Change,
    task: String,
    obligation: String,
    unit: String,
    contact: String,
    channel: String,
    step: String,
    /// When it would have come, of what has changed.
    was_at: String,
    due: String,
    /// The due date that it would have named, of what has changed.
    was_due: String,
    /// What differs, in words.
    why: String,
}

impl Difference {
    const HEADER: [&'static str; 12] = [
        "at",
        "change",
        "task",
        "obligation",
        "unit",
        "contact",
        "channel",
        "step",
        "was_at",
        "due",
        "was_due",
        "why",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.at.clone(),
            self.change.as_str().to_owned(),
            self.task.clone(),
            self.obligation.clone(),
            self.unit.clone(),
            self.contact.clone(),
            self.channel.clone(),
            self.step.clone(),
            self.was_at.clone(),
            self.due.clone(),
            self.was_due.clone(),
            self.why.clone(),
        ]
    }

    fn of(line: &NoticeLine, change: Change, was: Option<&NoticeLine>) -> Difference {
        let why = was.map(|was| differing(line, was)).unwrap_or_default();
        Difference {
            at: line.at.clone(),
            change,
            task: line.task.clone(),
            obligation: line.obligation.clone(),
            unit: line.unit.clone(),
            contact: line.contact.clone(),
            channel: line.channel.clone(),
            step: line.step.clone(),
            was_at: was.map(|was| was.at.clone()).unwrap_or_default(),
            due: line.due.clone(),
            was_due: was.map(|was| was.due.clone()).unwrap_or_default(),
            why: why.join("; "),
        }
    }
}

/// In which respects two notices that are the same differ.
fn differing(line: &NoticeLine, was: &NoticeLine) -> Vec<&'static str> {
    [
        ("another time", line.at != was.at),
        ("another due date", line.due != was.due),
        ("another tier", line.tier != was.tier),
        ("other obligations with it", line.covers != was.covers),
        ("other evidence missing", line.missing != was.missing),
    ]
    .into_iter()
    .filter_map(|(what, differs)| differs.then_some(what))
    .collect()
}

/// By what a notice is known in both.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str, usize);

fn keyed(lines: &[NoticeLine]) -> BTreeMap<Key<'_>, &NoticeLine> {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    lines
        .iter()
        .map(|line| {
            let who = (line.obligation.as_str(), line.contact.as_str());
            let how = (line.channel.as_str(), line.step.as_str());
            let count = counts.entry((who, how)).or_default();
            *count += 1;
            ((who.0, who.1, how.0, how.1, *count), line)
        })
        .collect()
}

/// What `new` changes against `old`, in the order of time.
fn differences(new: &[NoticeLine], old: &[NoticeLine]) -> Vec<Difference> {
    let (new, mut old) = (keyed(new), keyed(old));
    let mut found = Vec::new();
    for (key, line) in new {
        match old.remove(&key) {
            None => found.push(Difference::of(line, Change::Added, None)),
            Some(was) if !differing(line, was).is_empty() => {
                found.push(Difference::of(line, Change::Changed, Some(was)));
            }
            Some(_) => {}
        }
    }
    for line in old.into_values() {
        found.push(Difference::of(line, Change::Dropped, None));
    }
    found.sort();
    found
}

/// Prints what one simulated span changes against another.
pub(crate) fn print(
    format: Format,
    summary: bool,
    new: &Simulated,
    old: &Simulated,
) -> Result<(), Fault> {
    if new.zone != old.zone {
        return Err("the two ledgers count time in different zones; compare one with one".into());
    }
    let found = differences(new.lines(), old.lines());
    let count = |change| found.iter().filter(|d| d.change == change).count();
    if summary {
        let counts = [
            ("notices", new.lines().len()),
            ("notices before", old.lines().len()),
            ("added", count(Change::Added)),
            ("dropped", count(Change::Dropped)),
            ("changed", count(Change::Changed)),
        ];
        if format == Format::Table {
            let rows: Vec<Vec<String>> = counts
                .iter()
                .map(|(what, count)| vec![(*what).to_owned(), count.to_string()])
                .collect();
            table::print(&["what", "count"], &rows);
        } else {
            let counts: BTreeMap<&str, usize> = counts.into_iter().collect();
            crate::say!("{}", serde_json::json!(counts));
        }
        return Ok(());
    }
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match write(&mut out, format, &found).and_then(|()| out.flush()) {
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn write(out: &mut impl Write, format: Format, found: &[Difference]) -> std::io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, found)?;
            writeln!(out)
        }
        Format::Ndjson => found.iter().try_for_each(|line| {
            serde_json::to_writer(&mut *out, line)?;
            writeln!(out)
        }),
        Format::Csv => {
            writeln!(out, "{}", Difference::HEADER.join(","))?;
            found
                .iter()
                .try_for_each(|line| writeln!(out, "{}", csv_line(&line.cells())))
        }
        Format::Table => {
            for line in found {
                let was = match line.change {
                    Change::Changed => format!("was {}, {}", &line.was_at[..16], line.why),
                    Change::Added | Change::Dropped => String::new(),
                };
                let text = format!(
                    "{}  {:<8} {:<14} 第{}项 {:<22} → {:<24} {was}",
                    &line.at[..16],
                    line.change.as_str(),
                    line.step,
                    line.task,
                    line.unit,
                    line.contact
                );
                writeln!(out, "{}", text.trim_end())?;
            }
            if found.is_empty() {
                writeln!(out, "no notice differs")?;
            }
            Ok(())
        }
    }
}
