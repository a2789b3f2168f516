//! `/tokens`: by which programs ask, made and ended by administrators.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::Access;
use super::super::account::{TITLE_CHARACTERS, TOKEN_DAYS, TOKEN_PREFIX};
use super::super::accounts::{Accounts, Denied};
use super::super::form::Form;
use super::super::guard::Acting;
use super::super::right::Scope;
use super::super::tokens::Wished;
use super::super::viewer::Viewer;
use super::{Flash, Me, no_accounts, words_of};
use crate::answer::style;
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;

/// How long a token holds unless another span is chosen, in days.
const DAYS: u32 = 365;

/// One token in the list.
struct Row {
    id: String,
    name: String,
    tenant: String,
    units: String,
    scopes: String,
    until: String,
    made: String,
    over: bool,
}

/// The form as filled in.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "one a box of the form")]
struct Filled {
    name: String,
    tenant: String,
    units: String,
    read: bool,
    metrics: bool,
    definitions: bool,
    calendar: bool,
    events: bool,
    types: String,
    days: String,
}

#[derive(Template)]
#[template(path = "access/tokens.html")]
struct TokensPage {
    style: String,
    me: Me,
    flash: Option<Flash>,
    /// The token that was just made; shown once.
    made: Option<String>,
    rows: Vec<Row>,
    filled: Filled,
    name_most: usize,
    days_most: u32,
}

fn page(
    access: &Access,
    viewer: &Viewer,
    flash: Option<Flash>,
    made: Option<String>,
    filled: Filled,
) -> Response {
    let book = match access.accounts.book() {
        Ok(book) => book,
        Err(fault) => return no_accounts(&fault),
    };
    let (now, zone) = (access.accounts.now(), access.accounts.zone());
    let rows = book.tokens.iter().map(|(id, token)| {
        let scopes: Vec<String> = token.scopes.iter().map(ToString::to_string).collect();
        Row {
            id: format!("{TOKEN_PREFIX}{id}"),
            name: match token.owner.as_str() {
                "" => token.name.clone(),
                owner => format!("{}({owner}的日历)", token.name),
            },
            tenant: token.tenant.clone(),
            units: token.units.iter().cloned().collect::<Vec<_>>().join("、"),
            scopes: scopes.join("、"),
            until: minute(token.until, zone),
            made: format!("{} {}", minute(token.made, zone), token.by),
            over: token.until <= now,
        }
    });
    let status = match &flash {
        Some(flash) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let page = TokensPage {
        style: style(),
        me: Me::of(viewer),
        flash,
        made,
        rows: rows.collect(),
        filled,
        name_most: TITLE_CHARACTERS,
        days_most: TOKEN_DAYS,
    };
    answer(status, &page)
}

fn empty() -> Filled {
    Filled {
        days: DAYS.to_string(),
        ..Filled::default()
    }
}

/// `GET /tokens`
pub(crate) async fn show(State(desk): State<Arc<Desk>>, viewer: Viewer) -> Response {
    match &desk.state.access {
        Some(access) => page(access, &viewer, None, None, empty()),
        None => super::without_right(),
    }
}

/// The scopes of a form.
fn scopes(form: &Form) -> Result<Vec<Scope>, Denied> {
    let mut scopes = Vec::new();
    for name in form.all("scopes") {
        let types: Vec<&str> = form.get("types").split_whitespace().collect();
        if name == "events:write" && !types.is_empty() {
            for kind in types {
                scopes.push(Scope::parse(&format!("{name}:{kind}")).ok_or_else(|| {
                    Denied::Words(format!(
                        "没有“{kind}”这种事件;应如 duban.publication.published,每行一种"
                    ))
                })?);
            }
        } else {
            scopes.extend(Scope::parse(name));
        }
    }
    Ok(scopes)
}

/// `POST /tokens`: makes one, or ends one.
pub(crate) async fn take(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    if form.get("act") == "end" {
        let id = form.get("id").to_owned();
        let ended = access
            .accounts
            .off(move |accounts| accounts.end_token(&by, &id));
        return match ended.await {
            Ok(()) => {
                let flash = Flash::good("令牌已停用,使用它的程序立即不能再访问。");
                page(access, &viewer, Some(flash), None, empty())
            }
            Err(denied) => match words_of(denied) {
                Ok(words) => page(access, &viewer, Some(Flash::bad(words)), None, empty()),
                Err(response) => response,
            },
        };
    }
    let made = match scopes(&form) {
        Ok(scopes) => {
            let wished = Wished {
                name: form.get("name").trim().to_owned(),
                tenant: form.get("tenant").trim().to_owned(),
                units: form
                    .get("units")
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
                scopes,
                days: form.get("days").trim().parse().unwrap_or(0),
            };
            let make = move |accounts: Accounts| accounts.make_token(&by, &wished);
            access.accounts.off(make).await
        }
        Err(denied) => Err(denied),
    };
    match made {
        Ok(token) => page(access, &viewer, None, Some(token), empty()),
        Err(denied) => match words_of(denied) {
            Ok(words) => {
                let ticked = |name| form.all("scopes").any(|scope| scope == name);
                let filled = Filled {
                    name: form.get("name").to_owned(),
                    tenant: form.get("tenant").to_owned(),
                    units: form.get("units").to_owned(),
                    read: ticked("read"),
                    metrics: ticked("metrics"),
                    definitions: ticked("definitions"),
                    calendar: ticked("calendar"),
                    events: ticked("events:write"),
                    types: form.get("types").to_owned(),
                    days: form.get("days").to_owned(),
                };
                page(access, &viewer, Some(Flash::bad(words)), None, filled)
            }
            Err(response) => response,
        },
    }
}
