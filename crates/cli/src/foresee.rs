//! The year ahead, for the pages: the four services as the log leaves them, played on in memory with
//! nobody doing anything.

use std::time::Duration;

use chrono::NaiveDate;
use duban_console::{Expected, Foresee, Foreseen};
use duban_journal::{Log, LogError};
use duban_model::decision::NoticeKind;
use duban_model::{Body, Decider, Frame, Record, Service, Timestamp, Zone};
use duban_runtime::clock::stopwatch;
use duban_runtime::machine::Machine;
use duban_runtime::pump::Pump;
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
        }
    }

    fn note(&mut self, frame: &Frame) {
        self.records += frame.records.len() as u64;
        for record in &frame.records {
            self.latest = self.latest.max(record.loggedat);
            if let Body::ClockAdvanced(clock) = &record.body {
                self.latest = self.latest.max(clock.to);
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
