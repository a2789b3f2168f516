//! Two processes of every role on one log: of each pair one leads, the other stands by.

use std::path::{Path, PathBuf};
use std::time::Duration;

use duban_journal::{JetStreamLog, Leases, Log, Stored};
use duban_model::Service;

use crate::duban::{Duban, run};
use crate::log::connected;
use crate::nats::NatsServer;
use crate::roles::command;
use crate::watch::{Stopwatch, until};

/// A process is at work, or stands by, within this time.
const START_LIMIT: Duration = Duration::from_secs(30);
/// What the design promises: after a leader's end the other goes on within this time.
pub const FAILOVER_LIMIT: Duration = Duration::from_secs(5);
/// Between two looks at a lease.
const LOOK: Duration = Duration::from_millis(20);
/// Frames read at once.
const READ_AT_ONCE: usize = 1_024;

/// One process of a pair.
#[derive(Debug)]
struct Half {
    process: Duban,
    command: Vec<String>,
    data: PathBuf,
}

/// Eight processes, each with a folder of its own, on a virtual clock.
#[derive(Debug)]
pub struct Pairs {
    halves: Vec<(Service, [Half; 2])>,
    log: JetStreamLog,
    leases: Leases,
}

impl Pairs {
    /// Creates the streams, starts both processes of every role and waits until one of each leads
    /// and the other stands by.
    ///
    /// # Panics
    /// When that does not happen.
    pub async fn start(server: &NatsServer, data: &Path) -> Pairs {
        run(&["serve", "setup", "--nats", &server.url("setup")]).with_code(0);
        let log = connected(&server.url("console")).await;
        let leases = Log::JetStream(log.clone()).leases().expect("a shared log");
        let half = |service: Service, name: &str| {
            let url = server.url(service.as_str());
            let data = data.join(service.as_str()).join(name);
            let command = command(&url, service.as_str(), &data);
            Half {
                process: Duban::start(&command),
                command,
                data,
            }
        };
        let halves = Service::ALL
            .into_iter()
            .map(|service| (service, [half(service, "one"), half(service, "other")]))
            .collect();
        let pairs = Pairs {
            halves,
            log,
            leases,
        };
        for service in Service::ALL {
            let leader = pairs.leader(service).await;
            pairs.wait_until_it_stands_by(service, 1 - leader, 1);
        }
        pairs
    }

    fn pair(&self, service: Service) -> &[Half; 2] {
        let found = self.halves.iter().find(|(role, _)| *role == service);
        &found.expect("every role has a pair").1
    }

    fn half(&mut self, service: Service, place: usize) -> &mut Half {
        let found = self.halves.iter_mut().find(|(role, _)| *role == service);
        &mut found.expect("every role has a pair").1[place]
    }

    /// Which of a pair leads, by its lease and by its own word.
    ///
    /// # Panics
    /// When none does for long.
    pub async fn leader(&self, service: Service) -> usize {
        let mut leader = None;
        let since = Stopwatch::start();
        // The broker is asked anew until it names one of the two.
        while leader.is_none() {
            assert!(
                since.elapsed() < START_LIMIT,
                "nobody leads {service}: {}",
                self.said()
            );
            tokio::time::sleep(LOOK).await;
            let lease = self.leases.look(service).await.expect("the lease");
            let holder = lease.holder.map(|holder| holder.pid);
            leader = self
                .pair(service)
                .iter()
                .position(|half| Some(half.process.id()) == holder);
        }
        leader.expect("looked for until found")
    }

    /// Waits until a process has said `times` times that it stands by.
    ///
    /// # Panics
    /// When it does not.
    pub fn wait_until_it_stands_by(&self, service: Service, place: usize, times: usize) {
        let half = &self.pair(service)[place];
        let stands_by = until(START_LIMIT, || {
            half.process.err().matches("stands by").count() >= times
        });
        assert!(stands_by, "{service}: {}", half.process.err());
    }

    /// The last position on the log.
    ///
    /// # Panics
    /// When the server cannot be asked.
    pub async fn head(&self) -> u64 {
        Log::JetStream(self.log.clone()).head().await.expect("head")
    }

    /// Ends a role's leader with a signal (`KILL`, `STOP`, `TERM`) and says which it was and what
    /// the log's last position was before.
    pub async fn hit(&self, service: Service, signal: &str) -> Hit {
        let place = self.leader(service).await;
        let last = Log::JetStream(self.log.clone()).last_frame(service).await;
        let last = last.expect("its last frame").expect("it wrote a frame");
        self.pair(service)[place].process.signal(signal);
        Hit {
            since: Stopwatch::start(),
            service,
            place,
            incarnation: last.frame.head.incarnation,
            after: last.seq,
        }
    }

    /// Waits for the first frame of whoever goes on, and says how long that took and where it
    /// stands on the log.
    ///
    /// # Panics
    /// When nobody goes on.
    pub async fn successor(&self, hit: &Hit) -> (Duration, u64) {
        let log = Log::JetStream(self.log.clone());
        let mut follower = log.follow(hit.after, &[hit.service]).await.expect("frames");
        let first = async {
            loop {
                let frames = follower.next(READ_AT_ONCE).await.expect("frames");
                if let Some(first) = frames.iter().find(|s| !hit.wrote(s)) {
                    return first.seq;
                }
            }
        };
        let first = tokio::time::timeout(START_LIMIT, first).await;
        let first = first.unwrap_or_else(|late| {
            panic!("{late}: nobody goes on after {hit:?}: {}", self.said());
        });
        (hit.since.elapsed(), first)
    }

    /// Starts a process again whose end was ours.
    pub fn start_again(&mut self, hit: &Hit) {
        let half = self.half(hit.service, hit.place);
        half.process.kill();
        half.process = Duban::start(&half.command);
    }

    /// Sends a signal to the process that was hit.
    pub fn signal(&self, hit: &Hit, name: &str) {
        self.pair(hit.service)[hit.place].process.signal(name);
    }

    /// Where the notifiers write their mail.
    pub fn mail(&self) -> Vec<PathBuf> {
        let pair = self.pair(Service::Notifier);
        pair.iter().map(|half| half.data.join("mail")).collect()
    }

    /// What a process has written.
    pub fn said_by(&self, service: Service, place: usize) -> String {
        self.pair(service)[place].process.err()
    }

    /// What everybody has written, for a failure's message.
    pub fn said(&self) -> String {
        let all = self.halves.iter().flat_map(|(service, pair)| {
            pair.iter()
                .map(move |half| format!("== {service}\n{}", half.process.err()))
        });
        all.collect()
    }

    /// Stops everybody and looks at how they ended.
    ///
    /// # Panics
    /// When one does not stop within seconds with exit code 0.
    pub fn stop(self) {
        let all = || self.halves.iter().flat_map(|(_, pair)| pair);
        all().for_each(|half| half.process.terminate());
        for (_, pair) in self.halves {
            for half in pair {
                half.process.wait(START_LIMIT).with_code(0);
            }
        }
    }
}

/// A leader that was hit.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    /// Since when.
    pub since: Stopwatch,
    /// Its role.
    pub service: Service,
    /// Which of the pair.
    pub place: usize,
    /// Its number on its frames.
    pub incarnation: u64,
    /// Its last position before.
    pub after: u64,
}

impl Hit {
    /// True for a frame of the process that was hit.
    pub fn wrote(&self, stored: &Stored) -> bool {
        stored.frame.head.service == self.service
            && stored.frame.head.incarnation == self.incarnation
    }
}
