//! What fulfils a duty: which events count for it, whose they must be, and how many it takes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::UnitId;
use crate::opening::EventSort;

/// The most names of what is missing that one text lists; of more it says how many.
pub const MAX_NAMED: usize = 12;

/// What is missing of a duty that must be submitted besides, until it is.
pub const SUBMISSION: &str = "情况报送";

/// What has come for a duty's requirements.
pub trait Came {
    /// How many publications and matters count for a requirement.
    fn ticked(&self, requirement: u32) -> usize;

    /// The units or items that they stand for, where each counts once.
    fn items(&self, requirement: u32) -> BTreeSet<&str>;

    /// How much counts for a requirement: units or items where each counts once, else all.
    fn counted(&self, number: u32, requirement: &Requirement) -> usize {
        match requirement.each() {
            None => self.ticked(number),
            Some(each) => {
                let came = self.items(number);
                each.iter().filter(|n| came.contains(n.as_str())).count()
            }
        }
    }

    /// Whether enough counts for a requirement.
    fn meets(&self, number: u32, requirement: &Requirement) -> bool {
        self.counted(number, requirement) as u64 >= u64::from(requirement.at_least)
    }

    /// What has not been published or reported yet, in words, by the requirements' names, and after
    /// it the submission where that comes besides and has not come. `unit` gives a unit's name as
    /// notices print it.
    fn missing(
        &self,
        fulfilled_by: &Fulfilment,
        submitted: bool,
        unit: &dyn Fn(&str) -> String,
    ) -> Vec<String> {
        let mut missing: Vec<String> = (0..)
            .zip(fulfilled_by.requirements())
            .filter(|(number, requirement)| !self.meets(*number, requirement))
            .map(|(number, requirement)| requirement.lacking(&self.items(number), unit))
            .collect();
        if matches!(fulfilled_by, Fulfilment::PublicationsThenSubmission(_)) && !submitted {
            missing.push(SUBMISSION.to_owned());
        }
        missing
    }
}

/// What fulfils an obligation. Verification by the office always does, whatever stands here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fulfilment {
    /// A submission that the office verified.
    Submission,
    /// All of these publications and matters.
    Publications(Vec<Requirement>),
    /// All of these first, and then a submission that the office verified.
    PublicationsThenSubmission(Vec<Requirement>),
}

impl Fulfilment {
    /// What must be published or reported.
    pub fn requirements(&self) -> &[Requirement] {
        match self {
            Fulfilment::Submission => &[],
            Fulfilment::Publications(list) | Fulfilment::PublicationsThenSubmission(list) => list,
        }
    }

    /// The same, to be changed.
    pub fn requirements_mut(&mut self) -> &mut [Requirement] {
        match self {
            Fulfilment::Submission => &mut [],
            Fulfilment::Publications(list) | Fulfilment::PublicationsThenSubmission(list) => list,
        }
    }

    /// Whether it takes a submission that the office verified.
    pub fn takes_submission(&self) -> bool {
        !matches!(self, Fulfilment::Publications(_))
    }
}

/// At least so many publications, or matters, of one of these kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// What a notice calls it when it is missing.
    pub name: String,
    /// Whether publications or matters count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub on: EventSort,
    /// Kinds that count.
    pub kinds: Vec<String>,
    /// How many: events, or where each counts once, units or items.
    pub at_least: u32,
    /// Of a hundred units or items, if the text says it so; `at_least` follows from it, rounded up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<u32>,
    /// What one must satisfy besides its kind: a condition in CEL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whose count.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by: By,
    /// Which count, by what they belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
    /// The units of a group count, each once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_of: Option<EachOf>,
    /// These items count, each once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<String>,
}

/// Whose publications or matters count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Those of the unit that owes the duty.
    #[default]
    Unit,
    /// Those of the units below it, at any depth.
    Subordinates,
    /// Anybody's.
    Anyone,
}

/// Which publications or matters count, by what they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// What opened the duty, or what says that it belongs to that.
    Opening,
}

/// A group of which each unit counts once: the unit that `about` names where the owing unit itself
/// reports ([`By::Unit`]), else the unit that reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EachOf {
    /// Its name.
    pub group: String,
    /// Its members by the directory in force, in id order.
    pub units: Vec<UnitId>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// So many of a hundred, of a total, rounded up; at least one.
pub fn share_of(percent: u32, total: usize) -> u32 {
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    let share = total.saturating_mul(u64::from(percent)).div_ceil(100);
    u32::try_from(share).unwrap_or(u32::MAX).max(1)
}

impl Requirement {
    /// What counts once each; nothing where every event counts.
    pub fn each(&self) -> Option<&[String]> {
        match &self.each_of {
            Some(each) => Some(&each.units),
            None if self.items.is_empty() => None,
            None => Some(&self.items),
        }
    }

    /// Takes the members that the group has now.
    pub fn resolve(&mut self, members: impl FnOnce(&str) -> Vec<UnitId>) {
        if let Some(each) = &mut self.each_of {
            each.units = members(&each.group);
            if let Some(percent) = self.share {
                self.at_least = share_of(percent, each.units.len());
            }
        }
    }

    /// What is missing, in words: its name, and where each counts once what has not come yet.
    /// `done` is what has come, `unit` the name of a unit as notices print it.
    pub fn lacking(&self, done: &BTreeSet<&str>, unit: &dyn Fn(&str) -> String) -> String {
        let Some(each) = self.each() else {
            return self.name.clone();
        };
        let of_group = self.each_of.is_some();
        let left: Vec<&String> = each.iter().filter(|n| !done.contains(n.as_str())).collect();
        let came = each.len() - left.len();
        let short = (self.at_least as usize).saturating_sub(came);
        let named: Vec<String> = left
            .iter()
            .take(MAX_NAMED)
            .map(|name| {
                if of_group {
                    unit(name)
                } else {
                    (*name).clone()
                }
            })
            .collect();
        let measure = if of_group { "个" } else { "项" };
        let more = if left.len() > MAX_NAMED {
            format!("等{}{measure}", left.len())
        } else {
            String::new()
        };
        format!(
            "{}(还差{short}{measure};尚未完成:{}{more})",
            self.name,
            named.join("、")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_rounded_up_and_never_nothing() {
        assert_eq!(share_of(80, 8), 7);
        assert_eq!(share_of(80, 10), 8);
        assert_eq!(share_of(100, 8), 8);
        assert_eq!((share_of(1, 3), share_of(50, 0)), (1, 1));
    }

    #[test]
    fn a_requirement_without_the_new_words_is_as_it_was_before_there_were_any() {
        let old = r#"{"name":"规划","kinds":["规划纲要"],"at_least":1}"#;
        let requirement: Requirement = serde_json::from_str(old).unwrap();
        assert_eq!(serde_json::to_string(&requirement).unwrap(), old);
    }

    #[test]
    fn what_is_missing_is_listed_by_name() {
        let items = |n: usize| (1..=n).map(|i| format!("第{i}项")).collect();
        let mut requirement = Requirement {
            name: "回头看".to_owned(),
            at_least: 3,
            items: items(3),
            ..Requirement::default()
        };
        let unit = |id: &str| id.to_owned();
        let done = BTreeSet::from(["第2项"]);
        assert_eq!(
            requirement.lacking(&done, &unit),
            "回头看(还差2项;尚未完成:第1项、第3项)"
        );
        requirement.items = items(30);
        assert!(requirement.lacking(&done, &unit).ends_with("第13项等29项)"));
    }
}
