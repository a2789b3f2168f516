//! How and when an office's notices leave: the window in which they are gathered, and the hours at
//! which a unit may be disturbed (免打扰).

use chrono::{Datelike, NaiveTime, Weekday};
use duban_calendar::Calendar;
use serde::{Deserialize, Serialize};

use crate::instant::{Timestamp, Zone};

/// The window of an office whose directory names none, in minutes.
pub const USUAL_WINDOW_MINUTES: u32 = 5;
/// The longest window, in minutes: a day.
pub const MAX_WINDOW_MINUTES: u32 = 24 * 60;
/// The next open hour lies within so many days; no holiday is longer.
const DAYS_AHEAD: usize = 60;

/// An office's policy of sending. A directory of an earlier release has none: then every notice leaves
/// at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Notices to one person over one channel are gathered for so long, in minutes, and leave as one;
    /// 0 sends each at once.
    #[serde(default)]
    pub window_minutes: u32,
    /// When people may be disturbed; absent means always. A unit may have its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

impl Delivery {
    /// In Chinese, as a plan prints it.
    pub fn chinese(&self) -> String {
        let window = match self.window_minutes {
            0 => "通知逐件立即发出".to_owned(),
            minutes => format!("同一人的通知每{minutes}分钟合并一次"),
        };
        let hours = self
            .hours
            .map_or("不限时间".to_owned(), |hours| hours.chinese());
        format!("{window},{hours}")
    }

    /// True of a directory without a policy.
    pub fn is_absent(&self) -> bool {
        *self == Delivery::default()
    }
}

/// Hours of the day at which people may be disturbed, in the ledger's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// From this time of day.
    pub from: NaiveTime,
    /// Before this time of day, which is later.
    pub to: NaiveTime,
    /// On which days.
    #[serde(default)]
    pub days: Days,
}

/// Days on which people may be disturbed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Days {
    /// Every day.
    #[default]
    Every,
    /// Working days of the ledger's calendar; of a year without one, Monday to Friday.
    Working,
}

impl Hours {
    /// In Chinese, as a plan prints it.
    pub fn chinese(&self) -> String {
        let days = match self.days {
            Days::Every => "每天",
            Days::Working => "工作日",
        };
        format!(
            "{days}{}至{}",
            self.from.format("%H:%M"),
            self.to.format("%H:%M")
        )
    }

    /// The first instant from `at` on at which people may be disturbed; `at` itself if they may now.
    pub fn open_from(&self, at: Timestamp, zone: Zone, calendar: Option<&Calendar>) -> Timestamp {
        let today = at.date_in(zone);
        for date in today.iter_days().take(DAYS_AHEAD) {
            let works = || {
                let listed = calendar.and_then(|calendar| calendar.is_working_day(date).ok());
                listed.unwrap_or(!matches!(date.weekday(), Weekday::Sat | Weekday::Sun))
            };
            if self.days == Days::Working && !works() {
                continue;
            }
            let (opens, closes) = (zone.instant(date, self.from), zone.instant(date, self.to));
            if at < closes {
                return at.max(opens);
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_open_hour_is_now_this_morning_or_the_next_working_day() {
        let hours = |days| Hours {
            from: NaiveTime::from_hms_opt(8, 30, 0).unwrap(),
            to: NaiveTime::from_hms_opt(17, 30, 0).unwrap(),
            days,
        };
        let text = "date,kind,name\n2021-09-26,makeup_workday,国庆节\n2021-10-01,holiday,国庆节\n\
                    2021-10-04,holiday,国庆节\n2021-10-05,holiday,国庆节\n2021-10-06,holiday,国庆节\n\
                    2021-10-07,holiday,国庆节\n";
        let calendar = Calendar::from_csv("cn", text).unwrap();
        for (days, now, expected) in [
            (
                Days::Every,
                "2021-09-30T10:00:00+08:00",
                "2021-09-30T10:00:00+08:00",
            ),
            (
                Days::Every,
                "2021-09-30T08:29:59+08:00",
                "2021-09-30T08:30:00+08:00",
            ),
            (
                Days::Every,
                "2021-09-30T17:30:00+08:00",
                "2021-10-01T08:30:00+08:00",
            ),
            (
                Days::Working,
                "2021-09-30T17:30:00+08:00",
                "2021-10-08T08:30:00+08:00",
            ),
            (
                Days::Working,
                "2021-09-25T12:00:00+08:00",
                "2021-09-26T08:30:00+08:00",
            ),
            // A year that the calendar does not have: by the day of the week.
            (
                Days::Working,
                "2022-01-01T12:00:00+08:00",
                "2022-01-03T08:30:00+08:00",
            ),
        ] {
            let open = hours(days).open_from(at(now), Zone::SHANGHAI, Some(&calendar));
            assert_eq!(open, at(expected), "{now}");
        }
    }
}
