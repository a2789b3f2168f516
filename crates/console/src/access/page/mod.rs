//! The pages of sign-in and accounts, and what every page shows of its viewer.

pub(crate) mod again;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod sign_in;
pub(crate) mod tokens;
pub(crate) mod trace;
pub(crate) mod users;

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::Response;

use super::accounts::Denied;
use super::right::Right;
use super::store::AccountsFault;
use super::viewer::Viewer;
use crate::answer::style;
use crate::page::answer;
use crate::tongue::Tongue;

/// What the head of a page shows of its viewer: name, further pages, and the way out.
pub(crate) struct Me {
    pub title: String,
    pub roles: String,
    pub form_key: String,
    /// Address and name of pages that the viewer may open.
    pub links: Vec<(&'static str, &'static str)>,
    /// A person, who can sign out; a program cannot.
    pub is_person: bool,
    /// The language of the page.
    pub tongue: Tongue,
}

impl Me {
    /// What is shown of a viewer.
    pub fn of(viewer: &Viewer) -> Me {
        let pages = [
            (Right::SeeNotices, "/notices", "通知"),
            (Right::SeeNotices, "/incidents", "异常"),
            (Right::ActForOffice, "/silences", "静默"),
            (Right::EditDefinitions, "/define", "台账与名录"),
            (Right::ManageUsers, "/users", "用户"),
            (Right::ManageUsers, "/tokens", "令牌"),
            (Right::Audit, "/audit", "审计"),
            (Right::SeeAccess, "/access", "登录记录"),
        ];
        let may = |(right, address, name)| viewer.may(right).then_some((address, name));
        let roles: Vec<&str> = viewer.roles().iter().map(|role| role.chinese()).collect();
        Me {
            title: viewer.title().to_owned(),
            roles: roles.join("、"),
            form_key: viewer.form_key().to_owned(),
            links: pages.into_iter().filter_map(may).collect(),
            is_person: !viewer.form_key().is_empty(),
            tongue: Tongue::Chinese,
        }
    }

    /// The same in a language.
    pub fn in_tongue(viewer: &Viewer, tongue: Tongue) -> Me {
        let me = Me::of(viewer);
        let roles = viewer.roles().iter().map(|role| tongue.say(role.chinese()));
        Me {
            roles: roles.collect::<Vec<_>>().join(tongue.pick("、", ", ")),
            tongue,
            ..me
        }
    }
}

/// A line above everything else: its class, its heading, its text.
pub(crate) struct Flash {
    pub class: &'static str,
    pub heading: &'static str,
    pub text: String,
}

impl Flash {
    pub(crate) fn bad(text: impl Into<String>) -> Flash {
        Flash {
            class: "bad",
            heading: "没有完成",
            text: text.into(),
        }
    }

    pub(crate) fn good(text: impl Into<String>) -> Flash {
        Flash {
            class: "good",
            heading: "已完成",
            text: text.into(),
        }
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    style: String,
    heading: &'static str,
    what: String,
}

/// A page that says no.
pub(crate) fn refused(status: StatusCode, heading: &'static str, what: &str) -> Response {
    let page = RefusedPage {
        style: style(),
        heading,
        what: what.to_owned(),
    };
    answer(status, &page)
}

/// Signed in, and not allowed.
pub(crate) fn without_right() -> Response {
    refused(
        StatusCode::FORBIDDEN,
        "没有权限",
        "您的角色不能打开这个页面或办理这件事。需要时请联系管理员。",
    )
}

/// The accounts cannot be had: nobody gets in, and the log says what to do.
pub(crate) fn no_accounts(fault: &AccountsFault) -> Response {
    tracing::error!(%fault, "nobody can sign in");
    refused(
        StatusCode::SERVICE_UNAVAILABLE,
        "暂时不能登录",
        "账号文件读不出来。请管理员查看服务的运行日志,其中写明了是哪个文件、怎样处理。催办等其他工作不受影响。",
    )
}

/// What was asked for cannot be done; of what only says why, the words.
#[expect(
    clippy::result_large_err,
    reason = "the answer is given at once, and goes no further"
)]
fn words_of(denied: Denied) -> Result<String, Response> {
    match denied {
        Denied::Words(words) => Ok(words),
        denied @ Denied::TooMany(_) => Ok(denied.to_string()),
        Denied::Fault(fault) => Err(no_accounts(&fault)),
    }
}

/// As a page that may be asked again in so many seconds.
fn retry_after(mut response: Response, seconds: u64) -> Response {
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}
