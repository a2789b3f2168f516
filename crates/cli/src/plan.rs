//! `duban plan`: what deploying a folder would change, obligation by obligation and in sum.
//!
//! Computed by the decider itself: the log is folded, the deployment decided in memory, and what
//! stood before is compared with what stands after. Deploying does the same on the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use duban_console::{step_in_chinese, tier_in_chinese};
use duban_model::fact::DefinitionFile;
use duban_model::{Body, Envelope, Record, RecordId, Timestamp, Zone};
use duban_rules::{Obligation, ObligationState, RulesState, Step, StepCode, notices_of};
use duban_runtime::clock::Clock;
use serde::Serialize;

use crate::args::{Format, Plan as Args};
use crate::folder::{self, Folder};
use crate::plan_people::contacts;
use crate::plan_words::{WORDS, change_in_chinese, in_chinese, worded_otherwise, words};
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::view::View;
use crate::{Ended, Fault};

/// An instant up to its minute, in characters.
const MINUTE: usize = 16;

/// What is to be brought into force; nothing that is in force already.
#[derive(Default)]
pub(crate) struct Wanted {
    /// The events, in order: calendar, directory, definition.
    pub events: Vec<Envelope>,
    /// The texts' hash, when they are among the events.
    pub definition: Option<String>,
}

impl Wanted {
    /// What of a folder differs from what is in force.
    pub(crate) fn of_folder(folder: &Folder, state: &RulesState) -> Result<Wanted, Fault> {
        let mut wanted = Wanted::default();
        let mut directory_changes = false;
        for event in folder.deployment()? {
            let differs = match &event.body {
                Body::CalendarDeployed(d) => folder
                    .definition
                    .as_ref()
                    .and_then(|definition| state.calendar(definition))
                    .is_none_or(|c| *c != d.calendar),
                Body::DirectoryDeployed(d) => {
                    let in_force = state.directory(&event.tenant);
                    directory_changes = in_force.is_none_or(|there| *there != d.directory);
                    directory_changes
                }
                // With another directory the same text may mean other units; the directory alone
                // then brings the ledger under it.
                _ => {
                    let running = state.ledger(event.ledger.as_deref().unwrap_or_default());
                    let same = running.is_some_and(|ledger| {
                        ledger.hash == folder.hash
                            && (directory_changes
                                || Some(&ledger.definition) == folder.definition.as_ref())
                    });
                    !same
                }
            };
            if differs {
                if matches!(event.body, Body::DefinitionDeployed(_)) {
                    wanted.definition = Some(folder.hash.clone());
                }
                wanted.events.push(event);
            }
        }
        Ok(wanted)
    }

    /// Earlier texts of a ledger.
    pub(crate) fn of_texts(fact: &Record, files: &[DefinitionFile], hash: &str) -> Wanted {
        let body = match &fact.body {
            Body::DefinitionDeployed(d) => {
                let mut deployed = d.clone();
                deployed.files = files.to_vec();
                deployed.by = None;
                deployed.reason = None;
                deployed.expects = None;
                Body::DefinitionDeployed(deployed)
            }
            other => other.clone(),
        };
        let event = Envelope {
            id: String::new(),
            source: folder::DEPLOY_SOURCE.to_owned(),
            kind: body.record_type(),
            time: None,
            tenant: fact.tenant.clone(),
            ledger: fact.ledger.clone(),
            body,
        };
        Wanted {
            events: vec![event],
            definition: Some(hash.to_owned()),
        }
    }
}

/// What happens to one obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those that are printed"
)]
pub(crate) struct Change {
    /// `opened`, `withdrawn`, `restored`, `transferred`, `moved`, `kept`, `fulfilled`, `reopened`, or
    /// `notices` where only its notices change.
    pub change: &'static str,
    pub obligation: String,
    /// The date before, or the id it had.
    pub from: String,
    /// The date after.
    pub to: String,
    pub why: String,
    /// Notices that will go out and would not have.
    pub added: Vec<String>,
    /// The same, for the pages: when, which step, to whom.
    #[serde(skip)]
    pub ahead: Vec<[String; 3]>,
    /// Notices that would have gone out and will not.
    pub dropped: Vec<String>,
    /// Notices of the new ladder whose time is past; they are not sent.
    pub past: Vec<String>,
    /// Notices that go out at another time.
    pub shifted: Vec<String>,
}

/// What deploying changes.
#[derive(Clone, Debug, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "the names are those that are printed"
)]
pub(crate) struct Plan {
    /// By this a deployment can be held to the plan.
    pub plan: String,
    /// What is brought into force: `calendar`, `directory`, `definition`.
    pub brings: Vec<&'static str>,
    /// The hash of the texts, if they are new.
    pub definition: Option<String>,
    pub at: String,
    pub sum: BTreeMap<&'static str, usize>,
    pub changes: Vec<Change>,
    /// Units whose contacts change: before and after.
    pub contacts: Vec<[String; 3]>,
    /// Sorts of notices that will be worded otherwise.
    pub worded: Vec<&'static str>,
    /// Why the rules would refuse it.
    pub refused: Vec<String>,
}

/// One obligation as it stands, with its notices.
struct Standing {
    obligation: Obligation,
    notices: Vec<Step>,
}

type Snapshot = BTreeMap<String, Standing>;

fn snapshot(state: &RulesState, now: Timestamp) -> Snapshot {
    state
        .obligations()
        .map(|(id, obligation)| {
            let standing = Standing {
                notices: notices_of(state, obligation, now),
                obligation: obligation.clone(),
            };
            (id.to_string(), standing)
        })
        .collect()
}

/// The fact that an event would become.
fn fact(event: &Envelope, now: Timestamp) -> Record {
    let id = RecordId::derive(&[b"plan", event.to_json().as_bytes()]);
    Record {
        id,
        source: event.source.clone().into(),
        tenant: event.tenant.clone(),
        ledger: event.ledger.clone(),
        subject: None,
        time: None,
        loggedat: now,
        cause: None,
        correlation: id,
        definition: None,
        origin: Some("plan".to_owned()),
        body: event.body.clone(),
    }
}

/// Decides what is wanted on a view, which stands after it from then on.
pub(crate) fn compute(view: &mut View, wanted: &Wanted, now: Timestamp) -> Plan {
    let tenant = wanted.events.first().map(|e| e.tenant.clone());
    let directory = |view: &View| {
        let of = tenant.as_deref();
        of.and_then(|tenant| view.state().directory(tenant))
            .cloned()
    };
    let (before, old_directory) = (snapshot(view.state(), now), directory(view));
    let old_words = words(view.state());
    let mut records = Vec::new();
    for event in &wanted.events {
        records.extend(view.decide(&fact(event, now)));
    }
    let (after, new_directory) = (snapshot(view.state(), now), directory(view));
    let changes = compare(&before, &after, &records, now, zone_of(view));
    let contacts = match (&old_directory, &new_directory) {
        (Some(old), Some(new)) => contacts(old, new),
        _ => Vec::new(),
    };
    let mut sum: BTreeMap<&'static str, usize> = BTreeMap::new();
    for change in &changes {
        *sum.entry(change.change).or_default() += 1;
        for (name, list) in [
            ("notices added", &change.added),
            ("notices dropped", &change.dropped),
            ("notices already past", &change.past),
            ("notices at another time", &change.shifted),
        ] {
            if !list.is_empty() {
                *sum.entry(name).or_default() += list.len();
            }
        }
    }
    if !contacts.is_empty() {
        sum.insert("contacts changed", contacts.len());
    }
    let worded = worded_otherwise(&old_words, &words(view.state()));
    if !worded.is_empty() {
        sum.insert("notices worded otherwise", worded.len());
    }
    let brings = wanted.events.iter().map(|event| match &event.body {
        Body::CalendarDeployed(_) => "calendar",
        Body::DirectoryDeployed(_) => "directory",
        _ => "definition",
    });
    let refused = records.iter().filter_map(|record| match &record.body {
        Body::RejectionRecorded(r) if is_refusal(&r.code) => Some(format!(
            "[{}] {}; expected {}. {}",
            r.code, r.found, r.expected, r.remedy
        )),
        _ => None,
    });
    let content = serde_json::json!([wanted.definition, changes, contacts]).to_string();
    let zone = zone_of(view);
    Plan {
        plan: RecordId::derive(&[content.as_bytes()]).to_string(),
        brings: brings.collect(),
        definition: wanted.definition.clone(),
        at: now.shown_in(zone),
        sum,
        changes,
        contacts,
        worded,
        refused: refused.collect(),
    }
}

/// A step whose year the calendar does not cover is reported as a rejection too; the deployment
/// stands all the same.
pub(crate) fn is_refusal(code: &str) -> bool {
    code != "no-calendar-data"
}

fn zone_of(view: &View) -> Zone {
    let first = view.state().ledgers().next();
    first.map_or(Zone::SHANGHAI, |(_, ledger)| ledger.definition.zone)
}

fn compare(
    before: &Snapshot,
    after: &Snapshot,
    records: &[Arc<Record>],
    now: Timestamp,
    zone: Zone,
) -> Vec<Change> {
    let mut why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut kept = BTreeSet::new();
    for record in records {
        match &record.body {
            Body::ObligationRedated(r) => {
                why.entry(&r.obligation).or_default().push(&r.reason);
                if r.granted {
                    kept.insert(r.obligation.as_str());
                }
            }
            Body::ObligationWithdrawn(r) | Body::ObligationReopened(r) => {
                let reason = r.reason.as_deref().unwrap_or_default();
                why.entry(&r.obligation).or_default().push(reason);
            }
            Body::ObligationTransferred(r) => {
                why.entry(&r.to).or_default().push(&r.reason);
                came_from.insert(&r.to, &r.from);
            }
            _ => {}
        }
    }
    let went: BTreeSet<&str> = came_from.values().copied().collect();
    let ids: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut changes = Vec::new();
    for id in ids {
        let from = came_from.get(id.as_str()).copied();
        let was = before.get(from.unwrap_or(id));
        let Some(is) = after
            .get(id)
            .filter(|_| !went.contains(id.as_str()) || from.is_some())
        else {
            continue;
        };
        let due = |standing: &Standing| match standing.obligation.due {
            Some(due) => due.to_string(),
            None => String::new(),
        };
        let mut row = Change {
            change: what(was, is, from.is_some(), kept.contains(id.as_str())),
            obligation: id.clone(),
            from: from.map_or_else(|| was.map(due).unwrap_or_default(), ToOwned::to_owned),
            to: due(is),
            why: why
                .get(id.as_str())
                .map(|list| list.join(";"))
                .unwrap_or_default(),
            added: Vec::new(),
            ahead: Vec::new(),
            dropped: Vec::new(),
            past: Vec::new(),
            shifted: Vec::new(),
        };
        row.notices(
            was.map_or(&[][..], |was| &was.notices),
            &is.notices,
            now,
            zone,
        );
        if row.change != "notices" || row.changes_notices() {
            changes.push(row);
        }
    }
    changes
}

fn what(was: Option<&Standing>, is: &Standing, transferred: bool, kept: bool) -> &'static str {
    use ObligationState as S;
    let Some(was) = was.map(|was| &was.obligation) else {
        return "opened";
    };
    let is = &is.obligation;
    match (was.state, is.state) {
        _ if transferred => "transferred",
        (old, S::Withdrawn) if old != S::Withdrawn => "withdrawn",
        (S::Withdrawn, new) if new != S::Withdrawn => "restored",
        (old, S::Fulfilled) if old != S::Fulfilled => "fulfilled",
        (old, new) if old.is_final() && !new.is_final() => "reopened",
        _ if was.due != is.due => "moved",
        _ if kept => "kept",
        _ => "notices",
    }
}

impl Change {
    fn changes_notices(&self) -> bool {
        [&self.added, &self.dropped, &self.past, &self.shifted]
            .iter()
            .any(|list| !list.is_empty())
    }

    fn notices(&mut self, was: &[Step], is: &[Step], now: Timestamp, zone: Zone) {
        let name = |step: &Step| match &step.code {
            StepCode::Notify { to, .. } => format!("{}→{}", step.label, to.as_str()),
            _ => step.label.clone(),
        };
        let old: BTreeMap<String, Timestamp> = was.iter().map(|s| (name(s), s.at)).collect();
        let new: BTreeMap<String, Timestamp> = is.iter().map(|s| (name(s), s.at)).collect();
        for step in is {
            let step_name = name(step);
            match old.get(&step_name) {
                Some(at) if *at == step.at => {}
                Some(_) if step.at > now => self.shifted.push(step_name),
                Some(at) if *at > now => self.past.push(step_name),
                Some(_) => {}
                None if step.at > now => {
                    if let StepCode::Notify { to, .. } = &step.code {
                        let at: String = step.at.shown_in(zone).chars().take(MINUTE).collect();
                        let at = at.replace('T', " ");
                        let step = step_in_chinese(&step.label);
                        self.ahead.push([at, step, tier_in_chinese(*to).to_owned()]);
                    }
                    self.added.push(step_name);
                }
                // A duty that opens tells what is past in one notice.
                None if matches!(self.change, "opened" | "restored") => {}
                None => self.past.push(step_name),
            }
        }
        for step in was.iter().filter(|step| step.at > now) {
            let step_name = name(step);
            if !new.contains_key(&step_name) {
                self.dropped.push(step_name);
            }
        }
    }
}

/// The log up to an instant, folded, and the instant at which a deployment would be decided.
pub(crate) async fn standing(
    reading: &Reading,
    at: Option<Timestamp>,
) -> Result<(View, Timestamp, u64), Fault> {
    let mut view = View::without_records();
    let (mut is_virtual, mut head) = (false, 0);
    reading
        .frames(|stored| {
            head = stored.seq;
            is_virtual |= stored
                .frame
                .records
                .iter()
                .any(|r| matches!(r.body, Body::ClockAdvanced(_)));
            view.note(&stored.frame, at);
        })
        .await?;
    let now = at.unwrap_or_else(|| {
        let wall = if is_virtual { None } else { Clock::Live.now() };
        wall.unwrap_or_default().max(view.latest())
    });
    Ok((view, now, head))
}

/// As [`standing`] for a page that somebody waits for: given up after so long.
pub(crate) async fn standing_within(
    reading: &Reading,
    within: Duration,
) -> Result<(View, Timestamp, u64), Fault> {
    match tokio::time::timeout(within, standing(reading, None)).await {
        Ok(found) => found,
        Err(_) => Err(format!("{}秒之内没有读完日志,请稍后再试。", within.as_secs()).into()),
    }
}

pub(crate) async fn run(args: Args) -> Result<Ended, Fault> {
    let at = args
        .at
        .as_deref()
        .map(str::parse::<Timestamp>)
        .transpose()
        .map_err(|fault| format!("--at: {fault}"))?;
    let folder = folder::read(&args.dir)?;
    folder.deployment()?;
    let reading = Reading::open(&args.place).await?;
    let (mut view, now, _) = standing(&reading, at).await?;
    let wanted = Wanted::of_folder(&folder, view.state())?;
    let plan = compute(&mut view, &wanted, now);
    plan.print(args.format)?;
    Ok(Ended::Well)
}

impl Plan {
    /// One line for each kind of change.
    pub(crate) fn print_sum(&self) {
        if self.brings.is_empty() {
            crate::say!("无须部署:全部已经生效");
            return;
        }
        let brings: Vec<&str> = self.brings.iter().map(|what| in_chinese(what)).collect();
        crate::say!("将生效:{}", brings.join("、"));
        if self.sum.is_empty() {
            crate::say!("事项、通知、联络员均无变化");
        }
        for (what, chinese) in WORDS {
            if let Some(count) = self.sum.get(what) {
                crate::say!("{count:>7}  {chinese}");
            }
        }
        if !self.worded.is_empty() {
            crate::say!("改了用语的通知:{}", self.worded.join("、"));
        }
        crate::say!("方案号 {}", self.plan);
    }

    fn print(&self, format: Format) -> Result<(), Fault> {
        let keys = [
            "change",
            "obligation",
            "from",
            "to",
            "added",
            "dropped",
            "past",
            "shifted",
            "why",
        ];
        let lists =
            |c: &Change| [&c.added, &c.dropped, &c.past, &c.shifted].map(|list| list.join(" "));
        match format {
            Format::Json => crate::say!("{}", serde_json::to_string_pretty(self)?),
            Format::Ndjson => {
                for change in &self.changes {
                    crate::say!("{}", serde_json::to_string(change)?);
                }
            }
            Format::Csv => {
                crate::say!("{}", keys.join(","));
                for c in &self.changes {
                    let head = [c.change, &c.obligation, &c.from, &c.to].map(ToOwned::to_owned);
                    let mut row = Vec::from(head);
                    row.extend(lists(c));
                    row.push(c.why.clone());
                    crate::say!("{}", csv_line(&row));
                }
                for [unit, before, after] in &self.contacts {
                    let row = ["contacts", unit, before, after, "", "", "", "", ""];
                    crate::say!("{}", csv_line(&row.map(ToOwned::to_owned)));
                }
            }
            Format::Table => {
                if !self.changes.is_empty() {
                    let count = |list: &Vec<String>| match list.len() {
                        0 => String::new(),
                        n => n.to_string(),
                    };
                    let rows: Vec<Vec<String>> = self
                        .changes
                        .iter()
                        .map(|c| {
                            let change = change_in_chinese(c.change);
                            let head = [change, &c.obligation, &c.from, &c.to];
                            let mut row = Vec::from(head.map(ToOwned::to_owned));
                            row.extend([&c.added, &c.dropped, &c.past, &c.shifted].map(count));
                            row.push(c.why.clone());
                            row
                        })
                        .collect();
                    let headings = [
                        "变动",
                        "事项",
                        "原",
                        "新",
                        "增通知",
                        "减通知",
                        "已过",
                        "改时",
                        "原因",
                    ];
                    table::print(&headings, &rows);
                    crate::say!();
                }
                if !self.contacts.is_empty() {
                    let rows: Vec<Vec<String>> = self
                        .contacts
                        .iter()
                        .map(|row| Vec::from(row.clone()))
                        .collect();
                    table::print(&["单位", "原联络员", "新联络员"], &rows);
                    crate::say!();
                }
                self.print_sum();
            }
        }
        for refusal in &self.refused {
            eprintln!("it would be refused: {refusal}");
        }
        Ok(())
    }
}
