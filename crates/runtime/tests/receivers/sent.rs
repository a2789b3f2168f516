//! What services are sent: each as its own documents describe, and nothing more.

use super::*;

#[tokio::test]
async fn robots_are_sent_what_their_services_document() {
    let sent = |name: &'static str| async move {
        let kind = KINDS.iter().find(|kind| kind.name == name).unwrap();
        let server = Server::start(vec![ok(kind.yes)]).await;
        (kind.make)(&server.url()).send(&message(), &person()).await;
        server.requests().remove(0)
    };
    let text = "政务公开联络员:\n\n距完成时限还有5个工作日。\n\n事项编号:ledger/1@unit";

    let wecom = sent("wecom_robot").await;
    assert_eq!(wecom.query("key").as_deref(), Some(KEY));
    assert_eq!(wecom.method, "POST");
    let json = "content-type: application/json";
    assert!(wecom.headers.iter().any(|h| h == json), "{wecom:?}");
    assert_eq!(
        wecom.json(),
        json!({"msgtype": "markdown", "markdown": {"content": format!("**【提醒】甲局:第1项 公开规划**\n{text}\n<@{USER}>")}})
    );

    let ding = sent("dingtalk_robot").await;
    assert_eq!(ding.query("access_token").as_deref(), Some(KEY));
    let millis: i64 = ding.query("timestamp").unwrap().parse().unwrap();
    let sign = duban_runtime::channel::dingtalk_signature(SECRET, millis);
    assert_eq!(ding.query("sign"), Some(sign));
    assert_eq!(
        ding.json(),
        json!({
            "msgtype": "markdown",
            "markdown": {
                "title": "【提醒】甲局:第1项 公开规划",
                "text": format!("### 【提醒】甲局:第1项 公开规划\n\n{}", text.replace('\n', "\n\n")),
            },
            "at": {"isAtAll": false},
        })
    );

    let feishu = sent("feishu_robot").await;
    assert!(
        feishu.target.ends_with(&format!("/{KEY}")),
        "{}",
        feishu.target
    );
    let body = feishu.json();
    let seconds: i64 = body["timestamp"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        body["sign"],
        duban_runtime::channel::feishu_signature(SECRET, seconds)
    );
    assert_eq!(body["msg_type"], "text");
    assert_eq!(
        body["content"]["text"],
        format!("【提醒】甲局:第1项 公开规划\n\n{text}")
    );
}

#[tokio::test]
async fn a_gateway_is_asked_as_described_and_no_text_leaves_its_place() {
    let server = Server::start(vec![ok(r#"{"result":{"code":"OK"}}"#)]).await;
    let fields = || {
        let pairs = [("mobile", "{phone}"), ("msg", "{text}"), ("sign", "{key}")];
        let pairs = pairs.map(|(name, text)| (name.to_owned(), text.to_owned()));
        pairs.into()
    };
    let mut notice = message();
    notice.text = "甲\"},{\"x\":1&mobile=1 {key}".to_owned();
    let bodies = [
        SmsBody::Json(json!({"mobile": "{phone}", "msg": "{text}", "sign": "{key}"})),
        SmsBody::Form(fields()),
        SmsBody::Query(fields()),
    ];
    for body in bodies {
        let answer = gateway(&server.url(), body);
        let answer = Way::Sms(answer).send(&notice, &person()).await;
        assert_eq!(answer.outcome, Outcome::Delivered, "{answer:?}");
    }
    let text = "[提醒]甲局:第1项 公开规划 甲\"},{\"x\":1&mobile=1 {key}";
    let [json, form, query] = &server.requests()[..] else {
        panic!("three requests");
    };
    assert_eq!(
        json.json(),
        json!({"mobile": PHONE, "msg": text, "sign": SECRET})
    );
    let sent = http::Request {
        target: format!("/?{}", form.body),
        ..form.clone()
    };
    for (request, method) in [(&sent, "POST"), (query, "GET")] {
        assert_eq!(request.method, method);
        assert_eq!(request.query("mobile").as_deref(), Some(PHONE));
        assert_eq!(request.query("msg").as_deref(), Some(text));
        assert_eq!(request.query("sign").as_deref(), Some(SECRET));
    }
    let authorized = format!("authorization: {KEY}");
    assert!(query.headers.contains(&authorized), "{:?}", query.headers);
}

#[test]
fn a_gateway_that_cannot_work_is_refused() {
    let with = |change: fn(&mut SmsRequest, &mut SmsSigns)| {
        let mut request = SmsRequest {
            post: true,
            url: "https://sms.example/".to_owned(),
            headers: [("X-Key".to_owned(), Secret::new(KEY))].into(),
            body: SmsBody::Json(json!({"to": "{phone}", "content": "{text}"})),
            secrets: [].into(),
            text_bytes: 300,
        };
        let mut signs = SmsSigns {
            statuses: vec![200],
            yes: SmsField {
                pointer: "/code".to_owned(),
                values: vec!["0".to_owned()],
            },
            refused: vec![],
            busy: vec![],
            busy_seconds: 60,
        };
        change(&mut request, &mut signs);
        Sms::new(request, signs).map(|_| ())
    };
    assert_eq!(with(|_, _| ()), Ok(()));
    for (change, says) in [
        (
            (|r, _| r.url = "http://sms.example/".to_owned()) as fn(&mut SmsRequest, &mut SmsSigns),
            "https",
        ),
        (
            |r, _| r.body = SmsBody::Json(json!({"to": "{phone}"})),
            "{text}",
        ),
        (
            |r, _| r.body = SmsBody::Json(json!({"to": "{phone}{text}{phon}"})),
            "{phon}",
        ),
        (|r, _| r.post = false, "get with a body"),
        (|r, _| r.text_bytes = 10, "text_bytes 10"),
        (|_, s| s.statuses = vec![], "no sign of success"),
        (|_, s| s.statuses = vec![500], "not 2xx"),
        (|_, s| s.yes.values = vec![], "no sign of success"),
    ] {
        let why = with(change).unwrap_err();
        assert!(why.contains(says), "{why}");
        kept_secret("a refusal", &why);
    }
}
