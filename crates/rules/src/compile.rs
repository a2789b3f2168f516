//! From YAML texts to a [`Definition`], reporting every fault at once.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::{NaiveDate, NaiveTime};
use duban_calendar::{Calendar, PeriodKind, Span};
use duban_model::definition::{
    DueRule, FirstPeriod, Fulfilment, Ladder, LadderStep, Opens, Owner, PeriodRule, Repeat,
    Requirement, Role, StepWhen, Strength, Task, Tier,
};
use duban_model::fact::DefinitionFile;
use duban_model::id::is_plain_id;
use duban_model::state::hex;
use duban_model::{Definition, Directory, Zone};
use serde::de::DeserializeOwned;
use serde_saphyr::{Location, Spanned};
use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::source::{
    FulfilmentSource, LedgerSource, OwnerSource, PeriodSource, TaskSource, TasksSource,
};

/// The largest definition text, in bytes.
pub const MAX_TEXT_BYTES: usize = 400 * 1024;
/// The most tasks in a ledger.
pub const MAX_TASKS: usize = 2_000;
/// The longest text of one task, in characters.
const MAX_TASK_TEXT_CHARS: usize = 4_000;

/// What compiling gave.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The definition, unless an error stands among the diagnostics.
    pub definition: Option<Definition>,
    /// Everything found, in order of file and place.
    pub diagnostics: Vec<Diagnostic>,
}

/// The hash by which a definition is pinned: SHA-256 over names and texts, 32 hexadecimal digits.
pub fn definition_hash(files: &[DefinitionFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        for part in [&file.name, &file.text] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
    }
    hex(&hash.finalize()[..16])
}

/// Collects diagnostics of one file.
pub(crate) struct Faults<'a> {
    file: &'a str,
    list: Vec<Diagnostic>,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(file: &'a str) -> Self {
        Self {
            file,
            list: Vec::new(),
        }
    }

    pub(crate) fn error(
        &mut self,
        code: &'static str,
        at: Location,
        found: impl Into<String>,
        expected: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(
            Severity::Error,
            code,
            at,
            found.into(),
            expected.into(),
            remedy.into(),
        );
    }

    pub(crate) fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: Location,
        found: String,
        expected: String,
        remedy: String,
    ) {
        self.list.push(Diagnostic {
            code,
            severity,
            file: self.file.to_owned(),
            line: at.line(),
            column: at.column(),
            found,
            expected,
            remedy,
        });
    }

    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|d| (d.line, d.column, d.code));
        self.list
    }

    /// Parses a field's text, or says why not.
    pub(crate) fn parse<T: FromStr>(
        &mut self,
        code: &'static str,
        field: &Spanned<String>,
        expected: &str,
        remedy: &str,
    ) -> Option<T> {
        if let Ok(value) = field.value.parse() {
            Some(value)
        } else {
            self.error(
                code,
                field.referenced,
                format!("`{}`", field.value),
                expected,
                remedy,
            );
            None
        }
    }

    /// Picks one of a closed list of words.
    pub(crate) fn choose<T: Copy>(
        &mut self,
        field: &Spanned<String>,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == field.value) {
            return Some(*value);
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let remedy = nearest(&field.value, words.iter().copied()).map_or_else(
            || "write one of these words".to_owned(),
            |w| format!("write `{w}`"),
        );
        self.error(
            "D005",
            field.referenced,
            format!("`{}`", field.value),
            format!("one of {}", words.join(", ")),
            remedy,
        );
        None
    }
}

/// Parses one YAML text into its source form.
pub(crate) fn read_yaml<T: DeserializeOwned>(text: &str, faults: &mut Faults<'_>) -> Option<T> {
    if text.len() > MAX_TEXT_BYTES {
        faults.error(
            "D001",
            Location::UNKNOWN,
            format!("a text of {} bytes", text.len()),
            format!("at most {MAX_TEXT_BYTES} bytes"),
            "split the ledger",
        );
        return None;
    }
    match serde_saphyr::from_str::<T>(text) {
        Ok(source) => Some(source),
        Err(fault) => {
            let at = fault.location().unwrap_or(Location::UNKNOWN);
            let message = fault.without_snippet().render();
            // The place is told beside it, and the library's options are not the administrator's.
            let message = message.lines().next().unwrap_or_default();
            let message = [" at line ", ", set DuplicateKeyPolicy"]
                .into_iter()
                .fold(message, |text, tail| {
                    text.split(tail).next().unwrap_or(text)
                })
                .to_owned();
            let (code, expected, remedy) = if message.contains("unknown field") {
                (
                    "D003",
                    "only the fields that workflows/README.md lists",
                    "correct the spelling or remove the field",
                )
            } else if message.contains("missing field") {
                ("D004", "every required field", "add the field")
            } else {
                (
                    "D002",
                    "YAML as in workflows/README.md",
                    "mend the text at this place",
                )
            };
            faults.error(code, at, message, expected, remedy);
            None
        }
    }
}

const SPAN_EXPECTED: &str = "a span such as 7wd (working days) or 10d (calendar days)";
const DATE_EXPECTED: &str = "a date such as 2021-10-31";

/// Compiles the texts of a definition against a directory and a calendar.
pub fn compile(files: &[DefinitionFile], directory: &Directory, calendar: &Calendar) -> Compiled {
    let mut diagnostics = Vec::new();
    let mut text = |name: &str| {
        let found = files
            .iter()
            .find(|f| f.name == name)
            .map(|f| f.text.as_str());
        if found.is_none() {
            let mut faults = Faults::new(name);
            faults.error(
                "D000",
                Location::UNKNOWN,
                format!("no file `{name}`"),
                "a definition folder with ledger.yaml, tasks.yaml and directory.yaml",
                "add the file",
            );
            diagnostics.extend(faults.finish());
        }
        found
    };
    let (ledger_text, tasks_text) = (text("ledger.yaml"), text("tasks.yaml"));
    let (Some(ledger_text), Some(tasks_text)) = (ledger_text, tasks_text) else {
        return Compiled {
            definition: None,
            diagnostics,
        };
    };

    let mut faults = Faults::new("ledger.yaml");
    let ledger = read_yaml::<LedgerSource>(ledger_text, &mut faults);
    let mut definition = ledger
        .as_ref()
        .and_then(|source| compile_ledger(source, directory, calendar, &mut faults));
    diagnostics.extend(faults.finish());

    let mut faults = Faults::new("tasks.yaml");
    let tasks = read_yaml::<TasksSource>(tasks_text, &mut faults);
    if let (Some(ledger), Some(tasks)) = (&ledger, &tasks) {
        let compiled = compile_tasks(tasks, ledger, definition.as_ref(), directory, &mut faults);
        if let Some(definition) = &mut definition {
            definition.tasks = compiled;
        }
    } else {
        definition = None;
    }
    diagnostics.extend(faults.finish());
    if diagnostics.iter().any(|d| d.severity == Severity::Error) {
        definition = None;
    }
    Compiled {
        definition,
        diagnostics,
    }
}

fn compile_ledger(
    source: &LedgerSource,
    directory: &Directory,
    calendar: &Calendar,
    faults: &mut Faults<'_>,
) -> Option<Definition> {
    for id in [&source.ledger, &source.tenant] {
        if !is_plain_id(&id.value) {
            faults.error(
                "D006",
                id.referenced,
                format!("id `{}`", id.value),
                "1 to 64 letters, digits, `-`, `_`, `.`",
                "choose a plain id",
            );
        }
    }
    if source.tenant.value != directory.tenant {
        faults.error(
            "D007",
            source.tenant.referenced,
            format!("tenant `{}`", source.tenant.value),
            format!("the directory's tenant `{}`", directory.tenant),
            "use the same tenant in ledger.yaml and directory.yaml",
        );
    }
    if source.calendar.value != calendar.id() {
        faults.error(
            "D008",
            source.calendar.referenced,
            format!("calendar `{}`", source.calendar.value),
            format!("`{}`", calendar.id()),
            "name a calendar that is in force",
        );
    }
    for unit in [&source.office, &source.leading_group] {
        known_unit(unit, directory, faults);
    }
    let date = |f: &mut Faults<'_>, field| {
        f.parse::<NaiveDate>("D009", field, DATE_EXPECTED, "write year-month-day")
    };
    let span = |f: &mut Faults<'_>, field| {
        f.parse::<Span>("D010", field, SPAN_EXPECTED, "write a number and wd or d")
    };
    let issued = date(faults, &source.issued);
    let ends = date(faults, &source.ends);
    if let (Some(issued), Some(ends)) = (issued, ends)
        && ends < issued
    {
        faults.error(
            "D011",
            source.ends.referenced,
            format!("ends {ends}"),
            format!("a date not before issued {issued}"),
            "correct one of the two dates",
        );
    }
    for (field, day) in [(&source.issued, issued), (&source.ends, ends)] {
        if let Some(day) = day.filter(|day| !calendar.covers(*day)) {
            faults.error(
                "D012",
                field.referenced,
                format!(
                    "{day}, a year that calendar `{}` does not cover",
                    calendar.id()
                ),
                "a year with calendar data: a working day is never guessed",
                "add that year's holidays to the calendar after the State Council office's notice",
            );
        }
    }
    let zone = faults.parse::<Zone>(
        "D013",
        &source.zone,
        "an IANA time zone such as Asia/Shanghai",
        "write the zone's name",
    );
    let at = match NaiveTime::parse_from_str(&source.at.value, "%H:%M") {
        Ok(at) => Some(at),
        Err(_) => {
            faults.error(
                "D014",
                source.at.referenced,
                format!("`{}`", source.at.value),
                "a time of day such as 09:10",
                "write hours and minutes in quotes",
            );
            None
        }
    };
    let yellow = span(faults, &source.yellow);
    let backdate = span(faults, &source.backdate);
    let return_clock = span(faults, &source.return_clock);
    let verify_within = span(faults, &source.verify_within);
    let ladders = compile_ladders(source, faults);
    Some(Definition {
        ledger: source.ledger.value.clone(),
        title: source.title.clone(),
        issuer: source.issuer.clone(),
        number: source.number.clone(),
        tenant: source.tenant.value.clone(),
        year: source.year,
        issued: issued?,
        ends: ends?,
        zone: zone?,
        calendar: source.calendar.value.clone(),
        office: source.office.value.clone(),
        leading_group: source.leading_group.value.clone(),
        at: at?,
        yellow: yellow?,
        backdate: backdate?,
        return_clock: return_clock?,
        verify_within: verify_within?,
        ladders,
        kinds: source.kinds.clone(),
        tasks: Vec::new(),
    })
}

const TIERS: &[(&str, Tier)] = &[
    ("contact", Tier::Contact),
    ("lead", Tier::Lead),
    ("leader", Tier::Leader),
    ("office", Tier::Office),
    ("leading_group", Tier::LeadingGroup),
];

fn compile_ladders(source: &LedgerSource, faults: &mut Faults<'_>) -> BTreeMap<String, Ladder> {
    let mut ladders = BTreeMap::new();
    for (name, ladder) in &source.ladders {
        let mut steps: Vec<LadderStep> = Vec::new();
        for step in &ladder.steps {
            let when = faults.parse::<StepWhen>(
                "D015",
                &step.when,
                "a step such as before:15wd, due or overdue:5wd",
                "write before:, due or overdue: with a span",
            );
            let to = faults.choose(&step.to, TIERS);
            if let (Some(when), Some(to)) = (when, to) {
                if steps.iter().any(|s| s.when == when && s.to == to) {
                    faults.error(
                        "D016",
                        step.when.referenced,
                        format!("step {when} to {} twice", to.as_str()),
                        "each step once",
                        "remove one of them",
                    );
                }
                steps.push(LadderStep { when, to });
            }
        }
        let repeat = ladder.repeat.as_ref().and_then(|repeat| {
            let every = faults.parse::<Span>(
                "D010",
                &repeat.every,
                SPAN_EXPECTED,
                "write a number and wd or d",
            )?;
            if every.n() == 0 {
                faults.error(
                    "D017",
                    repeat.every.referenced,
                    "a repetition every 0 days",
                    "at least one day",
                    "write e.g. 20wd",
                );
                return None;
            }
            let to = faults.choose(&repeat.to, TIERS)?;
            Some(Repeat { every, to })
        });
        ladders.insert(name.clone(), Ladder { steps, repeat });
    }
    ladders
}

fn known_unit(unit: &Spanned<String>, directory: &Directory, faults: &mut Faults<'_>) -> bool {
    if directory.units.contains_key(&unit.value) {
        return true;
    }
    let remedy = nearest(&unit.value, directory.units.keys().map(String::as_str)).map_or_else(
        || "add the unit to directory.yaml".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    faults.error(
        "D020",
        unit.referenced,
        format!("unit `{}`", unit.value),
        "a unit of directory.yaml",
        remedy,
    );
    false
}

fn compile_tasks(
    source: &TasksSource,
    ledger: &LedgerSource,
    definition: Option<&Definition>,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Vec<Task> {
    if source.tasks.is_empty() || source.tasks.len() > MAX_TASKS {
        faults.error(
            "D021",
            Location::UNKNOWN,
            format!("{} tasks", source.tasks.len()),
            format!("1 to {MAX_TASKS} tasks"),
            "add the ledger's rows, or split it",
        );
    }
    let mut seen = BTreeSet::new();
    let mut tasks = Vec::new();
    for task in &source.tasks {
        if !seen.insert(task.id.value.clone()) {
            faults.error(
                "D022",
                task.id.referenced,
                format!("task `{}` a second time", task.id.value),
                "each task once",
                "renumber one of them",
            );
        }
        if let Some(compiled) = compile_task(task, ledger, definition, directory, faults) {
            tasks.push(compiled);
        }
    }
    tasks
}

fn compile_task(
    task: &TaskSource,
    ledger: &LedgerSource,
    definition: Option<&Definition>,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Task> {
    if !is_plain_id(&task.id.value) {
        faults.error(
            "D006",
            task.id.referenced,
            format!("id `{}`", task.id.value),
            "1 to 64 letters, digits, `-`, `_`, `.`",
            "use the row's number, in quotes",
        );
    }
    let length = task.text.value.chars().count();
    if task.text.value.trim().is_empty() || length > MAX_TASK_TEXT_CHARS {
        faults.error(
            "D023",
            task.text.referenced,
            format!("a text of {length} characters"),
            format!("1 to {MAX_TASK_TEXT_CHARS} characters"),
            "copy the row's wording",
        );
    }
    let strength = faults.choose(
        &task.strength,
        &[
            ("required", Strength::Required),
            ("encouraged", Strength::Encouraged),
        ],
    );
    let timing = compile_timing(task, definition, faults);
    let default = compile_fulfilment(&task.fulfilled_by, &task.id, ledger, faults);
    let mut owners = Vec::new();
    let mut owed: BTreeMap<(String, Role), Location> = BTreeMap::new();
    for owner in &task.owners {
        if let Some(compiled) =
            compile_owner(owner, task, default.as_ref(), ledger, directory, faults)
        {
            let at = owner.role.referenced;
            for unit in &compiled.units {
                if owed.insert((unit.clone(), compiled.role), at).is_some() {
                    faults.error(
                        "D024",
                        at,
                        format!(
                            "unit `{unit}` owes task {} as {} twice",
                            task.id.value,
                            compiled.role.as_str()
                        ),
                        "each unit once in each role",
                        "remove it from one of the entries",
                    );
                }
            }
            owners.push(compiled);
        }
    }
    if task.owners.is_empty() {
        faults.error(
            "D025",
            task.id.referenced,
            format!("task {} is owed by nobody", task.id.value),
            "at least one owner",
            "add `owners`",
        );
    }
    let has_lead = owners.iter().any(|o| o.role == Role::Lead);
    for owner in owners
        .iter()
        .filter(|o| o.role == Role::Support && !has_lead)
    {
        if let Some(ladder) = definition.and_then(|d| d.ladders.get(&owner.ladder))
            && ladder.steps.iter().any(|s| s.to == Tier::Lead)
        {
            faults.error(
                "D026",
                task.id.referenced,
                format!(
                    "ladder `{}` escalates to the lead unit, and task {} has none",
                    owner.ladder, task.id.value
                ),
                "an owner with role lead",
                "name the lead unit, or choose another ladder",
            );
        }
    }
    for question in &task.confirm {
        faults.add(
            Severity::Confirm,
            "C001",
            question.referenced,
            format!("task {}: {}", task.id.value, question.value),
            "the office's confirmation".to_owned(),
            "confirm the reading, or change the row and remove the question".to_owned(),
        );
    }
    let (opens, due) = timing?;
    Some(Task {
        id: task.id.value.clone(),
        section: task.section.clone(),
        subsection: task.subsection.clone(),
        title: task.title.value.clone(),
        text: task.text.value.clone(),
        units_phrase: task.units_phrase.clone(),
        deadline_phrase: task.deadline_phrase.clone(),
        strength: strength?,
        opens,
        due,
        owners,
        confirm: task.confirm.iter().map(|c| c.value.clone()).collect(),
    })
}

#[derive(Clone, Copy, PartialEq)]
enum OpensWord {
    Activation,
    EachPeriod,
    Trigger,
}

/// Reads `opens`, `period` and `due` together, since each demands or excludes the others.
fn compile_timing(
    task: &TaskSource,
    definition: Option<&Definition>,
    faults: &mut Faults<'_>,
) -> Option<(Opens, DueRule)> {
    let word = faults.choose(
        &task.opens,
        &[
            ("activation", OpensWord::Activation),
            ("each_period", OpensWord::EachPeriod),
            ("trigger", OpensWord::Trigger),
        ],
    )?;
    if (word == OpensWord::EachPeriod) != task.period.is_some() {
        faults.error(
            "D030",
            task.opens.referenced,
            format!(
                "opens: {} {} `period`",
                task.opens.value,
                if task.period.is_some() {
                    "with"
                } else {
                    "without"
                }
            ),
            "`period` with each_period, and only there",
            "add or remove `period`",
        );
        return None;
    }
    let due = match (&task.due, word) {
        (None, OpensWord::Trigger) => DueRule::Trigger,
        (Some(due), OpensWord::EachPeriod) if due.value == "period_end" => DueRule::PeriodEnd,
        (Some(due), OpensWord::Activation) => {
            let date =
                faults.parse::<NaiveDate>("D009", due, DATE_EXPECTED, "write year-month-day")?;
            if let Some(definition) = definition.filter(|d| date < d.issued) {
                faults.error(
                    "D031",
                    due.referenced,
                    format!("due {date}"),
                    format!(
                        "a date not before the ledger's issue, {}",
                        definition.issued
                    ),
                    "correct the year",
                );
            }
            DueRule::Date(date)
        }
        (due, _) => {
            faults.error(
                "D032",
                due.as_ref().map_or(task.opens.referenced, |d| d.referenced),
                format!(
                    "due {} with opens: {}",
                    due.as_ref().map_or("missing", |d| d.value.as_str()),
                    task.opens.value
                ),
                "a date with activation, period_end with each_period, none with trigger",
                "make the two agree",
            );
            return None;
        }
    };
    let opens = match (word, &task.period) {
        (OpensWord::Activation, _) => Opens::Activation,
        (OpensWord::Trigger, _) => Opens::Trigger,
        (OpensWord::EachPeriod, period) => {
            Opens::EachPeriod(compile_period(period.as_ref()?, faults)?)
        }
    };
    Some((opens, due))
}

fn compile_period(period: &PeriodSource, faults: &mut Faults<'_>) -> Option<PeriodRule> {
    let every = faults.choose(
        &period.every,
        &[
            ("month", PeriodKind::Month),
            ("quarter", PeriodKind::Quarter),
            ("half_year", PeriodKind::HalfYear),
            ("year", PeriodKind::Year),
        ],
    );
    let first = match &period.first {
        None => Some(FirstPeriod::Full),
        Some(word) => faults.choose(
            word,
            &[
                ("full", FirstPeriod::Full),
                ("running", FirstPeriod::Running),
            ],
        ),
    };
    let cron = compile_cron(&period.cron, faults);
    Some(PeriodRule {
        every: every?,
        cron: cron?,
        first: first?,
    })
}

/// Five-field cron gets a leading 0 for the seconds. Weekday numbers are refused: to one library
/// 1-5 means Sunday to Thursday, to the next Monday to Friday.
fn compile_cron(field: &Spanned<String>, faults: &mut Faults<'_>) -> Option<String> {
    let fields: Vec<&str> = field.value.split_whitespace().collect();
    let (expression, weekday) = match fields.len() {
        5 => (format!("0 {}", fields.join(" ")), fields[4]),
        6 => (fields.join(" "), fields[5]),
        n => {
            faults.error(
                "D033",
                field.referenced,
                format!("a cron expression of {n} fields"),
                "five fields (minute hour day month weekday), or six with seconds first",
                "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
            );
            return None;
        }
    };
    if weekday.chars().any(|c| c.is_ascii_digit()) {
        faults.error(
            "D034",
            field.referenced,
            format!("weekday `{weekday}` by number"),
            "weekdays by name: MON, TUE … SUN",
            "write the names; numbers mean different days to different programs",
        );
        return None;
    }
    if cron::Schedule::from_str(&expression).is_err() {
        faults.error(
            "D033",
            field.referenced,
            format!("cron `{}`", field.value),
            "five fields: minute hour day month weekday",
            "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
        );
        return None;
    }
    Some(expression)
}

fn compile_owner(
    owner: &OwnerSource,
    task: &TaskSource,
    default: Option<&Fulfilment>,
    ledger: &LedgerSource,
    directory: &Directory,
    faults: &mut Faults<'_>,
) -> Option<Owner> {
    let role = faults.choose(
        &owner.role,
        &[
            ("responsible", Role::Responsible),
            ("lead", Role::Lead),
            ("support", Role::Support),
        ],
    );
    let units = match (&owner.unit, &owner.group) {
        (Some(unit), None) => known_unit(unit, directory, faults).then(|| vec![unit.value.clone()]),
        (None, Some(group)) => {
            let members: Vec<_> = directory.members(&group.value).cloned().collect();
            if members.is_empty() {
                let groups: BTreeSet<&str> = directory
                    .units
                    .values()
                    .flat_map(|u| u.groups.iter().map(String::as_str))
                    .collect();
                let remedy = nearest(&group.value, groups.into_iter()).map_or_else(
                    || "give a unit of directory.yaml this group".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                faults.error(
                    "D027",
                    group.referenced,
                    format!("group `{}` has no members", group.value),
                    "a group of directory.yaml",
                    remedy,
                );
                None
            } else {
                Some(members)
            }
        }
        _ => {
            faults.error(
                "D028",
                owner.role.referenced,
                "an owner with both or neither of `unit` and `group`",
                "exactly one of them",
                "keep one",
            );
            None
        }
    };
    let ladder = owner.ladder.as_ref().unwrap_or(&task.ladder);
    if !ledger.ladders.contains_key(&ladder.value) {
        let remedy = nearest(&ladder.value, ledger.ladders.keys().map(String::as_str)).map_or_else(
            || "add it to ledger.yaml".to_owned(),
            |n| format!("did you mean `{n}`?"),
        );
        faults.error(
            "D029",
            ladder.referenced,
            format!("ladder `{}`", ladder.value),
            "a ladder of ledger.yaml",
            remedy,
        );
    }
    let fulfilled_by = match &owner.fulfilled_by {
        Some(own) => compile_fulfilment(own, &owner.role, ledger, faults),
        None => default.cloned(),
    };
    Some(Owner {
        group: owner.group.as_ref().map(|g| g.value.clone()),
        units: units?,
        role: role?,
        ladder: ladder.value.clone(),
        fulfilled_by: fulfilled_by?,
    })
}

fn compile_fulfilment(
    source: &FulfilmentSource,
    near: &Spanned<String>,
    ledger: &LedgerSource,
    faults: &mut Faults<'_>,
) -> Option<Fulfilment> {
    match (&source.publications, &source.submission) {
        (None, Some(word)) => faults
            .choose(word, &[("verified", ())])
            .map(|()| Fulfilment::Submission),
        (Some(list), None) if !list.is_empty() => {
            let mut requirements = Vec::new();
            for requirement in list {
                for kind in &requirement.kinds {
                    if !ledger.kinds.contains_key(&kind.value) {
                        let remedy = nearest(&kind.value, ledger.kinds.keys().map(String::as_str))
                            .map_or_else(
                                || "add it to `kinds` in ledger.yaml".to_owned(),
                                |n| format!("did you mean `{n}`?"),
                            );
                        faults.error(
                            "D035",
                            kind.referenced,
                            format!("kind `{}`", kind.value),
                            "a kind that ledger.yaml lists",
                            remedy,
                        );
                    }
                }
                if requirement.kinds.is_empty() || requirement.at_least.value == 0 {
                    faults.error(
                        "D036",
                        requirement.at_least.referenced,
                        format!("requirement `{}` that anything meets", requirement.name),
                        "at least one kind and at_least: 1 or more",
                        "name what counts",
                    );
                }
                requirements.push(Requirement {
                    name: requirement.name.clone(),
                    kinds: requirement.kinds.iter().map(|k| k.value.clone()).collect(),
                    at_least: requirement.at_least.value,
                });
            }
            Some(Fulfilment::Publications(requirements))
        }
        _ => {
            faults.error(
                "D037",
                near.referenced,
                "fulfilled_by with both, neither or an empty list of publications and submission",
                "either publications: […] or submission: verified",
                "keep one",
            );
            None
        }
    }
}
