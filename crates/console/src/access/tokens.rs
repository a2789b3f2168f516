//! Tokens, by which programs ask: made once, shown once, ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use duban_model::id::is_plain_id;

use super::account::{
    FEED_DAYS, FEEDS_PER_USER, MAX_FEEDS, MAX_TOKENS, SCOPES_PER_TOKEN, TOKEN_DAYS, TOKEN_PREFIX,
    Token, UNITS_PER_USER, fault_of_title,
};
use super::accounts::{Accounts, By, Denied, words};
use super::right::Scope;
use super::secret::{digest, number, secret};

/// A day, in milliseconds.
const DAY_MILLIS: i64 = 24 * 3_600_000;

/// A token as somebody asks for one.
#[derive(Clone, Debug, Default)]
pub struct Wished {
    /// What it is for, e.g. `门户网站`.
    pub name: String,
    /// The office; empty for all of the installation.
    pub tenant: String,
    /// Of these units of the office only; empty for all of it.
    pub units: BTreeSet<String>,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// It holds for so many days.
    pub days: u32,
}

impl Accounts {
    /// Makes a token and returns it, the only time that it is shown.
    ///
    /// # Errors
    /// If it has no name or scope, would hold for too long, or there are too many.
    pub fn make_token(&self, by: &By, wished: &Wished) -> Result<String, Denied> {
        let (scopes, units) = (&wished.scopes, &wished.units);
        if fault_of_title(&wished.name).is_some() {
            return words("请写明令牌的用途,例如“门户网站”,最多60个字");
        }
        if scopes.is_empty() || scopes.len() > SCOPES_PER_TOKEN {
            return words(format!("权限应为1至{SCOPES_PER_TOKEN}项"));
        }
        if wished.days == 0 || wished.days > TOKEN_DAYS {
            return words(format!("有效期应为1至{TOKEN_DAYS}天"));
        }
        if units.len() > UNITS_PER_USER || !units.iter().all(|unit| is_plain_id(unit)) {
            return words(format!("单位应为通讯录中的编号,最多{UNITS_PER_USER}个"));
        }
        if !units.is_empty() && wished.tenant.is_empty() {
            return words("限于单位的令牌须写明主管部门");
        }
        let now = self.now();
        self.change(by, |book| {
            let tokens = Arc::make_mut(&mut book.tokens);
            tokens.retain(|_, token| token.until > now);
            let made = tokens.values().filter(|token| token.owner.is_empty());
            if made.count() >= MAX_TOKENS {
                return words(format!("已有{MAX_TOKENS}个令牌,请先停用不用的"));
            }
            let id = number();
            let token = format!("{TOKEN_PREFIX}{id}_{}", secret());
            let all: Vec<String> = scopes.iter().map(ToString::to_string).collect();
            let kept = Token {
                name: wished.name.clone(),
                tenant: wished.tenant.clone(),
                units: units.clone(),
                scopes: scopes.clone(),
                until: now.plus_millis(i64::from(wished.days) * DAY_MILLIS),
                made: now,
                by: by.who.clone(),
                owner: String::new(),
                digest: digest("token", &token),
            };
            tokens.insert(id.clone(), kept);
            let about = format!("{TOKEN_PREFIX}{id}");
            let detail = format!("{}:{}", wished.name, all.join("、"));
            Ok((token, Some(("token-made", about, detail))))
        })
    }

    /// Makes an address by which a person's own calendar reads the dates of what that one may see, and
    /// returns its secret, the only time that it is shown.
    ///
    /// # Errors
    /// If it has no name, or there are too many.
    pub(super) fn make_feed(&self, by: &By, owner: &str, name: &str) -> Result<String, Denied> {
        if fault_of_title(name).is_some() {
            return words("请写明用在哪里,例如“手机日历”,最多60个字");
        }
        let now = self.now();
        self.change(by, |book| {
            if !book.users.contains_key(owner) {
                return words("没有这个用户");
            }
            let tokens = Arc::make_mut(&mut book.tokens);
            tokens.retain(|_, token| token.until > now);
            let own = tokens.values().filter(|token| token.owner == owner);
            if own.count() >= FEEDS_PER_USER {
                return words(format!("已有{FEEDS_PER_USER}个日历地址,请先停用不用的"));
            }
            let all = tokens.values().filter(|token| !token.owner.is_empty());
            if all.count() >= MAX_FEEDS {
                return words("日历地址已满,请联系管理员");
            }
            let id = number();
            let token = format!("{TOKEN_PREFIX}{id}_{}", secret());
            let kept = Token {
                name: name.to_owned(),
                tenant: String::new(),
                units: BTreeSet::new(),
                scopes: vec![Scope::Calendar],
                until: now.plus_millis(i64::from(FEED_DAYS) * DAY_MILLIS),
                made: now,
                by: by.who.clone(),
                owner: owner.to_owned(),
                digest: digest("token", &token),
            };
            tokens.insert(id.clone(), kept);
            let about = format!("{TOKEN_PREFIX}{id}");
            Ok((token, Some(("feed-made", about, name.to_owned()))))
        })
    }

    /// Ends a person's calendar address, by the id that the list shows; nobody else's.
    ///
    /// # Errors
    /// If that person has no such address.
    pub(super) fn end_feed(&self, by: &By, owner: &str, id: &str) -> Result<(), Denied> {
        let id = id.strip_prefix(TOKEN_PREFIX).unwrap_or(id);
        self.change(by, |book| {
            let tokens = Arc::make_mut(&mut book.tokens);
            let own = tokens.get(id).filter(|token| token.owner == owner);
            let Some(token) = own.cloned() else {
                return words("没有这个日历地址,可能已经停用");
            };
            tokens.remove(id);
            let about = format!("{TOKEN_PREFIX}{id}");
            Ok(((), Some(("feed-ended", about, token.name))))
        })
    }

    /// Ends a token, by the id that lists show.
    ///
    /// # Errors
    /// If there is no such token.
    pub fn end_token(&self, by: &By, id: &str) -> Result<(), Denied> {
        let id = id.strip_prefix(TOKEN_PREFIX).unwrap_or(id);
        self.change(by, |book| {
            let tokens = Arc::make_mut(&mut book.tokens);
            let Some(token) = tokens.remove(id) else {
                return words(format!("没有令牌“{TOKEN_PREFIX}{id}”"));
            };
            let about = format!("{TOKEN_PREFIX}{id}");
            Ok(((), Some(("token-ended", about, token.name))))
        })
    }
}
