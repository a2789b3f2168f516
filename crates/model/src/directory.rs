//! Units, groups and contacts (责任单位、单位组、联络员).

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::delivery::{Delivery, Hours};
use crate::id::{Tenant, UnitId};

/// Whoever stands in for somebody away may be away too; so many stand in for one another at most.
pub const MAX_SUBSTITUTES: usize = 5;
/// So many units stand above one another at most.
pub const MAX_SUPERIORS: usize = 8;
/// The most absences of one contact.
pub const MAX_ABSENCES: usize = 50;

/// The directory of one tenant. Groups exist through their members.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// Whose directory.
    pub tenant: Tenant,
    /// How and when its notices leave.
    #[serde(default, skip_serializing_if = "Delivery::is_absent")]
    pub delivery: Delivery,
    /// The units by id.
    pub units: BTreeMap<UnitId, Unit>,
}

/// One unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Full name.
    pub name: String,
    /// Short names, as documents print them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub short: Vec<String>,
    /// 市级, 旗县级 ….
    #[serde(default)]
    pub level: String,
    /// What sort of unit.
    #[serde(default)]
    pub kind: String,
    /// The groups it belongs to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The unit above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superior: Option<UnitId>,
    /// How sure the directory is of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certainty: Option<Certainty>,
    /// Contacts in the order in which they are tried; the first is the unit's default.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<Contact>,
    /// Who is told when the contact did not move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<Contact>,
    /// Ids under which it, or a unit merged into it, stood in earlier directories. What those owed
    /// and published is now its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formerly: Vec<UnitId>,
    /// When its people may be disturbed, if not at the office's hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
}

/// How sure a directory entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Written in full in a source.
    Certain,
    /// Very probably so.
    Likely,
    /// To be confirmed by the office.
    Uncertain,
}

/// One receiver: an office or role, not a person's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Unique within the unit.
    pub id: String,
    /// 政务公开联络员, 分管负责人 ….
    pub title: String,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// The channels that the office allows, in its order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// When this contact is away, and who stands in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub away: Vec<Absence>,
}

/// Days on which a contact is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// The first day, in the zone of the ledger that a notice belongs to.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Who stands in: `unit/contact`.
    pub substitute: String,
}

impl Absence {
    /// True on its first day, its last and those between.
    pub fn covers(&self, day: NaiveDate) -> bool {
        (self.from..=self.to).contains(&day)
    }
}

impl Contact {
    /// The channels that the office allows: those that it names, else mail.
    pub fn allowed(&self) -> &[Channel] {
        if self.channels.is_empty() {
            &[Channel::Mail]
        } else {
            &self.channels
        }
    }

    /// The absence that covers a day.
    pub fn absence(&self, day: NaiveDate) -> Option<&Absence> {
        self.away.iter().find(|absence| absence.covers(day))
    }
}

impl Unit {
    /// Everybody of it who can be told: its contacts in order, then its leader.
    pub fn people(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().chain(&self.leader)
    }
}

/// A way to reach a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Electronic mail, or the folder of `.eml` files that stands in for it.
    Mail,
    /// A signed HTTP request to the installation's configured address.
    Webhook,
    /// A group robot of WeCom (企业微信群机器人).
    WecomRobot,
    /// A group robot of DingTalk (钉钉群机器人).
    DingtalkRobot,
    /// A group robot of Feishu (飞书群机器人).
    FeishuRobot,
    /// A message of a WeCom application to one person (企业微信应用消息).
    WecomApp,
    /// A short message (短信) through the installation's HTTP gateway.
    Sms,
}

impl Channel {
    /// All of them.
    pub const ALL: [Channel; 7] = [
        Channel::Mail,
        Channel::Webhook,
        Channel::WecomRobot,
        Channel::DingtalkRobot,
        Channel::FeishuRobot,
        Channel::WecomApp,
        Channel::Sms,
    ];

    /// What people call it.
    pub fn chinese(self) -> &'static str {
        match self {
            Channel::Mail => "邮件",
            Channel::Webhook => "接口推送",
            Channel::WecomRobot => "企业微信群机器人",
            Channel::DingtalkRobot => "钉钉群机器人",
            Channel::FeishuRobot => "飞书群机器人",
            Channel::WecomApp => "企业微信应用",
            Channel::Sms => "短信",
        }
    }

    /// What people call it in English.
    pub fn english(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Webhook => "webhook",
            Channel::WecomRobot => "WeCom group robot",
            Channel::DingtalkRobot => "DingTalk group robot",
            Channel::FeishuRobot => "Feishu group robot",
            Channel::WecomApp => "WeCom application",
            Channel::Sms => "short message",
        }
    }

    /// Its name on the log and in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Channel::Mail => "mail",
            Channel::Webhook => "webhook",
            Channel::WecomRobot => "wecom_robot",
            Channel::DingtalkRobot => "dingtalk_robot",
            Channel::FeishuRobot => "feishu_robot",
            Channel::WecomApp => "wecom_app",
            Channel::Sms => "sms",
        }
    }
}

impl Directory {
    /// The ids of a group's members, in id order.
    pub fn members<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a UnitId> {
        self.units
            .iter()
            .filter(move |(_, unit)| unit.groups.iter().any(|g| g == group))
            .map(|(id, _)| id)
    }

    /// The unit that bears this id now: itself, or the one that it was renamed or merged into.
    pub fn current<'a>(&'a self, unit: &str) -> Option<(&'a UnitId, &'a Unit)> {
        self.units.get_key_value(unit).or_else(|| {
            self.units
                .iter()
                .find(|(_, successor)| successor.formerly.iter().any(|id| id == unit))
        })
    }

    /// The person behind `unit/contact`, with the unit.
    pub fn person<'a>(&'a self, contact: &str) -> Option<(&'a UnitId, &'a Contact)> {
        let (unit, id) = contact.split_once('/')?;
        let (unit, entry) = self.units.get_key_value(unit)?;
        Some((unit, entry.people().find(|person| person.id == id)?))
    }

    /// The units above one, the nearest first, at most [`MAX_SUPERIORS`] of them.
    pub fn superiors<'a>(&'a self, unit: &str) -> impl Iterator<Item = (&'a UnitId, &'a Unit)> {
        let above = |unit: &Unit| self.units.get_key_value(unit.superior.as_ref()?);
        let first = self.units.get(unit).and_then(above);
        std::iter::successors(first, move |(_, unit)| above(unit)).take(MAX_SUPERIORS)
    }

    /// The unit's name as a notice prints it: its first short name, or its full name.
    pub fn shown(&self, unit: &str) -> String {
        self.units.get(unit).map_or_else(
            || unit.to_owned(),
            |u| u.short.first().unwrap_or(&u.name).clone(),
        )
    }
}
