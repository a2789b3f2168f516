//! The year ahead, for the pages: the four services as the log leaves them, played on in memory with
//! nobody doing anything.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use chrono::{Months, NaiveDate};
use duban_console::{Expected, Foresee, Foreseen, Outlook, kind_in_chinese, step_in_chinese};
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

use crate::play::play_from;

/// Frames read at once, in frames.
const FRAMES_AT_ONCE: usize = 64;
/// Records that may be read before, and decided while, looking ahead, in records: they take time and
/// memory beside the services. A ledger of the sample's size has some 80,000 in a year.
const RECORDS: u64 = 1_000_000;

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
            if house.records > RECORDS || is_late() {
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
            whole = records <= RECORDS && !is_late();
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
            whole = records <= RECORDS && !is_late();
            whole
        });
        whole.then_some(foreseen)
    }
}
