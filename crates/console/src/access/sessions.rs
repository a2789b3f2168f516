//! Signing in and out, and choosing passwords: how sessions begin, hold and end.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_model::Timestamp;
use duban_model::record::cut;

use super::account::{
    NOTED_MILLIS, SESSIONS_PER_USER, Session, TOKEN_PREFIX, User, fault_of_password,
};
use super::accounts::{Accounts, By, Denied, user_mut, words};
use super::right::{Right, roles_give};
use super::secret::{digest, same, secret};
use super::store::{AccountsFault, Book};
use super::viewer::{Known, Via, Viewer};

/// The longest that is kept of what a browser calls itself, in bytes.
const BROWSER_BYTES: usize = 200;
/// A longer password is not even compared, in bytes.
const COMPARED_BYTES: usize = 1_024;

impl Accounts {
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

    /// Who follows a calendar by a secret address; nobody if it is none, or is over. It sees what the
    /// token is of, or what the person whose it is may see by now; whoever has it is nobody anywhere
    /// else.
    ///
    /// # Errors
    /// If the accounts cannot be had.
    pub(crate) fn by_feed(
        &self,
        secret: &str,
        demo: bool,
    ) -> Result<Option<Viewer>, AccountsFault> {
        let Some(viewer) = self.by_token(secret)? else {
            return Ok(None);
        };
        let Via::Token { id, .. } = viewer.via() else {
            return Ok(None);
        };
        let book = self.book()?;
        let token = book.tokens.get(id.strip_prefix(TOKEN_PREFIX).unwrap_or(id));
        let owner = token.map_or("", |token| token.owner.as_str());
        if owner.is_empty() {
            return Ok(viewer.following());
        }
        let user = book.users.get(owner);
        let user = user.filter(|user| !user.disabled && (demo || !user.demo));
        Ok(user.and_then(|user| {
            let sees_all = roles_give(&user.roles, Right::SeeAll);
            let units = if sees_all {
                BTreeSet::new()
            } else {
                user.units.clone()
            };
            // Nobody is of no unit: such a token would be one of all units.
            if !sees_all && (units.is_empty() || !roles_give(&user.roles, Right::See)) {
                return None;
            }
            Viewer::new(Known {
                name: user.title.clone(),
                title: user.title.clone(),
                tenant: user.tenant.clone(),
                roles: BTreeSet::new(),
                units,
                must_change: false,
                via: viewer.via().clone(),
            })
            .following()
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
        if let Err(wait) = self.0.lockout.admit(self.now(), &name, by.address) {
            if wait.first {
                self.off(move |accounts| {
                    accounts.note(&by, "locked-out", "", String::new());
                    Ok(())
                })
                .await?;
            }
            return Err(Denied::TooMany(wait.seconds));
        }
        let book = self.book()?;
        let user = book.users.get(&name).filter(|user| !user.disabled);
        let kept = user.and_then(|user| user.password.clone());
        let fits = self.0.hasher.is(kept.clone(), comparable(password)).await;
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
        if let Err(wait) = self.0.lockout.admit(self.now(), &name, by.address) {
            return Err(Denied::TooMany(wait.seconds));
        }
        if let Some(fault) = fault_of_password(&name, &new) {
            return words(fault);
        }
        if old == new {
            return words("新密码与现在的密码相同");
        }
        let book = self.book()?;
        let kept = book.users.get(&name).and_then(|user| user.password.clone());
        if !self.0.hasher.is(kept.clone(), comparable(old)).await {
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
}

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

/// A password to be compared. Longer ones were never chosen.
fn comparable(password: String) -> String {
    if password.len() <= COMPARED_BYTES {
        password
    } else {
        String::new()
    }
}

/// Takes away what is over.
pub(super) fn tidy(book: &mut Book, now: Timestamp) {
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
