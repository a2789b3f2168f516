//! `/users` and `/users/{name}`: who may sign in, as what; invited, changed and disabled by
//! administrators.

use std::collections::BTreeSet;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::super::Access;
use super::super::account::{NAME_CHARACTERS, TITLE_CHARACTERS, User};
use super::super::accounts::{Accounts, By, Denied, Described};
use super::super::form::Form;
use super::super::guard::Acting;
use super::super::right::Role;
use super::super::viewer::Viewer;
use super::me::{Line, sessions, unit_names};
use super::{Flash, Me, no_accounts, refused, words_of};
use crate::answer::style;
use crate::page::address::encoded;
use crate::page::answer;
use crate::serve::Desk;
use crate::tongue::Tongue;

/// One user in the list.
struct Row {
    name: String,
    title: String,
    address: String,
    roles: String,
    units: String,
    state: &'static str,
    sessions: usize,
}

/// A user's form, as filled in.
struct Filled {
    title: String,
    tenant: String,
    units: String,
    /// Each role, its name, and whether it is ticked.
    roles: Vec<(&'static str, &'static str, bool)>,
}

impl Filled {
    fn of(described: &Described) -> Filled {
        let units: Vec<&str> = described.units.iter().map(String::as_str).collect();
        let ticked = |role: Role| described.roles.contains(&role);
        Filled {
            title: described.title.clone(),
            tenant: described.tenant.clone(),
            units: units.join(","),
            roles: Role::ALL
                .into_iter()
                .map(|role| (role.as_str(), role.chinese(), ticked(role)))
                .collect(),
        }
    }
}

/// The link that was just made, with whom it is for; shown once.
struct Link {
    name: String,
    address: String,
}

#[derive(Template)]
#[template(path = "access/users.html")]
struct UsersPage {
    style: String,
    me: Me,
    flash: Option<Flash>,
    link: Option<Link>,
    rows: Vec<Row>,
    name: String,
    filled: Filled,
    tenants: Vec<String>,
    units: Vec<(String, String)>,
    name_most: usize,
    title_most: usize,
}

/// The offices and units that the directory knows, to choose from.
fn known(desk: &Desk) -> (Vec<String>, Vec<(String, String)>) {
    let projection = desk.state.read();
    let tenants: BTreeSet<&String> = projection.ledgers().iter().map(|l| &l.tenant).collect();
    let units = tenants
        .iter()
        .flat_map(|tenant| projection.units().all(tenant));
    let units = units
        .map(|(id, name)| (id.to_owned(), name.to_owned()))
        .collect();
    (tenants.into_iter().cloned().collect(), units)
}

/// Takes what an administrator filled in.
fn described(form: &Form) -> Described {
    let units = form.get("units");
    let split = |c: char| c == ',' || c == '、' || c == '\u{ff0c}' || c.is_whitespace();
    Described {
        title: form.get("title").trim().to_owned(),
        tenant: form.get("tenant").trim().to_owned(),
        roles: form.all("roles").filter_map(Role::parse).collect(),
        units: units
            .split(split)
            .filter(|unit| !unit.is_empty())
            .map(ToOwned::to_owned)
            .collect(),
    }
}

fn describe(user: &User) -> Described {
    Described {
        title: user.title.clone(),
        tenant: user.tenant.clone(),
        roles: user.roles.clone(),
        units: user.units.clone(),
    }
}

fn list(
    desk: &Desk,
    access: &Access,
    viewer: &Viewer,
    shown: (Option<Flash>, Option<Link>, &str, &Described),
) -> Response {
    let (flash, link, name, filled) = shown;
    let book = match access.accounts.book() {
        Ok(book) => book,
        Err(fault) => return no_accounts(&fault),
    };
    let (now, zone) = (access.accounts.now(), access.accounts.zone());
    let rows = book.users.iter().map(|(name, user)| {
        let roles: Vec<&str> = user.roles.iter().map(|role| role.chinese()).collect();
        Row {
            name: name.clone(),
            title: user.title.clone(),
            address: address(name),
            roles: roles.join("、"),
            units: unit_names(desk, user),
            state: user.state(now),
            sessions: sessions(&book, name, now, zone, "").len(),
        }
    });
    let (tenants, units) = known(desk);
    let status = match &flash {
        Some(flash) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let mut filled = Filled::of(filled);
    // Most installations serve one office.
    if filled.tenant.is_empty() && tenants.len() == 1 {
        filled.tenant.clone_from(&tenants[0]);
    }
    let page = UsersPage {
        style: style(),
        me: Me::of(viewer),
        flash,
        link,
        rows: rows.collect(),
        name: name.to_owned(),
        filled,
        tenants,
        units,
        name_most: NAME_CHARACTERS,
        title_most: TITLE_CHARACTERS,
    };
    answer(status, &page)
}

fn address(name: &str) -> String {
    format!("/users/{}", encoded(name))
}

/// `GET /users`
pub(crate) async fn show(State(desk): State<Arc<Desk>>, viewer: Viewer) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    list(
        &desk,
        access,
        &viewer,
        (None, None, "", &Described::default()),
    )
}

/// `POST /users`: invites somebody.
pub(crate) async fn invite(
    State(desk): State<Arc<Desk>>,
    viewer: Viewer,
    headers: HeaderMap,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let name = form.get("name").trim().to_lowercase();
    let wanted = described(&form);
    let made = {
        let (name, wanted) = (name.clone(), wanted.clone());
        let invite = move |accounts: Accounts| accounts.invite(&by, &name, Some(&wanted));
        access.accounts.off(invite).await
    };
    match made {
        Ok(code) => {
            let link = Link {
                address: access.whole(&format!("/welcome/{code}"), &headers),
                name,
            };
            list(
                &desk,
                access,
                &viewer,
                (None, Some(link), "", &Described::default()),
            )
        }
        Err(denied) => match words_of(denied) {
            Ok(words) => {
                let flash = Some(Flash::bad(words));
                list(&desk, access, &viewer, (flash, None, &name, &wanted))
            }
            Err(response) => response,
        },
    }
}

#[derive(Template)]
#[template(path = "access/user.html")]
struct UserPage {
    style: String,
    tongue: Tongue,
    me: Me,
    flash: Option<Flash>,
    link: Option<Link>,
    here: String,
    name: String,
    title: String,
    state: &'static str,
    disabled: bool,
    demo: bool,
    filled: Filled,
    tenants: Vec<String>,
    units: Vec<(String, String)>,
    sessions: Vec<Line>,
    title_most: usize,
}

fn one(
    desk: &Desk,
    access: &Access,
    viewer: &Viewer,
    name: &str,
    shown: (Option<Flash>, Option<Link>, Option<&Described>),
) -> Response {
    let (flash, link, filled) = shown;
    let book = match access.accounts.book() {
        Ok(book) => book,
        Err(fault) => return no_accounts(&fault),
    };
    let Some(user) = book.users.get(name) else {
        return refused(StatusCode::NOT_FOUND, "没有找到", "没有这个用户。");
    };
    let (now, zone) = (access.accounts.now(), access.accounts.zone());
    let (tenants, units) = known(desk);
    let status = match &flash {
        Some(flash) if flash.class == "bad" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    let page = UserPage {
        style: style(),
        tongue: Tongue::Chinese,
        me: Me::of(viewer),
        flash,
        link,
        here: address(name),
        name: name.to_owned(),
        title: user.title.clone(),
        state: user.state(now),
        disabled: user.disabled,
        demo: user.demo,
        filled: Filled::of(filled.unwrap_or(&describe(user))),
        tenants,
        units,
        sessions: sessions(&book, name, now, zone, ""),
        title_most: TITLE_CHARACTERS,
    };
    answer(status, &page)
}

/// `GET /users/{name}`
pub(crate) async fn show_one(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    viewer: Viewer,
) -> Response {
    match &desk.state.access {
        Some(access) => one(&desk, access, &viewer, &name, (None, None, None)),
        None => super::without_right(),
    }
}

/// What an administrator does to a user. Returns the code of a link, if one was made, and what to say.
fn act(
    accounts: &Accounts,
    by: &By,
    name: &str,
    form: &Form,
) -> Result<(Option<String>, &'static str), Denied> {
    match form.get("act") {
        "describe" => {
            accounts.describe(by, name, &described(form))?;
            Ok((None, "修改已保存;角色或单位有变化时,此人须重新登录。"))
        }
        "link" => Ok((Some(accounts.invite(by, name, None)?), "")),
        "disable" => {
            accounts.disable(by, name, true)?;
            Ok((None, "此人不能再登录,已有的登录都已结束。"))
        }
        "enable" => {
            accounts.disable(by, name, false)?;
            Ok((None, "此人可以用原来的密码登录。"))
        }
        "must-change" => {
            accounts.require_change(by, name)?;
            Ok((None, "此人须先更换密码,才能做别的。"))
        }
        "end-sessions" => {
            accounts.end_sessions(by, name, None)?;
            Ok((None, "此人的登录都已结束。"))
        }
        _ => Err(Denied::Words("没有说明要做什么".to_owned())),
    }
}

/// `POST /users/{name}`
pub(crate) async fn take(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    viewer: Viewer,
    headers: HeaderMap,
    Acting(by): Acting,
    form: Form,
) -> Response {
    let Some(access) = &desk.state.access else {
        return super::without_right();
    };
    let done = {
        let (name, form) = (name.clone(), form.clone());
        let act = move |accounts: Accounts| act(&accounts, &by, &name, &form);
        access.accounts.off(act).await
    };
    match done {
        Ok((Some(code), _)) => {
            let link = Link {
                address: access.whole(&format!("/welcome/{code}"), &headers),
                name: name.clone(),
            };
            one(&desk, access, &viewer, &name, (None, Some(link), None))
        }
        Ok((None, said)) => {
            let flash = Some(Flash::good(said));
            one(&desk, access, &viewer, &name, (flash, None, None))
        }
        Err(denied) => match words_of(denied) {
            Ok(words) => {
                let filled = described(&form);
                let filled = (form.get("act") == "describe").then_some(&filled);
                let flash = Some(Flash::bad(words));
                one(&desk, access, &viewer, &name, (flash, None, filled))
            }
            Err(response) => response,
        },
    }
}
