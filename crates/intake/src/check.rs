//! What an event must satisfy beyond being readable.

use duban_model::directory::Channel;
use duban_model::directory::Directory;
use duban_model::fact::{ContactPreferred, TaskAct};
use duban_model::id::{MAX_ID_BYTES, is_plain_id};
use duban_model::record::cut;
use duban_model::silence::{MAX_MAINTENANCE_MILLIS, MAX_SILENCE_MILLIS, SilenceSet};
use duban_model::{Body, Envelope, RecordType, Timestamp};

use crate::IntakeState;

/// A producer's clock may be this far ahead: 5 minutes in milliseconds.
pub const FUTURE_TOLERANCE_MILLIS: i64 = 5 * 60 * 1000;

/// A day in milliseconds.
const DAY_MILLIS: i64 = 24 * 3600 * 1000;
/// The longest text field, in characters.
const MAX_TEXT_CHARS: usize = 2_000;
/// The most evidence links of one submission.
const MAX_EVIDENCE: usize = 50;
/// The most units of a directory.
const MAX_UNITS: usize = 20_000;

/// Why an event is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: &'static str,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// How to mend it.
    pub remedy: String,
}

fn refuse<T>(
    code: &'static str,
    found: impl Into<String>,
    expected: impl Into<String>,
    remedy: &str,
) -> Result<T, Refusal> {
    Err(Refusal {
        code,
        found: found.into(),
        expected: expected.into(),
        remedy: remedy.to_owned(),
    })
}

/// Checks a readable event; `at` is the instant it would be stamped with.
pub(crate) fn check(
    state: &IntakeState,
    event: &Envelope,
    offered_on: Option<&str>,
    at: Timestamp,
) -> Result<(), Refusal> {
    offered(event, offered_on)?;
    let brings_units = matches!(
        event.body,
        Body::DirectoryDeployed(_) | Body::CalendarDeployed(_) | Body::ClockAdvanced(_)
    );
    if state.units(&event.tenant).is_none() && !brings_units {
        return refuse(
            "unknown-tenant",
            format!("tenant `{}`", event.tenant),
            "an office whose directory was deployed here",
            "Correct the tenant, or deploy its directory first.",
        );
    }
    if let Some(time) = event
        .time
        .filter(|t| *t > at.plus_millis(FUTURE_TOLERANCE_MILLIS))
    {
        return refuse(
            "from-the-future",
            format!("time {time}"),
            format!("not later than now, {at}"),
            "Set the producer's clock right and send it again under a new id.",
        );
    }
    match &event.body {
        Body::PublicationPublished(p) | Body::PublicationUpdated(p) => {
            known_unit(state, event, &p.unit)?;
            for (name, text) in [
                ("publication", Some(&p.publication)),
                ("kind", Some(&p.kind)),
                ("title", Some(&p.title)),
            ] {
                required(name, text)?;
            }
            for text in [
                &p.url,
                &p.category,
                &p.issuer,
                &p.number,
                &p.validity,
                &p.note,
            ]
            .into_iter()
            .flatten()
            {
                short("a field", text)?;
            }
            own_id("publication", &p.publication)?;
            related("about", p.about.as_ref())
        }
        Body::PublicationWithdrawn(p) => {
            known_unit(state, event, &p.unit)?;
            required("publication", Some(&p.publication))
        }
        Body::MatterReported(m) => {
            known_unit(state, event, &m.unit)?;
            for (name, text) in [
                ("matter", &m.matter),
                ("kind", &m.kind),
                ("title", &m.title),
            ] {
                required(name, Some(text))?;
            }
            for (name, text) in [("number", &m.number), ("note", &m.note)] {
                text.as_ref().map_or(Ok(()), |text| short(name, text))?;
            }
            own_id("matter", &m.matter)?;
            related("about", m.about.as_ref())
        }
        Body::MatterWithdrawn(m) => {
            known_unit(state, event, &m.unit)?;
            required("matter", Some(&m.matter))?;
            for (name, text) in [("reason", &m.reason), ("note", &m.note)] {
                text.as_ref().map_or(Ok(()), |text| short(name, text))?;
            }
            own_id("matter", &m.matter)
        }
        Body::DirectoryDeployed(d) => directory(event, &d.directory),
        Body::CalendarDeployed(d) => match d.calendar.check() {
            Ok(()) => Ok(()),
            Err(faults) => refuse(
                "bad-calendar",
                faults.first().map(ToString::to_string).unwrap_or_default(),
                "a calendar that passes `duban check`",
                "Mend the calendar file and deploy it again.",
            ),
        },
        Body::DefinitionDeployed(d) => {
            if !is_plain_id(&d.ledger) || d.files.is_empty() || d.files.len() > 20 {
                return refuse(
                    "bad-definition",
                    format!(
                        "ledger `{}` with {} files",
                        cut(&d.ledger, 60),
                        d.files.len()
                    ),
                    "a plain ledger id and 1 to 20 files",
                    "Bring the folder into force with `duban serve --ledger`.",
                );
            }
            Ok(())
        }
        Body::NoticeRetryRequested(r) => {
            required("notice", Some(&r.notice))?;
            own_id("notice", &r.notice)?;
            required("by", Some(&r.by))?;
            let reason = r.reason.as_ref();
            reason.map_or(Ok(()), |reason| short("reason", reason))
        }
        Body::ContactPreferred(chosen) => preferred(state, event, chosen),
        Body::SilenceSet(set) => silence(state, event, set, at),
        Body::SilenceLifted(lifted) => {
            required("silence", Some(&lifted.silence))?;
            required("by", Some(&lifted.by))?;
            let reason = lifted.reason.as_ref();
            reason.map_or(Ok(()), |text| short("reason", text))
        }
        Body::DeliveryReported(_) | Body::ClockAdvanced(_) => Ok(()),
        // Envelope::parse lets only facts through.
        body => body.act().map_or(Ok(()), |act| task_act(state, event, act)),
    }
}

/// Rights are given by subject, so the subject must say the same as the event.
fn offered(event: &Envelope, offered_on: Option<&str>) -> Result<(), Refusal> {
    let Some(subject) = offered_on else {
        return Ok(());
    };
    let inside = format!(
        "{}.{}",
        event.tenant,
        event.kind.as_str().trim_start_matches("duban.")
    );
    if subject == inside {
        return Ok(());
    }
    let code = if subject.split('.').next() == Some(event.tenant.as_str()) {
        "wrong-subject"
    } else {
        "other-tenant"
    };
    refuse(
        code,
        format!(
            "an event {inside} on the subject duban.in.{}",
            cut(subject, 200)
        ),
        format!("the subject duban.in.{inside}"),
        "Publish each event on the subject of its own tenant and type.",
    )
}

fn known_unit(state: &IntakeState, event: &Envelope, unit: &str) -> Result<(), Refusal> {
    if state
        .units(&event.tenant)
        .is_some_and(|units| units.contains(unit))
    {
        return Ok(());
    }
    refuse(
        "unknown-unit",
        format!("unit `{}`", cut(unit, 100)),
        format!("a unit of the directory of `{}`", event.tenant),
        "Correct the unit's id, or add the unit to the directory and send it again.",
    )
}

fn required(name: &str, text: Option<&String>) -> Result<(), Refusal> {
    match text {
        Some(text) if !text.trim().is_empty() => short(name, text),
        _ => refuse(
            "missing-field",
            format!("no `{name}`"),
            format!("`{name}` with a text"),
            "Add it and send the event again under a new id.",
        ),
    }
}

fn short(name: &str, text: &str) -> Result<(), Refusal> {
    if text.len() <= MAX_TEXT_CHARS {
        return Ok(());
    }
    let length = text.chars().count();
    if length > MAX_TEXT_CHARS {
        return too_long(name, length);
    }
    Ok(())
}

/// A producer's own id of something.
fn own_id(name: &str, id: &str) -> Result<(), Refusal> {
    if id.len() > MAX_ID_BYTES {
        return too_long(name, id.len());
    }
    Ok(())
}

/// The id of something else, where one is given.
fn related(name: &str, id: Option<&String>) -> Result<(), Refusal> {
    match id {
        None => Ok(()),
        Some(id) => {
            required(name, Some(id))?;
            own_id(name, id)
        }
    }
}

fn too_long(name: &str, length: usize) -> Result<(), Refusal> {
    refuse(
        "too-long",
        format!("`{name}` of {length} characters"),
        format!("at most {MAX_TEXT_CHARS} characters (200 for ids)"),
        "Shorten it; long texts belong behind a link.",
    )
}

fn task_act(state: &IntakeState, event: &Envelope, act: &TaskAct) -> Result<(), Refusal> {
    required("task", Some(&act.task))?;
    if !is_plain_id(&act.task) {
        return refuse(
            "bad-id",
            format!("task `{}`", cut(&act.task, 60)),
            "the row's number, e.g. `10`",
            "Use the number that the ledger gives.",
        );
    }
    match &act.unit {
        Some(unit) => known_unit(state, event, unit)?,
        None if event.kind == RecordType::TaskTriggered => {}
        None => return required("unit", None),
    }
    let needs_reason = matches!(
        event.kind,
        RecordType::TaskReturned
            | RecordType::TaskWaived
            | RecordType::TaskExtensionRequested
            | RecordType::TaskExtensionApproved
            | RecordType::TaskExtensionRefused
            | RecordType::TaskStopped
            | RecordType::TaskRestarted
    );
    if needs_reason {
        required("reason", act.reason.as_ref())?;
    }
    if event.kind == RecordType::TaskStopped {
        // Whoever stops a clock moves a legal date.
        required("by", act.by.as_ref())?;
    }
    let extends = matches!(
        event.kind,
        RecordType::TaskExtensionRequested | RecordType::TaskExtensionApproved
    );
    match (act.due, act.extend) {
        (None, None) if extends => {
            return refuse(
                "missing-field",
                "neither `due` nor `extend`",
                "the new date as `due`, or what is added to the one that holds as `extend`, e.g. `20wd`",
                "Add one of them and send the event again under a new id.",
            );
        }
        (Some(_), Some(_)) if extends => {
            return refuse(
                "both-fields",
                "`due` and `extend`",
                "one of them: a new date, or what is added to the one that holds",
                "Leave out one and send the event again under a new id.",
            );
        }
        (_, Some(extend)) if !extends => {
            return refuse(
                "field-not-used",
                format!("`extend` {extend}"),
                "`extend` only with a request or an approval of an extension",
                "Leave it out and send the event again under a new id.",
            );
        }
        (None, _) if event.kind == RecordType::TaskTriggered => return required("due", None),
        _ => {}
    }
    related("occasion", act.occasion.as_ref())?;
    for text in [&act.by, &act.reason, &act.note].into_iter().flatten() {
        short("a field", text)?;
    }
    if act.evidence.len() > MAX_EVIDENCE {
        return refuse(
            "too-many",
            format!("{} evidence links", act.evidence.len()),
            format!("at most {MAX_EVIDENCE}"),
            "Put the rest into one document.",
        );
    }
    for link in &act.evidence {
        short("evidence", link)?;
    }
    Ok(())
}

/// Whether the unit has that contact, and the contact those channels, is the notifier's business.
fn preferred(
    state: &IntakeState,
    event: &Envelope,
    chosen: &ContactPreferred,
) -> Result<(), Refusal> {
    known_unit(state, event, &chosen.unit)?;
    required("contact", Some(&chosen.contact))?;
    own_id("contact", &chosen.contact)?;
    required("by", Some(&chosen.by))?;
    if chosen.channels.len() > Channel::ALL.len() {
        return refuse(
            "too-many",
            format!("{} channels", chosen.channels.len()),
            format!("at most {}, each once", Channel::ALL.len()),
            "Name each channel once, best first.",
        );
    }
    Ok(())
}

fn silence(
    state: &IntakeState,
    event: &Envelope,
    set: &SilenceSet,
    at: Timestamp,
) -> Result<(), Refusal> {
    if !is_plain_id(&set.silence) {
        return refuse(
            "bad-id",
            format!("silence id `{}`", cut(&set.silence, 60)),
            "letters, digits, `-`, `_`, `.`",
            "Choose a plain id.",
        );
    }
    required("by", Some(&set.by))?;
    required("reason", Some(&set.reason))?;
    let scoped = [&set.ledger, &set.task, &set.unit].into_iter().flatten();
    for (name, text) in [("ledger", &set.ledger), ("task", &set.task)] {
        text.as_ref().map_or(Ok(()), |text| short(name, text))?;
    }
    if let Some(unit) = &set.unit {
        known_unit(state, event, unit)?;
    }
    let named = scoped.count();
    if set.maintenance != (named == 0) {
        return refuse(
            "bad-silence",
            if set.maintenance {
                "maintenance with a scope"
            } else {
                "a silence that names no ledger, task or unit"
            },
            "a silence with a ledger, a task or a unit; maintenance, which is for all, without",
            "Say which notices are not to be sent, or set `maintenance` and no scope.",
        );
    }
    let longest = if set.maintenance {
        MAX_MAINTENANCE_MILLIS
    } else {
        MAX_SILENCE_MILLIS
    };
    if set.until <= at || set.until > at.plus_millis(longest) {
        return refuse(
            "bad-silence",
            format!("an end at {}", set.until),
            format!(
                "later than now, {at}, and within {} days",
                longest / DAY_MILLIS
            ),
            "Correct `until`; set it again when it has ended, if it is still needed.",
        );
    }
    Ok(())
}

fn directory(event: &Envelope, directory: &Directory) -> Result<(), Refusal> {
    if directory.tenant != event.tenant {
        return refuse(
            "other-tenant",
            format!("the directory of `{}`", cut(&directory.tenant, 60)),
            format!("the directory of `{}`", event.tenant),
            "Send each office's directory under its own tenant.",
        );
    }
    if directory.units.is_empty() || directory.units.len() > MAX_UNITS {
        return refuse(
            "bad-directory",
            format!("{} units", directory.units.len()),
            format!("1 to {MAX_UNITS}"),
            "Deploy the office's whole directory.",
        );
    }
    if let Some(id) = directory.units.keys().find(|id| !is_plain_id(id)) {
        return refuse(
            "bad-id",
            format!("unit id `{}`", cut(id, 60)),
            "letters, digits, `-`, `_`, `.`",
            "Rename the unit's id.",
        );
    }
    Ok(())
}
