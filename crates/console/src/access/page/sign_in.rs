//! `/sign-in`, `/sign-out`, and the links of a demo.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::super::accounts::Denied;
use super::super::form::Form;
use super::super::guard::{Acting, give_open_key, give_session, open_key, see_other, take_session};
use super::super::viewer::{Maybe, Via, Viewer};
use super::super::{Access, local};
use super::again::{self, Again};
use super::{no_accounts, refused, retry_after, words_of};
use crate::answer::style;
use crate::page::address::encoded;
use crate::page::answer;
use crate::serve::Desk;

/// Where one signs in and then goes on.
pub(crate) fn address(next: &str) -> String {
    if next == "/" {
        "/sign-in".to_owned()
    } else {
        format!("/sign-in?next={}", encoded(next))
    }
}

/// What the page shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub next: String,
    pub again: Option<Again>,
    /// The session was over.
    pub over: bool,
    pub name: String,
    pub fault: String,
}

#[derive(Template)]
#[template(path = "access/sign_in.html")]
struct SignIn<'a> {
    style: String,
    form_key: String,
    shown: &'a Shown,
    /// Nobody has an account yet.
    first: bool,
    /// The data folder's command that makes the first administrator.
    command: String,
    /// Accounts of a demo: name, title, role.
    people: Vec<(String, String, String)>,
}

/// The page.
pub(crate) fn page(
    access: &Access,
    headers: &HeaderMap,
    status: StatusCode,
    shown: &Shown,
) -> Response {
    let users = match access.accounts.book() {
        Ok(book) => book.users,
        Err(fault) => return no_accounts(&fault),
    };
    let (form_key, held) = open_key(access, headers);
    let data = access
        .accounts
        .dir()
        .parent()
        .and_then(std::path::Path::parent);
    let data = data.map_or_else(String::new, |data| data.display().to_string());
    let page = SignIn {
        style: style(),
        form_key,
        shown,
        first: users.is_empty(),
        command: format!("duban user invite --admin 登录名 --data {data}"),
        people: access
            .demo_people()
            .into_iter()
            .map(|(name, title, roles)| {
                let roles: Vec<&str> = roles.iter().map(|role| role.chinese()).collect();
                (name, title, roles.join("、"))
            })
            .collect(),
    };
    let mut response = answer(status, &page);
    give_open_key(access, &mut response, held);
    response
}

/// What the address says after `?`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    next: String,
}

fn closed() -> Response {
    refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "没有账号",
        "这个进程没有账号目录,不能登录。",
    )
}

/// `GET /sign-in`
pub(crate) async fn show(
    State(desk): State<Arc<Desk>>,
    Maybe(viewer): Maybe,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(access) = &desk.state.access else {
        return closed();
    };
    let next = local(&asked.next).to_owned();
    if viewer.is_some() {
        return see_other(&next);
    }
    let shown = Shown {
        next,
        ..Shown::default()
    };
    page(access, &headers, StatusCode::OK, &shown)
}

/// `POST /sign-in`
pub(crate) async fn take(
    State(desk): State<Arc<Desk>>,
    headers: HeaderMap,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return closed();
    };
    let signed_in = access
        .accounts
        .sign_in(by, form.get("name"), form.get("password").to_owned());
    match signed_in.await {
        Ok(session) => go_on(access, &form, &session),
        Err(denied) => {
            let seconds = match denied {
                Denied::TooMany(seconds) => Some(seconds),
                Denied::Words(_) | Denied::Fault(_) => None,
            };
            let fault = match words_of(denied) {
                Ok(words) => words,
                Err(response) => return response,
            };
            let again = !form.get("again").is_empty();
            let shown = Shown {
                next: local(form.get("next")).to_owned(),
                again: again.then(|| Again {
                    path: local(form.get("again")).to_owned(),
                    fields: form.get("fields").to_owned(),
                }),
                over: false,
                name: form.get("name").to_owned(),
                fault,
            };
            let page = page(access, &headers, StatusCode::UNPROCESSABLE_ENTITY, &shown);
            match seconds {
                Some(seconds) => retry_after(page, seconds),
                None => page,
            }
        }
    }
}

/// Where one goes who has just signed in: to the form that was under way, or to the page asked for.
fn go_on(access: &Access, form: &Form, session: &str) -> Response {
    let mut response = if form.get("again").is_empty() {
        see_other(local(form.get("next")))
    } else {
        let again = Again {
            path: local(form.get("again")).to_owned(),
            fields: form.get("fields").to_owned(),
        };
        again::page(&again, session)
    };
    give_session(access, &mut response, session);
    response
}

/// `POST /sign-in/demo`
pub(crate) async fn choose_role(
    State(desk): State<Arc<Desk>>,
    Acting(by): Acting,
    form: Form,
) -> Response {
    enter(&desk, by, form.get("name").to_owned(), &form).await
}

/// `GET /sign-in/link/{code}`
pub(crate) async fn by_link(
    State(desk): State<Arc<Desk>>,
    Path(code): Path<String>,
    Acting(by): Acting,
) -> Response {
    let name = desk
        .state
        .access
        .as_ref()
        .and_then(|access| access.take_demo_link(&code));
    match name {
        Some(name) => enter(&desk, by, name, &Form::default()).await,
        None => refused(
            StatusCode::NOT_FOUND,
            "链接已用过",
            "演示的链接只能用一次。请打开首页,选择一个角色进入。",
        ),
    }
}

async fn enter(desk: &Desk, by: super::super::By, name: String, form: &Form) -> Response {
    let Some(access) = &desk.state.access else {
        return closed();
    };
    match access.enter_demo(by, name).await {
        Ok(session) => go_on(access, form, &session),
        Err(denied) => match words_of(denied) {
            Ok(words) => refused(StatusCode::NOT_FOUND, "没有找到", &words),
            Err(response) => response,
        },
    }
}

/// `POST /sign-out`
pub(crate) async fn sign_out(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Acting(by): Acting,
) -> Response {
    let Some(access) = &desk.state.access else {
        return closed();
    };
    if let Via::Session { digest, .. } = viewer.via() {
        let (id, name) = (digest.clone(), viewer.name().to_owned());
        let ended = access
            .accounts
            .off(move |accounts| accounts.end_sessions(&by, &name, Some(&id)));
        // One that is over already is over.
        if let Err(Denied::Fault(fault)) = ended.await {
            return no_accounts(&fault);
        }
    }
    let mut response = see_other("/sign-in");
    take_session(access, &mut response);
    response
}
