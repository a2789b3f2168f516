//! What is kept of a publication that counts, or may count once a period opens.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::decision::Judged;
use crate::id::UnitId;

/// A publication that matters to some obligation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationNoted {
    /// `unit/publication`; of a matter `matter:unit/matter`.
    pub publication: String,
    /// Who published.
    pub unit: UnitId,
    /// What kind.
    pub kind: String,
    /// Its title.
    pub title: String,
    /// When it counts as published (see [`Judged`]).
    pub at: Judged,
    /// What conditions of the ledgers in force may look at later.
    #[serde(default, skip_serializing_if = "Carried::is_empty")]
    pub carried: Carried,
}

/// Further fields of a noted publication: those, and only those, that some condition names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// 主题分类
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// 发布机构
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// 文号
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// 成文日期
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<NaiveDate>,
    /// 公文时效
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<String>,
    /// Download formats.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
    /// 关联
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The day that counts, as it first came; an update does not move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<NaiveDate>,
}

impl Carried {
    /// True if no condition needs anything further.
    pub fn is_empty(&self) -> bool {
        *self == Carried::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_without_conditions_is_as_it_was_before_there_were_any() {
        let instant = r#""2021-07-05T10:00:00+08:00""#;
        let old = format!(
            r#"{{"publication":"kailu/p-1","unit":"kailu","kind":"规划纲要","title":"规划","at":{{"at":{instant},"claimed":{instant},"loggedat":{instant}}}}}"#
        );
        let noted: PublicationNoted = serde_json::from_str(&old).unwrap();
        assert!(noted.carried.is_empty());
        let again = serde_json::to_string(&noted).unwrap();
        assert!(!again.contains("carried"), "{again}");
    }
}
