//! Definitions by programs: `POST /plans` shows what texts would change, `POST /deployments` brings
//! them into force as planned or not at all, `GET /deployments` says who did so, and why. By the same
//! workshop as the pages, so that nothing can be deployed here that a clerk could not look at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use duban_model::Zone;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::asked::{Asked, JSON, Wanted, acceptable};
use super::body::{is_json, no_query, parsed, read, told};
use super::page::{Cursor, Limit, Page};
use super::problem::{Code, DiagnosticItem, Problem};
use super::read::{Answered, OfDeployments};
use super::shape::At;
use crate::access::Viewer;
use crate::define::{Checked, Defining, Deployed, Files, Order, Planned, Severity, Version};
use crate::serve::Desk;

/// A plan may take so long.
pub const PLAN_WITHIN: Duration = Duration::from_secs(20);
/// A deployment may take so long; what is on its way then goes on, and the list says what became of it.
pub const DEPLOY_WITHIN: Duration = Duration::from_secs(30);
/// The longest reason, in characters.
pub const REASON_CHARACTERS: usize = 500;
/// The largest body with texts, in bytes: 8 MiB. A ledger of the sample's size has 300 KiB.
pub const TEXTS_BYTES: usize = 8 << 20;
/// Diagnostics that are told, in diagnostics.
const DIAGNOSTICS: usize = 200;
/// The names that a file may have.
const NAMES: &str = r"^((ledger|tasks|directory)\.yaml|[a-z][a-z0-9-]{0,30}-workdays\.csv)$";

/// Texts by the names of their files.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Texts(Files);

impl Texts {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The texts, if each has a name that a file may have.
    fn named(self) -> Result<Files, Problem> {
        let known = |name: &str| {
            matches!(name, "ledger.yaml" | "tasks.yaml" | "directory.yaml")
                || name.strip_suffix("-workdays.csv").is_some_and(|name| {
                    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
                    name.starts_with(|c: char| c.is_ascii_lowercase())
                        && name.len() <= 31
                        && name.bytes().all(plain)
                })
        };
        match self.0.keys().find(|name| !known(name)) {
            None => Ok(self.0),
            Some(name) => Err(Problem::new(
                Code::BadBody,
                format!("a file `{}`", duban_model::record::cut(name, 60)),
                "ledger.yaml, tasks.yaml, directory.yaml, NAME-workdays.csv",
                "Name the files as in a definition folder, without the folder.",
            )),
        }
    }
}

impl JsonSchema for Texts {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Texts".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The texts of a definition folder by the names of their files: ledger.yaml, tasks.yaml, directory.yaml, and NAME-workdays.csv for a calendar (without one named `cn`, the one that the program brings along).",
            "type": "object",
            "propertyNames": { "pattern": NAMES },
            "additionalProperties": { "type": "string" },
        })
    }
}

/// Texts to be planned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToPlan {
    files: Texts,
}

/// Texts to be deployed as planned.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToDeploy {
    files: Texts,
    /// The digest of the plan that was looked at.
    #[schemars(length(min = 1, max = 100))]
    plan: String,
    /// Why; it stands on the record with the token's name.
    #[schemars(length(min = 1, max = 500), regex(pattern = r"\S"))]
    reason: String,
}

/// What becomes of the notices of a duty, in notices.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct NoticeCounts {
    /// They will go out and would not have.
    added: usize,
    /// They would have gone out and will not.
    dropped: usize,
    /// Their time is past; they are not sent.
    past: usize,
    /// They go out at another time.
    shifted: usize,
}

impl From<[usize; 4]> for NoticeCounts {
    fn from([added, dropped, past, shifted]: [usize; 4]) -> NoticeCounts {
        NoticeCounts {
            added,
            dropped,
            past,
            shifted,
        }
    }
}

/// One change of a plan.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeItem {
    /// What happens to it: `opened`, `withdrawn`, `moved`, `kept` …, or `notices` where only its
    /// notices change.
    change: &'static str,
    /// Which duty.
    obligation: String,
    /// The date before, or the id it had.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    from: String,
    /// The date after.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    to: String,
    /// What becomes of its notices.
    notices: NoticeCounts,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
}

/// A unit whose people change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PeopleItem {
    /// The unit.
    unit: String,
    /// Before.
    before: String,
    /// After.
    after: String,
}

/// What deploying texts would change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct PlanAnswer {
    /// By this a deployment is held to the plan.
    plan: String,
    /// The ledger.
    ledger: String,
    /// What comes into force: `calendar`, `directory`, `definition`; empty if all of it is in force.
    brings: Vec<&'static str>,
    /// Each sort of change with its count.
    sum: BTreeMap<&'static str, usize>,
    /// The changes, at most 500.
    changes: Vec<ChangeItem>,
    /// Units whose people change.
    people: Vec<PeopleItem>,
    /// Why the services would refuse it; then it cannot be deployed.
    refused: Vec<String>,
    /// Warnings and readings to confirm.
    diagnostics: Vec<DiagnosticItem>,
}

/// What was brought into force.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DeploymentAnswer {
    /// The plan that it was held to.
    plan: String,
    /// The ledger.
    ledger: String,
    /// Who, as it stands on the record.
    by: String,
    /// Why, as it stands on the record.
    reason: String,
    /// What came of it, in Chinese.
    result: String,
}

/// One thing that came into force.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(crate) struct DeploymentItem {
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<At>,
    /// The office.
    tenant: String,
    /// The ledger; absent for units and calendars, which are the office's.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    ledger: String,
    /// The hash of its texts.
    definition: String,
    /// Its files.
    files: Vec<String>,
    /// Who deployed it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    reason: String,
    /// It is the one in force.
    in_force: bool,
}

impl DeploymentItem {
    fn of(version: Version) -> DeploymentItem {
        DeploymentItem {
            at: version.at.map(|at| At::of(at, Zone::SHANGHAI)),
            tenant: version.tenant,
            ledger: version.ledger,
            definition: version.hash,
            files: version.files.into_keys().collect(),
            by: version.by,
            reason: version.reason,
            in_force: version.in_force,
        }
    }
}

fn bench(desk: &Desk) -> Result<Defining, Problem> {
    let bench = desk.state.defining.clone();
    bench.ok_or_else(|| unable("a process that does not edit definitions".to_owned()))
}

/// What cannot be done just now, in the workshop's words.
fn unable(found: String) -> Problem {
    Problem::new(
        Code::Unavailable,
        found,
        "a log that answers, and work that ends in time",
        "Look at GET /api/v1/deployments whether it came into force, then ask again.",
    )
    .again_after(Duration::from_secs(5))
}

fn too_large(found: String) -> Problem {
    Problem::new(
        Code::TooLarge,
        found,
        format!("at most {TEXTS_BYTES} bytes"),
        "Leave out what is no part of the definition.",
    )
}

async fn body<T: serde::de::DeserializeOwned>(desk: &Desk, request: Request) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    acceptable(&parts.headers, JSON)?;
    no_query(&parts.uri)?;
    is_json(&parts.headers)?;
    let _place = desk.gate.reading().await?;
    let bytes = read(&parts.headers, body, TEXTS_BYTES, too_large).await?;
    parsed(&bytes)
}

/// Diagnostics as they are told; the errors of texts that cannot be used are a problem.
fn usable(found: Checked) -> Result<(String, Vec<DiagnosticItem>), Problem> {
    let errors = found.diagnostics.iter();
    let errors = errors.filter(|d| d.severity == Severity::Error).count();
    let told = found.diagnostics.into_iter().take(DIAGNOSTICS);
    let told: Vec<DiagnosticItem> = told.map(DiagnosticItem::from).collect();
    match found.ledger {
        Some(ledger) if errors == 0 => Ok((ledger, told)),
        _ => Err(Problem::new(
            Code::BadDefinition,
            format!("texts with {errors} errors"),
            "texts without errors",
            "See `diagnostics`: file, line and column, and how to mend it.",
        )
        .telling(told)),
    }
}

/// The texts without errors, of an office that is the viewer's.
async fn checked(
    bench: &Defining,
    viewer: &Viewer,
    files: &Files,
) -> Result<(String, Vec<DiagnosticItem>), Problem> {
    let texts = files.clone();
    let found = bench.work(move |workshop| workshop.check(&texts)).await;
    let found = found.map_err(unable)?;
    if let Some(other) = found.tenants.iter().find(|tenant| !viewer.is_of(tenant)) {
        return Err(Problem::new(
            Code::OtherTenant,
            format!("texts of the office `{other}`"),
            "texts of the office that the token is of",
            "Correct the tenant, or use that office's token.",
        ));
    }
    usable(found)
}

/// The texts in force of a ledger with these in their places, if they can be used.
pub(super) async fn over(
    desk: &Desk,
    viewer: &Viewer,
    ledger: &str,
    texts: Texts,
) -> Result<Files, Problem> {
    let (bench, texts) = (bench(desk)?, texts.named()?);
    let id = ledger.to_owned();
    let work = bench.work(move |workshop| workshop.in_force(&id, PLAN_WITHIN));
    let mut files = work.await.and_then(|files| files).map_err(unable)?;
    files.extend(texts);
    let (named, _) = checked(&bench, viewer, &files).await?;
    if named != ledger {
        return Err(Problem::new(
            Code::BadDefinition,
            format!("texts of the ledger `{named}`"),
            format!("texts of `{ledger}`"),
            "Correct the id in ledger.yaml, or name that ledger.",
        ));
    }
    Ok(files)
}

/// `POST /plans`
pub(super) async fn plan(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    request: Request,
) -> Answered {
    let asked: ToPlan = body(&desk, request).await?;
    let (bench, files) = (bench(&desk)?, asked.files.named()?);
    let (ledger, diagnostics) = checked(&bench, &viewer, &files).await?;
    let work = bench.work(move |workshop| workshop.plan(&files, PLAN_WITHIN));
    let planned: Planned = work.await.and_then(|plan| plan).map_err(unable)?;
    let changes = planned.changes.into_iter().map(|c| ChangeItem {
        change: c.change,
        obligation: c.obligation,
        from: c.from,
        to: c.to,
        notices: c.notices.into(),
        why: c.why,
    });
    let people = planned.contacts.into_iter();
    Ok(told(&PlanAnswer {
        plan: planned.plan,
        ledger,
        brings: planned.parts,
        sum: planned.counts,
        changes: changes.collect(),
        people: people
            .map(|[unit, before, after]| PeopleItem {
                unit,
                before,
                after,
            })
            .collect(),
        refused: planned.refused,
        diagnostics,
    }))
}

/// `POST /deployments`: answered once it is in force, which is durable.
pub(super) async fn deploy(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    request: Request,
) -> Answered {
    let asked: ToDeploy = body(&desk, request).await?;
    let reason = asked.reason.trim().to_owned();
    let characters = reason.chars().count();
    if characters == 0 || characters > REASON_CHARACTERS {
        return Err(Problem::new(
            Code::BadBody,
            format!("a reason of {characters} characters"),
            format!("a reason of 1 to {REASON_CHARACTERS} characters"),
            "Say why; it stands on the record.",
        ));
    }
    let (bench, files) = (bench(&desk)?, asked.files.named()?);
    let (ledger, _) = checked(&bench, &viewer, &files).await?;
    let (plan, by, why) = (asked.plan.clone(), viewer.signature(), reason.clone());
    let work = bench.work(move |workshop| {
        let order = Order {
            plan: &plan,
            by: &by,
            reason: &why,
        };
        workshop.deploy(&files, &order, PLAN_WITHIN)
    });
    let Ok(deployed) = tokio::time::timeout(DEPLOY_WITHIN, work).await else {
        return Err(unable(format!(
            "a deployment that goes on after {} seconds",
            DEPLOY_WITHIN.as_secs()
        )));
    };
    match deployed.and_then(|deployed| deployed).map_err(unable)? {
        Deployed::InForce(result) => Ok(told(&DeploymentAnswer {
            plan: asked.plan,
            ledger,
            by: viewer.signature(),
            reason,
            result,
        })),
        Deployed::Stale => Err(Problem::new(
            Code::StalePlan,
            format!(
                "the plan `{}`, which is not what would happen now",
                duban_model::record::cut(&asked.plan, 60)
            ),
            "the digest that POST /api/v1/plans answers for these texts now",
            "Plan again, look at what changes, and deploy with that digest. A plan that brings nothing says that the texts are in force already.",
        )),
        Deployed::Refused(why) => Err(Problem::new(
            Code::NotDeployed,
            why.join("; "),
            "a deployment that the services take",
            "Correct what they name and plan again.",
        )),
    }
}

/// `GET /deployments`
pub(super) async fn deployments(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(of): Wanted<OfDeployments>,
    asked: Asked,
) -> Answered {
    let seq = desk.state.read().seq();
    let fresh = asked.fresh(seq, Some(&viewer), JSON)?;
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    let tenant = viewer.tenant().to_owned();
    let work = bench(&desk)?;
    let work = work.work(move |workshop| workshop.versions(&tenant, PLAN_WITHIN));
    let versions = work.await.and_then(|versions| versions).map_err(unable)?;
    let look = desk.look(&viewer);
    Ok(fresh.json(&page(
        &look.seen(),
        versions,
        of.ledger.as_deref(),
        (of.limit, of.cursor),
    )))
}

/// A page of versions, the newest first; a version's place is its number from the oldest on.
fn page(
    seen: &crate::access::Seen<'_>,
    versions: Vec<Version>,
    ledger: Option<&str>,
    (limit, cursor): (Option<Limit>, Option<Cursor>),
) -> Page<DeploymentItem> {
    let places = (0..versions.len() as u64).rev();
    let versions = places
        .zip(versions)
        .filter(|(place, _)| cursor.is_none_or(|from| *place <= from.0))
        .filter(|(_, version)| ledger.is_none_or(|ledger| version.ledger == ledger));
    let entries = versions.map(|(place, version)| (place, DeploymentItem::of(version)));
    Page::of(seen, limit, entries)
}

/// The texts of a small definition, as a request of an example.
fn texts() -> serde_json::Value {
    serde_json::json!({
        "ledger.yaml": "ledger: example-2021\n…",
        "tasks.yaml": "tasks:\n…",
        "directory.yaml": "tenant: tongliao\n…",
    })
}

/// An example of what is planned.
pub(super) fn to_plan() -> serde_json::Value {
    serde_json::json!({ "files": texts() })
}

/// An example of what is deployed.
pub(super) fn to_deploy() -> serde_json::Value {
    serde_json::json!({
        "files": texts(),
        "plan": "0f3a6d5b1c2e4f60718293a4b5c6d7e8",
        "reason": "市政府办公室要求新增一项任务",
    })
}
