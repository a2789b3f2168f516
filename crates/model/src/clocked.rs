//! What happens to the clock of a duty: it is stopped, resumed, or begins to count anew.

use chrono::NaiveDate;
use duban_calendar::Clock;
use serde::{Deserialize, Serialize};

use crate::decision::Judged;
use crate::id::ObligationId;
use crate::instant::Timestamp;

/// The clock of a duty was stopped, resumed or restarted. The whole clock is on the record, so that
/// the date can be derived and explained from it alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObligationClocked {
    /// Which.
    pub obligation: ObligationId,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The instant that counts.
    pub at: Judged,
    /// The date that held before.
    pub from: NaiveDate,
    /// The date that now holds; none while the clock stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<NaiveDate>,
    /// The instant on that date, where the term is counted in hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_at: Option<Timestamp>,
    /// What is left while it stands still, in Chinese, e.g. `12个工作日`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<String>,
    /// The clock as it is now.
    pub clock: Clock,
}

#[cfg(test)]
mod tests {
    use duban_calendar::{Basis, Clock, Moment, Turn, What};

    #[test]
    fn a_clock_reads_back_as_it_was_written() {
        let day = |text: &str| Moment::Day(text.parse().unwrap());
        let mut clock = Clock::new(Basis::Days {
            from: "2021-09-13".parse().unwrap(),
            term: "20wd".parse().unwrap(),
            roll: duban_calendar::Roll::None,
        });
        let turns = [
            ("2021-09-14", What::Stopped, Some("征求第三方意见")),
            ("2021-09-15", What::Restarted(None), None),
            ("2021-09-16", What::Extended("20wd".parse().unwrap()), None),
            ("2021-09-17", What::ExtendedTo(day("2021-12-01")), None),
        ];
        for (at, what, why) in turns {
            let (at, why) = (day(at), why.map(ToOwned::to_owned));
            clock.take(Turn { at, what, why }).unwrap();
        }
        let text = serde_json::to_string(&clock).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"basis":{"days":{"from":"2021-09-13","term":"20wd"}},"turns":["#,
                r#"{"at":"2021-09-14","what":"stopped","why":"征求第三方意见"},"#,
                r#"{"at":"2021-09-15","what":{"restarted":null}},"#,
                r#"{"at":"2021-09-16","what":{"extended":"20wd"}},"#,
                r#"{"at":"2021-09-17","what":{"extended_to":"2021-12-01"}}]}"#
            )
        );
        assert_eq!(serde_json::from_str::<Clock>(&text).unwrap(), clock);
        let hours: Clock = serde_json::from_str(
            r#"{"basis":{"hours":{"from":"2021-08-05T02:00:00Z","hours":5}},"turns":[{"at":"2021-08-05T04:30:00Z","what":"stopped"}]}"#,
        )
        .unwrap();
        assert!(hours.is_stopped());
    }
}
