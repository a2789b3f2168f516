//! The due date as a calendar entry (RFC 5545) beside the mail. One a duty: its UID is that of the
//! calendar that `duban export` writes, so a date that moves moves the entry. An event for the whole
//! day, since phones hide to-dos.

use duban_model::{Message, Zone};

use super::text::one_row;

/// The longest line, in bytes without its end.
const LINE_BYTES: usize = 75;

/// True for notices of a duty that has no date to keep now.
pub(super) fn has_no_date(message: &Message) -> bool {
    matches!(
        message.kind.as_str(),
        "stopped" | "still_stopped" | "waived"
    )
}

/// The entry, if there is a date that is not over.
pub(super) fn calendar(message: &Message) -> Option<String> {
    let due = message.due?;
    if has_no_date(message) || due < message.at.date_in(Zone::SHANGHAI) {
        return None;
    }
    let stamp = |at: duban_model::Timestamp| at.utc().format("%Y%m%dT%H%M%SZ").to_string();
    let mut out = String::new();
    for (name, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//Duban//Duban//ZH"),
        ("CALSCALE", "GREGORIAN"),
        ("METHOD", "PUBLISH"),
        ("BEGIN", "VEVENT"),
    ] {
        line(&mut out, name, value);
    }
    let uid = format!("{}@duban", message.obligation);
    line(&mut out, "UID", &escaped(&uid));
    line(&mut out, "DTSTAMP", &stamp(message.at));
    line(&mut out, "LAST-MODIFIED", &stamp(message.at));
    // A later notice knows better; minutes rise with it and fit the field for centuries.
    let sequence = (message.at.0 / 60_000).max(0);
    line(&mut out, "SEQUENCE", &sequence.to_string());
    match message.due_at {
        Some(at) => line(&mut out, "DTSTART", &stamp(at)),
        None => {
            line(
                &mut out,
                "DTSTART;VALUE=DATE",
                &due.format("%Y%m%d").to_string(),
            );
            if let Some(next) = due.succ_opt() {
                line(
                    &mut out,
                    "DTEND;VALUE=DATE",
                    &next.format("%Y%m%d").to_string(),
                );
            }
        }
    }
    line(&mut out, "SUMMARY", &escaped(&one_row(&message.subject)));
    line(&mut out, "DESCRIPTION", &escaped(message.text.trim_end()));
    // It takes nobody's time.
    line(&mut out, "TRANSP", "TRANSPARENT");
    line(&mut out, "END", "VEVENT");
    line(&mut out, "END", "VCALENDAR");
    Some(out)
}

/// One line, folded between characters where it is longer than a line may be.
fn line(out: &mut String, name: &str, value: &str) {
    let mut bytes = 0;
    for c in name.chars().chain([':']).chain(value.chars()) {
        if bytes + c.len_utf8() > LINE_BYTES {
            out.push_str("\r\n ");
            bytes = 1;
        }
        out.push(c);
        bytes += c.len_utf8();
    }
    out.push_str("\r\n");
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
    use chrono::NaiveDate;

    use super::*;
    use crate::channel::tests::message;

    #[test]
    fn a_date_that_moves_moves_the_entry() {
        let mut notice = message();
        assert_eq!(calendar(&notice), None, "no date");
        notice.due = NaiveDate::from_ymd_opt(2021, 12, 31);
        notice.text = "甲,乙;丙\n".repeat(30);
        let first = calendar(&notice).unwrap();
        assert!(first.contains("UID:ledger/1@unit@duban\r\n"), "{first}");
        assert!(first.contains("DTSTART;VALUE=DATE:20211231\r\nDTEND;VALUE=DATE:20220101\r\n"));
        assert!(first.split("\r\n").all(|line| line.len() <= LINE_BYTES));
        assert!(first.replace("\r\n ", "").contains("甲\\,乙\\;丙\\n"));
        assert!(!first.replace("\r\n", "").contains('\n'));
        notice.at = notice.at.plus_millis(120_000);
        notice.due = NaiveDate::from_ymd_opt(2022, 1, 31);
        let second = calendar(&notice).unwrap();
        let number = |text: &str| {
            let at = text.find("SEQUENCE:").unwrap() + 9;
            text[at..].lines().next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(number(&second), number(&first) + 2);
        notice.due_at = Some("2022-01-31T02:00:00Z".parse().unwrap());
        assert!(
            calendar(&notice)
                .unwrap()
                .contains("DTSTART:20220131T020000Z\r\n")
        );
        notice.kind = "waived".to_owned();
        assert_eq!(calendar(&notice), None);
        notice.kind = "escalation".to_owned();
        notice.due = NaiveDate::from_ymd_opt(2021, 1, 1);
        assert_eq!(calendar(&notice), None, "over");
    }
}
