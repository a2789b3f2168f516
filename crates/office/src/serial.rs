//! Deadlines that a spreadsheet keeps as numbers.

use chrono::{Days, NaiveDate};

use crate::deadline::{self, Deadline, Kind};
use crate::raw::Found;
use crate::text::{chinese, squeeze};

/// A deadline that a spreadsheet keeps as a number: 44561 is a day, and 2021.1 may have been 2021.10.
pub(crate) fn read(field: &Found, year: Option<i32>, read: &mut Deadline) {
    let text = squeeze(&field.text);
    let first = NaiveDate::from_ymd_opt(1899, 12, 30);
    if let Ok(serial) = text.parse::<u64>()
        && (30_000..=75_000).contains(&serial)
        && let Some(date) = first.and_then(|d| d.checked_add_days(Days::new(serial)))
    {
        read.kind = Kind::Fixed;
        read.date = Some(date);
        read.questions.clear();
        read.ask(
            format!("“{text}”像是电子表格的日期序号,即{date}?"),
            vec![date.to_string(), "不是日期".to_owned()],
        );
        return;
    }
    let Some((left, "1")) = text.split_once('.') else {
        return;
    };
    if field.is_number && left.len() == 4 {
        let (january, october) = (format!("{left}年1月"), format!("{left}年10月"));
        let dates = [&october, &january].map(|p| deadline::read(p, year).date);
        let shown = dates.iter().flatten().map(ToString::to_string).collect();
        read.ask(
            format!(
                "“{text}”在电子表格中是数字,是{}月还是{}月?",
                chinese(1),
                chinese(10)
            ),
            shown,
        );
        read.date = dates[0];
    }
}
