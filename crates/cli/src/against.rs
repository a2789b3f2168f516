//! `duban simulate --against`: what one definition changes in a span of time against another.
//!
//! Notices are the same if obligation, contact, channel and step are, and they are the same in a
//! row: the third weekly repetition is compared with the third. What is left over on one side was
//! added or dropped; what is the same but comes at another time, for another date or on another
//! tier has changed.

use std::collections::BTreeMap;
use std::io::Write;

use duban_office::export::notices::Sent;
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

    fn chinese(self) -> &'static str {
        match self {
            Change::Added => "新增",
            Change::Dropped => "取消",
            Change::Changed => "变更",
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

    /// What became of it, for the clerk: of what has changed, whether it comes at another time or
    /// for another date.
    fn chinese(&self) -> &'static str {
        match self.change {
            Change::Changed if self.at != self.was_at || self.due != self.was_due => "改期",
            change => change.chinese(),
        }
    }

    /// What differs, for the clerk; empty of what was added or dropped.
    fn why_in_chinese(&self) -> String {
        if self.change != Change::Changed {
            return String::new();
        }
        let mut parts = Vec::new();
        if self.at != self.was_at {
            parts.push(format!("原定{}", minute(&self.was_at)));
        }
        if self.due != self.was_due {
            parts.push(format!(
                "完成时限由{}改为{}",
                dated(&self.was_due),
                dated(&self.due)
            ));
        }
        let others = DIFFERING.iter().filter(|(english, chinese)| {
            !chinese.is_empty() && self.why.split("; ").any(|part| part == *english)
        });
        parts.extend(others.map(|(_, chinese)| (*chinese).to_owned()));
        parts.join(";")
    }

    fn of(line: &NoticeLine, change: Change, was: Option<&NoticeLine>) -> Difference {
        let why = was.map(|was| differing(line, was)).unwrap_or_default();
        let why: Vec<&str> = why.into_iter().map(|(english, _)| english).collect();
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

/// A date and time to the minute, without its offset.
fn minute(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// A due date, or that there is none.
fn dated(due: &str) -> &str {
    if due.is_empty() { "无" } else { due }
}

/// The respects in which two notices that are the same may differ; times and dates are told in
/// Chinese with what they were.
const DIFFERING: [(&str, &str); 5] = [
    ("another time", ""),
    ("another due date", ""),
    ("another tier", "层级不同"),
    ("other obligations with it", "合并的步骤不同"),
    ("other evidence missing", "尚缺的佐证不同"),
];

/// In which respects two notices that are the same differ.
fn differing(line: &NoticeLine, was: &NoticeLine) -> Vec<(&'static str, &'static str)> {
    let differs = [
        line.at != was.at,
        line.due != was.due,
        line.tier != was.tier,
        line.covers != was.covers,
        line.missing != was.missing,
    ];
    let told = DIFFERING.into_iter().zip(differs);
    told.filter_map(|(what, differs)| differs.then_some(what))
        .collect()
}

/// Where among the notices of its side one stands that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    New(usize),
    Old(usize),
}

/// By what a notice is known in both.
type Key<'a> = (&'a str, &'a str, &'a str, &'a str, usize);

fn keyed(lines: &[NoticeLine]) -> BTreeMap<Key<'_>, (usize, &NoticeLine)> {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    lines
        .iter()
        .enumerate()
        .map(|(place, line)| {
            let who = (line.obligation.as_str(), line.contact.as_str());
            let how = (line.channel.as_str(), line.step.as_str());
            let count = counts.entry((who, how)).or_default();
            *count += 1;
            ((who.0, who.1, how.0, how.1, *count), (place, line))
        })
        .collect()
}

/// What `new` changes against `old`, in the order of time.
fn differences(new: &[NoticeLine], old: &[NoticeLine]) -> Vec<(Difference, Place)> {
    let (new, mut old) = (keyed(new), keyed(old));
    let mut found = Vec::new();
    for (key, (place, line)) in new {
        let difference = match old.remove(&key) {
            None => Difference::of(line, Change::Added, None),
            Some((_, was)) if !differing(line, was).is_empty() => {
                Difference::of(line, Change::Changed, Some(was))
            }
            Some(_) => continue,
        };
        found.push((difference, Place::New(place)));
    }
    for (place, line) in old.into_values() {
        let difference = Difference::of(line, Change::Dropped, None);
        found.push((difference, Place::Old(place)));
    }
    found.sort();
    found
}

fn comparable(new: &Simulated, old: &Simulated) -> Result<(), Fault> {
    if new.zone != old.zone {
        return Err("the two ledgers count time in different zones; compare one with one".into());
    }
    Ok(())
}

/// What one simulated span changes against another, as a workbook or calendar lists notices: each
/// stands at its own time, its sort says what becomes of it, and its reason begins with what it was.
pub(crate) fn documented(new: &Simulated, old: &Simulated) -> Result<Vec<Sent>, Fault> {
    comparable(new, old)?;
    let told = differences(new.lines(), old.lines()).into_iter();
    let told = told.filter_map(|(difference, place)| {
        let sent = match place {
            Place::New(place) => new.sent().get(place),
            Place::Old(place) => old.sent().get(place),
        };
        let mut sent = sent?.clone();
        difference.chinese().clone_into(&mut sent.kind);
        let why = difference.why_in_chinese();
        if !why.is_empty() {
            sent.reason = format!("{why}。{}", sent.reason);
        }
        Some(sent)
    });
    Ok(told.collect())
}

/// Prints what one simulated span changes against another.
pub(crate) fn print(
    format: Format,
    summary: bool,
    new: &Simulated,
    old: &Simulated,
) -> Result<(), Fault> {
    comparable(new, old)?;
    let found = differences(new.lines(), old.lines());
    let found: Vec<Difference> = found.into_iter().map(|(told, _)| told).collect();
    let count = |change| found.iter().filter(|d| d.change == change).count();
    if summary {
        let counts = [
            ("notices", new.lines().len()),
            ("notices before", old.lines().len()),
            ("added", count(Change::Added)),
            ("dropped", count(Change::Dropped)),
            ("changed", count(Change::Changed)),
        ];
        match format {
            Format::Table => {
                let words = ["通知", "原有通知", "新增", "取消", "改期等变更"];
                let rows: Vec<Vec<String>> = words
                    .iter()
                    .zip(counts)
                    .map(|(what, (_, count))| vec![(*what).to_owned(), count.to_string()])
                    .collect();
                table::print(&["项目", "份数"], &rows);
            }
            Format::Csv => {
                crate::say!("what,count");
                for (what, count) in counts {
                    crate::say!("{what},{count}");
                }
            }
            Format::Json | Format::Ndjson => {
                let counts: BTreeMap<&str, usize> = counts.into_iter().collect();
                crate::say!("{}", serde_json::json!(counts));
            }
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
                let text = format!(
                    "{}  {} {:<14} 第{}项 {:<22} → {:<24} {}",
                    minute(&line.at),
                    line.chinese(),
                    line.step,
                    line.task,
                    line.unit,
                    line.contact,
                    line.why_in_chinese()
                );
                writeln!(out, "{}", text.trim_end())?;
            }
            if found.is_empty() {
                writeln!(out, "通知没有不同")?;
            }
            Ok(())
        }
    }
}
