//! The texts that come with the program, where a ledger has none of its own.

use duban_model::decision::NoticeKind;
use duban_model::definition::{Language, Role};
use duban_model::record::cut;

use crate::Values;

/// A subject and a text.
pub(crate) struct Builtin {
    pub subject: &'static str,
    pub text: &'static str,
}

const CHINESE: Builtin = Builtin {
    subject: "{% if list %}【{{ label }}】{{ count }}项责任事项通知({{ reason }}){% else %}【{{ label }}】{{ unit }}:第{{ task }}项 {{ title }}{% if occasion %}·{{ occasion | clip(60) }}{% endif %}(完成时限{{ due }}){% endif %}",
    text: "\
{{ contact }}:

{% if list %}
以下{{ count }}项责任事项需要您了解或办理({{ reason }}),急办在前:

{{ list }}{% else %}
{{ reason }}。

台账:{{ ledger }}
{% if occasion %}
缘由:{{ occasion | line }}
{% endif %}
任务:第{{ task }}项 {{ text }}
责任单位:{{ unit }}({{ role }})
完成时限:{{ due }}
{% if missing %}
尚缺:{{ missing }}
{% endif %}
{% if instead %}
说明:{{ instead }}
{% endif %}

事项编号:{{ obligation }}{% endif %}",
};

const ENGLISH: Builtin = Builtin {
    subject: "{% if list %}[{{ label }}] {{ count }} notices ({{ reason }}){% else %}[{{ label }}] {{ unit }}: task {{ task }} {{ title }}{% if occasion %} · {{ occasion | clip(60) }}{% endif %} (due {{ due }}){% endif %}",
    text: "\
{{ contact }},

{% if list %}
{{ count }} duties need your attention ({{ reason }}), the most pressing first:

{{ list }}{% else %}
{{ reason }}.

Ledger: {{ ledger }}
{% if occasion %}
Occasion: {{ occasion | line }}
{% endif %}
Task {{ task }}: {{ text }}
Unit: {{ unit }} ({{ role }})
Due: {{ due }}
{% if missing %}
Still missing: {{ missing }}
{% endif %}
{% if instead %}
Note: {{ instead }}
{% endif %}

Id: {{ obligation }}{% endif %}",
};

pub(crate) fn texts(language: Language) -> &'static Builtin {
    match language {
        Language::Chinese => &CHINESE,
        Language::English => &ENGLISH,
    }
}

/// What a sort of notice is called.
pub fn label(kind: NoticeKind, language: Language) -> &'static str {
    let (chinese, english) = match kind {
        NoticeKind::Reminder => ("提醒", "Reminder"),
        NoticeKind::Escalation => ("督办", "Escalation"),
        NoticeKind::Catchup => ("提醒(补发)", "Reminder, sent late"),
        NoticeKind::Verification => ("待核实", "To be verified"),
        NoticeKind::Return => ("退回", "Returned"),
        NoticeKind::Reopened => ("重新打开", "Open again"),
        NoticeKind::Opened => ("新增责任事项", "New duty"),
        NoticeKind::Extended => ("延期获批", "Extension granted"),
        NoticeKind::ExtensionRefused => ("延期未获批", "Extension refused"),
        NoticeKind::Waived => ("免办", "Waived"),
        NoticeKind::Stopped => ("停止计时", "Clock stopped"),
        NoticeKind::Resumed => ("恢复计时", "Clock resumed"),
        NoticeKind::Restarted => ("重新计时", "Clock restarted"),
        NoticeKind::StillStopped => ("仍停止计时", "Clock still stopped"),
        NoticeKind::Delegated => ("转办", "Handed over"),
        NoticeKind::Disowned => ("单位提出异议", "Disowned by the unit"),
        NoticeKind::Digest => ("汇总", "Digest"),
    };
    match language {
        Language::Chinese => chinese,
        Language::English => english,
    }
}

/// One line of a digest: what a notice of its own would say, in short.
pub fn item(number: usize, values: &Values, instead: bool, language: Language) -> String {
    let Values {
        label,
        task,
        title,
        unit,
        role,
        due,
        reason,
        missing,
        occasion,
        ..
    } = values;
    let mut line = match language {
        Language::Chinese => format!("{number}. 【{label}】第{task}项 {title}"),
        Language::English => format!("{number}. [{label}] Task {task} {title}"),
    };
    let mut add = |text: &str, zh: [&str; 2], en: [&str; 2]| {
        if !text.is_empty() {
            let [before, after] = if language == Language::Chinese {
                zh
            } else {
                en
            };
            line.extend([before, text, after]);
        }
    };
    add(occasion, ["·", ""], [" · ", ""]);
    add(&format!("{unit},{role}"), ["(", ")"], [" (", ")"]);
    // A reason mostly names the date.
    let due = if reason.contains(due.as_str()) {
        ""
    } else {
        due
    };
    add(due, [",完成时限", ""], [", due ", ""]);
    add(reason, [":", ""], [": ", ""]);
    add(missing, [";尚缺:", ""], ["; still missing: ", ""]);
    let elsewhere = match language {
        _ if !instead => "",
        Language::Chinese => "原收件人未能收到,改为通知您",
        Language::English => "its first receiver could not be reached",
    };
    add(elsewhere, ["(", ")"], [" (", ")"]);
    crate::one_line(&line)
}

/// The same where there is little room, in at most so many bytes if that can be: which task, whose and
/// until when. What is too long is the title, which is cut.
pub fn brief_item(number: usize, values: &Values, bytes: usize, language: Language) -> String {
    let Values {
        label,
        task,
        title,
        unit,
        due,
        ..
    } = values;
    let [before, after] = match language {
        Language::Chinese => [
            format!("{number}. 【{label}】第{task}项 "),
            format!("({unit}){due}"),
        ],
        Language::English => [
            format!("{number}. [{label}] Task {task} "),
            format!(" ({unit}) {due}"),
        ],
    };
    let (before, after) = (crate::one_line(&before), crate::one_line(&after));
    let title = crate::one_line(title);
    let room = bytes.saturating_sub(before.len() + after.len());
    let title = if title.len() <= room {
        title
    } else {
        let kept = cut(&title, room.saturating_sub('…'.len_utf8()));
        format!("{kept}…")
    };
    format!("{before}{title}{after}")
}

/// How many of which sort a digest holds, as its reason: 督办3项、提醒5项.
pub fn counted(kinds: &[(NoticeKind, usize)], language: Language) -> String {
    let counted: Vec<String> = kinds
        .iter()
        .map(|(kind, count)| match language {
            Language::Chinese => format!("{}{count}项", label(*kind, language)),
            Language::English => format!("{}: {count}", label(*kind, language)),
        })
        .collect();
    counted.join(match language {
        Language::Chinese => "、",
        Language::English => ", ",
    })
}

/// What a digest says of those that it has no room for.
pub fn more_items(count: usize, language: Language) -> String {
    match language {
        Language::Chinese => format!("……另有{count}项,见督办系统页面"),
        Language::English => format!("… and {count} more, listed on the pages"),
    }
}

/// As what a unit owes.
pub fn role(role: Role, language: Language) -> &'static str {
    match (language, role) {
        (Language::Chinese, role) => role.chinese(),
        (Language::English, Role::Responsible) => "responsible",
        (Language::English, Role::Lead) => "lead",
        (Language::English, Role::Support) => "support",
    }
}

/// The date of a duty whose clock stands still.
pub fn no_date_yet(language: Language) -> &'static str {
    match language {
        Language::Chinese => "待恢复计时后确定",
        Language::English => "to be set when the clock runs again",
    }
}

/// Why a notice is sent, in the ledger's language. The rules give the reason in Chinese, as it stands
/// on the log; an English notice says what its step means, and quotes the reason where people wrote
/// part of it.
pub fn reason(kind: NoticeKind, step: &str, recorded: &str, language: Language) -> String {
    if language == Language::Chinese {
        return recorded.to_owned();
    }
    match (kind, meaning(step)) {
        (NoticeKind::Reminder | NoticeKind::Escalation, Some(meaning)) => meaning,
        (NoticeKind::Catchup, _) => {
            "This duty was already due to be announced when its ledger came into force".to_owned()
        }
        _ => format!("{} (on record: {recorded})", label(kind, language)),
    }
}

/// A reason such as the rules give for a sort of notice, to try a text with.
pub(crate) fn sample_reason(kind: NoticeKind, due: &str, language: Language) -> String {
    let (step, recorded) = match kind {
        NoticeKind::Reminder => (
            "before:15wd",
            format!("距完成时限{due}还有15个工作日,尚未销号"),
        ),
        NoticeKind::Escalation => (
            "overdue:5wd",
            format!("完成时限{due}已过5个工作日,尚未销号"),
        ),
        NoticeKind::Catchup => (
            "catchup",
            "责任事项于2021-06-28启动,此前应有的提前20个工作日提醒合并为本通知".to_owned(),
        ),
        NoticeKind::Verification => (
            "verify:5wd",
            "责任单位已于2021-09-01报送,超过5个工作日尚未核实".to_owned(),
        ),
        NoticeKind::Return => (
            "return",
            format!("报送被退回:缺少附件;请于{due}前重新报送"),
        ),
        NoticeKind::Reopened => (
            "reopened",
            format!("原已销号:佐证不再齐全;完成时限{due}"),
        ),
        NoticeKind::Digest => ("digest", String::new()),
        NoticeKind::Opened => (
            "opened",
            format!("因新的事项,新增责任事项,完成时限{due}"),
        ),
        NoticeKind::Extended => (
            "extended",
            format!("批准延期(主管部门:汛期):完成时限延至{due}"),
        ),
        NoticeKind::ExtensionRefused => (
            "extension_refused",
            format!("延期申请未获批准(主管部门:理由不足),完成时限仍为{due}"),
        ),
        NoticeKind::Waived => (
            "waived",
            "本事项免办(主管部门:职能已划转),不再催办".to_owned(),
        ),
        NoticeKind::Stopped => (
            "stopped",
            "本事项自2021-09-01起停止计时(主管部门:征求第三方意见),停止期间不催办,恢复后重新确定完成时限"
                .to_owned(),
        ),
        NoticeKind::Resumed => (
            "resumed",
            format!("2021-09-01起停止计时的本事项自2021-09-13恢复计时,完成时限为{due}"),
        ),
        NoticeKind::Restarted => (
            "restarted",
            format!("本事项自2021-09-13起重新计时(申请人补正),完成时限为{due}"),
        ),
        NoticeKind::StillStopped => (
            "stopped:5wd",
            "本事项自2021-09-01起停止计时(征求第三方意见),至今未恢复;如停止的原因已经消除,请恢复计时"
                .to_owned(),
        ),
        NoticeKind::Delegated => (
            "delegated",
            format!("本事项已转由您办理(政务公开联络员:由您科室承办),完成时限{due}"),
        ),
        NoticeKind::Disowned => (
            "disowned",
            "责任单位提出本事项不由其承担(政务公开联络员:职能已划转);请核实后免办或退回,在此之前照常计时、催办"
                .to_owned(),
        ),
    };
    reason(kind, step, &recorded, language)
}

/// What a step of a ladder means, in English.
fn meaning(step: &str) -> Option<String> {
    if step == "due" {
        return Some("This duty is due today".to_owned());
    }
    let (side, span) = step.split_once(':')?;
    let digits = span.len() - span.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = span.split_at(digits);
    let (one, many) = match unit {
        "wd" => ("working day", "working days"),
        "d" => ("day", "days"),
        "h" => ("hour", "hours"),
        _ => return None,
    };
    let (unit, remain) = if number == "1" {
        (one, "remains")
    } else {
        (many, "remain")
    };
    match side {
        "before" => Some(format!("{number} {unit} {remain} until the due date")),
        "overdue" => Some(format!("This duty has been overdue for {number} {unit}")),
        "unsigned" => Some(format!(
            "Nobody has signed for this duty {number} {unit} after it began; please sign for it"
        )),
        _ => None,
    }
}
