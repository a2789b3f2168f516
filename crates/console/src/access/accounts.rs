//! What can be done with accounts by who looks after them: inviting, changing, disabling. The pages
//! and the commands `duban user` and `duban token` do all of it through here.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duban_model::{Timestamp, Zone};

use super::account::{INVITE_MILLIS, Invite, MAX_USERS, User, fault_of_name, fault_of_title};
use super::lockout::Lockout;
use super::right::Role;
use super::secret::{Hasher, digest, secret};
use super::sessions::tidy;
use super::store::{AccountsFault, Book, Store};
use super::trace::{Trace, Traces};

/// Where the pages are, beside the accounts.
const URL_FILE: &str = "url";

/// The wall clock; sessions go by it also where the log's clock is a virtual one.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why something was not done.
#[derive(Debug)]
pub enum Denied {
    /// In words for whom asked.
    Words(String),
    /// Too many attempts; another one is taken in so many seconds.
    TooMany(u64),
    /// The accounts cannot be had.
    Fault(AccountsFault),
}

impl From<AccountsFault> for Denied {
    fn from(fault: AccountsFault) -> Denied {
        Denied::Fault(fault)
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Denied::Words(words) => f.write_str(words),
            Denied::TooMany(seconds) => {
                write!(f, "尝试次数过多,请{}分钟后再试", seconds.div_ceil(60))
            }
            Denied::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Denied {}

pub(super) fn words<T>(text: impl Into<String>) -> Result<T, Denied> {
    Err(Denied::Words(text.into()))
}

/// Who does something to accounts, and from where.
#[derive(Clone, Debug, Default)]
pub struct By {
    /// The name to sign in with, or which command.
    pub who: String,
    /// From which address; nothing for a command.
    pub address: Option<IpAddr>,
    /// What the browser calls itself.
    pub browser: String,
}

impl By {
    /// A command on this machine.
    pub fn command(which: &str) -> By {
        By {
            who: format!("duban {which}"),
            ..By::default()
        }
    }

    pub(super) fn from(&self) -> String {
        self.address
            .map_or_else(|| "本机命令".to_owned(), |address| address.to_string())
    }
}

/// A user as an administrator describes one.
#[derive(Clone, Debug, Default)]
pub struct Described {
    /// How pages call the person.
    pub title: String,
    /// The office; empty for all of the installation.
    pub tenant: String,
    /// What the person is.
    pub roles: BTreeSet<Role>,
    /// The units of a contact or head.
    pub units: BTreeSet<String>,
}

/// The accounts of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Accounts(pub(super) Arc<Inner>);

pub(super) struct Inner {
    store: Store,
    traces: Traces,
    now: Now,
    zone: Zone,
    pub(super) hasher: Hasher,
    pub(super) lockout: Lockout,
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accounts")
            .field(&self.0.store.dir())
            .finish()
    }
}

impl Accounts {
    /// The accounts in a data folder, which need not be there yet.
    pub fn new(data: &Path, now: Now, zone: Zone) -> Accounts {
        let dir: PathBuf = data.join("console").join("accounts");
        Accounts(Arc::new(Inner {
            traces: Traces::new(&dir),
            store: Store::new(dir),
            now,
            zone,
            hasher: Hasher::default(),
            lockout: Lockout::default(),
        }))
    }

    /// Their folder.
    pub fn dir(&self) -> &Path {
        self.0.store.dir()
    }

    /// Where people reach the pages, as the last process that served them said; for the links that
    /// commands print.
    pub fn url(&self) -> Option<String> {
        let kept = self.0.store.plain(URL_FILE)?;
        let url = kept.trim().trim_end_matches('/').to_owned();
        Some(url).filter(|url| !url.is_empty())
    }

    /// Remembers where people reach the pages.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn served_at(&self, url: &str) -> Result<(), AccountsFault> {
        self.0.store.put_plain(URL_FILE, url)
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        (self.0.now)()
    }

    /// Times are shown in this zone.
    pub fn zone(&self) -> Zone {
        self.0.zone
    }

    /// All that is kept.
    ///
    /// # Errors
    /// If a file is damaged or cannot be read.
    pub fn book(&self) -> Result<Book, AccountsFault> {
        self.0.store.read()
    }

    /// The last lines of the record of accounts, the newest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn traces(&self) -> Result<Vec<Trace>, AccountsFault> {
        let file = self.dir().to_owned();
        let fault = |fault| AccountsFault::Disk { file, fault };
        self.0.traces.last().map_err(fault)
    }

    fn line(&self, by: &By, what: &str, about: &str, detail: String) -> Trace {
        Trace {
            at: self.now().shown_in(self.0.zone),
            who: by.who.clone(),
            from: by.from(),
            what: what.to_owned(),
            about: about.to_owned(),
            detail,
        }
    }

    /// Writes down what changes nothing, e.g. a failed sign-in. Waits for the disk.
    pub(super) fn note(&self, by: &By, what: &str, about: &str, detail: String) {
        if let Err(fault) = self.0.traces.append(self.line(by, what, about, detail)) {
            tracing::error!(%fault, what, "the record of accounts cannot be written");
        }
    }

    /// Changes accounts. What is done is written down, durably, before it takes effect. Waits for
    /// lock and disk.
    pub(super) fn change<R>(
        &self,
        by: &By,
        change: impl FnOnce(&mut Book) -> Result<(R, Done), Denied>,
    ) -> Result<R, Denied> {
        let now = self.now();
        self.0.store.change(|book| {
            let (result, done) = change(book)?;
            tidy(book, now);
            if let Some((what, about, detail)) = done {
                let appended = self.0.traces.append(self.line(by, what, &about, detail));
                appended.map_err(|fault| AccountsFault::Disk {
                    file: self.dir().to_owned(),
                    fault,
                })?;
            }
            Ok(result)
        })
    }

    /// Makes a user, or a further link for one who is there, and returns the code of the link by
    /// which that person chooses a password.
    ///
    /// # Errors
    /// If the description is not one, or there are too many users.
    pub fn invite(
        &self,
        by: &By,
        name: &str,
        described: Option<&Described>,
    ) -> Result<String, Denied> {
        if let Some(fault) = fault_of_name(name) {
            return words(fault);
        }
        let now = self.now();
        let code = secret();
        let invite = Invite {
            digest: digest("invite", &code),
            until: now.plus_millis(INVITE_MILLIS),
        };
        self.change(by, |book| {
            let users = Arc::make_mut(&mut book.users);
            let what = match (users.get_mut(name), described) {
                (Some(_), Some(_)) => return words(format!("已有用户“{name}”")),
                (None, None) => return words(format!("没有用户“{name}”")),
                (Some(user), None) => {
                    user.invite = Some(invite);
                    "link-made"
                }
                (None, Some(described)) => {
                    if users.len() >= MAX_USERS {
                        return words(format!("已有{MAX_USERS}个用户,不能再增加"));
                    }
                    check(described)?;
                    let user = User {
                        title: described.title.clone(),
                        tenant: described.tenant.clone(),
                        roles: described.roles.clone(),
                        units: described.units.clone(),
                        disabled: false,
                        must_change: false,
                        demo: false,
                        made: now,
                        password: None,
                        invite: Some(invite),
                        epoch: 0,
                    };
                    users.insert(name.to_owned(), user);
                    "user-invited"
                }
            };
            let detail = described.map(shown).unwrap_or_default();
            Ok((code, Some((what, name.to_owned(), detail))))
        })
    }

    /// Changes title, roles and units of a user; sessions end if rights change.
    ///
    /// # Errors
    /// If there is no such user, or it is the last administrator.
    pub fn describe(&self, by: &By, name: &str, described: &Described) -> Result<(), Denied> {
        check(described)?;
        self.change(by, |book| {
            let managed = is_managed(book);
            let user = user_mut(book, name)?;
            let same_rights = user.roles == described.roles
                && user.units == described.units
                && user.tenant == described.tenant;
            user.title.clone_from(&described.title);
            user.tenant.clone_from(&described.tenant);
            user.roles.clone_from(&described.roles);
            user.units.clone_from(&described.units);
            if !same_rights {
                user.end_sessions();
            }
            still_managed(managed, book)?;
            Ok((
                (),
                Some(("user-changed", name.to_owned(), shown(described))),
            ))
        })
    }

    /// Disables a user, whose sessions end, or lets one in again.
    ///
    /// # Errors
    /// If there is no such user, or it is the last administrator.
    pub fn disable(&self, by: &By, name: &str, disabled: bool) -> Result<(), Denied> {
        self.change(by, |book| {
            let managed = is_managed(book);
            let user = user_mut(book, name)?;
            user.disabled = disabled;
            user.invite = user.invite.take().filter(|_| !disabled);
            user.end_sessions();
            still_managed(managed, book)?;
            let what = if disabled {
                "user-disabled"
            } else {
                "user-enabled"
            };
            Ok(((), Some((what, name.to_owned(), String::new()))))
        })
    }

    /// Lets a user do nothing before another password was chosen.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn require_change(&self, by: &By, name: &str) -> Result<(), Denied> {
        self.change(by, |book| {
            user_mut(book, name)?.must_change = true;
            Ok(((), Some(("must-change", name.to_owned(), String::new()))))
        })
    }

    /// Does what waits for the disk on a thread of its own.
    pub(super) async fn off<R: Send + 'static>(
        &self,
        work: impl FnOnce(Accounts) -> Result<R, Denied> + Send + 'static,
    ) -> Result<R, Denied> {
        let accounts = self.clone();
        match tokio::task::spawn_blocking(move || work(accounts)).await {
            Ok(done) => done,
            Err(fault) => std::panic::resume_unwind(fault.into_panic()),
        }
    }
}

/// What was done, about whom, and more; nothing for what is not worth a line.
pub(super) type Done = Option<(&'static str, String, String)>;

pub(super) fn user_mut<'b>(book: &'b mut Book, name: &str) -> Result<&'b mut User, Denied> {
    let users = Arc::make_mut(&mut book.users);
    match users.get_mut(name) {
        Some(user) => Ok(user),
        None => words(format!("没有用户“{name}”")),
    }
}

/// Whether somebody can let others in.
fn is_managed(book: &Book) -> bool {
    let manages = |user: &User| !user.disabled && user.roles.contains(&Role::Administrator);
    book.users.values().any(manages)
}

/// Refuses to leave an installation without anybody who can let others in.
fn still_managed(before: bool, book: &Book) -> Result<(), Denied> {
    if before && !is_managed(book) {
        return words("这是最后一个管理员:请先让另一个人成为管理员");
    }
    Ok(())
}

fn check(described: &Described) -> Result<(), Denied> {
    if let Some(fault) = fault_of_title(&described.title) {
        return words(fault);
    }
    if described.roles.is_empty() {
        return words("没有选择角色");
    }
    let of_units = described.roles.iter().any(|role| role.is_of_units());
    if of_units && described.units.is_empty() {
        return words("联络员和单位负责人须属于至少一个单位");
    }
    if of_units && described.tenant.is_empty() {
        return words("联络员和单位负责人须属于一个主管部门(tenant)");
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    let ids = described.units.iter().chain([&described.tenant]);
    if described.units.len() > super::account::UNITS_PER_USER
        || ids.clone().any(|id| id.len() > 100 || id.contains(odd))
    {
        return words("单位编号不对:应如 city-spj,多个用逗号分开");
    }
    Ok(())
}

fn shown(described: &Described) -> String {
    let roles: Vec<&str> = described.roles.iter().map(|role| role.chinese()).collect();
    let units: Vec<&str> = described.units.iter().map(String::as_str).collect();
    let mut text = roles.join("、");
    if !units.is_empty() {
        text = format!("{text}:{}", units.join("、"));
    }
    if !described.tenant.is_empty() {
        text = format!("{text}({})", described.tenant);
    }
    text
}
