//! Notices and what became of them, within a bound.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use duban_model::decision::{NoticeKind, NoticeRequested};
use duban_model::definition::Tier;
use duban_model::directory::Channel;
use duban_model::{RecordId, Timestamp};

use super::shared::Shared;
use crate::tongue::Tongue;

/// Notices kept in memory, in notices; older ones stand on the log.
pub const NOTICES_KEPT: usize = 50_000;

/// Notices that a unit's inbox finds at once, in notices; older ones stand on the log.
pub const INBOX_KEPT: usize = 200;

/// What became of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The rules asked for it.
    Requested,
    /// A message is ready.
    Queued,
    /// A send was announced; its outcome is not known yet.
    Attempted,
    /// The receiving service said yes.
    Delivered,
    /// An attempt failed; it is tried again.
    Failed,
    /// It was overtaken before it left.
    Dropped,
    /// No more attempts: the unit was not reached.
    Abandoned,
    /// It is not sent.
    Suppressed,
}

impl Fate {
    /// Its name on the pages.
    pub fn chinese(self) -> &'static str {
        match self {
            Fate::Requested => "待生成",
            Fate::Queued => "待发送",
            Fate::Attempted => "发送中",
            Fate::Delivered => "已送达",
            Fate::Failed => "未成功,将重试",
            Fate::Abandoned => "未能送达",
            Fate::Suppressed | Fate::Dropped => "未发送",
        }
    }

    /// The same in the language of a page.
    pub(crate) fn said(self, tongue: Tongue) -> &'static str {
        match (self, tongue) {
            (Fate::Requested, Tongue::English) => "to be made",
            (Fate::Queued, Tongue::English) => "to be sent",
            (Fate::Attempted, Tongue::English) => "being sent",
            _ => tongue.say(self.chinese()),
        }
    }

    /// Its style class.
    pub fn class(self) -> &'static str {
        match self {
            Fate::Requested | Fate::Queued | Fate::Attempted => "pending",
            Fate::Delivered => "delivered",
            Fate::Failed => "failed",
            Fate::Abandoned => "abandoned",
            Fate::Suppressed | Fate::Dropped => "suppressed",
        }
    }
}

/// One notice.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its id: the record that asked for it.
    pub id: RecordId,
    /// When it was asked for.
    pub at: Timestamp,
    /// The place of its duty in the projection, if that is known.
    pub duty: Option<u32>,
    /// The place of its ledger in the projection, if it belongs to one.
    pub ledger: Option<u32>,
    /// Who owes.
    pub unit: Arc<str>,
    /// What sort of notice.
    pub kind: NoticeKind,
    /// Which step.
    pub step: Arc<str>,
    /// Which rung.
    pub tier: Tier,
    /// The unit whose people are told.
    pub to: Arc<str>,
    /// Why, in one Chinese sentence.
    pub reason: Arc<str>,
    /// Steps that this one notice stands for.
    pub covers: Box<[Arc<str>]>,
    /// `unit/contact`, its title and the channel, once a receiver was found.
    pub contact: Option<(Arc<str>, Arc<str>, Channel)>,
    /// What became of it.
    pub fate: Fate,
    /// Attempts announced so far.
    pub attempts: u32,
    /// An earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// The last answer, or why it was suppressed or abandoned.
    pub detail: Arc<str>,
    /// When it came to stand as it does.
    pub since: Timestamp,
    /// It is not sent because nobody is there to be told.
    pub nobody: bool,
    /// What few notices have: others that it follows or that follow it.
    again: Option<Box<Again>>,
}

/// How a notice hangs together with others about the same.
#[derive(Clone, Debug, Default)]
struct Again {
    instead_of: Option<RecordId>,
    followed_by: Option<RecordId>,
    asked: Option<RecordId>,
}

impl Notice {
    /// The notice that did not reach its receiver and for which this one stands in.
    pub fn instead_of(&self) -> Option<RecordId> {
        self.again.as_ref()?.instead_of
    }

    /// The notice that stands in for this one.
    pub fn followed_by(&self) -> Option<RecordId> {
        self.again.as_ref()?.followed_by
    }

    /// Somebody asked for another try and has no answer yet.
    pub fn is_asked_again(&self) -> bool {
        self.again
            .as_ref()
            .is_some_and(|again| again.asked.is_some())
    }

    /// Whether another try can be asked for: it was given up, and nothing stands in for it.
    pub fn can_be_retried(&self) -> bool {
        self.fate == Fate::Abandoned && self.followed_by().is_none() && !self.is_asked_again()
    }

    /// It comes to stand otherwise.
    pub(super) fn stand(&mut self, fate: Fate, at: Timestamp) {
        self.fate = fate;
        self.since = at;
    }

    /// The unit whose person was told; until somebody is found, the one that was to be.
    pub fn told_unit(&self) -> &str {
        let contact = self.contact.as_ref().map(|(contact, _, _)| &**contact);
        let told = contact.and_then(|contact| contact.split('/').next());
        told.unwrap_or(&self.to)
    }

    /// A notice that was just asked for.
    pub(super) fn requested(
        id: RecordId,
        at: Timestamp,
        request: &NoticeRequested,
        of: (Option<u32>, Option<u32>),
        shared: &mut Shared,
    ) -> Notice {
        let (duty, ledger) = of;
        Notice {
            id,
            at,
            duty,
            ledger,
            unit: shared.text(&request.unit),
            kind: request.kind,
            step: shared.text(&request.step),
            tier: request.tier,
            to: shared.text(&request.to),
            reason: shared.text(&request.reason),
            covers: request.covers.iter().map(|s| shared.text(s)).collect(),
            contact: None,
            fate: Fate::Requested,
            attempts: 0,
            possible_duplicate: false,
            detail: shared.text(""),
            since: at,
            nobody: false,
            again: None,
        }
    }
}

/// The notices kept, in the order in which they were asked for.
#[derive(Debug, Default)]
pub struct Notices {
    kept: VecDeque<Notice>,
    /// The place of the first one kept, counted over all there ever were.
    first: u64,
    by_id: BTreeMap<RecordId, u64>,
    /// The newest of each unit whose people are told.
    inboxes: BTreeMap<Arc<str>, VecDeque<u64>>,
    /// The places of those that reached nobody: given up, or without anybody to be told.
    unreached: BTreeSet<u64>,
    /// Requests to try one again that are not answered yet, with the notice each is about.
    asked: BTreeMap<RecordId, RecordId>,
}

impl Notices {
    /// Adds one and returns its place; the oldest goes when there are too many.
    pub fn push(&mut self, notice: Notice) -> u64 {
        if self.kept.len() == NOTICES_KEPT
            && let Some(oldest) = self.kept.pop_front()
        {
            self.by_id.remove(&oldest.id);
            self.unreached.remove(&self.first);
            self.first += 1;
        }
        let place = self.first + self.kept.len() as u64;
        self.by_id.insert(notice.id, place);
        self.kept.push_back(notice);
        place
    }

    /// The notice at a place, if it is still kept.
    pub fn at(&self, place: u64) -> Option<&Notice> {
        let offset = place.checked_sub(self.first)?;
        self.kept.get(usize::try_from(offset).ok()?)
    }

    /// The notice with this id, if it is still kept.
    pub fn get(&self, id: RecordId) -> Option<&Notice> {
        self.at(*self.by_id.get(&id)?)
    }

    /// As [`Notices::get`], to change it.
    pub fn get_mut(&mut self, id: RecordId) -> Option<&mut Notice> {
        let offset = self.by_id.get(&id)?.checked_sub(self.first)?;
        self.kept.get_mut(usize::try_from(offset).ok()?)
    }

    /// A notice reached nobody.
    pub(super) fn miss(&mut self, id: RecordId) {
        self.unreached.extend(self.by_id.get(&id));
    }

    /// Those that reached nobody, whatever came after, the oldest first.
    pub fn unreached(&self) -> impl Iterator<Item = &Notice> {
        self.unreached.iter().filter_map(|place| self.at(*place))
    }

    /// One notice stands in for another.
    pub(super) fn follow(&mut self, before: RecordId, after: RecordId) {
        if let Some(notice) = self.get_mut(after) {
            notice.again.get_or_insert_default().instead_of = Some(before);
        }
        if let Some(notice) = self.get_mut(before) {
            let again = notice.again.get_or_insert_default();
            again.followed_by = Some(after);
            if let Some(asked) = again.asked.take() {
                self.asked.remove(&asked);
            }
        }
    }

    /// A fact asks for another try.
    pub(super) fn ask_again(&mut self, fact: RecordId, id: RecordId) {
        if let Some(notice) = self.get_mut(id) {
            let before = notice.again.get_or_insert_default().asked.replace(fact);
            if let Some(before) = before {
                self.asked.remove(&before);
            }
            self.asked.insert(fact, id);
        }
    }

    /// The other try that a fact asked for was refused.
    pub(super) fn refuse(&mut self, fact: RecordId) {
        let Some(id) = self.asked.remove(&fact) else {
            return;
        };
        if let Some(again) = self.get_mut(id).and_then(|notice| notice.again.as_mut())
            && again.asked == Some(fact)
        {
            again.asked = None;
        }
    }

    /// A notice with those that came before and after it about the same, the earliest first.
    pub fn chain<'a>(&'a self, notice: &'a Notice) -> Vec<&'a Notice> {
        // Ids are hashes of what came before: there is no circle.
        let back = |of: &&'a Notice| of.instead_of().and_then(|id| self.get(id));
        let on = |of: &&'a Notice| of.followed_by().and_then(|id| self.get(id));
        let mut chain: Vec<&Notice> = std::iter::successors(Some(notice), back).collect();
        chain.reverse();
        chain.extend(std::iter::successors(on(&notice), on));
        chain
    }

    /// Puts a notice into the inbox of a unit.
    pub(super) fn put_into(&mut self, unit: &Arc<str>, place: u64) {
        let inbox = self.inboxes.entry(Arc::clone(unit)).or_default();
        if inbox.back() == Some(&place) {
            return;
        }
        if inbox.len() == INBOX_KEPT {
            inbox.pop_front();
        }
        inbox.push_back(place);
    }

    /// A receiver was found for a notice, maybe of another unit than the one that was to be told.
    pub(super) fn settle(&mut self, id: RecordId) {
        let Some(place) = self.by_id.get(&id).copied() else {
            return;
        };
        let told = self.at(place).map(|notice| {
            let told: Arc<str> = notice.told_unit().into();
            (told != notice.to).then_some(told)
        });
        if let Some(Some(unit)) = told {
            self.put_into(&unit, place);
        }
    }

    /// What the people of a unit were told, the newest first.
    pub fn inbox<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = &'a Notice> {
        let places = self.inboxes.get(unit).into_iter().flatten().rev();
        places
            .filter_map(|place| self.at(*place))
            .filter(move |notice| notice.told_unit() == unit)
    }

    /// All that are kept, the newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Notice> {
        self.kept.iter().rev()
    }

    /// Those at a place and before it, each with its place, the newest first; of no place, all.
    pub fn newest_from(&self, place: Option<u64>) -> impl Iterator<Item = (u64, &Notice)> {
        let end = place.map_or(self.total(), |place| {
            self.total().min(place.saturating_add(1))
        });
        let kept = usize::try_from(end.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let shown = self.kept.range(..kept.min(self.kept.len()));
        shown
            .enumerate()
            .rev()
            .map(|(n, notice)| (self.first + n as u64, notice))
    }

    /// How many there ever were.
    pub fn total(&self) -> u64 {
        self.first + self.kept.len() as u64
    }
}
