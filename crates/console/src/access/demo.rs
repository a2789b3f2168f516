//! Accounts of a demo: thrown away with it, one for each role, entered without a password. Where it is
//! no demo they let nobody in.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use super::Access;
use super::account::User;
use super::accounts::{By, Denied, Described, words};
use super::right::Role;
use super::secret::{digest, secret};
use super::sessions::begin;

impl Access {
    /// The same access for a demo, with these people.
    ///
    /// # Errors
    /// If the accounts cannot be written.
    pub fn in_demo(mut self, people: &[(&str, Described)]) -> Result<Access, Denied> {
        self.demo = true;
        let now = self.accounts.now();
        self.accounts.change(&By::command("demo"), |book| {
            let users = Arc::make_mut(&mut book.users);
            for (name, described) in people {
                if users.get(*name).is_some_and(|user| !user.demo) {
                    continue;
                }
                let user = User {
                    title: described.title.clone(),
                    tenant: described.tenant.clone(),
                    roles: described.roles.clone(),
                    units: described.units.clone(),
                    disabled: false,
                    must_change: false,
                    demo: true,
                    made: now,
                    password: None,
                    invite: None,
                    epoch: 0,
                };
                users.insert((*name).to_owned(), user);
            }
            Ok(((), None))
        })?;
        Ok(self)
    }

    /// The path of a link that signs one of them in, once.
    pub fn demo_link(&self, name: &str) -> String {
        let code = secret();
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.insert(digest("demo", &code), name.to_owned());
        format!("/sign-in/link/{code}")
    }

    /// Whom a link is for; it is over with that.
    pub(super) fn take_demo_link(&self, code: &str) -> Option<String> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        links.remove(&digest("demo", code))
    }

    /// The accounts of the demo: name, title, roles.
    pub(super) fn demo_people(&self) -> Vec<(String, String, BTreeSet<Role>)> {
        let book = self.accounts.book().unwrap_or_default();
        let people = book.users.iter().filter(|(_, user)| self.demo && user.demo);
        let mut people: Vec<_> = people
            .map(|(name, user)| (name.clone(), user.title.clone(), user.roles.clone()))
            .collect();
        people.sort_by(|a, b| a.2.cmp(&b.2));
        people
    }

    /// Signs one of them in.
    pub(super) async fn enter_demo(&self, mut by: By, name: String) -> Result<String, Denied> {
        if !self.demo {
            return words("这里不是演示");
        }
        by.who.clone_from(&name);
        self.accounts
            .off(move |accounts| {
                accounts.change(&by, |book| {
                    if !book.users.get(&name).is_some_and(|user| user.demo) {
                        return words("没有这个演示用户");
                    }
                    let cookie = begin(book, &name, &by, accounts.now());
                    let done = ("signed-in", String::new(), "demo".to_owned());
                    Ok((cookie, Some(done)))
                })
            })
            .await
    }
}
