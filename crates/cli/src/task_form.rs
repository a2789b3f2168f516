//! Tasks as forms have them: what a form shows of a definition, and how what was filled in gets into
//! the text of it. The text is changed line by line and compiled again; if anything else than was
//! asked for came of it, it is not taken.

use std::collections::{BTreeMap, BTreeSet};

use duban_console::{FieldFaults, Files, Outline, TaskDue, TaskForm, TaskOwner};
use duban_model::calendar::PeriodKind;
use duban_model::definition::{DueRule, Ladder, Opens, Owner, Role, Strength, Task, Tier};
use duban_model::{Definition, Directory};
use duban_office::task_text::{self, Changes, NewDue, NewOwner, NewTask};

use crate::folder::{self, Folder};
use crate::{codes, plain};

const TASKS: &str = "tasks.yaml";

/// Why a form cannot do it, and what can.
const BY_HAND: &str =
    "这项任务在文本里的写法,表格改不了。请到“修改”的任务文本里改,那里一边写一边检查。";

fn every(kind: PeriodKind) -> &'static str {
    match kind {
        PeriodKind::Month => "month",
        PeriodKind::Quarter => "quarter",
        PeriodKind::HalfYear => "half_year",
        PeriodKind::Year => "year",
    }
}

fn due_of(task: &Task) -> TaskDue {
    let opens = match &task.opens {
        Opens::Activation => "台账启用即启动",
        Opens::EachPeriod(_) => "每期启动",
        Opens::Trigger => return TaskDue::Other("适时推进,启动时给出日期".to_owned()),
        Opens::Event(_) => "出现规定的事件即启动",
        Opens::Schedule(_) => "定时启动",
        Opens::Follows(_) => "接续其他任务启动",
    };
    let is_plain = task.no_sooner_than.is_none()
        && task.roll == duban_model::calendar::Roll::None
        && !task.again;
    let due = match (&task.opens, task.due) {
        (Opens::Activation, DueRule::Date(day)) if is_plain => return TaskDue::Day(day),
        (Opens::EachPeriod(rule), DueRule::PeriodEnd) if is_plain => {
            return TaskDue::Period(every(rule.every).to_owned());
        }
        (_, DueRule::Date(day)) => format!("{day}"),
        (_, DueRule::PeriodEnd) => "期末".to_owned(),
        (_, DueRule::Trigger) => "启动时给出".to_owned(),
        (_, DueRule::After(term)) => format!("启动后{}内", term.chinese()),
        (_, DueRule::MonthDay(day)) => format!("当年{day}"),
    };
    TaskDue::Other(format!("{opens},时限{due}"))
}

fn owner_of(owner: &Owner) -> TaskOwner {
    // A ladder or condition of its own is kept with its entry; units from elsewhere have no name.
    let beyond = match owner.from {
        Some(_) => "单位取自事件或主管部门",
        None => "",
    };
    TaskOwner {
        is_group: owner.group.is_some(),
        name: owner
            .group
            .clone()
            .or_else(|| owner.units.first().cloned())
            .unwrap_or_default(),
        role: owner.role,
        beyond: beyond.to_owned(),
    }
}

fn form_of(task: &Task) -> TaskForm {
    TaskForm {
        id: task.id.clone(),
        is_new: false,
        outside: task.outside,
        part_of: task.part_of.clone().unwrap_or_default(),
        section: task.section.clone(),
        subsection: task.subsection.clone(),
        title: task.title.clone(),
        text: task.text.clone(),
        units_phrase: task.units_phrase.clone(),
        deadline_phrase: task.deadline_phrase.clone().unwrap_or_default(),
        required: task.strength == Strength::Required,
        urgent: task.urgent,
        due: due_of(task),
        owners: task.owners.iter().map(owner_of).collect(),
        remark: String::new(),
    }
}

/// What forms need to know of texts; nothing while they have errors.
pub(crate) fn outline(files: &Files) -> Option<Outline> {
    let folder = folder::of_texts(files);
    if folder.errors().next().is_some() {
        return None;
    }
    let (definition, directory) = (folder.definition?, folder.directory?);
    let mut groups: BTreeMap<String, usize> = BTreeMap::new();
    for group in directory.units.values().flat_map(|unit| &unit.groups) {
        *groups.entry(group.clone()).or_default() += 1;
    }
    let years = folder.calendar.as_ref()?.years().collect();
    Some(Outline {
        years,
        units: names(&directory),
        groups: groups.into_iter().collect(),
        tasks: definition.tasks.iter().map(form_of).collect(),
        ledger: definition.ledger,
        title: definition.title,
        tenant: definition.tenant,
        issued: definition.issued,
        ends: definition.ends,
    })
}

fn names(directory: &Directory) -> Vec<(String, String)> {
    let units = directory.units.iter();
    units
        .map(|(id, unit)| (id.clone(), unit.name.clone()))
        .collect()
}

fn is_by_period(task: &Task) -> bool {
    matches!(task.opens, Opens::EachPeriod(_))
}

/// The ladder that most tasks of the sort give to units of a role, of those that are allowed here.
fn ladder(definition: &Definition, form: &TaskForm, role: Role) -> Option<String> {
    let by_period = matches!(form.due, TaskDue::Period(_));
    let has_lead = form.owners.iter().any(|o| o.role == Role::Lead);
    let fits = |ladder: &Ladder| {
        (!form.required || ladder.repeat.is_some())
            && (has_lead || ladder.steps.iter().all(|step| step.to != Tier::Lead))
    };
    let mut used: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for task in &definition.tasks {
        let same = is_by_period(task) == by_period
            && (task.strength == Strength::Required) == form.required;
        for owner in &task.owners {
            let of = used.entry(&owner.ladder).or_default();
            of.0 += usize::from(same && owner.role == role);
            of.1 += usize::from(same);
        }
    }
    let fitting = definition.ladders.iter().filter(|(_, ladder)| fits(ladder));
    let best = fitting.max_by_key(|(name, _)| {
        let of = used.get(name.as_str()).copied().unwrap_or_default();
        // Of equals the first by name.
        (of, std::cmp::Reverse((*name).clone()))
    });
    best.map(|(name, _)| name.clone())
}

/// When each period opens: at the time of day of the ledger's notices.
fn cron(definition: &Definition, every: &str) -> String {
    let at = definition.at.format("%-M %-H");
    let months = match every {
        "quarter" => "JAN,APR,JUL,OCT",
        "half_year" => "JAN,JUL",
        "year" => "JAN",
        _ => "*",
    };
    format!("{at} 1 {months} *")
}

fn new_due(definition: &Definition, due: &TaskDue) -> Option<NewDue> {
    match due {
        TaskDue::Day(day) => Some(NewDue::Day(day.to_string())),
        TaskDue::Period(every) => Some(NewDue::Period {
            every: every.clone(),
            cron: cron(definition, every),
        }),
        TaskDue::Other(_) => None,
    }
}

fn new_owners(
    definition: &Definition,
    form: &TaskForm,
    of_task: &str,
    owners: &[TaskOwner],
) -> Vec<NewOwner> {
    let new = owners.iter().map(|owner| NewOwner {
        is_group: owner.is_group,
        name: owner.name.clone(),
        role: owner.role,
        ladder: ladder(definition, form, owner.role).filter(|own| own != of_task),
    });
    new.collect()
}

/// What is said of texts that are wrong, at the field that can mend it.
fn faults(folder: &Folder) -> FieldFaults {
    let told = folder.errors().map(|d| {
        let field = match d.code {
            "D009" | "D011" | "D012" | "D031" | "D032" | "D039" => "day",
            "D020" | "D024" | "D025" | "D026" | "D027" => "owners",
            "D023" => "text",
            _ => "all",
        };
        let words = codes::words(d.code).unwrap_or_default();
        let (title, rule) = (words.title.0, words.rule.0);
        let about = match plain::about(&d.found) {
            about if about.is_empty() => about,
            about => format!("({about})"),
        };
        (field, format!("{title}{about}:{rule}"))
    });
    told.collect()
}

fn all(words: impl Into<String>) -> FieldFaults {
    vec![("all", words.into())]
}

/// The texts with a task as a form has it. `taken` are numbers that no new task may have.
pub(crate) fn with_task(
    files: &Files,
    form: &TaskForm,
    taken: &BTreeSet<String>,
) -> Result<(String, Files), FieldFaults> {
    let before = folder::of_texts(files);
    let (Some(definition), Some(text)) = (&before.definition, files.get(TASKS)) else {
        return Err(all("台账的文本里有错误,先在“修改”里改正。"));
    };
    let (id, text) = if form.is_new {
        added(definition, text, form, taken)?
    } else {
        (form.id.clone(), changed(definition, text, form)?)
    };
    let mut with = files.clone();
    with.insert(TASKS.to_owned(), text);
    let after = folder::of_texts(&with);
    let wrong = faults(&after);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let Some(after) = &after.definition else {
        return Err(all(BY_HAND));
    };
    // Whatever the text's layout was taken for: all else means what it meant, and this what was asked.
    let others = |d: &Definition| {
        let mut d = d.clone();
        d.tasks
            .retain(|task| task.id != id && task.part_of.as_deref() != Some(&*id));
        d
    };
    let came = after.task(&id).map(|(_, task)| form_of(task));
    if others(definition) != others(after) || !came.is_some_and(|came| says(&came, form)) {
        return Err(all(BY_HAND));
    }
    Ok((id, with))
}

/// Whether a task came out as it was filled in.
fn says(came: &TaskForm, form: &TaskForm) -> bool {
    let owners = |form: &TaskForm| -> BTreeSet<(bool, String, Role)> {
        let listed = form.owners.iter().filter(|o| o.beyond.is_empty());
        listed
            .map(|o| (o.is_group, o.name.clone(), o.role))
            .collect()
    };
    let due = matches!(form.due, TaskDue::Other(_)) || came.due == form.due;
    due && owners(came) == owners(form)
        && came.title == form.title
        && came.text == form.text
        && came.section == form.section
        && came.subsection == form.subsection
        && came.units_phrase == form.units_phrase
        && came.deadline_phrase == form.deadline_phrase
        && came.required == form.required
        && came.urgent == form.urgent
        && came.outside == form.outside
}

fn added(
    definition: &Definition,
    text: &str,
    form: &TaskForm,
    taken: &BTreeSet<String>,
) -> Result<(String, String), FieldFaults> {
    let here = definition.tasks.iter().map(|task| &task.id);
    let numbers = taken
        .iter()
        .chain(here)
        .filter_map(|id| id.parse::<u32>().ok());
    let next = numbers.max().unwrap_or_default().saturating_add(1);
    let id = match &*form.id {
        "" => next.to_string(),
        shown => shown.to_owned(),
    };
    let Some(due) = new_due(definition, &form.due) else {
        return Err(vec![("day", "请选完成时限。".to_owned())]);
    };
    let first = [Role::Responsible, Role::Lead, Role::Support];
    let first = first
        .into_iter()
        .find(|r| form.owners.iter().any(|o| o.role == *r));
    let of_task = ladder(definition, form, first.unwrap_or(Role::Responsible));
    let Some(of_task) = of_task else {
        return Err(all(
            "台账里没有这类任务能用的提醒阶梯。请先在“台账总则”里加一条(必办任务的须有反复督办)。",
        ));
    };
    let task = NewTask {
        id: id.clone(),
        remark: form.remark.clone(),
        outside: form.outside,
        section: form.section.clone(),
        subsection: form.subsection.clone(),
        title: form.title.clone(),
        text: form.text.clone(),
        units_phrase: form.units_phrase.clone(),
        deadline_phrase: form.deadline_phrase.clone(),
        required: form.required,
        urgent: form.urgent,
        due,
        owners: new_owners(definition, form, &of_task, &form.owners),
        ladder: of_task,
    };
    let added = task_text::add(text, &task);
    let added = added.ok_or_else(|| {
        all("任务文本的写法表格加不进去(任务没有逐行列出)。请到“修改”的任务文本里加。")
    })?;
    Ok((id, added))
}

fn changed(definition: &Definition, text: &str, form: &TaskForm) -> Result<String, FieldFaults> {
    let Some((_, task)) = definition.task(&form.id) else {
        return Err(all("草稿里已经没有这项任务。"));
    };
    let was = form_of(task);
    let mut changes = Changes::default();
    let texts = [
        ("section", &was.section, &form.section),
        ("subsection", &was.subsection, &form.subsection),
        ("title", &was.title, &form.title),
        ("text", &was.text, &form.text),
        ("units_phrase", &was.units_phrase, &form.units_phrase),
        (
            "deadline_phrase",
            &was.deadline_phrase,
            &form.deadline_phrase,
        ),
    ];
    let differing = texts.into_iter().filter(|(_, old, new)| old != new);
    changes.texts = differing
        .map(|(name, _, new)| (name, new.clone()))
        .collect();
    let another_sort = |a: &TaskDue, b: &TaskDue| {
        matches!(a, TaskDue::Period(_)) != matches!(b, TaskDue::Period(_))
    };
    let other_ladders = was.required != form.required || another_sort(&was.due, &form.due);
    if was.required != form.required {
        let word = if form.required {
            "required"
        } else {
            "encouraged"
        };
        changes.words.push(("strength", word.to_owned()));
    }
    if was.urgent != form.urgent {
        let word = if form.urgent { "true" } else { "" };
        changes.words.push(("urgent", word.to_owned()));
    }
    if was.due != form.due {
        changes.due = new_due(definition, &form.due);
    }
    let usual = task
        .owners
        .first()
        .map_or("", |owner| owner.ladder.as_str());
    if other_ladders {
        if task.owners.iter().any(|owner| owner.ladder != usual) {
            return Err(all(
                "这项任务的单位各有各的提醒阶梯,换时限种类或者必办、鼓励要连阶梯一起换。请到“修改”的任务文本里改。",
            ));
        }
        let role = task
            .owners
            .first()
            .map_or(Role::Responsible, |owner| owner.role);
        let own = ladder(definition, form, role);
        changes.words.extend(own.map(|own| ("ladder", own)));
    }
    // An owner that is still ticked stays as it is written, with its own ladder and conditions.
    let mut wanted = form.owners.clone();
    wanted.retain(|owner| owner.beyond.is_empty());
    let mut take = |owner: &TaskOwner, by_role: bool| {
        let same = |o: &TaskOwner| {
            (o.is_group, &o.name) == (owner.is_group, &owner.name)
                && (!by_role || o.role == owner.role)
        };
        let place = wanted.iter().position(same)?;
        Some(wanted.remove(place).role)
    };
    let mut kept: Vec<Option<Role>> = Vec::new();
    for owner in &was.owners {
        kept.push(if owner.beyond.is_empty() {
            take(owner, true)
        } else {
            Some(owner.role)
        });
    }
    for (owner, kept) in was.owners.iter().zip(&mut kept) {
        if kept.is_none() {
            *kept = take(owner, false);
        }
    }
    let same = was
        .owners
        .iter()
        .zip(&kept)
        .all(|(o, k)| Some(o.role) == *k);
    if !same || !wanted.is_empty() {
        changes.owners = new_owners(definition, form, usual, &wanted);
        changes.kept = Some(kept);
    }
    task_text::change(text, &form.id, &changes).ok_or_else(|| all(BY_HAND))
}
