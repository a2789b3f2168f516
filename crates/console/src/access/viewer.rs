//! Who asks: a person by a session, or a program by a token.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::right::{Right, Role, Scope, roles_give, scopes_give};

/// By what somebody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// A session: its digest, and what its forms bear.
    Session {
        /// The digest by which the session is kept.
        digest: String,
        /// What every form of this session bears.
        form_key: String,
    },
    /// A token: its id, and what it is good for.
    Token {
        /// The id that lists show.
        id: String,
        /// What it is good for.
        scopes: Vec<Scope>,
    },
}

/// Who asks. Only [`super::guard`] makes one.
#[derive(Clone, Debug)]
pub(crate) struct Viewer(Arc<Known>);

/// What is known of whom.
#[derive(Debug)]
pub(super) struct Known {
    pub name: String,
    pub title: String,
    /// The office; empty for all of the installation.
    pub tenant: String,
    pub roles: BTreeSet<Role>,
    pub units: BTreeSet<String>,
    /// Nothing but choosing a password is open.
    pub must_change: bool,
    pub via: Via,
}

impl Viewer {
    pub(super) fn new(known: Known) -> Viewer {
        Viewer(Arc::new(known))
    }

    /// Whether this one has a right.
    pub fn may(&self, right: Right) -> bool {
        match &self.0.via {
            Via::Session { .. } => roles_give(&self.0.roles, right),
            // A unit's token sees and sends what is the unit's, whatever its scopes.
            Via::Token { .. } if !self.0.units.is_empty() && right.is_of_all() => false,
            Via::Token { scopes, .. } => scopes_give(scopes, right),
        }
    }

    /// Whether this one may send events of a type. Whether it may send any is asked by
    /// [`Right::SendEvents`].
    pub fn may_send(&self, kind: &str) -> bool {
        let Via::Token { scopes, .. } = &self.0.via else {
            return false;
        };
        scopes.iter().any(|scope| match scope {
            Scope::Events(only) => only.as_deref().is_none_or(|only| only == kind),
            Scope::Read | Scope::Metrics | Scope::Definitions | Scope::Calendar => false,
        })
    }

    /// The same as one who reads, if the token is for a calendar.
    pub(super) fn following(&self) -> Option<Viewer> {
        let Via::Token { id, scopes } = &self.0.via else {
            return None;
        };
        scopes.contains(&Scope::Calendar).then(|| {
            Viewer::new(Known {
                name: self.0.name.clone(),
                title: self.0.title.clone(),
                tenant: self.0.tenant.clone(),
                roles: BTreeSet::new(),
                units: self.0.units.clone(),
                must_change: false,
                via: Via::Token {
                    id: id.clone(),
                    scopes: vec![Scope::Read],
                },
            })
        })
    }

    /// Whether what this unit of this office owes may be shown. Every page asks it through
    /// [`super::Seen`].
    pub fn sees(&self, tenant: &str, unit: &str) -> bool {
        self.is_of(tenant)
            && (self.may(Right::SeeAll) || (self.may(Right::See) && self.0.units.contains(unit)))
    }

    /// Whether this one belongs to an office.
    pub fn is_of(&self, tenant: &str) -> bool {
        self.0.tenant.is_empty() || self.0.tenant == tenant
    }

    /// May act on what this unit owes.
    pub fn acts_for(&self, tenant: &str, unit: &str) -> bool {
        self.is_of(tenant) && self.may(Right::ActForUnit) && self.0.units.contains(unit)
    }

    /// May sign what this unit submits.
    pub fn signs_for(&self, tenant: &str, unit: &str) -> bool {
        self.is_of(tenant) && self.may(Right::SignForUnit) && self.0.units.contains(unit)
    }

    /// The name to sign in with, or the token's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How pages call this one.
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// The office; empty for all of the installation.
    pub fn tenant(&self) -> &str {
        &self.0.tenant
    }

    /// What this one is.
    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.0.roles
    }

    /// The units of a contact or head, or of a token.
    pub fn units(&self) -> &BTreeSet<String> {
        &self.0.units
    }

    /// By what this one is known.
    pub fn via(&self) -> &Via {
        &self.0.via
    }

    /// What forms of this one bear; empty for a token, which has none.
    pub fn form_key(&self) -> &str {
        match &self.0.via {
            Via::Session { form_key, .. } => form_key,
            Via::Token { .. } => "",
        }
    }

    pub(super) fn must_change(&self) -> bool {
        self.0.must_change
    }

    /// How a fact on the log says who acted: title and name, as answers by link say title and
    /// contact.
    pub fn signature(&self) -> String {
        match &self.0.via {
            Via::Session { .. } => format!("{} {}", self.0.title, self.0.name),
            Via::Token { id, .. } => format!("{} {id}", self.0.name),
        }
    }
}

/// Who asks, if the address is open to those who have not signed in, too.
#[derive(Clone, Debug)]
pub(crate) struct Maybe(pub Option<Viewer>);

impl<S: Send + Sync> FromRequestParts<S> for Maybe {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Maybe, Infallible> {
        Ok(Maybe(parts.extensions.get::<Viewer>().cloned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Viewer {
    type Rejection = axum::http::StatusCode;

    /// Of an address that needs a right there always is one; of any other nobody is made up.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Viewer, Self::Rejection> {
        parts
            .extensions
            .get::<Viewer>()
            .cloned()
            .ok_or(axum::http::StatusCode::UNAUTHORIZED)
    }
}
