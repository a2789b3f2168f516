//! What the log says once more, by the real code: a fresh replay against what lives on the disks,
//! and an undisturbed evaluation of the same inputs against what the rules decided.

use std::sync::Arc;

use duban_intake::Intake;
use duban_journal::Stored;
use duban_model::state::digest_rows;
use duban_model::{Decider, Input, Position, Record, Service};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::machine::Machine;
use duban_scheduler::Scheduler;
use duban_store::{Place, SimulatedDisk};

use super::process::Disks;
use super::world::World;

/// Findings of replaying a run.
pub(super) async fn check(world: &Arc<World>, houses: &[Disks]) -> Vec<String> {
    let log = world.calm_log();
    let mut follower = log.follow(0, &Service::ALL).await.expect("a calm log");
    let frames = follower.ready(usize::MAX).await.expect("a calm log");
    let mut findings = Vec::new();
    for disks in houses {
        for (service, disk) in disks {
            let finding = match service {
                Service::Intake => same_state::<Intake>(&frames, disk),
                Service::Rules => same_state::<Rules>(&frames, disk),
                Service::Scheduler => same_state::<Scheduler>(&frames, disk),
                Service::Notifier => same_state::<Notifier>(&frames, disk),
            };
            findings.extend(finding);
        }
    }
    findings.extend(undisturbed(&frames));
    findings
}

fn fresh<D: Decider>() -> Machine<D> {
    Machine::new(0, Vec::new()).expect("no rows are no fault")
}

/// The state that a role kept on its disk, frame by frame and crash by crash, is the one that the
/// log gives afresh.
fn same_state<D: Decider>(frames: &[Stored], disk: &SimulatedDisk) -> Option<String> {
    let service = D::SERVICE;
    let (store, found) = match Place::Simulated(disk.clone()).open() {
        Ok(opened) => opened,
        Err(fault) => {
            return Some(format!(
                "replay: the disk of {service} cannot be opened: {fault}"
            ));
        }
    };
    drop(store);
    if let Some((_, why)) = found.set_aside {
        return Some(format!(
            "replay: the disk of {service} is damaged after a clean stop: {why}"
        ));
    }
    let own = || {
        frames
            .iter()
            .filter(|stored| stored.frame.head.service == service)
    };
    let last = own().next_back().map_or(0, |stored| stored.seq);
    let seq = found.saved.as_ref().map_or(0, |saved| saved.seq);
    if seq != last {
        return Some(format!(
            "replay: {service} stopped at rest and kept its state up to frame {seq}, its last is {last}"
        ));
    }
    let mut machine = fresh::<D>();
    for stored in own() {
        machine.replay(&stored.frame);
    }
    let kept = match Machine::<D>::new(0, found.rows) {
        Ok(kept) => kept,
        Err(fault) => return Some(format!("replay: {service}: {fault}")),
    };
    let (kept, replayed) = (
        digest_rows(kept.state(), |_| true),
        digest_rows(machine.state(), |_| true),
    );
    (kept != replayed)
        .then(|| format!("replay: {service} kept the state {kept}, its records give {replayed}"))
}

/// The rules have no other input than the log, so that whatever crashed and came twice or late,
/// they must have decided what one evaluation from beginning to end decides.
fn undisturbed(frames: &[Stored]) -> Vec<String> {
    let mut machine = fresh::<Rules>();
    let mut decided: Vec<Arc<Record>> = Vec::new();
    let close = |machine: &mut Machine<Rules>, decided: &mut Vec<Arc<Record>>| {
        decided.extend(machine.close(None).frame.records.iter().cloned());
    };
    for stored in frames {
        if !Rules::SOURCES.contains(&stored.frame.head.service) {
            continue;
        }
        for (index, record) in (0u32..).zip(&stored.frame.records) {
            if Rules::consumes(record) {
                let seq = stored.seq;
                machine.decide(&Input::Record(record), Some(Position { seq, index }));
                close(&mut machine, &mut decided);
                while let Some(continuation) = machine.continuation() {
                    machine.go_on(&continuation);
                    close(&mut machine, &mut decided);
                }
            }
        }
    }
    let found = frames
        .iter()
        .filter(|stored| stored.frame.head.service == Service::Rules)
        .flat_map(|stored| &stored.frame.records);
    let mut findings = Vec::new();
    let mut expected = decided.iter();
    for record in found {
        match expected.next() {
            Some(wanted) if wanted == record => {}
            wanted => {
                findings.push(format!(
                    "undisturbed: the rules decided {}, an undisturbed evaluation decides {}",
                    record.to_json(),
                    wanted.map_or("nothing more".to_owned(), |wanted| wanted.to_json())
                ));
                return findings;
            }
        }
    }
    if let Some(wanted) = expected.next() {
        findings.push(format!(
            "undisturbed: the rules did not decide {}",
            wanted.to_json()
        ));
    }
    findings
}
