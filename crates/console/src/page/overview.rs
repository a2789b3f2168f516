//! `/`: the ledger with its lights.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::record::cut;
use duban_model::silence::SilenceNoted;
use serde::Deserialize;

use super::heat::HeatMap;
use super::row::NoticeRow;
use super::{Head, address, answer, chosen_ledger, not_found};
use crate::access::{Seen, Viewer};
use crate::light::{Counts, Light};
use crate::projection::{Duty, Ledger, TaskRow, minute};
use crate::serve::Desk;

/// Notices shown beside the ledger, in notices.
const NOTICES_SHOWN: usize = 20;
/// The longest text searched for, in bytes.
const MAX_SEARCH_BYTES: usize = 200;

/// The query string.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    ledger: Option<String>,
    #[serde(default)]
    light: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    q: Option<String>,
}

/// What is let through.
struct Filter<'a> {
    light: Option<Light>,
    unit: &'a str,
    text: &'a str,
}

impl Filter<'_> {
    fn is_set(&self) -> bool {
        self.light.is_some() || !self.unit.is_empty() || !self.text.is_empty()
    }

    fn lets(&self, duty: &Duty) -> bool {
        (self.unit.is_empty() || *duty.unit == *self.unit)
            && self.light.is_none_or(|light| duty.light() == light)
    }

    /// The row's counts, of the unit asked for; nothing if the row is not to be shown.
    fn counts(&self, projection: &Seen<'_>, ledger: &Ledger, row: &TaskRow) -> Option<Counts> {
        if !self.text.is_empty() && !row.speaks_of(self.text) {
            return None;
        }
        let counts = if self.unit.is_empty() {
            projection.counts_of(ledger, row)
        } else {
            let mut counts = Counts::default();
            for duty in row.duties.iter().filter_map(|p| projection.duty_at(*p)) {
                if *duty.unit == *self.unit {
                    counts.add(duty.light(), duty.done_late());
                }
            }
            counts
        };
        let shown = match self.light {
            Some(light) => counts.of(light) > 0,
            None => {
                (self.unit.is_empty() && projection.sees_row(ledger, row)) || counts.total() > 0
            }
        };
        shown.then_some(counts)
    }
}

struct Line<'a> {
    task: &'a TaskRow,
    address: String,
    counts: Counts,
}

struct Choice<'a> {
    unit: &'a str,
    name: &'a str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview<'a> {
    head: Head<'a>,
    ledger: Option<&'a Ledger>,
    filter: Filter<'a>,
    units: Vec<Choice<'a>>,
    lines: Vec<Line<'a>>,
    heat: Option<HeatMap<'a>>,
    notices: Vec<NoticeRow<'a>>,
    /// What is not sent at present, in a sentence each: nobody is to take silence for calm.
    silences: Vec<String>,
}

impl Overview<'_> {
    /// The rows shown: what only belongs to a row is no row of its own.
    fn rows(&self) -> usize {
        self.lines.iter().filter(|line| line.task.is_row()).count()
    }
}

/// `/`
pub(crate) async fn overview(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Response {
    let look = desk.look(&viewer);
    let projection = look.seen();
    if let Some(id) = asked.ledger.as_deref()
        && projection.ledger(id).is_none()
    {
        return not_found(&projection, "没有这个台账。");
    }
    render(&projection, &asked)
}

fn render(projection: &Seen<'_>, asked: &Asked) -> Response {
    let ledger = chosen_ledger(projection, asked.ledger.as_deref());
    let filter = Filter {
        light: asked.light.as_deref().and_then(Light::parse),
        unit: asked.unit.as_deref().unwrap_or_default(),
        text: cut(
            asked.q.as_deref().unwrap_or_default().trim(),
            MAX_SEARCH_BYTES,
        ),
    };
    let mut page = Overview {
        head: Head::new(projection, ledger, "台账总览"),
        ledger,
        filter,
        units: Vec::new(),
        lines: Vec::new(),
        heat: None,
        notices: Vec::new(),
        silences: Vec::new(),
    };
    if let Some(ledger) = ledger {
        for task in &ledger.tasks {
            if let Some(counts) = page.filter.counts(projection, ledger, task) {
                page.lines.push(Line {
                    task,
                    address: address::of_task(&ledger.id, &task.id),
                    counts,
                });
            }
        }
        let rows: Vec<_> = page.lines.iter().map(|line| line.task).collect();
        page.heat = Some(HeatMap::of(projection, ledger, &rows, |duty| {
            page.filter.lets(duty)
        }));
        page.silences = projection
            .silences(&ledger.tenant)
            .filter(|noted| {
                let of = noted.set.ledger.as_deref();
                of.is_none_or(|of| of == ledger.id)
            })
            .map(|noted| silence(projection, ledger, noted))
            .collect();
        page.units = choices(projection, ledger, page.filter.unit);
        page.notices = projection
            .notices()
            .filter(|notice| {
                notice
                    .ledger
                    .and_then(|place| projection.ledger_at(place))
                    .is_some_and(|of| of.id == ledger.id)
            })
            .take(NOTICES_SHOWN)
            .map(|notice| NoticeRow::of(projection, notice))
            .collect();
    }
    answer(StatusCode::OK, &page)
}

/// A silence or maintenance in one sentence.
fn silence(projection: &Seen<'_>, ledger: &Ledger, noted: &SilenceNoted) -> String {
    let set = &noted.set;
    let until = minute(set.until, ledger.zone);
    if set.maintenance {
        return format!(
            "系统维护中,至{until}不发任何通知,结束后合并补发({}:{})",
            set.by, set.reason
        );
    }
    let unit = set.unit.as_ref();
    let unit = unit.map(|unit| projection.units().short(&ledger.tenant, unit).to_owned());
    let task = set.task.as_ref().map(|task| format!("第{task}项"));
    let scope: Vec<String> = unit.into_iter().chain(task).collect();
    let scope = if scope.is_empty() {
        "本台账".to_owned()
    } else {
        scope.join("")
    };
    format!(
        "静默中:{scope}的通知至{until}不发({}:{})",
        set.by, set.reason
    )
}

/// The units that owe something in this ledger.
fn choices<'a>(projection: &Seen<'a>, ledger: &'a Ledger, chosen: &str) -> Vec<Choice<'a>> {
    let units: BTreeSet<&str> = ledger
        .tasks
        .iter()
        .flat_map(|row| &row.duties)
        .filter_map(|place| projection.duty_at(*place))
        .map(|duty| &*duty.unit)
        .collect();
    units
        .into_iter()
        .map(|unit| Choice {
            unit,
            name: projection.units().name(&ledger.tenant, unit),
            chosen: unit == chosen,
        })
        .collect()
}
