//! A contact's choice among the channels that the office allows.

use duban_model::decision::ContactPreferenceNoted;
use duban_model::directory::Channel;
use duban_model::fact::ContactPreferred;
use duban_model::{Body, Directory, Record};

use crate::desk::rejection;

/// Under which key a choice is kept; `contact` is `unit/contact`.
pub(crate) fn key(tenant: &str, contact: &str) -> String {
    format!("{tenant}/{contact}")
}

/// The choice as it holds from now on, or why it is not taken. One sent under a unit's former id is
/// its successor's.
pub(crate) fn decide(
    directory: Option<&Directory>,
    record: &Record,
    asked: &ContactPreferred,
) -> Body {
    let reject = |code: &str, found: String, expected: String, remedy: &str| {
        rejection(record, code, (found, expected), remedy)
    };
    let unit = directory.and_then(|directory| directory.current(&asked.unit));
    let person = unit.and_then(|(id, unit)| {
        let found = unit.people().find(|person| person.id == asked.contact);
        found.map(|person| (id, person))
    });
    let Some((unit, person)) = person else {
        let known = unit.map_or_else(
            || "a unit of the directory in force".to_owned(),
            |(_, unit)| {
                let ids: Vec<&str> = unit.people().map(|person| person.id.as_str()).collect();
                format!("one of {}", ids.join(", "))
            },
        );
        return reject(
            "unknown-contact",
            format!("contact `{}` of unit `{}`", asked.contact, asked.unit),
            known,
            "Correct the contact's id and send it again under a new id.",
        );
    };
    let allowed = person.allowed();
    if let Some(channel) = asked.channels.iter().find(|c| !allowed.contains(c)) {
        let words: Vec<&str> = allowed.iter().map(|c| c.as_str()).collect();
        return reject(
            "channel-not-allowed",
            format!("channel {} for {unit}/{}", channel.as_str(), person.id),
            format!("some of {}", words.join(", ")),
            "Choose among the channels that the directory gives this contact, or have the office add one.",
        );
    }
    let mut channels: Vec<Channel> = Vec::new();
    for channel in &asked.channels {
        if !channels.contains(channel) {
            channels.push(*channel);
        }
    }
    Body::ContactPreferenceNoted(ContactPreferenceNoted {
        contact: format!("{unit}/{}", person.id),
        channels,
        by: asked.by.clone(),
    })
}
