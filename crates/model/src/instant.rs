//! Instants and time zones. Civil dates belong to `calendar`; here a date meets a clock.

use std::fmt;
use std::str::FromStr;

use chrono::{
    DateTime, Datelike, Duration, NaiveDate, NaiveTime, SecondsFormat, TimeZone, Timelike, Utc,
};
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

/// Bytes of an instant as it is written: `2021-06-28T01:10:00.000Z`.
const TEXT_BYTES: usize = 24;

/// Writes a number into all of `place`, with leading zeros.
fn digits(place: &mut [u8], mut number: u32) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The number that `place` spells; nothing if it holds anything but digits.
fn number(place: &[u8]) -> Option<u32> {
    place.iter().try_fold(0, |sum: u32, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u32::from(digit - b'0'))
    })
}

impl Timestamp {
    /// The text of an instant, without allocation: every record has one, so this is written by
    /// hand. The year range above keeps four-digit years, so the text has a fixed width and sorts
    /// as time does.
    fn text(self) -> [u8; TEXT_BYTES] {
        let at = self.utc();
        let (date, time) = (at.date_naive(), at.time());
        let mut text = *b"0000-00-00T00:00:00.000Z";
        digits(&mut text[0..4], u32::try_from(date.year()).unwrap_or(0));
        digits(&mut text[5..7], date.month());
        digits(&mut text[8..10], date.day());
        digits(&mut text[11..13], time.hour());
        digits(&mut text[14..16], time.minute());
        digits(&mut text[17..19], time.second());
        digits(&mut text[20..23], at.timestamp_subsec_millis());
        text
    }

    /// Reads the text that [`Timestamp::text`] writes; nothing if it is spelt otherwise.
    fn from_own_text(text: &[u8]) -> Option<Timestamp> {
        let text: &[u8; TEXT_BYTES] = text.try_into().ok()?;
        let marks = [
            (4, b'-'),
            (7, b'-'),
            (10, b'T'),
            (13, b':'),
            (16, b':'),
            (19, b'.'),
            (23, b'Z'),
        ];
        if marks.iter().any(|(place, mark)| text[*place] != *mark) {
            return None;
        }
        let year = i32::try_from(number(&text[0..4])?).ok()?;
        let date = NaiveDate::from_ymd_opt(year, number(&text[5..7])?, number(&text[8..10])?)?;
        let time = date.and_hms_milli_opt(
            number(&text[11..13])?,
            number(&text[14..16])?,
            number(&text[17..19])?,
            number(&text[20..23])?,
        )?;
        Some(Timestamp::from_utc(time.and_utc()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.text()))
    }
}

/// Digits and marks as text.
fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let at = match Self::from_own_text(text.as_bytes()) {
            Some(at) => at,
            None => DateTime::parse_from_rfc3339(text)
                .map(|at| Self(at.timestamp_millis()))
                .map_err(|fault| {
                    format!(
                        "`{text}` is not an RFC 3339 time such as 2021-06-28T09:10:00+08:00 ({fault})"
                    )
                })?,
        };
        if INSTANT_RANGE.contains(&at.0) {
            Ok(at)
        } else {
            Err(format!("`{text}` lies outside the years 1900 to 2200"))
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.text()))
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
