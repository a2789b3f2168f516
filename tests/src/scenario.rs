//! The four services in one thread, in virtual time, watched at every step.
//!
//! Before each input of a service its state is built twice more, from its own records and from its
//! stored rows; both must be the same state and decide the same records. Around that, the promises
//! that hold at any time: ids are unique, no timer fires early, every duty that runs has a timer.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use duban_calendar::Calendar;
use duban_intake::Intake;
use duban_model::checksum::{DecisionSum, combine};
use duban_model::fact::{
    CalendarDeployed, ClockAdvanced, DefinitionDeployed, DefinitionFile, DeliveryReported,
    DirectoryDeployed, Outcome,
};
use duban_model::state::digest_rows;
use duban_model::{
    Body, Decider, Directory, Effect, Envelope, Frame, Input, Position, Record, RecordId,
    RecordType, Service, Tenant, Timestamp,
};
use duban_notifier::Notifier;
use duban_rules::{ObligationState, Rules, RulesState, compile, read_directory};
use duban_runtime::machine::Machine;
use duban_scheduler::{Scheduler, SchedulerState};

/// What a step found wrong.
pub type Fault = String;

/// A definition folder's texts, with its directory and calendar read.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The texts that are deployed.
    pub files: Vec<DefinitionFile>,
    /// Units and contacts.
    pub directory: Directory,
    /// Working days.
    pub calendar: Calendar,
    /// The ledger's id.
    pub ledger: String,
    /// The directory and the calendar as written.
    pub sources: [String; 2],
}

/// Reads a text file, naming it on failure.
pub fn read(path: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(path).map_err(|fault| format!("{}: {fault}", path.display()))
}

impl Folder {
    /// Reads a folder. Its definition must compile.
    pub fn read(dir: &Path, calendar: &Path) -> Result<Folder, Fault> {
        let sources = [read(&dir.join("directory.yaml"))?, read(calendar)?];
        let (directory, calendar) = Folder::of_sources(&sources)?;
        let mut files = Vec::new();
        for name in ["ledger.yaml", "tasks.yaml"] {
            files.push(DefinitionFile {
                name: name.to_owned(),
                text: read(&dir.join(name))?,
            });
        }
        let compiled = compile(&files, &directory, &calendar);
        let Some(definition) = compiled.definition else {
            let list: Vec<String> = compiled
                .diagnostics
                .iter()
                .map(ToString::to_string)
                .collect();
            return Err(format!("{}: {}", dir.display(), list.join("\n")));
        };
        Ok(Folder {
            files,
            directory,
            calendar,
            ledger: definition.ledger,
            sources,
        })
    }

    fn of_sources(sources: &[String; 2]) -> Result<(Directory, Calendar), Fault> {
        let (directory, found) = read_directory(&sources[0]);
        let directory = directory.ok_or_else(|| format!("directory: {found:?}"))?;
        let calendar = Calendar::from_csv("cn", &sources[1])
            .map_err(|faults| format!("calendar: {faults:?}"))?;
        Ok((directory, calendar))
    }

    /// Changes one of its texts: `ledger`, `tasks`, `directory` or `calendar`.
    pub fn edit(&mut self, what: &str, find: &str, with: &str) -> Result<(), Fault> {
        let text = match what {
            "directory" => &mut self.sources[0],
            "calendar" => &mut self.sources[1],
            name => {
                let name = format!("{name}.yaml");
                let file = self.files.iter_mut().find(|f| f.name == name);
                &mut file.ok_or_else(|| format!("there is no {name}"))?.text
            }
        };
        if !text.contains(find) {
            return Err(format!("`{find}` stands nowhere in the {what}"));
        }
        *text = text.replace(find, with);
        (self.directory, self.calendar) = Folder::of_sources(&self.sources)?;
        Ok(())
    }

    /// Leaves out every task but these.
    pub fn keep_only(&mut self, tasks: &[String]) -> Result<(), Fault> {
        const BEGINS: &str = "\n  - id: ";
        for file in self.files.iter_mut().filter(|f| f.name == "tasks.yaml") {
            let mut parts = file.text.split(BEGINS);
            let mut text = parts.next().unwrap_or_default().to_owned();
            let mut found = 0;
            for part in parts {
                if tasks
                    .iter()
                    .any(|id| part.starts_with(&format!("\"{id}\"")))
                {
                    found += 1;
                    text.push_str(BEGINS);
                    text.push_str(part);
                }
            }
            if found != tasks.len() {
                return Err(format!("{found} of the tasks {tasks:?} exist"));
            }
            file.text = text;
        }
        Ok(())
    }

    /// Gives a shipped folder the ledger's id and the office that a scenario goes by.
    pub fn rename(&mut self, ledger: &str, tenant: &str) -> Result<(), Fault> {
        let (was, office) = (self.ledger.clone(), self.directory.tenant.clone());
        let line = |key: &str, value: &str| format!("{key}: {value}\n");
        self.edit("ledger", &line("ledger", &was), &line("ledger", ledger))?;
        let (from, to) = (line("tenant", &office), line("tenant", tenant));
        self.edit("ledger", &from, &to)?;
        self.edit("directory", &from, &to)?;
        ledger.clone_into(&mut self.ledger);
        Ok(())
    }

    /// The event that brings the calendar.
    pub fn calendar_event(&self) -> Body {
        Body::CalendarDeployed(CalendarDeployed {
            calendar: self.calendar.clone(),
            by: None,
            reason: None,
            expects: None,
        })
    }

    /// The event that brings the directory.
    pub fn directory_event(&self) -> Body {
        Body::DirectoryDeployed(DirectoryDeployed {
            directory: self.directory.clone(),
            by: None,
            reason: None,
            expects: None,
        })
    }

    /// The event that brings the definition.
    pub fn definition_event(&self) -> Body {
        Body::DefinitionDeployed(DefinitionDeployed {
            ledger: self.ledger.clone(),
            files: self.files.clone(),
            by: None,
            reason: None,
            expects: None,
        })
    }
}

/// One service with all that it has written.
struct Post<D: Decider> {
    live: Machine<D>,
    frames: Vec<Arc<Frame>>,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// How many entries of the log it has read.
    read: usize,
}

/// What one input gave.
struct Given {
    frame: Arc<Frame>,
    effects: Vec<Effect>,
}

enum Next<'a> {
    Input(&'a Input<'a>, Position),
    Continue,
}

impl<D: Decider> Post<D> {
    fn new() -> Self {
        Post {
            live: Machine::new(1, Vec::new()).expect("no rows, no unreadable row"),
            frames: Vec::new(),
            rows: BTreeMap::new(),
            read: 0,
        }
    }

    fn all_rows(machine: &Machine<D>) -> String {
        digest_rows(machine.state(), |_| true)
    }

    /// The state once more, from records and from rows.
    fn rebuilt(&self) -> Result<[(&'static str, Machine<D>); 2], Fault> {
        let mut replayed: Machine<D> = Machine::new(1, Vec::new()).expect("no rows");
        for frame in &self.frames {
            replayed.replay(frame);
        }
        let rows = self.rows.iter().map(|(k, v)| (k.clone(), v.clone()));
        let mut loaded: Machine<D> =
            Machine::new(1, rows).map_err(|fault| format!("{}: {fault}", D::SERVICE))?;
        for frame in &self.frames {
            loaded.stand_after(frame);
        }
        let own = Self::all_rows(&self.live);
        for (how, machine) in [("its records", &replayed), ("its rows", &loaded)] {
            if Self::all_rows(machine) != own {
                return Err(format!(
                    "the state of {} rebuilt from {how} has other rows",
                    D::SERVICE
                ));
            }
            if machine.earliest_due() != self.live.earliest_due() {
                return Err(format!(
                    "{} rebuilt from {how} waits for {:?}, not {:?}",
                    D::SERVICE,
                    machine.earliest_due(),
                    self.live.earliest_due()
                ));
            }
        }
        Ok([("its records", replayed), ("its rows", loaded)])
    }

    /// Decides one input, and with `checked` also on the rebuilt states.
    fn decide(&mut self, next: &Next<'_>, checked: bool) -> Result<Given, Fault> {
        fn give<D: Decider>(machine: &mut Machine<D>, next: &Next<'_>) {
            match next {
                Next::Input(input, position) => machine.decide(input, Some(*position)),
                Next::Continue => {
                    if let Some(record) = machine.continuation() {
                        machine.go_on(&record);
                    }
                }
            }
        }
        let others = if checked {
            Vec::from(self.rebuilt()?)
        } else {
            Vec::new()
        };
        give(&mut self.live, next);
        let built = self.live.close(None);
        for (how, mut other) in others {
            give(&mut other, next);
            let again = other.close(None);
            if again.frame.records != built.frame.records {
                return Err(format!(
                    "{} rebuilt from {how} decides otherwise:\n  {:?}\nthan:\n  {:?}",
                    D::SERVICE,
                    again.frame.records,
                    built.frame.records
                ));
            }
            if again.effects != built.effects {
                return Err(format!(
                    "{} rebuilt from {how} announces other effects",
                    D::SERVICE
                ));
            }
        }
        for change in self.live.drain() {
            match change.value {
                Some(value) => self.rows.insert(change.key, value),
                None => self.rows.remove(&change.key),
            };
        }
        self.frames.push(built.frame.clone());
        Ok(Given {
            frame: built.frame,
            effects: built.effects,
        })
    }
}

/// The log in memory, with what is checked of every record.
#[derive(Default)]
struct Log {
    records: Vec<(Service, Arc<Record>)>,
    ids: BTreeSet<RecordId>,
    effects: Vec<Effect>,
}

impl Log {
    fn take(&mut self, service: Service, given: Given) -> Result<(), Fault> {
        for record in &given.frame.records {
            if !self.ids.insert(record.id) {
                return Err(format!(
                    "two records have the id {}; the second is {record:?}",
                    record.id
                ));
            }
            if let Body::TimerFired(fired) = &record.body
                && fired.due > record.loggedat
            {
                return Err(format!(
                    "timer {} of {} fired early, at {}",
                    fired.timer, fired.due, record.loggedat
                ));
            }
            self.records.push((service, record.clone()));
        }
        self.effects.extend(given.effects);
        Ok(())
    }
}

/// The house in memory.
pub struct House {
    tenant: Tenant,
    checked: bool,
    intake: Post<Intake>,
    rules: Post<Rules>,
    scheduler: Post<Scheduler>,
    notifier: Post<Notifier>,
    log: Log,
    inbox: u64,
    ticks: u64,
    clock: Timestamp,
    /// Timers of the clock's instant have not been fired yet.
    at_rest: bool,
}

/// One service decides all that is on the log for it.
fn work<D: Decider>(post: &mut Post<D>, log: &mut Log, checked: bool) -> Result<bool, Fault> {
    let mut busy = false;
    while post.read < log.records.len() {
        let (service, record) = log.records[post.read].clone();
        post.read += 1;
        if service == D::SERVICE || !D::consumes(&record) {
            continue;
        }
        busy = true;
        let position = Position {
            seq: post.read as u64,
            index: 0,
        };
        let input = Input::Record(&record);
        let given = post.decide(&Next::Input(&input, position), checked)?;
        log.take(D::SERVICE, given)?;
        while post.live.continuation().is_some() {
            let given = post.decide(&Next::Continue, checked)?;
            log.take(D::SERVICE, given)?;
        }
    }
    Ok(busy)
}

impl House {
    /// An empty house for one tenant. With `checked`, each step is checked as this module says.
    pub fn new(tenant: &str, checked: bool) -> House {
        House {
            tenant: tenant.to_owned(),
            checked,
            intake: Post::new(),
            rules: Post::new(),
            scheduler: Post::new(),
            notifier: Post::new(),
            log: Log::default(),
            inbox: 0,
            ticks: 0,
            clock: Timestamp::default(),
            at_rest: true,
        }
    }

    /// Every record so far with its writer, in order.
    pub fn records(&self) -> &[(Service, Arc<Record>)] {
        &self.log.records
    }

    /// What the rules remember.
    pub fn rules(&self) -> &RulesState {
        self.rules.live.state()
    }

    /// What the scheduler remembers.
    pub fn scheduler(&self) -> &SchedulerState {
        self.scheduler.live.state()
    }

    /// The rules' own frames.
    pub fn rules_frames(&self) -> &[Arc<Frame>] {
        &self.rules.frames
    }

    /// The notifier's own frames.
    pub fn notifier_frames(&self) -> &[Arc<Frame>] {
        &self.notifier.frames
    }

    /// The instant it is.
    pub fn clock(&self) -> Timestamp {
        self.clock
    }

    /// The checksum of all decisions and states.
    pub fn checksum(&self) -> String {
        let mut sum = DecisionSum::default();
        for (_, record) in &self.log.records {
            sum.add(record);
        }
        let digests = [
            (Service::Intake, self.intake.live.digest()),
            (Service::Rules, self.rules.live.digest()),
            (Service::Scheduler, self.scheduler.live.digest()),
            (Service::Notifier, self.notifier.live.digest()),
        ];
        combine(&sum, &digests)
    }

    /// An event arrives at `at`: timers before that instant fire first, those of it afterwards.
    pub fn arrive(&mut self, at: Timestamp, event: &Envelope) -> Result<(), Fault> {
        if at < self.clock {
            return Err(format!("{at} lies before {}", self.clock));
        }
        if at > self.clock {
            self.run_to(at, false)?;
            self.advance(at, false)?;
        }
        self.at_rest = false;
        self.event(event)?;
        self.settle()
    }

    /// Time passes up to and including `until`; every timer fires at its instant.
    pub fn pass(&mut self, until: Timestamp) -> Result<(), Fault> {
        self.run_to(until, true)?;
        if until > self.clock {
            self.advance(until, false)?;
            self.settle()?;
        }
        self.at_rest = true;
        self.look()
    }

    /// Nothing runs until `at`; then every timer that passed fires at once.
    pub fn jump(&mut self, at: Timestamp) -> Result<(), Fault> {
        self.pass(self.clock)?;
        self.advance(at, false)?;
        self.settle()?;
        self.pass(at)
    }

    fn run_to(&mut self, until: Timestamp, inclusive: bool) -> Result<(), Fault> {
        while let Some(due) = self.scheduler.live.earliest_due() {
            let instant = due.max(self.clock);
            let over = if inclusive {
                instant > until
            } else {
                instant >= until
            };
            // What became due at the clock's instant belongs to it, whatever comes next.
            if over && instant > self.clock {
                break;
            }
            self.advance(instant, true)?;
            self.settle()?;
            self.look()?;
        }
        Ok(())
    }

    fn advance(&mut self, to: Timestamp, fire: bool) -> Result<(), Fault> {
        self.ticks += 1;
        let event = Envelope {
            id: format!("tick-{}", self.ticks),
            source: "urn:test:clock".to_owned(),
            kind: RecordType::ClockAdvanced,
            time: None,
            tenant: self.tenant.clone(),
            ledger: None,
            body: Body::ClockAdvanced(ClockAdvanced { to, fire }),
        };
        self.clock = to;
        self.event(&event)
    }

    fn event(&mut self, event: &Envelope) -> Result<(), Fault> {
        self.inbox += 1;
        let position = Position {
            seq: self.inbox,
            index: 0,
        };
        let text = event.to_json();
        let input = Input::Event {
            bytes: text.as_bytes(),
            offered_on: None,
            now: None,
        };
        let given = self
            .intake
            .decide(&Next::Input(&input, position), self.checked)?;
        self.log.take(Service::Intake, given)
    }

    /// Everybody decides until nothing is left. Every announced send counts as delivered.
    fn settle(&mut self) -> Result<(), Fault> {
        loop {
            let mut busy = work(&mut self.rules, &mut self.log, self.checked)?;
            busy |= work(&mut self.scheduler, &mut self.log, self.checked)?;
            busy |= work(&mut self.notifier, &mut self.log, self.checked)?;
            for effect in std::mem::take(&mut self.log.effects) {
                busy = true;
                let Effect::Send(message) = effect;
                let report = Envelope {
                    id: format!("{}/{}", message.notice, message.attempt),
                    source: "urn:test:effects".to_owned(),
                    kind: RecordType::DeliveryReported,
                    time: None,
                    tenant: message.tenant,
                    ledger: None,
                    body: Body::DeliveryReported(DeliveryReported {
                        notice: message.notice,
                        attempt: message.attempt,
                        outcome: Outcome::Delivered,
                        detail: "test".to_owned(),
                        retry_after_seconds: None,
                    }),
                };
                self.event(&report)?;
            }
            if !busy {
                return Ok(());
            }
        }
    }

    /// What holds whenever nobody has anything left to decide: a duty that runs or waits for the
    /// office has the timer that it says it has, any other has none.
    pub fn look(&self) -> Result<(), Fault> {
        if !self.checked {
            return Ok(());
        }
        for (id, obligation) in self.rules().obligations() {
            let pending = self.scheduler().pending(Service::Rules, id);
            let expects =
                !obligation.state.is_final() && obligation.state != ObligationState::Waiting;
            let (state, armed) = (obligation.state, obligation.armed.as_ref());
            match (expects, armed, pending) {
                (true, Some(armed), Some(pending))
                    if armed.at == pending.due && armed.step == pending.step => {}
                (false, None, None) => {}
                _ => {
                    return Err(format!(
                        "{id} is {state}; it says its timer is {armed:?}, the scheduler has {pending:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// The last look: the states once more, from records and from rows.
    pub fn finish(&self) -> Result<(), Fault> {
        self.look()?;
        self.intake.rebuilt()?;
        self.rules.rebuilt()?;
        self.scheduler.rebuilt()?;
        self.notifier.rebuilt()?;
        Ok(())
    }
}
