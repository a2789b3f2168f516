//! Which instant counts for an act: the producer's claim, or the moment the log took notice.

use duban_calendar::Calendar;
use duban_model::decision::Judged;
use duban_model::{Definition, Record};

/// A claim counts when it is not after `loggedat` and at most the ledger's `backdate` before it;
/// otherwise `loggedat` counts. Both are kept, since backdating is an offence.
pub(crate) fn judge(record: &Record, definition: &Definition, calendar: &Calendar) -> Judged {
    let loggedat = record.loggedat;
    let claimed = record.time.unwrap_or(loggedat);
    let today = loggedat.date_in(definition.zone);
    let believable = claimed <= loggedat
        && calendar
            .before(today, definition.backdate)
            .is_ok_and(|earliest| claimed.date_in(definition.zone) >= earliest);
    Judged {
        at: if believable { claimed } else { loggedat },
        claimed,
        loggedat,
    }
}
