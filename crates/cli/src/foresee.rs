//! The year ahead, for the pages: the four services as the log leaves them, played on in memory with
//! nobody doing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{Months, NaiveDate};
use duban_console::{
    Case, CaseChange, CaseNotice, Expected, Foresee, Foreseen, LOOK_RECORDS, Outlook, Played,
    Unplayed, kind_in_chinese, step_in_chinese,
};
use duban_journal::{Log, LogError};
use duban_model::decision::NoticeKind;
use duban_model::{Body, Decider, Definition, Envelope, Frame, Record, Service, Timestamp, Zone};
use duban_runtime::clock::{Clock, stopwatch};
use duban_runtime::machine::Machine;
use duban_runtime::pump::Pump;
use duban_runtime::rounds::Event;
use duban_runtime::submit::subject_tail;
use tokio::runtime::Handle;
use tracing::warn;

use crate::folder;
use crate::plan::Wanted;
use crate::play::{play_from, timeline};
use crate::simulate::NoticeLine;

/// Frames read at once, in frames.
const FRAMES_AT_ONCE: usize = 64;

/// Looks ahead on a log.
pub(crate) struct Foresight {
    log: Log,
    runtime: Handle,
}

impl Foresight {
    /// On this log; made where a runtime runs.
    pub(crate) fn new(log: Log) -> Foresight {
        Foresight {
            log,
            runtime: Handle::current(),
        }
    }
}

/// The services, as the log leaves them.
struct House {
    intake: Machine<duban_intake::Intake>,
    rules: Machine<duban_rules::Rules>,
    scheduler: Machine<duban_scheduler::Scheduler>,
    notifier: Machine<duban_notifier::Notifier>,
    records: u64,
    latest: Timestamp,
    is_virtual: bool,
}

fn machine<D: Decider>() -> Machine<D> {
    Machine::new(1, Vec::new()).expect("no rows, no unreadable row")
}

impl House {
    fn new() -> House {
        House {
            intake: machine(),
            rules: machine(),
            scheduler: machine(),
            notifier: machine(),
            records: 0,
            latest: Timestamp::default(),
            is_virtual: false,
        }
    }

    fn note(&mut self, frame: &Frame) {
        self.records += frame.records.len() as u64;
        for record in &frame.records {
            self.latest = self.latest.max(record.loggedat);
            if let Body::ClockAdvanced(clock) = &record.body {
                self.latest = self.latest.max(clock.to);
                self.is_virtual = true;
            }
        }
        match frame.head.service {
            Service::Intake => replay(&mut self.intake, frame),
            Service::Rules => replay(&mut self.rules, frame),
            Service::Scheduler => replay(&mut self.scheduler, frame),
            Service::Notifier => replay(&mut self.notifier, frame),
        }
    }

    fn pump(self) -> Pump {
        Pump::new(vec![
            Box::new(self.intake.not_before(self.latest)),
            Box::new(self.rules.not_before(self.latest)),
            Box::new(self.scheduler.not_before(self.latest)),
            Box::new(self.notifier.not_before(self.latest)),
        ])
    }
}

fn replay<D: Decider>(machine: &mut Machine<D>, frame: &Frame) {
    machine.replay(frame);
    machine.forget_changes();
}

/// The Monday of the week of an instant.
fn monday(at: Timestamp, zone: Zone) -> NaiveDate {
    at.date_in(zone).week(chrono::Weekday::Mon).first_day()
}

fn note(foreseen: &mut Foreseen, record: &Record, ledger: &str, zone: Zone) {
    let Body::NoticeQueued(queued) = &record.body else {
        return;
    };
    if record.ledger.as_deref() != Some(ledger) {
        return;
    }
    let week = monday(record.loggedat, zone);
    let expected: &mut Expected = foreseen.weeks.entry(week).or_default();
    match queued.request.kind {
        NoticeKind::Reminder | NoticeKind::Catchup => expected.reminders += 1,
        NoticeKind::Escalation => expected.escalations += 1,
        _ => expected.others += 1,
    }
}

impl Foresight {
    async fn house(
        &self,
        as_of: u64,
        is_late: &dyn Fn() -> bool,
    ) -> Result<Option<House>, LogError> {
        let mut house = House::new();
        let mut follower = self.log.follow(0, &Service::ALL).await?;
        let mut read = 0;
        while read < as_of {
            for stored in follower.next(FRAMES_AT_ONCE).await? {
                if stored.seq <= as_of {
                    house.note(&stored.frame);
                }
                read = stored.seq;
            }
            if house.records > LOOK_RECORDS || is_late() {
                return Ok(None);
            }
        }
        Ok(Some(house))
    }
}

/// Notices that are listed of the year ahead of a draft, in notices.
const FIRST: usize = 40;
/// What is refused by its code: how often, and the first of it in words.
type Refused = BTreeMap<String, (usize, String)>;

/// The refusals of one code, for the clerk.
fn refusal(code: &str, count: usize, first: &str) -> String {
    if code == "no-calendar-data" {
        return format!(
            "有{count}次要用到工作日历还没有的年份,那些步骤要等日历补上才办。请在“修改”的工作日历里加上下一年的放假和调休。"
        );
    }
    format!("[{code}] {count}次,例如:{first}")
}

/// Sorts of refusals that are listed, in sorts.
const REFUSALS: usize = 10;

impl Foresight {
    /// What would be sent if these events were taken now and nobody did anything up to the end of a
    /// day, by week and one by one; nothing if that cannot be reckoned within the time given.
    pub(crate) fn outlook(
        &self,
        definition: &Definition,
        events: &[Envelope],
        until: NaiveDate,
        within: Duration,
    ) -> Option<Outlook> {
        let begun = stopwatch();
        let is_late = || begun.elapsed() > within;
        let look = async {
            let head = self.log.head().await?;
            self.house(head, &is_late).await
        };
        let house = match self.runtime.block_on(look) {
            Ok(house) => house?,
            Err(fault) => {
                warn!(%fault, "the year ahead could not be read from the log");
                return None;
            }
        };
        let zone = definition.zone;
        // On an empty log the ledger begins with its issue, if that is not to come only now.
        let from = match house.latest {
            at if at == Timestamp::default() => {
                let now = Clock::Live.now().unwrap_or_default();
                now.max(zone.midnight(definition.issued))
            }
            at => at.max(
                Clock::Live
                    .now()
                    .filter(|_| !house.is_virtual)
                    .unwrap_or(at),
            ),
        };
        let until = until.max(from.date_in(zone).checked_add_months(Months::new(12))?);
        let end = zone.midnight(until.succ_opt()?).plus_millis(-1);
        let events: Vec<Event> = events
            .iter()
            .map(|event| Event {
                at: from,
                tenant: event.tenant.clone(),
                tail: subject_tail(event).to_owned(),
                identity: Some((event.source.clone(), event.id.clone())),
                bytes: Bytes::from(event.to_json()),
            })
            .collect();
        let mut foreseen = Foreseen::default();
        let mut outlook = Outlook {
            span: (from.date_in(zone).to_string(), until.to_string()),
            ..Outlook::default()
        };
        let (mut records, mut whole) = (0u64, true);
        let mut refused = Refused::new();
        let (ledger, tenant) = (definition.ledger.as_str(), definition.tenant.as_str());
        // From where the log stands, so that the clock moves on to where the events are.
        let begins = house.latest;
        play_from(&mut house.pump(), tenant, &events, (begins, end), |frame| {
            records += frame.records.len() as u64;
            for record in &frame.records {
                note(&mut foreseen, record, ledger, zone);
                list(&mut outlook, &mut refused, record, definition);
            }
            whole = records <= LOOK_RECORDS && !is_late();
            whole
        });
        outlook.weeks = foreseen
            .weeks
            .into_iter()
            .map(|(monday, expected)| (monday.to_string(), expected))
            .collect();
        outlook.refused = refused
            .iter()
            .map(|(code, (count, first))| refusal(code, *count, first))
            .collect();
        whole.then_some(outlook)
    }
}

/// Lists a notice or a refusal, as long as there is room.
fn list(outlook: &mut Outlook, refused: &mut Refused, record: &Record, definition: &Definition) {
    match &record.body {
        Body::NoticeQueued(r)
            if outlook.first.len() < FIRST
                && record.ledger.as_deref() == Some(&definition.ledger) =>
        {
            let title = definition.tasks.iter().find(|t| t.id == r.request.task);
            let title = title.map_or("", |t| t.title.as_str());
            outlook.first.push([
                record
                    .loggedat
                    .shown_in(definition.zone)
                    .chars()
                    .take(16)
                    .collect(),
                format!(
                    "{}:{}",
                    kind_in_chinese(r.request.kind),
                    step_in_chinese(&r.request.step)
                ),
                format!("第{}项 {title} {}", r.request.task, r.request.unit),
                r.contact.clone(),
            ]);
        }
        Body::RejectionRecorded(r) if refused.len() < REFUSALS => {
            let of = refused.entry(r.code.clone()).or_default();
            of.0 += 1;
            if of.0 == 1 {
                of.1 = format!("{};应为:{}。{}", r.found, r.expected, r.remedy);
            }
        }
        _ => {}
    }
}

impl Foresee for Foresight {
    fn foresee(
        &self,
        ledger: &str,
        as_of: u64,
        until: NaiveDate,
        within: Duration,
    ) -> Option<Foreseen> {
        let begun = stopwatch();
        let is_late = || begun.elapsed() > within;
        let house = match self.runtime.block_on(self.house(as_of, &is_late)) {
            Ok(house) => house?,
            Err(fault) => {
                warn!(%fault, "the year ahead could not be read from the log");
                return None;
            }
        };
        let definition = &house.rules.state().ledger(ledger)?.definition;
        let (zone, tenant) = (definition.zone, definition.tenant.clone());
        let (from, until) = (
            house.latest,
            zone.midnight(until.succ_opt()?).plus_millis(-1),
        );
        let mut foreseen = Foreseen::default();
        let mut records = 0u64;
        let mut whole = true;
        play_from(&mut house.pump(), &tenant, &[], (from, until), |frame| {
            records += frame.records.len() as u64;
            for record in &frame.records {
                note(&mut foreseen, record, ledger, zone);
            }
            whole = records <= LOOK_RECORDS && !is_late();
            whole
        });
        whole.then_some(foreseen)
    }
    fn play(&self, case: &Case<'_>, within: Duration) -> Result<Played, Unplayed> {
        let begun = stopwatch();
        let is_late = || begun.elapsed() > within;
        let too_much = || {
            if is_late() {
                Unplayed::Late
            } else {
                Unplayed::TooMuch(format!("more than {LOOK_RECORDS} records"))
            }
        };
        let look = async {
            let head = self.log.head().await?;
            self.house(head, &is_late).await
        };
        let house = self.runtime.block_on(look).map_err(|fault| {
            warn!(%fault, "a case could not be read from the log");
            Unplayed::Away
        })?;
        let house = house.ok_or_else(too_much)?;
        let rules = house.rules.state();
        let running = rules.ledger(case.ledger).ok_or(Unplayed::NoLedger)?;
        let (zone, tenant) = (running.definition.zone, running.definition.tenant.clone());
        let begins = house.latest;
        let from = match Clock::Live.now().filter(|_| !house.is_virtual) {
            Some(now) => begins.max(now),
            None => begins,
        };
        let until = case
            .until
            .succ_opt()
            .map(|day| zone.midnight(day).plus_millis(-1))
            .filter(|until| *until >= from)
            .ok_or(Unplayed::Past(from.date_in(zone)))?;
        let texts = |fault: crate::Fault| Unplayed::Texts(fault.to_string());
        let mut deployment = match case.files {
            None => Vec::new(),
            Some(files) => {
                let wanted = Wanted::of_folder(&folder::of_texts(files), rules).map_err(texts)?;
                wanted.events
            }
        };
        for event in &mut deployment {
            // The same texts may have been in force before: then their own id is taken.
            event.id = format!("case/{}", event.id);
            event.time = None;
        }
        let mut events = timeline(None, &deployment, from).map_err(texts)?;
        events.extend(timeline(None, case.events, from).map_err(texts)?);
        // Stable: the texts come first.
        events.sort_by_key(|event| event.at);
        let mut played = Played {
            span: (from, until),
            zone,
            tenant,
            notices: Vec::new(),
            changes: Vec::new(),
            refused: Vec::new(),
        };
        let (mut records, mut stopped) = (0u64, None);
        let tenant = played.tenant.clone();
        play_from(
            &mut house.pump(),
            &tenant,
            &events,
            (begins, until),
            |frame| {
                records += frame.records.len() as u64;
                for record in &frame.records {
                    take(&mut played, record, case.ledger);
                }
                let lines = played.notices.len() + played.changes.len() + played.refused.len();
                if records > LOOK_RECORDS || is_late() {
                    stopped = Some(too_much());
                } else if lines > case.lines {
                    stopped = Some(Unplayed::TooMuch(format!("more than {} lines", case.lines)));
                }
                stopped.is_none()
            },
        );
        match stopped {
            None => Ok(played),
            Some(why) => Err(why),
        }
    }
}

/// A notice as a case lists it: the same line that `duban simulate` prints.
fn line(line: NoticeLine, at: Timestamp) -> CaseNotice {
    CaseNotice {
        at,
        kind: line.kind,
        obligation: line.obligation,
        task: line.task,
        unit: line.unit,
        role: line.role,
        contact: line.contact,
        channel: line.channel,
        step: line.step,
        tier: line.tier,
        due: line.due,
        due_at: line.due_at,
        occasion: line.occasion,
        covers: line.covers,
        missing: line.missing,
        reason: line.reason,
        definition: line.definition,
        notice: line.notice,
    }
}

/// Takes from a record what a case tells of a ledger.
fn take(played: &mut Played, record: &Record, ledger: &str) {
    let (at, zone) = (record.loggedat, played.zone);
    match &record.body {
        Body::NoticeBundled(bundle) => {
            played
                .notices
                .push(line(NoticeLine::of_digest(record, bundle, zone), at));
        }
        Body::RejectionRecorded(refused) if record.tenant == played.tenant => {
            played.refused.push((at, refused.clone()));
        }
        _ if record.ledger.as_deref() != Some(ledger) => {}
        Body::ObligationReladdered(_) | Body::ObligationTicked(_) | Body::ObligationUnticked(_) => {
        }
        body => {
            if let Some(told) = NoticeLine::of(record, zone) {
                played.notices.push(line(told, at));
            } else if let Some(change) = record
                .record_type()
                .as_str()
                .strip_prefix("duban.obligation.")
                && let Some(obligation) = body.obligation()
            {
                let due = match body {
                    Body::ObligationOpened(r) => r.due,
                    Body::ObligationReturned(r) => Some(r.due),
                    Body::ObligationDueSoon(r)
                    | Body::ObligationOverdue(r)
                    | Body::ObligationLapsed(r) => Some(r.due),
                    Body::ObligationExtended(r) | Body::ObligationTriggered(r) => Some(r.to),
                    _ => None,
                };
                played.changes.push(CaseChange {
                    at,
                    change,
                    obligation: obligation.to_owned(),
                    due,
                });
            }
        }
    }
}
