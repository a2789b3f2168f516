//! From YAML texts to a [`Definition`], reporting every fault at once.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use duban_calendar::{Calendar, Span};
use duban_model::definition::{Ladder, LadderStep, Repeat, StepWhen};
use duban_model::fact::DefinitionFile;
use duban_model::id::is_plain_id;
use duban_model::state::hex;
use duban_model::{Definition, Directory, Zone};
use sha2::{Digest, Sha256};

use crate::confirmed;
use crate::diagnostic::{Diagnostic, Severity};
use crate::doubts;
use crate::faults::{Faults, read_yaml};
use crate::node::Location;
use crate::notices;
use crate::owner::{current, known_unit};
use crate::source::{LedgerSource, TasksSource};
use crate::task::compile_tasks;
use crate::words::TIERS;

/// The largest definition text, in bytes.
pub const MAX_TEXT_BYTES: usize = 400 * 1024;
/// The most tasks in a ledger.
pub const MAX_TASKS: usize = 2_000;
/// The longest text of one task, in characters.
pub(crate) const MAX_TASK_TEXT_CHARS: usize = 4_000;

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

pub(crate) const SPAN_EXPECTED: &str = "a span such as 7wd (working days) or 10d (calendar days)";
pub(crate) const DATE_EXPECTED: &str = "a date such as 2021-10-31";

/// The calendar that a definition's `ledger.yaml` names, read before anything else is judged.
pub fn calendar_named(files: &[DefinitionFile]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        calendar: String,
    }
    let ledger = files.iter().find(|f| f.name == "ledger.yaml")?;
    if ledger.text.len() > MAX_TEXT_BYTES {
        return None;
    }
    serde_saphyr::from_str::<Named>(&ledger.text)
        .ok()
        .map(|named| named.calendar)
        .filter(|name| is_plain_id(name))
}

/// Compiles the texts of a definition against a directory and a calendar.
pub fn compile(files: &[DefinitionFile], directory: &Directory, calendar: &Calendar) -> Compiled {
    let mut diagnostics = Vec::new();
    let mut text = |name: &str| {
        let found = files
            .iter()
            .find(|f| f.name == name)
            .map(|f| f.text.as_str());
        if found.is_none() {
            let mut faults = Faults::new(name, "");
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

    let mut ledger_faults = Faults::new("ledger.yaml", ledger_text.unwrap_or_default());
    let ledger = ledger_text.and_then(|text| read_yaml::<LedgerSource>(text, &mut ledger_faults));
    let whole_ledger = !ledger_faults.any_error();
    let mut definition = ledger
        .as_ref()
        .and_then(|source| compile_ledger(source, directory, calendar, &mut ledger_faults));

    let mut task_faults = Faults::new("tasks.yaml", tasks_text.unwrap_or_default());
    let tasks = tasks_text.and_then(|text| read_yaml::<TasksSource>(text, &mut task_faults));
    if let (Some(ledger), Some(tasks)) = (&ledger, &tasks) {
        let from = task_faults.told().len();
        let compiled = compile_tasks(
            tasks,
            ledger,
            definition.as_ref(),
            directory,
            &mut task_faults,
        );
        if !whole_ledger {
            // A ladder or kind that could not be read is no fault of the task that names it.
            task_faults.forget(from, &["D026", "D029", "D035", "D038"]);
        }
        if let Some(definition) = &mut definition {
            definition.tasks = compiled;
            if !ledger_faults.any_error() && !task_faults.any_error() {
                doubts::tell(
                    definition,
                    directory,
                    calendar,
                    (ledger, &mut ledger_faults),
                    (tasks, &mut task_faults),
                );
            }
        }
    }
    if let Some(ledger) = &ledger {
        confirmed::mark(&ledger.confirmed, &mut ledger_faults);
    }
    if let Some(tasks) = &tasks {
        confirmed::mark(&tasks.confirmed, &mut task_faults);
        for task in definition.iter_mut().flat_map(|d| &mut d.tasks) {
            let id = &task.id;
            task.confirm
                .retain(|question| !confirmed::is_confirmed(id, question, &task_faults));
        }
    }
    diagnostics.extend(ledger_faults.finish());
    diagnostics.extend(task_faults.finish());
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
    let (language, notices) = notices::compile(source, faults);
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
        office: current(&source.office, directory),
        leading_group: current(&source.leading_group, directory),
        at: at?,
        yellow: yellow?,
        backdate: backdate?,
        return_clock: return_clock?,
        verify_within: verify_within?,
        ladders,
        kinds: source.kinds.clone(),
        matters: source.matters.clone(),
        language,
        notices,
        tasks: Vec::new(),
    })
}

fn compile_ladders(source: &LedgerSource, faults: &mut Faults<'_>) -> BTreeMap<String, Ladder> {
    let mut ladders = BTreeMap::new();
    for (name, ladder) in &source.ladders {
        let ladder = &ladder.value;
        let mut steps: Vec<LadderStep> = Vec::new();
        for step in &ladder.steps {
            let when = faults.parse::<StepWhen>(
                "D015",
                &step.when,
                "a step such as before:15wd, due, overdue:5wd or unsigned:3wd",
                "write before:, due, overdue: or unsigned: with a span",
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
