//! Receivers on this machine that behave badly in every way. Whatever they do, no failure is taken
//! for success, and what cannot be known is called unknown.

mod http;
mod sent;
mod smtp;
mod wecom_app;

use duban_model::directory::Channel;
use duban_model::fact::Outcome;
use duban_model::{Message, Timestamp};
use duban_runtime::channel::{
    Answer, DingtalkRobot, FeishuRobot, Person, Secret, Sms, SmsBody, SmsField, SmsRequest,
    SmsSigns, Way, Webhook, WecomRobot,
};
use http::{Reply, Server, ok};
use serde_json::json;

/// Keys that must never be seen.
const KEY: &str = "a-key-that-nobody-sees";
const SECRET: &str = "SECa-secret-that-nobody-sees";
const WEBHOOK_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PHONE: &str = "13800001234";
const USER: &str = "zhangsan-in-wecom";
/// Longer than any timeout of a channel, in seconds.
const HANGS_SECONDS: u64 = 120;

/// A notice like others.
fn message() -> Message {
    Message {
        tenant: "office".to_owned(),
        notice: "0123456789abcdef".to_owned(),
        attempt: 1,
        possible_duplicate: false,
        channel: Channel::Mail,
        contact: "unit/office".to_owned(),
        address: Some("office@unit.example".to_owned()),
        contact_title: "政务公开联络员".to_owned(),
        owes: true,
        subject: "【提醒】甲局:第1项 公开规划".to_owned(),
        text: "政务公开联络员:\n\n距完成时限还有5个工作日。\n\n事项编号:ledger/1@unit".to_owned(),
        obligation: "ledger/1@unit".to_owned(),
        kind: "reminder".to_owned(),
        step: "before:5wd".to_owned(),
        due: None,
        due_at: None,
        at: Timestamp(1_625_000_000_000),
        answer: None,
    }
}

fn person() -> Person {
    Person {
        phone: Some(Secret::new(PHONE)),
        wecom: Some(Secret::new(USER)),
        dingtalk: None,
        feishu: None,
    }
}

fn gateway(url: &str, body: SmsBody) -> Sms {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let request = SmsRequest {
        post: !matches!(body, SmsBody::Query(_)),
        url: url.to_owned(),
        headers: [("Authorization".to_owned(), Secret::new(KEY))].into(),
        body,
        secrets: [("key".to_owned(), Secret::new(SECRET))].into(),
        text_bytes: 200,
    };
    let signs = SmsSigns {
        statuses: vec![200],
        yes: SmsField {
            pointer: "/result/code".to_owned(),
            values: texts(&["0", "OK"]),
        },
        refused: texts(&["1001"]),
        busy: texts(&["1002"]),
        busy_seconds: 90,
    };
    Sms::new(request, signs).unwrap()
}

fn json_gateway(url: &str) -> Way {
    let body = json!({"key": "{key}", "to": ["{phone}"], "content": "{text}", "ref": "{notice}"});
    Way::Sms(gateway(url, SmsBody::Json(body)))
}

/// A channel over HTTP: how it is made for an address, and what its service says.
struct Kind {
    name: &'static str,
    make: fn(&str) -> Way,
    yes: &'static str,
    /// Bodies that say no inside HTTP 200, with what they mean and for how long.
    no: &'static [(&'static str, Outcome, Option<u64>)],
    /// False where the status alone says yes.
    body_counts: bool,
}

fn secret() -> Secret {
    Secret::new(SECRET)
}

const KINDS: &[Kind] = &[
    Kind {
        name: "webhook",
        make: |url| Way::Webhook(Webhook::new(url, WEBHOOK_SECRET).unwrap()),
        yes: "",
        no: &[],
        body_counts: false,
    },
    Kind {
        name: "wecom_robot",
        make: |url| Way::WecomRobot(WecomRobot::new(url, Secret::new(KEY)).unwrap()),
        yes: r#"{"errcode":0,"errmsg":"ok"}"#,
        no: &[
            (
                r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#,
                Outcome::Failed,
                Some(60),
            ),
            (
                r#"{"errcode":-1,"errmsg":"system busy"}"#,
                Outcome::Failed,
                None,
            ),
            (
                r#"{"errcode":987654,"errmsg":"something new"}"#,
                Outcome::Failed,
                None,
            ),
        ],
        body_counts: true,
    },
    Kind {
        name: "dingtalk_robot",
        make: |url| {
            Way::DingtalkRobot(DingtalkRobot::new(url, Secret::new(KEY), Some(secret())).unwrap())
        },
        yes: r#"{"errcode":0,"errmsg":"ok"}"#,
        no: &[
            (
                r#"{"errcode":310000,"errmsg":"sign not match"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"errcode":300001,"errmsg":"token is not exist"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"errcode":460101,"errmsg":"message too long"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#,
                Outcome::Failed,
                Some(600),
            ),
            (
                r#"{"errcode":-1,"errmsg":"系统繁忙"}"#,
                Outcome::Failed,
                None,
            ),
        ],
        body_counts: true,
    },
    Kind {
        name: "feishu_robot",
        make: |url| {
            Way::FeishuRobot(FeishuRobot::new(url, Secret::new(KEY), Some(secret())).unwrap())
        },
        yes: r#"{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}"#,
        no: &[
            (
                r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"code":9499,"msg":"Bad Request","data":{}}"#,
                Outcome::Refused,
                None,
            ),
            (
                r#"{"code":9499,"msg":"too many request","data":{}}"#,
                Outcome::Failed,
                Some(60),
            ),
            (
                r#"{"code":11232,"msg":"frequency limited"}"#,
                Outcome::Failed,
                Some(60),
            ),
            (
                r#"{"StatusCode":19001,"StatusMessage":"param invalid"}"#,
                Outcome::Refused,
                None,
            ),
        ],
        body_counts: true,
    },
    Kind {
        name: "sms",
        make: json_gateway,
        yes: r#"{"result":{"code":0}}"#,
        no: &[
            (
                r#"{"result":{"code":1001,"words":"no such number"}}"#,
                Outcome::Refused,
                None,
            ),
            (r#"{"result":{"code":"1002"}}"#, Outcome::Failed, Some(90)),
            (r#"{"result":{"code":17}}"#, Outcome::Failed, None),
        ],
        body_counts: true,
    },
];

/// One send to a server that behaves so.
async fn send(kind: &Kind, reply: Reply) -> Answer {
    let server = Server::start(vec![reply]).await;
    let answer = (kind.make)(&server.url()).send(&message(), &person()).await;
    assert!(!server.requests().is_empty(), "{}: nothing came", kind.name);
    kept_secret(kind.name, &answer.detail);
    answer
}

fn kept_secret(what: &str, text: &str) {
    for secret in [KEY, SECRET, WEBHOOK_SECRET, "MfKQ9r8G", PHONE, USER] {
        assert!(!text.contains(secret), "{what}: {text}");
    }
}

fn told(kind: &Kind, reply: &str, answer: &Answer, outcome: Outcome, wait: Option<u64>) {
    assert_eq!(
        answer.outcome, outcome,
        "{} after {reply}: {answer:?}",
        kind.name
    );
    let seconds = answer.wait.map(|wait| wait.as_secs());
    assert_eq!(seconds, wait, "{} after {reply}: {answer:?}", kind.name);
}

#[tokio::test]
async fn status_and_body_must_both_say_yes() {
    for kind in KINDS {
        let answer = send(kind, ok(kind.yes)).await;
        told(kind, "yes", &answer, Outcome::Delivered, None);
        for (body, outcome, wait) in kind.no {
            told(kind, body, &send(kind, ok(body)).await, *outcome, *wait);
        }
        if kind.body_counts {
            for body in [
                "",
                "ok",
                "<html>登录</html>",
                "{}",
                "[0]",
                "null",
                r#"{"errcode":"0","code":"0"}"#,
            ] {
                told(
                    kind,
                    body,
                    &send(kind, ok(body)).await,
                    Outcome::Unknown,
                    None,
                );
            }
            let empty = send(kind, Reply::status(204)).await;
            told(kind, "204", &empty, Outcome::Unknown, None);
        }
    }
}

#[tokio::test]
async fn no_status_but_2xx_is_success_whatever_the_body_says() {
    for kind in KINDS {
        for (status, outcome, wait) in [
            (302, Outcome::Failed, None),
            (400, Outcome::Refused, None),
            (401, Outcome::Refused, None),
            (404, Outcome::Refused, None),
            (408, Outcome::Failed, None),
            (410, Outcome::Refused, None),
            (413, Outcome::Refused, None),
            (429, Outcome::Failed, Some(60)),
            (500, Outcome::Failed, None),
            (502, Outcome::Unknown, None),
            (503, Outcome::Failed, None),
            (504, Outcome::Unknown, None),
        ] {
            for body in [kind.yes, "", "<html>"] {
                let answer = send(kind, Reply::status(status).with(body)).await;
                told(kind, &format!("{status} {body}"), &answer, outcome, wait);
            }
        }
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_both_forms() {
    for kind in KINDS {
        for status in [429, 503] {
            let reply = Reply::status(status).header("Retry-After: 7");
            told(
                kind,
                "seconds",
                &send(kind, reply).await,
                Outcome::Failed,
                Some(7),
            );
            let reply = Reply::status(status)
                .header("Date: Wed, 21 Oct 2015 07:28:00 GMT")
                .header("Retry-After: Wed, 21 Oct 2015 07:29:30 GMT");
            told(
                kind,
                "a date",
                &send(kind, reply).await,
                Outcome::Failed,
                Some(90),
            );
        }
    }
}

#[tokio::test]
async fn what_is_lost_on_the_way_back_is_unknown() {
    for kind in KINDS {
        let lost = send(kind, Reply::Close).await;
        told(kind, "no answer", &lost, Outcome::Unknown, None);
        // What was read so far would say yes.
        let broken = send(kind, Reply::BreakOff(kind.yes.to_owned())).await;
        told(kind, "half an answer", &broken, Outcome::Unknown, None);
    }
}

#[tokio::test]
async fn nobody_there_is_failed_and_nothing_was_delivered() {
    for kind in KINDS {
        let server = Server::start(vec![Reply::Close]).await;
        let url = server.url();
        drop(server);
        http::until_closed(&url).await;
        let answer = (kind.make)(&url).send(&message(), &person()).await;
        told(kind, "a refused connection", &answer, Outcome::Failed, None);
        assert!(answer.down, "{}", kind.name);
        kept_secret(kind.name, &answer.detail);
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up_as_unknown() {
    for kind in KINDS {
        let server = Server::start(vec![Reply::Hang]).await;
        let way = (kind.make)(&server.url());
        let send = tokio::spawn(async move { way.send(&message(), &person()).await });
        server.came(1).await;
        // From here on nothing moves but time.
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(HANGS_SECONDS)).await;
        let answer = send.await.unwrap();
        tokio::time::resume();
        told(kind, "silence", &answer, Outcome::Unknown, None);
    }
}

#[tokio::test]
async fn an_answer_that_comes_too_slowly_to_end_is_given_up_as_unknown() {
    for kind in KINDS {
        for reply in [
            Reply::Stall(String::new()),
            // What was read so far would say yes.
            Reply::Stall(kind.yes.to_owned()),
            Reply::Drip,
        ] {
            let shown = format!("{reply:?}");
            let server = Server::start(vec![reply]).await;
            let way = (kind.make)(&server.url());
            let send = tokio::spawn(async move { way.send(&message(), &person()).await });
            server.came(1).await;
            tokio::time::pause();
            tokio::time::advance(std::time::Duration::from_secs(HANGS_SECONDS)).await;
            let answer = send.await.unwrap();
            tokio::time::resume();
            told(kind, &shown, &answer, Outcome::Unknown, None);
        }
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    for kind in KINDS {
        let answer = send(kind, Reply::Endless(kind.yes.to_owned())).await;
        // Where the status alone says yes, it has.
        let outcome = if kind.body_counts {
            Outcome::Unknown
        } else {
            Outcome::Delivered
        };
        told(kind, "no end", &answer, outcome, None);
        assert!(answer.detail.len() < 1_000, "{}", kind.name);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_keys_and_texts() {
    for kind in KINDS {
        for status in [301, 302, 303, 307, 308] {
            let other = Server::start(vec![ok(kind.yes)]).await;
            let location = format!("Location: {}", other.url());
            let answer = send(kind, Reply::status(status).header(&location)).await;
            told(kind, &location, &answer, Outcome::Failed, None);
            assert!(
                other.requests().is_empty(),
                "{} follows {status}",
                kind.name
            );
        }
    }
}

#[tokio::test]
async fn an_answer_counts_by_what_it_says_and_not_by_its_type() {
    for kind in KINDS {
        let page = ok("<html>请先登录</html>").header("content-type: text/html");
        let answer = send(kind, page).await;
        if kind.body_counts {
            told(kind, "a page", &answer, Outcome::Unknown, None);
        }
        let plain = ok(kind.yes).header("content-type: text/plain");
        told(
            kind,
            "text",
            &send(kind, plain).await,
            Outcome::Delivered,
            None,
        );
    }
}

#[tokio::test]
async fn whoever_speaks_no_tls_is_sent_nothing() {
    for kind in KINDS {
        let server = Server::start(vec![ok(kind.yes)]).await;
        let url = server.url().replace("http://", "https://");
        let answer = (kind.make)(&url).send(&message(), &person()).await;
        told(kind, "no TLS", &answer, Outcome::Failed, None);
        assert!(answer.down, "{}", kind.name);
        assert!(server.requests().is_empty(), "{}", kind.name);
        kept_secret(kind.name, &answer.detail);
    }
}

#[tokio::test]
async fn a_webhook_that_is_gone_is_gone_for_good() {
    for kind in KINDS {
        let answer = send(kind, Reply::status(410)).await;
        assert_eq!(answer.gone, !kind.body_counts, "{}", kind.name);
    }
}

#[tokio::test]
async fn a_server_that_repeats_its_request_does_not_get_keys_into_records() {
    for kind in KINDS {
        let answer = send(kind, Reply::Echo).await;
        if kind.body_counts {
            assert_eq!(answer.outcome, Outcome::Unknown, "{}", kind.name);
        }
    }
}

#[test]
fn debug_output_hides_keys() {
    for kind in KINDS {
        let way = (kind.make)("http://127.0.0.1:1/part-of-the-address");
        kept_secret(kind.name, &format!("{way:?} {way:#?}"));
    }
}
