//! Notices that reached nobody, and whether somebody still has to look after them.

use duban_model::Timestamp;

use super::Projection;
use super::notice::{Fate, Notice};

/// Why a notice that reached nobody needs nobody any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Nothing more is expected of the unit, or its duty went over to another one.
    Closed,
    /// The same people were told of the same duty later.
    ToldLater,
    /// The notice that stands in for it arrived.
    Arrived,
}

/// Notices about one thing of which the first reached nobody.
#[derive(Clone, Debug)]
pub struct Unreached<'a> {
    /// They stand in for one another, the earliest first; never empty.
    pub chain: Vec<&'a Notice>,
    /// When the first of them was given up.
    pub since: Timestamp,
    /// Why nobody has to look after it; nothing if somebody has.
    pub settled: Option<Settled>,
}

impl<'a> Unreached<'a> {
    /// The last of the notices.
    pub fn last(&self) -> &'a Notice {
        self.chain[self.chain.len() - 1]
    }
}

impl Projection {
    /// Chains of notices that reached nobody, of which the last one given up is kept, in the order in
    /// which that one was asked for.
    pub fn unreached(&self) -> impl Iterator<Item = Unreached<'_>> {
        let given_up = |notice: &&Notice| notice.fate == Fate::Abandoned;
        // A chain stands by the last one that was given up.
        let is_last = move |notice: &&Notice| {
            let next = notice.followed_by().and_then(|id| self.notices.get(id));
            !next.is_some_and(|next| next.fate == Fate::Abandoned)
        };
        let all = self.notices.unreached().filter(given_up).filter(is_last);
        all.map(|notice| {
            let chain = self.notices.chain(notice);
            let first = chain.iter().find(|n| n.fate == Fate::Abandoned);
            let since = first.map_or(notice.since, |first| first.since);
            let last = chain[chain.len() - 1];
            let settled = match last.fate {
                Fate::Delivered => Some(Settled::Arrived),
                _ => self.settled(last),
            };
            Unreached {
                chain,
                since,
                settled,
            }
        })
    }

    /// Notices that nobody was there for, each with why that needs nobody any more.
    pub fn without_contact(&self) -> impl Iterator<Item = (&Notice, Option<Settled>)> {
        let nobody = self.notices.unreached().filter(|notice| notice.nobody);
        nobody.map(|notice| (notice, self.settled(notice)))
    }

    /// Whether a notice no longer needs to reach anybody.
    fn settled(&self, notice: &Notice) -> Option<Settled> {
        let duty = notice.duty.and_then(|place| self.duties.at(place));
        let Some(duty) = duty.filter(|duty| !duty.stage.is_final() && duty.unit == notice.unit)
        else {
            return Some(Settled::Closed);
        };
        let told_later = duty.notices.iter().any(|place| {
            self.notices.at(place).is_some_and(|other| {
                other.fate == Fate::Delivered && other.to == notice.to && other.since > notice.since
            })
        });
        told_later.then_some(Settled::ToldLater)
    }
}
