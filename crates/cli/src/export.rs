//! `duban export`: a ledger as it stands, as a document of the office.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, FixedOffset};
use duban_model::definition::{DueRule, Owner, Role, Task};
use duban_model::{Directory, Timestamp, Zone};
use duban_office::export::csv::Encoding;
use duban_office::export::{
    Duty, Evidence, Heading, Ledger, Light, Notice, Part, Row, Stage, csv, docx, ics, xlsx,
};
use duban_rules::{Obligation, ObligationState};

use crate::account::{Account, Lines};
use crate::args::{Export, ExportEncoding, ExportFormat, ExportLight, ExportPart};
use crate::reading::Reading;
use crate::view::{View, light_of};
use crate::write::{refuse_existing, write_file};
use crate::{Ended, Fault};

/// Units offered where one is not known, at most.
const NEAREST: usize = 5;

pub(crate) async fn run(args: Export) -> Result<Ended, Fault> {
    let format = format(&args)?;
    refuse_existing(&args.to, args.replace)?;
    let until = args
        .at
        .as_deref()
        .map(str::parse::<Timestamp>)
        .transpose()
        .map_err(|fault| format!("--at: {fault}"))?;
    let mut view = View::without_records();
    let mut account = Account::default();
    let mut goes_on = false;
    let reading = Reading::open(&args.place).await?;
    reading
        .frames(|stored| {
            let mut records = stored.frame.records.iter();
            goes_on |= records.any(|r| until.is_some_and(|until| r.loggedat > until));
            view.note(&stored.frame, until);
            account.note(&stored.frame, until, &view);
        })
        .await?;
    let id = ledger(&args, &view)?;
    // Of an instant that the log has not reached it tells nothing yet.
    let as_of = until.filter(|_| goes_on).unwrap_or_else(|| view.latest());
    let ledger = filtered(&args, &view, told(&view, &account, &id, as_of))?;
    let bytes = written(&args, format, &ledger)?;
    write_file(&args.to, &bytes, args.replace)?;
    let duties = ledger.duties();
    let what = if format == ExportFormat::Ics {
        let dated = duties.filter(|duty| ics::is_entered(duty));
        format!("日历条目{}个", dated.count())
    } else {
        format!("任务{}项,责任事项{}项", ledger.rows.len(), duties.count())
    };
    crate::say!(
        "已写入 {}:{what},情况截至 {}",
        args.to.display(),
        ledger.heading.as_of.format("%Y-%m-%d %H:%M")
    );
    Ok(Ended::Well)
}

/// As asked, or as the file's name ends.
fn format(args: &Export) -> Result<ExportFormat, Fault> {
    if let Some(format) = args.format {
        return Ok(format);
    }
    let ending = args.to.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    match ending.as_ref().and_then(|e| e.to_str()) {
        Some("xlsx") => Ok(ExportFormat::Xlsx),
        Some("docx") => Ok(ExportFormat::Docx),
        Some("csv") => Ok(ExportFormat::Csv),
        Some("ics") => Ok(ExportFormat::Ics),
        _ => Err(format!(
            "{}: the name does not tell the format; expected .xlsx, .docx, .csv or .ics, or --format",
            args.to.display()
        )
        .into()),
    }
}

/// The ledger that is meant.
fn ledger(args: &Export, view: &View) -> Result<String, Fault> {
    let there: Vec<&str> = view.state().ledgers().map(|(id, _)| id.as_str()).collect();
    let listed = if there.is_empty() {
        "no ledger is in force".to_owned()
    } else {
        format!("in force are: {}", there.join(", "))
    };
    match (&args.ledger, &there[..]) {
        (Some(wanted), _) if there.contains(&wanted.as_str()) => Ok(wanted.clone()),
        (Some(wanted), _) => Err(format!("no ledger `{wanted}`; {listed}").into()),
        (None, [only]) => Ok((*only).to_owned()),
        (None, _) => Err(format!("say which ledger to export; {listed}").into()),
    }
}

fn in_zone(at: Timestamp, zone: Zone) -> DateTime<FixedOffset> {
    at.utc().with_timezone(&zone.0).fixed_offset()
}

/// The ledger with all its rows and duties.
fn told(view: &View, account: &Account, id: &str, as_of: Timestamp) -> Ledger {
    let row = view.state().ledger(id).expect("it is in force");
    let definition = &row.definition;
    let mut duties: BTreeMap<&str, Vec<(&str, &Obligation)>> = BTreeMap::new();
    for (obligation, o) in view.state().obligations().filter(|(_, o)| *o.ledger == *id) {
        let of_task = duties.entry(&o.task).or_default();
        of_task.push((obligation.as_str(), o));
    }
    let teller = Teller {
        view,
        account,
        zone: definition.zone,
    };
    let rows = definition
        .rows()
        .map(|row| {
            // Rules that only belong to the row are no rows of the document; their duties are its.
            let tasks = definition.tasks.iter();
            let tasks = tasks.filter(|t| t.part_of.as_deref().unwrap_or(&t.id) == row.id);
            Row {
                id: row.id.clone(),
                section: row.section.clone(),
                subsection: if row.outside {
                    // As pages mark it; the document's own columns have no other place for it.
                    format!("【台账外】{}", row.subsection)
                } else {
                    row.subsection.clone()
                },
                text: row.text.clone(),
                units_phrase: row.units_phrase.clone(),
                deadline_phrase: row.deadline_phrase.clone().unwrap_or_default(),
                due: match row.due {
                    DueRule::Date(due) => Some(due),
                    DueRule::PeriodEnd
                    | DueRule::Trigger
                    | DueRule::After(_)
                    | DueRule::MonthDay(_) => None,
                },
                merged: row.merged.clone(),
                confirm: tasks.clone().flat_map(|t| t.confirm.clone()).collect(),
                duties: tasks
                    .flat_map(|task| {
                        let owed = duties.remove(task.id.as_str()).unwrap_or_default();
                        teller.duties(owed, task)
                    })
                    .collect(),
            }
        })
        .collect();
    let others = duties
        .into_values()
        .flatten()
        .map(|(id, o)| teller.duty(id, o, None))
        .collect();
    let heading = Heading {
        ledger: id.to_owned(),
        title: definition.title.clone(),
        issuer: definition.issuer.clone(),
        number: definition.number.clone(),
        year: definition.year,
        issued: definition.issued,
        as_of: in_zone(as_of, definition.zone),
    };
    Ledger::new(heading, rows, others)
}

/// The order of a task's units.
fn places(task: &Task) -> BTreeMap<(Role, &str), usize> {
    let owners = task.owners.iter();
    let units = owners.flat_map(|o| o.units.iter().map(|unit| (o.role, unit.as_str())));
    units.enumerate().map(|(at, unit)| (unit, at)).collect()
}

/// Tells of duties.
struct Teller<'a> {
    view: &'a View,
    account: &'a Account,
    zone: Zone,
}

impl Teller<'_> {
    /// As the ledger names its units; those it no longer names come last.
    fn duties(&self, mut owed: Vec<(&str, &Obligation)>, task: &Task) -> Vec<Duty> {
        let places = places(task);
        owed.sort_by_key(|(_, o)| {
            let place = places.get(&(o.role, o.unit.as_str()));
            (place.copied().unwrap_or(usize::MAX), o.period)
        });
        owed.into_iter()
            .map(|(id, o)| self.duty(id, o, Some(task)))
            .collect()
    }

    fn duty(&self, id: &str, o: &Obligation, task: Option<&Task>) -> Duty {
        let owner = task.and_then(|task| o.owner_of(task));
        let lines = self.account.of(id);
        let unit_name = |unit: &str| self.view.name(&o.tenant, unit);
        let dated = |list: &std::collections::VecDeque<(Timestamp, String)>| {
            list.iter()
                .map(|(at, line)| format!("{} {line}", at.date_in(self.zone)))
                .collect()
        };
        Duty {
            id: id.to_owned(),
            task: o.task.to_string(),
            title: task.map(|task| task.title.clone()).unwrap_or_default(),
            unit: o.unit.to_string(),
            name: self.view.name(&o.tenant, &o.unit),
            full_name: self.full_name(o),
            role: o.role,
            period: part(o),
            stage: stage(o.state),
            light: light(o),
            stopped: o.is_stopped() && !o.state.is_final(),
            due: o.due,
            due_at: o.due_at.map(|at| in_zone(at, self.zone)),
            done: o.done.as_ref().map(|done| done.at.date_in(self.zone)),
            late: o.done.as_ref().is_some_and(|done| done.late),
            evidence: self.evidence(o, owner, lines),
            missing: owner
                .map(|owner| o.missing(&owner.fulfilled_by, &unit_name))
                .unwrap_or_default(),
            notice: lines
                .and_then(|lines| lines.told.as_ref())
                .map(|told| Notice {
                    at: in_zone(told.at, self.zone),
                    told: format!("{}:{}", told.what, told.fate),
                }),
            changes: lines.map(|l| dated(&l.changes)).unwrap_or_default(),
            remarks: lines.map(|l| dated(&l.remarks)).unwrap_or_default(),
        }
    }

    fn full_name(&self, o: &Obligation) -> String {
        let directory = self.view.state().directory(&o.tenant);
        let unit = directory.and_then(|directory| directory.units.get(o.unit.as_str()));
        unit.map_or_else(|| o.unit.to_string(), |unit| unit.name.clone())
    }

    /// Publications that count, then links of the submission that stands.
    fn evidence(
        &self,
        o: &Obligation,
        owner: Option<&Owner>,
        lines: Option<&Lines>,
    ) -> Vec<Evidence> {
        let mut all = Vec::new();
        for (requirement, ticks) in &o.ticks {
            let owner = owner.map(|owner| owner.fulfilled_by.requirements());
            let name = owner.and_then(|list| list.get(*requirement as usize));
            let items = o.items.as_ref().and_then(|all| all.get(requirement));
            for (publication, at) in ticks {
                let noted = self.account.publication(&o.tenant, publication);
                let noted = noted.cloned().unwrap_or_default();
                let title = if noted.title.is_empty() {
                    publication.clone()
                } else {
                    noted.title
                };
                let asked = name.map_or("公开", |r| &r.name);
                let item = items.and_then(|items| items.get(publication));
                let counts_for = match item {
                    Some(item) => format!("{asked}({})", self.view.name(&o.tenant, item)),
                    None => asked.to_owned(),
                };
                all.push(Evidence {
                    counts_for,
                    title,
                    kind: noted.kind,
                    on: at.date_in(self.zone),
                    link: noted.link,
                });
            }
        }
        let submitted = lines.and_then(|lines| lines.submitted.as_ref());
        if let Some((at, links)) = submitted.filter(|_| o.submitted.is_some()) {
            all.extend(links.iter().map(|link| Evidence {
                counts_for: "报送".to_owned(),
                title: link.clone(),
                kind: String::new(),
                on: at.date_in(self.zone),
                link: Some(link.clone()),
            }));
        }
        all
    }
}

/// Its period, or what it was opened for.
fn part(o: &Obligation) -> Option<String> {
    let of_occasion = o.occasion.as_ref().map(|occasion| match occasion.round {
        1 => occasion.title.clone(),
        round => format!("{}(第{round}轮)", occasion.title),
    });
    of_occasion.or_else(|| o.period.map(|period| period.to_string()))
}

fn stage(state: ObligationState) -> Stage {
    match state {
        ObligationState::Waiting => Stage::Waiting,
        ObligationState::Open => Stage::Open,
        ObligationState::Accepted => Stage::Accepted,
        ObligationState::Submitted => Stage::Submitted,
        ObligationState::Returned => Stage::Returned,
        ObligationState::Fulfilled => Stage::Fulfilled,
        ObligationState::Waived => Stage::Waived,
        ObligationState::Lapsed => Stage::Lapsed,
        ObligationState::Withdrawn => Stage::Withdrawn,
    }
}

fn light(o: &Obligation) -> Light {
    match light_of(o).0 {
        "red" => Light::Red,
        "yellow" => Light::Yellow,
        "green" => Light::Green,
        "done" => Light::Done,
        _ => Light::Grey,
    }
}

/// What is left by `--unit` and `--light`.
fn filtered(args: &Export, view: &View, mut ledger: Ledger) -> Result<Ledger, Fault> {
    if !args.unit.is_empty() {
        let row = view.state().ledger(&ledger.heading.ledger);
        let tenant = row.map_or("", |row| row.definition.tenant.as_str());
        let empty = Directory::default();
        let directory = view.state().directory(tenant).unwrap_or(&empty);
        let mut wanted = Vec::new();
        for said in &args.unit {
            wanted.push(unit(directory, said)?);
        }
        let names: Vec<String> = wanted.iter().map(|id| directory.shown(id)).collect();
        ledger = ledger.only(&names.join("、"), |duty| wanted.contains(&duty.unit));
    }
    if !args.light.is_empty() {
        let wanted: Vec<Light> = args
            .light
            .iter()
            .map(|light| match light {
                ExportLight::Red => Light::Red,
                ExportLight::Yellow => Light::Yellow,
                ExportLight::Green => Light::Green,
                ExportLight::Done => Light::Done,
                ExportLight::Grey => Light::Grey,
            })
            .collect();
        let names: Vec<&str> = wanted.iter().map(|light| light.chinese()).collect();
        ledger = ledger.only(&names.join("、"), |duty| wanted.contains(&duty.light));
    }
    Ok(ledger)
}

/// A unit by its id, a former id, or a name.
fn unit(directory: &Directory, said: &str) -> Result<String, Fault> {
    if let Some((id, _)) = directory.current(said) {
        return Ok(id.clone());
    }
    let named: Vec<&String> = directory
        .units
        .iter()
        .filter(|(_, unit)| unit.name == said || unit.short.iter().any(|name| name == said))
        .map(|(id, _)| id)
        .collect();
    match named[..] {
        [only] => Ok(only.clone()),
        [] => {
            let near: Vec<String> = directory
                .units
                .iter()
                .filter(|(id, unit)| id.contains(said) || unit.name.contains(said))
                .take(NEAREST)
                .map(|(id, unit)| format!("{id} ({})", unit.name))
                .collect();
            let hint = if near.is_empty() {
                "directory.yaml lists them".to_owned()
            } else {
                format!("did you mean {}?", near.join(", "))
            };
            Err(format!("--unit: no unit `{said}`; {hint}").into())
        }
        _ => {
            let ids: Vec<&str> = named.iter().map(|id| id.as_str()).collect();
            Err(format!("--unit: `{said}` may be {}; give the id", ids.join(" or ")).into())
        }
    }
}

fn written(args: &Export, format: ExportFormat, ledger: &Ledger) -> Result<Vec<u8>, Fault> {
    let part = match args.part {
        Some(ExportPart::Tasks) => Part::Tasks,
        Some(ExportPart::Duties) => Part::Duties,
        Some(ExportPart::Both) => Part::Both,
        // On paper every duty of every unit takes a hundred pages; in a workbook it is a sheet.
        None if format == ExportFormat::Docx => Part::Tasks,
        None => Part::Both,
    };
    let encoding = match args.encoding {
        ExportEncoding::Utf8Bom => Encoding::Utf8Marked,
        ExportEncoding::Utf8 => Encoding::Utf8,
        ExportEncoding::Gb18030 => Encoding::Gb18030,
    };
    let at = |refusal| format!("{}: {refusal}", shown(&args.to));
    Ok(match format {
        ExportFormat::Xlsx => xlsx::write(ledger, part).map_err(at)?,
        ExportFormat::Docx => docx::write(ledger, part).map_err(at)?,
        ExportFormat::Csv => csv::write(ledger, part, encoding),
        ExportFormat::Ics => ics::write(ledger).into_bytes(),
    })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
