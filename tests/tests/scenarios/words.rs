//! Records and rows in the words of a scenario.

use chrono::NaiveDate;
use duban_model::decision::{NoticeKind, NoticeRequested};
use duban_model::definition::Tier;
use duban_model::{Body, Service, Timestamp, Zone};
use duban_rules::{Obligation, ObligationState};

use crate::script::{Fields, shown};

/// The light of a duty by its row: red, yellow or green while it runs.
pub fn light(o: &Obligation) -> &'static str {
    match o.state {
        ObligationState::Waiting => "none",
        state if state.is_final() => "off",
        _ if o.overdue => "red",
        _ if o.due_soon => "yellow",
        _ => "green",
    }
}

/// A record in the words of an expectation; nothing for those that a scenario does not tell.
pub fn told(service: Service, body: &Body) -> Option<(Vec<String>, Fields)> {
    let mut fields = Fields::new();
    let mut put = |key: &str, value: String| {
        fields.insert(key.to_owned(), value);
    };
    let words = match body {
        Body::ObligationOpened(r) => {
            put("due", due(r.due, r.due_at));
            vec!["opened"]
        }
        Body::ObligationAccepted(_) => vec!["accepted"],
        Body::ObligationProgressed(_) => vec!["progressed"],
        Body::ObligationSubmitted(r) => {
            put("on", r.at.at.date_in(Zone::SHANGHAI).to_string());
            if r.late {
                put("late", "yes".to_owned());
            }
            vec!["submitted"]
        }
        Body::ObligationReturned(r) => {
            put("due", r.due.to_string());
            put("reason", r.reason.clone());
            vec!["returned"]
        }
        Body::ObligationFulfilled(r) => {
            put("on", r.at.date_in(Zone::SHANGHAI).to_string());
            if r.late {
                put("late", "yes".to_owned());
            }
            vec!["fulfilled", r.how.as_str()]
        }
        Body::ObligationReopened(r) => {
            put("reason", r.reason.clone().unwrap_or_default());
            vec!["reopened"]
        }
        Body::ObligationTicked(r) => {
            put("on", r.at.date_in(Zone::SHANGHAI).to_string());
            vec!["ticked", r.publication.as_str()]
        }
        Body::ObligationUnticked(r) => {
            put("reason", r.reason.clone());
            vec!["unticked", r.publication.as_str()]
        }
        Body::ObligationExtensionRequested(r) => {
            put("due", r.to.to_string());
            vec!["extension-requested"]
        }
        Body::ObligationExtended(r) => {
            put("due", r.to.to_string());
            if let Some(by) = &r.by {
                put("by", by.clone());
            }
            vec!["extended"]
        }
        Body::ObligationExtensionRefused(_) => vec!["extension-refused"],
        Body::ObligationDelegated(r) => {
            put("by", r.by.clone().unwrap_or_default());
            vec!["delegated", r.contact.as_str()]
        }
        Body::ObligationDisowned(r) => {
            put("reason", r.reason.clone().unwrap_or_default());
            vec!["disowned"]
        }
        Body::ObligationStopped(r) => {
            put("on", r.at.at.date_in(Zone::SHANGHAI).to_string());
            put("left", r.left.clone().unwrap_or_default());
            put("reason", r.reason.clone().unwrap_or_default());
            vec!["stopped"]
        }
        Body::ObligationResumed(r) | Body::ObligationRestarted(r) => {
            put("on", r.at.at.date_in(Zone::SHANGHAI).to_string());
            put("due", r.to.map(|to| to.to_string()).unwrap_or_default());
            match body {
                Body::ObligationResumed(_) => vec!["resumed"],
                _ => vec!["restarted"],
            }
        }
        Body::ObligationWaived(_) => vec!["waived"],
        Body::ObligationWithdrawn(r) => {
            put("reason", r.reason.clone().unwrap_or_default());
            vec!["withdrawn"]
        }
        Body::ObligationRedated(r) => {
            put("due", due(Some(r.to), r.to_at));
            put("reason", r.reason.clone());
            vec![if r.granted { "kept" } else { "redated" }]
        }
        Body::ObligationReladdered(r) => {
            put("covers", r.done.join(","));
            vec!["reladdered"]
        }
        Body::ObligationTransferred(r) => {
            put("reason", r.reason.clone());
            vec!["transferred"]
        }
        Body::ObligationTriggered(r) => {
            put("due", r.to.to_string());
            vec!["triggered"]
        }
        Body::ObligationDueSoon(_) => vec!["yellow"],
        Body::ObligationOverdue(_) => vec!["red"],
        Body::ObligationLapsed(_) => vec!["lapsed"],
        Body::NoticeQueued(r) => {
            put("receiver", r.contact.clone());
            put("text", format!("{}\n{}", r.subject, r.text));
            for (key, value) in of_request(&r.request) {
                put(key, value);
            }
            vec!["notice", r.request.step.as_str(), r.request.tier.as_str()]
        }
        Body::NoticeSuppressed(r) => {
            for (key, value) in of_request(&r.request) {
                put(key, value);
            }
            vec!["suppressed", r.code.as_str()]
        }
        Body::RejectionRecorded(r) if service != Service::Notifier => {
            put("found", r.found.clone());
            put("expected", r.expected.clone());
            vec!["rejected", r.code.as_str()]
        }
        Body::DuplicateRecorded(_) => vec!["duplicate"],
        _ => return None,
    };
    let words = words.into_iter().map(ToOwned::to_owned).collect();
    Some((words, fields))
}

/// A date, or an instant in one word: `2021-07-06T03:10`.
pub fn due(date: Option<NaiveDate>, at: Option<Timestamp>) -> String {
    match (at, date) {
        (Some(at), _) => shown(at).replace(' ', "T"),
        (None, Some(date)) => date.to_string(),
        (None, None) => "none".to_owned(),
    }
}

/// What a notice says. Its kind and, mostly, whom it goes to follow from step and tier; where they
/// do not, that is a fault of the rules which shows as an unexpected `to`.
fn of_request(request: &NoticeRequested) -> Vec<(&'static str, String)> {
    let kind = match request.step.split(':').next().unwrap_or_default() {
        "before" | "due" | "unsigned" => NoticeKind::Reminder,
        "overdue" => NoticeKind::Escalation,
        "catchup" => NoticeKind::Catchup,
        "verify" => NoticeKind::Verification,
        "reopened" => NoticeKind::Reopened,
        "opened" => NoticeKind::Opened,
        "extended" => NoticeKind::Extended,
        "extension_refused" => NoticeKind::ExtensionRefused,
        "waived" => NoticeKind::Waived,
        "delegated" => NoticeKind::Delegated,
        "disowned" => NoticeKind::Disowned,
        // To the unit when it is stopped, to the office while it stands still.
        "stopped" if request.step == "stopped" => NoticeKind::Stopped,
        "stopped" => NoticeKind::StillStopped,
        "resumed" => NoticeKind::Resumed,
        "restarted" => NoticeKind::Restarted,
        _ => NoticeKind::Return,
    };
    assert_eq!(request.kind, kind, "the kind of {request:?}");
    if matches!(request.tier, Tier::Contact | Tier::Leader) {
        assert_eq!(request.to, request.unit, "whom {request:?} goes to");
    }
    let mut list = vec![
        ("to", request.to.clone()),
        ("missing", request.missing.join(",")),
        ("due", due(request.due, request.due_at)),
        ("reason", request.reason.clone()),
    ];
    if request.missing.is_empty() {
        list.retain(|(key, _)| *key != "missing");
    }
    if !request.covers.is_empty() {
        list.push(("covers", request.covers.join(",")));
    }
    list
}
