//! Who is told: from a rung of the ladder to one contact, resolved when the notice is decided.

use duban_model::Directory;
use duban_model::decision::NoticeRequested;
use duban_model::definition::Tier;
use duban_model::directory::{Channel, Contact, Unit};

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

/// The contact of the rung asked for. An empty rung is skipped at once: the unit's other people,
/// then the supervising office.
pub(crate) fn resolve(
    directory: &Directory,
    request: &NoticeRequested,
    office: Option<&str>,
) -> Option<Receiver> {
    let unit = |id: &str| directory.units.get(id);
    let contacts = |u: &Unit| u.contacts.clone();
    let leader = |u: &Unit| u.leader.iter().cloned().collect::<Vec<_>>();
    let to = unit(&request.to);
    let (wanted, others) = match request.tier {
        Tier::Leader => (to.map(leader), to.map(contacts)),
        Tier::Contact | Tier::Lead | Tier::Office | Tier::LeadingGroup => {
            (to.map(contacts), to.map(leader))
        }
    };
    let first = |id: &str, people: Option<Vec<Contact>>, instead: Option<String>| {
        people
            .into_iter()
            .flatten()
            .find_map(|contact| reachable(id, &contact, instead.clone()))
    };
    first(&request.to, wanted, None)
        .or_else(|| {
            let why = format!(
                "{}无可用的应通知人员,转告本单位其他人员",
                directory.shown(&request.to)
            );
            first(&request.to, others, Some(why))
        })
        .or_else(|| {
            let office = office?;
            let why = format!(
                "{}没有可用的联系方式,转告主管部门",
                directory.shown(&request.to)
            );
            first(office, unit(office).map(contacts), Some(why))
        })
}

fn reachable(unit: &str, contact: &Contact, instead: Option<String>) -> Option<Receiver> {
    let channels: &[Channel] = if contact.channels.is_empty() {
        &[Channel::Mail]
    } else {
        &contact.channels
    };
    let channel = channels
        .iter()
        .copied()
        .find(|channel| *channel != Channel::Mail || contact.mail.is_some())?;
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
