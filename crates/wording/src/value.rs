//! What a template may name: each value by an English and a Chinese name, what it is, and one value
//! to try a template with.

use std::sync::Arc;

use duban_model::decision::NoticeKind;
use duban_model::definition::Language;
use minijinja::Value;
use minijinja::value::Object;

use crate::builtin;

/// The values of one notice, ready to be put into words. What does not apply is empty, and a template
/// can ask for it: `{% if missing %}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// 提醒, 督办 …: the sort of notice.
    pub label: String,
    /// The ledger's title.
    pub ledger: String,
    /// The row's number.
    pub task: String,
    /// The row's short title.
    pub title: String,
    /// The row's text.
    pub text: String,
    /// Who owes, by its short name.
    pub unit: String,
    /// As what: 责任, 牵头, 配合.
    pub role: String,
    /// The date in force, in the ledger's zone.
    pub due: String,
    /// Who is told.
    pub contact: String,
    /// Why, in one sentence without its full stop.
    pub reason: String,
    /// What is missing, by requirement; empty if nothing.
    pub missing: String,
    /// What the duty was opened for; empty for a row of the ledger.
    pub occasion: String,
    /// Why somebody else is told than the one asked for; mostly empty.
    pub instead: String,
    /// The duty's id.
    pub obligation: String,
    /// Of a digest: how many notices it stands for; else empty.
    pub count: String,
    /// Of a digest: one numbered line a notice; else empty.
    pub list: String,
}

/// One name that a template may use.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    /// As written in English.
    pub english: &'static str,
    /// As written in Chinese.
    pub chinese: &'static str,
    /// What it is, in Chinese.
    pub meaning: &'static str,
    get: fn(&Values) -> &str,
}

/// Every name that a template may use, in the order of the guide.
pub const NAMES: &[Name] = &[
    Name {
        english: "label",
        chinese: "类别",
        meaning: "通知的类别,如提醒、督办",
        get: |v| &v.label,
    },
    Name {
        english: "ledger",
        chinese: "台账",
        meaning: "台账名称",
        get: |v| &v.ledger,
    },
    Name {
        english: "task",
        chinese: "任务号",
        meaning: "任务序号",
        get: |v| &v.task,
    },
    Name {
        english: "title",
        chinese: "任务",
        meaning: "任务的简短名称",
        get: |v| &v.title,
    },
    Name {
        english: "text",
        chinese: "任务内容",
        meaning: "任务全文",
        get: |v| &v.text,
    },
    Name {
        english: "unit",
        chinese: "单位",
        meaning: "责任单位简称",
        get: |v| &v.unit,
    },
    Name {
        english: "role",
        chinese: "角色",
        meaning: "责任、牵头或配合",
        get: |v| &v.role,
    },
    Name {
        english: "due",
        chinese: "时限",
        meaning: "现行完成时限",
        get: |v| &v.due,
    },
    Name {
        english: "contact",
        chinese: "收件人",
        meaning: "收件人称谓",
        get: |v| &v.contact,
    },
    Name {
        english: "reason",
        chinese: "事由",
        meaning: "为什么通知,一句话,不带句号",
        get: |v| &v.reason,
    },
    Name {
        english: "missing",
        chinese: "尚缺",
        meaning: "尚缺的佐证,没有则为空",
        get: |v| &v.missing,
    },
    Name {
        english: "occasion",
        chinese: "缘由",
        meaning: "因何事而起,台账任务为空",
        get: |v| &v.occasion,
    },
    Name {
        english: "instead",
        chinese: "说明",
        meaning: "改为通知他人的原因,通常为空",
        get: |v| &v.instead,
    },
    Name {
        english: "obligation",
        chinese: "事项编号",
        meaning: "责任事项编号",
        get: |v| &v.obligation,
    },
    Name {
        english: "count",
        chinese: "件数",
        meaning: "汇总通知中的件数,其他通知为空",
        get: |v| &v.count,
    },
    Name {
        english: "list",
        chinese: "清单",
        meaning: "汇总通知的清单,一件一行,其他通知为空",
        get: |v| &v.list,
    },
];

impl Object for Values {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let key = key.as_str()?;
        let mut names = NAMES.iter();
        let name = names.find(|name| name.english == key || name.chinese == key)?;
        Some(Value::from((name.get)(self)))
    }
}

impl Values {
    /// The same for a duty with another date: reason and date of a sort of notice.
    #[must_use]
    pub fn dated(mut self, kind: NoticeKind, language: Language, due: String) -> Values {
        if kind == NoticeKind::Digest {
            return self.digest_of(&due, language);
        }
        builtin::label(kind, language).clone_into(&mut self.label);
        self.reason = builtin::sample_reason(kind, &due, language);
        self.due = match kind {
            NoticeKind::Stopped | NoticeKind::StillStopped => {
                builtin::no_date_yet(language).to_owned()
            }
            _ => due,
        };
        self
    }

    /// Every value under both its names, made when a template asks for it.
    pub(crate) fn named(self) -> Value {
        Value::from_object(self)
    }

    /// Values to try a template of one sort of notice with: with everything there is, or with only
    /// what is always there.
    pub fn sample(kind: NoticeKind, language: Language, whole: bool) -> Values {
        const DUE: &str = "2021-12-31";
        let chinese = language == Language::Chinese;
        let say = |zh: &str, en: &str| if chinese { zh } else { en }.to_owned();
        let only = |text: String| if whole { text } else { String::new() };
        if kind == NoticeKind::Digest {
            let one = Values::sample(NoticeKind::Reminder, language, true);
            return one.digest_of(DUE, language);
        }
        Values {
            label: builtin::label(kind, language).to_owned(),
            ledger: "2021年政务公开工作要点".to_owned(),
            task: "8".to_owned(),
            title: "行政规范性文件集中公开".to_owned(),
            text: "集中统一公开现行有效的行政规范性文件,并建立健全动态更新机制。".to_owned(),
            unit: "市司法局".to_owned(),
            role: say("责任", "responsible"),
            due: DUE.to_owned(),
            contact: "政务公开联络员".to_owned(),
            reason: builtin::sample_reason(kind, DUE, language),
            missing: only("文件目录、清理结果".to_owned()),
            occasion: only("关于“一件事”改革的通知".to_owned()),
            instead: only(say(
                "本单位分管负责人无联系方式",
                "the leader has no address",
            )),
            obligation: "tongliao-2021/8/sfj/responsible".to_owned(),
            count: String::new(),
            list: String::new(),
        }
    }

    /// A digest of two notices about this duty; what belongs to one duty alone is empty.
    fn digest_of(self, due: &str, language: Language) -> Values {
        let kinds = [NoticeKind::Escalation, NoticeKind::Reminder];
        let lines: Vec<String> = (1..)
            .zip(kinds)
            .map(|(number, kind)| {
                let values = self.clone().dated(kind, language, due.to_owned());
                builtin::item(number, &values, false, language)
            })
            .collect();
        Values {
            label: builtin::label(NoticeKind::Digest, language).to_owned(),
            ledger: self.ledger,
            contact: self.contact,
            reason: builtin::counted(&kinds.map(|kind| (kind, 1)), language),
            count: lines.len().to_string(),
            list: lines.join("\n"),
            ..Values::default()
        }
    }
}
