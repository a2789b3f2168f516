//! Instants and time zones. Civil dates belong to `calendar`; here a date meets a clock.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: milliseconds since 1970-01-01T00:00:00Z. On the log it is RFC 3339 in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Timestamp(pub i64);

/// The earliest and latest instants accepted, so that arithmetic on them cannot overflow:
/// the years 1900 to 2200.
pub const INSTANT_RANGE: std::ops::RangeInclusive<i64> = -2_208_988_800_000..=7_258_118_400_000;

impl Timestamp {
    /// The instant as chrono knows it.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or_default()
    }

    /// From chrono, cut to the millisecond.
    pub fn from_utc(at: DateTime<Utc>) -> Self {
        Self(at.timestamp_millis())
    }

    /// RFC 3339 with the offset of `zone`, to the second, as people are shown it.
    pub fn shown_in(self, zone: Zone) -> String {
        self.utc()
            .with_timezone(&zone.0)
            .to_rfc3339_opts(SecondsFormat::Secs, false)
    }

    /// The civil date in `zone`.
    pub fn date_in(self, zone: Zone) -> NaiveDate {
        self.utc().with_timezone(&zone.0).date_naive()
    }

    /// The instant `milliseconds` later, kept inside [`INSTANT_RANGE`].
    #[must_use]
    pub fn plus_millis(self, milliseconds: i64) -> Self {
        Self(
            self.0
                .saturating_add(milliseconds)
                .clamp(*INSTANT_RANGE.start(), *INSTANT_RANGE.end()),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The year range above keeps four-digit years, so this text has a fixed width and sorts as time does.
        let at = self.utc();
        write!(f, "{}", at.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = DateTime::parse_from_rfc3339(text).map_err(|fault| {
            format!("`{text}` is not an RFC 3339 time such as 2021-06-28T09:10:00+08:00 ({fault})")
        })?;
        let at = Self(at.timestamp_millis());
        if INSTANT_RANGE.contains(&at.0) {
            Ok(at)
        } else {
            Err(format!("`{text}` lies outside the years 1900 to 2200"))
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A time zone by its IANA name, e.g. `Asia/Shanghai`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Zone(pub chrono_tz::Tz);

impl Zone {
    /// China's time, the default of every ledger here; it has had no daylight saving since 1991.
    pub const SHANGHAI: Zone = Zone(chrono_tz::Asia::Shanghai);

    /// The instant at which the clocks of this zone show `date` and `time`.
    ///
    /// A time that a zone skips (spring) becomes the first instant after the gap; one that it
    /// shows twice (autumn) becomes the earlier.
    pub fn instant(self, date: NaiveDate, time: NaiveTime) -> Timestamp {
        let wanted = date.and_time(time);
        for minutes in [0i64, 30, 60, 120, 180] {
            let later = wanted + Duration::minutes(minutes);
            if let Some(at) = self.0.from_local_datetime(&later).earliest() {
                return Timestamp::from_utc(at.with_timezone(&Utc));
            }
        }
        // No zone skips more than a day; midnight UTC of that date is then nearest.
        Timestamp::from_utc(wanted.and_utc())
    }

    /// The first instant of `date` in this zone.
    pub fn midnight(self, date: NaiveDate) -> Timestamp {
        self.instant(date, NaiveTime::MIN)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Zone).map_err(|_| {
            format!("`{text}` is not a time zone; expected an IANA name such as Asia/Shanghai")
        })
    }
}

impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_back_and_is_shown_with_the_offices_offset() {
        let at: Timestamp = "2021-10-31T09:10:00+08:00".parse().unwrap();
        assert_eq!(at.to_string(), "2021-10-31T01:10:00.000Z");
        assert_eq!(at.shown_in(Zone::SHANGHAI), "2021-10-31T09:10:00+08:00");
        assert_eq!(at.to_string().parse(), Ok(at));
    }

    #[test]
    fn a_time_the_clocks_skip_becomes_the_first_one_after_the_gap() {
        let berlin: Zone = "Europe/Berlin".parse().unwrap();
        let date = NaiveDate::from_ymd_opt(2021, 3, 28).unwrap();
        let skipped = NaiveTime::from_hms_opt(2, 30, 0).unwrap();
        assert_eq!(
            berlin.instant(date, skipped).to_string(),
            "2021-03-28T01:00:00.000Z"
        );
    }

    #[test]
    fn absurd_years_are_refused() {
        assert!("9999-01-01T00:00:00Z".parse::<Timestamp>().is_err());
        assert!("昨天".parse::<Timestamp>().is_err());
    }
}
