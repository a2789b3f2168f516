//! `/ledger/{ledger}/circular`: the draft of a notice about overdue duties (通报), as a Word document
//! that the office corrects and issues. Nothing of it is on the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Datelike;

use super::ledger::file;
use super::row::period_shown;
use super::{address, not_found};
use crate::access::{Seen, Viewer, see_other};
use crate::light::Light;
use crate::projection::{Duty, Ledger, minute};
use crate::serve::Desk;
use crate::sheet::{Circular, FileFormat};
use crate::tongue::{Asker, Tongue};

/// Overdue duties listed in a notice, in duties: the longest over first. The others are counted.
pub const CIRCULAR_DUTIES: usize = 2_000;

/// `/ledger/{ledger}/circular`
pub(crate) async fn circular(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    asker: Asker,
    Path(id): Path<String>,
) -> Response {
    let drafted = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let Some(ledger) = seen.ledger(&id) else {
            return not_found(&seen, "没有这个台账。", &asker);
        };
        draft(&seen, ledger)
    };
    let Some(circular) = drafted else {
        // Nothing is overdue: the list, empty, says so.
        let table = address::of_ledger(&id);
        return see_other(&format!("{table}?view=duties&light=red"));
    };
    let Some(exporter) = desk.state.export.clone() else {
        return not_found(
            &desk.look(&viewer).seen(),
            "这个进程不能写 Word 文档。",
            &asker,
        );
    };
    let permit = Arc::clone(&desk.state.writings).acquire_owned().await;
    let name = format!("{}(稿).docx", circular.title);
    let written = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        exporter.circular(&circular)
    });
    match written.await {
        Ok(Ok(bytes)) => file(FileFormat::Docx, bytes, &name),
        Ok(Err(why)) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{why}\n")).into_response(),
        Err(fault) => {
            tracing::error!(%fault, "a notice could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The notice; nothing if nothing is overdue.
fn draft(seen: &Seen<'_>, ledger: &Ledger) -> Option<Circular> {
    let now = seen.now()?;
    let today = now.date_in(ledger.zone);
    let over = |duty: &Duty| duty.due.map_or(0, |due| (today - due).num_days());
    let places = ledger.tasks.iter().flat_map(|row| &row.duties);
    let mut red: Vec<&Duty> = places
        .filter_map(|place| seen.duty_at(*place))
        .filter(|duty| duty.light() == Light::Red)
        .collect();
    if red.is_empty() {
        return None;
    }
    let row = |duty: &Duty| ledger.place_of(&duty.task);
    red.sort_by_key(|duty| (std::cmp::Reverse(over(duty)), row(duty), &duty.id));
    let name = |unit: &str| seen.units().name(&ledger.tenant, unit).to_owned();
    let mut by_unit: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    for duty in &red {
        let of = by_unit.entry(&duty.unit).or_default();
        *of = (of.0 + 1, of.1.max(over(duty)));
    }
    let mut units: Vec<(&str, (usize, i64))> = by_unit.into_iter().collect();
    units.sort_by_key(|(unit, (count, days))| {
        (std::cmp::Reverse(*count), std::cmp::Reverse(*days), *unit)
    });
    let counts = seen.counts(ledger);
    let at = minute(now, ledger.zone);
    let number = match ledger.number.as_str() {
        "" => String::new(),
        number => format!("({number})"),
    };
    let running = counts.of(Light::Green) + counts.of(Light::Yellow);
    let opening = format!(
        "截至{}年{}月{}日,《{}》{number}共有责任事项{}件,其中已办结{}件,在期限内正在办理{running}件(临近完成时限或退回重办{}件),逾期未办结{}件,涉及{}个单位。现将有关情况通报如下。",
        today.year(),
        today.month(),
        today.day(),
        ledger.title,
        counts.total(),
        counts.of(Light::Done),
        counts.of(Light::Yellow),
        red.len(),
        units.len(),
    );
    let told = if red.len() > CIRCULAR_DUTIES {
        format!(
            "逾期时间最长的{CIRCULAR_DUTIES}件如下,其余{}件见台账。",
            red.len() - CIRCULAR_DUTIES
        )
    } else {
        format!("以下{}件按逾期时间由长到短排列。", red.len())
    };
    let line = |(at, duty): (usize, &&Duty)| {
        let title = ledger
            .task(&duty.task)
            .map_or_else(String::new, |row| row.marked_title().into_owned());
        let period = match period_shown(duty, Tongue::Chinese) {
            period if period.is_empty() => String::new(),
            period => format!("({period})"),
        };
        [
            (at + 1).to_string(),
            name(&duty.unit),
            format!("第{}项 {title}{period}", duty.task),
            duty.due.map(|due| due.to_string()).unwrap_or_default(),
            over(duty).to_string(),
            duty.stage.chinese().to_owned(),
        ]
    };
    let issuer = ledger
        .office
        .as_deref()
        .map_or_else(|| ledger.issuer.clone(), name);
    Some(Circular {
        title: format!("关于{}逾期未办结事项的通报", ledger.title),
        to: "各有关单位:".to_owned(),
        opening,
        units: units
            .iter()
            .map(|(unit, (count, days))| [name(unit), count.to_string(), days.to_string()])
            .collect(),
        told,
        duties: red.iter().take(CIRCULAR_DUTIES).enumerate().map(line).collect(),
        asks: "请上述单位对照台账逐项查明原因、明确责任人,抓紧办理,办结后及时报送佐证材料;确有困难不能按期办结的,应书面说明理由和预计完成时间。相关情况将继续跟踪督办。".to_owned(),
        issuer,
        as_of: now.utc().with_timezone(&ledger.zone.0).fixed_offset(),
        remark: format!("代拟稿:由督办系统按{at}的台账生成,请核对、修改后按程序印发。"),
    })
}
