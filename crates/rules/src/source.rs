//! The YAML of a definition as administrators write it. Unknown fields are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_saphyr::Spanned;

/// `ledger.yaml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LedgerSource {
    pub ledger: Spanned<String>,
    pub title: String,
    pub issuer: String,
    pub number: String,
    pub tenant: Spanned<String>,
    pub year: i32,
    pub issued: Spanned<String>,
    pub ends: Spanned<String>,
    pub zone: Spanned<String>,
    pub calendar: Spanned<String>,
    pub office: Spanned<String>,
    pub leading_group: Spanned<String>,
    pub at: Spanned<String>,
    pub yellow: Spanned<String>,
    pub backdate: Spanned<String>,
    pub return_clock: Spanned<String>,
    pub verify_within: Spanned<String>,
    pub ladders: BTreeMap<String, LadderSource>,
    pub kinds: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LadderSource {
    pub steps: Vec<StepSource>,
    #[serde(default)]
    pub repeat: Option<RepeatSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StepSource {
    pub when: Spanned<String>,
    pub to: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RepeatSource {
    pub every: Spanned<String>,
    pub to: Spanned<String>,
}

/// `tasks.yaml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksSource {
    pub tasks: Vec<TaskSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskSource {
    pub id: Spanned<String>,
    pub section: String,
    pub subsection: String,
    pub title: Spanned<String>,
    pub text: Spanned<String>,
    pub units_phrase: String,
    #[serde(default)]
    pub deadline_phrase: Option<String>,
    pub strength: Spanned<String>,
    pub opens: Spanned<String>,
    #[serde(default)]
    pub period: Option<PeriodSource>,
    #[serde(default)]
    pub due: Option<Spanned<String>>,
    pub ladder: Spanned<String>,
    pub owners: Vec<OwnerSource>,
    pub fulfilled_by: FulfilmentSource,
    #[serde(default)]
    pub confirm: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeriodSource {
    pub every: Spanned<String>,
    pub cron: Spanned<String>,
    #[serde(default)]
    pub first: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnerSource {
    #[serde(default)]
    pub unit: Option<Spanned<String>>,
    #[serde(default)]
    pub group: Option<Spanned<String>>,
    pub role: Spanned<String>,
    #[serde(default)]
    pub ladder: Option<Spanned<String>>,
    #[serde(default)]
    pub fulfilled_by: Option<FulfilmentSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FulfilmentSource {
    #[serde(default)]
    pub publications: Option<Vec<RequirementSource>>,
    #[serde(default)]
    pub submission: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RequirementSource {
    pub name: String,
    pub kinds: Vec<Spanned<String>>,
    pub at_least: Spanned<u32>,
    #[serde(default)]
    pub when: Option<Spanned<String>>,
}

/// `directory.yaml`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectorySource {
    pub tenant: Spanned<String>,
    pub units: Vec<UnitSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitSource {
    pub id: Spanned<String>,
    pub name: Spanned<String>,
    #[serde(default)]
    pub short: Vec<String>,
    #[serde(default)]
    pub level: String,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub superior: Option<Spanned<String>>,
    #[serde(default)]
    pub certainty: Option<Spanned<String>>,
    #[serde(default)]
    pub contacts: Vec<ContactSource>,
    #[serde(default)]
    pub leader: Option<ContactSource>,
    /// Ids under which it, or a unit merged into it, stood before.
    #[serde(default)]
    pub formerly: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContactSource {
    pub id: Spanned<String>,
    pub title: String,
    #[serde(default)]
    pub mail: Option<Spanned<String>>,
    #[serde(default)]
    pub channels: Vec<Spanned<String>>,
}
