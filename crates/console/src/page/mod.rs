//! The pages. Rendered on the server from the projection, readable without a script; every
//! value goes through the template's escaping.

pub(crate) mod address;
mod asked;
mod chart;
mod circular;
mod column;
mod glance;
mod heat;
mod incident;
mod ledger;
mod notice;
mod obligation;
mod overview;
mod pager;
mod rejection;
mod row;
mod select;
mod task;
mod unit;
mod why_english;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use chrono::{Datelike, Weekday};
use duban_model::Zone;

pub use circular::CIRCULAR_DUTIES;
pub(crate) use circular::circular;
pub(crate) use column::missing;
pub(crate) use incident::incidents;
pub(crate) use ledger::{entry, export, file as download, ledger, sheet};
pub(crate) use notice::{back as back_to_notices, notices, retry};
pub(crate) use obligation::{
    Recalled, Shown, explained, file, obligation, obligation_of, recalled, why,
};
pub(crate) use overview::overview;
pub(crate) use pager::Pager;
pub(crate) use rejection::rejections;
pub(crate) use row::{DutyRow, due_shown};
pub(crate) use task::task;
pub(crate) use unit::unit;

use crate::access::Seen;
use crate::access::page::{Me, refused};
use crate::asset::{SCRIPT_DIGEST, STYLE_DIGEST};
use crate::light::{Counts, Light};
use crate::projection::Ledger;
use crate::tongue::{Asker, Tongue};

/// The instant on the log as a page shows it.
pub(crate) struct Clock {
    /// `2021年10月8日 星期五`
    pub date: String,
    /// `2021-10-08`
    pub day: String,
    /// `09:10:00`
    pub time: String,
    /// For machines.
    pub rfc3339: String,
    pub virtual_time: bool,
}

impl Clock {
    pub fn of(projection: &Seen<'_>, ledger: Option<&Ledger>) -> Clock {
        let zone = ledger.map_or(Zone::SHANGHAI, |l| l.zone);
        let Some(now) = projection.now() else {
            return Clock {
                date: "尚无记录".to_owned(),
                day: String::new(),
                time: String::new(),
                rfc3339: String::new(),
                virtual_time: false,
            };
        };
        let at = now.utc().with_timezone(&zone.0);
        let day = match at.weekday() {
            Weekday::Mon => "一",
            Weekday::Tue => "二",
            Weekday::Wed => "三",
            Weekday::Thu => "四",
            Weekday::Fri => "五",
            Weekday::Sat => "六",
            Weekday::Sun => "日",
        };
        Clock {
            date: format!("{}年{}月{}日 星期{day}", at.year(), at.month(), at.day()),
            day: at.format("%Y-%m-%d").to_string(),
            time: at.format("%H:%M:%S").to_string(),
            rfc3339: now.shown_in(zone),
            virtual_time: projection.virtual_time(),
        }
    }
}

/// The ledger asked for, else the one adopted last.
pub(crate) fn chosen_ledger<'a>(projection: &Seen<'a>, wanted: Option<&str>) -> Option<&'a Ledger> {
    wanted
        .and_then(|id| projection.ledger(id))
        .or_else(|| projection.ledgers().rev().find(|l| l.definition.is_some()))
        .or_else(|| projection.ledgers().next_back())
}

/// A ledger as the head names it.
pub(crate) struct Named {
    pub id: String,
    pub title: String,
    pub number: String,
}

/// The head of every page.
pub(crate) struct Head {
    pub name: String,
    pub tongue: Tongue,
    /// The same page in the other language.
    pub switch: String,
    pub ledger: Option<Named>,
    /// Title, address, and whether it is the one shown.
    pub ledgers: Vec<(String, String, bool)>,
    pub clock: Clock,
    pub lights: [Light; 5],
    pub counts: Counts,
    /// Nothing for whom it does not concern.
    pub rejections: Option<u64>,
    /// Who looks.
    pub me: Option<Me>,
    pub seq: u64,
    pub events: String,
    pub style: String,
    pub script: String,
}

impl Head {
    pub fn new(projection: &Seen<'_>, ledger: Option<&Ledger>, name: &str, asker: &Asker) -> Head {
        let ledgers = projection
            .ledgers()
            .map(|l| {
                let shown = ledger.is_some_and(|shown| shown.id == l.id);
                (l.title.clone(), address::of_home(&l.id), shown)
            })
            .collect();
        Head {
            name: name.to_owned(),
            tongue: asker.tongue,
            switch: asker.switch(),
            ledger: ledger.map(|l| Named {
                id: l.id.clone(),
                title: l.title.clone(),
                number: l.number.clone(),
            }),
            ledgers,
            clock: Clock::of(projection, ledger),
            lights: Light::ALL,
            counts: ledger.map(|l| projection.counts(l)).unwrap_or_default(),
            rejections: projection.rejected(),
            me: projection
                .viewer()
                .map(|viewer| Me::in_tongue(viewer, asker.tongue)),
            seq: projection.seq(),
            events: ledger.map_or_else(
                || "/events".to_owned(),
                |l| format!("/events?ledger={}", address::encoded(&l.id)),
            ),
            style: format!("/static/app.css?v={STYLE_DIGEST:08x}"),
            script: format!("/static/app.js?v={SCRIPT_DIGEST:08x}"),
        }
    }

    /// A text of the pages in the language asked for.
    pub fn say<'t>(&self, chinese: &'t str) -> &'t str {
        self.tongue.say(chinese)
    }

    /// Where the duties of one light are listed.
    pub fn light_address(&self, light: Light) -> String {
        match &self.ledger {
            Some(ledger) => format!(
                "{}?view=duties&light={}",
                address::of_ledger(&ledger.id),
                light.as_str()
            ),
            None => "/".to_owned(),
        }
    }

    /// The overview of the ledger.
    pub fn home(&self) -> String {
        let id = self.ledger.as_ref().map(|l| address::of_home(&l.id));
        id.unwrap_or_else(|| "/".to_owned())
    }

    /// The table of the ledger.
    pub fn table(&self) -> String {
        let id = self.ledger.as_ref().map(|l| address::of_ledger(&l.id));
        id.unwrap_or_else(|| "/".to_owned())
    }
}

/// Turns a page into an answer.
pub(crate) fn answer(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(fault) => {
            tracing::error!(%fault, "a page could not be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "页面无法生成\n").into_response()
        }
    }
}

#[derive(Template)]
#[template(path = "nowhere.html")]
struct Nowhere {
    head: Head,
    what: String,
}

/// The page for what is not there.
pub(crate) fn not_found(projection: &Seen<'_>, what: &str, asker: &Asker) -> Response {
    let ledger = chosen_ledger(projection, None);
    let page = Nowhere {
        head: Head::new(projection, ledger, asker.tongue.say("没有找到"), asker),
        what: asker.tongue.say(what).to_owned(),
    };
    answer(StatusCode::NOT_FOUND, &page)
}

/// Any other address.
pub(crate) fn nowhere() -> Response {
    // It is asked by anybody, and says nothing of what is there.
    refused(StatusCode::NOT_FOUND, "没有找到", "没有这个地址。")
}

#[cfg(test)]
mod tests;
