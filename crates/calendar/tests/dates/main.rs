//! What a user of the calendar would notice, against the shipped Chinese calendar and facts
//! worked out by hand.

use chrono::NaiveDate;
use duban_calendar::Calendar;

mod clock;
mod counting;
mod edges;
mod explain;
mod period;
mod properties;
mod reading;
mod span;
mod tree;
mod written_form;

/// The calendar that ships with the product.
const SHIPPED: &str = include_str!("../../../../workflows/calendars/cn-workdays.csv");

fn shipped() -> Calendar {
    Calendar::from_csv("cn", SHIPPED).expect("the shipped calendar is sound")
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date as YYYY-MM-DD")
}
