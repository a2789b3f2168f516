//! The headings that an export adds to a ledger's own, by which an import knows them again.

use crate::text::squeeze;

/// The day that the ledger in force has, whatever the wording says.
pub(crate) const DUE: &str = "时限日期";
/// 46个单位:已销号40、未办结6,其中红灯2
pub(crate) const STATE: &str = "办理情况";
/// 红灯、黄灯、绿灯、完成、灰
pub(crate) const LIGHT: &str = "红黄绿灯";
/// The earliest date of what is open.
pub(crate) const NEXT: &str = "最近到期";
/// What counts.
pub(crate) const EVIDENCE: &str = "佐证";
/// What does not count yet.
pub(crate) const MISSING: &str = "尚缺";
/// The latest notice.
pub(crate) const NOTICE: &str = "最新通知";
/// Extensions and returns.
pub(crate) const CHANGES: &str = "延期和退回";
/// Everything else that was said.
pub(crate) const REMARKS: &str = "督办备注";
/// The duty's id: the mark of the tables that list duties and evidence.
pub(crate) const DUTY: &str = "责任事项编号";

/// The sheet with the ledger.
pub(crate) const TASKS_NAME: &str = "台账";
/// The sheet with a row a duty.
pub(crate) const DUTIES_NAME: &str = "责任事项";
/// The sheet with a row a publication or link that counts.
pub(crate) const EVIDENCE_NAME: &str = "佐证";

/// What an export adds, in its order.
const ADDED: [&str; 9] = [
    DUE, STATE, LIGHT, NEXT, EVIDENCE, MISSING, NOTICE, CHANGES, REMARKS,
];
/// Headings that no other ledger is likely to have together: by them an export is known.
const MARKS: [&str; 3] = [STATE, LIGHT, REMARKS];

/// True for a heading that an export may have added.
pub(crate) fn may_be_added(heading: &str) -> bool {
    ADDED.contains(&squeeze(heading).as_str())
}

/// True if a header with these headings is an export's. Only then are they added ones: a ledger
/// may have a column 佐证 of its own.
pub(crate) fn is_exported<'a>(headings: impl Iterator<Item = &'a str>) -> bool {
    let headings: Vec<String> = headings.map(squeeze).collect();
    MARKS
        .iter()
        .all(|mark| headings.iter().any(|heading| heading == mark))
}

/// True if a header is that of the tables that list duties or evidence.
pub(crate) fn lists_duties<'a>(mut headings: impl Iterator<Item = &'a str>) -> bool {
    headings.any(|heading| squeeze(heading) == DUTY)
}
