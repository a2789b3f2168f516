//! Compiling what opens a task and by when it is due, since each demands or excludes the others.

use std::str::FromStr;

use chrono::{Datelike, NaiveDate};
use duban_calendar::{Period, PeriodKind, Roll, Span};
use duban_model::definition::{
    DueRule, EventRule, EventSort, ExtensionCap, FirstPeriod, FollowsRule, MonthDay, Opens,
    PeriodRule, ScheduleRule, Term,
};
use duban_model::{Definition, Directory, Timestamp};

use crate::compile::SPAN_EXPECTED;
use crate::cron_field::compile_cron;
use crate::faults::Faults;
use crate::reading::Spanned;
use crate::requirement::condition_faults;
use crate::source::{
    EventSource, FollowsSource, LedgerSource, PeriodSource, ScheduleSource, TaskSource, TasksSource,
};
use crate::words::{FIRSTS, FOLLOWED, OPENS, OpensWord, PERIODS, ROLLS, SORTS};

/// What a `due` may be.
const DUE_EXPECTED: &str = "a date such as 2021-10-31, or a term such as 20wd, 30d or 5h";

/// What opens a task, and what dates its duties.
pub(crate) struct Timing {
    pub opens: Opens,
    pub due: DueRule,
    pub no_sooner_than: Option<Span>,
    pub roll: Roll,
    pub again: bool,
    pub extension: Option<ExtensionCap>,
}

/// What stands around a task.
pub(crate) struct Around<'a> {
    pub tasks: &'a TasksSource,
    pub ledger: &'a LedgerSource,
    pub definition: Option<&'a Definition>,
    pub directory: &'a Directory,
}

/// Reads everything about when a task opens and when it is due.
pub(crate) fn compile_timing(
    task: &TaskSource,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<Timing> {
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
    let parts = [
        ("event", OpensWord::Event, task.event.is_some()),
        ("schedule", OpensWord::Schedule, task.schedule.is_some()),
        ("follows", OpensWord::Follows, task.follows.is_some()),
    ];
    let mut agrees = true;
    for (name, of, is_there) in parts {
        if (word == of) != is_there {
            let with = if is_there { "with" } else { "without" };
            faults.error(
                "D080",
                task.opens.referenced,
                format!("opens: {} {with} `{name}`", task.opens.value),
                format!("`{name}` with opens: {name}, and only there"),
                format!("add or remove `{name}`"),
            );
            agrees = false;
        }
    }
    let opens = compile_opens(task, word, around, faults);
    let due = compile_due(task, word, around, faults);
    let rest = compile_rest(task, word, due, faults);
    let (no_sooner_than, roll, again, extension) = rest;
    if !agrees {
        return None;
    }
    Some(Timing {
        opens: opens?,
        due: due?,
        no_sooner_than,
        roll,
        again,
        extension,
    })
}

fn compile_opens(
    task: &TaskSource,
    word: OpensWord,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<Opens> {
    Some(match word {
        OpensWord::Activation => Opens::Activation,
        OpensWord::Trigger => Opens::Trigger,
        OpensWord::EachPeriod => {
            let period = task.period.as_ref()?;
            let rule = compile_period(period, faults)?;
            if let Some(definition) = around.definition.filter(|d| d.issued <= d.ends) {
                opens_some_period(&rule, &period.cron, definition, faults);
            }
            Opens::EachPeriod(rule)
        }
        OpensWord::Event => Opens::Event(compile_event(task.event.as_ref()?, around, faults)?),
        OpensWord::Schedule => {
            Opens::Schedule(compile_schedule(task.schedule.as_ref()?, around, faults)?)
        }
        OpensWord::Follows => Opens::Follows(compile_follows(
            task,
            task.follows.as_ref()?,
            around,
            faults,
        )?),
    })
}

/// Which kinds there are of a sort, and where they are listed.
fn kinds_of(
    ledger: &LedgerSource,
    sort: EventSort,
) -> (&std::collections::BTreeMap<String, String>, &'static str) {
    match sort {
        EventSort::Publication => (&ledger.kinds, "kinds"),
        EventSort::Matter => (&ledger.matters, "matters"),
    }
}

fn compile_event(
    event: &EventSource,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<EventRule> {
    let sort = match &event.on {
        Some(word) => Some(faults.choose(word, SORTS)?),
        None => told_by_kinds(event, around.ledger),
    };
    let Some(first) = event.kinds.first() else {
        let at = event.on.as_ref().map(|on| on.referenced);
        faults.error(
            "D081",
            at.unwrap_or(crate::node::Location::UNKNOWN),
            "an event of no kind, which nothing meets",
            "at least one kind",
            "name the kinds that open the task",
        );
        return None;
    };
    let Some(sort) = sort else {
        faults.error(
            "D081",
            first.referenced,
            "kinds that do not tell whether publications or matters are meant",
            "kinds of one sort: all under `kinds`, or all under `matters` in ledger.yaml",
            "add `on: publication` or `on: matter`, or correct the kinds",
        );
        return None;
    };
    let (known, list) = kinds_of(around.ledger, sort);
    for kind in &event.kinds {
        if !known.contains_key(&kind.value) {
            faults.misspelt(
                "D035",
                kind.referenced,
                format!("kind `{}`", kind.value),
                if sort == EventSort::Publication {
                    "a kind that ledger.yaml lists"
                } else {
                    "a kind that ledger.yaml lists under `matters`"
                },
                &kind.value,
                known.keys().map(String::as_str),
                &format!("add it to `{list}` in ledger.yaml"),
            );
        }
    }
    let kinds: Vec<String> = event.kinds.iter().map(|k| k.value.clone()).collect();
    if let Some(when) = &event.when {
        for fault in condition_faults(&when.value, sort, &kinds, around.directory) {
            faults.within(when, fault);
        }
    }
    Some(EventRule {
        on: sort,
        kinds,
        when: event.when.as_ref().map(|when| when.value.clone()),
    })
}

/// The sort that all kinds are of, if they are of one.
fn told_by_kinds(event: &EventSource, ledger: &LedgerSource) -> Option<EventSort> {
    let all = |sort| {
        let (known, _) = kinds_of(ledger, sort);
        let mut kinds = event.kinds.iter();
        kinds.all(|kind| known.contains_key(&kind.value))
    };
    match (all(EventSort::Publication), all(EventSort::Matter)) {
        (true, false) => Some(EventSort::Publication),
        (false, true) => Some(EventSort::Matter),
        // One that is misspelt is told as such where there is only one list.
        (false, false) if ledger.matters.is_empty() => Some(EventSort::Publication),
        _ => None,
    }
}

fn compile_schedule(
    schedule: &ScheduleSource,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<ScheduleRule> {
    let cron = compile_cron(&schedule.cron, faults)?;
    if let Some(definition) = around.definition.filter(|d| d.issued <= d.ends) {
        fires_in_time(&cron, &schedule.cron, definition, faults);
    }
    Some(ScheduleRule { cron })
}

/// The task that another follows must be there, and following must end somewhere.
fn compile_follows(
    task: &TaskSource,
    follows: &FollowsSource,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<FollowsRule> {
    let when = faults.choose(&follows.when, FOLLOWED);
    let all = &around.tasks.tasks;
    let found = |id: &str| all.iter().map(|t| &t.value).find(|t| t.id.value == id);
    if found(&follows.task.value).is_none() {
        faults.error(
            "D082",
            follows.task.referenced,
            format!("task `{}`", follows.task.value),
            "the number of another task of tasks.yaml",
            "name the task that this one follows",
        );
        return None;
    }
    let mut at = follows.task.value.as_str();
    for _ in 0..all.len() {
        if at == task.id.value {
            faults.error(
                "D082",
                follows.task.referenced,
                format!(
                    "task {} follows itself, over task {}",
                    at, follows.task.value
                ),
                "tasks that follow one another and end somewhere",
                "let one of them open otherwise; a duty that opens again says again: true",
            );
            return None;
        }
        match found(at).and_then(|t| t.follows.as_ref()) {
            Some(next) => at = &next.task.value,
            None => break,
        }
    }
    Some(FollowsRule {
        task: follows.task.value.clone(),
        when: when?,
    })
}

fn compile_due(
    task: &TaskSource,
    word: OpensWord,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) -> Option<DueRule> {
    let yearly = || {
        let every = task.period.as_ref().map(|p| p.every.value.as_str());
        every.is_none_or(|every| {
            PERIODS
                .iter()
                .any(|(name, kind)| *name == every && *kind == PeriodKind::Year)
        })
    };
    let disagree = |faults: &mut Faults<'_>| {
        let due = task.due.as_ref();
        faults.error(
            "D032",
            due.map_or(task.opens.referenced, |d| d.referenced),
            format!(
                "due {} with opens: {}",
                due.map_or("missing", |d| d.value.as_str()),
                task.opens.value
            ),
            match word {
                OpensWord::EachPeriod => {
                    "period_end, a term in days such as 20wd, or for a year a day such as 03-31"
                }
                OpensWord::Trigger => "no `due`: the trigger brings the date",
                _ => "a date or a term",
            },
            "make the two agree",
        );
        None
    };
    let Some(due) = &task.due else {
        return match word {
            OpensWord::Trigger => Some(DueRule::Trigger),
            _ => disagree(faults),
        };
    };
    let term = || due.value.parse::<Term>().ok();
    if word == OpensWord::Trigger {
        return disagree(faults);
    }
    if word == OpensWord::EachPeriod {
        return match (due.value.as_str(), term(), due.value.parse::<MonthDay>()) {
            ("period_end", ..) => Some(DueRule::PeriodEnd),
            (_, Some(term @ Term::Days(_)), _) => Some(DueRule::After(term)),
            (_, _, Ok(day)) if yearly() => {
                first_not_before_issue(task, day, due, around, faults);
                Some(DueRule::MonthDay(day))
            }
            _ => disagree(faults),
        };
    }
    if let Some(term) = term() {
        return Some(DueRule::After(term));
    }
    if due.value == "period_end" || due.value.parse::<MonthDay>().is_ok() {
        return disagree(faults);
    }
    let date =
        faults.parse::<NaiveDate>("D009", due, DUE_EXPECTED, "write year-month-day, or a term")?;
    if let Some(definition) = around.definition.filter(|d| date < d.issued) {
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
    Some(DueRule::Date(date))
}

/// Tells a day of the year that lies before the ledger in the first year that is owed.
fn first_not_before_issue(
    task: &TaskSource,
    day: MonthDay,
    due: &Spanned<String>,
    around: &Around<'_>,
    faults: &mut Faults<'_>,
) {
    let first = task.period.as_ref().and_then(|p| p.first.as_ref());
    let running = first.is_some_and(|first| first.value == "running");
    let Some(definition) = around
        .definition
        .filter(|_| running && task.no_sooner_than.is_none())
    else {
        return;
    };
    let issued = definition.issued;
    if let Some(date) = day.of(issued.year()).filter(|date| *date < issued) {
        faults.error(
            "D031",
            due.referenced,
            format!("due {date} for the running year"),
            format!("a date not before the ledger's issue, {issued}"),
            "write first: full, so that the next year is the first; or add no_sooner_than",
        );
    }
}

type Rest = (Option<Span>, Roll, bool, Option<ExtensionCap>);

/// What may stand beside `due`.
fn compile_rest(
    task: &TaskSource,
    word: OpensWord,
    due: Option<DueRule>,
    faults: &mut Faults<'_>,
) -> Rest {
    let is_term = matches!(due, Some(DueRule::After(_)));
    let by_hours = matches!(due, Some(DueRule::After(Term::Hours(_))));
    let mut no_sooner_than = None;
    if let Some(field) = &task.no_sooner_than {
        no_sooner_than =
            faults.parse::<Span>("D010", field, SPAN_EXPECTED, "write a number and wd or d");
        if is_term || word == OpensWord::Trigger {
            faults.error(
                "D083",
                field.referenced,
                "`no_sooner_than` without a date",
                "a date, period_end or a day such as 03-31 as `due` beside it",
                "keep one of the two: a term is counted from the opening anyway",
            );
        }
    }
    let mut roll = Roll::None;
    if let Some(field) = &task.roll {
        roll = faults.choose(field, ROLLS).unwrap_or(Roll::None);
        if by_hours || word == OpensWord::Trigger {
            faults.error(
                "D083",
                field.referenced,
                "`roll` where there is no day to be moved",
                "a `due` in days",
                "remove `roll`: hours run on rest days too, and a trigger names its date",
            );
        }
    }
    let again = task.again.as_ref().is_some_and(|again| again.value);
    if let Some(field) = task.again.as_ref().filter(|again| again.value)
        && (due.is_some() && !is_term
            || matches!(word, OpensWord::EachPeriod | OpensWord::Schedule))
    {
        faults.error(
            "D084",
            field.referenced,
            format!(
                "again: true with opens: {} and due {}",
                task.opens.value,
                task.due.as_ref().map_or("missing", |d| d.value.as_str())
            ),
            "a term such as 14d as `due`, and no period or schedule that opens it again anyway",
            "write the term, or remove `again`",
        );
    }
    let extension = task.extension.as_ref().and_then(|source| {
        let at_most = faults.parse::<Span>(
            "D010",
            &source.at_most,
            SPAN_EXPECTED,
            "write a number and wd or d",
        )?;
        if at_most.n() == 0 || source.times.value == 0 {
            faults.error(
                "D085",
                source.at_most.referenced,
                format!(
                    "an extension of {at_most}, {} times: none at all",
                    source.times.value
                ),
                "at least one day, at least once",
                "write how much may be granted, and how often",
            );
            return None;
        }
        Some(ExtensionCap {
            at_most,
            times: source.times.value,
        })
    });
    (no_sooner_than, roll, again, extension)
}

/// Tells a schedule that never fires while the ledger runs.
fn fires_in_time(
    cron: &str,
    written: &Spanned<String>,
    definition: &Definition,
    faults: &mut Faults<'_>,
) -> bool {
    let issued = definition.zone.midnight(definition.issued);
    let fires = first_after(cron, definition, issued).is_some_and(|day| day <= definition.ends);
    if !fires {
        faults.error(
            "D039",
            written.referenced,
            format!(
                "cron `{}`, which never fires while the ledger runs",
                written.value
            ),
            format!(
                "an instant between {} and {}",
                definition.issued, definition.ends
            ),
            "write e.g. 10 9 1 JAN,APR,JUL,OCT *",
        );
    }
    fires
}

/// The day of a schedule's first instant after another.
fn first_after(cron: &str, definition: &Definition, after: Timestamp) -> Option<NaiveDate> {
    let schedule = cron::Schedule::from_str(cron).ok()?;
    let zone = definition.zone.0;
    let at = schedule.after(&after.utc().with_timezone(&zone)).next()?;
    Some(at.date_naive())
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
    if cron::Schedule::from_str(&rule.cron).is_err()
        || !fires_in_time(&rule.cron, cron, definition, faults)
    {
        return;
    }
    let full = Period::containing(rule.every, definition.issued).and_then(Period::next);
    if let (FirstPeriod::Full, Ok(full)) = (rule.first, full) {
        let begins = definition.zone.midnight(full.start()).plus_millis(-1);
        let first = first_after(&rule.cron, definition, begins);
        if first.is_none_or(|day| day > definition.ends) {
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
