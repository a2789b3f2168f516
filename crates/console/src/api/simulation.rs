//! `POST /api/v1/simulations`: what would be sent, and what would become of duties, if certain events
//! came and nobody did anything else. Played in memory by the same services; nothing is appended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use chrono::{Days, NaiveDate};
use duban_model::{Envelope, Zone};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Semaphore;

use super::asked::{JSON, acceptable};
use super::body::{is_json, no_query, parsed, read, told};
use super::definition::{self, Texts};
use super::event::{BATCH_BYTES, BATCH_EVENTS, supposed};
use super::gate::whose;
use super::problem::{Code, Problem};
use super::read::Answered;
use super::shape::{At, Day};
use crate::access::{Right, Seen, Viewer};
use crate::ahead::{Case, CaseNotice, Played, Unplayed};
use crate::serve::Desk;

/// Simulations at the same time, in simulations, whoever asks: each takes a core.
pub const SIMULATIONS_AT_ONCE: usize = 2;
/// A simulation waits so long for those before it.
pub const SIMULATION_TURN: Duration = Duration::from_secs(5);
/// A simulation may take so long before it is given up.
pub const SIMULATION_WITHIN: Duration = Duration::from_secs(25);
/// How far ahead is looked, in days from where the log stands.
pub const SIMULATION_DAYS: u64 = 800;
/// Notices, changes and refusals of one simulation, in lines.
pub const SIMULATION_LINES: usize = 20_000;
/// Refusals that are told, in refusals.
const REFUSED: usize = 100;

/// Who simulates just now.
#[derive(Debug)]
pub(crate) struct Simulating {
    places: Arc<Semaphore>,
    who: Arc<Mutex<BTreeSet<String>>>,
}

impl Default for Simulating {
    fn default() -> Self {
        Simulating {
            places: Arc::new(Semaphore::new(SIMULATIONS_AT_ONCE)),
            who: Arc::default(),
        }
    }
}

/// One who simulates; nobody by that name does when it is dropped.
struct One {
    who: Arc<Mutex<BTreeSet<String>>>,
    name: String,
}

impl Drop for One {
    fn drop(&mut self) {
        let mut who = self.who.lock().unwrap_or_else(PoisonError::into_inner);
        who.remove(&self.name);
    }
}

impl Simulating {
    /// One at a time for each token or user.
    fn one(&self, viewer: &Viewer) -> Result<One, Problem> {
        let name = whose(viewer);
        let mut who = self.who.lock().unwrap_or_else(PoisonError::into_inner);
        if !who.insert(name.clone()) {
            return Err(Problem::new(
                Code::TooMany,
                "another simulation by this token that goes on",
                "one at a time",
                "Wait for the answer of the one before.",
            )
            .again_after(Duration::from_secs(1)));
        }
        Ok(One {
            who: Arc::clone(&self.who),
            name,
        })
    }
}

/// CloudEvents, as they would be sent.
fn events(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "What would come in, each at its `time`; one without a time, or of a time that is past, at the beginning. They are sent nowhere.",
        "type": "array",
        "maxItems": BATCH_EVENTS,
        "items": { "$ref": "#/components/schemas/Event" },
    })
}

/// What is to be played.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Simulation {
    /// A ledger in force.
    #[schemars(regex(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), example = &"tongliao-2021")]
    ledger: String,
    /// The last day, in the ledger's zone.
    #[serde(deserialize_with = "super::asked::one_day")]
    #[schemars(with = "String", extend("format" = "date"), regex(pattern = "^20[0-9]{2}-"), example = &"2021-12-31")]
    until: NaiveDate,
    #[serde(default)]
    #[schemars(schema_with = "events")]
    events: Vec<Box<RawValue>>,
    /// Texts in place of those in force, by the names of their files; those that are left out stay.
    /// Needs the scope `definitions`.
    #[serde(default)]
    files: Texts,
    /// Only notices to or about this unit, and its duties.
    #[serde(default)]
    unit: Option<String>,
}

/// One notice that would be sent; the fields are those of `duban simulate`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NoticeAhead {
    /// When.
    at: At,
    /// `reminder`, `escalation`, `digest` ….
    kind: &'static str,
    /// About which duty; absent where one message stands for several.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    obligation: String,
    /// Its row.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    task: String,
    /// Who owes; of a message for several duties, whose people are told.
    unit: String,
    /// As what: `responsible`, `lead` or `support`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    role: &'static str,
    /// `unit/contact`; absent if nobody would be told.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    contact: String,
    /// `mail`, `webhook` …, or `suppressed:CODE` where nothing would be sent.
    channel: String,
    /// Which step, e.g. `before:15wd`.
    step: String,
    /// Which rung, e.g. `contact`.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    tier: &'static str,
    /// The day in force.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(extend("format" = "date"))]
    due: String,
    /// The instant on that day, where the term is counted in hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    due_at: Option<String>,
    /// What the duty was opened for, as people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    occasion: Option<String>,
    /// Steps, or notices, that it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    covers: Vec<String>,
    /// What would be missing, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    /// Why, in one Chinese sentence.
    reason: String,
    /// The hash of the text that it follows from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    definition: String,
    /// The id that it would have.
    notice: String,
}

/// What would become of a duty.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeAhead {
    /// When.
    at: At,
    /// What: `opened`, `due_soon` (turns yellow), `overdue` (turns red), `fulfilled` …, as the type of
    /// its record ends.
    change: &'static str,
    /// Which duty.
    obligation: String,
    /// Who owes.
    unit: String,
    /// The day in force, where the change says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Day>,
}

/// What the services would refuse.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct RefusedAhead {
    /// When.
    at: At,
    /// Which rule, e.g. `unknown-unit`.
    code: String,
    /// What was found.
    found: String,
    /// What is expected.
    expected: String,
    /// How to mend it.
    remedy: String,
    /// The event's id, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
}

/// How many of what there are.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Sums {
    /// Notices by their kind; messages for several are `digest`.
    notices: BTreeMap<&'static str, u64>,
    /// Changes by what changes.
    changes: BTreeMap<&'static str, u64>,
    /// All refusals.
    refused: usize,
}

/// How it would go, as far as you may see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct SimulationAnswer {
    /// The ledger.
    ledger: String,
    /// The first instant: where the log stands, or now.
    from: At,
    /// The last instant.
    until: At,
    /// How many of what there are.
    sum: Sums,
    /// What would be sent, or suppressed, in order.
    notices: Vec<NoticeAhead>,
    /// What would become of duties, in order.
    changes: Vec<ChangeAhead>,
    /// What would be refused, in order; at most 100.
    refused: Vec<RefusedAhead>,
}

/// `POST /simulations`
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    request: Request,
) -> Answered {
    let (parts, body) = request.into_parts();
    acceptable(&parts.headers, JSON)?;
    no_query(&parts.uri)?;
    is_json(&parts.headers)?;
    let asked: Simulation = {
        let _place = desk.gate.reading().await?;
        let bytes = read(&parts.headers, body, BATCH_BYTES, too_large).await?;
        parsed(&bytes)?
    };
    if asked.events.len() > BATCH_EVENTS {
        return Err(too_large(format!("{} events", asked.events.len())));
    }
    let raw: Vec<&str> = asked.events.iter().map(|event| event.get()).collect();
    let events = supposed(&viewer, "/events", &raw)?;
    let now = check(&desk, &viewer, &asked, &events)?;
    let far = now.and_then(|now| now.checked_add_days(Days::new(SIMULATION_DAYS)));
    if far.is_some_and(|far| asked.until > far) {
        return Err(too_much(format!(
            "until {}, more than {SIMULATION_DAYS} days ahead",
            asked.until
        )));
    }
    let ahead = desk.state.ahead.as_ref();
    let foresee = ahead.map(crate::ahead::Ahead::foresee).ok_or_else(away)?;
    let one = desk.gate.simulating.one(&viewer)?;
    let files = match asked.files.is_empty() {
        true => None,
        false if !viewer.may(Right::EditDefinitions) => {
            return Err(Problem::new(
                Code::NoRight,
                "texts of a definition from a token without the scope for them",
                "a token with the scope definitions, or no `files`",
                "Leave `files` out, or ask an administrator for a token with that scope.",
            ));
        }
        false => Some(definition::over(&desk, &viewer, &asked.ledger, asked.files).await?),
    };
    let places = Arc::clone(&desk.gate.simulating.places);
    let place = tokio::time::timeout(SIMULATION_TURN, places.acquire_owned()).await;
    // Never closed.
    let Ok(Ok(place)) = place else {
        return Err(Problem::new(
            Code::Unavailable,
            format!("{SIMULATIONS_AT_ONCE} simulations of others that go on"),
            "a free place",
            "Ask again after a while.",
        )
        .again_after(Duration::from_secs(5)));
    };
    let ledger = asked.ledger.clone();
    let work = tokio::task::spawn_blocking(move || {
        // Held until it has really ended, also if nobody waits any more.
        let _held = (one, place);
        let case = Case {
            ledger: &ledger,
            until: asked.until,
            events: &events,
            files: files.as_ref(),
            lines: SIMULATION_LINES,
        };
        foresee.play(&case, SIMULATION_WITHIN)
    });
    let played = work.await.map_err(|fault| {
        tracing::error!(%fault, "a simulation failed");
        away()
    })?;
    let played = played.map_err(unplayed)?;
    let look = desk.look(&viewer);
    Ok(told(&answer(
        &look.seen(),
        &viewer,
        played,
        &asked.ledger,
        asked.unit.as_deref(),
    )))
}

/// Whether the ledger is there and the events are about its office. Says the day on which the log
/// stands.
fn check(
    desk: &Desk,
    viewer: &Viewer,
    asked: &Simulation,
    events: &[Envelope],
) -> Result<Option<NaiveDate>, Problem> {
    let look = desk.look(viewer);
    let seen = look.seen();
    let ledger = seen.ledger(&asked.ledger);
    let ledger = ledger.ok_or_else(|| Problem::not_found("ledger"))?;
    if let Some(other) = events.iter().find(|event| event.tenant != ledger.tenant) {
        return Err(Problem::new(
            Code::OtherTenant,
            format!("an event of the office `{}`", other.tenant),
            format!("events of `{}`, whose ledger it is", ledger.tenant),
            "Correct the tenant, or leave the event out.",
        ));
    }
    Ok(seen.now().map(|now| now.date_in(ledger.zone)))
}

fn too_large(found: String) -> Problem {
    Problem::new(
        Code::TooLarge,
        found,
        format!("at most {BATCH_BYTES} bytes and {BATCH_EVENTS} events"),
        "Leave out events or texts that change nothing.",
    )
}

fn too_much(found: String) -> Problem {
    Problem::new(
        Code::TooMuch,
        found,
        format!(
            "at most {SIMULATION_DAYS} days, and {SIMULATION_LINES} lines of notices and changes"
        ),
        "Choose an earlier last day.",
    )
}

fn away() -> Problem {
    Problem::new(
        Code::Unavailable,
        "a simulation that could not be played",
        "a process that looks ahead, and a log that answers",
        "Ask again after a while.",
    )
    .again_after(Duration::from_secs(5))
}

fn unplayed(why: Unplayed) -> Problem {
    match why {
        Unplayed::NoLedger => Problem::not_found("ledger"),
        Unplayed::Past(day) => Problem::new(
            Code::BadBody,
            "`until` before the day on which the log stands",
            format!("{day} or a later day"),
            "Choose a later day; what was before is on the log.",
        ),
        Unplayed::TooMuch(words) => too_much(words),
        Unplayed::Late => Problem::new(
            Code::Unavailable,
            format!(
                "a simulation that did not end within {} seconds",
                SIMULATION_WITHIN.as_secs()
            ),
            "one that does",
            "Choose an earlier last day, or ask again when less is going on.",
        )
        .again_after(SIMULATION_TURN),
        Unplayed::Away => away(),
        Unplayed::Texts(words) => Problem::new(
            Code::BadDefinition,
            words,
            "texts without errors",
            "POST /api/v1/plans tells file, line and column.",
        ),
    }
}

/// The unit of a duty, which its id names.
fn unit_of(obligation: &str) -> &str {
    obligation.split('/').nth(2).unwrap_or_default()
}

/// The unit of a contact.
fn told_unit(contact: &str) -> &str {
    contact.split('/').next().unwrap_or_default()
}

fn answer(
    seen: &Seen<'_>,
    viewer: &Viewer,
    played: Played,
    ledger: &str,
    unit: Option<&str>,
) -> SimulationAnswer {
    let (zone, tenant) = (played.zone, played.tenant.as_str());
    let sees_all = seen.sees_all_of(tenant);
    let sees =
        |of: &str| !of.is_empty() && unit.is_none_or(|unit| unit == of) && viewer.sees(tenant, of);
    // A message for several duties is this ledger's if one of its notices is, also one of before.
    let of_ledger: BTreeSet<&str> = played
        .notices
        .iter()
        .filter(|notice| !notice.obligation.is_empty())
        .map(|notice| notice.notice.as_str())
        .collect();
    let was_here = |id: &str| {
        let notice = id.parse().ok().and_then(|id| seen.notice(id));
        let place = notice.and_then(|notice| notice.ledger);
        place.is_some_and(|place| seen.ledger_at(place).is_some_and(|of| of.id == ledger))
    };
    let shows = |notice: &CaseNotice| {
        let is_here = !notice.obligation.is_empty()
            || notice
                .covers
                .iter()
                .any(|id| of_ledger.contains(id.as_str()) || was_here(id));
        is_here && (sees(&notice.unit) || sees(told_unit(&notice.contact)))
    };
    let kept: Vec<bool> = played.notices.iter().map(shows).collect();
    drop(of_ledger);
    let mut sum = Sums::default();
    let mut notices = Vec::new();
    for (notice, is_kept) in played.notices.into_iter().zip(kept) {
        if is_kept {
            *sum.notices.entry(notice.kind).or_default() += 1;
            notices.push(line(notice, zone));
        }
    }
    let mut changes = Vec::new();
    for change in played.changes {
        let unit = unit_of(&change.obligation);
        if sees(unit) {
            *sum.changes.entry(change.change).or_default() += 1;
            changes.push(ChangeAhead {
                at: At::of(change.at, zone),
                change: change.change,
                unit: unit.to_owned(),
                due: change.due.map(Day::of),
                obligation: change.obligation,
            });
        }
    }
    // What a service refuses by itself may be about anybody; an event that was handed over is not.
    let refused = played.refused.into_iter();
    let refused = refused.filter(|(_, why)| sees_all || why.event_id.is_some());
    let refused: Vec<_> = refused.collect();
    sum.refused = refused.len();
    let refused = refused
        .into_iter()
        .take(REFUSED)
        .map(|(at, why)| RefusedAhead {
            at: At::of(at, zone),
            code: why.code,
            found: why.found,
            expected: why.expected,
            remedy: why.remedy,
            event_id: why.event_id,
        });
    SimulationAnswer {
        ledger: ledger.to_owned(),
        from: At::of(played.span.0, zone),
        until: At::of(played.span.1, zone),
        sum,
        notices,
        changes,
        refused: refused.collect(),
    }
}

fn line(notice: CaseNotice, zone: Zone) -> NoticeAhead {
    NoticeAhead {
        at: At::of(notice.at, zone),
        kind: notice.kind,
        obligation: notice.obligation,
        task: notice.task,
        unit: notice.unit,
        role: notice.role,
        contact: notice.contact,
        channel: notice.channel,
        step: notice.step,
        tier: notice.tier,
        due: notice.due,
        due_at: notice.due_at,
        occasion: notice.occasion,
        covers: notice.covers,
        missing: notice.missing,
        reason: notice.reason,
        definition: notice.definition,
        notice: notice.notice,
    }
}

/// An example of what is asked: a policy is published meanwhile.
pub(super) fn sample() -> serde_json::Value {
    serde_json::json!({
        "ledger": "tongliao-2021",
        "until": "2021-09-30",
        "events": [super::document::example()],
    })
}
