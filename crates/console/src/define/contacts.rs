//! `/define/draft/{draft}/contacts`: units' people in a table, for whom YAML is no language.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::draft::Draft;
use super::page::{Frame, Reader, Steps, draft, now, see, unkept};
use super::{Defining, Person};
use crate::access::Form;
use crate::access::page::Flash;
use crate::page::{address::encoded, answer};
use crate::serve::Desk;

/// The file of units and contacts.
const DIRECTORY: &str = "directory.yaml";
/// Empty lines of the table for further contacts.
const MORE: usize = 2;

/// Which unit is shown.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    unit: String,
    #[serde(default)]
    saved: String,
}

/// A unit to choose.
struct Unit {
    id: String,
    name: String,
    /// Those who can be told.
    people: usize,
    /// None of them has an address.
    mute: bool,
    current: bool,
}

#[derive(Template)]
#[template(path = "define/contacts.html")]
struct ContactsPage {
    frame: Frame,
    steps: Steps,
    version: u64,
    units: Vec<Unit>,
    unit: String,
    unit_name: String,
    people: Vec<Person>,
}

async fn people(bench: &Defining, draft: &Draft) -> Result<Vec<Person>, String> {
    let text = draft.files.get(DIRECTORY).cloned().unwrap_or_default();
    let work = bench.work(move |workshop| workshop.people(&text));
    work.await?
        .ok_or_else(|| "单位名录里有错误,先在“修改”里改正,才能用表格维护。".to_owned())
}

async fn page(
    viewer: &Reader,
    bench: &Defining,
    draft: &Draft,
    wanted: &str,
    flash: Option<Flash>,
) -> Response {
    let (all, flash) = match people(bench, draft).await {
        Ok(all) => (all, flash),
        Err(words) => (Vec::new(), Some(Flash::bad(words))),
    };
    let mut units: Vec<Unit> = Vec::new();
    for person in &all {
        let is_new = units.last().is_none_or(|unit| unit.id != person.unit);
        if is_new {
            units.push(Unit {
                id: person.unit.clone(),
                name: person.unit_name.clone(),
                people: 0,
                mute: true,
                current: person.unit == wanted,
            });
        }
        if let Some(unit) = units.last_mut().filter(|_| !person.id.is_empty()) {
            unit.people += 1;
            unit.mute &= person.mail.is_empty() && person.channels.is_empty();
        }
    }
    if !units.iter().any(|unit| unit.current)
        && let Some(first) = units.first_mut()
    {
        first.current = true;
    }
    let chosen = units.iter().find(|unit| unit.current);
    let (unit, unit_name) = chosen.map_or((String::new(), String::new()), |unit| {
        (unit.id.clone(), unit.name.clone())
    });
    let mut shown: Vec<Person> = all
        .into_iter()
        .filter(|person| person.unit == unit && !person.id.is_empty())
        .collect();
    shown.resize_with(shown.len() + MORE, Person::default);
    let page = ContactsPage {
        frame: Frame::new(viewer, flash),
        steps: Steps::of(draft, "contacts"),
        version: draft.version,
        units,
        unit,
        unit_name,
        people: shown,
    };
    answer(page.frame.status(), &page)
}

/// `GET /define/draft/{draft}/contacts`
pub(super) async fn show(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    viewer: Reader,
) -> Response {
    match draft(&desk, &viewer, &id) {
        Ok((bench, draft)) => {
            let flash =
                (!asked.saved.is_empty()).then(|| Flash::good("已保存到草稿。部署之后才生效。"));
            page(&viewer, &bench, &draft, &asked.unit, flash).await
        }
        Err(response) => response,
    }
}

/// The people of one unit as a form has them.
fn filled(form: &Form, unit: &str) -> Vec<Person> {
    let column = |name: &'static str| form.all(name).map(str::trim);
    let ids = column("id").zip(column("title")).zip(column("mail"));
    let rest = column("channels").zip(column("away")).zip(column("leads"));
    ids.zip(rest)
        .map(|(((id, title), mail), ((channels, away), leads))| Person {
            unit: unit.to_owned(),
            unit_name: String::new(),
            id: id.to_owned(),
            leads: leads == "yes",
            title: title.to_owned(),
            mail: mail.to_owned(),
            channels: channels.to_owned(),
            away: away.replace("\r\n", "\n"),
        })
        .filter(|person| !person.title.is_empty())
        .collect()
}

/// `POST /define/draft/{draft}/contacts`: the people of one unit.
pub(super) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(id): Path<String>,
    viewer: Reader,
    form: Form,
) -> Response {
    let (bench, draft) = match draft(&desk, &viewer, &id) {
        Ok(found) => found,
        Err(response) => return response,
    };
    let unit = form.get("unit").to_owned();
    let all = match people(&bench, &draft).await {
        Ok(all) => all,
        Err(words) => {
            return page(&viewer, &bench, &draft, &unit, Some(Flash::bad(words))).await;
        }
    };
    let mut all: Vec<Person> = all
        .into_iter()
        .filter(|person| person.unit != unit && !person.id.is_empty())
        .collect();
    all.extend(filled(&form, &unit));
    let text = draft.files.get(DIRECTORY).cloned().unwrap_or_default();
    let work = bench.work(move |workshop| workshop.with_people(&text, &all));
    let text = match work.await.and_then(|text| text) {
        Ok(text) => text,
        Err(words) => {
            return page(&viewer, &bench, &draft, &unit, Some(Flash::bad(words))).await;
        }
    };
    let version = form.get("version").parse().unwrap_or(0);
    let kept = bench
        .drafts
        .change(&id, version, &viewer.signature(), now(&desk).0, |draft| {
            draft.edited = true;
            draft.files.insert(DIRECTORY.to_owned(), text);
        });
    match kept {
        Ok(_) => {
            let unit = encoded(&unit);
            see(&format!("/define/draft/{id}/contacts?unit={unit}&saved=1"))
        }
        Err(fault) => unkept(fault),
    }
}
