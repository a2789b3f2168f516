//! Compiling the rows of a ledger.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use chrono::NaiveDate;
use duban_calendar::{Period, Roll, Span};
use duban_model::definition::{
    DueRule, ExtensionCap, FirstPeriod, Opens, PeriodRule, Role, Strength, Task, Tier,
};
use duban_model::id::is_plain_id;
use duban_model::{Definition, Directory, Timestamp};

use crate::compile::{DATE_EXPECTED, MAX_TASK_TEXT_CHARS, MAX_TASKS, SPAN_EXPECTED};
use crate::confirmed;
use crate::diagnostic::Severity;
use crate::faults::Faults;
use crate::node::Location;
use crate::owner::{compile_fulfilment, compile_owner};
use crate::reading::Spanned;
use crate::source::{ExtensionSource, LedgerSource, PeriodSource, TaskSource, TasksSource};
use crate::words::{FIRSTS, OPENS, OpensWord, PERIODS, STRENGTHS};

pub(crate) fn compile_tasks(
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
    let strength = faults.choose(&task.strength, STRENGTHS);
    let timing = compile_timing(task, definition, faults);
    let extension = task
        .extension
        .as_ref()
        .and_then(|cap| compile_extension(cap, faults));
    let default = compile_fulfilment(&task.fulfilled_by, ledger, directory, faults);
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
    if strength == Some(Strength::Required) {
        for owner in &owners {
            // As written: one that is there and cannot be read is told already.
            if let Some(ladder) = ledger.ladders.get(&owner.ladder)
                && ladder.value.repeat.is_none()
            {
                faults.error(
                    "D038",
                    task.ladder.referenced,
                    format!(
                        "ladder `{}` ends, and task {} binds: a duty left open would be forgotten",
                        owner.ladder, task.id.value
                    ),
                    "a ladder with `repeat` for a required task",
                    "add e.g. repeat: { every: 20wd, to: office } to the ladder",
                );
                break;
            }
        }
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
        faults.doubt(
            Severity::Confirm,
            "C001",
            question.referenced,
            &task.id.value,
            confirmed::question(&task.id.value, &question.value),
            "the office's confirmation",
            "confirm the reading under `confirmed`, or change the row and remove the question",
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
        no_sooner_than: None,
        roll: Roll::None,
        again: false,
        extension,
        part_of: None,
        owners,
        confirm: task.confirm.iter().map(|c| c.value.clone()).collect(),
    })
}

/// Reads `opens`, `period` and `due` together, since each demands or excludes the others.
fn compile_timing(
    task: &TaskSource,
    definition: Option<&Definition>,
    faults: &mut Faults<'_>,
) -> Option<(Opens, DueRule)> {
    let word = faults.choose(&task.opens, OPENS)?;
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
            let period = period.as_ref()?;
            let rule = compile_period(period, faults)?;
            if let Some(definition) = definition.filter(|d| d.issued <= d.ends) {
                opens_some_period(&rule, &period.cron, definition, faults);
            }
            Opens::EachPeriod(rule)
        }
    };
    Some((opens, due))
}

/// The most extensions that a cap may allow; who grants more moves the date in the definition.
const MAX_EXTENSIONS: u32 = 9;

fn compile_extension(cap: &ExtensionSource, faults: &mut Faults<'_>) -> Option<ExtensionCap> {
    let at_most = faults.parse::<Span>(
        "D010",
        &cap.at_most,
        SPAN_EXPECTED,
        "write a number and wd or d",
    );
    let times = cap.times.as_ref().map_or(1, |times| times.value);
    let none = at_most.is_some_and(|span| span.n() == 0);
    let place = match &cap.times {
        Some(times) if !none => times.referenced,
        _ => cap.at_most.referenced,
    };
    if none || !(1..=MAX_EXTENSIONS).contains(&times) {
        faults.error(
            "D090",
            place,
            format!("extensions of at most {}, {times} times", cap.at_most.value),
            format!("at least one day, 1 to {MAX_EXTENSIONS} times"),
            "write e.g. extension: { at_most: 20wd, times: 1 }; without `extension` there is no cap",
        );
        return None;
    }
    let at_most = at_most?;
    Some(ExtensionCap { at_most, times })
}

fn compile_period(period: &PeriodSource, faults: &mut Faults<'_>) -> Option<PeriodRule> {
    let every = faults.choose(&period.every, PERIODS);
    let first = match &period.first {
        None => Some(FirstPeriod::Full),
        Some(word) => faults.choose(word, FIRSTS),
    };
    let cron = compile_cron(&period.cron, faults);
    Some(PeriodRule {
        every: every?,
        cron: cron?,
        first: first?,
    })
}

/// Tells a schedule that opens no period of the ledger. A running period opens with the ledger, so
/// only what is left of its time is asked of the schedule.
fn opens_some_period(
    rule: &PeriodRule,
    cron: &Spanned<String>,
    definition: &Definition,
    faults: &mut Faults<'_>,
) {
    let Ok(schedule) = cron::Schedule::from_str(&rule.cron) else {
        return;
    };
    let issued = definition.zone.midnight(definition.issued);
    let first = |after: Timestamp| {
        let zone = definition.zone.0;
        let at = schedule.after(&after.utc().with_timezone(&zone)).next()?;
        Some(at.date_naive())
    };
    let in_time = |date: NaiveDate| date <= definition.ends;
    if !first(issued).is_some_and(in_time) {
        faults.error(
            "D039",
            cron.referenced,
            format!(
                "cron `{}`, which never fires while the ledger runs",
                cron.value
            ),
            format!(
                "an instant between {} and {}",
                definition.issued, definition.ends
            ),
            "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
        );
        return;
    }
    let full = Period::containing(rule.every, definition.issued).and_then(Period::next);
    if let (FirstPeriod::Full, Ok(full)) = (rule.first, full) {
        let begins = definition.zone.midnight(full.start()).plus_millis(-1);
        if !first(begins).is_some_and(in_time) {
            faults.error(
                "D039",
                cron.referenced,
                format!(
                    "cron `{}`, which opens no full period: the first begins on {}",
                    cron.value,
                    full.start()
                ),
                format!(
                    "an instant between {} and {}",
                    full.start(),
                    definition.ends
                ),
                "choose shorter periods, or add first: running",
            );
        }
    }
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
