//! Bringing a ledger into force: adopting its definition, opening its obligations, and opening
//! those of each period of a year-long task.

use duban_calendar::Period;
use duban_model::decision::{Continuation, DefinitionAdopted};
use duban_model::definition::{FirstPeriod, Opens, Owner, Task, unknown_unit};
use duban_model::fact::DefinitionDeployed;
use duban_model::{Body, Draft};

use crate::compile::{calendar_named, compile, definition_hash};
use crate::decide::Desk;
use crate::diagnostic::Severity;
use crate::open::{Opening, open};
use crate::schedule::Schedule;
use crate::state::{Ledger, calendar_key};

/// Obligations opened on one input.
const OPENED_PER_INPUT: usize = 100;
/// Records after which no further obligation is opened on one input. One yields four (opened,
/// yellow, red, timer) and a few ticks, which stays below the limit of 500.
const RECORDS_PER_INPUT: usize = 360;

/// A definition was deployed.
pub(crate) fn deployed(desk: &mut Desk<'_, '_>, deployed: &DefinitionDeployed) {
    let tenant = desk.record.tenant.clone();
    let Some(directory) = desk.state.directory(&tenant) else {
        return desk.reject(
            "no-directory",
            format!(
                "definition of `{}` before any directory of `{tenant}`",
                deployed.ledger
            ),
            "units and contacts first",
            "deploy the directory, then the definition",
        );
    };
    // The one the ledger names; if that cannot be read, any serves to tell the other faults.
    let calendars = &desk.state.calendars;
    let prefix = format!("{tenant}/");
    let named = calendar_named(&deployed.files)
        .and_then(|name| calendars.get(&calendar_key(&tenant, &name)));
    let any = || calendars.with_prefix(&prefix).next().map(|(_, c)| c);
    let Some(calendar) = named.or_else(any) else {
        return desk.reject(
            "no-calendar",
            format!("definition of `{}` before any calendar", deployed.ledger),
            "a working-day calendar first",
            "deploy the calendar, then the definition",
        );
    };
    let compiled = compile(&deployed.files, directory, calendar);
    let Some(definition) = compiled.definition else {
        let errors: Vec<_> = compiled
            .diagnostics
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .collect();
        let first: Vec<_> = errors.iter().take(5).map(ToString::to_string).collect();
        return desk.reject(
            "bad-definition",
            format!("{} errors: {}", errors.len(), first.join("; ")),
            "a definition without errors",
            "run `duban check` and mend what it lists",
        );
    };
    if definition.ledger != deployed.ledger || definition.tenant != tenant {
        return desk.reject(
            "wrong-ledger",
            format!(
                "texts of ledger `{}` of `{}`",
                definition.ledger, definition.tenant
            ),
            format!("ledger `{}` of `{tenant}`", deployed.ledger),
            "name the ledger that the texts define",
        );
    }
    let hash = definition_hash(&deployed.files);
    let running = desk.state.ledger(&definition.ledger);
    if running.is_some_and(|running| running.definition.tenant != tenant) {
        return desk.reject(
            "other-ledger",
            format!("definition of `{}`", definition.ledger),
            "an id that no other office's ledger has",
            "choose another id for the ledger",
        );
    }
    // The same text can mean other units once the directory has changed, so both are compared.
    if running.is_some_and(|running| running.hash == hash && running.definition == definition) {
        return desk.reject(
            "already-in-force",
            format!("definition {hash} of `{}`", definition.ledger),
            "other texts than those in force",
            "nothing needs to be done",
        );
    }
    if crate::stale::is_refused(desk, deployed.expects.as_ref(), Some(&definition.ledger)) {
        return;
    }
    if let Some(unit) = unknown_unit(&definition, directory) {
        let unit = unit.clone();
        return desk.reject(
            "unknown-unit",
            format!("unit `{unit}`"),
            "a unit of the directory in force",
            "deploy the directory first",
        );
    }
    if running.is_some() {
        return crate::revise::redefine(desk, hash, definition);
    }
    let ledger = definition.ledger.clone();
    let row = Ledger {
        hash: hash.clone(),
        activated: desk.now(),
        definition: definition.clone(),
        before: None,
    };
    desk.out.push(
        Draft::new(
            tenant.clone(),
            Body::DefinitionAdopted(DefinitionAdopted {
                hash,
                at: desk.now(),
                definition,
            }),
        )
        .in_ledger(ledger.clone())
        .under(row.hash.clone()),
    );
    for task in &row.definition.tasks {
        if let Some(schedule) = Schedule::of(&row.definition, task) {
            let body = schedule.armed(row.definition.zone, desk.now());
            desk.out.push(
                Draft::new(tenant.clone(), body)
                    .in_ledger(ledger.clone())
                    .under(row.hash.clone()),
            );
        }
    }
    desk.out.push(
        Draft::new(
            tenant,
            Body::RulesContinue(Continuation::Activate {
                ledger: ledger.clone(),
                next: 0,
            }),
        )
        .in_ledger(ledger),
    );
}

/// The (task, owner, unit) triples of a definition in order.
pub(crate) fn owed(tasks: &[Task]) -> impl Iterator<Item = (&Task, usize, &Owner, &String)> {
    tasks.iter().flat_map(|task| {
        task.owners
            .iter()
            .enumerate()
            .flat_map(move |(i, owner)| owner.units.iter().map(move |unit| (task, i, owner, unit)))
    })
}

/// Opens the next batch of a ledger's obligations.
pub(crate) fn activate(desk: &mut Desk<'_, '_>, ledger: &str, next: u64) {
    let state = desk.state;
    let Some(row) = state.ledger(ledger) else {
        return;
    };
    let today = row.activated.date_in(row.definition.zone);
    let (mut count, mut more) = (0, false);
    for (task, place, owner, unit) in
        owed(&row.definition.tasks).skip(usize::try_from(next).unwrap_or(usize::MAX))
    {
        if count == OPENED_PER_INPUT || desk.out.len() >= RECORDS_PER_INPUT {
            more = true;
            break;
        }
        count += 1;
        let period = match &task.opens {
            Opens::EachPeriod(rule) if rule.first == FirstPeriod::Running => {
                Period::containing(rule.every, today).ok()
            }
            Opens::EachPeriod(_) => continue,
            Opens::Activation | Opens::Trigger => None,
            // Their time comes later.
            Opens::Event(_) | Opens::Schedule(_) | Opens::Follows(_) => continue,
        };
        let opening = Opening {
            task,
            place,
            owner,
            unit,
            period,
            occasion: None,
        };
        open(desk, row, opening);
    }
    if more {
        let tenant = desk.record.tenant.clone();
        desk.out.push(
            Draft::new(
                tenant,
                Body::RulesContinue(Continuation::Activate {
                    ledger: ledger.to_owned(),
                    next: next + count as u64,
                }),
            )
            .in_ledger(ledger),
        );
    }
}

/// Opens the next batch of one period's obligations.
pub(crate) fn open_period(
    desk: &mut Desk<'_, '_>,
    ledger: &str,
    task_id: &str,
    period: Period,
    next: u64,
) {
    let state = desk.state;
    let Some(row) = state.ledger(ledger) else {
        return;
    };
    let Some(task) = state.task(row, task_id) else {
        return;
    };
    let (mut count, mut more) = (0, false);
    for (_, place, owner, unit) in
        owed(std::slice::from_ref(task)).skip(usize::try_from(next).unwrap_or(usize::MAX))
    {
        if count == OPENED_PER_INPUT || desk.out.len() >= RECORDS_PER_INPUT {
            more = true;
            break;
        }
        count += 1;
        let opening = Opening {
            task,
            place,
            owner,
            unit,
            period: Some(period),
            occasion: None,
        };
        open(desk, row, opening);
    }
    if more {
        let tenant = desk.record.tenant.clone();
        desk.out.push(
            Draft::new(
                tenant,
                Body::RulesContinue(Continuation::OpenPeriod {
                    ledger: ledger.to_owned(),
                    task: task_id.to_owned(),
                    period,
                    next: next + count as u64,
                }),
            )
            .in_ledger(ledger),
        );
    }
}
