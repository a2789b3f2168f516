//! The clock of a term in hours: stretch by stretch.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::clock::{Clock, Moment, What};
use crate::clock_days::{Derivation, Left, Reasoning};

/// A stretch of a clock of hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// From this instant.
    pub from: DateTime<Utc>,
    /// To this one; none while it stands still.
    pub to: Option<DateTime<Utc>>,
    /// Whether it ran.
    pub ran: bool,
}

pub(crate) fn derive_hours(clock: &Clock, from: DateTime<Utc>, hours: u32) -> Derivation {
    let (_, turns) = clock.since_start();
    // Instants of the log lie in the years 1900 to 2200, so nothing here leaves what can be held.
    let mut due = from + TimeDelta::hours(i64::from(hours));
    let mut stretches = Vec::new();
    let (mut since, mut stopped) = (from, false);
    for turn in turns {
        let Some(at) = turn.at.instant() else {
            continue;
        };
        match turn.what {
            // It had run out.
            What::Stopped if at > due => {}
            What::Stopped => {
                stretches.push(Stretch {
                    from: since,
                    to: Some(at),
                    ran: true,
                });
                (since, stopped) = (at, true);
            }
            What::Resumed if stopped => {
                stretches.push(Stretch {
                    from: since,
                    to: Some(at),
                    ran: false,
                });
                due += at - since;
                (since, stopped) = (at, false);
            }
            What::ExtendedTo(Moment::Instant(to)) => due = to,
            What::SetTo(Moment::Instant(to)) => {
                if stopped {
                    stretches.push(Stretch {
                        from: since,
                        to: Some(at),
                        ran: false,
                    });
                    (since, stopped) = (at, false);
                }
                due = to;
            }
            _ => {}
        }
    }
    stretches.push(Stretch {
        from: since,
        to: (!stopped).then_some(due),
        ran: !stopped,
    });
    Derivation {
        due: (!stopped).then_some(Moment::Instant(due)),
        left: stopped.then(|| Left::Millis((due - since).num_milliseconds())),
        reasoning: Reasoning::Hours(stretches),
    }
}
