//! Who is told: from a rung of the ladder to one contact, resolved when the notice is decided.

use std::collections::BTreeSet;

use duban_model::Directory;
use duban_model::decision::{NoticeQueued, NoticeRequested};
use duban_model::definition::Tier;
use duban_model::directory::{Channel, Contact};

/// The most channels of one person that are tried.
const MAX_CHANNELS: usize = Channel::ALL.len();
/// The most receivers that are tried for one request.
const MAX_RECEIVERS: usize = 16;

/// One contact on one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// `unit/contact`
    pub contact: String,
    pub title: String,
    pub channel: Channel,
    pub address: Option<String>,
    /// Set when the rung asked for was empty: why somebody else is told.
    pub instead: Option<String>,
}

/// Who can be told, best first. The people of the rung asked for come first, each on the channel
/// that they prefer; an empty rung is skipped at once: the unit's other people follow, then the same
/// people on their other channels, then the supervising office.
fn candidates(
    directory: &Directory,
    request: &NoticeRequested,
    office: Option<&str>,
) -> Vec<Receiver> {
    let shown = || directory.shown(&request.to);
    let mut list = Vec::new();
    if let Some(unit) = directory.units.get(&request.to) {
        let contacts = || unit.contacts.iter();
        let leader = || unit.leader.iter();
        let (wanted, others): (Vec<&Contact>, Vec<&Contact>) = match request.tier {
            Tier::Leader => (leader().collect(), contacts().collect()),
            Tier::Contact | Tier::Lead | Tier::Office | Tier::LeadingGroup => {
                (contacts().collect(), leader().collect())
            }
        };
        let (wanted, others) = handed_over(request, wanted, others);
        let elsewhere = format!("{}无可用的应通知人员,转告本单位其他人员", shown());
        for choice in 0..MAX_CHANNELS {
            for person in &wanted {
                list.extend(on_channel(&request.to, person, choice, None));
            }
            for person in &others {
                let why = Some(elsewhere.clone());
                list.extend(on_channel(&request.to, person, choice, why));
            }
        }
    }
    if let Some((id, unit)) = office.and_then(|id| Some((id, directory.units.get(id)?))) {
        let why = format!("{}没有可用的联系方式,转告主管部门", shown());
        for choice in 0..MAX_CHANNELS {
            for person in &unit.contacts {
                list.extend(on_channel(id, person, choice, Some(why.clone())));
            }
        }
    }
    // The office's own people are asked once, though they stand in both lists.
    let mut seen = BTreeSet::new();
    list.retain(|receiver| seen.insert(receiver.key()));
    list.truncate(MAX_RECEIVERS);
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

/// The receiver of a request.
pub(crate) fn resolve(
    directory: &Directory,
    request: &NoticeRequested,
    office: Option<&str>,
) -> Option<Receiver> {
    candidates(directory, request, office).into_iter().next()
}

/// The next receiver after those that were tried in vain.
pub(crate) fn next(
    directory: &Directory,
    failed: &NoticeQueued,
    office: Option<&str>,
) -> Option<Receiver> {
    let tried = |receiver: &Receiver| {
        let key = receiver.key();
        failed.tried.contains(&key) || key == tried_as(&failed.contact, failed.channel)
    };
    let mut next = candidates(directory, &failed.request, office)
        .into_iter()
        .find(|receiver| !tried(receiver))?;
    let unit = failed.contact.split('/').next().unwrap_or_default();
    next.instead = Some(format!(
        "{}{}未能收到同一通知({}不通),改为通知您",
        directory.shown(unit),
        failed.contact_title,
        failed.channel.chinese(),
    ));
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

/// A person on the channel that is so many places down the person's list, of those that can be used.
fn on_channel(
    unit: &str,
    contact: &Contact,
    choice: usize,
    instead: Option<String>,
) -> Option<Receiver> {
    let channels: &[Channel] = if contact.channels.is_empty() {
        &[Channel::Mail]
    } else {
        &contact.channels
    };
    let channel = channels
        .iter()
        .copied()
        .filter(|channel| *channel != Channel::Mail || contact.mail.is_some())
        .nth(choice)?;
    Some(Receiver {
        contact: format!("{unit}/{}", contact.id),
        title: contact.title.clone(),
        channel,
        address: match channel {
            Channel::Mail => contact.mail.clone(),
            // Addresses of robots and gateways are the installation's, never the directory's.
            Channel::Webhook
            | Channel::WecomRobot
            | Channel::DingtalkRobot
            | Channel::FeishuRobot
            | Channel::WecomApp
            | Channel::Sms => None,
        },
        instead,
    })
}
