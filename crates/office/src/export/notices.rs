//! Notices of a simulated span, as a workbook and as calendar entries.

use chrono::{DateTime, FixedOffset, NaiveDate};
use rust_xlsxwriter::{DocProperties, Workbook, XlsxError};

use crate::export::cells::{Cell, Column, Grid};
use crate::export::ics::{Calendar, Entry, When};
use crate::export::words::DUTY;
use crate::export::{unwritable, xlsx};
use crate::refusal::Refusal;

/// One notice, worded for the clerk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When, in the office's zone.
    pub at: DateTime<FixedOffset>,
    /// 催办, 督办 ….
    pub kind: String,
    /// Which step of the ladder.
    pub step: String,
    /// The row's number.
    pub task: String,
    /// Who owes.
    pub unit: String,
    /// Its part.
    pub role: String,
    /// The contact; empty if it is not sent.
    pub contact: String,
    /// The channel, or why it is not sent.
    pub channel: String,
    /// On which rung.
    pub tier: String,
    /// The date it is about.
    pub due: Option<NaiveDate>,
    /// What is missing.
    pub missing: Vec<String>,
    /// Why, in one sentence.
    pub reason: String,
    /// The duty.
    pub obligation: String,
    /// Its own id.
    pub notice: String,
}

fn grid(notices: &[Sent]) -> Grid {
    let columns = [
        ("时间", 17, true),
        ("种类", 10, true),
        ("步骤", 16, true),
        ("序号", 6, true),
        ("单位", 20, false),
        ("角色", 10, true),
        ("收件人", 24, false),
        ("渠道", 12, true),
        ("层级", 12, true),
        ("时限", 13, true),
        ("尚缺", 30, false),
        ("事由", 60, false),
        (DUTY, 34, false),
        ("通知编号", 34, false),
    ]
    .map(|(heading, width, centred)| Column {
        heading,
        width,
        centred,
    });
    let row = |sent: &Sent| {
        vec![
            Cell::instant(sent.at.naive_local()),
            Cell::text(&sent.kind),
            Cell::text(&sent.step),
            Cell::number(&sent.task),
            Cell::text(&sent.unit),
            Cell::text(&sent.role),
            Cell::text(&sent.contact),
            Cell::text(&sent.channel),
            Cell::text(&sent.tier),
            Cell::date(sent.due),
            Cell::text(sent.missing.join("、")),
            Cell::text(&sent.reason),
            Cell::text(&sent.obligation),
            Cell::text(&sent.notice),
        ]
    };
    Grid {
        name: "通知",
        columns: columns.to_vec(),
        rows: notices.iter().map(row).collect(),
    }
}

/// Writes a workbook with a row a notice.
///
/// # Errors
///
/// A [`Refusal`] if the workbook cannot hold it: more than 1,048,576 rows.
pub fn workbook(title: &str, notices: &[Sent]) -> Result<Vec<u8>, Refusal> {
    let mut book = Workbook::new();
    let written = (|| {
        let mut properties = DocProperties::new().set_title(title);
        // A simulated span has no instant of writing: it bears that of its last notice.
        let last = notices
            .last()
            .map_or_else(DateTime::default, |sent| sent.at);
        let last = xlsx::instant(&last.naive_utc())?;
        properties = properties.set_creation_datetime(&last);
        book.set_properties(&properties);
        xlsx::sheet(&mut book, &grid(notices), &[], &mut xlsx::Styles::new())?;
        book.save_to_buffer()
    })();
    written.map_err(|fault: XlsxError| unwritable("xlsx", fault))
}

/// Writes an entry a notice, at its instant.
pub fn calendar(title: &str, notices: &[Sent]) -> String {
    let last = notices
        .last()
        .map_or_else(DateTime::default, |sent| sent.at);
    let mut calendar = Calendar::new(title, last);
    for sent in notices {
        let mut lines = vec![sent.reason.clone()];
        if !sent.missing.is_empty() {
            lines.push(format!("尚缺:{}", sent.missing.join("、")));
        }
        lines.push(sent.obligation.clone());
        let whom = if sent.contact.is_empty() {
            &sent.channel
        } else {
            &sent.contact
        };
        calendar.entry(&Entry {
            uid: format!("{}@duban", sent.notice),
            when: When::At(sent.at),
            summary: format!(
                "{}({}){} 第{}项 → {whom}",
                sent.kind, sent.step, sent.unit, sent.task
            ),
            description: lines.join("\n"),
            category: &sent.kind,
        });
    }
    calendar.end()
}
