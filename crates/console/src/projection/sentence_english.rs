//! Records as English sentences: the same records as [`super::sentence`], for whoever reads the pages in
//! English. Names, titles and what people wrote stay as they stand on the record.

use duban_model::decision::{Arose, Judged, NoticeRequested, Occasion};
use duban_model::fact::Outcome;
use duban_model::{Body, Timestamp, Zone};

use super::history::Matter;
use super::sentence::{Lookup, minute};
use crate::steps::{kind_in_english, period_in_english, step_in_english, tier_in_english};
use crate::tongue::Tongue;

/// What a notice waits for, and until when.
fn later(because: Option<&str>, until: Timestamp, zone: Zone) -> String {
    let because = match because {
        Some("maintenance") => "maintenance",
        _ => "quiet hours",
    };
    format!("{because}: leaves after {}", minute(until, zone))
}

/// ` (who)`, or nothing.
fn by(who: Option<&str>) -> String {
    who.map(|who| format!(" ({who})")).unwrap_or_default()
}

/// `: why`, or nothing.
fn because(why: Option<&str>) -> String {
    why.filter(|why| !why.is_empty())
        .map(|why| format!(": {why}"))
        .unwrap_or_default()
}

/// What somebody did, who, and why.
fn act(what: &str, who: Option<&str>, why: Option<&str>) -> String {
    format!("{what}{}{}", by(who), because(why))
}

fn judged(at: &Judged, zone: Zone) -> String {
    let counts = minute(at.at, zone);
    if at.claimed == at.loggedat && at.at == at.claimed {
        return format!("counted as of {counts}");
    }
    format!(
        "counted as of {counts} (the sender says {}, received {})",
        minute(at.claimed, zone),
        minute(at.loggedat, zone)
    )
}

fn steps(list: &[String]) -> String {
    let list: Vec<_> = list.iter().map(|s| step_in_english(s)).collect();
    list.join(", ")
}

fn request(r: &NoticeRequested, look: &impl Lookup) -> String {
    let covers = if r.covers.is_empty() {
        String::new()
    } else {
        format!(" (together with: {})", steps(&r.covers))
    };
    format!(
        "{}, {}{covers}: to {} ({}){}",
        kind_in_english(r.kind),
        step_in_english(&r.step),
        look.unit(&r.to),
        tier_in_english(r.tier),
        why(r)
    )
}

/// What a stopped clock leaves, which stands on the record as `5个工作日`, `3小时20分` or several of them.
fn left(chinese: &str) -> String {
    let english = chinese
        .replace("个工作日", " wd")
        .replace('天', " d")
        .replace("小时", " h ")
        .replace('分', " min")
        .replace('和', " and ");
    format!(", {english} left")
}

/// What the record says of why; of a ladder's steps nothing that the step does not say.
fn why(r: &NoticeRequested) -> String {
    let due = r.due.map(|due| format!("; due {due}")).unwrap_or_default();
    match r.step.parse::<duban_model::definition::StepWhen>() {
        Ok(_) => due,
        Err(_) => format!("{due}{}", because(Some(&r.reason))),
    }
}

/// What a duty was opened for.
fn occasion(occasion: &Occasion) -> String {
    let title = &occasion.title;
    match &occasion.arose {
        Arose::Publication(_) => format!(", because of the publication “{title}”"),
        Arose::Matter(_) => format!(", because of the matter “{title}”"),
        Arose::Schedule => format!(", by schedule ({title})"),
        Arose::Duty(_) => format!(", following “{title}”"),
        Arose::Again => format!(
            ", round {}: opened again after the one before was fulfilled",
            occasion.round
        ),
    }
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Refused => "refused by the receiving side",
        Outcome::Failed => "failed",
        Outcome::Unknown => "without a known outcome",
    }
}

/// The sentence of a record about a duty: there is one wherever there is a Chinese one.
pub(super) fn sentence(body: &Body, look: &impl Lookup) -> Option<(Matter, String)> {
    use Matter as M;
    Some(match body {
        Body::ObligationOpened(r) => {
            let period = r
                .period
                .map(|p| format!(", {}", period_in_english(p)))
                .unwrap_or_default();
            let due = match (r.due, r.due_at) {
                (_, Some(at)) => format!("due {}", minute(at, look.zone())),
                (Some(due), None) => format!("due {due}"),
                (None, None) => "without a date until it is triggered".to_owned(),
            };
            let arose = r.occasion.as_ref().map(occasion).unwrap_or_default();
            let role = Tongue::English.say(r.role.chinese());
            let unit = look.unit(&r.unit);
            (
                M::Duty,
                format!("Duty opened: {unit} ({role}){period}, {due}{arose}"),
            )
        }
        Body::ObligationAccepted(r) => (
            M::Duty,
            act("Signed for", r.by.as_deref(), r.reason.as_deref()),
        ),
        Body::ObligationProgressed(r) => (
            M::Duty,
            act("Progress reported", r.by.as_deref(), r.reason.as_deref()),
        ),
        Body::ObligationSubmitted(r) => (
            M::Duty,
            format!(
                "Submitted{}, pieces of evidence: {}, {}{}{}",
                by(r.by.as_deref()),
                r.evidence.len(),
                judged(&r.at, look.zone()),
                if r.late { ", late" } else { "" },
                because(r.said.as_deref())
            ),
        ),
        Body::ObligationReturned(r) => (
            M::Duty,
            format!(
                "Sent back{}: {}; to be submitted again by {}",
                by(r.by.as_deref()),
                r.reason,
                r.due
            ),
        ),
        Body::ObligationFulfilled(r) => {
            let how = match r.how.as_str() {
                "publications" => "everything to be published is there".to_owned(),
                "verified" => format!("verified by the office{}", by(r.by.as_deref())),
                other => format!("{other}{}", by(r.by.as_deref())),
            };
            let late = if r.late { ", late" } else { "" };
            let at = minute(r.at, look.zone());
            (
                M::Duty,
                format!("Fulfilled: {how}, counted as of {at}{late}"),
            )
        }
        Body::ObligationReopened(r) => (
            M::Duty,
            act("Open again", r.by.as_deref(), r.reason.as_deref()),
        ),
        Body::ObligationTicked(r) => (
            M::Evidence,
            format!(
                "Counts for “{}”: {}{}, published as of {}",
                look.requirement(r.requirement),
                look.publication(&r.publication),
                r.item
                    .as_deref()
                    .map(|item| format!(", noted for {}", look.unit(item)))
                    .unwrap_or_default(),
                minute(r.at, look.zone())
            ),
        ),
        Body::ObligationUnticked(r) => (
            M::Evidence,
            format!(
                "Counts no more for “{}”: {} ({})",
                look.requirement(r.requirement),
                look.publication(&r.publication),
                r.reason
            ),
        ),
        Body::ObligationExtensionRequested(r) => (
            M::Duty,
            act(
                &format!("Extension asked for, to {}", r.to),
                r.by.as_deref(),
                r.reason.as_deref(),
            ),
        ),
        Body::ObligationExtended(r) => {
            let from = r.from.map(|d| format!("from {d} ")).unwrap_or_default();
            let text = format!(
                "Extension granted{}, the date moves {from}to {}{}",
                by(r.by.as_deref()),
                r.to,
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationExtensionRefused(r) => (
            M::Duty,
            act("Extension refused", r.by.as_deref(), r.reason.as_deref()),
        ),
        Body::ObligationDelegated(r) => {
            let text = format!(
                "Handed over to {}{}{}; notices go there first",
                r.contact_title,
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationDisowned(r) => {
            let text = format!(
                "The unit says that the duty is not its own{}{}; the office decides",
                by(r.by.as_deref()),
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationStopped(r) => {
            let left = r.left.as_deref().map(left);
            let text = format!(
                "Clock stopped{}, {}{}{}",
                by(r.by.as_deref()),
                judged(&r.at, look.zone()),
                left.unwrap_or_default(),
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationResumed(r) | Body::ObligationRestarted(r) => {
            let what = match body {
                Body::ObligationResumed(_) => "Clock goes on",
                _ => "Clock started anew",
            };
            let to = match (r.to, r.to_at) {
                (_, Some(at)) => minute(at, look.zone()),
                (to, None) => to.map(|to| to.to_string()).unwrap_or_default(),
            };
            let text = format!(
                "{what}{}, {}, the date moves from {} to {to}{}",
                by(r.by.as_deref()),
                judged(&r.at, look.zone()),
                r.from,
                because(r.reason.as_deref())
            );
            (M::Duty, text)
        }
        Body::ObligationWaived(r) => (M::Duty, act("Waived", r.by.as_deref(), r.reason.as_deref())),
        Body::ObligationTriggered(r) => (
            M::Duty,
            format!(
                "Triggered{}, due {}{}",
                by(r.by.as_deref()),
                r.to,
                because(r.reason.as_deref())
            ),
        ),
        Body::ObligationWithdrawn(r) => (
            M::Duty,
            act("Withdrawn", r.by.as_deref(), r.reason.as_deref()),
        ),
        Body::ObligationRedated(r) => {
            let from = r
                .from
                .map(|from| format!("from {from} "))
                .unwrap_or_default();
            let to = match r.to_at {
                Some(at) => minute(at, look.zone()),
                None => r.to.to_string(),
            };
            let text = match (r.from == Some(r.to), r.granted) {
                (true, true) => format!("The date {to}, granted by the office, stays"),
                (true, false) => format!("The date {to} was derived anew and stays"),
                (false, _) => format!("The date was derived anew, {from}to {to}"),
            };
            (M::Duty, format!("{text}{}", because(Some(&r.reason))))
        }
        Body::ObligationReladdered(r) => {
            let text = if r.done.is_empty() {
                "Steps derived anew".to_owned()
            } else {
                let done = steps(&r.done);
                format!("Steps derived anew; what was done is not done again: {done}")
            };
            (M::Duty, text)
        }
        Body::ObligationTransferred(r) => {
            let unit = look.unit(&r.unit);
            let why = because(Some(&r.reason));
            (M::Duty, format!("The duty goes over to {unit}{why}"))
        }
        Body::ObligationDueSoon(r) => (M::Light, format!("Turns yellow: due {} is near", r.due)),
        Body::ObligationOverdue(r) => (
            M::Light,
            format!("Turns red: due {} has passed, not fulfilled", r.due),
        ),
        Body::ObligationLapsed(r) => (
            M::Light,
            format!(
                "Encouraged only: due {} has passed, no more reminders",
                r.due
            ),
        ),
        Body::NoticeRequested(r) => (M::Notice, request(r, look)),
        Body::NoticeQueued(r) => {
            let what = match r.instead_of {
                Some(_) => "The receiver could not be reached; told instead:",
                None => "Notice made, for",
            };
            let held = match &r.held {
                Some(wait) if wait.because.is_some() => {
                    let later = later(wait.because.as_deref(), wait.until, look.zone());
                    format!("; {later}")
                }
                _ => String::new(),
            };
            let (title, channel) = (&r.contact_title, r.channel.english());
            (M::Notice, format!("{what} {title} ({channel}){held}"))
        }
        Body::NoticeSuppressed(r) => (M::Notice, format!("Notice not sent: {}", r.reason)),
        Body::NoticeHeld(r) => {
            let text = later(r.because.as_deref(), r.until, look.zone());
            (M::Notice, format!("Held, {text}"))
        }
        Body::NoticeBundled(_) => (
            M::Notice,
            "Sent in one message with other notices to the same receiver".to_owned(),
        ),
        Body::NoticeDropped(r) => (M::Notice, format!("Notice not sent any more: {}", r.reason)),
        Body::NoticeAttempted(r) => {
            let twice = if r.possible_duplicate {
                "; the outcome of the one before is unknown, the receiver may get two"
            } else {
                ""
            };
            (M::Notice, format!("Attempt {}{twice}", r.attempt))
        }
        Body::NoticeDelivered(r) => (
            M::Notice,
            format!(
                "Attempt {} delivered{}",
                r.attempt,
                because(Some(&r.detail))
            ),
        ),
        Body::NoticeFailed(r) => (
            M::Notice,
            format!(
                "Attempt {} {}: {}; again at {}",
                r.attempt,
                outcome(r.outcome),
                r.detail,
                minute(r.retry_at, look.zone())
            ),
        ),
        Body::NoticeAbandoned(r) => (
            M::Notice,
            format!("Given up after {} attempts: {}", r.attempts, r.reason),
        ),
        _ => return None,
    })
}
