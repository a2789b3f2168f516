//! Choosing a password: by a link that an administrator gave (`/welcome/…`), or another one of one's
//! own (`/me/password`).

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::Access;
use super::super::account::PASSWORD_CHARACTERS;
use super::super::accounts::Denied;
use super::super::form::Form;
use super::super::guard::{Acting, give_open_key, give_session, open_key, see_other};
use super::super::viewer::Viewer;
use super::{no_accounts, refused, retry_after, words_of};
use crate::answer::style;
use crate::page::answer;
use crate::serve::Desk;

#[derive(Template)]
#[template(path = "access/password.html")]
struct PasswordPage {
    style: String,
    form_key: String,
    action: String,
    heading: &'static str,
    name: String,
    title: String,
    /// The old one is asked for.
    old: bool,
    /// Nothing else is open before it was changed.
    must: bool,
    fault: String,
    least: usize,
    most: usize,
}

fn filled(name: &str, title: &str, fault: String) -> PasswordPage {
    PasswordPage {
        style: style(),
        form_key: String::new(),
        action: String::new(),
        heading: "设置密码",
        name: name.to_owned(),
        title: title.to_owned(),
        old: false,
        must: false,
        fault,
        least: *PASSWORD_CHARACTERS.start(),
        most: *PASSWORD_CHARACTERS.end(),
    }
}

fn over() -> Response {
    refused(
        StatusCode::NOT_FOUND,
        "链接无效",
        "这个链接已经用过、已过期(24小时)或不完整。请向管理员要一个新的。",
    )
}

fn status_of(fault: &str) -> StatusCode {
    if fault.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    }
}

fn welcome(access: &Access, headers: &HeaderMap, code: &str, fault: String) -> Response {
    let (name, title) = match access.accounts.invited(code) {
        Ok(Some(known)) => known,
        Ok(None) => return over(),
        Err(fault) => return no_accounts(&fault),
    };
    let (form_key, held) = open_key(access, headers);
    let status = status_of(&fault);
    let page = PasswordPage {
        form_key,
        action: format!("/welcome/{code}"),
        ..filled(&name, &title, fault)
    };
    let mut response = answer(status, &page);
    give_open_key(access, &mut response, held);
    response
}

/// `GET /welcome/{code}`
pub(crate) async fn show_welcome(
    State(desk): State<Arc<Desk>>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Response {
    match &desk.state.access {
        Some(access) => welcome(access, &headers, &code, String::new()),
        None => over(),
    }
}

/// The new password of a form, typed twice alike.
fn chosen(form: &Form) -> Result<String, String> {
    let (new, again) = (form.get("password"), form.get("password-again"));
    if new == again {
        Ok(new.to_owned())
    } else {
        Err("两次输入的密码不一样".to_owned())
    }
}

/// `POST /welcome/{code}`
pub(crate) async fn take_welcome(
    State(desk): State<Arc<Desk>>,
    Path(code): Path<String>,
    headers: HeaderMap,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return over();
    };
    let password = match chosen(&form) {
        Ok(password) => password,
        Err(fault) => return welcome(access, &headers, &code, fault),
    };
    match access.accounts.choose(by, code.clone(), password).await {
        Ok(session) => {
            let mut response = see_other("/");
            give_session(access, &mut response, &session);
            response
        }
        Err(denied) => match words_of(denied) {
            Ok(words) => welcome(access, &headers, &code, words),
            Err(response) => response,
        },
    }
}

fn own(viewer: &Viewer, fault: String) -> Response {
    let status = status_of(&fault);
    let page = PasswordPage {
        form_key: viewer.form_key().to_owned(),
        action: "/me/password".to_owned(),
        heading: "修改密码",
        old: true,
        must: viewer.must_change(),
        ..filled(viewer.name(), viewer.title(), fault)
    };
    answer(status, &page)
}

/// `GET /me/password`
pub(crate) async fn show_own(viewer: Viewer) -> Response {
    own(&viewer, String::new())
}

/// `POST /me/password`
pub(crate) async fn take_own(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return over();
    };
    let new = match chosen(&form) {
        Ok(new) => new,
        Err(fault) => return own(&viewer, fault),
    };
    let old = form.get("password-now").to_owned();
    match access.accounts.change_password(by, old, new).await {
        Ok(session) => {
            let mut response = see_other("/me?done=password");
            give_session(access, &mut response, &session);
            response
        }
        Err(Denied::TooMany(seconds)) => {
            let words = Denied::TooMany(seconds).to_string();
            retry_after(own(&viewer, words), seconds)
        }
        Err(denied) => match words_of(denied) {
            Ok(words) => own(&viewer, words),
            Err(response) => response,
        },
    }
}
