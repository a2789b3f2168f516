//! A scenario as an auditor writes it, one line an act or an expectation. README.md beside it says
//! how. Every word is known or the line is refused.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use duban_model::{Timestamp, Zone};

/// A named value, `key=value`.
pub type Fields = BTreeMap<String, String>;

/// A line that does something.
#[derive(Debug)]
pub struct Line {
    /// Counted from 1.
    pub number: usize,
    /// As written.
    pub text: String,
    /// What it says.
    pub command: Command,
}

/// What a line says.
#[derive(Debug)]
pub enum Command {
    /// The definition folder, and which of its tasks; all if none is named.
    Ledger(String, Vec<String>),
    /// Duties whose whole life must be told.
    Watch(Vec<String>),
    /// One of the folder's texts is changed: which, what is found, what stands there instead.
    Edit(String, String, String),
    /// Something arrives.
    At(Timestamp, Act),
    /// Nothing runs until then.
    Jump(Timestamp),
    /// Time passes and nothing else happens.
    Until(Timestamp),
    /// Something happened at an instant, or at the instant of the line before.
    Expect(Option<Timestamp>, Vec<String>, Fields),
    /// How a duty stands.
    Check(String, Fields),
}

/// What arrives.
#[derive(Debug)]
pub struct Act {
    /// The first word.
    pub verb: String,
    /// The words after it.
    pub words: Vec<String>,
    /// Named values.
    pub fields: Fields,
}

/// Verbs with how many words follow, at least and at most.
const ACTS: &[(&str, usize, usize)] = &[
    ("deploy", 0, 1),
    ("publish", 3, 3),
    ("update", 3, 3),
    ("withdraw", 2, 2),
    ("report", 3, 3),
    ("call-off", 2, 2),
    ("accept", 1, 1),
    ("progress", 1, 1),
    ("submit", 1, 1),
    ("verify", 1, 1),
    ("return", 1, 1),
    ("request-extension", 1, 1),
    ("approve-extension", 1, 1),
    ("refuse-extension", 1, 1),
    ("stop", 1, 1),
    ("resume", 1, 1),
    ("restart", 1, 1),
    ("delegate", 1, 1),
    ("disown", 1, 1),
    ("waive", 1, 1),
    ("trigger", 1, 1),
    ("plan", 0, 0),
];

const ACT_FIELDS: &[&str] = &[
    "claimed",
    "id",
    "role",
    "period",
    "due",
    "extend",
    "by",
    "reason",
    "ledger",
    "replacing",
    "with",
    "title",
    "category",
    "number",
    "validity",
    "written",
    "formats",
    "planned",
    "about",
    "occasion",
    "contact",
];

/// What can be expected, with how many words follow.
const HAPPENINGS: &[(&str, usize)] = &[
    ("nothing", 0),
    ("opened", 0),
    ("accepted", 0),
    ("progressed", 0),
    ("submitted", 0),
    ("returned", 0),
    ("fulfilled", 1),
    ("reopened", 0),
    ("ticked", 1),
    ("unticked", 1),
    ("extension-requested", 0),
    ("extended", 0),
    ("extension-refused", 0),
    ("stopped", 0),
    ("resumed", 0),
    ("restarted", 0),
    ("delegated", 1),
    ("disowned", 0),
    ("waived", 0),
    ("triggered", 0),
    ("withdrawn", 0),
    ("redated", 0),
    ("kept", 0),
    ("reladdered", 0),
    ("transferred", 0),
    ("yellow", 0),
    ("red", 0),
    ("lapsed", 0),
    ("notice", 2),
    ("suppressed", 1),
    ("rejected", 1),
    ("duplicate", 0),
];

const EXPECT_FIELDS: &[&str] = &[
    "of", "due", "late", "on", "left", "by", "to", "receiver", "covers", "missing", "reason",
    "text", "found", "expected",
];

const CHECK_FIELDS: &[&str] = &[
    "state", "light", "due", "stopped", "late", "next", "step", "ticks", "count",
];

/// A clock time of the office.
pub fn instant(date: &str, time: &str) -> Result<Timestamp, String> {
    let date = date_of(date)?;
    let time = NaiveTime::parse_from_str(time, "%H:%M")
        .or_else(|_| NaiveTime::parse_from_str(time, "%H:%M:%S"))
        .map_err(|_| format!("`{time}` is no time of day such as 09:10"))?;
    Ok(Zone::SHANGHAI.instant(date, time))
}

fn date_of(text: &str) -> Result<NaiveDate, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no date such as 2021-07-05"))
}

/// An instant in one word: `2021-07-05T10:00`.
pub fn instant_word(text: &str) -> Result<Timestamp, String> {
    let (date, time) = text
        .split_once('T')
        .ok_or_else(|| format!("`{text}` is no instant such as 2021-07-05T10:00"))?;
    instant(date, time)
}

/// An instant as the lines write it.
pub fn shown(at: Timestamp) -> String {
    let local: NaiveDateTime = at.utc().with_timezone(&Zone::SHANGHAI.0).naive_local();
    let text = local.format("%Y-%m-%d %H:%M:%S").to_string();
    text.strip_suffix(":00").unwrap_or(&text).to_owned()
}

/// Splits at spaces; double quotes hold a word together, `\\"` is one that does not.
fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut list, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek() == Some(&'"') => word.extend(chars.next()),
            '"' => {
                quoted = !quoted;
                any = true;
            }
            c if c.is_whitespace() && !quoted => {
                if any {
                    list.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if quoted {
        return Err("a quotation that does not end".to_owned());
    }
    if any {
        list.push(word);
    }
    Ok(list)
}

/// Plain words and named values apart.
fn sort(words: Vec<String>, known: &[&str]) -> Result<(Vec<String>, Fields), String> {
    let (mut plain, mut fields) = (Vec::new(), Fields::new());
    for word in words {
        match word.split_once('=') {
            None => plain.push(word),
            Some((key, _)) if !known.contains(&key) => {
                return Err(format!(
                    "`{key}=` is not known; expected {}=",
                    known.join("=, ")
                ));
            }
            Some((key, value)) => {
                if fields.insert(key.to_owned(), value.to_owned()).is_some() {
                    return Err(format!("`{key}=` twice"));
                }
            }
        }
    }
    Ok((plain, fields))
}

fn count(verb: &str, found: usize, least: usize, most: usize) -> Result<(), String> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    let expected = if least == most {
        least.to_string()
    } else {
        format!("{least} to {most}")
    };
    Err(format!("`{verb}` with {found} words; expected {expected}"))
}

fn take(list: &mut Vec<String>, what: &str) -> Result<String, String> {
    if list.is_empty() {
        return Err(format!("no {what}"));
    }
    Ok(list.remove(0))
}

fn command(text: &str) -> Result<Command, String> {
    let mut list = words(text)?;
    let first = take(&mut list, "word")?;
    match first.as_str() {
        "ledger" => {
            count("ledger", list.len(), 1, 99)?;
            Ok(Command::Ledger(take(&mut list, "folder")?, list))
        }
        "watch" => {
            count("watch", list.len(), 1, 99)?;
            Ok(Command::Watch(list))
        }
        "edit" => {
            let (words, mut fields) = sort(list, &["replacing", "with"])?;
            count("edit", words.len(), 1, 1)?;
            let mut field = |key: &str| {
                let text = fields
                    .remove(key)
                    .ok_or(format!("`edit` without `{key}=`"))?;
                Ok::<_, String>(text.replace("\\n", "\n"))
            };
            let (find, with) = (field("replacing")?, field("with")?);
            Ok(Command::Edit(words.concat(), find, with))
        }
        "at" | "jump" => {
            let at = instant(&take(&mut list, "date")?, &take(&mut list, "time of day")?)?;
            if first == "jump" {
                count("jump", 2 + list.len(), 2, 2)?;
                return Ok(Command::Jump(at));
            }
            let verb = take(&mut list, "act")?;
            let Some((_, least, most)) = ACTS.iter().find(|(name, ..)| *name == verb) else {
                let names: Vec<_> = ACTS.iter().map(|(name, ..)| *name).collect();
                return Err(format!("`{verb}` is no act; expected {}", names.join(", ")));
            };
            let (words, fields) = sort(list, ACT_FIELDS)?;
            count(&verb, words.len(), *least, *most)?;
            Ok(Command::At(
                at,
                Act {
                    verb,
                    words,
                    fields,
                },
            ))
        }
        "until" => {
            count("until", list.len(), 1, 2)?;
            let date = take(&mut list, "date")?;
            let time = list.pop().unwrap_or_else(|| "23:59:59".to_owned());
            Ok(Command::Until(instant(&date, &time)?))
        }
        "expect" => {
            let dated = list.first().is_some_and(|w| date_of(w).is_ok());
            let at = if dated {
                Some(instant(
                    &take(&mut list, "date")?,
                    &take(&mut list, "time of day")?,
                )?)
            } else {
                None
            };
            let (words, fields) = sort(list, EXPECT_FIELDS)?;
            let what = words.first().cloned().unwrap_or_default();
            let Some((_, most)) = HAPPENINGS.iter().find(|(name, _)| *name == what) else {
                let names: Vec<_> = HAPPENINGS.iter().map(|(name, _)| *name).collect();
                return Err(format!(
                    "`{what}` cannot be expected; expected {}",
                    names.join(", ")
                ));
            };
            count(&what, words.len() - 1, *most, *most)?;
            Ok(Command::Expect(at, words, fields))
        }
        "check" => {
            let (mut words, fields) = sort(list, CHECK_FIELDS)?;
            count("check", words.len(), 1, 1)?;
            if fields.is_empty() {
                return Err("`check` without a value to compare".to_owned());
            }
            Ok(Command::Check(take(&mut words, "duty")?, fields))
        }
        other => Err(format!(
            "`{other}` is no line; expected ledger, watch, edit, at, jump, until, expect, check"
        )),
    }
}

/// Reads a scenario, or says which line cannot be read.
pub fn parse(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut lines = Vec::new();
    for (i, whole) in text.lines().enumerate() {
        let bare = whole
            .split_once(" #")
            .map_or(whole, |(before, _)| before)
            .trim();
        if bare.is_empty() || bare.starts_with('#') {
            continue;
        }
        let command = command(bare).map_err(|fault| (i + 1, fault))?;
        lines.push(Line {
            number: i + 1,
            text: bare.to_owned(),
            command,
        });
    }
    Ok(lines)
}
