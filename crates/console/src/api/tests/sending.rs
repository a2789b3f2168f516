//! Sending events: three modes, all or none, and what stands in the inbox afterwards.

use serde_json::{Value, json};

use super::super::event::{BATCH_BYTES, BATCH_EVENTS};
use super::super::mode::{BATCH, EVENT};
use super::{Desk, Heard};

fn event(id: &str, kind: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "https://www.tongliao.example/cms",
        "type": kind,
        "tenant": "tongliao",
        "data": data,
    })
}

fn published(id: &str) -> Value {
    let data = json!({
        "publication": id, "unit": "city-spj", "kind": "政策文件", "title": "通知",
    });
    event(id, "duban.publication.published", data)
}

/// What stands in the inbox: subject and text of each.
async fn inbox(desk: &Desk) -> Vec<(String, Value)> {
    let log = desk.state.log.as_ref().unwrap();
    let head = log.inbox_head().await.unwrap();
    if head == 0 {
        return Vec::new();
    }
    let mut follower = log.follow_inbox(0).await.unwrap();
    let mut all = Vec::new();
    while (all.len() as u64) < head {
        for message in follower.next(100).await.unwrap() {
            let event = serde_json::from_slice(&message.bytes).unwrap();
            all.push((message.subject.unwrap(), event));
        }
    }
    all
}

/// A refusal: its status and code, and place and code of what is wrong.
fn refused(heard: &Heard) -> (u16, String, Vec<(String, String)>) {
    let code = heard.code();
    let errors = heard.json()["errors"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let errors = errors
        .iter()
        .map(|e| (text(&e["pointer"]), text(&e["code"])));
    (heard.status, code, errors.collect())
}

#[tokio::test]
async fn an_event_comes_in_by_each_mode_and_is_in_the_inbox_when_that_is_said() {
    let desk = Desk::open().await;
    let token = desk.bed.token("events:write");
    let one = desk.post(&token, EVENT, &published("1").to_string()).await;
    assert_eq!(one.status, 202, "{one:?}");
    assert_eq!(
        one.json()["taken"],
        json!([{"index": 0, "source": "https://www.tongliao.example/cms", "id": "1", "inbox": 1}])
    );
    let batch = json!([published("2"), published("3")]).to_string();
    let two = desk.post(&token, BATCH, &batch).await;
    assert_eq!(
        (two.status, two.json()["taken"][1]["inbox"].as_u64()),
        (202, Some(3))
    );
    let bearer = format!("authorization: Bearer {token}");
    let binary = [
        bearer.as_str(),
        "content-type: application/json",
        "ce-specversion: 1.0",
        "ce-type: duban.publication.published",
        "ce-source: https://www.tongliao.example/cms",
        "ce-id: %E9%80%9A%E5%8F%91-4",
        "ce-tenant: tongliao",
        "ce-time: 2021-06-28T09:10:00+08:00",
    ];
    let data = published("4")["data"].to_string();
    let heard = desk.ask("POST", "/api/v1/events", &binary, &data).await;
    assert_eq!(
        (heard.status, heard.json()["taken"][0]["id"].as_str()),
        (202, Some("通发-4"))
    );
    let inside = inbox(&desk).await;
    let ids: Vec<&str> = inside
        .iter()
        .map(|(_, e)| e["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["1", "2", "3", "通发-4"]);
    assert!(
        inside
            .iter()
            .all(|(subject, _)| subject == "tongliao.publication.published")
    );
    assert_eq!(inside[3].1["time"], "2021-06-28T01:10:00.000Z");
    // The same again is taken again; that it is a duplicate is recorded behind the door.
    let again = desk.post(&token, EVENT, &published("1").to_string()).await;
    assert_eq!((again.status, inbox(&desk).await.len()), (202, 5));
    let none = desk.post(&token, BATCH, "[]").await;
    assert_eq!(
        (none.status, none.json()["taken"].clone()),
        (202, json!([]))
    );
}

#[tokio::test]
async fn a_batch_is_taken_whole_or_refused_whole_with_the_place_of_each_fault() {
    let desk = Desk::open().await;
    let token = desk.bed.token("events:write");
    let mut unknown = published("3");
    unknown["data"]["colour"] = json!("red");
    let mut late = published("4");
    late["time"] = json!("yesterday");
    let mut bare = published("5");
    bare["data"].as_object_mut().unwrap().remove("title");
    let batch = json!([
        published("1"),
        event("2", "duban.obligation.opened", json!({})),
        unknown,
        late,
        bare,
        {"specversion": "1.0"},
        published("6"),
    ]);
    let heard = desk.post(&token, BATCH, &batch.to_string()).await;
    let fault = |place: &str, code: &str| (place.to_owned(), code.to_owned());
    assert_eq!(
        refused(&heard),
        (
            422,
            "bad-event".to_owned(),
            vec![
                fault("/1/type", "unknown-type"),
                fault("/2/data/colour", "unknown-field"),
                fault("/3/time", "bad-time"),
                fault("/4/data/title", "bad-data"),
                fault("/5/id", "undecodable"),
            ]
        )
    );
    let mut other = published("1");
    other["data"]["title"] = json!("另一个");
    let twins = json!([published("1"), published("2"), other]);
    let heard = desk.post(&token, BATCH, &twins.to_string()).await;
    assert_eq!(
        refused(&heard),
        (409, "same-id".to_owned(), vec![fault("/2/id", "same-id")])
    );
    assert_eq!(inbox(&desk).await, []);
    let same = json!([published("1"), published("1")]).to_string();
    assert_eq!(desk.post(&token, BATCH, &same).await.status, 202);
}

#[tokio::test]
async fn a_token_sends_what_its_scopes_office_and_units_are_for() {
    let desk = Desk::open().await;
    let cms = desk
        .bed
        .token_of("events:write:duban.publication.published", "tongliao", &[]);
    let act = json!({"task": "1", "unit": "city-spj"});
    let accepted = event("9", "duban.task.accepted", act.clone());
    let send = async |token: &str, event: &Value| {
        let heard = desk.post(token, EVENT, &event.to_string()).await;
        if heard.status == 202 {
            (202, String::new())
        } else {
            (heard.status, heard.code())
        }
    };
    let no = |code: &str| (403, code.to_owned());
    assert_eq!(send(&cms, &published("1")).await.0, 202);
    assert_eq!(send(&cms, &accepted).await, no("no-right"));
    let mut elsewhere = published("2");
    elsewhere["tenant"] = json!("elsewhere");
    assert_eq!(send(&cms, &elsewhere).await, no("other-tenant"));
    let unit = desk.bed.token_of("events:write", "tongliao", &["kailu"]);
    assert_eq!(send(&unit, &accepted).await, no("other-unit"));
    let mut own = accepted.clone();
    own["data"]["unit"] = json!("kailu");
    assert_eq!(send(&unit, &own).await.0, 202);
    let everything = json!({"silence": "s", "maintenance": true, "by": "x", "reason": "y",
        "until": "2021-07-01T00:00:00+08:00"});
    assert_eq!(
        send(&unit, &event("s", "duban.silence.set", everything)).await,
        no("other-unit")
    );
    let all = desk.bed.token("events:write");
    let clock = event(
        "c",
        "duban.clock.advanced",
        json!({"to": "2031-01-01T00:00:00Z", "fire": true}),
    );
    assert_eq!(send(&all, &clock).await, no("type-not-taken"));
    let report = json!({"notice": "n", "attempt": 1, "outcome": "delivered", "detail": "250"});
    let report = event("d", "duban.delivery.reported", report);
    assert_eq!(send(&all, &report).await, no("type-not-taken"));
    assert_eq!(
        send(&desk.bed.token("read"), &published("1")).await,
        no("no-right")
    );
    // A person at a browser sends no events, and nor does a page that made the browser do it.
    let session = desk
        .bed
        .signed_in("li", &[crate::access::Role::Office], &[]);
    let cookie = format!("cookie: duban={session}");
    let kind = format!("content-type: {EVENT}");
    let body = published("1").to_string();
    let heard = desk
        .ask("POST", "/api/v1/events", &[&cookie, &kind], &body)
        .await;
    assert_eq!((heard.status, heard.code()), no("no-right"));
    assert_eq!(inbox(&desk).await.len(), 2);
}

#[tokio::test]
async fn what_is_no_event_or_too_much_is_refused_at_the_door() {
    let desk = Desk::open().await;
    let token = desk.bed.token("events:write");
    for (media, body, status, code) in [
        (
            "application/json",
            published("1").to_string(),
            415,
            "wrong-media-type",
        ),
        ("text/plain", "x".to_owned(), 415, "wrong-media-type"),
        (
            "application/cloudevents+json; charset=gbk",
            "{}".to_owned(),
            415,
            "wrong-media-type",
        ),
        (EVENT, "{".to_owned(), 400, "bad-json"),
        (EVENT, String::new(), 400, "bad-json"),
        (EVENT, "[]".to_owned(), 422, "bad-event"),
        (BATCH, "{}".to_owned(), 422, "bad-event"),
        (BATCH, "[1]".to_owned(), 422, "bad-event"),
        (
            EVENT,
            format!("\"{}\"", "x".repeat(600 * 1024)),
            413,
            "too-large",
        ),
        (BATCH, "x".repeat(BATCH_BYTES + 1), 413, "too-large"),
        (
            BATCH,
            format!("[{}]", vec!["{}"; BATCH_EVENTS + 1].join(",")),
            413,
            "too-large",
        ),
    ] {
        let heard = desk.post(&token, media, &body).await;
        let short: String = body.chars().take(40).collect();
        assert_eq!(
            (heard.status, &*heard.code()),
            (status, code),
            "{media} {short}"
        );
    }
    let mut long = published("1");
    long["id"] = json!("通".repeat(51));
    let heard = desk.post(&token, EVENT, &long.to_string()).await;
    let at = vec![("/id".to_owned(), "bad-id".to_owned())];
    assert_eq!(refused(&heard), (422, "bad-event".to_owned(), at));
    let heard = desk
        .ask(
            "POST",
            "/api/v1/events?x=1",
            &[&format!("authorization: Bearer {token}")],
            "",
        )
        .await;
    assert_eq!(heard.status, 400);
    assert_eq!(inbox(&desk).await, []);
}

#[tokio::test]
async fn without_an_inbox_nothing_is_said_to_be_taken() {
    let mut desk = Desk::open().await;
    desk.state.log = None;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    desk.port = listener.local_addr().unwrap().port();
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    tokio::spawn(crate::serve(listener, desk.state.clone(), shutdown));
    let token = desk.bed.token("events:write");
    let heard = desk.post(&token, EVENT, &published("1").to_string()).await;
    assert_eq!(
        (heard.status, heard.code()),
        (503, "unavailable".to_owned())
    );
    assert!(heard.header("retry-after").is_some());
}

#[tokio::test(start_paused = true)]
async fn a_head_that_does_not_come_is_not_waited_for() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let desk = Desk::open().await;
    let mut slow = tokio::net::TcpStream::connect(("127.0.0.1", desk.port))
        .await
        .unwrap();
    slow.write_all(b"POST /api/v1/events HTTP/1.1\r\nhost: t\r\n")
        .await
        .unwrap();
    let begun = tokio::time::Instant::now();
    let mut bytes = Vec::new();
    let most = crate::HEAD_WITHIN * 2;
    let _ = tokio::time::timeout(most, slow.read_to_end(&mut bytes))
        .await
        .expect("an end");
    assert!(begun.elapsed() >= crate::HEAD_WITHIN / 2, "{bytes:?}");
    // Nobody else waited.
    tokio::time::resume();
    let token = desk.bed.token("events:write");
    let heard = desk.post(&token, EVENT, &published("1").to_string()).await;
    assert_eq!(heard.status, 202);
}
