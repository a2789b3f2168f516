//! `/me`: one's own account and sessions.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use duban_model::{Timestamp, Zone};
use serde::Deserialize;

use super::super::account::{Session, User};
use super::super::accounts::Denied;
use super::super::form::Form;
use super::super::guard::{Acting, see_other};
use super::super::store::Book;
use super::super::viewer::{Via, Viewer};
use super::{Flash, Me, no_accounts, refused, words_of};
use crate::answer::style;
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;

/// So many digits of a session's digest tell it apart.
const ID_DIGITS: usize = 16;

/// One sign-in in a list.
pub(super) struct Line {
    pub id: String,
    pub begun: String,
    pub used: String,
    pub from: String,
    pub browser: String,
    /// The one by which the page is asked for.
    pub own: bool,
}

/// The sign-ins of a user that go on, the newest first.
pub(super) fn sessions(
    book: &Book,
    name: &str,
    now: Timestamp,
    zone: Zone,
    own: &str,
) -> Vec<Line> {
    let of = |(_, session): &(&String, &Session)| {
        session.user == name && session.holds(&book.users, now)
    };
    let mut list: Vec<_> = book.sessions.iter().filter(of).collect();
    list.sort_by_key(|(_, session)| std::cmp::Reverse(session.begun));
    let line = |(id, session): (&String, &Session)| Line {
        id: id.chars().take(ID_DIGITS).collect(),
        begun: minute(session.begun, zone),
        used: minute(session.used, zone),
        from: session.from.clone(),
        browser: browser(&session.browser),
        own: id == own,
    };
    list.into_iter().map(line).collect()
}

/// What people call a browser.
fn browser(text: &str) -> String {
    let known = [
        ("MicroMessenger", "微信"),
        ("DingTalk", "钉钉"),
        ("Edg/", "Edge"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ];
    let systems = [
        ("Windows", "Windows"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("Mac OS X", "Mac"),
        ("Linux", "Linux"),
    ];
    let find = |list: &[(&str, &'static str)]| {
        let found = list.iter().find(|(sign, _)| text.contains(sign));
        found.map(|(_, name)| *name)
    };
    match (find(&known), find(&systems)) {
        (Some(browser), Some(system)) => format!("{browser}({system})"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => text.chars().take(40).collect(),
    }
}

/// Units by the names that people know; those that the directory does not know by their id.
pub(super) fn unit_names(desk: &Desk, user: &User) -> String {
    let projection = desk.state.read();
    let name = |unit: &String| projection.units().short(&user.tenant, unit).to_owned();
    let names: Vec<String> = user.units.iter().map(name).collect();
    names.join("、")
}

#[derive(Template)]
#[template(path = "access/me.html")]
struct MePage {
    style: String,
    me: Me,
    flash: Option<Flash>,
    name: String,
    /// Of a demo: there is no password.
    demo: bool,
    units: String,
    tenant: String,
    sessions: Vec<Line>,
}

/// What the address says after `?`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    done: String,
}

/// `GET /me`
pub(crate) async fn show(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Response {
    let flash = match asked.done.as_str() {
        "password" => Some(Flash::good("密码已经修改,其他地方的登录都已结束。")),
        "ended" => Some(Flash::good("登录已经结束。")),
        _ => None,
    };
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let book = match access.accounts.book() {
        Ok(book) => book,
        Err(fault) => return no_accounts(&fault),
    };
    let own = match viewer.via() {
        Via::Session { digest, .. } => digest.as_str(),
        Via::Token { .. } => "",
    };
    let (now, zone) = (access.accounts.now(), access.accounts.zone());
    let user = book.users.get(viewer.name());
    let page = MePage {
        style: style(),
        me: Me::of(&viewer),
        flash,
        name: viewer.name().to_owned(),
        demo: user.is_some_and(|user| user.demo),
        units: user.map_or_else(String::new, |user| unit_names(&desk, user)),
        tenant: viewer.tenant().to_owned(),
        sessions: sessions(&book, viewer.name(), now, zone, own),
    };
    answer(StatusCode::OK, &page)
}

/// `POST /me/sessions`: ends one of one's own sessions.
pub(crate) async fn end(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let (id, name) = (form.get("id").to_owned(), viewer.name().to_owned());
    if id.len() != ID_DIGITS {
        return refused(
            StatusCode::BAD_REQUEST,
            "没有受理",
            "没有说明结束哪个登录。",
        );
    }
    let ended = access
        .accounts
        .off(move |accounts| accounts.end_sessions(&by, &name, Some(&id)));
    match ended.await {
        Ok(_) | Err(Denied::Words(_)) => see_other("/me?done=ended"),
        Err(denied) => match words_of(denied) {
            Ok(words) => refused(StatusCode::BAD_REQUEST, "没有受理", &words),
            Err(response) => response,
        },
    }
}
