//! What the notifier remembers: a fold of its own records.

use std::collections::{BTreeMap, BTreeSet};

use duban_model::calendar::Calendar;
use duban_model::decision::{LedgerNoted, NoticeQueued, NoticeRequested};
use duban_model::definition::{Language, Role, Tier};
use duban_model::delivery::Hours;
use duban_model::directory::Channel;
use duban_model::gathered::NoticeBundled;
use duban_model::notice::NoticeKind;
use duban_model::silence::SilenceNoted;
use duban_model::state::AnyTable;
use duban_model::{Directory, NoticeId, RecordId, State, Table, Timestamp, Zone};
use duban_wording::Wording;
use serde::{Deserialize, Serialize};

use crate::again::Kept;

/// Sends over one channel announced and not reported, at most, where the other side takes what comes.
/// What waits behind them is not announced yet, so a crash leaves no more than these with an unknown
/// outcome.
pub const IN_FLIGHT: usize = 128;
/// The same where the other side takes few a minute: each of them may wait long for its turn.
pub const IN_FLIGHT_SLOW: usize = 32;

/// Sends over a channel announced and not reported, at most.
pub(crate) fn most_in_flight(channel: Channel) -> usize {
    match channel {
        Channel::Mail | Channel::Webhook | Channel::Inbox => IN_FLIGHT,
        Channel::WecomRobot
        | Channel::DingtalkRobot
        | Channel::FeishuRobot
        | Channel::WecomApp
        | Channel::Sms => IN_FLIGHT_SLOW,
    }
}

/// A notice whose end is not known yet, or the message that stands for several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// For whom.
    pub tenant: String,
    /// Which ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<String>,
    /// What is sent.
    pub queued: NoticeQueued,
    /// When it was queued.
    pub since: Timestamp,
    /// Attempts announced so far.
    pub attempt: u32,
    /// The last one announced has not been reported.
    pub announced: bool,
    /// An earlier attempt may have arrived.
    pub possible_duplicate: bool,
    /// It waits in the window of its receiver.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// The message that stands for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<NoticeId>,
    /// The notices that it stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covers: Vec<NoticeId>,
    /// Waits between attempts so far, in milliseconds, quiet hours and maintenance not counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_millis: i64,
    /// The last record about it.
    pub last: RecordId,
    /// The outermost cause.
    pub correlation: RecordId,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Pending {
    /// Queued and never announced, and nothing keeps it back.
    fn is_waiting(&self) -> bool {
        self.attempt == 0 && !self.held && self.bundle.is_none()
    }

    /// Where it waits: one window for each person and channel.
    pub(crate) fn window(&self) -> String {
        window_of(&self.tenant, &self.queued)
    }

    /// The row of a message that stands for several notices.
    pub(crate) fn of_bundle(bundle: &NoticeBundled, tenant: &str) -> NoticeQueued {
        let unit = bundle.contact.split('/').next().unwrap_or_default();
        NoticeQueued {
            notice: bundle.notice.clone(),
            // What a digest is about: its receiver, so that digests to one person form one thread.
            request: NoticeRequested {
                obligation: format!("{tenant}/digest/{}", bundle.contact),
                task: String::new(),
                unit: unit.to_owned(),
                role: Role::Responsible,
                kind: NoticeKind::Digest,
                step: NoticeKind::Digest.as_str().to_owned(),
                tier: Tier::Contact,
                to: unit.to_owned(),
                first: None,
                due: None,
                due_at: None,
                occasion: None,
                covers: Vec::new(),
                missing: Vec::new(),
                reason: String::new(),
            },
            contact: bundle.contact.clone(),
            contact_title: bundle.contact_title.clone(),
            channel: bundle.channel,
            address: bundle.address.clone(),
            subject: bundle.subject.clone(),
            text: bundle.text.clone(),
            instead_of: None,
            tried: Vec::new(),
            held: None,
        }
    }
}

/// The window of a notice's receiver.
pub(crate) fn window_of(tenant: &str, queued: &NoticeQueued) -> String {
    format!("{tenant}/{}@{}", queued.contact, queued.channel.as_str())
}

/// A window that is open: what comes to this person is gathered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// When what was gathered leaves.
    pub until: Timestamp,
}

/// What the notifier remembers.
#[derive(Debug)]
pub struct NotifierState {
    /// By tenant.
    pub(crate) directories: Table<Directory>,
    /// By ledger id.
    pub(crate) ledgers: Table<LedgerNoted>,
    /// By notice id. Passing: it follows the world's answers.
    pub(crate) pending: Table<Pending>,
    /// By `tenant/silence`.
    pub(crate) silences: Table<SilenceNoted>,
    /// By `tenant/unit/contact@channel`. Passing: windows follow the world's answers.
    pub(crate) windows: Table<Window>,
    /// What was given up and may be asked for again.
    pub(crate) abandoned: Kept,
    /// By `tenant/id`.
    pub(crate) calendars: Table<Calendar>,
    /// Channels that contacts chose, by `tenant/unit/contact`.
    pub(crate) preferences: Table<Vec<Channel>>,
    /// Derived: each ledger's texts, compiled.
    pub(crate) wordings: BTreeMap<String, Wording>,
    /// Derived: the texts for what belongs to no ledger.
    pub(crate) plain: Wording,
    /// Derived: announced and not reported.
    in_flight: BTreeMap<Channel, BTreeSet<String>>,
    /// Derived: queued and never announced, in the order of queueing.
    waiting: BTreeMap<Channel, BTreeSet<(Timestamp, String)>>,
    /// Derived: held notices by window, in the order of queueing.
    held: BTreeMap<String, BTreeSet<(Timestamp, String)>>,
    /// Derived: held notices by what they are about.
    about: BTreeSet<(String, String)>,
}

impl Default for NotifierState {
    fn default() -> Self {
        Self {
            directories: Table::domain(1),
            ledgers: Table::domain(2),
            pending: Table::passing(3),
            silences: Table::domain(4),
            windows: Table::passing(5),
            abandoned: Kept::default(),
            calendars: Table::domain(6),
            preferences: Table::domain(7),
            wordings: BTreeMap::new(),
            plain: Wording::new(Language::default(), &BTreeMap::new()),
            in_flight: BTreeMap::new(),
            waiting: BTreeMap::new(),
            held: BTreeMap::new(),
            about: BTreeSet::new(),
        }
    }
}

impl State for NotifierState {
    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.directories,
            &mut self.ledgers,
            &mut self.pending,
            &mut self.silences,
            &mut self.windows,
            &mut self.calendars,
            &mut self.abandoned.rows,
            &mut self.preferences,
        ]
    }

    fn tables_ref(&self) -> Vec<&dyn AnyTable> {
        vec![
            &self.directories,
            &self.ledgers,
            &self.pending,
            &self.silences,
            &self.windows,
            &self.calendars,
            &self.abandoned.rows,
            &self.preferences,
        ]
    }

    fn loaded(&mut self) {
        self.wordings = self
            .ledgers
            .iter()
            .map(|(id, ledger)| (id.clone(), Wording::new(ledger.language, &ledger.notices)))
            .collect();
        self.abandoned.loaded();
        self.in_flight.clear();
        self.waiting.clear();
        self.held.clear();
        self.about.clear();
        let ids: Vec<String> = self.pending.iter().map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.place(&id);
        }
    }
}

impl NotifierState {
    /// Changes a pending row and keeps what is derived from it.
    pub(crate) fn update(&mut self, id: &str, change: impl FnOnce(&mut Pending)) {
        self.displace(id);
        self.pending.change(id, change);
        self.place(id);
    }

    /// Takes a notice out of what is derived from its row.
    fn displace(&mut self, id: &str) {
        let Some(pending) = self.pending.get(id) else {
            return;
        };
        let channel = pending.queued.channel;
        let place = (pending.since, id.to_owned());
        if pending.announced
            && let Some(flying) = self.in_flight.get_mut(&channel)
        {
            flying.remove(id);
        }
        if pending.is_waiting()
            && let Some(waiting) = self.waiting.get_mut(&channel)
        {
            waiting.remove(&place);
        } else if pending.held {
            let about = (pending.queued.request.obligation.clone(), id.to_owned());
            self.about.remove(&about);
            let window = pending.window();
            if let Some(held) = self.held.get_mut(&window) {
                held.remove(&place);
                if held.is_empty() {
                    self.held.remove(&window);
                    self.windows.remove(&window);
                }
            }
        }
    }

    /// Puts a notice where its row says it stands: held, waiting, in flight, or none of them.
    pub(crate) fn place(&mut self, id: &str) {
        let Some(pending) = self.pending.get(id) else {
            return;
        };
        let channel = pending.queued.channel;
        let place = (pending.since, id.to_owned());
        if pending.announced {
            let flying = self.in_flight.entry(channel).or_default();
            flying.insert(id.to_owned());
        }
        if pending.is_waiting() {
            self.waiting.entry(channel).or_default().insert(place);
        } else if pending.held {
            let about = (pending.queued.request.obligation.clone(), id.to_owned());
            self.about.insert(about);
            self.held.entry(pending.window()).or_default().insert(place);
        }
    }

    /// A notice, or a message that stands for several, comes to be.
    pub(crate) fn take(&mut self, id: &str, pending: Pending) {
        self.pending.put(id, pending);
        self.place(id);
    }

    /// A notice waits in its window until an instant.
    pub(crate) fn hold(&mut self, id: &str, until: Timestamp) {
        self.update(id, |pending| pending.held = true);
        if let Some(window) = self.pending.get(id).map(Pending::window) {
            self.open(window, until);
        }
    }

    /// A window is open until an instant, or is moved there.
    pub(crate) fn open(&mut self, window: String, until: Timestamp) {
        if self
            .windows
            .get(&window)
            .is_none_or(|open| open.until != until)
        {
            self.windows.put(window, Window { until });
        }
    }

    /// A notice is given up, or each of those that a message stands for.
    pub(crate) fn give_up(&mut self, id: &str, at: Timestamp) {
        let Some(pending) = self.pending.get(id) else {
            return;
        };
        if pending.covers.is_empty() {
            self.abandoned.abandon(id, pending, at);
        }
        for covered in &pending.covers {
            if let Some(pending) = self.pending.get(covered) {
                self.abandoned.abandon(covered, pending, at);
            }
        }
    }

    /// A notice has its end, and so have those that it stands for.
    pub(crate) fn end(&mut self, id: &str) {
        self.displace(id);
        let ended = self.pending.remove(id);
        for covered in ended.into_iter().flat_map(|ended| ended.covers) {
            self.displace(&covered);
            self.pending.remove(&covered);
        }
    }

    /// Notices whose end is not known yet, in id order.
    pub fn pending(&self) -> impl Iterator<Item = (&String, &Pending)> {
        self.pending.iter()
    }

    /// Sends over a channel that are announced and not reported.
    pub(crate) fn flying(&self, channel: Channel) -> usize {
        self.in_flight.get(&channel).map_or(0, BTreeSet::len)
    }

    /// What waits for room on a channel, the one that has waited longest first.
    pub(crate) fn waiting(&self, channel: Channel) -> impl Iterator<Item = (&str, &Pending)> {
        let waiting = self.waiting.get(&channel).into_iter().flatten();
        waiting.filter_map(|(_, id)| Some((id.as_str(), self.pending.get(id)?)))
    }

    /// What is held in a window, in the order of queueing.
    pub(crate) fn held(&self, window: &str) -> impl Iterator<Item = (&str, &Pending)> {
        let held = self.held.get(window).into_iter().flatten();
        held.filter_map(|(_, id)| Some((id.as_str(), self.pending.get(id)?)))
    }

    /// What is held about a duty, in id order.
    pub(crate) fn held_about(&self, obligation: &str) -> impl Iterator<Item = (&str, &Pending)> {
        let from = (obligation.to_owned(), String::new());
        self.about
            .range(from..)
            .take_while(move |(about, _)| about == obligation)
            .filter_map(|(_, id)| Some((id.as_str(), self.pending.get(id)?)))
    }

    /// When the people of a unit may be disturbed, if not always.
    pub(crate) fn hours(&self, tenant: &str, unit: &str) -> Option<Hours> {
        let directory = self.directories.get(tenant)?;
        let own = directory.units.get(unit).and_then(|unit| unit.hours);
        own.or(directory.delivery.hours)
    }

    /// The zone and calendar in which a notice's hours are meant.
    pub(crate) fn place_of(&self, tenant: &str, ledger: Option<&str>) -> (Zone, Option<&Calendar>) {
        let noted = ledger.and_then(|ledger| self.ledgers.get(ledger));
        let zone = noted.map_or(Zone::SHANGHAI, |noted| noted.zone);
        let calendar = noted.and_then(|noted| {
            let key = format!("{tenant}/{}", noted.calendar);
            self.calendars.get(&key)
        });
        (zone, calendar)
    }
}
