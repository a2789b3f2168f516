//! Compiling the rows of a ledger.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::definition::{Role, Strength, Task, Tier};
use duban_model::id::is_plain_id;
use duban_model::{Definition, Directory};

use crate::compile::{MAX_TASK_TEXT_CHARS, MAX_TASKS};
use crate::confirmed;
use crate::diagnostic::{Diagnostic, Severity};
use crate::faults::Faults;
use crate::node::Location;
use crate::owner::compile_owner;
use crate::reading::Spanned;
use crate::requirement::{compile_fulfilment, is_opened_by_event};
use crate::source::{LedgerSource, TaskSource, TasksSource};
use crate::timing::{Around, compile_timing};
use crate::words::{MERGED, STRENGTHS};

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
    let around = Around {
        tasks: source,
        ledger,
        definition,
        directory,
    };
    for task in &source.tasks {
        let at = task.referenced;
        let task = &task.value;
        if !seen.insert(task.id.value.clone()) {
            faults.error(
                "D022",
                task.id.referenced,
                format!("task `{}` a second time", task.id.value),
                "each task once",
                "renumber one of them",
            );
        }
        if let Some(compiled) = compile_task(task, at, &around, faults) {
            tasks.push(compiled);
        }
    }
    tasks
}

/// What a row says in words; a rule that belongs to a row has its row's.
struct Wording<'a> {
    section: &'a str,
    subsection: &'a str,
    text: &'a Spanned<String>,
    units_phrase: &'a str,
}

/// The words of a task, its own or those of the row it belongs to. Tells what is missing.
fn wording<'a>(
    task: &'a TaskSource,
    at: Location,
    around: &Around<'a>,
    faults: &mut Faults<'_>,
) -> Option<Wording<'a>> {
    let row = match &task.part_of {
        None => None,
        Some(named) => {
            let all = around.tasks.tasks.iter().map(|t| &t.value);
            let mut rows = all.filter(|t| t.part_of.is_none());
            let row = rows.find(|row| row.id.value == named.value);
            if row.is_none() {
                faults.error(
                    "D086",
                    named.referenced,
                    format!("row `{}`", named.value),
                    "the number of a task that is a row of its own",
                    "name the row it belongs to, or remove `part_of`",
                );
                return None;
            }
            row
        }
    };
    let mut missing = |field: &str, is_there: bool| {
        // A row's own faults are told there.
        if !is_there && row.is_none() {
            faults.error(
                "D004",
                at,
                format!("no field `{field}`"),
                format!("`{field}`, which is required here"),
                format!("add `{field}:`"),
            );
        }
    };
    let section = task.section.as_ref().or_else(|| row?.section.as_ref());
    missing("section", section.is_some());
    let subsection = task
        .subsection
        .as_ref()
        .or_else(|| row?.subsection.as_ref());
    missing("subsection", subsection.is_some());
    let text = task.text.as_ref().or_else(|| row?.text.as_ref());
    missing("text", text.is_some());
    let units = task
        .units_phrase
        .as_ref()
        .or_else(|| row?.units_phrase.as_ref());
    missing("units_phrase", units.is_some());
    Some(Wording {
        section: section?,
        subsection: subsection?,
        text: text?,
        units_phrase: units?,
    })
}

fn compile_task(
    task: &TaskSource,
    at: Location,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<Task> {
    let Around {
        ledger,
        definition,
        directory,
        ..
    } = *around;
    let wording = wording(task, at, around, faults);
    if !is_plain_id(&task.id.value) {
        faults.error(
            "D006",
            task.id.referenced,
            format!("id `{}`", task.id.value),
            "1 to 64 letters, digits, `-`, `_`, `.`",
            "use the row's number, in quotes",
        );
    }
    if let Some(outside) = task.outside.as_ref().filter(|outside| outside.value)
        && task.part_of.is_some()
    {
        faults.error(
            "D088",
            outside.referenced,
            "`outside` beside `part_of`",
            "`outside` at a task that is a row of its own",
            "remove one of them: a rule belongs to its row, within the ledger or outside it",
        );
    }
    let text = task.text.as_ref();
    let length = text.map_or(1, |text| text.value.chars().count());
    if let Some(text) = text
        && (text.value.trim().is_empty() || length > MAX_TASK_TEXT_CHARS)
    {
        faults.error(
            "D023",
            text.referenced,
            format!("a text of {length} characters"),
            format!("1 to {MAX_TASK_TEXT_CHARS} characters"),
            "copy the row's wording",
        );
    }
    let strength = faults.choose(&task.strength, STRENGTHS);
    let timing = compile_timing(task, around, faults);
    let by_event = is_opened_by_event(task);
    let default = compile_fulfilment(&task.fulfilled_by, by_event, ledger, directory, faults);
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
    let is_told = |told: &Diagnostic| {
        let here = told.file == "tasks.yaml" && told.line == at.line();
        here && told.code == "D004" && told.found.contains("`owners`")
    };
    if task.owners.is_empty() && !faults.told().iter().any(is_told) {
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
    let merged = task.merged.iter();
    let merged = merged
        .filter_map(|word| faults.choose(word, MERGED))
        .collect();
    let (timing, wording) = (timing?, wording?);
    Some(Task {
        id: task.id.value.clone(),
        section: wording.section.to_owned(),
        subsection: wording.subsection.to_owned(),
        title: task.title.value.clone(),
        text: wording.text.value.clone(),
        units_phrase: wording.units_phrase.to_owned(),
        deadline_phrase: task.deadline_phrase.clone(),
        strength: strength?,
        opens: timing.opens,
        due: timing.due,
        no_sooner_than: timing.no_sooner_than,
        roll: timing.roll,
        again: timing.again,
        urgent: task.urgent,
        extension: timing.extension,
        part_of: task.part_of.as_ref().map(|row| row.value.clone()),
        outside: task.outside.as_ref().is_some_and(|outside| outside.value),
        owners,
        merged,
        confirm: task.confirm.iter().map(|c| c.value.clone()).collect(),
    })
}
