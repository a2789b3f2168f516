//! Reading event files, and playing them in memory.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::NaiveDate;
use duban_model::body::Body;
use duban_model::fact::{ClockAdvanced, DeliveryReported, Outcome};
use duban_model::{Effect, Envelope, Frame, RecordType, Timestamp, Zone};
use duban_runtime::machine::Machine;
use duban_runtime::pump::{Pump, Worker};
use duban_runtime::rounds::{Consumes, Event};

use crate::Fault;
use crate::folder::{Folder, read_text};

/// Every service but the intake with what it reads, for those who wait for them.
pub(crate) const READERS: [(duban_model::Service, Consumes); 3] = {
    use duban_model::Decider;
    [
        (duban_model::Service::Rules, duban_rules::Rules::consumes),
        (
            duban_model::Service::Scheduler,
            duban_scheduler::Scheduler::consumes,
        ),
        (
            duban_model::Service::Notifier,
            duban_notifier::Notifier::consumes,
        ),
    ]
};

/// One line of an event file that the door refuses.
pub(crate) struct BadLine {
    pub line: usize,
    pub fault: String,
}

/// Reads one CloudEvent a line. Lines that cannot be read are returned beside the good ones.
pub(crate) fn read_events(text: &str) -> (Vec<Envelope>, Vec<BadLine>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match Envelope::parse(line.as_bytes()) {
            Ok(event) => good.push(event),
            Err(fault) => bad.push(BadLine {
                line: number + 1,
                fault: fault.to_string(),
            }),
        }
    }
    (good, bad)
}

/// Reads an event file; any bad line is a fault that lists them all.
pub(crate) fn read_events_file(path: &Path) -> Result<Vec<Envelope>, Fault> {
    let (events, bad) = read_events(&read_text(path)?);
    if bad.is_empty() {
        return Ok(events);
    }
    let list: Vec<String> = bad
        .iter()
        .map(|b| format!("{}:{}: {}", path.display(), b.line, b.fault))
        .collect();
    Err(list.join("\n").into())
}

/// The first instant of a day, and the last one of another, in a zone.
pub(crate) fn span(
    zone: Zone,
    from: NaiveDate,
    to: NaiveDate,
) -> Result<(Timestamp, Timestamp), Fault> {
    if to < from {
        return Err(format!("--to {to} lies before --from {from}").into());
    }
    let after = to
        .succ_opt()
        .ok_or_else(|| format!("--to {to} is out of range"))?;
    Ok((zone.midnight(from), zone.midnight(after).plus_millis(-1)))
}

/// A folder's deployment at `from` and events at their own time, in order. Events without a time
/// come at the start; those before `from` come then too, and are refused there if they are too old.
pub(crate) fn timeline(
    folder: Option<&Folder>,
    events: &[Envelope],
    from: Timestamp,
) -> Result<Vec<Event>, Fault> {
    let mut list = Vec::new();
    let mut push = |event: &Envelope, at: Timestamp| {
        list.push(Event {
            at,
            tenant: event.tenant.clone(),
            tail: duban_runtime::submit::subject_tail(event).to_owned(),
            identity: Some((event.source.clone(), event.id.clone())),
            bytes: Bytes::from(event.to_json()),
        });
    };
    if let Some(folder) = folder {
        for event in folder.deployment()? {
            push(&event, from);
        }
    }
    for event in events {
        push(event, event.time.unwrap_or(from).max(from));
    }
    // Stable: events of one instant keep the order of the file.
    list.sort_by_key(|event| event.at);
    Ok(list)
}

/// The four services in memory.
pub(crate) fn pump() -> Pump {
    fn machine<D: duban_model::Decider>() -> Box<dyn Worker> {
        let machine = Machine::<D>::new(1, Vec::new()).expect("no rows, no unreadable row");
        Box::new(machine)
    }
    Pump::new(vec![
        machine::<duban_intake::Intake>(),
        machine::<duban_rules::Rules>(),
        machine::<duban_scheduler::Scheduler>(),
        machine::<duban_notifier::Notifier>(),
    ])
}

/// Plays events and timers in memory up to `until`, as rounds do on a real log. Every announced
/// send counts as delivered. Shows each frame to `seen`, in order.
pub(crate) fn play(
    pump: &mut Pump,
    tenant: &str,
    events: &[Event],
    until: Timestamp,
    mut seen: impl FnMut(Arc<Frame>),
) {
    play_from(
        pump,
        tenant,
        events,
        (Timestamp::default(), until),
        |frame| {
            seen(frame);
            true
        },
    );
}

/// The same from an instant on, for services that stand somewhere already; until `seen` has seen
/// enough and says false.
pub(crate) fn play_from(
    pump: &mut Pump,
    tenant: &str,
    events: &[Event],
    (from, until): (Timestamp, Timestamp),
    mut seen: impl FnMut(Arc<Frame>) -> bool,
) {
    let mut next = 0;
    let mut clock = from;
    let mut ticks = 0u64;
    let mut advance = |pump: &mut Pump, to: Timestamp, fire: bool| {
        ticks += 1;
        let event = Envelope {
            id: format!("{to}/{fire}/{ticks}"),
            source: duban_runtime::rounds::CLOCK_SOURCE.to_owned(),
            kind: RecordType::ClockAdvanced,
            time: None,
            tenant: tenant.to_owned(),
            ledger: None,
            body: Body::ClockAdvanced(ClockAdvanced { to, fire }),
        };
        pump.submit(event.to_json().as_bytes());
    };
    loop {
        let due = pump.earliest_due();
        let event = events.get(next).map(|event| event.at);
        let Some(instant) = due.into_iter().chain(event).min() else {
            break;
        };
        let instant = instant.max(clock);
        if instant > until {
            break;
        }
        if event.is_some_and(|at| at <= instant) {
            if instant > clock {
                advance(pump, instant, false);
            }
            while let Some(event) = events.get(next).filter(|event| event.at <= instant) {
                pump.submit(&event.bytes);
                next += 1;
            }
            settle(pump);
        }
        while pump.earliest_due().is_some_and(|due| due <= instant) {
            advance(pump, instant, true);
            settle(pump);
        }
        clock = instant;
        if !pump.take_frames().all(&mut seen) {
            break;
        }
    }
}

fn settle(pump: &mut Pump) {
    loop {
        let effects = pump.settle();
        if effects.is_empty() {
            return;
        }
        for effect in effects {
            let Effect::Send(message) = effect;
            let report = Envelope {
                id: format!("{}/{}", message.notice, message.attempt),
                source: duban_runtime::effects::EFFECTS_SOURCE.to_owned(),
                kind: RecordType::DeliveryReported,
                time: None,
                tenant: message.tenant,
                ledger: None,
                body: Body::DeliveryReported(DeliveryReported {
                    notice: message.notice,
                    attempt: message.attempt,
                    outcome: Outcome::Delivered,
                    detail: "simulated".to_owned(),
                    retry_after_seconds: None,
                }),
            };
            pump.submit(report.to_json().as_bytes());
        }
    }
}
