//! Something else came into force for a running ledger: other texts, another calendar, another
//! directory. Part by part its duties are brought under it; what a part has done is on the log
//! before the next begins, and no other input comes between.

use std::collections::BTreeMap;

use duban_calendar::{Calendar, Period};
use duban_model::decision::{
    CalendarAdopted, Continuation, DefinitionAdopted, DirectoryAdopted, LedgerRevised, Revision,
    RevisionPart,
};
use duban_model::definition::{FirstPeriod, Opens, OwnerFrom, Task};
use duban_model::fact::{CalendarDeployed, DirectoryDeployed};
use duban_model::{Body, Definition, Draft};

use crate::activate::owed;
use crate::decide::Desk;
use crate::open::{Opening, open};
use crate::revise_duty::revise_duty;
use crate::schedule::Schedule;
use crate::stale;
use crate::state::{Ledger, RulesState, calendar_key};
use crate::successor::resolved;

/// Records after which a part is left to the next input: one more duty yields few, or counts its
/// evidence up to the limit and goes on there.
const RECORDS_PER_INPUT: usize = 360;
/// Duties looked at on one input, in duties: most yield no record.
const LOOKED_AT_PER_INPUT: usize = 5_000;

/// Other texts of a running ledger were deployed.
pub(crate) fn redefine(desk: &mut Desk<'_, '_>, hash: String, definition: Definition) {
    let ledger = definition.ledger.clone();
    adopt(desk, hash, definition);
    let part = RevisionPart::Periods { next: 0 };
    next_part(desk, &ledger, Revision::Definition, part);
}

/// A calendar was deployed.
pub(crate) fn calendar(desk: &mut Desk<'_, '_>, deployed: &CalendarDeployed) {
    if stale::is_refused(desk, deployed.expects.as_ref(), None) {
        return;
    }
    let tenant = desk.record.tenant.clone();
    let calendar = &deployed.calendar;
    desk.push(Body::CalendarAdopted(CalendarAdopted {
        tenant: tenant.clone(),
        calendar: calendar.clone(),
    }));
    let key = calendar_key(&tenant, calendar.id());
    let other = desk
        .state
        .calendars
        .get(&key)
        .is_some_and(|c| c != calendar);
    let ledgers = desk.state.ledgers_counting_by(&tenant, calendar.id());
    if let Some(first) = ledgers.first().filter(|_| other) {
        next_part(desk, first, Revision::Calendar, RevisionPart::Begin);
    }
}

/// A directory was deployed.
pub(crate) fn directory(desk: &mut Desk<'_, '_>, deployed: &DirectoryDeployed) {
    if stale::is_refused(desk, deployed.expects.as_ref(), None) {
        return;
    }
    let directory = &deployed.directory;
    desk.push(Body::DirectoryAdopted(DirectoryAdopted {
        directory: directory.clone(),
        planned: deployed.expects.is_some(),
    }));
    let tenant = desk.record.tenant.clone();
    let other = desk
        .state
        .directory(&tenant)
        .is_some_and(|d| d != directory);
    if other && let Some(first) = ledger_after(desk.state, &tenant, "", Revision::Directory) {
        next_part(desk, &first, Revision::Directory, RevisionPart::Begin);
    }
}

/// The next ledger of an office that a revision may concern.
fn ledger_after(
    state: &RulesState,
    tenant: &str,
    after: &str,
    because: Revision,
) -> Option<String> {
    state
        .ledgers
        .after(after)
        .filter(|(_, row)| row.definition.tenant == tenant)
        .find(|(_, row)| match because {
            Revision::Definition => false,
            // Only those that count by it were told what was before.
            Revision::Calendar => row.before.is_some(),
            Revision::Directory => true,
        })
        .map(|(id, _)| id.clone())
}

fn adopt(desk: &mut Desk<'_, '_>, hash: String, definition: Definition) {
    let ledger = definition.ledger.clone();
    let body = Body::DefinitionAdopted(DefinitionAdopted {
        hash: hash.clone(),
        at: desk.now(),
        definition,
    });
    let draft = Draft::new(desk.record.tenant.clone(), body);
    desk.out.push(draft.in_ledger(ledger).under(hash));
}

fn next_part(desk: &mut Desk<'_, '_>, ledger: &str, because: Revision, part: RevisionPart) {
    let body = Body::RulesContinue(Continuation::Revise {
        ledger: ledger.to_owned(),
        because,
        part,
    });
    let draft = Draft::new(desk.record.tenant.clone(), body);
    desk.out.push(draft.in_ledger(ledger));
}

/// What the duties of a ledger went by before.
pub(crate) struct Basis<'a> {
    pub definition: &'a Definition,
    pub calendar: Option<&'a Calendar>,
    tasks: BTreeMap<&'a str, &'a Task>,
}

impl<'a> Basis<'a> {
    fn of(state: &'a RulesState, row: &'a Ledger) -> Basis<'a> {
        let before = row.before.as_deref();
        let definition = before
            .and_then(|before| before.definition.as_ref())
            .unwrap_or(&row.definition);
        let calendar = before
            .and_then(|before| before.calendar.as_ref())
            .or_else(|| state.calendar(definition));
        let tasks = definition.tasks.iter().map(|t| (t.id.as_str(), t));
        Basis {
            definition,
            calendar,
            tasks: tasks.collect(),
        }
    }

    /// The row as it was.
    pub fn task(&self, id: &str) -> Option<&'a Task> {
        self.tasks.get(id).copied()
    }
}

/// The next part of a revision.
pub(crate) fn go_on(desk: &mut Desk<'_, '_>, ledger: &str, because: Revision, part: &RevisionPart) {
    let state = desk.state;
    let Some(row) = state.ledger(ledger) else {
        return;
    };
    let next = match part {
        RevisionPart::Begin => begin(desk, row, because),
        RevisionPart::Periods { next } => Some(periods(desk, row, *next)),
        RevisionPart::Duties { after } => Some(duties(desk, row, because, after)),
        RevisionPart::Opening { next } => opening(desk, row, *next),
    };
    if let Some(next) = next {
        return next_part(desk, ledger, because, next);
    }
    if row.before.is_some() {
        let body = Body::LedgerRevised(LedgerRevised {
            ledger: ledger.to_owned(),
            hash: row.hash.clone(),
        });
        let draft = Draft::new(desk.record.tenant.clone(), body);
        desk.out
            .push(draft.in_ledger(ledger).under(row.hash.clone()));
    }
    if let Some(next) = ledger_after(state, &row.definition.tenant, ledger, because) {
        next_part(desk, &next, because, RevisionPart::Begin);
    }
}

/// Whether a ledger is touched; with a directory, what it now means.
fn begin(desk: &mut Desk<'_, '_>, row: &Ledger, because: Revision) -> Option<RevisionPart> {
    if because == Revision::Directory {
        let directory = desk.state.directory(&row.definition.tenant)?;
        let definition = resolved(&row.definition, directory);
        if definition == row.definition {
            // Units that events named stand in no text: each of their duties is looked at.
            return by_event(&definition).then_some(RevisionPart::Duties {
                after: String::new(),
            });
        }
        adopt(desk, row.hash.clone(), definition);
        return Some(RevisionPart::Duties {
            after: String::new(),
        });
    }
    row.before.is_some().then_some(RevisionPart::Duties {
        after: String::new(),
    })
}

/// Whether some owner takes its units from events.
fn by_event(definition: &Definition) -> bool {
    let mut owners = definition.tasks.iter().flat_map(|task| &task.owners);
    owners.any(|owner| owner.from.is_some_and(OwnerFrom::is_by_event))
}

/// The schedules: of new rows armed, of changed ones moved, of others disarmed.
fn periods(desk: &mut Desk<'_, '_>, row: &Ledger, next: u64) -> RevisionPart {
    let basis = Basis::of(desk.state, row);
    let (old, new) = (basis.definition, &row.definition);
    let gone = old
        .tasks
        .iter()
        .filter(|task| new.tasks.iter().all(|t| t.id != task.id));
    let all = new.tasks.iter().map(|t| (&t.id, Some(t)));
    let all = all.chain(gone.map(|t| (&t.id, None)));
    for (place, (id, task)) in (0u64..).zip(all) {
        if place < next {
            continue;
        }
        if desk.out.len() >= RECORDS_PER_INPUT {
            return RevisionPart::Periods { next: place };
        }
        let was = basis.task(id).and_then(|task| Schedule::of(old, task));
        let is = task.and_then(|task| Schedule::of(new, task));
        let moved = old.zone != new.zone || old.ends != new.ends;
        let mut bodies = Vec::new();
        if let Some(was) = &was
            && is.as_ref().is_none_or(|is| !is.moves(was))
        {
            bodies.push(was.clone().disarmed());
        }
        // A schedule past the old end was disarmed when it came there.
        if let Some(is) = is
            && (was.as_ref() != Some(&is) || moved)
        {
            // One of this very instant has not fired yet.
            bodies.push(is.armed(new.zone, desk.now().plus_millis(-1)));
        }
        for body in bodies {
            let draft = Draft::new(desk.record.tenant.clone(), body);
            desk.out
                .push(draft.in_ledger(new.ledger.clone()).under(row.hash.clone()));
        }
    }
    RevisionPart::Duties {
        after: String::new(),
    }
}

/// The duties that are there: each stays, moves, goes over or is withdrawn.
fn duties(desk: &mut Desk<'_, '_>, row: &Ledger, because: Revision, after: &str) -> RevisionPart {
    let state = desk.state;
    let basis = Basis::of(state, row);
    let prefix = format!("{}/", row.definition.ledger);
    let mut last = after.to_owned();
    let from = if after.is_empty() { &prefix } else { after };
    let there = state
        .obligations
        .after(from)
        .take_while(|(id, _)| id.starts_with(&prefix));
    for (looked_at, (id, obligation)) in there.enumerate() {
        let full = looked_at == LOOKED_AT_PER_INPUT || desk.out.len() >= RECORDS_PER_INPUT;
        if full || !revise_duty(desk, row, &basis, because, id, obligation) {
            return RevisionPart::Duties { after: last };
        }
        last = id.to_string();
    }
    RevisionPart::Opening { next: 0 }
}

/// The duties that are not there yet.
fn opening(desk: &mut Desk<'_, '_>, row: &Ledger, next: u64) -> Option<RevisionPart> {
    let state = desk.state;
    let basis = Basis::of(state, row);
    let today = desk.now().date_in(row.definition.zone);
    let all = owed(&row.definition.tasks);
    let rest = (0u64..)
        .zip(all)
        .skip(usize::try_from(next).unwrap_or(usize::MAX));
    for (looked_at, (next, (task, place, owner, unit))) in rest.enumerate() {
        if looked_at == LOOKED_AT_PER_INPUT || desk.out.len() >= RECORDS_PER_INPUT {
            return Some(RevisionPart::Opening { next });
        }
        let period = match &task.opens {
            Opens::Activation | Opens::Trigger => None,
            // Their time comes later.
            Opens::Event(_) | Opens::Schedule(_) | Opens::Follows(_) => continue,
            Opens::EachPeriod(rule) => {
                let old = basis.task(&task.id);
                let same = old
                    .filter(|t| matches!(&t.opens, Opens::EachPeriod(r) if r.every == rule.every));
                let had = same.is_some_and(|t| {
                    t.owners
                        .iter()
                        .any(|o| o.role == owner.role && o.units.contains(unit))
                });
                let running = Period::containing(rule.every, today).ok();
                // Who owed it before gets each period when it comes. Who joins owes the running
                // one where a partial one counts, as soon as the others owe it.
                match running.filter(|_| rule.first == FirstPeriod::Running && !had) {
                    Some(period) if same.is_none() || others_owe(state, row, task, period) => {
                        Some(period)
                    }
                    _ => continue,
                }
            }
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
    None
}

/// Whether any unit owes a period of a row already.
fn others_owe(state: &RulesState, row: &Ledger, task: &Task, period: Period) -> bool {
    let prefix = format!("{}/{}/", row.definition.ledger, task.id);
    let mut there = state.obligations.with_prefix(&prefix);
    there.any(|(_, o)| o.period == Some(period))
}
