//! A form that was half filled when the session ended: it goes through the sign-in, is shown again,
//! and is sent only by the hand of who filled it in.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::form::{KEY_FIELD, fields};
use super::super::secret::digest;
use crate::answer::style;
use crate::page::answer;

/// Such a form.
#[derive(Clone, Debug, Default)]
pub(crate) struct Again {
    /// Where it was sent.
    pub path: String,
    /// Its fields, urlencoded.
    pub fields: String,
}

#[derive(Template)]
#[template(path = "access/again.html")]
struct AgainPage {
    style: String,
    path: String,
    form_key: String,
    /// Every field, with the name that people know; nothing for what they never saw.
    fields: Vec<(String, String, Option<&'static str>)>,
}

/// What the fields of our forms are called.
fn called(name: &str) -> Option<&'static str> {
    Some(match name {
        "title" => "称呼",
        "roles" => "角色",
        "units" => "单位",
        "tenant" => "主管部门",
        "name" => "名称",
        "scopes" => "权限",
        "days" => "有效期(天)",
        "links" => "佐证网址",
        "said" => "办理情况",
        "due" => "日期",
        "reason" => "理由",
        "contact" => "转给",
        "until" => "到这一天为止",
        "text" | "note" => "文字",
        _ => return None,
    })
}

/// The page after the sign-in, for the session that the browser now holds.
pub(crate) fn page(again: &Again, session: &str) -> Response {
    let list = fields(again.fields.as_bytes()).unwrap_or_default();
    let page = AgainPage {
        style: style(),
        path: again.path.clone(),
        form_key: digest("form", session),
        fields: list
            .into_iter()
            .filter(|(name, _)| name != KEY_FIELD)
            .map(|(name, value)| {
                let called = called(&name);
                (name, value, called)
            })
            .collect(),
    };
    answer(StatusCode::OK, &page)
}
