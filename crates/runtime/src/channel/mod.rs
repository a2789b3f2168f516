//! Channels: ways to reach a contact. A channel answers with an outcome, never with success by default.

mod answer;
mod coded;
mod dingtalk_robot;
mod feishu_robot;
mod folder;
mod http;
mod mail;
mod mail_html;
mod mail_ics;
mod rendered;
mod secret;
mod simulated;
mod sms;
mod smtp;
mod text;
mod webhook;
mod wecom_app;
mod wecom_robot;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use duban_model::Message;
use duban_model::directory::Channel;

use crate::answer_link::AnswerLinks;
use crate::lane::Limit;

pub(crate) use http::{address, client};

pub use answer::{Answer, LONGEST_WAIT_SECONDS};
pub use dingtalk_robot::{
    DINGTALK_ROBOT_PER_MINUTE, DINGTALK_ROBOT_URL, DingtalkRobot, dingtalk_signature,
};
pub use feishu_robot::{
    FEISHU_ROBOT_PER_MINUTE, FEISHU_ROBOT_PER_SECOND, FEISHU_ROBOT_URL, FeishuRobot,
    feishu_signature,
};
pub use folder::Folder;
pub use mail::compose_mail;
pub use rendered::{Rendered, mail_page, rendered};
pub use secret::Secret;
pub use simulated::SimulatedChannel;
pub use sms::{
    MAX_SMS_TEXT_BYTES, MIN_SMS_TEXT_BYTES, SMS_PLACEHOLDERS, SMS_TEXT_BYTES, Sms, SmsBody,
    SmsField, SmsRequest, SmsSigns,
};
pub use smtp::Smtp;
pub use webhook::{Webhook, signature};
pub use wecom_app::{WECOM_APP_PER_MINUTE, WECOM_APP_URL, WecomApp};
pub use wecom_robot::{WECOM_ROBOT_PER_MINUTE, WECOM_ROBOT_URL, WecomRobot};

/// Sends under way at once to a service that is made for it.
const MANY_AT_ONCE: usize = 8;
/// Sends under way at once to a service of unknown patience.
const SOME_AT_ONCE: usize = 4;

/// A way out.
#[derive(Debug)]
pub enum Way {
    /// Mail as `.eml` files in a folder: the default, nothing to install.
    Folder(Folder),
    /// Mail over SMTP.
    Smtp(Smtp),
    /// Signed HTTP requests.
    Webhook(Webhook),
    /// A group robot of WeCom.
    WecomRobot(WecomRobot),
    /// A group robot of DingTalk.
    DingtalkRobot(DingtalkRobot),
    /// A group robot of Feishu.
    FeishuRobot(FeishuRobot),
    /// Messages of a WeCom application.
    WecomApp(WecomApp),
    /// Short messages through a gateway.
    Sms(Sms),
    /// The inbox on the pages, which read it from the log.
    Inbox,
    /// Mail as a simulation has it.
    Simulated(Arc<dyn SimulatedChannel>),
}

impl Way {
    /// The channel that it serves.
    pub fn channel(&self) -> Channel {
        match self {
            Way::Folder(_) | Way::Smtp(_) | Way::Simulated(_) => Channel::Mail,
            Way::Webhook(_) => Channel::Webhook,
            Way::WecomRobot(_) => Channel::WecomRobot,
            Way::DingtalkRobot(_) => Channel::DingtalkRobot,
            Way::FeishuRobot(_) => Channel::FeishuRobot,
            Way::WecomApp(_) => Channel::WecomApp,
            Way::Sms(_) => Channel::Sms,
            Way::Inbox => Channel::Inbox,
        }
    }

    /// The limits of the service behind it. An office may set lower ones.
    pub fn service_limits(&self) -> Vec<Limit> {
        let minute = |messages| Limit {
            messages,
            seconds: 60,
        };
        match self {
            Way::Folder(_)
            | Way::Smtp(_)
            | Way::Webhook(_)
            | Way::Sms(_)
            | Way::Inbox
            | Way::Simulated(_) => Vec::new(),
            Way::WecomRobot(_) => vec![minute(WECOM_ROBOT_PER_MINUTE)],
            Way::DingtalkRobot(_) => vec![minute(DINGTALK_ROBOT_PER_MINUTE)],
            Way::FeishuRobot(_) => vec![
                minute(FEISHU_ROBOT_PER_MINUTE),
                Limit {
                    messages: FEISHU_ROBOT_PER_SECOND,
                    seconds: 1,
                },
            ],
            // The service counts by person; this holds for all, and so for each.
            Way::WecomApp(_) => vec![minute(WECOM_APP_PER_MINUTE)],
        }
    }

    /// Sends under way at once. Robots are asked one after the other.
    pub(crate) fn at_once(&self) -> usize {
        match self {
            Way::Folder(_) | Way::Smtp(_) | Way::Webhook(_) | Way::Simulated(_) => MANY_AT_ONCE,
            Way::WecomApp(_) | Way::Sms(_) | Way::Inbox => SOME_AT_ONCE,
            Way::WecomRobot(_) | Way::DingtalkRobot(_) | Way::FeishuRobot(_) => 1,
        }
    }

    /// Sends one message. No key of ours is in the answer, whatever the other side says.
    pub async fn send(&self, message: &Message, person: &Person) -> Answer {
        let mut answer = self.offer(message, person).await;
        for secret in self.secrets().into_iter().chain(person.secrets()) {
            answer.detail = secret.blot(&answer.detail);
        }
        answer
    }

    fn secrets(&self) -> Vec<&Secret> {
        match self {
            Way::Folder(_) | Way::Webhook(_) | Way::Inbox | Way::Simulated(_) => Vec::new(),
            Way::Smtp(smtp) => smtp.secrets(),
            Way::WecomRobot(robot) => robot.secrets(),
            Way::DingtalkRobot(robot) => robot.secrets(),
            Way::FeishuRobot(robot) => robot.secrets(),
            Way::WecomApp(app) => app.secrets(),
            Way::Sms(gateway) => gateway.secrets(),
        }
    }

    async fn offer(&self, message: &Message, person: &Person) -> Answer {
        match self {
            Way::Folder(folder) => folder.send(message).await,
            Way::Smtp(smtp) => smtp.send(message).await,
            Way::Webhook(webhook) => webhook.send(message).await,
            Way::WecomRobot(robot) => robot.send(message, person).await,
            Way::DingtalkRobot(robot) => robot.send(message, person).await,
            Way::FeishuRobot(robot) => robot.send(message, person).await,
            Way::WecomApp(app) => app.send(message, person.wecom.as_ref()).await,
            Way::Sms(gateway) => gateway.send(message, person.phone.as_ref()).await,
            Way::Inbox => Answer::delivered("in the inbox on the pages"),
            Way::Simulated(channel) => channel.send(message).await,
        }
    }
}

/// What the installation knows of a contact beside the directory: how that person is reached, never
/// who it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The number for short messages.
    pub phone: Option<Secret>,
    /// The user id in WeCom; a group robot mentions whoever has it.
    pub wecom: Option<Secret>,
    /// The user id in DingTalk, for mentions.
    pub dingtalk: Option<Secret>,
    /// The open id or user id in Feishu, for mentions.
    pub feishu: Option<Secret>,
}

impl Person {
    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let ids = [&self.phone, &self.wecom, &self.dingtalk, &self.feishu];
        ids.into_iter().flatten()
    }
}

/// Whom an endpoint serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Everybody whom no other endpoint of the channel serves.
    Default,
    /// These: `unit` or `unit/contact`.
    Only(BTreeSet<String>),
}

/// One configured way out, by name.
#[derive(Debug)]
pub struct Endpoint {
    /// What the configuration calls it.
    pub name: String,
    /// Whom it serves.
    pub serves: Serves,
    /// How messages leave.
    pub way: Way,
    /// How many, as the service or the office has it.
    pub limits: Vec<Limit>,
}

/// The channels of this installation.
#[derive(Debug)]
pub struct Channels {
    endpoints: Vec<Endpoint>,
    /// Channel and contact, channel and unit, or channel and nothing, with the endpoint's place.
    routes: BTreeMap<(Channel, Option<String>), usize>,
    /// By `unit/contact`.
    people: BTreeMap<String, Person>,
    /// Makes the links by which notices are answered, if they can be.
    links: Option<Arc<AnswerLinks>>,
}

impl Channels {
    /// Channels of these endpoints, with people by `unit/contact`. Two endpoints of one channel must
    /// not serve the same.
    pub fn new(
        endpoints: Vec<Endpoint>,
        people: BTreeMap<String, Person>,
    ) -> Result<Channels, String> {
        let mut routes = BTreeMap::new();
        for (place, endpoint) in endpoints.iter().enumerate() {
            let channel = endpoint.way.channel();
            let served: Vec<Option<String>> = match &endpoint.serves {
                Serves::Default => vec![None],
                Serves::Only(names) => names.iter().cloned().map(Some).collect(),
            };
            for who in served {
                let other = routes.insert((channel, who.clone()), place);
                if let Some(other) = other.map(|other: usize| &endpoints[other].name) {
                    return Err(format!(
                        "endpoints `{other}` and `{}` of channel {} both serve {}; let one of them do",
                        endpoint.name,
                        channel.as_str(),
                        who.as_deref().unwrap_or("everybody else"),
                    ));
                }
            }
        }
        Ok(Channels {
            endpoints,
            routes,
            people,
            links: None,
        })
    }

    /// The same, with a link to answer in every message.
    #[must_use]
    pub fn answered_at(mut self, links: Option<Arc<AnswerLinks>>) -> Channels {
        self.links = links;
        self
    }

    /// Mail alone, as a simulation has it.
    pub fn simulated(channel: Arc<dyn SimulatedChannel>) -> Channels {
        let mail = Endpoint {
            name: "simulated".to_owned(),
            serves: Serves::Default,
            way: Way::Simulated(channel),
            limits: Vec::new(),
        };
        Channels {
            endpoints: vec![mail],
            routes: [((Channel::Mail, None), 0)].into(),
            people: BTreeMap::new(),
            links: None,
        }
    }

    /// The endpoints, in order.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The place of the endpoint that serves this contact: one named for the contact, else for its
    /// unit, else the channel's default.
    pub fn serving(&self, channel: Channel, contact: &str) -> Option<usize> {
        let unit = contact.split_once('/').map_or(contact, |(unit, _)| unit);
        [Some(contact), Some(unit), None]
            .into_iter()
            .find_map(|who| self.routes.get(&(channel, who.map(ToOwned::to_owned))))
            .copied()
    }

    /// Sends one message by an endpoint.
    pub async fn send(&self, place: usize, message: &Message) -> Answer {
        let nobody = Person::default();
        let person = self.people.get(&message.contact).unwrap_or(&nobody);
        let way = &self.endpoints[place].way;
        let link = self.links.as_ref().and_then(|links| links.link(message));
        let Some(link) = link else {
            return way.send(message, person).await;
        };
        let token = Secret::new(link.rsplit('/').next().unwrap_or_default());
        let message = Message {
            answer: Some(link),
            ..message.clone()
        };
        let mut answer = way.send(&message, person).await;
        // The answer goes onto the log, whatever the other side repeats in it.
        answer.detail = token.blot(&answer.detail);
        answer
    }
}

/// What is said of a message that no endpoint serves.
pub(crate) fn unserved(message: &Message) -> Answer {
    let or = match message.channel {
        Channel::Webhook => ", or give --webhook-url",
        _ => "",
    };
    Answer::failed(format!(
        "no endpoint of channel {} serves {} here; name one in the file of --channels{or}",
        message.channel.as_str(),
        message.contact,
    ))
}

#[cfg(test)]
pub(crate) mod tests {
    use duban_model::Timestamp;

    use super::*;

    /// A notice like others.
    pub(crate) fn message() -> Message {
        Message {
            tenant: "office".to_owned(),
            notice: "n1".to_owned(),
            attempt: 1,
            possible_duplicate: false,
            channel: Channel::Mail,
            contact: "unit/office".to_owned(),
            address: Some("office@unit.example".to_owned()),
            contact_title: "政务公开联络员".to_owned(),
            owes: true,
            subject: "【提醒】甲局:第1项".to_owned(),
            text: "政务公开联络员:\n\n距完成时限还有5个工作日。".to_owned(),
            obligation: "ledger/1@unit".to_owned(),
            kind: "reminder".to_owned(),
            step: "before:5wd".to_owned(),
            due: None,
            due_at: None,
            at: Timestamp(1_625_000_000_000),
            answer: None,
        }
    }

    fn robot(name: &str, serves: Serves) -> Endpoint {
        let robot = WecomRobot::new(WECOM_ROBOT_URL, Secret::new("k")).unwrap();
        Endpoint {
            name: name.to_owned(),
            serves,
            way: Way::WecomRobot(robot),
            limits: Vec::new(),
        }
    }

    fn only(names: &[&str]) -> Serves {
        Serves::Only(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_endpoint_named_for_the_contact_serves_then_the_units_then_the_default() {
        let channels = Channels::new(
            vec![
                robot("all", Serves::Default),
                robot("unit", only(&["a"])),
                robot("contact", only(&["a/leader", "b/office"])),
            ],
            BTreeMap::new(),
        )
        .unwrap();
        let serving = |contact| {
            let place = channels.serving(Channel::WecomRobot, contact);
            place.map(|place| channels.endpoints()[place].name.as_str())
        };
        assert_eq!(serving("a/leader"), Some("contact"));
        assert_eq!(serving("a/office"), Some("unit"));
        assert_eq!(serving("b/office"), Some("contact"));
        assert_eq!(serving("b/leader"), Some("all"));
        assert_eq!(channels.serving(Channel::Sms, "a/leader"), None);
    }

    #[test]
    fn two_endpoints_that_serve_the_same_are_refused() {
        let fault = Channels::new(
            vec![robot("x", only(&["a"])), robot("y", only(&["a"]))],
            BTreeMap::new(),
        );
        assert!(fault.unwrap_err().contains("`x` and `y`"));
        let fault = Channels::new(
            vec![robot("x", Serves::Default), robot("y", Serves::Default)],
            BTreeMap::new(),
        );
        assert!(fault.unwrap_err().contains("everybody else"));
    }
}
