//! What people of the office did, as a list that is filtered and taken along as a file.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use duban_model::Zone;
use serde::Deserialize;

use crate::access::{CONSOLE_SOURCE, Seen, Viewer};
use crate::answer::ANSWER_SOURCE;
use crate::page::{address, download, not_found};
use crate::projection::{Act, ActOutcome, ActSort, minute};
use crate::serve::Desk;
use crate::sheet::{Cell, FileFormat, MAX_ROWS, Sheet};
use crate::tongue::Asker;

/// What the address says after `?`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    pub sort: String,
    #[serde(default)]
    pub by: String,
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub outcome: String,
    #[serde(default)]
    pub from: String,
    #[serde(default)]
    pub to: String,
    #[serde(default)]
    pub page: Option<String>,
    /// What became of a form: `begun` or `running`.
    #[serde(default)]
    pub said: String,
}

/// Outcomes to choose from.
pub(super) const OUTCOMES: [(&str, &str); 3] = [
    ("taken", "已生效"),
    ("refused", "没有受理"),
    ("waiting", "待处理"),
];

fn outcome(of: &ActOutcome) -> (&'static str, &'static str) {
    match of {
        ActOutcome::Taken => OUTCOMES[0],
        ActOutcome::Refused(..) => OUTCOMES[1],
        ActOutcome::Waiting => OUTCOMES[2],
    }
}

impl Asked {
    /// The filters as a query, without the page.
    pub fn query(&self) -> String {
        let fields = [
            ("sort", &self.sort),
            ("by", &self.by),
            ("unit", &self.unit),
            ("outcome", &self.outcome),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let given = fields.iter().filter(|(_, value)| !value.is_empty());
        let pairs: Vec<String> = given
            .map(|(name, value)| format!("{name}={}", address::encoded(value)))
            .collect();
        pairs.join("&")
    }

    fn fits(&self, seen: &Seen<'_>, act: &Act) -> bool {
        let day = act.at.date_in(zone(seen, act));
        let (from, to): (Option<NaiveDate>, Option<NaiveDate>) =
            (self.from.parse().ok(), self.to.parse().ok());
        let unit = self.unit.trim();
        (self.sort.is_empty() || act.sort.as_str() == self.sort)
            && act.by.contains(self.by.trim())
            && (self.outcome.is_empty() || outcome(&act.outcome).0 == self.outcome)
            && (unit.is_empty() || act.unit == unit || unit_name(seen, act).contains(unit))
            && from.is_none_or(|from| day >= from)
            && to.is_none_or(|to| day <= to)
    }
}

fn zone(seen: &Seen<'_>, act: &Act) -> Zone {
    let ledger = act.ledger.as_deref().and_then(|id| seen.ledger(id));
    ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone)
}

fn unit_name(seen: &Seen<'_>, act: &Act) -> String {
    seen.units().name(&act.tenant, &act.unit).to_owned()
}

/// How a fact came in, in Chinese; otherwise its source as it stands.
fn source(of: &str) -> &str {
    match of {
        CONSOLE_SOURCE => "网页",
        ANSWER_SOURCE => "凭链接",
        other => other,
    }
}

/// An act as it is shown.
pub(super) struct Row {
    pub at: String,
    pub by: String,
    pub sort: &'static str,
    pub ledger: String,
    pub task: String,
    /// Its id and name; empty if it is about none or all.
    pub unit: (String, String),
    /// The first duty that it changed: address and id.
    pub duty: Option<(String, String)>,
    /// How many more it changed.
    pub more: u32,
    pub what: String,
    pub reason: String,
    pub outcome: (&'static str, &'static str),
    /// Why it was refused.
    pub refused: String,
    pub source: String,
    pub record: String,
}

impl Row {
    fn of(seen: &Seen<'_>, act: &Act) -> Row {
        let duty = act.duty.and_then(|place| seen.duty_at(place));
        let ledger = act.ledger.as_deref();
        Row {
            at: minute(act.at, zone(seen, act)),
            by: act.by.clone(),
            sort: act.sort.chinese(),
            ledger: ledger
                .map(|id| seen.ledger(id).map_or(id, |l| l.title.as_str()).to_owned())
                .unwrap_or_default(),
            task: act.task.clone(),
            unit: (act.unit.clone(), unit_name(seen, act)),
            duty: duty.map(|d| (address::of_obligation(&d.id), d.id.to_string())),
            more: act.duties.saturating_sub(1),
            what: act.what.clone(),
            reason: act.reason.clone(),
            outcome: outcome(&act.outcome),
            refused: match &act.outcome {
                ActOutcome::Refused(code, found) => format!("[{code}] {found}"),
                _ => String::new(),
            },
            source: source(&act.source).to_owned(),
            record: act.record.to_string(),
        }
    }

    /// Where its unit stands.
    pub fn unit_address(&self) -> String {
        address::of_unit(&self.unit.0)
    }
}

/// The acts that fit, the newest first, from one on; and how many fit in all.
pub(super) fn rows(
    seen: &Seen<'_>,
    asked: &Asked,
    span: impl FnOnce(usize) -> (usize, usize),
) -> Vec<Row> {
    let fitting = || seen.acts().filter(|act| asked.fits(seen, act));
    let (skipped, size) = span(fitting().count());
    let shown = fitting().skip(skipped).take(size);
    shown.map(|act| Row::of(seen, act)).collect()
}

/// Sorts to choose from: name in addresses, name on pages, whether it is chosen.
pub(super) fn sorts(asked: &Asked) -> Vec<(&'static str, &'static str, bool)> {
    let all = ActSort::ALL.into_iter();
    all.map(|sort| (sort.as_str(), sort.chinese(), sort.as_str() == asked.sort))
        .collect()
}

/// `/audit/acts/{format}`
pub(super) async fn export(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(format): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    // Of a list of acts there is no calendar and no document.
    let known = [FileFormat::Csv, FileFormat::Xlsx];
    let known = known.into_iter().find(|f| f.ending() == format);
    let (Some(format), Some(exporter)) = (known, desk.state.export.clone()) else {
        let look = desk.look(&viewer);
        return not_found(&look.seen(), "没有这种格式的导出;可用 csv、xlsx。", &asker);
    };
    let permit = Arc::clone(&desk.state.writings).acquire_owned().await;
    let state = desk.state.clone();
    let written = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let sheet = sheet(&state.look(&viewer).seen(), &asked);
        exporter.write(format, &sheet)
    });
    match written.await {
        Ok(Ok(bytes)) => download(format, bytes, &format!("办理记录.{}", format.ending())),
        Ok(Err(why)) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("导出未完成:{why}\n"),
        )
            .into_response(),
        Err(fault) => {
            tracing::error!(%fault, "acts could not be written into a file");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn sheet(seen: &Seen<'_>, asked: &Asked) -> Sheet {
    let rows = rows(seen, asked, |_| (0, MAX_ROWS));
    let ledger = seen.ledgers().next_back();
    let zone = ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone);
    let now = seen.now().unwrap_or_default();
    let cells = |row: Row| {
        let duty = row.duty.unwrap_or_default();
        let duty = match row.more {
            0 => duty.1,
            more => format!("{}等{}件", duty.1, more + 1),
        };
        let outcome = match row.refused.as_str() {
            "" => row.outcome.1.to_owned(),
            why => format!("{}:{why}", row.outcome.1),
        };
        let texts = [
            row.at,
            row.by,
            row.sort.to_owned(),
            row.ledger,
            row.task,
            row.unit.1,
            duty,
            row.what,
            row.reason,
            outcome,
            row.source,
            row.record,
        ];
        texts.iter().map(|text| Cell::text(text)).collect()
    };
    Sheet {
        title: "主管部门的办理记录".to_owned(),
        caption: format!("截至{},{}条", minute(now, zone), rows.len()),
        name: "办理记录",
        as_of: now.utc().with_timezone(&zone.0).fixed_offset(),
        columns: vec![
            ("时间", 17),
            ("谁", 20),
            ("做了什么", 12),
            ("台账", 30),
            ("任务", 8),
            ("单位", 24),
            ("责任事项", 40),
            ("决定", 24),
            ("理由", 40),
            ("结果", 24),
            ("来源", 14),
            ("记录", 34),
        ],
        rows: rows.into_iter().map(cells).collect(),
        entries: Vec::new(),
    }
}
