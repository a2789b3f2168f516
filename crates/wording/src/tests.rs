//! What a receiver reads, and what an office is told about its templates.

use super::*;

#[test]
fn a_digest_stays_one_whatever_duty_it_is_shown_for() {
    let language = Language::Chinese;
    let due = "2021-12-31".to_owned();
    let values = Values::sample(NoticeKind::Reminder, language, true);
    let values = values.dated(NoticeKind::Digest, language, due);
    let words = Wording::new(language, &BTreeMap::new()).words(NoticeKind::Digest, values);
    assert!(
        words.subject.starts_with("【汇总】2项"),
        "{}",
        words.subject
    );
    assert!(words.text.contains("\n2. 【提醒】第8项"), "{}", words.text);
}

fn words(language: Language, whole: bool) -> Words {
    Wording::new(language, &BTreeMap::new()).words(
        NoticeKind::Reminder,
        Values::sample(NoticeKind::Reminder, language, whole),
    )
}

#[test]
fn the_texts_that_come_along_say_everything_there_is_and_nothing_there_is_not() {
    let whole = words(Language::Chinese, true);
    assert_eq!(
        whole.subject,
        "【提醒】市司法局:第8项 行政规范性文件集中公开·关于“一件事”改革的通知(完成时限2021-12-31)"
    );
    assert_eq!(
        whole.text,
        "政务公开联络员:\n\n距完成时限2021-12-31还有15个工作日,尚未销号。\n\n台账:2021年政务公开工作要点\n\
         缘由:关于“一件事”改革的通知\n\
         任务:第8项 集中统一公开现行有效的行政规范性文件,并建立健全动态更新机制。\n\
         责任单位:市司法局(责任)\n完成时限:2021-12-31\n尚缺:文件目录、清理结果\n\
         说明:本单位分管负责人无联系方式\n\n事项编号:tongliao-2021/8/sfj/responsible"
    );
    let bare = words(Language::Chinese, false);
    assert_eq!(
        bare.text,
        "政务公开联络员:\n\n距完成时限2021-12-31还有15个工作日,尚未销号。\n\n台账:2021年政务公开工作要点\n\
         任务:第8项 集中统一公开现行有效的行政规范性文件,并建立健全动态更新机制。\n\
         责任单位:市司法局(责任)\n完成时限:2021-12-31\n\n\
         事项编号:tongliao-2021/8/sfj/responsible"
    );
    let english = words(Language::English, false);
    assert!(
        english.subject.starts_with("[Reminder] 市司法局: task 8 "),
        "{english:?}"
    );
    assert!(
        english.text.contains("\nDue: 2021-12-31\n\nId: "),
        "{english:?}"
    );
    for language in [Language::Chinese, Language::English] {
        let builtin = builtin::texts(language);
        assert_eq!(
            check(
                NoticeKind::Reminder,
                Part::Subject,
                builtin.subject,
                language
            ),
            []
        );
        assert_eq!(
            check(NoticeKind::Reminder, Part::Text, builtin.text, language),
            []
        );
    }
}

#[test]
fn an_office_words_one_sort_of_notice_with_chinese_names_and_keeps_the_rest() {
    let own = BTreeMap::from([(
        NoticeKind::Escalation,
        NoticeText {
            subject: Some("请{{ 单位 }}速办第{{ 任务号 }}项".to_owned()),
            text: None,
        },
    )]);
    let wording = Wording::new(Language::Chinese, &own);
    let values = Values::sample(NoticeKind::Reminder, Language::Chinese, false);
    let escalation = wording.words(NoticeKind::Escalation, values.clone());
    assert_eq!(escalation.subject, "请市司法局速办第8项");
    assert_eq!(escalation.text, words(Language::Chinese, false).text);
    let reminder = wording.words(NoticeKind::Reminder, values.clone());
    assert_eq!(reminder, words(Language::Chinese, false));
}

#[test]
fn a_title_brings_neither_a_second_line_nor_a_template_nor_half_a_character() {
    let mut values = Values::sample(NoticeKind::Reminder, Language::Chinese, true);
    values.title = format!(
        "甲\r\nBcc: x@example.com {{{{ unit }}}} {}",
        "公".repeat(200)
    );
    let words = Wording::new(Language::Chinese, &BTreeMap::new())
        .words(NoticeKind::Reminder, values.clone());
    assert!(!words.subject.contains(['\r', '\n']), "{words:?}");
    assert!(words.subject.contains("{{ unit }}"), "{words:?}");
    assert!(words.subject.len() <= MAX_SUBJECT_BYTES, "{words:?}");
}

#[test]
fn a_text_that_fails_when_it_matters_gives_way_and_the_notice_is_sent() {
    let own = BTreeMap::from([(
        NoticeKind::Reminder,
        NoticeText {
            subject: Some("{{ 单位 ".to_owned()),
            text: Some("{{ no_such_name }}".to_owned()),
        },
    )]);
    let values = Values::sample(NoticeKind::Reminder, Language::Chinese, false);
    let got = Wording::new(Language::Chinese, &own).words(NoticeKind::Reminder, values.clone());
    assert_eq!(got, words(Language::Chinese, false));
}

#[test]
fn what_is_wrong_with_a_template_is_told_at_its_place() {
    let faults = |text: &str| check(NoticeKind::Reminder, Part::Text, text, Language::Chinese);
    let at = |text: &str| match faults(text).first() {
        Some(
            Fault::Syntax { offset, .. }
            | Fault::Unknown { offset, .. }
            | Fault::Fails { offset, .. },
        ) => text.chars().skip(*offset).take(6).collect::<String>(),
        other => format!("{other:?}"),
    };
    assert_eq!(at("请{{ 单位 }}办理{{ 完成时限 }}"), "完成时限 }");
    assert_eq!(at("{{ unit }}{% if 尚缺 %}缺{{ 尚缺 }}"), "}}");
    assert_eq!(at("{{ unit | no_such }} {{ reason }}"), "no_suc");
    assert_eq!(
        faults("{{ unit }}未办{{ task }}"),
        [Fault::Silent(&["reason"])]
    );
    assert_eq!(faults(&"长".repeat(4_000)), [Fault::TooLong(12_000)]);
    let endless =
        "{% for i in range(9999) %}{% for j in range(9999) %}{{ unit }}{% endfor %}{% endfor %}";
    assert!(
        matches!(&faults(endless)[..], [Fault::Fails { what, .. }] if what == "it runs for too long"),
        "{:?}",
        faults(endless)
    );
}

#[test]
fn english_says_what_a_step_means_and_quotes_what_people_wrote() {
    let say = |kind, step| reason(kind, step, "报送被退回:缺附件", Language::English);
    assert_eq!(
        say(NoticeKind::Reminder, "before:1wd"),
        "1 working day remains until the due date"
    );
    assert_eq!(
        say(NoticeKind::Escalation, "overdue:36h"),
        "This duty has been overdue for 36 hours"
    );
    assert_eq!(
        say(NoticeKind::Return, "return"),
        "Returned (on record: 报送被退回:缺附件)"
    );
}
