//! What is kept of people, sessions and tokens, and how much of each there may be.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::right::{Role, Scope};
use super::secret::Hashed;

/// Users of one installation, in users.
pub const MAX_USERS: usize = 5_000;
/// Sessions of one user, in sessions; the oldest ends when there is one more.
pub const SESSIONS_PER_USER: usize = 10;
/// Tokens of one installation, in tokens.
pub const MAX_TOKENS: usize = 200;
/// Calendar addresses that one person has made, in addresses.
pub const FEEDS_PER_USER: usize = 3;
/// Calendar addresses of all persons of one installation, in addresses.
pub const MAX_FEEDS: usize = 10_000;
/// A person's calendar address holds so long, in days: a year and a month.
pub const FEED_DAYS: u32 = 400;
/// The longest name to sign in with, in characters.
pub const NAME_CHARACTERS: usize = 40;
/// The longest title, in characters.
pub const TITLE_CHARACTERS: usize = 60;
/// Units of one user, in units.
pub const UNITS_PER_USER: usize = 100;
/// The shortest and the longest password, in characters.
pub const PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 12..=128;
/// Scopes of one token, in scopes.
pub const SCOPES_PER_TOKEN: usize = 40;
/// A session ends so long after the sign-in, in milliseconds: 12 hours.
pub const SESSION_MILLIS: i64 = 12 * 3_600_000;
/// A session ends when nothing was asked for so long, in milliseconds: 2 hours.
pub const IDLE_MILLIS: i64 = 2 * 3_600_000;
/// How often it is written down that a session is in use, in milliseconds: 5 minutes.
pub(super) const NOTED_MILLIS: i64 = 5 * 60_000;
/// A link for a first password holds so long, in milliseconds: 24 hours.
pub const INVITE_MILLIS: i64 = 24 * 3_600_000;
/// The longest that a token may hold, in days.
pub const TOKEN_DAYS: u32 = 3_650;
/// How a token begins.
pub const TOKEN_PREFIX: &str = "dbn_";

/// A one-time link for choosing a password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invite {
    /// SHA-256 of its code.
    pub digest: String,
    pub until: Timestamp,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// How pages call the person.
    pub title: String,
    /// The office; empty for all of the installation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// What the person is.
    pub roles: BTreeSet<Role>,
    /// The units of a contact or head.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<String>,
    /// May not sign in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
    /// Has to choose another password before anything else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_change: bool,
    /// Made by a demo: signs in without a password there, and nowhere else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub demo: bool,
    /// When the account was made.
    pub made: Timestamp,
    /// Nothing until one was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<Hashed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) invite: Option<Invite>,
    /// Sessions of an earlier number are over: one write ends them all.
    pub(super) epoch: u32,
}

impl User {
    /// How the account stands, in one Chinese word.
    pub fn state(&self, now: Timestamp) -> &'static str {
        let invited = self
            .invite
            .as_ref()
            .is_some_and(|invite| invite.until > now);
        match (self.disabled, self.demo, &self.password) {
            (true, _, _) => "停用",
            (_, true, _) => "演示",
            (_, _, Some(_)) => "正常",
            (_, _, None) if invited => "待设密码",
            (_, _, None) => "链接已过期",
        }
    }

    /// Ends all of this user's sessions.
    pub(super) fn end_sessions(&mut self) {
        self.epoch = self.epoch.wrapping_add(1);
    }
}

/// One sign-in that goes on. Kept under the SHA-256 of what the browser holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Whose.
    pub user: String,
    pub(super) epoch: u32,
    /// When the person signed in.
    pub begun: Timestamp,
    /// When it was last used, to within 5 minutes.
    pub used: Timestamp,
    /// From where.
    pub from: String,
    /// With which browser, as it calls itself.
    pub browser: String,
}

impl Session {
    /// Whether it still holds.
    pub(super) fn holds(&self, users: &Users, now: Timestamp) -> bool {
        now.0 - self.begun.0 < SESSION_MILLIS
            && now.0 - self.used.0 < IDLE_MILLIS
            && users
                .get(&self.user)
                .is_some_and(|user| !user.disabled && user.epoch == self.epoch)
    }
}

/// A token for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What it is for, e.g. `门户网站`.
    pub name: String,
    /// The office; empty for all of the installation.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tenant: String,
    /// Of these units only; empty for all of the office.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<String>,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// It holds until then.
    pub until: Timestamp,
    /// When and by whom it was made.
    pub made: Timestamp,
    /// By whom.
    pub by: String,
    /// The person whose calendar it is: it sees what that one may see, whenever it is asked. Empty for
    /// what administrators make for programs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// SHA-256 of it.
    pub(super) digest: String,
}

/// Users by name.
pub type Users = BTreeMap<String, User>;
/// Sessions by the SHA-256 of what the browser holds.
pub type Sessions = BTreeMap<String, Session>;
/// Tokens by their id.
pub type Tokens = BTreeMap<String, Token>;

/// What is wrong with a name to sign in with, if anything.
pub(super) fn fault_of_name(name: &str) -> Option<String> {
    let length = name.chars().count();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.@".contains(c);
    if length == 0 || length > NAME_CHARACTERS {
        return Some(format!("登录名有{length}个字符;应为1至{NAME_CHARACTERS}个"));
    }
    if !name.chars().all(plain) {
        return Some("登录名只能用小写字母、数字和 - _ . @".to_owned());
    }
    None
}

/// What is wrong with a title, if anything.
pub(super) fn fault_of_title(title: &str) -> Option<String> {
    let length = title.chars().count();
    if length == 0 || length > TITLE_CHARACTERS {
        return Some(format!(
            "称呼有{length}个字;应为1至{TITLE_CHARACTERS}个字,例如“市水务局 张三”"
        ));
    }
    title
        .chars()
        .any(char::is_control)
        .then(|| "称呼中有不可见的控制字符".to_owned())
}

/// What is wrong with a password, if anything.
pub(super) fn fault_of_password(name: &str, password: &str) -> Option<String> {
    let length = password.chars().count();
    let (least, most) = (PASSWORD_CHARACTERS.start(), PASSWORD_CHARACTERS.end());
    if !PASSWORD_CHARACTERS.contains(&length) {
        return Some(format!("密码有{length}个字符;应为{least}至{most}个"));
    }
    let different: BTreeSet<char> = password.chars().collect();
    if different.len() < 5 || password.to_lowercase().contains(name) && name.chars().count() > 3 {
        return Some(
            "密码太容易猜到:不要用登录名,至少用5种不同的字符;可以用几个不相干的词连成一句"
                .to_owned(),
        );
    }
    None
}
