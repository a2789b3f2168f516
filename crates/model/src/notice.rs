//! The sorts of notices.

use serde::{Deserialize, Serialize};

/// What sort of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// 催办: before or on the date.
    Reminder,
    /// 督办: after the date.
    Escalation,
    /// One notice for the steps that lay before activation.
    Catchup,
    /// The office is asked to verify a submission.
    Verification,
    /// A submission was sent back.
    Return,
    /// A duty that was struck off is open again.
    Reopened,
    /// 批准延期: another date was granted.
    Extended,
    /// 不批准延期: the date stays.
    ExtensionRefused,
    /// 免办: nothing more is expected.
    Waived,
    /// 停止计时
    Stopped,
    /// 恢复计时
    Resumed,
    /// 重新计时
    Restarted,
    /// The office is reminded that a clock still stands still.
    StillStopped,
    /// 新增责任事项: something arose for which the unit owes this from now on.
    Opened,
    /// 转办: a colleague handed the duty over.
    Delegated,
    /// 不是我们的: the office hears that a unit disowns a duty.
    Disowned,
    /// 汇总: several notices in one message.
    Digest,
}

impl NoticeKind {
    /// Every sort, in the order in which people are told of them.
    pub const ALL: [NoticeKind; 17] = [
        NoticeKind::Reminder,
        NoticeKind::Escalation,
        NoticeKind::Catchup,
        NoticeKind::Verification,
        NoticeKind::Return,
        NoticeKind::Reopened,
        NoticeKind::Opened,
        NoticeKind::Extended,
        NoticeKind::ExtensionRefused,
        NoticeKind::Waived,
        NoticeKind::Stopped,
        NoticeKind::Resumed,
        NoticeKind::Restarted,
        NoticeKind::StillStopped,
        NoticeKind::Delegated,
        NoticeKind::Disowned,
        NoticeKind::Digest,
    ];

    /// Its name in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            NoticeKind::Reminder => "reminder",
            NoticeKind::Escalation => "escalation",
            NoticeKind::Catchup => "catchup",
            NoticeKind::Verification => "verification",
            NoticeKind::Return => "return",
            NoticeKind::Reopened => "reopened",
            NoticeKind::Extended => "extended",
            NoticeKind::ExtensionRefused => "extension_refused",
            NoticeKind::Waived => "waived",
            NoticeKind::Stopped => "stopped",
            NoticeKind::Resumed => "resumed",
            NoticeKind::Restarted => "restarted",
            NoticeKind::StillStopped => "still_stopped",
            NoticeKind::Opened => "opened",
            NoticeKind::Delegated => "delegated",
            NoticeKind::Disowned => "disowned",
            NoticeKind::Digest => "digest",
        }
    }
}
