//! Turns counting rules, holidays, make-up workdays and roll conventions into dates, with the
//! reasoning day by day.
//!
//! Pure: every answer follows from the arguments and the [`Calendar`]. All dates are civil dates
//! of the ledger's own place; clocks and time zones belong to the caller.
//!
//! Rules held here:
//! - The day a count begins on is not counted; counting starts the day after (Civil Code,
//!   民法典第二百零一条; the same practice is followed for 政府信息公开条例).
//! - A working day is Monday to Friday, less holidays, plus make-up workdays (调休上班) of the
//!   State Council office's yearly notice.
//! - A year without data is refused ([`NoCalendarData`]), never guessed.
//!
//! ```
//! use chrono::NaiveDate;
//! use duban_calendar::Calendar;
//!
//! let text = "date,kind,name\n2021-09-26,makeup_workday,国庆节\n2021-10-01,holiday,国庆节\n";
//! let calendar = Calendar::from_csv("cn", text).expect("the text is well formed");
//! let sunday = NaiveDate::from_ymd_opt(2021, 9, 26).expect("the date exists");
//! assert_eq!(calendar.is_working_day(sunday), Ok(true));
//! ```

mod calendar;
mod clock;
mod clock_days;
mod clock_hours;
mod clock_words;
mod counting;
mod csv;
mod explain;
mod period;
mod span;
mod table;

pub use calendar::{
    Calendar, CalendarFault, DayKind, FIRST_YEAR, LAST_YEAR, MAX_ID_BYTES, MAX_NAME_CHARS,
    SpecialDay,
};
pub use clock::{Basis, Clock, ClockFault, MAX_TURNS, Moment, Turn, What};
pub use clock_days::{ClockDay, Derivation, Left, Part, Reasoning};
pub use clock_hours::Stretch;
pub use counting::{CountError, NoCalendarData, Roll};
pub use csv::{CsvFault, MAX_CSV_BYTES, MAX_CSV_FAULTS};
pub use explain::{Counting, DayReason, DayWhy, Direction, weekday_chinese};
pub use period::{FIRST_PERIOD_YEAR, LAST_PERIOD_YEAR, Period, PeriodError, PeriodKind};
pub use span::{MAX_SPAN_DAYS, Span, SpanError, SpanUnit};
