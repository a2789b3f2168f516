//! The words of a notice: a subject and a plain text, in Chinese with half-width punctuation as
//! the documents of this office use it.

use duban_model::decision::{LedgerNoted, NoticeKind, NoticeRequested};
use duban_model::record::cut;
use duban_model::{Directory, Zone};

use crate::receiver::Receiver;

/// The longest subject, in bytes of UTF-8; mail programs cut longer ones anyway.
const MAX_SUBJECT_BYTES: usize = 180;

/// The longest part of what arose in a subject, in bytes of UTF-8.
const MAX_OCCASION_BYTES: usize = 60;

pub(crate) fn compose(
    request: &NoticeRequested,
    ledger: Option<&LedgerNoted>,
    directory: &Directory,
    receiver: &Receiver,
) -> (String, String) {
    let (title, text) = ledger
        .and_then(|l| l.tasks.get(&request.task))
        .map_or(("", ""), |(title, text)| (title.as_str(), text.as_str()));
    let unit = directory.shown(&request.unit);
    let due = match (request.due_at, request.due) {
        (Some(at), _) => {
            let zone = ledger.map_or(Zone::SHANGHAI, |ledger| ledger.zone);
            let local = at.utc().with_timezone(&zone.0);
            local.format("%Y-%m-%d %H:%M").to_string()
        }
        (None, due) => due.map(|d| d.to_string()).unwrap_or_default(),
    };
    let occasion = request.occasion.as_deref();
    let label = match request.kind {
        NoticeKind::Reminder => "提醒",
        NoticeKind::Escalation => "督办",
        NoticeKind::Catchup => "提醒(补发)",
        NoticeKind::Verification => "待核实",
        NoticeKind::Return => "退回",
        NoticeKind::Reopened => "重新打开",
        NoticeKind::Opened => "新增责任事项",
        NoticeKind::Extended => "延期获批",
        NoticeKind::ExtensionRefused => "延期未获批",
        NoticeKind::Waived => "免办",
        NoticeKind::Stopped => "停止计时",
        NoticeKind::Resumed => "恢复计时",
        NoticeKind::Restarted => "重新计时",
        NoticeKind::StillStopped => "仍停止计时",
    };
    // While a clock stands still there is no date; the one before would mislead.
    let due = match request.kind {
        NoticeKind::Stopped | NoticeKind::StillStopped => "待恢复计时后确定".to_owned(),
        _ => due,
    };
    // A long title of what arose leaves room for the rest.
    let of = occasion.map_or_else(String::new, |of| {
        format!("·{}", cut(of, MAX_OCCASION_BYTES))
    });
    let subject = one_line(&format!(
        "【{label}】{unit}:第{}项 {title}{of}(完成时限{due})",
        request.task
    ));
    let mut lines = vec![
        format!("{}:", receiver.title),
        String::new(),
        format!("{}。", request.reason),
        String::new(),
        format!("台账:{}", ledger.map_or("", |l| l.title.as_str())),
        format!("任务:第{}项 {text}", request.task),
        format!("责任单位:{unit}({})", request.role.chinese()),
        format!("完成时限:{due}"),
    ];
    if let Some(occasion) = occasion {
        lines.insert(5, format!("缘由:{}", one_line(occasion)));
    }
    if !request.missing.is_empty() {
        lines.push(format!("尚缺:{}", request.missing.join("、")));
    }
    if let Some(instead) = &receiver.instead {
        lines.push(format!("说明:{instead}"));
    }
    lines.push(String::new());
    lines.push(format!("事项编号:{}", request.obligation));
    (
        cut(&subject, MAX_SUBJECT_BYTES).to_owned(),
        lines.join("\n"),
    )
}

/// Titles and names come from documents; in a subject line they must not bring line breaks.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
