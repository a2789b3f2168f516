//! `duban notices`: the ledger of notices, filtered, one row a notice.

use duban_console::{kind_in_chinese, step_in_chinese};
use duban_model::{Timestamp, Zone};

use crate::args::Format;
use crate::args_told::{Notices, NoticesWhat};
use crate::reading::Reading;
use crate::table::{self, csv_line};
use crate::told::{Ledger, Told};
use crate::view::View;
use crate::{Ended, Fault};

const KEYS: [&str; 23] = [
    "queued_at",
    "ledger",
    "unit",
    "contact",
    "contact_title",
    "channel",
    "kind",
    "step",
    "tier",
    "task",
    "obligation",
    "subject",
    "attempts",
    "state",
    "outcome_at",
    "detail",
    "reason",
    "possible_duplicate",
    "code",
    "told_unit",
    "instead_of",
    "bundle",
    "notice",
];

/// The columns of a terminal, which has less room.
const HEADINGS: [&str; 14] = [
    "时间",
    "责任单位",
    "联络员",
    "渠道",
    "种类",
    "步骤",
    "任务",
    "主题",
    "次数",
    "结果",
    "结果时间",
    "说明",
    "代替",
    "通知",
];

pub(crate) async fn run(mut args: Notices) -> Result<Ended, Fault> {
    if let Some(NoticesWhat::Retry(args)) = args.what.take() {
        return crate::retry::run(args).await;
    }
    let mut view = View::without_records();
    let mut ledger = Ledger::default();
    let reading = Reading::open(&args.place).await?;
    reading
        .frames(|stored| {
            view.note(&stored.frame, None);
            ledger.note(&stored.frame, |told| is_wanted(told, &args, &view));
        })
        .await?;
    let rows: Vec<&Told> = ledger
        .rows()
        .iter()
        .filter(|told| args.state.is_empty() || args.state.contains(&told.state))
        .collect();
    match args.format {
        Format::Table => {
            let rows: Vec<_> = rows.iter().map(|told| shown(told, &view)).collect();
            table::print(&HEADINGS, &rows);
            crate::say!("共{}份通知", rows.len());
        }
        Format::Csv => {
            crate::say!("{}", KEYS.join(","));
            for told in rows {
                crate::say!("{}", csv_line(&cells(told, &view)));
            }
        }
        Format::Json => {
            let rows: Vec<_> = rows.iter().map(|told| json(told, &view)).collect();
            crate::say!("{}", serde_json::to_string_pretty(&rows)?);
        }
        Format::Ndjson => {
            for told in rows {
                crate::say!("{}", json(told, &view));
            }
        }
    }
    if ledger.left_out() > 0 {
        return Err(format!(
            "{} more notices were left out: narrow the question, e.g. with --from and --to",
            ledger.left_out()
        )
        .into());
    }
    Ok(Ended::Well)
}

/// Whether a notice fits what was asked, but for how it stands: that shows at the end.
fn is_wanted(told: &Told, args: &Notices, view: &View) -> bool {
    let is =
        |wanted: &Option<String>, fits: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(fits);
    let day = told.at.date_in(view.zone(&told.ledger));
    is(&args.unit, &|unit| {
        let named = |id: &str| view.name(&told.tenant, id) == unit;
        told.concerns(unit) || named(&told.request.unit) || named(told.told_unit())
    }) && is(&args.contact, &|contact| {
        let id = told.contact.split_once('/').map(|(_, id)| id);
        told.contact == contact || id == Some(contact) || told.contact_title == contact
    }) && is(&args.task, &|task| told.request.task == task)
        && is(&args.obligation, &|id| told.request.obligation == id)
        && args.from.is_none_or(|from| day >= from)
        && args.to.is_none_or(|to| day <= to)
}

/// When it came to an outcome, or to what it is now; nothing while it waits.
fn outcome_at(told: &Told, zone: Zone) -> String {
    let at: Option<Timestamp> = (told.state.as_str() != "queued").then_some(told.since);
    at.map(|at| at.shown_in(zone)).unwrap_or_default()
}

/// In the order of [`KEYS`].
fn cells(told: &Told, view: &View) -> Vec<String> {
    let zone = view.zone(&told.ledger);
    let request = &told.request;
    vec![
        told.at.shown_in(zone),
        told.ledger.clone(),
        request.unit.clone(),
        told.contact.clone(),
        told.contact_title.clone(),
        told.channel
            .map(|c| c.as_str().to_owned())
            .unwrap_or_default(),
        request.kind.as_str().to_owned(),
        request.step.clone(),
        request.tier.as_str().to_owned(),
        request.task.clone(),
        request.obligation.clone(),
        told.subject.clone(),
        told.attempts.to_string(),
        told.state.as_str().to_owned(),
        outcome_at(told, zone),
        told.detail.clone(),
        request.reason.clone(),
        told.possible_duplicate.to_string(),
        told.code.clone().unwrap_or_default(),
        told.told_unit().to_owned(),
        told.instead_of.clone().unwrap_or_default(),
        told.bundle.clone().unwrap_or_default(),
        told.notice.clone(),
    ]
}

fn json(told: &Told, view: &View) -> serde_json::Value {
    let mut row: serde_json::Map<String, serde_json::Value> = KEYS
        .iter()
        .zip(cells(told, view))
        .map(|(key, cell)| ((*key).to_owned(), cell.into()))
        .collect();
    row.insert("attempts".to_owned(), told.attempts.into());
    row.insert(
        "possible_duplicate".to_owned(),
        told.possible_duplicate.into(),
    );
    for key in ["channel", "outcome_at", "code", "instead_of", "bundle"] {
        if row[key] == "" {
            row.insert(key.to_owned(), serde_json::Value::Null);
        }
    }
    row.into()
}

/// In the order of [`HEADINGS`], as the clerk reads it.
fn shown(told: &Told, view: &View) -> Vec<String> {
    let zone = view.zone(&told.ledger);
    let name = |unit: &str| view.name(&told.tenant, unit);
    let contact = if told.contact.is_empty() {
        String::new()
    } else {
        format!("{} {}", name(told.told_unit()), told.contact_title)
    };
    let short = |id: &str| id.get(..8).unwrap_or(id).to_owned();
    let repeated = if told.possible_duplicate {
        "(可能重复)"
    } else {
        ""
    };
    vec![
        minutes(&told.at.shown_in(zone)),
        name(&told.request.unit),
        contact,
        told.channel
            .map(|c| c.chinese().to_owned())
            .unwrap_or_default(),
        kind_in_chinese(told.request.kind).to_owned(),
        step_in_chinese(&told.request.step),
        told.request.task.clone(),
        told.subject.clone(),
        told.attempts.to_string(),
        format!("{}{repeated}", told.state.chinese()),
        minutes(&outcome_at(told, zone)),
        told.detail.clone(),
        told.instead_of.as_deref().map(short).unwrap_or_default(),
        told.notice.clone(),
    ]
}

/// An instant without its seconds.
pub(crate) fn minutes(instant: &str) -> String {
    instant.get(..16).unwrap_or(instant).replace('T', " ")
}
