//! Reading: what is found, page by page, by whom, and what is said to whom may not.

use super::super::gate::READS_PER_TOKEN;
use super::{Desk, duty};
use crate::access::{By, Role};
use crate::sample::{day, task};

#[tokio::test]
async fn lists_and_single_things_are_read() {
    let desk = Desk::open().await;
    let token = desk.bed.token("read");
    let ledgers = desk.get("/ledgers", &token).await.json();
    assert_eq!(ledgers["items"][0]["ledger"], "tongliao-2021");
    assert_eq!(ledgers["items"][0]["lights"]["total"], 2);
    assert!(ledgers.get("next").is_none());
    let ledger = desk.get("/ledgers/tongliao-2021", &token).await.json();
    assert_eq!(ledger, ledgers["items"][0]);
    let tasks = desk
        .get("/ledgers/tongliao-2021/tasks", &token)
        .await
        .json();
    assert_eq!(tasks["items"][1]["title"], "公开预算");
    let red = desk.get("/obligations?light=red", &token).await.json();
    assert_eq!(red["items"].as_array().unwrap().len(), 1);
    assert_eq!(red["items"][0]["unit"], "kailu");
    let href = red["items"][0]["href"].as_str().unwrap();
    let one = desk
        .get(href.strip_prefix("/api/v1").unwrap(), &token)
        .await
        .json();
    assert_eq!(one["obligation"], red["items"][0]["obligation"]);
    assert!(one["why"].as_str().unwrap().contains("已过"), "{one}");
    let history = desk
        .get(&format!("{}/history", duty("1", "city-spj")), &token)
        .await;
    assert!(
        history.json()["first"].as_array().unwrap().len() >= 2,
        "{history:?}"
    );
    let notices = desk.get("/notices?unit=city-spj", &token).await.json();
    assert_eq!(notices["items"].as_array().unwrap().len(), 1);
    assert_eq!(notices["items"][0]["fate"], "queued");
    let id = notices["items"][0]["notice"].as_str().unwrap();
    let notice = desk.get(&format!("/notices/{id}"), &token).await.json();
    assert_eq!(notice, notices["items"][0]);
    let of = notice["obligation"].as_str().unwrap().replace('/', "%2F");
    let same = desk.get(&format!("/notices?obligation={of}"), &token).await;
    assert_eq!(same.json()["items"][0], notice);
    let units = desk.get("/units?limit=1", &token).await.json();
    assert_eq!(units["items"].as_array().unwrap().len(), 1);
    let rejections = desk.get("/rejections", &token).await.json();
    assert_eq!(rejections["items"], serde_json::json!([]));
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let desk = Desk::open().await;
    let token = desk.bed.token("read");
    for (query, found) in [
        ("", 2),
        ("?ledger=tongliao-2021", 2),
        ("?ledger=elsewhere", 0),
        ("?task=1", 1),
        ("?unit=kailu", 1),
        ("?unit=nobody", 0),
        ("?state=open", 2),
        ("?state=fulfilled", 0),
        ("?light=green&unit=city-spj", 1),
        ("?due_to=2021-07-28", 1),
        ("?due_from=2021-07-29", 1),
        ("?due_from=2021-07-28&due_to=2021-08-07", 2),
        ("?limit=1", 1),
    ] {
        let heard = desk.get(&format!("/obligations{query}"), &token).await;
        let items = heard.json()["items"].as_array().unwrap().len();
        assert_eq!(items, found, "{query}");
    }
    for query in [
        "?light=purple",
        "?state=",
        "?due_from=2021-7-1",
        "?due_from=2021-02-30",
        "?limit=0",
        "?limit=201",
        "?limit=+5",
        "?limit=5&limit=6",
        "?cursor=x",
        "?colour=red",
        "?unit=%ff",
        "?unit=%2",
    ] {
        let heard = desk.get(&format!("/obligations{query}"), &token).await;
        assert_eq!(heard.status, 400, "{query}");
        assert_eq!(heard.code(), "bad-request", "{query}");
    }
}

#[tokio::test]
async fn pages_lose_and_repeat_nothing_while_the_log_goes_on() {
    let desk = Desk::with(|sample| {
        let tasks = (1..=30).map(|n| task(n, "一行")).collect();
        sample.adopt_tasks("台账", tasks);
        for n in 3..=30u32 {
            let id = sample.open(&n.to_string(), "city-spj", Some(day(u64::from(n))));
            let notice = sample.requested(&id, "due");
            sample.queued(&id, &notice, "due");
        }
    })
    .await;
    let token = desk.bed.token("read");
    for (list, key, all) in [
        ("/obligations?", "obligation", 30),
        ("/obligations?unit=city-spj&", "obligation", 29),
        ("/notices?", "notice", 30),
        ("/ledgers/tongliao-2021/tasks?", "task", 30),
    ] {
        let mut found: Vec<String> = Vec::new();
        let mut cursor = String::new();
        loop {
            let heard = desk.get(&format!("{list}limit=7{cursor}"), &token).await;
            let page = heard.json();
            for item in page["items"].as_array().unwrap() {
                found.push(item[key].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next"].as_str() else {
                break;
            };
            cursor = format!("&cursor={next}");
        }
        let mut different = found.clone();
        different.sort();
        different.dedup();
        assert_eq!((found.len(), different.len()), (all, all), "{list}");
    }
}

#[tokio::test]
async fn a_unit_sees_its_own_by_token_and_by_session() {
    let desk = Desk::open().await;
    let token = desk.bed.token_of("read", "tongliao", &["city-spj"]);
    let session = desk.bed.signed_in("li", &[Role::Contact], &["city-spj"]);
    let bearer = format!("authorization: Bearer {token}");
    let cookie = format!("cookie: duban={session}");
    for known in [&bearer, &cookie] {
        let get = async |path: &str| {
            let path = format!("/api/v1{path}");
            desk.ask("GET", &path, &[known], "").await
        };
        let mine = get("/obligations").await.json();
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
        assert_eq!(mine["items"][0]["unit"], "city-spj");
        assert_eq!(
            get("/ledgers").await.json()["items"][0]["lights"]["total"],
            1
        );
        let tasks = get("/ledgers/tongliao-2021/tasks").await.json();
        assert_eq!(tasks["items"].as_array().unwrap().len(), 1);
        assert_eq!(get(&duty("1", "city-spj")).await.status, 200);
        for foreign in ["", "/history", "/explanation"] {
            let path = format!("{}{foreign}", duty("2", "kailu"));
            let heard = get(&path).await;
            assert_eq!((heard.status, heard.code()), (404, "not-found".to_owned()));
        }
        let notices = get("/notices").await.json();
        assert_eq!(notices["items"].as_array().unwrap().len(), 1);
        assert_eq!(
            get("/notices?unit=kailu").await.json()["items"],
            serde_json::json!([])
        );
        let units = get("/units").await.json();
        assert_eq!(units["items"].as_array().unwrap().len(), 1);
        let refused = get("/rejections").await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "no-right".to_owned())
        );
    }
    // An office of the same installation with a unit of the same id.
    let elsewhere = desk.bed.token_of("read", "elsewhere", &[]);
    let nothing = desk.get("/obligations", &elsewhere).await.json();
    assert_eq!(nothing["items"], serde_json::json!([]));
    assert_eq!(
        desk.get("/ledgers/tongliao-2021", &elsewhere).await.status,
        404
    );
}

#[tokio::test]
async fn whoever_has_no_token_or_an_ended_one_is_told_so() {
    let desk = Desk::open().await;
    let heard = desk.ask("GET", "/api/v1/ledgers", &[], "").await;
    assert_eq!((heard.status, heard.code()), (401, "no-token".to_owned()));
    assert_eq!(heard.header("www-authenticate"), Some("Bearer"));
    let token = desk.bed.token("read");
    assert_eq!(desk.get("/ledgers", &token).await.status, 200);
    let id = token.split('_').nth(1).unwrap();
    let ended = desk.bed.accounts().end_token(&By::command("test"), id);
    ended.unwrap();
    let heard = desk.get("/ledgers", &token).await;
    assert_eq!((heard.status, heard.code()), (401, "bad-token".to_owned()));
    for wrong in [
        "authorization: Basic YTpi",
        "authorization: Bearer",
        "authorization: x",
    ] {
        let heard = desk.ask("GET", "/api/v1/ledgers", &[wrong], "").await;
        assert_eq!((heard.status, heard.code()), (401, "bad-token".to_owned()));
    }
    let sender = desk.bed.token("events:write");
    let heard = desk.get("/ledgers", &sender).await;
    assert_eq!((heard.status, heard.code()), (403, "no-right".to_owned()));
}

#[tokio::test]
async fn a_client_that_has_the_answer_is_not_told_again() {
    let desk = Desk::open().await;
    let token = desk.bed.token("read");
    let bearer = format!("authorization: Bearer {token}");
    let first = desk.get("/obligations", &token).await;
    let tag = first.header("etag").unwrap().to_owned();
    let with = async |header: String| {
        let headers = [bearer.as_str(), header.as_str()];
        desk.ask("GET", "/api/v1/obligations", &headers, "").await
    };
    let again = with(format!("if-none-match: \"x\", W/{tag}")).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(again.header("etag"), Some(tag.as_str()));
    assert_eq!(with("if-none-match: \"x\"".to_owned()).await.status, 200);
    assert_eq!(with(format!("if-match: {tag}")).await.status, 200);
    let other = with("if-match: \"x\"".to_owned()).await;
    assert_eq!((other.status, other.code()), (412, "changed".to_owned()));
    // Another question, another viewer, and another state of the log are other answers.
    let red = desk.get("/obligations?light=red", &token).await;
    assert_ne!(red.header("etag"), Some(tag.as_str()));
    let unit = desk.bed.token_of("read", "tongliao", &["city-spj"]);
    let own = desk.get("/obligations", &unit).await;
    assert_ne!(own.header("etag"), Some(tag.as_str()));
    let mut moved = crate::sample::Sample::full();
    *desk.state.write() = std::mem::take(&mut moved.projection);
    assert_eq!(with(format!("if-none-match: {tag}")).await.status, 200);
}

#[tokio::test]
async fn methods_formats_and_addresses_that_are_none_are_refused_in_words() {
    let desk = Desk::open().await;
    let token = desk.bed.token("read events:write");
    let bearer = format!("authorization: Bearer {token}");
    for (method, path, allowed) in [
        ("DELETE", "/api/v1/ledgers", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v1/obligations", "GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/events", "POST, OPTIONS"),
    ] {
        let heard = desk.ask(method, path, &[&bearer], "").await;
        assert_eq!(heard.code(), "method-not-allowed", "{method} {path}");
        assert_eq!((heard.status, heard.header("allow")), (405, Some(allowed)));
        let options = desk.ask("OPTIONS", path, &[], "").await;
        assert_eq!(
            (options.status, options.header("allow")),
            (204, Some(allowed))
        );
    }
    let head = desk.ask("HEAD", "/api/v1/ledgers", &[&bearer], "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.header("etag").is_some() && head.header("content-length").is_some());
    let html = desk
        .ask(
            "GET",
            "/api/v1/ledgers",
            &[&bearer, "accept: text/html"],
            "",
        )
        .await;
    assert_eq!(
        (html.status, html.code()),
        (406, "not-acceptable".to_owned())
    );
    let nowhere = desk.get("/duties", &token).await;
    assert_eq!(
        (nowhere.status, nowhere.code()),
        (404, "not-found".to_owned())
    );
    let nobody = desk.get("/notices/xyz", &token).await;
    assert_eq!(
        (nobody.status, nobody.code()),
        (404, "not-found".to_owned())
    );
    let odd = desk.get("/ledgers/%ff", &token).await;
    assert_eq!((odd.status, odd.code()), (400, "bad-request".to_owned()));
    let long = format!("x-long: {}", "x".repeat(17_000));
    let heard = desk
        .ask("GET", "/api/v1/ledgers", &[&bearer, &long], "")
        .await;
    assert_eq!((heard.status, heard.code()), (400, "bad-header".to_owned()));
    let twice = desk
        .ask("GET", "/api/v1/ledgers", &[&bearer, &bearer], "")
        .await;
    assert_eq!((twice.status, twice.code()), (400, "bad-header".to_owned()));
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back_and_others_are_not_held_up() {
    let desk = Desk::open().await;
    let token = desk.bed.token("read");
    let request =
        format!("HEAD /api/v1/units HTTP/1.1\r\nhost: t\r\nauthorization: Bearer {token}\r\n\r\n");
    let port = desk.port;
    let ask = move || {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut answer = [0; 4096];
        for _ in 0..READS_PER_TOKEN {
            stream.write_all(request.as_bytes()).unwrap();
            let n = stream.read(&mut answer).unwrap();
            assert!(answer[..n].starts_with(b"HTTP/1.1 200"));
        }
    };
    tokio::task::spawn_blocking(ask).await.unwrap();
    let heard = desk.get("/units", &token).await;
    assert_eq!(
        (heard.status, heard.code()),
        (429, "too-many-requests".to_owned())
    );
    let wait: u64 = heard.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=61).contains(&wait), "{wait}");
    let other = desk.bed.token("read");
    assert_eq!(desk.get("/units", &other).await.status, 200);
}

#[tokio::test]
async fn a_ledger_is_exported_as_far_as_it_is_seen() {
    let desk = Desk::open().await;
    let all = desk.bed.token("read");
    let unit = desk.bed.token_of("read", "tongliao", &["city-spj"]);
    for (ending, media) in [
        ("csv", "text/csv; charset=utf-8"),
        ("ics", "text/calendar; charset=utf-8"),
        (
            "xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
    ] {
        let path = format!("/exports/ledgers/tongliao-2021.{ending}");
        let heard = desk.get(&path, &all).await;
        assert_eq!(
            (heard.status, heard.header("content-type")),
            (200, Some(media))
        );
        assert_eq!(heard.body.lines().count(), 3, "{}", heard.body);
        let own = desk.get(&path, &unit).await;
        assert_eq!(own.body.lines().count(), 2, "{}", own.body);
        assert!(!own.body.contains("公开预算") && !own.body.contains("kailu"));
    }
    for none in [
        "tongliao-2021.pdf",
        "tongliao-2021",
        "elsewhere.csv",
        ".csv",
    ] {
        let heard = desk.get(&format!("/exports/ledgers/{none}"), &all).await;
        assert_eq!(
            (heard.status, heard.code()),
            (404, "not-found".to_owned()),
            "{none}"
        );
    }
}

#[tokio::test]
async fn a_secret_address_gives_dates_and_nothing_else_until_it_is_ended() {
    let desk = Desk::open().await;
    let secret = desk.bed.token_of("calendar", "tongliao", &["city-spj"]);
    let feed = async |secret: &str| {
        let path = format!("/calendar/{secret}.ics");
        desk.ask("GET", &path, &["accept: text/calendar"], "").await
    };
    let heard = feed(&secret).await;
    assert_eq!(
        (heard.status, heard.header("content-type")),
        (200, Some("text/calendar; charset=utf-8"))
    );
    assert!(heard.body.contains("/city-spj/") && !heard.body.contains("kailu"));
    // As a token it opens nothing, and what opens pages is no address of dates.
    for path in ["/ledgers", "/obligations", "/notices", "/rejections"] {
        assert_eq!(desk.get(path, &secret).await.status, 403, "{path}");
    }
    let reader = desk.bed.token("read");
    for wrong in [reader.as_str(), "dbn_00000000_0", "", &secret[..20]] {
        let heard = feed(wrong).await;
        assert_eq!((heard.status, heard.code()), (404, "not-found".to_owned()));
    }
    let id = secret.split('_').nth(1).unwrap();
    let by = By::command("test");
    desk.bed.accounts().end_token(&by, id).unwrap();
    assert_eq!(feed(&secret).await.status, 404);
}
