//! Notices, units and refused events as the API answers them; see [`super::shape`].

use duban_model::Zone;
use schemars::JsonSchema;
use serde::Serialize;

use super::shape::{At, FateName};
use crate::access::Seen;
use crate::projection::{Notice, Rejection, UnitName};

/// One message to one contact.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct NoticeItem {
    /// Its id.
    notice: String,
    /// When it was asked for.
    at: At,
    /// The duty it is about, if you may see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    obligation: Option<String>,
    /// The ledger, if it belongs to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<String>,
    /// Who owes.
    unit: String,
    /// `reminder`, `escalation`, `digest` ….
    kind: String,
    /// Which step, e.g. `before:15wd`.
    step: String,
    /// Which rung, e.g. `contact`.
    tier: String,
    /// The unit whose people are told.
    to: String,
    /// `unit/contact`, once a receiver was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact: Option<String>,
    /// The contact's title.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_title: Option<String>,
    /// `mail`, `webhook` ….
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// Why, in one Chinese sentence.
    reason: String,
    /// Steps that this one notice stands for.
    covers: Vec<String>,
    /// What became of it.
    fate: FateName,
    /// Attempts announced so far.
    attempts: u32,
    /// An earlier attempt may have arrived.
    possible_duplicate: bool,
    /// The last answer, or why it was suppressed or abandoned.
    detail: String,
}

impl NoticeItem {
    pub fn of(seen: &Seen<'_>, notice: &Notice) -> NoticeItem {
        let ledger = notice.ledger.and_then(|place| seen.ledger_at(place));
        let duty = notice.duty.and_then(|place| seen.duty_at(place));
        let contact = notice.contact.as_ref();
        NoticeItem {
            notice: notice.id.to_string(),
            at: At::of(notice.at, ledger.map_or(Zone::SHANGHAI, |l| l.zone)),
            obligation: duty.map(|duty| duty.id.to_string()),
            ledger: ledger.map(|ledger| ledger.id.clone()),
            unit: notice.unit.to_string(),
            kind: notice.kind.as_str().to_owned(),
            step: notice.step.to_string(),
            tier: notice.tier.as_str().to_owned(),
            to: notice.to.to_string(),
            contact: contact.map(|(contact, _, _)| contact.to_string()),
            contact_title: contact.map(|(_, title, _)| title.to_string()),
            channel: contact.map(|(_, _, channel)| channel.as_str().to_owned()),
            reason: notice.reason.to_string(),
            covers: notice.covers.iter().map(ToString::to_string).collect(),
            fate: notice.fate.into(),
            attempts: notice.attempts,
            possible_duplicate: notice.possible_duplicate,
            detail: notice.detail.to_string(),
        }
    }
}

/// A unit of an office's directory.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct UnitItem {
    /// Its id.
    unit: String,
    /// The office in whose directory it stands.
    tenant: String,
    /// Its full name.
    name: String,
    /// Its name in lists.
    short: String,
    /// 市级, 旗县级 ….
    level: String,
}

impl UnitItem {
    pub fn of(tenant: &str, unit: &str, name: &UnitName) -> UnitItem {
        UnitItem {
            unit: unit.to_owned(),
            tenant: tenant.to_owned(),
            name: name.name.clone(),
            short: name.short.clone(),
            level: name.level.clone(),
        }
    }
}

/// An event that was refused after it had been taken.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct RejectionItem {
    /// The record that says so.
    record: String,
    /// When.
    at: At,
    /// Which service refused it.
    service: String,
    /// The office that the event named.
    tenant: String,
    /// Which rule refused it, e.g. `unknown-unit`.
    code: String,
    /// What was found.
    found: String,
    /// What is expected.
    expected: String,
    /// How to mend it.
    remedy: String,
    /// The refused event's type, as far as it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type: Option<String>,
    /// Its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_source: Option<String>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

impl RejectionItem {
    pub fn of(rejection: &Rejection) -> RejectionItem {
        let why = &rejection.why;
        RejectionItem {
            record: rejection.record.to_string(),
            at: At::of(rejection.at, Zone::SHANGHAI),
            service: rejection.service.as_str().to_owned(),
            tenant: rejection.tenant.clone(),
            code: why.code.clone(),
            found: why.found.clone(),
            expected: why.expected.clone(),
            remedy: why.remedy.clone(),
            event_type: why.event_type.clone(),
            event_source: why.event_source.clone(),
            event_id: why.event_id.clone(),
        }
    }
}
