//! The words that fields of a definition choose from: those that are read and those that editors
//! propose are the same.

use duban_calendar::{PeriodKind, Roll};
use duban_model::decision::NoticeKind;
use duban_model::definition::{
    About, By, EventSort, FirstPeriod, FollowWhen, Language, MergedCell, OwnerFrom, Role, Strength,
    Tier,
};
use duban_model::delivery::Days;
use duban_model::directory::{Certainty, Channel};

/// Words, each with what it means.
pub(crate) type Words<T> = &'static [(&'static str, T)];

/// What opens a task, as written.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum OpensWord {
    Activation,
    EachPeriod,
    Trigger,
    Event,
    Schedule,
    Follows,
}

pub(crate) const TIERS: Words<Tier> = &[
    ("contact", Tier::Contact),
    ("lead", Tier::Lead),
    ("leader", Tier::Leader),
    ("office", Tier::Office),
    ("leading_group", Tier::LeadingGroup),
];

pub(crate) const STRENGTHS: Words<Strength> = &[
    ("required", Strength::Required),
    ("encouraged", Strength::Encouraged),
];

pub(crate) const OPENS: Words<OpensWord> = &[
    ("activation", OpensWord::Activation),
    ("each_period", OpensWord::EachPeriod),
    ("trigger", OpensWord::Trigger),
    ("event", OpensWord::Event),
    ("schedule", OpensWord::Schedule),
    ("follows", OpensWord::Follows),
];

pub(crate) const SORTS: Words<EventSort> = &[
    ("publication", EventSort::Publication),
    ("matter", EventSort::Matter),
];

pub(crate) const FOLLOWED: Words<FollowWhen> = &[
    ("fulfilled", FollowWhen::Fulfilled),
    ("overdue", FollowWhen::Overdue),
];

pub(crate) const FROMS: Words<OwnerFrom> = &[
    ("event", OwnerFrom::Event),
    ("event_superior", OwnerFrom::EventSuperior),
    ("office", OwnerFrom::Office),
    ("leading_group", OwnerFrom::LeadingGroup),
];

pub(crate) const ROLLS: Words<Roll> = &[
    ("none", Roll::None),
    ("next", Roll::Next),
    ("previous", Roll::Previous),
];

pub(crate) const MERGED: Words<MergedCell> = &[
    ("units", MergedCell::Units),
    ("deadline", MergedCell::Deadline),
];

pub(crate) const PERIODS: Words<PeriodKind> = &[
    ("month", PeriodKind::Month),
    ("quarter", PeriodKind::Quarter),
    ("half_year", PeriodKind::HalfYear),
    ("year", PeriodKind::Year),
];

pub(crate) const FIRSTS: Words<FirstPeriod> = &[
    ("full", FirstPeriod::Full),
    ("running", FirstPeriod::Running),
];

pub(crate) const ROLES: Words<Role> = &[
    ("responsible", Role::Responsible),
    ("lead", Role::Lead),
    ("support", Role::Support),
];

pub(crate) const SUBMISSIONS: Words<()> = &[("verified", ())];

pub(crate) const BYS: Words<By> = &[
    ("unit", By::Unit),
    ("subordinates", By::Subordinates),
    ("anyone", By::Anyone),
];

pub(crate) const ABOUTS: Words<About> = &[("opening", About::Opening)];

pub(crate) const CERTAINTIES: Words<Certainty> = &[
    ("certain", Certainty::Certain),
    ("likely", Certainty::Likely),
    ("uncertain", Certainty::Uncertain),
];

pub(crate) const DAYS: Words<Days> = &[("every", Days::Every), ("working", Days::Working)];

pub(crate) const LANGUAGES: Words<Language> =
    &[("zh", Language::Chinese), ("en", Language::English)];

/// Sorts of notices, as output names them too.
pub(crate) const NOTICES: Words<NoticeKind> = &{
    let mut words = [("", NoticeKind::Reminder); NoticeKind::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = (NoticeKind::ALL[at].as_str(), NoticeKind::ALL[at]);
        at += 1;
    }
    words
};

/// Channels, as output names them too.
pub(crate) const CHANNELS: Words<Channel> = &{
    let mut words = [("", Channel::Mail); Channel::ALL.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = (Channel::ALL[at].as_str(), Channel::ALL[at]);
        at += 1;
    }
    words
};

/// The words alone.
pub(crate) fn spellings<T>(words: Words<T>) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}
