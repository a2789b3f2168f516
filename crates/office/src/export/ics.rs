//! Dates as calendar entries (RFC 5545).

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};

use crate::export::{Duty, Ledger, summary};

/// The longest line, in bytes without its end.
const LINE_BYTES: usize = 75;

/// Writes an entry a day on which an open duty is due: all day, without alarm, one a duty. An entry
/// keeps its UID when its date moves, so that a calendar that takes the file again moves it.
pub fn write(ledger: &Ledger) -> String {
    let mut calendar = Calendar::new(&ledger.heading.title, ledger.heading.as_of);
    for row in &ledger.rows {
        for duty in row.duties.iter().filter(|duty| is_entered(duty)) {
            let Some(due) = duty.due else { continue };
            let period = duty.period.as_ref();
            let period = period.map(|p| format!(" {p}")).unwrap_or_default();
            let mut lines = vec![
                format!("第{}项 {}", row.id, row.text),
                format!(
                    "{}({}单位){period}:{},{}",
                    duty.name,
                    summary::role(duty.role),
                    duty.stage.chinese(),
                    duty.light.chinese()
                ),
            ];
            let missing = summary::missing_of(duty);
            if !missing.is_empty() {
                lines.push(format!("尚缺:{}", missing.join("、")));
            }
            lines.push(duty.id.clone());
            calendar.entry(&Entry {
                uid: format!("{}@duban", duty.id),
                when: When::Day(due),
                summary: format!("{} 第{}项 {}{period}", duty.name, row.id, duty.title),
                description: lines.join("\n"),
                category: duty.light.chinese(),
            });
        }
    }
    calendar.end()
}

/// True for a duty that has an entry: open, with a date.
pub fn is_entered(duty: &Duty) -> bool {
    duty.stage.is_open() && duty.due.is_some()
}

/// When an entry is.
pub(super) enum When {
    /// All day.
    Day(NaiveDate),
    /// At an instant.
    At(DateTime<FixedOffset>),
}

/// An entry.
pub(super) struct Entry<'a> {
    /// By which a calendar knows it again.
    pub uid: String,
    /// When.
    pub when: When,
    /// One line.
    pub summary: String,
    /// More lines.
    pub description: String,
    /// What sort of entry.
    pub category: &'a str,
}

/// A calendar that is being written.
pub(super) struct Calendar {
    out: String,
    stamp: String,
}

fn utc(at: DateTime<FixedOffset>) -> String {
    at.with_timezone(&Utc).format("%Y%m%dT%H%M%SZ").to_string()
}

impl Calendar {
    /// Begins a calendar; `stamp` is the instant of which it tells.
    pub(super) fn new(name: &str, stamp: DateTime<FixedOffset>) -> Calendar {
        let mut calendar = Calendar {
            out: String::new(),
            stamp: utc(stamp),
        };
        for (name, value) in [
            ("BEGIN", "VCALENDAR"),
            ("VERSION", "2.0"),
            ("PRODID", "-//Duban//Duban//ZH"),
            ("CALSCALE", "GREGORIAN"),
            ("METHOD", "PUBLISH"),
        ] {
            calendar.line(name, value);
        }
        calendar.line("X-WR-CALNAME", &escaped(name));
        calendar
    }

    pub(super) fn entry(&mut self, entry: &Entry<'_>) {
        self.line("BEGIN", "VEVENT");
        self.line("UID", &escaped(&entry.uid));
        let stamp = self.stamp.clone();
        self.line("DTSTAMP", &stamp);
        match entry.when {
            When::Day(day) => {
                self.line("DTSTART;VALUE=DATE", &day.format("%Y%m%d").to_string());
                if let Some(next) = day.succ_opt() {
                    self.line("DTEND;VALUE=DATE", &next.format("%Y%m%d").to_string());
                }
            }
            When::At(at) => self.line("DTSTART", &utc(at)),
        }
        self.line("SUMMARY", &escaped(&entry.summary));
        self.line("DESCRIPTION", &escaped(&entry.description));
        self.line("CATEGORIES", &escaped(entry.category));
        // It takes nobody's time.
        self.line("TRANSP", "TRANSPARENT");
        self.line("END", "VEVENT");
    }

    pub(super) fn end(mut self) -> String {
        self.line("END", "VCALENDAR");
        self.out
    }

    /// One line, folded between characters where it is longer than a line may be.
    fn line(&mut self, name: &str, value: &str) {
        let mut bytes = 0;
        for c in name.chars().chain([':']).chain(value.chars()) {
            if bytes + c.len_utf8() > LINE_BYTES {
                self.out.push_str("\r\n ");
                bytes = 1;
            }
            self.out.push(c);
            bytes += c.len_utf8();
        }
        self.out.push_str("\r\n");
    }
}

/// A text as a value.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters_and_nothing_is_lost() {
        let at = DateTime::parse_from_rfc3339("2021-12-01T09:10:00+08:00").unwrap();
        let mut calendar = Calendar::new("台账;甲,乙", at);
        let text = "公开\\规划,计划;等\n第二行".repeat(20);
        calendar.entry(&Entry {
            uid: "a/1@duban".to_owned(),
            when: When::Day(NaiveDate::from_ymd_opt(2021, 12, 31).unwrap()),
            summary: text.clone(),
            description: String::new(),
            category: "红灯",
        });
        let out = calendar.end();
        assert!(out.contains("DTSTART;VALUE=DATE:20211231\r\nDTEND;VALUE=DATE:20220101\r\n"));
        assert!(out.contains("DTSTAMP:20211201T011000Z\r\n"));
        assert!(out.contains("X-WR-CALNAME:台账\\;甲\\,乙\r\n"));
        assert!(out.split("\r\n").all(|line| line.len() <= LINE_BYTES));
        let unfolded = out.replace("\r\n ", "");
        assert!(unfolded.contains(&format!("SUMMARY:{}\r\n", escaped(&text))));
        assert!(!out.replace("\r\n", "").contains('\n'));
    }
}
