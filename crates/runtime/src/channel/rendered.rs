//! A notice as a channel would send it, for people who look at it before anybody gets it.

use duban_model::Message;
use duban_model::directory::Channel;

use super::mail_html::html;
use super::text::{Style, Written};
use super::{
    Person, compose_mail, dingtalk_robot, feishu_robot, sms, webhook, wecom_app, wecom_robot,
};

/// A notice as it would leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// What is sent: the text of a chat or short message, the body of a webhook, a whole mail.
    pub content: String,
    /// How large it is, in bytes as the service counts them.
    pub bytes: usize,
    /// The most it may have, in bytes; a mail has no limit here.
    pub limit: Option<usize>,
    /// It was too long, and says so.
    pub cut: bool,
}

/// A notice on a channel. `person` is who is mentioned, `sms_bytes` the longest short message and
/// `from` the sender of mail.
///
/// # Errors
/// A mail without an address, or from one that is none.
pub fn rendered(
    channel: Channel,
    message: &Message,
    person: &Person,
    (sms_bytes, from): (usize, &str),
) -> Result<Rendered, String> {
    let styled = |style: &Style, written: Written| Rendered {
        bytes: (style.measure)(&written.text),
        limit: Some(style.limit),
        content: written.text,
        cut: written.cut,
    };
    Ok(match channel {
        Channel::Mail => {
            let mail = compose_mail(message, from)?.formatted();
            Rendered {
                bytes: mail.len(),
                limit: None,
                content: String::from_utf8_lossy(&mail).into_owned(),
                cut: false,
            }
        }
        Channel::Webhook => {
            let content = webhook::body(message);
            Rendered {
                bytes: content.len(),
                limit: Some(webhook::BODY_BYTES),
                cut: content.contains("\"cut\":true"),
                content,
            }
        }
        Channel::WecomRobot => styled(&wecom_robot::STYLE, wecom_robot::text(message, person)),
        Channel::DingtalkRobot => styled(
            &dingtalk_robot::STYLE,
            dingtalk_robot::text(message, person),
        ),
        Channel::FeishuRobot => styled(&feishu_robot::STYLE, feishu_robot::text(message, person)),
        Channel::WecomApp => styled(&wecom_app::STYLE, wecom_app::text(message)),
        Channel::Sms => styled(&sms::style(sms_bytes), sms::text(message, sms_bytes)),
    })
}

/// The HTML part of a notice's mail.
pub fn mail_page(message: &Message) -> String {
    html(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::tests::message;
    use crate::channel::{SMS_TEXT_BYTES, Secret};

    const FROM: &str = "督办 <duban@duban.example>";
    /// Those whose texts have a limit of their own, and by how much the label of a repeat is longer.
    const CHATS: [Channel; 5] = [
        Channel::WecomRobot,
        Channel::DingtalkRobot,
        Channel::FeishuRobot,
        Channel::WecomApp,
        Channel::Sms,
    ];

    fn shown(channel: Channel, message: &Message) -> Rendered {
        let person = Person::default();
        rendered(channel, message, &person, (SMS_TEXT_BYTES, FROM)).unwrap()
    }

    fn of_text(text: &str) -> Message {
        Message {
            text: text.to_owned(),
            ..message()
        }
    }

    #[test]
    fn a_chinese_text_that_just_fits_goes_whole_and_one_sign_more_is_cut() {
        for channel in CHATS {
            let head = shown(channel, &of_text("督")).bytes - "督".len();
            let limit = shown(channel, &of_text("督")).limit.unwrap();
            let signs = (limit - head) / "督".len();
            let whole = shown(channel, &of_text(&"督".repeat(signs)));
            assert!(!whole.cut && whole.bytes <= limit, "{channel:?}");
            assert!(whole.bytes + 3 > limit, "{channel:?}: {}", whole.bytes);
            let over = shown(channel, &of_text(&"督".repeat(signs + 1)));
            assert!(over.cut && over.bytes <= limit, "{channel:?}");
            assert!(over.bytes + 3 > limit, "no room is wasted: {channel:?}");
            assert!(over.content.contains("已截断"), "{}", over.content);
        }
    }

    #[test]
    fn no_sign_that_a_reader_takes_for_one_is_cut_through() {
        // An accent, a variant of a Han character, a family, a flag, a Mongolian variant.
        let signs = [
            "e\u{301}",
            "葛\u{e0100}",
            "👨\u{200d}👩\u{200d}👧",
            "🇨🇳",
            "ᠠ\u{180b}",
        ];
        for channel in CHATS {
            for sign in signs {
                for shift in 0..sign.len() {
                    let text = format!("{}{}", "x".repeat(shift), sign.repeat(9_000));
                    let over = shown(channel, &of_text(&text));
                    assert!(over.cut && over.bytes <= over.limit.unwrap());
                    let (before, _) = over
                        .content
                        .split_once("… (too long")
                        .unwrap_or_else(|| over.content.split_once("……(内容").expect("a note"));
                    let kept = before.trim_end();
                    assert!(kept.ends_with(sign), "{channel:?} {sign}: …{}", kept.len());
                }
            }
        }
    }

    #[test]
    fn the_whole_request_stays_within_what_the_services_take() {
        let person = Person {
            phone: None,
            wecom: Some(Secret::new("w".repeat(64))),
            dingtalk: Some(Secret::new("d".repeat(64))),
            feishu: Some(Secret::new("f".repeat(64))),
        };
        for text in [
            "督".repeat(11_000),
            "\"\\\n".repeat(10_000),
            "&<*_[".repeat(6_000),
        ] {
            let mut long = of_text(&text);
            long.subject = "\"题".repeat(60);
            long.possible_duplicate = true;
            for channel in CHATS {
                let sent = rendered(channel, &long, &person, (SMS_TEXT_BYTES, FROM)).unwrap();
                assert!(sent.cut && sent.bytes <= sent.limit.unwrap(), "{channel:?}");
            }
            let body = dingtalk_robot::body(&long, &person).to_string();
            assert!(body.len() <= 20_000, "{}", body.len());
            let body = webhook::body(&long);
            assert!(body.len() <= webhook::BODY_BYTES && body.contains("\"cut\":true"));
            assert!(body.len() + 4 > webhook::BODY_BYTES, "no room is wasted");
        }
        assert!(!webhook::body(&message()).contains("\"cut\""));
    }

    #[test]
    fn a_link_survives_the_cut_as_it_is() {
        let link = "https://duban.example/a/_x-Y_z_?to=city-spj&sign=-a_b_=";
        let text = format!("{}\n办理:{link}。", "长".repeat(10_000));
        for channel in CHATS {
            let over = shown(channel, &of_text(&text));
            assert!(over.content.contains(link), "{channel:?}: {}", over.content);
            assert!(over.cut && over.bytes <= over.limit.unwrap());
            // Nor is it changed where nothing is cut.
            let whole = shown(channel, &of_text(&format!("请办理:{link}")));
            assert!(
                whole.content.contains(link),
                "{channel:?}: {}",
                whole.content
            );
        }
        let whole: serde_json::Value =
            serde_json::from_str(&webhook::body(&of_text(&text))).unwrap();
        assert!(whole["data"]["text"].as_str().unwrap().ends_with(link));
    }

    #[test]
    fn an_id_too_long_for_the_note_leaves_room_for_the_text() {
        let mut long = of_text(&"督".repeat(500));
        long.obligation = "o".repeat(400);
        for limit in [200, 230, 600] {
            let person = Person::default();
            let sent = rendered(Channel::Sms, &long, &person, (limit, FROM)).unwrap();
            assert!(sent.bytes <= limit && sent.cut);
            assert!(
                sent.content.matches('督').count() > limit / 16,
                "{}",
                sent.content
            );
            assert!(!sent.content.contains('\n'), "{}", sent.content);
        }
    }

    /// Titles come from documents: none of these may mean anything to a service or mail program.
    const HOSTILE: [&str; 12] = [
        "**粗** _斜_ `码` ~~删~~",
        "[点我](https://evil.example)",
        "![图](https://evil.example/x.png)",
        "<at user_id=\"all\"></at>",
        "<@all> <@zhangsan>",
        "<a href=\"https://evil.example\">x</a><script>1</script>",
        "&lt;b&gt;&#60;i&#62;",
        "甲\r\nBcc: evil@evil.example\r\n\r\n正文",
        "# 标题\n> 引\n- 一\n---",
        "=HYPERLINK(\"https://evil.example\")",
        "【银行】您的验证码",
        "右\u{202e}左\u{2066}\u{0}\u{7}\u{1b}[31m",
    ];

    #[test]
    fn nothing_in_a_title_or_name_means_anything_to_a_service() {
        for hostile in HOSTILE {
            let mut notice = message();
            notice.subject = hostile.to_owned();
            notice.text = format!("{hostile}:\n\n任务:{hostile}\n{hostile}");
            notice.contact_title = hostile.to_owned();
            for channel in [Channel::WecomRobot, Channel::DingtalkRobot] {
                let style = if channel == Channel::WecomRobot {
                    &wecom_robot::STYLE
                } else {
                    &dingtalk_robot::STYLE
                };
                let sent = shown(channel, &notice).content;
                let (open, close) = style.subject;
                let title = sent.strip_prefix(open).expect("the subject first");
                let (title, text) = title.split_once(close).expect("its end");
                for part in [title, text] {
                    let marks = ["<", ">", "[", "]", "*", "`", "~~", "&", "\\"];
                    for mark in marks {
                        assert!(!part.contains(mark), "{mark} in {part}");
                    }
                    for line in part.lines() {
                        assert!(!line.starts_with(['#', '-', '=', '+', '|', ' ']), "{line}");
                    }
                }
            }
            for channel in [Channel::FeishuRobot, Channel::WecomApp] {
                let sent = shown(channel, &notice).content;
                assert!(!sent.contains(['<', '>', '[', '&']), "{sent}");
            }
            let sent = shown(Channel::Sms, &notice).content;
            assert!(!sent.contains(['\n', '\r', '【', '】']), "{sent}");
            for channel in CHATS {
                let sent = shown(channel, &notice).content;
                let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!sent.contains(hidden), "{channel:?}: {sent:?}");
            }
            let page = mail_page(&notice);
            for mark in ["<script", "<a ", "<at", "<@", "</at"] {
                assert!(!page.contains(mark), "{mark} in {page}");
            }
        }
    }

    #[test]
    fn no_title_adds_a_header_to_a_mail() {
        let names = |mail: &str| -> Vec<String> {
            let (headers, _) = mail.split_once("\r\n\r\n").expect("headers");
            let first = |line: &str| !line.starts_with([' ', '\t']);
            let lines = headers.split("\r\n").filter(|line| first(line));
            lines
                .map(|line| line.split(':').next().unwrap_or_default().to_owned())
                .collect()
        };
        let plain = shown(Channel::Mail, &message()).content;
        for hostile in HOSTILE
            .into_iter()
            .chain(["x\r\nBcc: evil@evil.example", "\"x\" <e@evil.example>,"])
        {
            let mut notice = message();
            notice.subject = hostile.to_owned();
            notice.contact_title = hostile.to_owned();
            notice.step = hostile.to_owned();
            let mail = shown(Channel::Mail, &notice).content;
            assert_eq!(names(&mail), names(&plain), "{hostile}");
            for line in mail.split("\r\n") {
                assert!(line.len() <= 998, "a line of {} bytes", line.len());
            }
        }
    }

    #[test]
    fn whoever_is_known_is_mentioned_and_nobody_else() {
        let person = Person {
            phone: Some(Secret::new("13800000000")),
            wecom: Some(Secret::new("zhangsan")),
            dingtalk: Some(Secret::new("d1")),
            feishu: Some(Secret::new("ou_1")),
        };
        for (channel, end) in [
            (Channel::WecomRobot, "\n<@zhangsan>"),
            (Channel::DingtalkRobot, "\n\n@d1"),
            (Channel::FeishuRobot, "\n<at user_id=\"ou_1\"></at>"),
        ] {
            for text in ["短".to_owned(), "长".repeat(9_000)] {
                let notice = of_text(&text);
                let sent = rendered(channel, &notice, &person, (SMS_TEXT_BYTES, FROM)).unwrap();
                assert!(sent.content.ends_with(end), "{}", sent.content);
                assert!(!sent.content.contains("13800000000"));
                assert!(!shown(channel, &notice).content.ends_with(end));
            }
        }
        let body = dingtalk_robot::body(&message(), &person);
        assert_eq!(body["at"]["atUserIds"], serde_json::json!(["d1"]));
        let nobody = dingtalk_robot::body(&message(), &Person::default());
        assert_eq!(nobody["at"], serde_json::json!({"isAtAll": false}));
    }
}
