//! Who is told: from a rung of the ladder to one contact, resolved when the notice is decided.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use duban_model::decision::{LedgerNoted, NoticeQueued, NoticeRequested};
use duban_model::definition::{Language, Tier};
use duban_model::directory::{Channel, Contact, MAX_SUBSTITUTES};
use duban_model::{Directory, Timestamp, Zone};
use duban_wording::{Instead, instead, joined};

use crate::preference;
use crate::state::NotifierState;

/// The most channels of one person that are tried.
const MAX_CHANNELS: usize = Channel::ALL.len();
/// The most receivers of the unit itself that are tried for one request.
const MAX_OWN: usize = 16;
/// The most receivers of the units above it.
const MAX_ABOVE: usize = 8;
/// The most receivers of the supervising office.
const MAX_OFFICE: usize = 8;
/// The most receivers who are away, when nobody else is left.
const MAX_AWAY: usize = 4;

/// One contact on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// `unit/contact`
    pub contact: String,
    pub title: String,
    pub channel: Channel,
    pub address: Option<String>,
    /// Set when somebody else is told than the one asked for: why, for its reader.
    pub instead: Option<String>,
    /// The part of it that says for whom the reader stands in.
    behalf: Option<String>,
}

/// What a receiver is looked for in.
pub(crate) struct Setting<'a> {
    pub directory: &'a Directory,
    /// The supervising office, of what belongs to a ledger.
    pub office: Option<&'a str>,
    /// The day of the input in the ledger's zone.
    pub day: NaiveDate,
    /// The language of the ledger's notices.
    pub language: Language,
    /// The channels that a contact (`unit/contact`) chose.
    pub chosen: &'a dyn Fn(&str) -> Option<&'a [Channel]>,
}

/// Somebody who can be told.
struct Person<'a> {
    /// `unit/contact`
    name: String,
    contact: &'a Contact,
    /// Best first.
    channels: Vec<Channel>,
    /// Why: the rung asked for was empty.
    why: Option<String>,
    /// Why: somebody is away.
    behalf: Option<String>,
}

/// How many receivers are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Best,
    All,
}

/// Those who can be told, and those who are away.
#[derive(Default)]
struct People<'a> {
    present: Vec<Person<'a>>,
    away: Vec<Person<'a>>,
}

/// Who can be told, best first. The people of the rung asked for come first, each on the channel
/// that they prefer; an empty rung is skipped at once: the unit's other people follow, then the same
/// people on their other channels, then the units above it, then the supervising office. In the
/// place of somebody who is away stands whoever stands in; they themselves come last of all.
///
/// Where only the best is wanted, those after the unit's own people are looked for only if it has none.
fn candidates(setting: &Setting<'_>, request: &NoticeRequested, wanted: Wanted) -> Vec<Receiver> {
    let directory = setting.directory;
    let unit = directory.shown(&request.to);
    let say = |why| Some(instead(&why, setting.language));
    let mut away = Vec::new();
    let mut list = Vec::new();
    if let Some((id, entry)) = directory.units.get_key_value(&request.to) {
        let contacts = || entry.contacts.iter();
        let leader = || entry.leader.iter();
        let (wanted, others): (Vec<&Contact>, Vec<&Contact>) = match request.tier {
            Tier::Leader => (leader().collect(), contacts().collect()),
            Tier::Contact | Tier::Lead | Tier::Office | Tier::LeadingGroup => {
                (contacts().collect(), leader().collect())
            }
        };
        let (wanted, others) = handed_over(request, wanted, others);
        let mut own = People::default();
        own.add(setting, id, &wanted, None);
        own.add(
            setting,
            id,
            &others,
            say(Instead::Colleague { unit: &unit }),
        );
        list.extend(own.receivers(&mut away, MAX_OWN));
    }
    if wanted == Wanted::Best && !list.is_empty() {
        list.truncate(1);
        return said(list, setting);
    }
    let mut above = People::default();
    for (id, entry) in directory.superiors(&request.to) {
        let contacts: Vec<&Contact> = entry.contacts.iter().collect();
        let why = if setting.office == Some(id) {
            Instead::Office { unit: &unit }
        } else {
            Instead::Superior { unit: &unit }
        };
        above.add(setting, id, &contacts, say(why));
    }
    list.extend(above.receivers(&mut away, MAX_ABOVE));
    if let Some((id, entry)) = setting
        .office
        .and_then(|id| directory.units.get_key_value(id))
    {
        let contacts: Vec<&Contact> = entry.contacts.iter().collect();
        let mut office = People::default();
        office.add(setting, id, &contacts, say(Instead::Office { unit: &unit }));
        list.extend(office.receivers(&mut away, MAX_OFFICE));
    }
    let mut last = People {
        present: away,
        away: Vec::new(),
    };
    for person in &mut last.present {
        person.behalf = say(Instead::Away);
    }
    list.extend(last.receivers(&mut Vec::new(), MAX_AWAY));
    // The office's own people are asked once, though they stand in several lists.
    let mut seen = BTreeSet::new();
    list.retain(|receiver| seen.insert(receiver.key()));
    said(list, setting)
}

/// Receivers who are told instead of somebody hear all of the reasons.
fn said(mut list: Vec<Receiver>, setting: &Setting<'_>) -> Vec<Receiver> {
    for receiver in &mut list {
        let why = receiver.instead.take().into_iter();
        let parts: Vec<String> = why.chain(receiver.behalf.clone()).collect();
        receiver.instead = (!parts.is_empty()).then(|| joined(&parts, setting.language));
    }
    list
}

/// Those who are wanted and the others, with whom the duty was handed to before all of them. Whoever
/// has left the directory is passed over.
fn handed_over<'a>(
    request: &NoticeRequested,
    mut wanted: Vec<&'a Contact>,
    mut others: Vec<&'a Contact>,
) -> (Vec<&'a Contact>, Vec<&'a Contact>) {
    let Some(first) = &request.first else {
        return (wanted, others);
    };
    let place = |list: &[&Contact]| list.iter().position(|contact| contact.id == *first);
    if let Some(place) = place(&wanted) {
        wanted[..=place].rotate_right(1);
    } else if let Some(place) = place(&others) {
        wanted.insert(0, others.remove(place));
    }
    (wanted, others)
}

impl<'a> People<'a> {
    /// People of one unit, in order.
    fn add(
        &mut self,
        setting: &Setting<'a>,
        unit: &str,
        people: &[&'a Contact],
        why: Option<String>,
    ) {
        for contact in people {
            let person = |name: String, contact: &'a Contact, behalf| Person {
                channels: channels(contact, (setting.chosen)(&name)),
                name,
                contact,
                why: why.clone(),
                behalf,
            };
            let name = format!("{unit}/{}", contact.id);
            let Some(absence) = contact.absence(setting.day) else {
                self.present.push(person(name, contact, None));
                continue;
            };
            if let Some((name, substitute)) = substitute(setting, &absence.substitute) {
                let why = Instead::Substitute {
                    unit: &setting.directory.shown(unit),
                    title: &contact.title,
                    from: absence.from,
                    to: absence.to,
                };
                let behalf = Some(instead(&why, setting.language));
                self.present.push(person(name, substitute, behalf));
            }
            self.away.push(person(name, contact, None));
        }
    }

    /// Everybody present on the first channel, then everybody on the second, and so on.
    fn receivers(self, away: &mut Vec<Person<'a>>, limit: usize) -> Vec<Receiver> {
        away.extend(self.away);
        (0..MAX_CHANNELS)
            .flat_map(|choice| self.present.iter().filter_map(move |p| p.on(choice)))
            .take(limit)
            .collect()
    }
}

/// Who stands in on that day: the one named, or whoever stands in for that one.
fn substitute<'a>(setting: &Setting<'a>, named: &str) -> Option<(String, &'a Contact)> {
    let mut named = named;
    // A circle ends with the limit: nobody of it is there.
    for _ in 0..MAX_SUBSTITUTES {
        let (unit, contact) = setting.directory.person(named)?;
        match contact.absence(setting.day) {
            None => return Some((format!("{unit}/{}", contact.id), contact)),
            Some(absence) => named = &absence.substitute,
        }
    }
    None
}

/// The channels on which a person can be told: those chosen, as far as the office allows them, then
/// the others in the office's order.
fn channels(contact: &Contact, chosen: Option<&[Channel]>) -> Vec<Channel> {
    let usable = |channel: &&Channel| **channel != Channel::Mail || contact.mail.is_some();
    let allowed = contact.allowed();
    let chosen = chosen.unwrap_or_default();
    let first = chosen.iter().filter(|channel| allowed.contains(channel));
    let rest = allowed.iter().filter(|channel| !chosen.contains(channel));
    first.chain(rest).filter(usable).copied().collect()
}

impl Person<'_> {
    /// The person on the channel that is so many places down the list.
    fn on(&self, choice: usize) -> Option<Receiver> {
        let channel = *self.channels.get(choice)?;
        Some(Receiver {
            contact: self.name.clone(),
            title: self.contact.title.clone(),
            channel,
            address: match channel {
                Channel::Mail => self.contact.mail.clone(),
                // Addresses of robots and gateways are the installation's, never the directory's.
                Channel::Webhook
                | Channel::WecomRobot
                | Channel::DingtalkRobot
                | Channel::FeishuRobot
                | Channel::WecomApp
                | Channel::Sms
                | Channel::Inbox => None,
            },
            instead: self.why.clone(),
            behalf: self.behalf.clone(),
        })
    }
}

/// Looks for a receiver as of an instant: in the directory, among the people who are not away then,
/// on the channels that they chose.
pub(crate) fn in_setting(
    state: &NotifierState,
    tenant: &str,
    ledger: Option<&LedgerNoted>,
    at: Timestamp,
    look: impl FnOnce(&Setting<'_>) -> Option<Receiver>,
) -> Option<Receiver> {
    let chosen = |contact: &str| {
        let key = preference::key(tenant, contact);
        state.preferences.get(&key).map(Vec::as_slice)
    };
    look(&Setting {
        directory: state.directories.get(tenant)?,
        office: ledger.map(|l| l.office.as_str()),
        day: at.date_in(ledger.map_or(Zone::SHANGHAI, |l| l.zone)),
        language: ledger.map_or_else(Language::default, |l| l.language),
        chosen: &chosen,
    })
}

/// The receiver of a request.
pub(crate) fn resolve(setting: &Setting<'_>, request: &NoticeRequested) -> Option<Receiver> {
    candidates(setting, request, Wanted::Best)
        .into_iter()
        .next()
}

/// The next receiver after those that were tried in vain.
pub(crate) fn next(setting: &Setting<'_>, failed: &NoticeQueued) -> Option<Receiver> {
    let tried = |receiver: &Receiver| {
        let key = receiver.key();
        failed.tried.contains(&key) || key == tried_as(&failed.contact, failed.channel)
    };
    let mut next = candidates(setting, &failed.request, Wanted::All)
        .into_iter()
        .find(|receiver| !tried(receiver))?;
    let unit = failed.contact.split('/').next().unwrap_or_default();
    let why = Instead::Unreached {
        unit: &setting.directory.shown(unit),
        title: &failed.contact_title,
        channel: failed.channel,
    };
    let why = [instead(&why, setting.language)].into_iter();
    let parts: Vec<String> = why.chain(next.behalf.clone()).collect();
    next.instead = Some(joined(&parts, setting.language));
    Some(next)
}

/// How a receiver is remembered as tried.
pub(crate) fn tried_as(contact: &str, channel: Channel) -> String {
    format!("{contact}@{}", channel.as_str())
}

impl Receiver {
    fn key(&self) -> String {
        tried_as(&self.contact, self.channel)
    }
}
