//! Who may do what: roles of people, scopes of tokens, and the rights that both give. Nothing else
//! in the console asks for a role.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What somebody is in this installation. One person may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// 管理员: users, tokens and definitions; acts on no duty.
    Administrator,
    /// 督办室: sees all, verifies, returns, extends, waives, deploys.
    Office,
    /// 联络员: sees and works on what its own units owe.
    Contact,
    /// 单位负责人: sees what its own units owe, and signs for them.
    Head,
    /// 审计员: sees all and changes nothing.
    Auditor,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 5] = [
        Role::Administrator,
        Role::Office,
        Role::Contact,
        Role::Head,
        Role::Auditor,
    ];

    /// Its name in files, forms and commands.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Office => "office",
            Role::Contact => "contact",
            Role::Head => "head",
            Role::Auditor => "auditor",
        }
    }

    /// The role with this name.
    pub fn parse(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Its name on pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Role::Administrator => "管理员",
            Role::Office => "督办室",
            Role::Contact => "联络员",
            Role::Head => "单位负责人",
            Role::Auditor => "审计员",
        }
    }

    /// Whether it is a role within units, and none without one.
    pub fn is_of_units(self) -> bool {
        matches!(self, Role::Contact | Role::Head)
    }

    /// The rights that it gives.
    fn gives(self, right: Right) -> bool {
        let rights: &[Right] = match self {
            Role::Administrator => &[
                Right::See,
                Right::SeeAll,
                Right::SeeNotices,
                Right::EditDefinitions,
                Right::ManageUsers,
                Right::SeeAccess,
                Right::Measure,
            ],
            Role::Office => &[
                Right::See,
                Right::SeeAll,
                Right::SeeNotices,
                Right::ActForOffice,
                Right::EditDefinitions,
            ],
            Role::Contact => &[Right::See, Right::ActForUnit],
            Role::Head => &[Right::See, Right::SignForUnit],
            Role::Auditor => &[
                Right::See,
                Right::SeeAll,
                Right::SeeNotices,
                Right::Audit,
                Right::SeeAccess,
                Right::Measure,
            ],
        };
        rights.contains(&right)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an address asks of whom it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Pages of ledgers and duties: of all units, or only of one's own.
    See,
    /// What is nobody's own: rejected events, other units.
    SeeAll,
    /// The ledger of notices and what could not be delivered.
    SeeNotices,
    /// 签收、报送、申请延期、转办, for one's own unit.
    ActForUnit,
    /// To sign what one's own unit submits.
    SignForUnit,
    /// 核实、退回、延期、免办、静默、启动.
    ActForOffice,
    /// Ledgers, calendars, units and contacts.
    EditDefinitions,
    /// Users and tokens.
    ManageUsers,
    /// The record of sign-ins and of changes to users and tokens.
    SeeAccess,
    /// To check the log.
    Audit,
    /// Measures of the installation.
    Measure,
    /// To put events into the inbox.
    SendEvents,
}

impl Right {
    /// All of them.
    pub const ALL: [Right; 12] = [
        Right::See,
        Right::SeeAll,
        Right::SeeNotices,
        Right::ActForUnit,
        Right::SignForUnit,
        Right::ActForOffice,
        Right::EditDefinitions,
        Right::ManageUsers,
        Right::SeeAccess,
        Right::Audit,
        Right::Measure,
        Right::SendEvents,
    ];

    /// Whether it is about more than what one's own units owe.
    pub(super) fn is_of_all(self) -> bool {
        match self {
            Right::See | Right::ActForUnit | Right::SignForUnit | Right::SendEvents => false,
            Right::SeeAll
            | Right::SeeNotices
            | Right::ActForOffice
            | Right::EditDefinitions
            | Right::ManageUsers
            | Right::SeeAccess
            | Right::Audit
            | Right::Measure => true,
        }
    }
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// `read`: everything that an auditor reads of duties and notices.
    Read,
    /// `metrics`: the measures.
    Metrics,
    /// `definitions`: to plan and deploy ledgers, calendars, units and contacts.
    Definitions,
    /// `calendar`: the dates of duties by a secret address, and nothing else at all.
    Calendar,
    /// `events:write`, or `events:write:TYPE`: events into the inbox, of any type or of this one,
    /// e.g. `events:write:duban.publication.published`.
    Events(Option<String>),
}

/// How [`Scope::Events`] begins.
const EVENTS: &str = "events:write";

impl Scope {
    /// The scope with this name; nothing if there is none.
    pub fn parse(text: &str) -> Option<Scope> {
        match text {
            "read" => return Some(Scope::Read),
            "metrics" => return Some(Scope::Metrics),
            "definitions" => return Some(Scope::Definitions),
            "calendar" => return Some(Scope::Calendar),
            EVENTS => return Some(Scope::Events(None)),
            _ => {}
        }
        let kind = text.strip_prefix(EVENTS)?.strip_prefix(':')?;
        let kind = duban_model::RecordType::parse(kind)
            .filter(|kind| kind.class() == duban_model::body::Class::Fact)?;
        Some(Scope::Events(Some(kind.as_str().to_owned())))
    }

    fn gives(&self, right: Right) -> bool {
        match self {
            Scope::Read => matches!(right, Right::See | Right::SeeAll | Right::SeeNotices),
            Scope::Metrics => right == Right::Measure,
            Scope::Definitions => right == Right::EditDefinitions,
            Scope::Calendar => false,
            Scope::Events(_) => right == Right::SendEvents,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Read => f.write_str("read"),
            Scope::Metrics => f.write_str("metrics"),
            Scope::Definitions => f.write_str("definitions"),
            Scope::Calendar => f.write_str("calendar"),
            Scope::Events(None) => f.write_str(EVENTS),
            Scope::Events(Some(kind)) => write!(f, "{EVENTS}:{kind}"),
        }
    }
}

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
        let text = String::deserialize(deserializer)?;
        Scope::parse(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("no scope is called {text:?}")))
    }
}

/// Whether one of these roles gives a right.
pub(super) fn roles_give(roles: &BTreeSet<Role>, right: Right) -> bool {
    roles.iter().any(|role| role.gives(right))
}

/// Whether one of these scopes gives a right.
pub(super) fn scopes_give(scopes: &[Scope], right: Right) -> bool {
    scopes.iter().any(|scope| scope.gives(right))
}
