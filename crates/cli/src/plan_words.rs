//! What a plan counts and lists, in Chinese: JSON and CSV keep the English keys.

use std::collections::BTreeMap;

use duban_model::LedgerId;
use duban_model::decision::NoticeKind;
use duban_model::definition::{Language, NoticeText};
use duban_rules::RulesState;

/// What is counted and listed, as the clerk reads it: what becomes of an obligation, of its notices,
/// and what is brought into force.
pub(crate) const WORDS: [(&str, &str); 18] = [
    ("opened", "新增事项"),
    ("withdrawn", "撤销事项"),
    ("restored", "恢复事项"),
    ("transferred", "移交事项"),
    ("moved", "改期事项"),
    ("kept", "保留原批准时限的事项"),
    ("fulfilled", "销号事项"),
    ("reopened", "重新打开的事项"),
    ("notices", "仅通知有变的事项"),
    ("notices added", "新增通知"),
    ("notices dropped", "取消通知"),
    ("notices at another time", "改时通知"),
    ("notices already past", "时点已过、不再发出的通知"),
    ("contacts changed", "联络员有变的单位"),
    ("notices worded otherwise", "类通知改了用语"),
    ("calendar", "工作日历"),
    ("directory", "单位名录"),
    ("definition", "台账定义"),
];

/// The Chinese word of what is counted or listed.
pub(crate) fn in_chinese(what: &str) -> &str {
    let found = WORDS.iter().find(|(english, _)| *english == what);
    found.map_or(what, |(_, chinese)| chinese)
}

/// The same where it stands in a column of changes.
pub(crate) fn change_in_chinese(change: &str) -> &str {
    match change {
        "notices" => "通知",
        "kept" => "时限不变",
        "reopened" => "重新打开",
        other => in_chinese(other).trim_end_matches("事项"),
    }
}

/// The language and the own texts of each ledger.
pub(crate) type LedgerWords = BTreeMap<LedgerId, (Language, BTreeMap<NoticeKind, NoticeText>)>;

pub(crate) fn words(state: &RulesState) -> LedgerWords {
    state
        .ledgers()
        .map(|(id, ledger)| {
            let definition = &ledger.definition;
            (
                id.clone(),
                (definition.language, definition.notices.clone()),
            )
        })
        .collect()
}

/// The sorts of notices that some running ledger words otherwise from now on.
pub(crate) fn worded_otherwise(old: &LedgerWords, new: &LedgerWords) -> Vec<&'static str> {
    let differs = |kind: &NoticeKind| {
        new.iter().any(|(id, (language, texts))| {
            old.get(id).is_some_and(|(old_language, old_texts)| {
                old_language != language || old_texts.get(kind) != texts.get(kind)
            })
        })
    };
    let kinds = NoticeKind::ALL.into_iter().filter(differs);
    kinds.map(NoticeKind::as_str).collect()
}
