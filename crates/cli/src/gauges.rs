//! What is measured while services run: counts folded from the log, so that they survive restarts and
//! every process tells the same, and how this process stands. Printed as Prometheus reads it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use duban_console::{ConsoleState, Lack, Light, Measure, Missed, Watch};
use duban_journal::Log;
use duban_model::directory::Channel;
use duban_model::{Body, Decider, Frame, Position, Record, RecordId, Service, Timestamp};
use duban_notifier::Notifier;
use duban_rules::Rules;
use duban_runtime::clock::Clock;
use duban_runtime::effects::LanesView;
use duban_scheduler::Scheduler;
use tokio::time::Instant;

use crate::watchdog::{Key as _, Missing, Watchdog};

/// Bounds of the lateness of timers, in seconds.
const LATENESS_BOUNDS: [(f64, &str); 8] = [
    (0.01, "0.01"),
    (0.1, "0.1"),
    (1.0, "1"),
    (10.0, "10"),
    (60.0, "60"),
    (600.0, "600"),
    (3600.0, "3600"),
    (86400.0, "86400"),
];
/// A service that has inputs and decides none of them for so long is stuck.
const STUCK_AFTER: Duration = Duration::from_mins(1);
/// The inbox is looked at this often, and at least so often something is known of the log.
pub(crate) const SAMPLED_EVERY: Duration = Duration::from_secs(5);
/// The duties and timers are looked through this often.
pub(crate) const WATCHED_EVERY: Duration = Duration::from_mins(1);
/// The log must have answered within this time, or this process does not know how things stand.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Duties and timers that the pages list of what is missing, at most.
const MISSED_KEPT: usize = 200;
/// What happens to notices, in the order of their counts.
const EVENTS: [&str; 6] = [
    "queued",
    "attempted",
    "delivered",
    "failed",
    "abandoned",
    "suppressed",
];

/// How far a service has decided what is there for it.
#[derive(Debug)]
struct Reader {
    consumes: fn(&Record) -> bool,
    through: Position,
    wanted: Position,
    /// When it last got further, or had nothing to do.
    moved: Instant,
}

/// When a service last wrote, and by whom.
#[derive(Clone, Copy, Debug)]
struct Written {
    incarnation: u64,
    at: Instant,
}

#[derive(Debug)]
struct Folded {
    /// By channel, the last for none; then by event.
    notices: [[u64; EVENTS.len()]; Channel::ALL.len() + 1],
    /// Notices without an end: their channel, and since when.
    open: BTreeMap<RecordId, (usize, Timestamp)>,
    lateness: [u64; LATENESS_BOUNDS.len()],
    fired: u64,
    late_millis: i64,
    rejections: u64,
    readers: BTreeMap<Service, Reader>,
    written: BTreeMap<Service, Written>,
    watchdog: Watchdog<u64>,
    intake: u64,
    inbox: u64,
    /// When the intake last got further, or had nothing to do.
    intake_moved: Instant,
    /// When the log last answered.
    heard: Option<Instant>,
    /// The last frame noted, the log's last one when it was last looked at, and whether that one
    /// has been noted by the next look.
    seq: u64,
    head: u64,
    is_up: bool,
    missing: usize,
    /// The first of them.
    missed: Vec<Missed>,
    late_timers: usize,
}

fn told(missing: &Missing<u64>) -> Missed {
    let since = missing.since();
    let (lack, key) = match missing {
        Missing::NextAction { duty, .. } => (Lack::NextAction, *duty),
        Missing::Noted { duty, .. } => (Lack::Timer, *duty),
        Missing::Firing { owner, timer, .. } => (Lack::Firing(*owner), *timer),
    };
    Missed { lack, key, since }
}

impl Watch for Gauges {
    fn missed(&self) -> Vec<Missed> {
        self.folded().missed.clone()
    }

    fn key(&self, obligation: &str) -> u64 {
        u64::of(obligation)
    }
}

/// The measures of one process.
pub(crate) struct Gauges {
    clock: Clock,
    incarnation: u64,
    /// Without leases, whoever holds the log leads.
    has_leases: bool,
    roles: Vec<Service>,
    lanes: Option<LanesView>,
    console: OnceLock<ConsoleState>,
    folded: Mutex<Folded>,
}

fn place(channel: Option<Channel>) -> usize {
    let at = channel.and_then(|c| Channel::ALL.iter().position(|other| *other == c));
    at.unwrap_or(Channel::ALL.len())
}

fn channel_name(place: usize) -> &'static str {
    Channel::ALL.get(place).map_or("none", |c| c.as_str())
}

impl Gauges {
    pub(crate) fn new(
        clock: Clock,
        incarnation: u64,
        log: &Log,
        roles: Vec<Service>,
        lanes: Option<LanesView>,
    ) -> Gauges {
        let now = Instant::now();
        let reader = |consumes| Reader {
            consumes,
            through: Position::START,
            wanted: Position::START,
            moved: now,
        };
        Gauges {
            clock,
            incarnation,
            has_leases: log.leases().is_some(),
            roles,
            lanes,
            console: OnceLock::new(),
            folded: Mutex::new(Folded {
                notices: [[0; EVENTS.len()]; Channel::ALL.len() + 1],
                open: BTreeMap::new(),
                lateness: [0; LATENESS_BOUNDS.len()],
                fired: 0,
                late_millis: 0,
                rejections: 0,
                readers: BTreeMap::from([
                    (Service::Rules, reader(Rules::consumes)),
                    (Service::Scheduler, reader(Scheduler::consumes)),
                    (Service::Notifier, reader(Notifier::consumes)),
                ]),
                written: BTreeMap::new(),
                watchdog: Watchdog::default(),
                intake: 0,
                inbox: 0,
                intake_moved: now,
                heard: None,
                seq: 0,
                head: 0,
                is_up: false,
                missing: 0,
                missed: Vec::new(),
                late_timers: 0,
            }),
        }
    }

    /// The pages of this process, which count lights.
    pub(crate) fn see(&self, console: ConsoleState) {
        let _ = self.console.set(console);
    }

    fn folded(&self) -> MutexGuard<'_, Folded> {
        self.folded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the next frame of the log into account.
    pub(crate) fn note(&self, seq: u64, frame: &Frame) {
        self.folded().note(seq, frame);
    }

    /// Inbox and log have come so far.
    pub(crate) fn sampled(&self, inbox: u64, head: u64) {
        let mut folded = self.folded();
        let first = folded.heard.is_none();
        folded.inbox = inbox;
        folded.heard = Some(Instant::now());
        folded.is_up = !first && folded.seq >= folded.head;
        folded.head = head;
        if folded.intake >= inbox {
            folded.intake_moved = Instant::now();
        }
    }

    /// Looks through duties and timers; how many should have a next action and have none. Before
    /// the log is read up to its end, nobody can say.
    pub(crate) fn watch(&self) -> usize {
        let mut folded = self.folded();
        if !folded.is_up {
            return 0;
        }
        let now = self.clock.now().unwrap_or_default();
        let all = folded.watchdog.check(now);
        let is_late = |m: &&Missing<u64>| matches!(m, Missing::Firing { .. });
        folded.late_timers = all.iter().filter(is_late).count();
        folded.missing = all.len();
        folded.missed = all.iter().take(MISSED_KEPT).map(told).collect();
        all.len()
    }

    fn leads(&self, folded: &Folded, service: Service) -> bool {
        self.roles.contains(&service)
            && (!self.has_leases
                || folded
                    .written
                    .get(&service)
                    .is_some_and(|w| w.incarnation == self.incarnation))
    }

    /// Whether this process leads and gets on with what is there for it; if not, why.
    pub(crate) fn is_well(&self) -> Result<(), String> {
        let folded = self.folded();
        let led: Vec<Service> = self
            .roles
            .iter()
            .copied()
            .filter(|service| self.leads(&folded, *service))
            .collect();
        if led.is_empty() {
            return Err("this process leads nothing".to_owned());
        }
        if folded.heard.is_none() {
            return Err("the log has not answered yet".to_owned());
        }
        if folded
            .heard
            .is_none_or(|heard| heard.elapsed() > HEARD_WITHIN)
        {
            return Err(format!(
                "the log has not answered for {} s",
                HEARD_WITHIN.as_secs()
            ));
        }
        if !folded.is_up {
            return Err("this process has not read the log up to its end".to_owned());
        }
        for service in led {
            let since = folded.behind_since(service);
            if let Some(since) = since.filter(|since| since.elapsed() > STUCK_AFTER) {
                return Err(format!(
                    "{service} has had inputs for {} s and decided none",
                    since.elapsed().as_secs()
                ));
            }
        }
        if folded.late_timers > 0 {
            return Err(format!("{} timers were not fired", folded.late_timers));
        }
        Ok(())
    }
}

impl Folded {
    fn note(&mut self, seq: u64, frame: &Frame) {
        let now = Instant::now();
        self.seq = seq;
        self.watchdog.note(frame);
        let head = &frame.head;
        let written = Written {
            incarnation: head.incarnation,
            at: now,
        };
        self.written.insert(head.service, written);
        if head.service == Service::Intake {
            self.intake = head.through.seq;
            self.intake_moved = now;
        }
        if let Some(reader) = self.readers.get_mut(&head.service) {
            reader.through = head.through;
            reader.moved = now;
        }
        for (service, reader) in &mut self.readers {
            for (index, record) in (0u32..).zip(&frame.records) {
                if head.service != *service && (reader.consumes)(record) {
                    if reader.through >= reader.wanted {
                        reader.moved = now;
                    }
                    reader.wanted = Position { seq, index };
                }
            }
        }
        for record in &frame.records {
            self.note_record(record);
        }
    }

    /// Since when a service has had inputs and has decided none of them.
    fn behind_since(&self, service: Service) -> Option<Instant> {
        match self.readers.get(&service) {
            None => (self.intake < self.inbox).then_some(self.intake_moved),
            Some(reader) => (reader.through < reader.wanted).then_some(reader.moved),
        }
    }

    fn note_record(&mut self, record: &Record) {
        let (notice, event, ends) = match &record.body {
            Body::NoticeQueued(r) => {
                let channel = place(Some(r.channel));
                self.notices[channel][0] += 1;
                if let Ok(id) = r.notice.parse() {
                    self.open.insert(id, (channel, record.loggedat));
                }
                return;
            }
            Body::NoticeBundled(r) => {
                // From here on they are one message.
                let since = r.covers.iter().filter_map(|covered| {
                    let id = covered.parse::<RecordId>().ok()?;
                    self.open.remove(&id).map(|(_, since)| since)
                });
                let since = since.min().unwrap_or(record.loggedat);
                if let Ok(id) = r.notice.parse() {
                    self.open.insert(id, (place(Some(r.channel)), since));
                }
                return;
            }
            Body::NoticeDropped(r) => (&r.notice, 5, true),
            Body::NoticeSuppressed(_) => {
                self.notices[place(None)][5] += 1;
                return;
            }
            Body::NoticeAttempted(r) => (&r.notice, 1, false),
            Body::NoticeDelivered(r) => (&r.notice, 2, true),
            Body::NoticeFailed(r) => (&r.notice, 3, false),
            Body::NoticeAbandoned(r) => (&r.notice, 4, true),
            Body::TimerFired(r) => {
                let late = (record.loggedat.0 - r.due.0).max(0);
                self.fired += 1;
                self.late_millis += late;
                let seconds = Duration::from_millis(late.unsigned_abs()).as_secs_f64();
                for ((bound, _), count) in LATENESS_BOUNDS.iter().zip(&mut self.lateness) {
                    *count += u64::from(seconds <= *bound);
                }
                return;
            }
            Body::RejectionRecorded(_) => {
                self.rejections += 1;
                return;
            }
            _ => return,
        };
        let Ok(id) = notice.parse::<RecordId>() else {
            return;
        };
        let channel = self
            .open
            .get(&id)
            .map_or(place(None), |(channel, _)| *channel);
        self.notices[channel][event] += 1;
        if ends {
            self.open.remove(&id);
        }
    }
}

/// A text as Prometheus reads it, family by family.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(key, value)| {
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                format!("{key}=\"{}\"", value.replace('\n', "\\n"))
            })
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

impl Measure for Gauges {
    fn measured(&self) -> String {
        let mut text = Text::default();
        let folded = self.folded();
        folded.print_notices(
            &mut text,
            folded.watchdog.now(self.clock.now().unwrap_or_default()),
        );
        folded.print_timers(&mut text);
        text.family(
            "duban_leader",
            "gauge",
            "1 if this process writes for the service.",
        );
        for service in &self.roles {
            let leads = u8::from(self.leads(&folded, *service));
            text.line("duban_leader", &[("service", service.as_str())], leads);
        }
        let name = "duban_append_age_seconds";
        text.family(
            name,
            "gauge",
            "Since this process saw a frame of the service.",
        );
        for (service, written) in &folded.written {
            let age = written.at.elapsed().as_secs_f64();
            text.line(name, &[("service", service.as_str())], age);
        }
        let name = "duban_behind_seconds";
        text.family(
            name,
            "gauge",
            "For how long the service has had inputs and decided none.",
        );
        for service in Service::ALL {
            let since = folded.behind_since(service);
            let behind = since.map_or(0.0, |since| since.elapsed().as_secs_f64());
            text.line(name, &[("service", service.as_str())], behind);
        }
        text.family(
            "duban_inbox_waiting",
            "gauge",
            "Events in the inbox that are not decided.",
        );
        let waiting = folded.inbox.saturating_sub(folded.intake);
        text.line("duban_inbox_waiting", &[], waiting);
        text.family(
            "duban_rejections_total",
            "counter",
            "Events that were refused.",
        );
        text.line("duban_rejections_total", &[], folded.rejections);
        let name = "duban_watchdog_missing";
        text.family(
            name,
            "gauge",
            "Duties without a next action and timers not fired.",
        );
        text.line(name, &[], folded.missing);
        drop(folded);
        self.print_lanes(&mut text);
        self.print_lights(&mut text);
        text.0
    }
}

impl Folded {
    fn print_notices(&self, text: &mut Text, now: Timestamp) {
        let name = "duban_notices_total";
        text.family(
            name,
            "counter",
            "What happened to notices; several that leave as one message count once from there on.",
        );
        for (channel, counts) in self.notices.iter().enumerate() {
            for (event, count) in EVENTS.iter().zip(counts) {
                // Channels that nobody uses would only be noise.
                if counts.iter().any(|count| *count > 0) {
                    let labels = [("event", *event), ("channel", channel_name(channel))];
                    text.line(name, &labels, count);
                }
            }
        }
        let name = "duban_notices_open";
        text.family(name, "gauge", "Notices neither delivered nor given up.");
        text.line(name, &[], self.open.len());
        let name = "duban_notice_oldest_open_seconds";
        text.family(name, "gauge", "Since the oldest of them was queued.");
        let oldest = self.open.values().map(|(_, since)| since.0).min();
        let age = oldest.map_or(0, |since| (now.0 - since).max(0) / 1000);
        text.line(name, &[], age);
    }

    fn print_timers(&self, text: &mut Text) {
        let name = "duban_timer_lateness_seconds";
        text.family(name, "histogram", "From a timer's instant to its firing.");
        let bucket = format!("{name}_bucket");
        for ((_, bound), count) in LATENESS_BOUNDS.iter().zip(&self.lateness) {
            text.line(&bucket, &[("le", bound)], count);
        }
        text.line(&bucket, &[("le", "+Inf")], self.fired);
        let millis = Duration::from_millis(self.late_millis.unsigned_abs());
        text.line(&format!("{name}_sum"), &[], millis.as_secs_f64());
        text.line(&format!("{name}_count"), &[], self.fired);
    }
}

impl Gauges {
    fn print_lanes(&self, text: &mut Text) {
        let lanes = self.lanes.as_ref().map(LanesView::now).unwrap_or_default();
        text.family(
            "duban_lane_waiting",
            "gauge",
            "Sends that wait on the endpoint.",
        );
        for lane in &lanes {
            text.line(
                "duban_lane_waiting",
                &[("endpoint", &lane.name)],
                lane.waiting,
            );
        }
        let name = "duban_lane_resting";
        text.family(
            name,
            "gauge",
            "1 while the endpoint rests after failures in a row.",
        );
        for lane in &lanes {
            text.line(name, &[("endpoint", &lane.name)], u8::from(lane.rests));
        }
    }

    fn print_lights(&self, text: &mut Text) {
        let Some(console) = self.console.get() else {
            return;
        };
        let projection = console.read();
        let name = "duban_obligations";
        text.family(name, "gauge", "Duties by light.");
        for ledger in projection.ledgers() {
            for light in Light::ALL {
                let labels = [("ledger", ledger.id.as_ref()), ("light", light.as_str())];
                text.line(name, &labels, ledger.counts_of_all_units().of(light));
            }
        }
    }
}
