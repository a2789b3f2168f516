//! `duban user`: who may sign in to the pages. It works on the folder of accounts itself, beside a
//! running server or without one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::PossibleValue;
use clap::{Parser, Subcommand, ValueEnum};
use duban_console::{Accounts, By, Described, Role};
use duban_model::Zone;
use duban_model::definition::Role as Share;
use duban_runtime::clock::wall_now;
use tracing::{error, warn};

use crate::args::{Format, wrong_usage};
use crate::folder::Folder;
use crate::{Ended, Fault, table};

/// Where a server is found that has not said where.
const URL: &str = "http://127.0.0.1:8321";

#[derive(Debug, Parser)]
pub(crate) struct User {
    #[command(subcommand)]
    what: What,
}

/// A role by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoleName(Role);

impl ValueEnum for RoleName {
    fn value_variants<'a>() -> &'a [Self] {
        const ALL: [RoleName; Role::ALL.len()] = {
            let mut all = [RoleName(Role::Office); Role::ALL.len()];
            let mut place = 0;
            while place < all.len() {
                all[place] = RoleName(Role::ALL[place]);
                place += 1;
            }
            all
        };
        &ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.as_str()).help(self.0.chinese()))
    }
}

/// The folder of the console's process.
#[derive(Debug, Parser)]
pub(crate) struct Data {
    /// The data folder of the process that serves the pages.
    #[arg(long, default_value = "./data")]
    pub data: PathBuf,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show who may sign in, as what.
    List(List),
    /// Make a user, or for one who is there (a forgotten password) a new link; prints the link by
    /// which that person chooses a password, once, within 24 hours.
    Invite(Invite),
    /// Let somebody sign in no more; sessions end at once.
    Disable(One),
    /// Let somebody sign in again, with the password of before.
    Enable(One),
    /// Change roles, units or title.
    Roles(Roles),
    /// Show or end somebody's sessions.
    #[command(subcommand)]
    Sessions(Sessions),
}

#[derive(Debug, Parser)]
struct List {
    /// How to print.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Parser)]
struct One {
    /// The name to sign in with.
    name: String,
    #[command(flatten)]
    data: Data,
}

/// What somebody is.
#[derive(Debug, Parser)]
struct Is {
    /// How pages call the person, e.g. `市水务局 张三`.
    #[arg(long)]
    title: Option<String>,
    /// What the person is; may be given several times.
    #[arg(long = "role", value_enum)]
    roles: Vec<RoleName>,
    /// Units of a contact or head, by id; may be given several times.
    #[arg(long = "unit")]
    units: Vec<String>,
    /// The office; without it, all of the installation. A contact or head needs one.
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, Parser)]
struct Invite {
    /// The name to sign in with: small letters, digits and `-_.@`.
    name: String,
    /// An administrator; the same as --role administrator.
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    is: Is,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Parser)]
struct Roles {
    /// The name to sign in with.
    name: String,
    #[command(flatten)]
    is: Is,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Subcommand)]
enum Sessions {
    /// Show them.
    List(One),
    /// End all of them.
    End(One),
}

/// The accounts of a data folder.
pub(crate) fn accounts(data: &Path) -> Accounts {
    Accounts::new(data, Arc::new(wall_now), Zone::SHANGHAI)
}

/// Says at start what an administrator has to know, and remembers where the pages are.
pub(crate) fn told_at_start(data: &Path, url: &str) {
    let accounts = accounts(data);
    match accounts.book() {
        // Reminders must not stand still for a file that only the pages need.
        Err(fault) => error!("nobody can sign in to the pages: {fault}"),
        Ok(book) if book.users.is_empty() => warn!(
            "nobody can sign in to the pages yet: make the first administrator with \
             `duban user invite --admin NAME --data {}`",
            data.display()
        ),
        Ok(_) => {}
    }
    if let Err(fault) = accounts.served_at(url) {
        warn!(%fault, "commands will not know where the pages are");
    }
}

/// `duban user`
pub(crate) fn run(args: User) -> Result<Ended, Fault> {
    match args.what {
        What::List(args) => list(&args),
        What::Invite(args) => invite(args),
        What::Disable(args) => set(&args, true),
        What::Enable(args) => set(&args, false),
        What::Roles(args) => roles(args),
        What::Sessions(Sessions::List(args)) => sessions(&args),
        What::Sessions(Sessions::End(args)) => {
            let ended =
                accounts(&args.data.data).end_sessions(&by("sessions end"), &args.name, None)?;
            crate::say!("已结束{ended}个登录 | {ended} sessions ended");
            Ok(Ended::Well)
        }
    }
}

fn by(which: &str) -> By {
    By::command(&format!("user {which}"))
}

/// Rows in one of the formats of data.
pub(crate) fn print(
    format: Format,
    columns: &[(&str, &str)],
    rows: &[Vec<String>],
) -> Result<(), Fault> {
    let object = |row: &Vec<String>| {
        let fields = columns.iter().zip(row);
        fields
            .map(|((_, name), cell)| ((*name).to_owned(), cell.clone()))
            .collect::<BTreeMap<String, String>>()
    };
    match format {
        Format::Table => {
            let header: Vec<&str> = columns.iter().map(|(shown, _)| *shown).collect();
            table::print(&header, rows);
        }
        Format::Json => {
            let all: Vec<_> = rows.iter().map(object).collect();
            crate::say!("{}", serde_json::to_string_pretty(&all)?);
        }
        Format::Ndjson => {
            for row in rows {
                crate::say!("{}", serde_json::to_string(&object(row))?);
            }
        }
        Format::Csv => {
            let header: Vec<String> = columns.iter().map(|(_, name)| (*name).to_owned()).collect();
            crate::say!("{}", table::csv_line(&header));
            for row in rows {
                crate::say!("{}", table::csv_line(row));
            }
        }
    }
    Ok(())
}

fn joined<T: ToString>(list: impl IntoIterator<Item = T>) -> String {
    let list: Vec<String> = list.into_iter().map(|one| one.to_string()).collect();
    list.join(",")
}

fn list(args: &List) -> Result<Ended, Fault> {
    let accounts = accounts(&args.data.data);
    let (book, now) = (accounts.book()?, accounts.now());
    let rows: Vec<Vec<String>> = book
        .users
        .iter()
        .map(|(name, user)| {
            vec![
                name.clone(),
                user.title.clone(),
                joined(&user.roles),
                joined(&user.units),
                user.tenant.clone(),
                user.state(now).to_owned(),
            ]
        })
        .collect();
    let columns = [
        ("登录名 name", "name"),
        ("称呼 title", "title"),
        ("角色 roles", "roles"),
        ("单位 units", "units"),
        ("主管部门 tenant", "tenant"),
        ("状态 state", "state"),
    ];
    print(args.format, &columns, &rows)?;
    Ok(Ended::Well)
}

fn invite(args: Invite) -> Result<Ended, Fault> {
    let accounts = accounts(&args.data.data);
    let is_there = accounts.book()?.users.contains_key(&args.name);
    let mut roles: BTreeSet<Role> = args.is.roles.iter().map(|role| role.0).collect();
    if args.admin {
        roles.insert(Role::Administrator);
    }
    let says_what = !roles.is_empty() || !args.is.units.is_empty() || args.is.title.is_some();
    let described = match (is_there, says_what) {
        (true, false) => None,
        (true, true) => {
            return Err(format!(
                "there is a user {}: `duban user roles` changes what that person is; without --role, \
                 --unit and --title this makes a new link",
                args.name
            )
            .into());
        }
        (false, _) if roles.is_empty() => {
            wrong_usage("a new user needs --admin or at least one --role");
        }
        (false, _) => Some(Described {
            title: args.is.title.unwrap_or_else(|| args.name.clone()),
            tenant: args.is.tenant.unwrap_or_default(),
            roles,
            units: args.is.units.into_iter().collect(),
        }),
    };
    let code = accounts.invite(&by("invite"), &args.name, described.as_ref())?;
    let url = accounts.url().unwrap_or_else(|| URL.to_owned());
    crate::say!("{url}/welcome/{code}");
    let mut said = std::io::stderr();
    let _ = writeln!(
        said,
        "此链接24小时内有效,只能用一次,由本人打开设置密码 | for {}: valid for 24 hours, once",
        args.name
    );
    Ok(Ended::Well)
}

fn set(args: &One, disabled: bool) -> Result<Ended, Fault> {
    let which = if disabled { "disable" } else { "enable" };
    accounts(&args.data.data).disable(&by(which), &args.name, disabled)?;
    Ok(Ended::Well)
}

fn roles(args: Roles) -> Result<Ended, Fault> {
    let accounts = accounts(&args.data.data);
    let book = accounts.book()?;
    let Some(user) = book.users.get(&args.name) else {
        return Err(format!("没有用户“{}” | no such user", args.name).into());
    };
    let given: BTreeSet<Role> = args.is.roles.iter().map(|role| role.0).collect();
    let described = Described {
        title: args.is.title.unwrap_or_else(|| user.title.clone()),
        tenant: args.is.tenant.unwrap_or_else(|| user.tenant.clone()),
        roles: if given.is_empty() {
            user.roles.clone()
        } else {
            given
        },
        units: if args.is.units.is_empty() {
            user.units.clone()
        } else {
            args.is.units.into_iter().collect()
        },
    };
    accounts.describe(&by("roles"), &args.name, &described)?;
    Ok(Ended::Well)
}

fn sessions(args: &One) -> Result<Ended, Fault> {
    let accounts = accounts(&args.data.data);
    let zone = accounts.zone();
    let rows: Vec<Vec<String>> = accounts
        .sessions_of(&args.name)?
        .into_iter()
        .map(|(_, session)| {
            vec![
                session.begun.shown_in(zone),
                session.used.shown_in(zone),
                session.from,
                session.browser,
            ]
        })
        .collect();
    table::print(
        &["登录 begun", "最近使用 used", "来自 from", "浏览器 browser"],
        &rows,
    );
    Ok(Ended::Well)
}

/// One person for each role of a demo; contact and head are of the unit that owes most.
pub(crate) fn of_demo(folder: &Folder) -> Vec<(&'static str, Described)> {
    let Some(definition) = &folder.definition else {
        return Vec::new();
    };
    let mut owed: BTreeMap<&str, usize> = BTreeMap::new();
    for owner in definition.tasks.iter().flat_map(|task| &task.owners) {
        if owner.role != Share::Support {
            for unit in &owner.units {
                *owed.entry(unit).or_default() += 1;
            }
        }
    }
    let most = owed.into_iter().max_by_key(|(_, count)| *count);
    let unit = most.map_or(definition.office.as_str(), |(unit, _)| unit);
    let directory = folder.directory.as_ref();
    let shown = |unit: &str| directory.map_or_else(|| unit.to_owned(), |d| d.shown(unit));
    let name = shown(unit);
    let person = |role: Role, title: String, tenant: &str, units: &[&str]| Described {
        title,
        tenant: tenant.to_owned(),
        roles: [role].into(),
        units: units.iter().map(|unit| (*unit).to_owned()).collect(),
    };
    let tenant = definition.tenant.as_str();
    vec![
        (
            "demo-office",
            person(Role::Office, shown(&definition.office), tenant, &[]),
        ),
        (
            "demo-contact",
            person(Role::Contact, format!("{name}联络员"), tenant, &[unit]),
        ),
        (
            "demo-head",
            person(Role::Head, format!("{name}负责人"), tenant, &[unit]),
        ),
        (
            "demo-auditor",
            person(Role::Auditor, "演示审计员".to_owned(), tenant, &[]),
        ),
        (
            "demo-admin",
            person(Role::Administrator, "演示管理员".to_owned(), "", &[]),
        ),
    ]
}
