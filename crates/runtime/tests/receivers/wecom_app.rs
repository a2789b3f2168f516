//! A WeCom application against a service that gives tokens and takes them back.

use duban_model::fact::Outcome;
use duban_runtime::channel::{Answer, Person, Secret, Way, WecomApp};
use serde_json::json;

use crate::http::{Reply, Request, Server, ok};
use crate::{KEY, SECRET, USER, kept_secret, message, person};

const YES: &str = r#"{"errcode":0,"errmsg":"ok","invaliduser":"","msgid":"1"}"#;

/// The answer to a request for a token.
fn token() -> Reply {
    ok(&format!(
        r#"{{"errcode":0,"errmsg":"ok","access_token":"{SECRET}","expires_in":7200}}"#
    ))
}

fn app(server: &Server) -> Way {
    let secret = Secret::new(KEY);
    Way::WecomApp(WecomApp::new(&server.url(), "corp".to_owned(), 1_000_002, secret).unwrap())
}

/// What became of one send, and what the service was asked.
async fn send(replies: Vec<Reply>) -> (Answer, Vec<Request>) {
    let server = Server::start(replies).await;
    let way = app(&server);
    let answer = way.send(&message(), &person()).await;
    kept_secret("wecom_app", &format!("{answer:?} {way:?}"));
    (answer, server.requests())
}

#[tokio::test]
async fn a_message_goes_to_one_person_and_asks_the_service_to_drop_repeats() {
    let server = Server::start(vec![token(), ok(YES)]).await;
    let way = app(&server);
    for _ in 0..2 {
        let answer = way.send(&message(), &person()).await;
        assert_eq!(answer.outcome, Outcome::Delivered, "{answer:?}");
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 3, "one token serves both");
    assert!(
        requests[0].target.starts_with("/robot/gettoken?"),
        "{:?}",
        requests[0]
    );
    assert_eq!(requests[0].query("corpid").as_deref(), Some("corp"));
    assert_eq!(requests[0].query("corpsecret").as_deref(), Some(KEY));
    assert!(requests[1].target.starts_with("/robot/message/send?"));
    assert_eq!(requests[1].query("access_token").as_deref(), Some(SECRET));
    let body = requests[1].json();
    assert_eq!(body["touser"], USER);
    assert_eq!(body["msgtype"], "text");
    assert_eq!(body["agentid"], 1_000_002);
    assert_eq!(body["enable_duplicate_check"], json!(1));
    assert_eq!(requests[1].body, requests[2].body);
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_once() {
    for code in [42_001, 40_014] {
        let ended = ok(&format!(
            r#"{{"errcode":{code},"errmsg":"access_token expired"}}"#
        ));
        let (answer, requests) = send(vec![token(), ended.clone(), token(), ok(YES)]).await;
        assert_eq!(answer.outcome, Outcome::Delivered, "{answer:?}");
        assert_eq!(requests.len(), 4);
        let (answer, requests) = send(vec![token(), ended.clone(), token(), ended]).await;
        assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");
        assert_eq!(requests.len(), 4, "and no more than once");
    }
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    for (reply, outcome) in [
        (Reply::Close, Outcome::Failed),
        (
            Reply::BreakOff(r#"{"errcode":0,"access_token":"x"}"#.to_owned()),
            Outcome::Failed,
        ),
        (ok(""), Outcome::Failed),
        (ok(r#"{"errcode":0,"errmsg":"ok"}"#), Outcome::Failed),
        (Reply::status(500), Outcome::Failed),
        (Reply::status(504), Outcome::Failed),
        (
            ok(r#"{"errcode":-1,"errmsg":"system busy"}"#),
            Outcome::Failed,
        ),
        (
            ok(r#"{"errcode":40001,"errmsg":"invalid credential"}"#),
            Outcome::Refused,
        ),
        (
            ok(r#"{"errcode":60020,"errmsg":"not allow to access from your ip"}"#),
            Outcome::Refused,
        ),
    ] {
        let shown = format!("{reply:?}");
        let (answer, requests) = send(vec![reply]).await;
        assert_eq!(answer.outcome, outcome, "{shown}: {answer:?}");
        assert_eq!(requests.len(), 1, "{shown}");
    }
}

#[tokio::test]
async fn nothing_but_a_yes_for_this_person_is_success() {
    let among = format!(r#"{{"errcode":0,"errmsg":"ok","invaliduser":"x|{USER}"}}"#);
    let unlicensed = format!(r#"{{"errcode":0,"errmsg":"ok","unlicenseduser":"{USER}"}}"#);
    for (reply, outcome, wait) in [
        (ok(&among), Outcome::Refused, None),
        (ok(&unlicensed), Outcome::Refused, None),
        (
            ok(r#"{"errcode":81013,"errmsg":"all invalid"}"#),
            Outcome::Refused,
            None,
        ),
        (
            ok(r#"{"errcode":45009,"errmsg":"too many"}"#),
            Outcome::Failed,
            Some(60),
        ),
        (
            ok(r#"{"errcode":-1,"errmsg":"system busy"}"#),
            Outcome::Failed,
            None,
        ),
        (ok(""), Outcome::Unknown, None),
        (Reply::status(204), Outcome::Unknown, None),
        (Reply::Close, Outcome::Unknown, None),
        (Reply::BreakOff(YES.to_owned()), Outcome::Unknown, None),
        (
            Reply::status(429).with(YES).header("Retry-After: 5"),
            Outcome::Failed,
            Some(5),
        ),
        (Reply::status(410).with(YES), Outcome::Refused, None),
        (Reply::status(500).with(YES), Outcome::Failed, None),
        (Reply::status(502).with(YES), Outcome::Unknown, None),
    ] {
        let shown = format!("{reply:?}");
        let (answer, _) = send(vec![token(), reply]).await;
        assert_eq!(answer.outcome, outcome, "{shown}: {answer:?}");
        assert_eq!(answer.wait.map(|wait| wait.as_secs()), wait, "{shown}");
    }
}

#[tokio::test]
async fn somebody_without_an_id_here_is_failed_with_the_place_to_mend() {
    let server = Server::start(vec![token()]).await;
    let answer = app(&server).send(&message(), &Person::default()).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert!(answer.detail.contains("unit/office"), "{answer:?}");
    assert!(server.requests().is_empty());
}
