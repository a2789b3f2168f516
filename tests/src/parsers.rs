//! Everything that reads what others wrote, one function each, fed with any bytes at all.
//!
//! The same functions serve the fuzz targets below `tests/fuzz` (which include this file) and the
//! seeded mutations of `tests/tests/hostile.rs`. None may panic, whatever it is given; what is read
//! must be written back to the same.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::LazyLock;

use duban_calendar::{Calendar, Period, Span};
use duban_intake::Intake;
use duban_model::decider::seal;
use duban_model::decision::{MissedPolicy, TimerArmed, When};
use duban_model::definition::{Fulfilment, Opens, StepWhen};
use duban_model::fact::{DefinitionFile, Publication};
use duban_model::state::load_rows;
use duban_model::{
    Body, Decider, Definition, Directory, Draft, Drafts, Envelope, Frame, Input, Record, RecordId,
    Service, State, Timestamp, Zone,
};
use duban_notifier::Notifier;
use duban_rules::{Condition, Plan, Rules, compile, read_directory};
use duban_scheduler::Scheduler;

// Beside this file also where the fuzz targets include it.
#[path = "documents.rs"]
mod documents;
pub use documents::{deadline, document};

/// A parser under test.
pub type Parser = fn(&[u8]);

/// Every parser with its name.
pub const PARSERS: &[(&str, Parser)] = &[
    ("frame", frame),
    ("record", record),
    ("event", event),
    ("intake", intake),
    ("ledger", ledger),
    ("tasks", tasks),
    ("condition", condition),
    ("calendar", calendar),
    ("directory", directory),
    ("words", words),
    ("cron", cron),
    ("rows", rows),
    ("document", document),
    ("deadline", deadline),
];

const LEDGER: &str = include_str!("../tests/scenarios/ledgers/small/ledger.yaml");
const TASKS: &str = include_str!("../tests/scenarios/ledgers/small/tasks.yaml");
const DIRECTORY: &str = include_str!("../tests/scenarios/ledgers/small/directory.yaml");
const CALENDAR: &str = include_str!("../../workflows/calendars/cn-workdays.csv");

/// An office at work: its ledger is in force, and a few things have happened.
pub struct Office {
    calendar: Calendar,
    directory: Directory,
    definition: Definition,
    intake: Desk<Intake>,
    rules: Desk<Rules>,
    scheduler: Desk<Scheduler>,
    notifier: Desk<Notifier>,
    /// The events it took.
    pub events: Vec<String>,
    /// Every record written, by writer.
    pub records: Vec<(Service, Record)>,
}

struct Desk<D: Decider> {
    state: D::State,
    latest: Timestamp,
}

impl<D: Decider> Desk<D> {
    fn new() -> Self {
        Desk {
            state: D::State::default(),
            latest: Timestamp::default(),
        }
    }

    /// What it would decide, without remembering it.
    fn looks_at(&self, input: &Input<'_>) -> Vec<Record> {
        if matches!(input, Input::Record(record) if !D::consumes(record) && !own::<D>(record)) {
            return Vec::new();
        }
        let mut out = Drafts::default();
        D::decide(&self.state, input, &mut out);
        seal(D::SERVICE, input, out, &mut self.latest.clone())
    }

    fn takes(&mut self, input: &Input<'_>) -> Vec<Record> {
        let records = self.looks_at(input);
        for record in &records {
            self.latest = self.latest.max(record.loggedat);
            D::apply(&mut self.state, record);
        }
        let mut all = Vec::new();
        for record in records {
            let more = if own::<D>(&record) {
                self.takes(&Input::Record(&record))
            } else {
                Vec::new()
            };
            all.push(record);
            all.extend(more);
        }
        all
    }
}

fn own<D: Decider>(record: &Record) -> bool {
    record.record_type().is_continuation() && record.source == D::SERVICE.source()
}

/// The office, made once.
pub static OFFICE: LazyLock<Office> = LazyLock::new(Office::open);

fn instant(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// An event as it comes from outside.
pub fn offered(id: &str, kind: &str, data: &str) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"urn:test:desk","type":"duban.{kind}","time":"2021-07-05T10:00:00+08:00","tenant":"test","ledger":"small","data":{data}}}"#
    )
}

impl Office {
    fn open() -> Office {
        let calendar = Calendar::from_csv("cn", CALENDAR).expect("the calendar");
        let (directory, _) = read_directory(DIRECTORY);
        let directory = directory.expect("the directory");
        let files = files(LEDGER, TASKS);
        let compiled = compile(&files, &directory, &calendar);
        let definition = compiled.definition.expect("the ledger");
        let mut office = Office {
            calendar,
            directory,
            definition,
            intake: Desk::new(),
            rules: Desk::new(),
            scheduler: Desk::new(),
            notifier: Desk::new(),
            events: Vec::new(),
            records: Vec::new(),
        };
        let json = |value: serde_json::Value| value.to_string();
        let deployed = [
            (
                "directory.deployed",
                json(serde_json::json!({ "directory": office.directory })),
            ),
            (
                "calendar.deployed",
                json(serde_json::json!({ "calendar": office.calendar })),
            ),
            (
                "definition.deployed",
                json(serde_json::json!({ "ledger": office.definition.ledger, "files": files })),
            ),
        ];
        let tenant = format!("\"tenant\":\"{}\"", office.definition.tenant);
        let ledger = format!("\"ledger\":\"{}\"", office.definition.ledger);
        let acts = [
            (
                "publication.published",
                r#"{"publication":"p-1","unit":"kailu","kind":"规划纲要","title":"规划纲要","category":"规划","validity":"有效","number":"1号","written":"2021-07-01","formats":["pdf"]}"#,
            ),
            (
                "publication.updated",
                r#"{"publication":"p-1","unit":"kailu","kind":"专项规划","title":"规划"}"#,
            ),
            (
                "publication.withdrawn",
                r#"{"publication":"p-1","unit":"kailu","reason":"有误"}"#,
            ),
            (
                "task.accepted",
                r#"{"task":"13","unit":"kailu","by":"联络员"}"#,
            ),
            (
                "task.submitted",
                r#"{"task":"13","unit":"kailu","evidence":["https://a.example/1"]}"#,
            ),
            (
                "task.returned",
                r#"{"task":"13","unit":"kailu","reason":"不全","due":"2021-11-08"}"#,
            ),
            (
                "task.extension_requested",
                r#"{"task":"13","unit":"kailu","reason":"难","due":"2021-12-08"}"#,
            ),
            (
                "task.delegated",
                r#"{"task":"13","unit":"kailu","contact":"office"}"#,
            ),
            (
                "task.disowned",
                r#"{"task":"13","unit":"kailu","reason":"职能已划转"}"#,
            ),
            (
                "task.waived",
                r#"{"task":"2","unit":"kailu","reason":"无"}"#,
            ),
            (
                "task.triggered",
                r#"{"task":"12","due":"2021-11-30","by":"负责人"}"#,
            ),
        ];
        let acts = acts.map(|(kind, data)| (kind, data.to_owned()));
        for (number, (kind, data)) in deployed.into_iter().chain(acts).enumerate() {
            let event = offered(&format!("e-{number}"), kind, &data)
                .replace("\"tenant\":\"test\"", &tenant)
                .replace("\"ledger\":\"small\"", &ledger);
            office.happens(event);
        }
        office
    }

    fn happens(&mut self, event: String) {
        let input = Input::Event {
            bytes: event.as_bytes(),
            offered_on: None,
            now: Some(instant("2021-07-05T10:00:00+08:00")),
        };
        for fact in self.intake.takes(&input) {
            let mut written = self.rules.takes(&Input::Record(&fact));
            written.insert(0, fact);
            for record in written {
                let input = Input::Record(&record);
                let answers = [
                    (Service::Scheduler, self.scheduler.takes(&input)),
                    (Service::Notifier, self.notifier.takes(&input)),
                ];
                let writer = if record.origin.is_some() {
                    Service::Intake
                } else {
                    Service::Rules
                };
                self.records.push((writer, record));
                for (service, answer) in answers {
                    self.records
                        .extend(answer.into_iter().map(|r| (service, r)));
                }
            }
        }
        self.events.push(event);
    }
}

fn files(ledger: &str, tasks: &str) -> Vec<DefinitionFile> {
    [("ledger.yaml", ledger), ("tasks.yaml", tasks)]
        .map(|(name, text)| DefinitionFile {
            name: name.to_owned(),
            text: text.to_owned(),
        })
        .to_vec()
}

/// A stored or transmitted frame: the head, a line break, the batch.
pub fn frame(data: &[u8]) {
    let end = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (head, batch) = data.split_at(end);
    if let Ok(frame) = Frame::decode(head, batch.get(1..).unwrap_or_default()) {
        let again = Frame::decode(frame.encode_head().as_bytes(), &frame.encode_batch());
        assert_eq!(again.as_ref(), Ok(&frame), "a frame reads back otherwise");
    }
}

/// One record.
pub fn record(data: &[u8]) {
    if let Ok(record) = serde_json::from_slice::<Record>(data) {
        let again: Record = serde_json::from_str(&record.to_json()).expect("a record reads back");
        assert_eq!(again, record, "a record reads back otherwise");
    }
}

/// Event files: one event a line.
pub fn event(data: &[u8]) {
    for line in data.split(|b| *b == b'\n') {
        match Envelope::parse(line) {
            Ok(event) => {
                let again = Envelope::parse(event.to_json().as_bytes());
                assert_eq!(again.as_ref(), Ok(&event), "an event reads back otherwise");
            }
            Err(fault) => drop(fault.to_string()),
        }
    }
}

/// One event through the whole office, on a live clock and on a virtual one. The first line may be
/// the subject on which it came.
pub fn intake(data: &[u8]) {
    let office = &*OFFICE;
    let (subject, bytes) = match data.iter().position(|b| *b == b'\n') {
        Some(end) => (std::str::from_utf8(&data[..end]).ok(), &data[end + 1..]),
        None => (None, data),
    };
    for now in [Some(instant("2021-08-02T10:00:00+08:00")), None] {
        let input = Input::Event {
            bytes,
            offered_on: subject,
            now,
        };
        let facts = office.intake.looks_at(&input);
        assert_eq!(facts.len(), 1, "one record an event");
        for fact in facts {
            record(fact.to_json().as_bytes());
            let input = Input::Record(&fact);
            for decided in office.rules.looks_at(&input) {
                record(decided.to_json().as_bytes());
                let input = Input::Record(&decided);
                office.scheduler.looks_at(&input);
                office.notifier.looks_at(&input);
            }
            office.scheduler.looks_at(&input);
            office.notifier.looks_at(&input);
        }
    }
}

fn compiled(files: &[DefinitionFile]) -> Option<Definition> {
    let office = &*OFFICE;
    let compiled = compile(files, &office.directory, &office.calendar);
    for diagnostic in &compiled.diagnostics {
        let told = diagnostic.to_string();
        assert!(!told.is_empty());
    }
    if let Some(definition) = &compiled.definition {
        Plan::of(definition);
        let text = serde_json::to_string(definition).expect("a definition is written");
        let again: Definition = serde_json::from_str(&text).expect("a definition reads back");
        assert_eq!(again, *definition, "a definition reads back otherwise");
    }
    compiled.definition
}

/// `ledger.yaml`
pub fn ledger(data: &[u8]) {
    compiled(&files(&String::from_utf8_lossy(data), TASKS));
}

/// `tasks.yaml`
pub fn tasks(data: &[u8]) {
    compiled(&files(LEDGER, &String::from_utf8_lossy(data)));
}

/// A condition: as deployed, as adopted, and asked.
pub fn condition(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let publication = Publication {
        publication: "p-1".to_owned(),
        unit: "kailu".to_owned(),
        kind: "规划纲要".to_owned(),
        title: "开鲁县规划纲要".to_owned(),
        url: None,
        category: Some("规划".to_owned()),
        issuer: Some(String::new()),
        number: None,
        written: "2021-07-05".parse().ok(),
        validity: Some("有效".to_owned()),
        formats: vec!["html".to_owned(), "pdf".to_owned()],
        about: None,
        note: None,
    };
    let strict = Condition::parse(&text, &["规划纲要".to_owned()]);
    let met = match &strict {
        Ok(condition) => Some(condition.met_by(&publication).is_ok()),
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a word");
            None
        }
    };
    let mut adopted = OFFICE.definition.clone();
    adopted.tasks.truncate(1);
    if let Some(owner) = adopted.tasks.first_mut().and_then(|t| t.owners.first_mut()) {
        "kailu".clone_into(&mut owner.units[0]);
        if let Fulfilment::Publications(list) = &mut owner.fulfilled_by {
            "规划纲要".clone_into(&mut list[0].kinds[0]);
            list[0].when = Some(text.into_owned());
        }
    }
    let matches = Plan::of(&adopted).matches(&publication).len();
    if let Some(met) = met {
        assert_eq!(
            matches > 0,
            met,
            "deployed and adopted, it answers otherwise"
        );
    }
}

/// A calendar file.
pub fn calendar(data: &[u8]) {
    match Calendar::from_csv("cn", &String::from_utf8_lossy(data)) {
        Ok(calendar) => assert_eq!(calendar.check(), Ok(()), "a calendar that is not sound"),
        Err(faults) => assert!(!faults.is_empty(), "refused without a word"),
    }
}

/// `directory.yaml`
pub fn directory(data: &[u8]) {
    let (directory, faults) = read_directory(&String::from_utf8_lossy(data));
    assert!(
        directory.is_some() || !faults.is_empty(),
        "refused without a word"
    );
}

fn word<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let shown = value.to_string();
        let again = shown.parse::<T>().ok();
        assert!(
            again == Some(value),
            "`{text}` reads back otherwise: {shown}"
        );
    }
}

/// Spans, periods, instants, zones, steps, ids, services: all that is written in one word.
pub fn words(data: &[u8]) {
    for text in String::from_utf8_lossy(data).lines() {
        word::<Span>(text);
        word::<Period>(text);
        word::<Timestamp>(text);
        word::<StepWhen>(text);
        word::<RecordId>(text);
        word::<Service>(text);
        let _ = text.parse::<Zone>();
        if let (Ok(at), Ok(zone)) = (text.parse::<Timestamp>(), "Asia/Shanghai".parse::<Zone>()) {
            let _ = at.shown_in(zone);
        }
        if let Ok(span) = text.parse::<Span>() {
            let day = OFFICE.definition.issued;
            let _ = OFFICE.calendar.before(day, span);
            let _ = OFFICE.calendar.after(day, span);
        }
        if let Ok(period) = text.parse::<Period>() {
            let _ = (period.next(), period.previous(), period.chinese());
        }
    }
}

/// A cron expression: compiled, and armed.
pub fn cron(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let quoted = serde_json::to_string(&text).expect("a text");
    let tasks = format!(
        "tasks:\n- {{id: \"3\",section: a,subsection: a,title: a,text: a,units_phrase: a,strength: required,opens: each_period,period: {{every: quarter,cron: {quoted}}},due: period_end,ladder: period,owners: [{{unit: kailu,role: responsible}}],fulfilled_by: {{submission: verified}}}}\n"
    );
    let Some(definition) = compiled(&files(LEDGER, &tasks)) else {
        return;
    };
    let Opens::EachPeriod(rule) = &definition.tasks[0].opens else {
        return;
    };
    let armed = Body::TimerArmed(TimerArmed {
        timer: "small/3/periods".to_owned(),
        owner: Service::Rules,
        when: When::Cron {
            expression: rule.cron.clone(),
            zone: definition.zone,
            after: instant("2021-07-05T10:00:00+08:00"),
            missed: MissedPolicy::FireAll,
        },
        step: "period".to_owned(),
    });
    let (_, some) = &OFFICE.records[0];
    let mut out = Drafts::default();
    out.push(Draft::new(definition.tenant.clone(), armed));
    let input = Input::Record(some);
    for record in seal(Service::Rules, &input, out, &mut Timestamp::default()) {
        OFFICE.scheduler.looks_at(&Input::Record(&record));
    }
}

fn load<D: Decider>(rows: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) {
    match load_rows::<D::State>(rows) {
        Ok(state) => drop(D::earliest_due(&state)),
        Err(fault) => drop(fault.to_string()),
    }
}

/// Stored rows: a line break between rows, a `=` between key and value, one table's tag first.
pub fn rows(data: &[u8]) {
    let rows = || {
        data.split(|b| *b == b'\n').map(|row| {
            let end = row.iter().position(|b| *b == b'=').unwrap_or(row.len());
            let (key, value) = row.split_at(end);
            let mut key = key.to_vec();
            if let Some(tag) = key.first_mut() {
                *tag = tag.wrapping_sub(b'0');
            }
            (key, value.get(1..).unwrap_or_default().to_vec())
        })
    };
    load::<Intake>(rows());
    load::<Rules>(rows());
    load::<Scheduler>(rows());
    load::<Notifier>(rows());
}

fn spell<S: State>(state: &mut S) -> Vec<u8> {
    let mut text = Vec::new();
    for change in duban_model::state::drain_changes(state)
        .into_iter()
        .take(40)
    {
        let (Some((tag, key)), Some(value)) = (change.key.split_first(), change.value) else {
            continue;
        };
        text.push(tag.wrapping_add(b'0'));
        text.extend_from_slice(key);
        text.push(b'=');
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    text
}

/// The rows of one service, spelled as [`rows`] reads them.
pub fn spelled_rows() -> Vec<Vec<u8>> {
    let mut office = Office::open();
    vec![
        spell(&mut office.intake.state),
        spell(&mut office.rules.state),
        spell(&mut office.scheduler.state),
        spell(&mut office.notifier.state),
    ]
}
