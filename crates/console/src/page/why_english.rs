//! Why a duty's light is what it is, in one English sentence; the Chinese stands in [`super::obligation`].

use super::row::{due_shown, remains_in};
use crate::access::Seen;
use crate::light::{Light, Stage};
use crate::projection::{Duty, Ledger, minute};
use crate::tongue::Tongue;

/// The sentence.
pub(super) fn why_in_english(projection: &Seen<'_>, ledger: &Ledger, duty: &Duty) -> String {
    let tongue = Tongue::English;
    let today = projection.now().map(|now| now.date_in(ledger.zone));
    let due = due_shown(duty, ledger.zone).unwrap_or_default();
    let reason = duty.reason().unwrap_or("");
    let left = remains_in(duty, today, tongue);
    let stage = tongue.say(duty.stage.chinese());
    match (duty.stage, duty.light()) {
        (Stage::Fulfilled, _) => match duty.done() {
            Some(done) => format!(
                "Fulfilled {}: {}; due {due}, {}.",
                minute(done.at, ledger.zone),
                if &*done.how == "verified" {
                    "verified by the office"
                } else {
                    "everything to be published is there"
                },
                if done.late { "late" } else { "in time" }
            ),
            None => "Fulfilled.".to_owned(),
        },
        (Stage::Waived, _) => format!("Waived by the office. {reason}"),
        (Stage::Lapsed, _) => {
            format!("Encouraged only: due {due} has passed, no more reminders.")
        }
        (Stage::Waiting, _) => "It waits for its trigger; until then no date runs.".to_owned(),
        _ if duty.stopped => format!(
            "The clock stands still: no light and no reminders; the date (before: {due}) is derived anew once it goes on. {stage}."
        ),
        (_, Light::Red) => format!("Due {due} has passed ({left}), not fulfilled. {stage}."),
        (Stage::Returned, _) => {
            format!("Sent back: {reason}. To be submitted again by {due} ({left}).")
        }
        (_, Light::Yellow) => format!("Due {due} is near ({left}). {stage}."),
        _ => format!("In time: due {due} ({left}). {stage}."),
    }
}
