//! One process: some of the four services, as the product composes them, on simulated parts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use duban_intake::Intake;
use duban_journal::Log;
use duban_model::Service;
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::channel::Channels;
use duban_runtime::clock::{Clock, SimulatedClock};
use duban_runtime::effects::{self, Workers};
use duban_runtime::service::{Parts, RunError, run};
use duban_scheduler::Scheduler;
use duban_store::{Damage, Place, SimulatedDisk};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fault::Fault;
use super::world::{Life, World};

/// A process that was asked to stop ends within this, in seconds.
const STOP_SECONDS: u64 = 120;
/// How often one that is stopping is looked at, in milliseconds.
const LOOK_MILLIS: u64 = 50;

/// The disks of one process, which outlive it.
pub type Disks = BTreeMap<Service, SimulatedDisk>;

/// A running process.
#[derive(Debug)]
pub struct Process {
    /// As the world knows it.
    pub life: Arc<Life>,
    /// What it runs on.
    pub disks: Disks,
    services: JoinSet<(Service, Result<(), RunError>)>,
    stops: Vec<watch::Sender<bool>>,
    workers: Option<Workers>,
}

/// Empty disks for these roles.
pub fn fresh_disks(world: &Arc<World>, roles: &[Service]) -> Disks {
    let nobody = Life::new(world, "nobody");
    roles
        .iter()
        .map(|role| (*role, SimulatedDisk::new(nobody.clone())))
        .collect()
}

impl Process {
    /// Starts the roles that have a disk.
    pub fn start(
        world: &Arc<World>,
        name: &str,
        disks: Disks,
        clock: &SimulatedClock,
        incarnation: u64,
    ) -> Process {
        let life = Life::new(world, name);
        let log = Log::Simulated(world.log.connect(life.clone()));
        let mut services = JoinSet::new();
        // One each, since a shared one wakes its waiters in no particular order.
        let mut stops = Vec::new();
        let mut stopping = || {
            let (stop, stopping) = watch::channel(false);
            stops.push(stop);
            stopping
        };
        let mut workers = None;
        for (role, disk) in &disks {
            let mut parts = Parts {
                log: log.clone(),
                state_dir: Some(Place::Simulated(disk.connect(life.clone()))),
                clock: Clock::Simulated(clock.clone()),
                effects: None,
                shutdown: stopping(),
                incarnation,
            };
            match role {
                Service::Intake => {
                    services.spawn(async { (Service::Intake, run::<Intake>(parts).await) })
                }
                Service::Rules => {
                    services.spawn(async { (Service::Rules, run::<Rules>(parts).await) })
                }
                Service::Scheduler => {
                    services.spawn(async { (Service::Scheduler, run::<Scheduler>(parts).await) })
                }
                Service::Notifier => {
                    let channels = Channels::simulated(life.clone());
                    let (runner, started) =
                        effects::start(log.clone(), Arc::new(channels), stopping());
                    workers = Some(started);
                    parts.effects = Some(runner);
                    services.spawn(async { (Service::Notifier, run::<Notifier>(parts).await) })
                }
            };
        }
        Process {
            life,
            disks,
            services,
            stops,
            workers,
        }
    }

    /// What a service of it ended with though nobody asked it to.
    pub fn faults(&mut self) -> Vec<String> {
        let mut faults = Vec::new();
        while let Some(ended) = self.services.try_join_next() {
            faults.push(match ended {
                Ok((service, Ok(()))) => format!("{service} ended by itself"),
                Ok((service, Err(fault))) => format!("{service} ended: {fault}"),
                Err(fault) => format!("a service crashed: {fault}"),
            });
        }
        faults
    }

    /// Buries one that died: what was not synced is lost, in part or wholly, and at times more.
    pub fn bury(self, world: &World) -> Disks {
        drop(self.services);
        drop(self.workers);
        for (role, disk) in &self.disks {
            let what = format!("{} {role}", self.life.name);
            // All is lost, or all has got there, or a part of it.
            let survival = world.below(4);
            let (kept, lost) = disk.crash(|_, _| match survival {
                0 | 1 => false,
                2 => true,
                _ => world.below(2) == 0,
            });
            match (kept, lost) {
                (0, 0) => {}
                (0, _) => world.note(Fault::UnsyncedLost, &what),
                (_, 0) => world.note(Fault::UnsyncedKept, &what),
                _ => world.note(Fault::UnsyncedTorn, &what),
            }
            if world.happens(12) {
                let place = world.below(10_000);
                let (fault, damage) = match world.below(4) {
                    0 => (Fault::StoreBit, Damage::Bit(place)),
                    1 => (Fault::StoreRow, Damage::Row(place)),
                    2 => (Fault::StoreEmptied, Damage::AllButTheMark),
                    _ => (Fault::StoreMissing, Damage::Missing),
                };
                if disk.damage(damage) {
                    world.note(fault, &what);
                }
            }
        }
        self.disks
    }

    /// Stops it as an operator does; one that dies meanwhile is handed back. Otherwise hands over
    /// its disks and what went wrong.
    pub async fn stop(mut self) -> Result<(Disks, Vec<String>), Process> {
        for stop in &self.stops {
            let _ = stop.send(true);
        }
        let mut faults = Vec::new();
        let all = async {
            while let Some(ended) = self.services.join_next().await {
                match ended {
                    Ok((_, Ok(()))) => {}
                    Ok((service, Err(fault))) => faults.push(format!("{service} ended: {fault}")),
                    Err(fault) => faults.push(format!("a service crashed: {fault}")),
                }
            }
        };
        let life = self.life.clone();
        let died = async {
            while !life.is_dead() {
                tokio::time::sleep(Duration::from_millis(LOOK_MILLIS)).await;
            }
        };
        tokio::select! {
            biased;
            () = died => return Err(self),
            ended = tokio::time::timeout(Duration::from_secs(STOP_SECONDS), all) => {
                if ended.is_err() {
                    faults.push(format!("{} does not stop", self.life.name));
                }
            }
        }
        if let Some(workers) = self.workers.take() {
            workers.drain().await;
        }
        if self.life.is_dead() {
            return Err(self);
        }
        Ok((self.disks, faults))
    }
}
