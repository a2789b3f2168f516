//! Accounts for tests: a folder of their own and a clock that is set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use duban_model::{Timestamp, Zone};
use tempfile::TempDir;

use super::account::User;
use super::sessions::begin;
use super::{Access, Accounts, By, Role, Scope, Viewer, Wished};

/// What the clock shows at first.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);

/// Accounts and their clock.
pub(crate) struct Bed {
    pub access: Access,
    clock: Arc<AtomicI64>,
    pub folder: TempDir,
}

impl Bed {
    pub fn new() -> Bed {
        Bed::reached_at(None)
    }

    /// The same, for pages that people reach there.
    pub fn reached_at(url: Option<&str>) -> Bed {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(START.0));
        let shown = Arc::clone(&clock);
        let now = Arc::new(move || Timestamp(shown.load(Ordering::SeqCst)));
        let accounts = Accounts::new(folder.path(), now, Zone::SHANGHAI);
        Bed {
            access: Access::new(accounts, url),
            clock,
            folder,
        }
    }

    pub fn accounts(&self) -> &Accounts {
        &self.access.accounts
    }

    /// Sets the clock on.
    pub fn later(&self, millis: i64) {
        self.clock.fetch_add(millis, Ordering::SeqCst);
    }

    /// A token with these scopes, separated by spaces.
    pub fn token(&self, scopes: &str) -> String {
        self.token_of(scopes, "", &[])
    }

    /// The same of an office, and of units of it.
    pub fn token_of(&self, scopes: &str, tenant: &str, units: &[&str]) -> String {
        let scopes = scopes.split(' ').map(|scope| Scope::parse(scope).unwrap());
        let wished = Wished {
            name: "test".to_owned(),
            tenant: tenant.to_owned(),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            scopes: scopes.collect(),
            days: 30,
        };
        let by = By::command("test");
        self.accounts().make_token(&by, &wished).unwrap()
    }

    /// Who may read all.
    pub fn reader(&self) -> Viewer {
        let token = self.token("read");
        self.accounts().by_token(&token).unwrap().unwrap()
    }

    /// What the forms of a session bear.
    pub fn form_key(&self, session: &str) -> String {
        let known = self.accounts().by_cookie(session, false);
        let (viewer, _) = known.unwrap().unwrap();
        viewer.form_key().to_owned()
    }

    /// A user who has a session, and what the browser holds for it.
    pub fn signed_in(&self, name: &str, roles: &[Role], units: &[&str]) -> String {
        let user = User {
            title: name.to_owned(),
            tenant: "tongliao".to_owned(),
            roles: roles.iter().copied().collect(),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            disabled: false,
            must_change: false,
            demo: false,
            made: START,
            password: None,
            invite: None,
            epoch: 0,
        };
        let by = By::command("test");
        let change = |book: &mut super::Book| {
            let users = Arc::make_mut(&mut book.users);
            users.entry(name.to_owned()).or_insert(user);
            Ok((begin(book, name, &by, self.accounts().now()), None))
        };
        self.accounts().change(&by, change).unwrap()
    }
}
