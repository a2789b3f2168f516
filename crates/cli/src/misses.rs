//! Publications and matters that were looked at for a duty and did not count, each with the reason.

use std::collections::BTreeSet;

use duban_model::definition::EventSort;
use duban_model::{Body, Record, Timestamp, Zone};
use duban_rules::{Miss, Obligation, RulesState, considered, considered_matter};

use crate::view::{View, wanted_kinds};

/// Publications and matters named that did not count for one obligation; of those merely of another
/// kind, fewer.
const MAX_MISSES: usize = 30;
const MAX_OTHER_KIND: usize = 5;

/// A publication or matter, and what became of it.
struct Looked<'a> {
    sort: EventSort,
    unit: &'a str,
    id: &'a str,
    kind: &'a str,
    title: &'a str,
}

impl Looked<'_> {
    fn of(record: &Record) -> Option<Looked<'_>> {
        Some(match &record.body {
            Body::PublicationPublished(p) | Body::PublicationUpdated(p) => Looked {
                sort: EventSort::Publication,
                unit: &p.unit,
                id: &p.publication,
                kind: &p.kind,
                title: &p.title,
            },
            Body::MatterReported(m) => Looked {
                sort: EventSort::Matter,
                unit: &m.unit,
                id: &m.matter,
                kind: &m.kind,
                title: &m.title,
            },
            _ => return None,
        })
    }

    /// The name under which a duty keeps it.
    fn name(&self) -> String {
        match self.sort {
            EventSort::Publication => format!("{}/{}", self.unit, self.id),
            EventSort::Matter => format!("matter:{}/{}", self.unit, self.id),
        }
    }
}

/// What the rules say of it.
fn judged(
    state: &RulesState,
    obligation: &Obligation,
    body: &Body,
    at: Timestamp,
) -> Result<u32, Miss> {
    match body {
        Body::PublicationPublished(p) | Body::PublicationUpdated(p) => {
            considered(state, obligation, p, at)
        }
        Body::MatterReported(m) => considered_matter(state, obligation, m, at),
        _ => Err(Miss::OtherKind(Vec::new())),
    }
}

impl View {
    /// A line for each publication or matter that did not count for an obligation.
    pub(crate) fn uncounted(&self, obligation: &Obligation, zone: Zone) -> Vec<String> {
        let mut lines = Vec::new();
        let state = self.state();
        let ticks = obligation.ticks.values();
        let ticked: BTreeSet<&str> = ticks.flat_map(|t| t.keys().map(String::as_str)).collect();
        let kinds = wanted_kinds(state, obligation);
        let (mut left_out, mut other_kind) = (0, 0);
        for record in &self.publications {
            let Some(looked) = Looked::of(record) else {
                continue;
            };
            let of_kind = kinds.iter().any(|kind| kind == looked.kind);
            let related = *obligation.unit == *looked.unit || of_kind;
            let elsewhere = |ledger: &String| *ledger != obligation.ledger;
            if !related
                || ticked.contains(looked.name().as_str())
                || record.ledger.as_ref().is_some_and(elsewhere)
            {
                continue;
            }
            let at = record.time.unwrap_or(record.loggedat);
            let reason = match judged(state, obligation, &record.body, at) {
                Err(Miss::OtherKind(_)) if kinds.is_empty() => continue,
                Err(Miss::BySubmission) => continue,
                Err(miss) => {
                    if matches!(miss, Miss::OtherKind(_)) {
                        other_kind += 1;
                        if other_kind > MAX_OTHER_KIND {
                            left_out += 1;
                            continue;
                        }
                    }
                    miss_in_chinese(&miss)
                }
                Ok(_) => self.withdrawn(&looked).unwrap_or_else(|| {
                    "同一任务只计一次:已计入本单位的另一事项,或要求已满足".to_owned()
                }),
            };
            if lines.len() >= MAX_MISSES {
                left_out += 1;
                continue;
            }
            lines.push(format!(
                "{}  {} 的《{}》({})未计入:{reason}  [{}]",
                record.loggedat.shown_in(zone),
                self.name(&record.tenant, looked.unit),
                looked.title,
                looked.kind,
                &record.id.to_string()[..8]
            ));
        }
        if left_out > 0 {
            lines.push(format!("另有{left_out}条公开信息或事由未计入,多因类别不符"));
        }
        lines
    }

    fn withdrawn(&self, looked: &Looked<'_>) -> Option<String> {
        let reason = self.publications.iter().rev().find_map(|record| {
            let (sort, unit, id, reason) = match &record.body {
                Body::PublicationWithdrawn(w) => {
                    (EventSort::Publication, &w.unit, &w.publication, &w.reason)
                }
                Body::MatterWithdrawn(w) => (EventSort::Matter, &w.unit, &w.matter, &w.reason),
                _ => return None,
            };
            (sort == looked.sort && unit == looked.unit && id == looked.id).then_some(reason)
        })?;
        let reason = reason.as_deref().map(|r| format!("({r})"));
        Some(format!("已撤回{}", reason.unwrap_or_default()))
    }
}

fn miss_in_chinese(miss: &Miss) -> String {
    match miss {
        Miss::OtherUnit => "不是本责任单位公开的".to_owned(),
        Miss::NotBelow => "不是本责任单位的下级单位公开的".to_owned(),
        Miss::OtherKind(wanted) => format!("类别不符,要求的是{}", wanted.join("、")),
        Miss::Unmet {
            requirement,
            condition,
            why,
        } => format!(
            "不符合“{requirement}”的条件:{};条件是 {condition}",
            why.in_chinese()
        ),
        Miss::NotOfGroup {
            requirement,
            group,
            named,
        } => match named {
            Some(unit) => format!("“{requirement}”按“{group}”逐个单位计算,“{unit}”不在其中"),
            None => format!("“{requirement}”按“{group}”逐个单位计算,没有写明关联哪个单位"),
        },
        Miss::NoItem { requirement, named } => match named {
            Some(item) => format!("“{requirement}”逐项计算,所列各项中没有“{item}”"),
            None => format!("“{requirement}”逐项计算,没有写明关联哪一项"),
        },
        Miss::OtherOpening { named } => match named {
            Some(other) => format!("关联的是“{other}”,不是本事项的缘由"),
            None => "没有关联本事项的缘由".to_owned(),
        },
        Miss::BeforePeriod => "早于本期".to_owned(),
        Miss::BeforeOpening => "早于本事项的缘由,或者就是缘由本身".to_owned(),
        Miss::BySubmission => "本事项以报送核实销号".to_owned(),
        Miss::Closed(state) => format!("事项已了结({state})"),
        Miss::BeforeLedger => "早于台账印发".to_owned(),
    }
}
