//! What is read: lists and single things, each as far as its viewer sees it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::NaiveDate;
use duban_model::RecordId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::asked::{Asked, JSON, Parted, Wanted, day};
use super::page::{Cursor, Limit, Page, placed};
use super::problem::{Code, Problem};
use super::shape::{
    ExplanationItem, FateName, Happened, HistoryItem, LedgerItem, LightName, ObligationFull,
    ObligationItem, Section, StateName, TaskItem,
};
use super::told::{NoticeItem, RejectionItem, UnitItem};
use crate::access::{Seen, Viewer};
use crate::page::{explained, recalled};
use crate::projection::Ledger;
use crate::serve::Desk;
use crate::tongue::Tongue;

/// An answer, or why there is none.
pub(super) type Answered = Result<Response, Problem>;

/// Which page of a list.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Paged {
    /// Entries of a page, 1 to 200; 50 unless said.
    #[serde(default)]
    #[schemars(with = "Option<i32>", range(min = 1, max = 200))]
    limit: Option<Limit>,
    /// What `next` of the page before says.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-f]{16}$"))]
    cursor: Option<Cursor>,
}

/// Which duties.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfObligations {
    /// Of this ledger only.
    #[serde(default)]
    ledger: Option<String>,
    /// Of this row only.
    #[serde(default)]
    task: Option<String>,
    /// What this unit owes.
    #[serde(default)]
    unit: Option<String>,
    /// With this light only.
    #[serde(default)]
    light: Option<LightName>,
    /// In this state only.
    #[serde(default)]
    state: Option<StateName>,
    /// Due on this day or later.
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    due_from: Option<NaiveDate>,
    /// Due on this day or earlier.
    #[serde(default, deserialize_with = "day")]
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    due_to: Option<NaiveDate>,
    /// Entries of a page, 1 to 200; 50 unless said.
    #[serde(default)]
    #[schemars(with = "Option<i32>", range(min = 1, max = 200))]
    limit: Option<Limit>,
    /// What `next` of the page before says.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-f]{16}$"))]
    cursor: Option<Cursor>,
}

/// Which notices.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfNotices {
    /// About this duty only.
    #[serde(default)]
    obligation: Option<String>,
    /// About what this unit owes, or to its people.
    #[serde(default)]
    unit: Option<String>,
    /// To this contact only: `unit/contact`.
    #[serde(default)]
    contact: Option<String>,
    /// Of which this became.
    #[serde(default)]
    fate: Option<FateName>,
    /// Entries of a page, 1 to 200; 50 unless said.
    #[serde(default)]
    #[schemars(with = "Option<i32>", range(min = 1, max = 200))]
    limit: Option<Limit>,
    /// What `next` of the page before says.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-f]{16}$"))]
    cursor: Option<Cursor>,
}

/// Which deployments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfDeployments {
    /// Of this ledger only; those of units and calendars are of none.
    #[serde(default)]
    pub ledger: Option<String>,
    /// Entries of a page, 1 to 200; 50 unless said.
    #[serde(default)]
    #[schemars(with = "Option<i32>", range(min = 1, max = 200))]
    pub limit: Option<Limit>,
    /// What `next` of the page before says.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-f]{16}$"))]
    pub cursor: Option<Cursor>,
}

/// No parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// Answers from the projection as it stands, or says that the client has that answer.
fn read<T: Serialize>(
    desk: &Desk,
    viewer: &Viewer,
    asked: &Asked,
    find: impl FnOnce(&Seen<'_>) -> Result<T, Problem>,
) -> Answered {
    let look = desk.look(viewer);
    let seen = look.seen();
    let fresh = asked.fresh(seen.seq(), Some(viewer), JSON)?;
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    Ok(fresh.json(&find(&seen)?))
}

fn ledger_of<'a>(seen: &Seen<'a>, id: &str) -> Result<&'a Ledger, Problem> {
    seen.ledger(id).ok_or_else(|| Problem::not_found("ledger"))
}

/// `GET /ledgers`
pub(super) async fn ledgers(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(paged): Wanted<Paged>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let all = placed(seen.ledgers(), paged.cursor);
        let entries = all.map(|(place, ledger)| (place, LedgerItem::of(seen, ledger)));
        Ok(Page::of(seen, paged.limit, entries))
    })
}

/// `GET /ledgers/{ledger}`
pub(super) async fn ledger(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let ledger = ledger_of(seen, &id)?;
        Ok(LedgerItem::of(seen, ledger))
    })
}

/// `GET /ledgers/{ledger}/tasks`
pub(super) async fn tasks(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(paged): Wanted<Paged>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let ledger = ledger_of(seen, &id)?;
        let rows = placed(ledger.tasks.iter(), paged.cursor);
        let rows = rows.filter(|(_, row)| seen.sees_row(ledger, row));
        let entries = rows.map(|(place, row)| (place, TaskItem::of(seen, ledger, row)));
        Ok(Page::of(seen, paged.limit, entries))
    })
}

/// `GET /obligations`
pub(super) async fn obligations(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(of): Wanted<OfObligations>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let ledger = of.ledger.as_deref().map(|id| seen.ledger(id));
        // A place beyond what places can be is behind the end.
        let from = of
            .cursor
            .map_or(0, |c| u32::try_from(c.0).unwrap_or(u32::MAX));
        let fits = |duty: &crate::projection::Duty| {
            ledger.is_none_or(|of| of.is_some_and(|of| std::ptr::eq(of, seen.ledger_of(duty))))
                && of.task.as_deref().is_none_or(|task| task == &*duty.task)
                && of.light.is_none_or(|light| light == duty.light().into())
                && of.state.is_none_or(|state| state == duty.stage.into())
                && of
                    .due_from
                    .is_none_or(|from| duty.due.is_some_and(|due| due >= from))
                && of
                    .due_to
                    .is_none_or(|to| duty.due.is_some_and(|due| due <= to))
        };
        let duties = seen.duties_from(from, of.unit.as_deref());
        let entries = duties
            .filter(|(_, duty)| fits(duty))
            .map(|(place, duty)| (u64::from(place), ObligationItem::of(seen, duty)));
        Ok(Page::of(seen, of.limit, entries))
    })
}

/// `GET /obligations/{obligation}`
pub(super) async fn obligation(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let duty = seen
            .duty(&id)
            .ok_or_else(|| Problem::not_found("obligation"))?;
        Ok(ObligationFull::of(seen, duty))
    })
}

/// `GET /obligations/{obligation}/history`
pub(super) async fn history(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    let (history, fresh) = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        let duty = seen
            .duty(&id)
            .ok_or_else(|| Problem::not_found("obligation"))?;
        let fresh = asked.fresh(seen.seq(), Some(&viewer), JSON)?;
        (duty.history.clone(), fresh)
    };
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    let records = {
        // Never closed.
        let _reading = desk.state.readings.acquire().await;
        recalled(&desk.state, &history).await
    };
    let records = records.ok_or_else(|| unread("the history"))?;
    let look = desk.look(&viewer);
    let seen = look.seen();
    let duty = seen
        .duty(&id)
        .ok_or_else(|| Problem::not_found("obligation"))?;
    let zone = seen.ledger_of(duty).zone;
    let told = |place| {
        let line = seen.line(duty, place, records.get(&place)?, Tongue::Chinese)?;
        Some(Happened::of(line, zone))
    };
    Ok(fresh.json(&HistoryItem {
        obligation: duty.id.to_string(),
        first: history.first().filter_map(told).collect(),
        left_out: history.left_out(),
        last: history.last().filter_map(told).collect(),
    }))
}

pub(super) fn unread(what: &str) -> Problem {
    Problem::new(
        Code::Unavailable,
        format!("{what} could not be read from the log just now"),
        "a log that answers",
        "Ask again after a while.",
    )
    .again_after(std::time::Duration::from_secs(5))
}

/// `GET /obligations/{obligation}/explanation`
pub(super) async fn explanation(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    let fresh = {
        let look = desk.look(&viewer);
        let seen = look.seen();
        if seen.duty(&id).is_none() {
            return Err(Problem::not_found("obligation"));
        }
        asked.fresh(seen.seq(), Some(&viewer), JSON)?
    };
    if fresh.is_known() {
        return Ok(fresh.unchanged());
    }
    let explanation = {
        // Never closed.
        let _reading = desk.state.readings.acquire().await;
        explained(&desk.state, &id).await
    };
    let explanation = explanation.ok_or_else(|| unread("the explanation"))?;
    let section = |(heading, lines)| Section { heading, lines };
    Ok(fresh.json(&ExplanationItem {
        obligation: id,
        sections: explanation.into_iter().map(section).collect(),
    }))
}

/// `GET /notices`
pub(super) async fn notices(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(of): Wanted<OfNotices>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let duty = of.obligation.as_deref().map(|id| seen.duty(id));
        let fits = |notice: &crate::projection::Notice| {
            let about = || notice.duty.and_then(|place| seen.duty_at(place));
            let contact = notice.contact.as_ref().map(|(contact, _, _)| &**contact);
            duty.is_none_or(|duty| {
                duty.is_some_and(|duty| about().is_some_and(|of| std::ptr::eq(of, duty)))
            }) && of
                .unit
                .as_deref()
                .is_none_or(|unit| unit == &*notice.unit || unit == notice.told_unit())
                && of
                    .contact
                    .as_deref()
                    .is_none_or(|wanted| contact == Some(wanted))
                && of.fate.is_none_or(|fate| fate == notice.fate.into())
        };
        let notices = seen.notices_from(of.cursor.map(|cursor| cursor.0));
        let entries = notices
            .filter(|(_, notice)| fits(notice))
            .map(|(place, notice)| (place, NoticeItem::of(seen, notice)));
        Ok(Page::of(seen, of.limit, entries))
    })
}

/// `GET /notices/{notice}`
pub(super) async fn notice(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Parted(id): Parted<String>,
    Wanted(Nothing {}): Wanted<Nothing>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let id = id.parse::<RecordId>().ok();
        let notice = id.and_then(|id| seen.notice(id));
        let notice = notice.ok_or_else(|| Problem::not_found("notice"))?;
        Ok(NoticeItem::of(seen, notice))
    })
}

/// `GET /units`
pub(super) async fn units(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(paged): Wanted<Paged>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let units = placed(seen.units_seen(), paged.cursor);
        let entries = units.filter_map(|(place, (tenant, unit))| {
            let name = seen.units().get(tenant, unit)?;
            Some((place, UnitItem::of(tenant, unit, name)))
        });
        Ok(Page::of(seen, paged.limit, entries))
    })
}

/// `GET /rejections`
pub(super) async fn rejections(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Wanted(paged): Wanted<Paged>,
    asked: Asked,
) -> Answered {
    read(&desk, &viewer, &asked, |seen| {
        let to = paged.cursor.map(|cursor| cursor.0);
        let rejections = seen
            .rejections_placed()
            .filter(|(place, _)| to.is_none_or(|to| *place <= to));
        let entries = rejections.map(|(place, of)| (place, RejectionItem::of(of)));
        Ok(Page::of(seen, paged.limit, entries))
    })
}
