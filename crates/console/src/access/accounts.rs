//! What can be done with accounts: signing in and out, choosing passwords, inviting, changing, ending.
//! The pages and the commands `duban user` and `duban token` do all of it through here.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use duban_model::record::cut;
use duban_model::{Timestamp, Zone};

use super::account::{
    INVITE_MILLIS, Invite, MAX_USERS, NOTED_MILLIS, SESSIONS_PER_USER, Session, TOKEN_PREFIX, User,
    fault_of_name, fault_of_password, fault_of_title,
};
use super::lockout::Lockout;
use super::right::Role;
use super::secret::{Hasher, digest, same, secret};
use super::store::{AccountsFault, Book, Store};
use super::trace::{Trace, Traces};
use super::viewer::{Known, Via, Viewer};

/// The longest that is kept of what a browser calls itself, in bytes.
const BROWSER_BYTES: usize = 200;

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
pub struct Accounts(Arc<Inner>);

struct Inner {
    store: Store,
    traces: Traces,
    now: Now,
    zone: Zone,
    hasher: Hasher,
    lockout: Lockout,
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

    /// Ends all sessions of a user, or the one whose id begins so. Returns how many there were.
    ///
    /// # Errors
    /// If there is no such user or session.
    pub fn end_sessions(&self, by: &By, name: &str, only: Option<&str>) -> Result<usize, Denied> {
        self.change(by, |book| {
            let of = |id: &str, session: &Session| {
                session.user == name && only.is_none_or(|only| id.starts_with(only))
            };
            let before = book.sessions.len();
            Arc::make_mut(&mut book.sessions).retain(|id, session| !of(id, session));
            let ended = before - book.sessions.len();
            match only {
                None => user_mut(book, name)?.end_sessions(),
                Some(_) if ended == 0 => return words("没有这个登录"),
                Some(_) => {}
            }
            let what = if by.who == name && only.is_some() && ended == 1 {
                "signed-out"
            } else {
                "sessions-ended"
            };
            Ok((ended, Some((what, name.to_owned(), format!("{ended}")))))
        })
    }

    /// The sessions of a user that hold, by id.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub fn sessions_of(&self, name: &str) -> Result<Vec<(String, Session)>, AccountsFault> {
        let (book, now) = (self.book()?, self.now());
        let of = book
            .sessions
            .iter()
            .filter(|(_, session)| session.user == name && session.holds(&book.users, now));
        Ok(of
            .map(|(id, session)| (id.clone(), session.clone()))
            .collect())
    }

    /// Whose session a browser holds, if it holds one.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub(super) fn by_cookie(
        &self,
        cookie: &str,
        demo: bool,
    ) -> Result<Option<(Viewer, bool)>, AccountsFault> {
        self.by_session(digest("session", cookie), digest("form", cookie), demo)
    }

    fn by_session(
        &self,
        id: String,
        form_key: String,
        demo: bool,
    ) -> Result<Option<(Viewer, bool)>, AccountsFault> {
        let now = self.now();
        let book = self.book()?;
        let Some(session) = book.sessions.get(&id) else {
            return Ok(None);
        };
        let user = book.users.get(&session.user);
        let Some(user) =
            user.filter(|user| session.holds(&book.users, now) && (demo || !user.demo))
        else {
            return Ok(None);
        };
        let viewer = Viewer::new(Known {
            name: session.user.clone(),
            title: user.title.clone(),
            tenant: user.tenant.clone(),
            roles: user.roles.clone(),
            units: user.units.clone(),
            must_change: user.must_change,
            via: Via::Session {
                form_key,
                digest: id,
            },
        });
        Ok(Some((viewer, now.0 - session.used.0 >= NOTED_MILLIS)))
    }

    /// The viewer as of now; nobody if session or token is over.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub(super) fn still(
        &self,
        viewer: &Viewer,
        demo: bool,
    ) -> Result<Option<Viewer>, AccountsFault> {
        match viewer.via() {
            Via::Session { digest, form_key } => {
                let found = self.by_session(digest.clone(), form_key.clone(), demo)?;
                Ok(found.map(|(viewer, _)| viewer))
            }
            Via::Token { id, .. } => {
                let book = self.book()?;
                let id = id.strip_prefix(TOKEN_PREFIX).unwrap_or(id);
                let holds = book
                    .tokens
                    .get(id)
                    .is_some_and(|known| known.until > self.now());
                Ok(holds.then(|| viewer.clone()))
            }
        }
    }

    /// Writes down that a session is in use. Waits for lock and disk.
    pub(super) fn used(&self, id: &str) -> Result<(), Denied> {
        let now = self.now();
        self.change(&By::default(), |book| {
            // Another request may have ended it, or written it down.
            let due = |session: &Session| now.0 - session.used.0 >= NOTED_MILLIS;
            if book.sessions.get(id).is_some_and(due)
                && let Some(session) = Arc::make_mut(&mut book.sessions).get_mut(id)
            {
                session.used = now;
            }
            Ok(((), None))
        })
    }

    /// What a token stands for, if it is one that holds.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub(super) fn by_token(&self, token: &str) -> Result<Option<Viewer>, AccountsFault> {
        let Some((id, _)) = token
            .strip_prefix(TOKEN_PREFIX)
            .and_then(|rest| rest.split_once('_'))
        else {
            return Ok(None);
        };
        let book = self.book()?;
        let known = book.tokens.get(id).filter(|known| {
            same(&known.digest, &digest("token", token)) && known.until > self.now()
        });
        Ok(known.map(|known| {
            Viewer::new(Known {
                name: known.name.clone(),
                title: known.name.clone(),
                tenant: known.tenant.clone(),
                roles: BTreeSet::new(),
                units: known.units.clone(),
                must_change: false,
                via: Via::Token {
                    id: format!("{TOKEN_PREFIX}{id}"),
                    scopes: known.scopes.clone(),
                },
            })
        }))
    }

    /// Signs somebody in, and returns what the browser is to hold. It tells neither by its words nor
    /// by its time whether the name exists.
    ///
    /// # Errors
    /// If name and password do not fit, or after too many attempts.
    pub(super) async fn sign_in(
        &self,
        mut by: By,
        name: &str,
        password: String,
    ) -> Result<String, Denied> {
        let name = name.trim().to_lowercase();
        by.who.clone_from(&name);
        if let Err(seconds) = self.0.lockout.admit(self.now(), &name, by.address) {
            self.off(move |accounts| {
                accounts.note(&by, "locked-out", "", String::new());
                Ok(())
            })
            .await?;
            return Err(Denied::TooMany(seconds));
        }
        let book = self.book()?;
        let user = book.users.get(&name).filter(|user| !user.disabled);
        let kept = user.and_then(|user| user.password.clone());
        // Longer ones were never chosen; hashing a megabyte would take longer.
        let usable = fault_of_password("", &password).is_none() || password.len() < 1_024;
        let fits = self
            .0
            .hasher
            .is(kept.clone().filter(|_| usable), password)
            .await
            && usable;
        if !fits {
            self.off(move |accounts| {
                accounts.note(&by, "sign-in-failed", "", String::new());
                Ok(())
            })
            .await?;
            return words("登录名或密码不正确");
        }
        self.0.lockout.succeeded(&name, by.address);
        self.off(move |accounts| {
            accounts.change(&by, |book| {
                // The password may have been changed while this one was looked at.
                let user = book.users.get(&name).filter(|user| !user.disabled);
                if user.is_none_or(|user| user.password != kept) {
                    return words("登录名或密码不正确");
                }
                let cookie = begin(book, &name, &by, accounts.now());
                Ok((
                    cookie,
                    Some(("signed-in", String::new(), by.browser.clone())),
                ))
            })
        })
        .await
    }

    /// Whose link this is, if it holds.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub(super) fn invited(&self, code: &str) -> Result<Option<(String, String)>, AccountsFault> {
        let book = self.book()?;
        let found = find_invite(&book, code, self.now());
        Ok(found.map(|name| (name.clone(), book.users[&name].title.clone())))
    }

    /// Chooses a password by a link, and signs in.
    ///
    /// # Errors
    /// If the link does not hold, or the password will not do.
    pub(super) async fn choose(
        &self,
        mut by: By,
        code: String,
        password: String,
    ) -> Result<String, Denied> {
        const OVER: &str = "这个链接已经用过或已过期;请向管理员要一个新的";
        let Some((name, _)) = self.invited(&code)? else {
            return words(OVER);
        };
        if let Some(fault) = fault_of_password(&name, &password) {
            return words(fault);
        }
        let hashed = self.0.hasher.hash(password).await;
        by.who.clone_from(&name);
        self.off(move |accounts| {
            accounts.change(&by, |book| {
                let now = accounts.now();
                let found = find_invite(book, &code, now);
                if found.as_deref() != Some(name.as_str()) {
                    return words(OVER);
                }
                let user = user_mut(book, &name)?;
                user.password = Some(hashed);
                user.invite = None;
                user.must_change = false;
                user.end_sessions();
                let cookie = begin(book, &name, &by, now);
                Ok((
                    cookie,
                    Some(("password-chosen", String::new(), String::new())),
                ))
            })
        })
        .await
    }

    /// Changes one's own password; all sessions end, and another one begins.
    ///
    /// # Errors
    /// If the old one is not it, or the new one will not do.
    pub(super) async fn change_password(
        &self,
        by: By,
        old: String,
        new: String,
    ) -> Result<String, Denied> {
        let name = by.who.clone();
        if let Err(seconds) = self.0.lockout.admit(self.now(), &name, by.address) {
            return Err(Denied::TooMany(seconds));
        }
        if let Some(fault) = fault_of_password(&name, &new) {
            return words(fault);
        }
        if old == new {
            return words("新密码与现在的密码相同");
        }
        let book = self.book()?;
        let kept = book.users.get(&name).and_then(|user| user.password.clone());
        let is_long = old.len() >= 1_024;
        if !self
            .0
            .hasher
            .is(kept.clone().filter(|_| !is_long), old)
            .await
        {
            return words("现在的密码不正确");
        }
        self.0.lockout.succeeded(&name, by.address);
        let hashed = self.0.hasher.hash(new).await;
        self.off(move |accounts| {
            accounts.change(&by, |book| {
                let user = user_mut(book, &name)?;
                if user.password != kept {
                    return words("密码刚刚已被修改");
                }
                user.password = Some(hashed);
                user.must_change = false;
                user.invite = None;
                user.end_sessions();
                let cookie = begin(book, &name, &by, accounts.now());
                Ok((
                    cookie,
                    Some(("password-changed", String::new(), String::new())),
                ))
            })
        })
        .await
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

/// Begins a session, and returns what the browser is to hold. Always a new one: whatever the browser
/// held before is worth nothing.
pub(super) fn begin(book: &mut Book, name: &str, by: &By, now: Timestamp) -> String {
    let cookie = secret();
    let epoch = book.users.get(name).map_or(0, |user| user.epoch);
    let sessions = Arc::make_mut(&mut book.sessions);
    let own = sessions
        .iter()
        .filter(|(_, session)| session.user == name && session.epoch == epoch);
    let mut own: Vec<(Timestamp, String)> = own
        .map(|(id, session)| (session.begun, id.clone()))
        .collect();
    own.sort();
    let over = (own.len() + 1).saturating_sub(SESSIONS_PER_USER);
    for (_, id) in own.drain(..over) {
        sessions.remove(&id);
    }
    let session = Session {
        user: name.to_owned(),
        epoch,
        begun: now,
        used: now,
        from: by.from(),
        browser: cut(&by.browser, BROWSER_BYTES).to_owned(),
    };
    sessions.insert(digest("session", &cookie), session);
    cookie
}

/// Takes away what is over.
fn tidy(book: &mut Book, now: Timestamp) {
    let users = Arc::clone(&book.users);
    if book
        .sessions
        .values()
        .any(|session| !session.holds(&users, now))
    {
        Arc::make_mut(&mut book.sessions).retain(|_, session| session.holds(&users, now));
    }
}

fn find_invite(book: &Book, code: &str, now: Timestamp) -> Option<String> {
    let wanted = digest("invite", code);
    let holds = |user: &User| {
        let invite = user.invite.as_ref();
        !user.disabled
            && invite.is_some_and(|invite| same(&invite.digest, &wanted) && invite.until > now)
    };
    let found = book.users.iter().find(|(_, user)| holds(user));
    found.map(|(name, _)| name.clone())
}

fn user_mut<'b>(book: &'b mut Book, name: &str) -> Result<&'b mut User, Denied> {
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
