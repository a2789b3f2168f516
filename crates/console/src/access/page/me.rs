//! `/me`: one's own account, sessions and calendar addresses.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use duban_model::{Timestamp, Zone};
use serde::Deserialize;

use super::super::Access;
use super::super::account::{FEEDS_PER_USER, Session, TITLE_CHARACTERS, TOKEN_PREFIX, User};
use super::super::accounts::{Accounts, Denied};
use super::super::form::Form;
use super::super::guard::{Acting, see_other};
use super::super::store::Book;
use super::super::viewer::{Via, Viewer};
use super::{Flash, Me, no_accounts, refused, words_of};
use crate::answer::style;
use crate::page::answer;
use crate::projection::minute;
use crate::serve::Desk;
use crate::tongue::{Asker, Tongue};

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

/// One calendar address in the list: never what it is.
struct FeedLine {
    id: String,
    name: String,
    made: String,
    until: String,
}

/// The calendar addresses of a person that hold, the oldest first.
fn feeds(book: &Book, name: &str, now: Timestamp, zone: Zone) -> Vec<FeedLine> {
    let own = |(_, token): &(&String, &super::super::account::Token)| {
        token.owner == name && token.until > now
    };
    let mut list: Vec<_> = book.tokens.iter().filter(own).collect();
    list.sort_by_key(|(_, token)| token.made);
    let line = |(id, token): (&String, &super::super::account::Token)| FeedLine {
        id: format!("{TOKEN_PREFIX}{id}"),
        name: token.name.clone(),
        made: minute(token.made, zone),
        until: minute(token.until, zone),
    };
    list.into_iter().map(line).collect()
}

#[derive(Template)]
#[template(path = "access/me.html")]
struct MePage {
    style: String,
    tongue: Tongue,
    /// The same page in the other language.
    switch: String,
    feeds: Vec<FeedLine>,
    /// There are as many as there may be.
    full: bool,
    /// The address that was just made; shown once.
    address: Option<String>,
    label: String,
    label_most: usize,
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
    asker: Asker,
    Query(asked): Query<Asked>,
) -> Response {
    let say = |words| Some(Flash::good(asker.tongue.say(words)));
    let flash = match asked.done.as_str() {
        "password" => say("密码已经修改,其他地方的登录都已结束。"),
        "ended" => say("登录已经结束。"),
        "feed-ended" => say("日历地址已停用,用它的日历立即不能再读取。"),
        _ => None,
    };
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let shown = Shown {
        flash,
        ..Shown::default()
    };
    page(&desk, access, &viewer, &asker, shown)
}

/// What the page shows beside the account.
#[derive(Default)]
struct Shown {
    flash: Option<Flash>,
    address: Option<String>,
    label: String,
}

fn page(desk: &Desk, access: &Access, viewer: &Viewer, asker: &Asker, shown: Shown) -> Response {
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
    let status = match &shown.flash {
        Some(flash) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let feeds = feeds(&book, viewer.name(), now, zone);
    let page = MePage {
        style: style(),
        tongue: asker.tongue,
        switch: asker.switch(),
        full: feeds.len() >= FEEDS_PER_USER,
        feeds,
        address: shown.address,
        label: shown.label,
        label_most: TITLE_CHARACTERS,
        me: Me::of(viewer),
        flash: shown.flash,
        name: viewer.name().to_owned(),
        demo: user.is_some_and(|user| user.demo),
        units: user.map_or_else(String::new, |user| unit_names(desk, user)),
        tenant: viewer.tenant().to_owned(),
        sessions: sessions(&book, viewer.name(), now, zone, own),
    };
    answer(status, &page)
}

/// `POST /me/calendar`: makes an address for one's own calendar, or ends one.
pub(crate) async fn calendar(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Acting(by): Acting,
    asker: Asker,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    if viewer.must_change() {
        return see_other("/me/password");
    }
    let owner = viewer.name().to_owned();
    let asker = Asker {
        here: "/me".to_owned(),
        ..asker
    };
    let label = form.get("name").trim().to_owned();
    let done = if form.get("act") == "end" {
        let id = form.get("id").to_owned();
        let end = move |accounts: Accounts| accounts.end_feed(&by, &owner, &id);
        access.accounts.off(end).await.map(|()| None)
    } else {
        let name = label.clone();
        let make = move |accounts: Accounts| accounts.make_feed(&by, &owner, &name);
        access.accounts.off(make).await.map(Some)
    };
    let shown = match done {
        Ok(None) => return see_other("/me?done=feed-ended"),
        Ok(Some(secret)) => Shown {
            address: Some(access.whole(&format!("/calendar/{secret}.ics"), &headers)),
            ..Shown::default()
        },
        Err(denied) => match words_of(denied) {
            Ok(words) => Shown {
                flash: Some(Flash::bad(asker.tongue.say(&words))),
                label,
                ..Shown::default()
            },
            Err(response) => return response,
        },
    };
    page(&desk, access, &viewer, &asker, shown)
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
