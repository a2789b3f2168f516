//! What a row says of its duties: counted, and the first few of what there are too many of.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use duban_model::definition::Role;

use crate::export::{Duty, Evidence, Light, Row, Stage};

/// Entries of evidence, notices or changes that a row names; the others are counted and stand in
/// the table of duties.
const NAMED: usize = 3;
/// Units that a row names as those which lack something.
const NAMED_UNITS: usize = 3;
/// Kinds of what is missing that a row names.
const NAMED_MISSING: usize = 6;

/// A line of a cell, with where it leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// What is read.
    pub text: String,
    /// Where it leads.
    pub link: Option<String>,
}

impl Line {
    pub(crate) fn plain(text: impl Into<String>) -> Line {
        Line {
            text: text.into(),
            link: None,
        }
    }
}

/// 46个单位:已销号40、未办结6,其中红灯2
pub(crate) fn state(duties: &[Duty]) -> String {
    if duties.is_empty() {
        return "没有责任事项".to_owned();
    }
    let count = |fits: &dyn Fn(&Duty) -> bool| duties.iter().filter(|d| fits(d)).count();
    let of = |stage: Stage| count(&|d: &Duty| d.stage == stage);
    let withdrawn = of(Stage::Withdrawn);
    let owed: Vec<&Duty> = duties
        .iter()
        .filter(|d| d.stage != Stage::Withdrawn)
        .collect();
    let units: BTreeSet<&str> = owed.iter().map(|d| d.unit.as_str()).collect();
    let listed = |parts: &[(&str, usize)]| -> String {
        let said = parts.iter().filter(|(_, n)| *n > 0);
        let said: Vec<String> = said.map(|(what, n)| format!("{what}{n}")).collect();
        said.join("、")
    };
    let mut parts = Vec::new();
    if !owed.is_empty() {
        let items = if owed.len() == units.len() {
            String::new()
        } else {
            format!("{}项", owed.len())
        };
        let stages = listed(&[
            ("已销号", of(Stage::Fulfilled)),
            ("未办结", count(&|d: &Duty| d.stage.is_open())),
            ("待启动", of(Stage::Waiting)),
            ("免办", of(Stage::Waived)),
            ("鼓励事项已过时限", of(Stage::Lapsed)),
        ]);
        let among = listed(&[
            ("红灯", count(&|d: &Duty| d.light == Light::Red)),
            ("黄灯", count(&|d: &Duty| d.light == Light::Yellow)),
            ("待核实", of(Stage::Submitted)),
            ("已退回", of(Stage::Returned)),
            ("逾期办结", count(&|d: &Duty| d.late)),
        ]);
        let among = if among.is_empty() {
            among
        } else {
            format!(",其中{among}")
        };
        parts.push(format!("{}个单位{items}:{stages}{among}", units.len()));
    }
    if withdrawn > 0 {
        parts.push(format!("已撤销{withdrawn}项"));
    }
    parts.join(";")
}

/// The light of the worst duty; grey if there is none.
pub(crate) fn light(duties: &[Duty]) -> Light {
    duties.iter().map(|d| d.light).min().unwrap_or(Light::Grey)
}

/// The earliest date of what is open.
pub(crate) fn next(duties: &[Duty]) -> Option<NaiveDate> {
    let open = duties.iter().filter(|d| d.stage.is_open());
    open.filter_map(|d| d.due).min()
}

/// One entry of evidence.
pub(crate) fn shown(evidence: &Evidence) -> Line {
    let Evidence {
        counts_for,
        title,
        kind,
        on,
        link,
    } = evidence;
    let text = if kind.is_empty() {
        format!("{counts_for}:{title} {on}")
    } else {
        format!("{counts_for}:《{title}》({kind}){on}")
    };
    Line {
        text,
        link: link.clone(),
    }
}

/// The newest of what counts, and how much it is altogether.
pub(crate) fn evidence(duties: &[Duty]) -> Vec<Line> {
    let mut all: Vec<(&Duty, &Evidence)> = duties
        .iter()
        .flat_map(|duty| duty.evidence.iter().map(move |e| (duty, e)))
        .collect();
    // One publication may count for several duties of a row.
    all.sort_by(|(_, a), (_, b)| b.on.cmp(&a.on).then(a.title.cmp(&b.title)));
    all.dedup_by(|(a_duty, a), (b_duty, b)| a == b && a_duty.unit == b_duty.unit);
    let count = all.len();
    let mut lines = Vec::new();
    if count > 1 {
        lines.push(Line::plain(format!("共{count}件")));
    }
    for (duty, evidence) in all.into_iter().take(NAMED) {
        let Line { text, link } = shown(evidence);
        lines.push(Line {
            text: format!("{} {text}", duty.name),
            link,
        });
    }
    if count > NAMED {
        lines.push(Line::plain(format!("另有{}件,见明细", count - NAMED)));
    }
    lines
}

/// What a duty still lacks.
pub(crate) fn missing_of(duty: &Duty) -> Vec<String> {
    match duty.stage {
        Stage::Submitted => vec!["主管部门核实".to_owned()],
        stage if !stage.is_open() => Vec::new(),
        _ if duty.missing.is_empty() => vec!["报送并核实".to_owned()],
        _ => duty.missing.clone(),
    }
}

/// What is missing, and at whom.
pub(crate) fn missing(duties: &[Duty]) -> Vec<Line> {
    let mut order: Vec<String> = Vec::new();
    let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for duty in duties {
        for name in missing_of(duty) {
            let whom = match &duty.period {
                Some(period) => format!("{} {period}", duty.name),
                None => duty.name.clone(),
            };
            let list = by_name.entry(name.clone()).or_default();
            if list.is_empty() {
                order.push(name);
            }
            list.push(whom);
        }
    }
    let of = |name: &String| {
        let whom = &by_name[name];
        let more = if whom.len() > NAMED_UNITS {
            format!("等{}项", whom.len())
        } else {
            String::new()
        };
        let first: Vec<&str> = whom.iter().take(NAMED_UNITS).map(String::as_str).collect();
        Line::plain(format!("{name}:{}{more}", first.join("、")))
    };
    let mut lines: Vec<Line> = order.iter().take(NAMED_MISSING).map(of).collect();
    if order.len() > NAMED_MISSING {
        let more = order.len() - NAMED_MISSING;
        lines.push(Line::plain(format!("另有{more}种,见明细")));
    }
    lines
}

/// The latest notice of all.
pub(crate) fn notice(duties: &[Duty]) -> Vec<Line> {
    let told = duties
        .iter()
        .filter_map(|duty| Some((duty.notice.as_ref()?, duty)));
    // Of several at one instant the first in the order of the table.
    let latest = told.reduce(|best, one| if one.0.at > best.0.at { one } else { best });
    latest
        .map(|(notice, duty)| Line::plain(format!("{}:{}", duty.name, notice_shown(notice))))
        .into_iter()
        .collect()
}

/// A notice in one line.
pub(crate) fn notice_shown(notice: &crate::export::Notice) -> String {
    format!("{} {}", notice.at.format("%Y-%m-%d %H:%M"), notice.told)
}

/// The newest of what happened to the duties of a row, each with its unit.
fn happened<'a>(duties: &'a [Duty], of: impl Fn(&'a Duty) -> &'a [String]) -> Vec<Line> {
    let mut all: Vec<(&str, &Duty)> = duties
        .iter()
        .flat_map(|duty| of(duty).iter().map(move |what| (what.as_str(), duty)))
        .collect();
    // Each begins with its day.
    all.sort_by(|a, b| b.0.chars().take(10).cmp(a.0.chars().take(10)));
    let count = all.len();
    let mut lines: Vec<Line> = all
        .into_iter()
        .take(NAMED)
        .map(|(what, duty)| Line::plain(format!("{}:{what}", duty.name)))
        .collect();
    if count > NAMED {
        lines.push(Line::plain(format!("另有{}条,见明细", count - NAMED)));
    }
    lines
}

/// Extensions, returns and other dates.
pub(crate) fn changes(duties: &[Duty]) -> Vec<Line> {
    happened(duties, |duty| &duty.changes)
}

/// What must be confirmed, then what was said.
pub(crate) fn remarks(row: &Row) -> Vec<Line> {
    let confirm = row.confirm.iter();
    let confirm = confirm.map(|question| Line::plain(format!("待确认:{question}")));
    confirm
        .chain(happened(&row.duties, |duty| &duty.remarks))
        .collect()
}

/// A unit's part.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Responsible => "责任",
        Role::Lead => "牵头",
        Role::Support => "配合",
    }
}
